-- +goose Up
-- From which mood on a call is angry: emotion.rules.raise of the configuration, written at each start. Lists and
-- reports compare with this row.
create table mood_rules (
    one   boolean primary key default true check (one),
    angry real    not null check (angry > 0 and angry <= 1)
);
insert into mood_rules (angry) values (0.65);

create or replace view report_call_facts as
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
        coalesce(m.value >= (select angry from mood_rules), false)::int as angry,
        (exists (select from alerts a where a.call_id = c.id and a.side = 'caller' and a.state <> 'dismissed'))::int as alerted,
        (select count(*) from alerts a where a.call_id = c.id and a.side = 'caller' and a.state <> 'dismissed') as alerts
    from calls c left join users u on u.username = c.agent left join moods m on m.call_id = c.id and m.side = 'caller';

-- Another word for angry changes what was counted before, of calls that are still there.
-- +goose StatementBegin
create function report_touch_moods() returns trigger language plpgsql as $$
begin
    insert into report_touched select distinct 'call', hour from report_calls where read > 0;
    return null;
end
$$;
-- +goose StatementEnd
create trigger report_touch after update on mood_rules for each row when (new.angry is distinct from old.angry) execute function report_touch_moods();
-- The old view had a number for a real, which left out a mood of exactly 0.65.
insert into report_touched select distinct 'call', hour from report_calls where read > 0;

-- When a page of this session first asked for a way in for its telephone: that is audited once, not at each load.
alter table sessions add column phone_at timestamptz;
create index audit_by_action on audit (action, id);

-- +goose Down
drop index audit_by_action;
alter table sessions drop column phone_at;
drop trigger report_touch on mood_rules;
drop function report_touch_moods;
create or replace view report_call_facts as
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
drop table mood_rules;
