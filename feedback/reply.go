package feedback

import (
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"tingxin/nlp"
)

// scales are the answers to each question: from, to.
var scales = map[string][2]int{string(CSAT): {1, 5}, string(NPS): {0, 10}, "question": {1, 5}}

// replies are answers in words, by question; folded, Chinese in simplified characters. What may as well be said to
// anything, such as "ok", is not among them.
var replies = map[string]map[int][]string{
	string(CSAT): {
		5: {"很满意", "非常满意", "十分满意", "特别满意", "超级满意", "满意极了", "很好", "非常好", "太好了", "好评", "五星好评", "完美", "很棒", "太棒了", "👍", "excellent", "great", "perfect", "very good", "very satisfied", "awesome", "amazing", "fantastic", "wonderful"},
		4: {"满意", "不错", "挺好", "挺好的", "还不错", "挺满意", "比较满意", "good", "satisfied", "pretty good", "quite good"},
		3: {"一般", "一般般", "还行", "还可以", "凑合", "马马虎虎", "average", "so so", "so-so", "neutral", "mediocre"},
		2: {"不满意", "不太满意", "不好", "不太好", "差", "比较差", "失望", "bad", "poor", "not good", "not satisfied", "unsatisfied", "dissatisfied", "disappointed"},
		1: {"很不满意", "非常不满意", "十分不满意", "很差", "太差", "太差了", "非常差", "极差", "差评", "很糟", "很糟糕", "糟糕", "糟透了", "👎", "terrible", "very bad", "awful", "horrible", "worst", "very poor", "very dissatisfied"},
	},
	string(NPS): {
		10: {"一定会", "肯定会", "非常愿意", "非常可能", "definitely", "absolutely", "very likely"},
		0:  {"绝对不会", "肯定不会", "一定不会", "不可能", "never", "definitely not", "absolutely not", "not at all"},
	},
	"question": {
		5: {"解决了", "已解决", "已经解决", "已经解决了", "都解决了", "全部解决了", "解决了谢谢", "是的", "yes", "solved", "yes solved", "it is solved", "it's solved", "fixed", "yes it is"},
		3: {"解决了一部分", "部分解决", "部分解决了", "一部分", "partly", "partially", "in part"},
		1: {"没有解决", "没解决", "还没解决", "还没有解决", "未解决", "没有", "还没", "还没有", "no", "not solved", "not yet", "no it is not", "it is not", "unsolved"},
	},
}

var (
	replyScores = func() map[string]map[string]int {
		out := map[string]map[string]int{}
		for kind, byScore := range replies {
			out[kind] = map[string]int{}
			for score, all := range byScore {
				for _, words := range all {
					out[kind][words] = score
				}
			}
		}
		return out
	}()
	// A number, alone or as marks are given: 5, 5分, 4 stars, 4/5, 我给五分, I give 9.
	replyNumber = regexp.MustCompile(`^(?:我?(?:给|打|评)(?:你们|您|你)?|i(?:'d| would)? (?:give|rate)(?: you| it)?(?: a)?|score:?|rating:?|评分:?)? ?(\d{1,2}|[零一二两三四五六七八九十]) ?(?:分|颗?星|stars?|points?|(?:/|out of) ?(\d{1,2}))?$`)
	numerals    = map[string]int{"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9, "十": 10}
)

// maxReply bounds a message that may be an answer in words, bytes; longer ones are about something else.
const maxReply = 1000

// ReadReply understands a plain message as the answer to a question: kind is csat (1 to 5), nps (0 to 10) or question, the one whether
// a case is solved (1 to 5). What follows the answer, behind a comma or the like, is the comment. ok is false for anything else: it is
// better not to take an answer than to take one that was none.
func ReadReply(kind, text string) (score int, comment string, ok bool) {
	scale, known := scales[kind]
	text = strings.TrimSpace(text)
	if !known || text == "" || len(text) > maxReply || !utf8.ValidString(text) {
		return 0, "", false
	}
	head, comment := cutReply(text)
	said := strings.Join(strings.Fields(nlp.Fold(head)), " ")
	if score, ok = replyScores[kind][said]; ok {
		return score, comment, true
	}
	m := replyNumber.FindStringSubmatch(said)
	if m == nil {
		return 0, "", false
	}
	score, numeral := numerals[m[1]]
	if !numeral {
		score, _ = strconv.Atoi(m[1]) // the pattern lets digits through only
	}
	if score < scale[0] || score > scale[1] || m[2] != "" && m[2] != strconv.Itoa(scale[1]) {
		return 0, "", false
	}
	return score, comment, true
}

// cutReply cuts a message behind its first part. A point between digits, as of 4.5, ends nothing.
func cutReply(text string) (head, rest string) {
	was := rune(0)
	for i, r := range text {
		if strings.ContainsRune(",，。.;；!！:：~～\n", r) {
			after, _ := utf8.DecodeRuneInString(text[i+utf8.RuneLen(r):])
			if (r == '.' || r == ',' || r == ':') && unicode.IsDigit(was) && unicode.IsDigit(after) || i == 0 {
				was = r
				continue
			}
			return text[:i], strings.TrimLeft(strings.TrimSpace(text[i:]), ",，。.;；!！:：~～ \n")
		}
		was = r
	}
	return text, ""
}

var asking = []string{"?", "？", "吗", "呢", "怎么", "什么", "哪里", "哪儿", "多久", "几天", "请问", "帮我", "麻烦", "我要", "我想", "when", "where", "how", "what", "why", "who", "which", "can you", "could you", "please", "i need", "i want"}

// asksToo tells whether the words behind an answer want something of their own.
func asksToo(comment string) bool {
	if strings.ContainsAny(comment, "?？") {
		return true
	}
	_, found := nlp.FirstWord(asking, comment)
	return found
}
