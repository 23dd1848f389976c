package wordpiece

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// golden is one text with what the reference made of it.
type golden struct {
	Text string
	Zh   []int32
	En   []int32
}

// load reads the tokenizer of a language, or skips where the models are not set up.
func load(t testing.TB, lang string) *Tokenizer {
	t.Helper()
	path := filepath.Join("..", "..", "models", "bge-small-"+lang, "tokenizer.json")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not there: scripts/setup run", path)
	}
	tok, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestEncodeEqualsTheReference(t *testing.T) {
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Cases []golden }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 100 {
		t.Fatalf("%d cases", len(file.Cases))
	}
	zh, en := load(t, "zh"), load(t, "en")
	for _, c := range file.Cases {
		if got := zh.Encode(c.Text, 1<<20); !slices.Equal(got, c.Zh) {
			t.Errorf("zh %q: %v, the reference has %v", c.Text, got, c.Zh)
		}
		if got := en.Encode(c.Text, 1<<20); !slices.Equal(got, c.En) {
			t.Errorf("en %q: %v, the reference has %v", c.Text, got, c.En)
		}
	}
}

func TestEncodeCutsAtTheLimit(t *testing.T) {
	en := load(t, "en")
	long := strings.Repeat("unbelievable shipping ", 1000)
	whole := en.Encode(long, 1<<20)
	for _, limit := range []int{-1, 2, 3, 4, 5, 16, 384} {
		got := en.Encode(long, limit)
		want := max(limit, 2)
		if len(got) != want || got[0] != en.cls || got[want-1] != en.sep || !slices.Equal(got[:want-1], whole[:want-1]) {
			t.Errorf("limit %d: %d ids", limit, len(got))
		}
	}
}

func TestParseRefusesOtherKinds(t *testing.T) {
	for name, text := range map[string]string{
		"empty":    ``,
		"bpe":      `{"model":{"type":"BPE"}}`,
		"settings": `{"normalizer":{"type":"BertNormalizer","clean_text":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece"}}`,
		"no unk":   `{"normalizer":{"type":"BertNormalizer","clean_text":true,"handle_chinese_chars":true},"pre_tokenizer":{"type":"BertPreTokenizer"},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##","max_input_chars_per_word":100,"vocab":{"[CLS]":0,"[SEP]":1}}}`,
	} {
		if _, err := Parse([]byte(text)); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func FuzzEncode(f *testing.F) {
	tok := &Tokenizer{first: map[string]int32{"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3, "订": 4, "e": 5}, rest: map[string]int32{"a": 6, "e": 7, "订": 8}, longest: 5, fold: true}
	tok.cls, tok.sep = 1, 2
	for _, s := range []string{"", "a a", "é", "订单", "\u3000", "\xff", "a\u0301", strings.Repeat("a", 101)} {
		f.Add(s, 16)
	}
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit %= 64
		for _, fold := range []bool{true, false} {
			tok.fold = fold
			ids := tok.Encode(text, limit)
			if len(ids) < 2 || len(ids) > max(limit, 2) || ids[0] != 1 || ids[len(ids)-1] != 2 {
				t.Fatalf("%q, limit %d: %v", text, limit, ids)
			}
			if n := 3*utf8.RuneCountInString(text) + 2; !fold && len(ids) > n {
				t.Fatalf("%q has %d runes and %d ids", text, n, len(ids))
			}
			for _, id := range ids[1 : len(ids)-1] {
				if id == 1 || id == 2 || id < 0 || id > 8 {
					t.Fatalf("%q: piece %d", text, id)
				}
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	en := load(b, "en")
	b.ReportAllocs()
	for b.Loop() {
		en.Encode("I ordered a blue jacket last week and it still hasn't arrived, where is my parcel?", 384)
	}
}
