package assist

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
)

// Question is one that was not answered well. Its text is masked.
type Question struct {
	ID      int64     `json:"id"`
	Source  string    `json:"source" enum:"bot,call,conversation,ticket"`
	Ref     string    `json:"-"`
	Subject string    `json:"subject" doc:"the bot's session, the call, conversation or ticket"`
	Contact int64     `json:"-"`
	Lang    string    `json:"lang" enum:"zh,en"`
	Text    string    `json:"text" doc:"folded, values masked"`
	P       float64   `json:"p" doc:"of the article that was nearest"`
	Why     string    `json:"why" enum:"unsure,down,unclicked,handover"`
	Solved  bool      `json:"solved" doc:"by whoever took over"`
	Handed  bool      `json:"handed" doc:"a person took over"`
	Cluster int64     `json:"cluster,omitempty"`
	At      time.Time `json:"at"`
}

// addQuestions keeps questions, each once; the last word on one counts.
func (s *Store) addQuestions(ctx context.Context, all ...Question) error {
	rows := &pgx.Batch{}
	for i := range all {
		q := &all[i]
		rows.Queue(`insert into assist_questions (source, ref, subject, contact_id, lang, text, p, why, solved, handed, at) values ($1, $2, $3, nullif($4::bigint, 0), $5, $6, $7, $8, $9, $10, $11)
			on conflict (source, ref) do update set why = $8, solved = $9, handed = $10, p = $7`,
			q.Source, q.Ref, q.Subject, q.Contact, q.Lang, nlp.Clip(q.Text, 1000), q.P, q.Why, q.Solved, q.Handed, q.At)
	}
	if rows.Len() == 0 {
		return nil
	}
	if err := s.db.Tx(ctx, func(tx pgx.Tx) error { return tx.SendBatch(ctx, rows).Close() }); err != nil {
		return fmt.Errorf("keep questions: %w", err)
	}
	return nil
}

const questionColumns = `id, source, ref, subject, coalesce(contact_id, 0), lang, text, p::float8, why, solved, handed, coalesce(cluster_id, 0), at`

// Questions are the last ones of a language ("" is both) without a good answer, newest first, before one.
func (s *Store) Questions(ctx context.Context, lang string, cluster, before int64, limit int) ([]Question, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Question], `select `+questionColumns+` from assist_questions
		where ($1 = '' or lang = $1) and ($2::bigint = 0 or cluster_id = $2) and id < $3 order by id desc limit $4`, lang, cluster, before, limit)
	if err != nil {
		return nil, fmt.Errorf("questions: %w", err)
	}
	return all, nil
}
