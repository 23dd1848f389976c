package wire

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var rules = &Rules{
	Methods: map[string]bool{"INVITE": true, "ACK": true, "BYE": true, "CANCEL": true, "OPTIONS": true, "UPDATE": true,
		"INFO": true, "PRACK": true, "REGISTER": false, "MESSAGE": false},
	Extensions: map[string]bool{"100rel": true, "timer": true},
}

func torture(t testing.TB) map[string][]byte {
	files, _ := filepath.Glob("../testdata/rfc4475/*.dat")
	if len(files) != 49 {
		t.Fatalf("%d torture messages, want 49", len(files))
	}
	out := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".dat")] = b
	}
	return out
}

func TestTolerantReading(t *testing.T) {
	all := torture(t)
	m, err := Parse(all["wsinv"])
	if err != nil {
		t.Fatal(err)
	}
	if m.CallID() != "wsinv.ndaksdj@192.0.2.1" || m.FromTag() != "98asjd8" || m.ToTag() != "1918181833n" || m.Get("Max-Forwards") != "0068" {
		t.Errorf("%+v", m)
	}
	if n, method, ok := m.CSeq(); n != 9 || method != "INVITE" || !ok {
		t.Errorf("cseq %d %s %v", n, method, ok)
	}
	if v := m.Values("Via"); len(v) != 3 || m.Via().Branch() != "390skdjuw" || m.Via().SentBy() != "192.0.2.2" {
		t.Errorf("via %q", v)
	}
	if a, err := ParseAddress(m.Get("From")); err != nil || a.Name != `J Rosenberg \"` {
		t.Errorf("from %+v %v", a, err)
	}
	m, _ = Parse(all["semiuri"])
	if u, err := ParseURI(m.URI); err != nil || u.User != "user;par=u%40example.net" || u.Host != "example.com" || u.Number() != "user" {
		t.Errorf("uri %+v %v", u, err)
	}
	m, _ = Parse(all["dblreq"])
	if m.Method != "REGISTER" || len(m.Body) != 0 {
		t.Errorf("dblreq: %s with %d bytes", m.Method, len(m.Body))
	}
	m, _ = Parse(all["intmeth"])
	if m.Method != "!interesting-Method0123456789_*+`.%indeed'~" {
		t.Errorf("method %q", m.Method)
	}
	if u, err := ParseURI(m.URI); err != nil || u.Host != "example.com" {
		t.Errorf("%+v %v", u, err)
	}
	if _, err := Parse(all["bigcode"]); !errors.Is(err, ErrUnreadable) {
		t.Errorf("bigcode: %v", err)
	}
	m, err = Parse(all["noreason"])
	if err != nil || m.Status != 100 || m.Reason != "" {
		t.Errorf("noreason %+v %v", m, err)
	}
}

func TestFaultsNameTheHeader(t *testing.T) {
	const base = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n\r\n"
	cases := []struct {
		old, new string
		status   int
	}{
		{"", "", 0},
		{"CSeq: 1", "CSeq: 2147483648", 400}, {"CSeq: 1", "CSeq: 2147483647", 0}, {"CSeq: 1", "CSeq: -1", 400},
		{"To: <sip:a@b>", "To: <sip:a@b", 400}, {"To: <sip:a@b>", "To:", 400}, {"To: <sip:a@b>", "To: <sip:>", 400},
		{"To: <sip:a@b>", "To: sip:a@b;tag", 0}, {"sip:a@b SIP", "tel:+49 SIP", 0}, {"sip:a@b SIP", "mailto:a@b SIP", 416},
		{"sip:a@b SIP", "sip:a@[::1]:5060;lr SIP", 0}, {"sip:a@b SIP", "sip:a@[::1 SIP", 400}, {"sip:a@b SIP", "sip:a@b:99999 SIP", 400},
		{"SIP/2.0\r\nVia", "SIP/3.0\r\nVia", 505}, {"Call-ID: x\r\n", "", 400}, {"Call-ID: x", "Call-ID: x\r\nCall-ID: x", 400},
		{"\r\n\r\n", "\r\nRequire: timer, gruu\r\n\r\n", 420}, {"\r\n\r\n", "\r\nRequire: timer\r\n\r\n", 0},
		{"\r\n\r\n", "\r\nMax-Forwards: 256\r\n\r\n", 400}, {"\r\n\r\n", "\r\nExpires: 4294967296\r\n\r\n", 400},
		{"\r\n\r\n", "\r\nbroken header\r\n\r\n", 400}, {"\r\n\r\n", "\r\nContent-Length: 5\r\n\r\n", 400},
		{"h;branch", "h:70000;branch", 400},
		{"OPTIONS", "INVITE", 0}, {"OPTIONS", "MESSAGE", 405}, {"OPTIONS", "FLY", 501},
	}
	for _, c := range cases {
		data := base
		if c.old == "OPTIONS" {
			data = strings.ReplaceAll(base, c.old, c.new)
		} else if c.old != "" {
			data = strings.Replace(base, c.old, c.new, 1)
		}
		m, err := Parse([]byte(data))
		if err != nil {
			t.Errorf("%q: %v", c.new, err)
			continue
		}
		got := 0
		if m.Via() == nil {
			got = 400 // nothing to answer to; counted and dropped
		} else if f := rules.Check(m); f != nil {
			got = f.Status
		}
		if got != c.status {
			t.Errorf("%q for %q: status %d, want %d", c.new, c.old, got, c.status)
		}
	}
}

func TestBodyOutOfMultipart(t *testing.T) {
	m := &Message{Method: "INVITE"}
	m.SetBody("multipart/mixed;boundary=\"x y\"", []byte("--x y\r\nContent-Type: text/plain\r\n\r\nhi\r\n--x y\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n\r\n--x y--\r\n"))
	if got := string(m.SDP()); got != "v=0\r\n" {
		t.Errorf("%q", got)
	}
}

func TestFramerCutsStreams(t *testing.T) {
	one := "OPTIONS sip:a@b SIP/2.0\r\nContent-Length: 3\r\n\r\nabc"
	stream := "\r\n\r\n" + one + "\r\n\r\n" + one + "SIP/2.0 99999 no\r\nContent-Length: 2\r\n\r\nxx" + one
	for _, step := range []int{1, 3, 7, len(stream)} {
		var f Framer
		n, pings := 0, 0
		for i := 0; i < len(stream); i += step {
			f.Write([]byte(stream[i:min(i+step, len(stream))]))
			for {
				m, err := f.Next()
				if err != nil {
					t.Fatal(err)
				}
				if f.Ping() {
					pings++
				}
				if m == nil {
					break
				}
				if string(m.Body) != "abc" {
					t.Errorf("body %q", m.Body)
				}
				n++
			}
		}
		if n != 3 || pings == 0 || f.Skipped() != 1 || f.Pending() {
			t.Errorf("step %d: %d messages, %d pings", step, n, pings)
		}
	}
}

func TestFramerRefusesOtherProtocols(t *testing.T) {
	for _, s := range []string{"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03", strings.Repeat("A", 40000)} {
		var f Framer
		f.Write([]byte(s))
		if m, err := f.Next(); m != nil || err == nil {
			t.Errorf("%.20q: %v %v", s, m, err)
		}
	}
}

func seedAll(f *testing.F) {
	for _, b := range torture(f) {
		f.Add(b)
	}
}

// FuzzDatagram: never panics, and what is written again reads the same.
func FuzzDatagram(f *testing.F) {
	seedAll(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data)
		if err != nil {
			return
		}
		if m.IsRequest() && m.Via() != nil {
			fault := rules.Check(m)
			if fault != nil && (fault.Status < 400 || fault.Status > 699) {
				t.Fatalf("fault %d", fault.Status)
			}
			again, err := Parse(Answer(m, 400, "", "tag").Bytes())
			if err != nil {
				t.Fatalf("our answer does not parse: %v", err)
			}
			if again.Status != 400 || len(again.Values("Via")) != len(m.Values("Via")) {
				t.Fatalf("answer lost its vias")
			}
			if fault != nil {
				return
			}
		}
		b, err := Parse(m.Bytes())
		if err != nil {
			t.Fatalf("written form does not parse: %v\n%q", err, m.Bytes())
		}
		if b.Method != m.Method || b.URI != m.URI || b.Status != m.Status || string(b.Body) != string(m.Body) || b.CallID() != m.CallID() || b.FromTag() != m.FromTag() {
			t.Fatalf("read differently:\n%+v\n%+v", m, b)
		}
		m.SDP()
	})
}

// FuzzStream: any cutting of the bytes gives the same messages.
func FuzzStream(f *testing.F) {
	for _, b := range torture(f) {
		f.Add(b, uint8(1))
		f.Add(append(append([]byte("\r\n\r\n"), b...), b...), uint8(7))
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint8) {
		whole, ok1 := cut(data, len(data)+1)
		parts, ok2 := cut(data, int(step)+1)
		if ok1 != ok2 && len(data) < MaxHead {
			// a stream refused early is refused whole too
			if ok2 {
				t.Fatal("whole stream refused, the cut one not")
			}
		}
		for i := range min(len(whole), len(parts)) {
			if whole[i] != parts[i] {
				t.Fatalf("message %d differs", i)
			}
		}
	})
}

func cut(data []byte, step int) (out []string, ok bool) {
	var f Framer
	for i := 0; i < len(data); i += step {
		f.Write(data[i:min(i+step, len(data))])
		for {
			m, err := f.Next()
			if m != nil {
				out = append(out, string(m.Bytes()))
			}
			if err != nil {
				return out, false
			}
			if m == nil {
				break
			}
		}
	}
	return out, true
}

// FuzzHeaders: the typed headers never panic and read back what they write.
func FuzzHeaders(f *testing.F) {
	for _, m := range torture(f) {
		if p, err := Parse(m); err == nil {
			for _, h := range p.Headers {
				f.Add(h.Value)
			}
			f.Add(p.URI)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsAny(s, "\r\n") {
			return
		}
		if a, err := ParseAddress(s); err == nil {
			if b, err := ParseAddress(a.String()); err != nil || b.URI != a.URI || len(b.Params) != len(a.Params) {
				t.Fatalf("address %q written as %q: %v", s, a.String(), err)
			}
		}
		if v, err := ParseVia(s); err == nil && !v.Malformed {
			if w, err := ParseVia(v.String()); err != nil || w.Branch() != v.Branch() || w.SentBy() != v.SentBy() {
				t.Fatalf("via %q written as %q: %v", s, v.String(), err)
			}
		}
		if u, err := ParseURI(s); err == nil {
			u.Number()
			u.HostPort(5060)
			u.Transport()
			if esc := Escape(u.Number()); unescape(esc) != u.Number() {
				t.Fatalf("escape %q", u.Number())
			}
		}
		SplitList(s)
	})
}

func FuzzReferTo(f *testing.F) {
	for _, s := range []string{"<sip:a@b>", "<sip:a@b;method=INVITE?Replaces=id%40h%3Bto-tag%3D1%3Bfrom-tag%3D2>", "sip:a@b;x=y", "<tel:+49>", `"A" <sip:b>`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReferTo(s)
		if err != nil {
			return
		}
		again, err := ParseReferTo("<" + r.URI + ">")
		if err != nil || again.URI != r.URI {
			t.Fatalf("%q: %+v, then %+v %v", s, r, again, err)
		}
	})
}

func FuzzReplaces(f *testing.F) {
	for _, s := range []string{"id@h;to-tag=1;from-tag=2", "id;from-tag=2;early-only;to-tag=1", "a;to-tag=;from-tag=x", ";to-tag=1;from-tag=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseReplaces(s)
		if err != nil {
			return
		}
		again, err := ParseReplaces(r.String())
		if err != nil || again != r {
			t.Fatalf("%q: %+v, then %+v %v", s, r, again, err)
		}
	})
}
