package feedback

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"tingxin/event"
	"tingxin/pg"
	"tingxin/ticket"
)

// Config of feedback; zero values are the defaults.
type Config struct {
	// AcknowledgeIn, ContactIn and AnswerIn are what a customer is promised: 1 h, 4 h of open time, 72 h.
	AcknowledgeIn time.Duration `koanf:"acknowledge_in" yaml:"acknowledge_in"`
	ContactIn     time.Duration `koanf:"contact_in" yaml:"contact_in"`
	AnswerIn      time.Duration `koanf:"answer_in" yaml:"answer_in"`
	// Calendar counts the open hours of ContactIn; empty counts all time.
	Calendar string `koanf:"calendar" yaml:"calendar"`
	// AskAfter is how long after our answer the customer is asked whether it is solved. 168 h.
	AskAfter time.Duration `koanf:"ask_after" yaml:"ask_after"`
	// GiveUpAfter is how long we try to reach a customer, and wait for the answer, before a case closes as
	// unreachable or unverified. 720 h.
	GiveUpAfter time.Duration `koanf:"give_up_after" yaml:"give_up_after"`
	// RateWithin is how long after its end a contact can be rated. 168 h.
	RateWithin time.Duration `koanf:"rate_within" yaml:"rate_within"`
	// ComplaintFrom is the probability from which words are a complaint. 0.6.
	ComplaintFrom float64 `koanf:"complaint_from" yaml:"complaint_from"`
	// URL is where customers find our pages, "https://desk.example.org". Without it questions on channels that show no buttons are
	// answered by words only.
	URL string `koanf:"url" yaml:"url"`
}

func (c Config) withDefaults() Config {
	c.AcknowledgeIn = cmp.Or(c.AcknowledgeIn, time.Hour)
	c.ContactIn = cmp.Or(c.ContactIn, 4*time.Hour)
	c.AnswerIn = cmp.Or(c.AnswerIn, 72*time.Hour)
	c.AskAfter = cmp.Or(c.AskAfter, 7*24*time.Hour)
	c.GiveUpAfter = cmp.Or(c.GiveUpAfter, 30*24*time.Hour)
	c.RateWithin = cmp.Or(c.RateWithin, 7*24*time.Hour)
	c.ComplaintFrom = cmp.Or(c.ComplaintFrom, 0.6)
	return c
}

// Check tells what is wrong with the config in words that help.
func (c Config) Check() error {
	c = c.withDefaults()
	for name, d := range map[string]time.Duration{"acknowledge_in": c.AcknowledgeIn, "contact_in": c.ContactIn, "answer_in": c.AnswerIn,
		"ask_after": c.AskAfter, "give_up_after": c.GiveUpAfter, "rate_within": c.RateWithin} {
		if d < time.Minute || d > 400*24*time.Hour {
			return fmt.Errorf("feedback.%s is %s: write a time from 1m to 9600h", name, d)
		}
	}
	if c.GiveUpAfter <= c.AskAfter {
		return fmt.Errorf("feedback.give_up_after is %s: it must be longer than ask_after (%s), else nobody is asked", c.GiveUpAfter, c.AskAfter)
	}
	if u, err := url.Parse(c.URL); c.URL != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || len(c.URL) > 200) {
		return fmt.Errorf("feedback.url %q is no address such as https://desk.example.org", c.URL)
	}
	if c.ComplaintFrom <= 0 || c.ComplaintFrom > 1 {
		return fmt.Errorf("feedback.complaint_from is %v: it is a probability above 0, at most 1", c.ComplaintFrom)
	}
	return nil
}

// Judge tells how likely words are a complaint.
type Judge interface {
	Complaint(ctx context.Context, text string) (p float64, model string, err error)
}

// Letter is a message on its way to a customer: of a case, or a survey's question.
type Letter struct {
	Message      int64 // the same for every try; of a case
	Case         CaseID
	Round        int
	Survey       int64 // 0: it is a message of a case
	Kind         string
	Reason       string // the contact that it is about
	Contact      int64
	Conversation int64 // the only one in which it may be said; 0: whichever takes it
	Language     string
	Body         string
	Author       string   // name of the person whose words they are; empty: nobody's
	Choices      []Choice // of a question
}

// ErrShut says that a way is not open to the customer now.
var ErrShut = errors.New("no way to the customer is open now")

// Way carries messages to customers.
type Way interface {
	Name() string
	// Carry hands a letter over; ErrShut when the way is not open now. The same letter may come again.
	Carry(ctx context.Context, l *Letter) (ref string, err error)
}

// Parts is what a Service works with; DB must be there.
type Parts struct {
	DB      *pg.DB
	Bus     *event.Bus
	Tickets *ticket.Service // calendars; nil: all hours count
	Judge   Judge           // nil: what customers call a complaint is one
	Ways    []Way           // in the order in which they are tried
	// Rated writes a customer's answer beside the conversation that it is about; nil: nowhere.
	Rated func(ctx context.Context, conversation int64, score int) error
	Now   func() time.Time
}

// Stats counts what happened since the start.
type Stats struct {
	Items, Repeated, Refused, Opened, Changed, Sent, Waits, Verified, Reopened, Unverified, Unreachable, Warned, Breached, Failures uint64
	Surveyed, Answered, Unaskable                                                                                                   uint64 // questions of our own accord
}

// Service is the feedback of one server. Everything it knows is in rows.
type Service struct {
	cfg   Config
	parts Parts
	db    *pg.DB
	log   *slog.Logger
	now   func() time.Time

	items, repeated, refused, opened, changed, sent, waits, verified, reopened, unverified, unreachable, warned, breached, failures, surveyed, answered, unaskable atomic.Uint64

	wake chan struct{}
	stop context.CancelFunc
	done sync.WaitGroup
	once sync.Once
}

const (
	batch    = 100 // rows of one kind in one round
	badScore = 2   // and below opens a case, or opens it again
	closeIn  = 72 * time.Hour
)

// NewService checks and stores.
func NewService(cfg Config, parts Parts, log *slog.Logger) (*Service, error) {
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg.withDefaults(), parts: parts, db: parts.DB, log: log.With("part", "feedback"), wake: make(chan struct{}, 1), now: parts.Now}
	if s.now == nil {
		s.now = func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }
	}
	return s, nil
}

// AddWay adds a way to customers; before Start.
func (s *Service) AddWay(w Way) { s.parts.Ways = append(s.parts.Ways, w) }

// Start begins to look after what customers said. Close ends it.
func (s *Service) Start(ctx context.Context) error {
	ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.done.Go(func() { pg.Keep(ctx, s.wake, s.tend) }) // ends with Close
	return nil
}

// Close returns when nothing runs any more. Twice is fine.
func (s *Service) Close() error {
	s.once.Do(func() {
		if s.stop != nil {
			s.stop()
		}
	})
	s.done.Wait()
	return nil
}

func (s *Service) tend(ctx context.Context) {
	if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
		s.failures.Add(1)
		s.log.Warn("feedback was not looked after", "error", err)
	}
}

// Tend does what time brings: facts that others keep, messages that wait, questions, ends, levels of
// promises. Several servers may do it at once.
func (s *Service) Tend(ctx context.Context) error {
	return errors.Join(s.pull(ctx), s.ask(ctx), s.deliver(ctx), s.endByTime(ctx), s.levels(ctx), s.tendSurveys(ctx), s.dropLinks(ctx))
}

// Stats reads the counters.
func (s *Service) Stats() Stats {
	return Stats{Items: s.items.Load(), Repeated: s.repeated.Load(), Refused: s.refused.Load(), Opened: s.opened.Load(), Changed: s.changed.Load(), Sent: s.sent.Load(), Waits: s.waits.Load(),
		Verified: s.verified.Load(), Reopened: s.reopened.Load(), Unverified: s.unverified.Load(), Unreachable: s.unreachable.Load(),
		Warned: s.warned.Load(), Breached: s.breached.Load(), Failures: s.failures.Load(), Surveyed: s.surveyed.Load(), Answered: s.answered.Load(), Unaskable: s.unaskable.Load()}
}

// Types of events; Data is a Notice.
const (
	EventAdded   = "feedback.added"
	EventOpened  = "feedback.case_opened"
	EventChanged = "feedback.case_changed"
	EventWarned  = "feedback.case_warned"
)

// Notice is what events tell: ids only.
type Notice struct {
	Item  int64            `json:"item,omitempty"`
	Case  CaseID           `json:"case,omitempty"`
	State State            `json:"state,omitempty"`
	Owner int64            `json:"owner,omitempty"`
	Clock ticket.ClockKind `json:"clock,omitempty"`
	Level int              `json:"level,omitempty"` // per cent, of EventWarned
}

func (c *Case) notice() Notice { return Notice{Case: c.ID, State: c.State, Owner: c.Owner} }

func (s *Service) publish(typ string, n Notice) {
	if s.parts.Bus != nil {
		s.parts.Bus.Publish(typ, "", n)
	}
	s.wakeUp()
}

func (s *Service) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// hours are those of a calendar; "" and one that is gone count always.
func (s *Service) hours(ctx context.Context, calendar string) (ticket.Hours, error) {
	if s.parts.Tickets == nil || calendar == "" {
		return ticket.Always{}, nil
	}
	return s.parts.Tickets.Hours(ctx, calendar)
}
