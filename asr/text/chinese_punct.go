package text

import (
	"strings"
	"unicode/utf8"
)

// punctuateChinese joins the pieces without spaces, sets ， 。 ？ from pauses and
// particles, and keeps spaces around Latin words.
func punctuateChinese(words []Word, u utterance, path []edge) (string, []Span) {
	var out builder
	sentence := 0 // where the sentence starts in out
	prev := -1    // last word written
	for k := 0; k < len(path); {
		piece, end := wholeWords(u, path, k)
		from := prev + 1
		to := u.word[path[end-1].to-1] + 1
		if prev >= 0 {
			mark := markBefore(words, u, path[k].from, out.text.String()[sentence:])
			out.mark(mark)
			if mark == "。" || mark == "？" {
				sentence = out.text.Len()
			}
			if mark == "" && zhSpaced(words, out.text.String(), piece, u.word[path[k].from]) {
				out.space()
			}
		}
		out.piece(piece, from, to)
		prev, k = to-1, end
	}
	if len(out.spans) == 0 {
		out.piece("", 0, len(words))
		return out.done()
	}
	out.last().To = len(words)
	out.mark(sentenceMark(out.text.String()[sentence:]))
	return out.done()
}

// wholeWords joins edges from k on until a border that is also a border of words.
func wholeWords(u utterance, path []edge, k int) (piece string, end int) {
	var b strings.Builder
	for end = k; end < len(path); {
		b.WriteString(path[end].text)
		at := path[end].to
		end++
		if at == len(u.r) || u.word[at] != u.word[at-1] {
			break
		}
	}
	return b.String(), end
}

// markBefore is the punctuation earned by the pause before character i.
func markBefore(words []Word, u utterance, i int, sentence string) string {
	p := pause(words, u.word[i])
	if p < commaPause || u.r.endsAny(i, zhOpen) && p < 2*sentencePause || u.r.hasAny(i, zhBound) > 0 {
		return ""
	}
	mark := sentenceMark(sentence)
	if p >= sentencePause || mark == "？" {
		return mark
	}
	return "，"
}

// zhSpaced keeps Latin words apart from their neighbours; single letters that are
// spelled join.
func zhSpaced(words []Word, text, piece string, word int) bool {
	before, _ := utf8.DecodeLastRuneInString(text)
	after, _ := utf8.DecodeRuneInString(piece)
	if latin(before) && latin(after) {
		return len(words[word].Text) > 1 || len(words[word-1].Text) > 1
	}
	return latin(before) && !asciiMark(after) || latin(after)
}

func asciiMark(c rune) bool { return c == '%' || c == '.' || c == ',' }

// sentenceMark is ？ for a question and 。 otherwise.
func sentenceMark(s string) string {
	r := runes(s)
	switch r.at(len(r) - 1) {
	case '吗', '么':
		if r.at(len(r)-1) == '吗' || !containsAny(s, zhNotAsking) {
			return "？"
		}
	case '呢':
		if !containsAny(s, zhGoing) {
			return "？"
		}
	case '吧':
		if !containsAny(s, zhPleading) {
			return "？"
		}
	case '啊', '呀':
		// A question word before it decides below.
	}
	if containsAny(s, zhQuestionWords) && !containsAny(s, zhNotAsking) {
		return "？"
	}
	return "。"
}

func containsAny(s string, list []string) bool {
	for _, w := range list {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
