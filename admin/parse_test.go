package admin

import (
	"errors"
	"strings"
	"testing"
)

const file = `# everything
queues:
  - {id: support}

trunks:
  - name: carrier
    addresses: ["192.0.2.0/24"]
    proxy: sip:192.0.2.1
    credentials: {username: me}
    probe: 30s
outbound:
  - {name: abroad, prefixes: ["+"], trunk: carrier}
numbers:
  - name: hotline
    numbers: ["4000"]
    queue: support
skills:
  - {name: tech}
flows:
  - name: hello
    text: |
      flow: hello
      version: 1
codecs: {trunks: [PCMU]}
turn:
  listen: 0.0.0.0:3478
alerts:
  - {name: long, metric: oldest, operator: ">", value: 60, for: 30s, severity: warning}
  - {name: old, remove: true}
`

func TestParse(t *testing.T) {
	changes, rest, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range changes {
		got = append(got, c.String())
	}
	if s := strings.Join(got, " "); s != "trunk:carrier route:abroad flow:hello number:hotline codecs:server relay:server alert:long alert:old" {
		t.Error(s)
	}
	if strings.Count(string(rest), "\n") != strings.Count(file, "\n") || !strings.HasPrefix(strings.Split(string(rest), "\n")[16], "skills:") || strings.Contains(string(rest), "carrier") {
		t.Errorf("rest:\n%s", rest)
	}
	if f := changes[2].Doc.(*Flow); !strings.HasPrefix(f.Text, "flow: hello\nversion: 1") {
		t.Errorf("%q", f.Text)
	}
	if changes[7].Doc != nil {
		t.Error("what is to be removed has a document")
	}
}

func TestParseTellsThePlace(t *testing.T) {
	for name, tc := range map[string]struct {
		text         string
		line, column int
		says         string
	}{
		"unknown field": {"numbers:\n  - name: a\n    numbers: [\"1\"]\n    floww: x\n", 4, 5, "floww"},
		"bad field":     {"trunks:\n  - name: a\n    proxy: here\n", 2, 5, "proxy"},
		"no name":       {"numbers:\n  - {numbers: [\"1\"], flow: x}\n", 2, 6, "name"},
		"no list":       {"numbers: 7\n", 1, 10, "list"},
		"bad time":      {"trunks:\n  - name: a\n    addresses: [10.0.0.1]\n    probe: soon\n", 0, 0, "soon"},
		"alias":         {"a: &x 1\nb: *x\n", 2, 4, "alias"},
		"flow style":    {"{numbers: []}", 1, 2, "below"},
		"twice":         {"numbers:\n  - {name: a, numbers: [\"1\"], flow: x}\n  - {name: a, numbers: [\"2\"], flow: x}\n", 0, 0, "twice"},
	} {
		_, _, err := Parse([]byte(tc.text))
		var e *ParseError
		if !errors.As(err, &e) || !strings.Contains(e.Message, tc.says) || tc.line != 0 && (e.Line != tc.line || tc.column != e.Column) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(file))
	f.Add([]byte("numbers:\n- {name: a}"))
	f.Fuzz(func(t *testing.T, text []byte) {
		changes, rest, err := Parse(text)
		if err == nil && strings.Count(string(rest), "\n") != strings.Count(string(text), "\n") {
			t.Errorf("%d changes, lines were lost", len(changes))
		}
	})
}
