package emotion

import (
	"slices"
	"strings"
)

// lexeme is one entry of the lexicon.
type lexeme struct {
	text   string
	words  []string // English
	runes  []rune   // Chinese
	kind   Kind
	weight float64 // 0..1: how much of the doubt it takes away
	strong bool
}

// sentence tells an entry that says who does what from one that may be part of anything.
func (e *lexeme) sentence() bool {
	switch e.words[0] {
	case "i", "i'm", "you", "you're", "this", "what", "how", "are", "get", "give":
		return len(e.words) > 1
	}
	return false
}

// group is entries of one kind and weight, separated by semicolons.
type group struct {
	kind   Kind
	weight float64
	strong bool
	list   string
}

// The lexicon. What is strong is so by what it asks for or does to the other
// person; what is only negative is the daily bread of a help desk and never
// raises an alert alone.
var englishGroups = []group{
	{KindInsult, 0.9, true, `idiot; idiots; moron; morons; stupid people; you people are stupid; you are useless; you're useless; shut up; fuck; fucking;
		fuck you; bullshit; piece of shit; asshole; bastard; go to hell; screw you; you liar; you are lying; you're lying; liar; liars; scammer; scammers; damn you`},
	{KindLegal, 0.85, true, `my lawyer; a lawyer; lawyers; my attorney; an attorney; sue you; suing you; take you to court; see you in court; going to court;
		legal action; small claims; trading standards; go to the press; go to the newspaper; the ombudsman; consumer protection; police report; call the police`},
	{KindComplaint, 0.85, true, `file a complaint; make a complaint; formal complaint; complain to; complain about you; speak to your manager; speak to a manager;
		talk to your manager; talk to a manager; get me your manager; get me a manager; your supervisor; a supervisor; your boss; cancel my account; cancel everything; never again;
		report you; want my money back now; give me my money back; worst company; worst service`},
	{KindAnger, 0.85, true, `furious; i am so angry; i'm so angry; i am really angry; i'm really angry; i am very angry; i'm very angry; so pissed; pissed off; sick and tired;
		had enough; fed up; outrageous; this is a disgrace; disgraceful; how dare you; what the hell; are you kidding me; are you joking; this is a joke; unacceptable; totally unacceptable`},
	{KindAnger, 0.55, false, `angry; annoyed; annoying; mad at; irritated; irritating; frustrated; frustrating; upset; ridiculous; absurd; hate; terrible; horrible; awful; appalling;
		disgusting; pathetic; damn; hell; incompetent; useless; rude; for god's sake; for heaven's sake; waste of time; wasting my time; fraud; rip off; ripped off; scam; cheated`},
	{KindDistress, 0.5, false, `desperate; crying; devastated; at my wits end; at my wit's end; don't know what to do; i can't take this; can't take it anymore; scared; afraid; worried sick;
		panicking; help me please; please help me; hopeless`},
	{KindComplaint, 0.4, false, `complain; complaint; complaining; disappointed; disappointing; unhappy; dissatisfied; let down; refund; compensation; unprofessional; poor service; bad service`},
	{KindProblem, 0.2, false, `broken; not working; doesn't work; does not work; don't work; didn't work; won't work; still not; still waiting; still no; again and again; third time; second time;
		fourth time; how many times; for weeks; for days; for hours; an hour; on hold; nobody; no one; wrong; failed; problem; problems; error; mistake; late; delayed; lost; missing; overcharged; charged twice`},
	{KindThanks, 0.5, false, `thank you so much; thanks so much; thanks a lot; perfect; excellent; wonderful; great; brilliant; awesome; fantastic; appreciate; very helpful; happy; glad; pleased; lovely; love it`},
	{KindThanks, 0.3, false, `thank you; thanks; good; nice; helpful; no problem; no worries; cheers`},
}

var chineseGroups = []group{
	{KindInsult, 0.9, true, `骗子; 混蛋; 王八蛋; 傻逼; 白痴; 废物; 垃圾公司; 垃圾服务; 他妈的; 妈的; 滚蛋; 去你的; 神经病; 有病吧; 你们有病; 不要脸; 无耻; 畜生; 放屁; 胡说八道; 脑子有问题; 猪脑子`},
	{KindLegal, 0.85, true, `律师; 起诉; 告你们; 去法院; 上法院; 打官司; 法庭见; 报警; 找媒体; 找记者; 曝光; 工商局; 市场监管; 消费者协会; 消协; 银保监; 工信部; 12315; 12345; 一二三一五; 一二三四五`},
	{KindComplaint, 0.85, true, `投诉你; 投诉你们; 我要投诉; 要投诉; 去投诉; 找你们领导; 叫你们领导; 叫你们经理; 找你们经理; 让你们经理; 找负责人; 叫负责人; 你们老板; 退钱; 马上退款; 立刻退款; 差评; 再也不用; 再也不买; 再也不来`},
	{KindAnger, 0.85, true, `气死我了; 气死人; 气死; 太气人; 忍无可忍; 受够了; 受不了了; 岂有此理; 欺人太甚; 太过分了; 太过分; 凭什么; 搞什么鬼; 搞什么名堂; 开什么玩笑; 耍我; 玩我呢; 忽悠我; 糊弄我; 什么破; 什么玩意; 太不像话; 不像话; 火大; 发火了; 推来推去; 踢皮球`},
	{KindAnger, 0.55, false, `生气; 愤怒; 恼火; 烦死; 烦死了; 讨厌; 可恶; 气愤; 过分; 离谱; 荒唐; 可笑; 态度差; 态度恶劣; 不负责任; 敷衍; 浪费时间; 欺骗; 坑人; 坑我; 坑爹; 恶心; 糟糕; 差劲; 太差; 垃圾; 没人管; 不讲理; 骗人; 骗我`},
	{KindDistress, 0.5, false, `急死; 急死了; 急死我了; 着急; 怎么办; 绝望; 崩溃; 要哭了; 哭了; 难受; 难过; 害怕; 救救; 求求你; 求你们; 求求你们; 没办法了; 活不下去; 担心死`},
	{KindComplaint, 0.4, false, `投诉; 不满意; 不满; 失望; 太失望; 退款; 赔偿; 赔钱; 服务差; 说法; 交代; 解释清楚`},
	{KindProblem, 0.2, false, `坏了; 不能用; 用不了; 打不开; 没收到; 还没到; 还没有; 等了; 等半天; 又是; 又来; 第几次; 第三次; 第二次; 好几次; 多少次; 一直没; 没人接; 没人理; 没解决; 不解决; 错了; 扣错; 多扣; 乱扣; 乱收费; 扣费; 问题; 故障; 丢了; 慢死; 太慢`},
	{KindThanks, 0.5, false, `太好了; 非常感谢; 十分感谢; 多谢; 满意; 很好; 太棒; 真棒; 点赞; 好评; 辛苦了; 高兴; 开心; 贴心; 耐心`},
	{KindThanks, 0.3, false, `谢谢; 感谢; 好的; 可以的; 麻烦你了; 没关系; 不错`},
}

var (
	englishByFirst = indexEnglish(englishGroups)
	chineseByFirst = indexChinese(chineseGroups)
)

func entries(groups []group, make func(text string, g group)) {
	for _, g := range groups {
		for text := range strings.SplitSeq(g.list, ";") {
			if text = strings.Join(strings.Fields(text), " "); text != "" {
				make(text, g)
			}
		}
	}
}

func indexEnglish(groups []group) map[string][]*lexeme {
	m := make(map[string][]*lexeme)
	entries(groups, func(text string, g group) {
		e := &lexeme{text: text, words: strings.Fields(text), kind: g.kind, weight: g.weight, strong: g.strong}
		m[e.words[0]] = append(m[e.words[0]], e)
	})
	for _, list := range m {
		slices.SortStableFunc(list, func(a, b *lexeme) int { return len(b.words) - len(a.words) })
	}
	return m
}

func indexChinese(groups []group) map[rune][]*lexeme {
	m := make(map[rune][]*lexeme)
	entries(groups, func(text string, g group) {
		e := &lexeme{text: text, runes: []rune(text), kind: g.kind, weight: g.weight, strong: g.strong}
		m[e.runes[0]] = append(m[e.runes[0]], e)
	})
	for _, list := range m {
		slices.SortStableFunc(list, func(a, b *lexeme) int { return len(b.runes) - len(a.runes) })
	}
	return m
}
