package assist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/nlp/slot"
	"tingxin/pg"
)

// What is offered again of what people said.
const (
	wellRated   = 4    // stars from which on a conversation counts
	repliesDays = 365  // how far back
	maxReplies  = 5000 // of a language, held in memory
	leastReply  = 8    // characters: "ok" helps nobody
	mostReply   = 600
	replyLike   = 0.75 // cosine of the questions from which on a reply is offered
	sameReply   = 0.95 // of replies that are one
)

// replyShelf are the replies that may be offered, by language.
type replyShelf struct {
	langs map[string][]shelved
	at    time.Time
}

type shelved struct {
	id       int64
	question string
	reply    string
	uses     int
	rating   float64
	vector   []float32
}

// nearReply finds what colleagues said to the question most like this one; nil when nothing is near.
func (s *Service) nearReply(ctx context.Context, lang, question string, not []int64) (*Reply, error) {
	shelf := s.replies.Load()
	if s.parts.Embed == nil || shelf == nil || len(shelf.langs[lang]) == 0 {
		return nil, nil
	}
	masked, _ := s.finder(ctx).Mask(question, s.parts.Now())
	v, err := s.parts.Embed.Embed(ctx, lang, nlp.Fold(masked))
	if errors.Is(err, embed.ErrBusy) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var best *shelved
	like := float32(replyLike)
	for i := range shelf.langs[lang] {
		x := &shelf.langs[lang][i]
		if c := nlp.Dot(v.CLS, x.vector); c >= like && !slices.Contains(not, x.id) {
			best, like = x, c
		}
	}
	if best == nil {
		return nil, nil
	}
	there, err := pg.Row(ctx, s.parts.DB, pgx.RowTo[bool], `select exists (select from assist_replies where id = $1)`, best.id)
	if err != nil {
		return nil, fmt.Errorf("reply %d: %w", best.id, err)
	}
	if !there { // it was erased, here or by another server
		s.replies.CompareAndSwap(shelf, nil)
		s.rouse()
		return nil, nil
	}
	return &Reply{Reply: best.id, Text: best.reply, Uses: best.uses, Rating: math.Round(best.rating*10) / 10, Like: round(float64(like))}, nil
}

// freshen reads the replies again when they are old: whichever server learnt, all offer the same.
func (s *Service) freshen(ctx context.Context) {
	if shelf := s.replies.Load(); shelf != nil && s.parts.Now().Sub(shelf.at) < repliesFor {
		return
	}
	if err := s.loadReplies(ctx); err != nil && ctx.Err() == nil {
		s.failed.Add(1)
		s.log.Warn("replies were not read", "error", err)
	}
}

// loadReplies puts what is kept into service.
func (s *Service) loadReplies(ctx context.Context) error {
	if s.parts.Embed == nil {
		return nil
	}
	s.loading.Lock()
	defer s.loading.Unlock()
	shelf := &replyShelf{langs: map[string][]shelved{}, at: s.parts.Now()}
	for _, lang := range embed.Languages {
		all, err := pg.Rows(ctx, s.parts.DB, func(row pgx.CollectableRow) (shelved, error) {
			var x shelved
			var vector []byte
			err := row.Scan(&x.id, &x.question, &x.reply, &x.uses, &x.rating, &vector)
			x.vector = nlp.Unpack(vector)
			return x, err
		}, `select id, question, reply, uses, rating::float8, vector from assist_replies where lang = $1 and model = $2 order by uses desc, id limit $3`, lang, s.parts.Embed.Version(lang), maxReplies)
		if err != nil {
			return fmt.Errorf("replies of %s: %w", lang, err)
		}
		shelf.langs[lang] = slices.DeleteFunc(all, func(x shelved) bool { return len(x.vector) == 0 })
	}
	s.replies.Store(shelf)
	return nil
}

// exchange is a question of a customer and the answer of a person.
type exchange struct {
	lang, question, reply string
	conversation          chat.ID
	contact               *int64
	rating                float64
	vector                []float32
}

// gatherReplies makes the replies anew from the conversations that were rated well.
func (s *Service) gatherReplies(ctx context.Context) (int, error) {
	if s.parts.Embed == nil || s.parts.Chat == nil {
		return 0, nil
	}
	byLang, err := s.lastExchanges(ctx, maxReplies)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, lang := range embed.Languages {
		made, err := s.putReplies(ctx, lang, byLang[lang])
		if err != nil {
			return n, err
		}
		n += made
	}
	return n, s.loadReplies(ctx)
}

// lastExchanges reads conversations from the newest on until each language has enough.
func (s *Service) lastExchanges(ctx context.Context, enough int) (map[string][]exchange, error) {
	since := s.parts.Now().AddDate(0, 0, -repliesDays)
	byLang := map[string][]exchange{}
	full := func() bool {
		return !slices.ContainsFunc(embed.Languages, func(lang string) bool { return len(byLang[lang]) < enough })
	}
	for before := chat.ID(0); ; {
		talks, err := s.parts.Chat.WellRated(ctx, since, wellRated, before, 200)
		if err != nil {
			return nil, err
		}
		for i := range talks {
			c := &talks[i]
			before = c.ID
			all, err := s.parts.Chat.Thread(ctx, c.ID, 0, 0, chat.MaxPage)
			if err != nil {
				return nil, err
			}
			found, err := s.exchanges(ctx, c, all)
			if err != nil {
				return nil, err
			}
			for _, x := range found {
				if len(byLang[x.lang]) < enough {
					byLang[x.lang] = append(byLang[x.lang], x)
				}
			}
		}
		if len(talks) < 200 || full() {
			return byLang, nil
		}
	}
}

// exchanges are the pairs of question and answer in which nothing is a customer's own.
func (s *Service) exchanges(ctx context.Context, c *chat.Conversation, all []chat.Message) ([]exchange, error) {
	of := int64(0)
	if c.ContactID != nil {
		of = *c.ContactID
	}
	names, err := s.namesOf(ctx, c.Name, of)
	if err != nil {
		return nil, err
	}
	finder := s.finder(ctx)
	var out []exchange
	question, at := "", time.Time{}
	for i := range all {
		m := &all[i]
		switch {
		case m.Direction == chat.In && m.Author.Kind == chat.Customer && m.Kind == chat.Text:
			question, at = m.Text, m.At
		case m.Direction == chat.Out && m.Author.Kind == chat.Agent && m.Kind == chat.Text && question != "":
			masked, _ := finder.Mask(question, at)
			masked = without(masked, names)
			if reply := strings.TrimSpace(m.Text); general(finder, names, reply, m.At) && utf8.RuneCountInString(masked) >= shortLine {
				lang := nlp.Detect(nlp.Fold(reply)).Code
				if lang == "zh" || lang == "en" {
					out = append(out, exchange{lang: lang, question: nlp.Fold(masked), reply: reply, conversation: c.ID, contact: c.ContactID, rating: float64(*c.Rating)})
				}
			}
			question = ""
		}
	}
	return out, nil
}

// general tells whether a reply holds nothing that belongs to one customer.
func general(finder *slot.Finder, names []string, reply string, at time.Time) bool {
	n := utf8.RuneCountInString(reply)
	if n < leastReply || n > mostReply {
		return false
	}
	values, err := finder.Find(reply, at)
	if err != nil || slices.ContainsFunc(values, func(v slot.Value) bool { return v.Type != slot.Time }) {
		return false // amounts and days are of one case
	}
	folded := nlp.Fold(reply)
	return !slices.ContainsFunc(names, func(name string) bool { return nlp.HasWord(folded, name) })
}

// putReplies groups replies that are one, and keeps them in the place of those before.
func (s *Service) putReplies(ctx context.Context, lang string, all []exchange) (int, error) {
	version := s.parts.Embed.Version(lang)
	type group struct {
		exchange
		uses   map[chat.ID]*int64
		rating float64
		n      int
		reply  []float32
	}
	var groups []*group
	for i := range all {
		x := &all[i]
		q, err := s.parts.Embed.EmbedLater(ctx, lang, x.question)
		if err != nil {
			return 0, err
		}
		a, err := s.parts.Embed.EmbedLater(ctx, lang, nlp.Fold(x.reply))
		if err != nil {
			return 0, err
		}
		x.vector = q.CLS
		at := slices.IndexFunc(groups, func(g *group) bool { return float64(nlp.Dot(g.reply, a.CLS)) >= sameReply })
		if at < 0 {
			groups = append(groups, &group{exchange: *x, uses: map[chat.ID]*int64{}, reply: a.CLS})
			at = len(groups) - 1
		}
		g := groups[at]
		g.uses[x.conversation] = x.contact
		g.rating += x.rating
		g.n++
	}
	slices.SortStableFunc(groups, func(a, b *group) int { return cmp.Compare(len(b.uses), len(a.uses)) })
	err := s.parts.DB.Tx(ctx, func(tx pgx.Tx) error {
		kept := []int64{}
		for _, g := range groups {
			var id int64
			err := tx.QueryRow(ctx, `insert into assist_replies (lang, question, reply, uses, rating, vector, model, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
				on conflict (lang, reply) do update set question = $2, uses = $4, rating = $5, vector = $6, model = $7, at = $8 returning id`,
				lang, g.question, g.exchange.reply, len(g.uses), g.rating/float64(g.n), nlp.Pack(g.vector), version, s.parts.Now()).Scan(&id)
			if err != nil {
				return err
			}
			kept = append(kept, id)
			if _, err := tx.Exec(ctx, `delete from assist_reply_sources where reply_id = $1`, id); err != nil {
				return err
			}
			for c, contact := range g.uses {
				if _, err := tx.Exec(ctx, `insert into assist_reply_sources (reply_id, conversation, contact_id) values ($1, $2, $3)`, id, c, contact); err != nil {
					return err
				}
			}
		}
		_, err := tx.Exec(ctx, `delete from assist_replies where lang = $1 and id <> all($2)`, lang, kept)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("keep replies of %s: %w", lang, err)
	}
	return len(groups), nil
}
