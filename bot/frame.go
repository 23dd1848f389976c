package bot

import (
	"fmt"
	"regexp"
	"strings"

	"tingxin/nlp/slot"
)

// Frame is what an intent needs and does, as data.
type Frame struct {
	Slots []FrameSlot `json:"slots,omitempty" yaml:"slots" maxItems:"8"`
	// Tool is asked once all values are there; without one the answer is given at once.
	Tool string `json:"tool,omitempty" yaml:"tool" maxLength:"64"`
	// Sure is asked before the tool acts, by language; empty acts at once.
	Sure map[string]string `json:"sure,omitempty" yaml:"sure"`
	// Answer is the template of the answer by language: {{slot}} and what the tool gave.
	Answer map[string]string `json:"answer" yaml:"answer"`
	// Missing is the answer when the tool knows nothing of it; the bot's own words when empty.
	Missing map[string]string `json:"missing,omitempty" yaml:"missing"`
	// Handover lets a person finish once the values are there, instead of an answer.
	Handover bool `json:"handover,omitempty" yaml:"handover"`
}

// fill makes what is not there empty: an answer and a prompt are objects.
func (f *Frame) fill() {
	if f.Answer == nil {
		f.Answer = map[string]string{}
	}
	for i := range f.Slots {
		if f.Slots[i].Prompt == nil {
			f.Slots[i].Prompt = map[string]string{}
		}
	}
}

// FrameSlot is a value that a frame needs.
type FrameSlot struct {
	Name string `json:"name" yaml:"name" maxLength:"64"`
	// Type is one of nlp/slot's (order, tracking, phone for mobile and tel, email, id18, bank_card, amount, date, time), "text" or "choice".
	Type   string            `json:"type" yaml:"type" enum:"order,tracking,phone,email,id18,bank_card,amount,date,time,text,choice"`
	Prompt map[string]string `json:"prompt" yaml:"prompt"`
	// Choices of type choice, by language; the first is written down.
	Choices []map[string]string `json:"choices,omitempty" yaml:"choices" maxItems:"10"`
	// Pattern must fit the value (RE2, the whole of it); any when empty.
	Pattern string `json:"pattern,omitempty" yaml:"pattern" maxLength:"200"`
	// Optional is used when it is there and never asked for.
	Optional bool `json:"optional,omitempty" yaml:"optional"`

	pattern *regexp.Regexp
}

var slotTypes = map[string]bool{"order": true, "tracking": true, "phone": true, "email": true, "id18": true, "bank_card": true, "amount": true, "date": true, "time": true, "text": true, "choice": true}

var (
	nameForm    = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
	placeholder = regexp.MustCompile(`\{\{\s*([a-z][a-z0-9_]*)\s*\}\}`)
)

// Bounds of what people write into frames and intents.
const (
	maxTemplate = 2000 // bytes
	maxChoices  = 10
)

// Check tells what is wrong with a frame and prepares its patterns.
func (f *Frame) Check() error {
	if len(f.Slots) > 8 {
		return fmt.Errorf("a frame may ask for 8 values, this one asks for %d", len(f.Slots))
	}
	seen := make(map[string]bool)
	for i := range f.Slots {
		if err := f.Slots[i].check(); err != nil {
			return err
		}
		if seen[f.Slots[i].Name] {
			return fmt.Errorf("slot %q stands twice in the frame", f.Slots[i].Name)
		}
		seen[f.Slots[i].Name] = true
	}
	if !f.Handover && inLang(f.Answer, "zh") == "" {
		return fmt.Errorf("a frame needs an answer in zh or en, or a handover")
	}
	if f.Tool != "" && !nameForm.MatchString(f.Tool) {
		return fmt.Errorf("%q is not the name of a tool", f.Tool)
	}
	for _, m := range []map[string]string{f.Answer, f.Missing, f.Sure} {
		if err := checkTexts(m); err != nil {
			return err
		}
	}
	if f.Tool == "" {
		for _, t := range f.Answer {
			for _, m := range placeholder.FindAllStringSubmatch(t, -1) {
				if !seen[m[1]] {
					return fmt.Errorf("nothing gives the value {{%s}} of the answer", m[1])
				}
			}
		}
	}
	return nil
}

func (s *FrameSlot) check() error {
	switch {
	case !nameForm.MatchString(s.Name):
		return fmt.Errorf("slot %q needs a name of small letters, digits and _", s.Name)
	case !slotTypes[s.Type]:
		return fmt.Errorf("slot %q has the type %q, which is none", s.Name, s.Type)
	case !s.Optional && inLang(s.Prompt, "zh") == "":
		return fmt.Errorf("slot %q needs a prompt in zh or en", s.Name)
	case s.Type == "choice" && (len(s.Choices) < 2 || len(s.Choices) > maxChoices):
		return fmt.Errorf("slot %q needs 2 to %d choices", s.Name, maxChoices)
	case sealedName(s.Type) && s.Name != s.Type:
		return fmt.Errorf("slot %q holds an %s and must have that name, which is kept sealed", s.Name, s.Type)
	}
	if s.Pattern != "" {
		p, err := regexp.Compile(`^(?:` + s.Pattern + `)$`)
		if err != nil {
			return fmt.Errorf("slot %q: %w", s.Name, err)
		}
		s.pattern = p
	}
	return checkTexts(s.Prompt)
}

func checkTexts(m map[string]string) error {
	for lang, t := range m {
		if lang != "zh" && lang != "en" {
			return fmt.Errorf("a text is in %q: the languages are zh and en", lang)
		}
		if len(t) > maxTemplate {
			return fmt.Errorf("a text is longer than %d bytes", maxTemplate)
		}
	}
	return nil
}

func (s *FrameSlot) fits(value string) bool { return s.pattern == nil || s.pattern.MatchString(value) }

// choice finds which of the choices a folded text means.
func (s *FrameSlot) choice(folded string, fold func(string) string) (string, bool) {
	for _, c := range s.Choices {
		for _, label := range c {
			if l := fold(label); l != "" && (folded == l || strings.Contains(folded, l) && len(l) >= 4) {
				return inLang(c, "en"), true
			}
		}
	}
	return "", false
}

// found are the values of a message that fit the slot's type.
func (s *FrameSlot) found(values []slot.Value) []slot.Value {
	var out []slot.Value
	for _, v := range values {
		if nameOf(v.Type) == s.Type && s.fits(v.Value) {
			out = append(out, v)
		}
	}
	return out
}
