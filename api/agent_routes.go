package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
)

// AgentView is an agent as others see it.
type AgentView struct {
	ID        queue.AgentID      `json:"id"`
	Name      string             `json:"name"`
	State     queue.State        `json:"state" enum:"available,ringing,talking,wrap_up,away,offline"`
	Reason    string             `json:"reason,omitempty" doc:"of away; connection_lost of who is offline because the desktop was not heard of"`
	Presence  queue.State        `json:"presence" enum:"available,away,offline" doc:"what the agent chose"`
	Since     time.Time          `json:"since"`
	Deadline  *time.Time         `json:"deadline,omitempty" doc:"when the state ends by itself"`
	Skills    map[string]float64 `json:"skills"`
	Languages []string           `json:"languages"`
	Capacity  int                `json:"capacity" doc:"units"`
	Desk      bool               `json:"desk" doc:"a telephone without a browser"`
	Work      []queue.WorkID     `json:"work"`
	Handled   int                `json:"handled_today"`
	TalkMS    int64              `json:"talk_today_ms"`
}

// OfferView is work that rings at an agent.
type OfferView struct {
	Token    queue.Token     `json:"token"`
	At       time.Time       `json:"at"`
	Deadline time.Time       `json:"deadline"`
	Work     WorkView        `json:"work"`
	Number   string          `json:"number,omitempty" doc:"to call back"`
	Call     string          `json:"call,omitempty" doc:"the running call, of a call"`
	From     string          `json:"from,omitempty" doc:"caller's number, of a call"`
	FromName string          `json:"from_name,omitempty"`
	Data     json.RawMessage `json:"data,omitempty" doc:"what whoever enqueued it said about it"`
	Preview  *PreviewView    `json:"preview,omitempty" doc:"of a call-back or an entry of a list: who is to be called, and why"`
}

// DeskView is the body of GET /agents/me.
type DeskView struct {
	Agent   *AgentView   `json:"agent,omitempty" doc:"absent for a user who is no agent"`
	Reasons []string     `json:"reasons" doc:"to choose from for away"`
	Offer   *OfferView   `json:"offer,omitempty"`
	Work    []WorkView   `json:"work"`
	Calling *PreviewView `json:"calling,omitempty" doc:"whom I am calling back, or calling for a list"`
}

// AgentList is the body of GET /agents.
type AgentList struct {
	Items []AgentView `json:"items"`
}

// StateList is the body of GET /agents/{id}/history.
type StateList struct {
	Items []queue.StateAt `json:"items"`
}

func agentView(a *queue.Agent) AgentView {
	v := AgentView{ID: a.ID, Name: a.Name, State: a.State, Presence: a.Presence, Since: a.Since, Deadline: pg.OrNull(a.Deadline), Skills: a.Skills, Languages: some(a.Languages), Capacity: a.Capacity, Desk: a.Desk,
		Work: some(a.Work), Handled: a.Handled, TalkMS: a.Talk.Milliseconds()}
	if a.Presence == queue.Away || a.Presence == queue.Offline && a.Reason == queue.ReasonLost {
		v.Reason = a.Reason
	}
	if v.Skills == nil {
		v.Skills = map[string]float64{}
	}
	return v
}

func (s *Server) agentRoutes(api huma.API) {
	own := func(id, method, path, summary string, errs ...int) huma.Operation {
		op := noContent(id, method, path, summary, errs...)
		op.Tags = []string{"agents"}
		return op
	}
	huma.Register(api, operation("my-desk", http.MethodGet, "/agents/me", "agents", "My state, the offer that rings, my work; counts as a heartbeat"), s.myDesk)
	huma.Register(api, own("set-my-state", http.MethodPut, "/agents/me/state", "Choose available, away with a reason, or offline", 404, 409, 422), s.setMyState)
	huma.Register(api, own("heartbeat", http.MethodPost, "/agents/me/heartbeat", "My desktop is there; to be sent every ten seconds", 404), s.heartbeat)
	huma.Register(api, own("end-my-wrap-up", http.MethodPost, "/agents/me/wrap-up/end", "I am ready again", 404, 409), s.endMyWrapUp)
	huma.Register(api, own("ask-wrap-up", http.MethodPost, "/agents/me/wrap-up/ask", "I want a wrap-up after this contact", 404, 409), s.askWrapUp)
	huma.Register(api, operation("accept-offer", http.MethodPost, "/offers/{token}/accept", "agents", "Take the work that rings", 409), s.acceptOffer)
	huma.Register(api, own("decline-offer", http.MethodPost, "/offers/{token}/decline", "Do not take it", 409), s.declineOffer)

	huma.Register(api, operation("agents", http.MethodGet, "/agents", "agents", "All agents"), s.listAgents)
	huma.Register(api, operation("agent-history", http.MethodGet, "/agents/{id}/history", "agents", "States of an agent, newest first"), s.agentHistory)
	huma.Register(api, own("force-state", http.MethodPut, "/agents/{id}/state", "Set the state of another", 404, 409, 422), s.forceState)
	huma.Register(api, own("force-wrap-up-end", http.MethodPost, "/agents/{id}/wrap-up/end", "End the wrap-up of another", 404, 409), s.forceWrapUpEnd)
	huma.Register(api, own("put-agent", http.MethodPut, "/agents/{id}", "Make a user an agent, or change what the agent can take", 404, 422), s.putAgent)
	huma.Register(api, own("delete-agent", http.MethodDelete, "/agents/{id}", "Make an agent a plain user again", 404), s.deleteAgent)
}

// asAgent does something for the caller's own agent.
func (s *Server) asAgent(ctx context.Context, do func(q *queue.Service, me queue.AgentID) error) (*struct{}, error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	return nil, s.problem(ctx, do(s.parts.Queues, queue.AgentID(callerOf(ctx).User.ID)))
}

func (s *Server) myDesk(ctx context.Context, _ *struct{}) (*bodyOf[DeskView], error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	me := queue.AgentID(callerOf(ctx).User.ID)
	v := DeskView{Reasons: queue.Reasons, Work: []WorkView{}}
	err := s.parts.Queues.Heartbeat(ctx, me)
	if errors.Is(err, queue.ErrNoAgent) {
		return &bodyOf[DeskView]{v}, nil
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	d, err := s.parts.Queues.Desk(ctx, me)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	a := agentView(&d.Agent)
	v.Agent = &a
	if d.Offer != nil {
		v.Offer = &OfferView{Token: d.Offer.Token, At: d.Offer.At, Deadline: d.Offer.Deadline, Work: workView(d.Offered), Data: d.Offered.Data}
		if d.Offered.Callback != nil {
			v.Offer.Number = d.Offered.Callback.Number
			v.Offer.Preview = s.preview(ctx, d.Offered)
			if d.Offered.Callback.Entry != 0 {
				v.Offer.Data = nil // the preview says it
			}
		}
		s.nameOffer(v.Offer)
	}
	for i := range d.Work {
		v.Work = append(v.Work, workView(&d.Work[i]))
		if d.Work[i].Callback != nil {
			v.Calling = s.preview(ctx, &d.Work[i])
		}
	}
	return &bodyOf[DeskView]{v}, nil
}

type stateBody struct {
	State  queue.State `json:"state" enum:"available,away,offline"`
	Reason string      `json:"reason,omitempty" enum:"break,lunch,meeting,training,coaching,back_office,system,other" doc:"of away"`
}

func (s *Server) setMyState(ctx context.Context, in *bodyOf[stateBody]) (*struct{}, error) {
	return s.asAgent(ctx, func(q *queue.Service, me queue.AgentID) error {
		return q.SetPresence(ctx, me, in.Body.State, in.Body.Reason)
	})
}

func (s *Server) heartbeat(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return s.asAgent(ctx, func(q *queue.Service, me queue.AgentID) error { return q.Heartbeat(ctx, me) })
}

func (s *Server) endMyWrapUp(ctx context.Context, _ *struct{}) (*struct{}, error) {
	return s.asAgent(ctx, func(q *queue.Service, me queue.AgentID) error { return q.EndWrapUp(ctx, me, false) })
}

type askInput struct {
	Body struct {
		Work queue.WorkID `json:"work" maxLength:"128"`
		Want bool         `json:"want"`
	}
}

func (s *Server) askWrapUp(ctx context.Context, in *askInput) (*struct{}, error) {
	return s.asAgent(ctx, func(q *queue.Service, me queue.AgentID) error {
		return q.AskWrapUp(ctx, in.Body.Work, me, in.Body.Want)
	})
}

// TokenPath names an offer in a path.
type TokenPath struct {
	Token queue.Token `path:"token" maxLength:"64"`
}

func (s *Server) acceptOffer(ctx context.Context, in *TokenPath) (*bodyOf[WorkView], error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	it, err := s.parts.Queues.Accept(ctx, in.Token, queue.AgentID(callerOf(ctx).User.ID))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[WorkView]{workView(&it)}, nil
}

// nameOffer says who calls.
func (s *Server) nameOffer(o *OfferView) {
	if o.Work.Kind != queue.KindVoice || s.parts.Live == nil {
		return
	}
	for _, c := range s.parts.Live.Live() {
		if c.ID == string(o.Work.ID) {
			o.Call, o.From, o.FromName = c.ID, c.From, c.FromName
			return
		}
	}
}

type declineInput struct {
	TokenPath
	Reason string `query:"reason" enum:"busy,not_my_skill,conflict,technical,break,other" doc:"why; it is kept with the offer"`
}

func (s *Server) declineOffer(ctx context.Context, in *declineInput) (*struct{}, error) {
	return s.asAgent(ctx, func(q *queue.Service, me queue.AgentID) error {
		if err := q.Decline(ctx, in.Token, me, false); err != nil || in.Reason == "" {
			return err
		}
		return queue.NewStore(s.db).SayWhy(ctx, in.Token, in.Reason)
	})
}

func (s *Server) listAgents(ctx context.Context, _ *struct{}) (*bodyOf[AgentList], error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	all, err := s.parts.Queues.Agents(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := AgentList{Items: []AgentView{}}
	for i := range all {
		if !seesAgent(ctx, all[i].ID) {
			continue
		}
		out.Items = append(out.Items, agentView(&all[i]))
	}
	return &bodyOf[AgentList]{out}, nil
}

// AgentPath names an agent, by the id of the user, in a path.
type AgentPath struct {
	ID string `path:"id" pattern:"^[0-9]{1,18}$"`
}

// seesAgent tells whether the sight of ctx sees how an agent works.
func seesAgent(ctx context.Context, id queue.AgentID) bool {
	n, err := strconv.ParseInt(string(id), 10, 64)
	return err == nil && team.Of(ctx).ShowsUser(team.Reports, n)
}

func (id AgentPath) agent() queue.AgentID { return queue.AgentID(id.ID) }

type historyInput struct {
	AgentPath
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

func (s *Server) agentHistory(ctx context.Context, in *historyInput) (*bodyOf[StateList], error) {
	if !seesAgent(ctx, in.agent()) {
		return nil, huma.Error404NotFound("there is no such thing")
	}
	all, err := queue.NewStore(s.db).History(ctx, in.agent(), in.Limit)
	return &bodyOf[StateList]{StateList{some(all)}}, s.problem(ctx, err)
}

type forceInput struct {
	AgentPath
	Body struct {
		State queue.State `json:"state" enum:"available,away,offline"`
	}
}

func (s *Server) forceState(ctx context.Context, in *forceInput) (*struct{}, error) {
	return s.toAgent(ctx, actAgentForced, in.agent(), map[string]any{"state": in.Body.State}, func() error {
		reason := ""
		if in.Body.State == queue.Away {
			reason = queue.AwayForced
		}
		return s.parts.Queues.SetPresence(ctx, in.agent(), in.Body.State, reason)
	})
}

func (s *Server) forceWrapUpEnd(ctx context.Context, in *AgentPath) (*struct{}, error) {
	return s.toAgent(ctx, actAgentWrapUpEnded, in.agent(), nil, func() error { return s.parts.Queues.EndWrapUp(ctx, in.agent(), true) })
}

// toAgent does something to another's agent and writes the audit row once it is done.
func (s *Server) toAgent(ctx context.Context, action act, id queue.AgentID, detail map[string]any, do func() error) (*struct{}, error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	if !seesAgent(ctx, id) {
		return nil, huma.Error404NotFound("there is no such thing")
	}
	if err := do(); err != nil {
		return nil, s.problem(ctx, err)
	}
	e := callerOf(ctx).entry(action, userSubject(string(id)))
	e.Detail = detail
	return nil, s.problem(ctx, s.audit.write(ctx, e))
}

type agentInput struct {
	AgentPath
	Body struct {
		Skills    map[string]float64 `json:"skills,omitempty" doc:"proficiency 0 to 1 by skill"`
		Languages []string           `json:"languages,omitempty" maxItems:"50" doc:"none speaks all"`
		Capacity  int                `json:"capacity,omitempty" minimum:"0" maximum:"1000" doc:"units; 10 when 0"`
		Desk      bool               `json:"desk,omitempty" doc:"a telephone without a browser"`
	}
}

func (s *Server) putAgent(ctx context.Context, in *agentInput) (*struct{}, error) {
	b := &in.Body
	return s.setting(ctx, actAgentChanged, userSubject(in.ID), func(st *queue.Store, tx pgx.Tx) error {
		return st.PutAgent(ctx, tx, queue.Profile{ID: in.agent(), Skills: b.Skills, Languages: b.Languages, Capacity: b.Capacity, Desk: b.Desk})
	})
}

func (s *Server) deleteAgent(ctx context.Context, in *AgentPath) (*struct{}, error) {
	return s.setting(ctx, actAgentDeleted, userSubject(in.ID), func(st *queue.Store, tx pgx.Tx) error { return st.DeleteAgent(ctx, tx, in.agent()) })
}
