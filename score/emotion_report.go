package score

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// emotionReport is a scored run ready to be printed.
type emotionReport struct {
	opts     EmotionOptions
	band     string
	results  []emotionResult
	notes    []string
	version  string
	features time.Duration
	took     time.Duration
	audio    float64
}

func (r *emotionReport) figures() (list []Figure) {
	put := func(name string, v float64) { list = append(list, Figure{name, v}) }
	for _, res := range r.results {
		name := res.task.corpus + "." + res.task.name + "." + res.norm + "."
		v := res.v
		put(name+"uar_pct", v.uar)
		if v.speakers > 1 {
			put(name+"uar_low_pct", v.low)
			put(name+"uar_high_pct", v.high)
		}
		for k, label := range res.task.names {
			if v.recall[k] >= 0 {
				put(name+"recall."+label+"_pct", v.recall[k])
			}
		}
		put(name+"accuracy_pct", v.accuracy)
		put(name+"f1_pct", v.f1)
		if v.auc >= 0 {
			put(name+"anger_auc", v.auc)
			if v.speakers > 1 {
				put(name+"anger_auc_low", v.aucLow)
				put(name+"anger_auc_high", v.aucHigh)
			}
		}
		if v.angry > 0 {
			put(name+"anger_precision_pct", v.angerPrecision)
			put(name+"anger_coverage_pct", v.angerCoverage)
		}
		if len(res.task.anger) > 0 && v.angry < v.files {
			put(name+"anger_false_pct", v.angerFalse)
		}
		put(name+"ece", v.ece)
		put(name+"brier", v.brier)
		put(name+"files", float64(v.files))
		put(name+"speakers", float64(v.speakers))
	}
	for _, g := range r.gains() {
		for _, norm := range []string{"full", "first"} {
			if d, ok := g.over[norm]; ok {
				d.put(put, g.name+".gain."+norm)
			}
		}
	}
	put("features.seconds", r.features.Seconds())
	put("features.x_realtime", r.audio/max(1e-9, r.features.Seconds()))
	put("run.seconds", r.took.Seconds())
	return list
}

// points are a difference in UAR, with its 95 % interval over speakers.
type points struct{ value, low, high float64 }

func (p points) String() string { return fmt.Sprintf("%+.1f (%+.1f - %+.1f)", p.value, p.low, p.high) }

func (p points) put(put func(string, float64), name string) {
	put(name+"_points", p.value)
	put(name+"_low_points", p.low)
	put(name+"_high_points", p.high)
}

// gain is what knowing the speaker is worth: by norm, over none.
type gain struct {
	name, title string
	none        float64
	over        map[string]points
}

// gains compares the norms on the recordings that norm "first" tests.
func (r *emotionReport) gains() (list []gain) {
	for _, res := range r.results {
		if res.norm != "first" {
			continue
		}
		tested := map[string]bool{}
		for _, g := range res.list {
			tested[g.path] = true
		}
		same := map[string][]guess{}
		for _, other := range r.results {
			if other.task != res.task {
				continue
			}
			for _, x := range other.list {
				if tested[x.path] {
					same[other.norm] = append(same[other.norm], x)
				}
			}
		}
		classes := len(res.task.names)
		g := gain{name: res.task.corpus + "." + res.task.name, title: res.task.corpus + " " + res.task.title(), over: map[string]points{}}
		g.none, _ = uarOf(same["none"], classes)
		for norm, list := range same {
			if norm != "none" {
				g.over[norm] = difference(same["none"], list, classes)
			}
		}
		list = append(list, g)
	}
	return list
}

// printLoss prints what the telephone costs against the sound as recorded, and gives the figures.
func printLoss(out io.Writer, wide, telephone *emotionReport) (list []Figure) {
	put := func(name string, v float64) { list = append(list, Figure{name, v}) }
	fmt.Fprintln(out, "\nUAR that the telephone costs, points:")
	for i, res := range telephone.results {
		t := res.task
		d := difference(res.list, wide.results[i].list, len(t.names))
		fmt.Fprintf(out, "  %s %s %s: %s\n", t.corpus, t.title(), res.norm, d)
		d.put(put, "loss."+t.corpus+"."+t.name+"."+res.norm)
	}
	return list
}

func (r *emotionReport) print(out io.Writer) {
	fmt.Fprintf(out, "\nemotion, %s, protocol %s", bandName(r.band), r.opts.Protocol)
	if r.version != "" {
		fmt.Fprintf(out, ", model %s", r.version)
	}
	if r.opts.Pool != "" {
		fmt.Fprintf(out, ", trained on %s too", strings.Join(r.opts.pooled(), ", "))
	}
	fmt.Fprint(out, "\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "corpus\ttask\tnorm\tspeakers\tfiles\tUAR %\t95 % interval\tF1 %\tanger AUC\t95 % interval\tECE\tBrier\tanger said right %\tfound %\tfalse %\t")
	for _, res := range r.results {
		v := res.v
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%.1f\t%s\t%.1f\t", res.task.corpus, res.task.title(), res.norm, v.speakers, v.files, v.uar, v.interval("%.1f", v.low, v.high), v.f1)
		if v.auc >= 0 {
			fmt.Fprintf(w, "%.3f\t%s\t", v.auc, v.interval("%.3f", v.aucLow, v.aucHigh))
		} else {
			fmt.Fprint(w, "-\t-\t")
		}
		fmt.Fprintf(w, "%.3f\t%.3f\t%s\t%s\t%s\t\n", v.ece, v.brier,
			percent(v.angerPrecision, v.angerSaid), percent(v.angerCoverage, v.angry), percent(v.angerFalse, (v.files-v.angry)*len(res.task.anger)))
	}
	w.Flush()
	fmt.Fprintln(out, "\nrecall % of each class:")
	for _, res := range r.results {
		var parts []string
		for k, label := range res.task.names {
			if r := res.v.recall[k]; r >= 0 {
				parts = append(parts, fmt.Sprintf("%s %.1f", label, r))
			}
		}
		fmt.Fprintf(out, "  %s %s %s: %s\n", res.task.corpus, res.task.title(), res.norm, strings.Join(parts, ", "))
	}
	r.printGains(out)
	for _, n := range r.notes {
		fmt.Fprintln(out, n)
	}
	fmt.Fprintf(out, "\n%.0f s of audio, features %.1f x real time, %.0f s in all\n", r.audio, r.audio/max(1e-9, r.features.Seconds()), r.took.Seconds())
	fmt.Fprintln(out, "\nfigures:")
	for _, f := range r.figures() {
		fmt.Fprintf(out, "  %-52s %.3f\n", f.Name, f.Value)
	}
}

// percent is a rate of so many; of none there is no rate.
func percent(rate float64, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", rate)
}

// interval is one over speakers in words; of one speaker there is none.
func (v verdict) interval(format string, low, high float64) string {
	if v.speakers < 2 {
		return "-"
	}
	return fmt.Sprintf(format+" - "+format, low, high)
}

func (r *emotionReport) printGains(out io.Writer) {
	gains := r.gains()
	if len(gains) == 0 {
		return
	}
	fmt.Fprintf(out, "\nworth of the speaker's baseline, points of UAR on recordings that are not part of it (first: %d s of neutral voice):\n", firstSeconds)
	for _, g := range gains {
		fmt.Fprintf(out, "  %s: none %.1f", g.title, g.none)
		for _, norm := range []string{"first", "full"} {
			if d, ok := g.over[norm]; ok {
				fmt.Fprintf(out, ", %s %s", norm, d)
			}
		}
		fmt.Fprintln(out)
	}
}

func bandName(band string) string {
	if band == "telephone" {
		return "simulated telephone band (8 kHz, G.711 mu-law)"
	}
	return "as recorded"
}
