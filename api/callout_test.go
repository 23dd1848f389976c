package api

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/callout"
	"tingxin/contact"
	"tingxin/pg/pgtest"
	"tingxin/queue"
)

// dialler puts entries into queues and calls nobody.
type dialler struct{ q *queue.Service }

func (d dialler) AddCallout(ctx context.Context, w queue.Work) error {
	_, err := d.q.Enqueue(ctx, w)
	return err
}

// agency is a house with a queue "support" of agent anna, and lists of calls to make.
type agency struct {
	*house
	q          *queue.Service
	lists      *callout.Service
	anna, boss *browser
	agent      queue.AgentID
}

func newAgency(t *testing.T, change ...func(*agency, *Parts)) *agency {
	t.Helper()
	db := pgtest.New(t)
	a := &agency{}
	a.house = openWith(t, db, func(_ *Config, p *Parts) {
		var err error
		a.q, err = queue.New(queue.Config{Node: "test"}, db, p.Bus, nil, slog.New(slog.DiscardHandler))
		must(t, err)
		people := contact.NewStore(db, contact.Config{Region: "CN"})
		a.lists, err = callout.New(callout.Config{Every: 100 * time.Millisecond}, callout.Parts{DB: db, Queues: a.q, Caller: dialler{a.q}, People: people, Region: "CN"}, slog.New(slog.DiscardHandler))
		must(t, err)
		p.Queues, p.Callouts, p.Contacts = a.q, a.lists, people
		for _, f := range change {
			f(a, p)
		}
	})
	a.anna, a.boss = a.as(RoleAgent), a.as(RoleSupervisor)
	must(t, db.Tx(t.Context(), func(tx pgx.Tx) error {
		if err := tx.QueryRow(t.Context(), `select id::text from users where role = 'agent'`).Scan(&a.agent); err != nil {
			return err
		}
		if err := queue.NewStore(db).PutAgent(t.Context(), tx, queue.Profile{ID: a.agent}); err != nil {
			return err
		}
		return queue.NewStore(db).PutQueue(t.Context(), tx, queue.Queue{ID: "support", Members: []queue.Member{{Agent: a.agent}}})
	}))
	must(t, a.q.Start(t.Context()))
	must(t, a.lists.Start(t.Context()))
	t.Cleanup(func() { a.lists.Close(); a.q.Close() })
	return a
}

// ended is a record of a call that is over, as change makes it.
func (a *agency) ended(at time.Time, change ...func(*call.Record)) string {
	a.t.Helper()
	r := a.endedCall(at)
	for _, f := range change {
		f(&r)
	}
	_, err := a.db.Exec(a.t.Context(), `update calls set from_number = $2, from_name = $3, queue = $4, agent = $5 where id = $1`, r.ID, r.From, r.FromName, r.Queue, r.Agent)
	must(a.t, err)
	return r.ID
}

func (a *agency) do(who *browser, method, path string, body any, status int, out any) {
	a.t.Helper()
	got := who.do(method, base+path, body)
	if got.status != status {
		a.t.Fatalf("%s %s: %s, want %d", method, path, got, status)
	}
	if out != nil {
		got.into(a.t, out)
	}
}

// csv sends a file.
func (a *agency) csv(who *browser, path, text string) answer {
	a.t.Helper()
	req, err := http.NewRequest(http.MethodPost, who.url+base+path, strings.NewReader(text))
	must(a.t, err)
	req.Header.Set("Content-Type", "text/csv")
	req.Header.Set("X-CSRF-Token", who.csrf)
	resp, err := who.http.Do(req)
	must(a.t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	must(a.t, err)
	return answer{resp.StatusCode, resp.Header, raw}
}

// A supervisor makes a list and fills it; an agent sees whom to call and why, and skips; what was done is on record.
func TestListOfCallsByTheAPI(t *testing.T) {
	a := newAgency(t)
	var l CallListView
	a.do(a.boss, http.MethodPost, "/call-lists", map[string]any{"name": "Renewals", "queue": "nowhere"}, http.StatusNotFound, nil)
	a.do(a.boss, http.MethodPost, "/call-lists", map[string]any{"name": "Renewals", "queue": "support", "mode": "predictive"}, http.StatusUnprocessableEntity, nil)
	a.do(a.anna, http.MethodPost, "/call-lists", map[string]any{"name": "Renewals", "queue": "support"}, http.StatusForbidden, nil)
	a.do(a.boss, http.MethodPost, "/call-lists", map[string]any{"name": "Renewals", "queue": "support", "note": "Be kind."}, http.StatusCreated, &l)
	if l.State != "paused" || !l.Open || l.Mode != "preview" || l.Attempts != 3 || l.Busy != 900 {
		t.Errorf("list %+v", l)
	}
	path := fmt.Sprint("/call-lists/", l.ID)

	call1 := a.ended(a.now(), func(r *call.Record) { r.From, r.FromName, r.Queue = "+8613700137000", "Zhao", "support" })
	must(t, a.q.Reload(t.Context()))
	_, err := a.q.Enqueue(t.Context(), queue.Work{ID: "back", Kind: queue.KindVoice, Queue: "support", Callback: &queue.Callback{Number: "+8613600136000"}})
	must(t, err)
	var added AddedEntries
	a.do(a.boss, http.MethodPost, path+"/entries", map[string]any{
		"people": []map[string]any{{"number": "138 0013 8000", "name": "王芳", "note": "contract ends", "data": map[string]string{"Order": "A-1"}}}, "calls": []string{call1}, "callbacks": []string{"back"},
	}, http.StatusCreated, &added)
	if added != (AddedEntries{3, 0}) {
		t.Errorf("added %+v", added)
	}
	a.do(a.boss, http.MethodPost, path+"/entries", map[string]any{"callbacks": []string{"back"}}, http.StatusNotFound, nil) // its place was given up
	a.do(a.boss, http.MethodPost, path+"/entries", map[string]any{"people": []map[string]any{{"number": "nobody"}}}, http.StatusUnprocessableEntity, nil)
	var report CallListImport
	got := a.csv(a.boss, path+"/import?dry_run=true", "number,name\n13500135000,Li\nx,y\n")
	got.into(t, &report)
	if got.status != http.StatusOK || report.Added != 1 || report.Failed != 1 {
		t.Errorf("import %s: %+v", got, report)
	}

	a.do(a.boss, http.MethodPatch, path, map[string]any{"state": "running", "attempts": 2}, http.StatusOK, &l)
	if l.State != "running" || l.Attempts != 2 || l.Note != "Be kind." || l.Counts["pending"] != 3 {
		t.Errorf("changed %+v", l)
	}
	a.do(a.anna, http.MethodPut, "/agents/me/state", map[string]any{"state": "available"}, http.StatusNoContent, nil)
	var desk DeskView
	waitFor(t, func() bool { a.anna.ok(base+"/agents/me", &desk); return desk.Offer != nil })
	p := desk.Offer.Preview
	if p == nil || p.Number != "+8613800138000" || p.Name != "王芳" || p.Note != "contract ends" || p.Data["Order"] != "A-1" || p.ListName != "Renewals" || p.ListNote != "Be kind." || !p.Looks || p.Of != 2 {
		t.Fatalf("preview %+v", p)
	}
	a.do(a.boss, http.MethodPost, "/call-lists/work/"+string(p.Work)+"/skip", map[string]any{"reason": "other"}, http.StatusConflict, nil) // it is not before the boss
	a.do(a.anna, http.MethodPost, "/call-lists/work/"+string(p.Work)+"/skip", map[string]any{"reason": "wrong_number"}, http.StatusNoContent, nil)
	waitFor(t, func() bool {
		desk = DeskView{}
		a.anna.ok(base+"/agents/me", &desk)
		return desk.Offer != nil && desk.Offer.Preview.Number == "+8613700137000"
	})
	if p := desk.Offer.Preview; p.Name != "Zhao" || p.Call != call1 {
		t.Errorf("the second comes from a call: %+v", p)
	}

	var entries CallListEntries
	a.boss.ok(base+path+"/entries?state=skipped", &entries)
	if len(entries.Items) != 1 || entries.Items[0].Outcome != "wrong_number" || entries.Items[0].Last == nil || entries.Items[0].Last.Agent == "" {
		t.Fatalf("skipped %+v", entries.Items)
	}
	one := fmt.Sprint(path, "/entries/", entries.Items[0].ID)
	a.do(a.boss, http.MethodPost, one+"/again", nil, http.StatusNoContent, nil)
	a.do(a.boss, http.MethodPost, one+"/again", nil, http.StatusConflict, nil)
	sheet := a.boss.do(http.MethodGet, base+path+"/entries.csv", nil)
	if text := string(sheet.body); sheet.status != http.StatusOK || !strings.Contains(text, "'+8613800138000,王芳") || strings.Count(text, "\n") != 5 {
		t.Errorf("sheet %d: %q", sheet.status, text)
	}
	a.do(a.boss, http.MethodDelete, path, nil, http.StatusConflict, nil) // it runs
	for _, action := range []string{"call_list.added", "call_list.filled", "call_list.changed", "call_list.entry_skipped", "call_list.entry_again", "call_list.exported"} {
		if n := a.audited(action); n == 0 {
			t.Errorf("no audit row of %s", action)
		}
	}
}

// Who waited and reached nobody is missed until somebody has talked with them.
func TestMissedCalls(t *testing.T) {
	a := newAgency(t)
	_, err := a.db.Exec(t.Context(), `insert into queues (id, name, settings) values ('sales', 'Sales', '{}')`)
	must(t, err)
	now := a.now()
	missed := func(from string, at time.Time, change ...func(*call.Record)) string {
		return a.ended(at, append([]func(*call.Record){func(r *call.Record) { r.From, r.FromName, r.Queue, r.Agent = from, "", "support", "" }}, change...)...)
	}
	missed("+8613700137000", now.Add(-2*time.Hour))
	last := missed("+8613700137000", now.Add(-time.Hour))
	missed("anonymous", now.Add(-time.Hour))
	missed("+8613700137001", now.Add(-40*24*time.Hour))
	missed("+8613700137002", now.Add(-time.Hour), func(r *call.Record) { r.Agent = "anna" })
	var list MissedCalls
	a.boss.ok(base+"/missed-calls?queue=support", &list)
	if len(list.Items) != 1 || list.Items[0].Call != last || list.Items[0].Calls != 2 {
		t.Errorf("missed %+v", list.Items)
	}
	if a.boss.ok(base+"/missed-calls?queue=sales", &list); len(list.Items) != 0 {
		t.Errorf("missed elsewhere %+v", list.Items)
	}
}
