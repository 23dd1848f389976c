package sip

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// arm is the Handler of one leg of a fork: what happens on it is the caller's
// business once it has won.
type arm struct {
	h     call.Handler
	early bool // pass early media on: there is no other arm
	once  *sync.Once

	mu     sync.Mutex
	won    bool
	missed []func() // between the answer and the choice
}

// pass does f now or when the arm has won.
func (a *arm) pass(f func()) {
	a.mu.Lock()
	if !a.won {
		a.missed = append(a.missed, f)
		a.mu.Unlock()
		return
	}
	a.mu.Unlock()
	f()
}

// win gives the arm to the caller.
func (a *arm) win() {
	a.mu.Lock()
	a.won = true
	missed := a.missed
	a.missed = nil
	a.mu.Unlock()
	for _, f := range missed {
		f()
	}
}

// RemoteHangup implements call.Handler.
func (a *arm) RemoteHangup(c call.Cause) { a.pass(func() { a.h.RemoteHangup(c) }) }

// RemoteDigit implements call.Handler.
func (a *arm) RemoteDigit(d media.Digit) { a.pass(func() { a.h.RemoteDigit(d) }) }

// RemoteHold implements call.Handler.
func (a *arm) RemoteHold(held bool) { a.pass(func() { a.h.RemoteHold(held) }) }

// RemoteMedia implements call.Handler.
func (a *arm) RemoteMedia() { a.pass(a.h.RemoteMedia) }

// RemoteProgress implements call.EarlyHandler: the first ring of all arms, and
// early media when there is one arm only.
func (a *arm) RemoteProgress(status int, leg *media.Leg) {
	eh, ok := a.h.(call.EarlyHandler)
	switch {
	case !ok:
	case a.early:
		eh.RemoteProgress(status, leg)
	case status == 180 || leg != nil:
		a.once.Do(func() { eh.RemoteProgress(180, nil) })
	}
}

// armResult is how one arm ended.
type armResult struct {
	*arm
	dialog call.Dialog
	leg    *media.Leg
	err    error
}

// HasUser implements call.Directory.
func (s *Server) HasUser(name string) bool {
	if s.users == nil || name == "" {
		return false
	}
	u, ok := s.users.User(name)
	return ok && !u.Guest
}

// dialUser rings a user wherever it is registered; the first answer wins, the
// others are cancelled. Nobody there is 480, nobody of that name 404.
func (s *Server) dialUser(ctx context.Context, t call.Target, h call.Handler) (call.Dialog, *media.Leg, error) {
	if s.users == nil {
		return nil, nil, &call.DialError{Status: 404, Reason: "no users here"}
	}
	u, ok := s.users.User(t.User)
	if !ok {
		return nil, nil, &call.DialError{Status: 404, Reason: "no user of that name"}
	}
	ways := s.ways(ctx, t)
	if u.Disabled || len(ways) == 0 {
		return nil, nil, &call.DialError{Status: 480, Reason: "not registered"}
	}
	arms, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan armResult, len(ways))
	if !s.begins(len(ways)) {
		return nil, nil, &call.DialError{Status: 503, Reason: errShutdown.Error()}
	}
	once := &sync.Once{}
	for _, to := range ways {
		a := &arm{h: h, early: len(ways) == 1, once: once}
		go func() { // ends with the outcome of its leg, at the latest when arms is cancelled
			defer s.wg.Done()
			d, leg, err := s.dialOne(arms, to, t, a)
			if to.seat != nil {
				s.deaf(to.seat, err)
			}
			results <- armResult{a, d, leg, err}
		}()
	}
	return s.choose(ctx, cancel, results, len(ways))
}

// ways are where a user can be rung: the bindings here and, unless t says here
// only, the other servers that have some.
func (s *Server) ways(ctx context.Context, t call.Target) (ways []destination) {
	name := "sip:" + t.User + "@" + s.cfg.Domain
	for _, b := range s.registrar.of(t.User, time.Now()) {
		ways = append(ways, destination{uri: b.contact, to: name, trunk: s.people, seat: b})
	}
	if s.nodes == nil || t.Here {
		return ways
	}
	for _, e := range s.nodes.Elsewhere(ctx, t.User) {
		uri := "sip:" + wire.Escape(t.User) + "@" + strings.TrimPrefix(e.URI, "sip:")
		ways = append(ways, destination{uri: uri, to: name, trunk: s.plain, token: e.Token, node: e.Name})
	}
	return ways
}

// deaf drops a binding that did not even say that it is trying.
func (s *Server) deaf(b *binding, err error) {
	var de *call.DialError
	if errors.As(err, &de) && de.Status == 408 && de.Reason == noAnswer {
		s.stats.bindingsLost.Add(1)
		s.registrar.remove(b)
	}
}

// choose waits for the first answer and ends the rest.
func (s *Server) choose(ctx context.Context, cancel func(), results <-chan armResult, n int) (call.Dialog, *media.Leg, error) {
	var failed []error
	for i := range n {
		select {
		case r := <-results:
			if r.err == nil {
				cancel()
				s.late(results, n-i-1)
				r.win()
				d := r.dialog.(*dialog)
				d.post(func() { d.handler = r.h })
				return d, r.leg, nil
			}
			failed = append(failed, r.err)
			var de *call.DialError
			if errors.As(r.err, &de) && de.Status >= 600 { // nowhere (RFC 3261 16.7)
				cancel()
				s.late(results, n-i-1)
				return nil, nil, r.err
			}
		case <-ctx.Done():
			s.late(results, n-i)
			return nil, nil, fmt.Errorf("dial given up: %w", context.Cause(ctx))
		}
	}
	return nil, nil, slices.MinFunc(failed, func(a, b error) int { return rank(a) - rank(b) })
}

// late ends arms that answer after the choice.
func (s *Server) late(results <-chan armResult, n int) {
	if n == 0 {
		return
	}
	drain := func() {
		for range n {
			if r := <-results; r.err == nil {
				s.stats.forked.Add(1)
				_ = r.dialog.Hangup(s.base, call.CauseCancelled)
				r.leg.Close()
			}
		}
	}
	if !s.begins(1) { // closing: the arms end at once
		drain()
		return
	}
	go func() { // ends when all arms have ended
		defer s.wg.Done()
		drain()
	}()
}

// rank orders refusals: what tells a caller most comes first.
func rank(err error) int {
	var de *call.DialError
	if !errors.As(err, &de) {
		return 9
	}
	switch de.Status {
	case 486:
		return 0
	case 480, 408:
		return 2
	case 503, 500, 0:
		return 4
	}
	return 1
}
