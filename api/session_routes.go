package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// SessionView is the body of GET and POST /session.
type SessionView struct {
	User User   `json:"user"`
	CSRF string `json:"csrf" doc:"to be sent as X-CSRF-Token with every change"`
}

type sessionOutput struct {
	Cookie http.Cookie `header:"Set-Cookie"`
	Body   SessionView
}

type signIn struct {
	from client
	Body struct {
		Username string `json:"username" maxLength:"64"`
		Password string `json:"password" maxLength:"800"`
	}
}

// client is where a request comes from.
type client struct {
	address, agent string
}

// Resolve notes the client of a public operation.
func (in *signIn) Resolve(ctx huma.Context) []error {
	c := humagin.Unwrap(ctx)
	in.from = client{c.ClientIP(), c.Request.UserAgent()}
	return nil
}

// operation describes one operation of the API.
func operation(id, method, path, tag, summary string, errs ...int) huma.Operation {
	op := huma.Operation{OperationID: id, Method: method, Path: base + path, Tags: []string{tag}, Summary: summary, MaxBodyBytes: maxBody, Errors: append(errs, http.StatusServiceUnavailable)}
	if least := access[method+" "+ginPath(base+path)]; least != public {
		op.Description = "Needs the role " + string(least) + " or more."
		op.Security = []map[string][]string{{"session": {}}}
		op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	return op
}

func (s *Server) sessionRoutes(api huma.API) {
	huma.Register(api, operation("sign-in", http.MethodPost, "/session", "session", "Sign in", 401, 429), s.signIn)
	huma.Register(api, operation("session", http.MethodGet, "/session", "session", "Who is signed in"), s.getSession)
	huma.Register(api, operation("sign-out", http.MethodDelete, "/session", "session", "Sign out"), s.signOut)
	huma.Register(api, operation("change-password", http.MethodPost, "/session/password", "session", "Change one's own password", 422), s.changePassword)
}

var errSignIn = huma.Error401Unauthorized("the user name or the password is wrong")

func (s *Server) signIn(ctx context.Context, in *signIn) (*sessionOutput, error) {
	account := canonical(in.Body.Username)
	wait, err := s.throttle.take(ctx, account, in.from.address)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if wait > 0 {
		return nil, tooMany(wait)
	}
	u, err := s.users.byName(ctx, account)
	if err != nil && !errors.Is(err, pg.ErrNotFound) {
		return nil, s.problem(ctx, err)
	}
	right, err := s.passwords.matches(ctx, in.Body.Password, u.hash)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if !right {
		// The name is not kept: people type passwords into the wrong field.
		e := entry{Actor: systemActor, Action: "session.refused", Address: in.from.address}
		if u.ID != "" {
			e.Subject = userSubject(u.ID)
		}
		if err := s.audit.write(ctx, e); err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, errSignIn
	}
	out, err := s.openSession(ctx, u.User, in.from)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return out, s.problem(ctx, s.throttle.forgive(ctx, account, in.from.address))
}

func tooMany(wait time.Duration) error {
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return huma.ErrorWithHeaders(huma.Error429TooManyRequests("too many wrong passwords; try again in "+seconds+" seconds"), http.Header{"Retry-After": {seconds}})
}

func (s *Server) openSession(ctx context.Context, u User, from client) (*sessionOutput, error) {
	out := &sessionOutput{}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		token, sess, err := s.sessions.open(ctx, tx, u, from.address, from.agent[:min(len(from.agent), 200)])
		if err != nil {
			return err
		}
		out.Cookie, out.Body = s.cookie(token, int(s.cfg.SessionMax.Seconds())), SessionView{u, sess.CSRF}
		return s.audit.add(ctx, tx, entry{Actor: u.Username, Action: "session.opened", Subject: userSubject(u.ID), Address: from.address})
	})
	return out, err
}

func (s *Server) cookie(value string, maxAge int) http.Cookie {
	return http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: s.cfg.TLS.on(), SameSite: http.SameSiteStrictMode}
}

type bodyOf[T any] struct {
	Body T
}

func (s *Server) getSession(ctx context.Context, _ *struct{}) (*bodyOf[SessionView], error) {
	who := callerOf(ctx)
	return &bodyOf[SessionView]{SessionView{who.User, who.CSRF}}, nil
}

type signedOut struct {
	Cookie http.Cookie `header:"Set-Cookie"`
}

func (s *Server) signOut(ctx context.Context, _ *struct{}) (*signedOut, error) {
	who := callerOf(ctx)
	if err := s.sessions.end(ctx, who.hash); err != nil {
		return nil, s.problem(ctx, err)
	}
	s.feed.disconnect(who.key())
	err := s.audit.write(ctx, who.entry("session.closed", userSubject(who.User.ID)))
	return &signedOut{s.cookie("", -1)}, s.problem(ctx, err)
}

type newPassword struct {
	Body struct {
		Old string `json:"old" maxLength:"800"`
		New string `json:"new" maxLength:"800"`
	}
}

// changePassword asks for the old one and ends all other sessions of the user.
func (s *Server) changePassword(ctx context.Context, in *newPassword) (*struct{}, error) {
	who := callerOf(ctx)
	if wait, err := s.throttle.take(ctx, who.User.Username, who.address); err != nil || wait > 0 {
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, tooMany(wait)
	}
	u, err := s.users.byName(ctx, who.User.Username)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	right, err := s.passwords.matches(ctx, in.Body.Old, u.hash)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	if !right {
		return nil, huma.Error422UnprocessableEntity("the old password is wrong")
	}
	if err := s.throttle.forgive(ctx, who.User.Username, who.address); err != nil {
		return nil, s.problem(ctx, err)
	}
	if wrong := acceptable(in.Body.New); wrong != "" {
		return nil, huma.Error422UnprocessableEntity(wrong)
	}
	hash, err := s.passwords.hash(ctx, in.Body.New)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	_, err = s.changeUser(ctx, who, who.User.ID, change{hash: &hash}, "user.password", nil, who.hash)
	return nil, s.problem(ctx, err)
}

// changeUser changes a user, ends the sessions that must end, and writes it down, all or nothing.
func (s *Server) changeUser(ctx context.Context, who *caller, id string, c change, action string, detail map[string]any, keep []byte) (User, error) {
	var u User
	var ended []string
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if u, err = s.users.update(ctx, tx, id, c); err != nil {
			return err
		}
		if c.ends() {
			if ended, err = s.sessions.endAll(ctx, tx, id, keep); err != nil {
				return err
			}
		}
		e := who.entry(action, userSubject(id))
		e.Detail = detail
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return User{}, err
	}
	for _, key := range ended {
		s.feed.disconnect(key)
	}
	s.people.changed(ctx)
	return u, nil
}
