package kb

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"tingxin/nlp"
)

// Bounds of rules.
const (
	// MaxRules is how many rules one article may have.
	MaxRules = 50
	// maxRuleText is the length in bytes of a rule's text.
	maxRuleText = 500
	// maxMatch is how long a pattern may take over the longest question. RE2 is linear
	// in it, so only the size of the pattern counts.
	maxMatch = 50 * time.Millisecond
)

// Kinds of rules in the order in which they are tested over all articles.
const (
	// RuleInterface answers by a tool when the question holds the text.
	RuleInterface = "interface"
	// RuleExact wants an equal question, spaces and punctuation aside.
	RuleExact = "exact"
	// RuleContains wants the text somewhere in the question.
	RuleContains = "contains"
	// RuleRegexp wants the RE2 pattern to match the folded question.
	RuleRegexp = "regexp"
)

// Check tells what is wrong with a rule. A pattern is compiled and timed.
func (r Rule) Check() error {
	if len(r.Text) > maxRuleText {
		return fmt.Errorf("a rule has %d bytes, %d are allowed", len(r.Text), maxRuleText)
	}
	if (r.Kind == RuleInterface) != (r.Tool != "") {
		return fmt.Errorf("a tool belongs to a rule of the kind %q, and to no other", RuleInterface)
	}
	switch r.Kind {
	case RuleInterface, RuleExact, RuleContains:
		if bare(r.Text) == "" {
			return fmt.Errorf("a rule is empty")
		}
	case RuleRegexp:
		pattern, err := regexp.Compile(r.Text)
		if err != nil {
			return err
		}
		if pattern.MatchString("") {
			return fmt.Errorf("the pattern %q matches everything", r.Text)
		}
		if took := timed(pattern); took > maxMatch {
			return fmt.Errorf("the pattern %q takes %v over a long question, %v are allowed", r.Text, took.Round(time.Millisecond), maxMatch)
		}
	default:
		return fmt.Errorf("a rule is %q, it can be exact, contains, regexp or interface", r.Kind)
	}
	return nil
}

// timed is how long a pattern takes over the longest question, the best of three:
// another process may have had the core.
func timed(pattern *regexp.Regexp) time.Duration {
	best := time.Hour
	text := strings.Repeat("ab1订单 ", MaxQuestion/10)
	for range 3 {
		begun := time.Now()
		pattern.MatchString(text)
		best = min(best, time.Since(begun))
	}
	return best
}

// ruled is a rule that fired.
type ruled struct {
	article          int
	kind, text, tool string
}

// rulebook holds the rules of one language.
type rulebook struct {
	interfaces, contains []ruled
	exact                map[string][]ruled
	patterns             []patternRule
}

type patternRule struct {
	*regexp.Regexp
	ruled
}

// newRulebook takes articles that were checked. Rules that people wrote stand before
// equal phrasings of other articles.
func newRulebook(articles []Article) *rulebook {
	b := &rulebook{exact: make(map[string][]ruled)}
	for at, a := range articles {
		for _, r := range a.Rules {
			rule := ruled{at, r.Kind, r.Text, r.Tool}
			switch r.Kind {
			case RuleInterface:
				rule.text = nlp.Fold(r.Text)
				b.interfaces = append(b.interfaces, rule)
			case RuleExact:
				b.exact[bare(r.Text)] = append(b.exact[bare(r.Text)], rule)
			case RuleContains:
				rule.text = nlp.Fold(r.Text)
				b.contains = append(b.contains, rule)
			case RuleRegexp:
				if pattern, err := regexp.Compile(r.Text); err == nil {
					b.patterns = append(b.patterns, patternRule{pattern, rule})
				}
			}
		}
	}
	for at, a := range articles {
		for _, raw := range append([]string{a.Title}, a.Variants...) {
			if text := bare(raw); text != "" {
				b.exact[text] = append(b.exact[text], ruled{at, RuleExact, raw, ""})
			}
		}
	}
	return b
}

// find is the first rule that fires for an article that may be seen; nil when none does.
func (b *rulebook) find(folded string, may func(article int) bool) *ruled {
	for i := range b.interfaces {
		if r := &b.interfaces[i]; strings.Contains(folded, r.text) && may(r.article) {
			return r
		}
	}
	same := b.exact[bare(folded)]
	for i := range same {
		if may(same[i].article) {
			return &same[i]
		}
	}
	for i := range b.contains {
		if r := &b.contains[i]; strings.Contains(folded, r.text) && may(r.article) {
			return r
		}
	}
	for i := range b.patterns {
		if r := &b.patterns[i]; may(r.article) && r.MatchString(folded) {
			return &r.ruled
		}
	}
	return nil
}

// bare is a folded text without spaces and punctuation, for exact rules.
func bare(raw string) string {
	return strings.Join(strings.FieldsFunc(nlp.Fold(raw), func(r rune) bool {
		return r == ' ' || strings.ContainsRune("?!.,。、;:…~", r)
	}), " ")
}

// everyone may see every article.
func everyone(int) bool { return true }
