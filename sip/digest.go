package sip

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/icholy/digest"

	"tingxin/sip/wire"
)

// verdict of a credential check.
type verdict int

const (
	authMissing verdict = iota // challenge
	authStale                  // right or not, the nonce is too old: challenge with stale=true
	authWrong                  // challenge again, count the guess
	authGood
)

// authenticator checks digest credentials (RFC 7616, RFC 8760). Nonces hold
// their own time and a MAC, so nothing is kept for those who only ask.
type authenticator struct {
	cfg    Config
	secret [32]byte

	mu      sync.Mutex
	used    map[string]uint64 // nonce -> highest nc, within NonceTTL
	sweep   time.Time
	guesses map[string]*guess // by source address and by user name
}

// keys of the table of guesses.
func guessedFrom(a netip.Addr) string { return a.String() }
func guessedAt(user string) string    { return "@" + user }

// userGuesses times as many wrong passwords as an address may try, from all
// addresses together, lock a user for sources that never were right.
const userGuesses = 4

type guess struct {
	n      int
	since  time.Time
	locked time.Time // locked out until
}

// bounds of the two tables.
const (
	maxNonces  = 16384
	maxGuesses = 16384
)

func newAuthenticator(cfg Config) *authenticator {
	a := &authenticator{cfg: cfg, used: map[string]uint64{}, guesses: map[string]*guess{}}
	rand.Read(a.secret[:])
	return a
}

func (a *authenticator) nonce(now time.Time) string {
	var b [16 + 16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixNano()))
	rand.Read(b[8:16])
	mac := hmac.New(sha256.New, a.secret[:])
	mac.Write(b[:16])
	copy(b[16:], mac.Sum(nil))
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// age returns how old one of our nonces is; ok is false for a foreign one.
func (a *authenticator) age(nonce string, now time.Time) (age time.Duration, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(nonce)
	if err != nil || len(b) != 32 {
		return 0, false
	}
	mac := hmac.New(sha256.New, a.secret[:])
	mac.Write(b[:16])
	if subtle.ConstantTimeCompare(mac.Sum(nil)[:16], b[16:]) != 1 {
		return 0, false
	}
	return now.Sub(time.Unix(0, int64(binary.BigEndian.Uint64(b[:8])))), true
}

// challenge renders one WWW-Authenticate per algorithm, the best first.
func (a *authenticator) challenge(algorithms []string, stale bool, now time.Time) []wire.Header {
	nonce := a.nonce(now)
	var out []wire.Header
	for _, alg := range algorithms {
		v := `Digest realm="` + a.cfg.Domain + `", nonce="` + nonce + `", algorithm=` + alg + `, qop="auth"`
		if stale {
			v += ", stale=true"
		}
		out = append(out, wire.Header{Name: "WWW-Authenticate", Value: v})
	}
	return out
}

// credentials picks the Authorization for our realm out of a request.
func (a *authenticator) credentials(m *wire.Message) *digest.Credentials {
	for _, h := range m.Headers {
		if h.Name != "Authorization" || len(h.Value) < 7 || !strings.EqualFold(h.Value[:7], "Digest ") {
			continue
		}
		c, err := digest.ParseCredentials("Digest " + h.Value[7:])
		if err == nil && c.Realm == a.cfg.Domain {
			return c
		}
	}
	return nil
}

// check judges credentials against an account.
func (a *authenticator) check(c *digest.Credentials, acc *account, method string, now time.Time) verdict {
	if c == nil || acc == nil {
		return authMissing
	}
	age, ours := a.age(c.Nonce, now)
	if !ours {
		return authStale // from before a restart, or of another server
	}
	if !acc.right(c, method) {
		return authWrong
	}
	if age > a.cfg.NonceTTL || age < 0 || !a.fresh(c.Nonce, uint64(c.Nc), now) {
		return authStale
	}
	return authGood
}

// right recomputes the response (RFC 7616 3.4.1).
func (acc *account) right(c *digest.Credentials, method string) bool {
	alg := strings.ToUpper(or(c.Algorithm, algMD5))
	ha1 := acc.ha1[alg]
	if ha1 == "" || !slices.Contains(acc.algorithms, alg) || c.Username != acc.name || c.QOP != "" && c.QOP != "auth" {
		return false
	}
	ha2 := hash(alg, method+":"+c.URI)
	want := hash(alg, ha1+":"+c.Nonce+":"+ha2)
	if c.QOP != "" {
		want = hash(alg, fmt.Sprintf("%s:%s:%08x:%s:%s:%s", ha1, c.Nonce, c.Nc, c.Cnonce, c.QOP, ha2))
	}
	return subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(c.Response))) == 1
}

// fresh refuses a nonce count that was used before (a replay).
func (a *authenticator) fresh(nonce string, nc uint64, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if now.Sub(a.sweep) > a.cfg.NonceTTL || len(a.used) >= maxNonces {
		for n := range a.used {
			if age, ok := a.age(n, now); !ok || age > a.cfg.NonceTTL {
				delete(a.used, n)
			}
		}
		a.sweep = now
	}
	last, seen := a.used[nonce]
	if seen && nc <= last || !seen && len(a.used) >= maxNonces {
		return false
	}
	a.used[nonce] = nc
	return true
}

// locked reports whether an address or a user is locked out.
func (a *authenticator) locked(key string, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.guesses[key]
	return g != nil && now.Before(g.locked)
}

// missed counts a wrong password; the limit-th one locks.
func (a *authenticator) missed(key string, limit int, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.guesses[key]
	if g == nil || now.Sub(g.since) > a.cfg.GuessWindow && now.After(g.locked) {
		if len(a.guesses) >= maxGuesses {
			for k, v := range a.guesses {
				if now.Sub(v.since) > a.cfg.GuessWindow && now.After(v.locked) {
					delete(a.guesses, k)
				}
			}
		}
		if len(a.guesses) >= maxGuesses {
			return
		}
		g = &guess{since: now}
		a.guesses[key] = g
	}
	if g.n++; g.n >= limit {
		g.locked = now.Add(a.cfg.GuessLock)
	}
}

// answerChallenge builds the header that answers a 401 or 407, or false when
// there is nothing we can answer. count is how often this nonce was answered.
func answerChallenge(resp *wire.Message, auth *Auth, method, uri string) (h wire.Header, stale, ok bool) {
	name, answer := "WWW-Authenticate", "Authorization"
	if resp.Status == 407 {
		name, answer = "Proxy-Authenticate", "Proxy-Authorization"
	}
	headers := http.Header{}
	for _, v := range resp.Headers {
		if v.Name == name {
			headers.Add("WWW-Authenticate", v.Value)
		}
	}
	ch, err := findChallenge(headers)
	if err != nil || auth == nil {
		return h, false, false
	}
	c, err := digest.Digest(ch, digest.Options{Method: method, URI: uri, Username: auth.Username, Password: auth.Password, Count: 1})
	if err != nil {
		return h, false, false
	}
	return wire.Header{Name: answer, Value: c.String()}, ch.Stale, true
}

// findChallenge takes the strongest challenge that can be answered.
func findChallenge(h http.Header) (*digest.Challenge, error) {
	var best *digest.Challenge
	for _, v := range h["Www-Authenticate"] {
		ch, err := digest.ParseChallenge(v)
		if err != nil || !digest.CanDigest(ch) {
			continue
		}
		if best == nil || strings.EqualFold(ch.Algorithm, "SHA-256") {
			best = ch
		}
	}
	if best == nil {
		return nil, digest.ErrNoChallenge
	}
	return best, nil
}

func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
