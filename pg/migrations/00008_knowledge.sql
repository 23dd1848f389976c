-- +goose Up
-- Articles that answer questions, their versions, and what search and readers made of them.

create table kb_articles (
    id            bigint generated always as identity primary key,
    key           text        not null check (length(key) between 1 and 100), -- the same in every language
    lang          text        not null check (lang in ('zh', 'en')),
    type          text        not null check (type in ('faq', 'product', 'process')),
    state         text        not null check (state in ('draft', 'review', 'live', 'retired')),
    title         text        not null,
    body_md       text        not null,
    category_path text        not null default '',
    audience      text        not null check (audience in ('public', 'agent')),
    owner         text        not null default '',  -- user name
    review_by     date,
    version       int         not null,             -- the latest, what an editor sees
    live_version  int,                              -- what readers and the bot see; null: nothing
    words         text[]      not null default '{}', -- of key, title and body, made in Go
    created_at    timestamptz not null,
    updated_at    timestamptz not null,
    updated_by    text        not null default '',
    unique (key, lang)
);
create index kb_articles_by_category on kb_articles (lang, category_path text_pattern_ops);
create index kb_articles_by_update on kb_articles (updated_at desc, id desc);
create index kb_articles_by_review on kb_articles (review_by) where state <> 'retired';
create index kb_articles_words on kb_articles using gin (words);

-- Every save; doc is the whole content.
create table kb_versions (
    article_id bigint      not null references kb_articles on delete cascade,
    version    int         not null,
    doc        jsonb       not null,
    note       text        not null default '',
    at         timestamptz not null,
    by_user    text        not null default '',
    primary key (article_id, version)
);

-- What is searched: phrasings, passages and rules of the live version. vector holds
-- float32, little endian; model names what made it, weights and runtime alike.
create table kb_variants (
    article_id bigint not null references kb_articles on delete cascade,
    ord        int    not null, -- 0 is the title
    lang       text   not null,
    text       text   not null,
    source     text   not null check (source in ('title', 'human', 'cluster', 'import')),
    vector     bytea,
    model      text   not null default '',
    primary key (article_id, ord)
);
create index kb_variants_by_model on kb_variants (lang, model);

create table kb_passages (
    article_id bigint not null references kb_articles on delete cascade,
    ord        int    not null,
    lang       text   not null,
    text       text   not null,
    vector     bytea,
    model      text   not null default '',
    primary key (article_id, ord)
);
create index kb_passages_by_model on kb_passages (lang, model);

create table kb_rules (
    article_id bigint not null references kb_articles on delete cascade,
    ord        int    not null,
    kind       text   not null check (kind in ('interface', 'exact', 'contains', 'regexp')),
    text       text   not null,
    tool       text   not null default '',
    primary key (article_id, ord)
);

create table kb_events (
    id           bigint generated always as identity primary key,
    article_id   bigint      not null references kb_articles on delete cascade,
    kind         text        not null check (kind in ('shown', 'clicked', 'sent', 'edited', 'up', 'down')),
    at           timestamptz not null,
    channel      text        not null default '', -- help, bot, assist, ...
    conversation text        not null default '',
    actor        text        not null default '', -- user name; empty for customers
    p            real,
    distance     int         -- of edited: how many characters were changed before sending
);
create index kb_events_votes on kb_events (article_id, at) where kind in ('up', 'down');
create index kb_events_by_article on kb_events (article_id, kind, at);
create index kb_events_by_conversation on kb_events (conversation, at) where conversation <> '';
create index kb_events_by_time on kb_events (at);

create table kb_attachments (
    id         uuid primary key,
    article_id bigint      not null references kb_articles on delete cascade,
    name       text        not null,
    kind       text        not null, -- media type, as found in the bytes
    size       int         not null check (size between 1 and 5242880),
    sha256     bytea       not null,
    data       bytea       not null,
    at         timestamptz not null,
    by_user    text        not null default '',
    unique (article_id, sha256)
);

-- Names of categories in a language; a path without a row shows itself.
create table kb_categories (
    path text not null,
    lang text not null,
    name text not null,
    ord  int  not null default 0,
    primary key (path, lang)
);

-- Questions that people labelled: article is a key, '' when none answers.
create table kb_questions (
    id          bigint generated always as identity primary key,
    lang        text        not null,
    text        text        not null,
    article_key text        not null default '',
    source      text        not null default 'human',
    at          timestamptz not null,
    by_user     text        not null default '',
    unique (lang, text)
);

-- Judgements that were learnt; of the active ones there is one per language.
create table kb_models (
    id      bigint generated always as identity primary key,
    lang    text        not null,
    embed   text        not null, -- version of the vectors it was learnt on
    active  boolean     not null default false,
    at      timestamptz not null,
    by_user text        not null default '',
    doc     jsonb       not null, -- weights, calibration, thresholds, curve
    figures jsonb       not null  -- of itself and of the one before, on questions that neither learnt from
);
create unique index kb_models_active on kb_models (lang) where active;
create index kb_models_by_lang on kb_models (lang, id desc);

-- How far people moved the thresholds.
create table kb_thresholds (
    lang    text primary key,
    answer  double precision not null default 0 check (answer between -0.1 and 0.1),
    clarify double precision not null default 0 check (clarify between -0.1 and 0.1),
    at      timestamptz not null,
    by_user text        not null default ''
);

-- Raised by every change that search must see.
create table kb_revision (
    one      boolean primary key default true check (one),
    revision bigint not null
);
insert into kb_revision (revision) values (1);

-- +goose Down
drop table kb_revision, kb_thresholds, kb_models, kb_questions, kb_categories, kb_attachments, kb_events, kb_rules, kb_passages, kb_variants, kb_versions, kb_articles;
