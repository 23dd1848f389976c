package api

import "net/http"

// Role is what a user may do. Agent, supervisor and admin are a ladder: each may do all that the ones
// before may. The others stand beside it (access_beside.go).
type Role string

// The roles of the ladder.
const (
	RoleAgent      Role = "agent"      // sees running and past calls, takes work, holds, transfers and ends own calls
	RoleEditor     Role = "editor"     // writes articles, intents, snippets and scripts
	RoleSupervisor Role = "supervisor" // hears recordings, ends calls, sees the system, moves work and agents
	RoleAdmin      Role = "admin"      // users, queues and settings
)

// public stands for no session at all.
const public Role = ""

var rank = map[Role]int{public: 0, RoleAgent: 1, RoleSenior: 1, RoleEditor: 2, RoleSupervisor: 3, RoleAdmin: 4}

// may tells whether r is enough for what needs at least the role least.
func (r Role) may(least Role) bool { return rank[r] >= rank[least] }

// base is the path of the API's first version.
const base = "/api/v1"

// access is the whole of who may call what: the least role of the ladder per route. A route
// that is not in it is answered 404 to everyone.
var access = map[string]Role{
	http.MethodPost + " " + base + "/session":                public,
	http.MethodGet + " " + base + "/session":                 RoleAgent,
	http.MethodDelete + " " + base + "/session":              RoleAgent,
	http.MethodPost + " " + base + "/session/password":       RoleAgent,
	http.MethodPost + " " + base + "/session/phone":          RoleAgent,
	http.MethodGet + " " + base + "/session/phone/secret":    RoleAgent, // one's own, as the next ones
	http.MethodPut + " " + base + "/session/phone/secret":    RoleAgent,
	http.MethodDelete + " " + base + "/session/phone/secret": RoleAgent,
	http.MethodGet + " " + base + "/colleagues":              RoleAgent,
	http.MethodGet + " " + base + "/calls":                   RoleAgent,
	http.MethodGet + " " + base + "/calls/live":              RoleAgent,
	http.MethodGet + " " + base + "/calls/:id":               RoleAgent,
	http.MethodGet + " " + base + "/calls/:id/transcript":    RoleAgent,
	http.MethodGet + " " + base + "/realtime":                RoleAgent,
	http.MethodGet + " " + base + "/calls/:id/emotion":       RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/labels":       RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/transfer":     RoleAgent, // of their own calls, as the next ones
	http.MethodPost + " " + base + "/calls/:id/hold":         RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/hangup":       RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/resume":       RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/record":       RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/legs":         RoleAgent,
	http.MethodPost + " " + base + "/calls/:id/supervise":    RoleSupervisor,
	http.MethodPut + " " + base + "/calls/:id/wrap-up":       RoleAgent, // of their own calls
	http.MethodGet + " " + base + "/dispositions":            RoleAgent,
	http.MethodPut + " " + base + "/dispositions/:name":      RoleAdmin,
	http.MethodDelete + " " + base + "/dispositions/:name":   RoleAdmin,
	http.MethodGet + " " + base + "/follow-ups":              RoleAgent, // of others for a supervisor
	http.MethodPost + " " + base + "/calls":                  RoleAgent, // by their own telephone; for others a supervisor
	http.MethodPost + " " + base + "/calls/:id/park":         RoleAgent, // of their own calls
	http.MethodGet + " " + base + "/parked":                  RoleAgent,
	http.MethodPost + " " + base + "/parked/:name/pick-up":   RoleAgent,
	http.MethodGet + " " + base + "/callbacks":               RoleAgent,
	http.MethodPost + " " + base + "/callbacks":              RoleAgent,
	http.MethodPost + " " + base + "/callbacks/:id/take":     RoleAgent, // of their queues; all for a supervisor
	http.MethodDelete + " " + base + "/callbacks/:id":        RoleAgent,
	http.MethodGet + " " + base + "/voicemail":               RoleAgent, // their own and their queues'; all for a supervisor
	http.MethodGet + " " + base + "/voicemail/:id":           RoleAgent,
	http.MethodGet + " " + base + "/voicemail/:id/audio":     RoleAgent,
	http.MethodPut + " " + base + "/voicemail/:id/heard":     RoleAgent,
	http.MethodPut + " " + base + "/voicemail/:id/done":      RoleAgent,
	http.MethodDelete + " " + base + "/voicemail/:id":        RoleAgent,
	http.MethodGet + " " + base + "/surveys":                 RoleAgent, // of their own calls; all for a supervisor
	http.MethodGet + " " + base + "/reports/surveys":         RoleSupervisor,

	http.MethodGet + " " + base + "/tickets":                     RoleAgent,
	http.MethodGet + " " + base + "/tickets/counts":              RoleAgent,
	http.MethodPost + " " + base + "/tickets":                    RoleAgent,
	http.MethodGet + " " + base + "/tickets/:id":                 RoleAgent,
	http.MethodPatch + " " + base + "/tickets/:id":               RoleAgent,
	http.MethodGet + " " + base + "/tickets/:id/trail":           RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/comments":       RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/merge":          RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/unmerge":        RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/split":          RoleAgent,
	http.MethodPut + " " + base + "/tickets/:id/links/:other":    RoleAgent,
	http.MethodDelete + " " + base + "/tickets/:id/links/:other": RoleAgent,
	http.MethodPut + " " + base + "/tickets/:id/followers/me":    RoleAgent,
	http.MethodDelete + " " + base + "/tickets/:id/followers/me": RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/tasks":          RoleAgent,
	http.MethodPatch + " " + base + "/tickets/:id/tasks/:task":   RoleAgent,
	http.MethodGet + " " + base + "/tickets.csv":                 RoleSupervisor,
	http.MethodGet + " " + base + "/ticket-types":                RoleAgent,
	http.MethodPut + " " + base + "/ticket-types/:name":          RoleAdmin,
	http.MethodGet + " " + base + "/sla-policies":                RoleAgent,
	http.MethodPut + " " + base + "/sla-policies/:name":          RoleAdmin,
	http.MethodDelete + " " + base + "/sla-policies/:name":       RoleAdmin,
	http.MethodPost + " " + base + "/calls/:id/rejoin":           RoleAgent, // of their own calls
	http.MethodPost + " " + base + "/calls/:id/merge":            RoleAgent,
	http.MethodDelete + " " + base + "/calls/:id/legs/:n":        RoleAgent,
	http.MethodGet + " " + base + "/calls/heat":                  RoleSupervisor,

	http.MethodGet + " " + base + "/calls/:id/recording":       RoleSupervisor,
	http.MethodHead + " " + base + "/calls/:id/recording":      RoleSupervisor,
	http.MethodGet + " " + base + "/calls/:id/recording/peaks": RoleSupervisor,
	http.MethodGet + " " + base + "/system":                    RoleSupervisor,
	http.MethodGet + " " + base + "/alerts":                    RoleSupervisor,
	http.MethodGet + " " + base + "/reports/mood":              RoleSupervisor,
	http.MethodGet + " " + base + "/emotion/labels.zip":        RoleAdmin,
	http.MethodPost + " " + base + "/consents":                 RoleSupervisor,

	http.MethodGet + " " + base + "/users":              RoleAdmin,
	http.MethodPost + " " + base + "/users":             RoleAdmin,
	http.MethodPatch + " " + base + "/users/:id":        RoleAdmin,
	http.MethodGet + " " + base + "/settings/retention": RoleAdmin,
	http.MethodPut + " " + base + "/settings/retention": RoleAdmin,
	http.MethodGet + " " + base + "/audit":              RoleAdmin,
	http.MethodGet + " " + base + "/audit/acts":         RoleAdmin,
	http.MethodGet + " " + base + "/audit/check":        RoleAdmin,

	http.MethodGet + " " + base + "/queues/board":              RoleAgent,
	http.MethodGet + " " + base + "/queues/work/:id/why":       RoleAgent,
	http.MethodGet + " " + base + "/agents/me":                 RoleAgent,
	http.MethodPut + " " + base + "/agents/me/state":           RoleAgent,
	http.MethodPost + " " + base + "/agents/me/heartbeat":      RoleAgent,
	http.MethodPost + " " + base + "/agents/me/wrap-up/end":    RoleAgent,
	http.MethodPost + " " + base + "/agents/me/wrap-up/ask":    RoleAgent,
	http.MethodPost + " " + base + "/offers/:token/accept":     RoleAgent, // only one's own
	http.MethodPost + " " + base + "/offers/:token/decline":    RoleAgent,
	http.MethodGet + " " + base + "/agents":                    RoleSupervisor,
	http.MethodGet + " " + base + "/agents/:id/history":        RoleSupervisor,
	http.MethodPut + " " + base + "/agents/:id/state":          RoleSupervisor,
	http.MethodPost + " " + base + "/agents/:id/wrap-up/end":   RoleSupervisor,
	http.MethodGet + " " + base + "/queues":                    RoleSupervisor,
	http.MethodGet + " " + base + "/queues/work":               RoleSupervisor,
	http.MethodPost + " " + base + "/queues/work/:id/assign":   RoleSupervisor,
	http.MethodPost + " " + base + "/queues/work/:id/move":     RoleSupervisor,
	http.MethodDelete + " " + base + "/queues/work/:id":        RoleSupervisor,
	http.MethodGet + " " + base + "/skills":                    RoleSupervisor,
	http.MethodGet + " " + base + "/calendars":                 RoleSupervisor,
	http.MethodPut + " " + base + "/agents/:id":                RoleAdmin,
	http.MethodDelete + " " + base + "/agents/:id":             RoleAdmin,
	http.MethodPut + " " + base + "/queues/:id":                RoleAdmin,
	http.MethodDelete + " " + base + "/queues/:id":             RoleAdmin,
	http.MethodPut + " " + base + "/skills/:name":              RoleAdmin,
	http.MethodDelete + " " + base + "/skills/:name":           RoleAdmin,
	http.MethodPut + " " + base + "/calendars/:name":           RoleAdmin,
	http.MethodDelete + " " + base + "/calendars/:name":        RoleAdmin,
	http.MethodPost + " " + base + "/calendars/:name/holidays": RoleAdmin,

	http.MethodGet + " " + base + "/kb/articles":                RoleAgent,
	http.MethodGet + " " + base + "/kb/articles/:id":            RoleAgent,
	http.MethodGet + " " + base + "/kb/articles/:id/versions":   RoleAgent,
	http.MethodGet + " " + base + "/kb/articles/:id/diff":       RoleAgent,
	http.MethodGet + " " + base + "/kb/categories":              RoleAgent,
	http.MethodGet + " " + base + "/kb/search":                  RoleAgent,
	http.MethodPost + " " + base + "/kb/ask":                    RoleAgent,
	http.MethodPost + " " + base + "/kb/events":                 RoleAgent,
	http.MethodPost + " " + base + "/kb/articles":               RoleEditor,
	http.MethodPut + " " + base + "/kb/articles/:id":            RoleEditor,
	http.MethodPost + " " + base + "/kb/articles/:id/state":     RoleEditor,
	http.MethodPost + " " + base + "/kb/articles/:id/roll-back": RoleEditor,
	http.MethodPost + " " + base + "/kb/articles/:id/try":       RoleEditor,
	http.MethodPost + " " + base + "/kb/articles/:id/files":     RoleEditor,
	http.MethodDelete + " " + base + "/kb/files/:id":            RoleEditor,
	http.MethodPost + " " + base + "/kb/lint":                   RoleEditor,
	http.MethodPost + " " + base + "/kb/preview":                RoleEditor,
	http.MethodPut + " " + base + "/kb/categories":              RoleEditor,
	http.MethodPost + " " + base + "/kb/questions":              RoleEditor,
	http.MethodGet + " " + base + "/kb/judgements":              RoleEditor,
	http.MethodPost + " " + base + "/kb/import":                 RoleEditor,
	http.MethodGet + " " + base + "/kb/export":                  RoleEditor,
	http.MethodDelete + " " + base + "/kb/articles/:id":         RoleAdmin,
	http.MethodPut + " " + base + "/kb/judgements/:name/shift":  RoleAdmin,
	http.MethodPost + " " + base + "/kb/judgements/:name/train": RoleAdmin,

	http.MethodGet + " /help":                                                 public, // the help centre, for everybody
	http.MethodGet + " /help/:lang":                                           public,
	http.MethodGet + " /help/:lang/c/*path":                                   public,
	http.MethodGet + " /help/:lang/a/:key":                                    public,
	http.MethodPost + " /help/:lang/a/:key":                                   public, // a vote
	http.MethodGet + " /help/:lang/search":                                    public,
	http.MethodGet + " /help/files/:id":                                       public,
	http.MethodGet + " /help/sitemap.xml":                                     public,
	http.MethodGet + " /help/help.css":                                        public,
	http.MethodPost + " " + base + "/bot/turns":                               RoleAgent,
	http.MethodGet + " " + base + "/bot/sessions":                             RoleSupervisor,
	http.MethodGet + " " + base + "/bot/sessions/:id":                         RoleSupervisor,
	http.MethodPost + " " + base + "/bot/sessions/:id/hand-back":              RoleAgent,
	http.MethodGet + " " + base + "/bot/unanswered":                           RoleEditor,
	http.MethodPost + " " + base + "/bot/turns/:id/label":                     RoleEditor,
	http.MethodGet + " " + base + "/bot/intents":                              RoleEditor,
	http.MethodPut + " " + base + "/bot/intents/:name":                        RoleEditor,
	http.MethodDelete + " " + base + "/bot/intents/:name":                     RoleEditor,
	http.MethodPost + " " + base + "/bot/train":                               RoleEditor,
	http.MethodGet + " " + base + "/bot/models":                               RoleEditor,
	http.MethodPost + " " + base + "/bot/models/:lang/activate":               RoleAdmin,
	http.MethodGet + " " + base + "/bot/tools":                                RoleEditor,
	http.MethodPut + " " + base + "/bot/tools/:name":                          RoleAdmin,
	http.MethodDelete + " " + base + "/bot/tools/:name":                       RoleAdmin,
	http.MethodGet + " " + base + "/bot/policy":                               RoleEditor,
	http.MethodPut + " " + base + "/bot/policy":                               RoleSupervisor,
	http.MethodGet + " " + base + "/bot/contacts/:id/slots":                   RoleAgent,
	http.MethodDelete + " " + base + "/bot/slots/:id":                         RoleAgent,
	http.MethodPut + " " + base + "/bot/slots/:id":                            RoleAgent,
	http.MethodGet + " " + base + "/bot/report":                               RoleSupervisor,
	http.MethodGet + " " + base + "/contacts":                                 RoleAgent,
	http.MethodPost + " " + base + "/contacts":                                RoleAgent,
	http.MethodGet + " " + base + "/contacts/:id":                             RoleAgent,
	http.MethodPatch + " " + base + "/contacts/:id":                           RoleAgent,
	http.MethodPost + " " + base + "/contacts/:id/identities":                 RoleAgent,
	http.MethodPost + " " + base + "/contacts/:id/merge":                      RoleAgent,
	http.MethodPost + " " + base + "/contact-merges/:merge/undo":              RoleAgent,
	http.MethodPost + " " + base + "/contacts/:id/suggestions/:other/dismiss": RoleAgent,
	http.MethodGet + " " + base + "/contacts/:id/timeline":                    RoleAgent,
	http.MethodPost + " " + base + "/contacts/:id/notes":                      RoleAgent,
	http.MethodDelete + " " + base + "/contacts/:id/notes/:note":              RoleAgent, // only one's own
	http.MethodGet + " " + base + "/contacts/:id/consents":                    RoleAgent,
	http.MethodPost + " " + base + "/contacts/:id/consents":                   RoleAgent,
	http.MethodGet + " " + base + "/contact-fields":                           RoleAgent,
	http.MethodGet + " " + base + "/consent-notices":                          RoleAgent,
	http.MethodDelete + " " + base + "/contacts/:id/identities/:identity":     RoleSupervisor,
	http.MethodPost + " " + base + "/contacts/:id/reveal":                     RoleSupervisor,
	http.MethodGet + " " + base + "/contacts/:id/export":                      RoleSupervisor,
	http.MethodGet + " " + base + "/contact-exports":                          RoleSupervisor,
	http.MethodPost + " " + base + "/contact-exports":                         RoleSupervisor,
	http.MethodPost + " " + base + "/contact-exports/:list/decide":            RoleSupervisor,
	http.MethodGet + " " + base + "/contact-exports/:list/file":               RoleSupervisor,
	http.MethodGet + " " + base + "/erasures":                                 RoleSupervisor,
	http.MethodPost + " " + base + "/contacts/:id/erase":                      RoleAdmin,
	http.MethodPost + " " + base + "/contact-imports":                         RoleAdmin,
	http.MethodPut + " " + base + "/contact-fields/:key":                      RoleAdmin,
	http.MethodDelete + " " + base + "/contact-fields/:key":                   RoleAdmin,
	http.MethodPost + " " + base + "/consent-notices":                         RoleAdmin,

	http.MethodGet + " " + base + "/feedback":                            RoleAgent, // about their own contacts; all for a supervisor
	http.MethodGet + " " + base + "/feedback/summary":                    RoleAgent,
	http.MethodPost + " " + base + "/feedback":                           RoleAgent,
	http.MethodGet + " " + base + "/cases":                               RoleAgent, // their own, as the next ones; all for a supervisor
	http.MethodGet + " " + base + "/cases/counts":                        RoleAgent,
	http.MethodPost + " " + base + "/cases":                              RoleAgent,
	http.MethodGet + " " + base + "/cases/:id":                           RoleAgent,
	http.MethodPatch + " " + base + "/cases/:id":                         RoleAgent,
	http.MethodPost + " " + base + "/cases/:id/move":                     RoleAgent,
	http.MethodPost + " " + base + "/cases/:id/messages":                 RoleAgent,
	http.MethodPost + " " + base + "/cases/:id/answer":                   RoleAgent,
	http.MethodGet + " " + base + "/causes":                              RoleAgent,
	http.MethodPut + " " + base + "/causes/:code":                        RoleAdmin,
	http.MethodGet + " " + base + "/reports/causes":                      RoleSupervisor,
	http.MethodGet + " " + base + "/reports/causes.csv":                  RoleSupervisor,
	http.MethodGet + " " + base + "/tickets/:id/customer-links":          RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/customer-links":         RoleAgent,
	http.MethodDelete + " " + base + "/tickets/:id/customer-links/:link": RoleAgent,
	http.MethodGet + " " + base + "/cases/:id/customer-links":            RoleAgent,
	http.MethodPost + " " + base + "/cases/:id/customer-links":           RoleAgent,
	http.MethodDelete + " " + base + "/cases/:id/customer-links/:link":   RoleAgent,

	http.MethodGet + " /t/page.css":                             public, // pages of customers, who have an address that opens one thing
	http.MethodGet + " /t/:token":                               public,
	http.MethodPost + " /t/:token":                              public,
	http.MethodGet + " /t/:token/files/:file":                   public,
	http.MethodGet + " /c/:token":                               public,
	http.MethodPost + " /c/:token":                              public,
	http.MethodGet + " " + base + "/tickets/:id/files":          RoleAgent,
	http.MethodGet + " " + base + "/tickets/:id/files/:file":    RoleAgent,
	http.MethodGet + " " + base + "/tickets/:id/hints":          RoleAgent,
	http.MethodPost + " " + base + "/tickets/:id/hints":         RoleAgent,
	http.MethodGet + " " + base + "/triage/models":              RoleSupervisor,
	http.MethodPost + " " + base + "/triage/models/:kind/:lang": RoleSupervisor,

	http.MethodGet + " " + base + "/analytics/:report":       RoleSupervisor,
	http.MethodGet + " " + base + "/analytics/:report/csv":   RoleSupervisor,
	http.MethodGet + " " + base + "/analytics/:report/items": RoleSupervisor,
	http.MethodPost + " " + base + "/analytics/rebuild":      RoleAdmin,

	http.MethodGet + " " + base + "/openapi.json": public,
	http.MethodGet + " /metrics":                  public, // has its own rule: this machine, or a token
	http.MethodGet + " /debug/pprof/*what":        public, // as /metrics, and only where it is switched on
	http.MethodGet + " /healthz":                  public,
	http.MethodGet + " /readyz":                   public,
}
