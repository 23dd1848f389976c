package emotion

import (
	"path/filepath"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/race"
)

// TestRecordedVoices lets actors speak through the analyzer as in a call, turn by turn:
// neutral ones first, from which it learns the voice, then neutral and angry ones. The
// shipped model has heard the speakers of EMO-DB and none of RAVDESS.
func TestRecordedVoices(t *testing.T) {
	for _, tc := range []struct {
		corpus, neutral, angry string
		least                  float64 // share of angry turns that are so called
	}{
		{"emodb", "*/Neutral_*.flac", "*/Angry_*.flac", 0.6},
		{"ravdess", "*/Actor_*_03-01-0[12]-*.flac", "*/Actor_*_03-01-05-*.flac", 0.3},
	} {
		root := "../../shared/data/emotion/" + tc.corpus
		speakers, _ := filepath.Glob(root + "/*")
		if len(speakers) == 0 {
			t.Skip("../shared/data/emotion is absent")
		}
		var angry, found, calm, wrong, read int
		for k, s := range speakers {
			if race.Enabled && k%4 != 0 { // five times slower, and nothing here runs beside it
				continue
			}
			name := filepath.Base(s)
			quiet, _ := filepath.Glob(filepath.Join(root, name, tc.neutral[2:]))
			loud, _ := filepath.Glob(filepath.Join(root, name, tc.angry[2:]))
			if len(quiet) < 4 || len(loud) < 2 {
				continue
			}
			a := NewAnalyzer(Default(), nil)
			for i, f := range append(quiet, loud[:min(len(loud), 6)]...) {
				r, ok := turn(a, readFLAC(t, f))
				if !ok {
					continue
				}
				read++
				switch {
				case i >= len(quiet):
					if angry++; r.Class == Angry {
						found++
					}
				case i >= len(quiet)/2:
					if calm++; r.Class == Angry {
						wrong++
					}
				}
			}
		}
		t.Logf("%s: %d turns read; angry %d, so called %d; neutral after the first half %d, called angry %d", tc.corpus, read, angry, found, calm, wrong)
		if angry == 0 || float64(found) < tc.least*float64(angry) || wrong*20 > calm {
			t.Errorf("%s: %d of %d angry turns found, %d of %d neutral ones called angry", tc.corpus, found, angry, wrong, calm)
		}
	}
}

// turn writes one recording as a turn, with a pause behind it.
func turn(a *Analyzer, pcm []int16) (Reading, bool) {
	start := time.Duration(a.hops) * hopTime
	play(a, pcm)
	end := time.Duration(a.hops) * hopTime
	play(a, make([]int16, audio.Rate/2))
	return a.EndTurn(start, end)
}
