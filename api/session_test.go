package api

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
)

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	b := h.browser()
	if a := b.get(base + "/session"); a.status != http.StatusUnauthorized || problemOf(t, a) == "" {
		t.Fatalf("before: %s", a)
	}
	a := b.signIn("  MEI ", password)
	if a.status != http.StatusOK {
		t.Fatalf("sign in: %s", a)
	}
	cookie := a.header.Get("Set-Cookie")
	for _, want := range []string{cookieName + "=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("cookie %q lacks %s", cookie, want)
		}
	}
	var v SessionView
	b.ok(base+"/session", &v)
	if v.User.Username != "mei" || v.User.Role != RoleAgent || v.CSRF != b.csrf {
		t.Errorf("session: %+v", v)
	}
	var kept int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from sessions where encode(token_hash, 'escape') = $1`, strings.Split(cookie, ";")[0]).Scan(&kept))
	if kept != 0 {
		t.Error("the cookie itself is in the database")
	}
	if a := b.do(http.MethodDelete, base+"/session", nil); a.status != http.StatusNoContent {
		t.Fatalf("sign out: %s", a)
	}
	if a := b.get(base + "/session"); a.status != http.StatusUnauthorized {
		t.Errorf("after: %s", a)
	}
}

func TestChangesNeedTheTokenAndOurPages(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAdmin)
	keep := Retention{1, 2, 3, 4}
	if a := b.do(http.MethodPut, base+"/settings/retention", keep); a.status != http.StatusOK {
		t.Fatalf("with token: %s", a)
	}
	for name, headers := range map[string][]string{
		"no token":       {"X-CSRF-Token", ""},
		"wrong token":    {"X-CSRF-Token", "x"},
		"foreign origin": {"Origin", "https://evil.example"},
		"null origin":    {"Origin", "null"},
		"cross site":     {"Sec-Fetch-Site", "cross-site"},
	} {
		if a := b.do(http.MethodPut, base+"/settings/retention", keep, headers...); a.status != http.StatusForbidden {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := b.do(http.MethodPut, base+"/settings/retention", keep, "Origin", h.url); a.status != http.StatusOK {
		t.Errorf("own origin: %s", a)
	}
	if a := h.browser().do(http.MethodPost, base+"/session", map[string]string{"username": "a", "password": "b"}, "Origin", "https://evil.example"); a.status != http.StatusForbidden {
		t.Errorf("sign-in from a foreign page: %s", a)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	alive := func() bool { return b.get(base+"/session").status == http.StatusOK }
	for range 3 { // kept alive by being used
		h.later(3 * time.Hour)
		if !alive() {
			t.Fatal("ended while in use")
		}
	}
	h.later(4*time.Hour + time.Minute)
	if alive() {
		t.Error("alive after four idle hours")
	}
	b = h.as(RoleAgent)
	for range 16 {
		h.later(time.Hour)
		alive()
	}
	h.later(time.Minute)
	if alive() {
		t.Error("alive after sixteen hours")
	}
	if n, err := h.sessions.expire(t.Context()); err != nil || n != 2 {
		t.Errorf("expired %d, %v", n, err)
	}
}

func TestGuessingIsLockedOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	h.user("lin", RoleAgent)
	b := h.browser()
	for name, account := range map[string]string{"known": "mei", "unknown": "nobody"} {
		for i := range freePerAccount {
			if a := b.signIn(account, "wrong"); a.status != http.StatusUnauthorized {
				t.Fatalf("%s, guess %d: %s", name, i+1, a)
			}
		}
		a := b.signIn(account, password)
		if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || problemOf(t, a) == "" {
			t.Errorf("%s, one more: %s %v", name, a, a.header)
		}
	}
	if a := h.browser().signIn("lin", password); a.status != http.StatusOK {
		t.Errorf("another account: %s", a)
	}
	h.later(firstWait + time.Second)
	if a := b.signIn("mei", "wrong"); a.status != http.StatusUnauthorized {
		t.Errorf("after the wait: %s", a)
	}
	h.later(firstWait + time.Second) // the second wait is twice as long
	if a := b.signIn("mei", password); a.status != http.StatusTooManyRequests {
		t.Errorf("in the second wait: %s", a)
	}
	h.later(firstWait)
	if a := b.signIn("mei", password); a.status != http.StatusOK {
		t.Errorf("after the second wait: %s", a)
	}
	if a := b.signIn("mei", "wrong"); a.status != http.StatusUnauthorized {
		t.Errorf("forgiven: %s", a)
	}
}

func TestAddressIsLockedOut(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	b := h.browser()
	for range 2 * freePerAddress { // signing in rightly from one office does not count
		wait, err := h.throttle.take(t.Context(), "mei", "127.0.0.1")
		if err != nil || wait > 0 {
			t.Fatal(wait, err)
		}
		must(t, h.throttle.forgive(t.Context(), "mei", "127.0.0.1"))
	}
	for i := range freePerAddress {
		if wait, err := h.throttle.take(t.Context(), string(rune('a'+i)), "127.0.0.1"); err != nil || wait > 0 {
			t.Fatal(i, wait, err)
		}
	}
	if a := b.signIn("mei", password); a.status != http.StatusTooManyRequests {
		t.Errorf("from an address that guessed names: %s", a)
	}
	if wait, err := h.throttle.take(t.Context(), "mei", "192.0.2.1"); err != nil || wait > 0 {
		t.Errorf("from elsewhere: %v, %v", wait, err)
	}
	h.later(guessWindow + longestWait)
	if n, err := h.throttle.expire(t.Context()); err != nil || n == 0 {
		t.Errorf("expired %d, %v", n, err)
	}
}

// Many guesses at once are not more than many one by one.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	h := open(t)
	var free atomic.Int64
	var wg sync.WaitGroup
	for range 4 * freePerAccount {
		wg.Go(func() {
			wait, err := h.throttle.take(t.Context(), "mei", "192.0.2.1")
			if err != nil {
				t.Error(err)
			}
			if wait == 0 {
				free.Add(1)
			}
		})
	}
	wg.Wait()
	if free.Load() != freePerAccount {
		t.Errorf("%d guesses went through, want %d", free.Load(), freePerAccount)
	}
}

// A name that is not there takes as long as a wrong password.
func TestUnknownUserCostsTheSame(t *testing.T) {
	p := newPasswords()
	if params, _, _, err := argon2id.DecodeHash(dummyHash); err != nil || *params != *hashing {
		t.Errorf("dummy has %+v, %v", params, err)
	}
	hash, err := p.hash(t.Context(), password)
	must(t, err)
	// Same parameters of the hash, so the same work: time itself would make a test that stumbles on a busy machine.
	if params, _, _, err := argon2id.DecodeHash(hash); err != nil || *params != *hashing {
		t.Errorf("a user's hash has %+v, %v", params, err)
	}
	for _, h := range []string{hash, ""} {
		if ok, err := p.matches(t.Context(), "wrong", h); ok || err != nil {
			t.Errorf("wrong password: %v, %v", ok, err)
		}
	}
	if ok, err := p.matches(t.Context(), password, hash); !ok || err != nil {
		t.Errorf("right password: %v, %v", ok, err)
	}
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	b, other := h.browser(), h.browser()
	b.signIn("mei", password)
	other.signIn("mei", password)
	change := func(old, new string) answer {
		return b.do(http.MethodPost, base+"/session/password", map[string]string{"old": old, "new": new})
	}
	if a := change("wrong", "a long enough one"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("wrong old one: %s", a)
	}
	if a := change(password, "short"); a.status != http.StatusUnprocessableEntity {
		t.Errorf("short: %s", a)
	}
	if a := change(password, "a long enough one"); a.status != http.StatusNoContent {
		t.Fatalf("right: %s", a)
	}
	if a := b.get(base + "/session"); a.status != http.StatusOK {
		t.Errorf("own session: %s", a)
	}
	if a := other.get(base + "/session"); a.status != http.StatusUnauthorized {
		t.Errorf("other session: %s", a)
	}
	if a := h.browser().signIn("mei", "a long enough one"); a.status != http.StatusOK {
		t.Errorf("new password: %s", a)
	}
}

func TestFirstAdministrator(t *testing.T) {
	t.Parallel()
	h := open(t)
	name, secret, created, err := h.EnsureAdmin(t.Context())
	must(t, err)
	if !created || name != "admin" || len(secret) < 16 {
		t.Fatalf("%q, %d characters, %v", name, len(secret), created)
	}
	if a := h.browser().signIn(name, secret); a.status != http.StatusOK {
		t.Errorf("sign in: %s", a)
	}
	if _, again, created, err := h.EnsureAdmin(t.Context()); created || again != "" || err != nil {
		t.Errorf("second time: %q, %v, %v", again, created, err)
	}
	preset := open(t, func(c *Config, _ *Parts) { c.Admin = AdminConfig{"Root", "a preset password"} })
	if name, secret, created, err := preset.EnsureAdmin(t.Context()); name != "root" || secret != "a preset password" || !created || err != nil {
		t.Errorf("preset: %q, %v, %v", name, created, err)
	}
	weak := open(t, func(c *Config, _ *Parts) { c.Admin.Password = "admin" })
	if _, _, _, err := weak.EnsureAdmin(t.Context()); err == nil || !strings.Contains(err.Error(), "api.admin.password") {
		t.Errorf("weak: %v", err)
	}
}
