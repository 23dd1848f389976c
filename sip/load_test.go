package sip

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"
)

// The tests below look at the whole process, so they do not run in parallel.

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestRequestsWithoutStateCostNothing is the fault of goroutines parked per
// transaction: OPTIONS and REGISTER at a high rate leave nothing behind.
func TestRequestsWithoutStateCostNothing(t *testing.T) {
	s := start(t, fast(Config{}), newCalls(t))
	p := dialPeer(t, s, "udp")
	before, goroutines := heap(), runtime.NumGoroutine()
	peak := 0
	begin := time.Now()
	for i := range 2000 {
		p.send(p.request([]string{"OPTIONS", "REGISTER"}[i%2], fmt.Sprint("storm", i)))
		p.recv("200|405")
		peak = max(peak, runtime.NumGoroutine())
	}
	rate := 2000 / time.Since(begin).Seconds()
	if peak > goroutines+2 {
		t.Errorf("goroutines went from %d to %d", goroutines, peak)
	}
	if st := s.Stats(); st.ServerTransactions != 0 {
		t.Errorf("%d transactions", st.ServerTransactions)
	}
	if after := heap(); after > before+before/20+256<<10 {
		t.Errorf("heap %d before, %d after", before, after)
	}
	t.Logf("%.0f requests/s one after the other", rate)
}

// TestCallsLeaveNothing: goroutines stay within three per live call and all
// is back at the start when the transactions' timers have run.
func TestCallsLeaveNothing(t *testing.T) {
	c := newCalls(t)
	c.auto = true
	cfg := fast(Config{})
	cfg.T1, cfg.T4 = 8*time.Millisecond, 50*time.Millisecond
	s := start(t, cfg, c)
	p := dialPeer(t, s, "udp")
	p.call().bye()
	within(t, c.acked, "ack")
	settle(t, s)
	before, goroutines := heap(), runtime.NumGoroutine()
	for range 8 {
		open := []*dialogue{}
		for range 25 {
			open = append(open, p.call())
			within(t, c.acked, "ack")
		}
		if n := runtime.NumGoroutine(); n > goroutines+3*len(open)+3 {
			t.Errorf("%d goroutines for %d calls", n-goroutines, len(open))
		}
		for _, d := range open {
			d.bye()
		}
	}
	c.wg.Wait()
	for len(c.got) > 0 {
		<-c.got
	}
	settle(t, s)
	for end := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > goroutines && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("goroutines %d before, %d after", goroutines, n)
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("heap %d before, %d after 200 calls", before, after)
	}
}

// settle waits until no dialog and no transaction is left.
func settle(t *testing.T, s *Server) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		st := s.Stats()
		if st.Dialogs == 0 && st.ServerTransactions == 0 && st.ClientTransactions == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("left: %d dialogs, %d + %d transactions", st.Dialogs, st.ServerTransactions, st.ClientTransactions)
		}
	}
}

// TestManySources: nothing is kept per address that a datagram came from.
func TestManySources(t *testing.T) {
	s := start(t, fast(Config{}), newCalls(t))
	server := net.UDPAddrFromAddrPort(netip.MustParseAddrPort(s.on("udp")))
	request := string(dialPeer(t, s, "udp").request("OPTIONS", "ports").Bytes())
	buf := make([]byte, 2048)
	shot := func(from, n int) {
		for i := from; i < from+n; i++ {
			local := &net.UDPAddr{IP: net.IPv4(127, 77, byte(i>>8), byte(i))}
			c, err := net.DialUDP("udp", local, server)
			if err != nil {
				t.Skip("no further loopback addresses: ", err)
			}
			_, _ = c.Write([]byte(strings.Replace(request, "ports", fmt.Sprint("p", i), 1)))
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_, _ = c.Read(buf)
			c.Close()
		}
	}
	shot(0, 1000)
	before := heap()
	n := 9000
	if testing.Short() {
		n = 2000
	}
	shot(1000, n)
	after := heap()
	t.Logf("heap %d before, %d after %d requests from as many sources", before, after, s.Stats().Requests["OPTIONS"])
	if after > before+before/20+128<<10 {
		t.Errorf("heap %d before, %d after", before, after)
	}
}

func BenchmarkOptions(b *testing.B) {
	s, err := newServer(Config{}, nil, nil, quiet)
	if err != nil {
		b.Fatal(err)
	}
	defer s.cancel()
	f := discardFlow{}
	data := []byte("OPTIONS sip:1000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bKabc;rport\r\nMax-Forwards: 70\r\n" +
		"From: <sip:2000@127.0.0.1>;tag=1\r\nTo: <sip:1000@127.0.0.1>\r\nCall-ID: abc\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n")
	b.ReportAllocs()
	for b.Loop() {
		m, err := parseDatagram(data)
		if err != nil {
			b.Fatal(err)
		}
		s.receive(m, f)
	}
}
