package api

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tingxin/pg/pgtest"
	"tingxin/queue"
)

// openQueues is a house with queues and two people who can be agents.
func openQueues(t *testing.T) (h *house, q *queue.Service) {
	t.Helper()
	db := pgtest.New(t)
	h = openWith(t, db, func(_ *Config, p *Parts) {
		var err error
		q, err = queue.New(queue.Config{Node: "test"}, db, p.Bus, nil, slog.New(slog.DiscardHandler))
		must(t, err)
		must(t, q.Start(t.Context()))
		t.Cleanup(func() { q.Close() })
		p.Queues = q
	})
	return h, q
}

// me is the id of whoever is signed in.
func (b *browser) me() string {
	b.t.Helper()
	var v SessionView
	b.ok(base+"/session", &v)
	return v.User.ID
}

func (b *browser) want(status int, method, path string, body any) answer {
	b.t.Helper()
	a := b.do(method, base+path, body)
	if a.status != status {
		b.t.Fatalf("%s %s: %s, want %d", method, path, a, status)
	}
	return a
}

type object = map[string]any

func TestQueueFromSettingsToWrapUp(t *testing.T) {
	t.Parallel()
	h, q := openQueues(t)
	admin, boss, agent := h.as(RoleAdmin), h.as(RoleSupervisor), h.as(RoleAgent)
	id := agent.me()
	if a := agent.want(http.StatusOK, http.MethodGet, "/agents/me", nil); strings.Contains(string(a.body), `"agent"`) {
		t.Errorf("no agent yet: %s", a)
	}
	agent.want(http.StatusNotFound, http.MethodPut, "/agents/me/state", object{"state": "available"})
	admin.want(http.StatusNoContent, http.MethodPut, "/skills/tech", object{"label": "技术"})
	admin.want(http.StatusNoContent, http.MethodPut, "/agents/"+id, object{"skills": object{"tech": .9}})
	var users UserList
	admin.ok(base+"/users", &users)
	name := ""
	for _, u := range users.Items {
		if u.ID == id {
			name = u.Username
		}
	}
	admin.want(http.StatusNoContent, http.MethodPut, "/queues/support", object{"id": "support", "name": "支持", "skills": []string{"tech"},
		"members": []object{{"user": name}}, "wrap_up": object{"mode": "manual"}, "level": object{"percent": 90, "within": "15s"}})
	var list QueueList
	boss.ok(base+"/queues", &list)
	if len(list.Items) != 1 || time.Duration(list.Items[0].Level.Within) != 15*time.Second || list.Items[0].Members[0].User != name {
		t.Fatalf("settings: %+v", list)
	}

	ticket, err := q.Enqueue(t.Context(), queue.Work{ID: "call-1", Kind: queue.KindVoice, Queue: "support", Data: []byte(`{"reason":"broken"}`)})
	must(t, err)
	var board QueueBoards
	agent.ok(base+"/queues/board", &board)
	if b := board.Items[0]; b.Waiting != 1 || b.EstimateMS != -1 || b.Percent != 90 {
		t.Errorf("board: %+v", b)
	}
	agent.want(http.StatusUnprocessableEntity, http.MethodPut, "/agents/me/state", object{"state": "ringing"})
	agent.want(http.StatusConflict, http.MethodPut, "/agents/me/state", object{"state": "away"})
	agent.want(http.StatusNoContent, http.MethodPut, "/agents/me/state", object{"state": "available"})
	var desk DeskView
	agent.ok(base+"/agents/me", &desk)
	if desk.Agent.State != queue.Ringing || desk.Offer == nil || desk.Offer.Work.ID != "call-1" || desk.Offer.Work.Why == nil || !strings.Contains(string(desk.Offer.Data), "broken") {
		t.Fatalf("desk: %+v", desk)
	}
	boss.want(http.StatusConflict, http.MethodPost, "/offers/"+string(desk.Offer.Token)+"/accept", nil) // not theirs
	agent.want(http.StatusOK, http.MethodPost, "/offers/"+string(desk.Offer.Token)+"/accept", nil)
	agent.want(http.StatusConflict, http.MethodPost, "/offers/"+string(desk.Offer.Token)+"/accept", nil)
	must(t, q.Answered(t.Context(), "call-1"))
	must(t, q.Ended(t.Context(), "call-1", ""))
	agent.ok(base+"/agents/me", &desk)
	if desk.Agent.State != queue.Wrapping || desk.Agent.Handled != 1 {
		t.Errorf("after the call: %+v", desk.Agent)
	}
	agent.want(http.StatusNoContent, http.MethodPost, "/agents/me/wrap-up/end", nil)
	var why DecisionList
	agent.ok(base+"/queues/work/call-1/why", &why)
	if len(why.Items) != 1 || string(why.Items[0].Agent) != id {
		t.Errorf("why: %+v", why)
	}
	var history StateList
	boss.ok(base+"/agents/"+id+"/history", &history)
	if len(history.Items) < 4 || history.Items[0].State != queue.Available {
		t.Errorf("history: %+v", history)
	}
	ticket.Close()
}

func TestSupervisorMovesWorkAndAgents(t *testing.T) {
	t.Parallel()
	h, q := openQueues(t)
	admin, boss, agent := h.as(RoleAdmin), h.as(RoleSupervisor), h.as(RoleAgent)
	id := agent.me()
	admin.want(http.StatusNoContent, http.MethodPut, "/agents/"+id, object{"desk": true})
	for _, name := range []string{"one", "two"} {
		admin.want(http.StatusNoContent, http.MethodPut, "/queues/"+name, object{"id": name})
	}
	_, err := q.Enqueue(t.Context(), queue.Work{ID: "w", Kind: queue.KindChat, Queue: "one"})
	must(t, err)
	boss.want(http.StatusNoContent, http.MethodPost, "/queues/work/w/move", object{"queue": "two"})
	boss.want(http.StatusNotFound, http.MethodPost, "/queues/work/w/move", object{"queue": "three"})
	boss.want(http.StatusConflict, http.MethodPost, "/queues/work/w/assign", object{"agent": id}) // offline
	boss.want(http.StatusNoContent, http.MethodPut, "/agents/"+id+"/state", object{"state": "away"})
	boss.want(http.StatusNoContent, http.MethodPost, "/queues/work/w/assign", object{"agent": id})
	var work WorkList
	boss.ok(base+"/queues/work?queue=two", &work)
	if len(work.Items) != 1 || string(work.Items[0].Agent) != id || work.Items[0].Why.By == "" {
		t.Errorf("work: %+v", work)
	}
	var agents AgentList
	boss.ok(base+"/agents", &agents)
	if len(agents.Items) != 1 || agents.Items[0].State != queue.Away || agents.Items[0].Reason != queue.AwayForced || len(agents.Items[0].Work) != 1 {
		t.Errorf("agents: %+v", agents)
	}
	admin.want(http.StatusConflict, http.MethodDelete, "/queues/two", nil)
	boss.want(http.StatusNoContent, http.MethodDelete, "/queues/work/w", nil)
	admin.want(http.StatusNoContent, http.MethodDelete, "/queues/two", nil)
	admin.want(http.StatusNoContent, http.MethodDelete, "/agents/"+id, nil)
	var log AuditPage
	admin.ok(base+"/audit", &log)
	seen := map[string]bool{}
	for _, e := range log.Items {
		seen[e.Action] = true
	}
	for _, want := range []string{"work.moved", "work.assigned", "work.removed", "agent.forced", "agent.changed", "agent.deleted", "queue.changed", "queue.deleted"} {
		if !seen[want] {
			t.Errorf("no audit row %s", want)
		}
	}
	if _, _, err := h.VerifyAudit(context.Background()); err != nil {
		t.Error(err)
	}
}

func TestCalendarsAndBadSettings(t *testing.T) {
	t.Parallel()
	h, _ := openQueues(t)
	admin := h.as(RoleAdmin)
	office := object{"name": "office", "zone": "Asia/Shanghai", "week": object{"monday": []object{{"from": "09:00", "to": "18:00"}}}, "days": []object{}}
	admin.want(http.StatusNoContent, http.MethodPut, "/calendars/office", office)
	ical := "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART;VALUE=DATE:20261001\nDTEND;VALUE=DATE:20261008\nSUMMARY:国庆节\nEND:VEVENT\nEND:VCALENDAR\n"
	var done Imported
	admin.want(http.StatusOK, http.MethodPost, "/calendars/office/holidays", object{"ical": ical}).into(t, &done)
	if done.Added != 7 {
		t.Errorf("imported: %+v", done)
	}
	admin.want(http.StatusOK, http.MethodPost, "/calendars/office/holidays", object{"ical": ical}).into(t, &done)
	if done.Added != 0 || done.Kept != 7 {
		t.Errorf("imported again: %+v", done)
	}
	// Both changes are versions; the first one comes back, and what was imported with it is gone.
	var versions SettingList[queue.Calendar]
	admin.ok(base+"/settings/calendars/office/versions", &versions)
	if v := versions.Items; len(v) != 2 || v[0].Version != 2 || v[0].Live != 2 || len(v[0].Doc.Days) != 7 || len(v[1].Doc.Days) != 0 || v[1].Doc.Zone != "Asia/Shanghai" || v[0].Author == "" {
		t.Errorf("versions: %+v", v)
	}
	admin.want(http.StatusNoContent, http.MethodPost, "/settings/calendars/office/live", object{"version": 1})
	admin.want(http.StatusNotFound, http.MethodPost, "/settings/calendars/office/live", object{"version": 9})
	admin.want(http.StatusNotFound, http.MethodGet, "/settings/calendars/none/versions", nil)
	var now CalendarList
	admin.ok(base+"/calendars", &now)
	if admin.ok(base+"/settings/calendars/office/versions", &versions); len(now.Items) != 1 || len(now.Items[0].Days) != 0 || versions.Items[0].Live != 1 || len(versions.Items) != 2 {
		t.Errorf("rolled back: %+v, %+v", now.Items, versions.Items)
	}
	admin.want(http.StatusNoContent, http.MethodPut, "/queues/q", object{"id": "q", "calendar": "office"})
	admin.want(http.StatusConflict, http.MethodDelete, "/calendars/office", nil)
	for path, body := range map[string]object{
		"/queues/q":         {"id": "q", "ring_time": "soon"},
		"/queues/r":         {"id": "q"},
		"/queues/Big":       {"id": "Big"},
		"/queues/m":         {"id": "m", "members": []object{{"user": "nobody"}}},
		"/queues/w":         {"id": "w", "wrap_up": object{"mode": "fixed"}},
		"/calendars/office": {"name": "office", "zone": "Nowhere/City", "week": object{}, "days": []object{}},
		"/skills/No%20Name": {"label": "x"},
		"/queues/x":         {"id": "x", "colour": "red"},
	} {
		if a := admin.do(http.MethodPut, base+path, body); a.status != http.StatusUnprocessableEntity || problemOf(t, a) == "" {
			t.Errorf("PUT %s %v: %s", path, body, a)
		}
	}
	admin.want(http.StatusUnprocessableEntity, http.MethodPost, "/calendars/office/holidays", object{"ical": "hello"})
	admin.want(http.StatusNotFound, http.MethodPost, "/calendars/none/holidays", object{"ical": ical})
	admin.want(http.StatusNotFound, http.MethodPut, "/agents/999999", object{})
	admin.want(http.StatusNotFound, http.MethodDelete, "/skills/none", nil)
}
