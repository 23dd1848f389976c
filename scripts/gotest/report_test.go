package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events string
		want   count
		says   []string // all must stand in the output
		silent []string // none may
	}{
		{
			name: "leaves are counted, parents aren't",
			events: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"A/x"}
{"Action":"output","Package":"p","Test":"A/x","Output":"noise\n"}
{"Action":"pass","Package":"p","Test":"A/x"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"B"}
{"Action":"skip","Package":"p","Test":"B"}
{"Action":"pass","Package":"p","Elapsed":0.5}`,
			want:   count{passed: 1, skipped: 1},
			says:   []string{"pass  p", "1 passed, 1 skipped"},
			silent: []string{"noise"},
		},
		{
			name: "a failing subtest is one failure and is shown",
			events: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"run","Package":"p","Test":"A/x"}
{"Action":"output","Package":"p","Test":"A/x","Output":"=== RUN   A/x\n"}
{"Action":"output","Package":"p","Test":"A/x","Output":"want 1, have 2\n"}
{"Action":"fail","Package":"p","Test":"A/x"}
{"Action":"fail","Package":"p","Test":"A"}
{"Action":"fail","Package":"p"}`,
			want:   count{failed: 1},
			says:   []string{"fail  p", "want 1, have 2"},
			silent: []string{"=== RUN"},
		},
		{
			name: "a test killed by a panic elsewhere is shown",
			events: `{"Action":"run","Package":"p","Test":"A"}
{"Action":"output","Package":"p","Test":"A","Output":"panic: boom\n"}
{"Action":"fail","Package":"p"}`,
			want: count{failed: 1},
			says: []string{"panic: boom"},
		},
		{
			name: "a time-out that go test puts behind a test that passed is shown, what that one said before isn't",
			events: `{"Action":"run","Package":"p","Test":"B"}
{"Action":"output","Package":"p","Test":"A","Output":"noise\n"}
{"Action":"output","Package":"p","Test":"A","Output":"--- PASS: A (0.1s)\n"}
{"Action":"output","Package":"p","Test":"A","Output":"panic: test timed out after 8m0s\n"}
{"Action":"pass","Package":"p","Test":"A"}
{"Action":"fail","Package":"p"}`,
			want:   count{passed: 1, failed: 1},
			says:   []string{"panic: test timed out"},
			silent: []string{"noise"},
		},
		{
			name: "a package that doesn't build",
			events: `{"ImportPath":"p [p.test]","Action":"build-output","Output":"p/a.go:3: undefined: x\n"}
{"ImportPath":"p [p.test]","Action":"build-fail"}
{"Action":"start","Package":"p"}
{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
			want: count{failed: 1},
			says: []string{"undefined: x"},
		},
		{
			name: "slow tests are named, the slowest first, without their parts",
			events: `{"Action":"pass","Package":"p","Test":"Brisk","Elapsed":2.9}
{"Action":"pass","Package":"p","Test":"Slow","Elapsed":4}
{"Action":"pass","Package":"p","Test":"Slower/x","Elapsed":9}
{"Action":"pass","Package":"p","Test":"Slower","Elapsed":9}
{"Action":"pass","Package":"p"}`,
			want:   count{passed: 4},
			says:   []string{"slow    9.0 s  p.Slower\nslow    4.0 s  p.Slow\n"},
			silent: []string{"Brisk", "Slower/x"},
		},
		{
			name:   "no test files, and a line that is no event",
			events: "go: cannot find main module\n" + `{"Action":"skip","Package":"p"}`,
			says:   []string{"go: cannot find main module"},
			silent: []string{"skip  p"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var text strings.Builder
			out := bufio.NewWriter(&text)
			r := newReport(out)
			have, err := r.read(strings.NewReader(tc.events))
			if err != nil {
				t.Fatal(err)
			}
			r.slowest()
			if err := out.Flush(); err != nil {
				t.Fatal(err)
			}
			if have != tc.want {
				t.Errorf("counted %+v, want %+v", have, tc.want)
			}
			for _, s := range tc.says {
				if !strings.Contains(text.String(), s) {
					t.Errorf("output lacks %q:\n%s", s, text.String())
				}
			}
			for _, s := range tc.silent {
				if strings.Contains(text.String(), s) {
					t.Errorf("output has %q:\n%s", s, text.String())
				}
			}
		})
	}
}
