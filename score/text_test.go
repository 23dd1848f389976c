package score

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tingxin/nlp/embed"
	"tingxin/race"
)

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// textOptions names the set-up's results as seen from here, or skips without them.
func textOptions(t *testing.T) TextOptions {
	t.Helper()
	root := ".."
	o := TextOptions{JSON: filepath.Join(t.TempDir(), "out.json"), Vectors: t.TempDir(),
		Embed: embed.Config{Runtime: filepath.Join(root, "build/onnxruntime/libonnxruntime.so"), Models: filepath.Join(root, "models")}}
	if err := o.Embed.Check(); err != nil {
		t.Skip(err)
	}
	return o
}

func figuresOf(t *testing.T, path string) map[string]float64 {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]float64
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAUCAndSpearman(t *testing.T) {
	for _, c := range []struct {
		yes, no []float64
		want    float64
	}{{[]float64{2, 3}, []float64{0, 1}, 1}, {[]float64{0}, []float64{1}, 0}, {[]float64{1, 1}, []float64{1}, 0.5}, {[]float64{3, 1}, []float64{2}, 0.5}, {nil, []float64{1}, 0}} {
		if got := AUC(c.yes, c.no); got != c.want {
			t.Errorf("AUC(%v, %v) = %v", c.yes, c.no, got)
		}
	}
	if got := Spearman([]float64{1, 2, 3, 4}, []float64{10, 100, 1000, 1e4}); got != 1 {
		t.Errorf("rising: %v", got)
	}
	// Ranks 1 2 3 4 and 1 2.5 2.5 4.
	if got := Spearman([]float64{1, 2, 3, 4}, []float64{0, 1, 1, 2}); math.Abs(got-4.5/math.Sqrt(5*4.5)) > 1e-12 {
		t.Errorf("with ties: %v", got)
	}
	if got := Spearman([]float64{1, 1}, []float64{1, 2}); got != 0 {
		t.Errorf("constant: %v", got)
	}
	c := newConfusion()
	for _, p := range [][2]string{{"a", "a"}, {"a", "b"}, {"b", "b"}, {"b", "b"}} {
		c.add(p[0], p[1])
	}
	if got, want := c.macroF1(), (2.0/3+4.0/5)/2; math.Abs(got-want) > 1e-12 {
		t.Errorf("macro F1 %v, want %v", got, want)
	}
	if got := calibrationError([]float64{0.95, 0.95, 0.15}, []bool{true, false, false}); math.Abs(got-(0.9+0.15)/3) > 1e-9 {
		t.Errorf("calibration error %v", got)
	}
	if got := otsu([]float64{0.1, 0.2, 0.15, 0.9, 0.8}); got != 0.8 {
		t.Errorf("otsu %v", got)
	}
}

func TestReadersSayWhatIsWrong(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a", "seq.in"), "one\ntwo\n")
	put(t, filepath.Join(dir, "a", "label"), "x\n")
	put(t, filepath.Join(dir, "b", "seq.in"), "one\n\ntwo\n")
	put(t, filepath.Join(dir, "b", "label"), "x\ny\n z \n")
	if _, err := ReadLabelled(filepath.Join(dir, "a")); err == nil || !strings.Contains(err.Error(), "2 lines") {
		t.Errorf("%v", err)
	}
	got, err := ReadLabelled(filepath.Join(dir, "b"))
	if err != nil || len(got) != 2 || got[1] != (Labelled{"two", "z"}) {
		t.Errorf("%v %v", got, err)
	}
	put(t, filepath.Join(dir, "oos", "b", "seq.in"), "strange\n")
	put(t, filepath.Join(dir, "oos", "b", "label"), "whatever\n")
	if got, err := readWithForeign(filepath.Join(dir, "b")); err != nil || len(got) != 3 || got[2].Label != "oos" {
		t.Errorf("%v %v", got, err)
	}
	path := put(t, filepath.Join(dir, "pairs"), "id\ta\tb\tlabel\n1\t你好\t您好\t1\nc\td\t0\n{\"sentence1\": \"e\", \"sentence2\": \"f\", \"label\": \"1\"}\n{\"sentence1\": \"e\", \"sentence2\": \"f\", \"label\": 3.5}\n")
	pairs, err := ReadPairs(path)
	if err != nil || len(pairs) != 4 || pairs[0] != (SentencePair{"你好", "您好", 1}) || pairs[2].Label != 1 || pairs[3].Label != 3.5 {
		t.Errorf("%v %v", pairs, err)
	}
	if _, err := ReadPairs(put(t, path, "a\tb\t1\nonly one column\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}

func TestSlotsCountsBothKindsOfMistakes(t *testing.T) {
	dir := t.TempDir()
	file := put(t, filepath.Join(dir, "u.tsv"), "# origin\nen\tcall me tomorrow\tdate=2026-03-12\nzh\t订单20250702001\torder=20250702001; amount=5 CNY\nen\tin 5 days\t\n")
	out := filepath.Join(dir, "out.json")
	var text bytes.Buffer
	if err := Slots(SlotOptions{File: file, Now: "2026-03-11T15:00", Zone: "Asia/Shanghai", JSON: out, Misses: true}, &text); err != nil {
		t.Fatal(err)
	}
	m := figuresOf(t, out)
	// Three expected, three found, two of them right.
	for name, want := range map[string]float64{"slots.order.f1": 1, "slots.amount.recall": 0, "slots.date.precision": 0.5, "slots.date.recall": 1, "slots.all.f1": 0.667, "slots.utterances": 3, "slots.exact_pct": 33.333} {
		if m[name] != want {
			t.Errorf("%s is %v, want %v", name, m[name], want)
		}
	}
	if !strings.Contains(text.String(), "missed [amount=5 CNY]") {
		t.Error(text.String())
	}
	if err := Slots(SlotOptions{File: put(t, file, "en\tx\tcolour=red\n"), Now: "2026-03-11T15:00", Zone: "UTC"}, &text); err == nil {
		t.Error("an unknown type was taken")
	}
}

// intentFolders writes a small set: three intents and texts without one.
func intentFolders(t *testing.T) (train, test string) {
	t.Helper()
	dir := t.TempDir()
	goods := []string{"jacket", "phone", "table", "lamp", "shoes", "camera", "bag", "watch", "chair", "kettle", "shirt", "fridge"}
	forms := map[string]string{"track": "where is the %s i bought", "refund": "i want my money back for the %s", "invoice": "please send me the invoice for the %s"}
	foreign := []string{"what is the weather", "play some music", "who won the match", "tell me a joke", "how tall is the tower", "translate hello"}
	var files [2][2]strings.Builder
	for label, form := range forms {
		for i, g := range goods {
			fmt.Fprintf(&files[i%2][0], form+"\n", g)
			files[i%2][1].WriteString(label + "\n")
		}
	}
	for i, f := range foreign {
		files[i%2][0].WriteString(f + "\n")
		files[i%2][1].WriteString("oos\n")
	}
	for i, name := range []string{"train", "test"} {
		put(t, filepath.Join(dir, name, "seq.in"), files[i][0].String())
		put(t, filepath.Join(dir, name, "label"), files[i][1].String())
	}
	return filepath.Join(dir, "train"), filepath.Join(dir, "test")
}

func TestIntentsFromFolders(t *testing.T) {
	if race.Enabled {
		t.Skip("only computes")
	}
	opts := IntentOptions{TextOptions: textOptions(t)}
	opts.Train, opts.Test = intentFolders(t)
	for range 2 { // the second time from the vectors on disk
		var text bytes.Buffer
		if err := Intents(t.Context(), opts, &text); err != nil {
			t.Fatal(err)
		}
		m := figuresOf(t, opts.JSON)
		if m["intents.accuracy_pct"] < 95 || m["intents.labels"] != 3 || m["intents.oos"] != 3 || m["intents.test"] != 21 || m["intents.oos_auroc"] < 0.9 {
			t.Errorf("%v", m)
		}
	}
	files, err := filepath.Glob(filepath.Join(opts.Vectors, "en-*.vec"))
	if err != nil || len(files) != 1 {
		t.Errorf("%v %v", files, err)
	}
	opts.Test = opts.Train
	if err := Intents(t.Context(), opts, &bytes.Buffer{}); err == nil {
		t.Error("tested on what was learnt")
	}
}
