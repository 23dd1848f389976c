-- +goose Up
-- Agents, queues and the work that waits: what a killed server must find again.

create table queue_calendars (
    name       text primary key,
    doc        jsonb       not null,
    updated_at timestamptz not null default now()
);

create table queue_skills (
    name       text primary key,
    label      text        not null default '',
    updated_at timestamptz not null default now()
);

create table queues (
    id         text primary key,
    name       text        not null default '',
    settings   jsonb       not null,
    calendar   text references queue_calendars,
    updated_at timestamptz not null default now()
);

-- Users who take work.
create table agents (
    user_id    bigint primary key references users on delete cascade,
    capacity   int         not null default 0 check (capacity between 0 and 1000),
    languages  text[]      not null default '{}',
    desk       boolean     not null default false,
    state      jsonb,                              -- presence, wrap-ups, counters; written by the dispatcher only
    updated_at timestamptz not null default now()
);

create table agent_skills (
    user_id bigint           not null references agents on delete cascade,
    skill   text             not null references queue_skills on delete cascade,
    level   double precision not null check (level between 0 and 1),
    primary key (user_id, skill)
);

create table queue_members (
    queue_id text             not null references queues on delete cascade,
    user_id  bigint           not null references agents on delete cascade,
    ord      int              not null default 0,
    weight   double precision not null default 1 check (weight between 0 and 1000),
    primary key (queue_id, user_id)
);
create index queue_members_by_agent on queue_members (user_id);

create table agent_states (
    id      bigint generated always as identity primary key,
    user_id bigint      not null references agents on delete cascade,
    state   text        not null,
    reason  text        not null default '',
    at      timestamptz not null
);
create index agent_states_by_agent on agent_states (user_id, at desc, id desc);

-- One row per stay of a piece of work in the queues, from its entry to its end.
create table queue_work (
    id          text        not null,
    entered_at  timestamptz not null,
    kind        text        not null check (kind in ('voice', 'chat', 'message', 'ticket')),
    queue_id    text        not null references queues,
    phase       text        not null check (phase in ('waiting', 'offered', 'assigned', 'active', 'ended')),
    urgency     text        not null,
    since       timestamptz not null,
    agent_id    bigint,                              -- who has it, or had it last
    node        text        not null default '',
    answered_at timestamptz,                         -- first answer in this queue
    wait_ms     bigint,                              -- until then
    ended_at    timestamptz,
    cause       text        not null default '',
    item        jsonb       not null,
    primary key (id, entered_at)
);
create unique index queue_work_open on queue_work (id) where phase <> 'ended';
create index queue_work_by_node on queue_work (node) where phase <> 'ended';
create index queue_work_ended on queue_work (ended_at) where phase = 'ended';
create index queue_work_by_queue on queue_work (queue_id, entered_at desc);

create table queue_offers (
    token    text primary key,
    work_id  text        not null,
    queue_id text        not null,
    agent_id bigint      not null,
    at       timestamptz not null,
    deadline timestamptz not null,
    ended_at timestamptz,
    reason   text        not null default ''
);
create index queue_offers_open on queue_offers (work_id) where ended_at is null;
create index queue_offers_by_time on queue_offers (at);

-- Why each piece of work went to whom.
create table queue_decisions (
    id       bigint generated always as identity primary key,
    work_id  text        not null,
    agent_id bigint      not null,
    at       timestamptz not null,
    doc      jsonb       not null
);
create index queue_decisions_by_work on queue_decisions (work_id, at desc);
create index queue_decisions_by_time on queue_decisions (at);

-- The servers that share the queues, and the one of them that decides.
create table queue_nodes (
    node       text primary key,
    started_at timestamptz not null,
    seen_at    timestamptz not null
);

create table queue_lease (
    one   boolean primary key default true check (one),
    node  text        not null default '',
    epoch bigint      not null default 0,
    until timestamptz not null default '-infinity'
);
insert into queue_lease default values;

-- What the other servers ask the deciding one for.
create table queue_requests (
    id      bigint generated always as identity primary key,
    node    text        not null,
    at      timestamptz not null default now(),
    body    jsonb       not null,
    done_at timestamptz,
    answer  jsonb
);
create index queue_requests_open on queue_requests (id) where done_at is null;

-- +goose Down
drop table queue_requests, queue_lease, queue_nodes, queue_decisions, queue_offers, queue_work, agent_states, queue_members, agent_skills, agents, queues, queue_skills, queue_calendars;
