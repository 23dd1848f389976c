-- +goose Up
-- Keys of programs, second factors, logins from outside, stored answers, and roles beside the ladder.

alter table users drop constraint if exists users_role_check;
alter table users add constraint users_role_check
    check (role in ('agent', 'senior', 'supervisor', 'editor', 'quality', 'analyst', 'auditor', 'admin'));

alter table sessions
    add column locked_at timestamptz,                   -- idle: nothing but the password opens it again
    add column outside   boolean not null default false; -- opened by the identity provider, which has its own second factor
create index sessions_listed on sessions (user_id, seen_at desc);

-- A key may do what its owner may, and of that only what its scopes name.
create table api_keys (
    id           bigint generated always as identity primary key,
    user_id      bigint      not null references users on delete cascade,
    name         text        not null check (length(name) between 1 and 100),
    prefix       text        not null unique check (length(prefix) between 4 and 16), -- tells keys apart; no secret
    hash         bytea       not null unique check (length(hash) = 32),               -- SHA-256; the key itself is never kept
    scopes       text[]      not null check (cardinality(scopes) between 1 and 50),
    created_by   text        not null,
    created_at   timestamptz not null,
    expires_at   timestamptz,
    used_at      timestamptz,
    used_from    text        not null default '',
    revoked_at   timestamptz,
    revoked_by   text        not null default ''
);
create index api_keys_by_user on api_keys (user_id, id desc);

-- Answers to requests that may be repeated. Found by a hash of the caller and the caller's word; the
-- answer is sealed with a key made of that word, so that the table alone does not give it away.
create table idempotency (
    key_hash     bytea       primary key check (length(key_hash) = 32),
    request_hash bytea       not null check (length(request_hash) = 32),
    status       int,                    -- null while the first request still runs
    sealed       bytea,
    created_at   timestamptz not null
);
create index idempotency_by_age on idempotency (created_at);

create table second_factors (
    user_id      bigint      primary key references users on delete cascade,
    sealed       bytea       not null,           -- the secret, AES-256-GCM under the key file
    confirmed_at timestamptz,                    -- null: shown, not yet proven
    last_step    bigint      not null default 0, -- a code is good once
    created_at   timestamptz not null
);
create table recovery_codes (
    user_id bigint not null references users on delete cascade,
    hash    bytea  not null check (length(hash) = 32),
    used_at timestamptz,
    primary key (user_id, hash)
);

-- Who somebody is at the identity provider.
create table outside_logins (
    issuer  text        not null,
    subject text        not null,
    user_id bigint      not null references users on delete cascade,
    at      timestamptz not null default now(),
    primary key (issuer, subject)
);
create index outside_logins_by_user on outside_logins (user_id);
-- A login that is under way at the identity provider; the browser holds the state in a cookie.
create table outside_attempts (
    state_hash bytea       primary key check (length(state_hash) = 32),
    verifier   text        not null,
    nonce      text        not null,
    next       text        not null default '',
    created_at timestamptz not null
);
create index outside_attempts_by_age on outside_attempts (created_at);

-- Whose record each user looked at, by the hour: for what is unusual. Ids only, kept for 30 days.
create table contact_views (
    user_id    bigint      not null references users on delete cascade,
    hour       timestamptz not null,
    contact_id bigint      not null,
    primary key (user_id, hour, contact_id)
);
create index contact_views_by_hour on contact_views (hour);
create table access_alerts (
    user_id bigint      not null references users on delete cascade,
    hour    timestamptz not null,
    seen    int         not null,
    bound   int         not null,
    at      timestamptz not null,
    primary key (user_id, hour)
);

-- +goose Down
drop table access_alerts, contact_views, outside_attempts, outside_logins, recovery_codes, second_factors, idempotency, api_keys;
drop index sessions_listed;
alter table sessions drop column locked_at, drop column outside;
