package api

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/chat"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/ticket"
)

// floor is an agency whose tickets are given out by its queues, with another queue "other" and an agent bert.
type floor struct {
	*agency
	admin, bert *browser
	bertID      string
}

func newFloor(t *testing.T) *floor {
	t.Helper()
	f := &floor{agency: newAgency(t, func(a *agency, p *Parts) {
		p.Tickets = ticket.NewService(p.DB, p.Bus, a.q, ticket.Config{}, slog.New(slog.DiscardHandler))
	})}
	must(t, f.parts.Tickets.Start(t.Context()))
	t.Cleanup(func() { _ = f.parts.Tickets.Close() })
	f.admin, f.bert = f.as(RoleAdmin), f.as(RoleAgent)
	f.bertID = f.bert.me()
	f.admin.want(http.StatusNoContent, http.MethodPut, "/agents/"+f.bertID, object{"desk": true})
	f.admin.want(http.StatusNoContent, http.MethodPut, "/queues/other", object{"id": "other"})
	return f
}

// work is a piece of work as the board shows it.
func (f *floor) work(id string) (WorkView, bool) {
	f.t.Helper()
	var list WorkList
	f.boss.ok(base+"/queues/work", &list)
	for _, w := range list.Items {
		if string(w.ID) == id {
			return w, true
		}
	}
	return WorkView{}, false
}

// What a supervisor does on the board to the work of a ticket is done to the ticket: it was brought back in line with the
// ticket a second later.
func TestOrdersOnTheBoardHoldForTickets(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	k := f.boss.makeTicket(object{"type": "question", "subject": "Where is it?", "queue": "support"})
	id := string(k.ID.WorkID())
	settled := func(what string, is func(WorkView, bool) bool) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if w, there := f.work(id); is(w, there) {
				return
			} else if time.Now().After(end) {
				t.Fatalf("%s: %v %+v", what, there, w)
			}
		}
	}
	ticketNow := func() ticket.Ticket {
		t.Helper()
		got, err := f.parts.Tickets.Get(t.Context(), k.ID)
		must(t, err)
		return got
	}
	settled("it waits", func(_ WorkView, there bool) bool { return there })
	f.boss.want(http.StatusNoContent, http.MethodPost, "/queues/work/"+id+"/move", object{"queue": "other"})
	if got := ticketNow(); got.Queue != "other" {
		t.Errorf("moved: queue %q", got.Queue)
	}
	settled("moved", func(w WorkView, there bool) bool { return there && w.Queue == "other" })
	f.boss.want(http.StatusUnprocessableEntity, http.MethodPost, "/queues/work/"+id+"/move", object{"queue": "nowhere"})
	for _, agent := range []string{string(f.agent), f.bertID} { // the second time from the hands of the first
		f.boss.want(http.StatusNoContent, http.MethodPost, "/queues/work/"+id+"/assign", object{"agent": agent})
		if got := ticketNow(); fmt.Sprint(got.Assignee) != agent {
			t.Errorf("assigned to %s: %d", agent, got.Assignee)
		}
		settled("assigned", func(w WorkView, there bool) bool { return there && string(w.Agent) == agent })
	}
	f.boss.want(http.StatusNotFound, http.MethodPost, "/queues/work/"+id+"/assign", object{"agent": f.boss.me()}) // no agent
	f.bert.want(http.StatusForbidden, http.MethodDelete, "/queues/work/"+id, nil)
	f.boss.want(http.StatusNoContent, http.MethodDelete, "/queues/work/"+id, nil)
	if got := ticketNow(); got.Queue != "" || got.Assignee != 0 {
		t.Errorf("taken out: %+v", got)
	}
	settled("taken out", func(_ WorkView, there bool) bool { return !there })
	for _, act := range []string{"work.moved", "work.assigned", "work.removed"} {
		if len(f.acts(act)) == 0 {
			t.Errorf("no audit row %s", act)
		}
	}
}

// The same for conversations; one that is open is not taken out of all queues.
func TestOrdersOnTheBoardHoldForConversations(t *testing.T) {
	t.Parallel()
	h, svc := openChat(t)
	q, err := queue.New(queue.Config{Node: "test"}, h.db, h.bus, nil, slog.New(slog.DiscardHandler))
	must(t, err)
	must(t, q.Start(t.Context()))
	t.Cleanup(func() { _ = q.Close() })
	h.parts.Queues = q
	boss, admin := h.as(RoleSupervisor), h.as(RoleAdmin)
	for _, name := range []string{"support", "other"} {
		admin.want(http.StatusNoContent, http.MethodPut, "/queues/"+name, object{"id": name})
	}
	m := write(t, svc, "lei@example.com", "1", "hello")
	must(t, svc.HandOver(t.Context(), m.Conversation, "support", chat.Packet(`{"reason":"asked"}`)))
	id := string(m.Conversation.WorkID())
	_, err = q.Enqueue(t.Context(), queue.Work{ID: queue.WorkID(id), Kind: queue.KindChat, Queue: "support"})
	must(t, err)
	boss.want(http.StatusNoContent, http.MethodPost, "/queues/work/"+id+"/move", object{"queue": "other"})
	c, err := svc.Conversation(t.Context(), m.Conversation)
	must(t, err)
	if c.Queue != "other" || c.Handler != chat.ByQueue || !strings.Contains(string(c.Packet), "asked") {
		t.Errorf("moved: %+v", c)
	}
	boss.want(http.StatusNoContent, http.MethodPost, "/queues/work/"+id+"/assign", object{"agent": admin.me()})
	if c, err = svc.Conversation(t.Context(), m.Conversation); err != nil || c.Handler != chat.ByAgent || c.Assignee == nil || fmt.Sprint(*c.Assignee) != admin.me() {
		t.Errorf("assigned: %+v, %v", c, err)
	}
	boss.want(http.StatusConflict, http.MethodDelete, "/queues/work/"+id, nil)
}

// Whoever names a queue that is not there is told which are.
func TestQueuesThatAreNotThereAreNamed(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.admin.want(http.StatusNoContent, http.MethodPut, "/queues/gone", object{"id": "gone"})
	f.admin.want(http.StatusNoContent, http.MethodDelete, "/queues/gone", nil)
	for _, tc := range []struct {
		who          *browser
		method, path string
		body         any
	}{
		{f.boss, http.MethodGet, "/analytics/volume?by=channel&queue=support,nowhere", nil},
		{f.boss, http.MethodGet, "/analytics/volume/items?column=contacts&queue=nowhere", nil},
		{f.boss, http.MethodGet, "/queues/work?queue=nowhere", nil},
		{f.boss, http.MethodGet, "/missed-calls?queue=nowhere", nil},
		{f.boss, http.MethodGet, "/tickets?queue=nowhere", nil},
		{f.boss, http.MethodGet, "/tickets.csv?queue=nowhere", nil},
		{f.boss, http.MethodPost, "/ticket-views", object{"name": "x", "filter": object{"queue": "nowhere"}}},
		{f.boss, http.MethodGet, "/surveys?queue=nowhere", nil},
		{f.boss, http.MethodGet, "/reports/surveys?queue=nowhere", nil},
		{f.boss, http.MethodGet, "/dispositions?queue=nowhere", nil},
		{f.boss, http.MethodPost, "/exports", object{"noun": "tickets", "query": object{"queue": "nowhere"}}},
		{f.boss, http.MethodPost, "/tickets", object{"type": "question", "subject": "x", "queue": "nowhere"}},
		{f.admin, http.MethodPut, "/ticket-types/x", object{"label_zh": "x", "label_en": "x", "queue": "nowhere"}},
		{f.admin, http.MethodPut, "/sla-policies/x", object{"ord": 1, "filter": object{"queues": []string{"other", "nowhere"}}, "targets": object{}}},
	} {
		a := tc.who.do(tc.method, base+tc.path, tc.body)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(string(a.body), `no queue \"nowhere\"; there are other, support`) {
			t.Errorf("%s %s: %s", tc.method, tc.path, a)
		}
	}
	for _, path := range []string{"/analytics/volume?by=channel&queue=gone", "/missed-calls?queue=gone", "/analytics/volume?by=channel&queue=support,gone", "/tickets?queue=gone", "/surveys?queue=gone", "/dispositions?queue=gone"} { // figures of its time are there
		f.boss.want(http.StatusOK, http.MethodGet, path, nil)
	}
	f.boss.want(http.StatusUnprocessableEntity, http.MethodGet, "/queues/work?queue=gone", nil)
}

// A saved view outlives the queues it names: it opens, and says which are there no more.
func TestViewsOfAQueueThatWasTakenAway(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	f.admin.want(http.StatusNoContent, http.MethodPut, "/queues/gone", object{"id": "gone"})
	f.boss.want(http.StatusCreated, http.MethodPost, "/ticket-views", object{"name": "theirs", "filter": object{"queue": "gone"}})
	f.boss.want(http.StatusCreated, http.MethodPost, "/ticket-views", object{"name": "here", "filter": object{"queue": "support"}})
	said := func() (all string) {
		var list TicketViewList
		f.boss.ok(base+"/ticket-views", &list)
		for _, v := range list.Items {
			all += v.Name + fmt.Sprint(v.GoneQueues)
		}
		return all
	}
	if is := said(); is != "here[]theirs[]" {
		t.Errorf("before: %q", is)
	}
	f.admin.want(http.StatusNoContent, http.MethodDelete, "/queues/gone", nil)
	if is := said(); is != "here[]theirs[gone]" {
		t.Errorf("after: %q", is)
	}
	f.boss.want(http.StatusOK, http.MethodGet, "/tickets?queue=gone", nil) // as the page opens it
}

func TestWallboardOfAQueueThatIsNotThere(t *testing.T) {
	t.Parallel()
	h, _ := openSetup(t)
	b := h.as(RoleAdmin)
	if a := b.want(422, http.MethodPost, "/kiosks", object{"name": "hall", "queues": []string{"support"}}); !strings.Contains(string(a.body), "nor any other yet") {
		t.Error(a)
	}
	b.want(204, http.MethodPut, "/queues/other", object{"id": "other"})
	if a := b.want(422, http.MethodPost, "/kiosks", object{"name": "hall", "queues": []string{"other", "support"}}); !strings.Contains(string(a.body), "there is other") {
		t.Error(a)
	}
	if n := len(h.acts("kiosk.created")); n != 0 {
		t.Errorf("%d wallboards are there", n)
	}
}

// Nothing new is made for a person who was erased, whichever way it is tried.
func TestNothingIsMadeForAnErasedPerson(t *testing.T) {
	t.Parallel()
	f := newFloor(t)
	var id, other int64
	for _, to := range []*int64{&id, &other} {
		n, err := pg.Row(t.Context(), f.db, pgx.RowTo[int64], `with n as (select nextval('contact_ids') as id) insert into contacts (id, root) select id, id from n returning id`)
		must(t, err)
		*to = n
	}
	k := f.boss.makeTicket(object{"type": "question", "subject": "before", "contact": other})
	_, err := f.db.Exec(t.Context(), `update contacts set erased_at = now() where id = $1`, id)
	must(t, err)
	var l CallListView
	f.boss.want(http.StatusCreated, http.MethodPost, "/call-lists", object{"name": "winback", "queue": "support", "purpose": "service"}).into(t, &l)
	for what, tc := range map[string]struct {
		method, path string
		body         object
	}{
		"ticket":         {http.MethodPost, "/tickets", object{"type": "question", "subject": "x", "contact": id}},
		"ticket changed": {http.MethodPatch, fmt.Sprintf("/tickets/%d", k.ID), object{"contact": id}},
		"list entry":     {http.MethodPost, fmt.Sprintf("/call-lists/%d/entries", l.ID), object{"people": []object{{"number": "+8613912345678", "contact": id}}}},
		"feedback":       {http.MethodPost, "/feedback", object{"kind": "idea", "text": "blue", "contact": id}},
		"case":           {http.MethodPost, "/cases", object{"title": "x", "contact": id}},
	} {
		a := f.boss.do(tc.method, base+tc.path, tc.body)
		if a.status != http.StatusConflict || !strings.Contains(string(a.body), "was erased") || !strings.Contains(string(a.body), "urn:tingxin:erased") {
			t.Errorf("%s: %s", what, a)
		}
	}
	left, err := pg.Row(t.Context(), f.db, pgx.RowTo[int64], `select (select count(*) from tickets where contact_id = $1) + (select count(*) from call_list_entries where contact_id = $1)
		+ (select count(*) from feedback where contact_id = $1) + (select count(*) from feedback_cases where contact_id = $1)`, id)
	must(t, err)
	if left != 0 {
		t.Errorf("%d rows are of the erased person", left)
	}
}

// A ticket that is being made while an erasure is about to commit is refused, too.
func TestTicketDuringAnErasure(t *testing.T) {
	t.Parallel()
	h := open(t)
	id, err := pg.Row(t.Context(), h.db, pgx.RowTo[int64], `with n as (select nextval('contact_ids') as id) insert into contacts (id, root) select id, id from n returning id`)
	must(t, err)
	made := make(chan error, 1)
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `update contacts set erased_at = now() where id = $1`, id); err != nil {
			return err
		}
		go func() { // ends with the erasure
			_, err := h.parts.Tickets.Create(t.Context(), ticket.Draft{Type: "question", Subject: "x", Source: "agent", Contact: id}, ticket.System)
			made <- err
		}()
		for waits := false; !waits; { // until it stands before the lock
			select {
			case err := <-made:
				t.Errorf("made, or refused, before the erasure: %v", err)
				made <- err
				return nil
			default:
			}
			if err := h.db.Pool().QueryRow(t.Context(), `select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike '%insert into tickets%')`).Scan(&waits); err != nil {
				return err
			}
		}
		return nil
	}))
	if err := <-made; !errors.Is(err, pg.ErrErased) {
		t.Errorf("after the erasure: %v", err)
	}
}
