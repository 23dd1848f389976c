package api

import (
	"errors"
	"log/slog"
	"net/http"
	"os"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

const day = 24 * time.Hour

func TestRetentionByClass(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin, hears := h.as(RoleAdmin), h.as(RoleSupervisor)
	var got Retention
	admin.ok(base+"/settings/retention", &got)
	if got != defaultRetention {
		t.Errorf("at first: %+v", got)
	}
	want := Retention{RecordingsDays: 10, TranscriptsDays: 20, RecordsDays: 30, AuditDays: 40}
	if a := admin.do(http.MethodPut, base+"/settings/retention", want); a.status != http.StatusOK {
		t.Fatal(a)
	}
	if a := admin.do(http.MethodPut, base+"/settings/retention", Retention{RecordingsDays: -1}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("negative: %s", a)
	}
	now := h.now()
	files, calls := map[int]string{}, map[int]call.Record{}
	for _, age := range []int{5, 15, 25, 35} {
		r := h.endedCall(now.Add(-time.Duration(age)*day - time.Hour))
		calls[age], files[age] = r, h.record(r, wave(800))
	}
	hears.get(base + "/calls/" + calls[25].ID + "/recording/peaks")
	removed, err := h.Retain(t.Context())
	must(t, err)
	if removed != (Removed{Recordings: 3, Calls: 2, Utterances: 4, Records: 1}) {
		t.Errorf("removed %+v", removed)
	}
	for age, file := range files {
		_, err := os.Stat(file)
		if there := err == nil; there != (age == 5) {
			t.Errorf("recording of %d days is there: %v", age, there)
		}
	}
	if _, err := os.Stat(files[25] + peaksSuffix); !os.IsNotExist(err) {
		t.Errorf("peaks stayed: %v", err)
	}
	for age, words := range map[int]int{5: 2, 15: 2, 25: 0} {
		us, err := h.store.Utterances(t.Context(), calls[age].ID)
		if err != nil || len(us) != words {
			t.Errorf("%d days: %d utterances, %v; want %d", age, len(us), err, words)
		}
	}
	if _, err := h.store.Get(t.Context(), calls[35].ID); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("record of 35 days: %v", err)
	}
	if again, err := h.Retain(t.Context()); err != nil || again != (Removed{}) {
		t.Errorf("second time %+v, %v", again, err)
	}
	if n := h.audited("retention.done"); n != 1 {
		t.Errorf("%d audit rows", n)
	}
	// Nothing is for ever, but zero.
	if a := admin.do(http.MethodPut, base+"/settings/retention", Retention{}); a.status != http.StatusOK {
		t.Fatal(a)
	}
	h.later(1000 * day)
	if kept, err := h.Retain(t.Context()); err != nil || kept.any() {
		t.Errorf("with zero days: %+v, %v", kept, err)
	}
}

func TestRetentionRunsAsJob(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	jobs := pg.NewJobs(db, slog.New(slog.DiscardHandler))
	h := openWith(t, db, func(_ *Config, p *Parts) { p.Jobs = jobs })
	r := h.endedCall(h.now().Add(-3000 * day))
	must(t, jobs.Start(t.Context()))
	defer jobs.Close()
	waitFor(t, func() bool { _, err := h.store.Get(t.Context(), r.ID); return errors.Is(err, pg.ErrNotFound) })
}

func TestAuditChain(t *testing.T) {
	t.Parallel()
	h := open(t)
	for i := range 5 {
		h.later(time.Duration(i) * day)
		must(t, h.audit.write(t.Context(), entry{Actor: "mei", Action: actCallHangup, Subject: "call:1", Detail: map[string]any{"n": i, "text": "<退款>", "b": true, "a": 1.5}}))
	}
	rows, head, err := h.VerifyAudit(t.Context())
	if err != nil || rows != 5 || len(head) != 32 {
		t.Fatalf("%d rows, %v", rows, err)
	}
	for _, sql := range []string{`update audit set actor = 'lin' where id = 3`, `delete from audit where id = 3`, `truncate audit`} {
		if _, err := h.db.Exec(t.Context(), sql); err == nil {
			t.Errorf("%s: nobody minded", sql)
		}
	}
	// Who owns the database can do it, and is seen.
	tamper := func(sql string) {
		t.Helper()
		if _, err := h.db.Pool().Exec(t.Context(), `alter table audit disable trigger user; `+sql+`; alter table audit enable trigger user`); err != nil {
			t.Fatal(err)
		}
	}
	broken := func(id int64) {
		t.Helper()
		var chain *BrokenChainError
		if _, _, err := h.VerifyAudit(t.Context()); !errors.As(err, &chain) || chain.ID != id {
			t.Errorf("got %v, want row %d", err, id)
		}
	}
	tamper(`update audit set actor = 'lin' where id = 3`)
	broken(3)
	tamper(`update audit set actor = 'mei' where id = 3`)
	if _, _, err := h.VerifyAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	tamper(`update audit set detail = detail || '{"n": 7}' where id = 2`)
	broken(2)
	tamper(`update audit set detail = detail || '{"n": 1}' where id = 2`)
	tamper(`delete from audit where id = 4`)
	broken(5)
}

func TestAuditLogGrowsOldFromItsBeginning(t *testing.T) {
	t.Parallel()
	h := open(t)
	for range 4 {
		must(t, h.audit.write(t.Context(), entry{Actor: systemActor, Action: act{"test.done"}}))
		h.later(10 * day)
	}
	n, err := h.audit.expire(t.Context(), h.now().Add(-25*day))
	if err != nil || n != 2 {
		t.Fatalf("removed %d, %v; want 2", n, err)
	}
	if rows, _, err := h.VerifyAudit(t.Context()); err != nil || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
	if n, err := h.audit.expire(t.Context(), h.now().Add(day)); err != nil || n != 1 {
		t.Errorf("removed %d, %v; want all but the last", n, err)
	}
	must(t, h.audit.write(t.Context(), entry{Actor: systemActor, Action: act{"test.done"}}))
	if rows, _, err := h.VerifyAudit(t.Context()); err != nil || rows != 2 {
		t.Errorf("%d rows, %v", rows, err)
	}
	var page AuditPage
	h.as(RoleAdmin).ok(base+"/audit?limit=2", &page)
	if len(page.Items) != 2 || page.Items[0].Action != "session.opened" || page.Next == "" {
		t.Errorf("page: %+v", page)
	}
}
