package media

// delayEstimator watches how late packets come compared with the fastest of the
// last seconds and says how much playout delay 95 of 100 packets need.
type delayEstimator struct {
	min, max int64 // bounds of the target in nanoseconds

	hist    [delayBuckets]float32
	fastest [delaySpans]int64 // smallest transit of each of the last seconds
	span    int
	spanEnd int64
	base    int64 // smallest of fastest
	known   bool
	packets int
	start   int64
}

const (
	delayBuckets = 30
	delayBucket  = 20e6 // ns
	delaySpans   = 8
	delaySpan    = 1e9   // ns
	delayForget  = 0.983 // per packet, as in NetEq: half is forgotten after 40 packets
	delayKnown   = 15    // packets before the first guess gives way
	noTransit    = int64(1) << 62
)

func (d *delayEstimator) reset() {
	*d = delayEstimator{min: d.min, max: d.max, start: d.start}
}

// add takes a packet's transit (arrival minus timestamp, on any fixed offset) and arrival, in nanoseconds.
func (d *delayEstimator) add(transit, at int64) {
	if !d.known {
		d.known = true
		for i := range d.fastest {
			d.fastest[i] = noTransit
		}
		d.fastest[0], d.base, d.spanEnd = transit, transit, at+delaySpan
	}
	for at >= d.spanEnd {
		d.span = (d.span + 1) % delaySpans
		d.fastest[d.span] = noTransit
		d.spanEnd += delaySpan
		if at-d.spanEnd > delaySpans*delaySpan { // after a long silence the old seconds say nothing
			d.spanEnd = at + delaySpan
		}
		d.rebase(transit)
	}
	if transit < d.fastest[d.span] {
		d.fastest[d.span] = transit
		d.base = min(d.base, transit)
	}
	b := min(int((transit-d.base)/delayBucket), delayBuckets-1)
	for i := range d.hist {
		d.hist[i] *= delayForget
	}
	d.hist[b] += 1 - delayForget
	d.packets++
}

func (d *delayEstimator) rebase(transit int64) {
	base := transit
	for _, f := range d.fastest {
		base = min(base, f)
	}
	d.base = base
}

// target is the wanted delay in nanoseconds: the upper edge of the bucket that
// holds the 95th percentile, between floor and ceiling.
func (d *delayEstimator) target() int64 {
	if d.packets < delayKnown {
		return d.start
	}
	var total float32
	for _, h := range d.hist {
		total += h
	}
	limit, sum := total*0.95, float32(0)
	for i, h := range d.hist {
		if sum += h; sum >= limit {
			return max(d.min, min(d.max, int64(i+1)*delayBucket))
		}
	}
	return d.max
}
