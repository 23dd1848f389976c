package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge"
	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"tingxin/call"
	"tingxin/event"
)

// listener is a browser's live feed, speaking centrifuge's JSON protocol.
type listener struct {
	t       *testing.T
	conn    net.Conn
	in      *bufio.Reader
	id      int
	waiting []message
}

// readWriter reads what the handshake left in its buffer first.
type readWriter struct {
	io.Reader
	io.Writer
}

// message is a reply or a push.
type message struct {
	ID    int
	Error *struct {
		Code    int
		Message string
	}
	Connect   *struct{ Client string }
	Subscribe *struct {
		Epoch        string
		Offset       uint64
		Recoverable  bool
		Recovered    bool
		Publications []publication
	}
	Push *struct {
		Channel    string
		Pub        *publication
		Disconnect *struct{ Code uint32 }
	}
}

type publication struct {
	Data   event.Event
	Offset uint64
	raw    []byte
}

func (p *publication) UnmarshalJSON(b []byte) error {
	var v struct {
		Data   json.RawMessage
		Offset uint64
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	p.Offset, p.raw = v.Offset, v.Data
	return json.Unmarshal(v.Data, &p.Data)
}

// dial opens the feed with the browser's cookies.
func (b *browser) dial(headers http.Header) (*listener, error) {
	return b.dialAt(base+"/realtime", headers)
}

func (b *browser) dialAt(path string, headers http.Header) (*listener, error) {
	u, err := url.Parse(b.url)
	must(b.t, err)
	if headers == nil {
		headers = http.Header{}
	}
	for _, c := range b.http.Jar.Cookies(u) {
		headers.Add("Cookie", c.Name+"="+c.Value)
	}
	d := ws.Dialer{Header: ws.HandshakeHeaderHTTP(headers), Timeout: 5 * time.Second}
	conn, br, _, err := d.Dial(context.Background(), "ws://"+u.Host+path)
	if err != nil {
		return nil, err
	}
	if br == nil {
		br = bufio.NewReader(conn)
	}
	b.t.Cleanup(func() { conn.Close() })
	return &listener{t: b.t, conn: conn, in: br}, nil
}

// listen opens the feed and connects.
func (b *browser) listen() *listener {
	b.t.Helper()
	l, err := b.dial(nil)
	must(b.t, err)
	if m := l.ask(`"connect":{}`); m.Connect == nil {
		b.t.Fatalf("connect: %+v", m)
	}
	return l
}

// ask sends a command and returns its reply; pushes that come before are kept.
func (l *listener) ask(command string) message {
	l.t.Helper()
	return l.await(l.command(command))
}

// command sends one and returns its number.
func (l *listener) command(command string) (id int) {
	l.t.Helper()
	l.id++
	must(l.t, wsutil.WriteClientText(l.conn, fmt.Appendf(nil, `{"id":%d,%s}`, l.id, command)))
	return l.id
}

// await is the reply to a command.
func (l *listener) await(id int) message {
	l.t.Helper()
	var kept []message
	defer func() { l.waiting = append(kept, l.waiting...) }()
	for {
		m := l.next()
		if m.ID == id {
			return m
		}
		kept = append(kept, m)
	}
}

// next is the next message; pings are answered.
func (l *listener) next() message {
	l.t.Helper()
	for len(l.waiting) == 0 {
		must(l.t, l.conn.SetReadDeadline(time.Now().Add(30*time.Second)))
		raw, err := wsutil.ReadServerText(readWriter{l.in, l.conn})
		if err != nil {
			l.t.Fatalf("feed: %v", err)
		}
		for line := range strings.SplitSeq(string(raw), "\n") {
			if line == "{}" {
				must(l.t, wsutil.WriteClientText(l.conn, []byte("{}")))
				continue
			}
			var m message
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				l.t.Fatalf("%v in %s", err, line)
			}
			l.waiting = append(l.waiting, m)
		}
	}
	m := l.waiting[0]
	l.waiting = l.waiting[1:]
	return m
}

// wall is the next of a wallboard's figures.
func (l *listener) wall(w *Wall) {
	l.t.Helper()
	for {
		m := l.next()
		if m.Push != nil && m.Push.Pub != nil && strings.HasPrefix(m.Push.Channel, "wall:") {
			*w = Wall{}
			must(l.t, json.Unmarshal(m.Push.Pub.raw, w))
			return
		}
	}
}

// closed reads on and is the code with which the server closed the feed, 0 when it sent something else.
func (l *listener) closed() uint16 {
	l.t.Helper()
	must(l.t, l.conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	_, err := wsutil.ReadServerText(readWriter{l.in, l.conn})
	var closing wsutil.ClosedError
	if errors.As(err, &closing) {
		return uint16(closing.Code)
	}
	if err != nil {
		l.t.Fatalf("feed: %v", err)
	}
	return 0
}

// event is the next event of a channel.
func (l *listener) event(channel string) publication {
	l.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; { // other things, such as the load, come for ever
		m := l.next()
		if m.Push != nil && m.Push.Channel == channel && m.Push.Pub != nil {
			return *m.Push.Pub
		}
	}
	l.t.Fatalf("nothing on %s for a minute", channel)
	return publication{}
}

func TestFeedTellsWhatHappens(t *testing.T) {
	t.Parallel()
	h := open(t)
	l := h.as(RoleAgent).listen()
	id := newCallID(t)
	for _, channel := range []string{callsChannel, callChannel + id} {
		if m := l.ask(`"subscribe":{"channel":"` + channel + `"}`); m.Subscribe == nil || !m.Subscribe.Recoverable {
			t.Fatalf("subscribe to %s: %+v", channel, m)
		}
	}
	u := call.Utterance{CallID: id, Side: call.SideCaller, Seq: 1, Text: "hello"}
	sent := h.bus.Publish("transcript.final", id, u.Item())
	got := l.event(callChannel + id).Data
	if got.Type != "transcript.final" || got.Seq != sent.Seq || got.Call != id || !got.At.Equal(sent.At) {
		t.Errorf("got %+v", got)
	}
	if data, ok := got.Data.(map[string]any); !ok || data["text"] != "hello" || data["start_ms"] != 0.0 {
		t.Errorf("data: %+v", got.Data)
	}
	// Coming and going reaches the lists and the call, in this order.
	h.bus.Publish("call.ended", id, call.Summary{ID: id})
	for got = l.event(callsChannel).Data; got.Type == "system.load"; got = l.event(callsChannel).Data {
	}
	if got.Type != "call.ended" {
		t.Errorf("lists' channel: %+v", got)
	}
	if got := l.event(callChannel + id).Data; got.Type != "call.ended" {
		t.Errorf("call's channel: %+v", got)
	}
	if got := l.event(callsChannel).Data; got.Type != "system.load" {
		t.Errorf("no load: %+v", got)
	}
}

// A connection breaks, things happen, the browser comes back and misses nothing.
func TestFeedCatchesUp(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	l := b.listen()
	channel := callChannel + newCallID(t)
	id := strings.TrimPrefix(channel, callChannel)
	first := l.ask(`"subscribe":{"channel":"` + channel + `"}`).Subscribe
	h.bus.Publish("transcript.final", id, "before")
	seen := l.event(channel)
	l.conn.Close() // without a word, as a train entering a tunnel
	for i := range 3 {
		h.bus.Publish("transcript.final", id, fmt.Sprint("while away ", i))
	}
	l = b.listen()
	resume := func(epoch string, offset uint64) message {
		return l.ask(fmt.Sprintf(`"subscribe":{"channel":%q,"recover":true,"epoch":%q,"offset":%d}`, channel, epoch, offset))
	}
	// The feed publishes in its own time: wait until the last one is in the history.
	waitFor(t, func() bool { return h.feed.published.Load() >= 4 })
	back := resume(first.Epoch, seen.Offset).Subscribe
	if back == nil || !back.Recovered || len(back.Publications) != 3 {
		t.Fatalf("back: %+v", back)
	}
	for i, p := range back.Publications {
		if p.Data.Data != fmt.Sprint("while away ", i) {
			t.Errorf("caught up %d: %+v", i, p.Data)
		}
	}
	h.bus.Publish("transcript.final", id, "after")
	if got := l.event(channel).Data; got.Data != "after" {
		t.Errorf("after: %+v", got)
	}

	// Away for longer than the history: the browser hears that it must load anew.
	l.conn.Close()
	published := h.feed.published.Load()
	for range historySize + 50 {
		h.bus.Publish("transcript.final", id, "much")
	}
	waitFor(t, func() bool { return h.feed.published.Load() >= published+historySize+50 })
	l = b.listen()
	if m := resume(first.Epoch, seen.Offset).Subscribe; m == nil || m.Recovered {
		t.Errorf("after too much: %+v", m)
	}
	if h.feed.lost.Load() != 0 {
		t.Errorf("the feed lost %d events", h.feed.lost.Load())
	}
}

// waitFor polls what another goroutine does.
func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not within ten seconds")
		}
	}
}

func TestFeedIsGuarded(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	if _, err := h.browser().dial(nil); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("without session: %v", err)
	}
	if _, err := b.dial(http.Header{"Origin": {"https://evil.example"}}); err == nil || !strings.Contains(err.Error(), "403") {
		t.Errorf("foreign page: %v", err)
	}
	if _, err := b.dial(http.Header{"Origin": {h.url}}); err != nil {
		t.Errorf("own page: %v", err)
	}
	l := b.listen()
	for _, channel := range []string{"secret", "call:", "call:x", "call:" + newCallID(t) + "x", "$calls"} {
		if m := l.ask(fmt.Sprintf(`"subscribe":{"channel":%q}`, channel)); m.Error == nil {
			t.Errorf("%s: %+v", channel, m)
		}
	}
	if m := l.ask(`"subscribe":{"channel":"calls"}`); m.Subscribe == nil {
		t.Fatalf("calls: %+v", m)
	}
	for _, command := range []string{`"publish":{"channel":"calls","data":{}}`, `"history":{"channel":"calls","limit":10}`, `"presence":{"channel":"calls"}`, `"rpc":{"method":"x"}`} {
		if m := l.ask(command); m.Error == nil {
			t.Errorf("%s: %+v", command, m)
		}
	}
}

func TestFeedEndsWithTheSession(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	l := b.listen()
	waitFor(t, func() bool { return h.feed.clients.Load() == 1 })
	if a := b.do(http.MethodDelete, base+"/session", nil); a.status != http.StatusNoContent {
		t.Fatal(a)
	}
	must(t, l.conn.SetReadDeadline(time.Now().Add(30*time.Second)))
	for {
		frame, err := ws.ReadFrame(l.in)
		if err != nil {
			t.Fatalf("no close frame: %v", err)
		}
		if frame.Header.OpCode == ws.OpClose {
			code, _ := ws.ParseCloseFrameData(frame.Payload)
			if code != ws.StatusCode(centrifuge.DisconnectExpired.Code) {
				t.Errorf("closed with %d", code)
			}
			l.conn.Close()
			waitFor(t, func() bool { return h.feed.clients.Load() == 0 })
			return
		}
	}
}

// A browser that stopped reading is cut off; what waits for it stays small.
func TestSlowFeedIsCutOff(t *testing.T) {
	t.Parallel()
	h := open(t)
	l := h.as(RoleAgent).listen()
	id := newCallID(t)
	l.ask(`"subscribe":{"channel":"` + callChannel + id + `"}`)
	waitFor(t, func() bool { return h.feed.clients.Load() == 1 })
	long := strings.Repeat("words ", 10_000)
	for range 1000 { // 60 MB: more than the sockets' buffers and the queue hold
		if h.feed.clients.Load() == 0 {
			return
		}
		before := h.feed.published.Load()
		h.bus.Publish("transcript.final", id, long)
		waitFor(t, func() bool { return h.feed.published.Load() > before })
	}
	waitFor(t, func() bool { return h.feed.clients.Load() == 0 })
}

func TestFeedsAreBounded(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *Config, _ *Parts) { c.MaxConnections = 1 })
	b := h.as(RoleAgent)
	b.listen()
	waitFor(t, func() bool { return h.feed.clients.Load() == 1 })
	if _, err := b.dial(nil); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("one more: %v", err)
	}
}

// From publishing on the bus to the browser's socket: a few milliseconds.
func TestFeedIsFast(t *testing.T) {
	t.Parallel()
	h := open(t)
	l := h.as(RoleAgent).listen()
	id := newCallID(t)
	l.ask(`"subscribe":{"channel":"` + callChannel + id + `"}`)
	var took []time.Duration
	for range 50 {
		start := time.Now()
		// A final: what is not kept may be dropped just behind the reply to a subscription.
		h.bus.Publish("transcript.final", id, call.TranscriptItem{Text: "how are you"})
		l.event(callChannel + id)
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	t.Logf("bus to browser: p50 %v, p90 %v", took[25], took[45])
	if took[25] > 100*time.Millisecond {
		t.Errorf("p50 is %v", took[25])
	}
}
