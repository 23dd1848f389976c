package api

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
)

func init() {
	access[http.MethodGet+" "+base+"/api-keys"] = RoleAgent // one's own, as the next ones; see own
	access[http.MethodPost+" "+base+"/api-keys"] = RoleAgent
	access[http.MethodDelete+" "+base+"/api-keys/:id"] = RoleAgent
	access[http.MethodGet+" "+base+"/users/keys"] = RoleAdmin // everybody's
	access[http.MethodDelete+" "+base+"/users/keys/:id"] = RoleAdmin
}

func (s *Server) apiKeyRoutes(api huma.API) {
	const tag = "api keys"
	huma.Register(api, operation("api-keys", http.MethodGet, "/api-keys", tag, "One's own keys, at most 500, the newest first, and the scopes that a key may have"), s.ownKeys)
	create := operation("create-api-key", http.MethodPost, "/api-keys", tag, "Make a key for a program; it is told this once", 409, 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, s.createKey)
	huma.Register(api, quiet("revoke-api-key", http.MethodDelete, "/api-keys/{id}", tag, "End one of one's own keys at once", 404), s.revokeOwnKey)
	huma.Register(api, operation("all-api-keys", http.MethodGet, "/users/keys", tag, "Everybody's keys, at most 500, the newest first"), s.allKeys)
	huma.Register(api, quiet("revoke-any-api-key", http.MethodDelete, "/users/keys/{id}", tag, "End anybody's key at once", 404), s.revokeAnyKey)
}

// APIKeyList is the body of GET /api-keys and GET /users/keys.
type APIKeyList struct {
	Items  []APIKey `json:"items"`
	Scopes []string `json:"scopes" doc:"that a key of the one who asks may have"`
}

// usable are the scopes in which a role may do anything at all.
func usable(role Role) []string {
	found := map[string]bool{}
	for route := range access {
		if scope := scopeOf(route); scope != "" && allowed(role, route) {
			_, act, _ := strings.Cut(scope, ":")
			found[scope], found["*:"+act] = true, true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func (s *Server) ownKeys(ctx context.Context, _ *struct{}) (*bodyOf[APIKeyList], error) {
	who := callerOf(ctx)
	return s.keyList(ctx, who, who.User.ID)
}

func (s *Server) allKeys(ctx context.Context, _ *struct{}) (*bodyOf[APIKeyList], error) {
	return s.keyList(ctx, callerOf(ctx), "")
}

func (s *Server) keyList(ctx context.Context, who *caller, user string) (*bodyOf[APIKeyList], error) {
	all, err := s.keys.list(ctx, user)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[APIKeyList]{APIKeyList{all, usable(who.User.Role)}}, nil
}

type newKeyInput struct {
	Body struct {
		Name   string   `json:"name" minLength:"1" maxLength:"100" doc:"what the program is"`
		Scopes []string `json:"scopes" minItems:"1" maxItems:"50" doc:"such as calls:read; *:read is everything that can be read"`
		Days   int      `json:"days,omitempty" minimum:"0" maximum:"732" doc:"of life; 0: it does not expire"`
	}
}

// NewAPIKey is the answer to POST /api-keys.
type NewAPIKey struct {
	APIKey
	Token string `json:"token" doc:"the key, told this once; send it as Authorization: Bearer ..."`
}

func (s *Server) createKey(ctx context.Context, in *newKeyInput) (*bodyOf[NewAPIKey], error) {
	who := callerOf(ctx)
	name := strings.TrimSpace(plain(in.Body.Name))
	if name == "" {
		return nil, huma.Error422UnprocessableEntity("a key has a name", &huma.ErrorDetail{Location: "body.name", Message: "is empty"})
	}
	may := usable(who.User.Role)
	want := slices.Compact(slices.Sorted(slices.Values(in.Body.Scopes)))
	for _, scope := range want {
		if !slices.Contains(may, scope) {
			return nil, huma.Error422UnprocessableEntity("a scope is not one that you may give", &huma.ErrorDetail{Location: "body.scopes", Message: "unknown, or more than your role may"})
		}
	}
	var expires *time.Time
	if in.Body.Days > 0 {
		at := s.now().UTC().AddDate(0, 0, in.Body.Days)
		expires = &at
	}
	var out NewAPIKey
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if out.APIKey, out.Token, err = s.keys.make(ctx, tx, who.User, name, want, expires, who.User.Username); err != nil {
			return err
		}
		e := who.entry(actAPIKeyCreated, keySubject(out.ID))
		e.Detail = map[string]any{"scopes": strings.Join(want, " "), "days": in.Body.Days, "prefix": out.Prefix}
		return s.audit.add(ctx, tx, e)
	})
	if errors.Is(err, errManyKeys) {
		return nil, huma.Error409Conflict(errManyKeys.Error())
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[NewAPIKey]{out}, nil
}

func keySubject(id int64) string { return "api_key:" + strconv.FormatInt(id, 10) }

func (s *Server) revokeOwnKey(ctx context.Context, in *RowPath) (*struct{}, error) {
	return nil, s.revokeKey(ctx, in.ID, callerOf(ctx).User.ID)
}

func (s *Server) revokeAnyKey(ctx context.Context, in *RowPath) (*struct{}, error) {
	return nil, s.revokeKey(ctx, in.ID, "")
}

func (s *Server) revokeKey(ctx context.Context, id int64, of string) error {
	who := callerOf(ctx)
	var hash []byte
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		k, err := s.keys.revoke(ctx, tx, id, of, who.User.Username)
		if err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `select hash from api_keys where id = $1`, id).Scan(&hash); err != nil {
			return err
		}
		e := who.entry(actAPIKeyRevoked, keySubject(id))
		e.Detail = map[string]any{"owner": k.Owner, "prefix": k.Prefix}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return s.problem(ctx, err)
	}
	s.feed.disconnect((&session{hash: hash, apiKey: id}).key())
	return nil
}
