package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/call"
	"tingxin/queue"
	"tingxin/team"
)

// Line places and parks calls; *call.Manager satisfies it.
type Line interface {
	Originate(o call.Order) (id string, err error)
	Park(ctx context.Context, id, user, slot string) (string, error)
	Parked() []call.ParkedItem
	// Places is how many calls can be parked at once.
	Places() int
	Callbacks(ctx context.Context, q queue.QueueID) ([]call.CallbackItem, error)
	AddCallback(ctx context.Context, q queue.QueueID, number string, urgency queue.Urgency, asked call.Asked) (queue.WorkID, error)
}

// PlacedCall is the body of the answer to POST /calls.
type PlacedCall struct {
	ID string `json:"id" doc:"the call is there when the user has answered; call.not_placed tells when they do not"`
}

// ParkedList is the body of GET /parked.
type ParkedList struct {
	Items  []call.ParkedItem `json:"items"`
	Places int               `json:"places" doc:"how many calls can be parked at once; 0: parking is not set up"`
}

// CallbackList is the body of GET /callbacks.
type CallbackList struct {
	Items []call.CallbackItem `json:"items"`
}

func (s *Server) lineRoutes(api huma.API) {
	place := operation("place-call", http.MethodPost, "/calls", "calls", "Ring one's own telephone and, when it answers, whom one wants", 403, 422)
	place.DefaultStatus = http.StatusAccepted
	huma.Register(api, place, s.placeCall)
	huma.Register(api, operation("park", http.MethodPost, "/calls/{id}/park", "calls", "Let the other party of one's own call, for a supervisor the caller, wait where anybody can pick it up", 403, 404, 409, 422), s.parkCall)
	huma.Register(api, operation("parked", http.MethodGet, "/parked", "calls", "Calls that wait to be picked up"), s.listParked)
	pick := operation("pick-up", http.MethodPost, "/parked/{name}/pick-up", "calls", "Ring one's own telephone for the call in a slot", 404)
	pick.DefaultStatus = http.StatusAccepted
	huma.Register(api, pick, s.pickUp)
	huma.Register(api, operation("callbacks", http.MethodGet, "/callbacks", "queues", "Places kept in one's queues, for a supervisor in all, for customers who are called back, at most 500"), s.listCallbacks)
	add := operation("add-callback", http.MethodPost, "/callbacks", "queues", "Put a number into a queue, to be called when it is its turn", 404, 409, 422)
	add.DefaultStatus = http.StatusCreated
	huma.Register(api, add, s.addCallback)
	huma.Register(api, noContent("take-callback", http.MethodPost, "/callbacks/{id}/take", "Take a call-back of one's queue, for a supervisor of any, before its turn: one's own telephone rings, then the customer's", 404, 409), s.takeCallback)
	huma.Register(api, noContent("cancel-callback", http.MethodDelete, "/callbacks/{id}", "Take a call-back of one's queue, for a supervisor of any, away", 404), s.cancelCallback)
}

// errNoLine is for a server that places no calls.
func errNoLine() error { return huma.Error503ServiceUnavailable("this server places no calls") }

type placeInput struct {
	Body struct {
		To    AimView `json:"to" doc:"a user or a number"`
		User  string  `json:"user,omitempty" maxLength:"64" doc:"whose telephone rings first; one's own when empty, another's for a supervisor"`
		Queue string  `json:"queue,omitempty" maxLength:"64" doc:"whose number is shown to the customer"`
	}
}

func (s *Server) placeCall(ctx context.Context, in *placeInput) (*bodyOf[PlacedCall], error) {
	to, err := in.Body.To.aim()
	if err != nil {
		return nil, err
	}
	if to.Queue != "" {
		return nil, huma.Error422UnprocessableEntity("name a user or a number")
	}
	who := callerOf(ctx)
	user := who.User.Username
	if in.Body.User != "" && in.Body.User != user {
		if !who.User.Role.may(RoleSupervisor) {
			return nil, huma.Error403Forbidden("this is not your telephone")
		}
		user = in.Body.User
	}
	if err := s.namesQueues(ctx, in.Body.Queue); err != nil {
		return nil, err
	}
	return s.place(ctx, call.Order{User: user, To: to, Queue: in.Body.Queue})
}

// place writes the audit row first: a call leaves a trace even when it fails.
func (s *Server) place(ctx context.Context, o call.Order) (*bodyOf[PlacedCall], error) {
	if s.parts.Line == nil {
		return nil, errNoLine()
	}
	e := callerOf(ctx).entry(actCallPlaced, "user:"+o.User)
	e.Detail = map[string]any{"outside": o.To.Number != "", "user": o.To.User, "queue": o.Queue}
	if err := s.audit.write(ctx, e); err != nil {
		return nil, s.problem(ctx, err)
	}
	id, err := s.parts.Line.Originate(o)
	return &bodyOf[PlacedCall]{PlacedCall{id}}, s.problem(ctx, err)
}

type parkInput struct {
	CallPath
	Body struct {
		Slot string `json:"slot,omitempty" maxLength:"16" pattern:"^[0-9]*$" doc:"the first free one when empty"`
	}
}

// ParkedView is the body of the answer to POST /calls/{id}/park.
type ParkedView struct {
	Slot string `json:"slot" doc:"the number to dial"`
}

func (s *Server) parkCall(ctx context.Context, in *parkInput) (*bodyOf[ParkedView], error) {
	if s.parts.Line == nil {
		return nil, errNoLine()
	}
	var slot string
	_, err := s.control(ctx, in.ID, actCallParked, map[string]any{"slot": in.Body.Slot}, func(_ Control, user string) (err error) {
		slot, err = s.parts.Line.Park(ctx, in.ID, user, in.Body.Slot)
		return err
	})
	return &bodyOf[ParkedView]{ParkedView{slot}}, err
}

func idOfParked(p *call.ParkedItem) string { return p.Call }

func (s *Server) listParked(ctx context.Context, _ *struct{}) (*bodyOf[ParkedList], error) {
	out := ParkedList{Items: []call.ParkedItem{}}
	if s.parts.Line == nil {
		return &bodyOf[ParkedList]{out}, nil
	}
	var err error
	out.Places = s.parts.Line.Places()
	out.Items, err = seenCalls(ctx, s, s.parts.Line.Parked(), idOfParked)
	return &bodyOf[ParkedList]{out}, s.problem(ctx, err)
}

type parkPath struct {
	Slot string `path:"name" maxLength:"16"`
}

func (s *Server) pickUp(ctx context.Context, in *parkPath) (*bodyOf[PlacedCall], error) {
	if s.parts.Line == nil {
		return nil, errNoLine()
	}
	parked, err := seenCalls(ctx, s, s.parts.Line.Parked(), idOfParked)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	for _, p := range parked {
		if p.Slot == in.Slot {
			return s.place(ctx, call.Order{User: callerOf(ctx).User.Username, To: call.Aim{Number: in.Slot}})
		}
	}
	return nil, huma.Error404NotFound("no call waits there")
}

type callbacksInput struct {
	Queue queue.QueueID `query:"queue" maxLength:"64" doc:"all queues when empty"`
}

func (s *Server) listCallbacks(ctx context.Context, in *callbacksInput) (*bodyOf[CallbackList], error) {
	if s.parts.Line == nil {
		return nil, errNoLine()
	}
	if err := s.namesQueues(ctx, string(in.Queue)); err != nil {
		return nil, err
	}
	items, err := s.callbacksFor(ctx, in.Queue)
	return &bodyOf[CallbackList]{CallbackList{some(items)}}, s.problem(ctx, err)
}

// callbacksFor are the call-backs that the caller may see: of their queues, for a supervisor all.
func (s *Server) callbacksFor(ctx context.Context, q queue.QueueID) ([]call.CallbackItem, error) {
	items, err := s.parts.Line.Callbacks(ctx, q)
	who := callerOf(ctx)
	if err != nil {
		return nil, err
	}
	if who.User.Role.may(RoleSupervisor) {
		sight := team.Of(ctx)
		return slices.DeleteFunc(items, func(it call.CallbackItem) bool { return !sight.ShowsQueue(team.Calls, string(it.Queue)) }), nil
	}
	mine, err := s.queuesOf(ctx, who.User.Username)
	return slices.DeleteFunc(items, func(it call.CallbackItem) bool { return !slices.Contains(mine, string(it.Queue)) }), err
}

// withCallback does something to a call-back that the caller may see, with its audit row.
func (s *Server) withCallback(ctx context.Context, action act, id queue.WorkID, do func(*caller) error) (*struct{}, error) {
	if s.parts.Line == nil {
		return nil, errNoLine()
	}
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	items, err := s.callbacksFor(ctx, "")
	if err == nil && !slices.ContainsFunc(items, func(it call.CallbackItem) bool { return it.ID == id }) {
		err = queue.ErrNoWork
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return s.withWork(ctx, action, id, nil, do)
}

func (s *Server) takeCallback(ctx context.Context, in *WorkPath) (*struct{}, error) {
	return s.withCallback(ctx, actCallbackTaken, in.ID, func(who *caller) error {
		_, err := s.parts.Queues.Assign(ctx, in.ID, queue.AgentID(who.User.ID), who.User.Username)
		return err
	})
}

func (s *Server) cancelCallback(ctx context.Context, in *WorkPath) (*struct{}, error) {
	return s.withCallback(ctx, actCallbackCancelled, in.ID, func(*caller) error { return s.parts.Queues.Remove(ctx, in.ID) })
}

type addCallbackInput struct {
	Body struct {
		Queue   queue.QueueID `json:"queue" minLength:"1" maxLength:"64"`
		Number  string        `json:"number" minLength:"2" maxLength:"32" pattern:"^\\+?[0-9*#]+$"`
		Urgency string        `json:"urgency,omitempty" enum:"low,normal,high,urgent" default:"normal"`
		Note    string        `json:"note,omitempty" maxLength:"300" doc:"why, for the agent who calls"`
	}
}

// AddedCallback is the body of the answer to POST /callbacks.
type AddedCallback struct {
	ID queue.WorkID `json:"id"`
}

func (s *Server) addCallback(ctx context.Context, in *addCallbackInput) (*bodyOf[AddedCallback], error) {
	if s.parts.Line == nil {
		return nil, errNoLine()
	}
	var urgency queue.Urgency
	if err := urgency.UnmarshalText([]byte(in.Body.Urgency)); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	e := callerOf(ctx).entry(actCallbackAdded, "queue:"+string(in.Body.Queue))
	if err := s.audit.write(ctx, e); err != nil {
		return nil, s.problem(ctx, err)
	}
	id, err := s.parts.Line.AddCallback(ctx, in.Body.Queue, strings.TrimSpace(in.Body.Number), urgency, call.Asked{About: plain(in.Body.Note)})
	if missing := new(queue.MissingError); errors.Is(err, queue.ErrNoQueue) && errors.As(queue.NewStore(s.db).Named(ctx, string(in.Body.Queue)), &missing) {
		return nil, huma.Error404NotFound(missing.Error())
	}
	return &bodyOf[AddedCallback]{AddedCallback{id}}, s.problem(ctx, err)
}
