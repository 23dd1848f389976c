package caller

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Agent places calls. It owns one SIP socket, the sending clock and the calls that
// run on them; Close ends them all.
type Agent struct {
	cfg   Config
	log   *slog.Logger
	conn  *net.UDPConn
	clock *clock
	done  chan struct{} // closed when the SIP read loop has ended
	once  sync.Once

	base    context.Context // of calls to us, ended by Close
	hangUp  context.CancelFunc
	serving sync.WaitGroup // calls to us

	garbage atomic.Uint64 // datagrams that are no SIP
	dropped atomic.Uint64 // messages for a call whose inbox was full

	mu    sync.Mutex
	calls map[string]*dialog // by Call-ID
}

// New checks the configuration.
func New(cfg Config, log *slog.Logger) *Agent {
	if cfg.Listen == "" {
		cfg.Listen = "127.0.0.1:0"
	}
	if cfg.UserAgent == "" {
		cfg.UserAgent = "tingxin-caller"
	}
	if cfg.T1 == 0 {
		cfg.T1 = 500 * time.Millisecond
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	a := &Agent{cfg: cfg, log: log, clock: newClock(), done: make(chan struct{}), calls: make(map[string]*dialog)}
	a.base, a.hangUp = context.WithCancel(context.Background())
	return a
}

// Start binds the SIP socket. Calls may be placed when it returns.
func (a *Agent) Start(context.Context) error {
	addr, err := netip.ParseAddrPort(a.cfg.Listen)
	if err != nil {
		return fmt.Errorf("caller listens on %q: %w", a.cfg.Listen, err)
	}
	if a.conn, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(addr)); err != nil {
		return fmt.Errorf("caller: %w", err)
	}
	_ = a.conn.SetReadBuffer(4 << 20)
	// Ends when Close closes the socket.
	go a.read()
	// Ends when Close stops the clock.
	go a.clock.run()
	return nil
}

// Close returns when the read loop and the clock have ended. Calls to us are hung
// up; those of our own still running see their context's end first: cancel it before.
func (a *Agent) Close() error {
	a.once.Do(func() {
		a.hangUp()
		if a.conn == nil {
			return
		}
		a.serving.Wait()
		a.conn.Close()
		<-a.done
		close(a.clock.stop)
		<-a.clock.done
	})
	return nil
}

// Addr is the address of the SIP socket.
func (a *Agent) Addr() netip.AddrPort { return a.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

// read hands every message to its call.
func (a *Agent) read() {
	defer close(a.done)
	buf := make([]byte, 65536)
	for {
		n, from, err := a.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		m, err := parse(buf[:n])
		if err != nil {
			a.garbage.Add(1)
			continue
		}
		a.mu.Lock()
		d := a.calls[m.get("call-id")]
		a.mu.Unlock()
		switch {
		case d != nil:
			d.post(m, from)
		case m.method == "INVITE" && tag(m.get("to")) == "" && a.cfg.Answer != nil:
			a.take(m, from)
		case m.method == "OPTIONS":
			a.send(m.reply(200, "OK", newTag(), "", ""), from)
		case m.method != "" && m.method != "ACK":
			a.send(m.reply(481, "Call/Transaction Does Not Exist", newTag(), "", ""), from)
		}
	}
}

func (a *Agent) send(data []byte, to netip.AddrPort) {
	if _, err := a.conn.WriteToUDPAddrPort(data, to); err != nil {
		a.log.Debug("caller: send", "error", err)
	}
}

func (a *Agent) enter(d *dialog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls[d.callID] = d
}

func (a *Agent) leave(d *dialog) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.calls, d.callID)
}
