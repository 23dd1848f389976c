-- +goose Up
-- The bot: what it learns from, whom it talks to, what it said and why, and what it remembers.

create table bot_intents (
    name       text primary key check (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    kind       text        not null check (kind in ('task', 'talk', 'foreign')),
    title      jsonb       not null default '{}',  -- by language
    answer     jsonb       not null default '{}',  -- by language; of kind talk
    frame      jsonb,                              -- of kind task: slots to ask for, tool, answer
    category   text        not null default '',
    version    int         not null default 1,
    updated_at timestamptz not null default now(),
    updated_by text        not null default ''
);

create table bot_phrases (
    id         bigint generated always as identity primary key,
    intent     text        not null references bot_intents on delete cascade,
    lang       text        not null check (lang in ('zh', 'en')),
    text       text        not null check (text <> '' and length(text) <= 500),
    source     text        not null default 'person' check (source in ('starter', 'person', 'label', 'import')),
    created_at timestamptz not null default now(),
    unique (intent, lang, text)
);

create table bot_tools (
    name       text primary key check (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    doc        text        not null,               -- YAML
    updated_at timestamptz not null default now(),
    updated_by text        not null default ''
);

create table bot_policy (
    one        boolean primary key default true check (one),
    doc        jsonb       not null,
    version    int         not null default 1,
    updated_at timestamptz not null default now(),
    updated_by text        not null default ''
);

-- What was learnt, by the hash of what it was learnt from: learning again gives the same.
create table bot_models (
    version    text        not null,
    lang       text        not null,
    seed       bigint      not null,
    phrases    int         not null,
    metrics    jsonb       not null,               -- held-out figures and the confusion of intents
    trained_at timestamptz not null default now(),
    took_ms    int         not null,
    primary key (version, lang)
);
create index bot_models_at on bot_models (lang, trained_at desc);

create table bot_sessions (
    id          uuid primary key default gen_random_uuid(),
    channel     text        not null check (channel in ('chat', 'call', 'api')),
    subject     text        not null check (subject <> '' and length(subject) <= 128),
    contact_id  bigint references contacts on delete set null,
    lang        text        not null default '',
    state       jsonb       not null default '{}',
    version     int         not null default 0,    -- a turn that read an older one is refused
    turns       int         not null default 0,
    started_at  timestamptz not null default now(),
    last_at     timestamptz not null default now(),
    handover    text        not null default '',   -- reason of the first one
    handover_at timestamptz,
    ended_at    timestamptz
);
create unique index bot_sessions_open on bot_sessions (channel, subject) where ended_at is null;
create index bot_sessions_last on bot_sessions (last_at desc, id);
create index bot_sessions_contact on bot_sessions (contact_id, last_at desc) where contact_id is not null;

create table bot_turns (
    id            bigint generated always as identity primary key,
    session_id    uuid        not null references bot_sessions on delete cascade,
    n             int         not null,
    at            timestamptz not null,
    lang          text        not null,
    input_id      text        not null default '', -- the channel's id of the message: the same again is answered the same
    text          text        not null,            -- identity and card numbers are masked
    reply         jsonb       not null,
    decision      text        not null,
    intent        text        not null default '',
    article       text        not null default '',
    p1            real        not null default 0,
    p2            real        not null default 0,
    tau_a         real        not null default 0,
    tau_c         real        not null default 0,
    candidates    jsonb       not null default '[]',
    model_version text        not null default '',
    explanation   jsonb       not null default '{}',
    handover      text        not null default '',
    prompted      boolean     not null default false, -- it asked for a value
    reask         boolean     not null default false, -- that was held already: a defect
    reaction      text        not null default '' check (reaction in ('', 'up', 'down', 'none', 'chosen')),
    ms            real        not null,
    unique (session_id, n)
);
create unique index bot_turns_input on bot_turns (session_id, input_id) where input_id <> '';
create index bot_turns_at on bot_turns (at desc, id desc);

-- Every answer of a model, and every correction by a person: together the learning loop.
create table predictions (
    id            bigint generated always as identity primary key,
    object_type   text        not null,
    object_id     text        not null,
    kind          text        not null,
    value         text        not null,
    p             real        not null,
    model_version text        not null,
    features_hash text        not null default '',
    ms            real        not null default 0,
    at            timestamptz not null default now()
);
create index predictions_object on predictions (object_type, object_id, kind);
create index predictions_at on predictions (kind, at desc);

create table labels (
    id            bigint generated always as identity primary key,
    prediction_id bigint      not null references predictions on delete cascade,
    value         text        not null,
    by            text        not null,
    at            timestamptz not null default now()
);
create index labels_prediction on labels (prediction_id);

-- What customers said, so that nobody asks them again. Older values stay as history.
create table bot_slots (
    id           bigint generated always as identity primary key,
    session_id   uuid        not null references bot_sessions on delete cascade,
    contact_id   bigint references contacts on delete set null,
    name         text        not null,
    value        text        not null default '',  -- empty when sealed
    raw          text        not null default '',
    sealed       bytea,                            -- AES-256-GCM; identity and card numbers
    shown        text        not null,             -- as people may see it
    scope        text        not null check (scope in ('turn', 'conversation', 'contact')),
    channel      text        not null,
    turn         int         not null,
    source       text        not null check (source in ('customer', 'keys', 'tool', 'agent')),
    p            real        not null,
    confirmed    boolean     not null default false,
    refused      boolean     not null default false, -- the customer said that it is wrong
    at           timestamptz not null default now(),
    expires_at   timestamptz not null
);
create index bot_slots_session on bot_slots (session_id, name, id desc);
create index bot_slots_contact on bot_slots (contact_id, name, id desc) where contact_id is not null and scope = 'contact';
create index bot_slots_expiry on bot_slots (expires_at);

-- +goose Down
drop table bot_slots, labels, predictions, bot_turns, bot_sessions, bot_models, bot_policy, bot_tools, bot_phrases, bot_intents;
