package call

import (
	"context"
	"time"

	"tingxin/emotion"
	"tingxin/pg"
)

// alertChange does what a change of the watch asks for.
func (c *Call) alertChange(sd *side, change emotion.Change, why emotion.Explanation) {
	f := sd.feeling
	switch change {
	case emotion.Raised:
		c.m.stats.voice.alerts.Add(1)
		c.alerts++
		f.count++
		why.Cause = f.watch.Cause()
		f.alert = &Alert{CallID: c.id, N: c.alerts, Side: sd.name, State: AlertOpen, Level: emotion.LevelAgent, Why: why,
			RaisedAt: time.Now().UTC().Truncate(time.Microsecond), Raised: c.now(), Model: c.m.parts.Emotion.Model}
		c.tellAlert(sd)
	case emotion.Escalated:
		if f.alert != nil {
			c.m.stats.voice.escalated.Add(1)
			f.alert.Level, f.alert.Escalated = emotion.LevelSupervisor, c.now()
			c.tellAlert(sd)
		}
	case emotion.Cleared:
		c.endAlert(sd, AlertCleared)
	}
}

// now is call time.
func (c *Call) now() time.Duration { return max(time.Since(c.zero), time.Millisecond) }

// endAlert closes the open alert of a side.
func (c *Call) endAlert(sd *side, state string) {
	f := sd.feeling
	if f.alert == nil {
		return
	}
	f.alert.State, f.alert.Ended = state, c.now()
	c.tellAlert(sd)
	f.alert = nil
	c.refresh()
}

// tellAlert has an alert written, and published when it is safe.
func (c *Call) tellAlert(sd *side) {
	a := *sd.feeling.alert
	c.m.writer.Put(&entry{Alert: &a}, func() {
		c.post(func() {
			c.tellMood(sd)
			c.m.parts.Bus.Publish("emotion.alert", c.id, a.Item())
		})
	})
}

// alertItem is the open alert of the call as browsers see it: the caller's before our own side's.
func (c *Call) alertItem() *AlertItem {
	for _, name := range []string{SideCaller, SideAgent} {
		if f := c.sides[name].feeling; f != nil && f.alert != nil {
			item := f.alert.Item()
			return &item
		}
	}
	return nil
}

// Dismiss ends an open alert of a running call because a person says that it is
// wrong. ErrNoCall when the call does not run, pg.ErrNotFound when the alert is not open.
func (m *Manager) Dismiss(ctx context.Context, id string, n int) error {
	m.mu.Lock()
	c, ok := m.calls[id]
	m.mu.Unlock()
	if !ok {
		return ErrNoCall
	}
	found := false
	err := c.ask(ctx, func() {
		for _, sd := range c.sides {
			if f := sd.feeling; f != nil && f.alert != nil && f.alert.N == n {
				found = true
				m.stats.voice.dismissed.Add(1)
				f.watch.Dismiss(c.now())
				c.endAlert(sd, AlertDismissed)
			}
		}
	})
	switch {
	case found:
		return nil
	case err != nil:
		return ErrNoCall
	}
	return pg.ErrNotFound
}
