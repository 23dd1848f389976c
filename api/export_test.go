package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"tingxin/contact"
)

// A long list waits for a second person, is for the one who asked only, says who took it, and leaves its traces.
func TestListsNeedASecondPerson(t *testing.T) {
	t.Parallel()
	h, _ := withContacts(t, contact.Config{ExportApproval: 3})
	one, two, agent, admin := h.as(RoleSupervisor), h.as(RoleSupervisor), h.as(RoleAgent), h.as(RoleAdmin)
	for range 3 {
		one.makeTicket(map[string]any{"type": "question", "subject": "=cmd()"})
	}
	h.endedCall(h.now())
	ask := func(b *browser, status int, noun string) (v ExportView) {
		t.Helper()
		a := b.want(status, http.MethodPost, "/exports", map[string]any{"noun": noun, "query": map[string]any{}})
		if status == http.StatusCreated {
			a.into(t, &v)
		}
		return v
	}
	if a := one.get(base + "/tickets.csv"); a.status != http.StatusConflict {
		t.Errorf("a long list at once: %s", a)
	}
	ask(agent, http.StatusForbidden, "tickets")
	ask(one, http.StatusForbidden, "audit")
	ask(one, http.StatusServiceUnavailable, "conversations") // there are none here
	v := ask(one, http.StatusCreated, "tickets")
	file, decide := fmt.Sprintf("/exports/%d/file", v.ID), fmt.Sprintf("/exports/%d/decide", v.ID)
	if v.State != contact.ListWaiting || v.Rows != 3 {
		t.Fatalf("%+v", v)
	}
	one.want(http.StatusConflict, http.MethodGet, file, nil)
	one.want(http.StatusForbidden, http.MethodPost, decide, map[string]any{"approve": true})
	two.want(http.StatusOK, http.MethodPost, decide, map[string]any{"approve": true})
	two.want(http.StatusConflict, http.MethodPost, decide, map[string]any{"approve": false})
	two.want(http.StatusNotFound, http.MethodGet, file, nil)
	one.makeTicket(map[string]any{"type": "question", "subject": "later"}) // not among those that were approved
	lines := strings.Split(strings.TrimSpace(string(one.want(http.StatusOK, http.MethodGet, file, nil).body)), "\n")
	if len(lines) != 5 || !strings.Contains(lines[1], ",'=cmd(),") || !strings.HasPrefix(lines[4], fmt.Sprintf("# tingxin tickets %d, supervisor", v.ID)) {
		t.Errorf("%q", lines)
	}
	if v := ask(one, http.StatusCreated, "calls"); v.State != contact.ListReady || v.Rows != 1 {
		t.Errorf("a short list: %+v", v)
	}
	log := ask(admin, http.StatusCreated, "audit")
	var list ExportList
	if one.ok(base+"/exports", &list); len(list.Items) != 2 || list.Approval != 3 {
		t.Errorf("a supervisor sees %+v", list)
	}
	two.want(http.StatusNotFound, http.MethodPost, fmt.Sprintf("/exports/%d/decide", log.ID), map[string]any{"approve": true})
	one.want(http.StatusCreated, http.MethodPost, "/exports", map[string]any{"noun": "tickets", "query": map[string]any{"text": "later"}})
	admin.want(http.StatusOK, http.MethodPut, "/role-rules/supervisor", map[string]any{"reach": map[string]string{}, "hidden": []string{"phone"}})
	ask(one, http.StatusForbidden, "tickets") // neither the list, nor how many there are
	h.later(25 * 60 * 60 * 1e9)
	if _, err := h.Retain(t.Context()); err != nil {
		t.Error(err)
	}
	var sought int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from exports where query ? 'text'`).Scan(&sought))
	if sought != 0 {
		t.Errorf("%d old lists tell what was searched for", sought)
	}
	admin = h.as(RoleAdmin)
	admin.want(http.StatusConflict, http.MethodPost, fmt.Sprintf("/exports/%d/decide", log.ID), map[string]any{"approve": true})
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from audit where action in ('export.requested', 'export.decided', 'export.taken')`).Scan(&n))
	if n != 6 {
		t.Errorf("%d audit rows", n)
	}
}
