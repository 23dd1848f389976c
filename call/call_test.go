package call

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"tingxin/asr"
	"tingxin/audio"
	"tingxin/event"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// dialog is a Dialog of functions; nil ones do nothing. It counts hang-ups.
type dialog struct {
	answer  func(ctx context.Context) error
	mu      sync.Mutex
	hangups []Cause
	rejects []int
}

func (d *dialog) Ring(context.Context) error     { return nil }
func (d *dialog) Progress(context.Context) error { return nil }
func (d *dialog) Answer(ctx context.Context) error {
	if d.answer != nil {
		return d.answer(ctx)
	}
	return nil
}
func (d *dialog) Reject(_ context.Context, status int, _ string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rejects = append(d.rejects, status)
	return nil
}
func (d *dialog) Hangup(_ context.Context, cause Cause) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hangups = append(d.hangups, cause)
	return nil
}

// stream is a Stream that says what the test lets it say.
type stream struct {
	cfg     asr.StreamConfig
	results chan asr.Result
	mu      sync.Mutex
	frames  int
	done    bool
	atEnd   []asr.Result // said at Finish
}

func (s *stream) WriteFrame(*audio.Frame) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frames++
}
func (s *stream) WriteWait(_ context.Context, f *audio.Frame) error { s.WriteFrame(f); return nil }
func (s *stream) Results() <-chan asr.Result                        { return s.results }
func (s *stream) Model() string                                     { return "fake" }
func (s *stream) Close() error                                      { s.Finish(); return nil }
func (s *stream) Finish() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	s.done = true
	for _, r := range s.atEnd {
		s.results <- r
	}
	close(s.results)
}

func (s *stream) heard() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.frames
}

// speech is a Recogniser that hands its streams to the test.
type speech struct {
	streams chan *stream
	mu      sync.Mutex
	refuse  error  // of live streams
	missing string // a language without a model
}

func (r *speech) Open(_ context.Context, cfg asr.StreamConfig) (Stream, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse != nil && !cfg.Batch {
		return nil, r.refuse
	}
	if r.missing != "" && cfg.Language == r.missing {
		return nil, asr.ErrNoModel
	}
	s := &stream{cfg: cfg, results: make(chan asr.Result, 16)}
	if cfg.Batch {
		s.atEnd = []asr.Result{final("said before", 0, time.Second)}
	}
	r.streams <- s
	return s, nil
}

func final(text string, start, end time.Duration) asr.Result {
	return asr.Result{Kind: asr.Final, Segment: 1, Text: text, Raw: text, Start: start, End: end,
		Words: []asr.Word{{Text: text, Start: start, End: end, Conf: 0.5}}}
}

// house is a Manager with everything around it.
type house struct {
	t      *testing.T
	m      *Manager
	db     *pg.DB
	store  *Store
	engine *media.Engine
	bus    *event.Bus
	events *event.Subscription
	speech *speech
	dir    string
}

const quietFlow = "flow: quiet\nversion: 1\nnodes:\n  - record: {consent: none}\n  - listen: {}\n"

// newHouse starts a Manager whose numbers all run a flow that only listens.
func newHouse(t *testing.T, db *pg.DB, change func(*Config), more ...func(dir string) error) *house {
	t.Helper()
	h := &house{t: t, db: db, store: NewStore(db), bus: event.NewBus(), speech: &speech{streams: make(chan *stream, 16)}, dir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(h.dir, "quiet.yaml"), []byte(quietFlow), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, f := range more {
		if err := f(h.dir); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Node: "test", Recording: RecordingConfig{Dir: filepath.Join(h.dir, "rec")}, Journal: JournalConfig{Dir: filepath.Join(h.dir, "journal")},
		Routes: []Route{{Numbers: []string{"*"}, Flow: "quiet"}}}
	if change != nil {
		change(&cfg)
	}
	var err error
	if h.engine, err = media.New(media.Config{Listen: "127.0.0.1", PortMin: -1}, quiet()); err != nil {
		t.Fatal(err)
	}
	if err := h.engine.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	flows := ivr.NewLibrary(ivr.Config{Flows: h.dir}, quiet())
	if err := flows.Load(); err != nil {
		t.Fatal(err)
	}
	h.m, err = NewManager(cfg, Parts{Engine: h.engine, Store: h.store, Bus: h.bus, Flows: flows, Recogniser: h.speech}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	h.events = h.bus.Subscribe(4096)
	if err := h.m.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	return h
}

func (h *house) close() {
	if err := errors.Join(h.m.Close(), h.engine.Close()); err != nil {
		h.t.Error(err)
	}
	h.bus.Close()
}

// call lets a new call in.
func (h *house) call(d *dialog) (*Call, *dialog) {
	h.t.Helper()
	sock, err := net.ListenPacket("udp", "127.0.0.1:0") // the peer; it never speaks
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { sock.Close() })
	leg, err := h.engine.NewLeg("leg", quiet())
	if err != nil {
		h.t.Fatal(err)
	}
	if err := leg.Configure(media.Params{Remote: netip.MustParseAddrPort(sock.LocalAddr().String()), EventPT: -1, EventRecvPT: -1, CNPT: -1}); err != nil {
		h.t.Fatal(err)
	}
	if d == nil {
		d = &dialog{}
	}
	handler, err := h.m.Accept(context.Background(), Incoming{From: "100", To: "200", Transport: "udp", Dialog: d, Leg: leg, Received: time.Now()})
	if err != nil {
		h.t.Fatal(err)
	}
	return handler.(*Call), d
}

// stream waits for the next stream that is opened.
func (h *house) stream() *stream {
	h.t.Helper()
	select {
	case s := <-h.speech.streams:
		return s
	case <-time.After(30 * time.Second):
		h.t.Fatal("no stream was opened within 10 s")
		return nil
	}
}

// event waits for the next event of a type.
func (h *house) event(typ string) event.Event {
	h.t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case e := <-h.events.C:
			if e.Type == typ {
				return e
			}
		case <-deadline:
			h.t.Fatalf("no %s within 10 s", typ)
		}
	}
}

func (h *house) get(c *Call) Record {
	h.t.Helper()
	r, err := h.store.Get(context.Background(), c.id)
	if err != nil {
		h.t.Fatal(err)
	}
	return r
}

func (h *house) words(id string) []Utterance {
	h.t.Helper()
	u, err := h.store.Utterances(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return u
}

func TestFinalIsARowBeforeItIsAnEvent(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	c, _ := h.call(nil)
	s := h.stream()
	if s.cfg.Call != c.id || s.cfg.Side != SideCaller || s.cfg.Language != "en" || !s.cfg.Narrow {
		t.Errorf("stream %+v", s.cfg)
	}
	waitFor(t, func() bool { return s.heard() > 5 })
	s.results <- asr.Result{Kind: asr.Partial, Segment: 1, Text: "héllo wo", Stable: 7, Start: time.Second, End: 2 * time.Second}
	p := h.event("transcript.partial").Data.(PartialItem)
	if p.Text != "héllo wo" || p.Stable != 6 || p.StartMS < 1000 || p.StartMS > 1500 {
		t.Errorf("partial %+v", p)
	}
	if live := h.m.Live(); len(live) != 1 || live[0].Partial[SideCaller].Text != "héllo wo" {
		t.Errorf("live %+v", live)
	}
	s.results <- final("hello", time.Second, 2*time.Second)
	f := h.event("transcript.final").Data.(TranscriptItem)
	if u := h.words(c.id); len(u) != 1 || u[0].Text != "hello" || u[0].Seq != 1 || u[0].Conf != 0.5 || f.Seq != 1 || f.Turn != 1 {
		t.Errorf("row %+v, event %+v", u, f)
	}
	s.results <- asr.Result{Kind: asr.Gap, Start: 2 * time.Second, End: 3 * time.Second, Reason: "worker lost"}
	if g := h.event("transcript.gap").Data.(GapItem); g.Reason != "worker lost" || g.EndMS-g.StartMS != 1000 {
		t.Errorf("gap %+v", g)
	}
	s.mu.Lock()
	s.atEnd = []asr.Result{final("bye", 4*time.Second, 5*time.Second)}
	s.mu.Unlock()
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	u, r := h.words(c.id), h.get(c)
	if len(u) != 3 || !u[1].Gap || u[2].Text != "bye" {
		t.Errorf("words %+v", u)
	}
	if r.State != StateEnded || r.Cause != CauseCallerHangup || r.Transcription[SideCaller] != TranscriptionDone || r.Recording.State != RecordingKept {
		t.Errorf("record %+v", r)
	}
}

func TestFullWorkersAreCaughtUpAfterwards(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	h.speech.refuse = asr.ErrFull
	c, _ := h.call(nil)
	waitFor(t, func() bool { s := c.snap.Load(); return s.Transcription[SideCaller] == TranscriptionDeferred })
	time.Sleep(100 * time.Millisecond) // some sound
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	s := h.stream()
	if !s.cfg.Batch || s.cfg.Call != c.id {
		t.Errorf("stream %+v", s.cfg)
	}
	waitFor(t, func() bool { return h.get(c).Transcription[SideCaller] == TranscriptionDone })
	u := h.words(c.id)
	if len(u) != 1 || !u[0].Late || u[0].Text != "said before" || s.heard() < 3 {
		t.Errorf("words %+v after %d frames", u, s.heard())
	}
}

func TestLostStreamIsOpenedAgain(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	c, _ := h.call(nil)
	first := h.stream()
	first.results <- final("one", 0, time.Second)
	h.event("transcript.final")
	first.Finish() // the worker is gone
	second := h.stream()
	waitFor(t, func() bool { return second.heard() > 0 })
	second.results <- final("two", 0, time.Second)
	h.event("transcript.final")
	if u := h.words(c.id); len(u) != 3 || !u[1].Gap || u[1].End-u[1].Start < reopenAfter/2 || u[2].Seq != 3 || u[2].Start < u[1].End-40*time.Millisecond || u[2].Model != "fake" {
		t.Errorf("words %+v", u)
	}
}

func TestPanicEndsOneCallOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	other, _ := h.call(nil)
	h.stream()
	bad, d := h.call(&dialog{answer: func(context.Context) error { panic("broken dialog") }})
	<-bad.left
	if r := h.get(bad); r.Cause != CauseError || h.m.Stats().Failed != 1 {
		t.Errorf("record %+v, stats %+v", r, h.m.Stats())
	}
	if len(d.hangups)+len(d.rejects) != 1 {
		t.Errorf("other side was told %v %v", d.hangups, d.rejects)
	}
	if live := h.m.Live(); len(live) != 1 || live[0].ID != other.id {
		t.Errorf("live %+v", live)
	}
}

func TestCallsGoOnWhileTheDatabaseIsStopped(t *testing.T) {
	cfg := pgtest.Private(t)
	cluster := pg.NewCluster(cfg, quiet())
	if err := cluster.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() }) // the one that runs then, after the house
	db, err := pg.Open(context.Background(), pg.Config{URL: cluster.DSN("")}, quiet())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	h := newHouse(t, db, nil)
	c, _ := h.call(nil)
	s := h.stream()
	s.results <- final("before", 0, time.Second)
	h.event("transcript.final")
	if err := cluster.Close(); err != nil {
		t.Fatal(err)
	}
	s.results <- final("during", time.Second, 2*time.Second)
	h.event("transcript.final") // is safe in the journal
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	<-c.left
	late, _ := h.call(nil)
	h.stream().results <- final("another", 0, time.Second)
	h.event("transcript.final")
	late.RemoteHangup(CauseCallerHangup)
	<-late.left
	cluster = pg.NewCluster(cfg, quiet())
	if err := cluster.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { return h.m.writer.pending() == 0 })
	u := h.words(c.id)
	if len(u) != 2 || u[1].Text != "during" {
		t.Errorf("words %+v", u)
	}
	page, err := h.store.List(context.Background(), Filter{State: StateEnded})
	if err != nil || len(page.Items) != 2 {
		t.Errorf("ended calls %+v, %v", page.Items, err)
	}
	if st := h.m.Stats().Writer; st.Lost+st.Rejected+st.JournalErrors != 0 {
		t.Errorf("writer %+v", st)
	}
}

// TestKilledServerLeavesNothingUnfinished plays kill -9: the second Manager finds
// the first one's rows, journal and recording as they are in the middle of a call.
func TestKilledServerLeavesNothingUnfinished(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	h := newHouse(t, db, nil)
	c, _ := h.call(nil)
	s := h.stream()
	s.results <- final("kept", 0, 700*time.Millisecond)
	h.event("transcript.final")
	part := filepath.Join(h.dir, "rec", c.started(), c.id+".wav.part")
	waitFor(t, func() bool { st, err := os.Stat(part); return err == nil && st.Size() > 16000 })
	after := t.TempDir()
	copyTree(t, h.dir, after)
	line, _ := encodeLine(&entry{Utterance: &Utterance{CallID: c.id, Side: SideCaller, Seq: 2, Text: "journal", Start: time.Second, End: 2 * time.Second}})
	if err := os.WriteFile(filepath.Join(after, "journal", "calls-9.log"), line, 0o600); err != nil {
		t.Fatal(err)
	}
	second := newHouse(t, db, func(cfg *Config) {
		cfg.Recording.Dir, cfg.Journal.Dir = filepath.Join(after, "rec"), filepath.Join(after, "journal")
	})
	r := second.get(c)
	if r.State != StateEnded || r.Cause != CauseRestart || r.Recording.State != RecordingKept || r.Recording.Duration < 500*time.Millisecond {
		t.Errorf("record %+v", r)
	}
	if d := r.Duration(); d < r.Recording.Duration || d > 10*time.Second {
		t.Errorf("duration %v, recording %v", d, r.Recording.Duration)
	}
	if u := second.words(c.id); len(u) != 2 || u[1].Text != "journal" {
		t.Errorf("words %+v", u)
	}
	pcm, err := audio.ReadWAVChannels(second.m.RecordingPath(r.Recording), 8000, 2)
	if err != nil || len(pcm[0]) < 4000 {
		t.Errorf("recording: %v", err)
	}
	legs, err := h.store.Legs(context.Background(), c.id)
	if err != nil || len(legs) != 1 || legs[0].Cause != CauseRestart {
		t.Errorf("legs %+v, %v", legs, err)
	}
}

// started is the folder of the call's recording.
func (c *Call) started() string { return time.Now().UTC().Format("2006/01/02") }

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

func TestTurnsCountChangesOfSpeaker(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	c, _ := h.call(nil)
	h.stream()
	var turns []int
	for i, side := range []string{SideCaller, SideCaller, SideAgent, SideCaller, SideAgent, SideAgent} {
		u := &Utterance{CallID: c.id, Side: side, Text: "x", Start: time.Duration(i) * time.Second, End: time.Duration(i+1) * time.Second}
		c.post(func() { c.keep(u) })
		turns = append(turns, h.event("transcript.final").Data.(TranscriptItem).Turn)
	}
	if want := []int{1, 1, 2, 3, 4, 4}; !slices.Equal(turns, want) {
		t.Errorf("turns %v, want %v", turns, want)
	}
}

func TestSameKeyByTwoWaysCountsOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, pgtest.New(t), nil)
	c, _ := h.call(nil)
	h.stream()
	now := time.Now()
	for _, d := range []media.Digit{
		{Key: '5', Source: "rfc4733", At: now}, {Key: '5', Source: "info", At: now.Add(50 * time.Millisecond)}, // one press
		{Key: '5', Source: "rfc4733", At: now.Add(200 * time.Millisecond)}, // pressed again
		{Key: '6', Source: "info", At: now.Add(210 * time.Millisecond)},
	} {
		c.RemoteDigit(d)
	}
	count := 0
	for range 3 {
		count = h.event("call.dtmf").Data.(DTMFItem).Count
	}
	if count != 3 {
		t.Errorf("counted %d presses, want 3", count)
	}
}
