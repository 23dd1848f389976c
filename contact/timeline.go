package contact

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Entry is one thing that happened with a person.
type Entry struct {
	Kind string    `json:"kind"` // "call", "note", "consent", "merge", ...
	ID   string    `json:"id"`   // of the thing within its kind
	At   time.Time `json:"at"`   // microseconds, as PostgreSQL keeps it
	Data any       `json:"data"` // what its kind shows, encodes to JSON
}

// Place is where a page of the timeline ends: the next page has entries that lie behind it.
type Place struct {
	At   time.Time
	Kind string
	ID   string
}

// behind tells whether an entry comes after the place in a timeline, which goes from the newest to the oldest.
func (p Place) behind(e *Entry) bool {
	return p.At.IsZero() || compare(e, &Entry{At: p.At, Kind: p.Kind, ID: p.ID}) > 0
}

// compare orders a timeline: newest first, then by kind and id downwards.
func compare(a, b *Entry) int {
	return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Kind, a.Kind), cmp.Compare(b.ID, a.ID))
}

// Source brings the entries of one noun to the timeline.
type Source interface {
	// Entries are those of the given contacts at or before the time, or all when it is zero: the newest
	// first, within one moment by id downwards, at most limit. Entries of the very moment may be given again.
	Entries(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error)
}

// SourceFunc is a Source that is a function.
type SourceFunc func(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error)

// Entries implements Source.
func (f SourceFunc) Entries(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error) {
	return f(ctx, ids, until, limit)
}

// Noun is what a package that has rows of people brings along; nil parts are none.
type Noun struct {
	Name     string // "calls", "tickets"; stands in exports and proofs
	Source   Source
	Eraser   Eraser
	Exporter Exporter
}

// Register adds a noun. Call it before the store is used.
func (s *Store) Register(n Noun) { s.nouns = append(s.nouns, n) }

// sameMoment is how many entries of one microsecond are looked through.
const sameMoment = 64

// Timeline is a page of everything that happened with a person on any channel,
// newest first, and the cursor of the next page, empty on the last one. kinds, when
// given, are the only ones shown.
func (s *Store) Timeline(ctx context.Context, id ID, cursor string, limit int, kinds []string) ([]Entry, string, error) {
	all, next, err := s.timeline(ctx, id, cursor, limit, kinds)
	if err != nil && err != ErrCursor {
		err = wrap(id, "timeline", err)
	}
	return all, next, err
}

func (s *Store) timeline(ctx context.Context, id ID, cursor string, limit int, kinds []string) ([]Entry, string, error) {
	var place Place
	if cursor != "" {
		var err error
		if place, err = parsePlace(cursor); err != nil {
			return nil, "", err
		}
	}
	ids, err := s.Family(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	all := []Entry{}
	for _, src := range append([]Source{SourceFunc(s.noteEntries), SourceFunc(s.consentEntries), SourceFunc(s.mergeEntries)}, s.sources()...) {
		part, err := src.Entries(ctx, ids, place.At, limit+1+sameMoment)
		if err != nil {
			return nil, "", err
		}
		for i := range part {
			if place.behind(&part[i]) && (len(kinds) == 0 || slices.Contains(kinds, part[i].Kind)) {
				all = append(all, part[i])
			}
		}
	}
	slices.SortFunc(all, func(a, b Entry) int { return compare(&a, &b) })
	if len(all) <= limit {
		return all, "", nil
	}
	all = all[:limit]
	last := all[limit-1]
	return all, Place{last.At, last.Kind, last.ID}.String(), nil
}

func (s *Store) sources() []Source {
	var out []Source
	for _, n := range s.nouns {
		if n.Source != nil {
			out = append(out, n.Source)
		}
	}
	return out
}

// String is the place as a cursor.
func (p Place) String() string {
	b, _ := json.Marshal([]any{p.At.UnixMicro(), p.Kind, p.ID}) // cannot fail
	return base64.RawURLEncoding.EncodeToString(b)
}

func parsePlace(s string) (Place, error) {
	if len(s) > 300 {
		return Place{}, ErrCursor
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return Place{}, ErrCursor
	}
	var micros int64
	var p Place
	parts := []any{&micros, &p.Kind, &p.ID}
	if err := json.Unmarshal(b, &parts); err != nil || len(parts) != 3 || strings.ContainsRune(p.Kind+p.ID, 0) {
		return Place{}, ErrCursor
	}
	p.At = time.UnixMicro(micros).UTC()
	if p.At.Year() < 1 || p.At.Year() > 9999 {
		return Place{}, ErrCursor
	}
	return p, nil
}

// untilOrEnd is the moment as a parameter: null is no bound.
func untilOrEnd(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// NoteData is what a note shows.
type NoteData struct {
	Text string `json:"text"`
	By   string `json:"by"`
}

func (s *Store) noteEntries(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error) {
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Entry, error) {
		e := Entry{Kind: "note"}
		var d NoteData
		err := row.Scan(&e.ID, &e.At, &d.Text, &d.By)
		e.At, e.Data = e.At.UTC(), d
		return e, err
	}, `select id::text, at, text, by from contact_notes where contact_id = any($1) and ($2::timestamptz is null or at <= $2) order by at desc, id::text desc limit $3`, ids, untilOrEnd(until), limit)
}

// ConsentData is what a line of the consent ledger shows.
type ConsentData struct {
	Purpose string `json:"purpose"`
	State   string `json:"state"`
	Notice  string `json:"notice"`
	Channel string `json:"channel"`
	Source  string `json:"source"`
	Proof   string `json:"proof"`
}

func (s *Store) consentEntries(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error) {
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Entry, error) {
		e := Entry{Kind: "consent"}
		var d ConsentData
		err := row.Scan(&e.ID, &e.At, &d.Purpose, &d.State, &d.Notice, &d.Channel, &d.Source, &d.Proof)
		e.At, e.Data = e.At.UTC(), d
		return e, err
	}, `select id::text, at, purpose, state, notice, channel, source, proof from consents where contact_id = any($1) and ($2::timestamptz is null or at <= $2)
		order by at desc, id::text desc limit $3`, ids, untilOrEnd(until), limit)
}

// MergeData is what a merge shows.
type MergeData struct {
	Survivor  ID     `json:"survivor"`
	Merged    ID     `json:"merged"`
	Automatic bool   `json:"automatic"`
	By        string `json:"by"`
	Undone    bool   `json:"undone"`
}

func (s *Store) mergeEntries(ctx context.Context, ids []ID, until time.Time, limit int) ([]Entry, error) {
	return pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Entry, error) {
		e := Entry{Kind: "merge"}
		var d MergeData
		err := row.Scan(&e.ID, &e.At, &d.Survivor, &d.Merged, &d.Automatic, &d.By, &d.Undone)
		e.At, e.Data = e.At.UTC(), d
		return e, err
	}, `select id::text, at, survivor, merged, automatic, by, undone_at is not null from contact_merges
		where survivor = any($1) and ($2::timestamptz is null or at <= $2) order by at desc, id::text desc limit $3`, ids, untilOrEnd(until), limit)
}
