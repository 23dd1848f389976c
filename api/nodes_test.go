package api

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge"

	"tingxin/call"
	"tingxin/pg/pgtest"
)

// fakeNodes are the addresses of other servers.
type fakeNodes map[string]string

func (f fakeNodes) Web() map[string]string { return f }

// TestCallsOfAnotherServer: what runs there is listed here, and what is asked of it
// here is done there, with the asker's own rights.
func TestCallsOfAnotherServer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	far := openWith(t, db)
	nodes := fakeNodes{"far": far.url}
	near := openWith(t, db, func(_ *Config, p *Parts) { p.Nodes = nodes })
	b := near.as(RoleSupervisor)
	snap := func(h *house, node string) string {
		r := call.Record{ID: newCallID(t), State: call.StateActive, StartedAt: h.now(), Node: node}
		must(t, h.store.Begin(t.Context(), r))
		h.live.calls = append(h.live.calls, call.Snapshot{Summary: r.Summary()})
		return r.ID
	}
	here, there := snap(near, "near"), snap(far, "far")
	var live LiveCalls
	b.ok(base+"/calls/live", &live)
	if len(live.Items) != 2 || live.Items[0].ID != here || live.Items[1].ID != there || live.Items[1].Partial == nil {
		t.Errorf("live: %+v", live.Items)
	}
	if a := b.do(http.MethodPost, base+"/calls/"+there+"/hangup", nil); a.status != http.StatusNoContent || len(far.live.ended) != 1 || len(near.live.ended) != 0 {
		t.Errorf("there: %s, far %v, near %v", a, far.live.ended, near.live.ended)
	}
	if a := b.do(http.MethodPost, base+"/calls/"+here+"/hangup", nil); a.status != http.StatusNoContent || len(near.live.ended) != 1 {
		t.Errorf("here: %s, near %v", a, near.live.ended)
	}
	if n := far.audited("call.hangup"); n != 2 {
		t.Errorf("%d audit rows", n)
	}
	// rights and CSRF count before anything is passed on, and there again
	if a := near.as(RoleAgent).do(http.MethodPost, base+"/calls/"+there+"/supervise", map[string]string{"mode": "listen"}); a.status != http.StatusForbidden {
		t.Errorf("an agent supervises: %s", a)
	}
	if a := (&browser{t: t, url: near.url, http: b.http}).do(http.MethodPost, base+"/calls/"+there+"/hangup", nil); a.status != http.StatusForbidden {
		t.Errorf("without the CSRF token: %s", a)
	}
	// neither loops nor hangs
	nodes["far"] = near.url
	if a := b.do(http.MethodPost, base+"/calls/"+there+"/hangup", nil); a.status != http.StatusNotFound {
		t.Errorf("passed on to oneself: %s", a)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	nodes["far"] = gone.URL
	if a := b.do(http.MethodPost, base+"/calls/"+there+"/hangup", nil); a.status != http.StatusServiceUnavailable {
		t.Errorf("to a dead server: %s", a)
	}
	b.ok(base+"/calls/live", &live)
	if len(live.Items) != 1 || live.Items[0].ID != here {
		t.Errorf("live without the dead server: %+v", live.Items)
	}
}

// redis starts Debian's redis-server on a socket of its own.
func redis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Skip("redis-server is not installed (Debian: redis-server)")
	}
	dir := t.TempDir()
	sock := filepath.Join(dir, "redis.sock")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", sock, "--save", "", "--appendonly", "no", "--dir", dir)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	waitFor(t, func() bool { return exec.Command(path, "--version").Run() == nil && exists(sock) })
	return "unix://" + sock
}

func exists(path string) bool {
	m, err := filepath.Glob(path)
	return err == nil && len(m) == 1
}

// TestFeedOfTwoServers: an event at one server reaches the browsers of both, a
// browser that was away catches up at the other one, and a session that ends at one
// ends its feed at the other.
func TestFeedOfTwoServers(t *testing.T) {
	t.Parallel()
	address := redis(t)
	db := pgtest.New(t)
	with := func(c *Config, _ *Parts) { c.Redis = address }
	far, near := openWith(t, db, with), openWith(t, db, with)
	b := near.as(RoleAgent)
	l := b.listen()
	id := newCallID(t)
	channel := callChannel + id
	sub := l.ask(`"subscribe":{"channel":"` + channel + `"}`).Subscribe
	if sub == nil || !sub.Recoverable {
		t.Fatal("no subscription")
	}
	far.bus.Publish("transcript.final", id, "from far")
	if got := l.event(channel); got.Data.Type != "transcript.final" || got.Data.Data != "from far" {
		t.Errorf("%+v", got)
	}
	near.bus.Publish("transcript.final", id, "from near")
	seen := l.event(channel)
	if seen.Data.Data != "from near" {
		t.Errorf("%+v", seen)
	}
	l.conn.Close()
	far.bus.Publish("transcript.final", id, "while away")
	waitFor(t, func() bool { return far.feed.published.Load() >= 2 })
	other := &browser{t: t, url: far.url, http: b.http, csrf: b.csrf} // the same session at the other server
	l = other.listen()
	back := l.ask(`"subscribe":{"channel":"` + channel + `","recover":true,"epoch":"` + sub.Epoch + `","offset":` + fmt.Sprint(seen.Offset) + `}`).Subscribe
	if back == nil || !back.Recovered || len(back.Publications) != 1 || back.Publications[0].Data.Data != "while away" {
		t.Fatalf("%+v", back)
	}
	if a := b.do(http.MethodDelete, base+"/session", nil); a.status >= 300 {
		t.Fatal(a)
	}
	ended := make(chan struct{})
	go func() { // ends with the connection
		defer close(ended)
		buf := make([]byte, 4096)
		for {
			if _, err := l.conn.Read(buf); err != nil {
				return
			}
		}
	}()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Error("the feed of an ended session goes on at the other server")
	}
}

// What a role sees masked comes from every server, and who was away is sent what it missed although nobody else listened as it did.
func TestMaskedFeedOfTwoServers(t *testing.T) {
	t.Parallel()
	address := redis(t)
	db := pgtest.New(t)
	with := func(c *Config, _ *Parts) { c.Redis = address }
	far, near := openWith(t, db, with), openWith(t, db, with)
	near.as(RoleAdmin).want(http.StatusOK, http.MethodPut, "/role-rules/senior", map[string]any{"reach": map[string]string{}, "hidden": []string{"text"}})
	b := near.as(RoleSenior)
	var v SessionView
	b.ok(base+"/session", &v)
	l := b.listen()
	id := newCallID(t)
	channel := callChannel + id + v.Feed
	sub := l.ask(`"subscribe":{"channel":"` + channel + `"}`).Subscribe
	if sub == nil {
		t.Fatal("no subscription")
	}
	knows := func(h *house, clients int) func() bool {
		return func() bool { return len(h.feed.audiences.all(h.now())) == 1 && len(h.feed.audiences.here()) == clients }
	}
	waitFor(t, knows(far, 0))
	for _, h := range []*house{far, near} {
		h.bus.Publish("transcript.final", id, "call me on 13800138000")
		if got := l.event(channel); got.Data.Type != "transcript.final" || strings.Contains(string(got.raw), "13800138000") {
			t.Errorf("%s", got.raw)
		}
	}
	l.conn.Close()
	waitFor(t, knows(near, 0))
	near.bus.Publish("transcript.final", id, "while away")
	waitFor(t, func() bool {
		kept, err := near.feed.node.History(channel, centrifuge.WithLimit(centrifuge.NoLimit))
		return err == nil && len(kept.Publications) == 3
	})
	l = b.listen()
	back := l.ask(`"subscribe":{"channel":"` + channel + `","recover":true,"epoch":"` + sub.Epoch + `","offset":2}`).Subscribe
	if back == nil || !back.Recovered || len(back.Publications) != 1 || back.Publications[0].Data.Data != "while away" {
		t.Errorf("%+v", back)
	}
}

func TestRedisThatIsNotThere(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Listen: "127.0.0.1:0", Redis: "redis://:secret@127.0.0.1:1/0"}, Parts{DB: pgtest.New(t), Bus: nil}, slog.New(slog.DiscardHandler))
	must(t, err)
	err = s.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "api.redis: redis://127.0.0.1:1/0") || strings.Contains(err.Error(), "secret") {
		t.Error(err)
	}
	_ = s.Close()
}
