package api

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/emotion"
	"tingxin/event"
	"tingxin/report"
)

// fakeMoods is the manager of running calls' moods.
type fakeMoods struct{ dismissed []string }

func (f *fakeMoods) Dismiss(_ context.Context, id string, n int) error {
	f.dismissed = append(f.dismissed, id)
	return call.ErrNoCall // it is over
}

// angryCall is an ended call with readings, an alert and a mood.
func (h *house) angryCall(started time.Time) call.Record {
	h.t.Helper()
	ctx := context.Background()
	r := h.endedCall(started)
	must(h.t, h.store.AddConsent(ctx, call.ConsentRow{CallID: r.ID, Identity: r.From, Purpose: call.PurposeEmotion, State: call.ConsentAnnounced, At: started}))
	for n, e := range []float32{.2, .9} {
		must(h.t, h.store.AddReading(ctx, call.TurnReading{CallID: r.ID, Side: call.SideCaller, Seq: n + 1, Start: time.Duration(n) * 2 * time.Second,
			End: time.Duration(n)*2*time.Second + time.Second, Voiced: time.Second, Class: "angry", P: []float32{.1, .9, 0, 0, 0},
			Cues: []emotion.Cue{{Feature: "loudness", Z: 2}}, Estimate: emotion.Estimate{E: e, Voice: e, Words: -1}, Mood: e, Model: "m"}))
	}
	why := emotion.Explanation{Cause: emotion.CauseJump, From: .2, To: .6, Cues: []emotion.Cue{{Feature: "loudness", Z: 2}}, Learned: .8,
		Listen: emotion.Span{Start: 2 * time.Second, End: 3 * time.Second}}
	must(h.t, h.store.PutAlert(ctx, call.Alert{CallID: r.ID, N: 1, Side: call.SideCaller, State: call.AlertEnded, Level: emotion.LevelAgent, Why: why,
		RaisedAt: started.Add(4 * time.Second), Raised: 3 * time.Second, Ended: 30 * time.Second}))
	must(h.t, h.store.PutMood(ctx, call.SideMood{CallID: r.ID, Side: call.SideCaller, Summary: emotion.Summary{Turns: 2, Now: .5, Value: .67, Trend: .35, Peak: .9}, Alerts: 1}))
	return r
}

// Lists, pages, both reports, lists behind figures and the session name the mood of a call that is over by the house's
// thresholds, whatever they were when it was counted.
func TestMoodsOfEndedCallsByTheHousesThresholds(t *testing.T) {
	t.Parallel()
	h := open(t)
	must(t, h.store.SetMoods(t.Context(), emotion.Rules{Raise: .7, Clear: .6}))
	r := h.angryCall(h.now())
	b := h.as(RoleAgent)
	var page CallPage
	b.ok(base+"/calls", &page)
	var one CallDetail
	b.ok(base+"/calls/"+r.ID, &one)
	var feelings CallEmotion
	b.ok(base+"/calls/"+r.ID+"/emotion", &feelings)
	if page.Items[0].Mood.State != emotion.StateTense || one.Mood.State != emotion.StateTense || feelings.Moods[0].State != emotion.StateTense {
		t.Errorf("list %s, page %s, feelings %s", page.Items[0].Mood.State, one.Mood.State, feelings.Moods[0].State)
	}
	h.angryCall(h.now().Add(-3 * time.Hour))
	_, err := h.parts.Reports.Fold(t.Context())
	must(t, err)
	sup := h.as(RoleSupervisor)
	for _, raise := range []float32{.7, .66, .67, 0, .671} {
		must(t, h.store.SetMoods(t.Context(), emotion.Rules{Raise: raise}))
		want, limit := 2, cmp.Or(raise, .65)
		if limit > .67 {
			want = 0
		}
		if b.ok(base+"/calls?mood=angry", &page); len(page.Items) != want {
			t.Errorf("angry from %v: %d calls in the list, want %d", limit, len(page.Items), want)
		}
		var moods MoodReport
		sup.ok(base+"/reports/mood?by=route", &moods)
		if r := moods.Rows[0]; r.Calls != 2 || r.Angry != want || r.Alerted != 2 {
			t.Errorf("angry from %v: mood report %+v, want %d angry", limit, r, want)
		}
		for range 2 { // from rows, then from sums
			var table report.Table
			sup.ok(base+"/analytics/mood?by=queue", &table)
			i := slices.IndexFunc(table.Columns, func(c report.Column) bool { return c.Name == "angry" })
			if got := table.Total[i]; got == nil || *got != float64(want) {
				t.Errorf("angry from %v: %v in the report, want %d", limit, table.Total, want)
			}
			var items report.Items
			if sup.ok(base+"/analytics/mood/items?by=queue&column=angry", &items); items.Total != want {
				t.Errorf("angry from %v: %d calls behind the figure, want %d", limit, items.Total, want)
			}
			_, err := h.parts.Reports.Fold(t.Context())
			must(t, err)
		}
		var session SessionView
		b.ok(base+"/session", &session)
		if session.Mood != (MoodLimits{.45, limit}) {
			t.Errorf("session: %+v", session.Mood)
		}
	}
}

func TestEmotionOfACall(t *testing.T) {
	t.Parallel()
	moods := &fakeMoods{}
	h := open(t, func(_ *Config, p *Parts) { p.Moods = moods })
	r := h.angryCall(h.now())
	b := h.as(RoleAgent)
	var got CallEmotion
	b.ok(base+"/calls/"+r.ID+"/emotion", &got)
	if !got.Consented || len(got.Readings) != 2 || len(got.Alerts) != 1 || len(got.Moods) != 1 || len(got.Labels) != 0 {
		t.Fatalf("%+v", got)
	}
	rd, al := got.Readings[1], got.Alerts[0]
	if rd.Voice == nil || *rd.Voice != .9 || rd.Words != nil || rd.P["angry"] != .9 || rd.Combined || len(rd.Cues) != 1 {
		t.Errorf("%+v", rd)
	}
	if al.StartMS != 2000 || al.EndMS != 3000 || al.Action != emotion.ActionRestate || al.Advice["zh"].Sentence == "" || al.Advice["en"].Baseline == "" {
		t.Errorf("%+v", al)
	}
	var page CallPage
	b.ok(base+"/calls", &page)
	h.endedCall(h.now())
	for mood, n := range map[string]int{"alert": 1, "angry": 1, "worse": 1, "better": 0, "read": 1, "": 2} {
		var some CallPage
		b.ok(base+"/calls?mood="+mood, &some)
		if len(some.Items) != n || *some.Total != n {
			t.Errorf("mood %q: %d calls, want %d", mood, len(some.Items), n)
		}
	}
	if a := b.get(base + "/calls?mood=grumpy"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("no such mood: %s", a)
	}
	if m := page.Items[0].Mood; m == nil || m.State != emotion.StateAngry || m.Alerts != 1 {
		t.Errorf("list: %+v", m)
	}
	var one CallDetail
	b.ok(base+"/calls/"+r.ID, &one)
	if one.Mood == nil || one.Mood.Value != .67 {
		t.Errorf("detail: %+v", one.Mood)
	}
	if a := b.get(base + "/calls/" + newCallID(t) + "/emotion"); a.status != http.StatusNotFound {
		t.Errorf("no call: %s", a)
	}
}

func TestNotAngryIsALabelAndAnAuditRow(t *testing.T) {
	t.Parallel()
	moods := &fakeMoods{}
	h := open(t, func(_ *Config, p *Parts) { p.Moods = moods })
	r := h.angryCall(h.now())
	b := h.as(RoleAgent)
	path := base + "/calls/" + r.ID + "/labels"
	if a := b.do(http.MethodPost, path, map[string]any{"alert": 1, "label": "not_angry"}); a.status != http.StatusNoContent {
		t.Fatal(a)
	}
	var got CallEmotion
	b.ok(base+"/calls/"+r.ID+"/emotion", &got)
	if len(got.Labels) != 1 || got.Labels[0].Alert != 1 || got.Labels[0].StartMS != 2000 || got.Labels[0].By == "" || got.Alerts[0].State != call.AlertDismissed {
		t.Errorf("%+v", got)
	}
	if len(moods.dismissed) != 1 {
		t.Errorf("the running call was not told: %v", moods.dismissed)
	}
	for name, body := range map[string]map[string]any{
		"an alert that is not there": {"alert": 9, "label": "angry"},
		"nothing to say it of":       {"label": "angry"},
		"no such label":              {"alert": 1, "label": "grumpy"},
	} {
		if a := b.do(http.MethodPost, path, body); a.status != http.StatusNotFound && a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := b.do(http.MethodPost, path, map[string]any{"start_ms": 100, "end_ms": 900, "label": "angry"}); a.status != http.StatusNoContent {
		t.Error(a)
	}
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from audit where action = 'emotion.labelled' and subject = $1`, callSubject(r.ID)).Scan(&n))
	if n != 2 {
		t.Errorf("%d audit rows", n)
	}
	if _, _, err := h.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAlertsAndMoodReport(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.angryCall(h.now())
	h.angryCall(h.now().Add(-48 * time.Hour))
	b := h.as(RoleSupervisor)
	var alerts AlertList
	b.ok(base+"/alerts", &alerts)
	if len(alerts.Items) != 1 {
		t.Errorf("%d alerts of the last day", len(alerts.Items))
	}
	var rep MoodReport
	b.ok(base+"/reports/mood?by=route", &rep)
	if len(rep.Rows) != 1 || rep.Rows[0].Key != "welcome" || rep.Rows[0].Calls != 2 || rep.Rows[0].Angry != 2 || rep.Rows[0].Value < .66 || rep.Rows[0].Value > .68 {
		t.Errorf("%+v", rep)
	}
	b.ok(base+"/reports/mood?by=day&zone=Asia/Shanghai", &rep)
	if len(rep.Rows) != 2 {
		t.Errorf("%+v", rep)
	}
	for _, bad := range []string{"by=name", "zone=Mars/Base", "since=2026-01-01T00:00:00Z&until=2025-01-01T00:00:00Z"} {
		if a := b.get(base + "/reports/mood?" + bad); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", bad, a)
		}
	}
	if a := h.as(RoleAgent).get(base + "/reports/mood"); a.status != http.StatusForbidden {
		t.Errorf("an agent: %s", a)
	}
}

func TestConsentIsWrittenDown(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleSupervisor)
	set := func(state string) {
		t.Helper()
		if a := b.do(http.MethodPost, base+"/consents", map[string]string{"identity": "100", "purpose": call.PurposeEmotion, "state": state}); a.status != http.StatusNoContent {
			t.Fatal(a)
		}
	}
	set("refused")
	if no, err := h.store.Declined(t.Context(), "100", call.PurposeEmotion); err != nil || !no {
		t.Errorf("%v %v", no, err)
	}
	h.later(time.Second)
	set("given")
	if no, err := h.store.Declined(t.Context(), "100", call.PurposeEmotion); err != nil || no {
		t.Errorf("%v %v", no, err)
	}
}

// Lists hear of moods and alerts; readings stay with those who watch the call.
func TestFeedChannelsOfEmotion(t *testing.T) {
	for typ, lists := range map[string]bool{"emotion.mood": true, "emotion.alert": true, "emotion.reading": false} {
		if got := len(channels(&event.Event{Type: typ, Call: "c"})) == 2; got != lists {
			t.Errorf("%s to lists: %v", typ, got)
		}
	}
}

func TestLabelsAreExportedByAdministratorsWithAnAuditRow(t *testing.T) {
	t.Parallel()
	h := open(t)
	if a := h.as(RoleSupervisor).get(base + "/emotion/labels.zip"); a.status != http.StatusForbidden {
		t.Errorf("a supervisor got %d", a.status)
	}
	a := h.as(RoleAdmin).get(base + "/emotion/labels.zip")
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "application/zip" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	z, err := zip.NewReader(bytes.NewReader(a.body), int64(len(a.body)))
	if err != nil || len(z.File) != 1 || z.File[0].Name != "manifest.tsv" {
		t.Errorf("%v", err)
	}
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from audit where action = 'emotion.labels_exported'`).Scan(&n))
	if n != 1 {
		t.Errorf("%d audit rows", n)
	}
}
