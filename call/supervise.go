package call

import (
	"time"

	"tingxin/media"
)

// supervise looks after the call once a second.
func (c *Call) supervise(now time.Time) {
	c.rehear(now)
	if c.record.State != StateActive {
		return
	}
	c.feelTime(now)
	c.lookAway(now)
	for i, l := range c.legs {
		if l.row.AnsweredAt.IsZero() || l.held || l.left {
			continue
		}
		if cause, gone := c.silent(l.media.Activity(), l.row.AnsweredAt, now); gone {
			c.log.Info("no media", "leg", i+1, "cause", string(cause))
			if !l.talks() || l.row.Role == RoleGuest {
				c.leave(l, cause)
				continue
			}
			c.end(cause, 0)
			return
		}
	}
	c.refresh()
}

// silent tells a leg to which no RTP ever came and one whose RTP stopped from
// one that is held, muted or pauses (its packets or reports go on).
func (c *Call) silent(a media.Activity, answered, now time.Time) (Cause, bool) {
	switch idle := min(a.Idle(now), now.Sub(answered)); {
	case a.Held:
		return "", false
	case a.Never():
		return CauseNoMedia, idle >= c.m.cfg.NoMediaTimeout
	default:
		return CauseMediaTimeout, idle >= c.m.cfg.MediaTimeout
	}
}

// quality measures every leg and tells it.
func (c *Call) quality() {
	for _, l := range c.legs {
		if l.row.AnsweredAt.IsZero() || l.left {
			continue
		}
		l.row.Quality = measure(l.media.Stats())
		if c.talking && c.place[l.row.Side] != l {
			continue // of a side only who stands there is shown
		}
		q := l.row.Quality
		c.m.parts.Bus.Publish("call.quality", c.id, QualityItem{
			Side: l.row.Side, LossPct: q.LossPct, JitterMS: q.JitterMS, RTTMS: q.RTTMS, MOS: q.MOS,
		})
	}
}

func measure(s media.LegStats) Quality {
	return Quality{
		PacketsIn: int64(s.PacketsIn), PacketsOut: int64(s.PacketsOut), Lost: int64(s.Lost),
		LossPct: s.LossPct, JitterMS: s.JitterMS, RTTMS: s.RTTMS, MOS: s.MOS,
	}
}
