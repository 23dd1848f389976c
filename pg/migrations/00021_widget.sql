-- +goose Up
-- The right of a visitor's page to place one call.
create table visitor_calls (
    id              text primary key,                -- random: who knows it, and has the token for it, may call
    conversation_id bigint      not null references conversations on delete cascade,
    number          text        not null,            -- that may be dialled
    created_at      timestamptz not null,
    expires_at      timestamptz not null,
    used_at         timestamptz,
    call_id         text        not null default ''  -- of calls, once it began
);
create index visitor_calls_of on visitor_calls (conversation_id, created_at);
create index visitor_calls_by_time on visitor_calls (created_at);

-- +goose Down
drop table visitor_calls;
