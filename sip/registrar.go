package sip

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"
)

// Binding is one place where a user can be reached, as others see it.
type Binding struct {
	User       string    `json:"user"`
	Contact    string    `json:"contact"`  // URI as it was registered
	Instance   string    `json:"instance"` // urn of the device, "" when it has none (RFC 5626 4.1)
	Transport  string    `json:"transport"`
	Remote     string    `json:"remote"` // where it came from, host:port
	UserAgent  string    `json:"user_agent"`
	Registered time.Time `json:"registered"` // first of this connection
	Expires    time.Time `json:"expires"`
}

// BindingStore is told of every change of the table of bindings, in order and
// from the readers of the sockets: it takes a note and returns at once. Its
// rows belong to this node, since a connection does.
type BindingStore interface {
	SaveBinding(b Binding)
	RemoveBinding(b Binding)
}

// seat names a device of a user over its connections: what stays the same when
// it registers anew.
type seat struct{ user, device string }

// binding is a connection and an instance (RFC 5626): requests go down flow,
// whatever the contact says.
type binding struct {
	seat
	contact    string
	instance   string
	regID      string
	path       []string // RFC 3327
	q          float64
	callID     string
	cseq       uint32
	flow       flow
	userAgent  string
	proof      string // digests it was registered with, empty for a token
	registered time.Time
	expires    time.Time
}

func (b *binding) public() Binding {
	return Binding{b.user, b.contact, b.instance, b.flow.network(), b.flow.remote().String(), b.userAgent, b.registered, b.expires}
}

// render is the Contact of a 200 to REGISTER.
func (b *binding) render(now time.Time) string {
	s := "<" + b.contact + ">;expires=" + seconds(max(time.Second, b.expires.Sub(now)))
	if b.instance != "" {
		s += `;+sip.instance="` + b.instance + `"`
	}
	if b.regID != "" {
		s += ";reg-id=" + b.regID
	}
	return s
}

// registrar is the table of bindings. Its methods are called from readers and
// never wait.
type registrar struct {
	perUser, most int
	store         BindingStore
	stats         *stats

	mu    sync.Mutex
	users map[string][]*binding // best first: by q, then the latest
	flows map[flow][]*binding
	n     int
}

func newRegistrar(cfg Config, st *stats) *registrar {
	return &registrar{perUser: cfg.MaxBindings, most: cfg.MaxRegistrations, stats: st,
		users: map[string][]*binding{}, flows: map[flow][]*binding{}}
}

// put stores a binding in the place of an older one of the same device. Over
// the bound of a user the one that was heard of longest ago goes; full says
// that the whole table has no room.
func (r *registrar) put(b *binding) (full bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.users[b.user]
	i := slices.IndexFunc(old, func(o *binding) bool { return o.device == b.device })
	switch {
	case i >= 0:
		if old[i].flow == b.flow {
			b.registered = old[i].registered
		} else {
			r.stats.bindingsReplaced.Add(1)
		}
		r.out(old[i])
	case len(old) >= r.perUser:
		r.stats.bindingsReplaced.Add(1)
		r.out(slices.MinFunc(old, func(a, b *binding) int { return a.expires.Compare(b.expires) }))
	case r.n >= r.most:
		return true
	}
	r.users[b.user] = append(r.users[b.user], b)
	slices.SortStableFunc(r.users[b.user], func(a, b *binding) int {
		return cmp.Or(cmp.Compare(b.q, a.q), b.registered.Compare(a.registered))
	})
	r.flows[b.flow] = append(r.flows[b.flow], b)
	r.n++
	r.stats.bindings.Store(int64(r.n))
	if r.store != nil {
		r.store.SaveBinding(b.public())
	}
	return false
}

// out takes a binding out of both tables; mu is held.
func (r *registrar) out(b *binding) {
	n := len(r.users[b.user])
	if r.users[b.user] = without(r.users[b.user], b); len(r.users[b.user]) == n {
		return
	}
	if len(r.users[b.user]) == 0 {
		delete(r.users, b.user)
	}
	if r.flows[b.flow] = without(r.flows[b.flow], b); len(r.flows[b.flow]) == 0 {
		delete(r.flows, b.flow)
	}
	r.n--
	r.stats.bindings.Store(int64(r.n))
	if r.store != nil {
		r.store.RemoveBinding(b.public())
	}
}

// without leaves the old slice as it is: others may read it.
func without(list []*binding, b *binding) []*binding {
	out := make([]*binding, 0, len(list))
	for _, o := range list {
		if o != b {
			out = append(out, o)
		}
	}
	return out
}

// remove takes one binding out.
func (r *registrar) remove(b *binding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.out(b)
}

// of lists a user's living bindings, the best first.
func (r *registrar) of(user string, now time.Time) []*binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.users[user] {
		if !now.Before(b.expires) || !b.flow.alive() {
			r.stats.bindingsLost.Add(1)
			r.out(b)
		}
	}
	return slices.Clone(r.users[user])
}

// at is the living binding of a user on a flow, nil when there is none.
func (r *registrar) at(f flow, user string, now time.Time) *binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.flows[f] {
		if b.user == user && now.Before(b.expires) {
			return b
		}
	}
	return nil
}

// find is the living binding of a device, nil when it is away.
func (r *registrar) find(s seat, now time.Time) *binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.users[s.user] {
		if b.seat == s && b.flow.alive() && now.Before(b.expires) {
			return b
		}
	}
	return nil
}

// device is the binding of a device, expired or not; nil when there is none.
func (r *registrar) device(s seat) *binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.users[s.user] {
		if b.seat == s {
			return b
		}
	}
	return nil
}

// lost drops what a dead connection had.
func (r *registrar) lost(f flow) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.flows[f] {
		r.stats.bindingsLost.Add(1)
		r.out(b)
	}
}

// sweep drops what has expired.
func (r *registrar) sweep(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, list := range r.users {
		for _, b := range list {
			if !now.Before(b.expires) {
				r.stats.bindingsLost.Add(1)
				r.out(b)
			}
		}
	}
}

// judge drops the bindings that must not be any more. It asks without the lock.
func (r *registrar) judge(good func(b *binding) bool) {
	r.mu.Lock()
	var all []*binding
	for _, list := range r.users {
		all = append(all, list...)
	}
	r.mu.Unlock()
	for _, b := range all {
		if !good(b) {
			r.stats.bindingsLost.Add(1)
			r.remove(b)
		}
	}
}

// all lists the bindings of one user, or of everybody for "".
func (r *registrar) all(user string) []Binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Binding
	for name, list := range r.users {
		if user != "" && name != user {
			continue
		}
		for _, b := range list {
			out = append(out, b.public())
		}
	}
	slices.SortFunc(out, func(a, b Binding) int {
		return cmp.Or(strings.Compare(a.User, b.User), a.Registered.Compare(b.Registered))
	})
	return out
}

// Bindings lists where a user is registered, or all bindings for "".
func (s *Server) Bindings(user string) []Binding { return s.registrar.all(user) }
