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
	// What stands between the user and the pages.
	Locked bool `json:"locked" doc:"give the password to POST /session/unlock"`
	Enrol  bool `json:"enrol" doc:"the role needs a second factor: set it up first"`
	// Idle is for the page: it locks itself.
	IdleMinutes int        `json:"idle_minutes" doc:"without a hand on the page until it locks; 0: never"`
	Outside     bool       `json:"outside" doc:"signed in through the identity provider"`
	Masked      bool       `json:"masked" doc:"numbers, addresses and names are shown masked"`
	Mood        MoodLimits `json:"mood"`
	// Feed is put behind the names of channels.
	Feed string `json:"feed,omitempty" doc:"to be put behind the name of each channel of the live feed: whose events they are"`
}

// MoodLimits are where a mood, 0 to 1, gets its words: those of emotion.rules.
type MoodLimits struct {
	Tense float32 `json:"tense" doc:"above it a mood is tense"`
	Angry float32 `json:"angry" doc:"from it on a mood is angry"`
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
		Code     string `json:"code,omitempty" maxLength:"40" doc:"of the authenticator, or a recovery code; asked for with status 401 and the detail \"second factor\""`
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

// operation describes one operation of the API; who may call it is said by complete.
func operation(id, method, path, tag, summary string, errs ...int) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: base + path, Tags: []string{tag}, Summary: summary, MaxBodyBytes: maxBody, Errors: append(errs, http.StatusServiceUnavailable)}
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
		e := entry{Actor: systemActor, Action: actSessionRefused, Address: in.from.address}
		if u.ID != "" {
			e.Subject = userSubject(u.ID)
		}
		if err := s.audit.write(ctx, e); err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, errSignIn
	}
	out, err := s.openSession(ctx, u.User, in.from, in.Body.Code, false)
	switch {
	case errors.Is(err, errFactorAsked): // the guess is not forgiven: else codes could be tried for ever
		return nil, errFactorNeeded
	case errors.Is(err, errCode):
		e := entry{Actor: systemActor, Action: actSessionRefused, Address: in.from.address, Subject: userSubject(u.ID), Detail: map[string]any{"second_factor": true}}
		if err := s.audit.write(ctx, e); err != nil {
			return nil, s.problem(ctx, err)
		}
		return nil, errFactorWrong
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	return out, s.problem(ctx, s.throttle.forgive(ctx, account, in.from.address))
}

func tooMany(wait time.Duration) error {
	seconds := strconv.Itoa(int(math.Ceil(wait.Seconds())))
	return huma.ErrorWithHeaders(huma.Error429TooManyRequests("too many wrong passwords; try again in "+seconds+" seconds"), http.Header{"Retry-After": {seconds}})
}

// What the page does with a second factor it tells by these words.
var (
	errFactorAsked  = errors.New("second factor asked")
	errFactorNeeded = huma.Error401Unauthorized("second factor")
	errFactorWrong  = huma.Error401Unauthorized("second factor wrong")
)

// openSession opens a session once the second factor is given, when there is one. Who came from outside has shown it there.
func (s *Server) openSession(ctx context.Context, u User, from client, code string, outside bool) (*sessionOutput, error) {
	out := &sessionOutput{}
	var sess session
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		detail := map[string]any{}
		if !outside {
			var on bool
			if err := tx.QueryRow(ctx, `select exists (select 1 from second_factors where user_id = $1::bigint and confirmed_at is not null)`, u.ID).Scan(&on); err != nil {
				return err
			}
			if on && code == "" {
				return errFactorAsked
			}
			if on {
				recovery, err := s.factors.check(ctx, tx, u.ID, code, false)
				if err != nil {
					return err
				}
				detail["second_factor"], detail["recovery_code"] = true, recovery
			}
		} else {
			detail["outside"] = true
		}
		var token string
		var err error
		if token, sess, err = s.sessions.open(ctx, tx, u, from.address, plain(from.agent[:min(len(from.agent), 200)]), outside); err != nil {
			return err
		}
		out.Cookie = s.cookie(token, int(s.cfg.SessionMax.Seconds()))
		return s.audit.add(ctx, tx, entry{Actor: u.Username, Action: actSessionOpened, Subject: userSubject(u.ID), Address: from.address, Detail: detail})
	})
	if err == nil {
		out.Body, err = s.sessionView(ctx, &sess)
	}
	return out, err
}

func (s *Server) sessionView(ctx context.Context, sess *session) (SessionView, error) {
	v := SessionView{User: sess.User, CSRF: sess.CSRF, Locked: sess.locked, Outside: sess.outside, Masked: len(sess.hidden) > 0}
	moods := s.parts.Calls.MoodRules()
	v.Mood = MoodLimits{moods.Clear, moods.Raise}
	demands, err := s.demands(ctx)
	if err != nil {
		return v, err
	}
	if !sess.outside { // there is no password to open it with
		v.IdleMinutes = demands.IdleMinutes
	}
	a, err := s.audienceFor(ctx, sess)
	if err != nil {
		return v, err
	}
	if key := a.key(); key != "" {
		v.Feed = audienceMark + key
	}
	v.Enrol, err = s.mustEnrol(ctx, sess)
	return v, err
}

func (s *Server) cookie(value string, maxAge int) http.Cookie {
	return http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: maxAge, HttpOnly: true, Secure: s.cfg.TLS.on(), SameSite: http.SameSiteStrictMode}
}

type bodyOf[T any] struct {
	Body T
}

func (s *Server) getSession(ctx context.Context, _ *struct{}) (*bodyOf[SessionView], error) {
	v, err := s.sessionView(ctx, callerOf(ctx).session)
	return &bodyOf[SessionView]{v}, s.problem(ctx, err)
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
	err := s.audit.write(ctx, who.entry(actSessionClosed, userSubject(who.User.ID)))
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
	_, err = s.changeUser(ctx, who, who.User.ID, change{hash: &hash}, actUserPassword, nil, who.hash)
	return nil, s.problem(ctx, err)
}

// changeUser changes a user, ends the sessions that must end, and writes it down, all or nothing.
func (s *Server) changeUser(ctx context.Context, who *caller, id string, c change, action act, detail map[string]any, keep []byte) (User, error) {
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
