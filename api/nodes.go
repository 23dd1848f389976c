package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/pg"
)

// Nodes are the other servers of the same database; cmd/pbx satisfies it. A running
// call belongs to one server: what is asked of a call elsewhere is passed on there,
// with the asker's own session, which is in the database.
type Nodes interface {
	// Web gives the addresses of their APIs by name ("http://10.0.0.1:8080"), from memory.
	Web() map[string]string
}

const (
	// nodeHeader marks a request that another server has passed on: it goes no further.
	nodeHeader = "X-Tingxin-Node"
	// nodeWait is how long another server may take to say what runs there.
	nodeWait = 2 * time.Second
	// nodeAnswer is the longest list of another server's running calls.
	nodeAnswer = 16 << 20
)

// nodeClient asks other servers.
var nodeClient = &http.Client{Timeout: nodeWait, Transport: &http.Transport{MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second}}

// elsewhere passes what changes a running call of another server on to it. It
// stands behind guard.
func (s *Server) elsewhere(c *gin.Context) {
	rest, ok := strings.CutPrefix(c.FullPath(), base+"/calls/:id/")
	if !ok || rest == "" || c.Request.Method != http.MethodPost || s.parts.Nodes == nil || c.GetHeader(nodeHeader) != "" || s.runsHere(c.Param("id")) {
		c.Next()
		return
	}
	node, err := pg.Row(c.Request.Context(), s.db, pgx.RowTo[string], `select node from calls where id::text = $1 and state <> 'ended'`, c.Param("id"))
	target := s.parts.Nodes.Web()[node]
	if errors.Is(err, pg.ErrNotFound) || err == nil && target == "" {
		c.Next() // it has ended, or nobody has it: the handler says so
		return
	}
	if err != nil {
		s.refuseError(c, err)
		return
	}
	to, err := url.Parse(target)
	if err != nil {
		s.refuseError(c, fmt.Errorf("address of server %s: %w", node, err))
		return
	}
	proxy := &httputil.ReverseProxy{
		Transport: nodeClient.Transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.SetXForwarded()
			r.Out.Host = r.In.Host // its pages and ours are one origin
			r.Out.Header.Set(nodeHeader, "1")
		},
		ErrorHandler: func(_ http.ResponseWriter, _ *http.Request, err error) {
			s.log.Warn("a call's server does not answer", "node", node, "error", err)
			refuse(c, http.StatusServiceUnavailable, "the server that has this call does not answer")
		},
		ModifyResponse: func(r *http.Response) error {
			for name := range r.Header { // ours are set already
				if c.Writer.Header().Get(name) != "" {
					r.Header.Del(name)
				}
			}
			return nil
		},
	}
	proxy.ServeHTTP(c.Writer, c.Request)
	c.Abort()
}

func (s *Server) runsHere(id string) bool {
	return slices.ContainsFunc(s.parts.Live.Live(), func(l call.Snapshot) bool { return l.ID == id })
}

// asker is who asks for what runs everywhere.
type asker struct {
	cookie, key string
	passed      bool // by another server
}

// Resolve notes the session's cookie, or the key.
func (a *asker) Resolve(ctx huma.Context) []error {
	c := humagin.Unwrap(ctx)
	a.cookie, _ = c.Cookie(cookieName)
	a.key = c.GetHeader("Authorization")
	a.passed = c.GetHeader(nodeHeader) != ""
	return nil
}

// runningElsewhere asks all other servers at once. Who does not answer in time is
// left out: its calls come by the feed.
func (s *Server) runningElsewhere(ctx context.Context, a *asker) []call.Snapshot {
	if s.parts.Nodes == nil || a.passed {
		return nil
	}
	var mu sync.Mutex
	var all []call.Snapshot
	var wg sync.WaitGroup
	for node, web := range s.parts.Nodes.Web() {
		wg.Go(func() { // ends within nodeWait
			items, err := askRunning(ctx, web, a)
			if err != nil {
				s.log.Warn("running calls of a server are missing", "node", node, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, items...)
		})
	}
	wg.Wait()
	return all
}

func askRunning(ctx context.Context, web string, a *asker) ([]call.Snapshot, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, web+base+"/calls/live", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set(nodeHeader, "1")
	if a.key != "" {
		req.Header.Set("Authorization", a.key)
	} else {
		req.AddCookie(&http.Cookie{Name: cookieName, Value: a.cookie})
	}
	res, err := nodeClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	var out LiveCalls
	if err := json.NewDecoder(io.LimitReader(res.Body, nodeAnswer)).Decode(&out); err != nil {
		return nil, err
	}
	return out.Items, nil
}
