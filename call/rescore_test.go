package call

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/emotion"
	"tingxin/pg/pgtest"
)

// stereo writes a recording with a tone on the caller's side from 1 s to 3 s.
func stereo(t *testing.T, path string) {
	t.Helper()
	w, err := audio.CreateWAV(path, audio.Rate, 2)
	if err != nil {
		t.Fatal(err)
	}
	pcm := make([]int16, 2*audio.Rate*6)
	for i := audio.Rate; i < 3*audio.Rate; i++ {
		pcm[2*i] = int16(i%80*300 - 12000)
	}
	if err := errors.Join(w.Write(pcm), w.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestRescore(t *testing.T) {
	s := NewStore(pgtest.New(t))
	dir := t.TempDir()
	stereo(t, filepath.Join(dir, "a.wav"))
	started := time.Now().UTC().Truncate(time.Second)
	fail := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	record := func(id, file string) Record {
		r := Record{ID: id, From: "100", StartedAt: started, AnsweredAt: started, EndedAt: started.Add(6 * time.Second), Cause: CauseNormal}
		if file != "" {
			r.Recording = Recording{Path: file, State: RecordingKept}
		}
		fail(s.Finish(t.Context(), r, nil))
		return r
	}
	const before, words, alone, silent, gone = "0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002",
		"0190a1b2-0000-7000-8000-000000000003", "0190a1b2-0000-7000-8000-000000000004", "0190a1b2-0000-7000-8000-000000000005"
	for _, id := range []string{before, words, alone, silent} {
		record(id, "a.wav")
	}
	record(gone, "none.wav")
	for _, id := range []string{before, words, alone, gone} {
		fail(s.AddConsent(t.Context(), ConsentRow{CallID: id, Identity: "100", Purpose: PurposeEmotion, State: ConsentAnnounced, At: started}))
	}
	fail(s.AddReading(t.Context(), TurnReading{CallID: before, Side: SideCaller, Seq: 1, Start: time.Second, End: 3 * time.Second,
		Estimate: emotion.Estimate{E: .1, Voice: .1, Words: .5}, Kinds: []emotion.Kind{emotion.KindAnger}, Model: "old"}))
	fail(s.PutMood(t.Context(), SideMood{CallID: before, Side: SideCaller, Summary: emotion.Summary{Turns: 1, Value: .1}, Alerts: 1, Model: "old"}))
	for n, text := range []string{"this is", "ridiculous"} {
		_, err := s.AddUtterance(t.Context(), Utterance{CallID: words, Side: SideCaller, Seq: n + 1, Start: time.Duration(n+1) * time.Second,
			End: time.Duration(n+2) * time.Second, Text: text, Language: "en", Turn: 1})
		fail(err)
	}
	var voice *fakeVoice
	r := Rescorer{Store: s, Recordings: dir, Emotion: &Emotion{Model: "new", Open: func() Voice {
		voice = &fakeVoice{anger: []float32{.8}}
		return voice
	}}}
	done := map[string]Rescored{}
	fail(r.All(t.Context(), started, func(d Rescored) { done[d.CallID] = d }))
	for id, skipped := range map[string]string{before: "", words: "", alone: "", silent: "no consent", gone: "the recording cannot be read"} {
		if d := done[id]; d.CallID != id || d.Skipped != skipped || skipped == "" && (d.Turns != 1 || d.After < .5) {
			t.Errorf("%s: %+v, want skipped %q", id, d, skipped)
		}
	}
	if done[before].Before != .1 {
		t.Errorf("before: %+v", done[before])
	}
	for _, id := range []string{before, words, alone} {
		rows, err := s.Readings(t.Context(), id)
		fail(err)
		if len(rows) != 1 || rows[0].Model != "new" || !rows[0].Late || rows[0].Class != "angry" {
			t.Errorf("%s: %+v", id, rows)
		}
		if id != alone && rows[0].Estimate.Words < .4 {
			t.Errorf("%s lost its words: %+v", id, rows[0].Estimate)
		}
		if rows[0].Start > 1100*time.Millisecond || (rows[0].End-3*time.Second).Abs() > 100*time.Millisecond {
			t.Errorf("%s: turn from %s to %s", id, rows[0].Start, rows[0].End)
		}
	}
	moods, err := s.Moods(t.Context(), before)
	if err != nil || len(moods) != 1 || moods[0].Model != "new" || moods[0].Alerts != 1 {
		t.Errorf("%+v %v", moods, err)
	}
	// A caller who declines afterwards is left alone from then on.
	fail(s.AddConsent(t.Context(), ConsentRow{Identity: "100", Purpose: PurposeEmotion, State: ConsentRefused, Source: "user:a", At: started.Add(time.Hour)}))
	d, err := r.Call(t.Context(), before)
	if err != nil || d.Skipped != "no consent" {
		t.Errorf("%+v %v", d, err)
	}
	if voice.frames != 300 {
		t.Errorf("%d frames of 6 s", voice.frames)
	}
}

// Readings are made of what was said and how: they go with the words. The mood in figures stays with the record.
func TestReadingsGoWithTheWords(t *testing.T) {
	s := NewStore(pgtest.New(t))
	r := Record{ID: "0190a1b2-0000-7000-8000-000000000001", StartedAt: time.Now().Add(-time.Hour).UTC(), EndedAt: time.Now().UTC(), Cause: CauseNormal}
	err := errors.Join(s.Finish(t.Context(), r, nil),
		s.AddReading(t.Context(), TurnReading{CallID: r.ID, Side: SideCaller, Seq: 1, End: time.Second, Estimate: emotion.Estimate{E: .5, Voice: .5, Words: -1}}),
		s.PutMood(t.Context(), SideMood{CallID: r.ID, Side: SideCaller, Summary: emotion.Summary{Turns: 1, Value: .5}}))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.DeleteWords(t.Context(), time.Now(), 10); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Readings(t.Context(), r.ID)
	moods, err2 := s.Moods(t.Context(), r.ID)
	if err != nil || err2 != nil || len(rows) != 0 || len(moods) != 1 {
		t.Errorf("%+v %+v %v %v", rows, moods, err, err2)
	}
}
