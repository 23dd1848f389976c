package chat

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// received is what a transaction of Receive did.
type received struct {
	message  Message
	repeated bool
	notices  []Notice
}

// tries is how often a transaction is repeated that lost a race for a unique key.
const tries = 4

// Receive stores a message of a customer and returns it. The same ExternalID, or
// ClientID within the conversation, gives the message that is there. Errors are
// ErrBad, ErrNoChannel or the database's.
func (s *Service) Receive(ctx context.Context, in Inbound) (Message, error) {
	if s.channels[in.Channel] == nil {
		return Message{}, fmt.Errorf("channel %q: %w", in.Channel, ErrNoChannel)
	}
	if err := in.check(s.now()); err != nil {
		s.badBodies.Add(1)
		return Message{}, err
	}
	var got received
	err := s.again(ctx, func(tx pgx.Tx) (err error) {
		got, err = s.receive(ctx, tx, &in)
		return err
	})
	if err != nil {
		return Message{}, fmt.Errorf("receive by %s: %w", in.Channel, err)
	}
	s.tellReceived(&got)
	return got.message, nil
}

// tellReceived tells what was committed.
func (s *Service) tellReceived(got *received) {
	if got.repeated {
		s.repeated.Add(1)
		return
	}
	s.received.Add(1)
	for i := range got.notices {
		s.deliver(&got.notices[i])
	}
	s.wakeHook()
}

// again runs f in a transaction, once more when another one took the same key.
func (s *Service) again(ctx context.Context, f func(pgx.Tx) error) error {
	var err error
	for range tries {
		if err = s.db.Tx(ctx, f); !errors.Is(err, pg.ErrConflict) {
			return err
		}
	}
	return err
}

func (s *Service) receive(ctx context.Context, tx pgx.Tx, in *Inbound) (received, error) {
	now := s.now().UTC()
	var got received
	err := tx.QueryRow(ctx, `select `+messageColumns+` from messages m where m.channel = $1 and m.account = $2 and m.external_id = $3`, in.Channel, in.Account, in.ExternalID).Scan(got.message.targets()...)
	if err == nil {
		got.repeated = true
		return got, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return got, err
	}
	if in.RawID == 0 {
		if in.RawID, err = s.keepRaw(ctx, tx, in, now); err != nil {
			return got, err
		}
		defer func() { in.RawID = 0 }() // another try begins anew
	}
	c, err := s.find(ctx, tx, in, now)
	if err != nil {
		return got, err
	}
	if in.ClientID != "" {
		err := tx.QueryRow(ctx, `select `+messageColumns+` from messages m where m.conversation_id = $1 and m.client_id = $2`, c.ID, in.ClientID).Scan(got.message.targets()...)
		if err == nil {
			got.repeated = true
			return got, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return got, err
		}
	}
	m := Message{Conversation: c.ID, Thread: c.thread(), Direction: In, Author: Author{Kind: Customer, Name: c.Name}, Kind: in.Kind, Text: in.Text, Channel: in.Channel, Account: in.Account,
		ClientID: in.ClientID, State: Stored, At: in.At.UTC()}
	if m.Data, err = dataJSON(in.Data); err != nil {
		return got, err
	}
	if err := s.insert(ctx, tx, &m, &in.ExternalID, in.RawID, now); err != nil {
		return got, err
	}
	if err := s.bind(ctx, tx, &m, in.Files, true); err != nil {
		return got, err
	}
	changed, err := s.customerWrote(ctx, tx, c, &m, in, now)
	if err != nil {
		return got, err
	}
	if in.Opens != nil {
		if err := openWindow(ctx, tx, c.ID, in.ExternalID, in.Opens, now); err != nil {
			return got, err
		}
	}
	if _, err := tx.Exec(ctx, `insert into inbound_due (message_id, conversation_id, next_at) values ($1, $2, $3)`, m.ID, m.Thread, now); err != nil {
		return got, err
	}
	got.message = m
	got.notices = []Notice{m.notice(MessageAdded)}
	if changed {
		got.notices = append(got.notices, Notice{Type: Changed, Conversation: m.Thread, State: string(Open)})
	}
	for i := range got.notices {
		if err := s.notify(ctx, tx, &got.notices[i]); err != nil {
			return got, err
		}
	}
	return got, nil
}

// notice is what is told of a message.
func (m *Message) notice(typ string) Notice {
	a := m.Author
	a.Name = ""
	return Notice{Type: typ, Conversation: m.Conversation, Thread: m.Thread, Message: m.ID, Seq: m.Seq, Direction: m.Direction, Kind: m.Kind, Author: &a, State: string(m.State)}
}

// thread is where messages of this conversation stand.
func (c *Conversation) thread() ID {
	if c.MergedInto != nil {
		return *c.MergedInto
	}
	return c.ID
}

// keepRaw stores a body that did not go through Take.
func (s *Service) keepRaw(ctx context.Context, tx pgx.Tx, in *Inbound, now time.Time) (id int64, err error) {
	sum := sha256.Sum256(in.Raw)
	err = tx.QueryRow(ctx, `insert into inbound_raw (channel, account, external_id, digest, body, received_at, state, messages) values ($1, $2, $3, $4, $5, $6, 'done', 1) returning id`,
		in.Channel, in.Account, in.ExternalID, sum[:], in.Raw, now).Scan(&id)
	return id, err
}

// find locks the conversation that a message belongs to, opens it again or makes one.
func (s *Service) find(ctx context.Context, tx pgx.Tx, in *Inbound, now time.Time) (*Conversation, error) {
	c := &Conversation{}
	look := func(locked string) error {
		return tx.QueryRow(ctx, `select `+conversationColumns+` from conversations c where c.channel = $1 and c.account = $2 and c.external_user = $3 and c.external_thread = $4
			and c.split_from is null and `+goesOn+` order by c.id desc limit 1`+locked,
			append([]any{in.Channel, in.Account, in.User, in.Thread}, s.goesOn(now)...)...).Scan(c.targets()...)
	}
	err := look("")
	if err == nil {
		held, err := lockAll(ctx, tx, c.ID, c.thread())
		if err == nil {
			err = look(" for no key update")
		}
		if err == nil && (held[c.ID] == nil || held[c.thread()] == nil) || errors.Is(err, pgx.ErrNoRows) {
			err = errMoved
		}
		return c, err
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return c, err
	}
	err = tx.QueryRow(ctx, `insert into conversations as c (key, channel, account, external_user, external_thread, name, subject, language, last_at, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) returning `+conversationColumns,
		newKey(), in.Channel, in.Account, in.User, in.Thread, in.Name, in.Subject, in.Language, now).Scan(c.targets()...)
	return c, err
}

// insert gives a message its seq and stores it.
func (s *Service) insert(ctx context.Context, tx pgx.Tx, m *Message, externalID *string, rawID int64, now time.Time) error {
	if externalID != nil && *externalID == "" {
		externalID = nil
	}
	if m.Thread != m.Conversation { // ids of a thread must be seen in their order: who reads behind one misses those that come to light later
		if _, err := tx.Exec(ctx, `select from conversations where id = $1 for no key update`, m.Thread); err != nil {
			return err
		}
	}
	err := tx.QueryRow(ctx, `update conversations set last_seq = last_seq + 1 where id = $1 returning last_seq`, m.Conversation).Scan(&m.Seq)
	if err != nil {
		return err
	}
	words := []string{}
	if m.Kind != Agreement {
		words = terms(m.Text)
	}
	err = tx.QueryRow(ctx, `insert into messages (conversation_id, thread_id, seq, direction, author, user_id, author_name, kind, text, data, channel, account, external_id, client_id, raw_id, state, reason, terms, at, created_at)
		values ($1, $2, $3, $4, $5, nullif($6::bigint, 0), $7, $8, $9, $10, $11, $12, $13, nullif($14, ''), nullif($15::bigint, 0), $16, $17, $18, $19, $20) returning id`,
		m.Conversation, m.Thread, m.Seq, m.Direction, m.Author.Kind, m.Author.User, m.Author.Name, m.Kind, m.Text, m.Data, m.Channel, m.Account, externalID, m.ClientID, rawID, m.State, m.Reason,
		words, m.At, now).Scan(&m.ID)
	return err
}

// customerWrote moves the conversation, or the one it was merged into.
func (s *Service) customerWrote(ctx context.Context, tx pgx.Tx, c *Conversation, m *Message, in *Inbound, now time.Time) (changed bool, err error) {
	asks := in.Kind.asks()
	text := preview(m.Text)
	if text == "" && len(in.Files) > 0 {
		text = "📎"
	}
	// The wire: who writes there, and what the page shows of it.
	_, err = tx.Exec(ctx, `update conversations set name = coalesce(nullif($2, ''), name), language = coalesce(nullif($3, ''), language) where id = $1`, c.ID, in.Name, in.Language)
	if err != nil {
		return false, err
	}
	var was State
	if err := tx.QueryRow(ctx, `select state from conversations where id = $1 for no key update`, m.Thread).Scan(&was); err != nil {
		return false, err
	}
	reopen := asks && (was == Snoozed || was == Closed)
	_, err = tx.Exec(ctx, `update conversations set last_at = $2, last_in_id = $3,
			last_text = case when $4 = '' then last_text else $4 end,
			waiting_since = case when $5 then coalesce(waiting_since, $2) else waiting_since end,
			state = case when $6 then 'open' else state end, snoozed_until = case when $6 then null else snoozed_until end,
			closed_at = case when $6 then null else closed_at end, closed_by = case when $6 then '' else closed_by end,
			handler = case when $7 and handler = 'agent' then 'queue' when $7 and not bot_barred then 'bot' else handler end,
			data = case when $7 and assignee is not null then data || jsonb_build_object('was_with', assignee) else data end,
			assignee = case when $7 then null else assignee end,
			queued_at = case when $7 then $2 else queued_at end, enqueued = case when $7 then false else enqueued end,
			customer_read = case when id = $8 then $9 else customer_read end
		where id = $1`, m.Thread, now, m.ID, text, asks, reopen, reopen && was == Closed, m.Conversation, m.Seq)
	return reopen, err
}
