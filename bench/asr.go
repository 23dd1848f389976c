package bench

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"text/tabwriter"
	"time"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/score"
)

const (
	lateLimit  = 200 * time.Millisecond // 99th percentile that still counts as real time
	talkShare  = 0.45                   // of the time one party of a call speaks
	rampTrials = 7
	rawMost    = 90.0 // seconds of the audio that plain libvosk goes through, all of it if shorter
)

// ASROptions of a load of recognition channels.
type ASROptions struct {
	// Files are recordings of speech, any WAV.
	Files []string
	// Seconds is the length of one trial.
	Seconds float64
	// Channels fixes the number of channels; 0 looks for the most.
	Channels int
	// Threads is the number of decoding threads in the one worker: figures are per core.
	Threads int
	// Narrow sends the audio as telephone audio, with the front end for it.
	Narrow bool
	// JSON is the file for the figures.
	JSON string
	// ASR says where the worker and the models are.
	ASR asr.Config
	// Log takes the pool's messages; nil keeps warnings on stderr.
	Log *slog.Logger
}

// Register adds the command's flags to fs.
func (o *ASROptions) Register(fs *flag.FlagSet) {
	fs.Float64Var(&o.Seconds, "seconds", 12, "length of one trial")
	fs.IntVar(&o.Channels, "channels", 0, "channels; 0 looks for the most that keep real time")
	fs.IntVar(&o.Threads, "threads", 1, "decoding threads of the one worker")
	fs.BoolVar(&o.Narrow, "narrow", false, "send the audio as telephone audio, with the front end for it")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// ASRFigures is the list of names for --help.
const ASRFigures = `Arguments: WAV files of speech; without any, build/caller/*.wav.
Figures in --json (KIND is continuous or talk: one party speaking all the time, or 45 % of it):
  asr.raw_dynamic.channels_per_core asr.raw_static.channels_per_core   plain libvosk, one recogniser, CPU time
  asr.raw_dynamic.rss_recogniser_mb asr.raw_static.rss_recogniser_mb
  asr.KIND.channels asr.KIND.channels_per_core                         most channels in real time; over the cores the worker used (at least its threads)
  asr.KIND.times_raw_x                                                 against plain libvosk with the shipped (dynamic) graph
  asr.KIND.cpu_channels_per_core asr.KIND.cpu_times_raw_x              by CPU time alone, whatever else the machine does
  asr.KIND.lateness_p50_ms asr.KIND.lateness_p99_ms                    frame written to frame dealt with
  asr.KIND.worker_cores asr.KIND.decoded_pct asr.KIND.dropped_frames
  asr.rss.model_mb asr.rss.per_channel_mb
`

func (o *ASROptions) check() error {
	if len(o.Files) == 0 {
		o.Files, _ = filepath.Glob("build/caller/*.wav")
	}
	switch {
	case len(o.Files) == 0:
		return errors.New("bench asr needs recordings: name WAV files, or run make setup for build/caller")
	case o.Seconds < 2:
		return errors.New("--seconds must be at least 2")
	case o.Threads < 1:
		return errors.New("--threads must be at least 1")
	}
	return nil
}

// trial is what one number of channels gave.
type trial struct {
	channels   int
	p50, p99   time.Duration
	cores      float64
	rssMB      float64
	decodedPct float64
	dropped    uint64
}

func (t trial) inTime() bool { return t.p99 > 0 && t.p99 < lateLimit && t.dropped == 0 }

// perCore counts a worker that used more than its decoding threads as that many cores.
func (t trial) perCore(threads int) float64 {
	return float64(t.channels) / max(float64(threads), t.cores)
}

// ASR looks for the most channels that one worker recognises in real time and
// compares with plain libvosk on the same audio in the same run.
func ASR(ctx context.Context, o ASROptions, out io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	var speech []int16
	for _, f := range o.Files {
		pcm, err := audio.ReadWAV(f)
		if err != nil {
			return err
		}
		speech = append(speech, pcm...)
	}
	fmt.Fprintf(out, "%d recordings, %.0f s of speech; %d cores, one worker with %d decoding thread(s)\n",
		len(o.Files), float64(len(speech))/audio.Rate, runtime.NumCPU(), o.Threads)
	figures, raw, err := o.rawFigures(ctx, min(rawMost, float64(len(speech))/audio.Rate), out)
	if err != nil {
		return err
	}
	var first, most trial
	for _, kind := range []string{"continuous", "talk"} {
		best, low, err := o.most(ctx, kind, speech, out)
		if err != nil {
			return err
		}
		if kind == "continuous" {
			first, most = low, best
		}
		figures = append(figures, best.figures("asr."+kind+".", o.Threads, raw)...)
	}
	figures = append(figures, score.Figure{Name: "asr.rss.model_mb", Value: first.rssMB})
	if most.channels > first.channels {
		figures = append(figures, score.Figure{Name: "asr.rss.per_channel_mb", Value: (most.rssMB - first.rssMB) / float64(most.channels-first.channels)})
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%.2f\t\n", f.Name, f.Value)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return score.WriteJSON(o.JSON, figures)
}

func (t trial) figures(prefix string, threads int, raw float64) []score.Figure {
	ms := func(d time.Duration) float64 { return float64(d) / 1e6 }
	return []score.Figure{
		{Name: prefix + "channels", Value: float64(t.channels)},
		{Name: prefix + "channels_per_core", Value: t.perCore(threads)},
		{Name: prefix + "times_raw_x", Value: t.perCore(threads) / raw},
		{Name: prefix + "cpu_channels_per_core", Value: float64(t.channels) / max(t.cores, 0.001)},
		{Name: prefix + "cpu_times_raw_x", Value: float64(t.channels) / max(t.cores, 0.001) / raw},
		{Name: prefix + "lateness_p50_ms", Value: ms(t.p50)},
		{Name: prefix + "lateness_p99_ms", Value: ms(t.p99)},
		{Name: prefix + "worker_cores", Value: t.cores},
		{Name: prefix + "decoded_pct", Value: t.decodedPct},
		{Name: prefix + "dropped_frames", Value: float64(t.dropped)},
	}
}

// rawFigures runs plain libvosk in a process of its own, with each graph there is.
func (o *ASROptions) rawFigures(ctx context.Context, seconds float64, out io.Writer) ([]score.Figure, float64, error) {
	bin, model, err := o.ASR.Locate("en")
	if err != nil {
		return nil, 0, err
	}
	var figures []score.Figure
	base := math.NaN()
	for _, g := range []struct{ name, dir string }{{"dynamic", model.Dynamic}, {"static", model.Static}} {
		if g.dir == "" {
			continue
		}
		args := append([]string{"bench-raw", "--model", g.dir, "--seconds", strconv.FormatFloat(seconds, 'f', 1, 64)}, o.Files...)
		cmd := exec.CommandContext(ctx, bin, args...)
		cmd.Stderr = os.Stderr
		b, err := cmd.Output()
		if err != nil {
			return nil, 0, fmt.Errorf("plain libvosk: %w", err)
		}
		var r struct {
			Audio float64 `json:"audio_s"`
			CPU   float64 `json:"cpu_s"`
			RSS   float64 `json:"rss_rec_mb"`
		}
		if err := json.Unmarshal(b, &r); err != nil {
			return nil, 0, fmt.Errorf("plain libvosk: %w", err)
		}
		per := r.Audio / r.CPU
		if g.name == "dynamic" || math.IsNaN(base) {
			base = per
		}
		fmt.Fprintf(out, "plain libvosk, %s graph: %.1f s of audio in %.1f s of CPU\n", g.name, r.Audio, r.CPU)
		figures = append(figures, score.Figure{Name: "asr.raw_" + g.name + ".channels_per_core", Value: per},
			score.Figure{Name: "asr.raw_" + g.name + ".rss_recogniser_mb", Value: r.RSS})
	}
	return figures, base, nil
}

// most ramps up: a light trial tells the cost of a channel, from there the
// number is brought to the largest in time.
func (o *ASROptions) most(ctx context.Context, kind string, speech []int16, out io.Writer) (best, low trial, err error) {
	pcm := speech
	if kind == "talk" {
		pcm = converse(speech)
	}
	w := tabwriter.NewWriter(out, 7, 0, 2, ' ', tabwriter.AlignRight)
	run := func(n int) (trial, error) {
		t, err := o.try(ctx, pcm, n)
		if err == nil {
			fmt.Fprintf(w, "%s\t%d channels\tp50 %d ms\tp99 %d ms\t%.2f cores\t%.0f MB\tdecoded %.0f %%\tdropped %d\t\n",
				kind, n, t.p50.Milliseconds(), t.p99.Milliseconds(), t.cores, t.rssMB, t.decodedPct, t.dropped)
			_ = w.Flush()
		}
		return t, err
	}
	if o.Channels > 0 {
		best, err = run(o.Channels)
		return best, best, err
	}
	low, err = run(3 * o.Threads)
	if err != nil {
		return low, low, err
	}
	best = low
	n := max(low.channels+1, int(0.8*float64(o.Threads)*float64(low.channels)/max(low.cores, 0.01)))
	under, over := low.channels, 0
	for range rampTrials {
		t, err := run(n)
		if err == nil && !t.inTime() && t.cores < 0.8*float64(o.Threads) {
			t, err = run(n) // the worker was not at its limit: something else took the machine
		}
		if err != nil {
			return best, low, err
		}
		if t.inTime() {
			best, under = t, n
		} else {
			over = n
		}
		switch next := n + max(1, n/5); {
		case over == 0:
			n = next
		case over-under <= max(1, under/16):
			return best, low, nil
		default:
			n = (under + over) / 2
		}
	}
	return best, low, nil
}

// try runs n channels for the length of a trial on a fresh pool.
func (o *ASROptions) try(ctx context.Context, pcm []int16, n int) (trial, error) {
	cfg := o.ASR
	cfg.Workers, cfg.Threads, cfg.Addresses = 1, o.Threads, nil
	cfg.AdmitAll = true
	log := o.Log
	if log == nil {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	pool, err := asr.New(cfg, log)
	if err != nil {
		return trial{}, err
	}
	defer pool.Close()
	if err := pool.Start(ctx); err != nil {
		return trial{}, err
	}
	l := &channels{pool: pool, pcm: pcm, narrow: o.Narrow}
	if err := l.open(ctx, n); err != nil {
		return trial{}, err
	}
	defer l.close()
	l.play(ctx, 3*time.Second) // warm: the models' pages, the first words
	before := pool.Stats().Workers[0]
	cpu, err := usage(before.PID)
	if err != nil {
		return trial{}, err
	}
	pool.Lateness(true)
	begin := time.Now()
	l.play(ctx, time.Duration(o.Seconds*float64(time.Second)))
	took := time.Since(begin)
	t := trial{channels: n, dropped: pool.Stats().DroppedFrames}
	t.p50, t.p99, _ = pool.Lateness(true)
	after, err := usage(before.PID)
	if err != nil {
		return trial{}, err
	}
	t.cores, t.rssMB = (after.cpu-cpu.cpu).Seconds()/took.Seconds(), after.rssMB
	st := pool.Stats().Workers[0]
	if heard := st.HeardFrames - before.HeardFrames; heard > 0 {
		t.decodedPct = 100 * float64(st.DecodedFrames-before.DecodedFrames) / float64(heard)
	}
	t.dropped += st.DroppedFrames
	return t, ctx.Err()
}
