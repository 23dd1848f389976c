package chat

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Window is what may still be replied.
type Window struct {
	Left      int       `json:"left" doc:"replies; -1 without a count"`
	ExpiresAt time.Time `json:"expires_at"`
}

// openWindow notes that the customer opened a window for replies.
func openWindow(ctx context.Context, tx pgx.Tx, c ID, msgID string, o *Opening, now time.Time) error {
	if !o.Adds {
		if _, err := tx.Exec(ctx, `update reply_windows set closed_reason = 'replaced' where conversation_id = $1 and closed_reason = ''`, c); err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `insert into reply_windows (conversation_id, source_event, source_msg_id, opened_at, expires_at, quota, left_n, reserve_human, reserve_rating)
		values ($1, $2, $3, $4, $5, $6, $6, $7, $8)`, c, o.Event, msgID, now, now.Add(o.Life), o.Quota, o.Human, o.Rating)
	return err
}

// Whom a reply of a window is for: some are kept for agents, one for the question how it was.
const (
	forAgent  = "agent"
	forRating = "rating"
	forSystem = "system"
)

// openWindows finds the window of a conversation ($1) that ends first and has a reply left for somebody ($3).
const openWindows = `select id from reply_windows where conversation_id = $1 and closed_reason = '' and expires_at > $2
	and (quota = 0 or left_n > case $3 when 'rating' then 0 when 'agent' then reserve_rating else reserve_human + reserve_rating end)
	order by (expires_at < $2::timestamptz + interval '30 seconds'), expires_at limit 1`

// takeWindow uses up one reply of the window that ends first, or says why there is none.
func takeWindow(ctx context.Context, tx pgx.Tx, c ID, whose string, now time.Time) (int64, error) {
	var id int64
	err := tx.QueryRow(ctx, `update reply_windows set left_n = left_n - case when quota = 0 then 0 else 1 end, seq_next = seq_next + 1
		where id = (`+openWindows+` for update) returning id`, c, now, whose).Scan(&id)
	if err == nil || !errors.Is(err, pgx.ErrNoRows) {
		return id, err
	}
	reason := "none"
	err = tx.QueryRow(ctx, `select case when expires_at <= $2 then 'expired' else 'used' end from reply_windows where conversation_id = $1 order by id desc limit 1`, c, now).Scan(&reason)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return 0, err
	}
	return 0, &WindowError{reason}
}

// Window is the open window of a conversation; pg.ErrNotFound when there is none.
func (s *Service) Window(ctx context.Context, c ID) (Window, error) {
	return pg.Row(ctx, s.db, pgx.RowToStructByPos[Window], `select case when quota = 0 then -1 else left_n end, expires_at from reply_windows
		where conversation_id = $1 and closed_reason = '' and expires_at > $2 order by expires_at desc limit 1`, c, s.now())
}
