package feedback

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/ticket"
)

const day = 24 * time.Hour

func TestTheLoopCloses(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	talk := d.talk(d.person())
	id := d.rate(talk, 1, "Still no refund")
	d.must(d.Tend(ctx))
	c := d.is(id, New)
	if c.OpenedBy != "score" || c.Language != "en" || *c.FirstScore != 1 || !slices.Equal(d.road.kinds(), []string{"acknowledgement"}) {
		t.Fatalf("%+v, sent %v", c, d.road.kinds())
	}
	clocks := func() map[ticket.ClockKind]ticket.Outcome {
		all, err := d.Clocks(ctx, id)
		d.must(err)
		out := map[ticket.ClockKind]ticket.Outcome{}
		for _, k := range all {
			out[k.Kind] = k.Outcome
		}
		return out
	}
	if k := clocks(); k[Acknowledge] != ticket.Hit || k[FirstWord] != ticket.Running {
		t.Errorf("after the acknowledgement: %v", k)
	}
	d.later(time.Hour)
	_, err := d.Tell(ctx, id, "We look into it.", "", "ann")
	d.must(err)
	d.must(d.Tend(ctx))
	d.is(id, Contacted)
	if k := clocks(); k[FirstWord] != ticket.Hit || k[Answer] != ticket.Running {
		t.Errorf("after the first word: %v", k)
	}
	_, err = d.Move(ctx, id, Fixed, "", "", "ann")
	d.refuses("fixed before the cause is known", err, ErrMove)
	if _, err = d.Move(ctx, id, CauseFound, "", "", "ann"); !errors.As(err, new(*ticket.InvalidError)) {
		t.Errorf("a cause is needed: %v", err)
	}
	_, err = d.Move(ctx, id, CauseFound, "process-refund", "bank was slow", "ann")
	d.must(err)
	_, err = d.Move(ctx, id, Fixed, "", "", "ann")
	d.must(err)
	_, err = d.Move(ctx, id, Told, "", "", "ann")
	d.refuses("told by a click", err, ErrMove)
	_, err = d.Move(ctx, id, Closed, "", "", "ann")
	d.refuses("closed untold", err, ErrMove)
	_, err = d.Tell(ctx, id, "Your money left today.", "", "ann")
	d.must(err)
	d.must(d.Tend(ctx))
	if c = d.is(id, Told); !c.ToldAt.Equal(d.at) || !c.AskAt.Equal(d.at.Add(7*day)) {
		t.Errorf("%+v", c)
	}
	_, err = d.Answer(ctx, id, c.Round, 5, "", "customer")
	d.refuses("an answer before the question", err, ErrMove)
	d.later(6 * day)
	if n := len(d.road.got); n != 3 {
		t.Errorf("asked too early: %v", d.road.kinds())
	}
	d.later(day)
	if q := d.road.got[len(d.road.got)-1]; q.Kind != "question" || len(q.Choices) != 3 {
		t.Fatalf("%+v", q)
	}
	// A bad answer opens it again, with the same promises.
	c, err = d.Answer(ctx, id, c.Round, 1, "Nothing came", "customer")
	d.must(err)
	if c.State != Contacted || c.Round != 2 || !c.ToldAt.IsZero() || *c.AgainScore != 1 {
		t.Fatalf("%+v", c)
	}
	if k := clocks(); k[Answer] != ticket.Running || k[FirstWord] != ticket.Running {
		t.Errorf("after re-opening: %v", k)
	}
	_, err = d.Answer(ctx, id, 1, 5, "", "customer")
	d.refuses("a button of the first round", err, ErrAsked)
	for _, to := range []State{CauseFound, Fixed} {
		_, err = d.Move(ctx, id, to, "", "", "ann")
		d.must(err)
	}
	_, err = d.Tell(ctx, id, "It is there now, we called the bank.", "call", "ann")
	d.must(err)
	c = d.is(id, Told)
	d.later(7 * day)
	_, err = d.Answer(ctx, id, c.Round, 5, "", "customer")
	d.must(err)
	d.is(id, Verified)
	_, err = d.Answer(ctx, id, c.Round, 5, "", "customer")
	d.refuses("the same button again", err, ErrAsked)
	c, err = d.Move(ctx, id, Closed, "", "", "ann")
	d.must(err)
	if c.Outcome != OutVerified || c.ClosedAt.IsZero() {
		t.Errorf("%+v", c)
	}
	_, err = d.Change(ctx, id, Patch{Product: new(string)}, "ann")
	d.refuses("a change of a closed case", err, ErrMove)
	r, err := d.CauseReport(ctx, d.at.Add(-60*day), d.at)
	d.must(err)
	if len(r.Rows) != 1 || r.Rows[0].Cause != "process-refund" || *r.Rows[0].Uplift != 4 || *r.Totals.ClosureRate != 1 || r.Totals.Reopened != 1 || *r.Totals.Acknowledged != 1 {
		t.Errorf("%+v", r)
	}
	trail, err := d.Trail(ctx, id)
	d.must(err)
	var kinds []string
	for _, s := range trail {
		kinds = append(kinds, s.Kind)
	}
	if want := []string{"opened", "sent", "wrote", "sent", "moved", "moved", "wrote", "sent", "asking", "sent", "reopened", "moved", "moved", "told", "asking", "sent", "verified", "moved"}; !slices.Equal(kinds, want) {
		t.Errorf("trail %v\nwant  %v", kinds, want)
	}
	if _, err = d.db.Exec(ctx, `update case_clocks set told = 0`); err == nil {
		t.Error("stopped clocks were changed")
	}
}

func TestAnswerWaitsForAWay(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	d.road.open = false
	who := d.person()
	id := d.rate(d.talk(who), 2, "")
	d.later(90 * time.Minute)
	all, err := d.Clocks(ctx, id)
	d.must(err)
	if len(d.road.got) != 0 || d.Stats().Breached != 1 || !slices.ContainsFunc(all, func(k Clock) bool { return k.Kind == Acknowledge && k.Spent > 1 }) {
		t.Errorf("a shut way took something, or nobody was told that it is late: %v, %+v", d.road.kinds(), d.Stats())
	}
	waits, _, err := d.Cases(ctx, CaseQuery{Waiting: true, Late: true})
	d.must(err)
	if len(waits) != 1 || !waits[0].Waits {
		t.Errorf("%+v", waits)
	}
	toFixed := func(id CaseID) {
		for _, to := range []State{Contacted, CauseFound, Fixed} {
			_, err := d.Move(ctx, id, to, "other", "", "ann")
			d.must(err)
		}
		_, err := d.Tell(ctx, id, "Done.", "", "ann")
		d.must(err)
	}
	toFixed(id)
	d.later(10 * day)
	d.is(id, Fixed)
	// The customer writes somewhere: what waited goes at once.
	d.road.open = true
	d.must(d.Seen(ctx, who))
	d.must(d.Tend(ctx))
	d.is(id, Told)
	// Silence: closed, and counted apart.
	d.later(8 * day)
	d.later(23 * day)
	if c := d.is(id, Closed); c.Outcome != OutUnverified {
		t.Errorf("%+v", c)
	}
	// No way at all.
	d.road.open = false
	lost := d.rate(d.talk(0+d.person()), 1, "")
	toFixed(lost)
	d.later(29 * day)
	d.is(lost, Fixed)
	d.later(2 * day)
	if c := d.is(lost, Closed); c.Outcome != OutUnreachable || !c.ToldAt.IsZero() {
		t.Errorf("%+v", c)
	}
	r, err := d.CauseReport(ctx, d.at.Add(-200*day), d.at)
	d.must(err)
	if r.Totals.Unverified != 1 || r.Totals.Unreachable != 1 || r.Totals.Closed != 0 || *r.Totals.ClosureRate != 0 {
		t.Errorf("%+v", r.Totals)
	}
}

// TestNothingClosesUntold plays random acts in random order and looks at every case after each.
func TestNothingClosesUntold(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	seed := uint64(20261129)
	rng := rand.New(rand.NewPCG(seed, 1))
	var ids []CaseID
	for range 4 {
		ids = append(ids, d.rate(d.talk(d.person()), 1, ""))
	}
	delivered := map[CaseID]time.Time{} // when the answer of the round arrived
	asked := map[CaseID]int{}
	closed := 0
	for step := range 350 {
		id := ids[rng.IntN(len(ids))]
		was, err := d.Get(ctx, id)
		d.must(err)
		act := rng.IntN(16)
		switch act {
		case 0:
			_, err = d.Move(ctx, id, States[rng.IntN(len(States))], []string{"", "other", "agent-attitude"}[rng.IntN(3)], "", "ann")
		case 1:
			_, err = d.Tell(ctx, id, "word", []string{"", "", "call"}[rng.IntN(3)], "ann")
		case 2:
			_, err = d.Answer(ctx, id, rng.IntN(3), 1+rng.IntN(5), "", "customer")
			if err == nil {
				asked[id]++
			}
		case 3:
			d.road.open = !d.road.open
		case 4:
			d.later(time.Duration(rng.IntN(9*24)) * time.Hour)
		case 5:
			d.must(d.Tend(ctx))
		case 6:
			err = d.Ask(ctx, id, was.Round)
		case 7:
			owner, cause := int64(0), "other"
			_, err = d.Change(ctx, id, Patch{Owner: &owner, Cause: &cause}, "ann")
		default: // the next step of its life
			switch was.State {
			case Fixed:
				_, err = d.Tell(ctx, id, "done", []string{"", "call"}[rng.IntN(2)], "ann")
			case Told:
				d.later(8 * day)
				if _, err = d.Answer(ctx, id, was.Round, 1+rng.IntN(5), "", "customer"); err == nil {
					asked[id]++
				}
			case Closed:
			default:
				_, err = d.Move(ctx, id, moves[was.State][0], "other", "", "ann")
			}
		}
		if err != nil && !errors.Is(err, ErrMove) && !errors.Is(err, ErrAsked) && !errors.As(err, new(*ticket.InvalidError)) {
			t.Fatalf("step %d, act %d: %v", step, act, err)
		}
		all, err := pg.Rows(ctx, d.db, scanCase, `select `+caseColumns+` from feedback_cases order by id`)
		d.must(err)
		for _, c := range all {
			n, err := pg.Row(ctx, d.db, pgx.RowTo[int64], `select count(*) from case_messages where case_id = $1 and kind = 'answer' and state = 'sent' and round = $2`, c.ID, c.Round)
			d.must(err)
			switch {
			case c.State == Told || c.State == Verified || c.Outcome == OutVerified || c.Outcome == OutUnverified:
				if n == 0 || c.Cause == "" {
					t.Fatalf("step %d: %s with %d answers and cause %q", step, c.State, n, c.Cause)
				}
				if _, known := delivered[c.ID]; !known {
					delivered[c.ID] = c.ToldAt
				}
			}
			switch c.Outcome {
			case OutVerified:
				if c.AgainScore == nil || *c.AgainScore <= badScore || asked[c.ID] == 0 || c.ClosedAt.Sub(c.ToldAt) < 7*day {
					t.Fatalf("step %d: closed as verified without a good answer: %+v", step, c)
				}
			case OutUnverified:
				if c.ClosedAt.Sub(c.ToldAt) < 30*day {
					t.Fatalf("step %d: given up too early: %+v", step, c)
				}
			case OutUnreachable:
				if n != 0 || c.ClosedAt.Sub(c.StateAt) != 0 {
					t.Fatalf("step %d: %+v has %d answers", step, c, n)
				}
			}
		}
		for i, id := range ids {
			if c, err := d.Get(ctx, id); err == nil && c.State == Closed {
				closed++
				ids[i] = d.rate(d.talk(d.person()), 1, "")
			}
		}
	}
	if closed < 3 {
		t.Errorf("only %d cases closed in 350 acts: the test proves little (seed %d)", closed, seed)
	}
	t.Logf("%d cases closed, %+v", closed, d.Stats())
}

func TestWhatOpensACase(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	score := func(n int) *int { return &n }
	for i, tc := range []struct {
		item Item
		by   string
	}{
		{Item{Kind: CSAT, Score: score(2)}, "score"},
		{Item{Kind: CSAT, Score: score(3)}, ""},
		{Item{Kind: CSAT, Score: score(3), Text: "this is a disgrace"}, "complaint"},
		{Item{Kind: CSAT, Score: score(5), Text: "this is a disgrace"}, ""},
		{Item{Kind: CSAT, Score: score(5), Text: "otherwise I call my lawyer"}, "legal"},
		{Item{Kind: NPS, Score: score(1)}, "score"},
		{Item{Kind: NPS, Score: score(6)}, ""},
		{Item{Kind: Complaint, Text: "客服态度很差"}, "complaint"},
		{Item{Kind: Complaint, Text: "再不退款我就打12315"}, "legal"},
		{Item{Kind: Idea, Text: "a darker colour, my lawyer says"}, ""},
		{Item{Kind: Bug, Text: "the page is white"}, ""},
	} {
		tc.item.Source, tc.item.Origin, tc.item.Reason = "api", fmt.Sprint("t", i), fmt.Sprintf("call:%d", i)
		a, err := d.Add(ctx, tc.item)
		d.must(err)
		got := ""
		if a.Case != 0 {
			c, err := d.Get(ctx, a.Case)
			d.must(err)
			got = c.OpenedBy
		}
		if got != tc.by || !a.Fresh {
			t.Errorf("%+v opens %q, want %q", tc.item, got, tc.by)
		}
		again, err := d.Add(ctx, tc.item)
		d.must(err)
		if again.Fresh || again.Case != a.Case {
			t.Errorf("the same fact counted twice: %+v", again)
		}
	}
	for name, bad := range map[string]Item{
		"no score": {Kind: CSAT}, "six": {Kind: CSAT, Score: score(6)}, "no words": {Kind: Idea}, "score of an idea": {Kind: Idea, Text: "x", Score: score(1)}, "no kind": {Kind: "tea", Text: "x"},
	} {
		bad.Source, bad.Origin = "api", "bad"
		if _, err := d.Add(ctx, bad); !errors.As(err, new(*ticket.InvalidError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := d.Stats().Refused; n != 5 {
		t.Errorf("%d refused", n)
	}
}

func TestAskedOnce(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	who := d.person()
	talk := d.talk(who)
	d.must(d.Rate(ctx, talk, 5, []string{"fast"}, ""))
	d.must(d.Rate(ctx, talk, 1, nil, "changed my mind"))
	items, _, err := d.List(ctx, Query{Reason: conversationReason(talk)})
	d.must(err)
	if len(items) != 1 || *items[0].Score != 5 || items[0].Chips[0] != "fast" || items[0].Contact != who {
		t.Errorf("%+v", items)
	}
	old := d.talk(who)
	d.at = d.at.Add(8 * day)
	d.refuses("a rating after its time", d.Rate(ctx, old, 1, nil, ""), ErrLate)
	// NPS: once a year for a person, whichever contact of the merged ones it is.
	other := d.id(`insert into contacts (id, root, merged_into) select n, $1, $1 from nextval('contact_ids') n returning id`, who)
	nps := func(contact int64, origin string) error {
		score := 9
		_, err := d.Add(ctx, Item{Kind: NPS, Source: "api", Origin: origin, Score: &score, Contact: contact})
		return err
	}
	d.must(nps(who, "a"))
	d.refuses("asked again", nps(other, "b"), ErrAsked)
	d.at = d.at.Add(366 * day)
	d.must(nps(other, "c"))
	// Complaints: the same words once; more of them join the open case.
	talk = d.talk(who)
	ref, err := d.Complain(ctx, talk, "complaint", "rude")
	d.must(err)
	again, err := d.Complain(ctx, talk, "complaint", " rude ")
	d.must(err)
	more, err := d.Complain(ctx, talk, "complaint", "very rude")
	d.must(err)
	if ref == "" || again != ref || more != ref {
		t.Errorf("%q %q %q", ref, again, more)
	}
	if idea, err := d.Complain(ctx, talk, "idea", "blue"); err != nil || idea[:2] != "F-" {
		t.Errorf("%q %v", idea, err)
	}
	if n := d.id(`select count(*) from feedback_cases`); n != 1 {
		t.Errorf("%d cases", n)
	}
	d.must(d.Looked(ctx, talk, 1, "this is a disgrace", nil)) // a case is open
	d.must(d.Looked(ctx, d.talk(who), 2, "this is a disgrace", nil))
	d.must(d.Looked(ctx, d.talk(who), 3, "hello", nil))
	answer := func(context.Context, int64, int64) (bool, error) { return true, nil } // to the bot's own question
	d.must(d.Looked(ctx, d.talk(who), 4, "this is a disgrace", answer))
	if n := d.id(`select count(*) from feedback_cases`); n != 2 {
		t.Errorf("%d cases after messages", n)
	}
	d.must(d.Looked(ctx, d.talk(who), 5, "this is a disgrace, I will call my lawyer", answer))
	if n := d.id(`select count(*) from feedback_cases where opened_by = 'legal'`); n != 1 {
		t.Errorf("%d cases of law", n)
	}
}

func TestFactsOfOthersComeIn(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	talk := d.talk(d.person())
	_, err := d.db.Exec(ctx, `insert into messages (conversation_id, thread_id, seq, direction, author, kind, text, data, channel, state, at, created_at) values
		($1, $1, 1, 'in', 'customer', 'rating', 'too slow', '{"score":2,"chips":["slow"]}', 'web', 'stored', $2, $2),
		($1, $1, 2, 'in', 'customer', 'complaint', 'nobody answers', '{}', 'web', 'stored', $2, $2)`, talk, d.at)
	d.must(err)
	_, err = d.db.Exec(ctx, `insert into calls (id, state, direction, started_at) values ('01890000-0000-7000-8000-000000000001', 'ended', 'in', $1)`, d.at)
	d.must(err)
	_, err = d.db.Exec(ctx, `insert into survey_answers (call_id, n, survey, score, by, at, least, most) values ('01890000-0000-7000-8000-000000000001', 1, 'care', 1, 'key', $1, 1, 5), ('01890000-0000-7000-8000-000000000001', 2, 'nps', 10, 'voice', $1, 0, 10),
		('01890000-0000-7000-8000-000000000001', 3, 'of ten', 5, 'key', $1, 0, 10), ('01890000-0000-7000-8000-000000000001', 4, 'nps of three', 3, 'key', $1, 1, 3)`, d.at)
	d.must(err)
	_, err = d.db.Exec(ctx, `insert into wrap_ups (call_id, username, disposition, notes, updated_at) values ('01890000-0000-7000-8000-000000000001', 'ann', 'complaint', 'bill is wrong', $1)`, d.at)
	d.must(err)
	for range 2 {
		d.must(d.Tend(ctx))
	}
	s, err := d.Summary(ctx, Query{})
	d.must(err)
	if s.Kinds[CSAT] != 4 || s.Kinds[NPS] != 1 || s.Kinds[Complaint] != 2 || s.CSAT != [5]int{1, 1, 1, 0, 1} || *s.Score != 100 {
		t.Errorf("%+v", s)
	}
	if n := d.id(`select count(*) from feedback_cases`); n != 2 {
		t.Errorf("%d cases, want one for the conversation and one for the call", n)
	}
	// The way that the widget takes gives nothing new.
	d.must(d.Rate(ctx, talk, 2, nil, "too slow"))
	_, err = d.Complain(ctx, talk, "complaint", "nobody answers")
	d.must(err)
	if n := d.id(`select count(*) from feedback`); n != 7 {
		t.Errorf("%d items", n)
	}
}

func TestLinksOpenAndClose(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	l, err := d.MakeLink(ctx, LinkTicket, 1001, "ann")
	d.must(err)
	if got, err := d.OpenLink(ctx, l.Token); err != nil || got.Object != 1001 || got.Uses != 1 {
		t.Errorf("%+v %v", got, err)
	}
	for _, bad := range []string{"", "x", l.Token[:25] + "!", l.Token + "A"} {
		_, err := d.OpenLink(ctx, bad)
		d.refuses(bad, err, pg.ErrNotFound)
	}
	d.refuses("another's link", d.RevokeLink(ctx, LinkTicket, 1002, l.ID), pg.ErrNotFound)
	d.must(d.RevokeLink(ctx, LinkTicket, 1001, l.ID))
	_, err = d.OpenLink(ctx, l.Token)
	d.refuses("revoked", err, pg.ErrNotFound)
	l, err = d.MakeLink(ctx, LinkTicket, 1001, "ann")
	d.must(err)
	d.at = d.at.Add(31 * day)
	_, err = d.OpenLink(ctx, l.Token)
	d.refuses("over", err, pg.ErrNotFound)
	for n, left := range []int64{2, 0} {
		d.must(d.Tend(ctx))
		if got := d.id(`select count(*) from customer_links`); got != left {
			t.Errorf("round %d: %d links", n, got)
		}
		d.at = d.at.Add(linkKept)
	}
}

func TestErasedPersonLeavesCounts(t *testing.T) {
	d := open(t)
	ctx := t.Context()
	who := d.person()
	id := d.rate(d.talk(who), 1, "my name is Mei")
	d.must(d.db.Tx(ctx, func(tx pgx.Tx) error {
		_, err := d.ErasePerson(ctx, tx, []int64{who})
		return err
	}))
	items, _, err := d.List(ctx, Query{})
	d.must(err)
	c := d.is(id, New)
	if items[0].Text != "" || *items[0].Score != 1 || items[0].Contact != 0 || c.Title != "" || c.Contact != 0 {
		t.Errorf("%+v %+v", items, c)
	}
	var hits map[string]int64
	d.must(d.db.Tx(ctx, func(tx pgx.Tx) error {
		hits, err = d.PersonHits(ctx, tx, []int64{who})
		return err
	}))
	if hits["feedback"]+hits["feedback_cases"] != 0 {
		t.Errorf("%v", hits)
	}
}

func FuzzOption(f *testing.F) {
	f.Add(option(501, 1, 5))
	f.Add("case:1:1")
	f.Fuzz(func(t *testing.T, text string) {
		id, round, score, ok := parseOption(text)
		if ok && (id < 1 || round < 1 || score < 1 || score > 5) {
			t.Errorf("%q gives %d %d %d", text, id, round, score)
		}
	})
}

// TestDigitsOfANumberAreNoAuthority: the hotlines 12315 and 12345 stand in phone and order numbers.
func TestDigitsOfANumberAreNoAuthority(t *testing.T) {
	d := open(t)
	talk := d.talk(d.person())
	d.must(d.Looked(t.Context(), talk, 1, "我的电话是13812345678，订单号1231500412345", nil))
	if n := d.id(`select count(*) from feedback_cases`); n != 0 {
		t.Errorf("%d cases of a phone number", n)
	}
	d.must(d.Looked(t.Context(), talk, 2, "再不处理我就打12315", nil))
	if n := d.id(`select count(*) from feedback_cases where legal`); n != 1 {
		t.Errorf("%d cases of the hotline", n)
	}
}

// TestComplaintBeforeAnybodyIsKnown: it becomes the contact's as soon as there is one, and goes when that is erased.
func TestComplaintBeforeAnybodyIsKnown(t *testing.T) {
	d := open(t)
	talk := d.talk(0)
	_, err := d.Complain(t.Context(), talk, "complaint", "nobody answers")
	d.must(err)
	who := d.person()
	d.must(d.known(t.Context(), talk, who))
	hits := func() (n int64) {
		d.must(d.db.Tx(t.Context(), func(tx pgx.Tx) error {
			all, err := d.PersonHits(t.Context(), tx, []int64{who})
			for _, one := range all {
				n += one
			}
			return err
		}))
		return n
	}
	if hits() == 0 {
		t.Fatal("the person's complaint is not found")
	}
	d.must(d.db.Tx(t.Context(), func(tx pgx.Tx) error { _, err := d.ErasePerson(t.Context(), tx, []int64{who}); return err }))
	if n := hits(); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := d.id(`select count(*) from feedback where text = 'nobody answers'`); n != 0 {
		t.Error("the words are left")
	}
}

// TestIdeaIsNoComplaint: what the sweep finds of the web chat is what the visitor called it, once, whatever
// white space stands around it.
func TestIdeaIsNoComplaint(t *testing.T) {
	d := open(t)
	talk := d.talk(d.person())
	if _, err := d.db.Exec(t.Context(), `insert into messages (conversation_id, thread_id, seq, direction, author, kind, text, data, channel, state, at, created_at)
		values ($1, $1, 1, 'in', 'customer', 'complaint', E'make it blue\n', '{"with": {"kind": "idea"}}', 'web', 'stored', $2, $2)`, talk, d.at); err != nil {
		t.Fatal(err)
	}
	d.must(d.Tend(t.Context()))
	d.must(d.Tend(t.Context()))
	if n := d.id(`select count(*) from feedback where kind = 'idea' and text = 'make it blue'`); n != 1 {
		t.Errorf("%d ideas", n)
	}
	if n := d.id(`select count(*) from feedback_cases`) + d.id(`select count(*) from feedback where kind <> 'idea'`); n != 0 {
		t.Errorf("%d cases and complaints of an idea", n)
	}
}

// TestComplaintsThatAreInHoldUpNobody: the sweep looked again at complaints that stood in no-break spaces, and at those that
// were a picture without words, until they were a week old; a batch of them kept everybody else's out.
func TestComplaintsThatAreInHoldUpNobody(t *testing.T) {
	d := open(t)
	for text, data := range map[string]string{"'\u00a0\u3000no. '||n||E'\u2003'": "{}", "''": "{}", "'fine'": `{"score": 9}`} {
		kind := "complaint"
		if data != "{}" {
			kind = "rating"
		}
		if _, err := d.db.Exec(t.Context(), `insert into messages (conversation_id, thread_id, seq, direction, author, kind, text, data, channel, state, at, created_at)
			select $1, $1, n, 'in', 'customer', $3, `+text+`, $4, 'web', 'stored', $2, $2 from generate_series(1, $5::int) n`, d.talk(d.person()), d.at, kind, data, batch); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.db.Exec(t.Context(), `insert into messages (conversation_id, thread_id, seq, direction, author, kind, text, data, channel, state, at, created_at)
		values ($1, $1, 1, 'in', 'customer', 'complaint', 'and I?', '{}', 'web', 'stored', $2, $2)`, d.talk(d.person()), d.at); err != nil {
		t.Fatal(err)
	}
	for r := range unicode.MaxRune {
		if unicode.IsSpace(r) != strings.ContainsRune(spaces, r) {
			t.Fatalf("%U", r)
		}
	}
	for range 2 {
		d.must(d.Tend(t.Context()))
	}
	if n := d.id(`select count(*) from feedback where text = 'and I?'`); n != 1 {
		t.Errorf("%d times", n)
	}
	if n := d.id(`select count(*) from feedback where text like 'no. %'`); n != batch {
		t.Errorf("%d of %d others", n, batch)
	}
}

// TestRefusedAnswersHoldUpNobody: answers of a person under another contact of theirs, which are too soon, were looked at again
// until they were a week old; a batch of them kept all later answers out.
func TestRefusedAnswersHoldUpNobody(t *testing.T) {
	d := open(t)
	who := d.person()
	other := d.id(`insert into contacts (id, root, merged_into) select n, $1, $1 from nextval('contact_ids') n returning id`, who)
	for _, sql := range []string{
		`insert into feedback (kind, source, origin, score, text, language, contact_id, at) select 'nps', 'page', 'x', 9, '', 'en', $3, $1 where $2 > 0`,
		`insert into calls (id, state, direction, started_at, contact_id) select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 'ended', 'in', $1, $3::bigint from generate_series(1, $2::int + 1) n`,
		`insert into survey_answers (call_id, n, survey, score, by, at, least, most) select ('01890000-0000-7000-8000-' || lpad(n::text, 12, '0'))::uuid, 1, 'nps', 10, 'key', $1::timestamptz + '1 s'::interval, 0, 10
			from generate_series(1, $2::int) n where $3 > 0`,
		`insert into survey_answers (call_id, n, survey, score, by, at, least, most) select ('01890000-0000-7000-8000-' || lpad(($2::int + 1)::text, 12, '0'))::uuid, 1, 'care', 4, 'key', $1::timestamptz + '2 s'::interval, 1, 5 where $3 > 0`,
	} {
		of := other
		if strings.Contains(sql, "into feedback") {
			of = who
		}
		if _, err := d.db.Exec(t.Context(), sql, d.at, batch, of); err != nil {
			t.Fatal(err)
		}
	}
	d.must(d.Tend(t.Context()))
	if n, nps := d.id(`select count(*) from feedback where kind = 'csat'`), d.id(`select count(*) from feedback where kind = 'nps'`); n != 1 || nps != 1 {
		t.Errorf("%d later answers came in, and %d that were too soon", n, nps-1)
	}
}

// TestTicketOfACaseIsKept: what a case opened by hand is linked to.
func TestTicketOfACaseIsKept(t *testing.T) {
	d := open(t)
	ticket := d.id(`insert into tickets (type, subject, priority, source, created_by, created_at, updated_at, state_at) values ((select name from ticket_types limit 1), 'x', 'normal', 'agent', 'test', $1, $1, $1) returning id`, d.at)
	c, err := d.OpenCase(t.Context(), Case{Title: "by hand", Ticket: ticket}, "sue")
	d.must(err)
	if got, err := d.Get(t.Context(), c.ID); err != nil || got.Ticket != ticket {
		t.Errorf("linked to %d, %v; want %d", got.Ticket, err, ticket)
	}
}
