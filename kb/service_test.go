package kb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"tingxin/nlp/embed"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// versioned is a bag with a version of its own.
type versioned struct {
	bag
	version string
	asked   *atomic.Int64 // EmbedLater calls
}

func (v versioned) Version(string) string { return v.version }

func (v versioned) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	v.asked.Add(1)
	return v.bag.EmbedLater(ctx, lang, text)
}

func newVersioned(version string) versioned { return versioned{bag{}, version, new(atomic.Int64)} }

var (
	editor = Actor{Name: "mei", Edit: true}
	chief  = Actor{Name: "li", Edit: true, Approve: true}
	reader = Actor{Name: "guest"}
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func startService(t testing.TB, db *pg.DB, m Model) *Service {
	t.Helper()
	s, err := New(Config{}, db, m, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, s.Start(t.Context()))
	t.Cleanup(func() { s.Close() })
	settled(t, s)
	return s
}

// settled waits until the indexes are of what is live.
func settled(t testing.TB, s *Service) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	must(t, s.Changed(ctx))
	must(t, s.Wait(ctx))
}

// publish brings an article to life.
func publish(t testing.TB, s *Store, a Article, audience Audience) Record {
	t.Helper()
	c := Content{Title: a.Title, Body: a.Answer, Category: a.Category, Rules: a.Rules, Audience: audience}
	for _, v := range a.Variants {
		c.Variants = append(c.Variants, Variant{Text: v})
	}
	r, err := s.Create(t.Context(), chief, a.ID, a.Lang, Edit{Content: c}, nil)
	must(t, err)
	r, err = s.Move(t.Context(), chief, r.ID, r.Version, Live, "", false, nil)
	must(t, err)
	return r
}

// stocked is a service with the articles of the tests.
func stocked(t testing.TB, m Model) (*Service, map[string]Record) {
	t.Helper()
	db := pgtest.New(t)
	store, records := NewStore(db), map[string]Record{}
	for _, a := range articles() {
		records[a.ID+" "+a.Lang] = publish(t, store, a, Public)
	}
	return startService(t, db, m), records
}

func asked(t testing.TB, s *Service, q Query) Answer {
	t.Helper()
	a, err := s.Ask(t.Context(), q)
	must(t, err)
	return a
}

func TestServiceAnswers(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, newVersioned("1"))
	for question, want := range map[string]struct {
		key, rule string
		decision  Decision
	}{
		"HOW DO I RETURN AN ITEM?":                   {"return", "exact", DecideAnswer},
		"what is an rma":                             {"return", "contains", DecideAnswer},
		"about RT-55 please":                         {"return", "regexp", DecideAnswer},
		"my refund is not received yet, refund time": {"refund", "", ""},
	} {
		a := asked(t, s, Query{Text: question, Lang: "en"})
		if len(a.Candidates) == 0 || a.Candidates[0].Article.Key != want.key || a.Rule != want.rule || want.decision != "" && a.Decision != want.decision || a.Degraded != "" {
			t.Errorf("%q: %+v", question, a)
			continue
		}
		if first := a.Candidates[0]; a.P1 != first.P || want.rule != "" && first.P != 1 || first.Article.Text == "" {
			t.Errorf("%q: %+v", question, first)
		}
	}
	a := asked(t, s, Query{Text: "my refund is not received yet, how long for a refund", Lang: "en"})
	if a.TauA <= 0 || a.TauC <= 0 || a.TauC > a.TauA || a.Model != "1" || len(a.Candidates[0].Features) != len(featureNames) || a.P2 > a.P1 {
		t.Errorf("%+v", a)
	}
	if a := asked(t, s, Query{Text: "怎么退货"}); a.Lang != "zh" || a.Rule != RuleExact || a.Candidates[0].Article.Lang != "zh" {
		t.Errorf("the language was not found out: %+v", a)
	}
	for _, bad := range []string{"", " \u200b", strings.Repeat("长", MaxQuestion)} {
		if _, err := s.Ask(t.Context(), Query{Text: bad}); !errors.Is(err, ErrQuestion) {
			t.Errorf("%.10q: %v", bad, err)
		}
	}
}

func TestAudienceAndCategoryHoldForRulesAndModel(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	store := NewStore(db)
	for i, a := range articles()[:4] {
		a.Category = []string{"orders/back", "orders/money", "orders", "bills"}[i]
		audience := Public
		if a.ID == "return" {
			audience = Agents
		}
		publish(t, store, a, audience)
	}
	s := startService(t, db, newVersioned("1"))
	keys := func(q Query) []string {
		var out []string
		for _, c := range asked(t, s, q).Candidates {
			out = append(out, c.Article.Key)
		}
		return out
	}
	for _, question := range []string{"return process", "i want to send my item back", "rma"} {
		if got := keys(Query{Text: question, Lang: "en"}); slices.Contains(got, "return") {
			t.Errorf("%q: a customer got what is for agents: %v", question, got)
		}
		if got := keys(Query{Text: question, Lang: "en", Audience: Agents}); !slices.Contains(got, "return") {
			t.Errorf("%q: an agent got %v", question, got)
		}
	}
	if got := keys(Query{Text: "refund and invoice and shipping", Lang: "en", Category: "/orders/"}); slices.Contains(got, "invoice") || len(got) != 2 {
		t.Errorf("outside of the category: %v", got)
	}
	found, err := s.Search(t.Context(), Query{Text: "return", Lang: "en"}, 10)
	must(t, err)
	for _, c := range found.Items {
		if c.Article.Audience != Public {
			t.Errorf("search shows %s", c.Article.Key)
		}
	}
}

func TestWithoutModelRulesAndWordsWork(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, nil)
	if a := asked(t, s, Query{Text: "refund time", Lang: "en"}); a.Decision != DecideAnswer || a.Degraded != "" {
		t.Errorf("%+v", a)
	}
	a := asked(t, s, Query{Text: "is there an invoice somewhere", Lang: "en"})
	if a.Decision != DecideFallback || a.Degraded != NoModel || len(a.Candidates) == 0 || a.Candidates[0].Article.Key != "invoice" || a.P1 != 0 {
		t.Errorf("%+v", a)
	}
	found, err := s.Search(t.Context(), Query{Text: "invoice", Lang: "en"}, 3)
	must(t, err)
	if len(found.Items) != 1 || found.Items[0].Article.Key != "invoice" {
		t.Errorf("%+v", found)
	}
}

// failing is a model that cannot be asked.
type failing struct{ versioned }

func (failing) Embed(context.Context, string, string) (embed.Vectors, error) {
	return embed.Vectors{}, embed.ErrBusy
}

func TestBusyModelIsNoError(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, failing{newVersioned("1")})
	if a := asked(t, s, Query{Text: "an invoice please", Lang: "en"}); a.Degraded != Busy || a.Decision != DecideFallback || s.Stats().Degraded != 1 {
		t.Errorf("%+v", a)
	}
}

// A change made by one server is seen by another one, and a retired article at once.
func TestServersSeeEachOther(t *testing.T) {
	t.Parallel()
	s, records := stocked(t, newVersioned("1"))
	other := startService(t, s.store.db, newVersioned("1"))
	r := records["refund en"]
	_, err := s.store.Move(t.Context(), chief, r.ID, 0, Retired, "", false, nil)
	must(t, err)
	must(t, s.Changed(t.Context()))
	a := asked(t, s, Query{Text: "refund time and when do i get my refund", Lang: "en"})
	for _, c := range a.Candidates {
		if c.Article.Key == "refund" {
			t.Error("a retired article is still given")
		}
	}
	end := time.Now().Add(pollEvery + 10*time.Second)
	for other.Find("refund", "en", Public) != nil {
		if time.Now().After(end) {
			t.Fatal("the other server never saw the change")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// Vectors are kept: a second start embeds nothing but what learning asks; another
// version of the model embeds everything again.
func TestVectorsAreKeptPerModel(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, newVersioned("1"))
	db := s.store.db
	count := func(version string) int {
		var n int
		must(t, db.Pool().QueryRow(t.Context(), `select (select count(*) from kb_variants where model = $1 and vector is not null) + (select count(*) from kb_passages where model = $1 and vector is not null)`, version).Scan(&n))
		return n
	}
	all := count("1")
	if all < 20 {
		t.Fatalf("%d vectors", all)
	}
	again := newVersioned("1")
	startService(t, db, again)
	if n := again.asked.Load(); n != 0 {
		t.Errorf("a second start embedded %d texts", n)
	}
	newer := newVersioned("2")
	x := startService(t, db, newer)
	if count("2") != all || count("1") != 0 || newer.asked.Load() < int64(all) {
		t.Errorf("%d of %d vectors are of the new model, %d were asked for", count("2"), all, newer.asked.Load())
	}
	if a := asked(t, x, Query{Text: "where is my refund", Lang: "en"}); a.Model != "2" || a.Degraded != "" {
		t.Errorf("%+v", a)
	}
}

func TestLife(t *testing.T) {
	t.Parallel()
	s := NewStore(pgtest.New(t))
	ctx := t.Context()
	c := Content{Title: "Opening hours?", Body: "Nine to five."}
	if _, err := s.Create(ctx, reader, "hours", "en", Edit{Content: c}, nil); !errors.Is(err, ErrRight) {
		t.Errorf("a reader wrote: %v", err)
	}
	r, err := s.Create(ctx, editor, "hours", "en", Edit{Content: c}, nil)
	must(t, err)
	if _, err := s.Create(ctx, editor, "hours", "en", Edit{Content: c}, nil); !errors.Is(err, pg.ErrConflict) {
		t.Errorf("the key was taken twice: %v", err)
	}
	steps := []struct {
		by       Actor
		to       State
		fourEyes bool
		want     error
	}{
		{editor, Live, false, ErrRight}, {editor, Review, false, nil}, {editor, Live, false, ErrRight}, {chief, Live, true, nil}, {editor, Retired, false, ErrRight},
		{chief, Review, false, ErrState}, {chief, Retired, false, nil}, {editor, Draft, false, nil},
	}
	for i, step := range steps {
		moved, err := s.Move(ctx, step.by, r.ID, r.Version, step.to, "because", step.fourEyes, nil)
		if !errors.Is(err, step.want) || err == nil && moved.State != step.to {
			t.Fatalf("step %d: %v, %+v", i, err, moved)
		}
		if err == nil && (moved.LiveVersion != 0) != (moved.State == Live) {
			t.Errorf("step %d: %s with live version %d", i, moved.State, moved.LiveVersion)
		}
	}
	own, err := s.Save(ctx, chief, r.ID, r.Version, Edit{Content: Content{Title: "Opening hours?", Body: "Nine to six."}, Note: "summer"}, nil)
	must(t, err)
	if _, err := s.Move(ctx, chief, r.ID, own.Version, Live, "", true, nil); !errors.Is(err, ErrRight) {
		t.Errorf("an author approved the own text: %v", err)
	}
	if _, err := s.Save(ctx, editor, r.ID, 1, Edit{Content: c}, nil); !errors.Is(err, ErrVersion) {
		t.Errorf("an old version was saved over a newer one: %v", err)
	}
	live, err := s.Move(ctx, chief, r.ID, own.Version, Live, "", false, nil)
	must(t, err)
	equal, err := s.Save(ctx, editor, r.ID, live.Version, Edit{Content: live.Content, Owner: "mei", ReviewBy: "2030-01-31"}, nil)
	must(t, err)
	if equal.Version != live.Version || equal.State != Live || equal.Owner != "mei" || equal.ReviewBy != "2030-01-31" {
		t.Errorf("equal content made a version: %+v", equal)
	}
	back, err := s.RollBack(ctx, editor, r.ID, live.Version, 1, nil)
	must(t, err)
	if back.Body != "Nine to five." || back.State != Draft || back.LiveVersion != live.Version {
		t.Errorf("%+v", back)
	}
	versions, err := s.Versions(ctx, r.ID)
	must(t, err)
	if len(versions) != 3 || versions[1].Note != "summer" || versions[0].By != "mei" {
		t.Errorf("%+v", versions)
	}
	if err := s.Delete(ctx, chief, r.ID, nil); !errors.Is(err, ErrState) {
		t.Errorf("a living article was deleted: %v", err)
	}
}

func TestOldVersionsGo(t *testing.T) {
	t.Parallel()
	s := NewStore(pgtest.New(t))
	r := publish(t, s, Article{ID: "a", Lang: "en", Title: "A title"}, Public)
	for i := range KeepVersions + 5 {
		var err error
		r, err = s.Save(t.Context(), editor, r.ID, r.Version, Edit{Content: Content{Title: "A title", Body: fmt.Sprint(i)}}, nil)
		must(t, err)
	}
	versions, err := s.Versions(t.Context(), r.ID)
	must(t, err)
	if len(versions) != KeepVersions+1 || versions[len(versions)-1].Version != 1 {
		t.Errorf("%d versions, the last is %+v", len(versions), versions[len(versions)-1])
	}
}

func TestVotesMoveCandidates(t *testing.T) {
	t.Parallel()
	s, records := stocked(t, newVersioned("1"))
	q := Query{Text: "is there some refund for an item", Lang: "en"}
	before := asked(t, s, q)
	first := before.Candidates[0]
	var events []Event
	for range 40 {
		events = append(events, Event{Article: first.Article.ID, Kind: Down, Channel: "help"}, Event{Article: records["ship en"].ID, Kind: Up})
	}
	must(t, s.store.Record(t.Context(), events...))
	must(t, s.reload(t.Context(), true))
	after := asked(t, s, q)
	i := slices.IndexFunc(after.Candidates, func(c Candidate) bool { return c.Article.ID == first.Article.ID })
	if c := after.Candidates[i]; c.P >= first.P || c.ModelP != first.ModelP || c.Lift >= 0 || c.Lift < -maxLift || c.Votes.Down < 39 {
		t.Errorf("%+v after %+v", c, first)
	}
	if err := s.store.Record(t.Context(), Event{Article: 1 << 40, Kind: Up}); !errors.Is(err, pg.ErrNotFound) {
		t.Errorf("a vote for nothing: %v", err)
	}
	if err := s.store.Record(t.Context(), Event{Article: first.Article.ID, Kind: "loved"}); err == nil {
		t.Error("a kind of event that there is not")
	}
	got, err := s.store.Acceptance(t.Context(), first.Article.ID, time.Now().Add(-time.Hour))
	must(t, err)
	if got.Down != 40 || got.Up != 0 {
		t.Errorf("%+v", got)
	}
}

func TestLift(t *testing.T) {
	prior := Votes{50, 50}
	for _, c := range []struct {
		v    Votes
		sign float64
	}{{Votes{}, 0}, {Votes{30, 2}, 1}, {Votes{2, 30}, -1}} {
		got := lift(c.v, prior)
		if got*c.sign < 0 || (c.sign == 0) != (got == 0) || got > maxLift || got < -maxLift {
			t.Errorf("%+v: %v", c.v, got)
		}
	}
	if few, many := lift(Votes{0, 1}, prior), lift(Votes{0, 10}, prior); few <= many {
		t.Errorf("one vote moves %v, ten move %v", few, many)
	}
	if lifted(1, 0.5) != 1 || lifted(0, 0.5) != 0 || lifted(0.5, 0.5) <= 0.5 || lifted(0.5, 0.5) >= 0.63 {
		t.Error("lifted")
	}
}

func TestTrial(t *testing.T) {
	t.Parallel()
	s, records := stocked(t, newVersioned("1"))
	r := records["ship en"]
	c := r.Content
	c.Variants = append(slices.Clone(c.Variants), Variant{Text: "where on earth is the van"})
	c.Rules = []Rule{{Kind: RuleContains, Text: "lorry"}}
	_, err := s.store.Save(t.Context(), editor, r.ID, r.Version, Edit{Content: c}, nil)
	must(t, err)
	for _, question := range []string{"Where on earth is the van?", "has the lorry left"} {
		trial, err := s.Try(t.Context(), r.ID, Query{Text: question})
		must(t, err)
		if trial.Draft.Decision != DecideAnswer || trial.Draft.Rule == "" || trial.Draft.Candidates[0].Article.Key != "ship" || trial.Live.Rule != "" {
			t.Errorf("%q: %+v", question, trial)
		}
		if len(trial.Draft.Candidates) < 2 || trial.Draft.TauA == 0 || trial.Draft.Candidates[1].Features == nil {
			t.Errorf("%q is not explained: %+v", question, trial.Draft)
		}
	}
	if a := asked(t, s, Query{Text: "has the lorry left", Lang: "en"}); a.Rule != "" {
		t.Error("a draft answers customers")
	}
}

// TestRealService builds on the real model; it is skipped where that is absent.
func TestRealService(t *testing.T) {
	cfg := embed.Config{Runtime: filepath.Join("..", "build/onnxruntime/libonnxruntime.so"), Models: filepath.Join("..", "models")}
	if err := cfg.Check(); err != nil {
		t.Skip(err)
	}
	m := embed.New(cfg)
	must(t, m.Start(t.Context()))
	defer m.Close()
	s, _ := stocked(t, m)
	if a := asked(t, s, Query{Text: "货物几时寄出"}); a.Candidates[0].Article.Key != "ship" {
		t.Errorf("%+v", a)
	}
}

// An index that was built in the middle of an import learnt from a handful of
// articles; with many more, and with labelled questions, it learns again.
func TestJudgementGrowsWithTheArticles(t *testing.T) {
	t.Parallel()
	s, _ := stocked(t, newVersioned("1"))
	learnt := func() (articles, labels int) {
		must(t, s.store.db.Pool().QueryRow(t.Context(), `select (figures->>'articles')::int, (figures->>'labels')::int from kb_models where lang = 'en' and active`).Scan(&articles, &labels))
		return articles, labels
	}
	if n, _ := learnt(); n != 4 {
		t.Fatalf("it learnt from %d articles", n)
	}
	b, err := ReadFolder(os.DirFS(filepath.Join("testdata", "faq")))
	must(t, err)
	b.Items = slices.DeleteFunc(b.Items, func(it Item) bool { return it.Lang != "en" })[:12]
	questions := b.Questions
	b.Questions = nil
	_, err = s.store.Import(t.Context(), chief, b, ImportOptions{Publish: true})
	must(t, err)
	settled(t, s)
	if n, _ := learnt(); 2*n < 16 { // it may have learnt in the middle of the import
		t.Errorf("it learnt from %d articles", n)
	}
	_, err = s.store.Import(t.Context(), chief, &Batch{Questions: questions}, ImportOptions{})
	must(t, err)
	settled(t, s)
	var all int
	must(t, s.store.db.Pool().QueryRow(t.Context(), `select count(*) from kb_models where lang = 'en'`).Scan(&all))
	if _, n := learnt(); n < 300 && all < 3 {
		t.Errorf("it did not learn from %d questions", n)
	}
}

// TestReloadIsTold: whoever learns from articles hears at once that they have changed.
func TestReloadIsTold(t *testing.T) {
	s, _ := stocked(t, newVersioned("1"))
	var told atomic.Int32
	s.OnReload(func() { told.Add(1) })
	must(t, s.reload(t.Context(), true))
	before := told.Load()
	if before == 0 {
		t.Error("not told")
	}
	must(t, s.reload(t.Context(), false)) // what the articles of the test still notify has been read by now
	if told.Load() != before {
		t.Error("told though nothing is new")
	}
}
