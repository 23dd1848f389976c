package api

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"tingxin/contact"
)

func keyed(token string) []string { return []string{"Authorization", "Bearer " + token} }

func TestAPIKeys(t *testing.T) {
	t.Parallel()
	h := open(t)
	agent, other, admin := h.as(RoleAgent), h.as(RoleAgent), h.as(RoleAdmin)
	for _, body := range []j{
		{"name": "x", "scopes": []string{"settings:write"}}, // more than an agent may
		{"name": "x", "scopes": []string{"nothing:read"}},
		{"name": "x", "scopes": []string{}},
		{"name": " ", "scopes": []string{"calls:read"}},
		{"name": "x", "scopes": []string{"calls:read"}, "days": 800},
	} {
		agent.refused(http.StatusUnprocessableEntity, http.MethodPost, "/api-keys", body)
	}
	var made NewAPIKey
	agent.post(http.MethodPost, "/api-keys", j{"name": "CRM", "scopes": []string{"calls:read", "tickets:write"}, "days": 1}, &made)
	if !strings.HasPrefix(made.Token, made.Prefix) || len(made.Token) < 40 || made.ExpiresAt == nil {
		t.Fatalf("%+v", made)
	}
	program := h.browser()
	if a := program.get(base+"/calls", keyed(made.Token)...); a.status != http.StatusOK || a.header.Get("RateLimit-Limit") != fmt.Sprint(paceKey) {
		t.Errorf("%s %v", a, a.header)
	}
	// Without a CSRF token: no browser sends this header by itself.
	if a := program.do(http.MethodPost, base+"/tickets", j{"title": "Kettle", "type": "question"}, keyed(made.Token)...); a.status == http.StatusForbidden || a.status == http.StatusUnauthorized {
		t.Errorf("%s", a)
	}
	for path, want := range map[string]string{"/contacts": "contacts:read", "/session": "no key may", "/api-keys": "no key may"} {
		if a := program.get(base+path, keyed(made.Token)...); a.status != http.StatusForbidden || !strings.Contains(problemOf(t, a), want) {
			t.Errorf("%s: %s", path, a)
		}
	}
	var list APIKeyList
	agent.ok(base+"/api-keys", &list)
	if len(list.Items) != 1 || list.Items[0].UsedAt == nil || list.Items[0].UsedFrom != "127.0.0.1" || strings.Contains(fmt.Sprint(list), made.Token) {
		t.Errorf("%+v", list)
	}
	other.refused(http.StatusNotFound, http.MethodDelete, fmt.Sprintf("/api-keys/%d", made.ID), nil)
	admin.ok(base+"/users/keys", &list)
	if len(list.Items) != 1 || list.Items[0].Owner == "" {
		t.Errorf("%+v", list)
	}

	// A wrong key is nobody's, also beside a good cookie.
	for _, wrong := range []string{made.Token + "x", "tx_", "", made.Token[:len(made.Token)-1]} {
		if a := agent.get(base+"/calls", "Authorization", "Bearer "+wrong); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%q: %s", wrong, a)
		}
	}
	if a := agent.get(base+"/calls", "Authorization", "Basic YTpi"); a.status != http.StatusUnauthorized {
		t.Errorf("%s", a)
	}
	h.later(25 * time.Hour)
	if a := program.get(base+"/calls", keyed(made.Token)...); a.status != http.StatusUnauthorized {
		t.Errorf("after its time: %s", a)
	}
	h.later(-25 * time.Hour)
	admin.post(http.MethodDelete, fmt.Sprintf("/users/keys/%d", made.ID), nil, nil)
	admin.refused(http.StatusNotFound, http.MethodDelete, fmt.Sprintf("/users/keys/%d", made.ID), nil)
	if a := program.get(base+"/calls", keyed(made.Token)...); a.status != http.StatusUnauthorized {
		t.Errorf("after it was revoked: %s", a)
	}
	if acts := strings.Join(h.acts("api_key"), "\n"); strings.Contains(acts, made.Token) || !strings.Contains(acts, "api_key.created") || !strings.Contains(acts, "api_key.revoked") {
		t.Errorf("audit: %s", acts)
	}
}

// A key is worth what its owner is: no less, and no more after the owner has lost a role or was locked.
func TestKeyFollowsItsOwner(t *testing.T) {
	t.Parallel()
	h := open(t)
	token := h.key(RoleSupervisor, "*:read")
	owner := fmt.Sprintf("program%d", h.clients)
	u, err := h.users.byName(t.Context(), owner)
	must(t, err)
	admin, program := h.as(RoleAdmin), h.browser()
	if a := program.get(base+"/skills", keyed(token)...); a.status == http.StatusForbidden {
		t.Errorf("%s", a)
	}
	admin.post(http.MethodPatch, "/users/"+u.ID, j{"role": "agent"}, nil)
	if a := program.get(base+"/skills", keyed(token)...); a.status != http.StatusForbidden {
		t.Errorf("%s", a)
	}
	admin.post(http.MethodPatch, "/users/"+u.ID, j{"disabled": true}, nil)
	if a := program.get(base+"/calls", keyed(token)...); a.status != http.StatusUnauthorized {
		t.Errorf("%s", a)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	h, _ := withContacts(t, contact.Config{Region: "CN"})
	agent, other := h.as(RoleAgent), h.as(RoleAgent)
	send := func(b *browser, word string, body j) answer {
		return b.do(http.MethodPost, base+"/contacts", body, idempotencyHeader, word)
	}
	first := send(agent, "one", j{"name": "Mei"})
	again := send(agent, "one", j{"name": "Mei"})
	if first.status >= 300 || again.status != first.status || string(again.body) != string(first.body) || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" ||
		again.header.Get("Content-Type") != first.header.Get("Content-Type") {
		t.Errorf("%s\n%s %v", first, again, again.header)
	}
	if a := send(agent, "one", j{"name": "Lei"}); a.status != http.StatusConflict || !strings.Contains(problemOf(t, a), "another request") {
		t.Errorf("%s", a)
	}
	// The word is the caller's own: somebody else's is another one.
	if a := send(other, "one", j{"name": "Mei"}); a.status >= 300 || a.header.Get("Idempotency-Replayed") != "" || string(a.body) == string(first.body) {
		t.Errorf("%s", a)
	}
	if a := send(agent, strings.Repeat("x", 256), j{"name": "Mei"}); a.status != http.StatusBadRequest {
		t.Errorf("%s", a)
	}
	// Many at once: one is done.
	var wg sync.WaitGroup
	var mu sync.Mutex
	bodies := map[string]int{}
	for range 8 {
		wg.Go(func() {
			a := send(agent, "crowd", j{"name": "Crowd"})
			mu.Lock()
			defer mu.Unlock()
			if a.status < 300 {
				bodies[string(a.body)]++
			} else if a.status != http.StatusConflict {
				t.Errorf("%s", a)
			}
		})
	}
	wg.Wait()
	var page ContactPage
	agent.ok(base+"/contacts?q=Crowd", &page)
	if len(page.Items) != 1 || len(bodies) != 1 {
		t.Errorf("%d people by %d answers", len(page.Items), len(bodies))
	}
	// What is kept tells nothing without the word.
	var sealed []byte
	must(t, h.db.Pool().QueryRow(t.Context(), `select string_agg(coalesce(sealed, ''), '') from idempotency`).Scan(&sealed))
	if len(sealed) == 0 || strings.Contains(string(sealed), "Mei") || strings.Contains(string(sealed), "Crowd") {
		t.Error("answers are kept in the clear, or not at all")
	}
	h.later(25 * time.Hour)
	agent.signIn("agent1", password)
	if a := send(agent, "one", j{"name": "Lei"}); a.status >= 300 || a.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("a day later: %s", a)
	}
	if n, err := h.stored.expire(t.Context()); err != nil || n == 0 {
		t.Errorf("%d, %v", n, err)
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	now := time.Unix(0, 0)
	p := newPace(func() time.Time { return now })
	for i := range 60 {
		if left, wait := p.take("a", 60); wait != 0 || left != 59-i {
			t.Fatalf("request %d: %d left, wait %v", i, left, wait)
		}
	}
	if _, wait := p.take("a", 60); wait != time.Second {
		t.Errorf("wait %v", wait)
	}
	if _, wait := p.take("b", 60); wait != 0 {
		t.Errorf("somebody else waits %v", wait)
	}
	now = now.Add(2 * time.Second)
	if left, wait := p.take("a", 60); wait != 0 || left != 1 {
		t.Errorf("later: %d left, wait %v", left, wait)
	}
	for i := range 2 * paceCallers {
		p.take(fmt.Sprint(i), 60)
	}
	if n := len(p.buckets); n > paceCallers {
		t.Errorf("%d callers are counted", n)
	}
}

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	h := open(t)
	token := h.key(RoleAgent, "*:read")
	b := h.browser()
	var a answer
	for range 5 * paceKey { // what a slow machine takes a minute for is given back meanwhile
		if a = b.get(base+"/kb/categories", keyed(token)...); a.status == http.StatusTooManyRequests {
			break
		}
	}
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || a.header.Get("RateLimit-Remaining") != "0" || problemOf(t, a) == "" {
		t.Errorf("%s %v", a, a.header)
	}
	counted := string(b.get("/metrics").body)
	for _, want := range []string{"\ntingxin_pace_refused_total 1\n", "\ntingxin_pace_callers "} {
		if !strings.Contains(counted, want) {
			t.Errorf("the counters have no %q", want)
		}
	}
	if strings.Contains(counted, "\ntingxin_pace_callers 0\n") {
		t.Error("nobody is counted")
	}
}

func (h *house) codeNow(t *testing.T, secret string) string {
	code, err := totp.GenerateCodeCustom(secret, h.now(), codeOptions)
	must(t, err)
	return code
}

func (b *browser) signInWith(username, code string) answer {
	a := b.do(http.MethodPost, base+"/session", j{"username": username, "password": password, "code": code})
	var v SessionView
	if a.status == http.StatusOK {
		a.into(b.t, &v)
		b.csrf = v.CSRF
	}
	return a
}

func TestSecondFactor(t *testing.T) {
	t.Parallel()
	h := open(t)
	b, admin := h.as(RoleAgent), h.as(RoleAdmin)
	b.refused(http.StatusUnprocessableEntity, http.MethodPost, "/session/second-factor", j{"password": "wrong"})
	b.refused(http.StatusNotFound, http.MethodPost, "/session/second-factor/confirm", j{"code": "123456"})
	var made FactorSecret
	b.post(http.MethodPost, "/session/second-factor", j{"password": password}, &made)
	if !strings.HasPrefix(made.Picture, "data:image/png;base64,") || !strings.HasPrefix(made.Address, "otpauth://totp/Tingxin:agent1") {
		t.Errorf("%+v", made)
	}
	// Shown is not proven: the password alone still opens.
	if a := h.browser().signIn("agent1", password); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	b.refused(http.StatusUnprocessableEntity, http.MethodPost, "/session/second-factor/confirm", j{"code": "000000"})
	code := h.codeNow(t, made.Secret)
	var paper RecoveryCodes
	b.post(http.MethodPost, "/session/second-factor/confirm", j{"code": code}, &paper)
	if len(paper.Codes) != recoveryCodes {
		t.Errorf("%+v", paper)
	}
	b.refused(http.StatusConflict, http.MethodPost, "/session/second-factor", j{"password": password})

	if a := h.browser().signIn("agent1", password); a.status != http.StatusUnauthorized || problemOf(t, a) != "second factor" {
		t.Errorf("without a code: %s", a)
	}
	if a := h.browser().signInWith("agent1", code); a.status != http.StatusUnauthorized || problemOf(t, a) != "second factor wrong" {
		t.Errorf("with the code that was used: %s", a)
	}
	h.later(time.Minute)
	code = h.codeNow(t, made.Secret)
	if a := h.browser().signInWith("agent1", code); a.status != http.StatusOK {
		t.Errorf("with a code: %s", a)
	}
	if a := h.browser().signInWith("agent1", strings.ToUpper(paper.Codes[3])); a.status != http.StatusOK {
		t.Errorf("with a recovery code: %s", a)
	}
	if a := h.browser().signInWith("agent1", paper.Codes[3]); a.status != http.StatusUnauthorized {
		t.Errorf("with the same again: %s", a)
	}
	var state FactorState
	b.ok(base+"/session/second-factor", &state)
	if !state.On || state.Recovery != recoveryCodes-1 || state.Required {
		t.Errorf("%+v", state)
	}
	// The secret is sealed, and bound to its owner.
	var sealed []byte
	must(t, h.db.Pool().QueryRow(t.Context(), `select sealed from second_factors`).Scan(&sealed))
	if strings.Contains(string(sealed), made.Secret) {
		t.Error("the secret stands in the database")
	}
	if _, err := h.parts.Vault.Open(factorPlace("999"), sealed); err == nil {
		t.Error("the secret opens in another place")
	}
	admin.post(http.MethodDelete, "/users/1/second-factor", nil, nil)
	if a := b.get(base + "/session"); a.status != http.StatusUnauthorized {
		t.Errorf("after the administrator took it away: %s", a)
	}
	if a := h.browser().signIn("agent1", password); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
}

// Codes are guessed no faster than passwords, and the right password does not wipe the count.
func TestCodesCannotBeGuessed(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAgent)
	var made FactorSecret
	b.post(http.MethodPost, "/session/second-factor", j{"password": password}, &made)
	b.post(http.MethodPost, "/session/second-factor/confirm", j{"code": h.codeNow(t, made.Secret)}, nil)
	stopped := false
	for i := range 2 * freePerAccount {
		a := h.browser().signInWith("agent1", fmt.Sprintf("%06d", i))
		h.browser().signIn("agent1", password)
		stopped = stopped || a.status == http.StatusTooManyRequests
	}
	if !stopped {
		t.Error("codes can be tried for ever")
	}
}

func TestRoleThatNeedsASecondFactor(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin, b := h.as(RoleAdmin), h.as(RoleSupervisor)
	admin.refused(http.StatusUnprocessableEntity, http.MethodPut, "/settings/security", j{"second_factor": []string{"king"}, "idle_minutes": 0})
	admin.post(http.MethodPut, "/settings/security", j{"second_factor": []string{"supervisor"}, "idle_minutes": 15}, nil)
	if d := b.refused(http.StatusForbidden, http.MethodGet, "/calls", nil); !strings.Contains(d, "second factor") {
		t.Errorf("%s", d)
	}
	var v SessionView
	b.ok(base+"/session", &v)
	if !v.Enrol || v.IdleMinutes != 15 {
		t.Errorf("%+v", v)
	}
	var made FactorSecret
	b.post(http.MethodPost, "/session/second-factor", j{"password": password}, &made)
	b.post(http.MethodPost, "/session/second-factor/confirm", j{"code": h.codeNow(t, made.Secret)}, nil)
	if a := b.get(base + "/calls"); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	b.refused(http.StatusForbidden, http.MethodDelete, "/session/second-factor", j{"password": password})
}

func TestSessionsAndLocks(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	one, two, admin := h.browser(), h.browser(), h.as(RoleAdmin)
	one.signIn("mei", password)
	two.signIn("mei", password)
	var list SignedInList
	one.ok(base+"/sessions", &list)
	if len(list.Items) != 2 || list.Items[0].Here == list.Items[1].Here || list.Items[0].Address != "127.0.0.1" {
		t.Fatalf("%+v", list)
	}
	other := list.Items[0]
	if other.Here {
		other = list.Items[1]
	}
	admin.refused(http.StatusNotFound, http.MethodDelete, "/sessions/"+other.ID, nil) // not one's own
	one.post(http.MethodDelete, "/sessions/"+other.ID, nil, nil)
	if a := two.get(base + "/session"); a.status != http.StatusUnauthorized {
		t.Errorf("%s", a)
	}

	one.post(http.MethodPost, "/session/lock", nil, nil)
	one.refused(http.StatusLocked, http.MethodGet, "/calls", nil)
	one.refused(http.StatusLocked, http.MethodGet, "/agents/me", nil)
	one.refused(http.StatusLocked, http.MethodGet, "/session/phone/secret", nil)
	// A locked page stays at work: it is let in, though this server has no queues and no telephones.
	one.refused(http.StatusServiceUnavailable, http.MethodPost, "/agents/me/heartbeat", nil)
	one.refused(http.StatusNotFound, http.MethodPost, "/session/phone", nil)
	var v SessionView
	one.ok(base+"/session", &v)
	if !v.Locked {
		t.Errorf("%+v", v)
	}
	one.refused(http.StatusUnprocessableEntity, http.MethodPost, "/session/unlock", j{"password": "wrong password"})
	one.refused(http.StatusLocked, http.MethodGet, "/calls", nil)
	one.post(http.MethodPost, "/session/unlock", j{"password": password}, nil)
	if a := one.get(base + "/calls"); a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	admin.ok(base+"/users/1/sessions", &list)
	if len(list.Items) != 1 {
		t.Errorf("%+v", list)
	}
	admin.post(http.MethodDelete, "/users/1/sessions", nil, nil)
	if a := one.get(base + "/session"); a.status != http.StatusUnauthorized {
		t.Errorf("%s", a)
	}
	admin.refused(http.StatusNotFound, http.MethodGet, "/users/999/sessions", nil)
}

// Analysts see nobody's number, address or name, in whatever answer.
func TestAnalystsSeeMaskedData(t *testing.T) {
	t.Parallel()
	h, store := withContacts(t, contact.Config{Region: "CN"})
	id, _, err := store.Resolve(t.Context(), contact.Key{Kind: contact.KindPhone, Value: "13800138000", Name: "Li Lei"})
	must(t, err)
	r := h.endedCall(h.now())
	must(t, h.store.SetContact(t.Context(), r.ID, int64(id)))
	var note NoteView
	h.as(RoleAgent).post(http.MethodPost, "/contacts/"+id.String()+"/notes", j{"text": "ring 13912345678 or write to lei@example.com, 电话一三九一二三四五六七八"}, &note)
	b := h.as(RoleAnalyst)
	for _, path := range []string{"/calls", "/calls/" + r.ID, "/contacts", "/contacts/" + id.String(), "/contacts/" + id.String() + "/timeline"} {
		a := b.get(base + path)
		if a.status != http.StatusOK {
			t.Errorf("%s: %s", path, a)
		}
		for _, whole := range []string{"13800138000", "13912345678", "lei@example.com", "一三九一二三四五六七八", "Li Lei", "\"Mei\""} {
			if strings.Contains(string(a.body), whole) {
				t.Errorf("%s shows %s: %s", path, whole, a)
			}
		}
	}
	if a := b.get(base + "/calls/" + r.ID); !strings.Contains(string(a.body), r.ID) || !strings.Contains(string(a.body), "138****8000") {
		t.Errorf("ids stay, numbers are masked: %s", a)
	}
	if a := h.as(RoleQuality).get(base + "/calls/" + r.ID); !strings.Contains(string(a.body), "13800138000") {
		t.Errorf("others see it whole: %s", a)
	}
}
