package sip

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/sip/sdp"
)

// trunk is a configured peer with its live counters.
type trunk struct {
	Trunk
	prefixes []netip.Prefix

	calls, accepted, dialled, rejected atomic.Int64
	lastOptions, lastSeen              atomic.Int64 // unix nanoseconds

	reg          registration
	probe        probe
	suspectUntil atomic.Int64 // unix nanoseconds

	gone chan struct{} // closed when the trunk was taken away or changed

	mu     sync.Mutex
	tokens float64 // of the calls-per-second bucket
	filled time.Time
}

// trunks finds the trunk of a source. It never changes: another list takes its place.
type trunks struct {
	list      []*trunk
	outbound  []OutboundRoute
	hasDigest bool // some trunk may come from any address
}

// newTrunks makes the list; a trunk that old has just so goes on, with its calls and its registration.
func newTrunks(cfg []Trunk, outbound []OutboundRoute, old *trunks) *trunks {
	ts := &trunks{outbound: outbound}
	for _, c := range cfg {
		t := old.same(c)
		if t == nil {
			t = newTrunk(c)
		}
		ts.list = append(ts.list, t)
		ts.hasDigest = ts.hasDigest || len(c.Addresses) == 0 && c.Auth != nil
	}
	return ts
}

func newTrunk(c Trunk) *trunk {
	t := &trunk{Trunk: c, tokens: float64(c.CPS), gone: make(chan struct{})}
	for _, a := range c.Addresses {
		if p, err := parsePrefix(a); err == nil {
			t.prefixes = append(t.prefixes, p)
		}
	}
	return t
}

// same is the trunk that is set just like c, nil when there is none.
func (ts *trunks) same(c Trunk) *trunk {
	if ts == nil {
		return nil
	}
	if t := ts.byName(c.Name); t != nil && reflect.DeepEqual(t.Trunk, c) {
		return t
	}
	return nil
}

// WithDefaults is c with every zero field replaced by its default.
func (c Config) WithDefaults() Config { return c.withDefaults() }

// SetTrunks replaces all trunks and outbound routes while serving. Calls that run go
// on by the trunk they began with; a trunk that is set as before keeps its counters and
// its registration, one that is gone or changed says good-bye to its registrar. Nothing
// changes when something cannot work, which the error says.
func (s *Server) SetTrunks(list []Trunk, outbound []OutboundRoute) error {
	cfg := s.cfg
	cfg.Trunks, cfg.Outbound = list, outbound
	if err := cfg.Check(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	s.setting.Lock()
	defer s.setting.Unlock()
	s.mu.Lock()
	old := s.trunks.Load()
	ts := newTrunks(cfg.Trunks, outbound, old)
	s.trunks.Store(ts)
	var left []*trunk
	for _, t := range old.list {
		if !slices.Contains(ts.list, t) {
			close(t.gone)
			left = append(left, t)
		}
	}
	s.mu.Unlock()
	s.leave(left) // before the new ones come, who may have the same account
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range ts.list {
		if s.started && !s.closed && !slices.Contains(old.list, t) {
			s.keep(t)
		}
	}
	return nil
}

// keep starts what a trunk does by itself; the caller holds the lock.
func (s *Server) keep(t *trunk) {
	if t.Register {
		s.wg.Go(func() { s.keepRegistered(t) }) // ends when Close cancels, or the trunk is gone
	}
	if t.Probe > 0 {
		s.wg.Go(func() { s.keepProbing(t) }) // ends when Close cancels, or the trunk is gone
	}
}

// bySource returns the trunk with the longest prefix around an address that
// may use the transport, or nil.
func (ts *trunks) bySource(f flow) *trunk {
	var best *trunk
	bits := -1
	addr := f.remote().Addr()
	for _, t := range ts.list {
		if !t.allows(f.network()) {
			continue
		}
		for _, p := range t.prefixes {
			if p.Contains(addr) && p.Bits() > bits {
				best, bits = t, p.Bits()
			}
		}
		if t.Register && len(t.prefixes) == 0 && t.Auth == nil && bits < addr.BitLen() && t.reg.from() == addr {
			best, bits = t, addr.BitLen()
		}
	}
	return best
}

// byUser returns the digest trunk of a user name for a source without a trunk
// of its own.
func (ts *trunks) byUser(user string, f flow) *trunk {
	for _, t := range ts.list {
		if len(t.prefixes) == 0 && t.Auth != nil && t.Auth.Username == user && t.allows(f.network()) {
			return t
		}
	}
	return nil
}

func (ts *trunks) byName(name string) *trunk {
	for _, t := range ts.list {
		if t.Name == name {
			return t
		}
	}
	return nil
}

func (t *trunk) allows(network string) bool {
	return len(t.Transports) == 0 && !strings.HasPrefix(network, "ws") || slices.Contains(t.Transports, network) // browsers are users
}

// take counts a new call against the limits; retry is when to come again.
func (t *trunk) take(now time.Time) (ok bool, retry time.Duration) {
	if n := t.calls.Add(1); t.MaxCalls > 0 && n > int64(t.MaxCalls) {
		t.calls.Add(-1)
		t.rejected.Add(1)
		return false, 10 * time.Second
	}
	if !t.token(now) {
		t.calls.Add(-1)
		t.rejected.Add(1)
		return false, time.Second
	}
	return true, 0
}

func (t *trunk) release() { t.calls.Add(-1) }

// token takes one from the bucket of CPS per second, CPS deep.
func (t *trunk) token(now time.Time) bool {
	if t.CPS <= 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.filled.IsZero() {
		t.tokens = min(float64(t.CPS), t.tokens+now.Sub(t.filled).Seconds()*float64(t.CPS))
	}
	t.filled = now
	if t.tokens < 1 {
		return false
	}
	t.tokens--
	return true
}

func (t *trunk) policy() sdp.Policy {
	if t == nil || t.SRTP == "" {
		return sdp.Off
	}
	return sdp.Policy(t.SRTP)
}

// credentials answer challenges of this trunk.
func (t *trunk) credentials() *Auth {
	if t == nil {
		return nil
	}
	if t.Credentials != nil {
		return t.Credentials
	}
	return t.Auth
}

func (t *trunk) stats(draining bool) TrunkStats {
	s := TrunkStats{Name: t.Name, State: "up", Calls: t.calls.Load(), MaxCalls: t.MaxCalls, CPS: t.CPS,
		Accepted: uint64(t.accepted.Load()), Dialled: uint64(t.dialled.Load()), Rejected: uint64(t.rejected.Load()),
		LastOptionsAt: unixTime(t.lastOptions.Load()), LastSeenAt: unixTime(t.lastSeen.Load())}
	t.reg.mu.Lock()
	s.Registration, s.RegisterStatus, s.RegisteredUntil = t.reg.state, t.reg.status, t.reg.until
	t.reg.mu.Unlock()
	s.ProbeMisses, s.ProbeRTT, s.ProbedAt = t.probe.misses.Load(), time.Duration(t.probe.rtt.Load()), unixTime(t.probe.at.Load())
	if draining {
		s.State = "draining"
	} else if t.probe.down.Load() {
		s.State = "down"
	} else if t.MaxCalls > 0 && s.Calls >= int64(t.MaxCalls) {
		s.State = "full"
	} else if s.Registration != regGood && s.ProbeRTT == 0 && s.LastSeenAt.IsZero() && s.Accepted+s.Dialled == 0 {
		s.State = "unknown"
	}
	return s
}

func unixTime(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
