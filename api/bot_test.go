package api

import (
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tingxin/bot"
	"tingxin/kb"
	"tingxin/pg/pgtest"
)

// withBot is a server with a bot that has no sentence models: equal phrases and rules answer.
func withBot(t *testing.T) *house {
	t.Helper()
	db := pgtest.New(t)
	log := slog.New(slog.DiscardHandler)
	articles, err := kb.New(kb.Config{}, db, nil, log)
	must(t, err)
	must(t, articles.Start(t.Context()))
	t.Cleanup(func() { articles.Close() })
	e, err := bot.New(bot.Config{KeyFile: filepath.Join(t.TempDir(), "bot.key"), ToolHosts: []string{"127.0.0.1:1"}}, bot.Parts{DB: db, Knowledge: bot.Articles{Service: articles}}, log)
	must(t, err)
	must(t, e.Start(t.Context()))
	t.Cleanup(func() { e.Close() })
	return openWith(t, db, func(_ *Config, p *Parts) { p.Bot = e })
}

func TestBotTurns(t *testing.T) {
	h := withBot(t)
	b := h.as(RoleAgent)
	say := func(body map[string]any) bot.Reply {
		t.Helper()
		a := b.do(http.MethodPost, base+"/bot/turns", body)
		if a.status != http.StatusOK {
			t.Fatalf("%s", a)
		}
		var r bot.Reply
		a.into(t, &r)
		return r
	}
	r := say(map[string]any{"text": "你好"})
	if r.Decision != bot.DoTalk || r.Turn != 1 || r.Why == nil || !r.Why.Exact {
		t.Errorf("%+v", r)
	}
	r = say(map[string]any{"text": "talk to a human please", "session": r.Session})
	if r.Decision != bot.DoHandover || r.Handover.Reason != bot.ReasonAsked || r.Turn != 2 {
		t.Errorf("%+v", r)
	}
	one, two := say(map[string]any{"text": "你好", "subject": "x", "id": "m1"}), say(map[string]any{"text": "你好", "subject": "x", "id": "m1"})
	if one.Turn != 1 || two.Turn != 1 {
		t.Errorf("the same message twice: turns %d and %d", one.Turn, two.Turn)
	}
	for name, c := range map[string]struct {
		body map[string]any
		want int
	}{
		"100 kB":          {map[string]any{"text": strings.Repeat("long ", 20000)}, http.StatusOK},
		"far too long":    {map[string]any{"text": strings.Repeat("x", 300<<10)}, http.StatusRequestEntityTooLarge},
		"no such session": {map[string]any{"text": "x", "session": "nope"}, http.StatusNotFound},
		"emotion":         {map[string]any{"text": "x", "emotion": 7}, http.StatusUnprocessableEntity},
		"unknown field":   {map[string]any{"text": "x", "channel": "chat"}, http.StatusUnprocessableEntity},
	} {
		if a := b.do(http.MethodPost, base+"/bot/turns", c.body); a.status != c.want {
			t.Errorf("%s: %d, want %d", name, a.status, c.want)
		}
	}
	var report bot.Report
	h.as(RoleSupervisor).ok(base+"/bot/report?channel=api&days=1", &report)
	if report.Sum.Turns < 3 || report.Sum.Handovers["asked"] != 1 {
		t.Errorf("report %+v", report.Sum)
	}
	var thread BotThread
	h.as(RoleSupervisor).ok(base+"/bot/sessions/"+r.Session, &thread)
	if len(thread.Items) != 2 || thread.Items[1].Why == nil || thread.Handover != "asked" {
		t.Errorf("%+v", thread)
	}
	if a := b.do(http.MethodPost, base+"/bot/sessions/"+r.Session+"/hand-back", nil); a.status != http.StatusNoContent {
		t.Errorf("hand back: %s", a)
	}
}

func TestBotSettings(t *testing.T) {
	h := withBot(t)
	agent, boss, admin := h.as(RoleAgent), h.as(RoleSupervisor), h.as(RoleAdmin)
	for _, path := range []string{"/bot/intents", "/bot/policy", "/bot/report", "/bot/sessions", "/bot/models", "/bot/tools", "/bot/unanswered"} {
		if a := agent.get(base + path); a.status != http.StatusForbidden {
			t.Errorf("agent at %s: %s", path, a)
		}
		if a := boss.get(base + path); a.status != http.StatusOK {
			t.Errorf("supervisor at %s: %s", path, a)
		}
	}
	var policy bot.Policy
	boss.ok(base+"/bot/policy", &policy)
	policy.Lines[1].Number = 3
	if a := boss.do(http.MethodPut, base+"/bot/policy", policy); a.status != http.StatusNoContent {
		t.Errorf("policy: %s", a)
	}
	policy.Lines[1].Number = 0
	if a := boss.do(http.MethodPut, base+"/bot/policy", policy); a.status != http.StatusUnprocessableEntity || !strings.Contains(problemOf(t, a), "fallbacks") {
		t.Errorf("bad policy: %s", a)
	}
	tool := map[string]any{"doc": "name: look\nurl: http://127.0.0.1:1/x\n"}
	if a := boss.do(http.MethodPut, base+"/bot/tools/look", tool); a.status != http.StatusForbidden {
		t.Errorf("tool by a supervisor: %s", a)
	}
	if a := admin.do(http.MethodPut, base+"/bot/tools/look", tool); a.status != http.StatusNoContent {
		t.Errorf("tool: %s", a)
	}
	intent := map[string]any{"name": "hours", "kind": "talk", "title": map[string]string{"zh": "营业时间"}, "answer": map[string]string{"zh": "每天九点到六点。"},
		"phrases": []map[string]string{{"lang": "zh", "text": "几点开门"}}}
	if a := boss.do(http.MethodPut, base+"/bot/intents/hours", intent); a.status != http.StatusNoContent {
		t.Fatalf("intent: %s", a)
	}
	if a := boss.do(http.MethodPut, base+"/bot/intents/other", intent); a.status != http.StatusUnprocessableEntity {
		t.Errorf("two names: %s", a)
	}
	var list BotIntents
	boss.ok(base+"/bot/intents", &list)
	var r bot.Reply
	a := agent.do(http.MethodPost, base+"/bot/turns", map[string]any{"text": "几点开门？"})
	if a.into(t, &r); r.Intent != "hours" || !strings.Contains(r.Text(), "九点") {
		t.Errorf("the new intent does not answer: %s", a)
	}
	if a := boss.do(http.MethodDelete, base+"/bot/intents/hours", nil); a.status != http.StatusNoContent {
		t.Errorf("delete: %s", a)
	}
	if a := boss.do(http.MethodDelete, base+"/bot/intents/hours", nil); a.status != http.StatusNotFound {
		t.Errorf("delete again: %s", a)
	}
	if _, _, err := h.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWithoutABot(t *testing.T) {
	h := open(t)
	if a := h.as(RoleAgent).do(http.MethodPost, base+"/bot/turns", map[string]any{"text": "x"}); a.status != http.StatusServiceUnavailable {
		t.Errorf("%s", a)
	}
}
