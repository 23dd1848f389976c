package emotion

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestKnownTakesWhatTellsApart: where the classes lie in the z-scores as they are, those count;
// where they lie in what differs from the speaker's norm only, they do not.
func TestKnownTakesWhatTellsApart(t *testing.T) {
	for _, tc := range []struct {
		name  string
		heard float32 // how far the classes lie apart as they are
		own   float32 // and less the speaker's norm
		voice float32 // how far the speakers do, as they are
		want  float32
	}{{"as they are", 1, 0, 0, asHeard}, {"less the norm", 0, 1, 4, 0}} {
		rng := rand.New(rand.NewPCG(8, 1))
		var z, own [][]float32
		var y []int
		var who []string
		var voice [20]float32
		for i := range 160 {
			for j := range voice {
				if i%20 == 0 {
					voice[j] = tc.voice * float32(rng.NormFloat64())
				}
			}
			a, b := make([]float32, 20), make([]float32, 20)
			for j := range a {
				a[j] = float32(rng.NormFloat64()) + voice[j] + tc.heard*float32(i%2)
				b[j] = float32(rng.NormFloat64()) + tc.own*float32(i%2)
			}
			z, own, y, who = append(z, a), append(own, b), append(y, i%2), append(who, fmt.Sprint(i/20))
		}
		c, share, held, err := FitKnown(z, own, y, who, 2, FitOptions{})
		if err != nil || share != tc.want || len(held) != 160 {
			t.Fatalf("%s: share %v, want %v (%v)", tc.name, share, tc.want, err)
		}
		p := make([]float32, 2)
		right := 0
		for i := range z {
			c.Predict(Beside(z[i], own[i], share), p)
			if (p[1] > p[0]) == (y[i] == 1) {
				right++
			}
		}
		if right < 130 {
			t.Errorf("%s: %d of 160 right", tc.name, right)
		}
	}
}
