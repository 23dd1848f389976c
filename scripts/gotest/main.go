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
//
// A few tests that failed may have a second try, by themselves:
//
//	gotest -failures F go   the first try; F is written when it fails
//	gotest -again F         what to try again: a package and a pattern on each line
//	gotest -second F go     the second try; the closing line counts both and names
//	                        those that passed only now
package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	failures := flag.String("failures", "", "write what failed to `F`")
	again := flag.String("again", "", "write what of `F` is to be tried again, and nothing else")
	second := flag.String("second", "", "this is the second try of `F`")
	flag.Parse()
	name := "go"
	if flag.NArg() > 0 {
		name = flag.Arg(0)
	}
	out := bufio.NewWriter(os.Stdout)
	var ok bool
	var err error
	switch {
	case *again != "":
		ok, err = plan(*again, out)
	case *second != "":
		ok, err = secondTry(*second, name, os.Stdin, out)
	default:
		ok, err = firstTry(*failures, name, os.Stdin, out)
	}
	if err != nil {
		fmt.Fprintf(out, "%s: %v\n", name, err)
	}
	if ferr := out.Flush(); ferr != nil || err != nil || !ok {
		os.Exit(1)
	}
}

// firstTry reports the events of in. What failed is written to the file, if one is named.
func firstTry(file, name string, in io.Reader, out *bufio.Writer) (ok bool, err error) {
	r := newReport(out)
	total, err := r.read(in)
	r.slowest()
	r.why()
	if err != nil {
		err = fmt.Errorf("read test events: %w", err)
		total.failed++
	}
	closing(out, name, total)
	if file != "" && err == nil {
		err = try{Passed: total.passed, Failed: total.failed, Skipped: total.skipped, Tests: r.failed}.write(file)
	}
	return total.failed == 0 && total.passed > 0, err
}

func closing(out io.Writer, name string, c count) {
	fmt.Fprintf(out, "%s: %d passed, %d failed, %d skipped\n", name, c.passed, c.failed, c.skipped)
}
