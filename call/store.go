package call

import (
	"context"
	"time"

	"tingxin/pg"
)

// Store keeps calls, their legs and their words in PostgreSQL. Every method that
// writes may be repeated with the same values without harm, so a writer that is
// unsure whether the database heard it simply tries again. Errors are
// pg.ErrNotFound, pg.ErrConflict, pg.ErrUnavailable (try again later) or others
// wrapped as they are. Safe for concurrent use.
type Store struct {
	db *pg.DB
}

// NewStore makes a store over an open, migrated database.
func NewStore(db *pg.DB) *Store { return &Store{db: db} }

// Begin writes a new call down. A call that is already there stays as it is.
func (s *Store) Begin(ctx context.Context, r Record) error { return errUnbuilt }

// Answered sets the moment of the answer and makes a ringing call active.
func (s *Store) Answered(ctx context.Context, id string, at time.Time) error { return errUnbuilt }

// Update writes everything of a running call that may change: route, language,
// consent, recording, transcription, flow variables. An ended call stays as it is.
func (s *Store) Update(ctx context.Context, r Record) error { return errUnbuilt }

// AddUtterance writes one Final or gap. inserted is false when (CallID, Side,
// Seq) was there before. A call that does not exist gives pg.ErrNotFound.
func (s *Store) AddUtterance(ctx context.Context, u Utterance) (inserted bool, err error) {
	return false, errUnbuilt
}

// Finish writes the CDR in one transaction: the whole record and all legs. It
// makes the call when Begin was never heard. An ended call stays as it is,
// except that a real end replaces one made up at a restart (CauseRestart).
func (s *Store) Finish(ctx context.Context, r Record, legs []LegRecord) error { return errUnbuilt }

// SetTranscription sets how the words of one side come about; used when a
// deferred side is done after the call's end.
func (s *Store) SetTranscription(ctx context.Context, id, side, state string) error {
	return errUnbuilt
}

// SetRecording replaces what is known about the sound file, also after the end (a repaired file).
func (s *Store) SetRecording(ctx context.Context, id string, rec Recording) error { return errUnbuilt }

// Orphans are the calls of node that have not ended, oldest first: after a crash they need a CDR.
func (s *Store) Orphans(ctx context.Context, node string) ([]Record, error) { return nil, errUnbuilt }

// Deferred are ended calls with a kept recording and a side still to be
// recognised from it, oldest first, at most limit.
func (s *Store) Deferred(ctx context.Context, node string, limit int) ([]Record, error) {
	return nil, errUnbuilt
}

// Get is one call, or pg.ErrNotFound.
func (s *Store) Get(ctx context.Context, id string) (Record, error) { return Record{}, errUnbuilt }

// Legs are the legs of an ended call by number.
func (s *Store) Legs(ctx context.Context, id string) ([]LegRecord, error) { return nil, errUnbuilt }

// Utterances are all Finals and gaps of a call in call time.
func (s *Store) Utterances(ctx context.Context, id string) ([]Utterance, error) {
	return nil, errUnbuilt
}

// LastSeq is the greatest Seq of one side of a call, 0 when it has none.
func (s *Store) LastSeq(ctx context.Context, id, side string) (int, error) { return 0, errUnbuilt }

// Filter narrows List. Zero fields do not narrow.
type Filter struct {
	State        State
	From, To     string    // digits (or characters) anywhere in the number
	Since, Until time.Time // started at or after Since and before Until
	Trunk        string
	Query        string // words said in the call, "a phrase", -not, or part of a number
	Cursor       string // Page.Next of the page before
	Limit        int    // 1..200, 50 when zero
	Count        bool   // also count all matches (up to CountLimit)
}

// CountLimit is where counting of matches stops.
const CountLimit = 10000

// Page is one page of calls, newest first.
type Page struct {
	Items []Summary
	Next  string // cursor of the next page, empty on the last one
	Total int    // matches in all when asked for, at most CountLimit
}

// List is a page of calls. A cursor that is not ours gives ErrCursor.
func (s *Store) List(ctx context.Context, f Filter) (Page, error) { return Page{}, errUnbuilt }
