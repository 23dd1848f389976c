package media

import (
	"errors"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The sockets are non-blocking descriptors read by the clock itself, once per
// tick, with recvmmsg: a goroutine per socket costs a wake-up, a second read that
// finds nothing and a context switch per packet, more than all our own work on it.
// Nothing is lost by waiting for the tick, since sound is played out on ticks
// anyway; the kernel's receive stamp keeps the arrival times exact. Linux only.
//
// Sending is one sendto per packet: sendmmsg batches for one descriptor, and every leg
// has its own. Connecting the sockets would save a fifth of it (3.0 instead of 3.7 us
// on two shared cores), but the kernel would then refuse strangers' packets with an
// ICMP error instead of giving them to us to count.

// maxPacket is the longest datagram read; longer ones are cut and fail their checks.
const maxPacket = 1500

// batchSize is how many datagrams one recvmmsg may bring.
const batchSize = 8

// expedited is the traffic class of voice (RFC 4594); a network that does not care ignores it.
const expedited = 0xb8

// sockaddr is a raw socket address, ready for the kernel.
type sockaddr struct {
	raw [28]byte
	len uint32
}

func newSockaddr(ap netip.AddrPort) (s sockaddr) {
	port := ap.Port()
	a := ap.Addr().Unmap()
	s.raw[2], s.raw[3] = byte(port>>8), byte(port)
	if a.Is4() {
		*(*uint16)(unsafe.Pointer(&s.raw[0])) = unix.AF_INET
		b := a.As4()
		copy(s.raw[4:], b[:])
		s.len = 16
		return s
	}
	*(*uint16)(unsafe.Pointer(&s.raw[0])) = unix.AF_INET6
	b := a.As16()
	copy(s.raw[8:], b[:])
	s.len = 28
	return s
}

// mapped is the IPv4 address in the form an IPv6 socket wants.
func (s *sockaddr) mapped(ap netip.AddrPort) {
	b := ap.Addr().As16()
	port := ap.Port()
	*s = sockaddr{len: 28}
	*(*uint16)(unsafe.Pointer(&s.raw[0])) = unix.AF_INET6
	s.raw[2], s.raw[3] = byte(port>>8), byte(port)
	copy(s.raw[8:], b[:])
}

func (s *sockaddr) addrPort() netip.AddrPort {
	port := uint16(s.raw[2])<<8 | uint16(s.raw[3])
	if *(*uint16)(unsafe.Pointer(&s.raw[0])) == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(s.raw[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(s.raw[8:24])).Unmap(), port)
}

// socket is one bound UDP descriptor.
type socket struct {
	fd       int
	v6       bool
	port     uint16
	rcv, snd int    // buffer sizes the kernel granted
	drops    uint32 // datagrams lost in the full receive buffer, by SO_RXQ_OVFL
}

func openSocket(addr netip.Addr, port uint16, buffer int) (*socket, error) {
	family := unix.AF_INET
	if addr.Is6() && !addr.Is4In6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open udp socket: %w", err)
	}
	s := &socket{fd: fd, v6: family == unix.AF_INET6, port: port}
	if err := s.setup(addr, buffer); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return s, nil
}

// options sets buffers, receive stamps, drop counts and the traffic class.
func (s *socket) options(buffer int) error {
	for _, o := range []struct{ name, value int }{
		{unix.SO_RCVBUF, buffer}, {unix.SO_SNDBUF, buffer},
		{unix.SO_TIMESTAMPNS, 1}, {unix.SO_RXQ_OVFL, 1},
	} {
		if err := unix.SetsockoptInt(s.fd, unix.SOL_SOCKET, o.name, o.value); err != nil {
			return fmt.Errorf("set udp socket option %d: %w", o.name, err)
		}
	}
	if s.v6 {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IPV6, unix.IPV6_TCLASS, expedited)
	} else {
		_ = unix.SetsockoptInt(s.fd, unix.IPPROTO_IP, unix.IP_TOS, expedited)
	}
	s.rcv, _ = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	s.snd, _ = unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	return nil
}

func (s *socket) setup(addr netip.Addr, buffer int) error {
	if err := s.options(buffer); err != nil {
		return err
	}
	var sa unix.Sockaddr = &unix.SockaddrInet6{Port: int(s.port), Addr: addr.As16()}
	if !s.v6 {
		sa = &unix.SockaddrInet4{Port: int(s.port), Addr: addr.Unmap().As4()}
	}
	if err := unix.Bind(s.fd, sa); err != nil {
		return fmt.Errorf("bind udp port %d: %w", s.port, err)
	}
	if s.port != 0 {
		return nil
	}
	name, err := unix.Getsockname(s.fd)
	if err != nil {
		return fmt.Errorf("read udp port: %w", err)
	}
	switch n := name.(type) {
	case *unix.SockaddrInet4:
		s.port = uint16(n.Port)
	case *unix.SockaddrInet6:
		s.port = uint16(n.Port)
	}
	return nil
}

func (s *socket) close() { _ = unix.Close(s.fd) }

// address makes ap ready for this socket's family.
func (s *socket) address(ap netip.AddrPort) (a sockaddr) {
	if s.v6 {
		a.mapped(ap)
		return a
	}
	return newSockaddr(ap)
}

// send writes one datagram; it never blocks.
func (s *socket) send(b []byte, to *sockaddr) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, uintptr(unsafe.Pointer(&to.raw[0])), uintptr(to.len))
	return errno == 0
}

type mmsghdr struct {
	hdr unix.Msghdr
	len uint32
	_   [4]byte
}

// batch receives datagrams; it belongs to the clock goroutine and is used for all sockets in turn.
type batch struct {
	msgs  [batchSize]mmsghdr
	iov   [batchSize]unix.Iovec
	names [batchSize]sockaddr
	ctl   [batchSize][64]byte
	data  [batchSize][maxPacket]byte
}

func newBatch() *batch {
	b := &batch{}
	for i := range b.msgs {
		b.iov[i].Base = &b.data[i][0]
		b.iov[i].SetLen(maxPacket)
		h := &b.msgs[i].hdr
		h.Name = &b.names[i].raw[0]
		h.Iov = &b.iov[i]
		h.SetIovlen(1)
		h.Control = &b.ctl[i][0]
		b.ready(i)
	}
	return b
}

func (b *batch) ready(i int) {
	h := &b.msgs[i].hdr
	h.Namelen = 28
	h.SetControllen(64)
	h.Flags = 0
}

// read brings up to batchSize datagrams that wait in the socket and returns how many.
func (b *batch) read(s *socket) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&b.msgs[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// take returns datagram i with its sender and the kernel's receive time in
// nanoseconds since 1970 (0 when not given), and makes its place ready again.
func (b *batch) take(i int, s *socket) (data []byte, from netip.AddrPort, at int64) {
	m := &b.msgs[i]
	data = b.data[i][:m.len]
	from = b.names[i].addrPort()
	at, lost := ancillary(b.ctl[i][:m.hdr.Controllen])
	if lost != 0 {
		s.drops = lost
	}
	b.ready(i)
	return data, from, at
}

// ancillary reads control messages: when the kernel received the datagram
// (nanoseconds since 1970, 0 when not given), and how many the socket has lost so far (0 when none).
func ancillary(ctl []byte) (at int64, lost uint32) {
	for len(ctl) >= unix.SizeofCmsghdr {
		h := (*unix.Cmsghdr)(unsafe.Pointer(&ctl[0]))
		if h.Len < unix.SizeofCmsghdr || uint64(h.Len) > uint64(len(ctl)) {
			break
		}
		body := ctl[unix.SizeofCmsghdr:h.Len]
		switch {
		case h.Level != unix.SOL_SOCKET:
		case h.Type == unix.SO_TIMESTAMPNS && len(body) >= 16:
			ts := (*unix.Timespec)(unsafe.Pointer(&body[0]))
			at = ts.Sec*1e9 + ts.Nsec
		case h.Type == unix.SO_RXQ_OVFL && len(body) >= 4:
			lost = *(*uint32)(unsafe.Pointer(&body[0]))
		}
		ctl = ctl[min(len(ctl), int(h.Len+7)&^7):]
	}
	return at, lost
}
