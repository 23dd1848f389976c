-- +goose Up
-- Questions how it was that we put to customers of our own accord, each once.
create table surveys (
    id              bigint generated always as identity primary key,
    kind            text        not null check (kind in ('csat', 'nps')),
    origin          text        not null unique check (length(origin) between 1 and 200), -- what had it asked: the same asks once
    made_by         text        not null check (length(made_by) between 1 and 200),       -- schedule, rule:NAME, or the user whose macro it was
    reason          text        not null default '' check (length(reason) <= 200),        -- as in feedback
    contact_id      bigint      references contacts on delete set null,
    conversation_id bigint      references conversations on delete set null, -- in which it is asked
    language        text        not null check (language in ('zh', 'en')),
    state           text        not null check (state in ('waiting', 'sent', 'answered', 'expired', 'dropped')),
    why             text        not null default '', -- it was dropped, or did not leave at the last try
    tries           int         not null default 0,
    at              timestamptz not null,
    next_at         timestamptz not null,
    sent_at         timestamptz,
    expires_at      timestamptz,
    answered_at     timestamptz,
    check (state not in ('sent', 'expired') or sent_at is not null and expires_at is not null),
    check ((state = 'answered') = (answered_at is not null))
);
-- How a contact was is asked once.
create unique index surveys_once on surveys (reason) where kind = 'csat' and reason <> '' and state <> 'dropped';
create index surveys_by_contact on surveys (contact_id, at desc) where contact_id is not null;
create index surveys_by_conversation on surveys (conversation_id, id desc) where conversation_id is not null;
create index surveys_by_kind on surveys (kind, at desc);
create index surveys_waiting on surveys (next_at) where state = 'waiting';
create index surveys_open on surveys (expires_at) where state = 'sent';

alter table customer_links drop constraint customer_links_kind_check;
alter table customer_links add check (kind in ('ticket', 'case', 'survey'));

-- +goose Down
delete from customer_links where kind = 'survey';
alter table customer_links drop constraint customer_links_kind_check;
alter table customer_links add check (kind in ('ticket', 'case'));
drop table surveys;
