package call

import (
	"context"
	"fmt"
	"time"
)

// Silent tells which other servers have not been heard of for so long that their
// calls are over, and when each was heard of last; *node.Registry does.
type Silent interface {
	Silent(ctx context.Context) (map[string]time.Time, error)
}

const (
	// lookAfter is how often the calls of silent servers are looked for.
	lookAfter = 10 * time.Second
	// closeAtOnce is how many calls of one silent server are closed in a row.
	closeAtOnce = 500
)

// SetSilent says who knows of servers that have died; call it before Start. Without
// it the calls of a dead server stay open until it is started again.
func (m *Manager) SetSilent(s Silent) { m.silent = s }

// lookAfterOthers closes the calls of servers that have died, until ctx ends.
func (m *Manager) lookAfterOthers(ctx context.Context) {
	tick := time.NewTicker(lookAfter)
	defer tick.Stop()
	away := false
	for {
		err := m.closeAbandoned(ctx)
		if err == nil {
			err = m.watchCallbacks(ctx) // what they leave is this server's by now, or another's
		}
		if failed := err != nil && ctx.Err() == nil; failed != away {
			if away = failed; failed {
				m.log.Warn("calls of other servers are not looked after", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// closeAbandoned gives the unfinished calls of silent servers their CDR. Several
// servers may do so at once: the first one counts. Should the server live after
// all, or come back, what it knows itself replaces this.
func (m *Manager) closeAbandoned(ctx context.Context) error {
	silent, err := m.silent.Silent(ctx)
	if err != nil {
		return err
	}
	for node, seen := range silent {
		if node == m.cfg.Node {
			continue
		}
		open, err := m.parts.Store.Unfinished(ctx, node, closeAtOnce)
		if err != nil {
			return err
		}
		for _, r := range open {
			if err := m.closeOne(ctx, r, seen.UTC()); err != nil {
				return fmt.Errorf("unfinished call %s: %w", r.ID, err)
			}
		}
		if len(open) > 0 {
			m.stats.abandoned.Add(int64(len(open)))
			m.log.Warn("calls of a dead server closed", "node", node, "calls", len(open), "seen", seen)
		}
	}
	return nil
}

// closeOne ends a call at the last sign of life: of its server, of a party, or the
// last word. Its recording lies at its own server, which closes it at its next start.
func (m *Manager) closeOne(ctx context.Context, r Record, seen time.Time) error {
	last, err := m.lastWord(ctx, r.ID)
	if err != nil {
		return err
	}
	if err := m.adoptMood(ctx, r.ID); err != nil {
		return err
	}
	r.State, r.Cause, r.EndedAt = StateEnded, CauseNodeLost, later(r.StartedAt, seen)
	if !r.AnsweredAt.IsZero() {
		r.EndedAt = later(r.EndedAt, r.AnsweredAt.Add(last))
	}
	for side, state := range r.Transcription {
		if state == TranscriptionLive {
			r.Transcription[side] = TranscriptionDone
		}
	}
	legs, err := m.adoptLegs(ctx, &r)
	if err != nil {
		return err
	}
	return m.parts.Store.Finish(ctx, r, legs)
}
