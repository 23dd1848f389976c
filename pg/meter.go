package pg

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// Stats counts what went to the server and what the pool holds. Counters grow from the start.
type Stats struct {
	Queries     int64         `metric:",total"` // statements that ended
	Failures    int64         `metric:",total"` // of these, how many with an error; rows not found are none
	Unavailable int64         `metric:",total"` // of these, how many because the server was away
	QueryTime   time.Duration `metric:",total"` // summed over all statements
	Slow        int64         `metric:",total"` // statements that took over 250 ms
	Conns       int           // open connections
	Busy        int           // of these, in use
	MaxConns    int
	Waits       int64         `metric:",total"` // acquires that had to wait for a connection
	WaitTime    time.Duration `metric:",total"` // summed
	Restarts    int64         `metric:",total"` // of the private cluster's server after its first start
}

// slow is from when on a statement counts as slow.
const slow = 250 * time.Millisecond

// meter counts statements; it is the pool's tracer.
type meter struct {
	queries, failures, unavailable, nanos, slow atomic.Int64
}

type meterKey struct{}

func (m *meter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, meterKey{}, time.Now())
}

func (m *meter) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	m.queries.Add(1)
	if start, ok := ctx.Value(meterKey{}).(time.Time); ok {
		took := time.Since(start)
		m.nanos.Add(int64(took))
		if took > slow {
			m.slow.Add(1)
		}
	}
	if err := Map(data.Err); err != nil && !errors.Is(err, ErrNotFound) {
		m.failures.Add(1)
		if errors.Is(err, ErrUnavailable) {
			m.unavailable.Add(1)
		}
	}
}

// Stats reads the counters.
func (d *DB) Stats() Stats {
	p := d.pool.Stat()
	s := Stats{
		Queries: d.meter.queries.Load(), Failures: d.meter.failures.Load(), Unavailable: d.meter.unavailable.Load(),
		QueryTime: time.Duration(d.meter.nanos.Load()), Slow: d.meter.slow.Load(),
		Conns: int(p.TotalConns()), Busy: int(p.AcquiredConns()), MaxConns: int(p.MaxConns()),
		Waits: p.EmptyAcquireCount(), WaitTime: p.EmptyAcquireWaitTime(),
	}
	if d.cluster != nil {
		s.Restarts = max(0, d.cluster.Starts()-1)
	}
	return s
}
