package sip

import (
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/sip/wire"
)

// serverTx is a server transaction of sipgo (RFC 3261 17.2, RFC 6026): its
// machine repeats our final answer, absorbs repeated requests and ACKs, and
// ends by timer. It has no goroutine.
type serverTx struct {
	s    *Server
	key  string
	req  *wire.Message
	flow flow
	tx   *gosip.ServerTx

	onCancel func() // set once before the transaction is known

	mu     sync.Mutex
	status int // of the last response, 0 before any
	acked  bool
	asked  bool // the next response is new, or asked for by a repeated request
}

// absorb hands a request to the transaction it belongs to, if any.
func (s *Server) absorb(m *wire.Message, r *gosip.Request) bool {
	switch m.Method {
	case "ACK":
		t := s.tx.findServer(m, "INVITE")
		return t != nil && t.ack(r)
	case "CANCEL":
		return false // request finds the INVITE itself
	}
	t := s.tx.findServer(m, m.Method)
	if t == nil {
		return false
	}
	t.again(r)
	return true
}

// open makes a transaction for a new request, as we and as sipgo have read it.
func (s *Server) open(m *wire.Message, f flow, r *gosip.Request, onCancel func()) *serverTx {
	t := &serverTx{s: s, key: txKey(m, m.Method), req: m, flow: f, onCancel: onCancel}
	r.SetBody(nil) // the machine keeps r for 32 s and has no use for it
	t.tx = gosip.NewServerTx(t.key, r, &txConn{f, t.write}, s.gosipLog)
	_ = t.tx.Init() // never fails in 1.7.2: it sets the state and the timer of the 100
	s.tx.addServer(t)
	s.stats.serverTx.Add(1)
	if !t.tx.OnTerminate(t.terminated) {
		t.terminated("", nil)
	}
	return t
}

// inviteTx finds the INVITE that a CANCEL means.
func (s *Server) inviteTx(cancel *wire.Message) *serverTx { return s.tx.findServer(cancel, "INVITE") }

// again gives a repeated request to the machine, which repeats its answer. A
// 2xx to an INVITE is repeated by its dialog.
func (t *serverTx) again(r *gosip.Request) {
	t.s.stats.retransmits.Add(1)
	t.mu.Lock()
	t.asked = true
	t.mu.Unlock()
	_ = t.tx.Receive(r)
}

// ack takes the ACK of a refusal; the ACK of a 2xx belongs to the dialog.
func (t *serverTx) ack(r *gosip.Request) bool {
	t.mu.Lock()
	refused, first := t.status >= 300, !t.acked
	t.acked = t.acked || refused
	t.mu.Unlock()
	if !refused {
		return false
	}
	if first {
		_ = t.tx.Receive(r)
		select { // taken, or sipgo would hold a goroutine until timer I
		case <-t.tx.Acks():
		case <-t.tx.Done():
		}
		if t.s.cfg.T4 < gosip.T4 { // timer I of this server
			time.AfterFunc(t.s.cfg.T4, t.tx.Terminate)
		}
	}
	return true
}

// respond sends a response; after a final one further calls do nothing.
func (t *serverTx) respond(resp *wire.Message) {
	t.mu.Lock()
	if t.status >= 200 {
		t.mu.Unlock()
		return
	}
	t.status, t.asked = resp.Status, true
	t.mu.Unlock()
	t.s.stats.responses.add(itoa(resp.Status))
	_ = t.tx.Respond(sipgoResponse(resp, t.flow))
}

// write sends what the machine wants sent, where RFC 3261 18.2.2 wants it.
// A response that got lost on its way out is repeated like any other, so it
// does not end the transaction.
func (t *serverTx) write(m gosip.Message) error {
	t.mu.Lock()
	if !t.asked {
		t.s.stats.resent.Add(1)
	}
	t.asked = false
	t.mu.Unlock()
	t.s.sendResponse(t.req, t.flow, []byte(m.String()))
	return nil
}

// terminated is called by sipgo with the machine locked.
func (t *serverTx) terminated(string, error) {
	t.s.stats.serverTx.Add(-1)
	t.s.tx.dropServer(t)
}
