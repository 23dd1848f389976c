package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/rules"
	"tingxin/rules/plan"
	"tingxin/team"
	"tingxin/ticket"
)

func init() {
	at := func(least Role, method string, paths ...string) {
		for _, p := range paths {
			access[method+" "+base+p] = least
		}
	}
	at(RoleAgent, http.MethodGet, "/macros", "/ticket-templates", "/notifications", "/ticket-views")
	at(RoleAgent, http.MethodPost, "/macros/:name/run", "/macro-runs/:id/undo", "/ticket-templates/:name/tickets", "/notifications/seen", "/ticket-views")
	at(RoleAgent, http.MethodDelete, "/ticket-views/:id") // everybody's for a supervisor
	at(RoleSupervisor, http.MethodGet, "/rules/runs", "/rules/vocabulary")
	at(RoleAdmin, http.MethodPost, "/rules/:name/trial", "/webhooks/:name/test", "/webhooks/:name/replay")
	at(RoleAdmin, http.MethodGet, "/webhooks/deliveries")
}

// MacroList is the body of GET /macros.
type MacroList struct {
	Items []rules.NamedMacro `json:"items"`
}

// MacroRuns is the body of the answer to POST /macros/{name}/run, in the order of the objects.
type MacroRuns struct {
	Items []rules.Run `json:"items"`
	Dry   bool        `json:"dry"`
}

// RunPage is the body of GET /rules/runs.
type RunPage struct {
	Items []rules.Run `json:"items"`
	Next  int64       `json:"next,omitempty" doc:"before of what follows"`
}

// Vocabulary is what rules are written with.
type Vocabulary struct {
	Events   []plan.EventType       `json:"events"`
	Fields   []plan.FactField       `json:"fields"`
	Ops      map[plan.Type][]string `json:"ops" doc:"by type of field"`
	Actions  []plan.ActionKind      `json:"actions"`
	Lexicons []string               `json:"lexicons"`
	Names    map[string][]string    `json:"names" doc:"of templates, macros and webhooks"`
}

// DeliveryPage is the body of GET /webhooks/deliveries.
type DeliveryPage struct {
	Items []rules.Delivery `json:"items"`
	Next  int64            `json:"next,omitempty" doc:"before of what follows"`
}

// Replayed is the body of the answer to POST /webhooks/{name}/replay.
type Replayed struct {
	Letters int64 `json:"letters"`
}

// TemplateItem is a template as agents choose it.
type TemplateItem struct {
	Name string `json:"name"`
	plan.Template
}

// TemplateList is the body of GET /ticket-templates.
type TemplateList struct {
	Items []TemplateItem `json:"items"`
}

// NotificationList is the body of GET /notifications.
type NotificationList struct {
	Items []rules.Notification `json:"items"`
	New   int                  `json:"new"`
}

var errNoRules = errors.New("this server has no rules")

// need maps what rules refuse.
func (s *Server) ruleProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errNoRules):
		return huma.Error503ServiceUnavailable(err.Error())
	case errors.Is(err, rules.ErrMacro), errors.Is(err, rules.ErrTarget), errors.Is(err, rules.ErrTemplate):
		return huma.Error404NotFound(inner(err, rules.ErrMacro, rules.ErrTarget, rules.ErrTemplate))
	case errors.Is(err, rules.ErrMany):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, rules.ErrUndo):
		return huma.Error409Conflict(rules.ErrUndo.Error())
	case errors.Is(err, rules.ErrNotYours):
		return huma.Error403Forbidden(rules.ErrNotYours.Error())
	}
	return s.problem(ctx, err)
}

// answerOf runs f with the rules, if there are any.
func answerOf[T any](ctx context.Context, s *Server, f func(r *rules.Service) (T, error)) (*bodyOf[T], error) {
	if s.parts.Rules == nil {
		return nil, s.ruleProblem(ctx, errNoRules)
	}
	v, err := f(s.parts.Rules)
	if err != nil {
		return nil, s.ruleProblem(ctx, err)
	}
	return &bodyOf[T]{v}, nil
}

// agentOf is the caller as who runs macros.
func agentOf(ctx context.Context) rules.Agent {
	u, who := callerOf(ctx).User, me(ctx)
	return rules.Agent{User: who.User, Username: u.Username, Name: who.Name, May: func(least string) bool { return u.Role.may(Role(least)) }}
}

func (s *Server) ruleRoutes(api huma.API) {
	huma.Register(api, operation("macros", http.MethodGet, "/macros", "macros", "Lists of actions that the one who asks may run"), s.listMacros)
	huma.Register(api, operation("run-macro", http.MethodPost, "/macros/{name}/run", "macros", "Run a macro on conversations and tickets, or tell what it would do", 404, 422), s.runMacro)
	huma.Register(api, operation("undo-macro", http.MethodPost, "/macro-runs/{id}/undo", "macros", "Take back what a run changed, as far as nobody has changed it since; what was said stays", 403, 404, 409), s.undoMacro)
	huma.Register(api, operation("rule-runs", http.MethodGet, "/rules/runs", "rules", "What rules or macros did, the latest first"), s.listRuns)
	huma.Register(api, operation("rule-vocabulary", http.MethodGet, "/rules/vocabulary", "rules", "Events, fields, operators and actions that rules are written with"), s.vocabulary)
	trial := operation("try-rule", http.MethodPost, "/rules/{name}/trial", "rules", "How a rule would have fared with the events of the last days; nothing is done", 422)
	trial.MaxBodyBytes = maxSetting
	huma.Register(api, trial, s.tryRule)
	huma.Register(api, operation("webhook-deliveries", http.MethodGet, "/webhooks/deliveries", "webhooks", "Letters to other programs, the latest first"), s.listDeliveries)
	huma.Register(api, operation("replay-webhook", http.MethodPost, "/webhooks/{name}/replay", "webhooks", "Send letters again: those of the list, or all dead ones (1,000 at most)", 404), s.replayWebhook)
	huma.Register(api, operation("test-webhook", http.MethodPost, "/webhooks/{name}/test", "webhooks", "Send a letter of type ping at once", 404), s.testWebhook)
	huma.Register(api, operation("ticket-templates", http.MethodGet, "/ticket-templates", "tickets", "What tickets can be made of"), s.listTemplates)
	create := operation("create-ticket-from-template", http.MethodPost, "/ticket-templates/{name}/tickets", "tickets", "Make a ticket from a template", 404, 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, s.ticketFromTemplate)
	huma.Register(api, operation("notifications", http.MethodGet, "/notifications", "rules", "What rules told the one who asks, the latest first"), s.listNotifications)
	seen := operation("saw-notifications", http.MethodPost, "/notifications/seen", "rules", "Mark one's notices up to an id as seen")
	seen.DefaultStatus = http.StatusNoContent
	huma.Register(api, seen, s.sawNotifications)
	s.ticketViewRoutes(api)
	describeLetters(api)
}

// describeLetters puts what webhooks get into the document.
func describeLetters(api huma.API) {
	doc := api.OpenAPI()
	letter := doc.Components.Schemas.Schema(reflect.TypeFor[rules.Letter](), true, "Letter")
	doc.Webhooks = map[string]*huma.PathItem{}
	add := func(name, text string) {
		doc.Webhooks[name] = &huma.PathItem{Post: &huma.Operation{OperationID: "webhook-" + name, Summary: text, Tags: []string{"webhooks"},
			Description: "Signed with X-CC-Signature (docs/webhook.md). Idempotency-Key is the letter's id, the same for every attempt.",
			RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: letter}}},
			Responses:   map[string]*huma.Response{"2XX": {Description: "taken"}, "429": {Description: "later; Retry-After is obeyed"}, "default": {Description: "408, 429 and 5xx are tried again, other answers are not"}}}}
	}
	for _, e := range plan.Events() {
		add(e.Name, e.Text)
	}
	add("macro.run", "an agent ran a macro that tells this target")
	add("ping", "a test")
}

type macrosInput struct {
	Kind string `query:"kind" enum:"conversation,ticket" doc:"of the objects; all when not given"`
}

func (s *Server) listMacros(ctx context.Context, in *macrosInput) (*bodyOf[MacroList], error) {
	return answerOf(ctx, s, func(r *rules.Service) (MacroList, error) {
		a, err := r.AgentOf(ctx, agentOf(ctx))
		return MacroList{r.Macros(a, in.Kind)}, err
	})
}

type runMacroInput struct {
	NamePath
	Body struct {
		Objects []rules.Object `json:"objects" minItems:"1" maxItems:"200"`
		Dry     bool           `json:"dry,omitempty" doc:"only tell what would be done"`
	}
}

func (s *Server) runMacro(ctx context.Context, in *runMacroInput) (*bodyOf[MacroRuns], error) {
	for _, o := range in.Body.Objects {
		if err := s.sees(ctx, nounOf[string(o.Kind)], o.ID); err != nil {
			return nil, err
		}
	}
	return answerOf(ctx, s, func(r *rules.Service) (MacroRuns, error) {
		a, err := r.AgentOf(ctx, agentOf(ctx))
		if err != nil {
			return MacroRuns{}, err
		}
		done, err := r.RunMacro(ctx, in.Name, in.Body.Objects, a, in.Body.Dry)
		if len(done) > 0 && !in.Body.Dry { // also of what was cut in the middle
			e := callerOf(ctx).entry(actMacroRun, "macro:"+in.Name)
			e.Detail = map[string]any{"objects": len(done)}
			again, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			err = errors.Join(err, s.audit.write(again, e))
		}
		return MacroRuns{some(done), in.Body.Dry}, err
	})
}

type runID struct {
	ID int64 `path:"id" minimum:"1"`
}

func (s *Server) undoMacro(ctx context.Context, in *runID) (*bodyOf[rules.Run], error) {
	return answerOf(ctx, s, func(r *rules.Service) (rules.Run, error) {
		done, err := r.Undo(ctx, in.ID, agentOf(ctx))
		if err == nil {
			err = s.audit.write(ctx, callerOf(ctx).entry(actMacroUndone, "macro:"+done.Name))
		}
		return done, err
	})
}

type runsInput struct {
	Kind   string `query:"kind" enum:"rule,macro" default:"rule"`
	Name   string `query:"name" maxLength:"64"`
	Object string `query:"object" enum:"conversation,ticket,call,contact,queue"`
	ID     string `query:"id" maxLength:"64" doc:"of the object"`
	Before int64  `query:"before" minimum:"0"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) listRuns(ctx context.Context, in *runsInput) (*bodyOf[RunPage], error) {
	return answerOf(ctx, s, func(r *rules.Service) (RunPage, error) {
		all, err := r.Runs(ctx, in.Kind, in.Name, in.Object, in.ID, in.Before, in.Limit)
		p := RunPage{Items: some(all)}
		if len(all) == in.Limit {
			p.Next = all[len(all)-1].ID
		}
		return p, err
	})
}

func (s *Server) vocabulary(context.Context, *struct{}) (*bodyOf[Vocabulary], error) {
	v := Vocabulary{Events: plan.Events(), Fields: plan.Fields(), Ops: plan.Ops, Actions: plan.Actions(), Lexicons: plan.Lexicons, Names: map[string][]string{"template": {}, "macro": {}, "target": {}}}
	if s.parts.Setup != nil {
		now := s.parts.Setup.Now()
		v.Names = map[string][]string{"template": some(admin.Names(now.Templates)), "macro": some(admin.Names(now.Macros)), "target": some(admin.Names(now.Webhooks))}
	}
	return &bodyOf[Vocabulary]{v}, nil
}

type trialInput struct {
	NamePath
	Body struct {
		Doc  admin.Automation `json:"doc"`
		Days int              `json:"days,omitempty" minimum:"1" maximum:"14" default:"7"`
	}
}

func (s *Server) tryRule(ctx context.Context, in *trialInput) (*bodyOf[rules.RuleTrial], error) {
	if f := in.Body.Doc.Judge(); len(f) > 0 {
		return nil, faultsProblem(f)
	}
	return answerOf(ctx, s, func(r *rules.Service) (rules.RuleTrial, error) {
		return r.Trial(ctx, in.Name, (*plan.Rule)(&in.Body.Doc), s.now().AddDate(0, 0, -in.Body.Days))
	})
}

type deliveriesInput struct {
	Target string `query:"target" maxLength:"64"`
	State  string `query:"state" enum:"waiting,sending,sent,dead"`
	Before int64  `query:"before" minimum:"0"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) listDeliveries(ctx context.Context, in *deliveriesInput) (*bodyOf[DeliveryPage], error) {
	return answerOf(ctx, s, func(r *rules.Service) (DeliveryPage, error) {
		all, err := r.Deliveries(ctx, in.Target, in.State, in.Before, in.Limit)
		p := DeliveryPage{Items: some(all)}
		if len(all) == in.Limit {
			p.Next = all[len(all)-1].ID
		}
		return p, err
	})
}

type replayInput struct {
	NamePath
	Body struct {
		IDs []int64 `json:"ids,omitempty" maxItems:"1000" doc:"of dead or sent letters; none: all dead ones"`
	}
}

func (s *Server) replayWebhook(ctx context.Context, in *replayInput) (*bodyOf[Replayed], error) {
	return answerOf(ctx, s, func(r *rules.Service) (out Replayed, err error) {
		err = s.db.Tx(ctx, func(tx pgx.Tx) error {
			if out.Letters, err = r.Replay(ctx, tx, in.Name, in.Body.IDs); err != nil {
				return err
			}
			e := callerOf(ctx).entry(actWebhookReplayed, "webhook:"+in.Name)
			e.Detail = map[string]any{"letters": out.Letters}
			return s.audit.add(ctx, tx, e)
		})
		return out, err
	})
}

func (s *Server) testWebhook(ctx context.Context, in *NamePath) (*bodyOf[rules.Tried], error) {
	return answerOf(ctx, s, func(r *rules.Service) (rules.Tried, error) {
		done, err := r.Try(ctx, in.Name)
		if err == nil {
			err = s.audit.write(ctx, callerOf(ctx).entry(actWebhookTested, "webhook:"+in.Name))
		}
		return done, err
	})
}

func (s *Server) listTemplates(ctx context.Context, _ *struct{}) (*bodyOf[TemplateList], error) {
	return answerOf(ctx, s, func(r *rules.Service) (TemplateList, error) {
		out := TemplateList{Items: []TemplateItem{}}
		r.Templates(func(name string, t plan.Template) { out.Items = append(out.Items, TemplateItem{name, t}) })
		return out, nil
	})
}

type fromTemplateInput struct {
	NamePath
	Body struct {
		Contact   int64                      `json:"contact,omitempty" minimum:"0"`
		SourceRef string                     `json:"source_ref,omitempty" maxLength:"200" doc:"the call or conversation it came from, as conversation:17"`
		Subject   string                     `json:"subject,omitempty" maxLength:"300" doc:"instead of the template's"`
		Body      string                     `json:"body,omitempty" maxLength:"20000" doc:"instead of the template's"`
		Fields    map[string]json.RawMessage `json:"fields,omitempty" doc:"beside the template's"`
	}
}

func (s *Server) ticketFromTemplate(ctx context.Context, in *fromTemplateInput) (*bodyOf[ticket.Ticket], error) {
	b := &in.Body
	if err := errors.Join(s.seesReason(ctx, b.SourceRef), s.sees(ctx, team.Contacts, b.Contact)); err != nil {
		return nil, err
	}
	return answerOf(ctx, s, func(r *rules.Service) (ticket.Ticket, error) {
		return r.TicketFrom(ctx, in.Name, rules.From{Contact: b.Contact, SourceRef: plain(b.SourceRef), Subject: plain(b.Subject), Body: plain(b.Body), Fields: b.Fields}, agentOf(ctx))
	})
}

func (s *Server) listNotifications(ctx context.Context, _ *struct{}) (*bodyOf[NotificationList], error) {
	return answerOf(ctx, s, func(r *rules.Service) (NotificationList, error) {
		all, err := r.Notifications(ctx, userID(ctx), 50)
		out := NotificationList{Items: some(all)}
		for i := range all {
			if all[i].SeenAt == nil {
				out.New++
			}
		}
		return out, err
	})
}

type seenInput struct {
	Body struct {
		Until int64 `json:"until" minimum:"1"`
	}
}

func (s *Server) sawNotifications(ctx context.Context, in *seenInput) (*struct{}, error) {
	if s.parts.Rules == nil {
		return nil, s.ruleProblem(ctx, errNoRules)
	}
	return nil, s.ruleProblem(ctx, s.parts.Rules.SawNotifications(ctx, userID(ctx), in.Body.Until))
}

// TicketView is a filter of the list of tickets that somebody kept.
type TicketView struct {
	ID     int64             `json:"id"`
	Name   string            `json:"name"`
	Shared bool              `json:"shared" doc:"everybody sees it"`
	Filter ticket.ViewFilter `json:"filter"`
	Count  int               `json:"count" doc:"tickets in it now, counted to 1000"`
	// GoneQueues is empty, or has the filter's queue.
	GoneQueues []string `json:"gone_queues,omitempty" doc:"named in it, and there no more"`
}

// TicketViewList is the body of GET /ticket-views.
type TicketViewList struct {
	Items []TicketView `json:"items"`
}

func (s *Server) ticketViewRoutes(api huma.API) {
	if s.parts.Tickets == nil {
		return
	}
	huma.Register(api, operation("ticket-views", http.MethodGet, "/ticket-views", "tickets", "Kept filters: one's own and everybody's, with counts"), s.listTicketViews)
	add := operation("add-ticket-view", http.MethodPost, "/ticket-views", "tickets", "Keep a filter", 403, 422)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, s.addTicketView)
	drop := operation("delete-ticket-view", http.MethodDelete, "/ticket-views/{id}", "tickets", "Take a kept filter away", 404)
	drop.DefaultStatus = http.StatusNoContent
	huma.Register(api, drop, func(ctx context.Context, in *runID) (*struct{}, error) {
		return nil, s.problem(ctx, s.parts.Tickets.DropView(ctx, userID(ctx), in.ID, callerOf(ctx).User.Role.may(RoleSupervisor)))
	})
}

func (s *Server) listTicketViews(ctx context.Context, _ *struct{}) (*bodyOf[TicketViewList], error) {
	all, err := s.parts.Tickets.Views(ctx, userID(ctx))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	gone, err := s.goneQueues(ctx, len(all), func(i int) []string { return []string{all[i].Filter.Queue} })
	out := TicketViewList{Items: []TicketView{}}
	for i := range all {
		v := &all[i]
		out.Items = append(out.Items, TicketView{v.ID, v.Name, v.Shared, v.Filter, v.Count, gone[i]})
	}
	return &bodyOf[TicketViewList]{out}, s.problem(ctx, err)
}

type ticketViewInput struct {
	Body struct {
		Name   string            `json:"name" minLength:"1" maxLength:"80"`
		Shared bool              `json:"shared,omitempty"`
		Filter ticket.ViewFilter `json:"filter"`
	}
}

func (s *Server) addTicketView(ctx context.Context, in *ticketViewInput) (*bodyOf[TicketView], error) {
	if in.Body.Shared && !callerOf(ctx).User.Role.may(RoleSupervisor) {
		return nil, huma.Error403Forbidden("a view for everybody is a supervisor's")
	}
	if err := s.knowsQueues(ctx, in.Body.Filter.Queue); err != nil {
		return nil, err
	}
	v, err := s.parts.Tickets.AddView(ctx, userID(ctx), ticket.View{Name: plain(in.Body.Name), Shared: in.Body.Shared, Filter: in.Body.Filter})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketView]{TicketView{v.ID, v.Name, v.Shared, v.Filter, v.Count, nil}}, nil
}
