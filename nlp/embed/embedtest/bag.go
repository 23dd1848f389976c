// Package embedtest stands for the sentence models in tests, which are slow and may be absent.
package embedtest

import (
	"context"
	"hash/fnv"

	"tingxin/nlp"
	"tingxin/nlp/embed"
)

// Bag embeds a text as the sum of one random direction for each of its words.
type Bag struct{}

// Embed gives a text's vectors at once.
func (Bag) Embed(_ context.Context, _, text string) (embed.Vectors, error) {
	v := make([]float32, 64)
	for _, w := range nlp.Words(nlp.Fold(text)) {
		h := fnv.New64a()
		h.Write([]byte(w))
		x := h.Sum64()
		for i := range v {
			x = x*6364136223846793005 + 1442695040888963407
			v[i] += float32(int64(x>>33)%1000-500) / 500
		}
	}
	nlp.Normalize(v)
	return embed.Vectors{CLS: v, Mean: v}, nil
}

// EmbedLater is Embed.
func (b Bag) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	return b.Embed(ctx, lang, text)
}

// Version names the stand-in.
func (Bag) Version(lang string) string { return "bag-" + lang }
