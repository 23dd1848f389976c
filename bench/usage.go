package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of CPU time in /proc, which Linux fixes for user space.
const clockTick = 10 * time.Millisecond

// process is what one process has used.
type process struct {
	cpu   time.Duration // user and system time, without its children
	rssMB float64
}

// usage reads /proc of a process; pid -1 is this one, 0 none.
func usage(pid int) (process, error) {
	if pid == 0 {
		return process{}, nil
	}
	dir := "/proc/self"
	if pid > 0 {
		dir = "/proc/" + strconv.Itoa(pid)
	}
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	cpu, err := parseStat(string(stat))
	if err != nil {
		return process{}, fmt.Errorf("process %d: %w", pid, err)
	}
	return process{cpu: cpu, rssMB: rss(dir + "/status")}, nil
}

var errStat = errors.New("its stat cannot be read")

// parseStat takes utime and stime (fields 14 and 15 of proc(5)); the name before
// them may hold spaces and brackets.
func parseStat(s string) (time.Duration, error) {
	i := strings.LastIndexByte(s, ')')
	if i < 0 {
		return 0, errStat
	}
	f := strings.Fields(s[i+1:])
	if len(f) < 13 {
		return 0, errStat
	}
	user, err1 := strconv.ParseInt(f[11], 10, 64)
	system, err2 := strconv.ParseInt(f[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	return time.Duration(user+system) * clockTick, nil
}

// rss is the resident memory in MB, 0 if it cannot be read.
func rss(path string) float64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for scan := bufio.NewScanner(f); scan.Scan(); {
		if kb, ok := strings.CutPrefix(scan.Text(), "VmRSS:"); ok {
			v, _ := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 64)
			return v / 1024
		}
	}
	return 0
}

// A server that was just started works on until it is ready for everything (prompts are spoken,
// models read), which is no part of what calls cost.
const (
	settleLimit = 2 * time.Minute
	settleLook  = time.Second
	settleShare = 0.05 // of a core, twice in a row
)

// settle waits until a server has nothing to do, and says so when it always has.
func settle(ctx context.Context, pid int, out io.Writer) error {
	begun, quiet := time.Now(), 0
	for quiet < 2 {
		if time.Since(begun) > settleLimit {
			fmt.Fprintf(out, "The server has not come to rest in %v: what it does besides counts as the calls' cost.\n", settleLimit)
			return nil
		}
		before, err := usage(pid)
		if err != nil {
			return err
		}
		if err := wait(ctx, settleLook); err != nil {
			return err
		}
		after, err := usage(pid)
		if err != nil {
			return err
		}
		quiet++
		if after.cpu-before.cpu > time.Duration(settleShare*float64(settleLook)) {
			quiet = 0
		}
	}
	return nil
}
