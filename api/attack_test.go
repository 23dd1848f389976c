package api

import (
	"net/http"
	"net/url"
	"strconv"
	"testing"
)

// A session begins with a name of ours: one that the browser brings along is none, before and after signing in.
func TestSessionsAreNotFixed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	b := h.browser()
	u, err := url.Parse(h.url)
	must(t, err)
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: "chosen-by-somebody-else", Path: "/"}})
	b.want(http.StatusUnauthorized, http.MethodGet, "/session", nil)
	if a := b.signIn("mei", password); a.status != http.StatusOK {
		t.Fatal(a)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if c.Name == cookieName && (c.Value == "chosen-by-somebody-else" || len(c.Value) < 40) {
			t.Errorf("the session is called %q", c.Value)
		}
	}
	thief := h.browser()
	thief.http.Jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: "chosen-by-somebody-else", Path: "/"}})
	thief.want(http.StatusUnauthorized, http.MethodGet, "/session", nil)
	// A second sign-in is another session, and the first stays what it was.
	first := b.http.Jar.Cookies(u)[0].Value
	b.signIn("mei", password)
	if second := b.http.Jar.Cookies(u)[0].Value; second == first {
		t.Error("two sign-ins are one session")
	}
}

// What an operation does not know is refused, so that nothing is set beside what it means to set.
func TestNothingIsSetBeside(t *testing.T) {
	t.Parallel()
	h := open(t)
	agent, admin := h.as(RoleAgent), h.as(RoleAdmin)
	k := agent.makeTicket(map[string]any{"type": "question", "subject": "x"})
	ticket := base + "/tickets/" + strconv.FormatInt(int64(k.ID), 10)
	for name, c := range map[string]struct {
		who          *browser
		method, path string
		body         map[string]any
	}{
		"a role with a password": {agent, http.MethodPost, base + "/session/password", map[string]any{"old": password, "new": "another long password", "role": "admin"}},
		"who made a ticket":      {agent, http.MethodPatch, ticket, map[string]any{"subject": "y", "created_by": "admin"}},
		"an id":                  {agent, http.MethodPost, base + "/contacts", map[string]any{"name": "x", "id": 7}},
		"a hash":                 {admin, http.MethodPost, base + "/users", map[string]any{"username": "u", "password": "another long password", "role": "agent", "password_hash": "x"}},
		"who approved a list":    {admin, http.MethodPost, base + "/exports", map[string]any{"noun": "tickets", "query": map[string]any{}, "state": "ready"}},
	} {
		if a := c.who.do(c.method, c.path, c.body); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a)
		}
	}
}
