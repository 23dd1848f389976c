package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"tingxin/audio"
	"tingxin/caller"
	"tingxin/score"
)

const (
	delaySample = 20                      // how many of the calls measure their delay, which costs time
	delayLast   = 6500 * time.Millisecond // how long before their end: the jitter buffers have settled
	shortCall   = 200 * time.Millisecond  // of set-ups
	shortRate   = 50                      // set-ups a second
	shortLag    = time.Second             // until the server has written the records of short calls, and to see it idle
)

// load is one run of one kind.
type load struct {
	opts  CallsOptions
	kind  Kind
	agent *caller.Agent // calls
	other *caller.Agent // the second party
	clip  *caller.Clip  // the caller's
	far   *caller.Clip  // the callee's
	alone []*alone      // of the kind Opus: at 16 kHz, and as the server works

	mu     sync.Mutex
	n      int // calls placed
	pairs  map[string]*pair
	setUps bool // the calls of now are the short ones
	causes map[string]int
	active int
	peak   int
	taken  int // calls of the second party that have not ended
}

// pair is a call with both its reports.
type pair struct {
	measured bool
	here     caller.Report
	there    *caller.Report // nil for echo, and where nobody came
}

func newLoad(opts CallsOptions, kind Kind) (*load, error) {
	l := &load{opts: opts, kind: kind, pairs: map[string]*pair{}, causes: map[string]int{}}
	near, far := l.codec()
	pcm := voice(5 * time.Second)
	l.clip, l.far = caller.Encode(near, pcm), caller.Encode(far, pcm)
	host, _, _ := net.SplitHostPort(opts.Listen) // a bad one is told at the start
	if host == "" {
		host = "127.0.0.1"
	}
	l.agent = caller.New(caller.Config{Listen: net.JoinHostPort(host, "0")}, nil)
	l.other = caller.New(caller.Config{Listen: opts.Listen, Answer: l.answer, Answered: l.answered}, nil)
	if kind != Opus {
		return l, nil
	}
	narrow, own := false, audio.Rate
	if far == "" || far == caller.PCMU || far == caller.PCMA { // the server codes what G.711 brings as it comes
		narrow, own = true, 8000
	}
	for _, rate := range []int{audio.Rate, own} {
		a, err := newAlone(pcm, narrow, rate)
		if err != nil {
			return nil, err
		}
		l.alone = append(l.alone, a)
	}
	return l, nil
}

// codec of the caller and of the callee.
func (l *load) codec() (near, far caller.Codec) {
	far = caller.Codec(l.opts.Codec)
	if l.kind == Opus {
		return caller.Opus, far
	}
	return far, far
}

func (l *load) codecs() string {
	near, far := l.codec()
	if far == "" {
		far = caller.PCMU
	}
	if l.kind == Opus {
		return string(near) + " to " + string(far)
	}
	return string(far)
}

// run places the short calls, then the load, and sums up.
func (l *load) run(ctx context.Context) ([]score.Figure, error) {
	idle, err := usage(l.opts.PID)
	if err != nil {
		return nil, err
	}
	cost, err := l.shorts(ctx)
	if err != nil {
		return nil, err
	}
	before, err := usage(l.opts.PID)
	if err != nil {
		return nil, err
	}
	own, _ := usage(-1)
	watch := l.watch(ctx)
	err = l.place(ctx, l.opts.N, l.opts.CPS, l.opts.Seconds)
	seen, watchErr := watch()
	if err != nil {
		return nil, err
	}
	after, err := usage(l.opts.PID)
	if err != nil {
		return nil, fmt.Errorf("the server is gone: %w", err)
	}
	if watchErr != nil {
		return nil, watchErr
	}
	ownAfter, _ := usage(-1)
	figures := append(l.figures(), cost...)
	f := func(name string, v float64) { figures = append(figures, score.Figure{Name: name, Value: v}) }
	if l.opts.PID != 0 {
		cpu := (after.cpu - before.cpu).Seconds()
		pct := seen.pct()
		if pct == 0 { // too short for a plateau
			pct = 100 * cpu / (float64(l.opts.N) * l.opts.Seconds)
		}
		first, mid, last := seen.rss()
		f("server.cpu_pct_per_call", pct)
		f("server.cpu_ms_per_call", cpu*1000/float64(l.opts.N))
		f("server.cpu_s", cpu)
		f("server.rss_idle_mb", idle.rssMB)
		f("server.rss_start_mb", first)
		f("server.rss_mid_mb", mid)
		f("server.rss_end_mb", last)
		f("server.fds", float64(seen.fds()))
		if l.kind == Opus {
			wide, own := l.alone[0].pct(), l.alone[1].pct()
			f("libopus.cpu_pct_per_call", wide)
			f("libopus.ratio", pct/wide)
			f("libopus.own_pct_per_call", own)
			f("libopus.own_ratio", pct/own)
		}
	}
	f("caller.cpu_ms_per_call", (ownAfter.cpu-own.cpu).Seconds()*1000/float64(l.opts.N))
	return figures, nil
}

// shorts places calls that end at once: what they cost the server, beyond what it
// costs idle, is set-up and end.
func (l *load) shorts(ctx context.Context) ([]score.Figure, error) {
	if l.opts.SetUps == 0 || l.opts.PID == 0 {
		return nil, nil
	}
	idle, err := l.over(func() error { return wait(ctx, shortLag) })
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	l.mu.Lock()
	l.setUps = true
	l.mu.Unlock()
	used, err := l.over(func() error {
		return errors.Join(l.place(ctx, l.opts.SetUps, shortRate, shortCall.Seconds()), wait(ctx, shortLag))
	})
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	l.setUps, l.pairs, l.peak = false, map[string]*pair{}, 0
	l.mu.Unlock()
	used -= idle * time.Since(begun).Seconds() / shortLag.Seconds()
	cpu := max(used, 0) / float64(l.opts.SetUps)
	return []score.Figure{{Name: "setup.cpu_ms", Value: cpu * 1000}, {Name: "setup.per_cpu_s", Value: 1 / max(cpu, 1e-6)}}, nil
}

// over is the CPU time of the server during f, in seconds.
func (l *load) over(f func() error) (float64, error) {
	before, err := usage(l.opts.PID)
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, err
	}
	after, err := usage(l.opts.PID)
	return (after.cpu - before.cpu).Seconds(), err
}

func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// place runs n calls, so many a second; it returns early when ctx ends.
func (l *load) place(ctx context.Context, n int, cps, seconds float64) error {
	every := max(1, n/delaySample)
	l.mu.Lock()
	short := l.setUps
	l.mu.Unlock()
	var wg sync.WaitGroup
	begun := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for i := range n {
		timer.Reset(time.Until(begun.Add(time.Duration(float64(i) / cps * float64(time.Second)))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			wg.Wait()
			return ctx.Err()
		}
		measured := i%every == 0 && !short
		// Ends with its call.
		wg.Go(func() { l.call(ctx, measured, time.Duration(seconds*float64(time.Second))) })
	}
	wg.Wait()
	l.callees(ctx)
	return ctx.Err()
}

// callees waits a moment for the reports of second parties whose BYE is on its way.
func (l *load) callees(ctx context.Context) {
	limit := time.After(35 * time.Second) // a lost BYE is repeated for 32 s
	for look := time.NewTicker(20 * time.Millisecond); ; {
		l.mu.Lock()
		open := l.taken
		l.mu.Unlock()
		if open == 0 {
			look.Stop()
			return
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return
		case <-limit:
			return
		}
	}
}

func (l *load) call(ctx context.Context, measured bool, length time.Duration) {
	near, _ := l.codec()
	cfg := caller.CallConfig{To: l.opts.Target, Codec: near, Clip: l.clip, Loop: true, MeasureDelay: measured,
		MeasureAfter: max(0, length-delayLast), Hold: length, AnswerTimeout: 32 * time.Second}
	p := &pair{measured: measured}
	l.mu.Lock()
	l.n++
	number := fmt.Sprint(l.n)
	if l.kind != Echo {
		user, host, _ := strings.Cut(strings.TrimPrefix(l.opts.Target, "sip:"), "@")
		number = fmt.Sprintf("%s%07d", user, l.n)
		cfg.To = "sip:" + number + "@" + host
	}
	l.pairs[number] = p
	l.active++
	l.peak = max(l.peak, l.active)
	l.mu.Unlock()
	r, err := l.agent.Call(ctx, cfg)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active--
	p.here = r
	if why := failure(r, err); why != "" {
		l.causes[why]++
	}
}

// answer takes a call of the second party.
func (l *load) answer(number string) (caller.CallConfig, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pairs[number]
	if p == nil {
		return caller.CallConfig{}, false
	}
	_, far := l.codec()
	length := time.Duration(l.opts.Seconds * float64(time.Second))
	if l.setUps {
		length = shortCall
	}
	l.taken++
	return caller.CallConfig{Codec: far, Clip: l.far, Loop: true, Hold: length + time.Minute,
		MeasureDelay: p.measured, MeasureAfter: max(0, length-delayLast)}, true
}

func (l *load) answered(number string, r caller.Report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken--
	if p := l.pairs[number]; p != nil {
		p.there = &r
	}
}

// failure says in a word why a caller's call counts as failed, or "".
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

// failureThere is the same of the second party.
func failureThere(p *pair) string {
	switch {
	case p.here.Cause != "completed":
		return "" // counted already
	case p.there == nil:
		return "no call reached the second party"
	case p.there.Cause != "remote":
		return "second party: " + p.there.Cause
	case p.there.Received == 0:
		return "no media reached the second party"
	}
	return ""
}

// figures sums the calls up.
func (l *load) figures() []score.Figure {
	l.mu.Lock()
	defer l.mu.Unlock()
	var setup, first, delay []float64
	var spread caller.Histogram
	var sent, received, lost, reordered, unsent, measured int
	worst := 0.0
	leg := func(r *caller.Report) {
		if r.Received > 0 {
			first = append(first, ms(r.FirstPacket))
		}
		spread.Merge(&r.Deviations)
		worst = max(worst, r.JitterP95)
		sent, received, lost = sent+r.Sent, received+r.Received, lost+r.Lost
		reordered, unsent = reordered+r.Reordered, unsent+r.Unsent
	}
	for _, p := range l.pairs {
		if p.here.Setup > 0 {
			setup = append(setup, ms(p.here.Setup))
		}
		leg(&p.here)
		if l.kind != Echo {
			if why := failureThere(p); why != "" {
				l.causes[why]++
			}
			if p.there != nil {
				leg(p.there)
			}
		}
		if d := p.delays(l.kind == Echo); len(d) > 0 {
			delay = append(delay, d...)
			measured++
		}
	}
	failed := 0
	for _, n := range l.causes {
		failed += n
	}
	placed := len(l.pairs)
	f := func(name string, v float64) score.Figure { return score.Figure{Name: name, Value: v} }
	return []score.Figure{
		f("calls.placed", float64(placed)), f("calls.completed", float64(max(0, placed-failed))), f("calls.failed", float64(failed)), f("calls.peak", float64(l.peak)),
		f("setup.p50_ms", quantile(setup, .5)), f("setup.p95_ms", quantile(setup, .95)), f("setup.max_ms", quantile(setup, 1)),
		f("first_packet.p50_ms", quantile(first, .5)), f("first_packet.p95_ms", quantile(first, .95)),
		f("delay.p50_ms", quantile(delay, .5)), f("delay.p95_ms", quantile(delay, .95)), f("delay.max_ms", quantile(delay, 1)), f("delay.calls", float64(measured)),
		f("jitter.p50_ms", spread.Quantile(.5)), f("jitter.p95_ms", spread.Quantile(.95)), f("jitter.p99_ms", spread.Quantile(.99)),
		f("jitter_leg_p95.max_ms", worst),
		f("loss.pct", 100*float64(lost)/float64(max(1, received+lost))),
		f("packets.sent", float64(sent)), f("packets.received", float64(received)), f("packets.lost", float64(lost)),
		f("packets.reordered", float64(reordered)), f("packets.unsent", float64(unsent)),
	}
}

// delays are those of the packets of a measured call, in ms, both ways.
func (p *pair) delays(echo bool) []float64 {
	var all []time.Duration
	switch {
	case !p.measured:
	case echo:
		all = caller.Delays(&p.here, &p.here)
	case p.there != nil:
		all = append(caller.Delays(&p.here, p.there), caller.Delays(p.there, &p.here)...)
	}
	out := make([]float64, len(all))
	for i, d := range all {
		out[i] = ms(d)
	}
	return out
}
