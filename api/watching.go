package api

import (
	"context"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/contact"
	"tingxin/pg"
)

const (
	// watchEvery is how often it is looked for who looks at too many people.
	watchEvery = 15 * time.Minute
	// watchDays is how far back the usual is looked for, and how long views are kept.
	watchDays = 30
	// leastUnusual is how many people an hour are never unusual, and leastHours how many hours make a habit.
	leastUnusual = 30
	leastHours   = 20
	// headEvery is how often the head of the audit log is written to the server's log.
	headEvery = 24 * time.Hour
)

// looked notes that somebody opened a person's record, once an hour and person: ids only.
func (s *Server) looked(ctx context.Context, id contact.ID) error {
	who := callerOf(ctx)
	_, err := s.db.Exec(ctx, `insert into contact_views (user_id, hour, contact_id) values ($1::bigint, date_trunc('hour', $2::timestamptz), $3) on conflict do nothing`, who.User.ID, s.now().UTC(), id)
	return err
}

// unusual is the bound of people an hour for one role: the median of its hours and four times their median
// absolute deviation, and leastUnusual at least.
func unusual(hours []int) int {
	if len(hours) < leastHours {
		return leastUnusual * 4 // too little is known of the usual
	}
	m := median(hours)
	off := make([]int, len(hours))
	for i, n := range hours {
		off[i] = max(n-m, m-n)
	}
	return max(leastUnusual, m+4*median(off))
}

// median of a list that is not empty; it is sorted.
func median(list []int) int {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// WatchAccess looks for users who opened more people's records within an hour than is usual in their role,
// and writes each such hour down once: an audit row and a line in the server's log.
func (s *Server) WatchAccess(ctx context.Context) (alerts int, err error) {
	type hour struct {
		user, name string
		role       Role
		at         time.Time
		seen       int
	}
	now := s.now()
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (hour, error) {
		var h hour
		return h, row.Scan(&h.user, &h.name, &h.role, &h.at, &h.seen)
	}, `select u.id::text, u.username, u.role, v.hour, count(*)::int from contact_views v join users u on u.id = v.user_id where v.hour >= $1 group by 1, 2, 3, 4 order by v.hour`, now.AddDate(0, 0, -watchDays))
	if err != nil {
		return 0, err
	}
	usual := map[Role][]int{}
	recent := now.Add(-2 * time.Hour)
	for _, h := range all {
		if h.at.Before(recent) {
			usual[h.role] = append(usual[h.role], h.seen)
		}
	}
	bounds := map[Role]int{}
	for role, hours := range usual {
		bounds[role] = unusual(hours)
	}
	for _, h := range all {
		if h.at.Before(recent) {
			continue
		}
		bound, known := bounds[h.role]
		if !known {
			bound = unusual(nil)
		}
		if h.seen <= bound {
			continue
		}
		fresh := false
		err := s.db.Tx(ctx, func(tx pgx.Tx) error {
			tag, err := tx.Exec(ctx, `insert into access_alerts (user_id, hour, seen, bound, at) values ($1::bigint, $2, $3, $4, $5) on conflict do nothing`, h.user, h.at, h.seen, bound, now)
			if fresh = err == nil && tag.RowsAffected() == 1; !fresh {
				return err
			}
			return s.audit.add(ctx, tx, entry{Actor: systemActor, Action: actAccessUnusual, Subject: userSubject(h.user), Detail: map[string]any{"contacts": h.seen, "bound": bound, "hour": h.at.UTC().Format(time.RFC3339)}})
		})
		if err != nil {
			return alerts, err
		}
		if fresh {
			alerts++
			s.log.Warn("somebody opened unusually many people's records", "user", h.name, "contacts", h.seen, "usual_bound", bound)
		}
	}
	_, errViews := s.db.Exec(ctx, `delete from contact_views where hour < $1`, now.AddDate(0, 0, -watchDays))
	_, errAlerts := s.db.Exec(ctx, `delete from access_alerts where hour < $1`, now.AddDate(0, 0, -watchDays))
	return alerts, errors.Join(errViews, errAlerts)
}

// logHead writes the hash of the newest audit row to the server's log: whoever keeps that log can show
// later that the audit log was not made anew.
func (s *Server) logHead(ctx context.Context) error {
	var id int64
	var hash []byte
	err := s.db.Pool().QueryRow(ctx, `select id, hash from audit order by id desc limit 1`).Scan(&id, &hash)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err == nil {
		s.log.Info("head of the audit log", "row", id, "hash", hex.EncodeToString(hash))
	}
	return err
}

// WatchArgs and HeadArgs are the arguments of the jobs.
type (
	WatchArgs struct{}
	HeadArgs  struct{}
)

// Kind names the job in the table of jobs.
func (WatchArgs) Kind() string { return "watch_access" }

// Kind names the job in the table of jobs.
func (HeadArgs) Kind() string { return "audit_head" }

type watchWorker struct {
	river.WorkerDefaults[WatchArgs]
	s *Server
}

func (w *watchWorker) Work(ctx context.Context, _ *river.Job[WatchArgs]) error {
	_, err := w.s.WatchAccess(ctx)
	return err
}

type headWorker struct {
	river.WorkerDefaults[HeadArgs]
	s *Server
}

func (w *headWorker) Work(ctx context.Context, _ *river.Job[HeadArgs]) error { return w.s.logHead(ctx) }

func (s *Server) addWatching(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &watchWorker{s: s})
	pg.AddWorker(jobs, &headWorker{s: s})
	jobs.Every(watchEvery, func() river.JobArgs { return WatchArgs{} })
	jobs.Every(headEvery, func() river.JobArgs { return HeadArgs{} })
}

// AuditIsWhole walks the audit log of a database, for the command line.
func AuditIsWhole(ctx context.Context, db *pg.DB) (rows int, head []byte, err error) {
	return (&Server{db: db}).VerifyAudit(ctx)
}
