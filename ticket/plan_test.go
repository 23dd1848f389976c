package ticket

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// The clocks of a ticket were looked for in all of the table, at each opening and each change.
func TestClocksOfATicketAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	for _, sql := range []string{
		`select ` + clockColumns + ` from sla_clocks where ticket_id = 7 order by id`,
		`select distinct kind from sla_clocks where ticket_id = 7`,
		`delete from sla_clocks where ticket_id = 7`, // with the ticket
	} {
		err := db.Tx(t.Context(), func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), `set local enable_seqscan = off`); err != nil { // an empty table is read whole otherwise
				return err
			}
			lines, err := pg.TxRows(t.Context(), tx, pgx.RowTo[string], `explain `+sql)
			if plan := strings.Join(lines, "\n"); err == nil && strings.Contains(plan, "Seq Scan") {
				t.Errorf("%s:\n%s", sql, plan)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
