package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/api"
	"tingxin/call"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/sip"
)

// two servers on one database: near in this process, far in one that can be killed.
// anna is an agent of the queue "support".
type two struct {
	near         *server
	far          *exec.Cmd
	farAt        string
	anna, caller *phone
	agent        queue.AgentID
}

// freeUDP is an address that nobody listens on, for UDP and TCP.
func freeUDP(t *testing.T) string {
	t.Helper()
	for range 100 {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		at := c.LocalAddr().String()
		l, err := net.Listen("tcp", at)
		_ = c.Close()
		if err == nil {
			_ = l.Close()
			return at
		}
	}
	t.Fatal("no free port")
	return ""
}

func newTwo(t *testing.T, farFirst bool) *two {
	t.Helper()
	w := &two{anna: newPhone(t), caller: newPhone(t)}
	cfg := testConfig(t)
	flows := t.TempDir()
	doc := "flow: desk\nversion: 1\nnodes:\n  - queue: {name: support, max_wait: 2m, announce: 30s}\n"
	if err := os.WriteFile(filepath.Join(flows, "desk.yaml"), []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.IVR.Flows = flows
	cfg.Call.Routes = []call.Route{{Numbers: []string{"4000"}, Flow: "desk"}, {Numbers: []string{"8001"}, User: "anna"}}
	cfg.Call.MediaTimeout = 2 * time.Second
	cfg.SIP.Users = []sip.UserEntry{{Name: "anna", Password: "secret-anna", Algorithms: []string{"MD5"}}, {Name: "bert", Password: "secret-bert", Algorithms: []string{"MD5"}}}
	db, err := pg.Attach(t.Context(), cfg.PG.URL, cfg.PG)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if w.agent, err = pg.Row(t.Context(), db, pgx.RowTo[queue.AgentID], `insert into users (username, role, password_hash) values ('anna', 'agent', '-') returning id::text`); err != nil {
		t.Fatal(err)
	}
	_, err = api.ApplyQueues(t.Context(), db, queue.Document{Agents: []queue.AgentDoc{{User: "anna", Desk: true}},
		Queues: []queue.QueueDoc{{ID: "support", Members: []queue.MemberDoc{{User: "anna"}}}}}, "test")
	if err != nil {
		t.Fatal(err)
	}
	as := func(name string) Config {
		c := cfg
		c.DataDir, c.Call.Node = t.TempDir(), name
		at := freeUDP(t)
		c.SIP.Listen = []string{"udp:" + at, "tcp:" + at}
		c.API.Listen = freeUDP(t)
		c.Cluster.SIP, c.Cluster.Web = "sip:"+at+";transport=tcp", "http://"+c.API.Listen
		return c
	}
	if farFirst { // it decides over the queues
		w.far, w.farAt = serveProcess(t, as("far"))
		w.near = mustRun(t, as("near"))
	} else {
		w.near = mustRun(t, as("near"))
		w.far, w.farAt = serveProcess(t, as("far"))
	}
	waitFor(t, "near to know far", func() bool { return w.near.nodes.Peers()["far"].SIP != "" })
	w.anna.says(toneAgent)
	w.caller.says(toneCaller)
	return w
}

func (w *two) available(t *testing.T) {
	t.Helper()
	if err := w.near.queues.SetPresence(t.Context(), w.agent, queue.Available, ""); err != nil {
		t.Fatal(err)
	}
}

// waitLong is for what a server does only when another has been silent for a while.
func waitLong(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok() && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
	}
	waitFor(t, what, ok)
}

// killFar is kill -9.
func (w *two) killFar(t *testing.T) {
	t.Helper()
	if err := w.far.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = w.far.Wait() // "killed"
}

// TestAgentAtAnotherServer: a call at one server reaches the agent whose telephone is
// registered at another; sound both ways, hold and the end go through; one record.
// Then the other server is killed: the call there loses its agent, calls here go on.
func TestAgentAtAnotherServer(t *testing.T) {
	w := newTwo(t, false)
	w.anna.register(w.farAt, "anna", "secret-anna")
	waitFor(t, "anna to be reachable", func() bool { return w.near.phones.Reachable("anna") })
	w.available(t)
	w.caller.call(w.near.udp(t), "4000")
	invite := w.anna.take()
	if from := invite.from.String(); from != w.farAt {
		t.Errorf("anna was called by %s, not by %s where she is registered", from, w.farAt)
	}
	w.caller.hearsOnly(toneAgent)
	w.anna.hearsOnly(toneCaller)
	w.anna.dialogOf(invite)
	w.anna.reinvite("sendonly")
	loud := w.caller.loud.Load()
	w.caller.hearsOnly(0)
	waitFor(t, "music on hold", func() bool { return w.caller.loud.Load() > loud+3 })
	w.anna.reinvite("sendrecv")
	w.caller.hearsOnly(toneAgent)
	w.caller.bye()
	w.anna.hungUp()
	r, legs := w.near.cdr(t)
	if r.Node != "near" || r.Queue != "support" || r.Agent != "anna" || r.Cause != call.CauseCallerHangup || len(legs) != 2 || legs[1].User != "anna" {
		t.Errorf("record %+v, legs %+v", r, legs)
	}
	if n, err := pg.Row(t.Context(), w.near.db, pgx.RowTo[int], `select count(*)::int from calls`); err != nil || n != 1 {
		t.Errorf("%d records of one contact, %v", n, err)
	}

	// Two calls: one with anna at far, one that echoes here.
	echo := newPhone(t)
	echo.says(toneOther)
	echo.call(w.near.udp(t), "echo")
	endWrap(t, w)
	w.caller.call(w.near.udp(t), "4000")
	invite = w.takes(t, invite)
	w.caller.hearsOnly(toneAgent)
	w.killFar(t)
	w.caller.hungUp() // the leg to far went silent
	echo.hearsOnly(toneOther)
	echo.bye()
	waitLong(t, "far to be forgotten", func() bool { return len(w.near.nodes.Peers()) == 0 && !w.near.phones.Reachable("anna") })

	// The telephone comes back at the server that lives.
	w.anna.register(w.near.udp(t), "anna", "secret-anna")
	endWrap(t, w)
	w.caller.call(w.near.udp(t), "4000")
	w.takes(t, invite)
	w.caller.hearsOnly(toneAgent)
	w.caller.bye()
	w.anna.hungUp()
}

// takes is anna's next call; an INVITE of the last one may have been sent twice.
func (w *two) takes(t *testing.T, last *message) *message {
	t.Helper()
	for _, p := range []*phone{w.anna, w.caller} { // what they heard in the last call does not count
		p.soundMu.Lock()
		p.sound = nil
		p.soundMu.Unlock()
	}
	for {
		if m := w.anna.take(); m.header.Get("Call-Id") != last.header.Get("Call-Id") {
			return m
		}
	}
}

// endWrap makes anna free again.
func endWrap(t *testing.T, w *two) {
	t.Helper()
	waitFor(t, "anna to be free", func() bool {
		_ = w.near.queues.EndWrapUp(context.Background(), w.agent, true)
		_ = w.near.queues.SetPresence(context.Background(), w.agent, queue.Available, "")
		d, err := w.near.queues.Desk(context.Background(), w.agent)
		return err == nil && d.Agent.State == queue.Available
	})
}

// TestQueuePlacesOfAKilledServer: the server that decides over the queues is killed;
// the other takes over, and its own caller keeps the place and gets the agent.
func TestQueuePlacesOfAKilledServer(t *testing.T) {
	w := newTwo(t, true)
	if w.near.queues.Stats().Deciding {
		t.Fatal("the server that came second decides")
	}
	lost := newPhone(t)
	lost.says(toneOther)
	lost.call(w.farAt, "4000")
	w.caller.call(w.near.udp(t), "4000")
	waiting := func() int {
		items, err := w.near.queues.Items(context.Background(), "support")
		if err != nil {
			return -1
		}
		return len(items)
	}
	waitFor(t, "two to wait", func() bool { return waiting() == 2 })
	w.killFar(t)
	waitLong(t, "near to decide", func() bool { return w.near.queues.Stats().Deciding })
	waitLong(t, "the lost caller's place to end", func() bool { return waiting() == 1 })
	if l := w.near.calls.Live(); len(l) != 1 || l[0].Queue != "support" {
		t.Fatalf("%+v", l)
	}
	w.anna.register(w.near.udp(t), "anna", "secret-anna")
	w.available(t)
	w.anna.take()
	w.caller.hearsOnly(toneAgent)
	w.caller.bye()
	w.anna.hungUp()
}

// TestServerWithoutToken: who says to be another server and cannot show it is a stranger.
func TestServerWithoutToken(t *testing.T) {
	w := newTwo(t, false)
	for name, token := range map[string]string{
		"of nobody": "e30.e30.e30", "of an unknown server": w.near.phones.tokens.Issue(nodePrefix+"elsewhere", time.Now(), time.Minute),
		"an old one": w.near.phones.tokens.Issue(nodePrefix+"far", time.Now().Add(-time.Hour), time.Minute),
	} {
		p := newPhone(t)
		p.extra = fmt.Sprintf("Authorization: Bearer %s\r\n", token)
		p.invite(w.near.udp(t), "anna")
		if m := p.final(); m.status() != http.StatusUnauthorized && m.status() != http.StatusForbidden {
			t.Errorf("%s: %s", name, m.first)
		}
	}
}

// A telephone that is registered at another server than its call's could not transfer: 403.
func TestTransferFromAnotherServer(t *testing.T) {
	w := newTwo(t, false)
	bert, other := newPhone(t).says(toneOther), newPhone(t).says(toneOther)
	w.anna.register(w.farAt, "anna", "secret-anna")
	bert.register(w.near.udp(t), "bert", "secret-bert")
	waitFor(t, "anna to be reachable", func() bool { return w.near.phones.Reachable("anna") })
	w.available(t)
	wrapping := func() bool {
		d, err := w.near.queues.Desk(t.Context(), w.agent)
		return err == nil && d.Agent.State != queue.Talking && d.Agent.State != queue.Ringing
	}

	// To a colleague at the call's server, without asking.
	w.caller.call(w.near.udp(t), "4000")
	invite := w.anna.take()
	w.caller.hearsOnly(toneAgent)
	w.anna.dialogOf(invite)
	w.anna.refer("sip:bert@" + w.farAt)
	bert.take()
	w.caller.hearsOnly(toneOther)
	bert.hearsOnly(toneCaller)
	w.anna.hungUp()
	waitFor(t, "anna to be free of the call", wrapping)
	w.caller.bye()
	bert.hungUp()
	if r, legs := w.near.cdr(t); r.Agent != "anna" || len(legs) != 3 || legs[1].Cause != call.CauseTransferred || legs[2].User != "bert" {
		t.Errorf("record %+v, legs %+v", r, legs)
	}

	// To nobody: the call goes on with her.
	endWrap(t, w)
	w.caller.call(w.near.udp(t), "4000")
	invite = w.takes(t, invite)
	w.caller.hearsOnly(toneAgent)
	w.anna.dialogOf(invite)
	w.anna.refer("sip:nobody@" + w.farAt)
	w.caller.hearsOnly(toneAgent)

	// To whom she talks with at her own server: both go on without her.
	other.invite(w.farAt, "8001")
	second := w.takes(t, invite)
	if m := other.final(); m.status() != http.StatusOK {
		t.Fatalf("the call to ask: %s", m.first)
	}
	other.hearsOnly(toneAgent)
	w.anna.dialogOf(invite)
	w.anna.cseq = 10
	_, tag, _ := strings.Cut(second.header.Get("From"), "tag=")
	w.anna.refer("sip:1000@127.0.0.1?Replaces=" + url.QueryEscape(second.header.Get("Call-Id")+";to-tag="+tag+";from-tag=phone"))
	w.caller.hearsOnly(toneOther)
	other.hearsOnly(toneCaller)
	w.anna.hungUp()
	w.anna.hungUp()
	waitFor(t, "anna to be free of the call", wrapping)
	other.bye()
	w.caller.hungUp()
}
