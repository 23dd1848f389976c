package callout

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/contact"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a database with a queue "sales", an agent, and a Service over them on a clock of its own.
type house struct {
	*Service
	t     *testing.T
	db    *pg.DB
	q     *queue.Service
	cs    *contact.Store
	now   time.Time
	agent queue.AgentID
	fails error // what putting an entry into a queue says
}

func (h *house) AddCallout(ctx context.Context, w queue.Work) error {
	if h.fails != nil {
		return h.fails
	}
	_, err := h.q.Enqueue(ctx, w)
	return err
}

func newHouse(t *testing.T, cfg Config) *house {
	t.Helper()
	db := pgtest.New(t)
	h := &house{t: t, db: db, cs: contact.NewStore(db, contact.Config{Region: "CN"}), now: time.Now().Add(time.Minute).UTC().Truncate(time.Second)}
	h.tx(func(tx pgx.Tx) error {
		if err := tx.QueryRow(t.Context(), `insert into users (username, role, password_hash) values ('anna', 'agent', 'x') returning id::text`).Scan(&h.agent); err != nil {
			return err
		}
		if err := queue.NewStore(db).PutAgent(t.Context(), tx, queue.Profile{ID: h.agent}); err != nil {
			return err
		}
		return queue.NewStore(db).PutQueue(t.Context(), tx, queue.Queue{ID: "sales", Members: []queue.Member{{Agent: h.agent}}})
	})
	log, bus := slog.New(slog.DiscardHandler), event.NewBus()
	var err error
	h.q, err = queue.New(queue.Config{Node: "test"}, db, bus, nil, log)
	must(t, err)
	must(t, h.q.Start(t.Context()))
	t.Cleanup(func() { h.q.Close(); bus.Close() })
	h.Service, err = New(cfg, Parts{DB: db, Queues: h.q, Caller: h, People: h.cs, Region: "CN", Now: func() time.Time { return h.now }}, log)
	must(t, err)
	return h
}

func (h *house) tx(f func(tx pgx.Tx) error) {
	h.t.Helper()
	must(h.t, h.db.Tx(h.t.Context(), f))
}

// list makes a running list of numbers.
func (h *house) list(l List, numbers ...string) List {
	h.t.Helper()
	l.Name, l.Queue, l.State = "spring", "sales", Running
	h.tx(func(tx pgx.Tx) (err error) {
		if l, err = h.Create(h.t.Context(), tx, l, "boss"); err != nil || len(numbers) == 0 {
			return err
		}
		var people []Person
		for _, n := range numbers {
			people = append(people, Person{Number: n})
		}
		_, err = h.Add(h.t.Context(), tx, l.ID, people)
		return err
	})
	return l
}

func (h *house) after(d time.Duration) *house {
	h.t.Helper()
	h.now = h.now.Add(d)
	must(h.t, h.sweep(h.t.Context()))
	return h
}

func (h *house) entry(l List, n int) Entry {
	h.t.Helper()
	all, err := h.Entries(h.t.Context(), l.ID, EntryFilter{})
	must(h.t, err)
	return all[n]
}

func (h *house) want(l List, n int, state EntryState, outcome string, attempts int) Entry {
	h.t.Helper()
	e := h.entry(l, n)
	if e.State != state || e.Outcome != outcome || e.Attempts != attempts {
		h.t.Fatalf("entry %d is %s, %q after %d; want %s, %q after %d", n, e.State, e.Outcome, e.Attempts, state, outcome, attempts)
	}
	return e
}

// try plays what calls tell of an entry in its queue: taken by the agent, dialled, over.
func (h *house) try(e Entry, how string) {
	h.t.Helper()
	t := Try{Entry: e.ID, Work: e.Work, Agent: h.agent, Call: "01890000-0000-7000-8000-000000000001", At: h.now, How: how}
	must(h.t, h.Begun(h.t.Context(), t))
	must(h.t, h.Over(h.t.Context(), t))
	must(h.t, h.q.Remove(h.t.Context(), e.Work))
}

// Each outcome has its pause, the tries are counted, and the last one ends it.
func TestTriesAndPauses(t *testing.T) {
	h := newHouse(t, Config{})
	l := h.list(List{Attempts: 3, Busy: time.Minute, NoAnswer: time.Hour, Failed: 2 * time.Hour}, "13800138000", "13800138001", "13800138002")
	h.after(0)
	for n, c := range []struct {
		how   string
		pause time.Duration
	}{{"busy", time.Minute}, {"no_answer", time.Hour}, {"failed", 2 * time.Hour}} {
		h.try(h.want(l, n, Queued, "", 0), c.how)
		e := h.want(l, n, Pending, c.how, 1)
		if !e.NotBefore.Equal(h.now.Add(c.pause)) {
			t.Errorf("%s: not before %v, want %v later", c.how, e.NotBefore, c.pause)
		}
	}
	h.after(59*time.Second).want(l, 0, Pending, "busy", 1)
	h.try(h.after(time.Second).want(l, 0, Queued, "busy", 1), "answered")
	h.want(l, 0, Done, "answered", 2)
	for _, how := range []string{"no_answer", "given_up"} {
		h.try(h.after(time.Hour).entry(l, 1), how)
	}
	h.want(l, 1, Unreached, "given_up", 3)
	h.try(h.after(time.Hour).want(l, 2, Queued, "failed", 1), "cut") // by us: it does not count
	h.want(l, 2, Pending, "cut", 1)
	h.after(0).want(l, 2, Queued, "cut", 1)
	h.tx(func(tx pgx.Tx) error { return h.Again(t.Context(), tx, l.ID, h.entry(l, 1).ID) })
	h.after(0).want(l, 1, Queued, "", 0)
	_, tries, err := h.Entry(t.Context(), l.ID, h.entry(l, 1).ID)
	must(t, err)
	if len(tries) != 3 || tries[0].Outcome != "no_answer" || tries[0].AgentName != "anna" || tries[0].Call == "" || tries[0].EndedAt.IsZero() {
		t.Errorf("attempts %+v", tries)
	}
	if s := h.Stats(); s.Answered != 1 || s.Unreached != 5 {
		t.Errorf("stats %+v", s)
	}
}

// A list has only so many entries in its queue, in their order; stopped, it takes back what nobody looks at.
func TestFeedIsBounded(t *testing.T) {
	h := newHouse(t, Config{Ahead: 2})
	l := h.list(List{Mode: Progressive}, "13800138000", "13800138001", "13800138002")
	h.after(0).want(l, 1, Queued, "", 0)
	h.want(l, 2, Pending, "", 0)
	must(t, h.q.SetPresence(t.Context(), h.agent, queue.Available, ""))
	d, err := h.q.Desk(t.Context(), h.agent)
	must(t, err)
	if d.Offered == nil || d.Offered.ID != h.entry(l, 0).Work {
		t.Fatalf("offered %+v, want the first", d.Offered)
	}
	h.tx(func(tx pgx.Tx) error {
		_, err := h.Change(t.Context(), tx, l.ID, func(l *List) error { l.State = Paused; return nil })
		return err
	})
	h.after(0).want(l, 0, Queued, "", 0) // the agent goes on with it
	h.want(l, 1, Pending, "", 0)
	h.tx(func(tx pgx.Tx) error {
		if err := h.Cancel(t.Context(), tx, l.ID, h.entry(l, 0).ID); !errors.Is(err, ErrState) {
			t.Errorf("cancelled under the eyes of an agent: %v", err)
		}
		if err := h.Delete(t.Context(), tx, l.ID); !errors.Is(err, ErrState) {
			t.Errorf("deleted while one is called: %v", err)
		}
		return h.Cancel(t.Context(), tx, l.ID, h.entry(l, 1).ID)
	})
	h.want(l, 1, Cancelled, "", 0)
	h.tx(func(tx pgx.Tx) error {
		_, err := h.Change(t.Context(), tx, l.ID, func(l *List) error { l.State, l.Until = Running, h.now; return nil })
		return err
	})
	h.after(0).want(l, 2, Pending, "", 0) // its end is over
	h.fails = queue.ErrFull
	h.tx(func(tx pgx.Tx) error {
		_, err := h.Change(t.Context(), tx, l.ID, func(l *List) error { l.Until = time.Time{}; return nil })
		return err
	})
	if err := h.sweep(t.Context()); !errors.Is(err, queue.ErrFull) {
		t.Errorf("a full queue: %v", err)
	}
	h.want(l, 2, Pending, "", 0)
}

// A closed queue calls nobody.
func TestHoursOfTheQueue(t *testing.T) {
	h := newHouse(t, Config{})
	h.tx(func(tx pgx.Tx) error {
		c := queue.Calendar{Name: "never", Zone: "UTC"}
		if err := queue.NewStore(h.db).PutCalendar(t.Context(), tx, c); err != nil {
			return err
		}
		return queue.NewStore(h.db).PutQueue(t.Context(), tx, queue.Queue{ID: "sales", Calendar: "never", Members: []queue.Member{{Agent: h.agent}}})
	})
	l := h.list(List{}, "13800138000")
	h.after(0).want(l, 0, Pending, "", 0)
}

func TestWhoDoesNotWantToBeCalled(t *testing.T) {
	h := newHouse(t, Config{})
	ctx := t.Context()
	say := func(number string, p contact.Purpose, state string) {
		t.Helper()
		id, _, err := h.cs.Resolve(ctx, contact.Key{Kind: contact.KindPhone, Value: number, Source: "test"})
		must(t, err)
		h.tx(func(tx pgx.Tx) error {
			_, err := h.cs.Say(ctx, tx, id, contact.Line{Purpose: p, State: state, Channel: "paper"})
			return err
		})
	}
	say("13800138001", contact.PurposeMarketing, contact.ConsentGiven)
	say("13800138002", contact.PurposeService, contact.ConsentRefused)
	say("13800138003", contact.PurposeService, contact.ConsentRefused)
	say("13800138003", contact.PurposeService, contact.ConsentGiven)
	numbers := []string{"13800138000", "13800138001", "13800138002", "13800138003"}
	for _, c := range []struct {
		purpose contact.Purpose
		called  string
	}{{contact.PurposeService, "01 3"}, {contact.PurposeMarketing, " 1  "}, {contact.PurposeProactive, "    "}} {
		l := h.list(List{Purpose: c.purpose}, numbers...)
		h.after(0)
		for n := range numbers {
			if c.called[n] == ' ' {
				h.want(l, n, Refused, DoNotCall, 0)
			} else {
				h.want(l, n, Queued, "", 0)
			}
		}
		if c.purpose == contact.PurposeMarketing { // it is asked once more before a telephone rings
			e := h.entry(l, 1)
			must(t, h.May(ctx, e.ID))
			say("13800138001", contact.PurposeMarketing, contact.ConsentWithdrawn)
			if err := h.May(ctx, e.ID); !errors.Is(err, ErrNotCalled) {
				t.Errorf("called after the withdrawal: %v", err)
			}
			h.want(l, 1, Refused, DoNotCall, 0)
		}
	}
}

func TestAgentSkips(t *testing.T) {
	h := newHouse(t, Config{})
	ctx := t.Context()
	l := h.list(List{NoAnswer: time.Hour}, "13800138000", "13800138001", "13800138002")
	must(t, h.q.SetPresence(ctx, h.agent, queue.Available, ""))
	for n, c := range []struct {
		reason string
		state  EntryState
	}{{"not_now", Pending}, {"wrong_number", Skipped}, {DoNotCall, Refused}} {
		h.after(0)
		e := h.want(l, n, Queued, "", 0)
		if err := h.Skip(ctx, e.Work, "4711", "eve", c.reason, ""); !errors.Is(err, queue.ErrGone) {
			t.Errorf("%s by somebody else: %v", c.reason, err)
		}
		must(t, h.Skip(ctx, e.Work, h.agent, "anna", c.reason, "said so"))
		h.want(l, n, c.state, c.reason, 0)
		if err := h.Skip(ctx, e.Work, h.agent, "anna", c.reason, ""); !errors.Is(err, queue.ErrGone) {
			t.Errorf("%s twice: %v", c.reason, err)
		}
	}
	if e := h.entry(l, 0); !e.NotBefore.Equal(h.now.Add(time.Hour)) || e.Last == nil || e.Last.Reason != "not_now" || e.Last.Note != "said so" || e.Last.AgentName != "anna" {
		t.Errorf("put off: %+v, %+v", e, e.Last)
	}
	if err := h.Skip(ctx, "entry:1:1", h.agent, "anna", "bored", ""); !errors.Is(err, ErrInvalid) {
		t.Errorf("a reason that is none: %v", err)
	}
	id, err := h.cs.Find(ctx, contact.Key{Kind: contact.KindPhone, Value: "13800138002"})
	must(t, err)
	if line, err := h.cs.State(ctx, id, contact.PurposeService); err != nil || line.State != contact.ConsentRefused || line.Source != "anna" {
		t.Errorf("ledger %+v, %v", line, err)
	}
}

// What a killed server leaves is put where it belongs: an answered one is done, one that was cut is tried again.
func TestMendsWhatIsGone(t *testing.T) {
	h := newHouse(t, Config{})
	ctx := t.Context()
	l := h.list(List{Mode: Progressive}, "13800138000", "13800138001", "13800138002", "13800138003")
	h.after(0)
	old := func() {
		_, err := h.db.Exec(ctx, `update call_list_entries set updated_at = now() - interval '1 minute'`)
		must(t, err)
	}
	must(t, h.q.SetPresence(ctx, h.agent, queue.Available, ""))
	d, err := h.q.Desk(ctx, h.agent)
	must(t, err)
	_, err = h.q.Accept(ctx, d.Offer.Token, h.agent)
	must(t, err)
	first := h.entry(l, 0)
	must(t, h.Begun(ctx, Try{Entry: first.ID, Work: first.Work, Agent: h.agent, At: h.now}))
	must(t, h.q.Answered(ctx, first.Work))
	second := h.entry(l, 1)
	must(t, h.Begun(ctx, Try{Entry: second.ID, Work: second.Work, Agent: h.agent, At: h.now}))
	for n := range 3 {
		must(t, h.q.Remove(ctx, h.entry(l, n).Work))
	}
	h.after(0).want(l, 0, Queued, "", 0) // a moment ago: somebody may yet tell
	old()
	must(t, h.mend(ctx))
	h.want(l, 0, Done, "answered", 1)
	h.want(l, 1, Pending, "cut", 0)
	h.want(l, 2, Cancelled, "removed", 0) // by a supervisor
	h.want(l, 3, Queued, "", 0)           // is there
	if e := h.entry(l, 1); e.Last == nil || e.Last.Outcome != "cut" || e.Last.EndedAt.IsZero() {
		t.Errorf("attempt %+v", e.Last)
	}
}

func TestImport(t *testing.T) {
	h := newHouse(t, Config{})
	l := h.list(List{}, "13800138000")
	audited := 0
	read := func(text string, dry bool) (Imported, error) {
		return h.Import(t.Context(), l.ID, strings.NewReader(text), dry, func(pgx.Tx, *Imported) error { audited++; return nil })
	}
	for name, text := range map[string]string{"no number": "name\nAnna\n", "two numbers": "number,电话\n1,2\n", "no rows": "number\n"} {
		if _, err := read(text, false); !errors.Is(err, ErrInvalid) && !errors.Is(err, contact.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	const file = "手机号,姓名,备注,Order\n138 0013 8000,was there,,\n+8613900139000,王芳,续费,A-1\n13900139000,twice,,\nnobody,x,,\n010-12345678,Li,,\n"
	for _, dry := range []bool{true, false} {
		got, err := read(file, dry)
		must(t, err)
		if got.Rows != 5 || got.Added != 2 || got.There != 2 || got.Failed != 1 || len(got.Errors) != 1 || got.Errors[0].Row != 5 || len(got.Fields) != 1 {
			t.Errorf("dry %v: %+v", dry, got)
		}
	}
	if e := h.entry(l, 1); e.Number != "+8613900139000" || e.Name != "王芳" || e.Note != "续费" || e.Data["Order"] != "A-1" || audited != 1 {
		t.Errorf("entry %+v, %d audit rows", e, audited)
	}
}

func FuzzReadPeople(f *testing.F) {
	f.Add("number,name\n13800138000,Anna\n")
	f.Add("号码;x\n\"1\n")
	f.Fuzz(func(t *testing.T, text string) {
		head, rows, err := contact.ReadTable(strings.NewReader(text))
		if err != nil {
			return
		}
		var out Imported
		people, err := readPeople(head, rows, "CN", &out)
		if err != nil {
			return
		}
		if out.Rows != len(rows) || len(people)+out.Failed+out.There != out.Rows {
			t.Fatalf("%d rows: %d people, %+v", len(rows), len(people), out)
		}
		for i := range people {
			if again := people[i]; again.check("CN") != nil || again.Number != people[i].Number {
				t.Fatalf("%+v is not in its one form", people[i])
			}
		}
	})
}

// A person's entries are erased with what agents wrote, and taken out of the queue first.
func TestErase(t *testing.T) {
	h := newHouse(t, Config{})
	ctx := t.Context()
	l := h.list(List{}, "13800138000", "13800138001")
	h.after(0)
	h.try(h.entry(l, 0), "busy")
	h.after(time.Hour)
	p := &contact.Person{Numbers: []string{"+8613800138000", "13800138000"}}
	h.tx(func(tx pgx.Tx) error {
		counts, _, err := h.Erase(ctx, tx, p)
		if err != nil || counts["call_list_entries"] != 1 || counts["call_list_attempts"] != 1 {
			t.Errorf("erased %v, %v", counts, err)
		}
		hits, err := h.Hits(ctx, tx, p)
		if hits["call_list_entries"] != 0 {
			t.Errorf("left over %v", hits)
		}
		return err
	})
	items, err := h.q.Items(ctx, "")
	must(t, err)
	if len(items) != 1 {
		t.Errorf("%d entries in the queue, want the other", len(items))
	}
}

func TestListsAreChecked(t *testing.T) {
	t.Parallel()
	ok := List{Name: "x", Queue: "q"}.WithDefaults()
	if err := ok.check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*List){
		"no name": func(l *List) { l.Name = " " }, "no queue": func(l *List) { l.Queue = "" }, "a mode": func(l *List) { l.Mode = "predictive" }, "a purpose": func(l *List) { l.Purpose = contact.PurposeRecording },
		"no tries": func(l *List) { l.Attempts = 21 }, "a pause": func(l *List) { l.Busy = 0 }, "a look": func(l *List) { l.Look = time.Second }, "a state": func(l *List) { l.State = "" },
	} {
		l := ok
		if change(&l); !errors.Is(l.check(), ErrInvalid) {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{{Ahead: -1}, {Ahead: 201}, {Every: time.Millisecond}, {Every: time.Hour}, {Keep: -1}} {
		if c.Check() == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
