package queue

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

var monday = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// desk is a Router with agents a, b, c ... who are available and never lose their connection.
type desk struct {
	*Router
	t   *testing.T
	now time.Time
}

func newDesk(t *testing.T, q Queue, agents ...Profile) *desk {
	t.Helper()
	d := &desk{NewRouter(RouterConfig{}), t, monday}
	for i, p := range agents {
		if p.ID == "" {
			p.ID = AgentID(rune('a' + i))
		}
		p.Desk = true
		must(t, d.SetAgent(p, d.now))
		q.Members = append(q.Members, Member{Agent: p.ID, Order: i})
	}
	q.ID = "q"
	must(t, d.SetQueue(q, d.now))
	return d
}

func (d *desk) after(wait time.Duration) *desk {
	d.now = d.now.Add(wait)
	d.Step(d.now)
	return d
}

func (d *desk) open(agents ...AgentID) *desk {
	d.t.Helper()
	for _, a := range agents {
		must(d.t, d.SetPresence(a, Available, "", d.now))
	}
	return d
}

func (d *desk) call(id WorkID) { d.t.Helper(); d.put(Work{ID: id, Kind: KindVoice}) }

func (d *desk) put(w Work) {
	d.t.Helper()
	w.Queue = "q"
	if w.Urgency == Low {
		w.Urgency = Normal
	}
	must(d.t, d.Enqueue(w, d.now))
}

// rings tells who work rings at, in order of the offers.
func (d *desk) rings(id WorkID) string {
	it, ok := d.Router.Item(id)
	if !ok {
		return "gone"
	}
	var who []string
	for _, t := range it.Offers {
		o, _ := d.Offer(t)
		who = append(who, string(o.Agent))
	}
	return strings.Join(who, " ")
}

func (d *desk) wantRing(id WorkID, who string) {
	d.t.Helper()
	if got := d.rings(id); got != who {
		d.t.Fatalf("%s rings at %q, want %q", id, got, who)
	}
}

// take lets the agent whom work rings at accept and join.
func (d *desk) take(id WorkID) AgentID {
	d.t.Helper()
	it, _ := d.Router.Item(id)
	if len(it.Offers) == 0 {
		d.t.Fatalf("%s rings at nobody", id)
	}
	o, _ := d.Offer(it.Offers[0])
	if _, err := d.Accept(o.Token, o.Agent, d.now); err != nil {
		d.t.Fatal(err)
	}
	must(d.t, d.Answered(id, d.now))
	return o.Agent
}

// serve is a whole contact.
func (d *desk) serve(id WorkID, took time.Duration) AgentID {
	d.t.Helper()
	a := d.take(id)
	d.after(took)
	must(d.t, d.Ended(id, "", d.now))
	return a
}

func (d *desk) wantState(id AgentID, s State) {
	d.t.Helper()
	if a, _ := d.Router.Agent(id); a.State != s {
		d.t.Fatalf("%s is %s, want %s", id, a.State, s)
	}
}

func TestPriority(t *testing.T) {
	m := time.Minute
	for _, tc := range []struct {
		u               Urgency
		elapsed, target time.Duration
		s               Signals
		want            float64
	}{
		{Urgent, 0, 2 * m, Signals{}, 3},
		{Urgent, 2 * m, 2 * m, Signals{}, 7},
		{Urgent, 4 * m, 2 * m, Signals{}, 4.5}, // missed: 3 + 1 + .5
		{Normal, 30 * m, 60 * m, Signals{}, 3},
		{Normal, 600 * m, 60 * m, Signals{}, 6},  // 1 + 1 + 4, aged to the end
		{Normal, 6000 * m, 60 * m, Signals{}, 6}, // and no further
		{Low, 0, m, Signals{Emotion: .5, VIP: true, Complaint: true, Repeat: true}, 3.25},
		{Low, 0, m, Signals{Emotion: 7}, 1.5},
		{Low, 0, 0, Signals{}, 0},
		{Low, -m, m, Signals{}, 0},
		{High, m, 0, Signals{}, 7},
	} {
		if got := PriorityOf(tc.u, tc.elapsed, tc.target, tc.s).Sum(); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("P(%s, %v of %v, %+v) = %v, want %v", tc.u, tc.elapsed, tc.target, tc.s, got, tc.want)
		}
	}
}

func TestScore(t *testing.T) {
	m := time.Minute
	for _, tc := range []struct {
		f    Fit
		want float64
	}{
		{Fit{Skill: 1, Cap: 10, Same: true, Idle: time.Hour}, 1},
		{Fit{Skill: .5, Cap: 10, Load: 5, Idle: time.Hour}, .175 + .175 + .05},
		{Fit{Skill: 1, Cap: 10, Idle: 5 * m, Handled: 30}, .35 + .35 + .05 + .025},
		{Fit{Cap: 10, Load: 20, Handled: 100}, 0},
	} {
		if got := ScoreOf(tc.f).Sum(); math.Abs(got-tc.want) > 1e-9 {
			t.Errorf("S(%+v) = %v, want %v", tc.f, got, tc.want)
		}
	}
}

func TestStrategies(t *testing.T) {
	for _, tc := range []struct {
		strategy Strategy
		want     string // who gets each of four calls in a row, 30 s each
	}{
		{LongestIdle, "a b c a"}, {LeastRecent, "a b c a"}, {FewestCalls, "a b c a"}, {RoundRobinOf, "a b c a"}, {Linear, "a a a a"}, {SkillWeighted, "c c c c"}, {Best, "c c c c"}, {PreferredOf, "b b b b"}, {LeastTalk, "a b c a"},
	} {
		t.Run(string(tc.strategy), func(t *testing.T) {
			skills := func(level float64) Profile { return Profile{Skills: map[string]float64{"tech": level}} }
			d := newDesk(t, Queue{Strategy: tc.strategy, Skills: []string{"tech"}, Rings: []Ring{{}}}, skills(.4), skills(.5), skills(1)).open("a", "b", "c")
			var got []string
			for i := range 4 {
				d.after(time.Second)
				id := WorkID(fmt.Sprint("w", i))
				d.put(Work{ID: id, Kind: KindVoice, Preferred: "b"})
				got = append(got, string(d.serve(id, 30*time.Second)))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("calls went to %s, want %s", s, tc.want)
			}
		})
	}
}

func TestWeightedFollowsTheWeights(t *testing.T) {
	d := newDesk(t, Queue{Strategy: Weighted}, Profile{}, Profile{})
	q, _ := d.Queue("q")
	q.Members[1].Weight = 3
	must(t, d.SetQueue(q, d.now))
	d.open("a", "b")
	n := map[AgentID]int{}
	for i := range 2000 {
		id := WorkID(fmt.Sprint(i))
		d.call(id)
		n[d.serve(id, time.Second)]++
	}
	if share := float64(n["b"]) / 2000; math.Abs(share-.75) > .04 {
		t.Errorf("b with weight 3 of 4 got %.2f of the calls", share)
	}
}

func TestRingAllFirstAnswerWins(t *testing.T) {
	d := newDesk(t, Queue{Strategy: RingAll}, Profile{}, Profile{}, Profile{}).open("a", "b", "c")
	d.call("w")
	d.wantRing("w", "a b c")
	it, _ := d.Router.Item("w")
	if _, err := d.Accept(it.Offers[1], "b", d.now); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Accept(it.Offers[0], "a", d.now); !errors.Is(err, ErrGone) {
		t.Errorf("a second answer: %v, want ErrGone", err)
	}
	d.wantState("a", Available)
	d.wantState("b", Talking)
}

// Each step one more rings, those before go on ringing; the first answer wins.
func TestRingProgressively(t *testing.T) {
	d := newDesk(t, Queue{Strategy: RingOneByOne, Step: 5 * time.Second, RingTime: 30 * time.Second}, Profile{}, Profile{}, Profile{}).open("a", "b", "c")
	d.call("w")
	d.wantRing("w", "a")
	if next := d.NextDeadline(); !next.Equal(d.now.Add(5 * time.Second)) {
		t.Errorf("wakes at %v", next.Sub(d.now))
	}
	d.after(4*time.Second).wantRing("w", "a")
	d.after(time.Second).wantRing("w", "a b")
	it, _ := d.Router.Item("w")
	must(t, d.Decline(it.Offers[0], "a", false, d.now))
	d.wantRing("w", "b")
	d.after(5*time.Second).wantRing("w", "b c")
	d.after(5*time.Second).wantRing("w", "b c") // nobody is left
	it, _ = d.Router.Item("w")
	if _, err := d.Accept(it.Offers[1], "c", d.now); err != nil {
		t.Fatal(err)
	}
	d.wantState("b", Available)
	d.wantState("c", Talking)
	if it, _ = d.Router.Item("w"); len(it.Offers) != 0 || it.Agent != "c" {
		t.Errorf("afterwards: %+v", it)
	}
}

// The inner ring of the members is asked first; the best of all that the age has reached gets it.
func TestBullseyeWidens(t *testing.T) {
	d := newDesk(t, Queue{})
	for id, level := range map[AgentID]float64{"in": .5, "mid": .9, "out": 1} {
		must(t, d.SetAgent(Profile{ID: id, Skills: map[string]float64{"tech": level}, Desk: true}, d.now))
	}
	q, _ := d.Queue("q")
	q.Strategy, q.Step, q.Skills, q.Rings = Bullseye, 10*time.Second, []string{"tech"}, []Ring{{}}
	q.Members = []Member{{Agent: "out", Order: 9}, {Agent: "in", Order: 1}, {Agent: "mid", Order: 4}}
	must(t, d.SetQueue(q, d.now))
	d.open("mid", "out")
	d.call("w")
	d.wantRing("w", "")
	if next := d.NextDeadline(); !next.Equal(d.now.Add(10 * time.Second)) {
		t.Errorf("wakes at %v", next.Sub(d.now))
	}
	d.after(9*time.Second).wantRing("w", "")
	d.after(time.Second).wantRing("w", "mid")
	it, _ := d.Router.Item("w")
	if len(it.Decision.Losers) != 1 || it.Decision.Losers[0].Reason != "outer_ring" {
		t.Errorf("losers %+v", it.Decision.Losers)
	}
	must(t, d.Decline(it.Offers[0], "mid", false, d.now))
	d.wantRing("w", "")
	d.after(10*time.Second).wantRing("w", "out")
	it, _ = d.Router.Item("w")
	d.take("w")
	d.open("in")
	d.call("v") // the inner ring is there: it need not wait, though others know more
	d.wantRing("v", "in")
}

func TestRingsRelax(t *testing.T) {
	d := newDesk(t, Queue{Skills: []string{"tech"}, Sisters: []QueueID{"sister"}})
	for id, level := range map[AgentID]float64{"low": .5, "sis": .45, "none": 0} {
		must(t, d.SetAgent(Profile{ID: id, Skills: map[string]float64{"tech": level}, Desk: true}, d.now))
	}
	q, _ := d.Queue("q")
	q.Members = []Member{{Agent: "low"}}
	must(t, d.SetQueue(q, d.now))
	must(t, d.SetQueue(Queue{ID: "sister", Members: []Member{{Agent: "sis"}}}, d.now))
	d.open("low", "sis", "none")
	for i := range 3 {
		d.call(WorkID(fmt.Sprint("w", i)))
	}
	for _, tc := range []struct {
		age  time.Duration
		want []string
	}{{29 * time.Second, []string{"", "", ""}}, {30 * time.Second, []string{"low", "", ""}}, {59 * time.Second, []string{"low", "", ""}}, {60 * time.Second, []string{"low", "sis", ""}}, {120 * time.Second, []string{"low", "sis", "none"}}} {
		d.after(monday.Add(tc.age).Sub(d.now))
		for i, who := range tc.want {
			id := WorkID(fmt.Sprint("w", i))
			if it, _ := d.Router.Item(id); it.Phase == Offered && it.Agent == "" {
				o, _ := d.Offer(it.Offers[0])
				if string(o.Agent) != who {
					t.Errorf("at %v %s rings at %s, want %q", tc.age, id, o.Agent, who)
				}
				d.take(id)
			} else if it.Agent != AgentID(who) {
				t.Errorf("at %v %s is with %q, want %q", tc.age, id, it.Agent, who)
			}
		}
	}
	if it, _ := d.Router.Item("w2"); it.Decision == nil || !it.Decision.Overflow || it.Decision.Ring != 4 {
		t.Errorf("the last ring's decision: %+v", it.Decision)
	}
}

func TestDeclineKeepsAgeAndBars(t *testing.T) {
	d := newDesk(t, Queue{}, Profile{}).open("a")
	d.call("w")
	it, _ := d.Router.Item("w")
	must(t, d.Decline(it.Offers[0], "a", false, d.now))
	d.wantRing("w", "")
	d.after(59*time.Second).wantRing("w", "")
	d.after(time.Second).wantRing("w", "a")
	if it, _ = d.Router.Item("w"); !it.Since.Equal(monday) {
		t.Errorf("the age began anew at %v", it.Since)
	}
	if next := d.NextDeadline(); !next.Equal(d.now.Add(20 * time.Second)) {
		t.Errorf("next deadline in %v, want the offer's 20 s", next.Sub(d.now))
	}
}

func TestTwoTimeoutsMakeAway(t *testing.T) {
	d := newDesk(t, Queue{Bar: time.Second}, Profile{}).open("a")
	d.call("w")
	d.after(20 * time.Second)
	d.wantState("a", Available)
	d.after(time.Second).wantRing("w", "a")
	d.after(20 * time.Second)
	d.wantState("a", Away)
	changes, _, _ := d.Drain()
	if !slices.ContainsFunc(changes, func(c Change) bool { return c.Type == Notice && c.Agent == "a" && c.Reason == AwayUnanswered }) {
		t.Error("the agent was not told")
	}
	d.open("a").after(2*time.Second).wantRing("w", "a")
}

func TestTimeoutAfterAnAnswerCountsAnew(t *testing.T) {
	d := newDesk(t, Queue{Bar: time.Second}, Profile{}).open("a")
	d.call("w")
	d.after(20 * time.Second).after(time.Second)
	d.serve("w", time.Second)
	d.call("v")
	d.after(20*time.Second).wantState("a", Available)
}

func TestWrapUpModes(t *testing.T) {
	for _, tc := range []struct {
		wrap     WrapUp
		ask      bool
		until    time.Duration // free by itself after; 0 at once
		canLeave bool
	}{
		{WrapUp{WrapNone, 0}, true, 0, false},
		{WrapUp{WrapOptional, 0}, false, 0, false},
		{WrapUp{WrapOptional, time.Minute}, true, time.Minute, true},
		{WrapUp{WrapManual, 0}, false, 15 * time.Minute, true},
		{WrapUp{WrapFixed, 30 * time.Second}, false, 30 * time.Second, true},
		{WrapUp{WrapExact, 30 * time.Second}, false, 30 * time.Second, false},
	} {
		t.Run(fmt.Sprint(tc.wrap.Mode, tc.ask), func(t *testing.T) {
			for _, early := range []bool{false, true} {
				d := newDesk(t, Queue{WrapUp: tc.wrap}, Profile{}).open("a")
				d.call("w")
				d.take("w")
				must(t, d.AskWrapUp("w", "a", tc.ask, d.now))
				must(t, d.SetQueue(Queue{ID: "other"}, d.now))
				must(t, d.Transfer("w", "other", d.now.Add(time.Second))) // the wrap-up survives it
				d.after(time.Second)
				d.call("v")
				if tc.until == 0 {
					d.wantRing("v", "a")
					return
				}
				d.wantState("a", Wrapping)
				if early {
					if err := d.EndWrapUp("a", "", false, d.now); (err == nil) != tc.canLeave {
						t.Fatalf("early exit: %v", err)
					}
					if tc.canLeave {
						d.wantRing("v", "a")
						return
					}
				}
				d.after(tc.until-time.Second).wantRing("v", "")
				d.after(time.Second).wantRing("v", "a")
			}
		})
	}
}

func TestCapacity(t *testing.T) {
	d := newDesk(t, Queue{Rings: []Ring{{}}}, Profile{}).open("a")
	for i := range 6 {
		d.put(Work{ID: WorkID(fmt.Sprint("chat", i)), Kind: KindChat})
	}
	for i := range 5 {
		d.take(WorkID(fmt.Sprint("chat", i)))
	}
	d.wantState("a", Talking)
	d.wantRing("chat5", "")
	must(t, d.Pending("chat0", true, d.now)) // the customer's turn: room for one more
	d.wantRing("chat5", "a")
	d.take("chat5")
	d.put(Work{ID: "ticket", Kind: KindTicket})
	d.wantRing("ticket", "")
	for i := range 6 {
		must(t, d.Ended(WorkID(fmt.Sprint("chat", i)), "", d.now))
	}
	d.take("ticket")
	d.call("call") // tickets do not block live work
	d.wantRing("call", "a")
	d.take("call")
	d.put(Work{ID: "ticket2", Kind: KindTicket})
	d.wantRing("ticket2", "")
	must(t, d.SetAgent(Profile{ID: "b", Desk: true}, d.now))
	d.open("b")
	if over, err := d.Assign("ticket2", "a", "boss", d.now); err != nil || !over {
		t.Errorf("by hand beyond the capacity: over %v, %v", over, err)
	}
}

func TestHardGuardOverflowsAndAlerts(t *testing.T) {
	d := newDesk(t, Queue{Overflow: "over", Rings: []Ring{{}}}, Profile{})
	must(t, d.SetAgent(Profile{ID: "o", Desk: true}, d.now))
	must(t, d.SetQueue(Queue{ID: "over", Members: []Member{{Agent: "o"}}}, d.now))
	d.open("o")
	d.put(Work{ID: "w", Kind: KindVoice, Urgency: Urgent})
	d.after(10*time.Minute-time.Second).wantRing("w", "")
	d.after(time.Second).wantRing("w", "o")
	changes, _, _ := d.Drain()
	n := 0
	for _, c := range changes {
		if c.Type == Alert {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d alerts, want 1", n)
	}
}

func TestServiceLevelAndAbandons(t *testing.T) {
	for _, count := range []bool{false, true} {
		d := newDesk(t, Queue{Level: Level{Percent: 80, Within: 20 * time.Second, Abandons: count}}, Profile{})
		leave := func(id WorkID, wait time.Duration, want string) {
			d.call(id)
			d.after(wait)
			if cause, err := d.Cancel(id, d.now); err != nil || cause != want {
				t.Errorf("%s left after %v: %q %v, want %q", id, wait, cause, err, want)
			}
		}
		leave("short", 4*time.Second, CauseShortAbandon)
		leave("early", 10*time.Second, CauseAbandoned)
		leave("late", 25*time.Second, CauseAbandoned)
		d.call("waits")
		d.after(21*time.Second).open("a").serve("waits", time.Minute)
		d.call("quick")
		d.serve("quick", time.Minute)
		s := d.Boards(d.now)[0].Today
		want := 50.0
		if count {
			want = 100.0 / 3
		}
		if s.Entered != 5 || s.Answered != 2 || s.InTime != 1 || s.Abandoned != 2 || s.Short != 1 || math.Abs(s.Level-want) > 1e-9 {
			t.Errorf("abandons count %v: %+v, want level %.1f", count, s, want)
		}
		if r := d.Boards(d.now)[0].Recent; r != s {
			t.Errorf("last 30 min %+v, today %+v", r, s)
		}
		d.after(31 * time.Minute)
		if r := d.Boards(d.now)[0].Recent; r.Answered != 0 || r.Level != -1 {
			t.Errorf("half an hour later: %+v", r)
		}
		d.after(15 * time.Hour)
		if s := d.Boards(d.now)[0].Today; s.Answered != 0 {
			t.Errorf("the next day: %+v", s)
		}
	}
}

func TestPositionAndEstimate(t *testing.T) {
	d := newDesk(t, Queue{Handle: 4 * time.Minute}, Profile{}, Profile{})
	for i := range 4 {
		d.after(time.Second).call(WorkID(fmt.Sprint("w", i)))
	}
	if p := d.Positions("q", d.now)["w2"]; p.Position != 3 || p.Estimate != -1 {
		t.Errorf("nobody there: %+v", p)
	}
	d.open("a", "b")
	d.take("w0")
	d.take("w1")
	p := d.Positions("q", d.now)
	if p["w2"] != (Position{1, 2 * time.Minute}) || p["w3"] != (Position{2, 4 * time.Minute}) {
		t.Errorf("two wait for two agents of 4 min: %+v", p)
	}
	d.put(Work{ID: "vip", Kind: KindVoice, Signals: Signals{VIP: true}})
	if p := d.Positions("q", d.now); p["vip"].Position != 1 || p["w2"].Position != 2 {
		t.Errorf("a VIP came: %+v", p)
	}
}

func TestCallbackKeepsThePlace(t *testing.T) {
	d := newDesk(t, Queue{CallbackTries: 2, CallbackRetry: time.Minute}, Profile{})
	d.call("first")
	d.after(time.Second).call("second")
	must(t, d.KeepPlace("first", "13800138000", d.now))
	if _, err := d.Cancel("first", d.now); err != nil { // hangs up
		t.Fatal(err)
	}
	d.open("a").wantRing("first", "a")
	d.take("first")
	must(t, d.CallbackFailed("first", d.now))
	d.wantRing("second", "a")
	d.serve("second", 10*time.Second)
	d.after(49*time.Second).wantRing("first", "")
	d.after(time.Second).wantRing("first", "a")
	if it, _ := d.Router.Item("first"); !it.Since.Equal(monday) || it.Callback.Tries != 1 {
		t.Errorf("age from %v, tries %d", it.Since, it.Callback.Tries)
	}
	d.take("first")
	must(t, d.CallbackFailed("first", d.now))
	if d.rings("first") != "gone" {
		t.Error("more tries than allowed")
	}
}

func TestLostConnectionGivesTextBack(t *testing.T) {
	d := newDesk(t, Queue{Rings: []Ring{{}}}, Profile{}, Profile{})
	must(t, d.SetAgent(Profile{ID: "a"}, d.now)) // a browser now
	d.open("a")
	d.put(Work{ID: "chat", Kind: KindChat})
	d.put(Work{ID: "ticket", Kind: KindTicket})
	d.take("chat")
	d.take("ticket")
	d.after(29*time.Second).wantState("a", Available)
	must(t, d.Heartbeat("a", d.now))
	d.after(30*time.Second).wantState("a", Offline)
	it, _ := d.Router.Item("chat")
	if it.Phase != Waiting || it.WasWith != "a" || !it.Since.Equal(monday) {
		t.Errorf("the chat is %s, was with %q, waits since %v", it.Phase, it.WasWith, it.Since)
	}
	if it, _ := d.Router.Item("ticket"); it.Agent != "a" {
		t.Errorf("the ticket is with %q", it.Agent)
	}
	d.open("b").wantRing("chat", "b")
}

func TestAcceptedButUnansweredGoesBack(t *testing.T) {
	d := newDesk(t, Queue{Targets: Targets{Normal: 3 * time.Minute}}, Profile{}).open("a")
	for _, w := range []struct {
		kind Kind
		back time.Duration
	}{{KindVoice, 15 * time.Second}, {KindChat, 90 * time.Second}, {KindMessage, 90 * time.Second}} {
		id := WorkID(w.kind)
		d.put(Work{ID: id, Kind: w.kind})
		it, _ := d.Router.Item(id)
		if _, err := d.Accept(it.Offers[0], "a", d.now); err != nil {
			t.Fatal(err)
		}
		d.after(w.back - time.Second)
		if it, _ := d.Router.Item(id); it.Phase != Assigned {
			t.Errorf("%s is %s before its time", id, it.Phase)
		}
		d.after(time.Second)
		if it, _ := d.Router.Item(id); it.Requeues != 1 || it.WasWith != "a" {
			t.Errorf("%s came back %d times", id, it.Requeues)
		}
		must(t, d.Remove(id, CauseRemoved, d.now))
	}
}

// TestQueueDrainsOldestFirst: all agents are offline, 200 wait, one logs in.
func TestQueueDrainsOldestFirst(t *testing.T) {
	d := newDesk(t, Queue{OnClose: CloseKeep}, Profile{})
	for i := range 200 {
		d.after(time.Second).call(WorkID(fmt.Sprintf("w%03d", i)))
	}
	d.after(time.Hour + time.Second) // all targets missed
	d.open("a")
	for i := range 200 {
		id := WorkID(fmt.Sprintf("w%03d", i))
		d.wantRing(id, "a")
		d.serve(id, time.Second)
	}
	if n := len(d.items); n != 0 {
		t.Errorf("%d are left", n)
	}
}

func TestBadInput(t *testing.T) {
	d := newDesk(t, Queue{MaxWaiting: 1}, Profile{})
	d.call("w")
	for _, w := range []Work{{ID: "v", Kind: KindVoice, Queue: "q"}, {ID: "w", Kind: KindVoice, Queue: "q"}, {ID: "x", Kind: KindVoice, Queue: "none"}, {ID: "x", Kind: "fax", Queue: "q"}, {Kind: KindVoice, Queue: "q"},
		{ID: "x", Kind: KindVoice, Queue: "q", Urgency: 9}, {ID: "x", Kind: KindChat, Queue: "q", Callback: &Callback{Number: "1"}}, {ID: "x", Kind: KindVoice, Queue: "q", Data: []byte("{")}, {ID: "x", Kind: KindVoice, Queue: "q", Data: make([]byte, maxData+1)}} {
		if err := d.Enqueue(w, d.now); err == nil {
			t.Errorf("%+v was taken", w)
		}
	}
	for _, q := range []Queue{{}, {ID: "Big"}, {ID: "q", Strategy: "luck"}, {ID: "q", WrapUp: WrapUp{WrapFixed, 0}}, {ID: "q", WrapUp: WrapUp{WrapFixed, time.Hour}}, {ID: "q", Rings: []Ring{{After: 1}}},
		{ID: "q", Rings: []Ring{{Floor: 2}}}, {ID: "q", Members: []Member{{Agent: "a"}, {Agent: "a"}}}, {ID: "q", Sisters: []QueueID{"q"}}, {ID: "q", RingTime: time.Millisecond}, {ID: "q", Level: Level{Percent: 101}}} {
		if err := d.SetQueue(q, d.now); err == nil {
			t.Errorf("%+v was taken", q)
		}
	}
	for _, p := range []Profile{{}, {ID: "x", Capacity: -1}, {ID: "x", Skills: map[string]float64{"s": math.NaN()}}, {ID: "x", Skills: map[string]float64{"s": 2}}} {
		if err := d.SetAgent(p, d.now); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
	if err := d.SetPresence("a", Away, "bored", d.now); !errors.Is(err, ErrState) {
		t.Errorf("away without a known reason: %v", err)
	}
}

func BenchmarkDispatch(b *testing.B) {
	r := NewRouter(RouterConfig{})
	q := Queue{ID: "q", Skills: []string{"tech"}}
	for i := range 100 {
		id := AgentID(fmt.Sprint("a", i))
		if err := r.SetAgent(Profile{ID: id, Desk: true, Skills: map[string]float64{"tech": .8}}, monday); err != nil {
			b.Fatal(err)
		}
		q.Members = append(q.Members, Member{Agent: id})
	}
	if err := r.SetQueue(q, monday); err != nil {
		b.Fatal(err)
	}
	for _, a := range r.Agents() {
		_ = r.SetPresence(a.ID, Available, "", monday)
	}
	n := 0
	for range 1000 { // waiting behind
		n++
		_ = r.Enqueue(Work{ID: WorkID(fmt.Sprint(n)), Kind: KindVoice, Queue: "q"}, monday)
	}
	b.ReportAllocs()
	for b.Loop() {
		var o *Offer
		for _, o = range r.offers {
			break
		}
		it, err := r.Accept(o.Token, o.Agent, monday)
		if err != nil {
			b.Fatal(err)
		}
		n++
		_ = r.Enqueue(Work{ID: WorkID(fmt.Sprint(n)), Kind: KindVoice, Queue: "q"}, monday)
		_ = r.Ended(it.ID, "", monday)
		r.Drain()
	}
}
