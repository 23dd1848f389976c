package api

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"tingxin/call"
)

// withLeg gives an ended call a leg of a user.
func (h *house) withLeg(started time.Time, user, queue string) call.Record {
	h.t.Helper()
	r := h.endedCall(started)
	r.ID, r.Queue, r.Agent = newCallID(h.t), queue, user
	must(h.t, h.store.Finish(context.Background(), r, []call.LegRecord{
		{CallID: r.ID, N: 1, Side: call.SideCaller, Role: call.RoleCaller, StartedAt: started},
		{CallID: r.ID, N: 2, Side: call.SideAgent, Role: call.RoleAgent, User: user, StartedAt: started.Add(time.Second)}}))
	return r
}

func TestWrapUp(t *testing.T) {
	h := open(t)
	events := h.bus.Subscribe(64)
	boss, anna, bert := h.as(RoleAdmin), h.as(RoleAgent), h.as(RoleAgent)
	r := h.withLeg(h.now().Add(-time.Hour), "agent2", "")
	path := base + "/calls/" + r.ID + "/wrap-up"
	body := map[string]any{"disposition": "solved", "notes": " the kettle goes back ", "tags": []string{"kettle", "kettle", " refund "}, "follow_up_at": h.now().Add(time.Hour)}
	for name, c := range map[string]struct {
		who  *browser
		path string
		body map[string]any
		want int
	}{
		"not a party":            {bert, path, body, http.StatusForbidden},
		"a call that is not":     {boss, base + "/calls/" + newCallID(t) + "/wrap-up", body, http.StatusNotFound},
		"unknown disposition":    {anna, path, map[string]any{"disposition": "nope"}, http.StatusUnprocessableEntity},
		"notes beyond the limit": {anna, path, map[string]any{"notes": strings.Repeat("字", 8001)}, http.StatusUnprocessableEntity},
		"a long tag":             {anna, path, map[string]any{"tags": []string{strings.Repeat("a", 65)}}, http.StatusUnprocessableEntity},
		"her own":                {anna, path, body, http.StatusOK},
		"again":                  {anna, path, body, http.StatusOK},
	} {
		if a := c.who.do(http.MethodPut, c.path, c.body); a.status != c.want {
			t.Errorf("%s: %s, want %d", name, a, c.want)
		}
	}
	var d CallDetail
	bert.ok(base+"/calls/"+r.ID, &d)
	if len(d.WrapUps) != 1 || d.WrapUps[0].By != "agent2" || d.WrapUps[0].Notes != "the kettle goes back" || len(d.WrapUps[0].Tags) != 2 || d.Disposition != "solved" || d.WrapUps[0].FollowUpAt == nil {
		t.Errorf("call %+v", d)
	}
	var told call.WrapUpItem
	for told.By == "" {
		select {
		case e := <-events.C:
			told, _ = e.Data.(call.WrapUpItem)
		default:
			t.Fatal("no call.wrapped_up")
		}
	}
	if told.Disposition != "solved" {
		t.Errorf("told %+v", told)
	}
	var due FollowUpList
	anna.ok(base+"/follow-ups", &due)
	if len(due.Items) != 1 || due.Items[0].CallID != r.ID {
		t.Errorf("follow-ups %+v", due)
	}
	if a := bert.get(base + "/follow-ups?agent=all"); a.status != http.StatusForbidden {
		t.Errorf("everybody's follow-ups: %s", a)
	}
	boss.ok(base+"/follow-ups?agent=all", &due)
	if len(due.Items) != 1 {
		t.Errorf("follow-ups %+v", due)
	}
	var log AuditPage
	boss.ok(base+"/audit", &log)
	if log.Items[0].Action != "call.wrapped_up" || log.Items[0].Subject != "call:"+r.ID || strings.Contains(string(boss.get(base+"/audit").body), "kettle") {
		t.Errorf("audit %+v", log.Items[0])
	}
}

func TestOwnCallsOfToday(t *testing.T) {
	h := open(t)
	anna := h.as(RoleAgent)
	old, now, other := h.withLeg(h.now().Add(-26*time.Hour), "agent1", ""), h.withLeg(h.now().Add(-time.Hour), "agent1", ""), h.withLeg(h.now().Add(-time.Minute), "bert", "")
	if a := anna.do(http.MethodPut, base+"/calls/"+now.ID+"/wrap-up", map[string]any{"disposition": "other"}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	for query, want := range map[string][]string{
		"agent=me": {now.ID, old.ID},
		"agent=me&since=" + h.now().Add(-24*time.Hour).UTC().Format(time.RFC3339): {now.ID},
		"agent=bert":        {other.ID},
		"disposition=other": {now.ID},
		"agent=nobody":      {},
	} {
		var page CallPage
		anna.ok(base+"/calls?"+query, &page)
		ids := []string{}
		for _, it := range page.Items {
			ids = append(ids, it.ID)
			if it.ID == now.ID && it.Disposition != "other" {
				t.Errorf("%s: item %+v", query, it)
			}
		}
		if strings.Join(ids, " ") != strings.Join(want, " ") {
			t.Errorf("%s: %v, want %v", query, ids, want)
		}
	}
}

func TestDispositions(t *testing.T) {
	h := open(t)
	boss, anna := h.as(RoleAdmin), h.as(RoleAgent)
	if a := boss.do(http.MethodPut, base+"/queues/support", map[string]any{"name": "Support"}); a.status/100 != 2 {
		if _, err := h.db.Exec(context.Background(), `insert into queues (id, settings) values ('support', '{}')`); err != nil {
			t.Fatal(err)
		}
	}
	put := func(who *browser, code string, body map[string]any, want int) {
		t.Helper()
		if a := who.do(http.MethodPut, base+"/dispositions/"+code, body); a.status != want {
			t.Errorf("%s: %s, want %d", code, a, want)
		}
	}
	body := map[string]any{"name_zh": "换货", "name_en": "Exchange", "queues": []string{"support"}, "order": 1}
	put(anna, "exchange", body, http.StatusForbidden)
	put(boss, "Ex change", body, http.StatusUnprocessableEntity)
	put(boss, "exchange", map[string]any{"name_zh": "换货", "name_en": "Exchange", "queues": []string{"nowhere"}}, http.StatusNotFound)
	put(boss, "exchange", body, http.StatusNoContent)
	put(boss, "wrong_number", map[string]any{"name_zh": "打错", "name_en": "Wrong number", "retired": true}, http.StatusNoContent)
	offered := func(query string) (codes []string) {
		var l DispositionList
		anna.ok(base+"/dispositions"+query, &l)
		for _, d := range l.Items {
			codes = append(codes, d.Code)
		}
		return codes
	}
	if got := strings.Join(offered("?queue=support"), " "); !strings.HasPrefix(got, "exchange solved") || strings.Contains(got, "wrong_number") {
		t.Errorf("of support: %s", got)
	}
	if got := strings.Join(offered(""), " "); strings.Contains(got, "exchange") {
		t.Errorf("of no queue: %s", got)
	}
	if got := strings.Join(offered("?all=true"), " "); !strings.Contains(got, "exchange") || !strings.Contains(got, "wrong_number") {
		t.Errorf("all: %s", got)
	}
	// One that only another queue offers cannot be chosen; one that a record has cannot go.
	mine, foreign := h.withLeg(h.now(), "agent2", "support"), h.withLeg(h.now(), "agent2", "")
	for id, want := range map[string]int{mine.ID: http.StatusOK, foreign.ID: http.StatusUnprocessableEntity} {
		if a := anna.do(http.MethodPut, base+"/calls/"+id+"/wrap-up", map[string]any{"disposition": "exchange"}); a.status != want {
			t.Errorf("%s, want %d", a, want)
		}
	}
	for code, want := range map[string]int{"exchange": http.StatusConflict, "complaint": http.StatusNoContent, "gone": http.StatusNotFound} {
		if a := boss.do(http.MethodDelete, base+"/dispositions/"+code, nil); a.status != want {
			t.Errorf("delete %s: %s, want %d", code, a, want)
		}
	}
}
