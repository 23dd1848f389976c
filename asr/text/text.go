// Package text turns the recogniser's bare lower-case words into text to read:
// numbers as digits, money, dates, times, telephone and account numbers, light
// punctuation and capitals in English; numerals, punctuation and joined
// characters in Chinese.
//
//	words -> lattice of alternatives -> cheapest path -> pieces -> text + spans
//	          (one rule per kind)       (dynamic programming)  (pauses, case)
//
// It is pure: no state, no configuration, no clock, safe from any goroutine.
// Every word belongs to exactly one Span, so times, highlights and redaction
// still find their place in the formatted text. It refuses to guess: what no rule
// knows stays as it was said. The raw words are kept by the caller.
package text

import (
	"strings"
	"time"
)

// Word is one recognised word. Start and End are call time, Conf is 0..1. It has
// the shape of asr.Word.
type Word struct {
	Text  string        `json:"text"`
	Start time.Duration `json:"start"`
	End   time.Duration `json:"end"`
	Conf  float32       `json:"conf"`
}

// Span says that text[TextStart:TextEnd] (bytes) came from words[From:To). It has
// the shape of asr.Span.
type Span struct {
	TextStart int `json:"text_start"`
	TextEnd   int `json:"text_end"`
	From      int `json:"from"`
	To        int `json:"to"`
}

// Format renders the words of one utterance. lang is a language tag: "en" and
// "zh" (or "cn") and their regional forms are known; other languages are joined
// with spaces. Spans are in order, do not overlap and cover every word once;
// punctuation lies outside them.
func Format(lang string, words []Word) (string, []Span) {
	if len(words) == 0 {
		return "", nil
	}
	switch tag := strings.ToLower(lang); {
	case strings.HasPrefix(tag, "en"):
		return formatEnglish(words)
	case strings.HasPrefix(tag, "zh"), strings.HasPrefix(tag, "cn"), strings.HasPrefix(tag, "cmn"):
		return formatChinese(words)
	}
	var out builder
	for i, w := range words {
		if i > 0 {
			out.space()
		}
		out.piece(w.Text, i, i+1)
	}
	return out.done()
}

// builder collects text and spans.
type builder struct {
	text  strings.Builder
	spans []Span
}

func (b *builder) space()          { b.text.WriteByte(' ') }
func (b *builder) mark(s string)   { b.text.WriteString(s) }
func (b *builder) last() (s *Span) { return &b.spans[len(b.spans)-1] }

// piece appends text that stands for words[from:to).
func (b *builder) piece(text string, from, to int) {
	start := b.text.Len()
	b.text.WriteString(text)
	b.spans = append(b.spans, Span{TextStart: start, TextEnd: b.text.Len(), From: from, To: to})
}

func (b *builder) done() (string, []Span) { return b.text.String(), b.spans }

// pause is the silence before words[i], zero when the times are not known.
func pause(words []Word, i int) time.Duration {
	if i <= 0 || i >= len(words) {
		return 0
	}
	return max(0, words[i].Start-words[i-1].End)
}
