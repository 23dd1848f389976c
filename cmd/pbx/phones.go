package main

import (
	"cmp"
	"context"
	"strings"
	"time"

	"tingxin/api"
	"tingxin/media"
	"tingxin/sip"
)

// ticketTime is how long a page may register with one token. A longer one would
// outlive the login it came from by more; a closed account is refused at once.
const ticketTime = 15 * time.Minute

// directory makes every login a user who may register: by token, and by digest
// who has set a password for a desk phone. sip.users come first.
type directory struct {
	people *api.People
	realm  string
	nodes  *nodes
}

var _ sip.DigestDirectory = directory{}

// User implements sip.Directory.
func (d directory) User(name string) (sip.User, bool) {
	if server, ok := d.nodes.user(name); ok {
		return server, true
	}
	if strings.HasPrefix(name, guestPrefix) {
		return sip.User{Name: name, Guest: true}, true
	}
	u, ok := d.people.Find(name)
	out := sip.User{Name: u.Username, Disabled: u.Disabled}
	if secret, has := d.people.Digests(u.Username); ok && has && secret.Realm == d.realm { // of another realm they are void
		out.MD5, out.SHA256 = secret.MD5, secret.SHA256
	}
	return out, ok
}

// Digests implements sip.DigestDirectory: other servers come by token from anywhere.
func (d directory) Digests() bool { return d.nodes != nil || d.people.AnyDigests() }

// phones are the telephones in the pages: what api.Phones asks for.
type phones struct {
	tokens *sip.Tokens
	domain string
	engine *media.Engine
	sip    *sip.Server
	nodes  *nodes
}

var _ api.Phones = (*phones)(nil)

// Ticket implements api.Phones.
func (p *phones) Ticket(user string, now time.Time) api.PhoneTicket {
	t := api.PhoneTicket{User: user, Domain: p.domain, Token: p.tokens.Issue(user, now, ticketTime), ExpiresAt: now.Add(ticketTime).UTC(), WSPath: "/sip"}
	if urls, name, password, _, ok := p.engine.TURNCredentials(user); ok {
		t.ICEServers = []api.ICEServer{{URLs: urls, Username: name, Credential: password}}
	}
	return t
}

// Realm implements api.Phones.
func (p *phones) Realm() string { return p.domain }

// Digests implements api.Phones.
func (p *phones) Digests(user, password string) api.PhoneDigests {
	return api.PhoneDigests{Realm: p.domain, MD5: sip.HA1("MD5", user, p.domain, password), SHA256: sip.HA1("SHA-256", user, p.domain, password)}
}

// Reachable implements api.Phones.
func (p *phones) Reachable(user string) bool {
	return len(p.sip.Bindings(user)) > 0 || p.nodes != nil && p.nodes.Reachable(user)
}

// startPeople reads the users and the key of their telephones.
func (s *server) startPeople(ctx context.Context) (func() error, error) {
	key, err := api.PhoneKey(ctx, s.db)
	if err != nil {
		return nil, err
	}
	tokens, err := sip.NewTokens(key)
	if err != nil {
		return nil, err
	}
	people := api.NewPeople(s.db, s.log)
	if err := people.Start(ctx); err != nil {
		return nil, err
	}
	s.people, s.phones = people, &phones{tokens: tokens, domain: cmp.Or(s.cfg.SIP.Domain, "tingxin")}
	return people.Close, nil
}
