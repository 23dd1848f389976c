package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
)

// maxFollowUps is how many follow-ups one answer holds.
const maxFollowUps = 200

// DispositionList is the body of GET /dispositions.
type DispositionList struct {
	Items []call.Disposition `json:"items"`
}

// FollowUpList is the body of GET /follow-ups.
type FollowUpList struct {
	Items []call.WrapUp `json:"items"`
}

func (s *Server) wrapUpRoutes(api huma.API) {
	huma.Register(api, operation("put-wrap-up", http.MethodPut, "/calls/{id}/wrap-up", "calls",
		"Write down how one's own call, for a supervisor any, went; what one wrote before is replaced", 403, 404, 422), s.putWrapUp)
	huma.Register(api, operation("follow-ups", http.MethodGet, "/follow-ups", "calls", "Calls that somebody has promised to come back to, the most urgent first, at most 200", 403), s.listFollowUps)
	huma.Register(api, operation("dispositions", http.MethodGet, "/dispositions", "settings", "Outcomes that an agent may choose after a call of a queue"), s.listDispositions)
	put := operation("put-disposition", http.MethodPut, "/dispositions/{name}", "settings", "Add or change an outcome", 404, 422)
	put.DefaultStatus = http.StatusNoContent
	huma.Register(api, put, s.putDisposition)
	del := operation("delete-disposition", http.MethodDelete, "/dispositions/{name}", "settings", "Take an outcome away; one that a record has is to be retired instead", 404, 409)
	del.DefaultStatus = http.StatusNoContent
	huma.Register(api, del, s.deleteDisposition)
}

type wrapUpInput struct {
	ID   string `path:"id" maxLength:"36" doc:"UUIDv7 of the call"`
	Body struct {
		Disposition string     `json:"disposition,omitempty" maxLength:"64" doc:"code of one that the call's queue offers; empty: none"`
		Notes       string     `json:"notes,omitempty" maxLength:"8000"`
		Tags        []string   `json:"tags,omitempty" maxItems:"20" doc:"each at most 64 characters"`
		FollowUpAt  *time.Time `json:"follow_up_at,omitempty" doc:"when the agent has promised to come back to it"`
	}
}

func (s *Server) putWrapUp(ctx context.Context, in *wrapUpInput) (*bodyOf[call.WrapUp], error) {
	who := callerOf(ctx)
	if err := s.mayWrapUp(ctx, in.ID, who); err != nil {
		return nil, err
	}
	w := call.WrapUp{CallID: in.ID, By: who.User.Username, Disposition: in.Body.Disposition, Notes: in.Body.Notes, Tags: in.Body.Tags, FollowUpAt: in.Body.FollowUpAt}
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if w, err = s.parts.Calls.PutWrapUp(ctx, tx, w); err != nil {
			return err
		}
		if s.parts.Assist != nil {
			if err := s.parts.Assist.Store().LabelWrapUp(ctx, tx, w.CallID, w.Disposition, w.By); err != nil {
				return err
			}
		}
		e := who.entry(actCallWrappedUp, callSubject(in.ID))
		e.Detail = map[string]any{"disposition": w.Disposition, "tags": len(w.Tags), "notes": len(w.Notes) > 0, "follow_up": w.FollowUpAt != nil}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.parts.Bus.Publish("call.wrapped_up", in.ID, call.WrapUpItem{By: w.By, Disposition: w.Disposition, Tags: w.Tags, FollowUpAt: w.FollowUpAt})
	return &bodyOf[call.WrapUp]{w}, nil
}

// mayWrapUp lets a party of the call through, and a supervisor.
func (s *Server) mayWrapUp(ctx context.Context, id string, who *caller) error {
	if who.User.Role.may(RoleSupervisor) || s.parts.Control != nil && s.parts.Control.Takes(id, who.User.Username) {
		return nil
	}
	took, err := s.parts.Calls.TookPart(ctx, id, who.User.Username)
	switch {
	case err != nil:
		return s.problem(ctx, err)
	case !took:
		return huma.Error403Forbidden("this is not your call")
	}
	return nil
}

type followUpInput struct {
	Agent string    `query:"agent" maxLength:"64" default:"me" doc:"me, or for a supervisor another user name, or all"`
	Until time.Time `query:"until" doc:"due before; a week from now when empty"`
}

func (s *Server) listFollowUps(ctx context.Context, in *followUpInput) (*bodyOf[FollowUpList], error) {
	who := callerOf(ctx)
	by, until := in.Agent, in.Until
	switch by {
	case "me":
		by = who.User.Username
	case "all":
		by = ""
	}
	if by != who.User.Username && !who.User.Role.may(RoleSupervisor) {
		return nil, huma.Error403Forbidden("these are not yours: ask with agent=me")
	}
	if until.IsZero() {
		until = s.now().AddDate(0, 0, 7)
	}
	items, err := s.parts.Calls.FollowUps(ctx, by, until, maxFollowUps)
	return &bodyOf[FollowUpList]{FollowUpList{items}}, s.problem(ctx, err)
}

type dispositionsInput struct {
	Queue string `query:"queue" maxLength:"64" doc:"id of a queue; those of no queue in particular when empty"`
	All   bool   `query:"all" doc:"of every queue, and retired ones too"`
}

func (s *Server) listDispositions(ctx context.Context, in *dispositionsInput) (*bodyOf[DispositionList], error) {
	if err := s.knowsQueues(ctx, in.Queue); err != nil {
		return nil, err
	}
	items, err := s.parts.Calls.Dispositions(ctx, in.Queue, in.All)
	return &bodyOf[DispositionList]{DispositionList{items}}, s.problem(ctx, err)
}

type dispositionInput struct {
	Code string `path:"name" maxLength:"64" pattern:"^[a-z0-9][a-z0-9_-]{0,63}$"`
	Body struct {
		Queues  []string `json:"queues,omitempty" maxItems:"200" doc:"it is offered in; empty: in all"`
		NameZH  string   `json:"name_zh" minLength:"1" maxLength:"100"`
		NameEN  string   `json:"name_en" minLength:"1" maxLength:"100"`
		Order   int      `json:"order,omitempty" minimum:"0" maximum:"10000"`
		Retired bool     `json:"retired,omitempty" doc:"no longer offered; records keep it"`
	}
}

func (s *Server) putDisposition(ctx context.Context, in *dispositionInput) (*struct{}, error) {
	b := &in.Body
	d := call.Disposition{Code: in.Code, Queues: b.Queues, NameZH: b.NameZH, NameEN: b.NameEN, Order: b.Order, Retired: b.Retired}
	return s.changeDisposition(ctx, actDispositionChanged, in.Code, func(tx pgx.Tx) error { return s.parts.Calls.PutDisposition(ctx, tx, d) })
}

type dispositionPath struct {
	Code string `path:"name" maxLength:"64"`
}

func (s *Server) deleteDisposition(ctx context.Context, in *dispositionPath) (*struct{}, error) {
	return s.changeDisposition(ctx, actDispositionDeleted, in.Code, func(tx pgx.Tx) error { return s.parts.Calls.DeleteDisposition(ctx, tx, in.Code) })
}

func (s *Server) changeDisposition(ctx context.Context, action act, code string, change func(pgx.Tx) error) (*struct{}, error) {
	return nil, s.problem(ctx, s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(action, "disposition:"+code))
	}))
}
