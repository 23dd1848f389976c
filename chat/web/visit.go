package web

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"tingxin/chat"
	"tingxin/pg"
)

// envelope is a visitor's message as it is kept raw, and what Decode reads.
type envelope struct {
	User   string     `json:"user"`
	Name   string     `json:"name,omitempty"`
	Lang   string     `json:"lang,omitempty"`
	Conv   string     `json:"conv,omitempty"` // so that the same client_msg_id of two visitors stays two
	ID     string     `json:"id"`
	Kind   chat.Kind  `json:"kind"`
	Text   string     `json:"text"`
	Files  []string   `json:"files,omitempty"`
	Data   *chat.Data `json:"data,omitempty"`
	SentAt time.Time  `json:"sent_at"`
}

var errEnvelope = errors.New("no message of a visitor")

func (e *envelope) inbound(site string, raw []byte) chat.Inbound {
	return chat.Inbound{Channel: Name, Account: site, ExternalID: e.User + "/" + e.ID, User: e.User, Name: e.Name, Language: e.Lang, Kind: e.Kind, Text: e.Text, Files: e.Files,
		Data: e.Data, ClientID: e.ID, At: e.SentAt, Raw: raw}
}

func readEnvelope(body []byte) (envelope, error) {
	var e envelope
	if json.Unmarshal(body, &e) != nil || e.User == "" || e.ID == "" {
		return e, errEnvelope
	}
	return e, nil
}

// visit is one visitor at one connection, or for one request.
type visit struct {
	s    *Server
	who  visitor
	site *site
	lang string
	name string
	conv *chat.Conversation // nil before the first message; as it was when it was last read
}

// enter finds the visitor's conversation.
func (s *Server) enter(ctx context.Context, token string) (*visit, error) {
	who, err := s.verify(token, tokenLife)
	if err != nil {
		return nil, err
	}
	t, err := s.site(ctx, who.Site)
	if err != nil {
		return nil, err
	}
	v := &visit{s: s, who: who, site: t}
	return v, v.look(ctx)
}

func (v *visit) person() chat.Person {
	return chat.Person{Channel: Name, Account: v.site.id, User: v.who.external(), Name: v.name, Language: v.lang}
}

// look reads the conversation anew.
func (v *visit) look(ctx context.Context) error {
	c, err := v.s.chat.Current(ctx, v.person())
	if errors.Is(err, pg.ErrNotFound) {
		v.conv = nil
		return nil
	}
	if err == nil {
		v.conv = &c
	}
	return err
}

// status is where the conversation stands, for welcome and state.
func (v *visit) status(ctx context.Context, typ string) reply {
	consent := v.consented(ctx)
	r := reply{Type: typ, State: "none", Consent: &consent}
	if v.conv == nil {
		return r
	}
	c := *v.conv
	if c.MergedInto != nil { // the thread it stands in says who has it
		if into, err := v.s.chat.Conversation(ctx, *c.MergedInto); err == nil {
			c.State, c.Handler, c.Assignee, c.Rating = into.State, into.Handler, into.Assignee, into.Rating
		}
	}
	r.Conv, r.Seq, r.State, r.Handler, r.Rated, r.Read = c.Key, c.LastSeq, "open", string(c.Handler), c.Rating != nil, c.CustomerRead
	if c.State == chat.Closed {
		r.State = "closed"
	}
	if c.Handler == chat.ByAgent && c.Assignee != nil {
		r.Agent = v.s.agentName(ctx, *c.Assignee)
	}
	return r
}

// asksRating tells whether it is time to ask how it was.
func (v *visit) asksRating() bool {
	return v.conv != nil && v.conv.State == chat.Closed && v.conv.Rating == nil && v.conv.FirstReplyAt != nil
}

// do works one frame off; the replies are for whoever sent it.
func (v *visit) do(ctx context.Context, f *frame) []reply {
	out, err := v.act(ctx, f)
	if err == nil {
		return out
	}
	switch {
	case errors.Is(err, chat.ErrBad):
		return []reply{failure("bad_message", err.Error(), f.ClientID, false)}
	case errors.Is(err, errConsent):
		return []reply{failure("consent_required", errConsent.Error(), f.ClientID, false)}
	case errors.Is(err, errNoFiles):
		return []reply{failure("no_files", errNoFiles.Error(), f.ClientID, false)}
	case errors.Is(err, chat.ErrState):
		return []reply{failure("state", "not possible now", f.ClientID, false)}
	}
	if !errors.Is(err, pg.ErrUnavailable) && ctx.Err() == nil {
		v.s.log.Error("frame of a visitor", "type", f.Type, "error", err)
	}
	return []reply{failure("unavailable", "try again in a moment", f.ClientID, true)}
}

var (
	errConsent = errors.New("the notice must be accepted first")
	errNoFiles = errors.New("this site takes no files")
)

func (v *visit) act(ctx context.Context, f *frame) ([]reply, error) {
	switch f.Type {
	case "msg":
		return v.receive(ctx, f, chat.Text, nil)
	case "complaint":
		return v.receive(ctx, f, chat.Complaint, nil)
	case "complain":
		return v.complain(ctx, f)
	case "human":
		return v.human(ctx, f)
	case "choice":
		return v.choose(ctx, f)
	case "typing":
		if v.conv == nil {
			return nil, nil
		}
		return nil, v.s.chat.Tell(ctx, chat.Notice{Type: chat.Typing, Conversation: v.thread(), Author: &chat.Author{Kind: chat.Customer}, On: f.On})
	case "read":
		if v.conv == nil {
			return nil, nil
		}
		return nil, v.s.chat.CustomerRead(ctx, v.conv.ID, f.Seq)
	case "event":
		if v.conv == nil || f.Page == "" {
			return nil, nil
		}
		return nil, v.s.chat.SetPage(ctx, v.conv.ID, f.Page)
	case "rate":
		return v.rate(ctx, f)
	case "consent":
		return v.consent(ctx, f)
	case "end":
		if v.conv == nil || v.conv.State == chat.Closed {
			return nil, nil
		}
		err := v.s.chat.CloseConversation(ctx, v.thread(), chat.Actor{Kind: chat.Customer})
		if errors.Is(err, chat.ErrState) {
			err = nil // somebody else was faster
		}
		return nil, err
	case "ping":
		return []reply{{Type: "pong"}}, nil
	}
	return nil, nil
}

// thread is the conversation in whose thread the visitor's messages stand.
func (v *visit) thread() chat.ID {
	if v.conv.MergedInto != nil {
		return *v.conv.MergedInto
	}
	return v.conv.ID
}

func (v *visit) receive(ctx context.Context, f *frame, kind chat.Kind, data *chat.Data) ([]reply, error) {
	if !v.consented(ctx) {
		if err := v.look(ctx); err != nil { // perhaps in another tab
			return nil, err
		}
		if !v.consented(ctx) {
			return nil, errConsent
		}
	}
	if len(f.Files) > 0 && v.site.NoFiles {
		return nil, errNoFiles
	}
	m, err := v.store(ctx, f.ClientID, kind, f.Text, f.Files, data)
	if err != nil {
		return nil, err
	}
	return []reply{{Type: "ack", ClientID: f.ClientID, Seq: m.Seq, Conv: v.conv.Key}}, nil
}

// store keeps a message and follows it into its conversation, which may be a new one.
func (v *visit) store(ctx context.Context, id string, kind chat.Kind, text string, files []string, data *chat.Data) (chat.Message, error) {
	e := envelope{User: v.who.external(), Name: v.name, Lang: v.lang, ID: id, Kind: kind, Text: text, Files: files, Data: data, SentAt: v.s.now().UTC()}
	raw, err := json.Marshal(e)
	if err != nil {
		return chat.Message{}, err
	}
	m, err := v.s.chat.Receive(ctx, e.inbound(v.site.id, raw))
	if err != nil {
		return m, err
	}
	if v.conv == nil || v.conv.ID != m.Conversation {
		c, err := v.s.chat.Conversation(ctx, m.Conversation)
		if err != nil {
			return m, err
		}
		v.conv = &c
	}
	return m, nil
}

func (v *visit) choose(ctx context.Context, f *frame) ([]reply, error) {
	if v.conv == nil {
		return nil, chat.ErrState
	}
	all, err := v.s.chat.Visible(ctx, v.conv.ID, f.To-1, 1)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 || all[0].Seq != f.To {
		return nil, chat.ErrBad
	}
	var d chat.Data
	_ = json.Unmarshal(all[0].Data, &d) // without buttons there is nothing to choose
	if d.Feedback {
		d.Choices = append(d.Choices, chat.Button{ID: "solved", Label: "解决了 / solved"}, chat.Button{ID: "unsolved", Label: "没解决 / not solved"})
	}
	i := slices.IndexFunc(d.Choices, func(b chat.Button) bool { return b.ID == f.Option })
	if i < 0 {
		return nil, chat.ErrBad
	}
	f.Text, f.Files = d.Choices[i].Label, nil
	return v.receive(ctx, f, chat.Choice, &chat.Data{MessageSeq: f.To, Option: f.Option})
}

func (v *visit) rate(ctx context.Context, f *frame) ([]reply, error) {
	if v.conv == nil || f.Score < 1 || f.Score > 5 {
		return nil, chat.ErrBad
	}
	if h := v.s.house.Feedback; h != nil { // first: it knows a repeated one, and what fails here is sent again
		if err := h.Rate(ctx, v.thread(), f.Score, f.Chips, f.Comment); err != nil {
			return nil, err
		}
	}
	first, err := v.s.chat.Rate(ctx, v.thread(), f.Score)
	if err != nil {
		return nil, err
	}
	if first {
		if _, err := v.store(ctx, "rating-"+v.conv.Key, chat.Rating, f.Comment, nil, &chat.Data{Score: f.Score, Chips: f.Chips}); err != nil {
			return nil, err
		}
	}
	if err := v.look(ctx); err != nil {
		return nil, err
	}
	return []reply{v.status(ctx, "state")}, nil
}

// complain keeps a complaint, an idea or a fault in the thread and, where somebody
// takes them, as a case. Sent again, it is the same one.
func (v *visit) complain(ctx context.Context, f *frame) ([]reply, error) {
	if !v.consented(ctx) {
		return nil, errConsent
	}
	if err := v.begin(ctx); err != nil {
		return nil, err
	}
	old, err := v.s.chat.OfClient(ctx, v.conv.ID, f.ClientID)
	if err == nil {
		return []reply{{Type: "ack", ClientID: f.ClientID, Seq: old.Seq, Conv: v.conv.Key, Ref: refOf(&old)}}, nil
	}
	if !errors.Is(err, pg.ErrNotFound) {
		return nil, err
	}
	data := &chat.Data{With: map[string]string{"kind": f.Topic}}
	if h := v.s.house.Feedback; h != nil {
		ref, err := h.Complain(ctx, v.thread(), f.Topic, f.Text)
		if err != nil {
			return nil, err
		}
		data.With["ref"] = ref
	}
	m, err := v.store(ctx, f.ClientID, chat.Complaint, f.Text, nil, data)
	if err != nil {
		return nil, err
	}
	return []reply{{Type: "ack", ClientID: f.ClientID, Seq: m.Seq, Conv: v.conv.Key, Ref: refOf(&m)}}, nil
}

func refOf(m *chat.Message) string {
	var d chat.Data
	_ = json.Unmarshal(m.Data, &d) // we wrote it
	return d.With["ref"]
}

// human asks for a person: a button that is always there. While somebody has the
// conversation, or it waits for somebody, there is nothing to do.
func (v *visit) human(ctx context.Context, f *frame) ([]reply, error) {
	if v.conv != nil && v.conv.State != chat.Closed && v.conv.Handler != chat.ByBot {
		return []reply{{Type: "ack", ClientID: f.ClientID, Conv: v.conv.Key}, v.status(ctx, "state")}, nil
	}
	if f.Text = f.Text[:min(len(f.Text), 200)]; strings.TrimSpace(f.Text) == "" {
		f.Text = "转人工 / a person, please"
	}
	f.Files = nil
	return v.receive(ctx, f, chat.Choice, &chat.Data{Option: "human"})
}

func (v *visit) consent(ctx context.Context, f *frame) ([]reply, error) {
	n, err := v.s.notice(ctx, v.site)
	if err != nil {
		return nil, err
	}
	if n == nil || f.Version != n.Version || !slices.Contains(n.Purposes, f.Purpose) {
		return nil, chat.ErrBad
	}
	if err := v.begin(ctx); err != nil {
		return nil, err
	}
	now := v.s.now().UTC()
	given := chat.Consent{Version: n.Version, At: now}
	if old := v.conv.Consent; old != nil && old.Version == n.Version {
		given.Purposes = slices.Clone(old.Purposes)
	}
	given.Purposes = slices.DeleteFunc(given.Purposes, func(p string) bool { return p == f.Purpose })
	if f.State {
		given.Purposes = append(given.Purposes, f.Purpose)
	}
	id := "consent-" + n.Version + "-" + f.Purpose + "-" + now.Format("20060102T150405.000")
	m, err := v.store(ctx, id, chat.Agreement, "", nil, &chat.Data{Purpose: f.Purpose, Granted: f.State, Version: n.Version})
	if err != nil {
		return nil, err
	}
	if p := v.s.house.Privacy; p != nil {
		if err := p.Said(ctx, *v.conv, f.Purpose, f.State, n.Version, "message:"+strconv.FormatInt(int64(m.ID), 10)); err != nil {
			return nil, err
		}
	}
	if err := v.s.chat.SetConsent(ctx, v.conv.ID, given); err != nil {
		return nil, err
	}
	v.conv.Consent = &given
	return []reply{v.status(ctx, "state")}, nil
}
