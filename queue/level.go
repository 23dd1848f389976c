package queue

import "time"

// What is counted per queue.
const (
	countOffered = iota // entered the queue
	countIn             // answered within Level.Within
	countLate           // answered later
	countLost           // given up after Level.Within
	countEarly          // given up before Level.Within
	countShort          // given up before ShortAbandon
	countKinds
)

const levelMinutes = 30

// counts are a queue's numbers since midnight and of the last 30 minutes, by the minute.
type counts struct {
	today   [countKinds]int
	day     time.Time
	minutes [levelMinutes][countKinds]int
	stamp   [levelMinutes]int64 // the minute since 1970 that each place holds
}

func (c *counts) add(now time.Time, what int) {
	m := now.Unix() / 60
	i := m % levelMinutes
	if c.stamp[i] != m {
		c.stamp[i], c.minutes[i] = m, [countKinds]int{}
	}
	c.minutes[i][what]++
	c.today[what]++
}

// roll forgets yesterday.
func (c *counts) roll(day time.Time) {
	if !c.day.Equal(day) {
		c.day, c.today = day, [countKinds]int{}
	}
}

func (c *counts) recent(now time.Time) [countKinds]int {
	var sum [countKinds]int
	m := now.Unix() / 60
	for i := range c.stamp {
		if m-c.stamp[i] < levelMinutes {
			for k, n := range c.minutes[i] {
				sum[k] += n
			}
		}
	}
	return sum
}

// Served is how a queue did over some time.
type Served struct {
	Entered   int `json:"entered"`
	Answered  int `json:"answered"`
	InTime    int `json:"in_time"`   // answered within the level's time
	Abandoned int `json:"abandoned"` // gave up, short ones not counted
	Short     int `json:"short"`     // gave up before ShortAbandon
	// Level is the share in time in %, -1 when there was nothing to count.
	Level float64 `json:"level"`
}

func served(n [countKinds]int, abandons bool) Served {
	s := Served{Entered: n[countOffered], Answered: n[countIn] + n[countLate], InTime: n[countIn], Abandoned: n[countLost] + n[countEarly], Short: n[countShort], Level: -1}
	of := s.Answered
	if abandons {
		of += n[countLost]
	}
	if of > 0 {
		s.Level = 100 * float64(s.InTime) / float64(of)
	}
	return s
}

// countAnswer counts work that reached an agent, once per queue.
func (r *Router) countAnswer(it *Item, l *lane, now time.Time) {
	if !it.FirstAnswer.IsZero() {
		return
	}
	it.FirstAnswer = now
	if it.ours() {
		return
	}
	if now.Sub(it.Since) <= l.Level.Within {
		l.counts.add(now, countIn)
		return
	}
	l.counts.add(now, countLate)
}

// countAbandon counts a customer who gave up and names the cause.
func (r *Router) countAbandon(it *Item, l *lane, now time.Time) string {
	waited := now.Sub(it.Since)
	switch {
	case it.ours():
		return CauseWithdrawn
	case waited < l.ShortAbandon:
		l.counts.add(now, countShort)
		return CauseShortAbandon
	case waited <= l.Level.Within:
		l.counts.add(now, countEarly)
	default:
		l.counts.add(now, countLost)
	}
	return CauseAbandoned
}

// handleWeight is how much one contact moves the mean handle time.
const handleWeight = .05

func (l *lane) learnHandle(took time.Duration) {
	l.handle += handleWeight * (took.Seconds() - l.handle)
}

// Board is a queue as a supervisor sees it.
type Board struct {
	Queue     QueueID       `json:"queue"`
	Name      string        `json:"name"`
	Waiting   int           `json:"waiting"`
	Callbacks int           `json:"callbacks"` // of those waiting
	Entries   int           `json:"entries"`   // of lists of calls to make, not among those waiting
	Ringing   int           `json:"ringing"`   // of those waiting
	Active    int           `json:"active"`
	Oldest    time.Duration `json:"oldest_ns"`   // age of the oldest that waits
	Agents    int           `json:"agents"`      // members signed in and not away; everybody, where everybody is asked from the start
	Free      int           `json:"free"`        // of those, without anything on hand
	Estimate  time.Duration `json:"estimate_ns"` // wait of one who came now; -1 when nobody is there
	Handle    time.Duration `json:"handle_ns"`   // mean handle time
	Today     Served        `json:"today"`
	Recent    Served        `json:"last_30_min"`
	Promise   Level         `json:"promise"`
}

// Boards are all queues, by id.
func (r *Router) Boards(now time.Time) []Board {
	all := make([]Board, 0, len(r.lanes))
	at := map[QueueID]int{}
	for _, id := range sortedKeys(r.lanes) {
		l := r.lanes[id]
		l.counts.roll(r.day)
		b := Board{Queue: id, Name: l.Name, Handle: time.Duration(l.handle * float64(time.Second)), Promise: l.Level, Today: served(l.counts.today, l.Level.Abandons), Recent: served(l.counts.recent(now), l.Level.Abandons)}
		b.Agents, b.Free = r.staff(l)
		at[id] = len(all)
		all = append(all, b)
	}
	for _, it := range r.items {
		b := &all[at[it.Queue]]
		if it.ours() && (it.Phase == Waiting || it.Phase == Offered) {
			b.Entries++
			continue
		}
		switch it.Phase {
		case Offered:
			b.Ringing++
			fallthrough
		case Waiting:
			b.Waiting++
			if it.Callback != nil {
				b.Callbacks++
			}
			b.Oldest = max(b.Oldest, now.Sub(it.Since))
		default:
			b.Active++
		}
	}
	for i := range all {
		all[i].Estimate = r.estimate(r.lanes[all[i].Queue], all[i].Waiting+1)
	}
	return all
}

// staff counts the members at work and those with nothing on hand; every agent is
// one of a queue that asks everybody from the start.
func (r *Router) staff(l *lane) (agents, free int) {
	count := func(a *Agent) {
		if a == nil || a.Presence != Available {
			return
		}
		agents++
		if !a.holds() && a.Offer == "" {
			free++
		}
	}
	if len(l.Rings) > 0 && l.Rings[0].Anyone {
		for _, a := range r.order {
			if a.speaks(l.Language) {
				count(a)
			}
		}
		return agents, free
	}
	for _, m := range l.Members {
		count(r.agents[m.Agent])
	}
	return agents, free
}

// estimate is position x mean handle time / agents; -1 when no agent is there,
// 0 for the first while somebody has nothing on hand.
func (r *Router) estimate(l *lane, position int) time.Duration {
	agents, free := r.staff(l)
	switch {
	case agents == 0:
		return -1
	case position <= free:
		return 0
	}
	return time.Duration(float64(position) * l.handle / float64(agents) * float64(time.Second))
}

// Position is what somebody who waits is told.
type Position struct {
	Position int           `json:"position"`    // 1 is the next of this queue
	Estimate time.Duration `json:"estimate_ns"` // -1 when no agent is there
}

// Positions are the places of all that waits in a queue, in the order of P.
func (r *Router) Positions(id QueueID, now time.Time) map[WorkID]Position {
	l := r.lanes[id]
	if l == nil {
		return nil
	}
	all := map[WorkID]Position{}
	for i, w := range r.rank(now, func(it *Item) bool {
		return it.Queue == id && !it.ours() && (it.Phase == Waiting || it.Phase == Offered)
	}) {
		all[w.it.ID] = Position{i + 1, r.estimate(l, i+1)}
	}
	return all
}
