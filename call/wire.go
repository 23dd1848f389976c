package call

import (
	"time"
	"unicode/utf8"

	"tingxin/pg"
)

// Summary is a call as lists show it: the payload of call.started,
// call.answered, call.updated and call.ended and an item of GET /calls.
type Summary struct {
	ID            string            `json:"id" doc:"UUIDv7 of the call"`
	State         State             `json:"state" enum:"ringing,active,ended"`
	Direction     string            `json:"direction" enum:"in,out"`
	From          string            `json:"from"`
	FromName      string            `json:"from_name"`
	To            string            `json:"to"`
	Trunk         string            `json:"trunk"`
	Route         string            `json:"route"`
	Language      string            `json:"language"`
	StartedAt     time.Time         `json:"started_at"`
	AnsweredAt    *time.Time        `json:"answered_at,omitempty"`
	EndedAt       *time.Time        `json:"ended_at,omitempty"`
	DurationMS    int64             `json:"duration_ms" doc:"answer to end, or to now while it lasts"`
	Cause         Cause             `json:"cause,omitempty"`
	Consent       string            `json:"consent"`
	HasRecording  bool              `json:"has_recording"`
	Transcription map[string]string `json:"transcription" doc:"side to off, live, deferred or done"`
	Quality       *QualityNow       `json:"quality" doc:"null when nothing was measured"`
	Queue         string            `json:"queue,omitempty" doc:"the last queue it waited in"`
	Agent         string            `json:"agent,omitempty" doc:"user name of the agent it was given to"`
	Contact       int64             `json:"contact,omitempty" doc:"the person outside; absent while unknown"`
	Disposition   string            `json:"disposition,omitempty" doc:"code, as the last agent to write chose it"`
	Tags          []string          `json:"tags,omitempty"`
	LastWords     *LastWords        `json:"last_words,omitempty"`
	Mood          *MoodItem         `json:"mood,omitempty" doc:"of the caller; absent when the voice was not read"`
	Alert         *AlertItem        `json:"alert,omitempty" doc:"open now; running calls only"`
	Snippet       string            `json:"snippet,omitempty" doc:"HTML-escaped text with <mark> around what was searched"`
}

// QualityNow is the line quality in three figures.
type QualityNow struct {
	MOS      float64 `json:"mos"`
	LossPct  float64 `json:"loss_pct"`
	JitterMS float64 `json:"jitter_ms"`
}

// LastWords is what was said last and by whom.
type LastWords struct {
	Side string `json:"side"`
	Text string `json:"text"`
}

// Snapshot is a running call: its summary and what each side is just saying.
// It is an item of GET /calls/live.
type Snapshot struct {
	Summary
	Parties []PartyItem `json:"parties" nullable:"false" doc:"who is in the talk now"`
	// HeardAt is when a voice was last heard, from the answer on.
	HeardAt *time.Time `json:"heard_at,omitempty" doc:"when a voice was last heard on either side"`
	// RecordingPaused says that silence is written now.
	RecordingPaused bool                   `json:"recording_paused,omitempty"`
	Parked          *ParkedItem            `json:"parked,omitempty" doc:"it waits to be picked up"`
	Partial         map[string]PartialItem `json:"partial" doc:"by side; absent while a side is silent"`
}

// PartialItem is the payload of transcript.partial. Stable counts characters
// (Unicode code points) of Text, not bytes.
type PartialItem struct {
	Side    string `json:"side" enum:"caller,agent"`
	Segment uint64 `json:"segment"`
	StartMS int64  `json:"start_ms"`
	EndMS   int64  `json:"end_ms"`
	Text    string `json:"text"`
	Stable  int    `json:"stable" doc:"leading characters that will not change before the final"`
}

// WordItem is one word of a TranscriptItem in call time.
type WordItem struct {
	Text    string  `json:"text"`
	StartMS int64   `json:"start_ms"`
	EndMS   int64   `json:"end_ms"`
	Conf    float32 `json:"conf"`
}

// SpanItem maps characters [TextStart, TextEnd) of the text to words [From, To).
type SpanItem struct {
	TextStart int `json:"text_start"`
	TextEnd   int `json:"text_end"`
	From      int `json:"from"`
	To        int `json:"to"`
}

// TranscriptItem is the payload of transcript.final and an item of
// GET /calls/{id}/transcript. Offsets of spans count characters (Unicode code points).
type TranscriptItem struct {
	Side    string     `json:"side" enum:"caller,agent"`
	Seq     int        `json:"seq"`
	Segment uint64     `json:"segment"`
	StartMS int64      `json:"start_ms"`
	EndMS   int64      `json:"end_ms"`
	Text    string     `json:"text"`
	Raw     string     `json:"raw"`
	Words   []WordItem `json:"words" nullable:"false"`
	Spans   []SpanItem `json:"spans" nullable:"false"`
	Turn    int        `json:"turn"`
	Late    bool       `json:"late" doc:"recognised from the recording afterwards"`
	Gap     bool       `json:"gap" doc:"this stretch was not recognised"`
	Reason  string     `json:"reason,omitempty" doc:"why there is a gap"`
}

// GapItem is the payload of transcript.gap.
type GapItem struct {
	Side    string `json:"side"`
	StartMS int64  `json:"start_ms"`
	EndMS   int64  `json:"end_ms"`
	Reason  string `json:"reason"`
}

// QualityItem is the payload of call.quality.
type QualityItem struct {
	Side     string  `json:"side"`
	LossPct  float64 `json:"loss_pct"`
	JitterMS float64 `json:"jitter_ms"`
	RTTMS    float64 `json:"rtt_ms"`
	MOS      float64 `json:"mos"`
}

// DTMFItem is the payload of call.dtmf: how many keys so far, never which.
type DTMFItem struct {
	Side  string `json:"side"`
	Count int    `json:"count"`
}

// PartyItem is one leg of the talk as it is now.
type PartyItem struct {
	Leg  int    `json:"leg" doc:"number of the leg in the record"`
	Side string `json:"side" enum:"caller,agent"`
	Role Role   `json:"role" enum:"caller,peer,agent,guest,supervisor"`
	User string `json:"user,omitempty" doc:"one of ours"`
	Held bool   `json:"held,omitempty" doc:"it has put the others on hold"`
	Mode Mode   `json:"mode,omitempty" doc:"of a supervisor: listen, whisper, barge or takeover"`
	// Number is of a party outside who was added.
	Number  string    `json:"number,omitempty" doc:"of a party outside who was added"`
	Away    bool      `json:"away,omitempty" doc:"its browser has lost the connection"`
	Ringing bool      `json:"ringing,omitempty" doc:"it rings to join; its leg is 0"`
	Since   time.Time `json:"since,omitzero" doc:"when it began to hold, ring or be away"`
}

// PartiesItem is the payload of call.parties: who is in the talk, told when that changes.
type PartiesItem struct {
	ID              string      `json:"id"`
	Parties         []PartyItem `json:"parties" nullable:"false"`
	RecordingPaused bool        `json:"recording_paused"`
}

// HoldItem is the payload of call.hold: a party puts the others on hold, or takes them back.
type HoldItem struct {
	Leg  int    `json:"leg"`
	Side string `json:"side"`
	User string `json:"user,omitempty"`
	Held bool   `json:"held"`
}

// parties are the legs of the talk as others see them.
func (c *Call) parties() []PartyItem {
	items := []PartyItem{}
	for _, l := range c.legs {
		if l.left || l.row.N > 1 && !l.joined {
			continue
		}
		if l.mode == ModeListen && c.m.cfg.HideListeners {
			continue
		}
		it := PartyItem{Leg: l.row.N, Side: l.row.Side, Role: l.row.Role, User: l.row.User, Number: l.who, Held: l.held || l.parked, Mode: l.mode, Away: l.away}
		if it.Held || it.Away {
			it.Since = l.since
		}
		items = append(items, it)
	}
	return append(items, c.ringers()...)
}

// NodeItem is the payload of flow.node.
type NodeItem struct {
	Flow string `json:"flow"`
	Node string `json:"node"`
}

// RetryItem is the payload of flow.retry: a question is asked again.
type RetryItem struct {
	Flow  string `json:"flow"`
	Node  string `json:"node"`
	Why   string `json:"why" enum:"no_input,no_match,refused"`
	Count int    `json:"count" doc:"for that reason, from 1"`
}

// Summary is the record as lists show it. Quality, LastWords and Snippet are left to the caller.
func (r *Record) Summary() Summary {
	s := Summary{
		ID: r.ID, State: r.State, Direction: r.Direction, From: r.From, FromName: r.FromName, To: r.To,
		Trunk: r.Trunk, Route: r.Route, Language: r.Language, StartedAt: r.StartedAt,
		AnsweredAt: pg.OrNull(r.AnsweredAt), EndedAt: pg.OrNull(r.EndedAt),
		DurationMS: r.Duration().Milliseconds(), Cause: r.Cause, Consent: r.Consent,
		Queue: r.Queue, Agent: r.Agent, Contact: r.Contact,
		HasRecording:  r.Recording.State == RecordingOpen || r.Recording.State == RecordingKept,
		Transcription: map[string]string{SideCaller: TranscriptionOff, SideAgent: TranscriptionOff},
	}
	for side, state := range r.Transcription {
		s.Transcription[side] = state
	}
	return s
}

// Item is the utterance as browsers see it: milliseconds, and offsets in characters.
func (u *Utterance) Item() TranscriptItem {
	it := TranscriptItem{
		Side: u.Side, Seq: u.Seq, Segment: u.Segment, StartMS: u.Start.Milliseconds(), EndMS: u.End.Milliseconds(),
		Text: u.Text, Raw: u.Raw, Turn: u.Turn, Late: u.Late, Gap: u.Gap, Reason: u.Reason,
		Words: make([]WordItem, len(u.Words)), Spans: make([]SpanItem, len(u.Spans)),
	}
	for i, w := range u.Words {
		it.Words[i] = WordItem{w.Text, w.Start.Milliseconds(), w.End.Milliseconds(), w.Conf}
	}
	for i, s := range u.Spans {
		it.Spans[i] = SpanItem{Characters(u.Text, s.TextStart), Characters(u.Text, s.TextEnd), s.From, s.To}
	}
	return it
}

// Characters turns a byte offset into s into a count of Unicode code points. An
// offset outside of s counts as its nearer end.
func Characters(s string, offset int) int {
	return utf8.RuneCountInString(s[:min(max(offset, 0), len(s))])
}
