package assist

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// subjects are what a person said or wrote in; $1 are the person's ids. A row that was made
// before somebody knew whose it is has no contact, but a subject.
const subjects = `(select 'call' as kind, id::text as subject from calls where contact_id = any($1) union all select 'conversation', id::text from conversations where contact_id = any($1)
	union all select 'ticket', id::text from tickets where contact_id = any($1) union all select 'bot', id::text from bot_sessions where contact_id = any($1))`

// ofPerson are conditions of rows that were made of what a person said or wrote.
var ofPerson = []struct{ table, where string }{
	{"assist_cards", `(kind, subject) in (select kind, subject from assist_boards where contact_id = any($1) union select * from ` + subjects + ` x)`}, // before the boards
	{"assist_boards", `(kind, subject) in (select kind, subject from assist_boards where contact_id = any($1) union select * from ` + subjects + ` x)`},
	{"assist_questions", `id in (select id from assist_questions where contact_id = any($1) union select q.id from assist_questions q join ` + subjects + ` x on q.source = x.kind and q.subject = x.subject)`},
	{"practice_cases", `id in (select id from practice_cases where contact_id = any($1) union select p.id from practice_cases p join conversations c on c.id = p.source where c.contact_id = any($1))`},
	{"assist_reply_sources", `contact_id = any($1) or conversation in (select id from conversations where contact_id = any($1))`},
}

// ErasePerson deletes in tx what was made of a person's words, before the words go; it
// tells how many rows of each table went. Replies that nobody else was given go too.
func (s *Store) ErasePerson(ctx context.Context, tx pgx.Tx, contacts []int64) (map[string]int64, error) {
	counts := map[string]int64{}
	do := func(table, where string) error {
		tag, err := tx.Exec(ctx, `delete from `+table+` where `+where, contacts)
		if err != nil {
			return fmt.Errorf("erase from %s: %w", table, err)
		}
		if n := tag.RowsAffected(); n > 0 {
			counts[table] = n
		}
		return nil
	}
	for _, p := range ofPerson {
		if err := do(p.table, p.where); err != nil {
			return nil, err
		}
	}
	tag, err := tx.Exec(ctx, `delete from assist_replies r where not exists (select from assist_reply_sources s where s.reply_id = r.id)`)
	if err != nil {
		return nil, fmt.Errorf("erase from assist_replies: %w", err)
	}
	if n := tag.RowsAffected(); n > 0 {
		counts["assist_replies"] = n
	}
	return counts, nil
}

// PersonHits tells in tx what is still there of a person, by table.
func (s *Store) PersonHits(ctx context.Context, tx pgx.Tx, contacts []int64) (map[string]int64, error) {
	hits := map[string]int64{}
	for _, p := range ofPerson {
		var n int64
		if err := tx.QueryRow(ctx, `select count(*) from `+p.table+` where `+p.where, contacts).Scan(&n); err != nil {
			return nil, fmt.Errorf("look into %s: %w", p.table, err)
		}
		hits[p.table] = n
	}
	return hits, nil
}
