package sim

import (
	"container/heap"
	"fmt"
	"math"
	"testing"
	"time"

	"tingxin/queue"
)

// TestTheRouterServesLikeTheSimulation lets the product's own Router work off the
// same days as the simulation of P: enqueue, offer, accept, answer, end, on a
// virtual clock. Only "the same agent as last time" differs, which the router
// knows from the end of a contact on. So what the table promises, the router keeps.
func TestTheRouterServesLikeTheSimulation(t *testing.T) {
	c := Config{Arrivals: 135, Runs: 1}.withDefaults()
	for seed := uint64(1); seed <= 3; seed++ {
		simulated := play(&c, Full, seed)
		routed := routeDay(t, &c, seed)
		for k, class := range c.Classes {
			a, b := simulated[k], routed[k]
			if a.work != b.work || a.work == 0 {
				t.Fatalf("seed %d, %s: %d pieces of work simulated, %d routed", seed, class.Urgency, a.work, b.work)
			}
			metA, metB := 100*float64(a.met)/float64(a.work), 100*float64(b.met)/float64(b.work)
			waitA, waitB := a.wait.Minutes()/float64(a.work), b.wait.Minutes()/float64(b.work)
			t.Logf("seed %d %-6s simulated %5.1f %% %5.1f min, routed %5.1f %% %5.1f min", seed, class.Urgency, metA, waitA, metB, waitB)
			if math.Abs(metA-metB) > 2 || math.Abs(waitA-waitB) > 1+.1*waitA {
				t.Errorf("seed %d, %s: in time %.1f %% simulated, %.1f %% routed; mean wait %.1f and %.1f min", seed, class.Urgency, metA, metB, waitA, waitB)
			}
		}
	}
}

// day is a Router working off one simulated day.
type day struct {
	t     *testing.T
	c     *Config
	r     *queue.Router
	team  []agent
	jobs  map[queue.WorkID]job
	ends  calendar
	ended map[int][]queue.WorkID // by the number of done.agent
	tally []tally
}

var dawn = time.Date(2026, 3, 2, 0, 0, 1, 0, time.UTC)

func routeDay(t *testing.T, c *Config, seed uint64) []tally {
	t.Helper()
	team, jobs := draw(c, seed)
	d := &day{t: t, c: c, team: team, jobs: map[queue.WorkID]job{}, tally: make([]tally, len(c.Classes)),
		r: queue.NewRouter(queue.RouterConfig{Units: map[queue.Kind]int{queue.KindChat: 1}, Capacity: c.Slots, DeskLimit: 30 * 24 * time.Hour})}
	d.open()
	for i, j := range jobs {
		for len(d.ends) > 0 && d.ends[0].at <= j.at {
			d.end()
		}
		id := queue.WorkID(fmt.Sprintf("w%05d", i))
		d.jobs[id] = j
		w := queue.Work{ID: id, Kind: queue.KindChat, Queue: "all", Urgency: c.Classes[j.class].Urgency, Target: c.Classes[j.class].Target,
			Skills: []string{skillName(j.skill)}, Contact: fmt.Sprint(j.customer)}
		d.must(d.r.Enqueue(w, dawn.Add(j.at)))
		d.accept(j.at)
	}
	for len(d.ends) > 0 {
		d.end()
	}
	return d.tally
}

func skillName(k int) string { return fmt.Sprint("s", k) }

func (d *day) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *day) open() {
	q := queue.Queue{ID: "all", Rings: []queue.Ring{{Floor: .01}}, MaxWait: 30 * 24 * time.Hour, MaxWaiting: 100_000}
	for i := range d.team {
		id := queue.AgentID(fmt.Sprintf("%02d", i))
		skills := map[string]float64{}
		for k, p := range d.team[i].skill {
			if p > 0 {
				skills[skillName(k)] = p
			}
		}
		d.must(d.r.SetAgent(queue.Profile{ID: id, Skills: skills, Desk: true}, dawn))
		q.Members = append(q.Members, queue.Member{Agent: id, Order: i})
	}
	d.must(d.r.SetQueue(q, dawn))
	for i := range d.team {
		d.must(d.r.SetPresence(queue.AgentID(fmt.Sprintf("%02d", i)), queue.Available, "", dawn))
	}
}

// accept lets every agent take what rings, at once.
func (d *day) accept(at time.Duration) {
	for {
		changes, _, _ := d.r.Drain()
		took := false
		for _, c := range changes {
			if c.Type != queue.OfferMade {
				continue
			}
			took = true
			var i int
			_, _ = fmt.Sscanf(string(c.Agent), "%d", &i) // our own text
			j := d.jobs[c.Work]
			load := d.team[i].load
			_, err := d.r.Accept(c.Token, c.Agent, dawn.Add(at))
			d.must(err)
			d.must(d.r.Answered(c.Work, dawn.Add(at)))
			d.team[i].load++
			d.note(j, at)
			heap.Push(&d.ends, done{at + hours(j.base/d.team[i].skill[j.skill]*(1+d.c.Slower*float64(load))), d.remember(i, c.Work)})
		}
		if !took {
			return
		}
	}
}

// remember keeps who ends what under a number.
func (d *day) remember(agent int, id queue.WorkID) int {
	if d.ended == nil {
		d.ended = map[int][]queue.WorkID{}
	}
	n := len(d.ended)*len(d.team) + agent
	d.ended[n] = append(d.ended[n], id)
	return n
}

func (d *day) note(j job, at time.Duration) {
	t := &d.tally[j.class]
	wait := at - j.at
	t.work++
	t.wait += wait
	if wait <= d.c.Classes[j.class].Target {
		t.met++
	}
}

func (d *day) end() {
	e := heap.Pop(&d.ends).(done)
	d.team[e.agent%len(d.team)].load--
	d.must(d.r.Ended(d.ended[e.agent][0], "", dawn.Add(e.at)))
	d.accept(e.at)
}
