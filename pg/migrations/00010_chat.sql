-- +goose Up
-- Conversations and messages of all text channels, what came in raw, what has to go out.

-- One address of a channel that we own: a web site, a webhook, a mailbox.
create table channel_accounts (
    channel    text        not null,
    id         text        not null check (id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    name       text        not null default '',
    settings   jsonb       not null default '{}',
    secrets    bytea,                                -- AES-256-GCM over JSON; never shown
    enabled    boolean     not null default true,
    refused    bigint      not null default 0,       -- callbacks with a bad signature
    updated_at timestamptz not null default now(),
    primary key (channel, id)
);

create table conversations (
    id              bigint generated always as identity primary key,
    key             text        not null unique,     -- its name outside; random, so that nobody counts our conversations
    channel         text        not null,
    account         text        not null default '',
    external_user   text        not null,
    external_thread text        not null default '',
    contact_id      bigint,                          -- of contacts, whose package owns them
    name            text        not null default '', -- what the channel calls the person
    subject         text        not null default '',
    language        text        not null default '',
    state           text        not null default 'open' check (state in ('open', 'snoozed', 'closed', 'merged')),
    handler         text        not null default 'bot' check (handler in ('bot', 'queue', 'agent')),
    assignee        bigint references users on delete set null,
    queue           text        not null default '',
    packet          jsonb,                           -- of the last hand-over
    queued_at       timestamptz,
    enqueued        boolean     not null default false, -- the queue has taken it
    bot_barred      boolean     not null default false, -- never goes back to the bot
    urgency         smallint    not null default 1 check (urgency between 0 and 3),
    labels          text[]      not null default '{}',
    last_seq        bigint      not null default 0,
    last_text       text        not null default '', -- the beginning of the last message, for lists
    last_at         timestamptz not null,
    last_in_id      bigint      not null default 0,
    last_out_id     bigint      not null default 0,
    waiting_since   timestamptz,                     -- oldest message of the customer that no agent or bot has answered
    first_reply_at  timestamptz,                     -- by anybody
    first_human_at  timestamptz,                     -- by an agent
    snoozed_until   timestamptz,
    customer_read   bigint      not null default 0,  -- seq that the customer has seen
    merged_into     bigint references conversations,
    split_from      bigint references conversations,
    rating          smallint check (rating between 1 and 5),
    rated_at        timestamptz,
    consent         jsonb,                           -- {version, purposes, at} of the notice that was accepted
    created_at      timestamptz not null,
    closed_at       timestamptz,
    closed_by       text        not null default '',
    data            jsonb       not null default '{}'
);
-- A person has one open conversation per thread of a channel; a split part is none of the channel's.
create unique index conversations_open on conversations (channel, account, external_user, external_thread)
    where state in ('open', 'snoozed', 'merged') and split_from is null;
create index conversations_by_person on conversations (channel, account, external_user, external_thread, id desc);
create index conversations_by_state on conversations (state, last_at desc, id desc);
create index conversations_by_assignee on conversations (assignee, state, last_at desc, id desc);
create index conversations_by_contact on conversations (contact_id, id desc);
create index conversations_by_label on conversations using gin (labels);
create index conversations_snoozed on conversations (snoozed_until) where state = 'snoozed';
create index conversations_queued on conversations (queued_at) where handler = 'queue' and state <> 'closed';
create index conversations_merged on conversations (merged_into) where merged_into is not null;

-- What came in, as it came: everything else is made from these rows.
create table inbound_raw (
    id          bigint generated always as identity primary key,
    channel     text        not null,
    account     text        not null default '',
    external_id text        not null,
    digest      bytea       not null,                -- SHA-256 of the body
    body        bytea,                               -- null once its retention is over
    received_at timestamptz not null,
    state       text        not null default 'new' check (state in ('new', 'done', 'bad')),
    messages    int         not null default 0,      -- made of it
    reason      text        not null default '',
    unique (channel, account, external_id)
);
create index inbound_raw_open on inbound_raw (id) where state = 'new';
create index inbound_raw_by_time on inbound_raw (received_at);

create table messages (
    id              bigint generated always as identity primary key,
    conversation_id bigint      not null references conversations on delete cascade, -- on the wire
    thread_id       bigint      not null references conversations on delete cascade, -- in whose thread it stands: another one after a merge or split
    seq             bigint      not null,
    direction       text        not null check (direction in ('in', 'out', 'none')),
    author          text        not null check (author in ('customer', 'bot', 'agent', 'system')),
    user_id         bigint references users on delete set null,
    author_name     text        not null default '',
    kind            text        not null,
    text            text        not null default '',
    data            jsonb       not null default '{}',
    channel         text        not null,
    account         text        not null default '',
    external_id     text,
    client_id       text,
    raw_id          bigint references inbound_raw on delete set null,
    state           text        not null check (state in ('stored', 'waiting', 'sending', 'sent', 'failed', 'unknown')),
    reason          text        not null default '',
    terms           text[]      not null default '{}', -- words of text as nlp.Words cuts it
    at              timestamptz not null,              -- by the platform's clock, else ours
    created_at      timestamptz not null,
    unique (conversation_id, seq)
);
create unique index messages_external on messages (channel, account, external_id) where external_id is not null;
create unique index messages_client on messages (conversation_id, client_id) where client_id is not null;
create index messages_in_thread on messages (thread_id, id);
create index messages_terms on messages using gin (terms);
create index messages_by_time on messages (created_at);
create index messages_of_raw on messages (raw_id) where raw_id is not null;

-- Messages of customers that the bot has yet to look at.
create table inbound_due (
    message_id      bigint primary key references messages on delete cascade,
    conversation_id bigint      not null references conversations on delete cascade,
    attempts        int         not null default 0,
    next_at         timestamptz not null,
    claimed_until   timestamptz not null default '-infinity'
);
create index inbound_due_in_order on inbound_due (conversation_id, message_id);
create index inbound_due_next on inbound_due (next_at);

create table outbound (
    message_id      bigint primary key references messages on delete cascade,
    conversation_id bigint      not null references conversations on delete cascade,
    channel         text        not null,
    account         text        not null default '',
    state           text        not null check (state in ('waiting', 'sending', 'sent', 'failed', 'unknown')),
    attempts        int         not null default 0,
    next_at         timestamptz not null,
    claimed_until   timestamptz,
    window_id       bigint,
    reason          text        not null default '',
    created_at      timestamptz not null,
    done_at         timestamptz
);
create index outbound_open on outbound (conversation_id, message_id) where state in ('waiting', 'sending');
create index outbound_dead on outbound (done_at desc, message_id desc) where state in ('failed', 'unknown');

create table reply_windows (
    id              bigint generated always as identity primary key,
    conversation_id bigint      not null references conversations on delete cascade,
    source_event    text        not null,
    source_msg_id   text        not null default '',
    opened_at       timestamptz not null,
    expires_at      timestamptz not null,
    quota           int         not null,            -- 0: without a count
    left_n          int         not null,
    seq_next        int         not null default 1,
    reserve_human   int         not null default 0,
    reserve_rating  int         not null default 0,
    closed_reason   text        not null default ''
);
create index reply_windows_open on reply_windows (conversation_id, expires_at) where closed_reason = '';

create table attachments (
    id              text primary key,                -- random: knowing it is the right to fetch it, together with the conversation
    conversation_id bigint      not null references conversations on delete cascade,
    message_id      bigint references messages on delete cascade,
    sha256          text        not null,            -- the file's name in the data folder
    bytes           bigint      not null,
    media_type      text        not null,            -- by content
    name            text        not null default '',
    width           int         not null default 0,
    height          int         not null default 0,
    thumb           boolean     not null default false,
    by_customer     boolean     not null,
    created_at      timestamptz not null
);
create index attachments_of_message on attachments (message_id);
create index attachments_of_conversation on attachments (conversation_id, created_at);
create index attachments_by_hash on attachments (sha256);
create index attachments_loose on attachments (created_at) where message_id is null;

-- Written now, to be sent later.
create table scheduled_messages (
    id              bigint generated always as identity primary key,
    conversation_id bigint      not null references conversations on delete cascade,
    user_id         bigint      not null references users on delete cascade,
    draft           jsonb       not null,
    at              timestamptz not null,
    state           text        not null default 'waiting' check (state in ('waiting', 'sent', 'failed', 'cancelled')),
    reason          text        not null default '',
    message_id      bigint,
    created_at      timestamptz not null
);
create index scheduled_messages_due on scheduled_messages (at) where state = 'waiting';
create index scheduled_messages_of on scheduled_messages (conversation_id, at);

-- What an agent has begun to write.
create table message_drafts (
    conversation_id bigint      not null references conversations on delete cascade,
    user_id         bigint      not null references users on delete cascade,
    text            text        not null,
    note            boolean     not null default false,
    seen_id         bigint      not null default 0,  -- the last message there when it was begun
    updated_at      timestamptz not null,
    primary key (conversation_id, user_id)
);

create table conversation_reads (
    conversation_id bigint      not null references conversations on delete cascade,
    user_id         bigint      not null references users on delete cascade,
    message_id      bigint      not null,
    at              timestamptz not null,
    primary key (conversation_id, user_id)
);

create table conversation_followers (
    conversation_id bigint not null references conversations on delete cascade,
    user_id         bigint not null references users on delete cascade,
    primary key (conversation_id, user_id)
);
create index conversation_followers_by_user on conversation_followers (user_id);

create table mentions (
    message_id      bigint      not null references messages on delete cascade,
    user_id         bigint      not null references users on delete cascade,
    conversation_id bigint      not null references conversations on delete cascade,
    at              timestamptz not null,
    seen_at         timestamptz,
    primary key (message_id, user_id)
);
create index mentions_by_user on mentions (user_id, message_id desc);
create index mentions_of on mentions (conversation_id, user_id);

create table conversation_labels (
    name       text primary key check (length(name) between 1 and 40),
    color      text        not null default '',
    updated_at timestamptz not null default now()
);

create table conversation_views (
    id         bigint generated always as identity primary key,
    user_id    bigint references users on delete cascade, -- null: everybody's
    name       text        not null check (length(name) between 1 and 80),
    filter     jsonb       not null,
    updated_at timestamptz not null default now()
);
create index conversation_views_by_user on conversation_views (user_id);

-- Merges and splits, to be undone.
create table conversation_changes (
    id        bigint generated always as identity primary key,
    kind      text        not null check (kind in ('merge', 'split')),
    from_id   bigint      not null references conversations on delete cascade,
    into_id   bigint      not null references conversations on delete cascade,
    messages  bigint[]    not null default '{}',     -- that were moved
    was       text        not null default '',       -- state of from_id before
    by_user   text        not null,
    at        timestamptz not null,
    undone_at timestamptz,
    undone_by text        not null default ''
);
create index conversation_changes_from on conversation_changes (from_id, id desc);
create index conversation_changes_into on conversation_changes (into_id, id desc);

-- +goose Down
drop table conversation_changes, conversation_views, conversation_labels, mentions, conversation_followers,
    conversation_reads, message_drafts, scheduled_messages, attachments, reply_windows, outbound, inbound_due, messages, inbound_raw, conversations, channel_accounts;
