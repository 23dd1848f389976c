package e2e

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"tingxin/caller"
)

// cluster is scripts/cluster while it runs: two servers, Redis and Kamailio.
type cluster struct {
	dir, sip string
	web      int // port of the first server's pages; the second's is one above it
	cmd      *exec.Cmd
	ended    chan error
}

const clusterConfig = `sip:
  users:
    - {name: anna, password: secret-anna, algorithms: [MD5]}
call:
  routes:
    - {numbers: ["8000"], user: anna, timeout: 10s}
`

// startServers waits until the script says that all is ready.
func startServers(t *testing.T) *cluster {
	t.Helper()
	if _, err := exec.LookPath("kamailio"); err != nil {
		t.Skip("kamailio is not installed (Debian: kamailio): two servers behind it are not tested")
	}
	if _, err := os.Stat(filepath.Join(root(t), "bin", "pbx")); err != nil {
		t.Skip("bin/pbx is not there: run make build")
	}
	dir, err := os.MkdirTemp("", "tingxin-cluster-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { // PostgreSQL runs as another account when we are root
		t.Fatal(err)
	}
	extra := filepath.Join(dir, "extra.yaml")
	if err := os.WriteFile(extra, []byte(clusterConfig), 0o644); err != nil {
		t.Fatal(err)
	}
	c := &cluster{dir: dir, sip: freePort(t), ended: make(chan error, 1)}
	if c.web, err = strconv.Atoi(freePort(t)); err != nil {
		t.Fatal(err)
	}
	c.cmd = exec.Command(filepath.Join(root(t), "scripts", "cluster"), "--dir", dir, "--sip", c.sip, "--web", strconv.Itoa(c.web), "--config", extra)
	c.cmd.Env = append(os.Environ(), "TINGXIN_ASR__OFF=true", "DATABASE_URL=", "TINGXIN_API__ADMIN__PASSWORD="+adminPassword)
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var complaint bytes.Buffer
	c.cmd.Stderr = &complaint
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go func() { // ends with the script
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "cluster: ready") {
				close(ready)
			}
		}
		c.ended <- c.cmd.Wait()
	}()
	t.Cleanup(func() {
		c.stop(t)
		for _, name := range []string{"node1", "node2", "kamailio"} {
			if b, _ := os.ReadFile(filepath.Join(c.dir, name+".log")); t.Failed() && len(b) > 0 {
				t.Logf("%s:\n%s", name, b[max(0, len(b)-6000):])
			}
		}
	})
	select {
	case <-ready:
	case err := <-c.ended:
		c.ended <- err
		t.Fatalf("the cluster did not start: %v\n%s", err, complaint.String())
	case <-time.After(time.Minute):
		t.Fatal("the cluster is not ready after a minute")
	}
	return c
}

// stop is Ctrl-C; nothing may be left running.
func (c *cluster) stop(t *testing.T) {
	t.Helper()
	_ = c.cmd.Process.Signal(syscall.SIGINT)
	select {
	case <-c.ended:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		t.Error("the cluster did not end within 30 s")
	}
	for _, name := range []string{"node1", "node2", "kamailio"} {
		if pid := c.pid(name); pid > 0 && syscall.Kill(pid, 0) == nil {
			t.Errorf("%s is still running", name)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

func (c *cluster) pid(name string) (pid int) {
	b, _ := os.ReadFile(filepath.Join(c.dir, name+".pid"))
	_, _ = fmt.Sscan(string(b), &pid)
	return pid
}

// calls counts the calls of a route that have ended at a server, by its log.
func (c *cluster) calls(node, route string) (n int) {
	b, _ := os.ReadFile(filepath.Join(c.dir, node+".log"))
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, `msg="call ended"`) && strings.Contains(line, " route="+route+" ") {
			n++
		}
	}
	return n
}

// call places n calls at once through Kamailio and expects sound in each.
func (c *cluster) call(t *testing.T, number string, n int) {
	t.Helper()
	a := caller.New(caller.Config{}, nil)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() { // ends with its call
			ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
			defer cancel()
			r, err := a.Call(ctx, caller.CallConfig{To: "sip:" + number + "@127.0.0.1:" + c.sip, Hold: 700 * time.Millisecond, AnswerTimeout: 12 * time.Second})
			if err != nil || !r.OK() || r.Received < 10 {
				t.Errorf("%s: %v, %s, status %d, %d packets came", number, err, r.Cause, r.Status, r.Received)
			}
		})
	}
	wg.Wait()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// hear listens to the live feed of the second server and returns how many calls it has
// told the end of.
func (c *cluster) hear(t *testing.T) func() int {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Log("redis-server is not installed: events of the other server are not tested")
		return nil
	}
	s := &instance{api: "http://127.0.0.1:" + strconv.Itoa(c.web+1)}
	s.login(t)
	at, _ := url.Parse(s.api)
	var cookies []string
	for _, k := range s.http.Jar.Cookies(at) {
		cookies = append(cookies, k.Name+"="+k.Value)
	}
	d := ws.Dialer{Header: ws.HandshakeHeaderHTTP(http.Header{"Cookie": {strings.Join(cookies, "; ")}, "Origin": {s.api}})}
	conn, _, _, err := d.Dial(t.Context(), "ws://"+at.Host+"/api/v1/realtime")
	if err != nil {
		t.Fatal(err)
	}
	for _, ask := range []string{`{"id":1,"connect":{}}`, `{"id":2,"subscribe":{"channel":"calls"}}`} {
		if err := wsutil.WriteClientText(conn, []byte(ask)); err != nil {
			t.Fatal(err)
		}
	}
	var ended atomic.Int64
	done, ready := make(chan struct{}), make(chan struct{})
	go func() { // ends with the connection
		defer close(done)
		for {
			b, err := wsutil.ReadServerText(conn)
			if err != nil {
				return
			}
			for line := range strings.Lines(string(b)) {
				if strings.Contains(line, `"id":2,"subscribe"`) {
					close(ready)
				}
				ended.Add(int64(strings.Count(line, `"call.ended"`)))
			}
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	select {
	case <-ready:
	case <-time.After(10 * time.Second):
		t.Fatal("the feed of the second server takes no subscription")
	}
	return func() int { return int(ended.Load()) }
}

// survive has calls going on while one server is killed: those of the other one must not notice.
func (c *cluster) survive(t *testing.T, n int, kill func()) {
	t.Helper()
	a := caller.New(caller.Config{}, nil)
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	var up, over sync.WaitGroup
	var kept atomic.Int64
	before := c.calls("node2", "echo")
	up.Add(n)
	for range n {
		over.Go(func() { // ends with its call, or soon after the others have ended
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			var answered sync.Once
			defer answered.Do(up.Done)
			r, err := a.Call(ctx, caller.CallConfig{To: "sip:echo@127.0.0.1:" + c.sip, Hold: 4 * time.Second, AnswerTimeout: 10 * time.Second,
				OnAnswer: func(time.Time) { answered.Do(up.Done) }})
			if err == nil && r.OK() && r.Received > 150 {
				kept.Add(1)
			}
		})
	}
	up.Wait()
	kill()
	over.Wait()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	eventually(t, 10*time.Second, "the calls of node2 to end", func() bool { return c.calls("node2", "echo")-before >= int(kept.Load()) })
	if at := c.calls("node2", "echo") - before; at == 0 || at == n || int(kept.Load()) != at {
		t.Errorf("of %d calls %d were at node2, and %d went on to their end when node1 was killed", n, at, kept.Load())
	}
}

// TestTwoServersBehindKamailio: calls go to both, and the pages of either hear of all; a
// telephone registered through Kamailio at one of them is reached by calls at either;
// when one is killed, the calls of the other go on and the other takes all that come.
func TestTwoServersBehindKamailio(t *testing.T) {
	c := startServers(t)
	told := c.hear(t)
	c.call(t, "echo", 12)
	for _, node := range []string{"node1", "node2"} {
		eventually(t, 10*time.Second, node+" to have had calls", func() bool { return c.calls(node, "echo") > 0 })
	}
	if told != nil {
		eventually(t, 10*time.Second, "node2's feed to tell the end of all 12 calls", func() bool { return told() == 12 })
	}
	p := newBaresip(t, "<sip:anna@127.0.0.1:"+c.sip+">;auth_user=anna;auth_pass=secret-anna;regint=60;answermode=auto", at8kHz(t, callerFile(t, "sense-3.wav")))
	p.listen(t)
	time.Sleep(500 * time.Millisecond) // the other server hears of it by the database
	c.call(t, "8000", 3)               // baresip takes four at once
	for range 4 {
		if c.calls("node1", "anna") > 0 && c.calls("node2", "anna") > 0 {
			break
		}
		c.call(t, "8000", 3)
		time.Sleep(200 * time.Millisecond)
	}
	if a, b := c.calls("node1", "anna"), c.calls("node2", "anna"); a == 0 || b == 0 {
		t.Errorf("%d and %d calls reached anna from the two servers", a, b)
	}
	c.survive(t, 8, func() {
		if err := syscall.Kill(c.pid("node1"), syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
	before := c.calls("node2", "echo")
	c.call(t, "echo", 8) // some are given to the dead one first
	eventually(t, 10*time.Second, "all calls at node2", func() bool { return c.calls("node2", "echo") == before+8 })
}

// listen starts the phone, which registers and takes calls until the test ends.
func (p *baresip) listen(t *testing.T) {
	t.Helper()
	cmd := exec.Command("baresip", "-f", p.dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	registered, read := make(chan struct{}), make(chan struct{})
	go func() { // ends when the phone closes its output
		defer close(read)
		var once sync.Once
		for sc := bufio.NewScanner(out); sc.Scan(); {
			p.out.WriteString(sc.Text() + "\n")
			if strings.Contains(sc.Text(), "200 OK") && strings.Contains(sc.Text(), "binding") {
				once.Do(func() { close(registered) })
			}
		}
	}()
	t.Cleanup(func() {
		defer func() {
			if t.Failed() {
				t.Logf("baresip:\n%s", p.out)
			}
		}()
		_, _ = in.Write([]byte("/quit\n"))
		select {
		case <-read:
		case <-time.After(5 * time.Second):
			_ = cmd.Process.Kill()
			<-read
		}
		_ = cmd.Wait()
	})
	select {
	case <-registered:
	case <-time.After(15 * time.Second):
		_ = cmd.Process.Kill()
		<-read
		t.Fatalf("baresip did not register:\n%s", p.out)
	}
}
