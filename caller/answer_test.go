package caller

import (
	"context"
	"math"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"tingxin/audio"
)

// answering starts an agent that takes calls and hands out what they were like.
func answering(t *testing.T, cfg CallConfig) (*Agent, chan Report) {
	t.Helper()
	ended := make(chan Report, 16)
	a := New(Config{T1: 50 * time.Millisecond, Answer: func(number string) (CallConfig, bool) { return cfg, number == "100" },
		Answered: func(_ string, r Report) { ended <- r }}, nil)
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a, ended
}

// babble is noise of low tones, found at one place only: a sweep is also like itself
// a period later.
func babble(d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*audio.Rate))
	audio.NewNoise(1).Fill(pcm, 9000)
	var low float64
	for i := range pcm {
		low += 0.3 * (float64(pcm[i]) - low)
		pcm[i] = int16(low)
	}
	return pcm
}

func uri(a *Agent, number string) string { return "sip:" + number + "@" + a.Addr().String() }

// TestTwoCallersTalk: each codec, from one of ours to another, with what is heard
// and how late. A delay above zero but below a frame and a half is all that two
// sockets on one machine can add to a codec's own.
func TestTwoCallersTalk(t *testing.T) {
	for _, codec := range Codecs() {
		t.Run(string(codec), func(t *testing.T) {
			callee, ended := answering(t, CallConfig{Codec: codec, Audio: babble(time.Second), Loop: true, MeasureDelay: true})
			r, err := start(t).Call(t.Context(), CallConfig{To: uri(callee, "100"), Codec: codec, Audio: babble(time.Second), Loop: true,
				Hold: 1200 * time.Millisecond, Record: true, MeasureDelay: true})
			if err != nil || !r.OK() {
				t.Fatal(err, r.Cause, r.Status)
			}
			other := <-ended
			if other.Cause != "remote" || other.Received < r.Sent-3 || r.Received < other.Sent-3 || r.Lost != 0 || other.Lost != 0 {
				t.Errorf("we sent %d, got %d; they sent %d, got %d; %s", r.Sent, r.Received, other.Sent, other.Received, other.Cause)
			}
			var sum float64
			for _, v := range r.Audio {
				sum += float64(v) * float64(v)
			}
			if level := math.Sqrt(sum / float64(max(1, len(r.Audio)))); level < 1000 || level > 9000 {
				t.Errorf("heard %d samples at a level of %.0f", len(r.Audio), level)
			}
			for name, delays := range map[string][]time.Duration{"there": Delays(&r, &other), "back": Delays(&other, &r)} {
				if len(delays) < 30 {
					t.Fatalf("%s: %d packets with a delay", name, len(delays))
				}
				slices.Sort(delays) // a single one is early when the frame before left late
				if d := delays[len(delays)/2]; d < 0 || d > 40*time.Millisecond {
					t.Errorf("%s: %v", name, d)
				}
			}
		})
	}
}

func TestCallsThatAreNotTaken(t *testing.T) {
	callee, _ := answering(t, CallConfig{Codec: G722})
	for number, want := range map[string]int{"100": 488, "200": 404} {
		if r, err := start(t).Call(t.Context(), CallConfig{To: uri(callee, number)}); err != nil || r.Status != want {
			t.Errorf("%s: %v %d, want %d", number, err, r.Status, want)
		}
	}
}

// TestOKIsRepeatedUntilAck: a caller that is deaf at first is one call; one that
// never acknowledges is hung up.
func TestOKIsRepeatedUntilAck(t *testing.T) {
	callee, ended := answering(t, CallConfig{})
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(callee.Addr()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	local := conn.LocalAddr().(*net.UDPAddr).AddrPort()
	sdp := offer(netip.MustParseAddrPort("127.0.0.1:9"), PCMU, 1)
	invite := "INVITE " + uri(callee, "100") + " SIP/2.0\r\nVia: SIP/2.0/UDP " + local.String() + ";branch=z9hG4bKx\r\nFrom: <sip:me@here>;tag=f\r\nTo: <" + uri(callee, "100") +
		">\r\nCall-ID: deaf\r\nCSeq: 1 INVITE\r\nContact: <sip:me@" + local.String() + ">\r\n\r\n" + sdp
	seen := map[string]int{}
	buf := make([]byte, 4096)
	for range 2 {
		if _, err := conn.Write([]byte(invite)); err != nil {
			t.Fatal(err)
		}
	}
	for seen["BYE"] == 0 {
		_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err, seen)
		}
		m, err := parse(buf[:n])
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case m.method == "BYE":
			seen["BYE"]++
			if _, err := conn.Write(m.reply(200, "OK", "", "", "")); err != nil {
				t.Fatal(err)
			}
		case m.status == 200:
			seen["200"]++
		}
	}
	if r := <-ended; r.Cause != "timeout" || seen["200"] < 6 {
		t.Errorf("%s after %d answers", r.Cause, seen["200"])
	}
}
