package chat

import (
	"context"
	"fmt"
	"time"

	"tingxin/pg"
)

// WellRated are conversations behind one, in the order of their ids, that customers rated
// with at least so many stars since a time and in which a person answered.
func (s *Service) WellRated(ctx context.Context, since time.Time, least int, after ID, limit int) ([]Conversation, error) {
	all, err := pg.Rows(ctx, s.db, scanConversation, `select `+conversationColumns+` from conversations c
		where c.rating >= 4 and c.rating >= $2 and c.rated_at >= $1 and c.id > $3 and c.first_human_at is not null order by c.id limit $4`, since, least, after, limit)
	if err != nil {
		return nil, fmt.Errorf("conversations that were rated well: %w", err)
	}
	return all, nil
}
