package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// With more failures than this no second try is worth while: something is broken.
const maxAgain = 5

// try is what is kept of a first try that failed.
type try struct {
	Passed, Failed, Skipped int
	Tests                   []failure
}

// failure is a test that failed, without its subtests; a package that failed
// without naming one has no Test.
type failure struct {
	Package, Test string
}

func (f failure) String() string {
	if f.Test == "" {
		return f.Package
	}
	return f.Package + "." + f.Test
}

func (t try) write(file string) error {
	b, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

func readTry(file string) (t try, err error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return t, err
	}
	if err := json.Unmarshal(b, &t); err != nil {
		return t, fmt.Errorf("%s: %w", file, err)
	}
	return t, nil
}

// plan writes a line for each failure that is to be tried again: its package and
// the pattern of its test for -run. It writes none when there are too many.
func plan(file string, out io.Writer) (ok bool, err error) {
	t, err := readTry(file)
	if err != nil || len(t.Tests) > maxAgain {
		return err == nil, err
	}
	for _, f := range t.Tests {
		pattern := "."
		if f.Test != "" {
			pattern = "^" + f.Test + "$"
		}
		fmt.Fprintln(out, f.Package, pattern)
	}
	return true, nil
}

// secondTry reports the events of in, which are of what the first try left failed.
// Only what passed now has passed: a test that was skipped or didn't run has not.
func secondTry(file, name string, in io.Reader, out *bufio.Writer) (ok bool, err error) {
	first, err := readTry(file)
	if err != nil {
		return false, err
	}
	r := newReport(out)
	if _, err := r.read(in); err != nil {
		return false, fmt.Errorf("read test events: %w", err)
	}
	r.why()
	var late, still []string
	for _, f := range first.Tests {
		if r.passed[f] {
			late = append(late, f.String())
		} else {
			still = append(still, f.String())
		}
	}
	failed := len(still)
	if failed > 0 {
		fmt.Fprintf(out, "failed twice: %s\n", strings.Join(still, ", "))
	}
	if len(late) > 0 {
		fmt.Fprintf(out, "passed at the second try only: %s\n", strings.Join(late, ", "))
	}
	if failed == 0 {
		closing(out, name, count{passed: first.Passed + first.Failed, skipped: first.Skipped})
		return len(first.Tests) > 0, nil
	}
	closing(out, name, count{passed: max(first.Passed+first.Failed-failed, 0), failed: failed, skipped: first.Skipped})
	return false, nil
}
