package bot

import (
	"errors"
	"testing"

	"tingxin/kb"
	"tingxin/nlp/embed"
	"tingxin/race"
)

// TestRealModels asks the sentence models themselves, where they are.
func TestRealModels(t *testing.T) {
	if testing.Short() || race.Enabled {
		t.Skip("loads the sentence models and learns for a minute")
	}
	models := embed.New(embed.Config{Runtime: "../build/onnxruntime/libonnxruntime.so", Models: "../models", Queue: 256})
	if err := models.Start(t.Context()); errors.Is(err, embed.ErrMissing) {
		t.Skip(err)
	} else {
		must(t, err)
	}
	defer models.Close()
	x := make(Indexes)
	for _, lang := range embed.Languages {
		index, err := kb.NewIndex(t.Context(), lang, articles, models)
		must(t, err)
		must(t, index.Learn(t.Context(), nil))
		x[lang] = index
	}
	known := minds.Swap(nil)
	defer minds.Store(known)
	h := open(t, func(_ *Config, p *Parts) { p.Embed, p.Knowledge = models, x })
	k := h.chat("1", 7)
	for _, c := range []struct {
		text string
		want Decision
	}{
		{"您好呀", DoTalk}, {"我的订单号是A2025070101", DoTalk}, {"请问啥时候能送到我手里", DoTool},
		{"这个订单我不想要了，能帮我取消掉吗", DoConfirm}, {"不用了", DoTalk}, {"邮费是怎么收的呀", DoAnswer},
		{"给我写一首关于春天的诗", DoFallback}, {"I would like an electronic invoice", DoAnswer}, {"has my parcel been sent out yet?", DoTool},
	} {
		r := k.says(c.text)
		t.Logf("%-40s %-9s %s %.0f ms", c.text, r.Decision, r.Intent, r.MS)
		if r.Decision != c.want {
			t.Errorf("%s: %s, want %s\n%s", c.text, r.Decision, c.want, dump(r.Why))
		}
	}
}
