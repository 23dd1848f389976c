package media

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"

	"tingxin/audio"
)

// slowSTUN stands between a browser and our port: STUN takes its time, all else passes at
// once, so that DTLS and media overtake the checks that allow them.
type slowSTUN struct {
	in, out *net.UDPConn // towards the browser, towards us
	delay   time.Duration
	wg      sync.WaitGroup
	hellos  [2]int // DTLS ClientHellos by the browser and by us

	mu      sync.Mutex
	browser netip.AddrPort
}

func newSlowSTUN(t *testing.T, ours netip.AddrPort, delay time.Duration) *slowSTUN {
	t.Helper()
	open := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(loopback(0)))
		must(t, err)
		return c
	}
	s := &slowSTUN{in: open(), out: open(), delay: delay}
	s.wg.Go(func() { // ends when in is closed
		s.pump(s.in, func(b []byte, from netip.AddrPort) {
			s.mu.Lock()
			s.browser = from
			s.mu.Unlock()
			_, _ = s.out.WriteToUDPAddrPort(b, ours)
		}, 0)
	})
	s.wg.Go(func() { // ends when out is closed
		s.pump(s.out, func(b []byte, _ netip.AddrPort) {
			s.mu.Lock()
			to := s.browser
			s.mu.Unlock()
			if to.IsValid() {
				_, _ = s.in.WriteToUDPAddrPort(b, to)
			}
		}, 1)
	})
	t.Cleanup(func() { _ = s.in.Close(); _ = s.out.Close(); s.wg.Wait() })
	return s
}

func (s *slowSTUN) pump(c *net.UDPConn, pass func([]byte, netip.AddrPort), side int) {
	buf := make([]byte, 2048)
	for {
		n, from, err := c.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		b := append([]byte(nil), buf[:n]...)
		if n > 13 && b[0] == 22 && b[13] == 1 {
			s.mu.Lock()
			s.hellos[side]++
			s.mu.Unlock()
		}
		if n > 0 && b[0] < 4 && s.delay > 0 {
			time.AfterFunc(s.delay, func() { pass(b, from) })
			continue
		}
		pass(b, from)
	}
}

// Slow checks must cost no call: each side offers, STUN is delayed, and sound flows both
// ways. One side alone opens DTLS.
func TestWebRTCWithSlowSTUN(t *testing.T) {
	for _, delay := range []time.Duration{0, 100 * time.Millisecond, 300 * time.Millisecond} {
		for _, offers := range []bool{true, false} {
			t.Run(fmt.Sprintf("%v browser offers %v", delay, offers), func(t *testing.T) {
				t.Parallel()
				e := liveEngine(t)
				l := webLeg(t, e)
				l.PreferCodecs(PCMA)
				var tap syncTap
				defer l.AddTap(&tap)()
				l.Play(audio.Sine(600, -10, 0))
				s := newSlowSTUN(t, e.ice.socks[0].addr, delay)
				b := newBrowser(t, PCMA, 1000)
				began := time.Now()
				s.agree(t, l, b, offers, e.ice.port)
				secured(t, l)
				took := time.Since(began)
				time.Sleep(800 * time.Millisecond)
				checkLive(t, "we hear the browser", tap.take(), 1000, 600)
				checkLive(t, "the browser hears us", b.pcm(b.take()), 600, 1000)
				s.mu.Lock()
				defer s.mu.Unlock()
				if (s.hellos[0] > 0) == (s.hellos[1] > 0) {
					t.Errorf("ClientHellos: %d by the browser, %d by us", s.hellos[0], s.hellos[1])
				}
				t.Logf("keys after %v", took.Round(time.Millisecond))
			})
		}
	}
}

// agree hides the addresses of both sides, so that they meet at the proxy only.
func (s *slowSTUN) agree(t *testing.T, l *Leg, b *browser, offers bool, port uint16) {
	t.Helper()
	proxy := strconv.Itoa(int(s.in.LocalAddr().(*net.UDPAddr).Port))
	ours := func(sdp []byte) []byte {
		return []byte(strings.ReplaceAll(string(sdp), strconv.Itoa(int(port)), proxy))
	}
	theirs := func(sdp string) []byte { return []byte(cutLines(sdp, "a=candidate")) }
	if offers {
		answer, err := l.AcceptOffer(t.Context(), theirs(b.offer(nil)))
		must(t, err)
		b.remote(pion.SDPTypeAnswer, ours(answer))
		return
	}
	offer, err := l.Offer(t.Context())
	must(t, err)
	b.remote(pion.SDPTypeOffer, ours(offer))
	answer := b.local(pion.SDPTypeAnswer, func() (pion.SessionDescription, error) { return b.pc.CreateAnswer(nil) })
	must(t, l.AcceptAnswer(t.Context(), theirs(answer)))
}
