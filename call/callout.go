package call

import (
	"context"
	"errors"
	"time"

	"tingxin/queue"
)

// ErrNotCalled says that somebody of a list of calls to make is not to be called.
var ErrNotCalled = errors.New("this person is not to be called")

// Reached is how a try to reach somebody of a list of calls to make went.
type Reached string

// The outcomes.
const (
	ReachedYes      Reached = "answered"
	ReachedBusy     Reached = "busy" // or declined
	ReachedNobody   Reached = "no_answer"
	ReachedGivenUp  Reached = "given_up" // the agent hung up while it rang
	ReachedNot      Reached = "failed"   // no way there, or our fault
	ReachedShutdown Reached = "cut"      // this server was stopped meanwhile
)

// Try is one attempt at an entry of a list of calls to make.
type Try struct {
	Entry int64
	Work  queue.WorkID
	Agent queue.AgentID
	Call  string // id
	At    time.Time
	How   Reached // of a try that is over
}

// Callouts keep lists of calls to make; cmd/pbx has them from callout.
type Callouts interface {
	// May says whether the person of an entry may be called now: ErrNotCalled, or why nobody knows.
	May(ctx context.Context, entry int64) error
	// Begun says that the agent is on the line and the person is dialled.
	Begun(ctx context.Context, t Try) error
	// Over says how it went.
	Over(ctx context.Context, t Try) error
}

// CalloutQueues is what Queues offer besides when lists of calls are made; cmd/pbx's do.
type CalloutQueues interface {
	// Remove takes work out.
	Remove(ctx context.Context, id queue.WorkID) error
}

// SetCallouts gives the lists of calls to make; call it before Start. Without them there are none.
func (m *Manager) SetCallouts(c Callouts) { m.outs = c }

// AddCallout puts an entry of a list of calls to make into its queue. ErrTarget for a number that cannot be
// dialled, queue.ErrThere when it is there, and the errors of queue.Service.Enqueue.
func (m *Manager) AddCallout(ctx context.Context, w queue.Work) error {
	if w.Callback == nil || w.Callback.Entry == 0 || m.remover() == nil || plain(w.Callback.Number) == "" || plain(w.Callback.Number) != w.Callback.Number {
		return ErrTarget
	}
	updates, err := m.queues.Enqueue(ctx, w)
	if err != nil {
		return err
	}
	m.callBack(w.ID, *w.Callback, updates)
	return nil
}

// remover takes entries out of the queues; nil when there are no lists of calls to make.
func (m *Manager) remover() CalloutQueues {
	q, ok := m.queues.(CalloutQueues)
	if !ok || m.outs == nil {
		return nil
	}
	return q
}

// may asks whether somebody of a list may be called; who wants to be called back may.
func (b *callback) may(ctx context.Context) error {
	if b.Entry == 0 {
		return nil
	}
	return b.m.outs.May(ctx, b.Entry)
}

func (b *callback) try(c *Call) Try {
	return Try{Entry: b.Entry, Work: b.id, Agent: b.agent, Call: c.id, At: time.Now().UTC()}
}

// begun tells the list that the person is dialled.
func (b *callback) begun() {
	if b.Entry != 0 {
		t := b.try(b.now)
		b.tell("dialled", func(ctx context.Context) error { return b.m.outs.Begun(ctx, t) })
	}
}

// tried tells the list, then the queue, how the call went.
func (b *callback) tried(c *Call) {
	t := b.try(c)
	t.How = howReached(c.record.Cause, b.talked.Load())
	b.tell("tried", func(ctx context.Context) error { return b.m.outs.Over(ctx, t) })
	cause := queue.CauseUnreached
	if t.How == ReachedYes {
		cause = queue.CauseDone
	}
	b.tell("ended", func(ctx context.Context) error { return b.m.queues.Ended(ctx, b.id, cause) })
}

// howReached reads the outcome of a call that an agent made from the cause of its end.
func howReached(cause Cause, talked bool) Reached {
	if talked {
		return ReachedYes
	}
	switch cause {
	case CausePeerHangup: // who hangs up at once has answered
		return ReachedYes
	case CauseBusy, CauseRejected:
		return ReachedBusy
	case CauseNoAnswer:
		return ReachedNobody
	case CauseCallerHangup, CauseCancelled, CauseAdmin:
		return ReachedGivenUp
	case CauseShutdown, CauseRestart, CauseNodeLost:
		return ReachedShutdown
	}
	return ReachedNot
}
