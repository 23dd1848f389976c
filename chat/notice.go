package chat

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5"
)

// Types of notices; the same words are the types of events on the bus.
const (
	MessageAdded  = "chat.message"  // a message was stored
	MessageMoved  = "chat.state"    // a message got further: sent, failed, ...
	Changed       = "chat.changed"  // of the conversation: state, assignee, labels, ...
	Typing        = "chat.typing"   // not stored
	Read          = "chat.read"     //
	PresenceMoved = "chat.presence" // who looks at a conversation; not stored
	Placed        = "chat.place"    // place in the queue; not stored
)

// Notice says that something happened in a conversation, by ids: whoever wants
// to know more reads the rows. One may be lost, so nobody lives by notices alone.
type Notice struct {
	Type         string    `json:"type"`
	Conversation ID        `json:"conversation"`
	Thread       ID        `json:"thread,omitempty"`
	Message      MessageID `json:"message,omitempty"`
	Seq          int64     `json:"seq,omitempty"`
	Direction    Direction `json:"direction,omitempty"`
	Kind         Kind      `json:"kind,omitempty"`
	Author       *Author   `json:"author,omitempty"`
	Assignee     int64     `json:"assignee,omitempty"`
	State        string    `json:"state,omitempty"`
	Mentions     []int64   `json:"mentions,omitempty"` // users named in a note
	On           bool      `json:"on,omitempty"`       // of Typing and PresenceMoved
	Place        int       `json:"place,omitempty"`    // of Placed, 1 is next
	WaitS        int       `json:"wait_s,omitempty"`   // of Placed; -1 unknown
}

// notifyChannel is where servers tell each other what was committed.
const notifyChannel = "tingxin_chat"

// letter is a Notice on its way to the other servers.
type letter struct {
	From string `json:"from"`
	Notice
}

// notify goes with a transaction; deliver follows its commit here.
func (s *Service) notify(ctx context.Context, tx pgx.Tx, n *Notice) error {
	text, err := json.Marshal(letter{s.self, *n})
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `select pg_notify('`+notifyChannel+`', $1)`, string(text))
	return err
}

// deliver tells a notice here: first those who watch, then the bus.
func (s *Service) deliver(n *Notice) {
	s.mu.Lock()
	switch n.Type {
	case Placed:
		if len(s.places) < maxPlaces {
			s.places[n.Conversation] = *n
		}
	case Changed: // taken, moved or closed: the place is not true any more
		delete(s.places, n.Conversation)
	}
	var told []*Watcher
	for w := range s.watchers[n.Conversation] {
		told = append(told, w)
	}
	if n.Thread != 0 && n.Thread != n.Conversation {
		for w := range s.watchers[n.Thread] {
			told = append(told, w)
		}
	}
	s.mu.Unlock()
	for _, w := range told {
		w.tell(*n)
	}
	s.bus.Publish(n.Type, "", *n)
}

// Tell publishes what is not stored, such as typing, here and to the other servers.
func (s *Service) Tell(ctx context.Context, n Notice) error {
	s.deliver(&n)
	text, err := json.Marshal(letter{s.self, n})
	if err != nil {
		return err
	}
	_, err = s.db.Exec(ctx, `select pg_notify('`+notifyChannel+`', $1)`, string(text))
	return err
}

// maxPlaces bounds the places in queues that are remembered.
const maxPlaces = 20000

// Place is the last that was told of a conversation's place in its queue.
func (s *Service) Place(id ID) (n Notice, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok = s.places[id]
	return n, ok
}

// Watcher is told the notices of one conversation until Close.
type Watcher struct {
	s    *Service
	id   ID
	tell func(Notice)
}

// Watch has tell called for each notice of a conversation, from the goroutine
// that caused it: tell must not block.
func (s *Service) Watch(id ID, tell func(Notice)) *Watcher {
	w := &Watcher{s, id, tell}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.watchers[id] == nil {
		s.watchers[id] = map[*Watcher]struct{}{}
	}
	s.watchers[id][w] = struct{}{}
	return w
}

// Close ends the watching; a call under way may still come. Twice is fine.
func (w *Watcher) Close() {
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	delete(w.s.watchers[w.id], w)
	if len(w.s.watchers[w.id]) == 0 {
		delete(w.s.watchers, w.id)
	}
}

// listen hears what the other servers commit.
func (s *Service) listen(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.hear(ctx)
		if ctx.Err() != nil {
			return
		}
		s.log.Warn("listening for the other servers broke off", "error", err)
		select {
		case <-ctx.Done():
		case <-time.After(listenAgain):
		}
	}
}

func (s *Service) hear(ctx context.Context) error {
	return s.db.Listen(ctx, notifyChannel, func(payload string) {
		var l letter
		if json.Unmarshal([]byte(payload), &l) != nil {
			s.lost.Add(1)
			return
		}
		if l.From == s.self {
			return
		}
		if l.Type == MessageAdded {
			s.wakeHook()
		}
		if l.Type == PresenceMoved && l.Author != nil {
			s.note(l.Conversation, *l.Author, l.On, l.State == "typing")
		}
		s.deliver(&l.Notice)
	})
}
