package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/outbound"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/rules"
	"tingxin/rules/plan"
	"tingxin/ticket"
)

// plansRuntime hands changed plans to the rules, as cmd/pbx does.
type plansRuntime struct {
	filedRuntime
	rules *rules.Service
}

func (r *plansRuntime) Use(_ context.Context, s *admin.Settings) error {
	b := rules.Book{Rules: map[string]*plan.Rule{}, Macros: map[string]*plan.Macro{}, Templates: map[string]*plan.Template{}, Targets: map[string]*plan.Target{}}
	for name, d := range s.Rules {
		b.Rules[name] = (*plan.Rule)(d)
	}
	for name, d := range s.Macros {
		b.Macros[name] = (*plan.Macro)(d)
	}
	for name, d := range s.Templates {
		b.Templates[name] = (*plan.Template)(d)
	}
	for name, d := range s.Webhooks {
		b.Targets[name] = (*plan.Target)(d)
	}
	r.rules.Use(b)
	return nil
}

// From a document in the settings to a ticket that a rule has changed, a macro that was seen, run and
// taken back, and letters that were sent.
func TestPlansFromSettingToAct(t *testing.T) {
	t.Parallel()
	const secret = "whsec_tingxin_test"
	var letters, wrong atomic.Int64
	program := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		if body, _ := io.ReadAll(q.Body); outbound.Verify(secret, q.Header.Get(outbound.Header), body, time.Now()) != nil {
			wrong.Add(1)
		}
		letters.Add(1)
	}))
	defer program.Close()
	db, r := pgtest.New(t), &plansRuntime{}
	h := openWith(t, db, func(_ *Config, p *Parts) {
		quiet := slog.New(slog.DiscardHandler)
		vault, err := admin.NewVault([]byte(strings.Repeat("k", 32)))
		must(t, err)
		p.Rules, err = rules.New(rules.Config{Private: []string{"127.0.0.0/8"}}, rules.Parts{DB: db, Bus: p.Bus, Jobs: pg.NewJobs(db, quiet), Tickets: p.Tickets}, quiet)
		must(t, err)
		r.rules = p.Rules
		p.Setup = &Setup{Service: admin.NewService(admin.NewStore(db, vault), r, quiet)}
	})
	defer r.rules.Close()
	b, agent := h.as(RoleAdmin), h.as(RoleAgent)

	a := b.want(422, http.MethodPut, "/settings/rules/bad", object{"doc": object{"when": []string{"ticket.created"}, "if": object{"field": "message.text", "op": "contains", "value": "x"}, "then": []object{{"do": "note"}}}})
	for _, part := range []string{`"location":"body.doc.if"`, `"location":"body.doc.then[0].text"`} {
		if !strings.Contains(string(a.body), part) {
			t.Errorf("no %s in %s", part, a)
		}
	}
	b.want(200, http.MethodPut, "/settings/rules/refunds", object{"doc": object{"when": []string{"ticket.created"}, "if": object{"field": "ticket.text", "op": "contains", "value": []string{"退款"}}, "then": []object{{"do": "priority", "priority": "high"}}}})
	b.want(200, http.MethodPut, "/settings/macros/take", object{"doc": object{"label": "Take it", "for": []string{"ticket"}, "actions": []object{{"do": "assign", "user": "me"}}}})
	b.want(200, http.MethodPut, "/settings/ticket-templates/refund", object{"doc": object{"label_zh": "退款", "label_en": "Refund", "type": "refund", "subject": "退款", "tags": []string{"pattern"}}})
	b.want(200, http.MethodPut, "/settings/webhooks/crm", object{"doc": object{"url": program.URL, "secret": secret, "events": []string{"ticket.created"}}})
	if a := b.want(200, http.MethodGet, "/settings/webhooks", nil); strings.Contains(string(a.body), secret) {
		t.Error("the secret is told")
	}

	made := agent.want(201, http.MethodPost, "/ticket-templates/refund/tickets", object{"body": "of order 17"})
	var k ticket.Ticket
	made.into(t, &k)
	if k.Subject != "退款" || k.Type != "refund" || k.Source != "agent" || k.Tags[0] != "pattern" {
		t.Errorf("from the template: %s", made)
	}
	must(t, r.rules.Work(t.Context()))
	if letters.Load() != 1 || wrong.Load() != 0 {
		t.Errorf("%d letters, %d wrong", letters.Load(), wrong.Load())
	}
	var runs RunPage
	b.ok(base+"/rules/runs", &runs)
	if len(runs.Items) != 1 || runs.Items[0].Name != "refunds" || runs.Items[0].ObjectID != fmt.Sprint(k.ID) || runs.Items[0].Steps[0].Result != rules.Same { // the type is high already
		t.Errorf("runs: %+v", runs)
	}
	trial := b.want(200, http.MethodPost, "/rules/refunds/trial", object{"doc": object{"when": []string{"ticket.created"}, "then": []object{{"do": "priority", "priority": "low"}}}})
	if !strings.Contains(string(trial.body), `"matched":1`) {
		t.Errorf("trial: %s", trial)
	}

	on := []object{{"kind": "ticket", "id": fmt.Sprint(k.ID)}}
	b.want(200, http.MethodPut, "/settings/macros/boss", object{"doc": object{"label": "Boss", "role": "supervisor", "for": []string{"ticket"}, "actions": []object{{"do": "assign", "user": "me"}}}})
	var macros MacroList
	agent.ok(base+"/macros?kind=ticket", &macros)
	if len(macros.Items) != 1 || macros.Items[0].Name != "take" {
		t.Errorf("macros: %+v", macros)
	}
	agent.want(404, http.MethodPost, "/macros/none/run", object{"objects": on})
	for _, role := range []Role{RoleSenior, RoleEditor} { // they stand beside agents, not above
		h.as(role).ok(base+"/macros?kind=ticket", &macros)
		if len(macros.Items) != 1 {
			t.Errorf("macros of %s: %+v", role, macros)
		}
		h.as(role).want(404, http.MethodPost, "/macros/boss/run", object{"objects": on})
	}
	if a := agent.want(200, http.MethodPost, "/macros/take/run", object{"objects": on, "dry": true}); !strings.Contains(string(a.body), `"result":"would"`) {
		t.Errorf("preview: %s", a)
	}
	var did MacroRuns
	agent.want(200, http.MethodPost, "/macros/take/run", object{"objects": on}).into(t, &did)
	if len(did.Items) != 1 || did.Items[0].Steps[0].Result != rules.Done {
		t.Fatalf("run: %+v", did)
	}
	agent.want(200, http.MethodPost, fmt.Sprintf("/macro-runs/%d/undo", did.Items[0].ID), nil)
	agent.want(409, http.MethodPost, fmt.Sprintf("/macro-runs/%d/undo", did.Items[0].ID), nil)

	var sent DeliveryPage
	b.ok(base+"/webhooks/deliveries?target=crm&state=sent", &sent)
	if len(sent.Items) != 1 || sent.Items[0].Status != 200 {
		t.Fatalf("deliveries: %+v", sent)
	}
	if a := b.want(200, http.MethodPost, "/webhooks/crm/replay", object{"ids": []int64{sent.Items[0].ID}}); !strings.Contains(string(a.body), `"letters":1`) {
		t.Errorf("replay: %s", a)
	}
	must(t, r.rules.Work(t.Context()))
	if a := b.want(200, http.MethodPost, "/webhooks/crm/test", nil); !strings.Contains(string(a.body), `"ok":true`) || letters.Load() != 3 {
		t.Errorf("test: %s, %d letters", a, letters.Load())
	}
	for _, path := range []string{"/webhooks/deliveries", "/rules/runs", "/rules/vocabulary", "/settings/rules"} {
		if a := agent.get(base + path); a.status != http.StatusForbidden {
			t.Errorf("an agent reads %s: %s", path, a)
		}
	}
	actions, err := pg.Rows(t.Context(), h.db, pgx.RowTo[string], `select action from audit where action like 'macro.%' or action like 'webhook.%' or action like 'rule.%' order by id`)
	must(t, err)
	if got := strings.Join(actions, " "); got != "rule.added macro.added webhook.added macro.added macro.run macro.undone webhook.replayed webhook.tested" {
		t.Errorf("audit: %s", got)
	}
}

func TestTicketViewsAreKeptAndCounted(t *testing.T) {
	t.Parallel()
	h := open(t)
	lead, agent := h.as(RoleSupervisor), h.as(RoleAgent)
	for range 3 {
		agent.want(201, http.MethodPost, "/tickets", object{"type": "refund", "subject": "x"})
	}
	agent.want(422, http.MethodPost, "/ticket-views", object{"name": "bad", "filter": object{"priorities": []string{"huge"}}})
	agent.want(403, http.MethodPost, "/ticket-views", object{"name": "all", "shared": true, "filter": object{}})
	lead.want(201, http.MethodPost, "/ticket-views", object{"name": "refunds", "shared": true, "filter": object{"types": []string{"refund"}}})
	agent.want(201, http.MethodPost, "/ticket-views", object{"name": "mine", "filter": object{"assignee": "me"}})
	var views TicketViewList
	agent.ok(base+"/ticket-views", &views)
	if len(views.Items) != 2 || views.Items[0].Name != "refunds" || views.Items[0].Count != 3 || views.Items[1].Count != 0 {
		t.Fatalf("%+v", views)
	}
	agent.want(404, http.MethodDelete, fmt.Sprintf("/ticket-views/%d", views.Items[0].ID), nil)
	agent.want(204, http.MethodDelete, fmt.Sprintf("/ticket-views/%d", views.Items[1].ID), nil)
	lead.ok(base+"/ticket-views", &views)
	if len(views.Items) != 1 {
		t.Errorf("a supervisor sees %+v", views)
	}
}
