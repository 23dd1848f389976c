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

	"tingxin/pg"
)

const queuesFile = `
skills:
  - {name: tech, label: Technik}
agents:
  - {user: admin, skills: {tech: 0.9}}
queues:
  - {id: support, name: Support, skills: [tech], members: [{user: admin}]}
`

// TestApplyReachesTheRunningServer: settings from a file count at once, and once.
func TestApplyReachesTheRunningServer(t *testing.T) {
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
	config, file := write("pbx.yaml", string(raw)), write("queues.yaml", queuesFile)
	apply := func(args ...string) (int, string) {
		var out, errOut bytes.Buffer
		code := run(append([]string{"apply", "-config", config}, args...), &out, &errOut)
		return code, out.String() + errOut.String()
	}
	if code, said := apply("-f", file); code != 0 || !strings.Contains(said, "2 added, 1 changed") {
		t.Fatalf("apply: %d %s", code, said)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		boards, err := s.queues.Boards(t.Context())
		if err == nil && len(boards) == 1 && boards[0].Queue == "support" {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the server does not know the queue: %v %v", boards, err)
		}
	}
	if code, said := apply("-f", file); code != 0 || !strings.Contains(said, "0 added, 0 changed, 3 as they were") {
		t.Errorf("again: %d %s", code, said)
	}
	rows, err := pg.Row(t.Context(), s.db, pgx.RowTo[int], `select count(*)::int from audit where action = 'queues.applied'`)
	if err != nil || rows != 1 {
		t.Errorf("%d audit rows, %v", rows, err)
	}
	people := write("people.yaml", "teams:\n  - {id: north, name: North, members: [Admin], queues: [support]}\nrole_rules:\n  - {role: agent, reach: {calls: team, tickets: all}, hidden: [text, phone]}\n")
	if code, said := apply("-f", people); code != 0 || !strings.Contains(said, "2 added, 0 changed") {
		t.Errorf("teams and rules: %d %s", code, said)
	}
	if code, said := apply("-f", people); code != 0 || !strings.Contains(said, "0 added, 0 changed, 2 as they were") {
		t.Errorf("teams and rules again: %d %s", code, said)
	}
	var seen string
	if err := s.db.Pool().QueryRow(t.Context(), `select (select string_agg(team_id, ' ') from team_members) || ' ' || reach::text || ' ' || hidden::text || ' ' || updated_by from role_rules where role = 'agent'`).Scan(&seen); err != nil || seen != `north {"calls": "team"} {phone,text} pbx apply` {
		t.Errorf("rows %q, %v", seen, err)
	}
	for wrong, why := range map[string]string{
		"role_rules:\n  - {role: boss}\n": "no role", "role_rules:\n  - {role: admin, hidden: [phone]}\n": "administrators see all", "role_rules:\n  - {role: agent, hidden: [salary]}\n": "no field",
		"teams:\n  - {id: south, members: [nobody]}\n": "no such user",
	} {
		if code, said := apply("-f", write("wrong.yaml", wrong)); code != 1 || !strings.Contains(said, why) {
			t.Errorf("%q: %d %s", wrong, code, said)
		}
	}
	staff := "users:\n  - {user: Lin, name: Lin Yue, role: %s, language: zh-CN, password: \"a desk of her own\"}\nagents:\n  - {user: lin}\n"
	lin := write("lin.yaml", fmt.Sprintf(staff, "agent"))
	if code, said := apply("-f", lin, "-dry-run"); code != 0 || !strings.Contains(said, "would be: 2 added") && !strings.Contains(said, "user:lin") {
		t.Errorf("a user, planned: %d %s", code, said)
	}
	if code, said := apply("-f", lin); code != 0 || !strings.Contains(said, "added   user:lin") {
		t.Errorf("a user: %d %s", code, said)
	}
	if code, said := apply("-f", lin); code != 0 || !strings.Contains(said, "0 added, 0 changed, 2 as they were") {
		t.Errorf("a user again: %d %s", code, said)
	}
	if code, said := apply("-f", write("lead.yaml", fmt.Sprintf(staff, "supervisor"))); code != 0 || !strings.Contains(said, "changed user:lin") {
		t.Errorf("another role: %d %s", code, said)
	}
	var hash, did string
	if err := s.db.Pool().QueryRow(t.Context(), `select role || ' ' || name || ' ' || language || ' ' || left(password_hash, 9), (select string_agg(action, ' ' order by id) from audit where subject = 'user:' || u.id) from users u where username = 'lin'`).Scan(&hash, &did); err != nil || hash != "supervisor Lin Yue zh-CN $argon2id" || did != "user.created user.changed" {
		t.Errorf("row %q, audit %q, %v", hash, did, err)
	}
	for wrong, why := range map[string]string{
		"users:\n  - {user: bo, role: agent}\n":                              "needs a first password",
		"users:\n  - {user: bo, role: boss, password: longenough1}\n":        "no role",
		"users:\n  - {user: \"b o\", role: agent}\n":                         "to sign in with",
		"users:\n  - {user: bo, role: agent, password: x}\n":                 "characters",
		"users:\n  - {user: admin, role: agent}\n":                           "last administrator",
		"users:\n  - {user: bo, role: agent}\n  - {user: Bo, role: agent}\n": "twice",
	} {
		if code, said := apply("-f", write("wrong.yaml", wrong)); code != 1 || !strings.Contains(said, why) {
			t.Errorf("%q: %d %s", wrong, code, said)
		}
	}
	bad := write("bad.yaml", "queues:\n  - id: a\n    strategi: best\n")
	if code, said := apply("-f", bad); code != 1 || !strings.Contains(said, "line 3, column 5") {
		t.Errorf("a mistake: %d %s", code, said)
	}
	for wrong, why := range map[string]string{"overflow: nowhere": "there is no queue", "sisters: [support, nowhere]": "there is no queue", "skills: [singing]": "there is no skill", "calendar: never": "no opening hours"} {
		if code, said := apply("-f", write("wrong.yaml", "queues:\n  - id: other\n    "+wrong+"\n")); code != 1 || !strings.Contains(said, why) {
			t.Errorf("%q: %d %s", wrong, code, said)
		}
	}
	if code, said := apply("-f", write("both.yaml", "queues:\n  - {id: east, sisters: [west]}\n  - {id: west, overflow: east}\n")); code != 0 {
		t.Errorf("queues that name each other: %d %s", code, said)
	}
	stranger := write("stranger.yaml", "agents:\n  - {user: nobody}\n")
	if code, said := apply("-f", stranger); code != 1 || !strings.Contains(said, "nobody") {
		t.Errorf("a stranger: %d %s", code, said)
	}
	if code, said := apply("-f", bad, "-check"); code != 1 {
		t.Errorf("check: %d %s", code, said)
	}
}

func TestSimulateQueue(t *testing.T) {
	var out, errOut bytes.Buffer
	path := filepath.Join(t.TempDir(), "out.json")
	if code := run([]string{"simulate", "queue", "-arrivals", "60", "-runs", "2", "-json", path}, &out, &errOut); code != 0 || !strings.Contains(out.String(), "priority") {
		t.Errorf("%d %s %s", code, &out, &errOut)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Contains(b, []byte(`"met_percent"`)) {
		t.Errorf("%v %s", err, b)
	}
	for _, args := range [][]string{{"simulate"}, {"simulate", "queue", "-arrivals", "many"}, {"simulate", "queue", "-runs", "0"}} {
		if code := run(args, &out, &errOut); code != 2 {
			t.Errorf("%v: exit %d", args, code)
		}
	}
}

func TestSampleOfTeams(t *testing.T) {
	w, err := readWishes("../../docs/teams.sample.yaml")
	if err != nil || len(w.queues.Teams) != 2 || len(w.queues.RoleRules) != 2 || w.queues.Teams[0].Members[1] != "bert" {
		t.Errorf("%+v, %v", w.queues, err)
	}
}
