package main

import (
	"math"
	"math/rand/v2"
	"testing"

	"tingxin/asr/front"
)

// TestLearnsARelation trains on levels that follow one input.
func TestLearnsARelation(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	examples := make([]front.Example, 4000)
	for i := range examples {
		for k := range examples[i].In {
			examples[i].In[k] = float32(rng.NormFloat64())
		}
		for o := range examples[i].Out {
			examples[i].Out[o] = examples[i].In[o] - 0.5*examples[i].In[20]
		}
	}
	n := newNetwork(rng)
	var loss float64
	first := n.epoch(examples, 0.5, 0, 0.05, rng)
	for e := range 20 {
		loss = n.epoch(examples, 0.5, float64(e)/20, 0.05, rng)
	}
	if loss > first/3 {
		t.Errorf("error %.2f dB after %.2f", loss, first)
	}
	if len(n.bytes()) != 4*total {
		t.Error("size")
	}
}

func TestQuantileLeansToTheLoudSide(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	examples := make([]front.Example, 4000)
	for i := range examples {
		for o := range examples[i].Out {
			examples[i].Out[o] = float32(rng.NormFloat64())
		}
	}
	n := newNetwork(rng)
	for e := range 10 {
		n.epoch(examples, 0.8, float64(e)/10, 0.1, rng)
	}
	var sum float64
	for i := range examples {
		_, out := n.forward(&examples[i].In)
		sum += out[0]
	}
	if mean := sum / float64(len(examples)); mean < 0.1 || math.IsNaN(mean) {
		t.Errorf("predicts %.2f where the mean is 0", mean)
	}
}

func TestParseUse(t *testing.T) {
	m, err := parseUse("a=3,b=0.2")
	if err != nil || m["a"] != 3 || m["b"] != 0.2 {
		t.Error(m, err)
	}
	for _, bad := range []string{"", "a", "a=x", "a=-1"} {
		if _, err := parseUse(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
