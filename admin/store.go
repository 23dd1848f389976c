package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// maxVersions of one thing are kept; older ones go, but for the live one.
const maxVersions = 100

// ErrStale says that somebody else changed the thing meanwhile.
var ErrStale = errors.New("it was changed meanwhile: look at it again")

// Version is one version of a document. Doc has no secrets in it.
type Version struct {
	Kind    Kind
	Name    string
	Version int
	Newest  int
	Live    int // the version that counts; 0: none
	Doc     Doc
	Secrets []string // fields that hold one
	Note    string
	Author  string
	At      time.Time
	WasLive bool

	sealed []byte
}

func (v *Version) where() string { return string(v.Kind) + "/" + v.Name }

// Store keeps documents in rows.
type Store struct {
	db    *pg.DB
	vault *Vault
}

// NewStore makes a store over the rows of db.
func NewStore(db *pg.DB, vault *Vault) *Store { return &Store{db, vault} }

type queryer interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

const versionColumns = `v.kind, v.name, v.version, i.newest, coalesce(i.live, 0), v.doc, v.sealed, v.note, v.author, v.at, v.was_live`

func (s *Store) scan(row pgx.CollectableRow) (Version, error) {
	var v Version
	var raw []byte
	if err := row.Scan(&v.Kind, &v.Name, &v.Version, &v.Newest, &v.Live, &raw, &v.sealed, &v.Note, &v.Author, &v.At, &v.WasLive); err != nil {
		return v, err
	}
	var err error
	if v.Doc, err = v.Kind.New(); err != nil {
		return v, err
	}
	if err := json.Unmarshal(raw, v.Doc); err != nil {
		return v, fmt.Errorf("%s version %d: %w", v.where(), v.Version, err)
	}
	secrets, err := s.vault.open(v.where(), v.sealed)
	if err != nil && !errors.Is(err, ErrSealed) {
		return v, err
	}
	v.Secrets = slices.Sorted(maps.Keys(secrets))
	return v, nil
}

func (s *Store) rows(ctx context.Context, q queryer, sql string, args ...any) ([]Version, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err != nil {
		return nil, pg.Map(err)
	}
	all, err := pgx.CollectRows(rows, s.scan)
	return all, pg.Map(err)
}

// List is the newest version of everything of a kind, by name.
func (s *Store) List(ctx context.Context, kind Kind) ([]Version, error) {
	return pg.Rows(ctx, s.db, s.scan, `select `+versionColumns+` from admin_items i join admin_versions v on (v.kind, v.name, v.version) = (i.kind, i.name, i.newest) where i.kind = $1 order by i.name limit 5000`, kind)
}

// Get is a version; the newest for 0.
func (s *Store) Get(ctx context.Context, kind Kind, name string, version int) (Version, error) {
	return pg.Row(ctx, s.db, s.scan, getSQL, kind, name, version)
}

const getSQL = `select ` + versionColumns + ` from admin_items i join admin_versions v on (v.kind, v.name) = (i.kind, i.name) and v.version = case when $3 = 0 then i.newest else $3 end where i.kind = $1 and i.name = $2`

// Versions are all versions of a thing, the newest first.
func (s *Store) Versions(ctx context.Context, kind Kind, name string) ([]Version, error) {
	return pg.Rows(ctx, s.db, s.scan, `select `+versionColumns+` from admin_items i join admin_versions v on (v.kind, v.name) = (i.kind, i.name) where i.kind = $1 and i.name = $2 order by v.version desc`, kind, name)
}

// live are the versions that count, with their secrets; those that another key sealed stay empty.
func (s *Store) live(ctx context.Context, q queryer) ([]Version, error) {
	all, err := s.rows(ctx, q, `select `+versionColumns+` from admin_items i join admin_versions v on (v.kind, v.name, v.version) = (i.kind, i.name, i.live) order by i.kind, i.name`)
	if err != nil {
		return nil, err
	}
	for i := range all {
		secrets, err := s.vault.open(all[i].where(), all[i].sealed)
		if err != nil && !errors.Is(err, ErrSealed) {
			return nil, err
		}
		join(all[i].Doc, secrets)
	}
	return all, nil
}

// find is a version in tx, nil when it is not there.
func (s *Store) find(ctx context.Context, tx pgx.Tx, kind Kind, name string, version int) (*Version, error) {
	all, err := s.rows(ctx, tx, getSQL, kind, name, version)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}

// put writes a new version; a draft that never counted is written over. It returns the version.
func (s *Store) put(ctx context.Context, tx pgx.Tx, kind Kind, name string, d Doc, was *Version, note, by string) (int, error) {
	where := string(kind) + "/" + name
	secrets := part(d)
	raw, err := json.Marshal(d)
	join(d, secrets)
	if err != nil {
		return 0, err
	}
	sealed, err := s.vault.seal(where, secrets)
	if err != nil {
		return 0, err
	}
	version := 1
	if was != nil {
		if version = was.Newest + 1; !was.WasLive && was.Version == was.Newest {
			version = was.Newest
		}
	}
	if _, err := tx.Exec(ctx, `insert into admin_items (kind, name, newest) values ($1, $2, $3) on conflict (kind, name) do update set newest = $3`, kind, name, version); err != nil {
		return 0, pg.Map(err)
	}
	_, err = tx.Exec(ctx, `insert into admin_versions (kind, name, version, doc, sealed, note, author) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (kind, name, version) do update set doc = $4, sealed = $5, note = $6, author = $7, at = now()`, kind, name, version, raw, sealed, note, by)
	if err != nil {
		return 0, pg.Map(err)
	}
	_, err = tx.Exec(ctx, `delete from admin_versions v using admin_items i where (v.kind, v.name) = (i.kind, i.name) and v.kind = $1 and v.name = $2 and v.version <= $3 and v.version is distinct from i.live`, kind, name, version-maxVersions)
	return version, pg.Map(err)
}

// setLive makes a version count.
func (s *Store) setLive(ctx context.Context, tx pgx.Tx, kind Kind, name string, version int) error {
	if _, err := tx.Exec(ctx, `update admin_versions set was_live = true where kind = $1 and name = $2 and version = $3`, kind, name, version); err != nil {
		return pg.Map(err)
	}
	_, err := tx.Exec(ctx, `update admin_items set live = $3 where kind = $1 and name = $2`, kind, name, version)
	return pg.Map(err)
}

// remove takes a thing away with all its versions and secrets.
func (s *Store) remove(ctx context.Context, tx pgx.Tx, kind Kind, name string) error {
	tag, err := tx.Exec(ctx, `delete from admin_items where kind = $1 and name = $2`, kind, name)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return pg.Map(err)
}

// lock lets one change at a time through.
func (s *Store) lock(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.admin'))`)
	return pg.Map(err)
}

func (s *Store) revise(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `update admin_revision set rev = rev + 1`)
	return pg.Map(err)
}

func (s *Store) revision(ctx context.Context) (int64, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[int64], `select rev from admin_revision`)
}

// MaxSound bounds a sound file, bytes.
const MaxSound = 8 << 20

// PutSound keeps a sound and returns its SHA-256 in hexadecimal. What no prompt
// names after a day is removed.
func (s *Store) PutSound(ctx context.Context, data []byte) (string, error) {
	if len(data) == 0 || len(data) > MaxSound {
		return "", Faults{{"", Range, fmt.Sprintf("a sound has 1 to %d bytes", MaxSound)}}
	}
	sum := sha256.Sum256(data)
	if _, err := s.db.Exec(ctx, `insert into admin_sounds (sum, data) values ($1, $2) on conflict (sum) do update set at = now()`, sum[:], data); err != nil {
		return "", err
	}
	_, err := s.db.Exec(ctx, `delete from admin_sounds where at < now() - interval '1 day' and encode(sum, 'hex') not in
		(select e.value->>'sum' from admin_versions v, jsonb_each(v.doc->'sounds') e where v.kind = 'prompt' and jsonb_typeof(v.doc->'sounds') = 'object')`)
	return hex.EncodeToString(sum[:]), err
}

// Sound is the file of that SHA-256.
func (s *Store) Sound(ctx context.Context, sum string) ([]byte, error) {
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return nil, pg.ErrNotFound
	}
	return pg.Row(ctx, s.db, pgx.RowTo[[]byte], `select data from admin_sounds where sum = $1`, raw)
}
