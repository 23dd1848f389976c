package contact

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Pick says whose value of a field the survivor of a merge gets.
type Pick string

// The picks. Without one a field takes the survivor's value, or the other's when the
// survivor has none; tags are joined; VIP is who either was.
const (
	PickSurvivor Pick = "survivor"
	PickMerged   Pick = "merged"
	PickBoth     Pick = "both" // tags only
)

// Names of the common fields in Picks; the house's own fields go by "fields." and their key.
const (
	FieldName     = "name"
	FieldLanguage = "language"
	FieldVIP      = "vip"
	FieldTags     = "tags"
	fieldPrefix   = "fields."
)

// Errors of merges.
var (
	// ErrMerge says why two contacts cannot be merged.
	ErrMerge = errors.New("these contacts cannot be merged")
	// ErrUndo says why a merge cannot be taken back.
	ErrUndo = errors.New("this merge cannot be taken back")
)

// profile is what a merge chooses from: all fields of a contact that a person can set.
type profile struct {
	Name     string         `json:"name"`
	Language string         `json:"language"`
	VIP      bool           `json:"vip"`
	Tags     []string       `json:"tags"`
	Fields   map[string]any `json:"fields"`
}

func (c *Contact) profile() profile {
	return profile{c.Name, c.Language, c.VIP, slices.Clone(c.Tags), maps.Clone(c.Fields)}
}

// MergeRow is one merge as it was done.
type MergeRow struct {
	ID        int64
	Survivor  ID
	Merged    ID
	Automatic bool // by a verified identity that both had
	By        string
	At        time.Time
	UndoUntil time.Time
	UndoneAt  time.Time // zero: it stands
	UndoneBy  string

	before, after profile
}

const mergeColumns = `id, survivor, merged, automatic, before, after, by, at, undo_until, undone_at, undone_by`

func scanMerge(row pgx.CollectableRow) (MergeRow, error) {
	var m MergeRow
	var undone *time.Time
	err := row.Scan(&m.ID, &m.Survivor, &m.Merged, &m.Automatic, &m.before, &m.after, &m.By, &m.At, &m.UndoUntil, &undone, &m.UndoneBy)
	m.UndoneAt = pg.Moment(undone)
	m.At, m.UndoUntil = m.At.UTC(), m.UndoUntil.UTC()
	return m, err
}

// Merges are those that the person consists of and those that were taken back, newest first.
func (s *Store) Merges(ctx context.Context, id ID) ([]MergeRow, error) {
	all, err := pg.Rows(ctx, s.db, scanMerge, `select `+mergeColumns+` from contact_merges
		where survivor in (select id from contacts where root = (select root from contacts where id = $1)) order by id desc limit 200`, id)
	return all, wrap(id, "merges", err)
}

// Merge makes two contacts one: merged points to survivor from now on and its
// identities, notes and history are the survivor's too, without being moved.
// picks choose whose fields remain. It is done in tx, with the caller's audit row.
func (s *Store) Merge(ctx context.Context, tx pgx.Tx, survivor, merged ID, picks map[string]Pick, by string) (MergeRow, error) {
	m, err := s.merge(ctx, tx, survivor, merged, picks, by, false)
	return m, wrap(survivor, fmt.Sprintf("merge %d into it", merged), err)
}

func (s *Store) merge(ctx context.Context, tx pgx.Tx, survivor, merged ID, picks map[string]Pick, by string, automatic bool) (MergeRow, error) {
	if survivor == merged {
		return MergeRow{}, fmt.Errorf("%w: they are the same", ErrMerge)
	}
	both, err := lockContacts(ctx, tx, survivor, merged)
	if err != nil {
		return MergeRow{}, err
	}
	a, b := both[survivor], both[merged]
	if err := mergeable(a, b); err != nil {
		return MergeRow{}, err
	}
	m := MergeRow{Survivor: survivor, Merged: merged, Automatic: automatic, By: clean(by, maxSource), At: s.now().UTC().Truncate(time.Microsecond), before: a.profile()}
	if m.after, err = choose(a.profile(), b.profile(), picks); err != nil {
		return MergeRow{}, err
	}
	m.UndoUntil = m.At.Add(s.cfg.undo())
	if _, err := tx.Exec(ctx, `update contacts set root = $1, merged_into = case id when $2 then $1 else merged_into end where root = $2`, survivor, merged); err != nil {
		return MergeRow{}, err
	}
	if err := setProfile(ctx, tx, survivor, m.after); err != nil {
		return MergeRow{}, err
	}
	err = tx.QueryRow(ctx, `insert into contact_merges (survivor, merged, automatic, before, after, by, at, undo_until)
		values ($1, $2, $3, $4, $5, $6, $7, $8) returning id`, m.Survivor, m.Merged, m.Automatic, m.before, m.after, m.By, m.At, m.UndoUntil).Scan(&m.ID)
	return m, err
}

// lockContacts reads contacts for a change, in the order of their ids so that two who merge at once do not block each other.
func lockContacts(ctx context.Context, tx pgx.Tx, ids ...ID) (map[ID]*Contact, error) {
	rows, err := tx.Query(ctx, `select `+columns+` from contacts where id = any($1) order by id for update`, ids)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, scanContact)
	if err != nil {
		return nil, err
	}
	out := make(map[ID]*Contact, len(all))
	for i := range all {
		out[all[i].ID] = &all[i]
	}
	for _, id := range ids {
		if out[id] == nil {
			return nil, pg.ErrNotFound
		}
	}
	return out, nil
}

func mergeable(a, b *Contact) error {
	for _, c := range []*Contact{a, b} {
		switch {
		case c.Merged():
			return fmt.Errorf("%w: %d is part of %d", ErrMerge, c.ID, c.Root)
		case !c.ErasedAt.IsZero():
			return fmt.Errorf("%w: %d was erased", ErrMerge, c.ID)
		}
	}
	return nil
}

// choose makes the survivor's fields.
func choose(a, b profile, picks map[string]Pick) (profile, error) {
	out := profile{Fields: map[string]any{}}
	for field, pick := range picks {
		key, own := strings.CutPrefix(field, fieldPrefix)
		_, inA := a.Fields[key]
		_, inB := b.Fields[key]
		known := field == FieldName || field == FieldLanguage || field == FieldVIP || field == FieldTags || own && (inA || inB)
		if !known || pick != PickSurvivor && pick != PickMerged && (pick != PickBoth || field != FieldTags) {
			return profile{}, fmt.Errorf("%w: there is no choice %q for %q", ErrMerge, pick, field)
		}
	}
	out.Name = pickText(picks[FieldName], a.Name, b.Name)
	out.Language = pickText(picks[FieldLanguage], a.Language, b.Language)
	switch picks[FieldVIP] {
	case PickSurvivor:
		out.VIP = a.VIP
	case PickMerged:
		out.VIP = b.VIP
	default:
		out.VIP = a.VIP || b.VIP
	}
	switch picks[FieldTags] {
	case PickSurvivor:
		out.Tags = a.Tags
	case PickMerged:
		out.Tags = b.Tags
	default:
		out.Tags = union(a.Tags, b.Tags)
	}
	maps.Copy(out.Fields, b.Fields)
	maps.Copy(out.Fields, a.Fields)
	for field, pick := range picks {
		key, own := strings.CutPrefix(field, fieldPrefix)
		if !own {
			continue
		}
		from := a.Fields
		if pick == PickMerged {
			from = b.Fields
		}
		delete(out.Fields, key)
		if v, ok := from[key]; ok {
			out.Fields[key] = v
		}
	}
	return out, nil
}

func pickText(p Pick, a, b string) string {
	switch {
	case p == PickMerged, p == "" && a == "":
		return b
	}
	return a
}

// union is a and then what b has more, at most MaxTags.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, t := range b {
		if !slices.Contains(out, t) && len(out) < MaxTags {
			out = append(out, t)
		}
	}
	if out == nil {
		out = []string{}
	}
	return out
}

func setProfile(ctx context.Context, tx pgx.Tx, id ID, p profile) error {
	if p.Tags == nil {
		p.Tags = []string{}
	}
	if p.Fields == nil {
		p.Fields = map[string]any{}
	}
	_, err := tx.Exec(ctx, `update contacts set name = $2, language = $3, vip = $4, tags = $5, fields = $6, grams = $7, updated_at = now() where id = $1`,
		id, p.Name, p.Language, p.VIP, p.Tags, p.Fields, grams(p.Name))
	return err
}

// Undo takes a merge back: both people are as they were before it, and what was
// changed on the survivor since then stays. Merges that the survivor itself went
// into afterwards have to be taken back first.
func (s *Store) Undo(ctx context.Context, tx pgx.Tx, merge int64, by string) (MergeRow, error) {
	m, err := s.undo(ctx, tx, merge, by)
	if err != nil {
		err = fmt.Errorf("undo merge %d: %w", merge, err)
	}
	return m, err
}

func (s *Store) undo(ctx context.Context, tx pgx.Tx, merge int64, by string) (MergeRow, error) {
	rows, err := tx.Query(ctx, `select `+mergeColumns+` from contact_merges where id = $1 for update`, merge)
	if err != nil {
		return MergeRow{}, err
	}
	m, err := pgx.CollectOneRow(rows, scanMerge)
	if err != nil {
		return MergeRow{}, pg.Map(err)
	}
	now := s.now()
	switch {
	case !m.UndoneAt.IsZero():
		return MergeRow{}, fmt.Errorf("%w: it was taken back already", ErrUndo)
	case now.After(m.UndoUntil):
		return MergeRow{}, fmt.Errorf("%w: that was possible until %s", ErrUndo, m.UndoUntil.Format(time.DateOnly))
	}
	both, err := lockContacts(ctx, tx, m.Survivor, m.Merged)
	if err != nil {
		return MergeRow{}, err
	}
	a := both[m.Survivor]
	switch {
	case !a.ErasedAt.IsZero():
		return MergeRow{}, fmt.Errorf("%w: the person was erased", ErrUndo)
	case a.Merged():
		return MergeRow{}, fmt.Errorf("%w: first take back the later merge into %d", ErrUndo, a.Root)
	}
	_, err = tx.Exec(ctx, `with recursive part as (select $1::bigint as id union all select k.id from contacts k join part p on k.merged_into = p.id)
		update contacts set root = $1, merged_into = case id when $1 then null else merged_into end where id in (select id from part)`, m.Merged)
	if err != nil {
		return MergeRow{}, err
	}
	if err := setProfile(ctx, tx, m.Survivor, restore(a.profile(), m.before, m.after)); err != nil {
		return MergeRow{}, err
	}
	if err := rebase(ctx, tx, &m); err != nil {
		return MergeRow{}, err
	}
	// A voice's norm that was learned while they were one is of neither.
	if _, err := tx.Exec(ctx, `delete from contact_baselines where contact_id = $1 and updated_at >= $2`, m.Survivor, m.At); err != nil {
		return MergeRow{}, err
	}
	m.UndoneAt, m.UndoneBy = now.UTC().Truncate(time.Microsecond), clean(by, maxSource)
	if _, err = tx.Exec(ctx, `update contact_merges set undone_at = $2, undone_by = $3 where id = $1`, m.ID, m.UndoneAt, m.UndoneBy); err != nil {
		return MergeRow{}, err
	}
	// Somebody has said that they are two: they do not meet again by themselves.
	_, err = tx.Exec(ctx, `insert into contact_suggestions (a, b, kind, state, by) values (least($1::bigint, $2::bigint), greatest($1::bigint, $2::bigint), 'undone', 'dismissed', $3)
		on conflict (a, b, kind) do update set state = 'dismissed', by = $3`, m.Survivor, m.Merged, m.UndoneBy)
	if err == nil {
		_, err = tx.Exec(ctx, `update contact_suggestions g set state = 'dismissed', by = $3 from contacts ka, contacts kb
			where g.state = 'open' and ka.id = g.a and kb.id = g.b and ((ka.root = $1 and kb.root = $2) or (ka.root = $2 and kb.root = $1))`, m.Survivor, m.Merged, m.UndoneBy)
	}
	return m, err
}

// rebase takes what a merge brought out of the memory of later merges into the same
// survivor, so that undoing those does not bring it back.
func rebase(ctx context.Context, tx pgx.Tx, m *MergeRow) error {
	rows, err := tx.Query(ctx, `select `+mergeColumns+` from contact_merges where survivor = $1 and id > $2 and undone_at is null order by id for update`, m.Survivor, m.ID)
	if err != nil {
		return err
	}
	later, err := pgx.CollectRows(rows, scanMerge)
	if err != nil {
		return err
	}
	for i := range later {
		l := &later[i]
		_, err := tx.Exec(ctx, `update contact_merges set before = $2, after = $3 where id = $1`, l.ID,
			restore(l.before, m.before, m.after), restore(l.after, m.before, m.after))
		if err != nil {
			return err
		}
	}
	return nil
}

// restore gives back before where now is still what the merge made of it; what was set since then stays.
func restore(now, before, after profile) profile {
	out := now
	if now.Name == after.Name {
		out.Name = before.Name
	}
	if now.Language == after.Language {
		out.Language = before.Language
	}
	if now.VIP == after.VIP {
		out.VIP = before.VIP
	}
	out.Tags = restoreTags(now.Tags, before.Tags, after.Tags)
	out.Fields = maps.Clone(now.Fields)
	if out.Fields == nil {
		out.Fields = map[string]any{}
	}
	for key := range union2(before.Fields, after.Fields) {
		v, has := now.Fields[key]
		was, had := after.Fields[key]
		if has != had || !reflect.DeepEqual(v, was) {
			continue // set since
		}
		delete(out.Fields, key)
		if old, ok := before.Fields[key]; ok {
			out.Fields[key] = old
		}
	}
	return out
}

func union2(a, b map[string]any) map[string]bool {
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	return keys
}

// restoreTags is before when nothing was changed since; otherwise what the merge added goes, what it took comes back.
func restoreTags(now, before, after []string) []string {
	if slices.Equal(now, after) {
		return slices.Clone(before)
	}
	out := []string{}
	for _, t := range now {
		if slices.Contains(before, t) || !slices.Contains(after, t) {
			out = append(out, t)
		}
	}
	for _, t := range before {
		if !slices.Contains(after, t) && !slices.Contains(out, t) && len(out) < MaxTags {
			out = append(out, t)
		}
	}
	return out
}
