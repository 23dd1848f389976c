package feedback

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// OfContacts are the items of the given contacts at or before until (all when it is zero), newest first,
// within one moment by id downwards as text, at most limit.
func (s *Service) OfContacts(ctx context.Context, contacts []int64, until time.Time, limit int) ([]Item, error) {
	var end *time.Time
	if !until.IsZero() {
		end = &until
	}
	w := where{args: []any{contacts, end}, parts: []string{"contact_id = any($1) and ($2::timestamptz is null or at <= $2)"}}
	w.held(ctx, team.Feedback, seenItems)
	all, err := pg.Rows(ctx, s.db, scanItem, `select `+itemColumns+` from feedback f`+w.String()+fmt.Sprintf(` order by f.at desc, f.id::text desc limit %d`, limit), w.args...)
	if err != nil {
		err = fmt.Errorf("feedback of a contact: %w", err)
	}
	return all, err
}

// PersonCase is a case as the archive of a person has it.
type PersonCase struct {
	Case
	Said []Message `json:"messages"`
}

// CasesOf are the cases of the given contacts with what was said, at most limit.
func (s *Service) CasesOf(ctx context.Context, contacts []int64, limit int) ([]PersonCase, error) {
	all, err := pg.Rows(ctx, s.db, scanCase, `select `+caseColumns+` from feedback_cases where contact_id = any($1) order by id limit $2`, contacts, limit)
	if err != nil {
		return nil, fmt.Errorf("cases of a contact: %w", err)
	}
	out := make([]PersonCase, len(all))
	for i := range all {
		out[i].Case = all[i]
		if out[i].Said, err = s.Messages(ctx, all[i].ID); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// SurveysOf are the questions that the given contacts were asked, at most limit.
func (s *Service) SurveysOf(ctx context.Context, contacts []int64, limit int) ([]Survey, error) {
	all, err := pg.Rows(ctx, s.db, scanSurvey, `select `+surveyColumns+` from surveys v where v.contact_id = any($1) order by v.id limit $2`, contacts, limit)
	if err != nil {
		err = fmt.Errorf("questions of a contact: %w", err)
	}
	return all, err
}

// ErasePerson takes a person out of feedback and cases, in tx: words, messages and details of the trail
// go; scores, causes and how promises were kept stay for the counts. It returns rows by table.
func (s *Service) ErasePerson(ctx context.Context, tx pgx.Tx, contacts []int64) (map[string]int64, error) {
	counts := map[string]int64{}
	const of = ` in (select id from feedback_cases where contact_id = any($1))`
	for _, step := range []struct{ table, sql string }{
		{"predictions", `delete from predictions where object_type = 'feedback' and object_id in (select id::text from feedback where contact_id = any($1))`},
		{"customer_links", `delete from customer_links where kind = 'case' and object_id` + of + ` or kind = 'survey' and object_id in (select id from surveys where contact_id = any($1))`},
		{"surveys", `update surveys set reason = '', origin = 'erased:' || id, contact_id = null, conversation_id = null, state = case when state in ('waiting', 'sent') then 'dropped' else state end,
			why = case when state in ('waiting', 'sent') then 'erased' else why end where contact_id = any($1)`},
		{"case_messages", `delete from case_messages where case_id` + of},
		{"case_trail", `update case_trail set detail = '{}' where case_id` + of},
		{"feedback", `update feedback set text = '', chips = '{}', words = '{}', reason = '', origin = 'erased:' || id, contact_id = null where contact_id = any($1)`},
		{"feedback_cases", `update feedback_cases set title = '', reason = '', contact_id = null, version = version + 1 where contact_id = any($1)`},
	} {
		tag, err := tx.Exec(ctx, step.sql, contacts)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.table, err)
		}
		if n := tag.RowsAffected(); n > 0 {
			counts[step.table] = n
		}
	}
	return counts, nil
}

// PersonHits searches for a person in tx and tells what it finds, by table.
func (s *Service) PersonHits(ctx context.Context, tx pgx.Tx, contacts []int64) (map[string]int64, error) {
	hits := map[string]int64{}
	for _, table := range []string{"feedback", "feedback_cases", "surveys"} {
		var n int64
		if err := tx.QueryRow(ctx, `select count(*) from `+table+` where contact_id = any($1)`, contacts).Scan(&n); err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		hits[table] = n
	}
	return hits, nil
}
