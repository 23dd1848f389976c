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
	t.Parallel()
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
	err = Calls(t.Context(), CallsOptions{Target: fmt.Sprintf("sip:a@127.0.0.1:%d", port), N: 5, CPS: 20, Seconds: 1.5, SetUps: 3, PID: cmd.Process.Pid, JSON: file}, &out)
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
	if m["calls.placed"] != 5 || m["calls.failed"] != 0 || m["packets.received"] < 300 || m["setup.p50_ms"] <= 0 || m["delay.calls"] < 4 {
		t.Errorf("%s\n%s", data, out.String())
	}
	for name := range m {
		if !strings.Contains(out.String(), name) {
			t.Errorf("%s is not printed", name)
		}
		if !strings.Contains(CallsFigures, " "+name+" ") && !strings.Contains(CallsFigures, " "+name+"\n") {
			t.Errorf("%s is not in the help", name)
		}
	}
}

// TestCallsWithASecondParty lets the caller dial itself: every kind, without a server
// in between, so that the second party, its delay and libopus are measured.
func TestCallsWithASecondParty(t *testing.T) {
	t.Parallel()
	for _, kind := range []Kind{Bridged, Opus} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			codec := "PCMA"
			if kind == Opus {
				codec = "opus" // nobody transcodes here
			}
			var out bytes.Buffer
			file := filepath.Join(t.TempDir(), "out.json")
			port := freePort(t)
			err := Calls(t.Context(), CallsOptions{Kinds: string(kind), Target: fmt.Sprintf("sip:9@127.0.0.1:%d", port), Listen: fmt.Sprintf("127.0.0.1:%d", port),
				N: 4, CPS: 20, Seconds: 2, SetUps: 2, Codec: codec, PID: os.Getpid(), JSON: file}, &out)
			if err != nil {
				t.Fatal(err, out.String())
			}
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var m map[string]float64
			if err := json.Unmarshal(data, &m); err != nil {
				t.Fatal(err)
			}
			is := func(name string) float64 { return m[name] }
			if is("calls.completed") != 4 || is("calls.failed") != 0 || is("delay.calls") != 4 || is("packets.received") < 700 || is("packets.lost") != 0 {
				t.Errorf("%s", out.String())
			}
			if d := is("delay.p50_ms"); d < -1 || d > 40 {
				t.Errorf("%s: delay %v ms of nothing in between", kind, d)
			}
			if is("server.rss_mid_mb") <= 0 || is("server.fds") < 4 || is("server.cpu_pct_per_call") <= 0 {
				t.Errorf("%s", out.String())
			}
			if kind == Opus && (is("libopus.cpu_pct_per_call") < .05 || is("libopus.ratio") <= 0 || is("libopus.own_pct_per_call") < .05 || is("libopus.own_ratio") <= 0) {
				t.Errorf("%s", out.String())
			}
			for name := range m {
				if !strings.Contains(CallsFigures, " "+name+" ") && !strings.Contains(CallsFigures, " "+name+"\n") {
					t.Errorf("%s is not in the help", name)
				}
			}
		})
	}
}

func TestRunsTooLargeForTheMachineAreRefused(t *testing.T) {
	err := room(CallsOptions{N: 1 << 30, CPS: 1e9, Seconds: 100}, Bridged)
	if err == nil || !strings.Contains(err.Error(), "are needed") {
		t.Error(err)
	}
}

func TestCallsOptions(t *testing.T) {
	for _, o := range []CallsOptions{{}, {Target: "sip:a@127.0.0.1"}, {Target: "sip:a@127.0.0.1", N: 1, CPS: 1, Seconds: 1, Codec: "speex"}, {Target: "sip:a@127.0.0.1", N: 1, CPS: 1, Seconds: 1, Kinds: "echo,conference"}} {
		if err := Calls(context.Background(), o, &bytes.Buffer{}); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
}
