package feedback

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Message is what the customer is told or says, or a note of ours.
type Message struct {
	ID     int64     `json:"id"`
	Kind   string    `json:"kind" enum:"acknowledgement,contact,answer,question,reply,note"`
	Body   string    `json:"body"`
	Author string    `json:"author"`
	Round  int       `json:"round"`
	Way    string    `json:"way,omitempty" doc:"how it went: chat, page, call, email, letter, visit"`
	State  string    `json:"state" enum:"waiting,sent,dropped,kept" doc:"waiting: no way to the customer is open yet"`
	Why    string    `json:"why,omitempty" doc:"of the last try"`
	At     time.Time `json:"at"`
	SentAt time.Time `json:"sent_at,omitzero"`
}

// Messages are those of a case, in order, at most 500.
func (s *Service) Messages(ctx context.Context, id CaseID) ([]Message, error) {
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Message, error) {
		var m Message
		var sent *time.Time
		err := row.Scan(&m.ID, &m.Kind, &m.Body, &m.Author, &m.Round, &m.Way, &m.State, &m.Why, &m.At, &sent)
		m.SentAt = pg.Moment(sent)
		return m, err
	}, `select id, kind, body, author, round, way, state, why, at, sent_at from case_messages where case_id = $1 order by id limit 500`, id)
	return all, failed("read the messages of", id, err)
}

func body(text string) (string, error) {
	text = strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", ""))
	if text == "" || utf8.RuneCountInString(text) > maxText {
		return "", invalid("text", "1 to 20000 characters")
	}
	return text, nil
}

// post puts a message on its way.
func (s *Service) post(ctx context.Context, tx pgx.Tx, c *Case, kind, by, text string) error {
	return s.message(ctx, tx, c, kind, by, text, "", "waiting")
}

// keep writes what goes nowhere.
func (s *Service) keep(ctx context.Context, tx pgx.Tx, c *Case, kind, by, text string) error {
	return s.message(ctx, tx, c, kind, by, text, "", "kept")
}

// keepBy writes what a person has told the customer.
func (s *Service) keepBy(ctx context.Context, tx pgx.Tx, c *Case, kind, by, text, way string) error {
	if kind == "answer" {
		if err := dropWaiting(ctx, tx, c.ID); err != nil {
			return err
		}
	}
	return s.message(ctx, tx, c, kind, by, text, way, "sent")
}

// maxMessages bounds those of one case.
const maxMessages = 500

func (s *Service) message(ctx context.Context, tx pgx.Tx, c *Case, kind, by, text, way, state string) error {
	text, err := body(text)
	if err != nil {
		return err
	}
	var n int
	if err := tx.QueryRow(ctx, `select count(*) from case_messages where case_id = $1`, c.ID).Scan(&n); err != nil {
		return err
	}
	if n >= maxMessages {
		return invalid("text", "a case has at most 500 messages")
	}
	now := s.now()
	var sent *time.Time
	if state == "sent" {
		sent = &now
	}
	_, err = tx.Exec(ctx, `insert into case_messages (case_id, round, kind, body, author, way, state, at, next_at, sent_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)`,
		c.ID, c.Round, kind, text, by, way, state, now, sent)
	return pg.Map(err)
}

// dropWaiting takes back what has not left yet.
func dropWaiting(ctx context.Context, tx pgx.Tx, id CaseID) error {
	_, err := tx.Exec(ctx, `update case_messages set state = 'dropped' where case_id = $1 and state = 'waiting' and kind in ('answer', 'question', 'contact')`, id)
	return pg.Map(err)
}

// claimed is a message that this server carries now.
type claimed struct {
	Letter
	Tries int
}

// claimFor is for how long another server leaves a message that this one carries.
const claimFor = 5 * time.Minute

// deliver tries the ways for what waits.
func (s *Service) deliver(ctx context.Context) error {
	now := s.now()
	due, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (claimed, error) {
		var m claimed
		err := row.Scan(&m.Message, &m.Case, &m.Round, &m.Kind, &m.Body, &m.Tries, &m.Reason, &m.Contact, &m.Language, &m.Author)
		return m, err
	}, `update case_messages m set tries = m.tries + 1, next_at = $2 from feedback_cases c where c.id = m.case_id and m.id in
			(select id from case_messages where state = 'waiting' and next_at <= $1 order by next_at, id limit $3 for update skip locked)
		returning m.id, m.case_id, m.round, m.kind, m.body, m.tries, c.reason, coalesce(c.contact_id, 0), c.language,
			coalesce((select coalesce(nullif(u.name, ''), u.username) from users u where u.username = m.author), '')`, now, now.Add(claimFor), batch)
	if err != nil {
		return fmt.Errorf("messages of cases that wait: %w", err)
	}
	var errs []error
	for i := range due {
		if err := s.carry(ctx, &due[i]); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (s *Service) carry(ctx context.Context, m *claimed) error {
	if m.Kind == "question" {
		m.Choices = Choices(m.Language)
	}
	why := "no way is known"
	for _, w := range s.parts.Ways {
		ref, err := w.Carry(ctx, &m.Letter)
		switch {
		case err == nil:
			return s.settle(ctx, m, w.Name(), ref)
		case errors.Is(err, ErrShut):
			why = w.Name() + ": " + err.Error()
		case ctx.Err() != nil:
			return err
		default:
			s.failures.Add(1)
			s.log.Warn("a message of a case did not leave", "case", m.Case, "way", w.Name(), "error", err)
			why = w.Name() + ": failed"
		}
	}
	s.waits.Add(1)
	_, err := s.db.Exec(ctx, `update case_messages set next_at = $2, why = $3 where id = $1 and state = 'waiting'`, m.Message, s.now().Add(pause(m.Tries)), clip(why, 200))
	return err
}

// pause is how long a message waits before the ways are tried again: a minute, then twice as long each
// time, up to six hours. A customer who writes ends it, see Seen.
func pause(tries int) time.Duration { return min(time.Minute<<min(max(tries-1, 0), 10), 6*time.Hour) }

// settle writes down that a message arrived, and moves its case.
func (s *Service) settle(ctx context.Context, m *claimed, way, ref string) error {
	_, err := s.mutate(ctx, "settle a message of", m.Case, "system", func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		tag, err := tx.Exec(ctx, `update case_messages set state = 'sent', way = $2, ref = $3, sent_at = $4, why = '' where id = $1 and state = 'waiting'`, m.Message, way, ref, s.now())
		if err != nil || tag.RowsAffected() == 0 { // dropped while it was carried
			return "", nil, err
		}
		s.sent.Add(1)
		if m.Round != c.Round && m.Kind != "acknowledgement" {
			return "sent", map[string]any{"kind": m.Kind, "way": way, "late": true}, nil
		}
		return "sent", map[string]any{"kind": m.Kind, "way": way}, s.arrived(ctx, tx, c, m.Kind)
	})
	return err
}

// Seen says that a customer is there again: what waits for them is tried at once.
func (s *Service) Seen(ctx context.Context, contact int64) error {
	if contact == 0 {
		return nil
	}
	n, err := s.db.Exec(ctx, `update case_messages m set next_at = $2 from feedback_cases c where c.id = m.case_id and m.state = 'waiting' and m.next_at > $2 and c.contact_id in
		(select k.id from contacts k join contacts me on me.root = k.root where me.id = $1)`, contact, s.now())
	if err == nil && n > 0 {
		s.wakeUp()
	}
	return err
}
