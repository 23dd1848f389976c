package ivr

import (
	"slices"
	"testing"
)

func TestExpectationsBecomePhrases(t *testing.T) {
	for name, c := range map[string]struct {
		x         Expectation
		language  string
		has, lack []string
		digits    bool
	}{
		"free speech": {},
		"yes or no":   {x: Expectation{YesNo: true}, language: "en-US", has: []string{"yes", "no", "that's right", "agent"}, lack: []string{"one", "是"}},
		"zh yes":      {x: Expectation{YesNo: true}, language: "zh-CN", has: []string{"是", "不对", "转人工"}, lack: []string{"yes"}},
		"code":        {x: Expectation{Digits: true, Letters: true}, language: "en", has: []string{"zero", "oh", "double", "a", "z", "my order number is", "cancel"}, lack: []string{"yes"}, digits: true},
		"digits":      {x: Expectation{Digits: true}, language: "zh", has: []string{"幺", "零", "订单号是"}, lack: []string{"a"}, digits: true},
		"date":        {x: Expectation{Date: true}, language: "en", has: []string{"tomorrow", "july", "half past", "two"}},
		"choice":      {x: Expectation{Phrases: []string{"Electronic invoice"}}, language: "en", has: []string{"electronic invoice", "two"}},
	} {
		h := c.x.hearing(c.language)
		if (len(h.Phrases) == 0) != c.x.free() || h.Digits != c.digits || slices.Contains(h.Phrases, "") {
			t.Errorf("%s: %+v", name, h)
		}
		for _, p := range c.has {
			if !slices.Contains(h.Phrases, p) {
				t.Errorf("%s: no %q in %q", name, p, h.Phrases)
			}
		}
		for _, p := range c.lack {
			if slices.Contains(h.Phrases, p) {
				t.Errorf("%s: %q is in it", name, p)
			}
		}
	}
}

func TestPickTakesTheListOnlyForAnswers(t *testing.T) {
	code, yes := Expectation{Digits: true, Letters: true}, Expectation{YesNo: true, Digits: true}
	for name, c := range map[string]struct {
		x    Expectation
		said Said
		want string
	}{
		"no list":              {code, Said{Text: "to oh to five"}, "to oh to five"},
		"digits":               {code, Said{Text: "to oh to five double oh seven", Listed: "two oh two five double oh seven"}, "2025007"},
		"letter and lead":      {code, Said{Text: "my order number is a two oh two five", Listed: "my order number is a two oh two five"}, "A2025"},
		"unknown words before": {code, Said{Text: "well it's to oh to five", Listed: "[unk] it's two oh two five"}, "2025"},
		"a question instead":   {code, Said{Text: "how much is the shipping", Listed: "oh [unk] six b c"}, "how much is the shipping"},
		"nothing of the list":  {code, Said{Text: "how much", Listed: "[unk] [unk]"}, "how much"},
		"yes":                  {yes, Said{Text: "yeah", Listed: "yes"}, "yes"},
		"a person":             {code, Said{Text: "a person", Listed: "a person"}, "a person"},
		"only the list heard":  {yes, Said{Listed: "no"}, "no"},
		"another number":       {yes, Said{Text: "no it's nine nine", Listed: "no nine nine"}, "no nine nine"},
		"keys":                 {code, Said{Text: "12", Listed: "one", Keys: true}, "12"},
		"long and misheard":    {code, Said{Text: "20250 am and the i wrote to the around the i wrote one", Listed: "two zero two five zero seven zero two zero zero one"}, "20250702001"},
		"zh":                   {Expectation{Digits: true}, Said{Text: "二 零 二 五", Listed: "二 零 二 五", Language: "zh"}, "2025"},
	} {
		if c.said.Language == "" {
			c.said.Language = "en"
		}
		if got := c.x.pick(c.said); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestBotNodeListensForWhatIsExpectedAndTakesAMessage(t *testing.T) {
	f, err := Parse("bot.yaml", []byte(botFlow))
	if err != nil {
		t.Fatal(err)
	}
	m := &mouth{says: []string{"到哪了", "留言"}, answers: map[string]Told{
		"到哪了": {Text: "订单号是多少？", Language: "zh", Expect: Expectation{Digits: true}}, "留言": {Text: "好的", Message: "support"}}}
	if _, err := Run(t.Context(), m, f, wordsOnly{}, nil); err != nil {
		t.Fatal(err)
	}
	if len(m.expected) != 2 || !m.expected[0].Digits || len(m.expected[0].Phrases) == 0 || len(m.expected[1].Phrases) != 0 {
		t.Errorf("expected %+v", m.expected)
	}
	if !slices.Equal(m.messages, []Mailbox{{BoxQueue, "support"}}) {
		t.Errorf("messages %v", m.messages)
	}
	if !slices.ContainsFunc(m.steps, func(s Step) bool { return s.Did == "node" && s.What == "bye" }) {
		t.Errorf("it did not go on: %v", m.steps)
	}
}
