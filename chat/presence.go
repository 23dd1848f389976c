package chat

import (
	"context"
	"slices"
	"time"
)

const (
	// presenceTime is how long somebody counts as there after the last sign; there are no locks.
	presenceTime = 30 * time.Second
	typingTime   = 8 * time.Second
)

type presence struct {
	name   string
	seen   time.Time
	typing time.Time
}

// Viewer is an agent who looks at a conversation.
type Viewer struct {
	User   int64  `json:"user"`
	Name   string `json:"name"`
	Typing bool   `json:"typing"`
}

// Look says that an agent looks at a conversation and perhaps writes; it holds
// for 30 s. Customers are told of typing only.
func (s *Service) Look(ctx context.Context, id ID, who Author, typing bool) error {
	if !s.note(id, who, true, typing) {
		return nil
	}
	state := "looking"
	if typing {
		state = "typing"
	}
	return s.Tell(ctx, Notice{Type: PresenceMoved, Conversation: id, Author: &who, On: true, State: state})
}

// LookAway is the end of Look.
func (s *Service) LookAway(ctx context.Context, id ID, who Author) error {
	if !s.note(id, who, false, false) {
		return nil
	}
	return s.Tell(ctx, Notice{Type: PresenceMoved, Conversation: id, Author: &who})
}

// note remembers who looks; it tells whether that is news.
func (s *Service) note(id ID, who Author, on, typing bool) bool {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.present[id]
	p, there := of[who.User]
	if !on {
		delete(of, who.User)
		if len(of) == 0 {
			delete(s.present, id)
		}
		return there
	}
	if of == nil {
		of = map[int64]presence{}
		s.present[id] = of
	}
	there = there && now.Sub(p.seen) < presenceTime
	wrote := now.Sub(p.typing) < typingTime
	news := !there || wrote != typing || typing && now.Sub(p.typing) > typingTime/2
	p.name, p.seen = who.Name, now
	if typing {
		p.typing = now
	} else {
		p.typing = time.Time{}
	}
	of[who.User] = p
	return news
}

// Viewers are the agents who look at a conversation now.
func (s *Service) Viewers(id ID) []Viewer {
	now := s.now()
	out := []Viewer{}
	s.mu.Lock()
	for user, p := range s.present[id] {
		if now.Sub(p.seen) < presenceTime {
			out = append(out, Viewer{user, p.name, now.Sub(p.typing) < typingTime})
		}
	}
	s.mu.Unlock()
	slices.SortFunc(out, func(a, b Viewer) int { return int(a.User - b.User) })
	return out
}

// forgetAbsent drops signs that are old.
func (s *Service) forgetAbsent() {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, of := range s.present {
		for user, p := range of {
			if now.Sub(p.seen) >= presenceTime {
				delete(of, user)
			}
		}
		if len(of) == 0 {
			delete(s.present, id)
		}
	}
}
