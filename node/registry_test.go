package node

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func begin(t *testing.T, db *pg.DB, name string) *Registry {
	t.Helper()
	r, err := New(Config{SIP: "sip:" + name + ".test:5060", Web: "http://" + name + ".test"}, name, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(15 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func where(t *testing.T, r *Registry, user string) (names []string) {
	t.Helper()
	list, err := r.Where(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range list {
		names = append(names, p.Name)
	}
	return names
}

func TestUsersAreFoundAtOtherServers(t *testing.T) {
	db := pgtest.New(t)
	a, b := begin(t, db, "a"), begin(t, db, "b")
	if len(b.Peers()) != 1 || b.Peers()["a"].SIP != "sip:a.test:5060" {
		t.Errorf("b knows %v", b.Peers())
	}
	hour := time.Now().Add(time.Hour)
	b.Save(Registration{User: "ann", Device: "desk", Transport: "ws", Expires: hour})
	b.Save(Registration{User: "ann", Device: "mobile", Transport: "udp", Expires: hour})
	b.Save(Registration{User: "old", Device: "x", Transport: "udp", Expires: time.Now().Add(-time.Second)})
	eventually(t, "ann at b", func() bool { return len(where(t, a, "ann")) == 1 })
	if got := where(t, b, "ann"); len(got) != 0 {
		t.Errorf("b finds its own users elsewhere: %v", got)
	}
	if got := where(t, a, "old"); len(got) != 0 {
		t.Errorf("an expired registration is found: %v", got)
	}
	eventually(t, "ann in a's memory", func() bool { return a.Reachable("ann") && !a.Reachable("old") && len(a.Peers()) == 1 })
	b.Remove("ann", "desk")
	b.Remove("ann", "mobile")
	eventually(t, "ann away", func() bool { return len(where(t, a, "ann")) == 0 })

	// A server that is dead is not asked, one that comes again begins without registrations.
	b.Save(Registration{User: "ann", Device: "desk", Transport: "ws", Expires: hour})
	eventually(t, "ann at b again", func() bool { return len(where(t, a, "ann")) == 1 })
	b.stop() // killed: it takes nothing out
	b.wg.Wait()
	if _, err := db.Exec(t.Context(), `update nodes set seen_at = now() - interval '7 seconds' where node = 'b'`); err != nil {
		t.Fatal(err)
	}
	if got := where(t, a, "ann"); len(got) != 0 {
		t.Errorf("found at a dead server: %v", got)
	}
	eventually(t, "b forgotten in memory", func() bool { return len(a.Peers()) == 0 && !a.Reachable("ann") })
	again := begin(t, db, "b")
	if got := where(t, a, "ann"); len(got) != 0 {
		t.Errorf("a registration outlived its server: %v", got)
	}
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if st := a.Stats(); st.Failures != 0 || st.Waiting != 0 {
		t.Errorf("%+v", st)
	}
}

func TestTheNewestOfEachDeviceIsWritten(t *testing.T) {
	db := pgtest.New(t)
	a, b := begin(t, db, "a"), begin(t, db, "b")
	hour := time.Now().Add(time.Hour)
	for range 500 {
		a.Save(Registration{User: "ann", Device: "desk", Transport: "ws", Expires: hour})
		a.Remove("ann", "desk")
	}
	a.Save(Registration{User: "ann", Device: "desk", Transport: "wss", Expires: hour})
	eventually(t, "what came last", func() bool { return len(where(t, b, "ann")) == 1 && a.Stats().Waiting == 0 })
	if n := a.Stats().Written; n > 900 {
		t.Errorf("%d writes: nothing was put together", n)
	}
}

func TestSilentServers(t *testing.T) {
	db := pgtest.New(t)
	a := begin(t, db, "a")
	begin(t, db, "b")
	if _, err := db.Exec(t.Context(), `insert into nodes (node, sip, seen_at) values ('dead', 'sip:dead.test', now() - interval '1 minute'), ('slow', 'sip:slow.test', now() - interval '20 seconds')`); err != nil {
		t.Fatal(err)
	}
	silent, err := a.Silent(t.Context())
	if age := time.Since(silent["dead"]); err != nil || len(silent) != 1 || age < 50*time.Second || age > 70*time.Second {
		t.Errorf("%v, %v", silent, err)
	}
}

func TestConfigSentences(t *testing.T) {
	for _, bad := range []Config{{SIP: "10.0.0.1:5060"}, {SIP: "sip:a@10.0.0.1"}, {Web: "http://x"}, {SIP: "sip:x", Web: "10.0.0.1:80"}, {SIP: "sip:x", Web: "http://x/y"}} {
		if bad.Check() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	for _, good := range []Config{{}, {SIP: "sip:10.0.0.1:5060;transport=tcp"}, {SIP: "sip:[::1]:5060", Web: "https://[::1]:8443"}} {
		if err := good.Check(); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
}
