package call

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"tingxin/media"
	"tingxin/pg/pgtest"
	"tingxin/queue"
)

const machine = "  - voicemail: {agent: bert, announce: {file: short.wav}, silence: 600ms, max: 2500ms}\n"

// left waits for the event of a message.
func (w *town) left() MessageItem {
	w.t.Helper()
	return w.event("voicemail.left").Data.(MessageItem)
}

func TestMessageIsLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		act   func(w *town, p *telephone)
		ended string
		least time.Duration
		most  time.Duration
	}{
		"to the limit": {func(*town, *telephone) {}, "limit", 2400 * time.Millisecond, 3 * time.Second},
		"until silence": {func(_ *town, p *telephone) {
			time.Sleep(1200 * time.Millisecond)
			p.echoes.Store(true) // says nothing any more
		}, "silence", 1400 * time.Millisecond, 2300 * time.Millisecond},
		"until the key": {func(_ *town, p *telephone) {
			time.Sleep(1100 * time.Millisecond)
			p.presses("5#")
		}, "key", 800 * time.Millisecond, 1400 * time.Millisecond},
		"until the hang-up": {func(_ *town, p *telephone) {
			time.Sleep(1100 * time.Millisecond)
			p.handler().RemoteHangup(CauseCallerHangup)
		}, "hangup", 800 * time.Millisecond, 1400 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := asks(t, machine)
			p, call := w.rings(toneA, "", "900")
			p.pulsed.Store(true)
			waitFor(t, func() bool { return len(w.files("rec/messages")) > 0 }) // the beep is over
			c.act(w, p)
			got := w.left()
			d := time.Duration(got.DurationMS) * time.Millisecond
			if got.Ended != c.ended || got.Kind != "agent" || got.Box != "bert" || got.From != "555" || got.CallID != call.id || d < c.least || d > c.most {
				t.Errorf("left %+v", got)
			}
			r, _ := w.ended(call)
			if want := (map[bool]Cause{true: CauseCallerHangup, false: CauseNormal})[c.ended == "hangup"]; r.Cause != want {
				t.Errorf("cause %s, want %s", r.Cause, want)
			}
			m, err := w.store.Message(t.Context(), got.ID)
			if err != nil || m.State != RecordingKept {
				t.Fatalf("row %+v, %v", m, err)
			}
			frames := channelOf(t, filepath.Join(w.dir, "rec", m.Path), 0)
			if n := len(quietStretches(frames)); time.Duration(len(frames))*20*time.Millisecond < c.least || n < 1 {
				t.Errorf("%d frames, %d pauses of the words heard", len(frames), n)
			}
			for s := w.stream(); !s.cfg.Batch || s.cfg.Call != call.id; s = w.stream() {
			}
			changed := w.event("voicemail.changed").Data.(MessageItem)
			if changed.Transcript != "said before" || changed.Transcription != TranscriptionDone {
				t.Errorf("changed %+v", changed)
			}
		})
	}
}

// Who says nothing, or only clears the throat, leaves nothing: no row, no file.
func TestNothingSaidIsNoMessage(t *testing.T) {
	t.Parallel()
	w := asks(t, machine)
	p, c := w.rings(toneA, "", "900")
	p.echoes.Store(true)
	w.ended(c)
	if list, err := w.store.Messages(t.Context(), MessageFilter{}); err != nil || len(list) != 0 {
		t.Errorf("messages %+v, %v", list, err)
	}
	if files := w.files("rec/messages"); len(files) != 0 {
		t.Errorf("files %v", files)
	}
}

// A user who does not answer has a machine where call.users.voicemail is set.
func TestMachineOfAUser(t *testing.T) {
	t.Parallel()
	w := newTown(t, "", "200", func(c *Config) { c.Users.Voicemail = true })
	w.first.handler().RemoteHangup(CauseCallerHangup)
	<-w.call.left
	w.x.busy["bert"] = 486
	p, c := w.rings(toneA, "", "100")
	p.pulsed.Store(true)
	p.presses("#") // the announcement is known
	waitFor(t, func() bool { return len(w.files("rec/messages")) > 0 })
	time.Sleep(1200 * time.Millisecond)
	p.handler().RemoteHangup(CauseCallerHangup)
	if got := w.left(); got.Box != "bert" || got.Ended != "hangup" {
		t.Errorf("left %+v", got)
	}
	w.ended(c)
}

// A killed server's message is made whole at the next start; one without a file is forgotten.
func TestMessageOfAKilledServer(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	h := newHouse(t, db, nil)
	c, _ := h.call(nil)
	path := filepath.Join(h.dir, "rec", "messages", "a.wav")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	rec, err := h.engine.Record(path, media.RecordOptions{})
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1200 * time.Millisecond) // the file is made whole every 0.8 s
	half, err := os.ReadFile(path + ".part")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rec.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".part", half, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	open := Message{ID: c.id, CallID: c.id, Kind: "queue", Box: "support", At: time.Now().UTC(), State: RecordingOpen, Path: "messages/a.wav", Transcription: TranscriptionOff, Node: "test"}
	gone := open
	gone.ID, gone.Path = "01890000-0000-7000-8000-000000000000", "messages/b.wav"
	for _, m := range []Message{open, gone} {
		if err := h.store.PutMessage(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.m.adoptMessages(ctx); err != nil {
		t.Fatal(err)
	}
	list, err := h.store.Messages(ctx, MessageFilter{})
	if err != nil || len(list) != 1 || list[0].State != RecordingKept || list[0].Ended != "server_restart" || list[0].Duration < 700*time.Millisecond {
		t.Errorf("messages %+v, %v", list, err)
	}
}

// The agent hangs up first: the caller is asked, and what they answer is a row with queue and agent.
func TestSurveyAfterTheTalk(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - record: {consent: none}\n  - queue: {name: support, max_wait: 1m, timeout: end, after: ask}\n  - {id: ask, survey: {name: csat, prompt: {file: short.wav}, min: 1, max: 5, timeout: 20s, comment: {announce: {file: short.wav}, max: 1200ms}}}\n  - {id: end, hangup: true}\n")
	p, c := w.rings(toneA, "", "900")
	w.music("caller", p)
	p.presses("31") // in vain, to be answered sooner: it is no answer to what is asked later
	w.works("bert")
	w.hears("caller", p, toneB)
	waitFor(t, func() bool { return len(c.snap.Load().Parties) == 2 && w.state("bert") == queue.Talking }) // heard is not yet joined
	w.bert.handler().RemoteHangup(CausePeerHangup)
	for w.event("flow.node").Data.(NodeItem).Node != "ask" {
	}
	waitFor(t, func() bool { return w.state("bert") == queue.Wrapping })
	p.pulsed.Store(true)
	p.presses("4")
	got := w.event("survey.answered").Data.(AnswerItem)
	if got.Score == nil || *got.Score != 4 || got.By != "key" || got.Survey != "csat" || got.Queue != "support" || got.Agent != "bert" || got.Comment == "" {
		t.Errorf("answered %+v", got)
	}
	r, legs := w.ended(c)
	if r.Cause != CauseNormal || len(legs) != 2 || legs[1].Cause != CausePeerHangup || legs[1].EndedAt.IsZero() || !legs[1].EndedAt.Before(legs[0].EndedAt) {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	rows, err := w.store.Answers(t.Context(), AnswerFilter{Agent: "bert", CallID: c.id})
	if err != nil || len(rows) != 1 || *rows[0].Score != 4 {
		t.Errorf("rows %+v, %v", rows, err)
	}
	report, err := w.store.AnswerReport(t.Context(), AnswerFilter{Queue: "support"})
	if err != nil || len(report) != 1 || report[0].Answered != 1 || *report[0].Mean != 4 {
		t.Errorf("report %+v, %v", report, err)
	}
}

// The caller hangs up first: nobody is asked. So it is without "after".
func TestNoSurveyWhenTheCallerHangsUp(t *testing.T) {
	t.Parallel()
	w := newCounter(t, time.Minute, false)
	w.flow("  - queue: {name: support, after: ask}\n  - {id: ask, survey: {name: csat, prompt: {file: short.wav}}}\n")
	w.works("bert")
	p, c := w.rings(toneA, "", "900")
	w.hears("caller", p, toneB)
	p.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Cause != CauseCallerHangup || w.node(c) == "ask" {
		t.Errorf("record %+v at %s", r, w.at)
	}
	if rows, err := w.store.Answers(t.Context(), AnswerFilter{}); err != nil || len(rows) != 0 {
		t.Errorf("rows %+v, %v", rows, err)
	}
}
