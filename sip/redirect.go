package sip

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"tingxin/call"
	"tingxin/sip/wire"
)

// maxTargets bounds how many addresses one leg tries because of 3xx answers.
const maxTargets = 5

// contactsOf lists the SIP addresses of a 3xx, the best first.
func contactsOf(resp *wire.Message) []string {
	type target struct {
		uri string
		q   float64
	}
	var list []target
	for _, v := range resp.Values("Contact") {
		a, err := wire.ParseAddress(v)
		if err != nil || !strings.HasPrefix(a.URI, "sip:") && !strings.HasPrefix(a.URI, "sips:") {
			continue
		}
		u, err := wire.ParseURI(a.URI)
		if err != nil || u.Host == "" {
			continue
		}
		t := target{uri: a.URI, q: 1}
		t.uri, _, _ = strings.Cut(t.uri, "?") // no headers of others
		if v, ok := a.Params.Get("q"); ok {
			t.q, _ = strconv.ParseFloat(v, 64)
		}
		list = append(list, t)
	}
	slices.SortStableFunc(list, func(a, b target) int {
		switch {
		case a.q > b.q:
			return -1
		case a.q < b.q:
			return 1
		}
		return 0
	})
	var out []string
	for _, t := range list {
		out = append(out, t.uri)
	}
	return out
}

// redirected takes the addresses of a 3xx and tries the next one (RFC 3261
// 8.1.3.4); false when there is none. What a user's device says is for the call
// layer: it knows who may be called.
func (d *dialog) redirected(l *dialling, resp *wire.Message) bool {
	if d.user != "" {
		return false
	}
	for _, uri := range contactsOf(resp) {
		if len(l.targets) < maxTargets && !slices.Contains(l.targets, uri) && uri != d.target {
			l.targets = append(l.targets, uri)
		}
	}
	return d.nextTarget(l)
}

// nextTarget sends the INVITE to the next address that a 3xx named.
func (d *dialog) nextTarget(l *dialling) bool {
	if l.target >= len(l.targets) || l.cause != "" {
		return false
	}
	uri := l.targets[l.target]
	l.target++
	d.s.stats.redirected.Add(1)
	d.setRemoteTag("")
	d.target, d.routeSet = uri, nil
	if d.trunk.Proxy != "" {
		d.sendInvite()
		return true
	}
	d.s.wg.Add(1)
	go func() { // ends with the look-up and the connection, both bounded
		defer d.s.wg.Done()
		f, err := d.redirectHop(uri)
		d.post(func() {
			switch {
			case d.phase == ended || l.cause != "":
				d.end(call.CauseCancelled, false)
			case err == nil:
				l.flow, d.flow, d.originFlow, d.network = f, f, f, f.network()
				d.far.Store(f.remote())
				d.sendInvite()
			case !d.nextTarget(l):
				d.dialFailed(503, err.Error())
			}
		})
	}()
	return true
}

func (d *dialog) redirectHop(uri string) (flow, error) {
	ctx, cancel := context.WithTimeout(d.s.base, dialDeadline+resolveTimeout)
	defer cancel()
	h, err := resolve(ctx, uri, d.network)
	if err != nil {
		return nil, err
	}
	return d.s.transport.to(ctx, h.network, h.addr, h.host)
}
