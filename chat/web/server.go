package web

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/chat"
)

// Config is what an operator may set. The zero value works.
type Config struct {
	// MaxSockets bounds open WebSockets; 20000 when zero.
	MaxSockets int `yaml:"max_sockets" koanf:"max_sockets"`
	// Connects is how many connections one address may begin in a minute; 120 when zero.
	Connects int `yaml:"connects" koanf:"connects"`
	// Frames is how many frames one visitor may send in 10 s; 20 when zero.
	Frames int `yaml:"frames" koanf:"frames"`
	// DemoShop shows a small shop with the widget at /demo/shop/, to try it.
	DemoShop bool `yaml:"demo_shop" koanf:"demo_shop"`
}

func (c Config) withDefaults() Config {
	or := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	or(&c.MaxSockets, 20000)
	or(&c.Connects, 120)
	or(&c.Frames, 20)
	return c
}

// Stats counts what a Server did since it was made.
type Stats struct {
	Sockets   int64
	Polls     int64  // long polls that wait
	BadFrames uint64 // frames that are none
	BadOrigin uint64
	BadToken  uint64
	Limited   uint64 // refused for coming too fast
	Full      uint64 // refused because of MaxSockets
}

// AgentName tells customers who answers: the name of a user.
type AgentName func(ctx context.Context, user int64) string

// Server is the web chat of one server.
type Server struct {
	cfg      Config
	chat     *chat.Service
	accounts *chat.Accounts
	key      []byte
	name     AgentName
	now      func() time.Time
	log      *slog.Logger

	house House

	connects, frames, uploads, mayErr *limiter
	acts                              map[string]*limiter

	sockets, polls                                atomic.Int64
	badFrames, badOrigin, badToken, limited, full atomic.Uint64

	mu     sync.Mutex
	open   map[*socket]struct{}            // guarded by mu
	byWho  map[string]map[*socket]struct{} // guarded by mu: by external user and site, before they have a conversation
	closed bool                            // guarded by mu

	ctx     context.Context // of everything; ends with Close
	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
}

// New checks and stores. name may be nil.
func New(cfg Config, c *chat.Service, accounts *chat.Accounts, name AgentName, log *slog.Logger) *Server {
	cfg = cfg.withDefaults()
	ctx, stop := context.WithCancel(context.Background())
	if name == nil {
		name = func(context.Context, int64) string { return "" }
	}
	return &Server{cfg: cfg, chat: c, accounts: accounts, key: accounts.Vault().Derive("visitors"), name: name, now: time.Now, log: log.With("part", "webchat"),
		connects: newLimiter(cfg.Connects, time.Minute), frames: newLimiter(cfg.Frames, 10*time.Second), uploads: newLimiter(20, time.Minute), mayErr: newLimiter(20, time.Minute), acts: newActs(),
		open: map[*socket]struct{}{}, byWho: map[string]map[*socket]struct{}{}, ctx: ctx, stop: stop}
}

// Start returns at once; it looks after open sockets until Close.
func (s *Server) Start() {
	s.running.Go(s.tend) // ends when Close calls stop
}

// Close ends all connections and returns when the last goroutine has ended. Twice is fine.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closed = true
		open := make([]*socket, 0, len(s.open))
		for k := range s.open {
			open = append(open, k)
		}
		s.mu.Unlock()
		s.stop()
		for _, k := range open {
			k.conn.Close()
		}
		s.running.Wait()
	})
	return nil
}

// Stats reads the counters.
func (s *Server) Stats() Stats {
	return Stats{Sockets: s.sockets.Load(), Polls: s.polls.Load(), BadFrames: s.badFrames.Load(), BadOrigin: s.badOrigin.Load(), BadToken: s.badToken.Load(), Limited: s.limited.Load(), Full: s.full.Load()}
}

func (s *Server) agentName(ctx context.Context, user int64) string { return s.name(ctx, user) }

func (s *Server) add(k *socket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[k] = struct{}{}
	s.sockets.Add(1)
	return true
}

func (s *Server) remove(k *socket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.open[k]; !there {
		return
	}
	delete(s.open, k)
	s.sockets.Add(-1)
	k.mu.Lock()
	v := k.v
	k.mu.Unlock()
	if v != nil {
		s.forgetLocked(v.whoKey(), k)
	}
}

func (v *visit) whoKey() string { return v.site.id + "\x00" + v.who.external() }

func (s *Server) forgetLocked(key string, k *socket) {
	delete(s.byWho[key], k)
	if len(s.byWho[key]) == 0 {
		delete(s.byWho, key)
	}
}

// named remembers the sockets of a visitor, who may have several tabs.
func (s *Server) named(k *socket, v *visit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.open[k]; !there {
		return
	}
	key := v.whoKey()
	if s.byWho[key] == nil {
		s.byWho[key] = map[*socket]struct{}{}
	}
	s.byWho[key][k] = struct{}{}
}

// joined brings the visitor's other tabs into a conversation that one of them began.
func (s *Server) joined(k *socket, v *visit) {
	s.mu.Lock()
	var others []*socket
	for o := range s.byWho[v.whoKey()] {
		if o != k {
			others = append(others, o)
		}
	}
	s.mu.Unlock()
	for _, o := range others {
		o.mu.Lock()
		stale := o.conv != v.conv.ID
		o.mu.Unlock()
		if stale {
			other := *v
			o.follow(&other, 0, true)
		}
	}
}

// tend pings, closes what is silent and forgets who has been quiet.
func (s *Server) tend() {
	tick := time.NewTicker(pingEvery / 5)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		now := s.now()
		s.mu.Lock()
		open := make([]*socket, 0, len(s.open))
		for k := range s.open {
			open = append(open, k)
		}
		s.mu.Unlock()
		for _, k := range open {
			quiet := now.Unix() - k.seen.Load()
			if quiet > int64(silence/time.Second) {
				k.conn.Close()
				continue
			}
			if due := now.Unix() - int64(pingEvery/time.Second); k.seen.Load() <= due && k.pinged <= due {
				k.pinged = now.Unix()
				k.mu.Lock()
				k.ping = true
				k.pumpLocked()
				k.mu.Unlock()
			}
		}
		for _, l := range []*limiter{s.connects, s.frames, s.uploads, s.mayErr} {
			l.sweep(now)
		}
		for _, l := range s.acts {
			l.sweep(now)
		}
	}
}

// address is where a request comes from; behind proxies the caller has set it.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
