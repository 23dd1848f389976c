package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/queue"
	"tingxin/team"
	"tingxin/ticket"
)

// teamWork is what one team has: each text of it holds mark.
type teamWork struct {
	mark, user, queue string
	ids               map[string]string // by the path's beginning
	call, voicemail   string
	conversation      chat.ID
	ticket            ticket.ID
}

// workOf gives a user and a queue a piece of each noun.
func (h *house) workOf(svc *chat.Service, user User, q, mark string) teamWork {
	h.t.Helper()
	ctx := context.Background()
	do := func(sql string, args ...any) (id string) {
		h.t.Helper()
		must(h.t, h.db.Pool().QueryRow(ctx, sql, args...).Scan(&id))
		return id
	}
	w := teamWork{mark: mark, user: user.Username, queue: q}
	person := do(`insert into contacts (id, root, name, grams) values (nextval('contact_ids'), currval('contact_ids'), $1, '{}') returning id::text`, mark)
	r := h.withLeg(h.now().Add(-time.Minute), user.Username, q)
	w.call = r.ID
	do(`update calls set from_name = $2, contact_id = $3::bigint where id = $1 returning id::text`, r.ID, mark, person)
	_, err := h.store.AddUtterance(ctx, call.Utterance{CallID: r.ID, Side: call.SideCaller, Seq: 9, End: time.Second, Text: mark + " kettle", Raw: mark + " kettle"})
	must(h.t, err)
	do(`insert into wrap_ups (call_id, username, notes, follow_up_at) values ($1, $2, $3, now()) returning call_id::text`, r.ID, user.Username, mark)
	w.voicemail = h.message(r, "queue", q, h.now()).ID
	do(`update voice_messages set transcript = $2 where id = $1 returning id::text`, w.voicemail, mark)
	do(`insert into survey_answers (call_id, n, survey, question, score, queue, agent, at) values ($1, 1, $2, 'q', 5, $3, $4, now()) returning survey`, r.ID, mark, q, user.Username)
	do(`insert into alerts (call_id, n, side, state, level, cause, action, raised_at, raised_ms, mood_from, mood_to, start_ms, end_ms, learned, model)
		values ($1, 1, 'caller', 'ended', 'agent', $2, '', now(), 1, 0, 1, 1, 2, 0, 'm') returning call_id::text`, r.ID, mark)
	w.conversation = write(h.t, svc, mark, mark, mark+" kettle").Conversation
	do(`update conversations set assignee = $2::bigint, queue = $3, handler = 'agent', name = $4, contact_id = $5::bigint where id = $1 returning id::text`, int64(w.conversation), user.ID, q, mark, person)
	t, err := h.parts.Tickets.Create(ctx, ticket.Draft{Type: "question", Subject: mark + " kettle", Queue: q, Source: ticket.Source("agent")}, ticket.AgentActor(user.Username))
	must(h.t, err)
	w.ticket = t.ID
	do(`update tickets set contact_id = $2::bigint where id = $1 returning id::text`, int64(t.ID), person)
	do(`insert into feedback (kind, source, origin, score, text, words, agent, contact_id, at) values ('csat', 'api', $1, 5, $1, array[$1], $2::bigint, $3::bigint, now()) returning id::text`, mark, user.ID, person)
	kase := do(`insert into feedback_cases (opened_by, title, agent, owner, contact_id, opened_at, updated_at, state_at) values ('hand', $1, $2::bigint, $2::bigint, $3::bigint, now(), now(), now()) returning id::text`, mark, user.ID, person)
	work := chat.ID(w.conversation).WorkID()
	do(`insert into queue_work (id, entered_at, kind, queue_id, phase, urgency, since, agent_id, item) values ($1, now(), 'message', $2, 'active', 'normal', now(), $3::bigint, '{}') returning id`, work, q, user.ID)
	message := do(`select id::text from messages where conversation_id = $1 limit 1`, int64(w.conversation))
	w.ids = map[string]string{"/conversations/": w.conversation.String(), "/calls/": w.call, "/tickets/": strconv.FormatInt(int64(t.ID), 10), "/cases/": kase, "/contacts/": person, "/bot/contacts/": person,
		"/voicemail/": w.voicemail, "/queues/work/": work, "/messages/": message, "/agents/": user.ID}
	return w
}

// at is a path about this work, and whether it names some of it.
func (w *teamWork) at(path string) (string, bool) {
	for prefix, id := range w.ids {
		if strings.HasPrefix(path, base+prefix+":id") {
			path = strings.ReplaceAll(path, ":id", id)
			return unnamedGin(strings.ReplaceAll(path, ":other", id)), true
		}
	}
	return unnamedGin(path), false
}

func unnamedGin(path string) string { return pathParameter.ReplaceAllString(path, "1") }

// Nobody sees a row of another team: in no list, count, search, report and export, by no id, on no channel of the feed.
func TestNoTeamSeesAnother(t *testing.T) {
	h, svc := openChat(t)
	ctx := t.Context()
	admin := h.as(RoleAdmin)
	ann, bob := h.user("ann", RoleSupervisor), h.user("bob", RoleAgent)
	_, err := h.db.Exec(ctx, `insert into queues (id, settings) values ('qa', '{}'), ('qb', '{}')`)
	must(t, err)
	_, err = h.db.Exec(ctx, `insert into agents (user_id) select id from users where username in ('ann', 'bob')`)
	must(t, err)
	a, b := h.workOf(svc, ann, "qa", "marka"), h.workOf(svc, bob, "qb", "markb")
	teams := queue.Document{Teams: []team.Doc{{ID: "a", Name: "A", Members: []string{"ann"}, Queues: []string{"qa"}}, {ID: "b", Members: []string{"bob"}, Queues: []string{"qb"}}}}
	for i, want := range []int{2, 0} { // the second time there is nothing to do
		done, err := ApplyQueues(ctx, h.db, teams, "test")
		if must(t, err); len(done.Added) != want || len(done.Changed) != 0 || done.Same != 2-want {
			t.Fatalf("applied the %d. time: %+v", i+1, done)
		}
	}
	reach := map[string]string{}
	for _, n := range team.Nouns {
		reach[string(n)] = "team"
	}
	admin.want(http.StatusOK, http.MethodPut, "/role-rules/supervisor", map[string]any{"reach": reach, "hidden": []string{}})
	lead := h.browser()
	lead.signIn("ann", password)

	lists := []string{"/calls", "/calls?q=markb", "/calls?q=kettle", "/tickets", "/tickets?q=kettle", "/tickets.csv", "/conversations?box=all", "/search?q=kettle", "/contacts", "/contacts?q=markb", "/contacts?q=%23" + b.ids["/contacts/"],
		"/feedback", "/cases", "/voicemail", "/surveys", "/alerts", "/follow-ups?agent=all", "/reports/surveys", "/desk/work?of=all", "/contacts/" + a.ids["/contacts/"] + "/timeline"}
	found := map[string]int{}
	for _, path := range lists {
		mine, all := lead.get(base+path), admin.get(base+path)
		if mine.status != http.StatusOK || all.status != http.StatusOK {
			t.Errorf("%s: %s, for an administrator %s", path, mine, all)
		}
		if says := string(mine.body); strings.Contains(says, "markb") || strings.Contains(says, b.call) {
			t.Errorf("%s shows the other team's: %.600s", path, says)
		}
		if strings.Contains(string(all.body), "markb") || strings.Contains(string(all.body), b.call) {
			found["markb"]++
		}
		if strings.Contains(string(mine.body), "marka") || strings.Contains(string(mine.body), a.call) {
			found["marka"]++
		}
	}
	if found["markb"] < 14 || found["marka"] < 14 { // else the lists above prove nothing
		t.Errorf("found %v in the lists", found)
	}
	var counts TicketCounts
	lead.ok(base+"/tickets/counts", &counts)
	var talks ConversationCounts
	lead.ok(base+"/conversations/counts", &talks)
	var cases CaseCounts
	lead.ok(base+"/cases/counts", &cases)
	if counts.All["new"]+counts.All["open"] != 1 || talks.Open != 1 || cases.All["new"] != 1 {
		t.Errorf("counts: %+v, %+v, %+v", counts, talks, cases)
	}

	named := map[string]bool{}
	for _, known := range h.routes {
		if strings.HasSuffix(known.Path, "/realtime") || !strings.HasPrefix(known.Path, base) || known.Path == base+"/session" || known.Path == base+"/session/lock" {
			continue
		}
		h.rest()
		route := known.Method + " " + known.Path
		path, names := b.at(known.Path)
		got := lead.do(known.Method, path, nil)
		if strings.Contains(string(got.body), "markb") {
			t.Errorf("%s shows the other team's: %.600s", route, got)
		}
		if !names || !allowed(RoleSupervisor, route) || got.status == http.StatusServiceUnavailable {
			continue
		}
		if got.status != http.StatusNotFound && !(known.Method == http.MethodPost && strings.HasPrefix(path, base+"/queues/work/") && (got.status == http.StatusBadRequest || got.status == http.StatusUnprocessableEntity)) &&
			!(strings.HasPrefix(path, base+"/agents/") && (got.status == http.StatusBadRequest || got.status == http.StatusUnprocessableEntity)) && !(strings.HasPrefix(path, base+"/voicemail/") && known.Method == http.MethodPut) {
			t.Errorf("%s of the other team: %s", route, got)
		}
		if own, _ := a.at(known.Path); known.Method == http.MethodGet && strings.Count(known.Path, ":") == 1 {
			if got := lead.get(own); got.status == http.StatusOK {
				named[strings.SplitN(strings.TrimPrefix(known.Path, base), ":", 2)[0]] = true
			}
		}
	}
	for _, prefix := range []string{"/conversations/", "/calls/", "/tickets/", "/cases/", "/contacts/", "/voicemail/", "/queues/work/"} {
		if !named[prefix] {
			t.Errorf("nothing of one's own team was found below %s", prefix)
		}
	}
	for name, body := range map[string]struct {
		path string
		body any
	}{
		"merged into":     {at(a.conversation, "/merge"), map[string]any{"into": int64(b.conversation)}},
		"merged tickets":  {fmt.Sprintf("%s/tickets/%d/merge", base, a.ticket), map[string]any{"into": int64(b.ticket)}},
		"a part of it":    {base + "/tickets", map[string]any{"type": "question", "subject": "x", "parent": int64(b.ticket)}},
		"merged contacts": {base + "/contacts/" + a.ids["/contacts/"] + "/merge", map[string]any{"other": b.ticket}},
		"feedback on it":  {base + "/feedback", map[string]any{"kind": "csat", "score": 5, "reason": "call:" + b.call}},
	} {
		if got := lead.do(http.MethodPost, body.path, body.body); got.status != http.StatusNotFound {
			t.Errorf("%s: %s", name, got)
		}
	}
	for _, path := range []string{"/bot/sessions", "/bot/report", "/dead-letters", "/erasures"} {
		if got := lead.get(base + path); got.status != http.StatusForbidden {
			t.Errorf("%s: %s", path, got)
		}
	}
	h.feedOf(lead, &a, &b)

	// What one writes down oneself is seen before any work leads to it, and the rule's end is the end of it.
	var made ContactView
	lead.post(http.MethodPost, "/contacts", map[string]any{"name": "new"}, &made)
	lead.ok(fmt.Sprintf("%s/contacts/%d", base, made.ID), &made)
	admin.want(http.StatusOK, http.MethodPut, "/role-rules/supervisor", map[string]any{"reach": map[string]string{}, "hidden": []string{}})
	lead.want(http.StatusOK, http.MethodGet, "/calls/"+b.call, nil)
	// An agent who sees own work only.
	admin.want(http.StatusOK, http.MethodPut, "/role-rules/agent", map[string]any{"reach": map[string]string{"calls": "own", "tickets": "own"}, "hidden": []string{}})
	bert := h.browser()
	bert.signIn("bob", password)
	bert.want(http.StatusOK, http.MethodGet, "/calls/"+b.call, nil)
	bert.want(http.StatusNotFound, http.MethodGet, "/calls/"+a.call, nil)
	bert.want(http.StatusOK, http.MethodGet, strings.TrimPrefix(at(a.conversation, ""), base), nil)
	admin.want(http.StatusUnprocessableEntity, http.MethodPut, "/role-rules/admin", map[string]any{"reach": map[string]string{"calls": "own"}, "hidden": []string{}})
	admin.want(http.StatusUnprocessableEntity, http.MethodPut, "/role-rules/agent", map[string]any{"reach": map[string]string{"weather": "own"}, "hidden": []string{}})
	admin.want(http.StatusUnprocessableEntity, http.MethodPut, "/teams/c", map[string]any{"name": "", "members": []string{"nobody"}, "queues": []string{}})
}

// feedOf looks at the live feed of a team's lead: own channels only, and of the lists what is the team's.
func (h *house) feedOf(lead *browser, a, b *teamWork) {
	h.t.Helper()
	var v SessionView
	lead.ok(base+"/session", &v)
	if !strings.HasPrefix(v.Feed, audienceMark) {
		h.t.Fatalf("session %+v", v)
	}
	l := lead.listen()
	for channel, want := range map[string]bool{"calls": false, "chats": false, "calls" + v.Feed: true, "calls~000000000000": false, "call:" + b.call + v.Feed: false, "call:" + a.call + v.Feed: true,
		"chat:" + b.conversation.String() + v.Feed: false, "chat:" + a.conversation.String() + v.Feed: true, "tickets" + v.Feed: true} {
		m := l.ask(fmt.Sprintf(`"subscribe":{"channel":%q}`, channel))
		if got := m.Error == nil; got != want {
			h.t.Errorf("%s: taken %v, want %v", channel, got, want)
		}
	}
	bus := h.parts.Bus
	for _, w := range []*teamWork{b, a} {
		bus.Publish("call.updated", w.call, map[string]string{"id": w.call})
		bus.Publish(ticket.EventChanged, "", ticket.Notice{Ticket: w.ticket})
	}
	if e := l.event("calls" + v.Feed); e.Data.Call != a.call {
		h.t.Errorf("told of %s", e.raw)
	}
	if e := l.event("tickets" + v.Feed); !strings.Contains(string(e.raw), strconv.FormatInt(int64(a.ticket), 10)) {
		h.t.Errorf("told of %s", e.raw)
	}
}

// What is hidden from a role is hidden in answers and on the feed, whatever the role; the rest is not.
func TestHiddenFromARole(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin, agent := h.as(RoleAdmin), h.as(RoleSenior)
	r := h.endedCall(h.now())
	_, err := h.store.AddUtterance(t.Context(), call.Utterance{CallID: r.ID, Side: call.SideCaller, Seq: 5, End: time.Second, Text: "call me on 13800138000", Raw: "call me on 13800138000"})
	must(t, err)
	show := func() string {
		return string(agent.get(base+"/calls/"+r.ID).body) + string(agent.get(base+"/calls/"+r.ID+"/transcript").body)
	}
	const whole, name = "13800138000", `"from_name":"Mei"`
	for _, c := range []struct {
		hidden             []string
		number, name, said bool // shown whole
	}{{nil, true, true, true}, {[]string{"phone"}, false, true, true}, {[]string{"name"}, true, false, true}, {[]string{"text"}, true, true, false}, {[]string{"phone", "text", "name"}, false, false, false}} {
		admin.want(http.StatusOK, http.MethodPut, "/role-rules/senior", map[string]any{"reach": map[string]string{}, "hidden": some(c.hidden)})
		got := show()
		if strings.Contains(got, `"from":"+86`+whole) != c.number || strings.Contains(got, name) != c.name || strings.Contains(got, "call me on "+whole) != c.said {
			t.Errorf("hidden %v: %s", c.hidden, got)
		}
		var v SessionView
		agent.ok(base+"/session", &v)
		if v.Masked != (len(c.hidden) > 0) || (v.Feed != "") != v.Masked {
			t.Errorf("hidden %v: %+v", c.hidden, v)
		}
		for _, ask := range []string{"?from=%2B8613800138000", "?to=1", "?q=138%200013"} { // trying would tell what is hidden
			guess := http.StatusOK
			if slices.Contains(c.hidden, "phone") {
				guess = http.StatusForbidden
			}
			agent.want(guess, http.MethodGet, "/calls"+ask, nil)
		}
		if slices.Contains(c.hidden, "phone") {
			agent.want(http.StatusForbidden, http.MethodGet, "/search?q=138%200013", nil)
		}
		want := http.StatusNotFound // there is no sound
		if slices.Contains(c.hidden, "text") {
			want = http.StatusForbidden
		}
		agent.want(want, http.MethodGet, "/calls/"+r.ID+"/recording", nil)
		if v.Masked {
			l := agent.listen()
			if m := l.ask(`"subscribe":{"channel":"calls` + v.Feed + `"}`); m.Error != nil {
				t.Fatalf("%+v", m)
			}
			h.bus.Publish("call.updated", r.ID, r.Summary())
			if e := string(l.event("calls" + v.Feed).raw); strings.Contains(e, whole) != c.number || strings.Contains(e, name) != c.name {
				t.Errorf("hidden %v: the feed tells %s", c.hidden, e)
			}
		}
	}
}

// Every route that answers anything but JSON with what may be hidden is closed to whom it is hidden from, or holds nothing of people.
func TestUnmaskableRoutesAreKnown(t *testing.T) {
	t.Parallel()
	h := open(t)
	harmless := []string{"/kb/export", "/reports/causes.csv", "/settings/prompts/:name/listen", "/openapi.json"}
	for path, item := range h.doc.Paths {
		if item.Get == nil || access["GET "+ginPath(path)] == public {
			continue
		}
		for _, r := range item.Get.Responses {
			for kind := range r.Content {
				short := strings.TrimPrefix(ginPath(path), base)
				if _, known := unmaskable[short]; !known && !strings.Contains(kind, "json") && !slices.Contains(harmless, short) {
					t.Errorf("%s answers %s: is it masked?", path, kind)
				}
			}
		}
	}
	for path := range unmaskable {
		if _, there := access["GET "+base+path]; !there {
			t.Errorf("%s is no route", path)
		}
	}
	for path := range seenPaths {
		there := false
		for _, r := range h.routes {
			there = there || strings.HasPrefix(r.Path, base+path)
		}
		if !there {
			t.Errorf("there is nothing below %s", path)
		}
	}
}
