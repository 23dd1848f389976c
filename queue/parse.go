package queue

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"tingxin/period"
)

// maxDocument bounds a settings file.
const maxDocument = 4 << 20

// DocumentError is a mistake in a settings file. Line and Column count from 1; 0 when unknown.
type DocumentError struct {
	Line, Column int
	Message      string
}

func (e *DocumentError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// ParseDocument reads a settings file (YAML) and checks all that can be checked
// without the database. Mistakes are *DocumentError, with their place.
func ParseDocument(text []byte) (Document, error) {
	var d Document
	if len(text) > maxDocument {
		return d, &DocumentError{Message: fmt.Sprintf("the file is longer than %d bytes", maxDocument)}
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return d, placed(err)
	}
	if len(file.Docs) != 1 || file.Docs[0].Body == nil {
		return d, &DocumentError{Message: "the file holds no settings, or several documents"}
	}
	if err := noAliases(file.Docs[0].Body); err != nil {
		return d, err
	}
	if err := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict(), yaml.DisallowUnknownField()).Decode(&d); err != nil {
		if bad := (*badValue)(nil); errors.As(err, &bad) {
			return d, bad.in(file.Docs[0].Body)
		}
		if bad := (*period.Error)(nil); errors.As(err, &bad) {
			return d, (&badValue{bad.Text, bad.Error()}).in(file.Docs[0].Body)
		}
		return d, placed(err)
	}
	for i := range d.Queues {
		for j := range d.Queues[i].Members {
			d.Queues[i].Members[j].User = strings.ToLower(d.Queues[i].Members[j].User)
		}
	}
	return d, d.check(file)
}

// noAliases refuses what can make a short file long.
func noAliases(n ast.Node) error {
	v := &aliases{}
	ast.Walk(v, n)
	if v.at == nil {
		return nil
	}
	return &DocumentError{v.at.GetToken().Position.Line, v.at.GetToken().Position.Column, "anchors and aliases are not allowed"}
}

type aliases struct{ at ast.Node }

func (v *aliases) Visit(n ast.Node) ast.Visitor {
	switch n.(type) {
	case *ast.AliasNode, *ast.AnchorNode:
		v.at = n
	}
	return v
}

// in finds the first place of the value.
func (e *badValue) in(body ast.Node) error {
	v := &scalars{value: e.value}
	ast.Walk(v, body)
	if v.at == nil {
		return &DocumentError{Message: e.message}
	}
	p := v.at.GetToken().Position
	return &DocumentError{p.Line, p.Column, e.message}
}

type scalars struct {
	value string
	at    ast.Node
}

func (v *scalars) Visit(n ast.Node) ast.Visitor {
	if _, scalar := n.(ast.ScalarNode); scalar && v.at == nil && n.GetToken().Value == v.value {
		v.at = n
	}
	return v
}

// placed gives an error of the YAML library its place.
func placed(err error) error {
	e := &DocumentError{Message: strings.TrimSpace(err.Error())}
	var ye yaml.Error
	if errors.As(err, &ye) {
		e.Message = ye.GetMessage()
		if t := ye.GetToken(); t != nil && t.Position != nil {
			e.Line, e.Column = t.Position.Line, t.Position.Column
		}
	}
	return e
}

// check looks at each element; a mistake is told at the place of its element.
func (d *Document) check(file *ast.File) error {
	at := func(list string, i int, err error) error {
		e := &DocumentError{Message: err.Error()}
		path, perr := yaml.PathString(fmt.Sprintf("$.%s[%d]", list, i))
		if perr != nil {
			return e
		}
		if n, perr := path.FilterFile(file); perr == nil && n.GetToken() != nil {
			start := first(n)
			e.Line, e.Column = start.GetToken().Position.Line, start.GetToken().Position.Column
		}
		return e
	}
	seen := map[string]bool{}
	once := func(name string) error {
		if seen[name] {
			return fmt.Errorf("%s is there twice", name)
		}
		seen[name] = true
		return nil
	}
	for i := range d.Users {
		d.Users[i].User = strings.ToLower(d.Users[i].User)
		if err := once("user " + d.Users[i].User); err != nil {
			return at("users", i, err)
		}
	}
	for i, k := range d.Skills {
		if err := errors.Join(CheckName("skill", k.Name), once("skill "+k.Name)); err != nil {
			return at("skills", i, err)
		}
	}
	for i := range d.Calendars {
		c := d.Calendars[i]
		if err := errors.Join(c.Prepare(), once("calendar "+c.Name)); err != nil {
			return at("calendars", i, err)
		}
	}
	for i := range d.Agents {
		g := &d.Agents[i]
		g.User = strings.ToLower(g.User)
		p := Profile{ID: AgentID(g.User), Skills: g.Skills, Languages: g.Languages, Capacity: g.Capacity}
		if err := errors.Join(p.check(), once("agent "+g.User)); err != nil {
			return at("agents", i, err)
		}
	}
	for i := range d.Queues {
		if err := errors.Join(d.Queues[i].alone(), once("queue "+string(d.Queues[i].ID))); err != nil {
			return at("queues", i, err)
		}
	}
	for i := range d.Teams {
		if err := errors.Join(CheckName("team", d.Teams[i].ID), once("team "+d.Teams[i].ID)); err != nil {
			return at("teams", i, err)
		}
	}
	return nil
}

// first is the first key of a mapping: its own token is the colon.
func first(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return n.Values[0].Key
		}
	case *ast.MappingValueNode:
		return n.Key
	}
	return n
}

// alone checks a queue as if its members were agents.
func (d *QueueDoc) alone() error {
	ids := map[string]AgentID{}
	for _, m := range d.Members {
		ids[m.User] = AgentID(m.User)
	}
	_, err := d.queue(ids)
	return err
}
