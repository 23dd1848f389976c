package queue

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Two acts on one piece of work at the same moment: one agent has it, or nobody; no load is left behind; and both are
// told what came of it.
func TestActsOnWorkTogether(t *testing.T) {
	t.Parallel()
	o := newOffice(t, 2, nil)
	s := o.serve("one", nil)
	ctx, anna, bert := t.Context(), o.agents[0], o.agents[1]
	s.available(anna)
	assign := func(to AgentID) func(WorkID, Token) error {
		return func(id WorkID, _ Token) error { _, err := s.Assign(ctx, id, to, "boss"); return err }
	}
	accept := func(_ WorkID, offer Token) error { _, err := s.Accept(ctx, offer, anna); return err }
	remove := func(id WorkID, _ Token) error { return s.Remove(ctx, id) }
	hangUp := func(id WorkID, _ Token) error { _, err := s.Cancel(ctx, id); return err }
	for _, tc := range []struct {
		name     string
		one, two func(WorkID, Token) error
		over     bool
	}{
		{"assign against accept", assign(bert), accept, false},
		{"assign against assign", assign(anna), assign(bert), false},
		{"remove against hang-up", remove, hangUp, true},
	} {
		for round := range 25 {
			must(t, s.SetPresence(ctx, bert, Away, "break"))
			id := WorkID(fmt.Sprint(tc.name, round))
			k := s.enqueue(Work{ID: id})
			offer := next(t, k, OfferMade)
			acts := []func(WorkID, Token) error{tc.one, tc.two}
			first := round % 2
			told := make([]error, 2)
			var ready, done sync.WaitGroup
			ready.Add(2)
			start := make(chan struct{})
			for _, i := range []int{first, 1 - first} {
				done.Go(func() { // ends with the act
					ready.Done()
					<-start
					told[i] = acts[i](id, offer.Token)
				})
			}
			ready.Wait()
			close(start)
			done.Wait()
			owner, err := pg.Row(ctx, o.db, pgx.RowTo[string], `select coalesce((select phase || ' ' || coalesce(agent_id::text, '') from queue_work where id = $1 and phase <> 'ended'), '')`, string(id))
			must(t, err)
			holders := 0
			for _, a := range o.agents {
				d, err := s.Desk(ctx, a)
				must(t, err)
				holders += len(d.Work)
				if d.Offer != nil {
					t.Fatalf("%s, round %d: it still rings at %s", tc.name, round, a)
				}
			}
			switch {
			case tc.over:
				gone := 0
				for _, err := range told {
					if errors.Is(err, ErrNoWork) {
						gone++
					} else if err != nil {
						t.Fatalf("%s, round %d: told %v", tc.name, round, told)
					}
				}
				if gone != 1 || owner != "" || holders != 0 {
					t.Fatalf("%s, round %d: told %v; work %q, held by %d", tc.name, round, told, owner, holders)
				}
			case told[0] != nil, told[1] != nil && !(tc.name == "assign against accept" && errors.Is(told[1], ErrGone)), holders != 1,
				owner != "assigned "+string(anna) && owner != "assigned "+string(bert),
				tc.name == "assign against accept" && owner != "assigned "+string(bert): // what the supervisor orders counts in either order
				t.Fatalf("%s, round %d: told %v; work %q, held by %d", tc.name, round, told, owner, holders)
			}
			if !tc.over {
				must(t, s.Remove(ctx, id))
				for _, a := range o.agents {
					if d, err := s.Desk(ctx, a); err != nil || len(d.Work) > 0 {
						t.Fatalf("%s, round %d: load is left: %v, %v", tc.name, round, d.Work, err)
					}
				}
			}
		}
	}
}
