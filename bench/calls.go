package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"slices"
	"sync"
	"text/tabwriter"
	"time"

	"tingxin/audio"
	"tingxin/caller"
	"tingxin/score"
)

// delaySample is how many of the calls look for their own echo, which costs time.
const delaySample = 20

// CallsOptions of a load of SIP calls.
type CallsOptions struct {
	// Target is the SIP URI that every call dials.
	Target string
	// N calls are placed, CPS a second, each lasting Seconds after its answer.
	N       int
	CPS     float64
	Seconds float64
	// Codec is PCMU, PCMA or G722.
	Codec string
	// Listen is the caller's own address (127.0.0.1:0).
	Listen string
	// PID is the server's process, whose CPU time is taken; 0 measures none.
	PID int
	// JSON is the file for the figures.
	JSON string
	// Serve starts a server when Target is empty, and returns what to dial, its process and how to stop it.
	Serve func(ctx context.Context) (target string, pid int, stop func(), err error)
}

// Register adds the command's flags to fs.
func (o *CallsOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Target, "target", "", "SIP `URI` to call, as sip:echo@127.0.0.1:5060; empty starts a server")
	fs.IntVar(&o.N, "n", 200, "calls")
	fs.Float64Var(&o.CPS, "cps", 20, "new calls a second")
	fs.Float64Var(&o.Seconds, "seconds", 15, "length of a call after its answer")
	fs.StringVar(&o.Codec, "codec", "PCMU", "PCMU, PCMA or G722")
	fs.StringVar(&o.Listen, "listen", "127.0.0.1:0", "the caller's own `address`")
	fs.IntVar(&o.PID, "pid", 0, "the server's `process`, to take its CPU time")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// CallsFigures is the list of names for --help.
const CallsFigures = `Figures in --json:
  calls.placed calls.completed calls.failed calls.peak       peak: most calls at once
  setup.p50_ms setup.p95_ms setup.max_ms                     INVITE to 200
  first_packet.p50_ms first_packet.p95_ms                    200 to the first RTP packet
  delay.p50_ms delay.p95_ms delay.calls                      our voice and its echo, on some of the calls
  jitter.p50_ms jitter.p95_ms jitter.p99_ms                  deviation from the packet spacing, all packets
  jitter_call_p95.max_ms                                     the worst call's 95th percentile
  loss.pct packets.sent packets.received packets.lost packets.reordered packets.unsent
  server.cpu_ms_per_call server.cpu_pct_per_call server.cpu_s server.rss_mb
  caller.cpu_ms_per_call
`

func (o *CallsOptions) check() error {
	switch {
	case o.Target == "" && o.Serve == nil:
		return errors.New("bench calls needs --target, a SIP URI such as sip:echo@127.0.0.1:5060")
	case o.N <= 0 || o.CPS <= 0 || o.Seconds <= 0:
		return errors.New("-n, --cps and --seconds must be above zero")
	case !slices.Contains([]string{"", "PCMU", "PCMA", "G722"}, o.Codec):
		return fmt.Errorf("--codec is %q: it can be PCMU, PCMA or G722", o.Codec)
	}
	return nil
}

// load is what a run collects.
type load struct {
	mu      sync.Mutex
	reports []caller.Report
	causes  map[string]int
	active  int
	peak    int
}

// Calls places many calls to one target, prints what they were like and what they
// cost the server.
func Calls(ctx context.Context, opts CallsOptions, out io.Writer) error {
	if err := opts.check(); err != nil {
		return err
	}
	if opts.Target == "" {
		target, pid, stop, err := opts.Serve(ctx)
		if err != nil {
			return err
		}
		defer stop()
		opts.Target, opts.PID = target, pid
	}
	agent := caller.New(caller.Config{Listen: opts.Listen}, nil)
	if err := agent.Start(ctx); err != nil {
		return err
	}
	before, err := usage(opts.PID)
	if err != nil {
		return errors.Join(err, agent.Close())
	}
	own, _ := usage(-1)
	l, err := place(ctx, agent, opts)
	if err != nil {
		return errors.Join(err, agent.Close())
	}
	after, err := usage(opts.PID)
	if err != nil {
		err = fmt.Errorf("the server is gone: %w", err)
	}
	ownAfter, _ := usage(-1)
	figures := l.figures(opts)
	if opts.PID != 0 && err == nil {
		cpu := (after.cpu - before.cpu).Seconds()
		figures = append(figures, score.Figure{Name: "server.cpu_ms_per_call", Value: cpu * 1000 / float64(opts.N)},
			score.Figure{Name: "server.cpu_pct_per_call", Value: 100 * cpu / (float64(opts.N) * opts.Seconds)},
			score.Figure{Name: "server.cpu_s", Value: cpu}, score.Figure{Name: "server.rss_mb", Value: after.rssMB})
	}
	figures = append(figures, score.Figure{Name: "caller.cpu_ms_per_call", Value: (ownAfter.cpu - own.cpu).Seconds() * 1000 / float64(opts.N)})
	l.print(out, opts, figures)
	return errors.Join(err, agent.Close(), score.WriteJSON(opts.JSON, figures))
}

// place runs the calls; it returns early when ctx ends.
func place(ctx context.Context, agent *caller.Agent, opts CallsOptions) (*load, error) {
	l := &load{causes: map[string]int{}}
	codec := caller.Codec(opts.Codec)
	clip := caller.Encode(codec, voice(5*time.Second))
	every := max(1, opts.N/delaySample)
	var wg sync.WaitGroup
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range opts.N {
		timer.Reset(time.Until(begun.Add(time.Duration(float64(i) / opts.CPS * float64(time.Second)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			wg.Wait()
			return l, ctx.Err()
		}
		cfg := caller.CallConfig{To: opts.Target, Codec: codec, Clip: clip, Loop: true, MeasureDelay: i%every == 0,
			Hold: time.Duration(opts.Seconds * float64(time.Second)), AnswerTimeout: 32 * time.Second}
		// Ends with its call.
		wg.Go(func() { l.call(ctx, agent, cfg) })
	}
	wg.Wait()
	return l, ctx.Err()
}

func (l *load) call(ctx context.Context, agent *caller.Agent, cfg caller.CallConfig) {
	l.mu.Lock()
	l.active++
	l.peak = max(l.peak, l.active)
	l.mu.Unlock()
	r, err := agent.Call(ctx, cfg)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	l.reports = append(l.reports, r)
	if why := failure(r, err); why != "" {
		l.causes[why]++
	}
}

// failure says in a word why a call counts as failed, or "".
func failure(r caller.Report, err error) string {
	switch {
	case err != nil:
		return err.Error()
	case r.Cause == "rejected":
		return fmt.Sprintf("status %d", r.Status)
	case !r.OK():
		return r.Cause
	case r.Received == 0:
		return "no media came back"
	}
	return ""
}

func (l *load) failed() int {
	n := 0
	for _, v := range l.causes {
		n += v
	}
	return n
}

// figures sums the calls up.
func (l *load) figures(opts CallsOptions) []score.Figure {
	var setup, first, delay []float64
	var spread caller.Histogram
	var sent, received, lost, reordered, unsent int
	worst := 0.0
	for i := range l.reports {
		r := &l.reports[i]
		if r.Setup > 0 {
			setup = append(setup, ms(r.Setup))
		}
		if r.Received > 0 {
			first = append(first, ms(r.FirstPacket))
		}
		if r.Delay > 0 {
			delay = append(delay, ms(r.Delay))
		}
		spread.Merge(&r.Deviations)
		worst = max(worst, r.JitterP95)
		sent, received, lost = sent+r.Sent, received+r.Received, lost+r.Lost
		reordered, unsent = reordered+r.Reordered, unsent+r.Unsent
	}
	f := func(name string, v float64) score.Figure { return score.Figure{Name: name, Value: v} }
	failed := l.failed()
	return []score.Figure{
		f("calls.placed", float64(len(l.reports))), f("calls.completed", float64(len(l.reports)-failed)), f("calls.failed", float64(failed)), f("calls.peak", float64(l.peak)),
		f("setup.p50_ms", quantile(setup, .5)), f("setup.p95_ms", quantile(setup, .95)), f("setup.max_ms", quantile(setup, 1)),
		f("first_packet.p50_ms", quantile(first, .5)), f("first_packet.p95_ms", quantile(first, .95)),
		f("delay.p50_ms", quantile(delay, .5)), f("delay.p95_ms", quantile(delay, .95)), f("delay.calls", float64(len(delay))),
		f("jitter.p50_ms", spread.Quantile(.5)), f("jitter.p95_ms", spread.Quantile(.95)), f("jitter.p99_ms", spread.Quantile(.99)),
		f("jitter_call_p95.max_ms", worst),
		f("loss.pct", 100*float64(lost)/float64(max(1, received+lost))),
		f("packets.sent", float64(sent)), f("packets.received", float64(received)), f("packets.lost", float64(lost)),
		f("packets.reordered", float64(reordered)), f("packets.unsent", float64(unsent)),
	}
}

func (l *load) print(out io.Writer, opts CallsOptions, figures []score.Figure) {
	fmt.Fprintf(out, "%d calls to %s, %g a second, %g s each, %s\n\n", opts.N, opts.Target, opts.CPS, opts.Seconds, opts.Codec)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%.3f\n", f.Name, f.Value)
	}
	w.Flush()
	for why, n := range l.causes {
		fmt.Fprintf(out, "failed: %d x %s\n", n, why)
	}
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// quantile by nearest rank.
func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return 0
	}
	slices.Sort(v)
	return v[min(max(int(math.Ceil(q*float64(len(v))))-1, 0), len(v)-1)]
}

// voice is noise that swells like syllables: it looks like speech to a gate and is
// found again in an echo.
func voice(d time.Duration) []int16 {
	pcm := make([]int16, int(d.Seconds()*audio.Rate))
	audio.NewNoise(1).Fill(pcm, 3000)
	var low float64
	for i := range pcm {
		s := float64(i) / audio.Rate
		low += 0.35 * (float64(pcm[i]) - low)
		pcm[i] = int16(low * (0.55 + 0.45*math.Sin(2*math.Pi*4*s)))
	}
	return pcm
}
