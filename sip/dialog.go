package sip

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/sdp"
)

// phase of a dialog.
type phase int

const (
	early     phase = iota // no final answer yet
	answered               // incoming: 200 sent, ACK awaited
	confirmed              // both sides know
	ended
)

// timers of a dialog; each is a point in time, the loop waits for the nearest.
type timerKind int

const (
	timerOK           timerKind = iota // repeat the 200, or give up
	timerReliable                      // repeat the reliable 1xx, or give up
	timerRing                          // nobody answers
	timerProgress                      // repeat the last 1xx each minute (RFC 3261 13.3.1.1)
	timerRefresh                       // refresh the session
	timerExpire                        // the session has run out
	timerRetry                         // glare back-off is over
	timerCancel                        // a cancelled INVITE got no final answer
	timerLost                          // the user's connection does not come back
	timerProbe                         // ask a device that came back for the call
	timerFirst                         // a trunk has not said anything
	timerNotify                        // a NOTIFY may be tried again
	timerSubscription                  // a transfer took too long
	timerKinds
)

// inboxSize bounds what a dialog may be behind; requests of the peer may fill
// half of it, the rest is for our own timers, answers and commands.
const inboxSize = 64

var (
	errEnded = errors.New("dialog has ended")
	errBusy  = errors.New("dialog inbox full")
)

// dialog is one SIP dialog with one leg, owned by one goroutine: everything
// below the line is touched by run and the functions it executes alone.
type dialog struct {
	s      *Server
	log    *slog.Logger
	callID string
	local  string // our tag
	trunk  *trunk
	uas    bool // the peer called
	inbox  chan func()
	user   string // of ours at the far end, "" for a trunk; set before the loop, as seat
	node   bool   // user is another server of ours; as user
	guest  bool   // user is a visitor with the right to this one call; as user
	seat   seat   // its device, zero when it is not registered
	// peerNode is the server of ours that we have dialled, behalf the user whom it rings for us; empty as a rule; as user
	peerNode, behalf string

	mu     sync.Mutex
	closed bool   // no more posts
	remote string // the peer's tag, "" until known
	cause  call.Cause

	// ---- owned by the loop ----
	phase      phase
	at         [timerKinds]time.Time
	handler    call.Handler
	pending    []func(call.Handler) // told before the handler was known
	leg        *media.Leg
	legHanded  bool            // the call owns and closes the leg
	neg        *sdp.Negotiator // of plain media and SDES; nil with web
	web        *webSession     // of a browser's media
	codecs     []string        // of an outgoing leg, in the order offered
	mediaUp    bool            // we may send: 183 with SDP or 200 went out
	lastRemote netip.AddrPort
	held       bool
	relatch    bool // the leg may learn the peer's address again
	wish       sdp.Direction

	flow       flow      // the last way the peer was heard on
	lostAt     time.Time // that way was lost
	network    string    // transport of the dialog
	localURI   string    // our From or To value, with tag
	remoteURI  string    // the peer's
	target     string    // remote target (Contact)
	routeSet   []string
	localSeq   uint32
	remoteSeq  uint32
	peerAllow  map[string]bool
	peerTimer  bool // peer supports session timers
	origin     string
	released   bool // trunk slot given back
	userAgent  string
	originFlow flow
	far        atomic.Value    // netip.AddrPort of originFlow, for other dialogs
	in         *inviteIn       // an INVITE of the peer without final answer
	ok         *okWait         // a 200 of ours without ACK
	rel        *reliable       // reliable provisional in flight
	relNext    []func()        // what waits for its PRACK
	out        *requestOut     // an offer or refresh of ours without answer
	retry      func()          // what to try again after a glare
	tries      int             // how often in a row
	session    sessionTimer    //
	subs       []*subscription // transfers the peer waits for
	passed     *passedOn       // a transfer that the peer carries out
	idle       []func()        // what waits until no INVITE and no offer is open
	bye        call.Cause      // hang up as soon as the ACK is here
	byeDue     bool            //
	dial       *dialling       // outgoing leg before its answer
	rseq       uint32          // last reliable provisional number of ours
	prack      map[string]int  // highest RSeq acknowledged, by fork tag
	outcome    chan dialResult // set before the loop starts, read by Dial
}

func (s *Server) newDialog(callID string, uas bool, t *trunk) *dialog {
	return &dialog{s: s, callID: callID, local: randomID(8), uas: uas, trunk: t, inbox: make(chan func(), inboxSize),
		log: s.log.With("sip_call", callID), wish: sdp.SendRecv, peerAllow: map[string]bool{}, prack: map[string]int{}}
}

// add makes the dialog known and starts its loop; false while closing.
func (s *Server) add(d *dialog) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.dialogs[dialogKey{d.callID, d.local}] = d
	if d.origin != "" {
		s.origins[d.origin] = d
	}
	s.stats.dialogs.Add(1)
	s.wg.Add(1)
	go d.run() // ends with phase ended: BYE, CANCEL, refusal, timer or Close
	return true
}

func (s *Server) remove(d *dialog) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.dialogs, dialogKey{d.callID, d.local})
	if s.origins[d.origin] == d {
		delete(s.origins, d.origin)
	}
	s.stats.dialogs.Add(-1)
}

// post hands work to the loop; false when the dialog is gone or far behind.
func (d *dialog) post(f func()) bool { return d.enqueue(f, inboxSize) }

// remotePost is post for what the peer sends: half of the inbox.
func (d *dialog) remotePost(f func()) bool { return d.enqueue(f, inboxSize/2) }

func (d *dialog) enqueue(f func(), limit int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.inbox) >= limit {
		return false
	}
	d.inbox <- f
	return true
}

func (d *dialog) isClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.closed
}

// fromPeer checks the peer's tag.
func (d *dialog) fromPeer(tag string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.remote == tag || d.remote == "" && !d.uas
}

func (d *dialog) setRemoteTag(tag string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.remote = tag
}

// run is the loop of the dialog.
func (d *dialog) run() {
	defer d.s.wg.Done()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for d.phase != ended {
		next, wait := d.nearest()
		timer.Reset(wait)
		select {
		case f := <-d.inbox:
			d.safely(f)
		case <-timer.C:
			if next >= 0 {
				d.safely(func() { d.fire(next) })
			}
		case <-d.s.base.Done(): // Close has waited long enough
			d.safely(d.abandon)
			d.phase = ended
		}
	}
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	for len(d.inbox) > 0 {
		d.safely(<-d.inbox)
	}
	if d.leg != nil && !d.legHanded {
		d.leg.Close()
	}
	if d.trunk != nil && !d.released {
		d.released = true
		d.trunk.release()
	}
	d.s.remove(d)
}

// safely runs f; a panic ends this dialog, not the server.
func (d *dialog) safely(f func()) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		d.s.stats.bad.add("panic")
		d.log.Error("dialog failed", "panic", r, "stack", string(debug.Stack()))
		d.mu.Lock()
		d.cause = call.CauseError
		d.mu.Unlock()
		if d.phase != ended && d.handler != nil {
			d.handler.RemoteHangup(call.CauseError)
		}
		d.phase = ended
	}()
	f()
}

// abandon ends a dialog without waiting for anything any more.
func (d *dialog) abandon() {
	if d.phase == answered || d.phase == confirmed {
		d.sendBye(call.CauseShutdown)
	}
	d.refuse(503, "", nil)
	d.end(call.CauseShutdown, true)
}

func (d *dialog) nearest() (timerKind, time.Duration) {
	best := timerKind(-1)
	for k, t := range d.at {
		if !t.IsZero() && (best < 0 || t.Before(d.at[best])) {
			best = timerKind(k)
		}
	}
	if best < 0 {
		return -1, time.Hour
	}
	return best, max(0, time.Until(d.at[best]))
}

func (d *dialog) arm(k timerKind, in time.Duration) { d.at[k] = time.Now().Add(in) }
func (d *dialog) disarm(k timerKind)                { d.at[k] = time.Time{} }

func (d *dialog) fire(k timerKind) {
	d.disarm(k)
	switch k {
	case timerOK:
		d.repeatOK()
	case timerReliable:
		d.repeatReliable()
	case timerRing:
		d.ringTimeout()
	case timerProgress:
		d.repeatProgress()
	case timerRefresh:
		d.refresh()
	case timerExpire:
		d.sessionExpired()
	case timerRetry:
		if f := d.retry; f != nil {
			d.retry = nil
			f()
		}
	case timerCancel:
		d.cancelTimeout()
	case timerLost:
		d.lostForGood()
	case timerProbe:
		d.askStill()
	case timerFirst:
		d.mute()
	case timerNotify:
		d.renotify()
	case timerSubscription:
		d.endSubscriptions()
	}
}

// do runs f on the loop and waits for what it reports. f calls reply once, now
// or later.
func (d *dialog) do(ctx context.Context, f func(reply func(error))) error {
	done := make(chan error, 1)
	reply := func(err error) {
		select {
		case done <- err:
		default:
		}
	}
	if !d.post(func() { f(reply) }) {
		if d.isClosed() {
			return errEnded
		}
		return errBusy
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tell calls the handler, now or as soon as it is known.
func (d *dialog) tell(f func(call.Handler)) {
	if d.handler == nil {
		d.pending = append(d.pending, f)
		return
	}
	f(d.handler)
}

// end finishes the dialog; remote tells the call that the peer did it.
func (d *dialog) end(cause call.Cause, remote bool) {
	if d.phase == ended {
		return
	}
	d.phase = ended
	d.at = [timerKinds]time.Time{}
	d.mu.Lock()
	d.cause = cause
	d.mu.Unlock()
	if ok := d.ok; ok != nil {
		d.ok = nil
		ok.done(errEnded)
	}
	for _, f := range append(d.relNext, d.idle...) {
		f()
	}
	d.relNext, d.idle = nil, nil
	if d.dial != nil {
		d.dial.finish(nil, &call.DialError{Reason: string(cause)})
	}
	if remote {
		d.tell(func(h call.Handler) { h.RemoteHangup(cause) })
	}
}

// shutdown is Close's wish: end in the way that fits the phase.
func (d *dialog) shutdown() { d.hangup(call.CauseShutdown) }

// hangup ends the dialog from our side in the way that fits the phase.
func (d *dialog) hangup(cause call.Cause) {
	switch {
	case d.phase == ended:
	case d.phase == early && d.uas:
		d.refuse(statusOf(cause), "", nil)
		d.end(cause, false)
	case d.phase == early:
		d.cancelDial(cause)
	case d.phase == answered:
		d.bye, d.byeDue = cause, true // BYE may not overtake the ACK (RFC 3261 15)
	default:
		d.lastReports()
		d.sendBye(cause)
		d.end(cause, false)
	}
}

// statusOf is the refusal of an unanswered call for each cause.
func statusOf(c call.Cause) int {
	switch c {
	case call.CauseBusy:
		return 486
	case call.CauseNoRoute:
		return 404
	case call.CauseRejected:
		return 603
	case call.CauseShutdown, call.CauseRestart:
		return 503
	case call.CauseError:
		return 500
	}
	return 480
}

// reasonOf is the Reason header of a BYE or CANCEL (RFC 3326, Q.850 causes).
func reasonOf(c call.Cause) string {
	q := "16"
	switch c {
	case call.CauseBusy:
		q = "17"
	case call.CauseNoAnswer:
		q = "19"
	case call.CauseRejected, call.CauseAdmin:
		q = "21"
	case call.CauseNoMedia, call.CauseMediaTimeout:
		return `SIP;cause=408;text="RTP Timeout"`
	case call.CauseSessionExpired:
		return `SIP;cause=408;text="Session Expired"`
	case call.CauseError, call.CauseShutdown, call.CauseRestart:
		q = "41"
	}
	return "Q.850;cause=" + q
}

// ---- call.Dialog ----

var _ call.Dialog = (*dialog)(nil)

// Ring sends 180.
func (d *dialog) Ring(ctx context.Context) error {
	return d.do(ctx, func(reply func(error)) { d.progress(180, nil, reply) })
}

// Progress sends 183 with our answer; early media flows.
func (d *dialog) Progress(ctx context.Context) error {
	return d.do(ctx, func(reply func(error)) { d.earlyMedia(reply) })
}

// Answer sends 200 and returns when the ACK has come.
func (d *dialog) Answer(ctx context.Context) error {
	return d.do(ctx, func(reply func(error)) { d.answer(reply) })
}

// Reject refuses an unanswered incoming call.
func (d *dialog) Reject(ctx context.Context, status int, reason string) error {
	return d.do(ctx, func(reply func(error)) {
		if d.phase != early || !d.uas {
			reply(errors.New("call is answered or gone"))
			return
		}
		if status < 300 || status > 699 {
			status = 480
		}
		d.refuse(status, reason, nil)
		d.end(call.CauseRejected, false)
		reply(nil)
	})
}

// Hangup ends the leg; repeating it is fine.
func (d *dialog) Hangup(ctx context.Context, cause call.Cause) error {
	err := d.do(ctx, func(reply func(error)) {
		d.hangup(cause)
		reply(nil)
	})
	if errors.Is(err, errEnded) {
		return nil
	}
	return err
}

// Hold offers the peer to be put on hold (a=sendonly) or taken back, and
// returns with its answer. Not part of call.Dialog; reachable by assertion.
func (d *dialog) Hold(ctx context.Context, on bool) error {
	return d.do(ctx, func(reply func(error)) { d.hold(on, reply) })
}
