-- +goose Up
-- Who may come in, what they did, and what was set.

create table users (
    id            bigint generated always as identity primary key,
    username      text        not null check (username = lower(username) and length(username) between 1 and 64),
    name          text        not null default '',
    role          text        not null check (role in ('agent', 'supervisor', 'admin')),
    language      text        not null default '',
    password_hash text        not null,
    disabled      boolean     not null default false,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    unique (username)
);

create table sessions (
    token_hash bytea primary key, -- SHA-256 of the cookie; the cookie itself is never kept
    user_id    bigint      not null references users on delete cascade,
    csrf       text        not null,
    address    text        not null default '',
    user_agent text        not null default '',
    created_at timestamptz not null,
    seen_at    timestamptz not null
);
create index sessions_by_user on sessions (user_id);
create index sessions_by_age on sessions (seen_at);

-- Wrong guesses per account and per address; the key is a hash of either.
create table login_failures (
    key        bytea primary key,
    failures   int         not null,
    last_at    timestamptz not null,
    locked_until timestamptz
);

create table settings (
    key        text primary key,
    value      jsonb       not null,
    updated_at timestamptz not null default now(),
    updated_by text        not null default ''
);

-- Append-only; each row holds the hash of the row before, so that a row changed or taken out is seen.
create table audit (
    id       bigint      not null primary key,
    at       timestamptz not null,
    actor    text        not null, -- user name, or "system"
    action   text        not null, -- noun.verb
    subject  text        not null default '', -- id of what it was done to
    address  text        not null default '',
    detail   jsonb       not null default '{}',
    prev     bytea       not null,
    hash     bytea       not null
);
create index audit_by_time on audit (at);

-- +goose StatementBegin
create function audit_is_append_only() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and current_setting('tingxin.audit_retention', true) = 'on' then
        return old; -- retention removes the oldest rows; the chain then begins later
    end if;
    raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd
create trigger audit_rows before update or delete on audit for each row execute function audit_is_append_only();
create trigger audit_all before truncate on audit for each statement execute function audit_is_append_only();

-- +goose Down
drop table audit, settings, login_failures, sessions, users;
drop function audit_is_append_only();
