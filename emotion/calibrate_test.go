package emotion

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestCalibrationFindsShifts draws classes from the softmax of known shifts and sharpness.
func TestCalibrationFindsShifts(t *testing.T) {
	const sharp = 3
	shift := []float64{0.8, 0, -0.8}
	rng := rand.New(rand.NewPCG(2, 5))
	var score [][]float32
	var y []int
	var who []string
	for i := range 6000 {
		s, p, sum := make([]float32, 3), make([]float64, 3), 0.0
		for k := range s {
			s[k] = rng.Float32() - 0.5
			p[k] = math.Exp(sharp*float64(s[k]) + shift[k])
			sum += p[k]
		}
		at, k := rng.Float64()*sum, 0
		for ; k < 2 && at > p[k]; k++ {
			at -= p[k]
		}
		if i%7 == 0 {
			s = nil // not held out
		}
		score, y, who = append(score, s), append(y, k), append(who, fmt.Sprint(i%fewCalibrators))
	}
	gotSharp, got := calibrate(score, y, who, 3)
	c := &Classifier{classes: 3, sharp: gotSharp, shift: got}
	if math.Abs(float64(gotSharp)-sharp) > 0.35 || math.Abs(float64(got[0]-got[2])-1.6) > 0.35 {
		t.Errorf("sharpness %v, shifts %v; want %v, %v", gotSharp, got, sharp, shift)
	}
	var mean, said [3]float64
	n := 0.0
	for i, s := range score {
		if s == nil {
			continue
		}
		p := append([]float32(nil), s...)
		c.softmax(p)
		for k, v := range p {
			mean[k] += float64(v)
		}
		said[y[i]]++
		n++
	}
	for k := range mean { // but for the penalty, a class is as probable as it is frequent
		if off := (mean[k]-said[k])/n + 2*shiftPenalty*float64(got[k]); math.Abs(off) > 1e-4 {
			t.Errorf("class %d: probabilities add up to %.0f, it came %.0f times: %v off the minimum", k, mean[k], said[k], off)
		}
	}
	for i := range who {
		who[i] = fmt.Sprint(i % (fewCalibrators - 1))
	}
	if s, few := calibrate(score, y, who, 3); few[0] != 0 || few[1] != 0 || few[2] != 0 || s <= 0 {
		t.Errorf("few speakers made shifts %v, sharpness %v", few, s)
	}
}
