package sip

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSipp places calls with SIPp's built-in client scenario.
func TestSipp(t *testing.T) {
	if os.Getenv("TINGXIN_SIPP") == "" {
		t.Parallel()
	}
	bin, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed")
	}
	calls, rate := "50", "50"
	if v := os.Getenv("TINGXIN_SIPP"); v != "" { // "calls:rate"
		calls, rate, _ = strings.Cut(v, ":")
	}
	for _, network := range []string{"udp", "tcp"} {
		t.Run(network, func(t *testing.T) {
			c := newCalls(t)
			c.auto = true
			s := start(t, Config{}, c)
			mode := map[string]string{"udp": "u1", "tcp": "t1"}[network]
			ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
			defer cancel()
			cmd := exec.CommandContext(ctx, bin, s.on(network), "-sn", "uac", "-t", mode, "-m", calls, "-r", rate, "-d", "200", "-i", "127.0.0.1", "-nostdin", "-timeout", "50s")
			cmd.Dir = t.TempDir()
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			st := s.Stats()
			var use syscall.Rusage
			_ = syscall.Getrusage(syscall.RUSAGE_SELF, &use)
			t.Logf("cpu of this process so far %v user, %v system", time.Duration(use.Utime.Nano()), time.Duration(use.Stime.Nano()))
			t.Logf("invites %d, retransmitted to us %d, resent by us %d, goroutines %d", st.Requests["INVITE"], st.Retransmits, st.Resent, runtime.NumGoroutine())
		})
	}
}
