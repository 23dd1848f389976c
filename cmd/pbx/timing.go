package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/event"
	"tingxin/score"
)

// timing is what the demo measures of one call: when words were heard and when they were shown.
type timing struct {
	call     string
	answered time.Time
	firsts   map[uint64]time.Time // by segment: its first partial with words
	waits    []time.Duration      // from the start of an utterance to its first words on the screen
	finals   []time.Duration      // from the end of its last word to its final
}

// note takes one event; the first call that starts is the demo's.
func (t *timing) note(e event.Event) {
	if e.Type == "call.started" && t.call == "" {
		t.call, t.firsts = e.Call, make(map[uint64]time.Time)
	}
	if e.Call != t.call {
		return
	}
	switch d := e.Data.(type) {
	case call.Summary:
		if d.AnsweredAt != nil {
			t.answered = *d.AnsweredAt
		}
	case call.PartialItem:
		if _, seen := t.firsts[d.Segment]; d.Side == call.SideCaller && d.Text != "" && !seen {
			t.firsts[d.Segment] = e.At
		}
	case call.TranscriptItem:
		if d.Side == call.SideCaller && len(d.Words) > 0 {
			t.final(e.At, d)
		}
	}
}

func (t *timing) final(at time.Time, d call.TranscriptItem) {
	spoken := func(ms int64) time.Time { return t.answered.Add(time.Duration(ms) * time.Millisecond) }
	t.finals = append(t.finals, at.Sub(spoken(d.Words[len(d.Words)-1].EndMS)))
	if first, ok := t.firsts[d.Segment]; ok {
		t.waits = append(t.waits, first.Sub(spoken(d.Words[0].StartMS)))
	}
}

// readBack prints the call as PostgreSQL has it, and how well it was heard.
func (d *demo) readBack(t *timing) error {
	r, said, err := d.record(t.call)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nRead back from PostgreSQL, call %s:\n", r.ID)
	heard := ""
	finals := 0
	for _, u := range said {
		if u.Gap {
			continue
		}
		fmt.Fprintf(d.out, "  %6.2f s  %s  %s\n", u.Start.Seconds(), sideNames[u.Side], u.Text)
		if u.Side == call.SideCaller {
			finals++
			heard += " " + u.Raw
		}
	}
	fmt.Fprintf(d.out, "\n  page             %s/calls/%s\n", d.s.web.URL(), r.ID)
	if r.Recording.State == call.RecordingKept {
		fmt.Fprintf(d.out, "  recording        %s (%.1f s)\n", d.s.calls.RecordingPath(r.Recording), r.Recording.Duration.Seconds())
	}
	if d.voice.words != "" {
		_, c := score.Align(score.NormaliseEnglish(d.voice.words), score.NormaliseEnglish(heard))
		fmt.Fprintf(d.out, "  word error rate  %.1f %% (%d words: %d wrong, %d missing, %d too many)\n", c.Rate(), c.Words, c.Sub, c.Del, c.Ins)
	}
	fmt.Fprintf(d.out, "  first words      %s after an utterance begins\n", middle(t.waits))
	fmt.Fprintf(d.out, "  final            %s after its last word ends\n", middle(t.finals))
	if finals == 0 || strings.TrimSpace(heard) == "" {
		return errNoFinal
	}
	return nil
}

// middle is the median and the worst of some times.
func middle(d []time.Duration) string {
	if len(d) == 0 {
		return "not measured"
	}
	slices.Sort(d)
	return fmt.Sprintf("%d ms (median of %d, worst %d ms)", d[len(d)/2].Milliseconds(), len(d), d[len(d)-1].Milliseconds())
}
