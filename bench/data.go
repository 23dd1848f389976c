package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
	"tingxin/report"
	"tingxin/score"
)

// DataOptions of a bench of a full database.
type DataOptions struct {
	// Days of the reports, until now.
	Days int
	// Times that each question is asked.
	Times int
	// Explain is the file for how the database answers the slowest report.
	Explain string
	// JSON is the file for the figures.
	JSON string
}

// Register adds the command's flags to fs.
func (o *DataOptions) Register(fs *flag.FlagSet) {
	fs.IntVar(&o.Days, "days", 90, "`N` days of the reports, until now")
	fs.IntVar(&o.Times, "times", 20, "`N` times that each question is asked")
	fs.StringVar(&o.Explain, "explain", "", "write how the database answers the slowest report to this `file`")
	fs.StringVar(&o.JSON, "json", "", "write the figures to this `file`")
}

// DataFigures is the list of names for --help.
const DataFigures = `Figures in --json:
  data.messages data.calls               rows that there are
  data.report_max_ms                     the slowest report's median
  data.list_p95_ms                       what is behind a number of a report
  data.open_p95_ms                       a conversation with its last 50 messages
  data.inbox_p95_ms                      the first page of the inbox
  data.search_p95_ms                     full-text search in messages
  data.calls_search_p95_ms               full-text search in what was said in calls
`

// measured is how long one question took, over some times.
type measured struct {
	name            string
	first, p50, p95 time.Duration
}

func measure(name string, times int, f func(i int) error) (measured, error) {
	all := make([]time.Duration, max(times, 1))
	for i := range all {
		began := time.Now()
		if err := f(i); err != nil {
			return measured{}, fmt.Errorf("%s: %w", name, err)
		}
		all[i] = time.Since(began)
	}
	m := measured{name: name, first: all[0]}
	slices.Sort(all)
	m.p50, m.p95 = all[len(all)/2], all[(len(all)*95+99)/100-1]
	return m, nil
}

// words that the made-up rows hold, common and rare, and one that they do not.
var searched = []string{"退款", "蓝牙耳机", "order", "warehouse", "扫地机器人 退货", "TX00001234", "coffee machine", "没有这样的词"}

// Data measures what people wait for on a database that is full.
func Data(ctx context.Context, db *pg.DB, o DataOptions, out io.Writer) error {
	log := slog.New(slog.DiscardHandler)
	bus := event.NewBus()
	defer bus.Close()
	reports, err := report.New(report.Config{Zone: "Asia/Shanghai"}, db, log)
	if err != nil {
		return err
	}
	chats, err := chat.New(chat.Config{}, chat.Parts{DB: db, Bus: bus, Jobs: pg.NewJobs(db, log)}, log)
	if err != nil {
		return err
	}
	calls := call.NewStore(db)
	type sizes struct{ Messages, Calls, Conversations int }
	size, err := pg.Row(ctx, db, pgx.RowToStructByPos[sizes], `select (select count(*) from messages), (select count(*) from calls), (select count(*) from conversations)`)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d messages in %d conversations, %d calls\n\n", size.Messages, size.Conversations, size.Calls)
	until := time.Now().UTC()
	question := func(name string) report.Query {
		return report.Query{Report: name, Since: until.AddDate(0, 0, -o.Days), Until: until, Scope: report.Scope{All: true}, Compare: true}
	}
	var all []measured
	slowest := measured{}
	for _, name := range report.Names() {
		m, err := measure("report "+name, o.Times, func(int) error { _, err := reports.Table(ctx, question(name)); return err })
		if err != nil {
			return err
		}
		if all = append(all, m); m.p50 > slowest.p50 {
			slowest = m
		}
	}
	ids, err := pg.Rows(ctx, db, pgx.RowTo[int64], `select id from conversations tablesample bernoulli (5) limit 2000`)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, q := range []struct {
		name string
		f    func(i int) error
	}{
		{"list behind a number", func(int) error {
			_, err := reports.Items(ctx, report.ListQuery{Query: question("response"), Column: "human"})
			return err
		}},
		{"open a conversation", func(int) error {
			if len(ids) == 0 {
				return nil
			}
			id := chat.ID(ids[rng.IntN(len(ids))])
			_, err1 := chats.Row(ctx, 1, id)
			_, err2 := chats.Thread(ctx, id, 0, 0, 50)
			return errors.Join(err1, err2)
		}},
		{"inbox, first page", func(int) error { _, err := chats.List(ctx, 1, chat.Filter{}, "", 50); return err }},
		{"search messages", func(i int) error { _, err := chats.Search(ctx, searched[i%len(searched)], 0, 50); return err }},
		{"search calls", func(i int) error {
			_, err := calls.List(ctx, call.Filter{Query: searched[i%len(searched)], Count: true})
			return err
		}},
	} {
		m, err := measure(q.name, o.Times, q.f)
		if err != nil {
			return err
		}
		all = append(all, m)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "what\tfirst ms\tmedian ms\tp95 ms\t")
	byName := map[string]measured{}
	for _, m := range all {
		byName[m.name] = m
		fmt.Fprintf(w, "%s\t%.1f\t%.1f\t%.1f\t\n", m.name, ms(m.first), ms(m.p50), ms(m.p95))
	}
	if o.Explain != "" {
		plan, err := reports.Explain(ctx, question(slowest.name[len("report "):]))
		if err != nil {
			return err
		}
		if err := os.WriteFile(o.Explain, []byte(slowest.name+"\n\n"+plan), 0o644); err != nil {
			return err
		}
	}
	figures := []score.Figure{{Name: "data.messages", Value: float64(size.Messages)}, {Name: "data.calls", Value: float64(size.Calls)}, {Name: "data.report_max_ms", Value: ms(slowest.p50)}}
	for _, of := range [][2]string{{"list", "list behind a number"}, {"open", "open a conversation"}, {"inbox", "inbox, first page"}, {"search", "search messages"}, {"calls_search", "search calls"}} {
		figures = append(figures, score.Figure{Name: "data." + of[0] + "_p95_ms", Value: ms(byName[of[1]].p95)})
	}
	return errors.Join(w.Flush(), score.WriteJSON(o.JSON, figures))
}
