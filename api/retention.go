package api

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/riverqueue/river"

	"tingxin/call"
	"tingxin/pg"
)

const (
	// retentionPeriod is how often old data is looked for.
	retentionPeriod = time.Hour
	// retentionBatch is how many calls one statement takes.
	retentionBatch = 500
)

// RetentionArgs are the arguments of the retention job.
type RetentionArgs struct{}

// Kind names the job in the table of jobs.
func (RetentionArgs) Kind() string { return "retention" }

// retentionWorker runs Server.retain.
type retentionWorker struct {
	river.WorkerDefaults[RetentionArgs]
	s *Server
}

func (w *retentionWorker) Work(ctx context.Context, _ *river.Job[RetentionArgs]) error {
	_, err := w.s.Retain(ctx)
	return err
}

// Timeout leaves time for a first run over years of calls.
func (w *retentionWorker) Timeout(*river.Job[RetentionArgs]) time.Duration { return 30 * time.Minute }

func (s *Server) addRetention(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &retentionWorker{s: s})
	jobs.Every(retentionPeriod, func() river.JobArgs { return RetentionArgs{} })
}

// Removed counts what one run of retention took away.
type Removed struct {
	Recordings, Messages, Calls, Utterances, Records, Audit, Sessions int64
}

func (r *Removed) any() bool { return r.Recordings+r.Messages+r.Calls+r.Records+r.Audit > 0 }

// Retain removes what is older than the settings allow, class by class, and logs
// the counts. It may be repeated and stopped at any point: what it has not done
// the next run does.
func (s *Server) Retain(ctx context.Context) (Removed, error) {
	var r Removed
	days, err := s.settings.retention(ctx)
	if err != nil {
		return r, err
	}
	err = errors.Join(
		s.retainRecordings(ctx, shorter(days.RecordingsDays, days.RecordsDays), &r),
		s.retainMessages(ctx, shorter(days.RecordingsDays, days.RecordsDays), &r),
		s.retainWords(ctx, days.TranscriptsDays, &r),
		s.retainRecords(ctx, days.RecordsDays, &r),
		s.retainAccess(ctx, days.AuditDays, &r))
	if r.any() || err != nil {
		s.log.Info("retention", "recordings", r.Recordings, "messages", r.Messages, "transcripts", r.Calls, "utterances", r.Utterances, "records", r.Records, "audit", r.Audit, "error", err)
	}
	if r.any() {
		detail := map[string]any{"recordings": r.Recordings, "messages": r.Messages, "transcripts": r.Calls, "utterances": r.Utterances, "records": r.Records, "audit": r.Audit}
		err = errors.Join(err, s.audit.write(ctx, entry{Actor: systemActor, Action: actRetentionDone, Detail: detail}))
	}
	return r, err
}

// shorter is the smaller number of days; 0 is for ever.
func shorter(a, b int) int {
	if a == 0 || (b != 0 && b < a) {
		return b
	}
	return a
}

// before is the border of days; ok is false when nothing is ever too old.
func (s *Server) before(days int) (border time.Time, ok bool) {
	return s.now().AddDate(0, 0, -days), days > 0
}

func (s *Server) retainRecordings(ctx context.Context, days int, r *Removed) error {
	return s.retainSounds(ctx, days, "call", s.parts.Calls.OldRecordings, s.parts.Calls.RecordingsDeleted, &r.Recordings)
}

// retainMessages removes what callers left on machines.
func (s *Server) retainMessages(ctx context.Context, days int, r *Removed) error {
	return s.retainSounds(ctx, days, "message", s.parts.Calls.OldMessages, s.parts.Calls.MessagesDeleted, &r.Messages)
}

// retainSounds removes sound files, then says so in their rows.
func (s *Server) retainSounds(ctx context.Context, days int, what string, oldest func(context.Context, time.Time, int) ([]call.Kept, error),
	deleted func(context.Context, []string) error, removed *int64) error {
	border, ok := s.before(days)
	for ok {
		old, err := oldest(ctx, border, retentionBatch)
		if err != nil || len(old) == 0 {
			return err
		}
		gone := make([]string, 0, len(old))
		var failed error
		for _, k := range old {
			if err := s.removeRecording(k.Path); err != nil {
				failed = errors.Join(failed, fmt.Errorf("%s %s: %w", what, k.CallID, err))
				continue
			}
			gone = append(gone, k.CallID)
		}
		if err := deleted(ctx, gone); err != nil {
			return err
		}
		*removed += int64(len(gone))
		if failed != nil { // the same ones would come again
			return failed
		}
	}
	return nil
}

// removeRecording removes a sound file, its peaks and the folder of its day when that is empty.
func (s *Server) removeRecording(path string) error {
	full := s.recordingPath(&call.Record{Recording: call.Recording{Path: path}})
	for _, name := range []string{full + peaksSuffix, full} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove a recording: %w", err)
		}
	}
	if !filepath.IsAbs(path) && filepath.Dir(path) != "." {
		_ = os.Remove(filepath.Dir(full)) // others are still in it
	}
	return nil
}

func (s *Server) retainWords(ctx context.Context, days int, r *Removed) error {
	border, ok := s.before(days)
	for ok {
		calls, utterances, err := s.parts.Calls.DeleteWords(ctx, border, retentionBatch)
		r.Calls += calls
		r.Utterances += utterances
		if err != nil || calls == 0 {
			return err
		}
	}
	return nil
}

func (s *Server) retainRecords(ctx context.Context, days int, r *Removed) error {
	border, ok := s.before(days)
	for ok {
		n, err := s.parts.Calls.DeleteRecords(ctx, border, retentionBatch)
		r.Records += n
		if err != nil || n == 0 {
			return err
		}
	}
	return nil
}

// retainAccess clears the audit log's beginning, old sessions, old guesses and what old lists were searched by.
func (s *Server) retainAccess(ctx context.Context, days int, r *Removed) error {
	var err error
	if border, ok := s.before(days); ok {
		r.Audit, err = s.audit.expire(ctx, border)
	}
	sessions, errSessions := s.sessions.expire(ctx)
	r.Sessions = sessions
	_, errGuesses := s.throttle.expire(ctx)
	_, errRepeats := s.stored.expire(ctx)
	return errors.Join(err, errSessions, errGuesses, errRepeats, s.forgetSought(ctx))
}
