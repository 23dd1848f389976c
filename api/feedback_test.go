package api

import (
	"context"
	"encoding/csv"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/feedback"
	"tingxin/pg"
)

// withFeedback gives the server feedback whose messages always arrive.
func withFeedback(t *testing.T) func(*Config, *Parts) {
	return func(_ *Config, p *Parts) {
		f, err := feedback.NewService(feedback.Config{}, feedback.Parts{DB: p.DB, Bus: p.Bus, Tickets: p.Tickets, Ways: []feedback.Way{openWay{}}, Now: p.Now}, slog.New(slog.DiscardHandler))
		must(t, err)
		p.Feedback = f
	}
}

type openWay struct{}

func (openWay) Name() string                                            { return "chat" }
func (openWay) Carry(context.Context, *feedback.Letter) (string, error) { return "", nil }

func TestCasesByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	lead, agent := h.as(RoleSupervisor), h.as(RoleAgent)
	var added FeedbackAdded
	a := agent.do(http.MethodPost, base+"/feedback", map[string]any{"kind": "csat", "score": 1, "text": "=SUM(1)", "reason": "ticket:1001", "key": "one"})
	if a.status != http.StatusCreated {
		t.Fatal(a)
	}
	a.into(t, &added)
	if added.Case == 0 || added.Ref != added.Case.Ref() {
		t.Fatalf("%+v", added)
	}
	if a := agent.do(http.MethodPost, base+"/feedback", map[string]any{"kind": "csat", "score": 5, "reason": "ticket:1001"}); a.status != http.StatusConflict {
		t.Errorf("rated twice: %s", a)
	}
	path := fmt.Sprintf("%s/cases/%d", base, added.Case)
	// An agent sees own cases only.
	if a := agent.get(path); a.status != http.StatusNotFound {
		t.Errorf("another's case: %s", a)
	}
	if a := agent.do(http.MethodPost, path+"/move", map[string]any{"to": "contacted"}); a.status != http.StatusNotFound {
		t.Errorf("another's case moved: %s", a)
	}
	var page CasePage
	agent.ok(base+"/cases", &page)
	if len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
	lead.ok(base+"/cases?owner=nobody", &page)
	if len(page.Items) != 1 || page.Items[0].NextKind != "acknowledge" {
		t.Fatalf("%+v", page)
	}
	owner, err := pg.Row(t.Context(), h.db, pgx.RowTo[int64], `select id from users where username = 'agent2'`)
	must(t, err)
	if a := lead.do(http.MethodPatch, path, map[string]any{"owner": owner, "version": page.Items[0].Version}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	if a := lead.do(http.MethodPatch, path, map[string]any{"product": "kettle", "version": 1}); a.status != http.StatusConflict {
		t.Errorf("an old version: %s", a)
	}
	if a := agent.do(http.MethodPatch, path, map[string]any{"owner": 0}); a.status != http.StatusForbidden {
		t.Errorf("an agent gave a case away: %s", a)
	}
	for _, step := range []struct {
		path   string
		body   map[string]any
		status int
	}{
		{"/messages", map[string]any{"text": "We called.", "way": "call"}, 200},
		{"/move", map[string]any{"to": "cause_found"}, 422},
		{"/move", map[string]any{"to": "cause_found", "cause": "none-such"}, 422},
		{"/move", map[string]any{"to": "cause_found", "cause": "product-defect"}, 200},
		{"/move", map[string]any{"to": "closed"}, 409},
		{"/move", map[string]any{"to": "fixed", "note": "new kettle sent"}, 200},
		{"/messages", map[string]any{"text": "A new one is on its way."}, 200},
	} {
		if a := agent.do(http.MethodPost, path+step.path, step.body); a.status != step.status {
			t.Errorf("%s %v: %s", step.path, step.body, a)
		}
	}
	must(t, h.parts.Feedback.Tend(t.Context()))
	var d CaseDetail
	agent.ok(path, &d)
	if d.Case.State != feedback.Told || len(d.Feedback) != 1 || len(d.Clocks) != 3 || len(d.Moves) != 1 || len(d.Messages) != 4 {
		t.Errorf("%+v", d)
	}
	if a := agent.do(http.MethodPost, path+"/answer", map[string]any{"score": 5}); a.status != http.StatusConflict {
		t.Errorf("answered before the question: %s", a)
	}
	var sum feedback.Summary
	lead.ok(base+"/feedback/summary", &sum)
	if sum.CSAT[0] != 1 {
		t.Errorf("%+v", sum)
	}
	var counts CaseCounts
	lead.ok(base+"/cases/counts", &counts)
	if counts.All[feedback.Told] != 1 {
		t.Errorf("%+v", counts)
	}
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from audit where action like 'case.%'`).Scan(&n))
	if n != 5 {
		t.Errorf("%d audit rows, want one for each act that was done", n)
	}
}

func TestCausesByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAdmin)
	put := func(code string, body map[string]any) int {
		body["label_zh"], body["label_en"] = "原因", "=cause"
		return b.do(http.MethodPut, base+"/causes/"+code, body).status
	}
	for _, tc := range []struct {
		code string
		body map[string]any
		want int
	}{
		{"process-tax", map[string]any{"area": "process", "parent": "process"}, 200},
		{"process-tax-eu", map[string]any{"area": "process", "parent": "process-tax"}, 200},
		{"process-tax", map[string]any{"area": "process", "parent": "process-tax-eu"}, 422},
		{"process-tax", map[string]any{"area": "agent"}, 422},
		{"lost", map[string]any{"area": "process", "parent": "nowhere"}, 422},
		{"Bad Name", map[string]any{"area": "process"}, 422},
	} {
		if got := put(strings.ReplaceAll(tc.code, " ", "%20"), tc.body); got != tc.want {
			t.Errorf("%s %v: %d, want %d", tc.code, tc.body, got, tc.want)
		}
	}
	var c feedback.Case
	a := b.do(http.MethodPost, base+"/cases", map[string]any{"title": "tax on a letter", "language": "en"})
	a.into(t, &c)
	path := base + "/cases/" + strconv.FormatInt(int64(c.ID), 10)
	if a := b.do(http.MethodPatch, path, map[string]any{"cause": "process-tax-eu", "product": "=kettle"}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	var page CasePage
	b.ok(base+"/cases?cause=process", &page) // one below it
	if len(page.Items) != 1 {
		t.Errorf("%+v", page)
	}
	b.ok(base+"/cases?cause=agent", &page)
	if len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(b.get(base+"/reports/causes.csv").body), "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][3] != "'=cause" || rows[1][4] != "'=kettle" || rows[1][6] != "1" {
		t.Errorf("%v %q", err, rows)
	}
	if a := h.as(RoleAgent).get(base + "/reports/causes"); a.status != http.StatusForbidden {
		t.Errorf("%s", a)
	}
}
