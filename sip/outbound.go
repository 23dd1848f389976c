package sip

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// OutboundRoute sends numbers to a trunk. Of those whose prefix fits, the longest
// prefix comes first, then the lowest Order; among equals chance decides by
// Weight. The next one is tried when a trunk fails before it rings.
type OutboundRoute struct {
	// Prefixes of the numbers: "+86" of the international form, "0" of what was dialled, "" for all.
	Prefixes []string `yaml:"prefixes" koanf:"prefixes"`
	Trunk    string   `yaml:"trunk" koanf:"trunk"`
	Order    int      `yaml:"order" koanf:"order"`
	Weight   int      `yaml:"weight" koanf:"weight"` // 0 = 1
	// Strip so many characters of the number in the trunk's form, then put Prepend in front.
	Strip   int    `yaml:"strip" koanf:"strip"`
	Prepend string `yaml:"prepend" koanf:"prepend"`
}

func (r *OutboundRoute) check(trunks []Trunk) error {
	i := slices.IndexFunc(trunks, func(t Trunk) bool { return t.Name == r.Trunk })
	switch {
	case i < 0:
		return fmt.Errorf("there is no trunk %q", r.Trunk)
	case trunks[i].Proxy == "":
		return fmt.Errorf("trunk %q has no proxy to call to", r.Trunk)
	case r.Weight < 0 || r.Strip < 0:
		return errors.New("weight and strip are not negative")
	}
	return nil
}

// candidate is a route that fits a number.
type candidate struct {
	route  *OutboundRoute
	trunk  *trunk
	length int     // of the prefix that fits
	draw   float64 // lower is earlier (weighted)
	down   bool
}

// maxRoutesTried bounds the trunks that one call goes through.
const maxRoutesTried = 8

// candidates lists the ways for a number, the best first, those believed down last.
func (s *Server) candidates(n Number, now time.Time) []candidate {
	var out []candidate
	ts := s.trunks.Load()
	for i := range ts.outbound {
		r := &ts.outbound[i]
		best := -1
		for _, p := range r.Prefixes {
			if n.under(p) {
				best = max(best, len(p))
			}
		}
		if len(r.Prefixes) == 0 {
			best = 0
		}
		t := ts.byName(r.Trunk)
		if best < 0 || t == nil {
			continue
		}
		draw := rand.ExpFloat64() / float64(max(1, r.Weight)) // the smallest of these wins in proportion to the weights
		out = append(out, candidate{r, t, best, draw, t.isDown(now)})
	}
	slices.SortFunc(out, func(a, b candidate) int {
		switch {
		case a.down != b.down && a.down:
			return 1
		case a.down != b.down:
			return -1
		}
		return cmp.Or(cmp.Compare(b.length, a.length), cmp.Compare(a.route.Order, b.route.Order), cmp.Compare(a.draw, b.draw))
	})
	return out[:min(len(out), maxRoutesTried)]
}

// number is what a route makes of a number for its trunk.
func (c *candidate) number(n Number) string {
	s := n.in(c.trunk.Format)
	return c.route.Prepend + s[min(len(s), c.route.Strip):]
}

// destination is the address of a number behind the trunk of a route.
func (c *candidate) destination(n Number) destination {
	proxy, _ := wire.ParseURI(c.trunk.Proxy) // judged by Check
	host := proxy.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if proxy.Port != 0 {
		host += ":" + itoa(proxy.Port)
	}
	return destination{uri: "sip:" + wire.Escape(c.number(n)) + "@" + host, trunk: c.trunk, hurry: true}
}

// attempt is the Handler of one try: it notes whether the far end rang.
type attempt struct {
	arm
	rang atomic.Bool
}

// RemoteProgress implements call.EarlyHandler.
func (a *attempt) RemoteProgress(status int, leg *media.Leg) {
	a.rang.Store(true)
	a.arm.RemoteProgress(status, leg)
}

var _ call.Ways = (*Server)(nil)

// Reaches implements call.Ways: a trunk takes the number, up or down.
func (s *Server) Reaches(number string) bool {
	n := ParseNumber(number, s.cfg.Region)
	return n.Dialled != "" && len(s.candidates(n, time.Now())) > 0
}

// dialNumber calls a number by the outbound routes.
func (s *Server) dialNumber(ctx context.Context, t call.Target, h call.Handler) (call.Dialog, *media.Leg, error) {
	n := ParseNumber(t.Number, s.cfg.Region)
	list := s.candidates(n, time.Now())
	if n.Dialled == "" || len(list) == 0 {
		return nil, nil, &call.DialError{Status: 404, Reason: "no route to that number"}
	}
	var last error
	for i, c := range list {
		a := &attempt{arm: arm{h: h, early: true}}
		to := c.destination(n)
		if i == 0 {
			to.callID = t.SIPCallID // the next ones are calls of their own
		}
		d, leg, err := s.dialOne(ctx, to, t, a)
		if err == nil {
			a.win()
			dd := d.(*dialog)
			dd.post(func() { dd.handler = h })
			return d, leg, nil
		}
		last = err
		if !c.trunk.failed(err, time.Now()) || a.rang.Load() || ctx.Err() != nil {
			break
		}
		s.stats.failedOver.Add(1)
		s.log.Info("trunk failed, trying the next", "trunk", c.trunk.Name, "error", err)
	}
	return nil, nil, last
}

// suspect is how long a trunk that failed is tried after the others.
const suspect = 30 * time.Second

// failed reports whether an outcome is the trunk's fault and not the answer of
// who was called: those may never be called twice.
func (t *trunk) failed(err error, now time.Time) bool {
	var de *call.DialError
	if !errors.As(err, &de) {
		return false
	}
	switch de.Status {
	case 408, 500, 502, 503, 504:
		t.suspectUntil.Store(now.Add(suspect).UnixNano())
		return true
	}
	return false
}

// isDown: its probes are missing, or a call failed on it lately.
func (t *trunk) isDown(now time.Time) bool {
	return t.probe.down.Load() || now.UnixNano() < t.suspectUntil.Load()
}
