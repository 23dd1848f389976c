package score

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tingxin/emotion"
)

func TestClassesOfAManifest(t *testing.T) {
	list := []Spoken{
		{Path: "a", Label: "Wut", Class: emotion.Other}, {Path: "b", Label: "ruhig", Class: emotion.Other},
		{Path: "c", Label: "fear", Class: emotion.Other, Known: true}, {Path: "d", Label: "sad", Class: emotion.Sad, Known: true},
	}
	for text, want := range map[string]string{
		"":                              "sad = sad; other = Wut (unknown word), fear, ruhig (unknown word)",
		"wut=angry, ruhig=neutral,fear": "neutral = neutral; angry = angry; other = fear",
		"sad=blue,fear":                 "other = blue (unknown word), fear",
	} {
		classes, err := parseClasses(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := choose(list, classes)
		if err != nil || mapping(got) != want {
			t.Errorf("%q: %q (%v), want %q", text, mapping(got), err, want)
		}
	}
	for _, text := range []string{"wut=", "=angry", "wut,,fear", "wut,WUT=angry", strings.Repeat("x,", mostClasses) + "y"} {
		if _, err := parseClasses(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	if _, err := choose(list, []relabel{{"joy", "joy"}}); err == nil || !strings.Contains(err.Error(), "ruhig") {
		t.Errorf("a label that nothing has: %v", err)
	}
}

func TestReadSpokenSaysWhatIsWrong(t *testing.T) {
	const head = "corpus\tpath\tspeaker\tlabel\n"
	for text, want := range map[string]string{
		"path,speaker,label\na.wav,1,sad\n":               "separated by tabs",
		"\xff\xfep\x00a\x00t\x00h\x00\n\x00":              "no text in UTF-8",
		"path\tlabel\tspeaker\tlabel\n":                   `"label" twice`,
		head + "x\ta.wav\t1\tsad\ny\tb.wav\t1\n":          "line 3: it has no label",
		head + "x\ta.wav\t1\tsad\n\nx\ta.wav\t2\tangry\n": "line 4: ",
		head + "x\ta.wav\t1\tsad\ny\tb.wav\t1\tsad\n":     "it has x, y",
		head: "lists no recording",
		"":   "lists no recording",
	} {
		path := filepath.Join(t.TempDir(), "m.tsv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSpoken(path, "none of them"[:4*strings.Count(text, "y\tb.wav\t1\tsad")]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

// Labels that differ in capitals only were classes of their own.
func TestLabelsInCapitalsAreTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.tsv")
	if err := os.WriteFile(path, []byte("\ufeffLabel\tSpeaker\tPath\r\nAnger\t1\ta.wav\r\nANGER\t2\tb.wav\r\nanger\t1\tc.wav\r\nHot_Anger\t1\td.wav\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := ReadSpoken(path, "")
	if err != nil {
		t.Fatal(err)
	}
	if got := labelsOf(list); !slices.Equal(got, []string{"Anger", "Hot_Anger"}) || list[2].Line != 4 {
		t.Errorf("labels %v, %+v", got, list)
	}
	if got := mapping(list); got != "angry = Anger, Hot_Anger" {
		t.Error(got)
	}
}

// FuzzReadSpoken: a manifest is somebody else's file.
func FuzzReadSpoken(f *testing.F) {
	f.Add("corpus\tpath\tspeaker\tlabel\tlabel4\nx\ta.wav\t1\tfear\tother\n")
	f.Add("\ufeffpath\tspeaker\tlabel\r\na.wav\t1\tsad\r\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(dir, "m.tsv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		list, err := ReadSpoken(path, "")
		if err != nil {
			return
		}
		for _, s := range list {
			if s.Path == "" || s.Speaker == "" || s.Label == "" || s.Corpus == "" || s.Class >= emotion.Unsure {
				t.Fatalf("%q gave %+v", text, s)
			}
		}
	})
}

// TestTasks: labels that are the four classes are asked once, what is more makes a row of
// its own, and half of each neutral label stays to be tested.
func TestTasks(t *testing.T) {
	var all []measured
	add := func(corpus, label string, seconds float64) {
		s := Spoken{Corpus: corpus, Path: corpus + string(rune('a'+len(all))), Speaker: "1", Label: label}
		s.Class, s.Known = emotion.ParseClass(label)
		all = append(all, measured{Spoken: s, seconds: seconds})
	}
	for _, label := range []string{"neutral", "anger", "sadness"} {
		add("x", label, 2)
	}
	for _, label := range []string{"neutral", "neutral", "neutral", "calm", "calm", "anger", "fear"} {
		add("y", label, 2)
	}
	var names []string
	for _, task := range tasks(all, "") {
		names = append(names, task.corpus+" "+task.title())
		if task.corpus == "y" && task.name == "labels" {
			first := []bool{task.first[0], task.first[1], task.first[2], task.first[3], task.first[4]}
			if !slices.Equal(first, []bool{true, false, false, true, false}) {
				t.Errorf("first recordings %v", first)
			}
		}
	}
	if want := []string{"x four", "y labels", "y four", "y 4 + other"}; !slices.Equal(names, want) {
		t.Errorf("tasks %v, want %v", names, want)
	}
}

func TestDifferenceByHand(t *testing.T) {
	yes, no := []float32{0, 1}, []float32{1, 0}
	a := []guess{{speaker: "a", truth: 1, p: yes}, {speaker: "a", truth: 0, p: no}, {speaker: "b", truth: 1, p: no}, {speaker: "b", truth: 0, p: no}}
	b := []guess{{speaker: "a", truth: 1, p: yes}, {speaker: "a", truth: 0, p: no}, {speaker: "b", truth: 1, p: yes}, {speaker: "b", truth: 0, p: no}}
	if d := difference(a, b, 2); math.Abs(d.value-25) > 1e-9 || d.low != 0 || d.high != 50 {
		t.Errorf("%+v, want 25, from 0 (speaker a alone) to 50 (b alone)", d)
	}
	if d := difference(a, a, 2); d != (points{}) {
		t.Errorf("a figure differs from itself by %+v", d)
	}
}

func TestCacheKnowsItsRecordings(t *testing.T) {
	dir := t.TempDir()
	path, wav := filepath.Join(dir, "features"), filepath.Join(dir, "a.wav")
	writeWAV(t, wav, make([]int16, 1600))
	s := Spoken{Path: wav}
	open := func() *measureCache {
		c, err := openCache(path, emotion.Eighty8)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	c.keep(c.key(s, "wide", false), kept{X: make([]float32, 88), Voiced: 1.5, Seconds: 2})
	c.keep("short", kept{X: make([]float32, 87)})
	if err := c.save(); err != nil {
		t.Fatal(err)
	}
	c = open()
	if k, ok := c.find(c.key(s, "wide", false)); !ok || k.Voiced != 1.5 {
		t.Errorf("kept %+v, %v", k, ok)
	}
	for name, key := range map[string]string{"another band": c.key(s, "telephone", false), "other features": "short", "no file": c.key(Spoken{Path: wav + "x"}, "wide", false)} {
		if _, ok := c.find(key); ok {
			t.Errorf("%s was found", name)
		}
	}
	writeWAV(t, wav, make([]int16, 3200))
	if _, ok := c.find(c.key(s, "wide", false)); ok {
		t.Error("a recording that changed was found")
	}
	if err := os.WriteFile(path, []byte("not a cache"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c = open(); len(c.items) != 0 {
		t.Error("a broken file gave items")
	}
	var none *measureCache
	none.keep("x", kept{})
	if _, ok := none.find("x"); ok || none.save() != nil {
		t.Error("no cache keeps something")
	}
}
