package call

import (
	"testing"
	"time"

	"tingxin/pg/pgtest"
)

// A side that recognition had no time to finish is heard from the recording,
// behind the words that were told already.
func TestRestIsHeardAfterwards(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	c, _ := h.call(nil)
	s := h.stream()
	waitFor(t, func() bool { return s.heard() > 0 })
	s.results <- final("one", 0, 40*time.Millisecond)
	h.event("transcript.final")
	told := h.words(c.id)
	waitFor(t, func() bool { return s.heard() > 10 })
	s.mu.Lock()
	s.done = true // it does not come to an end when it is asked to
	s.mu.Unlock()
	time.AfterFunc(wordsTimeout+300*time.Millisecond, func() { close(s.results) })
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	if r := h.get(c); r.Transcription[SideCaller] != TranscriptionDeferred {
		t.Fatalf("transcription %v, want the rest left for afterwards", r.Transcription)
	}
	rest := h.stream()
	if want := told[0].End.Truncate(20 * time.Millisecond); !rest.cfg.Batch || rest.cfg.Offset != want {
		t.Errorf("the rest begins at %v, want %v", rest.cfg.Offset, want)
	}
	waitFor(t, func() bool { return h.get(c).Transcription[SideCaller] == TranscriptionDone })
	if u := h.words(c.id); len(u) != 2 || u[0].Seq+u[1].Seq != 3 || u[0].Late == u[1].Late || rest.heard() == 0 {
		t.Errorf("words %+v after %d frames", u, rest.heard())
	}
}
