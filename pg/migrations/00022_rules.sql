-- +goose Up
-- What happened, as rows that are written with what happened: rules and webhooks live by them, so
-- nothing is missed while no server runs. Ids and states only, nothing that people wrote.

create table rule_events (
    id        bigint generated always as identity primary key,
    type      text        not null,
    object    text        not null check (object in ('conversation', 'ticket', 'call', 'contact', 'queue')),
    object_id text        not null,
    ref       bigint,                              -- of the message, the comment, the alert
    changed   text[]      not null default '{}',   -- fields
    facts     jsonb       not null,                -- how the object stood then
    actor     text        not null default '',     -- user name, customer, bot, system, router, rule:NAME
    rule      text        not null default '',     -- whose act it was
    depth     int         not null default 0,      -- how many rules led to it
    only_rule text        not null default '',     -- a timer of this rule has run out: nobody else is asked
    basis     bigint,                              -- the event that began the timer
    at        timestamptz not null default now(),
    state     text        not null default 'new' check (state in ('new', 'done', 'failed')),
    attempts  int         not null default 0,
    next_at   timestamptz not null default '-infinity',
    claimed_until timestamptz not null default '-infinity'
);
create index rule_events_open on rule_events (id) where state = 'new';
create index rule_events_open_of on rule_events (object, object_id, id) where state = 'new';
create index rule_events_of on rule_events (object, object_id, id);
create index rule_events_by_type on rule_events (type, id desc);
create index rule_events_by_time on rule_events (at);
create unique index rule_events_timer on rule_events (basis, only_rule) where basis is not null;

-- One row per rule that was to act on an event, and per macro that was run on an object.
create table rule_runs (
    id        bigint generated always as identity primary key,
    kind      text        not null check (kind in ('rule', 'macro')),
    name      text        not null,
    event_id  bigint references rule_events on delete cascade,
    object    text        not null,
    object_id text        not null,
    actor     text        not null,                -- rule:NAME or the user
    state     text        not null check (state in ('running', 'done', 'refused', 'undone')),
    reason    text        not null default '',     -- why it was refused: depth, rate
    matched   jsonb       not null default '[]',   -- conditions that held
    steps     jsonb       not null default '[]',   -- what was done, see rules.Step
    depth     int         not null default 0,
    at        timestamptz not null,
    done_at   timestamptz,
    unique (event_id, name)
);
create index rule_runs_by_time on rule_runs (id desc) where kind = 'rule';
create index rule_runs_by_name on rule_runs (kind, name, id desc);
create index rule_runs_of on rule_runs (object, object_id, at desc);

-- Letters to other programs. What is in one is made of its event when it is sent.
create table hook_deliveries (
    id        bigint generated always as identity primary key,
    target    text        not null,
    event_id  bigint      not null references rule_events on delete cascade,
    object    text        not null,
    object_id text        not null,
    type      text        not null,                -- as the target asked for it
    by_rule   text        not null default '',     -- a rule or macro sent it
    state     text        not null default 'waiting' check (state in ('waiting', 'sending', 'sent', 'dead')),
    attempts  int         not null default 0,
    next_at   timestamptz not null,
    claimed_until timestamptz,
    status    int         not null default 0,      -- of the last answer; 0: none
    reason    text        not null default '',
    took_ms   int         not null default 0,
    replays   int         not null default 0,
    created_at timestamptz not null,
    done_at   timestamptz,
    unique (target, event_id, type, by_rule)
);
create index hook_deliveries_open on hook_deliveries (target, object, object_id, id) where state in ('waiting', 'sending');
create index hook_deliveries_due on hook_deliveries (next_at) where state in ('waiting', 'sending');
create index hook_deliveries_listed on hook_deliveries (target, id desc);
create index hook_deliveries_dead on hook_deliveries (id desc) where state = 'dead';
create index hook_deliveries_of_event on hook_deliveries (event_id);

-- What rules tell people.
create table rule_notices (
    id        bigint generated always as identity primary key,
    user_id   bigint      not null references users on delete cascade,
    run_id    bigint references rule_runs on delete cascade,
    object    text        not null,
    object_id text        not null,
    contact_id bigint,                             -- whom it is about
    text      text        not null check (length(text) <= 4000),
    at        timestamptz not null,
    seen_at   timestamptz
);
create index rule_notices_by_user on rule_notices (user_id, id desc);
create index rule_notices_new on rule_notices (user_id) where seen_at is null;
create index rule_notices_by_time on rule_notices (at);
create index rule_notices_by_run on rule_notices (run_id) where run_id is not null;
create index rule_notices_by_contact on rule_notices (contact_id) where contact_id is not null;

-- Filters of the list of tickets that somebody kept.
create table ticket_views (
    id         bigint generated always as identity primary key,
    user_id    bigint references users on delete cascade, -- null: everybody's
    name       text        not null check (length(name) between 1 and 80),
    filter     jsonb       not null,
    updated_at timestamptz not null default now()
);
create index ticket_views_by_user on ticket_views (user_id);

-- A transaction that a rule began says so in tingxin.cause: its name, a slash, how deep.
-- +goose StatementBegin
create function rule_event(p_type text, p_object text, p_id text, p_ref bigint, p_changed text[], p_facts jsonb, p_actor text) returns void language plpgsql as $$
declare
    cause text := coalesce(current_setting('tingxin.cause', true), '');
begin
    insert into rule_events (type, object, object_id, ref, changed, facts, actor, rule, depth)
    values (p_type, p_object, p_id, p_ref, coalesce(p_changed, '{}'), jsonb_strip_nulls(p_facts), p_actor,
        split_part(cause, '/', 1), case when cause like '%/%' then split_part(cause, '/', 2)::int else 0 end);
end
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function rule_event_of_ticket() returns trigger language plpgsql as $$
declare
    t tickets;
    d jsonb := new.detail;
    plain text[] := array['state', 'priority', 'queue', 'assignee', 'type', 'complaint', 'tags'];
    was jsonb;
    changed text[];
begin
    select * into t from tickets where id = new.ticket_id;
    select array_agg(key order by key), jsonb_object_agg(key, value->0) filter (where key = any (plain))
        into changed, was from jsonb_each(d) where jsonb_typeof(value) = 'array';
    if new.kind not in ('created', 'changed', 'commented', 'warned', 'reminded') then
        changed := array_append(changed, new.kind);
    end if;
    perform rule_event(case when new.kind in ('created', 'commented', 'warned', 'reminded') then 'ticket.' || new.kind else 'ticket.changed' end,
        'ticket', new.ticket_id::text, (d->>'comment')::bigint, changed,
        jsonb_build_object('type', t.type, 'state', t.state, 'priority', t.priority, 'queue', t.queue_id, 'assignee', t.assignee, 'complaint', t.complaint,
            'tags', to_jsonb(t.tags), 'contact', t.contact_id, 'source', t.source, 'language', t.language, 'reopened', t.reopened, 'parent', t.parent_id,
            'created_at', t.created_at, 'state_at', t.state_at, 'version', t.version, 'was', was,
            'clock', d->'clock', 'level', d->'level', 'public', d->'public'),
        new.actor);
    return null;
end
$$;
-- +goose StatementEnd
create trigger rule_events_of_tickets after insert on ticket_trail for each row execute function rule_event_of_ticket();

-- +goose StatementBegin
create function conversation_facts(c conversations) returns jsonb language sql stable as $$
    select jsonb_build_object('channel', c.channel, 'account', c.account, 'state', c.state, 'handler', c.handler, 'assignee', c.assignee, 'queue', nullif(c.queue, ''),
        'language', c.language, 'labels', to_jsonb(c.labels), 'priority', (array['low', 'normal', 'high', 'urgent'])[c.urgency + 1], 'rating', c.rating,
        'contact', c.contact_id, 'messages', c.last_seq, 'created_at', c.created_at, 'waiting_since', c.waiting_since)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function rule_event_of_conversation() returns trigger language plpgsql as $$
declare
    changed text[] := '{}';
    actor text := coalesce(nullif(split_part(coalesce(current_setting('tingxin.cause', true), ''), '/', 1), ''), '');
begin
    if actor <> '' then
        actor := 'rule:' || actor;
    end if;
    if tg_op = 'INSERT' then
        perform rule_event('conversation.created', 'conversation', new.id::text, null, '{}', conversation_facts(new), actor);
        return null;
    end if;
    if new.state is distinct from old.state then changed := changed || 'state'::text; end if;
    if new.handler is distinct from old.handler then changed := changed || 'handler'::text; end if;
    if new.assignee is distinct from old.assignee then changed := changed || 'assignee'::text; end if;
    if new.queue is distinct from old.queue or new.handler = 'queue' and old.handler <> 'queue' then changed := changed || 'queue'::text; end if;
    if new.labels is distinct from old.labels then changed := changed || 'labels'::text; end if;
    if new.urgency is distinct from old.urgency then changed := changed || 'priority'::text; end if;
    if new.rating is distinct from old.rating then changed := changed || 'rating'::text; end if;
    if new.contact_id is distinct from old.contact_id then changed := changed || 'contact'::text; end if;
    perform rule_event('conversation.changed', 'conversation', new.id::text, null, changed,
        conversation_facts(new) || jsonb_build_object('was', jsonb_build_object('state', old.state, 'handler', old.handler, 'assignee', old.assignee, 'queue', old.queue)), actor);
    return null;
end
$$;
-- +goose StatementEnd
create trigger rule_events_of_new_conversations after insert on conversations for each row execute function rule_event_of_conversation();
create trigger rule_events_of_conversations after update on conversations for each row
    when ((new.state, new.handler, new.assignee, new.queue, new.labels, new.urgency, new.rating, new.contact_id)
        is distinct from (old.state, old.handler, old.assignee, old.queue, old.labels, old.urgency, old.rating, old.contact_id))
    execute function rule_event_of_conversation();

-- +goose StatementBegin
create function rule_event_of_message() returns trigger language plpgsql as $$
declare
    c conversations;
begin
    select * into c from conversations where id = new.thread_id;
    perform rule_event(case when new.direction = 'in' then 'message.received' when new.kind = 'note' then 'note.added' else 'message.sent' end,
        'conversation', new.thread_id::text, new.id, '{}',
        conversation_facts(c) || jsonb_build_object('kind', new.kind, 'author', new.author, 'seq', new.seq),
        case when new.author = 'agent' or new.author_name like 'rule:%' then coalesce(nullif(new.author_name, ''), 'agent') else new.author end);
    return null;
end
$$;
-- +goose StatementEnd
create trigger rule_events_of_messages after insert on messages for each row when (new.kind not in ('event', 'consent')) execute function rule_event_of_message();

-- +goose StatementBegin
create function call_facts(k calls) returns jsonb language sql stable as $$
    select jsonb_build_object('direction', k.direction, 'trunk', nullif(k.trunk, ''), 'route', nullif(k.route, ''), 'language', nullif(k.language, ''), 'cause', nullif(k.cause, ''),
        'state', k.state, 'answered', k.answered_at is not null, 'seconds', round(extract(epoch from k.ended_at - k.started_at)), 'contact', k.contact_id, 'created_at', k.started_at)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
create function rule_event_of_call() returns trigger language plpgsql as $$
declare
    k calls;
begin
    if tg_table_name = 'calls' then
        perform rule_event(case tg_op when 'INSERT' then 'call.started' else 'call.ended' end, 'call', new.id::text, null, '{}', call_facts(new), 'system');
        return null;
    end if;
    select * into k from calls where id = new.call_id;
    if tg_table_name = 'wrap_ups' then
        perform rule_event('call.wrapped', 'call', new.call_id::text, null, array['disposition'],
            call_facts(k) || jsonb_build_object('disposition', new.disposition, 'tags', to_jsonb(new.tags), 'follow_up', new.follow_up_at), new.username);
    elsif tg_table_name = 'voice_messages' then
        perform rule_event('call.voicemail', 'call', new.call_id::text, null, '{}', call_facts(k) || jsonb_build_object('queue', case new.box_kind when 'queue' then new.box end, 'box', new.box, 'box_kind', new.box_kind), 'customer');
    else
        perform rule_event('call.rated', 'call', new.call_id::text, new.n, '{}',
            call_facts(k) || jsonb_build_object('score', new.score, 'survey', new.survey, 'queue', nullif(new.queue, ''), 'agent', nullif(new.agent, '')), 'customer');
    end if;
    return null;
end
$$;
-- +goose StatementEnd
create trigger rule_events_of_new_calls after insert on calls for each row execute function rule_event_of_call();
create trigger rule_events_of_calls after update on calls for each row when (new.state = 'ended' and old.state <> 'ended') execute function rule_event_of_call();
create trigger rule_events_of_wrap_ups after insert on wrap_ups for each row when (new.disposition <> '') execute function rule_event_of_call();
create trigger rule_events_of_changed_wrap_ups after update on wrap_ups for each row when (new.disposition <> '' and new.disposition <> old.disposition) execute function rule_event_of_call();
create trigger rule_events_of_voice_messages after update on voice_messages for each row
    when (new.state = 'kept' and old.state = 'open' and new.box_kind <> 'survey') execute function rule_event_of_call();
create trigger rule_events_of_surveys after insert on survey_answers for each row when (new.score is not null) execute function rule_event_of_call();

-- +goose StatementBegin
create function rule_event_of_contact() returns trigger language plpgsql as $$
declare
    changed text[] := '{}';
begin
    if tg_op = 'UPDATE' then
        if new.name is distinct from old.name then changed := changed || 'name'::text; end if;
        if new.language is distinct from old.language then changed := changed || 'language'::text; end if;
        if new.vip is distinct from old.vip then changed := changed || 'vip'::text; end if;
        if new.tags is distinct from old.tags then changed := changed || 'tags'::text; end if;
        if new.fields is distinct from old.fields then changed := changed || 'fields'::text; end if;
    end if;
    perform rule_event(case tg_op when 'INSERT' then 'contact.created' else 'contact.changed' end, 'contact', new.id::text, null, changed,
        jsonb_build_object('contact', new.id, 'language', nullif(new.language, ''), 'vip', new.vip, 'tags', to_jsonb(new.tags), 'created_at', new.created_at), '');
    return null;
end
$$;
-- +goose StatementEnd
create trigger rule_events_of_new_contacts after insert on contacts for each row execute function rule_event_of_contact();
create trigger rule_events_of_contacts after update on contacts for each row
    when (new.erased_at is null and (new.name, new.language, new.vip, new.tags, new.fields) is distinct from (old.name, old.language, old.vip, old.tags, old.fields))
    execute function rule_event_of_contact();

-- +goose StatementBegin
create function rule_event_of_queue_alert() returns trigger language plpgsql as $$
begin
    perform rule_event(case tg_op when 'INSERT' then 'queue.alert' else 'queue.alert_over' end, 'queue', new.scope, new.id, '{}',
        jsonb_build_object('alert', new.rule, 'id', new.scope, 'metric', new.metric, 'severity', new.severity, 'value', new.value, 'bound', new.bound, 'created_at', new.raised_at), 'system');
    return null;
end
$$;
-- +goose StatementEnd
create trigger rule_events_of_queue_alerts after insert on queue_alerts for each row execute function rule_event_of_queue_alert();
create trigger rule_events_of_ended_alerts after update on queue_alerts for each row when (new.ended_at is not null and old.ended_at is null) execute function rule_event_of_queue_alert();

-- +goose Down
drop trigger rule_events_of_tickets on ticket_trail;
drop trigger rule_events_of_new_conversations on conversations;
drop trigger rule_events_of_conversations on conversations;
drop trigger rule_events_of_messages on messages;
drop trigger rule_events_of_new_calls on calls;
drop trigger rule_events_of_calls on calls;
drop trigger rule_events_of_wrap_ups on wrap_ups;
drop trigger rule_events_of_changed_wrap_ups on wrap_ups;
drop trigger rule_events_of_voice_messages on voice_messages;
drop trigger rule_events_of_surveys on survey_answers;
drop trigger rule_events_of_new_contacts on contacts;
drop trigger rule_events_of_contacts on contacts;
drop trigger rule_events_of_queue_alerts on queue_alerts;
drop trigger rule_events_of_ended_alerts on queue_alerts;
drop function rule_event_of_ticket, rule_event_of_conversation, rule_event_of_message, rule_event_of_call, rule_event_of_contact, rule_event_of_queue_alert;
drop function conversation_facts, call_facts;
drop function rule_event;
drop table ticket_views, rule_notices, hook_deliveries, rule_runs, rule_events;
