package worker

import (
	"strings"
	"testing"
)

func TestNeededSilence(t *testing.T) {
	turn := Turn{}.withDefaults()
	for _, x := range []struct {
		name  string
		words string
		e     evidence
		final int
		turn  int
	}{
		{"complete and still", "that is all thank you very much", evidence{complete: true, still: 500}, 336, 560},
		{"nothing known", "my number is in the book", evidence{still: 500}, 420, 820},
		{"dangling word", "i would like to", evidence{complete: true, still: 500}, 630, 1600},
		{"one word is no dangling one", "no", evidence{complete: true, still: 500}, 336, 560},
		{"word just coming in", "that is all", evidence{complete: true, still: 100}, 420, 560},
		{"yes when asked", "yes", evidence{expect: "yesno", still: 500}, 300, 300},
		{"digits may follow", "one two three", evidence{complete: true, expect: "digits", still: 500}, 336, 1000},
		{"who paused twice", "and the other one", evidence{still: 500, pauses: 2}, 420, 1312},
		{"never over the maximum", "and the other one", evidence{still: 500, pauses: 9}, 420, 1558},
		{"no words", "", evidence{still: 500}, 820, 820},
	} {
		x.e.words = strings.Fields(x.words)
		if f, n := turn.final(x.e), turn.needed(x.e); f != x.final || n != x.turn {
			t.Errorf("%s: final after %d, turn after %d; want %d and %d", x.name, f, n, x.final, x.turn)
		}
	}
}
