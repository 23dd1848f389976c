package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/feedback"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
	"tingxin/ticket"
)

const (
	// audienceMark stands between a channel and whom its events are for.
	audienceMark = "~"
	// holdersTTL is for how long who has something is not asked again; until then an event may be missing, or one
	// too many be told, of what has just changed hands.
	holdersTTL = time.Second
	// holdersMost bounds how many are remembered.
	holdersMost = 10_000
)

// audience is who sees the same part of the live feed: the sight, and what is hidden. Those who see all have none.
type audience struct {
	sight  *team.Sight
	hidden []team.Field
}

// key names an audience in channels; "" for none.
func (a *audience) key() string {
	if a == nil || a.sight == nil && len(a.hidden) == 0 {
		return ""
	}
	raw, _ := json.Marshal([]any{a.sight.Part(), a.hidden}) // plain values
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:6])
}

// audiences are those that are listening, here or at another server, or that did a moment ago: who comes back within
// historyTime is sent what it missed, so that has to be there.
type audiences struct {
	mu   sync.Mutex
	open map[string]*listening

	heldMu sync.Mutex
	held   map[string]heldAt
}

type listening struct {
	audience
	clients int       // at this server
	until   time.Time // events are told until then without a client here
	told    time.Time // when the other servers were told of it
}

type heldAt struct {
	team.Holders
	at time.Time
}

// with changes what is known of an audience, if it is one.
func (l *audiences) with(a *audience, change func(at *listening)) {
	key := a.key()
	if key == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open == nil {
		l.open = map[string]*listening{}
	}
	if l.open[key] == nil {
		l.open[key] = &listening{audience: *a}
	}
	change(l.open[key])
}

func (l *audiences) join(a *audience) { l.with(a, func(at *listening) { at.clients++ }) }

func (l *audiences) leave(a *audience, now time.Time) {
	l.with(a, func(at *listening) { at.clients, at.until = at.clients-1, now.Add(historyTime) })
}

// hear notes that another server has clients of an audience.
func (l *audiences) hear(a *audience, now time.Time) {
	l.with(a, func(at *listening) { at.until = now.Add(historyTime) })
}

// due tells whether the other servers are to be told of an audience again, and notes that they are.
func (l *audiences) due(a *audience, now time.Time) (due bool) {
	l.with(a, func(at *listening) {
		if due = now.Sub(at.told) >= revalidate/2; due {
			at.told = now
		}
	})
	return due
}

// all are those to whom events are told now.
func (l *audiences) all(now time.Time) map[string]*audience {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.open) == 0 {
		return nil
	}
	out := make(map[string]*audience, len(l.open))
	for key, at := range l.open {
		if at.clients <= 0 && now.After(at.until) {
			delete(l.open, key)
			continue
		}
		out[key] = &at.audience
	}
	return out
}

// here are those with clients at this server.
func (l *audiences) here() (out []*audience) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, at := range l.open {
		if at.clients > 0 {
			out = append(out, &at.audience)
		}
	}
	return out
}

type audienceKey struct{}

// audienceOf is the audience of a client, nil for one that sees all.
func audienceOf(ctx context.Context) *audience {
	a, _ := ctx.Value(audienceKey{}).(*audience)
	return a
}

// audienceFor is the audience of a login.
func (s *Server) audienceFor(ctx context.Context, sess *session) (*audience, error) {
	sight, err := s.sightOf(ctx, sess)
	return &audience{sight, sess.hidden}, err
}

// channelFor is the channel that a client asked for without its audience; ok is false when it may not have it.
func (f *feed) channelFor(ctx context.Context, asked string) (name string, ok bool) {
	name, key, _ := strings.Cut(asked, audienceMark)
	a := audienceOf(ctx)
	if key != a.key() || !maySubscribe(name) {
		return "", false
	}
	if a == nil || a.sight == nil {
		return name, true
	}
	noun, id := team.Calls, ""
	if rest, one := strings.CutPrefix(name, callChannel); one {
		id = rest
	} else if rest, one := strings.CutPrefix(name, chatChannel); one {
		noun, id = team.Conversations, rest
	}
	if id == "" {
		return name, true // a list: each event of it is looked at
	}
	ctx, cancel := context.WithTimeout(team.With(context.Background(), a.sight), 5*time.Second)
	defer cancel()
	seen, err := f.s.teams.Sees(ctx, noun, id)
	return name, err == nil && seen
}

// publishTo tells an event of a channel to the audiences that see it.
func (f *feed) publishTo(ctx context.Context, audiences map[string]*audience, channel string, e event.Event) {
	for key, a := range audiences {
		if f.shard == nil && passing[e.Type] && f.node.Hub().NumSubscribers(channel+audienceMark+key) == 0 {
			continue // who has it need not be asked: nobody looks, and nobody catches up on it
		}
		if a.sight != nil && !f.shows(ctx, a.sight, &e) {
			continue
		}
		told := e
		if len(a.hidden) > 0 {
			data, err := maskJSON(e.Data, a.hidden)
			if err != nil {
				f.failures.Add(1)
				continue
			}
			told.Data = data
		}
		f.publish(channel+audienceMark+key, told)
	}
}

// shows tells whether a sight sees an event. What cannot be told now is not shown: pages take a snapshot later.
func (f *feed) shows(ctx context.Context, v *team.Sight, e *event.Event) bool {
	if e.Call != "" {
		return v.Whole(team.Calls) || v.Shows(team.Calls, f.holders(ctx, team.Calls, e.Call))
	}
	switch n := e.Data.(type) {
	case chat.Notice:
		id := n.Conversation
		if n.Thread != 0 {
			id = n.Thread
		}
		return v.Whole(team.Conversations) || v.Shows(team.Conversations, f.holders(ctx, team.Conversations, id.String()))
	case ticket.Notice:
		return v.Whole(team.Tickets) || v.Shows(team.Tickets, f.holders(ctx, team.Tickets, strconv.FormatInt(int64(n.Ticket), 10)))
	case feedback.Notice:
		return v.ShowsUser(team.Feedback, n.Owner)
	case queue.Change:
		agent, _ := strconv.ParseInt(string(n.Agent), 10, 64)
		return agent == v.User || v.Shows(team.Reports, team.Holders{Users: []int64{agent}, Queues: []string{string(n.Queue)}})
	}
	return strings.HasPrefix(e.Type, "system.") || strings.HasPrefix(e.Type, "rule.") || strings.HasPrefix(e.Type, "feed.") // figures of the machine, ids of notices
}

// holders are who has something, as of a moment ago.
func (f *feed) holders(ctx context.Context, n team.Noun, id string) team.Holders {
	key, now := string(n)+":"+id, f.s.now()
	f.audiences.heldMu.Lock()
	h, known := f.audiences.held[key]
	f.audiences.heldMu.Unlock()
	if known && now.Sub(h.at) < holdersTTL {
		return h.Holders
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	fresh, err := f.s.teams.Holders(ctx, n, id)
	if err != nil {
		if !errors.Is(err, pg.ErrUnavailable) && ctx.Err() == nil {
			f.s.log.Warn("it is not known who has it", "noun", n, "error", err)
		}
		return team.Holders{}
	}
	f.audiences.heldMu.Lock()
	defer f.audiences.heldMu.Unlock()
	if f.audiences.held == nil || len(f.audiences.held) >= holdersMost {
		f.audiences.held = map[string]heldAt{}
	}
	f.audiences.held[key] = heldAt{fresh, now}
	return fresh
}
