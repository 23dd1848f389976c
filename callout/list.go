package callout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
)

// Errors that callers branch on.
var (
	// ErrInvalid says what is wrong with a list or an entry as it was given.
	ErrInvalid = errors.New("not a list of calls")
	// ErrState says that what was asked does not fit the state of the list or the entry.
	ErrState = errors.New("that is not possible in this state of the list")
)

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrInvalid}, args...)...)
}

// Mode is how an agent comes to the call.
type Mode string

// The modes.
const (
	Preview     Mode = "preview"     // the agent sees who it is and why, then calls or skips
	Progressive Mode = "progressive" // the agent's telephone rings; when it is answered the customer is dialled
)

// State is where a list stands.
type State string

// The states of a list.
const (
	Running State = "running"
	Paused  State = "paused"
	Closed  State = "closed" // for good; it is deleted after Config.Keep
)

// Purposes are those for which somebody may be called.
var Purposes = []contact.Purpose{contact.PurposeService, contact.PurposeProactive, contact.PurposeMarketing}

// List is a list of calls to make and how they are made.
type List struct {
	ID       int64
	Name     string
	Note     string // shown to agents
	Queue    queue.QueueID
	Mode     Mode
	State    State
	Urgency  queue.Urgency // of the entries beside other work of their agents
	Language string        // that agents must speak; empty is any
	// Purpose is looked up in the ledger of consents: somebody who refused it is not called. Without a word of
	// theirs people are called for service, and for nothing else.
	Purpose   contact.Purpose
	Attempts  int           // tries for each entry, 1 to 20
	Busy      time.Duration // until the next try when the line was busy or the call was declined
	NoAnswer  time.Duration // when nobody answered
	Failed    time.Duration // when there was no way there
	Look      time.Duration // how long an agent may look at an entry of a Preview list
	Until     time.Time     // nobody is called from then on; zero for ever
	CreatedBy string
	CreatedAt time.Time
	UpdatedAt time.Time
	ClosedAt  time.Time
	Counts    map[EntryState]int // entries by state; of Get and Lists only
}

// WithDefaults fills in what is zero.
func (l List) WithDefaults() List {
	or(&l.Mode, Preview)
	or(&l.State, Paused)
	or(&l.Purpose, contact.PurposeService)
	or(&l.Attempts, 3)
	or(&l.Busy, 15*time.Minute)
	or(&l.NoAnswer, 2*time.Hour)
	or(&l.Failed, time.Hour)
	or(&l.Look, time.Minute)
	return l
}

func or[T comparable](v *T, otherwise T) {
	if *v == *new(T) {
		*v = otherwise
	}
}

const (
	maxName  = 200 // characters, as the next ones
	maxNote  = 2000
	mostTry  = 20
	longest  = 30 * 24 * time.Hour // of a pause
	maxLists = 500                 // that are not closed
)

func (l *List) check() error {
	l.Name, l.Note = strings.TrimSpace(l.Name), strings.TrimSpace(l.Note)
	switch {
	case l.Name == "" || utf8.RuneCountInString(l.Name) > maxName:
		return invalid("a name has 1 to %d characters", maxName)
	case utf8.RuneCountInString(l.Note) > maxNote:
		return invalid("a note has at most %d characters", maxNote)
	case l.Queue == "":
		return invalid("it needs a queue")
	case l.Mode != Preview && l.Mode != Progressive:
		return invalid("the mode is preview or progressive")
	case l.State != Running && l.State != Paused && l.State != Closed:
		return invalid("it is running, paused or closed")
	case l.Urgency > queue.Urgent:
		return invalid("there is no such urgency")
	case len(l.Language) > 16:
		return invalid("a language has at most 16 bytes")
	case !slices.Contains(Purposes, l.Purpose):
		return invalid("people are called for %v", Purposes)
	case l.Attempts < 1 || l.Attempts > mostTry:
		return invalid("each entry is tried 1 to %d times", mostTry)
	case l.Look < queue.LeastPreview || l.Look > queue.MostPreview:
		return invalid("an agent may look for %v to %v", queue.LeastPreview, queue.MostPreview)
	}
	for _, pause := range []time.Duration{l.Busy, l.NoAnswer, l.Failed} {
		if pause < time.Second || pause > longest {
			return invalid("a pause is between a second and %d days", int(longest.Hours()/24))
		}
	}
	return nil
}

// Store keeps lists in PostgreSQL. Errors are ErrInvalid, ErrState, pg.ErrNotFound, pg.ErrConflict,
// pg.ErrUnavailable or others wrapped as they are. Safe for concurrent use.
type Store struct {
	db     *pg.DB
	region string // of numbers without a country
}

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB, region string) *Store { return &Store{db, region} }

const listColumns = `l.id, l.name, l.note, l.queue_id, l.mode, l.state, l.urgency, l.language, l.purpose, l.attempts, l.busy_s, l.no_answer_s, l.failed_s, l.preview_s, l.until, l.created_by, l.created_at, l.updated_at, l.closed_at`

func scanList(row pgx.CollectableRow) (List, error) {
	var l List
	var urgency string
	var busy, noAnswer, failed, look int
	var until, closed *time.Time
	err := row.Scan(&l.ID, &l.Name, &l.Note, &l.Queue, &l.Mode, &l.State, &urgency, &l.Language, &l.Purpose, &l.Attempts, &busy, &noAnswer, &failed, &look, &until, &l.CreatedBy, &l.CreatedAt, &l.UpdatedAt, &closed)
	if err == nil {
		err = l.Urgency.UnmarshalText([]byte(urgency))
	}
	l.Busy, l.NoAnswer, l.Failed, l.Look = seconds(busy), seconds(noAnswer), seconds(failed), seconds(look)
	l.Until, l.ClosedAt, l.CreatedAt, l.UpdatedAt = pg.Moment(until), pg.Moment(closed), l.CreatedAt.UTC(), l.UpdatedAt.UTC()
	return l, err
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// Lists are all lists, the newest first, with their counts.
func (s *Store) Lists(ctx context.Context) ([]List, error) {
	all, err := pg.Rows(ctx, s.db, scanList, `select `+listColumns+` from call_lists l order by l.id desc limit 1000`)
	if err != nil {
		return nil, fmt.Errorf("lists of calls: %w", err)
	}
	ids, at := make([]int64, len(all)), make(map[int64]int, len(all))
	for i := range all {
		ids[i], at[all[i].ID], all[i].Counts = all[i].ID, i, map[EntryState]int{}
	}
	type count struct {
		List  int64
		State EntryState
		N     int
	}
	counts, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[count], `select list_id, state, count(*) from call_list_entries where list_id = any($1) group by 1, 2`, ids)
	if err != nil {
		return nil, fmt.Errorf("lists of calls: %w", err)
	}
	for _, c := range counts {
		all[at[c.List]].Counts[c.State] = c.N
	}
	return all, nil
}

// Get is one list with its counts.
func (s *Store) Get(ctx context.Context, id int64) (List, error) {
	l, err := pg.Row(ctx, s.db, scanList, `select `+listColumns+` from call_lists l where l.id = $1`, id)
	if err != nil {
		return l, fmt.Errorf("list of calls %d: %w", id, err)
	}
	type count struct {
		State EntryState
		N     int
	}
	counts, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[count], `select state, count(*) from call_list_entries where list_id = $1 group by 1`, id)
	l.Counts = make(map[EntryState]int, len(counts))
	for _, c := range counts {
		l.Counts[c.State] = c.N
	}
	return l, err
}

// lock reads a list and holds it until tx ends.
func lock(ctx context.Context, tx pgx.Tx, id int64) (List, error) {
	l, err := pg.TxRow(ctx, tx, scanList, `select `+listColumns+` from call_lists l where l.id = $1 for update`, id)
	if err != nil {
		return l, fmt.Errorf("list of calls %d: %w", id, err)
	}
	return l, nil
}

// Create makes a list; by is who.
func (s *Store) Create(ctx context.Context, tx pgx.Tx, l List, by string) (List, error) {
	l = l.WithDefaults()
	if err := l.check(); err != nil {
		return l, err
	}
	if l.State == Closed {
		return l, invalid("a list begins running or paused")
	}
	var open int
	if err := tx.QueryRow(ctx, `select count(*) from call_lists where state <> 'closed'`).Scan(&open); err != nil {
		return l, pg.Map(err)
	}
	if open >= maxLists {
		return l, fmt.Errorf("%w: there are %d lists that are not closed", ErrState, open)
	}
	out, err := pg.TxRow(ctx, tx, scanList, `insert into call_lists as l (name, note, queue_id, mode, state, urgency, language, purpose, attempts, busy_s, no_answer_s, failed_s, preview_s, until, created_by)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) returning `+listColumns, append(l.values(), by)...)
	return out, noQueue(err, l.Queue)
}

func (l *List) values() []any {
	in := func(d time.Duration) int { return int(d / time.Second) }
	return []any{l.Name, l.Note, l.Queue, l.Mode, l.State, l.Urgency.String(), l.Language, l.Purpose, l.Attempts, in(l.Busy), in(l.NoAnswer), in(l.Failed), in(l.Look), pg.OrNull(l.Until)}
}

// noQueue says which queue is not there.
func noQueue(err error, q queue.QueueID) error {
	if err != nil && strings.Contains(err.Error(), "call_lists_queue_id_fkey") {
		return fmt.Errorf("queue %q: %w", q, queue.ErrNoQueue)
	}
	return err
}

// Change changes a list by what change does to it. A closed list stays as it is. What lies in a queue keeps the
// settings that it went there with.
func (s *Store) Change(ctx context.Context, tx pgx.Tx, id int64, change func(*List) error) (List, error) {
	l, err := lock(ctx, tx, id)
	if err != nil {
		return l, err
	}
	if l.State == Closed {
		return l, fmt.Errorf("%w: it is closed", ErrState)
	}
	if err := change(&l); err != nil {
		return l, err
	}
	if err := l.check(); err != nil {
		return l, err
	}
	out, err := pg.TxRow(ctx, tx, scanList, `update call_lists l set name = $1, note = $2, queue_id = $3, mode = $4, state = $5, urgency = $6, language = $7, purpose = $8, attempts = $9, busy_s = $10, no_answer_s = $11,
		failed_s = $12, preview_s = $13, until = $14, updated_at = now(), closed_at = case when $5 = 'closed' then now() end where l.id = $15 returning `+listColumns, append(l.values(), id)...)
	return out, noQueue(err, l.Queue)
}

// Delete takes a list away with all that is known of its entries; ErrState while it runs or somebody is being called.
func (s *Store) Delete(ctx context.Context, tx pgx.Tx, id int64) error {
	l, err := lock(ctx, tx, id)
	if err != nil {
		return err
	}
	if l.State == Running {
		return fmt.Errorf("%w: pause it first", ErrState)
	}
	var queued bool
	if err := tx.QueryRow(ctx, `select exists (select from call_list_entries where list_id = $1 and state = 'queued')`, id).Scan(&queued); err != nil {
		return pg.Map(err)
	}
	if queued {
		return fmt.Errorf("%w: somebody of it is being called", ErrState)
	}
	_, err = tx.Exec(ctx, `delete from call_lists where id = $1`, id)
	return pg.Map(err)
}
