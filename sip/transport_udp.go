package sip

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"tingxin/sip/wire"
)

// udpSocket is one UDP listener. All requests to peers of its family leave
// from it, so that answers come back through the same hole of a NAT.
type udpSocket struct {
	conn   *net.UDPConn
	addr   netip.AddrPort
	buffer int    // bytes the kernel granted for receiving
	inode  string // to find its drop counter

	t       *transport
	port    *port
	reading chan struct{} // closed when sipgo reads
	once    sync.Once
	buf     []byte // of the reader
}

func (t *transport) openUDP(ctx context.Context, address string) (*udpSocket, error) {
	pc, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	s := &udpSocket{conn: pc.(*net.UDPConn), addr: addrPort(pc.LocalAddr()), t: t, reading: make(chan struct{}),
		buf: make([]byte, 65536)}
	s.port = t.carrier.port("udp", pc.LocalAddr().String())
	_ = s.conn.SetReadBuffer(t.cfg.SocketBuffer)
	_ = s.conn.SetWriteBuffer(t.cfg.SocketBuffer)
	s.readBack()
	if s.buffer > 0 && s.buffer < t.cfg.SocketBuffer {
		t.log.Warn("udp receive buffer smaller than asked, raise net.core.rmem_max",
			"asked", t.cfg.SocketBuffer, "granted", s.buffer)
	}
	return s, nil
}

// readBack asks the kernel what it granted and which socket this is.
func (s *udpSocket) readBack() {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		if n, err := syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF); err == nil {
			s.buffer = n
		}
		var st syscall.Stat_t
		if syscall.Fstat(int(fd), &st) == nil {
			s.inode = strconv.FormatUint(st.Ino, 10)
		}
	})
}

// serveUDP lets sipgo read the socket until it is closed.
func (t *transport) serveUDP(s *udpSocket) {
	defer t.carrier.drop(s.port)
	defer s.ready() // should sipgo not begin at all
	if err := t.carrier.layer.ServeUDP(guardedPackets{s.conn, s}); err != nil {
		t.log.Error("udp socket not served", "error", err)
	}
}

func (s *udpSocket) ready() { s.once.Do(func() { close(s.reading) }) }

// guardedPackets is a UDP socket as sipgo sees it: admitted datagrams come out.
type guardedPackets struct {
	net.PacketConn
	s *udpSocket
}

// ReadFrom returns the next datagram that the guard admits, under the name of
// the port.
func (g guardedPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	p := g.s.port
	p.attach(string(p.name))
	g.s.ready()
	for {
		if len(p.rest) > len(b) { // sipgo has one size of buffer for all ports
			p.parse()
		}
		if n := p.read(b); n > 0 {
			return n, p.name, nil
		}
		if err := g.s.next(); err != nil {
			return 0, nil, err
		}
	}
}

// next reads one datagram and gives it to the guard. Errors that belong to one
// peer (ICMP) are passed over.
func (s *udpSocket) next() error {
	n, from, err := s.conn.ReadFromUDPAddrPort(s.buf)
	if errors.Is(err, net.ErrClosed) {
		return err
	}
	if err != nil {
		s.t.stats.bad.add("udp read error")
		return nil
	}
	s.t.stats.datagrams.Add(1)
	data := s.buf[:n]
	if len(bytes.Trim(data, "\r\n\x00 ")) == 0 {
		return nil // keep-alive
	}
	m, err := wire.Parse(data)
	if err != nil {
		s.t.stats.bad.add("unreadable datagram")
		return nil
	}
	if a := s.t.guard(m, udpFlow{s, unmap(from)}); a != nil {
		s.port.hand(a)
	}
	return nil
}

// udpFlow is a value: nothing is kept per source address.
type udpFlow struct {
	socket *udpSocket
	to     netip.AddrPort
}

func (f udpFlow) send(b []byte) error {
	if f.to.Addr().Zone() != "" { // sipgo has no zones
		_, err := f.socket.conn.WriteToUDPAddrPort(b, f.to)
		return err
	}
	return f.socket.port.write(b, f.to.String())
}
func (f udpFlow) network() string        { return "udp" }
func (f udpFlow) remote() netip.AddrPort { return f.to }
func (f udpFlow) local() netip.AddrPort  { return f.socket.addr }
func (f udpFlow) reliable() bool         { return false }
func (f udpFlow) alive() bool            { return true }

// kernel sums the drops of our UDP sockets out of /proc/net/udp and udp6 and
// returns the smallest receive buffer.
func (t *transport) kernel() (drops uint64, buffer int) {
	t.mu.Lock()
	inodes := map[string]bool{}
	for _, s := range t.udp {
		inodes[s.inode] = true
		if buffer == 0 || s.buffer < buffer {
			buffer = s.buffer
		}
	}
	t.mu.Unlock()
	for _, file := range [...]string{"/proc/net/udp", "/proc/net/udp6"} {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(data)) {
			f := strings.Fields(line)
			if len(f) < 13 || !inodes[f[9]] {
				continue
			}
			n, _ := strconv.ParseUint(f[12], 10, 64)
			drops += n
		}
	}
	return drops, buffer
}
