package nlp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSpeller(t *testing.T) {
	known := map[string]bool{"trick": true, "boot": true}
	s := NewSpeller([]string{"track my order", "怎么退货", "我要退款", "查询订单", "我的包裹到哪了", "会员积分", "gift wrapping"}, func(w string) bool { return known[w] })
	for text, want := range map[string]string{
		"trak my ordr":                 "track my order",
		"refnud":                       "refund",
		"cancle my subscripton":        "cancel my subscription",
		"wher is my pakage?":           "where is my package?",
		"i retruned it":                "i return it",
		"gift wraping.":                "gift wraping.", // found by its stem
		"我要退宽":                         "我要退款",
		"退宽":                           "退款",
		"查寻订单":                         "查询订单",
		"物留":                           "物流",
		"我的包果到那了":                      "我的包裹到哪了",
		"转人公":                          "转人工",
		"我的ordr":                       "我的order",
		"会员积份":                         "会员积分",
		"trick my boot":                "trick my boot", // words of the language
		"tracks orders":                "tracks orders",
		"ord my it":                    "ord my it", // too short
		"xrefnud zrder":                "xrefnud zrder",
		"ordr@refnud.con":              "ordr@refnud.con",
		"https://ordr.com/trak?cancle": "https://ordr.com/trak?cancel", // hardly a page's name
		"ordr-12345 trak_1 a1ordr":     "ordr-12345 trak_1 a1ordr",
		"<ordr> <order>":               "<ordr> <order>",
		"裤子宽吗":                         "裤子宽吗",
		"我得到了两个":                       "我得到了两个",
		"":                             "",
		"👍 !!!":                        "👍 !!!",
	} {
		if got := s.Mend(text); got != want {
			t.Errorf("%q is read as %q, want %q", text, got, want)
		}
	}
	if got := s.Mend(strings.Repeat("ordr ", 200)); !strings.HasPrefix(got, "ordr ") {
		t.Error("a long text was mended")
	}
	if got := s.Mend("ordr ordr ordr ordr ordr"); got != "order order order order ordr" {
		t.Errorf("%q: more mistakes than are guessed at", got)
	}
	if (*Speller)(nil).Mend("ordr") != "ordr" {
		t.Error("nobody mends")
	}
}

func TestOneMistake(t *testing.T) {
	for pair, want := range map[[2]string]int{
		{"refnud", "refund"}: 8, {"ordr", "order"}: 2, {"orderr", "order"}: 2, {"ordar", "order"}: 1, {"rodeo", "order"}: 0, {"roder", "order"}: 8,
		{"border", "order"}: 0, {"order", "order"}: 0, {"", ""}: 0, {"", "a"}: 0, {"odrre", "order"}: 0, {"cab", "car"}: 1, {"bar", "car"}: 0,
	} {
		if got := oneMistake(pair[0], pair[1]); got != want {
			t.Errorf("%q: %d, want %d", pair, got, want)
		}
		if got := oneMistake(pair[1], pair[0]); got != want {
			t.Errorf("%q turned: %d, want %d", pair, got, want)
		}
	}
}

func TestHomophones(t *testing.T) {
	for r, alike := range map[rune]string{'宽': "款", '留': "流", '寻': "询", '行': "航星", 'x': "", '龘': ""} {
		got := Homophones(r)
		for _, want := range alike {
			if !strings.ContainsRune(got, want) {
				t.Errorf("%c is not read like %c", r, want)
			}
		}
		if alike == "" && got != "" {
			t.Errorf("%c is read like %s", r, got)
		}
	}
	if n := len(syllables().of); n != 6763 {
		t.Errorf("%d characters", n)
	}
}

func FuzzSpeller(f *testing.F) {
	s := NewSpeller([]string{"track my order", "我要退款 查询订单"}, nil)
	for _, text := range []string{"trak my ordr", "退宽查寻", "a@b.c", "\xff", "ordr\x00'退宽."} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		text := Fold(raw)
		got := s.Mend(text)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > utf8.RuneCountInString(text)+mostMended {
			t.Errorf("%q became %q", text, got)
		}
		digits := func(s string) string {
			return strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r == '@' {
					return r
				}
				return -1
			}, s)
		}
		if digits(got) != digits(text) {
			t.Errorf("%q: another number in %q", text, got)
		}
	})
}

func BenchmarkMend(b *testing.B) {
	s := NewSpeller([]string{"track my order", "我要退款 查询订单", "我的包裹到哪了"}, nil)
	for name, text := range map[string]string{"en": "hello can you plese tell me wher my ordr has got to", "zh": "你好我想问一下我买的东西什么时候能退宽给我"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Mend(text)
			}
		})
	}
}
