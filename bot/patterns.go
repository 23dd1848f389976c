package bot

import (
	"fmt"
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
	maxPattern  = 300                   // bytes
	patternTime = 50 * time.Millisecond // for the longest message that the bot reads
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
// takes too long on a long message. RE2 takes time in proportion to the message, but
// the proportion may be large.
func (p Patterns) Check() error {
	for name, text := range map[string]string{"order": p.Order, "tracking": p.Tracking} {
		if len(text) > maxPattern {
			return fmt.Errorf("the pattern of %s is longer than %d bytes", name, maxPattern)
		}
		if bare := escapes.ReplaceAllString(text, ""); strings.ToLower(bare) != bare && !strings.Contains(bare, "(?i") {
			return fmt.Errorf("the pattern of %s has capitals: texts are folded to small letters before it is looked for", name)
		}
	}
	own, err := p.finder(nil)
	if err != nil {
		return err
	}
	plain, err := slot.New(slot.Config{})
	if err != nil {
		return err
	}
	for name, hard := range map[string]string{"letters": strings.Repeat("a", MaxText), "digits": strings.Repeat("7", MaxText), "words": strings.Repeat("a1-", MaxText/3), "汉": strings.Repeat("单", MaxText/3)} {
		if took := quickest(own, hard) - quickest(plain, hard); took > patternTime {
			return fmt.Errorf("a pattern takes %d ms for a long message of %s, %d are allowed", took.Milliseconds(), name, patternTime.Milliseconds())
		}
	}
	return nil
}

// quickest is the best of three: another program's turn is not the pattern's fault.
func quickest(f *slot.Finder, text string) time.Duration {
	best := time.Hour
	for range 3 {
		begun := time.Now()
		_, _ = f.Find(text, begun) // too long it is not
		best = min(best, time.Since(begun))
	}
	return best
}
