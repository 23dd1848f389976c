package contact

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Change is what to set of a contact; nil fields stay.
type Change struct {
	Name      *string
	Language  *string
	VIP       *bool
	Tags      *[]string
	Fields    map[string]any // by key; nil values are taken out, other fields stay
	LegalHold *string        // why nothing may be erased, empty ends it
}

// Create makes a contact without an identity.
func (s *Store) Create(ctx context.Context, tx pgx.Tx, c Change) (ID, error) {
	id, err := s.make(ctx, tx, "")
	if err != nil {
		return 0, wrap(0, "create", err)
	}
	return id, s.Update(ctx, tx, id, c)
}

// Update changes the contact that stands for id.
func (s *Store) Update(ctx context.Context, tx pgx.Tx, id ID, c Change) error {
	return wrap(id, "update", s.update(ctx, tx, id, c))
}

func (s *Store) update(ctx context.Context, tx pgx.Tx, id ID, c Change) error {
	root, err := aliveRoot(ctx, tx, id)
	if err != nil {
		return err
	}
	locked, err := lockContacts(ctx, tx, root)
	if err != nil {
		return err
	}
	p := locked[root].profile()
	if c.Name != nil {
		p.Name = clean(*c.Name, maxName)
	}
	if c.Language != nil {
		if p.Language = *c.Language; p.Language != "" && (len(p.Language) > maxLanguage || !language.MatchString(p.Language)) {
			return invalid("a language is written as zh, en or zh-TW")
		}
	}
	if c.VIP != nil {
		p.VIP = *c.VIP
	}
	if c.Tags != nil {
		if p.Tags, err = tags(*c.Tags); err != nil {
			return err
		}
	}
	if len(c.Fields) > 0 {
		if p.Fields, err = s.setFields(ctx, tx, p.Fields, c.Fields); err != nil {
			return err
		}
	}
	if err := setProfile(ctx, tx, root, p); err != nil {
		return err
	}
	if c.LegalHold != nil {
		_, err = tx.Exec(ctx, `update contacts set legal_hold = $2 where id = $1`, root, clean(*c.LegalHold, 200))
	}
	return err
}

// tags are different texts without blanks around them.
func tags(in []string) ([]string, error) {
	out := []string{}
	for _, t := range in {
		if t = clean(t, maxTag+1); t == "" {
			continue
		}
		if len(t) > maxTag {
			return nil, invalid("a tag has at most %d bytes", maxTag)
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if len(out) > MaxTags {
		return nil, invalid("a contact has at most %d tags", MaxTags)
	}
	return out, nil
}

func (s *Store) setFields(ctx context.Context, tx pgx.Tx, have, set map[string]any) (map[string]any, error) {
	known, err := fieldsIn(ctx, tx)
	if err != nil {
		return nil, err
	}
	if have == nil {
		have = map[string]any{}
	}
	for key, v := range set {
		f := known[key]
		if f == nil {
			return nil, invalid("there is no field %q", clean(key, 40))
		}
		value, err := f.Value(v)
		if err != nil {
			return nil, err
		}
		if value == nil {
			delete(have, key)
		} else {
			have[key] = value
		}
	}
	return have, nil
}

// Note is a remark of one of us about a person.
type Note struct {
	ID   int64
	Text string
	By   string
	At   time.Time
}

// AddNote writes a remark.
func (s *Store) AddNote(ctx context.Context, tx pgx.Tx, id ID, text, by string) (Note, error) {
	n := Note{Text: cleanLines(text), By: clean(by, maxSource), At: s.now().UTC().Truncate(time.Microsecond)}
	if n.Text == "" || len(n.Text) > maxNote {
		return n, invalid("a note has 1 to %d bytes", maxNote)
	}
	root, err := aliveRoot(ctx, tx, id)
	if err == nil {
		err = tx.QueryRow(ctx, `insert into contact_notes (contact_id, text, by, at) values ($1, $2, $3, $4) returning id`, root, n.Text, n.By, n.At).Scan(&n.ID)
	}
	return n, wrap(id, "add a note", err)
}

// DeleteNote removes a remark; by, when given, must have written it.
func (s *Store) DeleteNote(ctx context.Context, tx pgx.Tx, id ID, note int64, by string) error {
	tag, err := tx.Exec(ctx, `delete from contact_notes n using contacts k where n.id = $2 and k.id = n.contact_id
		and k.root = (select root from contacts where id = $1) and ($3 = '' or n.by = $3)`, id, note, by)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return wrap(id, "delete a note", err)
}
