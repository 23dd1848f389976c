-- +goose Up
-- Telephones that are no page: the digests by which a user's desk phone registers; and, for several servers on one
-- database, where each telephone is registered and how one server reaches another.

create table phone_secrets (
    user_id    bigint primary key references users on delete cascade,
    realm      text        not null, -- the digests hold for it alone
    md5        text        not null check (md5 ~ '^[0-9a-f]{32}$'),
    sha256     text        not null check (sha256 ~ '^[0-9a-f]{64}$'),
    updated_at timestamptz not null default now()
);

create table nodes (
    node       text primary key,
    sip        text        not null, -- address for other nodes, "sip:10.0.0.1:5060;transport=tcp"
    web        text        not null default '', -- of its API, "http://10.0.0.1:8080"
    started_at timestamptz not null default now(),
    seen_at    timestamptz not null default now()
);

-- One server's rows go when it begins anew.
create table registrations (
    node       text        not null,
    username   text        not null,
    device     text        not null, -- instance or contact
    transport  text        not null,
    user_agent text        not null default '',
    expires_at timestamptz not null,
    primary key (node, username, device)
);
create index registrations_by_user on registrations (username, expires_at);

-- +goose Down
drop table registrations, nodes, phone_secrets;
