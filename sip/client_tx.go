package sip

import (
	"errors"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/sip/wire"
)

// What a client transaction reports instead of a response.
var (
	errTimeout   = errors.New("no answer in time")
	errTransport = errors.New("transport failed")
)

// clientTx is a client transaction of sipgo (RFC 3261 17.1, RFC 6026): its
// machine repeats the request, acknowledges refusals and passes responses up.
// One goroutine takes them until the final one, then only timers are left.
type clientTx struct {
	s      *Server
	key    string
	req    *wire.Message
	bytes  []byte
	flow   flow
	invite bool
	handle func(resp *wire.Message, err error) // called without locks, from run and from readers
	tx     *gosip.ClientTx
	origin *gosip.Request

	turn sync.Mutex // one response at a time, none before the transaction has begun

	mu     sync.Mutex
	status int
	silent bool // ended by us: nobody is told
	writes int
	ack    []byte // of a refusal
}

// begin sends a request in a new transaction. The Via must be in place.
func (s *Server) begin(req *wire.Message, f flow, handle func(*wire.Message, error)) *clientTx {
	t := &clientTx{s: s, key: req.Via().Branch() + "|" + req.Method, req: req, bytes: req.Bytes(), flow: f,
		invite: req.Method == "INVITE", handle: handle}
	origin, err := sipgoRequest(req, f)
	if err != nil {
		s.log.Debug("request not readable for sipgo", "error", err)
		t.status = 503
		handle(nil, errTransport)
		return t
	}
	t.origin = origin
	t.tx = gosip.NewClientTx(t.key, origin, &txConn{f, t.write}, s.gosipLog)
	if !s.tx.addClient(t) {
		t.status = 503
		handle(nil, errTransport)
		return t
	}
	s.stats.clientTx.Add(1)
	s.stats.sent.add(req.Method)
	t.tx.OnTerminate(t.terminated)
	t.tx.OnRetransmission(func(r *gosip.Response) { t.handle(heardIn(r), nil) })
	t.turn.Lock()
	defer t.turn.Unlock()
	go t.run() // ends with the final answer, or with the transaction
	if err := t.tx.Init(); err != nil {
		t.tx.Terminate()
	}
	return t
}

// run passes up what comes before and with the final response.
func (t *clientTx) run() {
	defer t.s.wg.Done()
	for {
		select {
		case r := <-t.tx.Responses():
			m := heardIn(r)
			t.handle(m, nil)
			if m.Status < 200 {
				continue
			}
			if !t.invite { // sipgo keeps it for timer D, K is enough
				time.AfterFunc(t.s.cfg.T4, t.tx.Terminate)
			}
			return
		case <-t.tx.Done():
			t.failed()
			return
		}
	}
}

// failed tells why there is no final answer.
func (t *clientTx) failed() {
	err := errTransport
	if errors.Is(t.tx.Err(), gosip.ErrTransactionTimeout) {
		err = errTimeout
	}
	t.mu.Lock()
	silent := t.silent
	t.mu.Unlock()
	if !silent {
		t.handle(nil, err)
	}
}

// write sends what the transaction wants sent: the request, or the ACK of a
// refusal.
func (t *clientTx) write(m gosip.Message) error {
	b := t.bytes
	t.mu.Lock()
	if m == gosip.Message(t.origin) {
		if t.writes++; t.writes > 1 {
			t.s.stats.resent.Add(1)
		}
	} else {
		b = []byte(m.String())
		t.ack = b
	}
	t.mu.Unlock()
	err := t.flow.send(b)
	if err != nil {
		t.s.stats.sendErrors.Add(1)
		if !t.fatal(m) { // ICMP of another peer, a full queue: the next repeat may get through
			return nil
		}
	}
	return err
}

// fatal: only the first request over UDP and anything over a stream may fail a
// transaction.
func (t *clientTx) fatal(m gosip.Message) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.flow.reliable() || m == gosip.Message(t.origin) && t.writes == 1
}

// terminated is called by sipgo with the machine locked.
func (t *clientTx) terminated(string, error) {
	t.s.stats.clientTx.Add(-1)
	t.s.tx.dropClient(t)
}

// connectionLost drops the bindings of a dead connection and fails the requests
// that wait for answers on it.
func (s *Server) connectionLost(f flow) {
	s.registrar.lost(f)
	for _, t := range s.tx.clients() {
		if t.flow == f && t.open() {
			t.tx.Terminate()
		}
	}
	for _, d := range s.userDialogs("") {
		d.post(func() { d.flowLost(f) })
	}
}

// open reports whether the final answer is still out.
func (t *clientTx) open() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.status < 200
}

// finish ends the transaction without a word.
func (t *clientTx) finish() {
	t.mu.Lock()
	t.silent = true
	t.mu.Unlock()
	if t.tx != nil {
		t.tx.Terminate()
	}
}

// receive gives a response to the transaction. A repeated refusal is
// acknowledged here: sipgo would hold the machine, and so this reader, for T2.
func (t *clientTx) receive(m *wire.Message, r *gosip.Response) {
	t.turn.Lock()
	defer t.turn.Unlock()
	t.mu.Lock()
	first, ack := t.status < 200, t.ack
	if first {
		t.status = m.Status
	}
	t.mu.Unlock()
	if t.invite && m.Status >= 300 && !first {
		if ack != nil && t.flow.send(ack) != nil {
			t.s.stats.sendErrors.Add(1)
		}
		return
	}
	r.AppendHeader(&heardHeader{gosip.NewHeader(heardName, ""), m})
	t.tx.Receive(r)
}

// guardResponse lets through what a transaction of ours waits for.
func (s *Server) guardResponse(m *wire.Message, f flow) *admitted {
	_, method, ok := m.CSeq()
	v := m.Via()
	if !ok || v == nil || len(m.Values("Via")) != 1 {
		s.stats.strayResponses.Add(1)
		return nil
	}
	s.stats.answers.add(itoa(m.Status))
	if s.tx.findClient(v.Branch()+"|"+method) == nil {
		s.stats.strayResponses.Add(1)
		return nil
	}
	return &admitted{m: m, f: f}
}

// response hands a response to its transaction.
func (s *Server) response(m *wire.Message, r *gosip.Response) {
	_, method, _ := m.CSeq()
	if t := s.tx.findClient(m.Via().Branch() + "|" + method); t != nil {
		t.receive(m, r)
	}
}
