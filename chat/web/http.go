package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tingxin/chat"
	"tingxin/pg"
)

// Paths of the chat: what the HTTP server of the pages mounts.
const (
	SocketPath = "/ws/widget"
	PathPrefix = "/widget/"
)

const (
	pollTime = 25 * time.Second
	maxBatch = 20
)

// ServeHTTP implements http.Handler for SocketPath and everything under PathPrefix.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if r.URL.Path == SocketPath {
		if r.Method != http.MethodGet {
			s.refuse(w, http.StatusMethodNotAllowed, "only GET")
			return
		}
		s.serveSocket(w, r)
		return
	}
	if r.URL.Path == CallPath {
		s.servePhone(w, r)
		return
	}
	if r.URL.Path == EmbedPath {
		s.serveEmbed(w, r)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, PathPrefix)
	if id, ok := strings.CutPrefix(name, "file/"); ok {
		s.serveFile(w, r, id)
		return
	}
	method := http.MethodPost
	if name == "poll" || name == "site" {
		method = http.MethodGet
	}
	serve := map[string]func(http.ResponseWriter, *http.Request, *site){"session": s.serveSession, "send": s.serveSend, "poll": s.servePoll, "upload": s.serveUpload, "site": s.serveSite,
		"message": s.serveLetter, "ticket": s.serveTicket, "callback": s.serveCallBack, "call": s.serveCall, "export": s.serveExport, "erase": s.serveErase}[name]
	if serve == nil {
		s.refuse(w, http.StatusNotFound, "there is no such thing")
		return
	}
	t, err := s.site(r.Context(), r.URL.Query().Get("site"))
	if errors.Is(err, errNoSite) {
		s.refuse(w, http.StatusNotFound, errNoSite.Error())
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	if !s.cross(w, r, t) {
		return
	}
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != method {
		s.refuse(w, http.StatusMethodNotAllowed, "only "+method)
		return
	}
	serve(w, r, t)
}

// cross lets pages of allowed origins in, and no others.
func (s *Server) cross(w http.ResponseWriter, r *http.Request, t *site) bool {
	origin := r.Header.Get("Origin")
	w.Header().Add("Vary", "Origin")
	if !t.allows(origin, r.Host) {
		s.badOrigin.Add(1)
		s.refuse(w, http.StatusForbidden, "pages of this origin may not use the chat")
		return false
	}
	h := w.Header()
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	if origin != "" {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
	}
	return true
}

// refuse answers with a problem document (RFC 9457).
func (s *Server) refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail}) // the visitor went away
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, errToken), errors.Is(err, errExpired), errors.Is(err, errNoSite):
		s.badToken.Add(1)
		s.refuse(w, http.StatusUnauthorized, err.Error())
	case errors.Is(err, chat.ErrTooLong):
		s.refuse(w, http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, chat.ErrFileType):
		s.refuse(w, http.StatusUnsupportedMediaType, err.Error())
	case errors.Is(err, chat.ErrBad):
		s.refuse(w, http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, chat.ErrState):
		s.refuse(w, http.StatusConflict, "not possible now")
	case errors.Is(err, pg.ErrUnavailable), errors.Is(err, context.Canceled):
		w.Header().Set("Retry-After", "2")
		s.refuse(w, http.StatusServiceUnavailable, "try again in a moment")
	default:
		s.log.Error("request of a visitor failed", "error", err)
		s.refuse(w, http.StatusInternalServerError, "internal")
	}
}

func (s *Server) answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the visitor went away
}

func (s *Server) tooFast(w http.ResponseWriter) {
	s.limited.Add(1)
	w.Header().Set("Retry-After", "10")
	s.refuse(w, http.StatusTooManyRequests, "too fast")
}

// body reads JSON of at most maxFrame bytes.
func (s *Server) body(w http.ResponseWriter, r *http.Request, v any) bool {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFrame))
	if err != nil {
		s.refuse(w, http.StatusRequestEntityTooLarge, "the body is too long")
		return false
	}
	if json.Unmarshal(b, v) != nil {
		s.refuse(w, http.StatusBadRequest, "the body is no proper JSON")
		return false
	}
	return true
}

type sessionAsk struct {
	Token string `json:"token"` // an older one, to stay the same visitor
	User  string `json:"user"`  // the host's id of its user
	Proof string `json:"proof"` // hex(HMAC-SHA256(secret, user))
	JWT   string `json:"jwt"`   // instead of both: signed by the host with HS256
}

// serveSession gives a visitor a token.
func (s *Server) serveSession(w http.ResponseWriter, r *http.Request, t *site) {
	if !s.connects.take(address(r), s.now()) {
		s.tooFast(w)
		return
	}
	var ask sessionAsk
	if !s.body(w, r, &ask) {
		return
	}
	v, err := s.verify(ask.Token, renewLife)
	if err != nil || v.Site != t.id {
		v = newVisitor(t.id)
	}
	name := ""
	if ask.JWT != "" {
		if ask.User, name, err = t.signed(ask.JWT, s.now()); err != nil {
			s.badToken.Add(1)
			s.refuse(w, http.StatusUnauthorized, err.Error())
			return
		}
	} else if ask.User != "" {
		if err := t.proven(ask.User, ask.Proof); err != nil {
			s.badToken.Add(1)
			s.refuse(w, http.StatusUnauthorized, err.Error())
			return
		}
	} else if t.ProofOnly {
		s.refuse(w, http.StatusUnauthorized, "this site wants a signed user")
		return
	}
	if v.User != "" && v.User != ask.User { // signed out, or somebody else at the same browser
		v = newVisitor(t.id)
	}
	v.User, v.Name = ask.User, name
	s.answer(w, map[string]any{"token": s.issue(v), "expires_in": int(tokenLife.Seconds()), "visitor": v.ID})
}

// come reads the token of a request.
func (s *Server) come(w http.ResponseWriter, r *http.Request) *visit {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		s.fail(w, errToken)
		return nil
	}
	v, err := s.enter(r.Context(), token)
	if err != nil {
		s.fail(w, err)
		return nil
	}
	return v
}

type sendBody struct {
	Lang   string            `json:"lang"`
	Name   string            `json:"name"`
	Frames []json.RawMessage `json:"frames"`
}

type frames struct {
	Frames []reply `json:"frames"`
	Stand  string  `json:"stand,omitempty"` // of a poll: what its welcome says, for the next one
}

// serveSend works frames off, for visitors without a WebSocket.
func (s *Server) serveSend(w http.ResponseWriter, r *http.Request, _ *site) {
	v := s.come(w, r)
	if v == nil {
		return
	}
	var in sendBody
	if !s.body(w, r, &in) {
		return
	}
	if len(in.Frames) == 0 || len(in.Frames) > maxBatch {
		s.refuse(w, http.StatusUnprocessableEntity, "between 1 and "+strconv.Itoa(maxBatch)+" frames")
		return
	}
	v.lang, v.name = atMost(in.Lang, 35), cmp.Or(v.who.Name, atMost(in.Name, 200))
	out := frames{Frames: []reply{}}
	var again string // why a message shall come again: those behind it would stand before it
	for _, raw := range in.Frames {
		f, err := readFrame(raw)
		switch {
		case again != "" && err == nil && f.ClientID != "":
			out.Frames = append(out.Frames, failure(again, "a message before it shall come again", f.ClientID, true))
		case err != nil || f.Type == "hello":
			s.badFrames.Add(1)
			out.Frames = append(out.Frames, failure("bad_frame", errFrame.Error(), f.ClientID, false))
		case !s.frames.take(v.who.external(), s.now()):
			s.limited.Add(1)
			again = "slow_down"
			out.Frames = append(out.Frames, failure(again, "too many frames", f.ClientID, true))
		default:
			said := v.do(r.Context(), &f)
			for i := range said {
				if said[i].Type == "error" && said[i].Retry {
					again = said[i].Code
				}
			}
			out.Frames = append(out.Frames, said...)
		}
	}
	s.answer(w, out)
}

// atMost is s, or nothing when it is longer than n bytes: a name that was cut is none.
func atMost(s string, n int) string {
	if len(s) > n {
		return ""
	}
	return s
}

// servePoll waits up to 25 s for something behind "after" and tells it.
func (s *Server) servePoll(w http.ResponseWriter, r *http.Request, _ *site) {
	v := s.come(w, r)
	if v == nil {
		return
	}
	if s.polls.Add(1) > int64(s.cfg.MaxSockets) || !s.connects.take("poll "+v.who.external(), s.now()) {
		s.polls.Add(-1)
		s.tooFast(w)
		return
	}
	defer s.polls.Add(-1)
	after, err := strconv.ParseInt(r.URL.Query().Get("after"), 10, 64)
	if err != nil || after < 0 || v.conv == nil || r.URL.Query().Get("conv") != v.conv.Key || after > v.conv.LastSeq {
		after = 0
	}
	welcome := func() frames { return frames{Frames: []reply{v.status(r.Context(), "welcome")}} }
	if v.conv == nil {
		s.idle(r.Context(), r.URL.Query().Get("wait") == "0")
		_ = v.look(r.Context()) // otherwise what was known is told
		s.answer(w, welcome())
		return
	}
	of := v.conv.ID
	heard := make(chan chat.Notice, maxPending)
	watch := s.chat.Watch(of, func(n chat.Notice) {
		select {
		case heard <- n:
		default: // the rows are read anyway
		}
	})
	defer watch.Close()
	// From here on every change is told; what came before, since the last poll, is seen here.
	if err := v.look(r.Context()); err != nil {
		s.fail(w, err)
		return
	}
	out := welcome()
	if v.conv == nil || v.conv.ID != of { // erased, or a new one: what is in it comes with the next poll
		s.answer(w, out)
		return
	}
	known := r.URL.Query().Get("stand")
	moved := known != "" && known != stand(out.Frames[0])
	ctx, cancel := context.WithTimeout(r.Context(), pollTime)
	defer cancel()
	for {
		page, err := s.chat.Visible(r.Context(), of, after, pageSize)
		if err != nil {
			s.fail(w, err)
			return
		}
		for i := range page {
			out.Frames = append(out.Frames, s.show(&page[i]))
		}
		if len(out.Frames) > 1 || moved || r.URL.Query().Get("wait") == "0" {
			break
		}
		n, ok := s.next(ctx, heard)
		if !ok {
			break
		}
		out.Frames = append(out.Frames, s.aside(r.Context(), v, &n)...)
		if len(out.Frames) > 1 {
			break
		}
	}
	out.Frames[0] = v.status(r.Context(), "welcome")
	out.Stand = stand(out.Frames[0])
	if v.asksRating() {
		out.Frames = append(out.Frames, reply{Type: "ask_rating"})
	}
	s.answer(w, out)
}

// stand is what a welcome says, messages aside, in few letters: who polls sends it back,
// and is answered at once when something has changed between two polls.
func stand(welcome reply) string {
	welcome.Seq = 0
	raw, _ := json.Marshal(welcome) // plain fields
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:8])
}

func (s *Server) next(ctx context.Context, heard chan chat.Notice) (n chat.Notice, ok bool) {
	select {
	case n = <-heard:
		return n, true
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
	return n, false
}

// aside is what a notice means to a visitor beside messages.
func (s *Server) aside(ctx context.Context, v *visit, n *chat.Notice) []reply {
	switch n.Type {
	case chat.Changed:
		if v.look(ctx) == nil && v.conv != nil {
			return []reply{v.status(ctx, "state")}
		}
	case chat.PresenceMoved:
		on := n.On && n.State == "typing"
		return []reply{{Type: "typing", On: &on}}
	case chat.Placed:
		return []reply{placed(n)}
	case chat.Read:
		if n.Author != nil && n.Author.Kind == chat.Agent {
			return []reply{{Type: "read", Seq: n.Seq}}
		}
	}
	return nil
}

// idle waits a little for a visitor without a conversation.
func (s *Server) idle(ctx context.Context, now bool) {
	if now {
		return
	}
	t := time.NewTimer(5 * time.Second)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	case <-s.ctx.Done():
	}
}

// serveUpload keeps a file for a message to come.
func (s *Server) serveUpload(w http.ResponseWriter, r *http.Request, _ *site) {
	v := s.come(w, r)
	if v == nil {
		return
	}
	if !s.uploads.take(v.who.external(), s.now()) || !s.uploads.take("address "+address(r), s.now()) {
		s.tooFast(w)
		return
	}
	switch {
	case v.site.NoFiles:
		s.refuse(w, http.StatusForbidden, errNoFiles.Error())
		return
	case !v.consented(r.Context()):
		s.refuse(w, http.StatusForbidden, errConsent.Error())
		return
	}
	c, err := s.chat.OpenFor(r.Context(), v.person())
	if err != nil {
		s.fail(w, err)
		return
	}
	a, err := s.chat.Keep(r.Context(), c.ID, atMost(r.URL.Query().Get("name"), 500), true, http.MaxBytesReader(w, r.Body, s.chat.MaxFile()+1))
	if err != nil {
		if errors.As(err, new(*http.MaxBytesError)) {
			err = chat.ErrTooLong
		}
		s.fail(w, err)
		return
	}
	s.answer(w, fileOf(a))
}

// leaves is pg.ErrNotFound for files of notes, and of no message yet.
func (s *Server) leaves(ctx context.Context, id chat.MessageID) error {
	m, err := s.chat.Message(ctx, id)
	if err == nil && m.Direction == chat.None {
		err = pg.ErrNotFound
	}
	return err
}

// serveFile gives a visitor a file of the own conversation. Pictures in a page carry
// no headers, so the token is in the address; it is short-lived.
func (s *Server) serveFile(w http.ResponseWriter, r *http.Request, id string) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		s.refuse(w, http.StatusMethodNotAllowed, "only GET")
		return
	}
	who, err := s.verify(r.URL.Query().Get("token"), tokenLife)
	if err != nil {
		s.fail(w, err)
		return
	}
	f, err := s.chat.FileOf(r.Context(), id)
	if err == nil {
		var c chat.Conversation
		if c, err = s.chat.Conversation(r.Context(), f.Conversation); err == nil && (c.Channel != Name || c.Account != who.Site || c.ExternalUser != who.external()) {
			err = pg.ErrNotFound
		}
		if err == nil {
			err = s.leaves(r.Context(), f.Message)
		}
	}
	if errors.Is(err, pg.ErrNotFound) {
		s.refuse(w, http.StatusNotFound, "there is no such file")
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.chat.ServeFile(w, r, f, r.URL.Query().Get("thumb") == "1")
}
