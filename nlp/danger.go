package nlp

// Danger are words of danger to people or property, of the law and of the press: they make things
// urgent whatever else is known. Written by hand; folded, Chinese in simplified characters. Latin
// ones are whole words.
var Danger = []string{
	"漏电", "触电", "起火", "着火", "冒烟", "爆炸", "烫伤", "烧伤", "受伤", "中毒", "过敏", "住院", "漏气", "自燃", "鼓包",
	"律师", "起诉", "法院", "报警", "消协", "12315", "工商局", "市场监管", "曝光", "记者", "媒体", "投诉到",
	"盗刷", "被盗", "诈骗", "泄露", "自杀", "轻生",
	"electric shock", "on fire", "caught fire", "smoke", "smoking", "explode", "exploded", "burned", "burnt", "injured", "injury", "poisoned",
	"allergic", "hospital", "gas leak", "lawyer", "attorney", "sue", "lawsuit", "court", "police", "regulator", "journalist",
	"fraud", "stolen", "data breach", "suicide",
}
