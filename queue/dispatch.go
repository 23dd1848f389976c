package queue

import (
	"slices"
	"time"
)

// target is how soon a piece of work should be answered.
func (r *Router) target(it *Item) time.Duration {
	if it.Target > 0 {
		return it.Target
	}
	return r.lanes[it.Queue].Targets.Of(it.Urgency)
}

// priority is P(w,t). An entry of a list does not become more urgent by lying: nobody waits for it.
func (r *Router) priority(it *Item, now time.Time) Priority {
	if it.ours() {
		return PriorityOf(it.Urgency, 0, r.target(it), it.Signals)
	}
	return PriorityOf(it.Urgency, now.Sub(it.Since), r.target(it), it.Signals)
}

// ranked is waiting work and its P.
type ranked struct {
	it *Item
	p  float64
}

// rank is what can be given out now, the first to be served first.
func (r *Router) rank(now time.Time, fits func(*Item) bool) []ranked {
	var all []ranked
	for _, it := range r.items {
		if fits(it) {
			all = append(all, ranked{it, r.priority(it, now).Sum()})
		}
	}
	slices.SortFunc(all, func(a, b ranked) int {
		switch {
		case a.p > b.p:
			return -1
		case a.p < b.p:
			return 1
		}
		if c := a.it.Since.Compare(b.it.Since); c != 0 {
			return c
		}
		if c := a.it.QueuedAt.Compare(b.it.QueuedAt); c != 0 {
			return c
		}
		return compare(a.it.ID, b.it.ID)
	})
	return all
}

// dispatch offers waiting work in the order of P until nobody is left to take any.
func (r *Router) dispatch(now time.Time) {
	room := r.room(now)
	if len(room) == 0 {
		return
	}
	for _, w := range r.rank(now, func(it *Item) bool {
		return (it.Phase == Waiting || r.ringsOn(it, now)) && room[it.Kind] && (it.Callback == nil || !it.Callback.NotBefore.After(now))
	}) {
		if !room[w.it.Kind] || r.give(w.it, now) == 0 {
			continue
		}
		if room = r.room(now); len(room) == 0 {
			return
		}
	}
}

// ringsOn tells whether ringing work shall ring at one more.
func (r *Router) ringsOn(it *Item, now time.Time) bool {
	l := r.lanes[it.Queue]
	return it.Phase == Offered && l.Strategy == RingOneByOne && !now.Before(it.RangAt.Add(l.Step))
}

// outer tells whether a member stands in a ring of the bullseye that the age of the work has not reached.
func (l *lane) outer(m Member, age time.Duration) bool {
	if l.Strategy != Bullseye {
		return false
	}
	ring, member := 0, false      // rings are the different orders of the members
	for i, o := range l.Members { // in their order
		if i > 0 && o.Order != l.Members[i-1].Order {
			ring++
		}
		if o.Agent == m.Agent {
			member = true
			break
		}
	}
	return member && age < time.Duration(ring)*l.Step
}

// room tells for which kinds of work any agent has room, so that a long queue
// costs nothing while all are busy.
func (r *Router) room(now time.Time) map[Kind]bool {
	room := map[Kind]bool{}
	for _, a := range r.order {
		if !r.idle(a, now) {
			continue
		}
		live, all := r.load(a, true), r.load(a, false)
		for kind, units := range r.cfg.Units {
			load := all
			if kind.live() {
				load = live
			}
			if load+units <= a.Capacity {
				room[kind] = true
			}
		}
	}
	return room
}

// idle tells whether an agent may be asked at all.
func (r *Router) idle(a *Agent, now time.Time) bool {
	return a.Presence == Available && a.Offer == "" && !a.CoolUntil.After(now)
}

// candidate is an agent who can take a piece of work now.
type candidate struct {
	a      *Agent
	member Member
	fit    Fit
	score  Score
	s      float64
}

// give offers a piece of work, to one agent or to all; it returns to how many.
func (r *Router) give(it *Item, now time.Time) int {
	l := r.lanes[it.Queue]
	ring := r.ring(l, it, now)
	d := &Decision{Work: it.ID, Queue: it.Queue, At: now, Waited: now.Sub(it.Since), Target: r.target(it), Ring: ring + 1, Strategy: l.Strategy, Policy: PolicyVersion}
	fits := r.candidates(l, it, l.Rings[ring], now, d)
	if len(fits) == 0 {
		return 0
	}
	d.Priority = r.priority(it, now)
	d.P = d.Priority.Sum()
	if d.Overflow = ring > 0 && l.Rings[ring].Anyone; d.Overflow && !it.Overflow {
		it.Overflow = true
		r.changed(it, Change{Type: Overflowed, At: now})
	}
	chosen := fits
	if l.Strategy != RingAll {
		best := r.choose(l, it, fits)
		fits[0], fits[best] = fits[best], fits[0]
		chosen = fits[:1]
		for _, c := range fits[1:] {
			d.lose(c.a.ID, c.s, "strategy")
		}
	}
	for i := range chosen {
		r.ringAt(l, it, &chosen[i], *d, now)
	}
	return len(chosen)
}

// ring is the last ring that the work's age has reached. Nobody waits for an entry of a list: it goes no further
// than to those who are asked from the start, however long it lies.
func (r *Router) ring(l *lane, it *Item, now time.Time) int {
	age, n := now.Sub(it.Since), 0
	for i := range l.Rings {
		wider := l.Rings[i].Sisters && !l.Rings[0].Sisters || l.Rings[i].Anyone && !l.Rings[0].Anyone
		if age >= l.Rings[i].After && !(wider && it.ours()) {
			n = i
		}
	}
	if it.Guarded {
		return len(l.Rings) - 1
	}
	return n
}

func (d *Decision) lose(agent AgentID, s float64, reason string) {
	if len(d.Losers) < maxLosers {
		d.Losers = append(d.Losers, Loser{agent, s, reason})
	}
}

// candidates are the agents of the work's ring who can take it. Why the others
// of the queue cannot goes into the decision.
func (r *Router) candidates(l *lane, it *Item, ring Ring, now time.Time, d *Decision) []candidate {
	var fits []candidate
	only := r.onlyPreferred(l, it, now)
	for m := range r.asked(l, it, ring) {
		a := r.agents[m.Agent]
		if a == nil || a.Presence == Offline || only != "" && a.ID != only {
			continue
		}
		skill := a.skill(it.Skills, l.Skills)
		if l.outer(m, now.Sub(it.Since)) && !it.Guarded {
			d.lose(a.ID, 0, "outer_ring")
			continue
		}
		if why := r.unfit(a, l, it, skill, ring.Floor, now); why != "" {
			d.lose(a.ID, 0, why)
			continue
		}
		if m.Weight == 0 {
			m.Weight = 1
		}
		c := candidate{a: a, member: m, fit: r.fit(a, it, skill, now)}
		c.score = ScoreOf(c.fit)
		c.s = c.score.Sum()
		fits = append(fits, c)
	}
	return fits
}

// onlyPreferred is the agent that the work waits for, while it does.
func (r *Router) onlyPreferred(l *lane, it *Item, now time.Time) AgentID {
	if it.Preferred == "" || now.Sub(it.Since) >= l.PreferredWait {
		return ""
	}
	if a := r.agents[it.Preferred]; a == nil || a.Presence != Available {
		return ""
	}
	return it.Preferred
}

// asked yields the members of the queue and those that the ring adds, each once.
func (r *Router) asked(l *lane, it *Item, ring Ring) func(func(Member) bool) {
	return func(yield func(Member) bool) {
		seen := make(map[AgentID]bool, len(l.Members))
		each := func(members []Member) bool {
			for _, m := range members {
				if seen[m.Agent] {
					continue
				}
				seen[m.Agent] = true
				if !yield(m) {
					return false
				}
			}
			return true
		}
		if !each(l.Members) {
			return
		}
		if ring.Sisters {
			for _, id := range l.Sisters {
				if s := r.lanes[id]; s != nil && !each(s.Members) {
					return
				}
			}
		}
		if o := r.lanes[l.Overflow]; it.Guarded && o != nil && !each(o.Members) {
			return
		}
		if ring.Anyone {
			for _, a := range r.order {
				if !each([]Member{{Agent: a.ID}}) {
					return
				}
			}
		}
	}
}

// unfit says why an agent cannot take a piece of work now; empty when it can.
func (r *Router) unfit(a *Agent, l *lane, it *Item, skill, floor float64, now time.Time) string {
	switch {
	case a.Presence != Available:
		return string(a.Presence)
	case a.Offer != "":
		return string(Ringing)
	case a.CoolUntil.After(now):
		return "cooling_down"
	case it.Barred[a.ID].After(now):
		return "declined"
	case a.Desk && it.previewed():
		return "no_screen"
	case !a.speaks(it.Language) || !a.speaks(l.Language):
		return "language"
	case skill < floor:
		return "skill"
	case r.load(a, it.Kind.live())+r.cfg.Units[it.Kind] > a.Capacity:
		return "busy"
	}
	return ""
}

// load is the capacity in use: for live work the live units only, since tickets
// can be interrupted, for tickets all. A wrap-up keeps the units of its contact.
func (r *Router) load(a *Agent, live bool) int {
	n := 0
	for _, w := range a.Work {
		if it := r.items[w]; !it.Pending && (!live || it.Kind.live()) {
			n += r.cfg.Units[it.Kind]
		}
	}
	for i := range a.Wraps {
		n += a.Wraps[i].Units
	}
	return n
}

func (r *Router) fit(a *Agent, it *Item, skill float64, now time.Time) Fit {
	s := r.same[it.Contact]
	return Fit{Skill: skill, Load: r.load(a, it.Kind.live()), Cap: a.Capacity, Same: it.Contact != "" && s.agent == a.ID && now.Sub(s.at) <= sameAgentFor,
		Idle: now.Sub(a.IdleSince), Handled: a.Handled}
}

// ringAt makes the offer.
func (r *Router) ringAt(l *lane, it *Item, c *candidate, d Decision, now time.Time) {
	d.Agent, d.Score, d.S = c.a.ID, c.score, c.s
	o := &Offer{Token: r.cfg.NewToken(), Work: it.ID, Queue: it.Queue, Agent: c.a.ID, At: now, Deadline: now.Add(l.RingTime)}
	if it.previewed() {
		o.Deadline = now.Add(it.Callback.Preview)
	}
	r.offers[o.Token] = o
	it.Phase, it.RangAt = Offered, now
	it.Offers = append(it.Offers, o.Token)
	it.Decision = &d
	c.a.Offer = o.Token
	l.turn = c.a.ID
	r.touch(c.a)
	r.changed(it, Change{Type: OfferMade, At: now, Agent: c.a.ID, Token: o.Token, Deadline: o.Deadline, Decision: &d})
}
