package outbound

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// ErrAddress says that a target may not be asked.
var ErrAddress = errors.New("the address is not allowed")

// special are networks that are neither private in the sense of netip nor anybody's (RFC 6890).
var special = func() []netip.Prefix {
	var out []netip.Prefix
	for _, p := range []string{"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"240.0.0.0/4", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "fec0::/10"} {
		out = append(out, netip.MustParsePrefix(p))
	}
	return out
}()

// Public tells whether an address is one of the open net.
func Public(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if !a.IsValid() || a.IsLoopback() || a.IsPrivate() || a.IsUnspecified() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.IsInterfaceLocalMulticast() {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Guard says which addresses may be reached. The zero value allows public ones only.
type Guard struct {
	// Private are networks beside the public ones.
	Private []netip.Prefix
	// Any allows every address, also those of this machine.
	Any bool
}

// ParseGuard reads networks such as 10.1.0.0/16.
func ParseGuard(private []string) (Guard, error) {
	var g Guard
	for _, text := range private {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return g, fmt.Errorf("%q is no network such as 10.1.0.0/16", text)
		}
		g.Private = append(g.Private, p.Masked())
	}
	return g, nil
}

// Allows tells whether an address may be reached.
func (g Guard) Allows(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return g.Any || Public(a) || slices.ContainsFunc(g.Private, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Control is for net.Dialer: it sees the address that a name was resolved to just before it is
// dialled, so that a name cannot lead elsewhere between two looks.
func (g Guard) Control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !g.Allows(at.Addr()) {
		return ErrAddress
	}
	return nil
}

// CheckURL says what is wrong with a target before it is asked: https with a host, without a
// password and without a fragment; plain http needs networks of our own that it may lead to. What a
// name leads to is seen when it is dialled.
func (g Guard) CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return fmt.Errorf("%w: it is no plain URL such as https://crm.example/hook", ErrAddress)
	case u.Scheme != "https" && !(u.Scheme == "http" && (g.Any || len(g.Private) > 0)):
		return fmt.Errorf("%w: it is not https", ErrAddress)
	}
	a, err := netip.ParseAddr(u.Hostname())
	if err != nil {
		return nil
	}
	if !g.Allows(a) {
		return fmt.Errorf("%w: it is in a private or special network", ErrAddress)
	}
	if u.Scheme == "http" && Public(a) && !g.Any {
		return fmt.Errorf("%w: it is not https", ErrAddress)
	}
	return nil
}

// Client asks targets: within the bound of time, at most perHost connections to one, headers of at
// most 16 KiB, without a proxy (it would resolve names itself) and without following redirects.
func (g Guard) Client(within time.Duration, perHost int) *http.Client {
	d := &net.Dialer{Timeout: min(within, 5*time.Second), Control: g.Control}
	return &http.Client{
		Timeout:       within,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{DialContext: d.DialContext, TLSHandshakeTimeout: min(within, 5*time.Second), ResponseHeaderTimeout: within, MaxConnsPerHost: perHost,
			MaxIdleConns: 32, MaxIdleConnsPerHost: 8, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: 16 << 10},
	}
}

// Resolve picks the address to dial for a name and port; what is looked at is what is dialled. A
// target that is an address already stays as it is: whoever allowed it has named it.
func (g Guard) Resolve(ctx context.Context, target string) (string, error) {
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return "", err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return target, nil
	}
	all, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return "", err
	}
	for _, a := range all {
		if a = a.Unmap(); g.Allows(a) {
			return net.JoinHostPort(a.String(), port), nil
		}
	}
	return "", fmt.Errorf("%s: %w", host, ErrAddress)
}
