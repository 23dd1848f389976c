package api

import "net/http"

// Role is what a user may do; each one may do all that the ones before may.
type Role string

// The roles.
const (
	RoleAgent      Role = "agent"      // sees running and past calls
	RoleSupervisor Role = "supervisor" // hears recordings, ends calls, sees the system
	RoleAdmin      Role = "admin"      // users and settings
)

// public stands for no session at all.
const public Role = ""

var rank = map[Role]int{public: 0, RoleAgent: 1, RoleSupervisor: 2, RoleAdmin: 3}

// may tells whether r is enough for what needs at least the role least.
func (r Role) may(least Role) bool { return rank[r] >= rank[least] }

// base is the path of the API's first version.
const base = "/api/v1"

// access is the whole of who may call what: the least role per route. A route
// that is not in it is answered 404 to everyone.
var access = map[string]Role{
	http.MethodPost + " " + base + "/session":             public,
	http.MethodGet + " " + base + "/session":              RoleAgent,
	http.MethodDelete + " " + base + "/session":           RoleAgent,
	http.MethodPost + " " + base + "/session/password":    RoleAgent,
	http.MethodPost + " " + base + "/session/phone":       RoleAgent,
	http.MethodGet + " " + base + "/colleagues":           RoleAgent,
	http.MethodGet + " " + base + "/calls":                RoleAgent,
	http.MethodGet + " " + base + "/calls/live":           RoleAgent,
	http.MethodGet + " " + base + "/calls/:id":            RoleAgent,
	http.MethodGet + " " + base + "/calls/:id/transcript": RoleAgent,
	http.MethodGet + " " + base + "/realtime":             RoleAgent,
	http.MethodGet + " " + base + "/calls/:id/emotion":    RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/labels":    RoleAgent,

	http.MethodGet + " " + base + "/calls/:id/recording":       RoleSupervisor,
	http.MethodHead + " " + base + "/calls/:id/recording":      RoleSupervisor,
	http.MethodGet + " " + base + "/calls/:id/recording/peaks": RoleSupervisor,
	http.MethodPost + " " + base + "/calls/:id/hangup":         RoleSupervisor,
	http.MethodGet + " " + base + "/system":                    RoleSupervisor,
	http.MethodGet + " " + base + "/alerts":                    RoleSupervisor,
	http.MethodGet + " " + base + "/reports/mood":              RoleSupervisor,
	http.MethodPost + " " + base + "/consents":                 RoleSupervisor,

	http.MethodGet + " " + base + "/users":              RoleAdmin,
	http.MethodPost + " " + base + "/users":             RoleAdmin,
	http.MethodPatch + " " + base + "/users/:id":        RoleAdmin,
	http.MethodGet + " " + base + "/settings/retention": RoleAdmin,
	http.MethodPut + " " + base + "/settings/retention": RoleAdmin,
	http.MethodGet + " " + base + "/audit":              RoleAdmin,

	http.MethodGet + " " + base + "/openapi.json": public,
	http.MethodGet + " /metrics":                  public, // has its own rule: this machine, or a token
	http.MethodGet + " /healthz":                  public,
	http.MethodGet + " /readyz":                   public,
}
