package chat

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Reach is how a message of the system would get to a conversation's customer now.
type Reach struct {
	Channel string
	Buttons bool  // the customer sees those of Data.Choices
	Shut    error // *WindowError or ErrNoChannel; nil when it would leave
}

// Reach looks where a conversation's next message would leave, and sends nothing. question says that it
// asks how it was, for which windows keep a reply.
func (s *Service) Reach(ctx context.Context, id ID, question bool) (Reach, error) {
	var r Reach
	var account string
	var wire ID
	err := s.db.Pool().QueryRow(ctx, `select coalesce(m.channel, c.channel), coalesce(m.account, c.account), coalesce(m.conversation_id, c.id) from conversations o
		join conversations c on c.id = coalesce(o.merged_into, o.id)
		left join lateral (select channel, account, conversation_id from messages where thread_id = c.id and direction = 'in' order by id desc limit 1) m on true
		where o.id = $1`, id).Scan(&r.Channel, &account, &wire)
	if err != nil {
		return r, fmt.Errorf("reach of conversation %d: %w", id, pg.Map(err))
	}
	ch := s.channels[r.Channel]
	if ch == nil {
		r.Shut = fmt.Errorf("channel %q: %w", r.Channel, ErrNoChannel)
		return r, nil
	}
	limits := ch.Limits(account)
	r.Buttons = limits.Buttons
	if !limits.Windowed || limits.Pull {
		return r, nil
	}
	as := forSystem
	if question {
		as = forRating
	}
	_, err = pg.Row(ctx, s.db, pgx.RowTo[int64], openWindows, wire, s.now().UTC(), as)
	if errors.Is(err, pg.ErrNotFound) {
		r.Shut, err = &WindowError{"none"}, nil
	}
	return r, err
}
