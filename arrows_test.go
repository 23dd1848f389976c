// Package tingxin_test holds the house's import table as a test. It has no
// product code: the module's root is empty otherwise.
package tingxin_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "tingxin"

// room is one row of the import table in ARCHITECTURE.md. A package without a
// row of its own belongs to the nearest row above it in the tree: sip/sdp to
// sip. Within a room everything may import everything.
type room struct {
	path string
	// imports names the rooms that this one may import; "*" stands for every
	// room that doesn't restrict its guests.
	imports []string
	// guests, when set, names the only rooms that may import this one.
	guests []string
	// tests makes the room one for tests: any test may import it, nothing else.
	tests bool
}

var (
	ground  = []string{"audio", "nlp", "event", "pg", "outbound", "team", "period"}
	engines = []string{"media", "asr", "emotion", "ivr"}
	nouns   = []string{"queue", "ticket", "triage", "kb", "chat", "contact", "callout", "admin"}
	work    = []string{"call", "bot", "rules", "feedback", "report", "assist"}
	nobody  = []string{"-"}
)

// table is section "who may import whom", from the top of the house down.
var table = []room{
	// Programs and what only they or a person at the keyboard start.
	{path: "cmd/pbx", imports: []string{"*"}, guests: nobody},
	{path: "cmd/asrd", imports: rooms("asr/vosk", "asr/worker", "asr/front", "asr", "audio"), guests: nobody},
	{path: "score", imports: []string{"*"}, guests: rooms("cmd/pbx", "bench", "e2e")},
	{path: "bench", imports: []string{"*"}, guests: rooms("cmd/pbx", "e2e")},
	{path: "caller", imports: rooms("sip", "media", "audio", "event"), guests: rooms("cmd/pbx", "score", "bench", "e2e")},
	{path: "visitor", guests: rooms("bench", "e2e")},
	{path: "e2e", imports: []string{"*"}, guests: nobody},
	{path: "scripts", guests: nobody},
	{path: "examples", guests: nobody},

	// Edge.
	{path: "api", imports: rooms(work, nouns, engines, ground, "rules/plan", "web"), guests: rooms("cmd/pbx", "e2e")},
	{path: "sip", imports: rooms("call", "media", "audio", "event"), guests: rooms("cmd/pbx", "score", "bench", "caller", "e2e")},
	{path: "chat/web", imports: rooms("chat", "event", "pg"), guests: rooms("cmd/pbx", "bench", "e2e")},
	{path: "chat/webhook", imports: rooms("chat", "event", "pg", "outbound"), guests: rooms("cmd/pbx", "e2e")},
	{path: "chat/email", imports: rooms("chat", "event", "pg"), guests: rooms("cmd/pbx", "e2e")},
	{path: "chat/wechat", imports: rooms("chat", "event", "pg"), guests: rooms("cmd/pbx", "e2e")},
	{path: "web", guests: rooms("api", "cmd/pbx", "e2e")},

	// Work.
	{path: "call", imports: rooms(engines, "queue", "audio", "event", "pg", "team")},
	{path: "bot", imports: rooms("chat", "kb", "nlp", "contact", "ticket", "queue", "event", "pg", "outbound")},
	{path: "feedback", imports: rooms("chat", "ticket", "queue", "nlp", "event", "pg", "team")},
	{path: "rules", imports: rooms("rules/plan", "chat", "contact", "ticket", "queue", "nlp", "event", "pg", "outbound")},
	{path: "rules/plan", imports: rooms("nlp"), guests: rooms("rules", "admin", "api", "cmd/pbx", "e2e")},
	{path: "report", imports: rooms("event", "pg")},
	{path: "assist", imports: rooms("call", "bot", nouns, "event", "pg", "nlp")},

	// Nouns.
	{path: "queue", imports: rooms("pg", "nlp", "event", "team", "period")},
	{path: "queue/sim", imports: rooms("queue"), guests: rooms("cmd/pbx", "api", "report")},
	{path: "ticket", imports: rooms("pg", "nlp", "event", "queue", "team")},
	{path: "triage", imports: rooms("pg", "nlp", "queue", "ticket")},
	{path: "kb", imports: rooms("pg", "nlp", "event")},
	{path: "chat", imports: rooms("pg", "nlp", "event", "team")},
	{path: "node", imports: rooms("pg"), guests: rooms("cmd/pbx", "e2e")},
	{path: "chat/chattest", imports: rooms("chat", "pg", "event"), tests: true},
	{path: "contact", imports: rooms("pg", "nlp", "event", "team")},
	{path: "callout", imports: rooms("pg", "event", "queue", "contact", "team")},
	{path: "admin", imports: rooms("pg", "event", "rules/plan", "period")},

	// Engines.
	{path: "media", imports: rooms("audio", "event")},
	{path: "asr", imports: rooms("audio", "event", "asr/text", "asr/front")},
	{path: "asr/text"},
	{path: "asr/front"},
	{path: "asr/worker", imports: rooms("asr", "asr/front", "audio"), guests: rooms("cmd/asrd")},
	{path: "asr/vosk", imports: rooms("asr", "asr/worker", "audio"), guests: rooms("cmd/asrd")},
	{path: "emotion", imports: rooms("audio", "event")},
	{path: "ivr", imports: rooms("audio", "event", "outbound")},

	// Ground.
	{path: "audio"},
	{path: "nlp"},
	{path: "event"},
	{path: "period"},
	{path: "outbound"},
	{path: "team", imports: rooms("pg")},
	{path: "pg"},
	{path: "pg/pgtest", imports: rooms("pg"), tests: true},
	{path: "race", tests: true},
	{path: "testdata", tests: true},
	{path: "."},
}

// walls names modules that stay inside one room, so that the rest of the house
// could live with another one. Tests may use them as foreign peers.
var walls = []struct {
	prefix string
	inside []string
}{
	{"github.com/alphacep/vosk-api", rooms("asr/vosk")},
	{"github.com/pion/sdp", rooms("media", "sip", "caller", "bench")},
	{"github.com/pion/", rooms("media", "caller", "bench", "e2e")},
	{"github.com/emiago/sipgo", rooms("sip", "caller", "bench", "e2e")},
	{"github.com/prometheus/", rooms("api", "e2e")},
	{"github.com/gin-gonic/", rooms("api")},
	{"github.com/danielgtaylor/huma", rooms("api")},
	{"github.com/centrifugal/", rooms("api", "e2e")},
	{"github.com/coreos/go-oidc", rooms("api")},
	{"github.com/pquerna/otp", rooms("api")},
	{"github.com/pressly/goose", rooms("pg")},
	{"github.com/yalue/onnxruntime_go", rooms("nlp")},
	{"github.com/knadh/koanf", rooms("cmd/pbx", "cmd/asrd")},
}

// rooms flattens names and lists of names.
func rooms(parts ...any) []string {
	var all []string
	for _, part := range parts {
		switch part := part.(type) {
		case string:
			all = append(all, part)
		case []string:
			all = append(all, part...)
		default:
			panic(fmt.Sprintf("rooms: %T", part))
		}
	}
	return all
}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

func TestImportsFollowTheTable(t *testing.T) {
	packages := listPackages(t)
	if len(packages) < 3 {
		t.Fatalf("go list found %d packages, the test would prove nothing", len(packages))
	}
	for _, p := range packages {
		for _, to := range p.Imports {
			if err := arrow(p.ImportPath, to, false); err != nil {
				t.Error(err)
			}
		}
		for _, to := range slices.Concat(p.TestImports, p.XTestImports) {
			if err := arrow(p.ImportPath, to, true); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestArrow shows that the rule above can fail.
func TestArrow(t *testing.T) {
	for _, tc := range []struct {
		from, to string
		test, ok bool
	}{
		{"sip", "call", false, true},
		{"call", "sip", false, false},
		{"sip/sdp", "media", false, true},
		{"media", "sip/sdp", false, false},
		{"audio", "event", false, false},
		{"asr", "asr/text", false, true},
		{"asr/text", "asr", false, false},
		{"cmd/asrd", "asr/vosk", false, true},
		{"cmd/pbx", "asr/vosk", false, false},
		{"asr", "asr/vosk", false, false},
		{"asr", "asr/worker", false, false},
		{"asr", "asr/worker", true, true},
		{"call", "pg/pgtest", false, false},
		{"call", "pg/pgtest", true, true},
		{"api", "call", false, true},
		{"api", "sip", false, false},
		{"cmd/pbx", "sip", false, true},
		{"utils", "audio", false, false},
		{"audio", "utils", false, false},
	} {
		err := arrow(module+"/"+tc.from, module+"/"+tc.to, tc.test)
		if (err == nil) != tc.ok {
			t.Errorf("%s -> %s (test %v): %v, want allowed %v", tc.from, tc.to, tc.test, err, tc.ok)
		}
	}
	if arrow(module+"/call", "github.com/emiago/sipgo/sip", false) == nil {
		t.Error("sipgo got out of its wall")
	}
	if err := arrow(module+"/call", "github.com/emiago/sipgo/sip", true); err != nil {
		t.Error(err)
	}
}

// arrow says whether package from may import package to, both by full path.
// test tells that a test file of from does it.
func arrow(from, to string, test bool) error {
	toPath, ours := inModule(to)
	fromPath, _ := inModule(from)
	home := roomOf(fromPath)
	if home == nil {
		return fmt.Errorf("package %s has no row in the import table: add one where it belongs", fromPath)
	}
	if !ours {
		return wall(home, fromPath, to, test)
	}
	target := roomOf(toPath)
	switch {
	case target == nil:
		return fmt.Errorf("package %s has no row in the import table: add one where it belongs", toPath)
	case home == target, target.tests && test:
		return nil
	case test && folder(home.path) == folder(target.path):
		return nil // a test may join the parts of one folder
	case target.tests:
		return fmt.Errorf("%s -> %s: only tests may import that", fromPath, toPath)
	case target.guests != nil && !slices.Contains(target.guests, home.path):
		return fmt.Errorf("%s -> %s: only %s may import that", fromPath, toPath, strings.Join(target.guests, " "))
	case slices.Contains(home.imports, target.path), slices.Contains(home.imports, "*"):
		return nil
	}
	return fmt.Errorf("%s -> %s: %s may import %s only", fromPath, toPath, home.path, list(home.imports))
}

func wall(home *room, from, to string, test bool) error {
	for _, w := range walls {
		if !strings.HasPrefix(to, w.prefix) {
			continue
		}
		if test || slices.Contains(w.inside, home.path) {
			return nil
		}
		return fmt.Errorf("%s -> %s: that stays inside %s", from, to, list(w.inside))
	}
	return nil
}

// folder is the first name of a path.
func folder(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing of ours"
	}
	return strings.Join(names, " ")
}

// inModule cuts the module's name off an import path.
func inModule(path string) (string, bool) {
	if path == module || path == module+"_test" {
		return ".", true
	}
	return strings.CutPrefix(path, module+"/")
}

// roomOf finds the nearest row at or above a package.
func roomOf(path string) *room {
	var best *room
	for i := range table {
		r := &table[i]
		inside := path == r.path || strings.HasPrefix(path, r.path+"/")
		if inside && (best == nil || len(r.path) > len(best.path)) {
			best = r
		}
	}
	return best
}

func listPackages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %v\n%s", err, exit.Stderr)
		}
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("go list: %v", err)
		}
		all = append(all, p)
	}
}
