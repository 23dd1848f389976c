package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	got, err := parseStat("12 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 150 50 7 8 20 0")
	if err != nil || got != 2*time.Second {
		t.Fatal(got, err)
	}
	for _, bad := range []string{"", "1 (a", "1 (a) S 1"} {
		if _, err := parseStat(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if u, err := usage(-1); err != nil || u.rssMB <= 0 {
		t.Error(u, err)
	}
	if _, err := usage(1 << 30); err == nil {
		t.Error("a process that is not there")
	}
}

// freePort is a UDP port that nobody held a moment ago.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// TestCallsAgainstSIPp loads sipp, which echoes RTP.
func TestCallsAgainstSIPp(t *testing.T) {
	path, err := exec.LookPath("sipp")
	if err != nil {
		t.Skip("sipp is not installed (Debian: sip-tester)")
	}
	port, media := freePort(t), freePort(t)&^1
	var said bytes.Buffer
	cmd := exec.Command(path, "-sn", "uas", "-i", "127.0.0.1", "-p", fmt.Sprint(port), "-mp", fmt.Sprint(media), "-rtp_echo", "-nostdin")
	cmd.Dir, cmd.Stderr = t.TempDir(), &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	file := filepath.Join(t.TempDir(), "out.json")
	var out bytes.Buffer
	err = Calls(t.Context(), CallsOptions{Target: fmt.Sprintf("sip:a@127.0.0.1:%d", port), N: 5, CPS: 20, Seconds: 1.5, PID: cmd.Process.Pid, JSON: file}, &out)
	if err != nil {
		t.Fatal(err, out.String(), said.String())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]float64
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	if m["calls.placed"] != 5 || m["calls.failed"] != 0 || m["packets.received"] < 300 || m["setup.p50_ms"] <= 0 {
		t.Errorf("%s\n%s", data, out.String())
	}
	for name := range m {
		if !strings.Contains(out.String(), name) {
			t.Errorf("%s is not printed", name)
		}
		if last := name[strings.LastIndexByte(name, '.')+1:]; !strings.Contains(CallsFigures, last) {
			t.Errorf("%s is not in the help", name)
		}
	}
}

func TestCallsOptions(t *testing.T) {
	for _, o := range []CallsOptions{{}, {Target: "sip:a@127.0.0.1"}, {Target: "sip:a@127.0.0.1", N: 1, CPS: 1, Seconds: 1, Codec: "opus"}} {
		if err := Calls(context.Background(), o, &bytes.Buffer{}); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
