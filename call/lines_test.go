package call

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"tingxin/audio"
)

func TestUserCallsUserByExtension(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "8002", nil)
	w.hears("anna", w.first, toneB)
	w.hears("bert", w.bert, toneA)
	if w.bert.dialled().User != "bert" {
		t.Errorf("dialled %+v", w.bert.dialled())
	}
	w.first.handler().RemoteHangup(CauseCallerHangup)
	r, legs := w.ended(w.call)
	if r.Route != routeUsers || r.Cause != CauseCallerHangup || len(legs) != 2 || legs[0].User != "anna" || legs[1].User != "bert" || legs[1].Role != RolePeer {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	if !w.bert.dialog.hungUp() {
		t.Error("bert was not hung up")
	}
}

func TestRouteToUserGoesOnElsewhere(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"busy": 486, "not there": 480, "declined": 603} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, "", "200", func(c *Config) {
				c.Routes = append([]Route{{Numbers: []string{"300"}, User: "dora", Then: "quiet"}}, c.Routes...)
			})
			w.x.busy["dora"] = status
			_, c := w.rings(toneA, "", "300")
			if one, two := w.stream(), w.stream(); one.cfg.Call != c.id && two.cfg.Call != c.id { // the other one is the first call's
				t.Errorf("no flow for the call: %+v, %+v", one.cfg, two.cfg)
			}
		})
	}
}

func TestOutsideNumberOnlyForUsers(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "200", nil)
	if _, err := w.m.Accept(context.Background(), Incoming{To: "0123", Dialog: &dialog{}}); err != ErrNoRoute {
		t.Errorf("from outside: %v", err)
	}
	_, c := w.rings(toneA, "anna", "0123")
	r, _ := w.ended(c)
	if r.Cause != CauseNoRoute || r.SIPStatus != 404 || r.Direction != DirectionOut || r.Route != routeOutside {
		t.Errorf("record %+v", r)
	}
}

// pathless is an exchange from which no number outside can be called.
type pathless struct{ *exchange }

func (pathless) Reaches(string) bool { return false }

// Where there is no way to a number nobody is rung for it, and nobody is put on hold.
func TestNumberWithoutAWayIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", nil)
	w.hears("bert", w.bert, toneA)
	w.m.SetDialer(pathless{w.x})
	for len(w.x.rang) > 0 {
		<-w.x.rang
	}
	if _, err := w.m.Originate(Order{User: "cora", To: Aim{Number: "0123"}}); !errors.Is(err, ErrTarget) {
		t.Errorf("placed: %v", err)
	}
	if err := w.m.Transfer(t.Context(), w.call.id, "bert", Aim{Number: "0123"}); !errors.Is(err, ErrTarget) {
		t.Errorf("put through: %v", err)
	}
	if err := w.m.AddLeg(t.Context(), w.call.id, Aim{Number: "0123"}); !errors.Is(err, ErrTarget) {
		t.Errorf("added: %v", err)
	}
	if n := len(w.x.rang); n != 0 {
		t.Errorf("%d telephones rang", n)
	}
}

// What takes every number is there for callers from outside: our user is told that nobody can be reached, or gets the number.
func TestFlowForEveryNumberIsNotForOurUsers(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "200", func(c *Config) {
		c.Routes = append(c.Routes, Route{Numbers: []string{"*"}, Flow: "quiet"}, Route{Numbers: []string{"7*"}, Flow: "quiet"})
		c.CallerID = CallerIDConfig{Default: "4000", Users: map[string]string{"cora": "4003"}}
	})
	p, nobody := w.rings(toneD, "anna", "0123")
	if r, _ := w.ended(nobody); r.Cause != CauseNoRoute || r.Route != routeOutside || !slices.Contains(p.dialog.rejects, 404) {
		t.Errorf("record %+v, refused with %v", r, p.dialog.rejects)
	}
	for number, want := range map[string]string{"0123": routeOutside, "712": "quiet", "200": "quiet", "echo": routeEcho} {
		if r, ok := w.m.routeOf(&Incoming{To: number, User: "anna", From: "anna"}); !ok || r.Name != want {
			t.Errorf("%s takes the route %q, %v; wanted %q", number, r.Name, ok, want)
		}
	}
	if r, ok := w.m.routeOf(&Incoming{To: "0123"}); !ok || r.Flow != "quiet" {
		t.Errorf("from outside: %+v, %v", r, ok)
	}
	builtin, err := newRoutes(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for number, want := range map[string]bool{"default": true, "4000": false} { // as "echo", to be tried
		if r, ok := builtin.find(number, "", true); ok != want || want && r.Flow != routeDefault {
			t.Errorf("without routes %s takes %+v, %v", number, r, ok)
		}
	}
	for user, want := range map[string]string{"anna": "4000", "cora": "4003"} {
		in := Incoming{To: "0123", User: user, From: user}
		r, _ := w.m.routeOf(&in)
		if got := r.target(&in); got.From != want || got.Number != "0123" {
			t.Errorf("%s calls outside as %+v", user, got)
		}
	}
}

func TestHeldPartyHearsMusic(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", nil)
	w.hears("bert", w.bert, toneA)
	w.bert.handler().RemoteHold(true)
	w.music("anna", w.first)
	w.hears("bert who holds", w.bert)
	w.bert.handler().RemoteHold(false)
	w.hears("anna", w.first, toneB)
	w.hears("bert", w.bert, toneA)
	if err := w.m.Hold(context.Background(), w.call.id, "anna", true); err != nil { // by order, from the other side
		t.Fatal(err)
	}
	w.music("bert", w.bert)
	w.hears("anna who holds", w.first)
	if p := w.m.Live()[0].Parties; len(p) != 2 || !p[0].Held || p[1].Held {
		t.Errorf("parties %+v", p)
	}
	if err := w.m.Hold(context.Background(), w.call.id, "anna", false); err != nil {
		t.Fatal(err)
	}
	w.hears("bert", w.bert, toneA)
}

func TestBlindTransferByEitherSide(t *testing.T) {
	t.Parallel()
	for name, by := range map[string]func(*town) (*telephone, *telephone, float64){
		"callee": func(w *town) (*telephone, *telephone, float64) { return w.bert, w.first, toneA },
		"caller": func(w *town) (*telephone, *telephone, float64) { return w.first, w.bert, toneB },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTown(t, "anna", "bert", func(c *Config) { c.Users.Record = true })
			w.hears("bert", w.bert, toneA)
			who, other, tone := by(w)
			reports := refer(who, Refer{Number: "cora"})
			w.hears("cora", w.cora, tone)
			w.hears("who stays", other, toneC)
			waitFor(t, func() bool { return who.dialog.hungUp() })
			if got := reports(); got[len(got)-1] != 200 {
				t.Errorf("reported %v", got)
			}
			time.Sleep(time.Second)
			w.cora.handler().RemoteHangup(CauseCallerHangup)
			r, legs := w.ended(w.call)
			if len(legs) != 3 || legs[2].User != "cora" || r.Cause != CausePeerHangup {
				t.Fatalf("record %+v, legs %+v", r, legs)
			}
			gone := legs[1]
			if name == "caller" {
				gone = legs[0]
			}
			if gone.Cause != CauseTransferred || gone.EndedAt.Sub(r.EndedAt) > -400*time.Millisecond || legs[2].Side != gone.Side {
				t.Errorf("legs %+v", legs)
			}
			pcm, err := audio.ReadWAVChannels(w.m.RecordingPath(r.Recording), 8000, 2)
			if err != nil {
				t.Fatal(err)
			}
			wantL, wantR := tone, float64(toneC)
			if name == "caller" {
				wantL, wantR = toneC, tone
			}
			end := len(pcm[0])
			if l, r := best(pcm[0][end-3*window:], wantL), best(pcm[1][end-3*window:], wantR); math.Abs(l) > 1 || math.Abs(r) > 1 {
				t.Errorf("end of the recording: left %.1f dB, right %.1f dB", l, r)
			}
		})
	}
}

// best is the level of a tone where it is steadiest: a loaded machine makes telephones stutter.
func best(pcm []int16, tone float64) float64 {
	level := math.Inf(-1)
	for i := 0; i+window/2 <= len(pcm); i += window / 8 {
		level = max(level, levelOf(pcm[i:i+window/2], tone))
	}
	return level
}

func TestFailedTransferReturns(t *testing.T) {
	t.Parallel()
	w := newTown(t, "anna", "bert", nil)
	w.hears("bert", w.bert, toneA)
	w.x.mu.Lock()
	w.x.busy["dora"] = 486
	w.x.mu.Unlock()
	reports := refer(w.bert, Refer{Number: "dora"})
	waitFor(t, func() bool { got := reports(); return len(got) > 0 && got[len(got)-1] == 486 })
	w.hears("anna", w.first, toneB)
	w.hears("bert", w.bert, toneA)

	// Who has hung up by then is rung again.
	w.x.mu.Lock()
	w.x.slow["ed"] = true
	w.x.mu.Unlock()
	second := w.newTelephone(toneD)
	refer(w.bert, Refer{Number: "ed"})
	w.music("anna", w.first)
	w.x.mu.Lock()
	w.x.users["bert"] = second
	w.x.mu.Unlock()
	w.bert.handler().RemoteHangup(CauseCallerHangup)
	w.music("anna", w.first)
	w.call.post(func() { w.call.unmoved(w.call.moving, &DialError{Status: 486}) })
	w.hears("anna", w.first, toneD)
	w.hears("bert again", second, toneA)
}

func TestAttendedTransferJoinsTheOthers(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil) // A calls bert
	w.hears("bert", w.bert, toneA)
	asks, consult := w.rings(toneD, "bert", "cora") // bert calls cora
	w.hears("cora", w.cora, toneD)
	w.bert.handler().RemoteHold(true)
	reports := refer(w.bert, Refer{Number: "cora", Replaces: asks.dialog})
	w.hears("cora", w.cora, toneA)
	w.hears("A", w.first, toneC)
	waitFor(t, func() bool { return w.bert.dialog.hungUp() && asks.dialog.hungUp() })
	if got := reports(); !slices.Equal(got, []int{200}) {
		t.Errorf("reported %v", got)
	}
	r2, legs2 := w.ended(consult)
	if r2.Cause != CauseTransferred || len(legs2) != 2 || legs2[1].Cause != CauseTransferred {
		t.Errorf("consultation %+v, legs %+v", r2, legs2)
	}
	w.hears("A afterwards", w.first, toneC)
	w.cora.handler().RemoteHangup(CauseCallerHangup)
	r, legs := w.ended(w.call)
	if r.Cause != CausePeerHangup || len(legs) != 3 || legs[2].User != "cora" || legs[2].Side != SideAgent || legs[1].Cause != CauseTransferred {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}

func TestSupervisorModes(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	ctx := context.Background()
	for _, mode := range []struct {
		mode        Mode
		a, b, super []float64
	}{
		{ModeListen, []float64{toneB}, []float64{toneA}, []float64{toneA, toneB}},
		{ModeWhisper, []float64{toneB}, []float64{toneA, toneC}, []float64{toneA, toneB}},
		{ModeBarge, []float64{toneB, toneC}, []float64{toneA, toneC}, []float64{toneA, toneB}},
		{ModeTakeOver, []float64{toneC}, []float64{toneA, toneC}, []float64{toneA}},
	} {
		if err := w.m.Supervise(ctx, w.call.id, "cora", mode.mode); err != nil {
			t.Fatal(mode.mode, err)
		}
		w.hears("supervisor in "+string(mode.mode), w.cora, mode.super...)
		w.hears("caller in "+string(mode.mode), w.first, mode.a...)
		w.hears("agent in "+string(mode.mode), w.bert, mode.b...)
	}
	w.cora.handler().RemoteHangup(CauseCallerHangup)
	w.hears("caller", w.first, toneB)
	w.hears("agent", w.bert, toneA)
	if st := w.engine.Stats(); st.Rooms != 0 || st.Bridges != 1 {
		t.Errorf("%d rooms, %d bridges", st.Rooms, st.Bridges)
	}
	w.first.handler().RemoteHangup(CauseCallerHangup)
	if _, legs := w.ended(w.call); len(legs) != 3 || legs[2].Role != RoleSupervisor || legs[2].User != "cora" {
		t.Errorf("legs %+v", legs)
	}
}

// An agent hangs up whose call was taken over: the customer goes on talking with the supervisor.
func TestAgentHangsUpAfterATakeOver(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{ModeTakeOver, ModeBarge} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			w := newTown(t, "", "100", nil)
			w.hears("bert", w.bert, toneA)
			if err := w.m.Supervise(t.Context(), w.call.id, "cora", mode); err != nil {
				t.Fatal(err)
			}
			if mode == ModeTakeOver {
				w.hears("the customer", w.first, toneC)
			} else {
				w.hears("the customer", w.first, toneB, toneC)
			}
			w.bert.handler().RemoteHangup(CauseCallerHangup)
			w.hears("the customer without the agent", w.first, toneC)
			w.hears("the supervisor", w.cora, toneA)
			w.first.handler().RemoteHangup(CauseCallerHangup)
			if r, legs := w.ended(w.call); r.Cause != CauseCallerHangup || len(legs) != 3 || legs[1].Cause != CausePeerHangup || legs[2].Role != RolePeer {
				t.Errorf("record %+v, legs %+v", r, legs)
			}
		})
	}
}

// Who only listens or whispers is nobody for the customer to talk with.
func TestListenerDoesNotInheritTheCall(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	if err := w.m.Supervise(t.Context(), w.call.id, "cora", ModeListen); err != nil {
		t.Fatal(err)
	}
	w.hears("the supervisor", w.cora, toneA, toneB)
	w.bert.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(w.call); r.Cause != CausePeerHangup {
		t.Errorf("record %+v", r)
	}
}

func TestThirdPartyStaysWhenOneLeaves(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	if err := w.m.AddLeg(context.Background(), w.call.id, Aim{User: "cora"}); err != nil {
		t.Fatal(err)
	}
	w.hears("A", w.first, toneB, toneC)
	w.hears("bert", w.bert, toneA, toneC)
	w.hears("cora", w.cora, toneA, toneB)
	w.bert.handler().RemoteHold(true)
	w.hears("A", w.first, toneC)
	w.hears("bert who holds", w.bert)
	w.bert.handler().RemoteHangup(CauseCallerHangup)
	w.hears("A", w.first, toneC)
	w.hears("cora", w.cora, toneA)
	w.first.handler().RemoteHangup(CauseCallerHangup)
	r, legs := w.ended(w.call)
	if r.Cause != CauseCallerHangup || len(legs) != 3 || legs[2].Role != RolePeer || legs[1].Cause != CausePeerHangup {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
}

func TestPausedRecordingIsSilent(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil)
	w.hears("bert", w.bert, toneA)
	ctx := context.Background()
	waitFor(t, func() bool { return w.m.PauseRecording(ctx, w.call.id, true) == nil })
	time.Sleep(700 * time.Millisecond)
	w.first.handler().RemoteHangup(CauseCallerHangup)
	r, _ := w.ended(w.call)
	pcm, err := audio.ReadWAVChannels(w.m.RecordingPath(r.Recording), 8000, 2)
	if err != nil {
		t.Fatal(err)
	}
	for side, channel := range pcm {
		if end := channel[len(channel)-window:]; slices.Max(end) != 0 {
			t.Errorf("channel %d is not silent", side)
		}
	}
}

func TestFalseWishesAreRefused(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "200", nil)
	ctx := context.Background()
	w.stream()
	id := w.call.id
	for name, got := range map[string]error{
		"transfer": w.m.Transfer(ctx, id, "", Aim{User: "bert"}), "hold": w.m.Hold(ctx, id, "", true),
		"supervise": w.m.Supervise(ctx, id, "bert", ModeListen), "leg": w.m.AddLeg(ctx, id, Aim{User: "bert"}),
	} {
		if got != ErrState {
			t.Errorf("%s of a flow's call: %v", name, got)
		}
	}
	if err := w.m.Transfer(ctx, id, "", Aim{User: "nobody"}); err == nil || err == ErrState {
		t.Errorf("unknown user: %v", err)
	}
	if err := w.m.Hold(ctx, "none", "", true); err != ErrNoCall {
		t.Errorf("unknown call: %v", err)
	}
	told := refer(w.first, Refer{Number: "bert"}) // told by the call's own goroutine
	waitFor(t, func() bool { return slices.Equal(told(), []int{488}) })
}

func TestMixedBridgeIsARoomOfTwo(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "300", func(c *Config) {
		c.Routes = append([]Route{{Numbers: []string{"300"}, User: "bert", Mix: true}}, c.Routes...)
	})
	w.hears("caller", w.first, toneB)
	w.hears("bert", w.bert, toneA)
	if st := w.m.parts.Engine.Stats(); st.Rooms != 1 || st.Bridges != 0 {
		t.Errorf("%d rooms and %d bridges", st.Rooms, st.Bridges)
	}
	w.bert.handler().RemoteHold(true)
	w.music("caller", w.first)
	w.bert.handler().RemoteHold(false)
	w.hears("caller", w.first, toneB)
	w.first.handler().RemoteHangup(CauseCallerHangup)
	w.ended(w.call)
	if st := w.m.parts.Engine.Stats(); st.Rooms != 0 {
		t.Errorf("%d rooms left", st.Rooms)
	}
}

// TestTransferWhileTheConsultationRings: the Refer-To of a telephone holds our own
// Contact, so whom the consultation calls is known by the consultation alone.
func TestTransferWhileTheConsultationRings(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "100", nil) // A calls bert
	w.hears("bert", w.bert, toneA)
	w.x.mu.Lock()
	w.x.slow["dora"] = true // rings only
	w.x.mu.Unlock()
	asks, consult := w.rings(toneD, "bert", "dora")
	for name := range w.x.rang {
		if name == "dora" {
			break
		}
	}
	w.x.mu.Lock()
	w.x.slow["dora"], w.x.users["dora"] = false, w.cora // the next time she answers
	w.x.mu.Unlock()
	reports := refer(w.bert, Refer{URI: "sip:tingxin@127.0.0.1", Number: "tingxin", Replaces: asks.dialog})
	w.hears("dora", w.cora, toneA)
	w.hears("A", w.first, toneC)
	waitFor(t, func() bool { got := reports(); return len(got) > 0 && got[len(got)-1] == 200 })
	if r, _ := w.ended(consult); r.Cause != CauseCancelled {
		t.Errorf("consultation %+v", r)
	}
}
