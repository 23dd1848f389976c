package media

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"

	"tingxin/audio"
)

// Lengths of a key press that we send, in ticks of 20 ms.
const (
	keyOn    = 5  // 100 ms of tone
	keyOff   = 4  // 80 ms between keys, the end packets in it
	keyPause = 25 // a comma
	keyEnds  = 3  // times the end is said
)

// keySend is a row of keys being sent; it belongs to the clock once handed over.
type keySend struct {
	codes []byte // event codes; 255 is a pause
	tones []*audio.Tone
	key   int
	tick  int // within the key
	ts    uint32
	done  chan struct{}
}

// SendDigits presses keys ("0123456789*#ABCD", ',' is a pause of 500 ms) one after the
// other, as RFC 4733 events or, when not agreed, as tones. It returns when the last was sent.
func (l *Leg) SendDigits(ctx context.Context, keys string) error {
	k := &keySend{done: make(chan struct{})}
	for _, r := range strings.ToUpper(keys) {
		code := strings.IndexRune(eventKeys, r)
		switch {
		case r == ',':
			code = 255
		case code < 0:
			return fmt.Errorf("leg %s: send digits: %q is no key", l.id, r)
		}
		k.codes = append(k.codes, byte(code))
		k.tones = append(k.tones, audio.DTMF(byte(r), keyOn*tick, keyOff*tick))
	}
	if len(k.codes) == 0 {
		return nil
	}
	l.dialMu.Lock()
	defer l.dialMu.Unlock()
	if !l.setKeys(k) {
		return fmt.Errorf("leg %s: send digits: %w", l.id, ErrClosed)
	}
	select {
	case <-k.done:
		return nil
	case <-l.ended:
		return fmt.Errorf("leg %s: send digits: %w", l.id, ErrClosed)
	case <-ctx.Done():
		l.setKeys(nil)
		return fmt.Errorf("leg %s: send digits: %w", l.id, context.Cause(ctx))
	}
}

// relay presses a key of another leg here; false says that too many wait. It runs under the other leg's lock, so it takes none.
func (l *Leg) relay(key byte, source string) (ok bool) {
	code := strings.IndexByte(eventKeys, key)
	if code < 0 || source == "inband" && !l.hasEvents.Load() {
		return true
	}
	k := &keySend{done: make(chan struct{}), codes: []byte{byte(code)}, tones: []*audio.Tone{audio.DTMF(key, keyOn*tick, keyOff*tick)}}
	select {
	case l.relayed <- k:
		return true
	default:
		return false
	}
}

func (l *Leg) setKeys(k *keySend) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.tx.keys = k
	return true
}

// step sends one tick of the row. tone says that the key is to be heard: w.frame
// holds it. busy is false when sound goes on as usual. mu is held.
func (k *keySend) step(l *Leg, w *walker) (tone, busy bool) {
	if k.key == len(k.codes) {
		l.tx.keys = nil
		close(k.done)
		return false, false
	}
	code, n := k.codes[k.key], k.tick
	k.tick++
	switch {
	case code == 255:
		if k.tick == keyPause {
			k.key, k.tick = k.key+1, 0
		}
		return false, false
	case k.tick == keyOn+keyOff:
		k.key, k.tick = k.key+1, 0
	}
	if l.tx.event < 0 {
		tone = k.tones[k.current(n)].ReadFrame(&w.frame) == nil
		return tone, tone
	}
	if n == 0 {
		k.ts = l.tx.ts
	}
	if n >= keyOn+keyEnds {
		return false, false
	}
	k.event(l, w, code, n)
	return false, true
}

// current is the index of the key whose tick n was just counted.
func (k *keySend) current(n int) int {
	if n == keyOn+keyOff-1 {
		return k.key - 1
	}
	return k.key
}

// event sends packet n of a press: growing durations, then the end three times.
func (k *keySend) event(l *Leg, w *walker, code byte, n int) {
	b := l.tx.out[:rtpHeaderLen+4]
	b[rtpHeaderLen] = code
	b[rtpHeaderLen+1] = 10 // -10 dBm0
	if n >= keyOn {
		b[rtpHeaderLen+1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[rtpHeaderLen+2:], uint16(min(n+1, keyOn)*frameUnits*int(l.tx.codec.scale())))
	h := rtpHeader{marker: n == 0, pt: uint8(l.tx.event), ts: k.ts}
	l.emit(w, &h, b)
	l.tx.marker = true
}
