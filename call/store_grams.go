package call

import (
	"slices"
	"strings"
	"unicode"
)

// isHan tells the characters that are searched one by one and in pairs: no
// spaces stand between their words. Kana and Hangul are treated alike.
func isHan(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul)
}

// textGrams are the distinct Chinese characters of s and the pairs of those that
// follow each other, spaces and punctuation between them left out: recognised
// words stand apart, written ones do not, and either must find the other.
func textGrams(s string) []string {
	grams := []string{}
	var last rune
	for _, r := range s {
		switch {
		case isHan(r):
			grams = append(grams, string(r))
			if last != 0 {
				grams = append(grams, string([]rune{last, r}))
			}
			last = r
		case unicode.IsSpace(r), unicode.IsPunct(r): // between two characters: they still follow each other
		default:
			last = 0
		}
	}
	return distinct(grams)
}

// withoutHan is s with a space for each Chinese character: full-text search
// would take a run of them, and the English words inside, for one word.
func withoutHan(s string) string {
	return strings.Map(func(r rune) rune {
		if isHan(r) {
			return ' '
		}
		return r
	}, s)
}

// queryGrams are the grams that a text with run in it must have: its pairs, or its one character.
func queryGrams(run []rune) []string {
	if len(run) == 1 {
		return []string{string(run)}
	}
	var grams []string
	for i := range len(run) - 1 {
		grams = append(grams, string(run[i:i+2]))
	}
	return distinct(grams)
}

// numberGrams are the trigrams of both numbers, to find them by a part.
func numberGrams(numbers ...string) []string {
	grams := []string{}
	for _, n := range numbers {
		grams = append(grams, trigrams(n)...)
	}
	return distinct(grams)
}

func trigrams(s string) []string {
	runes := []rune(strings.ToLower(s))
	var grams []string
	for i := range max(0, len(runes)-2) {
		grams = append(grams, string(runes[i:i+3]))
	}
	return grams
}

func distinct(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}

// NumberGrams are what a call's numbers are found by, for who loads calls in bulk.
func NumberGrams(numbers ...string) []string { return numberGrams(numbers...) }

// TextGrams are what the Chinese of an utterance is found by.
func TextGrams(text string) []string { return textGrams(text) }

// WithoutHan is the part of an utterance that full-text search takes.
func WithoutHan(text string) string { return withoutHan(text) }
