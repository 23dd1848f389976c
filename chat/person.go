package chat

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// ErrOpen says that a conversation of the person is not closed yet.
var ErrOpen = errors.New("a conversation of this person is open")

// Talk is a conversation as a person's timeline shows it.
type Talk struct {
	ID        ID         `json:"id"`
	Channel   string     `json:"channel"`
	Account   string     `json:"account,omitempty"`
	Subject   string     `json:"subject,omitempty"`
	State     State      `json:"state"`
	Queue     string     `json:"queue,omitempty"`
	LastText  string     `json:"last_text,omitempty"`
	Messages  int64      `json:"messages"`
	Rating    *int16     `json:"rating,omitempty"`
	CreatedAt time.Time  `json:"created_at"`
	ClosedAt  *time.Time `json:"closed_at,omitempty"`
}

// OfContacts are the conversations of the given contacts that began at or before until (all when it is
// zero), newest first, within one moment by id downwards as text, at most limit.
func (s *Service) OfContacts(ctx context.Context, contacts []int64, until time.Time, limit int) ([]Talk, error) {
	var end *time.Time
	if !until.IsZero() {
		end = &until
	}
	where, args := seen(ctx, "c", "contact_id = any($1) and ($2::timestamptz is null or created_at <= $2)", []any{contacts, end})
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Talk], `select id, channel, account, subject, state, queue, last_text, last_seq, rating, created_at, closed_at from conversations c
		where `+where+fmt.Sprintf(` order by created_at desc, id::text desc limit %d`, limit), args...)
	if err != nil {
		err = fmt.Errorf("conversations of a contact: %w", err)
	}
	return all, err
}

// Said is a message as a person's archive has it.
type Said struct {
	ID     MessageID `json:"id"`
	Author string    `json:"author"`
	Kind   string    `json:"kind"`
	Text   string    `json:"text"`
	At     time.Time `json:"at"`
}

// WhatWasSaid are all messages of a conversation that the customer has seen too, in order.
func (s *Service) WhatWasSaid(ctx context.Context, id ID) ([]Said, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Said], `select id, author, kind, text, at from messages where thread_id = $1 and direction <> 'none' order by id`, id)
	if err != nil {
		err = fmt.Errorf("conversation %d: messages: %w", id, err)
	}
	return all, err
}

// KeptFile is an attachment on disk.
type KeptFile struct {
	ID     string
	Name   string
	SHA256 string
	Path   string
}

// FilesOf are the attachments of a conversation.
func (s *Service) FilesOf(ctx context.Context, id ID) ([]KeptFile, error) {
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (KeptFile, error) {
		var f KeptFile
		err := row.Scan(&f.ID, &f.Name, &f.SHA256)
		f.Path = s.filePath(f.SHA256)
		return f, err
	}, `select id, name, sha256 from attachments where conversation_id = $1 and message_id is not null order by created_at, id`, id)
	if err != nil {
		err = fmt.Errorf("conversation %d: files: %w", id, err)
	}
	return all, err
}

// ErasePerson takes a person out of all conversations, in tx: what was said, the raw bodies, files and drafts are
// deleted, who it was is taken out. That there was a conversation, when and
// how long it took stays for the counts. What others wrote loses the mentions: numbers and addresses of the person.
// It returns rows by table and the files to remove after the commit; ErrOpen while one is not closed.
func (s *Service) ErasePerson(ctx context.Context, tx pgx.Tx, contacts []int64, mentions []string) (map[string]int64, []string, error) {
	rows, err := tx.Query(ctx, `select id, state from conversations where contact_id = any($1) for update`, contacts)
	if err != nil {
		return nil, nil, fmt.Errorf("conversations: %w", err)
	}
	type row struct {
		ID    ID
		State State
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		return nil, nil, fmt.Errorf("conversations: %w", err)
	}
	ids := make([]ID, len(all))
	for i, c := range all {
		if c.State == Open || c.State == Snoozed {
			return nil, nil, ErrOpen
		}
		ids[i] = c.ID
	}
	files, err := s.ownFiles(ctx, tx, ids)
	if err != nil {
		return nil, nil, err
	}
	counts := map[string]int64{}
	for _, step := range []struct{ table, sql string }{
		{"inbound_raw", `delete from inbound_raw where id in (select raw_id from messages where conversation_id = any($1) or thread_id = any($1))`},
		{"attachments", `delete from attachments where conversation_id = any($1)`},
		{"visitor_calls", `delete from visitor_calls where conversation_id = any($1)`},
		{"scheduled_messages", `delete from scheduled_messages where conversation_id = any($1)`},
		{"message_drafts", `delete from message_drafts where conversation_id = any($1)`},
		{"mentions", `delete from mentions where conversation_id = any($1)`},
		{"reply_windows", `delete from reply_windows where conversation_id = any($1)`},
		{"messages", `update messages set text = '', data = '{}', terms = '{}', author_name = case author when 'customer' then '' else author_name end, external_id = null, client_id = null
			where conversation_id = any($1) or thread_id = any($1)`},
		{"conversations", `update conversations set contact_id = null, external_user = 'erased:' || id, external_thread = '', name = '', subject = '', last_text = '', packet = null, consent = null,
			data = '{}', labels = '{}' where id = any($1)`},
	} {
		tag, err := tx.Exec(ctx, step.sql, ids)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.table, err)
		}
		if n := tag.RowsAffected(); n > 0 {
			counts[step.table] = n
		}
	}
	return counts, files, s.eraseMentions(ctx, tx, mentions, counts)
}

// mentioned are messages that have $2 in them, and so the words $1.
const mentioned = `select id, text, coalesce(raw_id, 0) as raw, thread_id from messages where terms @> $1 and strpos(lower(text), lower($2)) > 0`

// eraseMentions cuts numbers and addresses out of what others wrote.
func (s *Service) eraseMentions(ctx context.Context, tx pgx.Tx, mentions []string, counts map[string]int64) error {
	type row struct {
		ID     MessageID
		Text   string
		Raw    int64
		Thread ID
	}
	for _, v := range mentions {
		all, err := pg.TxRows(ctx, tx, pgx.RowToStructByPos[row], mentioned, terms(v), v)
		if err != nil {
			return fmt.Errorf("mentions: %w", err)
		}
		word := regexp.MustCompile("(?i)" + regexp.QuoteMeta(v))
		for _, m := range all {
			text := word.ReplaceAllLiteralString(m.Text, "****")
			for _, step := range []struct {
				sql  string
				args []any
			}{
				{`update messages set text = $2, terms = $3 where id = $1`, []any{m.ID, text, terms(text)}},
				{`update inbound_raw set body = null where id = $1`, []any{m.Raw}},
				{`update conversations set last_text = regexp_replace(last_text, $2, '****', 'gi') where id = $1`, []any{m.Thread, word.String()[len("(?i)"):]}},
			} {
				if _, err := tx.Exec(ctx, step.sql, step.args...); err != nil {
					return fmt.Errorf("mentions: %w", err)
				}
			}
			counts["messages"]++
		}
	}
	return nil
}

// ownFiles are the files of conversations that no other one has.
func (s *Service) ownFiles(ctx context.Context, tx pgx.Tx, ids []ID) ([]string, error) {
	rows, err := tx.Query(ctx, `select a.sha256, bool_or(a.thumb) from attachments a where a.conversation_id = any($1)
		and not exists (select 1 from attachments o where o.sha256 = a.sha256 and o.conversation_id <> all($1)) group by a.sha256`, ids)
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	type file struct {
		Sum   string
		Thumb bool
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[file])
	if err != nil {
		return nil, fmt.Errorf("files: %w", err)
	}
	var out []string
	for _, f := range all {
		out = append(out, s.filePath(f.Sum))
		if f.Thumb {
			out = append(out, s.filePath(f.Sum)+".thumb")
		}
	}
	return out, nil
}

// PersonHits searches for a person in tx and tells what it finds, by table.
func (s *Service) PersonHits(ctx context.Context, tx pgx.Tx, contacts []int64, mentions []string) (map[string]int64, error) {
	hits := map[string]int64{}
	var n int64
	if err := tx.QueryRow(ctx, `select count(*) from conversations where contact_id = any($1)`, contacts).Scan(&n); err != nil {
		return nil, fmt.Errorf("conversations: %w", err)
	}
	hits["conversations"] = n
	for _, v := range mentions {
		if err := tx.QueryRow(ctx, `select count(*) from (`+mentioned+`) m`, terms(v), v).Scan(&n); err != nil {
			return nil, fmt.Errorf("mentions: %w", err)
		}
		hits["messages"] += n
	}
	return hits, nil
}
