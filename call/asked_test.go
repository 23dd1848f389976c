package call

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/media"
)

// flow writes a flow and a prompt of 6 s, and lets the number 900 run it.
func (w *town) flow(doc string) {
	w.t.Helper()
	for name, d := range map[string]time.Duration{"long.wav": 6 * time.Second, "short.wav": 60 * time.Millisecond} {
		out, err := audio.CreateWAV(filepath.Join(w.dir, name), audio.Rate, 1)
		if err != nil {
			w.t.Fatal(err)
		}
		pcm := make([]int16, int(d.Seconds()*audio.Rate))
		for i := range pcm {
			pcm[i] = int16(6000 * math.Sin(2*math.Pi*toneD*float64(i)/audio.Rate))
		}
		if err := out.Write(pcm); err != nil {
			w.t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(w.dir, "asking.yaml"), []byte("flow: asking\nversion: 1\nnodes:\n"+doc), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if err := w.m.parts.Flows.Load(); err != nil {
		w.t.Fatal(err)
	}
	w.routed(routes{{Name: "asking", Numbers: []string{"900"}, Flow: "asking"}}...)
}

// routed puts routes before those that are there.
func (w *town) routed(more ...Route) {
	all := append(routes(more), *w.m.routes.Load()...)
	w.m.routes.Store(&all)
}

// asks is a town whose first caller has gone and whose number 900 runs the flow.
func asks(t *testing.T, doc string) *town {
	t.Helper()
	w := newTown(t, "", "200", nil)
	w.first.handler().RemoteHangup(CauseCallerHangup)
	<-w.call.left
	for len(w.speech.streams) > 0 {
		<-w.speech.streams
	}
	w.flow(doc)
	return w
}

const askDigits = "  - gather: {prompt: {file: long.wav}, into: number, min: 4, max: 4, speech: digits, timeout: 8s%s}\n  - listen: {silence: 60s}\n"

// quietWithin says that at most 60 ms of the prompt are heard after the event; a telephone that hears nothing gets silence.
func (w *town) quietWithin(p *telephone, what string, event func()) {
	w.t.Helper()
	before := p.packets()
	event()
	time.Sleep(400 * time.Millisecond)
	if n := p.packets() - before; n > 3 {
		w.t.Errorf("%s: %d ms of the prompt were heard after it, want at most 60", what, n*20)
	}
}

func TestVoiceAndKeysCutThePrompt(t *testing.T) {
	for name, event := range map[string]func(p *telephone, s *stream){
		"speech start": func(_ *telephone, s *stream) { s.results <- asr.Result{Kind: asr.SpeechStart, Segment: 1} },
		"first words":  func(_ *telephone, s *stream) { s.results <- asr.Result{Kind: asr.Partial, Segment: 1, Text: "one"} },
		"key":          func(p *telephone, _ *stream) { p.presses("1") },
	} {
		t.Run(name, func(t *testing.T) {
			w := asks(t, fmt.Sprintf(askDigits, ""))
			p, c := w.rings(toneA, "", "900")
			s := w.stream()
			if !strings.Contains(strings.Join(s.cfg.Phrases, " "), "one two") || s.cfg.Expect != "digits" || s.cfg.Call != c.id {
				t.Errorf("stream %+v", s.cfg)
			}
			w.hears("caller", p, toneD)
			time.Sleep(300 * time.Millisecond) // a prompt is not cut in its first 200 ms
			waitFor(t, func() bool {
				own := false
				err := c.ask(t.Context(), func() { own = c.asked != nil && c.asked.guard.own() })
				return err == nil && own // the caller is heard, not only the prompt
			})
			w.quietWithin(p, name, func() { event(p, s) })
			if name == "key" {
				p.presses("234")
			} else {
				s.results <- asr.Result{Kind: asr.Final, Segment: 1, Text: "One, two, three four.", Raw: "one two three four"}
			}
			waitFor(t, func() bool { return c.snap.Load() != nil && w.node(c) == "node-2" })
			p.handler().RemoteHangup(CauseCallerHangup)
			if r, _ := w.ended(c); r.Data["number"] != "1234" {
				t.Errorf("data %v", r.Data)
			}
			waitFor(t, func() bool { s.mu.Lock(); defer s.mu.Unlock(); return s.done })
		})
	}
}

// node is the node a call is in, by its events.
func (w *town) node(c *Call) string {
	for {
		select {
		case e := <-w.events.C:
			if n, ok := e.Data.(NodeItem); ok && e.Call == c.id {
				w.at = n.Node
			}
		default:
			return w.at
		}
	}
}

// A prompt that comes back over the line at -12 dB does not stop itself, nor is it taken for an answer; a voice over it does.
func TestEchoOfThePromptDoesNotCutIt(t *testing.T) {
	w := asks(t, fmt.Sprintf(askDigits, ""))
	p, c := w.rings(toneA, "", "900")
	p.echoes.Store(true)
	s := w.stream()
	w.hears("caller", p, toneD)
	time.Sleep(1200 * time.Millisecond) // how much comes back is learned
	before := p.packets()
	s.results <- asr.Result{Kind: asr.SpeechStart, Segment: 1}
	s.results <- asr.Result{Kind: asr.Partial, Segment: 1, Text: "one two three four"}
	s.results <- asr.Result{Kind: asr.Final, Segment: 1, Text: "1234", Raw: "one two three four"}
	time.Sleep(400 * time.Millisecond)
	if n := p.packets() - before; n < 12 {
		t.Fatalf("the echo stopped the prompt: %d packets of it in 400 ms", n)
	}
	p.echoes.Store(false) // and now the caller's own voice
	time.Sleep(200 * time.Millisecond)
	w.quietWithin(p, "voice", func() { s.results <- asr.Result{Kind: asr.Partial, Segment: 2, Text: "nine"} })
	s.results <- asr.Result{Kind: asr.Final, Segment: 2, Text: "9876", Raw: "nine eight seven six"}
	waitFor(t, func() bool { return w.node(c) == "node-2" })
	p.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Data["number"] != "9876" {
		t.Errorf("data %v", r.Data)
	}
}

// Where only keys may cut it, a voice does not, and what was said under the prompt is no answer.
func TestVoiceDoesNotCutWhereKeysMust(t *testing.T) {
	w := asks(t, fmt.Sprintf(askDigits, ", barge_in_by: keys"))
	p, c := w.rings(toneA, "", "900")
	s := w.stream()
	w.hears("caller", p, toneD)
	time.Sleep(300 * time.Millisecond)
	before := p.packets()
	s.results <- asr.Result{Kind: asr.SpeechStart, Segment: 1}
	s.results <- asr.Result{Kind: asr.Final, Segment: 1, Text: "1234", Raw: "one two three four"}
	time.Sleep(400 * time.Millisecond)
	if n := p.packets() - before; n < 12 {
		t.Errorf("a voice stopped the prompt: %d packets of it in 400 ms", n)
	}
	w.quietWithin(p, "key", func() { p.presses("5") })
	p.presses("678")
	waitFor(t, func() bool { return w.node(c) == "node-2" })
	p.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Data["number"] != "5678" {
		t.Errorf("data %v", r.Data)
	}
}

// Without room for a stream the question is answered by keys.
func TestDeafQuestionTakesKeys(t *testing.T) {
	t.Parallel()
	w := asks(t, fmt.Sprintf(askDigits, ""))
	w.speech.mu.Lock()
	w.speech.refuse = asr.ErrFull
	w.speech.mu.Unlock()
	p, c := w.rings(toneA, "", "900")
	w.hears("caller", p, toneD)
	p.presses("4321")
	waitFor(t, func() bool { return w.node(c) == "node-2" })
	p.handler().RemoteHangup(CauseCallerHangup)
	if r, _ := w.ended(c); r.Data["number"] != "4321" {
		t.Errorf("data %v", r.Data)
	}
}

// A card number is in no recording, no transcript, no row and no journal; time goes on.
func TestCardNumberIsKeptNowhere(t *testing.T) {
	t.Parallel()
	const card = "4111111111111111"
	w := asks(t, "  - record: {consent: none}\n  - listen: {silence: 60s}\n  - gather: {prompt: {file: short.wav}, into: card, min: 12, max: 19, speech: digits, secret: true}\n  - listen: {silence: 60s}\n")
	p, c := w.rings(toneA, "", "900")
	main := w.stream()
	waitFor(t, func() bool { return w.node(c) == "node-2" })
	time.Sleep(700 * time.Millisecond)
	p.presses("#") // ends the listening
	own := w.stream()
	waitFor(t, func() bool { return w.m.Live()[0].RecordingPaused })
	time.Sleep(700 * time.Millisecond)
	p.presses(card + "#")
	waitFor(t, func() bool { return w.node(c) == "node-4" && !w.m.Live()[0].RecordingPaused })
	waitFor(t, func() bool { own.mu.Lock(); defer own.mu.Unlock(); return own.done })
	time.Sleep(700 * time.Millisecond)
	main.results <- final("after that", 2*time.Second, 2200*time.Millisecond)
	p.handler().RemoteHangup(CauseCallerHangup)
	r, _ := w.ended(c)
	if r.Data["card"] != "************1111" {
		t.Errorf("data %v", r.Data)
	}
	left := channelOf(t, w.m.RecordingPath(r.Recording), 0)
	gaps := quietStretches(left)
	if len(gaps) != 1 || gaps[0] < 600*time.Millisecond || gaps[0] > 1500*time.Millisecond {
		t.Errorf("silent stretches of the recording %v, want one of about 0.8 s", gaps)
	}
	if d := r.Duration() - r.Recording.Duration; d < -200*time.Millisecond || d > 200*time.Millisecond {
		t.Errorf("the call lasted %v, its recording %v", r.Duration(), r.Recording.Duration)
	}
	concealed := false
	for _, u := range w.words(c.id) {
		concealed = concealed || u.Gap && u.Reason == "concealed"
	}
	if !concealed {
		t.Errorf("no gap in the words %+v", w.words(c.id))
	}
	for _, table := range []string{"calls", "utterances", "legs"} {
		var n int
		if err := w.db.Pool().QueryRow(t.Context(), `select count(*) from `+table+` x where x::text like '%'||$1||'%'`, card).Scan(&n); err != nil || n != 0 {
			t.Errorf("%s holds the card: %d, %v", table, n, err)
		}
	}
	for _, file := range w.files("journal") {
		if raw, err := os.ReadFile(file); err == nil && strings.Contains(string(raw), card) {
			t.Errorf("%s holds the card", file)
		}
	}
}

func (w *town) files(under string) []string {
	w.t.Helper()
	var all []string
	err := filepath.Walk(filepath.Join(w.dir, under), func(path string, info os.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			all = append(all, path)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// channelOf is one channel of a recording in frames.
func channelOf(t *testing.T, path string, channel int) []audio.Frame {
	t.Helper()
	in, err := openSound(path, channel)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var frames []audio.Frame
	for {
		var f audio.Frame
		if in.ReadFrame(&f) != nil {
			return frames
		}
		frames = append(frames, f)
	}
}

// quietStretches are the stretches without sound of at least 0.1 s between sounds.
func quietStretches(frames []audio.Frame) []time.Duration {
	var out []time.Duration
	run, heard := 0, false
	for i := range frames {
		var sum int64
		for _, v := range frames[i].PCM {
			sum += int64(v) * int64(v)
		}
		if sum/audio.FrameLen < 200*200 {
			run++
			continue
		}
		if d := time.Duration(run) * audio.FrameDur; heard && d >= 100*time.Millisecond {
			out = append(out, d)
		}
		run, heard = 0, true
	}
	return out
}

var _ media.Source = beep()
