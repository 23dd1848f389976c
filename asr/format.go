package asr

import (
	"strings"

	"tingxin/asr/text"
)

// format turns raw words into the text to show and maps it back to the words.
func format(lang string, words []Word) (string, []Span) {
	in := make([]text.Word, len(words))
	for i, w := range words {
		in[i] = text.Word(w)
	}
	out, spans := text.Format(lang, in)
	if out == "" {
		return join(words), nil
	}
	ours := make([]Span, len(spans))
	for i, s := range spans {
		ours[i] = Span(s)
	}
	return out, ours
}

func join(words []Word) string {
	parts := make([]string, len(words))
	for i, w := range words {
		parts[i] = w.Text
	}
	return strings.Join(parts, " ")
}
