package score

import (
	"strings"
	"unicode"

	"tingxin/nlp"
)

// withTypo puts one typing mistake into a text, always the same one: of Chinese the character in its middle that is read
// like others becomes the next of them, of English the middle letters of the longest word are swapped. A text without a
// place for one stays.
func withTypo(text string) string {
	runes := []rune(nlp.Fold(text))
	if at, wrong := misheard(runes); at >= 0 {
		runes[at] = wrong
		return string(runes)
	}
	return swapped(string(runes))
}

// misheard finds the character nearest to the middle that is not the only one with its reading.
func misheard(runes []rune) (at int, wrong rune) {
	for k := range runes {
		i := len(runes)/2 + (k+1)/2*(1-k%2*2) // the middle, one before it, one behind it, ...
		if i < 0 || i >= len(runes) || !unicode.Is(unicode.Han, runes[i]) {
			continue
		}
		alike := []rune(nlp.Homophones(runes[i]))
		for n, r := range alike {
			if r == runes[i] && len(alike) > 1 {
				return i, alike[(n+1)%len(alike)]
			}
		}
	}
	return -1, 0
}

func swapped(text string) string {
	longest := ""
	for _, w := range strings.FieldsFunc(text, func(r rune) bool { return r < 'a' || r > 'z' }) {
		if len(w) > len(longest) {
			longest = w
		}
	}
	for i := len(longest) / 2; i+1 < len(longest); i++ {
		if longest[i] != longest[i+1] {
			wrong := longest[:i] + string(longest[i+1]) + string(longest[i]) + longest[i+2:]
			return strings.Replace(text, longest, wrong, 1)
		}
	}
	return text
}
