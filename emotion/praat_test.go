package emotion

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/mewkiz/flac"

	"tingxin/audio"
	"tingxin/race"
)

// praatScript prints, for the times that we measure at, what Praat finds: pitch by
// autocorrelation with the paper's parameters, harmonicity, three formants by Burg's
// method; then jitter and shimmer of the whole. The part that is cut off puts Praat's frames
// for pitch on our times: between them it would only give means of two, which no measured
// pitch equals where the voice moves.
const praatScript = `form Measure
  sentence file
  natural points
endform
sound = Read from file: file$
end = Get total duration
even = Extract part: 0.005, end - 0.004875, "rectangular", 1, "yes"
pitch = To Pitch (ac): 0.01, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, 500
q = Get quantile: 0, 0, 0.75, "Hertz"
if q <> undefined
  selectObject: even
  pitch = To Pitch (ac): 0.01, 75, 15, "no", 0.03, 0.45, 0.01, 0.35, 0.14, min (500, 1.5 * q)
endif
selectObject: even
harm = To Harmonicity (ac): 0.01, 75, 0.03, 3
selectObject: sound
formant = To Formant (burg): 0.01, 4, 4000, 0.0125, 50
for i to points
  t = (i - 1) * 0.01 + 0.005
  selectObject: pitch
  f = Get value at time: t, "Hertz", "linear"
  selectObject: harm
  h = Get value at time: t, "cubic"
  selectObject: formant
  f1 = Get value at time: 1, t, "hertz", "linear"
  f2 = Get value at time: 2, t, "hertz", "linear"
  f3 = Get value at time: 3, t, "hertz", "linear"
  appendInfoLine: f, " ", h, " ", f1, " ", f2, " ", f3
endfor
selectObject: sound, pitch
pulses = To PointProcess (cc)
jitter = Get jitter (local): 0, 0, 0.0001, 0.02, 1.3
selectObject: sound, pulses
shimmer = Get shimmer (local_dB): 0, 0, 0.0001, 0.02, 1.3, 1.6
appendInfoLine: jitter, " ", shimmer
`

// praat runs the script over pcm at 8 kHz; a number that it calls undefined is NaN.
func praat(t *testing.T, name string, pcm []int16, points int) [][]float64 {
	t.Helper()
	dir := t.TempDir()
	script, file := filepath.Join(dir, "measure.praat"), filepath.Join(dir, "sound.wav")
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00\x02\x00\x10\x00data")
	head = binary.LittleEndian.AppendUint32(head, uint32(2*len(pcm)))
	binary.LittleEndian.PutUint32(head[4:], uint32(36+2*len(pcm)))
	var b bytes.Buffer
	b.Write(head)
	if err := binary.Write(&b, binary.LittleEndian, pcm); err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string][]byte{script: []byte(praatScript), file: b.Bytes()} {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("praat", "--run", script, file, strconv.Itoa(points)).Output()
	if err != nil {
		t.Fatalf("praat on %s: %v", name, err)
	}
	var rows [][]float64
	for line := range strings.Lines(string(out)) {
		var row []float64
		for _, f := range strings.Fields(line) {
			v, err := strconv.ParseFloat(f, 64)
			if err != nil {
				v = math.NaN()
			}
			row = append(row, v)
		}
		rows = append(rows, row)
	}
	if len(rows) < points+1 {
		t.Fatalf("praat on %s printed %d lines for %d points", name, len(rows), points)
	}
	return rows
}

// parity is how our figures compare with those of Praat.
type parity struct {
	frames, agree, both, gross, fine int
	hnr                              []float64
	formant                          [3][]float64 // relative differences
	jitter, shimmer                  [2]float64   // ours, Praat's
	voices                           float64      // added up
}

// reference is what Praat finds in pcm, 16 kHz, at 8 kHz.
func reference(t *testing.T, name string, pcm []int16) [][]float64 {
	t.Helper()
	var down audio.Down16to8
	pcm = pcm[:len(pcm)/audio.FrameLen*audio.FrameLen]
	narrow := make([]int16, len(pcm)/2)
	down.Process(narrow, pcm)
	return praat(t, name, narrow, len(narrow)/hopLen)
}

// compare measures pcm beside what Praat found, in it or in a better copy.
func compare(theirs [][]float64, pcm []int16) parity {
	pcm = pcm[:len(pcm)/audio.FrameLen*audio.FrameLen]
	m := Measure(pcm)
	points := min(len(m.Track), len(theirs)-1)
	var p parity
	var jitter, shimmer, n float64
	for i := range points {
		our, row := m.Track[i], theirs[i]
		voiced := !math.IsNaN(row[0])
		p.frames++
		if voiced == (our.Hz > 0) {
			p.agree++
		}
		if our.Fine {
			jitter, shimmer, n = jitter+float64(our.Jitter), shimmer+float64(our.Shimmer), n+1
		}
		if !voiced || our.Hz == 0 {
			continue
		}
		p.both++
		d := math.Abs(float64(our.Hz)/row[0] - 1)
		if d > 0.2 {
			p.gross++
		}
		if d < 0.01 {
			p.fine++
		}
		if row[1] > 0 {
			p.hnr = append(p.hnr, float64(our.HNR)-row[1])
		}
		for k := range p.formant {
			if our.Fine && !math.IsNaN(row[2+k]) {
				p.formant[k] = append(p.formant[k], float64(our.Formants[k])/row[2+k]-1)
			}
		}
	}
	last := theirs[len(theirs)-1]
	p.jitter, p.shimmer = [2]float64{jitter / max(1, n), last[0]}, [2]float64{shimmer / max(1, n), last[1]}
	return p
}

func (p *parity) add(q parity) {
	p.frames, p.agree, p.both, p.gross, p.fine = p.frames+q.frames, p.agree+q.agree, p.both+q.both, p.gross+q.gross, p.fine+q.fine
	p.hnr = append(p.hnr, q.hnr...)
	for k := range p.formant {
		p.formant[k] = append(p.formant[k], q.formant[k]...)
	}
	p.voices++
	for k := range 2 {
		p.jitter[k] += (q.jitter[k] - p.jitter[k]) / p.voices
		p.shimmer[k] += (q.shimmer[k] - p.shimmer[k]) / p.voices
	}
}

// middle is the median of the absolute values.
func middle(v []float64) float64 {
	a := slices.Clone(v)
	for i := range a {
		a[i] = math.Abs(a[i])
	}
	slices.Sort(a)
	if len(a) == 0 {
		return math.NaN()
	}
	return a[len(a)/2]
}

// pulses is a voice whose periods differ by jitter and their heights by shimmer, both the
// mean relative difference of neighbours.
func pulses(seconds, hz, jitter, shimmer float64, seed uint64) []int16 {
	rng := rand.New(rand.NewPCG(seed, 3))
	x := make([]float64, int(seconds*audio.Rate))
	at := 100.0
	for at < float64(len(x)-40) {
		height := 1 + shimmer*0.886*rng.NormFloat64()
		first := int(at) - 16
		for i := range 33 {
			d := float64(first+i) - at
			w := 0.5 + 0.5*math.Cos(math.Pi*d/17)
			s := 1.0
			if d != 0 {
				s = math.Sin(math.Pi*d/2) / (math.Pi * d / 2)
			}
			if first+i >= 0 {
				x[first+i] += height * s * w
			}
		}
		at += audio.Rate / hz * (1 + jitter*0.886*rng.NormFloat64())
	}
	out := make([]int16, len(x))
	var y [3][2]float64
	for i, v := range x {
		for k, formant := range [][2]float64{{550, 90}, {1450, 110}, {2550, 160}} {
			r := math.Exp(-math.Pi * formant[1] / audio.Rate)
			c := 2 * r * math.Cos(2*math.Pi*formant[0]/audio.Rate)
			g := 1 - c + r*r
			v = g*v + c*y[k][0] - r*r*y[k][1]
			y[k][1], y[k][0] = y[k][0], v
		}
		out[i] = int16(max(-32768, min(32767, 40000*v)))
	}
	return out
}

// TestAgainstPraat prints how pitch, voicing, harmonicity, formants, jitter and shimmer
// compare with Praat's on the same sound at 8 kHz, and holds them to tolerances.
func TestAgainstPraat(t *testing.T) {
	if _, err := exec.LookPath("praat"); err != nil {
		t.Skip("praat is not installed: apt-get install praat")
	}
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "voice\tframes\tvoicing %\tgross %\t<1 % off %\tHNR dB\tF1 %\tF2 %\tF3 %\tjitter % (Praat)\tshimmer dB (Praat)\t")
	line := func(name string, p parity) {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.2f\t%.1f\t%.1f\t%.1f\t%.1f\t%.1f\t%.2f (%.2f)\t%.2f (%.2f)\t\n", name, p.frames,
			percent(p.agree, p.frames), percent(p.gross, p.both), percent(p.fine, p.both), middle(p.hnr),
			100*middle(p.formant[0]), 100*middle(p.formant[1]), 100*middle(p.formant[2]), 100*p.jitter[0], 100*p.jitter[1], p.shimmer[0], p.shimmer[1])
	}
	for i, hz := range []float64{90, 130, 180, 240, 320} {
		jitter, shimmer := 0.004*float64(i), 0.03*float64(i)
		voice := pulses(2, hz, jitter, shimmer, uint64(i))
		p := compare(reference(t, "pulses", voice), voice)
		line(fmt.Sprintf("pulses %.0f Hz", hz), p)
		if percent(p.agree, p.frames) < 95 || percent(p.gross, p.both) > 0.5 {
			t.Errorf("pulses of %.0f Hz: voicing agrees in %.1f %%, gross error %.2f %%", hz, percent(p.agree, p.frames), percent(p.gross, p.both))
		}
		if d := math.Abs(p.jitter[0] - p.jitter[1]); d > 0.004+0.35*p.jitter[1] {
			t.Errorf("pulses of %.0f Hz: jitter %.4f, Praat %.4f", hz, p.jitter[0], p.jitter[1])
		}
		if d := math.Abs(p.shimmer[0] - p.shimmer[1]); d > 0.15+0.35*p.shimmer[1] {
			t.Errorf("pulses of %.0f Hz: shimmer %.3f dB, Praat %.3f", hz, p.shimmer[0], p.shimmer[1])
		}
	}
	files, _ := filepath.Glob("../../shared/data/emotion/emodb/*/*.flac")
	if len(files) == 0 {
		t.Log("../shared/data/emotion is absent: synthetic voices only")
	}
	var all, worse parity
	sample := 24
	if race.Enabled { // five times slower, and nothing here runs beside it
		sample = 4
	}
	for i := 0; i < len(files); i += 1 + len(files)/sample {
		voice := readFLAC(t, files[i])
		theirs := reference(t, files[i], voice)
		all.add(compare(theirs, voice))
		worse.add(compare(theirs, overNoise(voice, uint64(i))))
	}
	if len(files) > 0 {
		line("real voices", all)
		line("at 10 dB, G.711", worse)
	}
	w.Flush()
	t.Log("\n" + table.String())
	if len(files) > 0 && (percent(all.gross, all.both) > 1 || percent(all.agree, all.frames) < 97 || percent(all.fine, all.both) < 99 || middle(all.hnr) > 1) {
		t.Errorf("real voices: gross error %.2f %%, voicing agrees in %.1f %%, %.1f %% of pitches within 1 %%, HNR off by %.1f dB",
			percent(all.gross, all.both), percent(all.agree, all.frames), percent(all.fine, all.both), middle(all.hnr))
	}
	if g := percent(worse.gross, worse.both); len(files) > 0 && g > 3 {
		t.Errorf("real voices with noise at 10 dB over G.711: gross error %.2f %%", g)
	}
}

// overNoise is the voice with noise of a tenth of its power, at 8 kHz through G.711.
func overNoise(pcm []int16, seed uint64) []int16 {
	out := slices.Clone(pcm)
	audio.NewNoise(seed).Add(out, float32(audio.RMS(out)/math.Sqrt(10)))
	narrow := audio.Resample(out, audio.Rate, audio.Rate/2)
	code := make([]byte, len(narrow))
	audio.EncodeMu(code, narrow)
	audio.DecodeMu(narrow, code)
	return append(audio.Resample(narrow, audio.Rate/2, audio.Rate), make([]int16, audio.FrameLen)...)
}

func percent(part, whole int) float64 { return 100 * float64(part) / float64(max(1, whole)) }

// readFLAC reads a file of 16 kHz, 16 bit, one channel.
func readFLAC(t *testing.T, path string) (pcm []int16) {
	t.Helper()
	s, err := flac.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		frame, err := s.ParseNext()
		if err != nil {
			return pcm
		}
		for _, v := range frame.Subframes[0].Samples {
			pcm = append(pcm, int16(v))
		}
	}
}
