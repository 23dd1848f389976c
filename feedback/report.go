package feedback

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// CauseRow is one line of the report: the cases of a cause, a product and a process.
type CauseRow struct {
	Cause       string   `json:"cause" doc:"code; empty while it is not found"`
	Area        string   `json:"area"`
	LabelZH     string   `json:"label_zh"`
	LabelEN     string   `json:"label_en"`
	Product     string   `json:"product"`
	Process     string   `json:"process"`
	Cases       int      `json:"cases"`
	Closed      int      `json:"closed" doc:"whose customer says that it is solved"`
	Unverified  int      `json:"unverified" doc:"told, and did not answer"`
	Unreachable int      `json:"unreachable" doc:"no way took our answer"`
	Reopened    int      `json:"reopened" doc:"opened again at least once"`
	Hours       *float64 `json:"hours,omitempty" doc:"median from opening to closing, of those whose customer says that it is solved"`
	Uplift      *float64 `json:"uplift,omitempty" doc:"mean of the answer a week later less the first score, of those that have both"`
}

// CauseTotals are the sums over all lines.
type CauseTotals struct {
	Cases        int      `json:"cases"`
	Closed       int      `json:"closed"`
	Unverified   int      `json:"unverified"`
	Unreachable  int      `json:"unreachable"`
	Reopened     int      `json:"reopened"`
	ClosureRate  *float64 `json:"closure_rate,omitempty" doc:"closed as solved by the customer's word, of all that are closed"`
	Hours        *float64 `json:"hours,omitempty"`
	Uplift       *float64 `json:"uplift,omitempty"`
	Acknowledged *float64 `json:"acknowledged,omitempty" doc:"share of kept promises"`
	Contacted    *float64 `json:"contacted,omitempty"`
	Answered     *float64 `json:"answered,omitempty"`
}

// CauseReport is why customers were unhappy, the commonest first.
type CauseReport struct {
	Totals CauseTotals `json:"totals"`
	Rows   []CauseRow  `json:"rows"`
}

const sums = `count(*)::int, (count(*) filter (where c.outcome = 'verified'))::int, (count(*) filter (where c.outcome = 'unverified'))::int, (count(*) filter (where c.outcome = 'unreachable'))::int,
	(count(*) filter (where c.round > 1))::int,
	(percentile_cont(0.5) within group (order by extract(epoch from c.closed_at - c.opened_at) / 3600) filter (where c.outcome = 'verified'))::float8,
	(avg(c.again_score - c.first_score) filter (where c.again_score is not null and c.first_score is not null))::float8`

// ReportRows bounds the lines of a report.
const ReportRows = 1000

// Causes of the cases opened from since until before until, by cause, product and process.
func (s *Service) CauseReport(ctx context.Context, since, until time.Time) (CauseReport, error) {
	out := CauseReport{Rows: []CauseRow{}}
	w := where{args: []any{since, until}, parts: []string{"c.opened_at >= $1 and c.opened_at < $2"}}
	w.held(ctx, team.Reports, "c.owner = any(?u) or c.agent = any(?u)")
	rows, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[CauseRow], `select coalesce(c.cause, ''), coalesce(k.area, ''), coalesce(k.label_zh, ''), coalesce(k.label_en, ''), c.product, c.process, `+sums+`
		from feedback_cases c left join cause_codes k on k.code = c.cause`+w.String()+`
		group by c.cause, k.area, k.label_zh, k.label_en, c.product, c.process order by 7 desc, 1, 5, 6 limit `+strconv.Itoa(ReportRows), w.args...)
	if err != nil {
		return out, fmt.Errorf("report on causes: %w", err)
	}
	out.Rows = rows
	type total struct {
		Cases, Closed, Unverified, Unreachable, Reopened int
		Hours, Uplift                                    *float64
	}
	t, err := pg.Row(ctx, s.db, pgx.RowToStructByPos[total], `select `+sums+` from feedback_cases c`+w.String(), w.args...)
	if err != nil {
		return out, fmt.Errorf("report on causes: %w", err)
	}
	out.Totals = CauseTotals{Cases: t.Cases, Closed: t.Closed, Unverified: t.Unverified, Unreachable: t.Unreachable, Reopened: t.Reopened, Hours: t.Hours, Uplift: t.Uplift}
	if over := t.Closed + t.Unverified + t.Unreachable; over > 0 {
		rate := float64(t.Closed) / float64(over)
		out.Totals.ClosureRate = &rate
	}
	type promise struct {
		Kind  string
		Share *float64
	}
	promises, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[promise], `select k.kind, (count(*) filter (where k.outcome = 'hit'))::float8 / nullif(count(*) filter (where k.outcome in ('hit', 'missed')), 0)
		from case_clocks k join feedback_cases c on c.id = k.case_id`+w.String()+` group by k.kind`, w.args...)
	if err != nil {
		return out, fmt.Errorf("report on promises: %w", err)
	}
	for _, p := range promises {
		switch p.Kind {
		case "acknowledge":
			out.Totals.Acknowledged = p.Share
		case "contact":
			out.Totals.Contacted = p.Share
		case "answer":
			out.Totals.Answered = p.Share
		}
	}
	return out, nil
}
