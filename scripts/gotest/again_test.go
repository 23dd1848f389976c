package main

import (
	"bufio"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecondTry(t *testing.T) {
	const first = `{"Action":"pass","Package":"p","Test":"Well"}
{"Action":"skip","Package":"p","Test":"Not"}
{"Action":"run","Package":"p","Test":"Late"}
{"Action":"run","Package":"p","Test":"Late/x"}
{"Action":"output","Package":"p","Test":"Late/x","Output":"    a_test.go:7: time=12:00 level=DEBUG msg=stopped\n"}
{"Action":"output","Package":"p","Test":"Late/x","Output":"    a_test.go:9: no answer within 5s\n"}
{"Action":"fail","Package":"p","Test":"Late/x"}
{"Action":"fail","Package":"p","Test":"Late"}
{"Action":"fail","Package":"p"}
{"Action":"fail","Package":"q"}`
	for _, tc := range []struct {
		name, events string
		ok           bool
		says         []string
	}{
		{"both pass", `{"Action":"pass","Package":"p","Test":"Late/x"}
{"Action":"pass","Package":"p","Test":"Late"}
{"Action":"pass","Package":"p"}
{"Action":"pass","Package":"q","Test":"Any"}
{"Action":"pass","Package":"q"}`, true, []string{"second try only: p.Late, q\n", "go: 3 passed, 0 failed, 1 skipped\n"}},
		{"one fails again", `{"Action":"output","Package":"p","Test":"Late","Output":"a_test.go:9: still none\n"}
{"Action":"fail","Package":"p","Test":"Late"}
{"Action":"fail","Package":"p"}
{"Action":"pass","Package":"q","Test":"Any"}
{"Action":"pass","Package":"q"}`, false, []string{"failed  p.Late\n        a_test.go:9: still none\n", "failed twice: p.Late\n", "second try only: q\n", "go: 2 passed, 1 failed, 1 skipped\n"}},
		{"skipped is not passed", `{"Action":"skip","Package":"p","Test":"Late"}
{"Action":"pass","Package":"p"}
{"Action":"pass","Package":"q","Test":"Any"}
{"Action":"pass","Package":"q"}`, false, []string{"failed twice: p.Late\n"}},
		{"nothing ran", "", false, []string{"failed twice: p.Late, q\n", "go: 1 passed, 2 failed, 1 skipped\n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "failures")
			if ok, text, err := run(first, func(in *strings.Reader, out *bufio.Writer) (bool, error) { return firstTry(file, "go", in, out) }); ok || err != nil {
				t.Fatalf("first try: %v, %v", ok, err)
			} else if want := "failed  p.Late/x\n            a_test.go:9: no answer within 5s\nfailed  q\ngo: 1 passed, 2 failed, 1 skipped\n"; !strings.HasSuffix(text, want) {
				t.Errorf("first try ends\n%s\nwant\n%s", text, want)
			}
			if ok, text, err := run("", func(_ *strings.Reader, out *bufio.Writer) (bool, error) { return plan(file, out) }); !ok || err != nil || text != "p ^Late$\nq .\n" {
				t.Errorf("plan %q, %v, %v", text, ok, err)
			}
			ok, text, err := run(tc.events, func(in *strings.Reader, out *bufio.Writer) (bool, error) { return secondTry(file, "go", in, out) })
			if err != nil || ok != tc.ok {
				t.Errorf("second try: %v, %v", ok, err)
			}
			for _, s := range tc.says {
				if !strings.Contains(text, s) {
					t.Errorf("output lacks %q:\n%s", s, text)
				}
			}
		})
	}
}

func TestNoSecondTryWhenMuchFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "failures")
	var events strings.Builder
	for i := range maxAgain + 1 {
		events.WriteString(`{"Action":"fail","Package":"p","Test":"T` + string(rune('a'+i)) + "\"}\n")
	}
	events.WriteString(`{"Action":"fail","Package":"p"}`)
	if _, _, err := run(events.String(), func(in *strings.Reader, out *bufio.Writer) (bool, error) { return firstTry(file, "go", in, out) }); err != nil {
		t.Fatal(err)
	}
	if _, text, err := run("", func(_ *strings.Reader, out *bufio.Writer) (bool, error) { return plan(file, out) }); err != nil || text != "" {
		t.Errorf("plan %q, %v", text, err)
	}
}

func run(events string, f func(*strings.Reader, *bufio.Writer) (bool, error)) (ok bool, text string, err error) {
	var b strings.Builder
	out := bufio.NewWriter(&b)
	ok, err = f(strings.NewReader(events), out)
	_ = out.Flush()
	return ok, b.String(), err
}
