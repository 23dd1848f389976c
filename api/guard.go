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

	"github.com/gin-gonic/gin"

	"tingxin/pg"
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
	least, listed := access[c.Request.Method+" "+path]
	if !listed {
		refuse(c, http.StatusNotFound, "there is no such thing")
		return
	}
	changes := c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead
	if (changes || path == base+"/realtime") && !s.ownOrigin(c.Request) {
		refuse(c, http.StatusForbidden, "this page may not use the API")
		return
	}
	if least == public {
		c.Next()
		return
	}
	sess, err := s.authenticate(c)
	switch {
	case errors.Is(err, pg.ErrNotFound):
		refuse(c, http.StatusUnauthorized, "sign in first")
	case err != nil:
		s.refuseError(c, err)
	case !sess.User.Role.may(least):
		refuse(c, http.StatusForbidden, "your role does not allow this")
	case changes && !sameText(c.GetHeader("X-CSRF-Token"), sess.CSRF):
		refuse(c, http.StatusForbidden, "the X-CSRF-Token header is missing or not this session's")
	default:
		ctx, cancel := context.WithTimeout(context.WithValue(c.Request.Context(), requestKey{}, &caller{sess, c.ClientIP()}), max(s.limit(path), slowRoutes[c.Request.Method+" "+path]))
		defer cancel()
		c.Request = c.Request.WithContext(ctx)
		c.Next()
	}
}

// limit is how long a request may run: feeds and downloads have their own ways to end.
func (s *Server) limit(path string) time.Duration {
	if path == base+"/realtime" || strings.HasSuffix(path, "/recording") {
		return s.cfg.SessionMax
	}
	if path == base+"/contact-imports" || path == base+"/contacts/:id/export" || path == base+"/contact-exports/:list/file" {
		return longRequest
	}
	return requestTime
}

func (s *Server) authenticate(c *gin.Context) (*session, error) {
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
func (c *caller) entry(action, subject string) entry {
	return entry{Actor: c.User.Username, Action: action, Subject: subject, Address: c.address}
}
