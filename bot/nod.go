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
		`\b(?:yes|yeah|yep|yup|y|ok|okay|k|kk|sure|right|fine|alright|all right|great|cool|good|perfect|understood|got it|i see|i understand|no problem|will do|of course|sounds good|mm+|mhm|uh[ -]?huh|hm+|ah+|oh+|lol|haha+|nice)\b|[哈呵]+|` +
		happy + `)[吧啊呀的哦呢了嘛~ ,.!。、…]*)+$`)
	waves = regexp.MustCompile(`^(?:(?:不了|不用了?|不用谢|不需要了?|不必了?|没有了?|没了|没有其他的?了?|不要了?|没什么了?|没事了?|不是|否|算了|` +
		`\b(?:no|nope|nah|n|no thanks?|no,? thank you|nothing|nothing else|not now|not really|i'?m good|i am good|all good|that'?s all|that is all|never ?mind)\b)[吧啊呀的哦呢了嘛~ ,.!。、…]*)+(?:谢谢|多谢|thanks|thank you)?[ ,.!。~]*$`)
)

// Faces that are a nod, and those that are none.
const (
	happy = `(?:👍|👌|🙏|😊|😀|😃|😄|😁|😂|🤣|🙂|😍|🥰|❤|🌹|💯|✅|🎉)[\x{1F3FB}-\x{1F3FF}]?`
	sad   = "😡🤬😠👎💢😤😞😭😢🙄"
)

var (
	// asides stand before what is meant.
	asides = regexp.MustCompile(`^(?:(?:actually|well|um+|uh+|er+|so|like|no|wait|oh|ok(?:ay)?|hmm+|sorry|i mean|you know)\b[ ,.]+|(?:呃+|额+|嗯+|哦+|啊|那个|就是说?|等等|等一下|不对|那)[ ,.、]*)+`)
	// fillers stand anywhere in what is said.
	fillers = regexp.MustCompile(`呃+|额+|嗯+|那个|就是说|就是|(?:我想|想)(?:问|请问|咨询)一下|\b(?:um+|uh+|er+|like|you know|i mean|basically|kind of|sort of)\b`)
	// unwants takes back what was wished for a moment ago.
	unwants = regexp.MustCompile(`^(?:先)?(?:别|不|不要|不用|不想|不必)(?:再)?(?:取消|退|换|办|提交)(?:款|货|单|订单)?了?[吧了 ,.!。]*$|^(?:我)?(?:又)?改(?:变)?主意了?[ ,.!。]*$|^(?:算了|never ?mind|forget (?:it|that|about it)|(?:please )?(?:don'?t|do not) (?:cancel|refund|return|do)(?: it| that| my order| the order)?(?: yet| any ?more)?|i (?:have )?changed my mind)[ ,.!]*$`)
	// refuses is a no to an answer, where "nothing else" is thanks for it.
	refuses = regexp.MustCompile(`^(?:不是|否|没有|no|nope|nah|n|not really)[ ,.!。~]*$`)
	// misses says that the bot did not say what was asked for.
	misses = regexp.MustCompile(`^(?:我)?(?:问的?|说的?|想问的?)?不是(?:问|说|想问|要问)?(?:这个|那个)(?:意思|问题)?(?:啊|呀|吧|的)?[ ,.!。]*$|^(?:没用|没有用|不管用|答非所问|没帮助|没有帮助|没听懂|听不懂)(?:啊|呀|的|吧|吗)?[ ,.!。]*$|` +
		`^(?:that(?:'s| is|s) )?(?:not|isn'?t) (?:what i (?:asked|meant|want(?:ed)?)(?: for| about)?|it|that|helpful|my question)[ ,.!]*$|^(?:no use|wrong answer|(?:it|that|this) (?:doesn'?t|does not|did not|didn'?t) help(?: me)?(?: at all)?)[ ,.!]*$`)
	// holdsOn asks for a moment.
	holdsOn = regexp.MustCompile(`^(?:(?:嗯+|呃+|额+|好的?|哦|那个?|这个|就是|等一下|等等|等会儿?|稍等|请稍等|等我一下|我(?:先|再)?(?:找一?下|找找|看看|看一下|查一下|想想)|让我(?:看看|找找|想想)|马上)[啊哈呀哦吧 ,.!。~…]*)+$|` +
		`^(?:(?:ok(?:ay)?|um+|uh+|so|please) )?(?:(?:please )?(?:wait|hold on)|(?:just )?(?:a|one) (?:moment|sec|second|minute|min)|(?:give|gimme)(?: me)? a (?:moment|sec|second|minute|min)|let me (?:check|see|look|find it))(?: a moment| a sec| a second| a minute)?[ ,.!~]*(?:please)?$`)
	// lacks says that there is no value to give.
	lacks = regexp.MustCompile(`^(?:我)?(?:也)?(?:没有?|不知道|不记得|忘了|忘记了?|记不得|记不清|记不住|找不到|查不到|不清楚|丢了|弄丢了)(?:了)?(?:我的|那个)?(?:订单|单|快递单?|运单|电话|手机)?(?:号码?|编号)?(?:是多少|是什么|在哪里?|怎么办)?[了啊呀呢吧 ,.!。?]*$|` +
		`^(?:i )?(?:(?:don'?t|do not) (?:have|know|remember)|dunno|have no idea|no idea|forgot|forget|have forgotten|lost|can'?t find|cannot find|can'?t remember|cannot remember|haven'?t got|have no|am not sure|not sure)(?: (?:it|that|one|the|my|an?|any|what|is|was|number|order|tracking|about))*[ ,.!?]*$`)
)

// nodded answers a nod or a wave that answers nothing. The same words are not said twice in a row.
func (t *turn) nodded(ctx context.Context) (bool, error) {
	nod := nods.MatchString(t.plain)
	waits := !nod && holdsOn.MatchString(t.plain)
	bare := asides.ReplaceAllString(t.plain, "")
	undoes := unwants.MatchString(bare)
	missed := misses.MatchString(t.plain)
	if t.choice != "" || len(t.values) > 0 || !nod && !waits && !undoes && !missed && !waves.MatchString(t.plain) {
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
	switch f := t.st.top(); {
	case f != nil && (nod || waits):
		t.step("a nod; the value is still to come")
		t.say(DoTalk)
		lead := word(t.lang, "take_time")
		if len(f.Options) > 1 {
			if lead = word(t.lang, "pick"); t.lang == "en" {
				lead += " "
			}
		}
		return true, t.advance(ctx, lead)
	case t.st.Handover != "" && before == DoHandover && !nod && !waits && !missed:
		t.stays()
		return true, nil
	case !nod && !waits && (t.st.Handover != "" || f != nil): // it may be the person, or the value, that is not there
		return false, nil
	case t.st.Handover != "":
		all = nodWaits
	case waits:
		all = nodHolds
	case undoes:
		t.step("takes it back")
		t.say(DoTalk, text(word(t.lang, "dropped")))
		return true, nil
	case missed, !nod && answered && refuses.MatchString(t.plain):
		t.step("not the answer")
		t.say(DoTalk, text(word(t.lang, "sorry")), buttons(Button{word(t.lang, "human"), "human"}))
		return true, nil
	case !nod:
	case before == DoFallback || before == DoClarify, hums.MatchString(t.plain), strings.Contains(t.st.Last, word(t.lang, "anything_else")) && saysThereIs.MatchString(t.plain):
		all = nodListens
	case answered:
		all = nodGlad
	default:
		all = nodAsks
	}
	t.step("a nod that answers nothing")
	t.say(DoTalk, text(t.another(all)))
	return true, nil
}

// hums is a nod that may as well be a doubt.
var hums = regexp.MustCompile(`^(?:hm+|ah+|oh+|哦+|噢+)[ ,.!。~…]*$`)

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
	case "insult":
		return t.another(nodSorry)
	case "give_value":
		return word(t.lang, "noted_only")
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
	nodHolds = map[string][]string{
		"zh": {"好的，不着急，我在。", "没关系，您慢慢来。"},
		"en": {"Take your time, I am here.", "No hurry."},
	}
	nodGlad = map[string][]string{
		"zh": {"很高兴能帮到您。还有其他问题吗？"},
		"en": {"Glad that helped. Is there anything else?"},
	}
	nodWaits = map[string][]string{
		"zh": {"好的。客服回复之前，您也可以继续问我。", "好的，我在。", "嗯，有问题可以先写在这里。"},
		"en": {"All right. Until a person answers you can go on asking me.", "All right, I am here.", "Whatever you would like to add, just write it here."},
	}
	nodSorry = map[string][]string{
		"zh": {"我明白您很生气。说说是哪个订单、什么问题，我马上处理。", "真的很抱歉。需要的话，回复“转人工”，由客服来处理。"},
		"en": {"I understand that you are angry. Tell me which order it is and what is wrong, and I will see to it.", "I am really sorry. Write \"agent\" and a person will see to it."},
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
