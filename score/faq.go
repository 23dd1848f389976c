package score

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tingxin/kb"
	"tingxin/nlp"
	"tingxin/nlp/embed"
)

// FAQOptions of a scored run of question answering.
type FAQOptions struct {
	TextOptions
	// KB is a folder with articles.jsonl, and perhaps questions-tune.jsonl.
	KB string
	// Questions is a file of kb.Question, one JSON object per line.
	Questions string
	// Bare learns from the articles alone, whatever else the folder holds.
	Bare bool
	// Typos puts one typing mistake into every question.
	Typos bool
	// Misses prints every question whose answer was wrong or not found.
	Misses bool
}

// Register adds the command's flags to fs.
func (o *FAQOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.KB, "kb", "", "`folder` with articles.jsonl: id, lang, title, variants, answer; questions-tune.jsonl beside it is learnt from")
	fs.StringVar(&o.Questions, "questions", "", "`file` of lang, question, article (\"\" when none answers it), one JSON object a line")
	fs.BoolVar(&o.Bare, "bare", false, "learn from the articles alone")
	fs.BoolVar(&o.Typos, "typos", false, "put one typing mistake into every question: two letters swapped in its longest word, or a character that is read alike")
	fs.BoolVar(&o.Misses, "misses", false, "print what was answered wrongly or not found")
	o.register(fs)
}

// FAQFigures is the list of names for --help.
const FAQFigures = `Figures in --json (LANG is a language of the questions):
  faq.LANG.mrr10                         mean of 1/rank of the right article among ten, over questions that have one
  faq.LANG.recall1_pct recall3_pct       right article first, among the first three
  faq.LANG.wrong_pct                     answers given that were wrong, of all questions, those without an article too
  faq.LANG.wrong_of_answers_pct          the same, of the answers given
  faq.LANG.answered_pct                  questions with an article that were answered rightly
  faq.LANG.clarified_pct clarified_right_pct   questions asked back, and how often the right article was among the three
  faq.LANG.oos_passed_pct oos_clarified_pct   questions without an article that were passed on or asked back, and asked back
  faq.LANG.threshold_answer threshold_clarify   probabilities, drawn without these questions
  faq.LANG.articles questions oos        numbers
  faq.LANG.ms_p50 ms_p95                 per question, embedding included
`

// ReadJSONLines reads one value per line, which check may refuse; lines that begin with # are left out.
func ReadJSONLines[T any](path string, check func(v T) error) ([]T, error) {
	lines, err := readLines(path)
	if err != nil {
		return nil, err
	}
	var out []T
	for i, line := range lines {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		var v T
		if err := json.Unmarshal([]byte(line), &v); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		}
		if err := check(v); err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, i+1, err)
		}
		out = append(out, v)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("%s is empty", path)
	}
	return out, nil
}

// FAQ builds an index of a folder, asks it questions and prints figures per language.
func FAQ(ctx context.Context, opts FAQOptions, out io.Writer) error {
	if opts.KB == "" || opts.Questions == "" {
		return errors.New("score faq needs --kb DIR with articles.jsonl, and --questions FILE")
	}
	known := make(articleIDs)
	articles, err := ReadJSONLines(filepath.Join(opts.KB, "articles.jsonl"), known.add)
	if err != nil {
		return err
	}
	questions, err := ReadJSONLines(opts.Questions, known.check)
	if err != nil {
		return err
	}
	if opts.Typos {
		for i := range questions {
			questions[i].Text = withTypo(questions[i].Text)
		}
	}
	var tune []kb.Question
	path := filepath.Join(opts.KB, "questions-tune.jsonl")
	if _, err := os.Stat(path); err == nil && !opts.Bare && filepath.Clean(path) != filepath.Clean(opts.Questions) {
		if tune, err = ReadJSONLines(path, known.check); err != nil {
			return err
		}
	}
	service := embed.New(opts.Embed)
	if err := service.Start(ctx); err != nil {
		return err
	}
	defer service.Close()
	fmt.Fprintf(out, "faq, %s, %d labelled questions to learn from\n\n", opts.Questions, len(tune))
	var figures []Figure
	for _, lang := range languagesOf(questions) {
		index, err := kb.NewIndex(ctx, lang, articles, service)
		if err != nil {
			return err
		}
		if err := index.Learn(ctx, tune); err != nil {
			return err
		}
		r := faqRun{lang: lang, index: index}
		if opts.Misses {
			r.misses = out
		}
		if err := r.run(ctx, questions); err != nil {
			return err
		}
		figures = append(figures, r.figures()...)
	}
	printFigures(out, figures)
	return WriteJSON(opts.JSON, figures)
}

// articleIDs are the languages of each article.
type articleIDs map[string][]string

func (ids articleIDs) add(a kb.Article) error {
	if err := a.Check(); err != nil {
		return err
	}
	if slices.Contains(ids[a.ID], a.Lang) {
		return fmt.Errorf("article %q stands there twice in %q", a.ID, a.Lang)
	}
	ids[a.ID] = append(ids[a.ID], a.Lang)
	return nil
}

// check tells why a question cannot be asked.
func (ids articleIDs) check(q kb.Question) error {
	switch {
	case !slices.Contains(embed.Languages, q.Lang):
		return fmt.Errorf("the language is %q: it can be %s", q.Lang, strings.Join(embed.Languages, " or "))
	case nlp.Fold(q.Text) == "" || len(q.Text) > kb.MaxQuestion:
		return fmt.Errorf("the question is empty or longer than %d bytes", kb.MaxQuestion)
	case q.Article != "" && !slices.Contains(ids[q.Article], q.Lang):
		return fmt.Errorf("there is no article %q in %q", q.Article, q.Lang)
	}
	return nil
}

func languagesOf(questions []kb.Question) []string {
	var langs []string
	for _, q := range questions {
		if !slices.Contains(langs, q.Lang) {
			langs = append(langs, q.Lang)
		}
	}
	slices.Sort(langs)
	return langs
}

type faqRun struct {
	lang   string
	index  *kb.Index
	misses io.Writer

	asked, foreign                                        int // with and without an article
	reciprocal                                            float64
	first, three                                          int
	right, wrong, clarified, clarifiedRight, foreignFound int
	foreignClarified                                      int
	ms                                                    []float64
}

func (r *faqRun) run(ctx context.Context, questions []kb.Question) error {
	for _, q := range questions {
		if q.Lang != r.lang {
			continue
		}
		begun := time.Now()
		v, err := r.index.Ask(ctx, q.Text)
		if err != nil {
			return fmt.Errorf("question %q: %w", q.Text, err)
		}
		r.ms = append(r.ms, float64(time.Since(begun).Microseconds())/1000)
		r.count(q, v)
	}
	return nil
}

func (r *faqRun) count(q kb.Question, v kb.Verdict) {
	at := slices.IndexFunc(v.Hits, func(h kb.Hit) bool { return h.Article.ID == q.Article })
	if q.Article == "" {
		r.foreign++
		if v.Decision != kb.DecideAnswer {
			r.foreignFound++
		}
		if v.Decision == kb.DecideClarify {
			r.foreignClarified++
		}
	} else {
		r.asked++
		if at >= 0 && at < 10 {
			r.reciprocal += 1 / float64(at+1)
		}
		if at == 0 {
			r.first++
		}
		if at >= 0 && at < 3 {
			r.three++
		}
	}
	switch {
	case v.Decision == kb.DecideAnswer && at == 0:
		r.right++
	case v.Decision == kb.DecideAnswer:
		r.wrong++
	case v.Decision == kb.DecideClarify && q.Article != "":
		r.clarified++
		if at >= 0 && at < 3 {
			r.clarifiedRight++
		}
	}
	if r.misses != nil && (v.Decision == kb.DecideAnswer && at != 0 || q.Article != "" && at != 0) {
		first := "nothing"
		if len(v.Hits) > 0 {
			first = fmt.Sprintf("%s %.2f", v.Hits[0].Article.ID, v.Hits[0].P)
		}
		fmt.Fprintf(r.misses, "%s\t%s\t%s: %s, right is %q at %d\n", r.lang, q.Text, v.Decision, first, q.Article, at+1)
	}
}

func (r *faqRun) figures() []Figure {
	name := func(s string) string { return "faq." + r.lang + "." + s }
	t, _ := r.index.Thresholds()
	all := r.asked + r.foreign
	return []Figure{
		{name("mrr10"), r.reciprocal / float64(max(r.asked, 1))}, {name("recall1_pct"), share(r.first, r.asked)}, {name("recall3_pct"), share(r.three, r.asked)},
		{name("wrong_pct"), share(r.wrong, all)}, {name("wrong_of_answers_pct"), share(r.wrong, r.right+r.wrong)}, {name("answered_pct"), share(r.right, r.asked)},
		{name("clarified_pct"), share(r.clarified, r.asked)}, {name("clarified_right_pct"), share(r.clarifiedRight, r.clarified)},
		{name("oos_passed_pct"), share(r.foreignFound, r.foreign)}, {name("oos_clarified_pct"), share(r.foreignClarified, r.foreign)},
		{name("threshold_answer"), t.Answer}, {name("threshold_clarify"), t.Clarify},
		{name("articles"), float64(len(r.index.Articles()))}, {name("questions"), float64(r.asked)}, {name("oos"), float64(r.foreign)},
		{name("ms_p50"), percentile(r.ms, 0.5)}, {name("ms_p95"), percentile(r.ms, 0.95)},
	}
}
