package web

import (
	"context"
	"io"
	"net/http"
	"time"

	"tingxin/chat"
)

// House is what visitors are offered beside the chat. A part that is nil is not offered.
type House struct {
	Home     Home
	Feedback Feedback
	Tickets  Tickets
	Calls    Calls
	Privacy  Privacy
}

// Home is what a visitor sees before anything is said.
type Home interface {
	// Popular are at most n articles that help often, in "zh" or "en".
	Popular(lang string, n int) []Question
	// Article is the public article of a name and title, empty when there is none.
	Article(key, title string) (url string)
	// Desk tells how the people behind a queue stand; an empty one is the house's default.
	Desk(ctx context.Context, queue string) (Desk, error)
}

// Question is one that people often ask, with the article that answers it.
type Question struct {
	Text string `json:"text"`
	URL  string `json:"url"` // on this server
}

// Desk is how the people behind a queue stand.
type Desk struct {
	Open  bool       `json:"open"`
	Opens *time.Time `json:"opens,omitempty"` // next, when it is closed and known
	WaitS int        `json:"wait_s"`          // of one who came now; -1 unknown, as when nobody is there
}

// Feedback takes what customers think of the service. Without one ratings stay with
// the conversation and complaints in its thread.
type Feedback interface {
	Rate(ctx context.Context, conversation chat.ID, score int, reasons []string, comment string) error
	// Complain opens a case; ref is what the customer may name it by. kind is complaint, idea or bug.
	Complain(ctx context.Context, conversation chat.ID, kind, text string) (ref string, err error)
}

// Letter is a message left while nobody is there.
type Letter struct {
	Name  string
	Email string // one of both is there
	Phone string
	Text  string
	Lang  string
}

// TicketStatus is what a customer is told of a ticket.
type TicketStatus struct {
	Ref     string    `json:"ref"`
	Subject string    `json:"subject"`
	State   string    `json:"state"`
	Updated time.Time `json:"updated_at"`
	Said    []Said    `json:"said"` // what both sides see, in order
}

// Said is a public line of a ticket.
type Said struct {
	From string    `json:"from"` // customer, agent, bot, system
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// Tickets keeps letters and knows how they stand.
type Tickets interface {
	Leave(ctx context.Context, c chat.Conversation, l Letter) (ref string, err error)
	// Status is pg.ErrNotFound when there is no such ticket, or when it is neither of the conversation's
	// signed user nor of somebody with the address check (an e-mail or a phone number).
	Status(ctx context.Context, c chat.Conversation, ref, check string) (TicketStatus, error)
}

// CallTicket lets a page place one call.
type CallTicket struct {
	User      string      `json:"user"`
	Domain    string      `json:"domain"`
	Token     string      `json:"token"`
	Number    string      `json:"number"`
	ExpiresAt time.Time   `json:"expires_at"`
	ICE       []ICEServer `json:"ice_servers"`
}

// ICEServer is one as RTCPeerConnection takes it.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// Calls are calls of visitors, and to them.
type Calls interface {
	// Ticket is a right to one call to a number, for a minute. chat.ErrState when too many visitors speak.
	Ticket(ctx context.Context, c chat.Conversation, number string) (CallTicket, error)
	// CallBack keeps a place in a queue; chat.ErrBad for what is no number.
	CallBack(ctx context.Context, c chat.Conversation, queue, number string) error
	// Phone takes the WebSocket of a page that has a ticket.
	Phone() http.Handler
}

// Privacy keeps what people allowed, and gives or erases what is kept of them. Each act has its audit row.
type Privacy interface {
	// Notice is the one that visitors are told now, nil when there is none.
	Notice(ctx context.Context) (*Notice, error)
	// Said writes a line of the consent ledger. proof is where it can be looked up.
	Said(ctx context.Context, c chat.Conversation, purpose string, given bool, version, proof string) error
	// Export writes a zip archive of what is kept of the visitor.
	Export(ctx context.Context, c chat.Conversation, address string, w io.Writer) error
	// Erase asks for everything of the visitor to go. byHand says that a person looks at it first, since
	// more is known of this customer than this browser can prove to be.
	Erase(ctx context.Context, c chat.Conversation, address string) (byHand bool, err error)
}

// QueueOf is the queue of a site, empty when it has none of its own.
func (s *Server) QueueOf(ctx context.Context, id string) string {
	t, err := s.site(ctx, id)
	if err != nil {
		return ""
	}
	return t.Queue
}

// SetHouse gives what is offered beside the chat; call it before Start.
func (s *Server) SetHouse(h House) { s.house = h }
