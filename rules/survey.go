package rules

import (
	"context"
	"errors"
	"fmt"

	"tingxin/rules/plan"
)

// Survey is a question how it was that a rule or macro puts to a customer.
type Survey struct {
	Kind                  string // csat, nps
	Reason                string // the contact that it is about: conversation:12, call:ID, ticket:1001
	Contact, Conversation int64  // 0 are not known
	Language              string
	By                    string
	Key                   string // the same asks once
	Dry                   bool   // only look whether it would be asked
}

// Surveys puts questions to customers; feedback does.
type Surveys interface {
	// Ask returns what the question is known by. A *NotAskedError says why it is not asked.
	Ask(ctx context.Context, s Survey) (ref string, err error)
}

// NotAskedError says in a word why a customer is not asked: asked, case, consent, window, ...
type NotAskedError struct{ Why string }

func (e *NotAskedError) Error() string { return "the customer is not asked: " + e.Why }

// survey asks the customer of a conversation or ticket, each contact once.
func (d *doer) survey(ctx context.Context, a *plan.Action, step ActionResult) (ActionResult, error) {
	if d.s.surveys == nil {
		return step, refuse("no_way")
	}
	q := Survey{Kind: a.Survey, By: d.run.Actor, Key: fmt.Sprintf("%s-%s", d.key, a.Survey), Contact: d.facts.contactID(), Language: d.facts.language(), Dry: d.dry}
	if d.run.Object == "ticket" {
		t := d.facts.loadTicket()
		if t == nil {
			return step, d.missing()
		}
		q.Reason = t.About()
	} else {
		c := d.facts.loadConversation()
		if c == nil {
			return step, d.missing()
		}
		q.Reason, q.Conversation = "conversation:"+c.ID.String(), int64(c.ID)
	}
	if d.facts.err != nil {
		return step, d.facts.err
	}
	ref, err := d.s.surveys.Ask(ctx, q)
	if why := (*NotAskedError)(nil); errors.As(err, &why) {
		return step, refuse("%s", why.Why)
	}
	if err != nil || d.dry {
		return step, err
	}
	step.Result, step.Ref = Done, ref
	return step, nil
}
