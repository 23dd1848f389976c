package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"
	"golang.org/x/oauth2"

	"tingxin/pg"
)

// OIDCConfig names an identity provider (OpenID Connect); off without an issuer.
type OIDCConfig struct {
	// Issuer is the provider's address as it stands in its tokens, "https://login.example.org/realms/main".
	Issuer       string `yaml:"issuer" koanf:"issuer"`
	ClientID     string `yaml:"client_id" koanf:"client_id"`
	ClientSecret string `yaml:"client_secret" koanf:"client_secret"`
	// Label is what the button says; the issuer's host when empty.
	Label string `yaml:"label" koanf:"label"`
	// URL is the address of our pages, to which the provider sends people back: "https://desk.example.org". Empty: as the browser asked.
	URL string `yaml:"url" koanf:"url"`
	// Scopes are asked for besides openid; profile and email when empty.
	Scopes []string `yaml:"scopes" koanf:"scopes"`
	// NameClaim holds the user name; preferred_username when empty.
	NameClaim string `yaml:"name_claim" koanf:"name_claim"`
	// RoleClaim holds a text or a list of them, Roles says which role each stands for; groups when empty. Of several the strongest counts.
	RoleClaim string          `yaml:"role_claim" koanf:"role_claim"`
	Roles     map[string]Role `yaml:"roles" koanf:"roles"`
	// DefaultRole is of whoever has none of them; empty lets nobody else in.
	DefaultRole Role `yaml:"default_role" koanf:"default_role"`
}

// Check tells what is wrong with the config in words that help.
func (c OIDCConfig) Check() error {
	if c.Issuer == "" {
		return nil
	}
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
		return fmt.Errorf("api.oidc.issuer %q is no address", c.Issuer)
	case c.ClientID == "":
		return errors.New("api.oidc.client_id is missing")
	case len(c.Roles) == 0 && c.DefaultRole == "":
		return errors.New("api.oidc: nobody would come in; set roles or default_role")
	}
	for _, r := range c.Roles {
		if !slices.Contains(Roles, r) {
			return fmt.Errorf("api.oidc.roles: there is no role %q", r)
		}
	}
	if c.DefaultRole != "" && !slices.Contains(Roles, c.DefaultRole) {
		return fmt.Errorf("api.oidc.default_role: there is no role %q", c.DefaultRole)
	}
	return nil
}

const (
	outsideCookie = "tingxin_outside"
	outsidePath   = base + "/session/outside"
	// outsideTime is how long a login at the provider may take.
	outsideTime = 10 * time.Minute
	// outsideWait bounds each question to the provider.
	outsideWait = 10 * time.Second
)

// outside is the identity provider. It is asked for its addresses at the first login, so that we start without it.
type outside struct {
	cfg    OIDCConfig
	client *http.Client

	asking   chan struct{} // holds one: whoever asks the provider for its addresses
	provider atomic.Pointer[oidc.Provider]
}

func newOutside(cfg OIDCConfig) *outside {
	if cfg.Issuer == "" {
		return nil
	}
	if cfg.Label == "" {
		if u, err := url.Parse(cfg.Issuer); err == nil {
			cfg.Label = u.Host
		}
	}
	if len(cfg.Scopes) == 0 {
		cfg.Scopes = []string{"profile", "email"}
	}
	if cfg.NameClaim == "" {
		cfg.NameClaim = "preferred_username"
	}
	if cfg.RoleClaim == "" {
		cfg.RoleClaim = "groups"
	}
	return &outside{cfg: cfg, client: &http.Client{Timeout: outsideWait}, asking: make(chan struct{}, 1)}
}

// errAsking: somebody is asking the provider, which does not answer at once.
var errAsking = errors.New("identity provider: it is being asked for its addresses; try again")

// found is the provider, asked once; after a failure the next login asks again. One login asks at a
// time: the others do not wait behind a provider that is down.
func (o *outside) found(ctx context.Context) (*oidc.Provider, error) {
	if p := o.provider.Load(); p != nil {
		return p, nil
	}
	select {
	case o.asking <- struct{}{}:
		defer func() { <-o.asking }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-time.After(time.Second):
		return nil, errAsking
	}
	if p := o.provider.Load(); p != nil {
		return p, nil
	}
	// The provider keeps the context for its keys: it must not end with the request.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.client), o.cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("identity provider: %w", err)
	}
	o.provider.Store(p)
	return p, nil
}

func (o *outside) oauth(p *oidc.Provider, back string) *oauth2.Config {
	return &oauth2.Config{ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: p.Endpoint(), RedirectURL: back, Scopes: append([]string{oidc.ScopeOpenID}, o.cfg.Scopes...)}
}

// identity is who somebody is at the provider.
type identity struct {
	issuer, subject, username, name string
	role                            Role // "" when none of the claims stands for one
}

// redeem turns the code into who it is: the token must be the provider's, for us, fresh, and of this very attempt.
func (o *outside) redeem(ctx context.Context, back, code, verifier, nonce string) (identity, error) {
	p, err := o.found(ctx)
	if err != nil {
		return identity{}, err
	}
	ctx = oidc.ClientContext(ctx, o.client)
	token, err := o.oauth(p, back).Exchange(ctx, code, oauth2.VerifierOption(verifier))
	if err != nil {
		return identity{}, fmt.Errorf("identity provider: code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := p.Verifier(&oidc.Config{ClientID: o.cfg.ClientID}).Verify(ctx, raw)
	if err != nil {
		return identity{}, fmt.Errorf("identity provider: token: %w", err)
	}
	if !sameText(id.Nonce, nonce) {
		return identity{}, errors.New("identity provider: the token is of another attempt")
	}
	claims := map[string]any{}
	if err := id.Claims(&claims); err != nil {
		return identity{}, fmt.Errorf("identity provider: claims: %w", err)
	}
	who := identity{issuer: id.Issuer, subject: id.Subject, role: o.cfg.roleOf(claims[o.cfg.RoleClaim])}
	who.username, _ = claims[o.cfg.NameClaim].(string)
	who.name, _ = claims["name"].(string)
	return who, nil
}

// roleOf is the strongest role that the claim stands for.
func (c *OIDCConfig) roleOf(claim any) Role {
	var values []string
	switch claim := claim.(type) {
	case string:
		values = []string{claim}
	case []any:
		for _, v := range claim {
			if s, ok := v.(string); ok {
				values = append(values, s)
			}
		}
	}
	best, at := c.DefaultRole, -1
	for _, v := range values {
		if role, ok := c.Roles[v]; ok {
			if i := slices.Index(Roles, role); i > at {
				best, at = role, i
			}
		}
	}
	return best
}

func init() {
	access[http.MethodGet+" "+base+"/session/options"] = public
	access[http.MethodGet+" "+outsidePath] = public
	access[http.MethodGet+" "+outsidePath+"/callback"] = public
}

func (s *Server) loginRoutes(api huma.API) {
	const tag = "session"
	huma.Register(api, operation("sign-in-options", http.MethodGet, "/session/options", tag, "In which ways one can sign in"), s.signInOptions)
	huma.Register(api, redirecting("sign-in-outside", "/session/outside", "Sign in at the identity provider"), s.signInOutside)
	huma.Register(api, redirecting("sign-in-outside-callback", "/session/outside/callback", "Where the identity provider sends people back to"), s.signedInOutside)
}

func redirecting(id, path, summary string) huma.Operation {
	op := operation(id, http.MethodGet, path, "session", summary, 404)
	op.DefaultStatus = http.StatusFound
	return op
}

// SignInOptions is the body of GET /session/options.
type SignInOptions struct {
	Outside string `json:"outside,omitempty" doc:"name of the identity provider; absent when there is none"`
}

func (s *Server) signInOptions(context.Context, *struct{}) (*bodyOf[SignInOptions], error) {
	out := SignInOptions{}
	if s.outside != nil {
		out.Outside = s.outside.cfg.Label
	}
	return &bodyOf[SignInOptions]{out}, nil
}

// away is an answer that sends the browser on.
type away struct {
	Status   int
	Location string        `header:"Location"`
	Cookies  []http.Cookie `header:"Set-Cookie"`
}

type outsideInput struct {
	gin  *gin.Context
	Next string `query:"next" maxLength:"500" doc:"page of ours to go on with"`
}

// Resolve notes the request.
func (in *outsideInput) Resolve(ctx huma.Context) []error {
	in.gin = humagin.Unwrap(ctx)
	return nil
}

// back is our address for the provider.
func (s *Server) back(c *gin.Context) string {
	origin := strings.TrimSuffix(s.outside.cfg.URL, "/")
	if origin == "" {
		origin = "http://" + c.Request.Host
		if s.cfg.TLS.on() {
			origin = "https://" + c.Request.Host
		}
	}
	return origin + outsidePath + "/callback"
}

// ourPage keeps a redirect on our pages: a path, never another host.
func ourPage(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(u.Path, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return u.RequestURI()
}

func (s *Server) outsideState(value string, age time.Duration) http.Cookie {
	// Lax: the provider sends the browser back from another site.
	c := http.Cookie{Name: outsideCookie, Value: value, Path: outsidePath, MaxAge: int(age.Seconds()), HttpOnly: true, Secure: s.cfg.TLS.on(), SameSite: http.SameSiteLaxMode}
	if age <= 0 {
		c.MaxAge = -1
	}
	return c
}

func (s *Server) signInOutside(ctx context.Context, in *outsideInput) (*away, error) {
	if s.outside == nil {
		return nil, huma.Error404NotFound("there is no identity provider")
	}
	p, err := s.outside.found(ctx)
	if err != nil {
		s.log.Error("login from outside", "error", err)
		return &away{Status: http.StatusFound, Location: "/login?outside=failed"}, nil
	}
	state, nonce, verifier := randomText(32), randomText(24), oauth2.GenerateVerifier()
	now := s.now()
	if _, err := s.db.Exec(ctx, `delete from outside_attempts where created_at < $1`, now.Add(-outsideTime)); err != nil {
		return nil, s.problem(ctx, err)
	}
	if _, err := s.db.Exec(ctx, `insert into outside_attempts (state_hash, verifier, nonce, next, created_at) values ($1, $2, $3, $4, $5)`,
		tokenHash(state), verifier, nonce, ourPage(plain(in.Next)), now); err != nil {
		return nil, s.problem(ctx, err)
	}
	to := s.outside.oauth(p, s.back(in.gin)).AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier))
	return &away{Status: http.StatusFound, Location: to, Cookies: []http.Cookie{s.outsideState(state, outsideTime)}}, nil
}

type callbackInput struct {
	gin   *gin.Context
	State string `query:"state" maxLength:"200"`
	Code  string `query:"code" maxLength:"4000"`
	Error string `query:"error" maxLength:"200"`
}

// Resolve notes the request.
func (in *callbackInput) Resolve(ctx huma.Context) []error {
	in.gin = humagin.Unwrap(ctx)
	return nil
}

// Errors of logins from outside.
var (
	errRefused = errors.New("no role for this person")
	errTaken   = errors.New("the user name is somebody else's here")
)

func (s *Server) signedInOutside(ctx context.Context, in *callbackInput) (*away, error) {
	if s.outside == nil {
		return nil, huma.Error404NotFound("there is no identity provider")
	}
	out := &away{Status: http.StatusFound, Cookies: []http.Cookie{s.outsideState("", 0)}}
	from := client{in.gin.ClientIP(), in.gin.Request.UserAgent()}
	next, session, err := s.outsideSession(ctx, in, from)
	switch {
	case errors.Is(err, errRefused), errors.Is(err, errTaken):
		s.log.Info("login from outside refused", "error", err)
		if err := s.audit.write(ctx, entry{Actor: systemActor, Action: actSessionRefused, Address: from.address, Detail: map[string]any{"outside": true, "reason": err.Error()}}); err != nil {
			return nil, s.problem(ctx, err)
		}
		out.Location = "/login?outside=refused"
	case err != nil:
		s.log.Warn("login from outside failed", "error", err)
		out.Location = "/login?outside=failed"
	default:
		out.Location, out.Cookies = next, append(out.Cookies, session.Cookie)
	}
	return out, nil
}

func (s *Server) outsideSession(ctx context.Context, in *callbackInput, from client) (next string, out *sessionOutput, err error) {
	cookie, err := in.gin.Cookie(outsideCookie)
	if err != nil || in.State == "" || !sameText(cookie, in.State) {
		return "", nil, errors.New("the attempt is not this browser's")
	}
	var verifier, nonce string
	var began time.Time
	err = s.db.Pool().QueryRow(ctx, `delete from outside_attempts where state_hash = $1 returning verifier, nonce, next, created_at`, tokenHash(in.State)).Scan(&verifier, &nonce, &next, &began)
	if err != nil {
		return "", nil, fmt.Errorf("attempt: %w", pg.Map(err))
	}
	if s.now().Sub(began) > outsideTime {
		return "", nil, errors.New("the attempt took too long")
	}
	if in.Error != "" || in.Code == "" {
		return "", nil, fmt.Errorf("the provider says %q", in.Error)
	}
	who, err := s.outside.redeem(ctx, s.back(in.gin), in.Code, verifier, nonce)
	if err != nil {
		return "", nil, err
	}
	if who.role == public {
		return "", nil, errRefused
	}
	u, err := s.outsideUser(ctx, who)
	if err != nil {
		return "", nil, err
	}
	out, err = s.openSession(ctx, u, from, "", true)
	return next, out, err
}

// outsideUser is the user of an identity: the one of earlier logins, with the role that the provider says
// now, or a new one. A user name that somebody has already is never taken over.
func (s *Server) outsideUser(ctx context.Context, who identity) (User, error) {
	var u User
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		var id string
		err := tx.QueryRow(ctx, `select user_id::text from outside_logins where issuer = $1 and subject = $2`, who.issuer, who.subject).Scan(&id)
		switch {
		case err == nil:
			u, err = s.outsideRole(ctx, tx, id, who.role)
			return err
		case !errors.Is(err, pgx.ErrNoRows):
			return err
		}
		name := canonical(who.username)
		if name == "" || len(name) > 64 {
			return errRefused
		}
		u, err = s.users.insert(ctx, tx, User{Username: name, Name: plain(cutRunes(who.name, 100)), Role: who.role}, "") // no password opens it
		if errors.Is(pg.Map(err), pg.ErrConflict) {
			return errTaken
		}
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `insert into outside_logins (issuer, subject, user_id) values ($1, $2, $3::bigint)`, who.issuer, who.subject, u.ID); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, entry{Actor: systemActor, Action: actUserCreated, Subject: userSubject(u.ID), Detail: map[string]any{"role": u.Role, "outside": true}})
	})
	if err == nil {
		s.people.changed(ctx)
	}
	return u, err
}

// outsideRole gives a known user the role that the provider says now. Whoever is locked here stays locked.
func (s *Server) outsideRole(ctx context.Context, tx pgx.Tx, id string, role Role) (User, error) {
	rows, err := tx.Query(ctx, `select `+userColumns+` from users where id = $1::bigint`, id)
	if err != nil {
		return User{}, err
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	switch {
	case err != nil:
		return User{}, err
	case u.Disabled:
		return User{}, errRefused
	case u.Role == role:
		return u, nil
	}
	if u, err = s.users.update(ctx, tx, id, change{role: &role}); err != nil {
		return User{}, err
	}
	if _, err := s.sessions.endAll(ctx, tx, id, nil); err != nil {
		return User{}, err
	}
	return u, s.audit.add(ctx, tx, entry{Actor: systemActor, Action: actUserChanged, Subject: userSubject(id), Detail: map[string]any{"role": role, "outside": true}})
}

func cutRunes(s string, n int) string {
	if runes := []rune(s); len(runes) > n {
		return string(runes[:n])
	}
	return s
}
