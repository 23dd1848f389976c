package sip

import (
	"runtime/debug"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/sip/wire"
)

// guard is the entry of every message, called by the reader of its socket. It
// answers or drops what needs no state; the rest goes on through sipgo.
func (s *Server) guard(m *wire.Message, f flow) (a *admitted) {
	defer s.survive()
	if !m.IsRequest() {
		return s.guardResponse(m, f)
	}
	v := m.Via()
	if v == nil {
		s.stats.bad.add("No Readable Via")
		return nil
	}
	if _, known := s.rules.Methods[m.Method]; known {
		s.stats.requests.add(m.Method)
	} else {
		s.stats.requests.add("unknown")
	}
	stampVia(m, v, f)
	return s.guardRequest(m, f)
}

// survive: one bad message may not end the reader of everybody's.
func (s *Server) survive() {
	if r := recover(); r != nil {
		s.stats.bad.add("panic")
		s.log.Error("message failed", "panic", r, "stack", string(debug.Stack()))
	}
}

// deliver takes what sipgo has read, in the order of the socket.
func (s *Server) deliver(a *admitted, m gosip.Message) {
	defer s.survive()
	switch m := m.(type) {
	case *gosip.Request:
		s.request(a, m)
	case *gosip.Response:
		s.response(a.m, m)
	}
}

// refused answers what the guard let through and sipgo could not read.
func (s *Server) refused(a *admitted) {
	s.stats.bad.add("not readable by sipgo")
	if a.m.IsRequest() {
		s.stateless(a.m, a.f, 400, "")
	}
}

// stampVia writes received and rport into the top Via (RFC 3581 4).
func stampVia(m *wire.Message, v *wire.Via, f flow) {
	if v.Malformed {
		return
	}
	_, wants := v.Params.Get("rport")
	src := f.remote()
	if !wants && v.Host == src.Addr().String() {
		return
	}
	v.Params = v.Params.Set("received", src.Addr().String())
	if wants {
		v.Params = v.Params.Set("rport", itoa(int(src.Port())))
	}
	m.SetVia(v)
}

// guardRequest walks the first half of the package picture: source, validity,
// answers without state. Nothing is kept.
func (s *Server) guardRequest(m *wire.Message, f flow) *admitted {
	d := s.dialogOf(m)
	t := s.trunks.Load().bySource(f)
	if t == nil && d == nil && !s.mayCome(m, f) {
		return nil
	}
	if t != nil {
		t.lastSeen.Store(time.Now().UnixNano())
	}
	if fault := s.rules.Check(m); fault != nil {
		s.stats.bad.add(fault.Reason)
		s.stateless(m, f, fault.Status, fault.Reason, fault.Headers...)
		return nil
	}
	if m.Method == "OPTIONS" && m.ToTag() == "" {
		s.options(m, f, t)
		return nil
	}
	return &admitted{m, f, d, t}
}

// request walks the second half: transaction, dialog.
func (s *Server) request(a *admitted, r *gosip.Request) {
	m, f := a.m, a.f
	switch {
	case s.absorb(m, r):
	case m.Method == "CANCEL":
		s.cancelled(m, f)
	case m.Method == "REGISTER":
		s.register(a, r)
	case m.ToTag() != "":
		s.inDialog(a, r)
	case m.Method == "INVITE":
		s.invite(a, r)
	case m.Method == "ACK":
		s.stats.bad.add("stray ACK")
	case m.Method == "REFER": // to call whomever: no
		s.stateless(m, f, 403, "")
	default: // BYE, INFO, UPDATE, PRACK outside of any dialog
		s.stateless(m, f, 481, "")
	}
}

// mayCome decides about a source that is no trunk by address: digest trunks and
// users with a digest may come from anywhere, browsers by their WebSocket; the
// rest is refused or dropped.
func (s *Server) mayCome(m *wire.Message, f flow) bool {
	if s.trunks.Load().hasDigest || s.users != nil && (s.anywhere || web(f) || s.users.(directories).Digests()) {
		if s.auth.locked(guessedFrom(f.remote().Addr()), time.Now()) {
			s.stats.lockedOut.Add(1)
			return false
		}
		return true
	}
	s.stats.unknownSource.Add(1)
	if s.cfg.Unknown == "reject" {
		s.stateless(m, f, 403, "")
	}
	return false
}

// options answers a keep-alive or a question about abilities (RFC 3261 11.2)
// without any state.
func (s *Server) options(m *wire.Message, f flow, t *trunk) {
	if t != nil {
		t.lastOptions.Store(time.Now().UnixNano())
	}
	headers := []wire.Header{{Name: "Allow", Value: s.rules.Allow()}, {Name: "Accept", Value: "application/sdp"},
		{Name: "Supported", Value: s.supported}}
	if s.draining.Load() {
		s.stateless(m, f, 503, "", append(headers, s.retryAfter())...)
		return
	}
	s.stateless(m, f, 200, "", headers...)
}

func (s *Server) retryAfter() wire.Header {
	return wire.Header{Name: "Retry-After", Value: seconds(s.cfg.DrainRetry)}
}

// cancelled answers a CANCEL and tells the INVITE it means (RFC 3261 9.2).
func (s *Server) cancelled(m *wire.Message, f flow) {
	invite := s.inviteTx(m)
	if invite == nil {
		s.stateless(m, f, 481, "")
		return
	}
	s.stateless(m, f, 200, "") // sipgo's machine keeps no answer to a CANCEL
	if invite.onCancel != nil {
		invite.onCancel()
	}
}

// inDialog hands a request to its dialog.
func (s *Server) inDialog(a *admitted, r *gosip.Request) {
	d, m, f := a.d, a.m, a.f
	if d == nil {
		s.stateless(m, f, 481, "")
		return
	}
	if m.Method == "ACK" {
		d.post(func() { d.onACK(m, f) })
		return
	}
	tx := s.open(m, f, r, nil)
	if d.remotePost(func() { d.onRequest(m, tx) }) {
		return
	}
	if d.isClosed() {
		tx.respond(wire.Answer(m, 481, "", ""))
		return
	}
	s.stats.inboxFull.Add(1)
	tx.respond(wire.Answer(m, 500, "", "").Add("Retry-After", "1"))
}

// dialogOf finds the dialog a request belongs to by Call-ID and both tags.
func (s *Server) dialogOf(m *wire.Message) *dialog {
	tag := m.ToTag()
	if tag == "" {
		return nil
	}
	s.mu.Lock()
	d := s.dialogs[dialogKey{m.CallID(), tag}]
	s.mu.Unlock()
	if d == nil || !d.fromPeer(m.FromTag()) {
		return nil
	}
	return d
}

// invite takes a new call: who it is, whether there is room, then the dialog.
func (s *Server) invite(a *admitted, r *gosip.Request) {
	m, f, t := a.m, a.f, a.t
	if s.draining.Load() {
		s.stateless(m, f, 503, "", s.retryAfter())
		return
	}
	var u *User
	if s.fromUser(m, f, t) {
		if u = s.user(m, f, true); u == nil {
			return
		}
		t = s.people
	} else if t == nil || t.Auth != nil {
		if t = s.authenticate(m, f, t); t == nil {
			return
		}
	}
	n, _, _ := m.CSeq()
	origin := m.CallID() + "\x00" + m.FromTag() + "\x00" + itoa(int(n))
	s.mu.Lock()
	merged := s.origins[origin] != nil
	s.mu.Unlock()
	if merged { // the same request on another path (RFC 3261 8.2.2.2)
		s.stateless(m, f, 482, "")
		return
	}
	if s.stats.dialogs.Load() >= int64(s.cfg.MaxCalls) {
		t.rejected.Add(1)
		s.stateless(m, f, 503, "", s.retryAfter())
		return
	}
	if ok, retry := t.take(time.Now()); !ok {
		s.stateless(m, f, 503, "", wire.Header{Name: "Retry-After", Value: seconds(retry)})
		return
	}
	t.accepted.Add(1)
	s.newIncoming(a, r, t, u, origin)
}

// authenticate challenges until the credentials of a trunk are right; nil means
// that the answer has been sent.
func (s *Server) authenticate(m *wire.Message, f flow, t *trunk) *trunk {
	now := time.Now()
	source := guessedFrom(f.remote().Addr())
	if s.auth.locked(source, now) {
		s.stats.lockedOut.Add(1)
		return nil
	}
	c := s.auth.credentials(m)
	if t == nil && c != nil {
		t = s.trunks.Load().byUser(c.Username, f)
	}
	algorithms := offeredTo(false)
	var acc *account
	if t != nil {
		if acc = t.Auth.digestAccount(s.cfg.Domain); acc != nil {
			algorithms = acc.algorithms
		}
	}
	v := s.auth.check(c, acc, m.Method, now)
	if c != nil && acc == nil {
		v = authWrong
	}
	switch v {
	case authGood:
		t.lastSeen.Store(now.UnixNano())
		return t
	case authWrong:
		if t != nil {
			t.rejected.Add(1)
		}
		s.auth.missed(source, s.cfg.Guesses, now)
		s.stats.bad.add("wrong credentials")
	}
	s.stateless(m, f, 401, "", s.auth.challenge(algorithms, v == authStale, now)...)
	return nil
}
