package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Begun is what an agent has begun to write.
type Begun struct {
	Text      string    `json:"text"`
	Note      bool      `json:"note,omitempty"`
	Seen      MessageID `json:"seen" doc:"the last message there when it was begun"`
	UpdatedAt time.Time `json:"updated_at"`
}

// SaveDraft keeps what an agent has begun to write; an empty text forgets it.
func (s *Service) SaveDraft(ctx context.Context, c ID, user int64, b Begun) error {
	if len(b.Text) > MaxText {
		return bad("the text is longer than %d bytes", MaxText)
	}
	if b.Text == "" {
		_, err := s.db.Exec(ctx, `delete from message_drafts where conversation_id = $1 and user_id = $2`, c, user)
		return err
	}
	_, err := s.db.Exec(ctx, `insert into message_drafts (conversation_id, user_id, text, note, seen_id, updated_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (conversation_id, user_id) do update set text = $3, note = $4, seen_id = case when message_drafts.text = '' then $5 else message_drafts.seen_id end, updated_at = $6`,
		c, user, storable(b.Text), b.Note, b.Seen, s.now().UTC())
	return err
}

// DraftOf is what an agent has begun to write; nil when nothing.
func (s *Service) DraftOf(ctx context.Context, c ID, user int64) (*Begun, error) {
	b, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[Begun], `select text, note, seen_id, updated_at from message_drafts where conversation_id = $1 and user_id = $2`, c, user)
	if errors.Is(err, pg.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &b, nil
}

// ReadBy notes that an agent has read up to a message; the customer is told how
// far, when the conversation is the agent's.
func (s *Service) ReadBy(ctx context.Context, c ID, user int64, m MessageID) error {
	var seq, wire int64
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		now := s.now().UTC()
		tag, err := tx.Exec(ctx, `insert into conversation_reads (conversation_id, user_id, message_id, at) select $1, $2, m.id, $4 from messages m where m.id = $3 and m.thread_id = $1
			on conflict (conversation_id, user_id) do update set message_id = $3, at = $4 where conversation_reads.message_id < $3`, c, user, m, now)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if _, err := tx.Exec(ctx, `update mentions set seen_at = $3 where conversation_id = $1 and user_id = $2 and seen_at is null and message_id <= $4`, c, user, now, m); err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `select m.seq, m.conversation_id from messages m join conversations c on c.id = $1 where m.thread_id = $1 and m.id <= $2 and m.direction = 'in' and c.assignee = $3 order by m.id desc limit 1`, c, m, user).Scan(&seq, &wire)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		return err
	})
	if err != nil || seq == 0 {
		return err
	}
	return s.Tell(ctx, Notice{Type: Read, Conversation: ID(wire), Thread: c, Seq: seq, Author: &Author{Kind: Agent, User: user}})
}

// Follow has a user follow a conversation, or no more.
func (s *Service) Follow(ctx context.Context, c ID, user int64, on bool) error {
	sql := `insert into conversation_followers (conversation_id, user_id) values ($1, $2) on conflict do nothing`
	if !on {
		sql = `delete from conversation_followers where conversation_id = $1 and user_id = $2`
	}
	_, err := s.db.Exec(ctx, sql, c, user)
	return err
}

// Followers are the users who follow a conversation.
func (s *Service) Followers(ctx context.Context, c ID) ([]int64, error) {
	return pg.Rows(ctx, s.db, pgx.RowTo[int64], `select user_id from conversation_followers where conversation_id = $1 order by user_id`, c)
}

// LabelInfo is one of the labels there are.
type LabelInfo struct {
	Name  string `json:"name" minLength:"1" maxLength:"40"`
	Color string `json:"color" pattern:"^(#[0-9a-fA-F]{6})?$"`
	Used  int    `json:"used" doc:"conversations that have it"`
}

// Labels are all labels.
func (s *Service) Labels(ctx context.Context) ([]LabelInfo, error) {
	return pg.Rows(ctx, s.db, pgx.RowToStructByPos[LabelInfo], `select l.name, l.color, (select count(*) from conversations c where c.labels @> array[l.name])::int from conversation_labels l order by l.name`)
}

// PutLabel adds a label or changes its colour.
func (s *Service) PutLabel(ctx context.Context, tx pgx.Tx, l LabelInfo) error {
	if l.Name = storable(l.Name); l.Name == "" || len(l.Name) > 3*maxLabel {
		return bad("a label has between 1 and %d characters", maxLabel)
	}
	_, err := tx.Exec(ctx, `insert into conversation_labels (name, color) values ($1, $2) on conflict (name) do update set color = $2, updated_at = now()`, l.Name, l.Color)
	return err
}

// DropLabel takes a label away; into, when given, takes its place.
func (s *Service) DropLabel(ctx context.Context, tx pgx.Tx, name, into string) error {
	if into != "" {
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select 1 from conversation_labels where name = $1)`, into).Scan(&there); err != nil {
			return err
		}
		if !there || into == name {
			return bad("there is no such label to merge into")
		}
		if _, err := tx.Exec(ctx, `update conversations set labels = array(select distinct case when l = $1 then $2 else l end from unnest(labels) l order by 1) where labels @> array[$1]`, name, into); err != nil {
			return err
		}
	} else if _, err := tx.Exec(ctx, `update conversations set labels = array_remove(labels, $1) where labels @> array[$1]`, name); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `delete from conversation_labels where name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return err
}

// View is a saved filter.
type View struct {
	ID     int64  `json:"id"`
	Shared bool   `json:"shared" doc:"everybody's"`
	Name   string `json:"name" minLength:"1" maxLength:"80"`
	Filter Filter `json:"filter"`
}

// maxViews bounds the views of one user.
const maxViews = 50

func scanView(row pgx.CollectableRow) (View, error) {
	var v View
	var doc json.RawMessage
	if err := row.Scan(&v.ID, &v.Shared, &v.Name, &doc); err != nil {
		return v, err
	}
	return v, json.Unmarshal(doc, &v.Filter)
}

// Views are a user's views and everybody's.
func (s *Service) Views(ctx context.Context, user int64) ([]View, error) {
	return pg.Rows(ctx, s.db, scanView, `select id, user_id is null, name, filter from conversation_views where user_id = $1 or user_id is null order by user_id is null desc, name, id`, user)
}

// ViewByID is one view that a user may see.
func (s *Service) ViewByID(ctx context.Context, user, id int64) (View, error) {
	return pg.Row(ctx, s.db, scanView, `select id, user_id is null, name, filter from conversation_views where id = $2 and (user_id = $1 or user_id is null)`, user, id)
}

// AddView saves a filter.
func (s *Service) AddView(ctx context.Context, user int64, v View) (View, error) {
	if err := v.Filter.Check(); err != nil {
		return v, err
	}
	doc, err := json.Marshal(v.Filter)
	if err != nil {
		return v, err
	}
	n, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*) from conversation_views where user_id is not distinct from case when $2 then null else $1::bigint end`, user, v.Shared)
	if err != nil {
		return v, err
	}
	if n >= maxViews {
		return v, bad("there are %d views already", n)
	}
	v.ID, err = pg.Row(ctx, s.db, pgx.RowTo[int64], `insert into conversation_views (user_id, name, filter) values (case when $2 then null else $1::bigint end, $3, $4) returning id`, user, v.Shared, storable(v.Name), doc)
	if err != nil {
		return v, fmt.Errorf("save a view: %w", err)
	}
	return v, nil
}

// DropView takes a view away; shared allows everybody's.
func (s *Service) DropView(ctx context.Context, user, id int64, shared bool) error {
	n, err := s.db.Exec(ctx, `delete from conversation_views where id = $2 and (user_id = $1 or $3 and user_id is null)`, user, id, shared)
	if err == nil && n == 0 {
		err = pg.ErrNotFound
	}
	return err
}
