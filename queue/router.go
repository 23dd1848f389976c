package queue

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"
)

// Errors that callers branch on; test with errors.Is.
var (
	ErrNoQueue = errors.New("there is no such queue")
	ErrNoAgent = errors.New("there is no such agent")
	ErrNoWork  = errors.New("there is no such work")
	ErrFull    = errors.New("the queue is full")
	ErrThere   = errors.New("that work is in a queue already")
	// ErrGone: the offer was answered, withdrawn or is over; or the work is somebody else's by now.
	ErrGone = errors.New("the offer is over")
	// ErrState: what was asked does not fit the state.
	ErrState = errors.New("that is not possible in this state")
)

// RouterConfig is what holds for all queues. The zero value is the default.
type RouterConfig struct {
	Units        map[Kind]int   // capacity that work takes; voice 10, chat 2, message 1, ticket 1
	Capacity     int            // of an agent whose profile names none; 10 when zero
	Presence     time.Duration  // an agent not heard of for so long is offline; 30 s when zero
	AwayLimit    time.Duration  // after that the agent is offline; 8 h when zero
	DeskLimit    time.Duration  // longest shift of an agent with a telephone only; 16 h when zero
	MaxCall      time.Duration  // longest voice contact; 4 h when zero
	MaxText      time.Duration  // longest text contact or ticket without a sign of life; 7 days when zero
	AnswerChat   time.Duration  // an accepted chat must be answered within half of its target, at most this; 120 s when zero
	MissedOffers int            // time-outs in a row that make an agent away; 2 when zero
	MaxWork      int            // over all queues; 50,000 when zero
	Location     *time.Location // whose midnight begins a new day; UTC when nil
	Seed         uint64         // of the random strategies
	NewToken     func() Token   // unguessable in a server; counted when nil
}

func (c RouterConfig) withDefaults() RouterConfig {
	units := map[Kind]int{KindVoice: 10, KindChat: 2, KindMessage: 1, KindTicket: 1}
	maps.Copy(units, c.Units)
	c.Units = units
	or(&c.Capacity, 10)
	or(&c.Presence, 30*time.Second)
	or(&c.AwayLimit, 8*time.Hour)
	or(&c.DeskLimit, 16*time.Hour)
	or(&c.MaxCall, 4*time.Hour)
	or(&c.MaxText, 7*24*time.Hour)
	or(&c.AnswerChat, 2*time.Minute)
	or(&c.MissedOffers, 2)
	or(&c.MaxWork, 50_000)
	or(&c.Location, time.UTC)
	if c.NewToken == nil {
		n := 0
		c.NewToken = func() Token { n++; return Token("t" + strconv.Itoa(n)) }
	}
	return c
}

// lane is a queue and what the Router remembers of it.
type lane struct {
	Queue
	turn   AgentID // last of RoundRobin
	closed bool    // its opening hours are over
	handle float64 // mean handle time in seconds, moving
	counts counts
}

// Router decides who gets what. It is a state machine on a clock that it is
// given: every method takes the time, which must not go backwards, and does what
// is due by then. It is not safe for concurrent use, starts no goroutine and does
// no I/O. What happened is taken with Drain.
//
// Nothing stays: each offer, contact, wrap-up and presence has a deadline, and
// Step ends what is past it. One agent has a piece of work at a time; the first
// valid answer to an offer wins.
type Router struct {
	cfg     RouterConfig
	dice    *rand.Rand
	now     time.Time
	day     time.Time // midnight before now
	lanes   map[QueueID]*lane
	agents  map[AgentID]*Agent
	order   []*Agent // by id, so that equal inputs give equal decisions
	items   map[WorkID]*Item
	offers  map[Token]*Offer
	same    map[string]sameAgent
	changes []Change

	dirtyItems  map[WorkID]*Item
	dirtyAgents map[AgentID]*Agent
}

type sameAgent struct {
	agent AgentID
	at    time.Time
}

// maxSame bounds how many customers' last agents are remembered.
const maxSame = 100_000

// NewRouter makes an empty router.
func NewRouter(cfg RouterConfig) *Router {
	cfg = cfg.withDefaults()
	return &Router{cfg: cfg, dice: rand.New(rand.NewPCG(cfg.Seed, 1)), lanes: map[QueueID]*lane{}, agents: map[AgentID]*Agent{}, items: map[WorkID]*Item{},
		offers: map[Token]*Offer{}, same: map[string]sameAgent{}, dirtyItems: map[WorkID]*Item{}, dirtyAgents: map[AgentID]*Agent{}}
}

// SetQueue adds a queue or changes its settings; what waits in it stays.
func (r *Router) SetQueue(q Queue, now time.Time) error {
	if err := q.Check(); err != nil {
		return err
	}
	q = q.WithDefaults()
	l := r.lanes[q.ID]
	if l == nil {
		r.newDay(now)
		l = &lane{handle: q.Handle.Seconds(), counts: counts{day: r.day}}
		r.lanes[q.ID] = l
	}
	l.Queue = q
	r.Step(now)
	return nil
}

// RemoveQueue takes a queue away; a queue with work in it stays (ErrState).
func (r *Router) RemoveQueue(id QueueID) error {
	if r.lanes[id] == nil {
		return ErrNoQueue
	}
	for _, it := range r.items {
		if it.Queue == id {
			return fmt.Errorf("queue %s holds work: %w", id, ErrState)
		}
	}
	delete(r.lanes, id)
	return nil
}

// Queue is a queue's settings with the defaults filled in.
func (r *Router) Queue(id QueueID) (Queue, bool) {
	l := r.lanes[id]
	if l == nil {
		return Queue{}, false
	}
	return l.Queue, true
}

// SetAgent adds an agent, offline, or changes the profile of one.
func (r *Router) SetAgent(p Profile, now time.Time) error {
	if err := p.check(); err != nil {
		return err
	}
	or(&p.Capacity, r.cfg.Capacity)
	a := r.agents[p.ID]
	if a == nil {
		a = &Agent{Profile: p, Presence: Offline, State: Offline, Chosen: now, Since: now, SeenAt: now, IdleSince: now, LastEnd: map[QueueID]time.Time{}}
		r.addAgent(a)
	}
	a.Profile = p
	r.touch(a)
	r.Step(now)
	return nil
}

func (r *Router) addAgent(a *Agent) {
	r.agents[a.ID] = a
	at, _ := slices.BinarySearchFunc(r.order, a.ID, func(b *Agent, id AgentID) int { return compare(b.ID, id) })
	r.order = slices.Insert(r.order, at, a)
}

func compare[T ~string](a, b T) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// RemoveAgent takes an agent away; text goes back to its queue, an agent in a call stays (ErrState).
func (r *Router) RemoveAgent(id AgentID, now time.Time) error {
	a := r.agents[id]
	if a == nil {
		return ErrNoAgent
	}
	for _, w := range a.Work {
		if r.items[w].Kind == KindVoice {
			return fmt.Errorf("agent %s is in a call: %w", id, ErrState)
		}
	}
	r.signOut(a, ReasonSignedOut, now)
	for _, w := range slices.Clone(a.Work) {
		r.requeue(r.items[w], ReasonSignedOut, now)
	}
	r.order = slices.DeleteFunc(r.order, func(b *Agent) bool { return b == a })
	delete(r.agents, id)
	delete(r.dirtyAgents, id)
	r.Step(now)
	return nil
}

// Enqueue puts work into its queue.
func (r *Router) Enqueue(w Work, now time.Time) error {
	if err := w.check(); err != nil {
		return err
	}
	l := r.lanes[w.Queue]
	switch {
	case l == nil:
		return fmt.Errorf("queue %q: %w", w.Queue, ErrNoQueue)
	case r.items[w.ID] != nil:
		return ErrThere
	case len(r.items) >= r.cfg.MaxWork || r.waiting(w.Queue) >= l.MaxWaiting:
		return ErrFull
	}
	if w.Since.IsZero() || w.Since.After(now) {
		w.Since = now
	}
	it := &Item{Work: w, Phase: Waiting, EnteredAt: now, QueuedAt: now}
	r.items[w.ID] = it
	if !it.ours() {
		l.counts.add(now, countOffered)
	}
	r.changed(it, Change{Type: Entered, At: now})
	r.Step(now)
	return nil
}

// waiting counts what waits in a queue.
func (r *Router) waiting(q QueueID) int {
	n := 0
	for _, it := range r.items {
		if it.Queue == q && (it.Phase == Waiting || it.Phase == Offered) {
			n++
		}
	}
	return n
}

// Drain takes what happened since the last Drain, and the work and agents whose
// state changed. The pointers may be read until the next call of any method.
func (r *Router) Drain() (changes []Change, items []*Item, agents []*Agent) {
	changes = r.changes
	for _, it := range r.dirtyItems {
		items = append(items, it)
	}
	for _, a := range r.dirtyAgents {
		agents = append(agents, a)
	}
	slices.SortFunc(items, func(a, b *Item) int { return compare(a.ID, b.ID) })
	slices.SortFunc(agents, func(a, b *Agent) int { return compare(a.ID, b.ID) })
	r.changes = nil
	clear(r.dirtyItems)
	clear(r.dirtyAgents)
	return changes, items, agents
}

// changed notes a change of a piece of work.
func (r *Router) changed(it *Item, c Change) {
	c.Work, c.Kind, c.Node = it.ID, it.Kind, it.Node
	if c.Queue == "" {
		c.Queue = it.Queue
	}
	r.changes = append(r.changes, c)
	r.dirtyItems[it.ID] = it
}

// touch notes that an agent has to be written.
func (r *Router) touch(a *Agent) { r.dirtyAgents[a.ID] = a }

// Item is a copy of a piece of work.
func (r *Router) Item(id WorkID) (Item, bool) {
	it := r.items[id]
	if it == nil {
		return Item{}, false
	}
	return it.clone(), true
}

func (it *Item) clone() Item {
	c := *it
	c.Offers, c.Barred = slices.Clone(it.Offers), maps.Clone(it.Barred)
	return c
}

// Agent is a copy of an agent.
func (r *Router) Agent(id AgentID) (Agent, bool) {
	a := r.agents[id]
	if a == nil {
		return Agent{}, false
	}
	return a.clone(), true
}

func (a *Agent) clone() Agent {
	c := *a
	c.Work, c.Wraps, c.LastEnd = slices.Clone(a.Work), slices.Clone(a.Wraps), maps.Clone(a.LastEnd)
	return c
}

// Offer is a copy of a ringing offer.
func (r *Router) Offer(t Token) (Offer, bool) {
	o := r.offers[t]
	if o == nil {
		return Offer{}, false
	}
	return *o, true
}

// Agents are copies of all agents, by id.
func (r *Router) Agents() []Agent {
	all := make([]Agent, len(r.order))
	for i, a := range r.order {
		all[i] = a.clone()
	}
	return all
}
