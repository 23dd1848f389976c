package media

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// eventSender is one vendor's way to send a key press; it returns packets with send times.
type eventSender struct {
	name string
	send func(p *pressed) []eventPacket
}

type pressed struct {
	code byte
	at   int64  // ns
	ts   uint32 // at the press
	seq  *uint16
	dur  int // units
}

type eventPacket struct {
	at      int64
	h       rtpHeader
	payload []byte
}

func (p *pressed) packet(at int64, ts uint32, marker, end bool, dur int, sameSeq bool) eventPacket {
	if !sameSeq {
		*p.seq++
	}
	return eventPacket{p.at + at, rtpHeader{pt: 101, marker: marker, seq: *p.seq, ts: ts, ssrc: 5}, eventPayload(p.code, end, dur)}
}

// updates are the growing packets of a press, one every step units.
func (p *pressed) updates(step int, marker bool) (out []eventPacket) {
	for d := step; d <= p.dur; d += step {
		out = append(out, p.packet(int64(d-step)*unit, p.ts, marker && d == step, false, d, false))
	}
	return out
}

func (p *pressed) ends(gap int64, sameSeq, newTS bool) (out []eventPacket) {
	for i := range 3 {
		ts := p.ts
		if newTS {
			ts += uint32(p.dur + i*int(gap/unit))
		}
		out = append(out, p.packet(int64(p.dur)*unit+int64(i)*gap, ts, false, true, p.dur, sameSeq && i > 0))
	}
	return out
}

var eventSenders = []eventSender{
	{"standard", func(p *pressed) []eventPacket { return append(p.updates(160, true), p.ends(20*ms, false, false)...) }},
	{"ends at once", func(p *pressed) []eventPacket { return append(p.updates(160, true), p.ends(0, false, false)...) }},
	{"same sequence number on ends", func(p *pressed) []eventPacket { return append(p.updates(160, true), p.ends(20*ms, true, false)...) }},
	{"new timestamps on ends", func(p *pressed) []eventPacket { return append(p.updates(160, true), p.ends(20*ms, false, true)...) }},
	{"no marker", func(p *pressed) []eventPacket { return append(p.updates(160, false), p.ends(20*ms, false, false)...) }},
	{"marker on all", func(p *pressed) []eventPacket {
		out := append(p.updates(160, true), p.ends(20*ms, false, false)...)
		for i := range out {
			out[i].h.marker = true
		}
		return out
	}},
	{"no end", func(p *pressed) []eventPacket { return p.updates(160, true) }},
	{"every 50 ms", func(p *pressed) []eventPacket { return append(p.updates(400, true), p.ends(50*ms, false, false)...) }},
}

// feed plays packets into a leg's receiver with ticks between, and returns the keys.
func feed(packets []eventPacket, until int64) (keys string, digits []Digit) {
	e := &Engine{}
	e.clock.start = time.Unix(0, 0)
	l := &Leg{engine: e, digits: make(chan Digit, 1000)}
	l.events.set(101)
	l.recv.known = false
	for now := int64(0); now < until; now += 20 * ms {
		for len(packets) > 0 && packets[0].at <= now {
			p := packets[0]
			packets = packets[1:]
			l.packet(&p.h, p.payload, roleEvent, p.at)
		}
		l.events.tick(l, now)
	}
	close(l.digits)
	for d := range l.digits {
		keys += string(d.Key)
		digits = append(digits, d)
	}
	return keys, digits
}

// 12 keys by 8 kinds of sender with 0 to 20 % loss: digits out are digits in.
func TestDigitsOfAllSenders(t *testing.T) {
	const keys = "0123456789*#"
	rnd := rand.New(rand.NewPCG(7, 7))
	for _, s := range eventSenders {
		for _, loss := range []int{0, 1, 5, 10, 20} {
			for round := range 20 {
				want := keys
				if round%2 == 1 { // doubles must stay doubles
					want = "00112233*#55"
				}
				var seq uint16
				var row []eventPacket
				at, ts := int64(100*ms), uint32(0xffffffff-9000)
				for _, k := range want {
					p := pressed{code: byte(strings.IndexRune(eventKeys, k)), at: at, ts: ts, seq: &seq, dur: 1280}
					for _, pkt := range s.send(&p) {
						if rnd.IntN(100) >= loss {
							row = append(row, pkt)
						}
					}
					pause := 260 * ms // longer than the 200 ms of silence that end a press
					at += 160*ms + pause
					ts += uint32((160*ms + pause) / unit)
				}
				if got, _ := feed(row, at+500*ms); got != want {
					t.Fatalf("%s, %d %% loss: %q, want %q", s.name, loss, got, want)
				}
			}
		}
	}
}

// Fast typing: 60 ms tones with 60 ms pauses.
func TestDigitsFast(t *testing.T) {
	for _, s := range eventSenders {
		if s.name == "no end" || s.name == "every 50 ms" {
			continue
		}
		var seq uint16
		var row []eventPacket
		at, ts := int64(0), uint32(1)
		const want = "5555123321"
		for _, k := range want {
			p := pressed{code: byte(k - '0'), at: at, ts: ts, seq: &seq, dur: 480}
			row = append(row, s.send(&p)...)
			at += 120 * ms
			ts += uint32(120 * ms / unit)
		}
		sortEvents(row)
		if got, _ := feed(row, at+time.Second.Nanoseconds()); got != want {
			t.Errorf("%s: %q, want %q", s.name, got, want)
		}
	}
}

func sortEvents(r []eventPacket) {
	for i := 1; i < len(r); i++ {
		for k := i; k > 0 && r[k].at < r[k-1].at; k-- {
			r[k], r[k-1] = r[k-1], r[k]
		}
	}
}

// A press of 20 s is one digit: segments of 8 s with new timestamps (RFC 4733 section
// 2.5.1.3), or a duration that stays at its largest.
func TestDigitsLongPress(t *testing.T) {
	for _, segmented := range []bool{true, false} {
		var seq uint16
		var row []eventPacket
		total := 20 * 8000
		p := pressed{code: 7, ts: 5000, seq: &seq}
		base, begin := p.ts, 0
		for d := 160; d <= total; d += 160 {
			if segmented && d-begin > 0xffff {
				begin = d - 160
				base = p.ts + uint32(begin)
			}
			row = append(row, p.packet(int64(d-160)*unit, base, d == 160, false, d-begin, false))
		}
		for range 3 {
			row = append(row, p.packet(int64(total)*unit, base, false, true, total-begin, false))
		}
		got, digits := feed(row, 22e9)
		if got != "7" {
			t.Fatalf("segmented %v: %q", segmented, got)
		}
		if d := digits[0].Duration; segmented && (d < 19*time.Second || d > 21*time.Second) {
			t.Errorf("lasted %v", d)
		}
	}
}

// Keys that we send are heard by another leg: as events, and as tones when no events were agreed.
func TestSendDigits(t *testing.T) {
	const keys = "159#0,ABCD22*"
	for _, inband := range []bool{false, true} {
		t.Run(fmt.Sprint("inband ", inband), func(t *testing.T) {
			r := newRig(t)
			a, b := r.leg(plain(PCMU, newParty(t, PCMU).addr())), r.leg(plain(PCMU, newParty(t, PCMU).addr()))
			xa, xb := plain(PCMU, b.Local()), plain(PCMU, a.Local())
			if inband {
				b.DetectInband(true)
			} else {
				xa.EventPT, xb.EventRecvPT = 97, 97
			}
			if err := a.Configure(xa); err != nil {
				t.Fatal(err)
			}
			if err := b.Configure(xb); err != nil {
				t.Fatal(err)
			}
			done := make(chan error, 1)
			// Ends when all keys were sent.
			go func() { done <- a.SendDigits(context.Background(), keys) }()
			var err error
			for sent := false; !sent; {
				r.step(1)
				select {
				case err = <-done:
					sent = true
				default:
				}
				if r.n > 1e6 {
					t.Fatal("never sent")
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			r.step(30)
			var got string
			source := ""
			for len(b.Digits()) > 0 {
				d := <-b.Digits()
				got += string(d.Key)
				source = d.Source
				if d.Duration < 60*time.Millisecond || d.Duration > 140*time.Millisecond {
					t.Errorf("key %c lasted %v", d.Key, d.Duration)
				}
			}
			if want := strings.ReplaceAll(keys, ",", ""); got != want {
				t.Errorf("%s: got %q, want %q", source, got, want)
			}
		})
	}
}

func TestSendDigitsEndsWithTheContext(t *testing.T) {
	r := newRig(t)
	a := r.leg(plain(PCMU, newParty(t, PCMU).addr()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := a.SendDigits(ctx, "1"); err == nil {
		t.Error("no error")
	}
	if err := a.SendDigits(context.Background(), "1x"); err == nil {
		t.Error("x is no key")
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte{1, 10, 0, 160, 20, 1, 0x8a, 0, 160, 20})
	f.Add([]byte{255, 255, 255, 255, 0, 16, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var row []eventPacket
		at, presses := int64(0), 0
		for seq := uint16(0); len(data) >= 5; data = data[5:] {
			seq++
			presses++
			row = append(row, eventPacket{at, rtpHeader{pt: 101, seq: seq, ts: uint32(data[4]) << 6, ssrc: 5}, data[:4]})
			at += int64(data[4]%60) * ms
		}
		got, _ := feed(row, at+time.Second.Nanoseconds())
		if len(got) > presses {
			t.Fatalf("%d digits of %d packets", len(got), presses)
		}
	})
}
