package feedback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
)

// page is a channel whose customers read the rows themselves.
type page struct{}

func (page) Name() string              { return "web" }
func (page) Limits(string) chat.Limits { return chat.Limits{Pull: true} }
func (page) Send(context.Context, chat.Outgoing) chat.Result {
	return chat.Result{Outcome: chat.Delivered}
}
func (page) Decode(context.Context, chat.Raw) ([]chat.Inbound, error) {
	return nil, errors.New("no bodies")
}

// A conversation that a person had goes into the queue when its customer writes again. One who only presses
// that it is solved waits for nobody; one who waits goes on waiting.
func TestButtonOfTheQuestionWaitsForNobody(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	bus := event.NewBus()
	t.Cleanup(bus.Close)
	log := slog.New(slog.DiscardHandler)
	c, err := chat.New(chat.Config{Node: "one", Files: t.TempDir()}, chat.Parts{DB: d.db, Bus: bus, Jobs: pg.NewJobs(d.db, log)}, log)
	d.must(err)
	c.AddChannel(page{})
	n := 0
	says := func(kind chat.Kind, text string, data *chat.Data) (chat.Conversation, chat.Message) {
		t.Helper()
		n++
		m, err := c.Receive(ctx, chat.Inbound{Channel: "web", ExternalID: fmt.Sprint(n), User: "mei", Kind: kind, Text: text, Data: data, Raw: []byte("{}")})
		d.must(err)
		conv, err := c.Conversation(ctx, m.Conversation)
		d.must(err)
		return conv, m
	}
	agent := d.id(`insert into users (username, role, password_hash) values ('lin', 'agent', 'x') returning id`)
	conv, _ := says(chat.Text, "退款还没到", nil)
	d.must(c.Assign(ctx, conv.ID, agent, chat.Actor{Kind: chat.System}))
	d.must(c.CloseConversation(ctx, conv.ID, chat.Actor{Kind: chat.System}))
	id := d.rate(int64(conv.ID), 1, "等了太久")
	d.must(d.Tend(ctx))
	for _, step := range []func() error{
		func() error { _, err := d.Tell(ctx, id, "正在处理", "", "ann"); return err },
		func() error { _, err := d.Move(ctx, id, CauseFound, "process-refund", "", "ann"); return err },
		func() error { _, err := d.Move(ctx, id, Fixed, "", "", "ann"); return err },
		func() error { _, err := d.Tell(ctx, id, "已到账", "", "ann"); return err },
	} {
		d.must(step())
		d.must(d.Tend(ctx))
	}
	d.later(8 * day)
	d.is(id, Told)

	hook := d.Hook(c, func(context.Context, chat.Conversation, chat.Message) error {
		t.Error("the bot is given a button of ours")
		return nil
	}, nil)
	press := func() chat.Conversation {
		t.Helper()
		before, m := says(chat.Choice, "解决了", &chat.Data{Option: option(id, 1, 5)})
		if before.State != chat.Open || before.Handler != chat.ByQueue {
			t.Fatalf("pressed, the conversation is %s with %s", before.State, before.Handler)
		}
		d.must(hook(ctx, before, m))
		after, err := c.Conversation(ctx, conv.ID)
		d.must(err)
		return after
	}
	if after := press(); after.State != chat.Closed {
		t.Errorf("after the answer the conversation is %s with %s: somebody would have to take it", after.State, after.Handler)
	}
	d.is(id, Verified)
	says(chat.Text, "还有一个问题", nil)
	d.must(c.HandOver(ctx, conv.ID, "support", nil))
	if after := press(); after.State != chat.Open {
		t.Errorf("a customer who waits is %s", after.State)
	}
}
