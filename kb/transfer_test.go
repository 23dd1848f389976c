package kb

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"tingxin/pg/pgtest"
)

func sampleItems() []Item {
	return []Item{
		{Key: "refund-time", Lang: "en", Type: FAQ, Category: "orders/money", Audience: Public, Title: "When do I get my refund?", Variants: []string{"refund *time*", "=1+1 formula", "R &D refund", "q: \"quoted\", with comma"},
			Answer: "Within **five** days.\n\n- by card\n- to the wallet", Rules: []Rule{{Kind: RuleRegexp, Text: `rf-\d+`}, {Kind: RuleInterface, Text: "refund state", Tool: "refund_state"}}, Needs: []string{"order"}, Owner: "mei", ReviewBy: "2030-01-31", State: Draft},
		{Key: "refund-time", Lang: "zh", Type: FAQ, Category: "orders/money", Audience: Agents, Title: "退款多久到账", Variants: []string{"退款时间"}, Answer: "五个工作日内。", State: Draft},
		{Key: "kettle", Lang: "en", Type: Product, Audience: Public, Title: "Kettle K2", Attributes: []Attribute{{"Volume", "1.7 l"}, {"Power", "2 kW"}}, Answer: "It boils.", State: Draft},
		{Key: "open-account", Lang: "en", Type: Process, Audience: Agents, Title: "Open an account", Steps: []string{"Ask for the name.", "Write it down."}, Answer: "", State: Draft},
	}
}

// What is exported is the same when it comes in again.
func TestExportAndImportAgree(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"csv", "jsonl", "markdown"} {
		store := NewStore(pgtest.New(t))
		r, err := store.Import(t.Context(), chief, &Batch{Items: sampleItems()}, ImportOptions{Publish: true})
		must(t, err)
		if r.Created != 4 || r.Published != 4 || r.Failed != 0 {
			t.Fatalf("%+v", r)
		}
		items, err := store.Export(t.Context(), Filter{})
		must(t, err)
		var file bytes.Buffer
		must(t, Write(&file, format, items))
		b, err := ReadFile("x"+Formats[format], file.Bytes())
		must(t, err)
		if len(b.Errors) > 0 {
			t.Fatalf("%s: %+v", format, b.Errors)
		}
		again, err := store.Import(t.Context(), chief, b, ImportOptions{Publish: true})
		must(t, err)
		if again.Same != 4 || again.Updated+again.Created+again.Failed+again.Published != 0 {
			t.Errorf("%s: %+v", format, again)
		}
		key := func(a, b Item) int { return strings.Compare(a.Key+a.Lang, b.Key+b.Lang) }
		slices.SortFunc(b.Items, key)
		for i := range b.Items {
			b.Items[i].where = ""
			b.Items[i].State = items[i].State // not read
			if !reflect.DeepEqual(b.Items[i], items[i]) {
				t.Errorf("%s:\n%+v became\n%+v", format, items[i], b.Items[i])
			}
		}
	}
}

func TestHTMLAndBitextComeBack(t *testing.T) {
	items := sampleItems()[:1]
	for _, format := range []string{"html", "bitext"} {
		var file bytes.Buffer
		must(t, Write(&file, format, items))
		b, err := ReadFile("x"+Formats[format], file.Bytes())
		must(t, err)
		if len(b.Items) != 1 || b.Items[0].Title != items[0].Title || !strings.Contains(PlainText(b.Items[0].Answer), "Within five days.") || b.Items[0].Key != "refund-time" {
			t.Errorf("%s: %+v %+v", format, b.Items, b.Errors)
		}
	}
}

// An import does not take away what people wrote, and per-item errors keep nothing out.
func TestImportKeepsWhatPeopleAdded(t *testing.T) {
	t.Parallel()
	store := NewStore(pgtest.New(t))
	items := sampleItems()[:2]
	_, err := store.Import(t.Context(), chief, &Batch{Items: items}, ImportOptions{Publish: true})
	must(t, err)
	r, found, err := store.byKey(t.Context(), "refund-time", "en")
	must(t, err)
	if !found || r.Variants[0].Source != FromImport || r.LiveVersion != 1 {
		t.Fatalf("%+v", r)
	}
	c := r.Content
	c.Variants = append(slices.Clone(c.Variants), Variant{Text: "where is my money"})
	_, err = store.Save(t.Context(), editor, r.ID, r.Version, Edit{Content: c, Owner: "li"}, nil)
	must(t, err)
	items[0].Answer = "Within six days."
	items[0].Owner = ""
	bad := []Item{{Key: "no title", Lang: "en"}, {Key: "x", Lang: "fr", Title: "x"}, {Key: "deep", Lang: "en", Title: "x", Category: "1/2/3/4/5/6/7/8/9"}, {Key: "re", Lang: "en", Title: "x", Rules: []Rule{{Kind: RuleRegexp, Text: "(a"}}}}
	report, err := store.Import(t.Context(), chief, &Batch{Items: append(bad, items...)}, ImportOptions{})
	must(t, err)
	if report.Failed != 4 || len(report.Errors) != 4 || report.Updated != 1 || report.Same != 1 {
		t.Errorf("%+v", report)
	}
	r, _, err = store.byKey(t.Context(), "refund-time", "en")
	must(t, err)
	if r.Owner != "li" || r.Body != "Within six days." || r.Variants[len(r.Variants)-1].Text != "where is my money" || r.LiveVersion != 1 || r.State != Draft {
		t.Errorf("%+v", r)
	}
	if _, err := store.Import(t.Context(), editor, &Batch{Items: items}, ImportOptions{Publish: true}); err == nil {
		t.Error("an editor published by import")
	}
}

func TestOwnFAQComesIn(t *testing.T) {
	t.Parallel()
	b, err := ReadFolder(os.DirFS(filepath.Join("testdata", "faq")))
	must(t, err)
	if len(b.Items) != 126 || len(b.Questions) < 700 || len(b.Errors) != 0 {
		t.Fatalf("%d articles, %d questions, %+v", len(b.Items), len(b.Questions), b.Errors)
	}
	store := NewStore(pgtest.New(t))
	r, err := store.Import(t.Context(), chief, b, ImportOptions{Publish: true})
	must(t, err)
	if r.Created != 126 || r.Published != 126 || r.Questions != len(b.Questions) || r.Failed != 0 {
		t.Errorf("%+v", r)
	}
	tree, err := store.Categories(t.Context(), "zh")
	must(t, err)
	if len(tree) < 5 || tree[0].Live == 0 {
		t.Errorf("%+v", tree)
	}
	list, total, err := store.List(t.Context(), Filter{Lang: "zh", Query: "退货", State: Live, Sort: "stale"})
	must(t, err)
	if total == 0 || len(list) != min(total, pageSize) || list[0].Staleness < 0.5 {
		t.Errorf("%d: %+v", total, list)
	}
}

func TestBitextFile(t *testing.T) {
	path := "../../shared/data/text/bitext/customer_support.csv"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	b, err := ReadFile(path, data)
	must(t, err)
	if len(b.Items) < 20 || len(b.Errors) > 0 {
		t.Fatalf("%d articles, %+v", len(b.Items), b.Errors)
	}
	for _, it := range b.Items {
		c := it.content(nil)
		c.Normalize()
		if err := c.Check(); err != nil || it.Answer == "" || len(it.Variants) == 0 || it.Lang != "en" {
			t.Errorf("%s: %v %+v", it.Key, err, it)
		}
	}
}

func TestReadingFiles(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String("问题,答案,相似问\n怎么退货,点申请售后。,退货流程|退货办法\n")
	must(t, err)
	for name, c := range map[string]struct {
		file, text string
		want       Item
	}{
		"spreadsheet": {"a.csv", gbk, Item{Key: "怎么退货", Lang: "zh", Title: "怎么退货", Answer: "点申请售后。", Variants: []string{"退货流程", "退货办法"}}},
		"semicolons":  {"a.csv", "title;answer\nHow to return?;Send it\n", Item{Key: "how-to-return", Lang: "en", Title: "How to return?", Answer: "Send it"}},
		"markdown":    {"orders/back/return.en.md", "# How to return?\n\nSend *it*.", Item{Key: "return", Lang: "en", Category: "orders/back", Title: "How to return?", Answer: "Send *it*."}},
		"front":       {"return.md", "---\nid: r1\nlang: zh\ncategory: a/b\nvariants: [退货]\n---\n# 怎么退\n\n寄回。", Item{Key: "r1", Lang: "zh", Category: "a/b", Title: "怎么退", Answer: "寄回。", Variants: []string{"退货"}}},
		"page": {"help/return.html", `<html lang="en-GB"><head><title>Site</title><script>alert(1)</script></head><body><nav>Home</nav><main><h1>How to <i>return</i>?</h1><p>Send it to <a href="https://x.example/">us</a> &amp; <b>wait</b>.<img src=x onerror=alert(1)></p><ul><li>one<li>two</ul></main></body>`,
			Item{Key: "return", Lang: "en", Category: "help", Title: "How to return ?", Answer: "Send it to [us](https://x.example/) & **wait**.\n\n\n\n- one\n- two"}},
	} {
		b, err := ReadFile(c.file, []byte(c.text))
		if err != nil || len(b.Items) != 1 || len(b.Errors) > 0 {
			t.Errorf("%s: %v %+v", name, err, b)
			continue
		}
		b.Items[0].where = ""
		if !reflect.DeepEqual(b.Items[0], c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", name, b.Items[0], c.want)
		}
	}
}

func TestReadingRefuses(t *testing.T) {
	bomb := "---\na: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nvariants: [*b,*b,*b]\n---\n# t\n"
	for name, text := range map[string]string{"a.md": "no title", "b.md": bomb, "c.csv": "colour,size\nred,1\n", "d.html": "<p>no title</p>", "e.jsonl": "{not json\n", "f.md": "---\nid: x\n# no end"} {
		b, err := ReadFile(name, []byte(text))
		if err != nil || len(b.Errors) != 1 || len(b.Items) != 0 {
			t.Errorf("%s: %v %+v", name, err, b)
		}
	}
	for name, text := range map[string]string{"a.exe": "MZ", "b.zip": "PK no", "c": ""} {
		if _, err := ReadFile(name, []byte(text)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	if _, err := ReadFolder(fstest.MapFS{"a.txt": {Data: []byte("x")}}); err == nil {
		t.Error("a folder without articles")
	}
}

// A zip bomb is cut at the bound of one file, whatever its header claims.
func TestZipBomb(t *testing.T) {
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	f, err := z.Create("big.md")
	must(t, err)
	for range MaxImportFile/(1<<20) + 4 {
		_, err = f.Write(bytes.Repeat([]byte{' '}, 1<<20))
		must(t, err)
	}
	must(t, z.Close())
	if file.Len() > 1<<20 {
		t.Fatal("no bomb")
	}
	b, err := ReadFile("x.zip", file.Bytes())
	must(t, err)
	if len(b.Errors) != 1 || !strings.Contains(b.Errors[0].Reason, "MB") {
		t.Errorf("%+v", b)
	}
}

func TestDeepHTML(t *testing.T) {
	begun := time.Now()
	b, err := ReadFile("x.html", []byte("<h1>t</h1>"+strings.Repeat("<div>", 100000)+"x"))
	must(t, err)
	if len(b.Items)+len(b.Errors) != 1 || time.Since(begun) > 20*time.Second {
		t.Errorf("%+v after %v", b.Errors, time.Since(begun))
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add("a.md", "---\nid: x\n---\n# t\nb")
	f.Add("a.csv", "title,answer\na,b\n")
	f.Add("a.html", "<h1>x</h1><p>y")
	f.Add("a.jsonl", `{"id":"a","lang":"en","title":"x","answer":"y"}`)
	f.Fuzz(func(t *testing.T, name, text string) {
		b, err := ReadFile(name, []byte(text))
		if err != nil {
			return
		}
		for _, it := range b.Items {
			c := it.content(nil)
			c.Normalize()
			if c.Check() == nil {
				_ = c.article(it.Key, "en")
			}
		}
	})
}

func TestDiff(t *testing.T) {
	old := Content{Title: "a", Body: "one\ntwo\nthree\nfour", Variants: []Variant{{Text: "x"}, {Text: "y"}}}
	now := Content{Title: "a", Body: "one\n2\nthree\nfive\nfour", Variants: []Variant{{Text: "y"}, {Text: "z"}}}
	var got []string
	for _, l := range Diff(&old, &now) {
		if l.Op != "same" {
			got = append(got, l.Field+" "+l.Op+" "+l.Text)
		}
	}
	want := []string{"body del two", "body add 2", "body add five", "variants del x", "variants add z"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, l := range Diff(&now, &now) {
		if l.Op != "same" {
			t.Errorf("%+v", l)
		}
	}
	long := Content{Body: strings.Repeat("x\n", maxDiff*2) + "a"}
	if d := Diff(&long, &Content{Body: "b"}); len(d) < maxDiff {
		t.Errorf("%d lines", len(d))
	}
}

func TestPreviews(t *testing.T) {
	c := Content{Title: "t", Body: strings.Repeat("这是一句话，说明怎么退货。", 120)}
	for _, p := range Previews(&c) {
		for _, part := range p.Parts {
			n := len([]rune(part))
			if p.Unit == "bytes" {
				n = len(part)
			}
			if n > p.Limit || n == 0 {
				t.Errorf("%s: a part of %d, %d are allowed", p.Channel, n, p.Limit)
			}
		}
		if p.Limit > 0 && strings.Join(p.Parts, "") != c.Body && len(p.Parts) < maxMessages {
			t.Errorf("%s lost text", p.Channel)
		}
		if p.Limit == 0 && !strings.Contains(p.HTML, "<p>") {
			t.Errorf("%s: %s", p.Channel, p.HTML)
		}
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	s, records := stocked(t, newVersioned("1"))
	codes := func(id int64, key string, e Edit) string {
		warnings, err := s.Lint(t.Context(), id, key, "en", e)
		must(t, err)
		var out []string
		for _, w := range warnings {
			out = append(out, strings.TrimSpace(w.Code+" "+w.Text))
		}
		return strings.Join(out, "; ")
	}
	good := Edit{Content: Content{Title: "Something else entirely", Body: "See [returns](/help/en/a/return)."}, Owner: "mei", ReviewBy: time.Now().AddDate(0, 1, 0).Format(time.DateOnly)}
	if got := codes(0, "invoice", good); got != "twin_missing zh" {
		t.Errorf("%s", got)
	}
	bad := Edit{Content: Content{Title: "Refund time", Body: "Call 13800138000 or write to mei@example.com, see [this](/help/en/a/nothing).\n\n" + strings.Repeat("long ", 100)}, ReviewBy: "2020-01-01"}
	got := codes(0, "other", bad)
	for _, want := range []string{"passage_long", "pii mobile", "pii email", "owner_missing", "review_overdue 2020-01-01", "dead_link /help/en/a/nothing", "duplicate When do I get my refund?"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	r := records["refund en"]
	if got := codes(r.ID, r.Key, Edit{Content: r.Content}); strings.Contains(got, "duplicate") {
		t.Errorf("an article is its own duplicate: %s", got)
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	store := NewStore(pgtest.New(t))
	r := publish(t, store, Article{ID: "a", Lang: "en", Title: "A title"}, Public)
	png := append([]byte("\x89PNG\r\n\x1a\n"), make([]byte, 100)...)
	a, err := store.Attach(t.Context(), editor, r.ID, `..\..\evil"<name>.png`, png, nil)
	must(t, err)
	if a.Kind != "image/png" || strings.ContainsAny(a.Name, `\/"<>`) {
		t.Errorf("%+v", a)
	}
	f, err := store.File(t.Context(), a.ID)
	must(t, err)
	if !bytes.Equal(f.Data, png) || f.Article != r.ID {
		t.Errorf("%+v", f.Attachment)
	}
	for name, data := range map[string][]byte{"page": []byte("<html><script>alert(1)</script>"), "svg": []byte(`<svg xmlns="http://www.w3.org/2000/svg"/>`), "empty": {}, "big": append(png, make([]byte, MaxAttachment)...)} {
		if _, err := store.Attach(t.Context(), editor, r.ID, name, data, nil); err == nil {
			t.Errorf("%s was attached", name)
		}
	}
	if _, err := store.Attach(t.Context(), editor, r.ID, "again.png", png, nil); err == nil {
		t.Error("the same bytes twice")
	}
	must(t, store.Detach(t.Context(), editor, r.ID, a.ID, nil))
	if list, err := store.Attachments(t.Context(), r.ID); err != nil || len(list) != 0 {
		t.Errorf("%v %+v", err, list)
	}
}

func TestRenderIsSafe(t *testing.T) {
	for source, wants := range map[string]string{
		`<script>alert(1)</script>**bold**`:          "!<script;!alert",
		"[x](javascript:alert(1))":                   "!javascript",
		"[x](data:text/html;base64,PHNjcmlwdD4=)":    "!data:",
		"![x](https://evil.example/track.png)":       "!evil.example",
		"![x](//evil.example/track.png)":             "!evil.example",
		"![x](/help/files/1)":                        `src="/help/files/1"`,
		"<img src=x onerror=alert(1)>":               "!onerror;!<img",
		"[x](https://ok.example/a)":                  `href="https://ok.example/a"`,
		"<https://ok.example>":                       `href="https://ok.example"`,
		"| a | b |\n|---|---|\n| 1 | 2 |":            "<table>",
		"<style>body{display:none}</style>":          "!<style",
		"<iframe src=https://x></iframe>":            "!<iframe",
		`[a](https://x.example" onmouseover="y)`:     "!onmouseover=\"",
		"{{.Secret}} {{contact.name}} ${x} <%= 1 %>": "{{.Secret}} {{contact.name}} ${x}",
		"&lt;script&gt;":                             "&lt;script&gt;",
		"# heading\n\n1. one\n2. two":                "<ol>",
	} {
		got := string(Render(source))
		for want := range strings.SplitSeq(wants, ";!") {
			want, not := strings.CutPrefix(want, "!")
			if strings.HasPrefix(wants, "!") {
				not = true
			}
			if strings.Contains(got, want) == not {
				t.Errorf("%q gives %q (%q)", source, got, want)
			}
		}
	}
}

// Texts that are slow to read for parsers of Markdown end in time, and nothing of
// them breaks rendering, cutting or searching.
func TestAbuse(t *testing.T) {
	texts := map[string]string{
		"100 kB":     strings.Repeat("一二三四五六七八九十", 3400),
		"quotes":     strings.Repeat(">", 60000) + "a",
		"lists":      strings.Repeat("- ", 30000) + "a",
		"brackets":   strings.Repeat("[", 60000),
		"links":      strings.Repeat("[a](", 15000),
		"stars":      strings.Repeat("*a_", 20000),
		"ticks":      strings.Repeat("`a``", 15000),
		"emoji":      strings.Repeat("👩‍👩‍👧‍👦🏳️‍🌈", 2000),
		"marks":      "a" + strings.Repeat("\u0301", 30000),
		"bidi":       strings.Repeat("\u202e\u2066abc", 5000),
		"null":       strings.Repeat("\x00\xff", 20000) + "a",
		"template":   strings.Repeat("{{range .}}", 5000),
		"table":      strings.Repeat("|", 30000) + "\n" + strings.Repeat("|-", 15000),
		"entities":   strings.Repeat("&lt;&#x3c;", 6000),
		"html":       strings.Repeat("<a", 30000),
		"references": strings.Repeat("[a]: /b\n", 7000) + "[a]",
	}
	for name, text := range texts {
		begun := time.Now()
		c := Content{Title: "t " + name, Body: text}
		c.Normalize()
		if name == "100 kB" && c.Check() == nil {
			t.Error("100 kB were taken")
		}
		html := string(Render(c.Body))
		plain := PlainText(c.Body)
		_ = Links(c.Body)
		for _, p := range passages(plain) {
			if p == "" {
				t.Errorf("%s: an empty passage", name)
			}
		}
		if took := time.Since(begun); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
		if strings.Contains(html, "<script") {
			t.Errorf("%s: %.100s", name, html)
		}
	}
}

func TestRulesAreBounded(t *testing.T) {
	for _, bad := range []Rule{
		{Kind: RuleRegexp, Text: "(a"}, {Kind: RuleRegexp, Text: "a*"}, {Kind: RuleRegexp, Text: "((a{1,1000}){1,1000}){1,1000}"}, {Kind: RuleRegexp, Text: strings.Repeat("a", maxRuleText+1)},
		{Kind: RuleRegexp, Text: `(?=a)b`}, {Kind: RuleContains, Text: " ?! "}, {Kind: RuleInterface, Text: "x"}, {Kind: RuleExact, Text: "x", Tool: "y"}, {Kind: "magic", Text: "x"},
	} {
		if bad.Check() == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
	// What blows up in backtracking engines is linear here.
	evil := Rule{Kind: RuleRegexp, Text: `(x+x+)+y`}
	must(t, evil.Check())
	b := newRulebook([]Article{{ID: "a", Title: "t", Rules: []Rule{evil}}})
	begun := time.Now()
	if b.find(strings.Repeat("x", MaxQuestion), everyone) != nil || time.Since(begun) > 5*time.Second {
		t.Errorf("after %v", time.Since(begun))
	}
}

func TestInterfaceRuleComesFirst(t *testing.T) {
	b := newRulebook([]Article{
		{ID: "a", Title: "where is my parcel", Rules: []Rule{{Kind: RuleContains, Text: "parcel"}}},
		{ID: "b", Title: "track", Rules: []Rule{{Kind: RuleInterface, Text: "My Parcel", Tool: "track"}}},
	})
	if r := b.find("where is my parcel", everyone); r == nil || r.tool != "track" || r.article != 1 {
		t.Errorf("%+v", r)
	}
	if r := b.find("where is my parcel", func(at int) bool { return at == 0 }); r == nil || r.kind != RuleExact {
		t.Errorf("%+v", r)
	}
}

// Questions of all kinds of abuse get a decision, not a crash.
func TestAbusiveQuestions(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, newVersioned("1"))
	for _, q := range []string{strings.Repeat("😀", 500), "<script>alert(1)</script>", "'; drop table kb_articles; --", "{{.}}", "\u202eabc", "%00", strings.Repeat("a ", 2000), "a\x00b", "$1", "\\"} {
		if a, err := s.Ask(t.Context(), Query{Text: q}); err != nil || a.Decision == "" {
			t.Errorf("%.20q: %v %+v", q, err, a)
		}
		if _, err := s.Search(t.Context(), Query{Text: q}, 5); err != nil {
			t.Errorf("%.20q: %v", q, err)
		}
	}
	// As titles and texts they are kept as they are.
	for i, text := range []string{"'; drop table kb_articles; --", "<b>bold</b>", "{{.}}", "😀😀😀 what", `a\b%_c`} {
		r := publish(t, s.store, Article{ID: fmt.Sprintf("abuse-%d", i), Lang: "en", Title: text, Answer: text}, Public)
		got, err := s.store.Get(t.Context(), r.ID)
		must(t, err)
		if got.Title != text || got.Body != text {
			t.Errorf("%q became %q", text, got.Title)
		}
		if _, n, err := s.store.List(t.Context(), Filter{Query: text}); err != nil || n < 1 {
			t.Errorf("%q: %d, %v", text, n, err)
		}
	}
	settled(t, s)
}

func FuzzMarkdown(f *testing.F) {
	f.Add("# a\n\n<script>alert(1)</script>[x](javascript:y)")
	f.Add("| a |\n|-|\n| `b` |")
	f.Fuzz(func(t *testing.T, source string) {
		html := strings.ToLower(string(Render(source)))
		for _, bad := range []string{"<script", "<iframe", "<style", "<object", "href=\"javascript:", "src=\"http"} {
			if strings.Contains(html, bad) {
				t.Fatalf("%q in %q", bad, html)
			}
		}
		PlainText(source)
		Links(source)
	})
}
