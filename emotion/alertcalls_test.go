package emotion_test

import (
	"bufio"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mewkiz/flac"

	"tingxin/audio"
	"tingxin/emotion"
	"tingxin/race"
)

// clip is one labelled recording.
type clip struct{ corpus, path, speaker, label string }

func clips(t *testing.T) []clip {
	t.Helper()
	root := filepath.Join("..", "..", "shared", "data")
	f, err := os.Open(filepath.Join(root, "emotion", "manifest.tsv"))
	if err != nil {
		t.Skip("the labelled recordings of ../shared/data are not there")
	}
	defer f.Close()
	var all []clip
	sc := bufio.NewScanner(f)
	for sc.Scan() {
		c := strings.Split(sc.Text(), "\t")
		if len(c) > 6 && (c[6] == "anger" || c[6] == "neutral") {
			all = append(all, clip{c[0], filepath.Join(root, c[1]), c[0] + "/" + c[3], c[6]})
		}
	}
	return all
}

func samples(t *testing.T, path string) []int16 {
	t.Helper()
	s, err := flac.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var pcm []int16
	for {
		f, err := s.ParseNext()
		if errors.Is(err, io.EOF) {
			return pcm
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.Subframes[0].Samples {
			pcm = append(pcm, int16(v))
		}
	}
}

// phone is one side of a call on a virtual clock: telephone band, turns as they are given.
type phone struct {
	in     *emotion.Analyzer
	watch  *emotion.Watch
	down   audio.Down16to8
	up     audio.Up8to16
	f      audio.Frame
	raised int
}

func newPhone() *phone {
	return &phone{in: emotion.NewAnalyzer(emotion.Default(), nil), watch: emotion.NewWatch(emotion.Rules{})}
}

func (p *phone) now() time.Duration { return time.Duration(p.f.Seq) * audio.FrameDur }

func (p *phone) change(c emotion.Change) {
	if c == emotion.Raised {
		p.raised++
	}
}

// hear sends sound through G.711 and the analyzer.
func (p *phone) hear(pcm []int16) {
	var half [audio.FrameLen / 2]int16
	var wire [audio.FrameLen / 2]byte
	for len(pcm) > 0 {
		clear(p.f.PCM[:])
		n := copy(p.f.PCM[:], pcm)
		pcm = pcm[n:]
		p.down.Process(half[:], p.f.PCM[:])
		audio.EncodeMu(wire[:], half[:])
		audio.DecodeMu(half[:], wire[:])
		p.up.Process(p.f.PCM[:], half[:])
		if r, ok := p.in.WriteFrame(&p.f); ok {
			p.change(p.watch.Slide(emotion.Voice(&r), emotion.Span{Start: r.Start, End: r.End}))
		}
		p.f.Seq++
	}
}

// say is one turn and the pause behind it.
func (p *phone) say(pcm []int16) {
	start := p.now()
	p.hear(pcm)
	end := p.now()
	p.hear(make([]int16, audio.Rate*7/10))
	if r, ok := p.in.EndTurn(start, end); ok {
		est, _ := emotion.Evidence{Reading: &r}.Estimate()
		p.change(p.watch.Turn(est, false, emotion.Span{Start: start, End: end}))
	}
}

// TestAlertsOfSimulatedCalls lets every speaker make a calm call (ten neutral turns) and one that
// turns angry (four neutral turns, then six angry ones), by voice alone in the telephone band. The
// built-in model was trained on EMO-DB; the other corpora are unknown to it.
func TestAlertsOfSimulatedCalls(t *testing.T) {
	if testing.Short() {
		t.Skip("reads recordings for half a minute")
	}
	bySpeaker := map[string]map[string][]clip{}
	var speakers []string
	for _, c := range clips(t) {
		if bySpeaker[c.speaker] == nil {
			bySpeaker[c.speaker] = map[string][]clip{}
			speakers = append(speakers, c.speaker)
		}
		bySpeaker[c.speaker][c.label] = append(bySpeaker[c.speaker][c.label], c)
	}
	slices.Sort(speakers)
	if race.Enabled {
		speakers = slices.DeleteFunc(speakers, func(s string) bool { return s != "emodb/08" && s != "ravdess/08" })
	}
	type count struct{ calls, calm, angry, twice int }
	table := map[string]*count{}
	for _, s := range speakers {
		neutral, anger := bySpeaker[s]["neutral"], bySpeaker[s]["anger"]
		corpus, _, _ := strings.Cut(s, "/")
		n := table[corpus]
		if n == nil {
			n = &count{}
			table[corpus] = n
		}
		calm, angry := newPhone(), newPhone()
		for i := range 10 {
			calm.say(samples(t, neutral[i%len(neutral)].path))
		}
		for i := range 4 {
			angry.say(samples(t, neutral[i%len(neutral)].path))
		}
		for i := range 6 {
			angry.say(samples(t, anger[i%len(anger)].path))
		}
		n.calls++
		if calm.raised > 0 {
			n.calm++
		}
		if angry.raised > 0 {
			n.angry++
		}
		if angry.raised > 1 {
			n.twice++
		}
	}
	for corpus, n := range table {
		t.Logf("%-8s %2d speakers: alert in %2d calm calls, in %2d that turn angry (%d more than one)", corpus, n.calls, n.calm, n.angry, n.twice)
	}
	if own := table["emodb"]; own != nil && (own.calm > own.calls/4 || own.angry*4 < own.calls*3) {
		t.Errorf("emodb: %+v", *own)
	}
	for corpus, n := range table {
		if n.twice > 0 {
			t.Errorf("%s: %d calls of a minute had more than one alert", corpus, n.twice)
		}
	}
}
