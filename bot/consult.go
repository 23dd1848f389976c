package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/nlp"
	"tingxin/nlp/slot"
	"tingxin/pg"
)

// Understood is what the models make of a customer's words, outside of a session:
// nothing of it is kept.
type Understood struct {
	Intent string `json:"intent,omitempty"`
	Kind   string `json:"kind,omitempty" enum:"task,talk,foreign"`
	Title  string `json:"title,omitempty"`
	// Tool answers for the intent and changes nothing there; "" when there is none.
	Tool string `json:"tool,omitempty"`
	// Needs are the slots that the intent's frame asks for, optional ones left out.
	Needs []string `json:"needs,omitempty"`
}

// Finder finds values as the house writes them.
func (e *Engine) Finder(ctx context.Context) (*slot.Finder, error) {
	if b := e.brain.Load(); b != nil {
		return b.finder, nil
	}
	p, err := e.store.Policy(ctx)
	if err != nil {
		return nil, err
	}
	return p.Patterns.finder(e.zone)
}

// Zone is where days and times of customers are.
func (e *Engine) Zone() *time.Location { return e.zone }

// Understand guesses the intent of words. ErrNotReady while nothing is learnt.
func (e *Engine) Understand(ctx context.Context, lang, text string) (Understood, error) {
	b := e.brain.Load()
	if b == nil {
		e.Warm()
		return Understood{}, ErrNotReady
	}
	forModels, _ := b.finder.Mask(text, e.now())
	g, err := b.guess(ctx, e.embed, lang, nlp.Fold(forModels))
	if err != nil || g.intent == "" {
		return Understood{}, err
	}
	i := b.intents[g.intent]
	u := Understood{Intent: i.Name, Kind: i.Kind, Title: inLang(i.Title, lang)}
	if i.Frame != nil {
		for _, s := range i.Frame.Slots {
			if !s.Optional {
				u.Needs = append(u.Needs, s.Name)
			}
		}
		if t := b.tools[i.Frame.Tool]; t != nil && t.Method == http.MethodGet && e.tools.allowed(hostPart(t.URL)) {
			u.Tool = t.Name
		}
	}
	return u, nil
}

// LookUp asks the tool of an intent, one that only reads, and gives the intent's answer.
// ErrMissing: the intent has no such tool, a value is missing, or the tool knows nothing of it.
func (e *Engine) LookUp(ctx context.Context, intent, lang string, slots map[string]string) (string, error) {
	b, err := e.ready(ctx)
	if err != nil {
		return "", err
	}
	i := b.intents[intent]
	if i == nil || i.Frame == nil || b.tools[i.Frame.Tool] == nil || b.tools[i.Frame.Tool].Method != http.MethodGet {
		return "", ErrMissing
	}
	for _, s := range i.Frame.Slots {
		if !s.Optional && slots[s.Name] == "" {
			return "", ErrMissing
		}
	}
	tool := b.tools[i.Frame.Tool]
	values, err := e.tools.call(ctx, tool, slots)
	if err != nil {
		return "", err
	}
	all := tool.speak(values, lang)
	for name, v := range slots {
		if _, ok := all[name]; !ok {
			all[name] = v
		}
	}
	return fill(inLang(i.Frame.Answer, lang), all), nil
}

// Held are the values that are known in a conversation of a channel, and of its person;
// the newest of each name first.
func (e *Engine) Held(ctx context.Context, channel Channel, subject string, contact int64) ([]Held, error) {
	session, err := pg.Row(ctx, e.db, pgx.RowTo[string], `select id::text from bot_sessions where channel = $1 and subject = $2 order by (ended_at is null) desc, last_at desc limit 1`, channel, subject)
	if errors.Is(err, pg.ErrNotFound) {
		session, err = uuid.Nil.String(), nil // what is known of the person counts
	}
	if err != nil {
		return nil, fmt.Errorf("session of %s: %w", subject, err)
	}
	rows, err := e.memory.load(ctx, session, contact, e.now())
	if err != nil {
		return nil, err
	}
	return held(rows).shown(), nil
}

// Doubt is a turn that was not answered well: what to learn from.
type Doubt struct {
	Turn    int64
	Session string
	Contact int64
	Lang    string
	Text    string // folded, values replaced by their type
	P       float64
	Why     string // unsure, down, unclicked, handover
	Handed  bool
	At      time.Time
}

// Doubtful are turns behind one, oldest first, that the bot was unsure of, whose answer
// did not help, or that began a conversation which a person took over.
func (s *Store) Doubtful(ctx context.Context, since time.Time, after int64, limit int) ([]Doubt, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Doubt], `select t.id, t.session_id::text, coalesce(s.contact_id, 0), t.lang, coalesce(nullif(t.explanation->>'text', ''), ''), t.p1::float8,
			case when t.reaction in ('down', 'none') then 'down' when t.decision = 'clarify' and t.reaction = '' then 'unclicked'
				when t.decision = 'fallback' or t.p1 < t.tau_a and t.decision not in ('tool', 'talk', 'ask', 'confirm') then 'unsure' else 'handover' end,
			s.handover <> '', t.at
		from bot_turns t join bot_sessions s on s.id = t.session_id
		where t.id > $1 and t.at >= $2 and s.channel <> 'api' and t.lang in ('zh', 'en') and t.decision in ('answer', 'clarify', 'fallback', 'handover') and t.handover not in ('asked', 'vip')
			and (t.reaction in ('down', 'none') or t.decision in ('clarify', 'fallback') or t.p1 < t.tau_a and t.decision = 'answer'
				or s.handover <> '' and t.n = (select min(n) from bot_turns f where f.session_id = t.session_id and f.decision in ('answer', 'clarify', 'fallback', 'handover')))
		order by t.id limit $3`, after, since, limit)
	if err != nil {
		return nil, fmt.Errorf("doubtful turns: %w", err)
	}
	return all, nil
}

// Week is how questions were answered in a week of a language.
type Week struct {
	Week      time.Time `json:"week" doc:"its Monday, UTC"`
	Lang      string    `json:"lang" enum:"zh,en"`
	Questions int       `json:"questions"`
	Answered  int       `json:"answered"`
	Solved    int       `json:"solved" doc:"answered, and nothing spoke against it: no vote down, no person who took over afterwards"`
	Confirmed int       `json:"confirmed" doc:"answered, and the customer said that it helped"`
	Refused   int       `json:"refused" doc:"answered, and the customer said that it did not"`
	Handed    int       `json:"handed" doc:"questions in whose conversation a person took over"`
}

// Weeks counts since a Monday.
func (s *Store) Weeks(ctx context.Context, since time.Time) ([]Week, error) {
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[Week], `select date_trunc('week', t.at at time zone 'UTC'), t.lang, count(*)::int, count(*) filter (where a)::int,
			count(*) filter (where a and t.reaction not in ('down', 'none') and not (s.handover in ('fallbacks', 'clarification', 'repeat', 'emotion') and s.handover_at >= t.at))::int,
			count(*) filter (where a and t.reaction in ('up', 'chosen'))::int, count(*) filter (where a and t.reaction in ('down', 'none'))::int, count(*) filter (where s.handover <> '')::int
		from bot_turns t join bot_sessions s on s.id = t.session_id, lateral (select t.decision in ('answer', 'tool') as a) d
		where t.at >= $1 and s.channel <> 'api' and t.lang in ('zh', 'en') and t.decision in ('answer', 'tool', 'clarify', 'fallback') group by 1, 2 order by 1, 2`, since)
	if err != nil {
		return nil, fmt.Errorf("weeks: %w", err)
	}
	return all, nil
}

// Plain are the values of held slots by name, without those that are masked.
func Plain(all []Held) map[string]string {
	out := make(map[string]string, len(all))
	for _, h := range all {
		if !sealedName(h.Name) && out[h.Name] == "" {
			out[h.Name] = h.Value
		}
	}
	return out
}

// ValuesOf are found values by the names of their slots, without those that are masked
// and amounts, dates and times, which mean nothing by themselves.
func ValuesOf(values []slot.Value) map[string]string {
	out := make(map[string]string, len(values))
	for _, v := range values {
		if name := nameOf(v.Type); !sealedName(name) && tokenOf(v.Type) != "" {
			out[name] = v.Value
		}
	}
	return out
}
