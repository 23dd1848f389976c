package bot

import (
	"errors"
	"testing"
	"time"

	"tingxin/kb"
	"tingxin/nlp/embed"
)

// TestRealModels asks the sentence models themselves, where they are.
func TestRealModels(t *testing.T) {
	if testing.Short() {
		t.Skip("loads the sentence models")
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
	minds.Store(nil)
	defer minds.Store(nil)
	h := open(t, func(_ *Config, p *Parts) { p.Embed, p.Knowledge = models, x })
	begun := time.Now()
	trained, err := h.Train(t.Context())
	must(t, err)
	for _, m := range trained {
		f := m.Figures
		t.Logf("%s: %d phrases, accuracy %.3f, foreign recall %.3f, false rejects %.3f, %d ms", m.Lang, f.Phrases, f.Accuracy, f.Recall, f.Rejects, m.TookMS)
		for _, x := range f.Mixed[:min(len(f.Mixed), 5)] {
			t.Logf("   %s taken for %s: %d %q", x.Right, x.Guessed, x.Count, x.Examples)
		}
		if f.Accuracy < 0.75 || f.Recall < 0.5 {
			t.Errorf("%s: held-out figures are poor", m.Lang)
		}
	}
	t.Logf("trained in %v", time.Since(begun))
	again, err := h.Train(t.Context())
	must(t, err)
	for i := range trained {
		if trained[i].Version != again[i].Version || dump(trained[i].Figures) != dump(again[i].Figures) {
			t.Errorf("%s: the same phrases and seed gave another result", trained[i].Lang)
		}
	}
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
