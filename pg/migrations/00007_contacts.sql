-- +goose Up
-- People: who they are over all channels, what was joined and can be taken apart again, what they
-- allowed, and what was erased.

-- The key of the hashes by which identities are looked up, when the config gives none.
create table contact_key (
    one boolean primary key default true check (one),
    key bytea not null check (length(key) >= 32)
);
insert into contact_key (key) values (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));

create sequence contact_ids as bigint;

-- A merge moves nothing: the merged contact points to the survivor, so taking it back is exact.
-- root is the contact that stands for this one now, itself when it was not merged.
create table contacts (
    id          bigint primary key default nextval('contact_ids'),
    root        bigint      not null,
    merged_into bigint      references contacts,
    name        text        not null default '' check (length(name) <= 200),
    language    text        not null default '' check (length(language) <= 16),
    vip         boolean     not null default false,
    tags        text[]      not null default '{}',
    fields      jsonb       not null default '{}',
    grams       text[]      not null default '{}', -- characters of the name and pairs of them
    legal_hold  text        not null default '',   -- why nothing of this contact may be erased; empty when it may
    erased_at   timestamptz,                       -- nothing is left but this row
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    check ((merged_into is null) = (root = id))
);
create index contacts_by_root on contacts (root);
create index contacts_merged on contacts (merged_into) where merged_into is not null;
create index contacts_listed on contacts (updated_at desc, id desc) where merged_into is null and erased_at is null;
create index contacts_by_name on contacts using gin (grams);
create index contacts_by_tag on contacts using gin (tags);
create index contacts_vip on contacts (updated_at desc, id desc) where vip and merged_into is null and erased_at is null;

create table contact_identities (
    id          bigint generated always as identity primary key,
    contact_id  bigint      not null references contacts,
    kind        text        not null check (kind in ('phone', 'email', 'login', 'device', 'wechat', 'wecom', 'weibo', 'qq', 'custom')),
    account     text        not null default '' check (length(account) <= 100), -- whose name space the value is in: a WeChat account, a site
    value       text        not null check (length(value) between 1 and 320),   -- normalised
    value_hash  bytea       not null,                                           -- keyed hash of kind, account and value
    verified    boolean     not null default false,
    carried     boolean     not null default false, -- the channel itself brought it: a caller's number, a browser's device
    source      text        not null default '' check (length(source) <= 64),
    created_at  timestamptz not null default now(),
    verified_at timestamptz,
    unique (contact_id, kind, account, value)
);
-- What is verified or carried belongs to one contact; what was only said may be said by several.
create unique index contact_identities_owner on contact_identities (kind, account, value) where verified or carried;
create index contact_identities_same on contact_identities (kind, account, value);
create index contact_identities_by_hash on contact_identities (value_hash);
create index contact_identities_by_end on contact_identities (reverse(value) text_pattern_ops) where kind = 'phone';

-- Two that may be one person; a is the smaller id.
create table contact_suggestions (
    id       bigint generated always as identity primary key,
    a        bigint      not null references contacts on delete cascade,
    b        bigint      not null references contacts on delete cascade,
    kind     text        not null, -- of the identity that both have
    verified boolean     not null default false,
    state    text        not null default 'open' check (state in ('open', 'dismissed')),
    at       timestamptz not null default now(),
    by       text        not null default '',
    check (a < b),
    unique (a, b, kind)
);
create index contact_suggestions_by_b on contact_suggestions (b);
create index contact_suggestions_open on contact_suggestions (at desc, id desc) where state = 'open';

-- What the survivor had before and got by each merge.
create table contact_merges (
    id         bigint generated always as identity primary key,
    survivor   bigint      not null references contacts on delete cascade,
    merged     bigint      not null references contacts on delete cascade,
    automatic  boolean     not null default false,
    before     jsonb       not null,
    after      jsonb       not null,
    by         text        not null,
    at         timestamptz not null default now(),
    undo_until timestamptz not null,
    undone_at  timestamptz,
    undone_by  text        not null default ''
);
create index contact_merges_by_survivor on contact_merges (survivor, id desc);
create unique index contact_merges_open on contact_merges (merged) where undone_at is null;

-- The fields that this house keeps of people beside the common ones.
create table contact_fields (
    key      text primary key check (key ~ '^[a-z][a-z0-9_]{0,39}$'),
    label_zh text        not null check (length(label_zh) between 1 and 60),
    label_en text        not null check (length(label_en) between 1 and 60),
    type     text        not null check (type in ('text', 'number', 'date', 'boolean', 'choice', 'url')),
    choices  text[]      not null default '{}',
    private  boolean     not null default false, -- shown masked to those who may not see it
    ord      int         not null default 0,
    at       timestamptz not null default now()
);

create table contact_notes (
    id         bigint generated always as identity primary key,
    contact_id bigint      not null references contacts,
    text       text        not null check (length(text) between 1 and 4000),
    by         text        not null,
    at         timestamptz not null default now()
);
create index contact_notes_by_contact on contact_notes (contact_id, at desc, id desc);

-- Lists taken out of the house; large ones need a second person.
create table contact_exports (
    id            bigint generated always as identity primary key,
    filter        jsonb       not null,
    unmasked      boolean     not null default false,
    rows          int         not null,
    state         text        not null check (state in ('waiting', 'ready', 'refused')),
    requested_by  text        not null,
    requested_at  timestamptz not null default now(),
    decided_by    text        not null default '',
    decided_at    timestamptz,
    downloads     int         not null default 0,
    expires_at    timestamptz not null
);
create index contact_exports_by_time on contact_exports (id desc);

-- Which contact each call belongs to.
alter table calls add column contact_id bigint references contacts on delete set null;
create index calls_by_contact on calls (contact_id, started_at desc, id desc) where contact_id is not null;
create index calls_without_contact on calls (started_at) where contact_id is null and state = 'ended';

-- Consent: one ledger for people, whichever channel they said it on.
alter table consents drop constraint consents_state_check;
alter table consents add check (state in ('announced', 'given', 'refused', 'withdrawn'));
alter table consents
    add column contact_id bigint references contacts on delete set null,
    add column channel    text not null default 'call',
    add column proof      text not null default '' check (length(proof) <= 500); -- a message id, a form, a recording's place; never what was said
alter table consents drop constraint consents_call_id_purpose_state_identity_at_key;
alter table consents add constraint consents_once unique nulls not distinct (call_id, purpose, state, identity, contact_id, at);
create index consents_by_contact on consents (contact_id, purpose, id desc) where contact_id is not null;

-- Rows are only added. What may change: the call and the contact they belong to become known or are
-- erased, and erasing takes the number out.
-- +goose StatementBegin
create function consents_are_append_only() returns trigger language plpgsql as $$
begin
    if current_setting('tingxin.erase', true) = 'on' then
        return case tg_op when 'DELETE' then old else new end;
    end if;
    if tg_op = 'UPDATE' then
        if (new.id, new.purpose, new.state, new.notice, new.source, new.at, new.channel, new.proof, new.identity)
                is not distinct from (old.id, old.purpose, old.state, old.notice, old.source, old.at, old.channel, old.proof, old.identity)
            and (new.call_id is null or new.call_id = old.call_id)
            and (old.contact_id is null or new.contact_id is not distinct from old.contact_id) then
            return new;
        end if;
    end if;
    raise exception 'the consent ledger is append-only' using errcode = 'insufficient_privilege';
end
$$;
-- +goose StatementEnd
create trigger consents_rows before update or delete on consents for each row execute function consents_are_append_only();
create trigger consents_all before truncate on consents for each statement execute function consents_are_append_only();

-- The last word counts, whichever of the merged contacts said it.
create view consent_states as
    select distinct on (k.root, c.purpose) k.root as contact_id, c.purpose, c.state, c.notice, c.channel, c.source, c.proof, c.at, c.id
    from consents c join contacts k on k.id = c.contact_id
    order by k.root, c.purpose, c.id desc;

-- What people are told: who handles their data, what for, which, how long, and their rights. Never changed.
create table consent_notices (
    version   text        not null check (version ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    language  text        not null check (language in ('zh', 'en')),
    handler   text        not null check (length(handler) between 1 and 500),
    purposes  text[]      not null check (cardinality(purposes) between 1 and 6),
    kinds     text        not null check (length(kinds) between 1 and 2000),
    retention text        not null check (length(retention) between 1 and 2000),
    rights    text        not null check (length(rights) between 1 and 2000),
    by        text        not null,
    at        timestamptz not null default now(),
    primary key (version, language)
);

-- Proof that somebody was erased: numbers and a hash, nothing of the person.
create table erase_jobs (
    id           bigint generated always as identity primary key,
    contact_id   bigint      not null,
    scope        bigint[]    not null default '{}', -- the contact and those merged into it
    state        text        not null check (state in ('waiting', 'done', 'held', 'failed')),
    requested_by text        not null,
    reason       text        not null default '' check (length(reason) <= 200),
    requested_at timestamptz not null default now(),
    finished_at  timestamptz,
    counts       jsonb       not null default '{}',
    files        int         not null default 0,
    left_over    jsonb       not null default '{}', -- hits of the search afterwards; a done job has none
    pending_files text[]     not null default '{}', -- still to be removed
    proof_hash   text        not null default '',
    error        text        not null default ''
);
create index erase_jobs_by_contact on erase_jobs (contact_id, id desc);
create unique index erase_jobs_open on erase_jobs (contact_id) where state = 'waiting';

-- How each person's voice lies when calm; only of those who allowed it.
create table contact_baselines (
    contact_id bigint primary key references contacts on delete cascade,
    model      text             not null,
    baseline   bytea            not null check (length(baseline) <= 16384),
    seconds    double precision not null,
    updated_at timestamptz      not null default now()
);

-- Whoever does not allow voices to be read, on whichever channel that is said, has no norm of the voice kept.
-- +goose StatementBegin
create function consents_forget_voice() returns trigger language plpgsql as $$
begin
    delete from contact_baselines where contact_id in (select id from contacts where root = (select root from contacts where id = new.contact_id));
    return null;
end
$$;
-- +goose StatementEnd
create trigger consents_forget_voice after insert or update of contact_id on consents for each row
    when (new.contact_id is not null and new.purpose = 'voice_emotion' and new.state in ('refused', 'withdrawn'))
    execute function consents_forget_voice();

-- +goose Down
drop trigger consents_forget_voice on consents;
drop function consents_forget_voice();
drop table contact_baselines, erase_jobs, consent_notices;
drop view consent_states;
drop trigger consents_rows on consents;
drop trigger consents_all on consents;
drop function consents_are_append_only();
alter table consents drop constraint consents_once;
delete from consents where state = 'withdrawn';
alter table consents drop column contact_id, drop column channel, drop column proof, drop constraint consents_state_check;
alter table consents add check (state in ('announced', 'given', 'refused'));
alter table consents add unique nulls not distinct (call_id, purpose, state, identity, at);
alter table calls drop column contact_id;
drop table contact_exports, contact_notes, contact_fields, contact_merges, contact_suggestions, contact_identities, contacts, contact_key;
drop sequence contact_ids;
