package call

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tingxin/media"
)

// Values of RecordingConfig.Refused.
const (
	RefusedForget     = "forget"
	RefusedTranscribe = "transcribe"
)

// Names of the built-in routes.
const (
	routeEcho    = "echo"
	routeDefault = "default"
)

// Route says what takes calls to some numbers: exactly one of Flow, Bridge, User, Echo and Reject.
type Route struct {
	// Name stands in the records; the flow's name, "bridge", "echo" or "reject" when empty.
	Name string `yaml:"name" koanf:"name"`
	// Numbers are dialled numbers: exact ("4000"), a prefix ("40*") or all ("*").
	Numbers []string `yaml:"numbers" koanf:"numbers"`
	// Trunks narrows the route to calls that came by these trunks; all when empty.
	Trunks []string `yaml:"trunks" koanf:"trunks"`
	// Flow is the name of the flow to run.
	Flow string `yaml:"flow" koanf:"flow"`
	// Bridge is a SIP address to connect the caller with, such as "sip:{number}@10.0.0.7:5060";
	// {number} stands for the dialled number, {rest} for what follows the prefix of "40*" in it, {caller} for
	// the caller's number; only letters, digits and + . _ - of them are used.
	Bridge string `yaml:"bridge" koanf:"bridge"`
	// BridgeTrunk is the trunk to dial by; empty dials the address itself.
	BridgeTrunk string `yaml:"bridge_trunk" koanf:"bridge_trunk"`
	// User is one of our users to ring wherever they are registered.
	User string `yaml:"user" koanf:"user"`
	// Timeout is how long a user or bridge is rung; call.ring_timeout when zero.
	Timeout time.Duration `yaml:"timeout" koanf:"timeout"`
	// Then is the flow, or the name of the route, that takes the caller when the user or bridge is busy, does
	// not answer or is not there; the caller is refused when empty.
	Then string `yaml:"then" koanf:"then"`
	// Calendar are opening hours by name, Closed the flow, or the name of the route, that takes the caller
	// outside of them. They belong together.
	Calendar string `yaml:"calendar" koanf:"calendar"`
	Closed   string `yaml:"closed" koanf:"closed"`
	// Echo sends the caller's sound back.
	Echo bool `yaml:"echo" koanf:"echo"`
	// Reject refuses with this SIP status (300 to 699).
	Reject int `yaml:"reject" koanf:"reject"`
	// Language of the call, such as "en" or "zh"; the flow's own or "en" when empty.
	Language string `yaml:"language" koanf:"language"`
	// Model is the recognition model to use; chosen by language when empty.
	Model string `yaml:"model" koanf:"model"`
	// Phrases are words and names to be expected, in small letters; they make recognition favour them.
	Phrases []string `yaml:"phrases" koanf:"phrases"`
	// Record records a bridged or echoed call. A flow decides by its record node.
	Record bool `yaml:"record" koanf:"record"`
	// Announcement is spoken to the caller before a recorded bridge is dialled.
	Announcement string `yaml:"announcement" koanf:"announcement"`
	// Emotion has the caller's voice read on a bridged call, if the server does so, after it was announced. A
	// flow decides by its record node.
	Emotion bool `yaml:"emotion" koanf:"emotion"`
	// Transcribe recognises both sides of a bridged or echoed call.
	Transcribe bool `yaml:"transcribe" koanf:"transcribe"`
	// Mix joins caller and callee by the mixer from the beginning, as three are, instead of passing packets on: so
	// that it can be measured.
	Mix bool `yaml:"mix" koanf:"mix"`

	outside bool   // a number outside, for a user of ours
	shown   string // who calls, to that number
	parts   string // why there is nobody for the caller, who is told so: partClosed or partNobody
	slot    string // a place to park, or to pick up from
	pickUp  bool
}

// Values of Route.parts.
const (
	partClosed = "closed" // the queue has closed
	partNobody = "nobody" // it gave the caller up
)

// dials says whether the route connects the caller with somebody.
func (r *Route) dials() bool { return r.Bridge != "" || r.User != "" || r.outside }

// routes is the routing table with the built-in routes behind the configured ones.
type routes []Route

func newRoutes(stored, configured []Route) (routes, error) {
	rs := make(routes, 0, len(stored)+len(configured)+2)
	for i, r := range slices.Concat(stored, configured) {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("route %d (%s): %w", i+1, r.name(), err)
		}
		r.Name = r.name()
		rs = append(rs, r)
	}
	rs = append(rs, Route{Name: routeEcho, Numbers: []string{"echo"}, Echo: true})
	if len(configured) == 0 {
		rs = append(rs, Route{Name: routeDefault, Numbers: []string{routeDefault, "*"}, Flow: routeDefault})
	}
	return rs, nil
}

// Hours knows opening hours by name; cmd/pbx has them from the queues.
type Hours interface {
	// Open tells whether a calendar is open now; one that nobody knows is.
	Open(ctx context.Context, calendar string) bool
}

// SetHours gives the opening hours of routes; call it before Start. Without them all are open.
func (m *Manager) SetHours(h Hours) { m.hours = h }

// SetRoutes puts routes before those of the configuration, in place of the ones set
// before. Calls that run keep theirs. Nothing changes when one of them cannot work.
func (m *Manager) SetRoutes(stored []Route) error {
	rs, err := newRoutes(stored, m.cfg.Routes)
	if err != nil {
		return err
	}
	m.routes.Store(&rs)
	return nil
}

// CheckRoutes says what is wrong with routes beside those of the configuration, and the flows they name.
func (c Config) CheckRoutes(stored []Route, flow func(name string) bool) error {
	rs, err := newRoutes(stored, c.Routes)
	if err != nil {
		return err
	}
	return rs.check(flow)
}

// check looks for what the routes name.
func (rs routes) check(flow func(name string) bool) error {
	for _, r := range rs {
		for what, to := range map[string]string{"goes on with": r.Then, "is closed by": r.Closed} {
			if _, ok := rs.named(to); to != "" && !ok && !flow(to) {
				return fmt.Errorf("route %s %s %q, which is neither a route nor a flow", r.Name, what, to)
			}
		}
		if r.Flow != "" && !flow(r.Flow) {
			return fmt.Errorf("route %s names the flow %q, which is not there", r.Name, r.Flow)
		}
	}
	return nil
}

// find is the first route that takes the number by the trunk. With ours, for a user of ours, a flow has to name the number.
func (rs routes) find(number, trunk string, ours bool) (Route, bool) {
	for _, r := range rs {
		if r.takes(number, trunk) && !(ours && r.Flow != "" && !r.names(number)) {
			return r, true
		}
	}
	return Route{}, false
}

// named is the route of a name.
func (rs routes) named(name string) (Route, bool) {
	for _, r := range rs {
		if r.Name == name && name != "" {
			return r, true
		}
	}
	return Route{}, false
}

// names says whether a route takes a number for more than that it takes every number.
func (r *Route) names(number string) bool {
	some := Route{Numbers: slices.DeleteFunc(slices.Clone(r.Numbers), func(n string) bool { return n == "*" })}
	return some.takes(number, "")
}

func (r *Route) takes(number, trunk string) bool {
	if len(r.Trunks) > 0 && !slices.Contains(r.Trunks, trunk) {
		return false
	}
	for _, n := range r.Numbers {
		if prefix, wild := strings.CutSuffix(n, "*"); n == number || wild && strings.HasPrefix(number, prefix) {
			return true
		}
	}
	return false
}

func (r *Route) name() string {
	switch {
	case r.Name != "":
		return r.Name
	case r.Flow != "":
		return r.Flow
	case r.Bridge != "":
		return "bridge"
	case r.User != "":
		return r.User
	case r.Echo:
		return routeEcho
	default:
		return "reject"
	}
}

func (r *Route) check() error {
	kinds := 0
	for _, set := range []bool{r.Flow != "", r.Bridge != "", r.User != "", r.Echo, r.Reject != 0} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return errors.New("needs exactly one of flow, bridge, user, echo and reject")
	case r.Mix && !r.dials():
		return errors.New("mix is for bridge and user")
	case r.Emotion && !r.dials():
		return errors.New("emotion is for bridge and user; a flow says it in its record node")
	case (r.Then != "" || r.Timeout != 0) && !r.dials():
		return errors.New("then and timeout are for bridge and user")
	case (r.Calendar == "") != (r.Closed == ""):
		return errors.New("calendar and closed belong together")
	case r.Timeout < 0:
		return errors.New("timeout is negative: write a duration such as 20s")
	case len(r.Numbers) == 0:
		return errors.New("has no numbers; write \"*\" for all")
	case r.Reject != 0 && (r.Reject < 300 || r.Reject > 699):
		return fmt.Errorf("reject %d is not a SIP status from 300 to 699", r.Reject)
	case r.Bridge != "" && !strings.HasPrefix(r.Bridge, "sip:") && !strings.HasPrefix(r.Bridge, "sips:"):
		return fmt.Errorf("bridge %q is not a SIP address such as sip:{number}@10.0.0.7:5060", r.Bridge)
	}
	return nil
}

// target is whom to dial for a bridged call.
func (r *Route) target(in *Incoming) Target {
	switch {
	case r.User != "":
		return Target{User: r.User, From: in.From, FromName: in.FromName}
	case r.outside:
		return Target{Number: in.To, From: r.shown, FromName: in.FromName}
	}
	rest := in.To
	for _, n := range r.Numbers {
		if prefix, wild := strings.CutSuffix(n, "*"); wild && strings.HasPrefix(in.To, prefix) {
			rest = strings.TrimPrefix(in.To, prefix)
			break
		}
	}
	uri := strings.NewReplacer("{number}", plain(in.To), "{rest}", plain(rest), "{caller}", plain(in.From)).Replace(r.Bridge)
	return Target{URI: uri, Trunk: r.BridgeTrunk, From: in.From, FromName: in.FromName, Prefer: preferred(in.Leg)}
}

// preferred is the codec that spares transcoding to a leg, nil when nothing was agreed with it.
func preferred(l *media.Leg) []media.Codec {
	if l == nil {
		return nil
	}
	if p := l.Params(); p.Remote.IsValid() || p.RTCPMux {
		return []media.Codec{p.Codec}
	}
	return nil
}

// plain keeps what cannot change the meaning of an address it is put into.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', strings.ContainsRune("+._-", c):
			return c
		}
		return -1
	}, s)
}
