package sip

import (
	"context"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/sip/wire"
)

// lossyLine is a UDP relay in front of a server that loses datagrams both ways.
type lossyLine struct {
	front, back net.PacketConn
	peer        atomic.Pointer[net.UDPAddr]
	lost, sent  atomic.Int64
	percent     int

	mu  sync.Mutex
	rng uint32
}

func newLossyLine(t *testing.T, server string, percent int) *lossyLine {
	t.Helper()
	l := &lossyLine{percent: percent, rng: uint32(percent) + 7}
	to, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*net.PacketConn{&l.front, &l.back} {
		if *c, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() { // ends with its socket
		l.carry(l.front, l.back, func(from net.Addr) net.Addr { l.peer.Store(from.(*net.UDPAddr)); return to })
	})
	wg.Go(func() { // ends with its socket
		l.carry(l.back, l.front, func(net.Addr) net.Addr { return l.peer.Load() })
	})
	t.Cleanup(func() {
		l.front.Close()
		l.back.Close()
		wg.Wait()
	})
	return l
}

func (l *lossyLine) carry(from, to net.PacketConn, where func(net.Addr) net.Addr) {
	buf := make([]byte, 65536)
	for {
		n, addr, err := from.ReadFrom(buf)
		if err != nil {
			return
		}
		dst := where(addr)
		l.mu.Lock()
		l.rng = l.rng*1664525 + 1013904223
		lose := int(l.rng>>16)%100 < l.percent
		l.mu.Unlock()
		l.sent.Add(1)
		if lose {
			l.lost.Add(1)
			continue
		}
		_, _ = to.WriteTo(buf[:n], dst)
	}
}

// TestUserOverLossyLine: a device registers and is called over a line that
// loses; registration holds, every call comes to an end on both sides.
func TestUserOverLossyLine(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{5, 10, 30} {
		near := start(t, fast(Config{Users: people, RegisterMin: time.Second}), newCalls(t))
		line := newLossyLine(t, near.on("udp"), percent)
		c := newCalls(t)
		c.auto, c.ring = true, true
		far := start(t, fast(Config{Trunks: []Trunk{{Name: "home", Proxy: "sip:" + line.front.LocalAddr().String(), Register: true,
			RegisterAs: "sip:ann@tingxin", Credentials: &Auth{Username: "ann", Password: "secret of ann"}, RegisterExpires: 2 * time.Second}}}), c)
		eventually(t, "registered", func() bool { return far.Stats().Trunks[0].Registration == regGood })
		until := far.Stats().Trunks[0].RegisteredUntil
		good := 0
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			d, leg, err := near.Dial(ctx, call.Target{User: "ann", From: "1000"}, newHeard(nil))
			cancel()
			if err == nil {
				good++
				_ = d.Hangup(t.Context(), call.CauseNormal)
				leg.Close()
			}
			if len(near.Bindings("ann")) == 0 { // it was deaf for 64*T1: it comes back with its next refresh
				eventually(t, "registered again", func() bool { return len(near.Bindings("ann")) > 0 })
			}
		}
		eventually(t, "refreshed", func() bool { return far.Stats().Trunks[0].RegisteredUntil.After(until) })
		eventually(t, "no call is left", func() bool { return near.Stats().Dialogs == 0 && far.Stats().Dialogs == 0 })
		for len(c.got) > 0 {
			got := <-c.got
			within(t, got.hangup, "the end of a call")
		}
		t.Logf("%d %%: %d of 10 calls answered, %d of %d datagrams lost", percent, good, line.lost.Load(), line.sent.Load())
		if want := map[int]int{5: 10, 10: 9, 30: 6}[percent]; good < want {
			t.Errorf("%d %%: %d of 10 calls answered", percent, good)
		}
	}
}

// TestTransferOverLossyLine: REFER and its reports arrive over a line that
// loses, and the call ends.
func TestTransferOverLossyLine(t *testing.T) {
	t.Parallel()
	for _, percent := range []int{5, 10, 30} {
		x := newTransfers(t)
		// 64*T1 without an answer is the end of a call: longer than a busy machine stands still.
		s := start(t, Config{T1: 60 * time.Millisecond, T2: 240 * time.Millisecond, T4: 200 * time.Millisecond}, x)
		p := dialPeer(t, s, "udp")
		d := p.call()
		if err := within(t, x.acked, "ack"); err != nil {
			t.Fatal(err)
		}
		rng := uint32(percent)
		lose := func() bool { rng = rng*1664525 + 1013904223; return int(rng>>16)%100 < percent }
		send := func(m *wire.Message) {
			if !lose() {
				p.send(m)
			}
		}
		refer := d.next("REFER", "Refer-To", "<sip:4711@there>")
		var accepted, ended bool
		send(refer)
		repeat := time.NewTicker(60 * time.Millisecond)
		deadline := time.After(30 * time.Second)
		for !accepted || !ended {
			select {
			case m := <-p.in:
				switch _, of, _ := m.CSeq(); {
				case lose():
				case m.Status == 202 && of == "REFER":
					accepted = true
				case m.Method == "NOTIFY":
					send(wire.Answer(m, 200, "", ""))
					ended = ended || strings.HasPrefix(m.Get("Subscription-State"), "terminated") && strings.HasPrefix(string(m.Body), "SIP/2.0 200 ")
				}
			case r := <-x.refers:
				r.Report(180, "")
				r.Report(200, "")
			case <-repeat.C:
				if !accepted {
					send(refer)
				}
			case <-deadline:
				t.Fatalf("%d %%: accepted %v, ended %v", percent, accepted, ended)
			}
		}
		repeat.Stop()
		if len(x.refers) != 0 {
			t.Error("one REFER came up twice")
		}
		p.repeats = true
		bye := d.next("BYE")
		for gone := false; !gone; {
			p.send(bye)
			select {
			case m := <-p.in:
				_, of, _ := m.CSeq()
				gone = m.Status == 200 && of == "BYE"
			case <-time.After(100 * time.Millisecond):
			}
		}
		eventually(t, "the call is over", func() bool { return s.Stats().Dialogs == 0 })
		x.wg.Wait()
	}
}
