package feedback

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tingxin/nlp"
)

// legalWords open a case whatever else is known: the law, authorities, the press. Written by hand; folded,
// Chinese in simplified characters. Latin ones are whole words.
var legalWords = []string{
	"律师", "起诉", "法院", "法庭", "仲裁", "消协", "消费者协会", "12315", "12345", "工商局", "工商所", "市场监管", "市监局", "银保监", "信访", "报警", "曝光", "记者", "媒体", "维权", "举报", "法律途径", "诉讼",
	"lawyer", "attorney", "solicitor", "sue", "suing", "lawsuit", "court", "legal action", "ombudsman", "trading standards", "regulator", "consumer protection", "journalist", "small claims", "police",
}

// legalWord finds the first word that says that it may become a case of law.
func legalWord(text string) (string, bool) { return nlp.FirstWord(legalWords, text) }

// Topics are what items are about, found by words; an item may have several.
var Topics = []string{"delivery", "quality", "price", "refund", "attitude", "waiting", "answer", "bot", "app", "promise"}

var topicWords = map[string][]string{
	"delivery": {"快递", "物流", "发货", "配送", "送货", "收到货", "包裹", "送达", "delivery", "deliver", "delivered", "parcel", "courier", "shipping", "shipped", "package"},
	"quality":  {"质量", "坏了", "坏的", "破损", "瑕疵", "故障", "不能用", "开不了", "漏水", "划痕", "broken", "defective", "faulty", "damaged", "quality", "cracked", "does not work", "doesn't work"},
	"price":    {"价格", "太贵", "收费", "多收", "扣款", "扣费", "乱收", "账单", "发票", "price", "expensive", "overcharged", "charged", "fee", "fees", "bill", "invoice"},
	"refund":   {"退款", "退钱", "退货", "换货", "赔偿", "补偿", "refund", "refunded", "money back", "return", "returned", "compensation", "exchange"},
	"attitude": {"态度", "不耐烦", "凶", "骂", "敷衍", "没礼貌", "冷漠", "rude", "attitude", "impolite", "shouted", "hung up", "dismissive", "unfriendly"},
	"waiting":  {"等了", "排队", "等待", "没人接", "没人回", "一直不回", "太慢", "waited", "waiting", "on hold", "queue", "no reply", "no answer", "slow"},
	"answer":   {"答非所问", "没解决", "没有解决", "说不清", "答错", "不专业", "不懂", "wrong answer", "not solved", "did not help", "didn't help", "unhelpful", "no idea"},
	"bot":      {"机器人", "智能客服", "转人工", "bot", "chatbot", "robot", "real person"},
	"app":      {"闪退", "打不开", "登录不了", "登不上", "卡顿", "网页", "小程序", "app", "website", "login", "log in", "crash", "crashes", "page"},
	"promise":  {"说好", "承诺", "答应", "骗", "推诿", "踢皮球", "promised", "promise", "lied", "passed around", "again and again"},
}

// topicsOf finds what a text is about.
func topicsOf(text string) []string {
	out := []string{}
	for _, topic := range Topics {
		if _, found := nlp.FirstWord(topicWords[topic], text); found {
			out = append(out, topic)
		}
	}
	return out
}

// languageOf is the language in which a customer is written to: of the words, else of the contact, else Chinese.
func languageOf(text, known string) string {
	if l := nlp.Detect(nlp.Fold(text)).Code; l == "zh" || l == "en" {
		return l
	}
	if strings.HasPrefix(strings.ToLower(known), "en") {
		return "en"
	}
	return "zh"
}

// lines are what customers are told by itself, by language.
var lines = map[string]map[string]string{
	"acknowledge": {
		"zh": "您好，我们已收到您的反馈，对给您带来的不便非常抱歉。编号 %s，我们会在 4 个工作小时内联系您，3 天内给您答复。",
		"en": "Thank you for telling us, and we are sorry. Your reference is %s. Somebody will contact you within 4 working hours, and you will have an answer within 3 days.",
	},
	"question": {
		"zh": "您好，一周前我们答复了您的反馈（编号 %s）。现在问题解决了吗？",
		"en": "A week ago we answered your feedback (%s). Is it solved now?",
	},
	"thanks":   {"zh": "谢谢您的回答。", "en": "Thank you for your answer."},
	"again":    {"zh": "非常抱歉问题还没有解决。我们已重新打开这件事，会尽快联系您。", "en": "We are sorry that it is not solved. We have opened it again and will contact you soon."},
	"solved":   {"zh": "解决了", "en": "Yes, solved"},
	"ask_csat": {"zh": "您对我们的服务满意吗？1 分非常不满意，5 分非常满意。", "en": "How satisfied are you with our service? 1 is not at all, 5 is very."},
	"ask_nps":  {"zh": "您有多大可能向朋友推荐我们？0 分完全不可能，10 分非常可能。", "en": "How likely are you to recommend us to a friend? 0 is not at all, 10 is very likely."},
	// What is said beside a question where no buttons are seen.
	"reply_csat":     {"zh": "直接回复 1 到 5 的数字即可。", "en": "Just reply with a number from 1 to 5."},
	"reply_nps":      {"zh": "直接回复 0 到 10 的数字即可。", "en": "Just reply with a number from 0 to 10."},
	"reply_question": {"zh": "请直接回复“解决了”“解决了一部分”或“没有解决”。", "en": "Just reply \"solved\", \"partly\" or \"not solved\"."},
	"reply_page":     {"zh": "也可以打开此页面回答：%s", "en": "Or answer on this page: %s"},
	"partly":         {"zh": "解决了一部分", "en": "Partly"},
	"open":           {"zh": "没有解决", "en": "Not solved"},
}

// line is one of them; args fill in what changes.
func line(lang, key string, args ...any) string {
	text := lines[key][lang]
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// Choice is one answer to the question of a week later.
type Choice struct {
	Score int
	Label string
}

// Choices are the answers to the question whether it is solved.
func Choices(lang string) []Choice {
	return []Choice{{5, line(lang, "solved")}, {3, line(lang, "partly")}, {1, line(lang, "open")}}
}

// Scale are the answers to the question how it was, or whether one would recommend us.
func Scale(kind Kind) []Choice {
	scale := scales[string(kind)]
	out := make([]Choice, 0, scale[1]-scale[0]+1)
	for score := scale[0]; score <= scale[1]; score++ {
		label := strconv.Itoa(score)
		if kind == CSAT {
			label += " " + strings.Repeat("★", score)
		}
		out = append(out, Choice{score, label})
	}
	return out
}

// Question is what a customer is asked.
func Question(kind Kind, lang string) string { return line(lang, "ask_"+string(kind)) }

// Thanks is what is said to an answer.
func Thanks(lang string, score int) string {
	if score <= badScore {
		return line(lang, "again")
	}
	return line(lang, "thanks")
}

// maxWords bounds what of an item is searched in.
const maxWords = 400

func wordsOf(text string) []string {
	w := nlp.Words(nlp.Fold(text))
	slices.Sort(w)
	w = slices.Compact(w)
	return append([]string{}, w[:min(len(w), maxWords)]...)
}
