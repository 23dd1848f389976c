package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/chat"
	"tingxin/chat/chattest"
	"tingxin/outbound"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "whsec_tingxin_test"

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// peer is the program at the other end.
type peer struct {
	t    *testing.T
	http *httptest.Server

	mu    sync.Mutex
	fail  int
	got   []event
	known map[string]bool
}

func newPeer(t *testing.T) *peer {
	p := &peer{t: t, known: map[string]bool{}}
	p.http = httptest.NewServer(p)
	t.Cleanup(p.http.Close)
	return p
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	must(p.t, err)
	if err := outbound.Verify(secret, r.Header.Get(outbound.Header), body, time.Now()); err != nil {
		p.t.Errorf("what we send is not signed: %v", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail > 0 {
		p.fail--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	var e event
	if json.Unmarshal(body, &e) != nil || e.ID == "" || e.ID != r.Header.Get("Idempotency-Key") {
		p.t.Errorf("%s", body)
	}
	if !p.known[e.ID] {
		p.known[e.ID] = true
		p.got = append(p.got, e)
	}
}

func (p *peer) Account() string { return "main" }
func (p *peer) Break(n int)     { p.mu.Lock(); defer p.mu.Unlock(); p.fail = n }

func (p *peer) Body(user, id, text string) []byte {
	doc, err := json.Marshal(map[string]any{"id": id, "user": map[string]string{"id": user}, "text": text, "ts": 1764300000})
	must(p.t, err)
	return doc
}

func (p *peer) Got(user string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := []string{}
	for _, e := range p.got {
		if e.Data.User == user {
			out = append(out, e.Data.Text)
		}
	}
	return out
}

func channel(t *testing.T, s *chat.Service, db *pg.DB, p *peer) *Channel {
	t.Helper()
	vault, err := chat.OpenVault(strings.Repeat("ab", 32), "")
	must(t, err)
	accounts := chat.NewAccounts(db, vault)
	doc, err := json.Marshal(Settings{URL: p.http.URL, Private: true})
	must(t, err)
	key := secret
	must(t, db.Tx(t.Context(), func(tx pgx.Tx) error {
		return accounts.Put(t.Context(), tx, chat.Account{Channel: Name, ID: "main", Settings: doc, Enabled: true}, &key)
	}))
	c := New(s, accounts, slog.New(slog.DiscardHandler))
	t.Cleanup(c.Close)
	return c
}

func TestChannelSuite(t *testing.T) {
	chattest.Run(t, pgtest.NewWith(t, pg.Config{MaxConns: 20}), func(t *testing.T, s *chat.Service, db *pg.DB) (chat.Channel, chattest.Peer) {
		p := newPeer(t)
		return channel(t, s, db, p), p
	})
}

func TestRequestsIn(t *testing.T) {
	db := pgtest.NewWith(t, pg.Config{MaxConns: 20})
	var c *Channel
	p := newPeer(t)
	h := chattest.Open(t, db, func(s *chat.Service) {
		c = channel(t, s, db, p)
		s.AddChannel(c)
	})
	in := httptest.NewServer(c)
	t.Cleanup(in.Close)
	post := func(path, key, sign string, body []byte) (int, string) {
		req, err := http.NewRequest("POST", in.URL+path, bytes.NewReader(body))
		must(t, err)
		req.Header.Set(outbound.Header, sign)
		req.Header.Set("Idempotency-Key", key)
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(raw)
	}
	body := p.Body("anna", "m-1", "你好")
	good := outbound.Sign(secret, time.Now(), body)
	var first string
	for i := range 2 {
		status, answer := post("/in/main", "k1", good, body)
		if status != 202 || !strings.Contains(answer, `"seq":1`) {
			t.Errorf("%d %s", status, answer)
		}
		if i == 1 && answer != first {
			t.Errorf("a repeated request is answered otherwise: %s %s", first, answer)
		}
		first = answer
	}
	other := p.Body("anna", "m-2", "other words")
	bad := []byte(`{"id":"x"}`)
	long := bytes.Repeat([]byte(" "), maxBody+1)
	for name, tc := range map[string]struct {
		path, key, sign string
		body            []byte
		status          int
	}{
		"same key, other body": {"/in/main", "k1", outbound.Sign(secret, time.Now(), other), other, 409},
		"no signature":         {"/in/main", "k2", "", body, 401},
		"wrong secret":         {"/in/main", "k2", outbound.Sign("another secret of ours", time.Now(), body), body, 401},
		"old":                  {"/in/main", "k2", outbound.Sign(secret, time.Now().Add(-time.Hour), body), body, 401},
		"no key":               {"/in/main", "", good, body, 400},
		"no message":           {"/in/main", "k3", outbound.Sign(secret, time.Now(), bad), bad, 400},
		"too long":             {"/in/main", "k3", good, long, 413},
		"no account":           {"/in/none", "k3", good, body, 404},
	} {
		if status, answer := post(tc.path, tc.key, tc.sign, tc.body); status != tc.status || !strings.Contains(answer, `"title"`) {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	// The same message under another key, as a sender that forgot: once.
	if status, _ := post("/in/main", "k9", good, body); status != 202 {
		t.Error(status)
	}
	conv, err := h.Current(t.Context(), chat.Person{Channel: Name, Account: "main", User: "anna"})
	must(t, err)
	all, err := h.Thread(t.Context(), conv.ID, 0, 0, 50)
	must(t, err)
	n := 0
	for _, m := range all {
		if m.Direction == chat.In {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d messages", n)
	}
	if st := c.Stats(); st.BadSignature != 3 || st.BadBody != 1 {
		t.Errorf("%+v", st)
	}
}

// Signed or not, what others post is taken or refused by a problem, and counted when it is no message.
func TestAbuseByWebhook(t *testing.T) {
	db := pgtest.NewWith(t, pg.Config{MaxConns: 20})
	var c *Channel
	h := chattest.Open(t, db, func(s *chat.Service) {
		c = channel(t, s, db, newPeer(t))
		s.AddChannel(c)
	})
	in := httptest.NewServer(c)
	t.Cleanup(in.Close)
	bodies := map[string]string{"deep": `{"id":"deep","user":{"id":"u"},"text":` + chattest.Deep + `}`, "user of users": `{"id":"d2","user":{"id":{"id":"u"}},"text":"x"}`, "strange user": `{"id":"d3","user":{"id":"\u0000' or 1=1"},"text":"x"}`}
	for name, text := range chattest.Abuse {
		bodies[name] = fmt.Sprintf(`{"id":%q,"user":{"id":"u","name":%s},"text":%s}`, name, chattest.Raw(text), chattest.Raw(text))
	}
	for name, body := range bodies {
		for _, sign := range []string{outbound.Sign(secret, time.Now(), []byte(body)), body[:min(len(body), 40)]} {
			req, err := http.NewRequest("POST", in.URL+"/in/main", strings.NewReader(body))
			must(t, err)
			req.Header.Set(outbound.Header, strings.Map(func(r rune) rune {
				if r < ' ' || r > '~' {
					return '?'
				}
				return r
			}, sign))
			req.Header.Set("Idempotency-Key", strings.ReplaceAll(name, " ", "-"))
			resp, err := http.DefaultClient.Do(req)
			must(t, err)
			raw, err := io.ReadAll(resp.Body)
			must(t, err)
			resp.Body.Close()
			if resp.StatusCode >= 500 || !json.Valid(raw) || strings.Contains(string(raw), "<script>") || strings.Contains(string(raw), "SQLSTATE") {
				t.Errorf("%s: %d %.200s", name, resp.StatusCode, raw)
			}
		}
	}
	st := c.Stats()
	if st.BadSignature != uint64(len(bodies)) || st.BadBody == 0 || st.Taken == 0 {
		t.Errorf("%+v", st)
	}
	conv, err := h.Current(t.Context(), chat.Person{Channel: Name, Account: "main", User: "u"})
	must(t, err)
	if all, err := h.Thread(t.Context(), conv.ID, 0, 0, 50); err != nil || len(all) == 0 {
		t.Errorf("%d messages, %v", len(all), err)
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	for _, u := range []string{"http://example.com/", "https://127.0.0.1/", "https://[::1]/", "ftp://example.com", "https://user:pw@example.com/", "//x", "https://"} {
		if err := CheckSettings(json.RawMessage(fmt.Sprintf(`{"url":%q}`, u))); !errors.Is(err, outbound.ErrAddress) {
			t.Errorf("%s: %v", u, err)
		}
	}
	must(t, CheckSettings(json.RawMessage(`{"url":"https://hooks.example.com/x"}`)))
	// A name that points to this machine is found out when the connection is made.
	p := newPeer(t)
	ask := client(false)
	defer ask.CloseIdleConnections()
	_, err := ask.Get(strings.Replace(p.http.URL, "127.0.0.1", "localhost", 1))
	if !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("localhost: %v", err)
	}
	if got := transport(err); got.Outcome != chat.Refused {
		t.Errorf("%+v", got)
	}
}

func TestAnswersAreJudged(t *testing.T) {
	for status, want := range map[int]chat.Outcome{200: chat.Delivered, 204: chat.Delivered, 302: chat.Refused, 400: chat.Refused, 404: chat.Refused, 410: chat.Refused, 429: chat.Retry, 500: chat.Retry, 503: chat.Retry} {
		if got := judge(&http.Response{StatusCode: status, Header: http.Header{"Retry-After": {"7"}}}); got.Outcome != want || want == chat.Retry && got.After != 7*time.Second {
			t.Errorf("%d: %+v", status, got)
		}
	}
}

func FuzzReadMessage(f *testing.F) {
	f.Add([]byte(`{"id":"1","user":{"id":"u"},"text":"x"}`))
	f.Add([]byte(`{"id":"1","user":{"id":"u"},"media":[{"url":"https://x"}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := readMessage(b); err == nil && (m.ID == "" || m.User.ID == "") {
			t.Errorf("%q", b)
		}
	})
}
