package nlp

import (
	_ "embed"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Bounds of Speller.Mend.
const (
	leastMended = 4   // letters of a Latin word
	mostMended  = 4   // words or characters of a text; who makes more mistakes is not guessed at
	longestRead = 600 // bytes; a longer text has words enough that are right
)

// Speller reads a word with one typing mistake as a word that it knows: Latin words with a letter too
// many, too few, wrong, or two swapped, never the first; Han characters that another one stands for which is read alike
// ("退宽" for 退款). Words that it knows stay, and so does all that has digits or signs in it: numbers, addresses,
// tokens. It is read-only once made; nil mends nothing.
type Speller struct {
	words map[string]int   // Latin words, how often they were there
	stems map[string]bool  // of them; false when a last e alone was taken off
	long  map[int][]string // words of leastMended letters and more, by length, in the order of the texts
	pairs map[[2]rune]int  // Han neighbours
	runes map[rune]int     // Han characters
	known func(word string) bool
}

// serviceWords are what customers of any shop write about, whatever stands in its articles.
var serviceWords = []string{
	"订单", "查询", "订单号", "物流", "快递", "包裹", "发货", "收货", "到货", "退款", "退货", "换货", "取消", "申请", "发票", "开票", "地址", "修改", "运费", "包邮",
	"优惠券", "会员", "积分", "密码", "账号", "登录", "注册", "支付", "付款", "价格", "保修", "维修", "质量", "投诉", "客服", "转人工", "人工客服", "电话", "回电", "谢谢",
	"order", "orders", "track", "tracking", "parcel", "package", "delivery", "deliver", "delivered", "shipping", "shipped", "shipment", "arrive", "arrived", "received",
	"refund", "return", "exchange", "cancel", "cancelled", "subscription", "invoice", "receipt", "address", "change", "payment", "coupon", "discount", "voucher",
	"account", "password", "login", "member", "points", "price", "warranty", "repair", "broken", "damaged", "complaint", "agent", "human", "person", "operator",
	"representative", "customer", "service", "support", "speak", "talk", "call", "phone", "please", "thanks", "where", "when", "what", "which", "want", "need", "have",
	"money", "back", "still", "status", "wrong", "missing", "item", "product", "purchase", "online", "store", "open", "hours", "credit", "card", "email",
}

// NewSpeller knows the words of texts, those of any shop's customers, and what known says; known may be nil.
func NewSpeller(texts []string, known func(word string) bool) *Speller {
	s := &Speller{words: make(map[string]int), stems: make(map[string]bool), long: make(map[int][]string), pairs: make(map[[2]rune]int), runes: make(map[rune]int), known: known}
	for _, list := range [][]string{serviceWords, texts} {
		for _, text := range list {
			s.learn(Fold(text))
		}
	}
	return s
}

func (s *Speller) learn(folded string) {
	eachWord(folded, func(start, end int) {
		w := folded[start:end]
		if s.words[w]++; s.words[w] > 1 {
			return
		}
		stem := Stem(w)
		s.stems[stem] = s.stems[stem] || w != stem+"e"
		if len(w) >= leastMended {
			s.long[len(w)] = append(s.long[len(w)], w)
		}
	})
	last := rune(0)
	for _, r := range folded {
		if !unicode.Is(unicode.Han, r) {
			last = 0
			continue
		}
		s.runes[r]++
		if last != 0 {
			s.pairs[[2]rune{last, r}]++
		}
		last = r
	}
}

// eachWord finds the words of small Latin letters that stand for themselves: not in "a@b.com", "x-1", "<order>".
func eachWord(folded string, found func(start, end int)) {
	for i := 0; i < len(folded); {
		end := i
		for end < len(folded) && folded[end] < utf8.RuneSelf && !strings.ContainsRune(" ,!?;()\"", rune(folded[end])) {
			end++
		}
		if run := strings.TrimRight(folded[i:end], ".:'"); run != "" && strings.Trim(run, "abcdefghijklmnopqrstuvwxyz") == "" {
			found(i, i+len(run))
		}
		_, size := utf8.DecodeRuneInString(folded[end:])
		i = end + max(size, 1)
	}
}

// Mend is a folded text with the words it has instead of those that are mistakes; the text itself when there is nothing to
// mend.
func (s *Speller) Mend(folded string) string {
	if s == nil || len(folded) > longestRead {
		return folded
	}
	return s.mendHan(s.mendLatin(folded))
}

func (s *Speller) mendLatin(folded string) string {
	var b strings.Builder
	last, mended := 0, 0
	eachWord(folded, func(start, end int) {
		if mended == mostMended {
			return
		}
		if right := s.right(folded[start:end]); right != "" {
			b.WriteString(folded[last:start])
			b.WriteString(right)
			last = end
			mended++
		}
	})
	if mended == 0 {
		return folded
	}
	b.WriteString(folded[last:])
	return b.String()
}

// right is the word that a wrong one stands for; "" when it is none, or none is near.
func (s *Speller) right(word string) string {
	stem := Stem(word)
	whole, same := s.stems[stem]
	if len(word) < leastMended || s.words[word] > 0 || whole || same && stem != word || s.known != nil && (s.known(word) || s.known(stem)) {
		return ""
	}
	if w := s.near(word); w != "" || len(stem) < leastMended || stem == word {
		return w
	}
	return s.near(stem)
}

// near is the most frequent of the words that are one mistake away; of two letters swapped before others.
func (s *Speller) near(word string) string {
	best, most := "", 0
	for n := max(len(word)-1, leastMended); n <= len(word)+1; n++ {
		for _, w := range s.long[n] {
			if mistake := oneMistake(word, w); mistake > 0 {
				if count := s.words[w] * mistake; count > most {
					best, most = w, count
				}
			}
		}
	}
	return best
}

// oneMistake tells whether two different words are one mistake apart: 8 for two neighbours swapped, 2 for a letter more or
// less, 1 for another letter, else 0. The first letter is right, unless swapped.
func oneMistake(a, b string) int {
	if len(a) > len(b) {
		a, b = b, a
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	switch {
	case len(a) < len(b):
		if i > 0 && a[i:] == b[i+1:] {
			return 2
		}
	case i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]:
		return 8
	case i > 0 && i < len(a) && a[i+1:] == b[i+1:]:
		return 1
	}
	return 0
}

// common characters are hardly ever the mistake, and make a pair with any.
const common = "的地得了着过我你您他她它们是在有不个这和就都也吗呢吧啊一以能可要会还没上下来去到么什给把被让多少大小好没对为与或及中里"

// leastShare of a character's places must be in a pair that alone speaks for it.
const leastShare = 0.15

// mendHan puts in place of a character that makes a word with neither neighbour one that is read alike and does.
func (s *Speller) mendHan(folded string) string {
	text, mended := []rune(folded), 0
	for i, r := range text {
		if !unicode.Is(unicode.Han, r) || mended == mostMended || strings.ContainsRune(common, r) {
			continue
		}
		var before, behind rune
		if i > 0 && unicode.Is(unicode.Han, text[i-1]) {
			before = text[i-1]
		}
		if i+1 < len(text) && unicode.Is(unicode.Han, text[i+1]) {
			behind = text[i+1]
		}
		if s.isPair(before, r) || s.isPair(r, behind) {
			continue
		}
		for _, alike := range []string{Homophones(r), nearlyHomophones(r)} {
			best, most := rune(0), 0
			for _, x := range alike {
				if n := s.fits(before, x, behind); n > most {
					best, most = x, n
				}
			}
			if best != 0 {
				text[i] = best
				mended++
				break
			}
		}
	}
	if mended == 0 {
		return folded
	}
	return string(text)
}

func (s *Speller) isPair(a, b rune) bool {
	pair := [2]rune{a, b}
	return s.pairs[pair] > 0 || hanPairs()[pair]
}

// fits is how often a character stood beside these neighbours, 0 when that is not often enough for it. None is 0.
func (s *Speller) fits(before, r, behind rune) int {
	left, right := s.pairs[[2]rune{before, r}], s.pairs[[2]rune{r, behind}]
	if left > 0 && right > 0 {
		return left + right
	}
	alone := func(n int, neighbour rune) int {
		if strings.ContainsRune(common, neighbour) || float64(n) < leastShare*float64(s.runes[r]) {
			return 0
		}
		return n
	}
	return alone(left, before) + alone(right, behind)
}

//go:embed pairs.txt
var pairs string

// hanPairs are words of two characters that are met often.
var hanPairs = sync.OnceValue(func() map[[2]rune]bool {
	m := make(map[[2]rune]bool, 32000)
	_, lines, _ := strings.Cut(pairs, "Lines follow.\n")
	for l := range strings.Lines(lines) {
		first := rune(0)
		for _, r := range strings.TrimSuffix(l, "\n") {
			if first != 0 {
				m[[2]rune{first, r}] = true
			} else {
				first = r
			}
		}
	}
	return m
})

//go:embed pinyin.txt
var pinyin string

// readings are the syllables of characters, and the characters of syllables, exact and as who mixes up z and zh, n and ng
// writes them.
type readings struct {
	of          map[rune][]string
	alike, near map[string]string
}

var syllables = sync.OnceValue(func() readings {
	all := readings{of: make(map[rune][]string), alike: make(map[string]string), near: make(map[string]string)}
	_, lines, _ := strings.Cut(pinyin, "Lines follow.\n")
	for l := range strings.Lines(lines) {
		syllable, characters, _ := strings.Cut(strings.TrimSuffix(l, "\n"), " ")
		for _, r := range characters {
			all.of[r] = append(all.of[r], syllable)
		}
		all.alike[syllable] += characters
		all.near[blur(syllable)] += characters
	}
	return all
})

// blur a syllable: zh, ch, sh without their h, ing and eng without their g.
func blur(syllable string) string {
	if len(syllable) > 2 && syllable[1] == 'h' {
		syllable = syllable[:1] + syllable[2:]
	}
	if strings.HasSuffix(syllable, "ing") || strings.HasSuffix(syllable, "eng") {
		syllable = syllable[:len(syllable)-1]
	}
	return syllable
}

// Homophones are the characters that may be read like a simplified one, whatever the tone; itself is among them.
func Homophones(r rune) string {
	all, out := syllables(), ""
	for _, syllable := range all.of[r] {
		out += all.alike[syllable]
	}
	return out
}

func nearlyHomophones(r rune) string {
	all, out := syllables(), ""
	for _, syllable := range all.of[r] {
		out += all.near[blur(syllable)]
	}
	return out
}
