package feedback

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
)

// Added is what became of an item.
type Added struct {
	Item   Item
	Case   CaseID // that it opened or belongs to; 0 is none
	Opened bool
	Fresh  bool // it was not there before
}

// Ref is what the customer is told of it.
func (a *Added) Ref() string {
	if a.Case != 0 {
		return a.Case.Ref()
	}
	return fmt.Sprintf("F-%d", a.Item.ID)
}

// judge fills in what the words tell.
func (s *Service) judge(ctx context.Context, f *Item) (legal string) {
	f.Topics = topicsOf(f.Text + "\n" + strings.Join(f.Chips, "\n"))
	folded := nlp.Fold(f.Text)
	if f.Language == "" || f.Text != "" {
		f.Language = languageOf(f.Text, f.Language)
	}
	f.Sentiment = nlp.Sentiment(f.Language, folded)
	if f.Kind == Complaint && f.Complaint == 0 { // the customer calls it so
		f.Complaint = 1
	}
	if f.Text != "" && f.Model == "" && s.parts.Judge != nil && f.Kind != Complaint {
		p, model, err := s.parts.Judge.Complaint(ctx, f.Text)
		if err != nil && ctx.Err() == nil {
			s.failures.Add(1)
			s.log.Warn("words were not judged", "error", err)
		}
		if err == nil {
			f.Complaint, f.Model = float32(p), model
		}
	}
	legal, _ = legalWord(f.Text)
	return legal
}

// why tells whether an item opens a case, and by what; "" is no.
func (s *Service) why(f *Item, legal string) string {
	switch {
	case legal != "" && f.Kind != Idea:
		return "legal"
	case f.Kind == Complaint, float64(f.Complaint) >= s.cfg.ComplaintFrom && (f.Kind == CSAT && *f.Score < 4 || f.Kind == NPS && *f.Score < 7):
		return "complaint"
	case f.Score != nil && *f.Score <= badScore:
		return "score"
	}
	return ""
}

// Add keeps an item and opens a case when it must be followed up. The same origin again changes nothing.
func (s *Service) Add(ctx context.Context, f Item) (Added, error) {
	return s.keepItem(ctx, f, func(pgx.Tx) error { return nil })
}

// keepItem is Add, after first in the same transaction.
func (s *Service) keepItem(ctx context.Context, f Item, first func(pgx.Tx) error) (Added, error) {
	if err := f.check(); err != nil {
		s.refused.Add(1)
		return Added{}, err
	}
	if f.At.IsZero() {
		f.At = s.now()
	}
	legal := s.judge(ctx, &f)
	var a Added
	var opened Case
	keep := func(tx pgx.Tx) error {
		err := first(tx)
		if err == nil {
			a, opened, err = s.add(ctx, tx, f, legal)
		}
		return err
	}
	err := s.db.Tx(ctx, keep)
	if errors.Is(err, pg.ErrConflict) { // somebody else opened a case for the same contact in between
		err = s.db.Tx(ctx, keep)
	}
	if err != nil {
		if errors.Is(err, ErrAsked) {
			s.repeated.Add(1)
			return a, err
		}
		return a, fmt.Errorf("add feedback: %w", err)
	}
	if !a.Fresh {
		s.repeated.Add(1)
		return a, nil
	}
	s.items.Add(1)
	s.publish(EventAdded, Notice{Item: a.Item.ID, Case: a.Case})
	if a.Opened {
		s.opened.Add(1)
		s.publish(EventOpened, opened.notice())
	}
	return a, nil
}

func (s *Service) add(ctx context.Context, tx pgx.Tx, f Item, legal string) (Added, Case, error) {
	var none Case
	old, err := pg.TxRow(ctx, tx, scanItem, `select `+itemColumns+` from feedback f where origin = $1`, f.Origin)
	if err == nil {
		return Added{Item: old, Case: old.Case}, none, nil
	}
	if !errors.Is(err, pg.ErrNotFound) {
		return Added{}, none, err
	}
	if f.Kind == NPS && !strings.HasPrefix(f.Origin, "asked:") { // whether a question of ours was due was looked at when it was asked
		every, err := s.every(ctx)
		if err == nil {
			err = askedLately(ctx, tx, &f, f.At.Add(-every))
		}
		if err != nil {
			return Added{}, none, err
		}
	}
	if f.Kind == CSAT && f.Reason != "" && f.Source != "call" {
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from feedback where kind = 'csat' and reason = $1)`, f.Reason).Scan(&there); err != nil {
			return Added{}, none, err
		}
		if there {
			return Added{}, none, ErrAsked
		}
	}
	a := Added{Fresh: true}
	c := none
	if why := s.why(&f, legal); why != "" {
		if c, a.Opened, err = s.caseFor(ctx, tx, &f, why, legal != ""); err != nil {
			return a, c, err
		}
		f.Case, a.Case = c.ID, c.ID
	}
	err = tx.QueryRow(ctx, `insert into feedback (kind, source, reason, origin, score, text, chips, topics, sentiment, complaint, model, words, language, contact_id, agent, case_id, at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) returning id`,
		f.Kind, f.Source, f.Reason, f.Origin, f.Score, f.Text, f.Chips, f.Topics, f.Sentiment, f.Complaint, f.Model, wordsOf(f.Text), f.Language,
		pg.OrNull(f.Contact), pg.OrNull(f.Agent), pg.OrNull(f.Case), f.At).Scan(&f.ID)
	a.Item = f
	if err == nil && f.Model != "" {
		value := "none"
		if float64(f.Complaint) >= s.cfg.ComplaintFrom {
			value = "complaint"
		}
		_, err = tx.Exec(ctx, `insert into predictions (object_type, object_id, kind, value, p, model_version, at) values ('feedback', $1, 'complaint', $2, $3, $4, $5)`,
			strconv.FormatInt(f.ID, 10), value, f.Complaint, f.Model, s.now())
	}
	return a, c, pg.Map(err)
}

// askedLately refuses a second NPS of one person; one of nobody known is not counted.
func askedLately(ctx context.Context, tx pgx.Tx, f *Item, since time.Time) error {
	if f.Contact == 0 {
		return nil
	}
	var there bool
	err := tx.QueryRow(ctx, `select exists (select from feedback where kind = 'nps' and at > $2 and contact_id in
		(select k.id from contacts k join contacts me on me.root = k.root where me.id = $1))`, f.Contact, since).Scan(&there)
	if err == nil && there {
		err = ErrAsked
	}
	return err
}

// caseFor finds the open case of the same contact, or opens one with its acknowledgement and promises.
func (s *Service) caseFor(ctx context.Context, tx pgx.Tx, f *Item, why string, legal bool) (c Case, opened bool, err error) {
	now := s.now()
	if f.Reason != "" {
		c, err = pg.TxRow(ctx, tx, scanCase, `select `+caseColumns+` from feedback_cases where reason = $1 and state <> 'closed' for update`, f.Reason)
		if err == nil {
			before := c
			c.Legal = c.Legal || legal
			if legal && before.OpenedBy == "score" {
				c.OpenedBy = "legal"
			}
			return c, false, s.write(ctx, tx, &before, &c, "customer", "said_more", map[string]any{"kind": f.Kind, "legal": legal})
		}
		if !errors.Is(err, pg.ErrNotFound) {
			return c, false, err
		}
	}
	title := f.Text
	if title == "" {
		title = strings.Join(f.Chips, ", ")
	}
	c = Case{State: New, OpenedBy: why, Title: clip(title, 120), Reason: f.Reason, Contact: f.Contact, Language: languageOf(f.Text, f.Language), Agent: f.Agent,
		Legal: legal, FirstScore: f.Score, Round: 1, Version: 1, OpenedAt: now, UpdatedAt: now, StateAt: now}
	if err := s.open(ctx, tx, &c, "customer"); err != nil {
		return c, false, err
	}
	return c, true, nil
}

// open writes a new case.
func (s *Service) open(ctx context.Context, tx pgx.Tx, c *Case, by string) error {
	if err := insertCase(ctx, tx, c); err != nil {
		return err
	}
	if err := trail(ctx, tx, c.ID, c.OpenedAt, by, "opened", map[string]any{"by": c.OpenedBy}); err != nil {
		return err
	}
	for kind := range s.promises() {
		if err := s.startClock(ctx, tx, c.ID, kind, c.OpenedAt); err != nil {
			return err
		}
	}
	return s.post(ctx, tx, c, "acknowledgement", "system", line(c.Language, "acknowledge", c.ID.Ref()))
}

// talk is what feedback needs to know of a conversation.
type talk struct {
	Contact  int64
	Agent    int64
	Language string
	Rating   *int16
	State    string
	ClosedAt *time.Time
}

func (s *Service) talk(ctx context.Context, conversation int64) (talk, error) {
	return pg.Row(ctx, s.db, pgx.RowToStructByPos[talk], `select coalesce(contact_id, 0), coalesce(assignee, 0), language, rating, state, closed_at from conversations where id = $1`, conversation)
}

func conversationReason(id int64) string { return fmt.Sprintf("conversation:%d", id) }

// Rate keeps a customer's rating of a conversation, 1 to 5, beside the one that stands at the conversation: the
// first one counts, a repeated one changes nothing. ErrLate when the conversation ended too long ago.
func (s *Service) Rate(ctx context.Context, conversation int64, score int, reasons []string, comment string) error {
	t, err := s.talk(ctx, conversation)
	if err != nil {
		return fmt.Errorf("rate conversation %d: %w", conversation, err)
	}
	if t.ClosedAt != nil && s.now().Sub(*t.ClosedAt) > s.cfg.RateWithin {
		s.refused.Add(1)
		return ErrLate
	}
	_, err = s.Add(ctx, Item{Kind: CSAT, Source: "chat", Reason: conversationReason(conversation), Origin: "rating:" + conversationReason(conversation), Score: &score,
		Text: comment, Chips: reasons, Language: t.Language, Contact: t.Contact, Agent: t.Agent})
	if errors.Is(err, ErrAsked) {
		return nil
	}
	return err
}

// Complain keeps a complaint, an idea or a fault that a customer reports in a conversation; ref is what
// they may name it by.
func (s *Service) Complain(ctx context.Context, conversation int64, kind, text string) (ref string, err error) {
	if k := Kind(kind); k != Complaint && k != Idea && k != Bug {
		s.refused.Add(1)
		return "", invalid("kind", "complaint, idea or bug")
	}
	t, err := s.talk(ctx, conversation)
	if err != nil {
		return "", fmt.Errorf("complain in conversation %d: %w", conversation, err)
	}
	a, err := s.Add(ctx, Item{Kind: Kind(kind), Source: "chat", Reason: conversationReason(conversation), Origin: complainOrigin(conversation, kind, text), Text: text,
		Language: t.Language, Contact: t.Contact, Agent: t.Agent})
	return a.Ref(), err
}

// known gives what was said, and asked, in a conversation, before anybody knew who says it, to the contact that it is of.
func (s *Service) known(ctx context.Context, conversation, contact int64) error {
	_, err1 := s.db.Exec(ctx, `update feedback set contact_id = $2 where reason = $1 and contact_id is null`, conversationReason(conversation), contact)
	_, err2 := s.db.Exec(ctx, `update feedback_cases set contact_id = $2 where reason = $1 and contact_id is null`, conversationReason(conversation), contact)
	_, err3 := s.db.Exec(ctx, `update surveys set contact_id = $2 where conversation_id = $1 and contact_id is null`, conversation, contact)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("feedback of conversation %d: %w", conversation, err)
	}
	return nil
}

// complainOrigin is the same for the same words in one conversation.
func complainOrigin(conversation int64, kind, text string) string {
	sum := sha256.Sum256([]byte(kind + "\x00" + strings.TrimSpace(text)))
	return fmt.Sprintf("complain:%d:%s", conversation, hex.EncodeToString(sum[:8]))
}

// Answers tells whether a message of a customer was the answer to what the bot had asked for, such as why
// something comes back.
type Answers func(ctx context.Context, conversation, message int64) (bool, error)

// Looked judges one message that a customer wrote in a conversation. A complaint among them is kept once
// until its case is closed; what answers a question of the bot is none, unless it speaks of the law. It may come again for the same message.
func (s *Service) Looked(ctx context.Context, conversation, message int64, text string, answers Answers) error {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	legal, found := legalWord(text)
	p, model := 0.0, ""
	if s.parts.Judge != nil {
		var err error
		if p, model, err = s.parts.Judge.Complaint(ctx, text); err != nil {
			return err
		}
	}
	if p < s.cfg.ComplaintFrom && !found {
		return nil
	}
	if !found && answers != nil {
		if yes, err := answers(ctx, conversation, message); err != nil || yes {
			return err
		}
	}
	reason := conversationReason(conversation)
	there, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from feedback_cases where reason = $1 and state <> 'closed' and (legal or not $2))`, reason, found)
	if err != nil || there {
		return err
	}
	t, err := s.talk(ctx, conversation)
	if err != nil {
		return err
	}
	if legal != "" {
		p = max(p, s.cfg.ComplaintFrom)
	}
	_, err = s.Add(ctx, Item{Kind: Complaint, Source: "chat", Reason: reason, Origin: fmt.Sprintf("message:%d", message), Text: clip(text, maxText), Language: t.Language,
		Contact: t.Contact, Agent: t.Agent, Complaint: float32(p), Model: model})
	return err
}

// OpenCase opens a case by hand.
func (s *Service) OpenCase(ctx context.Context, c Case, by string) (Case, error) {
	now := s.now()
	if c.Title = clip(c.Title, 300); c.Title == "" {
		return c, invalid("title", "1 to 300 characters")
	}
	c = Case{State: New, OpenedBy: "hand", Title: c.Title, Reason: c.Reason, Contact: c.Contact, Language: languageOf(c.Title, c.Language), Owner: c.Owner, Ticket: c.Ticket, Round: 1, Version: 1,
		OpenedAt: now, UpdatedAt: now, StateAt: now}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error { return s.open(ctx, tx, &c, by) })
	if err != nil {
		return c, failed("open", 0, err)
	}
	s.opened.Add(1)
	s.publish(EventOpened, c.notice())
	return c, nil
}
