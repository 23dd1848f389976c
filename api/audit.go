package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// systemActor is who did what no user did.
const systemActor = "system"

// entry is one row of the audit log. It holds ids and counts, never what was
// said nor a number, so that erasing those does not break the chain.
type entry struct {
	At      time.Time
	Actor   string // user name or systemActor
	Action  act
	Subject string // "call:<id>", "user:<id>", ...
	Address string
	Detail  map[string]any
}

func userSubject(id string) string  { return "user:" + id }
func callSubject(id string) string  { return "call:" + id }
func (e *entry) instant() time.Time { return e.At.UTC().Truncate(time.Microsecond) }

// hash chains the entry to the one before: SHA-256 over it and the entry's fields as JSON.
func (e *entry) hash(id int64, prev []byte, detail json.RawMessage) []byte {
	b, _ := json.Marshal([]any{id, e.instant().UnixMicro(), e.Actor, e.Action.name, e.Subject, e.Address, detail}) // cannot fail: detail is JSON
	h := sha256.New()
	h.Write(prev)
	h.Write(b)
	return h.Sum(nil)
}

// auditLog is the append-only table of who did what.
type auditLog struct {
	db  *pg.DB
	now func() time.Time
}

// add appends in tx, so that an act and its row are there together or not at
// all. Writers take turns: each row needs the hash of the row before.
func (l *auditLog) add(ctx context.Context, tx pgx.Tx, e entry) error {
	if e.At.IsZero() {
		e.At = l.now()
	}
	detail, err := canonicalJSON(e.Detail)
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action.name, err)
	}
	if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.audit'))`); err != nil {
		return fmt.Errorf("audit %s: %w", e.Action.name, err)
	}
	var last int64
	prev := []byte{}
	err = tx.QueryRow(ctx, `select id, hash from audit order by id desc limit 1`).Scan(&last, &prev)
	if err != nil && err != pgx.ErrNoRows {
		return fmt.Errorf("audit %s: %w", e.Action.name, err)
	}
	id := last + 1
	_, err = tx.Exec(ctx, `insert into audit (id, at, actor, action, subject, address, detail, prev, hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		id, e.instant(), e.Actor, e.Action.name, e.Subject, e.Address, detail, prev, e.hash(id, prev, detail))
	if err != nil {
		return fmt.Errorf("audit %s: %w", e.Action.name, err)
	}
	return nil
}

// write is add in a transaction of its own.
func (l *auditLog) write(ctx context.Context, e entry) error {
	return l.db.Tx(ctx, func(tx pgx.Tx) error { return l.add(ctx, tx, e) })
}

// canonicalJSON is detail as it comes back from the database too: keys sorted, no spaces.
func canonicalJSON(detail map[string]any) (json.RawMessage, error) {
	if detail == nil {
		detail = map[string]any{}
	}
	return json.Marshal(detail)
}

// recompact brings what jsonb gives back into the form that was hashed.
func recompact(detail []byte) (json.RawMessage, error) {
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(detail))
	d.UseNumber()
	if err := d.Decode(&m); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}

// auditRow is an entry as it was kept.
type auditRow struct {
	entry
	id         int64
	detail     []byte
	prev, hash []byte
}

func scanAudit(row pgx.CollectableRow) (auditRow, error) {
	var r auditRow
	err := row.Scan(&r.id, &r.At, &r.Actor, &r.Action.name, &r.Subject, &r.Address, &r.detail, &r.prev, &r.hash)
	return r, err
}

const auditColumns = `id, at, actor, action, subject, address, detail, prev, hash`

// BrokenChainError says which row of the audit log was changed or is missing.
type BrokenChainError struct {
	ID int64 // of the first row that does not follow from the one before
}

func (e *BrokenChainError) Error() string {
	return fmt.Sprintf("the audit log was changed at row %d", e.ID)
}

// VerifyAudit walks the whole audit log and returns how many rows it has and the
// hash of the last, or a *BrokenChainError. Rows that retention removed from its
// beginning are no break.
func (s *Server) VerifyAudit(ctx context.Context) (rows int, head []byte, err error) {
	var last int64
	for {
		part, err := pg.Rows(ctx, s.db, scanAudit, `select `+auditColumns+` from audit where id > $1 order by id limit 1000`, last)
		if err != nil {
			return rows, head, fmt.Errorf("verify the audit log: %w", err)
		}
		for i := range part {
			r := &part[i]
			detail, err := recompact(r.detail)
			if err != nil {
				return rows, head, &BrokenChainError{r.id}
			}
			follows := rows == 0 || (bytes.Equal(r.prev, head) && r.id == last+1)
			if !follows || !bytes.Equal(r.hash, r.entry.hash(r.id, r.prev, detail)) {
				return rows, head, &BrokenChainError{r.id}
			}
			last, head = r.id, r.hash
			rows++
		}
		if len(part) < 1000 {
			return rows, head, nil
		}
	}
}

// expire removes rows older than before; the trigger allows it for this transaction only.
func (l *auditLog) expire(ctx context.Context, before time.Time) (int64, error) {
	var n int64
	err := l.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local tingxin.audit_retention = 'on'`); err != nil {
			return err
		}
		// Only from the beginning, so that no hole appears; the newest row stays: the chain goes on from it.
		tag, err := tx.Exec(ctx, `delete from audit where id < (select coalesce(min(id) filter (where at >= $1), max(id)) from audit)`, before)
		n = tag.RowsAffected()
		return err
	})
	return n, err
}
