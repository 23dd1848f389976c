package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gin-gonic/gin"

	"tingxin/admin"
	"tingxin/pg"
)

const (
	// kioskUser and an id are the user of a wallboard's feed.
	kioskUser = "kiosk:"
	// wallUser and the key of a login are the user of the feed of a wallboard without a token.
	wallUser = "wall:"
	// wallRoute is what a login must be allowed to see its figures.
	wallRoute = http.MethodGet + " " + base + "/wall/mine"
	// wallPeriod is how often wallboards are told their figures.
	wallPeriod = time.Second
)

// wallFeeds are the wallboards that are open at this server. Each has a channel of
// its own, which it is joined to by the server and which only this server fills: the
// name is random, and wallboards join nothing by themselves.
type wallFeeds struct {
	once   sync.Once
	prefix string

	mu   sync.Mutex
	open map[string]openWall // by channel; at most as many as there are kiosks, and one for each audience of logins
}

// openWall is a wallboard that was let in, at the latest at that moment.
type openWall struct {
	admin.Kiosk
	at time.Time
}

// wallGrace is how long a wallboard may take from being let in to being there.
const wallGrace = 30 * time.Second

// channel is where a wallboard's figures go; the one without an id is that of people who are signed in and see a as one.
func (w *wallFeeds) channel(k admin.Kiosk, a *audience) string {
	w.once.Do(func() { w.prefix = "wall:" + rand.Text() + ":" })
	return w.prefix + strconv.FormatInt(k.ID, 10) + audienceMark + a.key()
}

func (w *wallFeeds) add(k admin.Kiosk, a *audience, now time.Time) (channel string) {
	channel = w.channel(k, a)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.open == nil {
		w.open = map[string]openWall{}
	}
	w.open[channel] = openWall{k, now}
	return channel
}

// wallOf is the visit by which a client came, nil for one that is no wallboard. A client may leave
// the channel that it was joined to; how it came in it cannot change.
func wallOf(ctx context.Context) *wallVisit {
	visit, _ := ctx.Value(wallKey{}).(*wallVisit)
	return visit
}

type wallKey struct{}

// wallVisit is who opens a wallboard's feed: somebody signed in, or a token that is still to come.
type wallVisit struct {
	address string
	who     *caller
	as      *audience // of who; nil for a wallboard with a token
}

// serveWall is the handler of /wall/realtime: the figures of a wallboard each second,
// by the token of its connect command, else by login.
func (f *feed) serveWall(c *gin.Context) {
	visit := &wallVisit{address: c.ClientIP()}
	switch sess, err := f.s.authenticate(c); {
	case err == nil:
		if ok, err := f.s.mayGo(c.Request.Context(), sess, wallRoute); err != nil {
			f.s.refuseError(c, err)
			return
		} else if ok {
			visit.who = &caller{sess, visit.address}
		}
	case !errors.Is(err, pg.ErrNotFound):
		f.s.refuseError(c, err)
		return
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), wallKey{}, visit))
	f.serve(c)
}

// connectWall lets a wallboard in and joins it to its channel.
func (f *feed) connectWall(ctx context.Context, visit *wallVisit, token string) (centrifuge.ConnectReply, error) {
	if f.s.parts.Setup == nil || f.s.parts.Queues == nil {
		return centrifuge.ConnectReply{}, centrifuge.DisconnectNotAvailable
	}
	var k admin.Kiosk
	user := ""
	if token == "" && visit.who != nil {
		a, err := f.s.audienceFor(ctx, visit.who.session)
		if err != nil {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectServerError
		}
		user, visit.as, k = wallUser+visit.who.key(), a, wallOfSight(a.sight)
	} else {
		var err error
		k, err = f.s.kioskOf(ctx, token, visit.address)
		switch {
		case errors.Is(err, pg.ErrNotFound), errors.Is(err, errTokens):
			return centrifuge.ConnectReply{}, centrifuge.DisconnectInvalidToken
		case err != nil:
			return centrifuge.ConnectReply{}, centrifuge.DisconnectServerError
		}
		user = kioskUser + strconv.FormatInt(k.ID, 10)
	}
	return centrifuge.ConnectReply{
		Credentials:   &centrifuge.Credentials{UserID: user, ExpireAt: f.s.now().Add(revalidate).Unix()},
		Subscriptions: map[string]centrifuge.SubscribeOptions{f.walls.add(k, visit.as, f.s.now()): {}},
	}, nil
}

// kioskLives tells whether a wallboard was not revoked.
func (f *feed) kioskLives(id string) (bool, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err = f.s.parts.Setup.SeeKiosk(ctx, n, f.s.now())
	if errors.Is(err, pg.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// tellWalls tells open wallboards their figures. What cannot be told is not sent: the
// wallboard says how old its figures are.
func (f *feed) tellWalls(ctx context.Context) {
	tick := time.NewTicker(wallPeriod)
	defer tick.Stop()
	blind := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := f.tellWallsOnce(ctx)
		if failed := err != nil && ctx.Err() == nil; failed != blind {
			if blind = failed; failed {
				f.s.log.Warn("wallboards have no figures", "error", err)
			}
		}
	}
}

func (f *feed) tellWallsOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*wallPeriod)
	defer cancel()
	open := f.openWalls()
	if len(open) == 0 {
		return nil
	}
	now, err := f.s.figures(ctx) // once for all of them
	if err != nil {
		return err
	}
	for channel, k := range open {
		data, err := json.Marshal(now.wall(k, f.s.now()))
		if err != nil {
			return err
		}
		if _, err := f.node.Publish(channel, data); err != nil {
			f.failures.Add(1)
			return err
		}
		f.published.Add(1)
	}
	return nil
}

// openWalls are the wallboards that somebody looks at, by channel; the others are forgotten.
func (f *feed) openWalls() map[string]admin.Kiosk {
	now := f.s.now()
	f.walls.mu.Lock()
	defer f.walls.mu.Unlock()
	out := map[string]admin.Kiosk{}
	for channel, o := range f.walls.open {
		switch {
		case f.node.Hub().NumSubscribers(channel) > 0:
			out[channel] = o.Kiosk
		case now.Sub(o.at) > wallGrace:
			delete(f.walls.open, channel)
		}
	}
	return out
}
