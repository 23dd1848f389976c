package sip

import (
	"context"
	"testing"

	"tingxin/call"
	"tingxin/media"
)

func TestCallIsAnsweredAndEnded(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			c := newCalls(t)
			s := start(t, fast(Config{}), c)
			p := dialPeer(t, s, network)
			d := p.startCall(offerPCMA)
			got := c.next()
			if got.From != "2000" || got.To != "1000" || got.FromName != "Peer" || got.Transport != network || got.Trunk != "local" {
				t.Errorf("handed up as %+v", got.Incoming)
			}
			if dir := got.Leg.Params().Direction; dir != media.RecvOnly {
				t.Errorf("before the answer the leg is %v", dir)
			}
			if err := got.Dialog.Ring(context.Background()); err != nil {
				t.Fatal(err)
			}
			d.take(p.recv("180"))
			answered := make(chan error, 1)
			go func() { answered <- got.Dialog.Answer(context.Background()) }() // ends with the ACK
			d.take(p.recv("200"))
			if dir := got.Leg.Params().Direction; dir != media.SendRecv {
				t.Errorf("after the answer the leg is %v", dir)
			}
			d.ack()
			if err := within(t, answered, "the answer's end"); err != nil {
				t.Fatal(err)
			}
			d.bye()
			if cause := within(t, got.hangup, "hangup"); cause != call.CauseCallerHangup {
				t.Errorf("cause %s", cause)
			}
		})
	}
}

func TestWeHangUp(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	p.call()
	got := c.next()
	within(t, c.acked, "ack")
	if err := got.Dialog.Hangup(context.Background(), call.CauseNormal); err != nil {
		t.Fatal(err)
	}
	bye := p.recv("BYE")
	p.reply(bye, 200)
	if bye.Get("Reason") != "Q.850;cause=16" {
		t.Errorf("reason %q", bye.Get("Reason"))
	}
	if err := got.Dialog.Hangup(context.Background(), call.CauseNormal); err != nil {
		t.Errorf("second hangup: %v", err)
	}
	got.Leg.Close()
}
