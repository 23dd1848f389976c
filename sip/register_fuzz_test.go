package sip

import (
	"bytes"
	"testing"
	"time"

	"github.com/gobwas/ws"

	"tingxin/sip/wire"
)

// FuzzWSFrames: whatever comes, in pieces of any size, the framer keeps its
// bound and gives the same messages as in one piece.
func FuzzWSFrames(f *testing.F) {
	text := func(s string) []byte { return ws.MustCompileFrame(ws.MaskFrame(ws.NewTextFrame([]byte(s)))) }
	f.Add(text("OPTIONS sip:a SIP/2.0\r\n\r\n"), 1)
	f.Add(append(ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(ws.OpText, false, []byte("ab")))),
		ws.MustCompileFrame(ws.MaskFrame(ws.NewFrame(ws.OpContinuation, true, []byte("cd"))))...), 3)
	f.Add([]byte{0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4}, 5)
	f.Add(append(text("x"), ws.MustCompileFrame(ws.MaskFrame(ws.NewPingFrame([]byte("p"))))...), 2)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		take := func(size int) (out [][]byte, broken bool) {
			var fr wsFramer
			for rest := data; ; {
				op, payload, ok, err := fr.Next()
				switch {
				case err != nil:
					return out, true
				case ok:
					if len(payload) > maxWSMessage || op.IsControl() && len(payload) > 125 {
						t.Fatalf("payload of %d bytes", len(payload))
					}
					out = append(out, append([]byte{byte(op)}, payload...))
				case len(rest) == 0:
					return out, false
				default:
					n := min(size, len(rest))
					fr.Write(rest[:n])
					rest = rest[n:]
				}
			}
		}
		one, brokenOne := take(len(data) + 1)
		many, brokenMany := take(1 + abs(piece)%7)
		if brokenOne != brokenMany || !bytes.Equal(bytes.Join(one, []byte{0}), bytes.Join(many, []byte{0})) {
			t.Fatalf("in one piece %q %v, in many %q %v", one, brokenOne, many, brokenMany)
		}
	})
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}

// FuzzAuthorization: no header value lets anybody in or ends the server.
func FuzzAuthorization(f *testing.F) {
	cfg := Config{Users: people}.withDefaults()
	a := newAuthenticator(cfg)
	users := newList(people, cfg.Domain)
	tokens, err := NewTokens(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		f.Fatal(err)
	}
	nonce := a.nonce(time.Now())
	f.Add(`Digest username="ann", realm="tingxin", nonce="` + nonce + `", uri="sip:x", response="00", algorithm=MD5, qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`Digest username="ann", realm="tingxin", nonce="` + nonce + `", uri="sip:x", response=""`)
	f.Add(`Bearer eyJhbGciOiJub25lIn0.e30.`)
	f.Add(`NoOneKnowsThisScheme opaque-data=here`)
	f.Fuzz(func(t *testing.T, value string) {
		m := (&wire.Message{Method: "REGISTER", URI: "sip:tingxin"}).Add("Authorization", value)
		now := time.Now()
		if c := a.credentials(m); c != nil {
			u, _ := users.User(c.Username)
			if v := a.check(c, u.digestAccount(false), m.Method, now); v == authGood {
				t.Fatalf("%q is good", value)
			}
		}
		if token := bearer(m); token != "" {
			if who, err := tokens.VerifyToken(token, now); err == nil {
				t.Fatalf("token of %s", who)
			}
		}
	})
}
