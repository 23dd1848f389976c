package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"tingxin/event"
	"tingxin/nlp/embed"
	"tingxin/pg"
)

// Person is what the bot may know of a contact.
type Person struct {
	VIP bool
	// Remember tells whether values may be kept for the person beyond the conversation.
	Remember bool
}

// People tells who somebody is.
type People interface {
	Person(ctx context.Context, contact int64) (Person, error)
}

// Waiting is how it looks at a queue.
type Waiting struct {
	Open     bool // within opening hours
	Agents   int  // at work
	Free     int
	Position int
	Estimate time.Duration // -1 when nobody is at work
}

// Desk tells how it looks where people take over.
type Desk interface {
	Waiting(ctx context.Context, queue string) (Waiting, error)
}

// Parts is what an Engine works with. DB and Knowledge must be there.
type Parts struct {
	DB        *pg.DB
	Embed     Embedder // nil: no sentence models; equal phrases and rules answer
	Knowledge Knowledge
	People    People // nil: nobody is known, nothing is remembered beyond a conversation
	Desk      Desk   // nil: a handover says nothing of the wait
	// Promises nil: who would rather leave a message or be called waits all the same.
	Promises Promises
	Now      func() time.Time
}

// Stats of an Engine since its start.
type Stats struct {
	Turns uint64
	// Decisions by their kind: answer, tool, ask, clarify, talk, fallback, handover.
	Decisions map[string]uint64
	// Messages and Callbacks were promised instead of a wait.
	Messages, Callbacks uint64
	// Refused by reason; Errors are failures of tools and models; Reasks are prompts for values that were held: defects.
	RefusedLong, RefusedFast, RefusedBusy, Errors, Reasks, Prompts uint64
	// Latency is of turns, rows written.
	Latency event.Buckets
	// Underway are turns at this moment.
	Underway int
}

type counters struct {
	turns, answers, tools, asks, clarifies, fallbacks, handovers, talks, messages, callbacks, refusedLong, refusedFast, refusedBusy, errors, reasks, prompts atomic.Uint64
	latency                                                                                                                                                  event.Histogram
}

// Engine is the bot. Safe for concurrent use; turns of one session take turns.
type Engine struct {
	cfg       Config
	db        *pg.DB
	log       *slog.Logger
	embed     Embedder
	knowledge Knowledge
	people    People
	desk      Desk
	promises  Promises
	now       func() time.Time
	zone      *time.Location
	store     *Store
	memory    *memory
	tools     *tools
	stats     counters
	slots     chan struct{} // turns at once
	locks     Locks
	brain     atomic.Pointer[brain]
	training  sync.Mutex // one learning at a time
	storing   sync.Mutex // what was read last is put into force last
	warming   sync.Once
	wake      chan struct{} // something changed
	warm      chan struct{} // closed when the first learning has ended
	patience  time.Duration // of customers until then; learnWait

	wg   sync.WaitGroup
	ctx  context.Context // of what runs in the background
	stop context.CancelFunc
	once sync.Once
}

// New checks and stores.
func New(cfg Config, parts Parts, log *slog.Logger) (*Engine, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	zone, err := cfg.zone()
	if err != nil {
		return nil, err
	}
	seal, err := openSealer(cfg.KeyFile)
	if err != nil {
		return nil, err
	}
	if parts.Now == nil {
		parts.Now = time.Now
	}
	e := &Engine{cfg: cfg, db: parts.DB, log: log.With("part", "bot"), embed: parts.Embed, knowledge: parts.Knowledge, people: parts.People, desk: parts.Desk, promises: parts.Promises, now: parts.Now,
		zone: zone, store: NewStore(parts.DB), memory: &memory{parts.DB, seal}, tools: newTools(cfg.ToolHosts), slots: make(chan struct{}, cfg.MaxTurns), wake: make(chan struct{}, 1), patience: learnWait}
	return e, nil
}

// Start writes the starter intents that this server was never offered and begins to sweep what has
// expired. Learning, seconds to minutes of work, waits for Warm, Reload, Train or the first turn.
func (e *Engine) Start(ctx context.Context) error {
	added, full, err := e.store.seed(ctx)
	if err != nil {
		return fmt.Errorf("bot: %w", err)
	}
	if len(added) > 0 {
		e.log.Info("starter intents were added", "intents", added)
	}
	if len(full) > 0 {
		e.log.Warn("there is no room for starter intents", "intents", full, "most", maxIntents)
	}
	e.ctx, e.stop = context.WithCancel(context.WithoutCancel(ctx))
	e.wg.Go(func() { e.sweep(e.ctx) }) // ends when Close cancels e.ctx
	return nil
}

// Close ends the sweep. Twice is fine.
func (e *Engine) Close() error {
	e.once.Do(func() {
		if e.stop != nil {
			e.stop()
		}
		e.wg.Wait()
		e.tools.close()
	})
	return nil
}

// Store is where intents, tools and the policy are.
func (e *Engine) Store() *Store { return e.store }

// ToolHosts are the hosts that tools may call.
func (e *Engine) ToolHosts() []string { return slices.Clone(e.cfg.ToolHosts) }

// Changed lets changed settings count at once: intents, frames, tools and the policy.
// Changed phrases are learnt in the background, which takes seconds.
func (e *Engine) Changed(ctx context.Context) error {
	if e.brain.Load() == nil { // it will read them when it learns
		return nil
	}
	if err := e.use(ctx, nil); err != nil {
		return err
	}
	e.Relearn()
	return nil
}

// Relearn has phrases and articles looked at soon, and learnt when they have changed. It does not wait.
func (e *Engine) Relearn() {
	select {
	case e.wake <- struct{}{}:
	default: // it is awake already
	}
}

// Stats may be read at any time.
func (e *Engine) Stats() Stats {
	c := &e.stats
	return Stats{Turns: c.turns.Load(), Decisions: map[string]uint64{"answer": c.answers.Load(), "tool": c.tools.Load(), "ask": c.asks.Load(), "clarify": c.clarifies.Load(), "fallback": c.fallbacks.Load(),
		"handover": c.handovers.Load(), "talk": c.talks.Load()}, Messages: c.messages.Load(), Callbacks: c.callbacks.Load(), RefusedLong: c.refusedLong.Load(), RefusedFast: c.refusedFast.Load(), RefusedBusy: c.refusedBusy.Load(),
		Errors: c.errors.Load(), Reasks: c.reasks.Load(), Prompts: c.prompts.Load(), Latency: c.latency.Buckets(), Underway: len(e.slots)}
}

const (
	sweepEvery = 10 * time.Minute
	slotWait   = time.Second      // for a place among the turns at once
	mostTurn   = 15 * time.Second // when the latency line is off
	learnWait  = 2 * time.Second  // of a customer for the first learning, well below the latency line
)

func (e *Engine) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := e.Sweep(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("what has expired could not be removed", "error", err)
		}
		if e.brain.Load() != nil { // articles, and what other servers were told
			if err := e.Reload(ctx); err != nil && ctx.Err() == nil {
				e.log.Warn("the bot could not learn anew", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.wake:
		}
	}
}

// Sweep ends idle sessions, and removes values and turns whose time is over.
func (e *Engine) Sweep(ctx context.Context) error {
	now := e.now()
	var errs []error
	do := func(sql string, args ...any) {
		_, err := e.db.Exec(ctx, sql, args...)
		errs = append(errs, err)
	}
	do(`with ended as (update bot_sessions set ended_at = $1 where ended_at is null and last_at < $2 returning id)
		update bot_slots set expires_at = least(expires_at, $3) where scope <> 'contact' and session_id in (select id from ended)`, now, now.Add(-e.cfg.SessionIdle), now.Add(afterClose))
	do(`delete from bot_slots where expires_at <= $1`, now)
	do(`delete from bot_sessions where ended_at < $1`, now.Add(-e.cfg.KeepTurns))
	do(`delete from predictions where at < $1`, now.Add(-e.cfg.KeepTurns))
	return errors.Join(errs...)
}

// Warm begins to learn in the background, if nobody has.
func (e *Engine) Warm() {
	e.warming.Do(func() {
		e.warm = make(chan struct{})
		e.wg.Go(func() { // ends when it has learnt, or when Close cancels e.ctx
			defer close(e.warm)
			if err := e.Reload(e.ctx); err != nil && e.ctx.Err() == nil {
				e.log.Error("the bot could not learn", "error", err)
			}
			e.Relearn() // what changed meanwhile: sweep does not learn before there is something
		})
	})
}

// ready gives what was learnt; it waits until something is.
func (e *Engine) ready(ctx context.Context) (*brain, error) {
	if b := e.brain.Load(); b != nil {
		return b, nil
	}
	e.Warm()
	select {
	case <-e.warm:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if b := e.brain.Load(); b != nil {
		return b, nil
	}
	if err := e.Reload(ctx); err != nil { // the first attempt failed
		return nil, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return e.brain.Load(), nil
}

// known gives what a turn of a channel is answered by. Customers do not wait for the end of the first
// learning, which takes minutes on a slow machine: meanwhile equal phrases and articles answer, and people.
func (e *Engine) known(ctx context.Context, c Channel) (*brain, error) {
	if c == ChannelAPI { // somebody tries what was learnt
		return e.ready(ctx)
	}
	inner, cancel := context.WithTimeout(ctx, e.patience)
	defer cancel()
	b, err := e.ready(inner)
	if err == nil || ctx.Err() != nil {
		return b, err
	}
	return e.unlearnt(ctx)
}

// unlearnt is what is known without any learning: everything but the models of intents.
func (e *Engine) unlearnt(ctx context.Context) (*brain, error) {
	b, err := e.read(ctx)
	if err != nil {
		return nil, err
	}
	b.learning = true
	var intents []Intent
	for _, i := range b.intents {
		intents = append(intents, *i)
	}
	for _, lang := range embed.Languages {
		lessons := lessonsOf(lang, intents, nil)
		b.minds[lang] = &mind{exact: exactOf(lessons), spell: spellerOf(e.embed, lang, lessons)}
	}
	return b, nil
}

// Turn takes one turn of a customer and gives the bot's reply; everything is written
// down before it returns. An error means that nothing was taken: ErrSession, ErrInput,
// ErrBusy, ErrNotReady, or the database's.
func (e *Engine) Turn(ctx context.Context, who Session, in Input) (Reply, error) {
	begun := time.Now()
	in, refused := e.clean(in)
	if err := checkTurn(who, in); err != nil {
		return Reply{}, err
	}
	b, err := e.known(ctx, in.Channel)
	if err != nil {
		return Reply{}, err
	}
	if err := e.enter(ctx); err != nil {
		return Reply{}, err
	}
	defer func() { <-e.slots }()
	key := who.ID
	if key == "" {
		key = string(in.Channel) + "/" + who.Subject
	}
	unlock, ok := e.locks.Take(ctx, key, maxWaiting)
	if !ok {
		e.stats.refusedBusy.Add(1)
		return Reply{}, ErrBusy
	}
	defer unlock()
	for try := 0; ; try++ {
		r, err := e.turn(ctx, b, who, in, refused, begun)
		if errors.Is(err, errStale) && try < 2 { // another server was faster
			continue
		}
		if errors.Is(err, errStale) {
			err = ErrBusy
		}
		return r, err
	}
}

// clean takes out what no database can hold, and judges the size.
func (e *Engine) clean(in Input) (Input, string) {
	if len(in.Text) > MaxText {
		e.stats.refusedLong.Add(1)
		cut := MaxText
		for cut > 0 && !utf8.RuneStart(in.Text[cut]) {
			cut--
		}
		in.Text = in.Text[:min(cut, 400)] // enough to tell the language
		in.Text = strings.ReplaceAll(strings.ToValidUTF8(in.Text, ""), "\x00", "")
		return in, "long"
	}
	in.Text = strings.ReplaceAll(strings.ToValidUTF8(in.Text, ""), "\x00", "")
	in.Choice = strings.ReplaceAll(strings.ToValidUTF8(in.Choice, ""), "\x00", "")
	return in, ""
}

func checkTurn(who Session, in Input) error {
	switch in.Channel {
	case ChannelChat, ChannelCall, ChannelAPI:
	default:
		return ErrInput
	}
	if who.ID == "" && (who.Subject == "" || len(who.Subject) > 128) || len(in.Choice) > 256 || len(in.ID) > 128 || strings.ContainsRune(in.ID, 0) || !utf8.ValidString(in.ID) || strings.ContainsRune(who.Subject, 0) || !utf8.ValidString(who.Subject) {
		return ErrInput
	}
	return nil
}

// enter waits for a place among the turns at once.
func (e *Engine) enter(ctx context.Context) error {
	select {
	case e.slots <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(slotWait)
	defer timer.Stop()
	select {
	case e.slots <- struct{}{}:
		return nil
	case <-timer.C:
		e.stats.refusedBusy.Add(1)
		return ErrBusy
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Locks lets work on one key take turns in this server.
type Locks struct {
	mu   sync.Mutex
	held map[string]*lock
}

type lock struct {
	busy  chan struct{} // holds one
	users int
}

// maxWaiting is how many turns of a session may be under way.
const maxWaiting = 8

// Take waits for the key; most, when not 0, is how many may have it or wait. ok is false when there are
// more, or ctx has ended.
func (l *Locks) Take(ctx context.Context, key string, most int) (unlock func(), ok bool) {
	l.mu.Lock()
	if l.held == nil {
		l.held = make(map[string]*lock)
	}
	k := l.held[key]
	if k == nil {
		k = &lock{busy: make(chan struct{}, 1)}
		l.held[key] = k
	}
	if most > 0 && k.users >= most { // somebody floods it
		l.mu.Unlock()
		return nil, false
	}
	k.users++
	l.mu.Unlock()
	leave := func() {
		l.mu.Lock()
		if k.users--; k.users == 0 {
			delete(l.held, key)
		}
		l.mu.Unlock()
	}
	select {
	case k.busy <- struct{}{}:
		return func() { <-k.busy; leave() }, true
	case <-ctx.Done():
		leave()
		return nil, false
	}
}
