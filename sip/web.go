package sip

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/sdp"
	"tingxin/sip/wire"
)

// webLeg is what a browser's media leg does by itself: it makes and takes whole
// session descriptions, with all candidates.
type webLeg interface {
	Offer(ctx context.Context) (sdp []byte, err error)
	AcceptOffer(ctx context.Context, sdp []byte) (answer []byte, err error)
	AcceptAnswer(ctx context.Context, sdp []byte) error
	SetDirection(d media.Direction)
	PreferCodecs(codecs ...media.Codec)
}

var _ webLeg = (*media.Leg)(nil)

// engineWebLeg opens a browser's leg with the engine.
func (s *Server) engineWebLeg(id string, log *slog.Logger) (*media.Leg, webLeg, error) {
	leg, err := s.engine.NewWebRTCLeg(id, log)
	if err != nil {
		return nil, nil, err
	}
	return leg, leg, nil
}

// webWait bounds what a leg may take for a description: gathering of its own
// addresses, no network.
const webWait = 3 * time.Second

// webSession is the offer/answer state of a browser's leg.
type webSession struct {
	leg     webLeg
	pending bool // an offer of ours waits for its answer
	agreed  bool
}

// webOffer finds out what a description wants: DTLS is media for browsers.
func webOffer(d *sdp.Description) (m *sdp.Media, is bool) {
	for i := range d.Media {
		if m := &d.Media[i]; m.Kind == "audio" && strings.HasPrefix(strings.ToUpper(m.Proto), "UDP/TLS/RTP/SAVP") {
			return m, true
		}
	}
	return nil, false
}

var errWebOffer = errors.New("an offer for browsers needs rtcp-mux and a fingerprint")

// take answers an offer of the peer.
func (w *webSession) take(ctx context.Context, desc *sdp.Description, body []byte) (answer []byte, err error) {
	m, ok := webOffer(desc)
	if !ok || !desc.Has(m, "rtcp-mux") || !desc.Has(m, "fingerprint") {
		return nil, errWebOffer
	}
	if answer, err = w.leg.AcceptOffer(ctx, body); err == nil {
		w.agreed, w.pending = true, false
	}
	return answer, err
}

// offer makes one with a direction.
func (w *webSession) offer(ctx context.Context, dir sdp.Direction) ([]byte, error) {
	w.leg.SetDirection(media.Direction(dir))
	body, err := w.leg.Offer(ctx)
	if err != nil {
		return nil, err
	}
	w.pending = true
	return body, nil
}

// accept takes the answer to an offer of ours.
func (w *webSession) accept(ctx context.Context, body []byte) error {
	if !w.pending {
		return sdp.ErrNoOffer
	}
	if err := w.leg.AcceptAnswer(ctx, body); err != nil {
		return err
	}
	w.pending, w.agreed = false, true
	return nil
}

// pinned: what is sent to a user goes where the user was last heard, since the
// contact may name a place that nobody finds.
func (d *dialog) pinned() bool {
	return d.user != "" && d.flow != nil && (d.flow.reliable() || len(d.routeSet) == 0)
}

// pinnedWay is the way to a user: its connection, or the one its device has
// registered over since.
func (d *dialog) pinnedWay() (flow, reopen, error) {
	again := func(context.Context) (flow, error) {
		if b := d.s.registrar.find(d.seat, time.Now()); b != nil {
			return b.flow, nil
		}
		return nil, errClosed
	}
	if d.flow.alive() {
		return d.flow, again, nil
	}
	f, err := again(d.s.base)
	if err == nil {
		d.flow = f
	}
	return f, again, err
}

// probeAfter is how long after its return a device is asked whether it still
// has the call: it may be about to say so by itself.
func (d *dialog) probeAfter() time.Duration { return 4 * d.s.cfg.T1 }

// userDialogs lists the dialogs with users, or with one of them.
func (s *Server) userDialogs(user string) []*dialog {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*dialog
	for _, d := range s.dialogs {
		if d.user != "" && (user == "" || d.user == user) {
			out = append(out, d)
		}
	}
	return out
}

// seated tells running calls of a user that a device is there again.
func (s *Server) seated(b *binding) {
	if !b.flow.reliable() {
		return
	}
	s.settle(b)
	for _, d := range s.userDialogs(b.user) {
		d.post(func() { d.onSeated(b) })
	}
}

// onSeated goes on over the new connection of the same device. Another device
// in the place of a lost one means that a page was loaded anew: its calls are
// gone.
func (d *dialog) onSeated(b *binding) {
	lost := !d.at[timerLost].IsZero()
	switch {
	case d.phase == ended || d.flow == b.flow:
	case d.seat == b.seat:
		d.flow = b.flow
		d.disarm(timerLost)
		if d.phase == confirmed {
			d.arm(timerProbe, d.probeAfter())
		}
	case lost && time.Until(d.at[timerLost]) > d.s.cfg.LostReload:
		d.arm(timerLost, d.s.cfg.LostReload)
	}
}

// flowLost: the connection of a user is gone. Its media goes on for a while; a
// call that rings has no way back for its answer.
func (d *dialog) flowLost(f flow) {
	if d.phase == ended || d.flow != f {
		return
	}
	switch {
	case d.phase == early && d.uas:
		d.refuse(487, "", nil)
		d.end(call.CauseCancelled, true)
	case d.phase != early:
		d.lostAt = time.Now()
		d.arm(timerLost, d.s.cfg.Lost)
	}
}

// While sound still comes of a device whose connection is away, its call is looked
// at again after lostLook, for as long as lostMost.
const (
	lostLook = 10 * time.Second
	lostMost = 3 * time.Minute
)

// stillHeard says whether sound comes of the device, or none is to come because it holds.
func (d *dialog) stillHeard(now time.Time) bool {
	if d.leg == nil {
		return false
	}
	a := d.leg.Activity()
	return a.Held || !a.Never() && now.Sub(a.Last) < 5*time.Second
}

// lostForGood ends a call whose device did not come back. One that is still heard
// has lost its signalling only, and has more time.
func (d *dialog) lostForGood() {
	if now := time.Now(); d.stillHeard(now) && now.Sub(d.lostAt) < lostMost {
		d.arm(timerLost, min(lostLook, d.s.cfg.Lost))
		return
	}
	d.log.Info("user's connection did not come back")
	d.end(call.CauseLost, true)
}

// askStill finds out whether a device that came back still has the call: UPDATE
// refreshes the session, 481 ends it.
func (d *dialog) askStill() {
	if d.phase != confirmed {
		return
	}
	if d.busy() {
		d.arm(timerProbe, d.probeAfter())
		return
	}
	d.offerTo("UPDATE", nil, func(error) {})
}

// isWebBody reports whether a request brings an offer for browsers.
func isWebBody(m *wire.Message) bool {
	desc, err := sdp.Parse(m.SDP())
	if err != nil {
		return false
	}
	_, is := webOffer(desc)
	return is
}

// CallHeader tells a user's own page which call its leg belongs to, and what the
// user is there: "ID;role=supervisor;mode=listen", with ";again" when the user
// comes back after the page was loaded anew, and ";work=ID" when it is for work of a queue.
const CallHeader = "X-Tingxin-Call"

// workChars are what ids of work are made of.
const workChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_."

// insideOf is the value of CallHeader, empty when the call did not say which it is.
func insideOf(t call.Target) string {
	if t.Call == "" {
		return ""
	}
	v := t.Call + ";role=" + string(t.Role)
	if t.Mode != call.ModeNone {
		v += ";mode=" + string(t.Mode)
	}
	if t.Again {
		v += ";again"
	}
	if t.Work != "" && strings.Trim(t.Work, workChars) == "" {
		v += ";work=" + t.Work
	}
	return v
}

// inside adds CallHeader to an answer to a user who called.
func (d *dialog) inside(resp *wire.Message) {
	if h, ok := d.handler.(interface{ ID() string }); ok && d.user != "" {
		resp.Add(CallHeader, h.ID())
	}
}
