package report

import (
	"fmt"
	"slices"
	"strings"
)

// noun is one kind of fact. Its table of sums, its view of rows and these lists name columns alike.
type noun struct {
	name   string
	table  string
	facts  string // rows in [s.lo, s.hi); columns at, dims and sums
	oldest string // query for the first fact
	dims   []string
	sums   []string
	listed bool // the rows have an id
	aged   bool // retention takes its rows, one by one
}

func view(name string) string {
	return "select * from report_" + name + "_facts f where f.at >= s.lo and f.at < s.hi"
}

var nouns = []*noun{
	{name: "conversation", table: "report_conversations", facts: view("conversation"), listed: true,
		oldest: `select min(created_at) from conversations where merged_into is null`,
		dims:   []string{"channel", "queue", "agent", "language", "bot"},
		sums: []string{"n", "messages_in", "messages_bot", "messages_agent", "replied", "reply_ms", "replied_1m", "human", "human_ms", "human_1m", "closed", "closed_ms", "open",
			"with_bot", "contained", "rated", "rated_milli", "rated_good"}},
	{name: "call", table: "report_calls", facts: view("call"), listed: true, aged: true,
		oldest: `select min(started_at) from calls`,
		dims:   []string{"channel", "queue", "agent", "language", "bot", "direction", "disposition"},
		sums: []string{"n", "inbound", "outbound", "connected", "handled", "talk_ms", "with_bot", "contained", "rated", "rated_milli", "rated_good",
			"read", "mood_micro", "trend_micro", "angry", "alerted", "alerts"}},
	{name: "work", table: "report_work", facts: view("work"), listed: true, aged: true,
		oldest: `select min(entered_at) from queue_work`,
		dims:   []string{"channel", "queue", "agent", "language"},
		sums:   []string{"n", "answered", "in_time", "level_of", "abandoned", "short", "wait_ms", "done", "handle_ms"}},
	{name: "ticket", table: "report_tickets", facts: view("ticket"), listed: true,
		oldest: `select min(created_at) from tickets where merged_into is null`,
		dims:   []string{"channel", "queue", "agent", "language", "type", "priority", "state"},
		sums: []string{"n", "open", "resolved", "resolve_ms", "reopened", "complaint", "first_hit", "first_miss", "solve_hit", "solve_miss",
			"rated", "rated_milli", "rated_good"}},
	{name: "state", table: "report_states", facts: "select * from report_state_facts(s.lo, s.hi)",
		oldest: `select min(at) from agent_states`,
		dims:   []string{"agent"}, sums: []string{"available", "ringing", "talking", "wrap_up", "away", "offline"}},
}

func nounOf(name string) *noun {
	for _, n := range nouns {
		if n.name == name {
			return n
		}
	}
	panic("report: no noun " + name)
}

func (n *noun) has(dim string) bool { return slices.Contains(n.dims, dim) }

// each writes every name of a list by a format, joined by commas.
func each(names []string, format string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf(format, name)
	}
	return strings.Join(out, ", ")
}

// spans is the facts for a join with many spans s. The planner takes spans for large ones and would read whole
// tables; behind a fence it looks each up by the index of the moment.
func (n *noun) spans() string { return n.facts + " offset 0" }

// whole is the statement for those of the hours of its argument that have no fewer rows than were counted of them.
func (n *noun) whole() string {
	return `select s.lo from (select h as lo, h + interval '1 hour' as hi from unnest($1::timestamptz[]) h) s
		where (select count(*) from (` + n.facts + `) x) >= (select coalesce(sum(t.n), 0) from ` + n.table + ` t where t.hour = s.lo)`
}

// fold is the statement that counts the hours of its argument anew.
func (n *noun) fold() string {
	return `insert into ` + n.table + ` (hour, ` + each(n.dims, "%s") + `, ` + each(n.sums, "%s") + `)
		select s.lo, ` + each(n.dims, "x.%s") + `, ` + each(n.sums, "sum(x.%s)::bigint") + `
		from (select h as lo, h + interval '1 hour' as hi from unnest($1::timestamptz[]) h) s cross join lateral (` + n.spans() + `) x
		group by s.lo, ` + each(n.dims, "x.%s")
}
