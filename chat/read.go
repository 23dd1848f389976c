package chat

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Conversation is one by its id; pg.ErrNotFound when there is none.
func (s *Service) Conversation(ctx context.Context, id ID) (Conversation, error) {
	c, err := pg.Row(ctx, s.db, scanConversation, `select `+conversationColumns+` from conversations c where c.id = $1`, id)
	if err != nil {
		return c, fmt.Errorf("conversation %d: %w", id, err)
	}
	return c, nil
}

// ByKey is a conversation by its name outside.
func (s *Service) ByKey(ctx context.Context, key string) (Conversation, error) {
	return pg.Row(ctx, s.db, scanConversation, `select `+conversationColumns+` from conversations c where c.key = $1`, clip(key, 64))
}

// OfClient is the message that a client sent under an id of its own; pg.ErrNotFound when there is none.
func (s *Service) OfClient(ctx context.Context, c ID, client string) (Message, error) {
	all, err := s.messages(ctx, `where m.conversation_id = $1 and m.client_id = $2`, c, client)
	if err == nil && len(all) == 0 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return Message{}, fmt.Errorf("message of a client: %w", err)
	}
	return all[0], nil
}

// Message is one by its id, with its files.
func (s *Service) Message(ctx context.Context, id MessageID) (Message, error) {
	all, err := s.messages(ctx, `where m.id = $1`, id)
	if err == nil && len(all) == 0 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return Message{}, fmt.Errorf("message %d: %w", id, err)
	}
	return all[0], nil
}

// MaxPage is the most messages of one page.
const MaxPage = 200

// Thread is a page of a thread, oldest first: the last messages before one, or the first after one.
func (s *Service) Thread(ctx context.Context, id ID, before, after MessageID, limit int) ([]Message, error) {
	limit = min(max(limit, 1), MaxPage)
	if after > 0 {
		return s.messages(ctx, `where m.thread_id = $1 and m.id > $2 order by m.id limit $3`, id, after, limit)
	}
	if before == 0 {
		before = 1<<63 - 1
	}
	return s.messages(ctx, `where m.id in (select id from messages where thread_id = $1 and id < $2 order by id desc limit $3) order by m.id`, id, before, limit)
}

// Visible are the messages of a conversation's wire behind a seq that its
// customer may see, oldest first. to is the last seq that was looked at.
func (s *Service) Visible(ctx context.Context, id ID, after int64, limit int) (all []Message, err error) {
	return s.messages(ctx, `where m.conversation_id = $1 and m.seq > $2 and m.direction <> 'none' order by m.seq limit $3`, id, after, min(max(limit, 1), MaxPage))
}

func (s *Service) messages(ctx context.Context, where string, args ...any) ([]Message, error) {
	all, err := pg.Rows(ctx, s.db, scanMessage, `select `+messageColumns+` from messages m `+where, args...)
	if err != nil || len(all) == 0 {
		return all, err
	}
	ids := make([]MessageID, len(all))
	at := make(map[MessageID]*Message, len(all))
	for i := range all {
		ids[i] = all[i].ID
		at[all[i].ID] = &all[i]
	}
	type of struct {
		Message MessageID
		Attachment
	}
	files, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (of, error) {
		var f of
		err := row.Scan(&f.Message, &f.ID, &f.Name, &f.MediaType, &f.Bytes, &f.Width, &f.Height, &f.Thumb)
		return f, err
	}, `select message_id, `+attachmentColumns+` from attachments where message_id = any($1) order by created_at, id`, ids)
	for _, f := range files {
		at[f.Message].Files = append(at[f.Message].Files, f.Attachment)
	}
	return all, err
}

// CustomerRead notes how far the customer has read.
func (s *Service) CustomerRead(ctx context.Context, id ID, seq int64) error {
	n, err := s.db.Exec(ctx, `update conversations set customer_read = $2 where id = $1 and customer_read < $2 and last_seq >= $2`, id, seq)
	if err != nil || n == 0 {
		return err
	}
	return s.Tell(ctx, Notice{Type: Read, Conversation: id, Seq: seq, Author: &Author{Kind: Customer}})
}

// SetPage notes where on the site the customer is.
func (s *Service) SetPage(ctx context.Context, id ID, page string) error {
	_, err := s.db.Exec(ctx, `update conversations set data = data || jsonb_build_object('page', $2::text) where id = $1`, id, clip(storable(page), 500))
	return err
}

// SetConsent notes what the customer accepted.
func (s *Service) SetConsent(ctx context.Context, id ID, consent Consent) error {
	_, err := s.db.Exec(ctx, `update conversations set consent = $2 where id = $1`, id, consent)
	return err
}

// Rate notes the customer's rating, 1 to 5; only the first one counts, rated tells whether it was.
func (s *Service) Rate(ctx context.Context, id ID, score int) (rated bool, err error) {
	n, err := s.db.Exec(ctx, `update conversations set rating = $2, rated_at = $3 where id = $1 and rating is null`, id, score, s.now().UTC())
	return n == 1, err
}

// MessageOfRaw is the name outside of the conversation and the seq of the first
// message that a body gave; pg.ErrNotFound while it gave none.
func (s *Service) MessageOfRaw(ctx context.Context, raw int64) (key string, seq int64, err error) {
	type of struct {
		Key string
		Seq int64
	}
	o, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[of], `select c.key, m.seq from messages m join conversations c on c.id = m.conversation_id where m.raw_id = $1 order by m.id limit 1`, raw)
	return o.Key, o.Seq, err
}
