package contact

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newStore(t testing.TB) *Store {
	t.Helper()
	return NewStore(pgtest.New(t), Config{Region: "CN"})
}

func TestNormalise(t *testing.T) {
	for _, tc := range []struct {
		kind         Kind
		in, region   string
		want, errHas string
	}{
		{KindPhone, "138 0013 8000", "CN", "+8613800138000", ""},
		{KindPhone, "+86-138-0013-8000", "", "+8613800138000", ""},
		{KindPhone, "8613800138000", "CN", "+8613800138000", ""},
		{KindPhone, "008613800138000", "CN", "+8613800138000", ""},
		{KindPhone, "+86 138\u00a00013\u20108000", "US", "+8613800138000", ""},
		{KindPhone, "１３８００１３８０００", "CN", "+8613800138000", ""},
		{KindPhone, "010-6552 9988", "CN", "+861065529988", ""},
		{KindPhone, "(212) 555-2368", "US", "+12125552368", ""},
		{KindPhone, "13800138000", "", "13800138000", ""},
		{KindPhone, "1001", "CN", "1001", ""},
		{KindPhone, "12", "CN", "", "3 to 20 digits"},
		{KindPhone, "anonymous", "CN", "", "digits only"},
		{KindPhone, "+++", "CN", "", "digits only"},
		{KindPhone, "123456789012345678901", "CN", "", "3 to 20 digits"},
		{KindEmail, " Li.Wei@Example.COM ", "", "li.wei@example.com", ""},
		{KindEmail, "Li Wei <li@example.com>", "", "li@example.com", ""},
		{KindEmail, "nobody", "", "", "looks like"},
		{KindWeChat, "oABC_123", "", "oABC_123", ""},
		{KindLogin, "a\x00b", "", "", "control"},
		{KindLogin, "  ", "", "", "1 to 320"},
		{"fax", "1234", "", "", "no kind"},
	} {
		got, err := Normalise(tc.kind, tc.in, tc.region)
		switch {
		case tc.errHas != "":
			if !errors.Is(err, ErrIdentity) || !strings.Contains(err.Error(), tc.errHas) {
				t.Errorf("%s %q: %q, %v, want an error with %q", tc.kind, tc.in, got, err, tc.errHas)
			}
		case err != nil || got != tc.want:
			t.Errorf("%s %q: %q, %v, want %q", tc.kind, tc.in, got, err, tc.want)
		}
	}
}

// What is normal stays as it is, and nothing that gets through breaks the table's rules.
func FuzzNormalise(f *testing.F) {
	for _, s := range []string{"138 0013 8000", "+1 (212) 555-2368", "a@b.cn", "x\x00y", "００８６", "\xff\xfe"} {
		f.Add(0, s)
		f.Add(1, s)
		f.Add(8, s)
	}
	f.Fuzz(func(t *testing.T, kind int, s string) {
		k := Kinds[uint(kind)%uint(len(Kinds))]
		once, err := Normalise(k, s, "CN")
		if err != nil {
			return
		}
		if once == "" || len(once) > maxValue {
			t.Fatalf("%s %q became %q", k, s, once)
		}
		if twice, err := Normalise(k, once, "CN"); err != nil || twice != once {
			t.Fatalf("%s %q: %q, and again %q, %v", k, s, once, twice, err)
		}
	})
}

// Many who ask for few people at once make each of them once.
func TestResolveMakesEachPersonOnce(t *testing.T) {
	s := newStore(t)
	const people, askers = 5, 24
	got := make([]map[ID]bool, people)
	created := make([]int, people)
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range askers {
		wg.Go(func() { // ends by itself
			order := rand.Perm(people)
			for _, p := range order {
				number := fmt.Sprintf("1380013800%d", p)
				if i%2 == 0 {
					number = "+86 " + number
				}
				id, made, err := s.Resolve(context.Background(), Key{Kind: KindPhone, Value: number, Source: "call", Verified: i%3 == 0})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				if got[p] == nil {
					got[p] = map[ID]bool{}
				}
				got[p][id] = true
				if made {
					created[p]++
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for p := range people {
		if len(got[p]) != 1 || created[p] != 1 {
			t.Errorf("person %d: ids %v, made %d times", p, got[p], created[p])
		}
	}
	n, err := pg.Row(t.Context(), s.db, rowToInt, `select count(*) from contacts`)
	if err != nil || n != people {
		t.Errorf("%d contacts, %v, want %d", n, err, people)
	}
}

func TestResolveLearns(t *testing.T) {
	s := newStore(t)
	ctx := t.Context()
	id, created, err := s.Resolve(ctx, Key{Kind: KindPhone, Value: "13800138000", Source: "call"})
	if err != nil || !created {
		t.Fatal(id, created, err)
	}
	again, created, err := s.Resolve(ctx, Key{Kind: KindPhone, Value: "+8613800138000", Verified: true, Source: "sms", Name: " 李\x00雷 "})
	if err != nil || created || again != id {
		t.Fatal(again, created, err)
	}
	c, err := s.Get(ctx, id)
	if err != nil || c.Name != "李雷" || c.Root != id || c.Merged() {
		t.Errorf("%+v, %v", c, err)
	}
	ids, err := s.Identities(ctx, id)
	if err != nil || len(ids) != 1 || !ids[0].Verified || !ids[0].Carried || ids[0].Value != "+8613800138000" || ids[0].Source != "sms" {
		t.Errorf("%+v, %v", ids, err)
	}
	// A name that is there stays.
	if _, _, err := s.Resolve(ctx, Key{Kind: KindPhone, Value: "13800138000", Name: "somebody"}); err != nil {
		t.Fatal(err)
	}
	if c, _ := s.Get(ctx, id); c.Name != "李雷" {
		t.Errorf("name became %q", c.Name)
	}
	// The same value in another account is somebody else.
	a, _, err := s.Resolve(ctx, Key{Kind: KindWeChat, Account: "shop", Value: "o1"})
	if err != nil {
		t.Fatal(err)
	}
	b, _, err := s.Resolve(ctx, Key{Kind: KindWeChat, Account: "support", Value: "o1"})
	if err != nil || a == b {
		t.Errorf("%d and %d, %v", a, b, err)
	}
	if _, _, err := s.Resolve(ctx, Key{Kind: KindPhone, Value: "anonymous"}); !errors.Is(err, ErrIdentity) {
		t.Errorf("anonymous: %v", err)
	}
	if _, err := s.Get(ctx, 99999); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("get of nobody: %v", err)
	}
	if _, err := s.Follow(ctx, 99999); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("follow of nobody: %v", err)
	}
}

// The hash is keyed: another key gives another hash of the same identity.
func TestHashIsKeyed(t *testing.T) {
	s := newStore(t)
	if _, _, err := s.Resolve(t.Context(), Key{Kind: KindPhone, Value: "13800138000"}); err != nil {
		t.Fatal(err)
	}
	stored, err := pg.Row(t.Context(), s.db, rowToBytes, `select value_hash from contact_identities`)
	if err != nil {
		t.Fatal(err)
	}
	key, err := s.hashKey(t.Context())
	if err != nil || string(stored) != string(hash(key, KindPhone, "", "+8613800138000")) {
		t.Errorf("stored hash is not the keyed one (%v)", err)
	}
	if string(stored) == string(hash([]byte("another"), KindPhone, "", "+8613800138000")) {
		t.Error("the key changes nothing")
	}
	if Config.Check(Config{HashKey: "abc"}) == nil || (Config{Region: "China"}).Check() == nil || (Config{}).Check() != nil {
		t.Error("config check")
	}
}
