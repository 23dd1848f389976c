package sip

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"tingxin/sip/wire"
)

// States of a registration at a carrier.
const (
	regTrying = "registering"
	regGood   = "registered"
	regFailed = "failed"
)

// registration is the state of one trunk that registers.
type registration struct {
	mu     sync.Mutex
	state  string
	status int // of the last answer
	until  time.Time
	source netip.Addr // of the registrar: calls come from there

	// of the loop alone
	callID  string
	seq     uint32
	tag     string
	expires time.Duration // we ask for
	fails   int
}

func (r *registration) set(state string, status int, until time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.status, r.until = state, status, until
}

// from is where the carrier's calls come from, invalid until known.
func (r *registration) from() netip.Addr {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.source
}

// back-off of a registration that fails: doubles up to the longest.
const (
	regRetryFirst = 2 * time.Second
	regRetryMost  = 5 * time.Minute
)

// keepRegistered holds a trunk registered until Close: refreshed well before it
// runs out, tried again with jitter when it fails.
func (s *Server) keepRegistered(t *trunk) {
	r := &t.reg
	r.callID, r.tag, r.expires = randomID(12), randomID(8), or(t.RegisterExpires, time.Hour)
	r.set(regTrying, 0, time.Time{})
	for {
		wait := s.registerOnce(t)
		select {
		case <-time.After(wait):
		case <-t.gone:
			return
		case <-s.base.Done():
			return
		}
	}
}

// registerOnce sends one REGISTER and returns when to send the next.
func (s *Server) registerOnce(t *trunk) time.Duration {
	resp, err := s.askRegistrar(s.base, t, t.reg.expires)
	r := &t.reg
	now := time.Now()
	switch {
	case err == nil && resp.Status/100 == 2:
		r.fails = 0
		granted := grantedTo(resp, r.expires)
		r.set(regGood, resp.Status, now.Add(granted))
		return refreshIn(granted)
	case err == nil && resp.Status == 423:
		if n, ok := parseUint(resp.Get("Min-Expires")); ok && time.Duration(n)*time.Second > r.expires {
			r.expires = time.Duration(n) * time.Second
			return 0
		}
	}
	status := 0
	wait := min(regRetryMost, regRetryFirst<<min(r.fails, 10))
	if err == nil {
		status = resp.Status
		if status == 403 || status == 404 || status == 401 || status == 407 { // asking again will not help soon
			wait = regRetryMost
		}
		if n, ok := parseUint(strings.Fields(resp.Get("Retry-After") + " x")[0]); ok {
			wait = max(wait, min(time.Duration(n)*time.Second, time.Hour))
		}
	}
	r.fails++
	r.mu.Lock()
	if r.state != regGood || !now.Before(r.until) {
		r.state = regFailed
	}
	r.status = status
	r.mu.Unlock()
	s.log.Warn("registration failed", "trunk", t.Name, "status", status, "error", err)
	return time.Duration(float64(wait) * (0.75 + rand.Float64()/2) * s.hurry())
}

// hurry shortens waits by as much as the timers are.
func (s *Server) hurry() float64 { return min(1, float64(s.cfg.T1)/float64(500*time.Millisecond)) }

// refreshIn is three quarters of the time granted, up to a tenth earlier, so
// that many trunks do not come at once.
func refreshIn(granted time.Duration) time.Duration {
	return time.Duration(float64(granted) * (0.75 - rand.Float64()/10))
}

// grantedTo reads how long a registrar lets us stay: the expires of a Contact,
// else the header, else what we asked for.
func grantedTo(resp *wire.Message, asked time.Duration) time.Duration {
	values := []string{resp.Get("Expires")}
	for _, c := range resp.Values("Contact") {
		a, err := wire.ParseAddress(c)
		if err != nil {
			continue
		}
		if u, err := wire.ParseURI(a.URI); err == nil && u.User == contactUser {
			values = append(values, first(a.Params.Get("expires")))
		}
	}
	granted := asked
	for _, v := range values {
		if n, err := strconv.ParseUint(v, 10, 31); err == nil && n > 0 {
			granted = time.Duration(n) * time.Second
		}
	}
	return max(granted, time.Second)
}

var errRegistrar = errors.New("registrar is no sip uri")

// askRegistrar sends a REGISTER for a time, 0 ends the registration, and waits
// for its final answer.
func (s *Server) askRegistrar(ctx context.Context, t *trunk, expires time.Duration) (*wire.Message, error) {
	uri := or(t.Registrar, t.Proxy)
	u, err := wire.ParseURI(uri)
	if err != nil {
		return nil, errRegistrar
	}
	h, err := resolve(ctx, or(t.Proxy, uri), "udp")
	if err != nil {
		return nil, err
	}
	f, err := s.transport.to(ctx, h.network, h.addr, h.host)
	if err != nil {
		return nil, err
	}
	t.reg.mu.Lock()
	t.reg.source = h.addr.Addr()
	t.reg.seq += 4 // room for the answers to challenges
	seq := t.reg.seq
	t.reg.mu.Unlock()
	auth := t.credentials()
	aor := or(t.RegisterAs, "sip:"+wire.Escape(auth.Username)+"@"+u.HostPort(0))
	if t.RegisterAs == "" {
		aor = strings.TrimSuffix(aor, ":0")
	}
	m := &wire.Message{Method: "REGISTER", URI: strings.TrimSuffix("sip:"+u.HostPort(0), ":0")}
	m.Add("Max-Forwards", "70").Add("From", "<"+aor+">;tag="+t.reg.tag).Add("To", "<"+aor+">").
		Add("Call-ID", t.reg.callID).Add("CSeq", itoa(int(seq))+" REGISTER").Add("Contact", "").
		Add("Expires", seconds(expires)).Add("Supported", "path").Add("User-Agent", s.cfg.UserAgent)
	return s.ask(ctx, t, m, f)
}

// ask sends a request outside of dialogs to a trunk and waits for its final answer.
func (s *Server) ask(ctx context.Context, t *trunk, m *wire.Message, f flow) (*wire.Message, error) {
	type outcome struct {
		resp *wire.Message
		err  error
	}
	got := make(chan outcome, 1)
	x := &exchange{auth: t.credentials()}
	err := s.transact(ctx, x, m, f, func(resp *wire.Message, err error) {
		if err == nil && resp.Status < 200 {
			return
		}
		select {
		case got <- outcome{resp, err}:
		default:
		}
	})
	if err != nil {
		return nil, err
	}
	select {
	case o := <-got:
		return o.resp, o.err
	case <-ctx.Done():
		if tx := x.current(); tx != nil {
			tx.finish()
		}
		return nil, ctx.Err()
	}
}

// unregister tells the carriers good-bye; nobody waits for long.
func (s *Server) unregister() { s.leave(s.trunks.Load().list) }

// leave ends the registrations of trunks, waiting at most a second.
func (s *Server) leave(list []*trunk) {
	ctx, cancel := context.WithTimeout(s.base, time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for _, t := range list {
		t.reg.mu.Lock()
		good := t.reg.state == regGood
		t.reg.mu.Unlock()
		if good {
			wg.Go(func() { _, _ = s.askRegistrar(ctx, t, 0) }) // ends with ctx
		}
	}
	wg.Wait()
}
