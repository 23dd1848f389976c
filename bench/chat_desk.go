package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
)

// chatDesk is an agent's page as a program: the API, and the live feed's channel of conversations.
type chatDesk struct {
	at   string
	http *http.Client
	csrf string
	conn net.Conn
	told func(conv, seq int64)

	running sync.WaitGroup
}

// openDesk signs in and follows the feed; told is called for each message of a customer.
func openDesk(ctx context.Context, at, user, password string, told func(conv, seq int64)) (*chatDesk, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	d := &chatDesk{at: at, told: told, http: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	var session struct{ CSRF string }
	if err := d.ask(ctx, http.MethodPost, "/session", map[string]string{"username": user, "password": password}, &session); err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	d.csrf = session.CSRF
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Origin": {at}}
	for _, c := range jar.Cookies(u) {
		header.Add("Cookie", c.Name+"="+c.Value)
	}
	dial := ws.Dialer{Header: ws.HandshakeHeaderHTTP(header), Timeout: 10 * time.Second}
	conn, early, _, err := dial.Dial(ctx, "ws"+strings.TrimPrefix(at, "http")+"/api/v1/realtime")
	if err != nil {
		return nil, fmt.Errorf("live feed: %w", err)
	}
	d.conn = conn
	in := io.Reader(conn)
	if early != nil {
		in = io.MultiReader(io.LimitReader(early, int64(early.Buffered())), conn)
	}
	for _, c := range []string{`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"chats"}}`} {
		if err := wsutil.WriteClientText(conn, []byte(c)); err != nil {
			conn.Close()
			return nil, err
		}
	}
	joined := make(chan struct{})
	d.running.Go(func() { d.follow(in, joined) }) // ends when close closes the connection
	select {
	case <-joined:
		return d, nil
	case <-time.After(10 * time.Second):
	case <-ctx.Done():
	}
	d.close()
	return nil, fmt.Errorf("the feed of conversations was not joined")
}

func (d *chatDesk) close() {
	d.conn.Close()
	d.running.Wait()
}

func (d *chatDesk) follow(in io.Reader, joined chan struct{}) {
	rw := struct {
		io.Reader
		io.Writer
	}{in, d.conn}
	for {
		raw, err := wsutil.ReadServerText(rw)
		if err != nil {
			return
		}
		for line := range bytes.SplitSeq(raw, []byte("\n")) {
			if string(line) == "{}" {
				_ = wsutil.WriteClientText(d.conn, []byte("{}")) // a dead connection shows at the next read
				continue
			}
			var m struct {
				ID   int
				Push struct {
					Pub struct {
						Data struct {
							Type string
							Data struct {
								Conversation, Seq int64
								Direction         string
							}
						}
					}
				}
			}
			if json.Unmarshal(line, &m) != nil {
				continue
			}
			if m.ID == 2 {
				close(joined)
			}
			if e := m.Push.Pub.Data; e.Type == "chat.message" && e.Data.Direction == "in" {
				d.told(e.Data.Conversation, e.Data.Seq)
			}
		}
	}
}

// ask calls the API.
func (d *chatDesk) ask(ctx context.Context, method, path string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, d.at+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", d.csrf)
	res, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %.200s", method, path, res.Status, got)
	}
	if out == nil || len(got) == 0 {
		return nil
	}
	return json.Unmarshal(got, out)
}

// conversations are the ids of all that are open, by their names outside.
func (d *chatDesk) conversations(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for cursor := ""; ; {
		var page struct {
			Items []struct {
				ID  int64
				Key string
			}
			Next string
		}
		if err := d.ask(ctx, http.MethodPost, "/conversations/list", map[string]any{"filter": map[string]any{}, "cursor": cursor, "limit": 200}, &page); err != nil {
			return nil, err
		}
		for _, c := range page.Items {
			out[c.Key] = c.ID
		}
		if cursor = page.Next; cursor == "" {
			return out, nil
		}
	}
}

func (d *chatDesk) reply(ctx context.Context, conv int64, text string) error {
	return d.ask(ctx, http.MethodPost, fmt.Sprintf("/conversations/%d/messages", conv), map[string]string{"text": text}, nil)
}
