package media

import (
	"runtime"
	"testing"
	"time"
)

// What browsers' legs bridged to phones cost the clock: SRTP both ways, the shared port's
// queue, no transcoding. The goroutine that reads the port comes on top and is in
// process-ns, together with the far ends.
func BenchmarkWebRTCBridgedCall(b *testing.B) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const calls = 20
	t := &testing.T{}
	e, err := New(Config{Listen: "127.0.0.1", PortMin: -1, WebRTC: WebRTCConfig{Port: -1}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	x := &load{rig: &rig{Engine: e, t: t}}
	e.clock.walk.virtual = true
	var browsers []*rig // an engine each, for a port each
	for range calls {
		far, err := New(Config{Listen: "127.0.0.1", PortMin: -1, WebRTC: WebRTCConfig{Port: -1}}, nil)
		if err != nil {
			b.Fatal(err)
		}
		defer func() { _ = far.Close() }()
		far.clock.walk.virtual = true
		browsers = append(browsers, &rig{Engine: far, t: t})
		web := agreed(b, e, far)
		Join(web, x.add(t, PCMA, nil))
	}
	var used time.Duration
	process := processCPU()
	for b.Loop() {
		x.talk()
		for _, r := range browsers {
			r.step(1)
		}
		time.Sleep(time.Millisecond) // the readers of the ports have their turn
		before := cpu()
		x.step(1)
		used += cpu() - before
		x.hear()
	}
	per := float64(used.Nanoseconds()) / float64(b.N) / calls
	b.ReportMetric(per, "cpu-ns/call-tick")
	b.ReportMetric(per/20e6*100, "%core/call")
	b.ReportMetric(float64((processCPU()-process).Nanoseconds())/float64(b.N)/calls, "process-ns/call-tick")
	if s := e.Stats(); s.PacketsIn < uint64(b.N)*calls*18/10 {
		b.Errorf("%+v", s)
	}
	_ = e.Close()
}

// agreed makes a browser's leg and its far end.
func agreed(b *testing.B, ours, theirs *Engine) *Leg {
	b.Helper()
	l, err := ours.NewWebRTCLeg("a", nil)
	if err != nil {
		b.Fatal(err)
	}
	far, err := theirs.NewWebRTCLeg("b", nil)
	if err != nil {
		b.Fatal(err)
	}
	l.PreferCodecs(PCMA)
	offer, err := l.Offer(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	far.PreferCodecs(PCMA)
	answer, err := far.AcceptOffer(b.Context(), offer)
	if err != nil {
		b.Fatal(err)
	}
	if err := l.AcceptAnswer(b.Context(), answer); err != nil {
		b.Fatal(err)
	}
	<-l.Secured()
	<-far.Secured()
	return l
}
