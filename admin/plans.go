package admin

import "tingxin/rules/plan"

// What goes by itself is planned in documents like the other settings; package plan judges them.
type (
	// Automation is a rule: what is done when something happens.
	Automation plan.Rule
	// Macro is a list of actions that an agent has done at once.
	Macro plan.Macro
	// TicketTemplate is what tickets are made of.
	TicketTemplate plan.Template
	// Webhook is a program that is told of events.
	Webhook plan.Target
)

func planned(list []plan.Fault) Faults {
	var f Faults
	for _, one := range list {
		f = append(f, Fault{Field: one.Field, Code: Code(one.Code), Message: one.Text})
	}
	return f
}

// Judge implements Doc.
func (a *Automation) Judge() Faults { return planned((*plan.Rule)(a).Check()) }

func (a *Automation) secrets() map[string]*string { return nil }

// Judge implements Doc.
func (m *Macro) Judge() Faults { return planned((*plan.Macro)(m).Check()) }

func (m *Macro) secrets() map[string]*string { return nil }

// Judge implements Doc.
func (t *TicketTemplate) Judge() Faults { return planned((*plan.Template)(t).Check()) }

func (t *TicketTemplate) secrets() map[string]*string { return nil }

// Judge implements Doc.
func (w *Webhook) Judge() Faults { return planned((*plan.Target)(w).Check()) }

func (w *Webhook) secrets() map[string]*string { return map[string]*string{"secret": &w.Secret} }
