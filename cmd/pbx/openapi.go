package main

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"

	"tingxin/api"
	"tingxin/call"
	"tingxin/event"
	"tingxin/feedback"
	"tingxin/ticket"
	"tingxin/triage"
)

// runOpenAPI is "pbx openapi": the document of the HTTP API, without a running server.
func runOpenAPI(args []string, out, errOut io.Writer) error {
	if err := parse(newFlags("openapi", "Print the OpenAPI 3.1 document of the HTTP API.", errOut), args); err != nil {
		return err
	}
	said, err := feedback.NewService(feedback.Config{}, feedback.Parts{}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	s, err := api.New(api.Config{}, api.Parts{Calls: call.NewStore(nil), Bus: event.NewBus(), Feedback: said, Triage: triage.New(triage.Parts{}, slog.New(slog.DiscardHandler)), Tickets: ticket.NewService(nil, nil, nil, ticket.Config{}, slog.New(slog.DiscardHandler)), Version: buildVersion()}, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer s.Close()
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/v1/openapi.json", nil))
	if w.Code != http.StatusOK {
		return fmt.Errorf("openapi: status %d", w.Code)
	}
	_, err = out.Write(w.Body.Bytes())
	return err
}
