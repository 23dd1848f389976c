package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

func init() {
	access[http.MethodGet+" "+base+"/teams"] = RoleSupervisor
	access[http.MethodPut+" "+base+"/teams/:id"] = RoleAdmin
	access[http.MethodDelete+" "+base+"/teams/:id"] = RoleAdmin
	access[http.MethodGet+" "+base+"/role-rules"] = RoleAdmin
	access[http.MethodPut+" "+base+"/role-rules/:role"] = RoleAdmin
}

// TeamList is the body of GET /teams.
type TeamList struct {
	Items []team.Doc `json:"items"`
}

// RoleRule is how far a role sees, and what is hidden from it.
type RoleRule struct {
	Role   Role                     `json:"role" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
	Reach  map[team.Noun]team.Reach `json:"reach" doc:"by conversations, calls, recordings, tickets, contacts, feedback, reports: own, team or all"`
	Hidden []team.Field             `json:"hidden" enum:"phone,email,name,external,text" doc:"shown masked; text are numbers and addresses in words"`
}

// RoleRules is the body of GET /role-rules.
type RoleRules struct {
	Items []RoleRule `json:"items" doc:"one for each role"`
}

func (s *Server) teamRoutes(api huma.API) {
	const tag = "users"
	quiet := func(id, method, path, summary string, errs ...int) huma.Operation {
		op := operation(id, method, path, tag, summary, errs...)
		op.DefaultStatus = http.StatusNoContent
		return op
	}
	huma.Register(api, operation("teams", http.MethodGet, "/teams", tag, "All teams with their members and queues"), s.listTeams)
	huma.Register(api, quiet("put-team", http.MethodPut, "/teams/{id}", "Add or change a team; a queue that was another team's is this one's then", 422), s.putTeam)
	huma.Register(api, quiet("delete-team", http.MethodDelete, "/teams/{id}", "Take a team away; work in its queues is no team's then", 404), s.deleteTeam)
	huma.Register(api, operation("role-rules", http.MethodGet, "/role-rules", tag, "How far each role sees, and what is hidden from it"), s.listRoleRules)
	huma.Register(api, operation("set-role-rule", http.MethodPut, "/role-rules/{role}", tag, "Set how far a role sees, and what is hidden from it; counts with the next request", 422), s.putRoleRule)
}

func (s *Server) listTeams(ctx context.Context, _ *struct{}) (*bodyOf[TeamList], error) {
	all, err := s.teams.All(ctx)
	return &bodyOf[TeamList]{TeamList{some(all)}}, s.problem(ctx, err)
}

type teamInput struct {
	ID   string `path:"id" pattern:"^[a-z0-9][a-z0-9_-]{0,63}$"`
	Body struct {
		Name    string   `json:"name" maxLength:"100"`
		Members []string `json:"members" maxItems:"2000" doc:"user names"`
		Queues  []string `json:"queues" maxItems:"500" doc:"ids of queues; each is one team's"`
	}
}

func (s *Server) putTeam(ctx context.Context, in *teamInput) (*struct{}, error) {
	d := team.Doc{ID: in.ID, Name: plain(in.Body.Name)}
	for _, list := range []struct {
		from []string
		to   *[]string
	}{{in.Body.Members, &d.Members}, {in.Body.Queues, &d.Queues}} {
		for _, name := range list.from {
			*list.to = append(*list.to, plain(name))
		}
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.teams.Put(ctx, tx, d); err != nil {
			return err
		}
		e := callerOf(ctx).entry(actTeamChanged, "team:"+in.ID)
		e.Detail = map[string]any{"members": len(d.Members), "queues": strings.Join(d.Queues, " ")}
		return s.audit.add(ctx, tx, e)
	})
	if errors.Is(err, team.ErrUnknown) {
		return nil, huma.Error422UnprocessableEntity(team.ErrUnknown.Error())
	}
	return nil, s.problem(ctx, err)
}

type teamPath struct {
	ID string `path:"id" pattern:"^[a-z0-9][a-z0-9_-]{0,63}$"`
}

func (s *Server) deleteTeam(ctx context.Context, in *teamPath) (*struct{}, error) {
	return nil, s.problem(ctx, s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.teams.Delete(ctx, tx, in.ID); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actTeamDeleted, "team:"+in.ID))
	}))
}

func (s *Server) listRoleRules(ctx context.Context, _ *struct{}) (*bodyOf[RoleRules], error) {
	all, err := s.teams.Rules(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := RoleRules{}
	for _, role := range Roles {
		r := RoleRule{Role: role, Reach: map[team.Noun]team.Reach{}, Hidden: []team.Field{}}
		if i := slices.IndexFunc(all, func(r team.Rule) bool { return r.Role == string(role) }); i >= 0 {
			r.Reach, r.Hidden = all[i].Reach, all[i].Hidden
		}
		out.Items = append(out.Items, r)
	}
	return &bodyOf[RoleRules]{out}, nil
}

type roleRuleInput struct {
	Role Role `path:"role" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
	Body struct {
		Reach  map[team.Noun]team.Reach `json:"reach" doc:"what is not in it is seen wholly"`
		Hidden []team.Field             `json:"hidden" maxItems:"5" enum:"phone,email,name,external,text"`
	}
}

func (s *Server) putRoleRule(ctx context.Context, in *roleRuleInput) (*bodyOf[RoleRule], error) {
	r := team.Rule{Role: string(in.Role), Reach: in.Body.Reach, Hidden: in.Body.Hidden}
	if err := r.Check(); err != nil {
		return nil, huma.Error422UnprocessableEntity(err.Error())
	}
	if in.Role == RoleAdmin && len(r.Reach)+len(r.Hidden) > 0 {
		return nil, huma.Error422UnprocessableEntity("administrators see all: they decide who sees what")
	}
	who := callerOf(ctx)
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.teams.PutRule(ctx, tx, r, who.User.Username); err != nil {
			return err
		}
		e := who.entry(actRoleChanged, "role:"+string(in.Role))
		e.Detail = map[string]any{"hidden": fieldWords(r.Hidden)}
		for noun, reach := range r.Reach {
			e.Detail[string(noun)] = string(reach)
		}
		return s.audit.add(ctx, tx, e)
	})
	return &bodyOf[RoleRule]{RoleRule{in.Role, r.Reach, r.Hidden}}, s.problem(ctx, err)
}

func fieldWords(fields []team.Field) string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = string(f)
	}
	return strings.Join(out, " ")
}

// unmaskable are routes that answer anything but JSON with what may be hidden: no mask reaches into sound, files and sheets.
// Sound and files are closed to whom texts are hidden from, sheets to whom anything is.
var unmaskable = map[string]bool{ // true: a sheet
	"/calls/:id/recording": false, "/voicemail/:id/audio": false, "/conversations/:id/files/:file": false, "/tickets/:id/files/:file": false, "/emotion/labels.zip": false,
	"/contacts/:id/export": true, "/contact-exports/:list/file": true, "/exports/:list/file": true, "/tickets.csv": true, "/analytics/:report/csv": true, "/call-lists/:id/entries.csv": true,
}

// whileMasked refuses what cannot be masked to those whom something is hidden from.
func (s *Server) whileMasked(c *gin.Context, sess *session) bool {
	sheet, there := unmaskable[strings.TrimPrefix(c.FullPath(), base)]
	if !there || c.Request.Method == http.MethodPost || len(sess.hidden) == 0 || !sheet && !slices.Contains(sess.hidden, team.Text) {
		return true
	}
	refuse(c, http.StatusForbidden, "your role sees some things masked only, which cannot be done here")
	return false
}

// made notes who wrote a contact down: no work leads to it yet.
func (s *Server) made(ctx context.Context, tx pgx.Tx, contact int64) error {
	_, err := tx.Exec(ctx, `insert into contact_makers (contact_id, user_id) values ($1, $2) on conflict do nothing`, contact, userID(ctx))
	return pg.Map(err)
}
