package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// testEvent is one line of `go test -json` (see `go doc test2json`).
type testEvent struct {
	Action      string
	Package     string
	ImportPath  string // of build-output and build-fail
	Test        string
	Output      string
	Elapsed     float64 // seconds
	FailedBuild string
}

type count struct{ passed, failed, skipped int }

func (c *count) add(o count) {
	c.passed += o.passed
	c.failed += o.failed
	c.skipped += o.skipped
}

// packageRun is what is known of one package while its tests run.
type packageRun struct {
	output  map[string]*strings.Builder // by test; "" holds the package's own
	parents map[string]bool             // tests that have subtests
	result  map[string]string           // pass, fail or skip by test
	order   []string                    // tests in the order they ended
}

// slow is a test that took long.
type slow struct {
	seconds float64
	name    string // package and test
}

// A suite names its slowest tests.
const (
	slowTest  = 3 // seconds
	slowTests = 10
)

// report turns events into text.
type report struct {
	out      *bufio.Writer
	packages map[string]*packageRun
	builds   map[string]*strings.Builder // compiler output by import path
	total    count
	slow     []slow
	failed   []failure
	passed   map[failure]bool // tests that passed, without subtests, and packages
	reasons  []string         // what each failed test said itself
}

func newReport(out *bufio.Writer) *report {
	return &report{out: out, packages: map[string]*packageRun{}, builds: map[string]*strings.Builder{}, passed: map[failure]bool{}}
}

// read takes all events until the end of in. A line that is no event, as the
// Go command writes when it can't even start, is passed on as it is.
func (r *report) read(in io.Reader) (count, error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 0, 64<<10), 16<<20)
	for lines.Scan() {
		var ev testEvent
		if err := json.Unmarshal(lines.Bytes(), &ev); err != nil || ev.Action == "" {
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(ev)
	}
	return r.total, lines.Err()
}

func (r *report) take(ev testEvent) {
	switch ev.Action {
	case "build-output":
		buffer(r.builds, ev.ImportPath).WriteString(ev.Output)
		return
	case "build-fail", "start", "pause", "cont", "bench", "attr", "artifacts":
		return
	}
	p := r.packages[ev.Package]
	if p == nil {
		p = &packageRun{output: map[string]*strings.Builder{}, parents: map[string]bool{}, result: map[string]string{}}
		r.packages[ev.Package] = p
	}
	switch ev.Action {
	case "output":
		buffer(p.output, ev.Test).WriteString(ev.Output)
	case "run":
		for i, c := range ev.Test {
			if c == '/' {
				p.parents[ev.Test[:i]] = true
			}
		}
	case "pass", "fail", "skip":
		if ev.Test == "" {
			r.finish(ev, p)
			return
		}
		p.result[ev.Test] = ev.Action
		p.order = append(p.order, ev.Test)
		if ev.Elapsed >= slowTest && !strings.Contains(ev.Test, "/") {
			r.slow = append(r.slow, slow{ev.Elapsed, ev.Package + "." + ev.Test})
		}
		if ev.Action == "pass" {
			p.keepEnd(ev.Test)
			r.passed[failure{ev.Package, ev.Test}] = true
		}
	}
}

// keepEnd forgets what a test that passed said. What stands behind its result is not its
// own: go test puts the panic of a time-out behind whichever test spoke last.
func (p *packageRun) keepEnd(test string) {
	b := p.output[test]
	delete(p.output, test)
	if b == nil {
		return
	}
	said := b.String()
	if i := strings.LastIndex(said, "--- PASS: "); i >= 0 {
		if _, late, _ := strings.Cut(said[i:], "\n"); strings.TrimSpace(late) != "" {
			buffer(p.output, test).WriteString(late)
		}
	}
}

// slowest names the tests that took longest, for whoever wants the suite to be quicker.
func (r *report) slowest() {
	slices.SortFunc(r.slow, func(a, b slow) int { return cmp.Or(cmp.Compare(b.seconds, a.seconds), cmp.Compare(a.name, b.name)) })
	for _, s := range r.slow[:min(len(r.slow), slowTests)] {
		fmt.Fprintf(r.out, "slow  %5.1f s  %s\n", s.seconds, s.name)
	}
}

// finish writes the package's line and its failures, and forgets it.
func (r *report) finish(ev testEvent, p *packageRun) {
	defer delete(r.packages, ev.Package)
	c := p.count(ev.Action)
	r.total.add(c)
	if c == (count{}) {
		return // no test files
	}
	fmt.Fprintf(r.out, "%-4s  %-32s %6.1f s  %d passed", ev.Action, ev.Package, ev.Elapsed, c.passed)
	for _, part := range []struct {
		n    int
		what string
	}{{c.failed, "failed"}, {c.skipped, "skipped"}} {
		if part.n > 0 {
			fmt.Fprintf(r.out, ", %d %s", part.n, part.what)
		}
	}
	fmt.Fprintln(r.out)
	switch ev.Action {
	case "fail":
		r.explain(ev, p)
		r.note(ev.Package, p)
	case "pass":
		r.passed[failure{ev.Package, ""}] = true
	}
	_ = r.out.Flush() // shown as it happens; main reports a broken pipe at the end
}

// count counts tests without subtests of their own. A parent counts only when
// it failed by itself; a package that failed without naming a test, as one.
func (p *packageRun) count(action string) count {
	var c count
	for _, test := range p.order {
		switch {
		case p.result[test] == "fail" && !(p.parents[test] && p.childFailed(test)):
			c.failed++
		case p.parents[test]:
		case p.result[test] == "pass":
			c.passed++
		case p.result[test] == "skip":
			c.skipped++
		}
	}
	// A test that was running when the process died has no result.
	if action == "fail" && c.failed == 0 {
		c.failed = 1
	}
	return c
}

func (p *packageRun) childFailed(test string) bool {
	for other, result := range p.result {
		if result == "fail" && strings.HasPrefix(other, test+"/") {
			return true
		}
	}
	return false
}

// explain writes the output of the tests that failed or never ended, and the
// compiler's words when the package didn't build.
func (r *report) explain(ev testEvent, p *packageRun) {
	if b := r.builds[ev.FailedBuild]; b != nil {
		r.indent(b.String())
	}
	for _, test := range p.order {
		if p.result[test] == "fail" || p.result[test] == "pass" {
			r.show(p, test)
		}
	}
	for test := range p.output {
		if test != "" && p.result[test] == "" {
			r.show(p, test)
		}
	}
	r.show(p, "")
}

// A test's output may be long with the log of the server it drives: why repeats, at
// the end, what the failed tests said themselves.
const reasonLines = 12

var logLine = regexp.MustCompile(`\btime=\S+ level=`)

// note keeps the failures of a package that has ended.
func (r *report) note(pkg string, p *packageRun) {
	tests := slices.Clone(p.order)
	for test := range p.output {
		if test != "" && p.result[test] == "" { // running when the process died
			tests = append(tests, test)
		}
	}
	named := false
	for _, test := range tests {
		if p.result[test] == "pass" || p.result[test] == "skip" || (p.parents[test] && p.childFailed(test)) {
			continue
		}
		named = true
		r.reason(failure{pkg, test}.String(), p.output[test])
		top, _, _ := strings.Cut(test, "/")
		if f := (failure{pkg, top}); !slices.Contains(r.failed, f) {
			r.failed = append(r.failed, f)
		}
	}
	if !named {
		r.reason(pkg, p.output[""])
		r.failed = append(r.failed, failure{pkg, ""})
	}
}

func (r *report) reason(name string, output *strings.Builder) {
	text := "failed  " + name + "\n"
	n := 0
	if output != nil {
		for line := range strings.Lines(output.String()) {
			trimmed := strings.TrimSpace(line)
			if trimmed == "" || strings.HasPrefix(trimmed, "=== ") || strings.HasPrefix(trimmed, "--- ") || logLine.MatchString(line) {
				continue
			}
			if n++; n > reasonLines {
				text += "        ...\n"
				break
			}
			text += "        " + strings.TrimRight(line, "\n") + "\n"
		}
	}
	r.reasons = append(r.reasons, text)
}

// why says, last of all, what failed and what it said.
func (r *report) why() {
	for _, text := range r.reasons {
		fmt.Fprint(r.out, text)
	}
}

func (r *report) show(p *packageRun, test string) {
	if b := p.output[test]; b != nil {
		r.indent(b.String())
	}
}

func (r *report) indent(text string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.TrimSpace(line), "=== ") {
			continue
		}
		fmt.Fprintf(r.out, "      %s", line)
	}
}

func buffer(m map[string]*strings.Builder, key string) *strings.Builder {
	if m[key] == nil {
		m[key] = &strings.Builder{}
	}
	return m[key]
}
