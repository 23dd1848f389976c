package chat_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
)

func (h *house) texts(id chat.ID) []string {
	h.t.Helper()
	out := []string{}
	for _, m := range h.thread(id) {
		if m.Kind == chat.Text {
			out = append(out, m.Text)
		}
	}
	return out
}

func TestMergeAndUndo(t *testing.T) {
	h := open(t)
	li := h.agent("li")
	a := h.write("anna", "1", "by chat").Conversation
	b := h.write("anna-mail", "2", "by mail").Conversation
	change, err := h.Merge(t.Context(), a, b, li)
	must(t, err)
	if got := h.texts(b); !slices.Equal(got, []string{"by chat", "by mail"}) && !slices.Equal(got, []string{"by mail", "by chat"}) {
		t.Errorf("%v", got)
	}
	h.write("anna", "3", "more by chat")
	if got := h.texts(b); len(got) != 3 || len(h.texts(a)) != 0 {
		t.Errorf("what comes later goes elsewhere: %v %v", got, h.texts(a))
	}
	// The answer leaves on the wire of the customer's last message.
	m, err := h.Send(t.Context(), chat.Draft{Conversation: a, Author: li, Text: "answer"})
	must(t, err)
	if m.Conversation != a || m.Thread != b {
		t.Errorf("%+v", m)
	}
	eventually(t, "it arrives at the last address", func() bool { return slices.Equal(h.wire.arrived(), []string{"anna: answer"}) })
	if _, err := h.Merge(t.Context(), a, b, li); !errors.Is(err, chat.ErrState) {
		t.Error(err)
	}
	if err := h.CloseConversation(t.Context(), a, li); !errors.Is(err, chat.ErrState) {
		t.Errorf("a merged one is closed with the other: %v", err)
	}
	_, err = h.Undo(t.Context(), change, li)
	must(t, err)
	if got := h.texts(a); !slices.Equal(got, []string{"by chat", "more by chat", "answer"}) {
		t.Errorf("%v", got)
	}
	if got := h.texts(b); !slices.Equal(got, []string{"by mail"}) {
		t.Errorf("%v", got)
	}
	if _, err := h.Undo(t.Context(), change, li); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("undone twice: %v", err)
	}
	h.write("anna", "4", "on the own wire again")
	if got := h.texts(a); len(got) != 4 {
		t.Errorf("%v", got)
	}
	report, err := h.Audit(t.Context())
	must(t, err)
	if len(report.Faults) > 0 || report.Shown != 4 {
		t.Errorf("%+v", report)
	}
}

func TestSplitAndUndo(t *testing.T) {
	h := open(t)
	li := h.agent("li")
	first := h.write("anna", "1", "where is my order")
	second := h.write("anna", "2", "and I want to complain")
	id := first.Conversation
	made, change, err := h.Split(t.Context(), id, []chat.MessageID{second.ID}, li)
	must(t, err)
	if !slices.Equal(h.texts(id), []string{"where is my order"}) || !slices.Equal(h.texts(made), []string{"and I want to complain"}) {
		t.Errorf("%v %v", h.texts(id), h.texts(made))
	}
	m, err := h.Send(t.Context(), chat.Draft{Conversation: made, Author: li, Text: "sorry"})
	must(t, err)
	if m.Conversation != id || m.Thread != made {
		t.Errorf("%+v", m)
	}
	h.write("anna", "3", "new words go to the first")
	if len(h.texts(id)) != 2 {
		t.Errorf("%v", h.texts(id))
	}
	if _, _, err := h.Split(t.Context(), id, []chat.MessageID{second.ID}, li); !errors.Is(err, chat.ErrBad) {
		t.Errorf("split a message that is not there: %v", err)
	}
	_, err = h.Undo(t.Context(), change, li)
	must(t, err)
	if got := h.texts(id); !slices.Equal(got, []string{"where is my order", "and I want to complain", "sorry", "new words go to the first"}) {
		t.Errorf("%v", got)
	}
	// What the customer sees on the wire has never changed.
	seen, err := h.Visible(t.Context(), id, 0, 100)
	must(t, err)
	for i, m := range seen {
		if i > 0 && m.Seq <= seen[i-1].Seq {
			t.Errorf("%+v", seen)
		}
	}
}

func TestListsFiltersAndCounts(t *testing.T) {
	h := open(t)
	li, wu := h.agent("li"), h.agent("wu")
	ctx := t.Context()
	must(t, h.db.Tx(ctx, func(tx pgx.Tx) error { return h.PutLabel(ctx, tx, chat.LabelInfo{Name: "退款", Color: "#ff0000"}) }))
	var ids []chat.ID
	for i := range 5 {
		ids = append(ids, h.write(fmt.Sprint("u", i), fmt.Sprint("m", i), "text").Conversation)
	}
	must(t, h.Assign(ctx, ids[0], li.User, li))
	must(t, h.Assign(ctx, ids[1], wu.User, wu))
	must(t, h.Label(ctx, ids[1], []string{"退款"}, wu))
	if err := h.Label(ctx, ids[1], []string{"unknown"}, wu); !errors.Is(err, chat.ErrBad) {
		t.Error(err)
	}
	must(t, h.CloseConversation(ctx, ids[2], li))
	_, err := h.Send(ctx, chat.Draft{Conversation: ids[3], Author: wu, Kind: chat.Note, Text: "look @li", Mentions: []int64{li.User}})
	must(t, err)
	for _, tc := range []struct {
		filter string
		want   []chat.ID
	}{
		{`{}`, ids},
		{`{"field":"assignee","op":"is","value":"me"}`, ids[:1]},
		{`{"field":"assignee","op":"is","value":"none"}`, ids[2:]},
		{`{"field":"state","op":"is","value":"closed"}`, ids[2:3]},
		{`{"field":"label","op":"has","value":"退款"}`, ids[1:2]},
		{`{"field":"mentions","op":"is","value":true}`, ids[3:4]},
		{`{"field":"followed","op":"is","value":true}`, ids[3:4]},
		{`{"not":{"field":"state","op":"is","value":"closed"}}`, []chat.ID{ids[0], ids[1], ids[3], ids[4]}},
		{`{"any":[{"field":"label","op":"any","value":["退款","x"]},{"field":"state","op":"in","value":["closed"]}]}`, ids[1:3]},
		{`{"all":[{"field":"channel","op":"is","value":"wire"},{"field":"created","op":"within","value":"1h"},{"field":"urgency","op":"most","value":0}]}`, nil},
		{`{"field":"customer","op":"is","value":"'; drop table messages; --"}`, nil},
		{`{"field":"waiting","op":"older","value":"1h"}`, nil},
		{`{"field":"last","op":"after","value":"2001-01-01T00:00:00Z"}`, ids},
		{`{"any":[]}`, nil},
	} {
		f, err := chat.ReadFilter([]byte(tc.filter))
		if err != nil {
			t.Errorf("%s: %v", tc.filter, err)
			continue
		}
		page, err := h.List(ctx, li.User, f, "", 50)
		must(t, err)
		got := []chat.ID{}
		for _, r := range page.Items {
			got = append(got, r.ID)
		}
		slices.Sort(got)
		if !slices.Equal(got, tc.want) && len(got)+len(tc.want) > 0 {
			t.Errorf("%s: %v, want %v", tc.filter, got, tc.want)
		}
		if n, err := h.Count(ctx, li.User, f); err != nil || n != len(tc.want) {
			t.Errorf("%s: count %d %v", tc.filter, n, err)
		}
	}
	seen := map[chat.ID]bool{}
	cursor := ""
	for range 5 {
		page, err := h.List(ctx, li.User, chat.Filter{}, cursor, 2)
		must(t, err)
		for _, r := range page.Items {
			if seen[r.ID] {
				t.Errorf("conversation %d on two pages", r.ID)
			}
			seen[r.ID] = true
			if !r.Unread {
				t.Errorf("%d is read by nobody", r.ID)
			}
			if r.Mentioned != (r.ID == ids[3]) {
				t.Errorf("mentioned %+v", r)
			}
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d of 5 on the pages", len(seen))
	}
	if _, err := h.List(ctx, li.User, chat.Filter{}, "nonsense", 2); !errors.Is(err, chat.ErrCursor) {
		t.Error(err)
	}
	all := h.thread(ids[3])
	must(t, h.ReadBy(ctx, ids[3], li.User, all[len(all)-1].ID))
	page, err := h.List(ctx, li.User, chat.Filter{Field: "mentions", Op: "is", Value: json.RawMessage("true")}, "", 5)
	must(t, err)
	if page.Items[0].Unread || page.Items[0].Mentioned {
		t.Errorf("read, but %+v", page.Items[0])
	}
	must(t, h.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := h.PutLabel(ctx, tx, chat.LabelInfo{Name: "return"}); err != nil {
			return err
		}
		return h.DropLabel(ctx, tx, "退款", "return")
	}))
	if c := h.conversation(ids[1]); !slices.Equal(c.Labels, []string{"return"}) {
		t.Errorf("%v", c.Labels)
	}
	v, err := h.AddView(ctx, li.User, chat.View{Name: "mine", Filter: chat.Filter{Field: "assignee", Op: "is", Value: json.RawMessage(`"me"`)}})
	must(t, err)
	if _, err := h.ViewByID(ctx, wu.User, v.ID); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("another's view: %v", err)
	}
	must(t, h.DropView(ctx, li.User, v.ID, false))
}

func TestBadFilters(t *testing.T) {
	deep := strings.Repeat(`{"not":`, 20) + `{}` + strings.Repeat(`}`, 20)
	for _, doc := range []string{``, `[]`, `{"field":"password","op":"is","value":"x"}`, `{"field":"state","op":"is","value":"x"}`, `{"field":"state","op":"; drop","value":"open"}`,
		`{"field":"urgency","op":"is","value":"1"}`, `{"field":"assignee","op":"is","value":"you"}`, `{"all":[{}],"any":[{}]}`, `{"zip":1}`, deep, `{"field":"last","op":"older","value":"-1h"}`,
		`{"all":[` + strings.Repeat(`{"field":"unread","op":"is","value":true},`, 100) + `{}]}`} {
		if _, err := chat.ReadFilter([]byte(doc)); !errors.Is(err, chat.ErrBad) {
			t.Errorf("%.60s: %v", doc, err)
		}
	}
}

func FuzzReadFilter(f *testing.F) {
	f.Add([]byte(`{"all":[{"field":"state","op":"is","value":"open"},{"not":{"field":"label","op":"has","value":["a"]}}]}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		if got, err := chat.ReadFilter(doc); err == nil && got.Check() != nil {
			t.Errorf("%s", doc)
		}
	})
}

func TestSearchInBothLanguages(t *testing.T) {
	h := open(t)
	h.write("anna", "1", "我的订单什么时候发货？")
	h.write("bert", "2", "My orders were delayed again")
	h.write("carl", "3", "發貨了嗎")
	for query, want := range map[string]int{"发货": 2, "订单": 1, "order delay": 1, "ORDERS": 1, "什么时候": 1, "refund": 0, "货发": 0, "单": 1, "  ": 0, "!!!": 0} {
		hits, err := h.Search(t.Context(), query, 0, 10)
		if err != nil || len(hits) != want {
			t.Errorf("%q: %d hits, want %d, %v", query, len(hits), want, err)
		}
	}
}

func TestDraftsAndReadMarks(t *testing.T) {
	h := open(t)
	li := h.agent("li")
	m := h.write("anna", "1", "hi")
	must(t, h.SaveDraft(t.Context(), m.Conversation, li.User, chat.Begun{Text: "dear", Seen: m.ID}))
	later := h.write("anna", "2", "hello?")
	must(t, h.SaveDraft(t.Context(), m.Conversation, li.User, chat.Begun{Text: "dear Anna", Seen: later.ID}))
	b, err := h.DraftOf(t.Context(), m.Conversation, li.User)
	must(t, err)
	if b == nil || b.Text != "dear Anna" || b.Seen != m.ID {
		t.Errorf("a draft remembers where it was begun: %+v", b)
	}
	must(t, h.Assign(t.Context(), m.Conversation, li.User, li))
	heard := make(chan chat.Notice, 10)
	w := h.Watch(m.Conversation, func(n chat.Notice) { heard <- n })
	defer w.Close()
	must(t, h.ReadBy(t.Context(), m.Conversation, li.User, later.ID))
	for told := false; !told; {
		select {
		case n := <-heard: // others come from the queue
			if told = n.Type == chat.Read; told && n.Seq != later.Seq {
				t.Errorf("%+v", n)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the customer is not told")
		}
	}
	_, err = h.Send(t.Context(), chat.Draft{Conversation: m.Conversation, Author: li, Text: "dear Anna, yes"})
	must(t, err)
	if b, err := h.DraftOf(t.Context(), m.Conversation, li.User); err != nil || b != nil {
		t.Errorf("sent, and still a draft: %+v %v", b, err)
	}
}

// The right to a call is used once, and only while it lasts; the call then stands in the thread.
func TestRightToOneCall(t *testing.T) {
	h := open(t)
	ctx := t.Context()
	c, err := h.OpenFor(ctx, chat.Person{Channel: "test", Account: "a", User: "visitor"})
	if err != nil {
		t.Fatal(err)
	}
	v, err := h.AllowCall(ctx, c.ID, "4000", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	got, err := h.ClaimCall(ctx, v.ID)
	if err != nil || got != v {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := h.ClaimCall(ctx, v.ID); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("used twice: %v", err)
	}
	late, err := h.AllowCall(ctx, c.ID, "4000", -time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.ClaimCall(ctx, late.ID); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("used too late: %v", err)
	}
	for range 2 {
		if err := h.CallBegan(ctx, v, "call-1"); err != nil {
			t.Fatal(err)
		}
	}
	all, err := h.Thread(ctx, c.ID, 0, 0, 50)
	if err != nil || len(all) != 1 || !strings.Contains(string(all[0].Data), "call-1") {
		t.Errorf("%+v %v", all, err)
	}
}
