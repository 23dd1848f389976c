package media

import (
	"math"
	"path/filepath"
	"testing"
	"time"

	"tingxin/audio"
)

// One stereo recording through a whole call: bridge, hold with music, transfer to a second
// agent on another codec, conference, pause, resume. The caller is on the left, what the
// caller hears on the right, and every part is where the clock put it.
func TestRecordingThroughoutTheCall(t *testing.T) {
	r := newRig(t)
	codecs := []Codec{PCMA, Opus, G722, PCMU} // caller, first agent, second agent, a third party
	freqs := []float64{410, 697, 1130, 1523}
	var parties []*party
	var legs []*Leg
	var tones []Source
	for i, c := range codecs {
		p := newParty(t, c)
		parties, legs = append(parties, p), append(legs, r.leg(plain(c, p.addr())))
		tones = append(tones, audio.Sine(freqs[i], -22, 0))
	}
	caller := legs[0]
	path := filepath.Join(t.TempDir(), "call.wav")
	rec, err := r.Record(path, RecordOptions{Rate: 16000})
	must(t, err)
	defer caller.AddTap(rec.Left())()
	defer caller.AddSentTap(rec.Right())()
	const part = 100 // ticks
	run := func() {
		for i := range part {
			for k, p := range parties {
				p.talk(tones[k], legs[k])
			}
			r.step(1)
			if i%10 == 0 {
				for _, p := range parties {
					p.listen()
				}
				rec.write(time.Now())
			}
		}
	}
	music := make([]int16, 16000)
	for i := range music {
		music[i] = int16(2603 * math.Sin(2*math.Pi*2069*float64(i)/16000))
	}
	m, err := NewMusic(music)
	must(t, err)

	bridge := Join(caller, legs[1])
	run() // 0: talk with the first agent
	bridge.Close()
	hold := caller.Play(m.Listen())
	run() // 1: on hold
	hold.Stop()
	bridge = Join(caller, legs[2])
	run() // 2: transferred to the second agent
	rec.Pause(true)
	run() // 3: paused
	rec.Pause(false)
	room := r.NewRoom()
	for i, l := range legs {
		if i != 1 {
			_, err := room.Enter(l, Talk)
			must(t, err)
		}
	}
	run() // 4: conference with the third party
	room.Close()
	changed := caller.Params()
	changed.Codec, changed.SendPT, changed.RecvPT = PCMU, 0, 0
	configure(t, caller, changed)
	parties[0] = reborn(t, parties[0], PCMU)
	run() // 5: back in the bridge, the caller on another codec
	bridge.Close()

	info, err := rec.Close()
	must(t, err)
	if d := info.Duration - 6*part*tick; d < -tick || d > tick {
		t.Errorf("recorded %v of %v", info.Duration, 6*part*tick)
	}
	ch, err := audio.ReadWAVChannels(path, 16000, 2)
	must(t, err)
	for i, want := range [][2][]float64{
		{{410}, {697}}, {{410}, {2069}}, {{410}, {1130}}, {nil, nil}, {{410}, {1130, 1523}}, {{410}, {1130}},
	} {
		for side, freqs := range want {
			begin := i*part*320 + 8000 // the last 1.5 s of each part
			checkPart(t, i, side, ch[side][begin:begin+24000-320], freqs)
		}
	}
}

// reborn goes on talking from the same socket in another codec.
func reborn(t *testing.T, p *party, c Codec) *party {
	t.Helper()
	params := plain(c, loopback(0)).clean()
	n := *p
	n.codec, n.pt = c, params.SendPT
	n.enc = sender{}
	n.enc.init()
	must(t, n.enc.set(&params, testConfig))
	return &n
}

// checkPart finds the tones wanted within 1 dB, and nothing of the others.
func checkPart(t *testing.T, part, side int, pcm []int16, want []float64) {
	t.Helper()
	for _, f := range []float64{410, 697, 1130, 1523, 2069} {
		level, _ := toneDB(pcm, f)
		wanted := false
		for _, w := range want {
			wanted = wanted || w == f
		}
		if wanted && math.Abs(level+22) > 1 || !wanted && level > -72 {
			t.Errorf("part %d, side %d: %.0f Hz at %.1f dB, wanted: %v", part, side, f, level, wanted)
		}
	}
}
