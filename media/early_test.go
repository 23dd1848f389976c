package media

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"

	"tingxin/audio"
)

// What a browser sends before our keys exist waits for them: it is neither taken for
// sound in the clear nor lost.
func TestSoundWaitsForItsKeys(t *testing.T) {
	r := newRig(t)
	l := webLeg(t, r.Engine)
	must(t, l.configure(Params{Codec: PCMA, SendPT: 8, RecvPT: 8, EventPT: -1, EventRecvPT: 101, CNPT: -1, RTCPMux: true}))
	ours, err := newCrypt(&SRTPParams{Profile: AEADAES128GCM, SendKey: make([]byte, SRTPKeyLen(AEADAES128GCM)), RecvKey: make([]byte, SRTPKeyLen(AEADAES128GCM))})
	must(t, err)
	far, err := newCrypt(&SRTPParams{Profile: AEADAES128GCM, SendKey: make([]byte, SRTPKeyLen(AEADAES128GCM)), RecvKey: make([]byte, SRTPKeyLen(AEADAES128GCM))})
	must(t, err)
	packet := func(pt uint8, seq uint16, sealed bool) {
		var b [rtpHeaderLen + frameUnits]byte
		h := rtpHeader{pt: pt, seq: seq, ts: uint32(seq) * frameUnits, ssrc: 7}
		h.put(b[:])
		out := b[:]
		if sealed {
			var buf [maxPacket]byte
			var ok bool
			if out, ok = far.sealRTP(buf[:0], out); !ok {
				t.Fatal("not sealed")
			}
		}
		l.web.queue.put(out, 0)
	}
	for seq := range uint16(3) {
		packet(8, seq, true)
	}
	packet(8, 40, false)   // what anybody could have sent
	packet(101, 41, false) // a key that nobody pressed
	r.step(3)
	if s := l.Stats(); s.PacketsIn != 0 {
		t.Errorf("%d packets were taken before there were keys", s.PacketsIn)
	}
	l.mu.Lock()
	l.crypt = ours
	l.mu.Unlock()
	r.step(2)
	if s := l.Stats(); s.PacketsIn != 3 || s.SRTPFailed != 2 || s.Digits != 0 {
		t.Errorf("%d packets were opened and %d not, %d keys; want 3, 2, 0", s.PacketsIn, s.SRTPFailed, s.Digits)
	}
}

// The first number of a stream is in the lower half of its range: a receiver of SRTP that
// misses the beginning still opens the rest.
func TestFirstNumberIsInTheLowerHalf(t *testing.T) {
	for range 200 {
		var s sender
		if s.init(); s.seq > 0x7fff {
			t.Fatalf("begins with %d", s.seq)
		}
	}
}

// A browser of which nothing is heard for the time of consent gets nothing more, and gets sound again when it is heard.
func TestSendingEndsWithConsent(t *testing.T) {
	ours, theirs := newRig(t), newRig(t)
	a, b := webLeg(t, ours.Engine), webLeg(t, theirs.Engine)
	offer, err := a.Offer(t.Context())
	must(t, err)
	answer, err := b.AcceptOffer(t.Context(), offer)
	must(t, err)
	must(t, a.AcceptAnswer(t.Context(), answer))
	secured(t, a)
	sent := func() uint64 {
		before := a.Stats().PacketsOut
		ours.step(5)
		return a.Stats().PacketsOut - before
	}
	if n := sent(); n != 5 {
		t.Fatalf("%d packets of 5 ticks", n)
	}
	a.web.state(ice.ConnectionStateDisconnected)
	if n := sent(); n != 5 {
		t.Errorf("%d packets just after it was heard last", n)
	}
	a.web.lost.Store(time.Now().Add(-consent - time.Second).UnixNano())
	if n := sent(); n != 0 {
		t.Errorf("%d packets without consent", n)
	}
	a.web.state(ice.ConnectionStateConnected)
	if n := sent(); n != 5 {
		t.Errorf("%d packets after it came back", n)
	}
}

// A browser calls, the one it calls rings for a while and answers, both hear each other
// at once: again and again. TINGXIN_SETUPS=1000 is the long run.
func TestBothHearAfterRinging(t *testing.T) {
	const lanes = 4
	n := 3
	if s := os.Getenv("TINGXIN_SETUPS"); s != "" {
		n, _ = strconv.Atoi(s)
		n /= lanes
	}
	ours := liveEngine(t)
	var wg sync.WaitGroup
	for lane := range lanes {
		caller, callee := liveEngine(t), liveEngine(t)
		wg.Go(func() { // ends with its calls
			for i := range n {
				ring := time.Duration(i*lanes+lane) * 60 * time.Millisecond % time.Second
				if err := consult(t, ours, caller, callee, ring); err != nil {
					t.Errorf("after %v of ringing: %v", ring, err)
				}
			}
		})
	}
	wg.Wait()
}

// TestAnswerAfterLongRinging is one call of that kind that rings for longer than ICE usually
// waits. It takes 35 s, so it runs when TINGXIN_SETUPS is set.
func TestAnswerAfterLongRinging(t *testing.T) {
	if os.Getenv("TINGXIN_SETUPS") == "" {
		t.Skip("35 s of ringing: set TINGXIN_SETUPS")
	}
	t.Parallel()
	must(t, consult(t, liveEngine(t), liveEngine(t), liveEngine(t), 35*time.Second))
}

// consult is one call between two browsers of engines of their own over ours.
func consult(t *testing.T, ours, caller, callee *Engine, ring time.Duration) error {
	ctx := t.Context()
	var legs []*Leg
	leg := func(e *Engine) *Leg {
		l, err := e.NewWebRTCLeg("", nil)
		if err != nil {
			t.Error(err)
			return nil
		}
		l.PreferCodecs(PCMU)
		legs = append(legs, l)
		return l
	}
	a, in, out, b := leg(caller), leg(ours), leg(ours), leg(callee)
	defer func() {
		for _, l := range legs {
			_ = l.Close()
		}
	}()
	var ears [2]syncTap
	for i, l := range []*Leg{a, b} {
		l.Play(audio.Sine([]float64{700, 1100}[i], -10, 0))
		defer l.AddTap(&ears[i])()
	}
	offer, err := a.Offer(ctx)
	if err != nil {
		return err
	}
	answer, err := in.AcceptOffer(ctx, offer) // at the INVITE; the caller hears of it when the other has answered
	if err != nil {
		return err
	}
	if offer, err = out.Offer(ctx); err != nil {
		return err
	}
	time.Sleep(ring)
	theirs, err := b.AcceptOffer(ctx, offer)
	if err != nil {
		return err
	}
	if err := out.AcceptAnswer(ctx, theirs); err != nil {
		return err
	}
	if err := a.AcceptAnswer(ctx, answer); err != nil {
		return err
	}
	defer Join(in, out).Close()
	for i, want := range []float64{1100, 700} {
		for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			ears[i].mu.Lock()
			pcm := last(ears[i].c.pcm(), 1600)
			ears[i].mu.Unlock()
			tone, rest := toneDB(pcm, want)
			if len(pcm) == 1600 && tone > -12 && tone > rest+20 {
				break
			}
			if time.Now().After(end) {
				return fmt.Errorf("party %d hears nothing: %.0f dB; in %+v, out %+v", i, tone, in.Stats(), out.Stats())
			}
		}
	}
	return nil
}

// Whatever is said of setup, and whoever offers, exactly one side opens DTLS and keys come.
func TestOneSideOpensDTLS(t *testing.T) {
	for _, tc := range []struct {
		offers bool   // the browser does
		setup  string // in the browser's description
		ours   bool   // we open
	}{
		{true, "actpass", true}, {true, "active", false}, {true, "passive", true}, {false, "active", false}, {false, "passive", true},
	} {
		t.Run(fmt.Sprintf("browser offers %v says %s", tc.offers, tc.setup), func(t *testing.T) {
			t.Parallel()
			e := liveEngine(t)
			l := webLeg(t, e)
			l.PreferCodecs(PCMU)
			s := newSlowSTUN(t, e.ice.socks[0].addr, 0)
			b := newBrowserWith(t, PCMU, 1000, func(se *pion.SettingEngine) {
				if !tc.offers && tc.setup == "passive" {
					must(t, se.SetAnsweringDTLSRole(pion.DTLSRoleServer))
				}
			})
			if tc.offers {
				b.change = func(sdp string) string { return strings.Replace(sdp, "a=setup:actpass", "a=setup:"+tc.setup, 1) }
			}
			s.agree(t, l, b, tc.offers, e.ice.port)
			secured(t, l)
			s.mu.Lock()
			defer s.mu.Unlock()
			if (s.hellos[1] > 0) != tc.ours || (s.hellos[0] > 0) == tc.ours {
				t.Errorf("ClientHellos: %d by the browser, %d by us", s.hellos[0], s.hellos[1])
			}
		})
	}
}
