package assist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"tingxin/kb"
	"tingxin/pg"
)

// ask puts questions in as if the bot had not answered them.
func (h *house) ask(from int, texts ...string) {
	h.t.Helper()
	for i, text := range texts {
		must(h.t, h.Store().addQuestions(h.t.Context(), Question{Source: "call", Ref: fmt.Sprint(from + i), Subject: "c", Lang: "en", Text: text, Why: "unsure", Handed: i%2 == 0, At: time.Now().Add(-time.Duration(i) * time.Hour)}))
	}
}

func TestQuestionsBecomeSuggestions(t *testing.T) {
	t.Parallel()
	h := open(t)
	kettles := []string{"is the purple kettle sold", "purple kettle is sold here", "sold is the purple kettle", "the purple kettle sold is"}
	h.ask(0, kettles...)
	h.ask(100, "electronic invoice download", "download electronic invoice", "electronic invoice download please")
	h.ask(200, "something alone")
	run, err := h.Learn(t.Context(), "li")
	must(t, err)
	if of := run.Langs["en"]; of.Questions != 8 || of.Clusters != 2 || of.Fresh != 2 || of.Cut.Near < 0.6 {
		t.Fatalf("%+v", run)
	}
	list, err := h.Store().Clusters(t.Context(), "open", "en", 10)
	must(t, err)
	if len(list) != 2 || list[0].Kind != "article" || list[0].N != 4 || list[0].Badge != "new" || list[0].HandRate != 0.5 || len(list[0].Samples) != 4 || list[0].Impact <= list[1].Impact {
		t.Fatalf("%+v", list)
	}
	if list[1].Kind != "variants" || list[1].Title != "How do I get an invoice?" {
		t.Fatalf("%+v", list[1])
	}
	// The same again is the same cluster.
	h.ask(10, "purple kettle sold is it")
	again, err := h.Learn(t.Context(), "")
	must(t, err)
	if again.Langs["en"].Fresh != 0 {
		t.Errorf("%+v", again)
	}

	trained := 0
	count := func(pgx.Tx, kb.Record) error { trained++; return nil }
	broken := func(pgx.Tx, kb.Record) error { return io.ErrUnexpectedEOF }
	if _, err := h.Approve(t.Context(), chief, list[1].ID, Approval{Article: list[1].Article, Publish: true}, false, broken, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
	if n := h.count(`select count(*)::int from kb_questions`) + h.count(`select count(*)::int from assist_clusters where state <> 'open'`) + h.count(`select count(*)::int from kb_versions where version > 1`); n != 0 {
		t.Errorf("%d rows of an approval that failed", n)
	}

	// One click adds phrasings and brings them to life.
	r, err := h.Approve(t.Context(), chief, list[1].ID, Approval{Article: list[1].Article, Publish: true}, false, nil, count)
	must(t, err)
	if r.State != kb.Live || r.LiveVersion != r.Version || !strings.Contains(fmt.Sprint(r.Variants), "electronic invoice download please") {
		t.Errorf("%+v", r)
	}
	if n := h.count(`select count(*)::int from kb_questions where article_key = $1 and source = 'cluster'`, r.Key); n != 3 {
		t.Errorf("%d questions were labelled", n)
	}
	if _, err := h.Approve(t.Context(), chief, list[1].ID, Approval{Article: list[1].Article}, false, nil, count); !errors.Is(err, ErrState) {
		t.Errorf("approved twice: %v", err)
	}
	// A new article needs an answer; what failed can be decided again.
	if _, err := h.Approve(t.Context(), chief, list[0].ID, Approval{Title: "Purple kettles?"}, false, nil, count); err == nil {
		t.Error("an article without an answer was made")
	}
	// Who may not publish one's own text gets a draft and the reason.
	made, err := h.Approve(t.Context(), chief, list[0].ID, Approval{Title: "Do you sell purple kettles?", Answer: "Yes.", Publish: true}, true, nil, count)
	must(t, err)
	if !errors.Is(made.Unpublished, kb.ErrRight) || trained != 2 {
		t.Errorf("%v, trained %d times", made.Unpublished, trained)
	}
	if made.State != kb.Draft || made.Lang != "en" || len(made.Variants) != 5 || made.Variants[0].Source != kb.FromCluster {
		t.Errorf("%+v", made)
	}
	// Decided ones do not come up again.
	_, err = h.Learn(t.Context(), "")
	must(t, err)
	if list, err = h.Store().Clusters(t.Context(), "open", "", 10); len(list) != 0 || err != nil {
		t.Errorf("%+v %v", list, err)
	}
	health, err := h.Store().Health(t.Context())
	if err != nil || len(health.Runs) != 3 || health.Runs[2].By != "li" || len(health.Overdue) != 4 || health.Open != 0 {
		t.Errorf("%+v %v", health, err)
	}
}

func TestADismissedSuggestionComesBackTwiceAsLarge(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.ask(0, "is the purple kettle sold", "purple kettle is sold here", "the purple kettle sold is")
	_, err := h.Learn(t.Context(), "")
	must(t, err)
	list, err := h.Store().Clusters(t.Context(), "open", "", 10)
	must(t, err)
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	must(t, h.Dismiss(t.Context(), list[0].ID, "li"))
	if err := h.Dismiss(t.Context(), list[0].ID, "li"); err != ErrState {
		t.Errorf("dismissed twice: %v", err)
	}
	for n, want := range []int{0, 1} {
		h.ask(100*n+50, []string{"purple kettle sold", "kettle purple sold is the"}[n:]...)
		h.ask(100*n+70, "the kettle purple is sold")
		_, err = h.Learn(t.Context(), "")
		must(t, err)
		if list, err = h.Store().Clusters(t.Context(), "open", "", 10); len(list) != want || err != nil {
			t.Errorf("after %d more: %+v %v", n+1, list, err)
		}
		if n == 0 { // five of six
			if got := h.count(`select n from assist_clusters`); got >= 6 {
				t.Fatalf("%d questions already", got)
			}
		}
	}
}

func TestPracticeIsScored(t *testing.T) {
	t.Parallel()
	h := open(t)
	sub := h.writes("u1", "I am Zhang Wei, where is order A2025070101?")
	h.answers(sub, "Hello Zhang, my name is Mei. Your order number please?")
	h.writes("u1", "yes it is A2025070101")
	h.answers(sub, "It ships tomorrow.")
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := h.Store().PutScript(t.Context(), tx, "returns", 0, false, greeting(), "", "li")
		return err
	}))
	h.rated(sub, 3)
	if wrong := (*BadError)(nil); true {
		if _, err := h.AddCase(t.Context(), sub, "", "returns", "li"); !errors.As(err, &wrong) || wrong.Field != "id" {
			t.Errorf("of a customer who was not content: %v", err)
		}
	}
	h.rated(sub, 5)
	c, err := h.AddCase(t.Context(), sub, "", "returns", "li")
	must(t, err)
	var doc string
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `select doc::text from practice_cases where id = $1`, c.ID).Scan(&doc)
	}))
	for _, own := range []string{"Zhang", "Wei", "A2025070101"} {
		if strings.Contains(doc, own) {
			t.Errorf("%s stands in the case: %s", own, doc)
		}
	}
	if c.Turns != 2 {
		t.Fatalf("%+v", c)
	}
	r, err := h.Practise(t.Context(), c.ID, h.user)
	must(t, err)
	if r.Next == "" || len(r.Answers) != 0 || r.Turns != 2 {
		t.Fatalf("%+v", r)
	}
	if _, err := h.AnswerPractice(t.Context(), r.ID, h.user+1, 0, "x"); !isMissing(err) {
		t.Errorf("somebody else answered: %v", err)
	}
	r, err = h.AnswerPractice(t.Context(), r.ID, h.user, 0, "Hello, my name is Jo. Your order number please?")
	must(t, err)
	if _, err := h.AnswerPractice(t.Context(), r.ID, h.user, 0, "again"); err != ErrState {
		t.Errorf("the same turn twice: %v", err)
	}
	r, err = h.AnswerPractice(t.Context(), r.ID, h.user, 1, "It ships tomorrow.")
	must(t, err)
	if r.EndedAt == nil || r.Marks == nil || r.Marks.Check != 1 || r.Marks.Time != 1 || r.Answers[1].Like != 1 || *r.Score < 80 {
		t.Fatalf("%+v %+v", r, r.Marks)
	}
	results, err := h.Store().Results(t.Context(), h.user, time.Now().Add(-time.Hour))
	if err != nil || len(results) != 1 || results[0].Runs != 1 || results[0].Mean < 80 {
		t.Errorf("%+v %v", results, err)
	}
	cases, err := h.Store().Cases(t.Context(), h.user, false)
	if err != nil || len(cases) != 1 || cases[0].Best == nil || cases[0].Runs != 1 {
		t.Errorf("%+v %v", cases, err)
	}
}

func TestNamesAreHiddenHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"ZHANG WEI here, or zhang, or Ｗei": "<name> here, or <name>, or <name>",
		"the weight of the delivery, Li":   "the weight of the delivery, <name>",
		"我是張偉，不是张伟业":                       "我是<name>，不是<name>业",
		"nobody":                           "nobody",
	} {
		if got := without(text, []string{"zhang wei", "zhang", "wei", "li", "张伟"}); got != want {
			t.Errorf("%q became %q", text, got)
		}
	}
}

// A long talk ends with its last turn, and has nothing of the later ones.
func TestACaseOfALongTalkEndsInTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	talk := &Talk{Subject: Subject{OfConversation, "1"}}
	for i := range maxCaseTurns + 3 {
		talk.Lines = append(talk.Lines, Line{N: int64(2 * i), Side: Customer, Text: fmt.Sprint("question ", i)}, Line{N: int64(2*i + 1), Side: Agent, Text: fmt.Sprint("answer ", i)})
	}
	doc, err := h.caseOf(t.Context(), talk)
	if err != nil || len(doc.Turns) != maxCaseTurns || doc.Turns[maxCaseTurns-1] != (caseTurn{"question 19", "answer 19"}) {
		t.Errorf("%+v %v", doc, err)
	}
}

// What was made before anybody knew whose words they are goes with the person all the same.
func TestWhatWasMadeOfUnknownPeopleIsErased(t *testing.T) {
	t.Parallel()
	h := open(t)
	talk := h.writes("u1", "I want to send an item back")
	h.answers(talk, "Choose After-sales in the order. We collect it.")
	h.rated(talk, 5)
	h.look(talk)
	_, err := h.AddCase(t.Context(), talk, "", "", "li")
	must(t, err)
	id := h.called("how long for a refund", "five days")
	h.look(Subject{OfCall, id})
	other := h.called("where is my invoice", "in the order")
	h.look(Subject{OfCall, other})
	for source, subject := range map[string]string{"conversation": talk.ID, "call": id} {
		must(t, h.Store().addQuestions(t.Context(), Question{Source: source, Ref: subject + "/9", Subject: subject, Lang: "en", Text: "is it so", Why: "unsure", At: time.Now()}))
	}
	for _, sql := range []string{`insert into contacts (id, root, name) values (901, 901, 'A')`, `update conversations set contact_id = 901`, `update calls set contact_id = 901 where id = '` + id + `'`} {
		_, err := h.db.Exec(t.Context(), sql)
		must(t, err)
	}
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		counts, err := h.Store().ErasePerson(t.Context(), tx, []int64{901})
		if counts["assist_boards"] != 2 || counts["assist_questions"] < 2 || counts["practice_cases"] != 1 || counts["assist_cards"] == 0 {
			t.Errorf("%v", counts)
		}
		return err
	}))
	if n := h.count(`select count(*)::int from assist_boards where subject = $1`, other); n != 1 {
		t.Errorf("%d boards of somebody else", n)
	}
}

// Cards stay no longer than the words of the call, also when nobody is helped any more.
func TestBoardsGoWithTheWordsOfTheirCall(t *testing.T) {
	t.Parallel()
	h := open(t)
	id := h.called("how long for a refund", "five days")
	h.look(Subject{OfCall, id})
	off, err := New(Config{Off: true}, h.parts, h.log)
	must(t, err)
	for _, want := range []int{1, 0} {
		must(t, (&learnWorker{s: off}).Work(t.Context(), &river.Job[LearnArgs]{Args: LearnArgs{Hourly: true}}))
		if n := h.count(`select count(*)::int from assist_boards`); n != want {
			t.Errorf("%d boards, want %d", n, want)
		}
		_, _, err := h.calls.DeleteWords(t.Context(), time.Now(), 10)
		must(t, err)
	}
}

// Two servers do not learn at once, and who asks again within a minute waits for the same.
func TestOneServerLearnsAtATime(t *testing.T) {
	t.Parallel()
	h := open(t)
	_, err := h.db.Alone(t.Context(), "assist.learn", func(ctx context.Context) error {
		err := (&learnWorker{s: h.Service}).Work(ctx, &river.Job[LearnArgs]{Args: LearnArgs{By: "li"}})
		if later := (*river.JobSnoozeError)(nil); !errors.As(err, &later) {
			t.Errorf("%v", err)
		}
		return nil
	})
	must(t, err)
	if n := h.count(`select count(*)::int from assist_runs`); n != 0 {
		t.Errorf("%d runs", n)
	}
	jobs := pg.NewJobs(h.db, slog.New(slog.DiscardHandler))
	for _, by := range []string{"li", "mei"} {
		must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error { return jobs.Insert(t.Context(), tx, LearnArgs{By: by}) }))
	}
	if n := h.count(`select count(*)::int from river_job where kind = 'assist_learn' and queue = $1`, jobQueue); n != 1 {
		t.Errorf("%d jobs", n)
	}
	if _, err := h.Learn(t.Context(), "li"); err != nil { // the lock is free again
		t.Error(err)
	}
}
