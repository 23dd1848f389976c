package api

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/contact"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// withContacts is a server whose contacts know calls as in the program.
func withContacts(t *testing.T, cfg contact.Config) (*house, *contact.Store) {
	t.Helper()
	db := pgtest.New(t)
	store := contact.NewStore(db, cfg)
	calls := call.NewStore(db)
	store.Register(contact.Noun{Name: "calls", Source: contact.SourceFunc(func(ctx context.Context, ids []contact.ID, until time.Time, limit int) ([]contact.Entry, error) {
		all, err := calls.OfContacts(ctx, (&contact.Person{IDs: ids}).Ints(), until, limit)
		out := make([]contact.Entry, len(all))
		for i := range all {
			out[i] = contact.Entry{Kind: "call", ID: all[i].ID, At: all[i].StartedAt, Data: all[i]}
		}
		return out, err
	})})
	return openWith(t, db, func(_ *Config, p *Parts) { p.Contacts = store }), store
}

// post is do that must succeed, read into v when it is given.
func (b *browser) post(method, path string, body, v any) {
	b.t.Helper()
	a := b.do(method, base+path, body)
	if a.status >= 300 {
		b.t.Fatalf("%s %s: %s", method, path, a)
	}
	if v != nil {
		a.into(b.t, v)
	}
}

// refused is do that must give the status.
func (b *browser) refused(status int, method, path string, body any) string {
	b.t.Helper()
	a := b.do(method, base+path, body)
	if a.status != status {
		b.t.Fatalf("%s %s: %s, want %d", method, path, a, status)
	}
	return problemOf(b.t, a)
}

// acts are the actions in the audit log with their details, oldest first.
func (h *house) acts(prefix string) []string {
	h.t.Helper()
	rows, err := pg.Rows(h.t.Context(), h.db, scanAudit, `select `+auditColumns+` from audit order by id`)
	must(h.t, err)
	var out []string
	for _, r := range rows {
		if strings.HasPrefix(r.Action.name, prefix) {
			out = append(out, r.Action.name+" "+r.Subject+" "+string(r.detail))
		}
	}
	return out
}

type j = map[string]any

func TestContactOverTheAPI(t *testing.T) {
	t.Parallel()
	h, store := withContacts(t, contact.Config{Region: "CN"})
	agent, lead, admin := h.as(RoleAgent), h.as(RoleSupervisor), h.as(RoleAdmin)
	admin.post(http.MethodPut, "/contact-fields/born", j{"key": "born", "label_zh": "生日", "label_en": "Birthday", "type": "date", "private": true}, nil)
	agent.refused(http.StatusForbidden, http.MethodPut, "/contact-fields/x", j{"key": "x", "label_zh": "x", "label_en": "x", "type": "text"})
	var a, b ContactView
	agent.post(http.MethodPost, "/contacts", j{"name": "李雷", "tags": []string{"gold"}, "fields": j{"born": "1990-01-02"}, "identities": []j{{"kind": "phone", "value": "138 0013 8000"}}}, &a)
	agent.post(http.MethodPost, "/contacts", j{"name": "Lei", "vip": true, "identities": []j{{"kind": "email", "value": "lei@example.com"}}}, &b)
	if len(a.Identities) != 1 || a.Identities[0].Value != "+8613800138000" || a.Fields["born"] != "****" || a.Consents[0].Purpose != "service" {
		t.Errorf("%+v", a)
	}
	agent.refused(http.StatusForbidden, http.MethodPost, "/contacts", j{"identities": []j{{"kind": "phone", "value": "13800138000", "verified": true}}})
	agent.refused(http.StatusUnprocessableEntity, http.MethodPost, "/contacts", j{"identities": []j{{"kind": "phone", "value": "twelve"}}})
	agent.refused(http.StatusUnprocessableEntity, http.MethodPatch, "/contacts/"+a.ID.String(), j{"fields": j{"born": "soon"}})
	// A private value that was read masked and is sent back stays as it is.
	agent.post(http.MethodPatch, "/contacts/"+a.ID.String(), j{"language": "zh", "fields": j{"born": "****"}}, &a)
	// Whole only for a supervisor, and written down.
	agent.refused(http.StatusForbidden, http.MethodPost, "/contacts/"+a.ID.String()+"/reveal", nil)
	var whole IdentityList
	lead.post(http.MethodPost, "/contacts/"+a.ID.String()+"/reveal", nil, &whole)
	if whole.Items[0].Value != "+8613800138000" || whole.Fields["born"] != "1990-01-02" || len(h.acts("contact.revealed")) != 1 {
		t.Errorf("%+v, %v", whole, h.acts("contact"))
	}

	var page ContactPage
	agent.ok(base+"/contacts?q=8000", &page)
	if len(page.Items) != 1 || page.Items[0].ID != a.ID || *page.Total != 1 || page.Items[0].Identities[0].Value != "138****8000" {
		t.Errorf("%+v", page)
	}
	agent.refused(http.StatusBadRequest, http.MethodGet, "/contacts?cursor=x", nil)

	var merge MergeView
	agent.post(http.MethodPost, "/contacts/"+a.ID.String()+"/merge", j{"other": b.ID, "picks": j{"name": "merged"}}, &merge)
	agent.refused(http.StatusConflict, http.MethodPost, "/contacts/"+a.ID.String()+"/merge", j{"other": b.ID})
	var v ContactView
	agent.ok(base+"/contacts/"+b.ID.String(), &v) // by the old id
	if v.ID != a.ID || v.Asked != b.ID || v.Name != "Lei" || !v.VIP || len(v.Identities) != 2 || len(v.Family) != 2 {
		t.Errorf("%+v", v)
	}
	agent.post(http.MethodPost, fmt.Sprintf("/contact-merges/%d/undo", merge.ID), nil, &merge)
	if d := agent.refused(http.StatusConflict, http.MethodPost, fmt.Sprintf("/contact-merges/%d/undo", merge.ID), nil); !strings.Contains(d, "taken back already") {
		t.Errorf("undo twice: %s", d)
	}
	agent.ok(base+"/contacts/"+b.ID.String(), &v)
	if v.ID != b.ID || v.Name != "Lei" {
		t.Errorf("%+v", v)
	}

	// The timeline has the call with its number, as the list of calls has it, and the note.
	r := h.endedCall(h.now())
	must(t, h.store.SetContact(t.Context(), r.ID, int64(a.ID)))
	var note NoteView
	agent.post(http.MethodPost, "/contacts/"+a.ID.String()+"/notes", j{"text": "wants tea"}, &note)
	var line struct {
		Items []struct {
			Kind string
			ID   string
			Data map[string]any
		}
	}
	agent.ok(base+"/contacts/"+a.ID.String()+"/timeline", &line)
	kinds := map[string]map[string]any{}
	for _, it := range line.Items {
		kinds[it.Kind] = it.Data
	}
	if kinds["call"]["from"] != "+8613800138000" || kinds["note"]["text"] != "wants tea" || kinds["merge"]["undone"] != true {
		t.Errorf("%+v", line)
	}
	// Who sees numbers masked in calls sees them masked here too.
	admin.want(http.StatusOK, http.MethodPut, "/role-rules/agent", j{"reach": j{}, "hidden": []string{"phone"}})
	for _, path := range []string{"", "/timeline"} {
		if got := string(agent.get(base + "/contacts/" + a.ID.String() + path).body); strings.Contains(got, "13800138000") || !strings.Contains(got, "138****8000") {
			t.Errorf("%s of a masked role: %s", path, got)
		}
	}
	admin.want(http.StatusOK, http.MethodPut, "/role-rules/agent", j{"reach": j{}, "hidden": []string{}})
	h.as(RoleAgent).refused(http.StatusNotFound, http.MethodDelete, fmt.Sprintf("/contacts/%d/notes/%d", a.ID, note.ID), nil) // somebody else's
	agent.post(http.MethodDelete, fmt.Sprintf("/contacts/%d/notes/%d", a.ID, note.ID), nil, nil)

	// Ids and counts only in the audit log.
	all := strings.Join(h.acts(""), "\n")
	for _, part := range []string{"13800138000", "李雷", "Lei", "tea", "1990"} {
		if strings.Contains(all, part) {
			t.Errorf("%q stands in the audit log:\n%s", part, all)
		}
	}
	if _, _, err := h.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
	_ = store
}

func TestConsentOverTheAPI(t *testing.T) {
	t.Parallel()
	h, store := withContacts(t, contact.Config{Region: "CN"})
	agent, admin := h.as(RoleAgent), h.as(RoleAdmin)
	id, _, err := store.Resolve(t.Context(), contact.Key{Kind: contact.KindPhone, Value: "13800138000"})
	must(t, err)
	notice := j{"version": "2026-11", "language": "zh", "handler": "听心", "purposes": []string{"marketing"}, "kinds": "电话", "retention": "一年", "rights": "删除"}
	agent.refused(http.StatusForbidden, http.MethodPost, "/consent-notices", notice)
	admin.post(http.MethodPost, "/consent-notices", notice, nil)
	admin.refused(http.StatusConflict, http.MethodPost, "/consent-notices", notice)
	path := "/contacts/" + id.String() + "/consents"
	agent.post(http.MethodPost, path, j{"purpose": "marketing", "state": "given", "channel": "paper", "notice": "2026-11", "proof": "form 12"}, nil)
	agent.refused(http.StatusUnprocessableEntity, http.MethodPost, path, j{"purpose": "marketing", "state": "given", "channel": "paper", "notice": "2020"})
	agent.post(http.MethodPost, path, j{"purpose": "marketing", "state": "withdrawn", "channel": "call"}, nil)
	var l ConsentLedger
	agent.ok(base+path, &l)
	if len(l.Lines) != 2 || l.Lines[1].Proof != "form 12" || l.States[3].State != "withdrawn" || l.States[3].Allowed || !l.States[0].Allowed {
		t.Errorf("%+v", l)
	}
	// What is said by the number, as before there were contacts, is the person's word too.
	h.as(RoleSupervisor).post(http.MethodPost, "/consents", j{"identity": "+8613800138000", "purpose": "voice_emotion", "state": "refused"}, nil)
	if s, err := store.State(t.Context(), id, contact.PurposeEmotion); err != nil || s.State != contact.ConsentRefused {
		t.Errorf("%+v, %v", s, err)
	}
	// And the other way round: what the person withdraws in the ledger holds for a call from another number.
	agent.post(http.MethodPost, path, j{"purpose": "voice_emotion", "state": "given", "channel": "web"}, nil)
	if no, err := h.store.DeclinedBy(t.Context(), int64(id), "+8613800138000", call.PurposeEmotion); err != nil || no {
		t.Errorf("declined %v, %v", no, err)
	}
	agent.post(http.MethodPost, path, j{"purpose": "voice_emotion", "state": "withdrawn", "channel": "web"}, nil)
	if no, err := h.store.DeclinedBy(t.Context(), int64(id), "+861065529988", call.PurposeEmotion); err != nil || !no {
		t.Errorf("declined %v, %v", no, err)
	}
}

func TestListsOverTheAPI(t *testing.T) {
	t.Parallel()
	h, _ := withContacts(t, contact.Config{Region: "CN", ExportApproval: 2})
	lead, second, admin := h.as(RoleSupervisor), h.as(RoleSupervisor), h.as(RoleAdmin)
	list := "phone,name\n13800138000,李雷\n13900139000,韩梅梅\n12,bad\n"
	imp := func(b *browser, query string) answer {
		t.Helper()
		req, err := http.NewRequest(http.MethodPost, b.url+base+"/contact-imports"+query, strings.NewReader(list))
		must(t, err)
		req.Header.Set("Content-Type", "text/csv")
		req.Header.Set("X-CSRF-Token", b.csrf)
		resp, err := b.http.Do(req)
		must(t, err)
		defer resp.Body.Close()
		raw, err := io.ReadAll(resp.Body)
		must(t, err)
		return answer{resp.StatusCode, resp.Header, raw}
	}
	var report ImportReport
	if a := imp(lead, ""); a.status != http.StatusForbidden {
		t.Errorf("import by a supervisor: %s", a)
	}
	a := imp(admin, "?dry_run=true")
	a.into(t, &report)
	if a.status != http.StatusOK || report.Created != 2 || report.Failed != 1 || report.Errors[0].Row != 4 || len(h.acts("contact.imported")) != 0 {
		t.Errorf("dry run: %s", a)
	}
	imp(admin, "").into(t, &report)
	if report.Created != 2 || len(h.acts("contact.imported")) != 1 {
		t.Errorf("%+v", report)
	}
	// A long list, beyond the bound of other bodies, is taken.
	list = "phone,remark\n" + strings.Repeat("13700137000,"+strings.Repeat("x", 4000)+"\n", 100)
	if a := imp(admin, "?dry_run=true"); a.status != http.StatusOK {
		t.Errorf("400 kB: %s", a)
	}
	list = strings.Repeat("x", contact.MaxImportBytes+10)
	if a := imp(admin, ""); a.status != http.StatusRequestEntityTooLarge && a.status != http.StatusUnprocessableEntity {
		t.Errorf("too long: %d", a.status)
	}

	var l ListView
	lead.refused(http.StatusForbidden, http.MethodPost, "/contact-exports", j{"filter": j{}, "unmasked": true})
	lead.post(http.MethodPost, "/contact-exports", j{"filter": j{}}, &l)
	file := fmt.Sprintf("/contact-exports/%d/file", l.ID)
	if l.State != "waiting" || l.Rows != 2 {
		t.Fatalf("%+v", l)
	}
	lead.refused(http.StatusConflict, http.MethodGet, file, nil)
	lead.refused(http.StatusForbidden, http.MethodPost, fmt.Sprintf("/contact-exports/%d/decide", l.ID), j{"approve": true})
	second.post(http.MethodPost, fmt.Sprintf("/contact-exports/%d/decide", l.ID), j{"approve": true}, &l)
	second.refused(http.StatusConflict, http.MethodGet, file, nil) // somebody else's
	got := lead.get(base + file)
	if got.status != http.StatusOK || !strings.Contains(string(got.body), "李雷,138****8000") || strings.Contains(string(got.body), "13800138000") ||
		!strings.Contains(got.header.Get("Content-Disposition"), l.RequestedBy) {
		t.Errorf("%s %v", got, got.header)
	}
	if len(h.acts("contact.list_")) != 3 {
		t.Errorf("%v", h.acts("contact.list_"))
	}
}

func TestEraseOverTheAPI(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := contact.NewStore(db, contact.Config{Region: "CN"})
	jobs := pg.NewJobs(db, slog.New(slog.DiscardHandler))
	h := openWith(t, db, func(_ *Config, p *Parts) { p.Contacts, p.Jobs = store, jobs })
	lead, admin := h.as(RoleSupervisor), h.as(RoleAdmin)
	id, _, err := store.Resolve(t.Context(), contact.Key{Kind: contact.KindPhone, Value: "13800138000", Name: "李雷"})
	must(t, err)
	path := "/contacts/" + id.String()
	got := lead.get(base + path + "/export")
	z, err := zip.NewReader(bytes.NewReader(got.body), int64(len(got.body)))
	if err != nil || len(z.File) < 2 || len(h.acts("contact.exported")) != 1 {
		t.Fatalf("%v, %d, %v", err, got.status, h.acts("contact"))
	}
	lead.refused(http.StatusNotFound, http.MethodGet, "/contacts/999/export", nil)
	lead.refused(http.StatusForbidden, http.MethodPost, path+"/erase", j{"reason": "request"})
	lead.refused(http.StatusForbidden, http.MethodPatch, path, j{"legal_hold": "case 7"})
	admin.post(http.MethodPatch, path, j{"legal_hold": "case 7"}, nil)
	if d := admin.refused(http.StatusConflict, http.MethodPost, path+"/erase", j{"reason": "request"}); !strings.Contains(d, "legal hold") {
		t.Errorf("held: %s", d)
	}
	admin.post(http.MethodPatch, path, j{"legal_hold": ""}, nil)
	var e ErasureView
	admin.post(http.MethodPost, path+"/erase", j{"reason": "request"}, &e)
	admin.refused(http.StatusConflict, http.MethodPost, path+"/erase", j{"reason": "request"}) // the first has not begun
	must(t, jobs.Start(t.Context()))
	t.Cleanup(func() { jobs.Close() })
	var all ErasureList
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		lead.ok(base+"/erasures", &all)
		if len(all.Items) == 1 && all.Items[0].State != "waiting" || time.Now().After(end) {
			break
		}
	}
	if e = all.Items[0]; e.State != "done" || !e.Proven || e.Counts["contact_identities"] != 1 || len(e.LeftOver) != 0 {
		t.Fatalf("%+v", e)
	}
	if acts := h.acts("contact.erased"); len(acts) != 1 || !strings.Contains(acts[0], e.ProofHash) {
		t.Errorf("%v", acts)
	}
	var v ContactView
	admin.ok(base+path, &v)
	if v.ErasedAt == nil || v.Name != "" || len(v.Identities) != 0 {
		t.Errorf("%+v", v)
	}
	var page ContactPage
	admin.ok(base+"/contacts", &page)
	if len(page.Items) != 0 {
		t.Errorf("%+v", page)
	}
}

// patient notes until when an answer may be written.
type patient struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (w *patient) SetWriteDeadline(t time.Time) error { w.until = t; return nil }

// TestLongImportIsAnswered: a list that took longer than 30 s was kept, but its connection was cut instead of the answer.
func TestLongImportIsAnswered(t *testing.T) {
	t.Parallel()
	h := open(t)
	w := &patient{ResponseRecorder: httptest.NewRecorder()}
	h.handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, base+"/contact-imports", nil))
	if left := time.Until(w.until); left < longRequest-time.Minute {
		t.Errorf("an import may run for %v, its answer be written for %v", longRequest, left)
	}
}
