package api

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"tingxin/feedback"
)

// send posts a form with an optional file, as a browser does.
func (b *browser) send(path string, fields map[string]string, name string, file []byte) answer {
	b.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for k, v := range fields {
		must(b.t, w.WriteField(k, v))
	}
	if name != "" {
		p, err := w.CreateFormFile("file", name)
		must(b.t, err)
		_, err = p.Write(file)
		must(b.t, err)
	}
	must(b.t, w.Close())
	req, err := http.NewRequest(http.MethodPost, b.url+path, &body)
	must(b.t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Origin", b.url)
	resp, err := b.http.Do(req) // follows to the page
	must(b.t, err)
	defer resp.Body.Close()
	var out bytes.Buffer
	_, err = out.ReadFrom(resp.Body)
	must(b.t, err)
	return answer{resp.StatusCode, resp.Header, out.Bytes()}
}

func (b *browser) link(of string) feedback.Link {
	b.t.Helper()
	var l feedback.Link
	a := b.do(http.MethodPost, base+of+"/customer-links", nil)
	if a.status != http.StatusCreated {
		b.t.Fatal(a)
	}
	a.into(b.t, &l)
	return l
}

func TestCustomersTicketPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	agent, customer := h.as(RoleAgent), h.browser()
	k := agent.makeTicket(map[string]any{"type": "question", "subject": "<b>kettle</b>", "body": "It leaks."})
	path := fmt.Sprintf("/tickets/%d", k.ID)
	agent.do(http.MethodPost, base+path+"/comments", map[string]any{"body": "secret note", "public": false})
	agent.do(http.MethodPost, base+path+"/comments", map[string]any{"body": "We look into it.", "public": true})
	l := agent.link(path)
	page := "/t/" + l.Token + "?lang=en"
	a := customer.get(page)
	text := string(a.body)
	if a.status != http.StatusOK || !strings.Contains(text, "&lt;b&gt;kettle") || !strings.Contains(text, "We look into it.") || strings.Contains(text, "secret note") || strings.Contains(text, `name="score"`) {
		t.Fatalf("%s", a)
	}
	if p := a.header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'none'") || a.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", a.header)
	}
	if a := customer.get("/t/"+l.Token, "Accept-Language", "zh-CN"); !strings.Contains(string(a.body), `lang="zh-CN"`) {
		t.Errorf("%s", a)
	}
	if a := customer.get("/t/page.css"); a.status != http.StatusOK || !strings.Contains(string(a.body), ".talk") {
		t.Errorf("%s", a)
	}
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 50)...)
	if a := customer.send(page, map[string]string{"do": "reply", "text": "Here is a picture"}, "../../leak.png", png); a.status != http.StatusOK || !strings.Contains(string(a.body), "received it") || !strings.Contains(string(a.body), "leak.png") {
		t.Errorf("%s", a)
	}
	if a := customer.send(page, map[string]string{"do": "reply", "text": "and this"}, "x.html", []byte("<script>alert(1)</script>")); !strings.Contains(string(a.body), "not kept") {
		t.Errorf("%s", a)
	}
	if a := customer.send(page, map[string]string{"do": "reply", "text": " "}, "", nil); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%s", a)
	}
	var files TicketFiles
	agent.ok(base+path+"/files", &files)
	if len(files.Items) != 1 || files.Items[0].Name != "leak.png" {
		t.Fatalf("%+v", files)
	}
	for _, from := range []string{base + path + "/files/", "/t/" + l.Token + "/files/"} {
		who := customer
		if strings.HasPrefix(from, base) {
			who = agent
		}
		if a := who.get(from + files.Items[0].ID); a.status != http.StatusOK || !bytes.Equal(a.body, png) || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
			t.Errorf("%s: %d %v", from, a.status, a.header)
		}
	}
	if a := customer.get(base + path + "/files/" + files.Items[0].ID); a.status != http.StatusUnauthorized {
		t.Errorf("%s", a)
	}
	// Another site may not use the form, and a ticket that is not over is not rated.
	if a := customer.do(http.MethodPost, page, nil, "Origin", "https://evil.example"); a.status != http.StatusForbidden {
		t.Errorf("%s", a)
	}
	if a := customer.send(page, map[string]string{"do": "rate", "score": "1"}, "", nil); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%s", a)
	}
	agent.do(http.MethodPatch, base+path, map[string]any{"state": "resolved"})
	if a := customer.send(page, map[string]string{"do": "rate", "score": "1", "text": "still leaks"}, "", nil); !strings.Contains(string(a.body), "Thank you for telling us") || strings.Contains(string(a.body), `name="score"`) {
		t.Errorf("%s", a)
	}
	if a := customer.send(page, map[string]string{"do": "rate", "score": "5"}, "", nil); !strings.Contains(string(a.body), "told us already") {
		t.Errorf("%s", a)
	}
	var cases CasePage
	h.as(RoleSupervisor).ok(base+"/cases", &cases)
	if len(cases.Items) != 1 || cases.Items[0].Reason != fmt.Sprintf("ticket:%d", k.ID) {
		t.Errorf("%+v", cases)
	}
	// A reply to what is closed makes one new ticket, with its file, and the page goes on with that.
	agent.do(http.MethodPatch, base+path, map[string]any{"state": "closed"})
	if a := customer.send(page, map[string]string{"do": "reply", "text": "again"}, "again.png", png); !strings.Contains(string(a.body), "opened a new one") || !strings.Contains(string(a.body), "again.png") {
		t.Errorf("%s", a)
	}
	if a := customer.send(page, map[string]string{"do": "reply", "text": "are you there?"}, "", nil); !strings.Contains(string(a.body), "received it") || !strings.Contains(string(a.body), "are you there?") {
		t.Errorf("%s", a)
	}
	var all TicketPage
	agent.ok(base+"/tickets", &all)
	if len(all.Items) != 2 {
		t.Errorf("%d tickets, want the closed one and the one that follows it", len(all.Items))
	}
	if a := agent.do(http.MethodDelete, fmt.Sprintf("%s%s/customer-links/%d", base, path, l.ID), nil); a.status != http.StatusNoContent {
		t.Fatal(a)
	}
	if a := customer.get(page); a.status != http.StatusNotFound || !strings.Contains(string(a.body), "not valid any more") {
		t.Errorf("%s", a)
	}
	for i := range helpPerMinute {
		if a := customer.get("/t/" + strings.Repeat("A", 26)); a.status == http.StatusTooManyRequests {
			return
		} else if i == helpPerMinute-1 {
			t.Errorf("nobody stops who tries addresses: %s", a)
		}
	}
}

func (b *browser) person(name string) int64 {
	b.t.Helper()
	var c ContactView
	b.post(http.MethodPost, "/contacts", map[string]any{"name": name}, &c)
	return int64(c.ID)
}

// TestReplyToMergedTicketIsKept: a customer whose ticket was merged into somebody else's, of a type that is not used any more.
func TestReplyToMergedTicketIsKept(t *testing.T) {
	t.Parallel()
	h := open(t)
	agent, admin, customer := h.as(RoleAgent), h.as(RoleAdmin), h.browser()
	mine := agent.makeTicket(map[string]any{"type": "question", "subject": "my kettle", "contact": agent.person("Anna")})
	other := agent.makeTicket(map[string]any{"type": "question", "subject": "his kettle", "contact": agent.person("Bob")})
	l := agent.link(fmt.Sprintf("/tickets/%d", mine.ID))
	if a := agent.do(http.MethodPost, fmt.Sprintf("%s/tickets/%d/merge", base, mine.ID), map[string]any{"into": other.ID}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	if a := admin.do(http.MethodPut, base+"/ticket-types/question", map[string]any{"label_zh": "问题", "label_en": "Question", "disabled": true}); a.status >= 300 {
		t.Fatal(a)
	}
	a := customer.send("/t/"+l.Token+"?lang=en", map[string]string{"do": "reply", "text": "still leaks"}, "", nil)
	if a.status != http.StatusOK || !strings.Contains(string(a.body), "opened a new one") || !strings.Contains(string(a.body), "still leaks") || strings.Contains(string(a.body), "his kettle") {
		t.Errorf("%s", a)
	}
}

func TestCustomersQuestionPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	lead, customer := h.as(RoleSupervisor), h.browser()
	var added FeedbackAdded
	lead.do(http.MethodPost, base+"/feedback", map[string]any{"kind": "complaint", "text": "rude"}).into(t, &added)
	path := fmt.Sprintf("/cases/%d", added.Case)
	for _, step := range []map[string]any{{"to": "contacted"}, {"to": "cause_found", "cause": "agent-attitude"}, {"to": "fixed"}} {
		if a := lead.do(http.MethodPost, base+path+"/move", step); a.status != http.StatusOK {
			t.Fatal(a)
		}
	}
	lead.do(http.MethodPost, base+path+"/messages", map[string]any{"text": "We spoke with the agent.", "way": "letter"})
	l := lead.link(path)
	page := "/c/" + l.Token + "?lang=en"
	if a := customer.get(page); strings.Contains(string(a.body), `name="score"`) {
		t.Errorf("asked before its time: %s", a)
	}
	if a := customer.get("/t/" + l.Token); a.status != http.StatusNotFound {
		t.Errorf("a case's address opens a ticket: %s", a)
	}
	h.later(7*24*time.Hour + time.Minute)
	if a := customer.get(page); !strings.Contains(string(a.body), `name="score"`) {
		t.Errorf("%s", a)
	}
	if a := customer.send(page, map[string]string{"score": "1", "text": "no"}, "", nil); !strings.Contains(string(a.body), "Thank you") {
		t.Errorf("%s", a)
	}
	c, err := h.parts.Feedback.Get(t.Context(), added.Case)
	must(t, err)
	if c.State != feedback.Contacted || c.Round != 2 {
		t.Errorf("%+v", c)
	}
}

func TestTicketHintsByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	who := 0
	must(t, h.db.Pool().QueryRow(t.Context(), `insert into contacts (id, root) select n, n from nextval('contact_ids') n returning id`).Scan(&who))
	a := b.makeTicket(map[string]any{"type": "question", "subject": "where is my parcel", "contact": who})
	c := b.makeTicket(map[string]any{"type": "question", "subject": "Where is my parcel?", "contact": who})
	var hints TicketHints
	b.ok(fmt.Sprintf("%s/tickets/%d/hints", base, a.ID), &hints)
	if len(hints.Twins) != 1 || hints.Twins[0].ID != c.ID || len(hints.Hints) != 0 {
		t.Errorf("%+v", hints)
	}
	if r := b.do(http.MethodPost, fmt.Sprintf("%s/tickets/%d/hints", base, a.ID), map[string]any{"kind": "type", "value": "return"}); r.status != http.StatusOK {
		t.Error(r)
	}
	if k, err := h.parts.Tickets.Get(t.Context(), a.ID); err != nil || k.Type != "return" {
		t.Errorf("%+v %v", k, err)
	}
	if r := b.get(base + "/triage/models"); r.status != http.StatusForbidden {
		t.Error(r)
	}
}
