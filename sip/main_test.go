package sip

import (
	"flag"
	"testing"
	"time"

	gosip "github.com/emiago/sipgo/sip"
	"go.uber.org/goleak"

	"tingxin/sip/wire"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if fuzz := flag.Lookup("test.fuzz"); fuzz != nil && fuzz.Value.String() != "" {
		useTimers(time.Millisecond, 4*time.Millisecond, 4*time.Millisecond) // as fuzzServer
	}
	useTimers(20*time.Millisecond, 160*time.Millisecond, 200*time.Millisecond) // as fast: they belong to the process
	goleak.VerifyTestMain(m)
}

// ackFor builds the ACK of a refusal (RFC 3261 17.1.1.3).
func ackFor(req, resp *wire.Message) *wire.Message {
	n, _, _ := req.CSeq()
	m := &wire.Message{Method: "ACK", URI: req.URI}
	m.SetVia(req.Via())
	m.Add("Max-Forwards", "70")
	for _, h := range req.Headers {
		if h.Name == "Route" {
			m.Add("Route", h.Value)
		}
	}
	return m.Add("From", req.Get("From")).Add("To", resp.Get("To")).Add("Call-ID", req.CallID()).
		Add("CSeq", itoa(int(n))+" ACK")
}

// receive takes a message as if a socket had read it.
func (s *Server) receive(m *wire.Message, f flow) {
	a := s.guard(m, f)
	if a == nil {
		return
	}
	r, err := testParser.ParseSIP(m.Bytes())
	if err != nil {
		s.refused(a)
		return
	}
	r.SetTransport(upper(f.network()))
	r.SetSource(f.remote().String())
	s.deliver(a, r)
}

var testParser = gosip.NewParser(gosip.WithHeadersParsers(lengthOnly))
