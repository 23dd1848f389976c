package ivr

import (
	"context"
	"strings"
)

// Feeler is what a Line offers besides when callers' voices may be read for
// emotion. Without it, or when it says no, a flow neither announces nor allows it.
type Feeler interface {
	// Feels tells whether this caller's voice would be read: the server does so,
	// and this caller has not declined it before.
	Feels(ctx context.Context) bool
	// Feel settles whether the voice may be read from here on.
	Feel(ctx context.Context, c Consent) error
	// Emotion is the caller's mood in one word: calm, tense, angry, or unknown.
	Emotion() string
}

// emotionVariable holds the caller's mood in flows: branch on it, or say it.
const emotionVariable = "emotion"

// noEmotion is its value while nothing was read.
const noEmotion = "unknown"

// EmotionNotice announces in language (Chinese for "zh", otherwise English) that
// the voice is read, for flows and routes without words of their own.
func EmotionNotice(language string) Speech {
	if strings.HasPrefix(language, "zh") {
		return Speech{Text: "通话中，系统会根据您的声音判断情绪，以便更好地为您服务。", Language: "zh"}
	}
	return Speech{Text: "So that we can help you better, the sound of your voice is also evaluated for how you feel.", Language: "en"}
}

// emotionNotice is what the node announces besides, nil when the voice is not read.
func (r *run) emotionNotice(ctx context.Context, rec *Record) []Speech {
	f, ok := r.line.(Feeler)
	if !rec.Emotion || !ok || !f.Feels(ctx) {
		return nil
	}
	if len(rec.EmotionAnnounce) > 0 {
		return rec.EmotionAnnounce
	}
	return []Speech{EmotionNotice(r.language)}
}

// settle tells the line what the caller was told and said, first about the voice, then about the recording.
func (r *run) settle(ctx context.Context, c Consent, told bool) error {
	if told {
		feel := c
		if feel == ConsentNone {
			feel = ConsentAnnounced // of the recording nothing was said, of the voice it was
		}
		if err := r.line.(Feeler).Feel(ctx, feel); err != nil {
			return err
		}
	}
	return r.line.Record(ctx, c)
}

// value is the value of a variable now.
func (r *run) value(name string) string {
	if name != emotionVariable {
		return r.vars[name]
	}
	if f, ok := r.line.(Feeler); ok {
		return f.Emotion()
	}
	return noEmotion
}
