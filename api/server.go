package api

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"tingxin/admin"
	"tingxin/assist"
	"tingxin/bot"
	"tingxin/call"
	"tingxin/callout"
	"tingxin/contact"
	"tingxin/event"
	"tingxin/feedback"
	"tingxin/kb"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/report"
	"tingxin/rules"
	"tingxin/team"
	"tingxin/ticket"
	"tingxin/triage"
)

// Live is what runs now; *call.Manager satisfies it.
type Live interface {
	Live() []call.Snapshot
	Hangup(id string, cause call.Cause) error
}

// Parts is what a Server works with. DB, Calls and Bus must be there.
type Parts struct {
	DB      *pg.DB
	Calls   *call.Store
	Bus     *event.Bus
	Live    Live    // nil: no running calls
	Control Control // nil: running calls cannot be changed
	Line    Line    // nil: calls are neither placed nor parked
	Moods   Moods   // nil: alerts are dismissed in the records only
	// Queues are the waiting work and its agents; nil: none.
	Queues *queue.Service
	KB     *kb.Service // articles; nil: none
	// Contacts are the people; nil: a store of the server's own, without the rows of other nouns.
	Contacts *contact.Store
	// Tickets are what is to be done for customers; nil: none.
	Tickets *ticket.Service
	// Feedback is what customers say of us; nil: none.
	Feedback *feedback.Service
	// Triage tells what texts are; nil: nothing does.
	Triage *triage.Service
	// Reports are figures over all of it; nil: a service of the server's own.
	Reports *report.Service
	// Callouts are lists of calls to make; nil: none.
	Callouts *callout.Service
	// Rules are what goes by itself, macros and webhooks; nil: none.
	Rules *rules.Service
	Bot   *bot.Engine // nil: none
	// Assist are the cards beside a talk, scripts, snippets and the learning loop; nil: none.
	Assist *assist.Service
	Jobs   *pg.Jobs     // nil: no retention; New adds its work to it, so start it after New
	SIP    http.Handler // WebSockets of browsers' phones at /sip; nil: none
	// Phones makes tickets for them; nil: none.
	Phones Phones
	// Nodes are the other servers of the same database; nil: there are none.
	Nodes Nodes
	// Setup is what administrators set; nil: nothing is kept.
	Setup *Setup
	// Vault seals the secrets of second factors; nil: there are none.
	Vault *admin.Vault
	// People is the list of users, started by the caller; nil: one of the server's own.
	People *People
	Web    fs.FS // the browser's files with index.html at the root; nil: none
	// Chat are the conversations; nil: none.
	Chat *Chat
	// Mount is what other packages serve, by path, or by prefix when that ends in "/": outside of the API, without its sessions.
	Mount map[string]http.Handler
	// Sources tell the state of the other packages to the system page and to Prometheus.
	Sources Sources
	Version string
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Server is the web side.
type Server struct {
	cfg   Config
	parts Parts
	log   *slog.Logger
	now   func() time.Time

	db           *pg.DB
	users        users
	sessions     *sessions
	throttle     *throttle
	passwords    *passwords
	audit        *auditLog
	settings     settings
	phoneSecrets phoneSecrets
	feed         *feed
	people       *People
	contacts     *contact.Store
	tickets      ticketPace
	peaks        *peakFiles
	kiosks       wrongTokens
	started      time.Time
	help         help
	doors        help // of customers' pages
	keys         apiKeys
	stored       repeats
	pace         *pace
	factors      factors
	security     securityCache
	teams        *team.Store
	doc          *huma.OpenAPI
	outside      *outside // nil: logins from outside are off

	handler http.Handler
	routes  gin.RoutesInfo
	http    *http.Server
	listen  net.Listener
	once    sync.Once
	serving sync.WaitGroup
}

// New builds the routes and adds retention to the jobs.
func New(cfg Config, parts Parts, log *slog.Logger) (*Server, error) {
	cfg = cfg.withDefaults()
	now := parts.Now
	if now == nil {
		now = time.Now
	}
	if parts.Live == nil {
		parts.Live = nobodyLive{}
	}
	s := &Server{cfg: cfg, parts: parts, log: log.With("part", "api"), now: now, started: now(), db: parts.DB,
		users: users{parts.DB}, sessions: &sessions{parts.DB, cfg.SessionIdle, cfg.SessionMax, now},
		throttle: &throttle{parts.DB, now}, audit: &auditLog{parts.DB, now}, settings: settings{parts.DB}, phoneSecrets: phoneSecrets{parts.DB}, peaks: newPeakFiles(), passwords: newPasswords(),
		keys: apiKeys{parts.DB, now}, stored: repeats{parts.DB, now}, pace: newPace(now), factors: factors{parts.DB, parts.Vault, now}, teams: team.NewStore(parts.DB)}
	if err := cfg.OIDC.Check(); err != nil {
		return nil, err
	}
	s.outside = newOutside(cfg.OIDC)
	if s.people = parts.People; s.people == nil {
		s.people = NewPeople(parts.DB, log)
	}
	if s.contacts = parts.Contacts; s.contacts == nil {
		s.contacts = contact.NewStore(parts.DB, contact.Config{})
	}
	var err error
	if s.parts.Reports == nil {
		if s.parts.Reports, err = report.New(report.Config{}, parts.DB, log); err != nil {
			return nil, err
		}
	}
	if s.feed, err = newFeed(s); err != nil {
		return nil, err
	}
	if err := s.route(); err != nil {
		return nil, err
	}
	if parts.Jobs != nil {
		s.addRetention(parts.Jobs)
		s.addErasing(parts.Jobs)
		s.addWatching(parts.Jobs)
	}
	return s, nil
}

// route builds the router: what every request meets, then the operations.
func (s *Server) route() error {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.HandleMethodNotAllowed = true
	r.ContextWithFallback = true
	if err := r.SetTrustedProxies(s.cfg.TrustedProxies); err != nil {
		return fmt.Errorf("api.trusted_proxies: %w", err)
	}
	r.Use(s.recovered, s.headers, s.guard, s.onlyOnce, s.elsewhere)
	config := huma.DefaultConfig("Tingxin", s.parts.Version)
	config.OpenAPIPath, config.DocsPath, config.SchemasPath, config.CreateHooks = "", "", "", nil // no $schema links; served below
	config.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	config.Info.Description = apiDescription
	config.Components.SecuritySchemes = securitySchemes
	config.Transformers = append(config.Transformers, maskAnswer)
	for _, named := range []any{queue.Urgency(0), ticket.Promise(0)} { // they are texts on the wire
		config.Components.Schemas.RegisterTypeAlias(reflect.TypeOf(named), reflect.TypeFor[string]())
	}
	api := humagin.New(r, config)
	s.sessionRoutes(api)
	s.phoneRoutes(api)
	s.phoneSecretRoutes(api)
	s.callRoutes(api)
	s.controlRoutes(api)
	s.wrapUpRoutes(api)
	s.lineRoutes(api)
	s.calloutRoutes(api)
	s.voicemailRoutes(api)
	s.ticketRoutes(api)
	s.feedbackRoutes(api)
	s.surveyRoutes(api)
	s.triageRoutes(api)
	s.ruleRoutes(api)
	s.togetherRoutes(api)
	s.heatRoutes(api)
	s.recordingRoutes(api)
	s.emotionRoutes(api)
	s.systemRoutes(api)
	s.userRoutes(api)
	s.settingRoutes(api)
	s.queueRoutes(api)
	s.agentRoutes(api)
	s.kbRoutes(api)
	s.contactRoutes(api)
	s.privacyRoutes(api)
	s.setupRoutes(api)
	s.wallRoutes(api)
	s.chatRoutes(api, r)
	s.deskRoutes(api)
	s.botRoutes(api)
	s.assistRoutes(api)
	s.learnRoutes(api)
	s.apiKeyRoutes(api)
	s.loginRoutes(api)
	s.guardRoutes(api)
	s.analyticsRoutes(api)
	s.teamRoutes(api)
	s.exportRoutes(api)
	s.doc = api.OpenAPI()
	complete(s.doc)
	spec := sync.OnceValues(s.doc.MarshalJSON) // half of what a start would take
	r.GET(base+"/openapi.json", func(c *gin.Context) {
		doc, err := spec()
		if err != nil {
			s.log.Error("openapi", "error", err)
			refuse(c, http.StatusInternalServerError, "internal")
			return
		}
		c.Data(http.StatusOK, "application/openapi+json", doc)
	})
	r.GET(base+"/realtime", s.feed.serve)
	r.GET(base+"/wall/realtime", s.feed.serveWall)
	s.helpRoutes(r)
	s.doorRoutes(r)
	r.GET("/metrics", s.metrics())
	if s.cfg.Profiles {
		r.GET("/debug/pprof/*what", s.profiles)
	}
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/readyz", s.ready)
	site, err := newSite(s.parts.Web)
	if err != nil {
		return err
	}
	r.NoRoute(site.serve)
	s.routes, s.handler = r.Routes(), s.mounted(r)
	if router := s.handler; s.parts.SIP != nil { // it judges the Origin and takes the connection over
		s.handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path == "/sip" {
				s.parts.SIP.ServeHTTP(w, req)
				return
			}
			router.ServeHTTP(w, req)
		})
	}
	return nil
}

// schemaName names a type in the document: words that several nouns have get the bot's or the chat's before them.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	switch {
	case t.PkgPath() == "tingxin/bot" && !strings.HasPrefix(name, "Bot"):
		return "Bot" + name
	case t.PkgPath() == "tingxin/chat" && !strings.HasPrefix(name, "Chat"):
		return "Chat" + name
	case t.PkgPath() == "tingxin/triage" && !strings.HasPrefix(name, "Triage"):
		return "Triage" + name
	case t.PkgPath() == "tingxin/feedback" && !strings.HasPrefix(name, "Feedback"):
		return "Feedback" + name
	case t.PkgPath() == "tingxin/report" && !strings.HasPrefix(name, "Report"):
		return "Report" + name
	case t.PkgPath() == "tingxin/assist" && !strings.HasPrefix(name, "Assist"):
		return "Assist" + name
	}
	return name
}

// Handler is the whole web side, for tests.
func (s *Server) Handler() http.Handler { return s.handler }

// Addr is where the server listens, once it was started.
func (s *Server) Addr() net.Addr { return s.listen.Addr() }

// URL is the address for a browser on this machine, once it was started.
func (s *Server) URL() string {
	scheme := "http"
	if s.cfg.TLS.on() {
		scheme = "https"
	}
	addr := s.listen.Addr().(*net.TCPAddr)
	host := addr.IP.String()
	if addr.IP.IsUnspecified() {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(addr.Port))
}

// Start listens and returns when requests are taken.
func (s *Server) Start(ctx context.Context) error {
	var certs *tls.Config
	if s.cfg.TLS.on() {
		var err error
		if certs, err = s.cfg.TLS.load(s.now()); err != nil {
			return err
		}
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return fmt.Errorf("port %s is taken by another program: stop that one, or give another port in api.listen", s.cfg.Listen)
		}
		return fmt.Errorf("the web address %s cannot be used, set api.listen to another one: %w", s.cfg.Listen, err)
	}
	s.listen = l
	if certs != nil {
		l = tls.NewListener(l, certs)
	}
	if err := s.feed.start(); err != nil {
		l.Close()
		return err
	}
	s.http = &http.Server{Handler: s.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)}
	// Ends when Close shuts the HTTP server down.
	s.serving.Go(func() {
		if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("web server ended", "error", err)
		}
	})
	s.log.Info("web server listens", "url", s.URL())
	return nil
}

// Close ends the feeds, lets running requests finish for five seconds and
// returns when the last goroutine has ended. Twice is fine.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.feed.close()
		if s.http != nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			if s.http.Shutdown(ctx) != nil {
				_ = s.http.Close() // what still runs is cut
			}
		}
		s.serving.Wait()
	})
	return nil
}

// nobodyLive stands for a server without calls.
type nobodyLive struct{}

func (nobodyLive) Live() []call.Snapshot           { return nil }
func (nobodyLive) Hangup(string, call.Cause) error { return call.ErrNoCall }
