package e2e

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// writer is somebody who writes on a web page, by the protocol without a WebSocket (docs/webchat.md, section 3).
type writer struct {
	t           *testing.T
	s           *instance
	site, token string
	conv        string
	seq         int64
	sent        int
	begun       time.Time
	lines       []string // the conversation so far
}

// webMessage is what the tests look at of a frame.
type webMessage struct {
	Type  string `json:"type"`
	Seq   int64  `json:"seq"`
	Conv  string `json:"conv"`
	From  string `json:"from"`
	Text  string `json:"text"`
	Event string `json:"event"`
	Code  string `json:"code"`
}

// visit lets a user of the shop's page sign in: the site is made with a secret, which proves who comes.
func (s *instance) visit(t *testing.T, user string) *writer {
	t.Helper()
	const site, secret = "shop", "a-secret-of-the-shop-1234567890"
	s.put(t, "/api/v1/channels/web/"+site, map[string]any{"name": "Shop", "enabled": true, "secret": secret, "settings": map[string]any{"queue": "support"}})
	proof := hmac.New(sha256.New, []byte(secret))
	proof.Write([]byte(user))
	v := &writer{t: t, s: s, site: site, begun: time.Now()}
	var session struct {
		Token string `json:"token"`
	}
	v.do(http.MethodPost, "/widget/session?site="+site, map[string]string{"user": user, "proof": hex.EncodeToString(proof.Sum(nil))}, &session)
	v.token = session.Token
	return v
}

func (v *writer) do(method, path string, in, out any) {
	v.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.s.api+path, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Origin", v.s.api)
	if v.token != "" {
		req.Header.Set("Authorization", "Bearer "+v.token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatalf("%v\n%s", err, v.s.tail())
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if res.StatusCode != http.StatusOK {
		v.t.Fatalf("%s %s: %s\n%s", method, path, res.Status, b)
	}
	if err := json.Unmarshal(b, out); err != nil {
		v.t.Fatalf("%s: %v\n%s", path, err, b)
	}
}

// note adds a line to the conversation.
func (v *writer) note(who, said string) {
	v.lines = append(v.lines, fmt.Sprintf("%5.1f s  %-7s  %s", time.Since(v.begun).Seconds(), who, said))
}

// writes sends a message and waits for one of ours that holds the words; it must not be asked for anything in between.
func (v *writer) writes(text, words string, never ...string) string {
	v.t.Helper()
	v.sent++
	var answer struct{ Frames []webMessage }
	v.do(http.MethodPost, "/widget/send?site="+v.site, map[string]any{"lang": "en", "frames": []map[string]string{{"type": "msg", "client_msg_id": fmt.Sprintf("m-%d", v.sent), "text": text}}}, &answer)
	if len(answer.Frames) == 0 || answer.Frames[0].Type != "ack" {
		v.t.Fatalf("%q: %+v", text, answer.Frames)
	}
	v.conv = answer.Frames[0].Conv
	v.note("visitor", text)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		var page struct{ Frames []webMessage }
		v.do(http.MethodGet, fmt.Sprintf("/widget/poll?site=%s&conv=%s&after=%d", v.site, v.conv, v.seq), nil, &page)
		for _, m := range page.Frames {
			if m.Type != "msg" || m.Seq <= v.seq {
				continue
			}
			v.seq = m.Seq
			if m.From == "customer" {
				continue
			}
			v.note(m.From, m.Text+m.Event)
			for _, n := range never {
				if strings.Contains(strings.ToLower(m.Text), n) {
					v.t.Fatalf("%q is asked for again:\n%s", n, strings.Join(v.lines, "\n"))
				}
			}
			if strings.Contains(m.Text+m.Event, words) {
				return m.Text
			}
		}
	}
	v.t.Fatalf("no answer with %q:\n%s\n%s", words, strings.Join(v.lines, "\n"), v.s.tail())
	return ""
}
