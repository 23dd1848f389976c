package api

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/pg/pgtest"
)

// Every route of the router stands in the access table, and the other way round.
func TestEveryRouteHasItsRole(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *Config, _ *Parts) { c.Profiles = true })
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

// The matrix of routes and callers, made from the router: every role, nobody, and keys of some scopes; who is
// refused and who comes through.
func TestRolesMatrix(t *testing.T) {
	t.Parallel()
	h := openWith(t, pgtest.New(t), func(_ *Config, p *Parts) { p.Control = &fakeControl{all: true} })
	r := h.endedCall(h.now())
	type visitor struct {
		*browser
		may     func(route string) bool
		headers []string
	}
	visitors := map[string]visitor{"nobody": {browser: h.browser(), may: func(route string) bool { return access[route] == public }}}
	for _, role := range Roles {
		visitors[string(role)] = visitor{h.as(role), func(route string) bool { return access[route] == public || allowed(role, route) }, nil}
	}
	for _, list := range []string{"*:read", "calls:read tickets:write", "*:read *:write"} {
		token := h.key(RoleAdmin, strings.Fields(list)...)
		visitors["key "+list] = visitor{h.browser(), func(route string) bool {
			return access[route] == public || scopeOf(route) != "" && opens(strings.Fields(list), scopeOf(route))
		}, []string{"Authorization", "Bearer " + token}}
	}
	for _, known := range h.routes {
		route, path := known.Method+" "+known.Path, known.Path
		if strings.HasSuffix(path, "/realtime") || known.Method == http.MethodDelete && strings.HasSuffix(path, "/session") || strings.HasSuffix(path, "/session/lock") {
			continue // signing out or locking would end the visit; the feed has its own tests
		}
		h.rest() // there are more routes than one caller may ask for in a minute
		concrete := strings.ReplaceAll(path, ":id", r.ID)
		if strings.Contains(path, "/users/") {
			concrete = strings.ReplaceAll(path, ":id", "999999")
		}
		for name, v := range visitors {
			a := v.do(known.Method, concrete, nil, v.headers...)
			refused := a.status == http.StatusUnauthorized || a.status == http.StatusForbidden
			want := http.StatusForbidden
			switch {
			case v.may(route):
				want = 0
			case name == "nobody":
				want = http.StatusUnauthorized
			}
			if want == 0 && refused || want != 0 && a.status != want {
				t.Errorf("%s as %q: %s; want refused with %d", route, name, a, want)
			}
			if a.status == http.StatusInternalServerError {
				t.Errorf("%s as %q: %s", route, name, a)
			}
		}
	}
}

// Whoever sees masked data only is let into routes that answer JSON only: nothing else is masked.
func TestMaskedRolesGetJSONOnly(t *testing.T) {
	t.Parallel()
	h := open(t)
	for path, item := range h.doc.Paths {
		for method, op := range operationsOf(item) {
			if route := method + " " + ginPath(path); access[route] == public || !allowed(RoleAnalyst, route) || access[route] == RoleAgent && beyond()[RoleAuditor][route] {
				continue
			}
			for status, r := range op.Responses {
				for kind := range r.Content {
					if !strings.Contains(kind, "json") {
						t.Errorf("%s %s answers %s with %s", method, path, status, kind)
					}
				}
			}
		}
	}
	for _, route := range []string{"GET " + base + "/realtime", "GET " + base + "/calls/:id/recording", "GET " + base + "/contacts/:id/export", "GET " + base + "/conversations/:id/files/:file"} {
		if _, there := access[route]; !there || allowed(RoleAnalyst, route) {
			t.Errorf("%s is open to analysts, or gone", route)
		}
	}
	for route := range access {
		if strings.HasPrefix(route, http.MethodGet) || access[route] == public || beyond()[RoleAuditor][route] {
			continue
		}
		if route == "POST "+base+"/conversations/list" {
			continue // a filter is too long for an address; nothing changes (TestReadersFilterConversations)
		}
		if allowed(RoleAnalyst, route) || allowed(RoleAuditor, route) {
			t.Errorf("%s changes something and is open to who only reads", route)
		}
	}
}

// What a role may beyond the ladder stands in the table with routes that there are.
func TestBesidesNameRoutes(t *testing.T) {
	for role, list := range besides {
		for _, route := range append(list, own...) {
			method, path, _ := strings.Cut(route, " ")
			if _, ok := access[method+" "+base+path]; !ok && !strings.HasSuffix(path, "/*") {
				t.Errorf("%s: %s is no route", role, route)
			}
		}
	}
	for role, n := range map[Role]int{RoleAuditor: 3, RoleAnalyst: 30, RoleQuality: 35} {
		if got := len(beyond()[role]) - len(own); got < n {
			t.Errorf("%s may call %d routes beside its own, want %d at least", role, got, n)
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
	must(t, conn.SetDeadline(time.Now().Add(30*time.Second)))
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

// Every operation says what it does, who may call it, what goes in and what can come out.
func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	h := open(t)
	seen := map[string]bool{}
	for path, item := range h.doc.Paths {
		for method, op := range operationsOf(item) {
			at, route := method+" "+path, method+" "+ginPath(path)
			if op.Summary == "" || op.Description == "" || op.OperationID == "" || len(op.Tags) == 0 {
				t.Errorf("%s: summary %q, description %q, id %q, tags %v", at, op.Summary, op.Description, op.OperationID, op.Tags)
			}
			if seen[op.OperationID] {
				t.Errorf("%s: %s is there twice", at, op.OperationID)
			}
			seen[op.OperationID] = true
			want := []string{"429"}
			if access[route] != public {
				want = append(want, "401", "403")
			}
			for _, code := range want {
				if r := op.Responses[code]; r == nil || r.Content["application/problem+json"] == nil {
					t.Errorf("%s does not say %s", at, code)
				}
			}
			if public := access[route] == public; public != (len(op.Security) == 0) {
				t.Errorf("%s: public %v, security %v", at, public, op.Security)
			}
			if op.RequestBody != nil {
				h.exampleFits(t, at, op.RequestBody.Content)
			}
			for _, r := range op.Responses {
				h.exampleFits(t, at, r.Content)
			}
		}
	}
}

// exampleFits tells when a JSON body has no example, or one that its own schema refuses.
func (h *house) exampleFits(t *testing.T, at string, content map[string]*huma.MediaType) {
	for kind, media := range content {
		if kind != "application/json" || media.Schema == nil {
			continue
		}
		if media.Example == nil {
			t.Errorf("%s: no example", at)
			continue
		}
		raw, err := json.Marshal(media.Example)
		must(t, err)
		var v any
		must(t, json.Unmarshal(raw, &v))
		var res huma.ValidateResult
		huma.Validate(h.doc.Components.Schemas, media.Schema, huma.NewPathBuffer(nil, 0), huma.ModeReadFromServer, v, &res)
		for _, err := range res.Errors {
			t.Errorf("%s: the example does not fit: %v", at, err)
		}
	}
}

// Lists that grow with every call, message and act have pages; the others are few by nature, or the newest of many.
func TestListsThatGrowHavePages(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, path := range []string{"/calls", "/tickets", "/contacts", "/contacts/{id}/timeline", "/conversations", "/conversations/{id}/messages", "/audit", "/kb/articles", "/surveys", "/voicemail", "/bot/sessions", "/search"} {
		item := h.doc.Paths[base+path]
		if item == nil || item.Get == nil {
			t.Errorf("GET %s is gone", path)
			continue
		}
		names := map[string]bool{}
		for _, p := range item.Get.Parameters {
			names[p.Name] = true
		}
		if !names["limit"] && !names["page"] && !names["offset"] {
			t.Errorf("GET %s has no limit", path)
		}
		if !names["cursor"] && !names["page"] && !names["before"] && !names["offset"] && !names["until"] && path != "/search" {
			t.Errorf("GET %s has no pages: %v", path, names)
		}
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
			Parameters  []struct{ Name, In string }
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
		// What is in the path and not described is not read either: structs embedded by a name of ours are passed over.
		for _, name := range pathParameter.FindAllStringSubmatch(route, -1) {
			if !slices.ContainsFunc(op.Parameters, func(p struct{ Name, In string }) bool { return p.In == "path" && p.Name == name[1] }) {
				t.Errorf("%s %s: %s is not read", method, path, name[1])
			}
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
