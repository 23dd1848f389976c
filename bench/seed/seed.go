package seed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
	"tingxin/report"
)

// Options say how much.
type Options struct {
	Days     int
	Messages int
	Calls    int
	Agents   int
	Seed     uint64
	// Force loads into a database that holds rows already.
	Force bool
	// Now is where the months end.
	Now time.Time
}

const (
	perConversation = 10 // messages, on average
	perTicket       = 20 // contacts, of which one has a ticket
	perContact      = 4  // contacts of one person
	mostMessages    = 20_000_000
	mostCalls       = 2_000_000
	mostAgents      = 2000
	mostDays        = 1000
)

// Check says what cannot be.
func (o *Options) Check() error {
	for _, of := range []struct {
		name          string
		n, least, max int
	}{{"days", o.Days, 1, mostDays}, {"messages", o.Messages, 0, mostMessages}, {"calls", o.Calls, 0, mostCalls}, {"agents", o.Agents, 1, mostAgents}} {
		if of.n < of.least || of.n > of.max {
			return fmt.Errorf("seed: %s is %d: it is %d to %d", of.name, of.n, of.least, of.max)
		}
	}
	return nil
}

// ErrHoldsRows says that a database is not empty.
var ErrHoldsRows = errors.New("the database holds conversations, calls, contacts or tickets already; made-up ones would stand among them for ever")

// loader is one run.
type loader struct {
	o   Options
	tx  pgx.Tx
	rng *rand.Rand
	out io.Writer

	reports *report.Service

	agents   []agent
	since    time.Time
	people   int64
	first    map[string]int64 // id of the first row of a table
	chats    []talk
	calls    []phoned
	tsvector map[string]string
}

type agent struct {
	id   int64
	name string
}

// Load fills db and counts the sums of reports. It is one transaction: all rows or none.
func Load(ctx context.Context, db *pg.DB, o Options, out io.Writer) error {
	if err := o.Check(); err != nil {
		return err
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	o.Now = o.Now.UTC().Truncate(time.Second)
	reports, err := report.New(report.Config{}, db, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	l := &loader{o: o, reports: reports, rng: rand.New(rand.NewPCG(o.Seed, 0x74696e67)), out: out, since: o.Now.AddDate(0, 0, -o.Days), first: map[string]int64{}, tsvector: map[string]string{}}
	conn, err := db.Pool().Acquire(ctx)
	if err != nil {
		return pg.Map(err)
	}
	defer conn.Release()
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		l.tx = tx
		return l.load(ctx)
	})
	if err != nil {
		return pg.Map(err)
	}
	if _, err := conn.Exec(ctx, `set statement_timeout = 0`); err != nil {
		return pg.Map(err)
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `reset statement_timeout`) }() // a broken connection leaves the pool by itself
	if err := l.step("vacuum", func() error { _, err := conn.Exec(ctx, `vacuum analyze`); return err }); err != nil {
		return err
	}
	return l.step("sums of reports", func() error {
		n, err := reports.Fold(ctx)
		fmt.Fprintf(out, "hours    %d\n", n)
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, `analyze`)
		return err
	})
}

func (l *loader) step(name string, f func() error) error {
	began := time.Now()
	if err := f(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(l.out, "%-18s %6.1f s\n", name, time.Since(began).Seconds())
	return nil
}

func (l *loader) load(ctx context.Context) error {
	// Nothing listens to made-up rows: triggers and checks of references are off in this transaction, and what
	// triggers would keep up is written here.
	for _, sql := range []string{`set local statement_timeout = 0`, `set local idle_in_transaction_session_timeout = 0`, `set local maintenance_work_mem = '256MB'`, `set local synchronous_commit = off`, `set local session_replication_role = replica`} {
		if _, err := l.tx.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s (needs a superuser of the database): %w", sql, err)
		}
	}
	var there bool
	if err := l.tx.QueryRow(ctx, `select exists (select from conversations) or exists (select from calls) or exists (select from contacts) or exists (select from tickets)`).Scan(&there); err != nil {
		return err
	}
	if there && !l.o.Force {
		return ErrHoldsRows
	}
	rebuild, err := l.dropGins(ctx)
	if err != nil {
		return err
	}
	for _, s := range []struct {
		name string
		f    func(context.Context) error
	}{{"agents, queues", l.staff}, {"contacts", l.contacts}, {"conversations", l.conversations}, {"messages", l.messages}, {"calls", l.phone}, {"utterances", l.utterances}, {"work", l.work},
		{"tickets", l.tickets}, {"agents' states", l.states}, {"indexes", rebuild}, {"touched hours", l.touch}} {
		if err := l.step(s.name, func() error { return s.f(ctx) }); err != nil {
			return err
		}
	}
	return nil
}

// dropGins takes the indexes of words away while rows come; they are made anew in one go, ten times as fast.
func (l *loader) dropGins(ctx context.Context) (func(context.Context) error, error) {
	type index struct{ Name, Def string }
	all, err := pg.TxRows(ctx, l.tx, pgx.RowToStructByPos[index], `select indexname, indexdef from pg_indexes where schemaname = current_schema() and tablename in ('messages', 'utterances', 'calls', 'contacts') and indexdef like '%USING gin%'`)
	if err != nil {
		return nil, err
	}
	for _, i := range all {
		if _, err := l.tx.Exec(ctx, `drop index `+pgx.Identifier{i.Name}.Sanitize()); err != nil {
			return nil, err
		}
	}
	return func(ctx context.Context) error {
		for _, i := range all {
			if _, err := l.tx.Exec(ctx, i.Def); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// copy loads n rows; row gives each.
func (l *loader) copy(ctx context.Context, table string, columns []string, n int, row func(i int) []any) error {
	_, err := l.tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
	if err != nil {
		return fmt.Errorf("%s: %w", table, err)
	}
	return nil
}

// ids sets aside n ids of a table or a sequence and gives the first.
func (l *loader) ids(ctx context.Context, sequence string, n int) (int64, error) {
	var next int64
	err := l.tx.QueryRow(ctx, `select nextval($1)`, sequence).Scan(&next)
	if err == nil {
		_, err = l.tx.Exec(ctx, `select setval($1, $2)`, sequence, next+int64(max(n, 1))-1)
	}
	return next, err
}

var queues = []queue.Queue{
	{ID: "support", Name: "客户支持"},
	{ID: "sales", Name: "售前咨询", Level: queue.Level{Percent: 80, Within: 30 * time.Second, Abandons: true}},
	{ID: "billing", Name: "账单与退款"},
	{ID: "complaints", Name: "投诉处理", Level: queue.Level{Percent: 90, Within: 15 * time.Second, Abandons: true}},
}

func (l *loader) staff(ctx context.Context) error {
	for i := range l.o.Agents {
		a := agent{name: fmt.Sprintf("agent%03d", i+1)}
		err := l.tx.QueryRow(ctx, `insert into users (username, name, role, language, password_hash, disabled) values ($1, $2, 'agent', 'zh-CN', '', false)
			on conflict (username) do update set name = users.name returning id`, a.name, agentName(i)).Scan(&a.id)
		if err != nil {
			return err
		}
		if _, err := l.tx.Exec(ctx, `insert into agents (user_id, languages) values ($1, '{zh,en}') on conflict do nothing`, a.id); err != nil {
			return err
		}
		l.agents = append(l.agents, a)
	}
	store := queue.NewStore(nil)
	for i, q := range queues {
		var there bool
		if err := l.tx.QueryRow(ctx, `select exists (select from queues where id = $1)`, q.ID).Scan(&there); err != nil {
			return err
		}
		if there {
			continue
		}
		for n, a := range l.agents {
			if n%len(queues) == i {
				q.Members = append(q.Members, queue.Member{Agent: queue.AgentID(fmt.Sprint(a.id)), Order: n})
			}
		}
		if err := store.PutQueue(ctx, l.tx, q); err != nil {
			return err
		}
	}
	return nil
}

// busy is how much happens in each hour of the day in China, told by UTC's hour.
var busy = [24]float64{8, 12, 14, 13, 9, 11, 13, 12, 11, 10, 8, 8, 9, 8, 5, 3, 1, .6, .4, .3, .4, .8, 2, 4}

// moment is when a contact begins: more at day than at night, fewer at weekends.
func (l *loader) moment() time.Time {
	span := l.o.Now.Sub(l.since)
	for {
		t := l.since.Add(time.Duration(l.rng.Float64() * float64(span))).Truncate(time.Millisecond)
		weight := busy[t.Hour()] / 14
		if d := t.Add(8 * time.Hour).Weekday(); d == time.Saturday || d == time.Sunday {
			weight *= .6
		}
		if l.rng.Float64() < weight {
			return t
		}
	}
}

func (l *loader) moments(n int) []time.Time {
	all := make([]time.Time, n)
	for i := range all {
		all[i] = l.moment()
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// exp is a length of time with that mean, at most twenty times as long.
func (l *loader) exp(mean time.Duration) time.Duration {
	return min(time.Duration(l.rng.ExpFloat64()*float64(mean)), 20*mean).Truncate(time.Millisecond)
}

func pick[T any](r *rand.Rand, all ...T) T { return all[r.IntN(len(all))] }

// before is t, or now when it would lie ahead.
func (l *loader) before(t time.Time) time.Time {
	if t.After(l.o.Now) {
		return l.o.Now
	}
	return t
}

func (l *loader) touch(ctx context.Context) error {
	_, err := l.reports.Rebuild(ctx, l.tx, l.since, l.o.Now)
	return err
}
