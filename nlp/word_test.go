package nlp

import "testing"

func TestFirstWord(t *testing.T) {
	list := []string{"12315", "sue", "did not help", "律师"}
	for text, want := range map[string]string{
		"I will SUE you": "sue", "an issue": "", "pursue it": "", "It did not, help me": "did not help", "我要打12315投诉": "12315", "我的电话 13812315678": "", "订单1231512345": "",
		"我已经找了律师。": "律师", "": "", "12315": "12315", "sued": "",
	} {
		if got, found := FirstWord(list, text); got != want || found != (want != "") {
			t.Errorf("%q: %q", text, got)
		}
	}
}
