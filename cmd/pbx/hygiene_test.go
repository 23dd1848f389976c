package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"tingxin/chat"
)

// kept is a log that is kept in lines, each with its level.
type kept struct {
	mu    sync.Mutex
	lines []keptLine
}

type keptLine struct {
	level slog.Level
	text  string
}

// keeper writes records into a kept log as text, with what was added to the logger before.
type keeper struct {
	*kept
	buf  *bytes.Buffer
	text slog.Handler
}

func newKeeper(k *kept) slog.Handler {
	buf := &bytes.Buffer{}
	return keeper{k, buf, slog.NewTextHandler(buf, &slog.HandlerOptions{Level: slog.LevelDebug})}
}

func (k keeper) Enabled(context.Context, slog.Level) bool { return true }

func (k keeper) Handle(ctx context.Context, r slog.Record) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.buf.Reset()
	err := k.text.Handle(ctx, r)
	k.lines = append(k.lines, keptLine{r.Level, k.buf.String()})
	return err
}

func (k keeper) WithAttrs(a []slog.Attr) slog.Handler {
	return keeper{k.kept, k.buf, k.text.WithAttrs(a)}
}
func (k keeper) WithGroup(name string) slog.Handler {
	return keeper{k.kept, k.buf, k.text.WithGroup(name)}
}

// TestLogsTellNothingOfPeople: whatever goes well or wrong, no number, address, name or word of a customer stands in
// the log above debug, and no password, token or secret at any level.
func TestLogsTellNothingOfPeople(t *testing.T) {
	cfg := testConfig(t)
	log := &kept{}
	s := newServer(cfg, slog.New(newKeeper(log)))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.start(ctx); err != nil {
		t.Fatal(err)
	}
	closed := false
	t.Cleanup(func() {
		if !closed {
			_ = s.close(cancelled())
		}
	})
	const (
		number, address, name, words = "13911112222", "quiet.fixture@example.cn", "Zorblatt", "kumquatwords"
		password, wrong, secret      = "fixture-password-77", "wrong-password-88", "fixture-hook-secret-99"
	)
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err == nil {
		_, err = s.db.Exec(ctx, `update users set password_hash = $1 where username = 'admin'`, hash)
	}
	if err != nil {
		t.Fatal(err)
	}
	secrets := []string{password, wrong, secret}
	headers := map[string]string{}
	do := func(method, path string, body any, more ...string) (int, []byte, http.Header) {
		t.Helper()
		raw, _ := body.([]byte)
		if raw == nil {
			raw, _ = json.Marshal(body)
		}
		req, err := http.NewRequestWithContext(ctx, method, s.web.URL()+path, bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		for k, v := range headers {
			req.Header.Set(k, v)
		}
		for i := 0; i+1 < len(more); i += 2 {
			req.Header.Set(more[i], more[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		out, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, out, resp.Header
	}
	want := func(status int, method, path string, body any, more ...string) []byte {
		t.Helper()
		got, out, _ := do(method, path, body, more...)
		if got != status && (got/100 != 2 || status/100 != 2) {
			t.Fatalf("%s %s: %d %.300s", method, path, got, out)
		}
		return out
	}
	const v1 = "/api/v1"
	// Logins.
	want(401, "POST", v1+"/session", map[string]string{"username": name, "password": wrong})
	want(401, "POST", v1+"/session", map[string]string{"username": "admin", "password": wrong})
	status, out, h := do("POST", v1+"/session", map[string]string{"username": "admin", "password": password})
	var session struct{ CSRF string }
	if err := json.Unmarshal(out, &session); err != nil || status != 200 {
		t.Fatalf("sign in: %d %s", status, out)
	}
	cookie, _, _ := strings.Cut(h.Get("Set-Cookie"), ";")
	headers["Cookie"], headers["X-CSRF-Token"] = cookie, session.CSRF
	secrets = append(secrets, strings.TrimPrefix(cookie, "tingxin_session="), session.CSRF)
	want(401, "GET", v1+"/calls", nil, "Authorization", "Bearer tx_"+secret)
	// People, tickets, search, and what is wrong with them.
	want(201, "POST", v1+"/contacts", map[string]any{"name": name, "identities": []map[string]any{{"kind": "phone", "value": number}, {"kind": "email", "value": address}}})
	want(422, "POST", v1+"/contacts", map[string]any{"name": name, "identities": []map[string]any{{"kind": "email", "value": number + words}}})
	want(201, "POST", v1+"/tickets", map[string]any{"type": "question", "subject": words + " " + number, "body": address + " " + name})
	want(422, "POST", v1+"/tickets", map[string]any{"type": words, "subject": number})
	want(200, "GET", v1+"/contacts?q="+number, nil)
	want(200, "GET", v1+"/search?q="+words, nil)
	want(201, "POST", v1+"/feedback", map[string]any{"kind": "complaint", "text": words + " " + number})
	do("POST", v1+"/callbacks", map[string]any{"queue": "support", "number": number})
	do("POST", v1+"/callbacks", map[string]any{"queue": words, "number": number})
	// A program's channel: good, forged, and no message.
	want(204, "PUT", v1+"/channels/webhook/crm", map[string]any{"name": "crm", "enabled": true, "settings": map[string]any{}, "secret": secret})
	hook := func(status int, body string, key string) {
		t.Helper()
		at := fmt.Sprint(time.Now().Unix())
		sum := hmac.New(sha256.New, []byte(key))
		fmt.Fprintf(sum, "%s.%s", at, body)
		want(status, "POST", "/in/crm", []byte(body), "X-CC-Signature", "t="+at+",v1="+hex.EncodeToString(sum.Sum(nil)), "Idempotency-Key", fmt.Sprint(len(body), key))
	}
	letter := fmt.Sprintf(`{"id": "m1", "user": {"id": %q, "name": %q}, "text": %q}`, address, name, words+" "+number)
	hook(202, letter, secret)
	hook(401, letter, wrong)
	hook(400, `{"user": "`+number+`", "text": {"`+words+`": 1}}`, secret)
	// A visitor of the page.
	var visit struct{ Token string }
	if err := json.Unmarshal(want(200, "POST", "/widget/session?site=default", map[string]any{}), &visit); err != nil || visit.Token == "" {
		t.Fatal(err)
	}
	secrets = append(secrets, visit.Token)
	frames := map[string]any{"lang": "en", "frames": []map[string]any{{"type": "msg", "client_msg_id": "m1", "text": words + " my number is " + number}}}
	want(200, "POST", "/widget/send?site=default", frames, "Authorization", "Bearer "+visit.Token)
	do("POST", "/widget/send?site=default", frames, "Authorization", "Bearer "+visit.Token+"x")
	// A call, and keys pressed in it.
	p := newPhone(t)
	p.as = `"` + name + `" <sip:` + number + `@127.0.0.1>`
	p.call(s.udp(t), "echo")
	p.press('7')
	waitFor(t, "the call in the list", func() bool { return len(s.calls.Live()) == 1 })
	p.bye()
	s.cdr(t)
	waitFor(t, "the messages of all", func() bool {
		talks, err := s.chat.List(ctx, 0, chat.Filter{}, "", 10)
		return err == nil && len(talks.Items) == 2
	})
	closed = true
	if err := s.close(cancelled()); err != nil {
		t.Fatal(err)
	}

	log.mu.Lock()
	defer log.mu.Unlock()
	info := 0
	for _, l := range log.lines {
		for _, v := range secrets {
			if strings.Contains(l.text, v) {
				t.Errorf("a secret is told: %s", l.text)
			}
		}
		if l.level < slog.LevelInfo {
			continue
		}
		info++
		for _, v := range []string{number, address, strings.Split(address, "@")[0], name, words} {
			if strings.Contains(strings.ToLower(l.text), strings.ToLower(v)) {
				t.Errorf("%s of a customer is told: %s", v, l.text)
			}
		}
	}
	if info < 5 {
		t.Errorf("%d lines at info and above: nothing was tried", info)
	}
}
