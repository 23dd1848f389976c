package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/emotion"
	"tingxin/event"
)

func partial(text string) event.Event {
	return event.Event{Type: "transcript.partial", Call: "c", Data: call.PartialItem{Side: call.SideCaller, Segment: 1, Text: text}}
}

func said(text string) event.Event {
	return event.Event{Type: "transcript.final", Call: "c", Data: call.TranscriptItem{Side: call.SideCaller, Segment: 1, Text: text}}
}

func TestViewGrowsInPlaceOnATerminal(t *testing.T) {
	var out bytes.Buffer
	v := &view{out: &out, tty: true, width: func() int { return 40 }}
	v.show(partial("one"))
	v.show(partial("one two"))
	v.show(partial(strings.Repeat("long ", 20)))
	v.show(said("One two."))
	text := out.String()
	if strings.Count(text, "\n") != 1 || strings.Count(text, erase) != 4 || !strings.HasSuffix(text, "One two."+plain+"\n") {
		t.Errorf("%q", text)
	}
	for _, line := range strings.Split(text, erase) {
		if bare := strings.NewReplacer(grey, "", plain, "", bold, "").Replace(line); len(bare) > 41 {
			t.Errorf("line of %d columns wraps: %q", len(bare), bare)
		}
	}
}

func TestViewWritesLinesWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	v := newView(&out)
	v.show(partial("one"))
	v.show(partial("one")) // nothing new
	v.show(partial("one two"))
	v.show(said("One two."))
	if got, want := out.String(), "  caller  one ...\n  caller  one two ...\n  caller  One two.\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestViewTellsHowAVoiceSounds(t *testing.T) {
	var out bytes.Buffer
	v := newView(&out)
	reading := call.ReadingItem{Side: call.SideCaller, Turn: true, Class: "neutral", P: map[string]float32{"neutral": 0.8, "sad": 0.15, "angry": 0.05}, Mood: 0.125}
	v.show(event.Event{Type: "emotion.reading", Call: "c", Data: reading})
	reading.Turn = false // a sliding one is not shown
	v.show(event.Event{Type: "emotion.reading", Call: "c", Data: reading})
	for range 2 { // only a change is
		v.show(event.Event{Type: "emotion.mood", Call: "c", Data: call.MoodItem{Side: call.SideCaller, State: emotion.StateCalm}})
	}
	if got, want := out.String(), "  voice   caller: anger 5 %, mood 0.12\n  mood    caller is calm\n"; got != want {
		t.Errorf("%q", got)
	}
}

func TestTimingCountsFromTheVoice(t *testing.T) {
	answered := time.Now().UTC()
	at := func(ms int) time.Time { return answered.Add(time.Duration(ms) * time.Millisecond) }
	var tm timing
	tm.note(event.Event{Type: "call.started", Call: "c", Data: call.Summary{}})
	tm.note(event.Event{Type: "call.answered", Call: "c", Data: call.Summary{AnsweredAt: &answered}})
	p, f := partial("one"), said("One.")
	p.At, f.At = at(1500), at(2600)
	item := f.Data.(call.TranscriptItem)
	item.Words = []call.WordItem{{Text: "one", StartMS: 1000, EndMS: 2000}}
	f.Data = item
	tm.note(p)
	tm.note(f)
	tm.note(event.Event{Type: "transcript.final", Call: "other", At: at(9000), Data: item})
	if got := middle(tm.waits); !strings.HasPrefix(got, "500 ms") {
		t.Errorf("first words %s", got)
	}
	if got := middle(tm.finals); !strings.HasPrefix(got, "600 ms (median of 1") {
		t.Errorf("final %s", got)
	}
}

func TestDemoVoice(t *testing.T) {
	if _, err := loadVoice("no-such.wav"); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("missing file: %v", err)
	}
	t.Chdir(t.TempDir())
	if _, err := loadVoice(""); err == nil || !strings.Contains(err.Error(), "make setup") {
		t.Errorf("missing readings: %v", err)
	}
}
