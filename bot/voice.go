package bot

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
)

// Spoken is one turn of a caller.
type Spoken struct {
	Call, Text, Lang string
	Contact          int64
	Keys             bool
	// Emotion is how the voice sounds, 0 to 1; negative when it was not read.
	Emotion float64
}

// Voice is what the caller is told and what the flow does then.
type Voice struct {
	Text, Lang     string
	Handover, Over bool
	Packet         json.RawMessage
}

// Call takes one turn of a caller: the same engine as for chats, with a reply that can
// be spoken: no sources, choices as numbers to press.
func (e *Engine) Call(ctx context.Context, s Spoken) (Voice, error) {
	in := Input{Text: s.Text, Lang: firstPart(s.Lang), Channel: ChannelCall, Keys: s.Keys}
	if s.Emotion >= 0 {
		in.Emotion = &s.Emotion
	}
	r, err := e.Turn(ctx, Session{Subject: CallSubject(s.Call), Contact: s.Contact}, in)
	if err != nil {
		return Voice{}, err
	}
	v := Voice{Text: aloud(&r), Lang: r.Lang, Over: r.Intent == "goodbye", Handover: r.Handover != nil}
	if r.Handover != nil {
		v.Packet, err = json.Marshal(r.Handover)
	}
	return v, err
}

var (
	links   = regexp.MustCompile(`https?://\S+`)
	numbers = regexp.MustCompile(`[A-Z]{0,4}\d{6,}`)
)

// aloud is a reply as it is spoken: long numbers in groups, buttons as keys to press.
func aloud(r *Reply) string {
	var b strings.Builder
	for _, p := range r.Parts {
		switch p.Kind {
		case "text":
			t := links.ReplaceAllString(p.Text, "")
			b.WriteString(numbers.ReplaceAllStringFunc(t, grouped))
			b.WriteString(" ")
		case "buttons":
			if r.Decision != DoClarify && r.Decision != DoConfirm && r.Decision != DoAsk {
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

// CallSubject is the subject of a call's session.
func CallSubject(call string) string { return "call:" + call }
