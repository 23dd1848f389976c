package call

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// ErrActive says that a call of the person still runs.
var ErrActive = errors.New("a call of this person still runs")

// OfContacts are the calls of the given contacts that began at or before until (all when it is zero),
// newest first, within one moment by id downwards, at most limit.
func (s *Store) OfContacts(ctx context.Context, contacts []int64, until time.Time, limit int) ([]Summary, error) {
	w := &conditions{}
	w.add(`c.contact_id = any(?)`, contacts)
	if !until.IsZero() {
		w.add(`c.started_at <= ?`, until)
	}
	w.seen(ctx, team.Calls, "c")
	all, err := pg.Rows(ctx, s.db, s.scanSummary, summaryQuery+w.String()+` order by c.started_at desc, c.id desc limit `+strconv.Itoa(limit)+summaryJoins, w.args...)
	return all, wrap("of a contact", "list", err)
}

// Seen are those of some calls that the sight of ctx sees.
func (s *Store) Seen(ctx context.Context, ids []string) (map[string]bool, error) {
	w := &conditions{}
	w.add(`c.id = any(?::uuid[])`, slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !validID(id) }))
	w.seen(ctx, team.Calls, "c")
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select c.id::text from calls c`+w.String(), w.args...)
	out := make(map[string]bool, len(all))
	for _, id := range all {
		out[id] = true
	}
	return out, wrap("seen", "list", err)
}

// Unknown is an ended call of nobody yet.
type Unknown struct {
	ID        string
	Direction string
	Number    string // of the person outside
	Name      string
	StartedAt time.Time
}

// WithoutContact are ended calls whose person is not known, newest first, begun before, at most limit. Calls
// within the house and of hidden numbers are not among them.
func (s *Store) WithoutContact(ctx context.Context, before time.Time, limit int) ([]Unknown, error) {
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Unknown, error) {
		var u Unknown
		err := row.Scan(&u.ID, &u.Direction, &u.Number, &u.Name, &u.StartedAt)
		return u, err
	}, `select c.id::text, c.direction, case c.direction when 'out' then c.to_number else c.from_number end, case c.direction when 'out' then '' else c.from_name end, c.started_at
		from calls c where c.contact_id is null and c.state = 'ended' and c.started_at < $1
			and case c.direction when 'out' then c.to_number else c.from_number end ~ '[0-9]{3}'
			and (c.direction = 'out' or not exists (select 1 from legs l where l.call_id = c.id and l.n = 1 and l.user_name <> ''))
		order by c.started_at desc limit $2`, before, limit)
	return all, wrap("without a contact", "list", err)
}

// SetContact says whose call it was, and whose consents were given in it.
func (s *Store) SetContact(ctx context.Context, id string, contact int64) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `update calls set contact_id = $2 where id = $1 and contact_id is null`, id, contact); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `update consents set contact_id = $2 where call_id = $1 and contact_id is null`, id, contact)
		return err
	})
	return wrap(id, "set contact", err)
}

// LinkConsents gives the lines of the ledger that a number said outside of any call to its contact.
func (s *Store) LinkConsents(ctx context.Context, number string, contact int64) (int64, error) {
	n, err := s.db.Exec(ctx, `update consents set contact_id = $2 where identity = $1 and $1 <> '' and contact_id is null`, number, contact)
	return n, wrap("of a number", "link consents", err)
}

// LooseConsents are numbers that said something and belong to no contact yet, at most limit, after the given one.
func (s *Store) LooseConsents(ctx context.Context, after string, limit int) ([]string, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select distinct identity from consents where contact_id is null and identity > $1 order by identity limit $2`, after, limit)
	return all, wrap("of numbers", "loose consents", err)
}

// personCall is what of a call names the person.
type personCall struct {
	own                                             bool // by contact, not by the number only
	id, state, direction, from, to, path, recording string
}

func (s *Store) personCalls(ctx context.Context, tx pgx.Tx, contacts []int64, numbers []string) ([]personCall, error) {
	scan := func(row pgx.CollectableRow) (personCall, error) {
		var c personCall
		err := row.Scan(&c.id, &c.state, &c.direction, &c.from, &c.to, &c.path, &c.recording)
		return c, err
	}
	const what = `select id::text, state, direction, from_number, to_number, recording_path, recording_state from calls `
	seen := map[string]bool{}
	var out []personCall
	add := func(own bool, sql string, args ...any) error {
		rows, err := tx.Query(ctx, what+sql+` for update`, args...)
		if err != nil {
			return err
		}
		part, err := pgx.CollectRows(rows, scan)
		for _, c := range part {
			if !seen[c.id] {
				seen[c.id], c.own = true, own
				out = append(out, c)
			}
		}
		return err
	}
	if err := add(true, `where contact_id = any($1)`, contacts); err != nil {
		return nil, err
	}
	for _, n := range numbers {
		if err := add(false, `where number_grams @> $1 and (from_number = $2 or to_number = $2)`, numberGrams(n), n); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// ErasePerson takes a person out of all calls, in tx: words, moods, readings and what flows noted are
// deleted, the number and the name are taken out, and their numbers are cut out of what was said in
// other people's calls. That a call was there, how long it took and how it went stays for the counts.
// It returns rows by table and the files (under dir when they are relative) to remove after the
// commit. ErrActive when one of the calls still runs.
func (s *Store) ErasePerson(ctx context.Context, tx pgx.Tx, contacts []int64, numbers []string, dir string) (counts map[string]int64, files []string, err error) {
	calls, err := s.personCalls(ctx, tx, contacts, numbers)
	if err != nil {
		return nil, nil, fmt.Errorf("find the calls: %w", err)
	}
	ids := make([]string, len(calls))
	for i := range calls {
		c := &calls[i]
		if c.state != string(StateEnded) {
			return nil, nil, ErrActive
		}
		ids[i] = c.id
		if c.recording == RecordingKept || c.recording == RecordingOpen {
			path := c.path
			if !filepath.IsAbs(path) {
				path = filepath.Join(dir, path)
			}
			files = append(files, path)
		}
	}
	more, err := voiceFiles(ctx, tx, ids, dir)
	if err != nil {
		return nil, nil, err
	}
	files = append(files, more...)
	counts = map[string]int64{}
	for _, step := range []struct{ table, sql string }{
		{"utterances", `delete from utterances where call_id = any($1::uuid[])`},
		{"readings", `delete from readings where call_id = any($1::uuid[])`},
		{"alerts", `delete from alerts where call_id = any($1::uuid[])`},
		{"emotion_labels", `delete from emotion_labels where call_id = any($1::uuid[])`},
		{"moods", `delete from moods where call_id = any($1::uuid[])`},
		{"wrap_ups", `update wrap_ups set notes = '', tags = '{}', follow_up_at = null where call_id = any($1::uuid[])`},
		{"voice_messages", `delete from voice_messages where call_id = any($1::uuid[])`},
		{"survey_answers", `update survey_answers set comment = null where call_id = any($1::uuid[])`},
		{"legs", `update legs set peer = '', sip_call_id = '' where call_id = any($1::uuid[])`},
	} {
		if err := count(ctx, tx, counts, step.table, step.sql, ids); err != nil {
			return nil, nil, err
		}
	}
	for i := range calls {
		if err := count(ctx, tx, counts, "calls", `update calls set contact_id = null, from_number = $2, to_number = $3, from_name = case when $4 then from_name else '' end, number_grams = $5,
			data = '{}', words_deleted_at = coalesce(words_deleted_at, now()), recording_path = '', recording_sha256 = '',
			recording_state = case when recording_state in ('open', 'kept') then 'deleted' else recording_state end where id = $1`, calls[i].cut(numbers)...); err != nil {
			return nil, nil, err
		}
	}
	return counts, files, s.eraseMentions(ctx, tx, numbers, counts)
}

// voiceFiles are the messages that were left in these calls.
func voiceFiles(ctx context.Context, tx pgx.Tx, ids []string, dir string) ([]string, error) {
	rows, err := tx.Query(ctx, `select path from voice_messages where call_id = any($1::uuid[]) and path <> ''`, ids)
	if err != nil {
		return nil, fmt.Errorf("voice messages: %w", err)
	}
	paths, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("voice messages: %w", err)
	}
	for i, p := range paths {
		if !filepath.IsAbs(p) {
			paths[i] = filepath.Join(dir, p)
		}
	}
	return paths, nil
}

// cut are the values of a call without its person.
func (c *personCall) cut(numbers []string) []any {
	from, to := c.from, c.to
	outgoing := c.direction == DirectionOut
	if c.own && !outgoing || slices.Contains(numbers, from) {
		from = ""
	}
	if c.own && outgoing || slices.Contains(numbers, to) {
		to = ""
	}
	return []any{c.id, from, to, from != "", numberGrams(from, to)}
}

func count(ctx context.Context, tx pgx.Tx, counts map[string]int64, table, sql string, args ...any) error {
	tag, err := tx.Exec(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	if n := tag.RowsAffected(); n > 0 {
		counts[table] += n
	}
	return nil
}

// mentions are what was said in any call that has one of the numbers in it as digits.
const mentions = `select id, text from utterances where words @@ phraseto_tsquery('english', $1) and (strpos(text, $1) > 0 or strpos(raw, $1) > 0)`

// digitsOnly are the numbers as they are said, without +.
func digitsOnly(numbers []string) []string {
	out := []string{}
	for _, n := range numbers {
		if n = strings.TrimPrefix(n, "+"); !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b string) int { return len(b) - len(a) }) // the longest first: they hold the shorter ones
	return out
}

// eraseMentions cuts numbers out of what others said. Such an utterance loses its words one by one, which
// hold the number too.
func (s *Store) eraseMentions(ctx context.Context, tx pgx.Tx, numbers []string, counts map[string]int64) error {
	digits := digitsOnly(numbers)
	for _, n := range digits {
		rows, err := tx.Query(ctx, mentions, n)
		if err != nil {
			return fmt.Errorf("mentions: %w", err)
		}
		type said struct {
			ID   int64
			Text string
		}
		all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[said])
		if err != nil {
			return fmt.Errorf("mentions: %w", err)
		}
		for _, u := range all {
			text := u.Text
			for _, d := range digits {
				text = strings.ReplaceAll(text, d, "****")
			}
			if err := count(ctx, tx, counts, "utterances", `update utterances set text = $2, raw = '', word_text = '{}', word_start_ms = '{}', word_end_ms = '{}', word_conf = '{}', spans = '{}',
				grams = $3, words = to_tsvector('english', $4) where id = $1`, u.ID, text, textGrams(text), withoutHan(text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// PersonHits searches for a person in tx as ErasePerson does and tells what it finds, by table.
func (s *Store) PersonHits(ctx context.Context, tx pgx.Tx, contacts []int64, numbers []string) (map[string]int64, error) {
	calls, err := s.personCalls(ctx, tx, contacts, numbers)
	if err != nil {
		return nil, fmt.Errorf("find the calls: %w", err)
	}
	hits := map[string]int64{"calls": int64(len(calls))}
	for _, n := range digitsOnly(numbers) {
		var found int64
		if err := tx.QueryRow(ctx, `select count(*) from (`+mentions+`) m`, n).Scan(&found); err != nil {
			return nil, fmt.Errorf("mentions: %w", err)
		}
		hits["utterances"] += found
	}
	return hits, nil
}
