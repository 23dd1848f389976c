package report

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// facts are six days of random rows until now, of three agents, two queues and four channels.
var facts = []string{
	`select setseed(0.42)`,
	`insert into users (username, role, password_hash) select 'a' || n, 'agent', '' from generate_series(1, 3) n`,
	`insert into agents (user_id) select id from users`,
	`insert into queues (id, name, settings) values ('sales', 'Sales', '{"level": {"percent": 80, "within": 30000000000, "abandons": true}}'), ('support', 'Support', '{"level": {}}') on conflict (id) do update set settings = excluded.settings`,
	`insert into conversations (key, channel, external_user, language, state, handler, assignee, queue, queued_at, last_at, created_at, first_reply_at, first_human_at, closed_at, rating, rated_at)
		select 'k' || n, (array['web', 'email', 'wechat'])[1 + n % 3], 'u' || n, (array['zh', 'en'])[1 + n % 2], case when closed then 'closed' else 'open' end, 'bot',
			case when human then 1 + n % 3 + (select min(id) - 1 from users) end, case when human then (array['sales', 'support'])[1 + n % 2] else '' end, case when human then t end, t, t,
			case when n % 5 > 0 then t + random() * interval '3 minutes' end, case when human then t + random() * interval '2 hours' end, case when closed then least(t + random() * interval '40 hours', now()) end,
			case when n % 4 = 0 then 1 + n % 5 end, case when n % 4 = 0 then t end
		from (select n, now() - random() * interval '144 hours' as t, random() < 0.5 as human, random() < 0.7 as closed from generate_series(1, 400) n) x`,
	`insert into messages (conversation_id, thread_id, seq, direction, author, kind, text, channel, state, at, created_at)
		select c.id, c.id, m, case when m % 2 = 1 then 'in' else 'out' end, case when m % 2 = 1 then 'customer' when c.id % 3 = 0 or m > 2 then 'agent' else 'bot' end, 'text', 'x', c.channel, 'stored', c.created_at, c.created_at
		from conversations c, generate_series(1, 1 + (c.id % 5)::int) m`,
	`insert into calls (id, state, direction, language, started_at, answered_at, ended_at, queue, agent)
		select gen_random_uuid(), 'ended', case when n % 4 = 0 then 'out' else 'in' end, (array['zh', 'en'])[1 + n % 2], t, case when n % 6 > 0 then t + interval '8 seconds' end, t + random() * interval '10 minutes' + interval '8 seconds',
			(array['sales', 'support', ''])[1 + n % 3], case when n % 3 < 2 and n % 7 > 0 then 'a' || 1 + n % 3 else '' end
		from (select n, now() - random() * interval '144 hours' as t from generate_series(1, 300) n) x`,
	`insert into moods (call_id, side, turns, now, value, trend, peak, peak_start_ms, peak_end_ms) select id, 'caller', 4, 0.3, random(), random() - 0.5, 0.9, 0, 1 from calls where answered_at is not null and random() < 0.6`,
	`insert into alerts (call_id, n, side, state, level, cause, action, raised_at, raised_ms, mood_from, mood_to, start_ms, end_ms)
		select call_id, n, 'caller', case when n = 2 then 'dismissed' else 'ended' end, 'agent', 'x', 'y', now(), 1, 0, 1, 0, 1 from moods, generate_series(1, 3) n where value > 0.6`,
	`insert into wrap_ups (call_id, username, disposition) select id, agent, (array['solved', 'complaint', 'other'])[1 + floor(random() * 3)::int] from calls where agent <> ''`,
	`insert into feedback (kind, source, reason, origin, score, at) select 'csat', 'call', 'call:' || id, 's' || id || n, 1 + floor(random() * 5)::int, ended_at from calls, generate_series(1, 2) n where agent <> '' and answered_at is not null`,
	`insert into bot_sessions (channel, subject, ended_at) select 'call', 'call:' || id, ended_at from calls where direction = 'in' and random() < 0.4`,
	`insert into queue_work (id, entered_at, kind, queue_id, phase, urgency, since, agent_id, answered_at, wait_ms, ended_at, cause, item)
		select case when n % 3 = 0 then 'chat:' || (select min(id) + n % 400 from conversations) when n % 3 = 1 then gen_random_uuid()::text else 'ticket:' || n end, t, (array['message', 'voice', 'ticket'])[1 + n % 3],
			(array['sales', 'support'])[1 + n % 2], 'ended', 'normal', t, 1 + n % 3 + (select min(id) - 1 from users), case when answered then t + wait end, case when answered then extract(epoch from wait) * 1000 end,
			t + case when answered then wait + random() * interval '20 minutes' else wait end, case when answered then 'done' when wait < interval '5 seconds' then 'short_abandon' else 'abandoned' end, '{"language": "zh"}'
		from (select n, now() - random() * interval '144 hours' as t, random() * interval '70 seconds' as wait, random() < 0.7 as answered from generate_series(1, 400) n) x`,
	`insert into tickets (type, subject, state, priority, queue_id, assignee, source, created_by, created_at, updated_at, state_at, resolved_at, reopened, complaint)
		select (array['question', 'refund'])[1 + n % 2], 's', case when n % 3 = 0 then 'open' else 'resolved' end, 'normal', 'sales', (select min(id) from users), 'agent', 'x', t, t, t, case when n % 3 > 0 then t + random() * interval '20 hours' end, n % 4, n % 5 = 0
		from (select n, now() - random() * interval '144 hours' as t from generate_series(1, 150) n) x`,
	`insert into sla_clocks (ticket_id, kind, policy, target_ms, runs, started_at, stopped_at, outcome) select id, k, 'p', 1, '[]', created_at, created_at + interval '1 hour', case when random() < 0.3 then 'missed' else 'hit' end from tickets, unnest(array['first_human', 'resolution', 'next']) k`,
	`insert into agent_states (user_id, state, at) select a.user_id, (array['available', 'ringing', 'talking', 'wrap_up', 'away', 'offline'])[1 + floor(random() * 6)::int], now() - random() * interval '144 hours' from agents a, generate_series(1, 120)`,
	`insert into assist_clusters (lang, label, vector, model, kind, n, month, week, week_before, solve_rate, hand_rate, impact, first_at, last_at) select 'zh', 'q' || n, '', '', 'variants', 1, 1, 1, 0, 0, 0, 0, now(), now() from generate_series(1, 3) n`,
	`insert into assist_questions (source, ref, lang, text, why, solved, cluster_id, at) select 'bot', n::text, 'zh', 'x', 'unsure', n % 2 = 0, (select min(id) from assist_clusters) + n % 2, now() - random() * interval '144 hours' from generate_series(1, 60) n`,
}

// late are changes of what was counted already: a reply, a rating, a merge, a mood, a split, a promise.
var late = []string{
	`update conversations set first_reply_at = created_at + interval '50 seconds', last_seq = last_seq + 1 where first_reply_at is null and id % 2 = 0`,
	`update conversations set state = 'closed', closed_at = now() where state = 'open' and id % 3 = 0`,
	`update conversations set merged_into = (select min(id) from conversations) where id % 11 = 0`,
	`update messages set thread_id = (select min(id) from conversations) where thread_id % 11 = 0`,
	`update moods set value = 0.9 where value < 0.2`,
	`update mood_rules set angry = 0.4`,
	`delete from alerts where n = 3`,
	`update wrap_ups set disposition = 'answered' where disposition = 'other'`,
	`update feedback set reason = '' where score = 1`,
	`update queue_work set agent_id = (select max(id) from users) where cause = 'done' and entered_at > now() - interval '40 hours'`,
	`update queues set settings = '{"level": {"within": 45000000000, "abandons": true}}' where id = 'support'`,
	`update tickets set type = 'fault', state = 'closed' where id % 4 = 0`,
	`insert into sla_clocks (ticket_id, kind, policy, target_ms, runs, started_at, stopped_at, outcome) select id, 'first_any', 'p', 1, '[]', created_at, created_at, 'missed' from tickets where id % 2 = 0`,
	`insert into agent_states (user_id, state, at) select user_id, 'talking', now() - interval '70 hours' from agents`,
	`insert into bot_sessions (channel, subject, ended_at) select 'call', 'call:' || id, now() from calls where direction = 'in' and queue = '' on conflict do nothing`,
}

// direct are slow counts over the plain tables: what each figure is by its own words. $1 and $2 are the span, $3 the zone.
var direct = []struct {
	report, by, column string
	filter             Filter
	sql                string // key and value
}{
	{"volume", ByDay, "conversations", Filter{}, `select to_char(created_at at time zone $3, 'YYYY-MM-DD'), count(*) from conversations where merged_into is null and created_at >= $1 and created_at < $2 group by 1`},
	{"volume", "channel", "contacts", Filter{}, `select channel, count(*) from (select channel, created_at as t from conversations where merged_into is null union all select 'voice', started_at from calls) x where t >= $1 and t < $2 and $3 <> '' group by 1`},
	{"volume", ByWeekday, "calls_in", Filter{Languages: []string{"en"}}, `select to_char(started_at at time zone $3, 'ID'), count(*) from calls where direction = 'in' and language = 'en' and started_at >= $1 and started_at < $2 group by 1`},
	{"volume", ByHour, "messages_agent", Filter{Channels: []string{"web", "email"}}, `select to_char(c.created_at at time zone $3, 'HH24'), count(*) from messages m join conversations c on c.id = m.thread_id
		where m.author = 'agent' and m.direction = 'out' and c.merged_into is null and c.channel in ('web', 'email') and c.created_at >= $1 and c.created_at < $2 group by 1`},
	{"volume", "bot", "conversations", Filter{}, `select case when not exists (select from messages m where m.thread_id = c.id and m.author = 'bot') then 'none' when first_human_at is null and queued_at is null and assignee is null then 'contained' else 'handed' end, count(*)
		from conversations c where merged_into is null and created_at >= $1 and created_at < $2 and $3 <> '' group by 1`},
	{"response", "channel", "first_reply", Filter{Bot: BotPeople}, `select channel, avg(extract(epoch from first_reply_at - created_at) * 1000)::float8 from conversations c where merged_into is null and first_reply_at is not null and created_at >= $1 and created_at < $2 and $3 <> ''
		and (first_human_at is not null or queued_at is not null or assignee is not null or not exists (select from messages m where m.thread_id = c.id and m.author = 'bot')) group by 1`},
	{"response", "queue", "human_1m", Filter{Queues: []string{"sales"}}, `select queue, avg((first_human_at - created_at <= interval '1 minute')::int)::float8 from conversations where merged_into is null and first_human_at is not null and queue = 'sales' and created_at >= $1 and created_at < $2 and $3 <> '' group by 1`},
	{"response", ByDay, "duration", Filter{}, `select to_char(created_at at time zone $3, 'YYYY-MM-DD'), avg(extract(epoch from closed_at - created_at) * 1000)::float8 from conversations where merged_into is null and state = 'closed' and created_at >= $1 and created_at < $2 group by 1`},
	{"service", "queue", "level", Filter{}, `select queue_id, count(*) filter (where answered_at is not null and wait_ms <= w)::float8 / (count(*) filter (where answered_at is not null) + count(*) filter (where a and cause = 'abandoned' and extract(epoch from ended_at - since) * 1000 > w))
		from (select k.*, coalesce((q.settings->'level'->>'within')::bigint / 1000000, 20000) as w, coalesce((q.settings->'level'->>'abandons')::boolean, false) as a from queue_work k join queues q on q.id = k.queue_id) x
		where entered_at >= $1 and entered_at < $2 and $3 <> '' group by 1`},
	{"service", "channel", "abandon_rate", Filter{}, `select case when id like 'chat:%' then (select channel from conversations c where 'chat:' || c.id = k.id) else kind end, count(*) filter (where cause = 'abandoned')::float8 / count(*) filter (where cause = 'abandoned' or answered_at is not null)
		from queue_work k where entered_at >= $1 and entered_at < $2 and $3 <> '' group by 1`},
	{"service", ByHour, "short", Filter{}, `select to_char(entered_at at time zone $3, 'HH24'), count(*) from queue_work where cause = 'short_abandon' and entered_at >= $1 and entered_at < $2 group by 1`},
	{"bot", "language", "contained", Filter{}, `select language, count(*) from (
		select language, created_at as t from conversations c where merged_into is null and first_human_at is null and queued_at is null and assignee is null and exists (select from messages m where m.thread_id = c.id and m.author = 'bot')
		union all select language, started_at from calls c where agent = '' and queue = '' and exists (select from bot_sessions s where s.subject = 'call:' || c.id)) x where t >= $1 and t < $2 and $3 <> '' group by 1`},
	{"csat", "agent", "score", Filter{}, `select agent::text, avg(score)::float8 from (
		select coalesce(assignee, 0) as agent, rating::numeric as score, created_at as t from conversations where rating is not null and merged_into is null
		union all select coalesce((select id from users where username = agent), 0), (select avg(f.score) from feedback f where f.reason = 'call:' || c.id), started_at from calls c where exists (select from feedback f where f.reason = 'call:' || c.id)) x
		where t >= $1 and t < $2 and $3 <> '' group by 1`},
	{"agents", "agent", "handle", Filter{}, `select agent_id::text, avg(extract(epoch from ended_at - answered_at) * 1000)::float8 from queue_work where answered_at is not null and ended_at is not null and entered_at >= $1 and entered_at < $2 and $3 <> '' group by 1`},
	{"tickets", "type", "resolution", Filter{}, `select type, avg(extract(epoch from resolved_at - created_at) * 1000)::float8 from tickets where resolved_at is not null and created_at >= $1 and created_at < $2 and $3 <> '' group by 1`},
	{"tickets", "state", "first_kept", Filter{}, `select t.state, avg((outcome = 'hit')::int)::float8 from sla_clocks k join tickets t on t.id = k.ticket_id where k.kind like 'first%' and outcome in ('hit', 'missed') and t.created_at >= $1 and t.created_at < $2 and $3 <> '' group by 1`},
	{"mood", "disposition", "mood", Filter{}, `select coalesce((select disposition from wrap_ups w where w.call_id = c.id), ''), avg(value)::float8 from calls c join moods m on m.call_id = c.id where started_at >= $1 and started_at < $2 and $3 <> '' group by 1`},
	{"mood", "queue", "angry_share", Filter{}, `select queue, avg((value >= (select angry from mood_rules))::int)::float8 from calls c join moods m on m.call_id = c.id where started_at >= $1 and started_at < $2 and $3 <> '' group by 1`},
	{"mood", ByHour, "alerts", Filter{Queues: []string{"support"}}, `select to_char(started_at at time zone $3, 'HH24'), count(*) from calls c join alerts a on a.call_id = c.id and a.state <> 'dismissed' where queue = 'support' and started_at >= $1 and started_at < $2 group by 1`},
	{Backlog, ByDay, "backlog", Filter{}, `select to_char(d at time zone $3, 'YYYY-MM-DD'), (select count(*) from conversations where merged_into is null and created_at < least(d + interval '1 day', $2) and (closed_at is null or state <> 'closed' or closed_at >= least(d + interval '1 day', $2)))
		from generate_series(date_trunc('day', $1::timestamptz, $3), $2::timestamptz - interval '1 microsecond', interval '1 day') d`},
	{Questions, "question", "asked", Filter{}, `select cluster_id::text, count(*) from assist_questions where at >= $1 and at < $2 and $3 <> '' group by 1`},
}

type house struct {
	*Service
	t *testing.T
}

func open(t *testing.T) *house {
	t.Helper()
	db := pgtest.New(t)
	s, err := New(Config{}, db, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	h := &house{s, t}
	h.run(facts)
	h.run([]string{`analyze`})
	return h
}

func (h *house) run(statements []string) {
	h.t.Helper()
	for _, sql := range statements {
		if _, err := h.db.Exec(h.t.Context(), sql); err != nil {
			h.t.Fatalf("%s: %v", sql, err)
		}
	}
}

func (h *house) table(q Query) Table {
	h.t.Helper()
	q.Scope.All = q.Scope.All || q.Scope.Queues == nil && q.Scope.Agents == nil
	t, err := h.Table(h.t.Context(), q)
	if err != nil {
		h.t.Fatal(err)
	}
	return t
}

func (t *Table) column(name string) int {
	return slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
}

// agree compares all reports with direct counts.
func (h *house) agree(when string, since, until time.Time, zone *time.Location) {
	h.t.Helper()
	type kv struct {
		Key   string
		Value float64
	}
	for _, d := range direct {
		t := h.table(Query{Report: d.report, By: d.by, Since: since, Until: until, Zone: zone, Filter: d.filter})
		want, err := pg.Rows(context.Background(), h.db, pgx.RowToStructByPos[kv], d.sql, since, until, zone.String())
		if err != nil {
			h.t.Fatalf("%s: %v", d.sql, err)
		}
		at, found := t.column(d.column), 0
		for _, row := range t.Rows {
			i := slices.IndexFunc(want, func(w kv) bool { return w.Key == row.Key })
			got := row.Values[at]
			switch {
			case i < 0 && got != nil && *got != 0:
				h.t.Errorf("%s, %s by %s: %s of %q is %v, want none", when, d.report, d.by, d.column, row.Key, *got)
			case i >= 0 && (got == nil || math.Abs(*got-want[i].Value) > 1e-3*math.Max(1, math.Abs(want[i].Value)*1e-3)):
				h.t.Errorf("%s, %s by %s: %s of %q is %s, want %v", when, d.report, d.by, d.column, row.Key, show(got), want[i].Value)
			case i >= 0:
				found++
			}
		}
		if found != len(want) && !h.t.Failed() {
			h.t.Errorf("%s, %s by %s: %d keys, want %d", when, d.report, d.by, found, len(want))
		}
	}
}

func show(v *float64) string {
	if v == nil {
		return "null"
	}
	return fmt.Sprint(*v)
}

func TestSumsEqualADirectCount(t *testing.T) {
	t.Parallel()
	h := open(t)
	shanghai, _ := time.LoadLocation("Asia/Shanghai")
	kolkata, _ := time.LoadLocation("Asia/Kolkata") // its hours are not those of UTC
	day := time.Now().In(shanghai)
	day = time.Date(day.Year(), day.Month(), day.Day(), 0, 0, 0, 0, shanghai)
	now := time.Now().Add(time.Second)
	all := func(when string) { h.agree(when, now.Add(-123*time.Hour-17*time.Minute), now, shanghai) }
	all("before any sum")
	h.agree("half-hour zone", day.AddDate(0, 0, -3), now, kolkata)
	n, err := h.Fold(t.Context())
	if err != nil || n < 300 {
		t.Fatalf("%d hours, %v", n, err)
	}
	all("after")
	h.run(late)
	all("after late changes")
	if n, err := h.Fold(t.Context()); err != nil || n < 100 {
		t.Fatalf("%d hours, %v", n, err)
	}
	all("counted anew")
	h.agree("whole days", day.AddDate(0, 0, -4), day, shanghai)
	if n, err := h.Fold(t.Context()); err != nil || n != 0 {
		t.Errorf("nothing changed, %d hours were counted: %v", n, err)
	}
	// Sums alone: what is whole and untouched is not read from rows.
	if _, err := h.db.Exec(t.Context(), `update report_conversations set n = n + 1000 where hour = (select min(hour) from report_conversations where hour >= $1)`, day.AddDate(0, 0, -3)); err != nil {
		t.Fatal(err)
	}
	got := h.table(Query{Report: "volume", Since: day.AddDate(0, 0, -3), Until: day, Zone: shanghai})
	if v := got.Total[got.column("conversations")]; v == nil || *v < 1000 {
		t.Errorf("%s conversations: the sums were not used", show(v))
	}
	if err := h.db.Tx(t.Context(), func(tx pgx.Tx) error { _, err := h.Rebuild(t.Context(), tx, day.AddDate(0, 0, -6), now); return err }); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	all("rebuilt")
}

// A changed promise of a queue, or a late change, counts an hour anew whose rows retention took in part.
func TestRetentionTakesNoSums(t *testing.T) {
	t.Parallel()
	h := open(t)
	if _, err := h.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	sums := func() [2]float64 {
		t.Helper()
		work := h.table(Query{Report: "service", Since: now.Add(-150 * time.Hour), Until: now})
		calls := h.table(Query{Report: "volume", Since: now.Add(-150 * time.Hour), Until: now})
		return [2]float64{*work.Total[work.column("entered")], *calls.Total[calls.column("calls_in")]}
	}
	before := sums()
	h.run([]string{
		`delete from queue_work where ended_at < now() - interval '72 hours' and queue_id = 'sales'`,
		`delete from calls where started_at < now() - interval '72 hours' and queue = 'sales'`,
		`update queues set settings = '{"level": {"within": 45000000000}}'`,
		`update calls set language = 'fr'`,
	})
	if n, err := h.Fold(t.Context()); err != nil || n < 100 {
		t.Fatalf("%d hours, %v", n, err)
	}
	if after := sums(); after != before {
		t.Errorf("%v stays and calls, %v before their rows went", after, before)
	}
	n, err := pg.Row(t.Context(), h.db, pgx.RowTo[int], `select count(*)::int from report_calls where language = 'fr'`)
	if err != nil || n < 50 {
		t.Errorf("%d rows of sums have what changed, %v", n, err)
	}
}

// A long first run would take a worker of all jobs each minute, were its followers to wait for it.
func TestFoldWaitsForNobody(t *testing.T) {
	t.Parallel()
	h := open(t)
	err := h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `select pg_advisory_xact_lock($1)`, foldLock); err != nil {
			return err
		}
		if n, err := h.Fold(t.Context()); n != 0 || err != nil {
			t.Errorf("%d hours while somebody counts: %v", n, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if n, err := h.Fold(t.Context()); n == 0 || err != nil {
		t.Errorf("%d hours afterwards: %v", n, err)
	}
}

func TestTimeInStatesIsWhole(t *testing.T) {
	t.Parallel()
	h := open(t)
	now := time.Now().UTC()
	for range 2 { // from rows, then from sums
		got := h.table(Query{Report: "agents", Since: now.Add(-50 * time.Hour), Until: now.Add(-30 * time.Minute), Zone: time.UTC})
		for _, row := range got.Rows {
			if row.Key == "0" { // work of nobody
				continue
			}
			sum := 0.0
			for _, state := range []string{"available", "ringing", "talking", "wrap_up", "away"} {
				sum += *row.Values[got.column(state)]
			}
			var offline float64
			err := h.db.Pool().QueryRow(t.Context(), `select coalesce(sum(extract(epoch from least(e, $3) - greatest(at, $2)) * 1000) filter (where state = 'offline' and e > $2 and at < $3), 0)::float8
				from (select *, lead(at, 1, 'infinity') over (order by at, id) as e from agent_states where user_id = $1::bigint) x`, row.Key, got.Since, got.Until).Scan(&offline)
			if err != nil {
				t.Fatal(err)
			}
			if want := (49*time.Hour + 30*time.Minute).Seconds() * 1000; math.Abs(sum+offline-want) > 200 {
				t.Errorf("agent %s: %.0f ms, want %.0f", row.Key, sum+offline, want)
			}
		}
		if _, err := h.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListsEqualNumbers(t *testing.T) {
	t.Parallel()
	h := open(t)
	if _, err := h.Fold(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Add(time.Second)
	lists := 0
	for name, f := range reports {
		by := f.by[:min(2, len(f.by))]
		for _, by := range by {
			q := Query{Report: name, By: by, Since: now.Add(-100 * time.Hour), Until: now, Zone: time.UTC, Scope: Scope{All: true}, Filter: Filter{Languages: []string{"zh", "en", ""}}}
			table := h.table(q)
			for i, c := range table.Columns {
				if !c.Listed || c.Unit != UnitCount {
					continue
				}
				for _, r := range table.Rows[:min(4, len(table.Rows))] {
					if r.Values[i] == nil {
						continue
					}
					items, err := h.Items(t.Context(), ListQuery{Query: q, Key: &r.Key, Column: c.Name, Limit: 200})
					if err != nil {
						t.Fatal(err)
					}
					if items.Total != int(*r.Values[i]) || len(items.Items) != min(items.Total, 200) {
						t.Errorf("%s by %s, %s of %q: %d listed (%d on the page), number %v", name, by, c.Name, r.Key, items.Total, len(items.Items), *r.Values[i])
					}
					lists++
				}
			}
		}
	}
	if lists < 100 {
		t.Errorf("%d lists only", lists)
	}
}

func TestListByPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	now := time.Now().UTC().Add(time.Second)
	q := ListQuery{Query: Query{Report: "volume", Since: now.Add(-100 * time.Hour), Until: now, Scope: Scope{All: true}}, Column: "contacts", Limit: 100}
	seen := map[string]bool{}
	total := 0
	for {
		page, err := h.Items(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		total = page.Total
		for _, i := range page.Items {
			if seen[i.Kind+i.ID] {
				t.Errorf("%s %s twice", i.Kind, i.ID)
			}
			seen[i.Kind+i.ID] = true
		}
		if page.Next == "" {
			break
		}
		q.Cursor = page.Next
	}
	if len(seen) != total || total < 300 {
		t.Errorf("%d of %d", len(seen), total)
	}
	q.Cursor = "x"
	if _, err := h.Items(t.Context(), q); err == nil {
		t.Error("a cursor of nobody's was taken")
	}
}

func TestScopeAndBefore(t *testing.T) {
	t.Parallel()
	h := open(t)
	now := time.Now().UTC().Truncate(24 * time.Hour)
	q := Query{Report: "volume", By: "queue", Since: now.AddDate(0, 0, -2), Until: now, Compare: true}
	all := h.table(q)
	q.Scope = Scope{Queues: []string{"sales"}}
	some := h.table(q)
	if len(some.Rows) != 1 || some.Rows[0].Key != "sales" || some.Rows[0].Label != "Sales" {
		t.Errorf("%+v", some.Rows)
	}
	whole := all.Rows[slices.IndexFunc(all.Rows, func(r Row) bool { return r.Key == "sales" })]
	if *whole.Values[0] != *some.Rows[0].Values[0] || *whole.Before[0] != *some.Rows[0].Before[0] {
		t.Errorf("%v %v, %v %v", *whole.Values[0], *some.Rows[0].Values[0], *whole.Before[0], *some.Rows[0].Before[0])
	}
	q.Scope = Scope{Queues: []string{}, Agents: []int64{}}
	if none := h.table(q); *none.Total[0] != 0 || len(none.Rows) != 0 {
		t.Errorf("nobody's scope: %s", show(none.Total[0]))
	}
	earlier := h.table(Query{Report: "volume", By: "queue", Since: now.AddDate(0, 0, -4), Until: now.AddDate(0, 0, -2)})
	if *earlier.Total[0] != *all.Before[0] {
		t.Errorf("before: %v, want %v", *all.Before[0], *earlier.Total[0])
	}
	// A filter that a noun does not know leaves it out, rather than not narrowing it.
	typed := h.table(Query{Report: "volume", By: ByWeekday, Since: now.AddDate(0, 0, -4), Until: now, Filter: Filter{Types: []string{"refund"}}})
	if v := typed.Total[typed.column("tickets")]; typed.Total[0] != nil || v == nil || *v == 0 {
		t.Errorf("contacts %s, tickets %s", show(typed.Total[0]), show(v))
	}
	people := h.table(Query{Report: Backlog, Since: now.AddDate(0, 0, -4), Until: now, Filter: Filter{Bot: BotPeople}})
	if v := people.Total[people.column("tickets_backlog")]; people.Total[people.column("backlog")] != nil || v == nil {
		t.Errorf("people's backlog %s, tickets %s", show(people.Total[people.column("backlog")]), show(v))
	}
}

func TestQuestionsAreChecked(t *testing.T) {
	t.Parallel()
	s, err := New(Config{Zone: "Asia/Shanghai"}, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for _, q := range []Query{
		{Report: "none", Since: now.Add(-time.Hour), Until: now},
		{Report: "volume", Since: now, Until: now},
		{Report: "volume", Since: now.AddDate(-2, 0, 0), Until: now},
		{Report: "volume", By: "disposition", Since: now.Add(-time.Hour), Until: now},
		{Report: "volume", Since: now.Add(-time.Hour), Until: now, Filter: Filter{Bot: "x"}},
		{Report: "volume", Since: now.Add(-time.Hour), Until: now, Filter: Filter{Agents: make([]int64, maxNames+1)}},
	} {
		if _, err := s.Table(t.Context(), q); err == nil || !strings.HasPrefix(err.Error(), ErrQuery.Error()) {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if _, err := New(Config{Zone: "Mars"}, nil, nil); err == nil {
		t.Error("Mars is a zone")
	}
}

func FuzzReadCursor(f *testing.F) {
	f.Add("MTIzIGNhbGwgeA")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		if at, noun, id, err := readCursor(text); err == nil && (at.IsZero() || noun == "" || id == "") {
			t.Errorf("%q: %v %q %q", text, at, noun, id)
		}
	})
}
