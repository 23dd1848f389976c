package ticket

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/queue"
)

// desk is a service on a clock that stands until it is moved.
type desk struct {
	*Service
	t   *testing.T
	at  time.Time
	sub *event.Subscription
}

func open(t *testing.T, router Router) *desk {
	t.Helper()
	bus := event.NewBus()
	d := &desk{t: t, at: time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC), sub: bus.Subscribe(1000)}
	d.Service = NewService(pgtest.New(t), bus, router, Config{}, slog.New(slog.DiscardHandler))
	d.now = func() time.Time { return d.at }
	t.Cleanup(bus.Close)
	return d
}

func (d *desk) user(name string) int64 {
	d.t.Helper()
	id, err := pg.Row(d.t.Context(), d.db, pgx.RowTo[int64], `insert into users (username, role, password_hash) values ($1, 'agent', '') returning id`, name)
	d.must(err)
	return id
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) create(draft Draft) Ticket {
	d.t.Helper()
	if draft.Type == "" {
		draft.Type = "question"
	}
	if draft.Subject == "" {
		draft.Subject = "Where is my order?"
	}
	if draft.Source == "" {
		draft.Source = "customer"
	}
	by := Customer
	if draft.Source == "agent" {
		by = AgentActor("ann")
	}
	k, err := d.Create(d.t.Context(), draft, by)
	d.must(err)
	return k
}

// clock is the latest of a kind.
func (d *desk) clock(id ID, kind ClockKind) ClockItem {
	d.t.Helper()
	all, err := d.Clocks(d.t.Context(), id)
	d.must(err)
	for _, c := range slices.Backward(all) {
		if c.Kind == kind {
			return c
		}
	}
	d.t.Fatalf("ticket %d has no clock %s: %+v", id, kind, all)
	return ClockItem{}
}

func (d *desk) move(id ID, to State) Ticket {
	d.t.Helper()
	k, err := d.Change(d.t.Context(), id, Patch{State: &to}, AgentActor("ann"))
	d.must(err)
	return k
}

var ann = AgentActor("ann")

func TestLifeOfATicket(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{Body: "It should have come on Monday.", Tags: []string{" Late ", "late"}})
	if k.ID < 1001 || k.State != New || k.Priority != queue.Normal || k.Version != 1 || len(k.Tags) != 1 || k.Tags[0] != "late" {
		t.Fatalf("%+v", k)
	}
	first := d.clock(k.ID, FirstHuman)
	if due := d.at.Add(8 * time.Hour); !first.DueAt.Equal(due) || first.Policy != "standard" {
		t.Errorf("first human response due %v, want %v", first.DueAt, due)
	}
	d.at = d.at.Add(2 * time.Hour)
	if _, _, err := d.Comment(t.Context(), k.ID, "look at the depot", false, ann); err != nil {
		t.Fatal(err)
	}
	if c := d.clock(k.ID, FirstHuman); c.Outcome != Running {
		t.Error("a note stopped the clock of the first response")
	}
	_, k, err := d.Comment(t.Context(), k.ID, "It left today.", true, ann)
	d.must(err)
	if c := d.clock(k.ID, FirstHuman); k.State != Open || c.Outcome != Hit || c.Spent != .25 {
		t.Errorf("after the answer: %s, %+v", k.State, c)
	}
	// The customer's turn: the resolution rests.
	d.move(k.ID, PendingCustomer)
	d.at = d.at.Add(24 * time.Hour)
	if c := d.clock(k.ID, Resolution); !c.Paused || !c.DueAt.IsZero() || c.Spent > .03 {
		t.Errorf("resolution while the customer is asked: %+v", c)
	}
	_, k, err = d.Comment(t.Context(), k.ID, "Still nothing!", true, Customer)
	d.must(err)
	if k.State != Open {
		t.Errorf("a customer's message left the ticket %s", k.State)
	}
	if c := d.clock(k.ID, Next); c.Outcome != Running || !c.DueAt.Equal(d.at.Add(12*time.Hour)) {
		t.Errorf("next response: %+v", c)
	}
	if c := d.clock(k.ID, Resolution); c.Paused || !c.DueAt.Equal(d.at.Add(70*time.Hour)) {
		t.Errorf("resolution: %+v at %v", c, d.at)
	}
	d.at = d.at.Add(13 * time.Hour)
	_, _, err = d.Comment(t.Context(), k.ID, "Here is the number.", true, ann)
	d.must(err)
	if c := d.clock(k.ID, Next); c.Outcome != Missed || c.OverMS != time.Hour.Milliseconds() {
		t.Errorf("a late answer: %+v", c)
	}
	k = d.move(k.ID, Resolved)
	if c := d.clock(k.ID, Resolution); c.Outcome != Hit || k.Resolved.IsZero() {
		t.Errorf("%+v", c)
	}
	_, k, err = d.Comment(t.Context(), k.ID, "It is broken.", true, Customer)
	d.must(err)
	if k.State != Open || k.Reopened != 1 || !k.Resolved.IsZero() {
		t.Errorf("reopened: %+v", k)
	}
	if c := d.clock(k.ID, Resolution); c.Outcome != Running || !c.StartedAt.Equal(d.at) {
		t.Errorf("a reopened ticket has the old clock: %+v", c)
	}
	d.move(k.ID, Resolved)
	d.at = d.at.Add(7*24*time.Hour + time.Second)
	d.must(d.Tend(t.Context()))
	k, err = d.Get(t.Context(), k.ID)
	d.must(err)
	if k.State != Closed {
		t.Errorf("seven days after its resolution it is %s", k.State)
	}
	if _, _, err := d.Comment(t.Context(), k.ID, "hello?", true, Customer); !errors.Is(err, ErrClosed) {
		t.Errorf("a message to a closed ticket: %v", err)
	}
	again, err := d.FollowUp(t.Context(), k.ID, "hello?", Customer)
	d.must(err)
	links, err := d.Links(t.Context(), again.ID)
	d.must(err)
	if len(links) != 1 || links[0].Ticket != k.ID || links[0].Kind != "follow_up" {
		t.Errorf("%+v", links)
	}
	trail, err := d.Trail(t.Context(), k.ID, 0)
	d.must(err)
	kinds := []string{}
	for _, s := range trail {
		kinds = append(kinds, s.Kind)
	}
	if kinds[0] != "created" || len(kinds) < 10 || kinds[len(kinds)-1] != "linked" {
		t.Errorf("%v", kinds)
	}
}

func TestMovesAreRefused(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{})
	d.move(k.ID, Resolved)
	d.move(k.ID, Closed)
	opened, bad := Open, OnHold
	for name, tc := range map[string]struct {
		patch Patch
		want  error
	}{
		"out of closed": {Patch{State: &opened}, ErrClosed},
		"stale":         {Patch{Version: 1, State: &opened}, ErrStale},
	} {
		if _, err := d.Change(t.Context(), k.ID, tc.patch, ann); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k = d.create(Draft{})
	var wrong *InvalidError
	if _, err := d.Change(t.Context(), k.ID, Patch{State: &bad}, ann); !errors.As(err, &wrong) || wrong.Field != "hold_until" {
		t.Errorf("hold without a moment: %v", err)
	}
	past := d.at.Add(-time.Hour)
	if _, err := d.Change(t.Context(), k.ID, Patch{State: &bad, HoldUntil: &past}, ann); !errors.As(err, &wrong) {
		t.Errorf("hold until the past: %v", err)
	}
	fresh := New
	if _, err := d.Change(t.Context(), k.ID, Patch{State: &fresh}, ann); err != nil {
		t.Errorf("to where it stands: %v", err)
	}
	d.move(k.ID, Open)
	if _, err := d.Change(t.Context(), k.ID, Patch{State: &fresh}, ann); !errors.Is(err, ErrMove) {
		t.Errorf("back to new: %v", err)
	}
	if _, err := d.Get(t.Context(), 7); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("no such ticket: %v", err)
	}
	for name, draft := range map[string]Draft{
		"no type":      {Subject: "x", Source: "agent"},
		"unknown type": {Type: "nonsense", Subject: "x", Source: "agent"},
		"no subject":   {Type: "question", Subject: " \n ", Source: "agent"},
		"no source":    {Type: "question", Subject: "x"},
		"form":         {Type: "refund", Subject: "x", Source: "agent", Fields: map[string]json.RawMessage{"amount": json.RawMessage(`"much"`)}},
		"no field":     {Type: "refund", Subject: "x", Source: "agent", Fields: map[string]json.RawMessage{"colour": json.RawMessage(`"red"`)}},
		"no parent":    {Type: "question", Subject: "x", Source: "agent", Parent: 5},
	} {
		if _, err := d.Create(t.Context(), draft, ann); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAHoldEndsByItself(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{})
	hold, until := OnHold, d.at.Add(48*time.Hour)
	k, err := d.Change(t.Context(), k.ID, Patch{State: &hold, HoldUntil: &until}, ann)
	d.must(err)
	if c := d.clock(k.ID, FirstHuman); !c.Paused {
		t.Error("clocks run on hold")
	}
	later := until.Add(24 * time.Hour)
	k, err = d.Change(t.Context(), k.ID, Patch{HoldUntil: &later}, ann)
	d.must(err)
	d.at = until.Add(time.Hour)
	d.must(d.Tend(t.Context()))
	if k, _ = d.Get(t.Context(), k.ID); k.State != OnHold {
		t.Errorf("it came back at the first date: %s", k.State)
	}
	d.at = later
	d.must(d.Tend(t.Context()))
	if k, _ = d.Get(t.Context(), k.ID); k.State != Open || !k.HoldUntil.IsZero() {
		t.Errorf("%+v", k)
	}
}

func TestSilentCustomerIsRemindedThenResolved(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{})
	d.move(k.ID, PendingCustomer)
	reminders := func() (n int) {
		trail, err := d.Trail(t.Context(), k.ID, 0)
		d.must(err)
		for _, s := range trail {
			if s.Kind == "reminded" {
				n++
			}
		}
		return n
	}
	d.at = d.at.Add(72 * time.Hour)
	d.must(d.Tend(t.Context()))
	d.must(d.Tend(t.Context()))
	if n := reminders(); n != 1 {
		t.Errorf("%d reminders", n)
	}
	d.at = d.at.Add(72 * time.Hour)
	d.must(d.Tend(t.Context()))
	if k, _ = d.Get(t.Context(), k.ID); k.State != Resolved {
		t.Errorf("after twice the time: %s", k.State)
	}
}

func TestPriorityChangeMovesRunningClocksOnly(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{})
	began := d.at
	d.at = d.at.Add(time.Hour)
	_, _, err := d.Comment(t.Context(), k.ID, "We look.", true, ann)
	d.must(err)
	urgent := queue.Urgent
	k, err = d.Change(t.Context(), k.ID, Patch{Priority: &urgent}, ann)
	d.must(err)
	if c := d.clock(k.ID, Resolution); !c.DueAt.Equal(began.Add(8 * time.Hour)) {
		t.Errorf("resolution of an urgent ticket: %+v", c)
	}
	if c := d.clock(k.ID, FirstHuman); c.TargetMS != (8*time.Hour).Milliseconds() || c.Outcome != Hit {
		t.Errorf("a stopped clock was changed: %+v", c)
	}
	if _, err := d.db.Exec(t.Context(), `update sla_clocks set outcome = 'hit' where stopped_at is not null`); err == nil {
		t.Error("the table lets stopped clocks be changed")
	}
}

func TestEachLevelIsToldOnce(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{}) // first human response in 8 h, resolution in 72
	var seen []int
	for range 100 {
		d.at = d.at.Add(10 * time.Minute)
		d.must(d.Tend(t.Context()))
	}
	for len(d.sub.C) > 0 {
		if e := <-d.sub.C; e.Type == EventWarned {
			if n := e.Data.(Notice); n.Clock == FirstHuman && n.Ticket == k.ID {
				seen = append(seen, n.Level)
			}
		}
	}
	if !slices.Equal(seen, []int{50, 75, 90, 100, 200}) {
		t.Errorf("levels %v", seen)
	}
}

func TestWordsOfDangerMakeItUrgent(t *testing.T) {
	d := open(t, nil)
	for text, urgent := range map[string]bool{
		"充电器漏电了":                                true,
		"我要找律師":                                 true, // traditional characters
		"The charger caught fire last night":    true,
		"I will sue you":                        true,
		"Sue asked where the parcel is; pursue": true, // the name too: rather once too often
		"an issue with the tissue order":        false,
		"什么时候发货":                                false,
	} {
		if _, got := urgentWord(text); got != urgent {
			t.Errorf("%q: urgent %v", text, got)
		}
	}
	k := d.create(Draft{Body: "插座冒烟"})
	if k.Priority != queue.Urgent {
		t.Errorf("%s", k.Priority)
	}
}

func TestParentWaitsForItsChildren(t *testing.T) {
	d := open(t, nil)
	parent := d.create(Draft{Source: "agent"})
	child := d.create(Draft{Source: "agent", Parent: parent.ID, Subject: "Ask the depot"})
	done := Resolved
	if _, err := d.Change(t.Context(), parent.ID, Patch{State: &done}, ann); !errors.Is(err, ErrChildren) {
		t.Errorf("resolved over an open child: %v", err)
	}
	grand := d.create(Draft{Source: "agent", Parent: child.ID})
	if _, err := d.Create(t.Context(), Draft{Type: "question", Subject: "x", Source: "agent", Parent: grand.ID}, ann); err == nil {
		t.Error("a fourth generation")
	}
	d.move(grand.ID, Resolved)
	d.move(child.ID, Resolved)
	d.move(parent.ID, Resolved)
}

func TestMergeIsTakenBackExactly(t *testing.T) {
	d := open(t, nil)
	bob := d.user("bob")
	a, b := d.create(Draft{Complaint: true}), d.create(Draft{})
	a, err := d.Change(t.Context(), a.ID, Patch{Assignee: &bob}, ann)
	d.must(err)
	kept, err := d.Merge(t.Context(), a.ID, b.ID, ann)
	d.must(err)
	if kept.ID != b.ID || !kept.Complaint {
		t.Errorf("%+v", kept)
	}
	if c := d.clock(a.ID, Resolution); c.Outcome != Cancelled && c.Outcome != Hit {
		t.Errorf("clock of the merged one: %+v", c)
	}
	if _, _, err := d.Comment(t.Context(), a.ID, "x", true, Customer); !errors.Is(err, ErrMerged) {
		t.Errorf("a comment on the merged one: %v", err)
	}
	if _, err := d.Merge(t.Context(), b.ID, a.ID, ann); !errors.Is(err, ErrMerged) {
		t.Errorf("in a circle: %v", err)
	}
	back, err := d.Unmerge(t.Context(), a.ID, ann)
	d.must(err)
	if back.State != a.State || back.Assignee != bob || back.MergedTo != 0 || !back.ClosedAt.IsZero() {
		t.Errorf("back: %+v, was %+v", back, a)
	}
	if c := d.clock(a.ID, Resolution); c.Outcome != Running {
		t.Errorf("no clock runs after the merge was taken back: %+v", c)
	}
}

func TestRequiredFieldsBeforeTheEnd(t *testing.T) {
	d := open(t, nil)
	d.must(d.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return d.PutType(t.Context(), tx, Type{Name: "repair", LabelZH: "维修", LabelEN: "Repair", Fields: []Field{
			{Key: "serial", LabelZH: "序列号", LabelEN: "Serial number", Type: "text", Required: true},
			{Key: "kind", LabelZH: "类别", LabelEN: "Kind", Type: "choice", Choices: []string{"a", "b"}}}})
	}))
	k := d.create(Draft{Type: "repair"})
	done := Resolved
	var wrong *InvalidError
	if _, err := d.Change(t.Context(), k.ID, Patch{State: &done}, ann); !errors.As(err, &wrong) || wrong.Field != "fields.serial" {
		t.Errorf("resolved without what is required: %v", err)
	}
	k, err := d.Change(t.Context(), k.ID, Patch{State: &done, Fields: map[string]json.RawMessage{"serial": json.RawMessage(`"A1"`)}}, ann)
	d.must(err)
	if k.State != Resolved || string(k.Fields["serial"]) != `"A1"` {
		t.Errorf("%+v", k)
	}
}

// goleak sees that nothing runs after Close.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestKeeperStartsAndEnds(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{})
	d.move(k.ID, Resolved)
	d.at = d.at.Add(8 * 24 * time.Hour)
	d.must(d.Start(t.Context()))
	for end := time.Now().Add(30 * time.Second); d.ticket(k.ID).State != Closed; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the keeper did not close it")
		}
	}
	d.must(d.Close())
	d.must(d.Close())
}

func TestListFiltersAndPages(t *testing.T) {
	d := open(t, nil)
	bob := d.user("bob")
	for i := range 7 {
		d.at = d.at.Add(time.Minute)
		k := d.create(Draft{Subject: "发货太慢 delivery", Body: "number " + string(rune('a'+i))})
		if i%2 == 0 {
			_, err := d.Change(t.Context(), k.ID, Patch{Assignee: &bob}, ann)
			d.must(err)
		}
	}
	d.create(Draft{Subject: "something else"})
	var ids []ID
	for q := (Query{Text: "发货", Limit: 3}); ; {
		p, err := d.List(t.Context(), q)
		d.must(err)
		for i := range p.Items {
			ids = append(ids, p.Items[i].ID)
			if p.Items[i].NextKind != FirstHuman || p.Items[i].NextDue.IsZero() {
				t.Errorf("%+v", p.Items[i])
			}
		}
		if p.Next == "" {
			break
		}
		q.Cursor = p.Next
	}
	if len(ids) != 7 || !slices.IsSortedFunc(ids, func(a, b ID) int { return int(b - a) }) {
		t.Errorf("%v", ids)
	}
	count := func(q Query) int {
		t.Helper()
		p, err := d.List(t.Context(), q)
		d.must(err)
		return len(p.Items)
	}
	q := Query{Limit: 100}
	for name, tc := range map[string]struct {
		change func(*Query)
		want   int
	}{
		"all":       {func(*Query) {}, 8},
		"bob's":     {func(q *Query) { q.Assignee = bob }, 4},
		"nobody's":  {func(q *Query) { q.Assignee = -1 }, 4},
		"open":      {func(q *Query) { q.States = []State{Open} }, 4},
		"number":    {func(q *Query) { q.Text = "#1003" }, 1},
		"two words": {func(q *Query) { q.Text = "慢 delivery" }, 7},
		"no such":   {func(q *Query) { q.Text = "refund" }, 0},
		"type":      {func(q *Query) { q.Types = []string{"fault"} }, 0},
		"late":      {func(q *Query) { q.Late = true }, 8}, // the test's clock is long past
	} {
		one := q
		tc.change(&one)
		if n := count(one); n != tc.want {
			t.Errorf("%s: %d, want %d", name, n, tc.want)
		}
	}
	for _, bad := range []Query{{Cursor: "x"}, {States: []State{"odd"}}, {Text: "?!"}, {Priorities: []string{"odd"}}} {
		if _, err := d.List(t.Context(), bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	counts, err := d.Counts(t.Context(), 0)
	d.must(err)
	if counts[New] != 4 || counts[Open] != 4 {
		t.Errorf("%v", counts)
	}
}

func TestTasks(t *testing.T) {
	d := open(t, nil)
	k := d.create(Draft{Tasks: []string{"call", "write"}})
	task, err := d.AddTask(t.Context(), k.ID, Task{Title: "pack"}, ann)
	d.must(err)
	_, err = d.DoTask(t.Context(), k.ID, task.ID, true, ann)
	d.must(err)
	all, err := d.Tasks(t.Context(), k.ID)
	d.must(err)
	if len(all) != 3 || all[2].DoneBy != "ann" || all[0].Title != "call" {
		t.Errorf("%+v", all)
	}
	if _, err := d.DoTask(t.Context(), k.ID+1, task.ID, true, ann); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("a task of another ticket: %v", err)
	}
}

// house is a real router with one agent in the queue "support".
func house(t *testing.T) (*desk, *queue.Service, int64) {
	t.Helper()
	d := open(t, nil)
	bob := d.user("bob")
	d.now = func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	d.must(d.db.Tx(t.Context(), func(tx pgx.Tx) error {
		st := queue.NewStore(d.db)
		if err := st.PutAgent(t.Context(), tx, queue.Profile{ID: agentID(bob), Desk: true}); err != nil {
			return err
		}
		return st.PutQueue(t.Context(), tx, queue.Queue{ID: "support", Members: []queue.Member{{Agent: agentID(bob)}}})
	}))
	bus := event.NewBus()
	q, err := queue.New(queue.Config{Node: "one"}, d.db, bus, nil, slog.New(slog.DiscardHandler))
	d.must(err)
	d.must(q.Start(t.Context()))
	t.Cleanup(func() { q.Close(); bus.Close() })
	d.router = q
	return d, q, bob
}

// until looks after tickets until ok.
func (d *desk) until(what string, ok func() bool) {
	d.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		d.must(d.Tend(d.t.Context()))
		if ok() {
			return
		}
	}
	d.t.Fatalf("never: %s", what)
}

// phase is where the work of a ticket stands, empty when there is none.
func (d *desk) phase(id ID) string {
	d.t.Helper()
	all, err := pg.Rows(d.t.Context(), d.db, pgx.RowTo[string], `select phase from queue_work where id = $1 and phase <> 'ended'`, string(id.WorkID()))
	d.must(err)
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

func (d *desk) ticket(id ID) Ticket {
	d.t.Helper()
	k, err := d.Get(d.t.Context(), id)
	d.must(err)
	return k
}

func TestTheRouterGivesTicketsOut(t *testing.T) {
	d, q, bob := house(t)
	ctx := t.Context()
	k := d.create(Draft{Queue: "support"})
	d.until("the ticket waits", func() bool { return d.phase(k.ID) == "waiting" })
	d.must(q.SetPresence(ctx, agentID(bob), queue.Available, ""))
	accept := func(id ID) {
		d.t.Helper()
		var token string
		d.until("an offer", func() bool {
			all, err := pg.Rows(ctx, d.db, pgx.RowTo[string], `select token from queue_offers where work_id = $1 and ended_at is null`, string(id.WorkID()))
			d.must(err)
			if len(all) == 0 {
				return d.phase(id) == "assigned" || d.phase(id) == "active"
			}
			token = all[0]
			return true
		})
		if token != "" {
			_, err := q.Accept(ctx, queue.Token(token), agentID(bob))
			d.must(err)
		}
		d.until("the ticket is bob's", func() bool { k := d.ticket(id); return k.Assignee == bob && k.State == Open })
	}
	accept(k.ID)
	d.until("its work goes on", func() bool { return d.phase(k.ID) == "active" })

	// It waits for the customer: no capacity. The answer brings it back to bob.
	d.move(k.ID, PendingCustomer)
	pending := func() (p bool) {
		v, err := pg.Row(ctx, d.db, pgx.RowTo[bool], `select coalesce((item->>'pending')::boolean, false) from queue_work where id = $1 and phase <> 'ended'`, string(k.ID.WorkID()))
		d.must(err)
		return v
	}
	d.until("the work rests", pending)
	_, _, err := d.Comment(ctx, k.ID, "and?", true, Customer)
	d.must(err)
	d.until("the work goes on", func() bool { return !pending() })

	// Taken from bob by hand, it goes through the queue again and is not bob's at once by the old decision.
	nobody := int64(0)
	_, err = d.Change(ctx, k.ID, Patch{Assignee: &nobody}, ann)
	d.must(err)
	d.must(q.SetPresence(ctx, agentID(bob), queue.Away, "lunch"))
	d.until("it waits again", func() bool { return d.phase(k.ID) == "waiting" && d.ticket(k.ID).Assignee == 0 })
	d.must(q.SetPresence(ctx, agentID(bob), queue.Available, ""))
	accept(k.ID)

	d.move(k.ID, Resolved)
	d.until("its work is over", func() bool { return d.phase(k.ID) == "" })
}

func TestTicketsGivenByHandCountAsLoad(t *testing.T) {
	d, _, bob := house(t)
	k := d.create(Draft{Queue: "support", Source: "agent", Assignee: bob})
	d.until("it is bob's in the router too", func() bool { p := d.phase(k.ID); return p == "assigned" || p == "active" })
	agent, err := pg.Row(t.Context(), d.db, pgx.RowTo[int64], `select agent_id from queue_work where id = $1 and phase <> 'ended'`, string(k.ID.WorkID()))
	if err != nil || agent != bob {
		t.Errorf("work of %d, %v", agent, err)
	}
	// A user who takes no work from queues may have tickets all the same.
	eve := d.user("eve")
	_, err = d.Change(t.Context(), k.ID, Patch{Assignee: &eve}, ann)
	d.must(err)
	d.until("the router lets go of it", func() bool { return d.phase(k.ID) == "" && d.ticket(k.ID).Assignee == eve })
	for range 3 {
		d.must(d.Tend(t.Context()))
	}
	stays, err := pg.Row(t.Context(), d.db, pgx.RowTo[int], `select count(*)::int from queue_work where id = $1`, string(k.ID.WorkID()))
	if err != nil || stays != 1 {
		t.Errorf("%d stays in the router for a ticket that is nobody's of it, %v", stays, err)
	}
}

// A ticket whose queue is full, gone or closed must not keep the others from being given out.
func TestOneTicketDoesNotHoldTheOthersUp(t *testing.T) {
	d, _, _ := house(t)
	d.must(d.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return queue.NewStore(d.db).PutQueue(t.Context(), tx, queue.Queue{ID: "full", MaxWaiting: 1})
	}))
	d.create(Draft{Queue: "full"})
	if _, err := d.db.Exec(t.Context(), `insert into tickets (id, type, subject, state, priority, queue_id, source, created_by, created_at, updated_at, state_at)
		select nextval('ticket_numbers'), type, subject, state, priority, queue_id, source, created_by, created_at, updated_at, state_at from tickets, generate_series(1, $1::int)`, 2*tendBatch); err != nil {
		t.Fatal(err)
	}
	last := d.create(Draft{Queue: "support"})
	for end := time.Now().Add(10 * time.Second); d.phase(last.ID) != "waiting"; time.Sleep(20 * time.Millisecond) {
		_ = d.Tend(t.Context()) // it tells of the full queue
		if time.Now().After(end) {
			t.Fatal("a full queue kept another one's ticket from being given out")
		}
	}
}

// A ticket that is changed while pages of a sheet are read is in it once.
func TestSheetKeepsTicketsThatChangeMeanwhile(t *testing.T) {
	d := open(t, nil)
	var all []ID
	for i := range 5 {
		k, err := d.Create(t.Context(), Draft{Type: "question", Subject: fmt.Sprint("number ", i), Source: "agent"}, System)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, k.ID)
	}
	var got []ID
	q := Query{Fixed: true, Limit: 2}
	for {
		p, err := d.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range p.Items {
			got = append(got, p.Items[i].ID)
		}
		if q.Cursor = p.Next; q.Cursor == "" {
			break
		}
		if _, err := d.db.Exec(t.Context(), `update tickets set updated_at = now() + interval '1 hour' where id = $1`, all[0]); err != nil {
			t.Fatal(err)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint([]ID{all[4], all[3], all[2], all[1], all[0]}) {
		t.Errorf("%v of %v", got, all)
	}
}
