package contact

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

func say(t *testing.T, s *Store, id ID, p Purpose, state string) {
	t.Helper()
	tx(t, s, func(tx pgx.Tx) error {
		_, err := s.Say(t.Context(), tx, id, Line{Purpose: p, State: state, Channel: "web", Source: "user:li"})
		return err
	})
}

func TestConsentIsOffWithoutAWord(t *testing.T) {
	s := newStore(t)
	id := create(t, s, Change{})
	allowed := func(p Purpose) bool {
		t.Helper()
		l, err := s.State(t.Context(), id, p)
		if err != nil {
			t.Fatal(err)
		}
		return l.Allowed()
	}
	for _, p := range Purposes {
		if allowed(p) != (p == PurposeService) {
			t.Errorf("%s without a word: %v", p, allowed(p))
		}
	}
	for _, step := range []struct {
		p     Purpose
		state string
		want  bool
	}{
		{PurposeMarketing, ConsentAnnounced, false}, {PurposeMarketing, ConsentGiven, true}, {PurposeMarketing, ConsentWithdrawn, false},
		{PurposeMarketing, ConsentGiven, true}, {PurposeEmotion, ConsentAnnounced, true}, {PurposeEmotion, ConsentRefused, false}, {PurposeService, ConsentRefused, false},
	} {
		say(t, s, id, step.p, step.state)
		if allowed(step.p) != step.want {
			t.Errorf("%s %s: %v", step.p, step.state, !step.want)
		}
	}
	all, err := s.States(t.Context(), id)
	if err != nil || len(all) != len(Purposes) || all[3].State != ConsentGiven || all[1].State != ConsentNone {
		t.Errorf("%+v, %v", all, err)
	}
	if lines, err := s.Ledger(t.Context(), id, 100); err != nil || len(lines) != 7 || lines[0].Purpose != PurposeService {
		t.Errorf("%+v, %v", lines, err)
	}
	for _, bad := range []Line{{Purpose: "tea", State: ConsentGiven, Channel: "web"}, {Purpose: PurposeMarketing, State: "perhaps", Channel: "web"}, {Purpose: PurposeMarketing, State: ConsentGiven},
		{Purpose: PurposeMarketing, State: ConsentGiven, Channel: "web", Proof: strings.Repeat("p", 501)}, {Purpose: PurposeMarketing, State: ConsentGiven, Channel: "web", Notice: "nothing"}} {
		if err := try(t, s, func(tx pgx.Tx) error { _, err := s.Say(t.Context(), tx, id, bad); return err }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// What one of two merged contacts said last counts for the person.
func TestConsentOfMergedContacts(t *testing.T) {
	s := newStore(t)
	a, b := create(t, s, Change{}), create(t, s, Change{})
	say(t, s, a, PurposeMarketing, ConsentGiven)
	say(t, s, b, PurposeMarketing, ConsentWithdrawn)
	var m MergeRow
	tx(t, s, func(tx pgx.Tx) error { var err error; m, err = s.Merge(t.Context(), tx, a, b, nil, "li"); return err })
	if l, _ := s.State(t.Context(), a, PurposeMarketing); l.State != ConsentWithdrawn {
		t.Errorf("merged: %+v", l)
	}
	tx(t, s, func(tx pgx.Tx) error { _, err := s.Undo(t.Context(), tx, m.ID, "li"); return err })
	if l, _ := s.State(t.Context(), a, PurposeMarketing); l.State != ConsentGiven {
		t.Errorf("apart again: %+v", l)
	}
}

func TestLedgerIsAppendOnly(t *testing.T) {
	s := newStore(t)
	id := create(t, s, Change{})
	say(t, s, id, PurposeMarketing, ConsentGiven)
	for _, sql := range []string{`update consents set state = 'refused'`, `update consents set at = now()`, `update consents set contact_id = null`, `delete from consents`, `truncate consents`} {
		if _, err := s.db.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestNotices(t *testing.T) {
	s := newStore(t)
	n := Notice{Version: "2026-11", Language: "zh", Handler: "听心客服", Purposes: []Purpose{PurposeMarketing}, Kinds: "姓名、电话", Retention: "一年", Rights: "查阅、更正、删除"}
	put := func(n Notice) error {
		return try(t, s, func(tx pgx.Tx) error { _, err := s.AddNotice(t.Context(), tx, n); return err })
	}
	must(t, put(n))
	if err := put(n); !errors.Is(err, pg.ErrConflict) {
		t.Errorf("the same version again: %v", err)
	}
	for _, bad := range []func(n *Notice){func(n *Notice) { n.Version = "A b" }, func(n *Notice) { n.Language = "fr" }, func(n *Notice) { n.Rights = " " },
		func(n *Notice) { n.Purposes = nil }, func(n *Notice) { n.Purposes = []Purpose{"tea"} }, func(n *Notice) { n.Kinds = strings.Repeat("x", 2001) }} {
		b := n
		bad(&b)
		if err := put(b); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", b, err)
		}
	}
	all, err := s.Notices(t.Context())
	if err != nil || len(all) != 1 || all[0].Handler != n.Handler {
		t.Errorf("%+v, %v", all, err)
	}
	id := create(t, s, Change{})
	tx(t, s, func(tx pgx.Tx) error {
		_, err := s.Say(t.Context(), tx, id, Line{Purpose: PurposeMarketing, State: ConsentGiven, Channel: "web", Notice: "2026-11", Proof: "msg:7"})
		return err
	})
	if err := try(t, s, func(tx pgx.Tx) error {
		_, err := s.Say(t.Context(), tx, id, Line{Purpose: PurposeAnalytics, State: ConsentGiven, Channel: "web", Notice: "2026-11"})
		return err
	}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a notice of another purpose: %v", err)
	}
}

// Without consent a voice's norm is neither kept nor given, and withdrawing forgets it.
func TestBaselineNeedsConsent(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id := create(t, s, Change{})
	put := func() bool {
		t.Helper()
		kept, err := s.PutBaseline(ctx, id, "m1", []byte("norm"), 4)
		must(t, err)
		return kept
	}
	get := func(model string) string {
		t.Helper()
		b, err := s.Baseline(ctx, id, model)
		must(t, err)
		return string(b)
	}
	if put() || get("m1") != "" {
		t.Error("kept without a word")
	}
	say(t, s, id, PurposeEmotion, ConsentAnnounced)
	if !put() || get("m1") != "norm" || get("m2") != "" {
		t.Error("not kept though announced, or given to another model")
	}
	say(t, s, id, PurposeEmotion, ConsentWithdrawn)
	if n, _ := pg.Row(ctx, s.db, rowToInt, `select count(*) from contact_baselines`); n != 0 || get("m1") != "" || put() {
		t.Error("withdrawn, but still there")
	}
	say(t, s, id, PurposeEmotion, ConsentGiven)
	if get("m1") != "" {
		t.Error("it came back")
	}
	if _, err := s.PutBaseline(ctx, id, "m1", make([]byte, maxBaseline+1), 4); !errors.Is(err, ErrInvalid) {
		t.Errorf("too large: %v", err)
	}
}

// Pages of a timeline have every entry of every source once, in order, also those of one moment.
func TestTimelinePages(t *testing.T) {
	s := newStore(t)
	a, b := create(t, s, Change{}), create(t, s, Change{})
	at := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s.Register(Noun{Name: "x", Source: SourceFunc(func(_ context.Context, ids []ID, until time.Time, limit int) ([]Entry, error) {
		var out []Entry
		for i := 40; i >= 0; i-- { // four a minute
			e := Entry{Kind: "x", ID: fmt.Sprintf("%02d", i), At: at.Add(time.Duration(i/4) * time.Minute)}
			if (until.IsZero() || !e.At.After(until)) && len(out) < limit {
				out = append(out, e)
			}
		}
		return out, nil
	})})
	for i := range 5 {
		s.now = func() time.Time { return at.Add(time.Duration(2*i) * time.Minute) }
		tx(t, s, func(tx pgx.Tx) error {
			_, err := s.AddNote(t.Context(), tx, []ID{a, b}[i%2], fmt.Sprint("n", i), "li")
			return err
		})
	}
	tx(t, s, func(tx pgx.Tx) error { _, err := s.Merge(t.Context(), tx, a, b, nil, "li"); return err })
	var got []Entry
	cursor, pages := "", 0
	for {
		part, next, err := s.Timeline(t.Context(), b, cursor, 7, nil)
		must(t, err)
		got = append(got, part...)
		pages++
		if cursor = next; cursor == "" {
			break
		}
	}
	seen := map[string]bool{}
	for i, e := range got {
		if seen[e.Kind+e.ID] {
			t.Errorf("%s %s twice", e.Kind, e.ID)
		}
		seen[e.Kind+e.ID] = true
		if i > 0 && compare(&got[i-1], &got[i]) >= 0 {
			t.Errorf("%v before %v", got[i-1], got[i])
		}
	}
	if len(got) != 41+5+1 || pages != 7 {
		t.Errorf("%d entries on %d pages", len(got), pages)
	}
	only, _, err := s.Timeline(t.Context(), a, "", 100, []string{"note"})
	if err != nil || len(only) != 5 {
		t.Errorf("%d notes, %v", len(only), err)
	}
	for _, bad := range []string{"x", "W10", strings.Repeat("A", 400), Place{At: at}.String() + "!"} {
		if _, _, err := s.Timeline(t.Context(), a, bad, 5, nil); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

func TestMask(t *testing.T) {
	for _, tc := range []struct {
		kind     Kind
		in, want string
	}{
		{KindPhone, "+8613800138000", "138****8000"}, {KindPhone, "13800138000", "138****8000"}, {KindPhone, "+12125552368", "+121****2368"},
		{KindPhone, "1001", "1001"}, {KindPhone, "123456", "****56"}, {KindPhone, "+861065529988", "106****9988"}, {KindPhone, "", ""},
		{KindEmail, "lei@example.com", "l***@example.com"}, {KindEmail, "李@example.com", "李***@example.com"}, {KindWeChat, "oABCDEFGHI", "oA****HI"}, {KindDevice, "d1", "****"},
	} {
		if got := Mask(tc.kind, tc.in); got != tc.want {
			t.Errorf("%s %q: %q, want %q", tc.kind, tc.in, got, tc.want)
		}
	}
}
