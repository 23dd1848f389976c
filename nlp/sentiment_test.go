package nlp

import (
	"bufio"
	"encoding/json"
	"os"
	"testing"
)

func TestSentiment(t *testing.T) {
	for _, c := range []struct {
		lang, text string
		low, high  float32
	}{
		{"zh", "非常满意,物流很快", 0.5, 1},
		{"zh", "垃圾,再也不买了!!", -1, -0.5},
		{"zh", "不好用", -1, -0.2},
		{"zh", "还不错", 0.2, 1},
		{"zh", "没有不满意的地方", 0, 1},
		{"zh", "我的订单什么时候发货", 0, 0},
		{"zh", "外观很漂亮,但是太慢了,很失望", -1, -0.1},
		{"en", "i love it, works perfectly", 0.5, 1},
		{"en", "this is the worst service, i am furious", -1, -0.6},
		{"en", "not good", -1, -0.2},
		{"en", "it doesn't work well", -1, -0.01},
		{"en", "no problem, thanks", 0.01, 1},
		{"en", "where is my order", 0, 0},
		{"en", "nice design but it broke and support is terrible", -1, -0.05},
		{"fr", "c'est terrible", 0, 0},
		{"zh", "", 0, 0},
		{"en", "!!!???", 0, 0},
	} {
		if got := Sentiment(c.lang, c.text); got < c.low || got > c.high {
			t.Errorf("%q: %.2f, want %.2f to %.2f", c.text, got, c.low, c.high)
		}
	}
}

// TestSentimentOnReviews measures on Chinese product reviews that are not ours to
// ship; the lists were not made from them.
func TestSentimentOnReviews(t *testing.T) {
	right, silent, n := 0, 0, 0
	for _, part := range []string{"train", "dev"} {
		f, err := os.Open("../../shared/data/text/fewclue-eprstmt/" + part + "_few_all.json")
		if err != nil {
			t.Skip("no reviews here: ", err)
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			var r struct{ Sentence, Label string }
			if err := json.Unmarshal(s.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			v := Sentiment("zh", Fold(r.Sentence))
			n++
			switch {
			case v == 0:
				silent++
			case v > 0 == (r.Label == "Positive"):
				right++
			}
		}
	}
	t.Logf("%d of %d reviews right, %d without an opinion", right, n, silent)
	if right*100 < n*70 {
		t.Errorf("%d of %d reviews right, 70 %% are wanted", right, n)
	}
}
