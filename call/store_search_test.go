package call_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/pg"
	"tingxin/pg/pgtest"

	"github.com/jackc/pgx/v5"
)

func TestSearchInWords(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	en, zh, mixed := ringing(t, 0), ringing(t, time.Minute), ringing(t, 2*time.Minute)
	zh.Language, mixed.Language = "zh", "zh"
	for _, r := range []call.Record{en, zh, mixed} {
		must(t, s.Begin(t.Context(), r))
	}
	twenty := said(en, call.SideCaller, 2, "I paid $20 & left.")
	twenty.Raw = "i paid twenty dollars and left"
	spaced := said(zh, call.SideAgent, 2, "好的，请问 订单号 是 多少")
	add(t, s, said(en, call.SideCaller, 1, "My kettle is broken, I would like a refund."), twenty,
		said(zh, call.SideCaller, 1, "你好，我想退款，水壶坏了。"), spaced,
		said(mixed, call.SideCaller, 1, "我的iPhone手机<退不了款"), said(mixed, call.SideAgent, 1, "Kettles are fine, thank you"))
	for _, tc := range []struct {
		q       string
		want    []call.Record
		snippet string // in the first item's snippet
	}{
		{"kettle", []call.Record{mixed, en}, "<mark>Kettles</mark> are fine"},
		{"broken kettle", []call.Record{en}, "<mark>kettle</mark> is <mark>broken</mark>"},
		{"refunds", []call.Record{en}, "<mark>refund</mark>"},
		{"refu", []call.Record{en}, "<mark>refund</mark>"},
		{"twenty", []call.Record{en}, "<mark>twenty</mark>"},
		{"paid", []call.Record{en}, "$20 &amp; left"},
		{"kettle -refund", []call.Record{mixed}, "<mark>Kettles</mark>"},
		{`"is broken"`, []call.Record{en}, "<mark>broken</mark>"},
		{`"broken kettle"`, nil, ""},
		{"kettle dollars", []call.Record{en}, ""},
		{"退款", []call.Record{zh}, "我想<mark>退款</mark>，水壶"},
		{"退", []call.Record{mixed, zh}, "手机&lt;<mark>退</mark>不了款"},
		{"水壶坏了", []call.Record{zh}, "<mark>水壶坏了</mark>"},
		{"订单号是", []call.Record{zh}, "<mark>订单号 是</mark>"},
		{"坏水壶", nil, ""},
		{"手机iPhone", []call.Record{mixed}, "<mark>手机</mark>"},
		{"退款 水壶", []call.Record{zh}, "<mark>退款</mark>，<mark>水壶</mark>"},
		{"the", nil, ""},
		{"'; drop table calls; --", nil, ""},
		{"& | ! <-> :*", nil, ""},
		{"   ", []call.Record{mixed, zh, en}, ""},
	} {
		t.Run(tc.q, func(t *testing.T) {
			p, err := s.List(t.Context(), call.Filter{Query: tc.q, Count: true})
			must(t, err)
			sameCalls(t, p.Items, tc.want)
			if p.Total != len(tc.want) {
				t.Errorf("total %d, want %d", p.Total, len(tc.want))
			}
			if len(p.Items) > 0 && !strings.Contains(p.Items[0].Snippet, tc.snippet) {
				t.Errorf("snippet %q has no %q", p.Items[0].Snippet, tc.snippet)
			}
		})
	}
}

// seed makes calls with ten utterances of ten words each, a hundred words a call,
// as 100,000 calls with 10 million words have.
func seed(t testing.TB, db *pg.DB, calls int) {
	t.Helper()
	start := time.Now()
	for _, sql := range []string{
		`insert into calls (id, state, direction, from_number, to_number, number_grams, trunk, started_at, answered_at, ended_at, node, recording_state)
		 select gen_random_uuid(), 'ended', 'in', n::text, '4008', array[right(n::text, 3)], 'trunk' || n % 5, timestamptz '2026-01-01' + n * interval '20 s',
		        timestamptz '2026-01-01' + n * interval '20 s', timestamptz '2026-01-01' + n * interval '20 s' + interval '1 min', 'a', 'kept'
		 from generate_series(10000000, 10000000 + $1 - 1) n`,
		// Word k of 5,000 comes about 1/k as often as the first, as words do (Zipf).
		`insert into utterances (call_id, side, seq, start_ms, end_ms, text, raw, language, words, grams)
		 select c.id, 'caller', s, s * 1000, s * 1000 + 900, w.t, w.t, 'en', to_tsvector('english', w.t),
		        case when s = 1 then array[chr(19968 + (random() * 800)::int) || chr(19968 + (random() * 800)::int)] else '{}' end
		 from calls c, generate_series(1, 10) s,
		 lateral (select string_agg('word' || (exp(random() * ln(5000)))::int, ' ') t from generate_series(1, 10) where s > 0 and c.id is not null) w
		 where $1 > 0`,
		`update utterances set grams = '{退款,退,款}' where id % 50000 = 7 and $1 > 0`,
	} {
		if _, err := db.Pool().Exec(t.Context(), sql, calls); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Pool().Exec(t.Context(), `vacuum analyze calls`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Pool().Exec(t.Context(), `vacuum analyze utterances`); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls, %d words made in %v", calls, calls*100, time.Since(start).Round(time.Millisecond))
}

// searches are what users look for, by how often it was said.
var searches = map[string]call.Filter{
	"no filter":       {},
	"rare word":       {Query: "word4321"},
	"common word":     {Query: "word2"},
	"two words":       {Query: "word40 word70"},
	"beginning":       {Query: "word499"},
	"Chinese pair":    {Query: "退款"},
	"part of number":  {Query: "10000123"},
	"trunk and dates": {Trunk: "trunk3", Since: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)},
}

// The plans of the lists and searches use indexes: no scan over all utterances or calls.
func TestSearchUsesIndexes(t *testing.T) {
	t.Parallel()
	db := pgtest.NewWith(t, pg.Config{QueryTimeout: time.Minute})
	seed(t, db, 3000)
	for name, tc := range map[string]struct {
		sql  string
		args []any
		want string
	}{
		"rare word":    {`select call_id from utterances u where u.words @@ websearch_to_tsquery('english', $1)`, []any{"word4321"}, "utterances_words"},
		"Chinese pair": {`select call_id from utterances u where u.grams @> $1`, []any{[]string{"退款"}}, "utterances_grams"},
		"page":         {`select id from calls c order by started_at desc, id desc limit 50`, nil, "calls_by_start"},
		"number":       {`select id from calls n where number_grams @> $1`, []any{[]string{"123"}}, "calls_by_number"},
		"transcript":   {`select id from utterances where call_id = $1 order by start_ms, id`, []any{newID(t)}, "utterances_by_time"},
		"orphans":      {`select id from calls where node = $1 and state <> 'ended' order by started_at`, []any{"a"}, "calls_open"},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := pg.Rows(t.Context(), db, pgx.RowTo[string], `explain `+tc.sql, tc.args...)
			must(t, err)
			plan := strings.Join(lines, "\n")
			if !strings.Contains(plan, tc.want) || strings.Contains(plan, "Seq Scan") {
				t.Errorf("plan without %s:\n%s", tc.want, plan)
			}
		})
	}
	s := call.NewStore(db)
	for name, f := range searches {
		start := time.Now()
		_, err := s.List(t.Context(), f)
		must(t, err)
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

// BenchmarkSearch lists and searches at full size: 100,000 calls, 10 million words.
//
//	go test ./call -run '^$' -bench Search -benchtime 20x
func BenchmarkSearch(b *testing.B) {
	db := pgtest.NewWith(b, pg.Config{QueryTimeout: 10 * time.Minute})
	seed(b, db, 100_000)
	s := call.NewStore(db)
	for name, f := range searches {
		for _, count := range []bool{false, true} {
			f.Count = count
			b.Run(fmt.Sprintf("%s/count=%v", strings.ReplaceAll(name, " ", "_"), count), func(b *testing.B) {
				for b.Loop() {
					if _, err := s.List(b.Context(), f); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
