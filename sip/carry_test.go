package sip

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/call"
	"tingxin/sip/wire"
)

// TestMessagesLargerThanSipgosBuffer: a datagram goes through sipgo's parser,
// a stream through its reader in parts.
func TestMessagesLargerThanSipgosBuffer(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	for _, network := range []string{"udp", "tcp", "tls"} {
		p := dialPeer(t, s, network)
		d := p.startCall(offerPCMA, "Subject", strings.Repeat("s", 2*int(gosip.TransportBufferReadSize)+11))
		d.take(d.recv("INVITE", "200"))
		d.ack()
		if err := within(t, c.acked, network+" ack"); err != nil {
			t.Fatal(err)
		}
		if n := len(d.ok.Bytes()); n > 1200 {
			t.Errorf("answer of %d bytes", n)
		}
		d.bye()
	}
}

// TestLongAnswerOverUDP: sipgo's limit of 1300 bytes is for requests.
func TestLongAnswerOverUDP(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	route := "<sip:" + p.local + ";lr;x=" + strings.Repeat("r", 3000) + ">"
	d := p.startCall(offerPCMA, "Record-Route", route)
	if ok := d.take(d.recv("INVITE", "200")); ok.Get("Record-Route") != route {
		t.Errorf("%s", ok.Bytes())
	}
	d.ack()
	within(t, c.acked, "ack")
	d.bye()
}

// TestWhatSipgoCannotReadIsAnswered: a bare CR in a header is nothing to us
// and the end of a line to sipgo.
func TestWhatSipgoCannotReadIsAnswered(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	for _, network := range []string{"udp", "tcp"} {
		p := dialPeer(t, s, network)
		m := p.request("INVITE", "cr-"+network, "Subject", "one\rtwo")
		m.SetBody("application/sdp", []byte(offerPCMA))
		p.send(m)
		p.recv("400")
		if network == "tcp" {
			within(t, p.done, "the end of the connection")
			p = dialPeer(t, s, network)
		}
		p.call().bye()
		within(t, c.acked, "ack")
	}
	if n := s.Stats().Bad["not readable by sipgo"]; n != 2 {
		t.Errorf("counted %d", n)
	}
}

// TestRepeatedRefusalDoesNotHoldTheReader: sipgo waits T2 before it
// acknowledges a refusal again, with its machine locked; that is ours to do.
func TestRepeatedRefusalDoesNotHoldTheReader(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	_, out := place(context.Background(), s, p, call.Target{})
	inv := p.recv("INVITE")
	resp := p.reply(inv, 486)
	first := p.recv("ACK")
	within(t, out, "dial")
	begin := time.Now()
	for range 20 {
		p.send(resp)
	}
	for range 20 {
		if again := p.recv("ACK"); string(again.Bytes()) != string(first.Bytes()) {
			t.Fatalf("%s", again.Bytes())
		}
	}
	if took := time.Since(begin); took > 10*gosip.T2 { // sipgo's way would take 20
		t.Errorf("20 repeats took %v", took)
	}
}

// TestSipgoLogsAtDebugOnly: its records name callers.
func TestSipgoLogsAtDebugOnly(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	h := quietHandler{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})}
	log := slog.New(h).With("a", 1).WithGroup("g")
	for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelError} {
		if log.Enabled(context.Background(), level) {
			t.Errorf("%v is logged", level)
		}
	}
	log = slog.New(quietHandler{slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})})
	log.Error("failed")
	if !strings.Contains(out.String(), "level=DEBUG msg=failed") {
		t.Error(out.String())
	}
}

// TestAnswersKeepEveryByte: sipgo writes our responses as wire does.
func TestAnswersKeepEveryByte(t *testing.T) {
	t.Parallel()
	m, err := wire.Parse([]byte("INVITE sip:a@b SIP/2.0\r\nv: SIP / 2.0/UDP  h ;branch=z9hG4bK1, SIP/2.0/TCP i;branch=z9hG4bK2\r\n" +
		"t:  \"A \\\"q\\\"\"  < sip:a@b >\r\nFROM : sip:c@d ;TAG= x\r\ni: odd(id)\r\nCSEQ:  007   INVITE\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	ours := wire.Answer(m, 183, "", "tag").SetBody("application/sdp", []byte(offerPCMA))
	head, body, _ := strings.Cut(sipgoResponse(ours, discardFlow{}).String(), "\r\n\r\n")
	want, wantBody, _ := strings.Cut(string(ours.Bytes()), "\r\n\r\n")
	if head != want || body != wantBody {
		t.Errorf("sipgo:\n%s\nwire:\n%s", head, want)
	}
}
