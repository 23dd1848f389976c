-- +goose Up
-- Sound files that nobody closed: a dead server's, whose calls another server has ended.

create index calls_unclosed on calls (node, started_at) where recording_state = 'open';

-- A voice message is heard, and then somebody sees to it.
alter table voice_messages add done_at timestamptz, add done_by text not null default '';
create index voice_messages_undone on voice_messages (at desc, id desc) where done_at is null;

-- Opening hours have versions like all that administrators set: the first one is what there is.
insert into admin_items (kind, name, newest, live) select 'calendar', name, 1, 1 from queue_calendars;
insert into admin_versions (kind, name, version, doc, author, was_live) select 'calendar', name, 1, doc, 'upgrade', true from queue_calendars;

-- +goose Down
delete from admin_items where kind = 'calendar';
alter table voice_messages drop done_at, drop done_by;
drop index calls_unclosed;
