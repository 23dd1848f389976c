package api

import (
	"cmp"
	"context"
	"slices"
	"time"

	"tingxin/chat"
	"tingxin/contact"
	"tingxin/nlp"
	"tingxin/queue"
	"tingxin/ticket"
)

// deskMost is how many conversations, and how many tickets, a work list has; who has
// more works from the inbox.
const deskMost = 200

// Groups of a work list, in their order.
const (
	groupNow     = "now"     // our turn
	groupWaiting = "waiting" // somebody else's turn
	groupLater   = "later"   // put aside until a time
	groupDone    = "done"    // over within the last day
)

var groupOrder = map[string]int{groupNow: 0, groupWaiting: 1, groupLater: 2, groupDone: 3}

// DeskItem is one piece of work in an agent's list.
type DeskItem struct {
	Kind         string         `json:"kind" enum:"conversation,ticket"`
	ID           int64          `json:"id"`
	Group        string         `json:"group" enum:"now,waiting,later,done"`
	Channel      string         `json:"channel,omitempty" doc:"of a conversation"`
	Name         string         `json:"name,omitempty" doc:"of the customer"`
	Text         string         `json:"text,omitempty" doc:"beginning of the last message, or the ticket's subject"`
	State        string         `json:"state"`
	Handler      string         `json:"handler,omitempty" doc:"of a conversation: bot, queue or agent"`
	Queue        string         `json:"queue,omitempty"`
	Contact      int64          `json:"contact,omitempty"`
	Assignee     int64          `json:"assignee,omitempty" doc:"id of the user"`
	AssigneeName string         `json:"assignee_name,omitempty"`
	Urgency      queue.Urgency  `json:"urgency" enum:"low,normal,high,urgent"`
	Labels       []string       `json:"labels"`
	Unread       bool           `json:"unread,omitempty"`
	Mentioned    bool           `json:"mentioned,omitempty"`
	VIP          bool           `json:"vip,omitempty"`
	Complaint    bool           `json:"complaint,omitempty"`
	Emotion      float64        `json:"emotion" doc:"how upset the customer's last words are, 0 to 1"`
	Since        *time.Time     `json:"since,omitempty" doc:"the customer waits since"`
	Due          *time.Time     `json:"due,omitempty" doc:"when the answer is due, or the channel takes no more"`
	Target       int64          `json:"target_ms,omitempty" doc:"from the begin of the clock to due"`
	Until        *time.Time     `json:"until,omitempty" doc:"put aside until"`
	At           time.Time      `json:"at" doc:"of the last change"`
	Priority     queue.Priority `json:"priority"`
	P            float64        `json:"p" doc:"sum of priority: the larger goes first"`
}

// DeskItems is the body of GET /desk/work.
type DeskItems struct {
	Items []DeskItem `json:"items" doc:"by group, then by P"`
	More  bool       `json:"more,omitempty" doc:"there are more than are shown"`
	At    time.Time  `json:"at"`
}

// upset is how upset a text sounds by its words alone, 0 to 1.
func upset(text string) float64 {
	folded := nlp.Fold(text)
	return max(0, -float64(nlp.Sentiment(nlp.Detect(folded).Code, folded)))
}

// smoothUpset is the weight of the last message in the smoothed emotion.
const smoothUpset = 0.4

// upsetOver is the smoothed emotion after each of some texts, the oldest first.
func upsetOver(texts []string) []float64 {
	out := make([]float64, 0, len(texts))
	e := 0.0
	for i, text := range texts {
		if now := upset(text); i == 0 {
			e = now
		} else {
			e += smoothUpset * (now - e)
		}
		out = append(out, e)
	}
	return out
}

// talkItem is a conversation in a work list. target is for the answer to the customer.
func talkItem(r *chat.Row, signs chat.Signs, vip bool, target time.Duration, now time.Time) DeskItem {
	it := DeskItem{Kind: "conversation", ID: int64(r.ID), Group: groupNow, Channel: r.Channel, Name: r.Name, Text: r.LastText, State: string(r.State), Handler: string(r.Handler), Queue: r.Queue,
		AssigneeName: r.AssigneeName, Urgency: queue.Urgency(r.Urgency), Labels: some(r.Labels), Unread: r.Unread, Mentioned: r.Mentioned, VIP: vip, Complaint: signs.Complaint, At: r.LastAt}
	if r.ContactID != nil {
		it.Contact = *r.ContactID
	}
	if r.Assignee != nil {
		it.Assignee = *r.Assignee
	}
	if all := upsetOver(signs.Said); len(all) > 0 {
		it.Emotion = all[len(all)-1]
	}
	var waited time.Duration
	switch {
	case r.State == chat.Closed || r.State == chat.Merged:
		it.Group = groupDone
	case r.State == chat.Snoozed:
		it.Group, it.Until = groupLater, r.SnoozedUntil
	case r.WaitingSince == nil:
		it.Group = groupWaiting
	default:
		due := r.WaitingSince.Add(target)
		if signs.Window != nil && signs.Window.Before(due) { // what cannot be answered any more is lost sooner
			due = *signs.Window
		}
		it.Since, it.Due, it.Target = r.WaitingSince, &due, due.Sub(*r.WaitingSince).Milliseconds()
		waited, target = now.Sub(*r.WaitingSince), due.Sub(*r.WaitingSince)
	}
	it.rank(waited, target, queue.Signals{Emotion: it.Emotion, VIP: vip, Complaint: it.Complaint, Repeat: signs.Repeat})
	return it
}

// ticketItem is a ticket in a work list; its clock is the promise that ends first.
func ticketItem(r *ticket.Row, vip bool, now time.Time) DeskItem {
	it := DeskItem{Kind: "ticket", ID: int64(r.ID), Group: groupNow, Name: r.ContactName, Text: r.Subject, State: string(r.State), Queue: r.Queue, Contact: r.Contact, Assignee: r.Assignee, Urgency: r.Priority,
		Labels: some(r.Tags), VIP: vip, Complaint: r.Complaint, At: r.UpdatedAt}
	switch r.State {
	case ticket.PendingCustomer, ticket.PendingThird:
		it.Group = groupWaiting
	case ticket.OnHold:
		it.Group = groupLater
		if !r.HoldUntil.IsZero() {
			it.Until = &r.HoldUntil
		}
	case ticket.Resolved, ticket.Closed:
		it.Group = groupDone
	}
	// The share of the target is what is known: any target will do.
	target := time.Hour
	if !r.NextDue.IsZero() && !r.State.Over() {
		it.Due = &r.NextDue
		if r.NextSpent < 1 {
			it.Target = int64(float64(r.NextDue.Sub(now).Milliseconds()) / (1 - r.NextSpent))
		}
	}
	it.rank(time.Duration(r.NextSpent*float64(target)), target, queue.Signals{VIP: vip, Complaint: it.Complaint})
	return it
}

// rank sets P. What nobody has to do now is as urgent as it is, without age.
func (it *DeskItem) rank(waited, target time.Duration, signals queue.Signals) {
	if it.Group != groupNow {
		waited = 0
	}
	it.Urgency = min(it.Urgency, queue.Urgent)
	it.Priority = queue.PriorityOf(it.Urgency, waited, target, signals)
	it.P = it.Priority.Sum()
}

// inDeskOrder sorts by group, what is to be done now by P, what is put aside by its time, the rest by the last change.
func inDeskOrder(items []DeskItem) {
	slices.SortStableFunc(items, func(a, b DeskItem) int {
		if c := cmp.Compare(groupOrder[a.Group], groupOrder[b.Group]); c != 0 {
			return c
		}
		switch {
		case a.Group == groupNow && a.P != b.P:
			return cmp.Compare(b.P, a.P)
		case a.Group == groupNow && a.Since != nil && b.Since != nil:
			return a.Since.Compare(*b.Since)
		case a.Group == groupLater && a.Until != nil && b.Until != nil:
			return a.Until.Compare(*b.Until)
		}
		return b.At.Compare(a.At)
	})
}

// deskOf are the filters of a work list: of the conversations, and of the tickets, nil for none.
func deskOf(of string, me int64) (talks chat.Filter, tickets *ticket.Query) {
	unfinished := []ticket.State{ticket.New, ticket.Open, ticket.PendingCustomer, ticket.PendingThird, ticket.OnHold}
	switch of {
	case "unassigned":
		return boxes["unassigned"], &ticket.Query{States: []ticket.State{ticket.New, ticket.Open}, Assignee: -1}
	case "all":
		return chat.Filter{Any: []chat.Filter{leaf("state", "is", "open"), leaf("state", "is", "snoozed")}}, &ticket.Query{States: unfinished}
	case "mentions":
		return chat.Filter{All: []chat.Filter{leaf("mentions", "is", true), {Not: &chat.Filter{Field: "state", Op: "is", Value: []byte(`"merged"`)}}}}, nil
	case "unattended":
		return chat.Filter{All: []chat.Filter{leaf("state", "is", "open"), leaf("waiting", "is", true), {Not: &chat.Filter{Field: "handler", Op: "is", Value: []byte(`"bot"`)}}}},
			&ticket.Query{States: []ticket.State{ticket.New}}
	}
	mine := leaf("assignee", "is", "me")
	return chat.Filter{All: []chat.Filter{mine, {Any: []chat.Filter{leaf("state", "is", "open"), leaf("state", "is", "snoozed"),
		{All: []chat.Filter{leaf("state", "is", "closed"), leaf("closed", "within", "24h")}}}}}}, &ticket.Query{States: unfinished, Assignee: me}
}

// deskTalks are the conversations of a work list: first those in which customers wait.
func (s *Server) deskTalks(ctx context.Context, me int64, f chat.Filter) (rows []chat.Row, more bool, err error) {
	c := s.parts.Chat
	if rows, err = c.Pressing(ctx, me, f, deskMost); err != nil {
		return nil, false, err
	}
	if len(rows) == deskMost {
		return rows, true, nil
	}
	there := make(map[chat.ID]bool, len(rows))
	for i := range rows {
		there[rows[i].ID] = true
	}
	page, err := c.List(ctx, me, f, "", deskMost)
	for i := range page.Items {
		if !there[page.Items[i].ID] && len(rows) < deskMost {
			rows = append(rows, page.Items[i])
		}
	}
	return rows, page.Next != "", err
}

// deskItems is a work list.
func (s *Server) deskItems(ctx context.Context, me int64, talks chat.Filter, tickets *ticket.Query) (DeskItems, error) {
	now := s.now().UTC()
	out := DeskItems{Items: []DeskItem{}, At: now}
	var rows []chat.Row
	var work ticket.Page
	var err error
	if s.parts.Chat != nil {
		if rows, out.More, err = s.deskTalks(ctx, me, talks); err != nil {
			return out, err
		}
	}
	if tickets != nil && s.parts.Tickets != nil {
		tickets.Limit = deskMost
		if work, err = s.parts.Tickets.List(ctx, *tickets); err != nil {
			return out, err
		}
		out.More = out.More || work.Next != ""
	}
	var ids []chat.ID
	var people []int64
	for i := range rows {
		ids = append(ids, rows[i].ID)
		if rows[i].ContactID != nil {
			people = append(people, *rows[i].ContactID)
		}
	}
	for i := range work.Items {
		if work.Items[i].Contact != 0 {
			people = append(people, work.Items[i].Contact)
		}
	}
	signs := map[chat.ID]chat.Signs{}
	if len(ids) > 0 {
		if signs, err = s.parts.Chat.SignsOf(ctx, ids); err != nil {
			return out, err
		}
	}
	vips, err := s.contacts.VIPs(ctx, people)
	if err != nil {
		return out, err
	}
	targets, err := s.queueTargets(ctx)
	if err != nil {
		return out, err
	}
	for i := range rows {
		r := &rows[i]
		of := targets(r.Queue)
		out.Items = append(out.Items, talkItem(r, signs[r.ID], r.ContactID != nil && vips[*r.ContactID], of.Of(min(queue.Urgency(r.Urgency), queue.Urgent)), now))
	}
	for i := range work.Items {
		out.Items = append(out.Items, ticketItem(&work.Items[i], vips[work.Items[i].Contact], now))
	}
	inDeskOrder(out.Items)
	return out, nil
}

// queueTargets says within which time each queue answers.
func (s *Server) queueTargets(ctx context.Context) (func(queueID string) *queue.Targets, error) {
	all, err := queue.NewStore(s.db).Queues(ctx)
	if err != nil {
		return nil, err
	}
	usual := queue.Queue{}.WithDefaults().Targets
	of := map[string]*queue.Targets{}
	for _, q := range all {
		t := q.WithDefaults().Targets
		of[string(q.ID)] = &t
	}
	return func(id string) *queue.Targets {
		if t := of[id]; t != nil {
			return t
		}
		return &usual
	}, nil
}

// ofPerson says whether a value that a text names is known of a contact: a number or an address of theirs.
func ofPerson(value string, known []contact.Identity) bool {
	number := digitsOf(value)
	for i := range known {
		k := &known[i]
		switch k.Kind {
		case contact.KindEmail:
			if k.Value == value {
				return true
			}
		case contact.KindPhone:
			own := digitsOf(k.Value)
			n := min(len(own), len(number), 10) // without the country's code
			if n >= 7 && own[len(own)-n:] == number[len(number)-n:] {
				return true
			}
		}
	}
	return false
}

func digitsOf(s string) string {
	var out []byte
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			out = append(out, s[i])
		}
	}
	return string(out)
}
