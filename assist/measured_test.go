package assist

import (
	"errors"
	"log/slog"
	"os"
	"testing"

	"tingxin/kb"
	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/pg/pgtest"
)

// TestClustersMeasured prints how well clusters follow what people say is one question,
// with the real models: the cut-off is drawn on one part of the questions, the clusters
// are those of the other. TINGXIN_SCORE=1 runs it.
func TestClustersMeasured(t *testing.T) {
	if os.Getenv("TINGXIN_SCORE") == "" {
		t.Skip("a measurement: set TINGXIN_SCORE")
	}
	models := embed.New(embed.Config{Runtime: "../build/onnxruntime/libonnxruntime.so", Models: "../models", Queue: 256})
	if err := models.Start(t.Context()); errors.Is(err, embed.ErrMissing) {
		t.Skip(err)
	} else {
		must(t, err)
	}
	defer models.Close()
	db := pgtest.New(t)
	quiet := slog.New(slog.DiscardHandler)
	articles, err := kb.New(kb.Config{}, db, nil, quiet) // judging is not measured here
	must(t, err)
	must(t, articles.Start(t.Context()))
	defer articles.Close()
	read := func(name string) *kb.Batch {
		data, err := os.ReadFile("../kb/testdata/faq/" + name)
		must(t, err)
		b, err := kb.ReadFile(name, data)
		must(t, err)
		return b
	}
	for _, name := range []string{"articles.jsonl", "questions-tune.jsonl"} {
		_, err := articles.Store().Import(t.Context(), chief, read(name), kb.ImportOptions{Publish: true})
		must(t, err)
	}
	must(t, articles.Changed(t.Context()))
	s, err := New(Config{}, Parts{DB: db, Articles: articles, Embed: models}, quiet)
	must(t, err)
	test := read("questions-test.jsonl").Questions
	for _, lang := range embed.Languages {
		cut, err := s.cut(t.Context(), lang)
		must(t, err)
		var vectors [][]float32
		var of []string
		for _, q := range test {
			if q.Lang != lang || q.Article == "" {
				continue
			}
			v, err := models.EmbedLater(t.Context(), lang, nlp.Fold(q.Text))
			must(t, err)
			vectors, of = append(vectors, v.CLS), append(of, q.Article)
		}
		for _, c := range []Cut{cut, {Near: defaultNear, Link: defaultLink}} {
			centred := make([][]float32, len(vectors))
			for i := range vectors {
				centred[i] = c.centred(vectors[i])
			}
			groups := clusters(centred, c.Near, c.Link)
			in, right := 0, 0
			for _, g := range groups {
				count := map[string]int{}
				for _, i := range g.members {
					count[of[i]]++
					in++
				}
				most := 0
				for _, n := range count {
					most = max(most, n)
				}
				right += most
			}
			t.Logf("%s near %.3f link %.3f (%d texts, precision %.3f, recall %.3f): %d questions, %d clusters hold %d of them, %.1f %% of those stand with their like",
				lang, c.Near, c.Link, c.Texts, c.Precision, c.Recall, len(vectors), len(groups), in, 100*float64(right)/float64(max(in, 1)))
		}
	}
}
