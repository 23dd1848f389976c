package seed

import (
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/report"
	"tingxin/ticket"
)

func TestLoadFillsWhatListsSearchesAndReportsRead(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	o := Options{Days: 10, Messages: 3000, Calls: 200, Agents: 6, Seed: 7}
	if err := Load(t.Context(), db, o, io.Discard); err != nil {
		t.Fatal(err)
	}
	count := func(sql string) int {
		t.Helper()
		n, err := pg.Row(t.Context(), db, pgx.RowTo[int], sql)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	for sql, want := range map[string]int{
		`select count(*) from messages`:                                              3000,
		`select count(*) from conversations`:                                         300,
		`select count(*) from calls`:                                                 200,
		`select count(*) from report_touched where hour < date_trunc('hour', now())`: 0,
		`select count(*) from rule_events`:                                           0,
		`select count(*) from conversations c where last_seq <> (select count(*) from messages m where m.thread_id = c.id)`:                                                             0,
		`select count(*) from pg_indexes where indexname in ('messages_terms', 'utterances_words', 'utterances_grams', 'calls_by_number', 'contacts_by_name')`:                          5,
		`select count(*) from messages m where not exists (select from conversations c where c.id = m.thread_id and (c.assignee is null) = (m.user_id is null) or m.author <> 'agent')`: 0,
	} {
		if got := count(sql); got != want {
			t.Errorf("%s: %d, want %d", sql, got, want)
		}
	}
	bus := event.NewBus()
	defer bus.Close()
	log := slog.New(slog.DiscardHandler)
	chats, err := chat.New(chat.Config{}, chat.Parts{DB: db, Bus: bus, Jobs: pg.NewJobs(db, log)}, log)
	if err != nil {
		t.Fatal(err)
	}
	if hits, err := chats.Search(t.Context(), "退款", 0, 10); err != nil || len(hits) != 10 {
		t.Errorf("%d messages, %v", len(hits), err)
	}
	for _, words := range []string{"退款", "courier"} {
		if page, err := call.NewStore(db).List(t.Context(), call.Filter{Query: words}); err != nil || len(page.Items) == 0 {
			t.Errorf("%s: %d calls, %v", words, len(page.Items), err)
		}
	}
	reports, err := report.New(report.Config{}, db, log)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Minute)
	table, err := reports.Table(t.Context(), report.Query{Report: "volume", Since: until.AddDate(0, 0, -11), Until: until, Scope: report.Scope{All: true}})
	if err != nil || *table.Total[0] != 500 {
		t.Errorf("%v contacts, %v", table.Total, err)
	}
	tickets := ticket.NewService(db, bus, nil, ticket.Config{}, log)
	numbers, err := pg.Rows(t.Context(), db, pgx.RowTo[ticket.ID], `select id from tickets`)
	if err != nil || len(numbers) == 0 {
		t.Fatalf("%d tickets, %v", len(numbers), err)
	}
	for _, id := range numbers { // a clock without runs could not be read, so none could be opened
		clocks, err := tickets.Clocks(t.Context(), id)
		if err != nil || len(clocks) == 0 {
			t.Fatalf("ticket %d: %d clocks, %v", id, len(clocks), err)
		}
		for _, c := range clocks {
			if missed := c.Spent > 1; c.Outcome == ticket.Hit && missed || c.Outcome == ticket.Missed && (!missed || c.OverMS <= 0) {
				t.Errorf("ticket %d: %+v", id, c)
			}
		}
	}
	// A conversation that comes afterwards has an id of its own.
	if _, err := db.Exec(t.Context(), `insert into conversations (key, channel, external_user, last_at, created_at) values ('new', 'web', 'new', now(), now())`); err != nil {
		t.Error(err)
	}
	if err := Load(t.Context(), db, o, io.Discard); !errors.Is(err, ErrHoldsRows) {
		t.Errorf("a second load: %v", err)
	}
	if n := count(`select count(*) from messages`); n != 3000 {
		t.Errorf("%d messages after a load that was refused", n)
	}
}
