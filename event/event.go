// Package event is the typed event envelope and the in-process bus.
//
// Facts go up as small values: the owner of a fact writes it down first (a row),
// then publishes it. The bus may drop for a slow subscriber and counts it; the
// subscriber then takes a snapshot and goes on.
//
//	owner --Publish--> Bus --bounded queue per subscriber--> realtime feed, metrics, tests
package event

import "time"

// Event is one fact that happened. Data is a value that encodes to JSON and is
// never changed after publishing.
type Event struct {
	// Seq grows by one per published event of this process.
	Seq uint64 `json:"seq"`
	// Type is "noun.verb", such as "call.started" or "transcript.final".
	Type string `json:"type"`
	// At is when it happened (server clock, UTC).
	At time.Time `json:"at"`
	// Call is the id of the call the event belongs to, empty when none.
	Call string `json:"call,omitempty"`
	// Data is the payload; its type is given by Type.
	Data any `json:"data"`
}
