package kb

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// A judgement that was taken back to is measured by what it answers from then on, not by what the one
// after it had answered.
func TestWatchMeasuresAJudgementFromWhenItIsInUse(t *testing.T) {
	t.Parallel()
	s, records := stocked(t, newVersioned("1"))
	db, now := s.store.db, time.Now()
	s.store.now = func() time.Time { return now }
	learn := func(at time.Time) int64 {
		id, err := pg.Row(t.Context(), db, pgx.RowTo[int64], `insert into kb_models (lang, embed, at, doc, figures) select lang, embed, $1, doc, figures from kb_models where lang = 'en' and active returning id`, at)
		must(t, err)
		return id
	}
	vote := func(at time.Time, up, down int) {
		t.Helper()
		_, err := db.Exec(t.Context(), `insert into kb_events (article_id, kind, at, channel) select $1, case when n <= $3::int then 'up' else 'down' end, $2, 'bot' from generate_series(1, $3::int + $4::int) n`, records["ship en"].ID, at, up, down)
		must(t, err)
	}
	watch := func(want string, active int64) {
		t.Helper()
		said, err := s.Watch(t.Context())
		must(t, err)
		id, err := pg.Row(t.Context(), db, pgx.RowTo[int64], `select id from kb_models where lang = 'en' and active`)
		must(t, err)
		if !strings.HasPrefix(said["en"], want) || want == "" && said["en"] != "" || id != active {
			t.Errorf("%q, and %d is active, want %q and %d", said["en"], id, want, active)
		}
	}
	first, err := pg.Row(t.Context(), db, pgx.RowTo[int64], `update kb_models set at = $1, activated_at = null where lang = 'en' and active returning id`, now.AddDate(0, 0, -30))
	must(t, err)
	second, third := learn(now.AddDate(0, 0, -20)), learn(now.AddDate(0, 0, -10))
	begin := func(id int64, at time.Time) {
		now = at
		must(t, db.Tx(t.Context(), func(tx pgx.Tx) error { return s.Activate(t.Context(), tx, "en", id) }))
	}
	start := now
	vote(start.AddDate(0, 0, -15), 270, 30) // of the second
	begin(third, start.AddDate(0, 0, -10))
	vote(start.AddDate(0, 0, -5), 150, 150)
	now = start
	watch("taken back: 50.0 % of votes down after 10.0 %", second)
	watch("", second) // the votes are of the third
	vote(now.Add(time.Hour), 270, 30)
	watch("", second)
	vote(now.Add(2*time.Hour), 0, 400)
	watch("taken back", first)
}
