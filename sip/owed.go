package sip

import (
	"time"

	"tingxin/sip/wire"
)

// owed is a BYE that found its user's connection gone: the page would believe in
// its call until the session runs out. It is sent when the device is back.
type owed struct {
	bye   *wire.Message
	until time.Time
}

// bounds of what is owed.
const (
	maxOwed       = 1024 // devices
	maxOwedDevice = 8
	owedFor       = 2 * time.Minute
)

// owe keeps a BYE for a device, or sends it at once when that is back already.
func (s *Server) owe(to seat, bye *wire.Message) {
	if to.user == "" {
		return
	}
	now := time.Now()
	if b := s.registrar.find(to, now); b != nil {
		s.pay(b.flow, bye)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.owes[to]
	if s.closed || len(list) >= maxOwedDevice || len(list) == 0 && len(s.owes) >= maxOwed {
		return
	}
	s.owes[to] = append(list, owed{bye, now.Add(owedFor)})
}

// settle sends what a device is owed.
func (s *Server) settle(b *binding) {
	s.mu.Lock()
	list := s.owes[b.seat]
	delete(s.owes, b.seat)
	s.mu.Unlock()
	now := time.Now()
	for _, o := range list {
		if now.Before(o.until) {
			s.pay(b.flow, o.bye)
		}
	}
}

func (s *Server) pay(f flow, bye *wire.Message) {
	_ = s.transact(s.base, &exchange{}, bye.Clone(), f, func(*wire.Message, error) {})
}

// forgive drops what was owed for too long.
func (s *Server) forgive(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for to, list := range s.owes {
		if now.After(list[len(list)-1].until) {
			delete(s.owes, to)
		}
	}
}
