package chat

import (
	"context"
	"fmt"
	"time"

	"tingxin/pg"
)

// WellRated are conversations before one (0: the last), newest first, that customers rated
// with at least so many stars since a time and in which a person answered.
func (s *Service) WellRated(ctx context.Context, since time.Time, least int, before ID, limit int) ([]Conversation, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	all, err := pg.Rows(ctx, s.db, scanConversation, `select `+conversationColumns+` from conversations c
		where c.rating >= 4 and c.rating >= $2 and c.rated_at >= $1 and c.id < $3 and c.first_human_at is not null order by c.id desc limit $4`, since, least, before, limit)
	if err != nil {
		return nil, fmt.Errorf("conversations that were rated well: %w", err)
	}
	return all, nil
}
