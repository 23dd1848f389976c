package api

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// provider is an identity provider on this machine.
type provider struct {
	*httptest.Server
	t      *testing.T
	signer jose.Signer
	// asked is the last attempt.
	asked  url.Values
	claims map[string]any
}

func newProvider(t *testing.T) *provider {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	p := &provider{t: t, claims: map[string]any{}}
	p.signer, err = jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "k1"}}, nil)
	must(t, err)
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, v any) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(v)
	}
	mux.HandleFunc("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("/keys", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	})
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
		if r.FormValue("code") != "good" || base64.RawURLEncoding.EncodeToString(sum[:]) != p.asked.Get("code_challenge") {
			w.WriteHeader(http.StatusBadRequest)
			answer(w, map[string]string{"error": "invalid_grant"})
			return
		}
		claims := map[string]any{"iss": p.URL, "aud": "desk", "sub": "u-1", "exp": time.Now().Add(time.Minute).Unix(), "iat": time.Now().Unix(), "nonce": p.asked.Get("nonce")}
		for k, v := range p.claims {
			claims[k] = v
		}
		raw, err := jwt.Signed(p.signer).Claims(claims).Serialize()
		must(p.t, err)
		answer(w, map[string]any{"access_token": "a", "token_type": "Bearer", "id_token": raw})
	})
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

// signIn goes the way of a browser: to the provider, and back with a code.
func (p *provider) signIn(b *browser, code string) answer {
	b.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	a := b.get(base + "/session/outside?next=/tickets")
	to, err := url.Parse(a.header.Get("Location"))
	must(p.t, err)
	if a.status != http.StatusFound || !strings.HasPrefix(to.String(), p.URL+"/authorize") {
		p.t.Fatalf("%s %v", a, a.header)
	}
	p.asked = to.Query()
	if p.asked.Get("code_challenge_method") != "S256" || p.asked.Get("nonce") == "" || p.asked.Get("state") == "" {
		p.t.Errorf("asked %v", p.asked)
	}
	return b.get(base + "/session/outside/callback?code=" + code + "&state=" + url.QueryEscape(p.asked.Get("state")))
}

func TestLoginFromOutside(t *testing.T) {
	t.Parallel()
	p := newProvider(t)
	h := open(t, func(c *Config, _ *Parts) {
		c.OIDC = OIDCConfig{Issuer: p.URL, ClientID: "desk", ClientSecret: "s", Roles: map[string]Role{"leads": RoleSupervisor, "desk": RoleAgent}, Label: "House"}
	})
	h.user("taken", RoleAdmin)
	var options SignInOptions
	h.browser().ok(base+"/session/options", &options)
	if options.Outside != "House" {
		t.Errorf("%+v", options)
	}
	p.claims = map[string]any{"preferred_username": "Mei", "name": "Mei Chen", "groups": []string{"desk", "leads"}}
	b := h.browser()
	if a := p.signIn(b, "good"); a.status != http.StatusFound || a.header.Get("Location") != "/tickets" {
		t.Fatalf("%s %v", a, a.header)
	}
	var v SessionView
	b.ok(base+"/session", &v)
	if v.User.Username != "mei" || v.User.Role != RoleSupervisor || !v.Outside {
		t.Errorf("%+v", v)
	}
	// The state is good once, and in the browser that began only.
	state := url.QueryEscape(p.asked.Get("state"))
	for _, again := range []*browser{b, h.browser()} {
		again.http.CheckRedirect = b.http.CheckRedirect
		if a := again.get(base + "/session/outside/callback?code=good&state=" + state); a.header.Get("Location") != "/login?outside=failed" {
			t.Errorf("%s %v", a, a.header)
		}
	}
	// Fewer rights there are fewer rights here, at once.
	p.claims["groups"] = "desk"
	second := h.browser()
	p.signIn(second, "good")
	second.ok(base+"/session", &v)
	if v.User.Role != RoleAgent {
		t.Errorf("%+v", v)
	}
	if a := b.get(base + "/session"); a.status != http.StatusUnauthorized {
		t.Errorf("the session with the old role lives: %s", a)
	}
	// No password opens the account.
	if a := h.browser().signIn("mei", ""); a.status != http.StatusUnauthorized {
		t.Errorf("%s", a)
	}
	for name, c := range map[string]struct {
		claims map[string]any
		code   string
		want   string
	}{
		"no role":              {map[string]any{"sub": "u-2", "preferred_username": "nobody", "groups": []string{"others"}}, "good", "refused"},
		"somebody else's name": {map[string]any{"sub": "u-3", "preferred_username": "taken", "groups": "leads"}, "good", "refused"},
		"a wrong code":         {map[string]any{}, "bad", "failed"},
		"another's token":      {map[string]any{"aud": "other", "groups": "leads"}, "good", "failed"},
		"another issuer":       {map[string]any{"iss": "https://evil.example", "groups": "leads"}, "good", "failed"},
		"an old token":         {map[string]any{"exp": time.Now().Add(-time.Hour).Unix(), "groups": "leads"}, "good", "failed"},
		"a stolen token":       {map[string]any{"nonce": "other", "groups": "leads"}, "good", "failed"},
	} {
		p.claims = c.claims
		b := h.browser()
		if a := p.signIn(b, c.code); a.header.Get("Location") != "/login?outside="+c.want {
			t.Errorf("%s: %s %v", name, a, a.header)
		}
		if a := b.get(base + "/session"); a.status != http.StatusUnauthorized {
			t.Errorf("%s: came in", name)
		}
	}
	if _, _, err := h.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestOnlyOurPages(t *testing.T) {
	for next, want := range map[string]string{"/tickets?a=b": "/tickets?a=b", "": "/", "https://evil.example": "/", "//evil.example/x": "/", "/\\evil.example": "/", "javascript:alert(1)": "/", "/a\r\nSet-Cookie: x": "/", "tickets": "/"} {
		if got := ourPage(next); got != want {
			t.Errorf("%q became %q, want %q", next, got, want)
		}
	}
}

// FuzzOurPage: whatever is asked for, the browser stays on our pages.
func FuzzOurPage(f *testing.F) {
	for _, s := range []string{"/tickets", "//evil.example", "/\\evil", "/%2f/evil", "http:///x"} {
		f.Add(s)
	}
	ours, _ := url.Parse("https://desk.example/")
	f.Fuzz(func(t *testing.T, next string) {
		got := ourPage(next)
		u, err := url.Parse(got)
		if err != nil || ours.ResolveReference(u).Host != "desk.example" || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") {
			t.Errorf("%q leads to %q", next, got)
		}
	})
}
