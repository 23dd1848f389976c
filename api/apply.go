package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
)

// ApplyQueues brings queues, agents, skills and calendars in line with a
// document, with one audit row when anything changed. actor is who did it. A
// running server has to be told to look (queue.Store.TellReload).
func ApplyQueues(ctx context.Context, db *pg.DB, d queue.Document, actor string) (queue.Applied, error) {
	return applyQueues(ctx, db, d, actor, false)
}

// PlanQueues tells what ApplyQueues would do, and does nothing.
func PlanQueues(ctx context.Context, db *pg.DB, d queue.Document, actor string) (queue.Applied, error) {
	return applyQueues(ctx, db, d, actor, true)
}

// errPlanned ends the transaction of a plan.
var errPlanned = errors.New("planned only")

// CheckRoleRules says what is wrong with the rules of roles of a document.
func CheckRoleRules(rules []team.Rule) error {
	for i, r := range rules { // a copy
		switch {
		case !slices.Contains(Roles, Role(r.Role)):
			return fmt.Errorf("role_rules: %.40q is no role: one of %v", r.Role, Roles)
		case slices.ContainsFunc(rules[:i], func(o team.Rule) bool { return o.Role == r.Role }):
			return fmt.Errorf("role_rules: %s is there twice", r.Role)
		}
		r.Reach = maps.Clone(r.Reach) // Check takes out what is seen wholly
		if err := r.Check(); err != nil {
			return fmt.Errorf("role_rules: %s: %w", r.Role, err)
		}
		if Role(r.Role) == RoleAdmin && len(r.Reach)+len(r.Hidden) > 0 {
			return errors.New("role_rules: administrators see all: they decide who sees what")
		}
	}
	return nil
}

func applyQueues(ctx context.Context, db *pg.DB, d queue.Document, actor string, dry bool) (queue.Applied, error) {
	log, versions := &auditLog{db, time.Now}, admin.NewStore(db, nil)
	var a queue.Applied
	if err := CheckRoleRules(d.RoleRules); err != nil {
		return a, err
	}
	d.By = actor
	err := db.Tx(ctx, func(tx pgx.Tx) (err error) {
		if a, err = queue.NewStore(db).Apply(ctx, tx, d); err != nil {
			return err
		}
		if dry {
			return errPlanned
		}
		if !a.Any() {
			return nil
		}
		for i := range d.Calendars {
			if err := keepCalendar(ctx, versions, tx, d.Calendars[i], actor); err != nil {
				return err
			}
		}
		return log.add(ctx, tx, entry{Actor: actor, Action: "queues.applied", Subject: "settings:queues", Detail: map[string]any{"added": a.Added, "changed": a.Changed}})
	})
	if errors.Is(err, errPlanned) {
		err = nil
	}
	return a, err
}
