package seed

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tingxin/ticket"
)

// work is the stays of calls and handed conversations in the queues.
func (l *loader) work(ctx context.Context) error {
	var rows [][]any
	add := func(id, kind, queue string, at time.Time, lang string, agent int, wait time.Duration, end time.Time) {
		var who *int64
		var answered *time.Time
		var waited *int64
		cause := "abandoned"
		if agent >= 0 {
			ms := wait.Milliseconds()
			when := at.Add(wait)
			who, answered, waited, cause = &l.agents[agent].id, &when, &ms, "done"
			if end.Before(when) {
				end = when
			}
		} else if wait < 5*time.Second {
			cause = "short_abandon"
		}
		rows = append(rows, []any{id, at, kind, queue, "ended", "normal", at, who, answered, waited, end, cause, []byte(`{"language":"` + lang + `"}`)})
	}
	lang := map[bool]string{true: "zh", false: "en"}
	for i := range l.calls {
		if c := &l.calls[i]; c.queue != "" {
			wait := time.Second + l.exp(14*time.Second)
			end := c.end
			if c.agent < 0 {
				end = c.answered.Add(wait)
			}
			add(c.id.String(), "voice", c.queue, c.answered, lang[c.zh], c.agent, wait, end)
		}
	}
	for i := range l.chats {
		if c := &l.chats[i]; c.human {
			at := c.at.Add(time.Second)
			add(fmt.Sprintf("chat:%d", c.id), "message", c.queue, at, lang[c.zh], c.agent, max(0, c.firstHuman.Sub(at)), c.end)
		}
	}
	return l.copy(ctx, "queue_work", []string{"id", "entered_at", "kind", "queue_id", "phase", "urgency", "since", "agent_id", "answered_at", "wait_ms", "ended_at", "cause", "item"}, len(rows), func(i int) []any { return rows[i] })
}

func (l *loader) tickets(ctx context.Context) error {
	n := (len(l.chats) + len(l.calls)) / perTicket
	first, err := l.ids(ctx, "ticket_numbers", n)
	if err != nil {
		return err
	}
	var clocks [][]any
	err = l.copyTickets(ctx, first, l.moments(n), &clocks)
	if err != nil {
		return err
	}
	return l.copy(ctx, "sla_clocks", []string{"ticket_id", "kind", "policy", "target_ms", "runs", "started_at", "stopped_at", "outcome", "over_ms"}, len(clocks), func(i int) []any { return clocks[i] })
}

func (l *loader) copyTickets(ctx context.Context, first int64, at []time.Time, clocks *[][]any) error {
	r := l.shuffled(5)
	return l.copy(ctx, "tickets", []string{"id", "type", "subject", "state", "priority", "language", "complaint", "contact_id", "queue_id", "assignee", "source", "words", "created_by", "created_at", "updated_at", "state_at", "resolved_at", "closed_at", "reopened"}, len(at), func(i int) []any {
		kind := pick(r, "question", "question", "fault", "return", "return", "refund", "complaint", "callback")
		solved := l.before(at[i].Add(time.Hour + time.Duration(r.ExpFloat64()*float64(30*time.Hour))))
		state, resolved, closed := "open", (*time.Time)(nil), (*time.Time)(nil)
		if solved.Before(l.o.Now) {
			state, resolved = "resolved", &solved
			if end := solved.Add(7 * 24 * time.Hour); end.Before(l.o.Now) {
				state, closed = "closed", &end
			}
		}
		id := first + int64(i)
		stop := func(kind ticket.ClockKind, target time.Duration, end time.Time) {
			took, outcome := end.Sub(at[i]), ticket.Hit
			if took > target {
				outcome = ticket.Missed
			}
			runs, _ := json.Marshal([]ticket.Run{{From: at[i], To: end}}) // plain data
			*clocks = append(*clocks, []any{id, kind, "standard", target.Milliseconds(), runs, at[i], end, outcome, max(0, took-target).Milliseconds()})
		}
		end := at[i].Add(time.Duration(r.ExpFloat64() * float64(4*time.Hour)).Truncate(time.Millisecond))
		if end.Before(solved) {
			stop(ticket.FirstHuman, 8*time.Hour, end)
		} else {
			stop(ticket.FirstHuman, 8*time.Hour, solved)
		}
		if resolved != nil {
			stop(ticket.Resolution, 72*time.Hour, solved)
		}
		subject := line(r, true, true)
		return []any{id, kind, subject, state, pick(r, "low", "normal", "normal", "normal", "high", "urgent"), "zh", kind == "complaint", l.someone(), string(pick(r, queues...).ID), l.agents[r.IntN(len(l.agents))].id,
			pick(r, "agent", "customer", "bot", "call", "conversation"), []string{fmt.Sprint(id)}, "seed", at[i], solved, solved, resolved, closed, r.IntN(12) / 11}
	})
}

// states are the days of the agents: eight hours of calls with wrap-up, a break at noon.
func (l *loader) states(ctx context.Context) error {
	r := l.shuffled(7)
	var rows [][]any
	for _, a := range l.agents {
		for day := l.since.Truncate(24 * time.Hour); day.Before(l.o.Now); day = day.Add(24 * time.Hour) {
			if r.Float64() < .28 {
				continue // off
			}
			t := day.Add(time.Duration(r.IntN(8)) * time.Hour)
			end := t.Add(8 * time.Hour)
			put := func(state string, d time.Duration) {
				if t.After(l.since) && t.Before(l.o.Now) {
					rows = append(rows, []any{a.id, state, t})
				}
				t = t.Add(d.Truncate(time.Millisecond))
			}
			for rested := false; t.Before(end); {
				put("available", time.Duration(60+r.IntN(600))*time.Second)
				put("ringing", time.Duration(2+r.IntN(10))*time.Second)
				put("talking", time.Duration(60+r.IntN(900))*time.Second)
				put("wrap_up", time.Duration(10+r.IntN(60))*time.Second)
				if !rested && t.After(end.Add(-4*time.Hour)) {
					rested = true
					put("away", 45*time.Minute)
				}
			}
			put("offline", 0)
		}
	}
	return l.copy(ctx, "agent_states", []string{"user_id", "state", "at"}, len(rows), func(i int) []any { return rows[i] })
}
