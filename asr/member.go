package asr

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"

	"tingxin/asr/asrpb"
)

const (
	healthEvery   = 500 * time.Millisecond
	healthTimeout = time.Second
	healthMisses  = 5 // misses in a row until a worker counts as hung
)

// member is a worker as the pool sees it.
type member struct {
	id, address string
	conn        *grpc.ClientConn
	client      asrpb.SpeechClient
	streams     atomic.Int64
	restarts    int

	mu       sync.Mutex
	state    string // starting, ready, draining, down
	health   *asrpb.HealthReply
	full     bool
	recent   int64 // streams at the last health reply
	failures int
}

func (p *Pool) newMember(id, address string) (*member, error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithInitialWindowSize(1<<20), grpc.WithInitialConnWindowSize(8<<20),
		grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
			Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1.5, MaxDelay: time.Second}}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 3 * time.Second}))
	if err != nil {
		return nil, fmt.Errorf("speech worker %s at %s: %w", id, address, err)
	}
	return &member{id: id, address: address, conn: conn, client: asrpb.NewSpeechClient(conn), state: "starting"}, nil
}

func (m *member) close() { _ = m.conn.Close() }

// poll asks for health once and tells whether the worker is ready and whether
// its state has changed.
func (m *member) poll(ctx context.Context) (ready, changed bool) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	h, err := m.client.Health(ctx, &asrpb.HealthRequest{})
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.state
	switch {
	case err != nil:
		m.failures++
		if m.failures >= healthMisses && m.state == "ready" {
			m.state = "down"
		}
	case h.Draining:
		m.state = "draining"
	case h.Ready:
		m.state = "ready"
	}
	if err == nil {
		m.health, m.failures, m.full = h, 0, h.Full
		m.recent = m.streams.Load()
	}
	return m.state == "ready", m.state != before
}

func (m *member) setState(s string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state = s
}

func (m *member) usable() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state == "ready"
}

func (m *member) hung() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failures >= healthMisses
}

func (m *member) isFull() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.full
}

func (m *member) setFull() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.full = true
}

func (m *member) rssMB() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.health == nil {
		return 0
	}
	return int(m.health.RssBytes >> 20)
}

// weight is how loaded the worker is: streams per decoding thread and the
// measured share of its threads' time.
func (m *member) weight() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	threads, busy := 1.0, 0.0
	if m.health != nil && m.health.Threads > 0 {
		threads, busy = float64(m.health.Threads), float64(m.health.Busy)
	}
	return float64(m.streams.Load())/threads + 2*busy
}

// watch keeps the health of a worker at a configured address until the pool closes.
func (p *Pool) watch(m *member) {
	t := time.NewTicker(healthEvery)
	defer t.Stop()
	for {
		_, changed := m.poll(p.ctx)
		if changed {
			p.log.Info("speech worker changed", "worker", m.id, "state", m.stateNow())
			p.announce()
		}
		select {
		case <-t.C:
		case <-p.ctx.Done():
			return
		}
	}
}

func (m *member) stateNow() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}
