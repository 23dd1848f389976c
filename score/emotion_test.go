package score

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tingxin/audio"
	"tingxin/emotion"
	"tingxin/race"
)

func TestEmotionFiguresByHand(t *testing.T) {
	list := []guess{
		{speaker: "a", truth: 0, p: []float32{0.9, 0.1}},
		{speaker: "a", truth: 0, p: []float32{0.6, 0.4}},
		{speaker: "b", truth: 0, p: []float32{0.3, 0.7}},
		{speaker: "b", truth: 1, p: []float32{0.45, 0.55}, unsure: true},
	}
	v := judge(list, 2, []int{1})
	near := func(name string, got, want float64) {
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	near("uar", v.uar, 100*(2.0/3+1)/2)
	near("accuracy", v.accuracy, 75)
	near("f1", v.f1, 100*(0.8+2.0/3)/2)
	near("auc", v.auc, 2.0/3) // .55 is above .1 and .4, below .7
	near("ece", v.ece, (math.Abs(0.9-1)+math.Abs(0.6-1)+math.Abs(0.7-0)+math.Abs(0.55-1))/4)
	near("brier", v.brier, 2*(0.01+0.16+0.49+0.2025)/4)
	near("precision", v.angerPrecision, 0) // the right one was not sure enough
	near("false", v.angerFalse, 100.0/3)
	if v.low > v.uar || v.high < v.uar {
		t.Errorf("interval %v - %v does not hold %v", v.low, v.high, v.uar)
	}
}

func TestReadSpokenRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no label column": "path\tspeaker\na.wav\t1\n",
		"no speaker":      "path\tspeaker\tlabel\na.wav\t\tangry\n",
		"nothing":         "path\tspeaker\tlabel\n",
	} {
		path := filepath.Join(t.TempDir(), "m.tsv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if list, err := ReadSpoken(path, ""); err == nil {
			t.Errorf("%s: read %+v", name, list)
		}
	}
}

// actor writes recordings of a synthetic voice: anger is higher and livelier, sadness
// lower and flat, each speaker with a pitch of its own.
func actor(t *testing.T, dir string, speaker int, base float64) (lines []string) {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(speaker), 7))
	for _, mood := range []struct {
		label        string
		pitch        float64
		range_, rate float64
	}{{"neutral", 1, 2, 3}, {"anger", 1.5, 7, 4.5}, {"sad", 0.85, 0.7, 2}} {
		for n := range 4 {
			pcm := make([]int16, audio.Rate*3/2)
			phase, state := 0.0, [2]float64{}
			start := rng.Float64()
			for i := range pcm {
				at := float64(i)/audio.Rate + start
				f := base * mood.pitch * math.Exp2(mood.range_/12*math.Sin(4*at))
				x := 0.02 * rng.NormFloat64()
				if phase += f / audio.Rate; phase >= 1 {
					phase--
					x++
				}
				y := x + 1.8*state[0] - 0.86*state[1]
				state[1], state[0] = state[0], y
				pcm[i] = int16(max(-30000, min(30000, 3000*y*(0.3+math.Abs(math.Sin(math.Pi*mood.rate*at))))))
			}
			name := fmt.Sprintf("%d-%s-%d.wav", speaker, mood.label, n)
			writeWAV(t, filepath.Join(dir, name), pcm)
			lines = append(lines, fmt.Sprintf("made\t%s\t%d\t%s", name, speaker, mood.label))
		}
	}
	return lines
}

func writeWAV(t *testing.T, path string, pcm []int16) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data")
	for _, v := range []any{uint32(2 * len(pcm)), pcm} {
		if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestEmotionOfASyntheticCorpus goes the whole way: recordings, training of a model,
// scores of speakers left out and of the trained model, figures in a file.
func TestEmotionOfASyntheticCorpus(t *testing.T) {
	if race.Enabled {
		t.Skip("only computes")
	}
	dir := t.TempDir()
	lines := []string{"corpus\tpath\tspeaker\tlabel"}
	for s, base := range []float64{105, 130, 190, 220} {
		lines = append(lines, actor(t, dir, s, base)...)
	}
	manifest, model, figures := filepath.Join(dir, "m.tsv"), filepath.Join(dir, "m.model"), filepath.Join(dir, "f.json")
	if err := os.WriteFile(manifest, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	opts := EmotionOptions{Manifest: manifest, Band: "telephone", Protocol: "loso", Task: "labels", JSON: figures}
	if err := Emotion(context.Background(), opts, &out); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(figures)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if got["made.labels.full.uar_pct"] < 80 || got["made.labels.full.anger_auc"] < 0.9 || got["made.labels.none.files"] != 48 || got["made.labels.first.files"] >= 48 {
		t.Errorf("figures: %v", got)
	}
	if err := TrainEmotion(context.Background(), TrainOptions{Manifest: manifest, Out: model, Name: "made"}, &out); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(model)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m, err := emotion.ReadModel(f); err != nil || !strings.HasPrefix(m.Version(), "made-") {
		t.Errorf("the trained model: %v", err)
	}
	opts.Protocol, opts.Task, opts.Model = "model", "four", model
	if err := Emotion(context.Background(), opts, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "model made-") {
		t.Errorf("the table does not name the model:\n%s", out.String())
	}
}

// TestPoolTeachesAndIsNotTested: two corpora, one of which only helps.
func TestPoolTeachesAndIsNotTested(t *testing.T) {
	if race.Enabled {
		t.Skip("only computes")
	}
	dir := t.TempDir()
	lines := []string{"corpus\tpath\tspeaker\tlabel"}
	for s, base := range []float64{105, 190, 130, 220} {
		of := actor(t, dir, s, base)
		for i := range of {
			if s > 1 {
				of[i] = "else" + strings.TrimPrefix(of[i], "made")
			}
		}
		lines = append(lines, of...)
	}
	manifest, figures := filepath.Join(dir, "m.tsv"), filepath.Join(dir, "f.json")
	if err := os.WriteFile(manifest, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	opts := EmotionOptions{Manifest: manifest, Corpus: "made", Pool: "else", Band: "both", Protocol: "loso", Task: "four", Features: "88", JSON: figures, Cache: filepath.Join(dir, "cache")}
	got := map[string]float64{}
	run := func() string {
		t.Helper()
		var out bytes.Buffer
		if err := Emotion(context.Background(), opts, &out); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(figures)
		if err != nil {
			t.Fatal(err)
		}
		clear(got)
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	text := run()
	if got["telephone.made.four.none.files"] != 24 || got["wide.made.four.none.uar_pct"] < 60 || !strings.Contains(text, "trained on else too") {
		t.Errorf("%v\n%s", got, text)
	}
	if loss := got["wide.made.four.none.uar_pct"] - got["telephone.made.four.none.uar_pct"]; math.Abs(loss-got["loss.made.four.none_points"]) > 0.002 {
		t.Errorf("loss %v, figures %v", loss, got)
	}
	for name := range got {
		if strings.Contains(name, ".else.") {
			t.Errorf("%s: what is pooled was tested", name)
		}
	}
	before := got["telephone.made.four.none.anger_auc"]
	run() // from the cache
	if got["telephone.made.four.none.anger_auc"] != before {
		t.Errorf("from the cache %v, before %v", got["telephone.made.four.none.anger_auc"], before)
	}
	for pool, want := range map[string]string{"none": "no corpus", "made": "is what is tested"} {
		opts.Pool = pool
		if err := Emotion(context.Background(), opts, &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--pool %s: %v", pool, err)
		}
	}
}

// A label that counts as anger beside another one was taken for the rest, whichever came first in the manifest.
func TestSeveralLabelsOfAngerAreOne(t *testing.T) {
	own := []measured{{Spoken: Spoken{Label: "frustrated", Class: emotion.Angry}}, {Spoken: Spoken{Label: "anger", Class: emotion.Angry}}, {Spoken: Spoken{Label: "sad", Class: emotion.Sad}}}
	task := labelTask("x", own)
	if len(task.anger) != 2 {
		t.Fatalf("labels of anger: %v of %v", task.anger, task.names)
	}
	// anger, frustrated, sad
	v := judge([]guess{{truth: 0, p: []float32{.3, .4, .3}}, {truth: 1, p: []float32{.35, .25, .4}}, {truth: 2, p: []float32{.1, .35, .55}}}, 3, task.anger)
	if v.auc != 1 || v.angry != 2 || v.angerSaid != 2 || v.angerPrecision != 100 || v.angerCoverage != 100 {
		t.Errorf("%+v, want anger of either name found and told from the rest", v)
	}
}

// Labels of which none is anger are told apart like any others.
func TestLabelsWithoutAnger(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	var own []measured
	for i := range 24 {
		x := make([]float32, 12)
		for j := range x {
			x[j] = float32(rng.NormFloat64() + 3*float64(i%2*(j%2)))
		}
		own = append(own, measured{Spoken: Spoken{Path: fmt.Sprint(i), Speaker: fmt.Sprint(i / 8), Label: []string{"x", "y"}[i%2], Class: emotion.Other}, x: x})
	}
	list, err := labelTask("made", own).loso(context.Background(), "none", 1)
	if err != nil || len(list) != 24 {
		t.Fatalf("%d guesses, %v", len(list), err)
	}
	if v := judge(list, 2, nil); v.uar < 80 || v.auc >= 0 {
		t.Errorf("%+v", v)
	}
}

// What cannot be known is not printed as a zero, nor one speaker's spread as certain.
func TestWhatDoesNotOccurHasNoFigure(t *testing.T) {
	task := classTask("x", "four", []measured{{Spoken: Spoken{Class: emotion.Neutral, Speaker: "1"}}})
	rep := &emotionReport{opts: EmotionOptions{Protocol: "model"}}
	rep.add(task, "none", []guess{{speaker: "1", p: []float32{.7, .1, .1, .1}}})
	var out bytes.Buffer
	rep.print(&out)
	for _, f := range rep.figures() {
		for _, no := range []string{"recall.angry", "_low", "_high", "anger_precision", "anger_coverage", "anger_auc"} {
			if strings.Contains(f.Name, no) {
				t.Errorf("%s %v", f.Name, f.Value)
			}
		}
	}
	if text := out.String(); strings.Contains(text, "angry 0.0") || strings.Contains(text, "100.0 - 100.0") || !strings.Contains(text, "neutral 100.0") {
		t.Error(text)
	}
}

// Silence that somebody labelled angry taught that silence is anger.
func TestSilenceTeachesNothing(t *testing.T) {
	dir := t.TempDir()
	mute, full := filepath.Join(dir, "mute.wav"), filepath.Join(dir, "full.wav")
	writeWAV(t, mute, make([]int16, 2*audio.Rate))
	actor(t, dir, 1, 120)
	if err := os.Rename(filepath.Join(dir, "1-anger-0.wav"), full); err != nil {
		t.Fatal(err)
	}
	list := []Spoken{{Path: mute, Line: 2, Label: "angry", Class: emotion.Angry}, {Path: full, Line: 3, Label: "angry", Class: emotion.Angry}}
	got, silent, err := examplesOf(context.Background(), list, emotion.Eighty8, 1)
	if err != nil || silent != 1 || len(got) != len(conditions) {
		t.Errorf("%d examples, %d recordings mute, %v", len(got), silent, err)
	}
	for n, want := range map[int]int{1: 4, mostExamples / 4: 4, mostExamples / 2: 2, mostExamples: 1} {
		if got := ways(n); got != want {
			t.Errorf("%d recordings are heard in %d ways, want %d", n, got, want)
		}
	}
}

// What is wrong with a recording is told with its line, and all that are not there at once, before the rest is heard.
func TestRecordingsThatCannotBeHeard(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good.wav")
	writeWAV(t, good, make([]int16, audio.Rate))
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"cut.wav": data[:4000], "empty.wav": nil, "cut.flac": []byte("fLaC\x00\x00"), "nothing.wav": data[:44]} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for rows, want := range map[string]string{
		"cut.wav\t1\tangry\n":                                  "line 3: " + filepath.Join(dir, "cut.wav") + " is cut off",
		"empty.wav\t1\tangry\n":                                "line 3: " + filepath.Join(dir, "empty.wav") + " is empty",
		"cut.flac\t1\tangry\n":                                 "line 3: " + filepath.Join(dir, "cut.flac") + " is no FLAC file",
		"nothing.wav\t1\tangry\n":                              "cut off",
		"no.wav\t2\tsad\ncut.wav\t1\tangry\nnor.wav\t3\tsad\n": "line 3: " + filepath.Join(dir, "no.wav") + "; line 5: " + filepath.Join(dir, "nor.wav"),
	} {
		manifest := filepath.Join(dir, "m.tsv")
		if err := os.WriteFile(manifest, []byte("path\tspeaker\tlabel\ngood.wav\t1\tneutral\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		err := Emotion(context.Background(), EmotionOptions{Manifest: manifest, Band: "wide", Protocol: "model", Parallel: 1}, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", rows, err, want)
		}
	}
}

// A manifest that nothing can be learnt from is refused before its recordings are heard.
func TestTeachable(t *testing.T) {
	row := func(speaker, label string, n int) (list []Spoken) {
		class, _ := emotion.ParseClass(label)
		for range n {
			list = append(list, Spoken{Speaker: speaker, Label: label, Class: class})
		}
		return list
	}
	for want, list := range map[string][]Spoken{
		"one speaker":           append(row("1", "angry", 1), row("1", "sad", 1)...),
		"recordings are angry":  append(row("1", "angry", 1), row("2", "anger", 1)...),
		"at most 12000; take a": append(row("1", "angry", mostExamples), row("2", "sad", 1)...),
		"":                      append(row("1", "angry", 1), row("2", "sad", 1)...),
	} {
		if err := teachable(list); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
