package ivr

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Queue lets the caller wait for an agent, with music, and talk with the agent. The
// flow goes on only when no agent was found.
type Queue struct {
	Name     string
	Priority string // low, normal, high or urgent
	Skills   []string
	Language string        // that the agent must speak; any when empty
	Music    string        // WAV, relative to the folder of prompts; the server's when empty
	Announce time.Duration // between announcements of position and estimated wait; none when zero
	MaxWait  time.Duration // without end when zero
	Timeout  string        // node after MaxWait; the next one when empty, as for the others
	Closed   string        // node outside of the opening hours, or when the queue is full or takes nobody
	NoAgents string        // node when nobody is at work; empty lets the caller wait for somebody
	After    string        // node when the agent hung up first; empty ends the call
	Offer    *Offer        // to be called back instead of waiting; nil makes none
}

// Offer lets a waiting caller hang up and keep the place: an agent calls when it is their turn.
type Offer struct {
	Key    byte          // that takes it
	Every  time.Duration // between announcements of it, from the start on; 45 s when zero
	Prompt []Speech      // OfferNotice when empty
	Taken  string        // node after it was taken; the next one when empty
}

// OfferNotice tells of the call-back, for flows without words of their own.
func OfferNotice(language string, key byte) Speech {
	if isChinese(language) {
		return Speech{Text: fmt.Sprintf("如果不想继续等待，请按%c，轮到您时我们会给您回电。", key), Language: language}
	}
	return Speech{Text: fmt.Sprintf("If you would rather not wait, press %c and we will call you back when it is your turn.", key), Language: language}
}

func (o *Offer) prompt(language string) []Speech {
	if len(o.Prompt) > 0 {
		return o.Prompt
	}
	return []Speech{OfferNotice(language, o.Key)}
}

// Notice is what the waiting caller is told of the offer.
func (o *Offer) Notice(language string) []Speech { return o.prompt(language) }

// Transfer connects the caller with somebody, or lets them wait in a queue. The
// flow goes on only when that fails.
type Transfer struct {
	User    string        // name or extension of a user
	Number  string        // outside; may hold ${variables}
	Queue   string        // name of a queue
	Timeout time.Duration // of ringing; the server's when zero
	Failed  string        // node when nobody was reached; the next one when empty
	After   string        // node when the other party hung up first; empty ends the call
}

// QueueEnd says why a caller waits no longer without having talked with an agent.
type QueueEnd string

// The reasons.
const (
	QueueTimeout  QueueEnd = "timeout"
	QueueClosed   QueueEnd = "closed"
	QueueFull     QueueEnd = "full"
	QueueNoAgents QueueEnd = "no_agents"
	QueueTalked   QueueEnd = "talked"   // the agent hung up first; only where Queue.After is set
	QueueCallback QueueEnd = "callback" // the place is kept for a call-back
)

// Queuer is what a Line offers besides when there are queues.
type Queuer interface {
	// Queue lets the caller wait and talk. It returns when no agent was found, with
	// why, or with ctx's cause when the call has ended. language is the flow's.
	Queue(ctx context.Context, q *Queue, language string) (QueueEnd, error)
}

// Transferer is what a Line offers besides when it can be connected with others.
type Transferer interface {
	// Transfer connects; ok is false when nobody was reached. On success it returns
	// when the other party has hung up first and t.After is set, else with ctx's
	// cause when the call has ended.
	Transfer(ctx context.Context, t *Transfer) (ok bool, err error)
}

// Errors of flows on a line that cannot do what they want.
var (
	ErrNoQueues    = errors.New("there are no queues here")
	ErrNoTransfers = errors.New("there are no transfers here")
)

// WaitNotice announces a place in the queue (1 is next) and the estimated wait,
// which is left out when negative; its text is empty when there is no place.
func WaitNotice(language string, position int, estimate time.Duration) Speech {
	if position < 1 {
		return Speech{}
	}
	minutes := int((estimate + time.Minute - 1) / time.Minute)
	if strings.HasPrefix(language, "zh") {
		text := fmt.Sprintf("您是第%d位。", position)
		if minutes > 0 {
			text += fmt.Sprintf("预计等待%d分钟。", minutes)
		}
		return Speech{Text: text, Language: "zh"}
	}
	text := fmt.Sprintf("You are number %d in the queue.", position)
	switch {
	case minutes == 1:
		text += " The wait is about one minute."
	case minutes > 1:
		text += fmt.Sprintf(" The wait is about %d minutes.", minutes)
	}
	return Speech{Text: text, Language: "en"}
}

// ClosedNotice parts from a caller whose queue has closed, where no flow does; without closed nobody there takes calls
// for another reason.
func ClosedNotice(language string, closed bool) Speech {
	switch {
	case isChinese(language) && closed:
		return Speech{Text: "很抱歉，人工服务已经结束，请在服务时间再次来电。再见。", Language: language}
	case isChinese(language):
		return Speech{Text: "很抱歉，现在没有人能接听您的电话，请稍后再拨。再见。", Language: language}
	case closed:
		return Speech{Text: "We are sorry, our lines have closed. Please call again during our opening hours. Goodbye.", Language: language}
	}
	return Speech{Text: "We are sorry, nobody can take your call right now. Please try again later. Goodbye.", Language: language}
}

type queueText struct {
	Name     at[string]       `yaml:"name"`
	Priority at[string]       `yaml:"priority"`
	Skills   at[[]at[string]] `yaml:"skills"`
	Language at[string]       `yaml:"language"`
	Music    *at[string]      `yaml:"music"`
	Announce at[duration]     `yaml:"announce"`
	MaxWait  at[duration]     `yaml:"max_wait"`
	Timeout  at[string]       `yaml:"timeout"`
	Closed   at[string]       `yaml:"closed"`
	NoAgents at[string]       `yaml:"no_agents"`
	After    at[string]       `yaml:"after"`
	Callback *at[offerText]   `yaml:"callback"`
}

type offerText struct {
	Key    at[scalar]   `yaml:"key"`
	Every  at[duration] `yaml:"every"`
	Prompt *speechText  `yaml:"prompt"`
	Taken  at[string]   `yaml:"taken"`
}

type transferText struct {
	User    at[string]   `yaml:"user"`
	Number  at[scalar]   `yaml:"number"`
	Queue   at[string]   `yaml:"queue"`
	Timeout at[duration] `yaml:"timeout"`
	Failed  at[string]   `yaml:"failed"`
	After   at[string]   `yaml:"after"`
}

// priorities are how pressing a flow may say that a caller is.
var priorities = []string{"low", "normal", "high", "urgent"}

// leastAnnounce is how close announcements may follow each other.
const leastAnnounce = 5 * time.Second

func (c *checker) queue(t *at[queueText]) *Queue {
	q := &Queue{Name: t.v.Name.v, Priority: cmp.Or(t.v.Priority.v, "normal"), Language: t.v.Language.v,
		Announce: time.Duration(t.v.Announce.v), MaxWait: time.Duration(t.v.MaxWait.v)}
	if !nameForm.MatchString(q.Name) {
		c.failf(cmp.Or(t.v.Name.pos, t.pos), "queue needs the name of a queue")
	}
	if !slices.Contains(priorities, q.Priority) {
		c.failf(t.v.Priority.pos, "priority is low, normal, high or urgent, not %q", q.Priority)
	}
	for _, s := range t.v.Skills.v {
		if s.v == "" {
			c.failf(s.pos, "a skill needs a name")
		}
		q.Skills = append(q.Skills, s.v)
	}
	if len(q.Skills) > 16 {
		c.failf(t.v.Skills.pos, "more than 16 skills")
	}
	if q.Language != "" {
		c.language(q.Language, t.v.Language.pos)
	}
	if t.v.Music != nil {
		q.Music = c.path(t.v.Music)
	}
	if q.Announce > 0 && q.Announce < leastAnnounce {
		c.failf(t.v.Announce.pos, "announcements closer than %v leave no time for music", leastAnnounce)
	}
	q.Timeout, q.Closed, q.NoAgents, q.After = c.maybe(t.v.Timeout), c.maybe(t.v.Closed), c.maybe(t.v.NoAgents), c.maybe(t.v.After)
	if o := t.v.Callback; o != nil {
		q.Offer = &Offer{Key: '1', Every: cmp.Or(time.Duration(o.v.Every.v), 45*time.Second), Prompt: c.speech(o.v.Prompt), Taken: c.maybe(o.v.Taken)}
		if o.v.Key.set() {
			q.Offer.Key = c.key(string(o.v.Key.v), o.v.Key.pos)
		}
		if q.Offer.Every < leastAnnounce {
			c.failf(o.v.Every.pos, "announcements closer than %v leave no time for music", leastAnnounce)
		}
	}
	return q
}

func (c *checker) transfer(t *at[transferText]) *Transfer {
	out := &Transfer{User: t.v.User.v, Number: string(t.v.Number.v), Queue: t.v.Queue.v, Timeout: time.Duration(t.v.Timeout.v), Failed: c.maybe(t.v.Failed), After: c.maybe(t.v.After)}
	set := 0
	for _, v := range []string{out.User, out.Number, out.Queue} {
		if v != "" {
			set++
		}
	}
	if set != 1 {
		c.failf(t.pos, "transfer needs exactly one of user, number and queue")
	}
	if out.Queue != "" && !nameForm.MatchString(out.Queue) {
		c.failf(t.v.Queue.pos, "%q is not the name of a queue", out.Queue)
	}
	out.Number = c.text(out.Number, t.v.Number.pos)
	return out
}

// maybe is a reference that may be left out.
func (c *checker) maybe(to at[string]) string {
	if !to.set() {
		return ""
	}
	return c.ref(to)
}

// queue lets the caller wait and names the node to go on with.
func (r *run) queue(ctx context.Context, n *Node, q *Queue) (string, error) {
	line, ok := r.line.(Queuer)
	if !ok {
		return "", ErrNoQueues
	}
	if q.Offer != nil && len(q.Offer.Prompt) > 0 {
		filled, offer := *q, *q.Offer
		offer.Prompt = slices.Clone(offer.Prompt)
		for i := range offer.Prompt {
			offer.Prompt[i].Text = r.fill(offer.Prompt[i].Text)
		}
		filled.Offer = &offer
		q = &filled
	}
	end, err := line.Queue(ctx, q, r.language)
	if err != nil {
		return "", err
	}
	switch end {
	case QueueTimeout:
		return cmp.Or(q.Timeout, n.Next), nil
	case QueueClosed, QueueFull:
		return cmp.Or(q.Closed, n.Next), nil
	case QueueNoAgents:
		return cmp.Or(q.NoAgents, n.Next), nil
	case QueueTalked:
		return q.After, nil
	case QueueCallback:
		return cmp.Or(q.Offer.Taken, n.Next), nil
	}
	return "", nil
}

// transfer connects the caller and names the node to go on with.
func (r *run) transfer(ctx context.Context, n *Node, t *Transfer) (string, error) {
	if t.Queue != "" {
		q := &Queue{Name: t.Queue, Priority: "normal", Timeout: t.Failed, Closed: t.Failed, NoAgents: t.Failed, After: t.After}
		return r.queue(ctx, n, q)
	}
	line, ok := r.line.(Transferer)
	if !ok {
		return "", ErrNoTransfers
	}
	filled := *t
	filled.Number = r.fill(t.Number)
	ok, err := line.Transfer(ctx, &filled)
	switch {
	case err != nil:
		return "", err
	case ok:
		return t.After, nil
	}
	return cmp.Or(t.Failed, n.Next), nil
}
