package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/bot"
	"tingxin/bot/sample"
	"tingxin/caller"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

const journeyExtra = `queues: {voice_units: 5}
webchat: {demo_shop: true}
bot: {tool_hosts: ["%s"]}
`

// TestJourneyOfACustomer has a customer go all the way in browsers (web/e2e/journey.mjs): shop, bot,
// an agent who is in a call meanwhile, ticket, bad rating, complaint, case, the question whether it is
// solved, and a call at the end in which everything is known. The week before that question is a
// change of the clock in the row. TINGXIN_E2E_FULL=1 runs it.
func TestJourneyOfACustomer(t *testing.T) {
	if !full() {
		t.Skip("two minutes of browsers: TINGXIN_E2E_FULL=1 runs it")
	}
	web := filepath.Join(root(t), "web")
	for _, needed := range []string{filepath.Join(web, "node_modules", "playwright-core"), filepath.Join(web, "dist", "index.html"), "/usr/bin/chromium"} {
		if _, err := os.Stat(needed); err != nil {
			t.Skipf("%s is not there: run make setup build", needed)
		}
	}
	orders, err := sample.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	shop := httptest.NewServer(orders.Handler())
	defer shop.Close()
	host := shop.Listener.Addr().String()
	cluster := startCluster(t, pgtest.Private(t))
	s := launch(t, options{Database: cluster.DSN(""), Extra: fmt.Sprintf(journeyExtra, host)})
	defer s.end(t)
	j := &journey{t: t, s: s, url: cluster.DSN(""), calls: map[string]context.CancelFunc{}}
	j.furnish(host)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	j.play(ctx, web)
	for _, hangUp := range j.calls {
		hangUp()
	}
}

// journey is the house of the customer's way.
type journey struct {
	t     *testing.T
	s     *instance
	url   string
	calls map[string]context.CancelFunc
}

// furnish adds people, queue, tools and articles.
func (j *journey) furnish(host string) {
	j.t.Helper()
	for _, p := range []struct{ name, full, role string }{{"lin", "林悦", "agent"}, {"zhou", "周蕾", "supervisor"}} {
		var u struct {
			ID string `json:"id"`
		}
		j.s.post(j.t, "/api/v1/users", map[string]string{"username": p.name, "name": p.full, "role": p.role, "password": "a desk of their own"}, &u)
		if p.role == "agent" {
			j.s.put(j.t, "/api/v1/agents/"+u.ID, map[string]any{"languages": []string{"zh", "en"}})
		}
	}
	j.s.put(j.t, "/api/v1/queues/support", map[string]any{"id": "support", "name": "客服", "members": []map[string]string{{"user": "lin"}}, "ring_time": "30s"})
	for name, doc := range sample.Tools(host) {
		j.s.put(j.t, "/api/v1/bot/tools/"+name, map[string]string{"doc": doc})
	}
	// On a machine that runs other tests the bot is slow; that it hands over then is another test's.
	var policy bot.Policy
	j.s.get(j.t, "/api/v1/bot/policy", &policy)
	for i := range policy.Lines {
		policy.Lines[i].On = policy.Lines[i].On && policy.Lines[i].Reason != "latency"
	}
	j.s.put(j.t, "/api/v1/bot/policy", policy)
	all, err := os.ReadFile(filepath.Join(root(j.t), "kb", "testdata", "faq", "articles.jsonl"))
	if err != nil {
		j.t.Fatal(err)
	}
	var articles bytes.Buffer // in Chinese: half is learned in half the time
	for line := range strings.Lines(string(all)) {
		if strings.Contains(line, `"lang": "zh"`) {
			articles.WriteString(line)
		}
	}
	req, _ := http.NewRequestWithContext(j.t.Context(), http.MethodPost, j.s.api+"/api/v1/kb/import?name=articles.jsonl&publish=true", &articles)
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("X-CSRF-Token", j.s.csrf)
	slow := *j.s.http // the sentence models read all of them
	slow.Timeout = 3 * time.Minute
	quick := j.s.http
	j.s.http = &slow
	j.s.do(j.t, req, new([]byte))
	j.s.http = quick
}

// play runs the script and does what it asks for.
func (j *journey) play(ctx context.Context, web string) {
	t := j.t
	pictures := os.Getenv("DESK_PICTURES") // no name of ours: pbx would take it for a setting
	if pictures == "" {
		pictures = t.TempDir()
	}
	cmd := exec.CommandContext(ctx, "node", "e2e/journey.mjs", "--url", j.s.api, "--password", adminPassword, "--shots", pictures)
	cmd.Dir = web
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		line := lines.Text()
		ask, isAsk := strings.CutPrefix(line, "> ")
		switch {
		case isAsk:
			j.obey(ctx, strings.Split(ask, "|"))
		case strings.HasPrefix(line, "FAIL"):
			t.Error(line)
		default:
			t.Log(line)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("the script: %v", err)
	}
}

// obey does what the script asks for: "call|NAME|NUMBER", "hangup|NAME", "week|CASE".
func (j *journey) obey(ctx context.Context, ask []string) {
	switch {
	case ask[0] == "call" && len(ask) == 3:
		calling, cancel := context.WithCancel(ctx)
		j.calls[ask[1]] = cancel
		agent := newAgent(j.t)
		cfg := caller.CallConfig{To: "sip:line@" + j.s.sipUDP, From: ask[2], Audio: toneOf(toneCustomer, time.Second), Loop: true, Hold: 6 * time.Minute}
		go func() { _, _ = agent.Call(calling, cfg) }() // ends with calling; what it heard is another test's
	case ask[0] == "hangup" && len(ask) == 2 && j.calls[ask[1]] != nil:
		j.calls[ask[1]]()
	case ask[0] == "week" && len(ask) == 2:
		j.week(ctx, ask[1])
	default:
		j.t.Errorf("the script asks for %q", ask)
	}
}

// week lets a week go by for a case.
func (j *journey) week(ctx context.Context, id string) {
	db, err := pg.Attach(ctx, j.url, pg.Config{MaxConns: 1})
	if err != nil {
		j.t.Error(err)
		return
	}
	defer db.Close()
	n, err := db.Exec(ctx, `update feedback_cases set ask_at = now() where id = $1::bigint and state = 'customer_told'`, id)
	if err != nil || n != 1 {
		j.t.Errorf("a week for case %s: %d rows, %v", id, n, err)
	}
}
