package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/pg"
	"tingxin/team"
)

// Chat is the conversations as the API works with them.
type Chat struct {
	*chat.Service
	Accounts *chat.Accounts
	// CheckAccount says what is wrong with the settings of a channel's account; an unknown channel is an error.
	CheckAccount func(channel string, settings json.RawMessage) error
}

func init() {
	at := func(least Role, method string, paths ...string) {
		for _, p := range paths {
			access[method+" "+base+p] = least
		}
	}
	one := "/conversations/:id"
	at(RoleAgent, http.MethodGet, "/conversations", "/conversations/counts", one, one+"/messages", one+"/files/:file", "/conversation-labels", "/conversation-views", "/search")
	at(RoleAgent, http.MethodPost, one+"/messages", one+"/files", one+"/assign", one+"/close", one+"/reopen", one+"/snooze", one+"/transfer", one+"/give-back", one+"/read", one+"/presence",
		one+"/scheduled", one+"/merge", one+"/split", one+"/follow", "/conversations/list", "/conversation-changes/:id/undo", "/conversation-views", "/messages/:id/resend")
	at(RoleAgent, http.MethodPut, one+"/labels", one+"/urgency", one+"/draft")
	at(RoleAgent, http.MethodDelete, one+"/scheduled/:message", "/conversation-views/:id")
	at(RoleSupervisor, http.MethodGet, "/dead-letters")
	at(RoleSupervisor, http.MethodPut, "/conversation-labels/:name")
	at(RoleSupervisor, http.MethodDelete, "/conversation-labels/:name")
	at(RoleAdmin, http.MethodGet, "/channels")
	at(RoleAdmin, http.MethodPut, "/channels/:channel/:id")
	at(RoleAdmin, http.MethodDelete, "/channels/:channel/:id")
}

// ConversationView is the body of GET /conversations/{id}.
type ConversationView struct {
	chat.Row
	Window    *chat.Window     `json:"window,omitempty" doc:"what may still be replied; absent where the channel has none, or it is over"`
	Viewers   []chat.Viewer    `json:"viewers" doc:"who looks at it now"`
	Draft     *chat.Begun      `json:"draft,omitempty"`
	Scheduled []chat.Scheduled `json:"scheduled"`
	Changes   []chat.Change    `json:"changes" doc:"merges and splits, newest first"`
	Followers []int64          `json:"followers"`
}

// MessagePage is the body of GET /conversations/{id}/messages.
type MessagePage struct {
	Items []chat.Message `json:"items"`
}

// ConversationCounts is the body of GET /conversations/counts; each is at most 1000.
type ConversationCounts struct {
	Mine       int           `json:"mine"`
	Unassigned int           `json:"unassigned"`
	Unread     int           `json:"unread" doc:"of mine"`
	Mentions   int           `json:"mentions"`
	Open       int           `json:"open"`
	Views      map[int64]int `json:"views"`
}

// SearchHits is the body of GET /search.
type SearchHits struct {
	Messages []chat.Hit     `json:"messages"`
	Calls    []call.Summary `json:"calls" doc:"in whose transcript the words were said"`
}

// SavedView is a saved filter of conversations.
type SavedView struct {
	chat.View
	GoneQueues []string `json:"gone_queues,omitempty" doc:"named in it, and there no more"`
}

type (
	labelList struct {
		Items []chat.LabelInfo `json:"items"`
	}
	viewList struct {
		Items []SavedView `json:"items"`
	}
	deadLetters struct {
		Items []chat.DeadLetter `json:"items"`
	}
	channelList struct {
		Items []chat.Account `json:"items"`
	}
)

func (s *Server) chatRoutes(api huma.API, r *gin.Engine) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		return operation(id, method, path, "conversations", summary, append(errs, 404, 422)...)
	}
	no := func(id, method, path, summary string, errs ...int) huma.Operation {
		o := op(id, method, path, summary, errs...)
		o.DefaultStatus = http.StatusNoContent
		return o
	}
	one := "/conversations/{id}"
	huma.Register(api, op("conversations", http.MethodGet, "/conversations", "Conversations, the last active first", 400), s.listConversations)
	huma.Register(api, op("conversations-by-filter", http.MethodPost, "/conversations/list", "Conversations of a filter, the last active first", 400), s.filterConversations)
	huma.Register(api, op("conversation-counts", http.MethodGet, "/conversations/counts", "How many there are"), s.countConversations)
	huma.Register(api, op("conversation", http.MethodGet, one, "One conversation"), s.getConversation)
	huma.Register(api, op("messages", http.MethodGet, one+"/messages", "A page of a thread, oldest first"), s.getMessages)
	huma.Register(api, op("send-message", http.MethodPost, one+"/messages", "Send a reply or write a note; 409 when somebody else replied since 'seen', or the channel takes no reply now", 409), s.sendMessage)
	huma.Register(api, no("assign-conversation", http.MethodPost, one+"/assign", "Give it to a user, or to nobody", 409), s.assignConversation)
	huma.Register(api, no("close-conversation", http.MethodPost, one+"/close", "Close it", 409), s.closeConversation)
	huma.Register(api, no("reopen-conversation", http.MethodPost, one+"/reopen", "Open it again", 409), s.reopenConversation)
	huma.Register(api, no("snooze-conversation", http.MethodPost, one+"/snooze", "Put it aside until a time or the customer's next message", 409), s.snoozeConversation)
	huma.Register(api, no("transfer-conversation", http.MethodPost, one+"/transfer", "Put it into a queue", 409), s.transferConversation)
	huma.Register(api, no("give-back-conversation", http.MethodPost, one+"/give-back", "Give it to the bot again", 409), s.giveBackConversation)
	huma.Register(api, no("label-conversation", http.MethodPut, one+"/labels", "Set its labels", 409), s.labelConversation)
	huma.Register(api, no("urgency-of-conversation", http.MethodPut, one+"/urgency", "Set its urgency", 409), s.urgencyOfConversation)
	huma.Register(api, no("read-conversation", http.MethodPost, one+"/read", "I have read up to a message"), s.readConversation)
	huma.Register(api, no("look-at-conversation", http.MethodPost, one+"/presence", "I look at it, or write; to be sent every 10 s"), s.lookAtConversation)
	huma.Register(api, no("follow-conversation", http.MethodPost, one+"/follow", "Follow it, or no more"), s.followConversation)
	huma.Register(api, no("draft", http.MethodPut, one+"/draft", "Keep what I have begun to write"), s.saveDraft)
	huma.Register(api, op("schedule-message", http.MethodPost, one+"/scheduled", "Send a reply later", 409), s.scheduleMessage)
	huma.Register(api, no("unschedule-message", http.MethodDelete, one+"/scheduled/{message}", "Do not send it"), s.unscheduleMessage)
	huma.Register(api, op("merge-conversation", http.MethodPost, one+"/merge", "Merge it into another", 409), s.mergeConversation)
	huma.Register(api, op("split-conversation", http.MethodPost, one+"/split", "Move messages into a conversation of their own", 409), s.splitConversation)
	huma.Register(api, op("undo-change", http.MethodPost, "/conversation-changes/{id}/undo", "Take a merge or split back", 409), s.undoChange)
	huma.Register(api, no("resend-message", http.MethodPost, "/messages/{id}/resend", "Send a message again that did not arrive", 409), s.resendMessage)
	huma.Register(api, op("dead-letters", http.MethodGet, "/dead-letters", "Messages that did not arrive, newest first"), s.deadLetters)
	huma.Register(api, op("conversation-labels", http.MethodGet, "/conversation-labels", "All labels"), s.listLabels)
	huma.Register(api, no("put-conversation-label", http.MethodPut, "/conversation-labels/{name}", "Add a label or change it"), s.putLabel)
	huma.Register(api, no("delete-conversation-label", http.MethodDelete, "/conversation-labels/{name}", "Take a label away, or merge it into another"), s.deleteLabel)
	huma.Register(api, op("conversation-views", http.MethodGet, "/conversation-views", "Saved filters: mine and everybody's"), s.listViews)
	huma.Register(api, op("add-conversation-view", http.MethodPost, "/conversation-views", "Save a filter"), s.addView)
	huma.Register(api, no("delete-conversation-view", http.MethodDelete, "/conversation-views/{id}", "Take a saved filter away"), s.deleteView)
	huma.Register(api, op("search", http.MethodGet, "/search", "Words in messages and in transcripts of calls"), s.search)
	huma.Register(api, op("channels", http.MethodGet, "/channels", "Accounts of all channels"), s.listChannels)
	huma.Register(api, no("put-channel", http.MethodPut, "/channels/{channel}/{id}", "Add or change an account"), s.putChannel)
	huma.Register(api, no("delete-channel", http.MethodDelete, "/channels/{channel}/{id}", "Take an account away"), s.deleteChannel)
	// Files are no JSON: served beside Huma, described here.
	binary := map[string]*huma.MediaType{"application/octet-stream": {Schema: &huma.Schema{Type: "string", Format: "binary"}}}
	id := &huma.Param{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: "integer", Format: "int64"}}
	up := op("upload-file", http.MethodPost, one+"/files", "Keep a file for a message to come; the body is the file", 413, 415)
	up.Parameters = []*huma.Param{id, {Name: "name", In: "query", Schema: &huma.Schema{Type: "string"}}}
	up.RequestBody = &huma.RequestBody{Required: true, Content: binary}
	attachment := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[chat.Attachment](), true, "")
	up.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{"application/json": {Schema: attachment}}}, "default": {Description: "A problem document (RFC 9457)"}}
	api.OpenAPI().AddOperation(&up)
	down := op("download-file", http.MethodGet, one+"/files/{file}", "A file of the conversation, or its small picture")
	down.Parameters = []*huma.Param{id, {Name: "file", In: "path", Required: true, Schema: &huma.Schema{Type: "string"}}, {Name: "thumb", In: "query", Schema: &huma.Schema{Type: "string"}}}
	down.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: binary}, "default": {Description: "A problem document (RFC 9457)"}}
	api.OpenAPI().AddOperation(&down)
	r.POST(base+"/conversations/:id/files", s.uploadFile)
	r.GET(base+"/conversations/:id/files/:file", s.downloadFile)
}

// me is the caller as author, and as user's id.
func me(ctx context.Context) chat.Author {
	u := callerOf(ctx).User
	id, _ := strconv.ParseInt(u.ID, 10, 64) // it came out of a bigint
	name := u.Name
	if name == "" {
		name = u.Username
	}
	return chat.Author{Kind: chat.Agent, User: id, Name: name}
}

func errNoChat() error { return huma.Error503ServiceUnavailable("this server has no conversations") }

// withChat does something to conversations and maps the error.
func (s *Server) withChat(ctx context.Context, f func(c *Chat) error) (*struct{}, error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	return nil, s.problem(ctx, f(s.parts.Chat))
}

// chatProblem knows the errors of conversations; nil for others.
func chatProblem(err error) error {
	newer, window := new(chat.NewerError), new(chat.WindowError)
	switch {
	case errors.As(err, &newer):
		p := huma.Error409Conflict("somebody else replied since the draft was begun; look at it first")
		if model, ok := p.(*huma.ErrorModel); ok {
			model.Type = "urn:tingxin:newer-reply"
		}
		return p
	case errors.As(err, &window):
		p := huma.Error409Conflict(window.Error())
		if model, ok := p.(*huma.ErrorModel); ok {
			model.Type = "urn:tingxin:window-" + window.Reason
		}
		return p
	case errors.Is(err, chat.ErrAbsent):
		p := huma.Error409Conflict(chat.ErrAbsent.Error())
		if model, ok := p.(*huma.ErrorModel); ok {
			model.Type = "urn:tingxin:agent-absent"
		}
		return p
	case errors.Is(err, chat.ErrState):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, chat.ErrCursor):
		return badCursor()
	case errors.Is(err, chat.ErrBad), errors.Is(err, chat.ErrNoChannel):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, chat.ErrTooLong):
		return huma.NewError(http.StatusRequestEntityTooLarge, err.Error())
	case errors.Is(err, chat.ErrFileType):
		return huma.NewError(http.StatusUnsupportedMediaType, err.Error())
	}
	return nil
}

type conversationsInput struct {
	Box    string `query:"box" enum:"mine,unassigned,mentions,followed,open,snoozed,closed,all" default:"open"`
	View   int64  `query:"view" doc:"a saved filter, instead of box"`
	Label  string `query:"label" maxLength:"120"`
	Cursor string `query:"cursor" maxLength:"200"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func leaf(field, op string, value any) chat.Filter {
	doc, _ := json.Marshal(value) // words, numbers and flags
	return chat.Filter{Field: field, Op: op, Value: doc}
}

// boxes are the filters of the inbox.
var boxes = map[string]chat.Filter{
	"mine":       {All: []chat.Filter{leaf("assignee", "is", "me"), leaf("state", "is", "open")}},
	"unassigned": {All: []chat.Filter{leaf("assignee", "is", "none"), leaf("state", "is", "open"), leaf("handler", "is", "queue")}},
	"mentions":   {All: []chat.Filter{leaf("mentions", "is", true)}},
	"followed":   {All: []chat.Filter{leaf("followed", "is", true)}},
	"open":       {All: []chat.Filter{leaf("state", "is", "open")}},
	"snoozed":    {All: []chat.Filter{leaf("state", "is", "snoozed")}},
	"closed":     {All: []chat.Filter{leaf("state", "is", "closed")}},
	"all":        {All: []chat.Filter{{Not: &chat.Filter{Field: "state", Op: "is", Value: json.RawMessage(`"merged"`)}}}},
}

func (s *Server) listConversations(ctx context.Context, in *conversationsInput) (*bodyOf[chat.Page], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	f := boxes[in.Box]
	if in.View != 0 {
		v, err := s.parts.Chat.ViewByID(ctx, me(ctx).User, in.View)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		f = v.Filter
	}
	if in.Label != "" {
		f = chat.Filter{All: []chat.Filter{f, leaf("label", "has", in.Label)}}
	}
	page, err := s.parts.Chat.List(ctx, me(ctx).User, f, in.Cursor, in.Limit)
	return &bodyOf[chat.Page]{page}, s.problem(ctx, err)
}

type filterInput struct {
	Body struct {
		Filter json.RawMessage `json:"filter" doc:"a tree of conditions"`
		Cursor string          `json:"cursor,omitempty" maxLength:"200"`
		Limit  int             `json:"limit,omitempty" minimum:"1" maximum:"200"`
	}
}

func (s *Server) filterConversations(ctx context.Context, in *filterInput) (*bodyOf[chat.Page], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	f, err := chat.ReadFilter(in.Body.Filter)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if slices.Contains(callerOf(ctx).hidden, team.External) && asksWho(&f) {
		return nil, huma.Error403Forbidden("your role does not look for a customer by what is masked")
	}
	if err := s.knowsQueues(ctx, f.Queues()...); err != nil {
		return nil, err
	}
	limit := in.Body.Limit
	if limit == 0 {
		limit = 50
	}
	page, err := s.parts.Chat.List(ctx, me(ctx).User, f, in.Body.Cursor, limit)
	return &bodyOf[chat.Page]{page}, s.problem(ctx, err)
}

// asksWho tells whether a filter asks for the address of a customer: by trying, one would read what is masked.
func asksWho(f *chat.Filter) bool {
	ask := func(one chat.Filter) bool { return asksWho(&one) }
	return f.Field == "customer" || f.Not != nil && asksWho(f.Not) || slices.ContainsFunc(f.All, ask) || slices.ContainsFunc(f.Any, ask)
}

func (s *Server) countConversations(ctx context.Context, _ *struct{}) (*bodyOf[ConversationCounts], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	c, user := s.parts.Chat, me(ctx).User
	out := ConversationCounts{Views: map[int64]int{}}
	unread := chat.Filter{All: []chat.Filter{boxes["mine"], leaf("unread", "is", true)}}
	fresh := leaf("mentions", "is", true)
	for _, one := range []struct {
		into *int
		f    chat.Filter
	}{{&out.Mine, boxes["mine"]}, {&out.Unassigned, boxes["unassigned"]}, {&out.Unread, unread}, {&out.Mentions, fresh}, {&out.Open, boxes["open"]}} {
		n, err := c.Count(ctx, user, one.f)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		*one.into = n
	}
	views, err := c.Views(ctx, user)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	for _, v := range views {
		n, err := c.Count(ctx, user, v.Filter)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		out.Views[v.ID] = n
	}
	return &bodyOf[ConversationCounts]{out}, nil
}

type conversationInput struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) getConversation(ctx context.Context, in *conversationInput) (*bodyOf[ConversationView], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	c, user, id := s.parts.Chat, me(ctx).User, chat.ID(in.ID)
	row, err := c.Row(ctx, user, id)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := ConversationView{Row: row, Viewers: c.Viewers(id)}
	if w, err := c.Window(ctx, id); err == nil {
		out.Window = &w
	} else if !errors.Is(err, pg.ErrNotFound) {
		return nil, s.problem(ctx, err)
	}
	if out.Draft, err = c.DraftOf(ctx, id, user); err != nil {
		return nil, s.problem(ctx, err)
	}
	if out.Scheduled, err = c.ScheduledOf(ctx, id); err != nil {
		return nil, s.problem(ctx, err)
	}
	if out.Changes, err = c.Changes(ctx, id); err != nil {
		return nil, s.problem(ctx, err)
	}
	out.Followers, err = c.Followers(ctx, id)
	return &bodyOf[ConversationView]{out}, s.problem(ctx, err)
}

type messagesInput struct {
	ID     int64 `path:"id" minimum:"1"`
	Before int64 `query:"before" minimum:"0" doc:"the last ones before this message"`
	After  int64 `query:"after" minimum:"0" doc:"the first ones after this message"`
	Limit  int   `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) getMessages(ctx context.Context, in *messagesInput) (*bodyOf[MessagePage], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	if _, err := s.parts.Chat.Conversation(ctx, chat.ID(in.ID)); err != nil {
		return nil, s.problem(ctx, err)
	}
	all, err := s.parts.Chat.Thread(ctx, chat.ID(in.ID), chat.MessageID(in.Before), chat.MessageID(in.After), in.Limit)
	return &bodyOf[MessagePage]{MessagePage{some(all)}}, s.problem(ctx, err)
}

type sendInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Text     string         `json:"text" maxLength:"20000"`
		Note     bool           `json:"note,omitempty" doc:"private: it never leaves"`
		Files    []string       `json:"files,omitempty" maxItems:"10"`
		ClientID string         `json:"client_id,omitempty" maxLength:"64" doc:"sending the same one again is harmless"`
		Seen     chat.MessageID `json:"seen,omitempty" doc:"last message that the author saw"`
		Mentions []int64        `json:"mentions,omitempty" maxItems:"50" doc:"ids of users named in a note"`
	}
}

func (in *sendInput) draft(ctx context.Context) chat.Draft {
	d := chat.Draft{Conversation: chat.ID(in.ID), Author: me(ctx), Text: in.Body.Text, Files: in.Body.Files, ClientID: in.Body.ClientID, Seen: in.Body.Seen}
	if in.Body.Note {
		d.Kind, d.Mentions = chat.Note, in.Body.Mentions
	}
	if d.ClientID != "" {
		d.ClientID = "agent-" + strconv.FormatInt(d.Author.User, 10) + "-" + d.ClientID
	}
	return d
}

func (s *Server) sendMessage(ctx context.Context, in *sendInput) (*bodyOf[chat.Message], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	m, err := s.parts.Chat.Send(ctx, in.draft(ctx))
	return &bodyOf[chat.Message]{m}, s.problem(ctx, err)
}

type assignInputChat struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		User int64 `json:"user" minimum:"0" doc:"0: nobody"`
	}
}

func (s *Server) assignConversation(ctx context.Context, in *assignInputChat) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Assign(ctx, chat.ID(in.ID), in.Body.User, me(ctx)) })
}

func (s *Server) closeConversation(ctx context.Context, in *conversationInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.CloseConversation(ctx, chat.ID(in.ID), me(ctx)) })
}

func (s *Server) reopenConversation(ctx context.Context, in *conversationInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Reopen(ctx, chat.ID(in.ID), me(ctx)) })
}

type snoozeInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Until time.Time `json:"until"`
	}
}

func (s *Server) snoozeConversation(ctx context.Context, in *snoozeInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Snooze(ctx, chat.ID(in.ID), in.Body.Until, me(ctx)) })
}

type transferInputChat struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Queue string `json:"queue" minLength:"1" maxLength:"64"`
		Note  string `json:"note,omitempty" maxLength:"1000" doc:"for whoever gets it"`
	}
}

func (s *Server) transferConversation(ctx context.Context, in *transferInputChat) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		if err := s.namesQueues(ctx, in.Body.Queue); err != nil {
			return err
		}
		packet, err := json.Marshal(map[string]string{"reason": "transfer", "note": in.Body.Note, "by": me(ctx).Name})
		if err != nil {
			return err
		}
		return c.Transfer(ctx, chat.ID(in.ID), in.Body.Queue, packet, me(ctx))
	})
}

func (s *Server) giveBackConversation(ctx context.Context, in *conversationInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.GiveBack(ctx, chat.ID(in.ID), me(ctx)) })
}

type chatLabelsInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Labels []string `json:"labels" maxItems:"30"`
	}
}

func (s *Server) labelConversation(ctx context.Context, in *chatLabelsInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Label(ctx, chat.ID(in.ID), in.Body.Labels, me(ctx)) })
}

type urgencyInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Urgency chat.Urgency `json:"urgency" minimum:"0" maximum:"3"`
	}
}

func (s *Server) urgencyOfConversation(ctx context.Context, in *urgencyInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.SetUrgency(ctx, chat.ID(in.ID), in.Body.Urgency, me(ctx)) })
}

type readInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Message chat.MessageID `json:"message" minimum:"1"`
	}
}

func (s *Server) readConversation(ctx context.Context, in *readInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.ReadBy(ctx, chat.ID(in.ID), me(ctx).User, in.Body.Message) })
}

type presenceInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		On     bool `json:"on"`
		Typing bool `json:"typing,omitempty"`
	}
}

func (s *Server) lookAtConversation(ctx context.Context, in *presenceInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		if !in.Body.On {
			return c.LookAway(ctx, chat.ID(in.ID), me(ctx))
		}
		if _, err := c.Conversation(ctx, chat.ID(in.ID)); err != nil {
			return err
		}
		return c.Look(ctx, chat.ID(in.ID), me(ctx), in.Body.Typing)
	})
}

type followInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		On bool `json:"on"`
	}
}

func (s *Server) followConversation(ctx context.Context, in *followInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Follow(ctx, chat.ID(in.ID), me(ctx).User, in.Body.On) })
}

type draftInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Text string         `json:"text" maxLength:"20000" doc:"empty: forget it"`
		Note bool           `json:"note,omitempty"`
		Seen chat.MessageID `json:"seen,omitempty"`
	}
}

func (s *Server) saveDraft(ctx context.Context, in *draftInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		return c.SaveDraft(ctx, chat.ID(in.ID), me(ctx).User, chat.Begun{Text: in.Body.Text, Note: in.Body.Note, Seen: in.Body.Seen})
	})
}

type scheduleInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Text string    `json:"text" minLength:"1" maxLength:"20000"`
		At   time.Time `json:"at"`
	}
}

func (s *Server) scheduleMessage(ctx context.Context, in *scheduleInput) (*bodyOf[chat.Scheduled], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	m, err := s.parts.Chat.Schedule(ctx, chat.Draft{Conversation: chat.ID(in.ID), Author: me(ctx), Text: in.Body.Text}, in.Body.At)
	return &bodyOf[chat.Scheduled]{m}, s.problem(ctx, err)
}

type unscheduleInput struct {
	ID      int64 `path:"id" minimum:"1"`
	Message int64 `path:"message" minimum:"1"`
}

func (s *Server) unscheduleMessage(ctx context.Context, in *unscheduleInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Unschedule(ctx, chat.ID(in.ID), in.Message) })
}

type chatMergeInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Into int64 `json:"into" minimum:"1"`
	}
}

type changeMade struct {
	Change       int64   `json:"change" doc:"for undo"`
	Conversation chat.ID `json:"conversation"`
}

// audited writes an audit row of what was done.
func (s *Server) audited(ctx context.Context, action act, id chat.ID, detail map[string]any) error {
	e := callerOf(ctx).entry(action, "conversation:"+id.String())
	e.Detail = detail
	return s.audit.write(ctx, e)
}

func (s *Server) mergeConversation(ctx context.Context, in *chatMergeInput) (*bodyOf[changeMade], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	if err := s.sees(ctx, team.Conversations, in.Body.Into); err != nil {
		return nil, err
	}
	change, err := s.parts.Chat.Merge(ctx, chat.ID(in.ID), chat.ID(in.Body.Into), me(ctx))
	if err == nil {
		err = s.audited(ctx, actConversationMerged, chat.ID(in.ID), map[string]any{"into": in.Body.Into})
	}
	return &bodyOf[changeMade]{changeMade{change, chat.ID(in.Body.Into)}}, s.problem(ctx, err)
}

type chatSplitInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Messages []chat.MessageID `json:"messages" minItems:"1" maxItems:"200"`
	}
}

func (s *Server) splitConversation(ctx context.Context, in *chatSplitInput) (*bodyOf[changeMade], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	made, change, err := s.parts.Chat.Split(ctx, chat.ID(in.ID), in.Body.Messages, me(ctx))
	if err == nil {
		err = s.audited(ctx, actConversationSplit, chat.ID(in.ID), map[string]any{"into": int64(made), "messages": len(in.Body.Messages)})
	}
	return &bodyOf[changeMade]{changeMade{change, made}}, s.problem(ctx, err)
}

func (s *Server) undoChange(ctx context.Context, in *conversationInput) (*bodyOf[chat.Change], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	done, err := s.parts.Chat.Undo(ctx, in.ID, me(ctx))
	if err == nil {
		err = s.audited(ctx, actConversationUndone, done.From, map[string]any{"into": int64(done.Into), "what": done.Kind})
	}
	return &bodyOf[chat.Change]{done}, s.problem(ctx, err)
}

func (s *Server) resendMessage(ctx context.Context, in *conversationInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error { return c.Resend(ctx, chat.MessageID(in.ID)) })
}

func (s *Server) deadLetters(ctx context.Context, _ *struct{}) (*bodyOf[deadLetters], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	all, err := s.parts.Chat.DeadLetters(ctx, 200)
	return &bodyOf[deadLetters]{deadLetters{some(all)}}, s.problem(ctx, err)
}

func (s *Server) listLabels(ctx context.Context, _ *struct{}) (*bodyOf[labelList], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	all, err := s.parts.Chat.Labels(ctx)
	return &bodyOf[labelList]{labelList{some(all)}}, s.problem(ctx, err)
}

type chatLabelInput struct {
	Name string `path:"name" minLength:"1" maxLength:"40"`
	Body struct {
		Color string `json:"color" pattern:"^(#[0-9a-fA-F]{6})?$"`
	}
}

func (s *Server) putLabel(ctx context.Context, in *chatLabelInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		return s.db.Tx(ctx, func(tx pgx.Tx) error { return c.PutLabel(ctx, tx, chat.LabelInfo{Name: in.Name, Color: in.Body.Color}) })
	})
}

type dropLabelInput struct {
	Name string `path:"name" minLength:"1" maxLength:"40"`
	Into string `query:"into" maxLength:"40" doc:"the label that takes its place"`
}

func (s *Server) deleteLabel(ctx context.Context, in *dropLabelInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		return s.db.Tx(ctx, func(tx pgx.Tx) error {
			if err := c.DropLabel(ctx, tx, in.Name, in.Into); err != nil {
				return err
			}
			e := callerOf(ctx).entry(actLabelDeleted, "label:"+in.Name)
			if in.Into != "" {
				e.Detail = map[string]any{"into": in.Into}
			}
			return s.audit.add(ctx, tx, e)
		})
	})
}

func (s *Server) listViews(ctx context.Context, _ *struct{}) (*bodyOf[viewList], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	all, err := s.parts.Chat.Views(ctx, me(ctx).User)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	gone, err := s.goneQueues(ctx, len(all), func(i int) []string { return all[i].Filter.Queues() })
	out := viewList{make([]SavedView, len(all))}
	for i := range all {
		out.Items[i] = SavedView{all[i], gone[i]}
	}
	return &bodyOf[viewList]{out}, s.problem(ctx, err)
}

type viewInput struct {
	Body struct {
		Name   string          `json:"name" minLength:"1" maxLength:"80"`
		Shared bool            `json:"shared,omitempty" doc:"for everybody; supervisors only"`
		Filter json.RawMessage `json:"filter"`
	}
}

func (s *Server) addView(ctx context.Context, in *viewInput) (*bodyOf[chat.View], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	if in.Body.Shared && !callerOf(ctx).User.Role.may(RoleSupervisor) {
		return nil, huma.Error403Forbidden("your role does not allow this")
	}
	f, err := chat.ReadFilter(in.Body.Filter)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if err := s.knowsQueues(ctx, f.Queues()...); err != nil {
		return nil, err
	}
	v, err := s.parts.Chat.AddView(ctx, me(ctx).User, chat.View{Name: plain(in.Body.Name), Shared: in.Body.Shared, Filter: f})
	return &bodyOf[chat.View]{v}, s.problem(ctx, err)
}

func (s *Server) deleteView(ctx context.Context, in *conversationInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		return c.DropView(ctx, me(ctx).User, in.ID, callerOf(ctx).User.Role.may(RoleSupervisor))
	})
}

type searchInput struct {
	Q      string `query:"q" minLength:"1" maxLength:"200" required:"true"`
	Before int64  `query:"before" minimum:"0" doc:"messages before this one"`
	Limit  int    `query:"limit" minimum:"1" maximum:"100" default:"20"`
}

func (s *Server) search(ctx context.Context, in *searchInput) (*bodyOf[SearchHits], error) {
	if slices.Contains(callerOf(ctx).hidden, team.Phone) && numbered(in.Q) {
		return nil, errGuess()
	}
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	hits, err := s.parts.Chat.Search(ctx, in.Q, chat.MessageID(in.Before), in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := SearchHits{Messages: some(hits), Calls: []call.Summary{}}
	if in.Before == 0 {
		page, err := s.parts.Calls.List(ctx, call.Filter{Query: in.Q, Limit: in.Limit})
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		out.Calls = some(page.Items)
	}
	return &bodyOf[SearchHits]{out}, nil
}

func (s *Server) listChannels(ctx context.Context, _ *struct{}) (*bodyOf[channelList], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	all, err := s.parts.Chat.Accounts.All(ctx, "")
	slices.SortFunc(all, func(a, b chat.Account) int {
		if a.Channel+"/"+a.ID < b.Channel+"/"+b.ID {
			return -1
		}
		return 1
	})
	return &bodyOf[channelList]{channelList{all}}, s.problem(ctx, err)
}

type channelInput struct {
	Channel string `path:"channel" maxLength:"32"`
	ID      string `path:"id" pattern:"^[a-z0-9][a-z0-9_-]{0,63}$"`
	Body    struct {
		Name     string          `json:"name" maxLength:"100"`
		Enabled  bool            `json:"enabled"`
		Settings json.RawMessage `json:"settings,omitempty"`
		Secret   *string         `json:"secret,omitempty" maxLength:"400" doc:"written, never shown; absent: as it is, empty: none"`
	}
}

func (s *Server) putChannel(ctx context.Context, in *channelInput) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		if err := c.CheckAccount(in.Channel, in.Body.Settings); err != nil {
			return huma.Error422UnprocessableEntity(err.Error())
		}
		err := s.db.Tx(ctx, func(tx pgx.Tx) error {
			a := chat.Account{Channel: in.Channel, ID: in.ID, Name: plain(in.Body.Name), Settings: in.Body.Settings, Enabled: in.Body.Enabled}
			if err := c.Accounts.Put(ctx, tx, a, in.Body.Secret); err != nil {
				return err
			}
			e := callerOf(ctx).entry(actChannelChanged, "channel:"+in.Channel+"/"+in.ID)
			e.Detail = map[string]any{"secret": in.Body.Secret != nil, "enabled": in.Body.Enabled}
			return s.audit.add(ctx, tx, e)
		})
		c.Accounts.Changed()
		return err
	})
}

type channelPath struct {
	Channel string `path:"channel" maxLength:"32"`
	ID      string `path:"id" maxLength:"64"`
}

func (s *Server) deleteChannel(ctx context.Context, in *channelPath) (*struct{}, error) {
	return s.withChat(ctx, func(c *Chat) error {
		err := s.db.Tx(ctx, func(tx pgx.Tx) error {
			if err := c.Accounts.Delete(ctx, tx, in.Channel, in.ID); err != nil {
				return err
			}
			return s.audit.add(ctx, tx, callerOf(ctx).entry(actChannelDeleted, "channel:"+in.Channel+"/"+in.ID))
		})
		c.Accounts.Changed()
		return err
	})
}

// uploadFile keeps a file for a message to come; the body is the file.
func (s *Server) uploadFile(c *gin.Context) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if s.parts.Chat == nil || err != nil {
		refuse(c, http.StatusNotFound, "there is no such thing")
		return
	}
	if _, err := s.parts.Chat.Conversation(c.Request.Context(), chat.ID(id)); err != nil {
		s.refuseError(c, err)
		return
	}
	a, err := s.parts.Chat.Keep(c.Request.Context(), chat.ID(id), c.Query("name"), false, c.Request.Body)
	if errors.As(err, new(*http.MaxBytesError)) {
		err = chat.ErrTooLong
	}
	if err != nil {
		s.refuseError(c, err)
		return
	}
	c.JSON(http.StatusOK, a)
}

// downloadFile gives a file of a conversation.
func (s *Server) downloadFile(c *gin.Context) {
	id, err := strconv.ParseInt(c.Param("id"), 10, 64)
	if s.parts.Chat == nil || err != nil {
		refuse(c, http.StatusNotFound, "there is no such thing")
		return
	}
	f, err := s.parts.Chat.FileOf(c.Request.Context(), c.Param("file"))
	if err == nil && f.Message != 0 {
		var m chat.Message
		if m, err = s.parts.Chat.Message(c.Request.Context(), f.Message); err == nil && m.Thread != chat.ID(id) {
			err = pg.ErrNotFound
		}
	} else if err == nil && f.Conversation != chat.ID(id) {
		err = pg.ErrNotFound
	}
	if err != nil {
		s.refuseError(c, err)
		return
	}
	s.parts.Chat.ServeFile(c.Writer, c.Request, f, c.Query("thumb") == "1")
}
