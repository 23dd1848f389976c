package sip

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/call"
	"tingxin/media"
)

// browser is a real Chromium with JsSIP (testdata/browser).
type browser struct {
	t   *testing.T
	in  io.WriteCloser
	url string

	mu      sync.Mutex
	n       int
	waiting map[int]chan reply
}

type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`
}

const (
	micHz    = 600.0 // what the microphone of every page hears
	serverHz = 1000.0
)

// startBrowser opens Chromium on the pages of a server; skips without it.
func startBrowser(t *testing.T, s *Server) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its time")
	}
	if _, err := os.Stat("testdata/browser/node_modules/jssip"); err != nil {
		t.Skip("JsSIP is not installed: run npm ci in sip/testdata/browser")
	}
	for _, bin := range []string{"node", "chromium"} {
		if _, err := exec.LookPath(bin); err != nil {
			t.Skip(bin + " is not installed")
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/sip", s.WebSocketHandler())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<!doctype html><title>phone</title>")
	})
	h := httptest.NewTLSServer(mux)
	t.Cleanup(h.Close)
	sound := filepath.Join(t.TempDir(), "tone.wav")
	if err := os.WriteFile(sound, toneWAV(48000, micHz, 2*time.Second), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "testdata/browser/run.mjs", h.URL, sound)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, in: in, url: strings.Replace(h.URL, "https", "wss", 1) + "/sip", waiting: map[int]chan reply{}}
	done := make(chan struct{})
	go func() { // ends with the process
		defer close(done)
		for sc := bufio.NewScanner(out); sc.Scan(); {
			var r reply
			if json.Unmarshal(sc.Bytes(), &r) == nil {
				b.mu.Lock()
				ch := b.waiting[r.ID]
				b.mu.Unlock()
				if ch != nil {
					ch <- r
				}
			}
		}
	}()
	t.Cleanup(func() {
		in.Close() // ends the loop of run.mjs, which closes Chromium
		select {
		case <-done:
		case <-time.After(15 * time.Second):
			_ = cmd.Process.Kill()
		}
		_ = cmd.Wait()
	})
	return b
}

// toneWAV is a mono recording of a sine, whole periods.
func toneWAV(rate int, hz float64, d time.Duration) []byte {
	n := int(d.Seconds() * float64(rate))
	b := fmt.Appendf(nil, "RIFF%sWAVEfmt %s\x01\x00\x01\x00%s%s\x02\x00\x10\x00data%s", le(36+2*n), le(16), le(rate), le(2*rate), le(2*n))
	for i := range n {
		v := int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate)))
		b = append(b, byte(v), byte(v>>8))
	}
	return b
}

func le(n int) string { return string([]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}) }

// begin asks a page to do something.
func (b *browser) begin(page int, fn string, args ...any) <-chan reply {
	b.t.Helper()
	ch := make(chan reply, 1)
	b.mu.Lock()
	b.n++
	id := b.n
	b.waiting[id] = ch
	b.mu.Unlock()
	line, err := json.Marshal(map[string]any{"id": id, "page": page, "fn": fn, "args": args})
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.in.Write(append(line, '\n')); err != nil {
		b.t.Fatal(err)
	}
	return ch
}

// do waits for its end.
func (b *browser) do(page int, fn string, args ...any) json.RawMessage {
	b.t.Helper()
	return b.end(fn, b.begin(page, fn, args...))
}

func (b *browser) end(fn string, ch <-chan reply) json.RawMessage {
	b.t.Helper()
	select {
	case r := <-ch:
		if r.Error != "" {
			b.t.Fatalf("%s: %s", fn, r.Error)
		}
		return r.Result
	case <-time.After(60 * time.Second):
		b.t.Fatalf("%s never ended", fn)
	}
	return nil
}

// hears waits until a page hears a tone, or no tone at all for 0.
func (b *browser) hears(page int, hz float64) {
	b.t.Helper()
	var got struct{ Hz, Db float64 }
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); {
		if err := json.Unmarshal(b.do(page, "heard", 400), &got); err != nil {
			b.t.Fatal(err)
		}
		if hz == 0 && got.Db < -70 || hz != 0 && math.Abs(got.Hz-hz) < 15 && got.Db > -50 {
			return
		}
	}
	b.t.Fatalf("page %d hears %.0f Hz at %.0f dB, want %.0f Hz", page, got.Hz, got.Db, hz)
}

// toneEar finds the strength of a tone in what a leg receives.
type toneEar struct {
	mu  sync.Mutex
	pcm []int16
}

func (e *toneEar) WriteFrame(f *audio.Frame) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.pcm) >= 25*audio.FrameLen {
		e.pcm = e.pcm[:copy(e.pcm, e.pcm[audio.FrameLen:])]
	}
	e.pcm = append(e.pcm, f.PCM[:]...)
}

// share is how much of the last half second's energy is the tone.
func (e *toneEar) share(hz float64) float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	var re, im, sum float64
	for i, v := range e.pcm {
		w := 2 * math.Pi * hz * float64(i) / 16000
		re += float64(v) * math.Cos(w)
		im += float64(v) * math.Sin(w)
		sum += float64(v) * float64(v)
	}
	if sum < 1e4*float64(len(e.pcm)+1) {
		return 0 // next to silence
	}
	return 2 * (re*re + im*im) / (float64(len(e.pcm)) * sum)
}

func (e *toneEar) hears(t *testing.T, hz float64) {
	t.Helper()
	end := time.Now().Add(15 * time.Second)
	for e.share(hz) < 0.7 {
		if time.Now().After(end) {
			t.Fatalf("%.0f Hz makes %.2f of what is heard", hz, e.share(hz))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// echoes answers calls to "echo" and sends their sound back; other numbers are
// users.
func echoes(c *calls) Acceptor {
	return acceptFunc(func(ctx context.Context, in call.Incoming) (call.Handler, error) {
		if in.To != "echo" {
			return nil, call.ErrNoRoute
		}
		in.Leg.Echo(true)
		return c.Accept(ctx, in)
	})
}

// startForBrowsers runs a server as in production: ordinary timers.
func startForBrowsers(t *testing.T, cfg Config, c Acceptor, options ...Option) *Server {
	t.Helper()
	cfg.Users = people
	return start(t, cfg, c, options...)
}

func TestBrowserCallsEcho(t *testing.T) {
	c := newCalls(t)
	c.auto = true
	tokens, err := NewTokens([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	s := startForBrowsers(t, Config{}, echoes(c), WithTokens(tokens))
	b := startBrowser(t, s)
	b.do(0, "open")
	if r := <-b.begin(0, "register", b.url, "ann", map[string]any{"password": "a guess"}); !strings.Contains(r.Error, "401") {
		t.Errorf("with a wrong password: %q", r.Error)
	}
	b.do(0, "stop")
	b.do(0, "open")
	b.do(0, "register", b.url, "ann", map[string]any{"password": "secret of ann"})
	if got := s.Bindings("ann"); len(got) != 1 || got[0].Transport != "wss" || got[0].Instance == "" {
		t.Fatalf("%+v", got)
	}
	b.do(0, "call", "echo")
	if got := c.next(); got.User != "ann" || !got.Secure || got.Transport != "wss" {
		t.Errorf("%+v", got.Incoming)
	}
	b.hears(0, micHz)
	b.do(0, "hold", true)
	b.do(0, "hold", false)
	b.hears(0, micHz)
	b.do(0, "restartICE")
	b.hears(0, micHz)
	b.do(0, "drop") // the socket; the sound goes on
	b.hears(0, micHz)
	b.do(0, "hangup")
	b.do(0, "stop")
	// another page, by token
	b.do(1, "open")
	b.do(1, "register", b.url, "bob", map[string]any{"authorization_jwt": "Bearer " + tokens.Issue("bob", time.Now(), time.Minute)})
	b.do(1, "call", "echo")
	b.hears(1, micHz)
	b.do(1, "hangup")
	b.do(1, "stop")
	eventually(t, "all is over", func() bool { return s.Stats().Dialogs == 0 && len(s.Bindings("")) == 0 })
}

func TestServerCallsBrowser(t *testing.T) {
	s := startForBrowsers(t, Config{}, newCalls(t))
	b := startBrowser(t, s)
	b.do(0, "open")
	b.do(0, "register", b.url, "ann", map[string]any{"password": "secret of ann"})
	answered := b.begin(0, "answer")
	h := newHeard(nil)
	began := time.Now()
	d, leg, err := s.Dial(t.Context(), call.Target{User: "ann", From: "1000", FromName: "Tingxin"}, h)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("answered after %v", time.Since(began).Round(time.Millisecond))
	defer leg.Close()
	ear := &toneEar{}
	leg.AddTap(ear)
	leg.Play(audio.Sine(serverHz, 0.3, time.Hour))
	b.end("answer", answered)
	b.hears(0, serverHz)
	ear.hears(t, micHz)
	// the server holds and takes back
	if err := d.(*dialog).Hold(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := d.(*dialog).Hold(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	b.hears(0, serverHz)
	ear.hears(t, micHz)
	// the socket goes and comes back; a change of ours finds the new one
	b.do(0, "drop")
	ear.hears(t, micHz)
	if err := d.(*dialog).Hold(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if err := d.(*dialog).Hold(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	b.hears(0, serverHz)
	b.do(0, "dtmf", "5")
	if got := within(t, h.digits, "a key"); got.Key != '5' {
		t.Errorf("key %c", got.Key)
	}
	if err := d.Hangup(t.Context(), call.CauseNormal); err != nil {
		t.Error(err)
	}
	b.do(0, "ended")
	// nobody is there after the page has gone
	b.do(0, "stop")
	eventually(t, "ann is gone", func() bool { return len(s.Bindings("ann")) == 0 })
	var de *call.DialError
	if _, _, err := s.Dial(t.Context(), call.Target{User: "ann"}, h); !errors.As(err, &de) || de.Status != 480 {
		t.Errorf("%v", err)
	}
}

func TestBrowserTransfers(t *testing.T) {
	x := newTransfers(t)
	s := startForBrowsers(t, Config{}, x)
	defer x.wg.Wait()
	b := startBrowser(t, s)
	b.do(0, "open")
	b.do(0, "register", b.url, "ann", map[string]any{"password": "secret of ann"})
	b.do(0, "call", "echo")
	seen := b.begin(0, "refer", "sip:bob@tingxin")
	r := within(t, x.refers, "the wish")
	if r.Number != "bob" || r.By != "ann" {
		t.Errorf("%+v", r)
	}
	r.Report(180, "")
	time.Sleep(200 * time.Millisecond)
	r.Report(200, "")
	if got := string(b.end("refer", seen)); got != `["accepted","trying","progress","done"]` {
		t.Errorf("the page saw %s", got)
	}
	x.next()
	b.do(0, "call", "echo") // attended
	consulted := x.next()
	seen = b.begin(0, "refer", nil)
	if r := within(t, x.refers, "the wish"); r.Replaces != consulted.Dialog {
		t.Errorf("%+v", r)
	} else {
		r.Report(200, "")
	}
	if got := string(b.end("refer", seen)); got != `["accepted","trying","done"]` {
		t.Errorf("the page saw %s", got)
	}
	b.do(0, "stop")
	eventually(t, "all is over", func() bool { return s.Stats().Dialogs == 0 })
}

// bridges connects a call with the user or number that it dials, as a call layer
// would: both ends hear each other.
type bridges struct {
	*calls
	s *Server
}

func (b *bridges) Accept(ctx context.Context, in call.Incoming) (call.Handler, error) {
	h := newHeard(in.Leg)
	b.wg.Add(1)
	go func() { // ends with the call
		defer b.wg.Done()
		far := newHeard(nil)
		d, leg, err := b.s.Dial(ctx, call.Target{URI: "sip:" + in.To + "@tingxin", From: in.From}, far)
		if err != nil {
			_ = in.Dialog.Reject(ctx, 480, "")
			return
		}
		defer leg.Close()
		if err := in.Dialog.Answer(ctx); err != nil {
			_ = d.Hangup(ctx, call.CauseError)
			return
		}
		bridge := media.Join(in.Leg, leg)
		defer bridge.Close()
		select {
		case <-h.hangup:
			_ = d.Hangup(ctx, call.CauseNormal)
		case <-far.hangup:
			_ = in.Dialog.Hangup(ctx, call.CauseNormal)
			in.Leg.Close()
		}
	}()
	return h, nil
}

func TestBrowserTalksToBrowserAndPhone(t *testing.T) {
	c := &bridges{calls: newCalls(t)}
	users := append([]UserEntry{{Name: "desk", Password: "secret", Algorithms: []string{algMD5}}}, people...)
	c.s = start(t, Config{Users: users}, c)
	t.Cleanup(c.wg.Wait)
	b := startBrowser(t, c.s)
	for page, user := range []string{"ann", "bob"} {
		b.do(page, "open")
		b.do(page, "register", b.url, user, map[string]any{"password": "secret of " + user})
	}
	answered := b.begin(1, "answer")
	b.do(0, "call", "bob")
	b.end("answer", answered)
	b.hears(0, micHz)
	b.hears(1, micHz)
	b.do(1, "hold", true)
	b.hears(0, 0) // held: nothing but silence
	b.do(1, "hold", false)
	b.hears(0, micHz)
	b.do(0, "hangup")
	b.do(1, "ended")
	// a phone with another tone
	startPhone(t, fmt.Sprintf("<sip:desk@%s;transport=tcp>;auth_user=desk;auth_pass=secret;regint=600;answermode=auto", c.s.on("tcp")))
	eventually(t, "the phone is registered", func() bool { return len(c.s.Bindings("desk")) == 1 })
	b.do(0, "call", "desk")
	b.hears(0, 440)
	b.do(0, "hangup")
	// nobody of that name
	if r := <-b.begin(0, "call", "nobody"); !strings.Contains(r.Error, "480") && !strings.Contains(r.Error, "Unavailable") {
		t.Errorf("%s", r.Error)
	}
	b.do(0, "stop")
	b.do(1, "stop")
	eventually(t, "all is over", func() bool { return c.s.Stats().Dialogs == 0 })
}

// TestBrowserManyTimes calls in both directions in turn, both offering, as often
// as TINGXIN_BROWSER_CALLS says (3).
func TestBrowserManyTimes(t *testing.T) {
	n := 3
	if v, err := strconv.Atoi(os.Getenv("TINGXIN_BROWSER_CALLS")); err == nil {
		n = v
	}
	c := newCalls(t)
	c.auto = true
	s := startForBrowsers(t, Config{}, echoes(c))
	b := startBrowser(t, s)
	b.do(0, "open")
	b.do(0, "register", b.url, "ann", map[string]any{"password": "secret of ann"})
	var in, out time.Duration
	for i := range n {
		began := time.Now()
		if i%10 == 9 {
			t.Logf("%d calls each way", i)
		}
		b.do(0, "call", "echo")
		in += time.Since(began)
		c.next()
		b.hears(0, micHz)
		b.do(0, "hangup")
		answered := b.begin(0, "answer")
		began = time.Now()
		d, leg, err := s.Dial(t.Context(), call.Target{User: "ann", From: "1000"}, newHeard(nil))
		if err != nil {
			t.Fatal(err)
		}
		out += time.Since(began)
		ear := &toneEar{}
		leg.AddTap(ear)
		leg.Play(audio.Sine(serverHz, 0.3, time.Hour))
		b.end("answer", answered)
		b.hears(0, serverHz)
		ear.hears(t, micHz)
		if err := d.Hangup(t.Context(), call.CauseNormal); err != nil {
			t.Fatal(err)
		}
		leg.Close()
		b.do(0, "ended")
	}
	t.Logf("%d calls each way; confirmed after %v (page calls) and %v (server calls) on average", n, in/time.Duration(n), out/time.Duration(n))
	b.do(0, "stop")
	eventually(t, "all is over", func() bool { return s.Stats().Dialogs == 0 && s.Stats().Connections == 0 })
}
