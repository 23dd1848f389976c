package api

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/pg"
)

// VoicemailPage is the body of GET /voicemail.
type VoicemailPage struct {
	Items []call.MessageItem `json:"items"`
	Next  string             `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
}

// AnswerList is the body of GET /surveys.
type AnswerList struct {
	Items []call.AnswerItem `json:"items"`
}

// AnswerReport is the body of GET /reports/surveys.
type AnswerReport struct {
	Items []call.AnswerRow `json:"items"`
}

func (s *Server) voicemailRoutes(api huma.API) {
	huma.Register(api, operation("voicemail", http.MethodGet, "/voicemail", "voicemail", "Messages that callers left: one's own and those of one's queues; for a supervisor all", 400), s.listMessages)
	huma.Register(api, operation("message", http.MethodGet, "/voicemail/{id}", "voicemail", "One message", 404), s.getMessage)
	play := operation("message-audio", http.MethodGet, "/voicemail/{id}/audio", "voicemail", "The sound of a message: stereo WAV, left the caller; HTTP ranges. Hearing marks it heard", 404, 416)
	play.Responses = map[string]*huma.Response{
		"200": {Description: "The whole file", Content: map[string]*huma.MediaType{"audio/wav": {}}},
		"206": {Description: "The range asked for", Content: map[string]*huma.MediaType{"audio/wav": {}}},
	}
	huma.Register(api, play, s.playMessage)
	heard := operation("mark-heard", http.MethodPut, "/voicemail/{id}/heard", "voicemail", "Mark a message heard, or not heard", 404)
	huma.Register(api, heard, s.markHeard)
	huma.Register(api, operation("mark-done", http.MethodPut, "/voicemail/{id}/done", "voicemail", "Say that what a message asked for is done, or that it is not", 404), s.markDone)
	del := operation("delete-message", http.MethodDelete, "/voicemail/{id}", "voicemail", "Delete the sound and the words of a message", 404)
	del.DefaultStatus = http.StatusNoContent
	huma.Register(api, del, s.deleteMessage)
	huma.Register(api, operation("surveys", http.MethodGet, "/surveys", "surveys", "What callers answered after the talk, newest first: of one's own calls, for a supervisor of all"), s.listAnswers)
	huma.Register(api, operation("survey-report", http.MethodGet, "/reports/surveys", "surveys", "Scores by survey, queue and agent"), s.reportAnswers)
}

func messageSubject(id string) string { return "message:" + id }

// queuesOf are the queues in which a user works.
func (s *Server) queuesOf(ctx context.Context, username string) ([]string, error) {
	return pg.Rows(ctx, s.db, pgx.RowTo[string], `select m.queue_id from queue_members m join users u on u.id = m.user_id where u.username = $1`, username)
}

type voicemailsInput struct {
	Kind    string `query:"kind" enum:"queue,agent,survey" doc:"of the box; comments on surveys only when asked for"`
	Box     string `query:"box" maxLength:"64" doc:"queue id or user name"`
	Unheard bool   `query:"unheard"`
	Undone  bool   `query:"undone" doc:"nobody has seen to it yet"`
	Call    string `query:"call" maxLength:"36" doc:"id of the call"`
	Cursor  string `query:"cursor" maxLength:"200" doc:"next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) listMessages(ctx context.Context, in *voicemailsInput) (*bodyOf[VoicemailPage], error) {
	who := callerOf(ctx)
	f := call.MessageFilter{Kind: in.Kind, Box: in.Box, Unheard: in.Unheard, Undone: in.Undone, CallID: in.Call, Limit: in.Limit}
	if !who.User.Role.may(RoleSupervisor) {
		var err error
		f.Agent = who.User.Username
		if f.Queues, err = s.queuesOf(ctx, f.Agent); err != nil {
			return nil, s.problem(ctx, err)
		}
	}
	if in.Cursor != "" {
		before, err := messageCursor(in.Cursor)
		if err != nil {
			return nil, badCursor()
		}
		f.Before = before
	}
	list, err := s.parts.Calls.Messages(ctx, f)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := VoicemailPage{Items: make([]call.MessageItem, len(list))}
	for i := range list {
		out.Items[i] = list[i].Item()
	}
	if len(list) == in.Limit {
		out.Next = cursorOf(&list[len(list)-1])
	}
	return &bodyOf[VoicemailPage]{out}, nil
}

// cursorOf is the place behind a message.
func cursorOf(m *call.Message) string {
	raw, _ := json.Marshal([]any{m.At.UnixMicro(), m.ID}) // a number and a string
	return base64.RawURLEncoding.EncodeToString(raw)
}

func messageCursor(s string) (*call.Message, error) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil, err
	}
	var micros int64
	var m call.Message
	if err := json.Unmarshal(raw, &[]any{&micros, &m.ID}); err != nil || len(m.ID) != 36 {
		return nil, call.ErrCursor
	}
	m.At = time.UnixMicro(micros).UTC()
	if m.At.Year() < 1 || m.At.Year() > 9999 {
		return nil, call.ErrCursor
	}
	for i, r := range m.ID { // as a UUID is written
		if dash := i == 8 || i == 13 || i == 18 || i == 23; dash != (r == '-') || !dash && (r < '0' || r > '9' && r < 'a' || r > 'f') {
			return nil, call.ErrCursor
		}
	}
	return &m, nil
}

// messageOf is a message that the caller may hear; others are not there for them.
func (s *Server) messageOf(ctx context.Context, id string) (call.Message, error) {
	m, err := s.parts.Calls.Message(ctx, id)
	if err != nil {
		return m, err
	}
	who := callerOf(ctx)
	if who.User.Role.may(RoleSupervisor) {
		return m, nil
	}
	queues, err := s.queuesOf(ctx, who.User.Username)
	if err == nil && !m.For(who.User.Username, queues) {
		err = pg.ErrNotFound
	}
	return m, err
}

type messageInput struct {
	ID string `path:"id" maxLength:"36" doc:"UUIDv7 of the message"`
}

func (s *Server) getMessage(ctx context.Context, in *messageInput) (*bodyOf[call.MessageItem], error) {
	m, err := s.messageOf(ctx, in.ID)
	return &bodyOf[call.MessageItem]{m.Item()}, s.problem(ctx, err)
}

func (s *Server) playMessage(ctx context.Context, in *messageInput) (*huma.StreamResponse, error) {
	m, err := s.messageOf(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if m.State != call.RecordingKept {
		return nil, errNoSound
	}
	f, err := os.Open(s.recordingPath(&call.Record{Recording: call.Recording{Path: m.Path}}))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errNoSound
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if err := s.heard(ctx, &m, true); err != nil { // no row, no sound
		f.Close()
		return nil, s.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer f.Close()
		sendRecording(humagin.Unwrap(hc), f, in.ID)
	}}, nil
}

// heard marks a message, with its audit row, and tells it when that changed.
func (s *Server) heard(ctx context.Context, m *call.Message, on bool) error {
	who := callerOf(ctx)
	if m.HeardAt.IsZero() != on && m.HeardBy == who.User.Username {
		return nil // a player asks for many ranges
	}
	action := actMessageHeard
	if !on {
		action = actMessageUnheard
	}
	return s.mark(ctx, m, action, func(tx pgx.Tx) error { return s.parts.Calls.MarkHeard(ctx, tx, m.ID, who.User.Username, on) })
}

// mark changes a mark of a message, with its audit row, and tells it.
func (s *Server) mark(ctx context.Context, m *call.Message, action act, change func(pgx.Tx) error) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(action, messageSubject(m.ID)))
	})
	if err != nil {
		return err
	}
	now, err := s.parts.Calls.Message(ctx, m.ID)
	if err != nil {
		return err
	}
	*m = now
	s.parts.Bus.Publish("voicemail.changed", m.CallID, m.Item())
	return nil
}

type heardInput struct {
	ID   string `path:"id" maxLength:"36" doc:"UUIDv7 of the message"`
	Body struct {
		Heard bool `json:"heard"`
	}
}

func (s *Server) markHeard(ctx context.Context, in *heardInput) (*bodyOf[call.MessageItem], error) {
	m, err := s.messageOf(ctx, in.ID)
	if err == nil && m.HeardAt.IsZero() == in.Body.Heard {
		err = s.heard(ctx, &m, in.Body.Heard)
	}
	return &bodyOf[call.MessageItem]{m.Item()}, s.problem(ctx, err)
}

type doneInput struct {
	ID   string `path:"id" maxLength:"36" doc:"UUIDv7 of the message"`
	Body struct {
		Done bool `json:"done"`
	}
}

func (s *Server) markDone(ctx context.Context, in *doneInput) (*bodyOf[call.MessageItem], error) {
	m, err := s.messageOf(ctx, in.ID)
	if err == nil && m.DoneAt.IsZero() == in.Body.Done {
		action := actMessageDone
		if !in.Body.Done {
			action = actMessageUndone
		}
		err = s.mark(ctx, &m, action, func(tx pgx.Tx) error {
			return s.parts.Calls.MarkDone(ctx, tx, m.ID, callerOf(ctx).User.Username, in.Body.Done)
		})
	}
	return &bodyOf[call.MessageItem]{m.Item()}, s.problem(ctx, err)
}

func (s *Server) deleteMessage(ctx context.Context, in *messageInput) (*struct{}, error) {
	m, err := s.messageOf(ctx, in.ID)
	if err == nil && m.State != call.RecordingKept {
		err = pg.ErrNotFound
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	path := m.Path
	if err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Calls.DeleteMessage(ctx, tx, m.ID); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actMessageDeleted, messageSubject(m.ID)))
	}); err != nil {
		return nil, s.problem(ctx, err)
	}
	if err := s.removeRecording(path); err != nil {
		return nil, s.problem(ctx, fmt.Errorf("message %s: %w", m.ID, err))
	}
	m.State, m.Transcript, m.Transcription = call.RecordingDeleted, "", call.TranscriptionOff
	s.parts.Bus.Publish("voicemail.changed", m.CallID, m.Item())
	return nil, nil
}

type answersInput struct {
	Survey string    `query:"survey" maxLength:"130"`
	Queue  string    `query:"queue" maxLength:"64"`
	Agent  string    `query:"agent" maxLength:"64" doc:"user name, or me"`
	Call   string    `query:"call" maxLength:"36"`
	Since  time.Time `query:"since"`
	Until  time.Time `query:"until"`
	Limit  int       `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (in *answersInput) filter(who *caller) call.AnswerFilter {
	f := call.AnswerFilter{Survey: in.Survey, Queue: in.Queue, Agent: in.Agent, CallID: in.Call, Since: in.Since, Until: in.Until, Limit: in.Limit}
	if f.Agent == "me" || !who.User.Role.may(RoleSupervisor) && !who.User.Role.readsAll() {
		f.Agent = who.User.Username
	}
	return f
}

func (s *Server) listAnswers(ctx context.Context, in *answersInput) (*bodyOf[AnswerList], error) {
	if err := s.knowsQueues(ctx, in.Queue); err != nil {
		return nil, err
	}
	items, err := s.parts.Calls.Answers(ctx, in.filter(callerOf(ctx)))
	return &bodyOf[AnswerList]{AnswerList{slices.Clip(items)}}, s.problem(ctx, err)
}

func (s *Server) reportAnswers(ctx context.Context, in *answersInput) (*bodyOf[AnswerReport], error) {
	if err := s.knowsQueues(ctx, in.Queue); err != nil {
		return nil, err
	}
	items, err := s.parts.Calls.AnswerReport(ctx, in.filter(callerOf(ctx)))
	return &bodyOf[AnswerReport]{AnswerReport{items}}, s.problem(ctx, err)
}
