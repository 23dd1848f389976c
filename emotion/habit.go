package emotion

import (
	"cmp"
	"math"
	"slices"
)

// Habit is how the calm turns of one speaker depart from the norm: somebody on a
// quiet line is quiet in every turn, and only what differs from that explains
// anything. The zero value is ready. It keeps a few sums, no sound.
type Habit struct {
	turns int
	sums  map[string]float32
}

// leastChange is how many deviations a cue must have moved to be named.
const leastChange = 0.8

// Learn takes the cues of a calm turn; what is not among them was near the norm.
func (h *Habit) Learn(cues []Cue) {
	if h.sums == nil {
		h.sums = make(map[string]float32)
	}
	h.turns++
	for _, c := range cues {
		h.sums[c.Feature] += c.Z
	}
}

// Turns is how many calm turns it has seen.
func (h *Habit) Turns() int { return h.turns }

// Changed is what differs from the calm turns, strongest first, three at most.
// Without any, cues are given back but for those that say more about the line
// than about the speaker: loudness, and what fell.
func (h *Habit) Changed(cues []Cue) []Cue {
	var out []Cue
	if h.turns == 0 {
		for _, c := range cues {
			if c.Feature != "loudness" && english.rises[families[c.Feature].name] == english.cue(c) {
				out = append(out, c)
			}
		}
		return out
	}
	now := make(map[string]float32, len(cues))
	for _, c := range cues {
		now[c.Feature] = c.Z
	}
	names := make([]string, 0, len(now)+len(h.sums))
	for name := range now {
		names = append(names, name)
	}
	for name := range h.sums {
		if _, there := now[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if z := now[name] - h.sums[name]/float32(h.turns); math.Abs(float64(z)) >= leastChange {
			out = append(out, Cue{Feature: name, Z: z})
		}
	}
	slices.SortStableFunc(out, func(a, b Cue) int { return -cmp.Compare(math.Abs(float64(a.Z)), math.Abs(float64(b.Z))) })
	return out[:min(3, len(out))]
}
