package media

// delayEstimator watches how late packets come compared with the fastest of the
// last seconds and says how much playout delay 95 of 100 packets need.
type delayEstimator struct {
	min, max int64 // bounds of the target in nanoseconds

	hist    [delayBuckets]float32
	fastest [delaySpans]int64 // smallest transit of each of the last seconds
	slowest [delaySpans]int64 // largest of those within the first bucket
	span    int
	spanEnd int64
	base    int64 // smallest of fastest
	known   bool
	given   int64   // what lateness said last
	beyond  float32 // share of the newest packets that came later than that
	packets int
	start   int64
}

const (
	delayBuckets = 30
	delayBucket  = 20e6 // ns
	delaySpans   = 8
	delaySpan    = 1e9   // ns
	delayMargin  = 1e6   // ns beyond the slowest packet of a steady line
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
			d.fastest[i], d.slowest[i] = noTransit, -noTransit
		}
		d.fastest[0], d.slowest[0], d.base, d.spanEnd = transit, transit, transit, at+delaySpan
	}
	for at >= d.spanEnd {
		d.span = (d.span + 1) % delaySpans
		d.fastest[d.span], d.slowest[d.span] = noTransit, -noTransit
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
	d.beyond *= delayForget
	if d.given > 0 && transit-d.base > d.given {
		d.beyond += 1 - delayForget
	}
	b := min(int((transit-d.base)/delayBucket), delayBuckets-1)
	if b == 0 {
		d.slowest[d.span] = max(d.slowest[d.span], transit)
	}
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

// lateness is how late after the fastest possible arrival a packet may come and still be
// played, in nanoseconds: on a steady line, where 95 of 100 packets fall into the first
// bucket, the slowest of them in the last seconds and a little more, else half a bucket
// below the target. The two worst seconds of the last eight do not count, since what comes
// late once in a while is concealed, unless several packets came too late just now.
func (d *delayEstimator) lateness() int64 {
	target := d.target()
	if target > delayBucket || d.packets < delayKnown {
		return max(d.min, target-delayBucket/2)
	}
	one, two, three := d.base, d.base, d.base // the largest
	for _, s := range d.slowest {
		switch {
		case s > one:
			one, two, three = s, one, two
		case s > two:
			two, three = s, two
		case s > three:
			three = s
		}
	}
	if d.beyond > 0.04 {
		three = one
	}
	d.given = max(d.min, min(three-d.base+delayMargin, delayBucket))
	return d.given
}
