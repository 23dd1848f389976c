package sim

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"time"

	"tingxin/queue"
)

// tally is what one run did for one class.
type tally struct {
	work, met     int
	wait, longest time.Duration
}

// job is one piece of work.
type job struct {
	at       time.Duration
	class    int
	skill    int
	base     float64 // handle time at proficiency 1, alone, in hours
	customer int
}

// agent is one agent of a run.
type agent struct {
	skill   []float64 // proficiency, 0 for none
	load    int
	idle    time.Duration // since when
	handled int
}

// done is an agent ending a contact.
type done struct {
	at    time.Duration
	agent int
}

type calendar []done

func (c calendar) Len() int           { return len(c) }
func (c calendar) Less(i, j int) bool { return c[i].at < c[j].at }
func (c calendar) Swap(i, j int)      { c[i], c[j] = c[j], c[i] }
func (c *calendar) Push(x any)        { *c = append(*c, x.(done)) }
func (c *calendar) Pop() any {
	old := *c
	last := old[len(old)-1]
	*c = old[:len(old)-1]
	return last
}

// run is one simulation under way.
type run struct {
	c       *Config
	policy  Policy
	agents  []agent
	waiting []job // in order of arrival
	ends    calendar
	last    map[int]int // customer -> agent
	turn    int         // of RoundRobin
	tally   []tally
}

// play simulates one run. Policies with the same seed see the same agents and the same work.
func play(c *Config, policy Policy, seed uint64) []tally {
	s := &run{c: c, policy: policy, last: map[int]int{}, tally: make([]tally, len(c.Classes))}
	var jobs []job
	s.agents, jobs = draw(c, seed)
	covered := make([]bool, c.Skills)
	for i := range s.agents {
		for k, p := range s.agents[i].skill {
			covered[k] = covered[k] || p > 0
		}
	}
	for _, j := range jobs {
		for len(s.ends) > 0 && s.ends[0].at <= j.at {
			s.end()
		}
		switch {
		case !covered[j.skill]: // nobody ever can: a missed one that waits for ever would have no mean
			s.tally[j.class].work++
		case !s.assign(j.at, j):
			s.waiting = append(s.waiting, j)
		}
	}
	for len(s.ends) > 0 {
		s.end()
	}
	return s.tally
}

// draw is the team and the work of one run.
func draw(c *Config, seed uint64) (agents []agent, jobs []job) {
	r := rand.New(rand.NewPCG(seed, 7))
	for range c.Agents {
		a := agent{skill: make([]float64, c.Skills)}
		for _, k := range r.Perm(c.Skills)[:c.PerAgent] {
			a.skill[k] = c.Least + (1-c.Least)*r.Float64()
		}
		agents = append(agents, a)
	}
	next := func(after float64) float64 { return after + r.ExpFloat64()/c.Arrivals }
	for t := next(0); t < c.Hours; t = next(t) {
		jobs = append(jobs, job{at: hours(t), class: c.class(r.Float64()), skill: r.IntN(c.Skills), base: r.ExpFloat64() * c.Handle.Hours(), customer: r.IntN(c.People)})
	}
	return agents, jobs
}

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

// class is the class of a share u of all arrivals, 0..1.
func (c *Config) class(u float64) int {
	for k := range c.Classes {
		if u -= c.Classes[k].Share; u < 0 {
			return k
		}
	}
	return len(c.Classes) - 1
}

// end ends the next contact and gives the freed place to the first in the queue
// that the agent can serve. Nothing else can have become possible: what waits
// has found no place before.
func (s *run) end() {
	e := heap.Pop(&s.ends).(done)
	a := &s.agents[e.agent]
	a.load--
	a.handled++
	if a.load == 0 {
		a.idle = e.at
	}
	best, first := -1, math.Inf(-1)
	for i := range s.waiting {
		if a.skill[s.waiting[i].skill] == 0 {
			continue
		}
		if p := s.order(&s.waiting[i], e.at); p > first {
			best, first = i, p
		}
	}
	if best < 0 {
		return
	}
	j := s.waiting[best]
	s.waiting = append(s.waiting[:best], s.waiting[best+1:]...)
	s.assign(e.at, j)
}

// order is how early a job is served; equal ones are served as they came.
func (s *run) order(j *job, now time.Duration) float64 {
	class := &s.c.Classes[j.class]
	elapsed := now - j.at
	switch s.policy {
	case EarliestDue:
		return -float64(j.at + class.Target)
	case StrictClass:
		return float64(class.Urgency)*1e18 - float64(j.at)
	case NoDrop:
		return float64(class.Urgency) + 4*min(float64(elapsed)/float64(class.Target), 2)
	case Full:
		return queue.PriorityOf(class.Urgency, elapsed, class.Target, queue.Signals{}).Sum()
	}
	return -float64(j.at)
}

// assign gives a job to the agent that the policy chooses, if one has a place and the skill.
func (s *run) assign(now time.Duration, j job) bool {
	best := s.choose(now, &j)
	if best < 0 {
		return false
	}
	a := &s.agents[best]
	took := hours(j.base / a.skill[j.skill] * (1 + s.c.Slower*float64(a.load)))
	a.load++
	s.last[j.customer] = best
	heap.Push(&s.ends, done{now + took, best})
	t := &s.tally[j.class]
	wait := now - j.at
	t.work++
	t.wait += wait
	t.longest = max(t.longest, wait)
	if wait <= s.c.Classes[j.class].Target {
		t.met++
	}
	return true
}

func (s *run) choose(now time.Duration, j *job) int {
	best, most := -1, math.Inf(-1)
	for d := range s.agents {
		i := (s.turn + d) % len(s.agents)
		a := &s.agents[i]
		if a.load >= s.c.Slots || a.skill[j.skill] == 0 {
			continue
		}
		if s.policy == RoundRobin {
			s.turn = i + 1
			return i
		}
		last, known := s.last[j.customer]
		score := queue.ScoreOf(queue.Fit{Skill: a.skill[j.skill], Load: a.load, Cap: s.c.Slots, Same: known && last == i, Idle: now - a.idle, Handled: a.handled}).Sum()
		if score > most {
			best, most = i, score
		}
	}
	return best
}
