package feedback

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
)

// pullFrom is how far back facts that others keep are looked for; a server that was away longer has
// missed them.
const pullFrom = 7 * 24 * time.Hour

// pull brings in what others keep: ratings and complaints among messages, answers to surveys, calls whose
// agent wrote down a complaint.
func (s *Service) pull(ctx context.Context) error {
	since := s.now().Add(-pullFrom)
	var errs []error
	for _, step := range []func(context.Context, time.Time) ([]Item, error){s.ofMessages, s.ofSurveys, s.ofWrapUps} {
		items, err := step(ctx, since)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, f := range items {
			if _, err := s.Add(ctx, f); err != nil && !errors.Is(err, ErrAsked) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// spaces is what strings.TrimSpace takes off: what it left must be found again, or the same messages would be looked at for ever.
const spaces = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

func (s *Service) ofMessages(ctx context.Context, since time.Time) ([]Item, error) {
	type row struct {
		Thread  int64
		Kind    string
		Text    string
		Data    json.RawMessage
		At      time.Time
		Contact int64
		Agent   int64
		Lang    string
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[row], `select m.thread_id, m.kind, m.text, m.data, m.at, coalesce(c.contact_id, 0), coalesce(c.assignee, 0), c.language
		from messages m join conversations c on c.id = m.thread_id
		where m.kind in ('rating', 'complaint') and m.created_at > $1 and m.direction = 'in'
			and case m.kind when 'rating' then m.data->>'score' in ('1', '2', '3', '4', '5') else btrim(m.text, $3) <> '' end
			and not exists (select from feedback f where f.reason = 'conversation:' || m.thread_id and (f.kind = 'csat') = (m.kind = 'rating') and (m.kind = 'rating' or f.text = btrim(m.text, $3)))
		order by m.id limit $2`, since, batch, spaces)
	if err != nil {
		return nil, fmt.Errorf("ratings and complaints in conversations: %w", err)
	}
	var out []Item
	for _, r := range all {
		var d struct {
			Score int      `json:"score"`
			Chips []string `json:"chips"`
			With  struct {
				Kind string `json:"kind"`
			} `json:"with"`
		}
		_ = json.Unmarshal(r.Data, &d) // the score was looked at above
		f := Item{Kind: CSAT, Source: "chat", Reason: conversationReason(r.Thread), Origin: "rating:" + conversationReason(r.Thread), Score: &d.Score, Text: r.Text, Chips: d.Chips,
			Contact: r.Contact, Agent: r.Agent, Language: r.Lang, At: r.At}
		if r.Kind == "complaint" {
			f.Kind, f.Score, f.Chips = Complaint, nil, nil
			if k := Kind(d.With.Kind); k == Idea || k == Bug {
				f.Kind = k
			}
			f.Origin = complainOrigin(r.Thread, string(f.Kind), r.Text)
		}
		out = append(out, f)
	}
	return out, nil
}

func (s *Service) ofSurveys(ctx context.Context, since time.Time) ([]Item, error) {
	type row struct {
		Call    string
		N       int
		Survey  string
		Score   int
		Least   int
		Most    int
		Words   string
		At      time.Time
		Contact int64
		Agent   int64
		Lang    string
	}
	every, err := s.every(ctx)
	if err != nil {
		return nil, err
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[row], `select a.call_id::text, a.n, a.survey, a.score,
			coalesce(a.least, 0), coalesce(a.most, (select case when max(b.score) > 5 then 10 else 5 end from survey_answers b where b.survey = a.survey and b.at > $1)), coalesce(v.transcript, ''), a.at, coalesce(c.contact_id, 0), coalesce(u.id, 0), c.language
		from survey_answers a join calls c on c.id = a.call_id left join voice_messages v on v.id = a.comment left join users u on u.username = a.agent and a.agent <> ''
		where a.at > $1 and a.score is not null and not exists (select from feedback f where f.origin = 'survey:' || a.call_id || '/' || a.n)
			and not (a.survey ilike '%nps%' and coalesce(a.most, 10) = 10 and c.contact_id is not null and exists (select from feedback f where f.kind = 'nps' and f.contact_id in (select k.id from contacts k join contacts me on me.root = k.root where me.id = c.contact_id) and f.at > a.at - $4::interval)) -- refused, it is too soon
			and (v.id is null or v.transcription <> 'deferred' or a.at < $3) -- the comment's words come first, when they come soon
		order by a.at, a.call_id, a.n limit $2`, since, batch, s.now().Add(-10*time.Minute), every)
	if err != nil {
		return nil, fmt.Errorf("answers to surveys: %w", err)
	}
	var out []Item
	for _, r := range all {
		f := Item{Kind: CSAT, Source: "call", Reason: "call:" + r.Call, Origin: fmt.Sprintf("survey:%s/%d", r.Call, r.N), Text: r.Words, Contact: r.Contact, Agent: r.Agent, Language: r.Lang, At: r.At}
		score := max(r.Score, 1)
		switch {
		case r.Most == 10 && strings.Contains(strings.ToLower(r.Survey), "nps"):
			f.Kind, score = NPS, r.Score
		case r.Most != 5: // brought to one to five
			score = int(math.Round(1 + 4*float64(r.Score-r.Least)/float64(max(r.Most-r.Least, 1))))
		}
		f.Score = &score
		out = append(out, f)
	}
	return out, nil
}

func (s *Service) ofWrapUps(ctx context.Context, since time.Time) ([]Item, error) {
	type row struct {
		Call    string
		User    string
		Notes   string
		At      time.Time
		Contact int64
		Agent   int64
		Lang    string
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[row], `select w.call_id::text, w.username, w.notes, w.updated_at, coalesce(c.contact_id, 0), coalesce(u.id, 0), c.language
		from wrap_ups w join calls c on c.id = w.call_id left join users u on u.username = w.username
		where w.updated_at > $1 and w.disposition = 'complaint' and not exists (select from feedback f where f.origin = 'wrap_up:' || w.call_id || '/' || w.username)
		order by w.updated_at limit $2`, since, batch)
	if err != nil {
		return nil, fmt.Errorf("calls with a complaint: %w", err)
	}
	var out []Item
	for _, r := range all {
		text := r.Notes
		if strings.TrimSpace(text) == "" {
			text = "–"
		}
		out = append(out, Item{Kind: Complaint, Source: "call", Reason: "call:" + r.Call, Origin: "wrap_up:" + r.Call + "/" + r.User, Text: text, Contact: r.Contact, Agent: r.Agent, Language: r.Lang, At: r.At})
	}
	return out, nil
}
