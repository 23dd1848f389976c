package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.yaml.in/yaml/v3"

	"tingxin/admin"
	"tingxin/api"
	"tingxin/call"
	"tingxin/pg"
)

// put sets something in a running server as the API does.
func (s *server) put(t *testing.T, kind admin.Kind, name string, d admin.Doc) error {
	t.Helper()
	_, err := s.admin.Apply(t.Context(), []admin.Change{{Ref: admin.Ref{Kind: kind, Name: name}, Doc: d}}, "test", false, api.SettingsAudit(t.Context(), s.db, "test"))
	if err != nil {
		return err
	}
	return s.admin.Reload(t.Context())
}

func (s *server) mustPut(t *testing.T, kind admin.Kind, name string, d admin.Doc) {
	t.Helper()
	if err := s.put(t, kind, name, d); err != nil {
		t.Fatalf("%s %s: %v", kind, name, err)
	}
}

const goneFlow = "flow: gone\nversion: 1\nnodes:\n  - {say: {prompt: shut}}\n  - hangup: true\n"

// TestSettingsCountWithoutRestart: a number, its flow and prompt, hours and a trunk are set, used and taken away while the server runs.
func TestSettingsCountWithoutRestart(t *testing.T) {
	cfg := testConfig(t)
	cfg.Call.Routes = []call.Route{{Numbers: []string{"1*"}, Flow: "default"}}
	s := mustRun(t, cfg)
	p, b := newPhone(t), newPhone(t)
	dial := func(number string) int {
		p.invite(s.udp(t), number)
		return p.final().status()
	}
	if got := dial("4000"); got != 404 {
		t.Fatalf("before: %d", got)
	}
	err := s.put(t, admin.KindNumber, "hotline", &admin.Number{Numbers: []string{"4000"}, Flow: "gone"})
	if f, ok := err.(admin.Faults); !ok || f[0].Field != "flow" || f[0].Code != admin.Unknown {
		t.Fatalf("a number without its flow: %v", err)
	}
	err = s.put(t, admin.KindFlow, "gone", &admin.Flow{Text: goneFlow})
	if err == nil || !strings.Contains(err.Error(), `line 4: there is no prompt "shut"`) {
		t.Fatalf("a flow without its prompt: %v", err)
	}
	s.mustPut(t, admin.KindPrompt, "shut", &admin.Prompt{Texts: map[string]string{"en": "Bye", "zh": "再见"}})
	s.mustPut(t, admin.KindFlow, "gone", &admin.Flow{Text: goneFlow})
	s.mustPut(t, admin.KindNumber, "hotline", &admin.Number{Numbers: []string{"4000"}, Flow: "gone"})
	if got := dial("4000"); got != 200 {
		t.Errorf("a stored number: %d", got)
	}
	p.hungUp()
	r, _ := s.cdr(t)
	if r.Route != "hotline" || r.Cause != call.CauseNormal {
		t.Errorf("record %+v", r)
	}
	for ref, kind := range map[string]admin.Kind{"gone": admin.KindFlow, "shut": admin.KindPrompt} {
		if err := s.put(t, kind, ref, nil); err == nil || !strings.Contains(err.Error(), "needs it") {
			t.Errorf("%s was taken from under what needs it: %v", ref, err)
		}
	}
	s.mustPut(t, admin.KindTrunk, "out", &admin.Trunk{Proxy: fmt.Sprintf("sip:127.0.0.1:%d", b.port())})
	s.mustPut(t, admin.KindNumber, "through", &admin.Number{Numbers: []string{"1999"}, Bridge: fmt.Sprintf("sip:{number}@127.0.0.1:%d", b.port()), BridgeTrunk: "out"})
	p.invite(s.udp(t), "1999") // goes before the file's 1*
	if m := b.take(); !strings.Contains(m.first, "sip:1999@") {
		t.Errorf("dialled %s", m.first)
	}
	if m := p.final(); m.status() != 200 {
		t.Errorf("bridged: %s", m.first)
	}
	p.bye()
	b.hungUp()
	if err := s.put(t, admin.KindTrunk, "out", nil); err == nil {
		t.Error("the trunk of a number was taken away")
	}
	s.mustPut(t, admin.KindNumber, "through", nil)
	s.mustPut(t, admin.KindTrunk, "out", nil)
	s.mustPut(t, admin.KindNumber, "hotline", nil)
	if got := dial("4000"); got != 404 {
		t.Errorf("afterwards: %d", got)
	}
	rows, err := pg.Row(t.Context(), s.db, pgx.RowTo[int], `select count(*)::int from audit where action ~ '^(trunk|number|flow|prompt)\.'`)
	if err != nil || rows != 8 {
		t.Errorf("%d audit rows, %v", rows, err)
	}
}

const allFile = `
calendars:
  - {name: never, zone: UTC, week: {}, days: []}
queues:
  - {id: support, name: Support}
prompts:
  - {name: shut, texts: {en: "Bye"}}
flows:
  - name: gone
    text: |
      flow: gone
      version: 1
      nodes:
        - {say: {prompt: shut}}
        - hangup: true
trunks:
  - {name: carrier, proxy: "sip:192.0.2.1", credentials: {username: me, password: open sesame}}
outbound:
  - {name: abroad, prefixes: ["+"], trunk: carrier}
numbers:
  - {name: hotline, numbers: ["4000"], queue: support, calendar: never, closed: gone}
codecs: {trunks: [PCMU, PCMA]}
turn: {listen: "127.0.0.1:0"}
alerts:
  - {name: long, metric: oldest, operator: ">", value: 60, severity: warning}
`

// TestApplyTakesAllKinds: everything from one file, dry, once, twice; a running server takes it over; a restart keeps it.
func TestApplyTakesAllKinds(t *testing.T) {
	cfg := testConfig(t)
	s := mustRun(t, cfg)
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	raw, err := yaml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	config, file := write("pbx.yaml", string(raw)), write("all.yaml", allFile)
	apply := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := run(append([]string{"apply", "-config", config}, args...), &out, &errOut)
		return code, out.String() + errOut.String()
	}
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"-f", file, "-check"}, "no mistakes"},
		{[]string{"-f", file, "-dry-run"}, "would be: 9 added, 1 changed, 0 as they were"},
		{[]string{"-f", file}, "\n9 added, 1 changed, 0 as they were"},
		{[]string{"-f", file}, "0 added, 0 changed, 10 as they were"},
	} {
		if code, said := apply(step.args...); code != 0 || !strings.Contains(said, step.want) {
			t.Fatalf("%v: %d %s", step.args, code, said)
		}
	}
	p := newPhone(t)
	for end := time.Now().Add(30 * time.Second); len(s.admin.Now().Numbers) == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the server did not take it over")
		}
	}
	if late := s.rules.waiting(); len(late) != 1 || late[0] != admin.KindRelay {
		t.Errorf("waits for a restart: %v", late)
	}
	p.invite(s.udp(t), "4000") // closed for ever: the flow says good-bye
	if m := p.final(); m.status() != 200 {
		t.Fatal(m.first)
	}
	p.hungUp()
	if r, _ := s.cdr(t); r.Cause != call.CauseNormal || r.Data["flow"] == nil && r.Route != "hotline" {
		t.Errorf("record %+v", r)
	}
	for _, bad := range []struct{ text, want string }{
		{"numbers:\n  - name: a\n    numbrs: [\"1\"]\n", "line 3, column 5"},
		{"outbound:\n  - {name: a, trunk: none}\n", "there is no trunk"},
		{"prompts:\n  - {name: shut, remove: true}\n", "needs it"},
		{"alerts:\n  - {name: a, metric: oldest, operator: \">\", value: 60, severity: warning, queues: [support, nowhere]}\n", "there is no queue \"nowhere\"; there is support"},
		{"rules:\n  - {name: a, when: [conversation.queued], if: {field: conversation.queue, op: in, value: [support, nowhere]}, then: [{do: priority, priority: high}]}\n", "there is no queue \"nowhere\"; there is support"},
		{"alerts: []\nqueues:\n  - id: a\n    strategi: best\n", "line 4, column 5"},
	} {
		if code, said := apply("-f", write("bad.yaml", bad.text)); code != 1 || !strings.Contains(said, bad.want) {
			t.Errorf("%s: %d %s", bad.want, code, said)
		}
	}
	if code, said := apply("-f", write("less.yaml", "alerts:\n  - {name: long, remove: true}\n")); code != 0 || !strings.Contains(said, "1 removed") {
		t.Errorf("remove: %d %s", code, said)
	}
	if err := s.close(cancelled()); err != nil {
		t.Fatal(err)
	}
	again := mustRun(t, cfg)
	if n := again.admin.Now(); n.Trunks["carrier"] == nil || n.Trunks["carrier"].Credentials.Password != "open sesame" || len(n.Alerts) != 0 {
		t.Errorf("after a restart: %+v", n)
	}
	if len(again.rules.waiting()) != 0 || again.cfg.Media.TURN.Listen != "127.0.0.1:0" {
		t.Errorf("the relay: %v %+v", again.rules.waiting(), again.cfg.Media.TURN)
	}
	if _, ok := again.flows.Flow("gone"); !ok {
		t.Error("the flow is gone")
	}
}
