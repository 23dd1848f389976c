package call

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"tingxin/emotion"
	"tingxin/media"
)

// recover gives every call that an earlier run of this node left unfinished its
// CDR, after its recording has been repaired.
func (m *Manager) recover(ctx context.Context) error {
	orphans, err := m.parts.Store.Orphans(ctx, m.cfg.Node)
	if err != nil {
		return fmt.Errorf("unfinished calls: %w", err)
	}
	for _, r := range orphans {
		if err := m.adopt(ctx, r); err != nil {
			return fmt.Errorf("unfinished call %s: %w", r.ID, err)
		}
	}
	if err := m.adoptMessages(ctx); err != nil {
		return fmt.Errorf("unfinished messages: %w", err)
	}
	if len(orphans) > 0 {
		m.log.Warn("calls of an earlier run ended", "calls", len(orphans))
	}
	return nil
}

func (m *Manager) adopt(ctx context.Context, r Record) error {
	last, err := m.lastWord(ctx, r.ID)
	if err != nil {
		return err
	}
	if r.Recording.State == RecordingOpen {
		m.repair(&r)
	}
	if err := m.adoptMood(ctx, r.ID); err != nil {
		return err
	}
	if r.EndedAt.IsZero() { // else another server has seen how long we lived
		r.EndedAt = r.StartedAt
	}
	r.State, r.Cause = StateEnded, CauseRestart
	if !r.AnsweredAt.IsZero() {
		r.EndedAt = later(r.EndedAt, r.AnsweredAt.Add(max(last, r.Recording.Duration)))
	}
	for side, state := range r.Transcription {
		switch {
		case state == TranscriptionLive:
			r.Transcription[side] = TranscriptionDone
		case state == TranscriptionDeferred && r.Recording.State != RecordingKept:
			r.Transcription[side] = TranscriptionOff
		}
	}
	legs, err := m.adoptLegs(ctx, &r)
	if err != nil {
		return err
	}
	return m.parts.Store.Finish(ctx, r, legs)
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// adoptLegs are the legs that were written down as they came; those that had not left end with the call.
func (m *Manager) adoptLegs(ctx context.Context, r *Record) ([]LegRecord, error) {
	legs, err := m.parts.Store.Legs(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	if len(legs) == 0 { // a call of an older version
		legs = []LegRecord{{N: 1, Side: SideCaller, Direction: r.Direction, StartedAt: r.StartedAt, AnsweredAt: r.AnsweredAt}}
	}
	for i := range legs {
		l := &legs[i]
		if l.Cause == CauseNodeLost { // made up
			l.EndedAt, l.Cause = time.Time{}, ""
		}
		for _, at := range []time.Time{l.StartedAt, l.AnsweredAt, l.EndedAt} {
			r.EndedAt = later(r.EndedAt, at) // it came after the last word
		}
	}
	for i := range legs {
		if l := &legs[i]; l.EndedAt.IsZero() {
			l.EndedAt, l.Cause = r.EndedAt, r.Cause
		}
	}
	return legs, nil
}

// adoptMessages makes the messages of an earlier run whole, or takes them away when nothing is left of them.
func (m *Manager) adoptMessages(ctx context.Context) error {
	open, err := m.parts.Store.pendingMessages(ctx, m.cfg.Node, RecordingOpen, "", nil, 10000)
	if err != nil {
		return err
	}
	for i := range open {
		msg := &open[i]
		info, err := media.RepairRecording(filepath.Join(m.cfg.Recording.Dir, msg.Path))
		if err != nil {
			if !errors.Is(err, os.ErrNotExist) {
				m.stats.noRecording.Add(1)
				m.log.Error("a message cannot be repaired", "call", msg.CallID, "error", err)
			}
			msg.State = ""
		} else {
			msg.State, msg.Ended, msg.Duration, msg.Bytes = RecordingKept, string(CauseRestart), info.Duration, info.Bytes
			if m.parts.Recogniser != nil {
				msg.Transcription = TranscriptionDeferred
			}
		}
		if err := m.parts.Store.PutMessage(ctx, *msg); err != nil {
			return err
		}
	}
	return nil
}

// adoptMood sums up what was read, and closes the alerts that nobody will close any more.
func (m *Manager) adoptMood(ctx context.Context, id string) error {
	readings, err := m.parts.Store.Readings(ctx, id)
	if err != nil || len(readings) == 0 {
		return err
	}
	alerts, err := m.parts.Store.Alerts(ctx, id)
	if err != nil {
		return err
	}
	last := readings[len(readings)-1].End
	counts := make(map[string]int)
	for _, a := range alerts {
		counts[a.Side]++
		if a.State != AlertOpen {
			continue
		}
		a.State, a.Ended = AlertEnded, max(last, a.Raised)
		if err := m.parts.Store.PutAlert(ctx, a); err != nil {
			return err
		}
	}
	for _, side := range []string{SideCaller, SideAgent} {
		mood, model := moodOf(readings, side)
		if mood.Turns == 0 {
			continue
		}
		if err := m.parts.Store.PutMood(ctx, SideMood{CallID: id, Side: side, Summary: mood, Alerts: counts[side], Model: model}); err != nil {
			return err
		}
	}
	return nil
}

// moodOf sums up the readings of one side.
func moodOf(readings []TurnReading, side string) (mood emotion.Summary, model string) {
	var m emotion.Mood
	for i := range readings {
		if r := &readings[i]; r.Side == side {
			m.Add(r.Estimate.E, emotion.Span{Start: r.Start, End: r.End})
			model = r.Model
		}
	}
	return m.Summary(), model
}

// lastWord is the call time at which the last kept utterance ended.
func (m *Manager) lastWord(ctx context.Context, id string) (time.Duration, error) {
	said, err := m.parts.Store.Utterances(ctx, id)
	if err != nil {
		return 0, err
	}
	var last time.Duration
	for _, u := range said {
		last = max(last, u.End)
	}
	return last, nil
}

// repair makes the cut-off recording whole.
func (m *Manager) repair(r *Record) {
	path := m.RecordingPath(r.Recording)
	info, err := media.RepairRecording(path)
	switch {
	case err == nil:
		r.Recording.State, r.Recording.Duration, r.Recording.Bytes = RecordingKept, info.Duration, info.Bytes
	case errors.Is(err, os.ErrNotExist):
		r.Recording = Recording{}
	default:
		m.stats.noRecording.Add(1)
		m.log.Error("recording cannot be repaired", "call", r.ID, "error", err)
		r.Recording.State = RecordingNone
	}
}
