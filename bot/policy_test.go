package bot

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/nlp/embed"
	"tingxin/race"
)

// set changes the policy.
func set(t testing.TB, h *house, change func(*Policy)) {
	t.Helper()
	p := DefaultPolicy()
	change(&p)
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return h.Store().PutPolicy(t.Context(), tx, p, "test") }))
	must(t, h.Reload(t.Context()))
}

func erase(t testing.TB, h *house, contact int64) {
	t.Helper()
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { _, err := h.EraseContact(t.Context(), tx, contact, nil); return err }))
}

func off(p *Policy, r Reason) {
	for i := range p.Lines {
		if p.Lines[i].Reason == r {
			p.Lines[i].On = false
		}
	}
}

func TestHandoverLines(t *testing.T) {
	h := open(t)
	angry := 0.95
	for name, c := range map[string]struct {
		contact int64
		turns   []Input
		reason  Reason
	}{
		"asked zh":        {turns: []Input{{Text: "我要转人工"}}, reason: ReasonAsked},
		"asked en":        {turns: []Input{{Text: "Can I speak to a real person please"}}, reason: ReasonAsked},
		"asked key":       {turns: []Input{{Text: "0", Keys: true}}, reason: ReasonAsked},
		"asked button":    {turns: []Input{{Choice: "human"}}, reason: ReasonAsked},
		"two fallbacks":   {turns: []Input{{Text: "今天天气怎么样"}, {Text: "给我讲个笑话"}}, reason: ReasonLost},
		"the same again":  {turns: []Input{{Text: "怎么退货"}, {Text: "怎么退货?"}}, reason: ReasonRepeat},
		"upset by others": {turns: []Input{{Text: "怎么退货", Emotion: &angry}, {Text: "运费怎么算", Emotion: &angry}, {Text: "怎么开发票", Emotion: &angry}}, reason: ReasonEmotion},
		"complaint":       {turns: []Input{{Text: "我要投诉你们"}}, reason: ReasonTopic},
		"legal":           {turns: []Input{{Text: "I will sue you"}}, reason: ReasonTopic},
		"refund limit":    {turns: []Input{{Text: "退款 5000 元"}}, reason: ReasonTopic},
		"vip":             {contact: 8, turns: []Input{{Text: "怎么退货"}}, reason: ReasonVIP},
	} {
		k := h.chat(name, c.contact)
		var r Reply
		for i, in := range c.turns {
			if r = k.in(in); r.Handover != nil && i+1 < len(c.turns) {
				t.Errorf("%s: handed over in turn %d already: %s", name, i+1, dump(r.Why.Steps))
			}
		}
		if r.Handover == nil || r.Handover.Reason != c.reason || r.Decision != DoHandover {
			t.Errorf("%s: %s %s", name, r.Decision, dump(r.Handover))
		}
	}
}

// People say it in many ways, and none of them is to be said twice.
func TestWaysToAskForAPerson(t *testing.T) {
	for _, s := range []string{"人工", "人工!", "转人工", "转接人工", "转人工客服", "人工呢", "有人工吗", "请帮我转一下人工", "我要和人工说话", "能不能给我换个真人", "你们怎么不转人工", "怎么联系人工", "给我接客服", "我要客服",
		"联系客服", "叫你们经理来", "找你们负责人", "我要找你们的领导", "转接线员", "不想跟机器人说话", "不要机器人,转人工", "别拿机器人糊弄我", "我想跟真人沟通", "轉人工", "我要轉真人客服",
		"human", "agent please", "Real person", "operator", "representative!", "I want to talk to a human", "can i speak to someone", "I'd like to speak to a customer service representative", "let me talk to your manager",
		"connect me to a live agent", "transfer me to customer service", "put me through to an operator", "put me through", "get me a supervisor", "give me a real person please", "i need an agent", "is there a human there",
		"I don't want to talk to a bot", "stop, I hate talking to robots", "I don't want a robot I want a human", "why can't I talk to a real person", "can i chat with a support agent", "no more bots, agent now", "i want a rep"} {
		if !wantsPerson(nlp.Fold(s)) {
			t.Errorf("%q asks for a person", s)
		}
	}
}

func TestWordsThatOnlyLookLikeAReason(t *testing.T) {
	for _, s := range []string{"人工智能怎么用", "人工费多少", "安装要人工费吗", "are you a human", "you're not a real person, right?", "你是人工吗", "你是真人吗", "the issue is resolved", "my travel agent booked it", "i have an issue with tissue paper", "who is the sender",
		"不用转人工", "不要转人工,你告诉我就行", "先别转人工", "不需要客服", "no need to transfer me to an agent", "I don't want to talk to a human", "please do not connect me with a representative",
		"人工客服几点上班", "人工客服的工作时间", "what time can i reach an agent", "客服电话是多少", "can i transfer my coupon to someone else", "can i give someone my voucher", "we talked about the person who ordered it"} {
		if wantsPerson(nlp.Fold(s)) {
			t.Errorf("%q asks for no person", s)
		}
		p := DefaultPolicy()
		if topic, ok := p.topic(s); ok {
			t.Errorf("%q is no %s", s, topic.Name)
		}
	}
}

func TestALineThatIsOffDoesNotHit(t *testing.T) {
	h := open(t)
	set(t, h, func(p *Policy) { off(p, ReasonVIP); off(p, ReasonRepeat); off(p, ReasonTopic) })
	k := h.chat("1", 8)
	want(t, k.says("怎么退货"), DoAnswer)
	want(t, k.says("怎么退货"), DoAnswer)
	if r := k.says("我要投诉"); r.Handover != nil {
		t.Errorf("%s", dump(r.Handover))
	}
}

func TestAfterEmotionTheBotNeverComesBack(t *testing.T) {
	h := open(t)
	angry := 1.0
	k := h.chat("1", 7)
	var r Reply
	for _, s := range []string{"怎么退货", "运费怎么算", "怎么开发票"} {
		r = k.in(Input{Text: s, Emotion: &angry})
	}
	want(t, r, DoHandover, "非常抱歉")
	if len(r.Handover.Trend) != 3 {
		t.Errorf("trend %v", r.Handover.Trend)
	}
	h.restart()
	if r = k.says("怎么退货"); r.Decision != DoNothing || len(r.Parts) != 0 {
		t.Errorf("%s", dump(r))
	}
	if err := h.HandBack(t.Context(), r.Session); !errors.Is(err, ErrMuted) {
		t.Errorf("handed back: %v", err)
	}
}

// The bot would not hear which one is pressed.
func TestAfterEmotionAChatIsOfferedNoButtons(t *testing.T) {
	angry := 1.0
	var now desk
	h := open(t, func(_ *Config, p *Parts) { p.Desk, p.Promises = &now, &kept{} })
	for at, words := range map[desk]string{{}: "非服务时间", {Open: true}: "没有客服在线", {Open: true, Agents: 2, Position: 3}: "3 位", {Open: true, Agents: 2, Free: 1}: "马上"} {
		now = at
		k := h.chat(words, 0)
		var r Reply
		for _, s := range []string{"怎么退货", "运费怎么算", "怎么开发票"} {
			r = k.in(Input{Text: s, Emotion: &angry})
		}
		want(t, r, DoHandover, words)
		if slices.ContainsFunc(r.Parts, func(p Part) bool { return len(p.Buttons) > 0 }) {
			t.Errorf("%s", dump(r.Parts))
		}
	}
}

func TestAfterAnotherHandoverTheBotGoesOnAndMayBeCalledBack(t *testing.T) {
	h := open(t, func(_ *Config, p *Parts) {
		p.Desk = desk{Open: true, Agents: 2, Position: 3, Estimate: 4 * time.Minute}
	})
	k := h.chat("1", 7)
	r := k.says("转人工")
	want(t, r, DoHandover, "3 位", "4 分钟", "继续等待", "预约回电")
	want(t, k.says("怎么退货"), DoAnswer)
	r = k.presses("callback")
	want(t, r, DoHandover, "电话")
	if r.Handover.Detail != "callback" {
		t.Errorf("%s", dump(r.Handover))
	}
	want(t, k.presses("stay"), DoTalk)
	must(t, h.HandBack(t.Context(), r.Session))
}

func TestHouseHasItsOwnOrderNumbers(t *testing.T) {
	for pattern, ok := range map[string]bool{`\b(zx-\d{3})\b`: true, `(`: false, `(?:(?:a{1,100}){1,10}b?){1,1000}`: false, `\b(ZX-\d+)\b`: false, "(ZX[0-9]{3})": false, "(x)" + strings.Repeat("y", 300): false} {
		if err := (Patterns{Order: pattern}).Check(); (err == nil) != ok {
			t.Errorf("%s: %v", pattern, err)
		}
	}
	h := open(t)
	p := DefaultPolicy()
	p.Patterns.Order = `\b(zx-\d{3})\b`
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return h.Store().PutPolicy(t.Context(), tx, p, "test") }))
	must(t, h.Changed(t.Context()))
	k := h.chat("1", 7)
	want(t, k.says("我的订单到哪了"), DoAsk)
	want(t, k.says("ZX-123"), DoAsk, "没有查到订单 ZX-123") // it was taken, and the shop has no such order
	k = h.chat("2", 9)
	if r := k.says("A2025070101"); len(r.Slots) != 0 {
		t.Errorf("the usual form is still taken: %+v", r.Slots)
	}
}

type desk Waiting

func (d desk) Waiting(context.Context, string) (Waiting, error) { return Waiting(d), nil }

func TestClosedAndNobodyThere(t *testing.T) {
	h := open(t, func(_ *Config, p *Parts) { p.Desk = desk{} })
	want(t, h.chat("1", 0).says("转人工"), DoHandover, "非服务时间", "留言")
	h = open(t, func(_ *Config, p *Parts) { p.Desk = desk{Open: true} })
	want(t, h.chat("1", 0).says("talk to a human agent"), DoHandover, "Nobody is available", "Leave a message")
}

func TestFailuresOfModelsAndToolsHandOver(t *testing.T) {
	h := open(t)
	h.bag.fail.Store(true)
	r := h.chat("1", 0).says("这句话没有人教过")
	if r.Handover == nil || r.Handover.Reason != ReasonError {
		t.Errorf("a failing model: %s", dump(r.Handover))
	}
	h.bag.fail.Store(false)
	h.orders.Close()
	r = h.chat("2", 0).says("订单 A2025070101 到哪了")
	if r.Handover == nil || r.Handover.Reason != ReasonError {
		t.Errorf("a failing tool: %s", dump(r.Handover))
	}
	if h.Stats().Errors != 2 {
		t.Errorf("%d errors counted", h.Stats().Errors)
	}
}

func TestSlowModelHandsOver(t *testing.T) {
	h := open(t)
	set(t, h, func(p *Policy) { p.Lines[8].Number = 0.5 })
	h.bag.slow.Store(int64(5 * time.Second))
	began := time.Now()
	r := h.chat("1", 0).says("这句话也没有人教过")
	if r.Handover == nil || r.Handover.Reason != ReasonLatency || time.Since(began) > 3*time.Second {
		t.Errorf("after %v: %s", time.Since(began), dump(r.Handover))
	}
}

func TestPacketTellsTheStory(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	for _, s := range []string{"你好", "我的订单号是A2025070101", "什么时候到", "怎么退货"} {
		k.says(s)
	}
	p := k.says("请帮我转人工").Handover
	if p == nil || p.Intent != "order_status" || p.Title != "查订单进度" || len(p.Articles) != 1 || p.Turns != 5 || !strings.Contains(p.Action, "申请售后") || len(p.Summary) == 0 || len(p.Summary) > 3 || p.Queue != "support" || p.Contact != 7 {
		t.Errorf("%s", dump(p))
	}
	if len(p.Slots) == 0 || p.Slots[0].Value != "A2025070101" {
		t.Errorf("slots %s", dump(p.Slots))
	}
}

func TestSummaryKeepsWhatIsCommon(t *testing.T) {
	got := summarise([]string{"你好", "我的水壶漏水了，想换一个", "水壶是上周买的。水壶漏水很严重", "今天天气不错", "换一个新的水壶要多久"})
	if len(got) != 3 || strings.Join(got, "") == "" {
		t.Fatalf("%q", got)
	}
	for _, s := range got {
		if s == "今天天气不错" || s == "你好" {
			t.Errorf("%q is in %q", s, got)
		}
	}
}

func TestPolicyIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Policy){
		"order":  func(p *Policy) { p.Lines[0], p.Lines[1] = p.Lines[1], p.Lines[0] },
		"few":    func(p *Policy) { p.Lines = p.Lines[:3] },
		"cosine": func(p *Policy) { p.Lines[3].Number = 2 },
		"zero":   func(p *Policy) { p.Lines[1].Number = 0 },
		"topic":  func(p *Policy) { p.Topics = append(p.Topics, Topic{Name: "x", Words: []string{"　"}}) },
		"smooth": func(p *Policy) { p.Smooth = 0 },
	} {
		p := DefaultPolicy()
		change(&p)
		if p.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	p := DefaultPolicy()
	must(t, p.Check())
}

func TestDecisionOrder(t *testing.T) {
	two := func(a, b float64) []Article { return []Article{{ID: "a", P: a}, {ID: "b", P: b}} }
	for _, c := range []struct {
		v       Verdict
		foreign bool
		want    Decision
	}{
		{Verdict{Rule: "exact", Articles: two(1, .9), TauA: .75, TauC: .4, Margin: .1}, true, DoAnswer},
		{Verdict{Articles: two(.9, .1), TauA: .75, TauC: .4, Margin: .1}, true, DoFallback},
		{Verdict{Articles: two(.9, .1), TauA: .75, TauC: .4, Margin: .1}, false, DoAnswer},
		{Verdict{Articles: two(.9, .85), TauA: .75, TauC: .4, Margin: .1}, false, DoClarify},
		{Verdict{Articles: two(.6, .1), TauA: .75, TauC: .4, Margin: .1}, false, DoClarify},
		{Verdict{Articles: two(.3, .2), TauA: .75, TauC: .4, Margin: .1}, false, DoClarify},
		{Verdict{Articles: two(.3, .05), TauA: .75, TauC: .4, Margin: .1}, false, DoFallback},
		{Verdict{Articles: two(.9, .1)}, false, DoFallback}, // nobody has learnt to judge
		{Verdict{}, false, DoFallback},
	} {
		if got := judge(&c.v, c.foreign); got != c.want {
			t.Errorf("%+v foreign %v: %s, want %s", c.v, c.foreign, got, c.want)
		}
	}
}

func TestTurnsOfOneSessionTakeTurns(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	k.says("你好")
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]int{}
	for range 6 {
		wg.Go(func() {
			r, err := h.Turn(context.Background(), k.who, Input{Text: "你好", Channel: ChannelChat})
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			seen[r.Turn]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if len(seen) != 6 {
		t.Errorf("turns %v", seen)
	}
}

func TestPaceOfASession(t *testing.T) {
	h := open(t, func(c *Config, _ *Parts) { c.TurnsPerMinute = 3 })
	k := h.chat("1", 7)
	for range 3 {
		want(t, k.says("你好"), DoTalk)
	}
	want(t, k.says("你好"), DoRefuse, "稍等")
	h.ahead = 61 * time.Second
	want(t, k.says("你好"), DoTalk)
	if n := h.Stats().RefusedFast; n != 1 {
		t.Errorf("%d refused", n)
	}
}

func TestTrainingIsMeasuredAndRepeatable(t *testing.T) {
	if race.Enabled {
		t.Skip("one goroutine that computes for minutes under the race detector")
	}
	h := open(t)
	one, err := h.Train(t.Context())
	must(t, err)
	two, err := h.Train(t.Context())
	must(t, err)
	kept, err := h.Store().Models(t.Context(), 10)
	must(t, err)
	if len(one) != 2 || len(kept) != 2 {
		t.Fatalf("%d models, %d kept", len(one), len(kept))
	}
	for i := range one {
		if one[i].Version != two[i].Version || dump(one[i].Figures) != dump(two[i].Figures) {
			t.Errorf("%s: the same phrases and seed gave another result", one[i].Lang)
		}
		if f := one[i].Figures; f.Accuracy < 0.5 || f.Accuracy > 1 || len(f.Intents) < 8 || f.Phrases < 100 {
			t.Errorf("%s: accuracy %.2f, %d intents, %d phrases", one[i].Lang, f.Accuracy, len(f.Intents), f.Phrases)
		}
	}
}

func TestNewPhraseCountsAfterLearning(t *testing.T) {
	h := open(t, func(_ *Config, p *Parts) { p.Knowledge = ignorant{p.Knowledge, []string{"阿里嘎多"}} })
	k := h.chat("1", 0)
	want(t, k.says("阿里嘎多"), DoFallback)
	var turn int64
	must(t, h.db.Pool().QueryRow(t.Context(), `select id from bot_turns`).Scan(&turn))
	open, err := h.Store().Unanswered(t.Context(), time.Now().Add(-time.Hour), 10)
	must(t, err)
	if len(open) != 1 || open[0].ID != turn {
		t.Fatalf("unanswered %+v", open)
	}
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return h.Store().LabelTurn(t.Context(), tx, turn, "thanks", "mei") }))
	must(t, h.Changed(t.Context()))
	must(t, h.Reload(t.Context()))
	want(t, h.chat("2", 0).says("阿里嘎多!"), DoTalk, "不客气")
	open, err = h.Store().Unanswered(t.Context(), time.Now().Add(-time.Hour), 10)
	must(t, err)
	if len(open) != 0 {
		t.Errorf("still unanswered: %+v", open)
	}
}

func TestReportCounts(t *testing.T) {
	h := open(t)
	k := h.chat("1", 7)
	k.says("怎么退货")
	k.presses("helpful")
	h.chat("2", 0).says("I want to talk to a human")
	r, err := h.Store().Report(t.Context(), time.Now().Add(-time.Hour), "")
	must(t, err)
	s := r.Sum
	if s.Sessions != 2 || s.Contained != 1 || s.Turns != 3 || s.Up != 1 || s.Handovers["asked"] != 1 || s.Decisions["answer"] != 1 || len(r.Days) == 0 || r.ByLang["en"].Sessions != 1 || r.ByChannel["chat"].Turns != 3 {
		t.Errorf("%s", dump(r))
	}
	if r, err = h.Store().Report(t.Context(), time.Now().Add(-time.Hour), ChannelAPI); err != nil || r.Sum.Turns != 0 {
		t.Errorf("%v %s", err, dump(r))
	}
}

// unlearning holds learning up.
type unlearning struct {
	*bag
	hold chan struct{}
}

func (u unlearning) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	select {
	case <-u.hold:
		return u.bag.EmbedLater(ctx, lang, text)
	case <-ctx.Done():
		return embed.Vectors{}, ctx.Err()
	}
}

func TestCustomersDoNotWaitForTheFirstLearning(t *testing.T) {
	const unknown = "the parcel has still not come to my house"
	h := open(t, func(_ *Config, p *Parts) { p.Knowledge = ignorant{p.Knowledge, []string{unknown}} })
	must(t, h.Close())
	hold := make(chan struct{})
	h.parts.Embed = unlearning{h.bag, hold}
	e, err := New(h.cfg, h.parts, slog.New(slog.DiscardHandler))
	must(t, err)
	e.patience = time.Millisecond
	must(t, e.Start(t.Context()))
	h.Engine = e
	k := h.chat("early", 7)
	want(t, k.says("Where is my order?"), DoAsk, "order number")
	want(t, k.says("A2025070101"), DoTool, "A2025070101")
	if r := k.says(unknown); r.Handover == nil || r.Handover.Reason != ReasonLatency || len(r.Handover.Slots) == 0 {
		t.Errorf("what only a model tells goes to a person: %s %+v", r.Decision, r.Handover)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := h.Turn(short, Session{Subject: "trial"}, Input{Channel: ChannelAPI, Text: "hello"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who tries what was learnt waits for it: %v", err)
	}
	close(hold)
	<-h.warm
	if r := h.chat("late", 7).says(unknown); r.Handover != nil {
		t.Errorf("after the learning: %s %+v", r.Decision, r.Handover)
	}
}
