package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/kb"
	"tingxin/nlp"
	"tingxin/nlp/learn"
	"tingxin/pg"
)

// Gate is how what was learnt anew did on labelled turns, beside what answered until then.
//
//	changed phrases -> taught -> labelled turns that neither learnt from -> no worse: in force, else kept aside
type Gate struct {
	Own    *kb.Figures `json:"own,omitempty" doc:"on labelled turns that it did not learn from; absent: there are too few"`
	Before *kb.Figures `json:"before,omitempty" doc:"of what answered until then"`
	Reason string      `json:"reason,omitempty" doc:"why it does not answer customers"`
}

const (
	maxReplay = 2000 // labels that are looked at, the latest of all languages
	keepMinds = 40   // rows of a language
)

// labelled is a turn of which a person said what the customer wanted.
type labelled struct{ Text, Intent string }

// labelledTurns are those of a language; the last word on a text counts.
func (s *Store) labelledTurns(ctx context.Context, lang string) ([]labelled, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[labelled], `with l as materialized (
			select l.id as n, p.object_id::bigint as turn, l.value from labels l join predictions p on p.id = l.prediction_id
			where p.object_type = 'bot_turn' and p.kind = 'intent' and l.by <> 'customer' order by l.id desc limit $2)
		select distinct on (text) text, value from (select coalesce(nullif(t.explanation->>'text', ''), t.text) as text, l.value, l.n from l join bot_turns t on t.id = l.turn where t.lang = $1) x
		where text <> '' order by text, n desc`, lang, maxReplay)
	if err != nil {
		return nil, fmt.Errorf("labelled turns of %s: %w", lang, err)
	}
	for i := range all {
		all[i].Text = nlp.Fold(all[i].Text)
	}
	return all, nil
}

// apart takes out of the lessons what is kept for comparing, when there is enough of it.
func apart(all []lesson, turns []labelled) (lessons []lesson, replay []labelled) {
	held := map[string]bool{}
	for _, t := range turns {
		if kb.Replayed(t.Text) {
			replay, held[t.Text] = append(replay, t), true
		}
	}
	if len(replay) < kb.MinReplay {
		return all, nil
	}
	return slices.DeleteFunc(slices.Clone(all), func(l lesson) bool { return held[l.text] }), replay
}

// inForce is the version of a language that answers customers, and that of its vectors.
func (s *Store) inForce(ctx context.Context, lang string) (version, embed string, err error) {
	row, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[struct{ Version, Embed string }], `select version, embed from bot_models where lang = $1 and active`, lang)
	if errors.Is(err, pg.ErrNotFound) {
		return "", "", nil
	}
	if err != nil {
		err = fmt.Errorf("what answers in %s: %w", lang, err)
	}
	return row.Version, row.Embed, err
}

// refused tells whether a version was kept aside.
func (s *Store) refused(ctx context.Context, lang, version string) (bool, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from bot_models where lang = $1 and version = $2 and gate ? 'reason')`, lang, version)
}

// lessons are what a version was learnt from.
func (s *Store) lessons(ctx context.Context, lang, version string) ([]lesson, error) {
	pairs, err := pg.Row(ctx, s.db, pgx.RowTo[[][2]string], `select lessons from bot_models where lang = $1 and version = $2 and lessons is not null`, lang, version)
	if err != nil {
		return nil, fmt.Errorf("lessons of %s: %w", lang, err)
	}
	out := make([]lesson, len(pairs))
	for i, p := range pairs {
		out[i] = lesson{p[0], p[1]}
	}
	return out, nil
}

// keep writes what was learnt and how it did; without a reason it answers from now on.
func (e *Engine) keep(ctx context.Context, lang, version string, lessons []lesson, g Gate) error {
	pairs := make([][2]string, len(lessons))
	for i, l := range lessons {
		pairs[i] = [2]string{l.label, l.text}
	}
	metrics, err := json.Marshal(Figures{Phrases: len(lessons), Intents: []IntentFigures{}, Mixed: []Mixed{}})
	if err != nil {
		return err
	}
	err = e.db.Tx(ctx, func(tx pgx.Tx) error {
		if g.Reason == "" {
			if _, err := tx.Exec(ctx, `update bot_models set active = false where lang = $1 and active and version <> $2`, lang, version); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, `insert into bot_models (version, lang, seed, phrases, metrics, trained_at, took_ms, active, embed, lessons, gate) values ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9, $10)
			on conflict (version, lang) do update set active = $7, embed = $8, lessons = $9, gate = $10`,
			version, lang, int64(e.cfg.Seed), len(lessons), metrics, e.now().UTC(), g.Reason == "", e.embed.Version(lang), pairs, g); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `delete from bot_models where lang = $1 and not active and version not in (select version from bot_models where lang = $1 order by trained_at desc limit $2)`, lang, keepMinds)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep what was learnt in %s: %w", lang, err)
	}
	return nil
}

// mind is what answers in a language: what was learnt from all that is there or, when that does worse on
// labelled turns, what answered before. Equal phrases always count as they are now. again judges anew what
// was refused.
func (e *Engine) mind(ctx context.Context, lang string, intents []Intent, phrasings []Phrasing, again bool) (*mind, error) {
	all := lessonsOf(lang, intents, phrasings)
	if e.embed == nil {
		return e.taught(ctx, lang, all, all)
	}
	turns, err := e.store.labelledTurns(ctx, lang)
	if err != nil {
		return nil, err
	}
	lessons, replay := apart(all, turns)
	version := versionOf(lang, lessons, e.embed.Version(lang), e.cfg.Seed)
	now, vectors, err := e.store.inForce(ctx, lang)
	if err != nil {
		return nil, err
	}
	if now == version {
		return e.taught(ctx, lang, lessons, all)
	}
	g, before := Gate{}, (*mind)(nil)
	if now != "" && vectors == e.embed.Version(lang) { // of other vectors nothing can be compared
		known, err := e.store.lessons(ctx, lang, now)
		if err != nil {
			return nil, err
		}
		if before, err = e.taught(ctx, lang, known, all); err != nil {
			return nil, err
		}
		refused, err := e.store.refused(ctx, lang, version)
		if err != nil || refused && !again {
			return before, err
		}
		replay = without(replay, known)
	}
	next, err := e.taught(ctx, lang, lessons, all)
	if err != nil {
		return nil, err
	}
	if before != nil {
		if g, err = e.compare(ctx, lang, intents, next, before, replay); err != nil {
			return nil, err
		}
	}
	if err := e.keep(ctx, lang, version, lessons, g); err != nil {
		return nil, err
	}
	if g.Reason != "" {
		e.log.Warn("what was learnt anew does not answer: it does worse on labelled turns", "lang", lang, "version", version, "why", g.Reason)
		return before, nil
	}
	return next, nil
}

// without leaves out turns that something has learnt from.
func without(turns []labelled, lessons []lesson) []labelled {
	learnt := map[string]bool{}
	for _, l := range lessons {
		learnt[l.text] = true
	}
	return slices.DeleteFunc(slices.Clone(turns), func(t labelled) bool { return learnt[t.Text] })
}

// taught is the mind of some lessons, as it is in memory or learnt; all tells the equal phrases.
func (e *Engine) taught(ctx context.Context, lang string, lessons, all []lesson) (*mind, error) {
	m := &mind{version: versionOf(lang, lessons, versionOfEmbedder(e.embed, lang), e.cfg.Seed), exact: exactOf(all), spell: spellerOf(e.embed, lang, all)}
	if old := e.brain.Load(); old != nil && old.minds[lang] != nil && old.minds[lang].version == m.version {
		m.model = old.minds[lang].model
		return m, nil
	}
	var err error
	m.model, err = teach(ctx, e.embed, lang, lessons, e.cfg.Seed)
	return m, err
}

// compare lets two minds answer labelled turns.
func (e *Engine) compare(ctx context.Context, lang string, intents []Intent, next, before *mind, turns []labelled) (Gate, error) {
	if len(turns) < kb.MinReplay || next.model == nil || before.model == nil {
		return Gate{}, nil
	}
	policy, err := e.store.Policy(ctx)
	if err != nil {
		return Gate{}, err
	}
	foreign := map[string]bool{}
	for i := range intents {
		foreign[intents[i].Name] = intents[i].Kind == KindForeign
	}
	var x learn.Matrix
	for _, t := range turns {
		v, err := e.embed.EmbedLater(ctx, lang, t.Text)
		if err != nil {
			return Gate{}, fmt.Errorf("replay %s: %w", lang, err)
		}
		f := featuresOf(v, t.Text)
		x.Cols, x.Rows, x.Data = len(f), x.Rows+1, append(x.Data, f...)
	}
	figures := func(m *mind) (*kb.Figures, error) {
		guesses, err := m.model.Guess(x)
		if err != nil {
			return nil, fmt.Errorf("replay %s: %w", lang, err)
		}
		var tally kb.Tally
		for i, g := range guesses {
			place := slices.IndexFunc(g.Top, func(c learn.Choice) bool { return c.Label == turns[i].Intent })
			tally.Add(place, foreign[turns[i].Intent], g.P >= policy.Intent && !g.Foreign && !strings.HasPrefix(g.Label, articleClass))
		}
		f := tally.Figures()
		return &f, nil
	}
	own, err1 := figures(next)
	old, err2 := figures(before)
	if err := errors.Join(err1, err2); err != nil {
		return Gate{}, err
	}
	return Gate{own, old, own.Worse(old)}, nil
}

// Activate lets an earlier version answer in tx, until phrases change and what is learnt from them does no
// worse. pg.ErrNotFound: there is none, or it is of vectors that are not made any more. Relearn puts it into force.
func (e *Engine) Activate(ctx context.Context, tx pgx.Tx, lang, version, by string) error {
	if e.embed == nil {
		return pg.ErrNotFound
	}
	_, err := tx.Exec(ctx, `update bot_models set active = false, gate = gate || jsonb_build_object('reason', 'set aside by ' || $3::text) where lang = $1 and active and version <> $2`, lang, version, by)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `update bot_models set active = true, gate = gate - 'reason', by_user = $4 where lang = $1 and version = $2 and embed = $3 and lessons is not null`, lang, version, e.embed.Version(lang), by)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return err
}
