package call

import (
	"testing"

	"tingxin/audio"
)

// A lost packet in the middle of a word does not make it a silence; a pause does.
func TestVoiceOnABadLineIsHeard(t *testing.T) {
	t.Parallel()
	frame := func(power int16, flags audio.Flags) *audio.Frame {
		f := &audio.Frame{Flags: flags}
		for i := range f.PCM {
			f.PCM[i] = power
		}
		return f
	}
	for name, c := range map[string]struct {
		frames []*audio.Frame
		want   bool
	}{
		"a word":                  {[]*audio.Frame{frame(0, 0), frame(3000, 0), frame(3000, 0), frame(3000, 0)}, true},
		"a packet of it was lost": {[]*audio.Frame{frame(0, 0), frame(3000, 0), frame(3000, 0), frame(2000, audio.Concealed), frame(3000, 0)}, true},
		"two clicks":              {[]*audio.Frame{frame(0, 0), frame(3000, 0), frame(3000, 0), frame(0, 0), frame(3000, 0)}, false},
		"nothing was sent":        {[]*audio.Frame{frame(0, 0), frame(3000, 0), frame(3000, 0), frame(0, audio.Silent), frame(3000, 0)}, false},
		"only what was invented":  {[]*audio.Frame{frame(0, 0), frame(3000, audio.Concealed), frame(3000, audio.Concealed), frame(3000, audio.Concealed)}, false},
	} {
		var l level
		heard := false
		for _, f := range c.frames {
			heard = l.loud(audio.Power(f.PCM[:]), f.Flags)
		}
		if heard != c.want {
			t.Errorf("%s: %t", name, heard)
		}
	}
}
