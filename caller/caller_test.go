package caller

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// uas is a small SIP server: answers, echoes RTP (every drop-th packet lost),
// and counts what it saw.
type uas struct {
	conn, rtp  *net.UDPConn
	drop       int
	status     int  // a refusal instead of 200
	deaf       int  // INVITEs to ignore first
	hangup     bool // BYE from its side after the ACK
	mute       bool // never answers INVITE finally
	wg         sync.WaitGroup
	mu         sync.Mutex
	seen       map[string]int
	lastInvite *message
}

func newUAS(t *testing.T, u *uas) *uas {
	t.Helper()
	lo := net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0"))
	var err error
	if u.conn, err = net.ListenUDP("udp", lo); err != nil {
		t.Fatal(err)
	}
	if u.rtp, err = net.ListenUDP("udp", lo); err != nil {
		t.Fatal(err)
	}
	u.seen = make(map[string]int)
	u.wg.Add(2)
	go u.sip()
	go u.echo()
	t.Cleanup(func() { u.conn.Close(); u.rtp.Close(); u.wg.Wait() })
	return u
}

func (u *uas) uri() string { return "sip:echo@" + u.conn.LocalAddr().String() }

func (u *uas) count(method string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.seen[method]
}

func (u *uas) echo() {
	defer u.wg.Done()
	buf := make([]byte, 1500)
	for n := 1; ; n++ {
		size, from, err := u.rtp.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if u.drop == 0 || n%u.drop != 0 {
			_, _ = u.rtp.WriteToUDPAddrPort(buf[:size], from)
		}
	}
}

func (u *uas) sip() {
	defer u.wg.Done()
	buf := make([]byte, 65536)
	for {
		n, from, err := u.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := parse(buf[:n])
		if err != nil {
			continue
		}
		u.mu.Lock()
		u.seen[m.method]++
		times := u.seen[m.method]
		u.mu.Unlock()
		u.handle(m, from, times)
	}
}

func (u *uas) handle(m *message, from netip.AddrPort, times int) {
	say := func(b []byte) { _, _ = u.conn.WriteToUDPAddrPort(b, from) }
	contact := "sip:uas@" + u.conn.LocalAddr().String()
	switch {
	case m.method == "INVITE" && times <= u.deaf:
	case m.method == "INVITE" && u.mute:
		u.lastInvite = m
		say(m.reply(180, "Ringing", "t", contact, ""))
	case m.method == "INVITE" && u.status != 0:
		say(m.reply(u.status, "No", "t", "", ""))
	case m.method == "INVITE":
		say(m.reply(100, "Trying", "", "", ""))
		say(m.reply(180, "Ringing", "t", contact, ""))
		sdp := offer(u.rtp.LocalAddr().(*net.UDPAddr).AddrPort(), PCMU, 1)
		say(m.reply(200, "OK", "t", contact, sdp))
	case m.method == "ACK" && u.hangup:
		say([]byte(fmt.Sprintf("BYE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKb\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
			u.conn.LocalAddr(), m.get("to"), m.get("from"), m.get("call-id"))))
	case m.method == "CANCEL":
		say(m.reply(200, "OK", "t", "", ""))
		say(u.lastInvite.reply(487, "Request Terminated", "t", "", ""))
	case m.method == "BYE":
		say(m.reply(200, "OK", "t", "", ""))
	}
}

func start(t *testing.T) *Agent {
	t.Helper()
	a := New(Config{T1: 50 * time.Millisecond}, nil)
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		_ = a.Close()
	})
	return a
}

// sweep is a tone that rises, so that it is found at one place only.
func sweep(d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*16000))
	for i := range pcm {
		s := float64(i) / 16000
		pcm[i] = int16(9000 * math.Sin(2*math.Pi*(300*s+400*s*s)))
	}
	return pcm
}

func TestEchoCall(t *testing.T) {
	u := newUAS(t, &uas{})
	a := start(t)
	var answered bool
	r, err := a.Call(t.Context(), CallConfig{
		To: u.uri(), Audio: sweep(time.Second), Lead: 100 * time.Millisecond, Tail: 200 * time.Millisecond, Record: true, MeasureDelay: true,
		OnAnswer: func(time.Time) { answered = true },
	})
	if err != nil || !r.OK() || r.Status != 200 || !answered {
		t.Fatalf("%v %+v", err, r.Cause)
	}
	if r.Sent < 60 || r.Sent > 70 || r.Received < r.Sent-2 || r.Lost != 0 {
		t.Errorf("sent %d received %d lost %d", r.Sent, r.Received, r.Lost)
	}
	if r.Setup <= 0 || r.Ringing <= 0 || r.Ringing > r.Setup || r.AudioAt.IsZero() {
		t.Errorf("setup %v ringing %v audio %v", r.Setup, r.Ringing, r.AudioAt)
	}
	delays := Delays(&r, &r)
	if len(delays) < 30 {
		t.Errorf("%d packets with a delay", len(delays))
	}
	for _, d := range delays {
		if d < 0 || d > 60*time.Millisecond {
			t.Errorf("delay %v of an immediate echo", d)
		}
	}
	if len(r.Audio) < 7000 || !slices.ContainsFunc(r.Audio, func(v int16) bool { return v > 5000 }) {
		t.Errorf("recorded %d samples", len(r.Audio))
	}
	if u.count("BYE") != 1 || u.count("ACK") != 1 {
		t.Errorf("BYE %d ACK %d", u.count("BYE"), u.count("ACK"))
	}
}

func TestLossIsCounted(t *testing.T) {
	u := newUAS(t, &uas{drop: 10})
	r, err := start(t).Call(t.Context(), CallConfig{To: u.uri(), Hold: 600 * time.Millisecond})
	if err != nil || !r.OK() {
		t.Fatal(err, r.Cause)
	}
	if r.Lost < 2 || r.Lost > 4 {
		t.Errorf("lost %d of %d", r.Lost, r.Sent)
	}
}

func TestRemoteHangsUp(t *testing.T) {
	u := newUAS(t, &uas{hangup: true})
	r, err := start(t).Call(t.Context(), CallConfig{To: u.uri(), Hold: time.Minute})
	if err != nil || r.Cause != "remote" {
		t.Fatal(err, r.Cause)
	}
}

func TestRefusedIsAcknowledged(t *testing.T) {
	u := newUAS(t, &uas{status: 486})
	r, err := start(t).Call(t.Context(), CallConfig{To: u.uri()})
	if err != nil || r.Cause != "rejected" || r.Status != 486 {
		t.Fatal(err, r.Cause, r.Status)
	}
	for u.count("ACK") == 0 {
		time.Sleep(time.Millisecond) // the datagram is on its way
	}
}

func TestInviteIsSentAgain(t *testing.T) {
	u := newUAS(t, &uas{deaf: 2})
	r, err := start(t).Call(t.Context(), CallConfig{To: u.uri(), Hold: 50 * time.Millisecond})
	if err != nil || !r.OK() || u.count("INVITE") != 3 {
		t.Fatal(err, r.Cause, u.count("INVITE"))
	}
}

func TestUnansweredIsCancelled(t *testing.T) {
	u := newUAS(t, &uas{mute: true})
	r, err := start(t).Call(t.Context(), CallConfig{To: u.uri(), AnswerTimeout: 100 * time.Millisecond})
	if err != nil || r.Cause != "timeout" || r.Status != 487 || u.count("CANCEL") != 1 {
		t.Fatal(err, r.Cause, r.Status, u.count("CANCEL"))
	}
}

func TestManyCalls(t *testing.T) {
	u := newUAS(t, &uas{})
	a := start(t)
	clip := Encode(PCMU, sweep(time.Second))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			r, err := a.Call(t.Context(), CallConfig{To: u.uri(), Clip: clip, Loop: true, Hold: 500 * time.Millisecond})
			if err != nil || !r.OK() || r.Received < 20 {
				t.Error(err, r.Cause, r.Received)
			}
		})
	}
	wg.Wait()
}

func TestBadTarget(t *testing.T) {
	for _, to := range []string{"", "tel:1", "sip:a@nowhere.invalid", "sip:"} {
		if _, err := start(t).Call(t.Context(), CallConfig{To: to}); !errors.Is(err, ErrTarget) {
			t.Errorf("%q: %v", to, err)
		}
	}
}

func TestSendDoesNotAllocate(t *testing.T) {
	s, err := openStream(netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.close(false)
	s.quiet, s.sound, s.loop = silence(PCMU), Encode(PCMU, sweep(time.Second)), true
	s.remote.Store(&answer{remote: s.local(), event: -1})
	at := time.Now()
	if n := testing.AllocsPerRun(200, func() { at = at.Add(ptime); s.send(at) }); n != 0 {
		t.Errorf("%v allocations per packet", n)
	}
	m := &s.in
	m.record, m.clock = make([]byte, 80000), PCMU.clock()
	m.marks, s.log = newTape(PCMU, at, time.Minute), newLedger(s.sound, 0)
	if n := testing.AllocsPerRun(200, func() { s.seq++; m.packet(s.packet[:], at, PCMU) }); n != 0 {
		t.Errorf("%v allocations per packet received", n)
	}
}

func TestKeysAreEvents(t *testing.T) {
	k := keypad{keys: "5#", after: 3}
	var payload [160]byte
	var ends, starts int
	for i := range 40 {
		n, marker, _, ok := k.press(i, uint32(i*160), PCMU.step(), payload[:])
		if !ok {
			continue
		}
		if marker {
			starts++
			if want := []byte{5, 11}[starts-1]; payload[0] != want {
				t.Errorf("event %d want %d", payload[0], want)
			}
		}
		if n == 4 && payload[1]&0x80 != 0 {
			ends++
		}
	}
	if starts != 2 || ends != 6 {
		t.Errorf("%d starts %d ends", starts, ends)
	}
}

// freePort is a UDP port that nobody held a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// TestSIPp calls sipp as a foreign server that echoes RTP.
func TestSIPp(t *testing.T) {
	path, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed (Debian: sip-tester)")
	}
	port, media := freePort(t), freePort(t)&^1
	cmd := exec.Command(path, "-sn", "uas", "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-mp", fmt.Sprint(media), "-rtp_echo", "-nostdin", "-m", "1")
	cmd.Dir = t.TempDir()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	r, err := start(t).Call(t.Context(), CallConfig{To: fmt.Sprintf("sip:service@127.0.0.1:%d", port), Hold: 500 * time.Millisecond, AnswerTimeout: 5 * time.Second})
	if err != nil || !r.OK() {
		t.Fatal(err, r.Cause, r.Status)
	}
	if r.Received < 15 {
		t.Errorf("sipp echoed %d packets of %d", r.Received, r.Sent)
	}
}

func TestParse(t *testing.T) {
	m, err := parse([]byte("SIP/2.0 200 OK\r\nv: SIP/2.0/UDP a;branch=z\r\nf: <sip:a@b>;tag=1\r\nt: \"x\" <sip:c@d;x=y>;tag=2\r\ni: id\r\nCSeq: 7 INVITE\r\nm: <sip:e@127.0.0.1:5070>\r\n\r\nbody"))
	if err != nil {
		t.Fatal(err)
	}
	seq, method := m.cseq()
	if m.status != 200 || tag(m.get("to")) != "2" || address(m.get("contact")) != "sip:e@127.0.0.1:5070" || seq != 7 || method != "INVITE" || string(m.body) != "body" {
		t.Errorf("%+v", m)
	}
	for _, bad := range []string{"", "x", "INVITE sip:a SIP/2.0\r\n\r\n", "SIP/2.0 99 x\r\ni: a\r\nCSeq: 1 A\r\n\r\n", strings.Repeat("a", 100)} {
		if _, err := parse([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("SIP/2.0 200 OK\r\nf: <sip:a@b>;tag=1\r\nt: <sip:c@d>;tag=2\r\ni: id\r\nCSeq: 7 INVITE\r\n\r\nv=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 0\r\n"))
	f.Add([]byte("BYE sip:a SIP/2.0\r\nCall-ID: x\r\n folded\r\nCSeq: 1 BYE\r\n\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := parse(data)
		if err != nil {
			return
		}
		m.cseq()
		tag(m.get("to"))
		address(m.get("contact"))
		m.reply(200, "OK", "t", "", "")
		_, _ = readAnswer(m.body)
		for _, codec := range Codecs() {
			readOffer(m.body, codec)
		}
	})
}

func FuzzPacket(f *testing.F) {
	f.Add([]byte("\x80\x00\x00\x01\x00\x00\x00\xa0\x00\x00\x00\x01payload"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m := meter{record: make([]byte, 1000), clock: PCMU.clock(), tape: newTape(PCMU, time.Time{}, time.Second)}
		for i := range 3 {
			m.packet(data, time.Unix(int64(i), 0), PCMU)
		}
		m.lost()
		m.tape.pcm()
	})
}
