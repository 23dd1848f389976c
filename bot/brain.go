package bot

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/nlp/learn"
	"tingxin/nlp/slot"
	"tingxin/pg"
)

// Embedder gives vectors; *embed.Service is one.
type Embedder interface {
	Embed(ctx context.Context, lang, text string) (embed.Vectors, error)
	EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error)
	Version(lang string) string
}

// brain is all that is known at one time: read-only once made, replaced as a whole.
type brain struct {
	intents map[string]*Intent
	tools   map[string]*Tool
	policy  Policy
	finder  *slot.Finder
	minds   map[string]*mind // by language
	// learning: nothing is learnt yet; what equal phrases and articles do not answer is for people.
	learning bool
}

// mind tells intents of one language.
type mind struct {
	version string
	exact   map[string]string // bare phrase to intent
	model   *learn.Intents    // nil with fewer than two classes
	spell   *nlp.Speller
}

// spellerOf knows the words of lessons.
func spellerOf(e Embedder, lang string, lessons []lesson) *nlp.Speller {
	texts := make([]string, len(lessons))
	for i, l := range lessons {
		if l.label != learn.Foreign {
			texts[i] = l.text
		}
	}
	return nlp.NewSpeller(texts, embed.Knowing(e, lang))
}

// articleClass stands before the category of articles that are classes beside the
// intents: what articles answer is in scope, though no intent.
const articleClass = "article:"

// lesson is one text to learn from.
type lesson struct{ label, text string }

// bareOf is a folded text without spaces and punctuation.
func bareOf(folded string) string {
	return strings.Join(strings.FieldsFunc(folded, func(r rune) bool { return r == ' ' || strings.ContainsRune("?!.,。、;:…~·\"'", r) }), "")
}

// exactOf are the bare phrases of intents.
func exactOf(lessons []lesson) map[string]string {
	out := make(map[string]string)
	for _, l := range lessons {
		if b := bareOf(l.text); b != "" && l.label != learn.Foreign && !strings.HasPrefix(l.label, articleClass) {
			out[b] = l.label
		}
	}
	return out
}

// teach learns the intents of a language; the same lessons and seed give the same. With fewer than two
// classes, or without vectors, there is no model: equal phrases are still known.
func teach(ctx context.Context, e Embedder, lang string, lessons []lesson, seed uint64) (*learn.Intents, error) {
	if e == nil {
		return nil, nil
	}
	examples := make([]learn.Example, len(lessons))
	for k, l := range lessons {
		v, err := e.EmbedLater(ctx, lang, l.text)
		if err != nil {
			return nil, fmt.Errorf("learn %s: %w", lang, err)
		}
		examples[k] = learn.Example{Vector: featuresOf(v, l.text), Label: l.label}
	}
	if labelCount(lessons) < 2 {
		return nil, nil
	}
	m, err := learn.TrainIntents(examples, learn.IntentsConfig{Seed: seed})
	if err != nil {
		return nil, fmt.Errorf("learn %s: %w", lang, err)
	}
	return m, nil
}

func versionOfEmbedder(e Embedder, lang string) string {
	if e == nil {
		return ""
	}
	return e.Version(lang)
}

func labelCount(lessons []lesson) int {
	seen := make(map[string]bool)
	for _, l := range lessons {
		if l.label != learn.Foreign {
			seen[l.label] = true
		}
	}
	return len(seen)
}

// lessonsOf are the texts of a language in a fixed order.
func lessonsOf(lang string, intents []Intent, phrasings []Phrasing) []lesson {
	var out []lesson
	for i := range intents {
		label := intents[i].Name
		if intents[i].Kind == KindForeign {
			label = learn.Foreign
		}
		for _, p := range intents[i].Phrases {
			if p.Lang == lang {
				out = append(out, lesson{label, nlp.Fold(p.Text)})
			}
		}
	}
	for _, p := range phrasings {
		out = append(out, lesson{articleClass + p.Category, nlp.Fold(p.Text)})
	}
	slices.SortFunc(out, func(a, b lesson) int {
		if c := strings.Compare(a.label, b.label); c != 0 {
			return c
		}
		return strings.Compare(a.text, b.text)
	})
	return slices.Compact(out)
}

func versionOf(lang string, lessons []lesson, embedder string, seed uint64) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%d\x00%d", lang, embedder, seed, gramBins)
	for _, l := range lessons {
		fmt.Fprintf(h, "\x00%s\x01%s", l.label, l.text)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// Words beside the sentence vector: hashed into bins with a sign, of unit length times gramWeight.
const (
	gramBins   = 256
	gramWeight = 0.5
)

// featuresOf a text: CLS and mean vector side by side, then its words and character pairs.
func featuresOf(v embed.Vectors, folded string) []float32 {
	out := make([]float32, 0, len(v.CLS)+len(v.Mean)+gramBins)
	out = append(append(out, v.CLS...), v.Mean...)
	grams := make([]float32, gramBins)
	for _, w := range nlp.Words(folded) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(w))
		x := h.Sum64()
		sign := float32(1)
		if x>>32&1 == 1 {
			sign = -1
		}
		grams[x%gramBins] += sign
	}
	nlp.Normalize(grams)
	for i := range grams {
		grams[i] *= gramWeight
	}
	return append(out, grams...)
}

func hashOf(features []float32) string {
	h := sha256.New()
	_ = binary.Write(h, binary.LittleEndian, features) // a hash takes everything
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// guess is what a mind thinks of a text.
type guess struct {
	intent  string // "" when none is likely enough
	p       float64
	exact   bool
	foreign bool
	strange float64
	top     []Candidate
	hash    string
	version string
	read    string // the text as it was read, "" as it was written
}

// guess what a text wants. One with words that look like typing mistakes is read without them where it wants something then:
// as it is written, what it wants may be just what the mistakes hide. One that wants nothing is read without what is said while
// thinking.
func (b *brain) guess(ctx context.Context, e Embedder, lang, folded string) (guess, error) {
	g, err := b.guessAs(ctx, e, lang, folded)
	if err != nil || g.exact {
		return g, err
	}
	right := b.minds[lang].spell.Mend(folded)
	if g.intent == "" && right == folded {
		if less := nlp.Fold(fillers.ReplaceAllString(asides.ReplaceAllString(folded, ""), " ")); bareOf(less) != "" {
			right = less
		}
	}
	if right == folded {
		return g, nil
	}
	again, err := b.guessAs(ctx, e, lang, right)
	if err != nil || again.intent == "" {
		return g, err
	}
	again.read = right
	return again, nil
}

func (b *brain) guessAs(ctx context.Context, e Embedder, lang, folded string) (guess, error) {
	m := b.minds[lang]
	if m == nil {
		return guess{}, ErrNotReady
	}
	g := guess{version: m.version}
	if name := m.exact[bareOf(folded)]; name != "" && b.intents[name] != nil {
		g.intent, g.p, g.exact = name, 1, true
		g.top = []Candidate{{ID: name, Title: inLang(b.intents[name].Title, lang), P: 1}}
		return g, nil
	}
	if m.model == nil {
		return g, nil
	}
	v, err := e.Embed(ctx, lang, folded)
	if err != nil {
		return g, err
	}
	f := featuresOf(v, folded)
	all, err := m.model.Guess(learn.Matrix{Rows: 1, Cols: len(f), Data: f})
	if err != nil {
		return g, err
	}
	x := all[0]
	g.foreign, g.strange, g.hash = x.Foreign, x.Strange, hashOf(f)
	for _, c := range x.Top {
		cand := Candidate{ID: c.Label, Title: c.Label, P: c.P}
		if i := b.intents[c.Label]; i != nil {
			cand.Title = inLang(i.Title, lang)
		}
		g.top = append(g.top, cand)
	}
	if x.P >= b.policy.Intent && !x.Foreign && b.intents[x.Label] != nil {
		g.intent, g.p = x.Label, x.P
	}
	return g, nil
}

// tokens are what values become for the models.
func tokenOf(t slot.Type) string {
	switch t {
	case slot.Order, slot.Tracking, slot.Email, slot.ID18:
		return "<" + string(t) + ">"
	case slot.BankCard:
		return "<card>"
	case slot.Mobile, slot.Tel:
		return "<phone>"
	}
	return "" // amounts, dates and times say what is meant
}

// mask replaces the values of a message: by tokens for the models, by stars for people.
func mask(raw string, values []slot.Value) (forModels, forPeople string) {
	var m, p strings.Builder
	last := 0
	for _, v := range values {
		if v.Start < last {
			continue
		}
		m.WriteString(raw[last:v.Start])
		p.WriteString(raw[last:v.Start])
		if t := tokenOf(v.Type); t != "" {
			m.WriteString(" " + t + " ")
		} else {
			m.WriteString(raw[v.Start:v.End])
		}
		if name := nameOf(v.Type); sealedName(name) {
			p.WriteString(shownAs(name, v.Value))
		} else {
			p.WriteString(raw[v.Start:v.End])
		}
		last = v.End
	}
	m.WriteString(raw[last:])
	p.WriteString(raw[last:])
	return m.String(), p.String()
}

// Figures are held-out results of one training.
type Figures struct {
	Phrases  int             `json:"phrases"`
	Accuracy float64         `json:"accuracy" doc:"share of held-out phrases with the right intent"`
	Recall   float64         `json:"foreign_recall" doc:"share of out-of-scope phrases that were found"`
	Rejects  float64         `json:"false_rejects" doc:"share of phrases in scope that were taken for out of scope"`
	Intents  []IntentFigures `json:"intents" nullable:"false"`
	Mixed    []Mixed         `json:"mixed" nullable:"false" doc:"pairs that were mixed up, most first"`
}

// IntentFigures are those of one intent.
type IntentFigures struct {
	Intent    string  `json:"intent"`
	Phrases   int     `json:"phrases"`
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
}

// Mixed is a cell of the confusion matrix.
type Mixed struct {
	Right    string   `json:"right"`
	Guessed  string   `json:"guessed"`
	Count    int      `json:"count"`
	Examples []string `json:"examples" nullable:"false"`
}

// Model is one training as it was kept.
type Model struct {
	Version   string    `json:"version"`
	Lang      string    `json:"lang"`
	Seed      int64     `json:"seed"`
	TrainedAt time.Time `json:"trained_at"`
	TookMS    int       `json:"took_ms"`
	Figures   Figures   `json:"figures"`
	Active    bool      `json:"active" doc:"it answers customers"`
	Earlier   bool      `json:"earlier" doc:"it can be gone back to"`
	Gate      Gate      `json:"gate"`
}

const (
	figureFolds  = 5
	maxMixed     = 40
	mixedSamples = 3
)

// measure trains five times without a fifth each and asks about that fifth.
func measure(ctx context.Context, e Embedder, lang string, lessons []lesson, seed uint64) (Figures, error) {
	f := Figures{Phrases: len(lessons), Intents: []IntentFigures{}, Mixed: []Mixed{}}
	if labelCount(lessons) < 2 || e == nil {
		return f, nil
	}
	examples := make([]learn.Example, len(lessons))
	for k, l := range lessons {
		v, err := e.EmbedLater(ctx, lang, l.text)
		if err != nil {
			return f, err
		}
		examples[k] = learn.Example{Vector: featuresOf(v, l.text), Label: l.label}
	}
	c := confusion{right: make(map[string]int), total: make(map[string]int), guessed: make(map[string]int), mixed: make(map[[2]string]*Mixed)}
	for k := range figureFolds {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		var in []learn.Example
		var out []int
		for i := range examples {
			if i%figureFolds == k { // lessons are sorted by label, so each fold has a part of each
				out = append(out, i)
			} else {
				in = append(in, examples[i])
			}
		}
		m, err := learn.TrainIntents(in, learn.IntentsConfig{Seed: seed})
		if err != nil {
			return f, fmt.Errorf("measure %s: %w", lang, err)
		}
		x := learn.Matrix{Cols: len(examples[0].Vector)}
		for _, i := range out {
			x.Data, x.Rows = append(x.Data, examples[i].Vector...), x.Rows+1
		}
		guesses, err := m.Guess(x)
		if err != nil {
			return f, err
		}
		for n, i := range out {
			label := guesses[n].Label
			if guesses[n].Foreign {
				label = learn.Foreign
			}
			c.add(lessons[i].label, label, lessons[i].text)
		}
	}
	c.figures(&f)
	return f, nil
}

type confusion struct {
	right, total, guessed map[string]int
	mixed                 map[[2]string]*Mixed
}

func (c *confusion) add(right, guessed, text string) {
	c.total[right]++
	c.guessed[guessed]++
	if right == guessed {
		c.right[right]++
		return
	}
	m := c.mixed[[2]string{right, guessed}]
	if m == nil {
		m = &Mixed{Right: right, Guessed: guessed, Examples: []string{}}
		c.mixed[[2]string{right, guessed}] = m
	}
	m.Count++
	if len(m.Examples) < mixedSamples {
		m.Examples = append(m.Examples, text)
	}
}

func (c *confusion) figures(f *Figures) {
	in, right, rejected := 0, 0, 0
	for label, n := range c.total {
		f.Intents = append(f.Intents, IntentFigures{Intent: label, Phrases: n, Recall: ratio(c.right[label], n), Precision: ratio(c.right[label], c.guessed[label])})
		if label != learn.Foreign {
			in, right = in+n, right+c.right[label]
		}
	}
	for key, m := range c.mixed {
		f.Mixed = append(f.Mixed, *m)
		if key[1] == learn.Foreign {
			rejected += m.Count
		}
	}
	f.Accuracy, f.Rejects = ratio(right, in), ratio(rejected, in)
	f.Recall = ratio(c.right[learn.Foreign], c.total[learn.Foreign])
	slices.SortFunc(f.Intents, func(a, b IntentFigures) int { return strings.Compare(a.Intent, b.Intent) })
	slices.SortFunc(f.Mixed, func(a, b Mixed) int {
		if a.Count != b.Count {
			return b.Count - a.Count
		}
		return strings.Compare(a.Right+"\x00"+a.Guessed, b.Right+"\x00"+b.Guessed)
	})
	f.Mixed = f.Mixed[:min(len(f.Mixed), maxMixed)]
}

func ratio(a, b int) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// read everything but what has to be learnt.
func (e *Engine) read(ctx context.Context) (*brain, error) {
	intents, err := e.store.Intents(ctx)
	if err != nil {
		return nil, err
	}
	docs, err := e.store.Tools(ctx)
	if err != nil {
		return nil, err
	}
	b := &brain{intents: make(map[string]*Intent), tools: make(map[string]*Tool), minds: make(map[string]*mind)}
	if b.policy, err = e.store.Policy(ctx); err != nil {
		return nil, err
	}
	if b.finder, err = b.policy.Patterns.finder(e.zone); err != nil {
		return nil, err
	}
	for i := range intents {
		b.intents[intents[i].Name] = &intents[i]
	}
	for _, d := range docs {
		t, err := ParseTool([]byte(d.Doc))
		if err != nil {
			e.log.Error("a tool cannot be used", "tool", d.Name, "error", err)
			continue
		}
		b.tools[t.Name] = t
	}
	return b, nil
}

// learn reads phrases and articles and learns; what has not changed is not learnt again.
func (e *Engine) learn(ctx context.Context, again bool) (map[string]*mind, error) {
	intents, err := e.store.Intents(ctx)
	if err != nil {
		return nil, err
	}
	minds := make(map[string]*mind)
	for _, lang := range embed.Languages {
		phrasings, err := e.knowledge.Phrasings(ctx, lang)
		if err != nil {
			return nil, fmt.Errorf("phrasings of articles: %w", err)
		}
		if minds[lang], err = e.mind(ctx, lang, intents, phrasings, again); err != nil {
			return nil, err
		}
	}
	return minds, nil
}

// use puts what is stored now into force, with these minds or, when nil, the present ones.
func (e *Engine) use(ctx context.Context, minds map[string]*mind) error {
	e.storing.Lock()
	defer e.storing.Unlock()
	b, err := e.read(ctx)
	if err != nil {
		return err
	}
	if b.minds = minds; minds == nil {
		b.minds = e.brain.Load().minds
	}
	e.brain.Store(b)
	e.log.Debug("the bot has learnt", "intents", len(b.intents), "tools", len(b.tools))
	return nil
}

// Train learns anew from what is stored, measures on held-out phrases, keeps the
// figures and puts the result into force, unless it does worse on labelled turns. The
// same phrases and seed give the same.
func (e *Engine) Train(ctx context.Context) ([]Model, error) {
	e.training.Lock()
	defer e.training.Unlock()
	if err := e.reload(ctx, true); err != nil {
		return nil, err
	}
	intents, err := e.store.Intents(ctx)
	if err != nil {
		return nil, err
	}
	var out []Model
	for _, lang := range embed.Languages {
		phrasings, err := e.knowledge.Phrasings(ctx, lang)
		if err != nil {
			return nil, err
		}
		begun := e.now()
		turns, err := e.store.labelledTurns(ctx, lang)
		if err != nil {
			return nil, err
		}
		lessons, _ := apart(lessonsOf(lang, intents, phrasings), turns)
		figures, err := measure(ctx, e.embed, lang, lessons, e.cfg.Seed)
		if err != nil {
			return nil, err
		}
		m := Model{Version: versionOf(lang, lessons, versionOfEmbedder(e.embed, lang), e.cfg.Seed), Lang: lang, Seed: int64(e.cfg.Seed), TrainedAt: e.now().UTC(), TookMS: int(e.now().Sub(begun).Milliseconds()), Figures: figures}
		raw, err := json.Marshal(figures)
		if err != nil {
			return nil, err
		}
		if _, err := e.db.Exec(ctx, `insert into bot_models (version, lang, seed, phrases, metrics, trained_at, took_ms) values ($1, $2, $3, $4, $5, $6, $7)
			on conflict (version, lang) do update set metrics = $5, trained_at = $6, took_ms = $7`, m.Version, lang, m.Seed, figures.Phrases, raw, m.TrainedAt, m.TookMS); err != nil {
			return nil, fmt.Errorf("keep the figures of %s: %w", lang, err)
		}
		out = append(out, m)
	}
	return out, nil
}

// Models are the last trainings per language, newest first.
func (s *Store) Models(ctx context.Context, limit int) ([]Model, error) {
	all, err := pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (Model, error) {
		var m Model
		err := r.Scan(&m.Version, &m.Lang, &m.Seed, &m.TrainedAt, &m.TookMS, &m.Figures, &m.Active, &m.Earlier, &m.Gate)
		return m, err
	}, `select version, lang, seed, trained_at, took_ms, metrics, active, lessons is not null and not active, gate from bot_models order by trained_at desc limit $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return all, nil
}

// Reload puts changed intents, tools, policy and articles into force.
func (e *Engine) Reload(ctx context.Context) error {
	e.training.Lock()
	defer e.training.Unlock()
	return e.reload(ctx, false)
}

func (e *Engine) reload(ctx context.Context, again bool) error {
	minds, err := e.learn(ctx, again)
	if err != nil {
		return err
	}
	return e.use(ctx, minds)
}
