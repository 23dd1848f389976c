package api

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"
)

// UserList is the body of GET /users.
type UserList struct {
	Items []User `json:"items"`
}

func (s *Server) userRoutes(api huma.API) {
	huma.Register(api, operation("users", http.MethodGet, "/users", "users", "All users"), s.listUsers)
	create := operation("create-user", http.MethodPost, "/users", "users", "Add a user", 409, 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, s.createUser)
	huma.Register(api, operation("change-user", http.MethodPatch, "/users/{id}", "users", "Change a user; a new role, password or lock ends the user's sessions", 404, 409, 422), s.patchUser)
}

func (s *Server) listUsers(ctx context.Context, _ *struct{}) (*bodyOf[UserList], error) {
	all, err := s.users.all(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[UserList]{UserList{all}}, nil
}

type newUser struct {
	Body struct {
		Username string `json:"username" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9][A-Za-z0-9._@-]*$"`
		Password string `json:"password" maxLength:"800"`
		Name     string `json:"name,omitempty" maxLength:"100"`
		Role     Role   `json:"role" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
		Language string `json:"language,omitempty" maxLength:"35"`
	}
}

func (s *Server) createUser(ctx context.Context, in *newUser) (*bodyOf[User], error) {
	who := callerOf(ctx)
	if wrong := acceptable(in.Body.Password); wrong != "" {
		return nil, huma.Error422UnprocessableEntity(wrong)
	}
	hash, err := s.passwords.hash(ctx, in.Body.Password)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	var u User
	err = s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		u, err = s.users.insert(ctx, tx, User{Username: in.Body.Username, Name: plain(in.Body.Name), Role: in.Body.Role, Language: plain(in.Body.Language)}, hash)
		if err != nil {
			return err
		}
		e := who.entry(actUserCreated, userSubject(u.ID))
		e.Detail = map[string]any{"role": u.Role}
		return s.audit.add(ctx, tx, e)
	})
	if err == nil {
		s.people.changed(ctx)
	}
	return &bodyOf[User]{u}, s.problem(ctx, err)
}

type userChange struct {
	ID   string `path:"id" pattern:"^[0-9]{1,18}$"`
	Body struct {
		Name     *string `json:"name,omitempty" maxLength:"100"`
		Role     *Role   `json:"role,omitempty" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
		Language *string `json:"language,omitempty" maxLength:"35"`
		Disabled *bool   `json:"disabled,omitempty"`
		Password *string `json:"password,omitempty" maxLength:"800"`
	}
}

func (s *Server) patchUser(ctx context.Context, in *userChange) (*bodyOf[User], error) {
	b := &in.Body
	c := change{name: plainOrNil(b.Name), language: plainOrNil(b.Language), role: b.Role, disabled: b.Disabled}
	detail := map[string]any{"name": b.Name != nil, "language": b.Language != nil, "password": b.Password != nil}
	if b.Role != nil {
		detail["role"] = *b.Role
	}
	if b.Disabled != nil {
		detail["disabled"] = *b.Disabled
	}
	if b.Password != nil {
		if wrong := acceptable(*b.Password); wrong != "" {
			return nil, huma.Error422UnprocessableEntity(wrong)
		}
		hash, err := s.passwords.hash(ctx, *b.Password)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		c.hash = &hash
	}
	u, err := s.changeUser(ctx, callerOf(ctx), in.ID, c, actUserChanged, detail, nil)
	if errors.Is(err, errLastAdmin) {
		return nil, huma.Error409Conflict(errLastAdmin.Error())
	}
	return &bodyOf[User]{u}, s.problem(ctx, err)
}

// plain takes out what PostgreSQL cannot hold.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

func plainOrNil(s *string) *string {
	if s == nil {
		return nil
	}
	p := plain(*s)
	return &p
}
