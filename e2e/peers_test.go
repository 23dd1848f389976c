package e2e

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// baresip is a foreign soft phone that calls, speaks a file and records what it hears.
type baresip struct {
	dir   string
	heard string // WAV of what came back
	out   *strings.Builder
}

const baresipConfig = `poll_method epoll
sip_listen 127.0.0.1:0
sip_verify_server no
call_max_calls 4
audio_player aufile,%[1]s/heard.wav
audio_source aufile,%[2]s
audio_alert aufile,%[1]s/alert.wav
ausrc_srate 8000
auplay_srate 8000
audio_channels 1
rtp_timeout 20
net_interface lo
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module aufile.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module_app debug_cmd.so
`

// newBaresip prepares a phone with one account that speaks the WAV file.
func newBaresip(t *testing.T, account, say string) *baresip {
	t.Helper()
	if _, err := exec.LookPath("baresip"); err != nil {
		t.Skip("baresip is not installed: run make setup")
	}
	p := &baresip{dir: t.TempDir(), out: &strings.Builder{}}
	p.heard = filepath.Join(p.dir, "heard.wav")
	for name, text := range map[string]string{
		"config":   fmt.Sprintf(baresipConfig, p.dir, say),
		"accounts": account + "\n",
		"contacts": "",
	} {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// call dials and hangs up after the given time.
func (p *baresip) call(t *testing.T, uri string, talk time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), talk+15*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "baresip", "-f", p.dir, "-e", "/dial "+uri)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	outPipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	established := make(chan struct{}, 1)
	read := make(chan struct{})
	go func() { // ends when the phone closes its output
		defer close(read)
		for sc := bufio.NewScanner(outPipe); sc.Scan(); {
			p.out.WriteString(sc.Text() + "\n")
			if strings.Contains(sc.Text(), "Call established") {
				select {
				case established <- struct{}{}:
				default:
				}
			}
		}
	}()
	select {
	case <-established:
		time.Sleep(talk)
	case <-ctx.Done():
	case <-read:
	}
	_, _ = in.Write([]byte("/hangup\n"))
	time.Sleep(300 * time.Millisecond)
	_, _ = in.Write([]byte("/quit\n"))
	<-read
	_ = cmd.Wait()
	if !strings.Contains(p.out.String(), "Call established") {
		t.Fatalf("baresip was not connected:\n%s", p.out)
	}
}

func callerFile(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(root(t), "build", "caller", name)
	if _, err := os.Stat(path); err != nil {
		t.Skip("the demo caller's recordings are not there: run make setup")
	}
	return path
}
