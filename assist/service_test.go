package assist

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"tingxin/call"
	"tingxin/chat"
	"tingxin/contact"
	"tingxin/event"
	"tingxin/kb"
	"tingxin/nlp/embed/embedtest"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bag stands for the models.
type bag = embedtest.Bag

// slate is a channel whose customers read the rows.
type slate struct{}

func (slate) Name() string                                             { return "slate" }
func (slate) Decode(context.Context, chat.Raw) ([]chat.Inbound, error) { return nil, io.EOF }
func (slate) Send(context.Context, chat.Outgoing) chat.Result {
	return chat.Result{Outcome: chat.Delivered}
}
func (slate) Limits(string) chat.Limits { return chat.Limits{Pull: true, Live: true} }

// house is a service over a database with articles, conversations and calls.
type house struct {
	*Service
	t     *testing.T
	db    *pg.DB
	bus   *event.Bus
	chats *chat.Service
	calls *call.Store
	user  int64
	n     int
}

var chief = kb.Actor{Name: "li", Edit: true, Approve: true}

func open(t *testing.T) *house {
	t.Helper()
	return openWith(t, func(*Parts) {})
}

// openWith is open with other parts.
func openWith(t *testing.T, change func(*Parts)) *house {
	t.Helper()
	h := &house{t: t, db: pgtest.New(t), bus: event.NewBus()}
	quiet := slog.New(slog.DiscardHandler)
	articles, err := kb.New(kb.Config{}, h.db, bag{}, quiet)
	must(t, err)
	for _, a := range []kb.Content{
		{Title: "How do I return an item?", Body: "Choose After-sales in the order. We collect it.", Variants: []kb.Variant{{Text: "return process"}, {Text: "send an item back"}, {Text: "give back an item"}}, Audience: kb.Agents},
		{Title: "When do I get my refund?", Body: "Within five working days.", Variants: []kb.Variant{{Text: "refund time"}, {Text: "refund not received"}, {Text: "how long for a refund"}}},
		{Title: "When will my order ship?", Body: "Within 24 hours of payment.", Variants: []kb.Variant{{Text: "shipping time"}, {Text: "ship my order"}, {Text: "order not shipped"}}},
		{Title: "How do I get an invoice?", Body: "In the order, choose Invoice.", Variants: []kb.Variant{{Text: "electronic invoice"}, {Text: "download invoice"}, {Text: "invoice for my company"}}},
	} {
		r, err := articles.Store().Create(t.Context(), chief, strings.ToLower(strings.Fields(a.Title)[len(strings.Fields(a.Title))-1][:4]), "en", kb.Edit{Content: a, Owner: "mei", ReviewBy: "2020-01-01"}, nil)
		must(t, err)
		_, err = articles.Store().Move(t.Context(), chief, r.ID, r.Version, kb.Live, "", false, nil)
		must(t, err)
	}
	must(t, articles.Start(t.Context()))
	t.Cleanup(func() { articles.Close() })
	must(t, articles.Wait(t.Context()))
	jobs := pg.NewJobs(h.db, quiet)
	h.chats, err = chat.New(chat.Config{Files: t.TempDir()}, chat.Parts{DB: h.db, Bus: h.bus, Jobs: jobs}, quiet)
	must(t, err)
	h.chats.AddChannel(slate{})
	h.calls = call.NewStore(h.db)
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `insert into users (username, name, role, password_hash) values ('mei', 'Mei', 'agent', 'x') returning id`).Scan(&h.user)
	}))
	parts := Parts{DB: h.db, Bus: h.bus, Calls: h.calls, Articles: articles, Chat: h.chats, Embed: bag{}}
	change(&parts)
	h.Service, err = New(Config{}, parts, quiet)
	must(t, err)
	must(t, h.Start(t.Context()))
	t.Cleanup(func() { h.Close(); h.bus.Close() })
	return h
}

// writes lets a customer write; it gives the subject of the conversation.
func (h *house) writes(user, text string) Subject {
	h.t.Helper()
	h.n++
	m, err := h.chats.Receive(h.t.Context(), chat.Inbound{Channel: "slate", Account: "a", ExternalID: fmt.Sprint(user, h.n), User: user, Name: "Zhang Wei", Text: text})
	must(h.t, err)
	return Subject{OfConversation, m.Thread.String()}
}

// answers lets an agent answer.
func (h *house) answers(sub Subject, text string) {
	h.t.Helper()
	h.n++
	var id int64
	_, err := fmt.Sscan(sub.ID, &id)
	must(h.t, err)
	_, err = h.chats.Send(h.t.Context(), chat.Draft{Conversation: chat.ID(id), Author: chat.Author{Kind: chat.Agent, User: h.user, Name: "Mei"}, Text: text, ClientID: fmt.Sprint("c", h.n)})
	must(h.t, err)
}

// rated closes a conversation with stars.
func (h *house) rated(sub Subject, stars int) {
	h.t.Helper()
	_, err := h.db.Exec(h.t.Context(), `update conversations set rating = $2, rated_at = now(), state = 'closed', first_human_at = now() where id = $1`, sub.ID, stars)
	must(h.t, err)
}

func (h *house) look(sub Subject) Board {
	h.t.Helper()
	b, err := h.Board(h.t.Context(), sub, "mei")
	must(h.t, err)
	return b
}

func (h *house) count(sql string, args ...any) int {
	h.t.Helper()
	n, err := pg.Row(h.t.Context(), h.db, pgx.RowTo[int], sql, args...)
	must(h.t, err)
	return n
}

func TestCardsFollowATalk(t *testing.T) {
	t.Parallel()
	h := open(t)
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := h.Store().PutScript(t.Context(), tx, "returns", 0, false, greeting(), "", "li")
		return err
	}))
	sub := h.writes("u1", "I want to send an item back")
	first := h.look(sub)
	if first.Answer == nil || first.Answer.Title != "How do I return an item?" || first.Answer.P < minP || first.Answer.Owner != "mei" || !first.Answer.Overdue || first.Answer.Why.Variant == "" || first.Answer.Card == 0 {
		t.Fatalf("%+v", first.Answer)
	}
	if first.Do == nil || first.Do.Action != CreateTicket || first.Do.Path != "/tickets" || first.Do.Body["source_ref"] != sub.ID {
		t.Fatalf("%+v", first.Do)
	}
	// The same again: nothing moved, nothing is logged twice.
	again := h.look(sub)
	if again.Answer.Card != first.Answer.Card || again.Do.Card != first.Do.Card || !again.At.Equal(first.At) {
		t.Errorf("the cards moved: %+v, then %+v", first, again)
	}
	if n := h.count(`select count(*)::int from assist_outcomes where what = 'shown' and actor = 'mei'`); n != 2 {
		t.Errorf("%d cards were shown, want 2", n)
	}
	// Thanks answer nothing; a value is filled in without another card.
	h.writes("u1", "my order is A2025070101")
	b := h.look(sub)
	if b.Answer == nil || b.Answer.Card != first.Answer.Card {
		t.Errorf("the answer went away: %+v", b.Answer)
	}
	if len(b.Do.Slots) != 1 || b.Do.Slots[0].Value != "A2025070101" {
		t.Errorf("%+v", b.Do)
	}
	// A script chosen by hand hears what was said before, and goes on hearing.
	h.answers(sub, "Hello, my name is Mei")
	if b, err := h.Choose(t.Context(), sub, "returns"); err != nil || b.Script == nil || b.Script.At != 1 || !b.Script.Steps[0].Items[0].Done {
		t.Fatalf("%+v %v", b.Script, err)
	}
	h.answers(sub, "Is that your order number?")
	h.writes("u1", "yes")
	if b := h.look(sub); b.Script.At != 2 || b.Script.Steps[1].Items[1].By != "words" {
		t.Errorf("%+v", b.Script)
	}
	if b, err := h.Tick(t.Context(), sub, "0.0", false); err != nil || b.Script.At != 0 {
		t.Errorf("%+v %v", b.Script, err)
	}
	if _, err := h.Tick(t.Context(), sub, "9.9", true); !isMissing(err) {
		t.Errorf("an item that is none: %v", err)
	}
	// A saved version does not change a talk that goes by an older one.
	d := greeting()
	d.Steps = d.Steps[:1]
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := h.Store().PutScript(t.Context(), tx, "returns", 1, false, d, "shorter", "li")
		return err
	}))
	if b := h.look(sub); len(b.Script.Steps) != 2 || b.Script.Version != 1 {
		t.Errorf("%+v", b.Script)
	}
}

func TestOutcomesAreLogged(t *testing.T) {
	t.Parallel()
	h := open(t)
	sub := h.writes("u1", "when do I get my refund")
	b := h.look(sub)
	card := b.Answer.Card
	must(t, h.Log(t.Context(), Outcome{Card: card, What: Inserted, Actor: "mei"}))
	must(t, h.Log(t.Context(), Outcome{Card: card, What: Sent, Text: b.Answer.Text, Actor: "mei"}))
	must(t, h.Log(t.Context(), Outcome{Card: card, What: Sent, Text: b.Answer.Text + " Really.", Actor: "mei"}))
	if n := h.count(`select distance from assist_outcomes where card_id = $1 and what = 'edited'`, card); n != len(" Really.") {
		t.Errorf("distance %d", n)
	}
	acc, err := h.parts.Articles.Store().Acceptance(t.Context(), b.Answer.Article, time.Now().Add(-time.Hour))
	if err != nil || acc.Shown != 1 || acc.Clicked != 1 || acc.Sent != 1 || acc.Edited != 1 || acc.MeanDistance != 8 {
		t.Errorf("%+v %v", acc, err)
	}
	if taken, shown, err := h.Store().taken(t.Context(), b.Answer.Article, time.Now().Add(-time.Hour)); taken != 1 || shown != 1 || err != nil {
		t.Errorf("taken %d of %d, %v", taken, shown, err)
	}
	// What was dismissed does not come back in this talk.
	must(t, h.Log(t.Context(), Outcome{Card: card, What: Dismissed, Actor: "mei"}))
	h.writes("u1", "refund time please")
	if b := h.look(sub); b.Answer != nil && b.Answer.Article != 0 && b.Answer.Title == "When do I get my refund?" {
		t.Errorf("%+v", b.Answer)
	}
	if err := h.Log(t.Context(), Outcome{Card: 1 << 40, What: Inserted, Actor: "mei"}); !isMissing(err) {
		t.Errorf("a card that is none: %v", err)
	}
}

// An agent's page hears of new cards without asking: for calls in which one of ours talks,
// and conversations that somebody looks at.
func TestCardsAreTold(t *testing.T) {
	t.Parallel()
	h := open(t)
	ids, err := uuid.NewV7()
	must(t, err)
	id := ids.String()
	must(t, h.calls.Begin(t.Context(), call.Record{ID: id, State: call.StateActive, Direction: call.DirectionIn, From: "+8613800138000", StartedAt: time.Now(), Language: "en"}))
	sub := h.bus.Subscribe(64)
	defer sub.Close()
	u := call.Utterance{CallID: id, Side: call.SideCaller, Seq: 1, End: time.Second, Text: "how long for a refund"}
	_, err = h.calls.AddUtterance(t.Context(), u)
	must(t, err)
	h.bus.Publish("call.parties", id, call.PartiesItem{ID: id, Parties: []call.PartyItem{{Leg: 1, Role: "caller"}, {Leg: 2, Role: "agent", User: "mei"}}})
	h.bus.Publish("transcript.final", id, u.Item())
	deadline := time.After(10 * time.Second)
	for {
		select {
		case e := <-sub.C:
			if e.Type != "assist.cards" {
				continue
			}
			if c := e.Data.(Changed); e.Call != id || c.Kind != OfCall || c.ID != id || c.Turn == 0 {
				t.Errorf("%+v", e)
			}
			b := h.look(Subject{OfCall, id})
			if b.Answer == nil || b.Answer.Title != "When do I get my refund?" {
				t.Errorf("%+v", b.Answer)
			}
			return
		case <-deadline:
			t.Fatalf("nobody told: %+v", h.Stats())
		}
	}
}

func TestRepliesAreNobodysOwn(t *testing.T) {
	t.Parallel()
	h := openWith(t, func(p *Parts) { p.Contacts = contact.NewStore(p.DB, contact.Config{}) })
	talk := func(user, question, reply string, stars int) {
		sub := h.writes(user, question)
		h.answers(sub, reply)
		h.rated(sub, stars)
	}
	talk("a", "my purple kettle leaks", "Please put the kettle on a towel and we send a new seal.", 5)
	talk("b", "the purple kettle leaks again", "Please put the kettle on a towel and we send a new seal.", 4)
	talk("c", "my kettle leaks", "Your order A2025070101 is on its way, please wait.", 5)
	talk("d", "my kettle leaks", "Dear Zhang, we are sorry about the leaking kettle.", 5)
	_, err := h.db.Exec(t.Context(), `insert into contacts (id, root, name) values (900, 900, 'Wang Fang')`)
	must(t, err)
	talk("g", "my kettle leaks", "Dear Ms WANG, a new kettle is waiting for you.", 5)
	_, err = h.db.Exec(t.Context(), `update conversations set contact_id = 900 where external_user = 'g'`) // the channel calls her otherwise
	must(t, err)
	talk("e", "my kettle leaks", "You hold it wrongly, this is your own fault.", 2)
	n, err := h.gatherReplies(t.Context())
	must(t, err)
	if n != 1 || h.count(`select uses from assist_replies`) != 2 {
		t.Fatalf("%d replies", n)
	}
	// The newest come first.
	if last, err := h.lastExchanges(t.Context(), 1); err != nil || len(last["en"]) != 1 || last["en"][0].contact != nil || last["en"][0].rating != 4 {
		t.Errorf("%+v %v", last, err)
	}
	b := h.look(h.writes("f", "purple kettle leaks"))
	if b.Answer == nil || b.Answer.Reply == nil || b.Answer.Reply.Uses != 2 || b.Answer.Reply.Rating != 4.5 {
		t.Fatalf("%+v", b.Answer)
	}
	// Another server offers it as soon as it looks again, and never once it is gone.
	later := time.Now()
	parts := h.parts
	parts.Now = func() time.Time { return later }
	other, err := New(Config{}, parts, h.log)
	must(t, err)
	other.replies.Store(&replyShelf{at: later})
	offered := func() bool {
		other.freshen(t.Context())
		r, err := other.nearReply(t.Context(), "en", "purple kettle leaks", nil)
		must(t, err)
		return r != nil
	}
	before := offered()
	if later = later.Add(repliesFor); before || !offered() {
		t.Errorf("before it was old: %v", before)
	}
	defer func() {
		if offered() || other.replies.Load() != nil {
			t.Error("what was erased is offered by another server")
		}
	}()
	// With its people the reply goes too.
	_, err = h.db.Exec(t.Context(), `insert into contacts (id, root, name) values (901, 901, 'A'), (902, 902, 'B')`)
	must(t, err)
	_, err = h.db.Exec(t.Context(), `update conversations set contact_id = case external_user when 'a' then 901 when 'b' then 902 end where external_user in ('a', 'b')`)
	must(t, err)
	_, err = h.gatherReplies(t.Context()) // every night
	must(t, err)
	for i, left := range []int{1, 0} {
		must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
			_, err := h.Store().ErasePerson(t.Context(), tx, []int64{int64(901 + i)})
			if err != nil {
				return err
			}
			hits, err := h.Store().PersonHits(t.Context(), tx, []int64{int64(901 + i)})
			for table, n := range hits {
				if n != 0 {
					t.Errorf("%s still holds %d", table, n)
				}
			}
			return err
		}))
		if n := h.count(`select count(*)::int from assist_replies`); n != left {
			t.Errorf("%d replies are left, want %d", n, left)
		}
	}
}

func TestSnippetsAreFilledIn(t *testing.T) {
	t.Parallel()
	h := open(t)
	st := h.Store()
	put := func(n Snippet, edits bool) (Snippet, error) {
		var out Snippet
		err := h.db.Tx(t.Context(), func(tx pgx.Tx) (err error) {
			out, err = st.PutSnippet(t.Context(), tx, n, h.user, edits, "mei")
			return err
		})
		return out, err
	}
	shared, err := put(Snippet{Shortcut: "/Hi", Lang: "en", Title: "Hello", Text: "Hello {{contact.name}}, about {{slot.order}}: this is {{agent.name}}. {{ slot.email }}"}, true)
	must(t, err)
	if _, err := put(Snippet{Shortcut: "x", Lang: "en", Title: "x", Text: "x"}, false); err != ErrRight {
		t.Errorf("an agent wrote for everybody: %v", err)
	}
	own, err := put(Snippet{Shortcut: "hi", Lang: "en", Title: "My hello", Text: "Hey", Owner: h.user}, false)
	must(t, err)
	for _, n := range []Snippet{{Shortcut: "a b", Lang: "en", Title: "x", Text: "x"}, {Shortcut: "a", Lang: "en", Title: "x", Text: "{{password}}"}, {Shortcut: "a", Lang: "de", Title: "x", Text: "x"}} {
		if _, err := put(n, true); err == nil {
			t.Errorf("%+v was taken", n)
		}
	}
	if shared.Version = 7; true {
		if _, err := put(shared, true); err != ErrVersion {
			t.Errorf("an old version was taken: %v", err)
		}
	}
	must(t, func() error {
		_, err := h.db.Exec(t.Context(), `insert into queues (id, name, settings) values ('vip', 'VIP', '{}')`)
		return err
	}())
	_, err = put(Snippet{Shortcut: "his", Lang: "en", Title: "Of a queue", Text: "x", Queues: []string{"vip"}}, true)
	must(t, err)
	list, err := st.Snippets(t.Context(), h.user, false, "en", "/hi")
	if err != nil || len(list) != 2 || list[0].ID != own.ID {
		t.Errorf("%+v %v", list, err)
	}
	sub := h.writes("u1", "where is order A2025070101? {{agent.name}}")
	f, err := h.UseSnippet(t.Context(), shared.ID, sub, h.user, "Mei")
	must(t, err)
	if f.Text != "Hello Zhang Wei, about A2025070101: this is Mei. {{ slot.email }}" || len(f.Missing) != 1 || f.Missing[0] != "slot.email" {
		t.Errorf("%+v", f)
	}
	if n := h.count(`select uses from assist_snippets where id = $1`, shared.ID); n != 1 {
		t.Errorf("used %d times", n)
	}
}

// Who begins to speak first may be written second: nothing of either is missed.
func TestCardsHearWhoSpeaksAtTheSameTime(t *testing.T) {
	t.Parallel()
	h := open(t)
	must(t, h.db.Tx(t.Context(), func(tx pgx.Tx) error {
		_, err := h.Store().PutScript(t.Context(), tx, "returns", 0, false, greeting(), "", "li")
		return err
	}))
	id := h.called()
	sub, seq := Subject{OfCall, id}, 0
	say := func(side string, start, end int, text string) Board {
		seq++
		_, err := h.calls.AddUtterance(t.Context(), call.Utterance{CallID: id, Side: side, Seq: seq, Start: time.Duration(start) * time.Second, End: time.Duration(end) * time.Second, Text: text})
		must(t, err)
		return h.look(sub)
	}
	say(call.SideAgent, 1, 2, "my name is Mei")
	b, err := h.Choose(t.Context(), sub, "returns")
	if err != nil || b.Script.At != 1 {
		t.Fatalf("%+v %v", b, err)
	}
	if b := say(call.SideCaller, 0, 5, "how long for a refund"); b.Answer == nil || b.Answer.Title != "When do I get my refund?" {
		t.Errorf("the caller began before: %+v", b.Answer)
	}
	say(call.SideCaller, 11, 12, "invoice for my company")
	if b := say(call.SideAgent, 10, 15, "tell me the order number"); !b.Script.Steps[1].Items[0].Done {
		t.Errorf("the agent began before: %+v", b.Script.Steps[1])
	}
	before := h.look(sub)
	if after := h.look(sub); !after.At.Equal(before.At) {
		t.Error("the same again is made anew")
	}
}

// A call for a person is no question: the card keeps answering what was asked before it.
func TestCallForAPersonIsNoQuestion(t *testing.T) {
	talk := &Talk{Lang: "en", Lines: []Line{{Side: Customer, Text: "it is broken, I want my money back"}, {Side: Agent, Text: "What is the reason?"}, {Side: Customer, Text: "agent"}}}
	if got, _ := talk.question(); got != "it is broken, I want my money back" {
		t.Errorf("%q", got)
	}
	talk.Lines = talk.Lines[2:]
	if got, _ := talk.question(); got != "" {
		t.Errorf("%q", got)
	}
}
