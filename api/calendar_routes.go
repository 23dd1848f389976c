package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/pg"
	"tingxin/queue"
)

func init() {
	access[http.MethodGet+" "+base+"/settings/calendars/:name/versions"] = RoleAdmin
	access[http.MethodPost+" "+base+"/settings/calendars/:name/live"] = RoleAdmin
}

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
	return s.setting(ctx, actCalendarChanged, "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error { return s.putHours(ctx, st, tx, in.Body) })
}

// putHours changes a calendar and keeps its version.
func (s *Server) putHours(ctx context.Context, st *queue.Store, tx pgx.Tx, c queue.Calendar) error {
	if err := st.PutCalendar(ctx, tx, c); err != nil {
		return err
	}
	return keepCalendar(ctx, admin.NewStore(s.db, nil), tx, c, callerOf(ctx).User.Username)
}

func hoursRef(name string) admin.Ref { return admin.Ref{Kind: admin.KindHours, Name: name} }

func keepCalendar(ctx context.Context, versions *admin.Store, tx pgx.Tx, c queue.Calendar, by string) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return versions.Keep(ctx, tx, hoursRef(c.Name), &admin.Hours{Text: text}, "", by)
}

// calendarVersions are in the form of other settings.
func (s *Server) calendarVersions(ctx context.Context, in *NamePath) (*bodyOf[SettingList[queue.Calendar]], error) {
	all, err := admin.NewStore(s.db, nil).Versions(ctx, admin.KindHours, in.Name)
	if err == nil && len(all) == 0 {
		err = pg.ErrNotFound
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := SettingList[queue.Calendar]{Items: []Setting[queue.Calendar]{}}
	for i := range all {
		v := &all[i]
		c, err := calendarOf(v.Doc, in.Name)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		at := v.At.UTC()
		out.Items = append(out.Items, Setting[queue.Calendar]{Name: v.Name, Source: "stored", Doc: c, Version: v.Version, Newest: v.Newest, Live: v.Live, Secrets: []string{}, Note: v.Note, Author: v.Author, At: &at})
	}
	return &bodyOf[SettingList[queue.Calendar]]{out}, nil
}

func calendarOf(d admin.Doc, name string) (c queue.Calendar, err error) {
	if h, ok := d.(*admin.Hours); ok {
		err = json.Unmarshal(h.Text, &c)
	}
	c.Name = name
	return c, err
}

// rollBackCalendar makes an older version count.
func (s *Server) rollBackCalendar(ctx context.Context, in *liveInput) (*struct{}, error) {
	return s.setting(ctx, actCalendarLive, "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error {
		d, err := admin.NewStore(s.db, nil).Back(ctx, tx, hoursRef(in.Name), in.Body.Version)
		if err != nil {
			return err
		}
		c, err := calendarOf(d, in.Name)
		if err != nil {
			return err
		}
		return st.PutCalendar(ctx, tx, c)
	})
}

func (s *Server) deleteCalendar(ctx context.Context, in *NamePath) (*struct{}, error) {
	return s.setting(ctx, actCalendarDeleted, "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error {
		if err := st.DeleteCalendar(ctx, tx, in.Name); err != nil {
			return err
		}
		return admin.NewStore(s.db, nil).Forget(ctx, tx, hoursRef(in.Name))
	})
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
	_, err = s.setting(ctx, actCalendarImported, "calendar:"+in.Name, func(st *queue.Store, tx pgx.Tx) error {
		all, err := st.Calendars(ctx)
		if err != nil {
			return err
		}
		for _, c := range all {
			if c.Name == in.Name {
				done.Added, done.Kept = merge(&c, days)
				return s.putHours(ctx, st, tx, c)
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
