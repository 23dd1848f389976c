package emotion

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// examples are drawn around a centre for each class, with a voice of its own per speaker.
func examples(speakers, each int) (list []Example) {
	rng := rand.New(rand.NewPCG(3, 4))
	centres := make([][]float32, 4)
	draw := func(sd float32) []float32 {
		x := make([]float32, Features)
		for i := range x {
			x[i] = sd * float32(rng.NormFloat64())
		}
		return x
	}
	for k := range centres {
		centres[k] = draw(0.5)
	}
	for s := range speakers {
		voice := draw(1)
		for n := range each {
			k := n % len(centres)
			x := draw(1)
			for i := range x {
				x[i] += voice[i] + centres[k][i]
			}
			list = append(list, Example{X: x, Seconds: 2, Class: Class(k), Label: Class(k).String(), Speaker: fmt.Sprint(s)})
		}
	}
	return list
}

func file(t *testing.T, m *Model) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := m.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("wrote %d of %d: %v", n, b.Len(), err)
	}
	return b.Bytes()
}

func TestTrainingIsTheSameTwice(t *testing.T) {
	list := examples(4, 12)
	a, err := Train("same", list)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Train("same", list)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(file(t, a), file(t, b)) || a.Version() != b.Version() {
		t.Error("two models of the same examples differ")
	}
	list[0].X[0] += 3
	if c, err := Train("same", list); err != nil || c.Version() == a.Version() {
		t.Errorf("another example, the same version %s (%v)", a.Version(), err)
	}
}

// TestTrainingHearsAStranger checks on a speaker who was left out, and that what is known
// of the voice helps.
func TestTrainingHearsAStranger(t *testing.T) {
	list := examples(8, 24)
	cut := len(list) - 24
	m, err := Train("left out", list[:cut])
	if err != nil {
		t.Fatal(err)
	}
	var b Baseline
	right, known := 0, 0
	for _, e := range list[cut:] {
		if e.Class == Neutral {
			m.Learn(&b, e.X, 4)
		}
	}
	for _, e := range list[cut:] {
		if best(m.Classify(e.X, nil).P) == e.Class {
			right++
		}
		if best(m.Classify(e.X, &b).P) == e.Class {
			known++
		}
	}
	t.Logf("of 24: stranger %d, known %d right", right, known)
	if right < 10 || known < 20 {
		t.Errorf("of 24: stranger %d, known %d right", right, known)
	}
}

func best(p [Classes]float32) Class {
	k := Neutral
	for i, v := range p {
		if v > p[k] {
			k = Class(i)
		}
	}
	return k
}

func TestTrainingRefuses(t *testing.T) {
	list := examples(2, 8)
	for name, bad := range map[string][]Example{
		"nothing":       nil,
		"one speaker":   list[:8],
		"one class":     {list[0], list[8]},
		"no features":   append([]Example{{Class: Angry, Speaker: "x"}}, list...),
		"unsure as one": append([]Example{{X: list[0].X, Class: Unsure, Speaker: "x"}}, list...),
	} {
		if _, err := Train("bad", bad); err == nil {
			t.Errorf("%s: trained", name)
		}
	}
	if _, err := Train(strings.Repeat("x", 65), list); err == nil {
		t.Error("a name of 65 characters was taken")
	}
}

func TestModelFileRoundTrip(t *testing.T) {
	m, err := Train("round", examples(3, 8))
	if err != nil {
		t.Fatal(err)
	}
	data := file(t, m)
	got, err := ReadModel(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(m, got) {
		t.Error("the model that was read differs")
	}
	for _, n := range []int{0, 5, 9, 40, len(data) / 2, len(data) - 1} {
		if _, err := ReadModel(bytes.NewReader(data[:n])); err == nil {
			t.Errorf("the first %d bytes were read as a model", n)
		}
	}
}

func TestDefaultModelIsTheShippedOne(t *testing.T) {
	if v := Default().Version(); !strings.HasPrefix(v, "emodb-") {
		t.Errorf("version %q", v)
	}
	if !bytes.Equal(file(t, Default()), defaultFile) {
		t.Error("the shipped file does not survive reading and writing")
	}
}

func FuzzReadModel(f *testing.F) {
	m, err := Train("fuzz", examples(2, 4))
	if err != nil {
		f.Fatal(err)
	}
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(modelMark + "\x01x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ReadModel(bytes.NewReader(data))
		if err != nil {
			return
		}
		r := m.Classify(make([]float32, Features), nil)
		for _, p := range r.P {
			if p != p {
				t.Fatal("a model that was accepted gives no number")
			}
		}
	})
}

func FuzzBaseline(f *testing.F) {
	var b Baseline
	b.Learn(make([]float32, Features), 3)
	data, _ := b.MarshalBinary()
	f.Add(data)
	f.Add([]byte(baselineMark))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b Baseline
		if b.UnmarshalBinary(data) != nil {
			return
		}
		again, err := b.MarshalBinary()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("accepted, but written differently (%v)", err)
		}
	})
}

func TestBaselineLearnsAndIsKept(t *testing.T) {
	var b Baseline
	z := make([]float32, Features)
	for i := range z {
		z[i] = 1
	}
	if b.Learned() != 0 {
		t.Error("an empty baseline is learned")
	}
	b.Learn(z, 2)
	got := append([]float32(nil), z...)
	b.Apply(got, nil)
	if got[0] != 0.5 { // as much as the norm of all speakers
		t.Errorf("after two seconds %v is left of 1, want 0.5", got[0])
	}
	for range 100 {
		b.Learn(z, 10)
	}
	if b.Seconds() > mostSeconds+1e-3 || b.Learned() != 1 {
		t.Errorf("%v s, learned %v", b.Seconds(), b.Learned())
	}
	data, err := b.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var kept Baseline
	if err := kept.UnmarshalBinary(data); err != nil || !reflect.DeepEqual(b, kept) {
		t.Errorf("kept baseline differs: %v", err)
	}
}
