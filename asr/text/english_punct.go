package text

import (
	"strings"
	"time"
)

// Pauses that end a sentence or earn a comma, in the times of the words.
const (
	sentencePause = 700 * time.Millisecond
	commaPause    = 250 * time.Millisecond
)

var (
	// openWords cannot end a sentence or stand before a comma.
	openWords = wordSet("a an the my your his her its our their this that these those to of in on at for from with by as and or but is are was were be am i'm want wants need going i he she we they very more most no not than if because so about into over under between mister missus doctor mr mrs dr would could should will can do does did have has had don't")
	// boundWords do not take a comma before them.
	boundWords  = wordSet("to of in on at for from with by than that or is are was were as")
	introWords  = wordSet("yes no yeah okay ok well hello hi sure so and but um uh oh alright right now actually sorry please then hey thanks")
	answerWords = wordSet("yes no yeah okay ok well hello hi sure sorry")
	pronouns    = wordSet("i you he she it we they this that these those there i'm i'd i'll i've we're it's that's you're he's she's they're my your his her our their the a an any anyone someone anybody somebody everything everyone mister all")
	modals      = wordSet("would might could should can will may")
	auxiliaries = wordSet("am is are was were do does did can could would will shall should may might have has had isn't aren't wasn't weren't don't doesn't didn't can't couldn't wouldn't won't shouldn't haven't hasn't hadn't must")
	whWords     = wordSet("what which who whose whom where when why how what's where's who's how's when's why's")
	tagWords    = wordSet("right correct okay huh yes no")
	notAux      = wordSet("will may might must") // rarely start a question without a pronoun
)

// punctuateEnglish joins the pieces with punctuation from pauses and case.
func punctuateEnglish(words []Word, t tokens, path []edge) (string, []Span) {
	var out builder
	for start := 0; start < len(path); {
		end := start + 1
		for end < len(path) && !sentenceEnd(words, t, path, end) {
			end++
		}
		if start > 0 {
			out.space()
		}
		writeSentence(&out, words, t, path[start:end])
		start = end
	}
	return out.done()
}

// sentenceEnd tells whether a sentence ends before piece k.
func sentenceEnd(words []Word, t tokens, path []edge, k int) bool {
	i := path[k].from
	return pause(words, i) >= sentencePause && !t.is(i-1, openWords) && !t.is(i, boundWords) && t.at(i) != "and"
}

func writeSentence(out *builder, words []Word, t tokens, path []edge) {
	first, end := path[0].from, path[len(path)-1].to
	for k, e := range path {
		if k > 0 {
			if commaBefore(words, t, path, k) {
				out.mark(",")
			}
			out.space()
		}
		s := e.text
		if !e.fixed {
			s = caseWord(t, e.from, s)
		}
		if k == 0 && !strings.Contains(s, "@") && !strings.Contains(s, ".") {
			s = capital(s)
		}
		out.piece(s, e.from, e.to)
	}
	switch {
	case isQuestion(words, t[first:end], first):
		out.mark("?")
	default:
		out.mark(".")
	}
}

// commaBefore: after a short pause between clauses, and after "yes" or "well".
func commaBefore(words []Word, t tokens, path []edge, k int) bool {
	i := path[k].from
	p := pause(words, i)
	if p >= commaPause {
		return !t.is(i-1, openWords) && !t.is(i, boundWords)
	}
	return k == 1 && t.is(i-1, answerWords) && t.is(i, pronouns) && (p > 0 || !t.is(i, articles))
}

// caseWord gives names, weekdays and "I" their capital.
func caseWord(t tokens, i int, s string) string {
	w := strings.TrimSuffix(t[i], "'s")
	switch {
	case w == "i" || strings.HasPrefix(w, "i'"), properCase[w], firstNames[w]:
		return capital(s)
	case upperCase[w]:
		return strings.ToUpper(w) + strings.TrimPrefix(s, w)
	case t.at(i-1) != "" && titles[t.at(i-1)] != "" && !functionWords[w] && !t.is(i-2, articles):
		return capital(s)
	}
	if pairs, ok := capitalPairs[w]; ok && strings.Contains(" "+pairs+" ", " "+strings.TrimSuffix(t.at(i+1), "'s")+" ") && t.at(i+1) != "" {
		return capital(s)
	}
	if pairs, ok := capitalPairs[t.at(i-1)]; ok && strings.Contains(" "+pairs+" ", " "+w+" ") {
		return capital(s)
	}
	return s
}

// isQuestion judges one sentence by how it begins and by a tag after a pause. at
// is the index of its first word.
func isQuestion(words []Word, t tokens, at int) bool {
	n := len(t)
	if n > 2 && t.is(n-1, tagWords) && pause(words, at+n-1) >= commaPause && !t.is(0, tagWords) {
		return true
	}
	if n >= 4 && t.is(n-1, pronouns) && strings.HasSuffix(t.at(n-2), "n't") {
		return true // isn't it
	}
	i := 0
	for i < n-1 && t.is(i, introWords) {
		i++
	}
	switch {
	case t.is(i, whWords):
		return whQuestion(t[i:])
	case t.is(i, auxiliaries) && t.is(i+1, pronouns):
		return !conditional(t[i:])
	case t.is(i, auxiliaries) && !t.is(i, notAux) && n-i > 2 && firstNames[t.at(i+1)]:
		return true
	}
	return false
}

// conditional tells "had he known he would have come" and "should you need more
// you can call" from a question: the verb stands first and a second clause answers it.
func conditional(t tokens) bool {
	if t[0] != "had" && t[0] != "should" && t[0] != "were" {
		return false
	}
	for k := 3; k < len(t)-1; k++ {
		if t.is(k, pronouns) && t.is(k+1, modals) {
			return true
		}
	}
	return false
}

// whQuestion tells "what time is it" from "what a day" and "when I get home".
func whQuestion(t tokens) bool {
	second := t.at(1)
	switch {
	case strings.HasSuffix(t[0], "'s"), len(t) == 1, t.is(1, auxiliaries):
		return true
	case (t[0] == "how" || t[0] == "what") && (second == "about" || second == "many" || second == "much" || second == "come"):
		return true
	case t.is(1, pronouns):
		return false
	case t[0] == "who" || t[0] == "why" && second == "not":
		return true
	}
	for k := 2; k < len(t)-1 && k < 5; k++ {
		if t.is(k, auxiliaries) && t.is(k+1, pronouns) {
			return true
		}
	}
	return false
}
