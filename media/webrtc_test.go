package media

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"

	"tingxin/audio"
)

// A tone in each direction, whoever offers, in every codec; keys are GCM.
func TestWebRTCBothWays(t *testing.T) {
	for _, offers := range []bool{true, false} {
		for _, c := range []Codec{PCMU, PCMA, G722, Opus} {
			t.Run(fmt.Sprintf("%v browser offers %v", c, offers), func(t *testing.T) {
				t.Parallel()
				e := liveEngine(t)
				l := webLeg(t, e)
				l.PreferCodecs(c)
				var tap syncTap
				defer l.AddTap(&tap)()
				l.Play(audio.Sine(600, -10, 0))
				b := newBrowser(t, c, 1000)
				began := time.Now()
				b.call(l, offers)
				secured(t, l)
				t.Logf("keys after %v", time.Since(began))
				time.Sleep(1500 * time.Millisecond)
				checkLive(t, "we hear the browser", tap.take(), 1000, 600)
				got := b.take()
				checkLive(t, "the browser hears us", b.pcm(got), 600, 1000)
				s := l.Stats()
				if !strings.HasPrefix(s.Suite, "AEAD_AES_") {
					t.Errorf("protected by %q", s.Suite)
				}
				if s.SRTPFailed != 0 || s.Lost > 5 || s.Rejected != 0 || l.Params().Codec != c {
					t.Errorf("%+v", s)
				}
				if err := l.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// Hold and resume from either side; our answer to sendonly is recvonly, and nothing is sent while held.
func TestWebRTCHold(t *testing.T) {
	t.Parallel()
	e := liveEngine(t)
	l := webLeg(t, e)
	var tap syncTap
	defer l.AddTap(&tap)()
	l.Play(audio.Sine(600, -10, 0))
	b := newBrowser(t, PCMU, 1000)
	l.PreferCodecs(PCMU)
	b.call(l, true)
	secured(t, l)
	offer := b.offer(nil)
	for _, c := range []struct {
		theirs       string
		ours         Direction
		sends, hears bool
	}{
		{"sendonly", RecvOnly, false, true}, {"inactive", Inactive, false, false},
		{"recvonly", SendOnly, true, false}, {"sendrecv", SendRecv, true, true},
	} {
		answer, err := l.AcceptOffer(t.Context(), []byte(strings.Replace(offer, "a=sendrecv", "a="+c.theirs, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(answer), "a="+c.ours.String()+"\r\n") || l.Params().Direction != c.ours {
			t.Fatalf("%s is answered %v:\n%s", c.theirs, l.Params().Direction, answer)
		}
		time.Sleep(100 * time.Millisecond)
		b.take()
		tap.take()
		if n := came(b, c.sends); (n > 20) != c.sends || !c.sends && n > 0 {
			t.Errorf("%s: %d packets came", c.theirs, n)
		}
		if rms := soundOf(&tap, c.hears); (rms > 5000) != c.hears {
			t.Errorf("%s: heard at rms %.0f", c.theirs, rms)
		}
	}
	b.remote(pion.SDPTypeAnswer, mustAnswer(t, l, offer))

	// We hold the browser, then resume.
	for _, d := range []Direction{SendOnly, SendRecv} {
		l.SetDirection(d)
		b.call(l, false)
		if got := l.Params().Direction; got != d {
			t.Errorf("direction %v, want %v", got, d)
		}
		time.Sleep(100 * time.Millisecond)
		tap.take()
		b.take()
		if rms := soundOf(&tap, d.Receives()); (rms > 5000) != d.Receives() {
			t.Errorf("%v: heard at rms %.0f", d, rms)
		}
		if n := came(b, true); n < 20 {
			t.Errorf("%v: %d packets", d, n)
		}
	}
}

// came counts the packets that a browser gets: in half a second when there should
// be none, else until there are enough, which a busy machine may take its time for.
func came(b *browser, wanted bool) (n int) {
	for end := time.Now().Add(6 * time.Second); ; {
		time.Sleep(500 * time.Millisecond)
		if n += len(b.take()); !wanted || n > 20 || time.Now().After(end) {
			return n
		}
	}
}

// soundOf is the level of half a second that a tap hears, tried again while a sound should be there.
func soundOf(tap *syncTap, wanted bool) (rms float64) {
	for end := time.Now().Add(6 * time.Second); ; {
		time.Sleep(500 * time.Millisecond)
		if rms = audio.RMS(tap.take()); !wanted || rms > 5000 || time.Now().After(end) {
			return rms
		}
	}
}

func mustAnswer(t *testing.T, l *Leg, offer string) []byte {
	t.Helper()
	answer, err := l.AcceptOffer(t.Context(), []byte(offer))
	if err != nil {
		t.Fatal(err)
	}
	again, err := l.AcceptOffer(t.Context(), []byte(offer))
	if err != nil || string(again) != string(answer) {
		t.Fatalf("the same offer is answered differently: %v\n%s\n%s", err, answer, again)
	}
	return answer
}

// An ICE restart by either side keeps fingerprint, SSRC and sound.
func TestWebRTCRestart(t *testing.T) {
	for _, offers := range []bool{true, false} {
		t.Run(fmt.Sprintf("browser restarts %v", offers), func(t *testing.T) {
			t.Parallel()
			e := liveEngine(t)
			l := webLeg(t, e)
			l.PreferCodecs(PCMA)
			var tap syncTap
			defer l.AddTap(&tap)()
			l.Play(audio.Sine(600, -10, 0))
			b := newBrowser(t, PCMA, 1000)
			b.call(l, true)
			secured(t, l)
			time.Sleep(300 * time.Millisecond)
			b.take()
			tap.take()
			ufrag, _, _ := l.web.agent.GetLocalUserCredentials()
			if offers {
				answer, err := l.AcceptOffer(t.Context(), []byte(b.offer(&pion.OfferOptions{ICERestart: true})))
				if err != nil {
					t.Fatal(err)
				}
				b.remote(pion.SDPTypeAnswer, answer)
			} else {
				l.RestartICE()
				b.call(l, false)
			}
			if now, _, _ := l.web.agent.GetLocalUserCredentials(); now == ufrag {
				t.Error("the credentials are the old ones")
			}
			time.Sleep(1500 * time.Millisecond)
			heard, got := b.take(), tap.take()
			if len(heard) < 60 {
				t.Errorf("the browser heard %d packets in 1.5 s", len(heard))
			}
			for i := 1; i < len(heard); i++ {
				if heard[i].h.ssrc != heard[0].h.ssrc {
					t.Fatal("another SSRC")
				}
			}
			checkLive(t, "after the restart we hear the browser", last(got, 16000), 1000, 600)
			t.Logf("%d frames without sound", silence(got))
			if n := silence(got); n > 25 {
				t.Errorf("%d of %d frames were silent", n, len(got)/320)
			}
		})
	}
}

// silence counts 20 ms frames without sound.
func silence(pcm []int16) (n int) {
	for i := 0; i+320 <= len(pcm); i += 320 {
		if audio.RMS(pcm[i:i+320]) < 500 {
			n++
		}
	}
	return n
}

// What a browser's offer must have, and what others may bring along.
func TestWebRTCOffers(t *testing.T) {
	e := liveEngine(t)
	b := newBrowser(t, PCMU, 1000)
	offer := b.offer(nil)
	for name, change := range map[string]func(string) string{
		"mux":         func(s string) string { return strings.Replace(s, "a=rtcp-mux\r\n", "", 1) },
		"fingerprint": func(s string) string { return cutLines(s, "a=fingerprint") },
		"credentials": func(s string) string { return cutLines(s, "a=ice-pwd") },
		"profile":     func(s string) string { return strings.Replace(s, "UDP/TLS/RTP/SAVPF", "RTP/AVP", 1) },
		"audio":       func(s string) string { return strings.Replace(s, "m=audio", "m=video", 1) },
		"sdp":         func(string) string { return "nonsense" },
		"length":      func(s string) string { return s + strings.Repeat("a=x\r\n", 20000) },
	} {
		l := webLeg(t, e)
		_, err := l.AcceptOffer(t.Context(), []byte(change(offer)))
		if _, ok := errors.AsType[*UnacceptableError](err); !ok {
			t.Errorf("%s: %v", name, err)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	// A hidden address and a video line are no hindrance.
	l := webLeg(t, e)
	more := offer + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\na=rtpmap:96 VP8/90000\r\na=rtcp-mux\r\n"
	more = strings.Replace(more, "127.0.0.1", "0f9a3a0e-8b1c-4c1e-9d2a-1f0b3a6c7d88.local", 1)
	answer, err := l.AcceptOffer(t.Context(), []byte(more))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(answer), "m=video 0 ") || !strings.Contains(string(answer), "a=setup:active\r\n") || !strings.Contains(string(answer), "a=end-of-candidates\r\n") {
		t.Errorf("%s", answer)
	}
	if err := l.Configure(Params{}); err == nil {
		t.Error("a WebRTC leg is not configured by hand")
	}
}

// A browser that hides its addresses is found by its own checks (peer-reflexive).
func TestWebRTCHiddenAddress(t *testing.T) {
	t.Parallel()
	for _, offers := range []bool{true, false} {
		e := liveEngine(t)
		l := webLeg(t, e)
		l.PreferCodecs(PCMU)
		l.Play(audio.Sine(600, -10, 0))
		b := newBrowser(t, PCMU, 1000)
		hide := func(s string) string {
			return strings.ReplaceAll(cutLines(s, "a=candidate"), "a=end-of-candidates", "a=candidate:1 1 udp 2113937151 0f9a3a0e-8b1c-4c1e-9d2a-1f0b3a6c7d88.local 40000 typ host\r\na=end-of-candidates")
		}
		if offers {
			answer, err := l.AcceptOffer(t.Context(), []byte(hide(b.offer(nil))))
			must(t, err)
			b.remote(pion.SDPTypeAnswer, answer)
		} else {
			offer, err := l.Offer(t.Context())
			must(t, err)
			b.remote(pion.SDPTypeOffer, offer)
			answer := b.local(pion.SDPTypeAnswer, func() (pion.SessionDescription, error) { return b.pc.CreateAnswer(nil) })
			must(t, l.AcceptAnswer(t.Context(), []byte(hide(answer))))
		}
		secured(t, l)
		time.Sleep(800 * time.Millisecond)
		checkLive(t, "the browser hears us", b.pcm(b.take()), 600, 1000)
	}
}

// An answer may number the formats its own way: we send with its numbers and hear ours.
func TestWebRTCNumbersPerDirection(t *testing.T) {
	e := liveEngine(t)
	b := newBrowser(t, PCMU, 1000)
	for _, event := range []string{"101", "110", "126"} {
		l := webLeg(t, e)
		offer, err := l.Offer(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(offer), "a=setup:actpass") || !strings.Contains(string(offer), "a=candidate:") {
			t.Fatalf("%s", offer)
		}
		answer := cutLines(cutLines(cutLines(b.offerOnce(), "a=setup"), "a=rtpmap"), "a=fmtp")
		i := strings.Index(answer, "m=audio")
		j := i + strings.Index(answer[i:], "\r\n")
		answer = answer[:i] + "m=audio 9 UDP/TLS/RTP/SAVPF 0 " + event + answer[j:] + "a=setup:active\r\na=rtpmap:" + event + " telephone-event/8000\r\n"
		if err := l.AcceptAnswer(t.Context(), []byte(answer)); err != nil {
			t.Fatal(err)
		}
		p := l.Params()
		if p.Codec != PCMU || p.SendPT != 0 || p.RecvPT != 0 || fmt.Sprint(p.EventPT) != event || p.EventRecvPT != webEvent8k {
			t.Errorf("%s: %+v", event, p)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

var offerMu sync.Mutex

func (b *browser) offerOnce() string {
	offerMu.Lock()
	defer offerMu.Unlock()
	if d := b.pc.LocalDescription(); d != nil {
		return d.SDP
	}
	return b.offer(nil)
}

// Keys pressed in the browser come as digits, and ours arrive there as events.
func TestWebRTCDigits(t *testing.T) {
	t.Parallel()
	e := liveEngine(t)
	l := webLeg(t, e)
	l.PreferCodecs(PCMU)
	b := newBrowser(t, PCMU, 1000)
	b.call(l, true)
	secured(t, l)
	p := l.Params()
	if p.EventPT < 0 || p.EventPT != p.EventRecvPT {
		t.Fatalf("no telephone-event: %+v", p)
	}
	for _, key := range []byte{5, 11} {
		b.mu.Lock()
		ts := b.ts
		b.mu.Unlock()
		for i := range 8 {
			b.mu.Lock()
			h := rtp.Header{SequenceNumber: b.seq, Timestamp: ts, Marker: i == 0, PayloadType: uint8(p.EventPT)}
			b.seq++
			b.mu.Unlock()
			b.track.write(h, eventPayload(key, i >= 5, 160*(min(i, 5)+1)), true)
			time.Sleep(tick)
		}
	}
	for _, want := range []byte("5#") {
		select {
		case d := <-l.Digits():
			if d.Key != want || d.Source != "rfc4733" {
				t.Errorf("%+v, want %c", d, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no %c", want)
		}
	}
	b.take()
	if err := l.SendDigits(t.Context(), "7*"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(200 * time.Millisecond)
	keys := map[byte]int{}
	for _, h := range b.take() {
		if int(h.h.pt) == p.EventPT && h.payload[1]&0x80 != 0 {
			keys[h.payload[0]]++
		}
	}
	if keys[7] == 0 || keys[10] == 0 || len(keys) != 2 {
		t.Errorf("the browser got %v", keys)
	}
}

// A leg bridged to a telephone: both hear each other.
func TestWebRTCBridgedToRTP(t *testing.T) {
	t.Parallel()
	e := liveEngine(t)
	l := webLeg(t, e)
	l.PreferCodecs(PCMU)
	b := newBrowser(t, PCMU, 1000)
	p := newParty(t, PCMA)
	phone, err := e.NewLeg("phone", nil)
	if err != nil {
		t.Fatal(err)
	}
	configure(t, phone, plain(PCMA, p.addr()))
	defer Join(l, phone).Close()
	b.call(l, false)
	secured(t, l)
	tone := audio.Sine(600, -10, 0)
	var got []heard
	due := time.Now()
	for range 100 {
		due = due.Add(tick)
		time.Sleep(time.Until(due))
		p.talk(tone, phone)
		got = append(got, p.listen()...)
	}
	checkLive(t, "the phone hears the browser", p.sound(got), 1000, 600)
	checkLive(t, "the browser hears the phone", b.pcm(b.take()), 600, 1000)
}

// A closed engine, an answer without an offer, a leg closed half way: errors, and nothing left behind.
func TestWebRTCErrors(t *testing.T) {
	e := liveEngine(t)
	l := webLeg(t, e)
	if err := l.AcceptAnswer(t.Context(), []byte("v=0\r\n")); err == nil {
		t.Error("an answer without an offer")
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := l.Offer(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Offer(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	phone, err := e.NewLeg("phone", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := phone.Offer(t.Context()); err == nil {
		t.Error("a leg with ports has no WebRTC offer")
	}
	if math.IsNaN(phone.Stats().MOS) {
		t.Error("no number")
	}
}
