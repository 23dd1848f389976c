package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"tingxin/call"
)

func TestUnknownNumberIsRefused(t *testing.T) {
	cfg := testConfig(t)
	cfg.Call.Routes = []call.Route{{Numbers: []string{"1*"}, Flow: "default"}, {Numbers: []string{"0900*"}, Reject: 403}}
	s := mustRun(t, cfg)
	p := newPhone(t)
	for number, want := range map[string]int{"2000": 404, "090012": 403} {
		p.invite(s.udp(t), number)
		if m := p.final(); m.status() != want {
			t.Errorf("%s: %s, want %d", number, m.first, want)
		}
	}
	r, legs := s.cdr(t) // the rejected one has a record, the unrouted one never was a call
	if r.Cause != call.CauseRejected || r.SIPStatus != 403 || !r.AnsweredAt.IsZero() || len(legs) != 1 {
		t.Errorf("record %+v", r)
	}
}

func TestTooManyCallsAreRefused(t *testing.T) {
	cfg := testConfig(t)
	cfg.Call.MaxCalls = 1
	s := mustRun(t, cfg)
	p, q := newPhone(t), newPhone(t)
	p.call(s.udp(t), "echo")
	q.invite(s.udp(t), "echo")
	if m := q.final(); m.status() != 503 {
		t.Errorf("second call: %s", m.first)
	}
	if st := s.calls.Stats(); st.Active != 1 || st.Refused != 1 {
		t.Errorf("stats %+v", st)
	}
}

// bridged is a server whose number 5000 is the second phone.
func bridged(t *testing.T, change func(*call.Route)) (*server, *phone, *phone) {
	t.Helper()
	a, b := newPhone(t), newPhone(t)
	cfg := testConfig(t)
	r := call.Route{Numbers: []string{"5*"}, Bridge: fmt.Sprintf("sip:{rest}@127.0.0.1:%d", b.port())}
	if change != nil {
		change(&r)
	}
	cfg.Call.Routes = []call.Route{r}
	return mustRun(t, cfg), a, b
}

func TestBridgeCarriesSoundAndKeysBothWays(t *testing.T) {
	s, a, b := bridged(t, nil)
	a.invite(s.udp(t), "5123")
	m := b.take()
	if !strings.Contains(m.first, "sip:123@127.0.0.1") || !strings.Contains(m.header.Get("From"), "1000") {
		t.Errorf("dialled %q from %q", m.first, m.header.Get("From"))
	}
	if m := a.final(); m.status() != 200 {
		t.Fatal(m.first)
	}
	a.speak.Store(true)
	waitFor(t, "a's voice at b", func() bool { return b.loud.Load() > 10 })
	if a.loud.Load() > 0 {
		t.Error("a hears itself")
	}
	a.speak.Store(false)
	b.speak.Store(true)
	waitFor(t, "b's voice at a", func() bool { return a.loud.Load() > 10 })
	a.press('7')
	waitFor(t, "a's key at b", func() bool { return b.keys.Load() > 0 })
	a.bye()
	b.hungUp()
	r, legs := s.cdr(t)
	if r.Cause != call.CauseCallerHangup || len(legs) != 2 || legs[1].Side != call.SideAgent || legs[1].Direction != call.DirectionOut {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	if legs[1].Quality.PacketsIn < 10 || legs[1].Peer != fmt.Sprint(b.rtp.LocalAddr()) {
		t.Errorf("second leg %+v", legs[1])
	}
}

func TestBridgeEndedByTheOtherParty(t *testing.T) {
	s, a, b := bridged(t, nil)
	a.invite(s.udp(t), "51")
	m := b.take()
	a.final()
	waitFor(t, "the bridge", func() bool { return b.packets.Load() > 5 })
	b.byeTo(m)
	a.hungUp()
	if r, _ := s.cdr(t); r.Cause != call.CausePeerHangup {
		t.Errorf("cause %s", r.Cause)
	}
}

func TestBridgeRefusalIsPassedOn(t *testing.T) {
	for status, want := range map[string]struct {
		status int
		cause  call.Cause
	}{"486 Busy Here": {486, call.CauseBusy}, "404 Not Found": {404, call.CauseNoRoute}, "500 Oops": {502, call.CauseError}, "603 Decline": {603, call.CauseRejected}} {
		t.Run(status, func(t *testing.T) {
			s, a, b := bridged(t, nil)
			a.invite(s.udp(t), "51")
			b.answer(<-b.invites, status, "", "")
			if m := a.final(); m.status() != want.status {
				t.Errorf("passed on as %s", m.first)
			}
			if r, _ := s.cdr(t); r.Cause != want.cause || r.SIPStatus != want.status {
				t.Errorf("record %s %d", r.Cause, r.SIPStatus)
			}
		})
	}
}

func TestCancelledBridgeStopsRinging(t *testing.T) {
	s, a, b := bridged(t, nil)
	a.invite(s.udp(t), "51")
	m := <-b.invites
	b.answer(m, "180 Ringing", "", "")
	waitFor(t, "ringing", func() bool { return a.reply().status() == 180 })
	a.request("CANCEL", "")
	b.hungUp() // a CANCEL here
	if m := a.final(); m.status() != 487 {
		t.Errorf("after CANCEL: %s", m.first)
	}
	b.answer(m, "487 Request Terminated", "", "")
	if r, _ := s.cdr(t); r.Cause != call.CauseCancelled || r.SIPStatus != 487 {
		t.Errorf("record %s %d", r.Cause, r.SIPStatus)
	}
}

func TestUnansweredBridgeGivesUp(t *testing.T) {
	a, b := newPhone(t), newPhone(t)
	cfg := testConfig(t)
	cfg.Call.RingTimeout = 300 * time.Millisecond
	cfg.Call.Routes = []call.Route{{Numbers: []string{"*"}, Bridge: fmt.Sprintf("sip:x@127.0.0.1:%d", b.port())}}
	s := mustRun(t, cfg)
	a.invite(s.udp(t), "51")
	m := <-b.invites
	b.answer(m, "180 Ringing", "", "")
	b.hungUp() // a CANCEL here
	b.answer(m, "487 Request Terminated", "", "")
	if m := a.final(); m.status() != 480 {
		t.Errorf("caller was told %s", m.first)
	}
	if r, _ := s.cdr(t); r.Cause != call.CauseNoAnswer {
		t.Errorf("cause %s", r.Cause)
	}
}

func TestEarlyMediaReachesTheCaller(t *testing.T) {
	s, a, b := bridged(t, nil)
	a.invite(s.udp(t), "51")
	m := <-b.invites
	b.hears(m.body)
	b.speak.Store(true)
	b.answer(m, "183 Session Progress", "", b.sdp())
	for {
		if r := a.reply(); r.status() == 183 {
			a.hears(r.body)
			break
		}
	}
	waitFor(t, "early sound", func() bool { return a.loud.Load() > 10 })
	b.answer(m, "200 OK", "", b.sdp())
	if m := a.final(); m.status() != 200 {
		t.Fatal(m.first)
	}
	heard := a.loud.Load()
	waitFor(t, "sound after the answer", func() bool { return a.loud.Load() > heard+20 })
	a.bye()
	b.hungUp()
}

func TestRecordedBridgeIsAnnouncedFirst(t *testing.T) {
	s, a, b := bridged(t, func(r *call.Route) { r.Record, r.Announcement = true, "This call is recorded." })
	a.call(s.udp(t), "51")
	select {
	case <-b.invites:
		t.Fatal("dialled before the announcement was over")
	case <-time.After(200 * time.Millisecond):
	}
	b.take()
	b.speak.Store(true)
	loud := a.loud.Load()
	waitFor(t, "the other party", func() bool { return a.loud.Load() > loud+30 })
	a.bye()
	b.hungUp()
	r, _ := s.cdr(t)
	if r.Consent != call.ConsentAnnounced || r.Recording.State != call.RecordingKept || r.Recording.Duration < time.Second {
		t.Errorf("record %+v", r)
	}
}

func TestConsentByKey(t *testing.T) {
	for key, want := range map[byte]string{'1': call.ConsentGiven, '2': call.ConsentRefused} {
		t.Run(want, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Call.Routes = []call.Route{{Numbers: []string{"*"}, Flow: "support"}}
			s := mustRun(t, cfg)
			p := newPhone(t)
			p.call(s.udp(t), "4000")
			waitFor(t, "the question", func() bool { return p.loud.Load() > 10 })
			p.press(key)
			waitFor(t, "the answer", func() bool { l := s.calls.Live(); return len(l) == 1 && l[0].Consent == want })
			p.press('0')
			p.speak.Store(true)
			time.Sleep(500 * time.Millisecond)
			p.bye()
			r, _ := s.cdr(t)
			kept := r.Recording.State == call.RecordingKept
			if r.Consent != want || kept != (want == call.ConsentGiven) {
				t.Errorf("record %+v", r)
			}
			files := 0
			_ = walk(s.cfg.Call.Recording.Dir, func(string) { files++ })
			if kept != (files == 1) {
				t.Errorf("%d files on disk", files)
			}
		})
	}
}

func walk(dir string, each func(path string)) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		path := dir + "/" + e.Name()
		if e.IsDir() {
			err = errors.Join(err, walk(path, each))
			continue
		}
		each(path)
	}
	return err
}

func TestKeysStopThePromptAndReachTheFlow(t *testing.T) {
	cfg := testConfig(t)
	cfg.Call.Routes = []call.Route{{Numbers: []string{"*"}, Flow: "keys"}}
	s := mustRun(t, cfg)
	p := newPhone(t)
	p.call(s.udp(t), "4000")
	waitFor(t, "the prompt", func() bool { return p.loud.Load() > 5 })
	p.press('4')
	time.Sleep(120 * time.Millisecond) // a frame or two may be under way
	before := p.loud.Load()
	time.Sleep(300 * time.Millisecond)
	if after := p.loud.Load(); after > before+1 {
		t.Errorf("the prompt went on after the key: %d packets", after-before)
	}
	p.press('2')
	p.press('#')
	p.hungUp()
	r, _ := s.cdr(t)
	if r.Cause != call.CauseNormal || r.Data["typed"] != "42" {
		t.Errorf("cause %s, data %v", r.Cause, r.Data)
	}
}

func TestCallsWithoutMediaEnd(t *testing.T) {
	for name, want := range map[string]call.Cause{"never": call.CauseNoMedia, "stopped": call.CauseMediaTimeout} {
		t.Run(name, func(t *testing.T) {
			cfg := testConfig(t)
			cfg.Call.NoMediaTimeout, cfg.Call.MediaTimeout = 1500*time.Millisecond, 1500*time.Millisecond
			s := mustRun(t, cfg)
			p := newPhone(t)
			p.mute.Store(name == "never")
			p.call(s.udp(t), "echo")
			if name == "stopped" {
				waitFor(t, "media", func() bool { return p.packets.Load() > 10 })
				p.mute.Store(true)
			}
			p.hungUp()
			if r, _ := s.cdr(t); r.Cause != want {
				t.Errorf("cause %s, want %s", r.Cause, want)
			}
		})
	}
}

func TestHeldCallStaysWithoutMedia(t *testing.T) {
	cfg := testConfig(t)
	cfg.Call.MediaTimeout = time.Second
	s := mustRun(t, cfg)
	p := newPhone(t)
	p.call(s.udp(t), "echo")
	waitFor(t, "media", func() bool { return p.packets.Load() > 10 })
	p.reinvite("sendonly")
	p.mute.Store(true)
	select {
	case <-p.byes:
		t.Fatal("held call was ended")
	case <-time.After(2500 * time.Millisecond):
	}
	p.bye()
}

func TestLongestCallEnds(t *testing.T) {
	cfg := testConfig(t)
	cfg.Call.MaxDuration = time.Second
	s := mustRun(t, cfg)
	p := newPhone(t)
	p.call(s.udp(t), "echo")
	p.hungUp()
	if r, _ := s.cdr(t); r.Cause != call.CauseMaxDuration {
		t.Errorf("cause %s", r.Cause)
	}
}

func TestHangupByAPerson(t *testing.T) {
	s := mustRun(t, testConfig(t))
	p := newPhone(t)
	p.call(s.udp(t), "echo")
	waitFor(t, "the call", func() bool { return len(s.calls.Live()) == 1 })
	if err := s.calls.Hangup(s.calls.Live()[0].ID, call.CauseAdmin); err != nil {
		t.Fatal(err)
	}
	p.hungUp()
	if r, _ := s.cdr(t); r.Cause != call.CauseAdmin {
		t.Errorf("cause %s", r.Cause)
	}
	if err := s.calls.Hangup("none", call.CauseAdmin); !errors.Is(err, call.ErrNoCall) {
		t.Errorf("no such call: %v", err)
	}
}

func TestDrainLetsCallsEndThenCuts(t *testing.T) {
	s := mustRun(t, testConfig(t))
	p, q := newPhone(t), newPhone(t)
	p.call(s.udp(t), "echo")
	ctx, cut := context.WithCancel(context.Background())
	defer cut()
	closed := make(chan error, 1)
	go func() { closed <- s.close(ctx) }() // ends with the test's cut
	waitFor(t, "drain", func() bool {
		q.invite(s.udp(t), "echo")
		return q.final().status() == 503
	})
	select {
	case <-p.byes:
		t.Fatal("the running call was cut at once")
	case <-time.After(200 * time.Millisecond):
	}
	cut()
	p.hungUp()
	if err := <-closed; err != nil {
		t.Error(err)
	}
}
