package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tingxin/admin"
	"tingxin/ivr"
	"tingxin/sip"
)

// judge collects what is wrong with all settings together. A mistake of what was
// changed is told by its field, one of another thing as something that needs the changed one.
type judge struct {
	*runtime
	s       *admin.Settings
	changed []admin.Ref
	faults  admin.Faults
	flow    map[string]*ivr.Flow // stored ones
	queue   map[string]bool
	hours   map[string]bool
}

// Check implements admin.Runtime.
func (r *runtime) Check(ctx context.Context, s *admin.Settings, changed []admin.Ref) error {
	j := &judge{runtime: r, s: s, changed: changed, flow: map[string]*ivr.Flow{}}
	if err := j.known(ctx); err != nil {
		return err
	}
	j.prompts(ctx)
	j.flows(ctx)
	j.routes()
	j.numbers()
	j.alerts()
	if err := j.plans(ctx); err != nil {
		return err
	}
	if len(j.faults) > 0 {
		return j.faults
	}
	return j.whole()
}

// known reads the names of queues and calendars.
func (j *judge) known(ctx context.Context) error {
	j.queue, j.hours = map[string]bool{}, map[string]bool{}
	queues, err := j.runtime.queues.Queues(ctx)
	if err != nil {
		return err
	}
	for _, q := range queues {
		j.queue[string(q.ID)] = true
	}
	all, err := j.runtime.queues.Calendars(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		j.hours[c.Name] = true
	}
	return nil
}

// was tells whether a thing was changed now.
func (j *judge) was(kind admin.Kind, name string) bool {
	return slices.Contains(j.changed, admin.Ref{Kind: kind, Name: name})
}

// wrong notes a mistake of a thing.
func (j *judge) wrong(kind admin.Kind, name, field string, code admin.Code, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !j.was(kind, name) {
		field, code, text = "", admin.InUse, fmt.Sprintf("%s %s needs it: %s", kind, name, text)
	} else if len(j.changed) > 1 {
		text = fmt.Sprintf("%s %s: %s", kind, name, text)
	}
	j.faults = append(j.faults, admin.Fault{Field: field, Code: code, Message: text})
}

// prompts makes the sounds of changed prompts.
func (j *judge) prompts(ctx context.Context) {
	for _, ref := range j.changed {
		p := j.s.Prompts[ref.Name]
		if ref.Kind != admin.KindPrompt || p == nil {
			continue
		}
		n, err := j.namedPrompt(ctx, p)
		if err == nil {
			err = j.runtime.flows.Prompts.PrepareNamed(ctx, n)
		}
		if err != nil {
			j.wrong(ref.Kind, ref.Name, "", admin.Refused, "%v", err)
		}
	}
}

func (j *judge) flows(ctx context.Context) {
	for _, name := range admin.Names(j.s.Flows) {
		f, err := ivr.Parse(name, []byte(j.s.Flows[name].Text))
		changed := j.was(admin.KindFlow, name)
		if err == nil && f.Name != name {
			err = fmt.Errorf("the document calls the flow %q, it is kept as %q", f.Name, name)
		}
		if err != nil {
			if changed {
				j.wrong(admin.KindFlow, name, "text", admin.Refused, "%v", err)
			}
			continue
		}
		j.flow[name] = f
		if err := j.runtime.flows.CheckHosts(f); changed && err != nil {
			j.wrong(admin.KindFlow, name, "text", admin.Refused, "%v", err)
		}
		before := len(j.faults)
		for prompt, line := range f.Uses() {
			if j.s.Prompts[prompt] == nil {
				j.wrong(admin.KindFlow, name, "text", admin.Unknown, "line %d: there is no prompt %q", line, prompt)
			}
		}
		for q, line := range f.Queues() {
			if changed && !j.queue[q] && !j.planned["queue:"+q] {
				j.wrong(admin.KindFlow, name, "text", admin.Unknown, "line %d: %s", line, j.noQueue(q))
			}
		}
		if changed && len(j.faults) == before {
			if err := j.plain(ctx, f); err != nil {
				j.wrong(admin.KindFlow, name, "text", admin.Refused, "%v", err)
			}
		}
	}
}

// plain makes the prompts of a flow that do not go by a name: those were made, or are not there yet.
func (j *judge) plain(ctx context.Context, f *ivr.Flow) error {
	var errs []error
	for _, s := range f.Speeches() {
		if s.Prompt == "" {
			_, err := j.runtime.flows.Prompts.Prompt(ctx, s)
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// hasFlow tells whether calls will find a flow.
func (j *judge) hasFlow(name string) bool {
	if j.flow[name] != nil {
		return true
	}
	_, file := j.runtime.flows.Files()[name]
	return file || name == ivr.DefaultFlow
}

// trunk finds a trunk's proxy among the stored ones and those of the file.
func (j *judge) trunk(name string) (proxy string, ok bool) {
	if t := j.s.Trunks[name]; t != nil {
		return t.Proxy, true
	}
	list := j.cfg.SIP.WithDefaults().Trunks
	i := slices.IndexFunc(list, func(t sip.Trunk) bool { return t.Name == name })
	if i < 0 {
		return "", false
	}
	return list[i].Proxy, true
}

func (j *judge) routes() {
	for _, name := range admin.Names(j.s.Routes) {
		r := j.s.Routes[name]
		switch proxy, ok := j.trunk(r.Trunk); {
		case !ok:
			j.wrong(admin.KindRoute, name, "trunk", admin.Unknown, "there is no trunk %q", r.Trunk)
		case proxy == "":
			j.wrong(admin.KindRoute, name, "trunk", admin.Unknown, "trunk %q has no proxy to call to", r.Trunk)
		}
	}
}

func (j *judge) numbers() {
	taken := map[string]string{}
	for _, name := range admin.Names(j.s.Numbers) {
		n := j.s.Numbers[name]
		for field, flow := range map[string]string{"flow": n.Flow, "then": n.Then, "closed": n.Closed} {
			if flow != "" && !j.hasFlow(flow) {
				j.wrong(admin.KindNumber, name, field, admin.Unknown, "there is no flow %q that is live", flow)
			}
		}
		if j.was(admin.KindNumber, name) { // queues and calendars have their own ways to be taken away
			if n.Queue != "" && !j.queue[n.Queue] && !j.planned["queue:"+n.Queue] {
				j.wrong(admin.KindNumber, name, "queue", admin.Unknown, "%s", j.noQueue(n.Queue))
			}
			if n.Calendar != "" && !j.hours[n.Calendar] && !j.planned["calendar:"+n.Calendar] {
				j.wrong(admin.KindNumber, name, "calendar", admin.Unknown, "there are no opening hours %q", n.Calendar)
			}
		}
		for _, t := range n.Trunks {
			if _, ok := j.trunk(t); !ok {
				j.wrong(admin.KindNumber, name, "trunks", admin.Unknown, "there is no trunk %q", t)
			}
		}
		if _, ok := j.trunk(n.BridgeTrunk); n.BridgeTrunk != "" && !ok {
			j.wrong(admin.KindNumber, name, "bridge_trunk", admin.Unknown, "there is no trunk %q", n.BridgeTrunk)
		}
		by := strings.Join(slices.Sorted(slices.Values(n.Trunks)), ",")
		for _, number := range n.Numbers {
			if other := taken[by+" "+number]; other != "" {
				mine := name
				if !j.was(admin.KindNumber, name) {
					mine, other = other, name
				}
				j.wrong(admin.KindNumber, mine, "numbers", admin.Taken, "%s is a number of %s", number, other)
			}
			taken[by+" "+number] = name
		}
	}
}

// whole asks the parts themselves.
func (j *judge) whole() error {
	cfg := j.cfg.SIP
	cfg.Trunks, cfg.Outbound = j.signalling(j.s)
	refused := func(err error) error {
		return admin.Faults{{Code: admin.Refused, Message: err.Error()}}
	}
	if err := cfg.Check(); err != nil {
		return refused(err)
	}
	if err := relayOf(j.cfg.Media, j.s).Check(); err != nil {
		return refused(err)
	}
	names := map[string]bool{}
	for _, n := range j.s.Numbers {
		if n.Queue != "" {
			f, err := directOf(n)
			if err != nil {
				return refused(err)
			}
			names[f.Name] = true
		}
	}
	if err := j.cfg.Call.CheckRoutes(numbersOf(j.s.Numbers), func(name string) bool { return names[name] || j.hasFlow(name) }); err != nil {
		return refused(err)
	}
	return nil
}
