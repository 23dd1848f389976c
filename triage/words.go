package triage

import (
	"context"
	"errors"
	"strings"

	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/pg"
)

// complaintWords are what people complain with. Written by hand; folded, Chinese in simplified characters.
var complaintWords = map[string][]string{
	"zh": {"投诉", "态度差", "态度太差", "太差", "差评", "骗", "推卸", "推诿", "踢皮球", "敷衍", "不像话", "太过分", "没人管", "没人理", "没人处理", "没人负责", "没有下文", "凭什么", "什么素质", "失望", "寒心", "虚假", "乱收费", "多扣", "扣了两次",
		"给个说法", "要求赔偿", "赔偿", "讨个说法", "举报", "曝光", "消协", "忍无可忍", "太坑", "坑人", "形同虚设", "刁难", "再也不", "又坏", "第三次", "浪费我时间", "挂了", "道歉"},
	"en": {"complaint", "complain", "disgrace", "disgraceful", "outrageous", "unacceptable", "terrible", "awful", "useless", "rude", "fed up", "had enough", "disappointed", "hung up", "nobody answers", "nobody cares", "no one helps", "passed from",
		"false advertising", "rip-off", "cheated", "overcharged", "charged twice", "compensation", "apology", "speak to a manager", "ombudsman", "never buy", "third time", "wasted", "wastes my time", "ignores", "no result", "not solved", "hidden fees"},
}

// hits counts words of a list in a folded text.
func hits(list []string, folded string) int {
	n := 0
	for _, w := range list {
		if strings.Contains(folded, w) {
			n++
		}
	}
	return n
}

// extras are what is known of a text beside its words as such.
func extras(kind Kind, lang, folded string) []float32 {
	mood := nlp.Sentiment(lang, folded)
	if kind != Complaint {
		return []float32{mood}
	}
	listed := float32(0)
	if n := hits(complaintWords[lang], folded); n > 0 {
		listed = 1 - 0.5/float32(n)
	}
	asks := float32(0)
	if strings.ContainsAny(folded, "?？吗") || strings.HasPrefix(folded, "请问") {
		asks = 0.5
	}
	return []float32{mood, listed, asks}
}

// Complaint tells how likely a text is a complaint; while the model is learnt, or in a language without
// one, by the word lists alone.
func (s *Service) Complaint(ctx context.Context, text string) (p float64, model string, err error) {
	g, err := s.Guess(ctx, Complaint, text)
	switch {
	case errors.Is(err, ErrLearning), errors.Is(err, pg.ErrNotFound), errors.Is(err, embed.ErrBusy):
		return byWords(text), "words", nil
	case err != nil:
		return 0, "", err
	}
	for _, c := range g.Top {
		if c.Label == "complaint" {
			p = c.P
		}
	}
	return p, g.Version, nil
}

// byWords is a cautious guess: a listed word and a bad mood together make a complaint.
func byWords(text string) float64 {
	folded := nlp.Fold(text)
	lang := languageOf(folded)
	x := extras(Complaint, lang, folded)
	if lang == "" {
		return 0
	}
	p := 0.1 + 0.6*float64(x[1]) - 0.3*float64(x[0]) - 0.3*float64(x[2])
	return min(max(p, 0), 0.95)
}
