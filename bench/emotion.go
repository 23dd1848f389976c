package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"tingxin/audio"
	"tingxin/emotion"
	"tingxin/score"
)

// EmotionOptions of a bench of prosody.
type EmotionOptions struct {
	// Files are WAV or FLAC recordings; Manifest names more (see score.ReadSpoken).
	Files    []string
	Manifest string
	// Seconds of audio at most.
	Seconds int
	// Channels that run at once in real time, for Live, to find how late readings are.
	Channels int
	Live     time.Duration
	// JSON is the file for the figures.
	JSON string
}

// Register adds the command's flags to fs.
func (o *EmotionOptions) Register(fs *flag.FlagSet) {
	fs.StringVar(&o.Manifest, "manifest", "", "recordings: `file` of tab-separated values with columns path, speaker, label")
	fs.IntVar(&o.Seconds, "seconds", 600, "`N` seconds of audio at most")
	fs.IntVar(&o.Channels, "channels", 50, "`N` channels at once, in real time")
	fs.DurationVar(&o.Live, "live", 20*time.Second, "how long they run; 0 leaves them out")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// EmotionFigures is the list of names for --help.
const EmotionFigures = `Figures in --json:
  core.pct                 CPU of one channel that speaks all the time, with a reading each second
  frame.cpu_us             CPU per frame of 20 ms
  frame.allocs             allocations per frame
  turn.cpu_ms              CPU of the reading of a turn
  audio.seconds cpu.seconds
  live.channels live.turn_p50_ms live.turn_p95_ms live.turn_max_ms   from a turn's end to its reading, all channels at once
`

// Emotion measures what features and model cost, one channel after the other, and then
// how long a turn waits for its reading when many channels run in real time.
func Emotion(ctx context.Context, opts EmotionOptions, out io.Writer) error {
	clips, err := opts.clips()
	if err != nil {
		return err
	}
	figures := single(clips)
	if opts.Live > 0 {
		waits, err := live(ctx, clips, opts)
		if err != nil {
			return err
		}
		slices.Sort(waits)
		at := func(q float64) float64 { return waits[int(q*float64(len(waits)-1))].Seconds() * 1000 }
		figures = append(figures, score.Figure{Name: "live.channels", Value: float64(opts.Channels)}, score.Figure{Name: "live.turn_p50_ms", Value: at(0.5)},
			score.Figure{Name: "live.turn_p95_ms", Value: at(0.95)}, score.Figure{Name: "live.turn_max_ms", Value: at(1)})
	}
	fmt.Fprintf(out, "prosody, model %s\n\n", emotion.Default().Version())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		fmt.Fprintf(w, "  %s\t%.3f\n", f.Name, f.Value)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return score.WriteJSON(opts.JSON, figures)
}

// clips reads the recordings, at most opts.Seconds of them.
func (o *EmotionOptions) clips() (clips [][]int16, err error) {
	files := o.Files
	if o.Manifest != "" {
		list, err := score.ReadSpoken(o.Manifest, "")
		if err != nil {
			return nil, err
		}
		for _, s := range list {
			files = append(files, s.Path)
		}
	}
	if len(files) == 0 {
		return nil, errors.New("bench emotion needs recordings: name WAV or FLAC files, or --manifest FILE")
	}
	left := o.Seconds * audio.Rate
	for _, f := range files {
		pcm, _, err := score.ReadAudio(f)
		if err != nil {
			return nil, err
		}
		pcm = pcm[:min(len(pcm), left)]
		if left -= len(pcm); len(pcm) >= audio.FrameLen {
			clips = append(clips, pcm)
		}
		if left <= 0 {
			break
		}
	}
	if len(clips) == 0 {
		return nil, errors.New("the recordings hold no sound")
	}
	return clips, nil
}

// processor is the CPU time of this process, to the microsecond.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// single writes every clip through one analyzer, each a turn.
func single(clips [][]int16) []score.Figure {
	a := emotion.NewAnalyzer(emotion.Default(), nil)
	var f audio.Frame
	frames, turns := 0, 0
	write := func(pcm []int16) {
		copy(f.PCM[:], pcm)
		a.WriteFrame(&f)
		f.Seq++
		frames++
	}
	for i := 0; i < 300; i++ { // the work spaces are made once
		write(clips[0][i*audio.FrameLen%(len(clips[0])-audio.FrameLen+1):])
	}
	frames = 0
	var spent, turn time.Duration
	var before, after runtime.MemStats
	var allocs uint64
	for _, pcm := range clips {
		start := f.Time()
		runtime.ReadMemStats(&before)
		begun := processor()
		for ; len(pcm) >= audio.FrameLen; pcm = pcm[audio.FrameLen:] {
			write(pcm)
		}
		spent += processor() - begun
		runtime.ReadMemStats(&after)
		allocs += after.Mallocs - before.Mallocs
		begun = processor()
		a.EndTurn(start, f.Time())
		turn += processor() - begun
		turns++
	}
	seconds := float64(frames) * audio.FrameDur.Seconds()
	return []score.Figure{
		{Name: "core.pct", Value: 100 * (spent + turn).Seconds() / seconds},
		{Name: "frame.cpu_us", Value: spent.Seconds() * 1e6 / float64(frames)},
		{Name: "frame.allocs", Value: float64(allocs) / float64(frames)},
		{Name: "turn.cpu_ms", Value: turn.Seconds() * 1e3 / float64(turns)},
		{Name: "audio.seconds", Value: seconds},
		{Name: "cpu.seconds", Value: (spent + turn).Seconds()},
	}
}

// live runs channels in real time; each ends a turn every three seconds, all at different
// times, and says how long it waited for the reading.
func live(ctx context.Context, clips [][]int16, opts EmotionOptions) ([]time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, opts.Live)
	defer cancel()
	all := make([][]time.Duration, opts.Channels)
	var wg sync.WaitGroup
	for i := range opts.Channels {
		// Ends with ctx.
		wg.Go(func() { all[i] = channel(ctx, slices.Concat(clips[i%len(clips)], clips[(i+1)%len(clips)]), i) })
	}
	wg.Wait()
	waits := slices.Concat(all...)
	if len(waits) == 0 {
		return nil, errors.New("no turn ended: run the channels for longer than four seconds")
	}
	return waits, nil
}

// channel is one side of a call; due is when each frame is there.
func channel(ctx context.Context, pcm []int16, number int) (waits []time.Duration) {
	const turn = 150 // frames
	a := emotion.NewAnalyzer(emotion.Default(), nil)
	var f audio.Frame
	timer := time.NewTimer(0)
	defer timer.Stop()
	due := time.Now().Add(time.Duration(number%20) * time.Millisecond)
	for at := 0; ; at = (at + audio.FrameLen) % (len(pcm) - audio.FrameLen + 1) {
		timer.Reset(time.Until(due))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return waits
		}
		copy(f.PCM[:], pcm[at:])
		a.WriteFrame(&f)
		f.Seq++
		if (int(f.Seq)+number*7)%turn == 0 {
			a.EndTurn(f.Time()-turn*audio.FrameDur, f.Time())
			waits = append(waits, time.Since(due))
		}
		due = due.Add(audio.FrameDur)
	}
}
