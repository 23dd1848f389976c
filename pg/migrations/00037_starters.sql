-- +goose Up
-- Which of the bot's starter intents a server was ever offered: each comes once, and one that people deleted stays away.
create table bot_starters (
    name       text primary key check (name ~ '^[a-z][a-z0-9_]{0,63}$'),
    offered_at timestamptz not null default now()
);

-- Where there is a bot already it began with these ten. Of later ones it had those that somebody has deleted; those that are still there need no note.
insert into bot_starters (name)
    select name from unnest(array['order_status', 'cancel_order', 'refund_request', 'give_value', 'greeting', 'thanks', 'goodbye', 'who_are_you', 'praise', 'out_of_scope']) name
        where exists (select from bot_policy) or exists (select from bot_intents)
    union
    select split_part(subject, ':', 2) from audit where action = 'bot.intent_deleted' and subject ~ '^bot_intent:[a-z][a-z0-9_]{0,63}$';
