package e2e

import (
	"crypto/rand"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// lossyPhone is a SIP telephone on a line that loses messages both ways. It repeats
// and answers again what RFC 3261 wants, and no more.
type lossyPhone struct {
	t       *testing.T
	user    string
	conn    *net.UDPConn
	rtp     *net.UDPConn // hears and says nothing; the port is its own
	server  *net.UDPAddr
	percent int
	t1      time.Duration

	answer atomic.Value    // of string: what it does with a call, "busy" or "ring"; it answers otherwise
	calls  chan *lossyCall // answered or ringing
	reads  sync.WaitGroup

	mu       sync.Mutex
	rng      uint32
	lost     int
	waiting  map[string]chan *sipText // finals by Call-ID, CSeq number and method
	acks     map[string]string        // our ACK by Call-ID and CSeq number, for 2xx that come again
	answered map[string]string        // our answer by Call-ID, CSeq and method, for requests that come again
	open     map[string]*lossyCall
}

// lossyCall is a dialog of a lossyPhone.
type lossyCall struct {
	p                            *lossyPhone
	id, from, to, uri            string // From and To as we send them
	replaces                     string // of the INVITE that came
	branch                       string // of the INVITE
	seq                          int
	acked, bye                   chan struct{} // closed by the server's ACK, BYE
	cancelled                    chan struct{}
	reports                      chan string // status lines of NOTIFY
	ackOnce, byeOnce, cancelOnce sync.Once
}

// sipText is a message as far as the phone looks at it.
type sipText struct {
	first, body string
	lines       []string
}

func (m *sipText) get(name string) string {
	for _, l := range m.lines {
		if k, v, ok := strings.Cut(l, ":"); ok && strings.EqualFold(strings.TrimSpace(k), name) {
			return strings.TrimSpace(v)
		}
	}
	return ""
}

func (m *sipText) status() (n int) {
	_, _ = fmt.Sscanf(m.first, "SIP/2.0 %d", &n)
	return n
}

func (m *sipText) cseq() (n int, method string) {
	_, _ = fmt.Sscanf(m.get("CSeq"), "%d %s", &n, &method)
	return n, method
}

func newLossyPhone(t *testing.T, server, user string, percent int) *lossyPhone {
	t.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	p := &lossyPhone{t: t, user: user, conn: listen(), rtp: listen(), server: to, percent: percent, t1: 100 * time.Millisecond, calls: make(chan *lossyCall, 8),
		rng: uint32(percent)*7919 + uint32(len(user)), waiting: map[string]chan *sipText{}, acks: map[string]string{}, answered: map[string]string{}, open: map[string]*lossyCall{}}
	p.reads.Go(p.read) // ends with the socket
	t.Cleanup(func() {
		_ = p.conn.Close()
		_ = p.rtp.Close()
		p.reads.Wait()
	})
	return p
}

// number is how the server's routes reach this phone.
func (p *lossyPhone) number() string { return fmt.Sprint(p.conn.LocalAddr().(*net.UDPAddr).Port) }

func (p *lossyPhone) address() string { return p.conn.LocalAddr().String() }

func (p *lossyPhone) loses() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rng = p.rng*1664525 + 1013904223
	lose := int(p.rng>>16)%100 < p.percent
	if lose {
		p.lost++
	}
	return lose
}

func (p *lossyPhone) send(text string) {
	if !p.loses() {
		_, _ = p.conn.WriteToUDP([]byte(text), p.server)
	}
}

func (p *lossyPhone) sdp(direction string) string {
	return fmt.Sprintf("v=0\r\no=- 1 %d IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=%s\r\n",
		time.Now().UnixMilli(), p.rtp.LocalAddr().(*net.UDPAddr).Port, direction)
}

func (p *lossyPhone) read() {
	buf := make([]byte, 65536)
	for {
		n, _, err := p.conn.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if p.loses() {
			continue
		}
		head, body, ok := strings.Cut(string(buf[:n]), "\r\n\r\n")
		if !ok {
			continue
		}
		lines := strings.Split(head, "\r\n")
		m := &sipText{first: lines[0], lines: lines[1:], body: body}
		if m.status() > 0 {
			p.response(m)
		} else {
			p.request(m)
		}
	}
}

func (p *lossyPhone) response(m *sipText) {
	n, method := m.cseq()
	if m.status() < 200 {
		return
	}
	p.mu.Lock()
	ack := p.acks[fmt.Sprint(m.get("Call-ID"), n)]
	ch := p.waiting[fmt.Sprint(m.get("Call-ID"), n, method)]
	p.mu.Unlock()
	if method == "INVITE" && ack != "" {
		p.send(ack)
		return
	}
	if ch != nil {
		select {
		case ch <- m:
		default:
		}
	}
}

// request answers what the server sends, and the same again when it comes again.
func (p *lossyPhone) request(m *sipText) {
	method, _, _ := strings.Cut(m.first, " ")
	n, _ := m.cseq()
	id := m.get("Call-ID")
	key := fmt.Sprint(id, n, method)
	p.mu.Lock()
	again, c := p.answered[key], p.open[id]
	p.mu.Unlock()
	switch {
	case method == "ACK":
		if c != nil {
			c.ackOnce.Do(func() { close(c.acked) })
		}
		return
	case again != "":
		p.send(again)
		return
	case method == "INVITE" && c == nil:
		p.ring(m)
		return
	case c == nil:
		p.reply(m, key, "481 Gone", "", "")
		return
	}
	switch method {
	case "BYE":
		p.reply(m, key, "200 OK", "", "")
		c.byeOnce.Do(func() { close(c.bye) })
	case "CANCEL":
		p.reply(m, key, "200 OK", "", "")
		c.cancelOnce.Do(func() { close(c.cancelled) })
	case "NOTIFY":
		p.reply(m, key, "200 OK", "", "")
		select {
		case c.reports <- strings.TrimSpace(m.body):
		default:
		}
	case "INVITE":
		p.reply(m, key, "200 OK", "", p.sdp("sendrecv"))
	default:
		p.reply(m, key, "200 OK", "", "")
	}
}

func (p *lossyPhone) reply(m *sipText, key, status, tag, body string) {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for _, l := range m.lines {
		if k, _, _ := strings.Cut(l, ":"); strings.EqualFold(k, "Via") || strings.EqualFold(k, "Record-Route") {
			b.WriteString(l + "\r\n")
		}
	}
	to := m.get("To")
	if tag != "" && !strings.Contains(to, ";tag=") {
		to += ";tag=" + tag
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:%s@%s>\r\n", m.get("From"), to, m.get("Call-ID"), m.get("CSeq"), p.user, p.address())
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	if !strings.HasPrefix(status, "1") {
		p.mu.Lock()
		p.answered[key] = b.String()
		p.mu.Unlock()
	}
	p.send(b.String())
}

func (p *lossyPhone) newCall(id, from, to, uri string) *lossyCall {
	c := &lossyCall{p: p, id: id, from: from, to: to, uri: uri, acked: make(chan struct{}), bye: make(chan struct{}), cancelled: make(chan struct{}), reports: make(chan string, 16)}
	p.mu.Lock()
	p.open[id] = c
	p.mu.Unlock()
	return c
}

// ring takes a new call as answer says.
func (p *lossyPhone) ring(m *sipText) {
	n, _ := m.cseq()
	key := fmt.Sprint(m.get("Call-ID"), n, "INVITE")
	tag := rand.Text()[:8]
	if p.answer.Load() == "busy" {
		p.reply(m, key, "486 Busy Here", tag, "")
		return
	}
	_, contact, _ := strings.Cut(m.get("Contact"), "<")
	contact, _, _ = strings.Cut(contact, ">")
	c := p.newCall(m.get("Call-ID"), m.get("To")+";tag="+tag, m.get("From"), contact)
	if m.get("Require") == "replaces" {
		c.replaces = m.get("Replaces")
	}
	p.reply(m, key, "180 Ringing", tag, "")
	p.reads.Go(func() { // ends with the ACK, the CANCEL's ACK, or after 64*T1
		if p.answer.Load() == "ring" {
			select {
			case <-c.cancelled:
				p.repeat(m, key, "487 Request Terminated", tag, "", c)
			case <-time.After(20 * time.Second):
			}
			return
		}
		p.repeat(m, key, "200 OK", tag, p.sdp("sendrecv"), c)
	})
	p.calls <- c
}

// repeat sends a final answer until its ACK.
func (p *lossyPhone) repeat(m *sipText, key, status, tag, body string, c *lossyCall) {
	wait := p.t1
	for end := time.Now().Add(64 * p.t1); time.Now().Before(end); wait = min(2*wait, 4*p.t1) {
		p.reply(m, key, status, tag, body)
		select {
		case <-c.acked:
			return
		case <-c.bye:
			return
		case <-time.After(wait):
		}
	}
}

// dial begins a call; answered says whether a 2xx came.
func (p *lossyPhone) dial(number string) *lossyCall {
	uri := "sip:" + number + "@" + p.server.String()
	return p.newCall(rand.Text(), fmt.Sprintf("<sip:%s@%s>;tag=%s", p.user, p.address(), rand.Text()[:8]), "<"+uri+">", uri)
}

// text writes a request of the call.
func (c *lossyCall) text(method, branch string, seq int, body string, headers ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;rport;branch=%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:%s@%s>\r\n",
		method, c.uri, c.p.address(), branch, c.from, c.to, c.id, seq, method, c.p.user, c.p.address())
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return b.String()
}

// ask sends a request until its final answer, 0 after 64*T1. A 2xx to INVITE is
// acknowledged unless mute.
func (c *lossyCall) ask(method, body string, mute bool, headers ...string) int {
	p := c.p
	c.seq++
	seq, branch := c.seq, "z9hG4bK"+rand.Text()
	if method == "INVITE" {
		c.branch = branch
	}
	key := fmt.Sprint(c.id, seq, method)
	ch := make(chan *sipText, 8)
	p.mu.Lock()
	p.waiting[key] = ch
	p.mu.Unlock()
	request := c.text(method, branch, seq, body, headers...)
	wait := p.t1
	for end := time.Now().Add(64 * p.t1); time.Now().Before(end); wait = min(2*wait, 4*p.t1) {
		p.send(request)
		select {
		case m := <-ch:
			c.final(m, method, seq, branch, mute)
			return m.status()
		case <-time.After(wait):
		}
	}
	return 0
}

// final learns from an answer and acknowledges it.
func (c *lossyCall) final(m *sipText, method string, seq int, branch string, mute bool) {
	if method != "INVITE" {
		return
	}
	if m.status() >= 300 {
		to := c.to
		c.to = m.get("To")
		c.p.send(c.text("ACK", branch, seq, ""))
		c.to = to
		return
	}
	c.to = m.get("To")
	if _, contact, ok := strings.Cut(m.get("Contact"), "<"); ok {
		c.uri, _, _ = strings.Cut(contact, ">")
	}
	if mute {
		return
	}
	ack := c.text("ACK", "z9hG4bK"+rand.Text(), seq, "")
	c.p.mu.Lock()
	c.p.acks[fmt.Sprint(c.id, seq)] = ack
	c.p.mu.Unlock()
	c.p.send(ack)
}

// tagOf is the tag of a From or To.
func tagOf(v string) string {
	_, tag, _ := strings.Cut(v, ";tag=")
	return tag
}
