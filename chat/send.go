package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Draft is a message that somebody wants to send.
type Draft struct {
	Conversation ID
	Author       Author
	Kind         Kind // Text when empty; Note stays inside, Event is a line of the system
	Text         string
	Data         *Data
	Files        []string // ids of attachments kept before
	// ClientID makes sending it again harmless: the same one gives the message that is there.
	ClientID string
	// Seen is the last message the author saw. A reply to a conversation with a newer
	// one that went out by somebody else is refused with *NewerError. 0: not looked at.
	Seen MessageID
	// Mentions are users that a note names; they follow the conversation from then on.
	Mentions []int64
	// Late allows a message of the system into a closed conversation.
	Late bool
	// Question asks how it was: it may use the reply that windows keep for it.
	Question bool
}

// whose reply of a window the draft uses up.
func (d *Draft) whose() string {
	switch {
	case d.Question:
		return forRating
	case d.Author.Kind == Agent:
		return forAgent
	}
	return forSystem
}

// NewerError says that somebody else has replied since the draft was begun.
type NewerError struct {
	Newer []Message
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%d newer messages went out since the draft was begun", len(e.Newer))
}

// WindowError says that the channel takes no reply now.
type WindowError struct {
	Reason string // none, expired, used
}

func (e *WindowError) Error() string {
	return "the channel takes no reply until the customer writes again: " + e.Reason
}

func (d *Draft) check() error {
	if d.Kind == "" {
		d.Kind = Text
	}
	d.Text = storable(d.Text)
	switch {
	case d.Kind != Text && d.Kind != Note && d.Kind != Event:
		return bad("nobody sends a %q", d.Kind)
	case len(d.Text) > MaxText:
		return bad("the text is longer than %d bytes", MaxText)
	case d.Kind != Event && strings.TrimSpace(d.Text) == "" && len(d.Files) == 0:
		return bad("the message is empty")
	case len(d.Files) > maxFiles:
		return bad("more than %d files", maxFiles)
	case len(d.ClientID) > maxID || len(d.Mentions) > 50:
		return bad("the client's id or the mentions are too long")
	case d.Author.Kind != Bot && d.Author.Kind != Agent && d.Author.Kind != System:
		return bad("author %q cannot send", d.Author.Kind)
	case d.Author.Kind == Agent && d.Author.User == 0:
		return bad("an agent needs the id of the user")
	case d.Data != nil && (len(d.Data.Choices) > 20):
		return bad("more than 20 buttons")
	}
	if d.Data != nil {
		for _, b := range d.Data.Choices {
			if b.ID == "" || b.Label == "" || len(b.ID) > 64 || len(b.Label) > 400 {
				return bad("a button needs an id of at most 64 and a label of at most 400 bytes")
			}
		}
	}
	return nil
}

// sent is what a transaction of Send did.
type sent struct {
	message  Message
	repeated bool
	notices  []Notice
	took     bool // the agent took the conversation by replying
	work     string
}

// Send stores a message and, unless it is a note, puts it on its way in the same
// transaction. An agent's reply takes a conversation that is nobody's. Errors are
// ErrBad, ErrState (closed), *NewerError, *WindowError, pg.ErrNotFound or the database's.
func (s *Service) Send(ctx context.Context, d Draft) (Message, error) {
	if err := d.check(); err != nil {
		return Message{}, err
	}
	var done sent
	err := s.again(ctx, func(tx pgx.Tx) (err error) {
		done, err = s.send(ctx, tx, &d)
		return err
	})
	if err != nil {
		return Message{}, fmt.Errorf("send to conversation %d: %w", d.Conversation, err)
	}
	if done.repeated {
		s.repeated.Add(1)
		return done.message, nil
	}
	for i := range done.notices {
		s.deliver(&done.notices[i])
	}
	s.afterSend(ctx, &d, &done)
	return done.message, nil
}

// afterSend tells the queue. When that fails the agent's next reply tells it again,
// and the queue's own clocks give the work back meanwhile.
func (s *Service) afterSend(ctx context.Context, d *Draft, done *sent) {
	if s.queue == nil || d.Kind != Text || d.Author.Kind != Agent {
		return
	}
	agent := strconv.FormatInt(d.Author.User, 10)
	if done.took {
		if err := s.queue.Taken(ctx, done.work, agent, d.Author.Name); err != nil {
			s.log.Warn("queue not told that a conversation was taken", "conversation", done.message.Thread, "error", err)
		}
	}
	if err := s.queue.Turn(ctx, done.work, true); err != nil {
		s.log.Warn("queue not told of a reply", "conversation", done.message.Thread, "error", err)
	}
}

func (s *Service) send(ctx context.Context, tx pgx.Tx, d *Draft) (sent, error) {
	now := s.now().UTC()
	var out sent
	thread, wire, err := s.route(ctx, tx, d.Conversation)
	if err != nil {
		return out, err
	}
	if d.ClientID != "" {
		err := tx.QueryRow(ctx, `select `+messageColumns+` from messages m where m.conversation_id = $1 and m.client_id = $2`, wire.ID, d.ClientID).Scan(out.message.targets()...)
		if err == nil {
			out.repeated = true
			return out, nil
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return out, err
		}
	}
	if thread.State == Closed && d.Kind == Text && !d.Late {
		return out, fmt.Errorf("the conversation is closed: %w", ErrState)
	}
	if d.Seen > 0 && d.Kind == Text {
		if err := unseen(ctx, tx, thread.ID, d); err != nil {
			return out, err
		}
	}
	m := Message{Conversation: wire.ID, Thread: thread.ID, Direction: Out, Author: d.Author, Kind: d.Kind, Text: d.Text, Channel: wire.Channel, Account: wire.Account, ClientID: d.ClientID, State: Waiting, At: now}
	limits := Limits{Pull: true}
	if ch := s.channels[wire.Channel]; ch != nil {
		limits = ch.Limits(wire.Account)
	} else if d.Kind == Text {
		return out, fmt.Errorf("channel %q: %w", wire.Channel, ErrNoChannel)
	}
	switch {
	case d.Kind == Note:
		m.Direction, m.State = None, Stored
	case d.Kind == Event && !limits.Pull:
		m.Direction, m.State = None, Stored // a letter does not tell who took over
	case limits.Pull:
		m.State = Sent
	}
	if m.Data, err = dataJSON(d.Data); err != nil {
		return out, err
	}
	if err := s.insert(ctx, tx, &m, nil, 0, now); err != nil {
		return out, err
	}
	if err := s.bind(ctx, tx, &m, d.Files, false); err != nil {
		return out, err
	}
	if m.State == Waiting {
		if err := s.putOut(ctx, tx, &m, d.whose(), limits, now); err != nil {
			return out, err
		}
	}
	if out.took, err = s.weWrote(ctx, tx, thread, &m, d, now); err != nil {
		return out, err
	}
	out.message, out.work = m, thread.ID.WorkID()
	n := m.notice(MessageAdded)
	n.Mentions = d.Mentions
	out.notices = []Notice{n}
	if out.took {
		out.notices = append(out.notices, Notice{Type: Changed, Conversation: thread.ID, Assignee: d.Author.User, State: string(thread.State)})
	}
	for i := range out.notices {
		if err := s.notify(ctx, tx, &out.notices[i]); err != nil {
			return out, err
		}
	}
	return out, nil
}

// route locks the conversation whose thread it is and the one on whose wire the
// message leaves: that of the customer's last message in the thread.
func (s *Service) route(ctx context.Context, tx pgx.Tx, id ID) (thread, wire *Conversation, err error) {
	of, on, err := ends(ctx, tx, id)
	if err != nil {
		return nil, nil, err
	}
	held, err := lockAll(ctx, tx, id, of, on)
	if err != nil {
		return nil, nil, err
	}
	nowOf, nowOn, err := ends(ctx, tx, id)
	if err == nil && (nowOf != of || nowOn != on) {
		err = errMoved
	}
	return held[of], held[on], err
}

// errMoved: a merge, or a customer's message, came between looking and locking. Service.again begins anew.
var errMoved = fmt.Errorf("the conversation was merged or written to meanwhile: %w", pg.ErrConflict)

// ends are the conversation whose thread a message to id stands in, and the one on whose wire it leaves.
func ends(ctx context.Context, tx pgx.Tx, id ID) (thread, wire ID, err error) {
	err = tx.QueryRow(ctx, `select t.id, coalesce((select conversation_id from messages where thread_id = t.id and direction = 'in' order by id desc limit 1), t.split_from, t.id)
		from conversations c join conversations t on t.id = coalesce(c.merged_into, c.id) where c.id = $1`, id).Scan(&thread, &wire)
	return thread, wire, pg.Map(err)
}

// lockAll locks conversations in the order of their ids, as whoever locks more than one does: none waits for another in a circle.
func lockAll(ctx context.Context, tx pgx.Tx, ids ...ID) (map[ID]*Conversation, error) {
	held := make(map[ID]*Conversation, len(ids))
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		c, err := lock(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		held[id] = c
	}
	return held, nil
}

func lock(ctx context.Context, tx pgx.Tx, id ID) (*Conversation, error) {
	c := &Conversation{}
	err := tx.QueryRow(ctx, `select `+conversationColumns+` from conversations c where c.id = $1 for no key update`, id).Scan(c.targets()...)
	return c, pg.Map(err)
}

// unseen refuses a reply that crosses somebody else's.
func unseen(ctx context.Context, tx pgx.Tx, thread ID, d *Draft) error {
	rows, err := tx.Query(ctx, `select `+messageColumns+` from messages m where m.thread_id = $1 and m.id > $2 and m.direction = 'out' and m.kind = 'text'
		and not (m.author = $3 and coalesce(m.user_id, 0) = $4) order by m.id limit 20`, thread, d.Seen, d.Author.Kind, d.Author.User)
	if err != nil {
		return err
	}
	newer, err := pgx.CollectRows(rows, scanMessage)
	if err == nil && len(newer) > 0 {
		err = &NewerError{newer}
	}
	return err
}

func scanMessage(row pgx.CollectableRow) (Message, error) {
	var m Message
	err := row.Scan(m.targets()...)
	return m, err
}

func scanConversation(row pgx.CollectableRow) (Conversation, error) {
	var c Conversation
	err := row.Scan(c.targets()...)
	return c, err
}

// weWrote moves the thread's conversation after a message of ours; took tells
// that the agent has it now.
func (s *Service) weWrote(ctx context.Context, tx pgx.Tx, c *Conversation, m *Message, d *Draft, now time.Time) (took bool, err error) {
	for _, user := range d.Mentions {
		if _, err := tx.Exec(ctx, `insert into mentions (message_id, user_id, conversation_id, at) values ($1, $2, $3, $4) on conflict do nothing`, m.ID, user, c.ID, now); err != nil {
			return false, err
		}
		if _, err := tx.Exec(ctx, `insert into conversation_followers (conversation_id, user_id) values ($1, $2) on conflict do nothing`, c.ID, user); err != nil {
			return false, err
		}
	}
	if m.Direction != Out || m.Kind != Text {
		return false, nil
	}
	agent := m.Author.Kind == Agent
	took = agent && c.Assignee == nil
	answers := m.Author.Kind != System
	text := preview(m.Text)
	if text == "" && len(d.Files) > 0 {
		text = "📎"
	}
	_, err = tx.Exec(ctx, `update conversations set last_at = $2, last_out_id = $3, last_text = case when $4 = '' then last_text else $4 end,
			waiting_since = case when $5 then null else waiting_since end,
			first_reply_at = case when $5 then coalesce(first_reply_at, $2) else first_reply_at end,
			first_human_at = case when $6 then coalesce(first_human_at, $2) else first_human_at end,
			assignee = case when $7 then $8 else assignee end,
			handler = case when $6 then 'agent' else handler end
		where id = $1`, c.ID, now, m.ID, text, answers && (agent || c.Handler == ByBot), agent, took, d.Author.User)
	if agent && err == nil {
		_, err = tx.Exec(ctx, `delete from message_drafts where conversation_id = $1 and user_id = $2 and not note`, c.ID, d.Author.User)
	}
	return took, err
}
