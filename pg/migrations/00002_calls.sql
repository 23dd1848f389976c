-- +goose Up
-- Calls, their legs and their words: indexed for 100,000 calls and 10 million words.

create table calls (
    id               uuid primary key,
    state            text        not null check (state in ('ringing', 'active', 'ended')),
    direction        text        not null check (direction in ('in', 'out')),
    from_number      text        not null default '',
    from_name        text        not null default '',
    to_number        text        not null default '',
    number_grams     text[]      not null default '{}', -- trigrams of both numbers, for parts of a number
    trunk            text        not null default '',
    route            text        not null default '',
    language         text        not null default '',
    started_at       timestamptz not null,
    answered_at      timestamptz,
    ended_at         timestamptz,
    consent          text        not null default 'none' check (consent in ('none', 'announced', 'given', 'refused')),
    cause            text        not null default '',
    sip_status       int         not null default 0,
    recording_path   text        not null default '',
    recording_ms     bigint      not null default 0,
    recording_bytes  bigint      not null default 0,
    recording_sha256 text        not null default '',
    recording_state  text        not null default '' check (recording_state in ('', 'open', 'kept', 'deleted')),
    transcription    jsonb       not null default '{}',
    words_deleted_at timestamptz,                       -- set by retention
    node             text        not null default '',
    data             jsonb       not null default '{}'
);
create index calls_by_start on calls (started_at desc, id desc);
create index calls_by_trunk on calls (trunk, started_at desc, id desc);
create index calls_by_number on calls using gin (number_grams);
create index calls_open on calls (node, started_at) where state <> 'ended';
create index calls_recorded on calls (started_at) where recording_state = 'kept';
create index calls_worded on calls (started_at) where words_deleted_at is null;
create index calls_deferred on calls (node, started_at)
    where state = 'ended' and (transcription ->> 'caller' = 'deferred' or transcription ->> 'agent' = 'deferred');

create table legs (
    call_id     uuid             not null references calls on delete cascade,
    n           int              not null,
    side        text             not null check (side in ('caller', 'agent')),
    direction   text             not null check (direction in ('in', 'out')),
    peer        text             not null default '',
    codec       text             not null default '',
    transport   text             not null default '',
    secure      boolean          not null default false,
    sip_call_id text             not null default '',
    started_at  timestamptz,
    answered_at timestamptz,
    ended_at    timestamptz,
    cause       text             not null default '',
    packets_in  bigint           not null default 0,
    packets_out bigint           not null default 0,
    lost        bigint           not null default 0,
    loss_pct    double precision not null default 0,
    jitter_ms   double precision not null default 0,
    rtt_ms      double precision not null default 0,
    mos         double precision not null default 0,
    primary key (call_id, n)
);

create table utterances (
    id            bigint generated always as identity primary key,
    call_id       uuid        not null references calls on delete cascade,
    side          text        not null check (side in ('caller', 'agent')),
    seq           int         not null,
    segment       bigint      not null default 0,
    start_ms      bigint      not null,
    end_ms        bigint      not null,
    text          text        not null default '',
    raw           text        not null default '',
    word_text     text[]      not null default '{}',
    word_start_ms int[]       not null default '{}',
    word_end_ms   int[]       not null default '{}',
    word_conf     real[]      not null default '{}',
    spans         int[]       not null default '{}', -- text_start, text_end (bytes), from, to; four by four
    language      text        not null default '',
    model         text        not null default '',
    conf          real        not null default 0,
    turn          int         not null default 0,
    gap           boolean     not null default false,
    reason        text        not null default '',
    late          boolean     not null default false,
    created_at    timestamptz not null default now(),
    words         tsvector    not null default '',   -- English words of text and raw, without the Chinese between them
    grams         text[]      not null default '{}', -- Chinese characters and pairs of them, made in Go
    unique (call_id, side, seq)
);
create index utterances_by_time on utterances (call_id, start_ms, id);
create index utterances_words on utterances using gin (words);
create index utterances_grams on utterances using gin (grams);

-- +goose Down
drop table utterances, legs, calls;
