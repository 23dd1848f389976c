package emotion

import (
	"slices"
	"testing"
)

func TestWords(t *testing.T) {
	for _, tc := range []struct {
		language, text string
		least, most    float32 // of Negative
		strong         bool
		kind           Kind
	}{
		{"en", "", 0, 0, false, ""},
		{"en", "Hello, I would like to change my address.", 0, 0, false, ""},
		{"en", "Thank you so much, that was very helpful.", 0, 0, false, KindThanks},
		{"en", "This is the third time I call and it is still not working.", 0.3, 0.6, false, KindProblem},
		{"en", "I'm not angry, I just have a question.", 0, 0, false, ""},
		{"en", "I am not happy with this.", 0.3, 0.5, false, KindProblem},
		{"en", "I am annoyed and this is ridiculous", 0.7, 0.9, false, KindAnger},
		{"en", "I want to speak to your manager, now!", 0.8, 1, true, KindComplaint},
		{"en", "You'll hear from my lawyer.", 0.8, 1, true, KindLegal},
		{"en", "I am so angry with you", 0.8, 1, true, KindAnger},
		{"en", "the lawyerly garden shutup", 0, 0, false, ""},     // whole words only
		{"en", "No, this is outrageous", 0.8, 1, true, KindAnger}, // "no" by itself negates nothing
		{"en", "no i am so angry", 0.8, 1, true, KindAnger},       // as a recogniser writes it
		{"en", "no, your supervisor, please", 0.8, 1, true, KindComplaint},
		{"en", "I have no complaint", 0, 0, false, ""},
		{"zh", "不，我要投诉", 0.8, 1, true, KindComplaint},
		{"zh", "不 我要 投诉", 0.8, 1, true, KindComplaint},
		{"zh", "不，太过分了", 0.8, 1, true, KindAnger},
		{"zh", "能不能退款", 0.3, 0.6, false, KindComplaint}, // a question, not a negation
		{"zh", "你们是不是骗人", 0.5, 0.7, false, KindAnger},
		{"zh", "我不是要投诉", 0, 0, false, ""},
		{"zh", "你好，我想查一下订单", 0, 0, false, ""},
		{"zh", "我 要 投诉 你们", 0.8, 1, true, KindComplaint}, // spaces as a recogniser writes them
		{"zh", "气死我了，你们就是骗子", 0.9, 1, true, KindAnger},
		{"zh", "我没生气，就是问问", 0, 0, false, ""},
		{"zh", "我不满意", 0.3, 0.6, false, KindComplaint},
		{"zh", "好的，谢谢，辛苦了", 0, 0, false, KindThanks},
		{"zh", "快递等了三天还没到，怎么办", 0.5, 0.8, false, KindProblem},
		{"zh", "这个 service 太差", 0.5, 0.6, false, KindAnger},
		{"en", "他妈的", 0.8, 1, true, KindInsult}, // a route may have the wrong language
	} {
		got := Words(tc.language, tc.text)
		if got.Negative < tc.least || got.Negative > tc.most || got.Strong != tc.strong {
			t.Errorf("%q: %+v, want negative in [%g, %g], strong %v", tc.text, got, tc.least, tc.most, tc.strong)
		}
		if tc.kind != "" && !slices.Contains(got.Kinds, tc.kind) {
			t.Errorf("%q: kinds %v, want %s among them", tc.text, got.Kinds, tc.kind)
		}
	}
}

// An entry that stands twice, or that a longer one in another group makes unreachable, is a slip.
func TestLexiconHoldsNothingTwice(t *testing.T) {
	seen := map[string]Kind{}
	for _, groups := range [][]group{englishGroups, chineseGroups} {
		entries(groups, func(text string, g group) {
			if before, ok := seen[text]; ok {
				t.Errorf("%q stands as %s and as %s", text, before, g.kind)
			}
			seen[text] = g.kind
			if g.weight <= 0 || g.weight >= 1 {
				t.Errorf("%q weighs %g", text, g.weight)
			}
		})
	}
	if len(seen) < 300 {
		t.Errorf("only %d entries", len(seen))
	}
}

func FuzzWords(f *testing.F) {
	f.Add("en", "I am so angry 气死我了")
	f.Fuzz(func(t *testing.T, language, text string) {
		if s := Words(language, text); s.Negative < 0 || s.Negative > 1 || s.Positive < 0 || s.Positive > 1 {
			t.Errorf("%+v", s)
		}
	})
}
