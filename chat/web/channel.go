package web

import (
	"context"

	"tingxin/chat"
)

var _ chat.Channel = (*Server)(nil)

// Name implements chat.Channel.
func (s *Server) Name() string { return Name }

// Limits implements chat.Channel: visitors read the rows themselves.
func (s *Server) Limits(string) chat.Limits {
	return chat.Limits{Pull: true, Repeatable: true, Live: true, Buttons: true}
}

// Decode implements chat.Channel.
func (s *Server) Decode(_ context.Context, raw chat.Raw) ([]chat.Inbound, error) {
	e, err := readEnvelope(raw.Body)
	if err != nil {
		return nil, err
	}
	return []chat.Inbound{e.inbound(raw.Account, nil)}, nil
}

// Send implements chat.Channel. Nothing is put into the outbox for a channel that
// is read from the rows; should a row be there, it is in the conversation already.
func (s *Server) Send(context.Context, chat.Outgoing) chat.Result {
	return chat.Result{Outcome: chat.Delivered}
}
