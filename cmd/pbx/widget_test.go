package main

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/event"
	"tingxin/feedback"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/sip"
)

// TestVisitorsReplacesIsNoWayIn: who asks to take the place of a call, and is no server of ours, comes in
// as everybody else, by a right that is good once.
func TestVisitorsReplacesIsNoWayIn(t *testing.T) {
	s := newServer(Config{}, slog.New(slog.DiscardHandler))
	s.db = pgtest.New(t)
	var err error
	if s.chat, err = chat.New(chat.Config{}, chat.Parts{DB: s.db, Bus: event.NewBus(), Jobs: pg.NewJobs(s.db, s.log)}, s.log); err != nil {
		t.Fatal(err)
	}
	calls, err := call.NewManager(call.Config{}, call.Parts{}, s.log)
	if err != nil {
		t.Fatal(err)
	}
	var door sip.Replacer = guests{calls, s}
	for _, to := range []string{"4000", "+4930123456", "park"} {
		h, err := door.Replace(t.Context(), call.Incoming{User: guestPrefix + "nobody", To: to}, nil)
		if h != nil || !errors.Is(err, call.ErrNoRoute) {
			t.Errorf("%s: %v, %v", to, h, err)
		}
	}
}

// TestBadRatingIsToldSo: a reason without words was answered with "try again", so a widget did for ever.
func TestBadRatingIsToldSo(t *testing.T) {
	s := newServer(Config{}, slog.New(slog.DiscardHandler))
	s.db = pgtest.New(t)
	var err error
	if s.feedback, err = feedback.NewService(feedback.Config{}, feedback.Parts{DB: s.db, Now: time.Now}, s.log); err != nil {
		t.Fatal(err)
	}
	id, err := pg.Row(t.Context(), s.db, pgx.RowTo[chat.ID], `insert into conversations (key, channel, external_user, last_at, created_at) values ('k', 'web', 'u', now(), now()) returning id`)
	if err != nil {
		t.Fatal(err)
	}
	if err := (raters{s}).Rate(t.Context(), id, 5, []string{" "}, ""); !errors.Is(err, chat.ErrBad) {
		t.Errorf("a reason without words: %v", err)
	}
	if _, err := (raters{s}).Complain(t.Context(), id, "complaint", "\x00"); !errors.Is(err, chat.ErrBad) {
		t.Errorf("a complaint without words: %v", err)
	}
	if err := (raters{s}).Rate(t.Context(), id, 5, []string{"friendly"}, ""); err != nil {
		t.Errorf("a good one: %v", err)
	}
}
