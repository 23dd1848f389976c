-- +goose Up
-- What customers say of us, and the cases that are not closed before the customer was told and asked again.

-- Why something went wrong: a tree that administrators keep.
create table cause_codes (
    code       text primary key check (code ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    parent     text        references cause_codes,
    area       text        not null check (area in ('product', 'process', 'agent', 'article', 'other')),
    label_zh   text        not null check (length(label_zh) between 1 and 60),
    label_en   text        not null check (length(label_en) between 1 and 60),
    ord        int         not null default 0,
    retired    boolean     not null default false, -- no longer offered; cases keep it
    updated_at timestamptz not null default now()
);
create index cause_codes_by_parent on cause_codes (parent) where parent is not null;

create table feedback (
    id         bigint generated always as identity primary key,
    kind       text        not null check (kind in ('csat', 'nps', 'complaint', 'idea', 'bug')),
    source     text        not null check (source in ('chat', 'call', 'ticket', 'page', 'api')),
    reason     text        not null default '' check (length(reason) <= 200), -- the contact that it is about: conversation:12, call:ID, ticket:1001
    origin     text        not null unique check (length(origin) between 1 and 200), -- the fact that it was made of: the same one makes one row
    score      int         check (score between 0 and 10),
    text       text        not null default '' check (length(text) <= 20000),
    chips      text[]      not null default '{}', -- reasons that the customer chose
    topics     text[]      not null default '{}', -- found in the words
    sentiment  real        not null default 0,    -- -1 to 1
    complaint  real        not null default 0,    -- probability; 1 when the customer called it so
    model      text        not null default '',   -- that judged it
    words      text[]      not null default '{}', -- of text, to search in
    language   text        not null default '' check (length(language) <= 16),
    contact_id bigint      references contacts on delete set null,
    agent      bigint      references users on delete set null, -- who had the contact
    case_id    bigint,
    at         timestamptz not null,
    check ((kind in ('csat', 'nps')) = (score is not null)),
    check (kind <> 'csat' or score between 1 and 5)
);
-- A customer is asked once per contact, whatever the number of questions then.
create unique index feedback_once on feedback (reason) where kind = 'csat' and reason <> '' and source <> 'call';
create index feedback_by_time on feedback (at desc, id desc);
create index feedback_by_kind on feedback (kind, at desc, id desc);
create index feedback_by_reason on feedback (reason) where reason <> '';
create index feedback_by_contact on feedback (contact_id, at desc, id desc) where contact_id is not null;
create index feedback_by_agent on feedback (agent, at desc, id desc) where agent is not null;
create index feedback_by_case on feedback (case_id) where case_id is not null;
create index feedback_by_words on feedback using gin (words);
create index feedback_by_topics on feedback using gin (topics);

create sequence case_numbers as bigint start 501;

create table feedback_cases (
    id            bigint primary key default nextval('case_numbers'), -- the number that people say
    state         text        not null default 'new'
                  check (state in ('new', 'contacted', 'cause_found', 'fixed', 'customer_told', 'verified', 'closed')),
    opened_by     text        not null check (opened_by in ('score', 'complaint', 'legal', 'hand')),
    title         text        not null default '' check (length(title) <= 300),
    reason        text        not null default '' check (length(reason) <= 200), -- as in feedback
    contact_id    bigint      references contacts on delete set null,
    language      text        not null default 'zh' check (language in ('zh', 'en')),
    owner         bigint      references users on delete set null,
    agent         bigint      references users on delete set null, -- who had the contact
    cause         text        references cause_codes,
    product       text        not null default '' check (length(product) <= 80),
    process       text        not null default '' check (length(process) <= 80),
    linked_kb     bigint      references kb_articles on delete set null,
    linked_ticket bigint      references tickets on delete set null,
    legal         boolean     not null default false,
    first_score   int,                     -- of the rating that opened it
    again_score   int,                     -- of the last answer to the question a week later
    told_at       timestamptz,             -- when the answer reached the customer
    ask_at        timestamptz,             -- when the question is due
    asked_at      timestamptz,             -- when it left
    round         int         not null default 1, -- grows with each re-opening: what belongs to an older one does not count
    outcome       text        not null default '' check (outcome in ('', 'verified', 'unverified', 'unreachable')),
    version       int         not null default 1,
    opened_at     timestamptz not null,
    updated_at    timestamptz not null,
    state_at      timestamptz not null,
    closed_at     timestamptz,
    check ((state = 'closed') = (closed_at is not null) and (state = 'closed') = (outcome <> '')),
    check (state in ('new', 'contacted') or cause is not null),
    -- Nothing closes untold.
    check (state not in ('customer_told', 'verified') or told_at is not null),
    check (outcome not in ('verified', 'unverified') or told_at is not null),
    check (outcome <> 'verified' or again_score >= 3)
);
create unique index feedback_cases_open on feedback_cases (reason) where state <> 'closed' and reason <> '';
create index feedback_cases_by_reason on feedback_cases (reason) where reason <> '';
create index feedback_cases_listed on feedback_cases (updated_at desc, id desc);
create index feedback_cases_by_state on feedback_cases (state, updated_at desc, id desc);
create index feedback_cases_by_owner on feedback_cases (owner, updated_at desc, id desc);
create index feedback_cases_by_cause on feedback_cases (cause) where cause is not null;
create index feedback_cases_by_contact on feedback_cases (contact_id, id desc) where contact_id is not null;
create index feedback_cases_opened on feedback_cases (opened_at);
create index feedback_cases_by_ticket on feedback_cases (linked_ticket) where linked_ticket is not null;
create index feedback_cases_told on feedback_cases (state_at) where state in ('fixed', 'customer_told', 'verified');
alter table feedback add constraint feedback_case foreign key (case_id) references feedback_cases on delete set null;

-- Promises of a case; rows are as those of sla_clocks.
create table case_clocks (
    id         bigint generated always as identity primary key,
    case_id    bigint      not null references feedback_cases on delete cascade,
    kind       text        not null check (kind in ('acknowledge', 'contact', 'answer')),
    calendar   text        not null default '',
    target_ms  bigint      not null check (target_ms > 0),
    runs       jsonb       not null,
    started_at timestamptz not null,
    due_at     timestamptz,
    told       int         not null default 0,
    next_at    timestamptz,
    stopped_at timestamptz,
    outcome    text        not null default '' check (outcome in ('', 'hit', 'missed', 'cancelled')),
    over_ms    bigint      not null default 0,
    check ((stopped_at is null) = (outcome = ''))
);
create unique index case_clocks_running on case_clocks (case_id, kind) where stopped_at is null;
create index case_clocks_of on case_clocks (case_id, id);
create index case_clocks_next on case_clocks (next_at) where stopped_at is null;
create trigger case_clocks_stay before update on case_clocks for each row when (old.stopped_at is not null) execute function stopped_clocks_stay();

-- What was done, by whom; never changed.
create table case_trail (
    id      bigint generated always as identity primary key,
    case_id bigint      not null references feedback_cases on delete cascade,
    at      timestamptz not null,
    actor   text        not null,
    kind    text        not null,
    detail  jsonb       not null default '{}'
);
create index case_trail_of on case_trail (case_id, id);

-- What the customer is told and says. One that no way takes waits for the next way that opens.
create table case_messages (
    id      bigint generated always as identity primary key,
    case_id bigint      not null references feedback_cases on delete cascade,
    round   int         not null,
    kind    text        not null check (kind in ('acknowledgement', 'contact', 'answer', 'question', 'reply', 'note')),
    body    text        not null check (length(body) between 1 and 20000),
    author  text        not null, -- user name, "customer" or "system"
    way     text        not null default '', -- how it went: chat, page, call, email, letter, visit
    ref     text        not null default '',
    state   text        not null check (state in ('waiting', 'sent', 'dropped', 'kept')),
    tries   int         not null default 0,
    why     text        not null default '', -- of the last try
    at      timestamptz not null,
    next_at timestamptz not null,
    sent_at timestamptz
);
create index case_messages_of on case_messages (case_id, id);
create index case_messages_waiting on case_messages (next_at) where state = 'waiting';

-- Addresses under which customers see one ticket or answer one question. Only a hash is kept of what opens them.
create table customer_links (
    id         bigint generated always as identity primary key,
    hash       bytea       not null unique,
    kind       text        not null check (kind in ('ticket', 'case')),
    object_id  bigint      not null,
    made_by    text        not null,
    made_at    timestamptz not null,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    used_at    timestamptz,
    uses       int         not null default 0
);
create index customer_links_of on customer_links (kind, object_id, id);
create index customer_links_old on customer_links (expires_at);

-- Files that customers attached to tickets by such a page.
create table ticket_files (
    id         uuid primary key default gen_random_uuid(),
    ticket_id  bigint      not null references tickets on delete cascade,
    comment_id bigint      references ticket_comments on delete cascade,
    name       text        not null check (length(name) between 1 and 200),
    media_type text        not null,
    bytes      int         not null,
    data       bytea       not null check (length(data) <= 5242880),
    at         timestamptz not null
);
create index ticket_files_of on ticket_files (ticket_id, at);
create index ticket_files_by_comment on ticket_files (comment_id);

-- What was learnt from texts, by the hash of what it was learnt from.
create table text_models (
    kind       text        not null,
    lang       text        not null,
    version    text        not null,
    examples   int         not null,
    metrics    jsonb       not null,
    doc        bytea       not null,
    took_ms    int         not null,
    trained_at timestamptz not null,
    primary key (kind, lang, version)
);
create index text_models_latest on text_models (kind, lang, trained_at desc);

-- Ratings and complaints among the messages of a week, looked for again and again.
create index messages_about_us on messages (created_at) where kind in ('rating', 'complaint');
create index wrap_ups_changed on wrap_ups (updated_at) where disposition <> '';

insert into cause_codes (code, parent, area, label_zh, label_en, ord) values
    ('product',           null,      'product', '产品',           'Product',                    10),
    ('product-defect',    'product', 'product', '质量缺陷',       'Defect',                     11),
    ('product-described', 'product', 'product', '与描述不符',     'Not as described',           12),
    ('product-missing',   'product', 'product', '缺件或错发',     'Missing or wrong item',      13),
    ('product-price',     'product', 'product', '价格或计费',     'Price or billing',           14),
    ('process',           null,      'process', '流程',           'Process',                    20),
    ('process-delivery',  'process', 'process', '配送延误',       'Late delivery',              21),
    ('process-refund',    'process', 'process', '退款慢或退款难', 'Refund slow or hard to get', 22),
    ('process-wait',      'process', 'process', '等待太久',       'Long wait',                  23),
    ('process-promise',   'process', 'process', '承诺未兑现',     'Promise not kept',           24),
    ('process-transfer',  'process', 'process', '多次转接或推诿', 'Passed around',              25),
    ('agent',             null,      'agent',   '客服人员',       'Agent',                      30),
    ('agent-attitude',    'agent',   'agent',   '服务态度',       'Attitude',                   31),
    ('agent-knowledge',   'agent',   'agent',   '答复有误',       'Wrong answer',               32),
    ('article',           null,      'article', '知识与机器人',   'Articles and bot',           40),
    ('article-wrong',     'article', 'article', '文章有误或过时', 'Article wrong or old',       41),
    ('article-missing',   'article', 'article', '没有相关文章',   'No article',                 42),
    ('article-bot',       'article', 'article', '机器人答非所问', 'Bot missed the point',       43),
    ('other',             null,      'other',   '其他',           'Other',                      90),
    ('other-unfounded',   'other',   'other',   '不属实',         'Unfounded',                  91);

-- +goose Down
drop index messages_about_us;
drop index wrap_ups_changed;
drop table text_models, ticket_files, customer_links, case_messages, case_trail, case_clocks;
alter table feedback drop constraint feedback_case;
drop table feedback, feedback_cases, cause_codes;
drop sequence case_numbers;
