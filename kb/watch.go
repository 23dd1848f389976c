package kb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// When a judgement that is in use is taken back by itself.
const (
	watchedAnswers = 200 // votes on answers since it is in use, and as many before
	worseBy        = 1.2 // the share of votes down, against before
)

// Activate puts a judgement of a language into the place of the active one in tx.
// pg.ErrNotFound: there is none, or it is of vectors that are not made any more.
func (s *Service) Activate(ctx context.Context, tx pgx.Tx, lang string, id int64) error {
	if s.model == nil {
		return ErrTrain
	}
	if _, err := tx.Exec(ctx, `update kb_models set active = false where lang = $1 and active`, lang); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `update kb_models set active = true, activated_at = $4 where id = $1 and lang = $2 and embed = $3`, id, lang, s.model.Version(lang), s.store.now())
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("judgement %d of %s: %w", id, lang, err)
	}
	return changed(ctx, tx)
}

// lived is what was said of the answers of an active judgement and of the ones before it.
type lived struct {
	ID         int64
	Up, Down   int
	Up0, Down0 int
	Before     int64
}

// Watch compares what customers say of the answers since each judgement is in use with
// what they said before, and takes one back that they like less: more than a fifth more
// votes down, over 200 votes. It tells what it did, by language.
func (s *Service) Watch(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	if s.model == nil {
		return out, nil
	}
	for _, lang := range Languages {
		l, err := pg.Row(ctx, s.store.db, pgx.RowToStructByPos[lived], `select m.id, v.up, v.down, b.up, b.down, coalesce((select o.id from kb_models o where o.lang = m.lang and o.id < m.id and o.embed = m.embed and coalesce(o.figures->>'reason', '') = '' order by o.id desc limit 1), 0)
			from (select *, coalesce(activated_at, at) as since from kb_models) m,
			lateral (select count(*) filter (where kind = 'up')::int as up, count(*) filter (where kind = 'down')::int as down from (
				select e.kind from kb_events e join kb_articles a on a.id = e.article_id where a.lang = m.lang and e.channel = 'bot' and e.kind in ('up', 'down') and e.at >= m.since order by e.at desc limit 1000) x) v,
			lateral (select count(*) filter (where kind = 'up')::int as up, count(*) filter (where kind = 'down')::int as down from (
				select e.kind from kb_events e join kb_articles a on a.id = e.article_id where a.lang = m.lang and e.channel = 'bot' and e.kind in ('up', 'down') and e.at < m.since order by e.at desc limit 1000) x) b
			where m.lang = $1 and m.active and m.embed = $2`, lang, s.model.Version(lang))
		if errors.Is(err, pg.ErrNotFound) {
			continue
		}
		if err != nil {
			return out, fmt.Errorf("watch the judgement of %s: %w", lang, err)
		}
		if !l.worse() {
			continue
		}
		reason := fmt.Sprintf("taken back: %.1f %% of votes down after %.1f %%", 100*share(l.Down, l.Up), 100*share(l.Down0, l.Up0))
		if l.Before == 0 {
			out[lang] = "customers like the answers less, and there is no judgement from before"
			continue
		}
		err = s.store.db.Tx(ctx, func(tx pgx.Tx) error {
			if err := s.Activate(ctx, tx, lang, l.Before); err != nil {
				return err
			}
			_, err := tx.Exec(ctx, `update kb_models set figures = figures || jsonb_build_object('reason', $2::text) where id = $1`, l.ID, reason)
			return err
		})
		if err != nil {
			return out, err
		}
		out[lang] = reason
		s.log.Warn("a judgement was taken back: customers liked its answers less", "lang", lang, "judgement", l.ID, "back_to", l.Before)
	}
	if len(out) == 0 {
		return out, nil
	}
	return out, s.Changed(ctx)
}

func share(part, rest int) float64 { return float64(part) / float64(max(part+rest, 1)) }

func (l *lived) worse() bool {
	return l.Up+l.Down >= watchedAnswers && l.Up0+l.Down0 >= watchedAnswers && share(l.Down, l.Up) > worseBy*share(l.Down0, l.Up0)
}
