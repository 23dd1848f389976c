package call

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestTextGrams(t *testing.T) {
	for text, want := range map[string][]string{
		"":      {},
		"hello": {},
		"退":     {"退"},
		"退款":    {"款", "退", "退款"},
		"退 款":   {"款", "退", "退款"},
		"退，款":   {"款", "退", "退款"},
		"退a款":   {"款", "退"},
		"好好好":   {"好", "好好"},
	} {
		if got := textGrams(text); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestParseQuery(t *testing.T) {
	for q, want := range map[string][]term{
		"":               {},
		"kettle":         {{words: "kettle", prefix: "kettle"}},
		"Kettle refund":  {{words: "Kettle"}, {words: "refund", prefix: "refund"}},
		"-kettle":        {{words: "kettle", not: true}},
		`"a b" c`:        {{words: `"a b"`}, {words: "c"}},
		`-"a b"`:         {{words: `"a b"`, not: true}},
		"退款":             {{han: []rune("退款")}},
		"退款kettle":       {{han: []rune("退款")}, {words: "kettle", prefix: "kettle"}},
		"退，款":            {{han: []rune("退款")}},
		"+8613800138000": {{words: "+8613800138000", number: "8613800138000"}},
		"12":             {{words: "12"}},
		"&|!":            {},
		`"`:              {},
	} {
		got := parseQuery(q)
		if len(got) == 0 && len(want) == 0 {
			continue
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, want %+v", q, got, want)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add(cursor{time.UnixMicro(1700000000000000), uuid.Max}.String())
	f.Add("")
	f.Add("AQ")
	f.Add(strings.Repeat("A", 34))
	f.Fuzz(func(t *testing.T, s string) {
		c, err := parseCursor(s)
		if err != nil {
			return
		}
		if c.String() != s {
			t.Errorf("%q came back as %q", s, c.String())
		}
	})
}

func FuzzQuery(f *testing.F) {
	for _, q := range []string{`a "b c" -d`, "退款 水壶", `-"`, "\x00\xff", "+123"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		terms := parseQuery(q)
		if len(terms) > maxTerms {
			t.Errorf("%d terms", len(terms))
		}
		for _, term := range terms {
			if len(term.han) == 0 && term.words == "" {
				t.Errorf("empty term of %q", q)
			}
		}
	})
}
