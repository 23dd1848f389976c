package ivr

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// Limits of a flow document.
const (
	maxDocument = 1 << 20 // bytes
	maxNodes    = 2000
	maxText     = 4000 // bytes of one spoken text
	maxKeys     = 64   // of one gather
	maxRetries  = 20
)

// Variables that every flow may use without setting them.
var builtins = map[string]bool{"caller": true, "number": true, "trunk": true, emotionVariable: true}

var (
	nameForm     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)
	variableForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	promptForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	languageForm = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$`)
	variableUse  = regexp.MustCompile(`\$\{([^}]*)\}`)
)

// Load reads and checks a flow file.
func Load(path string) (*Flow, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("flow: %w", err)
	}
	return Parse(path, b)
}

// Parse checks a flow document; file is the name to use in errors. All errors
// are *Error, joined when there are several, each with its line and column.
func Parse(file string, doc []byte) (f *Flow, err error) {
	defer func() {
		// The YAML library may panic on input nobody would write.
		if r := recover(); r != nil {
			f, err = nil, &Error{File: file, Message: "this is not readable as YAML"}
		}
	}()
	if len(doc) > maxDocument {
		return nil, &Error{File: file, Message: fmt.Sprintf("longer than %d bytes", maxDocument)}
	}
	d, err := decode(doc)
	if err != nil {
		return nil, place(file, err)
	}
	c := &checker{file: file, doc: d, ids: make(map[string]int), vars: make(map[string]bool)}
	f = c.flow()
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	return f, nil
}

func decode(doc []byte) (*document, error) {
	file, err := parser.ParseBytes(doc, 0)
	if err != nil {
		return nil, err
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, &Error{Message: "expected one YAML document with flow, version and nodes"}
	}
	body := file.Docs[0].Body
	if t := body.Type(); t != ast.MappingType && t != ast.MappingValueType {
		return nil, posOf(body).errorf("expected a mapping with flow, version and nodes")
	}
	var d document
	if err := yaml.NodeToValue(body, &d, yaml.Strict()); err != nil {
		return nil, err
	}
	return &d, nil
}

// place turns whatever the YAML library says into an *Error.
func place(file string, err error) error {
	var own *Error
	if errors.As(err, &own) {
		own.File = file
		return own
	}
	e := &Error{File: file, Message: strings.TrimSpace(err.Error())}
	var ye yaml.Error
	if errors.As(err, &ye) {
		e.Message = ye.GetMessage()
		if te := (*yaml.TypeError)(nil); errors.As(err, &te) {
			e.Message = fmt.Sprintf("expected %s here, not %s", plain(te.DstType), plain(te.SrcType))
		}
		if t := ye.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	return e
}

// plain names what a YAML value is made of.
func plain(t reflect.Type) string {
	if t == nil {
		return "nothing"
	}
	switch t.Kind() {
	case reflect.Map, reflect.Struct, reflect.Pointer:
		return "a mapping"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number with a fraction"
	}
	return "a whole number"
}

// checker turns a document into a Flow and collects every mistake.
type checker struct {
	file string
	doc  *document
	ids  map[string]int
	vars map[string]bool // set somewhere in the flow
	errs []error
}

func (c *checker) failf(p pos, format string, args ...any) {
	e := p.errorf(format, args...)
	e.File = c.file
	c.errs = append(c.errs, e)
}

func (c *checker) flow() *Flow {
	d := c.doc
	f := &Flow{Name: d.Flow.v, Version: d.Version.v, Language: firstOf(d.Language.v, "en")}
	if !nameForm.MatchString(f.Name) {
		c.failf(d.Flow.pos, "flow needs a name of letters, digits, _ and -, at most 64")
	}
	if f.Version < 1 {
		c.failf(d.Version.pos, "version needs a number from 1; raise it with every change")
	}
	c.language(f.Language, d.Language.pos)
	if n := len(d.Nodes.v); n == 0 || n > maxNodes {
		c.failf(d.Nodes.pos, "nodes needs 1 to %d nodes, has %d", maxNodes, n)
		return f
	}
	c.names()
	for i := range d.Nodes.v {
		f.Nodes = append(f.Nodes, c.node(i, &d.Nodes.v[i]))
	}
	f.byID = c.ids
	f.Start = c.start()
	c.reachable(f)
	return f
}

// names gives every node its id and collects the variables that are set.
func (c *checker) names() {
	for i := range c.doc.Nodes.v {
		n := &c.doc.Nodes.v[i]
		if !n.v.ID.set() {
			n.v.ID = at[string]{v: fmt.Sprintf("node-%d", i+1), pos: n.pos}
		}
		id := n.v.ID.v
		if !nameForm.MatchString(id) {
			c.failf(n.v.ID.pos, "id %q needs letters, digits, _ and -, at most 64", id)
		}
		if _, taken := c.ids[id]; taken {
			c.failf(n.v.ID.pos, "id %q is taken by a node above", id)
		}
		c.ids[id] = i
		if n.v.Set != nil {
			for name := range n.v.Set.v {
				c.vars[name] = true
			}
		}
		if n.v.Gather != nil {
			c.vars[n.v.Gather.v.Into.v] = true
		}
		if n.v.HTTP != nil {
			for name := range n.v.HTTP.v.Into.v {
				c.vars[name] = true
			}
		}
	}
}

func (c *checker) start() int {
	if !c.doc.Start.set() {
		return 0
	}
	i, ok := c.ids[c.doc.Start.v]
	if !ok {
		c.failf(c.doc.Start.pos, "start: there is no node %q", c.doc.Start.v)
	}
	return i
}

func (c *checker) node(i int, n *at[nodeText]) Node {
	t := &n.v
	out := Node{ID: t.ID.v, Line: n.line}
	kinds := c.kinds(t, &out)
	if len(kinds) != 1 {
		c.failf(n.pos, "node %q needs exactly one of say, play, gather, menu, record, listen, set, branch, language, queue, transfer, callback, http, voicemail, survey, bot, hangup; it has %d", t.ID.v, len(kinds))
		return out
	}
	if out.Pause && (out.Queue != nil || out.Transfer != nil || out.Record != nil || out.Hangup) {
		c.failf(t.Record.pos, "\"record: pause\" is for nodes that speak and ask; node %q is a %s", t.ID.v, kinds[0])
	}
	if t.BargeIn != nil && out.Say == nil {
		c.failf(n.pos, "barge_in belongs to say and play; node %q is a %s", t.ID.v, kinds[0])
	}
	switch {
	case t.Next.set() && (out.Hangup || out.Menu != nil):
		c.failf(t.Next.pos, "a %s node has no next", kinds[0])
	case t.Next.set():
		out.Next = c.ref(t.Next)
	case i+1 < len(c.doc.Nodes.v):
		out.Next = c.doc.Nodes.v[i+1].v.ID.v
	}
	return out
}

// kinds fills the kind of out and names every kind that the document gives.
func (c *checker) kinds(t *nodeText, out *Node) []string {
	var kinds []string
	add := func(name string, set bool, build func()) {
		if set {
			kinds = append(kinds, name)
			build()
		}
	}
	barge := t.BargeIn == nil || *t.BargeIn
	add("say", t.Say != nil, func() { out.Say = &Say{What: c.speech(t.Say), BargeIn: barge} })
	add("play", t.Play != nil, func() {
		out.Say = &Say{What: []Speech{{File: c.path(t.Play)}}, BargeIn: barge}
	})
	add("gather", t.Gather != nil, func() { out.Gather = c.gather(t.Gather) })
	add("menu", t.Menu != nil, func() { out.Menu = c.menu(t.Menu) })
	out.Pause = t.Record != nil && t.Record.v.pause
	add("record", t.Record != nil && !out.Pause, func() { out.Record = c.record(t.Record) })
	add("listen", t.Listen != nil, func() {
		out.Listen = &Listen{Silence: time.Duration(t.Listen.v.Silence.v), Limit: time.Duration(t.Listen.v.Limit.v)}
	})
	add("set", t.Set != nil, func() { out.Set = c.set(t.Set) })
	add("branch", t.Branch != nil, func() { out.Branch = c.branch(t.Branch) })
	add("language", t.Language != nil, func() {
		c.language(t.Language.v, t.Language.pos)
		out.Language = t.Language.v
	})
	add("queue", t.Queue != nil, func() { out.Queue = c.queue(t.Queue) })
	add("transfer", t.Transfer != nil, func() { out.Transfer = c.transfer(t.Transfer) })
	add("callback", t.Callback != nil, func() { out.Callback = c.callback(t.Callback) })
	add("bot", t.Bot != nil, func() { out.Bot = c.bot(t.Bot) })
	add("http", t.HTTP != nil, func() { out.HTTP = c.http(t.HTTP) })
	add("voicemail", t.Message != nil, func() { out.Message = c.message(t.Message, true) })
	add("survey", t.Survey != nil, func() { out.Survey = c.survey(t.Survey) })
	add("hangup", t.Hangup != nil, func() { out.Hangup = true })
	return kinds
}
