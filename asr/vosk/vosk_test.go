package vosk

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

const (
	staticDir  = "../../models/vosk-en-static"
	dynamicDir = "../../models/vosk-en"
)

// open loads a model, or skips when it is not there.
func open(t *testing.T, dir string) *Model {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "am", "final.mdl")); err != nil {
		t.Skipf("no model in %s: run make setup", dir)
	}
	m, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Free)
	return m
}

// speech says "he was not an ill disposed young man".
func speech(t *testing.T) []int16 {
	b, err := os.ReadFile("../../testdata/voice/sense-2.wav")
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, (len(b)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	return pcm
}

func hear(t *testing.T, r *Recognizer) Result {
	t.Helper()
	pcm := speech(t)
	for len(pcm) > 0 {
		n := min(1600, len(pcm))
		if _, err := r.Accept(pcm[:n]); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[n:]
	}
	res, err := r.Last()
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestWrongFolders(t *testing.T) {
	empty := t.TempDir()
	half := t.TempDir()
	for _, f := range []string{"am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/HCLG.fst"} {
		_ = os.MkdirAll(filepath.Dir(filepath.Join(half, f)), 0o755)
		_ = os.WriteFile(filepath.Join(half, f), []byte("x"), 0o644)
	}
	for dir, want := range map[string]string{"/nowhere": "no folder", empty: "am/final.mdl", half: "words.txt"} {
		if _, err := Open(dir); !errors.Is(err, ErrNoModel) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", dir, err, want)
		}
	}
	// Looks whole, is not: the library gives NULL.
	_ = os.WriteFile(filepath.Join(half, "graph/words.txt"), []byte("x"), 0o644)
	if _, err := Open(half); err == nil {
		t.Error("broken model loaded")
	}
}

func TestFreeSpeech(t *testing.T) {
	m := open(t, staticDir)
	if m.Graph() != Static || !m.Knows("young") || m.Knows("xyzzyx") || m.Knows("") || m.Knows("a\x00b") {
		t.Error("graph or vocabulary")
	}
	r, err := m.NewRecognizer()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Free()
	if p, err := r.Partial(); p != "" || err != nil {
		t.Errorf("partial before audio: %q %v", p, err)
	}
	res := hear(t, r)
	if !strings.HasPrefix(res.Text, "he was not") || !strings.HasSuffix(res.Text, "disposed young man") || len(res.Words) != len(strings.Fields(res.Text)) {
		t.Fatalf("heard %+v", res)
	}
	if w := res.Words[0]; w.Text != "he" || w.Start < 0.1 || w.End > 0.6 || w.Conf <= 0 {
		t.Errorf("first word %+v", w)
	}
	if _, err := m.NewRecognizer("yes"); !errors.Is(err, ErrNoPhrases) {
		t.Errorf("phrase list on a static graph: %v", err)
	}
}

func TestStates(t *testing.T) {
	m := open(t, staticDir)
	r, err := m.NewRecognizer()
	if err != nil {
		t.Fatal(err)
	}
	hear(t, r)
	if _, err := r.Accept(make([]int16, 1600)); !errors.Is(err, ErrEnded) {
		t.Errorf("audio after the last result: %v", err)
	}
	if _, err := r.Result(); !errors.Is(err, ErrEnded) {
		t.Errorf("result after the last result: %v", err)
	}
	r.Free()
	r.Free()
	if _, err := r.Accept(make([]int16, 1600)); !errors.Is(err, ErrFreed) {
		t.Errorf("audio after free: %v", err)
	}
	if _, err := r.Partial(); !errors.Is(err, ErrFreed) {
		t.Errorf("partial after free: %v", err)
	}
}

func TestModelFreedUnderRecogniser(t *testing.T) {
	m := open(t, staticDir)
	r, err := m.NewRecognizer()
	if err != nil {
		t.Fatal(err)
	}
	m.Free()
	m.Free()
	if res := hear(t, r); !strings.Contains(res.Text, "young man") {
		t.Errorf("heard %q", res.Text)
	}
	r.Free()
	if _, err := m.NewRecognizer(); !errors.Is(err, ErrFreed) {
		t.Errorf("recogniser of a freed model: %v", err)
	}
	if m.Knows("young") {
		t.Error("a freed model knows a word")
	}
}

func TestPhraseLists(t *testing.T) {
	m := open(t, dynamicDir)
	for _, list := range [][]string{{""}, {"  "}, {"xyzzyx"}, {"[unk]"}, {"", "xyzzyx qwrtz"}} {
		if _, err := m.NewRecognizer(list...); !errors.Is(err, ErrPhrases) {
			t.Errorf("%q: %v", list, err)
		}
	}
	r, err := m.NewRecognizer("Young Man", "old woman xyzzyx")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Free()
	if err := r.SetPhrases(nil); !errors.Is(err, ErrPhrases) {
		t.Errorf("empty list: %v", err)
	}
	if err := r.SetPhrases([]string{"ill disposed young man"}); err != nil {
		t.Fatal(err)
	}
	pcm := speech(t)
	if _, err := r.Accept(pcm[:1600]); err != nil {
		t.Fatal(err)
	}
	if err := r.SetPhrases([]string{"yes"}); !errors.Is(err, ErrStarted) {
		t.Errorf("list after audio: %v", err)
	}
	res := hear(t, r)
	for _, w := range strings.Fields(res.Text) {
		if !strings.Contains("ill disposed young man [unk]", w) {
			t.Errorf("%q is not in the list: %q", w, res.Text)
		}
	}
	if !strings.Contains(res.Text, "young man") {
		t.Errorf("heard %q", res.Text)
	}
}

func TestRecognisersShareAModel(t *testing.T) {
	m := open(t, staticDir)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			r, err := m.NewRecognizer()
			if err != nil {
				t.Error(err)
				return
			}
			defer r.Free()
			if res := hear(t, r); !strings.Contains(res.Text, "young man") {
				t.Errorf("heard %q", res.Text)
			}
		})
	}
	wg.Wait()
}

func FuzzParse(f *testing.F) {
	f.Add(`{"text" : ""}`)
	f.Add(`{"result":[{"conf":1.0,"end":0.5,"start":0.2,"word":"he"}],"text":"he"}`)
	f.Add(`{"alternatives":[{"confidence":197.6,"text":"x"}]}`)
	f.Fuzz(func(t *testing.T, s string) { _, _ = parse(s) })
}
