package sip

import (
	"context"
	"strings"
	"testing"
	"time"

	"tingxin/call"
)

// Rows of "lost and crossed messages", our side answering.

func TestOKIsRepeatedUntilAck(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		c := newCalls(t)
		c.auto = true
		cfg := fast(Config{})
		s := start(t, cfg, c)
		p := dialPeer(t, s, network)
		begin := time.Now()
		d := p.startCall(offerPCMA)
		first := p.recv("200")
		due := time.Duration(0)
		for i, wait := range []time.Duration{1, 2, 4, 8, 8} { // T1 doubling to T2 = 8 T1
			m := p.recv("200")
			if string(m.Bytes()) != string(first.Bytes()) {
				t.Fatal("the repeat differs")
			}
			due += wait * cfg.T1
			if at := time.Since(begin); at < due || at > due+time.Second {
				t.Errorf("%s: repeat %d after %v, due after %v", network, i+1, at, due)
			}
		}
		d.take(first)
		d.ack()
		if err := within(t, c.acked, "ack"); err != nil {
			t.Fatal(err)
		}
		p.silent(2 * cfg.T2)
		d.bye()
	}
}

func TestAckNeverComes(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	cfg := fast(Config{})
	s := start(t, cfg, c)
	p := dialPeer(t, s, "udp")
	begin := time.Now()
	p.startCall(offerPCMA)
	got := c.next()
	for {
		m := p.recv("200|BYE")
		if m.Method == "BYE" {
			p.reply(m, 200)
			break
		}
	}
	if took := time.Since(begin); took < 60*cfg.T1 || took > 90*cfg.T1 {
		t.Errorf("BYE after %v, want about %v", took, 64*cfg.T1)
	}
	if err := within(t, c.acked, "the answer's error"); err == nil {
		t.Error("answer reported success")
	}
	within(t, got.hangup, "hangup")
	if n := s.Stats().AckMissing; n != 1 {
		t.Errorf("ack_missing %d", n)
	}
}

func TestByeRightAfterOKWaitsForAck(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	got := c.next()
	done := make(chan error, 1)
	go func() { done <- got.Dialog.Answer(context.Background()) }() // ends with the ACK
	d.take(p.recv("200"))
	if err := got.Dialog.Hangup(context.Background(), call.CauseNormal); err != nil {
		t.Fatal(err)
	}
	d.ack()
	m := p.recv("BYE|200")
	for m.Status == 200 {
		m = p.recv("BYE|200")
	}
	p.reply(m, 200)
	within(t, done, "answer")
	got.Leg.Close()
}

func TestCancel(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	cfg := fast(Config{})
	s := start(t, cfg, c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	got := c.next()
	_ = got.Dialog.Ring(context.Background())
	ringing := p.recv("180")
	cancel := d.invite.Clone()
	cancel.Method, cancel.Body = "CANCEL", nil
	cancel.Set("CSeq", "1 CANCEL")
	cancel.Remove("Content-Type")
	p.send(cancel)
	saw := p.recv("200|487")
	other := p.recv("200|487")
	if saw.Status == other.Status {
		t.Fatalf("two %d", saw.Status)
	}
	if cause := within(t, got.hangup, "hangup"); cause != call.CauseCancelled {
		t.Errorf("cause %s", cause)
	}
	// CANCEL lost its 200: sent again, answered again; 487 repeats until its ACK.
	p.send(cancel)
	seen := map[int]int{}
	for seen[200] == 0 || seen[487] < 2 {
		seen[p.recv("200|487").Status]++
	}
	p.send(ackFor(d.invite, p.recv("487")))
	for len(p.in) > 0 {
		<-p.in
	}
	p.silent(2 * cfg.T2)
	// PRACK after CANCEL belongs to nothing.
	d.take(ringing)
	p.send(d.next("PRACK", "RAck", "1 1 INVITE"))
	p.recv("481")
	if n := s.Stats().Dialogs; n != 0 {
		t.Errorf("%d dialogs left", n)
	}
	if err := got.Dialog.Answer(context.Background()); err == nil {
		t.Error("a cancelled call was answered")
	}
}

func TestCancelAfterOKMeansNothing(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	d.take(p.recv("200"))
	cancel := d.invite.Clone()
	cancel.Method, cancel.Body = "CANCEL", nil
	cancel.Set("CSeq", "1 CANCEL")
	p.send(cancel)
	for {
		m := p.recv("200")
		if _, method, _ := m.CSeq(); method == "CANCEL" {
			break
		}
	}
	d.ack()
	within(t, c.acked, "ack")
	d.bye()
}

func TestRefusalIsRepeatedUntilAck(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.err = call.ErrNoRoute
	cfg := fast(Config{})
	s := start(t, cfg, c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	p.recv("404")
	p.recv("404")
	p.send(d.invite) // the INVITE once more: absorbed, answered again
	p.send(ackFor(d.invite, p.recv("404")))
	time.Sleep(cfg.T1)
	for len(p.in) > 0 {
		<-p.in
	}
	p.silent(2 * cfg.T2)
	if n := s.Stats().Dialogs; n != 0 {
		t.Errorf("%d dialogs", n)
	}
}

func TestByeIsAnsweredAgain(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	c.auto = true
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.call()
	within(t, c.acked, "ack")
	bye := d.next("BYE")
	p.send(bye)
	p.recv("200")
	p.send(bye)
	p.recv("200")
	p.send(d.next("BYE"))
	p.recv("481")
}

func TestRepeatedInviteIsOneCall(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, fast(Config{}), c)
	p := dialPeer(t, s, "udp")
	d := p.startCall(offerPCMA)
	got := c.next()
	p.send(d.invite)
	p.send(d.invite)
	if m := p.recv("100"); m.Status != 100 {
		t.Error("a repeated INVITE is answered with the last provisional")
	}
	// the same call on another path
	merged := d.invite.Clone()
	merged.Set("Via", strings.Replace(merged.Get("Via"), "branch=", "branch=z9hG4bKother", 1))
	p.send(merged)
	p.recv("482")
	_ = got.Dialog.Reject(context.Background(), 486, "")
	p.send(ackFor(d.invite, p.recv("486")))
	if len(c.got) != 0 {
		t.Error("a second call was made")
	}
	got.Leg.Close()
}

func TestRandomLoss(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{5, 10, 30} {
		c := newCalls(t)
		c.auto, c.ring = true, true
		s := start(t, fast(Config{}), c)
		p := dialPeer(t, s, "udp")
		rng := uint32(percent)
		lose := func() bool { rng = rng*1664525 + 1013904223; return int(rng>>16)%100 < percent }
		for range 10 {
			lossyCall(t, p, lose)
		}
		deadline := time.Now().Add(30 * time.Second)
		for s.Stats().Dialogs > 0 && time.Now().Before(deadline) {
			time.Sleep(5 * time.Millisecond)
		}
		if st := s.Stats(); st.Dialogs != 0 || st.Requests["INVITE"] < 1 {
			t.Errorf("%d %%: %d dialogs left", percent, st.Dialogs)
		}
	}
}

// lossyCall is a caller that repeats what RFC 3261 wants, over a line that
// loses messages in both directions.
func lossyCall(t *testing.T, p *peer0, lose func() bool) {
	t.Helper()
	out := func(b []byte) {
		if !lose() {
			p.write(string(b))
		}
	}
	m := p.request("INVITE", randomID(6)+"@lossy")
	m.SetBody("application/sdp", []byte(offerPCMA))
	d := &dialogue{p: p, callID: m.CallID(), from: m.Get("From"), to: m.Get("To"), invite: m, seq: p.seq}
	until := func(b []byte, method string) bool {
		wait := 20 * time.Millisecond
		give := time.After(64 * 20 * time.Millisecond)
		out(b)
		repeat := time.NewTimer(wait)
		defer repeat.Stop()
		for {
			select {
			case got := <-p.in:
				if got.CallID() != d.callID || lose() {
					continue
				}
				if _, of, _ := got.CSeq(); got.Status >= 200 && of == "INVITE" {
					d.take(got)
					out(d.next("ACK").Bytes())
					if method == "INVITE" {
						return true
					}
				} else if got.Status >= 200 && of == method {
					return true
				}
			case <-repeat.C:
				out(b)
				wait = min(2*wait, 160*time.Millisecond)
				repeat.Reset(wait)
			case <-give:
				return false
			}
		}
	}
	if !until(m.Bytes(), "INVITE") {
		return
	}
	until(d.next("BYE").Bytes(), "BYE")
}
