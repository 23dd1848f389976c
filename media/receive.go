package media

import (
	"net/netip"
	"time"

	"tingxin/audio"
	"tingxin/media/opus"
)

// receive reads what has come, plays one frame out of the buffer and gives it to the taps.
func (l *Leg) receive(w *walker) {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.wire.receive(l, w)
	if l.configured.IsZero() || w.tick < l.firstTick {
		l.mu.Unlock()
		l.rx.kind = playNothing
		return
	}
	l.events.tick(l, w.mono)
	l.settle(w)
	l.playOut(w)
	l.mu.Unlock()
	if l.rx.levels {
		for _, t := range l.levels.all() {
			t.w.WriteLevel(l.rx.power, l.rx.flags)
		}
	}
	if l.rx.isWide {
		for _, t := range l.taps.all() {
			t.w.WriteFrame(&l.rx.frame)
		}
	}
}

// settle asks for another slot of the tick when packets would wait less there: once the
// stream is known, and every second, since clocks drift. In a room of more than two a leg
// stays where it is, since those who hear it send in slots of their own. mu is held.
func (l *Leg) settle(w *walker) {
	j := &l.jitter
	if !l.engine.clock.align || j.settled && w.tick%50 != int64(l.ssrc%50) {
		return
	}
	best, ok := j.slot(w.at, l.hears.slot)
	if !ok {
		return
	}
	j.settled = true
	if best == l.hears.slot {
		return
	}
	if m := l.seat.Load(); m != nil && len(m.room.state.Load().members) > 2 {
		return
	}
	l.hears.want, w.moved = best, true
}

// datagram checks one datagram of the RTP port. mu is held.
func (l *Leg) datagram(w *walker, b []byte, from netip.AddrPort, at int64) {
	switch {
	case l.configured.IsZero() || l.latch.refuses(from):
		l.counts.Rejected++
		return
	case isRTCP(b):
		l.receiveControl(w, b, from, at)
		return
	}
	h, payload, ok := parseRTP(b)
	if !ok {
		l.counts.Malformed++
		return
	}
	role := l.role(h.pt)
	if role == roleNone {
		l.counts.Malformed++
		return
	}
	if l.crypt != nil {
		if b, ok = l.crypt.openRTP(w.plain[:0], b); !ok {
			l.counts.SRTPFailed++
			return
		}
		if h, payload, ok = parseRTP(b); !ok {
			l.counts.Malformed++
			return
		}
	}
	ok, changed := l.latch.accept(from)
	if !ok {
		l.counts.Rejected++
		return
	}
	if changed {
		l.retarget()
	}
	l.packet(&h, payload, role, at)
}

// role is what a payload type means on this leg.
type role uint8

const (
	roleNone role = iota
	roleAudio
	roleEvent
	roleComfort
)

func (l *Leg) role(pt uint8) role {
	switch {
	case pt == l.params.RecvPT:
		return roleAudio
	case int(pt) == l.params.EventRecvPT:
		return roleEvent
	case int(pt) == l.params.CNPT || pt == 13:
		return roleComfort
	}
	return roleNone
}

// packet takes a valid packet of the peer. mu is held.
func (l *Leg) packet(h *rtpHeader, payload []byte, role role, at int64) {
	if l.params.Codec == Opus {
		h.ts = l.opusClock.units(h.ts)
	}
	l.counts.PacketsIn++
	l.counts.BytesIn += uint64(len(payload))
	l.last = l.engine.clock.start.Add(time.Duration(at))
	switch {
	case !l.recv.known:
		l.recv.begin(h)
	case h.ssrc != l.recv.ssrc:
		l.newSource(h)
	default:
		duplicate, jump := l.recv.add(h.seq)
		if jump {
			l.newSource(h)
		}
		if duplicate {
			l.counts.Duplicates++
			if role != roleEvent { // some senders repeat the number on the end of an event
				return
			}
		}
	}
	switch role {
	case roleEvent:
		l.jitter.dtx = true // many send no sound meanwhile
		l.events.packet(l, h, payload, at)
		return
	case roleComfort:
		l.jitter.silence(h.ts, at)
		l.decoder.comfort.set(payload)
	default:
		if l.params.Direction.Receives() && l.put(h.ts, payload, at) {
			l.broke = true
		}
	}
	l.recv.arrive(h.ts, at)
}

// put gives a payload to the jitter buffer. mu is held.
func (l *Leg) put(ts uint32, payload []byte, at int64) (broke bool) {
	if l.params.Codec != Opus {
		return l.jitter.put(ts, payload, at)
	}
	units := opus.Samples(payload, 8000)
	if units <= 0 || len(payload) > opusMax {
		l.counts.Malformed++
		return false
	}
	pos, taken, broke := l.jitter.hold(ts, units, nil, at)
	if broke {
		l.decoder.forget()
	}
	if taken {
		l.decoder.opus.store.put(pos, int64(units), payload)
	}
	return broke
}

// newSource begins anew with another SSRC or another row of sequence numbers; what
// was lost so far stays counted. mu is held.
func (l *Leg) newSource(h *rtpHeader) {
	l.counts.Lost += uint64(max(0, l.recv.lost()))
	l.control.expected += uint64(l.recv.expected())
	l.recv.begin(h)
	l.jitter.reset()
	l.decoder.forget()
	l.broke = true
}

// playOut makes this tick's frame. mu is held.
func (l *Leg) playOut(w *walker) {
	rx, d := &l.rx, &l.decoder
	rx.kind = playNothing
	if l.params.Direction.Receives() {
		rx.kind = l.jitter.get(w.at, d.quiet)
	} else if l.jitter.started {
		l.jitter.reset()
		l.decoder.forget()
		rx.kind = playNothing
	}
	rx.code = rx.kind == playData && d.codec != Opus && l.jitter.missing() == 0
	if rx.code {
		copy(rx.data[:], l.jitter.out[:frameUnits])
	}
	rx.noise, rx.codec = d.plc.floor, d.codec
	listen := l.listened()
	rx.levels = l.levels.any()
	if !d.codec.narrow() && !listen && !rx.levels {
		if rx.kind == playFast && d.codec == G722 { // nobody decodes: cut the code short
			rx.code = true
			copy(rx.data[:], l.jitter.out[:frameUnits])
		}
		rx.n, rx.isWide, d.idle = 0, false, true
		l.count(rx.kind)
		return
	}
	if d.idle {
		d.idle, l.broke = false, true
		if d.codec == G722 { // of Opus only the queue is old
			d.g722.Reset()
		}
	}
	rx.n = d.samples()
	d.play(rx.kind, &l.jitter, rx.native[:rx.n])
	l.count(rx.kind)
	l.flag()
	if rx.levels {
		rx.power = audio.Power(rx.native[:rx.n])
	}
	rx.isWide = listen
	if listen {
		l.widen(w)
	}
}

// listened says whether anybody wants this leg's sound as frames. mu is held.
func (l *Leg) listened() bool {
	if l.taps.any() || l.inband.Load() {
		return true
	}
	if m := l.seat.Load(); m != nil && !m.room.lean.Load() {
		return true
	}
	codec := Codec(l.codec.Load())
	if l.echo.Load() && (l.sent.any() || codec == Opus) {
		return true
	}
	return l.peer != nil && (l.peer.sent.any() || !codec.passes(Codec(l.peer.codec.Load())))
}

// flag says how this tick's sound came about. mu is held.
func (l *Leg) flag() {
	rx := &l.rx
	rx.flags = 0
	switch {
	case rx.kind == playNothing || rx.kind == playGap:
		rx.flags = audio.Silent
	case rx.kind == playLost, rx.kind == playWait && l.jitter.dry > 0, rx.kind == playData && l.jitter.missing() >= frameUnits/2:
		rx.flags = audio.Concealed
	}
	if rx.n == narrowLen {
		rx.flags |= audio.Narrow
	}
}

// widen makes the frame of 16 kHz. mu is held.
func (l *Leg) widen(w *walker) {
	rx := &l.rx
	f := &rx.frame
	f.Seq = uint64(w.tick - l.firstTick)
	f.Flags = rx.flags
	if l.broke && rx.kind != playNothing {
		f.Flags |= audio.Break
		l.broke = false
	}
	if rx.n == narrowLen {
		l.decoder.up.Process(f.PCM[:], rx.native[:narrowLen])
	} else {
		copy(f.PCM[:], rx.native[:])
	}
	if l.inband.Load() {
		if key, frames := l.inbandDet.Write(f); key != 0 {
			l.digit(key, time.Duration(frames)*tick, "inband", w.mono)
		}
	}
}

// count adds up what had to be invented. mu is held.
func (l *Leg) count(kind playKind) {
	switch {
	case kind == playLost || kind == playWait && l.jitter.dry > 0:
		l.concealed += frameUnits
	case kind == playData:
		l.concealed += uint64(l.jitter.missing())
	}
}

// digit hands a key press to whoever reads Digits, and to the leg it is relayed to; the
// same press told in two ways counts once. mu is held.
func (l *Leg) digit(key byte, held time.Duration, source string, at int64) {
	if l.presses.twice(key, source, at) {
		return
	}
	l.counts.Digits++
	if to := l.relayTo.Load(); to != nil {
		if !to.relay(key, source) {
			l.counts.DigitsDropped++
		}
	}
	select {
	case l.digits <- Digit{Key: key, Duration: held, Source: source, At: l.engine.clock.start.Add(time.Duration(at))}:
	default:
		l.counts.DigitsDropped++
	}
}
