package api

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Phones is what a page needs to be a telephone; cmd/pbx satisfies it.
type Phones interface {
	// Ticket is a fresh way in for a user's page.
	Ticket(user string, now time.Time) PhoneTicket
	// Reachable tells whether the user has a telephone registered, here or at another server of the database.
	Reachable(user string) bool
	// Realm is what the digests of desk phones hold for.
	Realm() string
	// Digests are those of a password of a user.
	Digests(user, password string) PhoneDigests
}

// PhoneTicket is the body of POST /session/phone: how a page registers its
// telephone. The token is sent as "Authorization: Bearer" in REGISTER (RFC 8898).
type PhoneTicket struct {
	User       string      `json:"user" doc:"user part of the address of record"`
	Domain     string      `json:"domain" doc:"host part of the address of record"`
	Token      string      `json:"token"`
	ExpiresAt  time.Time   `json:"expires_at" doc:"of the token; ask for a new one before"`
	WSPath     string      `json:"ws_path" doc:"of the WebSocket for SIP, on the pages' own origin"`
	ICEServers []ICEServer `json:"ice_servers" doc:"relays to use; empty where none is needed"`
}

// ICEServer is an RTCIceServer of WebRTC.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username"`
	Credential string   `json:"credential"`
}

// Colleague is a user as others see him or her who want to call.
type Colleague struct {
	ID        string `json:"id"`
	Username  string `json:"username"`
	Name      string `json:"name"`
	Role      Role   `json:"role" enum:"agent,senior,editor,supervisor,quality,analyst,auditor,admin"`
	Reachable bool   `json:"reachable" doc:"has a telephone registered"`
}

// Colleagues is the body of GET /colleagues.
type Colleagues struct {
	Items []Colleague `json:"items"`
}

// ticketsPerMinute is how many tickets one user gets: a page needs one per load, of which there may be several in a row,
// and one per quarter of an hour.
const ticketsPerMinute = 60

// ticketPace counts the tickets of this minute by user.
type ticketPace struct {
	mu     sync.Mutex
	minute int64
	given  map[string]int
}

// take counts a ticket; false when there were enough.
func (p *ticketPace) take(user string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if minute := now.Unix() / 60; minute != p.minute || p.given == nil {
		p.minute, p.given = minute, map[string]int{}
	}
	p.given[user]++
	return p.given[user] <= ticketsPerMinute
}

func (s *Server) phoneRoutes(api huma.API) {
	huma.Register(api, operation("phone-ticket", http.MethodPost, "/session/phone", "session", "What this page needs to be a telephone: a short-lived token and where to register", 404, 429), s.phoneTicket)
	huma.Register(api, operation("colleagues", http.MethodGet, "/colleagues", "session", "Whom one can call inside, and who is reachable"), s.listColleagues)
}

func (s *Server) phoneTicket(ctx context.Context, _ *struct{}) (*bodyOf[PhoneTicket], error) {
	if s.parts.Phones == nil {
		return nil, huma.Error404NotFound("this server has no telephones for pages")
	}
	who, now := callerOf(ctx), s.now()
	if !s.tickets.take(who.User.Username, now) {
		return nil, huma.ErrorWithHeaders(huma.Error429TooManyRequests("too many tickets; try again in a minute"), http.Header{"Retry-After": {"60"}})
	}
	if err := s.auditPhone(ctx, who, now); err != nil { // no row, no way in
		return nil, s.problem(ctx, err)
	}
	ticket := s.parts.Phones.Ticket(who.User.Username, now)
	if ticket.ICEServers == nil {
		ticket.ICEServers = []ICEServer{}
	}
	return &bodyOf[PhoneTicket]{ticket}, nil
}

// auditPhone writes down that a session became a telephone, once: later loads of its pages and fresh tokens are the
// same act, and would bury those on personal data.
func (s *Server) auditPhone(ctx context.Context, who *caller, now time.Time) error {
	return s.db.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update sessions set phone_at = $2 where token_hash = $1 and phone_at is null`, who.hash, now)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return s.audit.add(ctx, tx, who.entry(actPhoneTicket, userSubject(who.User.ID)))
	})
}

func (s *Server) listColleagues(ctx context.Context, _ *struct{}) (*bodyOf[Colleagues], error) {
	me := callerOf(ctx).User.Username
	out := Colleagues{Items: []Colleague{}}
	for _, u := range s.people.all() {
		if u.Disabled || u.Username == me {
			continue
		}
		reachable := s.parts.Phones != nil && s.parts.Phones.Reachable(u.Username)
		out.Items = append(out.Items, Colleague{u.ID, u.Username, u.Name, u.Role, reachable})
	}
	return &bodyOf[Colleagues]{out}, nil
}

const phoneKeySetting = "phone.key"

// PhoneKey is the secret that signs the tokens of telephones, 32 bytes, the same
// for all servers of a database. The first one to ask makes it.
func PhoneKey(ctx context.Context, db *pg.DB) ([]byte, error) {
	fresh := make([]byte, 32)
	_, _ = rand.Read(fresh) // never fails
	if _, err := db.Exec(ctx, `insert into settings (key, value, updated_by) values ($1, $2, $3) on conflict (key) do nothing`, phoneKeySetting, fresh64(fresh), systemActor); err != nil {
		return nil, fmt.Errorf("key of the telephones: %w", err)
	}
	raw, err := pg.Row(ctx, db, pgx.RowTo[[]byte], `select value from settings where key = $1`, phoneKeySetting)
	if err != nil {
		return nil, fmt.Errorf("key of the telephones: %w", err)
	}
	var key []byte
	if err := json.Unmarshal(raw, &key); err != nil || len(key) != 32 {
		return nil, errors.New("key of the telephones: setting " + phoneKeySetting + " is not 32 bytes in base64; delete it and start again")
	}
	return key, nil
}

// fresh64 is a key as JSON keeps it.
func fresh64(key []byte) json.RawMessage {
	b, _ := json.Marshal(key) // bytes: cannot fail
	return b
}
