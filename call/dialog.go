package call

import (
	"context"
	"fmt"
	"time"

	"tingxin/media"
)

// Cause says why a call or a leg ended, in the words of the record.
type Cause string

// The causes of a CDR.
const (
	CauseNormal         Cause = "normal"          // we ended it after the work was done
	CauseCallerHangup   Cause = "caller_hangup"   // the remote party of the first leg hung up
	CausePeerHangup     Cause = "peer_hangup"     // the other (dialled) party hung up
	CauseCancelled      Cause = "cancelled"       // the caller gave up before the answer
	CauseRejected       Cause = "rejected"        // refused by a party or by policy
	CauseBusy           Cause = "busy"            // 486 or 600
	CauseNoAnswer       Cause = "no_answer"       // rang out
	CauseNoRoute        Cause = "no_route"        // nothing is behind that number
	CauseNoMedia        Cause = "no_media"        // no RTP ever came
	CauseMediaTimeout   Cause = "media_timeout"   // RTP stopped
	CauseSessionExpired Cause = "session_expired" // RFC 4028 timer ran out
	CauseLost           Cause = "connection_lost" // a browser's connection did not come back
	CauseMaxDuration    Cause = "max_duration"    // the longest allowed call
	CauseTransferred    Cause = "transferred"     // the party went on with somebody else
	CauseAdmin          Cause = "admin"           // ended by a person through the API
	CauseShutdown       Cause = "server_shutdown" // SIGTERM drain ran out
	CauseRestart        Cause = "server_restart"  // found unfinished after a crash
	CauseNodeLost       Cause = "server_lost"     // found unfinished by another server, which no longer heard of the call's own
	CauseError          Cause = "error"           // our fault; the log knows more
)

// Dialog is what a call asks of the signalling of one leg. Methods are safe for
// concurrent use and give up when ctx ends.
type Dialog interface {
	// Ring sends 180 Ringing (incoming only).
	Ring(ctx context.Context) error
	// Progress sends 183 with SDP; early media flows from then on (incoming only).
	Progress(ctx context.Context) error
	// Answer sends 200 and returns when the ACK has come, or an error (incoming only).
	Answer(ctx context.Context) error
	// Reject refuses an unanswered incoming leg with a SIP status from 300 to 699.
	Reject(ctx context.Context, status int, reason string) error
	// Hangup ends the leg: BYE when confirmed, CANCEL or a final refusal before. Repeating it is fine.
	Hangup(ctx context.Context, cause Cause) error
}

// Handler is told by signalling what the remote party of one leg did. Every
// method posts to the call's inbox and returns at once.
type Handler interface {
	// RemoteHangup: BYE, CANCEL, a failed session timer or a dead transport.
	RemoteHangup(cause Cause)
	// RemoteDigit: a key that came by SIP INFO.
	RemoteDigit(d media.Digit)
	// RemoteHold: the party put us on hold or took us back.
	RemoteHold(held bool)
	// RemoteMedia: a re-INVITE or UPDATE changed the leg's media.
	RemoteMedia()
}

// EarlyHandler is a Handler that wants to hear of its outgoing leg before the
// answer. Signalling asks for it by type assertion on the Handler given to Dial.
type EarlyHandler interface {
	Handler
	// RemoteProgress: a 18x response came. leg is the dialled leg and receives
	// already when the response carried SDP (early media), nil without.
	RemoteProgress(status int, leg *media.Leg)
}

// ReferHandler is a Handler that carries out the transfers its party asks for.
// Signalling asks for it by type assertion; without it a REFER gets 403.
type ReferHandler interface {
	Handler
	// RemoteRefer: the party wants the other side to be connected with somebody else. It posts and returns.
	RemoteRefer(r Refer)
}

// Refer is a transfer that a party asks for (RFC 3515).
type Refer struct {
	URI    string // whom to call, without headers
	Number string // its user part or number
	By     string // who asks (Referred-By), empty when not told
	// Replaces is our own dialog whose party shall be put through (attended transfer); nil for a blind one.
	Replaces Dialog
	// Elsewhere is the Replaces value of a dialog that is not ours, for Target.Replaces; empty as a rule.
	Elsewhere string
	// Named is the Replaces value as the party wrote it, whosever dialog that is; empty for a blind one.
	Named string
	// Node is the server of ours by which the party is reached, which may have that dialog; empty for this one.
	Node string
	// Report tells the party how it goes; the first status from 200 on is the last. It never blocks.
	Report func(status int, reason string)
}

// Incoming is a new call as signalling hands it up. Leg is configured and
// receives already; nothing has been answered yet.
type Incoming struct {
	SIPCallID string
	Trunk     string // name of the trunk it came by, empty for a user
	User      string // our own user who calls, proved by password or token; empty for a trunk
	Node      bool   // User is another server of ours, which wants one of our users for a caller that it has
	From      string // caller's number or user part
	FromName  string // display name, may be empty
	To        string // dialled number
	UserAgent string
	Transport string // "udp", "tcp", "tls", "ws", "wss"
	Secure    bool   // media is SRTP
	Dialog    Dialog
	Leg       *media.Leg
	Received  time.Time // when the INVITE was read from the socket
}

// Target is whom to dial: one of URI, User and Number.
type Target struct {
	URI       string // sip:number@host:port;transport=udp; with sip.domain as host a user of ours or, failing that, a number
	User      string // one of our own users: rings wherever it is registered
	Here      bool   // of User: only where it is registered at this server
	Number    string // a number outside: the outbound routes choose the trunk
	Trunk     string // name of the trunk to use, empty for a plain address
	From      string
	FromName  string
	SIPCallID string // optional: Call-ID of the new leg; empty makes one
	Replaces  string // optional: value of a Replaces header (RFC 3891)
	Node      string // with Replaces: another server of ours, which has that dialog and is reached because Via is registered there
	Via       string
	// Call, Role and Mode tell a user's own page which call it is and what the user is in it; Again that the user
	// was in it and comes back. They go to users only.
	Call  string
	Role  Role
	Mode  Mode
	Again bool
	// Work names, to a user's own page, the work of a queue for which the user is called, so that who asked for
	// it there need not answer.
	Work string
	// Prefer names the codecs to offer first: that of the other leg spares transcoding.
	Prefer []media.Codec
}

// Dialer places outgoing legs; sip satisfies it. Dial returns when the leg is
// answered, or a *DialError; cancelling ctx gives up ringing.
type Dialer interface {
	Dial(ctx context.Context, t Target, h Handler) (Dialog, *media.Leg, error)
}

// DialError is a refused or failed outgoing leg.
type DialError struct {
	Status   int // SIP status, 0 when no response came
	Reason   string
	Contacts []string // addresses that a 3xx named, the best first
}

func (e *DialError) Error() string { return fmt.Sprintf("dial refused: %d %s", e.Status, e.Reason) }
