package call

import (
	"cmp"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"tingxin/ivr"
	"tingxin/queue"
)

// Queues are where callers wait for agents; cmd/pbx makes one of *queue.Service.
type Queues interface {
	// Enqueue puts work into its queue; what becomes of it comes over the channel, which is closed at its end.
	Enqueue(ctx context.Context, w queue.Work) (<-chan queue.Update, error)
	// Transfer moves work to another queue.
	Transfer(ctx context.Context, id queue.WorkID, to queue.QueueID) error
	Accept(ctx context.Context, t queue.Token, agent queue.AgentID) (queue.Item, error)
	Decline(ctx context.Context, t queue.Token, agent queue.AgentID, busy bool) error
	AgentFailed(ctx context.Context, id queue.WorkID, agent queue.AgentID) error
	Answered(ctx context.Context, id queue.WorkID) error
	Ended(ctx context.Context, id queue.WorkID, cause string) error
	Cancel(ctx context.Context, id queue.WorkID) (cause string, err error)
	// ClosedFlow is the flow of callers whom a queue sends on and no flow waits for; empty when there is none.
	ClosedFlow(ctx context.Context, id queue.QueueID) (string, error)
	// UserOf is the name of an agent's user, whose telephone is rung.
	UserOf(ctx context.Context, agent queue.AgentID) (string, error)
}

// queueTimeout bounds what a queue is asked.
const queueTimeout = 10 * time.Second

// waiting is a call in a queue, from its entry until its agent has left. The
// goroutine of run follows the queue; the state is the call's.
type waiting struct {
	c    *Call
	id   queue.WorkID
	left chan struct{} // told when the agent's leg has gone; holds one
	keep chan string   // told the number of a caller whose place is kept; holds one
	over chan struct{} // closed when run has ended

	// Only run's goroutine.
	rings map[queue.AgentID]*ringing
	rung  chan rung
	taken queue.AgentID // who has the work
	shut  bool          // the queue has closed and sends the caller on
	from  queue.QueueID // which it was

	// Only the call's goroutine.
	agent    *leg
	gaveUp   bool // nobody more is let in
	sentOn   bool // because the queue has closed
	kept     bool // a script looks after the caller and goes on when the work ends
	position int
	estimate time.Duration // -1 when nobody is at work
}

// ringing is an agent's telephone that rings.
type ringing struct {
	token  queue.Token
	cancel context.CancelFunc
}

// rung is how ringing an agent ended.
type rung struct {
	agent queue.AgentID
	token queue.Token
	leg   *leg
	err   error
}

// enqueue puts the call into a queue, or moves it there; kept says that a script looks after the caller.
func (c *Call) enqueue(ctx context.Context, w queue.Work, kept bool) (*waiting, error) {
	if c.m.queues == nil {
		return nil, queue.ErrNoQueue
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	w.ID, w.Kind = queue.WorkID(c.id), queue.KindVoice
	var old *waiting
	if err := c.ask(ctx, func() {
		w.Contact = c.record.From
		if c.m.callable(c.record.From) {
			w.Number = c.record.From
		}
		if id := c.person.Load(); id != 0 {
			w.Contact = strconv.FormatInt(id, 10)
		}
		if len(c.packet) > 0 && len(c.packet) < maxPacket {
			w.Data = c.packet
		}
		old = c.queued
	}); err != nil {
		return nil, err
	}
	if old != nil && !closed(old.over) {
		err := c.m.queues.Transfer(ctx, w.ID, w.Queue)
		switch {
		case err == nil:
			return old, c.ask(ctx, func() { c.enter(w.Queue) })
		case !errors.Is(err, queue.ErrNoWork):
			return nil, err
		}
		select { // it was given up, and run is about to hear of it
		case <-old.over:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	updates, err := c.m.queues.Enqueue(ctx, w)
	if err != nil {
		return nil, err
	}
	q := &waiting{c: c, id: w.ID, left: make(chan struct{}, 1), keep: make(chan string, 1), over: make(chan struct{}), rings: make(map[queue.AgentID]*ringing), rung: make(chan rung), estimate: -1}
	q.kept = kept
	err = c.ask(ctx, func() {
		c.queued = q
		c.enter(w.Queue)
	})
	// Only now, so that work which ends at once finds the call waiting for it. Ends with the work, or with ctx.
	c.wg.Go(func() { c.guarded(func() { q.run(updates) }) })
	return q, err
}

// enter notes that the call waits in a queue from now on.
func (c *Call) enter(name queue.QueueID) {
	c.record.Queue, c.record.Agent = string(name), ""
	c.talk()
	c.rewire()
	c.update()
}

// run follows the queue until the work has ended there.
func (q *waiting) run(updates <-chan queue.Update) {
	defer close(q.over)
	defer q.silence()
	for {
		select {
		case <-q.c.ctx.Done():
			if q.quit() {
				q.c.m.callBack(q.id, queue.Callback{Number: q.c.in.From}, updates)
			}
			return
		case number := <-q.keep:
			q.c.m.callBack(q.id, queue.Callback{Number: number}, updates)
			return
		case <-q.left:
			q.tell("ended", func(ctx context.Context) error { return q.c.m.queues.Ended(ctx, q.id, "") })
		case r := <-q.rung:
			q.answered(r)
		case u, ok := <-updates:
			if !ok {
				q.lost()
				return
			}
			q.update(u)
		}
	}
}

// tell says something to the queue; it must know also when the call is over.
func (q *waiting) tell(what string, f func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(q.c.ctx), queueTimeout)
	defer cancel()
	if err := f(ctx); err != nil && !errors.Is(err, queue.ErrNoWork) && !errors.Is(err, queue.ErrGone) {
		q.c.log.Warn("the queue was not told", "what", what, "error", err)
	}
}

// quit says that the caller has left: rings stop, an agent gets the wrap-up.
// The place of a caller who is to be called back stays.
func (q *waiting) quit() (stays bool) {
	q.silence()
	q.tell("cancelled", func(ctx context.Context) error {
		cause, err := q.c.m.queues.Cancel(ctx, q.id)
		stays = err == nil && cause == ""
		return err
	})
	return stays
}

// silence stops all rings.
func (q *waiting) silence() {
	for agent, r := range q.rings {
		r.cancel()
		delete(q.rings, agent)
	}
}

// update takes what the queue says.
func (q *waiting) update(u queue.Update) {
	switch u.Type {
	case queue.Positioned:
		q.c.post(func() { q.position, q.estimate = u.Position, u.Estimate })
	case queue.OfferMade:
		q.ring(u)
	case queue.OfferEnded:
		if r := q.rings[u.Agent]; r != nil && r.token == u.Token && u.Reason != queue.ReasonAccepted {
			r.cancel()
			delete(q.rings, u.Agent)
		}
	case queue.Taken: // by the telephone, by the desktop, or by a supervisor's hand
		q.taken = u.Agent
		for agent, r := range q.rings {
			if agent != u.Agent {
				r.cancel()
				delete(q.rings, agent)
			}
		}
		if q.rings[u.Agent] == nil && !q.has() {
			q.ring(u)
		}
	case queue.Left:
		q.shut, q.from = u.Reason == queue.ReasonClosed, u.Queue
	case queue.Requeued, queue.Moved:
		q.taken = ""
		q.silence()
		q.c.post(q.back)
	}
}

// has says whether an agent is there.
func (q *waiting) has() (there bool) {
	_ = q.c.ask(q.c.ctx, func() { there = q.agent != nil }) // an error ends run by itself
	return there
}

// back lets the caller wait again after the agent was lost.
func (q *waiting) back() {
	if l := q.agent; l != nil {
		q.agent = nil
		q.c.leave(l, CauseTransferred)
	}
	q.c.record.Agent = ""
	q.c.rewire()
	q.c.update()
}

// ring rings the telephones of an agent until the offer's deadline.
func (q *waiting) ring(u queue.Update) {
	if q.rings[u.Agent] != nil {
		return
	}
	c := q.c
	ctx, cancel := context.WithDeadline(c.ctx, u.Deadline)
	q.rings[u.Agent] = &ringing{u.Token, cancel}
	c.wg.Go(func() { // ends with the ring, at the deadline at the latest
		defer cancel()
		r := rung{agent: u.Agent, token: u.Token}
		var user string
		if user, r.err = c.m.queues.UserOf(ctx, u.Agent); r.err == nil {
			r.leg = c.newLeg(RoleAgent, user, nil)
			r.err = c.ring(ctx, Target{User: user, From: c.in.From, FromName: c.in.FromName}, r.leg)
		}
		select {
		case q.rung <- r:
		case <-q.over:
			if r.err == nil {
				c.drop(r.leg, CauseCancelled)
			}
		}
	})
}

// answered takes an agent's answer, which counts as acceptance, or refusal.
func (q *waiting) answered(r rung) {
	c := q.c
	mine := q.rings[r.agent]
	if mine != nil && mine.token == r.token {
		delete(q.rings, r.agent)
	} else if r.err != nil {
		return // it was cancelled
	}
	ctx, cancel := context.WithTimeout(c.ctx, queueTimeout)
	defer cancel()
	if r.err != nil {
		q.refused(ctx, r)
		return
	}
	if mine == nil || !q.accept(ctx, r) {
		c.wg.Go(func() { c.drop(r.leg, CauseCancelled) }) // ends after hangupTimeout
		return
	}
	joined := false
	_ = c.ask(c.ctx, func() { joined = q.join(r.leg) })
	if !joined {
		c.wg.Go(func() { c.drop(r.leg, CauseCancelled) }) // ends after hangupTimeout
		q.tell("failed", func(ctx context.Context) error { return c.m.queues.AgentFailed(ctx, q.id, r.agent) })
		return
	}
	q.tell("answered", func(ctx context.Context) error { return c.m.queues.Answered(ctx, q.id) })
}

// accept settles that the work is this agent's.
func (q *waiting) accept(ctx context.Context, r rung) bool {
	if q.taken == r.agent {
		return true
	}
	_, err := q.c.m.queues.Accept(ctx, r.token, r.agent)
	if err == nil {
		q.taken = r.agent
		return true
	}
	// The desktop may have accepted in the same moment: then the update is on its way.
	items, ok := q.c.m.queues.(interface {
		Owner(ctx context.Context, id queue.WorkID) (queue.AgentID, error)
	})
	if ok && errors.Is(err, queue.ErrGone) {
		if owner, err := items.Owner(ctx, q.id); err == nil && owner == r.agent {
			q.taken = r.agent
			return true
		}
	}
	return false
}

// refused tells the queue why an agent's telephone did not answer.
func (q *waiting) refused(ctx context.Context, r rung) {
	if q.taken == r.agent {
		q.tell("failed", func(ctx context.Context) error { return q.c.m.queues.AgentFailed(ctx, q.id, r.agent) })
		return
	}
	var de *DialError
	if !errors.As(r.err, &de) { // the deadline, of which the queue knows
		return
	}
	byHand := de.Status == 603 || de.Status == 486
	err := q.c.m.queues.Decline(ctx, r.token, r.agent, !byHand)
	if err != nil && !errors.Is(err, queue.ErrGone) && ctx.Err() == nil {
		q.c.log.Warn("the queue was not told", "what", "declined", "error", err)
	}
}

// join lets the agent's leg into the talk; false when caller or agent have gone.
func (q *waiting) join(l *leg) bool {
	c := q.c
	if q.gaveUp || !c.admit(l) {
		return false
	}
	q.agent = l
	c.record.Agent = l.row.User
	c.settle(SideAgent, l)
	c.update()
	return true
}

// lost ends the call's stay in the queue when the queue says so: it has closed, or somebody took the work out.
func (q *waiting) lost() {
	q.silence()
	c, way := q.c, q.wayOn()
	c.post(func() {
		if c.queued != q || q.agent != nil || q.gaveUp || c.ctx.Err() != nil { // the last: the caller hangs up in the same moment
			return
		}
		q.gaveUp, q.sentOn = true, q.shut
		switch stays := c.place[SideCaller]; {
		case q.kept || c.talked || c.place[SideAgent] != nil || c.moving != nil:
		case c.reroute == nil || stays == nil: // nobody is left to be told
			c.end(CauseNoAnswer, 480)
		default:
			way.Name = cmp.Or(way.Name, c.route.Name)
			c.follow(stays, way)
		}
	})
}

// wayOn is the route of a caller whom no script looks after once the queue lets go: the queue's own flow when it has
// closed, else words.
func (q *waiting) wayOn() Route {
	words := Route{parts: partNobody}
	if !q.shut {
		return words
	}
	words.parts = partClosed
	ctx, cancel := context.WithTimeout(q.c.ctx, queueTimeout)
	defer cancel()
	flow, err := q.c.m.queues.ClosedFlow(ctx, q.from)
	if err != nil {
		q.c.log.Warn("the flow of a closed queue was not read", "queue", string(q.from), "error", err)
		return words
	}
	if flow == "" {
		return words
	}
	if _, there := q.c.m.parts.Flows.Flow(flow); !there {
		q.c.log.Error("the flow of a closed queue is not there", "queue", string(q.from), "flow", flow)
		return words
	}
	return Route{Name: flow, Flow: flow}
}

// runParting tells the caller that nobody comes, and ends the call. Words that cannot be spoken keep nobody on the line.
func (c *Call) runParting(ctx context.Context, why string) {
	language := ""
	if c.ask(ctx, func() { language = c.record.Language }) != nil {
		return
	}
	p, err := c.m.parts.Flows.Prompts.Prompt(ctx, ivr.ClosedNotice(language, why == partClosed))
	if err == nil {
		_, err = c.Play(ctx, p, false)
	}
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		c.log.Error("announcement failed", "error", err)
	}
	c.end(CauseNoAnswer, 480)
}

// agentLeft tells the queue when a leg that it gave has gone while the call goes on.
func (c *Call) agentLeft(l *leg) {
	if q := c.queued; q != nil && q.agent == l {
		q.agent = nil
		select {
		case q.left <- struct{}{}:
		default:
		}
	}
}

var _ ivr.Queuer = (*Call)(nil)

// Queue implements ivr.Queuer.
func (c *Call) Queue(ctx context.Context, n *ivr.Queue, language string) (ivr.QueueEnd, error) {
	tune, err := c.m.tunes.of(ctx, n.Music)
	if err != nil {
		return "", err
	}
	w := queue.Work{Queue: queue.QueueID(n.Name), Skills: n.Skills, Language: n.Language}
	if err := w.Urgency.UnmarshalText([]byte(n.Priority)); err != nil {
		return "", err
	}
	if err := c.ask(ctx, func() {
		c.tune = tune
		c.goesOn, c.talked = n.After != "", false
	}); err != nil {
		return "", err
	}
	q, err := c.enqueue(ctx, w, true)
	switch {
	case errors.As(err, new(*queue.ClosedError)):
		return ivr.QueueClosed, nil
	case errors.Is(err, queue.ErrFull):
		return ivr.QueueFull, nil
	case err != nil && n.Closed != "" && ctx.Err() == nil:
		c.log.Error("the queue takes nobody", "queue", n.Name, "error", err) // no reason to cut the caller off
		return ivr.QueueClosed, nil
	case err != nil:
		return "", err
	}
	return c.wait(ctx, q, n, language)
}

// wait keeps the caller company until an agent has come and gone, or the node's patience ends.
func (c *Call) wait(ctx context.Context, q *waiting, n *ivr.Queue, language string) (ivr.QueueEnd, error) {
	began := time.Now()
	said, offered := began, time.Time{}
	offer := n.Offer
	if !c.m.callable(c.in.From) {
		offer = nil // nothing is promised that cannot be kept
	}
	if err := c.ask(ctx, func() { q.kept = true }); err != nil { // from now on: an agent may have come and gone before the first tick
		return "", err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-tick.C:
		}
		var alone, idle, ended, shut, talked bool
		var notice ivr.Speech
		if err := c.ask(ctx, func() {
			q = c.queued // another one after a transfer into another queue
			q.kept = true
			alone, ended = q.agent == nil && c.place[SideAgent] == nil && c.moving == nil, q.gaveUp
			shut = q.sentOn
			talked = c.talked
			idle = alone && q.estimate < 0 && q.position > 0
			notice = ivr.WaitNotice(language, q.position, q.estimate)
		}); err != nil {
			return "", err
		}
		switch {
		case talked:
			return ivr.QueueTalked, c.ask(ctx, c.untalk)
		case !alone:
			began, said = time.Now(), time.Now()
		case ended && shut:
			return ivr.QueueClosed, c.ask(ctx, c.untalk)
		case ended:
			return ivr.QueueTimeout, nil
		case idle && n.NoAgents != "" && time.Since(began) > 2*time.Second:
			if gone, err := c.giveUp(ctx, q); gone || err != nil {
				return ivr.QueueNoAgents, err
			}
		case n.MaxWait > 0 && time.Since(began) >= n.MaxWait:
			if gone, err := c.giveUp(ctx, q); gone || err != nil {
				return ivr.QueueTimeout, err
			}
		case offer != nil && c.pressed(offer.Key):
			if kept, err := c.keepPlace(ctx, q); kept || err != nil {
				return ivr.QueueCallback, err
			}
		case offer != nil && time.Since(offered) >= offer.Every:
			for _, s := range offer.Notice(language) {
				s.Language = cmp.Or(s.Language, language)
				if err := c.inform(ctx, s); err != nil {
					return "", err
				}
			}
			offered = time.Now()
		case n.Announce > 0 && time.Since(said) >= n.Announce && notice.Text != "":
			if err := c.inform(ctx, notice); err != nil {
				return "", err
			}
			said = time.Now()
		}
	}
}

// giveUp takes the caller out of the queue; false when an agent has just come.
func (c *Call) giveUp(ctx context.Context, q *waiting) (gone bool, err error) {
	if err := c.ask(ctx, func() {
		if gone = q.agent == nil; gone {
			q.gaveUp = true
		}
	}); err != nil || !gone {
		return false, err
	}
	q.tell("cancelled", func(ctx context.Context) error {
		_, err := c.m.queues.Cancel(ctx, q.id)
		return err
	})
	return true, c.ask(ctx, c.untalk)
}

// untalk gives the caller back to the script. Keys that were pressed while waiting answer none of its questions.
func (c *Call) untalk() {
	for forgotten := false; !forgotten; {
		select {
		case <-c.keys:
		default:
			forgotten = true
		}
	}
	c.closeTalk()
	c.talking, c.goesOn, c.talked = false, false, false
}

// inform tells the waiting caller something; then the music goes on. Words that cannot be spoken cost nobody the place.
func (c *Call) inform(ctx context.Context, s ivr.Speech) error {
	p, err := c.m.parts.Flows.Prompts.Prompt(ctx, s)
	if err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		c.log.Error("an announcement in the queue failed", "error", err)
		return nil
	}
	if _, err = c.Play(ctx, p, true); err != nil {
		return err
	}
	return c.ask(ctx, c.rewire)
}

var _ ivr.Transferer = (*Call)(nil)

// Transfer implements ivr.Transferer.
func (c *Call) Transfer(ctx context.Context, n *ivr.Transfer) (bool, error) {
	if c.m.dialer == nil {
		return false, nil
	}
	t := Target{User: n.User, Number: n.Number, From: c.in.From, FromName: c.in.FromName}
	if n.User != "" {
		name, ok := c.m.user(n.User)
		if !ok {
			return false, nil
		}
		t.User = name
	}
	if strings.Contains(n.Number, ":") {
		return false, nil
	}
	if err := c.connect(t, RolePeer, n.Timeout); err != nil {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		var de *DialError
		if errors.As(err, &de) {
			return false, nil
		}
		return false, err
	}
	return true, c.untilTalked(ctx, n.After != "")
}

// untilTalked waits for the end of the call or, with after, until the other party has hung up first.
func (c *Call) untilTalked(ctx context.Context, after bool) error {
	if !after {
		<-ctx.Done()
		return context.Cause(ctx)
	}
	if err := c.ask(ctx, func() { c.goesOn = true }); err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		}
		talked := false
		if err := c.ask(ctx, func() {
			if talked = c.talked; talked {
				c.untalk()
			}
		}); talked || err != nil {
			return err
		}
	}
}

// pressed says whether the caller has pressed a key; others are forgotten.
func (c *Call) pressed(key byte) bool {
	for {
		select {
		case k := <-c.keys:
			if k == key {
				return true
			}
		default:
			return false
		}
	}
}

// keepPlace turns the waiting caller into a call-back; false when that is not possible now.
func (c *Call) keepPlace(ctx context.Context, q *waiting) (bool, error) {
	keeper, ok := c.m.queues.(CallbackQueues)
	number := c.in.From
	if !ok {
		return false, nil
	}
	asked, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	if err := keeper.KeepPlace(asked, q.id, number); err != nil {
		c.log.Info("the place could not be kept", "error", err)
		return false, nil
	}
	q.keep <- number // holds one, and nobody else sends
	return true, c.ask(ctx, func() {
		q.gaveUp = true
		c.untalk()
	})
}

// outOfQueue waits until the queue has let go of a caller who is led on.
func (c *Call) outOfQueue() {
	var q *waiting
	if c.ask(c.ctx, func() { q = c.queued }) != nil || q == nil {
		return
	}
	timer := time.NewTimer(queueTimeout)
	defer timer.Stop()
	select {
	case <-q.over:
	case <-timer.C:
	case <-c.ctx.Done():
	}
}
