package bot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"tingxin/nlp"
)

// Reason is why a person takes over: a line of the policy.
type Reason string

// The lines of the policy, in the order in which they are tested.
const (
	ReasonAsked   Reason = "asked"         // the customer wants a person
	ReasonLost    Reason = "fallbacks"     // not understood so often in a row
	ReasonUnclear Reason = "clarification" // refused so often in a row, or asked back so often for one intent
	ReasonRepeat  Reason = "repeat"        // the same question again after an answer
	ReasonEmotion Reason = "emotion"       // upset, or more and more so
	ReasonTopic   Reason = "topic"         // for people only
	ReasonVIP     Reason = "vip"
	ReasonError   Reason = "error"   // a tool or a model failed
	ReasonLatency Reason = "latency" // the bot took too long
)

// Line is one line of the policy: a switch with a number.
type Line struct {
	Reason Reason `json:"reason" enum:"asked,fallbacks,clarification,repeat,emotion,topic,vip,error,latency"`
	On     bool   `json:"on"`
	// Number is, by line: fallbacks in a row; clarifications; cosine; smoothed emotion; limit of a refund in the currency it was said in;
	// failures; seconds. The lines asked and vip have none.
	Number float64 `json:"number" minimum:"0" maximum:"1000000"`
	// Rising is how many rising turns in a row count like Number; of the line emotion.
	Rising int `json:"rising,omitempty" minimum:"0" maximum:"10"`
}

// Topic is for people only: texts with one of its words go to a person at once.
type Topic struct {
	Name   string   `json:"name" maxLength:"64"`
	Words  []string `json:"words" maxItems:"200" nullable:"false" doc:"folded: Chinese anywhere in the text, English as whole words"`
	Urgent bool     `json:"urgent,omitempty" doc:"goes to the front of the queue"`
}

// Policy says when a person takes over, and how sure the bot must be.
type Policy struct {
	Lines  []Line  `json:"lines" maxItems:"9" nullable:"false"`
	Topics []Topic `json:"topics" maxItems:"50" nullable:"false"`
	// Intent is the lowest probability at which an intent counts.
	Intent float64 `json:"intent" minimum:"0.3" maximum:"0.99"`
	// Sure is the lowest probability at which a value is taken without asking.
	Sure float64 `json:"sure" minimum:"0.5" maximum:"1"`
	// Smooth is the weight of the last turn in the smoothed emotion.
	Smooth float64 `json:"smooth" minimum:"0.1" maximum:"1"`
	// Patterns are the house's own forms of order and tracking numbers.
	Patterns Patterns `json:"patterns,omitzero"`
}

var reasons = []Reason{ReasonAsked, ReasonLost, ReasonUnclear, ReasonRepeat, ReasonEmotion, ReasonTopic, ReasonVIP, ReasonError, ReasonLatency}

// DefaultPolicy is in force until somebody changes it.
func DefaultPolicy() Policy {
	return Policy{
		Lines: []Line{{Reason: ReasonAsked, On: true}, {Reason: ReasonLost, On: true, Number: 2}, {Reason: ReasonUnclear, On: true, Number: 2},
			{Reason: ReasonRepeat, On: true, Number: 0.9}, {Reason: ReasonEmotion, On: true, Number: 0.7, Rising: 2}, {Reason: ReasonTopic, On: true, Number: 1000},
			{Reason: ReasonVIP, On: true}, {Reason: ReasonError, On: true, Number: 1}, {Reason: ReasonLatency, On: true, Number: 5}},
		Topics: []Topic{
			{Name: "self_harm", Urgent: true, Words: []string{"自杀", "不想活", "轻生", "自残", "想死", "suicide", "kill myself", "end my life", "hurt myself"}},
			{Name: "safety", Urgent: true, Words: []string{"起火", "着火", "漏电", "触电", "爆炸", "受伤", "中毒", "caught fire", "on fire", "electric shock", "exploded", "injured", "smoke came"}},
			{Name: "legal", Words: []string{"律师", "起诉", "法院", "打官司", "lawyer", "sue", "lawsuit", "legal action", "attorney"}},
			{Name: "complaint", Words: []string{"投诉", "举报", "消协", "12315", "complaint", "complain"}},
			{Name: "account_deletion", Words: []string{"注销账户", "注销账号", "注销帐号", "删除账号", "销户", "delete my account", "close my account"}},
		},
		Intent: 0.6, Sure: 0.8, Smooth: 0.4,
	}
}

// Check tells what is wrong with a policy.
func (p *Policy) Check() error {
	if len(p.Lines) != len(reasons) {
		return fmt.Errorf("the policy has %d lines, it needs each of the nine once", len(p.Lines))
	}
	for i, l := range p.Lines {
		if l.Reason != reasons[i] {
			return fmt.Errorf("line %d is %q: the order is fixed, %q stands there", i+1, l.Reason, reasons[i])
		}
	}
	if n := p.line(ReasonRepeat).Number; n < 0.5 || n > 1 {
		return fmt.Errorf("the cosine of repeat is %g: it goes from 0.5 to 1", n)
	}
	if n := p.line(ReasonEmotion).Number; n > 1 {
		return fmt.Errorf("the limit of emotion is %g: it goes to 1", n)
	}
	for _, l := range []Reason{ReasonLost, ReasonUnclear, ReasonError} {
		if n := p.line(l).Number; n < 1 {
			return fmt.Errorf("the number of %s is %g: it begins at 1", l, n)
		}
	}
	if n := p.line(ReasonLatency).Number; n < 0.5 || n > 60 {
		return fmt.Errorf("the seconds of latency are %g: 0.5 to 60", n)
	}
	if p.Intent < 0.3 || p.Intent > 0.99 || p.Sure < 0.5 || p.Sure > 1 || p.Smooth < 0.1 || p.Smooth > 1 {
		return fmt.Errorf("intent goes from 0.3 to 0.99, sure from 0.5 to 1, smooth from 0.1 to 1")
	}
	if err := p.Patterns.Check(); err != nil {
		return err
	}
	for _, t := range p.Topics {
		if t.Name == "" || len(t.Words) == 0 || slices.ContainsFunc(t.Words, func(w string) bool { return nlp.Fold(w) == "" }) {
			return fmt.Errorf("topic %q needs a name and words", t.Name)
		}
	}
	return nil
}

func (p *Policy) line(r Reason) Line {
	for _, l := range p.Lines {
		if l.Reason == r {
			return l
		}
	}
	return Line{Reason: r}
}

// asks are the ways to want a person, in folded text.
var asks = []*regexp.Regexp{
	regexp.MustCompile(`(?:转|接|找|要|换|叫|来|联系|呼叫|切换到?|给我|有没有|需要|想|跟|和|与)(?:你们|一下|到|成|至)?的?(?:个|一个|位|一位)?(?:人工|真人|活人)|人工(?:客服|服务|坐席|座席)|真人客服`),
	regexp.MustCompile(`^(?:你好|您好|请|麻烦|帮我|直接|快点?|赶紧|有|那|我|[ ,。!])*人工(?:呢|啊|呀|吧|吗|谢谢|在吗|[ ,。!?])*$`),
	regexp.MustCompile(`(?:转|接|找|叫|要|联系|呼叫|换|给我|跟|和)(?:你们|一下)?的?(?:个|一个|位|一位)?(?:客服|接线员|话务员|坐席|座席|专员|工作人员)(?:$|[^电号热工时微])`),
	regexp.MustCompile(`(?:找|叫|让|要|换|转|接)(?:一下)?(?:个|一个|位|你们?的?|你们公司的?)?(?:经理|主管|领导|负责人|老板|上级)`),
	regexp.MustCompile(`(?:和|跟|与)(?:个|一个)?(?:人|真人)(?:说话|说说|聊|谈|讲|沟通|对话)|(?:不要|不想|别|讨厌|受够)[^,。!?]{0,5}机器人`),
	regexp.MustCompile(`\b(?:a|any|some|real|live|actual|another) (?:human|person)\b|\bhuman (?:agent|being|please|help|support)\b|^\W*(?:human|agent|representative|operator|person|real person|live agent)(?: please| pls| now)?\W*$|(?:[,.!] ?|\b(?:an?|to) )(?:human|agent|representative|operator|person)(?: please| pls| now| immediately| asap)\W*$`),
	regexp.MustCompile(`\b(?:speak|speaking|talk|talking|chat|chatting)\b (?:directly )?(?:to|with) (?:` + somebody + `|(?:someone|somebody|people)\b)`),
	regexp.MustCompile(`\b(?:connect|connected|transfer|transferred|put|pass|forward|escalate|escalated|switch)(?: me| us| this| it| the call| my call| my case| the chat)?(?: through| over| on)?(?: to| with)? (?:` + somebody + `|(?:someone|somebody)\b)|\bput me through\b`),
	regexp.MustCompile(`\b(?:want|need|get|find|call|prefer|have|where is|where's|is there|are there|(?:give|send|get|call|find|bring) (?:me|us)|let me have|let me (?:speak|talk) to)\b (?:to )?` + somebody),
	regexp.MustCompile(`\b(?:don'?t|do not|not|stop|hate|sick of|tired of|no more)\b[\w\s]{0,15}\b(?:talk|talking|speak|speaking|chat|chatting)\b (?:to|with) (?:an? |the |this |your |some )?(?:stupid |damn )?(?:chat)?(?:bot|robot|machine|computer)s?\b`),
	regexp.MustCompile(`(?:给我|请|麻烦|尽快|帮我)(?:你们)?(?:尽快|马上)?回(?:拨|(?:个|一个)?电(?:话)?)|要求回电|^(?:please |can (?:you|someone|somebody) |could (?:you|someone|somebody) )?(?:call|ring|phone) me(?: back)?(?: please| now| asap| today)?\W*$|\b(?:want|need|request|like|get) (?:a call ?-?back|to be called back)\b`),
	regexp.MustCompile(`^\s*#?0#?\s*$`),
}

// somebody at work, in English.
const somebody = `(?:(?:an?|the|your|one of your|some|any|another) )?(?:(?:real|live|actual|human|customer|service|support|care|sales|technical|tech|senior|different|other|phone|store) )*` +
	`(?:humans?|persons?|agents?|representatives?|reps?|operators?|managers?|supervisors?|staff|advis[eo]rs?|specialists?|customer service|customer support|customer care|support team|service team)\b`

var (
	// asksBot is a question about the bot rather than for a person.
	asksBot = regexp.MustCompile(`\bare you (?:a |an )?(?:real |actual )?(?:human|person)\b|\byou(?:'re| are) not (?:a |an )?(?:real |actual )?(?:human|person)\b|(?:是|算)(?:不是)?真人(?:吗|么|\?|$)`)
	// asksHours are questions about people at work, which articles answer.
	asksHours = regexp.MustCompile(`几点|(?:工作|上班|服务|营业|在线)时间|上班|下班|\b(?:what time|opening hours|working hours|business hours|hours of)\b`)
	// noPeople is what only begins like one.
	noPeople = regexp.MustCompile(`人工(?:智能|费|成本|安装|制作|合成|审核|皮|草)|真人(?:秀|试穿|实拍|图|模特)`)
	// wantsNone says that no person is wanted.
	wantsNone = regexp.MustCompile(`(?:不用|不要|不需要|不想|别|无需|不必)(?:再|给我|帮我|麻烦)?[^,。!?机]{0,3}(?:转|找|接|换|要)?[^,。!?机]{0,2}(?:人工|真人|客服)|` +
		`\b(?:don'?t|do not|didn'?t|no need|not|without)\b (?:(?:want|need|have|wish|transfer|connect|put|pass|hand|ask|asking|asked|to|for|a|an|the|me|speak|talk|over|through|with|you|real|live|human|customer|service|support) ){0,7}(?:human|person|agent|representative|operator)\b`)
)

// WantsPerson tells whether a text asks for a person.
func WantsPerson(text string) bool { return wantsPerson(nlp.Fold(text)) }

// wantsPerson tells whether a folded text asks for a person.
func wantsPerson(folded string) bool {
	folded = strings.ReplaceAll(noPeople.ReplaceAllString(folded, " "), "’", "'")
	if asksBot.MatchString(folded) || asksHours.MatchString(folded) || wantsNone.MatchString(folded) {
		return false
	}
	return slices.ContainsFunc(asks, func(r *regexp.Regexp) bool { return r.MatchString(folded) })
}

// topic finds the first one that a folded text touches.
func (p *Policy) topic(folded string) (Topic, bool) {
	for _, t := range p.Topics {
		for _, w := range t.Words {
			if holds(folded, nlp.Fold(w)) {
				return t, true
			}
		}
	}
	return Topic{}, false
}

// holds finds a word in a text; one that begins and ends with Latin letters or digits
// must stand alone: "sue" is not in "issue".
func holds(text, word string) bool {
	if word == "" {
		return false
	}
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return false
		}
		start, end := at+i, at+i+len(word)
		if (start == 0 || !joins(text[start-1], word[0])) && (end == len(text) || !joins(text[end], word[len(word)-1])) {
			return true
		}
		at = start + 1
	}
}

// joins tells whether two neighbouring bytes belong to one Latin word.
func joins(a, b byte) bool { return latin(a) && latin(b) }

func latin(c byte) bool {
	return c < unicode.MaxASCII && (unicode.IsLetter(rune(c)) || unicode.IsDigit(rune(c)))
}

// feel adds one turn's emotion to the state: exponentially smoothed, and the trend of the last turns.
func (s *state) feel(e, smooth float64) {
	s.Emotion += smooth * (e - s.Emotion)
	s.Trend = append(s.Trend, s.Emotion)
	if n := len(s.Trend); n > maxHistory {
		s.Trend = s.Trend[n-maxHistory:]
	}
}

// least that a rise must be, and the level from which rising counts: calm people vary too.
const (
	leastRise   = 0.08
	risingLevel = 0.4
)

// rising counts the last turns in a row in which the emotion rose.
func (s *state) rising() int {
	n := 0
	for i := len(s.Trend) - 1; i > 0 && s.Trend[i]-s.Trend[i-1] >= leastRise; i-- {
		n++
	}
	if s.Emotion < risingLevel {
		return 0
	}
	return n
}

// upset tells whether the emotion line hits.
func (l Line) upset(s *state) bool {
	return l.On && (l.Number > 0 && s.Emotion >= l.Number || l.Rising > 0 && s.rising() >= l.Rising)
}

// emotionOf the words alone, 0 to 1: no more than a hint.
func emotionOf(lang, folded string) float64 {
	return max(0, -float64(nlp.Sentiment(lang, folded)))
}
