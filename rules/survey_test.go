package rules

import (
	"context"
	"fmt"
	"testing"

	"tingxin/chat"
	"tingxin/rules/plan"
	"tingxin/ticket"
)

// asked is what rules ask; each reason once.
type asked struct {
	all []Survey
	had map[string]bool
}

func (a *asked) Ask(_ context.Context, s Survey) (string, error) {
	if a.had[s.Kind+s.Reason] {
		return "", &NotAskedError{Why: "asked"}
	}
	if !s.Dry {
		a.had[s.Kind+s.Reason] = true
		a.all = append(a.all, s)
	}
	return fmt.Sprintf("survey:%d", len(a.all)), nil
}

func TestRulesAndMacrosAskHowItWas(t *testing.T) {
	h := open(t, Book{
		Rules: rules(t, map[string]string{
			"after":  `{"when":["conversation.closed"],"then":[{"do":"survey","survey":"csat"}]}`,
			"solved": `{"when":["ticket.state"],"if":{"field":"ticket.state","op":"is","value":"resolved"},"then":[{"do":"survey","survey":"csat"}]}`,
		}),
		Macros: map[string]*plan.Macro{"ask": {Label: "Ask", For: []string{"conversation", "ticket"}, Actions: []plan.Action{{Do: "survey", Survey: "nps"}}}},
	})
	a := &asked{had: map[string]bool{}}
	h.surveys = a
	id := h.write("anna", "thanks")
	h.must(h.chat.CloseConversation(t.Context(), id, chat.Actor{Kind: chat.System}))
	h.work()
	run := h.runsOf("after")
	if len(run) != 1 || run[0].Steps[0].Result != Done || run[0].Steps[0].Ref != "survey:1" || a.all[0].Reason != "conversation:"+id.String() || a.all[0].Conversation != int64(id) || a.all[0].By != "rule:after" {
		t.Fatalf("%+v, %+v", run, a.all)
	}
	h.write("anna", "one more thing")
	h.must(h.chat.CloseConversation(t.Context(), id, chat.Actor{Kind: chat.System}))
	h.work()
	if run = h.runsOf("after"); len(run) != 2 || run[0].Steps[0].Result != Refused || run[0].Steps[0].Reason != "asked" {
		t.Errorf("the second time: %+v", run)
	}
	k, err := h.tickets.Create(t.Context(), ticket.Draft{Type: "question", Subject: "kettle", Source: "customer", SourceRef: "conversation:" + id.String()}, ticket.Customer)
	h.must(err)
	other := h.create(ticket.Draft{})
	resolved := ticket.Resolved
	for _, id := range []ticket.ID{k.ID, other.ID} {
		_, err := h.tickets.Change(t.Context(), id, ticket.Patch{State: &resolved}, ticket.AgentActor("ann"))
		h.must(err)
	}
	h.work()
	run = h.runsOf("solved")
	if len(run) != 2 || run[0].Steps[0].Ref != "survey:2" || run[1].Steps[0].Reason != "asked" { // that of the ticket was rated in its conversation
		t.Errorf("%+v", run)
	}
	if last := a.all[len(a.all)-1]; last.Reason != fmt.Sprintf("ticket:%d", other.ID) {
		t.Errorf("%+v", last)
	}
	ann := Agent{User: h.user("ann", "agent"), Username: "ann", Name: "Ann", May: func(string) bool { return true }}
	object := []Object{{Kind: "conversation", ID: id.String()}}
	for _, tc := range []struct {
		dry  bool
		want Result
	}{{true, Would}, {false, Done}, {true, Refused}, {false, Refused}} {
		got, err := h.RunMacro(t.Context(), "ask", object, ann, tc.dry)
		h.must(err)
		if got[0].Steps[0].Result != tc.want {
			t.Errorf("dry %v: %+v, want %s", tc.dry, got[0].Steps, tc.want)
		}
	}
	h.surveys = nil
	got, err := h.RunMacro(t.Context(), "ask", object, ann, false)
	h.must(err)
	if got[0].Steps[0].Reason != "no_way" {
		t.Errorf("%+v", got[0].Steps)
	}
}
