package api

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/feedback"
)

func init() {
	access[http.MethodGet+" "+base+"/feedback/surveys"] = RoleSupervisor
	access[http.MethodGet+" "+base+"/feedback/schedule"] = RoleSupervisor
	access[http.MethodPut+" "+base+"/feedback/schedule"] = RoleAdmin
	access[http.MethodGet+" "+base+"/reports/nps"] = RoleSupervisor
	access[http.MethodGet+" /q/:token"] = public
	access[http.MethodPost+" /q/:token"] = public
}

func (s *Server) surveyRoutes(api huma.API) {
	if s.parts.Feedback == nil {
		return
	}
	const tag = "feedback"
	huma.Register(api, operation("surveys-asked", http.MethodGet, "/feedback/surveys", tag, "Questions that customers were put of our own accord, newest first", 422), s.listSurveys)
	huma.Register(api, operation("survey-schedule", http.MethodGet, "/feedback/schedule", tag, "When customers are asked by itself whether they would recommend us"), s.getSchedule)
	huma.Register(api, operation("set-survey-schedule", http.MethodPut, "/feedback/schedule", tag, "Set when customers are asked by itself whether they would recommend us", 422), s.putSchedule)
	huma.Register(api, operation("nps-report", http.MethodGet, "/reports/nps", tag, "Whether customers would recommend us: asked, answered, promoters, passives, detractors, the score with its interval", 422), s.npsReport)
}

// SurveyPage is the body of GET /feedback/surveys.
type SurveyPage struct {
	Items []feedback.Survey `json:"items"`
	Next  string            `json:"next,omitempty" doc:"cursor of the next page; not there at the end"`
}

type surveysInput struct {
	Kind   string `query:"kind" enum:"csat,nps"`
	State  string `query:"state" enum:"waiting,sent,answered,expired,dropped"`
	Cursor string `query:"cursor" pattern:"^[0-9]{1,18}$"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"40"`
}

func (s *Server) listSurveys(ctx context.Context, in *surveysInput) (*bodyOf[SurveyPage], error) {
	var before int64
	if in.Cursor != "" {
		before, _ = strconv.ParseInt(in.Cursor, 10, 64) // the pattern lets digits through only
	}
	all, err := s.parts.Feedback.Surveys(ctx, feedback.SurveyQuery{Kind: feedback.Kind(in.Kind), State: in.State, Before: before, Limit: in.Limit})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := SurveyPage{Items: all}
	if len(all) == in.Limit {
		out.Next = strconv.FormatInt(all[len(all)-1].ID, 10)
	}
	return &bodyOf[SurveyPage]{out}, nil
}

func (s *Server) getSchedule(ctx context.Context, _ *struct{}) (*bodyOf[feedback.Schedule], error) {
	v, err := s.parts.Feedback.Schedule(ctx)
	return &bodyOf[feedback.Schedule]{v}, s.problem(ctx, err)
}

func (s *Server) putSchedule(ctx context.Context, in *bodyOf[feedback.Schedule]) (*bodyOf[feedback.Schedule], error) {
	who, v := callerOf(ctx), in.Body
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Feedback.SetSchedule(ctx, tx, v, who.User.Username); err != nil {
			return err
		}
		e := who.entry(actSurveysScheduled, "settings:feedback.nps")
		e.Detail = map[string]any{"on": v.On, "every_days": v.EveryDays, "share": v.Share, "after_hours": v.AfterHours, "per_day": v.PerDay, "calendar": v.Calendar}
		return s.audit.add(ctx, tx, e)
	})
	return &bodyOf[feedback.Schedule]{v}, s.problem(ctx, err)
}

type npsInput struct {
	Since time.Time `query:"since" doc:"at or after; 90 days ago when not given"`
	Until time.Time `query:"until" doc:"before; now when not given"`
}

func (s *Server) npsReport(ctx context.Context, in *npsInput) (*bodyOf[feedback.NPSReport], error) {
	until := in.Until
	if until.IsZero() {
		until = s.now()
	}
	since := in.Since
	if since.IsZero() {
		since = until.AddDate(0, 0, -90)
	}
	if !since.Before(until) {
		return nil, unfitField("query.since", "since must be before until")
	}
	r, err := s.parts.Feedback.NPSReport(ctx, since, until)
	return &bodyOf[feedback.NPSReport]{r}, s.problem(ctx, err)
}
