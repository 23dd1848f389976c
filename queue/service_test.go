package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a database with a queue "support" and agents, and servers over it.
type office struct {
	t      *testing.T
	db     *pg.DB
	agents []AgentID
}

func newOffice(t *testing.T, agents int, change func(*Queue)) *office {
	t.Helper()
	o := &office{t: t, db: pgtest.NewWith(t, pg.Config{MaxConns: 12})}
	q := Queue{ID: "support", Name: "Support"}
	o.tx(func(ctx context.Context, tx pgx.Tx) error {
		for i := range agents {
			var id AgentID
			if err := tx.QueryRow(ctx, `insert into users (username, role, password_hash) values ($1, 'agent', 'x') returning id::text`, fmt.Sprint("agent", i)).Scan(&id); err != nil {
				return err
			}
			o.agents = append(o.agents, id)
			q.Members = append(q.Members, Member{Agent: id, Order: i})
			if err := NewStore(o.db).PutAgent(ctx, tx, Profile{ID: id, Desk: true}); err != nil {
				return err
			}
		}
		if change != nil {
			change(&q)
		}
		return NewStore(o.db).PutQueue(ctx, tx, q)
	})
	return o
}

func (o *office) tx(f func(context.Context, pgx.Tx) error) {
	o.t.Helper()
	must(o.t, o.db.Tx(o.t.Context(), func(tx pgx.Tx) error { return f(o.t.Context(), tx) }))
}

// server is one Service.
type server struct {
	*Service
	t   *testing.T
	bus *event.Bus
}

func (o *office) serve(node string, dialogs Dialogs) *server {
	o.t.Helper()
	bus := event.NewBus()
	s, err := New(Config{Node: node}, o.db, bus, dialogs, slog.New(slog.NewTextHandler(testWriter{o.t}, &slog.HandlerOptions{Level: slog.LevelWarn})))
	must(o.t, err)
	must(o.t, s.Start(o.t.Context()))
	o.t.Cleanup(func() { s.Close(); bus.Close() })
	return &server{s, o.t, bus}
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("server: %s", b)
	return len(b), nil
}

func (s *server) enqueue(w Work) *Ticket {
	s.t.Helper()
	if w.Queue == "" {
		w.Queue = "support"
	}
	if w.Kind == "" {
		w.Kind = KindVoice
	}
	t, err := s.Enqueue(s.t.Context(), w)
	must(s.t, err)
	return t
}

func (s *server) available(a AgentID) {
	s.t.Helper()
	must(s.t, s.SetPresence(s.t.Context(), a, Available, ""))
}

// next waits for an update of one type.
func next(t *testing.T, k *Ticket, typ string) Update {
	t.Helper()
	limit := time.After(10 * time.Second)
	for {
		select {
		case u, open := <-k.C:
			if !open {
				t.Fatalf("%s: the ticket was closed before %s", k.Work, typ)
			}
			if u.Type == typ {
				return u
			}
		case <-limit:
			t.Fatalf("%s: no %s", k.Work, typ)
		}
	}
}

// eventually tries until f is true.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("not in time: %s", what)
}

func TestFirstQueueAsksEveryAgent(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	first := Queue{ID: "help", Rings: []Ring{{Anyone: true}}}
	if added, err := NewStore(o.db).First(t.Context(), first); added || err != nil {
		t.Fatalf("a server with queues got one: %v", err)
	}
	o.tx(func(ctx context.Context, tx pgx.Tx) error { return NewStore(o.db).DeleteQueue(ctx, tx, "support") })
	if added, err := NewStore(o.db).First(t.Context(), first); !added || err != nil {
		t.Fatalf("added %v %v", added, err)
	}
	s := o.serve("one", nil)
	s.available(o.agents[0])
	boards, err := s.Boards(t.Context())
	must(t, err)
	if len(boards) != 1 || boards[0].Agents != 1 || boards[0].Free != 1 {
		t.Errorf("boards %+v", boards)
	}
	k := s.enqueue(Work{ID: "w", Queue: "help"})
	if u := next(t, k, OfferMade); u.Agent != o.agents[0] {
		t.Errorf("offered to %s", u.Agent)
	}
}

// kill ends a server as kill -9 would, as far as rows are concerned: it writes nothing more.
func (s *server) kill() {
	s.stop()
	s.running.Wait()
	// What a dead process cannot do: give its lease back.
	_, err := s.store.db.Exec(context.Background(), `update queue_lease set until = now() + interval '1 hour' where node = $1`, s.cfg.Node)
	must(s.t, err)
}

func TestTicketTellsTheWholeStory(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, func(q *Queue) { q.WrapUp = WrapUp{WrapManual, 0} })
	s := o.serve("n1", nil)
	events := s.bus.Subscribe(1000)
	defer events.Close()
	k := s.enqueue(Work{ID: "call-1"})
	if p := next(t, k, Positioned); p.Position != 1 || p.Estimate != -1 {
		t.Errorf("first place: %+v", p)
	}
	s.available(o.agents[0])
	offer := next(t, k, OfferMade)
	it, err := s.Accept(t.Context(), offer.Token, offer.Agent)
	must(t, err)
	if it.ID != "call-1" || it.Decision == nil || it.Decision.Agent != o.agents[0] {
		t.Errorf("accepted %+v", it)
	}
	if _, err := s.Accept(t.Context(), offer.Token, offer.Agent); !errors.Is(err, ErrGone) {
		t.Errorf("accepted twice: %v", err)
	}
	next(t, k, Taken)
	must(t, s.Answered(t.Context(), "call-1"))
	next(t, k, Joined)
	must(t, s.Ended(t.Context(), "call-1", ""))
	if u := next(t, k, Left); u.Reason != CauseDone {
		t.Errorf("left by %q", u.Reason)
	}
	if _, open := <-k.C; open {
		t.Error("the ticket is still open")
	}
	desk, err := s.Desk(t.Context(), o.agents[0])
	must(t, err)
	if desk.Agent.State != Wrapping {
		t.Errorf("after the call the agent is %s", desk.Agent.State)
	}
	must(t, s.EndWrapUp(t.Context(), o.agents[0], false))
	o.checkRows()
	var seen []string
	for len(events.C) > 0 {
		seen = append(seen, (<-events.C).Type)
	}
	for _, want := range []string{Entered, OfferMade, OfferEnded, Taken, Joined, WrapBegan, Left, WrapEnded, StateChanged} {
		if !slices.Contains(seen, want) {
			t.Errorf("no event %s in %v", want, seen)
		}
	}
}

// checkRows looks at the rows of the one call above.
func (o *office) checkRows() {
	o.t.Helper()
	ctx := o.t.Context()
	st := NewStore(o.db)
	it, err := st.Work(ctx, "call-1")
	must(o.t, err)
	if it.Phase != Ended || it.Cause != CauseDone {
		o.t.Errorf("row: %s by %s", it.Phase, it.Cause)
	}
	why, err := st.Decisions(ctx, "call-1")
	must(o.t, err)
	if len(why) != 1 || why[0].Agent != o.agents[0] || why[0].S <= 0 {
		o.t.Errorf("reasons: %+v", why)
	}
	states, err := st.History(ctx, o.agents[0], 100)
	must(o.t, err)
	var names []State
	for _, s := range states {
		names = append(names, s.State)
	}
	slices.Reverse(names)
	if !slices.Equal(names, []State{Available, Ringing, Talking, Wrapping, Available}) && !slices.Equal(names, []State{Ringing, Talking, Wrapping, Available}) {
		o.t.Errorf("history: %v", names)
	}
	open, err := pg.Row(ctx, o.db, pgx.RowTo[int], `select count(*)::int from queue_offers where ended_at is null`)
	must(o.t, err)
	if open != 0 {
		o.t.Errorf("%d offers are open", open)
	}
}

// TestTwoHundredWaitForOne: 200 calls wait while all agents are offline, one logs
// in: the oldest first, none lost.
func TestTwoHundredWaitForOne(t *testing.T) {
	o := newOffice(t, 3, nil)
	s := o.serve("n1", nil)
	var tickets []*Ticket
	for i := range 200 {
		tickets = append(tickets, s.enqueue(Work{ID: WorkID(fmt.Sprintf("c%03d", i))}))
	}
	s.available(o.agents[1])
	for _, k := range tickets {
		offer := next(t, k, OfferMade)
		if _, err := s.Accept(t.Context(), offer.Token, offer.Agent); err != nil {
			t.Fatalf("%s: %v", k.Work, err)
		}
		must(t, s.Answered(t.Context(), k.Work))
		must(t, s.Ended(t.Context(), k.Work, ""))
		next(t, k, Left)
	}
	order, err := pg.Rows(t.Context(), o.db, pgx.RowTo[string], `select work_id from queue_offers where reason = 'accepted' order by at, work_id`)
	must(t, err)
	if len(order) != 200 || !slices.IsSorted(order) {
		t.Errorf("%d were served, in order: %v", len(order), slices.IsSorted(order))
	}
	if b, err := s.Boards(t.Context()); err != nil || b[0].Waiting != 0 || b[0].Today.Answered != 200 {
		t.Errorf("%v %+v", err, b)
	}
}

// TestKilledServerKeepsCallbacks: 50 call-backs wait and 5 callers are on the
// line when the server is killed.
func TestKilledServerKeepsCallbacks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 2, nil)
	s := o.serve("n1", nil)
	for i := range 55 {
		id := WorkID(fmt.Sprintf("c%02d", i))
		s.enqueue(Work{ID: id})
		if i < 50 {
			must(t, s.KeepPlace(t.Context(), id, "13800138000"))
		}
	}
	s.available(o.agents[0]) // the first rings
	eventually(t, "the first rings", func() bool {
		d, err := s.Desk(t.Context(), o.agents[0])
		return err == nil && d.Offered != nil && d.Offered.ID == "c00"
	})
	before, err := s.Store().Work(t.Context(), "c07")
	must(t, err)
	s.kill()

	s = o.serve("n1", nil)
	items, err := s.Items(t.Context(), "support")
	must(t, err)
	if len(items) != 50 {
		t.Fatalf("%d wait after the restart, want the 50 call-backs", len(items))
	}
	for i, it := range items {
		if it.ID != WorkID(fmt.Sprintf("c%02d", i)) || it.Callback == nil || it.Callback.Number != "13800138000" {
			t.Errorf("place %d: %+v", i, it)
		}
	}
	if !items[7].Since.Equal(before.Since) {
		t.Errorf("c07 waits since %v, before since %v", items[7].Since, before.Since)
	}
	lost, err := s.Store().Work(t.Context(), "c52")
	must(t, err)
	if lost.Phase != Ended || lost.Cause != CauseRestart {
		t.Errorf("a caller on the line: %s by %q", lost.Phase, lost.Cause)
	}
	k, err := s.Watch("c00")
	must(t, err)
	d, err := s.Desk(t.Context(), o.agents[0])
	must(t, err)
	if d.Offer == nil || d.Offered.ID != "c00" {
		t.Fatalf("the offer did not survive: %+v", d)
	}
	if _, err := s.Accept(t.Context(), d.Offer.Token, o.agents[0]); err != nil {
		t.Fatal(err)
	}
	next(t, k, Taken)
	if b, err := s.Boards(t.Context()); err != nil || b[0].Today.Entered != 55 || b[0].Waiting != 49 {
		t.Errorf("%v: after the restart %+v", err, b)
	}
}

// TestTwoServers: one decides, the other asks; then the first is gone.
func TestTwoServers(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, func(q *Queue) { q.CallbackLost = true })
	one := o.serve("n1", nil)
	two := o.serve("n2", nil)
	if !one.Stats().Deciding || two.Stats().Deciding {
		t.Fatalf("deciding: %v %v", one.Stats().Deciding, two.Stats().Deciding)
	}
	k := two.enqueue(Work{ID: "on-two"})
	if _, err := two.Enqueue(t.Context(), Work{ID: "nowhere", Kind: KindVoice, Queue: "none"}); !errors.Is(err, ErrNoQueue) {
		t.Errorf("an error from the other server: %v", err)
	}
	if p := next(t, k, Positioned); p.Position != 1 {
		t.Errorf("place told across: %+v", p)
	}
	one.enqueue(Work{ID: "on-one", Number: "10086"})
	one.enqueue(Work{ID: "chat-on-one", Kind: KindChat})
	two.available(o.agents[0])
	offer := next(t, k, OfferMade)
	if _, err := two.Accept(t.Context(), offer.Token, offer.Agent); err != nil {
		t.Fatal(err)
	}
	next(t, k, Taken)
	must(t, two.Answered(t.Context(), "on-two"))
	next(t, k, Joined)

	one.kill()
	_, err := o.db.Exec(t.Context(), `update queue_lease set until = now() - interval '1 second'`) // it would run out
	must(t, err)
	_, err = o.db.Exec(t.Context(), `update queue_nodes set seen_at = now() - interval '1 minute' where node = 'n1'`)
	must(t, err)
	eventually(t, "the second decides", func() bool { return two.Stats().Deciding })
	eventually(t, "the places of the first are taken over", func() bool { return two.Stats().Orphans == 2 })
	items, err := two.Items(t.Context(), "")
	must(t, err)
	byID := map[WorkID]Item{}
	for _, it := range items {
		byID[it.ID] = it
	}
	if it := byID["on-one"]; it.Callback == nil || it.Callback.Number != "10086" || it.Node != "n2" {
		t.Errorf("the lost caller's place: %+v", it)
	}
	if it := byID["chat-on-one"]; it.Phase != Waiting || it.Node != "n2" {
		t.Errorf("the chat: %+v", it)
	}
	if it := byID["on-two"]; it.Phase != Active || it.Agent != o.agents[0] {
		t.Errorf("the call of the living server: %+v", it)
	}
	must(t, two.Ended(t.Context(), "on-two", ""))
	next(t, k, Left)
}

// TestDeposedServerWritesNothing: a server that lost its lease without noticing.
func TestDeposedServerWritesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	s := o.serve("n1", nil)
	_, err := o.db.Exec(t.Context(), `update queue_lease set node = 'n2', epoch = epoch + 1, until = now() + interval '1 hour'`)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if k, err := s.Enqueue(ctx, Work{ID: "w", Kind: KindVoice, Queue: "support"}); err == nil {
		t.Errorf("taken: %+v", k)
	}
	if _, err := s.Store().Work(t.Context(), "w"); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("written: %v", err)
	}
}

// phones is a Dialogs that knows who is on the line.
type phones struct {
	mu   sync.Mutex
	gone map[WorkID]bool
}

func (p *phones) Alive(id WorkID) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.gone[id]
}

func TestCallsThatAreGoneEnd(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	p := &phones{gone: map[WorkID]bool{}}
	s := o.serve("n1", p)
	stays, goes := s.enqueue(Work{ID: "stays"}), s.enqueue(Work{ID: "goes"})
	p.mu.Lock()
	p.gone["goes"] = true
	p.mu.Unlock()
	if u := next(t, goes, Left); u.Reason != CauseAbandoned && u.Reason != CauseShortAbandon {
		t.Errorf("left by %s", u.Reason)
	}
	// One who keeps the place and hangs up is not gone.
	must(t, s.KeepPlace(t.Context(), "stays", "10086"))
	next(t, stays, KeptPlace)
	p.mu.Lock()
	p.gone["stays"] = true
	p.mu.Unlock()
	time.Sleep(2500 * time.Millisecond) // two looks of the reconciler
	s.available(o.agents[0])
	next(t, stays, OfferMade)
	if n := s.Stats().Reconciled; n != 1 {
		t.Errorf("%d were reconciled", n)
	}
}

// TestRingStopsAtOnce: the caller hangs up; nobody may ring 200 ms later.
func TestRingStopsAtOnce(t *testing.T) {
	o := newOffice(t, 3, func(q *Queue) { q.Strategy = RingAll })
	s := o.serve("n1", nil)
	for _, a := range o.agents {
		s.available(a)
	}
	took := time.Hour
	for round := 0; round < 5 && took > 200*time.Millisecond; round++ { // whoever else is on the machine may have it for a while
		id := WorkID(fmt.Sprint("w", round))
		k := s.enqueue(Work{ID: id})
		for range 3 {
			next(t, k, OfferMade)
		}
		start := time.Now()
		if cause, err := s.Cancel(t.Context(), id); err != nil || cause != CauseShortAbandon && cause != CauseAbandoned {
			t.Errorf("%s %v", cause, err)
		}
		for range 3 {
			if u := next(t, k, OfferEnded); u.Reason != ReasonWithdrawn {
				t.Errorf("ended by %s", u.Reason)
			}
		}
		took = time.Since(start)
	}
	if took > 200*time.Millisecond {
		t.Errorf("rings stopped after %v, in the best of five rounds", took)
	}
}

// TestPanicStartsTheDispatcherAgain: a fault in one decision ends neither the server nor the queue.
func TestPanicStartsTheDispatcherAgain(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	s := o.serve("n1", nil)
	s.enqueue(Work{ID: "before"})
	s.inbox <- &question{nil, make(chan reply, 1)} // a request that is none
	eventually(t, "a panic", func() bool { return s.Stats().Panics == 1 })
	eventually(t, "it decides again", func() bool { return s.Stats().Deciding })
	items, err := s.Items(t.Context(), "")
	must(t, err)
	if len(items) != 1 || items[0].ID != "before" {
		t.Errorf("after the panic: %+v", items)
	}
}

func TestClosedQueue(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	st := NewStore(o.db)
	o.tx(func(ctx context.Context, tx pgx.Tx) error {
		if err := st.PutCalendar(ctx, tx, Calendar{Name: "never", Zone: "Asia/Shanghai", Days: []Day{{Date: Date{2199, 1, 1}}}}); err != nil {
			return err
		}
		return st.PutQueue(ctx, tx, Queue{ID: "night", Calendar: "never"})
	})
	s := o.serve("n1", nil)
	closed := new(ClosedError)
	if _, err := s.Enqueue(t.Context(), Work{ID: "w", Kind: KindVoice, Queue: "night"}); !errors.As(err, &closed) {
		t.Errorf("a call to a closed queue: %v", err)
	}
	if _, err := s.Enqueue(t.Context(), Work{ID: "w", Kind: KindMessage, Queue: "night"}); err != nil {
		t.Errorf("a message to a closed queue: %v", err)
	}
	// Nor is anybody moved there who is on the line; what may wait is.
	for id, kind := range map[WorkID]Kind{"caller": KindVoice, "visitor": KindChat} {
		if _, err := s.Enqueue(t.Context(), Work{ID: id, Kind: kind, Queue: "support"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Transfer(t.Context(), "caller", "night"); !errors.As(err, &closed) || closed.Queue != "night" {
		t.Errorf("a caller moved to a closed queue: %v", err)
	}
	if err := s.Transfer(t.Context(), "visitor", "night"); err != nil {
		t.Errorf("a chat moved to a closed queue: %v", err)
	}
}

func TestReload(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 1, nil)
	s := o.serve("n1", nil)
	o.tx(func(ctx context.Context, tx pgx.Tx) error {
		if err := s.Store().PutSkill(ctx, tx, Skill{"tech", "Technik"}); err != nil {
			return err
		}
		if err := s.Store().PutAgent(ctx, tx, Profile{ID: o.agents[0], Skills: map[string]float64{"tech": .9}, Desk: true}); err != nil {
			return err
		}
		return s.Store().PutQueue(ctx, tx, Queue{ID: "tech", Skills: []string{"tech"}, Members: []Member{{Agent: o.agents[0]}}})
	})
	must(t, s.Reload(t.Context()))
	k := s.enqueue(Work{ID: "w", Queue: "tech"})
	s.available(o.agents[0])
	next(t, k, OfferMade)
	err := o.db.Tx(t.Context(), func(tx pgx.Tx) error { return s.Store().DeleteQueue(t.Context(), tx, "tech") })
	if !errors.Is(err, ErrState) {
		t.Errorf("a queue with work was deleted: %v", err)
	}
	if _, err := s.Cancel(t.Context(), "w"); err != nil {
		t.Error(err)
	}
	o.tx(func(ctx context.Context, tx pgx.Tx) error { return s.Store().DeleteQueue(ctx, tx, "tech") })
	must(t, s.Reload(t.Context()))
	if _, err := s.Enqueue(t.Context(), Work{ID: "v", Kind: KindVoice, Queue: "tech"}); !errors.Is(err, ErrNoQueue) {
		t.Errorf("the queue is still there: %v", err)
	}
}

// TestManyAtOnce: callers, agents and hang-ups from many goroutines.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 8, nil)
	s := o.serve("n1", nil)
	for _, a := range o.agents {
		s.available(a)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	served := 0
	for i := range 150 {
		wg.Go(func() {
			k, err := s.Enqueue(t.Context(), Work{ID: WorkID(fmt.Sprint("c", i)), Kind: KindVoice, Queue: "support"})
			if err != nil {
				t.Error(err)
				return
			}
			for u := range k.C {
				switch u.Type {
				case OfferMade:
					if _, err := s.Accept(t.Context(), u.Token, u.Agent); err != nil {
						t.Error(err)
					}
				case Taken:
					if i%7 == 0 {
						_, _ = s.Cancel(t.Context(), k.Work)
						continue
					}
					if err := errors.Join(s.Answered(t.Context(), k.Work), s.Ended(t.Context(), k.Work, "")); err != nil {
						t.Error(err)
					}
				case Left:
					mu.Lock()
					served++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if served != 150 {
		t.Errorf("%d of 150 were served", served)
	}
	if _, err := s.Boards(t.Context()); err != nil {
		t.Error(err)
	}
}
