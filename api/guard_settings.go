package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Security is what administrators demand of logins.
type Security struct {
	SecondFactor []Role `json:"second_factor" maxItems:"10" doc:"roles that must have a second factor" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
	IdleMinutes  int    `json:"idle_minutes" minimum:"0" maximum:"480" doc:"without a hand on the page until it locks; 0: never"`
}

const securityKey = "security"

// securityCache is Security for a few seconds, since every request asks.
type securityCache struct{ at atomic.Pointer[securityAt] }

type securityAt struct {
	Security
	until time.Time
}

// securityTime is how late another server learns of a change.
const securityTime = 5 * time.Second

// demands is what is demanded now.
func (s *Server) demands(ctx context.Context) (Security, error) {
	if known := s.security.at.Load(); known != nil && s.now().Before(known.until) {
		return known.Security, nil
	}
	v := Security{SecondFactor: []Role{}}
	raw, err := pg.Row(ctx, s.db, pgx.RowTo[[]byte], `select value from settings where key = $1`, securityKey)
	if err == nil {
		err = json.Unmarshal(raw, &v)
	} else if errors.Is(err, pg.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return v, fmt.Errorf("setting %s: %w", securityKey, err)
	}
	s.security.at.Store(&securityAt{v, s.now().Add(securityTime)})
	return v, nil
}

// requires tells whether a role must have a second factor.
func (s *Server) requires(ctx context.Context, role Role) (bool, error) {
	v, err := s.demands(ctx)
	return slices.Contains(v.SecondFactor, role), err
}

// mustEnrol tells whether a session may do nothing before its user has a second factor. Who came from
// outside has shown it there.
func (s *Server) mustEnrol(ctx context.Context, sess *session) (bool, error) {
	if sess.factor || sess.outside || sess.apiKey != 0 {
		return false, nil
	}
	return s.requires(ctx, sess.User.Role)
}

func init() {
	access[http.MethodGet+" "+base+"/settings/security"] = RoleAdmin
	access[http.MethodPut+" "+base+"/settings/security"] = RoleAdmin
	access[http.MethodGet+" "+base+"/users/:id/sessions"] = RoleAdmin
	access[http.MethodDelete+" "+base+"/users/:id/sessions"] = RoleAdmin
	access[http.MethodDelete+" "+base+"/users/:id/second-factor"] = RoleAdmin
}

func (s *Server) guardRoutes(api huma.API) {
	s.factorRoutes(api)
	huma.Register(api, operation("security", http.MethodGet, "/settings/security", "settings", "What is demanded of logins"), s.getSecurity)
	huma.Register(api, operation("set-security", http.MethodPut, "/settings/security", "settings", "Demand second factors and locks", 409, 422), s.putSecurity)
	huma.Register(api, operation("sessions", http.MethodGet, "/sessions", "session", "Where one is signed in, at most 200, the last seen first"), s.ownSessions)
	huma.Register(api, quiet("end-session", http.MethodDelete, "/sessions/{id}", "session", "End one of one's own sessions", 404), s.endOwnSession)
	huma.Register(api, quiet("lock-session", http.MethodPost, "/session/lock", "session", "Lock this session until the password is given"), s.lockSession)
	huma.Register(api, quiet("unlock-session", http.MethodPost, "/session/unlock", "session", "Open a locked session with the password", 422, 429), s.unlockSession)
	huma.Register(api, operation("user-sessions", http.MethodGet, "/users/{id}/sessions", "users", "Where a user is signed in, at most 200, the last seen first", 404), s.userSessions)
	huma.Register(api, quiet("end-user-sessions", http.MethodDelete, "/users/{id}/sessions", "users", "Sign a user out everywhere", 404), s.endUserSessions)
	huma.Register(api, quiet("remove-user-second-factor", http.MethodDelete, "/users/{id}/second-factor", "users", "Take a lost second factor away; the user's sessions end", 404), s.dropUserFactor)
}

func (s *Server) getSecurity(ctx context.Context, _ *struct{}) (*bodyOf[Security], error) {
	v, err := s.demands(ctx)
	return &bodyOf[Security]{v}, s.problem(ctx, err)
}

func (s *Server) putSecurity(ctx context.Context, in *bodyOf[Security]) (*bodyOf[Security], error) {
	who, v := callerOf(ctx), in.Body
	v.SecondFactor = slices.Compact(slices.Sorted(slices.Values(v.SecondFactor)))
	if len(v.SecondFactor) > 0 && s.parts.Vault == nil {
		return nil, huma.Error409Conflict("this server has no key file to seal second factors with")
	}
	if v.SecondFactor == nil {
		v.SecondFactor = []Role{}
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into settings (key, value, updated_by) values ($1, $2, $3)
			on conflict (key) do update set value = $2, updated_by = $3, updated_at = now()`, securityKey, v, who.User.Username); err != nil {
			return err
		}
		e := who.entry(actSecurityChanged, "settings:security")
		e.Detail = map[string]any{"second_factor": roleWords(v.SecondFactor), "idle_minutes": v.IdleMinutes}
		return s.audit.add(ctx, tx, e)
	})
	s.security.at.Store(nil)
	return &bodyOf[Security]{v}, s.problem(ctx, err)
}

func roleWords(roles []Role) string {
	out := make([]string, len(roles))
	for i, r := range roles {
		out[i] = string(r)
	}
	return strings.Join(out, " ")
}

// SignedIn is one place where somebody is signed in.
type SignedIn struct {
	ID        string    `json:"id"`
	Address   string    `json:"address"`
	Browser   string    `json:"browser" doc:"its own name"`
	CreatedAt time.Time `json:"created_at"`
	SeenAt    time.Time `json:"seen_at" doc:"to the minute"`
	Locked    bool      `json:"locked"`
	Outside   bool      `json:"outside" doc:"through the identity provider"`
	Here      bool      `json:"here" doc:"the one that asks"`
}

// SignedInList is the body of GET /sessions and GET /users/{id}/sessions.
type SignedInList struct {
	Items []SignedIn `json:"items"`
}

func (s *Server) sessionsOf(ctx context.Context, user string) (*bodyOf[SignedInList], error) {
	all, err := s.sessions.of(ctx, user)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	here := callerOf(ctx).key()
	out := SignedInList{Items: make([]SignedIn, len(all))}
	for i, v := range all {
		out.Items[i] = SignedIn{v.id(), v.address, v.agent, v.created.UTC(), v.seen.UTC(), v.locked, v.outside, v.key() == here}
	}
	return &bodyOf[SignedInList]{out}, nil
}

func (s *Server) ownSessions(ctx context.Context, _ *struct{}) (*bodyOf[SignedInList], error) {
	return s.sessionsOf(ctx, callerOf(ctx).User.ID)
}

type userPath struct {
	ID string `path:"id" pattern:"^[0-9]{1,18}$"`
}

func (s *Server) userSessions(ctx context.Context, in *userPath) (*bodyOf[SignedInList], error) {
	if err := s.knownUser(ctx, in.ID); err != nil {
		return nil, err
	}
	return s.sessionsOf(ctx, in.ID)
}

func (s *Server) knownUser(ctx context.Context, id string) error {
	_, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select 1 from users where id = $1::bigint`, id)
	return s.problem(ctx, err)
}

type sessionPath struct {
	ID string `path:"id" pattern:"^[0-9a-f]{16}$"`
}

func (s *Server) endOwnSession(ctx context.Context, in *sessionPath) (*struct{}, error) {
	who := callerOf(ctx)
	var key string
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if key, err = s.sessions.endOne(ctx, tx, who.User.ID, in.ID); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actSessionEnded, userSubject(who.User.ID)))
	})
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	s.feed.disconnect(key)
	return nil, nil
}

func (s *Server) endUserSessions(ctx context.Context, in *userPath) (*struct{}, error) {
	if err := s.knownUser(ctx, in.ID); err != nil {
		return nil, err
	}
	return nil, s.endSessions(ctx, in.ID, actSessionAllEnded, nil)
}

// endSessions does something to a user's login and ends all their sessions with it.
func (s *Server) endSessions(ctx context.Context, user string, action act, also func(pgx.Tx) error) error {
	who := callerOf(ctx)
	var ended []string
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if also != nil {
			if err := also(tx); err != nil {
				return err
			}
		}
		if ended, err = s.sessions.endAll(ctx, tx, user, nil); err != nil {
			return err
		}
		e := who.entry(action, userSubject(user))
		e.Detail = map[string]any{"sessions": len(ended)}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return s.problem(ctx, err)
	}
	for _, key := range ended {
		s.feed.disconnect(key)
	}
	return nil
}

func (s *Server) dropUserFactor(ctx context.Context, in *userPath) (*struct{}, error) {
	return nil, s.endSessions(ctx, in.ID, actSecondFactorRemoved, func(tx pgx.Tx) error { return s.factors.remove(ctx, tx, in.ID) })
}

func (s *Server) lockSession(ctx context.Context, _ *struct{}) (*struct{}, error) {
	who := callerOf(ctx)
	if who.outside { // there is no password to open it with
		return nil, huma.Error409Conflict("a session from outside is not locked here: sign out instead")
	}
	return nil, s.problem(ctx, s.sessions.lock(ctx, who.hash, true))
}

func (s *Server) unlockSession(ctx context.Context, in *passwordBody) (*struct{}, error) {
	who := callerOf(ctx)
	if err := s.proves(ctx, who, in.Body.Password); err != nil {
		return nil, err
	}
	return nil, s.problem(ctx, s.sessions.lock(ctx, who.hash, false))
}
