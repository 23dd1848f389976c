-- +goose Up
-- What helps agents while they talk, and what is learnt from how it went.

-- Who writes articles, phrases, snippets and scripts without leading a team.
alter table users drop constraint users_role_check;
alter table users add constraint users_role_check check (role in ('agent', 'editor', 'supervisor', 'admin'));

-- Scripts of a talk: steps with items that tick themselves. Every save is a version; a talk keeps the one it began with.
create table assist_scripts (
    name       text primary key check (name ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    lang       text        not null check (lang in ('zh', 'en')),
    title      text        not null,
    version    int         not null,
    retired    boolean     not null default false,
    updated_at timestamptz not null,
    updated_by text        not null
);

create table assist_script_versions (
    name    text        not null references assist_scripts on delete cascade,
    version int         not null,
    doc     jsonb       not null,
    note    text        not null default '',
    at      timestamptz not null,
    by_user text        not null,
    primary key (name, version)
);

-- What stands beside a talk now, and how far its script is. turn is the customer's last line that it answers;
-- seen the last line of all.
create table assist_boards (
    kind       text        not null check (kind in ('call', 'conversation', 'ticket')),
    subject    text        not null,
    contact_id bigint,
    turn       bigint      not null default 0,
    seen       bigint      not null default 0,
    doc        jsonb       not null default '{}',
    script     text        not null default '',
    version    int         not null default 0,
    chosen     text        not null default '' check (chosen in ('', 'queue', 'intent', 'hand')),
    ticks      jsonb       not null default '{}',
    updated_at timestamptz not null,
    primary key (kind, subject)
);
create index assist_boards_by_time on assist_boards (updated_at);
create index assist_boards_by_contact on assist_boards (contact_id) where contact_id is not null;

-- Every card that came up, and what became of it.
create table assist_cards (
    id         bigint generated always as identity primary key,
    kind       text        not null,
    subject    text        not null,
    card       text        not null check (card in ('answer', 'reply', 'script', 'do')),
    article_id bigint references kb_articles on delete set null,
    reply_id   bigint,
    action     text        not null default '',
    p          real,
    text       text        not null default '',      -- of answer and reply: what would be inserted; no customer's words
    ms         real        not null default 0,       -- from the line to the card
    at         timestamptz not null
);
create index assist_cards_by_subject on assist_cards (kind, subject, id);
create index assist_cards_by_article on assist_cards (article_id, at) where article_id is not null;
create index assist_cards_by_time on assist_cards (at);

create table assist_outcomes (
    id       bigint generated always as identity primary key,
    card_id  bigint      not null references assist_cards on delete cascade,
    what     text        not null check (what in ('shown', 'inserted', 'edited', 'sent', 'dismissed', 'done')),
    actor    text        not null,
    distance int,                                    -- of edited: characters changed before sending
    at       timestamptz not null
);
create index assist_outcomes_by_card on assist_outcomes (card_id, what);
create unique index assist_outcomes_shown on assist_outcomes (card_id, actor) where what = 'shown';

-- Replies of people that customers rated well, without anything of a customer in them.
create table assist_replies (
    id       bigint generated always as identity primary key,
    lang     text        not null,
    question text        not null,
    reply    text        not null,
    uses     int         not null,
    rating   real        not null,
    vector   bytea,
    model    text        not null default '',
    at       timestamptz not null,
    unique (lang, reply)
);
create table assist_reply_sources (
    reply_id     bigint not null references assist_replies on delete cascade,
    conversation bigint not null references conversations on delete cascade,
    contact_id   bigint,
    primary key (reply_id, conversation)
);
create index assist_reply_sources_of on assist_reply_sources (conversation);
create index assist_reply_sources_by_contact on assist_reply_sources (contact_id) where contact_id is not null;

create table assist_snippets (
    id         bigint generated always as identity primary key,
    shortcut   text        not null check (shortcut ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    lang       text        not null check (lang in ('zh', 'en')),
    title      text        not null,
    text       text        not null,
    owner      bigint references users on delete cascade, -- null: everybody's
    queues     text[]      not null default '{}',         -- whose agents see it; empty: all
    uses       int         not null default 0,
    used_at    timestamptz,
    version    int         not null default 1,
    updated_at timestamptz not null,
    updated_by text        not null
);
create unique index assist_snippets_shortcut on assist_snippets (shortcut, lang, coalesce(owner, 0));
create index assist_snippets_by_owner on assist_snippets (owner);

-- Questions that were not answered well: by the bot, in calls and in conversations. Values are masked.
create table assist_questions (
    id         bigint generated always as identity primary key,
    source     text        not null check (source in ('bot', 'call', 'conversation', 'ticket')),
    ref        text        not null,                 -- the turn or line
    subject    text        not null default '',      -- the session, call or conversation
    contact_id bigint,
    lang       text        not null check (lang in ('zh', 'en')),
    text       text        not null,
    p          real        not null default 0,
    why        text        not null check (why in ('unsure', 'down', 'unclicked', 'handover')),
    solved     boolean     not null default false,   -- by whoever took over
    handed     boolean     not null default false,
    cluster_id bigint,
    at         timestamptz not null,
    unique (source, ref)
);
create index assist_questions_by_time on assist_questions (lang, at desc);
create index assist_questions_by_cluster on assist_questions (cluster_id, at desc) where cluster_id is not null;
create index assist_questions_by_contact on assist_questions (contact_id) where contact_id is not null;

create table assist_clusters (
    id          bigint generated always as identity primary key,
    lang        text        not null,
    label       text        not null,
    vector      bytea       not null,
    model       text        not null,
    state       text        not null default 'open' check (state in ('open', 'approved', 'dismissed', 'gone')),
    kind        text        not null check (kind in ('variants', 'article')),
    article_id  bigint references kb_articles on delete set null, -- nearest, or made
    draft       text        not null default '',     -- of kind article: the best reply of people
    reply_id    bigint,
    n           int         not null,
    month       int         not null,                -- in the last 30 days
    week        int         not null,                -- in the last 7 days
    week_before int         not null,
    solve_rate  real        not null,
    hand_rate   real        not null,
    impact      real        not null,
    first_at    timestamptz not null,
    last_at     timestamptz not null,
    decided_at  timestamptz,
    decided_by  text        not null default '',
    decided_n   int         not null default 0       -- how many there were then
);
create index assist_clusters_open on assist_clusters (state, impact desc, id);
alter table assist_questions add foreign key (cluster_id) references assist_clusters on delete set null;

-- Each run of the nightly learning, and what came of it.
create table assist_runs (
    id      bigint generated always as identity primary key,
    at      timestamptz not null,
    by_user text        not null default '',
    doc     jsonb       not null
);
create index assist_runs_by_time on assist_runs (at desc);

-- How many questions were answered right, week by week.
create table assist_weeks (
    week      date not null,
    lang      text not null,
    questions int  not null,
    answered  int  not null,
    solved    int  not null, -- answered, and nothing spoke against it
    confirmed int  not null, -- answered, and the customer said so
    refused   int  not null, -- the customer said no
    handed    int  not null,
    primary key (week, lang)
);

-- Practice: masked talks to answer again.
create table practice_cases (
    id         bigint generated always as identity primary key,
    lang       text        not null check (lang in ('zh', 'en')),
    title      text        not null,
    doc        jsonb       not null,
    script     text        not null default '',
    version    int         not null default 0,
    source     bigint references conversations on delete cascade,
    contact_id bigint,
    retired    boolean     not null default false,
    created_at timestamptz not null,
    created_by text        not null
);
create index practice_cases_by_source on practice_cases (source);
create index practice_cases_by_contact on practice_cases (contact_id) where contact_id is not null;
create table practice_runs (
    id         bigint generated always as identity primary key,
    case_id    bigint      not null references practice_cases on delete cascade,
    user_id    bigint      not null references users on delete cascade,
    answers    jsonb       not null default '[]',
    asked_at   timestamptz not null,                 -- when the last line of the customer was shown
    started_at timestamptz not null,
    ended_at   timestamptz,
    score      real,
    parts      jsonb
);
create index practice_runs_by_user on practice_runs (user_id, started_at desc);
create index practice_runs_by_case on practice_runs (case_id);
create index practice_runs_by_time on practice_runs (started_at desc);

-- For replies that customers rated well.
create index conversations_rated on conversations (rated_at) where rating >= 4;

-- +goose Down
drop index conversations_rated;
drop table practice_runs, practice_cases, assist_weeks, assist_runs, assist_questions, assist_clusters, assist_snippets, assist_reply_sources, assist_replies, assist_outcomes, assist_cards, assist_boards, assist_script_versions, assist_scripts;
alter table users drop constraint users_role_check;
update users set role = 'agent' where role = 'editor';
alter table users add constraint users_role_check check (role in ('agent', 'supervisor', 'admin'));
