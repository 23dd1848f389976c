package main

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/pg"
	"tingxin/queue"
)

// TestConversationsWaitForWhoIsThere: one that was given to an agent who is offline went back to its queue at once, though
// the API said it was done; one that an agent opened again, or took from the bot, stayed with an agent who was gone.
func TestConversationsWaitForWhoIsThere(t *testing.T) {
	s := wholeHouse(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bob, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `insert into users (username, role, password_hash) values ('bob', 'agent', '') returning id`)
	must(err)
	agent := queue.AgentID(strconv.FormatInt(bob, 10))
	must(s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.queues.Store().PutAgent(ctx, tx, queue.Profile{ID: agent, Desk: true}); err != nil {
			return err
		}
		return s.queues.Store().PutQueue(ctx, tx, queue.Queue{ID: "support", Members: []queue.Member{{Agent: agent}}})
	}))
	must(s.queues.Start(ctx))
	s.chatQueue.start()
	t.Cleanup(func() {
		s.chatQueue.close()
		_ = s.queues.Close()
	})
	m, err := s.chat.Receive(ctx, chat.Inbound{Channel: webchat.Name, Account: "shop", ExternalID: "1", User: "anna", Text: "hello"})
	must(err)
	id := m.Conversation
	is := func(what string, ok func(c chat.Conversation, phase string) bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			c, err := s.chat.Conversation(ctx, id)
			must(err)
			phase, err := pg.Row(ctx, s.db, pgx.RowTo[string], `select coalesce((select phase from queue_work where id = $1 and phase <> 'ended'), '')`, id.WorkID())
			must(err)
			if ok(c, phase) {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("never: %s; it is %s's of %v, its work %q", what, c.Handler, c.Assignee, phase)
			}
		}
	}
	his := func(c chat.Conversation, phase string) bool {
		return c.Handler == chat.ByAgent && *c.Assignee == bob && phase == string(queue.Active)
	}
	waits := func(c chat.Conversation, phase string) bool {
		return c.Handler == chat.ByQueue && c.Assignee == nil && phase == string(queue.Waiting)
	}
	by := chat.Author{Kind: chat.Agent, User: bob, Name: "bob"}

	// From the bot's hands, and out of the queue.
	if err := s.chat.Assign(ctx, id, bob, by); !errors.Is(err, chat.ErrAbsent) {
		t.Errorf("given to who is offline: %v", err)
	}
	must(s.chat.HandOver(ctx, id, "support", nil))
	if err := s.chat.Assign(ctx, id, bob, by); !errors.Is(err, chat.ErrAbsent) {
		t.Errorf("given to who is offline: %v", err)
	}
	is("it waits on", waits)
	must(s.queues.SetPresence(ctx, agent, queue.Available, ""))
	must(s.chat.Assign(ctx, id, bob, by))
	is("it is his", his)

	must(s.chat.CloseConversation(ctx, id, by))
	must(s.chat.Reopen(ctx, id, by))
	is("one that he opened again is his load", his)
	must(s.queues.SetPresence(ctx, agent, queue.Offline, ""))
	is("it waits for others when he is gone", waits)

	// He answers without being there: sent, and others go on.
	must(s.chat.GiveBack(ctx, id, by))
	_, err = s.chat.Send(ctx, chat.Draft{Conversation: id, Author: by, Text: "tomorrow"})
	must(err)
	is("what he answered from elsewhere waits", waits)
}
