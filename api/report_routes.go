package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/report"
	"tingxin/team"
)

func (s *Server) analyticsRoutes(api huma.API) {
	const tag = "analytics"
	huma.Register(api, operation("report", http.MethodGet, "/analytics/{report}", tag, "A report: figures by time, channel, queue, agent and others, with the period before", 422), s.getReport)
	sheet := operation("report-csv", http.MethodGet, "/analytics/{report}/csv", tag, "The same figures as CSV", 422)
	sheet.Responses = map[string]*huma.Response{"200": {Description: "UTF-8 with a header line", Content: map[string]*huma.MediaType{"text/csv": {}}}}
	huma.Register(api, sheet, s.reportSheet)
	huma.Register(api, operation("report-items", http.MethodGet, "/analytics/{report}/items", tag, "What is behind one number of a report: conversations, calls, tickets", 400, 422), s.reportItems)
	again := operation("rebuild-reports", http.MethodPost, "/analytics/rebuild", tag, "Have the sums of a span counted anew from the rows that there are", 422)
	again.DefaultStatus = http.StatusAccepted
	huma.Register(api, again, s.rebuildReports)
}

// ReportQuery is what all routes of reports take. A span without an end goes until now.
type ReportQuery struct {
	Report     string    `path:"report" enum:"volume,response,backlog,service,bot,csat,agents,tickets,mood,questions"`
	By         string    `query:"by" maxLength:"20" doc:"time (days, or hours of a short span), day, moment, hour, weekday, channel, queue, agent, language, bot, type, state, priority, disposition: as the report allows; its first when not given"`
	Since      time.Time `query:"since" doc:"a moment; or from and to; or days"`
	Until      time.Time `query:"until" doc:"now when not given"`
	From       string    `query:"from" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" doc:"the first day, on the clocks of the zone"`
	To         string    `query:"to" pattern:"^[0-9]{4}-[0-9]{2}-[0-9]{2}$" doc:"the last day; today when not given"`
	Days       int       `query:"days" minimum:"1" maximum:"400" default:"7" doc:"so many days until now, today counted as one"`
	Zone       string    `query:"zone" maxLength:"64" doc:"of hours and days, such as Asia/Shanghai; the setting report.zone when not given"`
	Queues     []string  `query:"queue" maxItems:"200" doc:"several are joined by commas, as in the next ones"`
	Agents     []int64   `query:"agent" maxItems:"200"`
	Channels   []string  `query:"channel" maxItems:"50" doc:"voice and ticket are channels, too"`
	Languages  []string  `query:"language" maxItems:"50"`
	Types      []string  `query:"type" maxItems:"50" doc:"of tickets"`
	Directions []string  `query:"direction" maxItems:"2" enum:"in,out" doc:"of calls"`
	Bot        string    `query:"bot" enum:"all,people,bot" default:"all" doc:"people leaves out what the bot did alone, bot takes only what it took part in"`
}

// reportScope is whose facts somebody may see in reports and in the lists behind them, which must agree.
func reportScope(ctx context.Context) report.Scope {
	h, narrow := team.Of(ctx).Least(team.Reports, team.Conversations, team.Calls, team.Tickets, team.Feedback)
	return report.Scope{All: !narrow, Queues: h.Queues, Agents: h.Users}
}

func (s *Server) reportQuestion(ctx context.Context, in *ReportQuery) (report.Query, error) {
	q := report.Query{Report: in.Report, By: in.By, Since: in.Since, Until: in.Until, Scope: reportScope(ctx),
		Filter: report.Filter{Queues: in.Queues, Agents: in.Agents, Channels: in.Channels, Languages: in.Languages, Types: in.Types, Directions: in.Directions}}
	if in.Bot != "all" {
		q.Filter.Bot = in.Bot
	}
	if in.Zone != "" {
		zone, err := zoneOf(in.Zone)
		if err != nil {
			return q, err
		}
		q.Zone = zone
	}
	if err := s.knowsQueues(ctx, in.Queues...); err != nil {
		return q, err
	}
	return q, s.reportSpan(in, &q)
}

// reportSpan finds when a report begins and ends. The period before lies whole days earlier.
func (s *Server) reportSpan(in *ReportQuery, q *report.Query) error {
	zone := q.Zone
	if zone == nil {
		zone = s.parts.Reports.Zone()
	}
	if q.Until.IsZero() {
		q.Until = s.now()
	}
	midnight := func(t time.Time, days int) time.Time {
		t = t.In(zone)
		return time.Date(t.Year(), t.Month(), t.Day()+days, 0, 0, 0, 0, zone)
	}
	switch {
	case in.From != "":
		from, err1 := time.ParseInLocation(time.DateOnly, in.From, zone)
		to, err2 := time.ParseInLocation(time.DateOnly, cmp.Or(in.To, q.Until.In(zone).Format(time.DateOnly)), zone)
		if err := errors.Join(err1, err2); err != nil || to.Before(from) {
			return huma.Error422UnprocessableEntity("from and to are days such as 2026-11-29, from the earlier one")
		}
		q.Since, q.Until = from, midnight(to, 1)
	case q.Since.IsZero():
		q.Since, q.Shift = midnight(q.Until, 1-in.Days), in.Days
	}
	return nil
}

// reportProblem says what is wrong with a question.
func (s *Server) reportProblem(ctx context.Context, err error) error {
	var wrong *report.QueryError
	switch {
	case errors.As(err, &wrong):
		in := "query."
		if wrong.Field == "report" {
			in = "path."
		}
		return unfitField(in+wrong.Field, err.Error())
	case errors.Is(err, report.ErrCursor):
		return badCursor()
	}
	return s.problem(ctx, err)
}

type tableQuery struct {
	ReportQuery
	Compare bool `query:"compare" doc:"also the period before"`
}

func (s *Server) getReport(ctx context.Context, in *tableQuery) (*bodyOf[report.Table], error) {
	t, err := s.reportTable(ctx, in)
	if err != nil {
		return nil, err
	}
	return &bodyOf[report.Table]{t}, nil
}

func (s *Server) reportTable(ctx context.Context, in *tableQuery) (report.Table, error) {
	q, err := s.reportQuestion(ctx, &in.ReportQuery)
	if err != nil {
		return report.Table{}, err
	}
	q.Compare = in.Compare
	t, err := s.parts.Reports.Table(ctx, q)
	return t, s.reportProblem(ctx, err)
}

func (s *Server) reportSheet(ctx context.Context, in *tableQuery) (*huma.StreamResponse, error) {
	t, err := s.reportTable(ctx, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString("\ufeff") // so that spreadsheets read UTF-8
	w := csv.NewWriter(&b)
	head := []string{t.By, "label"}
	for _, c := range t.Columns {
		head = append(head, c.Name)
	}
	for _, c := range t.Columns {
		if in.Compare {
			head = append(head, c.Name+"_before")
		}
	}
	_ = w.Write(head)
	line := func(key, label string, lists ...[]*float64) {
		cells := []string{cell(key), cell(label)}
		for _, values := range lists {
			for i := range t.Columns {
				text := ""
				if i < len(values) && values[i] != nil {
					text = strconv.FormatFloat(*values[i], 'f', -1, 64)
				}
				cells = append(cells, text)
			}
		}
		_ = w.Write(cells)
	}
	lists := func(values, before []*float64) [][]*float64 {
		if in.Compare {
			return [][]*float64{values, before}
		}
		return [][]*float64{values}
	}
	for i := range t.Rows {
		r := &t.Rows[i]
		line(r.Key, r.Label+r.Labels["en"], lists(r.Values, r.Before)...)
	}
	line("total", "", lists(t.Total, t.Before)...)
	w.Flush() // into memory
	name := "report-" + t.Report + "-" + strings.ReplaceAll(t.By, " ", "") + ".csv"
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		c := humagin.Unwrap(hc)
		c.Header("Content-Disposition", `attachment; filename="`+name+`"`)
		c.Header("Cache-Control", "private, no-store")
		c.Data(http.StatusOK, "text/csv; charset=utf-8", b.Bytes())
	}}, nil
}

type itemsQuery struct {
	ReportQuery
	Column string `query:"column" required:"true" maxLength:"40" doc:"of the table"`
	Key    string `query:"key" maxLength:"200" doc:"of the row"`
	Total  bool   `query:"total" doc:"of the total, not of a row"`
	Cursor string `query:"cursor" maxLength:"300"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) reportItems(ctx context.Context, in *itemsQuery) (*bodyOf[report.Items], error) {
	q, err := s.reportQuestion(ctx, &in.ReportQuery)
	if err != nil {
		return nil, err
	}
	l := report.ListQuery{Query: q, Column: in.Column, Cursor: in.Cursor, Limit: in.Limit}
	if !in.Total {
		l.Key = &in.Key
	}
	items, err := s.parts.Reports.Items(ctx, l)
	if err != nil {
		return nil, s.reportProblem(ctx, err)
	}
	return &bodyOf[report.Items]{items}, nil
}

type rebuildInput struct {
	Body struct {
		Since time.Time `json:"since"`
		Until time.Time `json:"until"`
	}
}

// Rebuilding is the body of POST /analytics/rebuild.
type Rebuilding struct {
	Hours int `json:"hours" doc:"that will be counted anew, over all kinds of facts"`
}

func (s *Server) rebuildReports(ctx context.Context, in *rebuildInput) (*bodyOf[Rebuilding], error) {
	if !in.Body.Since.Before(in.Body.Until) || in.Body.Until.Sub(in.Body.Since) > 10*longestReport {
		return nil, unfitField("body.since", "since must lie before until, by 4000 days at most")
	}
	var out Rebuilding
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if out.Hours, err = s.parts.Reports.Rebuild(ctx, tx, in.Body.Since, in.Body.Until); err != nil {
			return err
		}
		e := callerOf(ctx).entry(actReportRebuilt, "")
		e.Detail = map[string]any{"since": in.Body.Since.UTC().Format(time.RFC3339), "until": in.Body.Until.UTC().Format(time.RFC3339), "hours": out.Hours}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[Rebuilding]{out}, nil
}
