-- +goose Up
-- All clocks of a ticket are read whenever it is opened or changed; the indexes that there are know the running or the stopped ones only.
create index sla_clocks_ticket on sla_clocks (ticket_id, id);
