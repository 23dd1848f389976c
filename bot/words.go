package bot

import (
	"fmt"
	"strings"
	"time"
)

// words are what the bot says of itself, by language.
var words = map[string]map[string]string{
	"helpful":            {"zh": "解决了", "en": "That helped"},
	"unhelpful":          {"zh": "没解决", "en": "That did not help"},
	"none":               {"zh": "都不是", "en": "None of these"},
	"human":              {"zh": "转人工", "en": "Talk to a person"},
	"yes":                {"zh": "是的", "en": "Yes"},
	"no":                 {"zh": "不是", "en": "No"},
	"clarify":            {"zh": "您想问的是下面哪一个？", "en": "Which of these do you mean?"},
	"rephrase":           {"zh": "抱歉，我没有完全明白。您可以换一种说法吗？", "en": "Sorry, I did not quite understand. Could you say it in another way?"},
	"scope":              {"zh": "抱歉，这个问题我帮不上忙。我可以回答订单、配送、退换货等问题，您可以换一种说法。", "en": "Sorry, I cannot help with that. I can answer questions about orders, delivery and returns; could you put it in another way?"},
	"unreadable":         {"zh": "抱歉，我只能读中文和英文。请用中文或英文描述您的问题。", "en": "Sorry, I can only read Chinese and English. 抱歉，我只能读中文和英文。"},
	"wordless":           {"zh": "请用几个字告诉我您想问什么。", "en": "Please tell me in a few words what you would like to know."},
	"long":               {"zh": "这条消息太长了，请用一两句话描述您的问题。", "en": "That message is too long. Please describe your question in one or two sentences."},
	"fast":               {"zh": "消息有点快，请稍等一下再发。", "en": "That is a little fast for me. Please wait a moment and send it again."},
	"glad":               {"zh": "很高兴能帮到您。还有其他问题吗？", "en": "Glad that helped. Is there anything else?"},
	"anything_else":      {"zh": "还有其他问题吗", "en": "Is there anything else"},
	"also":               {"zh": "您刚才还问了一件事，是下面哪一个？", "en": "As for your other question: which of these do you mean?"},
	"lacks":              {"zh": "号码一般在订单页面、短信或邮件里。找不到也没关系，我可以为您转人工。", "en": "It stands on the page of your orders, or in the message or e-mail that you got. If you cannot find it, I can pass you on to a person."},
	"wordless_sad":       {"zh": "很抱歉让您不满意。请告诉我发生了什么，我来处理；也可以转人工。", "en": "I am sorry that you are not happy. Please tell me what happened, or talk to a person."},
	"take_time":          {"zh": "不着急。", "en": "Take your time. "},
	"next":               {"zh": "接下来是%s。", "en": "Next: %s. "},
	"dropped_next":       {"zh": "好的，那就先不处理了。", "en": "All right, I have dropped that. "},
	"pick":               {"zh": "请选一个，或者告诉我是第几个。", "en": "Please choose one of these, or tell me its number."},
	"sorry":              {"zh": "抱歉没有帮到您。您可以换一种说法，或者转人工。", "en": "Sorry that did not help. You can put it in another way, or talk to a person."},
	"dropped":            {"zh": "好的，那就先不处理了。还需要什么帮助吗？", "en": "All right, I have dropped that. Is there anything else?"},
	"noted":              {"zh": "好的，我记下了。请问您需要我做什么？", "en": "Thank you, I have made a note of it. What can I do for you?"},
	"back":               {"zh": "回到刚才的事情：", "en": "Back to where we were: "},
	"confirm":            {"zh": "是尾号 %s 的%s吗？", "en": "Is it the %[2]s ending in %[1]s?"},
	"confirm_call":       {"zh": "您的%s号是 %s，对吗？", "en": "Your %s is %s. Is that right?"},
	"confirm_choice":     {"zh": "您是说“%s”吗？", "en": "Do you mean: %s?"},
	"cannot_find":        {"zh": "如果找不到，我可以为您转人工。", "en": "If you cannot find it, I can pass you on to a person."},
	"noted_only":         {"zh": "好的，我记下了。", "en": "Thank you, I have made a note of it."},
	"chose_message":      {"zh": "好的，请写下您的留言，我们会尽快回复。", "en": "All right, please write your message; we will answer as soon as we can."},
	"chose_message_call": {"zh": "好的。", "en": "All right."},
	"chose_callback":     {"zh": "好的，请告诉我您的电话号码，我们会给您回电。", "en": "All right, please tell me your phone number, and we will call you back."},
	"message_kept":       {"zh": "留言已收到，编号 %d，我们会尽快回复您。", "en": "I have passed your message on; its number is %d. We will answer as soon as we can."},
	"callback_kept":      {"zh": "好的，我们会尽快拨打尾号 %s 的电话联系您。", "en": "All right, we will call the number ending in %s as soon as we can."},
	"press":              {"zh": "第%[1]d个：%[2]s。", "en": "Number %[1]d: %[2]s. "},
	"press_human":        {"zh": "转人工，请按0。", "en": "For a person, press 0. "},
	"which":              {"zh": "是哪一个%s？", "en": "Which %s is it?"},
	"other":              {"zh": "另一个", "en": "Another one"},
	"again":              {"zh": "好的，请再说一遍。", "en": "All right, please tell me again."},
	"failed":             {"zh": "系统暂时查不到结果。", "en": "I cannot look that up right now."},
	"missing":            {"zh": "没有查到这个号码的记录，请核对后再告诉我。", "en": "I found nothing under that number. Please check it and tell me again."},
	"handover":           {"zh": "好的，正在为您转接人工客服。", "en": "All right, I am passing you on to a person."},
	"handover_sad":       {"zh": "非常抱歉给您带来了不好的体验，马上为您转接人工客服。", "en": "I am very sorry about this. I am passing you on to a person right away."},
	"handover_sos":       {"zh": "我很担心您的安全，马上为您转接人工客服。如有紧急危险，请立即拨打 120 或 110。", "en": "I am worried about your safety and am passing you on to a person right away. If you are in danger, please call your local emergency number now."},
	"position":           {"zh": "您前面还有 %d 位，预计等待约 %d 分钟。", "en": "There are %d people before you; the wait is about %d minutes."},
	"soon":               {"zh": "马上有人为您服务。", "en": "Somebody will be with you in a moment."},
	"nobody":             {"zh": "现在没有客服在线。您可以等待、留言，或者预约回电。", "en": "Nobody is available right now. You can wait, leave a message, or ask to be called back."},
	"closed":             {"zh": "现在是非服务时间。您可以留言，或者预约回电。", "en": "We are closed at the moment. You can leave a message or ask to be called back."},
	"nobody_waits":       {"zh": "现在没有客服在线。您可以把想说的写在这里，客服上线后会回复您。", "en": "Nobody is available right now. Write what you want to say here: a person will answer it as soon as somebody is there."},
	"closed_waits":       {"zh": "现在是非服务时间。您可以把想说的写在这里，上班后会有客服回复您。", "en": "We are closed at the moment. Write what you want to say here: a person will answer it when we are open."},
	"wait":               {"zh": "继续等待", "en": "Wait"},
	"message":            {"zh": "留言", "en": "Leave a message"},
	"callback":           {"zh": "预约回电", "en": "Call me back"},
	"stay":               {"zh": "不用转了", "en": "Never mind"},
	"stayed":             {"zh": "好的，我继续为您服务。请问有什么可以帮您？", "en": "All right, I will go on helping you. What can I do?"},
	"order":              {"zh": "订单", "en": "order"},
	"tracking":           {"zh": "快递单", "en": "tracking number"},
	"phone":              {"zh": "电话", "en": "phone number"},
	"email":              {"zh": "邮箱", "en": "e-mail address"},
	"value":              {"zh": "号码", "en": "number"},
}

// word is something the bot says; other languages than Chinese get English.
func word(lang, key string, args ...any) string {
	w := words[key][lang]
	if w == "" {
		w = words[key]["en"]
	}
	if len(args) > 0 {
		return fmt.Sprintf(w, args...)
	}
	return w
}

// inLang picks the text of a language, or the other one when it has none.
func inLang(m map[string]string, lang string) string {
	if s := m[lang]; s != "" {
		return s
	}
	for _, l := range []string{"zh", "en"} {
		if s := m[l]; s != "" {
			return s
		}
	}
	return ""
}

// kindWord is what a slot is called in a question.
func kindWord(lang, name string) string {
	if _, ok := words[name]; ok && name != "other" {
		return word(lang, name)
	}
	return word(lang, "value")
}

// tail is the end of a value, as people compare it.
func tail(value string) string {
	r := []rune(value)
	if len(r) <= 4 {
		return value
	}
	return string(r[len(r)-4:])
}

func text(s string) Part { return Part{Kind: "text", Text: s} }

func buttons(all ...Button) Part { return Part{Kind: "buttons", Buttons: all} }

// plainText is a reply for channels that show text only.
func plainText(parts []Part) string {
	var b strings.Builder
	for _, p := range parts {
		switch p.Kind {
		case "text":
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(p.Text)
		case "buttons":
			for i, x := range p.Buttons {
				fmt.Fprintf(&b, "\n%d. %s", i+1, x.Label)
			}
		}
	}
	return b.String()
}

// fill puts values into a template: {{name}}. What stands in a value is never read
// as a template; a name without a value leaves nothing.
func fill(template string, values map[string]string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(template, "{{")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		name, after, ok := strings.Cut(rest, "}}")
		if !ok {
			b.WriteString("{{" + rest)
			return b.String()
		}
		b.WriteString(values[strings.TrimSpace(name)])
		template = after
	}
}

// minutes rounds up.
func minutes(d time.Duration) int { return int((d + time.Minute - 1) / time.Minute) }
