package contact

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Store keeps contacts in PostgreSQL. Errors are ErrIdentity, pg.ErrNotFound,
// pg.ErrConflict, pg.ErrUnavailable or others wrapped as they are. Safe for
// concurrent use, also by several servers over one database.
type Store struct {
	db  *pg.DB
	cfg Config
	key atomic.Pointer[[]byte] // of hashes; read from the database at first use
	now func() time.Time

	nouns []Noun
}

// NewStore makes a store over an open, migrated database. It does no I/O.
func NewStore(db *pg.DB, cfg Config) *Store {
	s := &Store{db: db, cfg: cfg.withDefaults(), now: time.Now}
	if key, err := hex.DecodeString(cfg.HashKey); err == nil && len(key) >= leastHashKey {
		s.key.Store(&key)
	}
	return s
}

// hashKey is the key of hashes.
func (s *Store) hashKey(ctx context.Context) ([]byte, error) {
	if key := s.key.Load(); key != nil {
		return *key, nil
	}
	key, err := pg.Row(ctx, s.db, pgx.RowTo[[]byte], `select key from contact_key`)
	if err != nil {
		return nil, fmt.Errorf("key of contacts: %w", err)
	}
	s.key.Store(&key)
	return key, nil
}

const columns = `id, root, name, language, vip, tags, fields, legal_hold, erased_at, created_at, updated_at`

func scanContact(row pgx.CollectableRow) (Contact, error) {
	var c Contact
	var erased *time.Time
	err := row.Scan(&c.ID, &c.Root, &c.Name, &c.Language, &c.VIP, &c.Tags, &c.Fields, &c.LegalHold, &erased, &c.CreatedAt, &c.UpdatedAt)
	c.ErasedAt = pg.Moment(erased)
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	return c, err
}

// Get is a contact as it stands under this very id, merged or not.
func (s *Store) Get(ctx context.Context, id ID) (Contact, error) {
	c, err := pg.Row(ctx, s.db, scanContact, `select `+columns+` from contacts where id = $1`, id)
	return c, wrap(id, "get", err)
}

// Follow is the contact that stands for id now: id itself, or the survivor of its merges.
func (s *Store) Follow(ctx context.Context, id ID) (ID, error) {
	root, err := pg.Row(ctx, s.db, pgx.RowTo[ID], `select root from contacts where id = $1`, id)
	return root, wrap(id, "follow", err)
}

// Family are all ids that stand for the same person as id, the survivor first. Rows of
// other nouns keep the id they were written with, so they are read by these.
func (s *Store) Family(ctx context.Context, id ID) ([]ID, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], familyQuery, id)
	if err == nil && len(all) == 0 {
		err = pg.ErrNotFound
	}
	return all, wrap(id, "family", err)
}

const familyQuery = `select id from contacts where root = (select root from contacts where id = $1) order by id <> root, id`

const identityColumns = `i.id, i.contact_id, i.kind, i.account, i.value, i.verified, i.carried, i.source, i.created_at`

func scanIdentity(row pgx.CollectableRow) (Identity, error) {
	var i Identity
	err := row.Scan(&i.ID, &i.Contact, &i.Kind, &i.Account, &i.Value, &i.Verified, &i.Carried, &i.Source, &i.CreatedAt)
	i.CreatedAt = i.CreatedAt.UTC()
	return i, err
}

// Identities are the addresses of the person, those of merged contacts among them.
func (s *Store) Identities(ctx context.Context, id ID) ([]Identity, error) {
	all, err := pg.Rows(ctx, s.db, scanIdentity, `select `+identityColumns+` from contact_identities i join contacts k on k.id = i.contact_id
		where k.root = (select root from contacts where id = $1)
		order by i.verified desc, i.carried desc, i.kind, i.id`, id)
	return all, wrap(id, "identities", err)
}

func wrap(id ID, what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("contact %d: %s: %w", id, what, err)
}

// grams are the characters of a name and the pairs of them, for parts of a name.
func grams(name string) []string {
	runes := []rune(strings.ToLower(name))
	seen := map[string]bool{}
	out := []string{}
	add := func(g string) {
		if strings.TrimSpace(g) != "" && !seen[g] {
			seen[g] = true
			out = append(out, g)
		}
	}
	for i := range runes {
		add(string(runes[i : i+1]))
		if i+1 < len(runes) {
			add(string(runes[i : i+2]))
		}
	}
	return out
}
