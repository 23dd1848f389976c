-- +goose Up
-- What a ticket was made of, where the same may come twice: it makes one.
create table ticket_keys (
    key       text   primary key check (key <> ''),
    ticket_id bigint not null references tickets on delete cascade
);
create index ticket_keys_of on ticket_keys (ticket_id);

-- Questions of a person are found by what they were asked in.
create index assist_questions_by_subject on assist_questions (source, subject);

-- A judgement that was taken back to is watched from then on.
alter table kb_models add column activated_at timestamptz; -- null: when it was learnt

-- What the bot's intents are guessed by: what was learnt last answers only when it does no worse on labelled turns.
alter table bot_models
    add column active  boolean not null default false,
    add column embed   text    not null default '',   -- version of the vectors
    add column lessons jsonb,                          -- what it was learnt from; null: only its figures are kept
    add column gate    jsonb   not null default '{}',  -- figures on labelled turns, of itself and of the one before
    add column by_user text    not null default '';
create unique index bot_models_active on bot_models (lang) where active;

-- The scale of an answer, null when it is not known any more.
alter table survey_answers add column least int, add column most int;
create index survey_answers_unscaled on survey_answers (survey) where most is null;

-- Questions of cases are asked by who looks after the cases; jobs beside it are no more.
delete from river_job where kind = 'feedback_ask';

-- +goose Down
alter table bot_models drop column active, drop column embed, drop column lessons, drop column gate, drop column by_user;
drop index survey_answers_unscaled;
alter table survey_answers drop column least, drop column most;
alter table kb_models drop column activated_at;
drop index assist_questions_by_subject;
drop table ticket_keys;
