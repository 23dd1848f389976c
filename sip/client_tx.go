package sip

import (
	"errors"
	"sync"
	"time"

	"tingxin/sip/wire"
)

// What a client transaction reports instead of a response.
var (
	errTimeout   = errors.New("no answer in time")
	errTransport = errors.New("transport failed")
)

// clientTx is a client transaction (RFC 3261 17.1, RFC 6026). It repeats the
// request, acknowledges refusals and passes responses up; no goroutine.
type clientTx struct {
	s      *Server
	key    string
	req    *wire.Message
	bytes  []byte
	flow   flow
	invite bool
	handle func(resp *wire.Message, err error) // called without locks, from readers and timers

	mu       sync.Mutex
	status   int
	ended    bool
	accepted bool // 2xx came: all further 2xx go up until timer M
	interval time.Duration
	repeatT  *time.Timer
	endT     *time.Timer
	ackBytes []byte // of a refusal
}

// begin sends a request in a new transaction. The Via must be in place.
func (s *Server) begin(req *wire.Message, f flow, handle func(*wire.Message, error)) *clientTx {
	t := &clientTx{s: s, key: req.Via().Branch() + "|" + req.Method, req: req, bytes: req.Bytes(), flow: f,
		invite: req.Method == "INVITE", handle: handle, interval: s.cfg.T1}
	s.tx.mu.Lock()
	s.tx.client[t.key] = t
	s.tx.mu.Unlock()
	s.stats.clientTx.Add(1)
	s.stats.sent.add(req.Method)
	t.mu.Lock()
	t.endT = time.AfterFunc(64*s.cfg.T1, t.timeout)
	if !f.reliable() {
		t.repeatT = time.AfterFunc(t.interval, t.repeat)
	}
	t.mu.Unlock()
	if err := f.send(t.bytes); err != nil {
		s.stats.sendErrors.Add(1)
		t.fail(errTransport)
	}
	return t
}

// repeat is timer A or E.
func (t *clientTx) repeat() {
	t.mu.Lock()
	if t.ended || t.status >= 200 || t.invite && t.status > 0 {
		t.mu.Unlock()
		return
	}
	t.interval *= 2
	if !t.invite {
		t.interval = min(t.interval, t.s.cfg.T2)
		if t.status > 0 {
			t.interval = t.s.cfg.T2
		}
	}
	t.repeatT = time.AfterFunc(t.interval, t.repeat)
	t.mu.Unlock()
	t.s.stats.resent.Add(1)
	if t.flow.send(t.bytes) != nil {
		t.s.stats.sendErrors.Add(1)
	}
}

// timeout is timer B or F, and the end of D, K and M.
func (t *clientTx) timeout() {
	t.mu.Lock()
	answered := t.status >= 200
	t.mu.Unlock()
	if answered {
		t.finish()
		return
	}
	t.fail(errTimeout)
}

func (t *clientTx) fail(err error) {
	if t.finish() {
		t.handle(nil, err)
	}
}

// connectionLost fails the requests that wait for answers on a dead connection.
func (s *Server) connectionLost(f flow) {
	for _, t := range s.tx.clients() {
		if t.flow == f && t.open() {
			t.fail(errTransport)
		}
	}
}

// clients copies the list, because a transaction's lock comes before ours.
func (x *transactions) clients() []*clientTx {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*clientTx, 0, len(x.client))
	for _, t := range x.client {
		out = append(out, t)
	}
	return out
}

// open reports whether the final answer is still out.
func (t *clientTx) open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status < 200
}

// finish removes the transaction; false when it was gone already.
func (t *clientTx) finish() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return false
	}
	t.ended = true
	for _, timer := range [...]*time.Timer{t.repeatT, t.endT} {
		if timer != nil {
			timer.Stop()
		}
	}
	t.s.stats.clientTx.Add(-1)
	t.s.tx.mu.Lock()
	defer t.s.tx.mu.Unlock()
	if t.s.tx.client[t.key] == t {
		delete(t.s.tx.client, t.key)
	}
	return true
}

// receive takes a response.
func (t *clientTx) receive(resp *wire.Message) {
	t.mu.Lock()
	if t.ended {
		t.mu.Unlock()
		return
	}
	up, ack := t.step(resp)
	t.mu.Unlock()
	if ack != nil && t.flow.send(ack) != nil {
		t.s.stats.sendErrors.Add(1)
	}
	if up {
		t.handle(resp, nil)
	}
}

// step moves the state; up tells to pass the response up, ack what to send.
func (t *clientTx) step(resp *wire.Message) (up bool, ack []byte) {
	first := t.status < 200
	switch {
	case resp.Status < 200:
		if !first {
			return false, nil
		}
		t.status = resp.Status
		if t.invite {
			t.endT.Stop() // timer B ends with the first provisional; the dialog has its own
		}
		return true, nil
	case t.invite && resp.Status < 300:
		if first {
			t.status, t.accepted = resp.Status, true
			t.rearm(64 * t.s.cfg.T1)
		}
		return t.accepted, nil
	case t.invite:
		if first {
			t.status = resp.Status
			t.ackBytes = ackFor(t.req, resp).Bytes()
			t.rearm(t.after(64 * t.s.cfg.T1))
		}
		if t.accepted {
			return false, nil
		}
		return first, t.ackBytes
	}
	if first {
		t.status = resp.Status
		t.rearm(t.after(t.s.cfg.T4))
	}
	return first, nil
}

// after is d over UDP and next to nothing over streams.
func (t *clientTx) after(d time.Duration) time.Duration {
	if t.flow.reliable() {
		return time.Millisecond
	}
	return d
}

func (t *clientTx) rearm(d time.Duration) {
	if t.repeatT != nil {
		t.repeatT.Stop()
	}
	t.endT.Stop()
	t.endT = time.AfterFunc(d, t.timeout)
}

// ackFor builds the ACK of a refusal (RFC 3261 17.1.1.3).
func ackFor(req, resp *wire.Message) *wire.Message {
	n, _, _ := req.CSeq()
	m := &wire.Message{Method: "ACK", URI: req.URI}
	m.SetVia(req.Via())
	m.Add("Max-Forwards", "70")
	for _, h := range req.Headers {
		if h.Name == "Route" {
			m.Add("Route", h.Value)
		}
	}
	return m.Add("From", req.Get("From")).Add("To", resp.Get("To")).Add("Call-ID", req.CallID()).
		Add("CSeq", itoa(int(n))+" ACK")
}

// response hands a response to its transaction.
func (s *Server) response(m *wire.Message) {
	_, method, ok := m.CSeq()
	v := m.Via()
	if !ok || v == nil || len(m.Values("Via")) != 1 {
		s.stats.strayResponses.Add(1)
		return
	}
	s.stats.answers.add(itoa(m.Status))
	s.tx.mu.Lock()
	t := s.tx.client[v.Branch()+"|"+method]
	s.tx.mu.Unlock()
	if t == nil {
		s.stats.strayResponses.Add(1)
		return
	}
	t.receive(m)
}
