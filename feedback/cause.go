package feedback

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
)

// Areas are what causes lie in.
var Areas = []string{"product", "process", "agent", "article", "other"}

// Cause is why something went wrong, a node of a tree.
type Cause struct {
	Code    string `json:"code"`
	Parent  string `json:"parent,omitempty"`
	Area    string `json:"area" enum:"product,process,agent,article,other"`
	LabelZH string `json:"label_zh"`
	LabelEN string `json:"label_en"`
	Ord     int    `json:"ord"`
	Retired bool   `json:"retired,omitempty" doc:"no longer offered; cases keep it"`
	Cases   int    `json:"cases" doc:"that have it"`
}

const (
	maxCauses = 500
	maxDepth  = 4
)

// Causes are all of them, in order.
func (s *Service) Causes(ctx context.Context) ([]Cause, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Cause], `select k.code, coalesce(k.parent, ''), k.area, k.label_zh, k.label_en, k.ord, k.retired,
		(select count(*)::int from feedback_cases c where c.cause = k.code) from cause_codes k order by k.ord, k.code`)
	if err != nil {
		err = fmt.Errorf("causes: %w", err)
	}
	return all, err
}

// PutCause adds or changes a cause in tx.
func (s *Service) PutCause(ctx context.Context, tx pgx.Tx, c Cause) error {
	if err := queue.CheckName("cause", c.Code); err != nil {
		return invalid("code", err.Error())
	}
	c.LabelZH, c.LabelEN = strings.TrimSpace(c.LabelZH), strings.TrimSpace(c.LabelEN)
	for _, label := range []string{c.LabelZH, c.LabelEN} {
		if n := utf8.RuneCountInString(label); n < 1 || n > 60 {
			return invalid("label", "both languages, 1 to 60 characters each")
		}
	}
	if !slices.Contains(Areas, c.Area) {
		return invalid("area", "product, process, agent, article or other")
	}
	all, err := pg.TxRows(ctx, tx, func(row pgx.CollectableRow) (Cause, error) {
		var k Cause
		err := row.Scan(&k.Code, &k.Parent, &k.Area)
		return k, err
	}, `select code, coalesce(parent, ''), area from cause_codes for update`)
	if err != nil {
		return err
	}
	parents, areas := map[string]string{}, map[string]string{}
	for _, k := range all {
		parents[k.Code], areas[k.Code] = k.Parent, k.Area
	}
	if _, there := parents[c.Code]; !there && len(all) >= maxCauses {
		return invalid("code", "there are 500 causes, which is the most")
	}
	for depth, at := 1, c.Parent; at != ""; depth++ {
		switch _, there := parents[at]; {
		case !there:
			return invalid("parent", "there is no such cause")
		case at == c.Code || depth > maxDepth:
			return invalid("parent", "a cause does not lie in itself, and the tree has at most 4 levels")
		}
		at = parents[at]
	}
	if c.Parent != "" && areas[c.Parent] != c.Area {
		return invalid("area", "it is that of the cause above")
	}
	for code, parent := range parents {
		if parent == c.Code && areas[code] != c.Area {
			return invalid("area", "causes below it lie in another area")
		}
	}
	_, err = tx.Exec(ctx, `insert into cause_codes (code, parent, area, label_zh, label_en, ord, retired) values ($1, $2, $3, $4, $5, $6, $7)
		on conflict (code) do update set parent = $2, area = $3, label_zh = $4, label_en = $5, ord = $6, retired = $7, updated_at = now()`,
		c.Code, pg.OrNull(c.Parent), c.Area, c.LabelZH, c.LabelEN, c.Ord, c.Retired)
	return pg.Map(err)
}

func knownCause(ctx context.Context, tx pgx.Tx, code string) error {
	if code == "" {
		return nil
	}
	retired, err := pg.TxRow(ctx, tx, pgx.RowTo[bool], `select retired from cause_codes where code = $1`, code)
	if errors.Is(err, pg.ErrNotFound) {
		return invalid("cause", "there is no such cause")
	}
	if err == nil && retired {
		return invalid("cause", "this cause is not used any more")
	}
	return err
}
