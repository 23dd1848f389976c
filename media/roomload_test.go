package media

import (
	"slices"
	"sync"
	"testing"
	"time"

	"tingxin/audio"
)

// spy is the wire of a far end that notes when the kernel got each packet, and which of them click.
type spy struct {
	*pair
	mu     sync.Mutex
	last   int64 // stamp of the last packet
	gaps   []float64
	clicks []int64
	dec    decoder
}

func (s *spy) receive(l *Leg, w *walker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := w.batch.read(s.rtp); n > 0; n = w.batch.read(s.rtp) {
		for i := range n {
			b, from, stamp := w.batch.take(i, s.rtp)
			if s.last != 0 {
				off := float64(stamp-s.last-tickNS) / 1e6
				s.gaps = append(s.gaps, max(off, -off))
			}
			s.last = stamp
			var pcm [frameUnits]int16
			if _, payload, ok := parseRTP(b); ok && len(payload) == frameUnits {
				s.dec.bytes(pcm[:], payload)
				if audio.RMS(pcm[:]) > 1500 && (len(s.clicks) == 0 || stamp-s.clicks[len(s.clicks)-1] > 5e8) {
					s.clicks = append(s.clicks, stamp)
				}
			}
			l.datagram(w, b, from, w.arrival(stamp))
		}
	}
}

// sentClicks notes when a far end sends a click: the tap is called right after the packet left.
type sentClicks struct {
	mu   sync.Mutex
	when []int64
}

func (s *sentClicks) WriteFrame(f *audio.Frame) {
	if audio.RMS(f.PCM[:]) < 1500 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.when = append(s.when, time.Now().UnixNano())
}

// Rooms of two in real time, both ends in this process. From the packet with a click to
// the packet in which it leaves again takes as long as the clock and the shortest playout
// delay make it, and packets leave evenly. TINGXIN_LOAD=100 asks for that many rooms,
// TINGXIN_LOAD_SECONDS for longer.
func TestRoomLoad(t *testing.T) {
	rooms, seconds := env(t, "TINGXIN_LOAD", 5), env(t, "TINGXIN_LOAD_SECONDS", 4)
	server, callers := started(t), started(t)
	var spies []*spy
	var sent []*sentClicks
	for k := range rooms {
		r := server.NewRoom()
		defer r.Close()
		for i := range 2 {
			s, err := server.NewLeg("s", nil)
			must(t, err)
			c, err := callers.NewLeg("c", nil)
			must(t, err)
			w := &spy{pair: c.pair}
			must(t, w.dec.set(PCMA))
			c.mu.Lock()
			c.wire = w
			c.mu.Unlock()
			configure(t, s, plain(PCMA, c.Local()))
			configure(t, c, plain(PCMA, s.Local()))
			tap := &sentClicks{}
			c.AddSentTap(tap)
			c.Play(&clicks{n: 10*k + 25*i, period: 50})
			_, err = r.Enter(s, Talk)
			must(t, err)
			spies, sent = append(spies, w), append(sent, tap)
		}
	}
	before, begin := processCPU(), time.Now()
	<-time.After(time.Duration(seconds) * time.Second) // real time is what is measured
	used, took := processCPU()-before, time.Since(begin)
	var delays, gaps []float64
	for i, s := range spies {
		s.mu.Lock()
		gaps = append(gaps, s.gaps[min(len(s.gaps), 50):]...)
		delays = append(delays, delaysOf(sent[i^1], s.clicks)...)
		s.mu.Unlock()
	}
	if len(delays) < rooms || len(gaps) == 0 {
		t.Fatalf("%d clicks came through", len(delays))
	}
	slices.Sort(delays)
	slices.Sort(gaps)
	st := server.Stats()
	t.Logf("%d rooms of 2: packet to packet p50 %.1f p95 %.1f ms (%d clicks), spacing off by p50 %.2f p95 %.2f ms, clock late p99 %.2f ms, busy %.1f %%, both ends %.3f %% of a core per room, skipped %d",
		rooms, delays[len(delays)/2], delays[len(delays)*95/100], len(delays), gaps[len(gaps)/2], gaps[len(gaps)*95/100],
		st.ClockLateP99MS, st.BusyPct, used.Seconds()/took.Seconds()*100/float64(rooms), st.Skipped)
	if p50 := delays[len(delays)/2]; p50 > 50 {
		t.Errorf("half of the clicks took longer than %.1f ms", p50)
	}
}

// delaysOf pairs each click sent (but those of the first second) with the next one heard.
func delaysOf(s *sentClicks, heard []int64) (ms []float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, at := range s.when {
		k := slices.IndexFunc(heard, func(h int64) bool { return h >= at })
		if i > 0 && k >= 0 && heard[k]-at < 5e8 {
			ms = append(ms, float64(heard[k]-at)/1e6)
		}
	}
	return ms
}
