package kb

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Actor is who does something, and what that person may do.
type Actor struct {
	Name string
	// Edit allows drafts and sending them to review; Approve allows what readers see.
	Edit, Approve bool
}

// Also is what happens in the same transaction, such as a row of the audit log; nil is nothing.
type Also func(tx pgx.Tx, r Record) error

// Edit is what an editor saves.
type Edit struct {
	Content
	Owner    string
	ReviewBy string // YYYY-MM-DD
	Note     string // why
}

func (d *Edit) check() error {
	d.Normalize()
	d.Note, d.Owner = line(d.Note), line(d.Owner)
	if d.ReviewBy != "" {
		if _, err := time.Parse(time.DateOnly, d.ReviewBy); err != nil {
			return wrong("the review day %.20q: it is written like 2027-01-31", d.ReviewBy)
		}
	}
	if len(d.Note) > 500 || len(d.Owner) > 64 {
		return wrong("the note or the owner's name is too long")
	}
	return d.Content.Check()
}

// same tells whether two contents say the same.
func same(a, b *Content) bool {
	x, err1 := json.Marshal(a)
	y, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && reflect.DeepEqual(x, y)
}

// Create adds an article as a draft. pg.ErrConflict: the key is taken in that language.
func (s *Store) Create(ctx context.Context, by Actor, key, lang string, d Edit, also Also) (Record, error) {
	if !by.Edit {
		return Record{}, ErrRight
	}
	if err := checkKey(key); err != nil {
		return Record{}, err
	}
	if !slices.Contains(Languages, lang) {
		return Record{}, wrong("the language is %.10q: it is one of %v", lang, Languages)
	}
	if err := d.check(); err != nil {
		return Record{}, err
	}
	r := Record{Key: key, Lang: lang, Content: d.Content, Owner: d.Owner, ReviewBy: d.ReviewBy, UpdatedBy: by.Name}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.insert(ctx, tx, &r, d.Note); err != nil {
			return err
		}
		return then(also, tx, r)
	})
	if err != nil {
		return Record{}, fmt.Errorf("create article %s: %w", key, err)
	}
	return r, nil
}

func then(also Also, tx pgx.Tx, r Record) error {
	if also == nil {
		return nil
	}
	return also(tx, r)
}

// change locks an article, lets do change it, and writes what was done.
func (s *Store) change(ctx context.Context, by Actor, id int64, version int, also Also, do func(tx pgx.Tx, r *Record) (fresh bool, note string, err error)) (Record, error) {
	var r Record
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if r, err = lock(ctx, tx, id); err != nil {
			return err
		}
		if version != 0 && r.Version != version {
			return ErrVersion
		}
		was := r
		fresh, note, err := do(tx, &r)
		if err != nil {
			return err
		}
		r.UpdatedBy = by.Name
		if err := s.update(ctx, tx, &r, fresh, note); err != nil {
			return err
		}
		if r.LiveVersion != was.LiveVersion {
			if err := s.show(ctx, tx, &r); err != nil {
				return err
			}
		}
		return then(also, tx, r)
	})
	if err != nil {
		return Record{}, fmt.Errorf("article %d: %w", id, err)
	}
	return r, nil
}

// show writes what is searched after the live version changed.
func (s *Store) show(ctx context.Context, tx pgx.Tx, r *Record) error {
	if r.LiveVersion == 0 {
		rows := &pgx.Batch{}
		unpublish(rows, r.ID)
		if err := tx.SendBatch(ctx, rows).Close(); err != nil {
			return err
		}
	} else if err := s.publish(ctx, tx, r); err != nil {
		return err
	}
	return changed(ctx, tx)
}

// Save writes another draft over version, the one that the editor saw: ErrVersion
// when there is a later one. What is live stays. Equal content makes no new version.
func (s *Store) Save(ctx context.Context, by Actor, id int64, version int, d Edit, also Also) (Record, error) {
	if !by.Edit {
		return Record{}, ErrRight
	}
	if err := d.check(); err != nil {
		return Record{}, err
	}
	return s.change(ctx, by, id, version, also, func(_ pgx.Tx, r *Record) (bool, string, error) {
		fresh := !same(&r.Content, &d.Content)
		if fresh {
			r.State = Draft
		}
		r.Content, r.Owner, r.ReviewBy = d.Content, d.Owner, d.ReviewBy
		return fresh, d.Note, nil
	})
}

// moves are the steps of an article's life; true means that approval is needed.
var moves = map[[2]State]bool{
	{Draft, Review}: false, {Review, Draft}: false, {Retired, Draft}: false, {Live, Draft}: false,
	{Review, Live}: true, {Draft, Live}: true, {Live, Retired}: true, {Draft, Retired}: true, {Review, Retired}: true,
}

// Move brings an article into another state. fourEyes keeps an author from approving
// the own version.
func (s *Store) Move(ctx context.Context, by Actor, id int64, version int, to State, note string, fourEyes bool, also Also) (Record, error) {
	return s.change(ctx, by, id, version, also, func(tx pgx.Tx, r *Record) (bool, string, error) {
		approval, ok := moves[[2]State{r.State, to}]
		switch {
		case !ok:
			return false, "", fmt.Errorf("%w: it is %s", ErrState, r.State)
		case !by.Edit || approval && !by.Approve:
			return false, "", ErrRight
		}
		if to == Live && fourEyes {
			var author string
			if err := tx.QueryRow(ctx, `select by_user from kb_versions where article_id = $1 and version = $2`, r.ID, r.Version).Scan(&author); err != nil {
				return false, "", err
			}
			if author == by.Name {
				return false, "", fmt.Errorf("%w: somebody else has to approve one's own text", ErrRight)
			}
		}
		switch to {
		case Live:
			r.LiveVersion = r.Version
		case Retired:
			r.LiveVersion = 0
		}
		if err := addNote(ctx, tx, r, to, line(note)); err != nil {
			return false, "", err
		}
		r.State = to
		return false, "", nil
	})
}

// addNote writes what was said about a step under the version that it is about.
func addNote(ctx context.Context, tx pgx.Tx, r *Record, to State, note string) error {
	if note == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `update kb_versions set note = left(concat_ws(' · ', nullif(note, ''), $3 || ': ' || $4), 1000) where article_id = $1 and version = $2`, r.ID, r.Version, string(to), note)
	return err
}

// RollBack makes a draft of an earlier version's content.
func (s *Store) RollBack(ctx context.Context, by Actor, id int64, version, to int, also Also) (Record, error) {
	if !by.Edit {
		return Record{}, ErrRight
	}
	return s.change(ctx, by, id, version, also, func(tx pgx.Tx, r *Record) (bool, string, error) {
		var c Content
		if err := tx.QueryRow(ctx, `select doc from kb_versions where article_id = $1 and version = $2`, r.ID, to).Scan(&c); err != nil {
			return false, "", err
		}
		if same(&c, &r.Content) {
			return false, "", nil
		}
		r.Content, r.State = c, Draft
		return true, fmt.Sprintf("as version %d", to), nil
	})
}

// Delete takes an article away with its versions, votes and files.
func (s *Store) Delete(ctx context.Context, by Actor, id int64, also Also) error {
	if !by.Approve {
		return ErrRight
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		r, err := lock(ctx, tx, id)
		if err != nil {
			return err
		}
		if r.State != Retired {
			return fmt.Errorf("%w: retire it first", ErrState)
		}
		if _, err := tx.Exec(ctx, `delete from kb_articles where id = $1`, id); err != nil {
			return err
		}
		if err := changed(ctx, tx); err != nil {
			return err
		}
		return then(also, tx, r)
	})
	if err != nil {
		return fmt.Errorf("delete article %d: %w", id, err)
	}
	return nil
}
