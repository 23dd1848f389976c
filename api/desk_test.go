package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"tingxin/chat"
	"tingxin/queue"
	"tingxin/ticket"
)

func TestDeskOrder(t *testing.T) {
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) *time.Time { at := now.Add(-d); return &at }
	talk := func(id chat.ID, urgency chat.Urgency, waited time.Duration, said ...string) DeskItem {
		r := &chat.Row{Conversation: chat.Conversation{ID: id, State: chat.Open, Urgency: urgency, LastAt: now.Add(-waited)}}
		if waited > 0 {
			r.WaitingSince = ago(waited)
		}
		target := queue.Queue{}.WithDefaults().Targets
		return talkItem(r, chat.Signs{Said: said}, false, target.Of(queue.Urgency(urgency)), now)
	}
	kept := ticket.Row{Ticket: ticket.Ticket{ID: 7, State: ticket.OnHold, HoldUntil: now.Add(time.Hour), Priority: queue.Urgent}}
	over := ticket.Row{Ticket: ticket.Ticket{ID: 8, State: ticket.Resolved, Priority: queue.Urgent}}
	due := ticket.Row{Ticket: ticket.Ticket{ID: 9, State: ticket.Open, Priority: queue.Normal}, NextDue: now.Add(time.Minute), NextSpent: 0.95}
	items := []DeskItem{
		ticketItem(&over, false, now), ticketItem(&kept, false, now),
		talk(1, 1, 0),              // nobody waits
		talk(2, 1, 30*time.Minute), // half of the hour: 1 + 2
		talk(3, 1, 30*time.Minute, "这太糟糕了,我非常生气,垃圾!!", "气死我了,投诉你们"), // the same, upset
		talk(4, 3, time.Minute),      // urgent, half of two minutes: 3 + 2
		talk(5, 1, 3*time.Hour),      // long missed: 1 + 1 + .5*2
		ticketItem(&due, false, now), // nearly due: 1 + 3.8
		talk(6, 0, time.Minute),      // low
	}
	inDeskOrder(items)
	var got []int64
	for _, it := range items {
		got = append(got, it.ID)
	}
	if want := []int64{4, 9, 3, 5, 2, 6, 1, 7, 8}; fmt.Sprint(got) != fmt.Sprint(want) {
		for _, it := range items {
			t.Logf("%d %s P %.2f e %.2f", it.ID, it.Group, it.P, it.Emotion)
		}
		t.Errorf("%v, want %v", got, want)
	}
}

// TestDeskWindowEndsFirst: a reply window that closes before the target is what counts.
func TestDeskWindowEndsFirst(t *testing.T) {
	now := time.Date(2026, 3, 9, 12, 0, 0, 0, time.UTC)
	since, ends := now.Add(-9*time.Minute), now.Add(time.Minute)
	r := &chat.Row{Conversation: chat.Conversation{ID: 1, State: chat.Open, Urgency: 1, WaitingSince: &since}}
	it := talkItem(r, chat.Signs{Window: &ends}, false, time.Hour, now)
	if !it.Due.Equal(ends) || it.Target != (10*time.Minute).Milliseconds() || it.Priority.Age != 3.6 {
		t.Errorf("%+v", it)
	}
}

func TestDeskWork(t *testing.T) {
	h, svc := openChat(t)
	li := h.as(RoleAgent)
	calm := write(t, svc, "anna", "1", "where is my order?")
	angry := write(t, svc, "bob", "2", "This is terrible, I am furious, the worst shop ever!!")
	other := write(t, svc, "carl", "3", "hello")
	for _, id := range []chat.ID{calm.Conversation, angry.Conversation} {
		if a := li.do(http.MethodPost, at(id, "/assign"), map[string]any{"user": userOf(t, li)}); a.status != http.StatusNoContent {
			t.Fatal(a)
		}
	}
	k := li.makeTicket(map[string]any{"type": "question", "subject": "call back", "assignee": userOf(t, li)})
	var list DeskItems
	li.ok(base+"/desk/work", &list)
	if len(list.Items) != 3 || list.Items[0].ID != int64(angry.Conversation) || list.Items[0].Emotion < 0.4 || list.Items[1].P >= list.Items[0].P {
		t.Fatalf("%+v", list)
	}
	// Answered: it is the customer's turn.
	if a := li.do(http.MethodPost, at(angry.Conversation, "/messages"), map[string]any{"text": "I am sorry"}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	if a := li.do(http.MethodPost, at(calm.Conversation, "/snooze"), map[string]any{"until": time.Now().Add(time.Hour)}); a.status != http.StatusNoContent {
		t.Fatal(a)
	}
	li.ok(base+"/desk/work", &list)
	groups := map[string]string{}
	for _, it := range list.Items {
		groups[fmt.Sprint(it.Kind, it.ID)] = it.Group
	}
	want := map[string]string{fmt.Sprint("ticket", k.ID): "now", fmt.Sprint("conversation", angry.Conversation): "waiting", fmt.Sprint("conversation", calm.Conversation): "later"}
	if fmt.Sprint(groups) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", groups, want)
	}
	li.ok(base+"/desk/work?of=unattended", &list)
	for _, it := range list.Items {
		if it.Kind == "conversation" && it.ID != int64(other.Conversation) {
			t.Errorf("%+v", it)
		}
	}
	var mood TalkMood
	li.ok(at(angry.Conversation, "/mood"), &mood)
	if len(mood.Items) != 1 || mood.Items[0].E < 0.4 || mood.Items[0].Message != angry.ID {
		t.Errorf("%+v", mood)
	}
	for path, status := range map[string]int{base + "/desk/work?of=theirs": 422, base + "/desk/work?view=77": 404, base + "/conversations/99/mood": 404} {
		if a := li.do(http.MethodGet, path, nil); a.status != status {
			t.Errorf("%s: %s, want %d", path, a, status)
		}
	}
}

func TestReplyIsChecked(t *testing.T) {
	h, svc := openChat(t)
	li := h.as(RoleAgent)
	m := write(t, svc, "anna", "1", "hello")
	for _, tc := range []struct {
		text string
		want string
	}{
		{"Your order A20250702001 leaves today, call 400-820-8820.", `[]`},
		{"身份证 11010519491231002X", `[{"kind":"id18","value":"1101**********002X"}]`},
		{"card 4111 1111 1111 1111", `[{"kind":"bank_card","value":"4111********1111"}]`},
		{"给 13800138000 打电话", `[{"kind":"mobile","value":"138****8000"}]`},
		{"write to Wang.Wu@example.com", `[{"kind":"email","value":"w***@example.com"}]`},
	} {
		a := li.do(http.MethodPost, at(m.Conversation, "/check"), map[string]any{"text": tc.text})
		if a.status != http.StatusOK {
			t.Fatal(a)
		}
		var got ReplyCheck
		a.into(t, &got)
		if doc, _ := json.Marshal(got.Private); string(doc) != tc.want {
			t.Errorf("%q: %s, want %s", tc.text, doc, tc.want)
		}
	}
	if a := li.do(http.MethodPost, base+"/conversations/99/check", map[string]any{"text": "x"}); a.status != http.StatusNotFound {
		t.Error(a)
	}
}

// userOf is the id of a browser's user.
func userOf(t *testing.T, b *browser) int64 {
	t.Helper()
	var s SessionView
	b.ok(base+"/session", &s)
	var id int64
	if _, err := fmt.Sscan(s.User.ID, &id); err != nil {
		t.Fatal(err)
	}
	return id
}
