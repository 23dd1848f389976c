package api

import (
	"net/http"
	"strings"
	"sync"
)

// Roles beside the ladder: what they may do stands in besides, whatever else the ladder allows.
const (
	RoleSenior  Role = "senior"  // an agent who also hears recordings and sees numbers whole
	RoleQuality Role = "quality" // reads and hears what was said, changes nothing
	RoleAnalyst Role = "analyst" // reads records and reports, masked; hears nothing
	RoleAuditor Role = "auditor" // reads the audit log, nothing else
)

// Roles lists all of them, from the one that may least.
var Roles = []Role{RoleAuditor, RoleAnalyst, RoleQuality, RoleAgent, RoleSenior, RoleEditor, RoleSupervisor, RoleAdmin}

// own are the routes of one's own account: whoever is signed in may call them.
var own = []string{
	"GET /session", "DELETE /session", "POST /session/password", "POST /session/lock", "POST /session/unlock",
	"GET /session/second-factor", "POST /session/second-factor", "POST /session/second-factor/confirm", "DELETE /session/second-factor", "POST /session/recovery-codes",
	"GET /sessions", "DELETE /sessions/:id", "GET /api-keys", "POST /api-keys", "DELETE /api-keys/:id",
}

// reading is what quality and analysts have in common. A path that ends in "/*" stands for all below it.
var reading = []string{
	"GET /calls", "GET /calls/live", "GET /calls/:id", "GET /calls/:id/transcript", "GET /calls/:id/emotion", "GET /dispositions", "GET /surveys", "GET /alerts", "GET /reports/mood", "GET /reports/surveys", "GET /reports/causes", "GET /reports/nps", "GET /analytics/:report", "GET /analytics/:report/items",
	"GET /tickets", "GET /tickets/counts", "GET /tickets/:id", "GET /tickets/:id/trail", "GET /ticket-types", "GET /sla-policies",
	"GET /conversations", "POST /conversations/list", "GET /conversations/counts", "GET /conversations/:id", "GET /conversations/:id/messages", "GET /conversations/:id/mood", "GET /conversation-labels", "GET /conversation-views", "GET /search",
	"GET /contacts", "GET /contacts/:id", "GET /contacts/:id/timeline", "GET /contact-fields", "GET /consent-notices",
	"GET /kb/articles", "GET /kb/articles/:id", "GET /kb/categories", "GET /kb/search", "GET /bot/report", "GET /bot/unanswered", "GET /bot/sessions", "GET /bot/sessions/:id",
	"GET /queues/board", "GET /colleagues", "GET /agents/me",
}

// besides are the routes that a role may call beyond the ladder.
var besides = map[Role][]string{
	RoleSenior:  {"GET /calls/:id/recording", "HEAD /calls/:id/recording", "GET /calls/:id/recording/peaks", "POST /contacts/:id/reveal"},
	RoleQuality: append([]string{"GET /calls/:id/recording", "HEAD /calls/:id/recording", "GET /calls/:id/recording/peaks", "POST /calls/:id/labels", "GET /conversations/:id/files/:file", "GET /realtime"}, reading...),
	RoleAnalyst: reading,
	RoleAuditor: {"GET /audit", "GET /audit/acts", "GET /audit/check"},
}

// readsAll tells whether a role that changes nothing reads what belongs to others.
func (r Role) readsAll() bool { return r == RoleQuality || r == RoleAnalyst }

// beyond is besides and own by route of the router, made when the table is whole.
var beyond = sync.OnceValue(func() map[Role]map[string]bool {
	out := map[Role]map[string]bool{}
	for _, role := range Roles {
		out[role] = map[string]bool{}
		for _, list := range [][]string{own, besides[role]} {
			for _, route := range list {
				method, path, _ := strings.Cut(route, " ")
				below, prefix := strings.CutSuffix(path, "*")
				for known := range access {
					knownMethod, knownPath, _ := strings.Cut(known, " ")
					if knownMethod == method && (knownPath == base+path || prefix && strings.HasPrefix(knownPath, base+below)) {
						out[role][known] = true
					}
				}
			}
		}
	}
	return out
})

// allowed tells whether a role may call a route that is in the access table.
func allowed(role Role, route string) bool {
	least, ok := access[route]
	return ok && (role.may(least) || beyond()[role][route])
}

// nouns of scopes by the first part of the path; a part that is not here is a noun of its own.
var scopeNouns = map[string]string{
	"parked": "calls", "callbacks": "calls", "voicemail": "calls", "surveys": "calls", "dispositions": "calls", "follow-ups": "calls", "consents": "contacts",
	"ticket-types": "tickets", "tickets.csv": "tickets", "sla-policies": "tickets", "agents": "queues", "offers": "queues", "skills": "queues", "calendars": "queues", "wall": "queues",
	"contact-merges": "contacts", "contact-fields": "contacts", "contact-exports": "contacts", "contact-imports": "contacts", "consent-notices": "contacts", "erasures": "contacts",
	"conversation-labels": "conversations", "conversation-views": "conversations", "conversation-changes": "conversations", "messages": "conversations", "search": "conversations", "dead-letters": "conversations",
	"alerts": "reports", "analytics": "reports", "system": "reports", "emotion": "reports", "channels": "settings", "kiosks": "settings", "sounds": "settings", "flow-check": "settings", "flow-rehearsal": "settings",
	"colleagues": "users",
}

// personal are the first parts of paths that no key opens: they are about a person's own login.
var personal = map[string]bool{"session": true, "sessions": true, "api-keys": true}

// scopeOf is the scope that a key needs for a route, such as "calls:read"; "" when no key opens it.
func scopeOf(route string) string {
	method, path, _ := strings.Cut(route, " ")
	rest, ok := strings.CutPrefix(path, base+"/")
	first, _, _ := strings.Cut(rest, "/")
	if !ok || personal[first] || access[route] == public {
		return ""
	}
	if noun := scopeNouns[first]; noun != "" {
		first = noun
	}
	if method == http.MethodGet || method == http.MethodHead {
		return first + ":read"
	}
	return first + ":write"
}

// opens tells whether a key's scopes are enough for one scope.
func opens(have []string, need string) bool {
	_, act, _ := strings.Cut(need, ":")
	for _, s := range have {
		if s == need || s == "*:"+act {
			return true
		}
	}
	return false
}
