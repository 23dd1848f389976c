package worker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"tingxin/asr/asrpb"
)

// scripted is a recogniser that hears the marker samples put into the sound.
type scripted struct {
	fed    int
	words  []Word
	failAt int
	freed  int
}

const marker = 12345

func (r *scripted) Accept(pcm []int16) (bool, error) {
	for i := 0; i+FrameLen <= len(pcm); i += FrameLen {
		if pcm[i] == marker {
			at := float64(r.fed) / Rate
			r.words = append(r.words, Word{Text: fmt.Sprintf("w%d", pcm[i+1]), Start: at, End: at + 0.02, Conf: 1})
		}
		r.fed += FrameLen
	}
	if r.failAt > 0 && r.fed >= r.failAt {
		return false, errors.New("decoding failed")
	}
	return false, nil
}

func (r *scripted) text() string {
	var s []string
	for _, w := range r.words {
		s = append(s, w.Text)
	}
	return strings.Join(s, " ")
}

func (r *scripted) Partial() (string, error) { return r.text(), nil }

func (r *scripted) Result() (Utterance, error) {
	u := Utterance{Text: r.text(), Words: r.words}
	r.words = nil
	return u, nil
}

func (r *scripted) Free() { r.freed++ }

// voice is somebody speaking for 2.5 s.
func voice(t testing.TB) []int16 {
	b, err := os.ReadFile("../../testdata/voice/sense-2.wav")
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, (len(b)-44)/2)
	for i := range pcm {
		pcm[i] = int16(binary.LittleEndian.Uint16(b[44+2*i:]))
	}
	return pcm[4800 : 4800+40000]
}

// call is silence, speech, silence, speech: with a word in every 10th frame of
// speech. It gives the frames of the words too.
func call(t testing.TB, pauses ...int) (pcm []int16, marks []int) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, ms := range pauses {
		for range ms * 16 {
			pcm = append(pcm, int16(r.NormFloat64()*4))
		}
		at := len(pcm) / FrameLen
		pcm = append(pcm, voice(t)...)
		for k := 5; k < 120; k += 10 {
			marks = append(marks, at+k)
			pcm[(at+k)*FrameLen], pcm[(at+k)*FrameLen+1] = marker, int16(len(marks))
		}
	}
	for range 3 * Rate {
		pcm = append(pcm, int16(r.NormFloat64()*4))
	}
	return pcm, marks
}

func play(c *Channel, pcm []int16, batch int) {
	for i := 0; i+FrameLen <= len(pcm); i += FrameLen {
		c.Write(pcm[i : i+FrameLen])
		if i/FrameLen%batch == batch-1 {
			c.Flush()
		}
	}
	c.Finish()
}

func TestGateLosesNoWordAndKeepsCallTime(t *testing.T) {
	pcm, marks := call(t, 1000, 5000, 700, 2000)
	rec := &scripted{}
	var got []*asrpb.Word
	var kinds []string
	ch := NewChannel(rec, Params{}, nil)
	ch.emit = func(e *asrpb.Event) {
		if e.Kind != asrpb.Kind_PARTIAL {
			kinds = append(kinds, fmt.Sprintf("%s%d", e.Kind, e.Segment))
		}
		if e.Kind == asrpb.Kind_FINAL {
			got = append(got, e.Words...)
		}
	}
	play(ch, pcm, 3)
	if len(got) != len(marks) {
		t.Fatalf("%d words of %d; %v", len(got), len(marks), kinds)
	}
	for i, w := range got {
		if w.Text != fmt.Sprintf("w%d", i+1) || w.StartMs != int64(marks[i])*frameMS {
			t.Fatalf("word %d is %s at %d ms, want %d ms", i+1, w.Text, w.StartMs, marks[i]*frameMS)
		}
	}
	// The pause of 700 ms ends an utterance and not the turn.
	want := "SPEECH_START1 FINAL1 TURN_END1 SPEECH_START2 FINAL2 SPEECH_START3 FINAL3 TURN_END3 SPEECH_START4 FINAL4 TURN_END4"
	if s := strings.Join(kinds, " "); s != want {
		t.Errorf("events\n got %s\nwant %s", s, want)
	}
	if share := float64(rec.fed) / float64(len(pcm)); share > 0.78 {
		t.Errorf("%.0f %% of the audio went to the recogniser", 100*share)
	}
}

func TestSilenceCostsNothing(t *testing.T) {
	pcm := make([]int16, 20*Rate)
	r := rand.New(rand.NewPCG(3, 4))
	for i := range pcm {
		pcm[i] = int16(r.NormFloat64() * 20)
	}
	rec := &scripted{}
	play(NewChannel(rec, Params{}, func(e *asrpb.Event) { t.Errorf("%s in silence", e.Kind) }), pcm, 2)
	if rec.fed != 0 {
		t.Errorf("%d samples of silence were decoded", rec.fed)
	}
}

func TestReopenedChannelGoesOn(t *testing.T) {
	pcm, marks := call(t, 1000, 5000)
	events := func(from uint64, p Params, stop int) (words []string, settled uint64, last *asrpb.Event) {
		p.FirstFrame = from
		ch := NewChannel(&scripted{}, p, func(e *asrpb.Event) {
			last = e
			if e.Kind == asrpb.Kind_FINAL {
				for _, w := range e.Words {
					words = append(words, w.Text)
				}
			}
		})
		for i := int(from); i < stop; i++ {
			ch.Write(pcm[i*FrameLen : (i+1)*FrameLen])
			if i%3 == 2 {
				ch.Flush()
			}
		}
		return words, ch.settled(), last
	}
	n := len(pcm) / FrameLen
	for _, cut := range []int{40, 60, 120, 180, 200, 260, 430, 480, 520} {
		before, settled, _ := events(0, Params{}, cut)
		if settled > uint64(cut) || cut > 200 && cut < 400 && settled+history < uint64(cut) {
			t.Errorf("cut at %d: settled %d", cut, settled)
		}
		after, _, _ := events(settled, Params{LastSegment: 1}, n)
		all := strings.Join(append(before, after...), " ")
		var want []string
		for i := range marks {
			want = append(want, fmt.Sprintf("w%d", i+1))
		}
		if all != strings.Join(want, " ") {
			t.Errorf("cut at %d, heard again from %d: %s", cut, settled, all)
		}
	}
	if _, _, last := events(300, Params{TurnOpen: true, LastSegment: 7}, 360); last == nil || last.Kind != asrpb.Kind_TURN_END || last.Segment != 7 {
		t.Errorf("the owed turn end did not come: %v", last)
	}
}

func TestFailedRecogniserEndsTheChannelOnly(t *testing.T) {
	pcm, _ := call(t, 1000)
	rec := &scripted{failAt: Rate}
	ch := NewChannel(rec, Params{}, func(*asrpb.Event) {})
	play(ch, pcm, 2)
	if ch.Err() == nil {
		t.Fatal("no error")
	}
	ch.Free()
	if rec.freed != 1 {
		t.Fatal("not freed")
	}
}

func TestMissingFramesAreTold(t *testing.T) {
	pcm, _ := call(t, 1000)
	var gap *asrpb.Event
	ch := NewChannel(&scripted{}, Params{}, func(e *asrpb.Event) {
		if e.Kind == asrpb.Kind_GAP {
			gap = e
		}
	})
	for i := range 100 {
		ch.Write(pcm[i*FrameLen : (i+1)*FrameLen])
	}
	ch.skip(50, "overload")
	if gap == nil || gap.StartMs != 2000 || gap.EndMs != 3000 || gap.Reason != "overload" || ch.Heard() != 150 {
		t.Fatalf("gap %v, heard %d", gap, ch.Heard())
	}
}

func TestSilentFrameAllocatesNothing(t *testing.T) {
	ch := NewChannel(&scripted{}, Params{}, func(*asrpb.Event) {})
	pcm := make([]int16, FrameLen)
	if n := testing.AllocsPerRun(1000, func() { ch.Write(pcm); ch.Flush() }); n != 0 {
		t.Errorf("%v allocations per silent frame", n)
	}
}
