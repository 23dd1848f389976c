package sip

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"tingxin/sip/wire"
)

// probe is what OPTIONS tell about a trunk.
type probe struct {
	down   atomic.Bool
	misses atomic.Int64 // in a row
	good   atomic.Int64 // in a row
	rtt    atomic.Int64 // of the last answer, nanoseconds
	at     atomic.Int64 // of the last answer, unix nanoseconds
}

// probeLimit is how long an answer to OPTIONS may take.
const probeLimit = 4 * time.Second

// keepProbing asks a trunk for a sign of life until Close.
func (s *Server) keepProbing(t *trunk) {
	for {
		s.probeOnce(t)
		wait := time.Duration(float64(t.Probe) * (0.9 + rand.Float64()/5)) // not all at once
		select {
		case <-time.After(wait):
		case <-t.gone:
			return
		case <-s.base.Done():
			return
		}
	}
}

// probeOnce sends one OPTIONS. Any answer but 408 and 503 is one: a trunk that
// does not know OPTIONS is there all the same.
func (s *Server) probeOnce(t *trunk) {
	ctx, cancel := context.WithTimeout(s.base, time.Duration(float64(probeLimit)*s.hurry()))
	defer cancel()
	began := time.Now()
	resp, err := s.optionsTo(ctx, t)
	if s.base.Err() != nil {
		return
	}
	p := &t.probe
	if err != nil || resp.Status == 408 || resp.Status == 503 {
		p.good.Store(0)
		if n := p.misses.Add(1); n >= int64(or(t.ProbeMisses, 3)) && !p.down.Swap(true) {
			s.log.Warn("trunk is down", "trunk", t.Name, "misses", n, "error", err)
		}
		return
	}
	p.misses.Store(0)
	p.rtt.Store(int64(time.Since(began)))
	p.at.Store(time.Now().UnixNano())
	if n := p.good.Add(1); n >= int64(or(t.ProbeReplies, 2)) && p.down.Swap(false) {
		t.suspectUntil.Store(0)
		s.log.Info("trunk is up again", "trunk", t.Name)
	}
}

func (s *Server) optionsTo(ctx context.Context, t *trunk) (*wire.Message, error) {
	h, err := resolve(ctx, t.Proxy, "udp")
	if err != nil {
		return nil, err
	}
	f, err := s.transport.to(ctx, h.network, h.addr, h.host)
	if err != nil {
		return nil, err
	}
	m := &wire.Message{Method: "OPTIONS", URI: t.Proxy}
	m.Add("Max-Forwards", "70").Add("From", "<sip:"+contactUser+"@"+s.fromHost(f)+">;tag="+randomID(6)).Add("To", "<"+t.Proxy+">").
		Add("Call-ID", randomID(12)).Add("CSeq", "1 OPTIONS").Add("Contact", "").Add("Accept", "application/sdp").
		Add("User-Agent", s.cfg.UserAgent)
	return s.ask(ctx, t, m, f)
}
