package nlp

import (
	"strings"
	"sync"
	"unicode/utf8"
)

// Sentiment is how pleased a folded text sounds, from -1 (angry) over 0 (neither) to
// 1 (delighted), by a word list with negations, degrees and contrast. lang is "zh"
// or "en"; other languages give 0. It is a hint for ranking and colours, not a
// judgement: irony and what is only meant escape it.
func Sentiment(lang, folded string) float32 {
	var words []string
	var m *mood
	switch lang {
	case "zh":
		m = moods().zh
		words = m.cut(folded)
	case "en":
		m = moods().en
		words = strings.FieldsFunc(folded, func(r rune) bool { return r != '\'' && r < 0x80 && !wordByte(byte(r)) && r != '!' && r != '?' })
	default:
		return 0
	}
	sum, n := 0.0, 0.0
	weight := 1.0
	for i, w := range words {
		if m.turn[w] && sum != 0 {
			sum, n = sum*0.4, n*0.4 // what comes after "but" counts more
			continue
		}
		v := m.value(words, i)
		if v == 0 {
			continue
		}
		sum += v
		n++
	}
	if n == 0 {
		return 0
	}
	if strings.Contains(folded, "!!") {
		weight = 1.25
	}
	v := weight * sum / (n + 0.6)
	return float32(max(-1, min(1, v)))
}

// mood is the word list of a language.
type mood struct {
	words   map[string]float64 // -1..1
	not     map[string]bool
	degree  map[string]float64
	turn    map[string]bool
	longest int // characters of the longest entry, for languages without spaces
	reach   int // how far back a negation works
}

// value of word i with what stands before it.
func (m *mood) value(words []string, i int) float64 {
	v := m.words[words[i]]
	if v == 0 {
		return 0
	}
	for j := i - 1; j >= 0 && j >= i-m.reach; j-- {
		if d := m.degree[words[j]]; d != 0 {
			v *= d
		}
		if m.not[words[j]] {
			v *= -0.8
		}
		if m.words[words[j]] != 0 || m.turn[words[j]] {
			break
		}
	}
	return max(-1.5, min(1.5, v))
}

// cut finds the longest entries from the left; what is none stays one character.
func (m *mood) cut(text string) []string {
	var out []string
	for i := 0; i < len(text); {
		end, n := i, 0
		best := 0
		for n < m.longest && end < len(text) {
			_, size := utf8.DecodeRuneInString(text[end:])
			end += size
			n++
			w := text[i:end]
			if m.words[w] != 0 || m.not[w] || m.degree[w] != 0 || m.turn[w] {
				best = end - i
			}
		}
		if best == 0 {
			_, best = utf8.DecodeRuneInString(text[i:])
		}
		out = append(out, text[i:i+best])
		i += best
	}
	return out
}

type moodLists struct{ zh, en *mood }

var moods = sync.OnceValue(func() moodLists {
	zh := newMood(4, zhGood, zhFine, zhBad, zhAwful, zhNot, zhMore, zhLess, zhTurn)
	en := newMood(3, enGood, enFine, enBad, enAwful, enNot, enMore, enLess, enTurn)
	return moodLists{zh, en}
})

func newMood(reach int, good, fine, bad, awful, not, more, less, turn string) *mood {
	m := &mood{words: map[string]float64{}, not: map[string]bool{}, degree: map[string]float64{}, turn: map[string]bool{}, reach: reach}
	each := func(list string, put func(w string)) {
		for w := range strings.FieldsSeq(list) {
			m.longest = max(m.longest, utf8.RuneCountInString(w))
			put(w)
		}
	}
	for list, v := range map[string]float64{good: 1, fine: 0.6, bad: -0.6, awful: -1} {
		each(list, func(w string) { m.words[w] = v })
	}
	each(not, func(w string) { m.not[w] = true })
	each(more, func(w string) { m.degree[w] = 1.4 })
	each(less, func(w string) { m.degree[w] = 0.6 })
	each(turn, func(w string) { m.turn[w] = true })
	return m
}

// The lists were written by hand for what customers say of shops and service.
const (
	zhGood  = `太好了 非常好 很好 特别好 完美 超值 物超所值 惊喜 非常满意 很满意 太棒了 棒极了 棒 赞 点赞 好评 五星 强烈推荐 推荐 值得购买 值得 喜欢 很喜欢 爱了 精致 漂亮 好看 好听 好吃 好用 舒服 舒适 贴心 感谢 多谢 非常感谢 开心 高兴 优秀 一流 给力 放心 清晰 耐用 厚实 柔软 细腻 精美 超赞 超好 真好 实惠 划算 回购 信赖 靠谱 值了`
	zhFine  = `好 不错 满意 可以 还行 挺好 还好 还不错 快 很快 及时 方便 便宜 耐心 热情 正品 合适 结实 流畅 谢谢 解决了 顺利 简单 轻松 大方 整洁 干净 安静 清楚 强大 高档 耐看 支持 性价比高 到货快 没问题 没毛病 没得说 齐全 正好 准时 轻便 值 香 帅 美 省电 实用 稳定 周到 专业 到位 不贵 不差 不吵`
	zhBad   = `差 慢 贵 太贵 不好 不行 不满意 不满 失望 问题 毛病 坏 破 脏 旧 假 难用 难看 难吃 难闻 麻烦 后悔 不值 不值得 不推荐 一般 不喜欢 不舒服 不清楚 不方便 不合适 不符 不对 不能用 不耐用 不稳定 不灵 没用 没有用 漏 裂 卡 死机 发热 发烫 噪音 异味 刺鼻 掉色 起球 划痕 瑕疵 破损 坏了 坏的 断了 少了 少发 错发 发错 漏发 退货 退款 换货 投诉 拖 催 等了 还没 一直没 没收到 没人 没反应 失败 错误 担心 着急 可惜 粗糙 廉价 鸡肋 费劲 太小 太大 太薄 短 缩水 抱怨 郁闷 别买 不会再买 不要买 慎买 亏 费电 不准 松动 褪色 黑屏 闪退 打不开 用不了 质量问题 音质差 敷衍 推脱 推诿`
	zhAwful = `垃圾 骗子 骗人 骗 欺骗 诈骗 坑人 坑 坑爹 恶心 恶劣 气死 生气 愤怒 火大 差劲 太差 很差 极差 超差 最差 差评 烂 太烂 无语 受不了 忍无可忍 无耻 不要脸 黑心 奸商 假货 次品 伪劣 上当 后悔死 糟糕 糟透了 崩溃 混蛋 滚 他妈的 妈的 太慢 什么玩意 什么破 大失所望 非常失望 太失望 非常差 态度差 态度恶劣 起诉 曝光 消协 12315 举报 维权 再也不 垃圾货 一坨 破东西 亏大了`
	zhNot   = `不 没 没有 不是 不会 不太 未 无 别 并不 毫不 从不 不怎么 不够 谈不上 算不上 不能`
	zhMore  = `非常 很 太 特别 超级 超 极其 十分 相当 真的 真 最 尤其 巨 贼 实在 简直 完全 越来越 这么 那么`
	zhLess  = `有点 有些 稍微 略 比较 还算 一点 偶尔`
	zhTurn  = `但是 但 不过 可是 然而 只是 就是`

	enGood  = `excellent perfect amazing awesome fantastic wonderful brilliant outstanding superb love loved loving delighted best incredible flawless thrilled impressed recommend grateful terrific lovely beautiful perfectly happy`
	enFine  = `good great nice fine well thanks thank pleased satisfied satisfying helpful friendly fast quick quickly easy comfortable smooth solid reliable useful works worked enjoy enjoyed glad polite kind clean worth affordable prompt quality improved resolved solved fixed appreciate super cool better like liked patient clear convenient`
	enBad   = `bad poor slow late broken issue issues problem problems wrong missing lost damaged disappointed disappointing disappointment annoying annoyed unhappy difficult hard confusing confused expensive cheap defective faulty delay delayed delays stuck fail failed fails failing error errors complaint complain worse unacceptable frustrated frustrating cancel refund waste wasted unreliable unhelpful uncomfortable rude dirty noisy cracked scratched leaks leaking refuse refused ignored ignoring overcharged stopped dead unfortunately sad sorry useless waiting upset returned flimsy`
	enAwful = `terrible horrible awful worst hate hated disgusting pathetic scam scammed fraud ridiculous furious angry outraged outrageous garbage crap rubbish joke liar liars lied lying theft stolen steal cheated nightmare disgrace disgraceful appalling atrocious shit fuck fucking bullshit damn hell sue lawyer incompetent trash never-again shameful idiots idiot stupid`
	enNot   = `not no never don't doesn't didn't isn't wasn't aren't weren't won't wouldn't can't cannot couldn't hardly barely without ain't nothing nobody haven't hasn't hadn't neither nor shouldn't`
	enMore  = `very really so extremely absolutely totally completely incredibly too super highly truly such utterly most more`
	enLess  = `slightly somewhat little bit fairly rather quite kinda`
	enTurn  = `but however although though yet except`
)
