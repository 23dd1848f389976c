package ivr

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Named is a prompt that flows say by its name: per language a text to be spoken,
// or the absolute path of a WAV file, which goes first.
type Named struct {
	Texts map[string]string
	Files map[string]string
}

// Speech is what the prompt says in a language: in that one, else in one that begins
// alike ("zh" for "zh-HK"), else in English, else in the first it has.
func (n Named) Speech(language string) Speech {
	base, _, _ := strings.Cut(language, "-")
	for _, l := range append([]string{language, base, "en"}, n.languages()...) {
		if f := n.Files[l]; f != "" {
			return Speech{File: f, Text: n.Texts[l], Language: l}
		}
		if t := n.Texts[l]; t != "" {
			return Speech{Text: t, Language: l}
		}
	}
	return Speech{}
}

func (n Named) languages() []string {
	all := slices.Concat(slices.Collect(maps.Keys(n.Texts)), slices.Collect(maps.Keys(n.Files)))
	slices.Sort(all)
	return slices.Compact(all)
}

// SetNamed replaces all named prompts; who hears one now hears it to its end.
func (p *Prompts) SetNamed(all map[string]Named) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.named = maps.Clone(all)
}

// HasNamed tells whether there is a prompt of that name.
func (p *Prompts) HasNamed(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.named[name]
	return ok
}

// PrepareNamed makes every sound of a named prompt, so that no caller waits for it
// nor meets one that cannot be made.
func (p *Prompts) PrepareNamed(ctx context.Context, n Named) error {
	for _, l := range n.languages() {
		if _, err := p.get(ctx, n.Speech(l), true); err != nil {
			return err
		}
	}
	return nil
}

// resolve is what a named prompt says.
func (p *Prompts) resolve(s Speech) (Speech, error) {
	p.mu.Lock()
	n, ok := p.named[s.Prompt]
	p.mu.Unlock()
	if !ok {
		return s, fmt.Errorf("there is no prompt %q", s.Prompt)
	}
	return n.Speech(s.Language), nil
}

// Uses are the named prompts that the flow says, with the line of the node.
func (f *Flow) Uses() map[string]int {
	all := map[string]int{}
	for i := range f.Nodes {
		for _, list := range f.Nodes[i].speeches(f.Language) {
			for _, s := range list {
				if _, seen := all[s.Prompt]; s.Prompt != "" && !seen {
					all[s.Prompt] = f.Nodes[i].Line
				}
			}
		}
	}
	return all
}

// Queues are the queues in which the flow lets callers wait or keeps places for them, with the line of the node.
func (f *Flow) Queues() map[string]int {
	all := map[string]int{}
	for i := range f.Nodes {
		n := &f.Nodes[i]
		name := ""
		switch {
		case n.Queue != nil:
			name = n.Queue.Name
		case n.Transfer != nil:
			name = n.Transfer.Queue
		case n.Callback != nil:
			name = n.Callback.Queue
		}
		if _, seen := all[name]; name != "" && !seen {
			all[name] = n.Line
		}
	}
	return all
}
