// Package vad decides 20 ms by 20 ms whether somebody speaks. It looks at the
// telephone band only (16 kHz frames are halved to 8 kHz), so that it judges a
// G.711 call and a wideband one alike.
//
// It owns the features, the noise floor, the small network over them and the
// state machine with its thresholds and hang-over. It refuses to decide when a
// turn is over: that needs the words.
//
//	frame -> half-band filter -> spectrum -> 10 bands over their noise floor,
//	pitch, flatness, tone, flux -> network -> probability -> on/off with hang-over
//
// A Detector allocates nothing after New and belongs to one goroutine.
package vad

// FrameLen is the number of 16 kHz samples in a frame of 20 ms.
const FrameLen = 320

// Config sets the thresholds; the zero value is the default.
type Config struct {
	// On is the probability from which a frame counts towards the start of speech (default 0.4).
	On float32
	// Off is the probability under which a frame of running speech counts as quiet (default 0.3).
	Off float32
	// MinSpeech is the number of frames of speech that open the gate (default 5: 100 ms).
	MinSpeech int
	// HangOver is the number of quiet frames after which speech is over (default 15: 300 ms).
	HangOver int
}

func (c Config) withDefaults() Config {
	if c.On == 0 {
		c.On = 0.4
	}
	if c.Off == 0 {
		c.Off = 0.3
	}
	if c.MinSpeech == 0 {
		c.MinSpeech = 5
	}
	if c.HangOver == 0 {
		c.HangOver = 15
	}
	return c
}

// State is what is known after a frame.
type State struct {
	// Speech is true from the MinSpeech-th frame of speech to the end of the hang-over.
	Speech bool
	// Voice is true when this very frame sounds like speech.
	Voice bool
	// Prob is the probability of speech in this frame, 0..1.
	Prob float32
	// Since counts the frames from the first one of the present speech to this one, both included; 0 when not Speech.
	Since int
	// Quiet counts the frames since the last one with Voice; 0 on such a frame.
	Quiet int
}

// Detector follows one channel.
type Detector struct {
	cfg  Config
	feat features
	net  network

	state State
	run   int // frames since the run of likely speech began, 0 when none
	hits  int // frames of that run at or over On
	weak  int // frames in a row under Off within the run
}

// New makes a Detector.
func New(cfg Config) *Detector {
	d := &Detector{cfg: cfg.withDefaults()}
	d.feat.init()
	d.net.init()
	return d
}

// Write judges the next frame of FrameLen samples at 16 kHz.
func (d *Detector) Write(pcm []int16) State {
	x := d.feat.next(pcm)
	p := d.net.next(x)
	if p >= doubt && p < d.cfg.On && voiced(x) {
		p = d.cfg.On
	}
	d.move(p)
	return d.state
}

// doubt is the probability from which a voiced frame counts as speech. The network
// learned from sentences and is slow to believe in a word that stands alone.
const doubt = 0.1

// voiced says that a frame is well above the floor, has a pitch and is no plain tone.
func voiced(x *[numFeat]float32) bool {
	const snr, pitch, tone = 2 * bands, 2*bands + 3, 2*bands + 4
	return x[snr] > 0.4 && x[pitch] > 0.6 && x[tone] < 0.8
}

// move is the state machine: a run of likely frames opens, HangOver quiet frames close.
func (d *Detector) move(p float32) {
	s := &d.state
	s.Prob = p
	limit := d.cfg.On
	if s.Speech {
		limit = d.cfg.Off
	}
	s.Voice = p >= limit
	if s.Speech {
		s.Since++
		if s.Voice {
			s.Quiet = 0
			return
		}
		s.Quiet++
		if s.Quiet >= d.cfg.HangOver {
			s.Speech, s.Since = false, 0
			d.run, d.hits, d.weak = 0, 0, 0
		}
		return
	}
	s.Quiet++
	d.start(p)
}

// start watches for the beginning of speech. Short dips within the run are
// allowed, as in a word with a stop in it.
func (d *Detector) start(p float32) {
	if p >= d.cfg.Off || d.run > 0 {
		d.run++
	}
	if p >= d.cfg.On {
		d.hits++
	}
	if p < d.cfg.Off {
		d.weak++
		if d.weak > 4 {
			d.run, d.hits, d.weak = 0, 0, 0
		}
	} else {
		d.weak = 0
	}
	if d.hits >= d.cfg.MinSpeech {
		d.state.Speech, d.state.Since = true, d.run
		d.state.Quiet = d.weak
	}
}
