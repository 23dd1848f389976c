package bot

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp/pii"
	"tingxin/nlp/slot"
	"tingxin/pg"
)

// memory is the slot store.
type memory struct {
	db   *pg.DB
	seal *sealer
}

// keep says how long a value of a name is held, and for whom.
type keep struct {
	scope string
	lasts time.Duration
}

// Scopes of values.
const (
	scopeTurn         = "turn"
	scopeConversation = "conversation"
	scopeContact      = "contact"
)

const (
	untilChanged = 10 * 365 * 24 * time.Hour
	afterClose   = 24 * time.Hour // of identity and card numbers, and of what belongs to a conversation
	maxHeld      = 200            // rows that a turn looks at
)

// keeps by slot name; other names belong to the conversation.
var keeps = map[string]keep{
	"phone": {scopeContact, untilChanged}, "email": {scopeContact, untilChanged},
	"order": {scopeContact, 30 * 24 * time.Hour}, "tracking": {scopeContact, 30 * 24 * time.Hour},
}

// nameOf is the slot that values of a type go into.
func nameOf(t slot.Type) string {
	if t == slot.Mobile || t == slot.Tel {
		return "phone"
	}
	return string(t)
}

// sealedNames are never stored in the clear.
func sealedName(name string) bool { return name == string(slot.ID18) || name == string(slot.BankCard) }

// row is one value in the store.
type row struct {
	Held
	Contact int64
	raw     string
	sealed  []byte
	plain   string // the value itself, only in memory for sealed ones
	fresh   bool   // found in this turn, not written yet
	refused bool
}

// family are all ids that stand for the person whose id is a statement's parameter n.
func family(n int) string {
	return fmt.Sprintf(`select id from contacts where root = (select root from contacts where id = $%d)`, n)
}

const heldColumns = `id, coalesce(session_id::text, ''), coalesce(contact_id, 0), name, value, sealed, shown, scope, source, channel, turn, p, confirmed, at, expires_at`

func scanHeld(r pgx.CollectableRow) (row, error) {
	var v row
	err := r.Scan(&v.ID, &v.Session, &v.Contact, &v.Name, &v.plain, &v.sealed, &v.Value, &v.Scope, &v.Source, &v.Channel, &v.Turn, &v.P, &v.Confirmed, &v.At, &v.Expires)
	return v, err
}

// load gives what is held for a session and its contact, newest first.
func (m *memory) load(ctx context.Context, session string, contact int64, now time.Time) ([]row, error) {
	rows, err := pg.Rows(ctx, m.db, scanHeld, `select `+heldColumns+` from (
			(select * from bot_slots where session_id = $1 and not refused and expires_at > $3 order by id desc limit $4)
			union
			(select * from bot_slots where contact_id = any(array(`+family(2)+`)) and scope = 'contact' and not refused and expires_at > $3 order by id desc limit $4)
		) s order by id desc limit $4`, session, contact, now, maxHeld)
	if err != nil {
		return nil, fmt.Errorf("values of session %s: %w", session, err)
	}
	for i := range rows {
		r := &rows[i]
		if r.sealed == nil {
			continue
		}
		if r.plain, err = m.seal.open(r.Session+"/"+r.Name, r.sealed); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// value of a row of a session that was spoken of, also one that turned out to be wrong; "" when there is none.
func (m *memory) value(ctx context.Context, session string, id int64) (string, error) {
	if id == 0 {
		return "", nil
	}
	v, err := pg.Row(ctx, m.db, pgx.RowTo[string], `select value from bot_slots where id = $1 and session_id = $2 and sealed is null`, id, session)
	if errors.Is(err, pg.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("value %d: %w", id, err)
	}
	return v, nil
}

// ids takes n numbers for rows to come, so that a session's state can name them.
func (m *memory) ids(ctx context.Context, n int) ([]int64, error) {
	ids, err := pg.Rows(ctx, m.db, pgx.RowTo[int64], `select nextval('bot_slots_id_seq') from generate_series(1, $1)`, n)
	if err != nil {
		return nil, fmt.Errorf("numbers of values: %w", err)
	}
	return ids, nil
}

// put writes new rows in tx.
func (m *memory) put(ctx context.Context, tx pgx.Tx, rows []row) error {
	for i := range rows {
		r := &rows[i]
		value, raw := r.plain, r.raw
		var sealed []byte
		if sealedName(r.Name) {
			sealed, value, raw = m.seal.seal(r.Session+"/"+r.Name, r.plain), "", ""
		}
		_, err := tx.Exec(ctx, `insert into bot_slots (id, session_id, contact_id, name, value, raw, sealed, shown, scope, channel, turn, source, p, confirmed, refused, at, expires_at)
			overriding system value values ($1, $2, nullif($3::bigint, 0), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
			r.ID, r.Session, r.Contact, r.Name, value, raw, sealed, r.Value, r.Scope, r.Channel, r.Turn, r.Source, r.P, r.Confirmed, r.refused, r.At, r.Expires)
		if err != nil {
			return fmt.Errorf("keep %s: %w", r.Name, err)
		}
	}
	return nil
}

// settle marks rows that were there before as confirmed or refused in tx.
func (m *memory) settle(ctx context.Context, tx pgx.Tx, confirmed, refused []int64) error {
	if len(confirmed)+len(refused) == 0 {
		return nil
	}
	// An empty list is not null: "id = any(null)" is neither true nor false.
	confirmed, refused = append([]int64{}, confirmed...), append([]int64{}, refused...)
	_, err := tx.Exec(ctx, `update bot_slots set confirmed = confirmed or id = any($1), refused = refused or id = any($2), p = case when id = any($1) then 1 else p end where id = any($1) or id = any($2)`, confirmed, refused)
	if err != nil {
		return fmt.Errorf("settle values: %w", err)
	}
	return nil
}

// newRow is a value as it comes from a message.
func newRow(name, value, raw string, p float64) row {
	return row{Held: Held{Name: name, Value: shownAs(name, value), P: p}, plain: value, raw: raw, fresh: true}
}

// shownAs masks what may not be read by everybody.
func shownAs(name, value string) string {
	if !sealedName(name) {
		return value
	}
	return pii.Number(value)
}

// unsure is a correction that may be meant in two ways.
func (r *row) unsure() bool { return r.raw == "" && r.P < 0.8 }

// held is what a turn knows: rows, newest first.
type held []row

// byID finds a row.
func (h held) byID(id int64) *row {
	if i := slices.IndexFunc(h, func(r row) bool { return r.ID == id }); i >= 0 {
		return &h[i]
	}
	return nil
}

// of a name that were not refused, one per distinct value, newest first.
func (h held) of(name string) []*row {
	var out []*row
	for i := range h {
		r := &h[i]
		if r.Name == name && !r.refused && !slices.ContainsFunc(out, func(o *row) bool { return o.plain == r.plain }) {
			out = append(out, r)
		}
	}
	return out
}

// shown are the newest live values of each name, as a reply lists them.
func (h held) shown() []Held {
	out := []Held{}
	for i := range h {
		r := &h[i]
		if !r.refused && !slices.ContainsFunc(out, func(o Held) bool { return o.Name == r.Name }) {
			out = append(out, r.Held)
		}
	}
	slices.SortFunc(out, func(a, b Held) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// near corrects a value that was dictated: when it differs in one place from exactly
// one value that this contact is known to have, that one is meant, and is asked about.
func (h held) near(name, value string) (*row, bool) {
	var found *row
	for _, r := range h.of(name) {
		switch d := distance(r.plain, value); {
		case d == 0:
			return nil, false
		case d == 1 && found != nil:
			return nil, false
		case d == 1:
			found = r
		}
	}
	return found, found != nil
}

// distance of Levenshtein, exact up to 1 and at least 2 otherwise.
func distance(a, b string) int {
	if a == b {
		return 0
	}
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return 2
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) == len(b) && a[i+1:] == b[i+1:] || len(a) < len(b) && a[i:] == b[i+1:] {
		return 1
	}
	return 2
}

// Slots gives what is held for a contact, newest first, with history.
func (e *Engine) Slots(ctx context.Context, contact int64) ([]Held, error) {
	rows, err := pg.Rows(ctx, e.db, scanHeld, `select `+heldColumns+` from bot_slots where contact_id = any(array(`+family(1)+`)) and scope = 'contact' and not refused and expires_at > $2 order by id desc limit $3`, contact, e.now(), maxHeld)
	if err != nil {
		return nil, fmt.Errorf("values of contact %d: %w", contact, err)
	}
	out := make([]Held, len(rows))
	for i := range rows {
		out[i] = rows[i].Held
	}
	return out, nil
}

// ErrValue says that a value is none that can be kept under its name.
var ErrValue = errors.New("this is no such value")

// maxSlotValue bounds what an agent may write, in characters.
const maxSlotValue = 200

// ChangeSlot has an agent correct a value: the new one is kept as told by the agent and sure, the old
// one counts no more. Identity and card numbers are only told by customers. It gives the new one's id.
func (e *Engine) ChangeSlot(ctx context.Context, tx pgx.Tx, id int64, value string) (int64, error) {
	var name string
	if err := tx.QueryRow(ctx, `select name from bot_slots where id = $1 and not refused for update`, id).Scan(&name); err != nil {
		return 0, pg.Map(err)
	}
	value = strings.TrimSpace(value)
	if value == "" || utf8.RuneCountInString(value) > maxSlotValue || strings.ContainsFunc(value, unicode.IsControl) || sealedName(name) {
		return 0, fmt.Errorf("%w: %s", ErrValue, name)
	}
	if _, known := keeps[name]; known { // as it would be understood in a message
		finder, err := e.Finder(ctx)
		if err != nil {
			return 0, err
		}
		found, err := finder.Find(value, e.now())
		if err != nil {
			return 0, fmt.Errorf("%w: %s", ErrValue, name)
		}
		i := slices.IndexFunc(found, func(v slot.Value) bool { return nameOf(v.Type) == name && v.Raw == value })
		if i < 0 {
			return 0, fmt.Errorf("%w: %s", ErrValue, name)
		}
		value = found[i].Value
	}
	var made int64
	err := tx.QueryRow(ctx, `insert into bot_slots (session_id, contact_id, name, value, raw, shown, scope, channel, turn, source, p, confirmed, at, expires_at)
		select session_id, contact_id, name, $2, $2, $2, scope, channel, turn, 'agent', 1, true, $3, greatest(expires_at, $4) from bot_slots where id = $1 returning id`,
		id, value, e.now(), e.now().Add(keeps[name].lasts)).Scan(&made)
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `update bot_slots set refused = true where id = $1`, id)
	return made, err
}

// ForgetSlot removes one value for good.
func (e *Engine) ForgetSlot(ctx context.Context, tx pgx.Tx, id int64) error {
	tag, err := tx.Exec(ctx, `delete from bot_slots where id = $1`, id)
	if err == nil && tag.RowsAffected() == 0 {
		return pg.ErrNotFound
	}
	return err
}

// Memory is what the bot keeps of a person, as their archive has it.
type Memory struct {
	Values []MemoryValue `json:"values"`
	Said   []MemoryTurn  `json:"said"`
}

// MemoryValue is a value that is remembered; numbers of identity and bank cards are masked.
type MemoryValue struct {
	Name    string    `json:"name"`
	Value   string    `json:"value"`
	Source  string    `json:"source"`
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires"`
}

// MemoryTurn is what somebody said to the bot.
type MemoryTurn struct {
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
	Text    string    `json:"text"`
}

// mostRemembered is how many values and turns one archive holds.
const mostRemembered = 10000

// MemoryOf is what the bot keeps of the given contacts.
func MemoryOf(ctx context.Context, db *pg.DB, contacts []int64) (Memory, error) {
	var n Memory
	var err1, err2 error
	n.Values, err1 = pg.Rows(ctx, db, pgx.RowToStructByPos[MemoryValue], `select name, shown, source, channel, at, expires_at from bot_slots
		where contact_id = any($1) or session_id in (select id from bot_sessions where contact_id = any($1)) order by id limit $2`, contacts, mostRemembered)
	n.Said, err2 = pg.Rows(ctx, db, pgx.RowToStructByPos[MemoryTurn], `select s.channel, t.at, t.text from bot_turns t join bot_sessions s on s.id = t.session_id
		where s.contact_id = any($1) order by t.id limit $2`, contacts, mostRemembered)
	if err := errors.Join(err1, err2); err != nil {
		return n, fmt.Errorf("what the bot noted of a contact: %w", err)
	}
	return n, nil
}

// EraseContact removes everything of a person in tx and tells how many rows of which table went. Who else told the bot one
// of the mentions, numbers and addresses of the person, is no longer remembered with it.
func (e *Engine) EraseContact(ctx context.Context, tx pgx.Tx, contact int64, mentions []string) (map[string]int64, error) {
	counts := make(map[string]int64)
	for _, s := range []struct{ table, sql string }{
		{"labels", `delete from labels using predictions p, bot_turns t, bot_sessions s where labels.prediction_id = p.id and p.object_type = 'bot_turn' and p.object_id = t.id::text and t.session_id = s.id and s.contact_id in (` + family(1) + `)`},
		{"predictions", `delete from predictions p using bot_turns t, bot_sessions s where p.object_type = 'bot_turn' and p.object_id = t.id::text and t.session_id = s.id and s.contact_id in (` + family(1) + `)`},
		{"bot_slots", `delete from bot_slots where contact_id in (` + family(1) + `) or session_id in (select id from bot_sessions where contact_id in (` + family(1) + `))`},
		{"bot_turns", `delete from bot_turns using bot_sessions s where bot_turns.session_id = s.id and s.contact_id in (` + family(1) + `)`},
		{"bot_sessions", `delete from bot_sessions where contact_id in (` + family(1) + `)`},
	} {
		tag, err := tx.Exec(ctx, s.sql, contact)
		if err != nil {
			return nil, fmt.Errorf("erase contact %d from %s: %w", contact, s.table, err)
		}
		counts[s.table] = tag.RowsAffected()
	}
	for _, v := range mentions {
		sessions, err := pg.TxRows(ctx, tx, pgx.RowTo[string], `delete from bot_slots where $1 in (lower(value), lower(raw)) or ltrim(value, '+') = $1 returning session_id::text`, strings.ToLower(v))
		if err != nil {
			return nil, fmt.Errorf("erase mentions from bot_slots: %w", err)
		}
		counts["bot_slots"] += int64(len(sessions))
		word := regexp.QuoteMeta(v)
		for table, sql := range map[string]string{
			"bot_turns":    `update bot_turns set text = regexp_replace(text, $2, '****', 'gi'), explanation = regexp_replace(explanation::text, $2, '****', 'gi')::jsonb where session_id = any($1::uuid[]) and text ~* $2`,
			"bot_sessions": `update bot_sessions set state = regexp_replace(state::text, $2, '****', 'gi')::jsonb where id = any($1::uuid[]) and state::text ~* $2`,
		} {
			tag, err := tx.Exec(ctx, sql, sessions, word)
			if err != nil {
				return nil, fmt.Errorf("erase mentions from %s: %w", table, err)
			}
			counts[table] += tag.RowsAffected()
		}
	}
	return counts, nil
}
