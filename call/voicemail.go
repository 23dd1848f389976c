package call

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/pg"
)

var (
	_ ivr.Messenger = (*Call)(nil)
	_ ivr.Surveyor  = (*Call)(nil)
	_ ivr.Fetcher   = (*Call)(nil)
	_ ivr.Hours     = (*Call)(nil)
)

// Message is what a caller left on a machine, or added to a survey.
type Message struct {
	ID         string // UUIDv7
	CallID     string
	Kind       string // of its box: ivr.BoxQueue, BoxAgent or BoxSurvey
	Box        string // name of the queue, user or survey
	From       string
	FromName   string
	Language   string
	At         time.Time // when it began
	Duration   time.Duration
	Bytes      int64
	Path       string // relative to the recordings folder
	State      string // RecordingOpen, RecordingKept or RecordingDeleted; empty takes the row away
	Ended      string // how: an ivr.MessageEnd, or "server_restart"
	Transcript string
	// Transcription is TranscriptionOff, TranscriptionDeferred or TranscriptionDone.
	Transcription string
	HeardAt       time.Time
	HeardBy       string
	DoneAt        time.Time // somebody has seen to it
	DoneBy        string
	Node          string
}

// MessageItem is the payload of voicemail.left and voicemail.changed, and an item of GET /voicemail.
type MessageItem struct {
	ID            string     `json:"id" doc:"UUIDv7"`
	CallID        string     `json:"call_id"`
	Kind          string     `json:"kind" enum:"queue,agent,survey"`
	Box           string     `json:"box" doc:"queue id, user name or survey"`
	From          string     `json:"from"`
	FromName      string     `json:"from_name,omitempty"`
	Language      string     `json:"language"`
	At            time.Time  `json:"at"`
	DurationMS    int64      `json:"duration_ms"`
	HasAudio      bool       `json:"has_audio"`
	Ended         string     `json:"ended"`
	Transcript    string     `json:"transcript"`
	Transcription string     `json:"transcription" enum:"off,deferred,done"`
	HeardAt       *time.Time `json:"heard_at,omitempty"`
	HeardBy       string     `json:"heard_by,omitempty"`
	DoneAt        *time.Time `json:"done_at,omitempty" doc:"when somebody had seen to it"`
	DoneBy        string     `json:"done_by,omitempty"`
}

// Item is the message as browsers see it.
func (m *Message) Item() MessageItem {
	return MessageItem{ID: m.ID, CallID: m.CallID, Kind: m.Kind, Box: m.Box, From: m.From, FromName: m.FromName, Language: m.Language, At: m.At,
		DurationMS: m.Duration.Milliseconds(), HasAudio: m.State == RecordingKept, Ended: m.Ended, Transcript: m.Transcript, Transcription: m.Transcription,
		HeardAt: pg.OrNull(m.HeardAt), HeardBy: m.HeardBy, DoneAt: pg.OrNull(m.DoneAt), DoneBy: m.DoneBy}
}

// Answer is what a caller answered to one question after the talk.
type Answer struct {
	CallID   string
	N        int // from 1 per call
	Survey   string
	Question string
	Score    *int // nil without an answer
	Least    int  // of the scale
	Most     int
	By       string // "key" or "voice"
	Queue    string
	Agent    string
	Comment  string // id of a Message
	At       time.Time
}

// beep is 1 kHz for 0.4 s.
func beep() media.Source { return audio.Sine(1000, -12, 400*time.Millisecond) }

// TakeMessage implements ivr.Messenger. Whoever hangs up while speaking has left a message.
func (c *Call) TakeMessage(ctx context.Context, b ivr.Mailbox, n *ivr.Message) (id string, end ivr.MessageEnd, err error) {
	if b.Kind == ivr.BoxAgent {
		name, ok := c.m.user(b.Name)
		if !ok {
			c.log.Error("there is no such user to leave a message for", "user", b.Name)
			return "", "", nil
		}
		b.Name = name
	}
	if err := c.Answer(ctx); err != nil {
		return "", "", err
	}
	if !n.NoBeep {
		if err := c.beep(ctx); err != nil {
			return "", "", err
		}
	}
	m, rec, err := c.beginMessage(ctx, b)
	if err != nil || rec == nil {
		return "", "", err
	}
	var ear ear
	remove := c.tapMessage(ctx, rec, &ear)
	end = c.whileSpeaking(ctx, n, &ear)
	remove()
	heard := ear.heard()
	kept := !heard.IsZero() && heard.Sub(m.At) >= n.Least-300*time.Millisecond
	return c.endMessage(m, rec, end, kept), end, context.Cause(ctx)
}

func (c *Call) beep(ctx context.Context) error {
	var out *media.Playout
	if err := c.ask(ctx, func() { out = c.caller().media.Play(beep()) }); err != nil {
		return err
	}
	select {
	case <-out.Done():
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// beginMessage opens the file; a disk that refuses costs the message, not the call.
func (c *Call) beginMessage(ctx context.Context, b ivr.Mailbox) (*Message, *media.Recorder, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, nil, err
	}
	now := time.Now()
	m := &Message{ID: id.String(), CallID: c.id, Kind: b.Kind, Box: b.Name, At: now.UTC(), State: RecordingOpen, Transcription: TranscriptionOff, Node: c.m.cfg.Node,
		Path: filepath.Join("messages", now.UTC().Format("2006/01/02"), id.String()+".wav")}
	if err := c.ask(ctx, func() { m.From, m.FromName, m.Language = c.record.From, c.record.FromName, c.record.Language }); err != nil {
		return nil, nil, err
	}
	path := filepath.Join(c.m.cfg.Recording.Dir, m.Path)
	err = os.MkdirAll(filepath.Dir(path), 0o750)
	var rec *media.Recorder
	if err == nil {
		rec, err = c.m.parts.Engine.Record(path, media.RecordOptions{})
	}
	if err != nil {
		c.m.stats.noRecording.Add(1)
		c.log.Error("a message cannot be recorded", "error", err)
		return m, nil, nil
	}
	for len(c.keys) > 0 {
		<-c.keys
	}
	open := *m
	c.m.writer.Put(&entry{Message: &open}, nil)
	return m, rec, nil
}

// tapMessage lets the caller onto the tape.
func (c *Call) tapMessage(ctx context.Context, rec *media.Recorder, e *ear) (remove func()) {
	remove = func() {}
	_ = c.ask(ctx, func() { // an error says that the caller has gone
		l := c.caller().media
		a, b := l.AddTap(rec.Left()), l.AddLevels(e)
		remove = func() { a(); b() }
	})
	return remove
}

// whileSpeaking waits until the message is over.
func (c *Call) whileSpeaking(ctx context.Context, n *ivr.Message, e *ear) ivr.MessageEnd {
	began := time.Now()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ivr.MessageHangup
		case k := <-c.keys:
			if k == '#' {
				return ivr.MessageKey
			}
		case now := <-tick.C:
			quiet := now.Sub(began)
			if heard := e.heard(); heard.After(began) {
				quiet = now.Sub(heard)
			}
			if quiet >= n.Silence {
				return ivr.MessageSilence
			}
			if now.Sub(began) >= n.Limit {
				return ivr.MessageLimit
			}
		}
	}
}

// endMessage closes the file and writes the message down, or forgets it.
func (c *Call) endMessage(m *Message, rec *media.Recorder, end ivr.MessageEnd, kept bool) (id string) {
	info, err := rec.Close()
	if err != nil {
		c.m.stats.noRecording.Add(1)
		c.log.Error("a message is not complete", "error", err)
	}
	if !kept {
		if err := os.Remove(filepath.Join(c.m.cfg.Recording.Dir, m.Path)); err != nil && !errors.Is(err, os.ErrNotExist) {
			c.log.Error("a message cannot be removed", "error", err)
		}
		m.State = ""
		c.m.writer.Put(&entry{Message: m}, nil)
		return ""
	}
	m.State, m.Duration, m.Bytes, m.Ended = RecordingKept, info.Duration, info.Bytes, string(end)
	if c.m.parts.Recogniser != nil {
		m.Transcription = TranscriptionDeferred
	}
	done := *m
	c.m.writer.Put(&entry{Message: &done}, func() {
		if done.Kind != ivr.BoxSurvey {
			c.m.parts.Bus.Publish("voicemail.left", done.CallID, done.Item())
		}
		c.m.wakeTranscriber()
	})
	return m.ID
}

// missed says whether a call that failed like that is one for the machine.
func missed(err error) bool {
	var de *DialError
	return errors.As(err, &de) && (de.Status == 0 || de.Status == 408 || de.Status == 480 || de.Status == 486 || de.Status == 487 || de.Status == 600 || de.Status == 603 || de.Status == 404)
}

// runMachine takes a message for a user who was not reached.
func (c *Call) runMachine(ctx context.Context, user string) {
	if c.Answer(ctx) != nil {
		return
	}
	language := ""
	if c.ask(ctx, func() { language = c.record.Language }) != nil {
		return
	}
	p, err := c.m.parts.Flows.Prompts.Prompt(ctx, ivr.MessageNotice(language))
	if err == nil {
		_, err = c.Play(ctx, p, true)
	}
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("announcement failed", "error", err)
			c.end(CauseError, 500)
		}
		return
	}
	n := &ivr.Message{Silence: 4 * time.Second, Limit: 2 * time.Minute, Least: time.Second}
	if _, _, err := c.TakeMessage(ctx, ivr.Mailbox{Kind: ivr.BoxAgent, Name: user}, n); err == nil {
		c.end(CauseNormal, 0)
	}
}

// Answered implements ivr.Surveyor.
func (c *Call) Answered(ctx context.Context, a ivr.SurveyAnswer) error {
	c.post(func() {
		c.answers++
		row := &Answer{CallID: c.id, N: c.answers, Survey: a.Survey, Question: a.Question, Score: a.Score, Least: a.Min, Most: a.Max, By: a.By, Comment: a.Comment,
			Queue: c.record.Queue, Agent: c.record.Agent, At: time.Now().UTC().Truncate(time.Microsecond)}
		c.m.writer.Put(&entry{Answer: row}, func() { c.m.parts.Bus.Publish("survey.answered", row.CallID, row.Item()) })
	})
	return nil
}

// Fetch implements ivr.Fetcher.
func (c *Call) Fetch(ctx context.Context, h *ivr.HTTP, value func(string) string) (map[string]string, error) {
	web := c.m.parts.Flows.Web
	if web == nil {
		return nil, ivr.ErrNoWeb
	}
	got, err := web.Fetch(ctx, h, value)
	if err != nil && ctx.Err() == nil {
		c.log.Warn("a server that a flow asked gave no answer", "error", err)
	}
	return got, err
}

// Hours implements ivr.Hours.
func (c *Call) Hours(ctx context.Context, calendar, queue string) (string, error) {
	h, ok := c.m.queues.(ivr.Hours)
	if !ok {
		return "", ivr.ErrNoHours
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	return h.Hours(ctx, calendar, queue)
}
