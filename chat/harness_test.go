package chat_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a channel of the tests: bodies are "user|id|text".
type wire struct {
	limits chat.Limits
	mu     sync.Mutex
	answer []chat.Result   // of the next sends; delivered when none is left
	got    []string        // "user: text"
	tries  map[string]int  // by Repeat
	busy   map[chat.ID]int // sends under way
	wrong  []string        // what must not be
	block  chan struct{}   // a send waits for it
}

func newWire() *wire { return &wire{tries: map[string]int{}, busy: map[chat.ID]int{}} }

func (w *wire) Name() string              { return "wire" }
func (w *wire) Limits(string) chat.Limits { return w.limits }

func (w *wire) Decode(_ context.Context, raw chat.Raw) ([]chat.Inbound, error) {
	user, rest, ok := strings.Cut(string(raw.Body), "|")
	id, text, ok2 := strings.Cut(rest, "|")
	if !ok || !ok2 {
		return nil, errors.New("no message")
	}
	return []chat.Inbound{{Channel: "wire", Account: raw.Account, ExternalID: id, User: user, Text: text}}, nil
}

func (w *wire) Send(_ context.Context, m chat.Outgoing) chat.Result {
	w.mu.Lock()
	w.tries[m.Repeat]++
	if w.busy[m.Conversation]++; w.busy[m.Conversation] > 1 {
		w.wrong = append(w.wrong, "two at a time")
	}
	block := w.block
	res := chat.Result{Outcome: chat.Delivered, ExternalID: "x" + m.Repeat}
	if len(w.answer) > 0 {
		res, w.answer = w.answer[0], w.answer[1:]
	}
	w.mu.Unlock()
	if block != nil {
		<-block
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy[m.Conversation]--
	if res.Outcome == chat.Delivered {
		w.got = append(w.got, m.User+": "+m.Text)
	}
	return res
}

func (w *wire) arrived() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.got)
}

// desk is the queue of the tests.
type desk struct {
	mu    sync.Mutex
	fail  int
	log   []string
	waits map[string]string
	// absent is an agent who is offline.
	absent string
}

func (d *desk) note(s string) { d.mu.Lock(); defer d.mu.Unlock(); d.log = append(d.log, s) }

func (d *desk) Enqueue(_ context.Context, c chat.Conversation, live bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fail > 0 {
		d.fail--
		return errors.New("the queue is away")
	}
	d.log = append(d.log, "enqueue "+c.ID.WorkID()+" "+c.Queue)
	d.waits[c.ID.WorkID()] = string(c.Packet)
	return nil
}

func (d *desk) Absent(_ context.Context, _, agent string, live bool) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return live && agent == d.absent, nil
}

func (d *desk) Taken(_ context.Context, work, agent, _ string) error {
	d.note("taken " + work + " " + agent)
	return nil
}

func (d *desk) Turn(_ context.Context, work string, customer bool) error {
	if customer {
		d.note("turn customer " + work)
	} else {
		d.note("turn us " + work)
	}
	return nil
}

func (d *desk) Left(_ context.Context, work string) error { d.note("left " + work); return nil }

func (d *desk) entries() []string { d.mu.Lock(); defer d.mu.Unlock(); return slices.Clone(d.log) }

// house is a running service.
type house struct {
	*chat.Service
	t     *testing.T
	db    *pg.DB
	bus   *event.Bus
	wire  *wire
	desk  *desk
	ahead atomic.Int64 // of the real clock
}

type option func(*house, *chat.Config)

func open(t *testing.T, options ...option) *house {
	t.Helper()
	return openWith(t, pgtest.NewWith(t, pg.Config{MaxConns: 20}), "one", options...)
}

func openWith(t *testing.T, db *pg.DB, node string, options ...option) *house {
	t.Helper()
	h := &house{t: t, db: db, bus: event.NewBus(), wire: newWire(), desk: &desk{waits: map[string]string{}}}
	cfg := chat.Config{Node: node, Files: t.TempDir(), MaxFile: 100 << 10}
	log := slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelError}))
	jobs := pg.NewJobs(db, log)
	parts := chat.Parts{DB: db, Bus: h.bus, Jobs: jobs, Queue: h.desk, Now: func() time.Time { return time.Now().Add(time.Duration(h.ahead.Load())) }}
	for _, o := range options {
		o(h, &cfg)
	}
	s, err := chat.New(cfg, parts, log)
	must(t, err)
	h.Service = s
	s.SetPace(50 * time.Millisecond)
	s.AddChannel(h.wire)
	for _, o := range options {
		o(h, &cfg) // those that want the service
	}
	must(t, jobs.Start(context.WithoutCancel(t.Context())))
	must(t, s.Start(t.Context()))
	t.Cleanup(func() { s.Close(); jobs.Close(); h.bus.Close() })
	return h
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("server: %s", strings.TrimSpace(string(b)))
	return len(b), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatal("not in time: " + what)
}

// write is a message of a customer.
func (h *house) write(user, id, text string) chat.Message {
	h.t.Helper()
	m, err := h.Receive(context.Background(), chat.Inbound{Channel: "wire", User: user, ExternalID: id, Text: text, Raw: []byte(user + "|" + id + "|" + text)})
	must(h.t, err)
	return m
}

// agent is a user.
func (h *house) agent(name string) chat.Author {
	h.t.Helper()
	var id int64
	must(h.t, h.db.Pool().QueryRow(context.Background(), `insert into users (username, role, password_hash) values ($1, 'agent', 'x') returning id`, name).Scan(&id))
	return chat.Author{Kind: chat.Agent, User: id, Name: name}
}

func (h *house) conversation(id chat.ID) chat.Conversation {
	h.t.Helper()
	c, err := h.Conversation(context.Background(), id)
	must(h.t, err)
	return c
}

func (h *house) thread(id chat.ID) []chat.Message {
	h.t.Helper()
	all, err := h.Thread(context.Background(), id, 0, 0, 200)
	must(h.t, err)
	return all
}

var (
	scanInt  = pgx.RowTo[int]
	scanText = pgx.RowTo[string]
)
