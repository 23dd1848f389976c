package main

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/api"
	"tingxin/pg"
	"tingxin/queue"
)

// TestKilledServerKeepsItsQueue: 50 call-backs and a chat wait, and 3 callers are
// on the line, when the process is killed (SIGKILL).
func TestKilledServerKeepsItsQueue(t *testing.T) {
	cfg := testConfig(t)
	db, err := pg.Attach(t.Context(), cfg.PG.URL, cfg.PG)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := api.ApplyQueues(t.Context(), db, queue.Document{Queues: []queue.QueueDoc{{ID: "support"}}}, "test"); err != nil {
		t.Fatal(err)
	}
	cmd, _ := serveProcess(t, cfg)
	ask := func(id, rest string) {
		body := fmt.Sprintf(`{"op":"enqueue","work":{"id":%q,"queue":"support","urgency":"normal","node":"test",%s}}`, id, rest)
		if _, err := db.Exec(t.Context(), `insert into queue_requests (node, body) values ('elsewhere', $1)`, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 50 {
		ask(fmt.Sprintf("back-%02d", i), `"kind":"voice","callback":{"number":"13800138000"}`)
	}
	for i := range 3 {
		ask(fmt.Sprint("line-", i), `"kind":"voice"`)
	}
	ask("chat", `"kind":"chat"`)
	if _, err := db.Exec(t.Context(), `select pg_notify('tingxin_queue', '{"request":true}')`); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "54 to wait", func() bool {
		n, err := pg.Row(context.Background(), db, pgx.RowTo[int], `select count(*)::int from queue_work where phase = 'waiting'`)
		return err == nil && n == 54
	})
	since, err := pg.Row(t.Context(), db, pgx.RowTo[time.Time], `select since from queue_work where id = 'back-07'`)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "killed"

	s := mustRun(t, cfg)
	items, err := s.queues.Items(t.Context(), "support")
	if err != nil || len(items) != 51 {
		t.Fatalf("%d wait after the restart, want 50 call-backs and the chat; %v", len(items), err)
	}
	for i, it := range items[:50] {
		if it.ID != queue.WorkID(fmt.Sprintf("back-%02d", i)) || it.Phase != queue.Waiting || it.Callback == nil || it.Callback.Number != "13800138000" {
			t.Errorf("place %d: %+v", i, it)
		}
	}
	if d := items[7].Since.Sub(since); d.Abs() > time.Microsecond { // rows hold microseconds
		t.Errorf("back-07 waits since %v, before since %v", items[7].Since, since)
	}
	lost, err := s.queues.Store().Work(t.Context(), "line-1")
	if err != nil || lost.Phase != queue.Ended || lost.Cause != queue.CauseRestart {
		t.Errorf("a caller on the line: %+v %v", lost, err)
	}
}
