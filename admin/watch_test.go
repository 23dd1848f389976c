package admin

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/period"
	"tingxin/pg"
)

func TestWatch(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	rules := map[string]*AlertRule{
		"long":  {Metric: MetricOldest, Operator: ">", Value: 60, For: period.Period(10 * time.Second), Severity: "warning"},
		"low":   {Metric: MetricLevel, Operator: "<", Value: 80, Severity: "critical", Queues: []string{"b"}},
		"quiet": {Metric: MetricOldest, Operator: ">=", Value: 0, Severity: "warning", Off: true},
	}
	values := map[string]map[string]float64{"a": {MetricOldest: 70, MetricLevel: 10}, "b": {MetricOldest: 5}}
	w := NewWatch(s.db, func() map[string]*AlertRule { return rules }, func(context.Context) ([]Figures, error) {
		return []Figures{{"a", values["a"]}, {"b", values["b"]}}, nil
	}, slog.New(slog.DiscardHandler))
	w.now = func() time.Time { return now }
	look := func(want int) []Raised {
		t.Helper()
		must(t, w.Look(ctx))
		all, err := s.Raised(ctx, now)
		must(t, err)
		open := 0
		for _, r := range all {
			if r.EndedAt == nil {
				open++
			}
		}
		if open != want {
			t.Fatalf("%d alerts hold, want %d: %+v", open, want, all)
		}
		return all
	}
	look(0) // not for 10 s yet; b has no level to tell
	now = now.Add(5 * time.Second)
	values["a"][MetricOldest] = 50
	look(0) // broken off: the time begins anew
	now = now.Add(6 * time.Second)
	values["a"][MetricOldest] = 75
	look(0)
	now = now.Add(10 * time.Second)
	values["a"][MetricOldest] = 90
	if r := look(1)[0]; r.Rule != "long" || r.Queue != "a" || r.Value != 90 || r.Severity != "warning" {
		t.Errorf("%+v", r)
	}
	now = now.Add(2 * time.Second)
	values["a"][MetricOldest], values["b"][MetricLevel] = 80, 50
	all := look(2)
	if all[0].Rule != "low" || all[1].Value != 90 {
		t.Errorf("%+v", all)
	}
	until := now.Add(time.Hour)
	ack := func(id int64) error {
		return s.db.Tx(ctx, func(tx pgx.Tx) error { return s.Acknowledge(ctx, tx, id, "sue", now, &until) })
	}
	must(t, ack(all[0].ID))
	values["a"][MetricOldest], values["b"][MetricLevel] = 1, 90
	for _, r := range look(0) {
		if err := ack(r.ID); !errors.Is(err, pg.ErrNotFound) {
			t.Errorf("acknowledged after the end: %v", err)
		}
	}
}

func TestKiosks(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx, now := t.Context(), time.Now()
	var id int64
	var token string
	must(t, s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		id, token, err = s.AddKiosk(ctx, tx, Kiosk{Name: "hall", Queues: []string{"a"}, CreatedBy: "eve", CreatedAt: now})
		return err
	}))
	k, err := s.FindKiosk(ctx, token, now)
	if err != nil || k.Name != "hall" || k.Names || len(token) < 50 {
		t.Errorf("%+v %v %q", k, err, token)
	}
	if all, err := s.Kiosks(ctx); err != nil || len(all) != 1 || all[0].SeenAt == nil {
		t.Errorf("%+v %v", all, err)
	}
	must(t, s.db.Tx(ctx, func(tx pgx.Tx) error { return s.RevokeKiosk(ctx, tx, id, now) }))
	if _, err := s.FindKiosk(ctx, token, now); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("after it was revoked: %v", err)
	}
}
