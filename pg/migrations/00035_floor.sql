-- +goose Up
-- Queues that were taken away: figures of their time can still be asked for by their names.
create table past_queues (
    id      text        primary key,
    gone_at timestamptz not null default now()
);
insert into past_queues (id)
    select n.queue from (select queue from calls union select queue from conversations) n
    where n.queue <> '' and length(n.queue) <= 64 and not exists (select from queues q where q.id = n.queue);

-- Nothing new is made for a person who was erased: whoever tries is told so (ER410), also when the erasure is under
-- way and commits first. What is written without anybody asking goes on as a row about nobody.
-- +goose StatementBegin
create function of_erased_person() returns trigger language plpgsql as $$
declare
    gone timestamptz;
begin
    select erased_at into gone from contacts where id = new.contact_id for share; -- waits for an erasure under way
    if gone is not null then
        if tg_argv[0] = 'refuse' then
            raise exception 'this person was erased' using errcode = 'ER410';
        end if;
        new.contact_id := null;
    end if;
    return new;
end
$$;
-- +goose StatementEnd
create trigger tickets_of_nobody_erased before insert or update of contact_id on tickets for each row when (new.contact_id is not null) execute function of_erased_person('refuse');
create trigger entries_of_nobody_erased before insert or update of contact_id on call_list_entries for each row when (new.contact_id is not null) execute function of_erased_person('refuse');
create trigger surveys_of_nobody_erased before insert or update of contact_id on surveys for each row when (new.contact_id is not null) execute function of_erased_person('refuse');
create trigger feedback_of_nobody_erased before insert or update of contact_id on feedback for each row when (new.contact_id is not null) execute function of_erased_person('forget');
create trigger cases_of_nobody_erased before insert or update of contact_id on feedback_cases for each row when (new.contact_id is not null) execute function of_erased_person('forget');

-- +goose Down
drop trigger tickets_of_nobody_erased on tickets;
drop trigger entries_of_nobody_erased on call_list_entries;
drop trigger surveys_of_nobody_erased on surveys;
drop trigger feedback_of_nobody_erased on feedback;
drop trigger cases_of_nobody_erased on feedback_cases;
drop function of_erased_person();
drop table past_queues;
