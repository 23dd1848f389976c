package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func (s *Server) togetherRoutes(api huma.API) {
	op := func(id, method, path, summary string, errs ...int) huma.Operation {
		op := operation(id, method, "/calls/{id}/"+path, "calls", summary, append(errs, 403, 404, 409)...)
		op.DefaultStatus = http.StatusNoContent
		return op
	}
	huma.Register(api, op("rejoin", http.MethodPost, "rejoin", "Ring one's own telephone back into a running call after its page was loaded anew"), s.rejoinCall)
	huma.Register(api, op("merge", http.MethodPost, "merge", "Bring whom one consults in another call into this one; the other call ends", 422), s.mergeCalls)
	huma.Register(api, op("drop-leg", http.MethodDelete, "legs/{n}", "Take an added party or a supervisor out of a running call; 0 stands for those who still ring"), s.dropLeg)
}

func (s *Server) rejoinCall(ctx context.Context, in *CallPath) (*struct{}, error) {
	return s.control(ctx, in.ID, actCallRejoined, nil, func(c Control, user string) error { return c.Rejoin(ctx, in.ID, user) })
}

type mergeInput struct {
	CallPath
	Body struct {
		With string `json:"with" minLength:"1" maxLength:"36" doc:"UUIDv7 of the other call, in which one is too"`
	}
}

func (s *Server) mergeCalls(ctx context.Context, in *mergeInput) (*struct{}, error) {
	return s.control(ctx, in.ID, actCallMerged, map[string]any{"with": in.Body.With}, func(c Control, user string) error {
		return c.Merge(ctx, in.ID, user, in.Body.With)
	})
}

type dropInput struct {
	CallPath
	N int `path:"n" minimum:"0" maximum:"1000" doc:"number of the leg"`
}

func (s *Server) dropLeg(ctx context.Context, in *dropInput) (*struct{}, error) {
	return s.control(ctx, in.ID, actCallLegDropped, map[string]any{"leg": in.N}, func(c Control, _ string) error { return c.DropLeg(ctx, in.ID, in.N) })
}
