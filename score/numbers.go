package score

import (
	"math/big"
	"regexp"
	"strconv"
	"strings"
)

// The words of numbers, by what they do.
var (
	zeroWords  = map[string]bool{"o": true, "oh": true, "zero": true}
	oneWords   = map[string]int64{}
	tenWords   = map[string]int64{"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}
	multiplier = map[string]int64{"hundred": 100, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "quadrillion": 1e15}

	oneSuffixed  = map[string]suffixed{}
	tenSuffixed  = map[string]suffixed{}
	multSuffixed = map[string]suffixed{}

	signBefore = map[string]string{"minus": "-", "negative": "-", "plus": "+", "positive": "+"}
	signAfter  = map[string]string{"pound": "£", "pounds": "£", "euro": "€", "euros": "€", "dollar": "$", "dollars": "$", "cent": "¢", "cents": "¢"}
	special    = map[string]bool{"and": true, "double": true, "triple": true, "point": true}
)

type suffixed struct {
	value  int64
	suffix string
}

func init() {
	for i, w := range strings.Fields("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen") {
		v := int64(i + 1)
		oneWords[w] = v
		plural, ordinal := w+"s", w+"th"
		if w == "six" {
			plural = "sixes"
		}
		if o, ok := map[string]string{"five": "fifth", "eight": "eighth", "nine": "ninth", "twelve": "twelfth"}[w]; ok {
			ordinal = o
		}
		oneSuffixed[plural] = suffixed{v, "s"}
		if v > 3 {
			oneSuffixed[ordinal] = suffixed{v, "th"}
		}
	}
	oneSuffixed["zeroth"], oneSuffixed["first"] = suffixed{0, "th"}, suffixed{1, "st"}
	oneSuffixed["second"], oneSuffixed["third"] = suffixed{2, "nd"}, suffixed{3, "rd"}
	for w, v := range tenWords {
		stem := strings.TrimSuffix(w, "y")
		tenSuffixed[stem+"ies"] = suffixed{v, "s"}
		tenSuffixed[stem+"ieth"] = suffixed{v, "th"}
	}
	for w, v := range multiplier {
		multSuffixed[w+"s"] = suffixed{v, "s"}
		multSuffixed[w+"th"] = suffixed{v, "th"}
	}
}

// numeric tells whether a word can be part of a number.
func numeric(w string) bool {
	if zeroWords[w] || oneWords[w] > 0 || tenWords[w] > 0 || multiplier[w] > 0 || signBefore[w] != "" || signAfter[w] != "" || special[w] || w == "per" || w == "percent" {
		return true
	}
	return oneSuffixed[w].suffix != "" || tenSuffixed[w].suffix != "" || multSuffixed[w].suffix != ""
}

var (
	arabic       = regexp.MustCompile(`^\d+(\.\d+)?$`)
	letterDigit  = rule(`([a-z])([0-9])`, "$1 $2")
	digitLetter  = rule(`([0-9])([a-z])`, "$1 $2")
	digitOrdinal = rule(`([0-9])\s+(st|nd|rd|th|s)\b`, "$1$2")
	withCents    = regexp.MustCompile(`([€£$])([0-9]+) (?:and )?¢([0-9]{1,2})\b`)
	onlyCents    = regexp.MustCompile(`[€£$]0\.([0-9]{1,2})\b`)
	loneOne      = rule(`\b1(s?)\b`, "one$1")
)

// numbers writes spoken numbers of lower-case text as digits.
func numbers(s string) string {
	s = halves(s)
	s = digitOrdinal.do(digitLetter.do(letterDigit.do(s)))
	r := reader{words: strings.Fields(s)}
	s = strings.Join(r.read(), " ")
	s = withCents.ReplaceAllStringFunc(s, func(m string) string {
		p := withCents.FindStringSubmatch(m)
		if len(p[3]) == 1 {
			p[3] = "0" + p[3]
		}
		return p[1] + p[2] + "." + p[3]
	})
	s = onlyCents.ReplaceAllStringFunc(s, func(m string) string {
		v, _ := strconv.Atoi(onlyCents.FindStringSubmatch(m)[1])
		return "¢" + strconv.Itoa(v)
	})
	return loneOne.do(s)
}

// halves turns "three and a half" into "three point five" after a number.
func halves(s string) string {
	parts := strings.Split(s, " and a half")
	var b strings.Builder
	for i, p := range parts {
		b.WriteString(p)
		if i == len(parts)-1 {
			break
		}
		last := ""
		if f := strings.Fields(p); len(f) > 0 {
			last = f[len(f)-1]
		}
		if oneWords[last] > 0 || tenWords[last] > 0 || multiplier[last] > 0 || zeroWords[last] || arabic.MatchString(last) {
			b.WriteString(" point five")
		} else {
			b.WriteString(" and a half")
		}
	}
	return b.String()
}

// reader walks over words and collects the number being said: as an integer while
// it adds up ("two hundred" + "five"), as text when digits are strung together.
type reader struct {
	words  []string
	out    []string
	prefix string
	has    bool
	text   string // when isText
	value  int64
	isText bool
}

func (r *reader) at(i int) string {
	if i < 0 || i >= len(r.words) {
		return ""
	}
	return r.words[i]
}

func (r *reader) current() string {
	switch {
	case !r.has:
		return ""
	case r.isText:
		return r.text
	}
	return strconv.FormatInt(r.value, 10)
}

func (r *reader) set(v int64)      { r.has, r.isText, r.value = true, false, v }
func (r *reader) setText(s string) { r.has, r.isText, r.text = true, true, s }

// emit writes s with the pending sign and forgets the number.
func (r *reader) emit(s string) {
	r.out = append(r.out, r.prefix+s)
	r.prefix, r.has = "", false
}

// flush writes the number, if there is one.
func (r *reader) flush() {
	if r.has {
		r.emit(r.current())
	}
}

func (r *reader) read() []string {
	for i := 0; i < len(r.words); i++ {
		i += r.word(i)
	}
	r.flush()
	return r.out
}

// word handles word i and returns how many further words it took.
func (r *reader) word(i int) int {
	w := r.words[i]
	sign, bare := "", w
	for _, p := range []string{"-", "+", "£", "€", "$", "¢"} {
		if rest, ok := strings.CutPrefix(w, p); ok {
			sign, bare = p, rest
		}
	}
	switch {
	case arabic.MatchString(bare):
		r.digits(w, sign, bare)
	case !numeric(w):
		r.flush()
		r.emit(w)
	case zeroWords[w]:
		r.setText(r.current() + "0")
	case oneWords[w] > 0:
		s, v, text := r.joinOnes(i, oneWords[w])
		if text {
			r.setText(s)
		} else {
			r.set(v)
		}
	case oneSuffixed[w].suffix != "":
		s, v, text := r.joinOnes(i, oneSuffixed[w].value)
		if !text {
			s = strconv.FormatInt(v, 10)
		}
		r.emit(s + oneSuffixed[w].suffix)
	case tenWords[w] > 0:
		r.tens(tenWords[w])
	case tenSuffixed[w].suffix != "":
		r.tens(tenSuffixed[w].value)
		r.emit(r.current() + tenSuffixed[w].suffix)
	case multiplier[w] > 0:
		r.times(multiplier[w])
	case multSuffixed[w].suffix != "":
		r.times(multSuffixed[w].value)
		r.emit(r.current() + multSuffixed[w].suffix)
	default:
		return r.mark(i, w)
	}
	return 0
}

// digits takes a number already written in digits.
func (r *reader) digits(w, sign, bare string) {
	if r.has {
		if r.isText && strings.HasSuffix(r.text, ".") {
			r.setText(r.text + w)
			return
		}
		r.flush()
	}
	if sign != "" {
		r.prefix = sign
	}
	if v, err := strconv.ParseInt(bare, 10, 64); err == nil {
		r.set(v)
	} else {
		r.setText(bare)
	}
}

// joinOnes adds 1..19 to the number: "twenty" + 1 is 21, "one" + 1 is "11".
func (r *reader) joinOnes(i int, v int64) (s string, sum int64, text bool) {
	digits := strconv.FormatInt(v, 10)
	prev := r.at(i - 1)
	switch {
	case !r.has:
		return digits, v, false
	case r.isText || oneWords[prev] > 0:
		cur := r.current()
		if tenWords[prev] > 0 && v < 10 && strings.HasSuffix(cur, "0") {
			return cur[:len(cur)-1] + digits, 0, true
		}
		return cur + digits, 0, true
	case v < 10 && r.value%10 == 0 || v >= 10 && r.value%100 == 0:
		return "", r.value + v, false
	}
	return r.current() + digits, 0, true
}

func (r *reader) tens(v int64) {
	switch {
	case !r.has:
		r.set(v)
	case !r.isText && r.value%100 == 0:
		r.set(r.value + v)
	default:
		r.setText(r.current() + strconv.FormatInt(v, 10))
	}
}

// times multiplies the last three digits, or a decimal as a whole.
func (r *reader) times(m int64) {
	switch {
	case !r.has:
		r.set(m)
	case r.isText || r.value == 0:
		f, ok := new(big.Rat).SetString(r.current())
		if ok {
			if f.Mul(f, new(big.Rat).SetInt64(m)); f.IsInt() && f.Num().IsInt64() {
				r.set(f.Num().Int64())
				return
			}
		}
		r.flush()
		r.set(m)
	default:
		before, rest := r.value/1000*1000, r.value%1000
		if rest > (1<<62)/m {
			r.flush()
			r.set(m)
			return
		}
		r.set(before + rest*m)
	}
}

// mark handles signs, currencies, percent and the words between numbers.
func (r *reader) mark(i int, w string) int {
	next := r.at(i + 1)
	more := next != "" && (numeric(next) || arabic.MatchString(next))
	switch {
	case signBefore[w] != "":
		r.flush()
		if more {
			r.prefix = signBefore[w]
		} else {
			r.emit(w)
		}
	case signAfter[w] != "":
		if r.has {
			r.prefix = signAfter[w]
			r.flush()
		} else {
			r.emit(w)
		}
	case w == "percent" && r.has:
		r.emit(r.current() + "%")
	case w == "per" && r.has && next == "cent":
		r.emit(r.current() + "%")
		return 1
	case w == "percent" || w == "per" || !more:
		r.flush()
		r.emit(w)
	case w == "and":
		if multiplier[r.at(i-1)] == 0 {
			r.flush()
			r.emit(w)
		}
	case w == "point":
		if zeroWords[next] || oneWords[next] > 0 || tenWords[next] > 0 || arabic.MatchString(next) {
			r.setText(r.current() + ".")
		}
	default: // double, triple
		if !zeroWords[next] && oneWords[next] == 0 {
			r.flush()
			r.emit(w)
			return 0
		}
		n := 2
		if w == "triple" {
			n = 3
		}
		r.setText(r.current() + strings.Repeat(strconv.FormatInt(oneWords[next], 10), n))
		return 1
	}
	return 0
}
