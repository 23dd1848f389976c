package main

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// What is counted can be read: chat, tickets, feedback and others kept counters that no page showed.
func TestMetricsOfEveryPart(t *testing.T) {
	s := mustRun(t, testConfig(t))
	names := map[string]string{ // of a field of server with Stats, to one of its metrics; "" when the part is not there
		"db": "pg_queries_total", "pool": "", "engine": "media_ports_used", "bus": "events_published_total", "chat": "chat_received_total",
		"tickets": "tickets_created_total", "queues": "queue_asked_total", "embed": "embed_", "kb": "kb_asked_total", "bot": "bot_turns_total",
		"assist": "assist_refreshed_total", "calls": "call_active", "sip": "sip_datagrams_total", "callouts": "callouts_fed_total",
		"feedback": "feedback_items_total", "triage": "triage_guessed_total", "automation": "rules_events_total", "webchat": "webchat_sockets",
		"hooks": "webhook_bad_signature_total", "nodes": "", "flows": "flows_http_answered_total",
	}
	if s.embed == nil {
		names["embed"] = ""
	}
	res, err := http.Get(s.web.URL() + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, metric := range names {
		if metric != "" && !strings.Contains(string(body), "\ntingxin_"+metric) {
			t.Errorf("no tingxin_%s, which %s counts", metric, name)
		}
	}
	for line := range strings.Lines(string(body)) {
		if f := strings.Fields(line); len(f) == 4 && f[1] == "TYPE" && (f[3] == "counter") != strings.HasSuffix(f[2], "_total") {
			t.Errorf("%s is a %s: counters and nothing else end in _total", f[2], f[3])
		}
	}
	for f := range reflect.TypeFor[server]().Fields() {
		if _, counts := f.Type.MethodByName("Stats"); counts {
			if _, ok := names[f.Name]; !ok {
				t.Errorf("server.%s has Stats: pull them in /metrics and name one here", f.Name)
			}
		}
	}
}
