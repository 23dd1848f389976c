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

-- The scale of an answer, null when it is not known any more.
alter table survey_answers add column least int, add column most int;
create index survey_answers_unscaled on survey_answers (survey) where most is null;

-- Questions of cases are asked by who looks after the cases; jobs beside it are no more.
delete from river_job where kind = 'feedback_ask';

-- +goose Down
drop index survey_answers_unscaled;
alter table survey_answers drop column least, drop column most;
alter table kb_models drop column activated_at;
drop index assist_questions_by_subject;
drop table ticket_keys;
