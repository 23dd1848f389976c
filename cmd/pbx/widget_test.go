package main

import (
	"errors"
	"log/slog"
	"testing"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/event"
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
