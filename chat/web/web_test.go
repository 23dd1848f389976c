package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/chat"
	"tingxin/chat/chattest"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// house is a running web chat.
type house struct {
	*chattest.House
	t        *testing.T
	web      *Server
	accounts *chat.Accounts
	http     *httptest.Server
}

func open(t *testing.T, hook chat.Hook) *house {
	t.Helper()
	return openWith(t, pgtest.NewWith(t, pg.Config{MaxConns: 24}), hook)
}

func openWith(t *testing.T, db *pg.DB, hook chat.Hook) *house {
	t.Helper()
	h := &house{t: t}
	vault, err := chat.OpenVault(strings.Repeat("ab", 32), "")
	must(t, err)
	h.accounts = chat.NewAccounts(db, vault)
	h.House = chattest.Open(t, db, func(s *chat.Service) {
		h.web = New(Config{Frames: 1000, Connects: 100000}, s, h.accounts, func(context.Context, int64) string { return "Li" }, slog.New(slog.DiscardHandler))
		s.AddChannel(h.web)
		if hook == nil {
			hook = func(context.Context, chat.Conversation, chat.Message) error { return nil }
		}
		s.OnInbound(hook)
	})
	h.web.Start()
	h.http = httptest.NewServer(h.web)
	t.Cleanup(func() { h.http.Close(); h.web.Close() })
	return h
}

// site puts settings into the account.
func (h *house) site(id, secret string, set Settings) {
	h.t.Helper()
	doc, err := json.Marshal(set)
	must(h.t, err)
	must(h.t, h.DB.Tx(h.t.Context(), func(tx pgx.Tx) error {
		return h.accounts.Put(h.t.Context(), tx, chat.Account{Channel: Name, ID: id, Settings: doc, Enabled: true}, &secret)
	}))
	h.accounts.Changed()
}

// call is one request; headers go by twos.
func (h *house) call(method, path string, body any, headers ...string) (int, []byte) {
	h.t.Helper()
	var r io.Reader
	switch b := body.(type) {
	case nil:
	case []byte:
		r = bytes.NewReader(b)
	default:
		raw, err := json.Marshal(body)
		must(h.t, err)
		r = bytes.NewReader(raw)
	}
	req, err := http.NewRequest(method, h.http.URL+path, r)
	must(h.t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	must(h.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(h.t, err)
	return resp.StatusCode, raw
}

// token is a new visitor's.
func (h *house) token(site string, ask sessionAsk) string {
	h.t.Helper()
	status, raw := h.call("POST", "/widget/session?site="+site, ask)
	var got struct{ Token string }
	if status != 200 || json.Unmarshal(raw, &got) != nil {
		h.t.Fatalf("session: %d %s", status, raw)
	}
	return got.Token
}

// tab is a scripted visitor at a WebSocket.
type tab struct {
	h     *house
	token string
	conn  net.Conn

	conv    string
	last    int64
	got     []reply  // messages, as a page would show them
	pending []frame  // not acknowledged
	other   []reply  // everything else
	frames  int      // sent and received
	cutAt   int      // the connection is cut after so many frames; 0 never
	wrong   []string // what must not be
}

var errCut = errors.New("cut")

func (h *house) tab(token string) *tab { return &tab{h: h, token: token} }

func (b *tab) connect() error {
	conn, _, _, err := ws.Dial(b.h.t.Context(), "ws"+strings.TrimPrefix(b.h.http.URL, "http")+SocketPath+"?site=default")
	if err != nil {
		return err
	}
	b.conn = conn
	if err := b.write(frame{Type: "hello", Token: b.token, Conv: b.conv, LastSeq: b.last, Lang: "zh-CN"}); err != nil {
		return err
	}
	for _, f := range b.pending { // what was not acknowledged is sent again
		if err := b.write(f); err != nil {
			return err
		}
	}
	return nil
}

func (b *tab) count() error {
	if b.frames++; b.cutAt > 0 && b.frames == b.cutAt {
		b.conn.Close()
		return errCut
	}
	return nil
}

func (b *tab) write(f frame) error {
	raw, err := json.Marshal(f)
	must(b.h.t, err)
	if err := wsutil.WriteClientText(b.conn, raw); err != nil {
		return err
	}
	return b.count()
}

func (b *tab) send(f frame) error {
	b.pending = append(b.pending, f)
	return b.write(f)
}

// read takes one frame from the server.
func (b *tab) read() (reply, error) {
	_ = b.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	raw, err := wsutil.ReadServerText(b.conn)
	if err != nil {
		return reply{}, err
	}
	var r reply
	must(b.h.t, json.Unmarshal(raw, &r))
	switch r.Type {
	case "welcome", "state":
		if r.Conv != b.conv {
			b.conv, b.last, b.got = r.Conv, 0, nil
		}
		b.other = append(b.other, r)
	case "ack":
		b.pending = slices.DeleteFunc(b.pending, func(f frame) bool { return f.ClientID == r.ClientID })
	case "msg":
		if r.Seq <= b.last {
			b.wrong = append(b.wrong, fmt.Sprintf("seq %d after %d", r.Seq, b.last))
		}
		b.last = max(b.last, r.Seq)
		b.got = append(b.got, r)
	default:
		b.other = append(b.other, r)
	}
	return r, b.count()
}

// until reads until f says so.
func (b *tab) until(what string, f func() bool) {
	b.h.t.Helper()
	for !f() {
		if _, err := b.read(); err != nil {
			b.h.t.Fatalf("%s: %v; got %v", what, err, b.texts())
		}
	}
}

func (b *tab) texts() []string {
	out := []string{}
	for _, m := range b.got {
		if m.Kind == chat.Text {
			out = append(out, m.From+": "+m.Text)
		}
	}
	return out
}

func (b *tab) saw(typ string) *reply {
	for i := range b.other {
		if b.other[i].Type == typ {
			return &b.other[i]
		}
	}
	return nil
}

// echo is a bot that repeats.
func echo(h **house) chat.Hook {
	return func(ctx context.Context, c chat.Conversation, m chat.Message) error {
		if m.Kind != chat.Text || c.Handler != chat.ByBot {
			return nil
		}
		_, err := (*h).Send(ctx, chat.Draft{Conversation: c.ID, Author: chat.Author{Kind: chat.Bot}, Text: "re " + m.Text, ClientID: fmt.Sprint("re", m.ID)})
		return err
	}
}

func TestChannelSuite(t *testing.T) {
	db := pgtest.NewWith(t, pg.Config{MaxConns: 20})
	chattest.Run(t, db, func(t *testing.T, s *chat.Service, db *pg.DB) (chat.Channel, chattest.Peer) {
		vault, err := chat.OpenVault(strings.Repeat("ab", 32), "")
		must(t, err)
		w := New(Config{}, s, chat.NewAccounts(db, vault), nil, slog.New(slog.DiscardHandler))
		return w, &suitePeer{t, s}
	})
}

// suitePeer reads what its visitor may see.
type suitePeer struct {
	t *testing.T
	s *chat.Service
}

func (p *suitePeer) Account() string { return DefaultSite }
func (p *suitePeer) Break(int)       {} // rows do not break

func (p *suitePeer) Body(user, id, text string) []byte {
	raw, err := json.Marshal(envelope{User: user, ID: id, Kind: chat.Text, Text: text, SentAt: time.Unix(1764300000, 0).UTC()})
	must(p.t, err)
	return raw
}

func (p *suitePeer) Got(user string) []string {
	out := []string{}
	c, err := p.s.Current(context.Background(), chat.Person{Channel: Name, Account: DefaultSite, User: user})
	if err != nil {
		return out
	}
	all, err := p.s.Visible(context.Background(), c.ID, 0, 100)
	must(p.t, err)
	for _, m := range all {
		if m.Direction == chat.Out && m.Kind == chat.Text {
			out = append(out, m.Text)
		}
	}
	return out
}

// TestSocketCutBetweenAnyTwoFrames cuts the connection after each frame in turn.
func TestSocketCutBetweenAnyTwoFrames(t *testing.T) {
	var h *house
	h = open(t, echo(&h))
	const n = 4
	want := []string{}
	for i := range n {
		want = append(want, fmt.Sprint("customer: m", i), fmt.Sprint("bot: re m", i))
	}
	for cut := 1; cut < 24; cut++ {
		b := h.tab(h.token(DefaultSite, sessionAsk{}))
		b.cutAt = cut
		err := b.connect()
		i := 0
		for tries := 0; len(b.texts()) < 2*n || len(b.pending) > 0; {
			if err != nil {
				if tries++; tries > 3 {
					t.Fatalf("cut %d: %v", cut, err)
				}
				b.conn.Close()
				err = b.connect()
				continue
			}
			if i < n && len(b.got) >= 2*i && len(b.pending) == 0 { // the next one, once the last was answered
				i++
				err = b.send(frame{Type: "msg", ClientID: fmt.Sprint("c", i-1), Text: fmt.Sprint("m", i-1)})
				continue
			}
			_, err = b.read()
		}
		b.conn.Close()
		if got := b.texts(); !slices.Equal(got, want) || len(b.wrong) > 0 {
			t.Errorf("cut after frame %d: %v %v", cut, got, b.wrong)
		}
	}
	report, err := h.Audit(t.Context())
	must(t, err)
	if len(report.Faults) > 0 || report.Raw != report.Stored || report.Stored != report.Shown || report.Raw != 23*n {
		t.Errorf("%+v", report)
	}
}

// TestBurstOverACutSocket sends many at once and loses the connection in the middle.
func TestBurstOverACutSocket(t *testing.T) {
	h := open(t, nil)
	b := h.tab(h.token(DefaultSite, sessionAsk{}))
	b.cutAt = 27
	err := b.connect()
	want := []string{}
	for i := range 40 {
		text := fmt.Sprint("burst ", i)
		want = append(want, "customer: "+text)
		if e := b.send(frame{Type: "msg", ClientID: text, Text: text}); e != nil {
			err = e
		}
	}
	if err == nil {
		t.Fatal("nothing was cut")
	}
	must(t, b.connect())
	b.until("all are acknowledged and shown", func() bool { return len(b.pending) == 0 && len(b.texts()) >= 40 })
	if got := b.texts(); !slices.Equal(got, want) || len(b.wrong) > 0 {
		t.Errorf("%v %v", got, b.wrong)
	}
	b.conn.Close()
}

func TestTwoTabsAgree(t *testing.T) {
	var h *house
	h = open(t, echo(&h))
	token := h.token(DefaultSite, sessionAsk{})
	one, two := h.tab(token), h.tab(token)
	must(t, one.connect())
	must(t, two.connect())
	one.until("welcome", func() bool { return one.saw("welcome") != nil })
	two.until("welcome", func() bool { return two.saw("welcome") != nil })
	must(t, one.send(frame{Type: "msg", ClientID: "a", Text: "from one"}))
	one.until("echo", func() bool { return len(one.texts()) == 2 })
	two.until("the other tab's words", func() bool { return len(two.texts()) == 2 })
	must(t, two.send(frame{Type: "msg", ClientID: "b", Text: "from two"}))
	two.until("echo", func() bool { return len(two.texts()) == 4 })
	one.until("echo", func() bool { return len(one.texts()) == 4 })
	if !reflect.DeepEqual(one.texts(), two.texts()) {
		t.Errorf("%v\n%v", one.texts(), two.texts())
	}
	one.conn.Close()
	two.conn.Close()
}

func TestAnotherServerResumes(t *testing.T) {
	db := pgtest.NewWith(t, pg.Config{MaxConns: 40})
	var h, other *house
	h = openWith(t, db, echo(&h))
	other = openWith(t, db, echo(&other))
	token := h.token(DefaultSite, sessionAsk{})
	b := h.tab(token)
	must(t, b.connect())
	must(t, b.send(frame{Type: "msg", ClientID: "a", Text: "first"}))
	b.until("echo", func() bool { return len(b.texts()) == 2 })
	b.conn.Close()
	b.h = other
	must(t, b.connect())
	must(t, b.send(frame{Type: "msg", ClientID: "b", Text: "second"}))
	b.until("echo", func() bool { return len(b.texts()) == 4 })
	b.conn.Close()
	if want := []string{"customer: first", "bot: re first", "customer: second", "bot: re second"}; !slices.Equal(b.texts(), want) {
		t.Error(b.texts())
	}
}

func TestLongPollIsTheSame(t *testing.T) {
	var h *house
	h = open(t, echo(&h))
	token := h.token(DefaultSite, sessionAsk{})
	auth := []string{"Authorization", "Bearer " + token}
	send := func(f frame) []reply {
		raw, err := json.Marshal(f)
		must(t, err)
		status, body := h.call("POST", "/widget/send", sendBody{Frames: []json.RawMessage{raw}}, auth...)
		var out frames
		if status != 200 || json.Unmarshal(body, &out) != nil {
			t.Fatalf("%d %s", status, body)
		}
		return out.Frames
	}
	for range 2 {
		if r := send(frame{Type: "msg", ClientID: "x", Text: "by poll"}); len(r) != 1 || r[0].Type != "ack" || r[0].Seq != 1 {
			t.Fatalf("%+v", r)
		}
	}
	var got []string
	var conv string
	var after int64
	for len(got) < 2 {
		status, body := h.call("GET", fmt.Sprintf("/widget/poll?conv=%s&after=%d", conv, after), nil, auth...)
		var out frames
		if status != 200 || json.Unmarshal(body, &out) != nil || out.Frames[0].Type != "welcome" {
			t.Fatalf("%d %s", status, body)
		}
		conv = out.Frames[0].Conv
		for _, r := range out.Frames[1:] {
			if r.Type == "msg" {
				got = append(got, r.From+": "+r.Text)
				after = r.Seq
			}
		}
	}
	if !slices.Equal(got, []string{"customer: by poll", "bot: re by poll"}) {
		t.Error(got)
	}
}

// TestWhatChangesBetweenPollsIsTold: who polls hears at once that somebody else has the
// conversation now, although no message came with it.
func TestWhatChangesBetweenPollsIsTold(t *testing.T) {
	h := open(t, nil)
	token := h.token(DefaultSite, sessionAsk{})
	auth := []string{"Authorization", "Bearer " + token}
	raw, err := json.Marshal(frame{Type: "msg", ClientID: "x", Text: "hello"})
	must(t, err)
	if status, body := h.call("POST", "/widget/send", sendBody{Frames: []json.RawMessage{raw}}, auth...); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	var conv, known string
	var after int64
	poll := func(more string) frames {
		status, body := h.call("GET", fmt.Sprintf("/widget/poll?conv=%s&after=%d&stand=%s%s", conv, after, known, more), nil, auth...)
		var out frames
		if status != 200 || json.Unmarshal(body, &out) != nil {
			t.Fatalf("%d %s", status, body)
		}
		conv, known = out.Frames[0].Conv, out.Stand
		for _, r := range out.Frames {
			after = max(after, r.Seq)
		}
		return out
	}
	poll("&wait=0")
	poll("&wait=0")
	if _, err := h.DB.Exec(t.Context(), `update conversations set handler = 'queue' where key = $1`, conv); err != nil {
		t.Fatal(err)
	}
	asked := time.Now()
	if out := poll(""); out.Frames[0].Handler != "queue" || time.Since(asked) > pollTime/2 {
		t.Errorf("after %v: %+v", time.Since(asked), out.Frames[0])
	}
	if _, err := h.DB.Exec(t.Context(), `delete from conversations where key = $1`, conv); err != nil {
		t.Fatal(err)
	}
	if out := poll(""); out.Frames[0].State != "none" {
		t.Errorf("erased: %+v", out.Frames[0])
	}
}

func TestNoticeComesBeforeTheFirstMessage(t *testing.T) {
	h := open(t, nil)
	h.site(DefaultSite, "", Settings{Notice: &Notice{Version: "2", Text: map[string]string{"en": "We keep it"}, Purposes: []string{"service", "analytics"}}})
	b := h.tab(h.token(DefaultSite, sessionAsk{}))
	must(t, b.connect())
	must(t, b.write(frame{Type: "msg", ClientID: "a", Text: "hello"}))
	b.until("refusal", func() bool { return b.saw("error") != nil })
	if e := b.saw("error"); e.Code != "consent_required" || e.ClientID != "a" {
		t.Errorf("%+v", e)
	}
	must(t, b.write(frame{Type: "consent", Purpose: "service", State: true, Version: "1"}))
	must(t, b.write(frame{Type: "consent", Purpose: "service", State: true, Version: "2"}))
	must(t, b.send(frame{Type: "msg", ClientID: "b", Text: "hello"}))
	b.until("it is taken", func() bool { return len(b.pending) == 0 })
	must(t, b.write(frame{Type: "consent", Purpose: "service", State: false, Version: "2"})) // withdrawn
	b.other = nil
	must(t, b.write(frame{Type: "msg", ClientID: "c", Text: "more"}))
	b.until("refusal", func() bool { return b.saw("error") != nil })
	b.conn.Close()
}

func TestRatingOnceAfterTheClose(t *testing.T) {
	var h *house
	h = open(t, echo(&h))
	b := h.tab(h.token(DefaultSite, sessionAsk{}))
	must(t, b.connect())
	must(t, b.send(frame{Type: "msg", ClientID: "a", Text: "hi"}))
	b.until("echo", func() bool { return len(b.texts()) == 2 })
	c, err := h.ByKey(t.Context(), b.conv)
	must(t, err)
	must(t, h.CloseConversation(t.Context(), c.ID, chat.Actor{Kind: chat.Bot}))
	b.until("question", func() bool { return b.saw("ask_rating") != nil })
	for range 2 {
		must(t, b.write(frame{Type: "rate", Score: 2, Chips: []string{"slow"}, Comment: "太慢"}))
	}
	b.until("rating", func() bool {
		return slices.ContainsFunc(b.other, func(r reply) bool { return r.Type == "state" && r.Rated })
	})
	b.conn.Close()
	c, err = h.Conversation(t.Context(), c.ID)
	must(t, err)
	if c.State != chat.Closed || c.Rating == nil || *c.Rating != 2 {
		t.Errorf("a rating opens nothing: %+v", c)
	}
	all, err := h.Thread(t.Context(), c.ID, 0, 0, 50)
	must(t, err)
	n := 0
	for _, m := range all {
		if m.Kind == chat.Rating {
			n++
			if m.Text != "太慢" {
				t.Errorf("%+v", m)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d ratings", n)
	}
}

func TestButtonsAndComplaint(t *testing.T) {
	var h *house
	h = open(t, func(ctx context.Context, c chat.Conversation, m chat.Message) error {
		if m.Kind != chat.Text {
			return nil
		}
		_, err := h.Send(ctx, chat.Draft{Conversation: c.ID, Author: chat.Author{Kind: chat.Bot}, Text: "which?", ClientID: fmt.Sprint("q", m.ID),
			Data: &chat.Data{Choices: []chat.Button{{ID: "1", Label: "运费"}, {ID: "2", Label: "退款"}}}})
		return err
	})
	b := h.tab(h.token(DefaultSite, sessionAsk{}))
	must(t, b.connect())
	must(t, b.send(frame{Type: "msg", ClientID: "a", Text: "hi"}))
	b.until("buttons", func() bool { return len(b.got) == 2 })
	if got := b.got[1]; len(got.Choices) != 2 || got.Choices[1].Label != "退款" {
		t.Fatalf("%+v", got)
	}
	must(t, b.write(frame{Type: "choice", ClientID: "no", To: b.got[1].Seq, Option: "9"}))
	must(t, b.send(frame{Type: "choice", ClientID: "b", To: b.got[1].Seq, Option: "2"}))
	must(t, b.send(frame{Type: "complaint", ClientID: "c", Text: "too slow"}))
	b.until("both", func() bool { return len(b.pending) == 0 && len(b.got) == 4 })
	if e := b.saw("error"); e == nil || e.Code != "bad_message" {
		t.Errorf("a button that is not there: %+v", e)
	}
	if b.got[2].Kind != chat.Choice || b.got[2].Text != "退款" || b.got[3].Kind != chat.Complaint {
		t.Errorf("%+v", b.got)
	}
	b.conn.Close()
}

func TestFilesAreCheckedByContent(t *testing.T) {
	h := open(t, nil)
	token := h.token(DefaultSite, sessionAsk{})
	auth := []string{"Authorization", "Bearer " + token}
	png := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89\x00\x00\x00\rIDATx\x9cc\xf8\xcf\xc0\xf0\x1f\x00\x05\x00\x01\xff\x89\x99=\x1d\x00\x00\x00\x00IEND\xaeB`\x82")
	for name, tc := range map[string]struct {
		body   []byte
		status int
	}{
		"picture.png": {png, 200},
		"page.png":    {[]byte("<html><script>alert(1)</script>"), 415},
		"x.svg":       {[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`), 415},
		"run.exe":     {append([]byte("MZ\x90\x00\x03"), make([]byte, 100)...), 415},
		"empty":       {[]byte{}, 422},
		"long.txt":    {bytes.Repeat([]byte("a"), 10<<20+1), 413},
	} {
		status, body := h.call("POST", "/widget/upload?name="+name, tc.body, auth...)
		if status != tc.status {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	_, body := h.call("POST", "/widget/upload?name=a%22b/..%2Fc.png", png, auth...)
	var f file
	must(t, json.Unmarshal(body, &f))
	if f.Name != "c.png" || f.Type != "image/png" || f.Width != 1 {
		t.Errorf("%+v", f)
	}
	if status, _ := h.call("GET", "/widget/file/"+f.ID+"?token="+token, nil); status != 404 {
		t.Errorf("a file of no message: %d", status)
	}
	raw, err := json.Marshal(frame{Type: "msg", ClientID: "f", Files: []string{f.ID}})
	must(t, err)
	_, body = h.call("POST", "/widget/send", sendBody{Frames: []json.RawMessage{raw}}, auth...)
	if !bytes.Contains(body, []byte(`"ack"`)) {
		t.Fatalf("%s", body)
	}
	resp, err := http.Get(h.http.URL + "/widget/file/" + f.ID + "?token=" + token)
	must(t, err)
	got, err := io.ReadAll(resp.Body)
	must(t, err)
	resp.Body.Close()
	if !bytes.Equal(got, png) || resp.Header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Content-Type") != "image/png" {
		t.Errorf("%d %v", len(got), resp.Header)
	}
	if status, _ := h.call("GET", "/widget/file/"+f.ID+"?token="+h.token(DefaultSite, sessionAsk{}), nil); status != 404 {
		t.Errorf("another visitor reads it: %d", status)
	}
}

func TestProofOfTheHostsUser(t *testing.T) {
	h := open(t, nil)
	h.site("shop", "widget_secret_test", Settings{Origins: []string{"https://shop.example"}})
	// The vector of the protocol.
	if got := hex.EncodeToString(sign([]byte("widget_secret_test"), "u-42")); got != "557fb6e842463134e4f6533b9f62583ff235680048dbac43e1bb6b44a5d7abd4" {
		t.Errorf("proof %s", got)
	}
	token := h.token("shop", sessionAsk{User: "u-42", Proof: "557fb6e842463134e4f6533b9f62583ff235680048dbac43e1bb6b44a5d7abd4"})
	v, err := h.web.verify(token, tokenLife)
	must(t, err)
	if v.external() != "user:u-42" {
		t.Errorf("%+v", v)
	}
	if status, _ := h.call("POST", "/widget/session?site=shop", sessionAsk{User: "u-43", Proof: "557fb6e842463134e4f6533b9f62583ff235680048dbac43e1bb6b44a5d7abd4"}); status != 401 {
		t.Errorf("another user by that proof: %d", status)
	}
	if status, _ := h.call("POST", "/widget/session?site=shop", sessionAsk{}, "Origin", "https://evil.example"); status != 403 {
		t.Errorf("strange origin: %d", status)
	}
	if status, _ := h.call("POST", "/widget/session?site=shop", sessionAsk{}, "Origin", "https://shop.example"); status != 200 {
		t.Errorf("own origin: %d", status)
	}
	if status, _ := h.call("POST", "/widget/session?site=nowhere", sessionAsk{}); status != 404 {
		t.Errorf("no site: %d", status)
	}
}

func TestTokensAreJudged(t *testing.T) {
	h := open(t, nil)
	token := h.token(DefaultSite, sessionAsk{})
	now := time.Now()
	h.web.now = func() time.Time { return now.Add(2 * time.Hour) }
	if _, err := h.web.verify(token, tokenLife); !errors.Is(err, errExpired) {
		t.Errorf("old token: %v", err)
	}
	again := h.token(DefaultSite, sessionAsk{Token: token})
	a, err := h.web.verify(again, tokenLife)
	must(t, err)
	b, err := h.web.verify(token, renewLife)
	must(t, err)
	if a.ID != b.ID {
		t.Error("renewing made another visitor")
	}
	for _, bad := range []string{"", ".", "a.b", token + "x", strings.Replace(token, ".", "x.", 1), strings.Repeat("a", 5000)} {
		if _, err := h.web.verify(bad, tokenLife); !errors.Is(err, errToken) {
			t.Errorf("%.20q: %v", bad, err)
		}
	}
}

func TestTooManyFramesAreRefused(t *testing.T) {
	h := open(t, nil)
	h.web.frames = newLimiter(5, time.Minute)
	b := h.tab(h.token(DefaultSite, sessionAsk{}))
	must(t, b.connect())
	for i := range 8 {
		must(t, b.send(frame{Type: "msg", ClientID: fmt.Sprint(i), Text: "x"}))
	}
	b.until("refusals", func() bool {
		n := 0
		for _, r := range b.other {
			if r.Type == "error" && r.Code == "slow_down" {
				n++
			}
		}
		return n == 3
	})
	if len(b.pending) != 3 {
		t.Errorf("%d not acknowledged", len(b.pending))
	}
	b.conn.Close()
}

func TestIdleSocketsAreCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("opens many sockets")
	}
	h := open(t, nil)
	const n = 300
	tabs := make([]*tab, n)
	var wg sync.WaitGroup
	for i := range tabs {
		tabs[i] = h.tab(h.token(DefaultSite, sessionAsk{}))
		wg.Go(func() {
			if err := tabs[i].connect(); err != nil {
				t.Error(err)
				return
			}
			if _, err := tabs[i].read(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if st := h.web.Stats(); st.Sockets != n {
		t.Errorf("%+v", st)
	}
	for _, b := range tabs {
		b.conn.Close()
	}
}

func TestKeyFileIsMadeOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "chat.key")
	one, err := chat.OpenVault("", file)
	must(t, err)
	two, err := chat.OpenVault("", file)
	must(t, err)
	sealed := one.Seal("secret of a channel")
	if plain, err := two.Unseal(sealed); err != nil || plain != "secret of a channel" {
		t.Errorf("%q %v", plain, err)
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := two.Unseal(sealed); err == nil {
		t.Error("a changed secret is read")
	}
}

func FuzzReadFrame(f *testing.F) {
	for _, s := range []string{`{"type":"hello","token":"x"}`, `{"type":"msg","client_msg_id":"1","text":"hi"}`, `{"type":"choice","message_seq":1,"option":"a","client_msg_id":"2"}`, `{}`, `[]`, `{"type":"rate","score":5,"chips":["a"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := readFrame(b)
		if err == nil && (len(r.Text) > maxFrame || len(r.Files) > 10 || r.Type == "") {
			t.Errorf("%+v", r)
		}
	})
}
