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
	words, clause := clauses(s)
	for i := 0; i < len(words); {
		e, n := findEnglish(words[i:])
		if e == nil {
			i++
			continue
		}
		before := max(0, i-negationReach)
		for before < i && clause[before] != clause[i] {
			before++
		}
		t.hit(e, e.negatedEnglish(words[before:i]))
		i += n
	}
}

// clauses are the words of s, and for each the number of marks such as commas before it: a "no"
// that stands by itself negates nothing that follows.
func clauses(s string) (words []string, clause []int) {
	marks, begun := 0, -1
	end := func(i int) {
		if begun >= 0 {
			words, clause, begun = append(words, s[begun:i]), append(clause, marks), -1
		}
	}
	for i, r := range s {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '\'':
			if begun < 0 {
				begun = i
			}
			continue
		case strings.ContainsRune(".,;:!?", r):
			end(i)
			marks++
		}
		end(i)
	}
	end(len(s))
	return words, clause
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

// negatedEnglish tells whether the words before an entry take it back. "no" does so directly before it
// only, and not with a whole sentence: "no I am so angry".
func (e *lexeme) negatedEnglish(before []string) bool {
	for i, w := range before {
		switch w {
		case "no":
			if i == len(before)-1 && !e.sentence() {
				return true
			}
		case "not", "never", "without", "isn't", "aren't", "wasn't", "don't", "doesn't", "didn't", "won't", "can't", "hardly":
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
		t.hit(e, negatedChinese(runes, i))
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

// negatedChinese tells whether what stands directly before the entry at runes[at] takes it back. In "能不能" and
// its like 不 asks, before a person ("不，我要投诉", also without the comma) it stands by itself.
func negatedChinese(runes []rune, at int) bool {
	if strings.ContainsRune("我你您他她咱", runes[at]) {
		return false
	}
	for i := at - 1; i >= max(0, at-2); i-- {
		switch runes[i] {
		case '不', '没', '别', '未', '勿', '甭':
			return i == 0 || runes[i-1] != runes[i+1]
		}
		if !unicode.IsLetter(runes[i]) && !unicode.IsDigit(runes[i]) {
			return false
		}
	}
	return false
}
