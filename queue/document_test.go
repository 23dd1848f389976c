package queue

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

const goodDocument = `
skills:
  - {name: billing, label: 账单}
calendars:
  - name: office
    zone: Asia/Shanghai
    week:
      monday: [{from: "09:00", to: "12:00"}, {from: "13:00", to: "18:00"}]
    days:
      - {date: 2026-10-01, name: 国庆节}
      - {date: 2026-10-10, as: monday}
agents:
  - {user: agent0, skills: {billing: 0.8}, languages: [zh, en]}
  - {user: Agent1}
queues:
  - id: support
    name: Support
    strategy: longest_idle
    members: [{user: agent0}, {user: Agent1, order: 1}]
    skills: [billing]
    wrap_up: {mode: fixed, time: 30s}
    level: {percent: 90, within: 15s}
    rings: [{floor: 0.5}, {after: 1m30s, floor: 0, anyone: true}]
    calendar: office
`

func TestApplyIsIdempotent(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 2, nil)
	s := NewStore(o.db)
	d, err := ParseDocument([]byte(goodDocument))
	must(t, err)
	apply := func() (a Applied) {
		o.tx(func(ctx context.Context, tx pgx.Tx) (err error) {
			a, err = s.Apply(ctx, tx, d)
			return err
		})
		return a
	}
	if a := apply(); strings.Join(a.Added, " ") != "skill:billing calendar:office" || strings.Join(a.Changed, " ") != "agent:agent0 agent:agent1 queue:support" {
		t.Errorf("first: %+v", a)
	}
	if a := apply(); a.Any() || a.Same != 5 {
		t.Errorf("second: %+v", a)
	}
	queues, err := s.Queues(t.Context())
	must(t, err)
	q := queues[0]
	if q.Strategy != LongestIdle || q.WrapUp != (WrapUp{WrapFixed, 30 * time.Second}) || len(q.Members) != 2 || q.Members[1].Agent != o.agents[1] || q.Rings[1].After != 90*time.Second || q.Calendar != "office" {
		t.Errorf("the queue became %+v", q)
	}
	err = o.db.Tx(t.Context(), func(tx pgx.Tx) error { return s.DeleteCalendar(t.Context(), tx, "office") })
	if !errors.Is(err, ErrState) {
		t.Errorf("a calendar in use was deleted: %v", err)
	}
	srv := o.serve("n1", nil) // and a server starts from it
	if b, err := srv.Boards(t.Context()); err != nil || b[0].Promise.Percent != 90 {
		t.Errorf("%v %+v", err, b)
	}
}

func TestMistakesHaveTheirPlace(t *testing.T) {
	for _, tc := range []struct {
		text, place, says string
	}{
		{"queues:\n  - id: a\n    strategi: best\n", "line 3, column 5", "strategi"},
		{"queues:\n  - id: a\n  - id: b\n    strategy: luck\n", "line 3, column 5", "luck"},
		{"queues:\n  - id: a\n    ring_time: soon\n", "line 3", "soon"},
		{"queues:\n  - id: Big\n", "line 2, column 5", "Big"},
		{"queues:\n  - id: a\n  - id: a\n", "line 3, column 5", "twice"},
		{"agents:\n  - {user: x, skills: {s: 1.5}}\n", "line 2", "1.5"},
		{"calendars:\n  - name: c\n    zone: Mars/Olympus\n", "line 2, column 5", "Mars/Olympus"},
		{"calendars:\n  - name: c\n    zone: UTC\n    days: [{date: 2026-02-30}]\n", "line 4", "2026-02-30"},
		{"queues: [\n", "line 1", ""},
		{"queues: &a []\nskills: *a\n", "line", "aliases"},
		{"- a\n", "line 1", ""},
	} {
		_, err := ParseDocument([]byte(tc.text))
		if err == nil || !strings.Contains(err.Error(), tc.place) || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%q: %v, want %q at %s", tc.text, err, tc.says, tc.place)
		}
	}
}

func FuzzParseDocument(f *testing.F) {
	f.Add([]byte(goodDocument))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := ParseDocument(text)
		if err != nil {
			return
		}
		for i := range d.Queues {
			if err := d.Queues[i].alone(); err != nil {
				t.Errorf("passed and is wrong: %v", err)
			}
		}
	})
}
