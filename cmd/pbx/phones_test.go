package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gobwas/ws"
	"github.com/gobwas/ws/wsutil"
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
	_ = p.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
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
