package sip

import (
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/wire"
)

// tape is a flow that keeps what the server sends.
type tape struct {
	mu   sync.Mutex
	sent []*wire.Message
}

func (f *tape) send(b []byte) error {
	m, err := wire.Parse(b)
	if err != nil {
		panic("we sent what cannot be read: " + string(b))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, m)
	return nil
}
func (f *tape) network() string        { return "tcp" }
func (f *tape) remote() netip.AddrPort { return netip.MustParseAddrPort("127.0.0.1:5070") }
func (f *tape) local() netip.AddrPort  { return netip.MustParseAddrPort("127.0.0.1:5060") }
func (f *tape) reliable() bool         { return true }
func (f *tape) alive() bool            { return true }

// last returns the last message of a kind, nil when there is none.
func (f *tape) last(ok func(*wire.Message) bool) *wire.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := len(f.sent) - 1; i >= 0; i-- {
		if ok(f.sent[i]) {
			return f.sent[i]
		}
	}
	return nil
}

// engines makes real legs on free ports of the machine.
func fuzzEngine(f *testing.F) *media.Engine {
	e, err := media.New(media.Config{Listen: "127.0.0.1", PortMin: -1}, quiet)
	if err != nil {
		f.Fatal(err)
	}
	if err := e.Start(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	return e
}

// FuzzMessages: whatever comes, the server neither panics nor keeps a dialog
// after Close.
func FuzzMessages(f *testing.F) {
	files, _ := filepath.Glob("testdata/rfc4475/*.dat")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	e := fuzzEngine(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := wire.Parse(data)
		if err != nil {
			return
		}
		s, done := fuzzServer(t, e)
		fl := &tape{}
		s.receive(m, fl)
		if again, err := wire.Parse(data); err == nil {
			s.receive(again, fl)
		}
		done()
		if n := s.stats.bad.snapshot()["panic"]; n != 0 {
			t.Fatal("panic")
		}
		if m.IsRequest() && m.Method != "ACK" && m.Via() != nil && len(fl.sent) == 0 {
			t.Fatalf("no answer to %q", data)
		}
	})
}

func fuzzServer(t *testing.T, e legMaker) (s *Server, done func()) {
	c := newCalls(t)
	cfg := Config{T1: time.Millisecond, T2: 4 * time.Millisecond, T4: 4 * time.Millisecond}
	s, err := newServer(cfg, e, c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s, func() {
		s.Close()
		c.wg.Wait()
		for len(c.got) > 0 {
			(<-c.got).Leg.Close()
		}
		if n := s.stats.dialogs.Load(); n != 0 {
			t.Fatalf("%d dialogs after close", n)
		}
	}
}

// FuzzDialog drives one call through any order of events from both sides:
// no panic, every request is answered once, nothing is left after Close.
func FuzzDialog(f *testing.F) {
	for _, s := range []string{"RA.B", "RP.A.", "C", "A.i.i.u.B", "Ah.i.B", "RrP.p.A.", "e.A.", "AbCk", "A.H", "xA", "A.d.d.o.B", "A.fyyfn.fgB", "A.lfhB"} {
		f.Add(s)
	}
	e := fuzzEngine(f)
	f.Fuzz(func(t *testing.T, events string) {
		if len(events) > 24 {
			events = events[:24]
		}
		s, done := fuzzServer(t, e)
		fl := &tape{}
		p := &peer0{t: t, network: "tcp", local: "127.0.0.1:5070", server: "127.0.0.1:5060", seen: map[string]bool{}}
		headers := []string{}
		if strings.Contains(events, "r") {
			headers = []string{"Require", "100rel"}
		}
		invite := p.request("INVITE", "fuzz", headers...)
		if !strings.Contains(events, "e") {
			invite.SetBody("application/sdp", []byte(offerPCMA))
		}
		d := &dialogue{p: p, callID: "fuzz", from: invite.Get("From"), to: invite.Get("To"), target: invite.URI, invite: invite, seq: 1}
		s.receive(reread(t, invite), fl)
		c := s.acceptor.(*calls)
		got := c.next()
		for _, ev := range events {
			fuzzStep(t, s, fl, d, got, ev)
		}
		done()
		if n := s.stats.bad.snapshot()["panic"]; n != 0 {
			t.Fatal("panic")
		}
		finals := map[string]int{}
		for _, m := range fl.sent {
			if m.Status >= 200 {
				if _, method, _ := m.CSeq(); method != "INVITE" && method != "CANCEL" { // a 200 to INVITE is repeated until its ACK, that of a CANCEL for its repeats
					finals[m.Via().Branch()+m.Get("CSeq")]++
				}
			}
		}
		for k, n := range finals {
			if n != 1 {
				t.Fatalf("%d final answers to %s", n, k)
			}
		}
	})
}

func reread(t *testing.T, m *wire.Message) *wire.Message {
	t.Helper()
	r, err := wire.Parse(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// reporting carries transfers out at once.
type reporting struct{ *heard }

func (reporting) RemoteRefer(r call.Refer) {
	r.Report(180, "")
	r.Report(200, "")
}

// fuzzStep is one event; letters of the peer and of the call layer.
func fuzzStep(t *testing.T, s *Server, fl *tape, d *dialogue, got taken, ev rune) {
	if m := fl.last(func(m *wire.Message) bool { return m.Status > 100 && m.ToTag() != "" }); m != nil {
		d.to = m.Get("To")
	}
	in := func(method, body string, headers ...string) {
		m := d.next(method, headers...)
		m.SetBody("application/sdp", []byte(body))
		s.receive(reread(t, m), fl)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Millisecond)
	defer cancel()
	switch ev {
	case 'R':
		_ = got.Dialog.Ring(ctx)
	case 'P':
		_ = got.Dialog.Progress(ctx)
	case 'A':
		_ = got.Dialog.Answer(ctx)
	case 'x':
		_ = got.Dialog.Reject(ctx, 486, "")
	case 'H':
		_ = got.Dialog.Hangup(ctx, call.CauseNormal)
	case 'h':
		_ = got.Dialog.(*dialog).Hold(ctx, true)
	case '.':
		seq := d.seq
		d.seq = 1
		if m := fl.last(func(m *wire.Message) bool { _, of, _ := m.CSeq(); return m.Status == 200 && of == "INVITE" }); m != nil {
			n, _, _ := m.CSeq()
			d.seq = int(n)
		}
		in("ACK", "")
		d.seq = seq
	case 'k':
		in("ACK", offerPCMA)
	case 'B', 'b':
		in("BYE", "")
	case 'i':
		in("INVITE", held("sendonly"))
	case 'o':
		in("INVITE", "")
	case 'u':
		in("UPDATE", offerPCMA)
	case 'd':
		in("INFO", "")
	case 'p':
		if m := fl.last(func(m *wire.Message) bool { return m.Has("RSeq") }); m != nil {
			in("PRACK", "", "RAck", m.Get("RSeq")+" 1 INVITE")
		}
	case 'f':
		dg := got.Dialog.(*dialog)
		dg.post(func() { dg.handler = reporting{got.heard} })
		in("REFER", "", "Refer-To", "<sip:4711@there>")
	case 'l': // the connection is lost
		s.connectionLost(fl)
	case 'C':
		m := d.invite.Clone()
		m.Method, m.Body = "CANCEL", nil
		m.Set("CSeq", "1 CANCEL")
		s.receive(reread(t, m), fl)
	case 'y', 'n', 'g': // answer our last request
		req := fl.last(func(m *wire.Message) bool { return m.IsRequest() && m.Method != "ACK" })
		if req != nil {
			status := map[rune]int{'y': 200, 'n': 481, 'g': 491}[ev]
			m := wire.Answer(req, status, "", "").Add("Contact", "<sip:2000@127.0.0.1:5070;transport=tcp>")
			m.SetBody("application/sdp", []byte(held("recvonly")))
			s.receive(reread(t, m), fl)
		}
	}
}

// FuzzSipfrag: what is read of a NOTIFY's body is a final or provisional status and one
// line of text, which writes the same again; the writer is that of our own NOTIFYs.
func FuzzSipfrag(f *testing.F) {
	for _, s := range []string{"SIP/2.0 200 OK\r\n", "SIP/2.0 100 Trying", "SIP/2.0 603 Decline\nTo: <sip:x@y>\r\n\r\n", "SIP/2.0 99 x", "SIP/2.0 700 x",
		"SIP/2.0 +20 x", "SIP/2.0  200 OK", "INVITE sip:a@b SIP/2.0", "SIP/2.0 200", "sip/2.0 200 OK", "SIP/2.0 486 Busy\rHere\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		status, reason, err := sipfrag(body)
		if err != nil {
			return
		}
		if status < 100 || status > 699 || strings.ContainsAny(reason, "\r\n") {
			t.Fatalf("%q: %d %q", body, status, reason)
		}
		again, words, err := sipfrag([]byte("SIP/2.0 " + itoa(status) + " " + reason + "\r\n"))
		if err != nil || again != status || words != reason {
			t.Fatalf("%q: %d %q, then %d %q %v", body, status, reason, again, words, err)
		}
	})
}
