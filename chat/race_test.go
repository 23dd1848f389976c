package chat_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
)

// together runs acts at the same moment and returns what each was told.
func together(acts ...func() error) []error {
	told := make([]error, len(acts))
	var ready, done sync.WaitGroup
	ready.Add(len(acts))
	start := make(chan struct{})
	for i, act := range acts {
		done.Go(func() { // ends with the act
			ready.Done()
			<-start
			told[i] = act()
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return told
}

const races = 16

// order gives the acts of a round in turns, so that neither has the head start every time.
func order(round int, acts ...func() error) []func() error {
	if round%2 == 1 {
		acts[0], acts[1] = acts[1], acts[0]
	}
	return acts
}

// A reply, or what the customer writes, against a merge and against its undoing: no message is lost or doubled, each
// stands in the thread that goes on, and nobody is told a failure of the database.
func TestMergeAgainstAReply(t *testing.T) {
	t.Parallel()
	h := open(t)
	anna := h.agent("anna")
	for i := range races {
		a := h.write(fmt.Sprint("mei", i), fmt.Sprint("a", i), "first").Conversation
		b := h.write(fmt.Sprint("mei at home", i), fmt.Sprint("b", i), "second").Conversation
		from, into := a, b
		if i%4 >= 2 {
			from, into = b, a
		}
		var change int64
		reply := func(id chat.ID, text string) func() error {
			return func() error {
				_, err := h.Send(t.Context(), chat.Draft{Conversation: id, Author: anna, Text: text})
				return err
			}
		}
		writes := func(user, id string) func() error {
			return func() error {
				_, err := h.Receive(t.Context(), chat.Inbound{Channel: "wire", User: user, ExternalID: id, Text: "more"})
				return err
			}
		}
		mine := fmt.Sprint("mei", i)
		if from == b {
			mine = fmt.Sprint("mei at home", i)
		}
		acts := order(i, func() (err error) { change, err = h.Merge(t.Context(), from, into, anna); return err }, reply(from, "to the one"))
		for k, err := range together(append(acts, reply(into, "to the other"), writes(mine, fmt.Sprint("c", i)))...) {
			if err != nil {
				t.Fatalf("round %d, act %d: %v", i, k, err)
			}
		}
		texts := map[string]int{}
		for _, m := range h.thread(into) {
			if m.Kind == chat.Text {
				texts[m.Text]++
			}
		}
		if len(texts) != 5 || texts["first"] != 1 || texts["second"] != 1 || texts["more"] != 1 || texts["to the one"] != 1 || texts["to the other"] != 1 {
			t.Fatalf("round %d: the thread holds %v", i, texts)
		}
		if left := h.thread(from); len(left) != 5 && len(left) > 0 { // a merged one shows the thread that it is part of
			t.Fatalf("round %d: %d messages stayed behind", i, len(left))
		}
		acts = order(i, func() error { _, err := h.Undo(t.Context(), change, anna); return err }, reply(from, "after"))
		for k, err := range together(append(acts, writes(mine, fmt.Sprint("d", i)), reply(from, "again"))...) {
			if err != nil {
				t.Fatalf("round %d: undone, act %d: %v", i, k, err)
			}
		}
		n, err := pg.Row(t.Context(), h.db, pgx.RowTo[int], `select count(*)::int from messages where thread_id = any($1) and kind = 'text'`, []int64{int64(from), int64(into)})
		if err != nil || n != 8 {
			t.Fatalf("round %d: %d messages in both threads, %v; want 8", i, n, err)
		}
	}
}

// A merge against the close of either: what a customer waits for is never in a conversation that is over.
func TestMergeAgainstAClose(t *testing.T) {
	t.Parallel()
	h := open(t)
	anna := h.agent("anna")
	merged, refused := 0, 0
	for i := range races {
		from := h.write(fmt.Sprint("mei", i), fmt.Sprint("a", i), "first").Conversation
		into := h.write(fmt.Sprint("mei at home", i), fmt.Sprint("b", i), "second").Conversation
		closes := into
		if i%4 >= 2 {
			closes = from
		}
		acts := order(i, func() error { _, err := h.Merge(t.Context(), from, into, anna); return err }, func() error { return h.CloseConversation(t.Context(), closes, anna) })
		told := together(acts...)
		if i%2 == 1 {
			told[0], told[1] = told[1], told[0]
		}
		for _, err := range told {
			if err != nil && !errors.Is(err, chat.ErrState) {
				t.Fatalf("round %d: %v", i, err)
			}
		}
		f, to := h.conversation(from), h.conversation(into)
		if (told[0] == nil) != (f.MergedInto != nil) {
			t.Fatalf("round %d: the merge was told %v, it is merged into %v", i, told[0], f.MergedInto)
		}
		if told[0] == nil {
			merged++
		} else {
			refused++
			if f.State != chat.Open { // whoever was not merged waits on
				t.Fatalf("round %d: refused, and it is %s", i, f.State)
			}
		}
		switch {
		case closes == into && told[1] != nil, closes == into && to.State != chat.Closed:
			t.Fatalf("round %d: the close was told %v, it is %s", i, told[1], to.State)
		case closes == from && told[1] == nil && f.State != chat.Closed, closes == from && told[1] != nil && f.State != chat.Merged:
			t.Fatalf("round %d: the close was told %v, it is %s", i, told[1], f.State)
		}
		if to.State == chat.Closed && to.WaitingSince != nil {
			t.Fatalf("round %d: a customer waits in a conversation that is closed", i)
		}
	}
	t.Logf("%d merged, %d refused", merged, refused)
	if merged == 0 {
		t.Error("no merge was done, the test proves less than it says")
	}
}

// What is over takes in nothing that is not.
func TestMergeIntoAClosedOne(t *testing.T) {
	t.Parallel()
	h := open(t)
	anna := h.agent("anna")
	waits, over, old := h.write("mei", "1", "hello").Conversation, h.write("hua", "2", "hello").Conversation, h.write("lei", "3", "hello").Conversation
	for _, id := range []chat.ID{over, old} {
		if err := h.CloseConversation(t.Context(), id, anna); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Merge(t.Context(), waits, over, anna); !errors.Is(err, chat.ErrState) {
		t.Errorf("one that waits into one that is closed: %v", err)
	}
	if c := h.conversation(waits); c.State != chat.Open || c.WaitingSince == nil {
		t.Errorf("it is %s, waiting since %v", c.State, c.WaitingSince)
	}
	if _, err := h.Merge(t.Context(), old, over, anna); err != nil {
		t.Errorf("two that are closed: %v", err)
	}
}
