package assist

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/bot"
	"tingxin/call"
	"tingxin/nlp/embed"
)

// called is a call that ended, with what was said by turns, the caller first.
func (h *house) called(said ...string) string {
	h.t.Helper()
	ids, err := uuid.NewV7()
	must(h.t, err)
	id := ids.String()
	begun := time.Now().Add(-time.Minute)
	must(h.t, h.calls.Finish(h.t.Context(), call.Record{ID: id, Direction: call.DirectionIn, From: "+8613800138000", Language: "en", StartedAt: begun, AnsweredAt: begun, EndedAt: time.Now(), Agent: "mei", Cause: call.CauseCallerHangup}, nil))
	for i, text := range said {
		side := []string{call.SideCaller, call.SideAgent}[i%2]
		_, err := h.calls.AddUtterance(h.t.Context(), call.Utterance{CallID: id, Side: side, Seq: i + 1, Start: time.Duration(i) * time.Second, End: time.Duration(i)*time.Second + 900*time.Millisecond, Text: text})
		must(h.t, err)
	}
	return id
}

func (h *house) disposition(code, name string) {
	h.t.Helper()
	must(h.t, h.db.Tx(h.t.Context(), func(tx pgx.Tx) error {
		return h.calls.PutDisposition(h.t.Context(), tx, call.Disposition{Code: code, NameZH: name, NameEN: name})
	}))
}

func TestWrapUpIsProposed(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.disposition("refund_asked", "Refund")
	h.disposition("resolved_now", "Resolved")
	h.disposition("complaint", "Complaint")
	id := h.called("My kettle is broken and I want my money back.", "I am sorry about that.", "It leaks all over the table. Please refund it.", "We will refund it today and get back to you tomorrow.", "thank you")
	sub := Subject{OfCall, id}
	p, err := h.Propose(t.Context(), sub)
	must(t, err)
	if p.By != "words" || len(p.Dispositions) < 2 || p.Dispositions[0].Code != "refund_asked" || len(p.Summary) != 3 || p.Summary[2] != "We will refund it today and get back to you tomorrow." {
		t.Errorf("%+v", p)
	}
	if fmt.Sprint(p.Tags) != "[refund fault]" || p.FollowUpAt == nil || !p.FollowUpAt.After(time.Now()) {
		t.Errorf("%+v %v", p.Tags, p.FollowUpAt)
	}
	// The guess is a row, and what the agent chose a label on it.
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return h.Store().LabelWrapUp(t.Context(), tx, id, "resolved_now", "mei")
	}))
	if n := h.count(`select count(*)::int from predictions p join labels l on l.prediction_id = p.id where p.object_id = $1 and p.value = 'refund_asked' and l.value = 'resolved_now'`, id); n != 1 {
		t.Errorf("%d labels", n)
	}
	// After the call the third card is the outcome.
	if b := h.look(sub); b.Do == nil || b.Do.Action != SetDisposition || b.Do.Method != "PUT" || b.Do.Body["disposition"] != "refund_asked" {
		t.Errorf("%+v", b.Do)
	}
}

func TestOutcomesAreLearntFromPastWrapUps(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.disposition("a", "Alpha")
	h.disposition("b", "Beta")
	for i := range 70 {
		code, text := "a", fmt.Sprintf("the parcel came late again number %d", i)
		if i%2 == 1 {
			code, text = "b", fmt.Sprintf("invoice with company name wrong number %d", i)
		}
		id := h.called(text, "all right")
		must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
			_, err := h.calls.PutWrapUp(t.Context(), tx, call.WrapUp{CallID: id, By: "mei", Disposition: code})
			return err
		}))
	}
	_, err := h.Learn(t.Context(), "")
	must(t, err)
	p, err := h.Propose(t.Context(), Subject{OfCall, h.called("my parcel came late", "all right")})
	must(t, err)
	if p.By != "model" || len(p.Dispositions) != 2 || p.Dispositions[0].Code != "a" || p.Dispositions[0].P < 0.7 {
		t.Errorf("%+v", p)
	}
	if m := h.outcomes.Load().langs["en"]; m.accuracy < 0.9 {
		t.Errorf("held-out accuracy %v", m.accuracy)
	}
}

// lazy is a bag whose vectors in the background come when it is let go.
type lazy struct {
	bag
	begun, free chan struct{}
	once        *sync.Once
}

func (m lazy) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	m.once.Do(func() { close(m.begun) })
	select {
	case <-m.free:
	case <-ctx.Done():
		return embed.Vectors{}, context.Cause(ctx)
	}
	return m.bag.EmbedLater(ctx, lang, text)
}

// Words propose while a model is learnt beside, which is seen when it is whole.
func TestAProposalDoesNotWaitForLearning(t *testing.T) {
	t.Parallel()
	m := lazy{begun: make(chan struct{}), free: make(chan struct{}), once: new(sync.Once)}
	h := openWith(t, func(p *Parts) { p.Embed = m })
	h.disposition("refund", "Refund")
	h.disposition("complaint", "Complaint")
	for i := range 2 * enoughWrapUps {
		id := h.called(fmt.Sprintf("%s number %d", []string{"please refund it", "I complain"}[i%2], i), "all right")
		must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
			_, err := h.calls.PutWrapUp(t.Context(), tx, call.WrapUp{CallID: id, By: "mei", Disposition: []string{"refund", "complaint"}[i%2]})
			return err
		}))
	}
	sub := Subject{OfCall, h.called("please refund it", "all right")}
	ask := func() Proposal {
		p, err := h.Propose(t.Context(), sub)
		must(t, err)
		return p
	}
	if p := ask(); p.By != "words" {
		t.Errorf("%+v", p)
	}
	<-m.begun
	if p := ask(); p.By != "words" || h.outcomes.Load() != nil {
		t.Errorf("while it is learnt: %+v", p)
	}
	close(m.free)
	done, err := h.alone(t.Context()) // when the other has ended
	must(t, err)
	done()
	if p := ask(); p.By != "model" {
		t.Errorf("learnt: %+v", p)
	}
}

// Numbers and days are those of the house.
func TestValuesAreReadAsTheHouseWritesThem(t *testing.T) {
	t.Parallel()
	h := open(t)
	engine, err := bot.New(bot.Config{KeyFile: filepath.Join(t.TempDir(), "bot.key"), Zone: "Asia/Shanghai"}, bot.Parts{DB: h.db, Knowledge: bot.Articles{Service: h.parts.Articles}}, slog.New(slog.DiscardHandler))
	must(t, err)
	policy := bot.DefaultPolicy()
	policy.Patterns.Order = `\b(kt/[0-9]{3})\b`
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return engine.Store().PutPolicy(t.Context(), tx, policy, "li") }))
	parts := h.parts
	parts.Bot = engine
	s, err := New(Config{}, parts, slog.New(slog.DiscardHandler))
	must(t, err)
	now := time.Date(2026, 7, 1, 20, 0, 0, 0, time.UTC) // the second of July in Shanghai
	talk := &Talk{Subject: Subject{OfTicket, "1"}, Lines: []Line{{1, Customer, "it is KT/123", now}, {2, Agent, "We get back to you tomorrow", now}}}
	slots, err := s.slots(t.Context(), talk)
	if err != nil || len(slots) != 1 || slots[0] != (Slot{"order", "KT/123"}) {
		t.Errorf("%+v %v", slots, err)
	}
	if at := s.promised(t.Context(), talk); at == nil || !at.Equal(time.Date(2026, 7, 3, 1, 0, 0, 0, time.UTC)) {
		t.Errorf("%v", at)
	}
}
