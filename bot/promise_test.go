package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tingxin/chat"
)

// kept are promises.
type kept struct {
	messages, calls []Promise
}

func (k *kept) Message(_ context.Context, p Promise) (int64, error) {
	k.messages = append(k.messages, p)
	return int64(40 + len(k.messages)), nil
}

func (k *kept) CallBack(_ context.Context, p Promise) error {
	if len(p.Number) < 7 {
		return ErrNumber
	}
	k.calls = append(k.calls, p)
	return nil
}

func TestWhoDoesNotWaitLeavesAMessageOrIsCalled(t *testing.T) {
	var made kept
	h := open(t, func(_ *Config, p *Parts) { p.Desk, p.Promises = desk{Open: true}, &made })
	w := &wire{sent: map[string]chat.Draft{}}
	g := NewChat(h.Engine, w)
	id := int64(0)
	says := func(text, choice, handler string) string {
		t.Helper()
		id++
		m := chat.Message{ID: chat.MessageID(id), Kind: chat.Text, Text: text, At: time.Now()}
		if choice != "" {
			m.Kind, m.Data = chat.Choice, json.RawMessage(`{"option": "`+choice+`"}`)
		}
		must(t, g.Inbound(t.Context(), chat.Conversation{ID: 5, Handler: handlerOf(handler), Language: "zh"}, m))
		return w.sent[fmt.Sprintf("bot:%d", id)].Text
	}
	says("怎么退货", "", "bot")
	says("转人工", "", "bot")
	if got := says("", "message", "queue"); !strings.Contains(got, "请写下您的留言") {
		t.Errorf("%q", got)
	}
	if got := says("水壶漏水，请明天联系我", "", "queue"); !strings.Contains(got, "41") || len(made.messages) != 1 {
		t.Fatalf("%q %+v", got, made)
	}
	if m := made.messages[0]; m.Text != "水壶漏水，请明天联系我" || m.Ref != "conversation:5" || m.Queue != "support" || !slices.Contains(m.Summary, "怎么退货") {
		t.Errorf("%+v", m)
	}
	says("转人工", "", "bot")
	if got := says("", "callback", "queue"); !strings.Contains(got, "电话号码") {
		t.Errorf("%q", got)
	}
	says("下午打给我吧", "", "queue") // no number yet
	if got := says("10086", "", "queue"); !strings.Contains(got, "电话号码") || len(made.calls) != 0 {
		t.Errorf("a number of nobody: %q %+v", got, made.calls)
	}
	if got := says("13800138000", "", "queue"); !strings.Contains(got, "8000") || len(made.calls) != 1 || made.calls[0].Number != "13800138000" {
		t.Fatalf("%q %+v", got, made.calls)
	}
	if !slices.Equal(w.back, []chat.ID{5, 5}) {
		t.Errorf("given back %v", w.back)
	}
	if s := h.Stats(); s.Messages != 1 || s.Callbacks != 1 || s.Latency.Count != 9 || s.Decisions["handover"] != 2 {
		t.Errorf("%+v", s)
	}
}

func handlerOf(name string) chat.Handler {
	if name == "queue" {
		return chat.ByQueue
	}
	return chat.ByBot
}

func TestCallerChoosesWhatToDoWhenNobodyIsThere(t *testing.T) {
	var made kept
	h := open(t, func(_ *Config, p *Parts) { p.Desk, p.Promises = desk{Open: true}, &made })
	said := func(call, text, from string) Voice {
		t.Helper()
		v, err := h.Call(t.Context(), Spoken{Call: call, Text: text, Lang: "en", From: from, Emotion: -1})
		must(t, err)
		return v
	}
	v := said("1", "I want to talk to a person", "")
	if v.Handover || !strings.Contains(v.Text, "Number 1: Wait. Number 2: Leave a message.") || !slices.Contains(v.Expect.Phrases, "leave a message") || !slices.Contains(v.Expect.Phrases, "the second") {
		t.Fatalf("%+v", v)
	}
	if v = said("1", "leave a message", ""); v.Message != "support" || v.Handover {
		t.Errorf("%+v", v)
	}
	said("2", "I want to talk to a person", "13900139000")
	if v = said("2", "number three", "13900139000"); !v.Over || v.Handover || len(made.calls) != 1 || made.calls[0].Number != "13900139000" || made.calls[0].Ref != "call:2" {
		t.Errorf("%+v %+v", v, made.calls)
	}
	said("3", "I want to talk to a person", "")
	if v = said("3", "call me back", ""); v.Over || !v.Expect.Digits {
		t.Errorf("%+v", v)
	}
	if v = said("3", "one three nine double zero one three nine triple zero", ""); !v.Over || len(made.calls) != 2 || made.calls[1].Number != "13900139000" {
		t.Errorf("%+v %+v", v, made.calls)
	}
	said("4", "I want to talk to a person", "")
	if v = said("4", "wait", ""); !v.Handover || len(v.Packet) == 0 {
		t.Errorf("%+v", v)
	}
}

func TestCallerIsExpectedToSayWhatWasAskedFor(t *testing.T) {
	h := open(t)
	said := func(text string) Voice {
		t.Helper()
		v, err := h.Call(t.Context(), Spoken{Call: "1", Text: text, Lang: "en", Emotion: -1})
		must(t, err)
		return v
	}
	if v := said("how much is shipping?"); v.Expect.Digits || v.Expect.YesNo || len(v.Expect.Phrases) != 0 {
		t.Errorf("after an answer: %+v", v)
	}
	if v := said("where is my order"); !v.Expect.Digits || v.Expect.Letters {
		t.Errorf("asked for an order: %+v", v)
	}
	v := said("B2025081501")
	if !v.Expect.YesNo || !strings.Contains(v.Text, "B 2 0 2, 5 0 8 1, 5 0 1") {
		t.Errorf("read back: %+v", v)
	}
	if v = said("yes"); !strings.Contains(v.Text, "December 5") || v.Expect.YesNo {
		t.Errorf("answered: %+v", v)
	}
}

func TestNumbersAreSpelled(t *testing.T) {
	for text, want := range map[string]string{
		"order A2025070101": "order A 2 0 2, 5 0 7 0, 1 0 1", "2025 0702 001": "2 0 2 5, 0 7 0 2, 0 0 1", "1000 yuan on 2026-12-05": "1000 yuan on December 5", "call 13800138000": "call 1 3 8 0, 0 1 3 8, 0 0 0",
	} {
		if got := aloud(&Reply{Lang: "en", Parts: []Part{{Kind: "text", Text: text}}}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A turn that was not written down is taken again; what was promised in it is promised under the same key.
func TestARepeatedTurnPromisesTheSame(t *testing.T) {
	var made kept
	h := open(t, func(_ *Config, p *Parts) { p.Desk, p.Promises = desk{Open: true}, &made })
	turn := func(id, text, choice string) error {
		_, err := h.Turn(t.Context(), Session{Subject: "conversation:5"}, Input{Channel: ChannelChat, ID: id, Text: text, Choice: choice})
		return err
	}
	must(t, turn("1", "转人工", ""))
	must(t, turn("2", "", choiceMessage))
	_, err := h.db.Exec(t.Context(), `create function refuse() returns trigger language plpgsql as 'begin raise exception ''no''; end'; create trigger refuse before insert on bot_turns for each row execute function refuse()`)
	must(t, err)
	if turn("3", "水壶漏水，请明天联系我", "") == nil {
		t.Fatal("the turn was written")
	}
	_, err = h.db.Exec(t.Context(), `drop trigger refuse on bot_turns`)
	must(t, err)
	must(t, turn("3", "水壶漏水，请明天联系我", ""))
	must(t, turn("3", "水壶漏水，请明天联系我", "")) // answered as before
	if len(made.messages) != 2 || made.messages[0].Key == "" || made.messages[0].Key != made.messages[1].Key {
		t.Errorf("%+v", made.messages)
	}
}

// What was offered may be chosen in words as well, with the number in them, and later than at once.
func TestChoicesInPlaceOfTheWaitAreUnderstoodInWords(t *testing.T) {
	var made kept
	h := open(t, func(_ *Config, p *Parts) { p.Desk, p.Promises = desk{}, &made })
	k := h.chat("1", 0)
	want(t, k.says("转人工"), DoHandover, "预约回电")
	want(t, k.says("谢谢"), DoTalk, "不客气")
	want(t, k.says("那给我回电吧，我的号码是13800138000"), DoTalk, "8000")
	if len(made.calls) != 1 || made.calls[0].Number != "13800138000" {
		t.Errorf("%+v", made.calls)
	}
	k = h.chat("2", 0)
	k.says("I want to talk to a human")
	want(t, k.says("I'd rather leave a message"), DoTalk, "write your message")
	want(t, k.says("the kettle leaks"), DoTalk, "passed your message on")
	k = h.chat("3", 0)
	k.says("I want to talk to a human")
	want(t, k.says("never mind, thanks"), DoTalk, "go on helping")
	want(t, k.says("How do I return an item?"), DoAnswer)
	if r := k.says("can you call me back at 13800138000"); r.Kept { // nothing was offered any more
		t.Errorf("%s", r.Text())
	}
}
