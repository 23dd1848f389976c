package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/chat"
	"tingxin/contact"
	"tingxin/ivr"
	"tingxin/pg"
)

// Setup is what administrators set, for Parts.
type Setup struct {
	*admin.Service
	// Flows are those that calls find, with their prompts.
	Flows *ivr.Library
	// Restart tells which kinds were changed since the start and count from the next one on.
	Restart func() []admin.Kind
}

// Setting is one thing that is set.
type Setting[D any] struct {
	Name    string     `json:"name"`
	Source  string     `json:"source" enum:"stored,file" doc:"file: from the configuration file, read-only"`
	Doc     D          `json:"doc" doc:"without secrets"`
	Version int        `json:"version"`
	Newest  int        `json:"newest"`
	Live    int        `json:"live" doc:"the version that counts; 0: none"`
	Secrets []string   `json:"secrets" doc:"fields of the document that hold a secret"`
	Note    string     `json:"note,omitempty"`
	Author  string     `json:"author,omitempty"`
	At      *time.Time `json:"at,omitempty"`
}

// SettingList is all of a kind.
type SettingList[D any] struct {
	Items []Setting[D] `json:"items"`
	// Restart: a change counts from the next start of the server on.
	Restart bool `json:"restart"`
	// Pending: there was such a change since the start.
	Pending bool `json:"pending"`
}

// SettingOutcome is the body of the answer to a change.
type SettingOutcome = admin.Outcome

// settingPaths are the kinds by their paths.
var settingPaths = map[admin.Kind]string{admin.KindTrunk: "trunks", admin.KindRoute: "outbound", admin.KindNumber: "numbers", admin.KindFlow: "flows", admin.KindPrompt: "prompts",
	admin.KindCodecs: "codecs", admin.KindRelay: "turn", admin.KindAlert: "alert-rules",
	admin.KindRule: "rules", admin.KindMacro: "macros", admin.KindTemplate: "ticket-templates", admin.KindWebhook: "webhooks"}

func init() {
	for _, path := range settingPaths {
		at := " " + base + "/settings/" + path
		access[http.MethodGet+at] = RoleAdmin
		access[http.MethodGet+at+"/:name"] = RoleAdmin
		access[http.MethodPut+at+"/:name"] = RoleAdmin
		access[http.MethodDelete+at+"/:name"] = RoleAdmin
		access[http.MethodGet+at+"/:name/versions"] = RoleAdmin
		access[http.MethodPost+at+"/:name/live"] = RoleAdmin
		access[http.MethodPost+at+"/:name/check"] = RoleAdmin
	}
	access[http.MethodPost+" "+base+"/settings/apply"] = RoleAdmin
	access[http.MethodPost+" "+base+"/sounds"] = RoleAdmin
	access[http.MethodGet+" "+base+"/settings/prompts/:name/listen"] = RoleAdmin
	access[http.MethodPost+" "+base+"/flow-check"] = RoleAdmin
	access[http.MethodPost+" "+base+"/flow-rehearsal"] = RoleAdmin
}

const (
	maxSetting = 1 << 20 // body of a setting: a flow is the longest
	maxApply   = 5 << 20
)

// bodyLimit is the longest body of a route, bytes.
func bodyLimit(path string) int64 {
	switch {
	case path == base+"/conversations/:id/files":
		return chat.LargestFile // the service knows the limit that is set
	case path == base+"/sounds":
		return admin.MaxSound + 1
	case path == base+"/settings/apply":
		return maxApply
	case path == base+"/contact-imports":
		return contact.MaxImportBytes + maxBody // Huma answers before
	case len(path) > len(base) && (path[len(base):] == "/flow-check" || path[len(base):] == "/flow-rehearsal" || slices.ContainsFunc(slices.Collect(maps.Values(settingPaths)), func(p string) bool {
		return path == base+"/settings/"+p+"/:name" || path == base+"/settings/"+p+"/:name/check"
	})):
		return maxSetting
	}
	return 2 * maxBody // Huma answers from maxBody on
}

func (s *Server) setupRoutes(api huma.API) {
	settingKind[admin.Trunk](s, api, admin.KindTrunk, "trunk")
	settingKind[admin.Outbound](s, api, admin.KindRoute, "outbound-route")
	settingKind[admin.Number](s, api, admin.KindNumber, "number")
	settingKind[admin.Flow](s, api, admin.KindFlow, "flow")
	settingKind[admin.Prompt](s, api, admin.KindPrompt, "prompt")
	settingKind[admin.Codecs](s, api, admin.KindCodecs, "codecs")
	settingKind[admin.Relay](s, api, admin.KindRelay, "relay")
	settingKind[admin.AlertRule](s, api, admin.KindAlert, "alert-rule")
	settingKind[admin.Automation](s, api, admin.KindRule, "rule")
	settingKind[admin.Macro](s, api, admin.KindMacro, "macro")
	settingKind[admin.TicketTemplate](s, api, admin.KindTemplate, "ticket-template")
	settingKind[admin.Webhook](s, api, admin.KindWebhook, "webhook")
	apply := operation("apply-settings", http.MethodPost, "/settings/apply", "settings", "Bring settings in line with a file (YAML), or tell what that would change", 422)
	apply.MaxBodyBytes = maxApply
	huma.Register(api, apply, s.applySettings)
	s.flowRoutes(api)
}

// document is what a pointer to a kind's document can do.
type document[D any] interface {
	*D
	admin.Doc
}

type settingInput[D any] struct {
	NamePath
	Body struct {
		Doc     D      `json:"doc"`
		Version int    `json:"version,omitempty" minimum:"0" maximum:"2147483647" doc:"the newest one that the writer saw; 0 does not care"`
		Draft   bool   `json:"draft,omitempty" doc:"of a flow: keep it, and leave what counts as it is"`
		Note    string `json:"note,omitempty" maxLength:"500"`
	}
}

type versionInput struct {
	NamePath
	Version int `query:"version" minimum:"0" maximum:"2147483647" doc:"the newest when 0"`
}

type liveInput struct {
	NamePath
	Body struct {
		Version int `json:"version" minimum:"1" maximum:"2147483647"`
	}
}

// settingKind registers the operations of one kind.
func settingKind[D any, P document[D]](s *Server, api huma.API, kind admin.Kind, noun string) {
	path := "/settings/" + settingPaths[kind]
	long := func(op huma.Operation) huma.Operation {
		op.MaxBodyBytes = maxSetting
		return op
	}
	huma.Register(api, operation("list-"+noun, http.MethodGet, path, "settings", "All of them, those of the configuration file too"), func(ctx context.Context, _ *struct{}) (*bodyOf[SettingList[D]], error) {
		if s.parts.Setup == nil {
			return nil, errNoSetup()
		}
		all, err := s.parts.Setup.List(ctx, kind)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		out := SettingList[D]{Items: []Setting[D]{}, Restart: kind.Restart(), Pending: s.pending(kind)}
		for i := range all {
			out.Items = append(out.Items, settingView[D, P](&all[i]))
		}
		file := s.parts.Setup.File(kind)
		for name, d := range file {
			out.Items = append(out.Items, Setting[D]{Name: name, Source: "file", Doc: *d.(P), Secrets: []string{}})
		}
		slices.SortStableFunc(out.Items, func(a, b Setting[D]) int { return compareText(a.Name, b.Name) })
		return &bodyOf[SettingList[D]]{out}, nil
	})
	huma.Register(api, operation("get-"+noun, http.MethodGet, path+"/{name}", "settings", "One of them", 404), func(ctx context.Context, in *versionInput) (*bodyOf[Setting[D]], error) {
		if s.parts.Setup == nil {
			return nil, errNoSetup()
		}
		if d, ok := s.parts.Setup.File(kind)[in.Name]; ok {
			return &bodyOf[Setting[D]]{Setting[D]{Name: in.Name, Source: "file", Doc: *d.(P), Secrets: []string{}}}, nil
		}
		v, err := s.parts.Setup.Get(ctx, kind, in.Name, in.Version)
		if err != nil {
			return nil, s.setupProblem(ctx, err)
		}
		return &bodyOf[Setting[D]]{settingView[D, P](&v)}, nil
	})
	huma.Register(api, operation("versions-of-"+noun, http.MethodGet, path+"/{name}/versions", "settings", "All versions that are kept, the newest first", 404), func(ctx context.Context, in *NamePath) (*bodyOf[SettingList[D]], error) {
		if s.parts.Setup == nil {
			return nil, errNoSetup()
		}
		all, err := s.parts.Setup.Versions(ctx, kind, in.Name)
		if err == nil && len(all) == 0 {
			err = pg.ErrNotFound
		}
		if err != nil {
			return nil, s.setupProblem(ctx, err)
		}
		out := SettingList[D]{Items: []Setting[D]{}, Restart: kind.Restart(), Pending: s.pending(kind)}
		for i := range all {
			out.Items = append(out.Items, settingView[D, P](&all[i]))
		}
		return &bodyOf[SettingList[D]]{out}, nil
	})
	huma.Register(api, long(operation("put-"+noun, http.MethodPut, path+"/{name}", "settings", "Add or change one", 409, 422)), func(ctx context.Context, in *settingInput[D]) (*bodyOf[SettingOutcome], error) {
		return s.changeSetting(ctx, admin.Change{Ref: admin.Ref{Kind: kind, Name: in.Name}, Doc: P(&in.Body.Doc), Version: in.Body.Version, Draft: in.Body.Draft, Note: plain(in.Body.Note)})
	})
	huma.Register(api, operation("delete-"+noun, http.MethodDelete, path+"/{name}", "settings", "Take one away, with all its versions", 404, 422), func(ctx context.Context, in *NamePath) (*bodyOf[SettingOutcome], error) {
		return s.changeSetting(ctx, admin.Change{Ref: admin.Ref{Kind: kind, Name: in.Name}})
	})
	huma.Register(api, operation("live-"+noun, http.MethodPost, path+"/{name}/live", "settings", "Make a version count: a draft, or an older one to roll back", 404, 422), func(ctx context.Context, in *liveInput) (*bodyOf[SettingOutcome], error) {
		return s.changeSetting(ctx, admin.Change{Ref: admin.Ref{Kind: kind, Name: in.Name}, Live: in.Body.Version})
	})
	check := long(operation("check-"+noun, http.MethodPost, path+"/{name}/check", "settings", "Say what would be wrong with a change, and change nothing", 422))
	check.DefaultStatus = http.StatusNoContent
	huma.Register(api, check, func(ctx context.Context, in *settingInput[D]) (*struct{}, error) {
		if s.parts.Setup == nil {
			return nil, errNoSetup()
		}
		return nil, s.setupProblem(ctx, s.parts.Setup.Check(ctx, admin.Ref{Kind: kind, Name: in.Name}, P(&in.Body.Doc)))
	})
}

func errNoSetup() error { return huma.Error503ServiceUnavailable("this server keeps no settings") }

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func settingView[D any, P document[D]](v *admin.Version) Setting[D] {
	at := v.At.UTC()
	return Setting[D]{Name: v.Name, Source: "stored", Doc: *v.Doc.(P), Version: v.Version, Newest: v.Newest, Live: v.Live, Secrets: some(v.Secrets), Note: v.Note, Author: v.Author, At: &at}
}

// pending tells whether a kind waits for the next start.
func (s *Server) pending(kind admin.Kind) bool {
	return s.parts.Setup.Restart != nil && slices.Contains(s.parts.Setup.Restart(), kind)
}

// changeSetting makes one change with its audit row, and lets it count.
func (s *Server) changeSetting(ctx context.Context, c admin.Change) (*bodyOf[SettingOutcome], error) {
	done, err := s.changeSettings(ctx, []admin.Change{c}, false)
	if err != nil {
		return nil, err
	}
	return &bodyOf[SettingOutcome]{done[0]}, nil
}

func (s *Server) changeSettings(ctx context.Context, changes []admin.Change, dry bool) ([]admin.Outcome, error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	who := callerOf(ctx)
	done, err := s.parts.Setup.Apply(ctx, changes, who.User.Username, dry, func(tx pgx.Tx, done []admin.Outcome) error {
		return auditSettings(ctx, s.audit, tx, done, who.User.Username, who.address)
	})
	if err != nil {
		return nil, s.setupProblem(ctx, err)
	}
	if dry {
		return done, nil
	}
	return done, s.setupProblem(ctx, s.parts.Setup.Reload(ctx))
}

// auditSettings writes a row per change. Fields are named, their values never.
func auditSettings(ctx context.Context, log *auditLog, tx pgx.Tx, done []admin.Outcome, actor, address string) error {
	for _, o := range done {
		if o.Did == "same" {
			continue
		}
		detail := map[string]any{}
		if o.Version > 0 {
			detail["version"] = o.Version
		}
		if len(o.Fields) > 0 {
			detail["fields"] = o.Fields
		}
		e := entry{Actor: actor, Action: settingActs[o.Kind][o.Did], Subject: o.Ref.String(), Address: address, Detail: detail}
		if err := log.add(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// SettingsAudit is auditSettings for a program that runs beside the server.
func SettingsAudit(ctx context.Context, db *pg.DB, actor string) func(pgx.Tx, []admin.Outcome) error {
	log := &auditLog{db, time.Now}
	return func(tx pgx.Tx, done []admin.Outcome) error { return auditSettings(ctx, log, tx, done, actor, "") }
}

// setupProblem maps errors of settings: faults are told field by field, each with its code as the value.
func (s *Server) setupProblem(ctx context.Context, err error) error {
	var faults admin.Faults
	var mistake *admin.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &faults):
		return faultsProblem(faults)
	case errors.As(err, &mistake):
		return huma.Error422UnprocessableEntity(mistake.Error())
	case errors.Is(err, admin.ErrStale):
		return huma.Error409Conflict(err.Error())
	}
	return s.settingProblem(ctx, err)
}

func faultsProblem(faults admin.Faults) error {
	var details []error
	for _, f := range faults {
		at := "body.doc"
		if f.Field != "" {
			at += "." + f.Field
		}
		details = append(details, &huma.ErrorDetail{Message: f.Message, Location: at})
	}
	err := huma.Error422UnprocessableEntity(faults.Error(), details...)
	if model, ok := err.(*huma.ErrorModel); ok {
		for i, d := range model.Errors {
			d.Value = faults[i].Code // a word of ours, nothing of the request
		}
	}
	return err
}

type applyInput struct {
	Body struct {
		Text string `json:"text" maxLength:"4194304" doc:"settings (YAML): trunks, outbound, numbers, flows, prompts, codecs, turn, alerts, rules, macros, ticket_templates, webhooks"`
		Dry  bool   `json:"dry_run,omitempty"`
	}
}

// AppliedSettings is the body of the answer to POST /settings/apply.
type AppliedSettings struct {
	Items []SettingOutcome `json:"items"`
	Dry   bool             `json:"dry_run"`
}

func (s *Server) applySettings(ctx context.Context, in *applyInput) (*bodyOf[AppliedSettings], error) {
	changes, rest, err := admin.Parse([]byte(in.Body.Text))
	if err != nil {
		return nil, s.setupProblem(ctx, err)
	}
	if admin.Holds(rest) {
		return nil, huma.Error422UnprocessableEntity("queues, skills, calendars and agents have operations of their own here; \"pbx apply\" takes all in one file")
	}
	if len(changes) == 0 {
		return nil, huma.Error422UnprocessableEntity("the file holds no settings")
	}
	done, err := s.changeSettings(ctx, changes, in.Body.Dry)
	if err != nil {
		return nil, err
	}
	return &bodyOf[AppliedSettings]{AppliedSettings{some(done), in.Body.Dry}}, nil
}
