package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/queue"
)

// slate is a channel whose customers read the rows.
type slate struct{}

func (slate) Name() string                                             { return "slate" }
func (slate) Decode(context.Context, chat.Raw) ([]chat.Inbound, error) { return nil, io.EOF }
func (slate) Send(context.Context, chat.Outgoing) chat.Result {
	return chat.Result{Outcome: chat.Delivered}
}
func (slate) Limits(string) chat.Limits { return chat.Limits{Pull: true, Live: true} }

// openChat is a house with conversations.
func openChat(t *testing.T) (*house, *chat.Service) {
	t.Helper()
	db := pgtest.NewWith(t, pg.Config{MaxConns: 24})
	vault, err := chat.OpenVault(strings.Repeat("cd", 32), "")
	must(t, err)
	var svc *chat.Service
	h := openWith(t, db, func(_ *Config, p *Parts) {
		log := slog.New(slog.DiscardHandler)
		p.Bus = event.NewBus()
		jobs := pg.NewJobs(db, log)
		svc, err = chat.New(chat.Config{Files: t.TempDir()}, chat.Parts{DB: db, Bus: p.Bus, Jobs: jobs}, log)
		must(t, err)
		svc.AddChannel(slate{})
		svc.OnInbound(func(context.Context, chat.Conversation, chat.Message) error { return nil })
		must(t, jobs.Start(context.WithoutCancel(t.Context())))
		must(t, svc.Start(t.Context()))
		t.Cleanup(func() { svc.Close(); jobs.Close() })
		p.Chat = &Chat{Service: svc, Accounts: chat.NewAccounts(db, vault), CheckAccount: func(channel string, _ json.RawMessage) error {
			if channel != "slate" {
				return fmt.Errorf("there is no channel %q", channel)
			}
			return nil
		}}
	})
	return h, svc
}

func write(t *testing.T, svc *chat.Service, user, id, text string) chat.Message {
	t.Helper()
	m, err := svc.Receive(t.Context(), chat.Inbound{Channel: "slate", User: user, ExternalID: id, Text: text})
	must(t, err)
	return m
}

func at(id chat.ID, rest string) string { return base + "/conversations/" + id.String() + rest }

// Who only reads finds conversations by a filter as agents do; analysts see them masked, and find nobody by what is masked.
func TestReadersFilterConversations(t *testing.T) {
	h, svc := openChat(t)
	m := write(t, svc, "lei@example.com", "1", "ring 13912345678, this is terrible")
	all := map[string]any{"filter": map[string]any{"field": "state", "op": "is", "value": "open"}}
	for role, whole := range map[Role]bool{RoleQuality: true, RoleAnalyst: false} {
		b := h.as(role)
		for _, a := range []answer{b.do(http.MethodPost, base+"/conversations/list", all), b.get(at(m.Conversation, "/mood")), b.get(base + "/conversation-views")} {
			if a.status != http.StatusOK {
				t.Errorf("%s: %s", role, a)
			}
		}
		a := b.do(http.MethodPost, base+"/conversations/list", all)
		for _, secret := range []string{"lei@example.com", "13912345678"} {
			if bytes.Contains(a.body, []byte(secret)) != whole {
				t.Errorf("%s sees %s: %v, want %v: %s", role, secret, !whole, whole, a)
			}
		}
		who := map[string]any{"field": "customer", "op": "in", "value": []string{"lei@example.com"}}
		want := http.StatusForbidden
		if whole {
			want = http.StatusOK
		}
		for _, f := range []any{who, map[string]any{"not": who}, map[string]any{"all": []any{who}}, map[string]any{"any": []any{who}}} {
			if a := b.do(http.MethodPost, base+"/conversations/list", map[string]any{"filter": f}); a.status != want {
				t.Errorf("%s asks %v: %s, want %d", role, f, a, want)
			}
		}
		if a := b.do(http.MethodPost, at(m.Conversation, "/presence"), map[string]any{"on": true}); a.status != http.StatusForbidden {
			t.Errorf("%s: %s", role, a)
		}
	}
}

func TestInbox(t *testing.T) {
	h, svc := openChat(t)
	m := write(t, svc, "anna", "1", "where is my order?")
	li, wu := h.as(RoleAgent), h.as(RoleAgent)
	var page chat.Page
	li.ok(base+"/conversations", &page)
	if len(page.Items) != 1 || page.Items[0].LastText != "where is my order?" || !page.Items[0].Unread {
		t.Fatalf("%+v", page)
	}
	var thread MessagePage
	li.ok(at(m.Conversation, "/messages"), &thread)
	if len(thread.Items) != 1 || thread.Items[0].Text != "where is my order?" {
		t.Fatalf("%+v", thread)
	}
	want := func(a answer, status int) answer {
		t.Helper()
		if a.status != status {
			t.Fatalf("%s, want %d", a, status)
		}
		return a
	}
	want(li.do("POST", at(m.Conversation, "/read"), map[string]any{"message": m.ID}), 204)
	var reply chat.Message
	want(li.do("POST", at(m.Conversation, "/messages"), map[string]any{"text": "I look", "seen": m.ID, "client_id": "a"}), 200).into(t, &reply)
	var again chat.Message
	want(li.do("POST", at(m.Conversation, "/messages"), map[string]any{"text": "I look", "seen": m.ID, "client_id": "a"}), 200).into(t, &again)
	if again.ID != reply.ID {
		t.Error("sent twice")
	}
	crossed := want(wu.do("POST", at(m.Conversation, "/messages"), map[string]any{"text": "I look too", "seen": m.ID}), 409)
	if !bytes.Contains(crossed.body, []byte("urn:tingxin:newer-reply")) {
		t.Errorf("%s", crossed)
	}
	want(wu.do("POST", at(m.Conversation, "/messages"), map[string]any{"text": "ask @li", "note": true}), 200)
	want(wu.do("POST", at(m.Conversation, "/messages"), map[string]any{"text": " "}), 422)
	li.ok(base+"/conversations?box=mine", &page)
	if len(page.Items) != 1 || page.Items[0].Assignee == nil || page.Items[0].Unread {
		t.Errorf("%+v", page)
	}
	var counts ConversationCounts
	wu.ok(base+"/conversations/counts", &counts)
	if counts.Open != 1 || counts.Mine != 0 {
		t.Errorf("%+v", counts)
	}
	want(li.do("PUT", at(m.Conversation, "/draft"), map[string]any{"text": "dear", "seen": m.ID}), 204)
	want(wu.do("POST", at(m.Conversation, "/presence"), map[string]any{"on": true, "typing": true}), 204)
	var view ConversationView
	li.ok(at(m.Conversation, ""), &view)
	if view.Draft == nil || view.Draft.Text != "dear" || len(view.Viewers) != 1 || !view.Viewers[0].Typing || view.AssigneeName != "agent1" {
		t.Errorf("%+v", view)
	}
	want(h.as(RoleSupervisor).do("PUT", base+"/conversation-labels/refund", map[string]any{"color": "#cc0000"}), 204)
	want(li.do("PUT", at(m.Conversation, "/labels"), map[string]any{"labels": []string{"refund"}}), 204)
	want(li.do("PUT", at(m.Conversation, "/labels"), map[string]any{"labels": []string{"nope"}}), 422)
	want(li.do("POST", at(m.Conversation, "/snooze"), map[string]any{"until": time.Now().Add(time.Hour)}), 204)
	want(li.do("POST", at(m.Conversation, "/close"), nil), 204)
	want(li.do("POST", at(m.Conversation, "/close"), nil), 409)
	want(li.do("POST", at(m.Conversation, "/reopen"), nil), 204)
	want(li.do("POST", at(m.Conversation, "/scheduled"), map[string]any{"text": "later", "at": time.Now().Add(time.Hour)}), 200)
	var hits SearchHits
	li.ok(base+"/search?q=order", &hits)
	if len(hits.Messages) != 1 {
		t.Errorf("%+v", hits)
	}
	var list chat.Page
	want(li.do("POST", base+"/conversations/list", map[string]any{"filter": map[string]any{"field": "label", "op": "has", "value": "refund"}}), 200).into(t, &list)
	if len(list.Items) != 1 {
		t.Errorf("%+v", list)
	}
	want(li.do("POST", base+"/conversations/list", map[string]any{"filter": map[string]any{"field": "secret"}}), 422)
	want(li.do("POST", base+"/conversation-views", map[string]any{"name": "all of us", "shared": true, "filter": map[string]any{}}), 403)
	want(li.do("POST", base+"/conversation-views", map[string]any{"name": "refunds", "filter": map[string]any{"field": "label", "op": "has", "value": "refund"}}), 200)
	want(li.get(at(99999, "")), 404)
	want(li.get(base+"/dead-letters"), 403)
}

func TestMergeByAPIIsAudited(t *testing.T) {
	h, svc := openChat(t)
	a, b := write(t, svc, "anna", "1", "one"), write(t, svc, "bert", "2", "two")
	li := h.as(RoleAgent)
	got := li.do("POST", at(a.Conversation, "/merge"), map[string]any{"into": b.Conversation})
	var made changeMade
	got.into(t, &made)
	if got.status != 200 || made.Conversation != b.Conversation {
		t.Fatal(got)
	}
	if a := li.do("POST", base+"/conversation-changes/"+strconv.FormatInt(made.Change, 10)+"/undo", nil); a.status != 200 {
		t.Fatal(a)
	}
	split := li.do("POST", at(a.Conversation, "/split"), map[string]any{"messages": []chat.MessageID{a.ID}})
	if split.status != 200 {
		t.Fatal(split)
	}
	trail := h.as(RoleAdmin).get(base + "/audit")
	for _, want := range []string{"conversation.merged", "conversation.undone", "conversation.split"} {
		if !bytes.Contains(trail.body, []byte(want)) {
			t.Errorf("no %s in %s", want, trail)
		}
	}
}

func TestFilesOfAgents(t *testing.T) {
	h, svc := openChat(t)
	m, other := write(t, svc, "anna", "1", "hi"), write(t, svc, "bert", "2", "hi")
	li := h.as(RoleAgent)
	up := func(name string, body []byte) (int, chat.Attachment) {
		req, err := http.NewRequest("POST", h.url+at(m.Conversation, "/files?name="+name), bytes.NewReader(body))
		must(t, err)
		req.Header.Set("X-CSRF-Token", li.csrf)
		resp, err := li.http.Do(req)
		must(t, err)
		defer resp.Body.Close()
		var a chat.Attachment
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		_ = json.Unmarshal(raw, &a)
		return resp.StatusCode, a
	}
	if status, _ := up("x.html", []byte("<html>")); status != 415 {
		t.Errorf("HTML: %d", status)
	}
	pdf := append([]byte("%PDF-1.4\n"), bytes.Repeat([]byte("x"), 200<<10)...) // longer than other bodies may be
	status, a := up("bill.pdf", pdf)
	if status != 200 || a.MediaType != "application/pdf" || a.Bytes != int64(len(pdf)) {
		t.Fatalf("%d %+v", status, a)
	}
	if got := li.do("POST", at(m.Conversation, "/messages"), map[string]any{"text": "", "files": []string{a.ID}}); got.status != 200 {
		t.Fatal(got)
	}
	got := li.get(at(m.Conversation, "/files/"+a.ID))
	if got.status != 200 || !bytes.Equal(got.body, pdf) || got.header.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || !strings.HasPrefix(got.header.Get("Content-Disposition"), "attachment") {
		t.Errorf("%d %d %v", got.status, len(got.body), got.header)
	}
	if got := li.get(at(other.Conversation, "/files/"+a.ID)); got.status != 404 {
		t.Errorf("by another conversation: %s", got)
	}
	if got := h.browser().get(at(m.Conversation, "/files/"+a.ID)); got.status != 401 {
		t.Errorf("without a session: %s", got)
	}
}

func TestSecretsOfChannelsAreNotShown(t *testing.T) {
	h, _ := openChat(t)
	admin := h.as(RoleAdmin)
	put := admin.do("PUT", base+"/channels/slate/main", map[string]any{"name": "Main", "enabled": true, "secret": "correct horse battery staple"})
	if put.status != 204 {
		t.Fatal(put)
	}
	if got := admin.do("PUT", base+"/channels/smoke/main", map[string]any{"name": "Main", "enabled": true}); got.status != 422 {
		t.Error(got)
	}
	list := admin.get(base + "/channels")
	if list.status != 200 || bytes.Contains(list.body, []byte("horse")) || !bytes.Contains(list.body, []byte(`"has_secret":true`)) {
		t.Errorf("%s", list)
	}
	a, err := h.parts.Chat.Accounts.Find(t.Context(), "slate", "main")
	if err != nil || a.Secret != "correct horse battery staple" {
		t.Errorf("%+v %v", a, err)
	}
	if got := h.as(RoleSupervisor).get(base + "/channels"); got.status != 403 {
		t.Error(got)
	}
	if got := admin.do("DELETE", base+"/channels/slate/main", nil); got.status != 204 {
		t.Error(got)
	}
}

func TestMountedHandlersSeeTheCallersAddress(t *testing.T) {
	seen := make(chan string, 1)
	h := open(t, func(c *Config, p *Parts) {
		c.TrustedProxies = []string{"127.0.0.0/8"}
		p.Mount = map[string]http.Handler{"/widget/": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.RemoteAddr })}
	})
	for header, want := range map[string]string{"": "127.0.0.1:0", "203.0.113.9": "203.0.113.9:0", "10.0.0.1, 203.0.113.9, 127.0.0.7": "203.0.113.9:0", "nonsense": "127.0.0.1:0"} {
		h.browser().get("/widget/x", "X-Forwarded-For", header)
		if got := <-seen; got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

// A filter that names a queue which never was is refused; a saved one outlives the queues in it and says which are gone.
func TestFiltersOfConversationsNameQueues(t *testing.T) {
	t.Parallel()
	h, _ := openChat(t)
	b := h.as(RoleSupervisor)
	settings := queue.NewStore(h.db)
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return errors.Join(settings.PutQueue(t.Context(), tx, queue.Queue{ID: "support"}), settings.PutQueue(t.Context(), tx, queue.Queue{ID: "gone"}))
	}))
	in := func(names ...string) object {
		return object{"any": []object{{"field": "state", "op": "is", "value": "open"}, {"not": object{"field": "queue", "op": "in", "value": names}}}}
	}
	for path, body := range map[string]object{"/conversations/list": {"filter": in("support", "nowhere")}, "/conversation-views": {"name": "x", "filter": in("support", "nowhere")}} {
		if a := b.want(http.StatusUnprocessableEntity, http.MethodPost, path, body); !strings.Contains(string(a.body), `no queue \"nowhere\"; there are gone, support`) {
			t.Errorf("%s: %s", path, a)
		}
	}
	b.want(http.StatusOK, http.MethodPost, "/conversation-views", object{"name": "both", "filter": in("support", "gone")})
	b.want(http.StatusOK, http.MethodPost, "/conversation-views", object{"name": "here", "filter": object{"field": "queue", "op": "is", "value": "support"}})
	said := func() (all string) {
		var list viewList
		b.ok(base+"/conversation-views", &list)
		for _, v := range list.Items {
			all += v.Name + fmt.Sprint(v.GoneQueues)
		}
		return all
	}
	if is := said(); is != "both[]here[]" {
		t.Errorf("before: %q", is)
	}
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return settings.DeleteQueue(t.Context(), tx, "gone") }))
	if is := said(); is != "both[gone]here[]" {
		t.Errorf("after: %q", is)
	}
	b.want(http.StatusOK, http.MethodPost, "/conversations/list", object{"filter": in("support", "gone")}) // as the page opens it
}
