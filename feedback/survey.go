package feedback

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/team"
)

// Survey is the question how it was (csat), or whether one would recommend us (nps), put to one customer.
type Survey struct {
	ID           int64     `json:"id"`
	Kind         Kind      `json:"kind" enum:"csat,nps"`
	MadeBy       string    `json:"made_by" doc:"schedule, rule:NAME, or the user whose macro it was"`
	Reason       string    `json:"reason,omitempty" doc:"the contact that it is about: conversation:12, call:ID, ticket:1001"`
	Contact      int64     `json:"contact,omitempty"`
	Name         string    `json:"contact_name,omitempty"`
	Conversation int64     `json:"conversation,omitempty" doc:"in which it is asked"`
	Language     string    `json:"language" enum:"zh,en"`
	State        string    `json:"state" enum:"waiting,sent,answered,expired,dropped"`
	Why          string    `json:"why,omitempty" doc:"it was dropped: asked, case, consent, erased, hours, late, no_way, window"`
	At           time.Time `json:"at"`
	SentAt       time.Time `json:"sent_at,omitzero"`
	ExpiresAt    time.Time `json:"expires_at,omitzero"`
	AnsweredAt   time.Time `json:"answered_at,omitzero"`
	Score        *int      `json:"score,omitempty"`

	tries int
	fresh bool // it was asked just now
}

// States of a survey.
const (
	surveyWaiting  = "waiting"
	surveySent     = "sent"
	surveyAnswered = "answered"
	surveyExpired  = "expired" // nobody answered in time
	surveyDropped  = "dropped" // it was not asked
)

const (
	surveyLife  = 14 * 24 * time.Hour  // in which it can be answered
	surveyWait  = 24 * time.Hour       // in which it must leave
	surveysKept = 800 * 24 * time.Hour // longer than any time between two questions
	bySchedule  = "schedule"
	// asksItself is the channel whose page asks how it was at the end of each conversation.
	asksItself = "web"
)

// Open tells whether it can be answered.
func (v *Survey) Open() bool { return v.State == surveyWaiting || v.State == surveySent }

// Refusal says in a word why a customer is not asked.
type Refusal struct{ Why string }

func (r *Refusal) Error() string { return "the customer is not asked: " + r.Why }

func refusal(why string) error { return &Refusal{why} }

// Asking is a question that shall be put to a customer.
type Asking struct {
	Kind         Kind
	Reason       string // the contact that it is about; may be empty for NPS
	Contact      int64
	Conversation int64  // in which it is asked; 0: that of the reason, else where the customer wrote last
	Language     string // in which the customer is spoken to, when the contact does not say
	By           string // rule:NAME, a user
	Key          string // the same asks once
}

const surveyColumns = `v.id, v.kind, v.made_by, v.reason, coalesce(v.contact_id, 0), coalesce((select r.name from contacts k join contacts r on r.id = k.root where k.id = v.contact_id), ''),
	coalesce(v.conversation_id, 0), v.language, v.state, v.why, v.tries, v.at, v.sent_at, v.expires_at, v.answered_at, (select f.score from feedback f where f.origin = 'asked:' || v.id)`

func scanSurvey(row pgx.CollectableRow) (Survey, error) {
	var v Survey
	var sent, expires, answered *time.Time
	err := row.Scan(&v.ID, &v.Kind, &v.MadeBy, &v.Reason, &v.Contact, &v.Name, &v.Conversation, &v.Language, &v.State, &v.Why, &v.tries, &v.At, &sent, &expires, &answered, &v.Score)
	v.At, v.SentAt, v.ExpiresAt, v.AnsweredAt = v.At.UTC(), pg.Moment(sent), pg.Moment(expires), pg.Moment(answered)
	return v, err
}

func surveyOrigin(id int64) string { return fmt.Sprintf("asked:%d", id) }

// AskCustomer puts a question to a customer, once for the same Key. A *Refusal says why it is not asked.
func (s *Service) AskCustomer(ctx context.Context, a Asking) (Survey, error) {
	v, err := s.plan(ctx, &a, false)
	if err != nil || v.State != surveyWaiting || v.tries > 0 {
		return v, s.unasked(&a, err)
	}
	v.tries, v.fresh = 1, true
	if err := s.putSurvey(ctx, &v); err != nil {
		return v, fmt.Errorf("ask a customer: %w", err)
	}
	return v, s.unasked(&a, v.refused())
}

// WouldAsk tells what AskCustomer would do; nil is that the question would leave.
func (s *Service) WouldAsk(ctx context.Context, a Asking) error {
	v, err := s.plan(ctx, &a, true)
	if err != nil {
		return err
	}
	for _, w := range s.parts.Ways {
		o, ok := w.(opener)
		if !ok {
			return nil
		}
		if err := o.Open(ctx, v.Conversation); !errors.Is(err, ErrShut) {
			return err
		}
	}
	return refusal("window")
}

// opener is a way that knows whether it is open without being gone.
type opener interface {
	// Open is ErrShut where a question would not leave now.
	Open(ctx context.Context, conversation int64) error
}

func (v *Survey) refused() error {
	if v.State == surveyDropped {
		return refusal(v.Why)
	}
	return nil
}

// unasked counts refusals; those of the schedule are no surprise.
func (s *Service) unasked(a *Asking, err error) error {
	if errors.As(err, new(*Refusal)) {
		s.unaskable.Add(1)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s by %s: %w", a.Kind, a.By, err)
}

// plan looks whether a customer may be asked and, unless dry, keeps the question as one that waits. tries is
// 0 for a new one.
func (s *Service) plan(ctx context.Context, a *Asking, dry bool) (v Survey, err error) {
	if a.Kind != CSAT && a.Kind != NPS || a.Kind == CSAT && a.Reason == "" || len(a.Reason) > 200 || a.Key == "" || len(a.Key) > 200 || a.By == "" {
		return v, invalid("survey", "csat of a contact, or nps, with a key")
	}
	every, err := s.every(ctx)
	if err != nil {
		return v, err
	}
	errPlanned := errors.New("planned only")
	err = s.db.Tx(ctx, func(tx pgx.Tx) error {
		v, err = pg.TxRow(ctx, tx, scanSurvey, `select `+surveyColumns+` from surveys v where v.origin = $1`, a.Key)
		if err == nil {
			v.tries = max(v.tries, 1) // whoever made it has begun to send it
			return v.refused()
		}
		if !errors.Is(err, pg.ErrNotFound) {
			return err
		}
		now := s.now()
		v = Survey{Kind: a.Kind, MadeBy: a.By, Reason: a.Reason, State: surveyWaiting, At: now}
		if err := s.whom(ctx, tx, a, &v); err != nil {
			return err
		}
		if err := askable(ctx, tx, &v, now.Add(-every)); err != nil {
			return err
		}
		if dry {
			return errPlanned
		}
		return pg.Map(tx.QueryRow(ctx, `insert into surveys (kind, origin, made_by, reason, contact_id, conversation_id, language, state, at, next_at) values ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8, $9) returning id`,
			v.Kind, a.Key, v.MadeBy, v.Reason, pg.OrNull(v.Contact), v.Conversation, v.Language, now, now.Add(claimFor)).Scan(&v.ID))
	})
	switch {
	case errors.Is(err, errPlanned):
		return v, nil
	case errors.Is(err, pg.ErrConflict): // somebody else asks the same at this moment
		return v, refusal("asked")
	}
	return v, err
}

// whom finds the person, the conversation and the language of a question, and locks the person.
func (s *Service) whom(ctx context.Context, tx pgx.Tx, a *Asking, v *Survey) error {
	in := a.Conversation
	if in == 0 {
		in = conversationOf(a.Reason)
	}
	known := a.Language
	if in != 0 {
		var contact int64
		var language, channel string
		err := tx.QueryRow(ctx, `select coalesce(merged_into, id), coalesce(contact_id, 0), language, channel from conversations where id = $1`, in).Scan(&in, &contact, &language, &channel)
		if errors.Is(err, pgx.ErrNoRows) {
			return refusal("no_way")
		}
		if err != nil {
			return err
		}
		if a.Kind == CSAT && channel == asksItself && conversationOf(a.Reason) != 0 {
			return refusal("page")
		}
		if known == "" {
			known = language
		}
		if a.Contact == 0 {
			a.Contact = contact
		}
	}
	if a.Contact != 0 {
		var erased bool
		var language string
		err := tx.QueryRow(ctx, `select id, language, erased_at is not null from contacts where id = (select root from contacts where id = $1) for no key update`, a.Contact).Scan(&v.Contact, &language, &erased)
		if errors.Is(err, pgx.ErrNoRows) || err == nil && erased {
			return refusal("erased")
		}
		if err != nil {
			return err
		}
		if language != "" {
			known = language
		}
	}
	if in == 0 && v.Contact != 0 {
		var language string
		err := tx.QueryRow(ctx, `select c.id, c.language from conversations c join contacts k on k.id = c.contact_id where k.root = $1 and c.last_in_id > 0 and c.state <> 'merged' order by c.last_in_id desc limit 1`, v.Contact).Scan(&in, &language)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if known == "" {
			known = language
		}
	}
	if in == 0 {
		return refusal("no_way")
	}
	v.Conversation, v.Language = in, languageOf("", known)
	return nil
}

// askable tells whether a customer may be asked: once, with consent, and not while a case is open.
func askable(ctx context.Context, tx pgx.Tx, v *Survey, since time.Time) error {
	var asked, open bool
	var consent string
	ask := func(sql string, to any, args ...any) error { return tx.QueryRow(ctx, sql, args...).Scan(to) }
	const ofPerson = ` in (select k.id from contacts k where k.root = $1)`
	var err error
	if v.Kind == CSAT {
		err = errors.Join(
			ask(`select exists (select from feedback where kind = 'csat' and reason = $1) or exists (select from surveys where kind = 'csat' and reason = $1 and state <> 'dropped' and id <> $2)
				or exists (select from conversations where id = $3 and rating is not null)`, &asked, v.Reason, v.ID, conversationOf(v.Reason)),
			ask(`select exists (select from feedback_cases where reason = $1 and state <> 'closed')`, &open, v.Reason))
	} else {
		if v.Contact == 0 { // who is nobody known was asked by nobody knows whom
			return refusal("consent")
		}
		err = errors.Join(
			ask(`select exists (select from feedback where kind = 'nps' and at > $2 and contact_id`+ofPerson+`) or exists (select from surveys where kind = 'nps' and state <> 'dropped' and at > $2 and id <> $3 and contact_id`+ofPerson+`)`,
				&asked, v.Contact, since, v.ID),
			ask(`select exists (select from feedback_cases where state <> 'closed' and contact_id`+ofPerson+`)`, &open, v.Contact))
	}
	if err != nil {
		return err
	}
	// How a contact was follows from the contact, unless that was refused; nps comes out of the blue.
	purpose := "service"
	if v.Kind == NPS {
		purpose = "proactive"
	}
	if err := ask(`select coalesce((select state from consent_states where contact_id = $1 and purpose = $2), '')`, &consent, v.Contact, purpose); err != nil {
		return err
	}
	switch {
	case asked:
		return refusal("asked")
	case open:
		return refusal("case")
	case v.Kind == NPS && consent != "given", consent == "refused", consent == "withdrawn":
		return refusal("consent")
	}
	return nil
}

// putSurvey carries a question that this server has claimed, and writes down what came of it. Only what is worth
// another try is an error.
func (s *Service) putSurvey(ctx context.Context, v *Survey) error {
	l := &Letter{Survey: v.ID, Kind: string(v.Kind), Reason: v.Reason, Contact: v.Contact, Conversation: v.Conversation, Language: v.Language,
		Body: Question(v.Kind, v.Language), Choices: Scale(v.Kind)}
	why := "no_way"
	for _, w := range s.parts.Ways {
		_, err := w.Carry(ctx, l)
		if err == nil {
			return s.surveyLeft(ctx, v)
		}
		if !errors.Is(err, ErrShut) {
			return fmt.Errorf("question %d: %w", v.ID, err)
		}
		why = "window"
	}
	return s.dropSurvey(ctx, v, why)
}

func (s *Service) surveyLeft(ctx context.Context, v *Survey) error {
	v.State, v.SentAt = surveySent, s.now()
	v.ExpiresAt = v.SentAt.Add(surveyLife)
	n, err := s.db.Exec(ctx, `update surveys set state = 'sent', why = '', sent_at = $2, expires_at = $3 where id = $1 and state = 'waiting'`, v.ID, v.SentAt, v.ExpiresAt)
	if err == nil && n > 0 {
		s.surveyed.Add(1)
	}
	return err
}

func (s *Service) dropSurvey(ctx context.Context, v *Survey, why string) error {
	v.State, v.Why = surveyDropped, why
	_, err := s.db.Exec(ctx, `update surveys set state = 'dropped', why = $2 where id = $1 and state = 'waiting'`, v.ID, why)
	return err
}

// tendSurveys sends what waits, since a server ended in between or the database was away, and ends what nobody answers.
func (s *Service) tendSurveys(ctx context.Context) error {
	now := s.now()
	due, err := pg.Rows(ctx, s.db, scanSurvey, `with due as (update surveys set tries = tries + 1, next_at = $2 where id in
			(select id from surveys where state = 'waiting' and next_at <= $1 order by next_at, id limit $3 for update skip locked) returning id)
		select `+surveyColumns+` from surveys v where v.id in (select id from due) order by v.id`, now, now.Add(claimFor), batch)
	if err != nil {
		return fmt.Errorf("questions that wait: %w", err)
	}
	var errs []error
	for i := range due {
		if err := s.again(ctx, &due[i]); err != nil {
			errs = append(errs, err)
		}
	}
	for _, step := range []struct {
		sql string
		at  time.Time
	}{
		{`update surveys set state = 'expired' where id in (select id from surveys where state = 'sent' and expires_at <= $1 order by expires_at limit $2 for update skip locked)`, now},
		{`delete from surveys where id in (select id from surveys where at < $1 and kind = 'nps' order by at limit $2)`, now.Add(-surveysKept)},
		{`delete from surveys where id in (select id from surveys where at < $1 and kind = 'csat' order by at limit $2)`, now.Add(-surveysKept)},
	} {
		if _, err := s.db.Exec(ctx, step.sql, step.at, batch); err != nil {
			errs = append(errs, fmt.Errorf("questions that are over: %w", err))
		}
	}
	return errors.Join(errs...)
}

// again looks anew whether a question that waited may be asked, and asks it.
func (s *Service) again(ctx context.Context, v *Survey) error {
	every, err := s.every(ctx)
	if err != nil {
		return err
	}
	if s.now().Sub(v.At) > surveyWait {
		return s.dropSurvey(ctx, v, "late")
	}
	why := new(Refusal)
	err = s.db.Tx(ctx, func(tx pgx.Tx) error { return askable(ctx, tx, v, s.now().Add(-every)) })
	if errors.As(err, &why) {
		return s.dropSurvey(ctx, v, why.Why)
	}
	if err != nil {
		return err
	}
	if v.MadeBy == bySchedule {
		if open, err := s.scheduleOpen(ctx); err != nil || !open {
			return errors.Join(err, s.dropSurvey(ctx, v, "hours"))
		}
	}
	return s.putSurvey(ctx, v)
}

// GetSurvey reads one.
func (s *Service) GetSurvey(ctx context.Context, id int64) (Survey, error) {
	v, err := pg.Row(ctx, s.db, scanSurvey, `select `+surveyColumns+` from surveys v where v.id = $1`, id)
	if err != nil {
		err = fmt.Errorf("question %d: %w", id, err)
	}
	return v, err
}

// AnswerSurvey takes the answer to a question, once: ErrAsked for a second one, ErrLate after its time. source is chat or page.
func (s *Service) AnswerSurvey(ctx context.Context, id int64, score int, text, source string) (Added, error) {
	v, err := s.GetSurvey(ctx, id)
	if err != nil {
		return Added{}, err
	}
	f := Item{Kind: v.Kind, Source: source, Reason: v.Reason, Origin: surveyOrigin(id), Score: &score, Text: text, Contact: v.Contact, Language: v.Language, At: s.now()}
	if talk, err := s.talk(ctx, v.Conversation); err == nil && conversationOf(v.Reason) != 0 {
		f.Agent = talk.Agent
	}
	a, err := s.keepItem(ctx, f, func(tx pgx.Tx) error {
		var state string
		if err := tx.QueryRow(ctx, `select state from surveys where id = $1 for update`, id).Scan(&state); err != nil {
			return pg.Map(err)
		}
		switch state {
		case surveyAnswered:
			return ErrAsked
		case surveyExpired, surveyDropped:
			return ErrLate
		}
		_, err := tx.Exec(ctx, `update surveys set state = 'answered', answered_at = $2, sent_at = coalesce(sent_at, $2), expires_at = coalesce(expires_at, $2) where id = $1`, id, s.now())
		return pg.Map(err)
	})
	if err != nil {
		return a, err
	}
	s.answered.Add(1)
	if conversation := conversationOf(v.Reason); conversation != 0 && v.Kind == CSAT && s.parts.Rated != nil {
		if err := s.parts.Rated(ctx, conversation, score); err != nil {
			s.log.Warn("a rating is not at its conversation", "conversation", conversation, "error", err)
		}
	}
	return a, nil
}

// SurveyQuery chooses surveys; what is not given does not matter.
type SurveyQuery struct {
	Kind   Kind
	State  string
	Before int64 // id
	Limit  int   // 1 to 200
}

// seenSurveys are those in conversations of people whom a sight sees.
const seenSurveys = `exists (select from conversations c where c.id = conversation_id and c.assignee = any(?u))`

// Surveys reads a page of them, newest first.
func (s *Service) Surveys(ctx context.Context, q SurveyQuery) ([]Survey, error) {
	var w where
	w.held(ctx, team.Feedback, seenSurveys)
	if q.Kind != "" {
		w.add("kind = ?", q.Kind)
	}
	if q.State != "" {
		w.add("state = ?", q.State)
	}
	if q.Before > 0 {
		w.add("id < ?", q.Before)
	}
	all, err := pg.Rows(ctx, s.db, scanSurvey, `select `+surveyColumns+` from (select * from surveys`+w.String()+fmt.Sprintf(` order by id desc limit %d) v order by v.id desc`, min(max(q.Limit, 1), 200)), w.args...)
	if err != nil {
		err = fmt.Errorf("list questions: %w", err)
	}
	return all, err
}
