package learn

import (
	"encoding/json"
	"errors"
	"math"
	"slices"
)

// binaryJSON is how a Binary is kept.
type binaryJSON struct {
	Mean   []float64 `json:"mean"`
	Scale  []float64 `json:"scale"`
	Weight []float64 `json:"weight"`
	Bias   float64   `json:"bias"`
}

// MarshalJSON keeps the weights.
func (m *Binary) MarshalJSON() ([]byte, error) {
	return json.Marshal(binaryJSON{m.mean, m.scale, m.weight, m.bias})
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses what could not be scored with.
func (m *Binary) UnmarshalJSON(b []byte) error {
	var v binaryJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if n := len(v.Mean); n == 0 || len(v.Scale) != n || len(v.Weight) != n {
		return errors.New("weights of a classifier do not fit together")
	}
	if slices.ContainsFunc(slices.Concat(v.Mean, v.Scale, v.Weight, []float64{v.Bias}), bad) {
		return errors.New("a weight of a classifier is not a number")
	}
	m.mean, m.scale, m.weight, m.bias = v.Mean, v.Scale, v.Weight, v.Bias
	return nil
}

// Features is how many numbers a row has.
func (m *Binary) Features() int { return len(m.weight) }

func bad(x float64) bool { return math.IsNaN(x) || math.IsInf(x, 0) }

// isotonicJSON is how an Isotonic is kept.
type isotonicJSON struct {
	At []float64 `json:"at"`
	P  []float64 `json:"p"`
}

// MarshalJSON keeps the steps.
func (m *Isotonic) MarshalJSON() ([]byte, error) { return json.Marshal(isotonicJSON{m.at, m.p}) }

// UnmarshalJSON reads what MarshalJSON wrote; steps that fall are refused.
func (m *Isotonic) UnmarshalJSON(b []byte) error {
	var v isotonicJSON
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if len(v.At) != len(v.P) || !slices.IsSorted(v.At) || !slices.IsSorted(v.P) || slices.ContainsFunc(slices.Concat(v.At, v.P), bad) {
		return errors.New("steps of a calibration do not rise")
	}
	m.at, m.p = v.At, v.P
	return nil
}
