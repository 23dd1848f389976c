package api

import (
	"bytes"
	"context"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/audio"
	"tingxin/ivr"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/queue"
)

// filedRuntime accepts everything and has one number of a file.
type filedRuntime struct{ used *admin.Settings }

func (r *filedRuntime) Check(context.Context, *admin.Settings, []admin.Ref) error { return nil }
func (r *filedRuntime) Use(_ context.Context, s *admin.Settings) error            { r.used = s; return nil }
func (r *filedRuntime) File(k admin.Kind) map[string]admin.Doc {
	if k == admin.KindNumber {
		return map[string]admin.Doc{"filed": &admin.Number{Numbers: []string{"1"}, Flow: "default"}}
	}
	return nil
}

func openSetup(t *testing.T) (*house, *filedRuntime) {
	t.Helper()
	db, r := pgtest.New(t), &filedRuntime{}
	h := openWith(t, db, func(_ *Config, p *Parts) {
		vault, err := admin.NewVault([]byte(strings.Repeat("k", 32)))
		must(t, err)
		flows := ivr.NewLibrary(ivr.Config{Cache: t.TempDir()}, slog.New(slog.DiscardHandler))
		must(t, flows.Load())
		p.Setup = &Setup{Service: admin.NewService(admin.NewStore(db, vault), r, slog.New(slog.DiscardHandler)), Flows: flows}
		p.Queues, err = queue.New(queue.Config{Node: "test"}, db, p.Bus, nil, slog.New(slog.DiscardHandler))
		must(t, err)
		must(t, p.Queues.Start(t.Context()))
		t.Cleanup(func() { p.Queues.Close() })
	})
	return h, r
}

func TestSettingFromDraftToAudit(t *testing.T) {
	t.Parallel()
	h, r := openSetup(t)
	b := h.as(RoleAdmin)
	b.want(200, http.MethodPut, "/settings/trunks/carrier", object{"doc": object{"proxy": "sip:192.0.2.1", "credentials": object{"username": "me", "password": "open sesame"}, "register": true, "probe": "30s"}})
	if got := r.used.Trunks["carrier"]; got.Credentials.Password != "open sesame" || time.Duration(got.Probe) != 30*time.Second {
		t.Errorf("in use: %+v", got)
	}
	a := b.want(200, http.MethodGet, "/settings/trunks", nil)
	var list SettingList[admin.Trunk]
	a.into(t, &list)
	if strings.Contains(string(a.body), "sesame") || len(list.Items) != 1 || list.Items[0].Secrets[0] != "credentials.password" || list.Items[0].Live != 1 {
		t.Errorf("list: %s", a)
	}
	b.want(200, http.MethodGet, "/settings/trunks/carrier/versions", nil)
	b.want(404, http.MethodGet, "/settings/trunks/none/versions", nil)
	b.want(404, http.MethodGet, "/settings/trunks/none", nil)
	b.want(409, http.MethodPut, "/settings/trunks/carrier", object{"doc": object{"proxy": "sip:192.0.2.2"}, "version": 7})

	a = b.want(422, http.MethodPut, "/settings/numbers/hotline", object{"doc": object{"numbers": []string{"4 0"}, "flow": "a", "queue": "b"}})
	for _, part := range []string{`"location":"body.doc.numbers[0]"`, `"value":"format"`, `"location":"body.doc.target"`, `"value":"choice"`} {
		if !strings.Contains(string(a.body), part) {
			t.Errorf("no %s in %s", part, a)
		}
	}
	b.want(422, http.MethodPost, "/settings/numbers/hotline/check", object{"doc": object{"numbers": []string{}}})
	b.want(204, http.MethodPost, "/settings/numbers/hotline/check", object{"doc": object{"numbers": []string{"4"}, "flow": "default"}})
	var numbers SettingList[admin.Number]
	b.ok(base+"/settings/numbers", &numbers)
	if len(numbers.Items) != 1 || numbers.Items[0].Source != "file" {
		t.Errorf("numbers: %+v", numbers)
	}
	b.want(422, http.MethodPut, "/settings/numbers/filed", object{"doc": object{"numbers": []string{"4"}, "flow": "default"}})

	b.want(200, http.MethodPut, "/settings/flows/hello", object{"doc": object{"text": "flow: hello"}, "draft": true})
	if len(r.used.Flows) != 0 {
		t.Error("a draft counts")
	}
	b.want(200, http.MethodPost, "/settings/flows/hello/live", object{"version": 1})
	if r.used.Flows["hello"] == nil {
		t.Error("it does not count")
	}
	b.want(200, http.MethodDelete, "/settings/flows/hello", nil)
	rows, err := pg.Rows(t.Context(), h.db, pgx.RowTo[string], `select action || ' ' || subject || ' ' || detail::text from audit where action like 'flow.%' or action like 'trunk.%' order by id`)
	must(t, err)
	if got := strings.Join(rows, "\n"); strings.Contains(got, "sesame") || strings.Count(got, "\n") != 3 || !strings.HasPrefix(got, "trunk.added trunk:carrier") {
		t.Errorf("audit:\n%s", got)
	}
	if _, _, err := h.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	if a := h.as(RoleSupervisor).get(base + "/settings/trunks"); a.status != http.StatusForbidden {
		t.Errorf("a supervisor: %s", a)
	}
}

func TestApplySettings(t *testing.T) {
	t.Parallel()
	h, r := openSetup(t)
	b := h.as(RoleAdmin)
	text := "alerts:\n  - {name: long, metric: oldest, operator: \">\", value: 60, severity: warning}\n"
	a := b.want(200, http.MethodPost, "/settings/apply", object{"text": text, "dry_run": true})
	if !strings.Contains(string(a.body), `"did":"added"`) || r.used != nil {
		t.Errorf("dry: %s", a)
	}
	b.want(200, http.MethodPost, "/settings/apply", object{"text": text})
	a = b.want(200, http.MethodPost, "/settings/apply", object{"text": text})
	if !strings.Contains(string(a.body), `"did":"same"`) {
		t.Errorf("again: %s", a)
	}
	a = b.want(422, http.MethodPost, "/settings/apply", object{"text": "alerts:\n  - {name: long, metric: x}\n"})
	if !strings.Contains(problemOf(t, a), "line 2, column 6") {
		t.Errorf("no place: %s", a)
	}
	b.want(422, http.MethodPost, "/settings/apply", object{"text": "queues: []\n"})
	b.want(422, http.MethodPost, "/settings/apply", object{"text": "# nothing\n"})
}

const helloFlow = `flow: hello
version: 1
nodes:
  - id: ask
    menu: {prompt: "Press one", options: {"1": wait, "2": bye}, else: bye}
  - id: wait
    queue: {name: support, timeout: bye}
  - id: bye
    hangup: true
`

func TestFlowCheckAndRehearsal(t *testing.T) {
	t.Parallel()
	h, _ := openSetup(t)
	b := h.as(RoleAdmin)
	var c FlowCheck
	b.want(200, http.MethodPost, "/flow-check", object{"text": helloFlow}).into(t, &c)
	if c.Name != "hello" || len(c.Mistakes) != 0 || len(c.Picture.Boxes) != 3 || c.Picture.Boxes[2].Layer != 1 {
		t.Errorf("%+v", c)
	}
	var labels []string
	for _, e := range c.Picture.Edges {
		labels = append(labels, e.From+">"+e.To+":"+e.Label)
	}
	if got := strings.Join(labels, " "); got != "ask>wait:1 ask>bye:2, else wait>bye:timeout, closed, no_agents" {
		t.Error(got)
	}
	c = FlowCheck{}
	b.want(200, http.MethodPost, "/flow-check", object{"text": "flow: x\nversion: 1\nnodes:\n  - {say: a, next: y}\n  - {say: {prompt: hi}, next: z}\n"}).into(t, &c)
	if len(c.Mistakes) != 2 || c.Mistakes[0].Line != 4 || c.Mistakes[0].Column != 20 || c.Picture != nil {
		t.Errorf("%+v", c)
	}
	var r Rehearsal
	b.want(200, http.MethodPost, "/flow-rehearsal", object{"text": helloFlow, "said": "一"}).into(t, &r)
	if r.Keys != "1" || r.Ended != "hangup" || r.Steps[len(r.Steps)-1].Did != "queue" {
		t.Errorf("%+v", r)
	}
	r = Rehearsal{}
	b.want(200, http.MethodPost, "/flow-rehearsal", object{"text": helloFlow, "said": "hello"}).into(t, &r)
	if r.Unknown != "hello" || r.Ended != "hangup" {
		t.Errorf("%+v", r)
	}
	b.want(200, http.MethodPost, "/flow-rehearsal", object{"text": "flow: [", "said": ""}).into(t, &r)
	if r.Ended != "mistakes" || len(r.Mistakes) != 1 {
		t.Errorf("%+v", r)
	}
}

func TestSoundOfAPrompt(t *testing.T) {
	t.Parallel()
	h, _ := openSetup(t)
	b := h.as(RoleAdmin)
	pcm := make([]int16, 8000)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(float64(i)/10))
	}
	post := func(data []byte) answer {
		req, err := http.NewRequest(http.MethodPost, b.url+base+"/sounds", bytes.NewReader(data))
		must(t, err)
		req.Header.Set("Content-Type", "audio/wav")
		req.Header.Set("X-CSRF-Token", b.csrf)
		resp, err := b.http.Do(req)
		must(t, err)
		defer resp.Body.Close()
		var body bytes.Buffer
		_, err = body.ReadFrom(resp.Body)
		must(t, err)
		return answer{resp.StatusCode, resp.Header, body.Bytes()}
	}
	a := post(audio.EncodeWAV(8000, pcm))
	var sound admin.Sound
	if a.into(t, &sound); a.status != http.StatusOK || sound.Seconds != 1 || len(sound.Sum) != 64 {
		t.Errorf("%s", a)
	}
	if a := post([]byte("this is no sound")); a.status != http.StatusUnprocessableEntity {
		t.Errorf("%s", a)
	}
	if a := post(make([]byte, admin.MaxSound+10)); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("too long: %d", a.status)
	}
	path := t.TempDir() + "/a.wav"
	w, err := audio.CreateWAV(path, 16000, 1)
	must(t, err)
	must(t, w.Write(pcm))
	must(t, w.Close())
	h.parts.Setup.Flows.Prompts.SetNamed(map[string]ivr.Named{"hi": {Files: map[string]string{"zh": path}}})
	if a := b.get(base + "/settings/prompts/hi/listen?language=zh"); a.status != http.StatusOK || a.header.Get("Content-Type") != "audio/wav" || len(a.body) != 44+16000 {
		t.Errorf("%d %v %d bytes", a.status, a.header, len(a.body))
	}
	b.want(404, http.MethodGet, "/settings/prompts/none/listen", nil)
}

func TestWallboardByTokenAlone(t *testing.T) {
	t.Parallel()
	h, _ := openSetup(t)
	b := h.as(RoleAdmin)
	b.want(204, http.MethodPut, "/queues/support", object{"id": "support", "name": "Support"})
	b.want(204, http.MethodPut, "/queues/other", object{"id": "other"})
	var k NewKiosk
	b.want(201, http.MethodPost, "/kiosks", object{"name": "hall", "queues": []string{"support"}}).into(t, &k)
	wall := func(token string) answer { return h.browser().get(base+"/wall", "X-Kiosk-Token", token) }
	var w Wall
	a := wall(k.Token)
	if a.into(t, &w); a.status != http.StatusOK || w.Name != "hall" || len(w.Queues) != 1 || w.Queues[0].Name != "Support" || w.Queues[0].Level != -1 || len(w.Agents.Free) != 0 {
		t.Errorf("%s", a)
	}
	if a := h.browser().get(base+"/queues/board", "X-Kiosk-Token", k.Token); a.status != http.StatusUnauthorized {
		t.Errorf("the token opens more: %s", a)
	}
	b.ok(base+"/wall/mine", &w)
	if len(w.Queues) != 2 {
		t.Errorf("%+v", w)
	}
	if a := b.want(200, http.MethodGet, "/kiosks", nil); strings.Contains(string(a.body), k.Token) {
		t.Error("the list tells the token")
	}
	b.want(204, http.MethodDelete, "/kiosks/1", nil)
	b.want(404, http.MethodDelete, "/kiosks/1", nil)
	if a := wall(k.Token); a.status != http.StatusUnauthorized {
		t.Errorf("revoked: %s", a)
	}
	for range maxWrongTokens {
		wall("guess")
	}
	if a := wall("guess"); a.status != http.StatusTooManyRequests {
		t.Errorf("guessing goes on: %s", a)
	}
	h.later(2 * time.Minute)
	if a := wall("guess"); a.status != http.StatusUnauthorized {
		t.Errorf("later: %s", a)
	}
}

func TestQueueAlertIsAcknowledged(t *testing.T) {
	t.Parallel()
	h, r := openSetup(t)
	admins, sue := h.as(RoleAdmin), h.as(RoleSupervisor)
	admins.want(200, http.MethodPut, "/settings/alert-rules/nobody", object{"doc": object{"metric": "agents", "operator": "<", "value": 1, "severity": "critical", "label": "Nobody is there"}})
	admins.want(204, http.MethodPut, "/queues/support", object{"id": "support"})
	watch := admin.NewWatch(h.db, func() map[string]*admin.AlertRule { return r.used.Alerts }, func(context.Context) ([]admin.Figures, error) {
		return []admin.Figures{{Queue: "support", Values: map[string]float64{"agents": 0}}}, nil
	}, slog.New(slog.DiscardHandler))
	must(t, watch.Look(t.Context()))
	var list QueueAlertList
	sue.ok(base+"/queues/alerts", &list)
	if len(list.Items) != 1 || list.Items[0].Label != "Nobody is there" || list.Items[0].Severity != "critical" {
		t.Fatalf("%+v", list)
	}
	var w Wall
	if sue.ok(base+"/wall/mine", &w); w.Queues[0].Alert != "critical" {
		t.Errorf("%+v", w)
	}
	sue.want(204, http.MethodPost, "/queues/alerts/1/acknowledge", object{"minutes": 30})
	w = Wall{}
	if sue.ok(base+"/wall/mine", &w); w.Queues[0].Alert != "" {
		t.Errorf("silenced: %+v", w)
	}
	sue.want(404, http.MethodPost, "/queues/alerts/99/acknowledge", object{})
	if a := h.as(RoleAgent).get(base + "/queues/alerts"); a.status != http.StatusForbidden {
		t.Errorf("an agent: %s", a)
	}
	// Who sees reports of the own work only has no queue: neither its figures, also over the socket, nor its alerts.
	admins.want(200, http.MethodPut, "/role-rules/supervisor", object{"reach": object{"reports": "own", "calls": "team"}, "hidden": []string{}})
	var own SessionView
	sue.ok(base+"/session", &own)
	admins.want(204, http.MethodPut, "/teams/support", object{"name": "", "members": []string{own.User.Username}, "queues": []string{"support"}})
	sue.want(404, http.MethodPost, "/queues/alerts/1/acknowledge", object{"minutes": 1})
	l, err := sue.dialAt(base+"/wall/realtime", nil)
	must(t, err)
	l.ask(`"connect":{"token":""}`)
	over := Wall{}
	sue.ok(base+"/wall/mine", &w)
	l.wall(&over)
	if len(w.Queues)+len(over.Queues) != 0 {
		t.Errorf("another's figures: %+v, over the socket %+v", w, over)
	}
	admins.want(200, http.MethodPut, "/role-rules/supervisor", object{"reach": object{"reports": "team"}, "hidden": []string{}})
	sue.want(204, http.MethodPost, "/queues/alerts/1/acknowledge", object{"minutes": 30})
	if sue.ok(base+"/wall/mine", &w); len(w.Queues) != 1 {
		t.Errorf("one's own figures: %+v", w)
	}
}

// A wallboard follows its figures over a socket: its own channel and nothing else, until its token is revoked.
func TestWallboardFollowsItsFigures(t *testing.T) {
	t.Parallel()
	h, _ := openSetup(t)
	b := h.as(RoleAdmin)
	b.want(204, http.MethodPut, "/queues/support", object{"id": "support", "name": "Support"})
	b.want(204, http.MethodPut, "/queues/other", object{"id": "other"})
	var k NewKiosk
	b.want(201, http.MethodPost, "/kiosks", object{"name": "hall", "queues": []string{"support"}}).into(t, &k)
	for name, c := range map[string]struct {
		who    *browser
		token  string
		title  string
		queues int // shown; 0: refused
		kiosk  int64
	}{
		"the hall's token":  {h.browser(), k.Token, "hall", 1, k.ID},
		"a login":           {b, "", "", 2, 0},
		"no token":          {h.browser(), "", "", 0, 0},
		"a guess":           {h.browser(), "guess", "", 0, 0},
		"a guess of a boss": {b, "guess", "", 0, 0},
	} {
		l, err := c.who.dialAt(base+"/wall/realtime", nil)
		must(t, err)
		raw := l.command(`"connect":{"token":"` + c.token + `"}`)
		if c.queues == 0 {
			if code := l.closed(); code != 3500 {
				t.Errorf("%s: closed with %d", name, code)
			}
			continue
		}
		l.await(raw)
		var w Wall
		l.wall(&w)
		if w.Name != c.title || len(w.Queues) != c.queues {
			t.Errorf("%s: %+v", name, w)
		}
		for _, channel := range []string{callsChannel, queuesChannel, chatsChannel} {
			if m := l.ask(`"subscribe":{"channel":"` + channel + `"}`); m.Error == nil {
				t.Errorf("%s: joined %s", name, channel)
			}
		}
		l.wall(&w) // and again a second later
		// Who leaves the channel of the figures may join no other for that.
		l.ask(`"unsubscribe":{"channel":"` + h.feed.walls.channel(admin.Kiosk{ID: c.kiosk}, nil) + `"}`)
		if m := l.ask(`"subscribe":{"channel":"` + callsChannel + `"}`); m.Error == nil {
			t.Errorf("%s: joined the calls after leaving its figures", name)
		}
	}
	for _, role := range []Role{RoleAnalyst, RoleAuditor} { // what they see is masked, or is the log
		l, err := h.as(role).dialAt(base+"/wall/realtime", nil)
		must(t, err)
		l.command(`"connect":{"token":""}`)
		if code := l.closed(); code != 3500 {
			t.Errorf("%s: closed with %d", role, code)
		}
	}
	l, err := h.browser().dialAt(base+"/wall/realtime", nil)
	must(t, err)
	l.await(l.command(`"connect":{"token":"` + k.Token + `"}`))
	b.want(204, http.MethodDelete, "/kiosks/1", nil)
	for l.closed() == 0 {
	}
	if _, err = h.browser().dialAt(base+"/wall/realtime", http.Header{"Origin": {"https://elsewhere.example"}}); err == nil {
		t.Error("a foreign page may follow")
	}
}
