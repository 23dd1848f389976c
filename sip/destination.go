package sip

import (
	"context"
	"slices"
	"strings"

	"tingxin/call"
	"tingxin/media"
	"tingxin/sip/sdp"
	"tingxin/sip/wire"
)

// inside reads an address of our own domain: a user of ours, else a number for
// the outbound routes.
func (s *Server) inside(t call.Target) call.Target {
	u, err := wire.ParseURI(t.URI)
	if err != nil || t.Trunk != "" || t.User != "" || t.Number != "" || u.Port != 0 || u.User == "" || !strings.EqualFold(u.Host, s.cfg.Domain) {
		return t
	}
	t.URI, t.User = "", u.Number()
	if s.users != nil {
		if _, ok := s.users.User(t.User); ok {
			return t
		}
	}
	if len(s.trunks.Load().outbound) > 0 {
		t.User, t.Number = "", t.User
	}
	return t
}

// destination is where an outgoing leg goes and how.
type destination struct {
	uri    string // Request-URI
	to     string // URI of the To; empty = uri
	trunk  *trunk
	seat   *binding // of a user; nil for a trunk or an address
	callID string   // empty makes one
	hurry  bool     // there is another way: do not wait for one that says nothing
	token  string   // bearer token for another server of ours; empty for all others
	node   string   // its name
}

// destination reads a Target with an address.
func (s *Server) destination(t call.Target) (destination, error) {
	to := destination{uri: t.URI, trunk: s.plain, callID: t.SIPCallID}
	if t.Trunk != "" {
		if to.trunk = s.trunks.Load().byName(t.Trunk); to.trunk == nil {
			return to, &call.DialError{Status: 404, Reason: "no trunk of that name"}
		}
	}
	if u, err := wire.ParseURI(t.URI); err != nil || u.Host == "" {
		return to, &call.DialError{Status: 484, Reason: "not a sip uri"}
	}
	return to, nil
}

// outgoing checks limits, finds the way and starts the dialog.
func (s *Server) outgoing(ctx context.Context, to destination, t call.Target, h call.Handler) (*dialog, error) {
	if s.draining.Load() {
		return nil, &call.DialError{Status: 503, Reason: "server is draining"}
	}
	tr := to.trunk
	if n := tr.calls.Add(1); tr.MaxCalls > 0 && n > int64(tr.MaxCalls) {
		tr.calls.Add(-1)
		return nil, &call.DialError{Status: 503, Reason: "trunk is full"}
	}
	d := s.newDialog(or(to.callID, randomID(12)), false, tr)
	if err := d.prepare(ctx, to, t, h); err != nil {
		tr.release()
		if d.leg != nil {
			d.leg.Close()
		}
		return nil, err
	}
	if !s.add(d) {
		tr.release()
		d.leg.Close()
		return nil, &call.DialError{Status: 503, Reason: errShutdown.Error()}
	}
	tr.dialled.Add(1)
	d.post(d.startDial)
	return d, nil
}

// prepare finds the next hop, opens the leg and writes the dialog's names.
func (d *dialog) prepare(ctx context.Context, to destination, t call.Target, h call.Handler) error {
	f, err := d.firstHop(ctx, to)
	if err == nil {
		err = d.dialLeg(f, t.Prefer)
	}
	if err != nil {
		return &call.DialError{Status: 503, Reason: err.Error()}
	}
	d.handler, d.flow, d.originFlow, d.network, d.target = h, f, f, f.network(), to.uri
	d.far.Store(f.remote())
	if d.peerNode = to.node; to.node != "" {
		d.behalf = t.User
	}
	d.mediaUp = true
	d.outcome = make(chan dialResult, 1)
	d.dial = &dialling{result: d.outcome, acks: map[string]sentTo{}, flow: f, replaces: t.Replaces}
	d.dial.secure = d.trunk.policy() == sdp.Required || d.trunk.policy() == sdp.Optional && f.network() == "tls"
	d.dial.hurry, d.dial.token = to.hurry, to.token
	if to.seat != nil {
		d.dial.inside = insideOf(t)
	}
	shown, asserted := d.trunk.caller(t.From, d.s.cfg.Region)
	from := &wire.Address{Name: t.FromName, URI: "sip:" + wire.Escape(shown) + "@" + d.s.fromHost(f)}
	if shown == anonymous {
		from = &wire.Address{Name: "Anonymous", URI: "sip:anonymous@anonymous.invalid"} // RFC 3323 4.1.1.3
	}
	if asserted != "" {
		d.dial.asserted = "<sip:" + wire.Escape(asserted) + "@" + d.s.fromHost(f) + ">"
	}
	d.dial.hidden = shown == anonymous
	d.localURI = from.String() + ";tag=" + d.local
	d.remoteURI = "<" + or(to.to, to.uri) + ">"
	return nil
}

// firstHop is the flow of the INVITE: down the connection of a user, else to
// the trunk's proxy or the address itself.
func (d *dialog) firstHop(ctx context.Context, to destination) (flow, error) {
	if b := to.seat; b != nil {
		d.user, d.seat, d.routeSet = b.user, b.seat, b.path
		if !b.flow.alive() {
			return nil, errClosed
		}
		return b.flow, nil
	}
	def := "udp"
	if len(d.trunk.Transports) > 0 {
		def = d.trunk.Transports[0]
	}
	h, err := resolve(ctx, or(d.trunk.Proxy, to.uri), def)
	if err != nil {
		return nil, err
	}
	return d.s.transport.to(ctx, h.network, h.addr, h.host)
}

// dialLeg opens the media leg that fits the far end.
func (d *dialog) dialLeg(f flow, prefer []media.Codec) (err error) {
	if web(f) {
		d.web = &webSession{}
		if d.leg, d.web.leg, err = d.s.webLegs(d.callID, d.log); err == nil && len(prefer) > 0 {
			d.web.leg.PreferCodecs(prefer...)
		}
		return err
	}
	d.codecs = preferred(d.trunk.Codecs, prefer)
	d.leg, err = d.s.engine.NewLeg(d.callID, d.log)
	return err
}

// preferred puts the codecs that spare transcoding first.
func preferred(codecs []string, prefer []media.Codec) []string {
	if len(codecs) == 0 {
		codecs = []string{sdp.PCMA, sdp.PCMU, sdp.G722}
	}
	var out []string
	for _, c := range prefer {
		if name := strings.ToUpper(c.String()); slices.Contains(codecs, name) && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for _, c := range codecs {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// fromHost is the host part of our From: the domain if it is one, else where
// we are.
func (s *Server) fromHost(f flow) string {
	if strings.Contains(s.cfg.Domain, ".") {
		return s.cfg.Domain
	}
	host, port := s.advertised(f)
	return hostPort(host, port)
}
