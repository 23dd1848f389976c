package kb

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"tingxin/nlp"
)

// Languages that articles can be in: those that have a sentence model.
var Languages = []string{"zh", "en"}

// Bounds of an article's content.
const (
	MaxTitle    = 200      // characters
	MaxBody     = 64 << 10 // bytes of Markdown
	MaxPhrasing = 500      // characters
	MaxLevels   = 8        // of categories
	MaxParts    = 100      // attributes of a product, steps of a process
)

// Type of an article: its template.
type Type string

// Types.
const (
	FAQ     Type = "faq"     // question, answer
	Product Type = "product" // attributes, text
	Process Type = "process" // steps, text
)

// Audience is who may read an article.
type Audience string

// Audiences; agents read both.
const (
	Public Audience = "public"
	Agents Audience = "agent"
)

// State of an article's latest version.
type State string

// States: draft -> review -> live -> retired, and back to draft from each.
const (
	Draft   State = "draft"
	Review  State = "review"
	Live    State = "live"
	Retired State = "retired"
)

// Source of a phrasing.
type Source string

// Sources.
const (
	FromHuman   Source = "human"
	FromCluster Source = "cluster" // of questions that were asked
	FromImport  Source = "import"
)

// Variant is another phrasing of the question.
type Variant struct {
	Text   string `json:"text" maxLength:"500"`
	Source Source `json:"source,omitempty" enum:"human,cluster,import"`
}

// Attribute is one line of a product's sheet.
type Attribute struct {
	Name  string `json:"name" maxLength:"200"`
	Value string `json:"value" maxLength:"1000"`
}

// Content is what a version of an article says.
type Content struct {
	Type     Type     `json:"type" enum:"faq,product,process"`
	Title    string   `json:"title" maxLength:"200" doc:"the question, or the name of the thing"`
	Body     string   `json:"body" maxLength:"65536" doc:"Markdown"`
	Category string   `json:"category,omitempty" maxLength:"500" doc:"path of at most 8 levels, such as orders/shipping"`
	Audience Audience `json:"audience" enum:"public,agent"`
	// Variants are other phrasings, at most 200.
	Variants []Variant `json:"variants,omitempty" maxItems:"200"`
	Rules    []Rule    `json:"rules,omitempty" maxItems:"50"`
	// Attributes belong to products, Steps (Markdown) to processes.
	Attributes []Attribute `json:"attributes,omitempty" maxItems:"100"`
	Steps      []string    `json:"steps,omitempty" maxItems:"100"`
	// Needs are slots without which the answer is of little use, such as "order".
	Needs []string `json:"needs,omitempty" maxItems:"10"`
}

// Record is an article with its state; its Content is that of Version.
type Record struct {
	ID   int64  `json:"id"`
	Key  string `json:"key" doc:"the same in every language; import finds an article by it"`
	Lang string `json:"lang" enum:"zh,en"`
	Content
	State       State     `json:"state" enum:"draft,review,live,retired"`
	Owner       string    `json:"owner" doc:"user name"`
	ReviewBy    string    `json:"review_by,omitempty" doc:"day by which somebody must look again, YYYY-MM-DD"`
	Version     int       `json:"version" doc:"the latest"`
	LiveVersion int       `json:"live_version" doc:"the one that readers and the bot see; 0: none"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	UpdatedBy   string    `json:"updated_by"`
}

// ContentError says what is wrong with content, in a sentence for whoever wrote it.
type ContentError struct{ Reason string }

func (e *ContentError) Error() string { return e.Reason }

func wrong(format string, args ...any) error { return &ContentError{fmt.Sprintf(format, args...)} }

// Errors of stores and life cycle; errors.Is finds them.
var (
	// ErrVersion: somebody else saved in between.
	ErrVersion = errors.New("the article was changed by somebody else in the meantime")
	// ErrState: the article's state does not allow that.
	ErrState = errors.New("the article's state does not allow this")
	// ErrRight: this person may not do that.
	ErrRight = errors.New("this is not yours to decide")
)

// Normalize brings content into the form in which it is kept: trimmed, without
// control characters, equal phrasings and empty parts gone, defaults filled in.
func (c *Content) Normalize() {
	if c.Type == "" {
		c.Type = FAQ
	}
	if c.Audience == "" {
		c.Audience = Public
	}
	c.Title, c.Body, c.Category = line(c.Title), strings.TrimSpace(clean(c.Body)), CategoryPath(c.Category)
	seen := map[string]bool{nlp.Fold(c.Title): true}
	var variants []Variant
	for _, v := range c.Variants {
		v.Text = line(v.Text)
		if folded := nlp.Fold(v.Text); folded != "" && !seen[folded] {
			seen[folded] = true
			if v.Source == "" {
				v.Source = FromHuman
			}
			variants = append(variants, v)
		}
	}
	c.Variants = variants
	for i := range c.Rules {
		c.Rules[i].Text, c.Rules[i].Tool = line(c.Rules[i].Text), line(c.Rules[i].Tool)
	}
	var attributes []Attribute
	for _, a := range c.Attributes {
		if a = (Attribute{line(a.Name), line(a.Value)}); a != (Attribute{}) {
			attributes = append(attributes, a)
		}
	}
	c.Attributes, c.Steps, c.Needs = attributes, lines(c.Steps), lines(c.Needs)
}

// lines are the texts that are not empty, trimmed.
func lines(texts []string) []string {
	var out []string
	for _, t := range texts {
		if t = strings.TrimSpace(clean(t)); t != "" {
			out = append(out, t)
		}
	}
	return out
}

// line is a text on one line.
func line(raw string) string { return strings.Join(strings.Fields(clean(raw)), " ") }

// clean takes out what PostgreSQL or a terminal would trip over.
func clean(raw string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || !unicode.IsControl(r) && r != utf8.RuneError {
			return r
		}
		return -1
	}, strings.ReplaceAll(raw, "\r\n", "\n"))
}

// CategoryPath brings a path into its form: "/ a/ b//" is "a/b".
func CategoryPath(raw string) string {
	var parts []string
	for part := range strings.SplitSeq(raw, "/") {
		if part = line(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/")
}

// within tells whether a category is under another one, or it; everything is under "".
func within(category, above string) bool {
	return above == "" || category == above || strings.HasPrefix(category, above+"/")
}

// Check tells what keeps normalized content from being saved: a *ContentError.
func (c *Content) Check() error {
	switch {
	case !slices.Contains([]Type{FAQ, Product, Process}, c.Type):
		return wrong("the type is %q: it is faq, product or process", c.Type)
	case !slices.Contains([]Audience{Public, Agents}, c.Audience):
		return wrong("the audience is %q: it is public or agent", c.Audience)
	case nlp.Fold(c.Title) == "":
		return wrong("a title is needed")
	case utf8.RuneCountInString(c.Title) > MaxTitle:
		return wrong("the title has more than %d characters", MaxTitle)
	case len(c.Body) > MaxBody:
		return wrong("the text has more than %d bytes", MaxBody)
	case len(c.Variants) > MaxVariants:
		return wrong("%d phrasings are more than %d", len(c.Variants), MaxVariants)
	case len(c.Rules) > MaxRules:
		return wrong("%d rules are more than %d", len(c.Rules), MaxRules)
	case len(c.Attributes) > MaxParts || len(c.Steps) > MaxParts:
		return wrong("more than %d attributes or steps", MaxParts)
	case len(c.Needs) > 10 || len(strings.Join(c.Needs, "")) > 500:
		return wrong("too many slots are needed")
	case len(c.Attributes) > 0 && c.Type != Product:
		return wrong("only products have attributes")
	case len(c.Steps) > 0 && c.Type != Process:
		return wrong("only processes have steps")
	}
	if err := checkCategory(c.Category); err != nil {
		return err
	}
	return c.checkParts()
}

func checkCategory(path string) error {
	if n := strings.Count(path, "/") + 1; n > MaxLevels {
		return wrong("the category has %d levels, %d are allowed", n, MaxLevels)
	}
	for part := range strings.SplitSeq(path, "/") {
		if utf8.RuneCountInString(part) > 60 || part == "." || part == ".." {
			return wrong("a level of the category is too long or no name")
		}
	}
	return nil
}

func (c *Content) checkParts() error {
	size := len(c.Body)
	for _, s := range c.Steps {
		size += len(s)
	}
	for _, a := range c.Attributes {
		size += len(a.Name) + len(a.Value)
	}
	if size > MaxBody {
		return wrong("text, steps and attributes have more than %d bytes", MaxBody)
	}
	for _, v := range c.Variants {
		if utf8.RuneCountInString(v.Text) > MaxPhrasing {
			return wrong("a phrasing has more than %d characters", MaxPhrasing)
		}
		if !slices.Contains([]Source{FromHuman, FromCluster, FromImport}, v.Source) {
			return wrong("the source of a phrasing is %q: it is human, cluster or import", v.Source)
		}
	}
	for i, r := range c.Rules {
		if err := r.Check(); err != nil {
			return wrong("rule %d: %v", i+1, err)
		}
	}
	return nil
}

// checkKey refuses keys that could not stand in an address.
func checkKey(key string) error {
	ok := len(key) >= 1 && len(key) <= 100
	for i, r := range key {
		ok = ok && (unicode.IsLetter(r) || unicode.IsDigit(r) || i > 0 && strings.ContainsRune("-_.", r))
	}
	if !ok {
		return wrong("the key %.40q: it is 1 to 100 bytes of letters, digits, - _ .", key)
	}
	return nil
}

// Markdown is the whole text as Markdown: attributes or steps, then the body.
func (c *Content) Markdown() string {
	var b strings.Builder
	for _, a := range c.Attributes {
		fmt.Fprintf(&b, "- **%s**: %s\n", escape(a.Name), escape(a.Value))
	}
	for i, s := range c.Steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, strings.ReplaceAll(s, "\n", "\n   "))
	}
	if b.Len() > 0 && c.Body != "" {
		b.WriteString("\n")
	}
	b.WriteString(c.Body)
	return strings.TrimSpace(b.String())
}

// escape keeps a plain text from being read as Markdown.
func escape(text string) string {
	return markdownSigns.Replace(text)
}

var markdownSigns = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "]", `\]`, "<", `\<`, "#", `\#`, "|", `\|`)

// article is the content as an index takes it.
func (c *Content) article(key, lang string) Article {
	a := Article{ID: key, Lang: lang, Category: c.Category, Title: c.Title, Answer: PlainText(c.Markdown()), Rules: c.Rules}
	for _, v := range c.Variants {
		a.Variants = append(a.Variants, v.Text)
	}
	return a
}
