package nlp

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                       "",
		"  Hello　World \n":       "hello world",
		"ＡＢＣ１２３！？":               "abc123!?",
		"請問訂單幾時發貨嗎":              "请问订单几时发货吗",
		"ﬁne ①②":                 "fine 12",
		"zero\u200bwidth\u00a0x": "zerowidth x",
		"ＶＩＰ會員（黃金）":              "vip会员(黄金)",
		"Cafe\u0301":             "café",
		"H\u0331":                "ẖ",
		"bad\xff\xfebytes":       "badbytes",
		"❤\ufe0f 👍🏽":             "❤ 👍🏽",
		"İstanbul":               "istanbul",
		"a\u0000b\u0007c\u202ed": "abcd",
		"豈更":                     "岂更",
		"각":                      "각",
		"｡ｶﾞ":                    "。ガ",
		"line\r\n\r\n\tend":      "line end",
		"\u3000\u3000":           "",
		"ǅ ½":                    "dž 1⁄2",
		"後來裡面的臺灣幣薴":              "后来里面的台湾币苎",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFoldTextKnowsTheWayBack(t *testing.T) {
	raw := "  訂單　ＡＢ１２３　发了"
	f := FoldText(raw)
	i := strings.Index(f.String, "ab123")
	if i < 0 {
		t.Fatalf("%q", f.String)
	}
	start, end := f.Raw(i, i+len("ab123"))
	if got := raw[start:end]; got != "ＡＢ１２３" {
		t.Errorf("raw span %q", got)
	}
	raw = "手机 幺三八零零一三八零零零 谢谢"
	d := FoldText(raw).SpokenDigits()
	i = strings.Index(d.String, "13800138000")
	if i < 0 {
		t.Fatalf("%q", d.String)
	}
	start, end = d.Raw(i, i+11)
	if got := raw[start:end]; got != "幺三八零零一三八零零零" {
		t.Errorf("raw span %q", got)
	}
}

func TestSpokenDigits(t *testing.T) {
	for in, want := range map[string]string{
		"幺 三 八 零 零 一 三 八 零 零 零":                    "13800138000",
		"我的号码是幺三八零零一三八零零零":                         "我的号码是13800138000",
		"二零二五零七零二零零一":                              "20250702001",
		"一三八,零零一三,八零零零":                            "13800138000",
		"我有三个问题 一二三":                               "我有三个问题 一二三",
		"两洞两五拐勾":                                   "202579",
		"两百五十块":                                    "两百五十块",
		"two oh two five double zero seven one":    "20250071",
		"it is one two three":                      "it is one two three",
		"order triple seven four nine two, thanks": "order 777492, thanks",
		"my number is one-two-three-four":          "my number is 1234",
		"i want one two day trip":                  "i want one two day trip",
		"someone two three four five":              "someone 2345",
		"double trouble":                           "double trouble",
		"oh no":                                    "oh no",
		"it is 5 5 6 6 7 7 8":                      "it is 5566778",
		"4 packs of 12 and 3 of 6":                 "4 packs of 12 and 3 of 6",
		"4111 1111 1111 1111":                      "4111 1111 1111 1111",
		"nine nine nine nine double":               "9999 double",
		"two five zero 7 zero two one please":      "2507021 please",
		"两三百件":                                     "两三百件",
	} {
		if got := SpokenDigits(in); got != want {
			t.Errorf("SpokenDigits(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDetect(t *testing.T) {
	for in, want := range map[string]Language{
		"我的订单什么时候发货":        {Code: "zh"},
		"where is my order": {Code: "en"},
		"我的iphone 15坏了":     {Code: "zh"},
		"app打不开":            {Code: "zh"},
		"请问 refund policy 是什么 how long does it take": {Code: "en", Mixed: true},
		"refund":                              {Code: "en"},
		"退款 please help me":                   {Code: "en", Mixed: true},
		"123456":                              {},
		"😀😀":                                  {},
		"":                                    {},
		"quiero cancelar mi pedido por favor": {},
		"où est ma commande":                  {},
		"注文をキャンセルしたいです":                  {},
		"주문 취소하고 싶어요":                    {},
		"где мой заказ":                  {},
		"tracking sf1234567890":          {Code: "en"},
		"单号sf1234567890":                 {Code: "zh"},
		"wo bist du mein freund und ich": {},
		"ok":                             {Code: "en"},
	} {
		if got := Detect(Fold(in)); got != want {
			t.Errorf("Detect(%q) = %+v, want %+v", in, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"", "訂單 ＡＢ", "e\u0301\u200b", "幺三八零零一三八零零零", "one two oh double four", "\xff\u3000x", "H\u0331\u0323", "각\u11a8"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		folded := FoldText(raw)
		if !utf8.ValidString(folded.String) {
			t.Fatalf("%q: not UTF-8: %q", raw, folded.String)
		}
		if again := Fold(folded.String); again != folded.String {
			t.Fatalf("%q folds to %q and then to %q", raw, folded.String, again)
		}
		if strings.HasPrefix(folded.String, " ") || strings.HasSuffix(folded.String, " ") || strings.Contains(folded.String, "  ") {
			t.Fatalf("%q: spaces left in %q", raw, folded.String)
		}
		spoken := folded.SpokenDigits()
		for _, text := range []Text{folded, spoken} {
			if len(text.at) != len(text.String)+1 {
				t.Fatalf("%q: %d offsets for %d bytes", raw, len(text.at), len(text.String))
			}
			last := int32(0)
			for _, at := range text.at {
				if at < last || int(at) > len(raw) {
					t.Fatalf("%q: offsets %v", raw, text.at)
				}
				last = at
			}
		}
		if got := SpokenDigits(folded.String); got != spoken.String {
			t.Fatalf("%q: two ways, %q and %q", raw, got, spoken.String)
		}
		if len(spoken.String) > 3*len(folded.String) {
			t.Fatalf("%q grew to %q", folded.String, spoken.String)
		}
		Detect(folded.String)
		Words(folded.String)
	})
}

func BenchmarkFold(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Fold("請問我的訂單ＡＢ１２３什麼時候發貨？ Thank you")
	}
}
