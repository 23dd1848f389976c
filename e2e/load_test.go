package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// TestEchoLoad places many calls at once to a server on the same machine: 30, or
// 200 with TINGXIN_E2E_FULL=1.
func TestEchoLoad(t *testing.T) {
	bin := filepath.Join(root(t), "bin", "pbx")
	if _, err := os.Stat(bin); err != nil {
		t.Skip("bin/pbx is not there: run make build")
	}
	n, cps, seconds := 30, 15, 4
	if full() {
		n, cps, seconds = 200, 20, 15
	}
	out := filepath.Join(t.TempDir(), "calls.json")
	cmd := exec.CommandContext(t.Context(), bin, "bench", "calls", "--n", strconv.Itoa(n), "--cps", strconv.Itoa(cps),
		"--seconds", strconv.Itoa(seconds), "--json", out)
	text, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	t.Logf("%s", text)
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var figures map[string]float64
	if err := json.Unmarshal(b, &figures); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	for _, name := range []string{"jitter.p95_ms", "setup.p95_ms", "delay.p50_ms", "server.cpu_pct_per_call", "server.cpu_ms_per_call", "loss.pct", "packets.received"} {
		if _, ok := figures[name]; !ok {
			t.Errorf("%s is not among the figures", name)
		}
	}
	if figures["calls.placed"] != float64(n) || figures["calls.failed"] != 0 || figures["calls.completed"] != float64(n) {
		t.Errorf("%v placed, %v completed, %v failed, want %d and none failed", figures["calls.placed"], figures["calls.completed"], figures["calls.failed"], n)
	}
	if want := float64(n * seconds * 50); figures["packets.received"] < 0.95*want {
		t.Errorf("%v packets came back, want about %v", figures["packets.received"], want)
	}
	if p95 := figures["jitter.p95_ms"]; full() && p95 >= 5 {
		t.Errorf("95th percentile of the jitter is %.2f ms, want below 5", p95)
	}
}
