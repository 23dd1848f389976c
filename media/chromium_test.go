package media

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tingxin/audio"
)

//go:embed testdata/peer.html
var peerPage []byte

// chromium is a real browser whose microphone plays a tone of 1000 Hz.
type chromium struct {
	t       *testing.T
	command chan command
	result  chan commandResult
}

type command struct {
	Op        string    `json:"op"`
	SDP       string    `json:"sdp,omitempty"`
	Direction string    `json:"direction,omitempty"`
	Keys      string    `json:"keys,omitempty"`
	Freqs     []float64 `json:"freqs,omitempty"`
}

type commandResult struct {
	SDP    string    `json:"sdp"`
	Error  string    `json:"error"`
	State  string    `json:"state"`
	Levels []float64 `json:"levels"`
}

func newChromium(t *testing.T) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("needs Chromium (Debian package chromium)")
	}
	c := &chromium{t: t, command: make(chan command), result: make(chan commandResult)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(peerPage) })
	mux.HandleFunc("GET /next", func(w http.ResponseWriter, r *http.Request) {
		select {
		case cmd := <-c.command:
			_ = json.NewEncoder(w).Encode(cmd)
		case <-r.Context().Done():
		case <-t.Context().Done():
		}
	})
	mux.HandleFunc("POST /result", func(w http.ResponseWriter, r *http.Request) {
		var res commandResult
		if err := json.NewDecoder(r.Body).Decode(&res); err != nil {
			res.Error = err.Error()
		}
		select {
		case c.result <- res:
		case <-t.Context().Done():
		}
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	dir, err := os.MkdirTemp("", "chromium")
	must(t, err)
	tone := filepath.Join(dir, "tone.wav")
	writeTone(t, tone, 1000)
	cmd := exec.Command(path, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir="+filepath.Join(dir, "profile"),
		"--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", "--use-file-for-fake-audio-capture="+tone,
		"--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required", "--no-first-run", srv.URL+"/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		for range 20 { // its children end a moment later
			if os.RemoveAll(dir) == nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	return c
}

// writeTone writes two seconds of a sine at 48 kHz, -10 dB of full scale, which Chromium plays again and again.
func writeTone(t *testing.T, path string, freq float64) {
	t.Helper()
	w, err := audio.CreateWAV(path, 48000, 1)
	must(t, err)
	pcm := make([]int16, 96000)
	for i := range pcm {
		pcm[i] = int16(32767 * math.Pow(10, -0.5) * math.Sin(2*math.Pi*freq*float64(i)/48000))
	}
	must(t, w.Write(pcm))
	must(t, w.Close())
}

func (c *chromium) do(cmd command) commandResult {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), 60*time.Second)
	defer cancel()
	select {
	case c.command <- cmd:
	case <-ctx.Done():
		c.t.Fatalf("Chromium does not ask for %q", cmd.Op)
	}
	select {
	case r := <-c.result:
		if r.Error != "" {
			c.t.Fatalf("%s: %s\n%s", cmd.Op, r.Error, cmd.SDP)
		}
		return r
	case <-ctx.Done():
		c.t.Fatalf("Chromium does not answer %q", cmd.Op)
	}
	return commandResult{}
}

// agree runs an offer and answer, whoever offers.
func (c *chromium) agree(l *Leg, offers bool) {
	c.t.Helper()
	if offers {
		offer := c.do(command{Op: "offer"}).SDP
		answer, err := l.AcceptOffer(c.t.Context(), []byte(offer))
		if err != nil {
			c.t.Fatalf("%v\n%s", err, offer)
		}
		c.do(command{Op: "remote", SDP: string(answer)})
		return
	}
	offer, err := l.Offer(c.t.Context())
	must(c.t, err)
	answer := c.do(command{Op: "answer", SDP: string(offer)}).SDP
	if err := l.AcceptAnswer(c.t.Context(), []byte(answer)); err != nil {
		c.t.Fatalf("%v\n%s", err, answer)
	}
}

// hears waits until the browser hears 600 Hz (or no longer does), and never its own 1000.
func (c *chromium) hears(what string, want bool) {
	c.t.Helper()
	var got []float64
	for range 40 {
		got = c.do(command{Op: "levels", Freqs: []float64{600, 1000}}).Levels
		if want == (got[0] > -40 && got[0] > got[1]+30) && (want || got[0] < -70) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.t.Errorf("%s: the browser hears 600 Hz at %.0f dB and 1000 Hz at %.0f dB, should hear: %v", what, got[0], got[1], want)
}

// heard waits until we hear the browser's 1000 Hz, or no longer do.
func (c *chromium) heard(what string, tap *syncTap, want bool) {
	c.t.Helper()
	var tone, other float64
	for range 40 {
		tap.take()
		time.Sleep(300 * time.Millisecond)
		pcm := last(tap.take(), 3200)
		tone, _ = toneDB(pcm, 1000)
		other, _ = toneDB(pcm, 600)
		if want == (math.Abs(tone+10) < 1 && other < -50) && (want || tone < -60) {
			return
		}
	}
	c.t.Errorf("%s: we hear 1000 Hz at %.1f dB, 600 Hz at %.1f dB, should hear: %v", what, tone, other, want)
}

// A real browser: tones both ways with each side offering and in each codec, hold from
// either side, ICE restart, keys.
func TestChromium(t *testing.T) {
	c := newChromium(t)
	e := liveEngine(t)
	for _, offers := range []bool{true, false} {
		for _, codec := range webCodecs {
			t.Run(fmt.Sprintf("%v browser offers %v", codec, offers), func(t *testing.T) {
				b := &chromium{t: t, command: c.command, result: c.result}
				l := webLeg(t, e)
				defer func() { must(t, l.Close()) }()
				l.PreferCodecs(codec)
				var tap syncTap
				l.AddTap(&tap)
				l.Play(audio.Sine(600, -10, 0))
				b.do(command{Op: "begin"})
				b.agree(l, offers)
				secured(t, l)
				b.heard("call", &tap, true)
				b.hears("call", true)
				b.hold(l, &tap)
				b.keys(l)
				// Who answers opens DTLS, and the other chooses: Chromium takes AES-CM first.
				if s := l.Stats(); !offers && !strings.HasPrefix(s.Suite, "AEAD_AES_") || s.SRTPFailed > 0 || l.Params().Codec != codec {
					t.Errorf("%v %+v", l.Params().Codec, s)
				}
			})
		}
	}
}

// hold is hold and resume by us, then by the browser, then an ICE restart of the browser's.
func (c *chromium) hold(l *Leg, tap *syncTap) {
	c.t.Helper()
	l.SetDirection(SendOnly)
	c.agree(l, false)
	c.heard("we hold", tap, false)
	c.hears("we hold", true)
	l.SetDirection(SendRecv)
	c.agree(l, false)
	c.heard("we resume", tap, true)
	c.do(command{Op: "direction", Direction: "sendonly"})
	c.agree(l, true)
	if d := l.Params().Direction; d != RecvOnly {
		c.t.Errorf("the browser holds, we are %v", d)
	}
	c.heard("the browser holds", tap, true)
	c.hears("the browser holds", false)
	c.do(command{Op: "direction", Direction: "sendrecv"})
	c.do(command{Op: "restart"})
	c.agree(l, true)
	c.heard("after the restart", tap, true)
	c.hears("after the restart", true)
}

// keys presses keys in the browser and by us.
func (c *chromium) keys(l *Leg) {
	c.t.Helper()
	c.do(command{Op: "dtmf", Keys: "5#"})
	for _, want := range []byte("5#") {
		select {
		case d := <-l.Digits():
			if d.Key != want || d.Source != "rfc4733" || d.Duration < 80*time.Millisecond || d.Duration > 150*time.Millisecond {
				c.t.Errorf("%c: %+v", want, d)
			}
		case <-time.After(30 * time.Second):
			c.t.Errorf("no %c", want)
		}
	}
}

// Calls one after the other, the sides taking turns to offer; TINGXIN_CALLS sets how many.
func TestChromiumCallAfterCall(t *testing.T) {
	n := 6
	if s := os.Getenv("TINGXIN_CALLS"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	c := newChromium(t)
	e := liveEngine(t)
	var slowest time.Duration
	for i := range n {
		l := webLeg(t, e)
		var tap syncTap
		l.AddTap(&tap)
		l.Play(audio.Sine(600, -10, 0))
		c.do(command{Op: "begin"})
		began := time.Now()
		c.agree(l, i%2 == 0)
		secured(t, l)
		slowest = max(slowest, time.Since(began))
		c.heard(fmt.Sprintf("call %d", i), &tap, true)
		c.hears(fmt.Sprintf("call %d", i), true)
		must(t, l.Close())
	}
	t.Logf("%d calls, slowest from the first SDP to the keys %v", n, slowest.Round(time.Millisecond))
	if s := e.Stats(); s.Legs != 0 || strings.Contains(fmt.Sprint(s), "NaN") {
		t.Errorf("%+v", s)
	}
}
