package kb

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of an article.
const (
	// MaxVariants is how many phrasings one article may have in one language.
	MaxVariants = 200
	// MaxPassage is the length in characters of a passage that is searched as one.
	MaxPassage = 350
)

// Article answers one kind of question in one language.
type Article struct {
	ID       string   `json:"id"`
	Lang     string   `json:"lang"`
	Category string   `json:"category,omitempty"`
	Title    string   `json:"title"`
	Variants []string `json:"variants,omitempty"` // other phrasings of the question
	Answer   string   `json:"answer"`
	Rules    []Rule   `json:"rules,omitempty"`
}

// Rule answers by its article whatever the model thinks. An equal phrasing is a rule
// by itself.
type Rule struct {
	// Kind is one of the kinds of rules.
	Kind string `json:"kind" enum:"interface,exact,contains,regexp"`
	// Text is folded like questions, a regexp is matched against the folded question.
	Text string `json:"text" maxLength:"500"`
	// Tool is who answers instead of the article's text; of the kind "interface" only.
	Tool string `json:"tool,omitempty" maxLength:"100"`
}

// Question is what somebody asked, with the article that answers it; "" when none does.
type Question struct {
	Lang    string `json:"lang"`
	Text    string `json:"question"`
	Article string `json:"article"`
}

// Check tells what is wrong with an article.
func (a Article) Check() error {
	switch {
	case a.ID == "" || a.Lang == "" || strings.TrimSpace(a.Title) == "":
		return fmt.Errorf("article %q: id, lang and title are needed", a.ID)
	case len(a.Rules) > MaxRules:
		return fmt.Errorf("article %q has %d rules, %d are allowed", a.ID, len(a.Rules), MaxRules)
	case len(a.Variants) > MaxVariants:
		return fmt.Errorf("article %q has %d phrasings, %d are allowed", a.ID, len(a.Variants), MaxVariants)
	}
	for _, r := range a.Rules {
		if err := r.Check(); err != nil {
			return fmt.Errorf("article %q: %w", a.ID, err)
		}
	}
	return nil
}

// passages cuts an answer at the ends of sentences into pieces of at most MaxPassage
// characters; a longer sentence is cut where it must be.
func passages(answer string) []string {
	var out []string
	rest := strings.TrimSpace(answer)
	for utf8.RuneCountInString(rest) > MaxPassage {
		end, last, n := 0, 0, 0
		for i, r := range rest {
			if n++; n > MaxPassage {
				break
			}
			end = i + len(string(r))
			if strings.ContainsRune("。！？!?\n；;", r) || r == '.' && end < len(rest) && rest[end] == ' ' {
				last = end
			}
		}
		if last == 0 {
			last = end
		}
		out = append(out, strings.TrimSpace(rest[:last]))
		rest = strings.TrimSpace(rest[last:])
	}
	if rest != "" {
		out = append(out, rest)
	}
	return out
}
