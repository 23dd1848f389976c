package assist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/kb"
	"tingxin/pg"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func isMissing(err error) bool { return errors.Is(err, pg.ErrNotFound) }

// view is a row as people see it.
func (s *Service) view(ctx context.Context, b *boardRow) (Board, error) {
	out := Board{Subject: b.Subject, Lang: b.doc.Lang, Turn: b.turn, Answer: b.doc.Answer, Do: b.doc.Do, Degraded: b.doc.Degraded, MS: b.doc.MS, At: b.at}
	if a := out.Answer; a != nil && a.Article == 0 && a.Reply == nil {
		out.Answer = nil
	}
	if b.script == "" {
		return out, nil
	}
	d, err := s.store.script(ctx, b.script, b.version)
	if isMissing(err) {
		return out, nil
	}
	if err != nil {
		return out, err
	}
	out.Script = d.progress(b)
	return out, nil
}

func (d *ScriptDoc) progress(b *boardRow) *Progress {
	p := &Progress{Card: b.doc.Script, Name: b.script, Version: b.version, Title: d.Title, Chosen: b.chosen, At: d.at(b.ticks), Steps: make([]StepStanding, len(d.Steps))}
	for i := range d.Steps {
		st := &d.Steps[i]
		p.Steps[i] = StepStanding{Title: st.Title, Say: st.Say, Items: []ItemStanding{}}
		for k := range st.Items {
			it := ItemStanding{Key: itemKey(i, k), Text: st.Items[k].Text, Optional: st.Items[k].Optional, Done: b.ticks.done(i, k)}
			if it.Done {
				it.By = b.ticks[it.Key].By
			}
			p.Steps[i].Items = append(p.Steps[i].Items, it)
		}
	}
	return p
}

// change alters a board by hand.
func (s *Service) change(ctx context.Context, sub Subject, f func(b *boardRow, t *Talk) ([]*card, error)) (Board, error) {
	unlock, err := s.lock(ctx, sub)
	if err != nil {
		return Board{}, err
	}
	defer unlock()
	t, err := s.talk(ctx, sub)
	if err != nil {
		return Board{}, err
	}
	for try := 0; ; try++ {
		b, err := s.store.board(ctx, sub)
		if err != nil {
			return Board{}, err
		}
		b.contact = t.Contact
		cards, err := f(&b, t)
		if err != nil {
			return Board{}, err
		}
		err = s.store.keep(ctx, &b, cards)
		if errors.Is(err, errRaced) && try < 3 {
			continue
		}
		if err != nil {
			return Board{}, err
		}
		s.tell(&b)
		return s.view(ctx, &b)
	}
}

// Choose takes a script for a talk by hand; "" takes none. pg.ErrNotFound: there is no such script.
func (s *Service) Choose(ctx context.Context, sub Subject, name string) (Board, error) {
	return s.change(ctx, sub, func(b *boardRow, t *Talk) ([]*card, error) {
		if name == "" {
			b.script, b.version, b.chosen, b.ticks, b.doc.Script = "", 0, "hand", Ticks{}, 0
			return nil, nil
		}
		all, err := s.store.Scripts(ctx)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(all, func(sc Script) bool { return sc.Name == name && !sc.Retired })
		if i < 0 {
			return nil, pg.ErrNotFound
		}
		b.script, b.version, b.chosen, b.ticks = name, all[i].Version, "hand", Ticks{}
		items, err := all[i].Doc.compile()
		if err != nil {
			return nil, err
		}
		b.ticks.hear(items, t.Lines, 0)
		return []*card{{place: "script", action: name, id: &b.doc.Script}}, nil
	})
}

// Tick sets or takes away an item of the script by hand. pg.ErrNotFound: there is none.
func (s *Service) Tick(ctx context.Context, sub Subject, key string, done bool) (Board, error) {
	return s.change(ctx, sub, func(b *boardRow, _ *Talk) ([]*card, error) {
		d, err := s.store.script(ctx, b.script, b.version)
		if err != nil {
			return nil, err
		}
		items, err := d.compile()
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(items, func(l listener) bool { return l.key == key }) {
			return nil, pg.ErrNotFound
		}
		b.ticks[key] = Tick{By: "hand", At: s.parts.Now().UTC(), Off: !done}
		return nil, nil
	})
}

// What may become of a card, as the log has it.
const (
	Inserted  = "inserted"
	Edited    = "edited"
	Sent      = "sent"
	Dismissed = "dismissed"
	Done      = "done"
)

// Outcome is what an agent did with a card.
type Outcome struct {
	Card  int64
	What  string // inserted, sent, dismissed or done
	Text  string // of sent: what was sent; another text than the card's makes it edited
	Actor string
}

// cardRow is a card of the log.
type cardRow struct {
	Subject
	Place   string
	Article int64
	Reply   int64
	Action  string
	Text    string
}

// Log writes down what became of a card. pg.ErrNotFound: there is no such card.
func (s *Service) Log(ctx context.Context, o Outcome) error {
	if !slices.Contains([]string{Inserted, Sent, Dismissed, Done}, o.What) || len(o.Text) > 64<<10 {
		return bad("what", "it is inserted, sent, dismissed or done")
	}
	c, err := pg.Row(ctx, s.parts.DB, pgx.RowToStructByPos[cardRow], `select kind, subject, card, coalesce(article_id, 0), coalesce(reply_id, 0), action, text from assist_cards where id = $1`, o.Card)
	if err != nil {
		return fmt.Errorf("card %d: %w", o.Card, err)
	}
	distance := 0
	if o.What == Sent && o.Text != "" {
		if distance = edits(c.Text, o.Text); distance > 0 {
			o.What = Edited
		}
	}
	if _, err := s.parts.DB.Exec(ctx, `insert into assist_outcomes (card_id, what, actor, distance, at) values ($1, $2, $3, nullif($4, 0), $5)`, o.Card, o.What, o.Actor, distance, s.parts.Now()); err != nil {
		return fmt.Errorf("outcome of card %d: %w", o.Card, err)
	}
	if kind, ok := map[string]kb.EventKind{Inserted: kb.Clicked, Sent: kb.Sent, Edited: kb.Edited}[o.What]; ok && c.Article != 0 {
		e := kb.Event{Article: c.Article, Kind: kind, Channel: "assist", Conversation: string(c.Kind) + ":" + c.ID, Actor: o.Actor, Distance: distance}
		if err := s.parts.Articles.Store().Record(ctx, e); err != nil {
			return err
		}
	}
	if o.What != Dismissed && o.What != Done {
		return nil
	}
	_, err = s.change(ctx, c.Subject, func(b *boardRow, _ *Talk) ([]*card, error) {
		b.dismiss(&c, o.Card)
		return nil, nil
	})
	return err
}

// dismiss takes a card away for this talk.
func (b *boardRow) dismiss(c *cardRow, id int64) {
	d := &b.doc
	switch c.Place {
	case "answer":
		d.Dismissed = append(d.Dismissed, c.Article)
		if d.Answer != nil && d.Answer.Card == id {
			d.Answer = &Answer{Reply: d.Answer.Reply}
		}
	case "reply":
		d.Replies = append(d.Replies, c.Reply)
		if d.Answer != nil && d.Answer.Reply != nil && d.Answer.Reply.Card == id {
			d.Answer.Reply = nil
		}
	case "script":
		b.script, b.version, b.chosen, b.ticks, d.Script = "", 0, "hand", Ticks{}, 0
	case "do":
		d.Acts = append(d.Acts, c.Action)
		if d.Do != nil && d.Do.Card == id {
			d.Do = nil
		}
	}
}

// shown writes down that somebody saw the cards of a board, once per card and person.
func (s *Service) shown(ctx context.Context, b *Board, actor string) error {
	var ids []int64
	if a := b.Answer; a != nil {
		if a.Card != 0 {
			ids = append(ids, a.Card)
		}
		if a.Reply != nil {
			ids = append(ids, a.Reply.Card)
		}
	}
	if b.Script != nil && b.Script.Card != 0 {
		ids = append(ids, b.Script.Card)
	}
	if b.Do != nil {
		ids = append(ids, b.Do.Card)
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := s.parts.DB.Exec(ctx, `insert into assist_outcomes (card_id, what, actor, at) select c.id, 'shown', $2, $3 from assist_cards c where c.id = any($1) on conflict do nothing`, ids, actor, s.parts.Now())
	if err != nil {
		return fmt.Errorf("cards that were shown: %w", err)
	}
	return nil
}

// taken is how often agents took an article from a card, of how many cards.
func (s *Store) taken(ctx context.Context, article int64, since time.Time) (taken, shown int, err error) {
	type counts struct{ Taken, Shown int }
	c, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[counts], `select count(*) filter (where exists (select from assist_outcomes o where o.card_id = c.id and o.what in ('inserted', 'edited', 'sent')))::int, count(*)::int
		from (select id from assist_cards where article_id = $1 and at >= $2 order by at desc limit 2000) c`, article, since)
	if err != nil {
		return 0, 0, fmt.Errorf("acceptance of article %d: %w", article, err)
	}
	return c.Taken, c.Shown, nil
}

// maxEdits bounds the texts of edits.
const maxEdits = 2000

// edits is the distance of Levenshtein in characters, of at most the first maxEdits; spaces around do not count.
func edits(a, b string) int {
	x, y := []rune(tidy(a)), []rune(tidy(b))
	x, y = x[:min(len(x), maxEdits)], y[:min(len(y), maxEdits)]
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			cost := diagonal
			if x[i] != y[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
