package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tingxin/nlp"
)

// Condition is a tree: one of All, Any, Not and Field, or nothing, which always holds.
type Condition struct {
	All   []Condition `json:"all,omitempty" yaml:"all"`
	Any   []Condition `json:"any,omitempty" yaml:"any"`
	Not   *Condition  `json:"not,omitempty" yaml:"not"`
	Field string      `json:"field,omitempty" yaml:"field"`
	Op    string      `json:"op,omitempty" yaml:"op" doc:"is, in, has, any, contains, matches, lexicon, least, most, older, within, between, open, empty; by the type of the field"`
	Value any         `json:"value,omitempty" yaml:"value" doc:"a text, a number, true or false, or a list of texts"`

	pattern *regexp.Regexp // of matches, after Prepare
	folded  []string       // of contains
}

const (
	maxDepth    = 6
	maxNodes    = 60
	maxValues   = 100
	maxValue    = 200 // characters
	maxPattern  = 500 // bytes
	maxSubjects = 16 << 10
)

// Type is the type of a field.
type Type string

// The types, and the operators that each of them has.
const (
	Text     Type = "text"     // contains, is, matches, lexicon, empty
	Word     Type = "word"     // is, in, empty
	Words    Type = "words"    // has (all of them), any (one of them), empty
	Number   Type = "number"   // is, least, most, empty
	Flag     Type = "flag"     // is
	User     Type = "user"     // is (a user name, or nobody), in
	Span     Type = "span"     // older, within: 36h
	Clock    Type = "clock"    // between: [22:00, 06:00]
	Calendar Type = "calendar" // open, closed: the name of a calendar
)

// Ops are the operators by type.
var Ops = map[Type][]string{
	Text: {"contains", "is", "matches", "lexicon", "empty"}, Word: {"is", "in", "empty"}, Words: {"has", "any", "empty"}, Number: {"least", "most", "is", "empty"},
	Flag: {"is"}, User: {"is", "in"}, Span: {"older", "within"}, Clock: {"between"}, Calendar: {"open", "closed"},
}

// Lexicons are lists of words that conditions may name.
var Lexicons = []string{"danger", "refund", "leaving"}

// FactField describes what a condition may ask for.
type FactField struct {
	Name   string   `json:"name"`
	Type   Type     `json:"type" enum:"text,word,words,number,flag,user,span,clock,calendar"`
	Group  string   `json:"group"`
	Values []string `json:"values,omitempty" doc:"all values; any when there are none"`
}

var weekdays = []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}

var fields = func() map[string]FactField {
	all := map[string]FactField{}
	add := func(name string, t Type, values ...string) {
		group, _, _ := strings.Cut(name, ".")
		all[name] = FactField{name, t, group, values}
	}
	add("conversation.channel", Word)
	add("conversation.account", Word)
	add("conversation.state", Word, "open", "snoozed", "closed", "merged")
	add("conversation.handler", Word, "bot", "queue", "agent")
	add("conversation.queue", Word)
	add("conversation.language", Word)
	add("conversation.labels", Words)
	add("conversation.assignee", User)
	add("conversation.priority", Word, Priorities...)
	add("conversation.rating", Number)
	add("conversation.subject", Text)
	add("conversation.messages", Number)
	add("conversation.waiting", Span) // the oldest message of the customer that nobody has answered
	add("conversation.age", Span)
	add("conversation.idle", Span) // since the last message
	add("conversation.answered", Flag)
	add("conversation.reason", Word) // of the bot's last hand-over
	add("conversation.intent", Word)
	add("conversation.slots", Words) // names of slots that the bot handed over
	add("message.text", Text)
	add("message.kind", Word, "text", "note", "choice", "rating", "complaint", "unknown")
	add("message.author", Word, "customer", "bot", "agent", "system")
	add("message.length", Number)
	add("ticket.type", Word)
	add("ticket.state", Word, "new", "open", "pending_customer", "pending_third", "on_hold", "resolved", "closed")
	add("ticket.priority", Word, Priorities...)
	add("ticket.queue", Word)
	add("ticket.assignee", User)
	add("ticket.tags", Words)
	add("ticket.language", Word)
	add("ticket.source", Word, "agent", "customer", "bot", "rule", "call", "conversation", "feedback", "import")
	add("ticket.complaint", Flag)
	add("ticket.subject", Text)
	add("ticket.text", Text) // subject and body
	add("ticket.id", Number)
	add("ticket.age", Span)
	add("ticket.in_state", Span)
	add("ticket.reopened", Number)
	add("ticket.child", Flag)
	add("event.actor", Word) // user name, customer, bot, system, rule:NAME
	add("event.by_rule", Flag)
	add("event.changed", Words)
	add("event.clock", Word, "first_any", "first_human", "next", "update", "resolution")
	add("event.level", Number)
	add("event.public", Flag)
	add("event.was_state", Word)
	add("call.direction", Word, "in", "out")
	add("call.trunk", Word)
	add("call.route", Word)
	add("call.language", Word)
	add("call.cause", Word)
	add("call.answered", Flag)
	add("call.seconds", Number)
	add("call.disposition", Word)
	add("call.queue", Word)
	add("call.score", Number)
	add("contact.name", Text)
	add("contact.known", Flag)
	add("contact.vip", Flag)
	add("contact.language", Word)
	add("contact.tags", Words)
	add("contact.open_tickets", Number)
	add("contact.tickets_week", Number)
	add("contact.calls_week", Number)
	add("contact.conversations_week", Number)
	add("queue.id", Word)
	add("queue.metric", Word)
	add("queue.severity", Word, "warning", "critical")
	add("queue.value", Number)
	add("time.weekday", Word, weekdays...)
	add("time.clock", Clock)
	add("time.calendar", Calendar)
	return all
}()

// customPrefixes begin fields of forms: what stands behind them is the key.
var customPrefixes = []string{"ticket.field.", "contact.field."}

// FieldOf finds a field.
func FieldOf(name string) (FactField, bool) {
	if f, ok := fields[name]; ok {
		return f, true
	}
	for _, p := range customPrefixes {
		if key, ok := strings.CutPrefix(name, p); ok && key != "" && len(key) <= 64 {
			group, _, _ := strings.Cut(name, ".")
			return FactField{Name: name, Type: Text, Group: group}, true
		}
	}
	return FactField{}, false
}

// Known tells whether a text may use a field.
func Known(name string) bool {
	if name == "rule" || name == "agent.name" || name == "conversation.key" || name == "call.id" || name == "contact.id" {
		return true
	}
	_, ok := FieldOf(name)
	return ok
}

// Fields are all that have a fixed name, in order.
func Fields() []FactField {
	out := make([]FactField, 0, len(fields))
	for _, f := range fields {
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b FactField) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// check judges the tree and prepares its patterns.
func (c *Condition) check(f *faults, groups []string) {
	nodes := 0
	c.walk(f, "if", groups, 0, &nodes)
}

func (c *Condition) walk(f *faults, at string, groups []string, depth int, nodes *int) {
	if *nodes++; *nodes == maxNodes+1 || depth > maxDepth {
		f.add("if", outside, "at most %d conditions, %d deep", maxNodes, maxDepth)
		return
	}
	given := 0
	for _, there := range []bool{c.All != nil, c.Any != nil, c.Not != nil, c.Field != ""} {
		if there {
			given++
		}
	}
	switch {
	case given == 0:
		if depth > 0 {
			f.add(at, required, "a condition has a field, or all, any or not")
		}
	case given > 1:
		f.add(at, choice, "a condition has one of all, any, not and field")
	case c.Not != nil:
		c.Not.walk(f, at+".not", groups, depth+1, nodes)
	case c.Field != "":
		if err := c.leaf(groups); err != nil {
			f.add(at, err.code, "%s: %s", c.Field, err.text)
		}
	}
	for i := range c.All {
		c.All[i].walk(f, fmt.Sprintf("%s.all[%d]", at, i), groups, depth+1, nodes)
	}
	for i := range c.Any {
		c.Any[i].walk(f, fmt.Sprintf("%s.any[%d]", at, i), groups, depth+1, nodes)
	}
}

type wrong struct{ code, text string }

func (c *Condition) leaf(groups []string) *wrong {
	field, ok := FieldOf(c.Field)
	switch {
	case !ok:
		return &wrong{unknown, "there is no such field"}
	case !slices.Contains(groups, field.Group) && len(groups) > 0:
		return &wrong{choice, "these events have no " + field.Group}
	case !slices.Contains(Ops[field.Type], c.Op):
		return &wrong{choice, "the operator is one of " + strings.Join(Ops[field.Type], ", ")}
	}
	if c.Op == "empty" {
		if _, ok := c.Value.(bool); !ok && c.Value != nil {
			return &wrong{format, "empty is true or false"}
		}
		return nil
	}
	switch field.Type {
	case Number:
		if _, ok := number(c.Value); !ok {
			return &wrong{format, "a number"}
		}
		return nil
	case Flag:
		if _, ok := c.Value.(bool); !ok {
			return &wrong{format, "true or false"}
		}
		return nil
	}
	values, ok := list(c.Value)
	if !ok || len(values) == 0 || len(values) > maxValues {
		return &wrong{format, fmt.Sprintf("a text, or 1 to %d of them", maxValues)}
	}
	for _, v := range values {
		if v == "" || len([]rune(v)) > maxValue && c.Op != "matches" {
			return &wrong{outside, fmt.Sprintf("a value has 1 to %d characters", maxValue)}
		}
		if field.Values != nil && !slices.Contains(field.Values, v) {
			return &wrong{choice, fmt.Sprintf("%.40q is none of %s", v, strings.Join(field.Values, ", "))}
		}
	}
	return c.prepareLeaf(field, values)
}

// prepareLeaf makes patterns and folded words.
func (c *Condition) prepareLeaf(field FactField, values []string) *wrong {
	switch c.Op {
	case "contains":
		c.folded = c.folded[:0]
		for _, v := range values {
			folded := nlp.Fold(v)
			if folded == "" {
				return &wrong{format, "there is nothing to look for"}
			}
			c.folded = append(c.folded, folded)
		}
	case "matches":
		if len(values) != 1 || len(values[0]) > maxPattern {
			return &wrong{outside, fmt.Sprintf("one pattern of at most %d bytes", maxPattern)}
		}
		p, err := regexp.Compile(values[0])
		if err != nil {
			return &wrong{format, "no pattern (RE2): " + strings.TrimPrefix(err.Error(), "error parsing regexp: ")}
		}
		c.pattern = p
	case "lexicon":
		for _, v := range values {
			if !slices.Contains(Lexicons, v) {
				return &wrong{choice, fmt.Sprintf("%.40q is none of %s", v, strings.Join(Lexicons, ", "))}
			}
		}
	case "older", "within":
		if d, err := time.ParseDuration(values[0]); len(values) != 1 || err != nil || d < 0 || d > 10*maxAfter {
			return &wrong{format, "a time such as 15m or 72h"}
		}
	case "between":
		if len(values) != 2 || !clock(values[0]) || !clock(values[1]) {
			return &wrong{format, "two times of a day such as 22:00 and 06:00"}
		}
	case "open", "closed":
		if len(values) != 1 {
			return &wrong{format, "the name of a calendar"}
		}
	}
	return nil
}

func clock(s string) bool { _, err := time.Parse("15:04", s); return err == nil }

// Prepared is a copy of a condition that was checked when it was written, with its patterns made;
// it is needed before Holds, and is not changed afterwards.
func (c Condition) Prepared() Condition {
	out := c.clone()
	var f faults
	out.check(&f, nil)
	return out
}

func (c Condition) clone() Condition {
	c.All, c.Any, c.folded, c.pattern = slices.Clone(c.All), slices.Clone(c.Any), nil, nil
	for i := range c.All {
		c.All[i] = c.All[i].clone()
	}
	for i := range c.Any {
		c.Any[i] = c.Any[i].clone()
	}
	if c.Not != nil {
		not := c.Not.clone()
		c.Not = &not
	}
	return c
}

func list(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []string:
		return v, true
	case []any:
		out := make([]string, len(v))
		for i := range v {
			s, ok := v[i].(string)
			if !ok {
				return nil, false
			}
			out[i] = s
		}
		return out, true
	}
	return nil, false
}

func number(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	}
	return 0, false
}

// Facts give the value of a field: string, []string, float64, bool, time.Duration, or nil when the
// object has none. World answers for calendars.
type Facts interface {
	Value(field string) any
	Open(calendar string) bool
}

// Holds tells whether a condition holds, and appends what held to met.
func (c *Condition) Holds(facts Facts, met *[]string) bool {
	switch {
	case c.Field != "":
		if !c.holds(facts) {
			return false
		}
		if met != nil {
			*met = append(*met, c.Field+" "+c.Op)
		}
		return true
	case c.Not != nil:
		if c.Not.Holds(facts, nil) {
			return false
		}
		if met != nil && c.Not.Field != "" {
			*met = append(*met, "not "+c.Not.Field+" "+c.Not.Op)
		}
		return true
	case c.Any != nil:
		return slices.ContainsFunc(c.Any, func(one Condition) bool { return one.Holds(facts, met) })
	}
	for i := range c.All {
		if !c.All[i].Holds(facts, met) {
			return false
		}
	}
	return true
}

func (c *Condition) holds(facts Facts) bool {
	values, _ := list(c.Value)
	switch c.Op {
	case "open", "closed":
		return len(values) == 1 && facts.Open(values[0]) == (c.Op == "open")
	case "empty":
		want, ok := c.Value.(bool)
		return void(facts.Value(c.Field)) == (want || !ok)
	}
	v := facts.Value(c.Field)
	switch v := v.(type) {
	case string:
		return c.text(v, values)
	case []string:
		in := func(w string) bool {
			return slices.ContainsFunc(v, func(have string) bool { return strings.EqualFold(have, w) })
		}
		if c.Op == "has" {
			return !slices.ContainsFunc(values, func(w string) bool { return !in(w) })
		}
		return slices.ContainsFunc(values, in)
	case bool:
		want, ok := c.Value.(bool)
		return ok && v == want
	case float64:
		want, ok := number(c.Value)
		return ok && (c.Op == "is" && v == want || c.Op == "least" && v >= want || c.Op == "most" && v <= want)
	case time.Duration:
		if len(values) != 1 {
			return false
		}
		d, err := time.ParseDuration(values[0])
		return err == nil && (c.Op == "older" && v >= d || c.Op == "within" && v < d)
	}
	return false
}

func void(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []string:
		return len(v) == 0
	}
	return false
}

func (c *Condition) text(v string, values []string) bool {
	if len(v) > maxSubjects {
		v = strings.ToValidUTF8(v[:maxSubjects], "")
	}
	switch c.Op {
	case "is", "in":
		return slices.ContainsFunc(values, func(w string) bool { return strings.EqualFold(strings.TrimSpace(v), w) })
	case "contains":
		folded := nlp.Fold(v)
		return slices.ContainsFunc(c.folded, func(w string) bool { return nlp.HasWord(folded, w) })
	case "matches":
		return c.pattern != nil && c.pattern.MatchString(v)
	case "lexicon":
		folded := nlp.Fold(v)
		return slices.ContainsFunc(values, func(name string) bool {
			return slices.ContainsFunc(lexicon[name], func(w string) bool { return nlp.HasWord(folded, w) })
		})
	case "between":
		if len(values) != 2 {
			return false
		}
		if values[0] <= values[1] {
			return v >= values[0] && v < values[1]
		}
		return v >= values[0] || v < values[1] // over midnight
	}
	return false
}

// lexicon holds folded words, written by hand; "danger" are those that make tickets urgent.
var lexicon = map[string][]string{
	"danger":  nlp.Danger,
	"refund":  {"退款", "退货", "退钱", "返款", "赔偿", "赔钱", "refund", "money back", "chargeback", "compensation", "reimburse"},
	"leaving": {"注销", "销户", "退订", "不用了", "换一家", "取消订阅", "解约", "cancel my account", "close my account", "unsubscribe", "switch provider", "cancel my subscription", "terminate my contract"},
}

var use = regexp.MustCompile(`\{\{\s*([a-z_]+(?:\.[a-z0-9_-]+)*)\s*\}\}`)

// Fill puts the values of fields into a text. What is not known is left out.
func Fill(text string, facts Facts) string {
	return use.ReplaceAllStringFunc(text, func(s string) string {
		name := use.FindStringSubmatch(s)[1]
		switch v := facts.Value(name).(type) {
		case string:
			return v
		case []string:
			return strings.Join(v, ", ")
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64)
		case bool:
			return strconv.FormatBool(v)
		case time.Duration:
			return v.Round(time.Second).String()
		}
		return ""
	})
}
