package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5/pgconn"

	"tingxin/call"
	"tingxin/contact"
	"tingxin/feedback"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/ticket"
)

// Huma's package-wide rules: no null arrays, and no value of a request in an
// error, since it may be a password.
func init() {
	huma.DefaultArrayNullable = false
	plain := huma.NewError
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		err := plain(status, msg, errs...)
		if model, ok := err.(*huma.ErrorModel); ok {
			for _, d := range model.Errors {
				if d != nil {
					d.Value = nil
				}
			}
		}
		return err
	}
}

// statusGivenUp is for whoever went away before the answer; nobody reads it.
const statusGivenUp = 499

// problem maps an error of the packages below to a problem document (RFC 9457).
// What it does not know is logged and shown as "internal".
func (s *Server) problem(ctx context.Context, err error) error {
	var status huma.StatusError
	if p := chatProblem(err); p != nil {
		return p
	}
	var unfit *ticket.InvalidError
	var missing *queue.MissingError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &status):
		return err
	case errors.Is(err, pg.ErrErased):
		p := huma.Error409Conflict(pg.ErrErased.Error())
		if model, ok := p.(*huma.ErrorModel); ok {
			model.Type = "urn:tingxin:erased"
		}
		return p
	case errors.As(err, &missing):
		return unfitField("queue", missing.Error())
	case errors.Is(err, pg.ErrNotFound), errors.Is(err, call.ErrNoCall), errors.Is(err, queue.ErrNoWork), errors.Is(err, queue.ErrNoAgent), errors.Is(err, queue.ErrNoQueue):
		return huma.Error404NotFound("there is no such thing")
	case errors.Is(err, queue.ErrGone), errors.Is(err, queue.ErrState), errors.Is(err, call.ErrState), errors.Is(err, queue.ErrFull), errors.Is(err, queue.ErrThere), errors.As(err, new(*queue.ClosedError)):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, call.ErrWrapUp):
		return huma.Error422UnprocessableEntity(err.Error())
	case errors.Is(err, call.ErrBusy), errors.Is(err, call.ErrDraining):
		return huma.Error503ServiceUnavailable(err.Error())
	case errors.Is(err, call.ErrTarget):
		return huma.Error422UnprocessableEntity(call.ErrTarget.Error())
	case errors.Is(err, contact.ErrMerge), errors.Is(err, contact.ErrUndo), errors.Is(err, contact.ErrList), errors.Is(err, contact.ErrHeld), errors.Is(err, contact.ErrAsked), errors.Is(err, contact.ErrTooMany):
		return huma.Error409Conflict(inner(err, contact.ErrMerge, contact.ErrUndo, contact.ErrList, contact.ErrHeld, contact.ErrAsked, contact.ErrTooMany))
	case errors.Is(err, contact.ErrSecond):
		return huma.Error403Forbidden(contact.ErrSecond.Error())
	case errors.Is(err, contact.ErrInvalid), errors.Is(err, contact.ErrIdentity):
		text := inner(err, contact.ErrInvalid, contact.ErrIdentity)
		return huma.Error422UnprocessableEntity(strings.TrimPrefix(text, contact.ErrInvalid.Error()+": "))
	case errors.Is(err, pg.ErrConflict):
		return huma.Error409Conflict("something with that name is there already")
	case errors.Is(err, contact.ErrCursor):
		return badCursor()
	case errors.As(err, &unfit):
		return huma.Error422UnprocessableEntity(unfit.Error(), &huma.ErrorDetail{Location: "body." + unfit.Field, Message: unfit.Text})
	case errors.Is(err, ticket.ErrMove), errors.Is(err, ticket.ErrStale), errors.Is(err, ticket.ErrClosed), errors.Is(err, ticket.ErrChildren), errors.Is(err, ticket.ErrMerged):
		return huma.Error409Conflict(err.Error())
	case errors.Is(err, feedback.ErrMove), errors.Is(err, feedback.ErrStale), errors.Is(err, feedback.ErrAsked), errors.Is(err, feedback.ErrLate):
		return huma.Error409Conflict(inner(err, feedback.ErrMove, feedback.ErrStale, feedback.ErrAsked, feedback.ErrLate))
	case errors.Is(err, call.ErrCursor), errors.Is(err, ticket.ErrCursor), errors.Is(err, feedback.ErrCursor):
		return badCursor()
	case unfitValue(err):
		return huma.Error422UnprocessableEntity("a value is not one that can be kept or looked for")
	case errors.Is(err, pg.ErrUnavailable):
		return huma.ErrorWithHeaders(huma.Error503ServiceUnavailable("the database is away; try again in a moment"), http.Header{"Retry-After": {"2"}})
	case ctx.Err() != nil:
		return huma.NewError(statusGivenUp, "the request was given up")
	}
	s.log.Error("request failed", "error", err)
	return huma.Error500InternalServerError("internal")
}

// unfitField is 422 with the field that is meant, such as "query.since".
func unfitField(field, text string) error {
	return huma.Error422UnprocessableEntity(text, &huma.ErrorDetail{Location: field, Message: text})
}

// badCursor is 400 for a cursor that no list gave out.
func badCursor() error {
	text := call.ErrCursor.Error()
	return huma.Error400BadRequest(text, &huma.ErrorDetail{Location: "query.cursor", Message: text})
}

// unfitValue tells that PostgreSQL could not read a value of the request: a zero byte, a broken character, a
// number too large, no UUID (codes of class 22, data exception).
func unfitValue(err error) bool {
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code {
	case "22021", "22P05", "22P02", "22003", "22007", "22008":
		return true
	}
	return false
}

// inner is an error's text from one of the given ones on, without what was tried around it.
func inner(err error, of ...error) string {
	text := err.Error()
	for _, o := range of {
		if i := strings.Index(text, o.Error()); i >= 0 {
			return text[i:]
		}
	}
	return text
}

// refuse ends a request outside of Huma with a problem document.
func refuse(c *gin.Context, status int, detail string) {
	body, _ := json.Marshal(huma.ErrorModel{Status: status, Title: http.StatusText(status), Detail: detail}) // strings and a number
	c.Header("Content-Type", "application/problem+json")
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Status(status)
	_, _ = c.Writer.Write(body) // the client went away
	c.Abort()
}

// refuseError is refuse for an error of the packages below.
func (s *Server) refuseError(c *gin.Context, err error) {
	var status huma.StatusError
	if !errors.As(s.problem(c.Request.Context(), err), &status) {
		refuse(c, http.StatusInternalServerError, "internal")
		return
	}
	if status.GetStatus() == http.StatusServiceUnavailable {
		c.Header("Retry-After", "2")
	}
	var model *huma.ErrorModel
	errors.As(status, &model)
	refuse(c, status.GetStatus(), model.Detail)
}
