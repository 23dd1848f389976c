package contact

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Key is an identity as a channel brings it.
type Key struct {
	Kind    Kind
	Account string // whose name space Value is in; empty where there is one only (phone, email)
	Value   string // as it came; normalised here
	// Verified says that it is proven to be this person's: a login signed by the site, a confirmed
	// phone or e-mail address, a unionid. Others only suggest.
	Verified bool
	Source   string // the channel, or who gave it
	Name     string // what the channel calls this person; taken when there is no name yet
}

// address is a key in the form it is kept in.
type address struct {
	Key
	hash []byte
}

func (s *Store) address(ctx context.Context, k Key) (address, error) {
	value, err := Normalise(k.Kind, k.Value, s.cfg.Region)
	if err != nil {
		return address{}, err
	}
	key, err := s.hashKey(ctx)
	if err != nil {
		return address{}, err
	}
	k.Value, k.Account = value, clean(k.Account, maxAccount)
	k.Source, k.Name = clean(k.Source, maxSource), clean(k.Name, maxName)
	return address{k, hash(key, k.Kind, k.Account, value)}, nil
}

// Resolve finds the contact from whose address something came, or makes it: the
// caller's number, the sender of a message, the device of a visitor. However many
// ask at once, one contact is made. The id is the survivor's. For what people
// say of themselves use Add: a number typed by somebody is no proof that it is theirs.
func (s *Store) Resolve(ctx context.Context, k Key) (id ID, created bool, err error) {
	a, err := s.address(ctx, k)
	if err != nil {
		return 0, false, err
	}
	if id, err = s.owner(ctx, a); err == nil && id != 0 {
		return id, false, nil
	}
	if err == nil {
		err = s.db.Tx(ctx, func(tx pgx.Tx) error {
			id, created, err = s.resolve(ctx, tx, a)
			return err
		})
	}
	if err != nil {
		return 0, false, fmt.Errorf("resolve a %s: %w", k.Kind, err)
	}
	return id, created, nil
}

// owner is the usual case, without a lock: the identity is known, with all that the key knows. 0: it is not.
func (s *Store) owner(ctx context.Context, a address) (ID, error) {
	ids, err := pg.Rows(ctx, s.db, pgx.RowTo[ID], `select k.root from contact_identities i join contacts k on k.id = i.contact_id join contacts r on r.id = k.root
		where i.kind = $1 and i.account = $2 and i.value = $3 and (i.verified or i.carried) and (i.verified or not $4) and (r.name <> '' or $5 = '')`,
		a.Kind, a.Account, a.Value, a.Verified, a.Name)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// lockKey makes all who write of one identity take turns until their transaction ends.
func lockKey(ctx context.Context, tx pgx.Tx, a address) error {
	_, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended('tingxin.contact:' || encode($1, 'hex'), 7))`, a.hash)
	return err
}

func (s *Store) resolve(ctx context.Context, tx pgx.Tx, a address) (ID, bool, error) {
	if err := lockKey(ctx, tx, a); err != nil {
		return 0, false, err
	}
	owner, root, err := ownerOf(ctx, tx, a)
	switch {
	case err != nil:
		return 0, false, err
	case owner != 0:
		return root, false, s.learn(ctx, tx, owner, root, a)
	}
	id, err := s.make(ctx, tx, a.Name)
	if err != nil {
		return 0, false, err
	}
	if err := s.insertIdentity(ctx, tx, id, a, true); err != nil {
		return 0, false, err
	}
	return id, true, suggest(ctx, tx, id, a)
}

// learn notes what the key knows and the contact did not.
func (s *Store) learn(ctx context.Context, tx pgx.Tx, owner, root ID, a address) error {
	if a.Verified {
		_, err := tx.Exec(ctx, `update contact_identities set verified = true, verified_at = now(), source = $5
			where contact_id = $1 and kind = $2 and account = $3 and value = $4 and not verified`, owner, a.Kind, a.Account, a.Value, a.Source)
		if err != nil {
			return err
		}
	}
	if a.Name == "" {
		return nil
	}
	_, err := tx.Exec(ctx, `update contacts set name = $2, grams = $3, updated_at = now() where id = $1 and name = ''`, root, a.Name, grams(a.Name))
	return err
}

// make inserts a contact.
func (s *Store) make(ctx context.Context, tx pgx.Tx, name string) (ID, error) {
	var id ID
	err := tx.QueryRow(ctx, `insert into contacts (id, root, name, grams) select n, n, $1, $2 from nextval('contact_ids') n returning id`, name, grams(name)).Scan(&id)
	return id, err
}

func (s *Store) insertIdentity(ctx context.Context, tx pgx.Tx, id ID, a address, carried bool) error {
	_, err := tx.Exec(ctx, `insert into contact_identities (contact_id, kind, account, value, value_hash, verified, carried, source, verified_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, case when $6 then now() end)
		on conflict (contact_id, kind, account, value) do update set verified = contact_identities.verified or $6, carried = contact_identities.carried or $7,
			verified_at = coalesce(contact_identities.verified_at, excluded.verified_at)`,
		id, a.Kind, a.Account, a.Value, a.hash, a.Verified, carried, a.Source)
	return err
}

// suggest names the others that have the same identity as somebody who may be the same person.
func suggest(ctx context.Context, tx pgx.Tx, id ID, a address) error {
	_, err := tx.Exec(ctx, `insert into contact_suggestions (a, b, kind, verified)
		select distinct least(me.root, k.root), greatest(me.root, k.root), $2::text, bool_or(i.verified) over (partition by k.root)
		from contact_identities i join contacts k on k.id = i.contact_id join contacts me on me.id = $1
		where i.kind = $2 and i.account = $3 and i.value = $4 and k.root <> me.root limit $5
		on conflict (a, b, kind) do nothing`, id, a.Kind, a.Account, a.Value, maxSuggestions)
	return err
}

// maxSuggestions bounds how many others one identity can name: a number typed by
// hundreds (a hotel's, 12345) says nothing of any of them.
const maxSuggestions = 20
