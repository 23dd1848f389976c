package queue

import (
	"slices"
	"time"
)

// Step does everything that is due by now and gives out waiting work. Every
// other method ends with it; a server also calls it at NextDeadline and every few seconds.
func (r *Router) Step(now time.Time) {
	if now.Before(r.now) {
		now = r.now
	}
	r.now = now
	r.newDay(now)
	r.expireOffers(now)
	r.expireItems(now)
	for _, a := range r.order {
		r.expireAgent(a, now)
	}
	r.dispatch(now)
	r.sendOn(now)
	for _, a := range r.order {
		r.derive(a, now)
	}
}

// NextDeadline is when Step has something to do next; zero for never.
func (r *Router) NextDeadline() time.Time {
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && t.After(r.now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, o := range r.offers {
		sooner(o.Deadline)
	}
	for _, it := range r.items {
		sooner(it.Deadline)
		if it.Phase == Waiting {
			r.wakeFor(it, sooner)
		}
		if l := r.lanes[it.Queue]; it.Phase == Offered && l.Strategy == RingOneByOne {
			sooner(it.RangAt.Add(l.Step))
		}
	}
	for _, a := range r.order {
		sooner(a.Deadline)
		sooner(a.CoolUntil)
		for i := range a.Wraps {
			sooner(a.Wraps[i].Deadline)
		}
	}
	return next
}

// wakeFor names the moments at which waiting work can go to somebody else.
func (r *Router) wakeFor(it *Item, sooner func(time.Time)) {
	l := r.lanes[it.Queue]
	for _, ring := range l.Rings {
		sooner(it.Since.Add(ring.After))
	}
	sooner(it.Since.Add(l.PreferredWait))
	if l.Strategy == Bullseye {
		ring := 0
		for i := 1; i < len(l.Members); i++ {
			if l.Members[i].Order != l.Members[i-1].Order {
				ring++
				sooner(it.Since.Add(time.Duration(ring) * l.Step))
			}
		}
	}
	for _, until := range it.Barred {
		sooner(until)
	}
	if !it.alone.IsZero() && it.onTheLine() {
		sooner(it.alone.Add(l.EmptyAfter))
	}
	if it.Callback != nil {
		sooner(it.Callback.NotBefore)
	}
	if !it.Guarded && !it.ours() {
		sooner(it.Since.Add(l.guard(r.target(it))))
	}
}

// newDay begins the agents' day anew at midnight.
func (r *Router) newDay(now time.Time) {
	y, m, d := now.In(r.cfg.Location).Date()
	day := time.Date(y, m, d, 0, 0, 0, 0, r.cfg.Location)
	if day.Equal(r.day) {
		return
	}
	first := r.day.IsZero()
	r.day = day
	for _, l := range r.lanes {
		l.counts.roll(day)
	}
	if first {
		return
	}
	for _, a := range r.order {
		a.Handled, a.Talk = 0, 0
		r.touch(a)
	}
	for customer, s := range r.same {
		if now.Sub(s.at) > sameAgentFor {
			delete(r.same, customer)
		}
	}
}

func due(deadline, now time.Time) bool { return !deadline.IsZero() && !deadline.After(now) }

// expireOffers ends offers that nobody answered, the oldest first.
func (r *Router) expireOffers(now time.Time) {
	var over []*Offer
	for _, o := range r.offers {
		if due(o.Deadline, now) {
			over = append(over, o)
		}
	}
	slices.SortFunc(over, func(a, b *Offer) int {
		if c := a.Deadline.Compare(b.Deadline); c != 0 {
			return c
		}
		return compare(a.Token, b.Token)
	})
	for _, o := range over {
		r.missed(o, ReasonTimeout, now)
	}
}

// missed ends an offer that its agent did not take, with what follows for the agent.
func (r *Router) missed(o *Offer, reason string, now time.Time) {
	it, a := r.items[o.Work], r.agents[o.Agent]
	l := r.lanes[o.Queue]
	r.endOffer(o, reason, now)
	r.bar(it, a.ID, now.Add(l.Bar))
	delay := l.RejectDelay
	switch reason {
	case ReasonTimeout:
		delay = l.NoAnswerDelay
		a.Missed++
	case ReasonBusy:
		delay = l.BusyDelay
	case ReasonDeclined:
		a.Missed = 0
	}
	if delay > 0 {
		a.CoolUntil = now.Add(delay)
	}
	if a.Missed >= r.cfg.MissedOffers && a.Presence == Available {
		a.Presence, a.Reason, a.Chosen, a.Missed = Away, AwayUnanswered, now, 0
		r.changes = append(r.changes, Change{Type: Notice, At: now, Agent: a.ID, Reason: AwayUnanswered})
	}
	r.touch(a)
	r.backToWaiting(it, reason, now)
}

func (r *Router) bar(it *Item, agent AgentID, until time.Time) {
	if it.Barred == nil {
		it.Barred = map[AgentID]time.Time{}
	}
	it.Barred[agent] = until
}

// backToWaiting lets work wait again once nobody rings for it any more.
func (r *Router) backToWaiting(it *Item, reason string, now time.Time) {
	if len(it.Offers) > 0 || it.Phase != Offered {
		return
	}
	it.Phase = Waiting
	it.Requeues++
	r.changed(it, Change{Type: Requeued, At: now, Reason: reason})
}

// endOffer stops one ring.
func (r *Router) endOffer(o *Offer, reason string, now time.Time) {
	it, a := r.items[o.Work], r.agents[o.Agent]
	delete(r.offers, o.Token)
	it.Offers = slices.DeleteFunc(it.Offers, func(t Token) bool { return t == o.Token })
	a.Offer = ""
	r.touch(a)
	r.changed(it, Change{Type: OfferEnded, At: now, Queue: o.Queue, Agent: a.ID, Token: o.Token, Reason: reason})
}

// expireItems ends contacts that were never answered or are too long, and raises the alarm for what waits too long.
func (r *Router) expireItems(now time.Time) {
	for _, it := range r.sortedDue(now) {
		switch {
		case it.Phase == Waiting || it.Phase == Offered:
			it.Guarded, it.Overflow = true, true
			r.changed(it, Change{Type: Alert, At: now})
		case it.Phase == Assigned && it.Kind == KindVoice:
			// The call could not be joined: the agent's fault or the line's, not the customer's.
			agent := it.Agent
			r.requeue(it, ReasonUnanswered, now)
			r.bar(it, agent, now.Add(r.lanes[it.Queue].Bar))
		case it.Phase == Assigned:
			r.requeue(it, ReasonUnanswered, now)
		case it.Kind == KindVoice:
			r.finish(it, CauseLimit, now)
		default:
			r.requeue(it, CauseLimit, now)
		}
	}
}

// sortedDue is the work for which something is due, by id so that runs repeat.
func (r *Router) sortedDue(now time.Time) []*Item {
	var all []*Item
	for _, it := range r.items {
		switch it.Phase {
		case Waiting, Offered:
			if !it.Guarded && !it.ours() && due(it.Since.Add(r.lanes[it.Queue].guard(r.target(it))), now) {
				all = append(all, it)
			}
			for agent, until := range it.Barred {
				if due(until, now) {
					delete(it.Barred, agent)
				}
			}
		default:
			if due(it.Deadline, now) {
				all = append(all, it)
			}
		}
	}
	sortByID(all)
	return all
}

func sortByID(all []*Item) { slices.SortFunc(all, func(a, b *Item) int { return compare(a.ID, b.ID) }) }

// expireAgent ends wrap-ups and presences whose time is over.
func (r *Router) expireAgent(a *Agent, now time.Time) {
	for i := 0; i < len(a.Wraps); {
		if due(a.Wraps[i].Deadline, now) {
			r.endWrap(a, i, a.Wraps[i].Deadline, now)
			continue
		}
		i++
	}
	if due(r.presenceEnd(a), now) {
		r.signOut(a, ReasonLost, now)
		return
	}
	if a.Presence == Away && due(a.Chosen.Add(r.cfg.AwayLimit), now) {
		r.signOut(a, CauseLimit, now)
	}
}

// presenceEnd is when an agent who is not heard of is offline.
func (r *Router) presenceEnd(a *Agent) time.Time {
	switch {
	case a.Presence == Offline:
		return time.Time{}
	case a.Desk:
		return a.Chosen.Add(r.cfg.DeskLimit)
	}
	return a.SeenAt.Add(r.cfg.Presence)
}

// derive brings State, Since and Deadline in line with what is on hand.
func (r *Router) derive(a *Agent, now time.Time) {
	state, deadline := r.stateOf(a)
	a.Deadline = deadline
	if state == a.State {
		return
	}
	a.State, a.Since = state, now
	r.touch(a)
	r.changes = append(r.changes, Change{Type: StateChanged, At: now, Agent: a.ID, State: state, Reason: a.shownReason(), Deadline: deadline})
}

// shownReason is why somebody is away.
func (a *Agent) shownReason() string {
	if a.State == Away {
		return a.Reason
	}
	return ""
}

func (r *Router) stateOf(a *Agent) (State, time.Time) {
	if o := r.offers[a.Offer]; o != nil {
		return Ringing, o.Deadline
	}
	var until time.Time
	for _, w := range a.Work {
		if it := r.items[w]; it.Kind == KindVoice {
			if until.IsZero() || it.Deadline.Before(until) {
				until = it.Deadline
			}
		}
	}
	if !until.IsZero() {
		return Talking, until
	}
	for i := range a.Wraps {
		if d := a.Wraps[i].Deadline; until.IsZero() || d.Before(until) {
			until = d
		}
	}
	if !until.IsZero() {
		return Wrapping, until
	}
	end := r.presenceEnd(a)
	if a.Presence == Away {
		if limit := a.Chosen.Add(r.cfg.AwayLimit); limit.Before(end) {
			end = limit
		}
	}
	if a.Presence == Available && r.load(a, true) >= a.Capacity {
		return Talking, end
	}
	return a.Presence, end
}
