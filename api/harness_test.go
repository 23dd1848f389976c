package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/admin"
	"tingxin/call"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/ticket"
	"tingxin/triage"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// centrifuge's Shutdown does not wait for these: they sleep up to a second and then see that the node is gone.
		goleak.IgnoreAnyFunction("github.com/centrifugal/centrifuge/internal/dissolve.(*Dissolver).runWorker"))
}

const password = "correct horse battery"

// house is a running server with a database and a clock of its own.
type house struct {
	*Server
	t       *testing.T
	bus     *event.Bus
	store   *call.Store
	live    *fakeLive
	url     string
	ahead   atomic.Int64 // of the real clock
	folder  string       // of recordings
	clients int
}

// fakeLive is the manager of running calls.
type fakeLive struct {
	calls []call.Snapshot
	ended []string
}

func (f *fakeLive) Live() []call.Snapshot { return f.calls }

func (f *fakeLive) Hangup(id string, cause call.Cause) error {
	for _, c := range f.calls {
		if c.ID == id {
			f.ended = append(f.ended, id+" "+string(cause))
			return nil
		}
	}
	return call.ErrNoCall
}

var pages = fstest.MapFS{
	"index.html":           {Data: []byte("<!doctype html><title>Tingxin</title>" + strings.Repeat(" ", 300))},
	"assets/app-1a2b3c.js": {Data: []byte(strings.Repeat("console.log('hello');\n", 50))},
	"favicon.ico":          {Data: []byte{0, 0, 1}},
}

func open(t *testing.T, change ...func(*Config, *Parts)) *house {
	t.Helper()
	return openWith(t, pgtest.New(t), change...)
}

func openWith(t *testing.T, db *pg.DB, change ...func(*Config, *Parts)) *house {
	t.Helper()
	h := &house{t: t, bus: event.NewBus(), store: call.NewStore(db), live: &fakeLive{}, folder: t.TempDir()}
	cfg := Config{Listen: "127.0.0.1:0", Recordings: h.folder}
	vault, err := admin.NewVault([]byte(strings.Repeat("k", 32)))
	must(t, err)
	parts := Parts{DB: db, Calls: h.store, Bus: h.bus, Live: h.live, Web: pages, Version: "test", Vault: vault,
		Tickets: ticket.NewService(db, h.bus, nil, ticket.Config{}, slog.New(slog.DiscardHandler)),
		Now:     func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }}
	withFeedback(t)(&cfg, &parts)
	parts.Triage = triage.New(triage.Parts{DB: db, Tickets: parts.Tickets}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { parts.Triage.Close() })
	for _, f := range change {
		f(&cfg, &parts)
	}
	s, err := New(cfg, parts, slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelWarn})))
	must(t, err)
	h.Server = s
	must(t, s.Start(t.Context()))
	t.Cleanup(func() { s.Close(); h.bus.Close() })
	h.url = s.URL()
	return h
}

// testWriter shows the server's warnings with the test that caused them.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("server: %s", bytes.TrimSpace(b))
	return len(b), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// later moves the server's clock.
func (h *house) later(d time.Duration) { h.ahead.Add(int64(d)) }

// knownHash is of the password that everybody has here.
var knownHash = sync.OnceValues(func() (string, error) { return argon2id.CreateHash(password, hashing) })

// user adds somebody.
func (h *house) user(name string, role Role) User {
	h.t.Helper()
	hash, err := knownHash()
	must(h.t, err)
	var u User
	must(h.t, h.db.Tx(context.Background(), func(tx pgx.Tx) (err error) {
		u, err = h.users.insert(context.Background(), tx, User{Username: name, Role: role}, hash)
		return err
	}))
	return u
}

// browser is a person at a browser.
type browser struct {
	t    *testing.T
	url  string
	http *http.Client
	csrf string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(h.t, err)
	transport := &http.Transport{DisableCompression: true}
	h.t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: h.t, url: h.url, http: &http.Client{Jar: jar, Transport: transport, Timeout: 20 * time.Second}}
}

// as is a browser with a new user of that role signed in.
func (h *house) as(role Role) *browser {
	h.t.Helper()
	h.clients++
	name := fmt.Sprintf("%s%d", role, h.clients)
	h.user(name, role)
	b := h.browser()
	if a := b.signIn(name, password); a.status != http.StatusOK {
		h.t.Fatalf("sign in as %s: %s", name, a)
	}
	return b
}

// key is a new user's key with those scopes.
func (h *house) key(role Role, scopes ...string) string {
	h.t.Helper()
	h.clients++
	u := h.user(fmt.Sprintf("program%d", h.clients), role)
	var token string
	must(h.t, h.db.Tx(context.Background(), func(tx pgx.Tx) (err error) {
		_, token, err = h.keys.make(context.Background(), tx, u, "test", scopes, nil, "test")
		return err
	}))
	return token
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) String() string { return fmt.Sprintf("%d %s", a.status, a.body) }

// into reads the body as JSON.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a)
	}
}

func (b *browser) do(method, path string, body any, headers ...string) answer {
	b.t.Helper()
	var r io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		must(b.t, err)
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, b.url+path, r)
	must(b.t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if b.csrf != "" {
		req.Header.Set("X-CSRF-Token", b.csrf)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.http.Do(req)
	must(b.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(b.t, err)
	return answer{resp.StatusCode, resp.Header, raw}
}

func (b *browser) get(path string, headers ...string) answer {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil, headers...)
}

// ok is get of something that must be there, read into v.
func (b *browser) ok(path string, v any) {
	b.t.Helper()
	a := b.get(path)
	if a.status != http.StatusOK {
		b.t.Fatalf("GET %s: %s", path, a)
	}
	a.into(b.t, v)
}

func (b *browser) signIn(username, password string) answer {
	b.t.Helper()
	a := b.do(http.MethodPost, base+"/session", map[string]string{"username": username, "password": password})
	var v SessionView
	if a.status == http.StatusOK {
		a.into(b.t, &v)
		b.csrf = v.CSRF
	}
	return a
}

// problemOf is the detail of a problem document.
func problemOf(t *testing.T, a answer) string {
	t.Helper()
	var p struct {
		Status int
		Title  string
		Detail string
	}
	a.into(t, &p)
	if a.header.Get("Content-Type") != "application/problem+json" || p.Status != a.status || p.Title == "" {
		t.Errorf("no problem document: %s %v", a, a.header)
	}
	return p.Detail
}

func newCallID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	must(t, err)
	return id.String()
}

// endedCall puts a finished call with two utterances into the database.
func (h *house) endedCall(started time.Time) call.Record {
	h.t.Helper()
	ctx := context.Background()
	r := call.Record{ID: newCallID(h.t), Direction: call.DirectionIn, From: "+8613800138000", FromName: "Mei", To: "4008", Trunk: "north", Route: "welcome",
		Language: "en", StartedAt: started, AnsweredAt: started.Add(time.Second), EndedAt: started.Add(31 * time.Second), Cause: call.CauseCallerHangup,
		SIPStatus: 200, Consent: call.ConsentAnnounced, Transcription: map[string]string{call.SideCaller: call.TranscriptionDone}, Data: map[string]any{"choice": "1"}}
	must(h.t, h.store.Finish(ctx, r, []call.LegRecord{{CallID: r.ID, N: 1, Side: call.SideCaller, Codec: "PCMA", StartedAt: started,
		Quality: call.Quality{PacketsIn: 1500, MOS: 4.2, LossPct: 0.5, JitterMS: 2}}}))
	for i, text := range []string{"My £20 kettle is broken", "我想退款"} {
		_, err := h.store.AddUtterance(ctx, call.Utterance{CallID: r.ID, Side: call.SideCaller, Seq: i + 1, Start: time.Duration(i) * time.Second,
			End: time.Duration(i)*time.Second + 900*time.Millisecond, Text: text, Raw: text, Turn: i + 1})
		must(h.t, err)
	}
	return r
}

// rest lets all callers have rested for a minute.
func (h *house) rest() {
	h.pace.mu.Lock()
	defer h.pace.mu.Unlock()
	clear(h.pace.buckets)
}
