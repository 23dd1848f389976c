package feedback

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/pg"
)

// letters is a channel of text without buttons.
type letters struct{ page }

func (letters) Name() string              { return "letters" }
func (letters) Limits(string) chat.Limits { return chat.Limits{Pull: true} }

// talks is chat beside a desk: "web" shows buttons, "letters" does not.
type talks struct {
	*desk
	chat *chat.Service
	hook chat.Hook
	n    int
	next []string // what was given to the bot
}

type buttons struct{ page }

func (buttons) Limits(string) chat.Limits { return chat.Limits{Pull: true, Buttons: true} }

func openTalks(t *testing.T, cfg Config) *talks {
	t.Helper()
	d := open(t)
	bus := event.NewBus()
	t.Cleanup(bus.Close)
	log := slog.New(slog.DiscardHandler)
	c, err := chat.New(chat.Config{Node: "one", Files: t.TempDir()}, chat.Parts{DB: d.db, Bus: bus, Jobs: pg.NewJobs(d.db, log), Now: func() time.Time { return d.at }}, log)
	d.must(err)
	c.AddChannel(buttons{})
	c.AddChannel(letters{})
	k := &talks{desk: d, chat: c}
	d.Service.cfg = cfg.withDefaults()
	d.Service.parts.Ways = []Way{NewChatWay(d.db, c)}
	d.Service.parts.Rated = func(ctx context.Context, id int64, score int) error {
		_, err := c.Rate(ctx, chat.ID(id), score)
		return err
	}
	k.hook = d.Hook(c, func(_ context.Context, _ chat.Conversation, m chat.Message) error {
		k.next = append(k.next, m.Text)
		return nil
	}, nil)
	return k
}

// says has a customer write, and the hook look at it.
func (k *talks) says(channel, user string, contact int64, kind chat.Kind, text string, data *chat.Data) chat.Conversation {
	k.t.Helper()
	k.n++
	ctx := k.t.Context()
	m, err := k.chat.Receive(ctx, chat.Inbound{Channel: channel, ExternalID: fmt.Sprint(k.n), User: user, Kind: kind, Text: text, Data: data, Raw: []byte("{}")})
	k.must(err)
	if contact != 0 {
		_, err := k.db.Exec(ctx, `update conversations set contact_id = $2 where id = $1`, m.Thread, contact)
		k.must(err)
	}
	conv, err := k.chat.Conversation(ctx, m.Thread)
	k.must(err)
	k.must(k.hook(ctx, conv, m))
	conv, err = k.chat.Conversation(ctx, m.Thread)
	k.must(err)
	return conv
}

// begins is a conversation of a customer that is closed again.
func (k *talks) begins(channel, user string, contact int64) chat.ID {
	k.t.Helper()
	c := k.says(channel, user, contact, chat.Text, "你好", nil)
	k.must(k.chat.CloseConversation(k.t.Context(), c.ID, chat.Actor{Kind: chat.System}))
	return c.ID
}

// said is the last that went out.
func (k *talks) said(id chat.ID) (text, data string) {
	k.t.Helper()
	k.must(k.db.Pool().QueryRow(k.t.Context(), `select text, data::text from messages where thread_id = $1 and direction = 'out' and kind = 'text' order by id desc limit 1`, id).Scan(&text, &data))
	return text, data
}

func (k *talks) allow(contact int64, purpose, state string) {
	k.t.Helper()
	_, err := k.db.Exec(k.t.Context(), `insert into consents (contact_id, purpose, state, channel, source, at) values ($1, $2, $3, 'web', 'test', $4)`, contact, purpose, state, k.at)
	k.must(err)
}

func (k *talks) asks(kind Kind, id chat.ID, key string) (Survey, string) {
	k.t.Helper()
	a := Asking{Kind: kind, Reason: conversationReason(int64(id)), By: "rule:after", Key: key}
	would := k.WouldAsk(k.t.Context(), a)
	v, err := k.AskCustomer(k.t.Context(), a)
	why := new(Refusal)
	if err != nil && !errors.As(err, &why) {
		k.t.Fatal(err)
	}
	if (would == nil) != (err == nil) {
		k.t.Errorf("would: %v, did: %v", would, err)
	}
	return v, why.Why
}

func (k *talks) items(kind Kind) []Item {
	k.t.Helper()
	all, _, err := k.List(k.t.Context(), Query{Kinds: []Kind{kind}, Limit: 50})
	k.must(err)
	return all
}

// On a channel without buttons the question says how it is answered; the answer is understood, closes what it opened,
// and is not given to the bot. Anything else is.
func TestPlainWordsAnswerASurvey(t *testing.T) {
	k := openTalks(t, Config{URL: "https://desk.example.org/"})
	who := k.person()
	id := k.begins("letters", "mei", who)
	v, why := k.asks(CSAT, id, "one")
	text, data := k.said(id)
	if why != "" || v.State != surveySent || !strings.Contains(text, "1 到 5") || strings.Contains(text, "http") || !strings.Contains(data, "survey:") {
		t.Fatalf("%q, %+v: %s %s", why, v, text, data)
	}
	// The address of its page goes with the letter, and stands nowhere where agents could open it.
	if tail, err := k.Tail(t.Context(), chat.Message{ClientID: fmt.Sprintf("survey:%d", v.ID)}); err != nil || !strings.Contains(tail, "https://desk.example.org/q/") || !strings.HasSuffix(tail, "?lang=zh") {
		t.Errorf("behind it %q, %v", tail, err)
	}
	if tail, err := k.Tail(t.Context(), chat.Message{ClientID: "survey:1:thanks"}); err != nil || tail != "" {
		t.Errorf("behind thanks %q, %v", tail, err)
	}
	if again, why := k.asks(CSAT, id, "one"); why != "" || again.ID != v.ID {
		t.Errorf("the same key: %+v, %q", again, why)
	}
	if _, why := k.asks(CSAT, id, "two"); why != "asked" {
		t.Errorf("asked twice: %q", why)
	}
	c := k.says("letters", "mei", 0, chat.Text, "很满意，谢谢", nil)
	if c.State != chat.Closed || len(k.next) != 1 {
		t.Errorf("after the answer: %s, given to the bot %v", c.State, k.next)
	}
	if c.Rating == nil || *c.Rating != 5 {
		t.Errorf("rating %v", c.Rating)
	}
	if text, _ := k.said(id); text != line("zh", "thanks") {
		t.Errorf("said %q", text)
	}
	all := k.items(CSAT)
	if len(all) != 1 || *all[0].Score != 5 || all[0].Text != "谢谢" || all[0].Contact != who {
		t.Errorf("%+v", all)
	}
	k.says("letters", "mei", 0, chat.Text, "5", nil) // to nothing
	if len(k.next) != 2 || len(k.items(CSAT)) != 1 {
		t.Errorf("a number out of the blue: %v", k.next)
	}

	other := k.begins("letters", "ann", k.person())
	k.asks(CSAT, other, "three")
	if c := k.says("letters", "ann", 0, chat.Text, "where is my parcel?", nil); c.State == chat.Closed || len(k.next) != 4 {
		t.Errorf("another matter: %s, %v", c.State, k.next)
	}
	third, bob := k.begins("letters", "bob", 0), k.person() // who it is becomes known with the answer
	k.asks(CSAT, third, "four")
	if c := k.says("letters", "bob", bob, chat.Text, "4, when does the next one come?", nil); c.State == chat.Closed || len(k.next) != 6 || *c.Rating != 4 {
		t.Errorf("an answer with a question behind: %s, %v", c.State, k.next)
	}
	if all := k.items(CSAT); len(all) != 2 || all[0].Contact != bob {
		t.Errorf("%+v", all)
	}
}

// A bad answer in words opens a case, whose week later is answered in words as well.
func TestBadWordsGoTheWayOfACaseByText(t *testing.T) {
	k := openTalks(t, Config{URL: "https://desk.example.org"})
	ctx := t.Context()
	id := k.begins("letters", "mei", k.person())
	k.asks(CSAT, id, "one")
	k.says("letters", "mei", 0, chat.Text, "bad. the refund never came", nil)
	all, _, err := k.Cases(ctx, CaseQuery{Reason: conversationReason(int64(id))})
	k.must(err)
	if len(all) != 1 || all[0].State != New || *all[0].FirstScore != 2 {
		t.Fatalf("%+v", all)
	}
	k.later(time.Minute)
	n := all[0].ID
	for _, step := range []func() error{
		func() error { _, err := k.Tell(ctx, n, "We look into it.", "", "ann"); return err },
		func() error { _, err := k.Move(ctx, n, CauseFound, "process-refund", "", "ann"); return err },
		func() error { _, err := k.Move(ctx, n, Fixed, "", "", "ann"); return err },
		func() error { _, err := k.Tell(ctx, n, "It is there now.", "", "ann"); return err },
	} {
		k.must(step())
		k.later(time.Minute)
	}
	k.later(8 * day)
	if text, _ := k.said(id); !strings.Contains(text, "not solved") {
		t.Errorf("asked %q", text)
	}
	asked, err := pg.Row(ctx, k.db, pgx.RowTo[string], `select client_id from messages where thread_id = $1 and direction = 'out' order by id desc limit 1`, id)
	k.must(err)
	if tail, err := k.Tail(ctx, chat.Message{ClientID: asked}); err != nil || !strings.Contains(tail, "https://desk.example.org/c/") {
		t.Errorf("behind %s: %q, %v", asked, tail, err)
	}
	if c := k.says("letters", "mei", 0, chat.Text, "Not yet!", nil); c.State != chat.Closed || c.ID != id { // our question a week later keeps the thread
		t.Errorf("%s, %d", c.State, c.ID)
	}
	k.is(n, Contacted)
	if links, err := k.Links(ctx, LinkCase, int64(n)); err != nil || len(links) != 1 {
		t.Errorf("%d links, %v", len(links), err)
	}
}

// Words of a person are the person's in the thread; those of the house are nobody's.
func TestWordsOfACaseHaveTheirAuthor(t *testing.T) {
	k := openTalks(t, Config{})
	id := k.begins("web", "mei", k.person())
	k.id(`insert into users (username, name, role, password_hash) values ('zhou', '周蕾', 'supervisor', 'x') returning id`)
	n := k.rate(int64(id), 1, "等了太久")
	k.later(time.Minute)
	_, err := k.Tell(t.Context(), n, "您好，正在处理。", "", "zhou")
	k.must(err)
	k.later(time.Minute)
	names, err := pg.Rows(t.Context(), k.db, pgx.RowTo[string], `select author || ' ' || author_name from messages where thread_id = $1 and direction = 'out' and kind = 'text' order by id`, id)
	k.must(err)
	if fmt.Sprint(names) != "[system  system 周蕾]" {
		t.Errorf("%q", names)
	}
}

func TestWhoIsNotAsked(t *testing.T) {
	k := openTalks(t, Config{})
	refused := func(what string, kind Kind, id chat.ID, want string) {
		t.Helper()
		if _, why := k.asks(kind, id, what); why != want {
			t.Errorf("%s: %q, want %q", what, why, want)
		}
	}
	who := k.person()
	id := k.begins("web", "mei", who)
	refused("a page that asks itself", CSAT, id, "page")
	refused("nps without consent", NPS, id, "consent")
	k.allow(who, "proactive", "given")
	n := k.rate(int64(id), 1, "")
	refused("while a case is open", NPS, id, "case")
	_, err := k.db.Exec(t.Context(), `update feedback_cases set state = 'closed', closed_at = $2, outcome = 'unreachable', cause = 'other' where id = $1`, n, k.at)
	k.must(err)
	refused("nps", NPS, id, "")
	refused("nps again", NPS, id, "asked")
	if _, data := k.said(id); strings.Count(data, "survey:") != 11 {
		t.Errorf("buttons %s", data)
	}

	bob := k.person()
	letter := k.begins("letters", "bob", bob)
	k.allow(bob, "service", "withdrawn")
	refused("service withdrawn", CSAT, letter, "consent")
	refused("a conversation that is not there", CSAT, 12345, "no_way")
	if err := k.WouldAsk(t.Context(), Asking{Kind: CSAT, Reason: "ticket:1001", By: "rule:x", Key: "k"}); !errors.As(err, new(*Refusal)) {
		t.Errorf("a ticket of nobody: %v", err)
	}
	gone := k.id(`insert into conversations (key, channel, external_user, last_at, created_at, state, closed_at) values ('x', 'fax', 'x', $1, $1, 'closed', $1) returning id`, k.at)
	refused("a channel that is no more", CSAT, chat.ID(gone), "window")
	if s := k.Stats(); s.Surveyed != 1 || s.Unaskable == 0 {
		t.Errorf("%+v", s)
	}
}

// A survey that waits since its server ended is sent later, once; one that nobody answers ends.
func TestSurveyThatWaitedIsSentOnce(t *testing.T) {
	k := openTalks(t, Config{})
	id := k.begins("letters", "mei", k.person())
	v, err := k.plan(t.Context(), &Asking{Kind: CSAT, Reason: conversationReason(int64(id)), By: "rule:x", Key: "k"}, false)
	k.must(err) // and here the server is killed
	k.later(2 * time.Minute)
	if got, _ := k.GetSurvey(t.Context(), v.ID); got.State != surveyWaiting {
		t.Errorf("sent while another server has it: %+v", got)
	}
	k.later(10 * time.Minute)
	k.later(time.Hour)
	n := k.id(`select count(*) from messages where client_id = $1`, fmt.Sprintf("survey:%d", v.ID))
	if got, _ := k.GetSurvey(t.Context(), v.ID); got.State != surveySent || n != 1 {
		t.Errorf("%+v, %d messages", got, n)
	}
	k.later(surveyLife + time.Hour)
	got, err := k.GetSurvey(t.Context(), v.ID)
	k.must(err)
	_, late := k.AnswerSurvey(t.Context(), v.ID, 5, "", "page")
	if got.State != surveyExpired || !errors.Is(late, ErrLate) {
		t.Errorf("%+v, answered %v", got, late)
	}
}

func TestNPSByItself(t *testing.T) {
	k := openTalks(t, Config{})
	ctx := t.Context()
	set := func(v Schedule) {
		t.Helper()
		k.must(k.db.Tx(ctx, func(tx pgx.Tx) error { return k.SetSchedule(ctx, tx, v, "ann") }))
	}
	asked := func(want int, what string) {
		t.Helper()
		if n, err := k.AskByItself(ctx); err != nil || n != want {
			t.Errorf("%s: asked %d, want %d; %v", what, n, want, err)
		}
	}
	people := map[string]int64{}
	for _, name := range []string{"mei", "no consent", "talks still", "case", "ann", "late"} {
		people[name] = k.person()
		if name != "no consent" {
			k.allow(people[name], "proactive", "given")
		}
		channel := "letters"
		if name == "mei" {
			channel = "web"
		}
		id := k.begins(channel, name, people[name])
		if name == "case" {
			k.rate(int64(id), 1, "")
		}
	}
	_, err := k.db.Exec(ctx, `update contacts set language = 'en' where id = $1`, people["ann"])
	k.must(err)
	// Ann is two contacts that were found to be one, and wrote last by another channel.
	second := k.id(`insert into contacts (id, root, merged_into) select n, $1, $1 from nextval('contact_ids') n returning id`, people["ann"])
	k.at = k.at.Add(time.Hour)
	last := k.begins("web", "ann elsewhere", second)
	talking := k.says("letters", "talks still", people["talks still"], chat.Text, "还有一个问题", nil)
	k.must(k.chat.HandOver(ctx, talking.ID, "support", nil))
	k.at = k.at.Add(25 * time.Hour)
	asked(0, "switched off")
	on := Schedule{On: true, EveryDays: 90, Share: 100, AfterHours: 24, PerDay: 2}
	set(on)
	var wg sync.WaitGroup
	var total int64
	var mu sync.Mutex
	for range 2 { // two servers
		wg.Go(func() {
			n, err := k.AskByItself(ctx)
			mu.Lock()
			defer mu.Unlock()
			if total += int64(n); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	rows := k.id(`select count(*) from surveys where state = 'sent'`)
	if rows < 2 || rows > 3 || total != rows { // each server counted the day before the other wrote
		t.Errorf("%d asked, %d rows", total, rows)
	}
	set(Schedule{On: true, EveryDays: 90, Share: 100, AfterHours: 24, PerDay: 100})
	_, err = k.AskByItself(ctx)
	k.must(err)
	asked(0, "again")
	who, err := pg.Rows(ctx, k.db, pgx.RowTo[string], `select contact_id || ' ' || language || ' ' || state from surveys order by contact_id`)
	k.must(err)
	want := fmt.Sprintf("[%d zh sent %d en sent %d zh sent]", people["mei"], people["ann"], people["late"])
	if fmt.Sprint(who) != want {
		t.Errorf("asked %v, want %v", who, want)
	}
	if text, _ := k.said(last); text != line("en", "ask_nps") {
		t.Errorf("ann read %q", text)
	}
	v, err := pg.Row(ctx, k.db, pgx.RowTo[int64], `select id from surveys where contact_id = $1`, people["ann"])
	k.must(err)
	if c := k.says("web", "ann elsewhere", second, chat.Choice, "9", &chat.Data{Option: fmt.Sprintf("survey:%d:9", v)}); c.State != chat.Closed {
		t.Errorf("pressed: %s", c.State)
	}
	k.says("web", "mei", people["mei"], chat.Choice, "0", &chat.Data{Option: fmt.Sprintf("survey:%d:0", v)}) // somebody else's
	if all := k.items(NPS); len(all) != 1 || *all[0].Score != 9 || all[0].Contact != people["ann"] {
		t.Errorf("%+v", all)
	}
	r, err := k.NPSReport(ctx, k.at.Add(-day), k.at.Add(time.Hour))
	k.must(err)
	if r.Asked != 3 || r.Answered != 1 || r.Figures.Promoters != 1 || r.Figures.Score != 100 {
		t.Errorf("%+v", r)
	}
	// Again after 90 days, to those who have written since, in their hours, and those who are drawn only.
	k.later(91 * day)
	asked(0, "who did not write")
	for _, name := range []string{"mei", "ann"} {
		k.begins("letters", name, people[name])
	}
	k.at = k.at.Add(25 * time.Hour)
	set(Schedule{On: true, EveryDays: 730, Share: 100, AfterHours: 24, PerDay: 100})
	asked(0, "too soon by the new rule")
	set(Schedule{On: true, EveryDays: 90, Share: 100, AfterHours: 72, PerDay: 100})
	asked(0, "too soon after the conversation")
	set(on)
	asked(2, "after 90 days")
}

func TestShareIsDrawnAndHoursAreKept(t *testing.T) {
	k := openTalks(t, Config{})
	ctx := t.Context()
	for i := range 60 {
		who := k.person()
		k.allow(who, "proactive", "given")
		k.begins("letters", fmt.Sprint("someone", i), who)
	}
	k.at = k.at.Add(48 * time.Hour)
	set := func(v Schedule) error {
		return k.db.Tx(ctx, func(tx pgx.Tx) error { return k.SetSchedule(ctx, tx, v, "ann") })
	}
	for _, bad := range []Schedule{{EveryDays: 1, Share: 10, AfterHours: 1, PerDay: 1}, {EveryDays: 90, Share: 0, AfterHours: 1, PerDay: 1}, {EveryDays: 90, Share: 10, AfterHours: 1, PerDay: 1, Calendar: "nowhere"}} {
		if set(bad) == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
	k.must(set(Schedule{On: true, EveryDays: 90, Share: 30, AfterHours: 24, PerDay: 1000}))
	n, err := k.AskByItself(ctx)
	k.must(err)
	if n < 6 || n > 34 { // 60 draws at .3: five deviations either way
		t.Errorf("%d of 60 were drawn at 30 %%", n)
	}
	if again, err := k.AskByItself(ctx); err != nil || again != 0 {
		t.Errorf("drawn again: %d, %v", again, err)
	}
	_, err = k.db.Exec(ctx, `update settings set value = jsonb_set(value, '{calendar}', '"gone"') where key = $1`, scheduleKey)
	k.must(err)
	if open, err := k.scheduleOpen(ctx); err != nil || open {
		t.Errorf("hours that are gone are open: %v", err)
	}
}

func TestNPSFigures(t *testing.T) {
	for _, tc := range []struct {
		answers   [11]int
		score     float64
		low, high float64
	}{
		{[11]int{}, 0, 0, 0},
		{[11]int{10: 1}, 100, -60, 100},
		{[11]int{10: 100}, 100, 90, 100},
		{[11]int{0: 50, 10: 50}, 0, -20, 20},
		{[11]int{6: 15, 7: 20, 8: 25, 9: 40}, 25, 10, 40},
	} {
		f := npsOf(tc.answers)
		if f == nil {
			if tc.answers != [11]int{} {
				t.Errorf("%v: nothing", tc.answers)
			}
			continue
		}
		if f.Score != tc.score || f.Low > f.Score || f.High < f.Score || f.Low < tc.low || f.High > tc.high || f.High-f.Low < 3 {
			t.Errorf("%v: %+v", tc.answers, f)
		}
	}
}

func TestReadReply(t *testing.T) {
	for _, tc := range []struct {
		kind, text string
		score      int
		comment    string
		ok         bool
	}{
		{"csat", "5", 5, "", true}, {"csat", " ５ ", 5, "", true}, {"csat", "5分", 5, "", true}, {"csat", "五分", 5, "", true}, {"csat", "4星", 4, "", true}, {"csat", "4 stars!", 4, "", true}, {"csat", "3/5", 3, "", true},
		{"csat", "2 out of 5", 2, "", true}, {"csat", "我给5分", 5, "", true}, {"csat", "I'd give a 4", 4, "", true}, {"csat", "很满意", 5, "", true}, {"csat", "很滿意！", 5, "", true}, {"csat", "Very good", 5, "", true},
		{"csat", "bad", 2, "", true}, {"csat", "非常不满意，等了两小时", 1, "等了两小时", true}, {"csat", "5，谢谢", 5, "谢谢", true}, {"csat", "1\nstill no refund", 1, "still no refund", true}, {"csat", "👍", 5, "", true},
		{"csat", "0", 0, "", false}, {"csat", "6", 0, "", false}, {"csat", "8/10", 0, "", false}, {"csat", "4.5", 0, "", false}, {"csat", "5 days and nothing", 0, "", false}, {"csat", "好的", 0, "", false}, {"csat", "ok", 0, "", false},
		{"csat", "12:30", 0, "", false}, {"csat", "满意吗", 0, "", false}, {"csat", "", 0, "", false}, {"csat", "这个 5 怎么回事", 0, "", false}, {"csat", strings.Repeat("5", 2000), 0, "", false}, {"csat", "\xff5", 0, "", false},
		{"nps", "10", 10, "", true}, {"nps", "0", 0, "", true}, {"nps", "十分", 10, "", true}, {"nps", "8/10", 8, "", true}, {"nps", "一定会", 10, "", true}, {"nps", "11", 0, "", false}, {"nps", "很满意", 0, "", false}, {"nps", "9. great people", 9, "great people", true},
		{"question", "解决了", 5, "", true}, {"question", "没有解决", 1, "", true}, {"question", "partly", 3, "", true}, {"question", "Yes, thanks", 5, "thanks", true}, {"question", "no", 1, "", true}, {"question", "4", 4, "", true}, {"question", "解决什么", 0, "", false},
		{"tea", "5", 0, "", false},
	} {
		score, comment, ok := ReadReply(tc.kind, tc.text)
		if ok != tc.ok || ok && (score != tc.score || comment != tc.comment) {
			t.Errorf("%s %.40q: %d %q %v", tc.kind, tc.text, score, comment, ok)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	for _, text := range []string{"5", "很满意，谢谢", "I give 4/5", "没有解决", "😀", "4.5", "-1", "1：", "9\x00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind, scale := range scales {
			score, comment, ok := ReadReply(kind, text)
			if ok && (score < scale[0] || score > scale[1] || !strings.Contains(text, comment)) || !ok && len(text) > maxReply && comment != "" {
				t.Errorf("%s %q: %d %q", kind, text, score, comment)
			}
		}
	})
}

func FuzzSurveyButton(f *testing.F) {
	f.Add("survey:12:10")
	f.Add("survey:-1:3")
	f.Fuzz(func(t *testing.T, text string) {
		if id, score, ok := parseSurvey(text); ok && (id <= 0 || score < 0 || score > 10 || !strings.HasPrefix(text, surveyPrefix)) {
			t.Errorf("%q: %d %d", text, id, score)
		}
	})
}
