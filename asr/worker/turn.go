package worker

import "strings"

// Turn sets how much silence (ms) ends an utterance and a turn; the zero value is the default.
type Turn struct {
	// Min and Max bound the needed silence (default 300 and 1600).
	Min int `json:"min_ms" yaml:"min_ms" koanf:"min_ms"`
	Max int `json:"max_ms" yaml:"max_ms" koanf:"max_ms"`
	// Complete is needed when the words make a whole (default 640).
	Complete int `json:"complete_ms" yaml:"complete_ms" koanf:"complete_ms"`
	// Usual is needed when nothing speaks for or against an end (default 900).
	Usual int `json:"usual_ms" yaml:"usual_ms" koanf:"usual_ms"`
	// Final is the silence after which the words are final, the turn still open (default 380).
	Final int `json:"final_ms" yaml:"final_ms" koanf:"final_ms"`
}

func (t Turn) withDefaults() Turn {
	def := func(p *int, v int) {
		if *p == 0 {
			*p = v
		}
	}
	def(&t.Min, 300)
	def(&t.Max, 1600)
	def(&t.Complete, 640)
	def(&t.Usual, 900)
	def(&t.Final, 380)
	return t
}

// evidence is what is known about a possible end of turn.
type evidence struct {
	words    []string
	complete bool  // the language model sees an end here
	still    int64 // ms since the partial last changed
	expect   string
	pauses   int // pauses of this turn after which the speaker went on
}

// dangling words never end a sentence: somebody who stops after one will go on.
var dangling = wordSet(`a an the and or but nor so because if when while although though unless until than that which who whose whom
	of to in on at by for from with without into onto upon about between among through during against toward towards
	my your his her its our their this these those some any every each very too quite rather
	is are was were am be been being has have had do does did will would shall should can could may might must
	i you he she we they i'm you're he's she's we're they're i've i'll i'd as like not
	mister mrs miss doctor said says asked what where why how um uh er eh hmm mm`)

var affirmations = wordSet(`yes no yeah yep nope yup sure okay ok right correct wrong true false`)

var digitWords = wordSet(`zero oh one two three four five six seven eight nine double triple ten eleven twelve twenty thirty forty fifty sixty seventy eighty ninety hundred thousand`)

func wordSet(s string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(s) {
		m[w] = true
	}
	return m
}

// needed is the silence in ms after which the turn is over.
func (t Turn) needed(e evidence) int {
	if len(e.words) == 0 {
		return t.Usual
	}
	last := e.words[len(e.words)-1]
	ms := t.Usual
	switch {
	case e.expect == "yesno" && affirmations[last]:
		return t.Min
	case e.expect == "digits" && digitWords[last]:
		ms = max(ms, 1000) // more digits may follow
	case dangling[last] && len(e.words) > 1:
		ms = t.Max
	case e.complete:
		ms = t.Complete
	}
	// Who has paused and gone on will do so again.
	ms += ms * min(e.pauses, 3) * 3 / 10
	return min(max(ms, t.Min), t.Max)
}

// final is the silence in ms after which the utterance is given as a Final. It
// is shorter than needed: the turn may go on with another utterance.
func (t Turn) final(e evidence) int {
	if len(e.words) == 0 {
		return t.Usual
	}
	last := e.words[len(e.words)-1]
	ms := t.Final
	switch {
	case e.expect == "yesno" && affirmations[last]:
		return t.Min
	case dangling[last] && len(e.words) > 1:
		ms += ms / 2
	case e.complete:
		ms -= ms / 5
	}
	if e.still < 200 {
		ms = max(ms, t.Final) // the last word is just coming in
	}
	return max(ms, t.Min)
}
