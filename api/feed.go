package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
)

const (
	// callsChannel carries what lists need of all calls, and the load of the system.
	callsChannel = "calls"
	// queuesChannel carries what happens in the queues and to agents, by ids.
	queuesChannel = "queues"
	// ticketsChannel carries what happens to tickets, by ids.
	ticketsChannel = "tickets"
	// feedbackChannel carries what happens to feedback and cases, by ids.
	feedbackChannel = "feedback"
	// callChannel and an id carry everything of one call.
	callChannel = "call:"

	// chatsChannel carries what lists need of all conversations, by ids.
	chatsChannel = "chats"
	// chatChannel and an id carry everything of one conversation, by ids.
	chatChannel = "chat:"

	feedQueue    = 8192            // events between the bus and the feed
	historySize  = 1000            // events per channel that a client may catch up
	historyTime  = 5 * time.Minute // and for how long
	clientQueue  = 512 << 10       // bytes waiting for one slow client before it is cut off
	clientLimit  = 32              // channels of one client
	revalidate   = time.Minute     // how often an open feed's session is looked at again
	loadPeriod   = 2 * time.Second // of system.load
	feedShutdown = 3 * time.Second
)

// feed publishes the bus to browsers. A client that was away catches up from the
// history of its channels; one that was away too long is told so and loads anew;
// one that is too slow is cut off and comes back like that.
//
//	bus --bounded queue--> run --> centrifuge node: channel history --> clients
type feed struct {
	s      *Server
	node   *centrifuge.Node
	socket http.Handler
	reg    *prometheus.Registry
	shard  *centrifuge.RedisShard // nil: this server's browsers only
	walls  wallFeeds

	audiences audiences

	clients   atomic.Int64
	refused   atomic.Int64 // over MaxConnections
	published atomic.Int64
	lost      atomic.Int64 // events the bus dropped because the feed was slow
	failures  atomic.Int64 // events that did not encode or were not taken

	stop    context.CancelFunc
	running sync.WaitGroup
	once    sync.Once
}

func newFeed(s *Server) (*feed, error) {
	f := &feed{s: s, reg: prometheus.NewRegistry()}
	node, err := centrifuge.New(centrifuge.Config{
		Version: s.parts.Version, LogLevel: centrifuge.LogLevelError, LogHandler: f.log,
		ClientQueueMaxSize: clientQueue, ClientChannelLimit: clientLimit, ChannelMaxLength: 64,
		ClientStaleCloseDelay: 10 * time.Second, ClientExpiredCloseDelay: time.Second, HistoryMetaTTL: time.Hour,
		RecoveryMaxPublicationLimit: historySize, Metrics: centrifuge.MetricsConfig{RegistererGatherer: f.reg},
	})
	if err != nil {
		return nil, fmt.Errorf("live feed: %w", err)
	}
	f.node = node
	node.OnConnecting(func(ctx context.Context, e centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		if visit := wallOf(ctx); visit != nil {
			return f.connectWall(ctx, visit, e.Token)
		}
		who := callerOf(ctx)
		a, err := f.s.audienceFor(ctx, who.session)
		if err != nil {
			return centrifuge.ConnectReply{}, centrifuge.DisconnectServerError
		}
		return centrifuge.ConnectReply{Context: context.WithValue(ctx, audienceKey{}, a),
			Credentials: &centrifuge.Credentials{UserID: who.key(), ExpireAt: f.s.now().Add(revalidate).Unix()}}, nil
	})
	node.OnConnect(f.connected)
	node.OnNotification(f.notified)
	f.socket = centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin:      func(r *http.Request) bool { return s.ownOrigin(r) },
		MessageSizeLimit: 8 << 10, WriteTimeout: 5 * time.Second, UseWriteBufferPool: true,
		PingPongConfig: centrifuge.PingPongConfig{PingInterval: 20 * time.Second, PongTimeout: 8 * time.Second},
	})
	return f, nil
}

func (f *feed) log(e centrifuge.LogEntry) {
	f.s.log.Warn("live feed", "msg", e.Message, "error", e.Fields["error"])
}

// connected says what a client may do: subscribe to what its role may see, nothing else.
func (f *feed) connected(c *centrifuge.Client) {
	f.clients.Add(1)
	a := audienceOf(c.Context())
	f.audiences.join(a)
	c.OnDisconnect(func(centrifuge.DisconnectEvent) {
		f.clients.Add(-1)
		f.audiences.leave(a, f.s.now())
	})
	c.OnSubscribe(func(e centrifuge.SubscribeEvent, reply centrifuge.SubscribeCallback) {
		_, may := f.channelFor(c.Context(), e.Channel)
		if wallOf(c.Context()) != nil || !may {
			reply(centrifuge.SubscribeReply{}, centrifuge.ErrorPermissionDenied)
			return
		}
		reply(centrifuge.SubscribeReply{Options: centrifuge.SubscribeOptions{EnableRecovery: true}}, nil)
	})
	c.OnRefresh(func(_ centrifuge.RefreshEvent, reply centrifuge.RefreshCallback) {
		alive, err := f.lives(c.Context(), c.UserID())
		if err != nil { // the database is away: ask again soon rather than cut everybody off
			reply(centrifuge.RefreshReply{ExpireAt: f.s.now().Add(revalidate / 4).Unix()}, nil)
			return
		}
		if alive {
			f.shareAudience(a)
		}
		reply(centrifuge.RefreshReply{Expired: !alive, ExpireAt: f.s.now().Add(revalidate).Unix()}, nil)
	})
	f.shareAudience(a)
}

// maySubscribe knows the channels; whoever is signed in may see all calls and queues.
func maySubscribe(channel string) bool {
	if channel == callsChannel || channel == queuesChannel || channel == chatsChannel || channel == ticketsChannel || channel == feedbackChannel {
		return true
	}
	if id, ok := strings.CutPrefix(channel, chatChannel); ok {
		n, err := strconv.ParseInt(id, 10, 64)
		return err == nil && n > 0
	}
	id, ok := strings.CutPrefix(channel, callChannel)
	return ok && len(id) == 36 && uuid.Validate(id) == nil
}

// lives tells whether who opened a feed may go on as the audience that it is.
func (f *feed) lives(ctx context.Context, user string) (bool, error) {
	if id, ok := strings.CutPrefix(user, kioskUser); ok {
		return f.kioskLives(id)
	}
	if key, ok := strings.CutPrefix(user, wallUser); ok {
		return f.sessionLives(key, wallRoute, wallOf(ctx).as)
	}
	return f.sessionLives(user, http.MethodGet+" "+base+"/realtime", audienceOf(ctx))
}

// sessionLives tells whether a login or a key lives and may still see what it sees.
func (f *feed) sessionLives(key, route string, a *audience) (bool, error) {
	text, program := strings.CutPrefix(key, keyFeed)
	hash, err := hex.DecodeString(text)
	if err != nil {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var sess *session
	if program {
		sess, err = f.s.keys.byHash(ctx, hash)
	} else {
		sess, err = f.s.sessions.byHash(ctx, hash)
	}
	if errors.Is(err, pg.ErrNotFound) {
		return false, nil
	}
	if err != nil || !allowed(sess.User.Role, route) || program && !opens(sess.scopes, scopeOf(route)) {
		return false, err
	}
	now, err := f.s.audienceFor(ctx, sess) // what the role sees may have changed
	return err == nil && now.key() == a.key(), err
}

// serve is the handler of /realtime, behind guard.
func (f *feed) serve(c *gin.Context) {
	if f.clients.Load() >= int64(f.s.cfg.MaxConnections) {
		f.refused.Add(1)
		c.Header("Retry-After", "10")
		refuse(c, http.StatusServiceUnavailable, "too many live feeds are open")
		return
	}
	control := http.NewResponseController(c.Writer)
	_ = control.SetWriteDeadline(time.Time{}) // the feed has its own; a writer without deadlines needs none
	_ = control.SetReadDeadline(time.Time{})
	f.socket.ServeHTTP(c.Writer, c.Request)
}

// start begins to publish.
func (f *feed) start() error {
	if address := f.s.cfg.Redis; address != "" {
		if err := f.shareFeed(address); err != nil {
			return err
		}
	}
	if err := f.node.Run(); err != nil {
		return fmt.Errorf("live feed: %w", err)
	}
	f.askAudiences()
	ctx, stop := context.WithCancel(context.Background())
	f.stop = stop
	sub := f.s.parts.Bus.Subscribe(feedQueue)
	// Ends when close closes the subscription, or the bus is closed.
	f.running.Go(func() { f.run(ctx, sub) })
	// Ends when close calls stop.
	f.running.Go(func() { f.tellLoad(ctx) })
	// Ends when close calls stop.
	f.running.Go(func() { f.tellWalls(ctx) })
	// Ends when close calls stop.
	f.running.Go(func() { <-ctx.Done(); sub.Close() })
	return nil
}

func (f *feed) run(ctx context.Context, sub *event.Subscription) {
	var lost uint64
	for e := range sub.C {
		listening := f.audiences.all(f.s.now())
		for _, channel := range channels(&e) {
			f.publish(channel, e)
			f.publishTo(ctx, listening, channel, e)
		}
		if now := sub.Dropped(); now > lost {
			f.lost.Add(int64(now - lost))
			// Whoever reads a list loads it anew.
			gap := event.Event{Seq: e.Seq, Type: "feed.lost", At: e.At, Data: map[string]uint64{"events": now - lost}}
			f.publish(callsChannel, gap)
			f.publishTo(ctx, listening, callsChannel, gap)
			lost = now
		}
	}
}

// channels are where an event goes: all of a call to its own channel, its coming and going also to the lists.
func channels(e *event.Event) []string {
	switch {
	case strings.HasPrefix(e.Type, "assist."):
		return assistChannels(e)
	case strings.HasPrefix(e.Type, "chat."):
		return chatChannels(e)
	case strings.HasPrefix(e.Type, "queue."), strings.HasPrefix(e.Type, "agent."), strings.HasPrefix(e.Type, "rule."):
		return []string{queuesChannel} // ids only
	case strings.HasPrefix(e.Type, "ticket."):
		return []string{ticketsChannel} // ids only
	case strings.HasPrefix(e.Type, "feedback."):
		return []string{feedbackChannel} // ids only
	case e.Call == "":
		return []string{callsChannel}
	case e.Type == "call.started", e.Type == "call.answered", e.Type == "call.updated", e.Type == "call.ended", e.Type == "call.parties",
		e.Type == "emotion.mood", e.Type == "emotion.alert", e.Type == "call.parked", e.Type == "call.unparked", e.Type == "call.not_placed",
		e.Type == "call.wrapped_up", e.Type == "voicemail.left", e.Type == "voicemail.changed", e.Type == "survey.answered":
		return []string{callsChannel, callChannel + e.Call}
	}
	return []string{callChannel + e.Call}
}

// chatChannels: what passes by goes to whoever looks at the conversation only.
func chatChannels(e *event.Event) []string {
	n, ok := e.Data.(chat.Notice)
	if !ok {
		return nil
	}
	id := n.Thread
	if id == 0 {
		id = n.Conversation
	}
	own := chatChannel + id.String()
	switch n.Type {
	case chat.MessageAdded, chat.Changed:
		return []string{chatsChannel, own}
	}
	return []string{own}
}

// passing are events that the next one of their kind makes void within seconds: nobody catches up on them, so
// they are not kept. Kept for the usual five minutes they are 100 MB at a thousand calls.
var passing = map[string]bool{"call.quality": true, "transcript.partial": true, "system.load": true, chat.Typing: true}

func (f *feed) publish(channel string, e event.Event) {
	data, err := json.Marshal(e)
	if err == nil {
		var keep []centrifuge.PublishOption
		if !passing[e.Type] {
			keep = append(keep, centrifuge.WithHistory(historySize, historyTime))
		}
		_, err = f.node.Publish(channel, data, keep...)
	}
	if err != nil {
		f.failures.Add(1)
		f.s.log.Warn("event not published", "type", e.Type, "error", err)
		return
	}
	f.published.Add(1)
}

// disconnect ends the feeds of a session.
func (f *feed) disconnect(key string) {
	if err := f.node.Disconnect(key, centrifuge.WithCustomDisconnect(centrifuge.DisconnectExpired)); err != nil {
		f.s.log.Warn("live feed not ended", "error", err)
	}
}

// close ends all feeds and waits. Twice is fine.
func (f *feed) close() {
	f.once.Do(func() {
		if f.stop == nil {
			return
		}
		f.stop()
		f.running.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), feedShutdown)
		defer cancel()
		if err := f.node.Shutdown(ctx); err != nil {
			f.s.log.Warn("live feed did not end in time", "error", err)
		}
		if f.shard != nil {
			f.shard.Close()
		}
	})
}
