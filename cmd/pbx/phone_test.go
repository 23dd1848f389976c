package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"math"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/audio"
)

// phone is a telephone on two sockets: one for SIP, one for RTP. It knows just
// enough to place and take one call, and counts what it hears.
type phone struct {
	t    *testing.T
	sip  *net.UDPConn
	rtp  *net.UDPConn
	id   string // Call-ID
	as   string // who calls, instead of 1000
	from string // with tag
	to   string
	uri  string
	peer *net.UDPAddr // SIP
	cseq int

	version int // of our SDP

	media   atomic.Pointer[net.UDPAddr]
	packets atomic.Int64
	loud    atomic.Int64 // packets with sound in them
	keys    atomic.Int64 // ends of telephone events
	byes    chan struct{}
	replies chan *message
	invites chan *message
	speak   atomic.Bool  // send a tone
	mute    atomic.Bool  // send nothing
	extra   string       // header lines of every request
	tone    atomic.Int64 // Hz of what it says; 440 when 0
	soundMu sync.Mutex
	sound   []int16 // the last 400 ms heard
	stop    chan struct{}
	wg      sync.WaitGroup
}

// message is a SIP message as far as the phone needs it.
type message struct {
	first  string
	header textproto.MIMEHeader
	body   string
	from   *net.UDPAddr
}

func (m *message) status() int {
	if !strings.HasPrefix(m.first, "SIP/2.0 ") {
		return 0
	}
	n, _ := strconv.Atoi(m.first[8:11])
	return n
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	listen := func() *net.UDPConn {
		c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	p := &phone{t: t, sip: listen(), rtp: listen(), stop: make(chan struct{}), byes: make(chan struct{}, 8),
		replies: make(chan *message, 64), invites: make(chan *message, 8)}
	p.wg.Go(p.readSIP) // ends when the socket is closed
	p.wg.Go(p.readRTP) // ends when the socket is closed
	p.wg.Go(p.talk)    // ends with stop
	t.Cleanup(func() {
		close(p.stop)
		p.sip.Close()
		p.rtp.Close()
		p.wg.Wait()
	})
	return p
}

func (p *phone) port() int { return p.sip.LocalAddr().(*net.UDPAddr).Port }

func (p *phone) readSIP() {
	buf := make([]byte, 65536)
	for {
		n, from, err := p.sip.ReadFromUDP(buf)
		if err != nil {
			return
		}
		m := parseMessage(string(buf[:n]))
		if m == nil {
			continue
		}
		m.from = from
		switch {
		case m.status() > 0:
			p.replies <- m
		case strings.HasPrefix(m.first, "INVITE"):
			p.invites <- m
		case strings.HasPrefix(m.first, "ACK"):
		default:
			p.answer(m, "200 OK", "", "")
			if strings.HasPrefix(m.first, "BYE") || strings.HasPrefix(m.first, "CANCEL") {
				p.byes <- struct{}{}
			}
		}
	}
}

func parseMessage(s string) *message {
	head, body, ok := strings.Cut(s, "\r\n\r\n")
	if !ok {
		return nil
	}
	first, rest, _ := strings.Cut(head, "\r\n")
	h, err := textproto.NewReader(bufio.NewReader(strings.NewReader(rest + "\r\n\r\n"))).ReadMIMEHeader()
	if err != nil {
		return nil
	}
	return &message{first: first, header: h, body: body}
}

func (p *phone) answer(m *message, status, extra, body string) {
	var b strings.Builder
	fmt.Fprintf(&b, "SIP/2.0 %s\r\n", status)
	for _, v := range m.header["Via"] {
		fmt.Fprintf(&b, "Via: %s\r\n", v)
	}
	to := m.header.Get("To")
	if !strings.Contains(to, "tag=") {
		to += ";tag=phone"
	}
	fmt.Fprintf(&b, "From: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %s\r\n%s", m.header.Get("From"), to, m.header.Get("Call-Id"), m.header.Get("Cseq"), extra)
	if body != "" {
		fmt.Fprintf(&b, "Contact: <sip:phone@127.0.0.1:%d>\r\nContent-Type: application/sdp\r\n", p.port())
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
	_, _ = p.sip.WriteToUDP([]byte(b.String()), m.from)
}

func (p *phone) sdp() string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0 101\r\n"+
		"a=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n", p.rtp.LocalAddr().(*net.UDPAddr).Port)
}

func (p *phone) request(method, body string) {
	branch := fmt.Sprintf("z9hG4bK%d%s%d", p.cseq, method, time.Now().UnixNano())
	if method == "CANCEL" || method == "INVITE" || method == "ACK" {
		branch = fmt.Sprintf("z9hG4bKinvite%d%s", p.cseq, p.id)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=%s\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\nContact: <sip:phone@127.0.0.1:%d>\r\n",
		method, p.uri, p.port(), branch, p.from, p.to, p.id, p.cseq, method, p.port())
	if body != "" {
		b.WriteString("Content-Type: application/sdp\r\n")
	}
	fmt.Fprintf(&b, "%sContent-Length: %d\r\n\r\n%s", p.extra, len(body), body)
	if _, err := p.sip.WriteToUDP([]byte(b.String()), p.peer); err != nil {
		p.t.Error(err)
	}
}

// invite starts a call.
func (p *phone) invite(server, number string) {
	p.t.Helper()
	addr, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		p.t.Fatal(err)
	}
	p.peer, p.cseq, p.id = addr, 1, fmt.Sprintf("%d@phone", time.Now().UnixNano())
	p.uri = "sip:" + number + "@" + server
	p.from = fmt.Sprintf("<sip:1000@127.0.0.1:%d>;tag=p%d", p.port(), p.port())
	if p.as != "" {
		p.from = fmt.Sprintf("%s;tag=p%d", p.as, p.port())
	}
	p.to = "<" + p.uri + ">"
	p.request("INVITE", p.sdp())
}

// final waits for the final response and acknowledges it.
func (p *phone) final() *message {
	p.t.Helper()
	for {
		m := p.reply()
		if m.status() < 200 || !strings.Contains(m.header.Get("Cseq"), "INVITE") {
			continue
		}
		p.to = m.header.Get("To")
		p.request("ACK", "")
		if m.status() < 300 {
			p.hears(m.body)
		}
		return m
	}
}

func (p *phone) reply() *message {
	p.t.Helper()
	select {
	case m := <-p.replies:
		return m
	case <-time.After(30 * time.Second):
		p.t.Fatal("no answer within 30 s")
		return nil
	}
}

// hears takes the other side's media address from its SDP.
func (p *phone) hears(sdp string) {
	p.t.Helper()
	_, rest, ok := strings.Cut(sdp, "m=audio ")
	port, _, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(port)
	if !ok || err != nil {
		p.t.Fatalf("no audio in %q", sdp)
	}
	p.media.Store(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: n})
}

// call dials and expects to be answered.
func (p *phone) call(server, number string) {
	p.t.Helper()
	p.invite(server, number)
	if m := p.final(); m.status() != 200 {
		p.t.Fatalf("%s: %s", number, m.first)
	}
}

// bye hangs up.
func (p *phone) bye() {
	p.t.Helper()
	p.cseq++
	p.request("BYE", "")
	for p.reply().status() != 200 {
	}
}

// reinvite changes the direction of the call's media.
func (p *phone) reinvite(direction string) {
	p.t.Helper()
	p.cseq++
	p.version++
	p.request("INVITE", strings.Replace(strings.Replace(p.sdp(), "sendrecv", direction, 1), "o=- 1 1", fmt.Sprintf("o=- 1 %d", p.version+1), 1))
	if m := p.final(); m.status() != 200 {
		p.t.Fatalf("re-INVITE: %s", m.first)
	}
}

// byeTo hangs up a call that was taken with invite.
func (p *phone) byeTo(invite *message) {
	p.t.Helper()
	p.peer, p.id, p.cseq = invite.from, invite.header.Get("Call-Id"), 1
	p.from, p.to = invite.header.Get("To")+";tag=phone", invite.header.Get("From")
	_, contact, _ := strings.Cut(invite.header.Get("Contact"), "<")
	p.uri, _, _ = strings.Cut(contact, ">")
	p.bye()
}

// take waits for a call and answers it.
func (p *phone) take() *message {
	p.t.Helper()
	select {
	case m := <-p.invites:
		p.answer(m, "200 OK", "", p.sdp())
		p.hears(m.body)
		return m
	case <-time.After(30 * time.Second):
		p.t.Fatal("nobody called within 30 s")
		return nil
	}
}

// hungUp waits for the other side's BYE.
func (p *phone) hungUp() {
	p.t.Helper()
	select {
	case <-p.byes:
	case <-time.After(30 * time.Second):
		p.t.Fatal("no BYE within 30 s")
	}
}

func (p *phone) readRTP() {
	buf := make([]byte, 2048)
	for {
		n, _, err := p.rtp.ReadFromUDP(buf)
		if err != nil {
			return
		}
		if n >= 16 && buf[1]&0x7f == 101 && buf[13]&0x80 != 0 {
			p.keys.Add(1)
		}
		if n < 13 || buf[1]&0x7f != 0 {
			continue
		}
		p.packets.Add(1)
		pcm := make([]int16, n-12)
		audio.DecodeMu(pcm, buf[12:n])
		p.soundMu.Lock()
		p.sound = append(p.sound, pcm...)
		p.sound = p.sound[max(0, len(p.sound)-3200):]
		p.soundMu.Unlock()
		if slices.Max(pcm) > 2000 {
			p.loud.Add(1)
		}
	}
}

// talk sends a packet every 20 ms once the other side's address is known.
func (p *phone) talk() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	packet := make([]byte, 12+160)
	packet[0] = 0x80
	var pcm [160]int16
	began := time.Now()
	for seq := 0; ; seq++ {
		for time.Since(began) < time.Duration(seq)*20*time.Millisecond { // ticks get lost on a busy machine, packets do not
			select {
			case <-p.stop:
				return
			case <-tick.C:
			}
		}
		select {
		case <-p.stop:
			return
		default:
		}
		to := p.media.Load()
		if to == nil || p.mute.Load() {
			continue
		}
		binary.BigEndian.PutUint16(packet[2:], uint16(seq))
		binary.BigEndian.PutUint32(packet[4:], uint32(seq*160))
		binary.BigEndian.PutUint32(packet[8:], uint32(p.port()))
		clear(pcm[:])
		freq := float64(max(p.tone.Load(), 440))
		for i := range pcm {
			if p.speak.Load() {
				pcm[i] = int16(8000 * math.Sin(2*math.Pi*freq*float64(seq*160+i)/8000))
			}
		}
		audio.EncodeMu(packet[12:], pcm[:])
		_, _ = p.rtp.WriteToUDP(packet, to)
	}
}

// press sends a key by RFC 4733: three packets of the event, three of its end.
func (p *phone) press(key byte) {
	to := p.media.Load()
	event := strings.IndexByte("0123456789*#ABCD", key)
	packet := make([]byte, 16)
	packet[0], packet[1] = 0x80, 101|0x80
	stamp := uint32(time.Now().UnixNano() / 125000)
	for i := range 6 {
		binary.BigEndian.PutUint16(packet[2:], uint16(40000+int(stamp)%10000+i))
		binary.BigEndian.PutUint32(packet[4:], stamp)
		binary.BigEndian.PutUint32(packet[8:], uint32(p.port()))
		packet[12], packet[13] = byte(event), 10
		if i >= 3 {
			packet[13] |= 0x80
		}
		binary.BigEndian.PutUint16(packet[14:], uint16(160*min(i+1, 4)))
		_, _ = p.rtp.WriteToUDP(packet, to)
		packet[1] = 101
	}
}

// waitFor asks again and again, for at most ten seconds.
func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s: " + what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
