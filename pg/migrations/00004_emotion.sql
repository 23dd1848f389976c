-- +goose Up
-- How callers feel: consent first, then one reading per turn, the alerts that came of them, what people said about
-- those, and one mood per side and call. No word of a caller is in here, only kinds of words.

create table consents (
    id       bigint generated always as identity primary key,
    call_id  uuid        references calls on delete set null,
    identity text        not null default '',  -- the number the consent is of; empty when unknown
    purpose  text        not null check (purpose in ('service', 'analytics', 'proactive', 'marketing', 'recording', 'voice_emotion')),
    state    text        not null check (state in ('announced', 'given', 'refused')),
    notice   text        not null default '',  -- version of what was announced
    source   text        not null default 'call', -- "call", or who wrote it down
    at       timestamptz not null default now(),
    unique nulls not distinct (call_id, purpose, state, identity, at)
);
create index consents_by_identity on consents (identity, purpose, id desc) where identity <> '';
create index consents_by_call on consents (call_id, purpose);

create table readings (
    call_id       uuid    not null references calls on delete cascade,
    side          text    not null check (side in ('caller', 'agent')),
    seq           int     not null,
    start_ms      bigint  not null,
    end_ms        bigint  not null,
    voiced_ms     bigint  not null default 0,
    class         text    not null default '', -- of the voice; empty when only the words could be read
    p             real[]  not null default '{}', -- neutral, angry, happy, sad, other
    arousal       real    not null default 0,
    valence       real    not null default 0,
    learned       real    not null default 0,   -- how far the speaker's own baseline was learned
    cue_feature   text[]  not null default '{}',
    cue_z         real[]  not null default '{}',
    voice         real,                         -- 0..1, of the voice alone
    words         real,                         -- 0..1, of the words alone
    e             real    not null,             -- of both when combined
    combined      boolean not null default false,
    strong        boolean not null default false,
    kinds         text[]  not null default '{}', -- of words, never the words
    interruptions int     not null default 0,
    mood          real    not null,             -- smoothed after this turn
    model         text    not null default '',
    late          boolean not null default false, -- read from the recording afterwards
    created_at    timestamptz not null default now(),
    primary key (call_id, side, seq)
);

create table alerts (
    call_id      uuid        not null references calls on delete cascade,
    n            int         not null,
    side         text        not null check (side in ('caller', 'agent')),
    state        text        not null check (state in ('open', 'cleared', 'dismissed', 'ended')),
    level        text        not null check (level in ('agent', 'supervisor')),
    cause        text        not null,
    action       text        not null,
    raised_at    timestamptz not null,
    raised_ms    bigint      not null,
    escalated_ms bigint,
    ended_ms     bigint,
    mood_from    real        not null,
    mood_to      real        not null,
    start_ms     bigint      not null, -- what to listen to
    end_ms       bigint      not null,
    learned      real        not null default 0,
    calm_turns   int         not null default 0, -- of this speaker, that the cues are compared with
    cue_feature  text[]      not null default '{}',
    cue_z        real[]      not null default '{}',
    kinds        text[]      not null default '{}',
    model        text        not null default '',
    primary key (call_id, n)
);
create index alerts_by_time on alerts (raised_at desc);

create table emotion_labels (
    id       bigint generated always as identity primary key,
    call_id  uuid        not null references calls on delete cascade,
    side     text        not null check (side in ('caller', 'agent')),
    alert_n  int,
    start_ms bigint      not null,
    end_ms   bigint      not null,
    label    text        not null check (label in ('angry', 'not_angry')),
    by       text        not null,
    at       timestamptz not null default now()
);
create index emotion_labels_by_call on emotion_labels (call_id);

create table moods (
    call_id  uuid   not null references calls on delete cascade,
    side     text   not null check (side in ('caller', 'agent')),
    turns    int    not null,
    now      real   not null, -- at the end
    value    real   not null, -- weighted mean, later turns heavier
    trend    real   not null,
    peak     real   not null,
    peak_start_ms bigint not null,
    peak_end_ms   bigint not null,
    alerts   int    not null default 0,
    model    text   not null default '',
    primary key (call_id, side)
);

-- +goose Down
drop table moods, emotion_labels, alerts, readings, consents;
