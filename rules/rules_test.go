package rules

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/chat"
	"tingxin/event"
	"tingxin/outbound"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/rules/plan"
	"tingxin/ticket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a channel whose customers fetch their messages.
type wire struct{}

func (wire) Name() string { return "wire" }
func (wire) Limits(string) chat.Limits {
	return chat.Limits{TextBytes: chat.MaxText, Pull: true, Repeatable: true}
}
func (wire) Decode(context.Context, chat.Raw) ([]chat.Inbound, error) {
	return nil, nil
}
func (wire) Send(context.Context, chat.Outgoing) chat.Result {
	return chat.Result{Outcome: chat.Delivered}
}

// house is a service over tickets and conversations, on a clock that is moved by hand.
type house struct {
	*Service
	t  *testing.T
	at time.Time
	n  int
}

func open(t *testing.T, b Book) *house {
	t.Helper()
	return openOn(t, pgtest.New(t), b)
}

func openOn(t *testing.T, db *pg.DB, b Book) *house {
	t.Helper()
	bus, log := event.NewBus(), slog.New(slog.DiscardHandler)
	t.Cleanup(bus.Close)
	h := &house{t: t, at: time.Now()}
	now := func() time.Time { return h.at }
	jobs := pg.NewJobs(db, log)
	c, err := chat.New(chat.Config{Files: t.TempDir()}, chat.Parts{DB: db, Bus: bus, Jobs: jobs, Now: now}, log)
	h.must(err)
	c.AddChannel(wire{})
	h.Service, err = New(Config{Private: []string{"127.0.0.0/8"}}, Parts{DB: db, Bus: bus, Jobs: jobs, Chat: c, Tickets: ticket.NewService(db, bus, nil, ticket.Config{}, log), Now: now}, log)
	h.must(err)
	t.Cleanup(func() { h.Close() })
	h.Use(b)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) work() { h.t.Helper(); h.must(h.Work(h.t.Context())) }

func (h *house) create(d ticket.Draft) ticket.Ticket {
	h.t.Helper()
	if d.Type == "" {
		d.Type = "question"
	}
	if d.Subject == "" {
		d.Subject = "Where is it?"
	}
	d.Source = "customer"
	k, err := h.tickets.Create(h.t.Context(), d, ticket.Customer)
	h.must(err)
	return k
}

func (h *house) ticket(id ticket.ID) ticket.Ticket {
	h.t.Helper()
	k, err := h.tickets.Get(h.t.Context(), id)
	h.must(err)
	return k
}

func (h *house) write(user, text string) chat.ID {
	h.t.Helper()
	h.n++
	m, err := h.chat.Receive(h.t.Context(), chat.Inbound{Channel: "wire", Account: "a", ExternalID: strconv.Itoa(h.n), User: user, Text: text})
	h.must(err)
	return m.Thread
}

func (h *house) number(sql string, args ...any) int64 {
	h.t.Helper()
	n, err := pg.Row(h.t.Context(), h.db, pgx.RowTo[int64], sql, args...)
	h.must(err)
	return n
}

func (h *house) user(name, role string) int64 {
	h.t.Helper()
	return h.number(`insert into users (username, role, password_hash) values ($1, $2, '') returning id`, name, role)
}

func (h *house) runsOf(name string) []Run {
	h.t.Helper()
	all, err := h.Runs(h.t.Context(), "rule", name, "", "", math.MaxInt64, 100) // its number may be larger than 32 bits
	h.must(err)
	return all
}

func rule(t testing.TB, doc string) *plan.Rule {
	t.Helper()
	r := &plan.Rule{}
	if err := json.Unmarshal([]byte(doc), r); err != nil {
		t.Fatal(err)
	}
	if f := r.Check(); len(f) > 0 {
		t.Fatal(f)
	}
	return r
}

func rules(t testing.TB, docs map[string]string) map[string]*plan.Rule {
	out := map[string]*plan.Rule{}
	for name, doc := range docs {
		out[name] = rule(t, doc)
	}
	return out
}

func TestARuleActsOnceAndLeavesItsTrail(t *testing.T) {
	h := open(t, Book{Rules: rules(t, map[string]string{
		"first":  `{"position":1,"when":["ticket.created"],"if":{"field":"ticket.text","op":"contains","value":["退款","refund"]},"then":[{"do":"priority","priority":"high"},{"do":"add_labels","labels":["Money"]},{"do":"note","text":"#{{ticket.id}} by {{event.actor}}"}],"stop":true}`,
		"second": `{"position":2,"when":["ticket.created"],"then":[{"do":"add_labels","labels":["second"]}]}`,
		"off":    `{"off":true,"when":["ticket.created"],"then":[{"do":"add_labels","labels":["off"]}]}`,
	})})
	k, other := h.create(ticket.Draft{Subject: "我要退款"}), h.create(ticket.Draft{})
	h.work()
	h.work()
	got := h.ticket(k.ID)
	if got.Priority.String() != "high" || !slices.Equal(got.Tags, []string{"money"}) {
		t.Errorf("%+v", got)
	}
	if tags := h.ticket(other.ID).Tags; !slices.Equal(tags, []string{"second"}) {
		t.Errorf("the other has %v", tags)
	}
	all, err := h.tickets.Comments(t.Context(), k.ID, false, 0)
	h.must(err)
	if len(all) != 1 || all[0].Body != fmt.Sprintf("#%d by customer", k.ID) || all[0].Author != "rule:first" || all[0].Public {
		t.Errorf("notes: %+v", all)
	}
	steps, err := h.tickets.Trail(t.Context(), k.ID, 0)
	h.must(err)
	if n := len(steps); n != 4 || steps[1].Actor != "rule:first" {
		t.Errorf("trail: %+v", steps)
	}
	runs := h.runsOf("first")
	if len(runs) != 1 || runs[0].State != "done" || len(runs[0].Steps) != 3 || runs[0].Steps[2].Result != Done || !slices.Equal(runs[0].Matched, []string{"ticket.text contains"}) {
		t.Errorf("runs: %+v", runs)
	}
	if n := h.number(`select count(*) from rule_events where state <> 'done'`); n != 0 {
		t.Errorf("%d events are open", n)
	}
}

// A server that dies after an act and before its mark does it once: the run goes on where it stood.
func TestAKilledRunGoesOnAndDoesNothingTwice(t *testing.T) {
	doc := `{"when":["ticket.created"],"then":[{"do":"note","text":"once"},{"do":"create_ticket","template":"child"},{"do":"add_labels","labels":["x"]}]}`
	book := Book{Rules: rules(t, map[string]string{"r": doc}), Templates: map[string]*plan.Template{"child": {LabelZH: "子", LabelEN: "Child", Type: "callback", Subject: "Call {{contact.name}}"}}}
	h := open(t, book)
	for cut := range 4 {
		k := h.create(ticket.Draft{})
		own := fmt.Sprint(k.ID)
		if cut > 0 { // the note was written; then the tickets; then the label
			ctx := pg.WithCause(t.Context(), "r/1")
			by := ticket.Actor{Name: "rule:r", Kind: "system"}
			run := Run{Kind: "rule", Name: "r", Event: h.number(`select id from rule_events where type = 'ticket.created' and object_id = $1`, own), Object: "ticket", ObjectID: own, Actor: by.Name, State: "running"}
			h.must(h.db.Tx(ctx, func(tx pgx.Tx) error { return h.beginRun(ctx, tx, &run) }))
			h.at = h.at.Add(time.Second)
			c, _, err := h.tickets.Comment(ctx, k.ID, "once", false, by)
			h.must(err)
			run.Steps = []ActionResult{{Do: "note", Result: Begun}}
			if cut > 1 {
				run.Steps = []ActionResult{{Do: "note", Result: Done, Ref: fmt.Sprintf("comment:%d", c.ID)}, {Do: "create_ticket", Result: Done, Ref: "ticket:1"}}
			}
			if cut > 2 {
				tags := []string{"x"}
				_, err := h.tickets.Change(ctx, k.ID, ticket.Patch{Tags: &tags}, by)
				h.must(err)
				run.Steps = append(run.Steps, ActionResult{Do: "add_labels", Result: Begun})
			}
			h.must(h.saveSteps(ctx, h.db, &run))
		}
		h.work()
		made := int64(1)
		if cut > 1 {
			made = 0 // it was made, and marked, in one transaction
		}
		if n := h.number(`select count(*) from ticket_comments where ticket_id = $1`, k.ID); n != 1 {
			t.Errorf("cut %d: %d notes", cut, n)
		}
		if n := h.number(`select count(*) from tickets where source = 'rule' and source_ref = $1`, "ticket:"+own); n != made {
			t.Errorf("cut %d: %d tickets made", cut, n)
		}
		if n := h.number(`select count(*) from ticket_trail where ticket_id = $1 and detail ? 'tags'`, k.ID); n != 1 {
			t.Errorf("cut %d: labelled %d times", cut, n)
		}
		runs, err := h.Runs(t.Context(), "rule", "r", "ticket", own, 0, 10)
		h.must(err)
		if len(runs) != 1 || runs[0].State != "done" || len(runs[0].Steps) != 3 {
			t.Errorf("cut %d: %+v", cut, runs)
		}
	}
}

func TestRulesThatCallOneAnotherStop(t *testing.T) {
	h := open(t, Book{Rules: rules(t, map[string]string{
		"up":   `{"when":["ticket.priority","ticket.created"],"if":{"field":"ticket.priority","op":"is","value":"normal"},"then":[{"do":"priority","priority":"high"}]}`,
		"down": `{"when":["ticket.priority"],"if":{"field":"ticket.priority","op":"is","value":"high"},"then":[{"do":"priority","priority":"normal"}]}`,
	})})
	h.create(ticket.Draft{})
	h.work()
	up, down := h.runsOf("up"), h.runsOf("down")
	if n := len(up) + len(down); n != MaxDepth+1 {
		t.Errorf("%d runs", n)
	}
	if last := down[0]; last.State != "refused" || last.Reason != "depth" || last.Depth != MaxDepth {
		t.Errorf("the last: %+v", last)
	}
	if st := h.Stats(); st.Deep != 1 {
		t.Errorf("%+v", st)
	}
}

func TestTooManyRunsOnOneObjectAreRefused(t *testing.T) {
	h := open(t, Book{Rules: rules(t, map[string]string{"note": `{"when":["ticket.changed"],"if":{"field":"event.by_rule","op":"is","value":false},"then":[{"do":"add_labels","labels":["seen"]}]}`})})
	h.cfg.PerObject = 3
	k := h.create(ticket.Draft{})
	for i := range 5 {
		subject := fmt.Sprint("Number ", i)
		_, err := h.tickets.Change(t.Context(), k.ID, ticket.Patch{Subject: &subject}, ticket.AgentActor("ann"))
		h.must(err)
	}
	h.work()
	refused := 0
	for _, r := range h.runsOf("note") {
		if r.State == "refused" && r.Reason == "rate" {
			refused++
		}
	}
	if refused != 2 || h.Stats().Often != 2 {
		t.Errorf("%d refused, %+v", refused, h.Stats())
	}
	h.at = h.at.Add(61 * time.Minute)
	subject := "An hour later"
	_, err := h.tickets.Change(t.Context(), k.ID, ticket.Patch{Subject: &subject}, ticket.AgentActor("ann"))
	h.must(err)
	h.work()
	if h.Stats().Often != 2 {
		t.Error("an hour later it is refused still")
	}
}

// Of 1,000 tickets, each rule acts on exactly those that a count over the rows finds, also when nobody
// was there while they were made; and a trial over the same events finds the same.
func TestAThousandTickets(t *testing.T) {
	db := pgtest.New(t)
	_, err := db.Exec(t.Context(), `with made as (insert into tickets (type, subject, priority, complaint, tags, source, created_by, created_at, updated_at, state_at)
			select (array['question', 'refund', 'fault'])[1 + i % 3], case when i % 7 = 0 then '要退款 ' else 'Hello ' end || i, (array['low', 'normal', 'high'])[1 + i % 3], i % 10 = 0,
				case when i % 4 = 0 then array['shop'] else '{}'::text[] end, 'customer', 'customer', now(), now(), now() from generate_series(1, 1000) i returning id)
		insert into ticket_trail (ticket_id, at, actor, kind) select id, now(), 'customer', 'created' from made`)
	if err != nil {
		t.Fatal(err)
	}
	docs := map[string]string{
		"complaints": `{"position":1,"when":["ticket.created"],"if":{"field":"ticket.complaint","op":"is","value":true},"then":[{"do":"add_labels","labels":["complaint"]}]}`,
		"refunds":    `{"position":2,"when":["ticket.created"],"if":{"all":[{"field":"ticket.text","op":"lexicon","value":"refund"},{"not":{"field":"ticket.tags","op":"any","value":"shop"}}]},"then":[{"do":"add_labels","labels":["money"]}]}`,
	}
	want := map[string]int64{}
	h := openOn(t, db, Book{Rules: rules(t, docs)})
	want["complaints"] = h.number(`select count(*) from tickets where complaint`)
	want["refunds"] = h.number(`select count(*) from tickets where subject like '%退款%' and not tags @> '{shop}'`)
	trial, err := h.Trial(t.Context(), "refunds", h.book.Load().Rules["refunds"], h.at.AddDate(0, 0, -7))
	h.must(err)
	h.work()
	for name, label := range map[string]string{"complaints": "complaint", "refunds": "money"} {
		runs := h.number(`select count(*) from rule_runs where name = $1 and state = 'done'`, name)
		labelled := h.number(`select count(*) from tickets where tags @> array[$1]`, label)
		if want[name] == 0 || runs != want[name] || labelled != want[name] {
			t.Errorf("%s: %d to do, %d runs, %d labelled", name, want[name], runs, labelled)
		}
	}
	if int64(trial.Matched) != want["refunds"] || trial.Events != 1000 || trial.Acted != 0 || len(trial.Samples) != maxSamples || trial.Samples[0].Steps[0].Result != Would {
		t.Errorf("trial: %+v", trial)
	}
	again, err := h.Trial(t.Context(), "refunds", h.book.Load().Rules["refunds"], h.at.AddDate(0, 0, -7))
	h.must(err)
	if again.Matched != trial.Matched || int64(again.Acted) != want["refunds"] {
		t.Errorf("trial afterwards: %+v", again)
	}
}

func TestATimeRunsOutUnlessSomethingHappens(t *testing.T) {
	h := open(t, Book{Rules: rules(t, map[string]string{"silent": `{"when":["ticket.state"],"after":"72h","if":{"all":[{"field":"ticket.state","op":"is","value":"pending_customer"},{"field":"ticket.in_state","op":"older","value":"71h"}]},"then":[{"do":"add_labels","labels":["silent"]}]}`})})
	waits, answered := h.create(ticket.Draft{}), h.create(ticket.Draft{})
	pending := ticket.PendingCustomer
	for _, k := range []ticket.Ticket{waits, answered} {
		_, err := h.tickets.Change(t.Context(), k.ID, ticket.Patch{State: &pending}, ticket.AgentActor("ann"))
		h.must(err)
	}
	h.work()
	type timer struct {
		Args TimerArgs
		At   time.Time
	}
	timers, err := pg.Rows(t.Context(), h.db, pgx.RowToStructByPos[timer], `select args, scheduled_at from river_job where kind = 'rule_timer' order by id`)
	h.must(err)
	if len(timers) != 2 || time.Until(timers[0].At) < 71*time.Hour {
		t.Fatalf("timers: %+v", timers)
	}
	_, _, err = h.tickets.Comment(t.Context(), answered.ID, "I am back", true, ticket.Customer)
	h.must(err)
	h.at = h.at.Add(72 * time.Hour)
	for _, j := range append(timers, timers...) { // a job may run twice
		h.must(h.Ring(t.Context(), j.Args))
	}
	h.work()
	if tags := h.ticket(waits.ID).Tags; !slices.Equal(tags, []string{"silent"}) {
		t.Errorf("the silent one has %v", tags)
	}
	if tags := h.ticket(answered.ID).Tags; len(tags) != 0 {
		t.Errorf("the answered one has %v", tags)
	}
	if n := len(h.runsOf("silent")); n != 1 {
		t.Errorf("%d runs", n)
	}
}

func TestAPromiseThatRunsOutIsAnEvent(t *testing.T) {
	h := open(t, Book{Rules: rules(t, map[string]string{
		"soon":   `{"when":["ticket.warned"],"if":{"all":[{"field":"event.clock","op":"is","value":"first_human"},{"field":"event.level","op":"is","value":75}]},"then":[{"do":"notify","users":["eva"],"text":"#{{ticket.id}} is at {{event.level}} %"}]}`,
		"broken": `{"when":["ticket.warned"],"if":{"field":"event.level","op":"least","value":100},"then":[{"do":"priority","priority":"urgent"}]}`,
	})})
	eva := h.user("eva", "supervisor")
	k := h.create(ticket.Draft{})
	_, err := h.db.Exec(t.Context(), `insert into ticket_trail (ticket_id, at, actor, kind, detail) select $1, now(), 'system', 'warned', jsonb_build_object('clock', 'first_human', 'level', l) from unnest(array[50, 75, 90]) l`, k.ID)
	h.must(err)
	h.work()
	notices, err := h.Notifications(t.Context(), eva, 10)
	h.must(err)
	if len(notices) != 1 || notices[0].Text != fmt.Sprintf("#%d is at 75 %%", k.ID) {
		t.Errorf("notices: %+v", notices)
	}
	if p := h.ticket(k.ID).Priority.String(); p != "normal" {
		t.Errorf("urgent before it is broken: %s", p)
	}
	_, err = h.db.Exec(t.Context(), `insert into ticket_trail (ticket_id, at, actor, kind, detail) values ($1, now(), 'system', 'warned', '{"clock": "first_human", "level": 100}')`, k.ID)
	h.must(err)
	h.work()
	if p := h.ticket(k.ID).Priority.String(); p != "urgent" {
		t.Errorf("after it is broken: %s", p)
	}
}

func TestAConversationIsLabelledAnsweredAndBecomesATicket(t *testing.T) {
	h := open(t, Book{
		Rules: rules(t, map[string]string{
			"money": `{"when":["message.received"],"if":{"field":"message.text","op":"lexicon","value":"refund"},"then":[{"do":"add_labels","labels":["refund"]},{"do":"add_labels","labels":["unlisted"]},{"do":"priority","priority":"high"},{"do":"reply","text":"We look into it.","text_zh":"我们马上处理。"},{"do":"create_ticket","template":"refund"}]}`,
			"rated": `{"when":["conversation.rated"],"if":{"field":"conversation.rating","op":"most","value":2},"then":[{"do":"note","text":"rated {{conversation.rating}}"}]}`,
		}),
		Templates: map[string]*plan.Template{"refund": {LabelZH: "退款", LabelEN: "Refund", Type: "refund", Subject: "Refund: {{message.text}}", Tasks: []string{"Look at the order"}, Tags: []string{"from-chat"}}},
	})
	h.must(h.db.Tx(t.Context(), func(tx pgx.Tx) error { return h.chat.PutLabel(t.Context(), tx, chat.LabelInfo{Name: "refund"}) }))
	id := h.write("anna", "我要退款")
	h.write("bert", "hello")
	h.work()
	c, err := h.chat.Conversation(t.Context(), id)
	h.must(err)
	if !slices.Equal(c.Labels, []string{"refund"}) || c.Urgency != 2 {
		t.Errorf("%+v", c)
	}
	run := h.runsOf("money")
	if len(run) != 1 || run[0].Steps[1].Result != Refused || run[0].Steps[1].Reason != "bad" || run[0].Steps[3].Result != Done {
		t.Fatalf("runs: %+v", run)
	}
	all, err := h.chat.Thread(t.Context(), id, 0, 0, 50)
	h.must(err)
	if last := all[len(all)-1]; last.Text != "我们马上处理。" || last.Author.Name != "rule:money" || last.Direction != chat.Out {
		t.Errorf("the reply: %+v", last)
	}
	n, _ := strconv.Atoi(strings.TrimPrefix(run[0].Steps[4].Ref, "ticket:"))
	k := h.ticket(ticket.ID(n))
	if k.Subject != "Refund: 我要退款" || k.Source != "rule" || k.SourceRef != "conversation:"+id.String() || k.CreatedBy != "rule:money" {
		t.Errorf("the ticket: %+v", k)
	}
	if _, err := h.chat.Rate(t.Context(), id, 1); err != nil {
		t.Fatal(err)
	}
	h.work()
	if n := h.number(`select count(*) from messages where kind = 'note' and text = 'rated 1'`); n != 1 {
		t.Errorf("%d notes of the rating", n)
	}
}

func TestAMacroIsPreviewedRunAndUndone(t *testing.T) {
	h := open(t, Book{Macros: map[string]*plan.Macro{
		"mine":   {Label: "Mine, urgent", For: []string{"ticket", "conversation"}, Actions: []plan.Action{{Do: "assign", User: "me"}, {Do: "priority", Priority: "urgent"}, {Do: "add_labels", Labels: []string{"hot"}}, {Do: "note", Text: "{{agent.name}} takes #{{ticket.id}}"}}},
		"chiefs": {Label: "For chiefs", For: []string{"ticket"}, Role: "supervisor", Actions: []plan.Action{{Do: "close"}}},
		"queue":  {Label: "Of a queue", For: []string{"ticket"}, Queues: []string{"support"}, Actions: []plan.Action{{Do: "close"}}},
	}})
	ann := Agent{User: h.user("ann", "agent"), Username: "ann", Name: "Ann", May: func(least string) bool { return least == "agent" }}
	if all := h.Macros(ann, "ticket"); len(all) != 1 || all[0].Name != "mine" {
		t.Errorf("an agent has %+v", all)
	}
	ann.Queues = []string{"support"}
	if all := h.Macros(ann, "ticket"); len(all) != 2 {
		t.Errorf("a member has %+v", all)
	}
	if _, err := h.RunMacro(t.Context(), "chiefs", []Object{{"ticket", "1001"}}, ann, false); err != ErrMacro {
		t.Errorf("an agent runs what is for chiefs: %v", err)
	}
	a, b := h.create(ticket.Draft{}), h.create(ticket.Draft{})
	on := []Object{{"ticket", fmt.Sprint(a.ID)}, {"ticket", fmt.Sprint(b.ID)}, {"ticket", "99"}, {"ticket", "x"}}
	dry, err := h.RunMacro(t.Context(), "mine", on, ann, true)
	h.must(err)
	if len(dry) != 4 || dry[0].Steps[1].Result != Would || string(dry[0].Steps[1].Was) != `"normal"` || string(dry[0].Steps[1].To) != `"urgent"` || dry[2].Reason != "gone" || dry[3].State != "refused" {
		t.Errorf("preview: %+v", dry)
	}
	if h.ticket(a.ID).Version != 1 || h.number(`select count(*) from rule_runs`) != 0 {
		t.Error("a preview changed something")
	}
	did, err := h.RunMacro(t.Context(), "mine", on[:2], ann, false)
	h.must(err)
	k := h.ticket(a.ID)
	if k.Assignee != ann.User || k.Priority.String() != "urgent" || !slices.Equal(k.Tags, []string{"hot"}) || did[1].Steps[3].Result != Done {
		t.Errorf("%+v\n%+v", k, did)
	}
	// Somebody changes one thing meanwhile: that stays, the rest goes back.
	tags := []string{"hot", "new"}
	_, err = h.tickets.Change(t.Context(), a.ID, ticket.Patch{Tags: &tags}, ticket.AgentActor("eva"))
	h.must(err)
	if _, err := h.Undo(t.Context(), did[0].ID, Agent{User: 99, Username: "bob", May: func(least string) bool { return least == "agent" }}); err != ErrNotYours {
		t.Errorf("another agent undoes it: %v", err)
	}
	back, err := h.Undo(t.Context(), did[0].ID, ann)
	h.must(err)
	if k := h.ticket(a.ID); k.Assignee != 0 || k.Priority.String() != "normal" || !slices.Equal(k.Tags, tags) {
		t.Errorf("after undoing: %+v", k)
	}
	if back.Steps[2].Reason != "not undone: changed since" || back.Steps[3].Reason != "not undone: it is said" {
		t.Errorf("%+v", back.Steps)
	}
	if _, err := h.Undo(t.Context(), did[0].ID, ann); err == nil {
		t.Error("undone twice")
	}
	id := h.write("anna", "hello")
	did, err = h.RunMacro(t.Context(), "mine", []Object{{"conversation", id.String()}}, ann, false)
	h.must(err)
	c, err := h.chat.Conversation(t.Context(), id)
	h.must(err)
	if c.Assignee == nil || *c.Assignee != ann.User || c.Urgency != 3 || did[0].Steps[2].Reason != "bad" { // no such label
		t.Errorf("%+v %+v", c, did)
	}
	if _, err := h.Undo(t.Context(), did[0].ID, ann); err != nil {
		t.Error(err)
	}
	if c, _ := h.chat.Conversation(t.Context(), id); c.Assignee != nil || c.Urgency != 1 {
		t.Errorf("after undoing: %+v", c)
	}
}

// program is the other end of webhooks.
type program struct {
	*httptest.Server
	mu     sync.Mutex
	answer []int // of the next letters; 200 when none is left
	got    []Letter
	wrong  []string
}

const secret = "whsec_tingxin_test"

func newProgram(t *testing.T) *program {
	p := &program{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		defer p.mu.Unlock()
		var l Letter
		if err := outbound.Verify(secret, r.Header.Get(outbound.Header), body, time.Now()); err != nil || json.Unmarshal(body, &l) != nil || l.ID != r.Header.Get("Idempotency-Key") {
			p.wrong = append(p.wrong, fmt.Sprint(err, string(body)))
		}
		status := 200
		if len(p.answer) > 0 {
			status, p.answer = p.answer[0], p.answer[1:]
		}
		if status == 200 {
			p.got = append(p.got, l)
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(p.Close)
	return p
}

func (h *house) letters(state string) int64 {
	return h.number(`select count(*) from hook_deliveries where state = $1`, state)
}

func TestLettersAreSignedTriedAgainInOrderAndReplayed(t *testing.T) {
	p := newProgram(t)
	h := open(t, Book{Targets: map[string]*plan.Target{"crm": {URL: p.URL + "/x", Secret: secret, Events: []string{"ticket.created", "ticket.priority"}, Texts: true, Rate: 100}}})
	k, other := h.create(ticket.Draft{Subject: "Mine"}), h.create(ticket.Draft{Subject: "Other"})
	for _, u := range []string{"high", "urgent"} {
		var p ticket.Patch
		p.Priority = new(k.Priority)
		h.must(p.Priority.UnmarshalText([]byte(u)))
		_, err := h.tickets.Change(t.Context(), k.ID, p, ticket.AgentActor("ann"))
		h.must(err)
	}
	p.answer = []int{503, 200}
	h.work() // the first of the ticket fails: its next ones wait, the other ticket's goes
	if len(p.got) != 1 || p.got[0].Object.ID != fmt.Sprint(other.ID) {
		t.Fatalf("%+v", p.got)
	}
	h.at = h.at.Add(6 * time.Second)
	h.work()
	var seen []string
	for _, l := range p.got[1:] {
		seen = append(seen, fmt.Sprintf("%s %v %v", l.Type, l.Data["priority"], l.Texts["ticket.subject"]))
	}
	if want := []string{"ticket.created normal Mine", "ticket.priority high Mine", "ticket.priority urgent Mine"}; !slices.Equal(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	if len(p.wrong) > 0 || h.letters("sent") != 4 {
		t.Errorf("wrong: %q, %d sent", p.wrong, h.letters("sent"))
	}
	// What the other side refuses is dead at once, and can be sent again.
	p.answer = []int{410}
	third := h.create(ticket.Draft{})
	h.work()
	dead, err := h.Deliveries(t.Context(), "crm", "dead", math.MaxInt64, 10)
	h.must(err)
	if len(dead) != 1 || dead[0].Status != 410 || dead[0].ObjectID != fmt.Sprint(third.ID) {
		t.Fatalf("dead: %+v", dead)
	}
	h.must(h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		n, err := h.Replay(t.Context(), tx, "crm", nil)
		if n != 1 {
			t.Errorf("%d sent again", n)
		}
		return err
	}))
	h.work()
	if h.letters("dead") != 0 || p.got[len(p.got)-1].Object.ID != fmt.Sprint(third.ID) {
		t.Error("it was not sent again")
	}
	// Again and again in vain: dead in the end.
	p.Close()
	h.create(ticket.Draft{})
	for range len(hookBackoff) + 1 {
		h.work()
		h.at = h.at.Add(25 * time.Hour)
	}
	if h.letters("dead") != 1 || h.letters("waiting") != 0 {
		t.Errorf("%d dead, %d waiting", h.letters("dead"), h.letters("waiting"))
	}
}

func TestLettersDoNotGoInside(t *testing.T) {
	p := newProgram(t)
	h := open(t, Book{Targets: map[string]*plan.Target{"in": {URL: "https://localhost:1/", Secret: secret, Events: []string{"ticket.created"}}}})
	h.guard = outbound.Guard{}
	h.client = h.guard.Client(time.Second, 1)
	h.create(ticket.Draft{})
	h.work()
	if d, _ := h.Deliveries(t.Context(), "", "dead", 0, 10); len(d) != 1 || d[0].Reason != "the address is not allowed" || h.Stats().Blocked != 1 {
		t.Errorf("%+v %+v", d, h.Stats())
	}
	if err := h.guard.CheckURL(p.URL); err == nil {
		t.Error("http inside is allowed")
	}
	if got, err := h.Try(t.Context(), "in"); err != nil || got.OK {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := h.Try(t.Context(), "none"); err != ErrTarget {
		t.Error(err)
	}
}

func TestATargetGetsNoMoreThanItsRate(t *testing.T) {
	p := newProgram(t)
	h := open(t, Book{Targets: map[string]*plan.Target{"slow": {URL: p.URL, Secret: secret, Events: []string{"ticket.created"}, Rate: 2}}})
	for range 5 {
		h.create(ticket.Draft{})
	}
	for _, want := range []int{2, 4, 5} {
		h.work()
		if len(p.got) != want {
			t.Fatalf("%d letters, want %d", len(p.got), want)
		}
		h.at = h.at.Add(time.Second)
	}
	if n := h.number(`select max(attempts) from hook_deliveries`); n != 1 {
		t.Errorf("who waits for the next second has %d attempts behind it", n)
	}
}

// TestATargetThatHangsHoldsNobodyElse: its letters take half of the workers at most.
func TestATargetThatHangsHoldsNobodyElse(t *testing.T) {
	h := open(t, Book{})
	slow := &plan.Target{Rate: 100}
	for k := range mostFlying {
		if !h.depart("slow", slow) {
			t.Fatalf("letter %d does not go", k+1)
		}
	}
	if h.depart("slow", slow) || !h.depart("other", nil) {
		t.Error("a third letter went to the one that hangs, or none to the other")
	}
	if full := h.fullTargets(h.book.Load()); !slices.Equal(full, []string{"slow"}) {
		t.Errorf("full: %v", full)
	}
	h.arrive("slow")
	if !h.depart("slow", slow) {
		t.Error("it answered, and gets nothing more")
	}
}

func TestOldEventsAreForgotten(t *testing.T) {
	h := open(t, Book{})
	h.create(ticket.Draft{})
	h.work()
	h.at = h.at.AddDate(0, 0, 15)
	h.must(h.Tidy(t.Context()))
	if n := h.number(`select count(*) from rule_events`); n != 0 {
		t.Errorf("%d events are left", n)
	}
}

func TestCallsContactsAndAlertsAreEvents(t *testing.T) {
	h := open(t, Book{
		Rules: rules(t, map[string]string{
			"outcome": `{"when":["call.wrapped"],"if":{"all":[{"field":"call.disposition","op":"in","value":["complaint"]},{"field":"contact.vip","op":"is","value":true}]},"then":[{"do":"create_ticket","template":"complaint"}]}`,
			"low":     `{"when":["call.rated"],"if":{"field":"call.score","op":"most","value":2},"then":[{"do":"notify","users":["eva"],"text":"{{call.score}} of {{contact.name}}"}]}`,
			"left":    `{"when":["call.voicemail"],"if":{"field":"call.queue","op":"is","value":"support"},"then":[{"do":"notify","users":["eva"],"text":"voice mail"}]}`,
			"alert":   `{"when":["queue.alert"],"if":{"field":"queue.severity","op":"is","value":"critical"},"then":[{"do":"notify","users":["eva"],"text":"{{queue.id}}: {{queue.metric}} {{queue.value}}"}]}`,
		}),
		Templates: map[string]*plan.Template{"complaint": {LabelZH: "投诉", LabelEN: "Complaint", Type: "complaint", Subject: "{{contact.name}} complains", Complaint: true}},
	})
	eva := h.user("eva", "supervisor")
	const id = "01a223da-7569-7625-95c2-aa74ddf95741"
	for _, sql := range []string{
		`insert into contacts (id, root, name, vip) values (7, 7, 'Anna', true)`,
		`insert into calls (id, state, direction, started_at, contact_id) values ('` + id + `', 'active', 'in', now() - interval '1 minute', 7)`,
		`update calls set state = 'ended', ended_at = now(), cause = 'caller' where id = '` + id + `'`,
		`insert into wrap_ups (call_id, username, disposition) values ('` + id + `', 'ann', 'complaint')`,
		`insert into survey_answers (call_id, n, survey, score, at) values ('` + id + `', 1, 's', 1, now())`,
		`insert into voice_messages (id, call_id, box_kind, box, at, state) values ('` + id + `', '` + id + `', 'queue', 'support', now(), 'open')`,
		`update voice_messages set state = 'kept'`,
		`insert into queue_alerts (rule, scope, severity, metric, operator, bound, value, raised_at) values ('r', 'support', 'critical', 'waiting', '>', 5, 9, now())`,
		`update queue_alerts set ended_at = now()`,
	} {
		if _, err := h.db.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	types, err := pg.Rows(t.Context(), h.db, pgx.RowTo[string], `select type from rule_events order by id`)
	h.must(err)
	if want := "contact.created call.started call.ended call.wrapped call.rated call.voicemail queue.alert queue.alert_over"; strings.Join(types, " ") != want {
		t.Errorf("events %v, want %s", types, want)
	}
	h.work()
	if n := h.number(`select count(*) from tickets where subject = 'Anna complains' and complaint and contact_id = 7 and source_ref = 'call:` + id + `'`); n != 1 {
		t.Errorf("%d tickets", n)
	}
	all, err := h.Notifications(t.Context(), eva, 10)
	h.must(err)
	var said []string
	for _, n := range all {
		said = append(said, n.Text)
	}
	if want := "support: waiting 9; voice mail; 1 of Anna"; strings.Join(said, "; ") != want {
		t.Errorf("said %q, want %s", said, want)
	}
	h.must(h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		if n, err := h.ContactHits(t.Context(), tx, []int64{7}); n != 2 || err != nil {
			t.Errorf("%d hits, %v", n, err)
		}
		_, err := h.EraseContact(t.Context(), tx, []int64{7})
		return err
	}))
	if left, _ := h.Notifications(t.Context(), eva, 10); len(left) != 1 {
		t.Errorf("left: %+v", left)
	}
}

func TestFollowersAreToldOnceOfWhatTheyAskedFor(t *testing.T) {
	h := open(t, Book{})
	k := h.create(ticket.Draft{})
	users := map[string]int64{}
	for name, told := range map[string]string{"all": "all", "pub": "public", "priv": "private", "author": "all", "none": ""} {
		users[name] = h.user(name, "agent")
		if told != "" {
			h.must(h.tickets.FollowFor(t.Context(), k.ID, users[name], told))
		}
	}
	h.work() // the creation tells nobody
	_, _, err := h.tickets.Comment(t.Context(), k.ID, "it is on its way", true, ticket.AgentActor("author"))
	h.must(err)
	_, _, err = h.tickets.Comment(t.Context(), k.ID, "only for us", false, ticket.AgentActor("author"))
	h.must(err)
	h.work()
	_, err = h.db.Exec(t.Context(), `update rule_events set state = 'new' where type = 'ticket.commented'`) // as after a crash
	h.must(err)
	h.work()
	for name, want := range map[string][]string{"all": {"noted", "replied"}, "pub": {"replied"}, "priv": {"noted"}, "author": nil, "none": nil} {
		got, err := h.Notifications(t.Context(), users[name], 10)
		h.must(err)
		var kinds []string
		for _, n := range got {
			kinds = append(kinds, n.Kind)
			if n.Text != k.Subject || n.ObjectID != fmt.Sprint(k.ID) {
				t.Errorf("%s reads %+v", name, n)
			}
		}
		slices.Sort(kinds)
		if !slices.Equal(kinds, want) {
			t.Errorf("%s was told of %v, want %v", name, kinds, want)
		}
	}
}
