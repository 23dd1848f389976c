package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Spoken is one turn of a caller.
type Spoken struct {
	Call, Text, Lang string
	Contact          int64
	Keys             bool
	// From is the number of the caller, empty when it is withheld.
	From string
	// Emotion is how the voice sounds, 0 to 1; negative when it was not read.
	Emotion float64
}

// Voice is what the caller is told and what the flow does then.
type Voice struct {
	Text, Lang     string
	Handover, Over bool
	Packet         json.RawMessage
	// Message is the queue for which the caller wants to speak a message.
	Message string
	Expect  Expect
}

// Call takes one turn of a caller: the same engine as for chats, with a reply that can
// be spoken: no sources, choices as numbers to press.
func (e *Engine) Call(ctx context.Context, s Spoken) (Voice, error) {
	in := Input{Text: s.Text, Lang: firstPart(s.Lang), Channel: ChannelCall, Keys: s.Keys, From: s.From}
	if s.Emotion >= 0 {
		in.Emotion = &s.Emotion
	}
	r, err := e.Turn(ctx, Session{Subject: CallSubject(s.Call), Contact: s.Contact}, in)
	if err != nil {
		return Voice{}, err
	}
	v := Voice{Text: aloud(&r), Lang: r.Lang, Over: r.Over || r.Intent == "goodbye", Handover: r.Handover != nil && !r.Offers, Message: r.Message, Expect: r.Expect}
	if r.Handover != nil {
		v.Packet, err = json.Marshal(r.Handover)
	}
	return v, err
}

var (
	links   = regexp.MustCompile(`https?://\S+`)
	numbers = regexp.MustCompile(`\b[A-Z]{0,4}\d{3,4}(?: \d{2,4})+\b|\b[A-Z]{1,4}\d{4,}\b|\b\d{5,}\b`)
	dates   = regexp.MustCompile(`\b(\d{4})-(\d{2})-(\d{2})\b`)
)

// aloud is a reply as it is spoken: long numbers in groups, buttons as keys to press.
func aloud(r *Reply) string {
	var b strings.Builder
	for _, p := range r.Parts {
		switch p.Kind {
		case "text":
			t := dates.ReplaceAllStringFunc(links.ReplaceAllString(p.Text, ""), func(d string) string { return spokenDate(r.Lang, d) })
			b.WriteString(numbers.ReplaceAllStringFunc(t, spelled))
			b.WriteString(" ")
		case "buttons":
			if r.Decision != DoClarify && r.Decision != DoConfirm && r.Decision != DoAsk && !r.Offers {
				continue // a caller is not asked whether it helped
			}
			for i, x := range p.Buttons {
				switch {
				case x.Value == "human":
					b.WriteString(word(r.Lang, "press_human"))
				case x.Value == "yes" || x.Value == "no":
				default:
					b.WriteString(word(r.Lang, "press", i+1, x.Label))
				}
			}
		}
	}
	return strings.TrimSpace(b.String())
}

// spelled is a number as it is read out: digit by digit, in groups with a breath between
// them; a synthesiser would make "two thousand and twenty five" of 2025.
func spelled(number string) string {
	if !strings.Contains(number, " ") {
		number = grouped(number)
	}
	groups := strings.Fields(number)
	for i, g := range groups {
		groups[i] = strings.Join(strings.Split(g, ""), " ")
	}
	return strings.Join(groups, ", ")
}

// spokenDate is a day without its year, as people say it.
func spokenDate(lang, day string) string {
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return day
	}
	if lang == "zh" {
		return fmt.Sprintf("%d月%d日", d.Month(), d.Day())
	}
	return d.Format("January 2")
}

// CallSubject is the subject of a call's session.
func CallSubject(call string) string { return "call:" + call }
