-- +goose Up
-- Sums by the hour for reports, made beside the traffic: whatever changes a fact says which hour it
-- belongs to, and that hour is counted anew later. Until then reports count its rows.

-- Hours to count anew. Only added to by triggers, so nobody waits for anybody; the counter takes rows out
-- before it counts, so what is committed meanwhile leaves its own row and is counted again.
create table report_touched (
    noun text        not null,
    hour timestamptz not null
);
create index report_touched_hours on report_touched (noun, hour);

-- Up to where hours were handed to the counter that come by themselves: states go on without a row.
create table report_mark (
    noun  text primary key,
    until timestamptz not null
);
insert into report_mark select 'state', date_trunc('hour', coalesce(min(at), now()), 'UTC') from agent_states;

create table report_conversations (
    hour           timestamptz not null, -- in which they began
    channel        text        not null,
    queue          text        not null,
    agent          bigint      not null, -- user; 0: nobody
    language       text        not null,
    bot            text        not null, -- none, contained (the bot alone), handed (people after it)
    n              bigint      not null,
    messages_in    bigint      not null,
    messages_bot   bigint      not null,
    messages_agent bigint      not null,
    replied        bigint      not null,
    reply_ms       bigint      not null,
    replied_1m     bigint      not null,
    human          bigint      not null,
    human_ms       bigint      not null,
    human_1m       bigint      not null,
    closed         bigint      not null,
    closed_ms      bigint      not null,
    open           bigint      not null,
    with_bot       bigint      not null,
    contained      bigint      not null,
    rated          bigint      not null,
    rated_milli    bigint      not null, -- thousandths
    rated_good     bigint      not null,
    primary key (hour, channel, queue, agent, language, bot)
);

create table report_calls (
    hour        timestamptz not null,
    channel     text        not null,
    queue       text        not null,
    agent       bigint      not null,
    language    text        not null,
    bot         text        not null,
    direction   text        not null,
    disposition text        not null,
    n           bigint      not null,
    inbound     bigint      not null,
    outbound    bigint      not null,
    connected   bigint      not null,
    handled     bigint      not null,
    talk_ms     bigint      not null,
    with_bot    bigint      not null,
    contained   bigint      not null,
    rated       bigint      not null,
    rated_milli bigint      not null,
    rated_good  bigint      not null,
    read        bigint      not null, -- voices that were read
    mood_micro  bigint      not null, -- millionths
    trend_micro bigint      not null,
    angry       bigint      not null,
    alerted     bigint      not null,
    alerts      bigint      not null,
    primary key (hour, channel, queue, agent, language, bot, direction, disposition)
);

create table report_work (
    hour      timestamptz not null, -- in which it entered the queue
    channel   text        not null,
    queue     text        not null,
    agent     bigint      not null,
    language  text        not null,
    n         bigint      not null,
    answered  bigint      not null,
    in_time   bigint      not null,
    level_of  bigint      not null, -- what in_time is a share of, by the queue's own rule
    abandoned bigint      not null,
    short     bigint      not null,
    wait_ms   bigint      not null,
    done      bigint      not null,
    handle_ms bigint      not null,
    primary key (hour, channel, queue, agent, language)
);

create table report_tickets (
    hour        timestamptz not null,
    channel     text        not null,
    queue       text        not null,
    agent       bigint      not null,
    language    text        not null,
    type        text        not null,
    priority    text        not null,
    state       text        not null,
    n           bigint      not null,
    open        bigint      not null,
    resolved    bigint      not null,
    resolve_ms  bigint      not null,
    reopened    bigint      not null,
    complaint   bigint      not null,
    first_hit   bigint      not null,
    first_miss  bigint      not null,
    solve_hit   bigint      not null,
    solve_miss  bigint      not null,
    rated       bigint      not null,
    rated_milli bigint      not null,
    rated_good  bigint      not null,
    primary key (hour, channel, queue, agent, language, type, priority, state)
);

create table report_states (
    hour      timestamptz not null,
    agent     bigint      not null,
    available bigint      not null, -- milliseconds, as the others
    ringing   bigint      not null,
    talking   bigint      not null,
    wrap_up   bigint      not null,
    away      bigint      not null,
    offline   bigint      not null,
    primary key (hour, agent)
);

create index conversations_by_creation on conversations (created_at, id) where merged_into is null;
create index conversations_by_closing on conversations (closed_at) where merged_into is null and closed_at is not null;
create index tickets_by_creation on tickets (created_at, id) where merged_into is null;
create index tickets_by_resolution on tickets (resolved_at) where merged_into is null and resolved_at is not null;
create index queue_work_by_entry on queue_work (entered_at);
create index sla_clocks_of on sla_clocks (ticket_id, kind) where stopped_at is not null;
create index bot_sessions_by_subject on bot_sessions (channel, subject);
create index agent_states_by_time on agent_states (at);

-- The facts: one row per thing that is counted. Sums and lists are both made of these.
create view report_conversation_facts as
    select id, at, channel, queue, agent, language,
        case when with_bot = 0 then 'none' when helped then 'handed' else 'contained' end as bot,
        1 as n, messages_in, messages_bot, messages_agent, replied, reply_ms, case when reply_ms <= 60000 then replied else 0 end as replied_1m,
        human, human_ms, case when human_ms <= 60000 then human else 0 end as human_1m, closed, closed_ms, open, with_bot,
        case when with_bot = 1 and not helped then 1 else 0 end as contained, rated, rated_milli, rated_good
    from (
        select c.id::text as id, c.created_at as at, c.channel, c.queue, coalesce(c.assignee, 0) as agent, c.language,
            c.first_human_at is not null or c.queued_at is not null or c.assignee is not null as helped,
            (select count(*) from messages m where m.thread_id = c.id and m.author = 'customer' and m.direction = 'in') as messages_in,
            (select count(*) from messages m where m.thread_id = c.id and m.author = 'bot' and m.direction = 'out') as messages_bot,
            (select count(*) from messages m where m.thread_id = c.id and m.author = 'agent' and m.direction = 'out') as messages_agent,
            (c.first_reply_at is not null)::int as replied, coalesce(greatest((extract(epoch from c.first_reply_at - c.created_at) * 1000)::bigint, 0), 0) as reply_ms,
            (c.first_human_at is not null)::int as human, coalesce(greatest((extract(epoch from c.first_human_at - c.created_at) * 1000)::bigint, 0), 0) as human_ms,
            (c.state = 'closed')::int as closed,
            case when c.state = 'closed' then coalesce(greatest((extract(epoch from c.closed_at - c.created_at) * 1000)::bigint, 0), 0) else 0 end as closed_ms,
            (c.state in ('open', 'snoozed'))::int as open,
            (exists (select from messages m where m.thread_id = c.id and m.author = 'bot'))::int as with_bot,
            (c.rating is not null)::int as rated, coalesce(c.rating, 0) * 1000 as rated_milli, coalesce(c.rating >= 4, false)::int as rated_good
        from conversations c where c.merged_into is null
    ) x;

create view report_call_facts as
    select c.id::text as id, c.started_at as at, 'voice' as channel, c.queue, coalesce(u.id, 0) as agent, c.language,
        case when not exists (select from bot_sessions s where s.channel = 'call' and s.subject = 'call:' || c.id) then 'none' when c.agent = '' and c.queue = '' then 'contained' else 'handed' end as bot,
        c.direction, coalesce((select w.disposition from wrap_ups w where w.call_id = c.id order by w.updated_at desc, w.username limit 1), '') as disposition,
        1 as n, (c.direction = 'in')::int as inbound, (c.direction = 'out')::int as outbound, (c.answered_at is not null)::int as connected, (c.agent <> '')::int as handled,
        coalesce(greatest((extract(epoch from c.ended_at - c.answered_at) * 1000)::bigint, 0), 0) as talk_ms,
        (exists (select from bot_sessions s where s.channel = 'call' and s.subject = 'call:' || c.id))::int as with_bot,
        (c.agent = '' and c.queue = '' and exists (select from bot_sessions s where s.channel = 'call' and s.subject = 'call:' || c.id))::int as contained,
        (exists (select from feedback f where f.reason = 'call:' || c.id and f.reason <> '' and f.kind = 'csat'))::int as rated,
        coalesce((select round(1000 * avg(f.score)) from feedback f where f.reason = 'call:' || c.id and f.reason <> '' and f.kind = 'csat'), 0)::bigint as rated_milli,
        coalesce((select avg(f.score) >= 4 from feedback f where f.reason = 'call:' || c.id and f.reason <> '' and f.kind = 'csat'), false)::int as rated_good,
        (m.call_id is not null)::int as read, coalesce(round(m.value::numeric * 1000000), 0)::bigint as mood_micro, coalesce(round(m.trend::numeric * 1000000), 0)::bigint as trend_micro,
        coalesce(m.value >= 0.65, false)::int as angry,
        (exists (select from alerts a where a.call_id = c.id and a.side = 'caller' and a.state <> 'dismissed'))::int as alerted,
        (select count(*) from alerts a where a.call_id = c.id and a.side = 'caller' and a.state <> 'dismissed') as alerts
    from calls c left join users u on u.username = c.agent left join moods m on m.call_id = c.id and m.side = 'caller';

-- Answered in time, and what counts as missed, by the rule that the queue has now: as the board counts today.
create view report_work_facts as
    select id, at, channel, queue, agent, language, 1 as n, answered, case when wait_ms <= within_ms then answered else 0 end as in_time,
        answered + case when counts_lost and cause = 'abandoned' and gone_ms > within_ms then 1 else 0 end as level_of,
        (cause = 'abandoned')::int as abandoned, (cause = 'short_abandon')::int as short, wait_ms, done, handle_ms
    from (
        select w.id, w.entered_at as at, w.queue_id as queue, coalesce(w.agent_id, 0) as agent, coalesce(w.item->>'language', '') as language,
            case when w.kind in ('chat', 'message') then coalesce((select c.channel from conversations c where c.id = case when w.id ~ '^chat:[0-9]{1,18}$' then substr(w.id, 6)::bigint end), w.kind) else w.kind end as channel,
            w.cause, (w.answered_at is not null)::int as answered, coalesce(w.wait_ms, 0) as wait_ms,
            case when coalesce((q.settings->'level'->>'within')::bigint, 0) > 0 then (q.settings->'level'->>'within')::bigint / 1000000 else 20000 end as within_ms,
            coalesce((q.settings->'level'->>'abandons')::boolean, false) as counts_lost, extract(epoch from w.ended_at - w.since) * 1000 as gone_ms,
            (w.answered_at is not null and w.ended_at is not null)::int as done,
            coalesce(greatest((extract(epoch from w.ended_at - w.answered_at) * 1000)::bigint, 0), 0) as handle_ms
        from queue_work w join queues q on q.id = w.queue_id
    ) x;

create view report_ticket_facts as
    select t.id::text as id, t.created_at as at, 'ticket' as channel, coalesce(t.queue_id, '') as queue, coalesce(t.assignee, 0) as agent, t.language, t.type, t.priority, t.state,
        1 as n, (t.state not in ('resolved', 'closed'))::int as open, (t.resolved_at is not null)::int as resolved,
        coalesce(greatest((extract(epoch from t.resolved_at - t.created_at) * 1000)::bigint, 0), 0) as resolve_ms, (t.reopened > 0)::int as reopened, t.complaint::int as complaint,
        (select count(*) from sla_clocks k where k.ticket_id = t.id and k.stopped_at is not null and k.kind in ('first_any', 'first_human') and k.outcome = 'hit') as first_hit,
        (select count(*) from sla_clocks k where k.ticket_id = t.id and k.stopped_at is not null and k.kind in ('first_any', 'first_human') and k.outcome = 'missed') as first_miss,
        (select count(*) from sla_clocks k where k.ticket_id = t.id and k.stopped_at is not null and k.kind = 'resolution' and k.outcome = 'hit') as solve_hit,
        (select count(*) from sla_clocks k where k.ticket_id = t.id and k.stopped_at is not null and k.kind = 'resolution' and k.outcome = 'missed') as solve_miss,
        (exists (select from feedback f where f.reason = 'ticket:' || t.id and f.reason <> '' and f.kind = 'csat'))::int as rated,
        coalesce((select round(1000 * avg(f.score)) from feedback f where f.reason = 'ticket:' || t.id and f.reason <> '' and f.kind = 'csat'), 0)::bigint as rated_milli,
        coalesce((select avg(f.score) >= 4 from feedback f where f.reason = 'ticket:' || t.id and f.reason <> '' and f.kind = 'csat'), false)::int as rated_good
    from tickets t where t.merged_into is null;

-- How long agents were in each state in [lo, hi), at most until now: one row per stay.
-- +goose StatementBegin
create function report_state_facts(lo timestamptz, hi timestamptz) returns table (at timestamptz, agent bigint, available bigint, ringing bigint, talking bigint, wrap_up bigint, away bigint, offline bigint)
    language sql stable as $$
    with rows as (
        select a.user_id, s.state, s.at, s.id from agents a cross join lateral
            (select state, at, id from agent_states where user_id = a.user_id and at < lo order by at desc, id desc limit 1) s
        union all select user_id, state, at, id from agent_states where at >= lo and at < least(hi, now())
    ), stays as (
        select user_id, state, greatest(at, lo) as begun, lead(at, 1, least(hi, now())) over (partition by user_id order by at, id) as ended from rows
    ), times as (
        select begun, user_id, state, (extract(epoch from ended - begun) * 1000)::bigint as ms from stays where ended > begun
    )
    select begun, user_id, case when state = 'available' then ms else 0 end, case when state = 'ringing' then ms else 0 end, case when state = 'talking' then ms else 0 end, case when state = 'wrap_up' then ms else 0 end, case when state = 'away' then ms else 0 end, case when state = 'offline' then ms else 0 end from times
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function report_touch() returns trigger language plpgsql as $$
begin
    case tg_table_name
    when 'conversations' then
        insert into report_touched values ('conversation', date_trunc('hour', new.created_at, 'UTC'));
    when 'calls' then
        insert into report_touched values ('call', date_trunc('hour', new.started_at, 'UTC'));
    when 'queue_work' then
        insert into report_touched values ('work', date_trunc('hour', new.entered_at, 'UTC'));
    when 'tickets' then
        insert into report_touched values ('ticket', date_trunc('hour', new.created_at, 'UTC'));
    when 'sla_clocks' then
        insert into report_touched select 'ticket', date_trunc('hour', created_at, 'UTC') from tickets where id = new.ticket_id;
    when 'agent_states' then -- one that comes late cuts a stay that went on
        insert into report_touched select 'state', h from generate_series(date_trunc('hour', new.at, 'UTC'),
            (select coalesce(min(at), now()) from agent_states where user_id = new.user_id and at > new.at), interval '1 hour') h;
    end case;
    return null;
end
$$;
-- +goose StatementEnd
create trigger report_touch_new after insert on conversations for each row execute function report_touch();
create trigger report_touch_changed after update on conversations for each row
    when ((new.queue, new.assignee, new.language, new.state, new.last_seq, new.first_reply_at, new.first_human_at, new.queued_at, new.closed_at, new.rating, new.merged_into)
        is distinct from (old.queue, old.assignee, old.language, old.state, old.last_seq, old.first_reply_at, old.first_human_at, old.queued_at, old.closed_at, old.rating, old.merged_into))
    execute function report_touch();
create trigger report_touch_new after insert on calls for each row execute function report_touch();
create trigger report_touch_changed after update on calls for each row
    when ((new.queue, new.agent, new.language, new.answered_at, new.ended_at) is distinct from (old.queue, old.agent, old.language, old.answered_at, old.ended_at))
    execute function report_touch();
create trigger report_touch_new after insert on queue_work for each row execute function report_touch();
create trigger report_touch_changed after update on queue_work for each row
    when ((new.queue_id, new.agent_id, new.answered_at, new.wait_ms, new.ended_at, new.cause, new.since) is distinct from (old.queue_id, old.agent_id, old.answered_at, old.wait_ms, old.ended_at, old.cause, old.since))
    execute function report_touch();
create trigger report_touch_new after insert on tickets for each row execute function report_touch();
create trigger report_touch_changed after update on tickets for each row
    when ((new.queue_id, new.assignee, new.language, new.type, new.priority, new.state, new.resolved_at, new.reopened, new.complaint, new.merged_into)
        is distinct from (old.queue_id, old.assignee, old.language, old.type, old.priority, old.state, old.resolved_at, old.reopened, old.complaint, old.merged_into))
    execute function report_touch();
create trigger report_touch after insert or update on sla_clocks for each row when (new.stopped_at is not null) execute function report_touch();
create trigger report_touch after insert on agent_states for each row execute function report_touch();

-- What hangs on a call, a conversation or a ticket.
-- +goose StatementBegin
create function report_touch_call() returns trigger language plpgsql as $$
begin
    insert into report_touched select 'call', date_trunc('hour', started_at, 'UTC') from calls where id = case when tg_op = 'DELETE' then old.call_id else new.call_id end;
    return null;
end
$$;
-- +goose StatementEnd
create trigger report_touch after insert or update or delete on moods for each row execute function report_touch_call();
create trigger report_touch after insert or update or delete on alerts for each row execute function report_touch_call();
create trigger report_touch after insert or update or delete on wrap_ups for each row execute function report_touch_call();

-- +goose StatementBegin
create function report_touch_message() returns trigger language plpgsql as $$
begin
    insert into report_touched select 'conversation', date_trunc('hour', created_at, 'UTC') from conversations
        where id = old.thread_id or tg_op = 'UPDATE' and id = new.thread_id;
    return null;
end
$$;
-- +goose StatementEnd
-- Merges and splits move messages; new ones change their conversation's last_seq.
create trigger report_touch after delete or update of thread_id on messages for each row execute function report_touch_message();

-- +goose StatementBegin
create function report_touch_reason() returns trigger language plpgsql as $$
declare
    r text;
begin
    foreach r in array case tg_op when 'INSERT' then array[new.reason] when 'DELETE' then array[old.reason] else array[old.reason, new.reason] end loop
        if r ~ '^call:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
            insert into report_touched select 'call', date_trunc('hour', started_at, 'UTC') from calls where id = substr(r, 6)::uuid;
        elsif r ~ '^ticket:[0-9]{1,18}$' then
            insert into report_touched select 'ticket', date_trunc('hour', created_at, 'UTC') from tickets where id = substr(r, 8)::bigint;
        end if;
    end loop;
    return null;
end
$$;
-- +goose StatementEnd
create trigger report_touch after insert or update or delete on feedback for each row execute function report_touch_reason();

-- +goose StatementBegin
create function report_touch_session() returns trigger language plpgsql as $$
begin
    insert into report_touched select 'call', date_trunc('hour', c.started_at, 'UTC') from calls c
        where c.id = case when new.subject ~ '^call:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then substr(new.subject, 6)::uuid end;
    return null;
end
$$;
-- +goose StatementEnd
create trigger report_touch after insert on bot_sessions for each row when (new.channel = 'call') execute function report_touch_session();

-- Another promise of a queue changes what was kept of it, also before.
-- +goose StatementBegin
create function report_touch_queue() returns trigger language plpgsql as $$
begin
    insert into report_touched select distinct 'work', hour from report_work where queue = new.id;
    return null;
end
$$;
-- +goose StatementEnd
create trigger report_touch after update on queues for each row when (new.settings->'level' is distinct from old.settings->'level') execute function report_touch_queue();

-- What there is already.
insert into report_touched select distinct 'conversation', date_trunc('hour', created_at, 'UTC') from conversations;
insert into report_touched select distinct 'call', date_trunc('hour', started_at, 'UTC') from calls;
insert into report_touched select distinct 'work', date_trunc('hour', entered_at, 'UTC') from queue_work;
insert into report_touched select distinct 'ticket', date_trunc('hour', created_at, 'UTC') from tickets;

-- +goose Down
drop trigger report_touch_new on conversations;
drop trigger report_touch_changed on conversations;
drop trigger report_touch_new on calls;
drop trigger report_touch_changed on calls;
drop trigger report_touch_new on queue_work;
drop trigger report_touch_changed on queue_work;
drop trigger report_touch_new on tickets;
drop trigger report_touch_changed on tickets;
drop trigger report_touch on sla_clocks;
drop trigger report_touch on agent_states;
drop trigger report_touch on moods;
drop trigger report_touch on alerts;
drop trigger report_touch on wrap_ups;
drop trigger report_touch on feedback;
drop trigger report_touch on messages;
drop trigger report_touch on bot_sessions;
drop trigger report_touch on queues;
drop function report_touch, report_touch_call, report_touch_message, report_touch_reason, report_touch_session, report_touch_queue;
drop view report_conversation_facts, report_call_facts, report_work_facts, report_ticket_facts;
drop function report_state_facts;
drop index conversations_by_creation, conversations_by_closing, tickets_by_creation, tickets_by_resolution, queue_work_by_entry, sla_clocks_of, bot_sessions_by_subject, agent_states_by_time;
drop table report_states, report_tickets, report_work, report_calls, report_conversations, report_mark, report_touched;
