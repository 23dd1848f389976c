package queue

import (
	"fmt"
	"slices"
	"time"
)

// Saved is a Router's state as rows keep it.
type Saved struct {
	Queues []Queue
	Agents []Agent
	Items  []Item
	Offers []Offer
	Tally  []Tally
	Same   []LastAgent
}

// Tally is what one queue counted in one minute, so that the service level survives a restart.
type Tally struct {
	Queue   QueueID
	Minute  time.Time
	Entered int
	InTime  int
	Late    int
	Lost    int // gave up after Level.Within
	Early   int // gave up before
	Short   int
	Handle  time.Duration // mean of the contacts ended then; 0 when none
}

// LastAgent is who served a customer last.
type LastAgent struct {
	Contact string
	Agent   AgentID
	At      time.Time
}

// Restore makes a Router from rows. What does not fit together is mended: work
// whose agent or offer is gone waits again with its age. Agents count as just
// heard of, so that a restart signs nobody out.
func Restore(cfg RouterConfig, saved Saved, now time.Time) (*Router, error) {
	r := NewRouter(cfg)
	r.now = now
	r.newDay(now)
	for _, q := range saved.Queues {
		if err := q.Check(); err != nil {
			return nil, err
		}
		q = q.WithDefaults()
		r.lanes[q.ID] = &lane{Queue: q, handle: q.Handle.Seconds(), counts: counts{day: r.day}}
	}
	for i := range saved.Agents {
		a := saved.Agents[i].clone()
		if err := a.check(); err != nil {
			return nil, err
		}
		r.restoreAgent(&a, now)
	}
	for i := range saved.Items {
		it := saved.Items[i].clone()
		if r.lanes[it.Queue] == nil {
			return nil, fmt.Errorf("work %s: queue %s: %w", it.ID, it.Queue, ErrNoQueue)
		}
		r.restoreItem(&it)
	}
	for i := range saved.Offers {
		r.restoreOffer(saved.Offers[i])
	}
	for _, it := range r.items {
		if it.Phase == Offered && len(it.Offers) == 0 {
			it.Phase = Waiting
			r.dirtyItems[it.ID] = it
		}
	}
	for i := range saved.Tally {
		r.restoreTally(&saved.Tally[i])
	}
	for _, s := range saved.Same {
		r.same[s.Contact] = sameAgent{s.Agent, s.At}
	}
	r.Step(now)
	return r, nil
}

func (r *Router) restoreAgent(a *Agent, now time.Time) {
	or(&a.Capacity, r.cfg.Capacity)
	or(&a.Presence, Offline)
	or(&a.State, Offline)
	if a.LastEnd == nil {
		a.LastEnd = map[QueueID]time.Time{}
	}
	if a.Chosen.Before(r.day) {
		a.Handled, a.Talk = 0, 0
	}
	a.SeenAt, a.Offer, a.Work = now, "", nil // who has what follows from the work
	a.Wraps = slices.DeleteFunc(a.Wraps, func(w Wrap) bool { return w.Deadline.IsZero() })
	r.addAgent(a)
}

func (r *Router) restoreItem(it *Item) {
	r.items[it.ID] = it
	it.Offers = nil
	switch a := r.agents[it.Agent]; {
	case it.Phase == Waiting || it.Phase == Offered:
		it.Agent = ""
	case a == nil || it.Deadline.IsZero():
		it.Phase, it.WasWith, it.Agent, it.Deadline = Waiting, it.Agent, "", time.Time{}
		r.dirtyItems[it.ID] = it
	default:
		a.Work = append(a.Work, it.ID)
	}
}

func (r *Router) restoreOffer(o Offer) {
	it, a := r.items[o.Work], r.agents[o.Agent]
	if it == nil || a == nil || a.Offer != "" || it.Phase != Offered || it.Queue != o.Queue {
		return
	}
	r.offers[o.Token] = &o
	it.Offers = append(it.Offers, o.Token)
	a.Offer = o.Token
}

func (r *Router) restoreTally(t *Tally) {
	l := r.lanes[t.Queue]
	if l == nil {
		return
	}
	for what, n := range [countKinds]int{countOffered: t.Entered, countIn: t.InTime, countLate: t.Late, countLost: t.Lost, countEarly: t.Early, countShort: t.Short} {
		for range n {
			l.counts.add(t.Minute, what)
		}
	}
	if t.Handle > 0 {
		l.learnHandle(t.Handle)
	}
}

// NodeLost handles the work of a server that is gone or was restarted: its calls
// are lost, so they end by cause, but for call-backs, which keep their place.
// Where the queue keeps lost callers, a waiting one whose number is known becomes
// a call-back. Text and tickets go on as work of heir. It returns how much was
// ended and how much kept.
func (r *Router) NodeLost(node, heir, cause string, now time.Time) (ended, kept int) {
	for _, id := range sortedKeys(r.items) {
		it := r.items[id]
		if it == nil || it.Node != node {
			continue
		}
		waits := it.Phase == Waiting || it.Phase == Offered
		lost := it.Kind == KindVoice && !(waits && it.Callback != nil)
		if lost && waits && it.Number != "" && r.lanes[it.Queue].CallbackLost {
			for _, t := range slices.Clone(it.Offers) {
				r.endOffer(r.offers[t], ReasonWithdrawn, now)
			}
			it.Phase, it.Callback, lost = Waiting, &Callback{Number: it.Number}, false
			r.changed(it, Change{Type: KeptPlace, At: now, Reason: cause})
		}
		if lost {
			r.finish(it, cause, now)
			ended++
			continue
		}
		it.Node = heir
		r.dirtyItems[id] = it
		kept++
	}
	r.Step(now)
	return ended, kept
}

// Items are copies of all work, by id.
func (r *Router) Items() []Item {
	all := make([]Item, 0, len(r.items))
	for _, id := range sortedKeys(r.items) {
		all = append(all, r.items[id].clone())
	}
	return all
}
