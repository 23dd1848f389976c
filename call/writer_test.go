package call

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/pg"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// memory is a database of records that can go away.
type memory struct {
	mu       sync.Mutex
	away     bool
	block    chan struct{}       // writes wait for it when set
	log      map[string][]string // by call, in order
	refuse   string              // text of utterances it refuses for good
	attempts int
}

func newMemory() *memory { return &memory{log: make(map[string][]string)} }

func (m *memory) write(ctx context.Context, call, what string) error {
	m.mu.Lock()
	block := m.block
	m.attempts++
	m.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return fmt.Errorf("memory: %w", pg.ErrUnavailable)
	}
	if m.refuse != "" && strings.Contains(what, m.refuse) {
		return pg.ErrConflict
	}
	m.log[call] = append(m.log[call], what)
	return nil
}

func (m *memory) setAway(away bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.away = away
}

func (m *memory) of(call string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.log[call], " ")
}

func (m *memory) Begin(ctx context.Context, r Record) error { return m.write(ctx, r.ID, "begin") }
func (m *memory) Answered(ctx context.Context, id string, _ time.Time) error {
	return m.write(ctx, id, "answered")
}
func (m *memory) Update(ctx context.Context, r Record) error { return m.write(ctx, r.ID, "update") }
func (m *memory) AddUtterance(ctx context.Context, u Utterance) (bool, error) {
	return true, m.write(ctx, u.CallID, u.Text)
}
func (m *memory) AddConsent(ctx context.Context, c ConsentRow) error {
	return m.write(ctx, c.CallID, "consent:"+c.State)
}
func (m *memory) AddReading(ctx context.Context, r TurnReading) error {
	return m.write(ctx, r.CallID, fmt.Sprint("reading", r.Seq))
}
func (m *memory) PutAlert(ctx context.Context, a Alert) error {
	return m.write(ctx, a.CallID, fmt.Sprint("alert", a.N, a.State))
}
func (m *memory) PutMood(ctx context.Context, s SideMood) error {
	return m.write(ctx, s.CallID, "mood:"+s.Side)
}
func (m *memory) PutLeg(ctx context.Context, l LegRecord) error {
	return m.write(ctx, l.CallID, fmt.Sprint("leg", l.N))
}
func (m *memory) PutMessage(ctx context.Context, msg Message) error {
	return m.write(ctx, msg.CallID, "message:"+msg.State)
}
func (m *memory) AddAnswer(ctx context.Context, a Answer) error {
	return m.write(ctx, a.CallID, fmt.Sprint("answer", a.N))
}
func (m *memory) Finish(ctx context.Context, r Record, legs []LegRecord) error {
	return m.write(ctx, r.ID, fmt.Sprintf("finish:%s:%d", r.Cause, len(legs)))
}

// startWriter is a running writer over store in dir.
func startWriter(t *testing.T, dir string, store records, queued int) *Writer {
	t.Helper()
	w := NewWriter(JournalConfig{Dir: dir, Writers: 2, MaxQueued: queued}, store, quiet())
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close(context.Background()) })
	return w
}

func say(call string, n int) *entry {
	return &entry{Utterance: &Utterance{CallID: call, Side: SideCaller, Seq: n, Text: fmt.Sprint("w", n)}}
}

// putAll puts a whole call and returns a channel that is closed when all of it is safe.
func putAll(w *Writer, call string, words int) <-chan struct{} {
	var wg sync.WaitGroup
	wg.Add(words + 2)
	w.Put(&entry{Begin: &Record{ID: call}}, wg.Done)
	for n := 1; n <= words; n++ {
		w.Put(say(call, n), wg.Done)
	}
	w.Put(&entry{Finish: &finishEntry{Record: Record{ID: call, Cause: CauseNormal}, Legs: make([]LegRecord, 1)}}, wg.Done)
	safe := make(chan struct{})
	go func() { // ends when all is safe; the test waits for it
		wg.Wait()
		close(safe)
	}()
	return safe
}

func whole(words int) string {
	out := []string{"begin"}
	for n := 1; n <= words; n++ {
		out = append(out, fmt.Sprint("w", n))
	}
	return strings.Join(append(out, "finish:normal:1"), " ")
}

func within(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal("not within 30 s: " + what)
	}
}

func TestWriterKeepsTheOrderOfEveryCall(t *testing.T) {
	m := newMemory()
	dir := t.TempDir()
	w := startWriter(t, dir, m, 0)
	var safe []<-chan struct{}
	for i := range 20 {
		safe = append(safe, putAll(w, fmt.Sprint("call", i), 30))
	}
	for i, c := range safe {
		within(t, "records", c)
		if got := m.of(fmt.Sprint("call", i)); got != whole(30) {
			t.Fatalf("call %d: %s", i, got)
		}
	}
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("journal left behind: %v", left)
	}
}

func TestWriterGoesOnWhileTheDatabaseIsAway(t *testing.T) {
	for name, queued := range map[string]int{"in memory": 4096, "on disk": 3} {
		t.Run(name, func(t *testing.T) {
			m := newMemory()
			m.setAway(true)
			w := startWriter(t, t.TempDir(), m, queued)
			safe := putAll(w, "a", 50)
			within(t, "records safe in the journal", safe)
			st := w.Stats()
			if !st.Away || st.Queued+st.OnDisk != 52 || st.Lost != 0 || m.of("a") != "" {
				t.Fatalf("stats %+v, database %q", st, m.of("a"))
			}
			if queued == 3 && st.OnDisk == 0 {
				t.Error("nothing waits on disk only")
			}
			m.setAway(false)
			waitFor(t, func() bool { return w.pending() == 0 })
			if got := m.of("a"); got != whole(50) {
				t.Errorf("afterwards: %s", got)
			}
			if w.Stats().Away {
				t.Error("still away")
			}
		})
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second) // patience, for a machine under load
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatal("not within 30 s")
		}
		time.Sleep(time.Millisecond)
	}
}

// TestKilledWriterLosesNothing plays a kill: the journal files are taken as they
// are on disk at that moment, with no farewell from the writer.
func TestKilledWriterLosesNothing(t *testing.T) {
	m := newMemory()
	m.setAway(true)
	dir, after := t.TempDir(), t.TempDir()
	w := startWriter(t, dir, m, 5)
	within(t, "safe", putAll(w, "a", 40))
	within(t, "safe", putAll(w, "b", 7))
	copyFiles(t, dir, after)
	m.setAway(false)
	again := newMemory()
	startWriter(t, after, again, 5)
	if again.of("a") != whole(40) || again.of("b") != whole(7) {
		t.Errorf("after the restart: %q, %q", again.of("a"), again.of("b"))
	}
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(from, "*"))
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err == nil {
			err = os.WriteFile(filepath.Join(to, filepath.Base(p)), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTornLastLineIsSkipped(t *testing.T) {
	dir := t.TempDir()
	var b []byte
	for n := 1; n <= 3; n++ {
		line, err := encodeLine(say("a", n))
		if err != nil {
			t.Fatal(err)
		}
		b = append(b, line...)
	}
	b = b[:len(b)-5]
	if err := os.WriteFile(filepath.Join(dir, "calls-7.log"), b, 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	startWriter(t, dir, m, 0)
	if got := m.of("a"); got != "w1 w2" {
		t.Errorf("replayed %q", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "calls-7.log")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("replayed file still there: %v", err)
	}
}

func TestReplayKeepsTheFileWhenTheDatabaseIsAway(t *testing.T) {
	dir := t.TempDir()
	line, _ := encodeLine(say("a", 1))
	path := filepath.Join(dir, "calls-0.log")
	if err := os.WriteFile(path, line, 0o600); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	m.setAway(true)
	w := NewWriter(JournalConfig{Dir: dir}, m, quiet())
	if err := w.Start(context.Background()); !errors.Is(err, pg.ErrUnavailable) {
		t.Fatalf("start: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Error("the journal is gone")
	}
}

func TestRefusedRecordIsKeptAside(t *testing.T) {
	m := newMemory()
	m.refuse = "w2"
	dir := t.TempDir()
	w := startWriter(t, dir, m, 0)
	within(t, "safe", putAll(w, "a", 3))
	if got := m.of("a"); got != "begin w1 w3 finish:normal:1" {
		t.Errorf("written %q", got)
	}
	b, err := os.ReadFile(filepath.Join(dir, "rejected.log"))
	if err != nil || !strings.Contains(string(b), `"w2"`) || w.Stats().Rejected != 1 {
		t.Errorf("rejected.log %q, %v, %+v", b, err, w.Stats())
	}
}

func TestJournalIsEmptiedWhenAllIsWritten(t *testing.T) {
	m := newMemory()
	dir := t.TempDir()
	w := startWriter(t, dir, m, 0)
	within(t, "safe", putAll(w, "a", 2000))
	waitFor(t, func() bool { return w.pending() == 0 })
	paths, _ := filepath.Glob(filepath.Join(dir, "calls-*.log"))
	for _, p := range paths {
		if st, err := os.Stat(p); err != nil || st.Size() > emptyAt+1024 {
			t.Errorf("%s: %v, %v", p, st.Size(), err)
		}
	}
}

func TestCloseWhileAwayLeavesTheJournal(t *testing.T) {
	m := newMemory()
	m.setAway(true)
	dir := t.TempDir()
	w := NewWriter(JournalConfig{Dir: dir, Writers: 1}, m, quiet())
	if err := w.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	within(t, "safe", putAll(w, "a", 2))
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	m.setAway(false)
	startWriter(t, dir, m, 0)
	if got := m.of("a"); got != whole(2) {
		t.Errorf("after the restart: %q", got)
	}
}

func FuzzDecodeLine(f *testing.F) {
	line, _ := encodeLine(say("a", 1))
	f.Add(line[:len(line)-1])
	f.Add([]byte("00000000 {}"))
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := decodeLine(line)
		if (e == nil) == (err == nil) {
			t.Fatalf("%v %v", e, err)
		}
	})
}
