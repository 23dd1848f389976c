package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"tingxin/score"
	"tingxin/visitor"
)

// ChatServed is a server that was started for a run.
type ChatServed struct {
	URL            string // of its pages
	User, Password string // of an administrator
	PID            int
	Stop           func()
}

// ChatOptions of a load of visitors who chat.
type ChatOptions struct {
	// Idle visitors are connected and say nothing; Active ones say something every Every, for Time.
	Idle, Active int
	Every, Time  time.Duration
	// Reply: an agent answers one of so many messages; 0 none.
	Reply int
	// Opens is how many connections begin in a second.
	Opens float64
	// Target is the address of the pages; empty starts a server. User and Password sign an agent in there.
	Target, User, Password string
	// PID is the server's process, whose memory and CPU time are taken; 0 measures none.
	PID int
	// JSON is the file for the figures.
	JSON string
	// Serve starts a server when Target is empty.
	Serve func(ctx context.Context) (ChatServed, error)
}

// Register adds the command's flags to fs.
func (o *ChatOptions) Register(fs *flag.FlagSet) {
	fs.IntVar(&o.Idle, "idle", 5000, "`N` visitors who are connected and say nothing")
	fs.IntVar(&o.Active, "active", 200, "`N` visitors who write")
	fs.DurationVar(&o.Every, "every", 5*time.Second, "how often each of them does")
	fs.DurationVar(&o.Time, "time", 30*time.Second, "how long")
	fs.IntVar(&o.Reply, "reply", 10, "an agent answers one of `N` messages; 0 answers none")
	fs.Float64Var(&o.Opens, "opens", 500, "new connections a second")
	fs.StringVar(&o.Target, "target", "", "`address` of the pages, as http://127.0.0.1:8080; empty starts a server")
	fs.StringVar(&o.User, "user", "admin", "who signs in there as an agent")
	fs.StringVar(&o.Password, "password", "", "and the password")
	fs.IntVar(&o.PID, "pid", 0, "the server's `process`, to take its memory and CPU time")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// ChatFigures is the list of names for --help.
const ChatFigures = `All visitors come from this machine, so a server given by --target needs webchat.connects above --opens times 60, and
two file descriptors for each visitor here and there together. The server of the run has no bot: what is measured is the chat.

Figures in --json:
  chat.idle chat.active chat.sent             visitors, and messages that were written
  chat.rate_done                              messages a second
  ack.p50_ms ack.p95_ms ack.max_ms            from writing to the server's word that the message is stored
  shown.p50_ms shown.p95_ms shown.max_ms      from writing to the event on an agent's feed
  reply.p50_ms reply.p95_ms reply.max_ms      from an agent's sending to the visitor's page
  chat.errors chat.missed                     refused or broken connections; messages that an agent was not told of
  server.rss_start_mb server.rss_idle_mb server.rss_end_mb   before anybody came, with all visitors connected, at the end
  server.idle_kb                              what an idle visitor adds
  server.cpu_ms_per_message server.cpu_idle_pct   CPU time; percent of a core while nobody says anything
`

func (o *ChatOptions) check() error {
	switch {
	case o.Target == "" && o.Serve == nil:
		return errors.New("bench chat needs --target, the address of the pages")
	case o.Idle < 0 || o.Idle > 100000 || o.Active < 1 || o.Active > 10000:
		return errors.New("bench chat: --idle goes from 0 to 100000, --active from 1 to 10000")
	case o.Every < 600*time.Millisecond || o.Time < o.Every:
		return errors.New("bench chat: --every is at least 600ms, since a visitor may send 20 frames in 10 s, and --time is longer")
	case o.Opens <= 0 || o.Reply < 0:
		return errors.New("bench chat: --opens is above zero, --reply not below")
	}
	return nil
}

// Chat connects visitors and measures what they and an agent wait for.
func Chat(ctx context.Context, o ChatOptions, out io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.Target == "" {
		served, err := o.Serve(ctx)
		if err != nil {
			return err
		}
		defer served.Stop()
		o.Target, o.User, o.Password, o.PID = served.URL, served.User, served.Password, served.PID
	}
	r := &chatRun{opts: o, told: map[spot]time.Time{}, due: map[spot]time.Time{}, wrote: map[string]time.Time{}, answers: map[string]time.Time{}}
	figures, err := r.run(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "chat, %d idle visitors and %d who write every %v, %d cores\n\n", o.Idle, o.Active, o.Every, runtime.NumCPU())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range figures {
		fmt.Fprintf(w, "  %s\t%.3f\n", f.Name, f.Value)
	}
	return errors.Join(w.Flush(), score.WriteJSON(o.JSON, figures))
}

// spot is a message by its place.
type spot struct {
	conv int64
	seq  int64
}

// chatRun is one run.
type chatRun struct {
	opts ChatOptions
	desk *chatDesk

	errors   atomic.Int64
	replying sync.WaitGroup

	mu      sync.Mutex
	convs   map[string]int64     // guarded by mu: ids of the conversations of those who write, by their names
	told    map[spot]time.Time   // guarded by mu: when the agent's feed told it
	due     map[spot]time.Time   // guarded by mu: when it was written
	wrote   map[string]time.Time // guarded by mu: by the visitor's id of the message, until its ack
	answers map[string]time.Time // guarded by mu: when an agent's reply was sent, by its text
	acks    []float64            // guarded by mu: ms
	replies []float64            // guarded by mu: ms
	sent    int                  // guarded by mu
}

func (r *chatRun) run(ctx context.Context) ([]score.Figure, error) {
	var err error
	if r.desk, err = openDesk(ctx, r.opts.Target, r.opts.User, r.opts.Password, r.toldOf); err != nil {
		return nil, err
	}
	defer r.desk.close()
	start, err := usage(r.opts.PID)
	if err != nil {
		return nil, err
	}
	visiting, leave := context.WithCancel(ctx)
	var all sync.WaitGroup
	defer func() {
		leave()
		all.Wait()
	}()
	writers, err := r.connect(visiting, &all)
	if err != nil {
		return nil, err
	}
	if err := wait(ctx, shortLag); err != nil {
		return nil, err
	}
	idle, err := usage(r.opts.PID)
	if err != nil {
		return nil, err
	}
	rest := min(10*time.Second, r.opts.Time)
	if err := wait(ctx, rest); err != nil {
		return nil, err
	}
	quiet, err := usage(r.opts.PID)
	if err != nil {
		return nil, err
	}
	if err := r.first(ctx, writers); err != nil {
		return nil, err
	}
	before, err := usage(r.opts.PID)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := r.talk(ctx, writers); err != nil {
		return nil, err
	}
	took := time.Since(began)
	r.settle(ctx)
	end, err := usage(r.opts.PID)
	if err != nil {
		return nil, fmt.Errorf("the server is gone: %w", err)
	}
	f := r.figures(took)
	add := func(name string, v float64) { f = append(f, score.Figure{Name: name, Value: v}) }
	if r.opts.PID != 0 {
		add("server.rss_start_mb", start.rssMB)
		add("server.rss_idle_mb", idle.rssMB)
		add("server.rss_end_mb", end.rssMB)
		add("server.idle_kb", max(0, idle.rssMB-start.rssMB)*1024/float64(r.opts.Idle+r.opts.Active))
		add("server.cpu_ms_per_message", (end.cpu-before.cpu).Seconds()*1000/float64(max(1, r.sent)))
		add("server.cpu_idle_pct", 100*(quiet.cpu-idle.cpu).Seconds()/rest.Seconds())
	}
	return f, nil
}

// connect brings all visitors in, those who will write first.
func (r *chatRun) connect(ctx context.Context, all *sync.WaitGroup) ([]*visitor.Visitor, error) {
	var writers, everybody []*visitor.Visitor
	begun := time.Now()
	for i := range r.opts.Active + r.opts.Idle {
		if err := wait(ctx, time.Until(begun.Add(time.Duration(float64(i)/r.opts.Opens*float64(time.Second))))); err != nil {
			return nil, err
		}
		cfg := visitor.Config{Server: r.opts.Target}
		if i < r.opts.Active {
			cfg.Heard = r.heardBy
		}
		v := visitor.New(cfg)
		everybody = append(everybody, v)
		if i < r.opts.Active {
			writers = append(writers, v)
		}
		all.Go(func() { // ends with ctx
			if v.Run(ctx) != nil {
				r.errors.Add(1)
			}
		})
	}
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, v := range everybody {
		if err := v.Await(limit, v.Ready); err != nil {
			return nil, fmt.Errorf("not all visitors came in within a minute after the last: %w", err)
		}
	}
	return writers, nil
}

// first has everybody who writes begin a conversation, and finds out how the desk calls it.
func (r *chatRun) first(ctx context.Context, writers []*visitor.Visitor) error {
	limit, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for i, v := range writers {
		v.Say(fmt.Sprintf("hello, this is visitor %d", i))
		if err := wait(limit, 5*time.Millisecond); err != nil {
			return err
		}
	}
	for _, v := range writers {
		if err := v.Await(limit, func() bool { return v.Said()[0].Seq > 0 }); err != nil {
			return fmt.Errorf("a first message was not stored: %w", err)
		}
	}
	convs, err := r.desk.conversations(ctx)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.convs = convs
	return nil
}

// talk has everybody write in turn, evenly spread.
func (r *chatRun) talk(ctx context.Context, writers []*visitor.Visitor) error {
	n := int(r.opts.Time.Seconds() / r.opts.Every.Seconds() * float64(len(writers)))
	gap := r.opts.Every / time.Duration(len(writers))
	begun := time.Now()
	for i := range n {
		if err := wait(ctx, time.Until(begun.Add(time.Duration(i)*gap))); err != nil {
			return err
		}
		v := writers[i%len(writers)]
		now := time.Now()
		r.mu.Lock() // held over Say: the ack may be faster than we are
		id := v.Say(fmt.Sprintf("message %d: where is my order, please?", i))
		r.wrote[id] = now
		r.sent++
		conv := r.convs[v.Conv()]
		r.mu.Unlock()
		if r.opts.Reply > 0 && i%r.opts.Reply == 0 && conv != 0 {
			r.replying.Go(func() { r.reply(ctx, conv, i) }) // ends with its request, which has a time
		}
	}
	return nil
}

func (r *chatRun) reply(ctx context.Context, conv int64, i int) {
	text := fmt.Sprintf("answer %d: it comes tomorrow.", i)
	r.mu.Lock()
	r.answers[text] = time.Now()
	r.mu.Unlock()
	if err := r.desk.reply(ctx, conv, text); err != nil && ctx.Err() == nil {
		r.errors.Add(1)
	}
}

// heardBy takes what a visitor hears: acks and replies.
func (r *chatRun) heardBy(f visitor.Frame) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case f.Type == "ack":
		at, ok := r.wrote[f.ClientID]
		if !ok {
			return
		}
		delete(r.wrote, f.ClientID)
		r.acks = append(r.acks, ms(now.Sub(at)))
		r.due[spot{r.convs[f.Conv], f.Seq}] = at
	case f.Type == "msg" && f.From == "agent":
		if at, ok := r.answers[f.Text]; ok {
			delete(r.answers, f.Text)
			r.replies = append(r.replies, ms(now.Sub(at)))
		}
	}
}

// toldOf takes what the agent's feed tells: a message of a customer.
func (r *chatRun) toldOf(conv, seq int64) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.told[spot{conv, seq}]; !again {
		r.told[spot{conv, seq}] = now
	}
}

// settle waits a moment for what is under way.
func (r *chatRun) settle(ctx context.Context) {
	r.replying.Wait()
	limit, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	for wait(limit, 20*time.Millisecond) == nil {
		r.mu.Lock()
		left := len(r.wrote) + len(r.answers) + r.missedLocked()
		r.mu.Unlock()
		if left == 0 {
			return
		}
	}
}

func (r *chatRun) missedLocked() (n int) {
	for s := range r.due {
		if _, ok := r.told[s]; !ok {
			n++
		}
	}
	return n
}

func (r *chatRun) figures(took time.Duration) []score.Figure {
	r.mu.Lock()
	defer r.mu.Unlock()
	var shown []float64
	for s, at := range r.due {
		if told, ok := r.told[s]; ok {
			shown = append(shown, ms(told.Sub(at)))
		}
	}
	f := func(name string, v float64) score.Figure { return score.Figure{Name: name, Value: v} }
	return []score.Figure{
		f("chat.idle", float64(r.opts.Idle)), f("chat.active", float64(r.opts.Active)), f("chat.sent", float64(r.sent)), f("chat.rate_done", float64(len(r.acks))/took.Seconds()),
		f("ack.p50_ms", quantile(r.acks, .5)), f("ack.p95_ms", quantile(r.acks, .95)), f("ack.max_ms", quantile(r.acks, 1)),
		f("shown.p50_ms", quantile(shown, .5)), f("shown.p95_ms", quantile(shown, .95)), f("shown.max_ms", quantile(shown, 1)),
		f("reply.p50_ms", quantile(r.replies, .5)), f("reply.p95_ms", quantile(r.replies, .95)), f("reply.max_ms", quantile(r.replies, 1)),
		f("chat.errors", float64(r.errors.Load())+float64(len(r.wrote)+len(r.answers))), f("chat.missed", float64(r.missedLocked())),
	}
}
