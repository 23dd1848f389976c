package web

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/chat"
	"tingxin/pg"
)

// What visitors do beside writing: leave a letter, ask how a ticket stands, have
// themselves called back, call, see and delete their data. Each is a POST with the
// visitor's token; each is bounded by visitor and by address.

const (
	// CallPath is where a page with a ticket places its call.
	CallPath = "/ws/call"

	maxLetter   = 4000 // characters
	exportTime  = time.Minute
	maxExport   = 64 << 20
	popular     = 5
	addressMore = 4 // an address, behind which there may be several people, may do so many times what one visitor may
)

// act is one thing that a visitor may do so often within per.
type act struct {
	burst int
	per   time.Duration
}

var acts = map[string]act{
	"message":  {5, 10 * time.Minute},
	"ticket":   {10, 10 * time.Minute}, // with a wrong address it is a guess
	"callback": {3, time.Hour},
	"call":     {5, 10 * time.Minute},
	"export":   {3, time.Hour},
	"erase":    {3, time.Hour},
}

func newActs() map[string]*limiter {
	out := map[string]*limiter{}
	for name, a := range acts {
		out[name] = newLimiter(a.burst, a.per)
		out[name+" address"] = newLimiter(a.burst*addressMore, a.per)
	}
	return out
}

// errNotOffered: the site or the house does not do that.
var errNotOffered = errors.New("this is not offered here")

// enterTo is a visitor who wants to do something, with a conversation; nil when the answer was sent.
// consent tells whether the notice must have been accepted.
func (s *Server) enterTo(w http.ResponseWriter, r *http.Request, what string, offered, consent bool) *visit {
	v := s.come(w, r)
	if v == nil {
		return nil
	}
	if !s.acts[what].take(v.who.external(), s.now()) || !s.acts[what+" address"].take(address(r), s.now()) {
		s.tooFast(w)
		return nil
	}
	switch {
	case !offered:
		s.refuse(w, http.StatusNotFound, errNotOffered.Error())
		return nil
	case consent && !v.consented(r.Context()):
		s.refuse(w, http.StatusForbidden, errConsent.Error())
		return nil
	}
	if err := v.begin(r.Context()); err != nil {
		s.fail(w, err)
		return nil
	}
	return v
}

// begin opens a conversation for a visitor who has none.
func (v *visit) begin(ctx context.Context) error {
	if v.conv != nil {
		return nil
	}
	c, err := v.s.chat.OpenFor(ctx, v.person())
	if err == nil {
		v.conv = &c
	}
	return err
}

type letterBody struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Phone string `json:"phone"`
	Text  string `json:"text"`
	Lang  string `json:"lang"`
}

// serveLetter takes a message for when nobody is there.
func (s *Server) serveLetter(w http.ResponseWriter, r *http.Request, t *site) {
	v := s.enterTo(w, r, "message", s.house.Tickets != nil && !t.NoLetters, true)
	if v == nil {
		return
	}
	var b letterBody
	if !s.body(w, r, &b) {
		return
	}
	l := Letter{Name: strings.TrimSpace(b.Name), Email: strings.TrimSpace(b.Email), Phone: strings.TrimSpace(b.Phone), Text: strings.TrimSpace(b.Text), Lang: atMost(b.Lang, 35)}
	switch {
	case l.Text == "" || utf8.RuneCountInString(l.Text) > maxLetter:
		s.refuse(w, http.StatusUnprocessableEntity, "the text has 1 to 4000 characters")
		return
	case len(l.Name) > 200 || len(l.Email) > 320 || len(l.Phone) > 64:
		s.refuse(w, http.StatusUnprocessableEntity, "a name, an e-mail address or a number is too long")
		return
	}
	if _, signed := chat.SignedUser(v.who.external()); !signed && l.Email == "" && l.Phone == "" {
		s.refuse(w, http.StatusUnprocessableEntity, "an e-mail address or a phone number is needed for the answer")
		return
	}
	ref, err := s.house.Tickets.Leave(r.Context(), *v.conv, l)
	if err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, map[string]any{"ref": ref})
}

type ticketBody struct {
	Ref   string `json:"ref"`
	Check string `json:"check"` // e-mail address or phone number
}

// serveTicket tells how a ticket stands.
func (s *Server) serveTicket(w http.ResponseWriter, r *http.Request, t *site) {
	v := s.enterTo(w, r, "ticket", s.house.Tickets != nil && !t.NoTickets, false)
	if v == nil {
		return
	}
	var b ticketBody
	if !s.body(w, r, &b) {
		return
	}
	st, err := s.house.Tickets.Status(r.Context(), *v.conv, atMost(strings.TrimSpace(b.Ref), 40), atMost(strings.TrimSpace(b.Check), 320))
	switch {
	case errors.Is(err, pg.ErrNotFound):
		s.refuse(w, http.StatusNotFound, "there is no ticket of that number and address")
	case err != nil:
		s.fail(w, err)
	default:
		s.answer(w, st)
	}
}

type numberBody struct {
	Number string `json:"number"`
}

// serveCallBack keeps a place in the queue for somebody who wants to be called.
func (s *Server) serveCallBack(w http.ResponseWriter, r *http.Request, t *site) {
	v := s.enterTo(w, r, "callback", s.house.Calls != nil && t.CallBack, true)
	if v == nil {
		return
	}
	var b numberBody
	if !s.body(w, r, &b) {
		return
	}
	if err := s.house.Calls.CallBack(r.Context(), *v.conv, t.Queue, atMost(strings.TrimSpace(b.Number), 64)); err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, map[string]any{"kept": true})
}

// serveCall gives a page the right to one call.
func (s *Server) serveCall(w http.ResponseWriter, r *http.Request, t *site) {
	v := s.enterTo(w, r, "call", s.house.Calls != nil && t.Call != "", true)
	if v == nil {
		return
	}
	if state, err := s.desk(r.Context(), t); err == nil && !state.Open && t.CallHours {
		s.refuse(w, http.StatusConflict, "nobody is there to speak now")
		return
	}
	ticket, err := s.house.Calls.Ticket(r.Context(), *v.conv, t.Call)
	if errors.Is(err, chat.ErrState) {
		w.Header().Set("Retry-After", "60")
		s.refuse(w, http.StatusServiceUnavailable, "all lines are busy")
		return
	}
	if err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, ticket)
}

// servePhone hands the WebSocket of a page over to signalling, which judges the ticket
// in it. The page's origin is judged here, since signalling knows nothing of sites.
func (s *Server) servePhone(w http.ResponseWriter, r *http.Request) {
	t, err := s.site(r.Context(), r.URL.Query().Get("site"))
	if err != nil || s.house.Calls == nil || t.Call == "" {
		s.refuse(w, http.StatusNotFound, errNotOffered.Error())
		return
	}
	if !t.allows(r.Header.Get("Origin"), r.Host) {
		s.badOrigin.Add(1)
		s.refuse(w, http.StatusForbidden, "pages of this origin may not use the chat")
		return
	}
	if !s.connects.take(address(r), s.now()) {
		s.tooFast(w)
		return
	}
	r.Header.Del("Origin")
	s.house.Calls.Phone().ServeHTTP(w, r)
}

// desk is how the people of a site stand; open when nobody tells.
func (s *Server) desk(ctx context.Context, t *site) (Desk, error) {
	if s.house.Home == nil {
		return Desk{Open: true, WaitS: -1}, nil
	}
	return s.house.Home.Desk(ctx, t.Queue)
}

// bounded stops writing when more than left bytes were written.
type bounded struct {
	bytes.Buffer
	left int
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= len(p); b.left < 0 {
		return 0, chat.ErrTooLong
	}
	return b.Buffer.Write(p)
}

// serveExport gives a visitor what is kept of them.
func (s *Server) serveExport(w http.ResponseWriter, r *http.Request, _ *site) {
	v := s.enterTo(w, r, "export", s.house.Privacy != nil, false)
	if v == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), exportTime)
	defer cancel()
	_ = http.NewResponseController(w).SetWriteDeadline(s.now().Add(exportTime + time.Minute)) // not every test's writer can
	out := &bounded{left: maxExport}
	if err := s.house.Privacy.Export(ctx, *v.conv, address(r), out); err != nil {
		s.fail(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="my-data.zip"`)
	_, _ = w.Write(out.Bytes()) // the visitor went away
}

// serveErase has everything of a visitor deleted.
func (s *Server) serveErase(w http.ResponseWriter, r *http.Request, _ *site) {
	v := s.enterTo(w, r, "erase", s.house.Privacy != nil, false)
	if v == nil {
		return
	}
	if v.conv.State != chat.Closed && v.conv.MergedInto == nil { // what is open is not erased
		if err := s.chat.CloseConversation(r.Context(), v.conv.ID, chat.Actor{Kind: chat.Customer}); err != nil && !errors.Is(err, chat.ErrState) {
			s.fail(w, err)
			return
		}
	}
	byHand, err := s.house.Privacy.Erase(r.Context(), *v.conv, address(r))
	if err != nil {
		s.fail(w, err)
		return
	}
	s.answer(w, map[string]any{"by_hand": byHand})
}

// serveSite tells what a page needs before there is a visitor.
func (s *Server) serveSite(w http.ResponseWriter, r *http.Request, t *site) {
	lang := "en"
	if strings.HasPrefix(strings.ToLower(r.URL.Query().Get("lang")), "zh") {
		lang = "zh"
	}
	notice, err := s.notice(r.Context(), t)
	if err != nil {
		s.fail(w, err)
		return
	}
	out := map[string]any{"site": t.id, "notice": notice, "greeting": t.Greeting, "hours": t.Hours, "questions": t.Questions, "color": t.Color, "files": !t.NoFiles, "max_file": s.chat.MaxFile(),
		"title": t.Title, "button": t.Button, "position": cmp.Or(t.Position, "right"), "theme": cmp.Or(t.Theme, "auto"), "proof_only": t.ProofOnly,
		"call": s.house.Calls != nil && t.Call != "", "callback": s.house.Calls != nil && t.CallBack, "letters": s.house.Tickets != nil && !t.NoLetters,
		"tickets": s.house.Tickets != nil && !t.NoTickets, "privacy": s.house.Privacy != nil}
	if s.house.Home != nil {
		out["popular"] = s.house.Home.Popular(lang, popular)
		if d, err := s.desk(r.Context(), t); err == nil { // the chat goes without it
			out["desk"] = d
		}
	}
	s.answer(w, out)
}

// notice is what a visitor of the site must accept: its own, else the house's; nil when there is none.
func (s *Server) notice(ctx context.Context, t *site) (*Notice, error) {
	if t.Notice != nil || s.house.Privacy == nil {
		return t.Notice, nil
	}
	return s.house.Privacy.Notice(ctx)
}

// consented tells whether the notice, if there is one, was accepted. While it cannot be read it was not.
func (v *visit) consented(ctx context.Context) bool {
	n, err := v.s.notice(ctx, v.site)
	return err == nil && accepted(n, v.conv)
}
