package call

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"tingxin/ivr"
	"tingxin/pg"
	"tingxin/queue"
)

// CallbackQueues is what Queues offer besides when callers may be called back; cmd/pbx's do.
type CallbackQueues interface {
	// KeepPlace turns a waiting caller into a call-back.
	KeepPlace(ctx context.Context, id queue.WorkID, number string) error
	// CallbackFailed says that the customer did not answer.
	CallbackFailed(ctx context.Context, id queue.WorkID) error
	// Items is the work of a queue, or of all.
	Items(ctx context.Context, q queue.QueueID) ([]queue.Item, error)
	// Listen tells what becomes of work that is in a queue already.
	Listen(id queue.WorkID) (<-chan queue.Update, error)
}

// callback is a place kept in a queue, or an entry of a list of calls to make. When
// it is its turn the agent's telephone rings, then the customer's; a place stays
// while nobody answers, an entry goes back to its list. With a preview the agent
// looks first, and the telephone rings when the offer was taken on the screen.
//
//	OfferMade -> agent rings -> Accept -> call: agent's leg -> customer rings -> Answered -> talk -> Ended
//	                        '-> Decline                                     '-> CallbackFailed: waits again
type callback struct {
	m  *Manager
	id queue.WorkID
	queue.Callback
	over chan struct{}
	rung chan placed

	// Only run's goroutine.
	queue queue.QueueID
	rings map[queue.AgentID]*ringing
	taken queue.AgentID
	now   *Call // under way
	agent queue.AgentID

	talked atomic.Bool // the customer has answered; set by the call's script
}

// placed is how ringing an agent for a call-back ended.
type placed struct {
	agent queue.AgentID
	token queue.Token
	call  *Call
	err   error
}

// callBack follows a place kept in a queue until it is gone.
func (m *Manager) callBack(id queue.WorkID, of queue.Callback, updates <-chan queue.Update) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running {
		return // the next start finds it
	}
	b := &callback{m: m, id: id, Callback: of, over: make(chan struct{}), rung: make(chan placed), rings: make(map[queue.AgentID]*ringing)}
	m.wg.Go(func() { b.run(updates) }) // ends with the work, or when Close cancels all calls
}

// watchCallbacks takes up the places that an earlier run has kept, and those of servers that are gone.
func (m *Manager) watchCallbacks(ctx context.Context) error {
	q, ok := m.queues.(CallbackQueues)
	if !ok {
		return nil
	}
	items, err := q.Items(ctx, "")
	if err != nil {
		m.log.Warn("call-backs of an earlier run cannot be looked up", "error", err)
		return nil
	}
	node := ""
	if n, ok := m.queues.(interface{ Node() string }); ok {
		node = n.Node()
	}
	for i := range items {
		it := &items[i]
		if it.Callback == nil || it.Phase != queue.Waiting && it.Phase != queue.Offered || node != "" && it.Node != node { // another server follows it
			continue
		}
		if it.Callback.Entry != 0 && m.remover() == nil {
			continue
		}
		updates, err := q.Listen(it.ID)
		if errors.Is(err, queue.ErrThere) {
			continue
		}
		if err != nil {
			return err
		}
		m.callBack(it.ID, *it.Callback, updates)
	}
	return nil
}

// Asked is what is known of why somebody wants to be called back, for the agent: the Data of such work.
type Asked struct {
	About string   `json:"about,omitempty"`
	Said  []string `json:"said,omitempty"` // the customer's own words, the newest last
}

// Bounds of Asked.
const (
	mostSaid = 3
	longSaid = 300 // characters
)

// data is a as JSON within its bounds; nil when it says nothing.
func (a Asked) data() json.RawMessage {
	brief := func(s string) string {
		if r := []rune(storable(s)); len(r) > longSaid {
			return string(r[:longSaid-1]) + "…"
		}
		return storable(s)
	}
	out := Asked{About: brief(a.About)}
	for _, s := range a.Said[max(0, len(a.Said)-mostSaid):] {
		if s = brief(s); s != "" {
			out.Said = append(out.Said, s)
		}
	}
	if out.About == "" && len(out.Said) == 0 {
		return nil
	}
	doc, _ := json.Marshal(out) // texts
	return doc
}

// AddCallback puts a number into a queue, to be called when it is its turn.
func (m *Manager) AddCallback(ctx context.Context, q queue.QueueID, number string, urgency queue.Urgency, asked Asked) (queue.WorkID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	work := queue.WorkID(id.String())
	if err := m.addCallback(ctx, work, q, number, urgency, asked); err != nil {
		return "", err
	}
	return work, nil
}

// callbackKeys is the name space of the ids that AddCallbackOnce makes.
var callbackKeys = uuid.MustParse("6f0a4c6e-0d5b-4c8b-9f0e-3b5c1d7f2a41")

// AddCallbackOnce is AddCallback, unless the place that was made with this key is kept: then it is that one.
func (m *Manager) AddCallbackOnce(ctx context.Context, key string, q queue.QueueID, number string, urgency queue.Urgency, asked Asked) (queue.WorkID, error) {
	id := queue.WorkID(uuid.NewSHA1(callbackKeys, []byte(key)).String())
	err := m.addCallback(ctx, id, q, number, urgency, asked)
	if err == nil {
		return id, nil
	}
	if list, ok := m.queues.(CallbackQueues); ok {
		items, listing := list.Items(ctx, "")
		if listing == nil && slices.ContainsFunc(items, func(it queue.Item) bool { return it.ID == id }) {
			return id, nil
		}
	}
	return "", err
}

func (m *Manager) addCallback(ctx context.Context, id queue.WorkID, q queue.QueueID, number string, urgency queue.Urgency, asked Asked) error {
	if m.queues == nil {
		return queue.ErrNoQueue
	}
	if _, ok := m.queues.(CallbackQueues); !ok || !m.callable(number) {
		return ErrTarget
	}
	w := queue.Work{ID: id, Kind: queue.KindVoice, Queue: q, Urgency: urgency, Number: number, Contact: number, Callback: &queue.Callback{Number: number}, Data: asked.data()}
	updates, err := m.queues.Enqueue(ctx, w)
	if err != nil {
		return err
	}
	m.callBack(w.ID, *w.Callback, updates)
	return nil
}

// callable says whether somebody can be called back: at a number, or as a user of ours. Who keeps the
// number back ("anonymous"), or came from a page, cannot.
func (m *Manager) callable(number string) bool {
	if _, ours := m.user(number); ours {
		return true
	}
	digits := strings.TrimPrefix(number, "+")
	return len(number) <= 32 && strings.Trim(digits, "0123456789.-") == "" && strings.ContainsAny(digits, "0123456789")
}

var _ ivr.Callbacker = (*Call)(nil)

// CallBack implements ivr.Callbacker.
func (c *Call) CallBack(ctx context.Context, n *ivr.Callback) (bool, error) {
	var urgency queue.Urgency
	if err := urgency.UnmarshalText([]byte(n.Priority)); err != nil {
		return false, err
	}
	ctx, cancel := context.WithTimeout(ctx, queueTimeout)
	defer cancel()
	if _, err := c.m.AddCallback(ctx, queue.QueueID(n.Queue), n.Number, urgency, Asked{}); err != nil {
		if c.ctx.Err() != nil {
			return false, context.Cause(c.ctx)
		}
		if !errors.Is(err, ErrTarget) && !errors.Is(err, queue.ErrFull) {
			c.log.Error("no place could be kept", "queue", n.Queue, "error", err)
		}
		return false, nil
	}
	return true, nil
}

func (b *callback) run(updates <-chan queue.Update) {
	defer close(b.over)
	defer b.silence()
	for {
		var ended <-chan struct{}
		if b.now != nil {
			ended = b.now.left
		}
		select {
		case <-b.m.ctx.Done():
			return
		case r := <-b.rung:
			b.answered(r)
		case <-ended:
			b.settle()
		case u, ok := <-updates:
			if !ok {
				return
			}
			b.update(u)
		}
	}
}

func (b *callback) tell(what string, f func(ctx context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(b.m.ctx), queueTimeout)
	defer cancel()
	if err := f(ctx); err != nil && !errors.Is(err, queue.ErrNoWork) && !errors.Is(err, queue.ErrGone) {
		b.m.log.Warn("the queue was not told", "what", what, "error", err)
	}
}

func (b *callback) silence() {
	for agent, r := range b.rings {
		r.cancel()
		delete(b.rings, agent)
	}
}

func (b *callback) update(u queue.Update) {
	if u.Queue != "" {
		b.queue = u.Queue
	}
	switch u.Type {
	case queue.OfferMade:
		if b.Preview == 0 {
			b.ring(u)
		}
	case queue.OfferEnded:
		if r := b.rings[u.Agent]; r != nil && r.token == u.Token && u.Reason != queue.ReasonAccepted {
			r.cancel()
			delete(b.rings, u.Agent)
		}
	case queue.Taken:
		b.taken = u.Agent
		for agent, r := range b.rings {
			if agent != u.Agent {
				r.cancel()
				delete(b.rings, agent)
			}
		}
		if b.rings[u.Agent] == nil && b.now == nil {
			b.ring(u)
		}
	case queue.Requeued, queue.Moved:
		b.taken = ""
		b.silence()
	}
}

// ring rings an agent until the offer's deadline.
func (b *callback) ring(u queue.Update) {
	if b.rings[u.Agent] != nil || b.now != nil {
		return
	}
	m := b.m
	ctx, cancel := context.WithDeadline(m.ctx, u.Deadline)
	b.rings[u.Agent] = &ringing{u.Token, cancel}
	inQueue := string(b.queue)
	m.wg.Go(func() { // ends with the ring, at the deadline at the latest
		defer cancel()
		r := placed{agent: u.Agent, token: u.Token}
		var user string
		if r.err = b.may(ctx); r.err == nil {
			user, r.err = m.queues.UserOf(ctx, u.Agent)
		}
		if r.err == nil {
			r.call, r.err = m.order(Order{User: user, To: Aim{Number: b.Number}, Queue: inQueue})
		}
		if r.err == nil {
			r.call.work, r.call.record.Agent = b, user
			l := r.call.legs[0]
			l.dialog, l.media, r.err = m.dialer.Dial(ctx, Target{User: user, From: b.Number, Call: r.call.id, Role: RoleCaller, Work: string(b.id)}, r.call)
		}
		select {
		case b.rung <- r:
		case <-b.over:
			b.forget(r)
		}
	})
}

// forget hangs up an agent whom nobody needs any more.
func (b *callback) forget(r placed) {
	if r.call == nil {
		return
	}
	if r.err == nil {
		r.call.drop(r.call.legs[0], CauseCancelled)
	}
	r.call.cancel(nil)
}

// answered takes an agent's answer, which counts as acceptance, or refusal.
func (b *callback) answered(r placed) {
	mine := b.rings[r.agent]
	if mine != nil && mine.token == r.token {
		delete(b.rings, r.agent)
	} else if r.err != nil {
		b.forget(r)
		return // it was cancelled
	}
	ctx, cancel := context.WithTimeout(b.m.ctx, queueTimeout)
	defer cancel()
	if r.err != nil {
		b.forget(r)
		if errors.Is(r.err, ErrNotCalled) {
			b.tell("not called", func(ctx context.Context) error { return b.m.remover().Remove(ctx, b.id) })
			return
		}
		b.refused(ctx, r)
		return
	}
	if mine == nil || b.now != nil || !b.accept(ctx, r) {
		b.forget(r)
		return
	}
	b.talked.Store(false)
	l := r.call.legs[0]
	if err := r.call.start(l.dialog, l.media); err != nil {
		r.call.cancel(nil)
		b.tell("failed", func(ctx context.Context) error { return b.m.queues.AgentFailed(ctx, b.id, r.agent) })
		return
	}
	b.now, b.agent = r.call, r.agent
	b.begun()
}

func (b *callback) accept(ctx context.Context, r placed) bool {
	if b.taken == r.agent {
		return true
	}
	if _, err := b.m.queues.Accept(ctx, r.token, r.agent); err != nil {
		return false
	}
	b.taken = r.agent
	return true
}

// refused tells the queue why an agent's telephone did not answer.
func (b *callback) refused(ctx context.Context, r placed) {
	if b.taken == r.agent {
		b.tell("failed", func(ctx context.Context) error { return b.m.queues.AgentFailed(ctx, b.id, r.agent) })
		return
	}
	var de *DialError
	if !errors.As(r.err, &de) { // the deadline, of which the queue knows; or nobody can be dialled
		if !errors.Is(r.err, context.DeadlineExceeded) && !errors.Is(r.err, context.Canceled) {
			b.m.log.Warn("a call-back cannot be placed", "error", r.err)
			b.tell("declined", func(ctx context.Context) error { return b.m.queues.Decline(ctx, r.token, r.agent, true) })
		}
		return
	}
	byHand := de.Status == 603 || de.Status == 486
	b.tell("declined", func(ctx context.Context) error { return b.m.queues.Decline(ctx, r.token, r.agent, !byHand) })
}

// reached is told by the call that the customer has answered.
func (b *callback) reached() {
	if b == nil || b.talked.Swap(true) {
		return
	}
	b.tell("answered", func(ctx context.Context) error { return b.m.queues.Answered(ctx, b.id) })
}

// settle tells the queue how the call went.
func (b *callback) settle() {
	c := b.now
	b.now, b.taken = nil, ""
	if c.record.Cause == CausePeerHangup { // at once maybe, before the script could say so
		b.reached()
	}
	if b.Entry != 0 {
		b.tried(c)
		return
	}
	keeper, ok := b.m.queues.(CallbackQueues)
	switch byAgent := c.record.Cause == CauseCallerHangup || c.record.Cause == CauseCancelled || c.record.Cause == CauseAdmin; {
	case b.talked.Load():
		b.tell("ended", func(ctx context.Context) error { return b.m.queues.Ended(ctx, b.id, "") })
	case byAgent || !ok: // the agent gave up before the customer was there
		b.tell("failed", func(ctx context.Context) error { return b.m.queues.AgentFailed(ctx, b.id, b.agent) })
	default:
		b.tell("not reached", func(ctx context.Context) error { return keeper.CallbackFailed(ctx, b.id) })
	}
}

// CallbackItem is a place kept in a queue: an item of GET /callbacks.
type CallbackItem struct {
	ID        queue.WorkID  `json:"id"`
	Queue     queue.QueueID `json:"queue"`
	Number    string        `json:"number"`
	Urgency   queue.Urgency `json:"urgency"`
	Phase     queue.Phase   `json:"phase" enum:"waiting,offered,assigned,active"`
	Since     time.Time     `json:"since"`
	Tries     int           `json:"tries" doc:"that reached nobody"`
	NotBefore *time.Time    `json:"not_before,omitempty" doc:"of the next try"`
	Agent     queue.AgentID `json:"agent,omitempty"`
}

// Callbacks are the places kept in a queue, or in all, in the order in which they wait.
func (m *Manager) Callbacks(ctx context.Context, q queue.QueueID) ([]CallbackItem, error) {
	list, ok := m.queues.(CallbackQueues)
	if !ok {
		return nil, queue.ErrNoQueue
	}
	items, err := list.Items(ctx, q)
	if err != nil {
		return nil, err
	}
	out := []CallbackItem{}
	for i := range items {
		if it := &items[i]; it.Callback != nil && it.Callback.Entry == 0 {
			out = append(out, CallbackItem{ID: it.ID, Queue: it.Queue, Number: it.Callback.Number, Urgency: it.Urgency, Phase: it.Phase, Since: it.Since,
				Tries: it.Callback.Tries, NotBefore: pg.OrNull(it.Callback.NotBefore), Agent: it.Agent})
		}
	}
	return out, nil
}
