package bot

import (
	"slices"
	"testing"
)

func TestTypingMistakesAreReadAsMeant(t *testing.T) {
	h := open(t)
	for i, c := range []struct {
		text  string
		want  Decision
		words string
	}{
		{"trak my ordr", DoAsk, "order number"}, {"cancle my order B2025081501", DoConfirm, "B2025081501"}, {"i want a refnud", DoAsk, "order number for the refund"},
		{"我要退宽", DoAsk, "退款的订单号"}, {"怎么开法票", DoAnswer, "开发票"}, {"转人公", DoHandover, ""}, {"talk to a huamn", DoHandover, ""},
	} {
		k := h.chat("typo-"+string(rune('a'+i)), 0)
		want(t, k.says(c.text), c.want, c.words)
	}
	k := h.chat("kept", 0)
	r := k.says("i wnat to trak it, my email is ordr@trak.com, order number ORDR-2025081501")
	if !slices.ContainsFunc(r.Slots, func(s Held) bool { return s.Value == "ordr@trak.com" }) || !slices.ContainsFunc(r.Slots, func(s Held) bool { return s.Value == "ORDR-2025081501" }) {
		t.Errorf("values were mended: %s", dump(r.Slots))
	}
}

func TestANodWithNothingPendingIsNoQuestion(t *testing.T) {
	h := open(t)
	for _, c := range []struct{ nod, glad, wave, bye string }{{"是的", "很高兴", "不用了", "随时找我"}, {"ok", "Glad", "no", "whenever you need me"}} {
		k := h.chat("nod-"+c.nod, 0)
		question := map[string]string{"是的": "怎么退货", "ok": "how much is shipping"}[c.nod]
		seen := map[string]bool{}
		for range 3 {
			r := k.says(c.nod)
			want(t, r, DoTalk)
			if seen[r.Text()] {
				t.Errorf("%q is said again to %q", r.Text(), c.nod)
			}
			seen[r.Text()] = true
		}
		want(t, k.says(question), DoAnswer)
		want(t, k.says(c.nod), DoTalk, c.glad)
		first := k.says(c.wave)
		want(t, first, DoTalk, c.bye)
		if again := k.says(c.wave); again.Decision != DoTalk || again.Text() == first.Text() {
			t.Errorf("%q to a second %q", again.Text(), c.wave)
		}
	}
	k := h.chat("asked", 0)
	want(t, k.says("我的订单到哪了"), DoAsk, "订单号")
	want(t, k.says("好的"), DoTalk, "不着急。请告诉我订单号")
	want(t, k.says("A2025070102"), DoTool, "保温杯")
	want(t, k.says("没有"), DoTalk, "抱歉", "转人工")
	k = h.chat("thanks", 0)
	first, second := k.says("thanks"), k.says("thanks")
	if first.Text() == second.Text() {
		t.Errorf("%q is said twice", first.Text())
	}
}

func TestTwoTasksInOneMessageAreBothDone(t *testing.T) {
	h := open(t)
	k := h.chat("zh", 7)
	want(t, k.says("帮我取消订单 A2025070102，然后查一下订单 A2025070102"), DoConfirm, "要取消订单 A2025070102")
	want(t, k.says("是的"), DoTool, "已取消", "订单 A2025070102（")
	want(t, k.says("谢谢"), DoTalk, "不客气") // nothing is under way any more

	k = h.chat("en", 8)
	k.who.Contact = 0
	want(t, k.says("track my order and refund my order"), DoAsk, "order number")
	r := k.says("B2025081501")
	want(t, r, DoTool, "headphones", "Next: Request a refund", "reason")
	if n := h.Stats().Reasks; n != 0 {
		t.Errorf("%d re-asks", n)
	}
	k = h.chat("dropped", 0)
	want(t, k.says("查一下订单，顺便申请退款"), DoAsk, "请告诉我订单号")
	want(t, k.says("算了"), DoTalk, "先不处理", "接下来是申请退款", "退款的订单号")
	k = h.chat("article", 0)
	want(t, k.says("查一下订单，顺便怎么开发票"), DoAnswer, "点开发票", "请告诉我订单号")
}

func TestEachTaskHasTheNumberThatItsPartNames(t *testing.T) {
	h := open(t)
	k := h.chat("zh", 0)
	want(t, k.says("取消订单 A2025070103 然后查一下订单 A2025070101"), DoConfirm, "要取消订单 A2025070103")
	want(t, k.says("是"), DoTool, "A2025070103", "电热水壶")
	k = h.chat("en", 0)
	want(t, k.says("cancel my order A2025070102 and track my order B2025081501"), DoConfirm, "A2025070102")
	want(t, k.says("no"), DoTool, "headphones")
}

func TestDifficultCustomers(t *testing.T) {
	h := open(t)
	for i, talk := range [][]struct {
		text  string
		want  Decision
		words string
	}{
		{{"帮我查订单", DoAsk, "订单号"}, {"我没有订单号", DoAsk, "找不到也没关系"}, {"等一下我找找", DoTalk, "不着急"}, {"好的找到了 A2025070102", DoTool, "保温杯"}, {"不是问这个", DoTalk, "抱歉"}},
		{{"track my order", DoAsk, "order number"}, {"i forgot", DoAsk, "page of your orders"}, {"one sec", DoTalk, "Take your time"}, {"a 2025 0701 02", DoTool, "A2025070102"}, {"that's not what i asked", DoTalk, "Sorry"}},
		{{"傻逼", DoTalk, "抱歉"}, {"傻逼", DoTalk, "生气"}, {"😡", DoFallback, "很抱歉"}, {"👍", DoTalk, ""}, {"先别取消", DoTalk, "先不处理"}},
		{{"you are useless", DoTalk, "sorry"}, {"actually never mind", DoTalk, "dropped"}, {"😂", DoTalk, ""}},
		{{"我要退款", DoAsk, "退款的订单号"}, {"算了，还是取消订单吧", DoAsk, "取消的订单号"}, {"A2025070102", DoConfirm, "要取消"}, {"别取消了", DoTalk, "还需要什么帮助"}},
		{{"请给我回拨", DoHandover, ""}}, {{"麻烦尽快给我回电", DoHandover, ""}}, {{"please call me back", DoHandover, ""}},
		{{"转人工", DoHandover, ""}, {"不用了", DoTalk, "继续为您服务"}},
	} {
		k := h.chat("difficult-"+string(rune('a'+i)), 0)
		for _, c := range talk {
			want(t, k.says(c.text), c.want, c.words)
		}
	}
	if n := h.Stats().Reasks; n != 0 {
		t.Errorf("%d re-asks", n)
	}
}

func TestErrands(t *testing.T) {
	for text, want := range map[string][]string{
		"cancel my order <order> and change my address": {"cancel my order <order>", "change my address"},
		"查一下订单,顺便开个发票":                                  {"查一下订单", "开个发票"},
		"取消订单然后帮我退款":                                    {"取消订单", "帮我退款"},
		"取消订单,再帮我查一下积分":                                 {"取消订单", "再帮我查一下积分"},
		"cups and plates":                               {"cups and plates"}, "我和你": {"我和你"}, "and": {"and"}, "": nil,
	} {
		if got := errands(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q", text, got)
		}
	}
}
