package call

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

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
	t.Parallel()
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
	t.Parallel()
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

// What people said comes out with the sound it is about, of callers who allow it, once per stretch.
func TestLabelsComeOutWithTheirSound(t *testing.T) {
	t.Parallel()
	s := NewStore(pgtest.New(t))
	dir := t.TempDir()
	stereo(t, filepath.Join(dir, "a.wav"))
	started := time.Now().UTC().Truncate(time.Second)
	const told, again, silent, gone = "0190a1b2-0000-7000-8000-000000000001", "0190a1b2-0000-7000-8000-000000000002",
		"0190a1b2-0000-7000-8000-000000000003", "0190a1b2-0000-7000-8000-000000000004"
	label := func(id, side, label string, at time.Duration) {
		t.Helper()
		err := s.db.Tx(t.Context(), func(tx pgx.Tx) error {
			_, err := s.AddLabel(t.Context(), tx, EmotionLabel{CallID: id, Side: side, Start: time.Second, End: 2 * time.Second, Label: label, By: "sup", At: started.Add(at)})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{told, again, silent, gone} {
		file := "a.wav"
		if id == gone {
			file = "none.wav"
		}
		r := Record{ID: id, From: "13800138000", StartedAt: started, AnsweredAt: started, EndedAt: started.Add(6 * time.Second), Cause: CauseNormal,
			Recording: Recording{Path: file, State: RecordingKept}}
		if err := s.Finish(t.Context(), r, nil); err != nil {
			t.Fatal(err)
		}
		if id != silent {
			if err := s.AddConsent(t.Context(), ConsentRow{CallID: id, Identity: r.From, Purpose: PurposeEmotion, State: ConsentAnnounced, At: started}); err != nil {
				t.Fatal(err)
			}
		}
	}
	label(told, SideCaller, LabelNotAngry, 0)
	label(told, SideCaller, LabelAngry, time.Minute) // a second thought
	label(told, SideAgent, LabelNotAngry, 0)
	label(again, SideCaller, LabelNotAngry, time.Hour)
	label(silent, SideCaller, LabelAngry, 0)
	label(gone, SideCaller, LabelAngry, 0)

	read := func(since time.Time) (LabelsExported, map[string][]byte) {
		t.Helper()
		var b bytes.Buffer
		x := LabelExport{Store: s, Recordings: dir}
		done, err := x.Zip(t.Context(), &b, since)
		if err != nil {
			t.Fatal(err)
		}
		z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		files := make(map[string][]byte)
		for _, f := range z.File {
			in, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			if files[f.Name], err = io.ReadAll(in); err != nil {
				t.Fatal(err)
			}
		}
		return done, files
	}
	done, files := read(time.Time{})
	if done != (LabelsExported{Stretches: 3, NoConsent: 1, NoRecording: 1}) {
		t.Errorf("%+v", done)
	}
	want := labelColumns + "own\tsound/1.wav\ts1\tangry\tangry\t1.00\n" + "own\tsound/2.wav\ts2\tnot_angry\tneutral\t1.00\n" +
		"own\tsound/3.wav\ts1\tnot_angry\tneutral\t1.00\n"
	if got := string(files["manifest.tsv"]); got != want {
		t.Errorf("manifest\n%swant\n%s", got, want)
	}
	for _, name := range []string{"sound/1.wav", "sound/2.wav"} {
		w, err := audio.DecodeWAV(files[name])
		if err != nil || len(w.Channels) != 1 || w.Rate != audio.Rate || len(w.Channels[0]) != audio.Rate {
			t.Errorf("%s: %v", name, err)
		}
	}
	if bytes.Equal(files["sound/1.wav"], files["sound/2.wav"]) {
		t.Error("the agent's stretch has the caller's sound")
	}
	if done, _ := read(started.Add(30 * time.Minute)); done.Stretches != 1 {
		t.Errorf("since: %+v", done)
	}
}

// Reading a recording again with the same model made every turn with a kind word angrier: thanks were forgotten.
func TestRescoreKeepsKindWords(t *testing.T) {
	t.Parallel()
	s := NewStore(pgtest.New(t))
	dir := t.TempDir()
	stereo(t, filepath.Join(dir, "a.wav"))
	started := time.Now().UTC().Truncate(time.Second)
	r := Record{ID: "0190a1b2-0000-7000-8000-000000000001", From: "100", Language: "en", StartedAt: started, AnsweredAt: started, EndedAt: started.Add(6 * time.Second),
		Cause: CauseNormal, Recording: Recording{Path: "a.wav", State: RecordingKept}}
	const text = "thank you so much, but it is still not working"
	words := emotion.Words("en", text)
	heard, _ := (&fakeVoice{anger: []float32{.5}}).EndTurn(time.Second, 3*time.Second)
	want, _ := emotion.Evidence{Reading: &heard, Words: &words}.Estimate()
	before := TurnReading{CallID: r.ID, Side: SideCaller, Seq: 1, Start: time.Second, End: 3 * time.Second, Estimate: want, Model: "same"}
	before.fill(&heard, &words)
	err := s.Finish(t.Context(), r, nil)
	_, err2 := s.AddUtterance(t.Context(), Utterance{CallID: r.ID, Side: SideCaller, Seq: 1, Start: time.Second, End: 3 * time.Second, Text: text, Language: "en", Turn: 1})
	err = errors.Join(err, err2, s.AddReading(t.Context(), before),
		s.AddConsent(t.Context(), ConsentRow{CallID: r.ID, Identity: "100", Purpose: PurposeEmotion, State: ConsentAnnounced, At: started}))
	if err != nil {
		t.Fatal(err)
	}
	again := Rescorer{Store: s, Recordings: dir, Emotion: &Emotion{Model: "same", Open: func() Voice { return &fakeVoice{anger: []float32{.5}} }}}
	if _, err := again.Call(t.Context(), r.ID); err != nil {
		t.Fatal(err)
	}
	rows, err := s.Readings(t.Context(), r.ID)
	if err != nil || len(rows) != 1 || rows[0].Estimate.E < want.E-.01 || rows[0].Estimate.E > want.E+.01 {
		t.Errorf("%+v %v, want e %.3f as before", rows, err, want.E)
	}
}
