package e2e

import (
	"bufio"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/caller"
	"tingxin/score"
)

// speech is what a test's callers say: recordings of a person, and the words of them.
type speech struct {
	pcm   []int16
	words []string
}

// say joins recordings of the demo's caller by name ("sense-4").
func say(t testing.TB, names ...string) speech {
	t.Helper()
	dir := filepath.Join(root(t), "build", "caller")
	f, err := os.Open(filepath.Join(dir, "transcript.txt"))
	if err != nil {
		t.Skip("the demo caller's recordings are not there: run make setup")
	}
	defer f.Close()
	text := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, words, _ := strings.Cut(lines.Text(), "\t")
		text[strings.TrimSuffix(name, ".wav")] = words
	}
	var s speech
	for _, name := range names {
		pcm, err := audio.ReadWAV(filepath.Join(dir, name+".wav"))
		if err != nil {
			t.Fatal(err)
		}
		s.pcm = append(s.pcm, pcm...)
		s.words = append(s.words, score.NormaliseEnglish(text[name])...)
	}
	return s
}

func (s speech) duration() time.Duration { return time.Duration(len(s.pcm)) * time.Second / audio.Rate }

// wer is the word error rate of a transcript's raw words in per cent.
func (s speech) wer(heard []transcriptItem) float64 {
	_, counts := score.Align(s.words, wordsOf(heard))
	return counts.Rate()
}

// wordsOf are the raw words of utterances in the order of their times.
func wordsOf(items []transcriptItem) []string {
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b transcriptItem) int { return int(a.StartMS - b.StartMS) })
	var b strings.Builder
	for _, it := range items {
		b.WriteString(it.Raw + " ")
	}
	return score.NormaliseEnglish(b.String())
}

// sideOf keeps the utterances of one side that hold words.
func sideOf(items []transcriptItem, side string) []transcriptItem {
	return slices.DeleteFunc(slices.Clone(items), func(it transcriptItem) bool { return it.Side != side || it.Gap })
}

// talk is a call under way whose caller speaks.
type talk struct {
	from    string
	said    speech
	audioAt chan time.Time // the first sample of speech
	done    chan struct{}  // closed at the end
	report  caller.Report
	err     error
}

func newAgent(t testing.TB) *caller.Agent {
	t.Helper()
	a := caller.New(caller.Config{}, nil)
	if err := a.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// talk calls the number "talk", listens to the announcement, speaks and hangs up.
func (s *instance) talk(ctx context.Context, a *caller.Agent, from string, said speech) *talk {
	k := &talk{from: from, said: said, audioAt: make(chan time.Time, 1), done: make(chan struct{})}
	go func() { // ends with the call, which ends with its audio or ctx
		defer close(k.done)
		k.report, k.err = a.Call(ctx, caller.CallConfig{
			To: "sip:talk@" + s.sipUDP, From: from, Audio: said.pcm, Lead: 15 * time.Second, LeadQuiet: 700 * time.Millisecond,
			Tail: 1500 * time.Millisecond, OnAudio: func(at time.Time) { k.audioAt <- at },
		})
	}()
	return k
}

// speaking waits until the caller has begun to speak.
func (k *talk) speaking(t testing.TB) time.Time {
	t.Helper()
	select {
	case at := <-k.audioAt:
		return at
	case <-k.done:
		t.Fatalf("call of %s ended before its words: %s %d %v", k.from, k.report.Cause, k.report.Status, k.err)
	case <-time.After(40 * time.Second):
		t.Fatalf("call of %s did not come to its words", k.from)
	}
	return time.Time{}
}

// completed waits for the call's end and fails unless it ended as planned.
func (k *talk) completed(t testing.TB) {
	t.Helper()
	select {
	case <-k.done:
	case <-time.After(k.said.duration() + 40*time.Second):
		t.Fatalf("call of %s does not end", k.from)
	}
	if k.err != nil || !k.report.OK() {
		t.Errorf("call of %s ended as %q, status %d: %v", k.from, k.report.Cause, k.report.Status, k.err)
	}
}

// detail is a call with its recording, as the API tells it.
type detail struct {
	callView
	From       string     `json:"from"`
	SIPStatus  int        `json:"sip_status"`
	Consent    string     `json:"consent"`
	AnsweredAt *time.Time `json:"answered_at"`
	EndedAt    *time.Time `json:"ended_at"`
	Recording  *struct {
		DurationMS int64  `json:"duration_ms"`
		Bytes      int64  `json:"bytes"`
		URL        string `json:"url"`
	} `json:"recording"`
}

func (s *instance) detail(t testing.TB, id string) detail {
	t.Helper()
	var d detail
	s.get(t, "/api/v1/calls/"+id, &d)
	return d
}

func (s *instance) transcript(t testing.TB, id string) []transcriptItem {
	t.Helper()
	var out struct{ Items []transcriptItem }
	s.get(t, "/api/v1/calls/"+id+"/transcript", &out)
	return out.Items
}

// recording fetches the sound of a call.
func (s *instance) recording(t testing.TB, d detail) *audio.WAV {
	t.Helper()
	if d.Recording == nil {
		t.Fatalf("call of %s has no recording", d.From)
	}
	var b []byte
	s.get(t, d.Recording.URL, &b)
	w, err := audio.DecodeWAV(b)
	if err != nil {
		t.Fatalf("recording of %s: %v", d.From, err)
	}
	return w
}

// worker is a speech worker as the system page shows it.
type worker struct {
	ID       string `json:"id"`
	State    string `json:"state"`
	PID      int    `json:"pid"`
	Channels int    `json:"channels"`
	Restarts int    `json:"restarts"`
}

// system is what the tests look at of the system page.
type system struct {
	Workers  []worker `json:"workers"`
	Database struct {
		State        string `json:"state"`
		QueuedWrites int    `json:"queued_writes"`
	} `json:"database"`
}

func (s *instance) system(t testing.TB) system {
	t.Helper()
	var v system
	s.get(t, "/api/v1/system", &v)
	return v
}

// speakingServer is a server with speech workers; it skips without a model.
func speakingServer(t *testing.T, o options) *instance {
	t.Helper()
	if _, err := os.Stat(filepath.Join(root(t), "models", "vosk-en-static", "am", "final.mdl")); err != nil {
		t.Skip("the speech model is not there: run make setup")
	}
	o.ASR = true
	return launch(t, o)
}

// end stops the server and says so when it does not end well.
func (s *instance) end(t testing.TB) {
	t.Helper()
	if t.Failed() {
		t.Logf("the server's last words:\n%s", s.tail())
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// full says that the heavy variants are wanted: TINGXIN_E2E_FULL=1.
func full() bool { return os.Getenv("TINGXIN_E2E_FULL") == "1" }

// alongside lets a test that mostly waits, on a server of its own, run beside another
// such one. The heavy variants measure, and stay alone.
func alongside(t *testing.T) {
	t.Helper()
	if !full() {
		t.Parallel()
	}
}

func callerNumber(i int) string { return "1390000" + strconv.Itoa(1000+i) }
