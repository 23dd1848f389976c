package api

import (
	"fmt"
	"net/http"
	"testing"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin := h.as(RoleAdmin)
	add := func(name, secret string, role Role) answer {
		return admin.do(http.MethodPost, base+"/users", map[string]any{"username": name, "password": secret, "role": role, "name": "Lin"})
	}
	a := add("Lin", password, RoleAgent)
	var lin User
	a.into(t, &lin)
	if a.status != http.StatusCreated || lin.Username != "lin" || lin.Role != RoleAgent || lin.ID == "" {
		t.Fatalf("add: %s", a)
	}
	for name, bad := range map[string]struct {
		answer
		status int
	}{
		"same name":   {add("lin", password, RoleAgent), http.StatusConflict},
		"short":       {add("zoe", "short", RoleAgent), http.StatusUnprocessableEntity},
		"role":        {add("zoe", password, "king"), http.StatusUnprocessableEntity},
		"name":        {add("a b", password, RoleAgent), http.StatusUnprocessableEntity},
		"nobody":      {admin.do(http.MethodPatch, base+"/users/999", map[string]any{"name": "x"}), http.StatusNotFound},
		"no id":       {admin.do(http.MethodPatch, base+"/users/x", map[string]any{"name": "x"}), http.StatusUnprocessableEntity},
		"extra field": {admin.do(http.MethodPatch, base+"/users/"+lin.ID, map[string]any{"nme": "x"}), http.StatusUnprocessableEntity},
	} {
		if bad.answer.status != bad.status {
			t.Errorf("%s: %s, want %d", name, bad.answer, bad.status)
		}
	}
	b := h.browser()
	b.signIn("lin", password)
	patch := func(change map[string]any) answer {
		return admin.do(http.MethodPatch, base+"/users/"+lin.ID, change)
	}
	if a := patch(map[string]any{"name": "Lin Mei", "language": "zh"}); a.status != http.StatusOK || b.get(base+"/session").status != http.StatusOK {
		t.Errorf("rename: %s", a)
	}
	if a := patch(map[string]any{"role": "supervisor"}); a.status != http.StatusOK || b.get(base+"/session").status != http.StatusUnauthorized {
		t.Errorf("a new role ends the session: %s", a)
	}
	if a := patch(map[string]any{"disabled": true}); a.status != http.StatusOK || b.signIn("lin", password).status != http.StatusUnauthorized {
		t.Errorf("lock: %s", a)
	}
	if a := patch(map[string]any{"disabled": false, "password": "another long one"}); a.status != http.StatusOK || b.signIn("lin", "another long one").status != http.StatusOK {
		t.Errorf("new password: %s", a)
	}
	var all UserList
	admin.ok(base+"/users", &all)
	if len(all.Items) != 2 || all.Items[1].Name != "Lin Mei" || all.Items[1].Language != "zh" {
		t.Errorf("list: %+v", all)
	}
}

func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin := h.as(RoleAdmin)
	var v SessionView
	admin.ok(base+"/session", &v)
	for _, change := range []map[string]any{{"role": "agent"}, {"disabled": true}} {
		if a := admin.do(http.MethodPatch, base+"/users/"+v.User.ID, change); a.status != http.StatusConflict {
			t.Errorf("%v: %s", change, a)
		}
	}
	second := h.user("second", RoleAdmin)
	if a := admin.do(http.MethodPatch, base+"/users/"+second.ID, map[string]any{"role": "agent"}); a.status != http.StatusOK {
		t.Errorf("one of two: %s", a)
	}
	if fmt.Sprint(h.audited("user.changed")) != "1" {
		t.Error("refused changes were written down, or the good one was not")
	}
}
