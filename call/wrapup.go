package call

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// ErrWrapUp says what is wrong with a wrap-up or a disposition as it was given.
var ErrWrapUp = errors.New("not a wrap-up")

// Limits of a wrap-up, in characters.
const (
	maxNotes = 8000
	maxTags  = 20
	maxTag   = 64
)

// Disposition is one outcome that an agent may choose after a call.
type Disposition struct {
	Code    string   `json:"code" pattern:"^[a-z0-9][a-z0-9_-]{0,63}$"`
	Queues  []string `json:"queues" nullable:"false" doc:"it is offered in; empty: in all"`
	NameZH  string   `json:"name_zh" minLength:"1" maxLength:"100"`
	NameEN  string   `json:"name_en" minLength:"1" maxLength:"100"`
	Order   int      `json:"order" minimum:"0" maximum:"10000"`
	Retired bool     `json:"retired,omitempty" doc:"no longer offered; records keep it"`
}

// WrapUp is what one agent wrote down about a call.
type WrapUp struct {
	CallID      string     `json:"call_id"`
	By          string     `json:"by" doc:"user name"`
	Disposition string     `json:"disposition" doc:"code, empty when none was chosen"`
	Notes       string     `json:"notes"`
	Tags        []string   `json:"tags" nullable:"false"`
	FollowUpAt  *time.Time `json:"follow_up_at,omitempty"`
	UpdatedAt   time.Time  `json:"updated_at"`
}

// WrapUpItem is the payload of call.wrapped_up: notes stay in the record.
type WrapUpItem struct {
	By          string     `json:"by"`
	Disposition string     `json:"disposition"`
	Tags        []string   `json:"tags" nullable:"false"`
	FollowUpAt  *time.Time `json:"follow_up_at,omitempty"`
}

var dispositionForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// tidy trims w and says what is wrong with it.
func (w *WrapUp) tidy() error {
	w.Notes = storable(strings.TrimSpace(w.Notes))
	if utf8.RuneCountInString(w.Notes) > maxNotes {
		return fmt.Errorf("%w: notes are longer than %d characters", ErrWrapUp, maxNotes)
	}
	tags := []string{}
	for _, t := range w.Tags {
		t = storable(strings.TrimSpace(t))
		switch {
		case t == "" || slices.Contains(tags, t):
			continue
		case utf8.RuneCountInString(t) > maxTag:
			return fmt.Errorf("%w: a tag is longer than %d characters", ErrWrapUp, maxTag)
		}
		tags = append(tags, t)
	}
	if len(tags) > maxTags {
		return fmt.Errorf("%w: more than %d tags", ErrWrapUp, maxTags)
	}
	w.Tags = tags
	return nil
}

// PutWrapUp writes, in tx, what an agent has to say about a call; the same agent's
// earlier words are replaced. The disposition must be one that the call's queue
// offers, or the one that stands there already. ErrWrapUp, pg.ErrNotFound.
func (s *Store) PutWrapUp(ctx context.Context, tx pgx.Tx, w WrapUp) (WrapUp, error) {
	if !validID(w.CallID) {
		return w, wrap(w.CallID, "wrap-up", pg.ErrNotFound)
	}
	if err := w.tidy(); err != nil {
		return w, err
	}
	var offered bool
	err := tx.QueryRow(ctx, `select $2 = '' or exists (select 1 from dispositions d where d.code = $2 and not d.retired and (d.queues = '{}' or c.queue = any(d.queues)))
		or exists (select 1 from wrap_ups w where w.call_id = c.id and w.username = $3 and w.disposition = $2)
		from calls c where c.id = $1`, w.CallID, w.Disposition, w.By).Scan(&offered)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return w, wrap(w.CallID, "wrap-up", pg.ErrNotFound)
	case err != nil:
		return w, wrap(w.CallID, "wrap-up", err)
	case !offered:
		return w, fmt.Errorf("%w: the call's queue has no such disposition", ErrWrapUp)
	}
	err = tx.QueryRow(ctx, `insert into wrap_ups (call_id, username, disposition, notes, tags, follow_up_at) values ($1, $2, $3, $4, $5, $6)
		on conflict (call_id, username) do update set disposition = $3, notes = $4, tags = $5, follow_up_at = $6, updated_at = now() returning updated_at`,
		w.CallID, w.By, w.Disposition, w.Notes, w.Tags, w.FollowUpAt).Scan(&w.UpdatedAt)
	return w, wrap(w.CallID, "wrap-up", err)
}

const wrapUpColumns = `call_id::text, username, disposition, notes, tags, follow_up_at, updated_at`

func scanWrapUp(row pgx.CollectableRow) (WrapUp, error) {
	var w WrapUp
	err := row.Scan(&w.CallID, &w.By, &w.Disposition, &w.Notes, &w.Tags, &w.FollowUpAt, &w.UpdatedAt)
	return w, err
}

// WrapUps are what agents wrote about a call, the newest first.
func (s *Store) WrapUps(ctx context.Context, id string) ([]WrapUp, error) {
	if !validID(id) {
		return nil, wrap(id, "wrap-ups", pg.ErrNotFound)
	}
	all, err := pg.Rows(ctx, s.db, scanWrapUp, `select `+wrapUpColumns+` from wrap_ups where call_id = $1 order by updated_at desc, username`, id)
	return all, wrap(id, "wrap-ups", err)
}

// FollowUps are what an agent, or everybody when by is empty, has promised to come back to before until, the most urgent first, at most limit.
func (s *Store) FollowUps(ctx context.Context, by string, until time.Time, limit int) ([]WrapUp, error) {
	w := &conditions{}
	w.add(`follow_up_at is not null and follow_up_at < ?`, until)
	if by != "" {
		w.add(`username = ?`, by)
	}
	w.ofSeenCalls(ctx, team.Calls, "wrap_ups.call_id")
	all, err := pg.Rows(ctx, s.db, scanWrapUp, `select `+wrapUpColumns+` from wrap_ups`+w.String()+fmt.Sprintf(` order by follow_up_at limit %d`, limit), w.args...)
	return all, named("follow-ups of", by, err)
}

// TookPart tells whether a user had a leg in an ended call, or was its agent.
func (s *Store) TookPart(ctx context.Context, id, user string) (bool, error) {
	if !validID(id) || user == "" {
		return false, nil
	}
	ok, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select 1 from legs where call_id = $1 and user_name = $2 and role <> 'supervisor')
		or exists (select 1 from calls where id = $1 and agent = $2)`, id, user)
	return ok, wrap(id, "took part", err)
}

const dispositionColumns = `code, queues, name_zh, name_en, ord, retired`

func scanDisposition(row pgx.CollectableRow) (Disposition, error) {
	var d Disposition
	err := row.Scan(&d.Code, &d.Queues, &d.NameZH, &d.NameEN, &d.Order, &d.Retired)
	return d, err
}

// Dispositions are those offered in a queue, in order; all of them, retired ones too, when queue is empty and all is set.
func (s *Store) Dispositions(ctx context.Context, queue string, all bool) ([]Disposition, error) {
	list, err := pg.Rows(ctx, s.db, scanDisposition, `select `+dispositionColumns+` from dispositions
		where $2 or (not retired and (queues = '{}' or $1 = any(queues))) order by ord, code`, queue, all)
	return list, named("dispositions of", queue, err)
}

// PutDisposition adds or changes one, in tx. ErrWrapUp, or pg.ErrNotFound for a queue that is not there.
func (s *Store) PutDisposition(ctx context.Context, tx pgx.Tx, d Disposition) error {
	d.NameZH, d.NameEN = storable(strings.TrimSpace(d.NameZH)), storable(strings.TrimSpace(d.NameEN))
	if !dispositionForm.MatchString(d.Code) || d.NameZH == "" || d.NameEN == "" || len(d.Queues) > 200 {
		return fmt.Errorf("%w: a disposition needs a code of small letters, digits, _ and -, a Chinese and an English name, and at most 200 queues", ErrWrapUp)
	}
	if d.Queues == nil {
		d.Queues = []string{}
	}
	var known int
	if err := tx.QueryRow(ctx, `select count(*) from queues where id = any($1)`, d.Queues).Scan(&known); err != nil {
		return named("put disposition", d.Code, err)
	}
	if known != len(distinct(slices.Clone(d.Queues))) {
		return named("put disposition", d.Code+": queue", pg.ErrNotFound)
	}
	_, err := tx.Exec(ctx, `insert into dispositions (code, queues, name_zh, name_en, ord, retired) values ($1, $2, $3, $4, $5, $6)
		on conflict (code) do update set queues = $2, name_zh = $3, name_en = $4, ord = $5, retired = $6, updated_at = now()`,
		d.Code, d.Queues, d.NameZH, d.NameEN, d.Order, d.Retired)
	return named("put disposition", d.Code, err)
}

// DeleteDisposition takes away one that no record has; others are retired instead (pg.ErrConflict).
func (s *Store) DeleteDisposition(ctx context.Context, tx pgx.Tx, code string) error {
	var used bool
	if err := tx.QueryRow(ctx, `select exists (select 1 from wrap_ups where disposition = $1)`, code).Scan(&used); err != nil {
		return named("delete disposition", code, err)
	}
	if used {
		return named("delete disposition", code, pg.ErrConflict)
	}
	tag, err := tx.Exec(ctx, `delete from dispositions where code = $1`, code)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return named("delete disposition", code, err)
}

// named is wrap for what belongs to no call.
func named(what, name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", what, name, err)
}
