package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"tingxin/chat"
)

// Chat answers customers in conversations of text channels.
//
//	chat hook -> Chat.Inbound -> Engine.Turn -> chat.Send (client id = the message answered) and, if so decided, HandOver
type Chat struct {
	engine *Engine
	chats  Conversations
}

// Conversations is what Chat does with a conversation; *chat.Service is one.
type Conversations interface {
	Send(ctx context.Context, d chat.Draft) (chat.Message, error)
	HandOver(ctx context.Context, id chat.ID, queue string, packet chat.Packet) error
	HandOverForGood(ctx context.Context, id chat.ID, queue string, packet chat.Packet) error
	GiveBack(ctx context.Context, id chat.ID, by chat.Actor) error
}

// NewChat makes the glue.
func NewChat(e *Engine, c Conversations) *Chat { return &Chat{e, c} }

// Inbound is the hook. It may come again for the same message: the turn is taken once,
// and what was sent before is not sent again.
func (g *Chat) Inbound(ctx context.Context, c chat.Conversation, m chat.Message) error {
	if c.Handler == chat.ByAgent || c.BotBarred || m.Kind != chat.Text && m.Kind != chat.Choice && m.Kind != chat.Complaint {
		return nil
	}
	in := Input{Text: m.Text, Lang: firstPart(c.Language), Channel: ChannelChat, At: m.At, ID: inputOf(m.ID)}
	if m.Kind == chat.Choice {
		var d chat.Data
		if err := json.Unmarshal(m.Data, &d); err == nil && d.Option != "" {
			in.Text, in.Choice = "", d.Option
		}
	}
	if m.Kind == chat.Complaint || in.Text == "" && in.Choice == "" { // complaints are for people, and so is a picture alone
		in.Text = ""
		in.Choice = "human"
	}
	who := Session{Subject: subjectOf(c.ID), Held: c.Handler == chat.ByBot}
	if c.ContactID != nil {
		who.Contact = *c.ContactID
	}
	r, err := g.engine.Turn(ctx, who, in)
	if err != nil {
		return err
	}
	if c.Handler == chat.ByQueue && r.Handover == nil && r.Decision != DoAnswer && r.Decision != DoTool && r.Decision != DoTalk {
		return nil // a person comes soon: only what is known is said meanwhile
	}
	return g.reply(ctx, c.ID, m.ID, &r)
}

func subjectOf(id chat.ID) string { return fmt.Sprintf("conversation:%d", id) }

func inputOf(id chat.MessageID) string { return fmt.Sprintf("message:%d", id) }

// Took tells whether a message was the answer to what the bot had asked for.
func (g *Chat) Took(ctx context.Context, conversation, message int64) (bool, error) {
	return g.engine.Store().Took(ctx, ChannelChat, subjectOf(chat.ID(conversation)), inputOf(chat.MessageID(message)))
}

// reply sends the parts as one message and hands over.
func (g *Chat) reply(ctx context.Context, id chat.ID, to chat.MessageID, r *Reply) error {
	if d, ok := draftOf(r); ok {
		d.Conversation, d.Author = id, chat.Author{Kind: chat.Bot}
		d.ClientID = fmt.Sprintf("bot:%d", to)
		if _, err := g.chats.Send(ctx, d); err != nil && !errors.Is(err, chat.ErrState) { // closed meanwhile
			return err
		}
	}
	if r.Kept { // nobody has to wait for an agent any more
		if err := g.chats.GiveBack(ctx, id, chat.Actor{Kind: chat.Bot}); err != nil && !errors.Is(err, chat.ErrState) {
			return err
		}
	}
	if r.Handover == nil {
		return nil
	}
	packet, err := json.Marshal(r.Handover)
	if err != nil {
		return err
	}
	hand := g.chats.HandOver
	if r.Handover.Reason == ReasonEmotion {
		hand = g.chats.HandOverForGood
	}
	if err := hand(ctx, id, r.Handover.Queue, packet); err != nil && !errors.Is(err, chat.ErrState) {
		return err
	}
	return nil
}

// draftOf makes one message of a reply.
func draftOf(r *Reply) (chat.Draft, bool) {
	var texts []string
	data := &chat.Data{}
	for _, p := range r.Parts {
		switch p.Kind {
		case "text":
			texts = append(texts, p.Text)
		case "source":
			data.Source = &chat.Source{ID: p.Article, Title: p.Title}
		case "buttons":
			for _, b := range p.Buttons {
				data.Choices = append(data.Choices, chat.Button{ID: shortValue(b.Value), Label: chat.Cut(b.Label, 128)})
			}
		}
	}
	if len(texts) == 0 && len(data.Choices) == 0 {
		return chat.Draft{}, false
	}
	d := chat.Draft{Kind: chat.Text, Text: strings.Join(texts, "\n")}
	if data.Source != nil || len(data.Choices) > 0 {
		d.Data = data
	}
	return d, true
}

// firstPart of a language tag: "zh" of "zh-CN".
func firstPart(tag string) string {
	first, _, _ := strings.Cut(strings.ReplaceAll(tag, "_", "-"), "-")
	return strings.ToLower(first)
}
