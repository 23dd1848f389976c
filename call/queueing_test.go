package call

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/queue"
)

// counter is a town with a queue "support" and its agents anna and bert.
type counter struct {
	*town
	q   *queue.Service
	ids map[string]queue.AgentID
}

// desk makes *queue.Service the Queues of a Manager.
type desk struct {
	*queue.Service
	names map[queue.AgentID]string
}

func (d desk) Enqueue(ctx context.Context, w queue.Work) (<-chan queue.Update, error) {
	t, err := d.Service.Enqueue(ctx, w)
	if err != nil {
		return nil, err
	}
	return t.C, nil
}

func (d desk) Listen(id queue.WorkID) (<-chan queue.Update, error) {
	t, err := d.Watch(id)
	if err != nil {
		return nil, err
	}
	return t.C, nil
}

func (d desk) UserOf(_ context.Context, a queue.AgentID) (string, error) { return d.names[a], nil }

const waitingFlow = "flow: waiting\nversion: 1\nnodes:\n  - record: {consent: none}\n  - queue: {name: support, max_wait: %s, timeout: late, no_agents: late}\n  - {id: late, listen: {silence: 60s}}\n"

// newCounter has nobody at work yet; the flow gives up after maxWait.
func newCounter(t *testing.T, maxWait time.Duration, noAgents bool) *counter {
	t.Helper()
	c := &counter{ids: map[string]queue.AgentID{}}
	c.town = newTown(t, "", "200", nil)
	c.first.handler().RemoteHangup(CauseCallerHangup)
	<-c.call.left
	names := map[queue.AgentID]string{}
	settings := queue.Queue{ID: "support", WrapUp: queue.WrapUp{Mode: queue.WrapFixed, Time: time.Minute}}
	err := c.db.Tx(t.Context(), func(tx pgx.Tx) error {
		store := queue.NewStore(c.db)
		for i, name := range []string{"anna", "bert"} {
			var id queue.AgentID
			if err := tx.QueryRow(t.Context(), `insert into users (username, role, password_hash) values ($1, 'agent', 'x') returning id::text`, name).Scan(&id); err != nil {
				return err
			}
			c.ids[name], names[id] = id, name
			if err := store.PutAgent(t.Context(), tx, queue.Profile{ID: id, Name: name, Desk: true}); err != nil {
				return err
			}
			settings.Members = append(settings.Members, queue.Member{Agent: id, Order: i})
		}
		settings.Strategy = queue.Linear
		return store.PutQueue(t.Context(), tx, settings)
	})
	if err != nil {
		t.Fatal(err)
	}
	if c.q, err = queue.New(queue.Config{Node: "test"}, c.db, c.bus, c.m, quiet()); err != nil {
		t.Fatal(err)
	}
	if err := c.q.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // before the house, whose calls it must hear of
		for _, call := range c.m.list() {
			call.end(CauseAdmin, 0)
			<-call.left
		}
		c.q.Close()
	})
	c.m.SetQueues(desk{c.q, names})
	flow := fmt.Sprintf(waitingFlow, maxWait)
	if !noAgents {
		flow = fmt.Sprintf("flow: waiting\nversion: 1\nnodes:\n  - record: {consent: none}\n  - queue: {name: support, max_wait: %s, timeout: late}\n  - {id: late, listen: {silence: 60s}}\n", maxWait)
	}
	if err := os.WriteFile(filepath.Join(c.dir, "waiting.yaml"), []byte(flow), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := c.m.parts.Flows.Load(); err != nil {
		t.Fatal(err)
	}
	rs := append(routes{{Name: "waiting", Numbers: []string{"900"}, Flow: "waiting"}}, *c.m.routes.Load()...)
	c.m.routes.Store(&rs)
	return c
}

// works signs an agent in.
func (c *counter) works(names ...string) {
	c.t.Helper()
	for _, name := range names {
		if err := c.q.SetPresence(c.t.Context(), c.ids[name], queue.Available, ""); err != nil {
			c.t.Fatal(err)
		}
	}
}

func (c *counter) state(name string) queue.State {
	c.t.Helper()
	d, err := c.q.Desk(c.t.Context(), c.ids[name])
	if err != nil {
		c.t.Fatal(err)
	}
	return d.Agent.State
}

func (c *counter) silent(name string) {
	c.x.mu.Lock()
	defer c.x.mu.Unlock()
	c.x.slow[name] = true
}

func TestCallerWaitsWithMusicForAnAgent(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	a, c := w.rings(toneA, "", "900")
	w.music("caller", a)
	if s := w.m.Live(); len(s) == 0 || s[len(s)-1].Queue != "support" || s[len(s)-1].Agent != "" {
		t.Errorf("live %+v", s)
	}
	w.works("bert")
	w.hears("caller", a, toneB)
	w.hears("agent", w.bert, toneA)
	waitFor(t, func() bool { return w.state("bert") == queue.Talking })
	s := c.snap.Load()
	if s.Agent != "bert" || len(s.Parties) != 2 || s.Parties[1].Role != RoleAgent {
		t.Errorf("snapshot %+v", s)
	}
	sides := map[string]bool{}
	for !sides[SideCaller] || !sides[SideAgent] { // the first call's may be among them
		if st := w.stream(); st.cfg.Call == c.id {
			sides[st.cfg.Side] = true
		}
	}
	a.handler().RemoteHangup(CauseCallerHangup)
	r, legs := w.ended(c)
	if r.Queue != "support" || r.Agent != "bert" || len(legs) != 2 || legs[1].Role != RoleAgent || r.Recording.State != RecordingKept {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	waitFor(t, func() bool { return w.state("bert") == queue.Wrapping })
	if got, err := w.store.Get(t.Context(), c.id); err != nil || got.Agent != "bert" {
		t.Errorf("row %+v, %v", got, err)
	}
}

func TestCallersHangUpStopsTheRing(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.silent("bert")
	w.works("bert")
	took := time.Hour
	for round := 0; round < 5 && took > 200*time.Millisecond; round++ { // whoever else is on the machine may have it for a while
		a, c := w.rings(toneA, "", "900")
		w.rung("bert")
		waitFor(t, func() bool { return w.state("bert") == queue.Ringing })
		w.x.mu.Lock()
		w.x.gaveUp = nil
		w.x.mu.Unlock()
		a.handler().RemoteHangup(CauseCallerHangup)
		began := time.Now()
		waitFor(t, func() bool { w.x.mu.Lock(); defer w.x.mu.Unlock(); return slices.Contains(w.x.gaveUp, "bert") })
		took = time.Since(began)
		waitFor(t, func() bool { return w.state("bert") == queue.Available })
		if r, _ := w.ended(c); r.Agent != "" || r.Queue != "support" {
			t.Errorf("record %+v", r)
		}
	}
	if took > 200*time.Millisecond {
		t.Errorf("the ring stopped after %v, in the best of five rounds", took)
	}
}

func TestNextAgentAfterADecline(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.x.busy["anna"] = 603
	w.works("anna", "bert")
	a, c := w.rings(toneA, "", "900")
	w.rung("anna")
	w.rung("bert")
	w.hears("caller", a, toneB)
	if s := c.snap.Load(); s.Agent != "bert" {
		t.Errorf("agent %s", s.Agent)
	}
}

func TestDesktopAcceptsBeforeTheTelephone(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.silent("bert")
	w.works("bert")
	a, c := w.rings(toneA, "", "900")
	w.rung("bert")
	waitFor(t, func() bool { return w.state("bert") == queue.Ringing })
	d, err := w.q.Desk(t.Context(), w.ids["bert"])
	if err != nil || d.Offer == nil {
		t.Fatal(d, err)
	}
	if _, err := w.q.Accept(t.Context(), d.Offer.Token, w.ids["bert"]); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	w.x.mu.Lock()
	gave := slices.Contains(w.x.gaveUp, "bert")
	w.x.mu.Unlock()
	if gave {
		t.Error("the telephone stopped ringing when the desktop accepted")
	}
	a.handler().RemoteHangup(CauseCallerHangup)
	w.ended(c)
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	for name, none := range map[string]bool{"time": false, "nobody at work": true} {
		t.Run(name, func(t *testing.T) {
			limit := 700 * time.Millisecond
			if none {
				limit = time.Minute
			}
			w := newCounter(t, limit, none)
			a, c := w.rings(toneA, "", "900")
			w.music("caller", a)
			for {
				if n := w.event("flow.node").Data.(NodeItem); n.Flow == "waiting" && n.Node == "late" {
					break
				}
			}
			waitFor(t, func() bool { return a.power() < -60 })
			if items, err := w.q.Items(t.Context(), "support"); err != nil || len(items) != 0 {
				t.Errorf("still in the queue: %+v, %v", items, err)
			}
			a.handler().RemoteHangup(CauseCallerHangup)
			w.ended(c)
		})
	}
}

func TestAgentTransfersAndGetsTheWrapUp(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.works("bert")
	a, c := w.rings(toneA, "", "900")
	w.hears("caller", a, toneB)
	refer(w.bert, Refer{Number: "cora"})
	w.hears("caller", a, toneC)
	w.hears("cora", w.cora, toneA)
	waitFor(t, func() bool { return w.state("bert") == queue.Wrapping })
	a.handler().RemoteHangup(CauseCallerHangup)
	if r, legs := w.ended(c); r.Agent != "bert" || len(legs) != 3 || legs[1].Cause != CauseTransferred {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}

func TestTransferToAQueue(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	a, c := w.rings(toneA, "", "100") // bert answers, who is no agent yet
	w.hears("caller", a, toneB)
	if err := w.m.Transfer(t.Context(), c.id, "bert", Aim{Queue: "support"}); err != nil {
		t.Fatal(err)
	}
	w.music("caller", a)
	waitFor(t, func() bool { return w.bert.dialog.hungUp() })
	w.works("anna")
	w.hears("caller", a, toneD)
	w.hears("anna", w.ann, toneA)
	a.handler().RemoteHangup(CauseCallerHangup)
	if r, legs := w.ended(c); r.Queue != "support" || r.Agent != "anna" || len(legs) != 3 || legs[2].Role != RoleAgent {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	if err := w.m.Transfer(t.Context(), c.id, "", Aim{Queue: "support"}); err != ErrNoCall {
		t.Errorf("transfer of an ended call: %v", err)
	}
}

// Whoever was put through into a queue that no flow waits for is never hung up without a word: the queue's own flow
// takes them when it closes, else they are told.
func TestSentOnWithoutAFlow(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, flow string
		closes     bool // else somebody takes the work out
		ends       string
	}{
		{"the work was taken out", "", false, ivr.ClosedNotice("en", false).Text},
		{"it closes", "", true, ivr.ClosedNotice("en", true).Text},
		{"it closes and has a flow", "asking", true, ""},
		{"its flow is not there", "nowhere", true, ivr.ClosedNotice("en", true).Text},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newCounter(t, time.Minute, false)
			w.flow("  - {id: machine, listen: {silence: 60s}}\n") // the flow "asking"
			settings := queue.Queue{ID: "support", Members: []queue.Member{{Agent: w.ids["anna"]}}, ClosedFlow: tc.flow}
			w.put(settings)
			a, c := w.rings(toneA, "", "100")
			w.hears("caller", a, toneB)
			if err := w.m.Transfer(t.Context(), c.id, "bert", Aim{Queue: "support"}); err != nil {
				t.Fatal(err)
			}
			w.music("caller", a)
			w.m.parts.Flows.Prompts = w.speaks(300 * time.Millisecond)
			if tc.closes {
				settings.Calendar = "day"
				w.put(settings)
			} else if err := w.q.Remove(t.Context(), queue.WorkID(c.id)); err != nil {
				t.Fatal(err)
			}
			if tc.ends == "" {
				w.reaches("machine")
				a.handler().RemoteHangup(CauseCallerHangup)
				if r, _ := w.ended(c); r.Cause != CauseCallerHangup || r.Queue != "support" || r.Route != "asking" {
					t.Errorf("record %+v", r)
				}
				return
			}
			if said := w.event("transcript.final").Data.(TranscriptItem); said.Side != SideAgent || said.Text != tc.ends {
				t.Errorf("told %+v, want %q", said, tc.ends)
			}
			if r, legs := w.ended(c); r.Cause != CauseNoAnswer || r.Queue != "support" || legs[1].Cause != CauseTransferred {
				t.Errorf("record %+v, legs %+v", r, legs)
			}
		})
	}
}

// put changes the queue, whose calendar "day" never opens.
func (c *counter) put(q queue.Queue) {
	c.t.Helper()
	err := c.db.Tx(c.t.Context(), func(tx pgx.Tx) error {
		if err := queue.NewStore(c.db).PutCalendar(c.t.Context(), tx, queue.Calendar{Name: "day", Zone: "UTC"}); err != nil {
			return err
		}
		return queue.NewStore(c.db).PutQueue(c.t.Context(), tx, q)
	})
	if err == nil {
		err = c.q.Reload(c.t.Context())
	}
	if err != nil {
		c.t.Fatal(err)
	}
}

// speaks makes every sentence silence of that length.
func (c *counter) speaks(d time.Duration) *ivr.Prompts {
	c.t.Helper()
	path := filepath.Join(c.dir, "sentence.wav")
	out, err := audio.CreateWAV(path, audio.Rate, 1)
	if err == nil {
		err = errors.Join(out.Write(make([]int16, int(d.Seconds()*audio.Rate))), out.Close())
	}
	if err != nil {
		c.t.Fatal(err)
	}
	return ivr.NewPrompts(filepath.Join(c.dir, "none"), c.dir, ivr.NewCommand([]string{"cp", path, "{out}"}, nil))
}

// Words that cannot be spoken keep nobody in a queue that has let go.
func TestSentOnWithoutAVoice(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	a, c := w.rings(toneA, "", "100")
	w.hears("caller", a, toneB)
	if err := w.m.Transfer(t.Context(), c.id, "bert", Aim{Queue: "support"}); err != nil {
		t.Fatal(err)
	}
	w.music("caller", a)
	w.m.parts.Flows.Prompts = ivr.NewPrompts(filepath.Join(w.dir, "none"), w.dir, ivr.NewCommand([]string{"false"}, nil))
	if err := w.q.Remove(t.Context(), queue.WorkID(c.id)); err != nil {
		t.Fatal(err)
	}
	if r, _ := w.ended(c); r.Cause != CauseNoAnswer || r.Queue != "support" {
		t.Errorf("record %+v", r)
	}
}

// reaches waits until a flow is at a node.
func (c *counter) reaches(id string) {
	c.t.Helper()
	for c.event("flow.node").Data.(NodeItem).Node != id {
	}
}

// Whoever waits when the queue closes is sent the way of a closed one, once nobody is at work.
func TestCallerWaitsWhenTheQueueCloses(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - queue: {name: support, closed: shut}\n  - {id: wrong, hangup: true}\n  - {id: shut, listen: {silence: 60s}}\n")
	a, c := w.rings(toneA, "", "900")
	w.music("caller", a)
	w.put(queue.Queue{ID: "support", Calendar: "day", Members: []queue.Member{{Agent: w.ids["anna"]}}})
	w.reaches("shut")
	a.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Queue != "support" || r.Agent != "" {
		t.Errorf("record %+v", r)
	}
}

// A flow that names a queue which is not there goes on where a closed one would.
func TestQueueThatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - queue: {name: nowhere, closed: late}\n  - {id: wrong, hangup: true}\n  - {id: late, listen: {silence: 60s}}\n")
	w.rings(toneA, "", "900")
	w.reaches("late")
}

// lateDesk tells of the end of work only once somebody has asked to move it.
type lateDesk struct {
	desk
	asked chan struct{}
}

func (d lateDesk) Transfer(ctx context.Context, id queue.WorkID, to queue.QueueID) error {
	err := d.desk.Transfer(ctx, id, to)
	close(d.asked)
	return err
}

func (d lateDesk) Enqueue(ctx context.Context, w queue.Work) (<-chan queue.Update, error) {
	told, err := d.desk.Enqueue(ctx, w)
	if err != nil {
		return nil, err
	}
	out := make(chan queue.Update, 64)
	go func() { // ends with the work
		defer close(out)
		for u := range told {
			if u.Type != queue.Left {
				out <- u
			}
		}
		if w.Queue == "support" {
			<-d.asked
		}
	}()
	return out, nil
}

// The second queue of a flow takes the caller although the end of the stay in the first one is not told yet.
func TestFromOneQueueIntoTheNext(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	if err := w.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return queue.NewStore(w.db).PutQueue(t.Context(), tx, queue.Queue{ID: "second", Members: []queue.Member{{Agent: w.ids["anna"]}}})
	}); err != nil {
		t.Fatal(err)
	}
	if err := w.q.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.m.SetQueues(lateDesk{w.m.queues.(desk), make(chan struct{})})
	w.flow("  - queue: {name: support, max_wait: 100ms}\n  - queue: {name: second}\n")
	a, c := w.rings(toneA, "", "900")
	waitFor(t, func() bool { return c.snap.Load().Queue == "second" })
	w.works("anna")
	w.hears("caller", a, toneD)
	a.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Queue != "second" || r.Agent != "anna" {
		t.Errorf("record %+v", r)
	}
}

// A flow keeps a place for a caller who does not wait, and says so when it cannot.
func TestFlowKeepsAPlaceForACallback(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - callback: {queue: support, priority: high, failed: sorry}\n  - {id: kept, hangup: true}\n  - {id: sorry, hangup: true}\n")
	_, c := w.rings(toneA, "", "900")
	w.reaches("kept")
	w.ended(c)
	list, err := w.m.Callbacks(t.Context(), "support")
	if err != nil || len(list) != 1 || list[0].Number != "555" || list[0].Urgency != queue.High {
		t.Fatalf("call-backs %+v, %v", list, err)
	}
	// Who keeps the number back is promised nothing, here or while waiting.
	p := w.newTelephone(toneB)
	h, err := w.m.Accept(t.Context(), Incoming{From: "anonymous", To: "900", Transport: "udp", Dialog: p.dialog, Leg: p.leg, Received: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	w.reaches("sorry")
	w.ended(h.(*Call))
	for number, can := range map[string]bool{"555": true, "+8613800138000": true, "010-6552": true, "bert": true, "anonymous": false, "": false, "+": false, "web-1f2e": false, "sip:555": false} {
		if w.m.callable(number) != can {
			t.Errorf("%q can be called back: %v", number, !can)
		}
	}
}

// A speech synthesiser that fails costs the waiting caller an announcement, not the place.
func TestAnnouncementThatCannotBeSpoken(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - queue: {name: support, callback: {key: 5}}\n")
	tried := filepath.Join(w.dir, "tried")
	w.m.parts.Flows.Prompts = ivr.NewPrompts(filepath.Join(w.dir, "none"), w.dir, ivr.NewCommand([]string{"sh", "-c", "touch " + tried + "; exit 1"}, nil))
	a, c := w.rings(toneA, "", "900")
	waitFor(t, func() bool { _, err := os.Stat(tried); return err == nil })
	w.music("caller", a)
	w.works("bert")
	w.hears("caller", a, toneB)
	a.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Agent != "bert" || r.Cause != CauseCallerHangup {
		t.Errorf("record %+v", r)
	}
}

// Patience that ends in the moment in which an agent comes: the talk goes on, and the flow goes on after it.
func TestPatienceEndsAsTheAgentComes(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.works("bert")
	a, c := w.rings(toneA, "", "900")
	w.hears("caller", a, toneB)
	var q *waiting
	if err := c.ask(t.Context(), func() { q = c.queued }); err != nil {
		t.Fatal(err)
	}
	if gone, err := c.giveUp(t.Context(), q); gone || err != nil {
		t.Errorf("given up: %v, %v", gone, err)
	}
	w.hears("caller afterwards", a, toneB)
}

// An agent gives the caller back to the queue; the flow goes on looking after them.
func TestAgentGivesTheCallerBack(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.works("bert")
	a, c := w.rings(toneA, "", "900")
	w.hears("caller", a, toneB)
	if err := w.m.Transfer(t.Context(), c.id, "bert", Aim{Queue: "support"}); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return w.state("bert") == queue.Wrapping })
	w.music("caller", a)
	w.works("anna")
	w.hears("caller", a, toneD)
	a.handler().RemoteHangup(CauseCallerHangup)
	if r, legs := w.ended(c); r.Agent != "anna" || len(legs) != 3 || legs[1].Cause != CauseTransferred || legs[2].Role != RoleAgent {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}
