package admin

import (
	"os"
	"strings"
	"testing"
)

// The documents of the manual are what they are said to be.
func TestManualOfRulesIsReadable(t *testing.T) {
	text, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	doc, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("there is no example")
	}
	changes, left, err := Parse([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[Kind]int{}
	for _, c := range changes {
		kinds[c.Kind]++
	}
	if kinds[KindRule] != 5 || kinds[KindMacro] != 1 || kinds[KindTemplate] != 2 || Holds(left) {
		t.Errorf("%v, left over: %s", kinds, left)
	}
	hook := "webhooks:\n  - {name: crm, url: \"https://crm.example/hook\", secret: at least 16 characters, events: [ticket.created]}\n"
	if changes, _, err := Parse([]byte(hook)); err != nil || changes[0].Doc.(*Webhook).Secret == "" {
		t.Errorf("%+v %v", changes, err)
	}
	for bad, want := range map[string]string{
		"rules:\n  - name: a\n    when: [moon.rose]\n    then: [{do: close}]\n":                                                "moon.rose",
		"rules:\n  - name: a\n    when: [ticket.created]\n    if: {field: ticket.state, op: likes}\n    then: [{do: close}]\n": "operator",
		"macros:\n  - name: a\n    label: x\n    for: [ticket]\n    actions: [{do: snooze, for: 4h}]\n":                        "not for a ticket",
		"rules:\n  - name: a\n    when: [ticket.created]\n    then: [{do: close}]\n    wenn: x\n":                              "wenn",
	} {
		if _, _, err := Parse([]byte(bad)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
