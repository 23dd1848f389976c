package contact

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// ErrCursor says that a page cursor was not made here.
var ErrCursor = errors.New("the cursor is not one that this server gave out")

// Filter narrows List. Zero fields do not narrow.
type Filter struct {
	// Query is part of a name, a whole e-mail address or other identity, a phone number or its last four digits and more, or "#" and an id.
	Query    string `json:"query,omitempty"`
	Tag      string `json:"tag,omitempty"`
	Language string `json:"language,omitempty"`
	Kind     Kind   `json:"kind,omitempty"` // has an identity of it
	VIP      bool   `json:"vip,omitempty"`
	Suggest  bool   `json:"suggest,omitempty"` // may be the same as somebody else
	Cursor   string `json:"-"`
	Limit    int    `json:"-"` // 1..200, 50 when zero
	Count    bool   `json:"-"`
	Fixed    bool   `json:"-"` // the latest made first: an order in which nobody moves while pages are read
}

const (
	defaultLimit = 50
	maxLimit     = 200
	// CountLimit is where counting of matches stops.
	CountLimit = MaxExport + 1
)

// Item is a contact as lists show it.
type Item struct {
	Contact
	Identities []Identity // at most four, the verified first
	Suggested  bool       // may be the same as somebody else
}

// Page is one page of contacts, the last changed first.
type Page struct {
	Items []Item
	Next  string // cursor of the next page, empty on the last one
	Total int    // when asked for, at most CountLimit
}

// List is a page of the people who were not merged into others nor erased.
func (s *Store) List(ctx context.Context, f Filter) (Page, error) {
	page, err := s.list(ctx, f)
	if err != nil && !errors.Is(err, ErrCursor) {
		err = fmt.Errorf("list contacts: %w", err)
	}
	return page, err
}

func (s *Store) list(ctx context.Context, f Filter) (Page, error) {
	w, err := s.where(ctx, &f)
	if err != nil {
		return Page{}, err
	}
	var page Page
	if f.Count {
		if page.Total, err = s.count(ctx, w); err != nil {
			return Page{}, err
		}
	}
	if f.Cursor != "" {
		at, id, err := parseCursor(f.Cursor)
		if err != nil {
			return Page{}, err
		}
		if f.Fixed {
			w.add(`k.id < ?`, id)
		} else {
			w.add(`(k.updated_at, k.id) < (?, ?)`, at, id)
		}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	order, outer := `k.updated_at desc, k.id desc`, `updated_at desc, id desc`
	if f.Fixed {
		order, outer = `k.id desc`, `id desc`
	}
	rows, err := pg.Rows(ctx, s.db, scanItem, `select `+columns+`, exists (select 1 from contact_suggestions g join contacts ka on ka.id = g.a join contacts kb on kb.id = g.b
			where g.state = 'open' and ka.root <> kb.root and (g.a = p.id or g.b = p.id)) from (select k.* from contacts k`+w.String()+`
		order by `+order+` limit `+strconv.Itoa(limit+1)+`) p order by `+outer, w.args...)
	if err != nil {
		return Page{}, err
	}
	if len(rows) > limit {
		rows = rows[:limit]
		page.Next = cursorOf(rows[limit-1].UpdatedAt, rows[limit-1].ID)
	}
	page.Items = rows
	return page, s.addIdentities(ctx, rows)
}

func (s *Store) count(ctx context.Context, w *conditions) (int, error) {
	return pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*) from (select 1 from contacts k`+w.String()+` limit `+strconv.Itoa(CountLimit)+`) x`, w.args...)
}

func scanItem(row pgx.CollectableRow) (Item, error) {
	var it Item
	c := &it.Contact
	var erased *time.Time
	err := row.Scan(&c.ID, &c.Root, &c.Name, &c.Language, &c.VIP, &c.Tags, &c.Fields, &c.LegalHold, &erased, &c.CreatedAt, &c.UpdatedAt, &it.Suggested)
	c.CreatedAt, c.UpdatedAt = c.CreatedAt.UTC(), c.UpdatedAt.UTC()
	return it, err
}

// addIdentities looks up the identities of a page.
func (s *Store) addIdentities(ctx context.Context, items []Item) error {
	ids := make([]ID, len(items))
	at := make(map[ID]*Item, len(items))
	for i := range items {
		ids[i], at[items[i].ID] = items[i].ID, &items[i]
	}
	type of struct {
		root ID
		Identity
	}
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (of, error) {
		var o of
		err := row.Scan(&o.root, &o.ID, &o.Contact, &o.Kind, &o.Account, &o.Value, &o.Verified, &o.Carried, &o.Source, &o.CreatedAt)
		return o, err
	}, `select r.id, i.* from unnest($1::bigint[]) r (id) cross join lateral (select `+identityColumns+` from contacts k join contact_identities i on i.contact_id = k.id
		where k.root = r.id order by i.verified desc, i.carried desc, i.kind = 'phone' desc, i.kind = 'email' desc, i.id limit 4) i`, ids)
	if err != nil {
		return err
	}
	for _, o := range all {
		at[o.root].Identities = append(at[o.root].Identities, o.Identity)
	}
	return nil
}

// where is the filter as conditions over contacts k.
func (s *Store) where(ctx context.Context, f *Filter) (*conditions, error) {
	w := &conditions{}
	w.add(`k.merged_into is null and k.erased_at is null`)
	var args []any
	if sql := team.Condition(ctx, team.Contacts, "k", func(v any) string { args = append(args, v); return "?" }); sql != "" {
		w.add(sql, args...)
	}
	if f.Tag != "" {
		w.add(`k.tags @> array[?::text]`, f.Tag)
	}
	if f.Language != "" {
		w.add(`k.language = ?`, f.Language)
	}
	if f.VIP {
		w.add(`k.vip`)
	}
	if f.Kind != "" {
		w.add(`exists (select 1 from contacts m join contact_identities i on i.contact_id = m.id where m.root = k.id and i.kind = ?)`, f.Kind)
	}
	if f.Suggest {
		w.add(`k.id in (select unnest(array[ka.root, kb.root]) from contact_suggestions g join contacts ka on ka.id = g.a join contacts kb on kb.id = g.b
			where g.state = 'open' and ka.root <> kb.root)`)
	}
	return w, s.search(ctx, w, clean(f.Query, maxValue))
}

// Digits of a phone number's end that find it; fewer would list everybody.
const leastDigits = 4

// search narrows by what was typed. Identities are found whole, by their hash, or phones by
// their end: parts of them could be used to guess what is masked.
func (s *Store) search(ctx context.Context, w *conditions, q string) error {
	if q == "" {
		return nil
	}
	if id, ok := strings.CutPrefix(q, "#"); ok {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			n = 0
		}
		w.add(`k.id = (select root from contacts where id = ?)`, n)
		return nil
	}
	key, err := s.hashKey(ctx)
	if err != nil {
		return err
	}
	hashes := [][]byte{}
	for _, kind := range Kinds {
		if value, err := Normalise(kind, q, s.cfg.Region); err == nil {
			hashes = append(hashes, hash(key, kind, "", value))
		}
	}
	sql := `k.id in (select m.root from contact_identities i join contacts m on m.id = i.contact_id where i.value_hash = any(?)`
	args := []any{hashes}
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, q)
	if len(digits) >= leastDigits && strings.Trim(q, "0123456789+-() ") == "" {
		sql += ` union select m.root from contact_identities i join contacts m on m.id = i.contact_id where i.kind = 'phone' and reverse(i.value) like ?`
		args = append(args, reverse(digits)+"%")
	}
	args = append(args, grams(q), strings.ToLower(q))
	w.add(`(`+sql+`) or (k.grams @> ? and strpos(lower(k.name), ?) > 0))`, args...)
	return nil
}

func reverse(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// conditions collects the parts of a where clause and their arguments.
type conditions struct {
	parts []string
	args  []any
}

// add takes a condition with a ? for each argument.
func (w *conditions) add(sql string, args ...any) {
	for _, a := range args {
		w.args = append(w.args, a)
		sql = strings.Replace(sql, "?", "$"+strconv.Itoa(len(w.args)), 1)
	}
	w.parts = append(w.parts, sql)
}

func (w *conditions) String() string { return " where " + strings.Join(w.parts, " and ") }

// cursorVersion is the first byte of a cursor; another order of pages gets another one.
const cursorVersion = 1

func cursorOf(at time.Time, id ID) string {
	b := []byte{cursorVersion}
	b = binary.BigEndian.AppendUint64(b, uint64(at.UnixMicro()))
	b = binary.BigEndian.AppendUint64(b, uint64(id))
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string) (time.Time, ID, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s[:min(len(s), 64)])
	if err != nil || len(b) != 17 || b[0] != cursorVersion {
		return time.Time{}, 0, ErrCursor
	}
	at := time.UnixMicro(int64(binary.BigEndian.Uint64(b[1:]))).UTC()
	if at.Year() < 1 || at.Year() > 9999 {
		return time.Time{}, 0, ErrCursor
	}
	return at, ID(binary.BigEndian.Uint64(b[9:])), nil
}
