-- +goose Up
-- Tickets: what somebody must do for a customer, with the promises about when, and the trail of all that was done.

create table ticket_types (
    name       text primary key check (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    label_zh   text        not null check (length(label_zh) between 1 and 60),
    label_en   text        not null check (length(label_en) between 1 and 60),
    queue_id   text        references queues on delete set null, -- the department; null goes to nobody by itself
    priority   text        not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    fields     jsonb       not null default '[]', -- the form, see ticket.Field
    ord        int         not null default 0,
    disabled   boolean     not null default false,
    updated_at timestamptz not null default now()
);

create sequence ticket_numbers as bigint start 1001;

create table tickets (
    id          bigint primary key default nextval('ticket_numbers'), -- the number that people say
    type        text        not null references ticket_types,
    subject     text        not null check (length(subject) between 1 and 300),
    body        text        not null default '' check (length(body) <= 20000),
    state       text        not null default 'new'
                check (state in ('new', 'open', 'pending_customer', 'pending_third', 'on_hold', 'resolved', 'closed')),
    priority    text        not null check (priority in ('low', 'normal', 'high', 'urgent')),
    language    text        not null default '' check (length(language) <= 16),
    complaint   boolean     not null default false,
    fields      jsonb       not null default '{}',
    tags        text[]      not null default '{}',
    contact_id  bigint      references contacts on delete set null,
    queue_id    text        references queues on delete set null,
    assignee    bigint      references users on delete set null,
    parent_id   bigint      references tickets,
    merged_into bigint      references tickets,
    source      text        not null check (source in ('agent', 'customer', 'bot', 'rule', 'call', 'conversation', 'feedback', 'import')),
    source_ref  text        not null default '' check (length(source_ref) <= 200), -- the call, conversation or message it came from
    hold_until  timestamptz,
    released_at timestamptz,          -- when it was last taken from an agent: the router's word before that does not count
    reopened    int         not null default 0,
    version     int         not null default 1,   -- grows with each change: who changed an older one is told
    words       text[]      not null default '{}', -- of number, subject and body, to search in
    created_by  text        not null,
    created_at  timestamptz not null,
    updated_at  timestamptz not null,
    state_at    timestamptz not null, -- when it came into its state
    resolved_at timestamptz,
    closed_at   timestamptz,
    check ((state = 'on_hold') = (hold_until is not null)),
    check (merged_into is null or state = 'closed')
);
create index tickets_listed on tickets (updated_at desc, id desc);
create index tickets_by_state on tickets (state, updated_at desc, id desc);
create index tickets_by_assignee on tickets (assignee, updated_at desc, id desc) where assignee is not null;
create index tickets_by_queue on tickets (queue_id, updated_at desc, id desc);
create index tickets_by_contact on tickets (contact_id, created_at desc, id desc) where contact_id is not null;
create index tickets_by_parent on tickets (parent_id) where parent_id is not null;
create index tickets_by_source on tickets (source_ref) where source_ref <> '';
create index tickets_by_words on tickets using gin (words);
create index tickets_by_tags on tickets using gin (tags);
create index tickets_on_hold on tickets (hold_until) where state = 'on_hold';
create index tickets_resolved on tickets (state_at) where state = 'resolved';
create index tickets_pending on tickets (state_at) where state = 'pending_customer';

-- What was done to a ticket, by whom; never changed, so every merge and split can be followed and taken back.
create table ticket_trail (
    id        bigint generated always as identity primary key,
    ticket_id bigint      not null references tickets on delete cascade,
    at        timestamptz not null,
    actor     text        not null, -- user name, "customer", "bot", "rule:NAME" or "system"
    kind      text        not null, -- created, changed, merged, unmerged, split, linked, unlinked, warned, reminded, ...
    detail    jsonb       not null default '{}'
);
create index ticket_trail_by_ticket on ticket_trail (ticket_id, id);

create table ticket_comments (
    id        bigint generated always as identity primary key,
    ticket_id bigint      not null references tickets on delete cascade,
    by_kind   text        not null check (by_kind in ('agent', 'customer', 'bot', 'system')),
    author    text        not null,
    public    boolean     not null, -- the customer sees it; a note is for us only
    body      text        not null check (length(body) between 1 and 20000),
    at        timestamptz not null
);
create index ticket_comments_by_ticket on ticket_comments (ticket_id, id);

create table ticket_links (
    a    bigint      not null references tickets on delete cascade,
    b    bigint      not null references tickets on delete cascade,
    kind text        not null check (kind in ('related', 'duplicate', 'follow_up', 'split')),
    by   text        not null,
    at   timestamptz not null,
    primary key (a, b),
    check (a < b)
);
create index ticket_links_by_b on ticket_links (b);

create table ticket_followers (
    ticket_id bigint not null references tickets on delete cascade,
    user_id   bigint not null references users on delete cascade,
    primary key (ticket_id, user_id)
);
create index ticket_followers_by_user on ticket_followers (user_id);

create table ticket_tasks (
    id        bigint generated always as identity primary key,
    ticket_id bigint      not null references tickets on delete cascade,
    title     text        not null check (length(title) between 1 and 300),
    assignee  bigint      references users on delete set null,
    due_at    timestamptz,
    done_at   timestamptz,
    done_by   text        not null default '',
    ord       int         not null default 0
);
create index ticket_tasks_by_ticket on ticket_tasks (ticket_id, ord, id);

-- Promises. The first policy whose filter fits counts.
create table sla_policies (
    name       text primary key check (name ~ '^[a-z0-9][a-z0-9_-]{0,39}$'),
    ord        int         not null,
    doc        jsonb       not null, -- see ticket.Policy
    updated_at timestamptz not null default now()
);

create table sla_clocks (
    id         bigint generated always as identity primary key,
    ticket_id  bigint      not null references tickets on delete cascade,
    kind       text        not null check (kind in ('first_any', 'first_human', 'next', 'update', 'resolution')),
    policy     text        not null,
    calendar   text        not null default '', -- whose hours count; empty counts all
    target_ms  bigint      not null check (target_ms > 0),
    cap_at     timestamptz,
    runs       jsonb       not null,
    started_at timestamptz not null,
    due_at     timestamptz,          -- null while a pause holds it off
    told       int         not null default 0, -- the highest level that people were told of, per cent
    next_at    timestamptz,          -- when the next level is reached; null when none is to come
    stopped_at timestamptz,
    outcome    text        not null default '' check (outcome in ('', 'hit', 'missed', 'cancelled')),
    over_ms    bigint      not null default 0,
    check ((stopped_at is null) = (outcome = ''))
);
create unique index sla_clocks_running on sla_clocks (ticket_id, kind) where stopped_at is null;
create index sla_clocks_next on sla_clocks (next_at) where stopped_at is null;
create index sla_clocks_due on sla_clocks (due_at) where stopped_at is null;
create index sla_clocks_stopped on sla_clocks (stopped_at) where stopped_at is not null;

-- +goose StatementBegin
create function stopped_clocks_stay() returns trigger language plpgsql as $$
begin
    raise exception 'a stopped clock is never changed' using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd
create trigger sla_clocks_stay before update on sla_clocks for each row when (old.stopped_at is not null) execute function stopped_clocks_stay();

insert into ticket_types (name, label_zh, label_en, priority, ord, fields) values
    ('question',  '咨询',     'Question',          'normal', 1, '[]'),
    ('fault',     '故障报修', 'Fault',             'high',   2, '[]'),
    ('return',    '退换货',   'Return or exchange','normal', 3, '[{"key":"order","label_zh":"订单号","label_en":"Order number","type":"text"}]'),
    ('refund',    '退款',     'Refund',            'high',   4, '[{"key":"order","label_zh":"订单号","label_en":"Order number","type":"text"},{"key":"amount","label_zh":"金额","label_en":"Amount","type":"number"}]'),
    ('complaint', '投诉',     'Complaint',         'high',   5, '[]'),
    ('callback',  '回电',     'Call back',         'normal', 6, '[]');

insert into sla_policies (name, ord, doc) values
    ('complaints', 1, '{"filter":{"complaint":true},"targets":{"normal":{"first_human":"4h","next":"8h","update":"24h","resolution":"72h"}}}'),
    ('standard', 2, '{"filter":{},"targets":{
        "urgent":{"first_human":"30m","next":"1h","resolution":"8h"},
        "high":{"first_human":"2h","next":"4h","resolution":"24h"},
        "normal":{"first_human":"8h","next":"12h","resolution":"72h"},
        "low":{"first_human":"24h","next":"48h","resolution":"168h"}}}');

-- +goose Down
drop table sla_clocks, sla_policies, ticket_tasks, ticket_followers, ticket_links, ticket_comments, ticket_trail, tickets, ticket_types;
drop sequence ticket_numbers;
drop function stopped_clocks_stay;
