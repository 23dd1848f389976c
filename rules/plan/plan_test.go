package plan

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// known are facts of a test.
type known map[string]any

func (k known) Value(field string) any    { return k[field] }
func (k known) Open(calendar string) bool { return calendar == "always" }

func condition(t testing.TB, doc string) Condition {
	t.Helper()
	var c Condition
	if err := json.Unmarshal([]byte(doc), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConditionsHold(t *testing.T) {
	facts := known{
		"message.text": "我要退款，不然就找律师！ The issue is resolved, REFUND please", "ticket.state": "open", "ticket.tags": []string{"vip", "late"}, "event.level": 90.0, "ticket.complaint": true,
		"ticket.assignee": "nobody", "ticket.in_state": 73 * time.Hour, "time.clock": "23:10", "time.weekday": "sat", "contact.name": "",
	}
	for doc, want := range map[string]bool{
		`{}`: true,
		`{"field":"message.text","op":"contains","value":["退款"]}`:                                                                true,
		`{"field":"message.text","op":"contains","value":"refund"}`:                                                              true,
		`{"field":"message.text","op":"contains","value":"sue"}`:                                                                 false, // a part of issue
		`{"field":"message.text","op":"lexicon","value":"danger"}`:                                                               true,
		`{"field":"message.text","op":"lexicon","value":"leaving"}`:                                                              false,
		`{"field":"message.text","op":"matches","value":"(?i)refund\\s+please$"}`:                                                true,
		`{"field":"ticket.state","op":"in","value":["new","open"]}`:                                                              true,
		`{"not":{"field":"ticket.state","op":"is","value":"closed"}}`:                                                            true,
		`{"field":"ticket.tags","op":"has","value":["vip","late"]}`:                                                              true,
		`{"field":"ticket.tags","op":"has","value":["vip","new"]}`:                                                               false,
		`{"field":"ticket.tags","op":"any","value":["x","late"]}`:                                                                true,
		`{"field":"event.level","op":"least","value":90}`:                                                                        true,
		`{"field":"event.level","op":"most","value":89.5}`:                                                                       false,
		`{"field":"ticket.complaint","op":"is","value":false}`:                                                                   false,
		`{"field":"ticket.assignee","op":"is","value":"nobody"}`:                                                                 true,
		`{"field":"ticket.in_state","op":"older","value":"72h"}`:                                                                 true,
		`{"field":"ticket.in_state","op":"within","value":"72h"}`:                                                                false,
		`{"field":"time.clock","op":"between","value":["22:00","06:00"]}`:                                                        true,
		`{"field":"time.clock","op":"between","value":["08:00","18:00"]}`:                                                        false,
		`{"field":"time.calendar","op":"open","value":"always"}`:                                                                 true,
		`{"field":"time.calendar","op":"closed","value":"always"}`:                                                               false,
		`{"field":"contact.name","op":"empty","value":true}`:                                                                     true,
		`{"field":"conversation.rating","op":"empty","value":false}`:                                                             false,
		`{"field":"conversation.rating","op":"most","value":2}`:                                                                  false, // there is none
		`{"any":[{"field":"ticket.state","op":"is","value":"new"},{"field":"time.weekday","op":"in","value":["sat","sun"]}]}`:    true,
		`{"all":[{"field":"ticket.state","op":"is","value":"open"},{"not":{"field":"time.weekday","op":"in","value":["sat"]}}]}`: false,
	} {
		c := condition(t, doc).Prepared()
		if got := c.Holds(facts, nil); got != want {
			t.Errorf("%s: %v", doc, got)
		}
	}
	c := condition(t, `{"all":[{"field":"ticket.state","op":"is","value":"open"},{"any":[{"field":"event.level","op":"least","value":100},{"field":"ticket.tags","op":"any","value":"vip"}]}]}`).Prepared()
	var met []string
	if !c.Holds(facts, &met) || strings.Join(met, "; ") != "ticket.state is; ticket.tags any" {
		t.Errorf("met %q", met)
	}
}

func TestWhatIsWrongWithARule(t *testing.T) {
	good := Rule{When: []string{"message.received"}, If: condition(t, `{"field":"message.text","op":"contains","value":"x"}`), Then: []Action{{Do: "note", Text: "{{contact.name}} wrote"}}}
	if f := good.Check(); len(f) > 0 {
		t.Fatalf("a good rule: %v", f)
	}
	deep := condition(t, strings.Repeat(`{"not":`, 8)+`{"field":"ticket.state","op":"is","value":"open"}`+strings.Repeat(`}`, 8))
	for name, c := range map[string]struct {
		change func(*Rule)
		want   string
	}{
		"no event":         {func(r *Rule) { r.When = nil }, "when required"},
		"unknown event":    {func(r *Rule) { r.When = []string{"moon.rose"} }, "when[0] unknown"},
		"wrong group":      {func(r *Rule) { r.When = []string{"call.ended"} }, "if choice"},
		"unknown field":    {func(r *Rule) { r.If.Field = "message.smell" }, "if unknown"},
		"wrong operator":   {func(r *Rule) { r.If.Op = "least" }, "if choice"},
		"two at once":      {func(r *Rule) { r.If.Any = []Condition{{Field: "message.text", Op: "empty"}} }, "if choice"},
		"empty inside":     {func(r *Rule) { r.If = Condition{All: []Condition{{}}} }, "if.all[0] required"},
		"bad pattern":      {func(r *Rule) { r.If.Op, r.If.Value = "matches", "(" }, "if format"},
		"long pattern":     {func(r *Rule) { r.If.Op, r.If.Value = "matches", strings.Repeat("a", 501) }, "if outside"},
		"too deep":         {func(r *Rule) { r.When, r.If = []string{"ticket.created"}, deep }, "if outside"},
		"no action":        {func(r *Rule) { r.Then = nil }, "then required"},
		"unknown action":   {func(r *Rule) { r.Then[0].Do = "dance" }, "then[0].do choice"},
		"nothing to say":   {func(r *Rule) { r.Then[0].Text = "" }, "then[0].text required"},
		"unknown variable": {func(r *Rule) { r.Then[0].Text = "{{secret}}" }, "then[0].text unknown"},
		"broken variable":  {func(r *Rule) { r.Then[0].Text = "{{contact.name" }, "then[0].text format"},
		"me":               {func(r *Rule) { r.Then[0] = Action{Do: "assign", User: "me"} }, "then[0].user choice"},
		"state of chat":    {func(r *Rule) { r.Then[0] = Action{Do: "state", State: "resolved"} }, "then[0].do choice"},
		"hold for ever":    {func(r *Rule) { r.Then[0] = Action{Do: "state", State: "on_hold"} }, "then[0].for required"},
		"bad time":         {func(r *Rule) { r.After = "3 days" }, "after format"},
		"bad zone":         {func(r *Rule) { r.Zone = "Moon/Base" }, "zone unknown"},
	} {
		r := good
		r.Then = slices.Clone(good.Then)
		c.change(&r)
		where, code, _ := strings.Cut(c.want, " ")
		code = strings.Replace(code, "outside", "range", 1)
		if !slices.ContainsFunc(r.Check(), func(f Fault) bool { return f.Field == where && f.Code == code }) {
			t.Errorf("%s: %v, want %s", name, r.Check(), c.want)
		}
	}
}

func TestWhatIsWrongWithTheOthers(t *testing.T) {
	m := Macro{Label: "Later", For: []string{"conversation", "ticket"}, Actions: []Action{{Do: "snooze", For: "4h"}}}
	if f := m.Check(); len(f) != 1 || f[0].Field != "for[1]" {
		t.Errorf("a ticket cannot be snoozed: %v", f)
	}
	m.For = []string{"conversation"}
	m.Actions = append(m.Actions, Action{Do: "assign", User: "me"})
	if f := m.Check(); len(f) > 0 {
		t.Errorf("a good macro: %v", f)
	}
	p := Template{LabelZH: "退款", LabelEN: "Refund", Type: "refund", Subject: "Refund for {{contact.name}}", Fields: map[string]any{"amount": 3.5, "order": "{{ticket.field.order}}"}}
	if f := p.Check(); len(f) > 0 {
		t.Errorf("a good template: %v", f)
	}
	p.Fields["order"] = []any{"x"}
	if f := p.Check(); len(f) != 1 {
		t.Errorf("a list is no answer: %v", f)
	}
	w := Target{URL: "https://crm.example/x", Events: []string{"ticket.created"}, Secret: "short"}
	if f := w.Check(); len(f) != 1 || f[0].Field != "secret" {
		t.Errorf("a short secret: %v", f)
	}
}

func TestHears(t *testing.T) {
	moved := Happened{Type: "ticket.changed", Changed: []string{"state"}, State: "open"}
	for name, want := range map[string]bool{"ticket.changed": true, "ticket.state": true, "ticket.assigned": false, "ticket.commented": false, "conversation.closed": false, "nothing": false} {
		if Hears(name, moved) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
	if !Hears("ticket.state", Happened{Type: "ticket.commented", Changed: []string{"state"}}) {
		t.Error("an answer that opens a ticket is not heard")
	}
	closed := Happened{Type: "conversation.changed", Changed: []string{"state"}, State: "closed"}
	if !Hears("conversation.closed", closed) || Hears("conversation.opened", closed) {
		t.Error("closed is not told from opened")
	}
	if got := Groups([]string{"message.received", "ticket.created"}); !slices.Equal(got, []string{"contact", "event", "time"}) {
		t.Errorf("common groups: %v", got)
	}
}

func TestFill(t *testing.T) {
	f := known{"contact.name": "Anna", "ticket.id": 1001.0, "ticket.tags": []string{"a", "b"}}
	if got := Fill("Dear {{contact.name}}, #{{ ticket.id }} {{ticket.tags}} {{call.id}}{{Bad}}", f); got != "Dear Anna, #1001 a, b {{Bad}}" {
		t.Errorf("%q", got)
	}
}

// Documents come from pages and files: whatever is in them, judging them ends, and what is good can be asked.
func FuzzRule(f *testing.F) {
	f.Add([]byte(`{"when":["message.received"],"if":{"any":[{"field":"message.text","op":"matches","value":"(a+)+$"},{"field":"message.length","op":"least","value":3}]},"then":[{"do":"note","text":"{{contact.name}}"}]}`))
	f.Add([]byte(`{"when":["ticket.created"],"if":{"not":{"field":"ticket.field.x","op":"empty"}},"then":[{"do":"queue","queue":"a"}],"after":"1h"}`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		var r Rule
		if len(doc) > 4096 || json.Unmarshal(doc, &r) != nil {
			return
		}
		if len(r.Check()) == 0 {
			c := r.If.Prepared()
			c.Holds(known{"message.text": "aaaaaaaaaaaaaaaaaaaaaaaa!", "message.length": 3.0}, nil)
		}
	})
}
