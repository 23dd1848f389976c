package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"tingxin/pg"
	"tingxin/team"
)

const (
	// maxBody is the longest body of a request.
	maxBody = 64 << 10
	// requestTime is how long a request may take, and a client to take its answer, unless its handler says otherwise.
	requestTime = 30 * time.Second
	// contentPolicy lets pages load what this server sends and nothing else. Ant
	// Design writes its styles into the page, hence 'unsafe-inline' for styles only.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; " +
		"connect-src 'self'; media-src 'self' blob:; frame-src 'self'; manifest-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)

// recovered keeps a panic of one request from ending the server.
func (s *Server) recovered(c *gin.Context) {
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		if r == http.ErrAbortHandler {
			panic(r) // net/http's own way to cut a connection
		}
		s.log.Error("request panicked", "route", c.FullPath(), "panic", r, "stack", string(debug.Stack()))
		if !c.Writer.Written() {
			refuse(c, http.StatusInternalServerError, "internal")
		}
	}()
	c.Next()
}

// headers sets what every answer carries and bounds the request.
func (s *Server) headers(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(self)")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if s.cfg.TLS.on() {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	route := c.Request.Method + " " + c.FullPath()
	limit := max(bodyLimit(c.FullPath()), 2*wideRoutes[route])
	if c.Request.ContentLength > limit/2 || c.Request.ContentLength < 0 {
		// What is left unread of such a body would be taken for the next request: net/http
		// cannot see through a replaced body that it was not read to its end.
		h.Set("Connection", "close")
	}
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, limit)
	_ = http.NewResponseController(c.Writer).SetWriteDeadline(time.Now().Add(max(requestTime, slowRoutes[route]))) // not every test's writer can
	c.Next()
}

// guard lets a request through when the access table allows it: a living session
// with enough rights, from our own pages, and for changes with the CSRF token.
func (s *Server) guard(c *gin.Context) {
	path := c.FullPath()
	if path == "" { // no route: the browser's files, or 404
		c.Next()
		return
	}
	if u := c.Request.URL; strings.HasPrefix(path, base+"/") && (strings.Contains(u.Path, "\x00") || strings.Contains(u.RawQuery, "%00") || !utf8.ValidString(u.Path)) {
		refuse(c, http.StatusBadRequest, "an address has no zero bytes and no broken characters")
		return
	}
	least, listed := access[c.Request.Method+" "+path]
	if !listed {
		refuse(c, http.StatusNotFound, "there is no such thing")
		return
	}
	changes := c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead
	if (changes || path == base+"/realtime" || path == base+"/wall/realtime") && !s.ownOrigin(c.Request) {
		refuse(c, http.StatusForbidden, "this page may not use the API")
		return
	}
	if least == public {
		if unpaced[path] || s.paced(c, "address:"+c.ClientIP(), pacePublic) {
			c.Next()
		}
		return
	}
	sess, err := s.authenticate(c)
	switch {
	case errors.Is(err, pg.ErrNotFound):
		// Guessing keys and cookies is counted like everything else without a login.
		if s.paced(c, "address:"+c.ClientIP(), pacePublic) {
			c.Header("WWW-Authenticate", `Bearer realm="tingxin"`)
			refuse(c, http.StatusUnauthorized, "sign in first")
		}
	case err != nil:
		s.refuseError(c, err)
	case sess.apiKey == 0 && !s.paced(c, "user:"+sess.User.ID, pacePerson), sess.apiKey != 0 && !s.paced(c, sess.key(), paceKey):
	case !s.admitted(c, sess, c.Request.Method+" "+path):
	case changes && sess.apiKey == 0 && !sameText(c.GetHeader("X-CSRF-Token"), sess.CSRF):
		refuse(c, http.StatusForbidden, "the X-CSRF-Token header is missing or not this session's")
	case !s.whileMasked(c, sess):
	default:
		sight, err := s.sightOf(c.Request.Context(), sess)
		if err != nil {
			s.refuseError(c, err)
			return
		}
		ctx, cancel := context.WithTimeout(context.WithValue(team.With(c.Request.Context(), sight), requestKey{}, &caller{sess, c.ClientIP()}), max(s.limit(path), slowRoutes[c.Request.Method+" "+path]))
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		if s.inSight(c) {
			c.Next()
		}
	}
}

// limit is how long a request may run: feeds and downloads have their own ways to end.
func (s *Server) limit(path string) time.Duration {
	if path == base+"/realtime" || strings.HasSuffix(path, "/recording") {
		return s.cfg.SessionMax
	}
	if path == base+"/contacts/:id/export" || path == base+"/contact-exports/:list/file" || path == base+"/exports/:list/file" {
		return longRequest
	}
	return requestTime
}

// unpaced are public routes that machines ask as often as they like.
var unpaced = map[string]bool{"/metrics": true, "/healthz": true, "/readyz": true}

// firstPart is the first part of a path of the API, "" of others.
func firstPart(path string) string {
	rest, ok := strings.CutPrefix(path, base+"/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(rest, "/")
	return first
}

// whileLocked and whileEnrolling are what a session may still do that is locked, or whose user must set
// up a second factor first. A page that is locked stays at work: the agent is not taken off the queues, nor is the telephone.
var (
	whileLocked    = map[string]bool{"GET /session": true, "DELETE /session": true, "POST /session/unlock": true, "POST /agents/me/heartbeat": true, "POST /session/phone": true}
	whileEnrolling = map[string]bool{"GET /session": true, "DELETE /session": true, "GET /session/second-factor": true, "POST /session/second-factor": true,
		"POST /session/second-factor/confirm": true, "POST /session/password": true, "POST /session/lock": true, "POST /session/unlock": true}
)

// admitted refuses what the role, the key's scopes or the state of the session do not allow.
func (s *Server) admitted(c *gin.Context, sess *session, route string) bool {
	method, path, _ := strings.Cut(route, " ")
	short := method + " " + strings.TrimPrefix(path, base)
	switch {
	case !allowed(sess.User.Role, route):
		refuse(c, http.StatusForbidden, "your role does not allow this")
	case sess.apiKey != 0:
		need := scopeOf(route)
		if need != "" && opens(sess.scopes, need) {
			return true
		}
		if need == "" {
			refuse(c, http.StatusForbidden, "no key may do this: it is about a person's own login")
		} else {
			refuse(c, http.StatusForbidden, "this key has not the scope "+need)
		}
	case sess.locked && !whileLocked[short]:
		refuse(c, http.StatusLocked, "this session is locked: give the password")
	case !whileEnrolling[short]:
		must, err := s.mustEnrol(c.Request.Context(), sess)
		if err != nil {
			s.refuseError(c, err)
			return false
		}
		if must {
			refuse(c, http.StatusForbidden, "your role needs a second factor: set it up first")
		}
		return !must
	default:
		return true
	}
	return false
}

// mayGo tells whether a session may use a route now, as admitted does, for what is not answered by HTTP.
func (s *Server) mayGo(ctx context.Context, sess *session, route string) (bool, error) {
	switch {
	case !allowed(sess.User.Role, route), sess.locked:
		return false, nil
	case sess.apiKey != 0:
		return opens(sess.scopes, scopeOf(route)), nil
	}
	must, err := s.mustEnrol(ctx, sess)
	return !must, err
}

// bearer is the key of an Authorization header (RFC 6750 section 2.1), "" without one.
func bearer(r *http.Request) string {
	scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// authenticate finds whose request it is: a key, when there is one, else the cookie. A request with a wrong
// key is nobody's, whatever cookie it brings.
func (s *Server) authenticate(c *gin.Context) (*session, error) {
	if c.GetHeader("Authorization") != "" {
		return s.keys.find(c.Request.Context(), bearer(c.Request), c.ClientIP())
	}
	token, err := c.Cookie(cookieName)
	if err != nil || token == "" {
		return nil, pg.ErrNotFound
	}
	return s.sessions.find(c.Request.Context(), token)
}

// ownOrigin tells whether the request comes from our own pages, a configured
// origin, or from no page at all (a program).
func (s *Server) ownOrigin(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return r.Header.Get("Sec-Fetch-Site") != "cross-site"
	}
	if slices.Contains(s.cfg.Origins, origin) {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && strings.EqualFold(u.Host, r.Host)
}

type requestKey struct{}

// caller is who asks.
type caller struct {
	*session
	address string
}

// callerOf is who asks; guard has put it there for every route that is not public.
func callerOf(ctx context.Context) *caller {
	who, ok := ctx.Value(requestKey{}).(*caller)
	if !ok {
		panic("api: operation without a session is not marked public")
	}
	return who
}

// entry begins an audit row of this caller.
func (c *caller) entry(action act, subject string) entry {
	return entry{Actor: c.User.Username, Action: action, Subject: subject, Address: c.address}
}
