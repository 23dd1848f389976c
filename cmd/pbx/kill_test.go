package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.yaml.in/yaml/v3"

	"tingxin/audio"
	"tingxin/call"
)

// serveEnv makes the test binary a server: the file to serve with.
const serveEnv = "PBX_TEST_SERVE"

func TestMain(m *testing.M) {
	if path := os.Getenv(serveEnv); path != "" {
		os.Exit(run([]string{"serve", "--config", path}, os.Stdout, os.Stderr))
	}
	goleak.VerifyTestMain(m)
}

// serveProcess starts a server of its own process and returns its SIP address.
func serveProcess(t *testing.T, cfg Config) (*exec.Cmd, string) {
	t.Helper()
	text, err := yaml.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pbx.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), serveEnv+"="+path)
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	address := ""
	line, err := readyLine(t.Context(), out)
	if err == nil {
		address, err = udpAddress(line)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // nobody writes the log any more
		t.Fatalf("%v\n%s", err, &log)
	}
	return cmd, address
}

func TestKilledServerIsWholeAfterRestart(t *testing.T) {
	cfg := testConfig(t)
	cmd, address := serveProcess(t, cfg)
	p := newPhone(t)
	p.call(address, "4000")
	p.speak.Store(true)
	loud := func() bool { return p.loud.Load() > 150 } // announcement and greeting are over
	waitFor(t, "the greeting", loud)
	time.Sleep(3 * time.Second)
	killed := time.Now()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // "killed"
	s := mustRun(t, cfg)
	r, legs := s.cdr(t)
	if r.Cause != call.CauseRestart || r.Consent != call.ConsentAnnounced || len(legs) != 1 {
		t.Errorf("record %+v", r)
	}
	said, err := s.store.Utterances(context.Background(), r.ID)
	if err != nil || len(said) < 2 {
		t.Errorf("words of our side: %+v, %v", said, err)
	}
	talked := killed.Sub(r.AnsweredAt)
	if missing := talked - r.Recording.Duration; r.Recording.State != call.RecordingKept || missing > 2*time.Second {
		t.Errorf("recording %+v of a call of %v", r.Recording, talked)
	}
	pcm, err := audio.ReadWAVChannels(s.calls.RecordingPath(r.Recording), 8000, 2)
	if err != nil || firstSound(pcm[0]) > talked {
		t.Errorf("recording cannot be read: %v", err)
	}
	p.call(s.udp(t), "echo") // and it serves again
	p.bye()
}

func TestSignalDrainsAndExitsWell(t *testing.T) {
	cfg := testConfig(t)
	cfg.DrainTimeout = 10 * time.Second
	cmd, address := serveProcess(t, cfg)
	p := newPhone(t)
	p.call(address, "echo")
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	p.bye() // the running call goes on until its own end
	if err := cmd.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

func TestCheckSaysWhatIsMissing(t *testing.T) {
	cfg := testConfig(t)
	good, _ := yaml.Marshal(cfg)
	busy := newPhone(t)
	cfg.SIP.Listen = []string{busy.sip.LocalAddr().Network() + ":" + busy.sip.LocalAddr().String()}
	cfg.PG.URL = "postgres://nobody:secret@127.0.0.1:1/none"
	cfg.IVR.Synthesiser = []string{"no-such-voice"}
	cfg.IVR.Cache = t.TempDir()
	bad, _ := yaml.Marshal(cfg)
	for name, c := range map[string]struct {
		text string
		code int
		want []string
	}{
		"good": {string(good), 0, []string{"ok    database", "ok    flows", "ok    ports", "ok    media", "ok    data"}},
		"bad":  {string(bad), 1, []string{"FAIL  database", "FAIL  flows", "is not installed", "FAIL  ports", "is taken by another program"}},
	} {
		var out, errs bytes.Buffer
		code := run([]string{"check", "--config", write(t, c.text)}, &out, &errs)
		if code != c.code {
			t.Errorf("%s: exit code %d\n%s%s", name, code, &out, &errs)
		}
		for _, want := range c.want {
			if !bytes.Contains(out.Bytes(), []byte(want)) {
				t.Errorf("%s: no %q in\n%s", name, want, &out)
			}
		}
		if bytes.Contains(out.Bytes(), []byte("secret@")) {
			t.Errorf("%s: the password is shown", name)
		}
	}
}

func TestCommandLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "usage: pbx COMMAND"}, {[]string{"help"}, 0, "serve"}, {[]string{"fly"}, 2, `no command "fly"`},
		{[]string{"serve", "--help"}, 0, "-config"}, {[]string{"serve", "--colour"}, 2, "colour"}, {[]string{"serve", "extra"}, 2, `unexpected argument "extra"`},
		{[]string{"serve", "--config", "/none.yaml"}, 1, "does not exist"}, {[]string{"score"}, 2, "score what?"}, {[]string{"bench"}, 2, "bench what?"},
		{[]string{"score", "asr", "--help"}, 0, "wer_pct"}, {[]string{"bench", "calls", "--help"}, 0, "calls.failed"}, {[]string{"bench", "asr", "--help"}, 0, "channels_per_core"},
		{[]string{"score", "asr"}, 1, "--manifest"}, {[]string{"demo", "--call", "/none.wav"}, 1, "/none.wav does not exist"},
		{[]string{"apply"}, 2, "apply what?"}, {[]string{"apply", "-f", "/none.yaml"}, 1, "/none.yaml"}, {[]string{"simulate"}, 2, "simulate what?"},
		{[]string{"version"}, 0, ""}, {[]string{"openapi"}, 0, `"openapi":"3.1`},
	} {
		var out, errs bytes.Buffer
		code := run(c.args, &out, &errs)
		if all := out.String() + errs.String(); code != c.code || !bytes.Contains([]byte(all), []byte(c.want)) {
			t.Errorf("pbx %v: code %d, %.300q", c.args, code, all)
		}
	}
}
