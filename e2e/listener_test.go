package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// happening is one event of the live feed and when it arrived here.
type happening struct {
	Seq  uint64 `json:"seq"`
	Type string `json:"type"`
	Call string `json:"call"`
	Data struct {
		From          string            `json:"from"`
		Transcription map[string]string `json:"transcription"`
		State         string            `json:"state"`
		transcriptItem
	} `json:"data"`
	got time.Time
}

// transcriptItem is an utterance of the API and the payload of transcript.final and transcript.partial.
type transcriptItem struct {
	Side    string `json:"side"`
	Seq     int    `json:"seq"`
	Segment uint64 `json:"segment"`
	StartMS int64  `json:"start_ms"`
	EndMS   int64  `json:"end_ms"`
	Text    string `json:"text"`
	Raw     string `json:"raw"`
	Gap     bool   `json:"gap"`
	Late    bool   `json:"late"`
	Reason  string `json:"reason"`
}

// listener is a browser's live feed: it follows every call that starts while it is open.
type listener struct {
	conn net.Conn
	in   io.ReadWriter
	id   int // of the last command; the reading goroutine's

	joined map[string]bool // calls whose channel was joined; the reading goroutine's
	ready  chan struct{}   // closed when calls are told

	mu     sync.Mutex
	events []happening
	from   map[string]string // call to caller
	ended  error
}

// listen opens the feed; it is closed with the test.
func (s *instance) listen(t testing.TB) *listener {
	t.Helper()
	u, err := url.Parse(s.api)
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Origin": {s.api}}
	for _, c := range s.http.Jar.Cookies(u) {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	d := ws.Dialer{Header: ws.HandshakeHeaderHTTP(header), Timeout: 5 * time.Second}
	conn, br, _, err := d.Dial(context.Background(), "ws://"+u.Host+"/api/v1/realtime")
	if err != nil {
		t.Fatal(err)
	}
	if br == nil {
		br = bufio.NewReader(conn)
	}
	l := &listener{conn: conn, joined: map[string]bool{}, ready: make(chan struct{}), from: map[string]string{}, in: struct {
		io.Reader
		io.Writer
	}{br, conn}}
	l.command(`"connect":{}`)
	l.command(`"subscribe":{"channel":"calls"}`)
	calls := l.id
	done := make(chan struct{})
	go func() { // ends when the connection is closed
		defer close(done)
		l.read(calls)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-done
	})
	// A call that begins before is told from its answer on, or never.
	select {
	case <-l.ready:
	case <-done:
		t.Fatalf("the feed ended: %v", l.ended)
	case <-time.After(10 * time.Second):
		t.Fatal("the feed of calls was not joined within 10 s")
	}
	return l
}

func (l *listener) command(c string) {
	l.id++
	_ = wsutil.WriteClientText(l.conn, fmt.Appendf(nil, `{"id":%d,%s}`, l.id, c)) // a dead connection shows at the next read
}

// read keeps what comes; calls is the number of the command that joined their channel.
func (l *listener) read(calls int) {
	for {
		raw, err := wsutil.ReadServerText(l.in)
		if err != nil {
			l.mu.Lock()
			l.ended = err
			l.mu.Unlock()
			return
		}
		for line := range strings.SplitSeq(string(raw), "\n") {
			if line == "{}" {
				_ = wsutil.WriteClientText(l.conn, []byte("{}"))
				continue
			}
			var m struct {
				ID   int
				Push struct {
					Channel string
					Pub     struct{ Data happening }
				}
			}
			if json.Unmarshal([]byte(line), &m) != nil {
				continue
			}
			if m.ID == calls {
				close(l.ready)
			}
			if m.Push.Pub.Data.Type != "" {
				l.take(m.Push.Channel, m.Push.Pub.Data)
			}
		}
	}
}

// take keeps an event. Coming and going is told in two channels and kept once.
func (l *listener) take(channel string, e happening) {
	e.got = time.Now()
	if channel == "calls" && e.Call != "" && !l.joined[e.Call] { // however it is heard of first
		l.joined[e.Call] = true
		l.command(`"subscribe":{"channel":"call:` + e.Call + `"}`)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if channel == "calls" && e.Data.From != "" {
		l.from[e.Call] = e.Data.From
	}
	if channel == "calls" || !strings.HasPrefix(e.Type, "call.") {
		l.events = append(l.events, e)
	}
}

// of are the events so far of the call from this caller.
func (l *listener) of(from string) []happening {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []happening
	for _, e := range l.events {
		if e.Call != "" && l.from[e.Call] == from {
			out = append(out, e)
		}
	}
	return out
}

// finals are the utterances told so far of one side of a call, gaps included.
func (l *listener) finals(from, side string) []transcriptItem {
	var out []transcriptItem
	for _, e := range l.of(from) {
		if e.Type == "transcript.final" && e.Data.Side == side {
			out = append(out, e.Data.transcriptItem)
		}
	}
	return out
}

// callID is the call from this caller, "" before it has started.
func (l *listener) callID(from string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, f := range l.from {
		if f == from {
			return id
		}
	}
	return ""
}

// await waits until a call's events satisfy the condition.
func (l *listener) await(t testing.TB, from, what string, limit time.Duration, ok func([]happening) bool) {
	t.Helper()
	eventually(t, limit, what+" of "+from, func() bool { return ok(l.of(from)) })
}

// has says whether an event of that type is there.
func has(typ string) func([]happening) bool {
	return func(events []happening) bool {
		for _, e := range events {
			if e.Type == typ {
				return true
			}
		}
		return false
	}
}

// eventually waits until the condition holds.
func eventually(t testing.TB, limit time.Duration, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
