package contact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nyaruka/phonenumbers"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// Person is who is to be erased, or whose data is taken out: everything by which rows of theirs are found.
type Person struct {
	IDs        []ID // the contact and those merged into it
	Identities []Identity
	// Numbers are the person's phone numbers in every form in which signalling may have written them;
	// short ones, such as an extension, are not among them.
	Numbers []string
}

// Ints are the ids as PostgreSQL takes them.
func (p *Person) Ints() []int64 {
	out := make([]int64, len(p.IDs))
	for i, id := range p.IDs {
		out[i] = int64(id)
	}
	return out
}

// Eraser takes a person out of one noun's rows.
type Eraser interface {
	// Erase deletes what is the person's, or masks it for good where a row must stay for the counts, in tx.
	// It tells how many rows of each table it touched and which files (absolute paths) are to be removed after
	// the commit. ErrBusy when something of theirs still runs.
	Erase(ctx context.Context, tx pgx.Tx, p *Person) (counts map[string]int64, files []string, err error)
	// Hits searches again, in the same tx, and tells what it still finds, by table.
	Hits(ctx context.Context, tx pgx.Tx, p *Person) (map[string]int64, error)
}

// Errors of erasing.
var (
	// ErrBusy says that something of the person still runs; it is tried again later.
	ErrBusy = errors.New("something of this person still runs")
	// ErrHeld says that a legal hold forbids it.
	ErrHeld = errors.New("a legal hold is on this person")
	// ErrAsked says that it was asked for already.
	ErrAsked = errors.New("erasing of this person was asked for already")
)

// States of an EraseJob.
const (
	EraseWaiting = "waiting"
	EraseDone    = "done"
	EraseHeld    = "held"   // a legal hold came in between
	EraseFailed  = "failed" // the search still found something; nothing was changed
)

// EraseJob is one erasing and, when done, its proof: it holds nothing of the person but ids and counts.
type EraseJob struct {
	ID          int64
	Contact     ID
	Scope       []ID
	State       string
	RequestedBy string
	Reason      string
	RequestedAt time.Time
	FinishedAt  time.Time
	Counts      map[string]int64 // rows by table
	Files       int
	LeftOver    map[string]int64 // what the search still found; empty when done
	ProofHash   string           // lower-case hex
	Error       string           // why it failed, or waits
	pending     []string
}

const eraseColumns = `id, contact_id, scope, state, requested_by, reason, requested_at, finished_at, counts, files, left_over, proof_hash, error, pending_files`

func scanErase(row pgx.CollectableRow) (EraseJob, error) {
	var j EraseJob
	var finished *time.Time
	err := row.Scan(&j.ID, &j.Contact, &j.Scope, &j.State, &j.RequestedBy, &j.Reason, &j.RequestedAt, &finished, &j.Counts, &j.Files, &j.LeftOver, &j.ProofHash, &j.Error, &j.pending)
	j.RequestedAt = j.RequestedAt.UTC()
	j.FinishedAt = pg.Moment(finished)
	return j, err
}

// Proof is the hash of all that a finished job says: SHA-256 over it as JSON. Anybody who has the row can
// compute it again; the audit log, which cannot be changed, holds it too.
func (j *EraseJob) Proof() string {
	b, _ := json.Marshal([]any{j.ID, j.Contact, j.Scope, j.RequestedBy, j.RequestedAt.UnixMicro(), j.FinishedAt.UnixMicro(), j.Counts, j.Files, j.LeftOver}) // cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// EraseArgs are the arguments of the job that erases.
type EraseArgs struct {
	Job int64 `json:"job"`
}

// Kind names the job in the table of jobs.
func (EraseArgs) Kind() string { return "erase_contact" }

// RequestErase notes that a person is to be erased; whoever asks inserts EraseArgs in the same
// tx. ErrHeld when a legal hold is on the person, ErrAsked when it was asked for already.
func (s *Store) RequestErase(ctx context.Context, tx pgx.Tx, id ID, by, reason string) (EraseJob, error) {
	j := EraseJob{State: EraseWaiting, RequestedBy: clean(by, maxSource), Reason: clean(reason, 200), RequestedAt: s.now().UTC().Truncate(time.Microsecond)}
	root, err := aliveRoot(ctx, tx, id)
	if err != nil {
		return j, wrap(id, "erase", err)
	}
	j.Contact = root
	held, err := heldIn(ctx, tx, root)
	if err == nil && held {
		err = ErrHeld
	}
	if err == nil {
		err = tx.QueryRow(ctx, `insert into erase_jobs (contact_id, state, requested_by, reason, requested_at) values ($1, $2, $3, $4, $5) returning id`,
			root, j.State, j.RequestedBy, j.Reason, j.RequestedAt).Scan(&j.ID)
	}
	if err = pg.Map(err); errors.Is(err, pg.ErrConflict) {
		err = ErrAsked
	}
	return j, wrap(id, "erase", err)
}

func heldIn(ctx context.Context, tx pgx.Tx, root ID) (held bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select 1 from contacts where root = $1 and legal_hold <> '')`, root).Scan(&held)
	return held, err
}

// EraseJobs are those of one contact, or of all when it is 0, newest first.
func (s *Store) EraseJobs(ctx context.Context, id ID, limit int) ([]EraseJob, error) {
	all, err := pg.Rows(ctx, s.db, scanErase, `select `+eraseColumns+` from erase_jobs where $1::bigint = 0 or contact_id in (select $1 union select root from contacts where id = $1) order by id desc limit $2`, id, limit)
	if err != nil {
		err = fmt.Errorf("erase jobs: %w", err)
	}
	return all, err
}

// eraseTime bounds one attempt.
const eraseTime = 5 * time.Minute

// Erase does a job that was asked for: one transaction takes the person out of every noun's rows and
// searches again, then the files go, then the proof is written. It may be repeated at any point. done is
// called in the transaction of the proof.
func (s *Store) Erase(ctx context.Context, job int64, done func(context.Context, pgx.Tx, EraseJob) error) (EraseJob, error) {
	j, err := pg.Row(ctx, s.db, scanErase, `select `+eraseColumns+` from erase_jobs where id = $1`, job)
	if err == nil && j.State == EraseWaiting && len(j.Counts) == 0 {
		err = s.eraseRows(ctx, &j)
	}
	if err == nil && j.State == EraseWaiting {
		err = s.eraseFiles(ctx, &j, done)
	}
	if err != nil {
		err = fmt.Errorf("erase job %d: %w", job, err)
	}
	return j, err
}

// long is a transaction that may take longer than a statement of a page.
func (s *Store) long(ctx context.Context, f func(pgx.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, eraseTime)
	defer cancel()
	return pg.Map(pgx.BeginFunc(ctx, s.db.Pool(), f))
}

// errLeft rolls back an erasing whose search still found something.
var errLeft = errors.New("the search still finds the person")

func (s *Store) eraseRows(ctx context.Context, j *EraseJob) error {
	err := s.long(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `select state from erase_jobs where id = $1 for update`, j.ID).Scan(&j.State); err != nil || j.State != EraseWaiting {
			return err
		}
		p, err := s.person(ctx, tx, j.Contact)
		if err != nil {
			return err
		}
		if held, err := heldIn(ctx, tx, j.Contact); err != nil || held {
			j.State, j.Error = EraseHeld, ""
			return errors.Join(err, s.endErase(ctx, tx, j))
		}
		if _, err := tx.Exec(ctx, `select set_config('tingxin.erase', 'on', true)`); err != nil {
			return err
		}
		j.Scope, j.Counts, j.LeftOver, j.pending = p.IDs, map[string]int64{}, map[string]int64{}, nil
		for _, n := range append(s.nouns, Noun{Name: "contacts", Eraser: ownRows{}}) {
			if n.Eraser == nil {
				continue
			}
			counts, files, err := n.Eraser.Erase(ctx, tx, p)
			if err != nil {
				return fmt.Errorf("%s: %w", n.Name, err)
			}
			maps.Copy(j.Counts, counts)
			j.pending = append(j.pending, files...)
		}
		if err := s.searchAgain(ctx, tx, p, j); err != nil {
			return err
		}
		j.Files = len(j.pending)
		_, err = tx.Exec(ctx, `update erase_jobs set scope = $2, counts = $3, files = $4, pending_files = $5 where id = $1`, j.ID, j.Scope, j.Counts, j.Files, nonNil(j.pending))
		return err
	})
	if errors.Is(err, errLeft) {
		j.State, j.Counts, j.Files = EraseFailed, map[string]int64{}, 0
		j.Error = errLeft.Error() // nothing was committed: all is as before
		return s.db.Tx(ctx, func(tx pgx.Tx) error { return s.endErase(ctx, tx, j) })
	}
	return err
}

func nonNil(files []string) []string {
	if files == nil {
		return []string{}
	}
	return files
}

// searchAgain proves in the same transaction that nothing is found any more.
func (s *Store) searchAgain(ctx context.Context, tx pgx.Tx, p *Person, j *EraseJob) error {
	for _, n := range append(s.nouns, Noun{Name: "contacts", Eraser: ownRows{}}) {
		if n.Eraser == nil {
			continue
		}
		hits, err := n.Eraser.Hits(ctx, tx, p)
		if err != nil {
			return fmt.Errorf("search in %s: %w", n.Name, err)
		}
		for table, count := range hits {
			if count > 0 {
				j.LeftOver[table] = count
			}
		}
	}
	if len(j.LeftOver) > 0 {
		return errLeft
	}
	return nil
}

// person reads all by which rows of the person are found, and holds the person's own rows.
func (s *Store) person(ctx context.Context, tx pgx.Tx, id ID) (*Person, error) {
	rows, err := tx.Query(ctx, `select id from contacts where root = (select root from contacts where id = $1) order by id for update`, id)
	if err != nil {
		return nil, err
	}
	p := &Person{}
	if p.IDs, err = pgx.CollectRows(rows, pgx.RowTo[ID]); err != nil {
		return nil, err
	}
	if len(p.IDs) == 0 {
		return nil, pg.ErrNotFound
	}
	rows, err = tx.Query(ctx, `select `+identityColumns+` from contact_identities i where i.contact_id = any($1) order by i.id`, p.IDs)
	if err != nil {
		return nil, err
	}
	if p.Identities, err = pgx.CollectRows(rows, scanIdentity); err != nil {
		return nil, err
	}
	p.Numbers = numbersOf(p.Identities)
	return p, nil
}

// Mentions are the numbers, without +, and addresses by which others may have named the person, the longest first.
func (p *Person) Mentions() []string {
	var out []string
	add := func(v string) {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	for _, n := range p.Numbers {
		add(strings.TrimPrefix(n, "+"))
	}
	for i := range p.Identities {
		if p.Identities[i].Kind == KindEmail {
			add(p.Identities[i].Value)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// leastNumber is how many digits make a number that is somebody's and no extension of many houses.
const leastNumber = 7

// numbersOf are the forms of phone numbers: +8613800138000, 8613800138000, 008613800138000, 13800138000.
func numbersOf(identities []Identity) []string {
	seen := map[string]bool{}
	out := []string{}
	add := func(n string) {
		if len(strings.TrimPrefix(n, "+")) >= leastNumber && !seen[n] {
			seen[n] = true
			out = append(out, n)
		}
	}
	for i := range identities {
		if identities[i].Kind != KindPhone {
			continue
		}
		number := identities[i].Value
		add(number)
		p, err := phonenumbers.Parse(number, "")
		if err != nil {
			continue
		}
		add(strings.TrimPrefix(number, "+"))
		add("00" + strings.TrimPrefix(number, "+"))
		add(phonenumbers.GetNationalSignificantNumber(p))
		add(digitsOf(phonenumbers.Format(p, phonenumbers.NATIONAL)))
	}
	return out
}

func digitsOf(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// eraseFiles removes what the rows named and writes the proof.
func (s *Store) eraseFiles(ctx context.Context, j *EraseJob, done func(context.Context, pgx.Tx, EraseJob) error) error {
	for _, name := range j.pending {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a file: %w", err)
		}
	}
	j.State, j.Error, j.FinishedAt = EraseDone, "", s.now().UTC().Truncate(time.Microsecond)
	if j.LeftOver == nil {
		j.LeftOver = map[string]int64{}
	}
	j.ProofHash = j.Proof()
	return s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.endErase(ctx, tx, j); err != nil {
			return err
		}
		if done == nil {
			return nil
		}
		return done(ctx, tx, *j)
	})
}

func (s *Store) endErase(ctx context.Context, tx pgx.Tx, j *EraseJob) error {
	if j.FinishedAt.IsZero() {
		j.FinishedAt = s.now().UTC().Truncate(time.Microsecond)
	}
	if j.LeftOver == nil {
		j.LeftOver = map[string]int64{}
	}
	_, err := tx.Exec(ctx, `update erase_jobs set state = $2, finished_at = $3, left_over = $4, proof_hash = $5, error = $6, pending_files = '{}' where id = $1 and state = 'waiting'`,
		j.ID, j.State, j.FinishedAt, j.LeftOver, j.ProofHash, j.Error)
	return err
}

// named is the condition that somebody searched for the person; $1 are identities, $2 the ids.
func named(column string) string {
	return `exists (select 1 from (select unnest($1::text[]) union all select name from contacts where id = any($2)) v (v) where v.v <> '' and strpos(lower(` + column + `), lower(v.v)) > 0)`
}

// ownRows is the eraser of this package's own tables, and of what lists were asked for with.
type ownRows struct{}

// Erase implements Eraser.
func (ownRows) Erase(ctx context.Context, tx pgx.Tx, p *Person) (map[string]int64, []string, error) {
	values := make([]string, len(p.Identities))
	hashes := [][]byte{}
	rows, err := tx.Query(ctx, `select value_hash from contact_identities where contact_id = any($1)`, p.IDs)
	if err != nil {
		return nil, nil, err
	}
	if hashes, err = pgx.AppendRows(hashes, rows, pgx.RowTo[[]byte]); err != nil {
		return nil, nil, err
	}
	for i := range p.Identities {
		values[i] = p.Identities[i].Value
	}
	asked := append(slices.Clone(values), p.Numbers...)
	counts := map[string]int64{}
	for _, step := range []struct {
		table, sql string
		args       []any
	}{
		{"contact_identities", `delete from contact_identities where contact_id = any($1) or value_hash = any($2)`, []any{p.IDs, hashes}}, // also where others said it
		{"contact_notes", `delete from contact_notes where contact_id = any($1)`, []any{p.IDs}},
		{"contact_suggestions", `delete from contact_suggestions where a = any($1) or b = any($1)`, []any{p.IDs}},
		{"contact_merges", `delete from contact_merges where survivor = any($1) or merged = any($1)`, []any{p.IDs}},
		{"contact_baselines", `delete from contact_baselines where contact_id = any($1)`, []any{p.IDs}},
		{"consents", `update consents set contact_id = null, identity = '', proof = '', call_id = null where contact_id = any($1) or identity = any($2)`, []any{p.IDs, append(values, p.Numbers...)}},
		{"contact_exports", `update contact_exports set filter = filter - 'query' where ` + named("filter ->> 'query'"), []any{asked, p.IDs}},
		{"exports", `update exports set query = query - 'text' where ` + named("query ->> 'text'"), []any{asked, p.IDs}},
		{"contacts", `update contacts set name = '', language = '', vip = false, tags = '{}', fields = '{}', grams = '{}', erased_at = now(), updated_at = now() where id = any($1)`, []any{p.IDs}},
	} {
		tag, err := tx.Exec(ctx, step.sql, step.args...)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.table, err)
		}
		if n := tag.RowsAffected(); n > 0 {
			counts[step.table] = n
		}
	}
	return counts, nil, nil
}

// Hits implements Eraser.
func (ownRows) Hits(ctx context.Context, tx pgx.Tx, p *Person) (map[string]int64, error) {
	values := make([]string, len(p.Identities))
	for i := range p.Identities {
		values[i] = p.Identities[i].Value
	}
	hits := map[string]int64{}
	for _, q := range []struct {
		table, sql string
		args       []any
	}{
		{"contact_identities", `select count(*) from contact_identities where contact_id = any($1) or value = any($2)`, []any{p.IDs, values}},
		{"contact_notes", `select count(*) from contact_notes where contact_id = any($1)`, []any{p.IDs}},
		{"contact_suggestions", `select count(*) from contact_suggestions where a = any($1) or b = any($1)`, []any{p.IDs}},
		{"contact_merges", `select count(*) from contact_merges where survivor = any($1) or merged = any($1)`, []any{p.IDs}},
		{"contact_baselines", `select count(*) from contact_baselines where contact_id = any($1)`, []any{p.IDs}},
		{"consents", `select count(*) from consents where contact_id = any($1) or identity = any($2)`, []any{p.IDs, append(values, p.Numbers...)}},
		{"contacts", `select count(*) from contacts where id = any($1) and (name <> '' or tags <> '{}' or fields <> '{}' or erased_at is null)`, []any{p.IDs}},
	} {
		var n int64
		if err := tx.QueryRow(ctx, q.sql, q.args...).Scan(&n); err != nil {
			return nil, fmt.Errorf("%s: %w", q.table, err)
		}
		hits[q.table] = n
	}
	return hits, nil
}

// waits notes why a job is not done yet.
func (s *Store) waits(ctx context.Context, job int64) error {
	_, err := s.db.Exec(ctx, `update erase_jobs set error = $2 where id = $1 and state = 'waiting'`, job, ErrBusy.Error())
	return err
}

// EraseWorker does the jobs that erase.
type EraseWorker struct {
	river.WorkerDefaults[EraseArgs]
	Store *Store
	Log   *slog.Logger
	// Done is called in the transaction of the proof, for the audit row.
	Done func(context.Context, pgx.Tx, EraseJob) error
}

// Work implements river.Worker.
func (w *EraseWorker) Work(ctx context.Context, job *river.Job[EraseArgs]) error {
	j, err := w.Store.Erase(ctx, job.Args.Job, w.Done)
	switch {
	case errors.Is(err, ErrBusy):
		if err := w.Store.waits(ctx, job.Args.Job); err != nil {
			return err
		}
		return river.JobSnooze(time.Minute)
	case errors.Is(err, pg.ErrNotFound):
		return river.JobCancel(err)
	case err != nil:
		w.Log.Warn("a person is not erased; it is tried again", "job", job.Args.Job, "contact", j.Contact, "error", err)
		return err
	}
	w.Log.Info("erase", "job", j.ID, "contact", j.Contact, "state", j.State, "files", j.Files)
	return nil
}

// Timeout implements river.Worker.
func (w *EraseWorker) Timeout(*river.Job[EraseArgs]) time.Duration { return eraseTime + time.Minute }
