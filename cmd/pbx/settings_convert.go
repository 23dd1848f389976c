package main

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"time"

	"tingxin/admin"
	"tingxin/call"
	"tingxin/ivr"
	"tingxin/media"
	"tingxin/period"
	"tingxin/sip"
)

// trunkOf makes signalling's trunk of a stored one; codecs are for one that names none.
func trunkOf(name string, t *admin.Trunk, codecs []string) sip.Trunk {
	if len(t.Codecs) > 0 {
		codecs = t.Codecs
	}
	return sip.Trunk{Name: name, Addresses: t.Addresses, Auth: authOf(t.Auth), Credentials: authOf(t.Credentials), Proxy: t.Proxy, Transports: t.Transports, SRTP: t.SRTP,
		MaxCalls: t.MaxCalls, CPS: t.CPS, Codecs: codecs, Register: t.Register, Registrar: t.Registrar, RegisterAs: t.RegisterAs, RegisterExpires: time.Duration(t.Expires),
		Probe: time.Duration(t.Probe), ProbeMisses: t.ProbeMisses, ProbeReplies: t.ProbeReplies, Format: t.Format,
		CallerID: sip.CallerID{Numbers: t.CallerID.Numbers, Default: t.CallerID.Default, Assert: t.CallerID.Assert}}
}

func authOf(a *admin.Auth) *sip.Auth {
	if a == nil {
		return nil
	}
	return &sip.Auth{Username: a.Username, Password: a.Password, Algorithms: a.Algorithms}
}

// trunkDoc is the way back, without passwords.
func trunkDoc(t *sip.Trunk) *admin.Trunk {
	account := func(a *sip.Auth) *admin.Auth {
		if a == nil {
			return nil
		}
		return &admin.Auth{Username: a.Username, Algorithms: a.Algorithms}
	}
	return &admin.Trunk{Addresses: t.Addresses, Auth: account(t.Auth), Credentials: account(t.Credentials), Proxy: t.Proxy, Transports: t.Transports, SRTP: t.SRTP,
		MaxCalls: t.MaxCalls, CPS: t.CPS, Codecs: t.Codecs, Register: t.Register, Registrar: t.Registrar, RegisterAs: t.RegisterAs, Expires: period.Period(t.RegisterExpires),
		Probe: period.Period(t.Probe), ProbeMisses: t.ProbeMisses, ProbeReplies: t.ProbeReplies, Format: t.Format,
		CallerID: admin.CallerID{Numbers: t.CallerID.Numbers, Default: t.CallerID.Default, Assert: t.CallerID.Assert}}
}

func outboundOf(r *admin.Outbound) sip.OutboundRoute {
	return sip.OutboundRoute{Prefixes: r.Prefixes, Trunk: r.Trunk, Order: r.Order, Weight: r.Weight, Strip: r.Strip, Prepend: r.Prepend}
}

// routeOf makes a call's route of a stored number; one that leads to a queue has a flow of its own.
func routeOf(name string, n *admin.Number) call.Route {
	r := call.Route{Name: name, Numbers: n.Numbers, Trunks: n.Trunks, Flow: n.Flow, User: n.User, Bridge: n.Bridge, BridgeTrunk: n.BridgeTrunk, Calendar: n.Calendar, Closed: n.Closed,
		Timeout: time.Duration(n.Timeout), Then: n.Then, Language: n.Language, Phrases: n.Phrases}
	if n.Queue != "" {
		r.Flow = ivr.DirectName(n.Queue, cmp.Or(n.Language, "en"), n.Record)
	}
	if n.Flow == "" && n.Queue == "" { // flows decide that by themselves
		r.Record, r.Announcement, r.Emotion, r.Transcribe = n.Record, n.Announcement, n.Emotion, n.Transcribe
	}
	return r
}

// numbersOf are the routes of stored numbers, the most particular first: an exact
// number before a prefix, a longer prefix before a shorter one, by some trunks before by all.
func numbersOf(all map[string]*admin.Number) []call.Route {
	type one struct {
		route call.Route
		rank  int
	}
	var list []one
	for _, name := range admin.Names(all) {
		r := routeOf(name, all[name])
		for _, number := range r.Numbers { // each its own place
			each := r
			each.Numbers = []string{number}
			rank := 2 * len(number)
			if number[len(number)-1] != '*' {
				rank += 1000
			}
			if len(r.Trunks) > 0 {
				rank++
			}
			list = append(list, one{each, rank})
		}
	}
	slices.SortStableFunc(list, func(a, b one) int { return b.rank - a.rank })
	out := make([]call.Route, len(list))
	for i := range list {
		out[i] = list[i].route
	}
	return out
}

// relayOf puts the stored relay and the browsers' codecs into the configuration of media.
func relayOf(cfg media.Config, s *admin.Settings) media.Config {
	if s.Codecs != nil && len(s.Codecs.Browsers) > 0 {
		cfg.WebRTC.Codecs = s.Codecs.Browsers
	}
	if r := s.Relay; r != nil {
		cfg.TURN = media.TURNConfig{Listen: r.Listen, ListenTLS: r.ListenTLS, Certificate: r.Certificate, Key: r.Key, Host: r.Host, PortMin: r.PortMin, PortMax: r.PortMax,
			Secret: r.Secret, Lifetime: time.Duration(r.Lifetime), PerUser: r.PerUser}
	}
	return cfg
}

// File implements admin.Runtime: what the configuration file sets, by name.
func (r *runtime) File(kind admin.Kind) map[string]admin.Doc {
	out := map[string]admin.Doc{}
	switch kind {
	case admin.KindTrunk:
		list := r.cfg.SIP.WithDefaults().Trunks
		for i := range list {
			out[list[i].Name] = trunkDoc(&list[i])
		}
	case admin.KindRoute:
		for i, o := range r.cfg.SIP.Outbound {
			out[fmt.Sprintf("file-%d", i+1)] = &admin.Outbound{Prefixes: o.Prefixes, Trunk: o.Trunk, Order: o.Order, Weight: o.Weight, Strip: o.Strip, Prepend: o.Prepend}
		}
	case admin.KindNumber:
		for i, o := range r.cfg.Call.Routes {
			out[fmt.Sprintf("file-%d", i+1)] = &admin.Number{Numbers: o.Numbers, Trunks: o.Trunks, Flow: o.Flow, User: o.User, Bridge: o.Bridge, BridgeTrunk: o.BridgeTrunk, Calendar: o.Calendar,
				Closed: o.Closed, Timeout: period.Period(o.Timeout), Then: o.Then, Language: o.Language, Record: o.Record, Announcement: o.Announcement, Emotion: o.Emotion, Transcribe: o.Transcribe,
				Phrases: o.Phrases, Label: o.Name}
		}
	case admin.KindFlow:
		for name, path := range r.flows.Files() {
			if text, err := os.ReadFile(path); err == nil && len(text) <= 1<<20 {
				out[name] = &admin.Flow{Text: string(text)}
			}
		}
	}
	return out
}
