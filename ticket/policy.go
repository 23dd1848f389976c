package ticket

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"tingxin/queue"
)

// Promise is a length of counted time, written "4h" or "30m".
type Promise time.Duration

// MarshalText writes "4h0m0s".
func (p Promise) MarshalText() ([]byte, error) { return []byte(time.Duration(p).String()), nil }

// UnmarshalText reads it.
func (p *Promise) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	if err != nil || d < time.Minute || d > 400*24*time.Hour {
		return fmt.Errorf("%.40q: write a time such as 30m or 8h, from a minute to 400 days", b)
	}
	*p = Promise(d)
	return nil
}

// Filter chooses tickets; what is not given does not matter.
type Filter struct {
	Types     []string `json:"types,omitempty"`
	Queues    []string `json:"queues,omitempty"`
	Sources   []Source `json:"sources,omitempty"`
	Tags      []string `json:"tags,omitempty"` // one of them
	Complaint *bool    `json:"complaint,omitempty"`
	Child     *bool    `json:"child,omitempty"` // the work of a department for another: its target is an OLA
}

// Fits tells whether a ticket is chosen.
func (f *Filter) Fits(t *Ticket) bool {
	in := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	return in(f.Types, t.Type) && in(f.Queues, t.Queue) &&
		(len(f.Sources) == 0 || slices.Contains(f.Sources, t.Source)) &&
		(len(f.Tags) == 0 || slices.ContainsFunc(t.Tags, func(tag string) bool { return slices.Contains(f.Tags, tag) })) &&
		(f.Complaint == nil || *f.Complaint == t.Complaint) &&
		(f.Child == nil || *f.Child == (t.Parent != 0))
}

// Policy is a set of promises. The first policy that fits a ticket counts; put the restrictive ones first.
type Policy struct {
	Name   string `json:"name"`
	Ord    int    `json:"ord"`
	Filter Filter `json:"filter"`
	// Targets by priority, then by kind of clock. A priority that is not given has the targets of the
	// next lower one that is, else of the next higher.
	Targets map[string]map[ClockKind]Promise `json:"targets"`
	// Calendar counts its open hours only; empty counts all time.
	Calendar string `json:"calendar,omitempty"`
	// Pause are the states in which next response and resolution do not count; nil is pending_customer
	// for both and pending_third for the resolution.
	Pause []State `json:"pause,omitempty"`
	// HoldCounts lets the clocks run while the ticket is on hold.
	HoldCounts bool `json:"hold_counts,omitempty"`
	// BotAnswers lets a bot's answer stop the clock of the first human response too.
	BotAnswers bool `json:"bot_answers,omitempty"`
	Disabled   bool `json:"disabled,omitempty"`
}

// Check tells what is wrong with a policy.
func (p *Policy) Check() error {
	if err := queue.CheckName("policy", p.Name); err != nil {
		return invalid("name", "%v", err)
	}
	if len(p.Targets) == 0 {
		return invalid("targets", "a policy promises something")
	}
	for priority, kinds := range p.Targets {
		var u queue.Urgency
		if err := u.UnmarshalText([]byte(priority)); err != nil {
			return invalid("targets", "%v", err)
		}
		for kind, d := range kinds {
			if !slices.Contains(ClockKinds, kind) {
				return invalid("targets", "%q is none of %v", kind, ClockKinds)
			}
			if d < Promise(time.Minute) {
				return invalid("targets", "%s of %s is shorter than a minute", kind, priority)
			}
		}
	}
	for _, s := range p.Pause {
		if s != PendingCustomer && s != PendingThird && s != OnHold {
			return invalid("pause", "clocks pause in %s, %s and %s only", PendingCustomer, PendingThird, OnHold)
		}
	}
	return nil
}

// target of a kind for a priority; 0 is no promise.
func (p *Policy) target(kind ClockKind, u queue.Urgency) time.Duration {
	for at := int(u); at >= 0; at-- {
		if kinds, ok := p.Targets[queue.Urgency(at).String()]; ok {
			return time.Duration(kinds[kind])
		}
	}
	for at := int(u) + 1; at <= int(queue.Urgent); at++ {
		if kinds, ok := p.Targets[queue.Urgency(at).String()]; ok {
			return time.Duration(kinds[kind])
		}
	}
	return 0
}

// pauses tells whether a clock rests while the ticket is in a state.
func (p *Policy) pauses(kind ClockKind, s State) bool {
	switch {
	case s == OnHold:
		return !p.HoldCounts
	case kind == FirstAny, kind == FirstHuman, kind == Update:
		return false
	case p.Pause != nil:
		return slices.Contains(p.Pause, s)
	}
	return s == PendingCustomer || s == PendingThird && kind == Resolution
}

// first chooses the policy of a ticket; nil when none fits.
func first(policies []Policy, t *Ticket) *Policy {
	for i := range policies {
		if p := &policies[i]; !p.Disabled && p.Filter.Fits(t) {
			return p
		}
	}
	return nil
}

// doc is the policy as its row keeps it: without what has columns of its own.
func (p *Policy) doc() (json.RawMessage, error) {
	bare := *p
	bare.Name, bare.Ord = "", 0
	return json.Marshal(bare)
}
