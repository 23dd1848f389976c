package emotion

import (
	"strings"
	"unicode"
)

// Sentiment is what the words of a turn say, with no look at the voice. It keeps
// no word of the speaker: only how much and of which kind.
type Sentiment struct {
	// Negative is 0 (nothing found) to 1.
	Negative float32
	// Positive is 0 to 1: thanks, praise.
	Positive float32
	// Strong says that a word or phrase was among them that needs a person at
	// once: a threat to complain or to go to court, an insult, an outburst.
	Strong bool
	// Kinds are the kinds of what was found, in the order found.
	Kinds []Kind
}

// Kind is why a word stands in the lexicon.
type Kind string

// The kinds of the lexicon.
const (
	KindAnger     Kind = "anger"     // angry, furious
	KindComplaint Kind = "complaint" // complain, regulator, refund at once
	KindLegal     Kind = "legal"     // lawyer, court, press
	KindInsult    Kind = "insult"    // at a person
	KindDistress  Kind = "distress"  // desperate, crying, do not know what to do
	KindProblem   Kind = "problem"   // broken, wrong, still not, again
	KindThanks    Kind = "thanks"    // the good ones
)

// negationReach is how many English words before a hit may hold its negation;
// in Chinese the negation stands directly before, at most with one degree word.
const negationReach = 3

// Words reads the text of one turn. language is BCP 47; Chinese entries are
// looked up wherever Han characters are, so mixed speech is read as well. The
// lexicon is our own and small: it finds what is said plainly, not irony.
func Words(language, text string) Sentiment {
	var t tally
	lower := strings.ToLower(text)
	if hasHan(lower) {
		t.chinese(lower)
	}
	if !strings.HasPrefix(language, "zh") || !hasHan(lower) {
		t.english(lower)
	}
	return t.sentiment()
}

func hasHan(s string) bool {
	for _, r := range s {
		if unicode.Is(unicode.Han, r) {
			return true
		}
	}
	return false
}

// tally adds up evidence in log space: independent hints that say the same thing grow less than their sum.
type tally struct {
	negative, positive float64 // what is left of doubt is the product of (1 - weight)
	strong             bool
	kinds              []Kind
	any                bool
}

func (t *tally) hit(e *lexeme, negated bool) {
	if !t.any {
		t.negative, t.positive, t.any = 1, 1, true
	}
	switch {
	case negated && e.kind == KindThanks: // "not happy"
		t.negative *= 1 - 0.4
		t.note(KindProblem)
	case negated && e.kind != KindProblem: // "not angry": says little either way
	case e.kind == KindThanks:
		t.positive *= 1 - e.weight
		t.note(e.kind)
	default:
		t.negative *= 1 - e.weight
		t.strong = t.strong || e.strong
		t.note(e.kind)
	}
}

func (t *tally) note(k Kind) {
	for _, have := range t.kinds {
		if have == k {
			return
		}
	}
	t.kinds = append(t.kinds, k)
}

func (t *tally) sentiment() Sentiment {
	if !t.any {
		return Sentiment{}
	}
	return Sentiment{Negative: float32(1 - t.negative), Positive: float32(1 - t.positive), Strong: t.strong, Kinds: t.kinds}
}

// english looks for phrases of whole words, the longest first.
func (t *tally) english(s string) {
	words := strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '\'' })
	for i := 0; i < len(words); {
		e, n := findEnglish(words[i:])
		if e == nil {
			i++
			continue
		}
		t.hit(e, negatedEnglish(words[max(0, i-negationReach):i]))
		i += n
	}
}

func findEnglish(words []string) (*lexeme, int) {
	for _, e := range englishByFirst[words[0]] { // longest first
		if len(e.words) <= len(words) && equal(e.words, words[:len(e.words)]) {
			return e, len(e.words)
		}
	}
	return nil, 0
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func negatedEnglish(before []string) bool {
	for _, w := range before {
		switch w {
		case "not", "no", "never", "without", "isn't", "aren't", "wasn't", "don't", "doesn't", "didn't", "won't", "can't", "hardly":
			return true
		}
	}
	return false
}

// chinese looks for entries anywhere, the longest first, each character once.
// Spaces between characters, which recognisers write, do not count.
func (t *tally) chinese(s string) {
	runes := []rune(strings.Join(strings.Fields(s), ""))
	for i := 0; i < len(runes); {
		e, n := findChinese(runes[i:])
		if e == nil {
			i++
			continue
		}
		t.hit(e, negatedChinese(runes[max(0, i-2):i]))
		i += n
	}
}

func findChinese(runes []rune) (*lexeme, int) {
	for _, e := range chineseByFirst[runes[0]] { // longest first
		if n := len(e.runes); n <= len(runes) && string(runes[:n]) == e.text {
			return e, n
		}
	}
	return nil, 0
}

func negatedChinese(before []rune) bool {
	for _, r := range before {
		switch r {
		case '不', '没', '别', '未', '勿', '甭':
			return true
		}
	}
	return false
}
