package api

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/feedback"
	"tingxin/pg"
)

func TestScheduleOfSurveysByAPI(t *testing.T) {
	t.Parallel()
	h := open(t)
	admin, lead, agent := h.as(RoleAdmin), h.as(RoleSupervisor), h.as(RoleAgent)
	var v feedback.Schedule
	lead.ok(base+"/feedback/schedule", &v)
	if v.On || v.EveryDays != 90 || v.Share != 100 {
		t.Errorf("%+v", v)
	}
	body := map[string]any{"on": true, "every_days": 30, "share": 25, "after_hours": 48, "per_day": 10, "calendar": ""}
	for _, tc := range []struct {
		who    *browser
		change map[string]any
		want   int
	}{
		{agent, nil, http.StatusForbidden}, {lead, nil, http.StatusForbidden}, {admin, map[string]any{"share": 0}, http.StatusUnprocessableEntity},
		{admin, map[string]any{"every_days": 1}, http.StatusUnprocessableEntity}, {admin, map[string]any{"calendar": "no such hours"}, http.StatusUnprocessableEntity}, {admin, nil, http.StatusOK},
	} {
		wish := map[string]any{}
		for k, v := range body {
			wish[k] = v
		}
		for k, v := range tc.change {
			wish[k] = v
		}
		if a := tc.who.do(http.MethodPut, base+"/feedback/schedule", wish); a.status != tc.want {
			t.Errorf("%v: %s, want %d", tc.change, a, tc.want)
		}
	}
	lead.ok(base+"/feedback/schedule", &v)
	if !v.On || v.EveryDays != 30 || v.Share != 25 || v.AfterHours != 48 || v.PerDay != 10 {
		t.Errorf("%+v", v)
	}
	n, err := pg.Row(t.Context(), h.db, pgx.RowTo[int], `select count(*)::int from audit where action = 'surveys.scheduled'`)
	must(t, err)
	if n != 1 {
		t.Errorf("%d audit rows", n)
	}
	if a := agent.get(base + "/feedback/surveys"); a.status != http.StatusForbidden {
		t.Errorf("an agent lists surveys: %s", a)
	}
}

// The page of a question is answered once, without a login.
func TestCustomerAnswersASurveyOnItsPage(t *testing.T) {
	t.Parallel()
	h := open(t)
	lead, customer := h.as(RoleSupervisor), h.browser()
	f := h.parts.Feedback
	talk, err := pg.Row(t.Context(), h.db, pgx.RowTo[int64], `insert into conversations (key, channel, external_user, last_at, created_at, state, closed_at) values ('k', 'webhook', 'u', now(), now(), 'closed', now()) returning id`)
	must(t, err)
	ask := func(key string) (feedback.Survey, string) {
		v, err := f.AskCustomer(context.Background(), feedback.Asking{Kind: feedback.CSAT, Reason: "ticket:" + key, Conversation: talk, By: "rule:x", Key: key})
		must(t, err)
		l, err := f.MakeLink(t.Context(), feedback.LinkSurvey, v.ID, "system")
		must(t, err)
		return v, "/q/" + l.Token + "?lang=en"
	}
	_, page := ask("1001")
	a := customer.get(page)
	if text := string(a.body); a.status != http.StatusOK || strings.Count(text, `name="score"`) != 5 || !strings.Contains(text, "How satisfied") || !strings.Contains(a.header.Get("X-Robots-Tag"), "noindex") {
		t.Fatalf("%s", a)
	}
	if a := customer.get(strings.Replace(page, "lang=en", "lang=zh", 1)); !strings.Contains(string(a.body), "您对我们的服务满意吗") {
		t.Errorf("%s", a)
	}
	form := func(score, text string) answer {
		req, err := http.NewRequest(http.MethodPost, h.url+page, strings.NewReader(url.Values{"do": {"rate"}, "score": {score}, "text": {text}}.Encode()))
		must(t, err)
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", h.url)
		resp, err := customer.http.Do(req) // follows to the page
		must(t, err)
		defer resp.Body.Close()
		out, err := io.ReadAll(resp.Body)
		must(t, err)
		return answer{resp.StatusCode, resp.Header, out}
	}
	for _, bad := range []string{"", "0", "6", "five"} {
		if a := form(bad, ""); a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), "Choose one") {
			t.Errorf("%q: %s", bad, a)
		}
	}
	if a := form("2", "It leaks still"); a.status != http.StatusOK || !strings.Contains(string(a.body), "Thank you for telling us") {
		t.Errorf("%s", a)
	}
	if a := form("5", ""); !strings.Contains(string(a.body), "told us already") || strings.Contains(string(a.body), `name="score"`) {
		t.Errorf("answered twice: %s", a)
	}
	var list FeedbackPage
	lead.ok(base+"/feedback?source=page", &list)
	if len(list.Items) != 1 || *list.Items[0].Score != 2 || list.Items[0].Text != "It leaks still" || list.Items[0].Case == 0 {
		t.Errorf("%+v", list.Items)
	}
	var asked SurveyPage
	lead.ok(base+"/feedback/surveys?state=answered", &asked)
	if len(asked.Items) != 1 || asked.Items[0].Score == nil || *asked.Items[0].Score != 2 || asked.Items[0].MadeBy != "rule:x" {
		t.Errorf("%+v", asked)
	}
	_, page = ask("1002")
	h.later(15 * 24 * time.Hour)
	must(t, f.Tend(t.Context()))
	if a := customer.get(page); !strings.Contains(string(a.body), "time in which this could be answered is over") {
		t.Errorf("after its time: %s", a)
	}
	if a := customer.get("/c/" + strings.TrimPrefix(page, "/q/")); a.status != http.StatusNotFound {
		t.Errorf("a question as a case: %s", a)
	}
}
