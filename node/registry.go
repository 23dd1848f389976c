package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Times of the registry.
const (
	beatEvery = 2 * time.Second
	dead      = 6 * time.Second    // without a beat
	over      = 30 * time.Second   // without a beat: nobody waits for it any more
	forgotten = 7 * 24 * time.Hour // rows of dead servers go
	retry     = time.Second        // after the database was away
	patience  = 3 * time.Second    // for the database
)

// Config says how the other servers of the same database reach this one. Without it
// the server is alone.
type Config struct {
	// SIP is our address for their calls, such as "sip:10.0.0.1:5060;transport=tcp".
	SIP string `yaml:"sip" koanf:"sip"`
	// Web is our address for their API requests, such as "http://10.0.0.1:8080".
	Web string `yaml:"web" koanf:"web"`
}

// On says whether there may be other servers.
func (c Config) On() bool { return c.SIP != "" }

// Check tells what cannot work.
func (c Config) Check() error {
	if !c.On() {
		if c.Web != "" {
			return errors.New("cluster.web is set without cluster.sip")
		}
		return nil
	}
	if host, ok := strings.CutPrefix(c.SIP, "sip:"); !ok || host == "" || strings.ContainsAny(c.SIP, "@ <>\"") {
		return fmt.Errorf("cluster.sip %q: write sip:, address and port as in sip:10.0.0.1:5060;transport=tcp", c.SIP)
	}
	if u, err := url.Parse(c.Web); c.Web != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Path != "") {
		return fmt.Errorf("cluster.web %q: write scheme, address and port as in http://10.0.0.1:8080", c.Web)
	}
	return nil
}

// Peer is another server.
type Peer struct{ Name, SIP, Web string }

// Registration is one device of a user at this server.
type Registration struct {
	User, Device, Transport, UserAgent string
	Expires                            time.Time
}

type key struct{ user, device string }

// Stats counts what a Registry did since it was made.
type Stats struct {
	Peers    int    // other servers alive
	Waiting  int    // registrations not written yet
	Written  uint64 // registrations written or taken out
	Failures uint64 // transactions given up, tried again
}

// Registry is this server's part of the two tables.
type Registry struct {
	cfg  Config
	name string
	db   *pg.DB
	log  *slog.Logger

	peers   atomic.Pointer[map[string]Peer]
	distant atomic.Pointer[map[string]bool] // users registered elsewhere

	written, failures atomic.Uint64

	wake chan struct{}
	stop context.CancelFunc
	wg   sync.WaitGroup
	once sync.Once

	mu      sync.Mutex
	pending map[key]*Registration // guarded by mu: the newest of each device, nil is gone; as many as there are bindings
}

// New checks and stores; name is the server's, as in its records.
func New(cfg Config, name string, db *pg.DB, log *slog.Logger) (*Registry, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	r := &Registry{cfg: cfg, name: name, db: db, log: log.With("part", "nodes"), wake: make(chan struct{}, 1), stop: func() {}, pending: map[key]*Registration{}}
	r.peers.Store(&map[string]Peer{})
	r.distant.Store(&map[string]bool{})
	return r, nil
}

// Start writes the server down and returns when it knows the others.
func (r *Registry) Start(ctx context.Context) error {
	err := r.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from registrations where node = $1`, r.name); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `insert into nodes (node, sip, web) values ($1, $2, $3)
			on conflict (node) do update set sip = $2, web = $3, started_at = now(), seen_at = now()`, r.name, r.cfg.SIP, r.cfg.Web)
		return err
	})
	if err == nil {
		err = r.look(ctx)
	}
	if err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	own, stop := context.WithCancel(context.WithoutCancel(ctx))
	r.stop = stop
	r.wg.Go(func() { r.beat(own) })  // ends when Close calls stop
	r.wg.Go(func() { r.write(own) }) // ends when Close calls stop
	return nil
}

// Close takes the server out of the tables. Twice is fine.
func (r *Registry) Close() error {
	r.once.Do(func() {
		r.stop()
		r.wg.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		_, err1 := r.db.Exec(ctx, `delete from registrations where node = $1`, r.name)
		_, err2 := r.db.Exec(ctx, `delete from nodes where node = $1`, r.name)
		if err := errors.Join(err1, err2); err != nil {
			r.log.Warn("this server stays in the tables until it is forgotten", "error", err)
		}
	})
	return nil
}

// beat tells that we live, and looks who else does.
func (r *Registry) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	away := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.pulse(ctx)
		if err != nil && ctx.Err() == nil && !away {
			r.log.Warn("the other servers are as they were last seen", "error", err)
		}
		away = err != nil
	}
}

// pulse is one beat.
func (r *Registry) pulse(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := r.db.Exec(ctx, `insert into nodes (node, sip, web) values ($1, $2, $3) on conflict (node) do update set seen_at = now()`, r.name, r.cfg.SIP, r.cfg.Web); err != nil {
		return err
	}
	if _, err := r.db.Exec(ctx, `with gone as (delete from nodes where seen_at < now() - $1::interval returning node)
		delete from registrations where node in (select node from gone)`, forgotten.String()); err != nil {
		return err
	}
	return r.look(ctx)
}

func (r *Registry) look(ctx context.Context) error {
	list, err := pg.Rows(ctx, r.db, pgx.RowToStructByPos[Peer], `select node, sip, web from nodes where node <> $1 and seen_at > now() - $2::interval`, r.name, dead.String())
	if err != nil {
		return err
	}
	users, err := pg.Rows(ctx, r.db, pgx.RowTo[string], `select distinct r.username from registrations r join nodes n using (node)
		where r.node <> $1 and n.seen_at > now() - $2::interval and r.expires_at > now()`, r.name, dead.String())
	if err != nil {
		return err
	}
	peers, distant := make(map[string]Peer, len(list)), make(map[string]bool, len(users))
	for _, p := range list {
		peers[p.Name] = p
	}
	for _, u := range users {
		distant[u] = true
	}
	r.peers.Store(&peers)
	r.distant.Store(&distant)
	return nil
}

// Peers are the other servers alive. It answers from memory.
func (r *Registry) Peers() map[string]Peer { return *r.peers.Load() }

// Reachable says whether a user is registered at another server, as of some 2 s ago.
// It answers from memory.
func (r *Registry) Reachable(user string) bool { return (*r.distant.Load())[user] }

// Where are the other servers at which a user is registered, alive now.
func (r *Registry) Where(ctx context.Context, user string) ([]Peer, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	list, err := pg.Rows(ctx, r.db, pgx.RowToStructByPos[Peer], `select n.node, n.sip, n.web from nodes n
		where n.node <> $1 and n.seen_at > now() - $2::interval
		and exists (select 1 from registrations r where r.node = n.node and r.username = $3 and r.expires_at > now())`, r.name, dead.String(), user)
	if err != nil {
		return nil, fmt.Errorf("where user is registered: %w", err)
	}
	return list, nil
}

// Silent are the other servers that have given no sign for half a minute, with the last one.
func (r *Registry) Silent(ctx context.Context) (map[string]time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	type sign struct {
		node string
		at   time.Time
	}
	all, err := pg.Rows(ctx, r.db, func(row pgx.CollectableRow) (v sign, err error) { return v, row.Scan(&v.node, &v.at) },
		`select node, seen_at from nodes where node <> $1 and seen_at < now() - $2::interval`, r.name, over.String())
	if err != nil {
		return nil, fmt.Errorf("silent servers: %w", err)
	}
	out := make(map[string]time.Time, len(all))
	for _, v := range all {
		out[v.node] = v.at
	}
	return out, nil
}

// Save notes a registration; it is written soon. It never waits.
func (r *Registry) Save(reg Registration) { r.note(key{reg.User, reg.Device}, &reg) }

// Remove notes that a device is registered no more. It never waits.
func (r *Registry) Remove(user, device string) { r.note(key{user, device}, nil) }

func (r *Registry) note(k key, reg *Registration) {
	r.mu.Lock()
	r.pending[k] = reg
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// write brings what is noted to the rows, and tries again while the database is away.
func (r *Registry) write(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		r.mu.Lock()
		work := r.pending
		r.pending = map[key]*Registration{}
		r.mu.Unlock()
		err := r.put(ctx, work)
		if err == nil {
			r.written.Add(uint64(len(work)))
			continue
		}
		r.failures.Add(1)
		r.mu.Lock()
		for k, reg := range work {
			if _, newer := r.pending[k]; !newer {
				r.pending[k] = reg
			}
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-time.After(retry):
		}
		select {
		case r.wake <- struct{}{}:
		default:
		}
	}
}

func (r *Registry) put(ctx context.Context, work map[key]*Registration) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	batch := &pgx.Batch{}
	for k, reg := range work {
		if reg == nil {
			batch.Queue(`delete from registrations where node = $1 and username = $2 and device = $3`, r.name, k.user, k.device)
			continue
		}
		batch.Queue(`insert into registrations (node, username, device, transport, user_agent, expires_at) values ($1, $2, $3, $4, $5, $6)
			on conflict (node, username, device) do update set transport = $4, user_agent = $5, expires_at = $6`,
			r.name, reg.User, reg.Device, reg.Transport, reg.UserAgent, reg.Expires)
	}
	return r.db.Tx(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, batch).Close() })
}

// Stats reads the counters.
func (r *Registry) Stats() Stats {
	r.mu.Lock()
	waiting := len(r.pending)
	r.mu.Unlock()
	return Stats{Peers: len(r.Peers()), Waiting: waiting, Written: r.written.Load(), Failures: r.failures.Load()}
}
