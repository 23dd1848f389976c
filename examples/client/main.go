// Program client shows how a program uses the API: a key instead of a cookie, pages of a list, a change
// that is done once however often it is sent, and rates that are kept. It needs nothing but Go.
//
//	TINGXIN_URL=http://127.0.0.1:8080 TINGXIN_KEY=tx_... go run ./examples/client
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"
)

// tries is how often a request is sent when the server is busy or away.
const tries = 5

// client asks one server with one key.
type client struct {
	base, key string
	http      *http.Client
}

// problem is what the server answers when it refuses (RFC 9457).
type problem struct {
	Status int    `json:"status"`
	Detail string `json:"detail"`
}

func (p *problem) Error() string { return fmt.Sprintf("status %d: %s", p.Status, p.Detail) }

// do sends a request until it is answered. once is the Idempotency-Key of a POST: with it a request whose
// answer was lost on the way can be sent again without doing it twice.
func (c *client) do(ctx context.Context, method, path string, body any, once string, out any) error {
	var raw []byte
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return err
		}
	}
	for try := 1; ; try++ {
		wait, err := c.send(ctx, method, path, raw, once, out)
		if err == nil || wait == 0 || try == tries {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// send sends a request once; wait says after how long it may be sent again, 0 when that is no use.
func (c *client) send(ctx context.Context, method, path string, body []byte, once string, out any) (wait time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.base+"/api/v1"+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	if once != "" {
		req.Header.Set("Idempotency-Key", once)
	}
	if method == http.MethodGet || once != "" {
		wait = time.Second // an answer that was lost or broke off
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return wait, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 16<<20))
	if err != nil {
		return wait, err
	}
	wait = 0
	if resp.StatusCode < 300 {
		if out == nil {
			return 0, nil
		}
		return 0, json.Unmarshal(answer, out)
	}
	p := &problem{Status: resp.StatusCode}
	_ = json.Unmarshal(answer, p) // a proxy in between may answer otherwise
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil {
		wait = time.Duration(seconds) * time.Second
	}
	return wait, p
}

// call is as much of a call as is printed.
type call struct {
	ID        string    `json:"id"`
	StartedAt time.Time `json:"started_at"`
	Direction string    `json:"direction"`
	State     string    `json:"state"`
}

func run(ctx context.Context) error {
	c := &client{base: os.Getenv("TINGXIN_URL"), key: os.Getenv("TINGXIN_KEY"), http: &http.Client{Timeout: 30 * time.Second}}
	if c.base == "" || c.key == "" {
		return fmt.Errorf("set TINGXIN_URL and TINGXIN_KEY (a key with the scopes calls:read and tickets:write)")
	}
	cursor := ""
	for page := 1; page <= 3; page++ {
		var calls struct {
			Items []call `json:"items"`
			Next  string `json:"next"`
		}
		if err := c.do(ctx, http.MethodGet, "/calls?limit=20&cursor="+url.QueryEscape(cursor), nil, "", &calls); err != nil {
			return fmt.Errorf("calls: %w", err)
		}
		for _, one := range calls.Items {
			fmt.Println(one.StartedAt.Local().Format(time.DateTime), one.Direction, one.State, one.ID)
		}
		if cursor = calls.Next; cursor == "" {
			break
		}
	}
	if len(os.Args) < 2 {
		return nil
	}
	var ticket struct {
		ID int64 `json:"id"`
	}
	if err := c.do(ctx, http.MethodPost, "/tickets", map[string]any{"subject": os.Args[1], "type": "question"}, rand.Text(), &ticket); err != nil {
		return fmt.Errorf("ticket: %w", err)
	}
	fmt.Println("ticket", ticket.ID)
	return nil
}

func main() {
	if err := run(context.Background()); err != nil {
		log.Fatal(err)
	}
}
