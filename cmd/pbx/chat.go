package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/api"
	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/chat/webhook"
	"tingxin/contact"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/queue"
)

// startChat makes the conversations; startWeb starts them with the jobs.
func (s *server) startChat(context.Context) (func() error, error) {
	c, err := chat.New(s.cfg.Chat, chat.Parts{DB: s.db, Bus: s.bus, Jobs: s.jobs, Contacts: chatContacts{s.persons}}, s.log)
	if err != nil {
		return nil, err
	}
	s.chat = c
	key, err := chat.OpenVault(s.cfg.Chat.Key, s.cfg.Chat.KeyFile)
	if err != nil {
		return nil, err
	}
	s.accounts = chat.NewAccounts(s.db, key)
	s.webchat = webchat.New(s.cfg.WebChat, c, s.accounts, s.agentName, s.log)
	s.webchat.SetHouse(s.house())
	c.AddChannel(s.webchat)
	s.hooks = webhook.New(c, s.accounts, s.log)
	c.AddChannel(s.hooks)
	s.persons.Register(contact.Noun{Name: "conversations", Source: talks{c}, Eraser: talks{c}, Exporter: talks{c}})
	s.chatQueue = newChatQueue(s.queues, c, s.db, s.bus, s.log)
	c.SetQueue(s.chatQueue)
	return nil, nil
}

// agentName is what customers are told of who answers.
func (s *server) agentName(ctx context.Context, user int64) string {
	name, err := pg.Row(ctx, s.db, pgx.RowTo[string], `select coalesce(nullif(name, ''), username) from users where id = $1`, user)
	if err != nil {
		return ""
	}
	return name
}

// runChat starts the conversations; stop ends them.
func (s *server) runChat(ctx context.Context) (stop func() error, err error) {
	if err := s.chat.Start(ctx); err != nil {
		return nil, errors.Join(err, s.chat.Close())
	}
	s.chatQueue.start()
	s.webchat.Start()
	if err := s.feedback.Start(ctx); err != nil {
		return nil, err
	}
	return func() error {
		s.chatQueue.close()
		err := errors.Join(s.webchat.Close(), s.chat.Close(), s.feedback.Close())
		s.hooks.Close()
		return err
	}, nil
}

// chatParts are the conversations for the API, and what is served beside it.
func (s *server) chatParts(p *api.Parts) {
	p.Chat = &api.Chat{Service: s.chat, Accounts: s.accounts, CheckAccount: checkAccount}
	p.Mount = map[string]http.Handler{webchat.SocketPath: s.webchat, webchat.PathPrefix: s.webchat, webchat.CallPath: s.webchat, webchat.EmbedPath: s.webchat, webhook.PathPrefix: s.hooks}
	if s.cfg.WebChat.DemoShop {
		p.Mount[shopPath] = shop()
	}
}

// checkAccount knows the settings of each channel.
func checkAccount(channel string, settings json.RawMessage) error {
	switch channel {
	case webchat.Name:
		return webchat.CheckSettings(settings)
	case webhook.Name:
		return webhook.CheckSettings(settings)
	}
	return fmt.Errorf("there is no channel %q", channel)
}

// chatContacts finds out who writes.
type chatContacts struct{ store *contact.Store }

// Resolve implements chat.Contacts. A visitor whom the host page has signed is known by that login.
func (c chatContacts) Resolve(ctx context.Context, v chat.Conversation) (int64, error) {
	key := contact.Key{Kind: contact.KindCustom, Account: v.Channel + "/" + v.Account, Value: v.ExternalUser, Source: v.Channel, Name: v.Name}
	if user, ok := chat.SignedUser(v.ExternalUser); ok {
		key.Kind, key.Account, key.Value, key.Verified = contact.KindLogin, v.Account, user, true
	} else if v.Channel == "web" {
		key.Kind, key.Account = contact.KindDevice, v.Account
	}
	id, _, err := c.store.Resolve(ctx, key)
	return int64(id), err
}

// chatQueue is the queue as conversations see it, and tells them what agents do.
//
//	chat.Service -> chatQueue -> queue.Service
//	bus: queue.* (and a sweep of the rows) -> follow -> chat.Service
type chatQueue struct {
	queues *queue.Service
	chat   *chat.Service
	db     *pg.DB
	bus    *event.Bus
	log    *slog.Logger

	mu      sync.Mutex
	closed  bool                           // guarded by mu
	waiting map[queue.WorkID]*queue.Ticket // guarded by mu: whose places are told

	stop    context.CancelFunc
	running sync.WaitGroup
}

var _ chat.Queue = (*chatQueue)(nil)

func newChatQueue(q *queue.Service, c *chat.Service, db *pg.DB, bus *event.Bus, log *slog.Logger) *chatQueue {
	return &chatQueue{queues: q, chat: c, db: db, bus: bus, log: log.With("part", "chat"), waiting: map[queue.WorkID]*queue.Ticket{}}
}

const (
	chatEvents = 4096
	chatSweep  = 5 * time.Second
)

// start follows what happens to conversations in queues.
func (q *chatQueue) start() {
	ctx, stop := context.WithCancel(context.Background())
	q.stop = stop
	sub := q.bus.Subscribe(chatEvents)
	q.running.Go(func() { q.follow(ctx, sub) })        // ends when close closes the subscription
	q.running.Go(func() { <-ctx.Done(); sub.Close() }) // ends when close calls stop
	q.running.Go(func() { q.sweep(ctx) })              // ends when close calls stop
}

func (q *chatQueue) close() {
	if q.stop == nil {
		return
	}
	q.stop()
	q.mu.Lock()
	q.closed = true
	for _, t := range q.waiting {
		t.Close()
	}
	q.waiting = map[queue.WorkID]*queue.Ticket{}
	q.mu.Unlock()
	q.running.Wait()
}

// workData is what an agent sees with the offer.
type workData struct {
	Conversation chat.ID         `json:"conversation"`
	Channel      string          `json:"channel"`
	Name         string          `json:"name,omitempty"`
	Last         string          `json:"last,omitempty"`
	Packet       json.RawMessage `json:"packet,omitempty"`
}

// Enqueue implements chat.Queue. While the queue is closed a chat waits like a letter.
func (q *chatQueue) Enqueue(ctx context.Context, c chat.Conversation, live bool) error {
	data, err := json.Marshal(workData{c.ID, c.Channel, c.Name, c.LastText, c.Packet})
	if err != nil {
		return err
	}
	w := queue.Work{ID: queue.WorkID(c.ID.WorkID()), Kind: queue.KindMessage, Queue: queue.QueueID(c.Queue), Urgency: queue.Urgency(c.Urgency), Language: language(c.Language), Data: data}
	if live {
		w.Kind = queue.KindChat
	}
	if c.ContactID != nil {
		w.Contact = strconv.FormatInt(*c.ContactID, 10)
	}
	if c.WasWith != nil {
		w.Preferred = queue.AgentID(strconv.FormatInt(*c.WasWith, 10))
	}
	if c.QueuedAt != nil {
		w.Since = *c.QueuedAt
	}
	t, err := q.queues.Enqueue(ctx, w)
	if errors.As(err, new(*queue.ClosedError)) {
		w.Kind = queue.KindMessage
		t, err = q.queues.Enqueue(ctx, w)
	}
	switch {
	case errors.Is(err, queue.ErrThere):
		return q.move(ctx, w.ID, w.Queue)
	case errors.Is(err, queue.ErrNoQueue):
		return fmt.Errorf("%w: %w", chat.ErrNoQueue, err)
	case err != nil:
		return err
	}
	q.watch(c.ID, t)
	return nil
}

// language is what queues know of a BCP 47 tag: its first part.
func language(tag string) string {
	for i, r := range tag {
		if r == '-' || r == '_' {
			return tag[:i]
		}
	}
	return tag
}

// open is a piece of work that is not ended.
type openWork struct {
	Kind  queue.Kind
	Queue queue.QueueID
	Phase queue.Phase
	Agent queue.AgentID
}

func (q *chatQueue) open(ctx context.Context, id queue.WorkID) (openWork, error) {
	return pg.Row(ctx, q.db, pgx.RowToStructByPos[openWork], `select kind, queue_id, phase, case when phase in ('assigned', 'active') then coalesce(agent_id::text, '') else '' end
		from queue_work where id = $1 and phase <> 'ended' limit 1`, string(id))
}

// move brings work that is there into another queue.
func (q *chatQueue) move(ctx context.Context, id queue.WorkID, to queue.QueueID) error {
	w, err := q.open(ctx, id)
	if err != nil || w.Queue == to && w.Agent == "" {
		return err
	}
	return q.queues.Transfer(ctx, id, to)
}

// watch tells the customer the place in the queue, until an agent has the work.
func (q *chatQueue) watch(c chat.ID, t *queue.Ticket) {
	q.mu.Lock()
	if q.closed {
		q.mu.Unlock()
		t.Close()
		return
	}
	q.waiting[t.Work] = t
	// Ends when the ticket is closed: by follow, by close, or by the queue.
	q.running.Go(func() {
		for u := range t.C {
			if u.Type != queue.Positioned {
				continue
			}
			n := chat.Notice{Type: chat.Placed, Conversation: c, Place: u.Position, WaitS: int(u.Estimate.Seconds())}
			if u.Estimate < 0 {
				n.WaitS = -1
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			_ = q.chat.Tell(ctx, n) // the next one comes soon
			cancel()
		}
	})
	q.mu.Unlock()
}

// unwatch ends watch.
func (q *chatQueue) unwatch(id queue.WorkID) {
	q.mu.Lock()
	t := q.waiting[id]
	delete(q.waiting, id)
	q.mu.Unlock()
	if t != nil {
		t.Close()
	}
}

// Absent implements chat.Queue. Who is no agent of the queues answers without them, and letters wait for who is away.
func (q *chatQueue) Absent(ctx context.Context, work, agent string, live bool) (bool, error) {
	w, err := q.open(ctx, queue.WorkID(work))
	switch {
	case err == nil:
		live = w.Kind == queue.KindChat // while its queue is closed a chat waits like a letter
	case !errors.Is(err, pg.ErrNotFound):
		return false, err
	}
	if !live {
		return false, nil
	}
	d, err := q.queues.Desk(ctx, queue.AgentID(agent))
	if errors.Is(err, queue.ErrNoAgent) {
		return false, nil
	}
	return err == nil && d.Agent.Presence == queue.Offline, err
}

// Taken implements chat.Queue. Who is no agent of the queues answers without them.
func (q *chatQueue) Taken(ctx context.Context, work, agent, by string) error {
	id := queue.WorkID(work)
	w, err := q.open(ctx, id)
	if errors.Is(err, pg.ErrNotFound) {
		return q.bring(ctx, id, by)
	}
	if err != nil {
		return err
	}
	if w.Agent != queue.AgentID(agent) {
		_, err = q.queues.Assign(ctx, id, queue.AgentID(agent), by)
		if errors.Is(err, queue.ErrNoAgent) {
			return q.Left(ctx, work)
		}
		if err != nil {
			return gone(err)
		}
	}
	return gone(q.queues.Answered(ctx, id))
}

// bring puts a conversation that an agent has, but no queue knows of, into its queue and straight to that agent: one that
// was opened again, or taken from the bot. So it is load of theirs, and waits for others once they are gone.
func (q *chatQueue) bring(ctx context.Context, work queue.WorkID, by string) error {
	id, ok := chat.IDOfWork(string(work))
	if !ok {
		return nil
	}
	c, err := q.chat.Conversation(ctx, id)
	if err != nil || c.Handler != chat.ByAgent || c.Assignee == nil || c.State != chat.Open {
		return err
	}
	agent := queue.AgentID(strconv.FormatInt(*c.Assignee, 10))
	if _, err := q.queues.Desk(ctx, agent); errors.Is(err, queue.ErrNoAgent) {
		return nil
	} else if err != nil {
		return err
	}
	var live bool
	c.Queue, live = q.chat.QueueOf(&c)
	c.QueuedAt, c.WasWith = nil, c.Assignee // it has not waited, and rings nowhere else
	if err := q.Enqueue(ctx, c, live); errors.Is(err, chat.ErrNoQueue) {
		return nil
	} else if err != nil {
		return err
	}
	_, err = q.queues.Assign(ctx, work, agent, by)
	if errors.Is(err, queue.ErrState) { // offline
		return q.chat.Returned(ctx, id, "absent")
	}
	if err == nil {
		err = q.queues.Answered(ctx, work)
	}
	if err = gone(err); err != nil {
		return err
	}
	if c, err = q.chat.Conversation(ctx, id); err == nil && !c.Wanted() { // closed while it was brought
		err = q.Left(ctx, string(work))
	}
	return err
}

// gone is nil for work that ended meanwhile, or is not where that could be done.
func gone(err error) error {
	if errors.Is(err, queue.ErrNoWork) || errors.Is(err, queue.ErrState) {
		return nil
	}
	return err
}

// Turn implements chat.Queue: a letter that waits for the customer takes no
// capacity, a chat does while it goes on.
func (q *chatQueue) Turn(ctx context.Context, work string, customer bool) error {
	id := queue.WorkID(work)
	w, err := q.open(ctx, id)
	if errors.Is(err, pg.ErrNotFound) {
		if customer {
			return nil
		}
		return q.bring(ctx, id, "")
	}
	if err != nil {
		return err
	}
	if customer && w.Phase == queue.Assigned {
		if err := gone(q.queues.Answered(ctx, id)); err != nil {
			return err
		}
	}
	if w.Kind == queue.KindMessage {
		return gone(q.queues.Pending(ctx, id, customer))
	}
	return gone(q.queues.Alive(ctx, id))
}

// Left implements chat.Queue.
func (q *chatQueue) Left(ctx context.Context, work string) error {
	id := queue.WorkID(work)
	q.unwatch(id)
	err := q.queues.Ended(ctx, id, queue.CauseDone)
	if errors.Is(err, queue.ErrState) { // it still waits
		_, err = q.queues.Cancel(ctx, id)
	}
	return gone(err)
}

func (q *chatQueue) follow(ctx context.Context, sub *event.Subscription) {
	for e := range sub.C {
		c, ok := e.Data.(queue.Change)
		if !ok {
			continue
		}
		id, ok := chat.IDOfWork(string(c.Work))
		if !ok {
			continue
		}
		if err := q.followed(ctx, id, &c); err != nil && ctx.Err() == nil {
			q.log.Warn("conversation not told what its queue did", "conversation", id, "what", c.Type, "error", err)
		}
	}
}

func (q *chatQueue) followed(ctx context.Context, id chat.ID, c *queue.Change) error {
	switch c.Type {
	case queue.Taken:
		q.unwatch(c.Work)
		return q.taken(ctx, id, string(c.Agent))
	case queue.Left:
		q.unwatch(c.Work)
	case queue.Requeued:
		if err := q.chat.Returned(ctx, id, c.Reason); err != nil {
			return err
		}
		if t, err := q.queues.Watch(c.Work); err == nil { // else somebody watches already
			q.watch(id, t)
		}
	}
	return nil
}

func (q *chatQueue) taken(ctx context.Context, id chat.ID, agent string) error {
	user, err := strconv.ParseInt(agent, 10, 64)
	if err != nil {
		return err
	}
	err = q.chat.Taken(ctx, id, user)
	if errors.Is(err, chat.ErrState) { // closed meanwhile
		return q.Left(ctx, id.WorkID())
	}
	return err
}

// sweep brings conversations and work together again when an event was lost.
func (q *chatQueue) sweep(ctx context.Context) {
	tick := time.NewTicker(chatSweep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := q.compare(ctx); err != nil && ctx.Err() == nil {
			q.log.Warn("conversations not compared with their queues", "error", err)
		}
	}
}

func (q *chatQueue) compare(ctx context.Context) error {
	type row struct {
		ID    chat.ID
		Agent string
	}
	taken, err := pg.Rows(ctx, q.db, pgx.RowToStructByPos[row], `select c.id, w.agent_id::text from conversations c join queue_work w on w.id = 'chat:' || c.id
		where c.handler = 'queue' and c.enqueued and c.state <> 'closed' and w.phase in ('assigned', 'active') and w.agent_id is not null limit 100`)
	if err != nil {
		return err
	}
	for _, r := range taken {
		if err := q.taken(ctx, r.ID, r.Agent); err != nil {
			return err
		}
	}
	back, err := pg.Rows(ctx, q.db, pgx.RowTo[chat.ID], `select c.id from conversations c join queue_work w on w.id = 'chat:' || c.id
		where c.handler = 'agent' and c.state <> 'closed' and w.phase in ('waiting', 'offered') and w.since < now() - interval '10 seconds' limit 100`)
	if err != nil {
		return err
	}
	for _, id := range back {
		if err := q.chat.Returned(ctx, id, "requeued"); err != nil {
			return err
		}
	}
	over, err := pg.Rows(ctx, q.db, pgx.RowTo[chat.ID], `select c.id from queue_work w join conversations c on w.id = 'chat:' || c.id
		where w.phase <> 'ended' and w.kind in ('chat', 'message') and (c.state in ('closed', 'merged') or c.handler = 'bot') limit 100`)
	if err != nil {
		return err
	}
	for _, id := range over {
		if err := q.Left(ctx, id.WorkID()); err != nil {
			return err
		}
	}
	other, err := pg.Rows(ctx, q.db, pgx.RowToStructByPos[row], `select c.id, w.agent_id::text from conversations c join queue_work w on w.id = 'chat:' || c.id
		where c.handler = 'agent' and c.state in ('open', 'snoozed') and w.phase in ('assigned', 'active') and w.agent_id <> c.assignee limit 100`)
	if err != nil {
		return err
	}
	for _, r := range other {
		if err := q.taken(ctx, r.ID, r.Agent); err != nil {
			return err
		}
	}
	return nil
}

// runAuditMessages is "pbx audit messages": received = stored = shown.
func runAuditMessages(args []string, out, errOut io.Writer) error {
	fs := newFlags("audit messages", "Compare what came in with what is stored and what the pages show; the exit code tells whether they are equal.", errOut)
	path := fs.String("config", "", "configuration `file` (YAML) that names the database (pg.url); DATABASE_URL when not given")
	records := fs.String("records", "", "compare with what people at the other end wrote down too: a `file` with one JSON object a line (conv, reader, said, shown)")
	if len(args) == 0 || args[0] != "messages" {
		return usage{errors.New("audit: say what to audit: messages or verify")}
	}
	if err := parse(fs, args[1:]); err != nil {
		return err
	}
	cfg, err := loadDatabase("audit", *path)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	quiet := slog.New(slog.DiscardHandler)
	db, err := pg.Open(ctx, cfg.PG, quiet)
	if err != nil {
		return err
	}
	defer db.Close()
	c, err := chat.New(cfg.Chat, chat.Parts{DB: db, Bus: event.NewBus(), Jobs: pg.NewJobs(db, quiet)}, quiet)
	if err != nil {
		return err
	}
	r, err := c.Audit(ctx)
	if err != nil {
		return err
	}
	if *records != "" {
		f, err := os.Open(*records)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := c.AuditRecords(ctx, f, &r); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "received %d\nstored   %d\nshown    %d in %d threads\nopen     %d (bodies %d, not looked at %d, going out %d), refused %d\n", r.Raw, r.Stored, r.Shown, r.Threads, r.Open, r.New, r.Due, r.Leaving, r.Refused)
	if *records != "" {
		fmt.Fprintf(out, "records  %d: confirmed %d, seen %d\n", r.Records, r.Said, r.Seen)
	}
	for _, f := range r.Faults {
		fmt.Fprintln(out, "fault:", f)
	}
	if len(r.Faults) > 0 || r.Open == 0 && (r.Raw != r.Stored || r.Stored != r.Shown) {
		return errors.New("received, stored and shown are not equal")
	}
	return nil
}
