// Command gotest reads `go test -json` on its standard input and writes what a
// person wants to see of it: one line for each package, the whole output of
// each test that failed, the slowest ones, and one closing line for the suite:
//
//	go: 120 passed, 0 failed, 3 skipped
//
// It ends with 1 when anything failed, or when no test ran at all.
//
// Its argument is the suite's name. A test that only groups subtests isn't
// counted beside them. A package that fails without a failing test (it doesn't
// build, panics or leaks goroutines) counts as one failure.
package main

import (
	"bufio"
	"fmt"
	"os"
)

func main() {
	name := "go"
	if len(os.Args) > 1 {
		name = os.Args[1]
	}
	out := bufio.NewWriter(os.Stdout)
	r := newReport(out)
	total, err := r.read(os.Stdin)
	r.slowest()
	if err != nil {
		fmt.Fprintf(out, "%s: read test events: %v\n", name, err)
		total.failed++
	}
	fmt.Fprintf(out, "%s: %d passed, %d failed, %d skipped\n", name, total.passed, total.failed, total.skipped)
	if err := out.Flush(); err != nil || total.failed > 0 || total.passed == 0 {
		os.Exit(1)
	}
}
