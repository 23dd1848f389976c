package call

import (
	"time"

	"tingxin/emotion"
)

// PurposeEmotion is the purpose of consent under which voices are read.
const PurposeEmotion = "voice_emotion"

// ConsentRow is one line of the consent ledger; it is never changed.
type ConsentRow struct {
	CallID   string // empty when it was not given in a call
	Identity string // the caller's number, empty when unknown
	Contact  int64  // whose it is, 0 while unknown
	Purpose  string
	State    string // ConsentAnnounced, ConsentGiven, ConsentRefused or ConsentWithdrawn
	Notice   string // version of what was announced
	Source   string // "call", or who wrote it down
	At       time.Time
}

// TurnReading is how one turn of one side sounded and what its words said. It is
// told apart by (CallID, Side, Seq).
type TurnReading struct {
	CallID string
	Side   string
	Seq    int // from 1 per call and side
	// Voice is the acoustic reading; Class and P are empty when the turn was too short to read.
	Start, End, Voiced time.Duration
	Class              string
	P                  []float32 // neutral, angry, happy, sad, other
	Arousal, Valence   float32
	Learned            float32 // how far the speaker's own baseline was learned, 0..1
	Cues               []emotion.Cue
	// Estimate is what the voice, the words, and both together amount to.
	Estimate      emotion.Estimate
	Strong        bool
	Kinds         []emotion.Kind
	Interruptions int
	Mood          float32 // smoothed after this turn
	Model         string
	Late          bool // read from the recording afterwards
}

// States of an alert.
const (
	AlertOpen      = "open"
	AlertCleared   = "cleared"   // the mood has come down
	AlertDismissed = "dismissed" // a person said that it is wrong
	AlertEnded     = "ended"     // the call was over first
)

// Alert is one time that somebody was asked to look. It is told apart by
// (CallID, N); writing it again replaces what may change.
type Alert struct {
	CallID    string
	N         int // from 1 per call
	Side      string
	State     string
	Level     emotion.Level
	Why       emotion.Explanation
	RaisedAt  time.Time
	Raised    time.Duration // call time
	Escalated time.Duration // call time, 0 when it was not
	Ended     time.Duration // call time, 0 while it is open
	Model     string
}

// SideMood is the mood of one side over a whole call.
type SideMood struct {
	CallID string
	Side   string
	emotion.Summary
	Alerts int
	Model  string
}

// Labels of a turn or an alert.
const (
	LabelAngry    = "angry"
	LabelNotAngry = "not_angry"
)

// EmotionLabel is what a person says about a stretch of a call: what the next
// model learns from.
type EmotionLabel struct {
	CallID     string
	Side       string
	Alert      int // 0 when it is not about an alert
	Start, End time.Duration
	Label      string // LabelAngry or LabelNotAngry
	By         string
	At         time.Time
}

// ReadingItem is the payload of emotion.reading and an item of GET /calls/{id}/emotion.
// Voice and words are kept apart; e joins them when combined is true.
type ReadingItem struct {
	Side          string             `json:"side" enum:"caller,agent"`
	Seq           int                `json:"seq" doc:"0 for a sliding reading, which is not kept"`
	Turn          bool               `json:"turn" doc:"over a whole turn; otherwise over the last three seconds"`
	StartMS       int64              `json:"start_ms"`
	EndMS         int64              `json:"end_ms"`
	VoicedMS      int64              `json:"voiced_ms"`
	Class         string             `json:"class" doc:"neutral, angry, happy, sad, other, unsure; empty when only the words could be read"`
	P             map[string]float32 `json:"p" doc:"probability by class" nullable:"false"`
	Arousal       float32            `json:"arousal"`
	Valence       float32            `json:"valence"`
	Learned       float32            `json:"learned" doc:"how far the speaker's own baseline was learned, 0 to 1"`
	Cues          []CueItem          `json:"cues" nullable:"false"`
	Voice         *float32           `json:"voice" doc:"anger or distress by the voice alone, 0 to 1"`
	Words         *float32           `json:"words" doc:"by the words alone, 0 to 1"`
	E             float32            `json:"e" doc:"what mood and alerts go by, 0 to 1"`
	Combined      bool               `json:"combined" doc:"e is made of voice and words"`
	Strong        bool               `json:"strong" doc:"something was said that needs a person at once"`
	Kinds         []emotion.Kind     `json:"kinds" doc:"kinds of words found" nullable:"false"`
	Interruptions int                `json:"interruptions"`
	Mood          float32            `json:"mood" doc:"smoothed after this turn, 0 to 1"`
	Model         string             `json:"model"`
	Late          bool               `json:"late" doc:"read from the recording afterwards"`
}

// CueItem is one feature and by how many standard deviations it differs from the baseline.
type CueItem struct {
	Feature string  `json:"feature"`
	Z       float32 `json:"z"`
}

// MoodItem is the payload of emotion.mood: the mood of one side so far.
type MoodItem struct {
	Side        string        `json:"side" enum:"caller,agent"`
	State       emotion.State `json:"state" enum:"unknown,calm,tense,angry"`
	Turns       int           `json:"turns"`
	Now         float32       `json:"now" doc:"smoothed, 0 calm to 1 angry"`
	Value       float32       `json:"value" doc:"mean of the call, later turns heavier"`
	Trend       float32       `json:"trend" doc:"(end - start) / 2; positive is getting worse"`
	Peak        float32       `json:"peak"`
	PeakStartMS int64         `json:"peak_start_ms"`
	PeakEndMS   int64         `json:"peak_end_ms"`
	Alerts      int           `json:"alerts"`
}

// AdviceItem is what to do, in one language.
type AdviceItem struct {
	Sentence string `json:"sentence"`
	Button   string `json:"button"`
	Script   string `json:"script"`
	Baseline string `json:"baseline"`
}

// AlertItem is the payload of emotion.alert and an item of GET /alerts.
type AlertItem struct {
	CallID      string                `json:"call_id"`
	N           int                   `json:"n"`
	Side        string                `json:"side" enum:"caller,agent"`
	State       string                `json:"state" enum:"open,cleared,dismissed,ended"`
	Level       emotion.Level         `json:"level" enum:"agent,supervisor"`
	Cause       emotion.Cause         `json:"cause" enum:"sustained,jump,words"`
	Action      emotion.Action        `json:"action"`
	RaisedAt    time.Time             `json:"raised_at"`
	RaisedMS    int64                 `json:"raised_ms" doc:"call time"`
	EscalatedMS *int64                `json:"escalated_ms,omitempty"`
	EndedMS     *int64                `json:"ended_ms,omitempty"`
	From        float32               `json:"mood_from" doc:"mood before"`
	To          float32               `json:"mood_to" doc:"mood when it was raised"`
	StartMS     int64                 `json:"start_ms" doc:"what to listen to"`
	EndMS       int64                 `json:"end_ms"`
	Learned     float32               `json:"learned"`
	CalmTurns   int                   `json:"calm_turns" doc:"turns of this speaker that the cues are compared with"`
	Cues        []CueItem             `json:"cues" nullable:"false"`
	Kinds       []emotion.Kind        `json:"kinds" nullable:"false"`
	Advice      map[string]AdviceItem `json:"advice" doc:"by language: en, zh"`
}

// LabelItem is a label as browsers see it.
type LabelItem struct {
	Side    string    `json:"side" enum:"caller,agent"`
	Alert   int       `json:"alert,omitempty"`
	StartMS int64     `json:"start_ms"`
	EndMS   int64     `json:"end_ms"`
	Label   string    `json:"label" enum:"angry,not_angry"`
	By      string    `json:"by"`
	At      time.Time `json:"at"`
}

// Item is the reading as browsers see it.
func (r *TurnReading) Item() ReadingItem {
	it := ReadingItem{Side: r.Side, Seq: r.Seq, Turn: r.Seq > 0, StartMS: r.Start.Milliseconds(), EndMS: r.End.Milliseconds(), VoicedMS: r.Voiced.Milliseconds(),
		Class: r.Class, P: map[string]float32{}, Arousal: r.Arousal, Valence: r.Valence, Learned: r.Learned, Cues: cueItems(r.Cues),
		Voice: unlessNegative(r.Estimate.Voice), Words: unlessNegative(r.Estimate.Words), E: r.Estimate.E, Combined: r.Estimate.Combined,
		Strong: r.Strong, Kinds: kindsOf(r.Kinds), Interruptions: r.Interruptions, Mood: r.Mood, Model: r.Model, Late: r.Late}
	for i, p := range r.P {
		it.P[emotion.Class(i).String()] = p
	}
	return it
}

func unlessNegative(v float32) *float32 {
	if v < 0 {
		return nil
	}
	return &v
}

func cueItems(cues []emotion.Cue) []CueItem {
	out := make([]CueItem, len(cues))
	for i, c := range cues {
		out[i] = CueItem{c.Feature, c.Z}
	}
	return out
}

func kindsOf(kinds []emotion.Kind) []emotion.Kind {
	if kinds == nil {
		return []emotion.Kind{}
	}
	return kinds
}

// adviceLanguages are the languages an alert is worded in: agents may read another one than their caller speaks.
var adviceLanguages = []string{"en", "zh"}

// Item is the alert as browsers see it.
func (a *Alert) Item() AlertItem {
	w := &a.Why
	it := AlertItem{CallID: a.CallID, N: a.N, Side: a.Side, State: a.State, Level: a.Level, Cause: w.Cause, Action: w.Action(), RaisedAt: a.RaisedAt.UTC(),
		RaisedMS: a.Raised.Milliseconds(), EscalatedMS: unlessZero(a.Escalated), EndedMS: unlessZero(a.Ended), From: w.From, To: w.To,
		StartMS: w.Listen.Start.Milliseconds(), EndMS: w.Listen.End.Milliseconds(), Learned: w.Learned, CalmTurns: w.Calm, Cues: cueItems(w.Cues), Kinds: kindsOf(w.Kinds),
		Advice: make(map[string]AdviceItem, len(adviceLanguages))}
	for _, language := range adviceLanguages {
		it.Advice[language] = AdviceItem(w.Advice(language))
	}
	return it
}

func unlessZero(d time.Duration) *int64 {
	if d == 0 {
		return nil
	}
	ms := d.Milliseconds()
	return &ms
}

// Item is the mood as browsers see it; state is given by who knows whether an alert is open.
func (m *SideMood) Item(state emotion.State) MoodItem {
	return MoodItem{Side: m.Side, State: state, Turns: m.Turns, Now: m.Now, Value: m.Value, Trend: m.Trend, Peak: m.Peak,
		PeakStartMS: m.PeakAt.Start.Milliseconds(), PeakEndMS: m.PeakAt.End.Milliseconds(), Alerts: m.Alerts}
}

// Item is the label as browsers see it.
func (l *EmotionLabel) Item() LabelItem {
	return LabelItem{Side: l.Side, Alert: l.Alert, StartMS: l.Start.Milliseconds(), EndMS: l.End.Milliseconds(), Label: l.Label, By: l.By, At: l.At.UTC()}
}
