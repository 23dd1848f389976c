package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tingxin/audio"
	"tingxin/pg/pgtest"
)

// fault is one thing wrong with a set-up and what both "check" and "serve" say about it.
type fault struct {
	name string
	// spoil changes the configuration's text or the folder around it.
	spoil func(t *testing.T, f *setup)
	// says are parts of the sentence: what is wrong, and what to do.
	says []string
}

// setup is a configuration that works until a fault spoils it.
type setup struct {
	dir    string
	config string // text
	sip    int
	http   int
}

func (f *setup) replace(t *testing.T, old, by string) {
	t.Helper()
	if !strings.Contains(f.config, old) {
		t.Fatalf("no %q in the configuration", old)
	}
	f.config = strings.Replace(f.config, old, by, 1)
}

// file writes a file into the folder and returns its path.
func (f *setup) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// prompt makes the flow play a WAV file with these bytes.
func (f *setup) prompt(t *testing.T, wav []byte) {
	t.Helper()
	f.file(t, "flows/hello.wav", string(wav))
	f.file(t, "flows/goodbye.yaml", "flow: goodbye\nversion: 1\nlanguage: en\nnodes:\n  - {id: hello, play: hello.wav}\n  - {id: end, hangup: true}\n")
}

var faults = []fault{
	{"unknown key", func(t *testing.T, f *setup) { f.replace(t, "drain_timeout:", "drain_timout:") },
		[]string{"drain_timout", "drain_timeout"}},
	{"wrong value", func(t *testing.T, f *setup) { f.replace(t, "drain_timeout: 5s", "drain_timeout: soon") },
		[]string{"config.yaml", "drain_timeout", "30s"}},
	{"bad YAML", func(t *testing.T, f *setup) { f.config = "sip:\n  listen: [udp:127.0.0.1:0\n" },
		[]string{"config.yaml", "line", "YAML"}},
	{"missing model", func(t *testing.T, f *setup) {
		f.replace(t, "asr: {off: true}", "asr: {models: {en: {static: /nowhere/vosk-en}}}")
	}, []string{"asr.models.en", "/nowhere/vosk-en", "make setup"}},
	{"missing worker program", func(t *testing.T, f *setup) {
		f.replace(t, "asr: {off: true}", "asr: {binary: /nowhere/asrd, models: {en: {static: "+filepath.Join(root(t), "models/vosk-en-static")+"}}}")
	}, []string{"asr.binary", "/nowhere/asrd", "make"}},
	{"SIP port taken by UDP", func(t *testing.T, f *setup) { takeUDP(t, f.sip) }, []string{"port", "taken", "sip.listen"}},
	{"SIP port taken by TCP", func(t *testing.T, f *setup) { takeTCP(t, f.sip) }, []string{"port", "taken", "sip.listen"}},
	{"HTTP port taken", func(t *testing.T, f *setup) { takeTCP(t, f.http) }, []string{"port", "taken", "api.listen"}},
	{"no database there", func(t *testing.T, f *setup) {
		f.replace(t, "pg: {", "pg: {url: 'postgres://nobody:secret-word@127.0.0.1:1/none', x: {")
		f.config = f.config[:strings.Index(f.config, ", x: {")] + "}\n" + f.config[strings.Index(f.config, "\napi:")+1:]
	}, []string{"database", "127.0.0.1"}},
	{"unreadable prompt", func(t *testing.T, f *setup) { f.prompt(t, []byte("these are words and no sound")) },
		[]string{"hello.wav"}},
	{"compressed prompt", func(t *testing.T, f *setup) { f.prompt(t, compressedWAV()) }, []string{"hello.wav", "PCM"}},
	{"truncated prompt", func(t *testing.T, f *setup) { f.prompt(t, compressedWAV()[:30]) }, []string{"hello.wav"}},
	{"missing prompt", func(t *testing.T, f *setup) {
		f.prompt(t, nil)
		if err := os.Remove(filepath.Join(f.dir, "flows/hello.wav")); err != nil {
			t.Fatal(err)
		}
	}, []string{"hello.wav"}},
	{"mapping for a text", func(t *testing.T, f *setup) {
		f.file(t, "flows/goodbye.yaml", "flow: goodbye\nversion: 1\nlanguage: en\nnodes:\n  - {id: hello, play: {file: hello.wav}}\n")
	}, []string{"goodbye.yaml:5:", "a text", "a mapping"}},
	{"wrong flow", func(t *testing.T, f *setup) {
		f.file(t, "flows/goodbye.yaml", "flow: goodbye\nversion: 1\nlanguage: en\nnodes:\n  - {id: say, say: Goodbye.}\n  - {id: end, hangupp: true}\n")
	}, []string{"goodbye.yaml:6:", "hangupp"}},
	{"route to no flow", func(t *testing.T, f *setup) { f.replace(t, "flow: goodbye}", "flow: nowhere}") }, []string{"nowhere", "flow"}},
	{"data folder is a file", func(t *testing.T, f *setup) {
		f.file(t, "occupied", "")
		f.replace(t, "/data\n", "/occupied\n")
	}, []string{"occupied", "data_dir"}},
}

func takeUDP(t *testing.T, port int) {
	c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
}

func takeTCP(t *testing.T, port int) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
}

// compressedWAV is a WAV file in MS ADPCM, which nobody here plays.
func compressedWAV() []byte {
	dir, err := os.MkdirTemp("", "wav")
	if err != nil {
		return nil
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "x.wav")
	w, err := audio.CreateWAV(path, 8000, 1)
	if err != nil {
		return nil
	}
	if errors.Join(w.Write(make([]int16, 800)), w.Close()) != nil {
		return nil
	}
	b, _ := os.ReadFile(path)
	if i := bytes.Index(b, []byte("fmt ")); i >= 0 {
		b[i+8] = 2 // the format tag
	}
	return b
}

// TestFaultsAreSentences starts the program with one fault at a time: it says in
// one line what is wrong and what to do, and leaves nothing running.
func TestFaultsAreSentences(t *testing.T) {
	if _, err := os.Stat(filepath.Join(root(t), "bin", "pbx")); err != nil {
		t.Skip("bin/pbx is not there: run make build")
	}
	url := pgtest.URL(t)
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			c := newSetup(t, url)
			f.spoil(t, c)
			path := c.file(t, "config.yaml", c.config)
			t.Run("serve", func(t *testing.T) { c.wantSentence(t, f, "serve", "--config", path) })
			t.Run("check", func(t *testing.T) { c.wantSentence(t, f, "check", "--quiet", "--config", path) })
		})
	}
	t.Run("no config file", func(t *testing.T) {
		c := newSetup(t, url)
		f := fault{says: []string{"/nowhere.yaml", "does not exist"}}
		c.wantSentence(t, f, "serve", "--config", "/nowhere.yaml")
		c.wantSentence(t, f, "check", "--quiet", "--config", "/nowhere.yaml")
	})
}

func newSetup(t *testing.T, database string) *setup {
	t.Helper()
	// A short path: sockets of workers live under it.
	dir, err := os.MkdirTemp("", "txs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	c := &setup{dir: dir}
	c.sip, _ = strconv.Atoi(freePort(t))
	c.http, _ = strconv.Atoi(freePort(t))
	c.config = fmt.Sprintf(`data_dir: %[1]s/data
drain_timeout: 5s
sip: {listen: ["udp:127.0.0.1:%[2]d", "tcp:127.0.0.1:%[2]d"]}
media: {listen: 127.0.0.1, port_min: -1}
call: {routes: [{numbers: [goodbye], flow: goodbye}]}
ivr: {flows: %[1]s/flows, cache: %[3]s}
asr: {off: true}
pg: {url: "%[4]s"}
api: {listen: "127.0.0.1:%[5]d"}
`, dir, c.sip, filepath.Join(os.TempDir(), "tingxin-test-prompts"), database, c.http)
	c.file(t, "flows/goodbye.yaml", flows["goodbye"])
	return c
}

// wantSentence runs the program and looks at its last words.
func (f *setup) wantSentence(t *testing.T, want fault, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(root(t), "bin", "pbx"), args...)
	cmd.Dir = f.dir
	cmd.Env = append(os.Environ(), "TMPDIR="+f.dir, "TINGXIN_LOG__LEVEL=error", "DATABASE_URL=")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	err := cmd.Run()
	if ctx.Err() != nil || err == nil {
		t.Fatalf("%v ended with %v, want a refusal\n%s%s", args, errors.Join(err, ctx.Err()), &out, &errOut)
	}
	if code := cmd.ProcessState.ExitCode(); code != 1 && code != 2 {
		t.Errorf("exit code %d", code)
	}
	sentence := sentenceOf(t, args[0], out.String(), errOut.String())
	for _, part := range want.says {
		if !strings.Contains(sentence, part) {
			t.Errorf("%q is not in: %s", part, sentence)
		}
	}
	for _, never := range []string{"goroutine ", "panic", "secret-word", "%!", "<nil>"} {
		if strings.Contains(out.String()+errOut.String(), never) {
			t.Errorf("%q in the output:\n%s%s", never, &out, &errOut)
		}
	}
	if left := f.leftovers(t); len(left) > 0 {
		t.Errorf("still running: %q", left)
	}
	t.Log(sentence)
}

// sentenceOf is the only line on standard error, or what the one probe of "check" that failed says.
func sentenceOf(t *testing.T, command, out, errOut string) string {
	t.Helper()
	line := strings.TrimSuffix(errOut, "\n")
	if strings.Contains(line, "\n") || !strings.HasPrefix(line, "pbx: ") {
		t.Errorf("standard error is not one line that begins with pbx:\n%s", errOut)
	}
	var failed []string
	for l := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(l, "FAIL"); ok && command == "check" {
			failed = append(failed, strings.TrimSpace(rest))
		}
	}
	switch len(failed) {
	case 0:
		return line
	case 1:
		return failed[0]
	}
	t.Errorf("check finds more than one thing:\n%s", out)
	return strings.Join(failed, "; ")
}

// leftovers are processes that name the test's folder: workers, databases.
func (f *setup) leftovers(t *testing.T) (left []string) {
	t.Helper()
	paths, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err == nil && bytes.Contains(b, []byte(f.dir+"/")) {
			left = append(left, string(bytes.ReplaceAll(b, []byte{0}, []byte(" "))))
		}
	}
	return left
}
