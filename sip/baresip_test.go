package sip

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tingxin/call"
)

const baresipConfig = `poll_method epoll
sip_listen 127.0.0.1:0
sip_verify_server no
call_max_calls 4
audio_player aubridge,heard
audio_source aufile,%s
ausrc_srate 8000
auplay_srate 8000
audio_channels 1
net_interface 127.0.0.1
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module aufile.so
module aubridge.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
`

// phone is a baresip that registers and answers by itself.
type phone struct {
	mu  sync.Mutex
	out bytes.Buffer
}

func (p *phone) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.Write(b)
}

func (p *phone) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.out.String()
}

func startPhone(t *testing.T, account string) (p *phone, command func(string)) {
	t.Helper()
	bin, err := exec.LookPath("baresip")
	if err != nil {
		t.Skip("baresip is not installed")
	}
	dir := t.TempDir()
	sound := filepath.Join(dir, "tone.wav")
	if err := os.WriteFile(sound, toneWAV(8000, 440, 30*time.Second), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"config": fmt.Sprintf(baresipConfig, sound), "accounts": account + "\n", "contacts": ""} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p = &phone{}
	cmd := exec.Command(bin, "-f", dir)
	cmd.Stdout, cmd.Stderr = p, p
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = in.Write([]byte("/quit\n"))
		timer := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		timer.Stop()
		if t.Failed() {
			t.Log(p.String())
		}
	})
	return p, func(s string) { _, _ = in.Write([]byte(s + "\n")) }
}

// TestBaresipRegistersAndIsCalled: a foreign phone over each transport.
func TestBaresipRegistersAndIsCalled(t *testing.T) {
	if testing.Short() {
		t.Skip("a phone takes its time")
	}
	for _, network := range []string{"udp", "tcp", "tls"} {
		t.Run(network, func(t *testing.T) {
			c := newCalls(t)
			c.auto = true
			s := start(t, Config{Users: []UserEntry{{Name: "ann", Password: "secret", Algorithms: []string{algMD5}}}}, c)
			p, command := startPhone(t, fmt.Sprintf("<sip:ann@%s;transport=%s>;auth_user=ann;auth_pass=secret;regint=600;answermode=auto", s.on(network), network))
			eventually(t, "ann is registered", func() bool { return len(s.Bindings("ann")) == 1 })
			if b := s.Bindings("ann")[0]; b.Transport != network || !strings.HasPrefix(b.UserAgent, "baresip") {
				t.Errorf("%+v", b)
			}
			h := newHeard(nil)
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			d, leg, err := s.Dial(ctx, call.Target{User: "ann", From: "1000"}, h)
			if err != nil {
				t.Fatal(err)
			}
			ear := &toneEar{}
			leg.AddTap(ear)
			ear.hears(t, 440)
			if err := d.Hangup(t.Context(), call.CauseNormal); err != nil {
				t.Error(err)
			}
			leg.Close()
			// it calls as a user
			command("/dial sip:4000@" + s.on(network) + ";transport=" + network)
			if got := c.next(); got.User != "ann" || got.To != "4000" {
				t.Errorf("%+v", got.Incoming)
			}
			eventually(t, "the phone is connected", func() bool { return strings.Count(p.String(), "Call established") >= 2 })
			command("/hangup")
			eventually(t, "the call is over", func() bool { return s.Stats().Dialogs == 0 })
			command("/quit")
			eventually(t, "the registration is taken back", func() bool { return len(s.Bindings("")) == 0 })
		})
	}
}
