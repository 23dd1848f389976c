package api

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/callout"
	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
)

func init() {
	for route, role := range map[string]Role{
		"GET /call-lists": RoleSupervisor, "POST /call-lists": RoleSupervisor, "GET /call-lists/:id": RoleSupervisor, "PATCH /call-lists/:id": RoleSupervisor, "DELETE /call-lists/:id": RoleSupervisor,
		"GET /call-lists/:id/entries": RoleSupervisor, "POST /call-lists/:id/entries": RoleSupervisor, "GET /call-lists/:id/entries/:entry": RoleSupervisor,
		"POST /call-lists/:id/entries/:entry/again": RoleSupervisor, "DELETE /call-lists/:id/entries/:entry": RoleSupervisor,
		"POST /call-lists/:id/import": RoleSupervisor, "GET /call-lists/:id/entries.csv": RoleSupervisor, "GET /missed-calls": RoleSupervisor,
		"POST /call-lists/work/:work/skip": RoleAgent, // only what is before them
	} {
		method, path, _ := strings.Cut(route, " ")
		access[method+" "+base+path] = role
	}
	scopeNouns["call-lists"], scopeNouns["missed-calls"] = "calls", "calls"
}

// CallListSettings are what one chooses of a list of calls to make.
type CallListSettings struct {
	Name     string     `json:"name" minLength:"1" maxLength:"200"`
	Note     string     `json:"note,omitempty" maxLength:"2000" doc:"shown to agents"`
	Queue    string     `json:"queue" minLength:"1" maxLength:"64" doc:"whose agents call, within its opening hours"`
	Mode     string     `json:"mode,omitempty" enum:"preview,progressive" default:"preview" doc:"preview: the agent looks first, then calls or skips; progressive: the agent's telephone rings, then the customer's"`
	Urgency  string     `json:"urgency,omitempty" enum:"low,normal,high,urgent" default:"low" doc:"beside the agents' other work"`
	Language string     `json:"language,omitempty" maxLength:"16" doc:"that agents must speak; any when empty"`
	Purpose  string     `json:"purpose,omitempty" enum:"service,proactive,marketing" default:"service" doc:"who refused it is not called; for service people are called without a word of theirs"`
	Attempts int        `json:"attempts,omitempty" minimum:"1" maximum:"20" default:"3" doc:"tries for each entry"`
	Busy     int        `json:"busy_s,omitempty" minimum:"1" maximum:"2592000" default:"900" doc:"until the next try, when the line was busy or the call was declined"`
	NoAnswer int        `json:"no_answer_s,omitempty" minimum:"1" maximum:"2592000" default:"7200" doc:"when nobody answered"`
	Failed   int        `json:"failed_s,omitempty" minimum:"1" maximum:"2592000" default:"3600" doc:"when there was no way there"`
	Look     int        `json:"preview_s,omitempty" minimum:"10" maximum:"600" default:"60" doc:"how long an agent may look before calling"`
	Until    *time.Time `json:"until,omitempty" doc:"nobody is called from then on"`
}

// CallListView is a list of calls to make.
type CallListView struct {
	ID int64 `json:"id"`
	CallListSettings
	State     string         `json:"state" enum:"running,paused,closed"`
	Open      bool           `json:"open" doc:"its queue is within its opening hours"`
	Counts    map[string]int `json:"counts" doc:"entries by state"`
	Total     int            `json:"total"`
	CreatedBy string         `json:"created_by"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
	ClosedAt  *time.Time     `json:"closed_at,omitempty"`
}

// CallLists is the body of GET /call-lists.
type CallLists struct {
	Items []CallListView `json:"items" doc:"the newest first"`
}

// CallListEntry is somebody of a list.
type CallListEntry struct {
	ID        int64             `json:"id"`
	Number    string            `json:"number"`
	Name      string            `json:"contact_name,omitempty"`
	Note      string            `json:"note,omitempty"`
	Data      map[string]string `json:"data"`
	Contact   int64             `json:"contact,omitempty"`
	Source    string            `json:"source,omitempty" doc:"call:ID or callback:ID that it came from"`
	State     string            `json:"state" enum:"pending,queued,done,unreached,skipped,refused,cancelled"`
	Outcome   string            `json:"outcome,omitempty" doc:"of the last try, or why nobody was called"`
	Attempts  int               `json:"attempts"`
	NotBefore *time.Time        `json:"not_before,omitempty" doc:"of the next try"`
	UpdatedAt time.Time         `json:"updated_at"`
	Last      *CallListAttempt  `json:"last,omitempty" doc:"the newest attempt"`
}

// CallListAttempt is one try at an entry.
type CallListAttempt struct {
	Agent       string     `json:"agent,omitempty" doc:"user name"`
	Call        string     `json:"call,omitempty" doc:"id of the record"`
	Outcome     string     `json:"outcome,omitempty" enum:",answered,busy,no_answer,given_up,failed,cut,skipped" doc:"empty while it goes on"`
	Reason      string     `json:"reason,omitempty" doc:"of one who skipped it"`
	Note        string     `json:"note,omitempty"`
	Disposition string     `json:"disposition,omitempty" doc:"that the agent chose afterwards"`
	At          time.Time  `json:"at"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
}

// CallListEntries is the body of GET /call-lists/{id}/entries.
type CallListEntries struct {
	Items []CallListEntry `json:"items"`
	Next  string          `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
}

// CallListEntryDetail is the body of GET /call-lists/{id}/entries/{entry}.
type CallListEntryDetail struct {
	CallListEntry
	Tries []CallListAttempt `json:"tries" doc:"the oldest first"`
}

func callListView(l *callout.List, open bool) CallListView {
	v := CallListView{ID: l.ID, State: string(l.State), Open: open, Counts: map[string]int{}, CreatedBy: l.CreatedBy, CreatedAt: l.CreatedAt, UpdatedAt: l.UpdatedAt, ClosedAt: pg.OrNull(l.ClosedAt)}
	v.CallListSettings = CallListSettings{Name: l.Name, Note: l.Note, Queue: string(l.Queue), Mode: string(l.Mode), Urgency: l.Urgency.String(), Language: l.Language, Purpose: string(l.Purpose), Attempts: l.Attempts,
		Busy: int(l.Busy.Seconds()), NoAnswer: int(l.NoAnswer.Seconds()), Failed: int(l.Failed.Seconds()), Look: int(l.Look.Seconds()), Until: pg.OrNull(l.Until)}
	for _, state := range callout.EntryStates {
		v.Counts[string(state)] = l.Counts[state]
		v.Total += l.Counts[state]
	}
	return v
}

func entryView(e *callout.Entry) CallListEntry {
	v := CallListEntry{ID: e.ID, Number: e.Number, Name: e.Name, Note: e.Note, Data: e.Data, Contact: e.Contact, Source: e.Source, State: string(e.State), Outcome: e.Outcome, Attempts: e.Attempts, UpdatedAt: e.UpdatedAt.UTC()}
	if v.Data == nil {
		v.Data = map[string]string{}
	}
	if e.State == callout.Pending {
		v.NotBefore = pg.OrNull(e.NotBefore.UTC())
	}
	if e.Last != nil {
		last := attemptView(e.Last)
		v.Last = &last
	}
	return v
}

func attemptView(a *callout.Attempt) CallListAttempt {
	return CallListAttempt{Agent: a.AgentName, Call: a.Call, Outcome: a.Outcome, Reason: a.Reason, Note: a.Note, Disposition: a.Disposition, At: a.At, EndedAt: pg.OrNull(a.EndedAt)}
}

func (s *Server) calloutRoutes(api huma.API) {
	const tag = "call lists"
	huma.Register(api, operation("call-lists", http.MethodGet, "/call-lists", tag, "Lists of calls to make, of the queues that one sees"), s.listCallLists)
	add := operation("add-call-list", http.MethodPost, "/call-lists", tag, "Make a list of calls to make; it is paused until it is started", 404, 409, 422)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, s.addCallList)
	huma.Register(api, operation("call-list", http.MethodGet, "/call-lists/{id}", tag, "A list with its progress", 404), s.getCallList)
	huma.Register(api, operation("change-call-list", http.MethodPatch, "/call-lists/{id}", tag, "Change a list, start, pause or close it; what is not given stays", 404, 409, 422), s.changeCallList)
	gone := noContent("delete-call-list", http.MethodDelete, "/call-lists/{id}", "Delete a list with all that is known of its entries", 404, 409)
	gone.Tags = []string{tag}
	huma.Register(api, gone, s.deleteCallList)
	huma.Register(api, operation("call-list-entries", http.MethodGet, "/call-lists/{id}/entries", tag, "Entries of a list, in their order", 400, 404), s.callListEntries)
	put := operation("add-call-list-entries", http.MethodPost, "/call-lists/{id}/entries", tag, "Put people into a list, from missed calls and call-backs too; numbers that are in it stay as they are", 404, 409, 422)
	put.DefaultStatus = http.StatusCreated
	huma.Register(api, put, s.addCallListEntries)
	huma.Register(api, operation("call-list-entry", http.MethodGet, "/call-lists/{id}/entries/{entry}", tag, "An entry with all tries", 404), s.callListEntry)
	again := noContent("try-call-list-entry", http.MethodPost, "/call-lists/{id}/entries/{entry}/again", "Try an entry that is over once more from the beginning", 404, 409)
	again.Tags = []string{tag}
	huma.Register(api, again, s.tryEntryAgain)
	cancel := noContent("cancel-call-list-entry", http.MethodDelete, "/call-lists/{id}/entries/{entry}", "Do not call somebody of a list after all", 404, 409)
	cancel.Tags = []string{tag}
	huma.Register(api, cancel, s.cancelEntry)
	in := operation("import-call-list", http.MethodPost, "/call-lists/{id}/import", tag, "Put people into a list from CSV (UTF-8 or GB18030) with a header: number, name, note; other columns are shown to the agent", 404, 409, 422)
	in.MaxBodyBytes = contact.MaxImportBytes
	huma.Register(api, in, s.importCallList)
	out := operation("call-list-csv", http.MethodGet, "/call-lists/{id}/entries.csv", tag, "The entries with their results as CSV; a long list needs a second person, see POST /exports", 404, 409)
	out.Responses = map[string]*huma.Response{"200": {Description: "UTF-8 with a header line", Content: map[string]*huma.MediaType{"text/csv": {}}}}
	huma.Register(api, out, s.callListCSV)
	huma.Register(api, operation("missed-calls", http.MethodGet, "/missed-calls", tag, "Callers who reached nobody and have not been called since, the newest first, at most 200", 422), s.missedCalls)
	skip := noContent("skip-entry", http.MethodPost, "/call-lists/work/{work}/skip", "Do not call whom one looks at: later for not_now, never otherwise; do_not_call is written to the ledger of consents", 404, 409, 422)
	skip.Tags = []string{tag}
	huma.Register(api, skip, s.skipEntry)
}

// errNoCallLists is for a server without them.
func errNoCallLists() error {
	return huma.Error503ServiceUnavailable("this server has no lists of calls to make")
}

// calloutProblem maps errors of lists of calls.
func (s *Server) calloutProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, callout.ErrInvalid):
		return huma.Error422UnprocessableEntity(inner(err, callout.ErrInvalid))
	case errors.Is(err, callout.ErrState):
		return huma.Error409Conflict(inner(err, callout.ErrState))
	}
	return s.problem(ctx, err)
}

// seesList tells whether the sight of ctx sees a list.
func seesList(ctx context.Context, l *callout.List) bool {
	return team.Of(ctx).ShowsQueue(team.Calls, string(l.Queue))
}

// CallListPath names a list in a path.
type CallListPath struct {
	ID int64 `path:"id" minimum:"1"`
}

// EntryPath names an entry in a path.
type EntryPath struct {
	CallListPath
	Entry int64 `path:"entry" minimum:"1"`
}

// oneList is a list that the sight of ctx sees.
func (s *Server) oneList(ctx context.Context, id int64) (callout.List, error) {
	if s.parts.Callouts == nil {
		return callout.List{}, errNoCallLists()
	}
	l, err := s.parts.Callouts.Get(ctx, id)
	if err == nil && !seesList(ctx, &l) {
		err = huma.Error404NotFound("there is no such thing")
	}
	return l, s.calloutProblem(ctx, err)
}

func (s *Server) listIsOpen(ctx context.Context, l *callout.List) bool {
	if s.parts.Queues == nil {
		return false
	}
	c, err := s.parts.Queues.Hours().OfQueue(ctx, l.Queue)
	return err == nil && (c == nil || c.Open(s.now()))
}

func (s *Server) listCallLists(ctx context.Context, _ *struct{}) (*bodyOf[CallLists], error) {
	if s.parts.Callouts == nil {
		return nil, errNoCallLists()
	}
	all, err := s.parts.Callouts.Lists(ctx)
	out := CallLists{Items: []CallListView{}}
	for i := range all {
		if seesList(ctx, &all[i]) {
			out.Items = append(out.Items, callListView(&all[i], s.listIsOpen(ctx, &all[i])))
		}
	}
	return &bodyOf[CallLists]{out}, s.calloutProblem(ctx, err)
}

func (s *Server) getCallList(ctx context.Context, in *CallListPath) (*bodyOf[CallListView], error) {
	l, err := s.oneList(ctx, in.ID)
	return &bodyOf[CallListView]{callListView(&l, s.listIsOpen(ctx, &l))}, err
}

// withList changes lists with their audit row in one transaction, then has them looked at.
func (s *Server) withList(ctx context.Context, action act, do func(tx pgx.Tx) (id int64, detail map[string]any, err error)) error {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		id, detail, err := do(tx)
		if err != nil {
			return err
		}
		e := callerOf(ctx).entry(action, "call-list:"+strconv.FormatInt(id, 10))
		e.Detail = detail
		return s.audit.add(ctx, tx, e)
	})
	if err == nil {
		s.parts.Callouts.Poke()
	}
	return s.calloutProblem(ctx, err)
}

func (c *CallListSettings) apply(l *callout.List) error {
	l.Name, l.Note, l.Queue, l.Mode, l.Language, l.Purpose, l.Attempts = c.Name, c.Note, queue.QueueID(c.Queue), callout.Mode(c.Mode), c.Language, contact.Purpose(c.Purpose), c.Attempts
	l.Busy, l.NoAnswer, l.Failed, l.Look = time.Duration(c.Busy)*time.Second, time.Duration(c.NoAnswer)*time.Second, time.Duration(c.Failed)*time.Second, time.Duration(c.Look)*time.Second
	l.Until = time.Time{}
	if c.Until != nil {
		l.Until = c.Until.UTC()
	}
	return l.Urgency.UnmarshalText([]byte(c.Urgency))
}

type addCallListInput struct {
	Body struct {
		CallListSettings
		Start bool `json:"start,omitempty" doc:"run it at once"`
	}
}

func (s *Server) addCallList(ctx context.Context, in *addCallListInput) (*bodyOf[CallListView], error) {
	if s.parts.Callouts == nil {
		return nil, errNoCallLists()
	}
	var l callout.List
	if err := in.Body.apply(&l); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	if !seesList(ctx, &l) {
		return nil, huma.Error404NotFound("there is no such queue")
	}
	if in.Body.Start {
		l.State = callout.Running
	}
	err := s.withList(ctx, actCallListAdded, func(tx pgx.Tx) (int64, map[string]any, error) {
		made, err := s.parts.Callouts.Create(ctx, tx, l, callerOf(ctx).User.Username)
		if err == nil {
			l = made
		}
		return made.ID, map[string]any{"queue": made.Queue, "mode": made.Mode, "purpose": made.Purpose, "state": made.State}, err
	})
	return &bodyOf[CallListView]{callListView(&l, s.listIsOpen(ctx, &l))}, err
}

// CallListChange is the body of PATCH /call-lists/{id}.
type CallListChange struct {
	Name     *string    `json:"name,omitempty" minLength:"1" maxLength:"200"`
	Note     *string    `json:"note,omitempty" maxLength:"2000"`
	Queue    *string    `json:"queue,omitempty" minLength:"1" maxLength:"64"`
	Mode     *string    `json:"mode,omitempty" enum:"preview,progressive"`
	Urgency  *string    `json:"urgency,omitempty" enum:"low,normal,high,urgent"`
	Language *string    `json:"language,omitempty" maxLength:"16"`
	Purpose  *string    `json:"purpose,omitempty" enum:"service,proactive,marketing"`
	Attempts *int       `json:"attempts,omitempty" minimum:"1" maximum:"20"`
	Busy     *int       `json:"busy_s,omitempty" minimum:"1" maximum:"2592000"`
	NoAnswer *int       `json:"no_answer_s,omitempty" minimum:"1" maximum:"2592000"`
	Failed   *int       `json:"failed_s,omitempty" minimum:"1" maximum:"2592000"`
	Look     *int       `json:"preview_s,omitempty" minimum:"10" maximum:"600"`
	Until    *time.Time `json:"until,omitempty" doc:"the year 1 takes it away"`
	State    *string    `json:"state,omitempty" enum:"running,paused,closed" doc:"closed is for good"`
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func (c *CallListChange) apply(l *callout.List) error {
	now := callListView(l, false).CallListSettings
	for _, p := range []struct{ to, from *string }{{&now.Name, c.Name}, {&now.Note, c.Note}, {&now.Queue, c.Queue}, {&now.Mode, c.Mode}, {&now.Urgency, c.Urgency}, {&now.Language, c.Language}, {&now.Purpose, c.Purpose}} {
		set(p.to, p.from)
	}
	for _, p := range []struct{ to, from *int }{{&now.Attempts, c.Attempts}, {&now.Busy, c.Busy}, {&now.NoAnswer, c.NoAnswer}, {&now.Failed, c.Failed}, {&now.Look, c.Look}} {
		set(p.to, p.from)
	}
	if c.Until != nil {
		now.Until = pg.OrNull(c.Until.UTC())
	}
	if c.State != nil {
		l.State = callout.State(*c.State)
	}
	return now.apply(l)
}

type changeCallListInput struct {
	CallListPath
	Body CallListChange
}

func (s *Server) changeCallList(ctx context.Context, in *changeCallListInput) (*bodyOf[CallListView], error) {
	l, err := s.oneList(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	err = s.withList(ctx, actCallListChanged, func(tx pgx.Tx) (int64, map[string]any, error) {
		out, err := s.parts.Callouts.Change(ctx, tx, in.ID, func(l *callout.List) error {
			if err := in.Body.apply(l); err != nil {
				return huma.Error422UnprocessableEntity(err.Error())
			}
			if !seesList(ctx, l) {
				return huma.Error404NotFound("there is no such queue")
			}
			return nil
		})
		if err == nil {
			out.Counts = l.Counts
			l = out
		}
		return in.ID, map[string]any{"state": out.State, "queue": out.Queue, "mode": out.Mode, "purpose": out.Purpose}, err
	})
	return &bodyOf[CallListView]{callListView(&l, s.listIsOpen(ctx, &l))}, err
}

func (s *Server) deleteCallList(ctx context.Context, in *CallListPath) (*struct{}, error) {
	l, err := s.oneList(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return nil, s.withList(ctx, actCallListDeleted, func(tx pgx.Tx) (int64, map[string]any, error) {
		n := 0
		for _, count := range l.Counts {
			n += count
		}
		return in.ID, map[string]any{"entries": n}, s.parts.Callouts.Delete(ctx, tx, in.ID)
	})
}

type entriesInput struct {
	CallListPath
	State  string `query:"state" enum:"pending,queued,done,unreached,skipped,refused,cancelled"`
	Text   string `query:"q" maxLength:"100" doc:"part of the number or the name"`
	Cursor string `query:"cursor" maxLength:"20" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) callListEntries(ctx context.Context, in *entriesInput) (*bodyOf[CallListEntries], error) {
	if _, err := s.oneList(ctx, in.ID); err != nil {
		return nil, err
	}
	f := callout.EntryFilter{State: callout.EntryState(in.State), Text: plain(in.Text), Limit: in.Limit + 1}
	if in.Cursor != "" {
		var err error
		if f.After, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil {
			return nil, badCursor()
		}
	}
	all, err := s.parts.Callouts.Entries(ctx, in.ID, f)
	out := CallListEntries{Items: []CallListEntry{}}
	if len(all) > in.Limit {
		all = all[:in.Limit]
		out.Next = strconv.FormatInt(all[in.Limit-1].ID, 10)
	}
	for i := range all {
		out.Items = append(out.Items, entryView(&all[i]))
	}
	return &bodyOf[CallListEntries]{out}, s.calloutProblem(ctx, err)
}

func (s *Server) callListEntry(ctx context.Context, in *EntryPath) (*bodyOf[CallListEntryDetail], error) {
	if _, err := s.oneList(ctx, in.ID); err != nil {
		return nil, err
	}
	e, tries, err := s.parts.Callouts.Entry(ctx, in.ID, in.Entry)
	out := CallListEntryDetail{CallListEntry: entryView(&e), Tries: []CallListAttempt{}}
	for i := range tries {
		out.Tries = append(out.Tries, attemptView(&tries[i]))
	}
	return &bodyOf[CallListEntryDetail]{out}, s.calloutProblem(ctx, err)
}

// PersonToCall is somebody for a list.
type PersonToCall struct {
	Number  string            `json:"number" minLength:"3" maxLength:"32"`
	Name    string            `json:"name,omitempty" maxLength:"200"`
	Note    string            `json:"note,omitempty" maxLength:"1000" doc:"why, for the agent"`
	Data    map[string]string `json:"data,omitempty" doc:"shown to the agent, at most 20 fields"`
	Contact int64             `json:"contact,omitempty" minimum:"0" doc:"whoever has the number when not given"`
}

type addEntriesInput struct {
	CallListPath
	Body struct {
		People    []PersonToCall `json:"people,omitempty" maxItems:"1000"`
		Calls     []string       `json:"calls,omitempty" maxItems:"200" doc:"ids of calls: whoever called, or was called"`
		Callbacks []queue.WorkID `json:"callbacks,omitempty" maxItems:"200" doc:"ids of places kept in queues: they are given up, so that nobody is called twice"`
	}
}

// AddedEntries is the body of the answer to POST /call-lists/{id}/entries.
type AddedEntries struct {
	Added int `json:"added"`
	There int `json:"there" doc:"numbers that were in the list already"`
}

func (s *Server) addCallListEntries(ctx context.Context, in *addEntriesInput) (*bodyOf[AddedEntries], error) {
	if _, err := s.oneList(ctx, in.ID); err != nil {
		return nil, err
	}
	var people []callout.Person
	for _, p := range in.Body.People {
		people = append(people, callout.Person{Number: p.Number, Name: p.Name, Note: p.Note, Data: p.Data, Contact: p.Contact})
	}
	called, err := s.peopleOfCalls(ctx, in.Body.Calls)
	if err != nil {
		return nil, err
	}
	waiting, places, err := s.peopleOfCallbacks(ctx, in.Body.Callbacks)
	if err != nil {
		return nil, err
	}
	people = append(append(people, called...), waiting...)
	var out callout.Added
	err = s.withList(ctx, actCallListFilled, func(tx pgx.Tx) (int64, map[string]any, error) {
		var err error
		out, err = s.parts.Callouts.Add(ctx, tx, in.ID, people)
		return in.ID, map[string]any{"added": out.Added, "there": out.There, "from_calls": len(called), "from_callbacks": len(waiting)}, err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range places { // the list has them by now
		if err := s.parts.Queues.Remove(ctx, id); err != nil && !errors.Is(err, queue.ErrNoWork) {
			return nil, s.problem(ctx, err)
		}
	}
	return &bodyOf[AddedEntries]{AddedEntries{out.Added, out.There}}, nil
}

// peopleOfCalls are whoever was outside in calls that the sight of ctx sees.
func (s *Server) peopleOfCalls(ctx context.Context, ids []string) ([]callout.Person, error) {
	seen, err := seenCalls(ctx, s, ids, func(id *string) string { return *id })
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if len(seen) < len(ids) {
		return nil, huma.Error404NotFound("there is no such call")
	}
	var out []callout.Person
	for _, id := range ids {
		r, err := s.parts.Calls.Get(ctx, id)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		p := callout.Person{Number: r.From, Name: r.FromName, Contact: r.Contact, Source: "call:" + r.ID}
		if r.Direction == call.DirectionOut {
			p.Number, p.Name = r.To, ""
		}
		out = append(out, p)
	}
	return out, nil
}

// peopleOfCallbacks are the customers of places kept in queues, which are not taken yet.
func (s *Server) peopleOfCallbacks(ctx context.Context, ids []queue.WorkID) (people []callout.Person, places []queue.WorkID, err error) {
	if len(ids) == 0 {
		return nil, nil, nil
	}
	if s.parts.Queues == nil {
		return nil, nil, errNoQueues()
	}
	items, err := s.parts.Queues.Items(ctx, "")
	if err != nil {
		return nil, nil, s.problem(ctx, err)
	}
	sight := team.Of(ctx)
	for _, id := range ids {
		i := slices.IndexFunc(items, func(it queue.Item) bool { return it.ID == id })
		if i < 0 || items[i].Callback == nil || items[i].Callback.Entry != 0 || !sight.ShowsQueue(team.Calls, string(items[i].Queue)) {
			return nil, nil, huma.Error404NotFound("there is no such call-back")
		}
		if items[i].Phase != queue.Waiting {
			return nil, nil, huma.Error409Conflict("an agent has that call-back")
		}
		people = append(people, callout.Person{Number: items[i].Callback.Number, Source: "callback:" + string(id)})
		places = append(places, id)
	}
	return people, places, nil
}

func (s *Server) tryEntryAgain(ctx context.Context, in *EntryPath) (*struct{}, error) {
	return s.withEntry(ctx, in, actCallListEntryAgain, func(tx pgx.Tx) error { return s.parts.Callouts.Again(ctx, tx, in.ID, in.Entry) })
}

func (s *Server) cancelEntry(ctx context.Context, in *EntryPath) (*struct{}, error) {
	return s.withEntry(ctx, in, actCallListEntryCancelled, func(tx pgx.Tx) error { return s.parts.Callouts.Cancel(ctx, tx, in.ID, in.Entry) })
}

func (s *Server) withEntry(ctx context.Context, in *EntryPath, action act, do func(tx pgx.Tx) error) (*struct{}, error) {
	if _, err := s.oneList(ctx, in.ID); err != nil {
		return nil, err
	}
	return nil, s.withList(ctx, action, func(tx pgx.Tx) (int64, map[string]any, error) {
		return in.ID, map[string]any{"entry": in.Entry}, do(tx)
	})
}

type importCallListInput struct {
	CallListPath
	DryRun  bool   `query:"dry_run" doc:"say what would be done, and do nothing"`
	RawBody []byte `contentType:"text/csv"`
}

// CallListImport is the body of the answer to POST /call-lists/{id}/import.
type CallListImport struct {
	Rows   int               `json:"rows"`
	Added  int               `json:"added" doc:"or would be, in a dry run"`
	There  int               `json:"there" doc:"numbers that were in the list already, or twice in the file"`
	Failed int               `json:"failed"`
	Errors []CallListRowFail `json:"errors" doc:"the first 100"`
	Fields []string          `json:"fields" doc:"columns that are shown to the agent as they are"`
}

// CallListRowFail is what is wrong with one row.
type CallListRowFail struct {
	Row     int    `json:"row" doc:"1 is the header"`
	Message string `json:"message"`
}

func (s *Server) importCallList(ctx context.Context, in *importCallListInput) (*bodyOf[CallListImport], error) {
	if _, err := s.oneList(ctx, in.ID); err != nil {
		return nil, err
	}
	got, err := s.parts.Callouts.Import(ctx, in.ID, bytes.NewReader(in.RawBody), in.DryRun, func(tx pgx.Tx, i *callout.Imported) error {
		e := callerOf(ctx).entry(actCallListImported, "call-list:"+strconv.FormatInt(in.ID, 10))
		e.Detail = map[string]any{"rows": i.Rows, "added": i.Added, "there": i.There, "failed": i.Failed}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.calloutProblem(ctx, err)
	}
	if !in.DryRun {
		s.parts.Callouts.Poke()
	}
	out := CallListImport{Rows: got.Rows, Added: got.Added, There: got.There, Failed: got.Failed, Errors: make([]CallListRowFail, len(got.Errors)), Fields: got.Fields}
	for i, e := range got.Errors {
		out.Errors[i] = CallListRowFail(e)
	}
	return &bodyOf[CallListImport]{out}, nil
}

// entryColumns are the first line of lists of entries.
var entryColumns = []string{"id", "number", "name", "note", "state", "outcome", "attempts", "last_at", "last_agent", "last_outcome", "last_reason", "disposition", "call", "updated_at"}

func entryRow(e *callout.Entry) []string {
	row := []string{strconv.FormatInt(e.ID, 10), cell(e.Number), cell(e.Name), cell(e.Note), string(e.State), e.Outcome, strconv.Itoa(e.Attempts), "", "", "", "", "", "", stamp(&e.UpdatedAt)}
	if l := e.Last; l != nil {
		copy(row[7:], []string{stamp(&l.At), l.AgentName, l.Outcome, l.Reason, l.Disposition, l.Call})
	}
	return row
}

// entrySheet gives a page of the entries of a list that the sight of ctx sees; next is empty at the end.
func (s *Server) entrySheet(ctx context.Context, list int64, cursor string, row func([]string) error) (next string, err error) {
	if _, err := s.oneList(ctx, list); err != nil {
		return "", err
	}
	const page = 500
	f := callout.EntryFilter{Limit: page}
	if cursor != "" {
		if f.After, err = strconv.ParseInt(cursor, 10, 64); err != nil {
			return "", err
		}
	}
	all, err := s.parts.Callouts.Entries(ctx, list, f)
	for i := range all {
		if err == nil {
			err = row(entryRow(&all[i]))
		}
	}
	if len(all) == page {
		next = strconv.FormatInt(all[page-1].ID, 10)
	}
	return next, err
}

func (s *Server) callListCSV(ctx context.Context, in *CallListPath) (*huma.StreamResponse, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	b.WriteString("\ufeff") // so that spreadsheets read UTF-8
	_ = w.Write(entryColumns)
	rows, cursor, more := 0, "", true
	for more {
		var err error
		cursor, err = s.entrySheet(ctx, in.ID, cursor, func(cells []string) error { rows++; return w.Write(cells) })
		if err != nil {
			return nil, s.calloutProblem(ctx, err)
		}
		if rows >= s.contacts.Approval() {
			return nil, huma.Error409Conflict("so long a list needs a second person: ask for it with POST /exports")
		}
		more = cursor != ""
	}
	w.Flush() // into memory, as the next line
	_ = s.watermark(ctx, &b, "call list "+strconv.FormatInt(in.ID, 10))
	e := callerOf(ctx).entry(actCallListExported, "call-list:"+strconv.FormatInt(in.ID, 10))
	e.Detail = map[string]any{"rows": rows}
	if err := s.audit.write(ctx, e); err != nil { // no row, no file
		return nil, s.problem(ctx, err)
	}
	return download("call-list-"+strconv.FormatInt(in.ID, 10)+".csv", "text/csv; charset=utf-8", func(_ context.Context, w http.ResponseWriter) error {
		_, err := w.Write(b.Bytes())
		return err
	}, s), nil
}

type missedInput struct {
	Queue string `query:"queue" maxLength:"64" doc:"all queues when empty"`
	Days  int    `query:"days" minimum:"1" maximum:"30" default:"7"`
}

// MissedCalls is the body of GET /missed-calls.
type MissedCalls struct {
	Items []call.Missed `json:"items"`
}

func (s *Server) missedCalls(ctx context.Context, in *missedInput) (*bodyOf[MissedCalls], error) {
	if err := s.knowsQueues(ctx, in.Queue); err != nil {
		return nil, err
	}
	all, err := s.parts.Calls.Missed(ctx, s.now().Add(-time.Duration(in.Days)*24*time.Hour), in.Queue)
	if err == nil {
		all, err = seenCalls(ctx, s, all, func(m *call.Missed) string { return m.Call })
	}
	return &bodyOf[MissedCalls]{MissedCalls{some(all)}}, s.problem(ctx, err)
}

type skipInput struct {
	Work queue.WorkID `path:"work" maxLength:"64"`
	Body struct {
		Reason string `json:"reason" enum:"not_now,wrong_number,not_suitable,done_already,do_not_call,other"`
		Note   string `json:"note,omitempty" maxLength:"1000"`
	}
}

func (s *Server) skipEntry(ctx context.Context, in *skipInput) (*struct{}, error) {
	if s.parts.Callouts == nil {
		return nil, errNoCallLists()
	}
	who := callerOf(ctx)
	err := s.parts.Callouts.Skip(ctx, in.Work, queue.AgentID(who.User.ID), who.User.Username, in.Body.Reason, in.Body.Note)
	if err != nil {
		return nil, s.calloutProblem(ctx, err)
	}
	e := who.entry(actCallListEntrySkipped, "work:"+string(in.Work))
	e.Detail = map[string]any{"reason": in.Body.Reason}
	return nil, s.problem(ctx, s.audit.write(ctx, e))
}
