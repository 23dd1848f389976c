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
)

func TestEmotionFiguresByHand(t *testing.T) {
	list := []guess{
		{speaker: "a", truth: 0, p: []float32{0.9, 0.1}},
		{speaker: "a", truth: 0, p: []float32{0.6, 0.4}},
		{speaker: "b", truth: 0, p: []float32{0.3, 0.7}},
		{speaker: "b", truth: 1, p: []float32{0.45, 0.55}, unsure: true},
	}
	v := judge(list, 2, 1)
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
