package kb

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"tingxin/nlp/slot"
)

// Warning is something that an editor should look at; it keeps nothing from being saved.
type Warning struct {
	Code string `json:"code" enum:"passage_long,twin_missing,owner_missing,review_missing,review_overdue,dead_link,pii,duplicate,slow_rule"`
	// Text is what it is about: the beginning of the passage, the address, the kind of
	// value, the title of the other article.
	Text string `json:"text,omitempty"`
	// N is the number that goes with it: characters, per cent, microseconds; ID another article.
	N  int   `json:"n,omitempty"`
	ID int64 `json:"id,omitempty"`
}

// piiTypes are values of people that have no place in an article.
var piiTypes = []slot.Type{slot.Email, slot.ID18, slot.BankCard, slot.Mobile}

var finder = sync.OnceValues(func() (*slot.Finder, error) { return slot.New(slot.Config{}) })

// Lint looks at an article as an editor would save it: id is 0 for a new one.
func (s *Service) Lint(ctx context.Context, id int64, key, lang string, e Edit) ([]Warning, error) {
	if err := e.check(); err != nil {
		return nil, err
	}
	out := append(lintText(&e.Content), lintDuty(&e, s.store.now())...)
	for i, r := range e.Rules {
		if r.Kind == RuleRegexp {
			if took := timed(regexp.MustCompile(r.Text)); took > maxMatch/10 { // checked above
				out = append(out, Warning{Code: "slow_rule", Text: e.Rules[i].Text, N: int(took.Microseconds())})
			}
		}
	}
	twins, err := s.store.Twins(ctx, key)
	if err != nil {
		return nil, err
	}
	for _, other := range Languages {
		if other != lang && !slices.ContainsFunc(twins, func(r Record) bool { return r.Lang == other && r.State != Retired }) {
			out = append(out, Warning{Code: "twin_missing", Text: other})
		}
	}
	dead, err := s.deadLinks(ctx, Links(e.Markdown()))
	if err != nil {
		return nil, err
	}
	out = append(out, dead...)
	near, err := s.Duplicates(ctx, key, lang, &e.Content)
	if err != nil {
		return nil, err
	}
	for _, d := range near {
		if d.ID != id {
			out = append(out, Warning{Code: "duplicate", Text: d.Title, ID: d.ID, N: int(d.Cosine*100 + 0.5)})
		}
	}
	return append([]Warning{}, out...), nil
}

// lintText looks for long passages and for values of people.
func lintText(c *Content) []Warning {
	var out []Warning
	text := PlainText(c.Markdown())
	for paragraph := range strings.SplitSeq(text, "\n") {
		if n := utf8.RuneCountInString(paragraph); n > MaxPassage {
			out = append(out, Warning{Code: "passage_long", Text: begin(paragraph, 40), N: n})
		}
	}
	find, err := finder()
	if err != nil {
		return out
	}
	all := c.Title + "\n" + text
	for _, v := range c.Variants {
		all += "\n" + v.Text
	}
	seen := map[slot.Type]bool{}
	for len(all) > 0 {
		part := all[:min(len(all), slot.MaxText)]
		all = all[len(part):]
		values, err := find.Find(part, time.Time{})
		if err != nil {
			return out
		}
		for _, v := range values {
			if slices.Contains(piiTypes, v.Type) && !seen[v.Type] {
				seen[v.Type] = true
				out = append(out, Warning{Code: "pii", Text: string(v.Type)})
			}
		}
	}
	return out
}

// lintDuty looks whether somebody cares for the article.
func lintDuty(e *Edit, now time.Time) []Warning {
	var out []Warning
	if e.Owner == "" {
		out = append(out, Warning{Code: "owner_missing"})
	}
	day, err := time.Parse(time.DateOnly, e.ReviewBy)
	switch {
	case e.ReviewBy == "" || err != nil:
		out = append(out, Warning{Code: "review_missing"})
	case day.Before(now.Truncate(24 * time.Hour)):
		out = append(out, Warning{Code: "review_overdue", Text: e.ReviewBy})
	}
	return out
}

// helpArticle and helpFile are addresses of the help centre.
var (
	helpArticle = regexp.MustCompile(`^/help/(zh|en)/a/([^/?#]+)`)
	helpFile    = regexp.MustCompile(`^/help/files/([0-9a-f-]{36})$`)
)

// deadLinks are addresses inside this server that lead to nothing.
func (s *Service) deadLinks(ctx context.Context, links []string) ([]Warning, error) {
	var out []Warning
	for _, link := range links[:min(len(links), 200)] {
		if !local(link) {
			continue
		}
		alive := link == "/help" || link == "/help/"
		if m := helpArticle.FindStringSubmatch(link); m != nil {
			alive = s.Find(m[2], m[1], Agents) != nil
		} else if m := helpFile.FindStringSubmatch(link); m != nil {
			there, err := s.store.hasFile(ctx, m[1])
			if err != nil {
				return nil, err
			}
			alive = there
		} else if strings.HasPrefix(link, "/help/") {
			alive = strings.Count(link, "/") <= 2 || strings.Contains(link, "/c/") || strings.Contains(link, "/search")
		}
		if !alive {
			out = append(out, Warning{Code: "dead_link", Text: begin(link, 200)})
		}
	}
	return out, nil
}

func begin(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n]) + "…"
}
