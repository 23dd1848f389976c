package api

import (
	"context"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
)

// settingProblem maps errors of settings: what is wrong with them is a sentence for whoever wrote them.
func (s *Server) settingProblem(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, pg.ErrNotFound), errors.Is(err, pg.ErrUnavailable), ctx.Err() != nil:
		return s.problem(ctx, err)
	case errors.Is(err, queue.ErrState):
		return huma.Error409Conflict(err.Error())
	case errors.As(err, new(*queue.SettingError)):
		return huma.Error422UnprocessableEntity(err.Error())
	}
	return s.problem(ctx, err)
}

func (s *Server) listCalendars(ctx context.Context, _ *struct{}) (*bodyOf[CalendarList], error) {
	all, err := queue.NewStore(s.db).Calendars(ctx)
	return &bodyOf[CalendarList]{CalendarList{some(all)}}, s.problem(ctx, err)
}

type calendarInput struct {
	NamePath
	Body queue.Calendar
}

func (s *Server) putCalendar(ctx context.Context, in *calendarInput) (*struct{}, error) {
	if in.Body.Name != in.Name {
		return nil, huma.Error422UnprocessableEntity("the name in the path and in the body differ")
	}
	return s.setting(ctx, "calendar.changed", "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error { return st.PutCalendar(ctx, tx, in.Body) })
}

func (s *Server) deleteCalendar(ctx context.Context, in *NamePath) (*struct{}, error) {
	return s.setting(ctx, "calendar.deleted", "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error { return st.DeleteCalendar(ctx, tx, in.Name) })
}

// holidayYears is how far yearly holidays are written out.
const holidayYears = 10

type holidayInput struct {
	NamePath
	Body struct {
		ICal string `json:"ical" maxLength:"120000" doc:"an iCalendar document (RFC 5545)"`
	}
}

// Imported is the body of the answer to POST /calendars/{name}/holidays.
type Imported struct {
	Added   int `json:"added"`
	Kept    int `json:"kept" doc:"days that the calendar had already"`
	Skipped int `json:"skipped" doc:"events with a time of day, cancelled, or repeated in a way that is not understood"`
}

func (s *Server) importHolidays(ctx context.Context, in *holidayInput) (*bodyOf[Imported], error) {
	days, skipped, err := queue.HolidaysFromICal(strings.NewReader(in.Body.ICal), s.now().Year()+holidayYears)
	if err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	done := Imported{Skipped: skipped}
	_, err = s.setting(ctx, "calendar.imported", "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error {
		all, err := st.Calendars(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Name == in.Name {
				done.Added, done.Kept = merge(&c, days)
				return st.PutCalendar(ctx, tx, c)
			}
		}
		return pg.ErrNotFound
	})
	return &bodyOf[Imported]{done}, err
}

// merge adds days that are not there yet.
func merge(c *queue.Calendar, days []queue.Day) (added, kept int) {
	there := map[queue.Date]bool{}
	for _, d := range c.Days {
		there[d.Date] = true
	}
	for _, d := range days {
		if there[d.Date] {
			kept++
			continue
		}
		c.Days = append(c.Days, d)
		added++
	}
	return added, kept
}
