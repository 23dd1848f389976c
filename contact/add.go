package contact

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Added is what came of giving a contact an identity.
type Added struct {
	Contact ID       // that has the identity now: the survivor when two were merged
	Merge   MergeRow // zero when none was needed or allowed
	// Suggested says that somebody else has the same identity and a person should look.
	Suggested bool
}

// ErrTooMany says that a contact has as much of something as it may have.
var ErrTooMany = errors.New("too many")

// MaxIdentities is how many identities one person may have.
const MaxIdentities = 100

// Add gives a contact an identity that became known of it. A verified one links: when
// it is somebody else's, the two become one if the rules allow it (see Config.AutoMerge),
// otherwise it is suggested. One that is not verified never links.
func (s *Store) Add(ctx context.Context, tx pgx.Tx, id ID, k Key) (Added, error) {
	a, err := s.address(ctx, k)
	if err != nil {
		return Added{}, err
	}
	out, err := s.add(ctx, tx, id, a)
	return out, wrap(id, "add a "+string(k.Kind), err)
}

func (s *Store) add(ctx context.Context, tx pgx.Tx, id ID, a address) (Added, error) {
	if err := lockKey(ctx, tx, a); err != nil {
		return Added{}, err
	}
	root, err := aliveRoot(ctx, tx, id)
	if err != nil {
		return Added{}, err
	}
	var count int
	if err := tx.QueryRow(ctx, `select count(*) from contact_identities i join contacts k on k.id = i.contact_id where k.root = $1`, root).Scan(&count); err != nil {
		return Added{}, err
	}
	if count >= MaxIdentities {
		return Added{}, fmt.Errorf("%w: a contact has at most %d identities", ErrTooMany, MaxIdentities)
	}
	owner, ownerRoot, err := ownerOf(ctx, tx, a)
	switch {
	case err != nil:
		return Added{}, err
	case owner == 0, ownerRoot == root && !a.Verified:
		return s.insertOwn(ctx, tx, root, ownerRoot, a)
	case ownerRoot == root:
		return Added{Contact: root}, s.learn(ctx, tx, owner, root, a)
	case a.Verified:
		return s.meet(ctx, tx, root, owner, ownerRoot, a)
	}
	return s.insertSaid(ctx, tx, root, a)
}

// ownerOf is whose a verified or carried identity is, and the contact that stands for it; 0 when nobody's.
func ownerOf(ctx context.Context, tx pgx.Tx, a address) (owner, root ID, err error) {
	err = tx.QueryRow(ctx, `select i.contact_id, k.root from contact_identities i join contacts k on k.id = i.contact_id
		where i.kind = $1 and i.account = $2 and i.value = $3 and (i.verified or i.carried)`, a.Kind, a.Account, a.Value).Scan(&owner, &root)
	if err == pgx.ErrNoRows {
		return 0, 0, nil
	}
	return owner, root, err
}

// aliveRoot is the contact that stands for id; an erased one is not found.
func aliveRoot(ctx context.Context, tx pgx.Tx, id ID) (ID, error) {
	var root ID
	err := tx.QueryRow(ctx, `select r.id from contacts k join contacts r on r.id = k.root where k.id = $1 and r.erased_at is null for update of r`, id).Scan(&root)
	return root, pg.Map(err)
}

// insertOwn gives an identity that nobody has, or that the person has already.
func (s *Store) insertOwn(ctx context.Context, tx pgx.Tx, root, ownerRoot ID, a address) (Added, error) {
	if ownerRoot == root {
		return Added{Contact: root}, s.learn(ctx, tx, root, root, a)
	}
	if !a.Verified {
		return s.insertSaid(ctx, tx, root, a)
	}
	// A row of the family that was only said becomes the verified one.
	tag, err := tx.Exec(ctx, `update contact_identities i set verified = true, verified_at = now(), source = $5 where i.id = (select i.id from contact_identities i
		join contacts k on k.id = i.contact_id where k.root = $1 and i.kind = $2 and i.account = $3 and i.value = $4 order by i.id limit 1)`, root, a.Kind, a.Account, a.Value, a.Source)
	if err == nil && tag.RowsAffected() == 0 {
		err = s.insertIdentity(ctx, tx, root, a, false)
	}
	if err != nil {
		return Added{}, err
	}
	return s.suggested(ctx, tx, root, a)
}

// insertSaid notes what somebody said of themselves, and who else has the same.
func (s *Store) insertSaid(ctx context.Context, tx pgx.Tx, root ID, a address) (Added, error) {
	a.Verified = false
	var has bool
	err := tx.QueryRow(ctx, `select exists (select 1 from contact_identities i join contacts k on k.id = i.contact_id
		where k.root = $1 and i.kind = $2 and i.account = $3 and i.value = $4)`, root, a.Kind, a.Account, a.Value).Scan(&has)
	if err == nil && !has {
		err = s.insertIdentity(ctx, tx, root, a, false)
	}
	if err != nil {
		return Added{}, err
	}
	return s.suggested(ctx, tx, root, a)
}

func (s *Store) suggested(ctx context.Context, tx pgx.Tx, root ID, a address) (Added, error) {
	out := Added{Contact: root}
	if err := suggest(ctx, tx, root, a); err != nil {
		return out, err
	}
	err := tx.QueryRow(ctx, `select exists (select 1 from contact_identities i join contacts k on k.id = i.contact_id
		where i.kind = $1 and i.account = $2 and i.value = $3 and k.root <> $4)`, a.Kind, a.Account, a.Value, root).Scan(&out.Suggested)
	return out, err
}

// meet is two contacts that meet in one verified identity.
func (s *Store) meet(ctx context.Context, tx pgx.Tx, root, owner, ownerRoot ID, a address) (Added, error) {
	allowed, err := s.mayMeet(ctx, tx, root, ownerRoot)
	if err != nil {
		return Added{}, err
	}
	if !allowed {
		return s.insertSaid(ctx, tx, root, a)
	}
	survivor, merged, err := older(ctx, tx, root, ownerRoot)
	if err != nil {
		return Added{}, err
	}
	m, err := s.merge(ctx, tx, survivor, merged, nil, "system", true)
	if err != nil {
		return Added{}, err
	}
	return Added{Contact: survivor, Merge: m}, s.learn(ctx, tx, owner, survivor, a)
}

// mayMeet are the rules under which two become one without a person: nobody has said that they are
// two, and neither has a verified identity of a kind that a person has one of (a login, a WeChat id in
// one account) with another value than the other's.
func (s *Store) mayMeet(ctx context.Context, tx pgx.Tx, a, b ID) (bool, error) {
	if s.cfg.AutoMerge != AutoMergeSafe {
		return false, nil
	}
	var against bool
	err := tx.QueryRow(ctx, `select exists (select 1 from contact_suggestions g join contacts ka on ka.id = g.a join contacts kb on kb.id = g.b
			where g.state = 'dismissed' and ((ka.root = $1 and kb.root = $2) or (ka.root = $2 and kb.root = $1)))
		or exists (select 1 from contact_identities x join contacts kx on kx.id = x.contact_id
			join contact_identities y on y.kind = x.kind and y.account = x.account and y.value <> x.value and y.verified
			join contacts ky on ky.id = y.contact_id
			where kx.root = $1 and ky.root = $2 and x.verified and x.kind in ('login', 'wechat', 'wecom', 'weibo', 'qq'))`, a, b).Scan(&against)
	return !against, err
}

// older puts first who has more verified identities, then who was there first.
func older(ctx context.Context, tx pgx.Tx, a, b ID) (survivor, merged ID, err error) {
	rows, err := tx.Query(ctx, `select k.root from contacts k left join contact_identities i on i.contact_id = k.id and i.verified
		where k.root in ($1, $2) group by k.root order by count(i.id) desc, k.root`, a, b)
	if err != nil {
		return 0, 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[ID])
	if err == nil && len(ids) != 2 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return 0, 0, err
	}
	return ids[0], ids[1], nil
}

// Remove takes an identity away from the person. The channel that carried it makes a new contact next time.
func (s *Store) Remove(ctx context.Context, tx pgx.Tx, id ID, identity int64) error {
	tag, err := tx.Exec(ctx, `delete from contact_identities i using contacts k where i.id = $2 and k.id = i.contact_id
		and k.root = (select root from contacts where id = $1)`, id, identity)
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return wrap(id, "remove an identity", err)
}

// Find is the person whose identity this is, verified or carried; pg.ErrNotFound when nobody's.
func (s *Store) Find(ctx context.Context, k Key) (ID, error) {
	a, err := s.address(ctx, k)
	if err != nil {
		return 0, err
	}
	id, err := pg.Row(ctx, s.db, pgx.RowTo[ID], `select k.root from contact_identities i join contacts k on k.id = i.contact_id
		where i.kind = $1 and i.account = $2 and i.value = $3 and (i.verified or i.carried)`, a.Kind, a.Account, a.Value)
	if err != nil {
		err = fmt.Errorf("find a %s: %w", k.Kind, err)
	}
	return id, err
}

// Suggestion is two contacts that may be one person.
type Suggestion struct {
	ID       int64
	Other    ID
	Name     string
	Kinds    []Kind // of the identities that both have
	Verified bool   // the other's is verified
}

// Suggestions are the people who may be the same as this one and whom nobody has ruled out.
func (s *Store) Suggestions(ctx context.Context, id ID) ([]Suggestion, error) {
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Suggestion, error) {
		var g Suggestion
		err := row.Scan(&g.ID, &g.Other, &g.Name, &g.Kinds, &g.Verified)
		return g, err
	}, `with me as (select root from contacts where id = $1),
		pairs as (select g.id, g.kind, g.verified, g.state, case when ka.root = me.root then kb.root else ka.root end as other
			from me join contacts f on f.root = me.root join contact_suggestions g on g.a = f.id or g.b = f.id
			join contacts ka on ka.id = g.a join contacts kb on kb.id = g.b where ka.root <> kb.root)
		select min(p.id), p.other, r.name, array_agg(distinct p.kind) filter (where p.kind <> 'undone'), bool_or(p.verified)
		from pairs p join contacts r on r.id = p.other where r.erased_at is null
		group by p.other, r.name having not bool_or(p.state = 'dismissed') order by bool_or(p.verified) desc, min(p.id) limit 50`, id)
	return all, wrap(id, "suggestions", err)
}

// Dismiss notes that two contacts are two people.
func (s *Store) Dismiss(ctx context.Context, tx pgx.Tx, id, other ID, by string) error {
	tag, err := tx.Exec(ctx, `update contact_suggestions g set state = 'dismissed', by = $3 from contacts ka, contacts kb, contacts me, contacts o
		where ka.id = g.a and kb.id = g.b and me.id = $1 and o.id = $2
			and ((ka.root = me.root and kb.root = o.root) or (ka.root = o.root and kb.root = me.root)) and me.root <> o.root`, id, other, clean(by, maxSource))
	if err == nil && tag.RowsAffected() == 0 {
		err = pg.ErrNotFound
	}
	return wrap(id, "dismiss a suggestion", err)
}
