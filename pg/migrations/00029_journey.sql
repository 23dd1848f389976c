-- +goose Up

-- Who looks at a message, so that claims of a run that was killed are given back at the next start.
alter table inbound_due add column claimed_by text not null default '';

-- What a follower of a ticket is told of.
alter table ticket_followers add column told text not null default 'all' check (told in ('all', 'public', 'private'));

-- Notices of what happened to followed tickets, one per event and user.
alter table rule_notices add column kind text not null default '', add column event_id bigint references rule_events on delete set null;
create unique index rule_notices_once on rule_notices (user_id, event_id) where event_id is not null;
create index rule_notices_by_event on rule_notices (event_id) where event_id is not null;

-- +goose Down
drop index rule_notices_once, rule_notices_by_event;
alter table rule_notices drop column kind, drop column event_id;
alter table ticket_followers drop column told;
alter table inbound_due drop column claimed_by;
