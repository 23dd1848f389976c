package call

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
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

// Sides and messages in a language whose model is not there were tried first for ever, and nothing else was heard afterwards.
func TestLanguageWithoutAModelHoldsUpNobody(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	h.speech.mu.Lock()
	h.speech.missing = "zh"
	h.speech.mu.Unlock()
	if err := os.MkdirAll(h.m.cfg.Recording.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stereo(t, filepath.Join(h.m.cfg.Recording.Dir, "all.wav"))
	for _, sql := range []string{
		`insert into calls (id, node, state, direction, language, started_at, recording_path, recording_state, transcription) select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid,
			'test', 'ended', 'in', case when n > $1 then 'en' else 'zh' end, now() - '1 h'::interval + n * '1 s'::interval, 'all.wav', 'kept', '{"caller": "deferred"}' from generate_series(1, $1::int + 1) n`,
		`insert into voice_messages (id, call_id, box_kind, box, language, at, path, state, transcription, node)
			select id, id, 'queue', 'q', language, started_at, 'all.wav', 'kept', 'deferred', 'test' from calls where $1 > 0`,
	} {
		if _, err := h.db.Exec(t.Context(), sql, 2*lookAtOnce); err != nil {
			t.Fatal(err)
		}
	}
	h.m.wakeTranscriber()
	count := func(sql string) int {
		n, err := pg.Row(t.Context(), h.db, pgx.RowTo[int], sql)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	waitFor(t, func() bool {
		return count(`select count(*) from voice_messages where transcription = 'done' and language = 'en'`) == 1
	})
	if n := count(`select count(*) from calls where transcription->>'caller' = 'done' and language = 'en'`); n != 1 {
		t.Errorf("%d calls were heard", n)
	}
	if n := count(`select count(*) from calls where transcription->>'caller' = 'deferred'`); n != 2*lookAtOnce {
		t.Errorf("%d calls wait for their model", n)
	}
}
