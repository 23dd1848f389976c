package sip

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"time"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/sip/wire"
)

var timers sync.Once

// useTimers sets what sipgo holds in package variables. They belong to the
// process, so the first server decides; a later one with other timers keeps
// its own for dialogs only.
func useTimers(t1, t2, t4 time.Duration) {
	timers.Do(func() {
		gosip.SetTimers(t1, t2, t4)
		gosip.Timer_D = 64 * t1
		gosip.TransportBufferReadSize = 8192 // of each port; a message may come in parts
		gosip.UDPMTUSize = 65536             // requests are sized by fit; a response may be long (RFC 3261 18.1.1)
	})
}

// quietHandler passes records of sipgo on as Debug: it names callers in them.
type quietHandler struct{ slog.Handler }

// Enabled reports whether Debug is logged.
func (h quietHandler) Enabled(ctx context.Context, _ slog.Level) bool {
	return h.Handler.Enabled(ctx, slog.LevelDebug)
}

// Handle logs the record as Debug.
func (h quietHandler) Handle(ctx context.Context, r slog.Record) error {
	r.Level = slog.LevelDebug
	return h.Handler.Handle(ctx, r)
}

// WithAttrs keeps the level rule.
func (h quietHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return quietHandler{h.Handler.WithAttrs(a)}
}

// WithGroup keeps the level rule.
func (h quietHandler) WithGroup(name string) slog.Handler {
	return quietHandler{h.Handler.WithGroup(name)}
}

// Headers go to sipgo raw; it reads those it needs when it needs them, and what
// it cannot read stays as it came.
func addHeaders(to gosip.Message, m *wire.Message) {
	for _, h := range m.Headers {
		if h.Name != "Content-Length" {
			to.AppendHeader(gosip.NewHeader(h.Name, h.Value))
		}
	}
	to.SetBody(m.Body)
}

// sipgoRequest makes sipgo's request out of ours.
func sipgoRequest(m *wire.Message, f flow) (*gosip.Request, error) {
	var uri gosip.Uri
	if err := gosip.ParseUri(m.URI, &uri); err != nil {
		return nil, err
	}
	r := gosip.NewRequest(gosip.RequestMethod(m.Method), uri)
	addHeaders(r, m)
	address(r, f)
	r.SetSource(f.remote().String())
	return r, nil
}

// sipgoResponse makes sipgo's response out of ours: the headers stay raw, so
// that From, To, Call-ID, CSeq and Via go back byte for byte.
func sipgoResponse(m *wire.Message, f flow) *gosip.Response {
	r := gosip.NewResponse(m.Status, m.Reason)
	addHeaders(r, m)
	address(r, f)
	return r
}

// address says where sipgo is to send a message.
func address(m gosip.Message, f flow) {
	m.SetTransport(upper(f.network()))
	m.SetDestination(f.remote().String())
}

// heardHeader carries the message as it came through a sipgo transaction.
type heardHeader struct {
	gosip.Header
	m *wire.Message
}

const heardName = "X-Heard"

// heardIn is the message that receive put in.
func heardIn(r *gosip.Response) *wire.Message {
	h, _ := r.GetHeader(heardName).(*heardHeader)
	return h.m
}

// txConn is the connection that sipgo's transactions write to: a flow.
type txConn struct {
	flow  flow
	write func(m gosip.Message) error
}

var _ gosip.Connection = (*txConn)(nil)

// LocalAddr is our end.
func (c *txConn) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(c.flow.local()) }

// WriteMsg sends a message of the transaction.
func (c *txConn) WriteMsg(m gosip.Message) error { return c.write(m) }

// Ref, TryClose and Close do nothing: flows outlive transactions.
func (c *txConn) Ref(int) int { return 1 }

// TryClose does nothing.
func (c *txConn) TryClose() (int, error) { return 1, nil }

// Close does nothing.
func (c *txConn) Close() error { return nil }
