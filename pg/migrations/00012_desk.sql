-- +goose Up
-- Repeat callers are counted by number, and a refused offer keeps the agent's reason.
create index calls_by_caller on calls (from_number, started_at desc);
alter table queue_offers add column said text not null default ''; -- why the agent declined

-- +goose Down
drop index calls_by_caller;
alter table queue_offers drop column said;
