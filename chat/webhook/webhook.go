package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"tingxin/chat"
	"tingxin/outbound"
	"tingxin/pg"
)

// Name is the channel's word.
const Name = "webhook"

// PathPrefix is where programs send to: PathPrefix + account.
const PathPrefix = "/in/"

const (
	maxBody   = 1 << 20
	maxAnswer = 64 << 10
	// rate is how many requests an account may send in ten seconds.
	rate = 200
)

// Settings of an account.
type Settings struct {
	// URL is where messages go; without one the account only takes in.
	URL string `json:"url,omitempty"`
	// Private allows addresses of this machine and of private networks, and http.
	Private bool `json:"private,omitempty"`
	// Live: somebody waits at the other end, as in a chat.
	Live bool `json:"live,omitempty"`
}

// CheckSettings says what is wrong with settings of an account.
func CheckSettings(doc json.RawMessage) error {
	_, err := readSettings(doc)
	return err
}

func readSettings(doc json.RawMessage) (Settings, error) {
	var s Settings
	if len(doc) == 0 {
		return s, nil
	}
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("settings of a webhook: %w", err)
	}
	if s.URL != "" {
		if err := guard(s.Private).CheckURL(s.URL); err != nil {
			return s, fmt.Errorf("settings of a webhook: %w", err)
		}
	}
	return s, nil
}

// guard is whom a channel may ask; private allows all addresses.
func guard(private bool) outbound.Guard { return outbound.Guard{Any: private} }

func client(private bool) *http.Client { return guard(private).Client(10*time.Second, 8) }

// Stats counts what a Channel did since it was made.
type Stats struct {
	Taken, Repeated, BadSignature, BadBody, Limited, Sent, Failed uint64
}

// Channel is the webhooks of one server.
type Channel struct {
	chat     *chat.Service
	accounts *chat.Accounts
	now      func() time.Time
	log      *slog.Logger
	open     *http.Client // of public addresses
	private  *http.Client

	taken, repeated, badSignature, badBody, limited, sent, failed atomic.Uint64

	mu    sync.Mutex
	since time.Time      // guarded by mu
	count map[string]int // guarded by mu: requests of accounts since then
}

var _ chat.Channel = (*Channel)(nil)

// New checks and stores.
func New(c *chat.Service, accounts *chat.Accounts, log *slog.Logger) *Channel {
	return &Channel{chat: c, accounts: accounts, now: time.Now, log: log.With("part", "webhook"), open: client(false), private: client(true), count: map[string]int{}}
}

// Close lets go of idle connections.
func (c *Channel) Close() {
	c.open.CloseIdleConnections()
	c.private.CloseIdleConnections()
}

// Stats reads the counters.
func (c *Channel) Stats() Stats {
	return Stats{c.taken.Load(), c.repeated.Load(), c.badSignature.Load(), c.badBody.Load(), c.limited.Load(), c.sent.Load(), c.failed.Load()}
}

// message is what comes in.
type message struct {
	ID   string `json:"id"`
	User struct {
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"user"`
	Thread string `json:"thread"`
	Text   string `json:"text"`
	Event  string `json:"event"`
	Lang   string `json:"lang"`
	Media  []struct {
		URL  string `json:"url"`
		Name string `json:"name"`
	} `json:"media"`
	At int64 `json:"ts"` // Unix seconds
}

var errMessage = errors.New("no message: id, user.id and one of text, media and event are needed")

func readMessage(body []byte) (message, error) {
	var m message
	if len(body) > maxBody || json.Unmarshal(body, &m) != nil || m.ID == "" || m.User.ID == "" || m.Text == "" && m.Event == "" && len(m.Media) == 0 || len(m.Media) > 10 {
		return m, errMessage
	}
	return m, nil
}

// Name implements chat.Channel.
func (c *Channel) Name() string { return Name }

// Limits implements chat.Channel: the other side removes duplicates by Idempotency-Key.
func (c *Channel) Limits(account string) chat.Limits {
	l := chat.Limits{TextBytes: chat.MaxText, Repeatable: true}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if a, err := c.accounts.Find(ctx, Name, account); err == nil {
		set, err := readSettings(a.Settings)
		l.Live = err == nil && set.Live
	}
	return l
}

// Decode implements chat.Channel. Media stay links: their place is named in the text.
func (c *Channel) Decode(_ context.Context, raw chat.Raw) ([]chat.Inbound, error) {
	m, err := readMessage(raw.Body)
	if err != nil {
		return nil, err
	}
	in := chat.Inbound{Channel: Name, Account: raw.Account, ExternalID: m.ID, User: m.User.ID, Thread: m.Thread, Name: m.User.Name, Language: m.Lang, Text: m.Text}
	if m.At > 0 {
		in.At = time.Unix(m.At, 0).UTC()
	}
	for _, file := range m.Media {
		in.Text = strings.TrimSpace(in.Text + "\n" + strings.TrimSpace(file.Name+" "+file.URL))
	}
	if in.Text == "" {
		in.Kind, in.Data = chat.Event, &chat.Data{Event: m.Event}
	}
	return []chat.Inbound{in}, nil
}

// ServeHTTP implements http.Handler for everything under PathPrefix.
func (c *Channel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodPost {
		refuse(w, http.StatusMethodNotAllowed, "only POST")
		return
	}
	id := strings.TrimPrefix(r.URL.Path, PathPrefix)
	a, err := c.accounts.Find(r.Context(), Name, id)
	if errors.Is(err, pg.ErrNotFound) || err == nil && !a.Enabled {
		refuse(w, http.StatusNotFound, "there is no such account")
		return
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	if !c.allowed(id) {
		c.limited.Add(1)
		w.Header().Set("Retry-After", "10")
		refuse(w, http.StatusTooManyRequests, "too many requests")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "a body has at most 1 MiB")
		return
	}
	if err := outbound.Verify(a.Secret, r.Header.Get(outbound.Header), body, c.now()); err != nil {
		c.badSignature.Add(1)
		_ = c.accounts.CountRefused(r.Context(), Name, id) // the counter here has it
		refuse(w, http.StatusUnauthorized, err.Error())
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" || len(key) > 128 {
		refuse(w, http.StatusBadRequest, "the header Idempotency-Key is missing or longer than 128 bytes")
		return
	}
	if _, err := readMessage(body); err != nil {
		c.badBody.Add(1)
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	raw, fresh, err := c.chat.Take(r.Context(), chat.Raw{Channel: Name, Account: id, ExternalID: key, Body: body})
	if errors.Is(err, chat.ErrOther) {
		refuse(w, http.StatusConflict, "another body came with that Idempotency-Key")
		return
	}
	if err != nil {
		c.fail(w, err)
		return
	}
	if fresh {
		c.taken.Add(1)
	} else {
		c.repeated.Add(1)
	}
	// The row is kept; the message itself is made at once here, and by the job when that fails.
	answer := map[string]any{"accepted": raw}
	if err := c.chat.Ingest(r.Context(), raw); err == nil {
		if conv, seq, err := c.chat.MessageOfRaw(r.Context(), raw); err == nil {
			answer = map[string]any{"conversation": conv, "seq": seq}
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(answer) // the sender went away
}

// allowed counts a request of an account.
func (c *Channel) allowed(account string) bool {
	now := c.now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Sub(c.since) > 10*time.Second {
		c.since, c.count = now, map[string]int{}
	}
	c.count[account]++
	return c.count[account] <= rate
}

func (c *Channel) fail(w http.ResponseWriter, err error) {
	if errors.Is(err, chat.ErrBad) {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if !errors.Is(err, pg.ErrUnavailable) {
		c.log.Error("request of a webhook failed", "error", err)
	}
	w.Header().Set("Retry-After", "2")
	refuse(w, http.StatusServiceUnavailable, "try again in a moment")
}

func refuse(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"status": status, "title": http.StatusText(status), "detail": detail}) // the sender went away
}

// event is what goes out.
type event struct {
	ID   string    `json:"id"`
	Type string    `json:"type"`
	At   time.Time `json:"at"`
	Seq  int64     `json:"seq"`
	Data eventData `json:"data"`
}

type eventData struct {
	Conversation string          `json:"conversation"`
	User         string          `json:"user"`
	Thread       string          `json:"thread,omitempty"`
	From         chat.AuthorKind `json:"from"`
	Name         string          `json:"name,omitempty"`
	Text         string          `json:"text"`
	Extra        json.RawMessage `json:"extra,omitempty"`
}

// Send implements chat.Channel.
func (c *Channel) Send(ctx context.Context, m chat.Outgoing) chat.Result {
	res := c.send(ctx, &m)
	if res.Outcome == chat.Delivered {
		c.sent.Add(1)
	} else {
		c.failed.Add(1)
	}
	return res
}

func (c *Channel) send(ctx context.Context, m *chat.Outgoing) chat.Result {
	a, err := c.accounts.Find(ctx, Name, m.Account)
	if errors.Is(err, pg.ErrNotFound) {
		return chat.Result{Outcome: chat.Refused, Reason: "no_account"}
	}
	if err != nil {
		return chat.Result{Outcome: chat.Retry, Reason: "database"}
	}
	set, err := readSettings(a.Settings)
	switch {
	case err != nil:
		return chat.Result{Outcome: chat.Refused, Reason: "settings"}
	case !a.Enabled || set.URL == "":
		return chat.Result{Outcome: chat.Refused, Reason: "no_address"}
	}
	body, err := json.Marshal(event{ID: m.Repeat, Type: "message.created", At: m.At.UTC(), Seq: m.Seq, Data: eventData{Conversation: m.Key, User: m.User, Thread: m.UserThread, From: m.Author.Kind, Name: m.Author.Shown(), Text: m.Text, Extra: m.Data}})
	if err != nil {
		return chat.Result{Outcome: chat.Refused, Reason: "encoding"}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, set.URL, bytes.NewReader(body))
	if err != nil {
		return chat.Result{Outcome: chat.Refused, Reason: "address"}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", m.Repeat)
	req.Header.Set("User-Agent", "Tingxin")
	req.Header.Set(outbound.Header, outbound.Sign(a.Secret, c.now(), body))
	ask := c.open
	if set.Private {
		ask = c.private
	}
	resp, err := ask.Do(req)
	if err != nil {
		return transport(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, maxAnswer)) // so that the connection is used again
	return judge(resp)
}

// transport tells what certainly did not arrive from what may have.
func transport(err error) chat.Result {
	switch {
	case errors.Is(err, outbound.ErrAddress):
		return chat.Result{Outcome: chat.Refused, Reason: "address_not_allowed"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return chat.Result{Outcome: chat.Retry, Reason: "connection_refused"}
	}
	return chat.Result{Outcome: chat.Doubtful, Reason: "no_answer"}
}

// judge reads an answer: 2xx is done, 410 no more, 4xx never, the rest later.
func judge(resp *http.Response) chat.Result {
	reason := "status_" + strconv.Itoa(resp.StatusCode)
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return chat.Result{Outcome: chat.Delivered}
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		res := chat.Result{Outcome: chat.Retry, Reason: reason}
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
			res.After = time.Duration(min(s, 3600)) * time.Second
		}
		return res
	}
	return chat.Result{Outcome: chat.Refused, Reason: reason}
}
