package e2e

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// TestDatabaseAway takes the database away under running calls and gives it back:
// 10 s, or 30 s with TINGXIN_E2E_FULL=1.
func TestDatabaseAway(t *testing.T) {
	alongside(t)
	away := 10 * time.Second
	if full() {
		away = 30 * time.Second
	}
	cfg := pgtest.Private(t)
	cluster := startCluster(t, cfg)
	url := cluster.DSN("")
	s := speakingServer(t, options{Workers: 1, AdmitAll: true, Database: url})
	feed, agent := s.listen(t), newAgent(t)
	said, short := say(t, "sense-4", "sense-1", "sense-3"), say(t, "sense-3")
	if !full() {
		said = say(t, "sense-4", "sense-1")
	}
	calls := []*talk{s.talk(t.Context(), agent, callerNumber(0), said), s.talk(t.Context(), agent, callerNumber(1), said)}
	for _, k := range calls {
		k.speaking(t)
	}
	feed.await(t, calls[0].from, "first words", 20*time.Second, func([]happening) bool { return len(feed.finals(calls[0].from, "caller")) > 0 })
	if err := cluster.Close(); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	// Taken, heard and ended while the database is away; the third one is still there when it comes back.
	calls = append(calls, s.talk(t.Context(), agent, callerNumber(2), short), s.talk(t.Context(), agent, callerNumber(3), said))
	for _, k := range calls[2:] {
		k.speaking(t)
	}
	if s.ready() {
		t.Error("the server says that it is ready without its database")
	}
	time.Sleep(time.Until(stopped.Add(away)))
	cluster = startCluster(t, cfg)
	t.Logf("database was away for %v", time.Since(stopped).Round(time.Millisecond))
	for _, k := range calls {
		k.completed(t)
		feed.await(t, k.from, "end", 20*time.Second, has("call.ended"))
	}
	eventually(t, 20*time.Second, "everything in the database", func() bool {
		db := s.system(t).Database
		return s.ready() && db.State != "away" && db.QueuedWrites == 0
	})
	for _, k := range calls {
		s.checkWhole(t, feed, k)
		checkOrder(t, url, feed.callID(k.from))
	}
	s.end(t)
	if err := cluster.Close(); err != nil {
		t.Error(err)
	}
}

func startCluster(t *testing.T, cfg pg.Config) *pg.Cluster {
	t.Helper()
	c := pg.NewCluster(cfg, slog.New(slog.DiscardHandler))
	if err := c.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// checkOrder looks whether the rows of each side were written in the order in which they were said.
func checkOrder(t *testing.T, url, call string) {
	t.Helper()
	db, err := pg.Attach(context.Background(), url, pg.Config{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, side := range []string{"caller", "agent"} {
		seqs, err := pg.Rows(t.Context(), db, pgx.RowTo[int], `select seq from utterances where call_id = $1 and side = $2 order by id`, call, side)
		if err != nil || !slices.IsSorted(seqs) || len(seqs) == 0 {
			t.Errorf("utterances of the %s were written in the order %v: %v", side, seqs, err)
		}
	}
}
