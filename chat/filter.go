package chat

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Filter says which conversations: a tree of conditions, as saved views keep it.
// Exactly one of All, Any, Not and Field is given; an empty Filter takes everything.
//
//	{"all": [{"field": "state", "op": "is", "value": "open"}, {"field": "label", "op": "has", "value": "refund"}]}
type Filter struct {
	All   []Filter        `json:"all,omitempty"`
	Any   []Filter        `json:"any,omitempty"`
	Not   *Filter         `json:"not,omitempty"`
	Field string          `json:"field,omitempty"`
	Op    string          `json:"op,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

const (
	maxFilterDepth = 6
	maxFilterNodes = 60
	maxFilterBytes = 16 << 10
)

// fields are what can be asked for: the column and the type of its value.
var fields = map[string]struct {
	column string
	typ    string // word, words, number, user, time, age, flag
	values []string
}{
	"state":    {"c.state", "word", []string{"open", "snoozed", "closed", "merged"}},
	"handler":  {"c.handler", "word", []string{"bot", "queue", "agent"}},
	"channel":  {"c.channel", "word", nil},
	"account":  {"c.account", "word", nil},
	"queue":    {"c.queue", "word", nil},
	"language": {"c.language", "word", nil},
	"customer": {"c.external_user", "word", nil},
	"label":    {"c.labels", "words", nil},
	"assignee": {"c.assignee", "user", nil},
	"contact":  {"c.contact_id", "number", nil},
	"urgency":  {"c.urgency", "number", nil},
	"rating":   {"c.rating", "number", nil},
	"created":  {"c.created_at", "time", nil},
	"last":     {"c.last_at", "time", nil},
	"closed":   {"c.closed_at", "time", nil},
	"waiting":  {"c.waiting_since", "age", nil},
	"unread":   {"(c.last_in_id > coalesce((select r.message_id from conversation_reads r where r.conversation_id = c.id and r.user_id = $me), 0))", "flag", nil},
	"mentions": {"exists (select 1 from mentions n where n.conversation_id = c.id and n.user_id = $me)", "flag", nil},
	"followed": {"exists (select 1 from conversation_followers f where f.conversation_id = c.id and f.user_id = $me)", "flag", nil},
	"split":    {"(c.split_from is not null)", "flag", nil},
}

// compiler makes SQL of a Filter: values are parameters, columns come from fields.
type compiler struct {
	me    int64
	args  []any
	nodes int
}

// compile returns a condition over c; args[0] is the user who asks.
func (f *Filter) compile(me int64) (sql string, args []any, err error) {
	c := &compiler{me: me, args: []any{me}}
	sql, err = c.node(f, 0)
	return sql, c.args, err
}

// Check says what is wrong with a filter.
func (f *Filter) Check() error {
	doc, err := json.Marshal(f)
	if err == nil && len(doc) > maxFilterBytes {
		return bad("the filter is longer than %d bytes", maxFilterBytes)
	}
	if err == nil {
		_, _, err = f.compile(0)
	}
	return err
}

// ReadFilter reads one from JSON, without anything unknown in it.
func ReadFilter(doc []byte) (Filter, error) {
	var f Filter
	if len(doc) > maxFilterBytes {
		return f, bad("the filter is longer than %d bytes", maxFilterBytes)
	}
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return f, bad("the filter is no proper JSON")
	}
	return f, f.Check()
}

// Queues are the names of queues in it.
func (f *Filter) Queues() []string {
	var names []string
	if f.Field == "queue" {
		var one string
		if json.Unmarshal(f.Value, &one) == nil {
			return []string{one}
		}
		_ = json.Unmarshal(f.Value, &names) // Check says what is wrong with it
		return names
	}
	if f.Not != nil {
		names = f.Not.Queues()
	}
	for _, parts := range [][]Filter{f.All, f.Any} {
		for i := range parts {
			names = append(names, parts[i].Queues()...)
		}
	}
	return names
}

func (c *compiler) arg(v any) string {
	c.args = append(c.args, v)
	return "$" + strconv.Itoa(len(c.args))
}

func (c *compiler) node(f *Filter, depth int) (string, error) {
	if c.nodes++; c.nodes > maxFilterNodes || depth > maxFilterDepth {
		return "", bad("the filter has more than %d conditions or is deeper than %d", maxFilterNodes, maxFilterDepth)
	}
	given := 0
	for _, there := range []bool{f.All != nil, f.Any != nil, f.Not != nil, f.Field != ""} {
		if there {
			given++
		}
	}
	switch {
	case given == 0:
		return "true", nil
	case given > 1:
		return "", bad("a filter has one of all, any, not and field")
	case f.Not != nil:
		sql, err := c.node(f.Not, depth+1)
		return "(not coalesce(" + sql + ", false))", err
	case f.Field != "":
		return c.leaf(f)
	}
	parts, word := f.All, " and "
	if f.Any != nil {
		parts, word = f.Any, " or "
	}
	if len(parts) == 0 {
		return strconv.FormatBool(f.Any == nil), nil
	}
	var sql []string
	for i := range parts {
		one, err := c.node(&parts[i], depth+1)
		if err != nil {
			return "", err
		}
		sql = append(sql, one)
	}
	return "(" + strings.Join(sql, word) + ")", nil
}

func (c *compiler) leaf(f *Filter) (string, error) {
	field, ok := fields[f.Field]
	if !ok {
		return "", bad("there is no field %q", f.Field)
	}
	column := strings.ReplaceAll(field.column, "$me", "$1")
	wrong := bad("%s %s: the value does not fit", f.Field, f.Op)
	switch field.typ {
	case "flag":
		var on bool
		if f.Op != "is" || json.Unmarshal(f.Value, &on) != nil {
			return "", wrong
		}
		if !on {
			return "(not " + column + ")", nil
		}
		return column, nil
	case "word", "words":
		return c.word(f, column, field.typ == "words", field.values, wrong)
	case "user":
		return c.user(f, column, wrong)
	case "number":
		return c.number(f, column, wrong)
	}
	return c.moment(f, column, field.typ == "age", wrong)
}

func (c *compiler) word(f *Filter, column string, list bool, allowed []string, wrong error) (string, error) {
	var words []string
	var one string
	if json.Unmarshal(f.Value, &one) == nil {
		words = []string{one}
	} else if json.Unmarshal(f.Value, &words) != nil {
		return "", wrong
	}
	if len(words) == 0 || len(words) > 50 {
		return "", wrong
	}
	for i, w := range words {
		if len(w) > maxID || allowed != nil && !slices.Contains(allowed, w) {
			return "", wrong
		}
		words[i] = storable(w)
	}
	switch {
	case list && f.Op == "has":
		return column + " @> " + c.arg(words) + "::text[]", nil
	case list && f.Op == "any":
		return column + " && " + c.arg(words) + "::text[]", nil
	case !list && (f.Op == "is" || f.Op == "in"):
		return column + " = any(" + c.arg(words) + "::text[])", nil
	}
	return "", wrong
}

// user takes an id, "me" or "none".
func (c *compiler) user(f *Filter, column string, wrong error) (string, error) {
	var word string
	var id int64
	switch {
	case f.Op != "is":
		return "", wrong
	case json.Unmarshal(f.Value, &id) == nil:
		return column + " = " + c.arg(id) + "::bigint", nil
	case json.Unmarshal(f.Value, &word) != nil:
		return "", wrong
	case word == "me":
		return column + " = $1", nil
	case word == "none":
		return column + " is null", nil
	}
	return "", wrong
}

var compare = map[string]string{"is": "=", "least": ">=", "most": "<="}

func (c *compiler) number(f *Filter, column string, wrong error) (string, error) {
	var n int64
	op := compare[f.Op]
	if op == "" || json.Unmarshal(f.Value, &n) != nil {
		return "", wrong
	}
	return column + " " + op + " " + c.arg(n) + "::bigint", nil
}

// moment takes RFC 3339 times (before, after) and durations until now as "36h" (older, within).
func (c *compiler) moment(f *Filter, column string, age bool, wrong error) (string, error) {
	var text string
	if json.Unmarshal(f.Value, &text) != nil {
		var on bool
		if age && f.Op == "is" && json.Unmarshal(f.Value, &on) == nil {
			return fmt.Sprintf("(%s is not null) = %s::boolean", column, c.arg(on)), nil
		}
		return "", wrong
	}
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		switch f.Op {
		case "before":
			return column + " < " + c.arg(at.UTC()) + "::timestamptz", nil
		case "after":
			return column + " >= " + c.arg(at.UTC()) + "::timestamptz", nil
		}
		return "", wrong
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 10*365*24*time.Hour {
		return "", wrong
	}
	switch f.Op {
	case "older":
		return column + " < now() - " + c.arg(d) + "::interval", nil
	case "within":
		return column + " >= now() - " + c.arg(d) + "::interval", nil
	}
	return "", wrong
}
