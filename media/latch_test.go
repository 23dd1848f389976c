package media

import (
	"net/netip"
	"testing"

	"tingxin/audio"
)

// Packets from a third host pass no sound, before and after the latch, and are counted.
func TestLatchAttack(t *testing.T) {
	r := newRig(t)
	p := newParty(t, PCMA)
	evil := newPartyAt(t, PCMA, "127.0.0.66")
	l := r.leg(plain(PCMA, p.addr()))
	l.Echo(true)
	var tap collector
	defer l.AddTap(&tap)()
	good, bad := audio.Sine(1000, -10, 0), audio.Sine(600, -10, 0)
	for range 20 { // before: nobody has spoken yet
		evil.talk(bad, l)
		r.step(1)
	}
	if s := l.Stats(); s.Rejected != 20 || s.PacketsIn != 0 || !l.Activity().Never() {
		t.Errorf("before: %+v", s)
	}
	evil.ssrc = p.ssrc
	for range 100 { // after, with the right SSRC
		p.talk(good, l)
		evil.seq, evil.ts = p.seq, p.ts
		evil.talk(bad, l)
		r.step(1)
	}
	if s := l.Stats(); s.Rejected != 120 || s.PacketsIn != 100 {
		t.Errorf("after: %+v", s)
	}
	if got := evil.listen(); len(got) != 0 {
		t.Errorf("the attacker heard %d packets", len(got))
	}
	pcm := tap.pcm()
	if tone, _ := toneDB(pcm[:20*320], 600); tone > -80 {
		t.Errorf("attacker audible before: %.1f dB", tone)
	}
	tone, _ := toneDB(last(pcm, 16000), 1000)
	if other, _ := toneDB(last(pcm, 16000), 600); tone < -11 || other > -70 {
		t.Errorf("good %.1f dB, attacker %.1f dB", tone, other)
	}
	if got := p.listen(); len(got) != 120 {
		t.Errorf("the peer got %d packets of 120", len(got))
	}
}

// A peer behind NAT speaks from another port or, when its SDP names a private
// address, another host; after a re-INVITE it may move.
func TestLatchFollowsNAT(t *testing.T) {
	r := newRig(t)
	sdp := netip.MustParseAddrPort("10.1.2.3:4000")
	p := newParty(t, PCMU)
	l := r.leg(plain(PCMU, sdp))
	tone := audio.Sine(1000, -10, 0)
	for range 60 {
		p.talk(tone, l)
		r.step(1)
	}
	if n := len(p.listen()); n != 60 {
		t.Fatalf("peer behind NAT heard %d of 60", n)
	}
	moved := newParty(t, PCMU)
	moved.talk(tone, l)
	r.step(1)
	if l.Stats().Rejected != 1 || len(moved.listen()) != 0 {
		t.Fatal("the lock did not hold")
	}
	x := l.Params()
	x.Relatch = true
	if err := l.Configure(x); err != nil {
		t.Fatal(err)
	}
	p.talk(tone, l) // a late packet of the old place must not lock it again
	r.step(1)
	if len(p.listen()) < 1 {
		t.Error("until the peer is heard from elsewhere the old place is right")
	}
	for range 20 {
		moved.talk(tone, l)
		r.step(1)
	}
	if n := len(moved.listen()); n != 20 {
		t.Errorf("after the move the peer heard %d of 20", n)
	}
	p.listen()
	p.talk(tone, l)
	r.step(1)
	if len(p.listen()) != 0 || l.Stats().Rejected != 2 {
		t.Error("the old place is still heard")
	}
}

func TestLatchRules(t *testing.T) {
	ap := netip.MustParseAddrPort
	for name, c := range map[string]struct {
		sdp, signal string
		from        []string
		want        []bool
	}{
		"from sdp":             {"198.51.100.1:5000", "", []string{"198.51.100.1:5000", "198.51.100.1:5002"}, []bool{true, false}},
		"other port":           {"198.51.100.1:5000", "", []string{"198.51.100.1:7000", "203.0.113.9:5000"}, []bool{true, false}},
		"sdp wins":             {"198.51.100.1:5000", "", []string{"198.51.100.1:7000", "198.51.100.1:5000", "198.51.100.1:7000"}, []bool{true, true, false}},
		"signalling host":      {"198.51.100.1:5000", "203.0.113.9", []string{"203.0.113.8:1", "203.0.113.9:1"}, []bool{false, true}},
		"private sdp":          {"192.168.1.2:5000", "", []string{"203.0.113.9:1", "203.0.113.9:2"}, []bool{true, false}},
		"private and signal":   {"192.168.1.2:5000", "203.0.113.9", []string{"203.0.113.8:1", "203.0.113.9:7"}, []bool{false, true}},
		"public sdp, stranger": {"198.51.100.1:5000", "", []string{"203.0.113.9:5000"}, []bool{false}},
	} {
		var l latch
		var signal netip.Addr
		if c.signal != "" {
			signal = netip.MustParseAddr(c.signal)
		}
		l.open(ap(c.sdp), signal)
		for i, from := range c.from {
			if got, _ := l.accept(ap(from)); got != c.want[i] {
				t.Errorf("%s: %s accepted %v", name, from, got)
			}
		}
	}
}
