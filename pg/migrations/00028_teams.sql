-- +goose Up
-- Teams, how far each role sees, and what is hidden from it.

create table teams (
    id         text        primary key check (id ~ '^[a-z0-9][a-z0-9_-]{0,63}$'),
    name       text        not null default '' check (length(name) <= 100),
    updated_at timestamptz not null default now()
);

create table team_members (
    team_id text   not null references teams on delete cascade,
    user_id bigint not null references users on delete cascade,
    primary key (team_id, user_id)
);
create index team_members_by_user on team_members (user_id);

-- A queue is one team's: work that stands in it is theirs, whoever has it.
create table team_queues (
    queue_id text primary key references queues on delete cascade,
    team_id  text not null references teams on delete cascade
);
create index team_queues_by_team on team_queues (team_id);

-- A role without a row sees all, and nothing is hidden from it but from analysts.
create table role_rules (
    role       text        primary key,
    reach      jsonb       not null default '{}', -- noun -> own, team; what is not in it is seen wholly
    hidden     text[]      not null default '{}', -- fields: phone, email, name, external, text
    updated_by text        not null default '',
    updated_at timestamptz not null default now()
);
insert into role_rules (role, hidden) values ('analyst', '{phone,email,name,external,text}');

-- Who wrote a contact down: nobody's work leads to it yet.
create table contact_makers (
    contact_id bigint not null references contacts on delete cascade,
    user_id    bigint not null references users on delete cascade,
    primary key (contact_id, user_id)
);
create index contact_makers_by_user on contact_makers (user_id);

-- A second person for whatever list is taken out, as for lists of contacts.
create table exports (
    id           bigint generated always as identity primary key,
    noun         text        not null check (noun in ('tickets', 'conversations', 'calls', 'audit')),
    query        jsonb       not null,
    rows         int         not null,
    state        text        not null check (state in ('waiting', 'ready', 'refused')),
    requested_by text        not null,
    requested_at timestamptz not null default now(),
    decided_by   text        not null default '',
    decided_at   timestamptz,
    downloads    int         not null default 0,
    expires_at   timestamptz not null
);
create index exports_by_age on exports (expires_at);

-- Whose a comment of a survey is.
create index survey_answers_by_comment on survey_answers (comment) where comment is not null;

-- +goose Down
drop index survey_answers_by_comment;
drop table exports, contact_makers, role_rules, team_queues, team_members, teams;
