package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"

	"tingxin/sip"
)

// page is the WebSocket of a page's telephone.
type page struct {
	t    *testing.T
	conn net.Conn
	seq  int
}

func (s *server) openPage(t *testing.T) *page {
	t.Helper()
	d := ws.Dialer{Protocols: []string{"sip"}, Header: ws.HandshakeHeaderHTTP(http.Header{"Origin": {s.web.URL()}})}
	conn, _, _, err := d.Dial(t.Context(), strings.Replace(s.web.URL(), "http", "ws", 1)+"/sip")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &page{t: t, conn: conn}
}

// register returns the status line that comes back.
func (p *page) register(user, token string) string {
	p.t.Helper()
	p.seq++
	m := fmt.Sprintf("REGISTER sip:tingxin SIP/2.0\r\nVia: SIP/2.0/WS page.invalid;branch=z9hG4bKp%d\r\nMax-Forwards: 69\r\nFrom: <sip:%s@tingxin>;tag=p\r\nTo: <sip:%s@tingxin>\r\n"+
		"Call-ID: page\r\nCSeq: %d REGISTER\r\nContact: <sip:abc@page.invalid;transport=ws>;expires=600\r\nAuthorization: Bearer %s\r\nContent-Length: 0\r\n\r\n", p.seq, user, user, p.seq, token)
	if err := wsutil.WriteClientText(p.conn, []byte(m)); err != nil {
		p.t.Fatal(err)
	}
	_ = p.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	answer, err := wsutil.ReadServerText(p.conn)
	if err != nil {
		p.t.Fatal(err)
	}
	line, _, _ := strings.Cut(string(answer), "\r\n")
	return line
}

// A login is a user who may register, by the token that the API gives out, until
// the account is closed.
func TestPageRegistersByTicket(t *testing.T) {
	s := mustRun(t, testConfig(t))
	p := s.openPage(t)
	ticket := s.phones.Ticket("admin", time.Now())
	if ticket.Domain != "tingxin" || ticket.WSPath != "/sip" || len(ticket.ICEServers) != 0 || time.Until(ticket.ExpiresAt) < 14*time.Minute {
		t.Errorf("%+v", ticket)
	}
	for _, step := range []struct{ what, user, token, want string }{
		{"a token of nobody", "admin", "e30.e30.e30", "401"},
		{"a token that is old", "admin", s.phones.Ticket("admin", time.Now().Add(-time.Hour)).Token, "401"},
		{"an unknown user", "zoe", s.phones.Ticket("zoe", time.Now()).Token, "403"},
		{"the right one", "admin", ticket.Token, "200"},
	} {
		if got := p.register(step.user, step.token); !strings.Contains(got, step.want) {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
	if !s.phones.Reachable("admin") || s.phones.Reachable("zoe") {
		t.Error("who is reachable is wrong")
	}
	if _, err := s.db.Exec(t.Context(), "update users set disabled = true"); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); !strings.Contains(p.register("admin", ticket.Token), "403"); time.Sleep(300 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a closed account may still register")
		}
	}
}

// TestDeskPhoneOfAConsoleUser: an agent sets a password by the API, the desk phone
// registers with it and takes the calls of the queue; with the password gone it is
// registered no more.
func TestDeskPhoneOfAConsoleUser(t *testing.T) {
	o := newOffice(t)
	if _, err := o.db.Exec(t.Context(), `insert into users (username, role, password_hash) values ('cora', 'agent', '-')`); err != nil {
		t.Fatal(err)
	}
	desk := newPhone(t)
	d := o.phones.Digests("cora", "a long secret of cora")
	_, err := o.db.Exec(t.Context(), `insert into phone_secrets (user_id, realm, md5, sha256) select id, $1, $2, $3 from users where username = 'cora'`, d.Realm, d.MD5, d.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the secret to be known", func() bool { _, ok := o.people.Digests("cora"); return ok })
	desk.register(o.udp(t), "cora", "a long secret of cora")
	if !o.phones.Reachable("cora") {
		t.Error("registered, and not reachable")
	}
	if _, err := o.db.Exec(t.Context(), `delete from phone_secrets`); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the registration to end", func() bool { return !o.phones.Reachable("cora") })
	if !o.phones.Reachable("anna") {
		t.Error("anna's registration ended too")
	}
}

// TestUsersAreReadAgain: SIGHUP takes sip.users from the file, and nothing else.
func TestUsersAreReadAgain(t *testing.T) {
	s := mustRun(t, testConfig(t))
	signals, hups := make(chan os.Signal, 1), make(chan os.Signal, 1)
	var next atomic.Pointer[Config]
	done := make(chan os.Signal)
	go func() { // ends with the signal to stop
		done <- s.run(signals, hups, func() (Config, error) {
			if c := next.Load(); c != nil {
				return *c, nil
			}
			return Config{}, errors.New("pbx.yaml: line 3: not like that")
		})
	}()
	hups <- syscall.SIGHUP // a mistake changes nothing
	cfg := s.cfg
	cfg.SIP.Users = []sip.UserEntry{{Name: "dora", Password: "secret-dora"}}
	next.Store(&cfg)
	for len(hups) > 0 {
		time.Sleep(time.Millisecond)
	}
	hups <- syscall.SIGHUP
	waitFor(t, "dora", func() bool { return s.sip.HasUser("dora") })
	newPhone(t).register(s.udp(t), "dora", "secret-dora")
	signals <- syscall.SIGTERM
	if sig := <-done; sig != syscall.SIGTERM {
		t.Error(sig)
	}
}
