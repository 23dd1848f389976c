package api

import (
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
)

// Every act that can be written has a name in both languages, and no name is of an act that is gone.
func TestActsHaveNames(t *testing.T) {
	t.Parallel()
	if len(acts) < 150 {
		t.Fatalf("%d acts", len(acts))
	}
	for _, lang := range []string{"zh-CN", "en"} {
		b, err := os.ReadFile("../web/src/i18n/locales/" + lang + ".json")
		must(t, err)
		var words struct {
			Audit struct{ Act map[string]map[string]string }
		}
		must(t, json.Unmarshal(b, &words))
		named := 0
		for _, verbs := range words.Audit.Act {
			named += len(verbs)
		}
		for _, a := range acts {
			noun, verb, _ := strings.Cut(a, ".")
			if name := words.Audit.Act[noun][verb]; strings.TrimSpace(name) == "" || strings.Contains(name, verb+"_") {
				t.Errorf("%s: the act %s has no name", lang, a)
			}
		}
		if named != len(acts) {
			t.Errorf("%s: %d names of %d acts", lang, named, len(acts))
		}
	}
}

func TestAuditByActs(t *testing.T) {
	t.Parallel()
	h := open(t)
	b := h.as(RoleAdmin) // logs in
	var page AuditPage
	b.ok(base+"/audit?action=session.opened", &page)
	if len(page.Items) != 1 || page.Items[0].Action != "session.opened" {
		t.Errorf("%+v", page)
	}
	h.as(RoleAgent).do(http.MethodDelete, base+"/session", nil)
	b.ok(base+"/audit?action=session.opened,session.closed", &page)
	if len(page.Items) != 3 {
		t.Errorf("two acts: %+v", page)
	}
	b.ok(base+"/audit?action=no.such&limit=1", &page)
	if len(page.Items) != 0 || page.Next != "" {
		t.Errorf("none: %+v", page)
	}
	var list ActList
	b.ok(base+"/audit/acts", &list)
	if len(list.Items) != len(acts) {
		t.Errorf("%d acts", len(list.Items))
	}
	if a := h.as(RoleSupervisor).get(base + "/audit/acts"); a.status != http.StatusForbidden {
		t.Errorf("a supervisor: %s", a)
	}
}
