package media

import "time"

// LegStats counts what one leg saw. Times are milliseconds, percentages 0..100.
type LegStats struct {
	PacketsIn  uint64 `json:"packets_in"`
	BytesIn    uint64 `json:"bytes_in"`
	PacketsOut uint64 `json:"packets_out"`
	BytesOut   uint64 `json:"bytes_out"`
	// Lost is expected minus received by sequence number (RFC 3550 A.3), LossPct its share.
	Lost    uint64  `json:"lost"`
	LossPct float64 `json:"loss_pct"`
	// Late packets came after their playout time, Duplicates twice.
	Late       uint64 `json:"late"`
	Duplicates uint64 `json:"duplicates"`
	// JitterMS is the interarrival jitter (RFC 3550 A.8), RTTMS the round trip by RTCP, 0 when not known.
	JitterMS float64 `json:"jitter_ms"`
	RTTMS    float64 `json:"rtt_ms"`
	// DelayMS is the present playout delay, TargetMS what the buffer aims at.
	DelayMS  float64 `json:"delay_ms"`
	TargetMS float64 `json:"target_ms"`
	// ConcealedMS is how much sound was invented for lost or late packets.
	ConcealedMS uint64 `json:"concealed_ms"`
	// RemoteLossPct and RemoteJitterMS are what the peer reports of our stream.
	RemoteLossPct  float64 `json:"remote_loss_pct"`
	RemoteJitterMS float64 `json:"remote_jitter_ms"`
	// MOS is an estimate 1..4.5 after the E-model (ITU-T G.107, simplified); 0 before any packet.
	MOS float64 `json:"mos"`
	// Rejected packets came from an address that may not speak here, Malformed were no RTP, SRTPFailed did not open.
	Rejected   uint64 `json:"rejected"`
	Malformed  uint64 `json:"malformed"`
	SRTPFailed uint64 `json:"srtp_failed"`
	// KernelDrops were lost in the socket's full receive buffer, SendErrors refused by the kernel.
	KernelDrops uint64 `json:"kernel_drops"`
	SendErrors  uint64 `json:"send_errors"`
	// Suite names the SRTP protection, empty for plain RTP.
	Suite string `json:"suite,omitempty"`
	// Digits were received, DigitsDropped found the digit queue, or that of the leg they are relayed to, full.
	Digits        uint64 `json:"digits"`
	DigitsDropped uint64 `json:"digits_dropped"`
}

// EngineStats counts what the whole engine saw since its start.
type EngineStats struct {
	Legs       int `json:"legs"`
	Bridges    int `json:"bridges"`
	Rooms      int `json:"rooms"`
	Recordings int `json:"recordings"`
	// Relays are the allocations of the TURN relay.
	Relays int `json:"relays"`
	// PortsTotal counts port pairs; resting ones were closed a moment ago.
	PortsTotal   int `json:"ports_total" metric:"ports"`
	PortsUsed    int `json:"ports_used"`
	PortsResting int `json:"ports_resting"`
	// Ticks of the clock, Stalls (a tick more than 60 ms late) and Skipped packets not sent because of them.
	Ticks   uint64 `json:"ticks"`
	Stalls  uint64 `json:"stalls"`
	Skipped uint64 `json:"skipped"`
	// ClockLateP99MS is how late ticks began in the last seconds; BusyPct the share of time the clock worked.
	ClockLateP99MS float64 `json:"clock_late_p99_ms"`
	BusyPct        float64 `json:"busy_pct"`
	PacketsIn      uint64  `json:"packets_in"`
	PacketsOut     uint64  `json:"packets_out"`
	Rejected       uint64  `json:"rejected"`
	Malformed      uint64  `json:"malformed"`
	SRTPFailed     uint64  `json:"srtp_failed"`
	KernelDrops    uint64  `json:"kernel_drops"`
	SendErrors     uint64  `json:"send_errors"`
	// ReceiveBuffer and SendBuffer are the sizes the kernel granted, in bytes.
	ReceiveBuffer int `json:"receive_buffer" metric:"receive_buffer_bytes"`
	SendBuffer    int `json:"send_buffer" metric:"send_buffer_bytes"`
	// RecordDropped frames found a recording's queue full, RecordErrors are failed writes, RecordBytes written.
	RecordDropped uint64 `json:"record_dropped"`
	RecordErrors  uint64 `json:"record_errors"`
	RecordBytes   uint64 `json:"record_bytes"`
}

// Activity tells "no RTP ever", "RTP stopped" and "held" apart.
type Activity struct {
	// Configured is when the leg was first configured, zero before.
	Configured time.Time
	// Last is when the last valid packet came, zero when none ever did.
	Last time.Time
	// Held says that the agreed direction lets the peer send nothing (ours is SendOnly or Inactive).
	Held bool
}

// Never says that no valid packet ever came.
func (a Activity) Never() bool { return a.Last.IsZero() }

// Idle is how long nothing valid has come: since the last packet, or since the
// leg was configured when none ever came. It is 0 while held.
func (a Activity) Idle(now time.Time) time.Duration {
	switch {
	case a.Held || a.Configured.IsZero():
		return 0
	case a.Last.Before(a.Configured):
		return now.Sub(a.Configured)
	}
	return now.Sub(a.Last)
}

// Stats returns the leg's counters.
func (l *Leg) Stats() LegStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stats()
}

// stats sums up. mu is held.
func (l *Leg) stats() LegStats {
	s := l.counts
	s.Lost += uint64(max(0, l.recv.lost()))
	if expected := l.control.expected + uint64(l.recv.expected()); expected > 0 {
		s.LossPct = float64(s.Lost) * 100 / float64(expected)
	}
	s.Late = l.jitter.late
	s.JitterMS = l.recv.jitter / 8
	s.RTTMS = l.control.rtt
	s.RemoteLossPct, s.RemoteJitterMS = l.control.remoteLoss, l.control.remoteJitter
	s.ConcealedMS = l.concealed / 8
	s.KernelDrops = l.wire.drops()
	switch {
	case l.params.SRTP != nil:
		s.Suite = l.params.SRTP.Profile
	case l.web != nil && l.web.suite.Load() != nil:
		s.Suite = *l.web.suite.Load()
	}
	if l.jitter.anchored {
		s.DelayMS = float64(l.jitter.at) / 1e6
		s.TargetMS = float64(l.jitter.est.target()) / 1e6
	}
	if s.PacketsIn > 0 {
		s.MOS = mos(s.DelayMS+s.RTTMS/2, s.LossPct+float64(s.Late)*100/float64(s.PacketsIn))
	}
	return s
}

// mos is the E-model (ITU-T G.107) cut down to delay and loss: mouth-to-ear delay in
// ms with 20 ms for the packet, loss in percent, G.711 with concealment (Ie 0, Bpl 25.1).
func mos(delay, loss float64) float64 {
	d := delay + 20
	id := 0.024 * d
	if d > 177.3 {
		id += 0.11 * (d - 177.3)
	}
	r := 93.2 - id - 95*loss/(loss+25.1)
	switch {
	case r <= 0:
		return 1
	case r >= 100:
		return 4.5
	}
	return 1 + 0.035*r + r*(r-60)*(100-r)*7e-6
}
