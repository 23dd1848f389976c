package call

import (
	"context"
	"errors"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"tingxin/emotion"
	"tingxin/pg/pgtest"
)

// fakePeople is a house with one person, who allows the voice to be read, or not.
type fakePeople struct {
	mu      sync.Mutex
	allowed bool
	kept    []byte
	asked   int // for a baseline
	numbers []string
	err     error
}

func (p *fakePeople) Person(_ context.Context, number, _ string) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers = append(p.numbers, number)
	return 7, p.err
}

func (p *fakePeople) Baseline(_ context.Context, person int64, model string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if !p.allowed || person != 7 || model != "fake-1" {
		return nil, nil
	}
	return p.kept, nil
}

func (p *fakePeople) KeepBaseline(_ context.Context, person int64, model string, norm []byte, seconds float64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.allowed && person == 7 && model == "fake-1" && seconds > 0 {
		p.kept = norm
	}
	return nil
}

func (p *fakePeople) has() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.kept
}

// learner is a fakeVoice that learns three seconds from each turn.
type learner struct {
	*fakeVoice
	norm  emotion.Baseline
	start float64 // seconds known before the first frame
	first bool
}

func (l *learner) Baseline() *emotion.Baseline { return &l.norm }

func (l *learner) EndTurn(start, end time.Duration) (emotion.Reading, bool) {
	l.mu.Lock()
	if !l.first {
		l.first, l.start = true, l.norm.Seconds()
	}
	l.norm.Learn(make([]float32, emotion.Features), 3)
	l.mu.Unlock()
	return l.fakeVoice.EndTurn(start, end)
}

// heardOnce is one call of the person with one turn.
func heardOnce(t *testing.T, h *house, v *fakeVoice, c func()) *learner {
	t.Helper()
	l := &learner{fakeVoice: v}
	h.m.parts.Emotion.Open = func() Voice { return l }
	v.mu.Lock()
	v.anger, v.frames = []float32{.1}, 0
	v.mu.Unlock()
	call, _ := h.call(nil)
	s := h.stream()
	waitFor(t, func() bool { return v.heard() > 20 })
	s.turn("hello", 0, 3*time.Second)
	h.event("emotion.reading")
	if c != nil {
		c()
	}
	s.mu.Lock()
	s.atEnd = nil
	s.mu.Unlock()
	call.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	<-call.left
	if r := h.get(call); r.Contact != 7 {
		t.Errorf("the call is of contact %d, want 7", r.Contact)
	}
	return l
}

// newPeopleHouse has a person whose number is 100.
func newPeopleHouse(t *testing.T, p *fakePeople) (*house, *fakeVoice) {
	t.Helper()
	h, v := newFeelingHouse(t, pgtest.New(t), .1)
	h.m.parts.People = p
	if _, err := h.db.Exec(t.Context(), `insert into contacts (id, root) values (7, 7)`); err != nil {
		t.Fatal(err)
	}
	return h, v
}

// A second call starts with what the first has learned of the voice.
func TestBaselineIsCarriedOverCalls(t *testing.T) {
	t.Parallel()
	p := &fakePeople{allowed: true}
	h, v := newPeopleHouse(t, p)
	if l := heardOnce(t, h, v, nil); l.start != 0 || len(p.has()) == 0 {
		t.Fatalf("the first call started with %v s, kept %d bytes", l.start, len(p.has()))
	}
	if l := heardOnce(t, h, v, nil); math.Abs(l.start-3) > 1e-9 {
		t.Errorf("the second call started with %v s, want 3", l.start)
	}
	var b emotion.Baseline
	if err := b.UnmarshalBinary(p.has()); err != nil || math.Abs(b.Seconds()-6) > 1e-9 {
		t.Errorf("kept %v s, %v, want 6", b.Seconds(), err)
	}
	if rows, err := h.store.MoodReport(t.Context(), "route", time.Now().Add(-time.Hour), time.Now().Add(time.Hour), time.UTC); err != nil || len(rows) != 1 {
		t.Errorf("%v %v", rows, err)
	}
}

// Without consent nothing is read and nothing is written.
func TestBaselineStaysWithoutConsent(t *testing.T) {
	t.Parallel()
	p := &fakePeople{}
	h, v := newPeopleHouse(t, p)
	for range 2 {
		if l := heardOnce(t, h, v, nil); l.start != 0 || p.has() != nil {
			t.Errorf("started with %v s, kept %d bytes", l.start, len(p.has()))
		}
	}
	// Who has declined is not even asked for.
	if err := h.store.AddConsent(t.Context(), ConsentRow{Contact: 7, Purpose: PurposeEmotion, State: ConsentWithdrawn, Source: "test", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	asked := p.asked
	p.mu.Unlock()
	c, _ := h.call(nil)
	h.stream()
	waitFor(t, func() bool { return h.m.Stats().Emotion.Declined == 1 })
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	<-c.left
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked != asked || p.kept != nil {
		t.Errorf("asked %d times, want %d", p.asked, asked)
	}
}

// A call is taken when nobody can say whose it is; the number outside is the one that is looked up.
func TestCallsOfNobody(t *testing.T) {
	t.Parallel()
	p := &fakePeople{err: errors.New("away")}
	h := newHouse(t, pgtest.New(t), nil)
	h.m.parts.People = p
	c, _ := h.call(nil)
	h.stream()
	c.RemoteHangup(CauseCallerHangup)
	h.event("call.ended")
	<-c.left
	if r := h.get(c); r.Contact != 0 {
		t.Errorf("contact %d", r.Contact)
	}
	if len(p.numbers) != 1 || p.numbers[0] != "100" {
		t.Errorf("looked up %v", p.numbers)
	}
	for _, tc := range []struct{ direction, user, want string }{{DirectionIn, "", "100"}, {DirectionIn, "li", ""}, {DirectionOut, "li", "200"}} {
		c.record.Direction, c.in.User = tc.direction, tc.user
		if got, _ := c.outside(); got != tc.want {
			t.Errorf("%+v: outside is %q", tc, got)
		}
	}
}

func TestErasePersonFromCalls(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	s := NewStore(db)
	ctx := t.Context()
	start := time.Now().UTC().Truncate(time.Microsecond)
	if _, err := db.Exec(ctx, `insert into contacts (id, root) values (7, 7), (8, 8)`); err != nil {
		t.Fatal(err)
	}
	numbers := []string{"+8613800138000", "8613800138000", "13800138000"}
	put := func(r Record, text string) string {
		t.Helper()
		r.ID, r.StartedAt, r.EndedAt = uuidV7(t), start, start.Add(time.Minute)
		r.Data = map[string]any{"order": "A1"}
		if r.State == StateActive {
			if err := s.Begin(ctx, r); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Finish(ctx, r, []LegRecord{{N: 1, Side: SideCaller, Peer: "192.0.2.9:4000", SIPCallID: "x"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.AddUtterance(ctx, Utterance{CallID: r.ID, Side: SideCaller, Seq: 1, Text: text, Raw: text}); err != nil {
			t.Fatal(err)
		}
		return r.ID
	}
	mine := put(Record{Direction: DirectionIn, From: "+8613800138000", FromName: "李雷", To: "4008", Contact: 7,
		Recording: Recording{Path: "2026/a.wav", State: RecordingKept, SHA256: "ab"}}, "我的电话是 13800138000 谢谢")
	byNumber := put(Record{Direction: DirectionOut, From: "4008", To: "13800138000"}, "hello")
	mention := put(Record{Direction: DirectionIn, From: "+8613900139000", FromName: "韩梅梅", To: "4008", Contact: 8}, "call him at 13800138000 please")
	other := put(Record{Direction: DirectionIn, From: "+8613900139000", FromName: "韩梅梅", To: "4008", Contact: 8}, "nothing of him")

	hits := func() map[string]int64 {
		t.Helper()
		tx, err := db.Pool().Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(ctx)
		h, err := s.PersonHits(ctx, tx, []int64{7}, numbers)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	if h := hits(); h["calls"] != 2 || h["utterances"] == 0 {
		t.Fatalf("before: %v", h)
	}
	erase := func() (map[string]int64, []string, error) {
		tx, err := db.Pool().Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		counts, files, err := s.ErasePerson(ctx, tx, []int64{7}, numbers, "/rec")
		if err != nil {
			return nil, nil, errors.Join(err, tx.Rollback(ctx))
		}
		return counts, files, tx.Commit(ctx)
	}
	running := put(Record{Direction: DirectionIn, From: "+8613800138000", To: "4008", State: StateActive, Contact: 7}, "hm")
	if _, _, err := erase(); !errors.Is(err, ErrActive) {
		t.Fatalf("while a call runs: %v", err)
	}
	if err := s.Finish(ctx, Record{ID: running, Direction: DirectionIn, From: "+8613800138000", To: "4008", StartedAt: start, EndedAt: start}, nil); err != nil {
		t.Fatal(err)
	}
	counts, files, err := erase()
	if err != nil || counts["calls"] != 3 || counts["utterances"] != 4 || len(files) != 1 || files[0] != "/rec/2026/a.wav" {
		t.Fatalf("%v %v %v", counts, files, err)
	}
	if h := hits(); h["calls"] != 0 || h["utterances"] != 0 {
		t.Errorf("after: %v", h)
	}
	r, err := s.Get(ctx, mine)
	if err != nil || r.From != "" || r.FromName != "" || r.To != "4008" || r.Contact != 0 || len(r.Data) != 0 || r.Recording.State != RecordingDeleted || r.Recording.Path != "" || r.EndedAt.IsZero() {
		t.Errorf("%+v, %v", r, err)
	}
	if r, _ := s.Get(ctx, byNumber); r.From != "4008" || r.To != "" {
		t.Errorf("%+v", r)
	}
	if words, err := s.Utterances(ctx, mention); err != nil || len(words) != 1 || words[0].Text != "call him at **** please" || words[0].Raw != "" {
		t.Errorf("%+v, %v", words, err)
	}
	if r, _ := s.Get(ctx, other); r.FromName != "韩梅梅" || r.Contact != 8 {
		t.Errorf("%+v", r)
	}
	if words, _ := s.Utterances(ctx, other); len(words) != 1 || words[0].Text != "nothing of him" {
		t.Errorf("%+v", words)
	}
	if legs, _ := s.Legs(ctx, mine); len(legs) != 1 || legs[0].Peer != "" || legs[0].SIPCallID != "" {
		t.Errorf("%+v", legs)
	}
}

func uuidV7(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}
