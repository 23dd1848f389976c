-- +goose Up
-- What agents write about their calls, what callers leave on a machine, and what they answer afterwards.

create table dispositions (
    code       text primary key check (code ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    queues     text[]      not null default '{}', -- it is offered in; empty: in all
    name_zh    text        not null,
    name_en    text        not null,
    ord        int         not null default 0,
    retired    boolean     not null default false, -- no longer offered; records keep it
    updated_at timestamptz not null default now()
);
insert into dispositions (code, name_zh, name_en, ord) values
    ('solved', '已解决', 'Solved', 10),
    ('answered', '已解答', 'Question answered', 20),
    ('follow_up', '需要跟进', 'Needs follow-up', 30),
    ('passed_on', '已转交', 'Passed on', 40),
    ('complaint', '投诉', 'Complaint', 50),
    ('not_reached', '未接通', 'Not reached', 60),
    ('wrong_number', '打错电话', 'Wrong number', 70),
    ('other', '其他', 'Other', 90);

-- What each agent of a call wrote down after it.
create table wrap_ups (
    call_id      uuid        not null references calls on delete cascade,
    username     text        not null,
    disposition  text        not null default '', -- code of a disposition; no reference, codes may go
    notes        text        not null default '',
    tags         text[]      not null default '{}',
    follow_up_at timestamptz,
    created_at   timestamptz not null default now(),
    updated_at   timestamptz not null default now(),
    primary key (call_id, username)
);
create index wrap_ups_follow_up on wrap_ups (username, follow_up_at) where follow_up_at is not null;
create index wrap_ups_by_disposition on wrap_ups (disposition, call_id) where disposition <> '';

-- Whose calls they were.
create index legs_by_user on legs (user_name, started_at desc) where user_name <> '';

-- Sound that a caller left: on the machine of a queue or an agent, or as the comment of a survey.
create table voice_messages (
    id            uuid        primary key,
    call_id       uuid        not null references calls on delete cascade,
    box_kind      text        not null check (box_kind in ('queue', 'agent', 'survey')),
    box           text        not null,
    from_number   text        not null default '',
    from_name     text        not null default '',
    language      text        not null default '',
    at            timestamptz not null,             -- when it began
    duration_ms   bigint      not null default 0,
    bytes         bigint      not null default 0,
    path          text        not null default '',  -- relative to the recordings folder
    state         text        not null check (state in ('open', 'kept', 'deleted')),
    ended         text        not null default '',  -- silence, key, limit, hangup, server_restart
    transcript    text        not null default '',
    transcription text        not null default 'off' check (transcription in ('off', 'deferred', 'done')),
    heard_at      timestamptz,
    heard_by      text        not null default '',
    node          text        not null default ''
);
create index voice_messages_by_box on voice_messages (box_kind, box, at desc, id desc);
create index voice_messages_by_time on voice_messages (at desc, id desc);
create index voice_messages_by_call on voice_messages (call_id);
create index voice_messages_kept on voice_messages (at) where state = 'kept';
create index voice_messages_open on voice_messages (node, at) where state = 'open' or transcription = 'deferred';

-- One row per question that was put to a caller after the talk.
create table survey_answers (
    call_id  uuid        not null references calls on delete cascade,
    n        int         not null,              -- from 1 per call
    survey   text        not null,              -- flow/node, or the name that the node gives
    question text        not null default '',
    score    int,                               -- null: no answer
    by       text        not null default '' check (by in ('', 'key', 'voice')),
    queue    text        not null default '',
    agent    text        not null default '',
    comment  uuid,                              -- of voice_messages
    at       timestamptz not null,
    primary key (call_id, n)
);
create index survey_answers_by_time on survey_answers (at desc, call_id desc, n desc);
create index survey_answers_by_agent on survey_answers (agent, at desc) where agent <> '';
create index survey_answers_by_queue on survey_answers (queue, at desc) where queue <> '';

-- +goose Down
drop table survey_answers, voice_messages, wrap_ups, dispositions;
drop index legs_by_user;
