package e2e

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// memory is what the server and its speech workers hold in RAM, MB.
type memory struct{ pbx, workers float64 }

func (s *instance) memory(t *testing.T) (m memory) {
	t.Helper()
	m.pbx = residentMB(t, s.cmd.Process.Pid)
	for _, w := range s.system(t).Workers {
		m.workers += residentMB(t, w.PID)
	}
	return m
}

// residentMB is VmRSS of a process.
func residentMB(t *testing.T, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kb float64
		if n, _ := fmt.Sscanf(line, "VmRSS: %f kB", &kb); n == 1 {
			return kb / 1024
		}
	}
	t.Fatalf("process %d tells no VmRSS", pid)
	return 0
}

// TestHeardCallsLeaveNothing places calls that are recognised and recorded, several
// at once: 12, or 500 with TINGXIN_E2E_FULL=1. Afterwards goroutines and descriptors are
// what they were, and memory has not grown over the last 200 of the 500 calls. (pbx keeps
// the feed of an ended call for five minutes, for browsers that come back: 100 kB each. The
// first 300 calls take longer than that, so the last 200 replace what the first have left.)
func TestHeardCallsLeaveNothing(t *testing.T) {
	alongside(t)
	s := speakingServer(t, options{Workers: 2, AdmitAll: true})
	defer s.end(t)
	agent := newAgent(t)
	said := say(t, "sense-4")
	rounds, atOnce := 3, 4
	if full() {
		rounds, atOnce = 50, 10
	}
	const measured = 20 // rounds, at the end of the full run
	var seen []memory
	var before usage
	var warm time.Duration // how long the calls before those measured took
	started := time.Now()
	for round := range rounds {
		if round == rounds-measured {
			warm = time.Since(started)
		}
		calls := make([]*talk, atOnce)
		for i := range calls {
			calls[i] = s.talk(t.Context(), agent, callerNumber(round*atOnce+i), said)
		}
		var wg sync.WaitGroup
		for _, k := range calls {
			wg.Go(func() { <-k.done }) // ends with the call
		}
		wg.Wait()
		for _, k := range calls {
			k.completed(t)
		}
		eventually(t, 30*time.Second, "the end of all work on the calls", func() bool { return s.metrics(t)["tingxin_asr_streams"] == 0 })
		if round == 0 {
			before = s.usage(t) // pools, connections and caches are there
		}
		seen = append(seen, s.memory(t))
	}
	for i, m := range seen {
		t.Logf("after %3d calls: pbx %.1f MB, speech workers %.1f MB", (i+1)*atOnce, m.pbx, m.workers)
	}
	eventually(t, 30*time.Second, "goroutines and descriptors as before", func() bool {
		now := s.usage(t)
		return now.goroutines <= before.goroutines+10 && now.descriptors <= before.descriptors+5
	})
	if !full() {
		return
	}
	if warm < 5*time.Minute {
		t.Fatalf("the calls before those measured took %v, less than feeds are kept", warm)
	}
	first, last := seen[rounds-measured-1], seen[rounds-1]
	if d := last.pbx - first.pbx; d > 10 {
		t.Errorf("pbx grew by %.1f MB over the last %d calls", d, measured*atOnce)
	}
	if d := last.workers - first.workers; d > 10 {
		t.Errorf("the speech workers grew by %.1f MB over the last %d calls", d, measured*atOnce)
	}
}
