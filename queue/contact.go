package queue

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

func sortedKeys[K ~string, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// SetPresence is what an agent, or by force a supervisor, chooses: Available,
// Away with a reason or Offline. An agent who goes offline gives live text back
// to its queue; a call goes on until it ends.
func (r *Router) SetPresence(id AgentID, presence State, reason string, now time.Time) error {
	a := r.agents[id]
	switch {
	case a == nil:
		return ErrNoAgent
	case presence == Away && reason != AwayForced && !slices.Contains(Reasons, reason):
		return fmt.Errorf("away needs a reason, one of %v: %w", Reasons, ErrState)
	case presence == Offline:
		r.signOut(a, ReasonSignedOut, now)
		r.Step(now)
		return nil
	case presence != Available && presence != Away:
		return fmt.Errorf("an agent chooses available, away or offline, not %q: %w", presence, ErrState)
	}
	if presence == Available {
		reason = ""
	}
	if a.Presence == Offline {
		a.IdleSince = now
	}
	if a.Presence != presence || a.Reason != reason {
		a.Presence, a.Reason, a.Chosen = presence, reason, now
		if a.State == Away && presence == Away { // another reason is another stay
			a.State = ""
		}
	}
	a.SeenAt, a.Missed = now, 0
	if presence == Away {
		r.withdrawFrom(a, now)
	}
	r.touch(a)
	r.Step(now)
	return nil
}

// Heartbeat says that an agent's desktop is there.
func (r *Router) Heartbeat(id AgentID, now time.Time) error {
	a := r.agents[id]
	if a == nil {
		return ErrNoAgent
	}
	if due(r.presenceEnd(a), now) {
		r.Step(now) // too late: the agent is offline and has to come back
	}
	if now.After(a.SeenAt) {
		a.SeenAt = now
	}
	r.derive(a, later(r.now, now))
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// withdrawFrom takes a ringing offer from an agent who is not there any more.
func (r *Router) withdrawFrom(a *Agent, now time.Time) {
	if o := r.offers[a.Offer]; o != nil {
		it := r.items[o.Work]
		r.endOffer(o, ReasonWithdrawn, now)
		r.backToWaiting(it, ReasonWithdrawn, now)
	}
}

// signOut makes an agent offline.
func (r *Router) signOut(a *Agent, reason string, now time.Time) {
	if a.Presence == Offline {
		return
	}
	a.Presence, a.Reason, a.Chosen, a.Missed = Offline, reason, now, 0
	r.withdrawFrom(a, now)
	for _, w := range slices.Clone(a.Work) {
		if it := r.items[w]; it.Kind.text() {
			r.requeue(it, reason, now)
		}
	}
	r.touch(a)
}

// Accept takes an offer; the first valid answer wins. It returns the work.
func (r *Router) Accept(t Token, agent AgentID, now time.Time) (Item, error) {
	r.Step(now)
	o := r.offers[t]
	if o == nil || o.Agent != agent {
		return Item{}, ErrGone
	}
	it := r.items[o.Work]
	r.endOffer(o, ReasonAccepted, now)
	r.assign(it, r.agents[agent], now)
	r.Step(now)
	return it.clone(), nil
}

// assign gives work to an agent and stops all rings for it.
func (r *Router) assign(it *Item, a *Agent, now time.Time) {
	for _, t := range slices.Clone(it.Offers) {
		r.endOffer(r.offers[t], ReasonWithdrawn, now)
	}
	l := r.lanes[it.Queue]
	it.Phase, it.Agent, it.AssignedAt, it.AnsweredAt = Assigned, a.ID, now, time.Time{}
	it.Wrap, it.From, it.Pending, it.WantsWrap = l.WrapUp, it.Queue, false, false
	it.Deadline = now.Add(r.answerTime(it, l))
	it.Barred = nil
	a.Work = append(a.Work, it.ID)
	a.Missed = 0
	r.touch(a)
	r.changed(it, Change{Type: Taken, At: now, Agent: a.ID, Deadline: it.Deadline})
}

// callbackTime is how long an agent has to look at a call-back and the customer to pick up.
const callbackTime = 90 * time.Second

// answerTime is how long accepted work may stay unanswered before it goes back.
func (r *Router) answerTime(it *Item, l *lane) time.Duration {
	half := max(r.target(it)/2, l.ConnectTime)
	switch it.Kind {
	case KindVoice:
		if it.Callback != nil {
			return max(l.ConnectTime, callbackTime)
		}
		return l.ConnectTime
	case KindChat:
		return min(half, r.cfg.AnswerChat)
	}
	return half
}

// Decline refuses an offer. busy tells that not the agent but the device refused.
func (r *Router) Decline(t Token, agent AgentID, busy bool, now time.Time) error {
	r.Step(now)
	o := r.offers[t]
	if o == nil || o.Agent != agent {
		return ErrGone
	}
	reason := ReasonDeclined
	if busy {
		reason = ReasonBusy
	}
	r.missed(o, reason, now)
	r.Step(now)
	return nil
}

// Answered says that the customer and the agent are together, or that the agent sent the first reply.
func (r *Router) Answered(id WorkID, now time.Time) error {
	r.Step(now)
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Phase == Active:
		return nil
	case it.Phase != Assigned:
		return fmt.Errorf("work %s is %s: %w", id, it.Phase, ErrState)
	}
	it.Phase, it.AnsweredAt = Active, now
	it.Deadline = now.Add(r.longest(it))
	it.Overflow = false
	r.countAnswer(it, r.lanes[it.Queue], now)
	r.changed(it, Change{Type: Joined, At: now, Agent: it.Agent, Deadline: it.Deadline})
	r.Step(now)
	return nil
}

func (r *Router) longest(it *Item) time.Duration {
	if it.Kind == KindVoice {
		return r.cfg.MaxCall
	}
	return r.cfg.MaxText
}

// Alive says that text work or a ticket goes on; its deadline moves.
func (r *Router) Alive(id WorkID, now time.Time) error {
	it := r.items[id]
	if it == nil {
		return ErrNoWork
	}
	if it.Phase == Active && it.Kind != KindVoice {
		it.Deadline = now.Add(r.longest(it))
		r.dirtyItems[id] = it
	}
	r.Step(now)
	return nil
}

// AgentFailed says that the agent's device could not be reached after all. The
// work goes back with its age, and not to that agent at once.
func (r *Router) AgentFailed(id WorkID, agent AgentID, now time.Time) error {
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Agent != agent || it.Phase != Assigned:
		return ErrGone
	}
	l := r.lanes[it.Queue]
	r.requeue(it, ReasonFailed, now)
	r.bar(it, agent, now.Add(l.Bar))
	r.agents[agent].CoolUntil = now.Add(l.BusyDelay)
	r.Step(now)
	return nil
}

// requeue takes work off its agent and lets it wait again, its age kept.
func (r *Router) requeue(it *Item, reason string, now time.Time) {
	it.WasWith = it.Agent
	r.release(it, now, false)
	it.Phase = Waiting
	it.Requeues++
	r.changed(it, Change{Type: Requeued, At: now, Agent: it.WasWith, Reason: reason})
}

// release takes work off its agent. After an answered contact the wrap-up of the
// queue that gave it begins, wherever the work went since.
func (r *Router) release(it *Item, now time.Time, wrap bool) {
	a := r.agents[it.Agent]
	a.Work = slices.DeleteFunc(a.Work, func(w WorkID) bool { return w == it.ID })
	began, answered := it.AnsweredAt, !it.AnsweredAt.IsZero()
	if answered {
		a.Handled++
		a.Talk += now.Sub(began)
		a.LastEnd[it.From] = now
		if it.Contact != "" && len(r.same) < maxSame {
			r.same[it.Contact] = sameAgent{a.ID, now}
		}
		switch mode := it.Wrap.Mode; {
		case wrap && mode != WrapNone && mode != "" && (mode != WrapOptional || it.WantsWrap):
			r.beginWrap(a, it, now)
		case wrap:
			r.learn(it.From, now.Sub(began))
		}
	}
	if !a.holds() {
		a.IdleSince = now
	}
	it.Agent, it.Deadline, it.AssignedAt, it.AnsweredAt = "", time.Time{}, time.Time{}, time.Time{}
	it.Pending, it.Manual, it.WantsWrap = false, false, false
	r.touch(a)
}

func (r *Router) learn(q QueueID, took time.Duration) {
	if l := r.lanes[q]; l != nil {
		l.learnHandle(took)
	}
}

func (r *Router) beginWrap(a *Agent, it *Item, now time.Time) {
	w := Wrap{Work: it.ID, Queue: it.From, Kind: it.Kind, Units: r.cfg.Units[it.Kind], Mode: it.Wrap.Mode, Since: now, Deadline: now.Add(it.Wrap.limit()), Began: it.AnsweredAt}
	a.Wraps = append(a.Wraps, w)
	r.changed(it, Change{Type: WrapBegan, At: now, Queue: it.From, Agent: a.ID, Deadline: w.Deadline})
}

// endWrap ends wrap-up i of an agent.
func (r *Router) endWrap(a *Agent, i int, at, now time.Time) {
	w := a.Wraps[i]
	a.Wraps = slices.Delete(a.Wraps, i, i+1)
	r.learn(w.Queue, at.Sub(w.Began))
	if !a.holds() {
		a.IdleSince = at
	}
	r.touch(a)
	r.changes = append(r.changes, Change{Type: WrapEnded, At: now, Work: w.Work, Kind: w.Kind, Queue: w.Queue, Agent: a.ID})
}

// AskWrapUp is an agent asking, during a contact, for a wrap-up after it (WrapOptional).
func (r *Router) AskWrapUp(id WorkID, agent AgentID, wants bool, now time.Time) error {
	it := r.items[id]
	switch {
	case it == nil:
		return ErrNoWork
	case it.Agent != agent:
		return ErrGone
	}
	it.WantsWrap = wants
	r.dirtyItems[id] = it
	r.Step(now)
	return nil
}

// EndWrapUp ends an agent's wrap-ups, or that of one piece of work. A wrap-up
// without early exit stays (ErrState) unless force is a supervisor's.
func (r *Router) EndWrapUp(agent AgentID, id WorkID, force bool, now time.Time) error {
	r.Step(now)
	a := r.agents[agent]
	if a == nil {
		return ErrNoAgent
	}
	ended, kept := false, false
	for i := 0; i < len(a.Wraps); {
		w := &a.Wraps[i]
		if id != "" && w.Work != id {
			i++
			continue
		}
		if w.Mode == WrapExact && !force {
			kept = true
			i++
			continue
		}
		r.endWrap(a, i, now, now)
		ended = true
	}
	r.Step(now)
	switch {
	case kept:
		return fmt.Errorf("this wrap-up ends by itself: %w", ErrState)
	case !ended:
		return ErrNoWork
	}
	return nil
}
