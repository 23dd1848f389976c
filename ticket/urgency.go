package ticket

import (
	"strings"

	"tingxin/nlp"
)

// urgentWords make a ticket urgent whatever else is known: danger to people or property, the law,
// the press. Written by hand; folded, Chinese in simplified characters. Latin ones are whole words.
var urgentWords = []string{
	"漏电", "触电", "起火", "着火", "冒烟", "爆炸", "烫伤", "烧伤", "受伤", "中毒", "过敏", "住院", "漏气", "自燃", "鼓包",
	"律师", "起诉", "法院", "报警", "消协", "12315", "工商局", "市场监管", "曝光", "记者", "媒体", "投诉到",
	"盗刷", "被盗", "诈骗", "泄露", "自杀", "轻生",
	"electric shock", "on fire", "caught fire", "smoke", "smoking", "explode", "exploded", "burned", "burnt", "injured", "injury", "poisoned",
	"allergic", "hospital", "gas leak", "lawyer", "attorney", "sue", "lawsuit", "court", "police", "regulator", "journalist",
	"fraud", "stolen", "data breach", "suicide",
}

// urgentWord finds the first word that makes a text urgent.
func urgentWord(text string) (word string, found bool) {
	folded := nlp.Fold(text)
	spaced := " " + strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f {
			return r
		}
		return ' '
	}, folded) + " "
	spaced = strings.Join(strings.Fields(spaced), " ")
	spaced = " " + spaced + " "
	for _, w := range urgentWords {
		if w[0] < 0x80 {
			if strings.Contains(spaced, " "+w+" ") {
				return w, true
			}
		} else if strings.Contains(folded, w) {
			return w, true
		}
	}
	return "", false
}
