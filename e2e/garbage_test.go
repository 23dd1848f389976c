package e2e

import (
	"crypto/tls"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tingxin/caller"
)

// Nobody who sends rubbish may hurt the calls of others: it is counted, and
// leaves nothing behind.

// usage is what the server holds, from /metrics.
type usage struct{ goroutines, descriptors float64 }

// metrics reads /metrics; samples of one name are summed up.
func (s *instance) metrics(t testing.TB) map[string]float64 {
	t.Helper()
	var b []byte
	s.get(t, "/metrics", &b)
	out := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ = strings.Cut(name, "{")
		if i := strings.LastIndexByte(line, '}'); i >= 0 {
			value = strings.TrimSpace(line[i+1:])
		}
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			out[name] += v
		}
	}
	return out
}

func (s *instance) usage(t testing.TB) usage {
	m := s.metrics(t)
	return usage{m["go_goroutines"], m["process_open_fds"]}
}

func TestGarbageOnEveryPort(t *testing.T) {
	s := launch(t, options{T1: "100ms"}) // a begun message may take 64 times that
	defer s.end(t)
	agent := newAgent(t)
	s.echo(t, agent) // everything that is made at first use is there
	before, counted := s.usage(t), s.metrics(t)
	rnd := rand.New(rand.NewPCG(1, 2)) // the same rubbish each time
	slow := s.holdConnections(t)
	for _, g := range []struct {
		name    string
		send    func(*testing.T, *instance, *rand.Rand)
		counter string // rises
	}{
		{"random datagrams", sendRandomDatagrams, "tingxin_sip_bad_total"},
		{"broken SIP over UDP", sendBrokenSIP, "tingxin_sip_bad_total"},
		{"random bytes over TCP", func(t *testing.T, s *instance, r *rand.Rand) { sendStreams(t, s.sipTCP, r) }, "tingxin_sip_bad_total"},
		{"random bytes to TLS", func(t *testing.T, s *instance, r *rand.Rand) { sendStreams(t, s.sipTLS, r) }, "tingxin_sip_bad_total"},
		{"random bytes within TLS", sendInsideTLS, "tingxin_sip_bad_total"},
		{"random bytes to HTTP", func(t *testing.T, s *instance, r *rand.Rand) { sendStreams(t, strings.TrimPrefix(s.api, "http://"), r) }, ""},
		{"RTP of strangers", sendStrangeRTP, "tingxin_media_rejected_total"},
	} {
		t.Run(g.name, func(t *testing.T) {
			was := s.metrics(t)[g.counter]
			g.send(t, s, rnd)
			s.echo(t, agent)
			if g.counter != "" {
				eventually(t, 5*time.Second, g.counter+" rises", func() bool { return s.metrics(t)[g.counter] > was })
			}
		})
	}
	t.Run("slow connections", func(t *testing.T) { slow.wantClosed(t, 12*time.Second) })
	now := s.metrics(t)
	t.Logf("counted: bad SIP %.0f, unknown source %.0f, rejected RTP %.0f, malformed RTP %.0f", now["tingxin_sip_bad_total"]-counted["tingxin_sip_bad_total"],
		now["tingxin_sip_unknown_source_total"]-counted["tingxin_sip_unknown_source_total"],
		now["tingxin_media_rejected_total"]-counted["tingxin_media_rejected_total"], now["tingxin_media_malformed_total"]-counted["tingxin_media_malformed_total"])
	var after usage
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		if after = s.usage(t); after.goroutines <= before.goroutines+15 && after.descriptors <= before.descriptors+5 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("before %+v, after %+v: the rubbish left something behind", before, after)
		}
	}
	t.Logf("before %+v, after %+v", before, after)
}

// echo places a short call and fails unless it is clean.
func (s *instance) echo(t *testing.T, a *caller.Agent) {
	t.Helper()
	r, err := a.Call(t.Context(), caller.CallConfig{To: "sip:echo@" + s.sipUDP, Audio: make([]int16, 16000), Loop: true, Hold: 700 * time.Millisecond})
	if err != nil || !r.OK() || r.Received < 20 {
		t.Fatalf("a normal call ended as %q, status %d, %d packets: %v\n%s", r.Cause, r.Status, r.Received, err, s.tail())
	}
}

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// datagrams sends to a UDP port from an address of its own.
func datagrams(t *testing.T, from, to string, packets ...[]byte) {
	t.Helper()
	addr, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		t.Fatal(err)
	}
	c, err := net.DialUDP("udp", &net.UDPAddr{IP: net.ParseIP(from)}, addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i, p := range packets {
		_, _ = c.Write(p) // a refusal by the kernel is fine
		if i%50 == 49 {
			time.Sleep(time.Millisecond) // not to overrun the socket: all of them shall be read
		}
	}
}

func sendRandomDatagrams(t *testing.T, s *instance, r *rand.Rand) {
	var packets [][]byte
	for range 500 {
		packets = append(packets, random(r, r.IntN(1400)))
	}
	datagrams(t, "127.0.0.1", s.sipUDP, packets...)
	datagrams(t, "127.0.0.66", s.sipUDP, packets...)
}

const goodInvite = "INVITE sip:echo@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK%d\r\nFrom: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:echo@127.0.0.1>\r\n" +
	"Call-ID: garbage-%d\r\nCSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.1:9>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s"

// sendBrokenSIP sends messages that are cut off, twisted, or too large.
func sendBrokenSIP(t *testing.T, s *instance, r *rand.Rand) {
	var packets [][]byte
	for i := range 300 {
		m := []byte(fmt.Sprintf(goodInvite, i, i, 400, "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n"))
		switch i % 4 {
		case 0: // cut off
			m = m[:r.IntN(len(m))]
		case 1: // some bytes changed
			for range 1 + r.IntN(20) {
				m[r.IntN(len(m))] = byte(r.Uint32())
			}
		case 2: // a body that is no SDP
			m = []byte(fmt.Sprintf(goodInvite, i, i, 200, random(r, 200)))
		case 3: // a huge header
			m = []byte(strings.Replace(string(m), "Max-Forwards", "Subject: "+strings.Repeat("x", 20000+r.IntN(40000))+"\r\nMax-Forwards", 1))
		}
		packets = append(packets, m)
	}
	for _, bad := range []string{"Content-Length: -1", "Content-Length: 99999999999999999999", "CSeq: 99999999999 INVITE", "Via: ", "Max-Forwards: -3", "To: <<<<"} {
		name, _, _ := strings.Cut(bad, ":")
		lines := strings.Split(fmt.Sprintf(goodInvite, 7, 7, 0, ""), "\r\n")
		for i, l := range lines {
			if strings.HasPrefix(l, name+":") {
				lines[i] = bad
			}
		}
		packets = append(packets, []byte(strings.Join(lines, "\r\n")))
	}
	datagrams(t, "127.0.0.1", s.sipUDP, packets...)
}

// streams are what comes to a port that speaks TCP.
func streams(r *rand.Rand) [][]byte {
	hello, _ := hex.DecodeString("16030100c8010000c40303") // the head of a TLS ClientHello
	return [][]byte{
		random(r, 5000), append(hello, random(r, 300)...), []byte("GET / HTTP/1.1\r\nHost: \x00\xff\r\n\r\n"),
		[]byte("GET /" + strings.Repeat("a/", 40000) + " HTTP/1.1\r\n\r\n"), []byte("POST /api/v1/session HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n{"),
		[]byte("INVITE sip:echo@127.0.0.1 SIP/2.0\r\nContent-Length: 4294967296\r\n\r\n"), []byte("OPTIONS sip:x SIP/2.0\r\nSubject: " + strings.Repeat("y", 300000) + "\r\n\r\n"),
		[]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + string(random(r, 200))), []byte(strings.Repeat("\r\n\r\n", 5000)), {0}, nil,
	}
}

func sendStreams(t *testing.T, address string, r *rand.Rand) {
	t.Helper()
	for _, b := range streams(r) {
		c, err := net.DialTimeout("tcp", address, 5*time.Second)
		if err != nil {
			t.Fatalf("nobody answers any more: %v", err)
		}
		_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
		_, _ = c.Write(b)
		_, _ = c.Read(make([]byte, 100)) // an answer or the end; neither comes to what is not finished
		_ = c.Close()
	}
}

func sendInsideTLS(t *testing.T, s *instance, r *rand.Rand) {
	for _, b := range streams(r) {
		c, err := tls.Dial("tcp", s.sipTLS, &tls.Config{InsecureSkipVerify: true}) // the server's certificate is its own
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(500 * time.Millisecond))
		_, _ = c.Write(b)
		_, _ = c.Read(make([]byte, 100))
		_ = c.Close()
	}
}

// sendStrangeRTP sends to the media ports of a running call from an address that
// is not the caller's. The call must not notice.
func sendStrangeRTP(t *testing.T, s *instance, r *rand.Rand) {
	agent := newAgent(t)
	answered, done := make(chan struct{}), make(chan struct{})
	var report caller.Report
	var err error
	go func() { // ends with the call
		defer close(done)
		report, err = agent.Call(t.Context(), caller.CallConfig{To: "sip:echo@" + s.sipUDP, Audio: make([]int16, 16000), Loop: true,
			Hold: 2500 * time.Millisecond, OnAnswer: func(time.Time) { close(answered) }})
	}()
	<-answered
	time.Sleep(300 * time.Millisecond) // the caller is known by now
	ports := s.mediaPorts(t)
	if len(ports) < 2 {
		t.Fatalf("ports %v, want those of RTP and RTCP", ports)
	}
	was := s.metrics(t)["tingxin_media_malformed_total"]
	for _, port := range ports {
		to := "127.0.0.1:" + strconv.Itoa(port)
		var noise, packets [][]byte
		for i := range 400 {
			noise = append(noise, random(r, r.IntN(1400)))
			p := append([]byte{0x80, 0, byte(i >> 8), byte(i), 0, 0, byte(i), 0, 1, 2, 3, 4}, random(r, 160)...)
			packets = append(packets, p)
		}
		datagrams(t, "127.0.0.66", to, noise...)
		datagrams(t, "127.0.0.1", to, packets...) // another port of the caller's own address
	}
	<-done
	if err != nil || !report.OK() || report.Lost*50 > report.Received || report.Received < 100 {
		t.Errorf("the call under fire ended as %q, %d packets, %d lost: %v", report.Cause, report.Received, report.Lost, err)
	}
	if now := s.metrics(t)["tingxin_media_malformed_total"]; now < was {
		t.Errorf("malformed packets counted backwards: %v, then %v", was, now)
	}
}

// mediaPorts are the server's UDP ports but for SIP, from /proc.
func (s *instance) mediaPorts(t *testing.T) (ports []int) {
	t.Helper()
	own := map[string]bool{}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.HasPrefix(to, "socket:[") {
			own[strings.Trim(to[len("socket:"):], "[]")] = true
		}
	}
	_, sip, _ := net.SplitHostPort(s.sipUDP)
	for _, table := range []string{"/proc/net/udp", "/proc/net/udp6"} {
		b, _ := os.ReadFile(table) // no IPv6, no table
		for line := range strings.Lines(string(b)) {
			f := strings.Fields(line)
			if len(f) < 10 || !own[f[9]] {
				continue
			}
			port, err := strconv.ParseUint(f[1][strings.LastIndexByte(f[1], ':')+1:], 16, 16)
			if err == nil && strconv.FormatUint(port, 10) != sip {
				ports = append(ports, int(port))
			}
		}
	}
	return ports
}

// held are connections that begin to say something and never go on.
type held struct {
	names []string
	conns []net.Conn
	ended []chan struct{}
	once  sync.Once
}

// holdConnections opens slow ones on every port that takes connections.
func (s *instance) holdConnections(t *testing.T) *held {
	t.Helper()
	h := &held{}
	for name, at := range map[string]string{"SIP over TCP": s.sipTCP, "SIP over TLS": s.sipTLS, "HTTP": strings.TrimPrefix(s.api, "http://")} {
		begin := "INVITE sip:echo@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1"
		if name == "HTTP" {
			begin = "GET /api/v1/calls HTTP/1.1\r\nHost: x\r\nX-"
		}
		for range 40 {
			c, err := net.DialTimeout("tcp", at, 5*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = c.Write([]byte(begin)[:1+len(h.conns)%len(begin)])
			h.names, h.conns, h.ended = append(h.names, name), append(h.conns, c), append(h.ended, make(chan struct{}))
		}
	}
	for i, c := range h.conns {
		go func() { // ends when either side closes
			defer close(h.ended[i])
			buf := make([]byte, 4096)
			for {
				if _, err := c.Read(buf); err != nil {
					return
				}
			}
		}()
	}
	t.Cleanup(h.close)
	return h
}

func (h *held) close() {
	h.once.Do(func() {
		for i, c := range h.conns {
			_ = c.Close()
			<-h.ended[i]
		}
	})
}

// wantClosed checks that the server itself gets rid of all of them, then closes the rest.
func (h *held) wantClosed(t *testing.T, limit time.Duration) {
	t.Helper()
	defer h.close()
	deadline := time.After(limit)
	open := map[string]int{}
	for i := range h.ended {
		select {
		case <-h.ended[i]:
			continue
		default:
		}
		select {
		case <-h.ended[i]:
		case <-deadline:
			for j := i; j < len(h.ended); j++ {
				select {
				case <-h.ended[j]:
				default:
					open[h.names[j]]++
				}
			}
			t.Fatalf("slow connections are still open: %v", open)
		}
	}
}
