package queue

import (
	"sync"
	"sync/atomic"
	"time"
)

// Update tells whoever enqueued work what became of it.
type Update struct {
	Type     string        `json:"type"`               // Positioned, or a type of Change: OfferMade, OfferEnded, Taken, Joined, Requeued, Moved, KeptPlace, Overflowed, Left
	At       time.Time     `json:"at"`                 //
	Position int           `json:"position,omitempty"` // of Positioned; 1 is next
	Estimate time.Duration `json:"estimate,omitempty"` // of Positioned; -1 when no agent is there
	Agent    AgentID       `json:"agent,omitempty"`    // of OfferMade, OfferEnded, Taken, Joined, Requeued
	Token    Token         `json:"token,omitempty"`    // of OfferMade and OfferEnded
	Deadline time.Time     `json:"deadline,omitzero"`  // of OfferMade and Taken
	Queue    QueueID       `json:"queue,omitempty"`
	Reason   string        `json:"reason,omitempty"`
}

// Positioned is the type of an Update that tells a place in the queue.
const Positioned = "position"

// ticketSize is how many updates may lie unread.
const ticketSize = 64

// Ticket is what Enqueue returns. C tells, in order, the place in the queue when
// it changes, who is asked, who has the work and how it ended; after Left it is
// closed. A reader that is 64 updates behind loses the oldest, and Lost counts
// them. Close ends the listening, not the work.
type Ticket struct {
	Work WorkID
	C    <-chan Update

	s      *Service
	dialog atomic.Bool // a call belongs to it now, which Dialogs knows
	lost   atomic.Uint64
	missed atomic.Int32 // times in a row that Dialogs did not know the work

	mu     sync.Mutex
	ch     chan Update // guarded: nobody sends after it is closed
	closed bool
	last   Position
}

func newTicket(s *Service, id WorkID) *Ticket {
	ch := make(chan Update, ticketSize)
	return &Ticket{Work: id, C: ch, ch: ch, s: s}
}

// Lost is how many updates a slow reader lost.
func (t *Ticket) Lost() uint64 { return t.lost.Load() }

// Close stops listening. Twice is fine.
func (t *Ticket) Close() {
	t.s.forget(t)
	t.end()
}

func (t *Ticket) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.closed = true
		close(t.ch)
	}
}

// send queues an update, throwing away the oldest when nobody reads.
func (t *Ticket) send(u Update) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return
	}
	if u.Type == Positioned {
		p := Position{u.Position, u.Estimate}
		if p == t.last {
			return
		}
		t.last = p
	}
	for {
		select {
		case t.ch <- u:
			return
		default:
		}
		select {
		case <-t.ch:
			t.lost.Add(1)
		default:
		}
	}
}

// updateOf is what a change means to the work's owner; ok is false for what concerns agents only.
func updateOf(c *Change) (u Update, ok bool) {
	switch c.Type {
	case OfferMade, OfferEnded, Taken, Joined, Requeued, Moved, KeptPlace, Overflowed, Left:
		return Update{Type: c.Type, At: c.At, Agent: c.Agent, Token: c.Token, Deadline: c.Deadline, Queue: c.Queue, Reason: c.Reason}, true
	}
	return Update{}, false
}
