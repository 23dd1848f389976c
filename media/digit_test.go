package media

import (
	"testing"
	"time"
)

// keysOf takes the digits that wait.
func keysOf(l *Leg) (keys, sources string) {
	for {
		select {
		case d := <-l.Digits():
			keys += string(d.Key)
			sources += d.Source + " "
		default:
			return keys, sources
		}
	}
}

// A press told as an event and by INFO, or as a tone too, counts once, in any order;
// the same key pressed twice counts twice.
func TestDigitToldTwiceCountsOnce(t *testing.T) {
	r := newRig(t)
	l := r.leg(plain(PCMU, loopback(9)))
	tell := func(key byte, source string) {
		if source == "info" {
			must(t, l.PushDigit(key, 0))
			return
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		l.digit(key, 0, source, r.n*tickNS)
	}
	for _, c := range []struct {
		name  string
		tell  []string // source and key, "wait" for 2 s
		keys  string
		ticks int
	}{
		{"event then info", []string{"rfc4733 5", "info 5"}, "5", 0},
		{"info then event", []string{"info 5", "rfc4733 5"}, "5", 0},
		{"two presses each told twice", []string{"rfc4733 5", "rfc4733 5", "info 5", "info 5"}, "55", 0},
		{"mixed", []string{"rfc4733 5", "info 5", "rfc4733 5", "info 5"}, "55", 0},
		{"info only", []string{"info 1", "info 1", "info 2"}, "112", 0},
		{"tone and event", []string{"inband 7", "rfc4733 7"}, "7", 0},
		{"much later is another press", []string{"rfc4733 5", "wait", "info 5"}, "55", 0},
		{"different keys", []string{"rfc4733 1", "info 2"}, "12", 0},
	} {
		r.step(100)
		for _, s := range c.tell {
			if s == "wait" {
				r.step(100)
				continue
			}
			tell(s[len(s)-1], s[:len(s)-2])
		}
		if keys, sources := keysOf(l); keys != c.keys {
			t.Errorf("%s: %q from %s", c.name, keys, sources)
		}
	}
	if l.PushDigit('x', 0) == nil {
		t.Error("x is no key")
	}
}

// Keys go from leg to leg in the way each has: event to tone, event to event of another
// clock, tone to event, INFO to event. A tone is not made again where it is heard.
func TestRelayDigits(t *testing.T) {
	events := func(c Codec, pt int) Params {
		p := plain(c, loopback(9))
		p.EventPT, p.EventRecvPT = pt, pt
		return p
	}
	for _, c := range []struct {
		name     string
		from, to Params
		source   string
		want     bool
	}{
		{"event to tone", events(PCMU, 101), plain(PCMA, loopback(9)), "rfc4733", true},
		{"event to event", events(PCMU, 101), events(Opus, 110), "rfc4733", true},
		{"tone to event", plain(PCMU, loopback(9)), events(PCMA, 96), "inband", true},
		{"info to tone", plain(PCMU, loopback(9)), plain(PCMA, loopback(9)), "info", true},
		{"tone to tone", plain(PCMU, loopback(9)), plain(PCMA, loopback(9)), "inband", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			from, to := r.leg(c.from), r.leg(c.to)
			far := r.leg(plain(c.to.Codec, to.Local())) // the far end of to
			fp := c.to
			fp.Remote = to.Local()
			configure(t, far, fp)
			tp := c.to
			tp.Remote = far.Local()
			configure(t, to, tp)
			far.DetectInband(true)
			b := Join(from, to)
			defer b.Close()
			b.RelayDigits(true)
			r.step(10)
			for _, key := range []byte("4#") {
				from.mu.Lock()
				from.digit(key, 100*time.Millisecond, c.source, r.n*tickNS)
				from.mu.Unlock()
				r.step(30)
			}
			r.step(20)
			want := ""
			if c.want {
				want = "4#"
			}
			if keys, sources := keysOf(far); keys != want {
				t.Errorf("the far end got %q by %s", keys, sources)
			}
			if keys, _ := keysOf(from); keys != "4#" {
				t.Errorf("Digits delivered %q", keys)
			}
		})
	}
}
