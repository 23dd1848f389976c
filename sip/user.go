package sip

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// User is a person or device of ours that may register and call.
type User struct {
	Name string // user part of the address of record
	// MD5 and SHA256 are the HA1 digests, hex (RFC 7616 3.4.2): HA1 makes them.
	// An empty one means that its algorithm is not accepted.
	MD5, SHA256 string
	// Disabled users are known and refused with 403.
	Disabled bool
	// Guest is a visitor of a page with the right to one call: may neither register nor be called, nor have
	// anybody put through, and comes with a bearer token only.
	Guest bool
	// Node is no person but another server of ours, which calls a user here for a caller that it has.
	Node bool
}

// Nodes knows at which other servers a user is registered. It may ask a database.
type Nodes interface {
	Elsewhere(ctx context.Context, user string) []Elsewhere
}

// Elsewhere is a server at which a user is registered: its address
// ("sip:10.0.0.1:5060;transport=tcp") and the bearer token that shows who we are.
type Elsewhere struct{ Name, URI, Token string }

// Directory knows our users. It is asked by the readers of the sockets, so it
// answers from memory and at once; what it says takes effect with the next
// request.
type Directory interface {
	User(name string) (u User, ok bool)
}

// DigestDirectory is a Directory that tells whether any of its users has a digest:
// only then may strangers come and be challenged. It answers from memory.
type DigestDirectory interface {
	Directory
	Digests() bool
}

// TokenVerifier judges the bearer tokens that a console login gave out. It
// answers from memory. ErrTokenExpired asks for a new one, any other error
// counts as a guess.
type TokenVerifier interface {
	VerifyToken(token string, now time.Time) (user string, err error)
}

// ErrTokenExpired is returned for a token that was good once.
var ErrTokenExpired = errors.New("token has expired")

// HA1 is the digest of name, realm and password in hex (RFC 7616 3.4.2) for
// "SHA-256" or "MD5". The realm is Config.Domain.
func HA1(algorithm, name, realm, password string) string {
	return hash(algorithm, name+":"+realm+":"+password)
}

func hash(algorithm, s string) string {
	if algorithm == algSHA256 {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])
	}
	h := md5.Sum([]byte(s)) // RFC 7616 wants it of those who know nothing better
	return hex.EncodeToString(h[:])
}

// names of the digest algorithms.
const (
	algSHA256 = "SHA-256"
	algMD5    = "MD5"
)

// UserEntry is one user of the configuration.
type UserEntry struct {
	Name string `yaml:"name" koanf:"name"`
	// Password, or the digests that HA1 makes with the realm sip.domain instead.
	Password string `yaml:"password" koanf:"password"`
	MD5      string `yaml:"md5_secret" koanf:"md5_secret"`
	SHA256   string `yaml:"sha256_secret" koanf:"sha256_secret"`
	// Algorithms of a user with a password: "SHA-256", "MD5"; empty = both. Phones that give up when they see
	// SHA-256 need MD5 alone.
	Algorithms []string `yaml:"algorithms" koanf:"algorithms"`
	Disabled   bool     `yaml:"disabled" koanf:"disabled"`
}

func (e *UserEntry) check() error {
	switch {
	case e.Name == "" || strings.ContainsAny(e.Name, " \t\r\n\"<>@:;,?/\\"):
		return errors.New("name is empty or has characters that an address cannot hold")
	case e.Password == "" && e.MD5 == "" && e.SHA256 == "":
		return errors.New("needs a password, or md5_secret or sha256_secret")
	case e.Password != "" && (e.MD5 != "" || e.SHA256 != ""):
		return errors.New("has a password and digests: keep one kind")
	case e.MD5 != "" && !isHex(e.MD5, 32) || e.SHA256 != "" && !isHex(e.SHA256, 64):
		return errors.New("md5_secret has 32 and sha256_secret 64 hexadecimal digits")
	}
	for _, alg := range e.Algorithms {
		if alg != algSHA256 && alg != algMD5 || e.Password == "" {
			return fmt.Errorf("algorithm %q: use SHA-256 or MD5, with a password", alg)
		}
	}
	return nil
}

func isHex(s string, n int) bool {
	_, err := hex.DecodeString(s)
	return err == nil && len(s) == n
}

// list is the Directory of the configuration.
type list map[string]User

func newList(entries []UserEntry, realm string) list {
	l := list{}
	for _, e := range entries {
		u := User{Name: e.Name, MD5: strings.ToLower(e.MD5), SHA256: strings.ToLower(e.SHA256), Disabled: e.Disabled}
		may := func(alg string) bool {
			return e.Password != "" && (len(e.Algorithms) == 0 || slices.Contains(e.Algorithms, alg))
		}
		if may(algMD5) {
			u.MD5 = HA1(algMD5, e.Name, realm, e.Password)
		}
		if may(algSHA256) {
			u.SHA256 = HA1(algSHA256, e.Name, realm, e.Password)
		}
		l[e.Name] = u
	}
	return l
}

// User implements Directory.
func (l list) User(name string) (User, bool) {
	u, ok := l[name]
	return u, ok
}

// Digests implements DigestDirectory.
func (l list) Digests() bool { return len(l) > 0 }

// settled is the list of the configuration, which may be replaced while it is asked.
type settled struct{ now atomic.Pointer[list] }

func newSettled(entries []UserEntry, realm string) *settled {
	s := &settled{}
	l := newList(entries, realm)
	s.now.Store(&l)
	return s
}

// User implements Directory.
func (s *settled) User(name string) (User, bool) { return s.now.Load().User(name) }

// Digests implements DigestDirectory.
func (s *settled) Digests() bool { return s.now.Load().Digests() }

// ErrNoRegistrar is returned where users cannot come while the server runs.
var ErrNoRegistrar = errors.New("this server began without users: start it anew")

// SetUsers replaces the users of the configuration. Calls go on; registrations of
// those who are gone, disabled or have another secret end.
func (s *Server) SetUsers(entries []UserEntry) error {
	if s.users == nil {
		return ErrNoRegistrar
	}
	cfg := Config{Users: entries}.withDefaults()
	if err := cfg.checkUsers(); err != nil {
		return err
	}
	l := newList(entries, s.cfg.Domain)
	s.settled.now.Store(&l)
	s.judgeBindings()
	return nil
}

// judgeBindings ends registrations whose user is gone, disabled or has another
// secret than the one they were made with.
func (s *Server) judgeBindings() {
	if s.users == nil {
		return
	}
	s.registrar.judge(func(b *binding) bool {
		u, ok := s.users.User(b.user)
		return ok && !u.Disabled && (b.proof == "" || b.proof == u.proof())
	})
}

// proof stands for the digests of a user; empty without any.
func (u *User) proof() string { return u.MD5 + u.SHA256 }

// directories asks several in turn.
type directories []Directory

// Digests implements DigestDirectory.
func (ds directories) Digests() bool {
	return slices.ContainsFunc(ds, func(d Directory) bool {
		dd, ok := d.(DigestDirectory)
		return ok && dd.Digests()
	})
}

// User implements Directory.
func (ds directories) User(name string) (User, bool) {
	for _, d := range ds {
		if u, ok := d.User(name); ok {
			return u, true
		}
	}
	return User{}, false
}

// account is what digest credentials are held against.
type account struct {
	name       string
	algorithms []string // offered and accepted, the best first
	ha1        map[string]string
}

// digestAccount is a user's account. Browsers read the first challenge only and
// know MD5 alone, so web offers nothing else.
func (u *User) digestAccount(web bool) *account {
	a := &account{name: u.Name, ha1: map[string]string{algSHA256: u.SHA256, algMD5: u.MD5}}
	for _, alg := range offeredTo(web) {
		if a.ha1[alg] != "" {
			a.algorithms = append(a.algorithms, alg)
		}
	}
	return a
}

// offeredTo are the algorithms of a challenge to somebody unknown.
func offeredTo(web bool) []string {
	if web {
		return []string{algMD5}
	}
	return []string{algSHA256, algMD5}
}

// digestAccount is a trunk's account; nil for nil.
func (a *Auth) digestAccount(realm string) *account {
	if a == nil {
		return nil
	}
	out := &account{name: a.Username, algorithms: a.Algorithms, ha1: map[string]string{}}
	if len(out.algorithms) == 0 {
		out.algorithms = offeredTo(false)
	}
	for _, alg := range out.algorithms {
		out.ha1[alg] = HA1(alg, a.Username, realm, a.Password)
	}
	return out
}

// Tokens makes and verifies short-lived bearer tokens: JSON web tokens signed
// with HMAC-SHA256 (RFC 7515, RFC 7519) for the audience "sip". A page gives one
// to JsSIP as authorization_jwt, "Bearer " in front.
type Tokens struct{ secret []byte }

// NewTokens takes the secret that signs, at least 32 bytes.
func NewTokens(secret []byte) (*Tokens, error) {
	if len(secret) < 32 {
		return nil, fmt.Errorf("token secret has %d bytes, needs 32", len(secret))
	}
	return &Tokens{slices.Clone(secret)}, nil
}

// claims of a token.
type claims struct {
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"` // unix seconds
}

// tokenHead is the only header we make and take: no other algorithm is asked for.
var tokenHead = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`))

const tokenAudience = "sip"

// maxToken bounds what is verified, bytes.
const maxToken = 2048

// Issue makes a token for a user that is good for ttl from now.
func (t *Tokens) Issue(user string, now time.Time, ttl time.Duration) string {
	body, _ := json.Marshal(claims{user, tokenAudience, now.Add(ttl).Unix()}) // strings and a number: cannot fail
	s := tokenHead + "." + base64.RawURLEncoding.EncodeToString(body)
	return s + "." + t.sign(s)
}

func (t *Tokens) sign(s string) string {
	mac := hmac.New(sha256.New, t.secret)
	mac.Write([]byte(s))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var errToken = errors.New("not a token of ours")

// VerifyToken implements TokenVerifier.
func (t *Tokens) VerifyToken(token string, now time.Time) (string, error) {
	i := strings.LastIndexByte(token, '.')
	if i < 0 || len(token) > maxToken || !hmac.Equal([]byte(t.sign(token[:i])), []byte(token[i+1:])) {
		return "", errToken
	}
	head, body, _ := strings.Cut(token[:i], ".")
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || head != tokenHead {
		return "", errToken
	}
	var c claims
	if json.Unmarshal(raw, &c) != nil || c.Audience != tokenAudience || c.Subject == "" {
		return "", errToken
	}
	if now.Unix() >= c.Expires {
		return c.Subject, ErrTokenExpired
	}
	return c.Subject, nil
}
