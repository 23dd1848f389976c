package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/call"
)

// Control changes running calls; *call.Manager satisfies it.
type Control interface {
	// Takes says whether a user is a party of the call.
	Takes(id, user string) bool
	Transfer(ctx context.Context, id, user string, to call.Aim) error
	Hold(ctx context.Context, id, user string, on bool) error
	PauseRecording(ctx context.Context, id string, pause bool) error
	Supervise(ctx context.Context, id, user string, mode call.Mode) error
	AddLeg(ctx context.Context, id string, to call.Aim) error
	DropLeg(ctx context.Context, id string, n int) error
	Merge(ctx context.Context, id, user, with string) error
	Rejoin(ctx context.Context, id, user string) error
}

// CallPath names a running call in a path.
type CallPath struct {
	ID string `path:"id" maxLength:"36" doc:"UUIDv7 of the call"`
}

// AimView is whom to call: exactly one of its fields.
type AimView struct {
	User   string `json:"user,omitempty" maxLength:"64" doc:"name or extension of a user"`
	Number string `json:"number,omitempty" maxLength:"64" doc:"as a user would dial it"`
	Queue  string `json:"queue,omitempty" maxLength:"64" doc:"id of a queue"`
}

func (a *AimView) aim() (call.Aim, error) {
	set := 0
	for _, v := range []string{a.User, a.Number, a.Queue} {
		if v != "" {
			set++
		}
	}
	if set != 1 {
		return call.Aim{}, huma.Error422UnprocessableEntity("name exactly one of user, number and queue")
	}
	return call.Aim{User: a.User, Number: a.Number, Queue: a.Queue}, nil
}

func (s *Server) controlRoutes(api huma.API) {
	post := func(id, path, summary string) huma.Operation {
		op := operation(id, http.MethodPost, "/calls/{id}/"+path, "calls", summary, 403, 404, 409, 422)
		op.DefaultStatus = http.StatusNoContent
		return op
	}
	huma.Register(api, post("transfer", "transfer", "Put the other party of one's own call, for a supervisor the caller, through to somebody else"), s.transferCall)
	huma.Register(api, post("hold", "hold", "Put the others on hold: they hear music"), s.holdCall)
	huma.Register(api, post("resume", "resume", "Take the others back from hold"), s.resumeCall)
	huma.Register(api, post("record", "record", "Pause the recording, or go on; the pause is silence in it"), s.pauseRecording)
	huma.Register(api, post("supervise", "supervise", "Ring a supervisor into a running call, or change what they do there"), s.superviseCall)
	huma.Register(api, post("add-leg", "legs", "Ring a third party into a running call"), s.addLeg)
}

// control does something to a running call, a caller's own or for a supervisor
// any, and writes the audit row first: it leaves a trace even when the rest fails.
func (s *Server) control(ctx context.Context, id string, action act, detail map[string]any, do func(c Control, user string) error) (*struct{}, error) {
	who := callerOf(ctx)
	c := s.parts.Control
	if c == nil {
		return nil, huma.Error503ServiceUnavailable("this server has no calls")
	}
	if !who.User.Role.may(RoleSupervisor) && !c.Takes(id, who.User.Username) {
		return nil, huma.Error403Forbidden("this is not your call")
	}
	e := who.entry(action, callSubject(id))
	e.Detail = detail
	if err := s.audit.write(ctx, e); err != nil {
		return nil, s.problem(ctx, err)
	}
	return nil, s.problem(ctx, do(c, who.User.Username))
}

type transferInput struct {
	CallPath
	Body struct {
		To   AimView `json:"to"`
		Mode string  `json:"mode,omitempty" enum:"blind" default:"blind"`
	}
}

func (s *Server) transferCall(ctx context.Context, in *transferInput) (*struct{}, error) {
	to, err := in.Body.To.aim()
	if err != nil {
		return nil, err
	}
	detail := map[string]any{"user": to.User, "queue": to.Queue, "outside": to.Number != ""}
	return s.control(ctx, in.ID, actCallTransferred, detail, func(c Control, user string) error { return c.Transfer(ctx, in.ID, user, to) })
}

func (s *Server) holdCall(ctx context.Context, in *CallPath) (*struct{}, error) {
	return s.control(ctx, in.ID, actCallHeld, nil, func(c Control, user string) error { return c.Hold(ctx, in.ID, user, true) })
}

func (s *Server) resumeCall(ctx context.Context, in *CallPath) (*struct{}, error) {
	return s.control(ctx, in.ID, actCallResumed, nil, func(c Control, user string) error { return c.Hold(ctx, in.ID, user, false) })
}

type recordInput struct {
	CallPath
	Body struct {
		Do string `json:"do" enum:"pause,resume"`
	}
}

func (s *Server) pauseRecording(ctx context.Context, in *recordInput) (*struct{}, error) {
	return s.control(ctx, in.ID, actOfRecording[in.Body.Do], nil, func(c Control, _ string) error {
		return c.PauseRecording(ctx, in.ID, in.Body.Do == "pause")
	})
}

type superviseInput struct {
	CallPath
	Body struct {
		Mode call.Mode `json:"mode" enum:"listen,whisper,barge,takeover"`
		User string    `json:"user,omitempty" maxLength:"64" doc:"whose telephone rings; one's own when empty"`
	}
}

func (s *Server) superviseCall(ctx context.Context, in *superviseInput) (*struct{}, error) {
	return s.control(ctx, in.ID, actCallSupervised, map[string]any{"mode": in.Body.Mode, "user": in.Body.User}, func(c Control, user string) error {
		if in.Body.User != "" {
			user = in.Body.User
		}
		return c.Supervise(ctx, in.ID, user, in.Body.Mode)
	})
}

type legInput struct {
	CallPath
	Body struct {
		To AimView `json:"to"`
	}
}

func (s *Server) addLeg(ctx context.Context, in *legInput) (*struct{}, error) {
	to, err := in.Body.To.aim()
	if err != nil {
		return nil, err
	}
	if to.Queue != "" {
		return nil, huma.Error422UnprocessableEntity("a queue cannot join a call")
	}
	return s.control(ctx, in.ID, actCallLegAdded, map[string]any{"user": to.User, "outside": to.Number != ""}, func(c Control, _ string) error {
		return c.AddLeg(ctx, in.ID, to)
	})
}
