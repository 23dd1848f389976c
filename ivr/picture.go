package ivr

import (
	"cmp"
	"slices"
	"strings"
)

// Edge is a way from one node to another.
type Edge struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Label says when: a key, a value, "else", "timeout", "closed" ...; empty is simply the next.
	Label string `json:"label,omitempty"`
}

// Box is a node as a picture shows it.
type Box struct {
	ID    string `json:"id"`
	Kind  string `json:"kind"`
	Text  string `json:"text,omitempty"` // the gist: words, a queue's name, a variable
	Line  int    `json:"line"`
	Layer int    `json:"layer"` // steps from the start, the shortest way
}

// Picture is a flow as boxes and arrows.
type Picture struct {
	Start string `json:"start"`
	Boxes []Box  `json:"boxes"`
	Edges []Edge `json:"edges"`
}

// Picture lists the nodes in the order of the document and the ways between them.
func (f *Flow) Picture() Picture {
	p := Picture{Start: f.Nodes[f.Start].ID, Boxes: []Box{}, Edges: []Edge{}}
	layer := f.layers()
	for i := range f.Nodes {
		n := &f.Nodes[i]
		p.Boxes = append(p.Boxes, Box{ID: n.ID, Kind: n.Kind(), Text: n.gist(f.Language), Line: n.Line, Layer: layer[i]})
		p.Edges = append(p.Edges, n.edges()...)
	}
	return p
}

// layers is how many steps each node is away from the start.
func (f *Flow) layers() []int {
	layer := make([]int, len(f.Nodes))
	for i := range layer {
		layer[i] = -1
	}
	layer[f.Start] = 0
	for todo := []int{f.Start}; len(todo) > 0; todo = todo[1:] {
		for _, id := range f.Nodes[todo[0]].exits() {
			if to, ok := f.byID[id]; ok && layer[to] < 0 {
				layer[to] = layer[todo[0]] + 1
				todo = append(todo, to)
			}
		}
	}
	return layer
}

// edges are the ways out of a node; several reasons to go to one node are one way.
func (n *Node) edges() []Edge {
	var out []Edge
	add := func(to, label string) {
		if to == "" {
			return
		}
		for i := range out {
			if out[i].To == to {
				if label != "" {
					out[i].Label = strings.TrimPrefix(out[i].Label+", "+label, ", ")
				}
				return
			}
		}
		out = append(out, Edge{n.ID, to, label})
	}
	switch {
	case n.Menu != nil:
		for _, k := range sortedKeys(n.Menu.Options) {
			add(n.Menu.Options[k], string(k))
		}
		add(n.Menu.Else, "else")
	case n.Branch != nil:
		for _, v := range sortedKeys(n.Branch.Cases) {
			add(n.Branch.Cases[v], v)
		}
		add(cmp.Or(n.Branch.Else, n.Next), "else")
	case n.Gather != nil:
		add(n.Next, "")
		add(n.Gather.Else, "else")
	case n.Record != nil:
		add(n.Next, "")
		add(n.Record.Refused, "refused")
	case n.Queue != nil:
		add(cmp.Or(n.Queue.Timeout, n.Next), "timeout")
		add(cmp.Or(n.Queue.Closed, n.Next), "closed")
		add(cmp.Or(n.Queue.NoAgents, n.Next), "no_agents")
		add(n.Queue.After, "after")
		if n.Queue.Offer != nil {
			add(cmp.Or(n.Queue.Offer.Taken, n.Next), "callback")
		}
	case n.Transfer != nil:
		add(cmp.Or(n.Transfer.Failed, n.Next), "failed")
		add(n.Transfer.After, "after")
	case n.Callback != nil:
		add(n.Next, "")
		add(cmp.Or(n.Callback.Failed, n.Next), "failed")
	case n.Bot != nil:
		add(cmp.Or(n.Bot.Handover, n.Next), "handover")
		add(cmp.Or(n.Bot.Done, n.Next), "done")
		add(cmp.Or(n.Bot.Failed, n.Bot.Handover, n.Next), "failed")
	case n.HTTP != nil:
		add(n.Next, "")
		add(cmp.Or(n.HTTP.Failed, n.Next), "failed")
	case !n.Hangup:
		add(n.Next, "")
	}
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	keys := make([]K, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// maxGist is how much of a text a box shows, runes.
const maxGist = 80

// gist is what a node is about, in a few words.
func (n *Node) gist(language string) string {
	text := ""
	switch {
	case n.Queue != nil:
		text = n.Queue.Name
	case n.Transfer != nil:
		text = n.Transfer.User + n.Transfer.Number + n.Transfer.Queue
	case n.Callback != nil:
		text = n.Callback.Queue
	case n.Branch != nil:
		text = cmp.Or(n.Branch.On, n.Branch.Calendar, n.Branch.Queue)
	case n.HTTP != nil:
		text = n.HTTP.Method + " " + n.HTTP.URL
	case n.Message != nil:
		text = cmp.Or(n.Message.Queue, n.Message.Agent)
	case n.Language != "":
		text = n.Language
	case n.Set != nil:
		for _, k := range sortedKeys(n.Set) {
			text += k + "=" + n.Set[k] + " "
		}
	default:
		for _, list := range n.speeches(language) {
			for _, s := range list {
				text += cmp.Or(s.Text, s.File, s.Prompt) + " "
			}
			if text != "" {
				break
			}
		}
	}
	r := []rune(strings.TrimSpace(text))
	if len(r) > maxGist {
		r = append(r[:maxGist-1], '…')
	}
	return string(r)
}

// spoken are digits and keys as people say them.
var spoken = map[string]string{
	"zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
	"star": "*", "hash": "#", "pound": "#", "wait": ",",
	"零": "0", "〇": "0", "一": "1", "幺": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9", "星": "*", "井": "#", "等": ",",
}

// Keys are the keys that a rehearsal presses for what somebody typed or said: keys
// themselves, digits in words of English and Chinese, a comma or "wait" to let one
// wait run out; what stands in double quotes is kept, to be said. rest is the first word that is none of these.
func Keys(said string) (keys, rest string) {
	var out strings.Builder
	for i, part := range strings.Split(strings.NewReplacer("“", `"`, "”", `"`).Replace(said), `"`) {
		if i%2 == 1 {
			out.WriteString(`"` + part + `"`)
			continue
		}
		k, unknown := keysOf(part)
		if out.WriteString(k); unknown != "" {
			return out.String(), unknown
		}
	}
	return out.String(), ""
}

func keysOf(said string) (keys, rest string) {
	var out strings.Builder
	for _, word := range strings.Fields(strings.ToLower(strings.NewReplacer("，", ",", "。", " ", "、", " ").Replace(said))) {
		if k, ok := spoken[word]; ok {
			out.WriteString(k)
			continue
		}
		for _, r := range word {
			k := string(r)
			if strings.Contains("0123456789*#,abcd", k) {
				out.WriteString(strings.ToUpper(k))
			} else if s, ok := spoken[k]; ok {
				out.WriteString(s)
			} else if r != '键' && r != '号' {
				return out.String(), word
			}
		}
	}
	return out.String(), ""
}
