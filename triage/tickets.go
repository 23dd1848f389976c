package triage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/ticket"
)

// actor is who changes tickets here.
var actor = ticket.Actor{Name: "triage", Kind: "system"}

const batch = 20 // tickets of one round

// Tend looks at tickets that nobody has looked at, and keeps what became of those that are over as labels.
// Several servers may do it at once.
func (s *Service) Tend(ctx context.Context) error { return errors.Join(s.look(ctx), s.label(ctx)) }

func (s *Service) look(ctx context.Context) error {
	ids, err := pg.Rows(ctx, s.db, pgx.RowTo[ticket.ID], `select id from tickets t where created_at > $1 and state <> 'closed' and merged_into is null
		and not exists (select from predictions p where p.object_type = 'ticket' and p.object_id = t.id::text and p.kind = 'urgency') order by created_at desc limit $2`, s.now().Add(-24*time.Hour), batch)
	if err != nil {
		return fmt.Errorf("tickets to look at: %w", err)
	}
	for _, id := range ids {
		if err := s.lookAt(ctx, id); err != nil && !errors.Is(err, ErrLearning) {
			return err
		}
	}
	return nil
}

// lookAt guesses both, writes down what it guessed and applies what is sure. What a person chose is only
// suggested, and words of danger are never made less.
func (s *Service) lookAt(ctx context.Context, id ticket.ID) error {
	t, err := s.parts.Tickets.Get(ctx, id)
	if err != nil {
		return err
	}
	text := t.Subject + "\n" + t.Body
	typ, err1 := s.Guess(ctx, Type, text)
	urgency, err2 := s.Guess(ctx, Urgency, text)
	for _, err := range []error{err1, err2} {
		if err != nil && !errors.Is(err, pg.ErrNotFound) {
			return err
		}
	}
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtext('tingxin.triage'), $1)`, int32(id)); err != nil {
			return err
		}
		var there bool
		if err := tx.QueryRow(ctx, `select exists (select from predictions where object_type = 'ticket' and object_id = $1::text and kind = 'urgency')`, fmt.Sprint(id)).Scan(&there); err != nil {
			return err
		}
		if there {
			return pg.ErrConflict // another server was faster
		}
		for kind, g := range map[Kind]Guess{Type: typ, Urgency: urgency} {
			if _, err := tx.Exec(ctx, `insert into predictions (object_type, object_id, kind, value, p, model_version, at) values ('ticket', $1, $2, $3, $4, $5, $6)`,
				fmt.Sprint(id), kind, g.Value, g.P, g.Version, s.now().UTC()); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, pg.ErrConflict) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("predictions for ticket %d: %w", id, err)
	}
	chosen := t.Source == "agent" || t.Source == "import"
	p := ticket.Patch{Version: t.Version}
	if typ.P >= applyFrom && typ.Value != t.Type && !chosen && s.offered(ctx, typ.Value) {
		p.Type = &typ.Value
	}
	var u queue.Urgency
	if urgency.P >= applyFrom && !chosen && t.Priority != queue.Urgent && u.UnmarshalText([]byte(urgency.Value)) == nil && u != t.Priority {
		p.Priority = &u
	}
	if p.Type == nil && p.Priority == nil {
		return nil
	}
	_, err = s.parts.Tickets.Change(ctx, id, p, actor)
	var unfit *ticket.InvalidError
	if errors.Is(err, ticket.ErrStale) || errors.Is(err, ticket.ErrClosed) || errors.Is(err, ticket.ErrMerged) || errors.As(err, &unfit) {
		return nil // a person was faster; it stays a suggestion
	}
	if err == nil {
		s.applied.Add(1)
	}
	return err
}

// offered tells whether a type may be given.
func (s *Service) offered(ctx context.Context, name string) bool {
	ok, err := pg.Row(ctx, s.db, pgx.RowTo[bool], `select exists (select from ticket_types where name = $1 and not disabled)`, name)
	return err == nil && ok
}

// label keeps what tickets were when they were resolved, once for each prediction.
func (s *Service) label(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `insert into labels (prediction_id, value, by, at)
		select p.id, case p.kind when 'type' then t.type else t.priority end, 'resolved', $1 from tickets t join predictions p on p.object_type = 'ticket' and p.object_id = t.id::text and p.kind in ('type', 'urgency') and p.value <> ''
		where t.state = 'resolved' and t.state_at > $2 and not exists (select from labels l where l.prediction_id = p.id)`, s.now().UTC(), s.now().Add(-48*time.Hour))
	if err != nil {
		return fmt.Errorf("labels of tickets: %w", err)
	}
	return nil
}

// Hint is what a ticket probably is.
type Hint struct {
	Kind    string  `json:"kind" enum:"type,urgency"`
	Value   string  `json:"value"`
	P       float64 `json:"p"`
	Version string  `json:"model_version"`
	Applied bool    `json:"applied" doc:"the ticket is so"`
	Suggest bool    `json:"suggest" doc:"likely enough to be offered, and the ticket is otherwise"`
}

// Twin is a ticket that is probably about the same.
type Twin struct {
	ID        ticket.ID    `json:"id"`
	Subject   string       `json:"subject"`
	State     ticket.State `json:"state"`
	Likeness  float64      `json:"likeness"`
	CreatedAt time.Time    `json:"created_at"`
}

// Hints are the guesses of a ticket.
func (s *Service) Hints(ctx context.Context, id ticket.ID) ([]Hint, error) {
	t, err := s.parts.Tickets.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	all, err := pg.Rows(ctx, s.db, func(row pgx.CollectableRow) (Hint, error) {
		var h Hint
		err := row.Scan(&h.Kind, &h.Value, &h.P, &h.Version)
		return h, err
	}, `select distinct on (kind) kind, value, p, model_version from predictions where object_type = 'ticket' and object_id = $1 and kind in ('type', 'urgency') and value <> '' order by kind, id desc`, fmt.Sprint(id))
	for i := range all {
		h := &all[i]
		now := t.Type
		if h.Kind == string(Urgency) {
			now = t.Priority.String()
		}
		h.Applied = h.Value == now
		h.Suggest = !h.Applied && h.P >= suggestFrom && !t.State.Over()
	}
	return all, err
}

// Take puts a guess to use, and keeps that a person did.
func (s *Service) Take(ctx context.Context, id ticket.ID, kind Kind, value, by string) (ticket.Ticket, error) {
	p := ticket.Patch{}
	switch kind {
	case Type:
		p.Type = &value
	case Urgency:
		var u queue.Urgency
		if err := u.UnmarshalText([]byte(value)); err != nil {
			return ticket.Ticket{}, &ticket.InvalidError{Field: "value", Text: err.Error()}
		}
		p.Priority = &u
	default:
		return ticket.Ticket{}, &ticket.InvalidError{Field: "kind", Text: "type or urgency"}
	}
	t, err := s.parts.Tickets.Change(ctx, id, p, ticket.AgentActor(by))
	if err != nil {
		return t, err
	}
	_, err = s.db.Exec(ctx, `insert into labels (prediction_id, value, by, at) select id, $3, $4, $5 from predictions where object_type = 'ticket' and object_id = $1 and kind = $2 order by id desc limit 1`,
		fmt.Sprint(id), kind, value, by, s.now().UTC())
	if err != nil {
		err = fmt.Errorf("label of ticket %d: %w", id, err)
	}
	return t, err
}

const (
	twinLike  = 0.85 // cosine of the sentence vectors
	twinWords = 0.6  // share of common words, where there are no vectors
	twinSpan  = 24 * time.Hour
)

// Twins are tickets of the same person made within a day of this one that say nearly the same. They are
// proposed; people merge.
func (s *Service) Twins(ctx context.Context, id ticket.ID) ([]Twin, error) {
	t, err := s.parts.Tickets.Get(ctx, id)
	if err != nil || t.Contact == 0 || t.State == ticket.Closed {
		return []Twin{}, err
	}
	type row struct {
		Twin
		Body string
	}
	all, err := pg.Rows(ctx, s.db, func(r pgx.CollectableRow) (row, error) {
		var w row
		err := r.Scan(&w.ID, &w.Subject, &w.Body, &w.State, &w.CreatedAt)
		return w, err
	}, `select id, subject, body, state, created_at from tickets where contact_id in (select k.id from contacts k join contacts me on me.root = k.root where me.id = $1)
		and id <> $2 and created_at between $3 and $4 and merged_into is null and state <> 'closed' and parent_id is distinct from $2 and $5::bigint is distinct from id
		order by created_at desc limit 20`, t.Contact, id, t.CreatedAt.Add(-twinSpan), t.CreatedAt.Add(twinSpan), int64(t.Parent))
	if err != nil {
		return nil, fmt.Errorf("tickets like %d: %w", id, err)
	}
	out := []Twin{}
	for i := range all {
		w := &all[i]
		like, least, err := s.likeness(ctx, t.Subject+"\n"+t.Body, w.Subject+"\n"+w.Body)
		if err != nil {
			return nil, err
		}
		if like > least {
			w.Likeness = like
			out = append(out, w.Twin)
		}
	}
	return out, nil
}

// likeness of two texts, and from where on they are the same.
func (s *Service) likeness(ctx context.Context, a, b string) (like, least float64, err error) {
	a, b = head(nlp.Fold(a)), head(nlp.Fold(b))
	if a == b {
		return 1, twinLike, nil
	}
	lang := languageOf(a)
	if s.parts.Embed != nil && lang != "" && lang == languageOf(b) {
		va, err1 := s.parts.Embed.Embed(ctx, lang, a)
		vb, err2 := s.parts.Embed.Embed(ctx, lang, b)
		if err := errors.Join(err1, err2); err != nil {
			return 0, 0, err
		}
		return float64(nlp.Dot(va.CLS, vb.CLS)), twinLike, nil
	}
	words := map[string]int{}
	for _, w := range nlp.Words(a) {
		words[w] |= 1
	}
	for _, w := range nlp.Words(b) {
		words[w] |= 2
	}
	common := 0
	for _, in := range words {
		if in == 3 {
			common++
		}
	}
	return float64(common) / float64(max(len(words), 1)), twinWords, nil
}
