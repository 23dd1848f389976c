package sip

import (
	"errors"
	"strconv"
	"strings"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/sip/wire"
)

// web reports whether a flow is a WebSocket: a browser.
func web(f flow) bool { return f.network() == "ws" || f.network() == "wss" }

// maxContacts of one REGISTER.
const maxContacts = 16

// register answers a REGISTER (RFC 3261 10.3): who, what, since when. A
// challenge leaves no state; the answer after it is kept for repeats.
func (s *Server) register(a *admitted, r *gosip.Request) {
	m, f := a.m, a.f
	to, err := wire.ParseAddress(m.Get("To"))
	if err != nil || numberOf(to.URI) == "" {
		s.stateless(m, f, 400, "Malformed To")
		return
	}
	u := s.user(m, f, false)
	if u == nil {
		return
	}
	if u.Guest {
		s.stats.bad.add("guest registers")
		s.stateless(m, f, 403, "")
		return
	}
	if numberOf(to.URI) != u.Name { // one's own address only
		s.stats.bad.add("registers for another")
		s.stateless(m, f, 403, "")
		return
	}
	tx := s.open(m, f, r, nil)
	resp, seated := s.bind(m, f, u, time.Now())
	resp.Add("Server", s.cfg.UserAgent)
	tx.respond(resp)
	for _, b := range seated {
		s.seated(b)
	}
}

// bind applies the Contacts of a REGISTER and builds the answer; seated are the
// bindings that were made or made anew.
func (s *Server) bind(m *wire.Message, f flow, u *User, now time.Time) (resp *wire.Message, seated []*binding) {
	user := u.Name
	contacts := m.Values("Contact")
	if len(contacts) == 1 && contacts[0] == "*" {
		return s.unbindAll(m, user, now), nil
	}
	asked, refusal := s.askedFor(m, f, user, now)
	if refusal != nil {
		return refusal, nil
	}
	for _, b := range asked {
		if bearer(m) == "" {
			b.proof = u.proof()
		}
		switch {
		case !b.expires.After(now):
			if old := s.registrar.device(b.seat); old != nil {
				s.registrar.remove(old)
			}
		case s.registrar.put(b):
			return answerTo(m, 503, "Too Many Registrations").Add("Retry-After", "60"), seated
		default:
			seated = append(seated, b)
		}
	}
	resp = answerTo(m, 200, "")
	for _, b := range s.registrar.of(user, now) {
		resp.Add("Contact", b.render(now))
	}
	for _, p := range m.Values("Path") {
		resp.Add("Path", p)
	}
	return resp.Add("Date", now.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")), seated
}

func answerTo(m *wire.Message, status int, reason string) *wire.Message {
	return wire.Answer(m, status, reason, randomID(6))
}

// unbindAll answers "Contact: *", which only ends registrations.
func (s *Server) unbindAll(m *wire.Message, user string, now time.Time) *wire.Message {
	if m.Get("Expires") != "0" {
		return answerTo(m, 400, "Contact * Without Expires 0")
	}
	n, _, _ := m.CSeq()
	for _, b := range s.registrar.of(user, now) {
		if b.callID != m.CallID() || n > b.cseq {
			s.registrar.remove(b)
		}
	}
	return answerTo(m, 200, "")
}

// askedFor reads the Contacts of a REGISTER, or says why it is refused.
func (s *Server) askedFor(m *wire.Message, f flow, user string, now time.Time) (asked []*binding, refusal *wire.Message) {
	contacts := m.Values("Contact")
	if len(contacts) > maxContacts {
		return nil, answerTo(m, 400, "Too Many Contacts")
	}
	n, _, _ := m.CSeq()
	for _, raw := range contacts {
		b, err := s.contactOf(raw, m, user, now)
		switch {
		case err != nil:
			return nil, answerTo(m, 400, "Malformed Contact")
		case b.expires.After(now) && b.expires.Sub(now) < s.cfg.RegisterMin:
			return nil, answerTo(m, 423, "").Add("Min-Expires", seconds(s.cfg.RegisterMin))
		}
		if old := s.registrar.device(b.seat); old != nil && old.callID == m.CallID() && n < old.cseq { // came too late
			return nil, answerTo(m, 500, "").Add("Retry-After", "1")
		}
		b.flow, b.callID, b.cseq = f, m.CallID(), n
		asked = append(asked, b)
	}
	return asked, nil
}

var errContact = errors.New("contact cannot be stored")

// contactOf reads one Contact of a REGISTER.
func (s *Server) contactOf(raw string, m *wire.Message, user string, now time.Time) (*binding, error) {
	a, err := wire.ParseAddress(raw)
	if err != nil || raw == "*" {
		return nil, errContact
	}
	if u, err := wire.ParseURI(a.URI); err != nil || u.Host == "" {
		return nil, errContact
	}
	b := &binding{contact: a.URI, q: 1, userAgent: m.Get("User-Agent"), registered: now, path: m.Values("Path")}
	b.user = user
	if v, ok := a.Params.Get("+sip.instance"); ok && len(v) <= 256 && !strings.ContainsAny(v, "\"\r\n") {
		b.instance = v
	}
	if v, ok := a.Params.Get("reg-id"); ok && b.instance != "" {
		if n, err := strconv.ParseUint(v, 10, 31); err == nil && n > 0 {
			b.regID = itoa(int(n))
		}
	}
	if v, ok := a.Params.Get("q"); ok {
		if q, err := strconv.ParseFloat(v, 64); err == nil && q >= 0 && q <= 1 {
			b.q = q
		}
	}
	if b.device = "contact " + b.contact; b.instance != "" {
		b.device = b.instance + " " + b.regID
	}
	b.expires = now.Add(s.expiry(a, m))
	return b, nil
}

// expiry is how long a Contact asks to stay, cut to what we allow.
func (s *Server) expiry(a *wire.Address, m *wire.Message) time.Duration {
	want := s.cfg.RegisterDefault
	for _, v := range []string{m.Get("Expires"), first(a.Params.Get("expires"))} { // the parameter is stronger
		if n, err := strconv.ParseUint(v, 10, 32); err == nil {
			want = time.Duration(n) * time.Second
		}
	}
	return min(want, s.cfg.RegisterMax)
}

func first(s string, _ bool) string { return s }

// fromUser reports whether a request that makes a dialog comes from a user of
// ours rather than from a trunk.
func (s *Server) fromUser(m *wire.Message, f flow, t *trunk) bool {
	switch {
	case s.users == nil:
		return false
	case web(f) || bearer(m) != "":
		return true
	}
	if c := s.auth.credentials(m); c != nil {
		if _, ok := s.users.User(c.Username); ok {
			return s.trunks.Load().byUser(c.Username, f) == nil
		}
	}
	if s.registrar.at(f, callerOf(m), time.Now()) != nil {
		return true
	}
	return t == nil && !s.trunks.Load().hasDigest
}

// callerOf is the user part of the From.
func callerOf(m *wire.Message) string {
	a, err := wire.ParseAddress(m.Get("From"))
	if err != nil {
		return ""
	}
	return numberOf(a.URI)
}

// bearer is the token of a request, "" without one (RFC 8898).
func bearer(m *wire.Message) string {
	for _, h := range m.Headers {
		if scheme, token, ok := strings.Cut(h.Value, " "); ok && h.Name == "Authorization" && strings.EqualFold(scheme, "Bearer") {
			return strings.TrimSpace(token)
		}
	}
	return ""
}

// user finds out which user sends a request; nil means that the answer has been
// sent. seated users of a connection need not prove themselves again for a
// call, since the connection is theirs.
func (s *Server) user(m *wire.Message, f flow, seated bool) *User {
	now := time.Now()
	source := guessedFrom(f.remote().Addr())
	if s.auth.locked(source, now) {
		s.stats.lockedOut.Add(1)
		return nil
	}
	if seated && f.reliable() {
		if b := s.registrar.at(f, callerOf(m), now); b != nil {
			return s.enabled(m, f, b.user)
		}
	}
	if token := bearer(m); token != "" && s.tokens != nil {
		name, err := s.tokens.VerifyToken(token, now)
		if err == nil {
			return s.enabled(m, f, name)
		}
		if !errors.Is(err, ErrTokenExpired) {
			s.auth.missed(source, s.cfg.Guesses, now)
			s.stats.bad.add("wrong token")
		}
		s.stateless(m, f, 401, "", s.auth.challenge(s.offered(m, f), false, now)...)
		return nil
	}
	return s.digestUser(m, f, source, now)
}

// digestUser challenges until the credentials of a user are right.
func (s *Server) digestUser(m *wire.Message, f flow, source string, now time.Time) *User {
	c := s.auth.credentials(m)
	algorithms := s.offered(m, f)
	var acc *account
	if c != nil {
		if s.auth.locked(guessedAt(c.Username), now) && !s.knownAt(c.Username, f, now) {
			s.stats.lockedOut.Add(1)
			s.stateless(m, f, 403, "", wire.Header{Name: "Retry-After", Value: seconds(s.cfg.GuessLock)})
			return nil
		}
		u, ok := s.users.User(c.Username)
		if !ok {
			u = User{Name: c.Username, MD5: s.nobody, SHA256: s.nobody} // takes as long as a known one
		}
		acc = u.digestAccount(web(f))
	}
	v := s.auth.check(c, acc, m.Method, now)
	switch v {
	case authGood:
		return s.enabled(m, f, c.Username)
	case authWrong:
		s.auth.missed(source, s.cfg.Guesses, now)
		s.auth.missed(guessedAt(c.Username), userGuesses*s.cfg.Guesses, now)
		s.stats.bad.add("wrong credentials")
	}
	s.stateless(m, f, 401, "", s.auth.challenge(algorithms, v == authStale, now)...)
	return nil
}

// offered are the algorithms of a challenge: those that the user named in the
// From has, since some phones give up at one that they do not know.
func (s *Server) offered(m *wire.Message, f flow) []string {
	if u, ok := s.users.User(callerOf(m)); ok {
		if a := u.digestAccount(web(f)).algorithms; len(a) > 0 {
			return a
		}
	}
	return offeredTo(web(f))
}

// knownAt: a user is registered from this address now, so this is no guess.
func (s *Server) knownAt(user string, f flow, now time.Time) bool {
	for _, b := range s.registrar.of(user, now) {
		if b.flow.remote().Addr() == f.remote().Addr() {
			return true
		}
	}
	return false
}

// enabled looks a proved user up once more: accounts may be closed at any time.
func (s *Server) enabled(m *wire.Message, f flow, name string) *User {
	u, ok := s.users.User(name)
	if !ok || u.Disabled {
		s.stats.bad.add("user disabled")
		s.stateless(m, f, 403, "")
		return nil
	}
	return &u
}
