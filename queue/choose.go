package queue

import "time"

// choose is the index of the candidate that the queue's strategy takes. The
// candidates come in the order of the members, which breaks ties. There is at least one.
func (r *Router) choose(l *lane, it *Item, fits []candidate) int {
	idleSince := func(c *candidate) float64 { return seconds(c.a.IdleSince) }
	switch l.Strategy {
	case LongestIdle:
		return least(fits, idleSince)
	case LeastRecent:
		return least(fits, func(c *candidate) float64 { return seconds(c.a.LastEnd[l.ID]) })
	case FewestCalls:
		return least(fits, func(c *candidate) float64 { return float64(c.a.Handled) })
	case LeastTalk:
		return least(fits, func(c *candidate) float64 { return c.a.Talk.Seconds() })
	case RoundRobinOf:
		return r.next(l, fits)
	case Linear, RingOneByOne:
		return 0
	case Random:
		return r.dice.IntN(len(fits))
	case Weighted:
		return r.weighted(fits)
	case SkillWeighted:
		most := 0.0
		for i := range fits {
			most = max(most, fits[i].fit.Skill)
		}
		return least(fits, func(c *candidate) float64 {
			if c.fit.Skill < most {
				return inf
			}
			return idleSince(c)
		})
	case PreferredOf:
		for i := range fits {
			if fits[i].a.ID == it.Preferred {
				return i
			}
		}
		for i := range fits {
			if fits[i].fit.Same {
				return i
			}
		}
	}
	return least(fits, func(c *candidate) float64 { return -c.s })
}

const inf = 1e300

// least is the index of the first candidate with the smallest value.
func least(fits []candidate, value func(*candidate) float64) int {
	best, lowest := 0, value(&fits[0])
	for i := 1; i < len(fits); i++ {
		if v := value(&fits[i]); v < lowest {
			best, lowest = i, v
		}
	}
	return best
}

// seconds orders times; the zero time comes first.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return -inf
	}
	return float64(t.UnixMicro()) / 1e6
}

// next is the candidate behind the last one in the order of the members.
func (r *Router) next(l *lane, fits []candidate) int {
	place := map[AgentID]int{}
	for i, m := range l.Members {
		place[m.Agent] = i + 1
	}
	last, n := place[l.turn], len(l.Members)+1
	return least(fits, func(c *candidate) float64 {
		p, member := place[c.a.ID]
		if !member {
			return float64(2 * n)
		}
		return float64((p - last - 1 + n) % n)
	})
}

func (r *Router) weighted(fits []candidate) int {
	sum := 0.0
	for i := range fits {
		sum += fits[i].member.Weight
	}
	u := r.dice.Float64() * sum
	for i := range fits {
		if u -= fits[i].member.Weight; u < 0 {
			return i
		}
	}
	return len(fits) - 1
}
