package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"tingxin/media"
	"tingxin/sip/wire"
)

func held(dir string) string { return strings.Replace(offerPCMA, "a=sendrecv", "a="+dir, 1) }

// answered call with everything at hand
func answeredCall(t *testing.T, cfg Config, network string, headers ...string) (*calls, *Server, *peer0, *dialogue, taken) {
	t.Helper()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(cfg), c)
	p := dialPeer(t, s, network)
	d := p.call(headers...)
	got := c.next()
	if err := within(t, c.acked, "ack"); err != nil {
		t.Fatal(err)
	}
	return c, s, p, d, got
}

func TestHoldInBothDirections(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, Config{}, "udp")
	version := ""
	step := func(offer, wantDir string, wantLeg media.Direction) {
		t.Helper()
		m := d.next("INVITE")
		m.SetBody("application/sdp", []byte(offer))
		p.send(m)
		ok := d.take(p.recv("200"))
		d.ack()
		body := string(ok.Body)
		if !strings.Contains(body, "a="+wantDir+"\r\n") || strings.Contains(body, "0.0.0.0") {
			t.Errorf("answered %s", body)
		}
		if dir := got.Leg.Params().Direction; dir != wantLeg {
			t.Errorf("leg %v, want %v", dir, wantLeg)
		}
		version = body
		within(t, got.media, "RemoteMedia")
	}
	step(held("sendonly"), "recvonly", media.RecvOnly)
	if !within(t, got.hold, "hold") {
		t.Error("not held")
	}
	step(held("inactive"), "inactive", media.Inactive)
	step(held("sendrecv"), "sendrecv", media.SendRecv)
	if within(t, got.hold, "resume") {
		t.Error("still held")
	}
	step(strings.Replace(offerPCMA, "c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0", 1), "recvonly", media.RecvOnly)
	if r := got.Leg.Params().Remote; r.String() != "127.0.0.1:40000" {
		t.Errorf("c=0.0.0.0 changed the remote to %v", r)
	}
	step(offerPCMA, "sendrecv", media.SendRecv)
	// and our own hold
	done := make(chan error, 1)
	hold := got.Dialog.(interface {
		Hold(context.Context, bool) error
	})
	go func() { done <- hold.Hold(context.Background(), true) }() // ends with the peer's answer
	m := p.recv("INVITE")
	if !strings.Contains(string(m.Body), "a=sendonly") {
		t.Errorf("our hold offers %s", m.Body)
	}
	r := d.answerTo(m, 200, held("recvonly"))
	p.recv("ACK")
	p.send(r) // the 200 again: acknowledged again
	p.recv("ACK")
	if err := within(t, done, "hold"); err != nil {
		t.Fatal(err)
	}
	if dir := got.Leg.Params().Direction; dir != media.SendOnly {
		t.Errorf("leg %v", dir)
	}
	d.bye()
	_ = version
}

func TestReinvitesOneAfterTheOther(t *testing.T) {
	t.Parallel()
	_, s, p, d, got := answeredCall(t, Config{}, "udp")
	for i := range 50 { // the first one 0 ms after the ACK
		m := d.next("INVITE")
		m.SetBody("application/sdp", []byte(held([]string{"sendonly", "sendrecv"}[i%2])))
		p.send(m)
		ok := p.recv("200")
		for n, _, _ := ok.CSeq(); int(n) < d.seq; n, _, _ = ok.CSeq() {
			ok = p.recv("200") // repeated because our ACK was slow
		}
		if n, _, _ := ok.CSeq(); int(n) != d.seq {
			t.Fatalf("answer to %d for %d", n, d.seq)
		}
		d.take(ok)
		d.ack()
	}
	if dir := got.Leg.Params().Direction; dir != media.SendRecv {
		t.Errorf("leg %v", dir)
	}
	d.bye()
	if n := s.Stats().Responses["200"]; n != 52 {
		t.Errorf("%d answers 200, want 52", n)
	}
}

func TestEmptyInvitesGetAnOffer(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall("")
	ok := d.take(p.recv("200"))
	if !strings.Contains(string(ok.Body), "m=audio") {
		t.Fatalf("no offer in the 200: %s", ok.Body)
	}
	ack := d.next("ACK")
	ack.SetBody("application/sdp", []byte(offerPCMA))
	p.send(ack)
	got := c.next()
	if err := within(t, c.acked, "ack"); err != nil {
		t.Fatal(err)
	}
	if prm := got.Leg.Params(); prm.Codec != media.PCMA || prm.Remote.Port() != 40000 || prm.Direction != media.SendRecv {
		t.Errorf("%+v", prm)
	}
	m := d.next("INVITE") // and an empty re-INVITE
	p.send(m)
	ok = d.take(p.recv("200"))
	if !strings.Contains(string(ok.Body), "m=audio") {
		t.Fatal("no offer in the 200 to the re-INVITE")
	}
	ack = d.next("ACK")
	ack.SetBody("application/sdp", []byte(strings.Replace(offerPCMA, "40000", "40100", 1)))
	p.send(ack)
	p.send(d.next("OPTIONS")) // the queue is serial: when this is answered the ACK was taken
	p.recv("200")
	if prm := got.Leg.Params(); prm.Remote.Port() != 40100 {
		t.Errorf("%+v", prm)
	}
	d.bye()
}

func TestAckWithoutAnswerEndsTheCall(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall("")
	d.take(p.recv("200"))
	d.ack()
	p.reply(p.recv("BYE"), 200)
	got := c.next()
	within(t, got.hangup, "hangup")
	if err := within(t, c.acked, "answer's error"); err == nil {
		t.Error("answered without media")
	}
}

func TestOverlapAndGlare(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	got := c.next()
	_ = got.Dialog.Ring(context.Background())
	d.take(p.recv("180"))
	m := d.next("INVITE")
	m.SetBody("application/sdp", []byte(offerPCMA))
	p.send(m)
	r := p.recv("500")
	if !r.Has("Retry-After") {
		t.Error("500 without Retry-After")
	}
	p.send(ackFor(m, r))
	go func() { c.acked <- got.Dialog.Answer(context.Background()) }() // ends with the ACK
	ok := d.take(p.recv("200"))
	d.seq = 1
	d.ack()
	d.seq = 2
	within(t, c.acked, "ack")
	_ = ok
	// our re-INVITE is under way when theirs comes
	hold := got.Dialog.(interface {
		Hold(context.Context, bool) error
	})
	done := make(chan error, 1)
	go func() { done <- hold.Hold(context.Background(), true) }() // ends with the peer's answer
	ours := p.recv("INVITE")
	m = d.next("INVITE")
	m.SetBody("application/sdp", []byte(offerPCMA))
	p.send(m)
	p.send(ackFor(m, p.recv("491")))
	// ... and they refuse ours: we come again, as the callee within 2 s (80 ms here)
	begin := time.Now()
	d.answerTo(ours, 491, "")
	p.recv("ACK")
	again := p.recv("INVITE")
	if took := time.Since(begin); took > 250*time.Millisecond {
		t.Errorf("came again after %v", took)
	}
	d.answerTo(again, 200, held("recvonly"))
	p.recv("ACK")
	if err := within(t, done, "hold"); err != nil {
		t.Fatal(err)
	}
	d.bye()
}

// answerTo answers a request of the server inside a dialog.
func (d *dialogue) answerTo(req *wire.Message, status int, body string, headers ...string) *wire.Message {
	d.p.t.Helper()
	m := wire.Answer(req, status, "", "")
	m.Add("Contact", "<sip:2000@"+d.p.local+transportParam(d.p.network)+">")
	for i := 0; i+1 < len(headers); i += 2 {
		m.Set(headers[i], headers[i+1])
	}
	m.SetBody("application/sdp", []byte(body))
	d.p.send(m)
	return m
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, Config{}, "tcp")
	m := d.next("UPDATE", "Supported", "timer", "Session-Expires", "600;refresher=uac")
	p.send(m)
	ok := p.recv("200")
	if ok.Get("Session-Expires") != "600;refresher=uac" || len(ok.Body) != 0 {
		t.Errorf("%s", ok.Bytes())
	}
	m = d.next("UPDATE")
	m.SetBody("application/sdp", []byte(held("sendonly")))
	p.send(m)
	ok = p.recv("200")
	if !strings.Contains(string(ok.Body), "a=recvonly") {
		t.Errorf("%s", ok.Bytes())
	}
	if !within(t, got.hold, "hold") {
		t.Error("not held")
	}
	m = d.next("UPDATE")
	m.SetBody("application/sdp", []byte("v=0\r\nm=audio 4000 RTP/AVP 111\r\nc=IN IP4 127.0.0.1\r\n"))
	p.send(m)
	p.recv("488")
	d.bye()
}

func TestInfoDigits(t *testing.T) {
	t.Parallel()
	_, _, p, d, got := answeredCall(t, Config{}, "udp")
	for _, c := range []struct {
		kind, body string
		key        byte
		ms         int
		status     string
	}{
		{"application/dtmf-relay", "Signal=5\r\nDuration=250\r\n", '5', 250, "200"},
		{"application/dtmf-relay", "Signal= *\nDuration= 100", '*', 100, "200"},
		{"Application/DTMF-Relay; x=y", "Signal=11", '#', 160, "200"},
		{"application/dtmf", "7", '7', 160, "200"},
		{"application/dtmf", " d\r\n", 'D', 160, "200"},
		{"application/dtmf-relay", "Signal=77", 0, 0, "400"},
		{"application/dtmf-relay", "", 0, 0, "200"},
		{"application/media_control+xml", "<x/>", 0, 0, "415"},
	} {
		m := d.next("INFO")
		m.SetBody(c.kind, []byte(c.body))
		p.send(m)
		p.recv(c.status)
		if c.key == 0 {
			if len(got.digits) != 0 {
				t.Errorf("%q made a digit", c.body)
			}
			continue
		}
		if g := within(t, got.digits, "digit"); g.Key != c.key || g.Duration != time.Duration(c.ms)*time.Millisecond || g.Source != "info" {
			t.Errorf("%q: %+v", c.body, g)
		}
	}
	// out of order
	m := d.next("INFO")
	m.Set("CSeq", "1 INFO")
	p.send(m)
	p.recv("500")
	d.bye()
}

func TestOutsideOfAnyDialog(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	for method, want := range map[string]string{"OPTIONS": "200", "REGISTER": "405", "SUBSCRIBE": "405", "BYE": "481", "INFO": "481",
		"UPDATE": "481", "PRACK": "481", "CANCEL": "481", "PING": "501"} {
		p.send(p.request(method, "x"+method))
		m := p.recv(want)
		if (want == "405" || want == "501") && !strings.Contains(m.Get("Allow"), "INVITE") {
			t.Errorf("%s: no Allow", method)
		}
	}
	m := p.request("ACK", "nobody")
	p.send(m)
	m = p.request("INVITE", "stranger")
	m.Set("To", m.Get("To")+";tag=unknown")
	p.send(m)
	p.recv("481")
	if s.Stats().ServerTransactions != 0 {
		t.Error("answers without a dialog left state")
	}
}

func TestOffersThatCannotBeTaken(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	for offer, want := range map[string]string{
		"v=0\r\ngarbage\r\n": "400",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=video 4000 RTP/AVP 31\r\n":                                          "488",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 RTP/AVP 111\r\na=rtpmap:111 opus/48000/2\r\n":            "488",
		"v=0\r\nc=IN IP4 127.0.0.1\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 8\r\na=setup:actpass\r\n":              "488",
		strings.Replace(offerPCMA, "o=peer 1 1", "o=- 18446744073709551616 18446744073709551616", 1) + "a=": "180",
	} {
		d := p.startCall(offer)
		if want == "180" { // ids of any size are fine
			got := c.next()
			_ = got.Dialog.Reject(context.Background(), 480, "")
			want = "480"
			defer got.Leg.Close()
		}
		p.send(ackFor(d.invite, p.recv(want)))
	}
}
