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
}

func (t *transport) openUDP(ctx context.Context, address string) (*udpSocket, error) {
	pc, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	s := &udpSocket{conn: pc.(*net.UDPConn), addr: addrPort(pc.LocalAddr())}
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

// readUDP takes datagrams until the socket is closed. Errors that belong to one
// peer (ICMP) are passed over.
func (t *transport) readUDP(s *udpSocket) {
	defer t.wg.Done()
	buf := make([]byte, 65536)
	for {
		n, from, err := s.conn.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			t.stats.bad.add("udp read error")
			continue
		}
		t.stats.datagrams.Add(1)
		data := buf[:n]
		if len(bytes.Trim(data, "\r\n\x00 ")) == 0 {
			continue // keep-alive
		}
		m, err := wire.Parse(data)
		if err != nil {
			t.stats.bad.add("unreadable datagram")
			continue
		}
		t.receive(m, udpFlow{s, unmap(from)})
	}
}

// udpFlow is a value: nothing is kept per source address.
type udpFlow struct {
	socket *udpSocket
	to     netip.AddrPort
}

func (f udpFlow) send(b []byte) error {
	_, err := f.socket.conn.WriteToUDPAddrPort(b, f.to)
	return err
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
