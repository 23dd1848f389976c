package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"
)

// instance is one running bin/pbx with a data folder of its own.
type instance struct {
	dir  string
	conf string
	cmd  *exec.Cmd
	log  *os.File
	done chan error // the process's end

	sipUDP, sipUDP6, sipTCP, sipTight, sipTLS string
	api                                       string
	http                                      *http.Client
	csrf                                      string

	began time.Time // of the running test: calls before it are not its own
}

const (
	adminName     = "admin"
	adminPassword = "correct-horse-battery-1"
)

// options vary the configuration of an instance.
type options struct {
	T1       string // RFC 3261 T1 of this server, empty = 500 ms
	ASR      bool   // start speech workers
	Workers  int
	AdmitAll bool   // recognise every call, however busy the machine is
	Database string // libpq URL; empty = private cluster
	Extra    string // YAML appended
	dir      string // reuse a data folder
}

const configTemplate = `data_dir: {{.Dir}}/data
drain_timeout: 5s
log: {level: info}
sip:
  listen:
    - udp:127.0.0.1:{{.UDP}}
    - tcp:127.0.0.1:{{.UDP}}
    - tls:127.0.0.1:{{.TLS}}
{{- if .IPv6}}
    - "udp:[::1]:{{.UDP}}"
{{- end}}
{{- if .T1}}
  t1: {{.T1}}
  t2: 200ms
{{- end}}
  trunks:
    - {name: tight, addresses: [127.0.0.9], cps: 1}
    - {name: secure, addresses: [127.0.0.8], transports: [tls], srtp: required}
    - {name: digest, addresses: [127.0.0.10], auth: {username: carrier, password: s3cret-word}}
    - {name: local, addresses: [127.0.0.1, "::1"], srtp: optional}
media: {listen: "{{if .IPv6}}::{{else}}127.0.0.1{{end}}", port_min: -1}
call:
  routes:
    - {numbers: [goodbye], flow: goodbye}
    - {numbers: [keys], flow: keys}
    - {numbers: [talk], flow: talk}
    - {numbers: [feel], flow: feel}
    - {numbers: [machine], flow: machine}
    - {numbers: [card], flow: card}
    - {numbers: [spoken], flow: spoken}
    - {numbers: [line], flow: line}
    - {numbers: [assistant], flow: assistant}
    - {numbers: ["3*", "4*", "5*", "6*"], bridge: "sip:any@127.0.0.1:{number}"}
ivr: {flows: {{.Flows}}}
asr: {off: {{not .ASR}}, admit_all: {{.AdmitAll}}, workers: {{.Workers}}, models: {en: {static: {{.Root}}/models/vosk-en-static, dynamic: {{.Root}}/models/vosk-en}}}
pg: {url: "{{.Database}}"}
api: {listen: "127.0.0.1:{{.HTTP}}", admin: {username: ` + adminName + `, password: ` + adminPassword + `}}
feedback: {url: "http://127.0.0.1:{{.HTTP}}"}
{{.Extra}}
`

var flows = map[string]string{
	"machine":   "flow: machine\nversion: 1\nlanguage: en\nnodes:\n  - id: box\n    voicemail: {queue: support, announce: \"Please speak.\", silence: 3s, max: 3s}\n  - {id: end, hangup: true}\n",
	"card":      "flow: card\nversion: 1\nlanguage: en\nnodes:\n  - {id: tape, record: {consent: none}}\n  - id: card\n    gather: {prompt: \"Your card number.\", into: card, max: 12, min: 12, timeout: 10s, secret: true}\n  - {id: end, hangup: true}\n",
	"spoken":    "flow: spoken\nversion: 1\nlanguage: en\nnodes:\n  - id: ask\n    gather: {prompt: \"Say your number.\", into: number, max: 4, min: 4, timeout: 12s, speech: digits}\n  - {id: end, hangup: true}\n",
	"line":      lineFlow,
	"assistant": assistantFlow,
	"goodbye":   "flow: goodbye\nversion: 1\nlanguage: en\nnodes:\n  - {id: say, say: \"Goodbye.\"}\n  - {id: end, hangup: true}\n",
	"keys":      "flow: keys\nversion: 1\nlanguage: en\nnodes:\n  - id: ask\n    gather: {prompt: \"Please press.\", into: keys, max: 2, min: 2, timeout: 10s}\n  - {id: end, hangup: true}\n",
	"feel":      "flow: feel\nversion: 1\nlanguage: en\nnodes:\n  - id: consent\n    record: {announce: \"Recorded.\", consent: announced, emotion: true, emotion_announce: \"Your voice is evaluated.\"}\n  - id: listen\n    listen: {silence: 20s, limit: 10m}\n  - {id: end, hangup: true}\n",
	"talk":      "flow: talk\nversion: 1\nlanguage: en\nnodes:\n  - id: consent\n    record: {announce: \"This call will be recorded.\", consent: announced}\n  - id: listen\n    listen: {silence: 20s, limit: 10m}\n  - {id: end, hangup: true}\n",
}

func root(t testing.TB) string {
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// launch starts a pbx and waits until it is ready. The caller ends it.
func launch(t testing.TB, o options) *instance {
	t.Helper()
	bin := filepath.Join(root(t), "bin", "pbx")
	if _, err := os.Stat(bin); err != nil {
		t.Skip("bin/pbx is not there: run make build")
	}
	dir := o.dir
	if dir == "" {
		var err error
		if dir, err = os.MkdirTemp("", "tingxin-e2e-"); err != nil {
			t.Fatal(err)
		}
		// The private PostgreSQL runs as another account when we are root.
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := &instance{dir: dir, conf: filepath.Join(dir, "config.yaml")}
	s.writeConfig(t, o)
	s.boot(t)
	return s
}

func (s *instance) writeConfig(t testing.TB, o options) {
	t.Helper()
	flowDir := filepath.Join(s.dir, "flows")
	if err := os.MkdirAll(flowDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range flows {
		if err := os.WriteFile(filepath.Join(flowDir, name+".yaml"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	udp, tlsPort, web := freePort(t), freePort(t), freePort(t)
	ipv6 := hasIPv6()
	var b bytes.Buffer
	err := template.Must(template.New("").Parse(configTemplate)).Execute(&b, map[string]any{
		"Dir": s.dir, "UDP": udp, "TLS": tlsPort, "HTTP": web, "IPv6": ipv6, "T1": o.T1, "ASR": o.ASR,
		"Workers": max(1, o.Workers), "AdmitAll": o.AdmitAll, "Root": root(t), "Flows": flowDir, "Database": o.Database, "Extra": o.Extra,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.conf, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	s.sipUDP, s.sipTCP, s.sipTight = "127.0.0.1:"+udp, "127.0.0.1:"+udp, "127.0.0.1:"+udp
	s.sipTLS = "127.0.0.1:" + tlsPort
	if ipv6 {
		s.sipUDP6 = "[::1]:" + udp
	}
	s.api = "http://127.0.0.1:" + web
}

// boot starts the process on the configuration that is there.
func (s *instance) boot(t testing.TB) {
	t.Helper()
	var err error
	if s.log, err = os.OpenFile(filepath.Join(s.dir, "pbx.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(filepath.Join(root(t), "bin", "pbx"), "serve", "--config", s.conf)
	s.cmd.Dir = s.dir
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.done = make(chan error, 1)
	go func() { s.done <- s.cmd.Wait() }() // ends with the process
	deadline := time.Now().Add(60 * time.Second)
	for !s.ready() {
		select {
		case err := <-s.done:
			t.Fatalf("pbx ended at start: %v\n%s", err, s.tail())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.kill()
			t.Fatalf("pbx is not ready after 60 s\n%s", s.tail())
		}
	}
	s.login(t)
}

func (s *instance) ready() bool {
	res, err := http.Get(s.api + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

func (s *instance) tail() string {
	b, _ := os.ReadFile(filepath.Join(s.dir, "pbx.log"))
	if len(b) > 4000 {
		b = b[len(b)-4000:]
	}
	return string(b)
}

func (s *instance) kill() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	<-s.done
	_ = s.log.Close()
}

// stop ends the server as an operator does and removes its folder.
func (s *instance) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	var err error
	select {
	case err = <-s.done:
	case <-time.After(20 * time.Second):
		_ = s.cmd.Process.Kill()
		err = errors.Join(errors.New("pbx did not end within 20 s of SIGTERM"), <-s.done)
	}
	_ = s.log.Close()
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *instance) login(t testing.TB) {
	t.Helper()
	jar, _ := cookiejar.New(nil)
	s.http = &http.Client{Jar: jar, Timeout: 20 * time.Second}
	var out struct {
		CSRF string `json:"csrf"`
	}
	s.post(t, "/api/v1/session", map[string]string{"username": adminName, "password": adminPassword}, &out)
	s.csrf = out.CSRF
}

func (s *instance) post(t testing.TB, path string, in, out any) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodPost, s.api+path, bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-CSRF-Token", s.csrf)
	s.do(t, req, out)
}

func (s *instance) get(t testing.TB, path string, out any) {
	t.Helper()
	req, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, s.api+path, nil)
	s.do(t, req, out)
}

func (s *instance) do(t testing.TB, req *http.Request, out any) {
	t.Helper()
	res, err := s.http.Do(req)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.tail())
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if res.StatusCode >= 300 {
		t.Fatalf("%s %s: %s\n%s", req.Method, req.URL.Path, res.Status, b)
	}
	switch o := out.(type) {
	case nil:
	case *[]byte:
		*o = b
	default:
		if err := json.Unmarshal(b, out); err != nil {
			t.Fatalf("%s: %v\n%s", req.URL.Path, err, b)
		}
	}
}

// callView is what the tests look at of a call.
type callView struct {
	ID            string            `json:"id"`
	State         string            `json:"state"`
	To            string            `json:"to"`
	Cause         string            `json:"cause"`
	StartedAt     time.Time         `json:"started_at"`
	DurationMS    int64             `json:"duration_ms"`
	HasRecording  bool              `json:"has_recording"`
	Transcription map[string]string `json:"transcription"`
	Data          map[string]any    `json:"data"`
	Legs          []map[string]any  `json:"legs"`
}

// calls are the test's own calls, newest first.
func (s *instance) calls(t testing.TB) []callView {
	t.Helper()
	var page struct {
		Items []callView `json:"items"`
	}
	s.get(t, "/api/v1/calls?limit=100&since="+url.QueryEscape(s.began.UTC().Format(time.RFC3339Nano)), &page)
	return page.Items
}

// wantCause waits until the newest call of this test has ended, with the cause.
func (s *instance) wantCause(t testing.TB, cause string) callView {
	t.Helper()
	var last []callView
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if last = s.calls(t); len(last) > 0 && last[0].State == "ended" {
			if last[0].Cause != cause {
				t.Fatalf("cause is %q, want %q", last[0].Cause, cause)
			}
			var full callView
			s.get(t, "/api/v1/calls/"+last[0].ID, &full)
			return full
		}
	}
	t.Fatalf("no ended call within 10 s, have %+v", last)
	return callView{}
}

func (s *instance) wantData(t testing.TB, key, value string) {
	t.Helper()
	c := s.wantCause(t, "normal")
	if got := fmt.Sprint(c.Data[key]); got != value {
		t.Fatalf("call data %s is %q, want %q; legs %v", key, got, value, c.Legs)
	}
}

// goroutines reads the runtime's own count from /metrics.
func (s *instance) goroutines(t testing.TB) int {
	t.Helper()
	var b []byte
	s.get(t, "/metrics", &b)
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no go_goroutines in /metrics")
	return 0
}

func (s *instance) wantGoroutinesNear(t testing.TB, before int) {
	t.Helper()
	n := 0
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if n = s.goroutines(t); n <= before+30 {
			return
		}
	}
	t.Fatalf("%d goroutines, %d before: requests leave something behind", n, before)
}

var shared struct {
	sync.Once
	*instance
}

// server is the instance that most tests share, without speech workers.
func server(t *testing.T) *instance {
	t.Helper()
	shared.Do(func() { shared.instance = launch(t, options{T1: ""}) })
	if shared.instance == nil {
		t.Skip("the shared server did not start: see the first test")
	}
	shared.began = time.Now().Add(-10 * time.Millisecond)
	return shared.instance
}

func (s *instance) mediaPort() string { return strconv.Itoa(evenPort()) }

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.instance != nil {
		if err := shared.stop(); err != nil && code == 0 {
			fmt.Fprintln(os.Stderr, "stopping the shared server:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// freePort is a port that neither TCP nor UDP uses, below those that the kernel
// hands out: nobody else takes it before the server does.
func freePort(t testing.TB) string {
	t.Helper()
	for range 200 {
		port := strconv.Itoa(30000 + rand.IntN(2700)) // the routes "3*" reach it
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue
		}
		u, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		_ = l.Close()
		if err == nil {
			_ = u.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

func evenPort() int {
	for range 100 {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			return 0
		}
		port := c.LocalAddr().(*net.UDPAddr).Port
		_ = c.Close()
		if port%2 == 0 {
			return port
		}
	}
	return 0
}

func hasIPv6() bool {
	c, err := net.ListenPacket("udp", "[::1]:0")
	if err != nil {
		return false
	}
	_ = c.Close()
	return true
}

// waitUDPListener waits until something listens on the UDP port: a bind of ours fails then.
func waitUDPListener(t testing.TB, port string) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		c, err := net.ListenPacket("udp", "127.0.0.1:"+port)
		if err != nil {
			return
		}
		_ = c.Close()
	}
	t.Fatalf("nothing listens on UDP port %s", port)
}
