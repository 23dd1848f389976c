package chat

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/pg"
)

// ErrOther: a body came before under the same id, with other words in it.
var ErrOther = errors.New("the same id came with another body")

// Take stores a body as it came, with the job that makes messages of it, so that
// the channel can acknowledge at once. fresh is false for one that is there
// already; ErrOther says that it was a different one.
func (s *Service) Take(ctx context.Context, raw Raw) (id int64, fresh bool, err error) {
	switch {
	case s.channels[raw.Channel] == nil:
		return 0, false, fmt.Errorf("channel %q: %w", raw.Channel, ErrNoChannel)
	case raw.ExternalID == "" || len(raw.ExternalID) > maxID:
		return 0, false, bad("the id is missing or longer than %d bytes", maxID)
	case len(raw.Body) == 0 || len(raw.Body) > maxRaw:
		return 0, false, bad("the body is empty or longer than %d bytes", maxRaw)
	}
	sum := sha256.Sum256(raw.Body)
	key := storable(raw.ExternalID)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		fresh = true
		err := tx.QueryRow(ctx, `insert into inbound_raw (channel, account, external_id, digest, body, received_at) values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning id`,
			raw.Channel, raw.Account, key, sum[:], raw.Body, s.now().UTC()).Scan(&id)
		if err == nil {
			return s.jobs.Insert(ctx, tx, IngestArgs{id})
		}
		if !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		fresh = false
		var digest []byte
		if err := tx.QueryRow(ctx, `select id, digest from inbound_raw where channel = $1 and account = $2 and external_id = $3`, raw.Channel, raw.Account, key).Scan(&id, &digest); err != nil {
			return err
		}
		if !bytes.Equal(digest, sum[:]) {
			return ErrOther
		}
		return nil
	})
	if err != nil {
		return 0, false, fmt.Errorf("take in by %s: %w", raw.Channel, err)
	}
	return id, fresh, nil
}

// IngestArgs are the arguments of the job that makes messages of a body.
type IngestArgs struct {
	Raw int64 `json:"raw"`
}

// Kind names the job in the table of jobs.
func (IngestArgs) Kind() string { return "chat_ingest" }

// InsertOpts puts it into the queue of slow things: media may be fetched.
func (IngestArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: jobQueue, MaxAttempts: 25}
}

type ingestWorker struct {
	river.WorkerDefaults[IngestArgs]
	s *Service
}

func (w *ingestWorker) Work(ctx context.Context, job *river.Job[IngestArgs]) error {
	return w.s.Ingest(ctx, job.Args.Raw)
}

func (w *ingestWorker) Timeout(*river.Job[IngestArgs]) time.Duration { return 2 * time.Minute }

// Ingest makes messages of a stored body. It may be repeated: what is there stays
// as it is. A body that is no message is kept with the reason and counted.
func (s *Service) Ingest(ctx context.Context, id int64) error {
	var state string
	raw, err := pg.Row(ctx, s.db, func(row pgx.CollectableRow) (Raw, error) {
		var r Raw
		err := row.Scan(&r.ID, &r.Channel, &r.Account, &r.ExternalID, &r.Body, &r.ReceivedAt, &state)
		return r, err
	}, `select id, channel, account, external_id, body, received_at, state from inbound_raw where id = $1`, id)
	if errors.Is(err, pg.ErrNotFound) || err == nil && state != "new" {
		return nil // erased meanwhile, or done
	}
	if err != nil {
		return err
	}
	ch := s.channels[raw.Channel]
	if ch == nil {
		return s.rejectRaw(ctx, id, "no_channel")
	}
	all, err := ch.Decode(ctx, raw)
	if err != nil {
		if errors.Is(err, pg.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		s.badBodies.Add(1)
		s.log.Debug("body is no message", "channel", raw.Channel, "raw", id, "error", err)
		return s.rejectRaw(ctx, id, err.Error())
	}
	n := 0
	for i := range all {
		all[i].RawID = id
		_, err := s.Receive(ctx, all[i])
		if errors.Is(err, ErrBad) || errors.Is(err, ErrNoChannel) {
			return s.rejectRaw(ctx, id, err.Error())
		}
		if err != nil {
			return err
		}
		n++
	}
	_, err = s.db.Exec(ctx, `update inbound_raw set state = 'done', messages = $2 where id = $1`, id, n)
	return err
}

func (s *Service) rejectRaw(ctx context.Context, id int64, reason string) error {
	_, err := s.db.Exec(ctx, `update inbound_raw set state = 'bad', reason = $2 where id = $1`, id, clip(storable(reason), maxName))
	return err
}

// Person is a customer before the first message.
type Person struct {
	Channel, Account, User, Thread, Name, Language string
}

// lateFor is how long words of the system behind its end, such as the question whether it is solved by now, keep a conversation
// where its customer finds it.
const lateFor = 30 * 24 * time.Hour

// goesOn are conversations with which a customer who writes goes on: open ones, those closed a while ago, those in which we said
// something since. Its parameters are $5 and $6.
const goesOn = `(c.state <> 'closed' or c.closed_at > $5
	or exists (select from messages m where m.id = c.last_out_id and m.author = 'system' and m.created_at > c.closed_at and m.created_at > $6))`

func (s *Service) goesOn(now time.Time) []any {
	return []any{now.Add(-s.cfg.ReopenWithin), now.Add(-lateFor)}
}

// Current is a person's conversation that is open or may be opened again; pg.ErrNotFound when there is none.
func (s *Service) Current(ctx context.Context, p Person) (Conversation, error) {
	return pg.Row(ctx, s.db, scanConversation, `select `+conversationColumns+` from conversations c where c.channel = $1 and c.account = $2 and c.external_user = $3 and c.external_thread = $4
		and c.split_from is null and `+goesOn+` order by c.id desc limit 1`, append([]any{p.Channel, p.Account, p.User, p.Thread}, s.goesOn(s.now().UTC())...)...)
}

// OpenFor is Current, making the conversation when there is none.
func (s *Service) OpenFor(ctx context.Context, p Person) (c Conversation, err error) {
	in := &Inbound{Channel: p.Channel, Account: p.Account, User: p.User, Thread: p.Thread, Name: clip(storable(p.Name), maxName), Language: clip(p.Language, 35)}
	err = s.again(ctx, func(tx pgx.Tx) error {
		found, err := s.find(ctx, tx, in, s.now().UTC())
		if err == nil {
			c = *found
		}
		return err
	})
	return c, err
}

// tidy forgets bodies and loose files that are old.
func (s *Service) tidy(ctx context.Context) error {
	now := s.now().UTC()
	if _, err := s.db.Exec(ctx, `update inbound_raw set body = null where id in (select id from inbound_raw where received_at < $1 and body is not null and state <> 'new' limit 20000)`, now.Add(-s.cfg.KeepRaw)); err != nil {
		return fmt.Errorf("tidy raw bodies: %w", err)
	}
	if err := s.tidyCalls(ctx, now); err != nil {
		return err
	}
	return s.tidyFiles(ctx, now.Add(-24*time.Hour))
}
