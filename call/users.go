package call

import (
	"cmp"
	"time"
)

// UsersConfig says how calls of our own users go, and calls to them.
type UsersConfig struct {
	// Extensions are short numbers of users: {"8001": anna}.
	Extensions map[string]string `yaml:"extensions" koanf:"extensions"`
	// Timeout is how long a user is rung; call.ring_timeout when zero.
	Timeout time.Duration `yaml:"timeout" koanf:"timeout"`
	// Record, Announcement, Emotion and Transcribe are as in a route, for calls between users and to numbers outside.
	Record       bool   `yaml:"record" koanf:"record"`
	Announcement string `yaml:"announcement" koanf:"announcement"`
	Emotion      bool   `yaml:"emotion" koanf:"emotion"`
	Transcribe   bool   `yaml:"transcribe" koanf:"transcribe"`
	// Language of these calls; "en" when empty.
	Language string `yaml:"language" koanf:"language"`
	// Voicemail takes a message for a user who does not answer, is busy or away, when the route has no Then.
	Voicemail bool `yaml:"voicemail" koanf:"voicemail"`
}

// Directory knows our users; signalling satisfies it.
type Directory interface {
	// HasUser tells whether there is a user of that name. It answers from memory.
	HasUser(name string) bool
}

// Ways knows which numbers outside can be called; signalling satisfies it.
type Ways interface {
	// Reaches tells whether there is a way to a number. It answers from memory.
	Reaches(number string) bool
}

// noWay says that a route leads to a number outside to which there is no way.
func (m *Manager) noWay(r *Route, number string) bool {
	w, ok := m.dialer.(Ways)
	return r.outside && ok && !w.Reaches(number)
}

// Names of the routes that calls of users take without being configured.
const (
	routeUsers   = "users"
	routeOutside = "outside"
)

// user is the user that a name or an extension means.
func (m *Manager) user(number string) (string, bool) {
	name := cmp.Or(m.cfg.Users.Extensions[number], number)
	return name, m.directory != nil && m.directory.HasUser(name)
}

// routeOf finds who takes a call: for a call of a user of ours another user, then
// the routes, then the outbound routes of signalling. A call from outside has the routes only.
// A flow for every number is for callers from outside: who dials a number wants that number.
func (m *Manager) routeOf(in *Incoming) (Route, bool) {
	u := &m.cfg.Users
	base := Route{Language: u.Language, Record: u.Record, Announcement: u.Announcement, Emotion: u.Emotion, Transcribe: u.Transcribe}
	if in.User != "" && m.cfg.Park.has(in.To) {
		return Route{Name: routePark, slot: in.To, pickUp: true, Language: u.Language}, true
	}
	if in.User != "" {
		if name, ok := m.user(in.To); ok && name != in.User {
			base.Name, base.User, base.Timeout = routeUsers, name, u.Timeout
			return base, true
		}
	}
	if r, ok := m.routes.Load().find(in.To, in.Trunk, in.User != ""); ok {
		return r, true
	}
	if in.User == "" || plain(in.To) == "" {
		return Route{}, false
	}
	base.Name, base.outside, base.shown = routeOutside, true, in.From
	if in.From == in.User { // signalling knows the user, customers know the number
		base.shown = m.cfg.CallerID.of(in.User, "")
	}
	return base, true
}

// goal is where a party may have the other one put through to: somebody to dial, or
// with a name a route of the house (a flow, the echo, a place to park). A flow for every number is for
// callers from outside: a name mistyped in a transfer is an error, not a way there.
func (m *Manager) goal(number, user, trunk string) (Target, Route, error) {
	if user != "" && (m.cfg.Park.has(number) || m.cfg.Park.Number != "" && number == m.cfg.Park.Number) {
		return Target{}, Route{Name: routePark, slot: number}, nil
	}
	in := Incoming{To: number, User: user, Trunk: trunk}
	if user != "" {
		in.Trunk = ""
	}
	if _, ours := m.user(number); user == "" || !ours {
		if r, ok := m.routeOf(&in); ok && (r.Flow != "" || r.Echo) && r.names(number) {
			return Target{}, r, nil
		}
	}
	t, err := m.reach(number, user, trunk)
	return t, Route{}, err
}

// reach is whom a party may have the other one put through to: whom it could call
// itself. user is empty for a party outside, who came by trunk.
func (m *Manager) reach(number, user, trunk string) (Target, error) {
	in := Incoming{To: number, User: user, Trunk: trunk}
	if user != "" {
		in.Trunk = ""
		if name, ok := m.user(number); ok {
			return Target{User: name}, nil
		}
	}
	r, ok := m.routeOf(&in)
	if !ok || !r.dials() || m.noWay(&r, number) {
		return Target{}, ErrTarget
	}
	return r.target(&in), nil
}
