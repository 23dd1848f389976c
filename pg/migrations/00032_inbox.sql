-- +goose Up
-- The inbox without a filter shows all conversations, the last active first.
create index conversations_by_activity on conversations (last_at desc, id desc);

-- +goose Down
drop index conversations_by_activity;
