package contact

import (
	"context"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// maxBaseline bounds a stored norm of a voice, in bytes.
const maxBaseline = 16 << 10

// Baseline is how the person's voice lies when calm, as the given model wrote it; nil when
// there is none, or when the person does not allow voices to be read (any more).
func (s *Store) Baseline(ctx context.Context, id ID, model string) ([]byte, error) {
	l, err := s.State(ctx, id, PurposeEmotion)
	if err != nil || !l.Allowed() {
		return nil, err
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowTo[[]byte], `select b.baseline from contact_baselines b join contacts k on k.id = b.contact_id
		where k.root = (select root from contacts where id = $1) and b.model = $2 order by b.seconds desc, b.updated_at desc limit 1`, id, model)
	if err != nil || len(all) == 0 {
		return nil, wrap(id, "baseline", err)
	}
	return all[0], nil
}

// PutBaseline keeps the norm of a person's voice. kept is false when the person does not allow it.
func (s *Store) PutBaseline(ctx context.Context, id ID, model string, data []byte, seconds float64) (kept bool, err error) {
	if len(data) > maxBaseline {
		return false, wrap(id, "baseline", invalid("a baseline has at most %d bytes", maxBaseline))
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		// The person's row is held, so that no withdrawal comes between the question and the write.
		root, err := aliveRoot(ctx, tx, id)
		if err != nil {
			return err
		}
		l := Line{Purpose: PurposeEmotion}
		err = tx.QueryRow(ctx, `select state from consent_states where contact_id = $1 and purpose = $2`, root, PurposeEmotion).Scan(&l.State)
		if err != nil && err != pgx.ErrNoRows {
			return err
		}
		if !l.Allowed() {
			return nil
		}
		kept = true
		_, err = tx.Exec(ctx, `insert into contact_baselines (contact_id, model, baseline, seconds) values ($1, $2, $3, $4)
			on conflict (contact_id) do update set model = $2, baseline = $3, seconds = $4, updated_at = now()`, root, model, data, seconds)
		return err
	})
	return kept && err == nil, wrap(id, "keep a baseline", err)
}
