package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tingxin/outbound"
)

// textPeer is the program behind a webhook: its customers write and read plain text, and see no buttons.
type textPeer struct {
	t      *testing.T
	s      *instance
	http   *httptest.Server
	mu     sync.Mutex
	told   map[string][]string // by customer
	letter int
}

const peerSecret = "whsec_of_the_text_peer"

func newTextPeer(t *testing.T, s *instance) *textPeer {
	p := &textPeer{t: t, s: s, told: map[string][]string{}}
	p.http = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.http.Close)
	s.put(t, "/api/v1/channels/webhook/plain", map[string]any{"name": "plain text", "enabled": true, "secret": peerSecret, "settings": map[string]any{"url": p.http.URL, "private": true}})
	return p
}

func (p *textPeer) serve(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = outbound.Verify(peerSecret, r.Header.Get(outbound.Header), body, time.Now())
	}
	var e struct {
		Data struct{ User, Text string } `json:"data"`
	}
	if err != nil || json.Unmarshal(body, &e) != nil {
		p.t.Errorf("what we send: %v, %s", err, body)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.told[e.Data.User] = append(p.told[e.Data.User], e.Data.Text)
}

// write sends a customer's words.
func (p *textPeer) write(user, lang, text string) {
	p.t.Helper()
	p.letter++
	id := "letter-" + strconv.Itoa(p.letter)
	body, _ := json.Marshal(map[string]any{"id": id, "user": map[string]string{"id": user, "name": user}, "text": text, "lang": lang})
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, p.s.api+"/in/plain", bytes.NewReader(body))
	req.Header.Set("Idempotency-Key", id)
	req.Header.Set(outbound.Header, outbound.Sign(peerSecret, time.Now(), body))
	p.s.do(p.t, req, nil)
}

// reads waits until a customer was told something; it returns the words.
func (p *textPeer) reads(user, words string) string {
	p.t.Helper()
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		p.mu.Lock()
		told := slices.Clone(p.told[user])
		p.mu.Unlock()
		if i := slices.IndexFunc(told, func(text string) bool { return strings.Contains(text, words) }); i >= 0 {
			return told[i]
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s was not told %q within 15 s: %q", user, words, told)
		}
	}
}

// conversation is that of a customer.
func (p *textPeer) conversation(user string) (id int64, state string) {
	p.t.Helper()
	var page struct {
		Items []struct {
			ID           int64
			State        string
			ExternalUser string `json:"external_user"`
		}
	}
	p.s.get(p.t, "/api/v1/conversations?box=all&limit=200", &page)
	for _, c := range page.Items {
		if c.ExternalUser == user {
			return c.ID, c.State
		}
	}
	p.t.Fatalf("no conversation of %s", user)
	return 0, ""
}

var addressOfQuestion = regexp.MustCompile(`http://\S+/q/\S+`)

// TestSurveyOverPlainText: a rule asks customers of a channel without buttons how it was when their conversation is closed. One answers
// in words, one on the page that the question names; nobody has to take what is answered, and a bad answer opens a case.
func TestSurveyOverPlainText(t *testing.T) {
	s := server(t)
	p := newTextPeer(t, s)
	s.put(t, "/api/v1/settings/rules/ask-after", map[string]any{"doc": map[string]any{"when": []string{"conversation.closed"},
		"if": map[string]any{"all": []map[string]any{{"field": "conversation.channel", "op": "is", "value": "webhook"}}}, "then": []map[string]any{{"do": "survey", "survey": "csat"}}}})
	mark := strconv.FormatInt(time.Now().UnixNano(), 36)
	mei, bob := "mei-"+mark, "bob-"+mark
	closes := func(user string) int64 {
		id, _ := p.conversation(user)
		s.post(t, "/api/v1/conversations/"+strconv.FormatInt(id, 10)+"/close", nil, nil)
		return id
	}
	p.write(mei, "zh", "你好")
	p.write(bob, "en", "hello")
	first, second := closes(mei), closes(bob)
	asked := p.reads(mei, "回复 1 到 5")
	if !addressOfQuestion.MatchString(asked) {
		t.Errorf("no address in %q", asked)
	}
	p.write(mei, "zh", "很满意，谢谢")
	p.reads(mei, "谢谢您的回答")
	type item struct {
		Score  int
		Text   string
		Source string
		Case   int64
	}
	of := func(id int64) []item {
		var page struct{ Items []item }
		s.get(t, "/api/v1/feedback?reason=conversation:"+strconv.FormatInt(id, 10), &page)
		return page.Items
	}
	if all := of(first); len(all) != 1 || all[0].Score != 5 || all[0].Text != "谢谢" || all[0].Source != "chat" {
		t.Errorf("mei's answer: %+v", all)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, state := p.conversation(mei); state == "closed" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the conversation that the answer opened is open still")
		}
	}

	page := addressOfQuestion.FindString(p.reads(bob, "number from 1 to 5"))
	stranger := &http.Client{Timeout: 10 * time.Second}
	fetch := func(answer url.Values) (int, string) {
		t.Helper()
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
		if answer != nil {
			req, _ = http.NewRequestWithContext(t.Context(), http.MethodPost, page, strings.NewReader(answer.Encode()))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		res, err := stranger.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}
	if status, text := fetch(nil); status != http.StatusOK || strings.Count(text, `name="score"`) != 5 {
		t.Fatalf("the page: %d %s", status, text)
	}
	if status, text := fetch(url.Values{"do": {"rate"}, "score": {"1"}, "text": {"never again"}}); status != http.StatusOK || !strings.Contains(text, "Thank you") {
		t.Errorf("answered: %d %s", status, text)
	}
	if _, text := fetch(nil); strings.Contains(text, `name="score"`) {
		t.Error("it can be answered again")
	}
	if all := of(second); len(all) != 1 || all[0].Score != 1 || all[0].Source != "page" || all[0].Case == 0 {
		t.Errorf("bob's answer: %+v", all)
	}
	p.reads(bob, "Your reference is C-")

	// What mei's answer opened was closed again, so the rule came again, and says why it does not ask.
	var runs struct {
		Items []struct {
			Steps []struct{ Result, Reason string }
		}
	}
	for deadline := time.Now().Add(10 * time.Second); len(runs.Items) < 2; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("runs: %+v", runs)
		}
		s.get(t, "/api/v1/rules/runs?name=ask-after&object=conversation&id="+strconv.FormatInt(first, 10), &runs)
	}
	if step := runs.Items[0].Steps[0]; step.Result != "refused" || step.Reason != "asked" {
		t.Errorf("the second run: %+v", runs.Items[0])
	}
}
