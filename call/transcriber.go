package call

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/media"
	"tingxin/pg"
)

// transcriber recognises afterwards what found no room while it was spoken: it
// reads the recordings of calls whose record says "deferred", one side at a
// time, whenever the workers have room. The record is the queue, so a restart
// loses nothing; a side goes on behind its last utterance, whoever heard that.
type transcriber struct {
	m    *Manager
	wake chan struct{}
	told map[string]bool // models that are not there, and it was said; of run
}

// How often deferred calls are looked for, and asked for again when there was no room.
const (
	lookEvery  = 30 * time.Second
	roomAfter  = 2 * time.Second
	lookAtOnce = 20
)

func newTranscriber(m *Manager) *transcriber {
	return &transcriber{m: m, wake: make(chan struct{}, 1), told: map[string]bool{}}
}

func (m *Manager) wakeTranscriber() {
	select {
	case m.later.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (t *transcriber) run(ctx context.Context) {
	if t.m.parts.Recogniser == nil {
		return
	}
	for ctx.Err() == nil {
		wait := lookEvery
		switch err := t.all(ctx); {
		case err == nil || ctx.Err() != nil:
		case noRoom(err):
			wait = roomAfter
			t.m.log.Debug("transcription afterwards waits", "error", err)
		default:
			t.m.log.Warn("some recordings could not be transcribed; they are tried again", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-t.wake:
			pause(ctx, time.Second) // the record of the call that just ended comes to the database
		case <-time.After(wait):
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// noRoom tells errors that are nobody's own: what is behind would meet them, too.
func noRoom(err error) bool {
	return errors.Is(err, asr.ErrFull) || errors.Is(err, asr.ErrNoWorker) || errors.Is(err, asr.ErrClosed) || errors.Is(err, pg.ErrUnavailable)
}

// round is one look at all that waits. What is wrong with one recording holds up no other.
type round struct {
	t       *transcriber
	lacking map[string]bool // languages and models that are not there
	without []string        // of these, the languages whose own model is not there
	failed  error           // the last of those that are tried again
}

// try does one side or message, unless its model is not there; an error ends the round.
func (r *round) try(ctx context.Context, language, model string, do func() error) error {
	key := language + " " + model
	if r.lacking[key] {
		return nil
	}
	err := do()
	switch {
	case err == nil:
	case ctx.Err() != nil || noRoom(err):
		return err
	case errors.Is(err, asr.ErrNoModel):
		r.lacking[key] = true
		if model == "" {
			r.without = append(r.without, language)
		}
		if !r.t.told[key] {
			r.t.told[key] = true
			r.t.m.log.Warn("recordings wait for a speech model that is not there: set asr.models", "language", language, "model", model)
		}
	default:
		r.failed = err
	}
	return nil
}

func (t *transcriber) all(ctx context.Context) error {
	r := &round{t: t, lacking: map[string]bool{}}
	if err := t.calls(ctx, r); err != nil {
		return err
	}
	if err := t.messages(ctx, r); err != nil {
		return err
	}
	return r.failed
}

// calls recognises the sides that were left.
func (t *transcriber) calls(ctx context.Context, round *round) error {
	named := slices.ContainsFunc(*t.m.routes.Load(), func(r Route) bool { return r.Model != "" })
	for after := ""; ; {
		var without []string
		if !named { // else a call's model is not its language's
			without = round.without
		}
		records, err := t.m.parts.Store.Deferred(ctx, t.m.cfg.Node, after, without, lookAtOnce)
		if err != nil {
			return err
		}
		for _, r := range records {
			after = r.ID
			for _, side := range []string{SideCaller, SideAgent} {
				if r.Transcription[side] != TranscriptionDeferred {
					continue
				}
				model, _ := t.chosen(r)
				if err := round.try(ctx, r.Language, model, func() error { return t.side(ctx, r, side) }); err != nil {
					return err
				}
			}
		}
		if len(records) < lookAtOnce {
			return nil
		}
	}
}

// chosen are the model and the phrases that the call's route names.
func (t *transcriber) chosen(r Record) (model string, phrases []string) {
	if route, ok := t.m.routes.Load().find(r.To, r.Trunk, r.Direction == DirectionOut); ok {
		return route.Model, route.Phrases
	}
	return "", nil
}

// messages recognises what callers left on machines.
func (t *transcriber) messages(ctx context.Context, round *round) error {
	for after := ""; ; {
		list, err := t.m.parts.Store.pendingMessages(ctx, t.m.cfg.Node, RecordingKept, after, round.without, lookAtOnce)
		if err != nil {
			return err
		}
		for i := range list {
			after = list[i].ID
			if err := round.try(ctx, list[i].Language, "", func() error { return t.keep(ctx, &list[i]) }); err != nil {
				return err
			}
		}
		if len(list) < lookAtOnce {
			return nil
		}
	}
}

// keep recognises one message and writes its words; an error means to try again later.
func (t *transcriber) keep(ctx context.Context, m *Message) error {
	text, err := t.message(ctx, m)
	state := TranscriptionDone
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errSound) {
		t.m.log.Error("a message cannot be transcribed", "call", m.CallID, "error", err)
		state, err = TranscriptionOff, nil
	}
	if err == nil {
		err = t.m.parts.Store.setTranscript(ctx, m.ID, text, state)
	}
	if err != nil {
		return err
	}
	m.Transcript, m.Transcription = text, state
	t.m.parts.Bus.Publish("voicemail.changed", m.CallID, m.Item())
	return nil
}

// message is the text of one message.
func (t *transcriber) message(ctx context.Context, m *Message) (string, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	in, err := openSound(filepath.Join(t.m.cfg.Recording.Dir, m.Path), 0)
	if err != nil {
		return "", err
	}
	defer in.Close()
	cfg := asr.StreamConfig{Language: m.Language, Call: m.CallID, Side: SideCaller, Batch: true, Narrow: in.narrow || !t.wide(ctx, m.CallID)}
	stream, err := t.m.parts.Recogniser.Open(ctx, cfg)
	if err != nil {
		return "", err
	}
	fed := make(chan error, 1)
	go func() { fed <- feed(ctx, in, stream) }() // ends with the file, or when the stream or ctx ends
	var parts []string
	for r := range stream.Results() {
		if text := strings.TrimSpace(r.Text); r.Kind == asr.Final && text != "" {
			parts = append(parts, text)
		}
	}
	err = errors.Join(ctx.Err(), <-fed)
	return strings.Join(parts, " "), errors.Join(err, stream.Close())
}

// side recognises one side; an error means to try again later.
func (t *transcriber) side(ctx context.Context, r Record, side string) error {
	state := TranscriptionDone
	err := t.recognise(ctx, r, side)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, errSound) {
		t.m.log.Error("recording cannot be transcribed", "call", r.ID, "side", side, "error", err)
		state, err = TranscriptionOff, nil
	}
	if err != nil {
		return err
	}
	if err := t.m.parts.Store.SetTranscription(ctx, r.ID, side, state); err != nil {
		return err
	}
	now, err := t.m.parts.Store.Get(ctx, r.ID)
	if err != nil {
		return err
	}
	t.m.parts.Bus.Publish("call.updated", r.ID, now.Summary())
	return nil
}

func (t *transcriber) recognise(ctx context.Context, r Record, side string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	channel := 0
	if side == SideAgent {
		channel = 1
	}
	in, err := openSound(t.m.RecordingPath(r.Recording), channel)
	if err != nil {
		return err
	}
	defer in.Close()
	cfg := asr.StreamConfig{Language: r.Language, Call: r.ID, Side: side, Batch: true, Narrow: in.narrow || !t.wide(ctx, r.ID)}
	cfg.Model, cfg.Phrases = t.chosen(r)
	seq := 0
	if cfg.Offset, seq, err = t.resume(ctx, r.ID, side); err != nil {
		return err
	}
	if err := in.skip(cfg.Offset); err != nil {
		return err
	}
	stream, err := t.m.parts.Recogniser.Open(ctx, cfg)
	if err != nil {
		return err
	}
	fed := make(chan error, 1)
	go func() { fed <- feed(ctx, in, stream) }() // ends with the file, or when the stream or ctx ends
	err = t.store(ctx, r, side, seq, stream)
	cancel()
	closed := stream.Close()
	return errors.Join(err, <-fed, closed)
}

// wide says whether the call's first leg was wide-band.
func (t *transcriber) wide(ctx context.Context, id string) bool {
	legs, err := t.m.parts.Store.Legs(ctx, id)
	return err == nil && len(legs) > 0 && legs[0].Codec == media.G722.String()
}

// resume is the call time up to which a side was heard already, and the number of its last utterance.
func (t *transcriber) resume(ctx context.Context, id, side string) (from time.Duration, seq int, err error) {
	said, err := t.m.parts.Store.Utterances(ctx, id)
	for _, u := range said {
		if u.Side != side {
			continue
		}
		seq = max(seq, u.Seq)
		if !u.Gap {
			from = max(from, u.End)
		}
	}
	return from.Truncate(audio.FrameDur), seq, err
}

// feed writes the file to the stream as fast as it is worked off.
func feed(ctx context.Context, in *sound, stream Stream) error {
	defer stream.Finish()
	var f audio.Frame
	for {
		if err := in.ReadFrame(&f); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := stream.WriteWait(ctx, &f); err != nil {
			return err
		}
		f.Seq++
	}
}

// store writes what is recognised, until the stream has said everything.
func (t *transcriber) store(ctx context.Context, r Record, side string, seq int, stream Stream) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case res, ok := <-stream.Results():
			if !ok {
				return nil
			}
			if res.Kind != asr.Final && res.Kind != asr.Gap || res.Kind == asr.Final && res.Text == "" {
				continue
			}
			seq++
			u := Utterance{
				CallID: r.ID, Side: side, Seq: seq, Segment: res.Segment, Start: res.Start, End: res.End, Text: res.Text, Raw: res.Raw,
				Words: res.Words, Spans: res.Spans, Language: r.Language, Model: stream.Model(), Conf: meanConf(res.Words),
				Turn: seq, Gap: res.Kind == asr.Gap, Reason: res.Reason, Late: true,
			}
			if _, err := t.m.parts.Store.AddUtterance(ctx, u); err != nil {
				return fmt.Errorf("words of call %s: %w", r.ID, err)
			}
			t.m.parts.Bus.Publish("transcript.final", r.ID, u.Item())
		}
	}
}
