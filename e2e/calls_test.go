package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/caller"
)

// Tones of who speaks, Hz: none is near a harmonic or a mixture of others, nor a note of the music.
const (
	toneCustomer = 2391.9
	toneAgent    = 700.3
	toneLead     = 1131.1
	toneFriend   = 1588.7
)

const lineFlow = "flow: line\nversion: 1\nlanguage: en\nnodes:\n  - id: consent\n    record: {announce: \"Recorded.\", consent: announced}\n" +
	"  - id: wait\n    queue: {name: support}\n  - {id: end, hangup: true}\n"

// deskTest is a contact centre whose agent, supervisor and colleague sit in browsers
// (web/e2e/calls.mjs). The script says over its output when a customer shall call, and
// what the customer must hear and must not, which is looked at in the recording.
type deskTest struct {
	t     *testing.T
	s     *instance
	calls map[string]*customer
}

// customer is one call from outside.
type customer struct {
	cancel context.CancelFunc
	done   chan struct{}
	report caller.Report
	marks  []hearing
}

// hearing is what a customer must hear between two moments.
type hearing struct {
	label           string
	present, absent []float64
	from, to        time.Time
}

// TestCallsOfTheDesk has an agent take a queue's call in Chromium, hold it, be listened to and
// helped, lose the page and come back, and write up the call. TINGXIN_E2E_FULL=1 does all the
// rest: three parties, transfers, a cut connection, another path, words of both sides, pictures
// (DESK_PICTURES).
func TestCallsOfTheDesk(t *testing.T) {
	web := filepath.Join(root(t), "web")
	for _, needed := range []string{filepath.Join(web, "node_modules", "playwright-core"), filepath.Join(web, "dist", "index.html"), "/usr/bin/chromium"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("%s is not there: run make setup build", needed)
		}
	}
	var s *instance
	if full() {
		s = speakingServer(t, options{})
	} else {
		s = launch(t, options{})
	}
	defer s.end(t)
	d := &deskTest{t: t, s: s, calls: map[string]*customer{}}
	d.furnish()
	ctx, cancel := context.WithTimeout(t.Context(), 6*time.Minute)
	defer cancel()
	d.play(ctx, web)
	for name, c := range d.calls {
		c.cancel()
		<-c.done
		d.check(name, c)
	}
}

// put changes a setting.
func (s *instance) put(t testing.TB, path string, in any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodPut, s.api+path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", s.csrf)
	s.do(t, req, new([]byte))
}

// furnish adds the people, the queue and the outcomes.
func (d *deskTest) furnish() {
	d.t.Helper()
	for _, p := range []struct{ name, full, role string }{{"lin", "Lin Mei", "agent"}, {"bo", "Bo Chen", "agent"}, {"sun", "Sun Lei", "supervisor"}} {
		var u struct {
			ID string `json:"id"`
		}
		d.s.post(d.t, "/api/v1/users", map[string]string{"username": p.name, "name": p.full, "role": p.role, "password": "a desk of their own"}, &u)
		if p.role == "agent" {
			d.s.put(d.t, "/api/v1/agents/"+u.ID, map[string]any{})
		}
	}
	d.s.put(d.t, "/api/v1/queues/support", map[string]any{"id": "support", "name": "Support", "members": []map[string]string{{"user": "lin"}},
		"ring_time": "20s", "wrap_up": map[string]string{"mode": "fixed", "time": "45s"}, "bar": "1s", "reject_delay": "1s"})
	d.s.put(d.t, "/api/v1/queues/sales", map[string]any{"id": "sales", "name": "Sales", "members": []map[string]string{{"user": "bo"}}})
	d.s.put(d.t, "/api/v1/dispositions/solved", map[string]any{"name_en": "Solved", "name_zh": "已解决", "order": 1})
	d.s.put(d.t, "/api/v1/dispositions/later", map[string]any{"name_en": "Call back", "name_zh": "需回访", "order": 2})
}

// play runs the script and does what it asks for.
func (d *deskTest) play(ctx context.Context, web string) {
	t := d.t
	tones := t.TempDir()
	for name, hz := range map[string]float64{"lin": toneAgent, "sun": toneLead, "bo": toneFriend} {
		writeTone(t, filepath.Join(tones, name+".wav"), hz)
	}
	pictures := os.Getenv("DESK_PICTURES") // no name of ours: pbx would take it for a setting
	if pictures == "" {
		pictures = t.TempDir()
	}
	cmd := exec.CommandContext(ctx, "node", "e2e/calls.mjs")
	cmd.Dir = web
	cmd.Env = append(os.Environ(), "TINGXIN_URL="+d.s.api, "TINGXIN_TONES="+tones, "TINGXIN_PICTURES="+pictures, "TINGXIN_SPEECH="+filepath.Join(root(t), "build", "caller"))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		ask, isAsk := strings.CutPrefix(line, "> ")
		switch {
		case isAsk:
			d.obey(ctx, strings.Split(ask, "|"))
		case strings.HasPrefix(line, "FAIL"):
			t.Error(line)
		default:
			t.Log(line)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the script: %v", err)
	}
}

// obey does what the script asks for: "call|NAME|NUMBER", "hangup|NAME", "hear|NAME|LABEL|HZ,HZ|HZ|FROM|TO" with
// moments in ms of the epoch.
func (d *deskTest) obey(ctx context.Context, ask []string) {
	switch {
	case ask[0] == "call" && len(ask) == 3:
		d.call(ctx, ask[1], ask[2])
	case ask[0] == "hangup" && len(ask) == 2 && d.calls[ask[1]] != nil:
		d.calls[ask[1]].cancel()
	case ask[0] == "hear" && len(ask) == 7 && d.calls[ask[1]] != nil:
		c := d.calls[ask[1]]
		c.marks = append(c.marks, hearing{ask[2], numbers(ask[3]), numbers(ask[4]), moment(ask[5]), moment(ask[6])})
	default:
		d.t.Errorf("the script asks for %q", ask)
	}
}

func moment(ms string) time.Time {
	n, _ := strconv.ParseInt(ms, 10, 64)
	return time.UnixMilli(n)
}

func numbers(list string) (out []float64) {
	for _, text := range strings.FieldsFunc(list, func(r rune) bool { return r == ',' }) {
		n, _ := strconv.ParseFloat(text, 64)
		out = append(out, n)
	}
	return out
}

// call has a customer call the queue: with a tone, or with sentences when the name says so.
func (d *deskTest) call(ctx context.Context, name, number string) {
	agent := newAgent(d.t)
	ctx, cancel := context.WithCancel(ctx)
	c := &customer{cancel: cancel, done: make(chan struct{})}
	d.calls[name] = c
	cfg := caller.CallConfig{To: "sip:line@" + d.s.sipUDP, From: number, Record: true, Loop: true, Hold: 5 * time.Minute}
	if strings.HasPrefix(name, "speaker") {
		cfg.Audio, cfg.Loop, cfg.Lead = say(d.t, "sense-1", "sense-2", "sense-3").pcm, true, 6*time.Second
	} else {
		cfg.Audio = toneOf(toneCustomer, time.Second)
	}
	go func() { // ends with the call, which ends with ctx at the latest
		defer close(c.done)
		c.report, _ = agent.Call(ctx, cfg)
	}()
}

// toneOf is a tone whose periods fit into it, so that it can be repeated.
func toneOf(hz float64, length time.Duration) []int16 {
	n := int(length.Seconds() * audio.Rate)
	hz = math.Round(hz*length.Seconds()) / length.Seconds()
	pcm := make([]int16, n)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/audio.Rate))
	}
	return pcm
}

// writeTone writes two seconds of a tone at 48 kHz, which Chromium plays again and again.
func writeTone(t *testing.T, path string, hz float64) {
	t.Helper()
	w, err := audio.CreateWAV(path, 48000, 1)
	if err != nil {
		t.Fatal(err)
	}
	hz = math.Round(hz*2) / 2
	pcm := make([]int16, 96000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/48000))
	}
	if err := w.Write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// check looks for the tones in what a customer heard.
func (d *deskTest) check(name string, c *customer) {
	d.t.Helper()
	begin := c.report.AnsweredAt.Add(c.report.FirstPacket)
	for _, m := range c.marks {
		from, to := int(m.from.Sub(begin).Seconds()*8000), int(m.to.Sub(begin).Seconds()*8000)
		if from < 0 || to > len(c.report.Audio) || from >= to {
			d.t.Errorf("%s: %s: nothing was recorded then (%d to %d of %d)", name, m.label, from, to, len(c.report.Audio))
			continue
		}
		var said []string
		for _, hz := range m.present {
			level := loudest(c.report.Audio[from:to], hz)
			said = append(said, fmt.Sprintf("%.0f Hz %.0f dB", hz, level))
			if level < -40 {
				d.t.Errorf("%s: %s: %.0f Hz is not heard: %.0f dB", name, m.label, hz, level)
			}
		}
		for _, hz := range m.absent {
			level := loudest(c.report.Audio[from:to], hz)
			said = append(said, fmt.Sprintf("no %.0f Hz %.0f dB", hz, level))
			if level > -50 {
				d.t.Errorf("%s: %s: %.0f Hz is heard: %.0f dB", name, m.label, hz, level)
			}
		}
		d.t.Logf("the customer of %s, %s: %s", name, m.label, strings.Join(said, ", "))
	}
}

// loudest is the level of a tone in the loudest 200 ms, dB of full scale.
func loudest(pcm []int16, hz float64) float64 {
	const window = 1600
	best := -120.0
	for at := 0; at+window <= len(pcm); at += window {
		var re, im, norm float64
		for i, v := range pcm[at : at+window] {
			w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/window) // no leakage beyond two bins
			re += w * float64(v) * math.Cos(2*math.Pi*hz*float64(i)/8000)
			im += w * float64(v) * math.Sin(2*math.Pi*hz*float64(i)/8000)
			norm += w
		}
		best = max(best, 20*math.Log10(math.Hypot(re, im)*2/norm/32768+1e-6))
	}
	return best
}
