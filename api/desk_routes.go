package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/chat"
	"tingxin/contact"
	"tingxin/nlp/pii"
	"tingxin/nlp/slot"
)

func init() {
	access[http.MethodGet+" "+base+"/desk/work"] = RoleAgent
	access[http.MethodGet+" "+base+"/conversations/:id/mood"] = RoleAgent
	access[http.MethodPost+" "+base+"/conversations/:id/check"] = RoleAgent
}

// TalkMood is the body of GET /conversations/{id}/mood.
type TalkMood struct {
	Items []MessageMood `json:"items" doc:"one for each message of the customer among the last 200, the oldest first"`
}

// MessageMood is how upset the words of one message are.
type MessageMood struct {
	Message chat.MessageID `json:"message"`
	At      time.Time      `json:"at"`
	E       float64        `json:"e" doc:"of this message alone, 0 to 1"`
	Smooth  float64        `json:"smooth" doc:"with those before it"`
}

// ReplyCheck is the answer of POST /conversations/{id}/check.
type ReplyCheck struct {
	Private []PrivateValue `json:"private" doc:"what should not leave by this channel"`
}

// PrivateValue is a value in a text that should not go to this customer.
type PrivateValue struct {
	Kind  string `json:"kind" enum:"id18,bank_card,mobile,tel,email"`
	Value string `json:"value" doc:"masked"`
}

func (s *Server) deskRoutes(api huma.API) {
	huma.Register(api, operation("desk-work", http.MethodGet, "/desk/work", "desk", "Conversations and tickets that an agent works on, the most urgent first", 404), s.deskWork)
	huma.Register(api, operation("conversation-mood", http.MethodGet, "/conversations/{id}/mood", "conversations", "How upset the customer's messages are, by their words", 404), s.talkMood)
	huma.Register(api, operation("check-reply", http.MethodPost, "/conversations/{id}/check", "conversations", "What in a reply should not go to this customer: numbers of cards and identities, and addresses that are not theirs", 404, 422), s.checkReply)
}

type deskInput struct {
	Of   string `query:"of" enum:"mine,unassigned,all,mentions,unattended" default:"mine"`
	View int64  `query:"view" minimum:"0" doc:"a saved filter of conversations, instead of 'of'"`
}

func (s *Server) deskWork(ctx context.Context, in *deskInput) (*bodyOf[DeskItems], error) {
	user := me(ctx).User
	talks, tickets := deskOf(in.Of, user)
	if in.View != 0 {
		if s.parts.Chat == nil {
			return nil, errNoChat()
		}
		v, err := s.parts.Chat.ViewByID(ctx, user, in.View)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		talks, tickets = v.Filter, nil
	}
	items, err := s.deskItems(ctx, user, talks, tickets)
	return &bodyOf[DeskItems]{items}, s.problem(ctx, err)
}

func (s *Server) talkMood(ctx context.Context, in *conversationInput) (*bodyOf[TalkMood], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	id := chat.ID(in.ID)
	if _, err := s.parts.Chat.Conversation(ctx, id); err != nil {
		return nil, s.problem(ctx, err)
	}
	all, err := s.parts.Chat.Thread(ctx, id, 0, 0, chat.MaxPage)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := TalkMood{Items: []MessageMood{}}
	var texts []string
	for i := range all {
		if m := &all[i]; m.Direction == chat.In && m.Text != "" {
			texts = append(texts, m.Text)
			out.Items = append(out.Items, MessageMood{Message: m.ID, At: m.At, E: upset(m.Text)})
		}
	}
	for i, e := range upsetOver(texts) {
		out.Items[i].Smooth = e
	}
	return &bodyOf[TalkMood]{out}, nil
}

type checkInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body struct {
		Text string `json:"text" maxLength:"20000"`
	}
}

func (s *Server) checkReply(ctx context.Context, in *checkInput) (*bodyOf[ReplyCheck], error) {
	if s.parts.Chat == nil {
		return nil, errNoChat()
	}
	c, err := s.parts.Chat.Conversation(ctx, chat.ID(in.ID))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := ReplyCheck{Private: []PrivateValue{}}
	found := pii.Find(strings.ToValidUTF8(in.Body.Text, ""))
	var known []contact.Identity
	if c.ContactID != nil && len(found) > 0 {
		if known, err = s.contacts.Identities(ctx, contact.ID(*c.ContactID)); err != nil {
			return nil, s.problem(ctx, err)
		}
	}
	for _, v := range found {
		kind := contact.KindCustom
		switch v.Type {
		case slot.ID18, slot.BankCard:
		case slot.Mobile:
			kind = contact.KindPhone
		case slot.Email:
			kind = contact.KindEmail
		default: // service numbers, orders and amounts are what replies are made of
			continue
		}
		if kind == contact.KindCustom || !ofPerson(v.Value, known) {
			out.Private = append(out.Private, PrivateValue{string(v.Type), pii.Value(v.Type, v.Value)})
		}
	}
	return &bodyOf[ReplyCheck]{out}, nil
}
