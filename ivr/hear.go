package ivr

import (
	"context"
	"slices"
	"strings"
	"time"
)

// Hearer is what a Line offers besides when callers can be understood while they
// are asked. Without it flows take keys only.
type Hearer interface {
	// Hear opens the ear for one question; ok is false when there is no room to
	// recognise now. Until Unhear, Play is cut by the caller's voice where h allows it.
	Hear(ctx context.Context, h Hearing) (ok bool, err error)
	// Input is the next key or sentence of the caller, or, once for every stretch of
	// speech, that they began to speak; nothing after wait without any.
	Input(ctx context.Context, wait time.Duration) (Input, error)
	// Unhear closes the ear; without one it does nothing.
	Unhear()
}

// Concealer is what a Line offers besides when it can keep a stretch out of the
// recording and the transcript: silence stands there, time goes on.
type Concealer interface {
	Conceal(ctx context.Context, on bool) error
}

// Hearing is how a caller is listened to.
type Hearing struct {
	Language string
	Phrases  []string // that are expected; free speech when empty
	BargeIn  bool     // the voice may cut a prompt
	Digits   bool     // digits are expected
}

// Input is what came from the caller: one of its fields, or nothing.
type Input struct {
	Key   byte          // 0 for none
	Began bool          // they began to speak
	Said  string        // a finished sentence, as it was recognised
	Until time.Duration // when Said ended, in the call's time
	Ended bool          // they have finished; told in dialogues only
}

// Values of barge_in of gather and menu.
const (
	bargeAny  = "any"  // a key or the voice
	bargeKeys = "keys" // a key only
	bargeNone = "none"
)

// speakLimit is how long a caller may go on speaking in answer to one question.
const speakLimit = 20 * time.Second

// spokenDigits are the digits that a text says, one by one or as numbers up to 99;
// ok is false when anything else stands between them. Fillers are left out.
func spokenDigits(text string) (digits string, ok bool) {
	var b strings.Builder
	words := wordsOf(text)
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch n := tensOf[w]; {
		case fillers[w]:
			continue
		case times[w] > 0 && i+1 < len(words):
			d, known := digitOf[words[i+1]]
			if !known {
				return "", false
			}
			b.WriteString(strings.Repeat(string(d), times[w]))
			i++
			continue
		case n != "":
			if i+1 < len(words) { // "twenty three"
				if d, known := digitOf[words[i+1]]; known && d != '0' && strings.HasSuffix(n, "0") && n != "10" {
					b.WriteString(n[:1] + string(d))
					i++
					continue
				}
			}
			b.WriteString(n)
			continue
		}
		if d, known := digitOf[w]; known {
			b.WriteRune(d)
			continue
		}
		if strings.Trim(w, "0123456789") != "" {
			return "", false
		}
		b.WriteString(w)
	}
	return b.String(), b.Len() > 0
}

var digitOf = map[string]rune{
	"zero": '0', "oh": '0', "o": '0', "one": '1', "two": '2', "three": '3', "four": '4', "five": '5', "six": '6', "seven": '7', "eight": '8', "nine": '9',
	"零": '0', "〇": '0', "洞": '0', "一": '1', "幺": '1', "二": '2', "两": '2', "三": '3', "四": '4', "五": '5', "六": '6', "七": '7', "拐": '7', "八": '8', "九": '9', "勾": '9',
	"to": '2', "too": '2', "for": '4', "won": '1', "ate": '8', // what digits are heard as
}

var tensOf = map[string]string{
	"ten": "10", "eleven": "11", "twelve": "12", "thirteen": "13", "fourteen": "14", "fifteen": "15", "sixteen": "16", "seventeen": "17", "eighteen": "18", "nineteen": "19",
	"twenty": "20", "thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "seventy": "70", "eighty": "80", "ninety": "90",
}

var times = map[string]int{"double": 2, "triple": 3}

// fillers are words that mean nothing between digits.
var fillers = map[string]bool{
	"uh": true, "um": true, "er": true, "hm": true, "and": true, "it's": true, "its": true, "is": true, "number": true, "the": true, "my": true, "please": true, "yes": true,
	"嗯": true, "呃": true, "啊": true, "是": true, "号": true, "的": true,
}

// digitWords are what a grammar of digits holds.
func digitWords(language string) []string {
	if isChinese(language) {
		return []string{"零", "一", "幺", "二", "两", "三", "四", "五", "六", "七", "八", "九"}
	}
	return []string{"zero", "oh", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "double", "triple"}
}

func isChinese(language string) bool { return strings.HasPrefix(language, "zh") }

// wordsOf cuts a text into small words; Han characters are words of their own.
func wordsOf(text string) []string {
	var words []string
	begin := -1
	lower := strings.ToLower(text)
	flush := func(end int) {
		if begin >= 0 {
			words = append(words, lower[begin:end])
			begin = -1
		}
	}
	for i, r := range lower {
		switch {
		case r >= 0x2E80 && r <= 0x9FFF && r != '，' && r != '。' || r == '〇': // CJK
			if r >= 0x3000 && r <= 0x303F && r != '〇' {
				flush(i)
				continue
			}
			flush(i)
			words = append(words, string(r))
		case r == '\'' && begin >= 0, r >= 'a' && r <= 'z', r >= '0' && r <= '9', r >= 0xC0 && r < 0x2000:
			if begin < 0 {
				begin = i
			}
		default:
			flush(i)
		}
	}
	flush(len(lower))
	return words
}

// grammar maps what may be said to what it means; the longest phrase in a sentence counts.
type grammar []saying

type saying struct {
	words []string
	means string
}

func (g *grammar) add(phrase, means string) {
	if words := wordsOf(phrase); len(words) > 0 {
		*g = append(*g, saying{words, means})
	}
}

// of is what a sentence means; two meanings of the same length are none.
func (g grammar) of(text string) (means string, ok bool) {
	words := wordsOf(text)
	best := 0
	for _, s := range g {
		if !holds(words, s.words) {
			continue
		}
		switch n := len(s.words); {
		case n > best:
			best, means, ok = n, s.means, true
		case n == best && s.means != means:
			ok = false
		}
	}
	return means, ok
}

func holds(words, phrase []string) bool {
	for i := 0; i+len(phrase) <= len(words); i++ {
		same := true
		for k, w := range phrase {
			if words[i+k] != w {
				same = false
				break
			}
		}
		if same {
			return true
		}
	}
	return false
}

// yesNo are the answers to a question back.
var yesNo = func() grammar {
	var g grammar
	for _, p := range []string{"yes", "yeah", "yep", "right", "that's right", "that is right", "correct", "sure", "okay", "ok", "是", "是的", "对", "对的", "没错", "正确", "确认", "好", "可以"} {
		g.add(p, "yes")
	}
	for _, p := range []string{"no", "nope", "not", "not right", "that's wrong", "not correct", "wrong", "incorrect", "that's not right", "no that's not right", "不", "不是", "不对", "不是的", "不正确", "错", "错了", "没有"} {
		g.add(p, "no")
	}
	return g
}()

// phrases are the sayings of a grammar as they were written.
func phrasesOf(lists map[string][]string) []string {
	var all []string
	for _, list := range lists {
		for _, p := range list {
			all = append(all, strings.ToLower(p))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// spell writes digits apart, so that they are read one by one.
func spell(s string) string {
	if strings.Trim(s, "0123456789*#") != "" {
		return s
	}
	return strings.Join(strings.Split(s, ""), " ")
}

// masked is a secret as it may be shown: its last four when it is long enough.
func masked(s string) string {
	if len(s) < 12 {
		return strings.Repeat("*", min(len(s), 12))
	}
	return strings.Repeat("*", len(s)-4) + s[len(s)-4:]
}
