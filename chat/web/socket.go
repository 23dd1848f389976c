package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gobwas/ws"

	"tingxin/chat"
)

const (
	helloTime   = 10 * time.Second
	pingEvery   = 25 * time.Second
	silence     = 60 * time.Second // without a sign of life a socket is closed
	writeTime   = 10 * time.Second
	frameTime   = 20 * time.Second // of working one frame off
	maxPending  = 32               // notices that wait to be written; the oldest are dropped
	pageSize    = 100
	maxFragment = 16
)

// socket is one WebSocket of a visitor. Its reading goroutine works frames off;
// what others cause is written by pump, a goroutine that lives only while there
// is something to write.
type socket struct {
	s    *Server
	conn net.Conn
	addr string // of the visitor, for limits

	seen   atomic.Int64 // Unix seconds of the last sign of life
	pinged int64        // owned by tend: Unix seconds of the last ping

	write sync.Mutex // one frame at a time

	mu      sync.Mutex
	v       *visit        // guarded by mu: replaced, never changed, once hello is through
	sent    int64         // guarded by mu: seq up to which messages have been written
	watch   *chat.Watcher // guarded by mu
	conv    chat.ID       // guarded by mu: which one is watched
	fresh   bool          // guarded by mu: there may be messages behind sent
	changed bool          // guarded by mu: the conversation changed
	ping    bool          // guarded by mu
	notes   []reply       // guarded by mu
	pumping bool          // guarded by mu
	closed  bool          // guarded by mu
}

// serveSocket takes a WebSocket over.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	t, err := s.site(r.Context(), r.URL.Query().Get("site"))
	if err != nil {
		s.refuse(w, http.StatusNotFound, "there is no such site")
		return
	}
	if !t.allows(r.Header.Get("Origin"), r.Host) {
		s.badOrigin.Add(1)
		s.refuse(w, http.StatusForbidden, "pages of this origin may not use the chat")
		return
	}
	addr := address(r)
	if !s.connects.take(addr, s.now()) {
		s.limited.Add(1)
		w.Header().Set("Retry-After", "10")
		s.refuse(w, http.StatusTooManyRequests, "too many connections from this address")
		return
	}
	if s.sockets.Load() >= int64(s.cfg.MaxSockets) {
		s.full.Add(1)
		w.Header().Set("Retry-After", "30")
		s.refuse(w, http.StatusServiceUnavailable, "too many visitors")
		return
	}
	up := ws.HTTPUpgrader{Timeout: writeTime}
	conn, rw, _, err := up.Upgrade(r, w)
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		return
	}
	if rw.Reader.Buffered() > 0 { // nobody may talk before the answer
		conn.Close()
		return
	}
	k := &socket{s: s, conn: conn, addr: addr}
	k.seen.Store(s.now().Unix())
	if !s.add(k) {
		conn.Close()
		return
	}
	// Ends when the connection ends: by the visitor, by Close, or for silence.
	s.running.Go(k.read)
}

// read works off what the visitor sends.
func (k *socket) read() {
	defer k.end()
	_ = k.conn.SetDeadline(time.Time{})
	_ = k.conn.SetReadDeadline(time.Now().Add(helloTime))
	for {
		body, err := k.next()
		if err != nil {
			return
		}
		if body == nil {
			continue
		}
		if !k.frame(body) {
			return
		}
	}
}

// next reads one message; nil for a control frame.
func (k *socket) next() ([]byte, error) {
	var message []byte
	for n := 0; ; n++ {
		h, err := ws.ReadHeader(k.conn)
		if err != nil {
			return nil, err
		}
		switch {
		case !h.Masked, h.Rsv != 0, h.Length > maxFrame, int64(len(message))+h.Length > maxFrame, n > maxFragment, h.OpCode.IsControl() && (h.Length > 125 || !h.Fin):
			k.s.badFrames.Add(1)
			k.bye(ws.StatusProtocolError)
			return nil, errFrame
		}
		payload := make([]byte, h.Length)
		if _, err := io.ReadFull(k.conn, payload); err != nil {
			return nil, err
		}
		ws.Cipher(payload, h.Mask, 0)
		k.seen.Store(k.s.now().Unix())
		switch h.OpCode {
		case ws.OpClose:
			k.bye(ws.StatusNormalClosure)
			return nil, io.EOF
		case ws.OpPing:
			return nil, k.put(ws.NewPongFrame(payload))
		case ws.OpPong:
			return nil, nil
		case ws.OpText, ws.OpContinuation:
			if (h.OpCode == ws.OpText) != (message == nil) {
				k.bye(ws.StatusProtocolError)
				return nil, errFrame
			}
			message = append(message, payload...)
			if message == nil {
				message = []byte{}
			}
			if h.Fin {
				return message, nil
			}
		default:
			k.bye(ws.StatusUnsupportedData)
			return nil, errFrame
		}
	}
}

// frame works one message off; false ends the connection.
func (k *socket) frame(body []byte) bool {
	now := k.s.now()
	f, err := readFrame(body)
	if err != nil {
		k.s.badFrames.Add(1)
		return k.s.mayErr.take(k.addr, now) && k.say(failure("bad_frame", err.Error(), f.ClientID, false)) == nil
	}
	ctx, cancel := context.WithTimeout(k.s.ctx, frameTime)
	defer cancel()
	k.mu.Lock()
	v := k.v
	k.mu.Unlock()
	if f.Type == "hello" {
		return k.hello(ctx, &f)
	}
	if v == nil {
		k.s.badFrames.Add(1)
		return k.say(failure("hello_first", "the first frame is hello", "", false)) == nil
	}
	if !k.s.frames.take(v.who.external(), now) {
		k.s.limited.Add(1)
		return k.say(failure("slow_down", "too many frames", f.ClientID, true)) == nil
	}
	mine := *v
	was := mine.conv
	replies := mine.do(ctx, &f)
	if was == nil && mine.conv != nil || was != nil && mine.conv != nil && was.ID != mine.conv.ID {
		if k.say(mine.status(ctx, "welcome")) != nil {
			return false
		}
		k.follow(&mine, 0, false)
		k.s.joined(k, &mine)
	} else {
		k.mu.Lock()
		k.v = &mine
		k.mu.Unlock()
	}
	return k.say(replies...) == nil
}

// hello begins, or begins again with a newer token.
func (k *socket) hello(ctx context.Context, f *frame) bool {
	v, err := k.s.enter(ctx, f.Token)
	if err != nil {
		return k.say(tokenFailure(err)) == nil && !errors.Is(err, errToken)
	}
	v.lang, v.name = f.Lang, cmp.Or(v.who.Name, f.Name)
	if f.Page != "" && v.conv != nil && v.conv.Page != f.Page {
		_ = k.s.chat.SetPage(ctx, v.conv.ID, f.Page) // the next page tells it again
	}
	_ = k.conn.SetReadDeadline(time.Time{}) // silence is looked for by the sweep
	last := f.LastSeq
	if v.conv == nil || v.conv.Key != f.Conv {
		last = 0
	}
	if v.conv != nil && last > v.conv.LastSeq {
		last = 0 // not of this conversation
	}
	out := []reply{v.status(ctx, "welcome")}
	if v.conv != nil && v.conv.Handler == chat.ByQueue {
		if n, ok := k.s.chat.Place(v.thread()); ok {
			out = append(out, placed(&n))
		}
	}
	if v.asksRating() {
		out = append(out, reply{Type: "ask_rating"})
	}
	k.mu.Lock()
	again := k.watch
	k.watch = nil // a second hello begins anew
	k.mu.Unlock()
	if again != nil {
		again.Close()
	}
	// What is behind last is written after the welcome.
	if k.say(out...) != nil {
		return false
	}
	k.follow(v, last, false)
	k.s.named(k, v)
	return true
}

// tokenFailure says why somebody may not come in.
func tokenFailure(err error) reply {
	switch {
	case errors.Is(err, errExpired):
		return failure("token_expired", err.Error(), "", false)
	case errors.Is(err, errToken), errors.Is(err, errNoSite):
		return failure("token", err.Error(), "", false)
	}
	return failure("unavailable", "try again in a moment", "", true)
}

// follow watches the visit's conversation and writes what is behind last; first,
// when the visitor has not been told of it, its state.
func (k *socket) follow(v *visit, last int64, untold bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.v = v
	k.changed = k.changed || untold
	if v.conv == nil || k.closed {
		return
	}
	if k.watch != nil && k.conv == v.conv.ID {
		k.pumpLocked()
		return
	}
	if k.watch != nil {
		k.watch.Close()
	}
	k.conv, k.sent, k.fresh = v.conv.ID, last, true
	k.watch = k.s.chat.Watch(v.conv.ID, k.told)
	k.pumpLocked()
}

// told hears of the conversation; it must not block.
func (k *socket) told(n chat.Notice) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch n.Type {
	case chat.MessageAdded:
		k.fresh = true
	case chat.Changed:
		k.changed = true
	case chat.PresenceMoved:
		on := n.On && n.State == "typing"
		k.noteLocked(reply{Type: "typing", On: &on})
	case chat.Placed:
		k.noteLocked(placed(&n))
	case chat.Read:
		if n.Author == nil || n.Author.Kind != chat.Agent {
			return
		}
		k.noteLocked(reply{Type: "read", Seq: n.Seq})
	default:
		return
	}
	k.pumpLocked()
}

func placed(n *chat.Notice) reply {
	r := reply{Type: "queue", Place: n.Place}
	if n.WaitS >= 0 {
		r.ETA = &n.WaitS
	}
	return r
}

func (k *socket) noteLocked(r reply) {
	if len(k.notes) >= maxPending {
		k.notes = k.notes[1:]
	}
	k.notes = append(k.notes, r)
}

// pumpLocked has somebody write; the caller holds mu.
func (k *socket) pumpLocked() {
	if k.pumping || k.closed {
		return
	}
	k.pumping = true
	// Ends when nothing is left to write, or the connection is closed.
	k.s.running.Go(k.pump)
}

func (k *socket) pump() {
	for {
		k.mu.Lock()
		notes, fresh, changed, ping, sent, conv, v := k.notes, k.fresh, k.changed, k.ping, k.sent, k.conv, k.v
		if k.closed || len(notes) == 0 && !fresh && !changed && !ping {
			k.pumping = false
			k.mu.Unlock()
			return
		}
		k.notes, k.fresh, k.changed, k.ping = nil, false, false, false
		k.mu.Unlock()
		var err error
		if changed && v != nil { // first, since it may name another conversation
			err = k.tellState(v)
		}
		if err == nil {
			err = k.catchUp(conv, sent, fresh)
		}
		if err == nil {
			err = k.say(notes...)
		}
		if err == nil && ping {
			err = k.put(ws.NewPingFrame(nil))
		}
		if err != nil {
			k.mu.Lock()
			k.pumping = false
			k.mu.Unlock()
			k.conn.Close() // read ends, and with it everything; the visitor comes back
			return
		}
	}
}

// catchUp writes all messages behind sent, in order.
func (k *socket) catchUp(conv chat.ID, sent int64, fresh bool) error {
	for fresh {
		ctx, cancel := context.WithTimeout(k.s.ctx, frameTime)
		page, err := k.s.chat.Visible(ctx, conv, sent, pageSize)
		cancel()
		if err != nil {
			return err
		}
		out := make([]reply, len(page))
		for i := range page {
			out[i] = k.s.show(&page[i])
			sent = page[i].Seq
		}
		if err := k.say(out...); err != nil {
			return err
		}
		k.mu.Lock()
		same := k.conv == conv
		if same {
			k.sent = sent
		}
		k.mu.Unlock()
		fresh = same && len(page) == pageSize
	}
	return nil
}

// tellState reads the conversation anew and says where it stands.
func (k *socket) tellState(v *visit) error {
	ctx, cancel := context.WithTimeout(k.s.ctx, frameTime)
	defer cancel()
	mine := *v
	if err := mine.look(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	if k.v == v {
		k.v = &mine
	}
	k.mu.Unlock()
	out := []reply{mine.status(ctx, "state")}
	if mine.asksRating() {
		out = append(out, reply{Type: "ask_rating"})
	}
	return k.say(out...)
}

// say writes replies as one text frame each.
func (k *socket) say(replies ...reply) error {
	for i := range replies {
		doc, err := json.Marshal(replies[i])
		if err != nil {
			return err
		}
		if err := k.put(ws.NewTextFrame(doc)); err != nil {
			return err
		}
	}
	return nil
}

func (k *socket) put(f ws.Frame) error {
	b, err := ws.CompileFrame(f)
	if err != nil {
		return err
	}
	k.write.Lock()
	defer k.write.Unlock()
	if err := k.conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
		return err
	}
	_, err = k.conn.Write(b)
	return err
}

func (k *socket) bye(code ws.StatusCode) { _ = k.put(ws.NewCloseFrame(ws.NewCloseFrameBody(code, ""))) }

// end lets go of everything.
func (k *socket) end() {
	k.mu.Lock()
	k.closed = true
	w := k.watch
	k.watch = nil
	k.mu.Unlock()
	if w != nil {
		w.Close()
	}
	k.conn.Close()
	k.s.remove(k)
}
