package chat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/chat"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestOneMessageIsStoredOnce(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	var wg sync.WaitGroup
	ids := make(chan chat.MessageID, 200)
	for range 8 { // the same forty, eight times at once
		wg.Go(func() {
			for i := range 20 {
				m, err := h.Receive(ctx, chat.Inbound{Channel: "wire", User: fmt.Sprint("u", i%2), ExternalID: fmt.Sprint("m", i), Text: fmt.Sprint("text ", i)})
				if err != nil {
					t.Error(err)
				}
				ids <- m.ID
			}
		})
	}
	wg.Wait()
	close(ids)
	seen := map[chat.MessageID]int{}
	for id := range ids {
		seen[id]++
	}
	if len(seen) != 20 {
		t.Errorf("%d messages stored, want 20", len(seen))
	}
	conversations := map[chat.ID][]int64{}
	for id := range seen {
		m, err := h.Message(ctx, id)
		must(t, err)
		conversations[m.Conversation] = append(conversations[m.Conversation], m.Seq)
	}
	if len(conversations) != 2 {
		t.Errorf("%d conversations, want 2", len(conversations))
	}
	for id, seqs := range conversations {
		all := h.thread(id)
		for i, m := range all {
			if m.Seq != int64(i+1) {
				t.Errorf("conversation %d: seq %d at place %d", id, m.Seq, i+1)
			}
		}
		if len(seqs) != 10 {
			t.Errorf("conversation %d has %d messages", id, len(seqs))
		}
	}
	if st := h.Stats(); st.Received != 20 || st.Repeated != 140 {
		t.Errorf("stats %+v", st)
	}
}

func TestTheSendersOwnIDCountsToo(t *testing.T) {
	h := open(t)
	in := chat.Inbound{Channel: "wire", User: "anna", ExternalID: "e1", ClientID: "c1", Text: "hi"}
	one, err := h.Receive(t.Context(), in)
	must(t, err)
	in.ExternalID = "e2"
	two, err := h.Receive(t.Context(), in)
	must(t, err)
	if one.ID != two.ID || one.Seq != two.Seq {
		t.Errorf("%+v\n%+v", one, two)
	}
	d := chat.Draft{Conversation: one.Conversation, Author: chat.Author{Kind: chat.Bot}, Text: "hello", ClientID: "d1"}
	a, err := h.Send(t.Context(), d)
	must(t, err)
	b, err := h.Send(t.Context(), d)
	must(t, err)
	if a.ID != b.ID {
		t.Errorf("sent twice: %d %d", a.ID, b.ID)
	}
	eventually(t, "it arrives", func() bool { return len(h.wire.arrived()) > 0 })
	time.Sleep(200 * time.Millisecond)
	if got := h.wire.arrived(); !slices.Equal(got, []string{"anna: hello"}) {
		t.Error(got)
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	h := open(t)
	for name, in := range map[string]chat.Inbound{
		"empty":      {Channel: "wire", User: "a", ExternalID: "1", Text: "  \n"},
		"nothing":    {Channel: "wire", User: "a", ExternalID: "1", Text: "\x00"}, // as empty once it is stored
		"no user":    {Channel: "wire", ExternalID: "1", Text: "x"},
		"no id":      {Channel: "wire", User: "a", Text: "x"},
		"long":       {Channel: "wire", User: "a", ExternalID: "1", Text: strings.Repeat("长", chat.MaxText/3+1)},
		"long id":    {Channel: "wire", User: "a", ExternalID: strings.Repeat("1", 300), Text: "x"},
		"note":       {Channel: "wire", User: "a", ExternalID: "1", Kind: chat.Note, Text: "x"},
		"ghost file": {Channel: "wire", User: "a", ExternalID: "1", Text: "x", Files: []string{"nothing"}},
	} {
		if _, err := h.Receive(t.Context(), in); !errors.Is(err, chat.ErrBad) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := h.Receive(t.Context(), chat.Inbound{Channel: "smoke", User: "a", ExternalID: "1", Text: "x"}); !errors.Is(err, chat.ErrNoChannel) {
		t.Error(err)
	}
	n, err := pg.Row(t.Context(), h.db, scanInt, `select count(*) from conversations`)
	if err != nil || n != 0 {
		t.Errorf("%d conversations of bad messages, %v", n, err)
	}
	m := h.write("anna", "z", "a\x00b\xffc")
	if m.Text != "ab\uFFFDc" {
		t.Errorf("%q", m.Text)
	}
}

func TestOutboxKeepsOrderOverRetries(t *testing.T) {
	h := open(t, func(h *house, _ *chat.Config) {
		h.wire.answer = []chat.Result{{Outcome: chat.Retry}}
	})
	c := h.write("anna", "1", "hi").Conversation
	for i := range 5 {
		_, err := h.Send(t.Context(), chat.Draft{Conversation: c, Author: chat.Author{Kind: chat.Bot}, Text: fmt.Sprint("answer ", i)})
		must(t, err)
	}
	eventually(t, "all arrive", func() bool { return len(h.wire.arrived()) == 5 })
	want := []string{"anna: answer 0", "anna: answer 1", "anna: answer 2", "anna: answer 3", "anna: answer 4"}
	if got := h.wire.arrived(); !slices.Equal(got, want) || len(h.wire.wrong) > 0 {
		t.Errorf("%v %v", got, h.wire.wrong)
	}
	if st := h.Stats(); st.Retried != 1 || st.SentOut != 5 {
		t.Errorf("%+v", st)
	}
}

func TestWhatCannotBeSentIsADeadLetter(t *testing.T) {
	h := open(t, func(h *house, _ *chat.Config) {
		h.wire.answer = []chat.Result{{Outcome: chat.Refused, Reason: "blocked"}, {Outcome: chat.Doubtful}}
	})
	c := h.write("anna", "1", "hi").Conversation
	var ids []chat.MessageID
	for i := range 3 {
		m, err := h.Send(t.Context(), chat.Draft{Conversation: c, Author: chat.Author{Kind: chat.Bot}, Text: fmt.Sprint("answer ", i)})
		must(t, err)
		ids = append(ids, m.ID)
	}
	eventually(t, "the third arrives", func() bool { return len(h.wire.arrived()) == 1 })
	var dead []chat.DeadLetter
	eventually(t, "two dead letters", func() bool {
		var err error
		dead, err = h.DeadLetters(t.Context(), 10)
		must(t, err)
		return len(dead) == 2
	})
	if dead[1].Reason != "blocked" || dead[1].State != chat.Failed || dead[0].State != chat.Unconfirmed || dead[0].Message != ids[1] {
		t.Errorf("%+v", dead)
	}
	must(t, h.Resend(t.Context(), ids[0]))
	eventually(t, "it arrives now", func() bool { return len(h.wire.arrived()) == 2 })
	if err := h.Resend(t.Context(), ids[2]); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("what was sent cannot be sent again: %v", err)
	}
}

func TestInterruptedSendIsNotRepeatedBlindly(t *testing.T) {
	h := open(t)
	c := h.write("anna", "1", "hi").Conversation
	h.wire.mu.Lock()
	h.wire.block = make(chan struct{})
	h.wire.mu.Unlock()
	m, err := h.Send(t.Context(), chat.Draft{Conversation: c, Author: chat.Author{Kind: chat.Bot}, Text: "once"})
	must(t, err)
	eventually(t, "it is being sent", func() bool { h.wire.mu.Lock(); defer h.wire.mu.Unlock(); return len(h.wire.tries) == 1 })
	// The server dies: nobody comes back, the claim runs out.
	_, err = h.db.Exec(t.Context(), `update outbound set claimed_until = now() - interval '1 hour' where message_id = $1`, m.ID)
	must(t, err)
	other := openWith(t, h.db, "two")
	must(t, other.Empty(t.Context(), c))
	got, err := h.Message(t.Context(), m.ID)
	must(t, err)
	if got.State != chat.Unconfirmed || len(other.wire.arrived()) != 0 {
		t.Errorf("state %s, other server sent %v", got.State, other.wire.arrived())
	}
	close(h.wire.block)
}

func TestHookSeesEveryMessageInOrderAtLeastOnce(t *testing.T) {
	var mu sync.Mutex
	seen := map[chat.ID][]string{}
	calls := 0
	h := open(t, func(h *house, _ *chat.Config) {
		if h.Service == nil {
			return
		}
		h.OnInbound(func(_ context.Context, c chat.Conversation, m chat.Message) error {
			mu.Lock()
			defer mu.Unlock()
			calls++
			switch {
			case calls == 2:
				return errors.New("the model is away")
			case calls == 5:
				panic("the bot fell over")
			}
			seen[c.ID] = append(seen[c.ID], m.Text)
			return nil
		})
	})
	want := map[chat.ID][]string{}
	for i := range 12 {
		m := h.write(fmt.Sprint("u", i%3), fmt.Sprint("m", i), fmt.Sprint("text ", i))
		want[m.Conversation] = append(want[m.Conversation], m.Text)
	}
	eventually(t, "all are seen", func() bool {
		mu.Lock()
		defer mu.Unlock()
		n := 0
		for _, texts := range seen {
			n += len(texts)
		}
		return n == 12
	})
	mu.Lock()
	defer mu.Unlock()
	for id, texts := range want {
		if !slices.Equal(seen[id], texts) {
			t.Errorf("conversation %d: %v, want %v", id, seen[id], texts)
		}
	}
}

func TestBotThatFailsForGoodHandsOver(t *testing.T) {
	h := open(t, func(h *house, _ *chat.Config) {
		if h.Service != nil {
			h.OnInbound(func(context.Context, chat.Conversation, chat.Message) error { return errors.New("broken") })
		}
	})
	m := h.write("anna", "1", "help")
	eventually(t, "an agent's queue has it", func() bool {
		h.ahead.Add(int64(time.Second)) // nobody waits for the real back-off
		return h.conversation(m.Conversation).Handler == chat.ByQueue
	})
	if c := h.conversation(m.Conversation); c.Queue != "support" || !strings.Contains(string(c.Packet), "bot_failed") {
		t.Errorf("%+v", c)
	}
}

func TestHandOverIsTriedUntilTheQueueTakesIt(t *testing.T) {
	h := open(t, func(h *house, _ *chat.Config) {
		h.desk.fail = 1
		if h.Service != nil {
			h.OnInbound(func(context.Context, chat.Conversation, chat.Message) error { return nil })
		}
	})
	m := h.write("anna", "1", "人工")
	must(t, h.HandOver(t.Context(), m.Conversation, "returns", json.RawMessage(`{"reason":"asked"}`)))
	eventually(t, "the sweep puts it there", func() bool { return len(h.desk.entries()) > 0 })
	must(t, h.HandOver(t.Context(), m.Conversation, "returns", nil)) // twice is fine
	if got := h.desk.entries()[0]; got != "enqueue "+m.Conversation.WorkID()+" returns" || h.desk.waits[m.Conversation.WorkID()] != `{"reason": "asked"}` {
		t.Errorf("%v %v", h.desk.entries(), h.desk.waits)
	}
	anna := h.agent("li")
	must(t, h.Taken(t.Context(), m.Conversation, anna.User))
	if c := h.conversation(m.Conversation); c.Handler != chat.ByAgent || *c.Assignee != anna.User {
		t.Errorf("%+v", c)
	}
	must(t, h.Returned(t.Context(), m.Conversation, "unanswered"))
	if c := h.conversation(m.Conversation); c.Handler != chat.ByQueue || c.Assignee != nil || *c.WasWith != anna.User {
		t.Errorf("%+v", c)
	}
}

func TestWithoutABotTheQueueGetsIt(t *testing.T) {
	h := open(t)
	m := h.write("anna", "1", "hello")
	eventually(t, "it is queued", func() bool { return slices.Contains(h.desk.entries(), "enqueue "+m.Conversation.WorkID()+" support") })
	li := h.agent("li")
	_, err := h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Text: "good day"})
	must(t, err)
	c := h.conversation(m.Conversation)
	if c.Assignee == nil || *c.Assignee != li.User || c.Handler != chat.ByAgent || c.FirstHumanAt == nil || c.WaitingSince != nil {
		t.Errorf("replying did not assign: %+v", c)
	}
	work := m.Conversation.WorkID()
	for _, want := range []string{fmt.Sprintf("taken %s %d", work, li.User), "turn customer " + work} {
		if !slices.Contains(h.desk.entries(), want) {
			t.Errorf("queue not told %q: %v", want, h.desk.entries())
		}
	}
	h.write("anna", "2", "and another thing")
	eventually(t, "the queue hears whose turn it is", func() bool { return slices.Contains(h.desk.entries(), "turn us "+work) })
}

func TestReplyThatCrossesAnotherIsRefused(t *testing.T) {
	h := open(t)
	m := h.write("anna", "1", "hello")
	li, wu := h.agent("li"), h.agent("wu")
	_, err := h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Text: "I look", Seen: m.ID})
	must(t, err)
	_, err = h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: wu, Text: "I look too", Seen: m.ID})
	newer := new(chat.NewerError)
	if !errors.As(err, &newer) || len(newer.Newer) != 1 || newer.Newer[0].Text != "I look" {
		t.Fatalf("%v", err)
	}
	if _, err = h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: wu, Text: "seen it", Seen: newer.Newer[0].ID}); err != nil {
		t.Error(err)
	}
	if _, err = h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: wu, Kind: chat.Note, Text: "a note crosses nothing", Seen: m.ID}); err != nil {
		t.Error(err)
	}
}

func TestANoteNeverLeaves(t *testing.T) {
	h := open(t)
	m := h.write("anna", "1", "hello")
	li, wu := h.agent("li"), h.agent("wu")
	note, err := h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Kind: chat.Note, Text: "angry customer", Mentions: []int64{wu.User}})
	must(t, err)
	if note.State != chat.Stored || note.Direction != chat.None {
		t.Errorf("%+v", note)
	}
	n, err := pg.Row(t.Context(), h.db, scanInt, `select count(*) from outbound`)
	if err != nil || n != 0 {
		t.Errorf("%d in the outbox, %v", n, err)
	}
	seen, err := h.Visible(t.Context(), m.Conversation, 0, 100)
	must(t, err)
	for _, m := range seen {
		if m.Kind == chat.Note {
			t.Error("the customer can see a note")
		}
	}
	if c := h.conversation(m.Conversation); c.Assignee != nil {
		t.Error("a note took the conversation")
	}
}

func TestCloseReopenSnooze(t *testing.T) {
	h := open(t)
	m := h.write("anna", "1", "hello")
	li := h.agent("li")
	id := m.Conversation
	must(t, h.Assign(t.Context(), id, li.User, li))
	must(t, h.Snooze(t.Context(), id, time.Now().Add(time.Hour), li))
	if c := h.conversation(id); c.State != chat.Snoozed {
		t.Errorf("%+v", c)
	}
	h.write("anna", "2", "still there?")
	if c := h.conversation(id); c.State != chat.Open || c.SnoozedUntil != nil || *c.Assignee != li.User {
		t.Errorf("the customer's message does not wake it: %+v", c)
	}
	must(t, h.Snooze(t.Context(), id, time.Now().Add(time.Hour), li))
	h.ahead.Store(int64(61 * time.Minute))
	eventually(t, "it wakes", func() bool { return h.conversation(id).State == chat.Open })
	must(t, h.CloseConversation(t.Context(), id, li))
	if err := h.CloseConversation(t.Context(), id, li); !errors.Is(err, chat.ErrState) {
		t.Error(err)
	}
	if _, err := h.Send(t.Context(), chat.Draft{Conversation: id, Author: li, Text: "late"}); !errors.Is(err, chat.ErrState) {
		t.Error(err)
	}
	again := h.write("anna", "3", "one more question")
	if again.Conversation != id {
		t.Error("a new conversation so soon after the close")
	}
	eventually(t, "it waits in the queue, not with an agent who may be gone", func() bool {
		c := h.conversation(id)
		return c.State == chat.Open && c.Handler == chat.ByQueue && c.Assignee == nil && c.WasWith != nil && *c.WasWith == li.User
	})
	must(t, h.CloseConversation(t.Context(), id, li))
	h.ahead.Add(int64(25 * time.Hour))
	if later := h.write("anna", "4", "next day"); later.Conversation == id {
		t.Error("the conversation of yesterday goes on")
	}
	if err := h.Reopen(t.Context(), id, li); !errors.Is(err, chat.ErrState) {
		t.Errorf("reopened beside a newer one: %v", err)
	}
}

func TestReplyWindow(t *testing.T) {
	h := open(t, func(h *house, _ *chat.Config) { h.wire.limits.Windowed = true })
	in := chat.Inbound{Channel: "wire", User: "anna", ExternalID: "1", Text: "hi", Opens: &chat.Opening{Event: "message", Quota: 3, Life: time.Hour, Human: 1, Rating: 1}}
	m, err := h.Receive(t.Context(), in)
	must(t, err)
	send := func(kind chat.AuthorKind, a chat.Author) error {
		a.Kind = kind
		_, err := h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: a, Text: "answer"})
		return err
	}
	li := h.agent("li")
	must(t, send(chat.Bot, chat.Author{}))
	window := new(chat.WindowError)
	if err := send(chat.Bot, chat.Author{}); !errors.As(err, &window) || window.Reason != "used" {
		t.Errorf("the bot used what is kept for a person: %v", err)
	}
	must(t, send(chat.Agent, li))
	if err := send(chat.Agent, li); !errors.As(err, &window) {
		t.Errorf("the rating's reply was used: %v", err)
	}
	for question, open := range map[bool]bool{false: false, true: true} {
		if r, err := h.Reach(t.Context(), m.Conversation, question); err != nil || (r.Shut == nil) != open || r.Channel != "wire" || r.Buttons {
			t.Errorf("reach of a question %v: %+v %v", question, r, err)
		}
	}
	ask := chat.Draft{Conversation: m.Conversation, Author: chat.Author{Kind: chat.System}, Text: "how was it?", Question: true}
	_, err = h.Send(t.Context(), ask)
	must(t, err)
	if _, err = h.Send(t.Context(), ask); !errors.As(err, &window) {
		t.Errorf("asked without a reply left: %v", err)
	}
	in.ExternalID = "2"
	_, err = h.Receive(t.Context(), in)
	must(t, err)
	if w, err := h.Window(t.Context(), m.Conversation); err != nil || w.Left != 3 {
		t.Errorf("a new message resets, it does not add: %+v %v", w, err)
	}
	later, err := h.Schedule(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Text: "tomorrow"}, time.Now().Add(300*time.Millisecond))
	must(t, err)
	h.ahead.Store(int64(2 * time.Hour)) // the window is over when the time comes
	eventually(t, "the scheduled one is kept with its reason", func() bool {
		all, err := h.ScheduledOf(t.Context(), m.Conversation)
		return err == nil && len(all) == 1 && all[0].ID == later.ID && all[0].State == "failed" && all[0].Reason == "window_expired"
	})
}

// The question a week later was in a thread that nobody could see: a day after its end a conversation was gone from its page.
func TestQuestionAWeekLaterKeepsItsThread(t *testing.T) {
	h := open(t)
	id := h.write("anna", "1", "hi").Conversation
	must(t, h.CloseConversation(t.Context(), id, chat.Actor{Kind: chat.System}))
	anna := chat.Person{Channel: "wire", User: "anna"}
	days := func(n int) { h.ahead.Store(int64(time.Duration(n) * 24 * time.Hour)) }
	days(8)
	if _, err := h.Current(t.Context(), anna); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("a conversation of last week goes on: %v", err)
	}
	_, err := h.Send(t.Context(), chat.Draft{Conversation: id, Author: chat.Author{Kind: chat.System}, Text: "is it solved?", Late: true})
	must(t, err)
	days(20)
	if c, err := h.Current(t.Context(), anna); err != nil || c.ID != id {
		t.Errorf("who was asked does not see it: %+v %v", c, err)
	}
	if m := h.write("anna", "2", "yes"); m.Conversation != id {
		t.Errorf("the answer stands in conversation %d", m.Conversation)
	}
	must(t, h.CloseConversation(t.Context(), id, chat.Actor{Kind: chat.System}))
	days(23)
	if m := h.write("anna", "3", "something else"); m.Conversation == id {
		t.Error("after the answer it goes on still")
	}
}

func TestScheduledMessageIsSentOnceAtItsTime(t *testing.T) {
	h := open(t)
	m := h.write("anna", "1", "hi")
	li := h.agent("li")
	_, err := h.Schedule(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Text: "later"}, time.Now().Add(300*time.Millisecond))
	must(t, err)
	gone, err := h.Schedule(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Text: "never"}, time.Now().Add(300*time.Millisecond))
	must(t, err)
	must(t, h.Unschedule(t.Context(), m.Conversation, gone.ID))
	eventually(t, "it arrives", func() bool { return slices.Equal(h.wire.arrived(), []string{"anna: later"}) })
}

func TestBodiesAreTakenOnceAndKept(t *testing.T) {
	h := open(t)
	raw := chat.Raw{Channel: "wire", ExternalID: "r1", Body: []byte("anna|m1|hello")}
	_, fresh, err := h.Take(t.Context(), raw)
	if err != nil || !fresh {
		t.Fatal(fresh, err)
	}
	_, fresh, err = h.Take(t.Context(), raw)
	if err != nil || fresh {
		t.Fatal(fresh, err)
	}
	raw.Body = []byte("anna|m1|other")
	if _, _, err = h.Take(t.Context(), raw); !errors.Is(err, chat.ErrOther) {
		t.Error(err)
	}
	bad, _, err := h.Take(t.Context(), chat.Raw{Channel: "wire", ExternalID: "r2", Body: []byte("nonsense")})
	must(t, err)
	eventually(t, "both are dealt with", func() bool {
		n, err := pg.Row(t.Context(), h.db, scanInt, `select count(*) from inbound_raw where state = 'new'`)
		return err == nil && n == 0
	})
	state, err := pg.Row(t.Context(), h.db, scanText, `select state || ' ' || reason from inbound_raw where id = $1`, bad)
	if err != nil || state != "bad no message" {
		t.Errorf("%q %v", state, err)
	}
	report, err := h.Audit(t.Context())
	must(t, err)
	if report.Raw != 1 || report.Stored != 1 || report.Shown != 1 || len(report.Faults) != 0 {
		t.Errorf("%+v", report)
	}
}

func TestAuditSeesWhatIsMissing(t *testing.T) {
	h := open(t)
	var ids []chat.MessageID
	for i := range 5 {
		ids = append(ids, h.write("anna", fmt.Sprint(i), fmt.Sprint("text ", i)).ID)
	}
	eventually(t, "nothing waits", func() bool {
		n, err := pg.Row(t.Context(), h.db, scanInt, `select count(*) from inbound_due`)
		return err == nil && n == 0
	})
	_, err := h.db.Exec(t.Context(), `delete from messages where id = $1`, ids[2])
	must(t, err)
	report, err := h.Audit(t.Context())
	must(t, err)
	if report.Raw != 5 || report.Stored != 4 || len(report.Faults) == 0 {
		t.Errorf("%+v", report)
	}
}

func TestOtherServersHear(t *testing.T) {
	db := pgtest.NewWith(t, pg.Config{MaxConns: 30})
	one, two := openWith(t, db, "one"), openWith(t, db, "two")
	m := one.write("anna", "1", "hello")
	heard := make(chan chat.Notice, 20)
	w := two.Watch(m.Conversation, func(n chat.Notice) { heard <- n })
	defer w.Close()
	time.Sleep(100 * time.Millisecond) // its LISTEN
	must(t, one.Tell(t.Context(), chat.Notice{Type: chat.Typing, Conversation: m.Conversation, On: true}))
	next := one.write("anna", "2", "again")
	for {
		select {
		case n := <-heard:
			if n.Type == chat.MessageAdded && n.Message == next.ID {
				return
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the other server was not told")
		}
	}
}

func TestPresenceExpires(t *testing.T) {
	h := open(t)
	m := h.write("anna", "1", "hi")
	li := h.agent("li")
	must(t, h.Look(t.Context(), m.Conversation, li, true))
	if v := h.Viewers(m.Conversation); len(v) != 1 || !v[0].Typing {
		t.Errorf("%+v", v)
	}
	h.ahead.Store(int64(10 * time.Second))
	if v := h.Viewers(m.Conversation); len(v) != 1 || v[0].Typing {
		t.Errorf("%+v", v)
	}
	h.ahead.Store(int64(time.Minute))
	if v := h.Viewers(m.Conversation); len(v) != 0 {
		t.Errorf("a lock that sticks: %+v", v)
	}
}

// lines is a log that several goroutines write.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// missingQueue is a queue of queues that are not there.
type missingQueue struct {
	*desk
	there atomic.Bool
	asked atomic.Int64
}

func (q *missingQueue) Enqueue(ctx context.Context, c chat.Conversation, live bool) error {
	q.asked.Add(1)
	if q.there.Load() {
		return q.desk.Enqueue(ctx, c, live)
	}
	return fmt.Errorf("%w: %s", chat.ErrNoQueue, c.Queue)
}

func TestAQueueThatIsNotThereIsToldOnce(t *testing.T) {
	q := &missingQueue{}
	var log lines
	h := open(t, func(h *house, _ *chat.Config) {
		q.desk = h.desk
		if h.Service != nil {
			h.SetQueue(q)
			h.SetLog(slog.New(slog.NewTextHandler(&log, nil)))
		}
	})
	m := h.write("anna", "1", "hello")
	eventually(t, "the sweep has come by three times", func() bool { return q.asked.Load() > 3 })
	if n := strings.Count(log.String(), chat.ErrNoQueue.Error()); n != 1 {
		t.Errorf("told %d times:\n%s", n, log.String())
	}
	q.there.Store(true)
	eventually(t, "the queue is made, and takes it", func() bool { return slices.Contains(h.desk.entries(), "enqueue "+m.Conversation.WorkID()+" support") })
}

// A run that was killed while the bot looked at a message: the next one does not wait until the claim ends.
func TestClaimsOfAKilledRunAreGivenBack(t *testing.T) {
	db := pgtest.NewWith(t, pg.Config{MaxConns: 20})
	looked := make(chan struct{}, 8)
	first := openWith(t, db, "one", func(h *house, _ *chat.Config) {
		if h.Service != nil {
			h.OnInbound(func(ctx context.Context, _ chat.Conversation, _ chat.Message) error {
				looked <- struct{}{}
				<-ctx.Done() // the run ends in the middle: its claim stays
				return ctx.Err()
			})
		}
	})
	first.write("anna", "1", "hello")
	<-looked
	must(t, first.Close())
	again := make(chan struct{}, 8)
	openWith(t, db, "one", func(h *house, _ *chat.Config) {
		if h.Service != nil {
			h.OnInbound(func(context.Context, chat.Conversation, chat.Message) error { again <- struct{}{}; return nil })
		}
	})
	select {
	case <-again:
	case <-time.After(30 * time.Second):
		t.Error("nobody looked at it for 10 s")
	}
}

func TestAuditFindsWhatReadersMissed(t *testing.T) {
	h := open(t)
	var key string
	said, shown := make([]chat.RecordLine, 3), make([]chat.RecordLine, 3)
	for i := range 3 {
		m := h.write("anna", fmt.Sprint(i), fmt.Sprint("text ", i))
		_, err := h.db.Exec(t.Context(), `update messages set client_id = $2 where id = $1`, m.ID, fmt.Sprint("c", i))
		must(t, err)
		key = h.conversation(m.Conversation).Key
		shown[i] = chat.RecordLine{Seq: m.Seq, Text: m.Text}
		said[i] = chat.RecordLine{ClientID: fmt.Sprint("c", i), Seq: m.Seq, Text: m.Text}
	}
	eventually(t, "nothing waits", func() bool {
		n, err := pg.Row(t.Context(), h.db, scanInt, `select count(*) from inbound_due`)
		return err == nil && n == 0
	})
	faults := func(r chat.Record) []string {
		t.Helper()
		r.Conv, r.Reader, r.Agent = key, "anna", true
		doc, err := json.Marshal(r)
		must(t, err)
		var report chat.AuditReport
		must(t, h.AuditRecords(t.Context(), strings.NewReader(string(doc)+"\n"), &report))
		return report.Faults
	}
	c, err := h.ByKey(t.Context(), key)
	must(t, err)
	all, err := h.Thread(t.Context(), c.ID, 0, 0, 100)
	must(t, err)
	whole := make([]chat.RecordLine, len(all))
	for i, m := range all {
		whole[i] = chat.RecordLine{Seq: m.Seq, Text: m.Text}
	}
	if f := faults(chat.Record{Said: said, Shown: whole}); len(f) != 0 {
		t.Errorf("a whole record: %v", f)
	}
	swapped := slices.Clone(said)
	swapped[0], swapped[1] = swapped[1], swapped[0]
	for name, r := range map[string]chat.Record{
		"lost":      {Said: append(slices.Clone(said), chat.RecordLine{ClientID: "c9", Seq: 99})},
		"order":     {Said: swapped},
		"not shown": {Shown: whole[1:]},
		"twice":     {Shown: append(slices.Clone(whole), whole[0])},
		"late":      {Shown: append(slices.Clone(whole[1:]), whole[0])},
		"words":     {Shown: append([]chat.RecordLine{{Seq: whole[0].Seq, Text: "others"}}, whole[1:]...)},
		"invented":  {Shown: append(slices.Clone(whole), chat.RecordLine{Seq: 77})},
	} {
		if f := faults(r); len(f) == 0 {
			t.Errorf("%s: no fault", name)
		}
	}
	var report chat.AuditReport
	if err := h.AuditRecords(t.Context(), strings.NewReader("{"), &report); err == nil {
		t.Error("a record that is no JSON is taken")
	}
}
