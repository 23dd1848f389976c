package media

import "sync"

// Bridge joins two legs: each hears the other.
type Bridge struct {
	a, b *Leg
	once sync.Once
}

// Join bridges two legs of the same engine. Payloads are forwarded as they are when
// both use the same codec, otherwise transcoded. Taps, recordings and prompts go on;
// a prompt played on a leg replaces the bridged sound there. A leg that was bridged
// before now belongs to the new bridge.
func Join(a, b *Leg) *Bridge {
	a.join(b)
	b.join(a)
	a.engine.bridges.Add(1)
	return &Bridge{a: a, b: b}
}

func (l *Leg) join(o *Leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.peer = o
}

// part ends the bridge to o, if it still is the present one.
func (l *Leg) part(o *Leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.peer == o {
		l.peer = nil
	}
}

// RelayDigits presses the keys that come on one leg again on the other, each in the way
// that leg has: as RFC 4733 events, or as tones where none were agreed. It counts whatever
// way the key came by (event, PushDigit, tone found by DetectInband); a tone is not made
// again on a leg that hears it anyway. Digits still delivers them.
func (b *Bridge) RelayDigits(on bool) {
	if !on {
		b.a.relayTo.CompareAndSwap(b.b, nil)
		b.b.relayTo.CompareAndSwap(b.a, nil)
		return
	}
	b.a.relayTo.Store(b.b)
	b.b.relayTo.Store(b.a)
}

// Close parts the legs. Twice is fine.
func (b *Bridge) Close() {
	b.once.Do(func() {
		b.RelayDigits(false)
		b.a.part(b.b)
		b.b.part(b.a)
		b.a.engine.bridges.Add(-1)
	})
}
