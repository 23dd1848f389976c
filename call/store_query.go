package call

import (
	"strings"
	"unicode"

	"github.com/google/uuid"
)

const (
	maxQuery = 200 // characters of a query that count
	maxTerms = 8   // of a query that count
)

// term is one thing that a call must, or must not, have.
type term struct {
	not    bool
	words  string // English words or a phrase in quotes, for websearch_to_tsquery
	prefix string // also words that begin so, empty when not wanted
	han    []rune // a run of Chinese characters
	number string // a part of a number, lower case

	calls []uuid.UUID // the calls that have it, when they are few
	few   bool        // calls is complete
}

// parseQuery splits what was typed: words (the last also as a beginning), "a
// phrase", -not, Chinese runs, parts of numbers.
func parseQuery(q string) []term {
	runes := []rune(storable(q))
	runes = runes[:min(len(runes), maxQuery)]
	var terms []term
	for _, piece := range pieces(runes) {
		terms = append(terms, piece.terms()...)
	}
	terms = terms[:min(len(terms), maxTerms)]
	if n := len(terms); n > 0 && !terms[n-1].not && beginsWord(terms[n-1].words) {
		terms[n-1].prefix = strings.ToLower(terms[n-1].words)
	}
	return terms
}

// piece is one space-separated or quoted part of a query.
type piece struct {
	text   []rune
	not    bool
	quoted bool
}

func pieces(q []rune) []piece {
	var all []piece
	var p piece
	end := func() {
		if len(p.text) > 0 {
			all = append(all, p)
		}
		p = piece{}
	}
	for _, r := range q {
		switch {
		case r == '"' || r == '“' || r == '”':
			again := p.quoted
			not := p.not && len(p.text) == 0
			end()
			p.quoted, p.not = !again, not && !again
		case unicode.IsSpace(r) && !p.quoted:
			end()
		case r == '-' && len(p.text) == 0 && !p.quoted:
			p.not = true
		default:
			p.text = append(p.text, r)
		}
	}
	end()
	return all
}

// terms cuts a piece where its script changes.
func (p piece) terms() []term {
	var all []term
	var han, other []rune
	flush := func() {
		if len(han) > 0 {
			all = append(all, term{not: p.not, han: han})
		}
		if text := strings.TrimSpace(string(other)); strings.ContainsFunc(text, isWordRune) {
			all = append(all, p.wordTerm(text))
		}
		han, other = nil, nil
	}
	for _, r := range p.text {
		switch {
		case isHan(r):
			if len(other) > 0 {
				flush()
			}
			han = append(han, r)
		case len(han) > 0 && (unicode.IsSpace(r) || unicode.IsPunct(r)): // inside a quoted run
		default:
			if len(han) > 0 {
				flush()
			}
			other = append(other, r)
		}
	}
	flush()
	return all
}

func (p piece) wordTerm(text string) term {
	t := term{not: p.not, words: strings.ReplaceAll(text, `"`, "")}
	if p.quoted {
		t.words = `"` + t.words + `"`
	}
	if number := strings.TrimPrefix(text, "+"); len(number) >= 3 && !strings.ContainsFunc(number, func(r rune) bool { return r < '0' || r > '9' }) {
		t.number = number
	}
	return t
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// beginsWord tells whether s is one plain word, long enough to be the beginning of not too many.
func beginsWord(s string) bool {
	return len(s) >= 3 && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

// hanPattern is a regular expression that finds run with spaces or punctuation
// between its characters; it reads the same to Go and to PostgreSQL.
func hanPattern(run []rune) string {
	var b strings.Builder
	for i, r := range run {
		if i > 0 {
			b.WriteString(`[[:space:][:punct:]，。、？！：；“”‘’（）《》…—·]*`)
		}
		b.WriteRune(r)
	}
	return b.String()
}
