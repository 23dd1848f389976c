package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// fakePhones are telephones without signalling.
type fakePhones struct {
	registered []string
	ice        []ICEServer
}

func (f *fakePhones) Ticket(user string, now time.Time) PhoneTicket {
	return PhoneTicket{User: user, Domain: "tingxin", Token: "token of " + user, ExpiresAt: now.Add(time.Minute).UTC(), WSPath: "/sip", ICEServers: f.ice}
}

func (f *fakePhones) Realm() string { return "tingxin" }

func (f *fakePhones) Digests(user, password string) PhoneDigests {
	return PhoneDigests{"tingxin", fmt.Sprintf("%032x", len(user)), fmt.Sprintf("%064x", len(password))}
}

func (f *fakePhones) Reachable(user string) bool { return slices.Contains(f.registered, user) }

func TestPhoneTicket(t *testing.T) {
	t.Parallel()
	phones := &fakePhones{}
	h := open(t, func(_ *Config, p *Parts) { p.Phones = phones })
	b := h.as(RoleAgent)
	if a := (&browser{t: t, url: h.url, http: b.http}).do(http.MethodPost, base+"/session/phone", nil); a.status != http.StatusForbidden {
		t.Errorf("without the CSRF token: %s", a)
	}
	a := b.do(http.MethodPost, base+"/session/phone", nil)
	var got PhoneTicket
	a.into(t, &got)
	if a.status != http.StatusOK || got.User != "agent1" || got.Token != "token of agent1" || got.WSPath != "/sip" || got.ICEServers == nil {
		t.Fatalf("%s", a)
	}
	var audit struct {
		Items []struct{ Actor, Action string }
	}
	h.as(RoleAdmin).ok(base+"/audit", &audit)
	if !slices.ContainsFunc(audit.Items, func(e struct{ Actor, Action string }) bool { return e.Actor == "agent1" && e.Action == "phone.ticket" }) {
		t.Errorf("no audit row: %+v", audit.Items)
	}
	if bytes.Contains(h.as(RoleAdmin).get(base+"/audit").body, []byte("token of")) {
		t.Error("the token is in the audit log")
	}
	// Later loads of the page are no further row, another log-in is.
	rows := func() int { return h.audited("phone.ticket") }
	for range 3 {
		b.do(http.MethodPost, base+"/session/phone", nil).into(t, &got)
	}
	if n := rows(); n != 1 {
		t.Errorf("%d rows of one session", n)
	}
	again := h.browser()
	again.signIn("agent1", password)
	if again.do(http.MethodPost, base+"/session/phone", nil).status != http.StatusOK || rows() != 2 {
		t.Errorf("%d rows of two sessions", rows())
	}
	for range ticketsPerMinute { // the minute may turn once
		a = b.do(http.MethodPost, base+"/session/phone", nil)
	}
	for range ticketsPerMinute {
		if a.status == http.StatusTooManyRequests {
			break
		}
		a = b.do(http.MethodPost, base+"/session/phone", nil)
	}
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("no end of tickets: %s", a)
	}
	if a := h.as(RoleAgent).do(http.MethodPost, base+"/session/phone", nil); a.status != http.StatusOK {
		t.Errorf("another user waits too: %s", a)
	}
	h.later(time.Minute)
	if a := b.do(http.MethodPost, base+"/session/phone", nil); a.status != http.StatusOK {
		t.Errorf("a minute later: %s", a)
	}
}

func TestNoPhones(t *testing.T) {
	t.Parallel()
	if a := open(t).as(RoleAgent).do(http.MethodPost, base+"/session/phone", nil); a.status != http.StatusNotFound {
		t.Errorf("%s", a)
	}
}

func TestColleagues(t *testing.T) {
	t.Parallel()
	phones := &fakePhones{registered: []string{"lin"}}
	h := open(t, func(_ *Config, p *Parts) { p.Phones = phones })
	admin := h.as(RoleAdmin)
	var lin User
	admin.do(http.MethodPost, base+"/users", map[string]any{"username": "lin", "password": password, "role": "agent", "name": "Lin Mei"}).into(t, &lin)
	b := h.browser()
	b.signIn("lin", password)
	if u, ok := h.people.Find("lin"); !ok || u.Name != "Lin Mei" || u.Disabled {
		t.Errorf("a new user is not known at once: %+v %v", u, ok)
	}
	var got Colleagues
	admin.ok(base+"/colleagues", &got)
	if len(got.Items) != 1 || got.Items[0] != (Colleague{lin.ID, "lin", "Lin Mei", RoleAgent, true}) {
		t.Errorf("%+v", got.Items)
	}
	b.ok(base+"/colleagues", &got)
	if len(got.Items) != 1 || got.Items[0].Username != "admin1" || got.Items[0].Reachable {
		t.Errorf("lin sees %+v", got.Items)
	}
	admin.do(http.MethodPatch, base+"/users/"+lin.ID, map[string]any{"disabled": true})
	admin.ok(base+"/colleagues", &got)
	if u, ok := h.people.Find("lin"); !ok || !u.Disabled || len(got.Items) != 0 {
		t.Errorf("a closed account: %+v %v, shown %+v", u, ok, got.Items)
	}
}

func TestPhoneKeyIsOneForAllServers(t *testing.T) {
	t.Parallel()
	h := open(t)
	first, err := PhoneKey(t.Context(), h.db)
	must(t, err)
	second, err := PhoneKey(t.Context(), h.db)
	must(t, err)
	if len(first) != 32 || !bytes.Equal(first, second) || bytes.Equal(first, make([]byte, 32)) {
		t.Errorf("%x and %x", first, second)
	}
	_, err = h.db.Exec(t.Context(), `update settings set value = '"AAAA"' where key = 'phone.key'`)
	must(t, err)
	if _, err := PhoneKey(t.Context(), h.db); err == nil {
		t.Error("three bytes are a key")
	}
}

func TestPeopleStartAndClose(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.user("mei", RoleAgent)
	p := NewPeople(h.db, slog.New(slog.DiscardHandler))
	if _, ok := p.Find("mei"); ok {
		t.Error("known before the start")
	}
	must(t, p.Start(t.Context()))
	if u, ok := p.Find("mei"); !ok || u.Role != RoleAgent {
		t.Errorf("%+v %v", u, ok)
	}
	must(t, p.Close())
	must(t, p.Close())
}

func TestPhoneSecret(t *testing.T) {
	t.Parallel()
	h := open(t, func(_ *Config, p *Parts) { p.Phones = &fakePhones{} })
	b := h.as(RoleAgent)
	path := base + "/session/phone/secret"
	var got PhoneSecret
	b.ok(path, &got)
	if got.Set || got.User != "agent1" || got.Domain != "tingxin" || got.SetAt != nil {
		t.Errorf("before: %+v", got)
	}
	for _, bad := range []string{"short", "has a space in it", "line\nfeed and more", strings.Repeat("x", 129)} {
		if a := b.do(http.MethodPut, path, map[string]string{"password": bad}); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %s", bad, a)
		}
	}
	a := b.do(http.MethodPut, path, map[string]string{"password": "quite-long-indeed"})
	a.into(t, &got)
	if a.status != http.StatusOK || !got.Set || got.Password != "quite-long-indeed" || got.SetAt == nil {
		t.Errorf("%s", a)
	}
	if d, ok := h.people.Digests("agent1"); !ok || d.Realm != "tingxin" || d.SHA256 != fmt.Sprintf("%064x", 17) || !h.people.AnyDigests() {
		t.Errorf("not known at once: %+v", d)
	}
	a = b.do(http.MethodPut, path, map[string]string{})
	a.into(t, &got)
	if a.status != http.StatusOK || len(got.Password) < 20 {
		t.Errorf("made up: %s", a)
	}
	got = PhoneSecret{}
	b.ok(path, &got)
	if !got.Set || got.Password != "" || got.SetAt == nil {
		t.Errorf("shown twice: %+v", got)
	}
	if a := b.do(http.MethodDelete, path, nil); a.status != http.StatusNoContent && a.status != http.StatusOK {
		t.Errorf("%s", a)
	}
	if _, ok := h.people.Digests("agent1"); ok || h.people.AnyDigests() {
		t.Error("removed, and still there")
	}
	var audit struct {
		Items []struct{ Actor, Action string }
	}
	h.as(RoleAdmin).ok(base+"/audit", &audit)
	count := map[string]int{}
	for _, e := range audit.Items {
		count[e.Action]++
	}
	if count["phone.secret"] != 2 || count["phone.secret_removed"] != 1 {
		t.Errorf("audit: %v", count)
	}
	if bytes.Contains(h.as(RoleAdmin).get(base+"/audit").body, []byte("quite-long")) {
		t.Error("the password is in the audit log")
	}
}
