package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"tingxin/pg/pgtest"
)

// Every route of the router stands in the access table, and the other way round.
func TestEveryRouteHasItsRole(t *testing.T) {
	t.Parallel()
	h := open(t)
	there := map[string]bool{}
	for _, r := range h.routes {
		there[r.Method+" "+r.Path] = true
		if _, ok := access[r.Method+" "+r.Path]; !ok {
			t.Errorf("%s %s is not in the access table", r.Method, r.Path)
		}
	}
	for route := range access {
		if !there[route] {
			t.Errorf("%s is in the access table but no route", route)
		}
	}
}

// The matrix of routes and roles: who is refused and who comes through.
func TestRolesMatrix(t *testing.T) {
	t.Parallel()
	h := openWith(t, pgtest.New(t), func(_ *Config, p *Parts) { p.Control = &fakeControl{all: true} })
	r := h.endedCall(h.now())
	visitors := map[Role]*browser{public: h.browser(), RoleAgent: h.as(RoleAgent), RoleSupervisor: h.as(RoleSupervisor), RoleAdmin: h.as(RoleAdmin)}
	for route, least := range access {
		method, path, _ := strings.Cut(route, " ")
		if strings.HasSuffix(path, "/realtime") || (method == http.MethodDelete && strings.HasSuffix(path, "/session")) {
			continue // signing out would end the visit; the feed has its own tests
		}
		concrete := strings.ReplaceAll(path, ":id", r.ID)
		if strings.Contains(path, "/users/") {
			concrete = strings.ReplaceAll(path, ":id", "999999")
		}
		for role, b := range visitors {
			a := b.do(method, concrete, nil)
			refused := a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
			want := 0
			switch {
			case role.may(least):
			case role == public:
				want = http.StatusUnauthorized
			default:
				want = http.StatusForbidden
			}
			if want == 0 && refused || want != 0 && a.status != want {
				t.Errorf("%s as %q: %s; want refused with %d", route, role, a, want)
			}
		}
	}
}

func TestUnknownPlaces(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAdmin)
	for _, path := range []string{base + "/nothing", base + "/calls/x/y/z", "/api/v2/calls", base + "/docs", base + "/openapi.yaml", base + "/schemas/User.json"} {
		if a := b.get(path); a.status != http.StatusNotFound || problemOf(t, a) == "" {
			t.Errorf("%s: %s", path, a)
		}
	}
	if a := b.do(http.MethodPut, base+"/calls", map[string]int{}); a.status != http.StatusNotFound && a.status != http.StatusMethodNotAllowed {
		t.Errorf("PUT /calls: %s", a)
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.browser()
	for _, path := range []string{"/", base + "/calls", "/healthz", base + "/nothing", "/assets/app-1a2b3c.js"} {
		a := b.get(path)
		for name, want := range map[string]string{"Content-Security-Policy": "default-src 'none'", "X-Content-Type-Options": "nosniff",
			"X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer"} {
			if !strings.Contains(a.header.Get(name), want) {
				t.Errorf("%s: %s is %q", path, name, a.header.Get(name))
			}
		}
		if strings.Contains(a.header.Get("Content-Security-Policy"), "script-src 'self' 'unsafe") {
			t.Errorf("%s: scripts may stand in the page", path)
		}
	}
}

func TestBigBodyIsRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.browser().do(http.MethodPost, base+"/session", map[string]string{"username": "a", "password": strings.Repeat("x", maxBody)})
	if a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %s", a)
	}
}

// What is left of a body that was too long must not be read as the next request.
func TestRestOfBigBodyIsNoRequest(t *testing.T) {
	t.Parallel()
	h := open(t)
	conn, err := net.Dial("tcp", h.Addr().String())
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	body := strings.Repeat("x", 2*maxBody) + strings.Repeat("\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 10000)
	_, err = fmt.Fprintf(conn, "POST %s/session HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", base, len(body))
	must(t, err)
	go func() { _, _ = io.WriteString(conn, body) }() // ends when the server hangs up
	answer, _ := io.ReadAll(conn)                     // the server hangs up
	if n := strings.Count(string(answer), "HTTP/1.1 "); n != 1 || !strings.HasPrefix(string(answer), "HTTP/1.1 413") {
		t.Errorf("%d answers: %.300s", n, answer)
	}
}

// A wrong field is named, its value is not repeated: it may be a password.
func TestValidationErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.browser().do(http.MethodPost, base+"/session", map[string]any{"username": "a", "password": []string{"my secret"}})
	if a.status != http.StatusUnprocessableEntity || strings.Contains(string(a.body), "secret") || !strings.Contains(string(a.body), "body.password") {
		t.Errorf("got %s", a)
	}
}

var pathParameter = regexp.MustCompile(`:([a-z_]+)`)

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	a := h.browser().get(base + "/openapi.json")
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Responses   map[string]any
		}
		Components struct{ Schemas map[string]any }
	}
	a.into(t, &doc)
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("version %q", doc.OpenAPI)
	}
	for route := range access {
		method, path, _ := strings.Cut(route, " ")
		if !strings.HasPrefix(path, base) || method == http.MethodHead || strings.HasSuffix(path, "realtime") || strings.HasSuffix(path, "openapi.json") {
			continue
		}
		path = pathParameter.ReplaceAllString(path, "{$1}")
		op, ok := doc.Paths[path][strings.ToLower(method)]
		if !ok || op.OperationID == "" || len(op.Responses) < 2 {
			t.Errorf("%s %s is not described: %+v", method, path, op)
		}
	}
	if raw, err := json.Marshal(doc.Components.Schemas["CallPage"]); err != nil || strings.Contains(string(raw), "null") {
		t.Errorf("lists may be null: %s, %v", raw, err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	sick := false
	h := open(t, func(_ *Config, p *Parts) {
		p.Sources.Ready = map[string]func(context.Context) error{"sip": func(context.Context) error {
			if sick {
				return http.ErrServerClosed
			}
			return nil
		}}
	})
	b := h.browser()
	if a := b.get("/healthz"); a.status != http.StatusOK {
		t.Errorf("healthz: %s", a)
	}
	if a := b.get("/readyz"); a.status != http.StatusOK || !strings.Contains(string(a.body), `"database":"ok"`) {
		t.Errorf("readyz: %s", a)
	}
	sick = true
	if a := b.get("/readyz"); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "Server closed") {
		t.Errorf("readyz when sick: %s", a)
	}
}
