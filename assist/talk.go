package assist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/bot"
	"tingxin/call"
	"tingxin/chat"
	"tingxin/nlp"
	"tingxin/pg"
	"tingxin/ticket"
)

// Kind is what sort of subject cards stand beside.
type Kind string

// The kinds.
const (
	OfCall         Kind = "call"
	OfConversation Kind = "conversation"
	OfTicket       Kind = "ticket"
)

// Subject is one call, conversation or ticket.
type Subject struct {
	Kind Kind   `json:"kind" enum:"call,conversation,ticket"`
	ID   string `json:"id"`
}

// Side is who said a line.
type Side string

// The sides; Machine is a prompt or the bot.
const (
	Customer Side = "customer"
	Agent    Side = "agent"
	Machine  Side = "machine"
)

// Line is one thing that was said or written.
type Line struct {
	N    int64 // grows as lines are kept; of two who speak at once the earlier may have the higher
	Side Side
	Text string
	At   time.Time
}

// Talk is a subject with what was said last.
type Talk struct {
	Subject
	Contact int64
	Name    string // what the channel calls the customer
	Number  string // of a caller
	Queue   string
	Lang    string // "zh" or "en"
	Over    bool
	Lines   []Line // at most maxLines, oldest first
}

const (
	maxLines    = 200
	maxQuestion = 500 // characters
	shortLine   = 6   // characters under which a line needs the one before it
)

// ErrSubject: there is no such call, conversation or ticket.
var ErrSubject = errors.New("there is no such call, conversation or ticket")

// talk reads a subject.
func (s *Service) talk(ctx context.Context, sub Subject) (*Talk, error) {
	t := &Talk{Subject: sub}
	var err error
	switch sub.Kind {
	case OfCall:
		err = s.callTalk(ctx, t)
	case OfConversation:
		err = s.chatTalk(ctx, t)
	case OfTicket:
		err = s.ticketTalk(ctx, t)
	default:
		return nil, ErrSubject
	}
	if errors.Is(err, pg.ErrNotFound) {
		return nil, ErrSubject
	}
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", sub.Kind, sub.ID, err)
	}
	t.Lines = t.Lines[max(0, len(t.Lines)-maxLines):]
	t.findLanguage(s.parts.Articles.Config().Lang)
	return t, nil
}

func (s *Service) callTalk(ctx context.Context, t *Talk) error {
	r, err := s.parts.Calls.Get(ctx, t.ID)
	if err != nil {
		return err
	}
	t.Contact, t.Name, t.Number, t.Queue, t.Lang, t.Over = r.Contact, r.FromName, r.From, r.Queue, r.Language, r.State == call.StateEnded
	if r.Direction == call.DirectionOut {
		t.Number, t.Name = r.To, ""
	}
	all, err := s.parts.Calls.LastSaid(ctx, t.ID, maxLines)
	for i := range all {
		u := &all[i]
		t.Lines = append(t.Lines, Line{u.ID, sideOf(u, r.Direction), u.Text, r.StartedAt.Add(u.End)})
	}
	return err
}

// sideOf says who spoke: prompts are ours, but no agent's; who places a call is its first leg.
func sideOf(u *call.Said, direction string) Side {
	switch {
	case u.Model == "prompt":
		return Machine
	case (u.Side == call.SideCaller) == (direction != call.DirectionOut):
		return Customer
	}
	return Agent
}

func (s *Service) chatTalk(ctx context.Context, t *Talk) error {
	n, err := strconv.ParseInt(t.ID, 10, 64)
	if err != nil || s.parts.Chat == nil {
		return pg.ErrNotFound
	}
	c, err := s.parts.Chat.Conversation(ctx, chat.ID(n))
	if err != nil {
		return err
	}
	t.Name, t.Queue, t.Lang, t.Over = c.Name, c.Queue, c.Language, c.State == chat.Closed
	if c.ContactID != nil {
		t.Contact = *c.ContactID
	}
	all, err := s.parts.Chat.Thread(ctx, c.ID, 0, 0, chat.MaxPage)
	for i := range all {
		if m := &all[i]; m.Text != "" && (m.Direction == chat.In || m.Direction == chat.Out) {
			side := map[chat.AuthorKind]Side{chat.Customer: Customer, chat.Agent: Agent}[m.Author.Kind]
			if side == "" {
				side = Machine
			}
			t.Lines = append(t.Lines, Line{int64(m.ID), side, m.Text, m.At})
		}
	}
	return err
}

func (s *Service) ticketTalk(ctx context.Context, t *Talk) error {
	n, err := strconv.ParseInt(t.ID, 10, 64)
	if err != nil || s.parts.Tickets == nil {
		return pg.ErrNotFound
	}
	k, err := s.parts.Tickets.Get(ctx, ticket.ID(n))
	if err != nil {
		return err
	}
	t.Contact, t.Queue, t.Lang, t.Over = k.Contact, k.Queue, k.Language, k.State.Over()
	t.Lines = append(t.Lines, Line{1, Customer, strings.TrimSpace(k.Subject + "\n" + k.Body), k.CreatedAt})
	all, err := s.parts.Tickets.Comments(ctx, k.ID, false, 0)
	for i := range all {
		c := &all[i]
		side := map[string]Side{"customer": Customer, "agent": Agent}[c.ByKind]
		if side == "" {
			side = Machine
		}
		if c.Public {
			t.Lines = append(t.Lines, Line{1 + c.ID, side, c.Body, c.At})
		}
	}
	return err
}

// findLanguage reads it from the customer's last lines, else believes the channel.
func (t *Talk) findLanguage(otherwise string) {
	given, _, _ := strings.Cut(strings.ReplaceAll(strings.ToLower(t.Lang), "_", "-"), "-")
	t.Lang = ""
	for i := len(t.Lines) - 1; i >= 0 && t.Lang == ""; i-- {
		if t.Lines[i].Side == Customer {
			t.Lang = nlp.Detect(nlp.Fold(t.Lines[i].Text)).Code
		}
	}
	for _, lang := range []string{given, otherwise, "zh"} {
		if t.Lang != "zh" && t.Lang != "en" {
			t.Lang = lang
		}
	}
}

// turn is the number of the customer's newest line, 0 when they said nothing.
func (t *Talk) turn() (n int64) {
	for i := range t.Lines {
		if t.Lines[i].Side == Customer {
			n = max(n, t.Lines[i].N)
		}
	}
	return n
}

// seen is the number of the newest line of all.
func (t *Talk) seen() (n int64) {
	for i := range t.Lines {
		n = max(n, t.Lines[i].N)
	}
	return n
}

// longestCall for a person is a line that asks nothing else, in characters.
const longestCall = 40

// question is what the customer said since somebody last answered; a short line takes
// the one before it along.
func (t *Talk) question() (text string, at time.Time) {
	var parts []string
	n := 0
	for i := len(t.Lines) - 1; i >= 0; i-- {
		l := &t.Lines[i]
		if l.Side != Customer {
			if n >= shortLine {
				break
			}
			continue
		}
		if utf8.RuneCountInString(l.Text) <= longestCall && bot.WantsPerson(l.Text) {
			continue // whoever reads this is the answer
		}
		if n > 0 && n+utf8.RuneCountInString(l.Text) > maxQuestion {
			break
		}
		if n == 0 {
			at = l.At
		}
		parts = append(parts, l.Text)
		n += utf8.RuneCountInString(l.Text)
	}
	slices.Reverse(parts)
	text = strings.Join(parts, " ")
	if r := []rune(text); len(r) > maxQuestion {
		text = string(r[len(r)-maxQuestion:])
	}
	return text, at
}

// said are the customer's lines, oldest first.
func (t *Talk) said() []string {
	var out []string
	for i := range t.Lines {
		if t.Lines[i].Side == Customer {
			out = append(out, t.Lines[i].Text)
		}
	}
	return out
}

// Slot is a value that is known of a talk.
type Slot struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// slots are the values that the bot holds for the talk and its person, and those that
// stand in the customer's lines; the newest of each name.
func (s *Service) slots(ctx context.Context, t *Talk) ([]Slot, error) {
	known := map[string]string{}
	if s.parts.Bot != nil && t.Kind != OfTicket {
		channel, subject := bot.ChannelChat, "conversation:"+t.ID
		if t.Kind == OfCall {
			channel, subject = bot.ChannelCall, bot.CallSubject(t.ID)
		}
		all, err := s.parts.Bot.Held(ctx, channel, subject, t.Contact)
		if err != nil {
			return nil, err
		}
		known = bot.Plain(all)
	}
	finder := s.finder(ctx)
	for i := range t.Lines {
		l := &t.Lines[i]
		if l.Side != Customer {
			continue
		}
		values, _ := finder.Find(l.Text, l.At) // what is too long holds none that is worth it
		for name, value := range bot.ValuesOf(values) {
			known[name] = value
		}
	}
	var out []Slot
	for name, value := range known {
		out = append(out, Slot{name, value})
	}
	slices.SortFunc(out, func(a, b Slot) int { return strings.Compare(a.Name, b.Name) })
	return out, nil
}
