-- +goose Up
-- What a ticket was made of, where the same may come twice: it makes one.
create table ticket_keys (
    key       text   primary key check (key <> ''),
    ticket_id bigint not null references tickets on delete cascade
);
create index ticket_keys_of on ticket_keys (ticket_id);

-- Questions of a person are found by what they were asked in.
create index assist_questions_by_subject on assist_questions (source, subject);

-- +goose Down
drop index assist_questions_by_subject;
drop table ticket_keys;
