package score

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func TestAlign(t *testing.T) {
	cases := []struct {
		ref, hyp string
		want     Counts
	}{
		{"", "", Counts{}},
		{"a b c", "a b c", Counts{Words: 3, Correct: 3}},
		{"a b c", "a x c", Counts{Words: 3, Correct: 2, Sub: 1}},
		{"a b c", "a c", Counts{Words: 3, Correct: 2, Del: 1}},
		{"a c", "a b c", Counts{Words: 2, Correct: 2, Ins: 1}},
		{"", "a b", Counts{Ins: 2}},
		{"a b", "", Counts{Words: 2, Del: 2}},
		{"a b c d", "b c d e", Counts{Words: 4, Correct: 3, Del: 1, Ins: 1}},
	}
	for _, c := range cases {
		_, got := Align(strings.Fields(c.ref), strings.Fields(c.hyp))
		if got != c.want {
			t.Errorf("%q %q: %+v want %+v", c.ref, c.hyp, got, c.want)
		}
	}
	pairs, _ := Align(strings.Fields("a b c"), strings.Fields("a c d"))
	if want := "[{0 0} {1 -1} {2 1} {-1 2}]"; fmt.Sprint(pairs) != want {
		t.Errorf("%v want %v", pairs, want)
	}
}

// TestAlignAgreesWithSclite compares the counts of every utterance with sclite's.
func TestAlignAgreesWithSclite(t *testing.T) {
	sctk, err := exec.LookPath("sctk")
	if err != nil {
		t.Skip("sclite is not installed (Debian: sctk)")
	}
	rng := rand.New(rand.NewPCG(1, 2))
	sentence := func(words, vocabulary int) []string {
		s := make([]string, words)
		for i := range s {
			s[i] = string(rune('a' + rng.IntN(vocabulary)))
		}
		return s
	}
	var refs, hyps [][]string
	var refFile, hypFile strings.Builder
	for i := range 600 {
		vocabulary := 2 + i%6
		r := sentence(1+rng.IntN(14), vocabulary)
		h := sentence(rng.IntN(14), vocabulary)
		if i%2 == 0 { // the usual case: the hypothesis is like the reference
			h = append([]string(nil), r...)
			for k := range h {
				if rng.IntN(4) == 0 {
					h[k] = string(rune('a' + rng.IntN(vocabulary)))
				}
			}
			if cut := rng.IntN(len(h)); rng.IntN(2) == 0 {
				h = append(h[:cut], h[cut+1:]...)
			}
		}
		refs, hyps = append(refs, r), append(hyps, h)
		fmt.Fprintf(&refFile, "%s (s_%04d)\n", strings.Join(r, " "), i)
		fmt.Fprintf(&hypFile, "%s (s_%04d)\n", strings.Join(h, " "), i)
	}
	dir := t.TempDir()
	for name, text := range map[string]string{"r.trn": refFile.String(), "h.trn": hypFile.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(sctk, "sclite", "-r", "r.trn", "trn", "-h", "h.trn", "trn", "-i", "rm", "-o", "pralign", "stdout")
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	scores := regexp.MustCompile(`id: \(s_(\d+)\)\nScores: \(#C #S #D #I\) (\d+) (\d+) (\d+) (\d+)`).FindAllStringSubmatch(string(out), -1)
	if len(scores) != len(refs) {
		t.Fatalf("sclite scored %d of %d", len(scores), len(refs))
	}
	wrong := 0
	for _, s := range scores {
		var v [5]int
		for k := range v {
			v[k], _ = strconv.Atoi(s[k+1])
		}
		want := Counts{Words: len(refs[v[0]]), Correct: v[1], Sub: v[2], Del: v[3], Ins: v[4]}
		if _, got := Align(refs[v[0]], hyps[v[0]]); got != want {
			if wrong++; wrong < 10 {
				t.Errorf("%v | %v: %+v, sclite %+v", refs[v[0]], hyps[v[0]], got, want)
			}
		}
	}
	if wrong > 0 {
		t.Errorf("%d of %d differ", wrong, len(scores))
	}
}
