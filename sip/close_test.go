package sip

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"tingxin/call"
)

func TestCloseDoesNotWaitForAPeerThatIsGone(t *testing.T) {
	t.Parallel()
	c := newCalls(t)
	s := start(t, Config{}, c) // real timers: 32 s
	p := dialPeer(t, s, "udp")
	p.startCall(offerPCMA)
	got := c.next()
	answered := make(chan error, 1)
	go func() { answered <- got.Dialog.Answer(context.Background()) }() // ends with the dialog
	p.recv("200")
	_, out := place(context.Background(), s, p, call.Target{})
	p.reply(p.recv("INVITE|200"), 180)
	begin := time.Now()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("closed after %v", took)
	}
	if err := within(t, answered, "answer"); err == nil {
		t.Error("answered")
	}
	if r := within(t, out, "dial"); r.err == nil {
		t.Error("dialled")
	}
	if _, _, err := s.Dial(context.Background(), call.Target{URI: "sip:1@127.0.0.1"}, newHeard(nil)); err == nil {
		t.Error("dialled after close")
	}
	got.Leg.Close()
}

func TestExternalAddressEverywhere(t *testing.T) {
	t.Parallel()
	cfg := Config{External: "203.0.113.7"}.withDefaults()
	s, err := newServer(cfg, nil, nil, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer s.cancel()
	f := fakeFlow{"udp", netip.MustParseAddrPort("198.51.100.1:5060")}
	if host, port := s.advertised(f); host != "203.0.113.7" || port != 5060 {
		t.Errorf("%s %d", host, port)
	}
	// and the leg's address stands in every description of a call
	c := newCalls(t)
	c.auto = true
	srv := start(t, fast(Config{}), c)
	p := dialPeer(t, srv, "udp")
	d := p.call()
	for _, offer := range []string{"", held("sendonly"), ""} {
		if !strings.Contains(string(d.ok.Body), "c=IN IP4 127.0.0.1") {
			t.Errorf("%s", d.ok.Body)
		}
		m := d.next("INVITE")
		m.SetBody("application/sdp", []byte(offer))
		p.send(m)
		d.take(p.recv("200"))
		ack := d.next("ACK")
		if offer == "" {
			ack.SetBody("application/sdp", []byte(offerPCMA))
		}
		p.send(ack)
	}
	d.bye()
}

func TestSocketBuffersAreSetAndRead(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{SocketBuffer: 256 << 10}), newCalls(t))
	if st := s.Stats(); st.ReceiveBuffer < 128<<10 {
		t.Errorf("receive buffer %d", st.ReceiveBuffer)
	}
}

// TestOverloadIsExplained sends more than the socket holds while its reader
// stands still: what is missing is in the kernel's counter.
func TestOverloadIsExplained(t *testing.T) {
	t.Parallel()
	s := start(t, fast(Config{SocketBuffer: 8 << 10}), newCalls(t))
	p := dialPeer(t, s, "udp")
	sent := uint64(20000)
	b := p.request("OPTIONS", "flood").Bytes()
	for range sent {
		_, _ = p.conn.Write(b)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		st := s.Stats()
		if st.Datagrams+st.KernelDrops == sent {
			t.Logf("%d read, %d dropped by the kernel", st.Datagrams, st.KernelDrops)
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d sent, %d read, %d dropped: the rest is unexplained", sent, st.Datagrams, st.KernelDrops)
		}
	}
}
