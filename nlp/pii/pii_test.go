package pii_test

import (
	"strings"
	"testing"

	"tingxin/nlp/pii"
	"tingxin/nlp/slot"
	"tingxin/race"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"我的电话是13800138000，谢谢":                          "我的电话是138****8000，谢谢",
		"我的电话是一三八零零一三八零零零，谢谢":                          "我的电话是138****8000，谢谢",
		"电话幺三八零零幺三八零零零":                                "电话138****8000",
		"call me on +86 138 0013 8000 please":          "call me on 138****8000 please",
		"write to lei.li@example.com today":            "write to l***@example.com today",
		"身份证 11010519491231002X 的":                     "身份证 1101**********002X 的",
		"card 6222021234567890 or 4111 1111 1111 1111": "card 6222********7890 or 4111********1111",
		"订单号 A20251029001 到了吗":                         "订单号 A20251029001 到了吗",
		"2026-11-29T01:02:03Z":                         "2026-11-29T01:02:03Z",
		"固话01062345678，零一零六二三四五六七八":                    "固话010****5678，010****5678",
		"身份证11010519491231002x和110105194912310021":     "身份证1101**********002X和1101**********0021",
		"运单 SF1234567890123 与 20251029001":             "运单 SF1234567890123 与 20251029001",
		"nothing here":                                 "nothing here",
		"":                                             "",
	} {
		if got := pii.Text(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// A long text is looked at to its end.
func TestLongText(t *testing.T) {
	long := strings.Repeat("一些话。", 6000) + "13800138000"
	if got := pii.Text(long); strings.Contains(got, "13800138000") || !strings.HasSuffix(got, "138****8000") {
		t.Error("the number at the end of a long text was not hidden")
	}
}

// A long text was cut at a space or a dot, which may stand in a number or an address: each half of it was shown.
func TestLongTextIsNotCutInANumber(t *testing.T) {
	for _, value := range []string{"4111 1111 1111 1111", "+86 138 0013 8000", "one three eight zero zero one three eight zero zero zero", "lei.li@mail.example.com"} {
		for before := 1; before < len(value); before += 1 + len(value)/4 { // the middle falls into it
			fill := strings.Repeat("x", slot.MaxText/2-before-1) + " "
			got := pii.Text(fill + value + " " + strings.Repeat("y", slot.MaxText/2+64))
			if got = strings.Trim(got, "xy "); got != pii.Text(value) {
				t.Fatalf("%q, %d bytes before the middle: %q, want %q", value, before, got, pii.Text(value))
			}
		}
	}
}

// A value is found wherever a long text is cut, in the place where it stands.
func TestFindInLongTexts(t *testing.T) {
	if race.Enabled {
		t.Skip("only computes")
	}
	for _, n := range []int{0, slot.MaxText/2 - 20, slot.MaxText - 5, 3 * slot.MaxText} {
		text := strings.Repeat("他说", n/6) + " 13800138000 " + strings.Repeat("x y", n)
		got := pii.Find(text)
		if len(got) != 1 || text[got[0].Start:got[0].End] != "13800138000" {
			t.Errorf("%d: %+v", n, got)
		}
	}
}

func TestShapes(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{pii.Phone("+8613800138000"), "138****8000"}, {pii.Phone("+14155550132"), "+141****0132"}, {pii.Phone("8001"), "8001"}, {pii.Phone("12345"), "****45"}, {pii.Phone("12345678"), "****5678"}, {pii.Phone("123456789"), "1****6789"}, {pii.Phone(""), ""},
		{pii.Email("lei@example.com"), "l***@example.com"}, {pii.Email("李@例.cn"), "李***@例.cn"}, {pii.Number("12345678"), "********"},
		{pii.Short("oABCDEFG12"), "oA****12"}, {pii.Short("abc"), "****"}, {pii.Name("李雷"), "李*"}, {pii.Name("Mei Chen"), "M***"}, {pii.Name(""), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// Whatever stands before it, a number at the end is hidden.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "13800138000", "a@b.cn", "4111 1111 1111 1111", "一三八零零一三八零零零", "\xff\xfe１３８００１３８０００", "订单号是"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := pii.Text(s + " ; 13800138000"); strings.HasSuffix(got, "13800138000") {
			t.Errorf("%q became %q", s, got)
		}
	})
}
