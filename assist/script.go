package assist

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tingxin/nlp"
)

// Bounds of a script.
const (
	maxSteps    = 30
	maxItems    = 20  // of a step
	maxPhrases  = 20  // of an item
	maxText     = 500 // characters of a text
	maxPatterns = 200 // of all items together
)

// ScriptDoc is what a version of a script says.
type ScriptDoc struct {
	Title string `json:"title" minLength:"1" maxLength:"100"`
	Lang  string `json:"lang" enum:"zh,en"`
	// Queues and Intents choose the script by themselves.
	Queues  []string `json:"queues,omitempty" maxItems:"50" doc:"ids of queues whose talks begin with it"`
	Intents []string `json:"intents,omitempty" maxItems:"50" doc:"intents of customers that bring it up"`
	Steps   []Step   `json:"steps" minItems:"1" maxItems:"30"`
}

// Step is one stretch of a script.
type Step struct {
	Title string `json:"title" minLength:"1" maxLength:"100"`
	Say   string `json:"say,omitempty" maxLength:"500" doc:"words that may be said as they are; {{contact.name}} and {{slot.order}} are filled in"`
	Items []Item `json:"items" nullable:"false" maxItems:"20"`
}

// Item is one thing to do in a step.
type Item struct {
	Text string `json:"text" minLength:"1" maxLength:"500"`
	// Phrases tick the item when one of them is said: words, or a pattern (RE2) between slashes.
	Phrases []string `json:"phrases,omitempty" maxItems:"20"`
	// By is who has to say it.
	By       string `json:"by,omitempty" enum:"agent,customer,any" doc:"agent when empty"`
	Optional bool   `json:"optional,omitempty"`
}

// Check tells what is wrong with a script, and brings it into form.
func (d *ScriptDoc) Check() error {
	_, err := d.compile()
	return err
}

// listener is an item made ready to be heard.
type listener struct {
	key      string // "step.item", from 0
	by       string
	words    []string
	patterns []*regexp.Regexp
}

// hears tells whether a line ticks the item.
func (l *listener) hears(side Side, folded string) bool {
	if side == Machine || l.by == "agent" && side != Agent || l.by == "customer" && side != Customer {
		return false
	}
	for _, w := range l.words {
		if strings.Contains(folded, w) {
			return true
		}
	}
	for _, p := range l.patterns {
		if p.MatchString(folded) {
			return true
		}
	}
	return false
}

// compile checks a script and makes its items ready. The error is a *BadError.
func (d *ScriptDoc) compile() ([]listener, error) {
	d.Title = tidy(d.Title)
	if err := within("title", d.Title, 1, 100); err != nil {
		return nil, err
	}
	if d.Lang != "zh" && d.Lang != "en" {
		return nil, bad("lang", "it is zh or en")
	}
	if len(d.Steps) == 0 || len(d.Steps) > maxSteps {
		return nil, bad("steps", "1 to %d", maxSteps)
	}
	d.Queues, d.Intents = names(d.Queues), names(d.Intents)
	if len(d.Queues) > 50 || len(d.Intents) > 50 {
		return nil, bad("queues", "at most 50 queues and 50 intents")
	}
	var out []listener
	patterns := 0
	for i := range d.Steps {
		s := &d.Steps[i]
		s.Title, s.Say = tidy(s.Title), strings.TrimSpace(s.Say)
		where := fmt.Sprintf("steps[%d]", i)
		if err := within(where+".title", s.Title, 1, 100); err != nil {
			return nil, err
		}
		if err := within(where+".say", s.Say, 0, maxText); err != nil {
			return nil, err
		}
		if len(s.Items) > maxItems {
			return nil, bad(where+".items", "at most %d", maxItems)
		}
		if s.Items == nil {
			s.Items = []Item{}
		}
		for k := range s.Items {
			l, err := s.Items[k].compile(fmt.Sprintf("%s.items[%d]", where, k))
			if err != nil {
				return nil, err
			}
			l.key = itemKey(i, k)
			if patterns += len(l.patterns); patterns > maxPatterns {
				return nil, bad("steps", "at most %d patterns", maxPatterns)
			}
			out = append(out, l)
		}
	}
	return out, nil
}

func (it *Item) compile(where string) (listener, error) {
	it.Text = tidy(it.Text)
	if err := within(where+".text", it.Text, 1, maxText); err != nil {
		return listener{}, err
	}
	if it.By == "" {
		it.By = "agent"
	}
	if !slices.Contains([]string{"agent", "customer", "any"}, it.By) {
		return listener{}, bad(where+".by", "it is agent, customer or any")
	}
	if len(it.Phrases) > maxPhrases {
		return listener{}, bad(where+".phrases", "at most %d", maxPhrases)
	}
	l := listener{by: it.By}
	kept := []string{}
	for _, p := range it.Phrases {
		if p = tidy(p); p == "" {
			continue
		}
		if utf8.RuneCountInString(p) > 200 {
			return listener{}, bad(where+".phrases", "each has at most 200 characters")
		}
		kept = append(kept, p)
		if len(p) > 2 && p[0] == '/' && p[len(p)-1] == '/' {
			re, err := regexp.Compile("(?i)" + p[1:len(p)-1])
			if err != nil {
				return listener{}, bad(where+".phrases", "%q is no pattern: %v", p, err)
			}
			if re.MatchString("") {
				return listener{}, bad(where+".phrases", "%q fits everything", p)
			}
			l.patterns = append(l.patterns, re)
			continue
		}
		w := nlp.Fold(p)
		if utf8.RuneCountInString(w) < 2 {
			return listener{}, bad(where+".phrases", "%q is too short to be told apart", p)
		}
		l.words = append(l.words, w)
	}
	if it.Phrases = kept; len(kept) == 0 {
		it.Phrases = nil
	}
	return l, nil
}

func itemKey(step, item int) string { return strconv.Itoa(step) + "." + strconv.Itoa(item) }

// Tick is an item that was done.
type Tick struct {
	By string    `json:"by" enum:"words,hand" doc:"how it was ticked"`
	At time.Time `json:"at"`
	N  int64     `json:"n,omitempty" doc:"the line that did it"`
	// Off says that a hand took the tick away: words do not set it again.
	Off bool `json:"off,omitempty"`
}

// Ticks by item.
type Ticks map[string]Tick

// hear ticks items by the lines behind one; it tells whether something changed.
func (t Ticks) hear(items []listener, lines []Line, behind int64) bool {
	changed := false
	for i := range lines {
		l := &lines[i]
		if l.N <= behind || l.Side == Machine {
			continue
		}
		folded := nlp.Fold(l.Text)
		for k := range items {
			if _, there := t[items[k].key]; !there && items[k].hears(l.Side, folded) {
				t[items[k].key] = Tick{By: "words", At: l.At, N: l.N}
				changed = true
			}
		}
	}
	return changed
}

func (t Ticks) done(step, item int) bool {
	k, there := t[itemKey(step, item)]
	return there && !k.Off
}

// at is the first step with something left to do; the number of steps when all is done.
func (d *ScriptDoc) at(t Ticks) int {
	for i := range d.Steps {
		for k := range d.Steps[i].Items {
			if !d.Steps[i].Items[k].Optional && !t.done(i, k) {
				return i
			}
		}
	}
	return len(d.Steps)
}

// share of the items that have to be done and are.
func (d *ScriptDoc) share(t Ticks) float64 {
	done, all := 0, 0
	for i := range d.Steps {
		for k := range d.Steps[i].Items {
			if d.Steps[i].Items[k].Optional {
				continue
			}
			all++
			if t.done(i, k) {
				done++
			}
		}
	}
	if all == 0 {
		return 1
	}
	return float64(done) / float64(all)
}

// BadError says which field of what was given is wrong, and how.
type BadError struct{ Field, Text string }

func (e *BadError) Error() string { return e.Field + ": " + e.Text }

func bad(field, format string, args ...any) error {
	return &BadError{field, fmt.Sprintf(format, args...)}
}

func within(field, text string, least, most int) error {
	if n := utf8.RuneCountInString(text); n < least || n > most {
		return bad(field, "%d to %d characters", least, most)
	}
	return nil
}

// tidy makes one line of a text.
func tidy(text string) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\x00", "")), " ")
}

// names are trimmed, each once, empty ones gone.
func names(all []string) []string {
	var out []string
	for _, n := range all {
		if n = tidy(n); n != "" && len(n) <= 64 && !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out
}
