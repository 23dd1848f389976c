package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"tingxin/audio"
	"tingxin/emotion"
	"tingxin/score"
)

// featureFile is what "pbx features --json" prints.
type featureFile struct {
	File    string             `json:"file"`
	Seconds float64            `json:"seconds"`
	Voiced  float64            `json:"voiced_seconds"`
	Set     string             `json:"set"`
	Model   string             `json:"model"`
	Reading map[string]float64 `json:"reading,omitempty"`
	// Features maps the names of functionals to numbers.
	Features map[string]float64 `json:"features"`
	// Track has a point each 10 ms; F0 is 0 where there is no voice.
	Track []featurePoint `json:"track"`
}

type featurePoint struct {
	AtMS     float64     `json:"at_ms"`
	F0       float64     `json:"f0_hz"`
	HNR      *float64    `json:"hnr_db,omitempty"`
	Formants *[3]float64 `json:"formants_hz,omitempty"`
	Jitter   *float64    `json:"jitter,omitempty"`
	Shimmer  *float64    `json:"shimmer_db,omitempty"`
}

// runFeatures is "pbx features": the prosody of one recording.
func runFeatures(args []string, out, errOut io.Writer) error {
	fs := newFlags("features", "Print the prosody of a recording of one speaker: pitch track and functionals.", errOut)
	path := fs.String("wav", "", "WAV or FLAC `file`")
	name := fs.String("set", "large", "`set` of functionals: large (what the shipped model reads) or 88 (Eyben et al. 2016, fitted to a telephone band)")
	asJSON := fs.Bool("json", false, "print everything as JSON")
	if err := parse(fs, args); err != nil {
		return err
	}
	if *path == "" {
		return usage{errors.New("features needs --wav FILE: a WAV or FLAC recording")}
	}
	set, err := emotion.SetOf(*name)
	if err != nil {
		return usage{err}
	}
	pcm, _, err := score.ReadAudio(*path)
	if err != nil {
		return err
	}
	m := set.Measure(pcm)
	f := describe(*path, pcm, set, m)
	if *asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", " ")
		return enc.Encode(f)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "seconds\t%.2f\nvoiced seconds\t%.2f\n", f.Seconds, f.Voiced)
	for _, name := range set.Names() {
		fmt.Fprintf(w, "%s\t%.4g\n", name, f.Features[name])
	}
	return w.Flush()
}

func describe(path string, pcm []int16, set *emotion.Set, m *emotion.Measurement) featureFile {
	f := featureFile{
		File: path, Seconds: float64(len(pcm)) / audio.Rate, Voiced: m.Voiced.Seconds(),
		Set: set.Name(), Model: emotion.Default().Version(), Features: map[string]float64{},
	}
	for i, name := range set.Names() {
		f.Features[name] = round(float64(m.X[i]), 5)
	}
	if set == emotion.Default().Set() && f.Voiced >= 1 {
		r := emotion.Default().Classify(m.X, nil)
		f.Reading = map[string]float64{"arousal": round(float64(r.Arousal), 3), "valence": round(float64(r.Valence), 3)}
		for k, p := range r.P {
			f.Reading[emotion.Class(k).String()] = round(float64(p), 3)
		}
	}
	for _, p := range m.Track {
		at := featurePoint{AtMS: float64(p.At.Microseconds()) / 1000, F0: round(float64(p.Hz), 2)}
		if p.Hz > 0 {
			at.HNR = number(p.HNR, 2)
		}
		if p.Fine {
			at.Jitter, at.Shimmer = number(p.Jitter, 5), number(p.Shimmer, 3)
			at.Formants = &[3]float64{}
			for k, v := range p.Formants {
				at.Formants[k] = round(float64(v), 1)
			}
		}
		f.Track = append(f.Track, at)
	}
	return f
}

func number(v float32, digits int) *float64 {
	x := round(float64(v), digits)
	return &x
}

// round to so many digits behind the point.
func round(v float64, digits int) float64 {
	k := math.Pow10(digits)
	return math.Round(v*k) / k
}
