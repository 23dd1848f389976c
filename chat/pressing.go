package chat

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Pressing is the open conversations of a filter in which a customer waits, as a user
// sees them, the most urgent and the longest waiting first.
func (s *Service) Pressing(ctx context.Context, me int64, f Filter, limit int) ([]Row, error) {
	where, args, err := f.compile(me)
	if err != nil {
		return nil, err
	}
	where, args = seen(ctx, "c", where, args)
	rows, err := pg.Rows(ctx, s.db, scanRow, rowSelect+` where c.state = 'open' and c.waiting_since is not null and `+where+
		fmt.Sprintf(` order by c.urgency desc, c.waiting_since, c.id limit %d`, min(max(limit, 1), MaxPage)), args...)
	if err != nil {
		return nil, fmt.Errorf("list pressing conversations: %w", err)
	}
	return rows, nil
}

// saidLast is how many of a customer's last messages tell how pressing a conversation is.
const saidLast = 8

// Signs is what is known of a conversation beside its row that makes it pressing.
type Signs struct {
	// Said is the customer's last messages, the oldest first, at most eight.
	Said []string
	// Complaint tells that one of them is a complaint.
	Complaint bool
	// Repeat tells that the same contact had another conversation within 72 hours.
	Repeat bool
	// Window is when the channel takes no more replies; nil where that does not matter.
	Window *time.Time
}

// SignsOf reads the signs of conversations, at most 400.
func (s *Service) SignsOf(ctx context.Context, ids []ID) (map[ID]Signs, error) {
	out := make(map[ID]Signs, len(ids))
	ids = ids[:min(len(ids), 2*MaxPage)]
	now := s.now().UTC()
	_, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (struct{}, error) {
		var id ID
		var one Signs
		err := row.Scan(&id, &one.Repeat, &one.Window, &one.Said, &one.Complaint)
		out[id] = one
		return struct{}{}, err
	}, `select c.id,
			c.contact_id is not null and exists (select 1 from conversations o where o.contact_id = c.contact_id and o.id <> c.id and o.last_at > $2::timestamptz - interval '72 hours'),
			(select max(w.expires_at) from reply_windows w where w.conversation_id = c.id and w.closed_reason = '' and w.expires_at > $2),
			coalesce(m.said, '{}'), coalesce(m.complaint, false)
		from conversations c left join lateral (
			select array_agg(l.text order by l.id) said, bool_or(l.kind = 'complaint') complaint
			from (select id, left(text, 2000) as text, kind from messages where thread_id = c.id and direction = 'in' order by id desc limit $3) l) m on true
		where c.id = any($1)`, ids, now, saidLast)
	if err != nil {
		return nil, fmt.Errorf("signs of conversations: %w", err)
	}
	return out, nil
}
