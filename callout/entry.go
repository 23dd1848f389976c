package callout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
)

// EntryState is where an entry stands.
type EntryState string

// The states of an entry.
const (
	Pending   EntryState = "pending"   // waits for its turn, or for its next try
	Queued    EntryState = "queued"    // in its queue, with an agent, or being called
	Done      EntryState = "done"      // answered
	Unreached EntryState = "unreached" // all tries are used up
	Skipped   EntryState = "skipped"   // by an agent, for good
	Refused   EntryState = "refused"   // the person does not want to be called
	Cancelled EntryState = "cancelled" // by somebody's order
)

// EntryStates are all of them, in the order in which they are shown.
var EntryStates = []EntryState{Pending, Queued, Done, Unreached, Skipped, Refused, Cancelled}

// DoNotCall is the outcome of an entry that the ledger of consents, or the person, forbids to call.
const DoNotCall = "do_not_call"

// Person is somebody of a list as it is given.
type Person struct {
	Number  string
	Name    string
	Note    string            // why, for the agent
	Data    map[string]string // of the house's own, shown to the agent
	Contact int64             // 0: whoever has the number
	Source  string            // "call:ID" or "callback:ID"
}

// Entry is somebody of a list.
type Entry struct {
	ID        int64
	List      int64
	Number    string // E.164 where it can be read so, otherwise the digits
	Name      string
	Note      string
	Data      map[string]string
	Contact   int64
	Source    string
	State     EntryState
	Outcome   string // of the last try
	Attempts  int    // tries that counted
	Round     int
	Work      queue.WorkID // while Queued
	NotBefore time.Time
	CreatedAt time.Time
	UpdatedAt time.Time
	Last      *Attempt // the newest; of Entries only
}

// Attempt is one try at an entry.
type Attempt struct {
	ID          int64
	Work        queue.WorkID
	Agent       queue.AgentID
	AgentName   string
	Call        string // id of the record, empty when nobody was called
	Outcome     string // as call.Reached, "skipped"; empty while it goes on
	Reason      string // of one who skipped it
	Note        string
	At          time.Time
	EndedAt     time.Time
	Disposition string // that the agent chose afterwards
}

const (
	maxData      = 20 // fields of Person.Data
	maxKey       = 60 // characters, as the next one
	maxValue     = 300
	MostAtOnce   = 1000    // people in one Add
	MostEntries  = 100_000 // of a list
	maxEntryNote = 1000
)

// check tidies a person and brings the number into its one form.
func (p *Person) check(region string) error {
	number, err := contact.Normalise(contact.KindPhone, p.Number, region)
	if err != nil {
		return invalid("%q is no number that can be called", short(p.Number))
	}
	p.Number, p.Name, p.Note = number, clean(p.Name), clean(p.Note)
	switch {
	case utf8.RuneCountInString(p.Name) > maxName:
		return invalid("a name has at most %d characters", maxName)
	case utf8.RuneCountInString(p.Note) > maxEntryNote:
		return invalid("a note has at most %d characters", maxEntryNote)
	case len(p.Data) > maxData:
		return invalid("there are more than %d fields", maxData)
	case len(p.Source) > 200:
		return invalid("a source has at most 200 bytes")
	}
	data := make(map[string]string, len(p.Data))
	for _, key := range slices.Sorted(maps.Keys(p.Data)) {
		k, v := clean(key), clean(p.Data[key])
		if k == "" || v == "" {
			continue
		}
		if utf8.RuneCountInString(k) > maxKey || utf8.RuneCountInString(v) > maxValue {
			return invalid("a field has at most %d characters in its name and %d in its value", maxKey, maxValue)
		}
		data[k] = v
	}
	p.Data = data
	return nil
}

// short is the begin of what was given, for an error.
func short(s string) string {
	if r := []rune(clean(s)); len(r) > 30 {
		return string(r[:30]) + "…"
	}
	return clean(s)
}

// clean is text as it can be kept.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
}

// Added is what became of people who were given.
type Added struct {
	Added int
	There int // numbers that are in the list already
}

// Add puts people into a list that is not closed. A number that is in it already stays as it is.
func (s *Store) Add(ctx context.Context, tx pgx.Tx, list int64, people []Person) (Added, error) {
	var out Added
	if len(people) == 0 || len(people) > MostAtOnce {
		return out, invalid("give 1 to %d people at once", MostAtOnce)
	}
	l, err := lock(ctx, tx, list)
	if err != nil {
		return out, err
	}
	if l.State == Closed {
		return out, fmt.Errorf("%w: it is closed", ErrState)
	}
	for i := range people {
		if err := people[i].check(s.region); err != nil {
			return out, fmt.Errorf("person %d: %w", i+1, err)
		}
	}
	return s.add(ctx, tx, list, people)
}

// add puts checked people in.
func (s *Store) add(ctx context.Context, tx pgx.Tx, list int64, people []Person) (Added, error) {
	var out Added
	var have int
	if err := tx.QueryRow(ctx, `select count(*) from call_list_entries where list_id = $1`, list).Scan(&have); err != nil {
		return out, pg.Map(err)
	}
	if have+len(people) > MostEntries {
		return out, fmt.Errorf("%w: a list has at most %d entries", ErrState, MostEntries)
	}
	batch := &pgx.Batch{}
	for i := range people {
		p := &people[i]
		batch.Queue(`insert into call_list_entries (list_id, number, name, note, data, contact_id, source, not_before)
			values ($1, $2, $3, $4, $5, coalesce((select root from contacts where id = $6), (select k.root from contact_identities i join contacts k on k.id = i.contact_id
				where i.kind = 'phone' and i.account = '' and i.value = $2 and (i.verified or i.carried) limit 1)), $7, now()) on conflict (list_id, number) do nothing`,
			list, p.Number, p.Name, p.Note, p.Data, p.Contact, p.Source)
	}
	res := tx.SendBatch(ctx, batch)
	for i := range people {
		tag, err := res.Exec()
		if err != nil {
			return out, errors.Join(fmt.Errorf("person %d: %w", i+1, pg.Map(err)), res.Close())
		}
		out.Added += int(tag.RowsAffected())
	}
	out.There = len(people) - out.Added
	return out, pg.Map(res.Close())
}

// EntryFilter chooses entries; what is zero does not matter.
type EntryFilter struct {
	State EntryState
	Text  string // part of the number or the name
	After int64  // the id of the last entry of the page before
	Limit int    // 1 to 500
}

const entryColumns = `e.id, e.list_id, e.number, e.name, e.note, e.data, coalesce(e.contact_id, 0), e.source, e.state, e.outcome, e.attempts, e.round, coalesce(e.work_id, ''), e.not_before, e.created_at, e.updated_at`

func (e *Entry) fields() []any {
	return []any{&e.ID, &e.List, &e.Number, &e.Name, &e.Note, &e.Data, &e.Contact, &e.Source, &e.State, &e.Outcome, &e.Attempts, &e.Round, &e.Work, &e.NotBefore, &e.CreatedAt, &e.UpdatedAt}
}

func scanEntry(row pgx.CollectableRow) (Entry, error) {
	var e Entry
	err := row.Scan(e.fields()...)
	return e, err
}

const attemptColumns = `a.id, a.work_id, coalesce(a.agent_id::text, ''), coalesce(u.username, ''), coalesce(a.call_id::text, ''), a.outcome, a.reason, a.note, a.at, a.ended_at,
	coalesce((select w.disposition from wrap_ups w where w.call_id = a.call_id order by w.updated_at desc limit 1), '')`

func scanAttempt(row pgx.CollectableRow) (Attempt, error) {
	var a Attempt
	var ended *time.Time
	err := row.Scan(&a.ID, &a.Work, &a.Agent, &a.AgentName, &a.Call, &a.Outcome, &a.Reason, &a.Note, &a.At, &ended, &a.Disposition)
	a.At, a.EndedAt = a.At.UTC(), pg.Moment(ended)
	return a, err
}

// Entries are entries of a list, in their order, each with its newest attempt.
func (s *Store) Entries(ctx context.Context, list int64, f EntryFilter) ([]Entry, error) {
	if f.Limit < 1 || f.Limit > 500 {
		f.Limit = 100
	}
	text := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(clean(f.Text))
	all, err := pg.Rows(ctx, s.db, scanEntry, `select `+entryColumns+` from call_list_entries e where e.list_id = $1 and e.id > $2 and ($3 = '' or e.state = $3)
		and ($4 = '' or e.number like '%' || $4 || '%' or e.name ilike '%' || $4 || '%') order by e.id limit $5`, list, f.After, string(f.State), text, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("entries of list %d: %w", list, err)
	}
	return all, s.addLast(ctx, all)
}

// addLast gives entries their newest attempts.
func (s *Store) addLast(ctx context.Context, all []Entry) error {
	ids, at := make([]int64, len(all)), make(map[int64]int, len(all))
	for i := range all {
		ids[i], at[all[i].ID] = all[i].ID, i
	}
	type last struct {
		entry int64
		Attempt
	}
	found, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (last, error) {
		var l last
		var ended *time.Time
		err := row.Scan(&l.entry, &l.ID, &l.Work, &l.Agent, &l.AgentName, &l.Call, &l.Outcome, &l.Reason, &l.Note, &l.At, &ended, &l.Disposition)
		l.At, l.EndedAt = l.At.UTC(), pg.Moment(ended)
		return l, err
	}, `select a.entry_id, `+attemptColumns+` from unnest($1::bigint[]) x (id) cross join lateral (select * from call_list_attempts where entry_id = x.id order by id desc limit 1) a left join users u on u.id = a.agent_id`, ids)
	if err != nil {
		return fmt.Errorf("attempts: %w", err)
	}
	for i := range found {
		all[at[found[i].entry]].Last = &found[i].Attempt
	}
	return nil
}

// Entry is one entry with all its attempts, the oldest first.
func (s *Store) Entry(ctx context.Context, list, id int64) (Entry, []Attempt, error) {
	e, err := pg.Row(ctx, s.db, scanEntry, `select `+entryColumns+` from call_list_entries e where e.id = $1 and e.list_id = $2`, id, list)
	if err != nil {
		return e, nil, fmt.Errorf("entry %d: %w", id, err)
	}
	all, err := s.attempts(ctx, id)
	return e, all, err
}

func (s *Store) attempts(ctx context.Context, entry int64) ([]Attempt, error) {
	all, err := pg.Rows(ctx, s.db, scanAttempt, `select `+attemptColumns+` from call_list_attempts a left join users u on u.id = a.agent_id where a.entry_id = $1 order by a.id limit 100`, entry)
	if err != nil {
		return nil, fmt.Errorf("attempts: %w", err)
	}
	return all, nil
}

// Again lets an entry that is over be tried once more from the beginning.
func (s *Store) Again(ctx context.Context, tx pgx.Tx, list, id int64) error {
	l, err := lock(ctx, tx, list)
	if err != nil {
		return err
	}
	if l.State == Closed {
		return fmt.Errorf("%w: it is closed", ErrState)
	}
	return s.move(ctx, tx, list, id, `state = 'pending', attempts = 0, not_before = now(), outcome = ''`, `state not in ('pending', 'queued')`)
}

// cancel takes an entry that is not in a queue out.
func (s *Store) cancel(ctx context.Context, tx pgx.Tx, list, id int64) error {
	return s.move(ctx, tx, list, id, `state = 'cancelled', work_id = null`, `state in ('pending', 'queued')`)
}

func (s *Store) move(ctx context.Context, tx pgx.Tx, list, id int64, set, where string) error {
	tag, err := tx.Exec(ctx, `update call_list_entries set `+set+`, updated_at = now() where id = $1 and list_id = $2 and `+where, id, list)
	if err != nil || tag.RowsAffected() > 0 {
		return pg.Map(err)
	}
	var there bool
	if err := tx.QueryRow(ctx, `select exists (select from call_list_entries where id = $1 and list_id = $2)`, id, list).Scan(&there); err != nil {
		return pg.Map(err)
	}
	if !there {
		return fmt.Errorf("entry %d: %w", id, pg.ErrNotFound)
	}
	return ErrState
}

// Shown is what an agent sees of an entry before calling: the Data of its work.
type Shown struct {
	List     int64             `json:"list"`
	ListName string            `json:"list_name"`
	ListNote string            `json:"list_note,omitempty"`
	Mode     Mode              `json:"mode"`
	Entry    int64             `json:"entry"`
	Name     string            `json:"name,omitempty"`
	Note     string            `json:"note,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	Contact  int64             `json:"contact,omitempty"`
	Source   string            `json:"source,omitempty"`
	Attempts int               `json:"attempts,omitempty"`
	Outcome  string            `json:"outcome,omitempty"`
	Of       int               `json:"of"` // attempts at most
}

// show is what an agent sees, as JSON that fits into queue.Work.Data: fields are left out when it is too long.
func show(l *List, e *Entry) json.RawMessage {
	s := Shown{List: l.ID, ListName: l.Name, ListNote: l.Note, Mode: l.Mode, Entry: e.ID, Name: e.Name, Note: e.Note, Data: e.Data, Contact: e.Contact, Source: e.Source, Attempts: e.Attempts, Outcome: e.Outcome, Of: l.Attempts}
	doc, _ := json.Marshal(s) // texts and numbers
	if len(doc) > 15<<10 {
		s.Data, s.ListNote = nil, ""
		doc, _ = json.Marshal(s)
	}
	return doc
}
