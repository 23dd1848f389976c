package bot

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

func TestFrameAsksRemembersAndComesBack(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("我的订单到哪了"), DoAsk, "订单号")
	want(t, k.says("运费怎么算"), DoAnswer, "99", "回到刚才", "订单号") // a digression returns
	want(t, k.says("A 2025 0701 02"), DoTool, "保温杯", "已付款") // in groups, and no English
	want(t, k.says("取消订单"), DoConfirm, "要取消订单 A2025070102 吗")
	want(t, k.says("是的"), DoTool, "已取消")
	want(t, k.says("A2025070103 呢"), DoConfirm, "要取消订单 A2025070103") // another value for the last intent
	want(t, k.says("不用了"), DoTalk, "先不处理")
	if n := h.Stats().Reasks; n != 0 {
		t.Errorf("%d re-asks", n)
	}
}

func TestUnknownOrderIsAskedForAgainAndForgotten(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("订单 A9999999999 到哪了"), DoAsk, "没有查到订单 A9999999999")
	want(t, k.says("A2025070101"), DoTool, "2026-12-02")
	other := h.chat("2", 7)
	want(t, other.says("什么时候到"), DoTool, "A2025070101")
}

func TestUnsureValueIsConfirmedOnce(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("B2025081501"), DoTalk) // a bare number may be anything
	want(t, k.says("什么时候到"), DoConfirm, "尾号 1501 的订单")
	want(t, k.says("对"), DoTool, "headphones")
	want(t, k.says("那个订单现在什么状态"), DoTool, "headphones")
}

func TestTwoOrdersAreAChoice(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("我有两个订单 订单号A2025070101 和 订单号A2025070102"), DoTalk)
	r := k.says("什么时候到")
	want(t, r, DoConfirm, "哪一个订单", "A2025070101", "A2025070102")
	want(t, k.says("A2025070102"), DoTool, "保温杯")
	want(t, k.says("它什么时候能送到"), DoTool, "保温杯") // the one last spoken of

	k = h.chat("2", 0)
	k.says("订单号A2025070101 和 订单号A2025070102")
	r = k.says("什么时候到")
	want(t, r, DoConfirm)
	i := slices.IndexFunc(r.Parts[1].Buttons, func(b Button) bool { return b.Label == "A2025070101" })
	want(t, k.presses(r.Parts[1].Buttons[i].Value), DoTool, "电热水壶")
}

func TestRefundCollectsItsValuesAndHandsOver(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("我要退款"), DoAsk, "退款的订单号")
	r := k.says("A2025070103")
	want(t, r, DoAsk, "原因", "商品有问题")
	r = k.says("没有收到")
	want(t, r, DoHandover)
	p := r.Handover
	if p.Intent != "refund_request" || p.Detail != "refund_request" || !slices.ContainsFunc(p.Slots, func(s Held) bool { return s.Name == "order" && s.Value == "A2025070103" }) ||
		!slices.ContainsFunc(p.Slots, func(s Held) bool { return s.Name == "refund_reason" && s.Value == "It did not arrive" }) {
		t.Errorf("packet %s", dump(p))
	}
}

func TestClarificationByNumberByTitleAndByNone(t *testing.T) {
	h := open(t, func(_ *Config, p *Parts) { p.Knowledge = unsure{p.Knowledge} })
	offer := func(k *talk) Reply {
		t.Helper()
		r := k.says("优惠券 发票")
		want(t, r, DoClarify, "都不是", "转人工")
		if len(r.Parts[1].Buttons) > 5 {
			t.Fatalf("%d buttons", len(r.Parts[1].Buttons))
		}
		return r
	}
	k := h.chat("1", 0)
	first := offer(k).Parts[1].Buttons[0]
	want(t, k.says("1"), DoAnswer)
	k = h.chat("2", 0)
	offer(k)
	r := k.says(first.Label)
	want(t, r, DoAnswer)
	if "article:"+r.Article != first.Value {
		t.Errorf("article %s after %s", r.Article, first.Value)
	}
	k = h.chat("3", 0)
	offer(k)
	want(t, k.says("都不是"), DoClarify, "换一种说法")
	offer(k)
	want(t, k.says("都不是"), DoHandover)
}

// unsure judges "优惠券 发票" in between.
type unsure struct{ Knowledge }

func (u unsure) Ask(ctx context.Context, q Question) (Verdict, error) {
	v, err := u.Knowledge.Ask(ctx, q)
	if q.Text == "优惠券 发票" {
		v.TauA, v.TauC, v.Articles[0].P, v.Articles[1].P = 0.75, 0.4, 0.5, 0.45
	}
	return v, err
}

// ignorant has no article for some texts, however few articles there are to choose from.
type ignorant struct {
	Knowledge
	texts []string
}

func (i ignorant) Ask(ctx context.Context, q Question) (Verdict, error) {
	v, err := i.Knowledge.Ask(ctx, q)
	if slices.Contains(i.texts, q.Text) {
		for k := range v.Articles {
			v.Articles[k].P = 0.01
		}
	}
	return v, err
}

func TestReactionsAreKeptAsLabels(t *testing.T) {
	h := open(t)
	k := h.chat("1", 0)
	r := k.says("怎么退货")
	want(t, r, DoAnswer, "申请售后", "解决了", "没解决")
	if p := r.Parts[1]; p.Kind != "source" || p.Article != "return" || p.Title != "怎么退货" {
		t.Errorf("source %+v", p)
	}
	want(t, k.says("没解决"), DoTalk, "抱歉")
	var reaction, label string
	must(t, h.db.Pool().QueryRow(t.Context(), `select t.reaction, l.value from bot_turns t join predictions p on p.object_type = 'bot_turn' and p.object_id = t.id::text and p.kind = 'article' join labels l on l.prediction_id = p.id where t.n = 1`).Scan(&reaction, &label))
	if reaction != "down" || label != "not:return" {
		t.Errorf("reaction %q, label %q", reaction, label)
	}
	r = k.says("转人工")
	if s := r.Handover.Articles; len(s) != 1 || s[0].Reaction != "down" {
		t.Errorf("articles of the packet %+v", s)
	}
}

// The next question may be on its way when the button of an answer is pressed.
func TestPressOnAnOlderAnswerIsItsVote(t *testing.T) {
	h := open(t)
	k := h.chat("1", 0)
	want(t, k.says("怎么退货"), DoAnswer, "申请售后")
	want(t, k.says("我的订单到哪了"), DoAsk, "订单号")
	want(t, k.presses("helpful"), DoTalk, "很高兴")
	var reaction string
	must(t, h.db.Pool().QueryRow(t.Context(), `select reaction from bot_turns where n = 1`).Scan(&reaction))
	if reaction != "up" {
		t.Errorf("the answer's reaction is %q", reaction)
	}
	want(t, k.says("A2025070101"), DoTool, "电热水壶") // what was asked for before is still waited for
}

func TestLanguageIsThatOfEachMessage(t *testing.T) {
	h := open(t)
	k := h.chat("1", 0)
	if r := k.says("怎么退货"); r.Lang != "zh" {
		t.Errorf("%s", r.Lang)
	}
	r := k.says("How much is shipping?")
	if want(t, r, DoAnswer, "Free from 99"); r.Lang != "en" {
		t.Errorf("%s", r.Lang)
	}
	if r := k.says("A2025070101"); r.Lang != "en" { // no words: as before
		t.Errorf("%s", r.Lang)
	}
}

func TestNothingIsRememberedBeyondTheConversationWithoutConsent(t *testing.T) {
	h := open(t)
	k := h.chat("1", 9)
	want(t, k.says("我的订单号是A2025070101"), DoTalk)
	want(t, k.says("什么时候到"), DoTool)
	want(t, h.chat("2", 9).says("什么时候到"), DoAsk)
	slots, err := h.Slots(t.Context(), 9)
	must(t, err)
	if len(slots) != 0 {
		t.Errorf("kept %+v", slots)
	}
}

func TestMemoryFollowsAMergeOfContacts(t *testing.T) {
	h := open(t)
	h.chat("1", 7).says("我的订单号是A2025070101")
	_, err := h.db.Exec(t.Context(), `update contacts set root = 10, merged_into = 10 where id = 7`)
	must(t, err)
	h.parts.People.(crowd)[10] = Person{Remember: true}
	defer delete(h.parts.People.(crowd), 10)
	want(t, h.chat("2", 10).says("什么时候到"), DoTool, "A2025070101")
}

func TestWhoIsIdentifiedLaterKeepsWhatWasSaid(t *testing.T) {
	h := open(t)
	h.chat("1", 0).says("我的订单号是A2025070101")
	h.chat("1", 7).says("你好")
	want(t, h.chat("2", 7).says("什么时候到"), DoTool, "A2025070101")
}

func TestOrderExpiresAfterThirtyDays(t *testing.T) {
	h := open(t)
	h.chat("1", 7).says("我的订单号是A2025070101")
	h.ahead = 29 * 24 * time.Hour
	want(t, h.chat("2", 7).says("什么时候到"), DoTool)
	h.ahead = 31 * 24 * time.Hour
	want(t, h.chat("3", 7).says("什么时候到"), DoAsk)
}

func TestIdentityAndCardNumbersAreSealedAndExpire(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	const id, card = "11010519491231002X", "6222020200112230"
	r := k.says("我的身份证是" + id + "，银行卡 4111 1111 1111 1111")
	for _, s := range r.Slots {
		if strings.Contains(s.Value, "19491231") || s.Value == "4111111111111111" {
			t.Errorf("shown: %+v", s)
		}
	}
	if len(r.Slots) != 2 {
		t.Fatalf("slots %+v", r.Slots)
	}
	for _, table := range []string{"bot_slots", "bot_turns", "bot_sessions", "predictions"} {
		var n int
		must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from `+table+` x where x::text ~* '11010519491231002x|4111 ?1111 ?1111 ?1111'`).Scan(&n))
		if n > 0 {
			t.Errorf("%d rows of %s hold it in the clear", n, table)
		}
	}
	rows, err := h.memory.load(t.Context(), r.Session, 7, time.Now())
	must(t, err)
	if i := slices.IndexFunc(rows, func(x row) bool { return x.Name == "id18" }); i < 0 || rows[i].plain != id {
		t.Errorf("cannot be opened: %+v", rows)
	}
	h.restart()
	if _, err = h.memory.load(t.Context(), r.Session, 7, time.Now()); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	must(t, h.End(t.Context(), ChannelChat, "1"))
	h.ahead = 25 * time.Hour
	must(t, h.Sweep(t.Context()))
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from bot_slots`).Scan(&n))
	if n != 0 {
		t.Errorf("%d values are still there a day after the end", n)
	}
}

func TestDictatedOrderIsReadBackAndCorrected(t *testing.T) {
	h := open(t)
	h.chat("1", 7).says("我的订单号是A2025070101")
	k := &talk{h, Session{Subject: "call-1", Contact: 7}, ChannelCall}
	r := k.says("订单 A2025070107 什么时候到") // one place off a known one
	want(t, r, DoConfirm, "A202 5070 101")
	want(t, k.says("是的"), DoTool, "电热水壶")

	k = &talk{h, Session{Subject: "call-2"}, ChannelCall}
	want(t, k.says("我的订单到哪了"), DoAsk)
	want(t, k.says("二零二五零七零二零零一"), DoConfirm, "2025 0702 001")
	want(t, k.says("不是"), DoAsk)
	want(t, k.in(Input{Text: "20250702001", Keys: true}), DoTool, "desk lamp") // typed is not read back
}

func TestEraseTakesEverythingOfAPerson(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	k.says("我的订单号是A2025070101")
	k.says("怎么退货")
	k.says("解决了")
	erase(t, h, 7)
	for _, table := range []string{"bot_slots", "bot_turns", "bot_sessions", "predictions", "labels"} {
		var n int
		must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from `+table).Scan(&n))
		if n != 0 {
			t.Errorf("%d rows left in %s", n, table)
		}
	}
}

func TestGroups(t *testing.T) {
	for value, groups := range map[string]string{"20250702001": "2025 0702 001", "123456": "123 456", "1234567": "1234 567", "12345": "123 45", "1234": "1234", "12": "12"} {
		if got := grouped(value); got != groups {
			t.Errorf("%s reads %q, want %q", value, got, groups)
		}
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		d    int
	}{{"A1", "A1", 0}, {"A1", "A2", 1}, {"A12", "A1", 1}, {"A12", "12", 1}, {"A12", "B13", 2}, {"A1", "A123", 2}, {"ABC", "BCA", 2}} {
		if got := distance(c.a, c.b); got != c.d {
			t.Errorf("%s %s: %d, want %d", c.a, c.b, got, c.d)
		}
	}
}

func TestAValueThatAnAgentCorrectedCounts(t *testing.T) {
	h := open(t)
	h.chat("1", 7).says("我的订单号是A2025070199") // one digit wrong
	slots, err := h.Slots(t.Context(), 7)
	must(t, err)
	if len(slots) != 1 {
		t.Fatalf("kept %+v", slots)
	}
	change := func(id int64, value string) (made int64, err error) {
		err = h.db.Tx(t.Context(), func(tx pgx.Tx) error {
			made, err = h.ChangeSlot(t.Context(), tx, id, value)
			return err
		})
		return made, err
	}
	for _, wrong := range []string{"", "my order", "13800138000", strings.Repeat("9", 500)} {
		if _, err := change(slots[0].ID, wrong); !errors.Is(err, ErrValue) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	learnt := h.brain.Swap(nil) // before the first learning has ended
	made, err := change(slots[0].ID, " A2025070101 ")
	h.brain.Store(learnt)
	must(t, err)
	slots, err = h.Slots(t.Context(), 7)
	must(t, err)
	if len(slots) != 1 || slots[0].ID != made || slots[0].Value != "A2025070101" || slots[0].Source != "agent" || !slots[0].Confirmed {
		t.Errorf("kept %+v", slots)
	}
	if _, err := change(1<<40, "A2025070101"); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("a value that is not there: %v", err)
	}
	want(t, h.chat("2", 7).says("什么时候到"), DoTool, "A2025070101")
}

// Who corrects a digit does not say the whole number again.
func TestOneDigitIsCorrected(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("订单号A2025070109到哪了"), DoAsk, "没有查到")
	want(t, k.says("不对,是1不是9"), DoTool, "电热水壶")
	k = h.chat("2", 7)
	want(t, k.says("where is order 20250702003"), DoAsk, "found no order")
	want(t, k.says("sorry, it's 1 not 3"), DoTool, "desk lamp")
	k = h.chat("3", 7)
	want(t, k.says("where is order A2025070101"), DoTool, "A2025070101")
	want(t, k.says("oops, the last digit is two, not one"), DoConfirm, "0102") // which of the ones is not sure
	want(t, k.says("yes please"), DoTool, "A2025070102")
	if r := k.says("i bought one not two"); r.Decision == DoTool {
		t.Errorf("%s", r.Text())
	}
}

// A number that comes with a few more words replaces the one before it: nobody is asked what to do with it.
func TestAnotherNumberIsLookedUpAsTheFirstWas(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("where is order A2025070101"), DoTool, "A2025070101")
	want(t, k.says("sorry, my order number is A2025070102"), DoTool, "A2025070102")
}

// A yes and a no come in more words than one.
func TestYesAndNoInMoreWords(t *testing.T) {
	h := open(t)
	ask := func(i int) *talk {
		k := h.chat("a"+string(rune('0'+i)), 0)
		want(t, k.says("取消订单 B2025081501"), DoConfirm, "要取消订单")
		return k
	}
	for i, s := range []string{"不取消了", "先别取消", "算了,不取消了", "不,我改主意了", "等等,不要取消", "no, don't cancel it", "never mind, I'll keep it"} {
		r := ask(i).says(s)
		if r.Decision != DoTalk || strings.Contains(r.Text(), "已取消") {
			t.Errorf("%q: %s %s", s, r.Decision, r.Text())
		}
	}
	for i, s := range []string{"是的,取消吧", "好的谢谢", "取消", "取消吧", "yes please cancel it", "ok go ahead", "对的没错"} {
		if r := ask(20 + i).says(s); r.Decision != DoTool {
			t.Errorf("%q: %s %s", s, r.Decision, r.Text())
		}
	}
	for i, s := range []string{"好的我想问一下运费怎么算", "yes but how much is shipping", "行李箱能退吗"} {
		if r := ask(40 + i).says(s); r.Decision == DoTool && r.Intent == "cancel_order" {
			t.Errorf("%q cancelled the order: %s", s, r.Text())
		}
	}
}

// What was asked for three times in vain is not asked for a fourth time, whatever came in between.
func TestNobodyIsAskedForTheSameForEver(t *testing.T) {
	h := open(t)
	k := h.chat("1", 0)
	for range maxAsked {
		want(t, k.says("我的订单到哪了"), DoAsk, "订单号")
	}
	want(t, k.says("我的订单到哪了"), DoHandover)
}

// An answer in other words than a choice's is asked about, not taken for another question.
func TestChoiceInOtherWordsIsConfirmed(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("订单 A2025070103 我要退款"), DoAsk, "原因")
	want(t, k.says("商品好像有问题啊"), DoConfirm, "您是说“商品有问题”吗")
	want(t, k.says("不是"), DoAsk, "原因", "没有收到")
	want(t, k.says("商品好像有问题啊"), DoConfirm, "商品有问题")
	r := k.says("对")
	want(t, r, DoHandover)
	if !slices.ContainsFunc(r.Handover.Slots, func(s Held) bool { return s.Name == "refund_reason" && s.Value == "Something is wrong with the item" }) {
		t.Errorf("%s", dump(r.Handover.Slots))
	}
	k = h.chat("3", 7)
	want(t, k.says("订单 A2025070103 我要退款"), DoAsk, "原因")
	want(t, k.says("商品好像有问题啊"), DoConfirm)
	want(t, k.says("商品真的有大问题"), DoHandover) // more of the same instead of a yes
	k = h.chat("2", 7)
	want(t, k.says("订单 A2025070103 我要退款"), DoAsk, "原因")
	want(t, k.says("运费怎么算"), DoAnswer, "99", "原因") // a question is none
	want(t, k.says("商品好像有问题啊"), DoConfirm)
	want(t, k.says("没有收到"), DoHandover) // another choice instead of a yes
}

// Two questions in one message get two answers; what is missing for one is asked for behind the other.
func TestTwoQuestionsInOneMessage(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("订单A2025070101到哪了？还有怎么开发票？"), DoAnswer, "电热水壶", "点开发票")
	k = h.chat("2", 0)
	r := k.says("Where is my order? And how do I return an item?")
	want(t, r, DoAnswer, "After-sales", "order number")
	if text := r.Text(); strings.Index(text, "order number") < strings.Index(text, "After-sales") || strings.Contains(text, "That helped") {
		t.Errorf("%s", text)
	}
	want(t, k.says("B2025081501"), DoTool, "headphones")
	k = h.chat("3", 0)
	want(t, k.says("运费怎么算？怎么退货？"), DoAnswer, "99", "上门取件")
	k = h.chat("4", 0)
	want(t, k.says("你好！运费怎么算？"), DoAnswer, "99")
	h = open(t, func(_ *Config, p *Parts) { p.Knowledge = unsure{p.Knowledge} })
	k = h.chat("5", 0)
	want(t, k.says("运费怎么算？优惠券 发票。"), DoClarify, "99", "下面哪一个", "都不是")
	want(t, k.says("1"), DoAnswer)
	if got := pieces("where is my order a2025070101 and how do i return it? thanks."); !slices.Equal(got, []string{"where is my order a2025070101", "how do i return it", "thanks"}) {
		t.Errorf("%q", got)
	}
	if got := pieces("3.5 kg,还有怎么退货"); !slices.Equal(got, []string{"3.5 kg", "怎么退货"}) {
		t.Errorf("%q", got)
	}
}

// A number that is given while another is asked for is noted, and nobody asks what to do with it.
func TestNumberBesideTheOneAskedFor(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	k.says("我的订单到哪了")
	r := k.says("我的手机号是13800138000")
	want(t, r, DoTalk, "记下了", "回到刚才")
	if strings.Contains(r.Text(), "需要我做什么") {
		t.Errorf("%s", r.Text())
	}
	want(t, k.says("我的订单到哪了"), DoAsk, "订单号", "找不到", "转人工") // the second time there is a way out
}

// What was delivered or cancelled is not said to arrive some day.
func TestDeliveredOrderDoesNotArriveAgain(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	r := k.says("订单 A2025070103 到哪了")
	want(t, r, DoTool, "已送达")
	if strings.Contains(r.Text(), "预计") || strings.Contains(r.Text(), "{{") {
		t.Errorf("%s", r.Text())
	}
	want(t, k.says("where is order A2025070101"), DoTool, "it should arrive on 2026-12-02")
}

// Who was not understood and then gives a number is not asked what to do with it.
func TestValueAfterWhatWasNotUnderstood(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	k.says("thanks")
	s, err := h.session(t.Context(), k.who, ChannelChat)
	must(t, err)
	s.state.Maybe = "order_status" // as after "my order, you know"
	raw, err := json.Marshal(s.state)
	must(t, err)
	_, err = h.db.Exec(t.Context(), `update bot_sessions set state = $2 where id = $1`, s.id, raw)
	must(t, err)
	want(t, k.says("order number A2025070101"), DoTool, "A2025070101")
	tu := turn{b: h.brain.Load(), st: &state{}, guess: guess{top: []Candidate{{ID: "order_status", P: 0.49}}}}
	if tu.doubt(); tu.st.Maybe != "order_status" {
		t.Errorf("%q", tu.st.Maybe)
	}
	tu = turn{b: h.brain.Load(), st: &state{}, guess: guess{top: []Candidate{{ID: "order_status", P: 0.2}}}}
	if tu.doubt(); tu.st.Maybe != "" {
		t.Errorf("%q", tu.st.Maybe)
	}
}

// A number that is only written in another way is found, and kept as it is in the shop.
func TestNumberWrittenInAnotherWay(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	want(t, k.says("where is my order"), DoAsk)
	want(t, k.says("A2O25O7O1O1"), DoTool, "Order A2025070101")
	k = h.chat("2", 7)
	r := k.says("订单号 A2025-0701-02 到哪了")
	want(t, r, DoTool, "A2025070102")
	if i := slices.IndexFunc(r.Slots, func(s Held) bool { return s.Name == "order" }); i < 0 || r.Slots[i].Value != "A2025070102" {
		t.Errorf("%s", dump(r.Slots))
	}
	for in, out := range map[string]string{"A2025-0701-01": "A2025070101", "A2O25": "A2025", "DD-20260301-0042": "DD202603010042", "A2B3": "A2B3", "A1-B2": "A1B2", "OIL": "OIL"} {
		if got := respell(in); got != out {
			t.Errorf("%s became %s, not %s", in, got, out)
		}
	}
}
