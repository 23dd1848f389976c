package media

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tingxin/audio"
)

// circle is a room with a party per member, each with a tone of its own.
type circle struct {
	*rig
	room    *Room
	parties []*party
	members []*Member
	tones   []Source
	freqs   []float64
}

// circleTones have no harmonic and no simple difference among them, which the coarse steps of G.711 would fill.
var circleTones = []float64{410, 697, 1130, 1523, 1811, 2069, 2297, 2531, 2797, 3011}

func newCircle(t *testing.T, codecs ...Codec) *circle {
	t.Helper()
	c := &circle{rig: newRig(t)}
	c.room = c.NewRoom()
	t.Cleanup(c.room.Close)
	for i, codec := range codecs {
		p := newParty(t, codec)
		m, err := c.room.Enter(c.leg(plain(codec, p.addr())), Talk)
		must(t, err)
		f := circleTones[i]
		c.parties, c.members = append(c.parties, p), append(c.members, m)
		c.tones, c.freqs = append(c.tones, audio.Sine(f, -22, 0)), append(c.freqs, f)
	}
	return c
}

// listen lets all talk for a while and returns the level at which each party hears each tone, in dB.
func (c *circle) listen() (levels [][]float64) {
	c.t.Helper()
	got := make([][]heard, len(c.parties))
	for range 80 {
		for i, p := range c.parties {
			p.talk(c.tones[i], c.members[i].leg)
		}
		c.step(1)
		for i, p := range c.parties {
			got[i] = append(got[i], p.listen()...)
		}
	}
	for i, p := range c.parties {
		pcm := last(p.sound(got[i]), 16000)
		row := make([]float64, len(c.freqs))
		for k, f := range c.freqs {
			row[k], _ = toneDB(pcm, f)
		}
		levels = append(levels, row)
		if len(got[i]) != 80 {
			c.t.Errorf("party %d got %d packets of 80", i, len(got[i]))
		}
	}
	return levels
}

// matrix checks who hears whom: rows hear, columns are heard, 'x' for yes.
func (c *circle) matrix(what string, rows ...string) {
	c.t.Helper()
	for i, row := range c.listen() {
		for k, db := range row {
			want := rows[i][k] == 'x'
			if want && math.Abs(db+22) > 1 || !want && db > -50-22 {
				c.t.Errorf("%s: party %d hears party %d at %.1f dB below its tone, should hear: %v", what, i, k, -22-db, want)
			}
		}
	}
}

// Customer, agent and supervisor, in every mode and in every mixture of codecs: the
// customer never hears a whisper.
func TestRoomMatrix(t *testing.T) {
	for _, codecs := range [][]Codec{{PCMA, PCMU, PCMA}, {PCMA, Opus, Opus}, {G722, PCMA, Opus}, {PCMU, G722, PCMA}} {
		t.Run(fmt.Sprint(codecs), func(t *testing.T) {
			c := newCircle(t, codecs...)
			agent, supervisor := c.members[1], c.members[2]
			c.matrix("conference", ".xx", "x.x", "xx.")
			supervisor.SetRole(Listen)
			c.matrix("listen", ".x.", "x..", "xx.")
			supervisor.Whisper(agent)
			c.matrix("whisper", ".x.", "x.x", "xx.")
			if c.members[0].Hears(supervisor) || !agent.Hears(supervisor) {
				t.Error("the matrix says otherwise")
			}
			supervisor.SetRole(Talk)
			c.matrix("barge", ".xx", "x.x", "xx.")
			supervisor.TakeOver(agent)
			c.matrix("takeover", "..x", "x.x", "x..")
			agent.SetRole(Away)
			c.matrix("agent away", "..x", "...", "x..")
			agent.SetRole(Talk)
			supervisor.Leave()
			c.matrix("supervisor left", ".x.", "x..", "...")
		})
	}
}

// A whisper to somebody who left or is away is heard by nobody.
func TestRoomWhisperToNobody(t *testing.T) {
	c := newCircle(t, PCMA, PCMA, PCMA)
	c.members[2].Whisper(c.members[1])
	c.members[1].SetRole(Away)
	c.matrix("target away", "...", "...", "x..")
	c.members[1].Leave()
	c.matrix("target left", "...", "...", "x..")
}

// Two whisper to the same one, who also hears the rest.
func TestRoomManyWhispers(t *testing.T) {
	c := newCircle(t, PCMA, PCMU, G722, PCMA)
	c.members[2].Whisper(c.members[1])
	c.members[3].Whisper(c.members[1])
	c.matrix("two whisper", ".x..", "x.xx", "xx..", "xx..")
}

// Ten talkers at once neither clip nor wrap.
func TestRoomDoesNotClip(t *testing.T) {
	c := newCircle(t, PCMA, PCMA, PCMA, PCMA, PCMA, PCMA, PCMA, PCMA, PCMA, PCMA)
	for i := range c.tones {
		c.tones[i] = audio.Sine(c.freqs[i], -14, 0)
	}
	var got []heard
	for range 60 {
		for i, p := range c.parties {
			p.talk(c.tones[i], c.members[i].leg)
		}
		c.step(1)
		got = append(got, c.parties[0].listen()...)
	}
	pcm := last(c.parties[0].sound(got), 8000)
	jumps, top := 0, 0
	for i := 1; i < len(pcm); i++ {
		if d := int(pcm[i]) - int(pcm[i-1]); d > 40000 || d < -40000 { // a sum that wrapped
			jumps++
		}
		if pcm[i] == 32767 || pcm[i] == -32768 {
			top++
		}
	}
	if jumps > 0 || top > len(pcm)/100 {
		t.Errorf("%d jumps, %d samples at full scale of %d", jumps, top, len(pcm))
	}
	for x := int32(-400000); x < 400000; x += 7 {
		if y := soft(x); x > 0 && (y <= 0 || soft(x+7) < y) || x < 0 && y >= 0 && x < -7 {
			t.Fatalf("soft(%d) = %d", x, y)
		}
	}
}

// The bridge comes back when the room is left, a closed leg leaves by itself, a full room refuses.
func TestRoomComingAndGoing(t *testing.T) {
	c := newCircle(t, PCMA, PCMA, PCMA)
	a, b := c.members[0].leg, c.members[1].leg
	defer Join(a, b).Close()
	must(t, c.members[2].leg.Close())
	if n := len(c.room.Members()); n != 2 {
		t.Errorf("%d members", n)
	}
	c.parties, c.members = c.parties[:2], c.members[:2]
	c.matrix("third closed", ".x.", "x..")
	c.room.Close()
	c.matrix("bridge again", ".x.", "x..")
	if _, err := c.room.Enter(a, Talk); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
	r := c.NewRoom()
	defer r.Close()
	for range RoomSize {
		_, err := r.Enter(c.leg(plain(PCMA, loopback(0))), Talk)
		must(t, err)
	}
	if _, err := r.Enter(a, Talk); !errors.Is(err, ErrRoomFull) {
		t.Errorf("%v", err)
	}
	if s := c.Stats(); s.Rooms != 1 {
		t.Errorf("%d rooms", s.Rooms)
	}
}

// Members come, go and change while the clock runs (for the race detector), and a tick allocates nothing.
func TestRoomUnderChange(t *testing.T) {
	e := liveEngine(t)
	r := e.NewRoom()
	defer r.Close()
	var members []*Member
	for i := range 6 {
		l, err := e.NewLeg("m", nil)
		must(t, err)
		configure(t, l, plain([]Codec{PCMA, G722, Opus}[i%3], loopback(9)))
		m, err := r.Enter(l, Talk)
		must(t, err)
		members = append(members, m)
	}
	for range 300 {
		m, o := members[rand.IntN(6)], members[rand.IntN(6)]
		switch rand.IntN(5) {
		case 0:
			m.Whisper(o)
		case 1:
			m.TakeOver(o)
		case 2:
			m.Leave()
		case 3:
			if l := m.leg; l.seat.Load() == nil {
				n, err := r.Enter(l, Listen)
				must(t, err)
				for i := range members {
					if members[i] == m {
						members[i] = n
					}
				}
			}
		default:
			m.SetRole(Role(rand.IntN(4)))
		}
	}
}

func TestRoomTickDoesNotAllocate(t *testing.T) {
	for _, codecs := range [][]Codec{{PCMA, PCMU, PCMA}, {PCMA, G722, Opus, Opus}} {
		x := &load{rig: newRig(t)}
		r := x.NewRoom()
		defer r.Close()
		for i, c := range codecs {
			m, err := r.Enter(x.add(t, c, nil), Talk)
			must(t, err)
			if i == 2 {
				m.Whisper(r.Members()[1])
			}
			m.leg.control.due = 1 << 62
		}
		x.talk()
		x.step(10)
		for _, l := range x.legs {
			l.control.due = 1 << 62
		}
		if n := testing.AllocsPerRun(100, func() { x.talk(); x.step(1); x.hear() }); n != 0 {
			t.Errorf("%v: %v allocations", codecs, n)
		}
	}
}

func benchRoom(b *testing.B, n int, codec Codec) {
	benchLegs(b, max(1, 60/n), func(x *load, t *testing.T) {
		r := x.NewRoom()
		for range n {
			if _, err := r.Enter(x.add(t, codec, nil), Talk); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// A room of two, three, ten and thirty-two, per room.
func BenchmarkRoom2(b *testing.B)      { benchRoom(b, 2, PCMA) }
func BenchmarkRoom3(b *testing.B)      { benchRoom(b, 3, PCMA) }
func BenchmarkRoom10(b *testing.B)     { benchRoom(b, 10, PCMA) }
func BenchmarkRoom32(b *testing.B)     { benchRoom(b, 32, PCMA) }
func BenchmarkRoom3Wide(b *testing.B)  { benchRoom(b, 3, G722) }
func BenchmarkRoom10Wide(b *testing.B) { benchRoom(b, 10, G722) }
