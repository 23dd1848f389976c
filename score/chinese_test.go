package score

import (
	"strings"
	"testing"
)

func TestNormaliseChinese(t *testing.T) {
	for in, want := range map[string]string{
		"你好，世界！": "你好世界", "设定29度": "设定二十九度", "10": "十", "15个": "十五个", "100": "一百", "105": "一百零五", "110": "一百一十",
		"2024年3月5日": "二零二四年三月五日", "25%": "百分之二十五", "3.14": "三点一四", "13800138000": "一三八零零一三八零零零", "1,200": "一千二百",
		"10500": "一万零五百", "20000": "二万", "30010": "三万零一十", "0": "零", "007": "零零七", "3:20": "三点二十", "幺幺零": "一一零", "ＡＢ": "ab", "": "",
	} {
		if got := strings.Join(NormaliseChinese(in), ""); got != want {
			t.Errorf("%q: got %q want %q", in, got, want)
		}
	}
}
