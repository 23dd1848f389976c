package rules

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// followed are the types of events of which followers of tickets are told.
var followed = []string{"ticket.commented", "ticket.changed", "ticket.warned"}

// tellFollowers writes a notice for each user who follows a ticket and asked to be told of such a thing, but
// for the one who did it. An event that is worked off again tells nobody twice.
func (s *Service) tellFollowers(ctx context.Context, tx pgx.Tx, e *happened) ([]int64, error) {
	if e.Object != "ticket" || !slices.Contains(followed, e.Type) {
		return nil, nil
	}
	kind, public := "changed", true
	switch {
	case e.Type == "ticket.warned":
		kind, public = "warned", false
	case e.Type == "ticket.commented" && e.Facts.flag("public"):
		kind = "replied"
	case e.Type == "ticket.commented":
		kind, public = "noted", false
	case !slices.Contains(e.Changed, "state"): // the customer sees where a ticket stands, not who has it
		public = false
	}
	side := "private"
	if public {
		side = "public"
	}
	rows, err := tx.Query(ctx, `insert into rule_notices (user_id, object, object_id, contact_id, text, at, kind, event_id)
		select f.user_id, 'ticket', $1::text, t.contact_id, t.subject, $2, $3, $4 from ticket_followers f join tickets t on t.id = f.ticket_id join users u on u.id = f.user_id
		where f.ticket_id = ($1::text)::bigint and f.told in ('all', $5) and u.username <> $6 and not u.disabled
		on conflict (user_id, event_id) where event_id is not null do nothing returning user_id`, e.ObjectID, s.now().UTC(), kind, e.ID, side, e.Actor)
	if err != nil {
		return nil, err
	}
	told, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(told) == 0 {
		return nil, err
	}
	return told, dropNotices(ctx, tx, told)
}
