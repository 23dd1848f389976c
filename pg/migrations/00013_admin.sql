-- +goose Up
-- What administrators set, every version of it, and what is made of it: alerts of queues and wallboards.

-- One row per thing that can be set: a trunk, a number, a flow ...
create table admin_items (
    kind   text not null check (kind ~ '^[a-z]{1,20}$'),
    name   text not null check (length(name) between 1 and 64),
    newest int  not null,        -- version
    live   int,                  -- the version that counts; null: a draft only
    primary key (kind, name)
);

create table admin_versions (
    kind    text        not null,
    name    text        not null,
    version int         not null check (version > 0),
    doc     jsonb       not null,              -- without secrets
    sealed  bytea,                             -- the secrets, AES-256-GCM under the key file
    note    text        not null default '',
    author  text        not null,
    at      timestamptz not null default now(),
    was_live boolean    not null default false, -- a version that ever counted is never overwritten
    primary key (kind, name, version),
    foreign key (kind, name) references admin_items on delete cascade
);

-- Sounds of prompts by the SHA-256 of their bytes.
create table admin_sounds (
    sum  bytea primary key check (length(sum) = 32),
    data bytea       not null,
    at   timestamptz not null default now()
);

-- Goes up with every change, so that other servers see that there is one.
create table admin_revision (
    one boolean primary key default true check (one),
    rev bigint  not null default 0
);
insert into admin_revision default values;

-- A rule that holds: one row from the moment it does until it no longer does.
create table queue_alerts (
    id        bigint generated always as identity primary key,
    rule      text             not null,
    scope     text             not null,           -- queue id
    severity  text             not null check (severity in ('warning', 'critical')),
    metric    text             not null,
    operator  text             not null,
    bound     double precision not null,
    value     double precision not null,           -- the worst so far
    raised_at timestamptz      not null,
    ended_at  timestamptz,
    acked_by  text             not null default '',
    acked_at  timestamptz,
    snoozed_until timestamptz
);
create unique index queue_alerts_open on queue_alerts (rule, scope) where ended_at is null;
create index queue_alerts_by_time on queue_alerts (raised_at desc);

-- Wallboards that show figures without a login.
create table kiosks (
    id         bigint generated always as identity primary key,
    name       text        not null check (length(name) between 1 and 100),
    token_hash bytea       not null unique check (length(token_hash) = 32), -- SHA-256; the token itself is never kept
    queues     text[]      not null default '{}',  -- none shows all
    names      boolean     not null default false, -- of agents
    created_by text        not null,
    created_at timestamptz not null,
    seen_at    timestamptz,
    revoked_at timestamptz
);

-- +goose Down
drop table kiosks, queue_alerts, admin_revision, admin_sounds, admin_versions, admin_items;
