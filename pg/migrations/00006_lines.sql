-- +goose Up
-- Who each leg of a call was, and which queue and agent took the call.

alter table legs add column role text not null default '', add column user_name text not null default '';
alter table calls add column queue text not null default '', add column agent text not null default '';

-- +goose Down
alter table legs drop column role, drop column user_name;
alter table calls drop column queue, drop column agent;
