package score

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report is a scored run ready to be printed.
type report struct {
	opts    Options
	groups  []*group
	latency *Latency
	skipped int
	failed  int
	speed   float64
	why     string
	figures []Figure
}

func newReport(opts Options, results []outcome, skipped int, took time.Duration) *report {
	r := &report{opts: opts, skipped: skipped}
	var without int
	r.groups, without = groups(results)
	r.skipped += without
	seconds := 0.0
	for _, o := range results {
		if o.err == nil {
			seconds += o.item.Seconds
		}
	}
	r.speed = seconds / max(took.Seconds(), 1e-9)
	for _, g := range r.groups {
		if g.name != "all" {
			r.failed += g.failed
		}
		if g.missing != "" {
			r.why = g.missing
		}
		r.figures = append(r.figures, g.figures()...)
	}
	if opts.live() {
		r.latency = &Latency{}
		for _, o := range results {
			if o.err == nil {
				r.latency.Add(o.words, o.heard)
			}
		}
		r.figures = append(r.figures, r.latency.Figures()...)
	}
	r.figures = append(r.figures, Figure{"skipped.files", float64(r.skipped)}, Figure{"calls.failed", float64(r.failed)}, Figure{"speed.x_realtime", r.speed})
	return r
}

// figures of one corpus under their JSON names.
func (g *group) figures() []Figure {
	name := func(s string) string { return g.name + "." + s }
	low, high := g.interval()
	out := []Figure{{name("files"), float64(g.files)}, {name("failed"), float64(g.failed)}, {name("words"), float64(g.raw.Words)}}
	rate := "wer"
	if g.chinese {
		rate = "cer"
	}
	out = append(out, Figure{name(rate + "_pct"), g.raw.Rate()}, Figure{name(rate + "_low_pct"), low}, Figure{name(rate + "_high_pct"), high},
		Figure{name("sub_pct"), share(g.raw.Sub, g.raw.Words)}, Figure{name("del_pct"), share(g.raw.Del, g.raw.Words)},
		Figure{name("ins_pct"), share(g.raw.Ins, g.raw.Words)}, Figure{name(rate + "_norm_pct"), g.norm.Rate()})
	if g.plain.Words > 0 {
		out = append(out, Figure{name("plain_" + rate + "_pct"), g.plain.Rate()})
	}
	return append(out, Figure{name(rate + "_shown_pct"), g.shown.Rate()})
}

// plainCell is the rate of libvosk alone, if it was asked.
func (g *group) plainCell() string {
	if g.plain.Words == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", g.plain.Rate())
}

func (r *report) print(out io.Writer) {
	band := "as recorded"
	if r.opts.Band == "telephone" {
		band = "simulated telephone band (8 kHz, G.711 mu-law)"
	}
	fmt.Fprintf(out, "recognition, %s, path %s\n\n", band, r.opts.Path)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "corpus\tfiles\twords\terrors %\t95 % interval\tsub %\tdel %\tins %\tnormalised %\tshown %\tlibvosk alone %\tfailed\t")
	for _, g := range r.groups {
		low, high := g.interval()
		unit := ""
		if g.chinese {
			unit = " (characters)"
		}
		fmt.Fprintf(w, "%s%s\t%d\t%d\t%.2f\t%.1f - %.1f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%d\t\n", g.name, unit, g.files, g.raw.Words, g.raw.Rate(), low, high,
			share(g.raw.Sub, g.raw.Words), share(g.raw.Del, g.raw.Words), share(g.raw.Ins, g.raw.Words), g.norm.Rate(), g.shown.Rate(), g.plainCell(), g.failed)
	}
	w.Flush()
	if r.latency != nil {
		fmt.Fprintln(out)
		r.latency.print(out)
	}
	fmt.Fprintf(out, "\n%d recordings skipped (no text, or no speech model), %d failed, %.1f x real time\n", r.skipped, r.failed, r.speed)
	if r.why != "" {
		fmt.Fprintf(out, "last failure: %s\n", r.why)
	}
	fmt.Fprintln(out, "\nfigures:")
	for _, f := range r.figures {
		fmt.Fprintf(out, "  %-44s %.3f\n", f.Name, f.Value)
	}
}

func (l *Latency) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "latency ms\tmean\tp50\tp90\tp99\tcount\t")
	for _, g := range []struct {
		name   string
		values []float64
	}{
		{"word first seen", l.FirstSeen}, {"word stable", l.Stable}, {"first partial", l.FirstPartial}, {"final", l.Final},
	} {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.0f\t%.0f\t%d\t\n", g.name, mean(g.values), percentile(g.values, 0.5), percentile(g.values, 0.9), percentile(g.values, 0.99), len(g.values))
	}
	w.Flush()
	fmt.Fprintf(out, "words revised %.1f %%, partials revised %.1f %%, turns cut %d of %d\n", share(l.Revised, l.Shown), share(l.Changed, l.Partials), l.Cut, l.Turns)
}
