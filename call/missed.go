package call

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// Missed is somebody who waited in a queue, reached no agent, and has talked with nobody since.
type Missed struct {
	Call    string    `json:"id" doc:"the last such call"`
	Number  string    `json:"number"`
	Name    string    `json:"contact_name,omitempty"`
	Contact int64     `json:"contact,omitempty"`
	Queue   string    `json:"queue"`
	At      time.Time `json:"started_at"`
	Calls   int       `json:"calls" doc:"missed ones of this number"`
}

const mostMissed = 200

// Missed are the callers of a queue, or of all, whom nobody answered since then, the newest first, each once, at most 200.
// A hidden number is none.
func (s *Store) Missed(ctx context.Context, since time.Time, queue string) ([]Missed, error) {
	rows, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Missed, error) {
		m := Missed{Calls: 1}
		err := row.Scan(&m.Call, &m.Number, &m.Name, &m.Contact, &m.Queue, &m.At)
		m.At = m.At.UTC()
		return m, err
	}, `select c.id, c.from_number, coalesce(nullif(k.name, ''), c.from_name), coalesce(c.contact_id, 0), c.queue, c.started_at from calls c left join contacts k on k.id = c.contact_id
		where c.direction = 'in' and c.state = 'ended' and c.agent = '' and c.queue <> '' and c.started_at >= $1 and ($2 = '' or c.queue = $2) and c.from_number ~ '^\+?[0-9]{3,20}$'
			and not exists (select from calls d where d.contact_id = c.contact_id and d.started_at > c.started_at and d.agent <> '' and d.answered_at is not null
				and (d.direction = 'in' or exists (select from legs l where l.call_id = d.id and l.n > 1 and l.answered_at is not null)))
		order by c.started_at desc, c.id desc limit 2000`, since, queue)
	if err != nil {
		return nil, fmt.Errorf("missed calls: %w", err)
	}
	at := map[string]int{}
	out := make([]Missed, 0, min(len(rows), mostMissed))
	for _, m := range rows {
		if i, known := at[m.Number]; known {
			out[i].Calls++
		} else if len(out) < mostMissed {
			at[m.Number] = len(out)
			out = append(out, m)
		}
	}
	return out, nil
}
