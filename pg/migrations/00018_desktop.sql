-- +goose Up
-- What customers wait for, the most urgent and the oldest first: the agents' work lists.
create index conversations_pressing on conversations (urgency desc, waiting_since, id) where state = 'open' and waiting_since is not null;
