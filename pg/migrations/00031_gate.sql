-- +goose Up
-- What the bot's intents are guessed by: what was learnt last answers only when it does no worse on labelled turns.
alter table bot_models
    add column active  boolean not null default false,
    add column embed   text    not null default '',   -- version of the vectors
    add column lessons jsonb,                          -- what it was learnt from; null: only its figures are kept
    add column gate    jsonb   not null default '{}',  -- figures on labelled turns, of itself and of the one before
    add column by_user text    not null default '';
create unique index bot_models_active on bot_models (lang) where active;

-- +goose Down
alter table bot_models drop column active, drop column embed, drop column lessons, drop column gate, drop column by_user;
