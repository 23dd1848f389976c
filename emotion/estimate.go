package emotion

import "math"

// Evidence is what there is to judge one turn by. The voice and the words stay
// apart in it; only Estimate.E joins them, and says so.
type Evidence struct {
	// Reading is the acoustic reading, nil when the turn was too short to read.
	Reading *Reading
	// Words is what the words say, nil when there are none.
	Words *Sentiment
	// Interruptions counts how often the party spoke into the other's words in this turn.
	Interruptions int
}

// Estimate is how angry or distressed a turn is, 0 to 1.
type Estimate struct {
	// E is the value that mood and alerts go by.
	E float32
	// Voice and Words are what went into it, each alone; negative when there was none.
	Voice, Words float32
	// Combined says that E is made of both. Otherwise it is the one that there was.
	Combined bool
}

// Weights of the log-odds sum behind Estimate.E: e = sigmoid(logit(voice) + w . x).
// They are starting values, chosen by hand: there is no corpus of calls with sound,
// words and the customer's own judgement to train them on. "not angry" labels are
// what they are to be trained from.
const (
	weightNegative     = 2.2  // per 1 of Sentiment.Negative
	weightStrong       = 1.6  // a strong hit
	weightPositive     = -1.2 // per 1 of Sentiment.Positive
	weightPlain        = -0.3 // there are words, and nothing in them is negative
	weightInterruption = 0.35 // each, three at most
	maxInterruptions   = 3
	// wordsOnlyPrior stands for the voice of a turn that could not be read.
	wordsOnlyPrior = 0.2
	// sadShare is how much of a sad voice counts: sadness asks for patience, not for an alarm.
	sadShare = 0.3
	// arousalShare is how much arousal shifts anger's odds.
	arousalShare = 0.5
)

// VoiceCap bounds E of a turn without words: a voice alone never gets to the
// supervisor's threshold by more than touching it.
const VoiceCap = 0.8

// UnsureCap bounds the voice of a turn about which the model abstains. It lies
// below Rules.Raise, so abstaining turns alone raise no alert.
const UnsureCap = 0.6

// OtherCap bounds the voice of a turn that is judged to be of class other: fear, disgust,
// surprise and the like. It is no more than the rise that Rules.Jump asks for, so that such
// turns alone raise no alert.
const OtherCap = 0.3

// Voice is how angry or distressed the voice alone sounds, 0 to 1.
func Voice(r *Reading) float32 {
	anger, sad := probability(r.P[Angry]), probability(r.P[Sad])
	arousal := float64(r.Arousal)
	if math.IsNaN(arousal) {
		arousal = 0
	}
	v := sigmoid(logit(anger)+arousalShare*math.Max(-1, math.Min(1, arousal))) + sadShare*sad
	limit := 1.0
	switch r.Class {
	case Unsure:
		limit = UnsureCap
	case Other:
		limit = OtherCap
	}
	return float32(math.Min(v, limit))
}

// Estimate judges one turn; ok is false when there is nothing to judge by.
func (ev Evidence) Estimate() (est Estimate, ok bool) {
	est = Estimate{Voice: -1, Words: -1}
	prior := wordsOnlyPrior
	if ev.Reading != nil {
		est.Voice = Voice(ev.Reading)
		prior = float64(est.Voice)
	}
	interruptions := weightInterruption * float64(min(ev.Interruptions, maxInterruptions))
	switch {
	case ev.Words == nil && ev.Reading == nil:
		return est, false
	case ev.Words == nil:
		est.E = float32(math.Min(sigmoid(logit(prior)+interruptions), VoiceCap))
		return est, true
	}
	est.Words = ev.Words.Negative
	est.Combined = ev.Reading != nil
	est.E = float32(sigmoid(logit(prior) + interruptions + ev.Words.odds()))
	return est, true
}

// odds is what words add to the log-odds.
func (s *Sentiment) odds() float64 {
	sum := weightNegative*float64(s.Negative) + weightPositive*float64(s.Positive)
	if s.Strong {
		sum += weightStrong
	}
	if s.Negative == 0 {
		sum += weightPlain
	}
	return sum
}

// probability is p as a number from 0 to 1 whatever it was.
func probability(p float32) float64 {
	v := float64(p)
	if math.IsNaN(v) {
		return 0
	}
	return math.Max(0, math.Min(1, v))
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// logit is the reverse of sigmoid, bounded so that no single opinion is beyond doubt.
func logit(p float64) float64 {
	p = math.Max(0.02, math.Min(0.98, p))
	return math.Log(p / (1 - p))
}
