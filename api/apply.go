package api

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
)

// ApplyQueues brings users, queues, agents, skills and calendars in line with a
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

var userForm = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,63}$`)

// CheckUsers says what is wrong with the users of a document.
func CheckUsers(users []queue.UserDoc) error {
	for _, u := range users {
		wrong := ""
		switch {
		case !userForm.MatchString(u.User):
			wrong = "a name to sign in with has at most 64 letters, digits and . _ @ -, and begins with one of the first two"
		case !slices.Contains(Roles, Role(u.Role)):
			wrong = fmt.Sprintf("%.40q is no role: one of %v", u.Role, Roles)
		case len(u.Name) > 100 || len(u.Language) > 35:
			wrong = "at most 100 bytes of name and 35 of language"
		case u.Password != "":
			wrong = acceptable(u.Password)
		}
		if wrong != "" {
			return fmt.Errorf("users: %.64q: %s", u.User, wrong)
		}
	}
	return nil
}

// applyUsers adds and changes users in tx, with an audit row each. What ends sessions in the pages ends them here.
func applyUsers(ctx context.Context, db *pg.DB, tx pgx.Tx, docs []queue.UserDoc, a *queue.Applied, e func(action act, id string, detail map[string]any) error, dry bool) error {
	if len(docs) == 0 {
		return nil
	}
	all, err := users{db}.all(ctx)
	if err != nil {
		return err
	}
	known := make(map[string]User, len(all))
	for _, u := range all {
		known[u.Username] = u
	}
	for _, d := range docs {
		old, there := known[d.User]
		role := Role(d.Role)
		c := change{name: &d.Name, language: &d.Language}
		if !there || old.Role != role {
			c.role = &role
		}
		if old.Disabled != d.Disabled {
			c.disabled = &d.Disabled
		}
		if there && c.role == nil && c.disabled == nil && old.Name == d.Name && old.Language == d.Language {
			a.Same++
			continue
		}
		action := actUserChanged
		if there {
			a.Changed = append(a.Changed, "user:"+d.User)
		} else {
			a.Added = append(a.Added, "user:"+d.User)
			action = actUserCreated
			if old, err = addUser(ctx, db, tx, d, dry); err != nil {
				return err
			}
		}
		if _, err := (users{db}).update(ctx, tx, old.ID, c); err != nil {
			if errors.Is(err, errLastAdmin) {
				err = fmt.Errorf("users: %s: %w", d.User, err)
			}
			return err
		}
		if there && c.ends() {
			if _, err := (&sessions{db: db}).endAll(ctx, tx, old.ID, nil); err != nil {
				return err
			}
		}
		if err := e(action, old.ID, map[string]any{"role": role, "disabled": d.Disabled}); err != nil {
			return err
		}
	}
	return nil
}

func addUser(ctx context.Context, db *pg.DB, tx pgx.Tx, d queue.UserDoc, dry bool) (User, error) {
	if d.Password == "" {
		return User{}, fmt.Errorf("users: %s is not there yet and needs a first password", d.User)
	}
	hash := "-" // of a plan, which is not kept
	if !dry {
		var err error
		if hash, err = newPasswords().hash(ctx, d.Password); err != nil {
			return User{}, err
		}
	}
	return users{db}.insert(ctx, tx, User{Username: d.User, Name: d.Name, Role: Role(d.Role), Language: d.Language}, hash)
}

func applyQueues(ctx context.Context, db *pg.DB, d queue.Document, actor string, dry bool) (queue.Applied, error) {
	log, versions := &auditLog{db, time.Now}, admin.NewStore(db, nil)
	var a queue.Applied
	if err := errors.Join(CheckUsers(d.Users), CheckRoleRules(d.RoleRules)); err != nil {
		return a, err
	}
	d.By = actor
	err := db.Tx(ctx, func(tx pgx.Tx) (err error) {
		var people queue.Applied
		if err := applyUsers(ctx, db, tx, d.Users, &people, func(action act, id string, detail map[string]any) error {
			return log.add(ctx, tx, entry{Actor: actor, Action: action, Subject: userSubject(id), Detail: detail})
		}, dry); err != nil {
			return err
		}
		if a, err = queue.NewStore(db).Apply(ctx, tx, d); err != nil {
			return err
		}
		rest := a
		a = queue.Applied{Added: append(people.Added, rest.Added...), Changed: append(people.Changed, rest.Changed...), Same: people.Same + rest.Same}
		if dry {
			return errPlanned
		}
		if !rest.Any() {
			return nil
		}
		for i := range d.Calendars {
			if err := keepCalendar(ctx, versions, tx, d.Calendars[i], actor); err != nil {
				return err
			}
		}
		return log.add(ctx, tx, entry{Actor: actor, Action: actQueuesApplied, Subject: "settings:queues", Detail: map[string]any{"added": rest.Added, "changed": rest.Changed}})
	})
	if errors.Is(err, errPlanned) {
		err = nil
	}
	return a, err
}
