package seed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"tingxin/chat"
)

// talk is a conversation as its messages need it.
type talk struct {
	id                          int64
	at                          time.Time
	channel, account            string
	zh, bot, human, closed      bool
	agent                       int // index; of a human one
	queue                       string
	messages                    int
	firstReply, firstHuman, end time.Time
	rating                      *int16
	contact                     int64
	name                        string
}

func (l *loader) contacts(ctx context.Context) error {
	n := (l.o.Messages/perConversation+l.o.Calls)/perContact + 1
	first, err := l.ids(ctx, "contact_ids", n)
	if err != nil {
		return err
	}
	l.first["contacts"], l.people = first, int64(n)
	return l.copy(ctx, "contacts", []string{"id", "root", "name", "language", "created_at", "updated_at"}, n, func(i int) []any {
		zh := i%4 > 0
		lang := "en"
		if zh {
			lang = "zh"
		}
		at := l.since.Add(time.Duration(float64(i) / float64(n) * float64(l.o.Now.Sub(l.since))))
		return []any{first + int64(i), first + int64(i), person(l.rng, zh), lang, at, at}
	})
}

func (l *loader) someone() int64 { return l.first["contacts"] + l.rng.Int64N(l.people) }

func (l *loader) conversations(ctx context.Context) error {
	n := l.o.Messages / perConversation
	first, err := l.ids(ctx, "conversations_id_seq", n)
	if err != nil {
		return err
	}
	l.chats = make([]talk, n)
	left := l.o.Messages
	for i, at := range l.moments(n) {
		c := &l.chats[i]
		*c = l.talk(at)
		c.id = first + int64(i)
		if c.messages = 1 + l.rng.IntN(2*perConversation-1); i == n-1 || left < c.messages+(n-1-i) {
			c.messages = max(1, left-(n-1-i))
		}
		left -= c.messages
	}
	if n > 0 {
		l.chats[n-1].messages += left
	}
	return l.copy(ctx, "conversations", []string{"id", "key", "channel", "account", "external_user", "contact_id", "name", "language", "state", "handler", "assignee", "queue", "queued_at", "enqueued", "urgency",
		"last_seq", "last_text", "last_at", "waiting_since", "first_reply_at", "first_human_at", "rating", "rated_at", "created_at", "closed_at", "closed_by"}, n, func(i int) []any {
		c := &l.chats[i]
		state, handler, by := "open", "bot", ""
		var closed, queued, human, waiting *time.Time
		var assignee *int64
		if c.closed {
			state, closed, by = "closed", &c.end, "system"
		} else {
			waiting = &c.end
		}
		if c.human {
			handler, assignee, human, by = "agent", &l.agents[c.agent].id, &c.firstHuman, l.agents[c.agent].name
			at := c.at.Add(time.Second)
			queued = &at
		}
		lang := "en"
		if c.zh {
			lang = "zh"
		}
		var rated *time.Time
		if c.rating != nil {
			rated = &c.end
		}
		if !c.closed {
			by = ""
		}
		return []any{c.id, fmt.Sprintf("seed%016x%08x", l.o.Seed, c.id), c.channel, c.account, fmt.Sprintf("seed-%d", c.id), c.contact, c.name, lang, state, handler, assignee, c.queue, queued, true, int16(1),
			int64(c.messages), line(l.rng, c.zh, true), c.end, waiting, &c.firstReply, human, c.rating, rated, c.at, closed, by}
	})
}

func (l *loader) talk(at time.Time) talk {
	r := l.rng
	c := talk{at: at, channel: pick(r, "web", "web", "web", "web", "wechat", "wechat", "email", "webhook"), account: "main", zh: r.Float64() < .8, bot: r.Float64() < .75, contact: l.someone()}
	c.human = !c.bot || r.Float64() < .45
	c.name = person(r, c.zh)
	c.firstReply = l.before(at.Add(700*time.Millisecond + l.exp(time.Second)))
	if c.human {
		c.agent, c.queue = r.IntN(len(l.agents)), string(pick(r, queues...).ID)
		c.firstHuman = l.before(at.Add(5*time.Second + l.exp(100*time.Second)))
		if !c.bot {
			c.firstReply = c.firstHuman
		}
	}
	c.end = l.before(at.Add(2*time.Minute + l.exp(15*time.Minute)))
	c.closed = c.end.Before(l.o.Now) && r.Float64() < .97
	if c.closed && r.Float64() < .2 {
		score := int16(pick(r, 1, 2, 3, 4, 4, 5, 5, 5, 5, 5))
		c.rating = &score
	}
	return c
}

func (l *loader) messages(ctx context.Context) error {
	total := 0
	for i := range l.chats {
		total += l.chats[i].messages
	}
	first, err := l.ids(ctx, "messages_id_seq", total)
	if err != nil {
		return err
	}
	at, seq := 0, 0
	err = l.copy(ctx, "messages", []string{"id", "conversation_id", "thread_id", "seq", "direction", "author", "user_id", "author_name", "kind", "text", "channel", "account", "state", "terms", "at", "created_at"}, total, func(i int) []any {
		for seq == l.chats[at].messages {
			at, seq = at+1, 0
		}
		c := &l.chats[at]
		seq++
		direction, author, state := "in", "customer", "stored"
		var user *int64
		name := c.name
		if seq%2 == 0 {
			direction, author, state, name = "out", "bot", "sent", ""
			if c.human && (!c.bot || seq > 2) {
				author, user, name = "agent", &l.agents[c.agent].id, l.agents[c.agent].name
			}
		}
		text := line(l.rng, c.zh, direction == "in")
		when := c.at.Add(time.Duration(float64(c.end.Sub(c.at)) * float64(seq-1) / float64(c.messages)))
		return []any{first + int64(i), c.id, c.id, int64(seq), direction, author, user, name, "text", text, c.channel, c.account, state, chat.Terms(text), when, when}
	})
	if err != nil {
		return err
	}
	_, err = l.tx.Exec(ctx, `update conversations c set last_in_id = m.last_in, last_out_id = m.last_out from (
		select thread_id, coalesce(max(id) filter (where direction = 'in'), 0) as last_in, coalesce(max(id) filter (where direction = 'out'), 0) as last_out from messages where id >= $1 group by thread_id) m where m.thread_id = c.id`, first)
	return err
}

// shuffled is a source of its own for part of the rows, so that others stay as they are.
func (l *loader) shuffled(part uint64) *rand.Rand { return rand.New(rand.NewPCG(l.o.Seed, part)) }
