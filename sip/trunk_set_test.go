package sip

import (
	"testing"
	"time"

	"tingxin/sip/wire"
)

// Trunks that change while serving: the registration of one that stays goes on, one that
// goes says good-bye, its calls are refused from then on, and a bad list changes nothing.
func TestTrunksAreReplacedWhileServing(t *testing.T) {
	t.Parallel()
	p := listeningPeer(t)
	carrier := Trunk{Name: "carrier", Proxy: "sip:" + p.local, Register: true, Credentials: alice, RegisterExpires: 10 * time.Minute}
	s := start(t, fast(Config{Trunks: []Trunk{{Name: "here", Addresses: []string{"127.0.0.1"}}}}), newCalls(t))
	p.aim(t, s)
	if err := s.SetTrunks([]Trunk{carrier, {Name: "here", Addresses: []string{"127.0.0.1"}}}, []OutboundRoute{{Trunk: "carrier"}}); err != nil {
		t.Fatal(err)
	}
	m := p.recv("REGISTER")
	p.send(wire.Answer(m, 200, "", "x").Add("Contact", m.Get("Contact")+";expires=600"))
	registered := func() bool { return s.Stats().Trunks[0].Registration == regGood }
	for end := time.Now().Add(30 * time.Second); !registered(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it does not register")
		}
	}
	if len(s.candidates(ParseNumber("123", ""), time.Now())) != 1 {
		t.Error("the outbound route does not count")
	}
	if err := s.SetTrunks([]Trunk{{Name: "broken"}}, nil); err == nil || len(s.Stats().Trunks) != 2 {
		t.Errorf("a bad list: %v", err)
	}
	if err := s.SetTrunks([]Trunk{carrier, {Name: "new", Addresses: []string{"192.0.2.1"}}}, nil); err != nil {
		t.Fatal(err)
	}
	p.silent(50 * time.Millisecond) // the same registration goes on
	if !registered() {
		t.Error("the registration of a trunk that stays was lost")
	}
	gone := make(chan error, 1)
	go func() { gone <- s.SetTrunks([]Trunk{{Name: "new", Addresses: []string{"192.0.2.1"}}}, nil) }() // ends with the answer below
	m = p.recv("REGISTER")
	if m.Get("Expires") != "0" {
		t.Errorf("no good-bye: %s", m.Bytes())
	}
	p.send(wire.Answer(m, 200, "", "x"))
	if err := within(t, gone, "the end of SetTrunks"); err != nil {
		t.Error(err)
	}
	q := dialPeer(t, s, "udp")
	q.startCall(offerPCMA)
	q.recv("403") // its trunk is gone
}
