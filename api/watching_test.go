package api

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"tingxin/contact"
)

func TestUnusual(t *testing.T) {
	few, quiet, busy := []int{3, 5}, make([]int, 40), make([]int, 40)
	for i := range busy {
		quiet[i], busy[i] = 2, 40+i%5
	}
	for _, c := range []struct {
		hours []int
		want  int
	}{{few, 120}, {nil, 120}, {quiet, leastUnusual}, {busy, 42 + 4*1}} {
		if got := unusual(c.hours); got != c.want {
			t.Errorf("%d hours: %d, want %d", len(c.hours), got, c.want)
		}
	}
}

func TestUnusualAccessIsToldOnce(t *testing.T) {
	t.Parallel()
	h, store := withContacts(t, contact.Config{Region: "CN"})
	b := h.as(RoleAgent)
	id, _, err := store.Resolve(t.Context(), contact.Key{Kind: contact.KindPhone, Value: "13800138000"})
	must(t, err)
	for range 2 {
		if a := b.get(base + "/contacts/" + id.String()); a.status != http.StatusOK {
			t.Fatalf("%s", a)
		}
	}
	var seen int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from contact_views where contact_id = $1`, id).Scan(&seen))
	if seen != 1 {
		t.Errorf("noted %d times", seen)
	}
	// A month of quiet hours, then one in which the whole list was opened.
	_, err = h.db.Exec(t.Context(), `insert into contact_views (user_id, hour, contact_id) select 1, date_trunc('hour', $1::timestamptz) - i * interval '1 hour', n from generate_series(3, 30) i, generate_series(1000, 1004) n`, h.now())
	must(t, err)
	if n, err := h.WatchAccess(t.Context()); err != nil || n != 0 {
		t.Fatalf("a quiet hour: %d, %v", n, err)
	}
	_, err = h.db.Exec(t.Context(), `insert into contact_views (user_id, hour, contact_id) select 1, date_trunc('hour', $1::timestamptz), n from generate_series(1000, 1039) n`, h.now())
	must(t, err)
	for i, want := range []int{1, 0} {
		if n, err := h.WatchAccess(t.Context()); err != nil || n != want {
			t.Errorf("run %d: %d, %v", i, n, err)
		}
	}
	if acts := h.acts("access.unusual"); len(acts) != 1 || !strings.Contains(acts[0], "41") {
		t.Errorf("%v", acts)
	}
	h.later(40 * 24 * time.Hour)
	_, err = h.WatchAccess(t.Context())
	must(t, err)
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from contact_views`).Scan(&seen))
	if seen != 0 {
		t.Errorf("%d old views are kept", seen)
	}
}

// The head that the log holds is that of the chain, and a chain that was changed is told.
func TestHeadOfTheAuditLog(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAuditor)
	var check AuditCheck
	b.ok(base+"/audit/check", &check)
	var out bytes.Buffer
	h.Server.log = slog.New(slog.NewTextHandler(&out, nil))
	must(t, h.logHead(t.Context()))
	if !check.Whole || check.Rows == 0 || !strings.Contains(out.String(), check.Head) {
		t.Errorf("%+v, log %s", check, out.String())
	}
	if rows, head, err := AuditIsWhole(t.Context(), h.db); err != nil || rows != check.Rows || fmt.Sprintf("%x", head) != check.Head {
		t.Errorf("%d %x %v", rows, head, err)
	}
	for _, sql := range []string{`update audit set actor = 'somebody'`, `delete from audit`, `truncate audit`} {
		if _, err := h.db.Exec(t.Context(), sql); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", sql, err)
		}
	}
	_, err := h.db.Exec(t.Context(), `alter table audit disable trigger audit_rows`)
	must(t, err)
	_, err = h.db.Exec(t.Context(), `update audit set actor = 'somebody' where id = 1`)
	must(t, err)
	b.ok(base+"/audit/check", &check)
	if check.Whole || check.Broken != 1 {
		t.Errorf("%+v", check)
	}
}
