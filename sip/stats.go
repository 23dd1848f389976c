package sip

import (
	"sync"
	"sync/atomic"
	"time"
)

// counters is a set of named counters; the set of names is bounded, what comes
// beyond is counted as "other".
type counters struct {
	m sync.Map // string -> *atomic.Uint64
	n atomic.Int32
}

const maxCounters = 128

func (c *counters) add(name string) {
	v, ok := c.m.Load(name)
	if !ok {
		if c.n.Load() >= maxCounters {
			name = "other"
		}
		var loaded bool
		if v, loaded = c.m.LoadOrStore(name, new(atomic.Uint64)); !loaded {
			c.n.Add(1)
		}
	}
	v.(*atomic.Uint64).Add(1)
}

func (c *counters) snapshot() map[string]uint64 {
	out := map[string]uint64{}
	c.m.Range(func(k, v any) bool {
		out[k.(string)] = v.(*atomic.Uint64).Load()
		return true
	})
	return out
}

// stats is bumped by hot code and copied by Stats.
type stats struct {
	requests  counters // received, by method
	sent      counters // sent requests, by method
	responses counters // sent, by status
	answers   counters // received, by status
	bad       counters // refused or dropped messages, by reason

	datagrams, streamMessages, retransmits, resent atomic.Uint64
	serverTx, clientTx, dialogs, connections       atomic.Int64
	unknownSource, lockedOut, inboxFull            atomic.Uint64
	strayResponses, sendErrors, connectionsRefused atomic.Uint64
	bigOverTCP, tooBig, forked, ackMissing         atomic.Uint64
	bindings                                       atomic.Int64
	bindingsReplaced, bindingsLost, redirected     atomic.Uint64
	failedOver                                     atomic.Uint64
}

// Stats is a copy of the counters of a Server.
type Stats struct {
	Requests  map[string]uint64 `json:"requests"`  // received, by method
	Sent      map[string]uint64 `json:"sent"`      // sent requests, by method
	Responses map[string]uint64 `json:"responses"` // sent, by status
	Answers   map[string]uint64 `json:"answers"`   // received, by status
	Bad       map[string]uint64 `json:"bad"`       // refused or dropped, by reason

	Datagrams      uint64 `json:"datagrams"`       // received
	StreamMessages uint64 `json:"stream_messages"` // received over tcp, tls and websockets
	Retransmits    uint64 `json:"retransmits"`     // received again and absorbed
	Resent         uint64 `json:"resent"`          // sent again by our timers

	ServerTransactions int64 `json:"server_transactions"`
	ClientTransactions int64 `json:"client_transactions"`
	Dialogs            int64 `json:"dialogs"`
	Connections        int64 `json:"connections"`

	Bindings           int64  `json:"bindings"`                                     // registrations now
	BindingsReplaced   uint64 `json:"bindings_replaced"`                            // by the same device on another connection, or over a user's bound
	BindingsLost       uint64 `json:"bindings_lost"`                                // expired, or gone with their connection
	Redirected         uint64 `json:"redirected"`                                   // INVITEs sent on because of a 3xx
	FailedOver         uint64 `json:"failed_over"`                                  // calls sent to the next trunk
	UnknownSource      uint64 `json:"unknown_source"`                               // requests from nobody we know
	LockedOut          uint64 `json:"locked_out"`                                   // requests while an address was locked out
	InboxFull          uint64 `json:"inbox_full"`                                   // requests refused because a dialog was behind
	StrayResponses     uint64 `json:"stray_responses"`                              // responses without a transaction
	SendErrors         uint64 `json:"send_errors"`                                  // refused by the kernel or a dead connection
	ConnectionsRefused uint64 `json:"connections_refused"`                          // over MaxConnections
	BigOverTCP         uint64 `json:"big_over_tcp"`                                 // requests over 1300 bytes moved to TCP
	TooBig             uint64 `json:"too_big"`                                      // given up: too big for UDP, no TCP
	Forked             uint64 `json:"forked"`                                       // second 200s that were acknowledged and ended
	AckMissing         uint64 `json:"ack_missing"`                                  // 200s that never got their ACK
	KernelDrops        uint64 `json:"kernel_drops"`                                 // datagrams the kernel dropped
	ReceiveBuffer      int    `json:"receive_buffer" metric:"receive_buffer_bytes"` // bytes granted for the smallest UDP socket

	Trunks []TrunkStats `json:"trunks"`
}

// TrunkStats is the state of one trunk.
type TrunkStats struct {
	Name          string    `json:"name"`
	State         string    `json:"state"` // "up", "down", "full", "draining", or "unknown" while nothing was heard of it
	Calls         int64     `json:"calls"` // now
	MaxCalls      int       `json:"max_calls"`
	CPS           int       `json:"cps"` // allowed per second, 0 = no limit
	Accepted      uint64    `json:"accepted"`
	Dialled       uint64    `json:"dialled"`
	Rejected      uint64    `json:"rejected"` // over a limit or refused by digest
	LastOptionsAt time.Time `json:"last_options_at"`
	// Registration at the carrier: "" when there is none to be, "registering", "registered" or "failed".
	Registration    string    `json:"registration"`
	RegisterStatus  int       `json:"register_status"` // SIP status of the last answer, 0 when none came
	RegisteredUntil time.Time `json:"registered_until"`
	// Probes by OPTIONS: misses in a row, round trip (nanoseconds) and time of the last answer.
	ProbeMisses int64         `json:"probe_misses"`
	ProbeRTT    time.Duration `json:"probe_rtt"`
	ProbedAt    time.Time     `json:"probed_at"`
	LastSeenAt  time.Time     `json:"last_seen_at"`
}

// Stats copies the counters.
func (s *Server) Stats() Stats {
	c := &s.stats
	out := Stats{
		Requests: c.requests.snapshot(), Sent: c.sent.snapshot(), Responses: c.responses.snapshot(),
		Answers: c.answers.snapshot(), Bad: c.bad.snapshot(),
		Datagrams: c.datagrams.Load(), StreamMessages: c.streamMessages.Load(),
		Retransmits: c.retransmits.Load(), Resent: c.resent.Load(),
		ServerTransactions: c.serverTx.Load(), ClientTransactions: c.clientTx.Load(),
		Dialogs: c.dialogs.Load(), Connections: c.connections.Load(),
		UnknownSource: c.unknownSource.Load(), LockedOut: c.lockedOut.Load(), InboxFull: c.inboxFull.Load(),
		StrayResponses: c.strayResponses.Load(), SendErrors: c.sendErrors.Load(),
		ConnectionsRefused: c.connectionsRefused.Load(), BigOverTCP: c.bigOverTCP.Load(), TooBig: c.tooBig.Load(),
		Forked: c.forked.Load(), AckMissing: c.ackMissing.Load(), Bindings: c.bindings.Load(),
		BindingsReplaced: c.bindingsReplaced.Load(), BindingsLost: c.bindingsLost.Load(), Redirected: c.redirected.Load(), FailedOver: c.failedOver.Load(),
	}
	out.KernelDrops, out.ReceiveBuffer = s.transport.kernel()
	for _, t := range s.trunks.Load().list {
		out.Trunks = append(out.Trunks, t.stats(s.draining.Load()))
	}
	return out
}
