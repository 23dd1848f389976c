package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/danielgtaylor/huma/v2"
)

// Values that no type of a list's filter takes are told with the field; numbers beyond 2^31 are none of them.
func TestFiltersTellTheField(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAdmin)
	for path, field := range map[string]string{
		"/calls?cursor=x": "query.cursor", "/contacts?cursor=x": "query.cursor", "/tickets?cursor=x": "query.cursor", "/cases?cursor=x": "query.cursor",
		"/feedback?cursor=x": "query.cursor", "/voicemail?cursor=x": "query.cursor", "/analytics/volume/items?column=contacts&cursor=x": "query.cursor",
		"/tickets?assignee=x": "query.assignee", "/cases?owner=x": "query.owner", "/analytics/volume?by=x": "query.by", "/analytics/volume?zone=x": "query.zone",
		"/analytics/volume?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z": "query.since", "/analytics/volume/items?column=x": "query.column",
		"/reports/mood?zone=x": "query.zone", "/reports/mood?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z": "query.since",
		"/reports/causes?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z": "query.since", "/reports/nps?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z": "query.since",
	} {
		a := b.get(base + path)
		var p huma.ErrorModel
		if err := json.Unmarshal(a.body, &p); err != nil || a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest ||
			len(p.Errors) == 0 || p.Errors[0].Location != field {
			t.Errorf("%s: %s, want %s", path, a, field)
		}
	}
}
