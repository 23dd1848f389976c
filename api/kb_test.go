package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"tingxin/kb"
	"tingxin/pg/pgtest"
)

// library is a house with articles, without a sentence model.
func library(t *testing.T, cfg kb.Config) (*house, *kb.Service) {
	t.Helper()
	db := pgtest.New(t)
	articles, err := kb.New(cfg, db, nil, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, articles.Start(t.Context()))
	t.Cleanup(func() { articles.Close() })
	return openWith(t, db, func(_ *Config, p *Parts) { p.KB = articles }), articles
}

// write adds an article and brings it to life.
func (b *browser) write(key, lang, title, text string, more map[string]any) kb.Record {
	b.t.Helper()
	body := map[string]any{"key": key, "lang": lang, "type": "faq", "audience": "public", "title": title, "body": text}
	for k, v := range more {
		body[k] = v
	}
	var r kb.Record
	a := b.do(http.MethodPost, base+"/kb/articles", body)
	if a.status != http.StatusOK {
		b.t.Fatalf("create: %s", a)
	}
	a.into(b.t, &r)
	a = b.do(http.MethodPost, fmt.Sprintf("%s/kb/articles/%d/state", base, r.ID), map[string]any{"version": r.Version, "state": "live"})
	if a.status != http.StatusOK {
		b.t.Fatalf("publish: %s", a)
	}
	a.into(b.t, &r)
	return r
}

// raw sends bytes.
func (b *browser) raw(method, path string, body []byte) answer {
	b.t.Helper()
	req, err := http.NewRequest(method, b.url+path, bytes.NewReader(body))
	must(b.t, err)
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("X-CSRF-Token", b.csrf)
	resp, err := b.http.Do(req)
	must(b.t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	must(b.t, err)
	return answer{resp.StatusCode, resp.Header, text}
}

func TestArticlesLiveByTheAPI(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{})
	chief, agent := h.as(RoleSupervisor), h.as(RoleAgent)
	r := chief.write("return", "en", "How do I return an item?", "Choose *After-sales*.", map[string]any{"category": "orders/back", "variants": []map[string]string{{"text": "send it back"}},
		"rules": []map[string]string{{"kind": "contains", "text": "rma"}}, "needs": []string{"order"}, "owner": "mei", "review_by": "2030-01-31"})
	at := fmt.Sprintf("%s/kb/articles/%d", base, r.ID)
	var view ArticleView
	agent.ok(at, &view)
	if view.State != kb.Live || view.Owner != "mei" || view.Variants[0].Text != "send it back" || view.MayApprove {
		t.Errorf("%+v", view)
	}
	var answered kb.Answer
	agent.do(http.MethodPost, base+"/kb/ask", map[string]any{"question": "About an RMA, please", "slots": map[string]string{"order": "A1"}}).into(t, &answered)
	if answered.Decision != kb.DecideAnswer || answered.Rule != "contains" || answered.Candidates[0].Article.Text != "Choose After-sales." || len(answered.Candidates[0].Missing) != 0 {
		t.Errorf("%+v", answered)
	}
	edit := map[string]any{"version": r.Version, "type": "faq", "audience": "agent", "title": "How do I return an item?", "body": "Nothing.", "note": "shorter"}
	if a := agent.do(http.MethodPut, at, edit); a.status != http.StatusForbidden {
		t.Errorf("an agent wrote: %s", a)
	}
	if a := chief.do(http.MethodPut, at, edit); a.status != http.StatusOK {
		t.Fatalf("save: %s", a)
	}
	if a := chief.do(http.MethodPut, at, edit); a.status != http.StatusConflict || !strings.Contains(problemOf(t, a), "somebody else") {
		t.Errorf("saved over a newer version: %s", a)
	}
	var trial kb.Trial
	chief.do(http.MethodPost, at+"/try", map[string]any{"question": "rma"}).into(t, &trial)
	if trial.Live.Rule != "contains" || trial.Draft.Rule != "" {
		t.Errorf("%+v", trial)
	}
	var diff DiffView
	agent.ok(at+"/diff?from=1&to=2", &diff)
	if len(diff.Lines) == 0 || diff.Lines[0].Field != "title" {
		t.Errorf("%+v", diff)
	}
	var versions VersionList
	agent.ok(at+"/versions", &versions)
	if len(versions.Items) != 2 || versions.Items[0].Note != "shorter" {
		t.Errorf("%+v", versions)
	}
	if a := chief.do(http.MethodPost, at+"/roll-back", map[string]any{"version": 2, "to": 1}); a.status != http.StatusOK {
		t.Errorf("roll back: %s", a)
	}
	if a := chief.do(http.MethodPost, at+"/state", map[string]any{"version": 3, "state": "review"}); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	if a := chief.do(http.MethodDelete, at, nil); a.status != http.StatusForbidden {
		t.Errorf("%s", a)
	}
	var page ArticlePage
	agent.ok(base+"/kb/articles?q=return&lang=en&category=orders&sort=stale", &page)
	if page.Total != 1 || page.Items[0].State != kb.Review || page.Items[0].LiveVersion != 1 {
		t.Errorf("%+v", page)
	}
	if a := agent.do(http.MethodPost, base+"/kb/events", map[string]any{"events": []map[string]any{{"article": r.ID, "kind": "edited", "distance": 12, "channel": "assist"}}}); a.status != http.StatusNoContent {
		t.Errorf("%s", a)
	}
	if a := agent.do(http.MethodPost, base+"/kb/events", map[string]any{"events": []map[string]any{{"article": 999999, "kind": "up"}}}); a.status != http.StatusNotFound {
		t.Errorf("%s", a)
	}
	rows, _, err := h.VerifyAudit(context.Background())
	if err != nil || rows < 6 {
		t.Errorf("%d audit rows, %v", rows, err)
	}
}

func TestArticlesRefuse(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{})
	chief := h.as(RoleSupervisor)
	ok := map[string]any{"key": "a", "lang": "en", "type": "faq", "audience": "public", "title": "t", "body": "b"}
	for name, change := range map[string]map[string]any{
		"pattern": {"rules": []map[string]string{{"kind": "regexp", "text": "(a"}}}, "bomb": {"rules": []map[string]string{{"kind": "regexp", "text": "((a{1,1000}){1,1000}){1,1000}"}}},
		"title": {"title": "  "}, "deep": {"category": "1/2/3/4/5/6/7/8/9"}, "key": {"key": "a/../b"}, "long": {"body": strings.Repeat("长", 30000)}, "type": {"type": "poem"}, "field": {"colour": "red"},
		"day": {"review_by": "soon"},
	} {
		body := map[string]any{}
		for k, v := range ok {
			body[k] = v
		}
		for k, v := range change {
			body[k] = v
		}
		if a := chief.do(http.MethodPost, base+"/kb/articles", body); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := chief.do(http.MethodPost, base+"/kb/articles", map[string]any{"body": strings.Repeat("x", 3<<20)}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("3 MB: %.200s", a)
	}
	if a := chief.do(http.MethodPut, base+"/kb/judgements/zh/shift", map[string]any{"answer": 0.05, "clarify": 0}); a.status != http.StatusForbidden {
		t.Errorf("%s", a)
	}
	if a := h.as(RoleAdmin).do(http.MethodPut, base+"/kb/judgements/zh/shift", map[string]any{"answer": 0.5, "clarify": 0}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%s", a)
	}
	if a := h.as(RoleAdmin).do(http.MethodPut, base+"/kb/judgements/zh/shift", map[string]any{"answer": 0.05, "clarify": -0.1}); a.status != http.StatusNoContent {
		t.Errorf("%s", a)
	}
	var judgements JudgementList
	chief.ok(base+"/kb/judgements", &judgements)
	if len(judgements.Items) != 2 || judgements.Items[0].Shift.Answer < 0.049 {
		t.Errorf("%+v", judgements)
	}
}

func TestFourEyes(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{FourEyes: true})
	author, other := h.as(RoleSupervisor), h.as(RoleAdmin)
	var r kb.Record
	author.do(http.MethodPost, base+"/kb/articles", map[string]any{"key": "a", "lang": "en", "type": "faq", "audience": "public", "title": "t", "body": "b"}).into(t, &r)
	at := fmt.Sprintf("%s/kb/articles/%d/state", base, r.ID)
	if a := author.do(http.MethodPost, at, map[string]any{"version": 1, "state": "live"}); a.status != http.StatusForbidden {
		t.Errorf("%s", a)
	}
	if a := other.do(http.MethodPost, at, map[string]any{"version": 1, "state": "live"}); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
}

func TestImportAndExportByTheAPI(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{})
	chief := h.as(RoleSupervisor)
	faq, err := os.ReadFile("../kb/testdata/faq/articles.jsonl")
	must(t, err)
	var r kb.Report
	a := chief.raw(http.MethodPost, base+"/kb/import?name=articles.jsonl&publish=true", faq)
	a.into(t, &r)
	if a.status != http.StatusOK || r.Created != 126 || r.Published != 126 {
		t.Fatalf("%s", a)
	}
	out := chief.get(base + "/kb/export?format=markdown&lang=zh")
	if out.status != http.StatusOK || !strings.Contains(out.header.Get("Content-Disposition"), ".zip") {
		t.Fatalf("%d %v", out.status, out.header)
	}
	a = chief.raw(http.MethodPost, base+"/kb/import?name=x.zip&check=true", out.body)
	a.into(t, &r)
	if r.Same != 63 || r.Updated+r.Created+r.Failed != 0 {
		t.Errorf("%s", a)
	}
	if a := chief.raw(http.MethodPost, base+"/kb/import?name=x.exe", []byte("MZ")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%s", a)
	}
	if a := chief.raw(http.MethodPost, base+"/kb/import?name=x.csv", make([]byte, kb.MaxImportFile+1)); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("%.200s", a)
	}
	var tree CategoryList
	chief.ok(base+"/kb/categories?lang=zh", &tree)
	if len(tree.Items) < 5 {
		t.Errorf("%+v", tree)
	}
}

func TestHelpCentre(t *testing.T) {
	t.Parallel()
	h, articles := library(t, kb.Config{Title: "Shop & Help"})
	chief := h.as(RoleSupervisor)
	r := chief.write("return", "en", `Return <script>alert(1)</script> "items"`, "Use **this**: <img src=x onerror=alert(2)> [no](javascript:alert(3)) {{.T}}\n\n![p](https://evil.example/t.png)", map[string]any{"category": "orders/back & forth"})
	chief.write("secret", "en", "For agents only", "hidden words", map[string]any{"audience": "agent", "category": "orders"})
	chief.write("return", "zh", "怎么退货", "点**申请售后**。", map[string]any{"category": "orders/back & forth"})
	reader := h.browser()
	reader.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	if a := reader.get("/help", "Accept-Language", "zh-TW,zh;q=0.9,en;q=0.1"); a.status != http.StatusFound || a.header.Get("Location") != "/help/zh" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := reader.get("/help", "Accept-Language", "en-GB"); a.header.Get("Location") != "/help/en" {
		t.Errorf("%v", a.header)
	}
	for path, want := range map[string]string{
		"/help/en": "How can we help?", "/help/zh": "有什么可以帮您", "/help/en/a/return": "<strong>this</strong>", "/help/zh/a/return": "怎么退货", "/help/en/c/orders": "back &amp; forth",
		"/help/en/c/orders/back%20&%20forth": "Return &lt;script&gt;", "/help/en/search?q=return": "Return &lt;script&gt;", "/help/en/search?q=zzzzz": "Nothing was found",
		"/help/sitemap.xml": "/help/zh/a/return", "/help/en/search?q=%00%ff": "Nothing was found", "/help/en/search": "Nothing was found",
	} {
		a := reader.get(path)
		text := string(a.body)
		if a.status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, %q is not in %s", path, a.status, want, text)
		}
		for _, bad := range []string{"<script", "onerror=", "javascript:", "evil.example", "hidden words", "For agents only"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s shows %q", path, bad)
			}
		}
		if csp := a.header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "script-src") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: %s", path, csp)
		}
		// A browser sends "Origin: null" with the vote's form when it may send no referrer.
		if got := a.header.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("%s: referrer policy %q keeps readers from voting", path, got)
		}
		if a.header.Get("Cache-Control") == "" {
			t.Errorf("%s has no rule for caches", path)
		}
	}
	for _, path := range []string{"/help/fr", "/help/en/a/secret", "/help/en/a/nothing", "/help/en/c/nothing", "/help/files/x", "/help/en/c/"} {
		if a := reader.get(path); a.status != http.StatusNotFound || strings.Contains(string(a.body), "hidden words") {
			t.Errorf("%s: %s", path, a)
		}
	}
	page := reader.get("/help/en/a/return")
	if a := reader.get("/help/en/a/return", "If-None-Match", page.header.Get("ETag")); a.status != http.StatusNotModified || len(a.body) != 0 {
		t.Errorf("%s", a)
	}
	vote := func(value, origin string) answer {
		req, err := http.NewRequest(http.MethodPost, reader.url+"/help/en/a/return", strings.NewReader(url.Values{"vote": {value}}.Encode()))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", origin)
		resp, err := reader.http.Do(req)
		must(t, err)
		defer resp.Body.Close()
		return answer{resp.StatusCode, resp.Header, nil}
	}
	if a := vote("up", "https://evil.example"); a.status != http.StatusForbidden {
		t.Errorf("a foreign page voted: %d", a.status)
	}
	if a := vote("maybe", reader.url); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%d", a.status)
	}
	for _, want := range []string{"?voted=1#vote", "?voted=0#vote"} {
		if a := vote("up", reader.url); a.status != http.StatusSeeOther || !strings.HasSuffix(a.header.Get("Location"), want) {
			t.Errorf("%d %v", a.status, a.header)
		}
	}
	got, err := articles.Store().Acceptance(context.Background(), r.ID, time.Now().Add(-time.Hour))
	must(t, err)
	if got.Up != 1 || got.Shown == 0 {
		t.Errorf("%+v", got)
	}
	for range helpPerMinute {
		reader.get("/help/en/search?q=x")
	}
	if a := reader.get("/help/en/search?q=x"); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("%d", a.status)
	}
}

func TestHelpFiles(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{})
	chief := h.as(RoleSupervisor)
	r := chief.write("secret", "en", "For agents only", "x", map[string]any{"audience": "agent"})
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 50)...)
	var f kb.Attachment
	a := chief.raw(http.MethodPost, fmt.Sprintf("%s/kb/articles/%d/files?name=%s", base, r.ID, url.QueryEscape("图 1.png")), png)
	a.into(t, &f)
	if a.status != http.StatusOK || f.Kind != "image/png" {
		t.Fatalf("%s", a)
	}
	path := "/help/files/" + f.ID.String()
	if a := h.browser().get(path); a.status != http.StatusNotFound {
		t.Errorf("a file of an article for agents is public: %d", a.status)
	}
	if a := chief.get(path); a.status != http.StatusOK || !bytes.Equal(a.body, png) || !strings.Contains(a.header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := chief.raw(http.MethodPost, fmt.Sprintf("%s/kb/articles/%d/files?name=a.png", base, r.ID), []byte("<svg onload=alert(1)>")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%s", a)
	}
	if a := chief.do(http.MethodDelete, base+"/kb/files/"+f.ID.String(), nil); a.status != http.StatusNoContent {
		t.Errorf("%s", a)
	}
}

func TestClosedHelpCentre(t *testing.T) {
	t.Parallel()
	h, _ := library(t, kb.Config{HelpOff: true})
	for _, path := range []string{"/help", "/help/en", "/help/sitemap.xml"} {
		if a := h.browser().get(path); a.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, a.status)
		}
	}
}
