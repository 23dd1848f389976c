package feedback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Patch is a change; what is nil stays.
type Patch struct {
	Version int // of the case that was seen; 0 does not matter
	Owner   *int64
	Title   *string
	Cause   *string
	Product *string
	Process *string
	Article *int64
	Ticket  *int64
}

// Change changes what is known of a case. A closed one stays as it is.
func (s *Service) Change(ctx context.Context, id CaseID, p Patch, by string) (Case, error) {
	return s.mutate(ctx, "change", id, by, func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		if p.Version != 0 && p.Version != c.Version {
			return "", nil, ErrStale
		}
		if c.State == Closed {
			return "", nil, ErrMove
		}
		diff := map[string]any{}
		put(diff, "owner", &c.Owner, p.Owner)
		put(diff, "title", &c.Title, p.Title)
		put(diff, "product", &c.Product, p.Product)
		put(diff, "process", &c.Process, p.Process)
		put(diff, "linked_kb", &c.Article, p.Article)
		put(diff, "linked_ticket", &c.Ticket, p.Ticket)
		if p.Cause != nil && *p.Cause != c.Cause {
			if *p.Cause == "" && c.State != New && c.State != Contacted {
				return "", nil, invalid("cause", "a case whose cause was found keeps one")
			}
			if err := knownCause(ctx, tx, *p.Cause); err != nil {
				return "", nil, err
			}
			put(diff, "cause", &c.Cause, p.Cause)
		}
		c.Product, c.Process = strings.TrimSpace(c.Product), strings.TrimSpace(c.Process)
		switch {
		case utf8.RuneCountInString(c.Title) > 300 || strings.TrimSpace(c.Title) == "":
			return "", nil, invalid("title", "1 to 300 characters")
		case utf8.RuneCountInString(c.Product) > 80:
			return "", nil, invalid("product", "at most 80 characters")
		case utf8.RuneCountInString(c.Process) > 80:
			return "", nil, invalid("process", "at most 80 characters")
		}
		if len(diff) == 0 {
			return "", nil, nil
		}
		for field, what := range map[string]string{"owner": "users", "linked_kb": "kb_articles", "linked_ticket": "tickets"} {
			if err := known(ctx, tx, diff, field, what); err != nil {
				return "", nil, err
			}
		}
		return "changed", diff, nil
	})
}

// known refuses a link to what is not there.
func known(ctx context.Context, tx pgx.Tx, diff map[string]any, field, table string) error {
	pair, changed := diff[field].([2]any)
	if !changed || pair[1] == int64(0) {
		return nil
	}
	var there bool
	if err := tx.QueryRow(ctx, `select exists (select from `+table+` where id = $1)`, pair[1]).Scan(&there); err != nil {
		return err
	}
	if !there {
		return invalid(field, "there is no such thing")
	}
	return nil
}

func put[T comparable](diff map[string]any, name string, field *T, to *T) {
	if to != nil && *to != *field {
		diff[name] = [2]any{*field, *to}
		*field = *to
	}
}

// Move moves a case to where people may move it. cause is needed for cause_found when the case has none.
func (s *Service) Move(ctx context.Context, id CaseID, to State, cause, note, by string) (Case, error) {
	if note = strings.TrimSpace(note); utf8.RuneCountInString(note) > maxText {
		return Case{}, invalid("note", "at most 20000 characters")
	}
	return s.mutate(ctx, "move", id, by, func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		if !CanMove(c.State, to) {
			return "", nil, fmt.Errorf("%w: from %s to %.20s", ErrMove, c.State, to)
		}
		detail := map[string]any{}
		if note != "" {
			if err := s.keep(ctx, tx, c, "note", by, note); err != nil {
				return "", nil, err
			}
			detail["note"] = true
		}
		switch to {
		case CauseFound:
			if cause != "" {
				if err := knownCause(ctx, tx, cause); err != nil {
					return "", nil, err
				}
				put(detail, "cause", &c.Cause, &cause)
			}
			if c.Cause == "" {
				return "", nil, invalid("cause", "the cause is needed")
			}
			if c.State == Fixed {
				if err := dropWaiting(ctx, tx, c.ID); err != nil {
					return "", nil, err
				}
			}
		case Contacted:
			if c.State == Told || c.State == Verified {
				return "reopened", detail, s.reopen(ctx, tx, c)
			}
		case Closed:
			c.Outcome = OutVerified
			s.verified.Add(1)
		}
		c.State = to
		return "moved", detail, nil
	})
}

// reopen brings a case back to where a person talks with the customer; what was told does not count any more.
func (s *Service) reopen(ctx context.Context, tx pgx.Tx, c *Case) error {
	c.State, c.Round = Contacted, c.Round+1
	c.ToldAt, c.AskAt, c.AskedAt = time.Time{}, time.Time{}, time.Time{}
	s.reopened.Add(1)
	return dropWaiting(ctx, tx, c.ID)
}

// Note writes what only we read.
func (s *Service) Note(ctx context.Context, id CaseID, text, by string) (Case, error) {
	return s.mutate(ctx, "note", id, by, func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		return "noted", nil, s.keep(ctx, tx, c, "note", by, text)
	})
}

// Heard keeps what the customer answered to our messages.
func (s *Service) Heard(ctx context.Context, id CaseID, text string) (Case, error) {
	return s.mutate(ctx, "keep a reply of", id, "customer", func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		return "replied", nil, s.keep(ctx, tx, c, "reply", "customer", text)
	})
}

// ByHand are the ways that people go themselves: what they write down was said already.
var ByHand = []string{"call", "email", "letter", "visit"}

// Tell writes to the customer. In the first two states it is a first contact, in fixed it is the answer:
// what was found and done. way "" is the first that is open, else one of ByHand.
func (s *Service) Tell(ctx context.Context, id CaseID, text, way, by string) (Case, error) {
	if way != "" && !slices.Contains(ByHand, way) {
		return Case{}, invalid("way", "call, email, letter or visit; or none, and the message is sent")
	}
	c, err := s.mutate(ctx, "tell", id, by, func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		kind := "contact"
		switch c.State {
		case Fixed:
			kind = "answer"
		case Closed, Verified:
			return "", nil, fmt.Errorf("%w: nothing is told in %s", ErrMove, c.State)
		}
		detail := map[string]any{"kind": kind}
		if way == "" {
			if kind == "answer" { // one answer at a time
				if err := dropWaiting(ctx, tx, c.ID); err != nil {
					return "", nil, err
				}
			}
			return "wrote", detail, s.post(ctx, tx, c, kind, by, text)
		}
		detail["way"] = way
		if err := s.keepBy(ctx, tx, c, kind, by, text, way); err != nil {
			return "", nil, err
		}
		return "told", detail, s.arrived(ctx, tx, c, kind)
	})
	s.wakeUp()
	return c, err
}

// arrived moves a case after a message of a kind reached the customer.
func (s *Service) arrived(ctx context.Context, tx pgx.Tx, c *Case, kind string) error {
	now := s.now()
	switch kind {
	case "acknowledgement":
		return s.stopClocks(ctx, tx, c.ID, now, false, Acknowledge)
	case "contact":
		if c.State == New {
			c.State = Contacted
			return s.stopClocks(ctx, tx, c.ID, now, false, Acknowledge) // a person's word acknowledges too
		}
		return s.stopClocks(ctx, tx, c.ID, now, false, FirstWord) // of a case that was opened again
	case "answer":
		if c.State != Fixed {
			return nil // moved back meanwhile
		}
		c.State, c.ToldAt, c.AskAt = Told, now, now.Add(s.cfg.AskAfter)
	case "question":
		if c.State == Told {
			c.AskedAt = now
		}
	}
	return nil
}

// Answer takes the customer's answer to the question whether it is solved, 1 to 5, once a round: up to 2 it
// opens the case again, from 3 on the case is verified. by is "customer", or the user who asked by telephone.
func (s *Service) Answer(ctx context.Context, id CaseID, round, score int, text, by string) (Case, error) {
	if score < 1 || score > 5 {
		return Case{}, invalid("score", "1 to 5")
	}
	return s.mutate(ctx, "answer", id, by, func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		if round != 0 && round != c.Round || c.State == Verified && by == "customer" {
			return "", nil, ErrAsked // pressed again, or a button of long ago
		}
		if c.State != Told || s.now().Before(c.AskAt) {
			return "", nil, fmt.Errorf("%w: the customer is asked %s after our answer", ErrMove, s.cfg.AskAfter)
		}
		if strings.TrimSpace(text) != "" {
			if err := s.keep(ctx, tx, c, "reply", by, text); err != nil {
				return "", nil, err
			}
		}
		c.AgainScore = &score
		if err := dropWaiting(ctx, tx, c.ID); err != nil {
			return "", nil, err
		}
		if score <= badScore {
			return "reopened", map[string]any{"score": score}, s.reopen(ctx, tx, c)
		}
		c.State = Verified
		return "verified", map[string]any{"score": score}, nil
	})
}

// ask puts the question to customers whose time has come.
func (s *Service) ask(ctx context.Context) error {
	type due struct {
		ID    CaseID
		Round int
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[due], `select c.id, c.round from feedback_cases c where c.state = 'customer_told' and c.ask_at <= $1 and c.asked_at is null
		and not exists (select from case_messages m where m.case_id = c.id and m.kind = 'question' and m.round = c.round and m.state <> 'dropped') order by c.state_at limit $2`, s.now(), batch)
	if err != nil {
		return fmt.Errorf("questions that are due: %w", err)
	}
	for _, d := range all {
		if err := s.Ask(ctx, d.ID, d.Round); err != nil {
			return err
		}
	}
	return nil
}

// Ask puts the question whether it is solved into the way to the customer, once a round and not before its time.
func (s *Service) Ask(ctx context.Context, id CaseID, round int) error {
	_, err := s.mutate(ctx, "ask about", id, "system", func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
		if c.State != Told || c.Round != round || s.now().Before(c.AskAt) || !c.AskedAt.IsZero() {
			return "", nil, nil // answered, opened again, or asked by another server
		}
		var there bool
		err := tx.QueryRow(ctx, `select exists (select from case_messages where case_id = $1 and kind = 'question' and round = $2 and state <> 'dropped')`, id, round).Scan(&there)
		if err != nil || there {
			return "", nil, err
		}
		return "asking", nil, s.post(ctx, tx, c, "question", "system", line(c.Language, "question", c.ID.Ref()))
	})
	if errors.Is(err, pg.ErrNotFound) {
		return nil
	}
	return err
}

// endByTime closes what time closes: verified ones after three days, those told 30 days ago who did not
// answer, those whom no way took our answer for 30 days.
func (s *Service) endByTime(ctx context.Context) error {
	now := s.now()
	verified, old := now.Add(-closeIn), now.Add(-s.cfg.GiveUpAfter)
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[CaseID], `(select id from feedback_cases where state = 'verified' and state_at <= $1 limit $3)
		union all (select id from feedback_cases where state = 'customer_told' and state_at <= $2 limit $3)
		union all (select c.id from feedback_cases c where c.state = 'fixed' and c.state_at <= $2
			and exists (select from case_messages m where m.case_id = c.id and m.kind = 'answer' and m.round = c.round and m.state = 'waiting' and m.at <= $2) limit $3)`, verified, old, batch)
	if err != nil {
		return fmt.Errorf("cases whose time is over: %w", err)
	}
	for _, id := range all {
		_, err := s.mutate(ctx, "close", id, "system", func(tx pgx.Tx, c *Case) (string, map[string]any, error) {
			switch {
			case c.State == Verified && !c.StateAt.After(verified):
				c.Outcome = OutVerified
				s.verified.Add(1)
			case c.State == Told && !c.StateAt.After(old):
				c.Outcome = OutUnverified
				s.unverified.Add(1)
			case c.State == Fixed && !c.StateAt.After(old):
				c.Outcome = OutUnreachable
				s.unreachable.Add(1)
			default:
				return "", nil, nil // somebody was faster
			}
			c.State = Closed
			return "closed", map[string]any{"by_time": true}, dropWaiting(ctx, tx, c.ID)
		})
		if err != nil && !errors.Is(err, pg.ErrNotFound) {
			return err
		}
	}
	return nil
}
