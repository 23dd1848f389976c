package api

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tingxin/chat/chattest"
	"tingxin/kb"
)

// harmless tells what must not be in an answer to somebody who tries what happens. JSON is no page: words
// in it are words as long as nobody may take it for one.
func harmless(t *testing.T, name string, a answer) {
	t.Helper()
	body := string(a.body)
	page := !strings.Contains(a.header.Get("Content-Type"), "json") || a.header.Get("X-Content-Type-Options") != "nosniff"
	if a.status >= 500 || page && (strings.Contains(body, `<script>alert`) || strings.Contains(body, "onerror=alert(1)>")) || strings.Contains(body, "SQLSTATE") || strings.Contains(body, "goroutine ") {
		t.Errorf("%s: %d %.300s", name, a.status, body)
	}
}

func TestAbuseOfTheHelpCentre(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{})
	reader := h.browser()
	for name, text := range chattest.Abuse {
		a := reader.get("/help/en/search?q=" + url.QueryEscape(text))
		harmless(t, name, a)
		if a.status == http.StatusOK && !strings.Contains(a.header.Get("Content-Security-Policy"), "default-src 'none'") {
			t.Errorf("%s: %v", name, a.header)
		}
		harmless(t, name, reader.get("/help/en/a/"+url.PathEscape(text[:min(len(text), 2000)])))
	}
}

func TestAbuseOfTheCustomersPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	agent, customer := h.as(RoleAgent), h.browser()
	k := agent.makeTicket(map[string]any{"type": "question", "subject": "kettle", "body": "It leaks."})
	page := "/t/" + agent.link(fmt.Sprintf("/tickets/%d", k.ID)).Token + "?lang=en"
	for name, text := range chattest.Abuse {
		h.later(time.Minute) // so many at once are refused
		harmless(t, name, customer.send(page, map[string]string{"do": "reply", "text": text}, "", nil))
		harmless(t, name, customer.send(page, map[string]string{"do": text, "score": text}, text, []byte(text)))
		harmless(t, name, customer.get("/t/"+url.PathEscape(text[:min(len(text), 2000)])))
	}
	h.later(time.Minute)
	a := customer.get(page)
	if harmless(t, "the page", a); a.status != http.StatusOK || !strings.Contains(string(a.body), "drop table messages") {
		t.Errorf("%s", a)
	}
}

func TestAbuseOfTheBotsAPI(t *testing.T) {
	h := withBot(t)
	b := h.as(RoleAgent)
	bodies := map[string]string{"deep": `{"text":` + chattest.Deep + `}`, "deep beside": `{"text":"x","more":` + chattest.Deep + `}`, "no object": chattest.Deep, "half": `{"text":"`}
	for name, text := range chattest.Abuse {
		bodies[name] = fmt.Sprintf(`{"text":%s,"subject":"abuse"}`, chattest.Raw(text))
		bodies[name+" as all"] = fmt.Sprintf(`{"session":%[1]s,"id":%[1]s,"choice":%[1]s,"subject":%[1]s}`, chattest.Raw(text[:min(len(text), 200)]))
	}
	for name, body := range bodies {
		req, err := http.NewRequest(http.MethodPost, b.url+base+"/bot/turns", strings.NewReader(body))
		must(t, err)
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-CSRF-Token", b.csrf)
		resp, err := b.http.Do(req)
		must(t, err)
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		resp.Body.Close()
		if harmless(t, name, answer{resp.StatusCode, resp.Header, raw}); resp.StatusCode == http.StatusForbidden {
			t.Errorf("%s did not get in", name)
		}
	}
}
