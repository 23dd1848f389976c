package nlp

import "strings"

// HasWord finds a folded word in a folded text: letters and digits of ASCII must end with it, so that
// "sue" is not in "issue" and "12315" is not in a phone number; Chinese is found anywhere.
func HasWord(text, word string) bool { return FindWord(text, word, 0) >= 0 }

// FindWord is where HasWord finds a word from a byte on, or -1.
func FindWord(text, word string, from int) int {
	if word == "" {
		return -1
	}
	for {
		i := strings.Index(text[from:], word)
		if i < 0 {
			return -1
		}
		start, end := from+i, from+i+len(word)
		if !(plain(word[0]) && start > 0 && plain(text[start-1])) && !(plain(word[len(word)-1]) && end < len(text) && plain(text[end])) {
			return start
		}
		from = start + 1
	}
}

// FirstWord is the first of a list of folded words that a text has, whatever punctuation stands between
// the parts of one.
func FirstWord(list []string, text string) (word string, found bool) {
	spaced := strings.Join(strings.FieldsFunc(Fold(text), func(r rune) bool {
		return !(r > 0x7f || r == '\'' || plain(byte(r)))
	}), " ")
	for _, w := range list {
		if HasWord(spaced, w) {
			return w, true
		}
	}
	return "", false
}

func plain(b byte) bool { return b >= 'a' && b <= 'z' || b >= '0' && b <= '9' }
