package triage

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/nlp/embed"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/queue"
	"tingxin/race"
	"tingxin/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func complaints(t testing.TB, split string) []Example {
	t.Helper()
	doc, err := os.ReadFile("../feedback/complaints.tsv")
	must(t, err)
	all, err := Parse(doc, split)
	must(t, err)
	return all
}

func open(t testing.TB, e Embedder) *Service {
	t.Helper()
	db := pgtest.New(t)
	tickets := ticket.NewService(db, nil, nil, ticket.Config{}, slog.New(slog.DiscardHandler))
	s := New(Parts{DB: db, Embed: e, Tickets: tickets, Complaints: complaints(t, "train")}, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { s.Close() })
	return s
}

// BenchmarkFigures learns from the training parts and prints how it does on the test parts, with the
// sentence models where they are (go test ./triage -run - -bench Figures -benchtime 1x).
func BenchmarkFigures(t *testing.B) {
	var e Embedder
	models := embed.New(embed.Config{Runtime: "../build/onnxruntime/libonnxruntime.so", Models: "../models", Queue: 256})
	if err := models.Start(t.Context()); err == nil {
		e = models
		defer models.Close()
	} else if !errors.Is(err, embed.ErrMissing) {
		t.Fatal(err)
	}
	s := open(t, e)
	test := map[Kind][]Example{Complaint: complaints(t, "test")}
	var err error
	test[Type], err = Parse(ticketExamples, "test")
	must(t, err)
	test[Urgency], err = Parse(urgencyExamples, "test")
	must(t, err)
	for _, kind := range Kinds {
		for _, lang := range []string{"zh", "en"} {
			tr, err := s.Train(t.Context(), kind, lang)
			must(t, err)
			n, right, brier, words := 0, 0, 0.0, 0
			tp, fp, fn := 0, 0, 0
			for _, x := range test[kind] {
				if x.Lang != lang {
					continue
				}
				g, err := s.Guess(t.Context(), kind, x.Text)
				must(t, err)
				n++
				hit := 0.0
				if g.Value == x.Label {
					right, hit = right+1, 1
				}
				brier += (g.P - hit) * (g.P - hit)
				if kind == Complaint {
					p, _, err := s.Complaint(t.Context(), x.Text)
					must(t, err)
					switch yes := p >= 0.6; {
					case yes && x.Label == "complaint":
						tp++
					case yes:
						fp++
					case x.Label == "complaint":
						fn++
					}
					if (byWords(x.Text) >= 0.6) == (x.Label == "complaint") {
						words++
					}
				}
			}
			line := fmt.Sprintf("%-9s %s: %d/%d right on test, Brier of the top label %.3f; held out %+v, %d ms", kind, lang, right, n, brier/float64(n), tr.Metrics, tr.TookMS)
			if kind == Complaint {
				line += fmt.Sprintf("; at p >= 0.6: precision %.2f, recall %.2f; word lists alone %d/%d", float64(tp)/math.Max(1, float64(tp+fp)), float64(tp)/math.Max(1, float64(tp+fn)), words, n)
			}
			t.Log(line)
			again, err := s.Train(t.Context(), kind, lang)
			must(t, err)
			if again.Version != tr.Version || !again.TrainedAt.Equal(tr.TrainedAt) {
				t.Errorf("%s %s was learnt again from the same", kind, lang)
			}
		}
	}
}

// sure answers each text with a vector of its own.
type sure struct{}

func (sure) vector(text string) (embed.Vectors, error) {
	v := make([]float32, 8)
	for i, r := range text {
		v[(i+int(r))%8]++
	}
	return embed.Vectors{CLS: v, Mean: v}, nil
}
func (s sure) Embed(_ context.Context, _, text string) (embed.Vectors, error) { return s.vector(text) }
func (s sure) EmbedLater(_ context.Context, _, text string) (embed.Vectors, error) {
	return s.vector(text)
}

func TestTicketsAreLookedAt(t *testing.T) {
	if race.Enabled {
		t.Skip("only computes")
	}
	s := open(t, nil)
	ctx := t.Context()
	who, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `insert into contacts (id, root) select n, n from nextval('contact_ids') n returning id`)
	must(t, err)
	make := func(subject string, source ticket.Source) ticket.Ticket {
		k, err := s.parts.Tickets.Create(ctx, ticket.Draft{Type: "question", Subject: subject, Source: source, Contact: who}, ticket.Customer)
		must(t, err)
		return k
	}
	k := make("my washing machine leaks water", "customer")
	must(t, s.Tend(ctx)) // begins to learn
	for _, kind := range []Kind{Type, Urgency} {
		_, err := s.Train(ctx, kind, "en")
		must(t, err)
	}
	must(t, s.Tend(ctx))
	hints, err := s.Hints(ctx, k.ID)
	must(t, err)
	if len(hints) != 2 || hints[0].Kind != "type" || hints[0].Value != "fault" {
		t.Fatalf("%+v", hints)
	}
	now, err := s.parts.Tickets.Get(ctx, k.ID)
	must(t, err)
	if applied := now.Type == "fault"; applied != (hints[0].P >= applyFrom) || applied != hints[0].Applied {
		t.Errorf("type is %s at p %.2f: %+v", now.Type, hints[0].P, hints)
	}
	// What a person chose is suggested only, whatever the probability.
	mine := make("my washing machine leaks", "agent")
	must(t, s.Tend(ctx))
	if now, err = s.parts.Tickets.Get(ctx, mine.ID); err != nil || now.Type != "question" {
		t.Errorf("%+v %v", now, err)
	}
	if _, err := s.Take(ctx, mine.ID, Type, "fault", "ann"); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(ctx, mine.ID, Urgency, "soon", "ann"); !errors.As(err, new(*ticket.InvalidError)) {
		t.Errorf("%v", err)
	}
	// Words of danger stay urgent.
	fire := make("do you have it in blue, the old one is on fire", "customer")
	must(t, s.Tend(ctx))
	if now, err = s.parts.Tickets.Get(ctx, fire.ID); err != nil || now.Priority != queue.Urgent {
		t.Errorf("%+v %v", now, err)
	}
	done := ticket.Resolved
	_, err = s.parts.Tickets.Change(ctx, k.ID, ticket.Patch{State: &done}, ticket.AgentActor("ann"))
	must(t, err)
	for range 2 {
		must(t, s.Tend(ctx))
	}
	n, err := pg.Row(ctx, s.db, pgx.RowTo[int], `select count(*)::int from labels`)
	must(t, err)
	if n != 3 { // taken by ann, and both of the resolved one
		t.Errorf("%d labels", n)
	}
	labelled, err := s.labelled(ctx, Type)
	must(t, err)
	if len(labelled) != 2 {
		t.Errorf("%+v", labelled)
	}
}

func TestTwins(t *testing.T) {
	s := open(t, nil)
	ctx := t.Context()
	who, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `insert into contacts (id, root) select n, n from nextval('contact_ids') n returning id`)
	must(t, err)
	other, err := pg.Row(ctx, s.db, pgx.RowTo[int64], `insert into contacts (id, root) select n, n from nextval('contact_ids') n returning id`)
	must(t, err)
	add := func(subject string, contact int64) ticket.ID {
		k, err := s.parts.Tickets.Create(ctx, ticket.Draft{Type: "question", Subject: subject, Source: "customer", Contact: contact}, ticket.Customer)
		must(t, err)
		return k.ID
	}
	a := add("Where is my parcel A2025070101?", who)
	b := add("where is my parcel a2025070101", who)
	add("Do you have kettles in blue?", who)
	add("Where is my parcel A2025070101?", other)
	old := add("Where is my parcel A2025070101??", who)
	_, err = s.db.Exec(ctx, `update tickets set created_at = $2 where id = $1`, old, time.Now().Add(-25*time.Hour))
	must(t, err)
	twins, err := s.Twins(ctx, a)
	must(t, err)
	if len(twins) != 1 || twins[0].ID != b {
		t.Errorf("%+v", twins)
	}
	if _, err = s.parts.Tickets.Merge(ctx, b, a, ticket.AgentActor("ann")); err != nil {
		t.Fatal(err)
	}
	if twins, err = s.Twins(ctx, a); err != nil || len(twins) != 0 {
		t.Errorf("%+v %v", twins, err)
	}
	like, least, err := (&Service{parts: Parts{Embed: sure{}}}).likeness(ctx, "where is it", "where is it now")
	if err != nil || least != twinLike || like < 0 {
		t.Errorf("%v %v %v", like, least, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("train\tzh\tnone\t你好\n# x\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		all, err := Parse(doc, "train")
		for _, e := range all {
			if err == nil && (e.Text == "" || e.Label == "") {
				t.Errorf("%+v", e)
			}
		}
	})
}

// counting counts what was embedded to learn from.
type counting struct {
	sure
	n *int
}

func (c counting) EmbedLater(ctx context.Context, lang, text string) (embed.Vectors, error) {
	*c.n++
	return c.sure.EmbedLater(ctx, lang, text)
}

// The same examples are not embedded again, and what one server learnt the others use within minutes.
func TestModelsAreLearntOnceForAllServers(t *testing.T) {
	n := 0
	s := open(t, counting{n: &n})
	first, err := s.Train(t.Context(), Urgency, "en")
	must(t, err)
	if n <= first.Examples {
		t.Errorf("%d embedded of %d", n, first.Examples)
	}
	n = 0
	if again, err := s.Train(t.Context(), Urgency, "en"); err != nil || again.Version != first.Version || n != 1 {
		t.Errorf("%+v %v, %d embedded", again, err, n)
	}
	now := time.Now()
	other := New(Parts{DB: s.db, Embed: s.parts.Embed, Now: func() time.Time { return now }}, s.log)
	t.Cleanup(func() { other.Close() })
	uses := func(want string) {
		t.Helper()
		if g, err := other.Guess(t.Context(), Urgency, "the kettle is on fire, please hurry"); err != nil || g.Version != want {
			t.Errorf("%+v %v, want version %s", g, err, want)
		}
	}
	uses(first.Version)
	_, err = s.db.Exec(t.Context(), `insert into text_models (kind, lang, version, examples, metrics, doc, took_ms, trained_at) select kind, lang, 'newer', examples, metrics, doc, took_ms, trained_at + interval '1 hour' from text_models`)
	must(t, err)
	uses(first.Version)
	now = now.Add(readFor + time.Second)
	uses("newer")
}
