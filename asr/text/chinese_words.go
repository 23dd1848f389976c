package text

import "strings"

var (
	// zhIdioms hold numerals that are no numbers.
	zhIdioms = strings.Fields("一点 一块 一路 一度 一角 一层 一级 十分 三角 五角星 八角 一毛不拔 百分百 一时三刻")
	// zhHardMeasures turn even a single numeral into a digit.
	zhHardMeasures = strings.Fields("度 元 块 毛 角 公里 公斤 千克 千米 厘米 毫米 平方 米 毫升 升 克 吨 斤 号 月 分钟 秒 小时 岁 楼 层 室 级 折 倍 美元 欧元 英镑 日元 港币 港元 兆")
	// zhMeasures count things; ten of them is 10.
	zhMeasures = strings.Fields("个 天 年 人 次 位 名 件 条 张 本 台 辆 只 家 种 周 分 页 遍 多 来 日 支 部 套 袋 箱 瓶 万 亿")
	// zhDigitCue stands before a key or a number to dial.
	zhDigitCue  = strings.Fields("按 拨 请按 零下 分机")
	zhClockCue  = strings.Fields("上午 下午 早上 早晨 晚上 中午 凌晨 傍晚 今晚 明早 今天 明天 后天 昨天 号 日 到 从")
	zhClockTail = strings.Fields("半 钟 整 一刻 三刻 到")

	zhQuestionWords = strings.Fields("什么 怎么 怎样 哪 谁 几 多少 为什么 为何 多久 多长时间 多远 是不是 有没有 能不能 可不可以 会不会 要不要 好不好 行不行 对不对 在不在 贵姓 是否")
	zhNotAsking     = strings.Fields("不知道 没有什么 没什么 不管 无论 随便 告诉我 想知道 不清楚 好几 几乎 几个人都 不晓得 我知道 不太清楚 怎么都 什么都 谁都 哪都 哪里都")
	zhGoing         = strings.Fields("正在 在吃 正 着呢 还早")
	zhPleading      = strings.Fields("我们 咱们 请 那 走吧 来吧 好吧 算了吧 让 给我 帮 就这样")
	zhOpen          = strings.Fields("把 被 在 和 跟 与 或 是 我 你 他 她 它 这 那 个 很 要 想 给 对 从 到 向 为 第 约")
	zhBound         = strings.Fields("的 了 着 吗 呢 吧 啊 呀 嘛 们 得 地")
)
