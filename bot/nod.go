package bot

import (
	"context"
	"regexp"
	"slices"
	"strings"
)

// A nod is a yes, an "ok" or a hum that answers no question of the bot's; a wave is a no that refuses nothing. Neither asks
// for an article.
var (
	nods = regexp.MustCompile(`^(?:(?:是的?|对的?|嗯+|恩+|好的?|好吧|好嘞|好滴|行|可以|没错|没问题|成|明白了?|知道了?|了解了?|懂了|收到|清楚了?|哦+|噢+|有的?|要的?|` +
		`\b(?:yes|yeah|yep|yup|y|ok|okay|k|kk|sure|right|fine|alright|all right|great|cool|good|perfect|understood|got it|i see|i understand|no problem|will do|of course|sounds good|mm+|mhm|uh[ -]?huh|hm+|ah+|oh+)\b)[吧啊呀的哦呢了嘛~ ,.!。、…]*)+$`)
	waves = regexp.MustCompile(`^(?:(?:不了|不用了?|不用谢|不需要了?|不必了?|没有了?|没了|没有其他的?了?|不要了?|没什么了?|没事了?|不是|否|算了|` +
		`\b(?:no|nope|nah|n|no thanks?|no,? thank you|nothing|nothing else|not now|not really|i'?m good|i am good|all good|that'?s all|that is all|never ?mind)\b)[吧啊呀的哦呢了嘛~ ,.!。、…]*)+(?:谢谢|多谢|thanks|thank you)?[ ,.!。~]*$`)
)

// nodded answers a nod or a wave that answers nothing. The same words are not said twice in a row.
func (t *turn) nodded(ctx context.Context) (bool, error) {
	nod := nods.MatchString(t.plain)
	if t.choice != "" || len(t.values) > 0 || !nod && !waves.MatchString(t.plain) {
		return false, nil
	}
	if m := t.b.minds[t.lang]; m != nil {
		if name := m.exact[bareOf(t.folded)]; name != "" && name != "thanks" { // somebody has written what to say to it
			return false, nil
		}
	}
	before := Decision("")
	if n := len(t.st.History); n > 0 {
		before = t.st.History[n-1].Decision
	}
	answered := before == DoAnswer || before == DoTool
	all := nodWaves
	switch {
	case !nod && (t.st.Handover != "" || t.st.top() != nil): // it may be the person, or the value, that is not there
		return false, nil
	case t.st.top() != nil:
		t.step("a nod; the value is still to come")
		t.say(DoTalk)
		return true, t.advance(ctx, word(t.lang, "take_time"))
	case t.st.Handover != "":
		all = nodWaits
	case !nod && answered && refuses.MatchString(t.plain):
		t.step("not the answer")
		t.say(DoTalk, text(word(t.lang, "sorry")), buttons(Button{word(t.lang, "human"), "human"}))
		return true, nil
	case !nod:
	case answered:
		all = nodGlad
	case before == DoFallback || before == DoClarify, strings.Contains(t.st.Last, word(t.lang, "anything_else")) && saysThereIs.MatchString(t.plain):
		all = nodListens
	default:
		all = nodAsks
	}
	t.step("a nod that answers nothing")
	t.say(DoTalk, text(t.another(all)))
	return true, nil
}

// refuses is a no to an answer, where "nothing else" is thanks for it.
var refuses = regexp.MustCompile(`^(?:不是|否|没有|no|nope|nah|n|not really)[ ,.!。~]*$`)

// saysThereIs is a yes to "Is there anything else?", where an "ok" is none.
var saysThereIs = regexp.MustCompile(`^(?:有|是|对|要|yes|yeah|yep|yup|sure|of course|y\b)`)

// another of some sentences than the one said last.
func (t *turn) another(all map[string][]string) string {
	list := all[t.lang]
	if list == nil {
		list = all["en"]
	}
	at := slices.IndexFunc(list, func(s string) bool { return strings.HasPrefix(t.st.Last, s) })
	return list[(at+1)%len(list)]
}

// talkAgain is what answers small talk that was answered just so a moment ago.
func (t *turn) talkAgain(name string) string {
	switch name {
	case "thanks", "praise":
		return t.another(nodThanks)
	case "goodbye":
		return t.another(nodWaves)
	}
	return t.another(nodAsks)
}

// What answers a nod or a wave, in turn.
var (
	nodAsks = map[string][]string{
		"zh": {"请问有什么可以帮您？", "我在听，您想咨询什么？比如查订单、退换货、开发票。", "您可以直接写下问题；想找人工客服，回复“转人工”就行。"},
		"en": {"What can I do for you?", "I am listening. What is it about: an order, a return, an invoice?", "Just write your question; to talk to a person, write \"agent\"."},
	}
	nodListens = map[string][]string{
		"zh": {"好的，请说。", "好的，请用一两句话说说您的问题。", "我在听，您可以换一种说法，也可以回复“转人工”。"},
		"en": {"All right, please go on.", "Please tell me in a sentence or two what it is about.", "I am listening. You can put it in another way, or write \"agent\" for a person."},
	}
	nodGlad = map[string][]string{
		"zh": {"很高兴能帮到您。还有其他问题吗？"},
		"en": {"Glad that helped. Is there anything else?"},
	}
	nodWaits = map[string][]string{
		"zh": {"好的。客服回复之前，您也可以继续问我。", "好的，我在。", "嗯，有问题可以先写在这里。"},
		"en": {"All right. Until a person answers you can go on asking me.", "All right, I am here.", "Whatever you would like to add, just write it here."},
	}
	nodThanks = map[string][]string{
		"zh": {"不客气，应该的。", "随时为您服务。"},
		"en": {"Any time.", "You are welcome."},
	}
	nodWaves = map[string][]string{
		"zh": {"好的，有需要随时找我。祝您生活愉快！", "好的，再见！"},
		"en": {"All right. I am here whenever you need me. Have a nice day!", "All right, goodbye!"},
	}
)
