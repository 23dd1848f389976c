package media

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// portPool hands out pairs of an even RTP port and the odd RTCP port above it. A
// returned pair rests, so that late packets of the old call find nobody.
type portPool struct {
	addr   netip.Addr
	buffer int
	rest   time.Duration
	any    bool // take what the system gives

	mu      sync.Mutex
	free    []uint16 // oldest first
	resting []restingPort
	used    int
	total   int
}

type restingPort struct {
	port  uint16
	until time.Time
}

func newPortPool(cfg *Config, addr netip.Addr) *portPool {
	p := &portPool{addr: addr, buffer: cfg.SocketBuffer, rest: cfg.PortRest, any: cfg.PortMin < 0}
	if p.any {
		return p
	}
	for port := (cfg.PortMin + 1) &^ 1; port+1 <= cfg.PortMax; port += 2 {
		p.free = append(p.free, uint16(port))
	}
	p.total = len(p.free)
	return p
}

// open binds a pair. Ports that others hold are passed over.
func (p *portPool) open(now time.Time) (rtp, rtcp *socket, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.any {
		rtp, rtcp, err = p.openAny()
		if err == nil {
			p.used++
		}
		return rtp, rtcp, err
	}
	for len(p.resting) > 0 && !p.resting[0].until.After(now) {
		p.free = append(p.free, p.resting[0].port)
		p.resting = p.resting[1:]
	}
	for range len(p.free) {
		port := p.free[0]
		p.free = p.free[1:]
		rtp, rtcp, err = p.bind(port)
		if err == nil {
			p.used++
			return rtp, rtcp, nil
		}
		p.free = append(p.free, port)
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, nil, err
		}
	}
	return nil, nil, ErrNoPorts
}

func (p *portPool) bind(port uint16) (rtp, rtcp *socket, err error) {
	if rtp, err = openSocket(p.addr, port, p.buffer); err != nil {
		return nil, nil, err
	}
	if rtcp, err = openSocket(p.addr, rtp.port+1, p.buffer); err != nil {
		rtp.close()
		return nil, nil, err
	}
	return rtp, rtcp, nil
}

func (p *portPool) openAny() (rtp, rtcp *socket, err error) {
	for range 20 {
		if rtp, rtcp, err = p.bind(0); err == nil {
			return rtp, rtcp, nil
		}
	}
	return nil, nil, err
}

// close ends both sockets and lets the pair rest.
func (p *portPool) close(rtp, rtcp *socket, now time.Time) {
	rtp.close()
	rtcp.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used--
	if !p.any {
		p.resting = append(p.resting, restingPort{rtp.port, now.Add(p.rest)})
	}
}

// counts returns pairs in all, in use and resting.
func (p *portPool) counts(now time.Time) (total, used, resting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.resting {
		if r.until.After(now) {
			resting++
		}
	}
	return p.total, p.used, resting
}
