package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"tingxin/media"
	"tingxin/sip/wire"
)

func TestReliableProvisional(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA, "Require", "100rel", "Supported", "100rel")
	got := c.next()
	if err := got.Dialog.Ring(context.Background()); err != nil {
		t.Fatal(err)
	}
	ring := d.take(p.recv("180"))
	if ring.Get("RSeq") != "1" || !ring.HasToken("Require", "100rel") {
		t.Fatalf("%s", ring.Bytes())
	}
	p.recv("180") // lost: it comes again
	// early media has to wait for the PRACK, and so does the answer
	go func() { _ = got.Dialog.Progress(context.Background()) }() // ends when the 183 is out
	p.send(d.next("PRACK", "RAck", "9 1 INVITE"))                 // wrong number
	recvSkipping(p, "481", "180")
	prack := d.next("PRACK", "RAck", "1 1 INVITE")
	p.send(prack)
	recvSkipping(p, "200", "180")
	early := d.take(recvSkipping(p, "183", "180"))
	if early.Get("RSeq") != "2" || !strings.Contains(string(early.Body), "m=audio") {
		t.Fatalf("%s", early.Bytes())
	}
	p.send(prack) // its 200 was lost: answered again, nothing happens twice
	recvSkipping(p, "200", "183")
	if dir := got.Leg.Params().Direction; dir != media.SendRecv {
		t.Errorf("early media leg is %v", dir)
	}
	go func() { c.acked <- got.Dialog.Answer(context.Background()) }() // ends with the ACK
	p.send(d.next("PRACK", "RAck", "2 1 INVITE"))
	recvSkipping(p, "200", "183")
	for { // the 200 to PRACK may cross the 200 to INVITE
		m := p.recv("200")
		if _, method, _ := m.CSeq(); method == "INVITE" {
			d.take(m)
			break
		}
	}
	ack := d.next("ACK")
	ack.Set("CSeq", "1 ACK")
	p.send(ack)
	if err := within(t, c.acked, "ack"); err != nil {
		t.Fatal(err)
	}
	for len(p.in) > 0 {
		<-p.in
	}
	d.bye()
	within(t, got.hangup, "hangup")
}

// recvSkipping receives want and passes over repeats of another response.
func recvSkipping(p *peer0, want, skip string) *wire.Message {
	p.t.Helper()
	for {
		if m := p.recv(want + "|" + skip); itoa(m.Status) == want {
			return m
		}
	}
}

func TestPrackNeverComes(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	cfg := fast(Config{})
	s := start(t, cfg, c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA, "Require", "100rel")
	got := c.next()
	begin := time.Now()
	_ = got.Dialog.Progress(context.Background())
	for {
		m := p.recv("183|504")
		if m.Status == 504 {
			p.send(ackFor(d.invite, m))
			break
		}
	}
	if took := time.Since(begin); took < 60*cfg.T1 || took > 90*cfg.T1 {
		t.Errorf("refused after %v", took)
	}
	within(t, got.hangup, "hangup")
}

func TestEarlyMediaWithoutReliability(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	got := c.next()
	_ = got.Dialog.Progress(context.Background())
	early := d.take(p.recv("183"))
	if early.Has("RSeq") || !strings.Contains(string(early.Body), "m=audio") {
		t.Fatalf("%s", early.Bytes())
	}
	go func() { c.acked <- got.Dialog.Answer(context.Background()) }() // ends with the ACK
	ok := d.take(p.recv("200"))
	if string(ok.Body) != string(early.Body) {
		t.Error("the 200 does not repeat the description of the 183")
	}
	d.ack()
	within(t, c.acked, "ack")
	d.bye()
}

func TestOfferInReliableProvisional(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall("", "Supported", "100rel")
	got := c.next()
	_ = got.Dialog.Progress(context.Background())
	early := d.take(p.recv("183"))
	if !strings.Contains(string(early.Body), "m=audio") {
		t.Fatalf("%s", early.Bytes())
	}
	prack := d.next("PRACK", "RAck", early.Get("RSeq")+" 1 INVITE")
	prack.SetBody("application/sdp", []byte(offerPCMA))
	p.send(prack)
	recvSkipping(p, "200", "183")
	if prm := got.Leg.Params(); prm.Remote.Port() != 40000 || prm.Direction != media.SendRecv {
		t.Errorf("%+v", prm)
	}
	go func() { c.acked <- got.Dialog.Answer(context.Background()) }() // ends with the ACK
	d.take(p.recv("200"))
	ack := d.next("ACK")
	ack.Set("CSeq", "1 ACK")
	p.send(ack)
	if err := within(t, c.acked, "ack"); err != nil {
		t.Fatal(err)
	}
	d.bye()
}
