package assist

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Script is one that is kept, in its latest version.
type Script struct {
	Name      string    `json:"name"`
	Version   int       `json:"version"`
	Retired   bool      `json:"retired" doc:"not begun any more"`
	UpdatedAt time.Time `json:"updated_at"`
	UpdatedBy string    `json:"updated_by"`
	Doc       ScriptDoc `json:"doc"`
}

// ScriptVersion is a version as it was saved.
type ScriptVersion struct {
	Version int       `json:"version"`
	Note    string    `json:"note"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Doc     ScriptDoc `json:"doc"`
}

const (
	maxScripts   = 500
	keepVersions = 50
)

var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

// ErrVersion: somebody else saved in between.
var ErrVersion = errors.New("it was changed by somebody else in the meantime")

const scriptColumns = `s.name, s.version, s.retired, s.updated_at, s.updated_by, v.doc from assist_scripts s join assist_script_versions v on v.name = s.name and v.version = s.version`

// Scripts are all of them, by title.
func (s *Store) Scripts(ctx context.Context) ([]Script, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Script], `select `+scriptColumns+` order by s.title, s.name limit $1`, maxScripts)
	if err != nil {
		return nil, fmt.Errorf("scripts: %w", err)
	}
	return all, nil
}

// ScriptVersions are the last ones of a script, newest first.
func (s *Store) ScriptVersions(ctx context.Context, name string) ([]ScriptVersion, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[ScriptVersion], `select version, note, at, by_user, doc from assist_script_versions where name = $1 order by version desc limit $2`, name, keepVersions)
	if err == nil && len(all) == 0 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("versions of script %s: %w", name, err)
	}
	return all, nil
}

// script is one version; pg.ErrNotFound when it is not kept any more.
func (s *Store) script(ctx context.Context, name string, version int) (ScriptDoc, error) {
	d, err := pg.Row(ctx, s.db, pgx.RowTo[ScriptDoc], `select doc from assist_script_versions where name = $1 and version = $2`, name, version)
	if err != nil {
		return d, fmt.Errorf("script %s %d: %w", name, version, err)
	}
	return d, nil
}

// PutScript saves a version in tx over the one that was seen; 0 makes a new script.
// ErrVersion, pg.ErrConflict for a name that is taken, or a *BadError.
func (s *Store) PutScript(ctx context.Context, tx pgx.Tx, name string, seen int, retired bool, d ScriptDoc, note, by string) (Script, error) {
	out := Script{Name: name, Version: seen + 1, Retired: retired, UpdatedAt: s.now(), UpdatedBy: by}
	if !nameForm.MatchString(name) {
		return out, bad("name", "small letters, digits, - and _, at most 64")
	}
	if err := d.Check(); err != nil {
		return out, err
	}
	if note = tidy(note); len(note) > 500 {
		return out, bad("note", "it is too long")
	}
	doc, err := json.Marshal(d)
	if err != nil {
		return out, err
	}
	out.Doc = d
	if seen == 0 {
		var n int
		if err := tx.QueryRow(ctx, `select count(*) from assist_scripts`).Scan(&n); err != nil {
			return out, err
		}
		if n >= maxScripts {
			return out, bad("name", "there are %d scripts, which is the most", n)
		}
		_, err = tx.Exec(ctx, `insert into assist_scripts (name, lang, title, version, retired, updated_at, updated_by) values ($1, $2, $3, 1, $4, $5, $6)`, name, d.Lang, d.Title, retired, out.UpdatedAt, by)
	} else {
		var at int
		err = tx.QueryRow(ctx, `update assist_scripts set lang = $3, title = $4, version = $2 + 1, retired = $5, updated_at = $6, updated_by = $7 where name = $1 and version = $2 returning version`,
			name, seen, d.Lang, d.Title, retired, out.UpdatedAt, by).Scan(&at)
		if errors.Is(err, pgx.ErrNoRows) {
			return out, s.missingOrNewer(ctx, tx, name)
		}
	}
	if err != nil {
		return out, fmt.Errorf("put script %s: %w", name, pg.Map(err))
	}
	if _, err = tx.Exec(ctx, `insert into assist_script_versions (name, version, doc, note, at, by_user) values ($1, $2, $3, $4, $5, $6)`, name, out.Version, doc, note, out.UpdatedAt, by); err != nil {
		return out, fmt.Errorf("put script %s: %w", name, pg.Map(err))
	}
	// A version that a talk goes by stays.
	_, err = tx.Exec(ctx, `delete from assist_script_versions v where v.name = $1 and v.version <= $2 and not exists (select from assist_boards b where b.script = v.name and b.version = v.version)
		and not exists (select from practice_cases c where c.script = v.name and c.version = v.version)`, name, out.Version-keepVersions)
	return out, err
}

func (s *Store) missingOrNewer(ctx context.Context, tx pgx.Tx, name string) error {
	var there bool
	if err := tx.QueryRow(ctx, `select exists (select from assist_scripts where name = $1)`, name).Scan(&there); err != nil {
		return err
	}
	if there {
		return ErrVersion
	}
	return pg.ErrNotFound
}

// DeleteScript takes a script away in tx, with its versions; talks that go by it lose it.
func (s *Store) DeleteScript(ctx context.Context, tx pgx.Tx, name string) error {
	tag, err := tx.Exec(ctx, `delete from assist_scripts where name = $1`, name)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return err
}
