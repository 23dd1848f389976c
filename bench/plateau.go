package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const sampleEvery = 250 * time.Millisecond

// plateau is what was seen of the server while nearly all calls were up.
type plateau struct {
	enough  int // calls that count as nearly all
	samples []sample
}

type sample struct {
	at     time.Time
	used   process
	active int
	fds    int
}

// watch looks at the server until the returned function is called, which waits.
func (l *load) watch(ctx context.Context) func() (*plateau, error) {
	p := &plateau{enough: max(1, l.opts.N*95/100)}
	if l.opts.PID == 0 {
		return func() (*plateau, error) { return p, nil }
	}
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- p.look(ctx, l) }() // ends when stop is called
	return func() (*plateau, error) { stop(); return p, <-ended }
}

func (p *plateau) look(ctx context.Context, l *load) error {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		l.mu.Lock()
		active := l.active
		l.mu.Unlock()
		if active < p.enough {
			continue
		}
		used, err := usage(l.opts.PID)
		if err != nil {
			return fmt.Errorf("the server is gone: %w", err)
		}
		p.samples = append(p.samples, sample{time.Now(), used, active, descriptors(l.opts.PID)})
	}
}

// pct is the share of a core that a call took, 0 when the plateau was shorter than a second.
func (p *plateau) pct() float64 {
	var cpu, calls float64
	for i := 1; i < len(p.samples); i++ {
		a, b := p.samples[i-1], p.samples[i]
		if d := b.at.Sub(a.at); d < 4*sampleEvery { // a gap is no plateau
			cpu += (b.used.cpu - a.used.cpu).Seconds()
			calls += d.Seconds() * float64(a.active+b.active) / 2
		}
	}
	if len(p.samples) < int(time.Second/sampleEvery) || calls == 0 {
		return 0
	}
	return 100 * cpu / calls
}

// rss is the resident memory at the beginning, the middle and the end, MB.
func (p *plateau) rss() (first, mid, last float64) {
	n := len(p.samples)
	if n == 0 {
		return 0, 0, 0
	}
	return p.samples[0].used.rssMB, p.samples[n/2].used.rssMB, p.samples[n-1].used.rssMB
}

func (p *plateau) fds() int {
	if len(p.samples) == 0 {
		return 0
	}
	return p.samples[len(p.samples)-1].fds
}

// descriptors counts the open files of a process, 0 if that cannot be seen.
func descriptors(pid int) int {
	dir, err := os.Open("/proc/" + strconv.Itoa(pid) + "/fd")
	if err != nil {
		return 0
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1)
	return len(names)
}

// legs is how many legs the server has at once in a run.
func (o *CallsOptions) legs(k Kind) int {
	up := min(float64(o.N), o.CPS*(o.Seconds+2))
	if k == Echo {
		return int(up)
	}
	return 2 * int(up)
}

// room judges whether this machine has the descriptors and ports for a run. Go has
// raised the soft limit of files to the hard one.
func room(o CallsOptions, k Kind) error {
	need := uint64(2*o.legs(k) + 200)
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil && files.Cur < need && files.Max > files.Cur {
		files.Cur = files.Max
		_ = unix.Setrlimit(unix.RLIMIT_NOFILE, &files)
	}
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil && files.Cur < need {
		return fmt.Errorf("%d file descriptors are needed and %d allowed: raise the hard limit (ulimit -Hn)", need, files.Cur)
	}
	if lo, hi, err := FreePorts(); err == nil && uint64(hi-lo) < need {
		return fmt.Errorf("%d ports are needed and the system gives out %d to %d: widen net.ipv4.ip_local_port_range", need, lo, hi)
	}
	return nil
}

var errPorts = errors.New("ip_local_port_range cannot be read")

// FreePorts is the range of ports that the system gives out.
func FreePorts() (lo, hi int, err error) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 0, 0, err
	}
	f := strings.Fields(string(text))
	if len(f) != 2 {
		return 0, 0, errPorts
	}
	lo, err1 := strconv.Atoi(f[0])
	hi, err2 := strconv.Atoi(f[1])
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, errPorts
	}
	return lo, hi, nil
}
