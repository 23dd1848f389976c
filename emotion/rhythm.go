package emotion

// rhythm writes the features of time: runs of voice, pauses, and syllables, whose
// nuclei are peaks of loudness that are voiced and stand 2 dB over the dips beside
// them (after de Jong and Wempe 2009).
func (w *workspace) rhythm(out []float32) {
	n := len(w.rows)
	seconds := float32(n) / 100
	if n == 0 {
		return
	}
	voiced := runs(w.rows, func(r *row) bool { return r.hz > 0 }, 3)
	unvoiced := runs(w.rows, func(r *row) bool { return r.hz == 0 }, 1)
	floor := w.quiet
	pause := runs(w.rows, func(r *row) bool { return r.hz == 0 && r.v[cEnergy] < floor }, 12)
	out[0], out[1], out[2] = voiced.count/seconds, voiced.mean(), voiced.sd()
	out[3], out[4] = unvoiced.mean(), unvoiced.sd()
	out[5], out[6] = float32(len(w.voiced))/float32(n), float32(len(w.active))/float32(n)
	out[7], out[8] = pause.count/seconds, pause.mean()
	w.syllables(out[9:14], seconds)
	out[14] = logf(seconds + 0.1)
	w.ends(out[15:19])
}

// spread sums lengths of runs, in seconds.
type spread struct{ count, sum, square float32 }

func (s spread) mean() float32 { return s.sum / max(1, s.count) }

func (s spread) sd() float32 {
	m := s.mean()
	return sqrtf(max(0, s.square/max(1, s.count)-m*m))
}

// runs measures the runs of at least least rows that are so.
func runs(rows []row, so func(*row) bool, least int) (s spread) {
	length := 0
	for i := 0; i <= len(rows); i++ {
		if i < len(rows) && so(&rows[i]) {
			length++
			continue
		}
		if length >= least {
			t := float32(length) / 100
			s.count++
			s.sum += t
			s.square += t * t
		}
		length = 0
	}
	return s
}

// syllables writes rate per second, rate per second of activity, deviation of the
// intervals, their normalised pairwise variability, and the mean rise to a nucleus.
func (w *workspace) syllables(out []float32, seconds float32) {
	y := w.loudness()
	const depth = 0.46 * 0.33 * 2 // 2 dB of power as a difference of log loudness
	var s spread
	var rise, npvi, pairs float32
	dip, peak := float32(1e9), float32(-1e9)
	at, last, lastGap := -1, -1, float32(0)
	climbing := true
	for i, v := range y {
		if climbing {
			dip = min(dip, v)
			if v > peak && v-dip > depth {
				peak, at = v, i
			}
			if at >= 0 && peak-v > depth {
				if near(w.rows, at) {
					s.count++
					rise += peak - dip
					if last >= 0 {
						gap := float32(at-last) / 100
						s.sum += gap
						s.square += gap * gap
						if lastGap > 0 {
							npvi += abs(gap-lastGap) / (gap + lastGap)
							pairs++
						}
						lastGap = gap
					}
					last = at
				}
				climbing, dip = false, v
			}
			continue
		}
		if dip = min(dip, v); v > dip {
			climbing, peak, at = true, -1e9, -1
		}
	}
	gaps := max(1, s.count-1)
	m := s.sum / gaps
	out[0], out[1] = s.count/seconds, s.count/max(0.1, float32(len(w.active))/100)
	out[2], out[3] = sqrtf(max(0, s.square/gaps-m*m)), npvi/max(1, pairs)
	out[4] = rise / max(1, s.count)
}

// loudness is the contour over five rows.
func (w *workspace) loudness() []float32 {
	y := w.smooth[:len(w.rows)]
	for i := range y {
		sum, n := float32(0), float32(0)
		for j := max(0, i-2); j <= min(len(y)-1, i+2); j++ {
			sum += w.rows[j].v[cLoudness]
			n++
		}
		y[i] = sum / n
	}
	return y
}

// near tells whether a row or one beside it is voiced.
func near(rows []row, at int) bool {
	for i := max(0, at-2); i <= min(len(rows)-1, at+2); i++ {
		if rows[i].hz > 0 {
			return true
		}
	}
	return false
}

// ends writes the slope of the pitch over the last 300 ms of voice (semitones a
// second), last third against first in pitch, its range, and last third against first in loudness.
func (w *workspace) ends(out []float32) {
	v := w.voiced
	n := len(v)
	if n < 9 {
		clear(out)
		return
	}
	last := v[max(0, n-30):]
	var sx, sy, sxy, sxx float32
	for _, i := range last {
		t, f := float32(i-last[0])/100, w.rows[i].v[cF0]
		sx, sy, sxy, sxx = sx+t, sy+f, sxy+t*f, sxx+t*t
	}
	k := float32(len(last))
	out[0] = max(-200, min(200, (k*sxy-sx*sy)/(k*sxx-sx*sx+1e-6)))
	var f, l [2]float32
	third := n / 3
	for j := range third {
		a, b := &w.rows[v[j]], &w.rows[v[n-1-j]]
		f[0], f[1] = f[0]+a.v[cF0], f[1]+b.v[cF0]
		l[0], l[1] = l[0]+a.v[cLoudness], l[1]+b.v[cLoudness]
	}
	out[1], out[3] = (f[1]-f[0])/float32(third), (l[1]-l[0])/float32(third)
	s := w.sorted[:n]
	for j, i := range v {
		s[j] = w.rows[i].v[cF0]
	}
	sortFloats(s)
	out[2] = quantile(s, 0.95) - quantile(s, 0.05)
}
