package sip

import (
	"strings"
	"sync"

	"tingxin/sip/wire"
)

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

// transactions holds both kinds by key. sipgo's own table is not used: it
// hands every message to a goroutine of its own, and the order of a dialog's
// requests would be lost.
type transactions struct {
	mu     sync.Mutex
	closed bool
	server map[string]*serverTx
	client map[string]*clientTx
}

func newTransactions() *transactions {
	return &transactions{server: map[string]*serverTx{}, client: map[string]*clientTx{}}
}

// addClient makes a transaction known and counts its goroutine; false while closing.
func (x *transactions) addClient(t *clientTx) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.closed {
		return false
	}
	x.client[t.key] = t
	t.s.wg.Add(1)
	return true
}

func (x *transactions) dropClient(t *clientTx) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.client[t.key] == t {
		delete(x.client, t.key)
	}
}

func (x *transactions) findClient(key string) *clientTx {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.client[key]
}

func (x *transactions) addServer(t *serverTx) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.server[t.key] = t
}

func (x *transactions) dropServer(t *serverTx) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.server[t.key] == t {
		delete(x.server, t.key)
	}
}

func (x *transactions) findServer(m *wire.Message, method string) *serverTx {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.server[txKey(m, method)]
}

// clients copies the list, because a transaction's locks come before ours.
func (x *transactions) clients() []*clientTx {
	x.mu.Lock()
	defer x.mu.Unlock()
	out := make([]*clientTx, 0, len(x.client))
	for _, t := range x.client {
		out = append(out, t)
	}
	return out
}

// stopAll ends every transaction without a word; the sockets are going.
func (x *transactions) stopAll() {
	x.mu.Lock()
	x.closed = true
	servers := make([]*serverTx, 0, len(x.server))
	for _, t := range x.server {
		servers = append(servers, t)
	}
	x.mu.Unlock()
	for _, t := range servers {
		t.tx.Terminate()
	}
	for _, t := range x.clients() {
		t.finish()
	}
}
