package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/assist"
	"tingxin/bot"
	"tingxin/call"
	"tingxin/contact"
	"tingxin/pg"
	"tingxin/queue"
)

// contacts makes the store of people and tells it who else has rows of them.
func (s *server) contacts() *contact.Store {
	dir := s.cfg.Call.Recording.Dir
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	store := contact.NewStore(s.db, s.cfg.Contact)
	// What helps agents is found by calls and conversations too: before these forget whose they are, and when it is off by now.
	store.Register(contact.Noun{Name: "assist", Eraser: helps{assist.NewStore(s.db)}})
	store.Register(contact.Noun{Name: "calls", Source: callEntries{s.store}, Eraser: callEraser{s.store, dir}, Exporter: callExporter{s.store, dir}})
	store.Register(contact.Noun{Name: "queues", Eraser: workEraser{queue.NewStore(s.db)}})
	// What the bot noted goes too when the bot is off by now; erasing needs nothing of a running one.
	store.Register(contact.Noun{Name: "bot", Eraser: botMemory{new(bot.Engine), s.db}, Exporter: botMemory{nil, s.db}})
	return store
}

// people are the contacts as calls see them.
type people struct{ store *contact.Store }

var _ call.People = people{}

// Person implements call.People.
func (p people) Person(ctx context.Context, number, name string) (int64, error) {
	id, _, err := p.store.Resolve(ctx, contact.Key{Kind: contact.KindPhone, Value: number, Source: "call", Name: callerName(name, number)})
	if errors.Is(err, contact.ErrIdentity) { // hidden, or a name where a number should be
		return 0, nil
	}
	return int64(id), err
}

// callerName is the display name of a caller, when it is more than the number again.
func callerName(name, number string) string {
	if strings.EqualFold(name, number) || strings.Trim(name, "+0123456789 -()") == "" || strings.EqualFold(name, "anonymous") {
		return ""
	}
	return name
}

// Baseline implements call.People.
func (p people) Baseline(ctx context.Context, person int64, model string) ([]byte, error) {
	return p.store.Baseline(ctx, contact.ID(person), model)
}

// KeepBaseline implements call.People.
func (p people) KeepBaseline(ctx context.Context, person int64, model string, baseline []byte, seconds float64) error {
	_, err := p.store.PutBaseline(ctx, contact.ID(person), model, baseline, seconds)
	return err
}

func ints(ids []contact.ID) []int64 { return (&contact.Person{IDs: ids}).Ints() }

// callEntries are calls in the timeline.
type callEntries struct{ calls *call.Store }

// Entries implements contact.Source.
func (c callEntries) Entries(ctx context.Context, ids []contact.ID, until time.Time, limit int) ([]contact.Entry, error) {
	all, err := c.calls.OfContacts(ctx, ints(ids), until, limit)
	if err != nil {
		return nil, err
	}
	out := make([]contact.Entry, len(all))
	for i := range all {
		out[i] = contact.Entry{Kind: "call", ID: all[i].ID, At: all[i].StartedAt, Data: all[i]}
	}
	return out, nil
}

// callEraser takes a person out of calls.
type callEraser struct {
	calls *call.Store
	dir   string // of the recordings
}

// peaks is the file of loudness that the API keeps beside a recording.
const peaks = ".peaks"

// Erase implements contact.Eraser.
func (c callEraser) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	counts, files, err := c.calls.ErasePerson(ctx, tx, p.Ints(), p.Numbers, c.dir)
	if errors.Is(err, call.ErrActive) {
		err = errors.Join(contact.ErrBusy, err)
	}
	for _, f := range files {
		files = append(files, f+peaks)
	}
	return counts, files, err
}

// Hits implements contact.Eraser.
func (c callEraser) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	return c.calls.PersonHits(ctx, tx, p.Ints(), p.Numbers)
}

// workEraser takes a person out of the queues' records.
type workEraser struct{ queues *queue.Store }

func workKeys(p *contact.Person) []string {
	keys := append([]string{}, p.Numbers...)
	for _, id := range p.IDs {
		keys = append(keys, id.String())
	}
	for i := range p.Identities {
		if p.Identities[i].Kind == contact.KindPhone {
			keys = append(keys, p.Identities[i].Value)
		}
	}
	return keys
}

// Erase implements contact.Eraser.
func (w workEraser) Erase(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, []string, error) {
	n, err := w.queues.ErasePerson(ctx, tx, workKeys(p))
	if errors.Is(err, queue.ErrOpen) {
		err = errors.Join(contact.ErrBusy, err)
	}
	if err != nil || n == 0 {
		return nil, nil, err
	}
	return map[string]int64{"queue_work": n}, nil, nil
}

// Hits implements contact.Eraser.
func (w workEraser) Hits(ctx context.Context, tx pgx.Tx, p *contact.Person) (map[string]int64, error) {
	n, err := w.queues.PersonHits(ctx, tx, workKeys(p))
	return map[string]int64{"queue_work": n}, err
}

// callExporter gives a person's calls, what was said in them and the recordings.
type callExporter struct {
	calls *call.Store
	dir   string
}

// exportedCall is one call of calls.json.
type exportedCall struct {
	call.Summary
	Transcript []call.TranscriptItem `json:"transcript"`
	Emotion    []call.ReadingItem    `json:"emotion"`
	Messages   []exportedMessage     `json:"messages"`
}

// exportedMessage is a message that was left in a call; its sound is among the media.
type exportedMessage struct {
	ID         string    `json:"id"`
	At         time.Time `json:"at"`
	DurationMS int64     `json:"duration_ms"`
	Transcript string    `json:"transcript"`
}

// exportPage is how many calls are read at once; a person's calls are written as one file for each page.
const exportPage = 200

// Export implements contact.Exporter.
func (c callExporter) Export(ctx context.Context, p *contact.Person, out *contact.Dump) error {
	var until time.Time
	seen := map[string]bool{}
	for page := 1; ; page++ {
		part, err := c.calls.OfContacts(ctx, p.Ints(), until, exportPage)
		if err != nil {
			return err
		}
		list := []exportedCall{}
		for i := range part {
			if seen[part[i].ID] {
				continue
			}
			seen[part[i].ID] = true
			one, err := c.call(ctx, &part[i], out)
			if err != nil {
				return err
			}
			list = append(list, one)
		}
		if page == 1 || len(list) > 0 {
			if err := out.JSON(fmt.Sprintf("calls-%03d.json", page), list); err != nil {
				return err
			}
		}
		if len(part) < exportPage || len(list) == 0 {
			return nil
		}
		until = part[len(part)-1].StartedAt
	}
}

func (c callExporter) call(ctx context.Context, s *call.Summary, out *contact.Dump) (exportedCall, error) {
	one := exportedCall{Summary: *s, Transcript: []call.TranscriptItem{}, Emotion: []call.ReadingItem{}, Messages: []exportedMessage{}}
	r, err := c.calls.Get(ctx, s.ID)
	if err != nil {
		return one, err
	}
	words, err := c.calls.Utterances(ctx, s.ID)
	if err != nil {
		return one, err
	}
	for i := range words {
		one.Transcript = append(one.Transcript, words[i].Item())
	}
	readings, err := c.calls.Readings(ctx, s.ID)
	if err != nil {
		return one, err
	}
	for i := range readings {
		one.Emotion = append(one.Emotion, readings[i].Item())
	}
	messages, err := c.calls.MessagesOf(ctx, s.ID)
	if err != nil {
		return one, err
	}
	for _, m := range messages {
		one.Messages = append(one.Messages, exportedMessage{m.ID, m.At, m.Duration.Milliseconds(), m.Transcript})
		if err := out.File(ctx, contact.MediaItem{Name: "message-" + m.ID + filepath.Ext(m.Path), Of: "call:" + s.ID}, c.path(m.Path)); err != nil {
			return one, err
		}
	}
	if r.Recording.State != call.RecordingKept {
		return one, nil
	}
	path := c.path(r.Recording.Path)
	return one, out.File(ctx, contact.MediaItem{Name: s.ID + filepath.Ext(path), Of: "call:" + s.ID, SHA256: r.Recording.SHA256}, path)
}

func (c callExporter) path(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(c.dir, name)
}

// LinkArgs are the arguments of the job that gives old calls their contacts.
type LinkArgs struct{}

// Kind names the job in the table of jobs.
func (LinkArgs) Kind() string { return "link_calls" }

// linkWorker gives calls a contact that were there before contacts were, or whose caller could not be
// looked up while they ran.
type linkWorker struct {
	river.WorkerDefaults[LinkArgs]
	calls  *call.Store
	people people
	log    *slog.Logger
	batch  int
}

// linkEvery is how often calls without a contact are looked for.
const linkEvery = 5 * time.Minute

func (s *server) addLinking(jobs *pg.Jobs) {
	pg.AddWorker(jobs, &linkWorker{calls: s.store, people: people{s.persons}, log: s.log, batch: 500})
	jobs.Every(linkEvery, func() river.JobArgs { return LinkArgs{} })
}

// Timeout leaves time for a first run over years of calls.
func (w *linkWorker) Timeout(*river.Job[LinkArgs]) time.Duration { return 30 * time.Minute }

// Work implements river.Worker.
func (w *linkWorker) Work(ctx context.Context, _ *river.Job[LinkArgs]) error {
	n, err := w.link(ctx)
	if n > 0 || err != nil {
		w.log.Info("calls linked to contacts", "calls", n, "error", err)
	}
	return err
}

// link goes from the newest call backwards. It may be stopped and repeated at any point.
func (w *linkWorker) link(ctx context.Context) (int, error) {
	n, before := 0, time.Now().Add(time.Minute)
	for {
		part, err := w.calls.WithoutContact(ctx, before, w.batch)
		if err != nil || len(part) == 0 {
			return n, errors.Join(err, w.consents(ctx))
		}
		for _, u := range part {
			id, err := w.people.Person(ctx, u.Number, u.Name)
			if err != nil {
				return n, err
			}
			if id == 0 {
				continue
			}
			if err := w.calls.SetContact(ctx, u.ID, id); err != nil {
				return n, err
			}
			n++
		}
		before = part[len(part)-1].StartedAt
	}
}

// consents gives the ledger's lines that a number said outside of calls to its contact.
func (w *linkWorker) consents(ctx context.Context) error {
	after := ""
	for {
		numbers, err := w.calls.LooseConsents(ctx, after, w.batch)
		if err != nil || len(numbers) == 0 {
			return err
		}
		for _, number := range numbers {
			id, err := w.people.Person(ctx, number, "")
			if err == nil && id != 0 {
				_, err = w.calls.LinkConsents(ctx, number, id)
			}
			if err != nil {
				return err
			}
		}
		after = numbers[len(numbers)-1]
	}
}
