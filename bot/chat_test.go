package bot

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"tingxin/chat"
	"tingxin/pg"
)

// wire is chat as Chat sees it.
type wire struct {
	sent   map[string]chat.Draft // by client id
	queued []string
	barred bool
	packet Packet
	back   []chat.ID
	fail   error
}

func (w *wire) GiveBack(_ context.Context, id chat.ID, _ chat.Actor) error {
	w.back = append(w.back, id)
	return nil
}

func (w *wire) Send(_ context.Context, d chat.Draft) (chat.Message, error) {
	if w.fail != nil {
		return chat.Message{}, w.fail
	}
	w.sent[d.ClientID] = d
	return chat.Message{}, nil
}

func (w *wire) HandOver(_ context.Context, _ chat.ID, queue string, p chat.Packet) error {
	w.queued = append(w.queued, queue)
	return json.Unmarshal(p, &w.packet)
}

func (w *wire) HandOverForGood(ctx context.Context, id chat.ID, queue string, p chat.Packet) error {
	w.barred = true
	return w.HandOver(ctx, id, queue, p)
}

func TestChatIsAnsweredOnceAndHandedOver(t *testing.T) {
	h := open(t)
	w := &wire{sent: map[string]chat.Draft{}}
	g := NewChat(h.Engine, w)
	who := int64(7)
	c := chat.Conversation{ID: 5, Handler: chat.ByBot, ContactID: &who, Language: "zh-CN"}
	m := chat.Message{ID: 1, Kind: chat.Text, Text: "怎么退货", At: time.Now()}
	must(t, g.Inbound(t.Context(), c, m))
	d := w.sent["bot:1"]
	if d.Text == "" || d.Data.Source.ID != "return" || len(d.Data.Choices) != 2 || d.Author.Kind != chat.Bot {
		t.Fatalf("sent %+v", d)
	}
	must(t, g.Inbound(t.Context(), c, m)) // the hook is called at least once
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from bot_turns`).Scan(&n))
	if n != 1 || len(w.queued) != 0 {
		t.Errorf("%d turns, queued %v: the same message was taken for the same question again", n, w.queued)
	}
	press := chat.Message{ID: 2, Kind: chat.Choice, Text: "没解决", Data: json.RawMessage(`{"option": "unhelpful", "message_seq": 2}`), At: time.Now()}
	must(t, g.Inbound(t.Context(), c, press))
	must(t, g.Inbound(t.Context(), c, chat.Message{ID: 3, Kind: chat.Text, Text: "转人工", At: time.Now()}))
	if len(w.queued) != 1 || w.queued[0] != "support" || w.barred || w.packet.Reason != ReasonAsked || w.packet.Articles[0].Reaction != "down" || w.packet.Contact != 7 {
		t.Errorf("handed over %v barred %v %+v", w.queued, w.barred, w.packet)
	}

	c.Handler = chat.ByQueue // while waiting only what is known is answered
	must(t, g.Inbound(t.Context(), c, chat.Message{ID: 4, Kind: chat.Text, Text: "运费怎么算", At: time.Now()}))
	must(t, g.Inbound(t.Context(), c, chat.Message{ID: 5, Kind: chat.Text, Text: "今天天气怎么样", At: time.Now()}))
	if _, ok := w.sent["bot:4"]; !ok || len(w.sent) != 4 {
		t.Errorf("sent %d", len(w.sent))
	}
	c.Handler = chat.ByAgent
	must(t, g.Inbound(t.Context(), c, chat.Message{ID: 6, Kind: chat.Text, Text: "怎么开发票", At: time.Now()}))
	if len(w.sent) != 4 {
		t.Error("the bot talks between an agent and a customer")
	}
}

func TestAnswersToTheBotAreKnownAsSuch(t *testing.T) {
	h := open(t)
	g := NewChat(h.Engine, &wire{sent: map[string]chat.Draft{}})
	c := chat.Conversation{ID: 5, Handler: chat.ByBot, Language: "zh-CN"}
	for i, said := range []struct {
		text string
		took bool
	}{{"我要退款", false}, {"A2025070103", false}, {"没有收到", true}} { // a number is one wherever it is said
		id := chat.MessageID(i + 1)
		must(t, g.Inbound(t.Context(), c, chat.Message{ID: id, Kind: chat.Text, Text: said.text, At: time.Now()}))
		if took, err := g.Took(t.Context(), int64(c.ID), int64(id)); err != nil || took != said.took {
			t.Errorf("%s: %t %v", said.text, took, err)
		}
	}
}

func TestComplaintAndPictureGoToPeople(t *testing.T) {
	h := open(t)
	for id, m := range map[chat.ID]chat.Message{1: {ID: 1, Kind: chat.Complaint, Text: "很不满意"}, 2: {ID: 2, Kind: chat.Text}} {
		w := &wire{sent: map[string]chat.Draft{}}
		must(t, NewChat(h.Engine, w).Inbound(t.Context(), chat.Conversation{ID: id, Handler: chat.ByBot}, m))
		if len(w.queued) != 1 {
			t.Errorf("%s: %v", m.Kind, w.queued)
		}
	}
}

func TestReplyThatCouldNotBeSentIsSentLater(t *testing.T) {
	h := open(t)
	w := &wire{sent: map[string]chat.Draft{}, fail: pg.ErrUnavailable}
	g := NewChat(h.Engine, w)
	c, m := chat.Conversation{ID: 1, Handler: chat.ByBot}, chat.Message{ID: 9, Kind: chat.Text, Text: "转人工"}
	if err := g.Inbound(t.Context(), c, m); !errors.Is(err, pg.ErrUnavailable) {
		t.Fatal(err)
	}
	w.fail = nil
	h.restart()
	g = NewChat(h.Engine, w)
	must(t, g.Inbound(t.Context(), c, m))
	if len(w.sent) != 1 || len(w.queued) != 1 || w.packet.Reason != ReasonAsked {
		t.Errorf("sent %v queued %v", w.sent, w.queued)
	}
}

func TestLongButtonValuesComeBack(t *testing.T) {
	long := "article:" + string(make([]byte, 90))
	s := state{Buttons: []Button{{"x", "yes"}, {"y", long}}}
	if v := shortValue(long); len(v) > 64 || s.unfold(v) != long || s.unfold("yes") != "yes" {
		t.Errorf("%q", shortValue(long))
	}
}

// A person gave the conversation back: the bot begins anew, and the next wish for a person is the first again.
func TestGivenBackChatIsNotHandedOverAnyMore(t *testing.T) {
	h := open(t, func(_ *Config, p *Parts) {
		p.Desk = desk{Open: true, Agents: 2, Position: 3, Estimate: 4 * time.Minute}
	})
	w := &wire{sent: map[string]chat.Draft{}}
	g := NewChat(h.Engine, w)
	c := chat.Conversation{ID: 5, Handler: chat.ByBot, Language: "zh-CN"}
	id := chat.MessageID(0)
	says := func(by chat.Handler, text string) {
		t.Helper()
		id++
		c.Handler = by
		must(t, g.Inbound(t.Context(), c, chat.Message{ID: id, Kind: chat.Text, Text: text, At: time.Now()}))
	}
	held := func() (st state) {
		t.Helper()
		must(t, h.db.Pool().QueryRow(t.Context(), `select state from bot_sessions where subject = 'conversation:5'`).Scan(&st))
		return st
	}
	says(chat.ByBot, "运费怎么算")
	says(chat.ByBot, "转人工")
	says(chat.ByQueue, "怎么退货")
	says(chat.ByAgent, "好的")
	if st := held(); st.Handover != ReasonAsked || st.Back {
		t.Fatalf("with a person: %+v", st)
	}
	says(chat.ByBot, "运费怎么算") // again, but to a bot that begins anew
	if st := held(); st.Handover != "" || !st.Back || len(w.queued) != 1 {
		t.Errorf("given back: %+v, queued %v", st, w.queued)
	}
	says(chat.ByBot, "转人工")
	if d := w.sent["bot:6"]; len(w.queued) != 2 || d.Data == nil || len(d.Data.Choices) == 0 { // as at the first time: how long it takes, and what else can be done
		t.Errorf("queued %v, told %+v", w.queued, d)
	}
	if st := held(); st.Handover != ReasonAsked || st.Back {
		t.Errorf("handed over again: %+v", st)
	}
}
