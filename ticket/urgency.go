package ticket

import (
	"tingxin/nlp"
)

// urgentWord finds the first word that makes a text urgent.
func urgentWord(text string) (word string, found bool) { return nlp.FirstWord(nlp.Danger, text) }
