package queue

import (
	"fmt"
	"slices"
	"time"
)

// Ended ends a contact that reached an agent; wrap-up begins. Work that still
// waits is taken out by Cancel.
func (r *Router) Ended(id WorkID, cause string, now time.Time) error {
	r.Step(now)
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Phase != Assigned && it.Phase != Active:
		return fmt.Errorf("work %s is %s: %w", id, it.Phase, ErrState)
	}
	if cause == "" {
		cause = CauseDone
	}
	r.finish(it, cause, now)
	r.Step(now)
	return nil
}

// finish ends a piece of work.
func (r *Router) finish(it *Item, cause string, now time.Time) {
	agent := it.Agent
	for _, t := range slices.Clone(it.Offers) {
		r.endOffer(r.offers[t], ReasonWithdrawn, now)
	}
	if agent != "" {
		r.release(it, now, true)
	}
	it.Phase, it.Cause, it.EndedAt = Ended, cause, now
	r.changed(it, Change{Type: Left, At: now, Agent: agent, Reason: cause})
	delete(r.items, it.ID)
}

// Cancel takes work out because the customer left, whatever its phase: rings
// stop in the same step. A call-back stays, since its customer hung up on purpose.
// It returns the cause, which tells short from real abandons.
func (r *Router) Cancel(id WorkID, now time.Time) (string, error) {
	r.Step(now)
	it := r.items[id]
	if it == nil {
		return "", ErrNoWork
	}
	switch it.Phase {
	case Waiting, Offered:
		if it.Callback != nil {
			return "", nil
		}
		cause := r.countAbandon(it, r.lanes[it.Queue], now)
		r.finish(it, cause, now)
		r.Step(now)
		return cause, nil
	}
	cause := CauseDone
	if it.Phase == Assigned { // accepted, but never joined
		cause = r.countAbandon(it, r.lanes[it.Queue], now)
	}
	r.finish(it, cause, now)
	r.Step(now)
	return cause, nil
}

// Remove takes work out by somebody's order.
func (r *Router) Remove(id WorkID, cause string, now time.Time) error {
	it := r.items[id]
	if it == nil {
		return ErrNoWork
	}
	r.finish(it, cause, now)
	r.Step(now)
	return nil
}

// Transfer moves work to another queue. Waiting work keeps its age; work that an
// agent gives up begins to wait anew, and the agent gets the wrap-up of the queue
// the work came from.
func (r *Router) Transfer(id WorkID, to QueueID, now time.Time) error {
	r.Step(now)
	it, l := r.items[id], r.lanes[to]
	switch {
	case it == nil:
		return ErrNoWork
	case l == nil:
		return fmt.Errorf("queue %q: %w", to, ErrNoQueue)
	case r.waiting(to) >= l.MaxWaiting:
		return ErrFull
	}
	for _, t := range slices.Clone(it.Offers) {
		r.endOffer(r.offers[t], ReasonWithdrawn, now)
	}
	from := it.Agent
	if from != "" {
		if !it.AnsweredAt.IsZero() {
			it.Since = now
		}
		r.release(it, now, true)
		it.WasWith = from
	}
	it.Phase, it.Queue, it.QueuedAt, it.Target = Waiting, to, now, 0
	it.Overflow, it.Guarded, it.Barred, it.FirstAnswer, it.alone = false, false, nil, time.Time{}, time.Time{}
	if !it.ours() {
		l.counts.add(now, countOffered)
	}
	r.changed(it, Change{Type: Moved, At: now, Agent: from, Reason: ReasonMoved})
	r.Step(now)
	return nil
}

// Assign gives work to an agent by hand, from the queue or from another agent,
// who gets a wrap-up. It may exceed the capacity and then says so with over. by
// is who did it.
func (r *Router) Assign(id WorkID, agent AgentID, by string, now time.Time) (over bool, err error) {
	r.Step(now)
	it, a := r.items[id], r.agents[agent]
	switch {
	case it == nil:
		return false, ErrNoWork
	case a == nil:
		return false, ErrNoAgent
	case a.Presence == Offline && it.Kind.live():
		return false, fmt.Errorf("agent %s is offline: %w", agent, ErrState)
	case it.Agent == agent:
		return false, nil
	case it.Kind == KindVoice && r.inCall(a):
		return false, fmt.Errorf("agent %s is in a call: %w", agent, ErrState)
	}
	if o := r.offers[a.Offer]; o != nil && o.Work != id {
		r.withdrawFrom(a, now)
	}
	if it.Agent != "" {
		it.WasWith = it.Agent
		r.release(it, now, true)
	}
	over = r.load(a, it.Kind.live())+r.cfg.Units[it.Kind] > a.Capacity
	d := Decision{Work: id, Queue: it.Queue, At: now, Waited: now.Sub(it.Since), Target: r.target(it), Priority: r.priority(it, now), Agent: agent, By: by, Policy: PolicyVersion,
		Score: ScoreOf(r.fit(a, it, a.skill(it.Skills), now))}
	d.P, d.S = d.Priority.Sum(), d.Score.Sum()
	it.Decision, it.Manual = &d, true
	r.assign(it, a, now)
	it.Manual = true
	r.changes[len(r.changes)-1].Decision = &d
	r.Step(now)
	return over, nil
}

// inCall tells whether an agent has a voice contact.
func (r *Router) inCall(a *Agent) bool {
	return slices.ContainsFunc(a.Work, func(w WorkID) bool { return r.items[w].Kind == KindVoice })
}

// Pending says whose turn it is: work that waits for the customer takes no capacity.
func (r *Router) Pending(id WorkID, pending bool, now time.Time) error {
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Kind == KindVoice || it.Phase != Active:
		return fmt.Errorf("work %s is %s: %w", id, it.Phase, ErrState)
	}
	if it.Pending != pending {
		it.Pending = pending
		it.Deadline = now.Add(r.longest(it))
		r.dirtyItems[id] = it
	}
	r.Step(now)
	return nil
}

// KeepPlace turns a waiting caller into a call-back: the caller may hang up and
// keeps the place with its age.
func (r *Router) KeepPlace(id WorkID, number string, now time.Time) error {
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Kind != KindVoice || number == "" || len(number) > 128 || (it.Phase != Waiting && it.Phase != Offered):
		return fmt.Errorf("work %s cannot become a call-back: %w", id, ErrState)
	}
	for _, t := range slices.Clone(it.Offers) { // whoever rings would meet nobody
		r.endOffer(r.offers[t], ReasonWithdrawn, now)
	}
	it.Phase, it.Callback = Waiting, &Callback{Number: number}
	r.changed(it, Change{Type: KeptPlace, At: now})
	r.Step(now)
	return nil
}

// Skip takes an entry of a list out because the agent who looks at it, or has just taken it, does not want to call.
func (r *Router) Skip(id WorkID, agent AgentID, now time.Time) error {
	r.Step(now)
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case !it.ours():
		return fmt.Errorf("work %s is no entry of a list: %w", id, ErrState)
	case it.Phase == Assigned && it.Agent == agent, it.Phase == Offered && r.rings(it, agent):
		r.finish(it, CauseSkipped, now)
		r.Step(now)
		return nil
	}
	return ErrGone
}

// rings tells whether work rings at an agent.
func (r *Router) rings(it *Item, agent AgentID) bool {
	return slices.ContainsFunc(it.Offers, func(t Token) bool { return r.offers[t].Agent == agent })
}

// Withdraw takes an entry of a list out that nobody looks at yet; ErrState when somebody does.
func (r *Router) Withdraw(id WorkID, now time.Time) error {
	r.Step(now)
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case !it.ours() || it.Phase != Waiting:
		return fmt.Errorf("work %s is %s: %w", id, it.Phase, ErrState)
	}
	r.finish(it, CauseWithdrawn, now)
	r.Step(now)
	return nil
}

// CallbackFailed says that the customer did not answer the call-back. It waits
// for its next try, its age kept, until the tries are used up.
func (r *Router) CallbackFailed(id WorkID, now time.Time) error {
	r.Step(now)
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Callback == nil || it.ours() || it.Phase == Waiting || it.Phase == Offered:
		return fmt.Errorf("work %s is no call-back under way: %w", id, ErrState)
	}
	l := r.lanes[it.Queue]
	c := *it.Callback
	c.Tries++
	c.NotBefore = now.Add(l.CallbackRetry)
	it.Callback = &c
	if c.Tries >= l.CallbackTries {
		r.finish(it, CauseCallbackFailed, now)
	} else {
		r.requeue(it, CauseCallbackFailed, now)
	}
	r.Step(now)
	return nil
}
