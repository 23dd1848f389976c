package web

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"tingxin/chat"
	"tingxin/pg"
)

// fakes of what the house offers; what they were asked is kept.
type fakeHouse struct {
	letters []Letter
	rated   []int
	told    []string
	said    []string
	numbers []string
}

func (f *fakeHouse) Leave(_ context.Context, _ chat.Conversation, l Letter) (string, error) {
	f.letters = append(f.letters, l)
	return "1001", nil
}

func (f *fakeHouse) Status(_ context.Context, _ chat.Conversation, ref, check string) (TicketStatus, error) {
	if ref != "1001" || check != "mei@shop.example" {
		return TicketStatus{}, pg.ErrNotFound
	}
	return TicketStatus{Ref: ref, State: "open", Said: []Said{}}, nil
}

func (f *fakeHouse) Rate(_ context.Context, _ chat.ID, score int, _ []string, _ string) error {
	f.rated = append(f.rated, score)
	return nil
}

func (f *fakeHouse) Complain(_ context.Context, _ chat.ID, kind, text string) (string, error) {
	f.told = append(f.told, kind+": "+text)
	return "C-1", nil
}

func (f *fakeHouse) Notice(context.Context) (*Notice, error) {
	return &Notice{Version: "w1", Text: map[string]string{"en": "kept"}, Purposes: []string{"service", "analytics"}}, nil
}

func (f *fakeHouse) Said(_ context.Context, _ chat.Conversation, purpose string, given bool, version, proof string) error {
	if !given || version != "w1" || !strings.HasPrefix(proof, "message:") {
		return errors.New("not what was said")
	}
	f.said = append(f.said, purpose)
	return nil
}

func (f *fakeHouse) Export(_ context.Context, _ chat.Conversation, _ string, w io.Writer) error {
	_, err := w.Write([]byte("PK"))
	return err
}

func (f *fakeHouse) Erase(context.Context, chat.Conversation, string) (bool, error) { return true, nil }

func (f *fakeHouse) Ticket(_ context.Context, _ chat.Conversation, number string) (CallTicket, error) {
	f.numbers = append(f.numbers, number)
	return CallTicket{Number: number, Token: "t"}, nil
}

func (f *fakeHouse) CallBack(context.Context, chat.Conversation, string, string) error {
	return chat.ErrBad
}

func (f *fakeHouse) Phone() http.Handler { return http.NotFoundHandler() }

// What is offered beside the chat asks for the notice first, and only what the site offers is there.
func TestBesideTheChat(t *testing.T) {
	h := open(t, nil)
	f := &fakeHouse{}
	h.web.SetHouse(House{Feedback: f, Tickets: f, Calls: f, Privacy: f})
	h.site(DefaultSite, "", Settings{Call: "4000", CallBack: true})
	h.site("bare", "", Settings{NoLetters: true, NoTickets: true})
	token := h.token(DefaultSite, sessionAsk{})
	auth := []string{"Authorization", "Bearer " + token}
	post := func(what string, body any) (int, string) {
		status, raw := h.call("POST", "/widget/"+what, body, auth...)
		return status, string(raw)
	}
	letter := letterBody{Text: "blue pot?", Email: "mei@shop.example"}
	for _, what := range []string{"message", "callback", "call"} {
		if status, _ := post(what, letter); status != 403 {
			t.Errorf("%s before the notice: %d", what, status)
		}
	}
	frame := func(doc string) string {
		_, raw := post("send", map[string]any{"frames": []json.RawMessage{json.RawMessage(doc)}})
		return raw
	}
	frame(`{"type":"consent","purpose":"service","state":true,"version":"w1"}`)
	for _, tc := range []struct {
		what   string
		body   any
		status int
		has    string
	}{
		{"message", letter, 200, `"1001"`},
		{"message", letterBody{Text: "nobody can answer"}, 422, ""},
		{"message", letterBody{Text: " ", Email: "a@b.example"}, 422, ""},
		{"ticket", ticketBody{"1001", "mei@shop.example"}, 200, `"open"`},
		{"ticket", ticketBody{"1001", "other@shop.example"}, 404, ""},
		{"callback", numberBody{"x"}, 422, ""},
		{"call", nil, 200, `"4000"`},
		{"export", nil, 200, "PK"},
		{"erase", nil, 200, `"by_hand":true`},
	} {
		if status, got := post(tc.what, tc.body); status != tc.status || !strings.Contains(got, tc.has) {
			t.Errorf("%s %+v: %d %s", tc.what, tc.body, status, got)
		}
	}
	if len(f.letters) != 1 || len(f.said) != 1 || len(f.numbers) != 1 {
		t.Errorf("%+v", f)
	}
	for range acts["call"].burst {
		post("call", nil)
	}
	if status, _ := post("call", nil); status != 429 {
		t.Errorf("calls without end: %d", status)
	}
	bare := h.token("bare", sessionAsk{})
	for _, what := range []string{"message", "ticket", "callback", "call"} {
		if status, _ := h.call("POST", "/widget/"+what+"?site=bare", letter, "Authorization", "Bearer "+bare); status != 404 {
			t.Errorf("%s is not offered: %d", what, status)
		}
	}
	if status, _ := h.call("GET", CallPath+"?site=bare", nil); status != 404 {
		t.Errorf("the telephone of a site without calls: %d", status)
	}
	if status, _ := h.call("GET", CallPath, nil, "Origin", "https://evil.example"); status != 403 {
		t.Errorf("the telephone from a strange page: %d", status)
	}
}

// A complaint that is sent again is the same case.
func TestComplaintIsOneCase(t *testing.T) {
	h := open(t, nil)
	f := &fakeHouse{}
	h.web.SetHouse(House{Feedback: f})
	auth := []string{"Authorization", "Bearer " + h.token(DefaultSite, sessionAsk{})}
	for range 2 {
		_, raw := h.call("POST", "/widget/send", map[string]any{"frames": []json.RawMessage{json.RawMessage(`{"type":"complain","client_msg_id":"a","kind":"idea","text":"more tea"}`)}}, auth...)
		if !strings.Contains(string(raw), `"ref":"C-1"`) {
			t.Errorf("%s", raw)
		}
	}
	if len(f.told) != 1 || f.told[0] != "idea: more tea" {
		t.Errorf("%v", f.told)
	}
	for _, bad := range []string{`{"type":"complain","client_msg_id":"b","kind":"praise","text":"x"}`, `{"type":"complain","kind":"idea","text":"x"}`, `{"type":"human"}`} {
		if _, err := readFrame([]byte(bad)); !errors.Is(err, errFrame) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// The host's token: its algorithm, its signature and its time are judged.
func TestHostTokens(t *testing.T) {
	now := time.Unix(1_780_000_000, 0)
	s := &site{secret: "widget_secret_test"}
	jwt := func(secret, head string, claims map[string]any) string {
		doc, err := json.Marshal(claims)
		must(t, err)
		text := base64.RawURLEncoding.EncodeToString([]byte(head)) + "." + base64.RawURLEncoding.EncodeToString(doc)
		return text + "." + base64.RawURLEncoding.EncodeToString(sign([]byte(secret), text))
	}
	const head = `{"alg":"HS256","typ":"JWT"}`
	exp := now.Add(time.Minute).Unix()
	good := jwt(s.secret, head, map[string]any{"sub": "u-42", "name": "Mei", "exp": exp})
	if user, name, err := s.signed(good, now); err != nil || user != "u-42" || name != "Mei" {
		t.Errorf("%q %q %v", user, name, err)
	}
	for what, token := range map[string]string{
		"another secret":    jwt("another secret of a site", head, map[string]any{"sub": "u-42", "exp": exp}),
		"no algorithm":      jwt(s.secret, `{"alg":"none"}`, map[string]any{"sub": "u-42", "exp": exp}),
		"another algorithm": jwt(s.secret, `{"alg":"HS512"}`, map[string]any{"sub": "u-42", "exp": exp}),
		"over":              jwt(s.secret, head, map[string]any{"sub": "u-42", "exp": now.Add(-2 * time.Minute).Unix()}),
		"too long":          jwt(s.secret, head, map[string]any{"sub": "u-42", "exp": now.Add(2 * time.Hour).Unix()}),
		"without an end":    jwt(s.secret, head, map[string]any{"sub": "u-42"}),
		"not yet":           jwt(s.secret, head, map[string]any{"sub": "u-42", "exp": exp, "nbf": now.Add(time.Hour).Unix()}),
		"nobody":            jwt(s.secret, head, map[string]any{"exp": exp}),
		"changed":           strings.Replace(good, ".", ".e", 1),
		"parts":             "a.b",
		"empty":             "..",
	} {
		if user, _, err := s.signed(token, now); !errors.Is(err, errProof) {
			t.Errorf("%s: %q %v", what, user, err)
		}
	}
	if _, _, err := (&site{}).signed(jwt("", head, map[string]any{"sub": "u-42", "exp": exp}), now); !errors.Is(err, errProof) {
		t.Error("a site without a secret believes a token")
	}
}

// The page for frames may stand in the site's own pages only.
func TestWhoMayFrameTheChat(t *testing.T) {
	h := open(t, nil)
	h.site("shop", "", Settings{Origins: []string{"https://shop.example"}})
	for path, want := range map[string]string{"/embed?site=shop": "frame-ancestors 'self' https://shop.example", "/embed": "frame-ancestors 'self'"} {
		resp, err := http.Get(h.http.URL + path)
		must(t, err)
		resp.Body.Close()
		if got := resp.Header.Get("Content-Security-Policy"); resp.StatusCode != 200 || !strings.HasSuffix(got, want) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, got)
		}
	}
	if status, _ := h.call("GET", "/embed?site=nowhere", nil); status != 404 {
		t.Errorf("no site: %d", status)
	}
	for _, bad := range []string{`{"origins":["https://a.example; script-src *"]}`, `{"position":"top"}`, `{"call":"sip:x@y"}`, `{"theme":"pink"}`, `{"title":{"fr":"x"}}`} {
		if CheckSettings(json.RawMessage(bad)) == nil {
			t.Errorf("%s is taken", bad)
		}
	}
}

func FuzzHostToken(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.AAAA")
	s := &site{secret: "widget_secret_test"}
	f.Fuzz(func(t *testing.T, token string) {
		if user, _, err := s.signed(token, time.Now()); err == nil {
			t.Errorf("%q is believed to be %q", token, user)
		}
	})
}
