package api

import (
	"context"
	"errors"
	"net/http"
	"time"
	_ "time/tzdata" // zones of reports, also where the system has none

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/contact"
	"tingxin/pg"
)

// Moods is what runs now of emotion; *call.Manager satisfies it.
type Moods interface {
	// Dismiss ends an open alert because a person says that it is wrong.
	Dismiss(ctx context.Context, id string, alert int) error
}

// CallEmotion is the body of GET /calls/{id}/emotion.
type CallEmotion struct {
	Consented bool               `json:"consented" doc:"the caller was told, and has not declined"`
	Moods     []call.MoodItem    `json:"moods"`
	Readings  []call.ReadingItem `json:"readings" doc:"one per turn"`
	Alerts    []call.AlertItem   `json:"alerts"`
	Labels    []call.LabelItem   `json:"labels"`
}

// AlertList is the body of GET /alerts.
type AlertList struct {
	Items []call.AlertItem `json:"items"`
}

// MoodReport is the body of GET /reports/mood.
type MoodReport struct {
	By    string         `json:"by"`
	Since time.Time      `json:"since"`
	Until time.Time      `json:"until"`
	Zone  string         `json:"zone"`
	Rows  []call.MoodRow `json:"rows"`
}

func (s *Server) emotionRoutes(api huma.API) {
	huma.Register(api, operation("call-emotion", http.MethodGet, "/calls/{id}/emotion", "emotion", "How a caller felt: readings, alerts, labels", 404), s.getEmotion)
	label := operation("label-emotion", http.MethodPost, "/calls/{id}/labels", "emotion", "Say that a stretch or an alert is, or is not, angry", 404)
	label.DefaultStatus = http.StatusNoContent
	huma.Register(api, label, s.labelEmotion)
	huma.Register(api, operation("alerts", http.MethodGet, "/alerts", "emotion", "Alerts of all calls, newest first"), s.listAlerts)
	huma.Register(api, operation("mood-report", http.MethodGet, "/reports/mood", "emotion", "Moods of callers by route, hour and others", 422), s.moodReport)
	export := operation("export-labels", http.MethodGet, "/emotion/labels.zip", "emotion",
		"What people said about stretches of calls, with their sound and a manifest to train a model on; of callers who allow it")
	export.Responses = map[string]*huma.Response{"200": {Description: "manifest.tsv and the sound of each stretch",
		Content: map[string]*huma.MediaType{"application/zip": {}}}}
	huma.Register(api, export, s.exportLabels)
	consent := operation("set-consent", http.MethodPost, "/consents", "emotion", "Write down what a person said about a purpose; the last word counts")
	consent.DefaultStatus = http.StatusNoContent
	huma.Register(api, consent, s.setConsent)
}

func (s *Server) getEmotion(ctx context.Context, in *callInput) (*bodyOf[CallEmotion], error) {
	out := CallEmotion{Moods: []call.MoodItem{}, Readings: []call.ReadingItem{}, Alerts: []call.AlertItem{}, Labels: []call.LabelItem{}}
	if err := s.fillEmotion(ctx, in.ID, &out); err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[CallEmotion]{out}, nil
}

func (s *Server) fillEmotion(ctx context.Context, id string, out *CallEmotion) error {
	store := s.parts.Calls
	if _, err := store.Get(ctx, id); err != nil {
		return err
	}
	var err error
	if out.Consented, err = store.Consented(ctx, id, call.PurposeEmotion); err != nil {
		return err
	}
	readings, err1 := store.Readings(ctx, id)
	alerts, err2 := store.Alerts(ctx, id)
	moods, err3 := store.Moods(ctx, id)
	labels, err4 := store.Labels(ctx, id)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return err
	}
	for i := range readings {
		out.Readings = append(out.Readings, readings[i].Item())
	}
	for i := range alerts {
		out.Alerts = append(out.Alerts, alerts[i].Item())
	}
	for i := range moods {
		out.Moods = append(out.Moods, moods[i].Item(s.parts.Calls.MoodOf(moods[i].Value)))
	}
	for i := range labels {
		out.Labels = append(out.Labels, labels[i].Item())
	}
	return nil
}

type labelInput struct {
	ID   string `path:"id" maxLength:"36" doc:"UUIDv7 of the call"`
	Body struct {
		Alert   int    `json:"alert,omitempty" minimum:"1" maximum:"100000" doc:"the alert it is about; otherwise a stretch of a side"`
		Side    string `json:"side,omitempty" enum:"caller,agent" default:"caller"`
		StartMS int64  `json:"start_ms,omitempty" minimum:"0" maximum:"86400000"`
		EndMS   int64  `json:"end_ms,omitempty" minimum:"0" maximum:"86400000"`
		Label   string `json:"label" enum:"angry,not_angry"`
	}
}

func (s *Server) labelEmotion(ctx context.Context, in *labelInput) (*struct{}, error) {
	b := &in.Body
	if b.Alert == 0 && b.EndMS <= b.StartMS {
		return nil, huma.Error422UnprocessableEntity("a label is about an alert, or about a stretch from start_ms to end_ms")
	}
	if _, err := s.parts.Calls.Get(ctx, in.ID); err != nil {
		return nil, s.problem(ctx, err)
	}
	who := callerOf(ctx)
	l := call.EmotionLabel{CallID: in.ID, Side: b.Side, Alert: b.Alert, Start: time.Duration(b.StartMS) * time.Millisecond,
		End: time.Duration(b.EndMS) * time.Millisecond, Label: b.Label, By: who.User.Username, At: s.now()}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		kept, err := s.parts.Calls.AddLabel(ctx, tx, l)
		if err != nil {
			return err
		}
		e := who.entry(actEmotionLabelled, callSubject(in.ID))
		e.Detail = map[string]any{"label": kept.Label, "side": kept.Side, "alert": kept.Alert, "start_ms": kept.Start.Milliseconds(), "end_ms": kept.End.Milliseconds()}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if b.Alert > 0 && b.Label == call.LabelNotAngry && s.parts.Moods != nil {
		err := s.parts.Moods.Dismiss(ctx, in.ID, b.Alert)
		if err != nil && !errors.Is(err, call.ErrNoCall) && !errors.Is(err, pg.ErrNotFound) { // over by itself meanwhile
			return nil, s.problem(ctx, err)
		}
	}
	return nil, nil
}

type exportLabelsInput struct {
	Since time.Time `query:"since" doc:"labels made at or after; all when not given"`
}

func (s *Server) exportLabels(ctx context.Context, in *exportLabelsInput) (*huma.StreamResponse, error) {
	who := callerOf(ctx)
	e := who.entry(actEmotionLabelsExported, "")
	if !in.Since.IsZero() {
		e.Detail = map[string]any{"since": in.Since.UTC().Format(time.RFC3339)}
	}
	if err := s.audit.write(ctx, e); err != nil { // no row, no sound
		return nil, s.problem(ctx, err)
	}
	x := call.LabelExport{Store: s.parts.Calls, Recordings: s.cfg.Recordings}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		c := humagin.Unwrap(hc)
		_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(downloadTime)) // not every test's writer can
		c.Header("Content-Type", "application/zip")
		c.Header("Content-Disposition", `attachment; filename="labels.zip"`)
		c.Header("Cache-Control", "private, no-store")
		done, err := x.Zip(hc.Context(), c.Writer, in.Since)
		if err != nil {
			s.log.Error("export of labels ended early", "error", err)
			panic(http.ErrAbortHandler) // a cut connection is seen, a short archive might not be
		}
		s.log.Info("labels exported", "stretches", done.Stretches, "no_consent", done.NoConsent, "no_recording", done.NoRecording)
	}}, nil
}

type alertsInput struct {
	Since time.Time `query:"since" doc:"raised at or after; the last 24 hours when not given"`
	Limit int       `query:"limit" minimum:"1" maximum:"500" default:"100"`
}

func (s *Server) listAlerts(ctx context.Context, in *alertsInput) (*bodyOf[AlertList], error) {
	since := in.Since
	if since.IsZero() {
		since = s.now().Add(-24 * time.Hour)
	}
	alerts, err := s.parts.Calls.RecentAlerts(ctx, since, in.Limit)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := AlertList{Items: make([]call.AlertItem, len(alerts))}
	for i := range alerts {
		out.Items[i] = alerts[i].Item()
	}
	return &bodyOf[AlertList]{out}, nil
}

type reportInput struct {
	By    string    `query:"by" enum:"route,queue,hour,day,language,cause,disposition" default:"route"`
	Since time.Time `query:"since" doc:"the last 7 days when not given"`
	Until time.Time `query:"until"`
	Zone  string    `query:"zone" maxLength:"64" default:"UTC" doc:"of hours and days, such as Asia/Shanghai"`
}

// longestReport bounds the time of a report.
const longestReport = 400 * 24 * time.Hour

func (s *Server) moodReport(ctx context.Context, in *reportInput) (*bodyOf[MoodReport], error) {
	zone, err := zoneOf(in.Zone)
	if err != nil {
		return nil, err
	}
	until, since := in.Until, in.Since
	if until.IsZero() {
		until = s.now()
	}
	if since.IsZero() {
		since = until.Add(-7 * 24 * time.Hour)
	}
	if !since.Before(until) || until.Sub(since) > longestReport {
		return nil, unfitField("query.since", "since must lie before until, by 400 days at most")
	}
	rows, err := s.parts.Calls.MoodReport(ctx, in.By, since, until, zone)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if rows == nil {
		rows = []call.MoodRow{}
	}
	return &bodyOf[MoodReport]{MoodReport{By: in.By, Since: since.UTC(), Until: until.UTC(), Zone: zone.String(), Rows: rows}}, nil
}

type consentInput struct {
	Body struct {
		Identity string `json:"identity" minLength:"1" maxLength:"64" doc:"the caller's number"`
		Purpose  string `json:"purpose" enum:"voice_emotion"`
		State    string `json:"state" enum:"given,refused"`
	}
}

// setConsent writes a line of the ledger. The row in the audit log names neither the number nor a
// hash of it, which could be found by trying all numbers.
func (s *Server) setConsent(ctx context.Context, in *consentInput) (*struct{}, error) {
	who := callerOf(ctx)
	e := who.entry(actConsentSet, "consent:"+in.Body.Purpose)
	e.Detail = map[string]any{"state": in.Body.State}
	if err := s.audit.write(ctx, e); err != nil {
		return nil, s.problem(ctx, err)
	}
	person, err := s.contacts.Find(ctx, contact.Key{Kind: contact.KindPhone, Value: in.Body.Identity})
	if err != nil && !errors.Is(err, pg.ErrNotFound) && !errors.Is(err, contact.ErrIdentity) { // a number that has no contact yet
		return nil, s.problem(ctx, err)
	}
	err = s.parts.Calls.AddConsent(ctx, call.ConsentRow{Identity: in.Body.Identity, Contact: int64(person), Purpose: in.Body.Purpose, State: in.Body.State,
		Source: "user:" + who.User.Username, At: s.now().UTC()})
	return nil, s.problem(ctx, err)
}
