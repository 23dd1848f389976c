package visitor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// Config of a Visitor.
type Config struct {
	// Server is the address of the pages, such as http://127.0.0.1:8080; Site is "default" when empty.
	Server, Site string
	// Lang of the visitor, en when empty.
	Lang string
	// Token makes this another tab of a visitor who is there already.
	Token string
	// FirstWait and LongestWait are between two connections, doubled each time: 1 s and 30 s.
	FirstWait, LongestWait time.Duration
	// Cut is asked before each frame that is written and after each that was read; true breaks the
	// connection off at once, without a word. It is called from one goroutine at a time.
	Cut func(Frame) bool
	// Heard is told each message that is shown, and each answer; it must not block.
	Heard func(Frame)
	// HTTP asks for tokens; a client with a time of 10 s when nil.
	HTTP *http.Client
}

// Frame is what goes over the socket, either way: the fields that a Visitor looks at.
type Frame struct {
	Type     string `json:"type"`
	Token    string `json:"token,omitempty"`
	Conv     string `json:"conv,omitempty"`
	LastSeq  int64  `json:"last_seq,omitempty"`
	Lang     string `json:"lang,omitempty"`
	ClientID string `json:"client_msg_id,omitempty"`
	Text     string `json:"text,omitempty"`
	Seq      int64  `json:"seq,omitempty"`
	From     string `json:"from,omitempty"`
	Kind     string `json:"kind,omitempty"`
	State    string `json:"state,omitempty"`
	Code     string `json:"code,omitempty"`
	Retry    bool   `json:"retry,omitempty"`

	// Sent tells frames of ours from those of the server.
	Sent bool `json:"-"`
}

// Said is a message of the visitor.
type Said struct {
	ClientID string    `json:"client_msg_id"`
	Text     string    `json:"text"`
	Seq      int64     `json:"seq"` // 0 until the server has it
	Conv     string    `json:"conv"`
	At       time.Time `json:"at"`
	Code     string    `json:"code,omitempty"` // why it was refused for good
}

// Shown is a message in the order in which the visitor was shown it.
type Shown struct {
	Conv string `json:"conv"`
	Seq  int64  `json:"seq"`
	From string `json:"from"`
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// Stats counts what happened to the connection.
type Stats struct {
	Connects int // that were welcomed
	Cuts     int // by Config.Cut
	Refused  int // frames that the server refused, to be sent again or not
	Repeated int // messages that came again and were not shown
}

// Visitor is one visitor at one browser. Make it with New.
type Visitor struct {
	cfg  Config
	name string

	mu    sync.Mutex
	token string        // guarded by mu
	conv  string        // guarded by mu
	seq   int64         // guarded by mu: the highest one shown
	said  []*Said       // guarded by mu
	shown []Shown       // guarded by mu
	stats Stats         // guarded by mu
	moved chan struct{} // guarded by mu: closed and replaced when something changed
	alive *line         // guarded by mu: the connection of now, once it was welcomed
	next  int           // guarded by mu
}

// New checks and stores.
func New(cfg Config) *Visitor {
	if cfg.Site == "" {
		cfg.Site = "default"
	}
	if cfg.Lang == "" {
		cfg.Lang = "en"
	}
	if cfg.FirstWait == 0 {
		cfg.FirstWait = time.Second
	}
	if cfg.LongestWait == 0 {
		cfg.LongestWait = 30 * time.Second
	}
	if cfg.HTTP == nil {
		cfg.HTTP = &http.Client{Timeout: 10 * time.Second}
	}
	return &Visitor{cfg: cfg, token: cfg.Token, name: fmt.Sprintf("%08x", rand.Uint32()), moved: make(chan struct{})}
}

// Run keeps the visitor connected until ctx ends. A refusal that waiting does not
// mend (a site that is not there) is returned.
func (v *Visitor) Run(ctx context.Context) error {
	for wait := v.cfg.FirstWait; ; wait = min(2*wait, v.cfg.LongestWait) {
		welcomed, err := v.once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if errors.As(err, new(*RefusedError)) {
			return err
		}
		if welcomed {
			wait = v.cfg.FirstWait
		}
		timer := time.NewTimer(time.Duration((0.75 + rand.Float64()/2) * float64(wait)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// RefusedError is an answer of the server that another try does not change.
type RefusedError struct {
	Status int
	Detail string
}

func (e *RefusedError) Error() string { return fmt.Sprintf("refused with %d: %s", e.Status, e.Detail) }

// Say has a message sent, at once or with the next connection, and gives its id.
func (v *Visitor) Say(text string) (id string) {
	v.mu.Lock()
	v.next++
	one := &Said{ClientID: fmt.Sprintf("%s-%d", v.name, v.next), Text: text, At: time.Now()}
	v.said = append(v.said, one)
	l := v.alive
	v.mu.Unlock()
	if l != nil {
		l.push(v)
	}
	return one.ClientID
}

// Said are the visitor's messages, in order.
func (v *Visitor) Said() []Said {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]Said, len(v.said))
	for i, one := range v.said {
		out[i] = *one
	}
	return out
}

// Shown are the messages that were shown, in that order.
func (v *Visitor) Shown() []Shown {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.shown)
}

// Stats reads the counters.
func (v *Visitor) Stats() Stats {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stats
}

// Token is the visitor's, for another tab; "" before the first connection.
func (v *Visitor) Token() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.token
}

// Conv is the name of the visitor's conversation, "" before the first message.
func (v *Visitor) Conv() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.conv
}

// Await waits until ok holds; it is asked again whenever something was shown or settled.
func (v *Visitor) Await(ctx context.Context, ok func() bool) error {
	for {
		v.mu.Lock()
		moved := v.moved
		v.mu.Unlock()
		if ok() {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Ready tells whether the visitor is connected and welcomed.
func (v *Visitor) Ready() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.alive != nil
}

// movedLocked wakes Await; the caller holds mu.
func (v *Visitor) movedLocked() {
	close(v.moved)
	v.moved = make(chan struct{})
}

// session asks for a token, or renews the one that is there.
func (v *Visitor) session(ctx context.Context) (string, error) {
	v.mu.Lock()
	old := v.token
	v.mu.Unlock()
	if old != "" {
		return old, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.cfg.Server+"/widget/session?site="+url.QueryEscape(v.cfg.Site), strings.NewReader("{}"))
	if err != nil {
		return "", err
	}
	res, err := v.cfg.HTTP.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		if res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 {
			return "", fmt.Errorf("session: %s", res.Status)
		}
		return "", &RefusedError{res.StatusCode, string(bytes.TrimSpace(body))}
	}
	var got struct{ Token string }
	if err := json.Unmarshal(body, &got); err != nil {
		return "", fmt.Errorf("session: %w", err)
	}
	v.mu.Lock()
	v.token = got.Token
	v.mu.Unlock()
	return got.Token, nil
}

// line is one connection.
type line struct {
	conn net.Conn
	cut  func(Frame) bool

	mu      sync.Mutex // one frame at a time; guards flying
	flying  string     // the message whose ack is awaited
	retry   *time.Timer
	severed bool
}

var errCut = errors.New("cut off")

// once is one connection until it ends.
func (v *Visitor) once(ctx context.Context) (welcomed bool, err error) {
	token, err := v.session(ctx)
	if err != nil {
		return false, err
	}
	at := "ws" + strings.TrimPrefix(v.cfg.Server, "http") + "/ws/widget?site=" + url.QueryEscape(v.cfg.Site)
	d := ws.Dialer{Timeout: 10 * time.Second}
	conn, early, _, err := d.Dial(ctx, at)
	if err != nil {
		return false, err
	}
	l := &line{conn: conn, cut: v.cfg.Cut}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer func() {
		stop()
		conn.Close()
		l.mu.Lock()
		if l.retry != nil {
			l.retry.Stop()
		}
		severed := l.severed // Say may be at it still
		l.mu.Unlock()
		v.mu.Lock()
		v.alive = nil
		if severed {
			v.stats.Cuts++
		}
		v.movedLocked()
		v.mu.Unlock()
	}()
	v.mu.Lock()
	hello := Frame{Type: "hello", Token: token, Conv: v.conv, LastSeq: v.seq, Lang: v.cfg.Lang}
	v.mu.Unlock()
	if err := l.write(hello); err != nil {
		return false, err
	}
	in := io.Reader(conn)
	if early != nil {
		in = io.MultiReader(io.LimitReader(early, int64(early.Buffered())), conn)
	}
	from := struct {
		io.Reader
		io.Writer
	}{in, conn}
	for {
		raw, err := wsutil.ReadServerText(from)
		if err != nil {
			return welcomed, err
		}
		var f Frame
		if err := json.Unmarshal(raw, &f); err != nil {
			return welcomed, fmt.Errorf("a frame of the server: %w", err)
		}
		if l.broken(f) { // before it has any effect: it never arrived
			return welcomed, errCut
		}
		if err := v.take(l, &f); err != nil {
			return welcomed, err
		}
		welcomed = welcomed || f.Type == "welcome"
	}
}

// broken asks Cut.
func (l *line) broken(f Frame) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.brokenLocked(f)
}

func (l *line) brokenLocked(f Frame) bool {
	if l.severed {
		return true
	}
	if l.cut == nil || !l.cut(f) {
		return false
	}
	l.severed = true
	if tcp, ok := l.conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // a reset, as a train entering a tunnel looks from there
	}
	l.conn.Close()
	return true
}

func (l *line) write(f Frame) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.writeLocked(f)
}

func (l *line) writeLocked(f Frame) error {
	f.Sent = true
	if l.brokenLocked(f) {
		return errCut
	}
	doc, err := json.Marshal(f)
	if err != nil {
		return err
	}
	if err := l.conn.SetWriteDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	return wsutil.WriteClientText(l.conn, doc)
}

// push sends the oldest message that the server has not got, unless one is on its way:
// were two, a refused one could come behind its follower.
func (l *line) push(v *Visitor) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.flying != "" || l.severed {
		return
	}
	v.mu.Lock()
	var f Frame
	for _, one := range v.said {
		if one.Seq == 0 && one.Code == "" {
			f = Frame{Type: "msg", ClientID: one.ClientID, Text: one.Text}
			break
		}
	}
	v.mu.Unlock()
	if f.ClientID == "" {
		return
	}
	l.flying = f.ClientID
	if l.writeLocked(f) != nil {
		l.conn.Close() // read ends, and the next connection begins anew
	}
}

// landed lets the next message go.
func (l *line) landed(v *Visitor, id string, after time.Duration) {
	l.mu.Lock()
	if l.flying != id {
		l.mu.Unlock()
		return
	}
	if after > 0 {
		// Ends with the connection, which stops it.
		l.retry = time.AfterFunc(after, func() {
			l.mu.Lock()
			l.flying = ""
			l.mu.Unlock()
			l.push(v)
		})
		l.mu.Unlock()
		return
	}
	l.flying = ""
	l.mu.Unlock()
	l.push(v)
}

// retryAfter is how long a frame waits that shall come again.
const retryAfter = 500 * time.Millisecond

// take works off what the server says.
func (v *Visitor) take(l *line, f *Frame) error {
	if v.cfg.Heard != nil && (f.Type == "msg" || f.Type == "ack" || f.Type == "welcome") {
		v.cfg.Heard(*f)
	}
	switch f.Type {
	case "welcome", "state":
		v.mu.Lock()
		if f.Conv != v.conv {
			if v.conv != "" {
				v.seq = 0
			}
			v.conv = f.Conv
		}
		first := f.Type == "welcome" && v.alive == nil
		if first {
			v.alive = l
			v.stats.Connects++
		}
		v.movedLocked()
		v.mu.Unlock()
		if first {
			l.push(v)
		}
	case "msg":
		v.mu.Lock()
		if f.Seq <= v.seq {
			v.stats.Repeated++
			v.mu.Unlock()
			return nil
		}
		v.seq = f.Seq
		v.shown = append(v.shown, Shown{v.conv, f.Seq, f.From, f.Kind, f.Text})
		v.movedLocked()
		v.mu.Unlock()
		if f.ClientID != "" {
			v.settle(f.ClientID, f.Seq)
			l.landed(v, f.ClientID, 0)
		}
	case "ack":
		v.settle(f.ClientID, f.Seq)
		l.landed(v, f.ClientID, 0)
	case "error":
		return v.fault(l, f)
	}
	return nil
}

func (v *Visitor) settle(id string, seq int64) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, one := range v.said {
		if one.ClientID == id && one.Seq == 0 {
			one.Seq, one.Conv = seq, v.conv
			v.movedLocked()
		}
	}
}

func (v *Visitor) fault(l *line, f *Frame) error {
	v.mu.Lock()
	v.stats.Refused++
	if f.Code == "token" || f.Code == "token_expired" {
		v.token = ""
		v.mu.Unlock()
		return errors.New("the token is no good")
	}
	if f.ClientID == "" {
		v.mu.Unlock()
		if f.Code == "unavailable" { // the hello itself
			return errors.New("the server is not ready")
		}
		return nil
	}
	if !f.Retry {
		for _, one := range v.said {
			if one.ClientID == f.ClientID {
				one.Code = f.Code
			}
		}
		v.movedLocked()
	}
	v.mu.Unlock()
	after := time.Duration(0)
	if f.Retry {
		after = retryAfter
	}
	l.landed(v, f.ClientID, after)
	return nil
}
