package main

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/pg"
	"tingxin/queue"
)

// atOnce runs acts at the same moment and returns what each was told.
func atOnce(acts ...func() error) []error {
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

// Two acts on one conversation at the same moment, many times: it is one agent's in its row and in the queue, or
// nobody's in both; whoever has closed it leaves no load; and who was refused is told so.
func TestActsOnAConversationTogether(t *testing.T) {
	s := wholeHouse(t)
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	users, agents := map[string]int64{}, map[string]queue.AgentID{}
	must(s.db.Tx(ctx, func(tx pgx.Tx) error {
		q := queue.Queue{ID: "support", Strategy: queue.Linear}
		for i, name := range []string{"anna", "bob"} {
			var id int64
			if err := tx.QueryRow(ctx, `insert into users (username, role, password_hash) values ($1, 'agent', '') returning id`, name).Scan(&id); err != nil {
				return err
			}
			users[name], agents[name] = id, queue.AgentID(strconv.FormatInt(id, 10))
			if err := s.queues.Store().PutAgent(ctx, tx, queue.Profile{ID: agents[name], Desk: true, Capacity: 1000}); err != nil {
				return err
			}
			q.Members = append(q.Members, queue.Member{Agent: agents[name], Order: i})
		}
		return s.queues.Store().PutQueue(ctx, tx, q)
	}))
	must(s.queues.Start(ctx))
	s.chatQueue.start()
	t.Cleanup(func() {
		s.chatQueue.close()
		_ = s.queues.Close()
	})
	by := chat.Author{Kind: chat.Agent, User: users["bob"], Name: "bob"}
	assign := func(to string) func(id chat.ID) error {
		return func(id chat.ID) error { return s.chat.Assign(ctx, id, users[to], by) }
	}
	closes := func(id chat.ID) error { return s.chat.CloseConversation(ctx, id, by) }
	accept := func(id chat.ID) error {
		d, err := s.queues.Desk(ctx, agents["anna"])
		if err != nil {
			return err
		}
		if d.Offer == nil {
			return queue.ErrGone
		}
		_, err = s.queues.Accept(ctx, d.Offer.Token, agents["anna"])
		return err
	}
	for _, tc := range []struct {
		name     string
		one, two func(id chat.ID) error
		offered  bool // before the race
		over     bool // two ends it
	}{
		{"assign against accept", accept, assign("bob"), true, false},
		{"assign against assign", assign("anna"), assign("bob"), false, false},
		{"assign against close", assign("anna"), closes, false, true},
		{"accept against close", accept, closes, true, true},
		{"hand-over against close", func(id chat.ID) error { return s.chat.Transfer(ctx, id, "support", nil, by) }, closes, false, true},
	} {
		for round := range 20 {
			presence := queue.Away
			if tc.offered {
				presence = queue.Available
			}
			must(s.queues.SetPresence(ctx, agents["anna"], presence, ""))
			must(s.queues.SetPresence(ctx, agents["bob"], queue.Away, ""))
			m, err := s.chat.Receive(ctx, chat.Inbound{Channel: webchat.Name, Account: "shop", ExternalID: fmt.Sprint(tc.name, round), User: fmt.Sprint(tc.name, round), Text: "hello"})
			must(err)
			id := m.Conversation
			if !tc.over || tc.offered {
				must(s.chat.HandOver(ctx, id, "support", nil))
			}
			for end := time.Now().Add(20 * time.Second); tc.offered; time.Sleep(5 * time.Millisecond) {
				if d, err := s.queues.Desk(ctx, agents["anna"]); err == nil && d.Offer != nil {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%s, round %d: nothing was offered", tc.name, round)
				}
			}
			acts := []func() error{func() error { return tc.one(id) }, func() error { return tc.two(id) }}
			if round%2 == 1 {
				acts[0], acts[1] = acts[1], acts[0]
			}
			told := atOnce(acts...)
			if round%2 == 1 {
				told[0], told[1] = told[1], told[0]
			}
			for k, err := range told {
				if err != nil && !errors.Is(err, chat.ErrState) && !errors.Is(err, queue.ErrGone) {
					t.Fatalf("%s, round %d: act %d was told %v", tc.name, round, k+1, err)
				}
			}
			if told[1] != nil {
				t.Fatalf("%s, round %d: what a person orders was refused: %v", tc.name, round, told[1])
			}
			// All that was set off comes to rest: the row and the queue say the same.
			var said string
			for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
				c, err := s.chat.Conversation(ctx, id)
				must(err)
				work, err := pg.Row(ctx, s.db, pgx.RowTo[string], `select coalesce((select phase || ' ' || coalesce(agent_id::text, '') from queue_work where id = $1 and phase <> 'ended'), '')`, id.WorkID())
				must(err)
				held := 0
				for name := range agents {
					d, err := s.queues.Desk(ctx, agents[name])
					must(err)
					for _, w := range d.Work {
						if string(w.ID) == id.WorkID() {
							held++
						}
					}
				}
				said = fmt.Sprintf("%s of %s, assignee %v, work %q, held by %d", c.State, c.Handler, c.Assignee, work, held)
				if tc.over && c.State == chat.Closed && work == "" && held == 0 {
					break
				}
				if !tc.over && c.State == chat.Open && c.Handler == chat.ByAgent && held == 1 && c.Assignee != nil && (work == "active "+strconv.FormatInt(*c.Assignee, 10) || work == "assigned "+strconv.FormatInt(*c.Assignee, 10)) {
					break
				}
				if time.Now().After(end) {
					t.Fatalf("%s, round %d: told %v; it stays %s", tc.name, round, told, said)
				}
			}
			if !tc.over { // away with it
				must(closes(id))
			}
		}
	}
	held, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from queue_work where phase <> 'ended'`)
	if must(err); held != 0 {
		t.Errorf("%d pieces of work are left", held)
	}
}
