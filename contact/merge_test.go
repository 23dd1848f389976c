package contact

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// tx runs f in a transaction that is committed.
func tx(t testing.TB, s *Store, f func(pgx.Tx) error) {
	t.Helper()
	if err := s.db.Tx(t.Context(), f); err != nil {
		t.Fatal(err)
	}
}

// try is tx for what may fail.
func try(t testing.TB, s *Store, f func(pgx.Tx) error) error {
	t.Helper()
	return s.db.Tx(t.Context(), f)
}

func ptr[T any](v T) *T { return &v }

func create(t testing.TB, s *Store, c Change, keys ...Key) ID {
	t.Helper()
	var id ID
	tx(t, s, func(tx pgx.Tx) error {
		var err error
		if id, err = s.Create(t.Context(), tx, c); err != nil {
			return err
		}
		for _, k := range keys {
			if _, err := s.Add(t.Context(), tx, id, k); err != nil {
				return err
			}
		}
		return nil
	})
	return id
}

// state is all that undoing must bring back.
func state(t testing.TB, s *Store, ids []ID) map[ID]any {
	t.Helper()
	out := map[ID]any{}
	for _, id := range ids {
		c, err := s.Get(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		identities, err := s.Identities(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		family, err := s.Family(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		c.UpdatedAt = time.Time{}
		out[id] = fmt.Sprintf("%+v %+v %v", c, identities, family)
	}
	return out
}

func defineFields(t testing.TB, s *Store) {
	t.Helper()
	tx(t, s, func(tx pgx.Tx) error {
		for _, f := range []Field{
			{Key: "company", LabelZH: "公司", LabelEN: "Company", Type: FieldText},
			{Key: "points", LabelZH: "积分", LabelEN: "Points", Type: FieldNumber},
			{Key: "born", LabelZH: "生日", LabelEN: "Birthday", Type: FieldDate, Private: true},
			{Key: "member", LabelZH: "会员", LabelEN: "Member", Type: FieldBoolean},
			{Key: "level", LabelZH: "等级", LabelEN: "Level", Type: FieldChoice, Choices: []string{"gold", "silver"}},
		} {
			if err := s.PutField(t.Context(), tx, f); err != nil {
				return err
			}
		}
		return nil
	})
}

// Whatever is merged with whatever picks, taking the merges back in any order that
// is allowed leaves everybody as they were.
func TestUndoIsExact(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	for round := range 12 {
		rng := rand.New(rand.NewPCG(uint64(round), 7))
		ids := randomPeople(t, s, rng, round)
		before := state(t, s, ids)
		var merges []MergeRow
		for range 1 + rng.IntN(len(ids)-1) {
			if m, ok := randomMerge(t, s, rng, ids); ok {
				merges = append(merges, m)
			}
		}
		if len(merges) > 0 && reflect.DeepEqual(before, state(t, s, ids)) {
			t.Fatalf("round %d: merging changed nothing", round)
		}
		for left := merges; len(left) > 0; {
			i := rng.IntN(len(left))
			err := try(t, s, func(tx pgx.Tx) error { _, err := s.Undo(t.Context(), tx, left[i].ID, "li"); return err })
			if errors.Is(err, ErrUndo) { // the survivor went into another one later
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			left = append(left[:i:i], left[i+1:]...)
		}
		after := state(t, s, ids)
		for _, id := range ids {
			if before[id] != after[id] {
				t.Fatalf("round %d, %d merges, contact %d:\nbefore %v\nafter  %v", round, len(merges), id, before[id], after[id])
			}
		}
	}
}

func randomPeople(t *testing.T, s *Store, rng *rand.Rand, round int) []ID {
	var ids []ID
	some := func(of ...string) string { return of[rng.IntN(len(of))] }
	for i := range 3 + rng.IntN(4) {
		c := Change{Name: ptr(some("", "李雷", "Han Meimei", "Jim")), Language: ptr(some("", "zh", "en")), VIP: ptr(rng.IntN(2) == 0),
			Tags: ptr([]string{some("a", "b", ""), some("c", "d", "")}), Fields: map[string]any{}}
		for key, v := range map[string]any{"company": some("", "Acme", "Foo"), "points": float64(rng.IntN(3)), "born": some("", "1990-01-02"), "member": rng.IntN(2) == 0, "level": some("", "gold", "silver")} {
			if rng.IntN(2) == 0 {
				c.Fields[key] = v
			}
		}
		keys := []Key{{Kind: KindDevice, Value: fmt.Sprintf("d%d-%d", round, i)}, {Kind: KindPhone, Value: fmt.Sprintf("1380013%02d%02d", round, i), Verified: rng.IntN(2) == 0}}
		ids = append(ids, create(t, s, c, keys...))
	}
	return ids
}

func randomMerge(t *testing.T, s *Store, rng *rand.Rand, ids []ID) (MergeRow, bool) {
	a, b := ids[rng.IntN(len(ids))], ids[rng.IntN(len(ids))]
	picks := map[string]Pick{}
	for _, f := range []string{FieldName, FieldLanguage, FieldVIP, FieldTags} {
		if rng.IntN(2) == 0 {
			picks[f] = []Pick{PickSurvivor, PickMerged}[rng.IntN(2)]
		}
	}
	var m MergeRow
	err := try(t, s, func(tx pgx.Tx) error { var err error; m, err = s.Merge(t.Context(), tx, a, b, picks, "li"); return err })
	if errors.Is(err, ErrMerge) {
		return m, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return m, true
}

func TestMergePicks(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	a := create(t, s, Change{Name: ptr("李雷"), Tags: ptr([]string{"x"}), Fields: map[string]any{"company": "Acme", "points": 3.0}}, Key{Kind: KindPhone, Value: "13800138000"})
	b := create(t, s, Change{Name: ptr("Li Lei"), VIP: ptr(true), Language: ptr("zh"), Tags: ptr([]string{"y"}), Fields: map[string]any{"company": "Foo", "born": "1990-01-02"}}, Key{Kind: KindEmail, Value: "li@example.com"})
	var m MergeRow
	tx(t, s, func(tx pgx.Tx) error {
		var err error
		m, err = s.Merge(t.Context(), tx, a, b, map[string]Pick{FieldName: PickMerged, "fields.company": PickMerged, "fields.points": PickMerged}, "li")
		return err
	})
	c, _ := s.Get(t.Context(), a)
	if c.Name != "Li Lei" || !c.VIP || c.Language != "zh" || !reflect.DeepEqual(c.Tags, []string{"x", "y"}) ||
		!reflect.DeepEqual(c.Fields, map[string]any{"company": "Foo", "born": "1990-01-02"}) {
		t.Errorf("%+v", c)
	}
	if id, _ := s.Follow(t.Context(), b); id != a {
		t.Errorf("%d leads to %d, want %d", b, id, a)
	}
	if ids, _ := s.Identities(t.Context(), a); len(ids) != 2 {
		t.Errorf("identities %+v", ids)
	}
	for _, bad := range []struct {
		a, b  ID
		picks map[string]Pick
	}{{a, a, nil}, {a, b, nil}, {b, a, nil}} {
		if err := try(t, s, func(tx pgx.Tx) error { _, err := s.Merge(t.Context(), tx, bad.a, bad.b, bad.picks, "li"); return err }); !errors.Is(err, ErrMerge) {
			t.Errorf("merge %d into %d: %v", bad.b, bad.a, err)
		}
	}
	d := create(t, s, Change{})
	if err := try(t, s, func(tx pgx.Tx) error {
		_, err := s.Merge(t.Context(), tx, a, d, map[string]Pick{"fields.nothing": PickMerged}, "li")
		return err
	}); !errors.Is(err, ErrMerge) {
		t.Errorf("unknown pick: %v", err)
	}
	// What was set after the merge stays when it is taken back.
	tx(t, s, func(tx pgx.Tx) error {
		return s.Update(t.Context(), tx, b, Change{Name: ptr("李雷 (VIP)"), Tags: ptr([]string{"x", "y", "z"})})
	})
	tx(t, s, func(tx pgx.Tx) error { _, err := s.Undo(t.Context(), tx, m.ID, "han"); return err })
	c, _ = s.Get(t.Context(), a)
	if c.Name != "李雷 (VIP)" || c.VIP || c.Language != "" || !reflect.DeepEqual(c.Tags, []string{"x", "z"}) ||
		!reflect.DeepEqual(c.Fields, map[string]any{"company": "Acme", "points": 3.0}) {
		t.Errorf("after undo: %+v", c)
	}
	if err := try(t, s, func(tx pgx.Tx) error { _, err := s.Undo(t.Context(), tx, m.ID, "han"); return err }); !errors.Is(err, ErrUndo) {
		t.Errorf("undo twice: %v", err)
	}
}

func TestUndoEndsAfterThirtyDays(t *testing.T) {
	s := newStore(t)
	a, b := create(t, s, Change{}), create(t, s, Change{})
	var m MergeRow
	tx(t, s, func(tx pgx.Tx) error { var err error; m, err = s.Merge(t.Context(), tx, a, b, nil, "li"); return err })
	now := time.Now()
	s.now = func() time.Time { return now.Add(30*24*time.Hour + time.Minute) }
	undo := func(tx pgx.Tx) error { _, err := s.Undo(t.Context(), tx, m.ID, "li"); return err }
	if err := try(t, s, undo); !errors.Is(err, ErrUndo) {
		t.Errorf("after 30 days: %v", err)
	}
	s.now = func() time.Time { return now.Add(30*24*time.Hour - time.Minute) }
	if err := try(t, s, undo); err != nil {
		t.Errorf("before 30 days: %v", err)
	}
}

// Verified identities link by themselves, what is only said suggests.
func TestVerifiedLinksWeakSuggests(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	caller, _, err := s.Resolve(ctx, Key{Kind: KindPhone, Value: "13800138000", Source: "call"})
	if err != nil {
		t.Fatal(err)
	}
	visitor, _, err := s.Resolve(ctx, Key{Kind: KindDevice, Account: "site", Value: "d1", Source: "chat", Name: "Lei"})
	if err != nil {
		t.Fatal(err)
	}
	var got Added
	add := func(k Key) {
		t.Helper()
		tx(t, s, func(tx pgx.Tx) error { var err error; got, err = s.Add(ctx, tx, visitor, k); return err })
	}
	add(Key{Kind: KindPhone, Value: "138-0013-8000", Source: "typed"})
	if got.Merge.ID != 0 || !got.Suggested {
		t.Fatalf("typed: %+v", got)
	}
	sug, err := s.Suggestions(ctx, visitor)
	if err != nil || len(sug) != 1 || sug[0].Other != caller || !reflect.DeepEqual(sug[0].Kinds, []Kind{KindPhone}) {
		t.Fatalf("suggestions %+v, %v", sug, err)
	}
	if sug, _ := s.Suggestions(ctx, caller); len(sug) != 1 || sug[0].Other != visitor || sug[0].Name != "Lei" {
		t.Fatalf("the other way round: %+v", sug)
	}
	add(Key{Kind: KindPhone, Value: "+8613800138000", Verified: true, Source: "sms"})
	if got.Merge.ID == 0 || !got.Merge.Automatic || got.Merge.Survivor != got.Contact {
		t.Fatalf("verified: %+v", got)
	}
	for _, id := range []ID{caller, visitor} {
		if root, _ := s.Follow(ctx, id); root != got.Contact {
			t.Errorf("%d leads to %d, want %d", id, root, got.Contact)
		}
	}
	if id, created, err := s.Resolve(ctx, Key{Kind: KindPhone, Value: "13800138000"}); err != nil || created || id != got.Contact {
		t.Errorf("resolve after: %d %v %v", id, created, err)
	}
	if sug, _ := s.Suggestions(ctx, caller); len(sug) != 0 {
		t.Errorf("suggestions left: %+v", sug)
	}
	// Taken back by a person, they do not meet by themselves again.
	tx(t, s, func(tx pgx.Tx) error { _, err := s.Undo(ctx, tx, got.Merge.ID, "li"); return err })
	add(Key{Kind: KindPhone, Value: "+8613800138000", Verified: true, Source: "sms"})
	if got.Merge.ID != 0 || got.Contact != visitor {
		t.Errorf("met again: %+v", got)
	}
}

// Two logins of one site are two people, even behind one verified phone.
func TestContradictingLoginsDoNotMerge(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	phone := Key{Kind: KindPhone, Value: "13800138000", Verified: true}
	a := create(t, s, Change{}, Key{Kind: KindLogin, Account: "shop", Value: "u1", Verified: true}, phone)
	b := create(t, s, Change{}, Key{Kind: KindLogin, Account: "shop", Value: "u2", Verified: true})
	var got Added
	tx(t, s, func(tx pgx.Tx) error { var err error; got, err = s.Add(ctx, tx, b, phone); return err })
	if got.Merge.ID != 0 || got.Contact != b || !got.Suggested {
		t.Errorf("%+v", got)
	}
	sug, _ := s.Suggestions(ctx, a)
	if len(sug) != 1 || sug[0].Other != b || !sug[0].Verified {
		t.Errorf("%+v", sug)
	}
	tx(t, s, func(tx pgx.Tx) error { return s.Dismiss(ctx, tx, a, b, "li") })
	if sug, _ := s.Suggestions(ctx, b); len(sug) != 0 {
		t.Errorf("dismissed: %+v", sug)
	}
	// And with the rule off nobody merges.
	off := NewStore(s.db, Config{Region: "CN", AutoMerge: AutoMergeNever})
	c := create(t, off, Change{})
	tx(t, off, func(tx pgx.Tx) error { var err error; got, err = off.Add(ctx, tx, c, phone); return err })
	if got.Merge.ID != 0 {
		t.Errorf("never: %+v", got)
	}
}
