package emotion

import (
	"slices"
	"testing"
)

// A caller on a quiet line is not "quieter" when angry: louder than before is what counts.
func TestHabitTellsTheChangeFromTheLine(t *testing.T) {
	var h Habit
	for range 3 {
		h.Learn([]Cue{{"loudness", -4}, {"speech rate", -1.5}})
	}
	got := h.Changed([]Cue{{"loudness", -2.5}, {"speech rate", -1.6}, {"pitch", 2}})
	if len(got) != 2 || got[0] != (Cue{"pitch", 2}) || got[1] != (Cue{"loudness", 1.5}) {
		t.Errorf("%v", got)
	}
	// What is near the norm now, and was far from it before, has changed too.
	if got := h.Changed(nil); len(got) != 2 || got[0] != (Cue{"loudness", 4}) {
		t.Errorf("%v", got)
	}
}

func TestHabitWithoutCalmTurnsNamesWhatRose(t *testing.T) {
	var h Habit
	got := h.Changed([]Cue{{"loudness", -2.7}, {"speech rate", -1.6}, {"harmonicity", -1.1}, {"pitch", 1.2}})
	if !slices.Equal(got, []Cue{{"harmonicity", -1.1}, {"pitch", 1.2}}) {
		t.Errorf("%v", got)
	}
}
