package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/ticket"
	"tingxin/triage"
)

// TicketHints is the body of GET /tickets/{id}/hints.
type TicketHints struct {
	Hints []triage.Hint `json:"hints" doc:"what the words make it"`
	Twins []triage.Twin `json:"twins" doc:"tickets of the same person within a day that say nearly the same; people merge"`
}

// TriageModels is the body of GET /triage/models.
type TriageModels struct {
	Items []triage.Trained `json:"items"`
}

func (s *Server) triageRoutes(api huma.API) {
	if s.parts.Triage == nil {
		return
	}
	const tag = "triage"
	huma.Register(api, operation("ticket-hints", http.MethodGet, "/tickets/{id}/hints", tag, "What a ticket probably is, and which ones are probably the same", 404), s.ticketHints)
	huma.Register(api, operation("take-ticket-hint", http.MethodPost, "/tickets/{id}/hints", tag, "Put a guess to use, or say what is right; the models learn from it", 404, 409, 422), s.takeHint)
	huma.Register(api, operation("triage-models", http.MethodGet, "/triage/models", tag, "What was learnt from texts, with how it did on what was held out"), s.triageModels)
	huma.Register(api, operation("train-triage", http.MethodPost, "/triage/models/{kind}/{lang}", tag, "Learn a model again; the same examples give the same, and a worse one is not put to use", 422), s.trainTriage)
}

func (s *Server) ticketHints(ctx context.Context, in *ticketInput) (*bodyOf[TicketHints], error) {
	hints, err1 := s.parts.Triage.Hints(ctx, in.ID)
	twins, err2 := s.parts.Triage.Twins(ctx, in.ID)
	if err := errors.Join(err1, err2); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TicketHints]{TicketHints{hints, twins}}, nil
}

type takeHintInput struct {
	ID   ticket.ID `path:"id" minimum:"1" doc:"number of the ticket"`
	Body struct {
		Kind  string `json:"kind" enum:"type,urgency"`
		Value string `json:"value" minLength:"1" maxLength:"40"`
	}
}

func (s *Server) takeHint(ctx context.Context, in *takeHintInput) (*bodyOf[ticket.Ticket], error) {
	t, err := s.parts.Triage.Take(ctx, in.ID, triage.Kind(in.Body.Kind), in.Body.Value, callerOf(ctx).User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[ticket.Ticket]{t}, nil
}

func (s *Server) triageModels(ctx context.Context, _ *struct{}) (*bodyOf[TriageModels], error) {
	all, err := s.parts.Triage.Models(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[TriageModels]{TriageModels{all}}, nil
}

type trainTriageInput struct {
	Kind string `path:"kind" enum:"complaint,type,urgency"`
	Lang string `path:"lang" enum:"zh,en"`
}

func (s *Server) trainTriage(ctx context.Context, in *trainTriageInput) (*bodyOf[triage.Trained], error) {
	m, err := s.parts.Triage.Train(ctx, triage.Kind(in.Kind), in.Lang)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	e := callerOf(ctx).entry(actTriageTrained, "triage:"+in.Kind+"/"+in.Lang)
	e.Detail = map[string]any{"version": m.Version, "examples": strconv.Itoa(m.Examples)}
	return &bodyOf[triage.Trained]{m}, s.problem(ctx, s.audit.write(ctx, e))
}
