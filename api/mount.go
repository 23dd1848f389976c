package api

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// mounted hands requests to what other packages serve, which judge origins and
// callers themselves, and everything else to the router. Behind trusted proxies
// RemoteAddr becomes the address that they tell.
func (s *Server) mounted(router http.Handler) http.Handler {
	if len(s.parts.Mount) == 0 {
		return router
	}
	trusted := networks(s.cfg.TrustedProxies)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for path, h := range s.parts.Mount {
			if r.URL.Path == path || strings.HasSuffix(path, "/") && strings.HasPrefix(r.URL.Path, path) {
				r.RemoteAddr = net.JoinHostPort(remote(r, trusted), "0")
				h.ServeHTTP(w, r)
				return
			}
		}
		router.ServeHTTP(w, r)
	})
}

func networks(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, text := range list {
		if p, err := netip.ParsePrefix(text); err == nil {
			out = append(out, p.Masked())
		} else if a, err := netip.ParseAddr(text); err == nil {
			out = append(out, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return out
}

// remote is the last address on the way that is no proxy of ours.
func remote(r *http.Request, trusted []netip.Prefix) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ours := func(text string) bool {
		a, err := netip.ParseAddr(text)
		if err != nil {
			return false
		}
		for _, p := range trusted {
			if p.Contains(a.Unmap()) {
				return true
			}
		}
		return false
	}
	if !ours(host) {
		return host
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop := strings.TrimSpace(hops[i])
		if _, err := netip.ParseAddr(hop); err != nil {
			break
		}
		if host = hop; !ours(hop) {
			break
		}
	}
	return host
}
