package score

import (
	"slices"
	"strings"
	"time"

	"tingxin/asr"
)

// Timed is a Result with the wall-clock time at which it was seen.
type Timed struct {
	asr.Result
	At time.Time
}

// Heard is what came of one recording: results in order, and when its first
// sample was sent.
type Heard struct {
	AudioAt time.Time
	Results []Timed
}

// raw and shown are the recogniser's words and the formatted text of all Finals.
func (h Heard) text(of func(asr.Result) string) string {
	var parts []string
	for _, r := range h.Results {
		if r.Kind == asr.Final {
			parts = append(parts, of(r.Result))
		}
	}
	return strings.Join(parts, " ")
}

func (h Heard) raw() string   { return h.text(func(r asr.Result) string { return r.Raw }) }
func (h Heard) shown() string { return h.text(func(r asr.Result) string { return r.Text }) }

// Latency collects the figures of many recordings, in ms.
type Latency struct {
	// FirstSeen is from a word's last sample to the first result that holds it; Stable to the moment after which it never changes.
	FirstSeen, Stable []float64
	// FirstPartial is from the first sample of speech, Final from the true end of speech to the last Final.
	FirstPartial, Final []float64
	// Shown and Revised count words of partials, Partials and Changed whole partials.
	Shown, Revised, Partials, Changed int
	// Turns and Cut count recordings and those whose turn ended before the speech did.
	Turns, Cut int
}

// Add measures one recording. words are the reference words with times from the
// beginning of the recording.
func (l *Latency) Add(words []asr.Word, h Heard) {
	if len(words) == 0 || h.AudioAt.IsZero() {
		return
	}
	end := h.AudioAt.Add(words[len(words)-1].End)
	l.turns(words, h, end)
	l.flicker(h)
	live, views := views(h)
	ref := make([]string, len(words))
	for i, w := range words {
		ref[i] = w.Text
	}
	pairs, _ := Align(ref, live)
	for _, p := range pairs {
		if p.Ref < 0 || p.Hyp < 0 || ref[p.Ref] != live[p.Hyp] {
			continue
		}
		l.word(h.AudioAt.Add(words[p.Ref].End), p.Hyp, views)
	}
}

// turns takes first partial, final and cut turns.
func (l *Latency) turns(words []asr.Word, h Heard, end time.Time) {
	l.Turns++
	var last time.Time
	first, cut := false, false
	for _, r := range h.Results {
		switch r.Kind {
		case asr.Partial:
			if !first {
				first = true
				l.FirstPartial = append(l.FirstPartial, ms(r.At.Sub(h.AudioAt.Add(words[0].Start))))
			}
		case asr.Final:
			last = r.At
		case asr.TurnEnd:
			cut = cut || r.At.Before(end)
		}
	}
	if !last.IsZero() {
		l.Final = append(l.Final, ms(last.Sub(end)))
	}
	if cut {
		l.Cut++
	}
}

// view is what could be read at one moment: for each word of the final transcript
// whether it stood there.
type view struct {
	at   time.Time
	from int // index of the first word of the segment in the transcript
	has  []bool
}

// views holds every result of every segment against that segment's Final.
func views(h Heard) (live []string, out []view) {
	var pending []Timed
	for _, r := range h.Results {
		switch r.Kind {
		case asr.Partial:
			pending = append(pending, r)
		case asr.Final:
			final := strings.Fields(r.Raw)
			for _, p := range append(pending, r) {
				words := final
				if p.Kind == asr.Partial {
					words = strings.Fields(p.Raw)
					if p.Raw == "" {
						words = strings.Fields(p.Text)
					}
				}
				out = append(out, view{at: p.At, from: len(live), has: present(final, words)})
			}
			pending = nil
			live = append(live, final...)
		}
	}
	return live, out
}

// present marks the words of final that stand at their place in words.
func present(final, words []string) []bool {
	has := make([]bool, len(final))
	pairs, _ := Align(final, words)
	for _, p := range pairs {
		if p.Ref >= 0 && p.Hyp >= 0 && final[p.Ref] == words[p.Hyp] {
			has[p.Ref] = true
		}
	}
	return has
}

// word finds when word i of the transcript was first seen and when it settled.
func (l *Latency) word(spoken time.Time, i int, views []view) {
	var first, stable time.Time
	for _, v := range views {
		k := i - v.from
		if k < 0 || k >= len(v.has) {
			continue
		}
		switch {
		case !v.has[k]:
			stable = time.Time{}
		default:
			if first.IsZero() {
				first = v.at
			}
			if stable.IsZero() {
				stable = v.at
			}
		}
	}
	if first.IsZero() {
		return
	}
	l.FirstSeen = append(l.FirstSeen, ms(first.Sub(spoken)))
	l.Stable = append(l.Stable, ms(stable.Sub(spoken)))
}

// flicker counts words that were shown and later changed or taken back.
func (l *Latency) flicker(h Heard) {
	var before []string
	for _, r := range h.Results {
		if r.Kind != asr.Partial && r.Kind != asr.Final {
			continue
		}
		now := strings.Fields(r.Raw)
		if r.Kind == asr.Partial {
			if r.Raw == "" {
				now = strings.Fields(r.Text)
			}
			l.Partials++
		}
		_, c := Align(before, now)
		revised := c.Sub + c.Del
		l.Shown += c.Sub + c.Ins
		l.Revised += revised
		if revised > 0 && r.Kind == asr.Partial {
			l.Changed++
		}
		if before = now; r.Kind == asr.Final {
			before = nil
		}
	}
}

// Figures gives the percentiles under their JSON names.
func (l *Latency) Figures() []Figure {
	var out []Figure
	for _, g := range []struct {
		name   string
		values []float64
	}{
		{"word_latency", l.FirstSeen}, {"stable_latency", l.Stable}, {"first_partial_latency", l.FirstPartial}, {"final_latency", l.Final},
	} {
		v := slices.Clone(g.values)
		out = append(out, Figure{g.name + ".mean_ms", mean(v)}, Figure{g.name + ".p50_ms", percentile(v, 0.5)},
			Figure{g.name + ".p90_ms", percentile(v, 0.9)}, Figure{g.name + ".p95_ms", percentile(v, 0.95)}, Figure{g.name + ".p99_ms", percentile(v, 0.99)})
	}
	return append(out, Figure{"word_latency.words", float64(len(l.FirstSeen))},
		Figure{"unstable_words.pct", share(l.Revised, l.Shown)}, Figure{"revised_partials.pct", share(l.Changed, l.Partials)},
		Figure{"turns.cut_pct", share(l.Cut, l.Turns)}, Figure{"turns.count", float64(l.Turns)})
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }
