package queue

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestRandomEventOrders plays random orders of everything that can happen to a
// Router on a virtual clock and holds it to its promises after every step. The
// short form is part of the suite; TINGXIN_STEPS=1000000 plays the long one and
// TINGXIN_SEED another order.
func TestRandomEventOrders(t *testing.T) {
	steps, seed := 40_000, uint64(1)
	if text := os.Getenv("TINGXIN_STEPS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		steps = n
	}
	if text := os.Getenv("TINGXIN_SEED"); text != "" {
		n, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	w := newWorld(t, seed)
	for i := range steps {
		w.step = i
		w.act()
		w.check()
		if t.Failed() {
			t.Fatalf("seed %d, step %d at %v: after %s", seed, i, w.now.Format(time.TimeOnly), w.did)
		}
	}
	w.finish()
	t.Logf("%d steps, %d pieces of work, %v", steps, w.enqueued, w.seen)
	for _, what := range []string{OfferMade, Taken, Joined, Requeued, Moved, KeptPlace, Overflowed, Alert, Left, StateChanged, Notice, WrapBegan, WrapEnded} {
		if w.seen[what] == 0 {
			t.Errorf("%s never happened, the test proves less than it says", what)
		}
	}
}

// world is a Router under random fire and a plain model of what must hold.
type world struct {
	t    *testing.T
	r    *Router
	dice *rand.Rand
	now  time.Time
	step int
	did  string

	enqueued int
	living   map[WorkID]bool // by the model: in, and not told as left
	ended    int
	noLive   map[AgentID]time.Time // an exact wrap-up after a call lasts until then
	with     map[WorkID]contact    // who has it, by the model
	seen     map[string]int
}

// contact is an agent with a piece of work.
type contact struct {
	agent  AgentID
	mode   WrapMode // of the queue it came from
	joined bool
}

const worldAgents, worldQueues = 9, 4

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, dice: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), living: map[WorkID]bool{}, noLive: map[AgentID]time.Time{}, with: map[WorkID]contact{}, seen: map[string]int{}}
	w.r = NewRouter(RouterConfig{Seed: seed})
	for i := range worldAgents {
		p := Profile{ID: w.agentID(i), Skills: map[string]float64{"billing": float64(i%3) / 2, "tech": 1 - float64(i%4)/4}, Desk: i == 0}
		if i%3 == 1 {
			p.Languages = []string{"zh"}
		}
		must(t, w.r.SetAgent(p, w.now))
	}
	for i := range worldQueues {
		w.setQueue(i)
	}
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) agentID(i int) AgentID { return AgentID("a" + strconv.Itoa(i)) }
func (w *world) queueID(i int) QueueID { return QueueID("q" + strconv.Itoa(i)) }

// setQueue gives a queue random settings.
func (w *world) setQueue(i int) {
	wrap := WrapUp{WrapModes[w.dice.IntN(len(WrapModes))], time.Duration(10+w.dice.IntN(60)) * time.Second}
	q := Queue{ID: w.queueID(i), Strategy: Strategies[w.dice.IntN(len(Strategies))], WrapUp: wrap, Sisters: []QueueID{w.queueID((i + 1) % worldQueues)},
		Overflow: w.queueID((i + 2) % worldQueues), MaxWaiting: 40, PreferredWait: time.Duration(w.dice.IntN(2)) * 20 * time.Second,
		RejectDelay: time.Duration(w.dice.IntN(2)) * 5 * time.Second, CallbackTries: 2, CallbackRetry: time.Minute}
	if i%2 == 0 {
		q.Skills = []string{"tech"}
	}
	for k := range worldAgents {
		if w.dice.IntN(2) == 0 {
			q.Members = append(q.Members, Member{Agent: w.agentID(k), Order: w.dice.IntN(5), Weight: float64(w.dice.IntN(4))})
		}
	}
	must(w.t, w.r.SetQueue(q, w.now))
}

// pick is a random piece of work in one of the phases, or "".
func (w *world) pick(phases ...Phase) WorkID {
	var all []WorkID
	for id, it := range w.r.items {
		if slices.Contains(phases, it.Phase) {
			all = append(all, id)
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	return all[w.dice.IntN(len(all))]
}

func (w *world) offer() *Offer {
	var all []Token
	for t := range w.r.offers {
		all = append(all, t)
	}
	if len(all) == 0 {
		return &Offer{Token: "none", Agent: w.agentID(0)}
	}
	slices.Sort(all)
	return w.r.offers[all[w.dice.IntN(len(all))]]
}

// act lets one random thing happen.
func (w *world) act() {
	if w.dice.IntN(3) > 0 {
		w.now = w.now.Add(time.Duration(w.dice.ExpFloat64() * float64(4*time.Second)))
	}
	if w.dice.IntN(4) > 0 {
		for i := range worldAgents {
			if w.dice.IntN(30) > 0 {
				_ = w.r.Heartbeat(w.agentID(i), w.now)
			}
		}
	}
	agent := w.agentID(w.dice.IntN(worldAgents))
	queue := w.queueID(w.dice.IntN(worldQueues))
	o := w.offer()
	token, to := o.Token, o.Agent
	var err error
	switch n := w.dice.IntN(100); {
	case n < 22:
		err = w.enqueue(queue)
	case n < 42:
		w.did = fmt.Sprint("accept ", token, " ", to)
		_, err = w.r.Accept(token, to, w.now)
	case n < 46:
		w.did = fmt.Sprint("accept by a stranger ", token, " ", agent)
		if _, err = w.r.Accept(token, agent, w.now); err == nil && agent != to {
			w.t.Errorf("%s took an offer of %s", agent, to)
		}
	case n < 50:
		w.did = fmt.Sprint("decline ", token)
		err = w.r.Decline(token, to, w.dice.IntN(2) == 0, w.now)
	case n < 66:
		id := w.pick(Assigned)
		w.did = fmt.Sprint("answered ", id)
		err = w.r.Answered(id, w.now)
	case n < 78:
		id := w.pick(Assigned, Active)
		w.did = fmt.Sprint("ended ", id)
		err = w.r.Ended(id, "", w.now)
	default:
		err = w.rare(n, agent, queue)
	}
	for _, known := range []error{nil, ErrGone, ErrState, ErrNoWork, ErrFull} {
		if errors.Is(err, known) {
			return
		}
	}
	w.t.Errorf("%v", err)
}

func (w *world) rare(n int, agent AgentID, queue QueueID) error {
	any := w.pick(Waiting, Offered, Assigned, Active)
	switch {
	case n < 82:
		w.did = fmt.Sprint("cancel ", any)
		_, err := w.r.Cancel(any, w.now)
		if err == nil {
			w.stopped(any)
		}
		return err
	case n < 84:
		w.did = fmt.Sprint("transfer ", any, " to ", queue)
		return w.r.Transfer(any, queue, w.now)
	case n < 85:
		w.did = fmt.Sprint("assign ", any, " to ", agent)
		_, err := w.r.Assign(any, agent, "boss", w.now)
		return err
	case n < 86:
		id := w.pick(Waiting, Offered)
		w.did = fmt.Sprint("keep place of ", id)
		return w.r.KeepPlace(id, "10086", w.now)
	case n < 87:
		id := w.pick(Assigned, Active)
		w.did = fmt.Sprint("call-back failed ", id)
		return w.r.CallbackFailed(id, w.now)
	case n < 88:
		id := w.pick(Assigned)
		w.did = fmt.Sprint("agent failed ", id)
		it, _ := w.r.Item(id)
		return w.r.AgentFailed(id, it.Agent, w.now)
	case n < 92:
		w.did = fmt.Sprint("available ", agent)
		return w.r.SetPresence(agent, Available, "", w.now)
	case n < 93:
		w.did = fmt.Sprint("away or offline ", agent)
		if w.dice.IntN(2) == 0 {
			return w.r.SetPresence(agent, Offline, "", w.now)
		}
		return w.r.SetPresence(agent, Away, Reasons[w.dice.IntN(len(Reasons))], w.now)
	case n < 96:
		force := w.dice.IntN(4) == 0
		w.did = fmt.Sprint("end wrap-up ", agent, " force ", force)
		if force {
			w.noLive[agent] = time.Time{}
		}
		return w.r.EndWrapUp(agent, "", force, w.now)
	case n < 97:
		id := w.pick(Active)
		w.did = fmt.Sprint("pending ", id)
		return w.r.Pending(id, w.dice.IntN(2) == 0, w.now)
	case n < 98:
		id := w.pick(Active, Assigned)
		it, _ := w.r.Item(id)
		w.did = fmt.Sprint("wants wrap-up ", id)
		return w.r.AskWrapUp(id, it.Agent, true, w.now)
	case n < 99:
		if w.dice.IntN(20) == 0 {
			w.now = w.now.Add(time.Duration(w.dice.IntN(30)) * time.Minute)
			w.did = "a long silence"
		}
		w.r.Step(w.now)
		return nil
	}
	w.did = "other settings"
	w.setQueue(w.dice.IntN(worldQueues))
	return nil
}

func (w *world) enqueue(queue QueueID) error {
	id := WorkID("w" + strconv.Itoa(w.enqueued+1))
	w.did = fmt.Sprint("enqueue ", id)
	work := Work{ID: id, Kind: Kinds[w.dice.IntN(len(Kinds))], Queue: queue, Urgency: Urgency(w.dice.IntN(4)), Contact: "c" + strconv.Itoa(w.dice.IntN(30))}
	if w.dice.IntN(3) == 0 {
		work.Kind = KindVoice
	}
	if w.dice.IntN(3) == 0 {
		work.Language = []string{"zh", "en"}[w.dice.IntN(2)]
	}
	if w.dice.IntN(3) == 0 {
		work.Skills = []string{"billing"}
	}
	if w.dice.IntN(5) == 0 {
		work.Preferred = w.agentID(w.dice.IntN(worldAgents))
	}
	err := w.r.Enqueue(work, w.now)
	if err == nil {
		w.enqueued++
		w.living[id] = true
	}
	return err
}

// stopped checks that nothing rings any more for a customer who left.
func (w *world) stopped(id WorkID) {
	it := w.r.items[id]
	if it != nil && it.Callback != nil {
		return
	}
	for _, o := range w.r.offers {
		if o.Work == id {
			w.t.Errorf("%s still rings at %s after its customer left", id, o.Agent)
		}
	}
}

// check holds the Router to its promises.
func (w *world) check() {
	w.changes()
	holder := map[WorkID]AgentID{}
	for _, a := range w.r.order {
		w.checkAgent(a, holder)
	}
	for id, it := range w.r.items {
		w.checkItem(id, it, holder)
	}
	if w.ended+len(w.living) != w.enqueued || len(w.living) != len(w.r.items) {
		w.t.Errorf("%d pieces of work in, %d ended, %d should be there, %d are", w.enqueued, w.ended, len(w.living), len(w.r.items))
	}
	for token, o := range w.r.offers {
		if w.r.agents[o.Agent].Offer != token || !slices.Contains(w.r.items[o.Work].Offers, token) {
			w.t.Errorf("offer %s of %s to %s: agent rings for %q, work at %v", token, o.Work, o.Agent, w.r.agents[o.Agent].Offer, w.r.items[o.Work].Offers)
		}
	}
	w.checkDrained()
}

// changes keeps the model: what left, and which wrap-ups must last.
func (w *world) changes() {
	changes, _, _ := w.r.Drain()
	for i, c := range changes {
		w.seen[c.Type]++
		w.wrapUps(c, changes[:i])
		switch c.Type {
		case Left:
			if !w.living[c.Work] {
				w.t.Errorf("%s left twice or never came", c.Work)
			}
			delete(w.living, c.Work)
			w.ended++
		case WrapBegan:
			for _, wrap := range w.r.agents[c.Agent].Wraps {
				if wrap.Work == c.Work && wrap.Mode == WrapExact && wrap.Kind == KindVoice {
					w.noLive[c.Agent] = c.Deadline
				}
			}
		case OfferMade:
			if until := w.noLive[c.Agent]; c.Kind.live() && c.At.Before(until) {
				w.t.Errorf("%s of %s rings at %s, whose wrap-up lasts until %v", c.Work, c.Queue, c.Agent, until)
			}
			if c.Decision == nil || c.Decision.Agent != c.Agent {
				w.t.Errorf("offer of %s to %s has no reason", c.Work, c.Agent)
			}
		}
	}
}

// wrapUps follows who has what: an answered contact that leaves its agent, to its
// end, another queue or another agent, has begun that agent's wrap-up before.
func (w *world) wrapUps(c Change, before []Change) {
	had := w.with[c.Work]
	switch c.Type {
	case Joined:
		had.joined = true
		w.with[c.Work] = had
		return
	case Requeued:
		delete(w.with, c.Work) // the agent is gone or never met the customer
		return
	case Taken, Moved, Left:
	default:
		return
	}
	due := had.mode == WrapManual || had.mode == WrapFixed || had.mode == WrapExact
	if had.joined && due && !slices.ContainsFunc(before, func(b Change) bool { return b.Type == WrapBegan && b.Work == c.Work && b.Agent == had.agent }) {
		w.t.Errorf("%s: %s had it with wrap-up %s and got none", c.Type, had.agent, had.mode)
	}
	delete(w.with, c.Work)
	if c.Type == Taken {
		w.with[c.Work] = contact{agent: c.Agent, mode: w.r.lanes[c.Queue].WrapUp.Mode}
	}
}

func (w *world) checkAgent(a *Agent, holder map[WorkID]AgentID) {
	calls, units := 0, 0
	for _, id := range a.Work {
		it := w.r.items[id]
		if it == nil {
			w.t.Errorf("%s holds %s, which is gone", a.ID, id)
			continue
		}
		if other := holder[id]; other != "" {
			w.t.Errorf("%s and %s both have %s", other, a.ID, id)
		}
		holder[id] = a.ID
		if it.Kind == KindVoice {
			calls++
		}
	}
	manual := slices.ContainsFunc(a.Work, func(id WorkID) bool { return w.r.items[id] != nil && (w.r.items[id].Manual || !w.r.items[id].Pending) })
	if units = w.r.load(a, true); units > a.Capacity && !manual && len(a.Wraps) == 0 {
		w.t.Errorf("%s carries %d units of %d", a.ID, units, a.Capacity)
	}
	if calls > 1 {
		w.t.Errorf("%s is in %d calls", a.ID, calls)
	}
	if a.State != Offline && (a.Deadline.IsZero() || !a.Deadline.After(w.r.now)) {
		w.t.Errorf("%s is %s without a deadline or past it: %v", a.ID, a.State, a.Deadline)
	}
	if a.State == Offline && (a.Offer != "" || calls > 0) {
		w.t.Errorf("%s is offline with an offer or a call", a.ID)
	}
	for i := range a.Wraps {
		if !a.Wraps[i].Deadline.After(w.r.now) {
			w.t.Errorf("%s: wrap-up past its deadline", a.ID)
		}
	}
}

func (w *world) checkItem(id WorkID, it *Item, holder map[WorkID]AgentID) {
	if !w.living[id] {
		w.t.Errorf("%s is there and should not be", id)
	}
	switch it.Phase {
	case Waiting:
		if it.Agent != "" || holder[id] != "" || len(it.Offers) > 0 {
			w.t.Errorf("%s waits and is with %q, rings %v", id, holder[id], it.Offers)
		}
	case Offered:
		if it.Agent != "" || holder[id] != "" || len(it.Offers) == 0 {
			w.t.Errorf("%s rings at nobody or is with %q", id, holder[id])
		}
		for _, token := range it.Offers {
			if o := w.r.offers[token]; o == nil || !o.Deadline.After(w.r.now) {
				w.t.Errorf("%s: offer %s is gone or past its deadline", id, token)
			}
		}
	case Assigned, Active:
		if it.Agent == "" || holder[id] != it.Agent || len(it.Offers) > 0 {
			w.t.Errorf("%s is %s by %q, held by %q, rings %v", id, it.Phase, it.Agent, holder[id], it.Offers)
		}
		if !it.Deadline.After(w.r.now) {
			w.t.Errorf("%s is %s past its deadline", id, it.Phase)
		}
	default:
		w.t.Errorf("%s is %q", id, it.Phase)
	}
}

// checkDrained looks for work that waits though somebody could take it.
func (w *world) checkDrained() {
	for id, it := range w.r.items {
		if it.Phase != Waiting || w.r.now.Sub(it.Since) < 2*time.Minute || it.Callback != nil {
			continue
		}
		l := w.r.lanes[it.Queue]
		for _, a := range w.r.order {
			if w.r.unfit(a, l, it, 1, 0, w.r.now) == "" {
				w.t.Errorf("%s waits for %v though %s is free", id, w.r.now.Sub(it.Since), a.ID)
			}
		}
	}
}

// finish lets everything run out: no agent comes, nothing more is done.
func (w *world) finish() {
	for range 20 {
		w.now = w.now.Add(24 * time.Hour)
		w.r.Step(w.now)
		w.check()
	}
	for _, a := range w.r.order {
		if a.State != Offline {
			w.t.Errorf("%s is still %s after 20 days", a.ID, a.State)
		}
	}
	for id, it := range w.r.items {
		if it.Phase != Waiting {
			w.t.Errorf("%s is still %s after 20 days", id, it.Phase)
		}
	}
}
