package emotion_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"tingxin/audio"
	"tingxin/emotion"
)

func loud(x []int16, db float64) []int16 {
	k := math.Pow(10, db/20)
	y := make([]int16, len(x))
	for i, v := range x {
		y[i] = int16(max(-32768, min(32767, float64(v)*k)))
	}
	return y
}

func noisy(x []int16, snr float64) []int16 {
	y := slices.Clone(x)
	audio.NewNoise(3).Add(y, float32(audio.RMS(y)*math.Pow(10, -snr/20)))
	return y
}

func TestScratchCalls(t *testing.T) {
	data, _ := os.ReadFile("/work/shared/data/emotion/manifest.tsv")
	by := map[string]map[string][]string{}
	gender := map[string]string{}
	for _, l := range strings.Split(string(data), "\n")[1:] {
		c := strings.Split(l, "\t")
		if len(c) < 7 || c[0] == "emodb" {
			continue
		}
		w := c[0] + "/" + c[3]
		if by[w] == nil {
			by[w] = map[string][]string{}
		}
		gender[w] = c[4]
		by[w][c[6]] = append(by[w][c[6]], "/work/shared/data/"+c[1])
	}
	var names []string
	for w := range by {
		names = append(names, w)
	}
	slices.Sort(names)
	same := func(x []int16) []int16 { return x }
	count := map[string][2]int{}
	run := func(name string, w string, parts ...func(p *phone)) {
		p := newPhone()
		for _, f := range parts {
			f(p)
		}
		k := name + " " + strings.Split(w, "/")[0]
		c := count[k]
		c[1]++
		if p.raised > 0 {
			c[0]++
		}
		count[k] = c
	}
	says := func(w, label string, n int, f func([]int16) []int16) func(p *phone) {
		return func(p *phone) {
			l := by[w][label]
			for i := range n {
				p.say(f(samples(t, l[i%len(l)])))
			}
		}
	}
	for i, w := range names {
		other := ""
		for j := 1; j < len(names); j++ {
			o := names[(i+j)%len(names)]
			if gender[o] != gender[w] && strings.Split(o, "/")[0] == strings.Split(w, "/")[0] {
				other = o
				break
			}
		}
		up := func(x []int16) []int16 { return loud(x, 12) }
		down := func(x []int16) []int16 { return loud(x, -20) }
		n10 := func(x []int16) []int16 { return noisy(x, 10) }
		clip := func(x []int16) []int16 { return loud(x, 30) }
		run("calm", w, says(w, "neutral", 10, same))
		run("angry", w, says(w, "neutral", 4, same), says(w, "anger", 6, same))
		if other != "" {
			run("takeover "+gender[w]+">"+gender[other], w, says(w, "neutral", 8, same), says(other, "neutral", 8, same))
		}
		run("happy", w, says(w, "neutral", 4, same), says(w, "happy", 6, same))
		run("happy +12", w, says(w, "neutral", 4, same), says(w, "happy", 6, up))
		run("sad", w, says(w, "neutral", 4, same), says(w, "sad", 6, same))
		run("other", w, says(w, "neutral", 4, same), says(w, "other", 6, same))
		run("louder +12", w, says(w, "neutral", 4, same), says(w, "neutral", 6, up))
		run("calm -20", w, says(w, "neutral", 10, down))
		run("angry -20", w, says(w, "neutral", 4, down), says(w, "anger", 6, down))
		run("calm noise", w, says(w, "neutral", 10, n10))
		run("noise comes", w, says(w, "neutral", 5, same), says(w, "neutral", 6, n10))
		run("angry noise", w, says(w, "neutral", 4, n10), says(w, "anger", 6, n10))
		run("calm clip", w, says(w, "neutral", 10, clip))
		run("clip comes", w, says(w, "neutral", 5, same), says(w, "neutral", 6, clip))
	}
	var keys []string
	for k := range count {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		fmt.Println(k, count[k][0], "of", count[k][1])
	}
	_ = emotion.Default
}
