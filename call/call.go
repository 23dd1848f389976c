package call

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/ivr"
	"tingxin/media"
)

// Sizes of a call's queues.
const (
	inboxSize = 256 // facts and questions; who finds it full waits
	keysSize  = 64  // keys typed ahead; the oldest is dropped
)

// hangup is why a call ends: the cause of its context.
type hangup struct {
	cause  Cause
	status int       // SIP status to refuse an unanswered call with, 0 by cause
	at     time.Time // when it was decided
}

func (h *hangup) Error() string { return "call ended: " + string(h.cause) }

// Call is one contact by voice, from the INVITE to the CDR. Its goroutine is the
// only writer of its state; everybody else posts to its inbox or reads its snapshot.
type Call struct {
	id    string
	m     *Manager
	in    Incoming
	route Route
	log   *slog.Logger

	ctx     context.Context // the life of the call; its cause is a *hangup
	cancel  context.CancelCauseFunc
	inbox   chan func()
	keys    chan byte     // pressed by the caller, read by the script
	closed  chan struct{} // the inbox is read no more
	left    chan struct{} // the call has left memory
	snap    atomic.Pointer[Snapshot]
	wg      sync.WaitGroup // script, pumps, relays, hang-ups
	ear     ear            // when the caller last made a sound
	replies chan ivr.Input // what the caller says in answer to a question, read by the script
	first   *party         // of the first leg
	known   chan struct{}  // closed when it was found out who it is
	person  atomic.Int64   // who that is, 0 for nobody
	feels   bool           // a bridged caller was told that the voice is read; only the script
	judged  bool           // the opening hours were looked at; only the script

	// Set before the call runs.
	placed bool      // we called its first leg, who is one of ours
	work   *callback // that it carries out; nil for others

	// From here on only the call's goroutine.
	record    Record
	legs      []*leg
	sides     map[string]*side
	turn      int
	turnSide  string
	playing   *playing
	dialogue  *dialogue       // while the caller talks with the bot
	packet    json.RawMessage // for the agent who takes over from the bot
	place     map[string]*leg // who stands on each side, once there is a talk
	talking   bool            // the caller is with somebody, or waits for somebody
	bridge    *media.Bridge
	joined    [2]*media.Leg // by bridge
	room      *media.Room
	tune      *media.Music    // what waiting parties hear
	moving    *moving         // a transfer under way
	queued    *waiting        // in a queue, or with its agent
	invites   []*invitation   // those who ring to join
	told      partyState      // who was last said to be in the talk
	heard     time.Time       // when somebody who has left last made a sound
	paused    bool            // the recording, by somebody's order
	hidden    time.Time       // since when a flow keeps recording and words out; zero when it does not
	front     *leg            // whom the script speaks with
	asked     *asked          // a question that may be answered by voice
	goesOn    bool            // the script takes the caller back when the other party hangs up
	talked    bool            // and that has happened
	reroute   func(Route)     // ends the script and begins another route's
	answers   int             // to surveys
	parkedIn  string          // slot of a call that waits to be picked up
	parkedBy  string          // user who left it there
	parkedNow *ParkedItem     // nil when it does not wait
	spoke     map[string]bool // sides that were recognised and go on with another party
	tape      *tape
	zero      time.Time // where call time starts: the answer
	answering bool      // a 200 is or was under way: from now on only a BYE ends the leg
	dtmf      map[string]int
	last      *LastWords
	alerts    int // raised so far
}

// ID is the call's UUIDv7.
func (c *Call) ID() string { return c.id }

// end decides the end of the call; the first decision counts.
func (c *Call) end(cause Cause, status int) {
	c.cancel(&hangup{cause: cause, status: status, at: time.Now()})
}

// cause is why the call ended, once it has.
func (c *Call) cause() *hangup {
	var h *hangup
	if errors.As(context.Cause(c.ctx), &h) {
		return h
	}
	return &hangup{cause: CauseError, at: time.Now()}
}

// post puts f into the inbox; it waits while the inbox is full and gives up when nobody reads it any more.
func (c *Call) post(f func()) {
	select {
	case c.inbox <- f:
	case <-c.closed:
	}
}

// tell posts without waiting; signalling must never be held up. A full inbox ends the call.
func (c *Call) tell(f func()) {
	select {
	case c.inbox <- f:
	case <-c.closed:
	default:
		c.m.stats.overrun.Add(1)
		c.end(CauseError, 500)
	}
}

// ask runs f in the call's goroutine and returns when it has run, or when ctx or the call has ended.
func (c *Call) ask(ctx context.Context, f func()) error {
	done := make(chan struct{})
	run := func() {
		defer close(done)
		if c.ctx.Err() == nil {
			f()
		}
	}
	select {
	case c.inbox <- run:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select { // the inbox is served until the script has ended, so this does not wait for the far side
	case <-done:
	case <-c.closed:
	}
	return context.Cause(c.ctx)
}

// run is the call's goroutine.
func (c *Call) run() {
	defer close(c.left)
	defer c.m.leave(c)
	defer close(c.closed)
	c.guarded(c.live)
	c.guarded(c.finish)
}

// guarded runs f; a panic ends this call, not the server.
func (c *Call) guarded(f func()) {
	defer func() {
		if r := recover(); r != nil {
			c.m.stats.failed.Add(1)
			c.log.Error("call failed", "panic", r, "stack", string(debug.Stack()))
			c.end(CauseError, 500)
		}
	}()
	f()
}

// live is the call until its end is decided.
func (c *Call) live() {
	c.begin()
	c.wg.Go(func() { c.guarded(c.script) }) // ends with ctx
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	limit := time.NewTimer(c.m.cfg.MaxDuration)
	defer limit.Stop()
	digits := c.legs[0].media.Digits()
	for n := 1; ; {
		select {
		case <-c.ctx.Done():
			return
		case f := <-c.inbox:
			f()
		case d, ok := <-digits:
			if !ok {
				digits = nil
				continue
			}
			c.digit(c.legs[0], d)
		case <-tick.C:
			c.supervise(time.Now())
			if n++; n%2 == 0 {
				c.quality()
			}
		case <-limit.C:
			c.end(CauseMaxDuration, 0)
		}
	}
}

// begin writes the call down and tells the world.
func (c *Call) begin() {
	c.m.writer.Put(&entry{Begin: c.snapshotRecord()}, nil)
	c.noteLeg(c.legs[0])
	c.publish("call.started")
	c.identify()
}

// errRerouted ends a script whose caller goes on elsewhere in the house.
var errRerouted = errors.New("the caller goes on elsewhere")

// script does what the route says, and what the next one says when the caller is led on.
func (c *Call) script() {
	for c.ctx.Err() == nil {
		ctx, cancel := context.WithCancelCause(c.ctx)
		led, next := false, Route{}
		err := c.ask(c.ctx, func() {
			c.reroute = func(r Route) {
				led, next, c.reroute = true, r, nil
				cancel(errRerouted)
			}
		})
		if err == nil {
			c.walk(ctx)
			err = c.ask(c.ctx, func() {
				if c.reroute = nil; led { // not before the script has done with the old one
					c.route = next
				}
			})
		}
		cancel(nil)
		if err != nil || !led {
			return
		}
		c.outOfQueue()
	}
}

// walk does what one route says.
func (c *Call) walk(ctx context.Context) {
	if r := &c.route; r.Calendar != "" && c.m.hours != nil && !c.judged && !c.m.hours.Open(ctx, r.Calendar) {
		c.judged = true // what comes instead is not judged again: two may name each other
		c.goOn(ctx, r.Closed)
		return
	}
	switch {
	case c.route.Flow != "":
		c.runFlow(ctx)
	case c.route.parts != "":
		c.runParting(ctx, c.route.parts)
	case c.route.slot != "" && c.route.pickUp:
		c.runPickUp(ctx)
	case c.route.slot != "":
		c.runPark(ctx)
	case c.route.dials():
		c.runBridge(ctx)
	case c.route.Echo:
		c.runEcho(ctx)
	default:
		c.end(CauseRejected, c.route.Reject)
	}
}

// runEcho answers and sends the caller's sound back until somebody hangs up.
func (c *Call) runEcho(ctx context.Context) {
	if err := c.Answer(ctx); err != nil {
		return
	}
	c.takeDown(ctx)
	l := c.partner()
	if l == nil {
		return
	}
	l.Echo(true)
	<-ctx.Done()
	l.Echo(false)
}

// partner is the media of whom the script speaks with, nil at the end of the call.
func (c *Call) partner() (l *media.Leg) {
	_ = c.ask(c.ctx, func() { l = c.caller().media }) // an error leaves it nil
	return l
}

// snapshotRecord is a copy of the record that may leave the goroutine.
func (c *Call) snapshotRecord() *Record {
	r := c.record
	r.Data = maps.Clone(r.Data)
	r.Transcription = maps.Clone(r.Transcription)
	return &r
}

// refresh makes the snapshot that others read.
func (c *Call) refresh() *Snapshot {
	s := &Snapshot{Summary: c.record.Summary(), Partial: make(map[string]PartialItem)}
	if c.record.State == StateActive {
		s.DurationMS = time.Since(c.record.AnsweredAt).Milliseconds()
	}
	if q := c.legs[0].row.Quality; q.PacketsIn > 0 {
		s.Quality = &QualityNow{MOS: q.MOS, LossPct: q.LossPct, JitterMS: q.JitterMS}
	}
	s.LastWords = c.last
	s.Mood, s.Alert = c.moodItem(c.sides[SideCaller]), c.alertItem()
	s.Parties, s.Parked = c.parties(), c.parkedNow
	s.RecordingPaused = c.paused || !c.hidden.IsZero()
	s.HeardAt = c.heardAt()
	for name, sd := range c.sides {
		if sd.partial != nil {
			s.Partial[name] = *sd.partial
		}
	}
	c.snap.Store(s)
	if c.record.State != StateEnded {
		c.tellParties(s.Parties)
	}
	return s
}

// publish refreshes the snapshot and tells its summary.
func (c *Call) publish(typ string) {
	c.m.parts.Bus.Publish(typ, c.id, c.refresh().Summary)
}

// update writes what has changed of a running call and tells it.
func (c *Call) update() {
	c.m.writer.Put(&entry{Update: c.snapshotRecord()}, nil)
	c.publish("call.updated")
}
