package ivr

import "testing"

func TestSpokenDigits(t *testing.T) {
	for said, want := range map[string]string{
		"one two three four": "1234", "oh double seven": "077", "it's twenty three forty": "2340", "fifteen": "15", "triple nine, um, one": "9991", "Twenty, five.": "25",
		"一二三四": "1234", "幺 三 八": "138", "是 二零二五": "2025", "1234": "1234", "12 34": "1234", "one 2 three": "123",
		"hello": "", "one dog": "", "": "", "double": "", "double trouble": "", "um": "", "三百": "",
	} {
		if got, ok := spokenDigits(said); got != want || ok != (want != "") {
			t.Errorf("%q: %q %v, want %q", said, got, ok, want)
		}
	}
}

func TestGrammar(t *testing.T) {
	var g grammar
	for phrase, means := range map[string]string{"bill": "1", "my bill": "1", "pay a bill": "2", "账单": "1", "退款": "3", "no": "n"} {
		g.add(phrase, means)
	}
	for said, want := range map[string]string{"I want to pay a bill": "2", "my bill": "1", "billing": "", "我 要 退 款": "3", "看一下账单": "1", "退款和账单": "", "note": "", "": ""} {
		if got, ok := g.of(said); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v, want %q", said, got, ok, want)
		}
	}
	for said, want := range map[string]string{"yes please": "yes", "No, that's not right!": "no", "没错": "yes", "不对": "no", "对": "yes", "that's right": "yes", "not correct": "no", "perhaps": "", "不是的": "no", "是的": "yes"} {
		if got, ok := yesNo.of(said); ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v, want %q", said, got, ok, want)
		}
	}
}

func FuzzSpoken(f *testing.F) {
	f.Add("double one twenty three 四五")
	f.Fuzz(func(t *testing.T, said string) {
		if digits, ok := spokenDigits(said); ok {
			for _, r := range digits {
				if r < '0' || r > '9' {
					t.Fatalf("%q gives %q", said, digits)
				}
			}
		}
		_, _ = yesNo.of(said)
		_, _ = scoreOf(Input{Said: said})
	})
}
