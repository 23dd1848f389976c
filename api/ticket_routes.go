package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/queue"
	"tingxin/team"
	"tingxin/ticket"
)

// TicketPage is the body of GET /tickets.
type TicketPage struct {
	Items []ticket.Row `json:"items"`
	Next  string       `json:"next,omitempty" doc:"cursor of the next page; not there at the end"`
}

// TicketDetail is the body of GET /tickets/{id}.
type TicketDetail struct {
	Ticket    ticket.Ticket      `json:"ticket"`
	Comments  []ticket.Comment   `json:"comments"`
	Clocks    []ticket.ClockItem `json:"clocks" doc:"the latest of each kind last"`
	Links     []ticket.Link      `json:"links"`
	Tasks     []ticket.Task      `json:"tasks"`
	Followers []int64            `json:"followers" doc:"ids of users"`
	Told      string             `json:"told,omitempty" enum:",all,public,private" doc:"of what the one who asks is told; absent for who does not follow it"`
	Moves     []ticket.State     `json:"moves" doc:"states that people may move it to"`
}

// TicketTrail is the body of GET /tickets/{id}/trail.
type TicketTrail struct {
	Items []ticket.Step `json:"items"`
}

// TicketTypes is the body of GET /ticket-types.
type TicketTypes struct {
	Items []ticket.Type `json:"items"`
}

// SLAPolicies is the body of GET /sla-policies.
type SLAPolicies struct {
	Items []ticket.Policy `json:"items"`
}

// TicketCounts is the body of GET /tickets/counts.
type TicketCounts struct {
	Mine   map[ticket.State]int `json:"mine"`
	Nobody map[ticket.State]int `json:"nobody"`
	All    map[ticket.State]int `json:"all"`
}

func (s *Server) ticketRoutes(api huma.API) {
	if s.parts.Tickets == nil {
		return
	}
	const tag = "tickets"
	huma.Register(api, operation("tickets", http.MethodGet, "/tickets", tag, "Tickets, the latest changed first", 400, 422), s.listTickets)
	huma.Register(api, operation("ticket-counts", http.MethodGet, "/tickets/counts", tag, "How many tickets stand in each state"), s.countTickets)
	create := operation("create-ticket", http.MethodPost, "/tickets", tag, "Make a ticket", 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, s.createTicket)
	huma.Register(api, operation("ticket", http.MethodGet, "/tickets/{id}", tag, "A ticket with all that belongs to it", 404), s.getTicket)
	huma.Register(api, operation("change-ticket", http.MethodPatch, "/tickets/{id}", tag, "Change a ticket; what is not given stays", 404, 409, 422), s.changeTicket)
	huma.Register(api, operation("ticket-trail", http.MethodGet, "/tickets/{id}/trail", tag, "What was done to a ticket, in order", 404), s.ticketTrail)
	say := operation("comment-ticket", http.MethodPost, "/tickets/{id}/comments", tag, "Answer the customer, or write a note", 404, 409, 422)
	say.DefaultStatus = http.StatusCreated
	huma.Register(api, say, s.commentTicket)
	huma.Register(api, operation("merge-ticket", http.MethodPost, "/tickets/{id}/merge", tag, "Close a ticket into another one; nothing is moved, so it can be taken back", 404, 409, 422), s.mergeTicket)
	huma.Register(api, operation("unmerge-ticket", http.MethodPost, "/tickets/{id}/unmerge", tag, "Take a merge back", 404, 409), s.unmergeTicket)
	split := operation("split-ticket", http.MethodPost, "/tickets/{id}/split", tag, "Make a ticket of its own out of a part of another one", 404, 422)
	split.DefaultStatus = http.StatusCreated
	huma.Register(api, split, s.splitTicket)
	link := operation("link-tickets", http.MethodPut, "/tickets/{id}/links/{other}", tag, "Tie two tickets together", 404, 422)
	link.DefaultStatus = http.StatusNoContent
	huma.Register(api, link, s.linkTickets)
	unlink := operation("unlink-tickets", http.MethodDelete, "/tickets/{id}/links/{other}", tag, "Take a tie away", 404)
	unlink.DefaultStatus = http.StatusNoContent
	huma.Register(api, unlink, s.unlinkTickets)
	for _, follow := range []bool{true, false} {
		method, id, what := http.MethodPut, "follow-ticket", "Follow a ticket"
		if !follow {
			method, id, what = http.MethodDelete, "unfollow-ticket", "Follow a ticket no more"
		}
		op := operation(id, method, "/tickets/{id}/followers/me", tag, what, 404)
		op.DefaultStatus = http.StatusNoContent
		if follow {
			huma.Register(api, op, func(ctx context.Context, in *followTicketInput) (*struct{}, error) {
				return nil, s.problem(ctx, s.parts.Tickets.FollowFor(ctx, in.ID, userID(ctx), in.Told))
			})
			continue
		}
		huma.Register(api, op, func(ctx context.Context, in *ticketInput) (*struct{}, error) {
			return nil, s.problem(ctx, s.parts.Tickets.Follow(ctx, in.ID, userID(ctx), false))
		})
	}
	task := operation("add-ticket-task", http.MethodPost, "/tickets/{id}/tasks", tag, "Add something to do", 404, 409, 422)
	task.DefaultStatus = http.StatusCreated
	huma.Register(api, task, s.addTask)
	huma.Register(api, operation("do-ticket-task", http.MethodPatch, "/tickets/{id}/tasks/{task}", tag, "Mark something as done, or as not done", 404), s.doTask)
	csv := operation("tickets-csv", http.MethodGet, "/tickets.csv", tag, "The list as CSV; a long one needs a second person, see POST /exports", 400, 409, 422)
	csv.Responses = map[string]*huma.Response{"200": {Description: "UTF-8 with a header line", Content: map[string]*huma.MediaType{"text/csv": {}}}}
	huma.Register(api, csv, s.ticketsCSV)

	huma.Register(api, operation("ticket-types", http.MethodGet, "/ticket-types", tag, "Kinds of tickets with their forms"), s.ticketTypes)
	huma.Register(api, operation("put-ticket-type", http.MethodPut, "/ticket-types/{name}", tag, "Add or change a kind of tickets", 422), s.putTicketType)
	huma.Register(api, operation("sla-policies", http.MethodGet, "/sla-policies", tag, "What is promised to customers; the first that fits a ticket counts"), s.slaPolicies)
	huma.Register(api, operation("put-sla-policy", http.MethodPut, "/sla-policies/{name}", tag, "Add or change a set of promises", 422), s.putPolicy)
	drop := operation("delete-sla-policy", http.MethodDelete, "/sla-policies/{name}", tag, "Take a set of promises away", 404)
	drop.DefaultStatus = http.StatusNoContent
	huma.Register(api, drop, s.deletePolicy)
}

type followTicketInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Told string    `query:"told" enum:"all,public,private" default:"all" doc:"of what in the bell: everything, what the customer sees too, or what only we see"`
}

type ticketInput struct {
	ID ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
}

type ticketQuery struct {
	States     []string  `query:"state" maxItems:"7" doc:"several are joined by commas"`
	Types      []string  `query:"type" maxItems:"50"`
	Priorities []string  `query:"priority" maxItems:"4"`
	Queue      string    `query:"queue" maxLength:"64"`
	Assignee   string    `query:"assignee" maxLength:"20" doc:"id of a user, me or nobody"`
	Contact    int64     `query:"contact" minimum:"0"`
	Tag        string    `query:"tag" maxLength:"40"`
	Complaint  string    `query:"complaint" enum:"true,false"`
	Followed   bool      `query:"followed" doc:"by the one who asks"`
	Late       bool      `query:"late" doc:"with a broken promise that is still open"`
	Since      time.Time `query:"since" doc:"created at or after"`
	Until      time.Time `query:"until" doc:"created before"`
	Text       string    `query:"q" maxLength:"200" doc:"words of number, subject and body; all of them"`
	Cursor     string    `query:"cursor" maxLength:"64"`
	Limit      int       `query:"limit" minimum:"1" maximum:"200" default:"40"`
}

func (s *Server) ticketQuestion(ctx context.Context, in *ticketQuery) (ticket.Query, error) {
	me := userID(ctx)
	q := ticket.Query{Types: in.Types, Priorities: in.Priorities, Queue: in.Queue, Contact: in.Contact, Tag: in.Tag, Late: in.Late, Since: in.Since, Until: in.Until,
		Text: in.Text, Cursor: in.Cursor, Limit: in.Limit}
	for _, st := range in.States {
		q.States = append(q.States, ticket.State(st))
	}
	switch in.Assignee {
	case "":
	case "me":
		q.Assignee = me
	case "nobody":
		q.Assignee = -1
	default:
		n, err := strconv.ParseInt(in.Assignee, 10, 64)
		if err != nil || n < 1 {
			return q, unfitField("query.assignee", "assignee is the id of a user, me or nobody")
		}
		q.Assignee = n
	}
	if in.Complaint != "" {
		yes := in.Complaint == "true"
		q.Complaint = &yes
	}
	if in.Followed {
		q.Follower = me
	}
	return q, s.knowsQueues(ctx, in.Queue)
}

func (s *Server) listTickets(ctx context.Context, in *ticketQuery) (*bodyOf[TicketPage], error) {
	q, err := s.ticketQuestion(ctx, in)
	if err != nil {
		return nil, err
	}
	p, err := s.parts.Tickets.List(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketPage]{TicketPage(p)}, nil
}

func (s *Server) countTickets(ctx context.Context, _ *struct{}) (*bodyOf[TicketCounts], error) {
	mine, err1 := s.parts.Tickets.Counts(ctx, userID(ctx))
	nobody, err2 := s.parts.Tickets.Counts(ctx, -1)
	all, err3 := s.parts.Tickets.Counts(ctx, 0)
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketCounts]{TicketCounts{mine, nobody, all}}, nil
}

// ticketDraft is what a ticket is made of.
type ticketDraft struct {
	Type      string                     `json:"type" maxLength:"40"`
	Subject   string                     `json:"subject" minLength:"1" maxLength:"300"`
	Body      string                     `json:"body,omitempty" maxLength:"20000"`
	Priority  string                     `json:"priority,omitempty" enum:"low,normal,high,urgent" doc:"that of the type when not given; words of danger make it urgent"`
	Language  string                     `json:"language,omitempty" maxLength:"16"`
	Complaint bool                       `json:"complaint,omitempty"`
	Fields    map[string]json.RawMessage `json:"fields,omitempty" doc:"answers of the type's form"`
	Tags      []string                   `json:"tags,omitempty" maxItems:"20"`
	Contact   int64                      `json:"contact,omitempty" minimum:"0"`
	Queue     string                     `json:"queue,omitempty" maxLength:"64" doc:"the department; that of the type when not given"`
	Assignee  int64                      `json:"assignee,omitempty" minimum:"0" doc:"id of a user; 0: the router finds one"`
	Parent    ticket.ID                  `json:"parent,omitempty" minimum:"0" doc:"the ticket that this one is a part of"`
	Tasks     []string                   `json:"tasks,omitempty" maxItems:"50"`
	Source    string                     `json:"source,omitempty" enum:"agent,call,conversation,feedback,import" default:"agent"`
	SourceRef string                     `json:"source_ref,omitempty" maxLength:"200" doc:"the call or conversation that it came from"`
}

func (b *ticketDraft) draft() (ticket.Draft, error) {
	d := ticket.Draft{Type: b.Type, Subject: plain(b.Subject), Body: b.Body, Language: b.Language, Complaint: b.Complaint, Fields: b.Fields, Tags: b.Tags, Contact: b.Contact,
		Queue: b.Queue, Assignee: b.Assignee, Parent: b.Parent, Tasks: b.Tasks, Source: ticket.Source(b.Source), SourceRef: b.SourceRef}
	if b.Priority != "" {
		var u queue.Urgency
		if err := u.UnmarshalText([]byte(b.Priority)); err != nil {
			return d, huma.Error422UnprocessableEntity(err.Error())
		}
		d.Priority = &u
	}
	return d, nil
}

type createTicketInput struct{ Body ticketDraft }

// seesDraft refuses a ticket about what the sight of ctx does not see.
func (s *Server) seesDraft(ctx context.Context, d *ticket.Draft) error {
	return errors.Join(s.sees(ctx, team.Tickets, d.Parent), s.sees(ctx, team.Contacts, d.Contact))
}

// userID is the row of who asks.
func userID(ctx context.Context) int64 {
	n, _ := strconv.ParseInt(callerOf(ctx).User.ID, 10, 64) // made from a number
	return n
}

func actorOf(ctx context.Context) ticket.Actor { return ticket.AgentActor(callerOf(ctx).User.Username) }

func (s *Server) createTicket(ctx context.Context, in *createTicketInput) (*bodyOf[ticket.Ticket], error) {
	d, err := in.Body.draft()
	if err != nil {
		return nil, err
	}
	if err := s.seesDraft(ctx, &d); err != nil {
		return nil, err
	}
	if err := s.namesQueues(ctx, d.Queue); err != nil {
		return nil, err
	}
	t, err := s.parts.Tickets.Create(ctx, d, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Ticket]{t}, nil
}

func (s *Server) getTicket(ctx context.Context, in *ticketInput) (*bodyOf[TicketDetail], error) {
	k := s.parts.Tickets
	t, err := k.Get(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	d := TicketDetail{Ticket: t, Moves: []ticket.State{}}
	for _, to := range ticket.States {
		if ticket.CanMove(t.State, to) {
			d.Moves = append(d.Moves, to)
		}
	}
	var errs [6]error
	d.Comments, errs[0] = k.Comments(ctx, in.ID, false, 0)
	d.Clocks, errs[1] = k.Clocks(ctx, in.ID)
	d.Links, errs[2] = k.Links(ctx, in.ID)
	d.Tasks, errs[3] = k.Tasks(ctx, in.ID)
	d.Followers, errs[4] = k.Followers(ctx, in.ID)
	d.Told, errs[5] = k.Told(ctx, in.ID, userID(ctx))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketDetail]{d}, nil
}

type changeTicketInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Body struct {
		Version   int                        `json:"version,omitempty" minimum:"0" doc:"of the ticket that was seen: 409 when somebody changed it meanwhile; 0 does not matter"`
		Type      *string                    `json:"type,omitempty" maxLength:"40"`
		Subject   *string                    `json:"subject,omitempty" maxLength:"300"`
		Text      *string                    `json:"body,omitempty" maxLength:"20000"`
		State     *string                    `json:"state,omitempty" enum:"new,open,pending_customer,pending_third,on_hold,resolved,closed"`
		HoldUntil *time.Time                 `json:"hold_until,omitempty" doc:"needed for on_hold"`
		Priority  *string                    `json:"priority,omitempty" enum:"low,normal,high,urgent"`
		Complaint *bool                      `json:"complaint,omitempty"`
		Fields    map[string]json.RawMessage `json:"fields,omitempty" doc:"these only; null takes one away"`
		Tags      *[]string                  `json:"tags,omitempty" maxItems:"20"`
		Contact   *int64                     `json:"contact,omitempty" minimum:"0"`
		Queue     *string                    `json:"queue,omitempty" maxLength:"64"`
		Assignee  *int64                     `json:"assignee,omitempty" minimum:"0" doc:"0 gives it back to its queue"`
	}
}

func (s *Server) changeTicket(ctx context.Context, in *changeTicketInput) (*bodyOf[ticket.Ticket], error) {
	b := &in.Body
	p := ticket.Patch{Version: b.Version, Type: b.Type, Subject: b.Subject, Body: b.Text, HoldUntil: b.HoldUntil, Complaint: b.Complaint, Fields: b.Fields, Tags: b.Tags,
		Contact: b.Contact, Queue: b.Queue, Assignee: b.Assignee}
	if b.State != nil {
		st := ticket.State(*b.State)
		p.State = &st
	}
	if b.Priority != nil {
		var u queue.Urgency
		if err := u.UnmarshalText([]byte(*b.Priority)); err != nil {
			return nil, huma.Error422UnprocessableEntity(err.Error())
		}
		p.Priority = &u
	}
	if b.Queue != nil {
		if err := s.namesQueues(ctx, *b.Queue); err != nil {
			return nil, err
		}
	}
	if b.Contact != nil {
		if err := s.sees(ctx, team.Contacts, *b.Contact); err != nil {
			return nil, err
		}
	}
	t, err := s.parts.Tickets.Change(ctx, in.ID, p, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Ticket]{t}, nil
}

type trailInput struct {
	ID    ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	After int64     `query:"after" minimum:"0" doc:"id of the last step that was seen"`
}

func (s *Server) ticketTrail(ctx context.Context, in *trailInput) (*bodyOf[TicketTrail], error) {
	if _, err := s.parts.Tickets.Get(ctx, in.ID); err != nil {
		return nil, s.problem(ctx, err)
	}
	steps, err := s.parts.Tickets.Trail(ctx, in.ID, in.After)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketTrail]{TicketTrail{steps}}, nil
}

type commentInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Body struct {
		Text   string `json:"body" minLength:"1" maxLength:"20000"`
		Public bool   `json:"public" doc:"the customer sees it; otherwise a note"`
	}
}

func (s *Server) commentTicket(ctx context.Context, in *commentInput) (*bodyOf[ticket.Comment], error) {
	c, _, err := s.parts.Tickets.Comment(ctx, in.ID, in.Body.Text, in.Body.Public, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Comment]{c}, nil
}

type mergeTicketInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Body struct {
		Into ticket.ID `json:"into" minimum:"1"`
	}
}

func (s *Server) mergeTicket(ctx context.Context, in *mergeTicketInput) (*bodyOf[ticket.Ticket], error) {
	if err := s.sees(ctx, team.Tickets, in.Body.Into); err != nil {
		return nil, err
	}
	t, err := s.parts.Tickets.Merge(ctx, in.ID, in.Body.Into, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Ticket]{t}, nil
}

func (s *Server) unmergeTicket(ctx context.Context, in *ticketInput) (*bodyOf[ticket.Ticket], error) {
	t, err := s.parts.Tickets.Unmerge(ctx, in.ID, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Ticket]{t}, nil
}

type splitTicketInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Body ticketDraft
}

func (s *Server) splitTicket(ctx context.Context, in *splitTicketInput) (*bodyOf[ticket.Ticket], error) {
	d, err := in.Body.draft()
	if err != nil {
		return nil, err
	}
	if err := s.namesQueues(ctx, d.Queue); err != nil {
		return nil, err
	}
	t, err := s.parts.Tickets.Split(ctx, in.ID, d, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Ticket]{t}, nil
}

type linkInput struct {
	ID    ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Other ticket.ID `path:"other" minimum:"1"`
	Body  struct {
		Kind string `json:"kind" enum:"related,duplicate,follow_up,split" default:"related"`
	}
}

func (s *Server) linkTickets(ctx context.Context, in *linkInput) (*struct{}, error) {
	return nil, s.problem(ctx, s.parts.Tickets.Link(ctx, in.ID, in.Other, in.Body.Kind, actorOf(ctx)))
}

type unlinkInput struct {
	ID    ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Other ticket.ID `path:"other" minimum:"1"`
}

func (s *Server) unlinkTickets(ctx context.Context, in *unlinkInput) (*struct{}, error) {
	return nil, s.problem(ctx, s.parts.Tickets.Unlink(ctx, in.ID, in.Other, actorOf(ctx)))
}

type addTaskInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Body struct {
		Title    string    `json:"title" minLength:"1" maxLength:"300"`
		Assignee int64     `json:"assignee,omitempty" minimum:"0"`
		DueAt    time.Time `json:"due_at,omitempty"`
	}
}

func (s *Server) addTask(ctx context.Context, in *addTaskInput) (*bodyOf[ticket.Task], error) {
	t, err := s.parts.Tickets.AddTask(ctx, in.ID, ticket.Task{Title: in.Body.Title, Assignee: in.Body.Assignee, DueAt: in.Body.DueAt}, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Task]{t}, nil
}

type doTaskInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Task int64     `path:"task" minimum:"1"`
	Body struct {
		Done bool `json:"done"`
	}
}

func (s *Server) doTask(ctx context.Context, in *doTaskInput) (*bodyOf[ticket.Task], error) {
	t, err := s.parts.Tickets.DoTask(ctx, in.ID, in.Task, in.Body.Done, actorOf(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Task]{t}, nil
}

func (s *Server) ticketsCSV(ctx context.Context, in *ticketQuery) (*huma.StreamResponse, error) {
	q, err := s.ticketQuestion(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	b.WriteString("\ufeff") // so that spreadsheets read UTF-8
	_ = w.Write(ticketColumns)
	rows := 0
	for q.Limit, q.Fixed = 200, true; ; {
		p, err := s.parts.Tickets.List(ctx, q)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		for i := range p.Items {
			_ = w.Write(csvRow(&p.Items[i].Ticket))
		}
		rows += len(p.Items)
		if rows >= s.contacts.Approval() {
			return nil, huma.Error409Conflict("so long a list needs a second person: ask for it with POST /exports")
		}
		if p.Next == "" {
			break
		}
		q.Cursor = p.Next
	}
	w.Flush() // into memory, as the next line
	_ = s.watermark(ctx, &b, "tickets")
	e := callerOf(ctx).entry(actTicketsExported, "")
	e.Detail = map[string]any{"rows": rows}
	if err := s.audit.write(ctx, e); err != nil { // no row, no file
		return nil, s.problem(ctx, err)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		c := humagin.Unwrap(hc)
		c.Header("Content-Disposition", `attachment; filename="tickets.csv"`)
		c.Header("Cache-Control", "private, no-store")
		c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
	}}, nil
}

// ticketColumns are the first line of lists of tickets.
var ticketColumns = []string{"number", "type", "subject", "state", "priority", "complaint", "queue", "assignee", "contact", "created_at", "updated_at", "resolved_at", "reopened", "tags"}

func csvRow(t *ticket.Ticket) []string {
	at := func(m time.Time) string {
		if m.IsZero() {
			return ""
		}
		return m.Format(time.RFC3339)
	}
	id := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	return []string{id(int64(t.ID)), t.Type, cell(t.Subject), string(t.State), t.Priority.String(), strconv.FormatBool(t.Complaint), t.Queue, id(t.Assignee), id(t.Contact),
		at(t.CreatedAt), at(t.UpdatedAt), at(t.Resolved), strconv.Itoa(t.Reopened), cell(fmt.Sprint(t.Tags))}
}

// cell keeps a spreadsheet from taking a customer's words for a formula.
func cell(s string) string {
	if s != "" && (s[0] == '=' || s[0] == '+' || s[0] == '-' || s[0] == '@' || s[0] == '\t' || s[0] == '\r') {
		return "'" + s
	}
	return s
}

func (s *Server) ticketTypes(ctx context.Context, _ *struct{}) (*bodyOf[TicketTypes], error) {
	all, err := s.parts.Tickets.Types(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketTypes]{TicketTypes{all}}, nil
}

type typeInput struct {
	Name string `path:"name" maxLength:"40"`
	Body struct {
		LabelZH  string         `json:"label_zh" minLength:"1" maxLength:"60"`
		LabelEN  string         `json:"label_en" minLength:"1" maxLength:"60"`
		Queue    string         `json:"queue,omitempty" maxLength:"64"`
		Priority string         `json:"priority,omitempty" enum:"low,normal,high,urgent" default:"normal"`
		Fields   []ticket.Field `json:"fields,omitempty" maxItems:"40"`
		Ord      int            `json:"ord,omitempty" minimum:"0" maximum:"10000"`
		Disabled bool           `json:"disabled,omitempty"`
	}
}

func (s *Server) putTicketType(ctx context.Context, in *typeInput) (*bodyOf[ticket.Type], error) {
	b := &in.Body
	t := ticket.Type{Name: in.Name, LabelZH: plain(b.LabelZH), LabelEN: plain(b.LabelEN), Queue: b.Queue, Fields: some(b.Fields), Ord: b.Ord, Disabled: b.Disabled}
	if err := t.Priority.UnmarshalText([]byte(b.Priority)); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	if err := s.namesQueues(ctx, b.Queue); err != nil {
		return nil, err
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Tickets.PutType(ctx, tx, t); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actTicketTypePut, "ticket_type:"+in.Name))
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Type]{t}, nil
}

func (s *Server) slaPolicies(ctx context.Context, _ *struct{}) (*bodyOf[SLAPolicies], error) {
	all, err := s.parts.Tickets.Policies(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[SLAPolicies]{SLAPolicies{all}}, nil
}

// policyBody is a policy without its name.
type policyBody struct {
	Ord        int                                            `json:"ord" minimum:"0" maximum:"10000" doc:"restrictive ones first"`
	Filter     ticket.Filter                                  `json:"filter"`
	Targets    map[string]map[ticket.ClockKind]ticket.Promise `json:"targets" doc:"by priority, then by kind of clock (first_any, first_human, next, update, resolution): 30m, 8h"`
	Calendar   string                                         `json:"calendar,omitempty" maxLength:"64" doc:"whose open hours count; empty: all time"`
	Pause      []ticket.State                                 `json:"pause,omitempty" maxItems:"3" doc:"states in which next response and resolution rest"`
	HoldCounts bool                                           `json:"hold_counts,omitempty"`
	BotAnswers bool                                           `json:"bot_answers,omitempty" doc:"a bot's answer is a first human response"`
	Disabled   bool                                           `json:"disabled,omitempty"`
}

type policyInput struct {
	Name string `path:"name" maxLength:"40"`
	Body policyBody
}

func (s *Server) putPolicy(ctx context.Context, in *policyInput) (*bodyOf[ticket.Policy], error) {
	b := &in.Body
	p := ticket.Policy{Name: in.Name, Ord: b.Ord, Filter: b.Filter, Targets: b.Targets, Calendar: b.Calendar, Pause: b.Pause, HoldCounts: b.HoldCounts, BotAnswers: b.BotAnswers, Disabled: b.Disabled}
	if err := s.namesQueues(ctx, b.Filter.Queues...); err != nil {
		return nil, err
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Tickets.PutPolicy(ctx, tx, p); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actSLAPolicyPut, "sla_policy:"+in.Name))
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Policy]{p}, nil
}

type policyName struct {
	Name string `path:"name" maxLength:"40"`
}

func (s *Server) deletePolicy(ctx context.Context, in *policyName) (*struct{}, error) {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Tickets.DeletePolicy(ctx, tx, in.Name); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actSLAPolicyDeleted, "sla_policy:"+in.Name))
	})
	return nil, s.problem(ctx, err)
}
