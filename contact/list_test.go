package contact

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestListFinds(t *testing.T) {
	s := newStore(t)
	a := create(t, s, Change{Name: ptr("李小雷"), Tags: ptr([]string{"gold"}), Language: ptr("zh")}, Key{Kind: KindPhone, Value: "13800138000"})
	b := create(t, s, Change{Name: ptr("Han Meimei"), VIP: ptr(true)}, Key{Kind: KindEmail, Value: "Han@Example.com", Verified: true}, Key{Kind: KindLogin, Account: "shop", Value: "13800138000"})
	c := create(t, s, Change{Name: ptr("小王")}, Key{Kind: KindPhone, Value: "13900139000"})
	for _, tc := range []struct {
		f    Filter
		want []ID
	}{
		{Filter{}, []ID{c, b, a}},
		{Filter{Query: "小"}, []ID{c, a}},
		{Filter{Query: "小雷"}, []ID{a}},
		{Filter{Query: "雷小"}, nil},
		{Filter{Query: "han m"}, []ID{b}},
		{Filter{Query: "8000"}, []ID{a}},
		{Filter{Query: "9000"}, []ID{c}},
		{Filter{Query: "000"}, nil},
		{Filter{Query: "0013"}, nil}, // the middle of a number is not looked for
		{Filter{Query: "138 0013-8000"}, []ID{a}},
		{Filter{Query: "+86 13900139000"}, []ID{c}},
		{Filter{Query: "HAN@example.com"}, []ID{b}},
		{Filter{Query: "han@example"}, nil},
		{Filter{Query: "#" + a.String()}, []ID{a}},
		{Filter{Query: "#x"}, nil},
		{Filter{Query: "%"}, nil},
		{Filter{Tag: "gold"}, []ID{a}},
		{Filter{VIP: true}, []ID{b}},
		{Filter{Language: "zh"}, []ID{a}},
		{Filter{Kind: KindEmail}, []ID{b}},
		{Filter{Kind: KindPhone, Query: "小"}, []ID{c, a}},
		{Filter{Suggest: true}, nil},
	} {
		tc.f.Count = true
		page, err := s.List(t.Context(), tc.f)
		if err != nil {
			t.Errorf("%+v: %v", tc.f, err)
			continue
		}
		var got []ID
		for _, it := range page.Items {
			got = append(got, it.ID)
		}
		if fmt.Sprint(got) != fmt.Sprint(tc.want) || page.Total != len(tc.want) {
			t.Errorf("%+v: %v of %d, want %v", tc.f, got, page.Total, tc.want)
		}
	}
	page, _ := s.List(t.Context(), Filter{VIP: true})
	if len(page.Items) != 1 || len(page.Items[0].Identities) != 2 || !page.Items[0].Identities[0].Verified {
		t.Errorf("%+v", page.Items)
	}
}

func TestListPages(t *testing.T) {
	s := newStore(t)
	want := map[ID]bool{}
	for i := range 23 {
		want[create(t, s, Change{Name: ptr(fmt.Sprint("n", i))})] = true
	}
	f, pages := Filter{Limit: 5}, 0
	for {
		page, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		pages++
		for _, it := range page.Items {
			if !want[it.ID] {
				t.Fatalf("%d twice", it.ID)
			}
			delete(want, it.ID)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
	}
	if pages != 5 || len(want) != 0 {
		t.Errorf("%d pages, %d left", pages, len(want))
	}
	for _, bad := range []string{"x", "AQ", strings.Repeat("A", 23), strings.Repeat("_", 99)} {
		if _, err := s.List(t.Context(), Filter{Cursor: bad}); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %q: %v", bad, err)
		}
	}
}

func TestFieldValues(t *testing.T) {
	s := newStore(t)
	defineFields(t, s)
	for _, tc := range []struct {
		set  map[string]any
		ok   bool
		want string
	}{
		{map[string]any{"company": " Acme\x00 "}, true, "map[company:Acme]"},
		{map[string]any{"company": 3.0}, false, ""},
		{map[string]any{"company": strings.Repeat("x", 1001)}, false, ""},
		{map[string]any{"points": "12.5"}, true, "map[points:12.5]"},
		{map[string]any{"points": "NaN"}, false, ""},
		{map[string]any{"born": "1990-02-30"}, false, ""},
		{map[string]any{"born": "1990-02-28"}, true, "map[born:1990-02-28]"},
		{map[string]any{"member": "是"}, true, "map[member:true]"},
		{map[string]any{"member": "perhaps"}, false, ""},
		{map[string]any{"level": "gold"}, true, "map[level:gold]"},
		{map[string]any{"level": "lead"}, false, ""},
		{map[string]any{"nothing": "x"}, false, ""},
		{map[string]any{"company": nil}, true, "map[]"},
	} {
		id := create(t, s, Change{})
		err := try(t, s, func(tx pgx.Tx) error { return s.Update(t.Context(), tx, id, Change{Fields: tc.set}) })
		if tc.ok != (err == nil) || err != nil && !errors.Is(err, ErrInvalid) {
			t.Errorf("%v: %v", tc.set, err)
			continue
		}
		if c, _ := s.Get(t.Context(), id); tc.ok && fmt.Sprint(c.Fields) != tc.want {
			t.Errorf("%v became %v, want %s", tc.set, c.Fields, tc.want)
		}
	}
	// A field in use keeps its type; deleting it takes its values along.
	text := Field{Key: "points", LabelZH: "积分", LabelEN: "Points", Type: FieldText}
	if err := try(t, s, func(tx pgx.Tx) error { return s.PutField(t.Context(), tx, text) }); !errors.Is(err, ErrInvalid) {
		t.Errorf("change of type in use: %v", err)
	}
	tx(t, s, func(tx pgx.Tx) error {
		n, err := s.DeleteField(t.Context(), tx, "points")
		if n != 1 {
			t.Errorf("%d values deleted, want 1", n)
		}
		return err
	})
	tx(t, s, func(tx pgx.Tx) error { return s.PutField(t.Context(), tx, text) })
	for _, bad := range []Change{{Language: ptr("chinese!")}, {Tags: ptr([]string{strings.Repeat("t", 61)})}} {
		if err := try(t, s, func(tx pgx.Tx) error { _, err := s.Create(t.Context(), tx, bad); return err }); !errors.Is(err, ErrInvalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// Somebody who was changed while pages of a list were taken out is in it: the row moved before the page that had gone.
func TestSheetKeepsWhoChangesMeanwhile(t *testing.T) {
	s := newStore(t)
	var all []ID
	for i := range 5 {
		all = append(all, create(t, s, Change{Name: ptr(fmt.Sprint("Person ", i))}))
	}
	var got []ID
	f := Filter{Fixed: true, Limit: 2}
	for {
		page, err := s.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			got = append(got, it.ID)
		}
		if f.Cursor = page.Next; f.Cursor == "" {
			break
		}
		if _, err := s.db.Exec(t.Context(), `update contacts set updated_at = now() + interval '1 hour' where id = $1`, all[0]); err != nil { // who would have come last
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint([]ID{all[4], all[3], all[2], all[1], all[0]}) {
		t.Errorf("%v of %v", got, all)
	}
}
