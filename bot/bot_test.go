package bot

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/bot/sample"
	"tingxin/kb"
	"tingxin/nlp/embed"
	"tingxin/nlp/embed/embedtest"
	"tingxin/nlp/slot"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// bag stands for the models; TestRealModels has the real ones.
type bag struct {
	embedtest.Bag
	fail atomic.Bool
	slow atomic.Int64 // nanoseconds
}

func (b *bag) Embed(ctx context.Context, lang, text string) (embed.Vectors, error) {
	if b.fail.Load() {
		return embed.Vectors{}, embed.ErrBusy
	}
	if d := b.slow.Load(); d > 0 {
		select {
		case <-time.After(time.Duration(d)):
		case <-ctx.Done():
			return embed.Vectors{}, ctx.Err()
		}
	}
	return b.Bag.Embed(ctx, lang, text)
}

var articles = []kb.Article{
	{ID: "return", Lang: "zh", Category: "returns", Title: "怎么退货", Variants: []string{"退货流程", "我想退货怎么办", "退货要怎么操作"}, Answer: "在订单里点申请售后，我们上门取件。", Rules: []kb.Rule{{Kind: "contains", Text: "七天无理由"}}},
	{ID: "invoice", Lang: "zh", Category: "orders", Title: "怎么开发票", Variants: []string{"发票怎么开", "能开电子发票吗", "开发票的步骤"}, Answer: "在订单页点开发票。"},
	{ID: "fee", Lang: "zh", Category: "shipping", Title: "运费怎么算", Variants: []string{"邮费多少钱", "满多少包邮", "运费是多少"}, Answer: "满 99 元包邮。"},
	{ID: "coupon", Lang: "zh", Category: "orders", Title: "优惠券怎么用", Variants: []string{"怎么用优惠券", "优惠券在哪里", "领券之后怎么抵扣"}, Answer: "结算时选择优惠券。"},
	{ID: "return", Lang: "en", Category: "returns", Title: "How do I return an item?", Variants: []string{"return process", "send an item back", "give back an item"}, Answer: "Choose After-sales in the order."},
	{ID: "invoice", Lang: "en", Category: "orders", Title: "How do I get an invoice?", Variants: []string{"electronic invoice", "download invoice", "invoice for my company"}, Answer: "In the order, choose Invoice."},
	{ID: "fee", Lang: "en", Category: "shipping", Title: "How much is shipping?", Variants: []string{"shipping fee", "shipping costs", "is shipping free"}, Answer: "Free from 99 yuan."},
	{ID: "coupon", Lang: "en", Category: "orders", Title: "How do I use a coupon?", Variants: []string{"use a voucher", "apply coupon code", "where is my coupon"}, Answer: "Choose the coupon at checkout."},
}

// noted in tests is forgotten.
func (Indexes) Note(context.Context, string, []Noted) error { return nil }

// Indexes are articles held in memory, one index per language.
type Indexes map[string]*kb.Index

// Ask implements Knowledge.
func (x Indexes) Ask(ctx context.Context, q Question) (Verdict, error) {
	index := x[q.Lang]
	if index == nil {
		return Verdict{}, nil
	}
	v, err := index.Ask(ctx, q.Text)
	if err != nil {
		return Verdict{}, err
	}
	out := Verdict{Rule: v.Rule, TauA: v.Thresholds.Answer, TauC: v.Thresholds.Clarify, Margin: v.Thresholds.Margin}
	for _, h := range v.Hits[:min(len(v.Hits), 10)] {
		out.Articles = append(out.Articles, Article{ID: h.Article.ID, Lang: h.Article.Lang, Title: h.Article.Title, Category: h.Article.Category, Text: h.Article.Answer, P: h.P})
	}
	return out, nil
}

// Phrasings implements Knowledge.
func (x Indexes) Phrasings(_ context.Context, lang string) ([]Phrasing, error) {
	if x[lang] == nil {
		return nil, nil
	}
	var out []Phrasing
	for _, a := range x[lang].Articles() {
		out = append(out, Phrasing{a.ID, a.Category, a.Title})
		for _, v := range a.Variants {
			out = append(out, Phrasing{a.ID, a.Category, v})
		}
	}
	return out, nil
}

// Article implements Knowledge.
func (x Indexes) Article(_ context.Context, lang, id string) (Article, error) {
	if x[lang] != nil {
		for _, a := range x[lang].Articles() {
			if a.ID == id {
				return Article{ID: a.ID, Lang: a.Lang, Title: a.Title, Category: a.Category, Text: a.Answer}, nil
			}
		}
	}
	return Article{}, ErrMissing
}

// knowledge is learnt once for all tests.
var knowledge = sync.OnceValues(func() (Indexes, error) {
	x := make(Indexes)
	for _, lang := range embed.Languages {
		index, err := kb.NewIndex(context.Background(), lang, articles, &bag{})
		if err == nil {
			err = index.Learn(context.Background(), nil)
		}
		if err != nil {
			return nil, err
		}
		x[lang] = index
	}
	return x, nil
})

// minds of the starter intents, learnt by the first test: learning the same again gives the same.
var minds atomic.Pointer[map[string]*mind]

// crowd knows people.
type crowd map[int64]Person

func (c crowd) Person(_ context.Context, id int64) (Person, error) { return c[id], nil }

// house is a bot with a database and an order service.
type house struct {
	*Engine
	t      testing.TB
	db     *pg.DB
	bag    *bag
	cfg    Config
	parts  Parts
	ahead  time.Duration
	orders *httptest.Server
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func open(t testing.TB, change ...func(*Config, *Parts)) *house {
	t.Helper()
	o, err := sample.New(nil)
	must(t, err)
	h := &house{t: t, db: pgtest.New(t), bag: &bag{}, orders: httptest.NewServer(o.Handler())}
	t.Cleanup(h.orders.Close)
	articles, err := knowledge()
	must(t, err)
	addr := h.orders.Listener.Addr().String()
	h.cfg = Config{KeyFile: filepath.Join(t.TempDir(), "keys", "bot.key"), ToolHosts: []string{addr}, TurnsPerMinute: 1000}
	h.parts = Parts{DB: h.db, Embed: h.bag, Knowledge: articles, People: crowd{7: {Remember: true}, 8: {Remember: true, VIP: true}, 9: {}},
		Now: func() time.Time { return time.Now().Add(h.ahead) }}
	for _, f := range change {
		f(&h.cfg, &h.parts)
	}
	for id := range 12 { // people 1 to 12
		_, err := h.db.Exec(t.Context(), `insert into contacts (id, root) values ($1, $1)`, id+1)
		must(t, err)
	}
	h.start()
	t.Cleanup(func() { h.Engine.Close() })
	for name, doc := range sample.Tools(addr) {
		must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return h.Store().PutTool(t.Context(), tx, name, doc, "test") }))
	}
	must(t, h.Reload(t.Context()))
	minds.Store(&h.brain.Load().minds)
	return h
}

func (h *house) start() {
	h.t.Helper()
	e, err := New(h.cfg, h.parts, slog.New(slog.DiscardHandler))
	must(h.t, err)
	must(h.t, e.Start(h.t.Context()))
	h.Engine = e
	if known := minds.Load(); known != nil {
		e.brain.Store(&brain{minds: *known})
		must(h.t, e.Reload(h.t.Context()))
	}
}

// restart is another process over the same database.
func (h *house) restart() {
	h.t.Helper()
	must(h.t, h.Engine.Close())
	h.start()
}

// talk is one customer on one channel.
type talk struct {
	h       *house
	who     Session
	channel Channel
}

func (h *house) chat(subject string, contact int64) *talk {
	return &talk{h, Session{Subject: subject, Contact: contact}, ChannelChat}
}

func (k *talk) in(in Input) Reply {
	k.h.t.Helper()
	in.Channel = k.channel
	r, err := k.h.Turn(context.Background(), k.who, in)
	if err != nil {
		k.h.t.Fatalf("%q: %v", in.Text, err)
	}
	return r
}

func (k *talk) says(text string) Reply {
	k.h.t.Helper()
	return k.in(Input{Text: text})
}

func (k *talk) presses(choice string) Reply {
	k.h.t.Helper()
	return k.in(Input{Choice: choice})
}

// want checks a decision and words of the reply.
func want(t testing.TB, r Reply, d Decision, words ...string) {
	t.Helper()
	all := r.Text()
	if r.Decision != d {
		t.Fatalf("decision %q, want %q: %s\n%s", r.Decision, d, all, dump(r.Why))
	}
	for _, w := range words {
		if !strings.Contains(all, w) {
			t.Fatalf("no %q in %q\n%s", w, all, dump(r.Why))
		}
	}
}

func dump(v any) string {
	b, _ := json.MarshalIndent(v, "", " ")
	return string(b)
}

func TestOrderNumberIsNeverAskedForTwice(t *testing.T) {
	h := open(t)
	web := h.chat("web-1", 7)
	want(t, web.says("你好，我的订单号是A2025070101"), DoTalk)
	want(t, web.says("运费怎么算"), DoAnswer, "99")
	r := web.says("什么时候到")
	want(t, r, DoTool, "A2025070101", "2026-12-02", "已发货")

	h.restart()
	want(t, web.says("那个订单现在什么状态"), DoTool, "A2025070101")
	if n := h.Stats().Reasks; n != 0 {
		t.Errorf("%d re-asks", n)
	}

	phone := &talk{h, Session{Subject: "call-1", Contact: 7}, ChannelCall}
	want(t, phone.says("什么时候到"), DoTool, "A2025070101")
	stranger := h.chat("web-2", 9)
	want(t, stranger.says("什么时候到"), DoAsk, "订单号")
}

func TestOrderNumberInOneConversationWithoutAContact(t *testing.T) {
	h := open(t)
	k := h.chat("anonymous", 0)
	want(t, k.says("my order number is B2025081501"), DoTalk)
	want(t, k.says("how much is shipping?"), DoAnswer, "99")
	h.restart()
	want(t, k.says("when will it arrive"), DoTool, "B2025081501", "2026-12-05")
}

var (
	finder, _ = slot.New(slot.Config{})
	day       = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
)
