package bench

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"tingxin/audio"
	"tingxin/caller"
	"tingxin/media/opus"
)

// aloneFor is the CPU time that libopus alone gets, in one go after the calls: in slices beside
// them its caches were cold, and up to a third more CPU time flattered the server.
const aloneFor = time.Second

// alone is libopus with nothing around it at the work of one call: each frame of the
// caller is decoded, each of the callee coded. CPU time of the thread counts, so that
// neighbours do not.
type alone struct {
	enc     *opus.Encoder
	dec     *opus.Decoder
	packets [][]byte  // the caller's
	frames  [][]int16 // the callee's
	next    int
	done    int
	used    time.Duration
}

// newAlone takes the same sound from both, from a callee with a telephone (narrow) what 8 kHz
// leave of it; the callee's is coded at the given rate.
func newAlone(pcm []int16, narrow bool, rate int) (*alone, error) {
	opts := caller.OpusOptions
	first, err1 := opus.NewEncoder(opts)
	opts.Rate = rate
	enc, err2 := opus.NewEncoder(opts)
	dec, err3 := opus.NewDecoder(audio.Rate)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, fmt.Errorf("libopus alone: %w", err)
	}
	a := &alone{enc: enc, dec: dec}
	said := pcm
	if narrow { // libopus takes less for a sound with nothing above 4 kHz
		said = audio.Resample(audio.Resample(pcm, audio.Rate, 8000), 8000, rate)
	}
	n := rate / 50
	for i := range len(pcm) / audio.FrameLen {
		packet := make([]byte, 1275)
		k, err := first.Encode(packet, pcm[i*audio.FrameLen:(i+1)*audio.FrameLen])
		if err != nil {
			return nil, fmt.Errorf("libopus alone: %w", err)
		}
		a.packets, a.frames = append(a.packets, packet[:k]), append(a.frames, said[i*n:(i+1)*n])
	}
	return a, nil
}

// run works for so much CPU time.
func (a *alone) run(d time.Duration) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var packet [1275]byte
	var out [audio.FrameLen]int16
	for begun := threadTime(); ; {
		for range 10 {
			_, _ = a.dec.Decode(out[:], a.packets[a.next])
			_, _ = a.enc.Encode(packet[:], a.frames[a.next])
			a.next = (a.next + 1) % len(a.frames)
			a.done++
		}
		if used := threadTime() - begun; used >= d {
			a.used += used
			return
		}
	}
}

// pct is the share of a core that it takes in real time.
func (a *alone) pct() float64 {
	a.run(aloneFor)
	return 100 * a.used.Seconds() / (float64(a.done) * audio.FrameDur.Seconds())
}

// threadTime is the CPU time of the calling thread.
func threadTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		return 0
	}
	return time.Duration(t.Nano())
}
