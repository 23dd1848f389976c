package admin

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxDocument bounds a settings file, bytes.
const maxDocument = 4 << 20

// ParseError is a mistake in a settings file. Line and Column count from 1; 0 when unknown.
type ParseError struct {
	Line, Column int
	Message      string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// sections are the kinds by their names in a file.
var sections = map[string]Kind{"trunks": KindTrunk, "outbound": KindRoute, "numbers": KindNumber, "flows": KindFlow, "prompts": KindPrompt, "codecs": KindCodecs, "turn": KindRelay, "alerts": KindAlert,
	"rules": KindRule, "macros": KindMacro, "ticket_templates": KindTemplate, "webhooks": KindWebhook}

// Parse reads the sections of a settings file (YAML) that belong here, as changes in
// the order in which one needs the other. rest is the file with their lines left
// empty, so that whoever reads the others tells the right lines. Mistakes are *ParseError.
func Parse(text []byte) (changes []Change, rest []byte, err error) {
	defer func() {
		// The YAML library may panic on input nobody would write.
		if r := recover(); r != nil {
			changes, rest, err = nil, nil, &ParseError{Message: "this is not readable as YAML"}
		}
	}()
	if len(text) > maxDocument {
		return nil, nil, &ParseError{Message: fmt.Sprintf("the file is longer than %d bytes", maxDocument)}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, nil, placed(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return nil, nil, &ParseError{Message: "the file holds no settings, or several documents"}
	}
	values, err := top(file.Docs[0].Body)
	if err != nil {
		return nil, nil, err
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	for i, v := range values {
		kind, ours := sections[v.Key.GetToken().Value]
		if !ours {
			continue
		}
		from, to := v.Key.GetToken().Position.Line, len(lines)+1
		if i+1 < len(values) {
			to = values[i+1].Key.GetToken().Position.Line
		}
		for l := from - 1; l < to-1; l++ {
			lines[l] = newlines(lines[l])
		}
		some, err := section(kind, v.Value)
		if err != nil {
			return nil, nil, err
		}
		changes = append(changes, some...)
	}
	slices.SortStableFunc(changes, func(a, b Change) int { return slices.Index(Kinds, a.Kind) - slices.Index(Kinds, b.Kind) })
	return changes, bytes.Join(lines, nil), once(changes)
}

func newlines(line []byte) []byte {
	if bytes.HasSuffix(line, []byte("\n")) {
		return []byte("\n")
	}
	return nil
}

// top are the entries of the file's mapping, which is written in lines.
func top(body ast.Node) ([]*ast.MappingValueNode, error) {
	if err := noAliases(body); err != nil {
		return nil, err
	}
	switch n := body.(type) {
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, nil
	case *ast.MappingNode:
		if !n.IsFlowStyle {
			return n.Values, nil
		}
	}
	return nil, at(body, "write the sections (trunks, numbers, queues ...) one below the other")
}

// noAliases refuses what can make a short file long.
func noAliases(n ast.Node) error {
	v := &aliases{}
	ast.Walk(v, n)
	if v.at == nil {
		return nil
	}
	return at(v.at, "anchors and aliases are not allowed")
}

type aliases struct{ at ast.Node }

func (v *aliases) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode:
		v.at = n
	}
	return v
}

// named is what every element of a list has.
type named struct {
	Name   string `yaml:"name"`
	Remove bool   `yaml:"remove"`
	Note   string `yaml:"note"`
	Draft  bool   `yaml:"draft"`
}

// section reads one section: a list of things with names, or the single thing itself.
func section(kind Kind, value ast.Node) ([]Change, error) {
	if kind == KindCodecs || kind == KindRelay {
		c, err := element(kind, value, Single)
		return []Change{c}, err
	}
	list, ok := value.(*ast.SequenceNode)
	if !ok {
		if value.Type() == ast.NullType {
			return nil, nil
		}
		return nil, at(value, "expected a list here")
	}
	var out []Change
	for _, v := range list.Values {
		c, err := element(kind, v, "")
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// element reads one thing: its document with the name and how to treat it beside the fields.
func element(kind Kind, n ast.Node, name string) (Change, error) {
	d, err := kind.New()
	if err != nil {
		return Change{}, err
	}
	with := reflect.New(reflect.StructOf([]reflect.StructField{
		{Name: "Named", Type: reflect.TypeFor[named](), Tag: `yaml:",inline"`, Anonymous: false},
		{Name: "Doc", Type: reflect.TypeOf(d).Elem(), Tag: `yaml:",inline"`},
	}))
	if err := yaml.NodeToValue(n, with.Interface(), yaml.Strict(), yaml.DisallowUnknownField()); err != nil {
		return Change{}, placedAt(err, n)
	}
	is := with.Elem().Field(0).Interface().(named)
	reflect.ValueOf(d).Elem().Set(with.Elem().Field(1))
	c := Change{Ref: Ref{kind, is.Name}, Doc: d, Note: is.Note, Draft: is.Draft}
	if name != "" && is.Name == "" {
		c.Name = name
	}
	if c.Name == "" {
		return c, at(n, "it needs a name")
	}
	if is.Remove {
		c.Doc = nil
		return c, nil
	}
	f := d.Judge()
	f.name(c.Name)
	f = slices.DeleteFunc(f, func(one Fault) bool { return secretMissing(d, one) }) // it may be there already
	if len(f) > 0 {
		return c, at(n, "%s", f.Error())
	}
	return c, nil
}

func secretMissing(d Doc, f Fault) bool {
	_, secret := d.secrets()[f.Field]
	return secret && f.Code == Required
}

func once(changes []Change) error {
	seen := map[Ref]bool{}
	for _, c := range changes {
		if seen[c.Ref] {
			return &ParseError{Message: fmt.Sprintf("%s %s is there twice", c.Kind, c.Name)}
		}
		seen[c.Ref] = true
	}
	return nil
}

// at is a mistake where a node begins; a mapping's own token is its first colon.
func at(n ast.Node, format string, args ...any) error {
	e := &ParseError{Message: fmt.Sprintf(format, args...)}
	switch m := n.(type) {
	case *ast.MappingNode:
		if len(m.Values) > 0 {
			n = m.Values[0].Key
		}
	case *ast.MappingValueNode:
		n = m.Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		e.Line, e.Column = t.Position.Line, t.Position.Column
	}
	return e
}

// placed gives an error of the YAML library its place.
func placed(err error) *ParseError {
	if own := (*ParseError)(nil); errors.As(err, &own) {
		return own
	}
	e := &ParseError{Message: strings.TrimSpace(err.Error())}
	var ye yaml.Error
	if errors.As(err, &ye) {
		e.Message = ye.GetMessage()
		if t := ye.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	return e
}

// placedAt is placed, at the node when the library does not say where.
func placedAt(err error, n ast.Node) error {
	e := placed(err)
	if e.Line == 0 {
		where := at(n, "").(*ParseError)
		e.Line, e.Column = where.Line, where.Column
	}
	return e
}

// Holds tells whether what Parse left over holds anything but comments.
func Holds(rest []byte) bool {
	for line := range bytes.Lines(rest) {
		if t := bytes.TrimSpace(line); len(t) > 0 && t[0] != '#' && !bytes.Equal(t, []byte("---")) {
			return true
		}
	}
	return false
}
