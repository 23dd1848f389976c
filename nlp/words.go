package nlp

import (
	"unicode"
	"unicode/utf8"
)

// Words cuts a folded text into what BM25 counts: Latin words with a light English
// stem, numbers, and of Han runs every character and every pair of neighbours.
// Pairs find Chinese words without a dictionary, single characters keep a query of
// one character alive. Punctuation and symbols are left out, emoji kept.
func Words(folded string) []string {
	out := make([]string, 0, len(folded)/3+1)
	for i := 0; i < len(folded); {
		r, size := utf8.DecodeRuneInString(folded[i:])
		switch {
		case unicode.Is(unicode.Han, r):
			out = append(out, folded[i:i+size])
			if next, n := utf8.DecodeRuneInString(folded[i+size:]); unicode.Is(unicode.Han, next) {
				out = append(out, folded[i:i+size+n])
			}
			i += size
		case wordRune(r):
			end := i + size
			for end < len(folded) {
				next, n := utf8.DecodeRuneInString(folded[end:])
				if !wordRune(next) && !(next == '\'' && end+1 < len(folded) && wordRune(rune(folded[end+1]))) || unicode.Is(unicode.Han, next) {
					break
				}
				end += n
			}
			out = append(out, Stem(folded[i:end]))
			i = end
		case unicode.Is(unicode.So, r):
			out = append(out, folded[i:i+size])
			i += size
		default:
			i += size
		}
	}
	return out
}

func wordRune(r rune) bool {
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Mc, r)
}

// Stem takes the endings off an English word that change no meaning for a search:
// plural, possessive, -ing, -ed (the S stemmer of Harman 1991, and two rules of
// Porter 1980 for longer words). Other words come back as they are.
func Stem(word string) string {
	for _, end := range []string{"'s", "'"} {
		if n := len(word) - len(end); n > 0 && word[n:] == end {
			word = word[:n]
		}
	}
	for i := range len(word) {
		if word[i] < 'a' || word[i] > 'z' {
			return word
		}
	}
	n := len(word)
	has := func(s string) bool { return n > len(s) && word[n-len(s):] == s }
	switch {
	case n > 4 && has("ies"):
		return word[:n-3] + "y"
	case n > 4 && (has("sses") || has("shes") || has("ches") || has("xes")):
		return word[:n-2]
	case n > 3 && has("s") && !has("ss") && !has("us") && !has("is"):
		return Stem(word[:n-1])
	case n > 5 && has("ing"):
		return undouble(word[:n-3])
	case n > 4 && has("ied"):
		return word[:n-3] + "y"
	case n > 4 && has("ed") && !has("eed"):
		return undouble(word[:n-2])
	case n > 3 && has("e"):
		return word[:n-1]
	}
	return word
}

// undouble makes "shipp" "ship" and "cancell" "cancel", and takes a last e off.
func undouble(stem string) string {
	n := len(stem)
	if n > 3 && stem[n-1] == stem[n-2] && stem[n-1] != 's' && stem[n-1] != 'e' && stem[n-1] != 'o' {
		return stem[:n-1]
	}
	if n > 3 && stem[n-1] == 'e' {
		return stem[:n-1]
	}
	return stem
}
