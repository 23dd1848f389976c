package bot

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"time"

	"tingxin/nlp/slot"
)

// Patterns are the house's own forms of values, in the place of the usual ones: RE2,
// matched against folded text (small letters, half width, digits for spoken ones); the
// first group is the value.
type Patterns struct {
	Order    string `json:"order,omitempty" maxLength:"300"`
	Tracking string `json:"tracking,omitempty" maxLength:"300"`
}

const (
	maxPattern = 300 // bytes
	maxSteps   = 400 // of RE2 a character; the usual patterns take up to 150
)

// finder finds values with the patterns.
func (p Patterns) finder(zone *time.Location) (*slot.Finder, error) {
	cfg := slot.Config{Zone: zone, Patterns: make(map[slot.Type]string)}
	for kind, text := range map[slot.Type]string{slot.Order: p.Order, slot.Tracking: p.Tracking} {
		if text != "" {
			cfg.Patterns[kind] = text
		}
	}
	return slot.New(cfg)
}

// Check tells what is wrong: a pattern that is none, that is found in nothing, or that
// is too large: RE2 takes time in proportion to the message, but the proportion may be.
func (p Patterns) Check() error {
	for name, text := range map[string]string{"order": p.Order, "tracking": p.Tracking} {
		if len(text) > maxPattern {
			return fmt.Errorf("the pattern of %s is longer than %d bytes", name, maxPattern)
		}
		if bare := escapes.ReplaceAllString(text, ""); strings.ToLower(bare) != bare && !strings.Contains(bare, "(?i") {
			return fmt.Errorf("the pattern of %s has capitals: texts are folded to small letters before it is looked for", name)
		}
	}
	if _, err := p.finder(nil); err != nil {
		return err
	}
	for name, text := range map[string]string{"order": p.Order, "tracking": p.Tracking} {
		if n := steps(text); n > maxSteps {
			return fmt.Errorf("the pattern of %s is too large: %d steps a character, %d are allowed; repeat less", name, n, maxSteps)
		}
	}
	return nil
}

// steps is the size of a pattern's program: RE2 takes at most that many steps for a
// character of the message (R. Cox, Regular Expression Matching in the Wild, 2010).
func steps(pattern string) int {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0 // the finder has told why
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return maxSteps + 1
	}
	return len(prog.Inst)
}
