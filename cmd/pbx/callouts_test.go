package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/callout"
	"tingxin/queue"
	"tingxin/sip"
)

// TestListIsCalled is a list of two people: one answers, the line of the other is busy, who is tried again and answers.
func TestListIsCalled(t *testing.T) {
	cfg := testConfig(t)
	anna, far := newPhone(t).says(toneAgent), newPhone(t).says(toneCaller)
	cfg.SIP.Users = []sip.UserEntry{{Name: "anna", Password: "secret-anna", Algorithms: []string{"MD5"}}}
	cfg.SIP.Trunks = []sip.Trunk{{Name: "carrier", Proxy: fmt.Sprintf("sip:127.0.0.1:%d", far.port()), Addresses: []string{"127.0.0.9"}}}
	cfg.SIP.Outbound = []sip.OutboundRoute{{Prefixes: []string{"+"}, Trunk: "carrier"}}
	cfg.Call.CallerID.Queues = map[string]string{"sales": "4008001234"}
	cfg.Callouts.Every = 200 * time.Millisecond
	s := mustRun(t, cfg)
	ctx := t.Context()
	var list callout.List
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `insert into users (username, role, password_hash) values ('anna', 'agent', '-')`); err != nil {
			return err
		}
		_, err := s.queues.Store().Apply(ctx, tx, queue.Document{Agents: []queue.AgentDoc{{User: "anna", Desk: true}}, Queues: []queue.QueueDoc{{ID: "sales", Members: []queue.MemberDoc{{User: "anna"}}}}})
		if err != nil {
			return err
		}
		list, err = s.callouts.Create(ctx, tx, callout.List{Name: "spring", Queue: "sales", Mode: callout.Progressive, State: callout.Running, Busy: time.Second}, "boss")
		if err != nil {
			return err
		}
		_, err = s.callouts.Add(ctx, tx, list.ID, []callout.Person{{Number: "+8613900139000", Name: "Li"}, {Number: "+8613800138000", Name: "Wang"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.queues.Reload(ctx); err != nil {
		t.Fatal(err)
	}
	var agent queue.AgentID
	if err := s.db.Pool().QueryRow(ctx, `select id::text from users where username = 'anna'`).Scan(&agent); err != nil {
		t.Fatal(err)
	}
	anna.register(s.udp(t), "anna", "secret-anna")
	if err := s.queues.SetPresence(ctx, agent, queue.Available, ""); err != nil {
		t.Fatal(err)
	}
	entry := func(n int) callout.Entry {
		t.Helper()
		all, err := s.callouts.Entries(ctx, list.ID, callout.EntryFilter{})
		if err != nil {
			t.Fatal(err)
		}
		return all[n]
	}

	// Nothing is configured about numbers: the flow that takes callers from outside does not take who is called.
	seen := map[string]bool{}
	rung := func(p *phone) *message { // what is sent again because the machine is slow is no call
		t.Helper()
		limit := time.After(30 * time.Second)
		for {
			select {
			case m := <-p.invites:
				if id := m.header.Get("Call-Id"); !seen[id] {
					seen[id] = true
					return m
				}
			case <-limit:
				t.Fatal("nobody called")
			}
		}
	}
	take := func(p *phone) *message {
		t.Helper()
		m := rung(p)
		p.answer(m, "200 OK", "", p.sdp())
		p.hears(m.body)
		return m
	}
	take(anna) // the agent first, then who is to be called
	busy := rung(far)
	far.answer(busy, "486 Busy Here", "", "")
	anna.hungUp()
	waitFor(t, "the next try of the busy one", func() bool { e := entry(0); return e.Attempts == 1 && e.Outcome == "busy" })

	talk := func(n int) {
		t.Helper()
		take(anna)
		invite := take(far)
		waitFor(t, "the talk", func() bool {
			items, err := s.queues.Items(ctx, "")
			return err == nil && slices.ContainsFunc(items, func(it queue.Item) bool { return it.Phase == queue.Active })
		})
		anna.hearsOnly(toneCaller)
		far.hearsOnly(toneAgent)
		far.byeTo(invite)
		anna.hungUp()
		waitFor(t, "an entry that is done", func() bool { return entry(n).State == callout.Done })
	}
	talk(1) // meanwhile the other
	talk(0)
	e, tries, err := s.callouts.Entry(ctx, list.ID, entry(0).ID)
	if err != nil || len(tries) != 2 || tries[0].Outcome != "busy" || tries[1].Outcome != "answered" || tries[1].AgentName != "anna" || e.Attempts != 2 {
		t.Fatalf("%+v, %+v, %v", e, tries, err)
	}
	waitFor(t, "its record", func() bool {
		r, err := s.store.Get(ctx, tries[1].Call)
		return err == nil && r.Direction == call.DirectionOut && r.To == "+8613900139000" && r.Queue == "sales" && r.From == "4008001234" && !r.EndedAt.IsZero()
	})
	items, err := s.queues.Items(ctx, "")
	if err != nil || len(items) != 0 {
		t.Errorf("left in the queue: %+v, %v", items, err)
	}
}
