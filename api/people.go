package api

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/pg"
)

// peopleEvery is how often the users are read again, for what another server of
// the same database has changed.
const peopleEvery = 5 * time.Second

// People is the table of users held in memory, for whoever must know at once who
// somebody is. A change made here is seen with the next question, one made by
// another server within 5 seconds.
type People struct {
	users   users
	secrets phoneSecrets
	log     *slog.Logger

	turn    sync.Mutex // one reload at a time: an older answer never comes last
	known   atomic.Pointer[map[string]User]
	digests atomic.Pointer[map[string]PhoneDigests]

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewPeople makes a list that is empty until Start.
func NewPeople(db *pg.DB, log *slog.Logger) *People {
	p := &People{users: users{db}, secrets: phoneSecrets{db}, log: log.With("part", "people"), cancel: func() {}}
	p.known.Store(&map[string]User{})
	p.digests.Store(&map[string]PhoneDigests{})
	return p
}

// Start reads all users and keeps reading them until Close.
func (p *People) Start(ctx context.Context) error {
	if err := p.reload(ctx); err != nil {
		return err
	}
	// The list outlives the start; Close ends it.
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.wg.Go(func() { // ends with ctx
		tick := time.NewTicker(peopleEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if err := p.reload(ctx); err != nil && ctx.Err() == nil {
					p.log.Warn("users not read again, the old list holds", "error", err)
				}
			}
		}
	})
	return nil
}

// Close returns when the last goroutine has ended. Twice is fine.
func (p *People) Close() error {
	p.cancel()
	p.wg.Wait()
	return nil
}

func (p *People) reload(ctx context.Context) error {
	p.turn.Lock()
	defer p.turn.Unlock()
	all, err := p.users.all(ctx)
	if err != nil {
		return err
	}
	digests, err := p.secrets.all(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]User, len(all))
	for _, u := range all {
		known[u.Username] = u
	}
	p.known.Store(&known)
	p.digests.Store(&digests)
	return nil
}

// changed reads the users again after a change of ours. When that fails the list
// is 5 seconds old at most.
func (p *People) changed(ctx context.Context) {
	if err := p.reload(context.WithoutCancel(ctx)); err != nil {
		p.log.Warn("users not read again, the old list holds", "error", err)
	}
}

// Find is the user of that name. It answers from memory.
func (p *People) Find(username string) (u User, ok bool) {
	u, ok = (*p.known.Load())[username]
	return u, ok
}

// all lists the users by name.
func (p *People) all() []User {
	known := *p.known.Load()
	out := make([]User, 0, len(known))
	for _, u := range known {
		out = append(out, u)
	}
	slices.SortFunc(out, func(a, b User) int { return cmp.Compare(a.Username, b.Username) })
	return out
}
