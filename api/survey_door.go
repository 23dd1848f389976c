package api

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"tingxin/feedback"
	"tingxin/ticket"
)

// The page on which a survey is answered, once: for customers whose channel shows no buttons.

func (s *Server) showSurvey(c *gin.Context, v *doorView, l feedback.Link) {
	s.surveyDoor(c, v, l, http.StatusOK)
}

func (s *Server) surveyDoor(c *gin.Context, v *doorView, l feedback.Link, status int) {
	q, err := s.parts.Feedback.GetSurvey(c.Request.Context(), l.Object)
	if err != nil {
		s.doorLost(c, v, err)
		return
	}
	v.Title = v.T["survey"]
	switch {
	case c.Query("said") == "rated" && q.State == "answered":
		v.Said = v.T["rated"]
	case q.State == "answered":
		v.Said = v.T["again"]
	case !q.Open():
		v.Text = v.T["over"]
	default:
		v.Ask, v.Scores = feedback.Question(q.Kind, v.Lang), feedback.Scale(q.Kind)
	}
	s.sendDoor(c, status, v)
}

func (s *Server) actSurvey(c *gin.Context, v *doorView, l feedback.Link) {
	ctx := c.Request.Context()
	score, err := strconv.Atoi(c.PostForm("score"))
	if err == nil {
		_, err = s.parts.Feedback.AnswerSurvey(ctx, l.Object, score, helpCut(strings.TrimSpace(c.PostForm("text")), doorText), "page")
	} else {
		err = errScore
	}
	switch {
	case errors.Is(err, feedback.ErrAsked), errors.Is(err, feedback.ErrLate):
		doorSaid(c, v, "again")
	case errors.Is(err, errScore), errors.As(err, new(*ticket.InvalidError)):
		v.Wrong = v.T["badScore"]
		s.surveyDoor(c, v, l, http.StatusUnprocessableEntity)
	case err != nil:
		s.refuseError(c, err)
	default:
		doorSaid(c, v, "rated")
	}
}

var errScore = errors.New("no number")
