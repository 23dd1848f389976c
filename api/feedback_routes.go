package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/feedback"
	"tingxin/team"
	"tingxin/ticket"
)

// FeedbackPage is the body of GET /feedback.
type FeedbackPage struct {
	Items []feedback.Item `json:"items"`
	Next  string          `json:"next,omitempty" doc:"cursor of the next page; not there at the end"`
}

// CasePage is the body of GET /cases.
type CasePage struct {
	Items []feedback.CaseRow `json:"items"`
	Next  string             `json:"next,omitempty" doc:"cursor of the next page; not there at the end"`
}

// CaseCounts is the body of GET /cases/counts.
type CaseCounts struct {
	Mine   map[feedback.State]int `json:"mine"`
	Nobody map[feedback.State]int `json:"nobody,omitempty" doc:"for supervisors"`
	All    map[feedback.State]int `json:"all,omitempty" doc:"for supervisors"`
}

// CaseDetail is the body of GET /cases/{id}.
type CaseDetail struct {
	Case     feedback.Case      `json:"case"`
	Name     string             `json:"contact_name,omitempty"`
	Feedback []feedback.Item    `json:"feedback" doc:"what the customer said of us, newest first"`
	Messages []feedback.Message `json:"messages"`
	Clocks   []feedback.Clock   `json:"clocks" doc:"the latest of each kind last"`
	Trail    []feedback.Step    `json:"trail"`
	Moves    []feedback.State   `json:"moves" doc:"states that people may move it to"`
}

// FeedbackAdded is the body of POST /feedback.
type FeedbackAdded struct {
	ID   int64           `json:"id"`
	Ref  string          `json:"ref" doc:"what the customer may name it by"`
	Case feedback.CaseID `json:"case,omitempty"`
}

// CauseList is the body of GET /causes.
type CauseList struct {
	Items []feedback.Cause `json:"items"`
}

// CustomerLinks is the body of GET /tickets/{id}/customer-links and its like.
type CustomerLinks struct {
	Items []feedback.Link `json:"items"`
}

func (s *Server) feedbackRoutes(api huma.API) {
	if s.parts.Feedback == nil {
		return
	}
	const tag, cases = "feedback", "cases"
	huma.Register(api, operation("feedback", http.MethodGet, "/feedback", tag, "What customers said of us, newest first; agents see what is about their own contacts", 400, 422), s.listFeedback)
	huma.Register(api, operation("feedback-summary", http.MethodGet, "/feedback/summary", tag, "Distribution of scores, themes, days", 422), s.sumFeedback)
	add := operation("add-feedback", http.MethodPost, "/feedback", tag, "Keep what a customer said; what is bad opens a case", 409, 422)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, s.addFeedback)

	huma.Register(api, operation("cases", http.MethodGet, "/cases", cases, "Cases, the latest changed first; agents see their own", 400, 422), s.listFeedbackCases)
	huma.Register(api, operation("case-counts", http.MethodGet, "/cases/counts", cases, "How many cases stand in each state"), s.countCases)
	open := operation("open-case", http.MethodPost, "/cases", cases, "Open a case by hand", 404, 409, 422)
	open.DefaultStatus = http.StatusCreated
	huma.Register(api, open, s.openCase)
	huma.Register(api, operation("case", http.MethodGet, "/cases/{id}", cases, "A case with all that belongs to it", 404), s.getCase)
	huma.Register(api, operation("change-case", http.MethodPatch, "/cases/{id}", cases, "Change what is known of a case; what is not given stays", 403, 404, 409, 422), s.changeCase)
	huma.Register(api, operation("move-case", http.MethodPost, "/cases/{id}/move", cases, "Move a case on, back, or open it again", 404, 409, 422), s.moveCase)
	huma.Register(api, operation("tell-case", http.MethodPost, "/cases/{id}/messages", cases, "Write to the customer: a first word, or the answer once it is fixed; or a note", 404, 409, 422), s.tellCase)
	huma.Register(api, operation("answer-case", http.MethodPost, "/cases/{id}/answer", cases, "Write down what the customer answered to the question whether it is solved", 404, 409, 422), s.answerCase)

	huma.Register(api, operation("ticket-files", http.MethodGet, "/tickets/{id}/files", tag, "Files that the customer attached by the ticket's page; each at its id below", 404), s.ticketFiles)
	file := operation("ticket-file", http.MethodGet, "/tickets/{id}/files/{file}", tag, "One file of a ticket as it is", 404)
	file.Responses = map[string]*huma.Response{"200": {Description: "the file", Content: map[string]*huma.MediaType{"application/octet-stream": {}}}}
	huma.Register(api, file, s.ticketFile)
	huma.Register(api, operation("causes", http.MethodGet, "/causes", cases, "Why things go wrong: a tree"), s.causes)
	huma.Register(api, operation("put-cause", http.MethodPut, "/causes/{code}", cases, "Add or change a cause", 422), s.putCause)
	huma.Register(api, operation("cause-report", http.MethodGet, "/reports/causes", cases, "Cases by cause, product and process: how many, closed, how long, how much better", 422), s.causeReport)
	sheet := operation("cause-report-csv", http.MethodGet, "/reports/causes.csv", cases, "The report on causes as CSV", 422)
	sheet.Responses = map[string]*huma.Response{"200": {Description: "UTF-8 with a header line", Content: map[string]*huma.MediaType{"text/csv": {}}}}
	huma.Register(api, sheet, s.causeSheet)

	for _, of := range []struct{ path, kind, id, what string }{{"/tickets/{id}", feedback.LinkTicket, "ticket", "the page of a ticket"}, {"/cases/{id}", feedback.LinkCase, "case", "the question of a case"}} {
		huma.Register(api, operation(of.id+"-links", http.MethodGet, of.path+"/customer-links", tag, "Addresses under which a customer has "+of.what, 404), s.listLinks(of.kind))
		link := operation("make-"+of.id+"-link", http.MethodPost, of.path+"/customer-links", tag, "Make an address under which the customer has "+of.what+", for 30 days", 404, 422)
		link.DefaultStatus = http.StatusCreated
		huma.Register(api, link, s.makeLink(of.kind))
		drop := operation("revoke-"+of.id+"-link", http.MethodDelete, of.path+"/customer-links/{link}", tag, "Close an address for good", 404)
		drop.DefaultStatus = http.StatusNoContent
		huma.Register(api, drop, s.revokeLink(of.kind))
	}
}

// leads tells whether who asks sees what is others', too.
func leads(ctx context.Context) bool { return callerOf(ctx).User.Role.may(RoleSupervisor) }

type feedbackQuery struct {
	Kinds   []string  `query:"kind" maxItems:"5" enum:"csat,nps,complaint,idea,bug" doc:"several are joined by commas"`
	Sources []string  `query:"source" maxItems:"5" enum:"chat,call,ticket,page,api"`
	Reason  string    `query:"reason" maxLength:"200" doc:"the contact that it is about"`
	Topic   string    `query:"topic" maxLength:"40"`
	Contact int64     `query:"contact" minimum:"0"`
	Case    int64     `query:"case" minimum:"0"`
	Most    int       `query:"most" minimum:"-1" maximum:"10" default:"-1" doc:"of the score"`
	Least   int       `query:"least" minimum:"-1" maximum:"10" default:"-1"`
	Since   time.Time `query:"since"`
	Until   time.Time `query:"until"`
	Text    string    `query:"q" maxLength:"200" doc:"words, all of them"`
	Cursor  string    `query:"cursor" maxLength:"64"`
	Limit   int       `query:"limit" minimum:"1" maximum:"200" default:"40"`
}

func (in *feedbackQuery) query(ctx context.Context) feedback.Query {
	q := feedback.Query{Sources: in.Sources, Reason: in.Reason, Topic: in.Topic, Contact: in.Contact, Case: feedback.CaseID(in.Case), Since: in.Since, Until: in.Until, Text: in.Text, Cursor: in.Cursor, Limit: in.Limit}
	for _, k := range in.Kinds {
		q.Kinds = append(q.Kinds, feedback.Kind(k))
	}
	if in.Most >= 0 {
		q.Most = &in.Most
	}
	if in.Least >= 0 {
		q.Least = &in.Least
	}
	if !leads(ctx) && in.Reason == "" { // a mark beside a conversation may be asked for by everybody
		q.Agent = userID(ctx)
	}
	return q
}

func (s *Server) listFeedback(ctx context.Context, in *feedbackQuery) (*bodyOf[FeedbackPage], error) {
	items, next, err := s.parts.Feedback.List(ctx, in.query(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[FeedbackPage]{FeedbackPage{items, next}}, nil
}

func (s *Server) sumFeedback(ctx context.Context, in *feedbackQuery) (*bodyOf[feedback.Summary], error) {
	sum, err := s.parts.Feedback.Summary(ctx, in.query(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[feedback.Summary]{sum}, nil
}

type addFeedbackInput struct {
	Body struct {
		Kind    string   `json:"kind" enum:"csat,nps,complaint,idea,bug"`
		Score   *int     `json:"score,omitempty" minimum:"0" maximum:"10" doc:"csat 1 to 5, nps 0 to 10; other kinds have none"`
		Text    string   `json:"text,omitempty" maxLength:"20000"`
		Chips   []string `json:"chips,omitempty" maxItems:"10"`
		Reason  string   `json:"reason,omitempty" maxLength:"200" pattern:"^((conversation|ticket):[0-9]{1,18}|call:[0-9a-f-]{36})$" doc:"the contact that it is about"`
		Contact int64    `json:"contact,omitempty" minimum:"0"`
		Key     string   `json:"key,omitempty" maxLength:"100" doc:"the same key again changes nothing"`
	}
}

// seesReason refuses what is about something, "ticket:12", that the sight of ctx does not see.
func (s *Server) seesReason(ctx context.Context, reason string) error {
	kind, id, _ := strings.Cut(reason, ":")
	if n, ok := nounOf[kind]; ok {
		return s.sees(ctx, n, id)
	}
	return nil
}

func (s *Server) addFeedback(ctx context.Context, in *addFeedbackInput) (*bodyOf[FeedbackAdded], error) {
	b := &in.Body
	if err := errors.Join(s.seesReason(ctx, b.Reason), s.sees(ctx, team.Contacts, b.Contact), s.notErased(ctx, b.Contact)); err != nil {
		return nil, err
	}
	key := b.Key
	if key == "" {
		key = uuid.NewString()
	}
	a, err := s.parts.Feedback.Add(ctx, feedback.Item{Kind: feedback.Kind(b.Kind), Source: "api", Reason: b.Reason, Origin: "api:" + callerOf(ctx).User.Username + ":" + key, Score: b.Score, Text: b.Text, Chips: b.Chips, Contact: b.Contact})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[FeedbackAdded]{FeedbackAdded{a.Item.ID, a.Ref(), a.Case}}, nil
}

type caseQuery struct {
	States   []string  `query:"state" maxItems:"7" doc:"several are joined by commas"`
	Owner    string    `query:"owner" maxLength:"20" doc:"id of a user, me or nobody"`
	Contact  int64     `query:"contact" minimum:"0"`
	Reason   string    `query:"reason" maxLength:"200"`
	Cause    string    `query:"cause" maxLength:"64" doc:"or one below it; - for none yet"`
	Product  string    `query:"product" maxLength:"80" doc:"- for none"`
	Process  string    `query:"process" maxLength:"80" doc:"- for none"`
	Outcome  string    `query:"outcome" enum:"verified,unverified,unreachable"`
	OpenedBy string    `query:"opened_by" enum:"score,complaint,legal,hand"`
	Late     bool      `query:"late" doc:"with a broken promise that is still open"`
	Waiting  bool      `query:"waiting" doc:"whose message to the customer finds no way"`
	Ticket   int64     `query:"ticket" minimum:"0"`
	Since    time.Time `query:"since" doc:"opened at or after"`
	Until    time.Time `query:"until" doc:"opened before"`
	Cursor   string    `query:"cursor" maxLength:"64"`
	Limit    int       `query:"limit" minimum:"1" maximum:"200" default:"40"`
}

func (in *caseQuery) query(ctx context.Context) (feedback.CaseQuery, error) {
	q := feedback.CaseQuery{Contact: in.Contact, Reason: in.Reason, Cause: in.Cause, Outcome: feedback.Outcome(in.Outcome), OpenedBy: in.OpenedBy, Late: in.Late, Waiting: in.Waiting, Ticket: in.Ticket,
		Since: in.Since, Until: in.Until, Cursor: in.Cursor, Limit: in.Limit}
	for _, st := range in.States {
		q.States = append(q.States, feedback.State(st))
	}
	given := func(v string) *string {
		if v == "-" {
			v = ""
		} else if v == "" {
			return nil
		}
		return &v
	}
	q.Product, q.Process = given(in.Product), given(in.Process)
	switch in.Owner {
	case "":
	case "me":
		q.Owner = userID(ctx)
	case "nobody":
		q.Owner = -1
	default:
		n, err := strconv.ParseInt(in.Owner, 10, 64)
		if err != nil || n < 1 {
			return q, unfitField("query.owner", "owner is the id of a user, me or nobody")
		}
		q.Owner = n
	}
	if !leads(ctx) && in.Reason == "" && in.Ticket == 0 { // the mark beside a conversation or ticket is for everybody who has it
		q.Owner = userID(ctx)
	}
	return q, nil
}

func (s *Server) listFeedbackCases(ctx context.Context, in *caseQuery) (*bodyOf[CasePage], error) {
	q, err := in.query(ctx)
	if err != nil {
		return nil, err
	}
	rows, next, err := s.parts.Feedback.Cases(ctx, q)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[CasePage]{CasePage{rows, next}}, nil
}

func (s *Server) countCases(ctx context.Context, _ *struct{}) (*bodyOf[CaseCounts], error) {
	var out CaseCounts
	var errs [3]error
	out.Mine, errs[0] = s.parts.Feedback.CaseCounts(ctx, userID(ctx))
	if leads(ctx) {
		out.Nobody, errs[1] = s.parts.Feedback.CaseCounts(ctx, -1)
		out.All, errs[2] = s.parts.Feedback.CaseCounts(ctx, 0)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[CaseCounts]{out}, nil
}

// note writes an audit row of an act on a case, after it.
func (s *Server) noteCase(ctx context.Context, action act, id feedback.CaseID, detail map[string]any) {
	e := callerOf(ctx).entry(action, "case:"+strconv.FormatInt(int64(id), 10))
	e.Detail = detail
	if err := s.audit.write(ctx, e); err != nil { // the case's own trail has it
		s.log.Error("an act on a case is not in the audit log", "case", id, "action", action.name, "error", err)
	}
}

type openCaseInput struct {
	Body struct {
		Title    string `json:"title" minLength:"1" maxLength:"300"`
		Contact  int64  `json:"contact,omitempty" minimum:"0"`
		Reason   string `json:"reason,omitempty" maxLength:"200" pattern:"^((conversation|ticket):[0-9]{1,18}|call:[0-9a-f-]{36})$" doc:"the contact that it is about"`
		Ticket   int64  `json:"linked_ticket,omitempty" minimum:"0"`
		Language string `json:"language,omitempty" enum:"zh,en"`
	}
}

func (s *Server) openCase(ctx context.Context, in *openCaseInput) (*bodyOf[feedback.Case], error) {
	b := &in.Body
	if err := errors.Join(s.seesReason(ctx, b.Reason), s.sees(ctx, team.Contacts, b.Contact), s.notErased(ctx, b.Contact), s.sees(ctx, team.Tickets, b.Ticket)); err != nil {
		return nil, err
	}
	c, err := s.parts.Feedback.OpenCase(ctx, feedback.Case{Title: plain(b.Title), Contact: b.Contact, Reason: b.Reason, Ticket: b.Ticket, Language: b.Language, Owner: userID(ctx)}, callerOf(ctx).User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.noteCase(ctx, actCaseOpened, c.ID, nil)
	return &bodyOf[feedback.Case]{c}, nil
}

type caseInput struct {
	ID feedback.CaseID `path:"id" minimum:"1" doc:"number of the case"`
}

// seen reads a case that who asks may see: their own, for a supervisor every one.
func (s *Server) seenCase(ctx context.Context, id feedback.CaseID) (feedback.Case, error) {
	c, err := s.parts.Feedback.Get(ctx, id)
	if err == nil && !leads(ctx) && c.Owner != userID(ctx) {
		return feedback.Case{}, huma.Error404NotFound("there is no such thing")
	}
	return c, s.problem(ctx, err)
}

func (s *Server) getCase(ctx context.Context, in *caseInput) (*bodyOf[CaseDetail], error) {
	c, err := s.seenCase(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	f := s.parts.Feedback
	d := CaseDetail{Case: c, Moves: []feedback.State{}}
	for _, to := range feedback.States {
		if feedback.CanMove(c.State, to) {
			d.Moves = append(d.Moves, to)
		}
	}
	var errs [4]error
	d.Feedback, _, errs[0] = f.List(ctx, feedback.Query{Case: c.ID, Limit: 100})
	d.Messages, errs[1] = f.Messages(ctx, c.ID)
	d.Clocks, errs[2] = f.Clocks(ctx, c.ID)
	d.Trail, errs[3] = f.Trail(ctx, c.ID)
	if err := errors.Join(errs[:]...); err != nil {
		return nil, s.problem(ctx, err)
	}
	for _, item := range d.Feedback {
		if item.Name != "" {
			d.Name = item.Name
		}
	}
	return &bodyOf[CaseDetail]{d}, nil
}

type changeCaseInput struct {
	ID   feedback.CaseID `path:"id" minimum:"1" doc:"number of the case"`
	Body struct {
		Version int     `json:"version,omitempty" minimum:"0" doc:"of the case that was seen: 409 when somebody changed it meanwhile; 0 does not matter"`
		Owner   *int64  `json:"owner,omitempty" minimum:"0" doc:"id of a user, 0 is nobody; by supervisors"`
		Title   *string `json:"title,omitempty" maxLength:"300"`
		Cause   *string `json:"cause,omitempty" maxLength:"64"`
		Product *string `json:"product,omitempty" maxLength:"80"`
		Process *string `json:"process,omitempty" maxLength:"80"`
		Article *int64  `json:"linked_kb,omitempty" minimum:"0" doc:"id of an article"`
		Ticket  *int64  `json:"linked_ticket,omitempty" minimum:"0"`
	}
}

func (s *Server) changeCase(ctx context.Context, in *changeCaseInput) (*bodyOf[feedback.Case], error) {
	c, err := s.seenCase(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	b := &in.Body
	if b.Owner != nil && *b.Owner != c.Owner && !leads(ctx) {
		return nil, huma.Error403Forbidden("supervisors say whose case it is")
	}
	c, err = s.parts.Feedback.Change(ctx, in.ID, feedback.Patch{Version: b.Version, Owner: b.Owner, Title: b.Title, Cause: b.Cause, Product: b.Product, Process: b.Process, Article: b.Article, Ticket: b.Ticket}, callerOf(ctx).User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.noteCase(ctx, actCaseChanged, c.ID, nil)
	return &bodyOf[feedback.Case]{c}, nil
}

type moveCaseInput struct {
	ID   feedback.CaseID `path:"id" minimum:"1" doc:"number of the case"`
	Body struct {
		To    string `json:"to" enum:"contacted,cause_found,fixed,closed"`
		Cause string `json:"cause,omitempty" maxLength:"64" doc:"needed for cause_found when the case has none"`
		Note  string `json:"note,omitempty" maxLength:"20000" doc:"only we read it"`
	}
}

func (s *Server) moveCase(ctx context.Context, in *moveCaseInput) (*bodyOf[feedback.Case], error) {
	if _, err := s.seenCase(ctx, in.ID); err != nil {
		return nil, err
	}
	c, err := s.parts.Feedback.Move(ctx, in.ID, feedback.State(in.Body.To), in.Body.Cause, in.Body.Note, callerOf(ctx).User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.noteCase(ctx, actCaseMoved, c.ID, map[string]any{"to": c.State})
	return &bodyOf[feedback.Case]{c}, nil
}

type tellCaseInput struct {
	ID   feedback.CaseID `path:"id" minimum:"1" doc:"number of the case"`
	Body struct {
		Text string `json:"text" minLength:"1" maxLength:"20000"`
		Note bool   `json:"note,omitempty" doc:"only we read it"`
		Way  string `json:"way,omitempty" enum:"call,email,letter,visit" doc:"the customer was told so already; empty: the message is sent by the first way that is open"`
	}
}

func (s *Server) tellCase(ctx context.Context, in *tellCaseInput) (*bodyOf[feedback.Case], error) {
	if _, err := s.seenCase(ctx, in.ID); err != nil {
		return nil, err
	}
	b, by := &in.Body, callerOf(ctx).User.Username
	var c feedback.Case
	var err error
	if b.Note {
		c, err = s.parts.Feedback.Note(ctx, in.ID, b.Text, by)
	} else {
		c, err = s.parts.Feedback.Tell(ctx, in.ID, b.Text, b.Way, by)
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.noteCase(ctx, actCaseTold, c.ID, map[string]any{"note": b.Note, "way": b.Way})
	return &bodyOf[feedback.Case]{c}, nil
}

type answerCaseInput struct {
	ID   feedback.CaseID `path:"id" minimum:"1" doc:"number of the case"`
	Body struct {
		Score int    `json:"score" minimum:"1" maximum:"5" doc:"is it solved: 1 not at all, 5 fully; up to 2 opens the case again"`
		Text  string `json:"text,omitempty" maxLength:"20000"`
	}
}

func (s *Server) answerCase(ctx context.Context, in *answerCaseInput) (*bodyOf[feedback.Case], error) {
	if _, err := s.seenCase(ctx, in.ID); err != nil {
		return nil, err
	}
	c, err := s.parts.Feedback.Answer(ctx, in.ID, 0, in.Body.Score, in.Body.Text, callerOf(ctx).User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.noteCase(ctx, actCaseAnswered, c.ID, map[string]any{"score": in.Body.Score})
	return &bodyOf[feedback.Case]{c}, nil
}

func (s *Server) causes(ctx context.Context, _ *struct{}) (*bodyOf[CauseList], error) {
	all, err := s.parts.Feedback.Causes(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[CauseList]{CauseList{all}}, nil
}

type causeInput struct {
	Code string `path:"code" maxLength:"64"`
	Body struct {
		Parent  string `json:"parent,omitempty" maxLength:"64"`
		Area    string `json:"area" enum:"product,process,agent,article,other"`
		LabelZH string `json:"label_zh" minLength:"1" maxLength:"60"`
		LabelEN string `json:"label_en" minLength:"1" maxLength:"60"`
		Ord     int    `json:"ord,omitempty" minimum:"0" maximum:"10000"`
		Retired bool   `json:"retired,omitempty"`
	}
}

func (s *Server) putCause(ctx context.Context, in *causeInput) (*bodyOf[feedback.Cause], error) {
	b := &in.Body
	c := feedback.Cause{Code: in.Code, Parent: b.Parent, Area: b.Area, LabelZH: plain(b.LabelZH), LabelEN: plain(b.LabelEN), Ord: b.Ord, Retired: b.Retired}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Feedback.PutCause(ctx, tx, c); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actCausePut, "cause:"+in.Code))
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[feedback.Cause]{c}, nil
}

type reportSpan struct {
	Since time.Time `query:"since" doc:"opened at or after; 90 days ago when not given"`
	Until time.Time `query:"until" doc:"opened before; now when not given"`
}

func (s *Server) reportOf(ctx context.Context, in *reportSpan) (feedback.CauseReport, error) {
	until := in.Until
	if until.IsZero() {
		until = s.now()
	}
	since := in.Since
	if since.IsZero() {
		since = until.AddDate(0, 0, -90)
	}
	if !since.Before(until) {
		return feedback.CauseReport{}, unfitField("query.since", "since must be before until")
	}
	r, err := s.parts.Feedback.CauseReport(ctx, since, until)
	return r, s.problem(ctx, err)
}

func (s *Server) causeReport(ctx context.Context, in *reportSpan) (*bodyOf[feedback.CauseReport], error) {
	r, err := s.reportOf(ctx, in)
	if err != nil {
		return nil, err
	}
	return &bodyOf[feedback.CauseReport]{r}, nil
}

func (s *Server) causeSheet(ctx context.Context, in *reportSpan) (*huma.StreamResponse, error) {
	r, err := s.reportOf(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	b.WriteString("\ufeff") // so that spreadsheets read UTF-8
	_ = w.Write([]string{"area", "cause", "label_zh", "label_en", "product", "process", "cases", "closed", "unverified", "unreachable", "reopened", "median_hours", "uplift"})
	number := func(v *float64) string {
		if v == nil {
			return ""
		}
		return strconv.FormatFloat(*v, 'f', 2, 64)
	}
	for i := range r.Rows {
		x := &r.Rows[i]
		_ = w.Write([]string{x.Area, x.Cause, cell(x.LabelZH), cell(x.LabelEN), cell(x.Product), cell(x.Process), strconv.Itoa(x.Cases), strconv.Itoa(x.Closed), strconv.Itoa(x.Unverified),
			strconv.Itoa(x.Unreachable), strconv.Itoa(x.Reopened), number(x.Hours), number(x.Uplift)})
	}
	w.Flush() // into memory
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		c := humagin.Unwrap(hc)
		c.Header("Content-Disposition", `attachment; filename="causes.csv"`)
		c.Header("Cache-Control", "private, no-store")
		c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
	}}, nil
}

type linkOfInput struct {
	ID int64 `path:"id" minimum:"1"`
}

// linkable refuses an object that is not there, or that who asks may not see.
func (s *Server) linkable(ctx context.Context, kind string, id int64) error {
	if kind == feedback.LinkCase {
		_, err := s.seenCase(ctx, feedback.CaseID(id))
		return err
	}
	_, err := s.parts.Tickets.Get(ctx, ticket.ID(id))
	return s.problem(ctx, err)
}

func (s *Server) listLinks(kind string) func(context.Context, *linkOfInput) (*bodyOf[CustomerLinks], error) {
	return func(ctx context.Context, in *linkOfInput) (*bodyOf[CustomerLinks], error) {
		if err := s.linkable(ctx, kind, in.ID); err != nil {
			return nil, err
		}
		all, err := s.parts.Feedback.Links(ctx, kind, in.ID)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return &bodyOf[CustomerLinks]{CustomerLinks{all}}, nil
	}
}

func (s *Server) makeLink(kind string) func(context.Context, *linkOfInput) (*bodyOf[feedback.Link], error) {
	return func(ctx context.Context, in *linkOfInput) (*bodyOf[feedback.Link], error) {
		if err := s.linkable(ctx, kind, in.ID); err != nil {
			return nil, err
		}
		l, err := s.parts.Feedback.MakeLink(ctx, kind, in.ID, callerOf(ctx).User.Username)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		if err := s.audit.write(ctx, callerOf(ctx).entry(actCustomerLinkMade, kind+":"+strconv.FormatInt(in.ID, 10))); err != nil { // no row, no address
			return nil, s.problem(ctx, err)
		}
		return &bodyOf[feedback.Link]{l}, nil
	}
}

type dropLinkInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Link int64 `path:"link" minimum:"1"`
}

func (s *Server) revokeLink(kind string) func(context.Context, *dropLinkInput) (*struct{}, error) {
	return func(ctx context.Context, in *dropLinkInput) (*struct{}, error) {
		if err := s.linkable(ctx, kind, in.ID); err != nil {
			return nil, err
		}
		if err := s.parts.Feedback.RevokeLink(ctx, kind, in.ID, in.Link); err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, s.problem(ctx, s.audit.write(ctx, callerOf(ctx).entry(actCustomerLinkRevoked, kind+":"+strconv.FormatInt(in.ID, 10))))
	}
}
