package feedback

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// road is a way to customers that tests open and shut.
type road struct {
	mu   sync.Mutex
	open bool
	got  []Letter
}

func (r *road) Name() string { return "chat" }

func (r *road) Carry(_ context.Context, l *Letter) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.open {
		return "", ErrShut
	}
	r.got = append(r.got, *l)
	return "message:1", nil
}

// kinds are what arrived, in order.
func (r *road) kinds() []string {
	var out []string
	for _, l := range r.got {
		out = append(out, l.Kind)
	}
	return out
}

// words judges by a list.
type words map[string]float64

func (w words) Complaint(_ context.Context, text string) (float64, string, error) {
	return w[text], "test", nil
}

// desk is a service on a clock that stands until it is moved.
type desk struct {
	*Service
	t    *testing.T
	at   time.Time
	road *road
}

func open(t *testing.T) *desk {
	t.Helper()
	bus := event.NewBus()
	t.Cleanup(bus.Close)
	d := &desk{t: t, at: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), road: &road{open: true}}
	s, err := NewService(Config{}, Parts{DB: pgtest.New(t), Bus: bus, Judge: words{"this is a disgrace": 0.9, "hello": 0.1}, Ways: []Way{d.road}, Now: func() time.Time { return d.at }}, slog.New(slog.DiscardHandler))
	d.Service = s
	d.must(err)
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) id(sql string, args ...any) int64 {
	d.t.Helper()
	id, err := pg.Row(d.t.Context(), d.db, pgx.RowTo[int64], sql, args...)
	d.must(err)
	return id
}

func (d *desk) person() int64 {
	return d.id(`insert into contacts (id, root, name) select n, n, 'Mei' from nextval('contact_ids') n returning id`)
}

func (d *desk) talk(contact int64) int64 {
	return d.id(`insert into conversations (key, channel, external_user, contact_id, last_at, created_at, state, closed_at) values (gen_random_uuid()::text, 'web', gen_random_uuid()::text, $1, $2, $2, 'closed', $2) returning id`, contact, d.at)
}

// later moves the clock and lets time do what it does.
func (d *desk) later(by time.Duration) {
	d.t.Helper()
	d.at = d.at.Add(by)
	d.must(d.Tend(d.t.Context()))
}

func (d *desk) rate(conversation int64, score int, text string) CaseID {
	d.t.Helper()
	d.must(d.Rate(d.t.Context(), conversation, score, nil, text))
	all, _, err := d.Cases(d.t.Context(), CaseQuery{Reason: conversationReason(conversation)})
	d.must(err)
	if len(all) == 0 {
		return 0
	}
	return all[0].ID
}

func (d *desk) is(id CaseID, want State) Case {
	d.t.Helper()
	c, err := d.Get(d.t.Context(), id)
	d.must(err)
	if c.State != want {
		d.t.Fatalf("case is %s, want %s: %+v", c.State, want, c)
	}
	return c
}

func (d *desk) refuses(what string, err, want error) {
	d.t.Helper()
	if !errors.Is(err, want) {
		d.t.Errorf("%s: %v, want %v", what, err, want)
	}
}
