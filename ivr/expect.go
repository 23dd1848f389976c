package ivr

import (
	"slices"
	"strings"
)

// Expectation is what a caller is likely to say next. The zero value is free speech.
type Expectation struct {
	Digits  bool // a number; with Letters one that may begin with some
	Letters bool
	YesNo   bool
	Date    bool // a day, or a time of the day
	// Phrases are the names of choices.
	Phrases []string
}

// unheard is what the recogniser writes for what is none of the phrases.
const unheard = "[unk]"

// waysOut are said whatever was asked.
var waysOut = map[string][]string{
	"zh": {"转人工", "人工", "取消", "算了", "不用了"},
	"en": {"a person", "agent", "operator", "talk to a person", "cancel", "never mind"},
}

// leads are said before a number and are no part of it.
var leads = map[string][]string{
	"zh": {"我的订单号是", "订单号是", "号码是", "是"},
	"en": {"my order number is", "the order number is", "my number is", "the number is", "my tracking number is", "it is", "it's", "uh", "um"},
}

// dateWords make up days and times.
var dateWords = map[string][]string{
	"zh": {"今天", "明天", "后天", "昨天", "前天", "上午", "下午", "晚上", "早上", "中午", "点", "半", "月", "号", "日", "年", "周", "星期", "十", "十一", "十二", "二十", "三十"},
	"en": {"today", "tomorrow", "yesterday", "the day after tomorrow", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "next", "last", "this", "week", "month",
		"january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
		"first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth", "thirtieth",
		"the", "of", "at", "on", "in", "the morning", "the afternoon", "the evening", "noon", "o'clock", "half past", "a quarter past", "a quarter to", "two thousand"},
}

// longCode is how many digits in a row are believed without the free words.
const longCode = 6

// spokenLetters are the letters as they are spoken and written down; a letter's name alone where the recogniser knows it.
const spokenLetters = "abcdefghijklmnopqrstuvwxyz"

// free tells whether nothing particular is expected.
func (x *Expectation) free() bool {
	return !x.Digits && !x.YesNo && !x.Date && len(x.Phrases) == 0
}

// hearing is the grammar of an expectation.
func (x *Expectation) hearing(language string) Hearing {
	if x.free() {
		return Hearing{}
	}
	lang := "en"
	if isChinese(language) {
		lang = "zh"
	}
	phrases := phrasesOf(map[string][]string{"": x.Phrases})
	if x.YesNo {
		for _, s := range yesNo {
			between := map[string]string{"en": " "}[lang]
			if p := strings.Join(s.words, between); isHan(p) == (lang == "zh") {
				phrases = append(phrases, p)
			}
		}
	}
	if x.Digits || len(x.Phrases) > 0 { // a choice may be said by its number
		phrases = append(phrases, digitWords(language)...)
	}
	if x.Digits {
		phrases = append(append(phrases, leads[lang]...), digitRuns(language)...)
		for ten := range tensOf {
			if lang == "en" {
				phrases = append(phrases, ten)
			}
		}
	}
	if x.Letters && lang == "en" {
		phrases = append(phrases, strings.Split(spokenLetters, "")...)
	}
	if x.Date {
		phrases = append(append(phrases, dateWords[lang]...), digitWords(language)...)
	}
	phrases = append(phrases, waysOut[lang]...)
	slices.Sort(phrases)
	return Hearing{Language: language, Phrases: slices.Compact(phrases), BargeIn: true, Digits: x.Digits}
}

// digitRuns hold each digit after each other one: the recogniser makes pairs of words
// of its phrases, and without these a letter would be as likely to follow a digit.
func digitRuns(language string) []string {
	digits, between := digitWords(language), " "
	if isChinese(language) {
		between = ""
	}
	runs := make([]string, len(digits))
	for i, a := range digits {
		var run []string
		for range 3 { // often enough that letters stay rare
			for _, b := range digits {
				run = append(run, a, b)
			}
		}
		runs[i] = strings.Join(run, between)
	}
	return runs
}

func isHan(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= 0x2E80 && r <= 0x9FFF })
}

// pick is what the caller most likely said: what the list of phrases made of it where
// that is an answer, else the free words. A list hears its phrases in everything, so a
// question that is asked instead of an answer must be told by the free words.
func (x *Expectation) pick(said Said) string {
	if x.free() || said.Listed == "" || said.Keys {
		return said.Text
	}
	h := x.hearing(said.Language)
	vocabulary := make(map[string]bool)
	for _, p := range h.Phrases {
		for _, w := range wordsOf(p) {
			vocabulary[w] = true
		}
	}
	var known []string
	unknown := 0
	for _, w := range strings.Fields(strings.ToLower(said.Listed)) {
		if w == unheard {
			unknown++
		} else {
			known = append(known, w)
		}
	}
	before := make(map[string]bool)
	for _, list := range leads {
		for _, lead := range list {
			for _, w := range wordsOf(lead) {
				before[w] = true
			}
		}
	}
	fit, words := 0, 0
	for _, w := range wordsOf(said.Text) {
		if before[w] { // says nothing either way
			continue
		}
		words++
		if _, digit := digitOf[w]; vocabulary[w] || digit && x.Digits || strings.Trim(w, "0123456789") == "" {
			fit++
		}
	}
	if code, ok := spokenCode(strings.Join(known, " "), x.Letters); x.Digits && ok && len(code) >= longCode && 4*unknown <= len(known) {
		return code // so many digits are no accident, whatever free speech makes of them
	}
	switch {
	case len(known) == 0, unknown > len(known), words >= 2 && 5*fit < 2*words:
		return said.Text
	}
	text := strings.Join(known, " ")
	if x.Digits {
		if code, ok := spokenCode(text, x.Letters); ok {
			return code
		}
	}
	return text
}

// spokenCode is the number that a text says: digits, with letters where they may be,
// and nothing else but what people say before a number.
func spokenCode(text string, letters bool) (string, bool) {
	words := wordsOf(text)
	for cut := true; cut; {
		cut = false
		for _, list := range leads {
			for _, lead := range list {
				if l := wordsOf(lead); len(words) > len(l) && holds(words[:len(l)], l) {
					words, cut = words[len(l):], true
				}
			}
		}
	}
	var b strings.Builder
	for i := 0; i < len(words); {
		if letters && len(words[i]) == 1 && strings.Contains(spokenLetters, words[i]) && words[i] != "o" {
			b.WriteString(strings.ToUpper(words[i]))
			i++
			continue
		}
		end := i
		for end < len(words) && !(letters && len(words[end]) == 1 && strings.Contains(spokenLetters, words[end]) && words[end] != "o") {
			end++
		}
		digits, ok := spokenDigits(strings.Join(words[i:end], " "))
		if !ok {
			return "", false
		}
		b.WriteString(digits)
		i = end
	}
	code := b.String()
	return code, strings.ContainsAny(code, "0123456789")
}
