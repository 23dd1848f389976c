package score

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/asr"
	"tingxin/audio"
)

// reading makes a Heard of words that appear one after the other.
func reading(start time.Time, text string, each time.Duration, shown ...string) Heard {
	h := Heard{AudioAt: start}
	for i, p := range shown {
		h.Results = append(h.Results, Timed{asr.Result{Kind: asr.Partial, Text: p, Segment: 1}, start.Add(time.Duration(i+1) * each)})
	}
	end := start.Add(time.Duration(len(shown)+1) * each)
	h.Results = append(h.Results, Timed{asr.Result{Kind: asr.Final, Raw: text, Text: text, Segment: 1}, end}, Timed{asr.Result{Kind: asr.TurnEnd}, end})
	return h
}

func words(text string, each time.Duration) []asr.Word {
	var out []asr.Word
	for i, w := range strings.Fields(text) {
		out = append(out, asr.Word{Text: w, Start: time.Duration(i) * each, End: time.Duration(i+1) * each})
	}
	return out
}

func TestLatency(t *testing.T) {
	start := time.Unix(100, 0)
	var l Latency
	// Words end at 100, 200, 300 ms. "two" is first shown wrong.
	l.Add(words("one two three", 100*time.Millisecond), reading(start, "one two three", 200*time.Millisecond, "one", "one too", "one two"))
	if len(l.FirstSeen) != 3 || l.FirstSeen[0] != 100 || l.FirstSeen[1] != 400 || l.FirstSeen[2] != 500 {
		t.Errorf("first seen %v", l.FirstSeen)
	}
	if l.Stable[0] != 100 || l.Stable[1] != 400 {
		t.Errorf("stable %v", l.Stable)
	}
	if len(l.Final) != 1 || l.Final[0] != 500 || l.FirstPartial[0] != 200 || l.Cut != 0 {
		t.Errorf("final %v first %v cut %d", l.Final, l.FirstPartial, l.Cut)
	}
	// Shown: one, too, two instead of it, three. Revised: too.
	if l.Shown != 4 || l.Revised != 1 || l.Partials != 3 || l.Changed != 1 {
		t.Errorf("shown %d revised %d partials %d changed %d", l.Shown, l.Revised, l.Partials, l.Changed)
	}
}

func TestCutTurnIsCounted(t *testing.T) {
	start := time.Unix(100, 0)
	var l Latency
	l.Add(words("one two three four five six seven eight", 100*time.Millisecond), reading(start, "one two", 100*time.Millisecond, "one"))
	if l.Turns != 1 || l.Cut != 1 {
		t.Errorf("turns %d cut %d", l.Turns, l.Cut)
	}
}

// A word that vanished again is stable only from its return on.
func TestWordThatComesBack(t *testing.T) {
	var l Latency
	l.Add(words("one two", 100*time.Millisecond), reading(time.Unix(1, 0), "one two", 100*time.Millisecond, "one two", "one", "one two"))
	if l.FirstSeen[1] != -100 || l.Stable[1] != 100 {
		t.Errorf("first %v stable %v", l.FirstSeen, l.Stable)
	}
}

func TestInterval(t *testing.T) {
	same := []Counts{{Words: 100, Sub: 10}, {Words: 100, Sub: 10}}
	if low, high := Interval(same); low != 10 || high != 10 {
		t.Errorf("%v %v", low, high)
	}
	low, high := Interval([]Counts{{Words: 100, Sub: 0}, {Words: 100, Sub: 20}, {Words: 100, Sub: 10}, {Words: 100, Sub: 12}})
	if low >= 10.5 || high <= 10.5 || low < 0 || high > 20 {
		t.Errorf("%v %v", low, high)
	}
}

func TestPercentile(t *testing.T) {
	v := []float64{4, 1, 3, 2}
	for q, want := range map[float64]float64{0: 1, 0.5: 2, 0.9: 4, 1: 4} {
		if got := percentile(v, q); got != want {
			t.Errorf("%v: %v want %v", q, got, want)
		}
	}
	if percentile(nil, 0.5) != 0 {
		t.Error("empty")
	}
}

func TestGroupsAndJSON(t *testing.T) {
	at := time.Unix(1, 0)
	results := []outcome{
		{item: Item{Corpus: "a", Speaker: "s", Lang: "en", Text: "twenty dollars please"}, heard: reading(at, "twenty dollars peas", time.Second)},
		{item: Item{Corpus: "b", Lang: "en", Text: "stop"}, heard: reading(at, "stop", time.Second)},
		{item: Item{Corpus: "b", Lang: "en", Text: "go"}, err: os.ErrNotExist},
		{item: Item{Corpus: "c", Lang: "zh", Text: "你好"}, err: asr.ErrNoModel},
	}
	rep := newReport(Options{Band: "telephone", Path: "frames"}, results, 1, time.Second)
	path := filepath.Join(t.TempDir(), "out.json")
	if err := WriteJSON(path, rep.figures); err != nil {
		t.Fatal(err)
	}
	data, _ := os.ReadFile(path)
	var m map[string]float64
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]float64{"a.wer_pct": 33.333, "a.wer_norm_pct": 50, "b.wer_pct": 0, "b.failed": 1, "all.wer_pct": 25, "skipped.files": 2, "calls.failed": 1} {
		if m[name] != want {
			t.Errorf("%s = %v want %v", name, m[name], want)
		}
	}
	var out bytes.Buffer
	rep.print(&out)
	for _, f := range rep.figures {
		if !strings.Contains(out.String(), f.Name) {
			t.Errorf("%s is not printed", f.Name)
		}
	}
}

func TestChineseIsCountedInCharacters(t *testing.T) {
	g := &group{bySpeaker: map[string]Counts{}}
	g.add(outcome{item: Item{Corpus: "zh", Lang: "zh", Text: "设定二十九度"}, heard: reading(time.Unix(1, 0), "设定 29 度", time.Second)})
	if g.raw.Words != 6 || g.raw.Errors() == 0 || g.norm.Errors() != 0 {
		t.Errorf("%+v %+v", g.raw, g.norm)
	}
}

func TestManifest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.jsonl")
	lines := `{"corpus":"a","id":"1","audio":"x.wav","lang":"en","speaker":null,"text":"one"}
{"corpus":"a","id":"2","audio":"y.wav","lang":"en","speaker":"s","text":null}

{"corpus":"b","id":"3","audio":"/z.wav","text":"three"}
`
	if err := os.WriteFile(path, []byte(lines), 0o644); err != nil {
		t.Fatal(err)
	}
	items, skipped, err := ReadManifest(path, "", 0)
	if err != nil || len(items) != 2 || skipped != 1 || items[0].Audio != filepath.Join(dir, "x.wav") || items[1].Audio != "/z.wav" {
		t.Fatal(items, skipped, err)
	}
	if items, _, err := ReadManifest(path, "b", 1); err != nil || len(items) != 1 {
		t.Fatal(items, err)
	}
	for name, text := range map[string]string{"none": "", "broken": "{", "no audio": `{"text":"a"}`} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadManifest(path, "", 0); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := ReadManifest(filepath.Join(dir, "absent"), "", 0); err == nil {
		t.Error("absent manifest")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{{}, {Manifest: "m", Band: "x", Path: "frames"}, {Manifest: "m", Band: "wide", Path: "x"}, {Manifest: "m", Band: "wide", Path: "call"}} {
		if err := ASR(context.Background(), o, &bytes.Buffer{}); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	var o Options
	fs := flag.NewFlagSet("asr", flag.ContinueOnError)
	o.Register(fs)
	if err := fs.Parse([]string{"--manifest", "m", "--band", "wide", "--limit", "3"}); err != nil || o.Limit != 3 || o.Path != "frames" {
		t.Error(err, o)
	}
}

// data finds the recordings beside the repository.
func data(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		p := filepath.Join(dir, "..", "shared", "data", "speech")
		if _, err := os.Stat(filepath.Join(p, "manifest.jsonl")); err == nil {
			return p
		}
	}
	t.Skip("no ../shared/data beside the repository: nothing to read")
	return ""
}

func TestReadAudio(t *testing.T) {
	dir := data(t)
	items, _, err := ReadManifest(filepath.Join(dir, "manifest.jsonl"), "", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		pcm, narrow, err := ReadAudio(it.Audio)
		if err != nil {
			t.Fatal(err)
		}
		if got := float64(len(pcm)) / audio.Rate; math.Abs(got-it.Seconds) > 0.01 || narrow != (it.SampleRate == 8000) {
			t.Errorf("%s: %.3f s want %.3f, narrow %v", it.ID, got, it.Seconds, narrow)
		}
	}
	if _, _, err := ReadAudio(filepath.Join(dir, "absent.flac")); err == nil {
		t.Error("absent file")
	}
}

// A file is read by what it holds, not by its name, and told to be narrow whatever stands before its format.
func TestReadAudioLooksInside(t *testing.T) {
	dir := t.TempDir()
	plain, odd := filepath.Join(dir, "a.wav"), filepath.Join(dir, "b.flac")
	writeWAV(t, plain, make([]int16, 800))
	data, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	data[24], data[25] = 0x40, 0x1f // 8 kHz
	data = append(append(append([]byte(nil), data[:12]...), "JUNK\x03\x00\x00\x00abc\x00"...), data[12:]...)
	if err := os.WriteFile(odd, data, 0o600); err != nil {
		t.Fatal(err)
	}
	pcm, narrow, err := ReadAudio(odd)
	if err != nil || !narrow || len(pcm) != 1600 {
		t.Errorf("%d samples, narrow %v, %v", len(pcm), narrow, err)
	}
}
