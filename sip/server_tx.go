package sip

import (
	"strings"
	"sync"
	"time"

	"tingxin/sip/wire"
)

// serverTx is a server transaction (RFC 3261 17.2, RFC 6026): it repeats our
// final answer, absorbs repeated requests and ACKs, and ends by timer. It has
// no goroutine.
type serverTx struct {
	s      *Server
	key    string
	req    *wire.Message
	flow   flow
	invite bool

	onCancel func() // set once before the transaction is known

	mu       sync.Mutex
	status   int    // of the last response, 0 before any
	last     []byte // the last response
	acked    bool
	ended    bool
	interval time.Duration
	timer    *time.Timer
}

// txKey identifies the transaction of a request (RFC 3261 17.2.3); peers of
// RFC 2543 have no magic branch and are told apart by their headers.
func txKey(m *wire.Message, method string) string {
	v := m.Via()
	if b := v.Branch(); strings.HasPrefix(b, "z9hG4bK") {
		return b + "|" + v.SentBy() + "|" + method
	}
	n, _, _ := m.CSeq()
	return m.CallID() + "|" + m.FromTag() + "|" + itoa(int(n)) + "|" + v.SentBy() + "|" + method
}

// transactions holds both kinds by key.
type transactions struct {
	mu     sync.Mutex
	server map[string]*serverTx
	client map[string]*clientTx
}

func newTransactions() *transactions {
	return &transactions{server: map[string]*serverTx{}, client: map[string]*clientTx{}}
}

// absorb hands a request to the transaction it belongs to, if any.
func (s *Server) absorb(m *wire.Message) bool {
	method := m.Method
	if method == "ACK" || method == "CANCEL" {
		method = "INVITE"
	}
	s.tx.mu.Lock()
	t := s.tx.server[txKey(m, method)]
	c := t
	if m.Method == "CANCEL" {
		c = s.tx.server[txKey(m, "CANCEL")]
	}
	s.tx.mu.Unlock()
	switch {
	case m.Method == "CANCEL" && c != nil:
		c.again()
	case t == nil:
		return false
	case m.Method == "ACK":
		return t.ack()
	case m.Method == "CANCEL":
		return false // answered by request, which finds the INVITE itself
	default:
		t.again()
	}
	return true
}

// open makes a transaction for a new request.
func (s *Server) open(m *wire.Message, f flow, onCancel func()) *serverTx {
	t := &serverTx{s: s, key: txKey(m, m.Method), req: m, flow: f, invite: m.Method == "INVITE", onCancel: onCancel}
	s.tx.mu.Lock()
	s.tx.server[t.key] = t
	s.tx.mu.Unlock()
	s.stats.serverTx.Add(1)
	return t
}

func (s *Server) inviteTx(cancel *wire.Message) *serverTx {
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	return s.tx.server[txKey(cancel, "INVITE")]
}

// again repeats the last answer to a repeated request.
func (t *serverTx) again() {
	t.s.stats.retransmits.Add(1)
	t.mu.Lock()
	last := t.last
	if t.invite && t.status/100 == 2 {
		last = nil // the 2xx is repeated by its dialog
	}
	t.mu.Unlock()
	if last != nil {
		t.s.sendResponse(t.req, t.flow, last)
	}
}

// ack takes the ACK of a refusal; the ACK of a 2xx belongs to the dialog.
func (t *serverTx) ack() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.status < 300 {
		return false
	}
	if !t.acked {
		t.acked = true
		wait := t.s.cfg.T4
		if t.flow.reliable() {
			wait = 0
		}
		t.endAfter(wait)
	}
	return true
}

// respond sends a response; after a final one further calls do nothing.
func (t *serverTx) respond(resp *wire.Message) {
	b := resp.Bytes()
	t.mu.Lock()
	if t.status >= 200 {
		t.mu.Unlock()
		return
	}
	t.status, t.last = resp.Status, b
	if resp.Status >= 200 {
		t.final()
	}
	t.mu.Unlock()
	t.s.stats.responses.add(itoa(resp.Status))
	t.s.sendResponse(t.req, t.flow, b)
}

// final arms what follows a final response: G and H, J or L.
func (t *serverTx) final() {
	switch {
	case t.invite && t.status >= 300:
		t.interval = t.s.cfg.T1
		deadline := time.Now().Add(64 * t.s.cfg.T1)
		if t.flow.reliable() {
			t.endAfter(64 * t.s.cfg.T1)
			return
		}
		t.timer = time.AfterFunc(t.interval, func() { t.repeat(deadline) })
	case t.flow.reliable() && !t.invite:
		t.endAfter(0)
	default:
		t.endAfter(64 * t.s.cfg.T1)
	}
}

// repeat resends a refusal until its ACK (timer G) or the end (timer H).
func (t *serverTx) repeat(deadline time.Time) {
	t.mu.Lock()
	if t.acked || t.ended {
		t.mu.Unlock()
		return
	}
	if time.Now().After(deadline) {
		t.endAfter(0)
		t.mu.Unlock()
		return
	}
	t.interval = min(2*t.interval, t.s.cfg.T2)
	t.timer = time.AfterFunc(t.interval, func() { t.repeat(deadline) })
	last := t.last
	t.mu.Unlock()
	t.s.stats.resent.Add(1)
	t.s.sendResponse(t.req, t.flow, last)
}

// endAfter removes the transaction later, or now. The lock is held.
func (t *serverTx) endAfter(d time.Duration) {
	if t.timer != nil {
		t.timer.Stop()
	}
	if d > 0 {
		t.timer = time.AfterFunc(d, t.end)
		return
	}
	if !t.ended {
		t.ended = true
		t.s.dropServer(t)
	}
}

func (t *serverTx) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.endAfter(0)
}

func (s *Server) dropServer(t *serverTx) {
	s.stats.serverTx.Add(-1)
	s.tx.mu.Lock()
	defer s.tx.mu.Unlock()
	if s.tx.server[t.key] == t {
		delete(s.tx.server, t.key)
	}
}

// stopAll ends every transaction without a word; the sockets are going.
func (x *transactions) stopAll() {
	x.mu.Lock()
	servers, clients := x.server, x.client
	x.server, x.client = map[string]*serverTx{}, map[string]*clientTx{}
	x.mu.Unlock()
	for _, t := range servers {
		t.end()
	}
	for _, t := range clients {
		t.finish()
	}
}
