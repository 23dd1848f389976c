package sip

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"

	gosip "github.com/emiago/sipgo/sip"

	"tingxin/sip/wire"
)

// carrier is sipgo's transport layer between the guard of a socket and the
// server: it reads what the guard admits and writes what is sent.
//
//	socket --guard--> bytes --sipgo: read, parse, OnMessage--> deliver
//	socket <--write deadline, lock-- sipgo: Connection.WriteMsg <-- flow.send
//
// sipgo names a connection by its address. Each port gets a name of its own,
// because sipgo keeps every UDP source it is told of for ever, and two
// connections may have the same far end.
type carrier struct {
	layer   *gosip.TransportLayer
	parser  *gosip.Parser
	deliver func(a *admitted, m gosip.Message)
	refused func(a *admitted)
	feeds   map[string]*feed // of streams, by network

	mu    sync.Mutex
	ports map[string]*port
}

// admitted is a message that has passed the guard, on its way through sipgo.
type admitted struct {
	m *wire.Message
	f flow
	d *dialog // it belongs to, if any
	t *trunk  // it came from, if any by address
}

// port is one socket or connection as sipgo knows it. Its reader hands over
// one message at a time; sipgo delivers it before it reads on.
type port struct {
	c       *carrier
	network string
	name    portName
	conn    gosip.Connection // sipgo's end, set when it reads for the first time
	waiting *admitted        // given to sipgo and not delivered; the reader's own
	rest    []byte           // of its bytes; the reader's own
}

// portName is a port's name in the place of an address.
type portName string

// Network is what net.Addr wants.
func (n portName) Network() string { return "sip" }

// String is the name.
func (n portName) String() string { return string(n) }

func newCarrier(log *slog.Logger, deliver func(*admitted, gosip.Message), refused func(*admitted)) *carrier {
	parser := gosip.NewParser(gosip.WithHeadersParsers(lengthOnly))
	parser.MaxMessageLength = wire.MaxHead + wire.MaxBody + 4096
	c := &carrier{parser: parser, deliver: deliver, refused: refused, feeds: map[string]*feed{"tcp": newFeed(), "tls": newFeed()},
		ports: map[string]*port{}}
	c.layer = gosip.NewTransportLayer(net.DefaultResolver, parser, nil, gosip.WithTransportLayerLogger(log))
	c.layer.OnMessage(c.take)
	return c
}

// lengthOnly lets sipgo read the one header that its parser needs at once; the
// others it reads when they are asked for. wire has judged them all.
var lengthOnly = map[string]gosip.HeaderParser{"content-length": gosip.DefaultHeadersParser()["content-length"]}

// take is sipgo's OnMessage, called by the reader of the port.
func (c *carrier) take(m gosip.Message) {
	c.mu.Lock()
	p := c.ports[m.Source()]
	c.mu.Unlock()
	if p == nil || p.waiting == nil {
		return
	}
	a := p.waiting
	p.waiting = nil
	c.deliver(a, m)
}

// port makes a port known; drop forgets it.
func (c *carrier) port(network, name string) *port {
	p := &port{c: c, network: network, name: portName(name)}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ports[name] = p
	return p
}

func (c *carrier) drop(p *port) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ports, string(p.name))
}

// attach finds sipgo's end of the port. sipgo knows a port before it reads.
func (p *port) attach(key string) {
	if p.conn == nil {
		p.conn = p.c.layer.Pool(p.network).Get(key)
	}
}

// hand gives an admitted message to sipgo's reader.
func (p *port) hand(a *admitted) { p.waiting, p.rest = a, a.m.Bytes() }

// read copies what is to be handed over; 0 when there is nothing. A message
// that sipgo read to its end and did not deliver is answered here.
func (p *port) read(b []byte) int {
	n := copy(b, p.rest)
	if p.rest = p.rest[n:]; n == 0 && p.waiting != nil {
		a := p.waiting
		p.waiting = nil
		p.c.refused(a)
	}
	return n
}

// parse takes a datagram that is larger than the buffer of sipgo's reader
// through its parser alone.
func (p *port) parse() {
	m, err := p.c.parser.ParseSIP(p.rest)
	if p.rest = nil; err != nil {
		return
	}
	m.SetTransport(upper(p.network))
	m.SetSource(string(p.name))
	p.c.take(m)
}

// close ends the port. sipgo closes a connection when it cannot read a message.
func (p *port) close() {
	p.rest = nil
	p.read(nil)
	p.c.drop(p)
}

// rendered is a message that sipgo's connections write as it is.
type rendered struct {
	*gosip.Response // for the destination
	bytes           []byte
}

// StringWrite writes the bytes.
func (r rendered) StringWrite(w io.StringWriter) { _, _ = w.WriteString(string(r.bytes)) }

// write sends bytes through sipgo's connection.
func (p *port) write(b []byte, to string) error {
	if p.conn == nil {
		return errClosed
	}
	r := &gosip.Response{}
	r.SetDestination(to)
	return p.conn.WriteMsg(rendered{r, b})
}

// feed is a listener whose connections come from our accept loops and dials.
type feed struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newFeed() *feed { return &feed{conns: make(chan net.Conn), done: make(chan struct{})} }

// Accept returns the next connection.
func (f *feed) Accept() (net.Conn, error) {
	select {
	case c := <-f.conns:
		return c, nil
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (f *feed) Close() error {
	f.once.Do(func() { close(f.done) })
	return nil
}

// Addr is none: the sockets are ours.
func (f *feed) Addr() net.Addr { return &net.TCPAddr{} }

// push hands a connection to sipgo; false when closing.
func (f *feed) push(c net.Conn) bool {
	select {
	case f.conns <- c:
		return true
	case <-f.done:
		return false
	}
}

// serve lets sipgo take the connections of a network.
func (c *carrier) serve(network string) {
	f := c.feeds[network]
	var err error
	if network == "tls" {
		err = c.layer.ServeTLS(f)
	} else {
		err = c.layer.ServeTCP(f)
	}
	if !errors.Is(err, net.ErrClosed) {
		f.Close() // never in 1.7.2: a feed has no other error
	}
}

// close ends the feeds; the sockets are closed by the transport.
func (c *carrier) close() {
	for _, f := range c.feeds {
		f.Close()
	}
}

// upper is a transport's name in a Via and in sipgo.
func upper(network string) string { return strings.ToUpper(network) }
