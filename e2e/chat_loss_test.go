package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tingxin/chat"
	"tingxin/pg/pgtest"
	"tingxin/visitor"
)

// TestNothingSaidIsLost has visitors chat while their sockets are killed between any two
// frames, the server is killed, and the database goes away: what was confirmed is stored
// once and in order, and everybody was shown everything, as "pbx audit messages" finds.
// 20 visitors and 3 s; with TINGXIN_E2E_FULL=1, 200 and 30 s.
func TestNothingSaidIsLost(t *testing.T) {
	n, each, away := 20, 10, 3*time.Second
	if full() {
		n, each, away = 200, 20, 30*time.Second
	}
	cfg := pgtest.Private(t)
	cluster := startCluster(t, cfg)
	s := launch(t, options{Database: cluster.DSN(""), Extra: "webchat: {connects: 1000000, frames: 1000}\nbot: {off: true}\nassist: {off: true}\n"})
	defer s.end(t)
	ctx, leave := context.WithTimeout(t.Context(), 4*time.Minute)
	defer leave()

	crowd := &crowd{t: t, at: s.api}
	crowd.calm.Store(false)
	for i := range n {
		crowd.join(ctx, i)
	}
	desk := &pollingDesk{at: s.api, http: s.http, csrf: s.csrf, last: map[int64]int64{}, shown: map[int64][]chat.RecordLine{}, keys: map[int64]string{}}
	var talking sync.WaitGroup
	talking.Go(func() { crowd.talk(ctx, each) }) // ends when all was said
	reading, stop := context.WithCancel(ctx)     // the desk's
	talking.Go(func() { desk.run(reading) })     // ends with reading

	crowd.confirmed(ctx, n*each/4)
	s.kill()
	s.boot(t)
	crowd.confirmed(ctx, n*each/2)
	if err := cluster.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(away) // the database is away for so long
	cluster = startCluster(t, cfg)
	defer func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	}()
	crowd.confirmed(ctx, n*each)
	crowd.calm.Store(true)
	tabs := crowd.tabs(ctx)
	var said string
	clean := func() bool {
		records := append(crowd.records(), append(tabs.records(), desk.records()...)...)
		path := filepath.Join(s.dir, "records.jsonl")
		if err := os.WriteFile(path, records, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(ctx, filepath.Join(root(t), "bin", "pbx"), "audit", "messages", "--config", s.conf, "--records", path).CombinedOutput()
		said = string(out)
		return err == nil && strings.Contains(said, "open     0 ") && desk.pending() == 0
	}
	for limit := time.Now().Add(30 * time.Second); !clean(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Errorf("30 s after the last word:\n%s", said)
			break
		}
	}
	stop()
	leave()
	talking.Wait()
	crowd.running.Wait()
	tabs.running.Wait()
	var sum visitor.Stats
	for _, v := range crowd.visitors {
		st := v.Stats()
		sum.Connects, sum.Cuts, sum.Refused, sum.Repeated = sum.Connects+st.Connects, sum.Cuts+st.Cuts, sum.Refused+st.Refused, sum.Repeated+st.Repeated
	}
	t.Logf("%d visitors, %d connections, %d of them cut between two frames, %d refusals, %d messages came twice and were shown once\n%s", n, sum.Connects, sum.Cuts, sum.Refused, sum.Repeated, said)
	if sum.Cuts < n {
		t.Errorf("only %d connections were cut", sum.Cuts)
	}
}

// crowd is visitors whose connections break.
type crowd struct {
	t        *testing.T
	at       string
	calm     atomic.Bool // nothing is cut any more
	visitors []*visitor.Visitor
	tab      bool
	running  sync.WaitGroup
}

func (c *crowd) join(ctx context.Context, i int) {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(7, uint64(i)))
	cfg := visitor.Config{Server: c.at, FirstWait: 50 * time.Millisecond, LongestWait: time.Second, Cut: func(visitor.Frame) bool {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(12) == 0 && !c.calm.Load()
	}}
	c.add(ctx, visitor.New(cfg))
}

func (c *crowd) add(ctx context.Context, v *visitor.Visitor) {
	c.visitors = append(c.visitors, v)
	c.running.Go(func() { // ends with ctx
		if err := v.Run(ctx); err != nil {
			c.t.Error(err)
		}
	})
}

// talk has everybody say so many things, at times of their own.
func (c *crowd) talk(ctx context.Context, each int) {
	var all sync.WaitGroup
	for i, v := range c.visitors {
		all.Go(func() {
			rng := rand.New(rand.NewPCG(8, uint64(i)))
			for k := range each {
				v.Say(fmt.Sprintf("%d of visitor %d 第%d句", k, i, k))
				if k%3 == 0 { // some wait for what they said, some write on
					if v.Await(ctx, func() bool { return v.Said()[k].Seq > 0 }) != nil {
						return
					}
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(time.Duration(rng.IntN(300)) * time.Millisecond):
				}
			}
		})
	}
	all.Wait()
}

// confirmed waits until so many messages are.
func (c *crowd) confirmed(ctx context.Context, n int) {
	c.t.Helper()
	have := func() (sum int) {
		for _, v := range c.visitors {
			for _, one := range v.Said() {
				if one.Seq > 0 {
					sum++
				} else if one.Code != "" {
					c.t.Fatalf("%q was refused: %s", one.Text, one.Code)
				}
			}
		}
		return sum
	}
	for have() < n {
		select {
		case <-ctx.Done():
			c.t.Fatalf("%d of %d messages were confirmed", have(), n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// tabs open a second page for everybody, which reads all from the beginning.
func (c *crowd) tabs(ctx context.Context) *crowd {
	out := &crowd{t: c.t, at: c.at, tab: true}
	for _, v := range c.visitors {
		out.add(ctx, visitor.New(visitor.Config{Server: c.at, Token: v.Token()}))
	}
	return out
}

// records are what everybody wrote down, for the audit.
func (c *crowd) records() []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for i, v := range c.visitors {
		r := chat.Record{Conv: v.Conv(), Reader: fmt.Sprintf("visitor %d", i), Shown: []chat.RecordLine{}}
		if c.tab {
			r.Reader = fmt.Sprintf("second tab of visitor %d", i)
		}
		for _, one := range v.Said() {
			if one.Seq > 0 {
				r.Said = append(r.Said, chat.RecordLine{ClientID: one.ClientID, Seq: one.Seq, Text: one.Text})
			}
		}
		for _, m := range v.Shown() {
			r.Shown = append(r.Shown, chat.RecordLine{Seq: m.Seq, Text: m.Text})
		}
		_ = enc.Encode(r) // into memory
	}
	return out.Bytes()
}

// pollingDesk is an agent's page as far as this is about it: it reads each thread behind
// what it has shown, and answers, again and again until an answer is confirmed.
type pollingDesk struct {
	at, csrf string
	http     *http.Client

	mu      sync.Mutex
	last    map[int64]int64             // by conversation: the last message that was shown
	shown   map[int64][]chat.RecordLine // by conversation
	keys    map[int64]string
	said    []chat.Record
	waiting int // messages that want an answer
}

func (d *pollingDesk) ask(ctx context.Context, method, path string, in, out any) error {
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
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s %s", method, path, res.Status, got)
	}
	return json.Unmarshal(got, out)
}

func (d *pollingDesk) pending() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.waiting
}

// run reads and answers until ctx ends; what fails is tried again in the next round.
func (d *pollingDesk) run(ctx context.Context) {
	wants := map[string]answer{}
	for ctx.Err() == nil {
		var page struct{ Items []chat.Conversation }
		if err := d.ask(ctx, http.MethodPost, "/conversations/list", map[string]any{"filter": map[string]any{}, "limit": 200}, &page); err == nil {
			for i := range page.Items {
				d.read(ctx, &page.Items[i], wants)
			}
		}
		for id, w := range wants {
			var m chat.Message
			if d.ask(ctx, http.MethodPost, fmt.Sprintf("/conversations/%d/messages", w.conv), map[string]string{"text": w.text, "client_id": id}, &m) != nil {
				continue
			}
			d.mu.Lock()
			d.said = append(d.said, chat.Record{Conv: w.key, Reader: "desk", Said: []chat.RecordLine{{ClientID: m.ClientID, Seq: m.Seq, Text: w.text}}})
			d.mu.Unlock()
			delete(wants, id)
		}
		d.mu.Lock()
		d.waiting = len(wants)
		d.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

type answer struct {
	conv      int64
	key, text string
}

// read shows what is new in a thread and wants an answer to each fourth message of the customer.
func (d *pollingDesk) read(ctx context.Context, c *chat.Conversation, wants map[string]answer) {
	var page struct{ Items []chat.Message }
	id := int64(c.ID)
	if d.ask(ctx, http.MethodGet, fmt.Sprintf("/conversations/%d/messages?after=%d&limit=200", id, d.last[id]), nil, &page) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.keys[id] = c.Key
	for _, m := range page.Items {
		d.last[id] = int64(m.ID)
		d.shown[id] = append(d.shown[id], chat.RecordLine{Seq: m.Seq, Text: m.Text})
		if m.Direction == chat.In && m.Seq%4 == 0 {
			wants[fmt.Sprintf("re-%d", m.ID)] = answer{id, c.Key, "an answer to " + m.Text}
		}
	}
}

func (d *pollingDesk) records() []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	for _, r := range d.said {
		_ = enc.Encode(r) // into memory
	}
	for id, shown := range d.shown {
		_ = enc.Encode(chat.Record{Conv: d.keys[id], Reader: fmt.Sprintf("desk at %d", id), Agent: true, Shown: shown})
	}
	return out.Bytes()
}
