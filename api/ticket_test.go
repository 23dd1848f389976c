package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tingxin/ticket"
)

func (b *browser) makeTicket(body map[string]any) ticket.Ticket {
	b.t.Helper()
	a := b.do(http.MethodPost, base+"/tickets", body)
	if a.status != http.StatusCreated {
		b.t.Fatal(a)
	}
	var t ticket.Ticket
	a.into(b.t, &t)
	return t
}

func TestTicketsByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	k := b.makeTicket(map[string]any{"type": "refund", "subject": "Refund of order 2025", "fields": map[string]any{"order": "A2025"}, "tags": []string{"Gold"}})
	path := fmt.Sprintf("%s/tickets/%d", base, k.ID)
	if a := b.do(http.MethodPost, path+"/comments", map[string]any{"body": "We look into it.", "public": true}); a.status != http.StatusCreated {
		t.Fatal(a)
	}
	var d TicketDetail
	b.ok(path, &d)
	if d.Ticket.State != ticket.Open || len(d.Comments) != 1 || len(d.Clocks) < 2 || len(d.Moves) == 0 || string(d.Ticket.Fields["order"]) != `"A2025"` {
		t.Errorf("%+v", d)
	}
	if a := b.do(http.MethodPatch, path, map[string]any{"version": 1, "priority": "urgent"}); a.status != http.StatusConflict {
		t.Errorf("a change of an old version: %s", a)
	}
	if a := b.do(http.MethodPatch, path, map[string]any{"version": d.Ticket.Version, "priority": "urgent", "state": "resolved"}); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	var page TicketPage
	b.ok(base+"/tickets?q=refund&state=resolved&priority=urgent,high", &page)
	if len(page.Items) != 1 || page.Items[0].ID != k.ID {
		t.Errorf("%+v", page)
	}
	b.ok(base+"/tickets?assignee=me", &page)
	if len(page.Items) != 0 {
		t.Errorf("mine: %+v", page)
	}
	var trail TicketTrail
	b.ok(path+"/trail", &trail)
	if len(trail.Items) != 3 {
		t.Errorf("%+v", trail)
	}
	other := b.makeTicket(map[string]any{"type": "question", "subject": "the same"})
	if a := b.do(http.MethodPut, fmt.Sprintf("%s/links/%d", path, other.ID), map[string]any{"kind": "duplicate"}); a.status != http.StatusNoContent {
		t.Error(a)
	}
	if a := b.do(http.MethodPost, fmt.Sprintf("%s/tickets/%d/merge", base, other.ID), map[string]any{"into": k.ID}); a.status != http.StatusOK {
		t.Error(a)
	}
	if a := b.do(http.MethodPost, fmt.Sprintf("%s/tickets/%d/unmerge", base, other.ID), map[string]any{}); a.status != http.StatusOK {
		t.Error(a)
	}
	for name, tc := range map[string]struct {
		method, path string
		body         map[string]any
		status       int
	}{
		"no such ticket": {http.MethodGet, base + "/tickets/7", nil, http.StatusNotFound},
		"no number":      {http.MethodGet, base + "/tickets/abc", nil, http.StatusUnprocessableEntity},
		"no such type":   {http.MethodPost, base + "/tickets", map[string]any{"type": "x", "subject": "x"}, http.StatusUnprocessableEntity},
		"bad field":      {http.MethodPost, base + "/tickets", map[string]any{"type": "refund", "subject": "x", "fields": map[string]any{"amount": "x"}}, http.StatusUnprocessableEntity},
		"bad move":       {http.MethodPatch, path, map[string]any{"state": "pending_third"}, http.StatusConflict},
		"no contact":     {http.MethodPost, base + "/tickets", map[string]any{"type": "question", "subject": "x", "contact": 99}, http.StatusNotFound},
		"bad cursor":     {http.MethodGet, base + "/tickets?cursor=x", nil, http.StatusBadRequest},
		"type by agent":  {http.MethodPut, base + "/ticket-types/x", map[string]any{"label_zh": "x", "label_en": "x"}, http.StatusForbidden},
		"csv by agent":   {http.MethodGet, base + "/tickets.csv", nil, http.StatusForbidden},
	} {
		if a := b.do(tc.method, tc.path, tc.body); a.status != tc.status {
			t.Errorf("%s: %s, want %d", name, a, tc.status)
		}
	}
}

func TestTicketsAsCSVHoldNoFormulas(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleSupervisor)
	b.makeTicket(map[string]any{"type": "question", "subject": `=HYPERLINK("http://x","y")`})
	a := b.get(base + "/tickets.csv")
	in := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(a.body), "\ufeff")))
	in.FieldsPerRecord = -1
	rows, err := in.ReadAll()
	if err != nil || len(rows) != 3 || !strings.HasPrefix(rows[1][2], "'=") || rows[2][0] != "# tingxin tickets" || !strings.Contains(rows[2][1], "supervisor") {
		t.Errorf("%v %q", err, rows)
	}
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from audit where action = 'tickets.exported'`).Scan(&n))
	if n != 1 {
		t.Errorf("%d audit rows", n)
	}
}

func TestPromisesByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAdmin)
	body := map[string]any{"ord": 0, "filter": map[string]any{"types": []string{"fault"}}, "targets": map[string]any{"low": map[string]any{"first_human": "15m"}}}
	if a := b.do(http.MethodPut, base+"/sla-policies/faults", body); a.status != http.StatusOK {
		t.Fatal(a)
	}
	k := b.makeTicket(map[string]any{"type": "fault", "subject": "dead"})
	var d TicketDetail
	b.ok(fmt.Sprintf("%s/tickets/%d", base, k.ID), &d)
	if len(d.Clocks) != 1 || d.Clocks[0].TargetMS != 15*60*1000 || d.Clocks[0].Policy != "faults" {
		t.Errorf("%+v", d.Clocks)
	}
	for name, bad := range map[string]map[string]any{
		"a second":    {"ord": 1, "filter": map[string]any{}, "targets": map[string]any{"low": map[string]any{"next": "1s"}}},
		"no kind":     {"ord": 1, "filter": map[string]any{}, "targets": map[string]any{"low": map[string]any{"tea": "1h"}}},
		"no calendar": {"ord": 1, "filter": map[string]any{}, "targets": map[string]any{"low": map[string]any{"next": "1h"}}, "calendar": "none"},
		"nothing":     {"ord": 1, "filter": map[string]any{}, "targets": map[string]any{}},
	} {
		if a := b.do(http.MethodPut, base+"/sla-policies/bad", bad); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := b.do(http.MethodDelete, base+"/sla-policies/faults", nil); a.status != http.StatusNoContent {
		t.Error(a)
	}
}
