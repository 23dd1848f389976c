-- +goose Up
-- Lists of calls to make: who is to be called, and how each try went.
create table call_lists (
    id           bigint generated always as identity primary key,
    name         text        not null check (char_length(name) between 1 and 200),
    note         text        not null default '',
    queue_id     text        not null references queues,
    mode         text        not null check (mode in ('preview', 'progressive')),
    state        text        not null default 'paused' check (state in ('running', 'paused', 'closed')),
    urgency      text        not null default 'low',
    language     text        not null default '',
    purpose      text        not null default 'service' check (purpose in ('service', 'proactive', 'marketing')),
    attempts     int         not null check (attempts between 1 and 20),
    busy_s       int         not null check (busy_s between 1 and 2592000),       -- until the next try after each outcome
    no_answer_s  int         not null check (no_answer_s between 1 and 2592000),
    failed_s     int         not null check (failed_s between 1 and 2592000),
    preview_s    int         not null check (preview_s between 10 and 600),
    until        timestamptz,                                                     -- nobody is called from then on
    created_by   text        not null,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    closed_at    timestamptz
);
create index call_lists_running on call_lists (id) where state = 'running';

create table call_list_entries (
    id         bigint generated always as identity primary key,
    list_id    bigint      not null references call_lists on delete cascade,
    number     text        not null,
    name       text        not null default '',
    note       text        not null default '',
    data       jsonb       not null default '{}',
    contact_id bigint      references contacts on delete set null,
    source     text        not null default '',            -- call:ID or callback:ID that it came from
    state      text        not null default 'pending' check (state in ('pending', 'queued', 'done', 'unreached', 'skipped', 'refused', 'cancelled')),
    outcome    text        not null default '',            -- of the last try, or why it was not called
    attempts   int         not null default 0,
    round      int         not null default 0,             -- how often it was put into the queue: with the id it names the work
    work_id    text,
    not_before timestamptz not null default now(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (list_id, number)
);
create index call_list_entries_due on call_list_entries (list_id, not_before, id) where state = 'pending';
create index call_list_entries_in_order on call_list_entries (list_id, id);
create index call_list_entries_by_state on call_list_entries (list_id, state, id);
create unique index call_list_entries_by_work on call_list_entries (work_id) where state = 'queued';
create index call_list_entries_by_number on call_list_entries (number);
create index call_list_entries_by_contact on call_list_entries (contact_id) where contact_id is not null;

create table call_list_attempts (
    id       bigint generated always as identity primary key,
    entry_id bigint      not null references call_list_entries on delete cascade,
    work_id  text        not null,
    agent_id bigint      references users on delete set null,
    call_id  uuid,                                         -- of the record, once there is one
    outcome  text        not null default '',              -- empty while it goes on
    reason   text        not null default '',              -- of one who skipped it
    note     text        not null default '',
    at       timestamptz not null,
    ended_at timestamptz
);
create index call_list_attempts_of on call_list_attempts (entry_id, id);
create index call_list_attempts_by_agent on call_list_attempts (agent_id) where agent_id is not null;

alter table exports drop constraint exports_noun_check;
alter table exports add constraint exports_noun_check check (noun in ('tickets', 'conversations', 'calls', 'entries', 'audit'));

-- Nobody waited for an entry of a list, so no promise of the queue is about it.
create or replace view report_work_facts as
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
        from queue_work w join queues q on q.id = w.queue_id where w.id not like 'entry:%'
    ) x;

-- +goose Down
drop table call_list_attempts, call_list_entries, call_lists;
