package feedback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
)

// sender is what the way by chat needs of chat.Service.
type sender interface {
	Send(ctx context.Context, d chat.Draft) (chat.Message, error)
	CloseConversation(ctx context.Context, id chat.ID, by chat.Actor) error
}

// ChatWay writes into the conversation that a case is about, else into the latest ones of the same person,
// on whatever channel still takes a message.
type ChatWay struct {
	db   *pg.DB
	chat sender
}

// NewChatWay makes it.
func NewChatWay(db *pg.DB, c sender) *ChatWay { return &ChatWay{db, c} }

// Name implements Way.
func (w *ChatWay) Name() string { return "chat" }

// Carry implements Way.
func (w *ChatWay) Carry(ctx context.Context, l *Letter) (string, error) {
	ids, err := pg.Rows(ctx, w.db, pgx.RowTo[chat.ID], `select id from (
			select id, 0 as far, last_at from conversations where id = $1
			union (select c.id, 1, c.last_at from conversations c where c.contact_id in (select k.id from contacts k join contacts me on me.root = k.root where me.id = $2) and c.state <> 'merged'
				order by c.last_at desc limit 5)) x order by far, last_at desc`, conversationOf(l.Reason), l.Contact)
	if err != nil {
		return "", fmt.Errorf("conversations of a case: %w", err)
	}
	d := chat.Draft{Author: chat.Author{Kind: chat.System}, Text: l.Body, Late: true, ClientID: fmt.Sprintf("case:%d", l.Message)}
	if len(l.Choices) > 0 {
		d.Data = &chat.Data{}
		for _, c := range l.Choices {
			d.Data.Choices = append(d.Data.Choices, chat.Button{ID: option(l.Case, l.Round, c.Score), Label: c.Label})
		}
	}
	for _, id := range ids {
		d.Conversation = id
		m, err := w.chat.Send(ctx, d)
		if err == nil {
			return fmt.Sprintf("message:%d", m.ID), nil
		}
		if !errors.As(err, new(*chat.WindowError)) && !errors.Is(err, chat.ErrState) && !errors.Is(err, chat.ErrNoChannel) && !errors.Is(err, pg.ErrNotFound) {
			return "", err
		}
	}
	return "", ErrShut
}

// conversationOf is the conversation that a reason names, 0 for others.
func conversationOf(reason string) int64 {
	digits, ok := strings.CutPrefix(reason, "conversation:")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return 0
	}
	return n
}

const optionPrefix = "case:"

func option(id CaseID, round, score int) string {
	return fmt.Sprintf("%s%d:%d:%d", optionPrefix, id, round, score)
}

// parseOption reads the id of a button of the question.
func parseOption(text string) (id CaseID, round, score int, ok bool) {
	rest, ours := strings.CutPrefix(text, optionPrefix)
	parts := strings.Split(rest, ":")
	if !ours || len(parts) != 3 || len(rest) > 40 {
		return 0, 0, 0, false
	}
	n, err1 := strconv.ParseInt(parts[0], 10, 64)
	r, err2 := strconv.Atoi(parts[1])
	sc, err3 := strconv.Atoi(parts[2])
	ok = err1 == nil && err2 == nil && err3 == nil && n > 0 && r > 0 && sc >= 1 && sc <= 5
	return CaseID(n), r, sc, ok
}

// Hook looks at what customers write before, or beside, the bot: answers to our question are taken, and
// not given to next; complaints are kept; what waits for the customer is tried. Errors let chat come again.
func (s *Service) Hook(c sender, next chat.Hook) chat.Hook {
	return func(ctx context.Context, conv chat.Conversation, m chat.Message) error {
		if m.Kind == chat.Choice {
			var d chat.Data
			if json.Unmarshal(m.Data, &d) == nil && strings.HasPrefix(d.Option, optionPrefix) {
				return s.pressed(ctx, c, &conv, m.ID, d.Option)
			}
		}
		if next != nil {
			if err := next(ctx, conv, m); err != nil {
				return err
			}
		}
		if m.Kind == chat.Text {
			if err := s.Looked(ctx, int64(conv.ID), int64(m.ID), m.Text); err != nil {
				return fmt.Errorf("look for a complaint: %w", err)
			}
		}
		if conv.ContactID != nil {
			if err := s.known(ctx, int64(conv.ID), int64(*conv.ContactID)); err != nil {
				return err
			}
			return s.Seen(ctx, *conv.ContactID)
		}
		return nil
	}
}

// pressed takes a button of the question. It opened the conversation, so it is closed again.
func (s *Service) pressed(ctx context.Context, c sender, conv *chat.Conversation, press chat.MessageID, button string) error {
	id, round, score, ok := parseOption(button)
	if !ok {
		s.refused.Add(1)
		return nil
	}
	k, err := s.Get(ctx, id)
	if errors.Is(err, pg.ErrNotFound) {
		s.refused.Add(1)
		return nil
	}
	if err != nil {
		return err
	}
	mine, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select $1 = $2 or exists (select from contacts a join contacts b on a.root = b.root where a.id = $3 and b.id = $4)`,
		k.Reason, conversationReason(int64(conv.ID)), k.Contact, conv.ContactID)
	if err != nil {
		return err
	}
	if !mine { // a button of somebody else's case
		s.refused.Add(1)
		return nil
	}
	_, err = s.Answer(ctx, id, round, score, "", "customer")
	switch {
	case errors.Is(err, ErrAsked), errors.Is(err, ErrMove):
		s.repeated.Add(1)
	case err != nil:
		return err
	default:
		d := chat.Draft{Conversation: conv.ID, Author: chat.Author{Kind: chat.System}, Text: Thanks(k.Language, score), Late: true, ClientID: fmt.Sprintf("case:%d:%d:thanks", id, round)}
		if _, err := c.Send(ctx, d); err != nil && !errors.As(err, new(*chat.WindowError)) && !errors.Is(err, chat.ErrState) {
			s.log.Warn("thanks for an answer did not leave", "case", id, "err", err)
		}
	}
	if conv.Handler == chat.ByAgent {
		return nil // a person talks with the customer anyway
	}
	if conv.Handler == chat.ByQueue { // what a person had is put into the queue when it is opened again
		opened, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select coalesce(c.queued_at = m.created_at, false) from conversations c join messages m on m.thread_id = c.id where c.id = $1 and m.id = $2`, conv.ID, press)
		if err != nil {
			return fmt.Errorf("what opened conversation %d: %w", conv.ID, err)
		}
		if !opened { // the customer waits for a person
			return nil
		}
	}
	if err := c.CloseConversation(ctx, conv.ID, chat.Actor{Kind: chat.System}); err != nil && !errors.Is(err, chat.ErrState) {
		return err
	}
	return nil
}
