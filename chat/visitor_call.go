package chat

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// VisitorCall is the right of a visitor's page to place one call.
type VisitorCall struct {
	ID           string
	Conversation ID
	Number       string
}

// keepVisitorCalls is how long rights are remembered.
const keepVisitorCalls = 30 * 24 * time.Hour

// AllowCall gives a conversation's customer the right to one call to a number, for life.
func (s *Service) AllowCall(ctx context.Context, c ID, number string, life time.Duration) (VisitorCall, error) {
	v := VisitorCall{strings.ToLower(rand.Text()), c, number}
	now := s.now().UTC()
	if _, err := s.db.Exec(ctx, `insert into visitor_calls (id, conversation_id, number, created_at, expires_at) values ($1, $2, $3, $4, $5)`, v.ID, c, number, now, now.Add(life)); err != nil {
		return v, fmt.Errorf("conversation %d: allow a call: %w", c, err)
	}
	return v, nil
}

// ClaimCall uses a right, once; pg.ErrNotFound when there is none, or none any more.
func (s *Service) ClaimCall(ctx context.Context, id string) (VisitorCall, error) {
	v, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[VisitorCall], `update visitor_calls set used_at = $2 where id = $1 and used_at is null and expires_at > $2
		returning id, conversation_id, number`, id, s.now().UTC())
	if err != nil {
		return v, fmt.Errorf("right to a call: %w", err)
	}
	return v, nil
}

// CallBegan ties a call to the conversation that it came from, with a line in its thread.
func (s *Service) CallBegan(ctx context.Context, v VisitorCall, call string) error {
	if _, err := s.db.Exec(ctx, `update visitor_calls set call_id = $2 where id = $1`, v.ID, call); err != nil {
		return fmt.Errorf("conversation %d: call: %w", v.Conversation, err)
	}
	_, err := s.Send(ctx, Draft{Conversation: v.Conversation, Author: Author{Kind: System}, Kind: Event, Late: true, ClientID: "call:" + v.ID,
		Data: &Data{Event: "called", With: map[string]string{"call": call}}})
	return err
}

// tidyCalls forgets old rights.
func (s *Service) tidyCalls(ctx context.Context, now time.Time) error {
	if _, err := s.db.Exec(ctx, `delete from visitor_calls where id in (select id from visitor_calls where created_at < $1 order by created_at limit 20000)`, now.Add(-keepVisitorCalls)); err != nil {
		return fmt.Errorf("tidy calls of visitors: %w", err)
	}
	return nil
}
