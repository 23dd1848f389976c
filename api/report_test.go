package api

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/report"
	"tingxin/team"
)

func TestReportsByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	for _, sql := range []string{
		`insert into queues (id, name, settings) values ('sales', '=Sales', '{}')`,
		`insert into conversations (key, channel, external_user, name, language, state, queue, last_text, last_at, created_at)
			select 'k' || n, case when n < 4 then 'web' else 'email' end, 'u' || n, 'Ada Lovelace', 'en', 'open', 'sales', 'mail me at ada@example.org', now(), now() - n * interval '1 hour' from generate_series(1, 6) n`,
		`insert into calls (id, state, direction, from_number, from_name, started_at, queue) select gen_random_uuid(), 'ended', 'in', '13800138000', 'Bob', now() - n * interval '1 hour', 'sales' from generate_series(1, 2) n`,
	} {
		_, err := h.db.Exec(t.Context(), sql)
		must(t, err)
	}
	lead := h.as(RoleSupervisor)
	var table report.Table
	lead.ok(base+"/analytics/volume?by=channel&compare=true", &table)
	if len(table.Rows) != 3 || *table.Total[0] != 8 || table.Rows[0].Before == nil && table.Before == nil {
		t.Fatalf("%+v", table)
	}
	var list report.Items
	lead.ok(base+"/analytics/volume/items?by=channel&key=web&column=contacts", &list)
	if list.Total != 3 || len(list.Items) != 3 || list.Items[0].ContactName != "Ada Lovelace" {
		t.Errorf("%+v", list)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(lead.get(base+"/analytics/volume/csv?by=queue&queue=sales").body), "\ufeff"))).ReadAll()
	must(t, err)
	if len(rows) != 3 || rows[1][0] != "sales" || rows[1][1] != "'=Sales" || rows[1][2] != "8" || rows[2][0] != "total" || rows[0][2] != "contacts" {
		t.Errorf("%q", rows)
	}
	// Analysts have the figures, and the list without who it is.
	analyst := h.as(RoleAnalyst)
	var hidden report.Items
	analyst.ok(base+"/analytics/volume/items?column=contacts&total=true", &hidden)
	if hidden.Total != 8 {
		t.Errorf("%+v", hidden)
	}
	if text := fmt.Sprintf("%+v", hidden); strings.Contains(text, "Lovelace") || strings.Contains(text, "13800138000") || strings.Contains(text, "ada@") || strings.Contains(text, "Bob") {
		t.Errorf("an analyst sees %s", text)
	}
	for _, tc := range []struct {
		who    *browser
		path   string
		status int
	}{
		{h.as(RoleAgent), "volume", http.StatusForbidden},
		{analyst, "volume/csv", http.StatusForbidden},
		{lead, "volume?zone=Mars", http.StatusUnprocessableEntity},
		{lead, "volume?by=disposition", http.StatusUnprocessableEntity},
		{lead, "nothing", http.StatusUnprocessableEntity},
		{lead, "volume/items?column=messages_in", http.StatusUnprocessableEntity},
		{lead, "volume/items?column=contacts&cursor=x", http.StatusBadRequest},
		{lead, "volume?since=2020-01-01T00:00:00Z", http.StatusUnprocessableEntity},
	} {
		if a := tc.who.get(base + "/analytics/" + tc.path); a.status != tc.status {
			t.Errorf("%s: %s, want %d", tc.path, a, tc.status)
		}
	}
	for role, status := range map[Role]int{RoleSupervisor: http.StatusForbidden, RoleAdmin: http.StatusAccepted} {
		a := h.as(role).do(http.MethodPost, base+"/analytics/rebuild", map[string]any{"since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"})
		if a.status != status {
			t.Errorf("%s rebuilds: %s", role, a)
		}
	}
	n, err := pg.Row(t.Context(), h.db, pgx.RowTo[int], `select count(*)::int from audit where action = 'report.rebuilt'`)
	must(t, err)
	if n != 1 {
		t.Errorf("%d rows in the audit log", n)
	}
}

// Sums and lists show the facts of whom the login sees least of.
func TestReportsGoAsFarAsTheSight(t *testing.T) {
	sight := &team.Sight{User: 7, Name: "li", Users: []int64{7, 8}, Queues: []string{"sales"}}
	for _, c := range []struct {
		reach map[team.Noun]team.Reach
		want  report.Scope
	}{
		{nil, report.Scope{All: true}},
		{map[team.Noun]team.Reach{team.Contacts: team.Own}, report.Scope{All: true}},
		{map[team.Noun]team.Reach{team.Reports: team.Team}, report.Scope{Queues: []string{"sales"}, Agents: []int64{7, 8}}},
		{map[team.Noun]team.Reach{team.Reports: team.Team, team.Calls: team.Own}, report.Scope{Queues: []string{}, Agents: []int64{7}}},
	} {
		sight.Reach = c.reach
		if got := reportScope(team.With(t.Context(), sight)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %+v", c.reach, got)
		}
	}
	if got := reportScope(t.Context()); !got.All {
		t.Errorf("the house itself: %+v", got)
	}
}
