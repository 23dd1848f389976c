package sip

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/sip/wire"
)

// torture is RFC 4475 with the outcome of each message at this server: the
// status of the answer, 0 = dropped. 404 means that the INVITE was valid and
// reached the call layer, which has no route there; 405 for REGISTER that the
// message was judged valid by a server without registrar.
var torture = map[string]int{
	"wsinv": 481, // its To has a tag: a valid INVITE inside a dialog we do not know
	"esc01": 404, "longreq": 404, "inv2543": 404, "baddate": 404,
	"lwsdisp": 200, "semiuri": 200, "transports": 200, "zeromf": 200,
	"escnull": 405, "dblreq": 405, "mpart01": 405, "cparam01": 405, "cparam02": 405, "regescrt": 405, "regaut01": 405,
	"intmeth": 501, "esc02": 501, "mismatch02": 501,
	"unreason": 0, "noreason": 0, "scalarlg": 0, "bigcode": 0, "bcast": 0,
	"badinv01": 400, "scalar02": 400, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "trws": 400,
	"escruri": 400, "regbadct": 400, "badaspec": 400, "baddn": 400, "mismatch01": 400, "multi01": 400, "insuf": 400,
	"unksm2": 400, "badbranch": 400, "clerr": 400, "ncl": 400, "mcl01": 400,
	"badvers": 505, "unkscm": 416, "novelsc": 416, "bext01": 420, "invut": 415, "sdp01": 406,
}

// routes takes calls to 1000 and knows no other number.
func routes(c *calls) Acceptor {
	return acceptFunc(func(ctx context.Context, in call.Incoming) (call.Handler, error) {
		if in.To != "1000" {
			return nil, call.ErrNoRoute
		}
		return c.Accept(ctx, in)
	})
}

func TestTortureMessagesOverEveryTransport(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/rfc4475/*.dat")
	if len(files) != 49 || len(torture) != 49 {
		t.Fatalf("%d files and %d outcomes, want 49", len(files), len(torture))
	}
	c := newCalls(t)
	c.auto = true
	cfg := fast(Config{})
	cfg.T4 = time.Millisecond // each message comes three times with the same branch
	s := start(t, cfg, routes(c))
	defer c.wg.Wait()
	outer := t
	for _, mode := range []string{"udp", "tcp", "tcp-bytes"} {
		network, _, bytewise := strings.Cut(mode, "-")
		p := dialPeer(t, s, network)
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".dat")
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Run(mode+"/"+name, func(t *testing.T) {
				p.t = t
				if gone := tortureOne(t, p, name, string(data), bytewise); gone {
					p = dialPeer(outer, s, network)
					p.t = t
				}
				p.call().bye()
				within(t, c.acked, "ack")
				p.t = nil
			})
			if p.t != nil && t.Failed() {
				p = dialPeer(t, s, network)
			}
		}
	}
	if bad := s.Stats().Bad; bad["Malformed Via"] != 3 {
		t.Errorf("counted %v", bad)
	}
}

// tortureOne sends one message and checks the answer; gone tells that the
// connection had to end.
func tortureOne(t *testing.T, p *peer0, name, data string, bytewise bool) (gone bool) {
	if p.network != "udp" && name == "baddn" {
		data += "\r\n" // it ends without the empty line; a stream would wait for it
	}
	if bytewise {
		for i := range len(data) {
			if _, err := p.conn.Write([]byte(data[i : i+1])); err != nil {
				break // answered and closed before the body
			}
		}
	} else {
		p.write(data)
	}
	want := torture[name]
	if name == "inv2543" && p.network != "udp" {
		want = 400 // a body without length
	}
	if want == 0 {
		p.silent(20 * time.Millisecond)
		return false
	}
	resp := p.recv(itoa(want) + "|200")
	for resp.Status != want || want == 200 && resp.Get("CSeq") != "" && strings.HasSuffix(resp.Get("CSeq"), "INVITE") {
		resp = p.recv(itoa(want) + "|200") // a slow machine repeats the answer of the call before
	}
	if want == 404 {
		ackRefusal(p, string(data), resp)
	}
	if p.network == "udp" {
		return false
	}
	switch name {
	case "clerr", "ncl", "mcl01", "inv2543": // length wrong or absent
		select {
		case <-p.done:
		case <-time.After(30 * time.Second):
			t.Error("connection stays open after its framing was lost")
		}
		return true
	case "dblreq": // the octets after the first message are a second one, with octets too many behind it
		p.close()
		return true
	}
	return false
}

// ackRefusal acknowledges a refused INVITE of the collection.
func ackRefusal(p *peer0, data string, resp *wire.Message) {
	p.t.Helper()
	req, err := wire.Parse([]byte(data))
	if err != nil {
		p.t.Fatal(err)
	}
	p.send(ackFor(req, resp))
	for len(p.in) > 0 { // a repeat may have been on its way
		<-p.in
	}
}
