package call

import (
	"time"

	"tingxin/asr"
)

// The two sides of a call. They are also the left and the right channel of its recording.
const (
	SideCaller = "caller" // the remote party of the first leg
	SideAgent  = "agent"  // our side: prompts, or the bridged second leg
)

// State is how far a call has come.
type State string

// The states of a call.
const (
	StateRinging State = "ringing" // not answered yet
	StateActive  State = "active"  // answered, media flows
	StateEnded   State = "ended"   // the record is complete
)

// Directions of a call and of a leg, seen from us.
const (
	DirectionIn  = "in"
	DirectionOut = "out"
)

// What the caller was told and said about being recorded.
const (
	ConsentNone      = "none"      // nothing was announced
	ConsentAnnounced = "announced" // the announcement was played to its end
	ConsentGiven     = "given"     // the caller agreed
	ConsentRefused   = "refused"   // the caller declined; nothing is kept
	ConsentWithdrawn = "withdrawn" // given before, not any more; in the ledger only
)

// How the words of one side come about (values of Record.Transcription).
const (
	TranscriptionOff      = "off"      // not wanted
	TranscriptionLive     = "live"     // recognised while it is spoken
	TranscriptionDeferred = "deferred" // no room: recognised from the recording afterwards
	TranscriptionDone     = "done"     // complete
)

// States of a recording (Recording.State).
const (
	RecordingNone    = ""        // there is none
	RecordingOpen    = "open"    // being written
	RecordingKept    = "kept"    // complete on disk
	RecordingDeleted = "deleted" // removed by retention
)

// Recording is the sound file of a call.
type Recording struct {
	Path     string        // absolute, or relative to the recordings folder
	Duration time.Duration // length of the sound
	Bytes    int64         // size of the file
	SHA256   string        // lower-case hex of the complete file, empty when unknown
	State    string        // one of the Recording constants
}

// Record is a call as its CDR tells it. Times are UTC with microseconds; a zero
// time means that it has not happened.
type Record struct {
	ID         string // UUIDv7
	State      State
	Direction  string // DirectionIn or DirectionOut
	From       string // caller's number or user part
	FromName   string
	To         string // dialled number
	Trunk      string
	Route      string // flow or bridge that took the call
	Language   string // BCP 47, such as "en" or "zh"
	StartedAt  time.Time
	AnsweredAt time.Time
	EndedAt    time.Time
	Consent    string // one of the Consent constants
	Cause      Cause
	SIPStatus  int // final status of the first leg's INVITE, 0 when none
	Recording  Recording
	// Transcription maps a side to one of the Transcription constants.
	Transcription map[string]string
	Queue         string         // the last queue that it waited in
	Agent         string         // user name of the agent whom a queue gave it to
	Contact       int64          // the person outside, 0 while unknown; an id of contacts
	Node          string         // which pbx carries the call; Orphans asks for it
	Data          map[string]any // variables of the flow; values encode to JSON
}

// Duration is the time from answer to end, zero for an unanswered call.
func (r *Record) Duration() time.Duration {
	if r.AnsweredAt.IsZero() || r.EndedAt.IsZero() {
		return 0
	}
	return r.EndedAt.Sub(r.AnsweredAt)
}

// Quality is what one leg measured over its life, as in RFC 3550 section 6.4.
type Quality struct {
	PacketsIn  int64
	PacketsOut int64
	Lost       int64   // packets that never came
	LossPct    float64 // 0..100
	JitterMS   float64 // inter-arrival jitter
	RTTMS      float64 // 0 when the peer sent no reports
	MOS        float64 // 1..4.5 by the E-model (G.107), 0 when unknown
}

// LegRecord is one media path of a call as its CDR tells it.
type LegRecord struct {
	CallID     string
	N          int // 1 is the first leg
	Side       string
	Role       Role
	User       string // of ours, empty for a party outside
	Direction  string
	Peer       string // address and port of the other end
	Codec      string
	Transport  string // "udp", "tcp", "tls", "ws", "wss"
	Secure     bool   // media was SRTP
	SIPCallID  string
	StartedAt  time.Time
	AnsweredAt time.Time
	EndedAt    time.Time
	Cause      Cause
	Quality    Quality
}

// Utterance is one Final of one side, or a gap in what was recognised. It is
// told apart by (CallID, Side, Seq): adding it twice keeps the first.
type Utterance struct {
	CallID     string
	Side       string
	Seq        int           // from 1 per call and side
	Segment    uint64        // of the recogniser's stream
	Start, End time.Duration // call time: offset from the first frame of the recording
	Text       string        // as shown
	Raw        string        // the recogniser's own words
	Words      []asr.Word
	Spans      []asr.Span // byte offsets into Text to indexes of Words
	Language   string
	Model      string
	Conf       float32 // mean of the words, 0..1
	Turn       int     // from 1 per call
	Gap        bool    // [Start, End) was not recognised; Reason says why
	Reason     string
	Late       bool // recognised from the recording afterwards
}
