package kb

import (
	"fmt"
	"strings"
)

// DiffLine is one line of the difference between two versions.
type DiffLine struct {
	Op    string `json:"op" enum:"same,del,add"`
	Field string `json:"field" enum:"title,type,category,audience,body,variants,rules,attributes,steps,needs"`
	Text  string `json:"text"`
}

// maxDiff is the number of lines of a field above which it is shown as replaced.
const maxDiff = 2000

// Diff tells what became of one content in another, field by field, line by line.
func Diff(old, now *Content) []DiffLine {
	out := []DiffLine{}
	for _, field := range []struct {
		name string
		of   func(*Content) []string
	}{
		{"title", func(c *Content) []string { return []string{c.Title} }},
		{"type", func(c *Content) []string { return []string{string(c.Type)} }},
		{"category", func(c *Content) []string { return []string{c.Category} }},
		{"audience", func(c *Content) []string { return []string{string(c.Audience)} }},
		{"attributes", func(c *Content) []string {
			return texts(c.Attributes, func(a Attribute) string { return a.Name + ": " + a.Value })
		}},
		{"steps", func(c *Content) []string { return c.Steps }},
		{"body", func(c *Content) []string { return strings.Split(c.Body, "\n") }},
		{"variants", func(c *Content) []string { return texts(c.Variants, func(v Variant) string { return v.Text }) }},
		{"rules", func(c *Content) []string {
			return texts(c.Rules, func(r Rule) string { return strings.TrimSpace(fmt.Sprintf("%s: %s %s", r.Kind, r.Text, r.Tool)) })
		}},
		{"needs", func(c *Content) []string { return c.Needs }},
	} {
		lines := diffLines(field.of(old), field.of(now))
		for i := range lines {
			lines[i].Field = field.name
		}
		out = append(out, lines...)
	}
	return out
}

func texts[T any](list []T, text func(T) string) []string {
	var out []string
	for _, v := range list {
		out = append(out, text(v))
	}
	return out
}

// diffLines is the shortest difference by the longest common subsequence.
func diffLines(a, b []string) []DiffLine {
	var out []DiffLine
	add := func(op string, lines []string) {
		for _, l := range lines {
			out = append(out, DiffLine{Op: op, Text: l})
		}
	}
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	add("same", a[:head])
	x, y := a[head:len(a)-tail], b[head:len(b)-tail]
	if len(x) > maxDiff || len(y) > maxDiff {
		add("del", x)
		add("add", y)
	} else {
		out = append(out, common(x, y)...)
	}
	add("same", a[len(a)-tail:])
	return out
}

// common walks the table of longest common subsequences.
func common(x, y []string) []DiffLine {
	table := make([][]int32, len(x)+1)
	for i := range table {
		table[i] = make([]int32, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				table[i][j] = table[i+1][j+1] + 1
			} else {
				table[i][j] = max(table[i+1][j], table[i][j+1])
			}
		}
	}
	var out []DiffLine
	for i, j := 0, 0; i < len(x) || j < len(y); {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			out = append(out, DiffLine{Op: "same", Text: x[i]})
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && table[i+1][j] >= table[i][j+1]:
			out = append(out, DiffLine{Op: "del", Text: x[i]})
			i++
		default:
			out = append(out, DiffLine{Op: "add", Text: y[j]})
			j++
		}
	}
	return out
}
