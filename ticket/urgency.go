package ticket

import (
	"strings"

	"tingxin/nlp"
)

// urgentWord finds the first word that makes a text urgent.
func urgentWord(text string) (word string, found bool) {
	folded := nlp.Fold(text)
	spaced := " " + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f {
			return r
		}
		return ' '
	}, folded) + " "
	spaced = strings.Join(strings.Fields(spaced), " ")
	spaced = " " + spaced + " "
	for _, w := range nlp.Danger {
		if w[0] < 0x80 {
			if strings.Contains(spaced, " "+w+" ") {
				return w, true
			}
		} else if strings.Contains(folded, w) {
			return w, true
		}
	}
	return "", false
}
