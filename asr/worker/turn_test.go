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
		{"complete and still", "that is all thank you very much", evidence{complete: true, still: 500}, 304, 640},
		{"nothing known", "my number is in the book", evidence{still: 500}, 380, 900},
		{"dangling word", "i would like to", evidence{complete: true, still: 500}, 570, 1600},
		{"one word is no dangling one", "no", evidence{complete: true, still: 500}, 304, 640},
		{"word just coming in", "that is all", evidence{complete: true, still: 100}, 380, 640},
		{"yes when asked", "yes", evidence{expect: "yesno", still: 500}, 300, 300},
		{"digits may follow", "one two three", evidence{complete: true, expect: "digits", still: 500}, 304, 1000},
		{"who paused twice", "and the other one", evidence{still: 500, pauses: 2}, 380, 1440},
		{"never over the maximum", "and the other one", evidence{still: 500, pauses: 9}, 380, 1600},
		{"no words", "", evidence{still: 500}, 900, 900},
	} {
		x.e.words = strings.Fields(x.words)
		if f, n := turn.final(x.e), turn.needed(x.e); f != x.final || n != x.turn {
			t.Errorf("%s: final after %d, turn after %d; want %d and %d", x.name, f, n, x.final, x.turn)
		}
	}
}
