package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tingxin/audio"
	"tingxin/emotion"
)

// Rescorer reads stored recordings again, with another model. It replaces the
// readings and the mood of a call; alerts and labels, which people have seen and
// made, stay. A call whose caller did not consent, or has declined since, is left alone.
//
//	recording -> one channel -> Voice, turns as they were read before -> readings, mood -> one transaction per side
type Rescorer struct {
	Store   *Store
	Emotion *Emotion
	// Recordings is the folder of recordings.
	Recordings string
}

// Rescored is what came of one call.
type Rescored struct {
	CallID string
	Turns  int
	// Before and After are the caller's mood; negative when there was none.
	Before, After float32
	// Skipped says why nothing was done, empty when something was.
	Skipped string
}

// rescoreBatch is how many calls are looked up at once.
const rescoreBatch = 100

// All rescores the calls that began at or after since, oldest first, and tells
// each. The error of one call is its Skipped; an error of the database ends it.
func (s *Rescorer) All(ctx context.Context, since time.Time, tell func(Rescored)) error {
	after := ""
	for {
		records, err := s.Store.recorded(ctx, since, after, rescoreBatch)
		if err != nil {
			return err
		}
		for i := range records {
			done, err := s.record(ctx, &records[i])
			if err != nil {
				return err
			}
			tell(done)
		}
		if len(records) < rescoreBatch {
			return nil
		}
		last := &records[len(records)-1]
		since, after = last.StartedAt, last.ID
	}
}

// Call rescores one call.
func (s *Rescorer) Call(ctx context.Context, id string) (Rescored, error) {
	r, err := s.Store.Get(ctx, id)
	if err != nil {
		return Rescored{}, err
	}
	return s.record(ctx, &r)
}

func (s *Rescorer) record(ctx context.Context, r *Record) (Rescored, error) {
	out := Rescored{CallID: r.ID, Before: -1, After: -1}
	if r.State != StateEnded || r.Recording.State != RecordingKept {
		out.Skipped = "no recording"
		return out, nil
	}
	ok, err := s.Store.Consented(ctx, r.ID, PurposeEmotion)
	if err != nil {
		return out, err
	}
	if !ok {
		out.Skipped = "no consent"
		return out, nil
	}
	before, err := s.Store.Readings(ctx, r.ID)
	if err != nil {
		return out, err
	}
	moods, err := s.Store.Moods(ctx, r.ID)
	if err != nil {
		return out, err
	}
	alerts := make(map[string]int)
	sides := []string{SideCaller}
	for _, m := range moods {
		alerts[m.Side] = m.Alerts
		if m.Side == SideCaller {
			out.Before = m.Value
		} else {
			sides = append(sides, m.Side)
		}
	}
	for _, side := range sides {
		turns, err := s.turns(ctx, r, side, before)
		if err != nil {
			return out, err
		}
		readings, mood, err := s.side(ctx, r, side, turns)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, errSound) {
			out.Skipped = "the recording cannot be read"
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("rescore call %s: %w", r.ID, err)
		}
		sm := SideMood{CallID: r.ID, Side: side, Summary: mood, Alerts: alerts[side], Model: s.Emotion.Model}
		if err := s.Store.ReplaceReadings(ctx, sm, readings); err != nil {
			return out, err
		}
		out.Turns += len(readings)
		if side == SideCaller && mood.Turns > 0 {
			out.After = mood.Value
		}
	}
	return out, nil
}

// turns are those that were read before; else those of the transcript; else nil, to be found by level.
func (s *Rescorer) turns(ctx context.Context, r *Record, side string, before []TurnReading) ([]heardTurn, error) {
	said, err := s.Store.Utterances(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	var turns []heardTurn
	for i := range before {
		b := &before[i]
		if b.Side != side {
			continue
		}
		t := heardTurn{start: b.Start, end: b.End, interruptions: b.Interruptions}
		if b.Estimate.Words >= 0 { // what was said does not change with the model
			t.words = &emotion.Sentiment{Negative: b.Estimate.Words, Positive: positive(said, b, r.Language), Strong: b.Strong, Kinds: b.Kinds}
		}
		turns = append(turns, t)
	}
	if len(turns) > 0 {
		slices.SortFunc(turns, func(a, b heardTurn) int { return cmp.Compare(a.end, b.end) })
		return turns, nil
	}
	return turnsOf(said, side), nil
}

// positive is how kind the words of a turn were that was read before: rows of readings do not keep it.
func positive(said []Utterance, b *TurnReading, language string) float32 {
	var texts []string
	for i := range said {
		u := &said[i]
		if middle := (u.Start + u.End) / 2; u.Side == b.Side && !u.Gap && u.Model != "prompt" && middle >= b.Start && middle <= b.End {
			texts = append(texts, u.Text)
		}
	}
	return emotion.Words(language, strings.Join(texts, " ")).Positive
}

// turnsOf joins the utterances of one side by their turn.
func turnsOf(said []Utterance, side string) []heardTurn {
	var turns []heardTurn
	var texts []string
	last := 0
	for i := range said {
		u := &said[i]
		if u.Side != side || u.Gap || u.Model == "prompt" {
			continue
		}
		if u.Turn != last || len(turns) == 0 {
			turns, texts = append(turns, heardTurn{start: u.Start}), append(texts, "")
			last = u.Turn
		}
		n := len(turns) - 1
		turns[n].end = max(turns[n].end, u.End)
		texts[n] += " " + u.Text
		words := emotion.Words(u.Language, texts[n])
		turns[n].words = &words
	}
	return turns
}

// side reads one channel of the recording.
func (s *Rescorer) side(ctx context.Context, r *Record, side string, turns []heardTurn) ([]TurnReading, emotion.Summary, error) {
	channel := 0
	if side == SideAgent {
		channel = 1
	}
	path := r.Recording.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(s.Recordings, path)
	}
	in, err := openSound(path, channel)
	if err != nil {
		return nil, emotion.Summary{}, err
	}
	defer in.Close()
	read := &reread{voice: s.Emotion.Open(), watch: emotion.NewWatch(s.Emotion.Rules), alone: turns == nil, turns: turns,
		row: TurnReading{CallID: r.ID, Side: side, Model: s.Emotion.Model, Late: true}}
	for n := uint64(0); ; n++ {
		if n%50 == 0 && ctx.Err() != nil {
			return nil, emotion.Summary{}, ctx.Err()
		}
		var f audio.Frame
		if err := in.ReadFrame(&f); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, emotion.Summary{}, err
		}
		f.Seq = n
		read.frame(&f)
	}
	read.rest()
	return read.readings, read.watch.Mood(), nil
}

// reread is one channel on its way through a Voice.
type reread struct {
	voice    Voice
	watch    *emotion.Watch
	pauses   pauses
	alone    bool        // turns are found by level
	turns    []heardTurn // still to come
	at       time.Duration
	row      TurnReading // what all rows have in common
	readings []TurnReading
}

// afterTurn is how much sound behind its end a reading sees, as in a running call.
const afterTurn = 300 * time.Millisecond

func (r *reread) frame(f *audio.Frame) {
	r.voice.WriteFrame(f)
	r.at += audio.FrameDur
	if start, end, ok := r.pauses.frame(f); ok && r.alone {
		r.turn(heardTurn{start: start, end: end})
	}
	for len(r.turns) > 0 && r.at >= r.turns[0].end+afterTurn {
		r.turn(r.turns[0])
		r.turns = r.turns[1:]
	}
}

func (r *reread) rest() {
	for _, t := range r.turns {
		r.turn(t)
	}
	r.turns = nil
}

func (r *reread) turn(t heardTurn) {
	f := felt{heardTurn: t, turn: true}
	if heard, ok := r.voice.EndTurn(t.start, t.end); ok {
		f.reading = &heard
	}
	est, ok := f.estimate()
	if !ok {
		return
	}
	row := r.row
	row.Seq, row.Start, row.End, row.Estimate, row.Interruptions = len(r.readings)+1, t.start, t.end, est, t.interruptions
	row.fill(f.reading, t.words)
	r.watch.Turn(est, false, emotion.Span{Start: t.start, End: t.end})
	row.Mood = r.watch.Mood().Now
	r.readings = append(r.readings, row)
}
