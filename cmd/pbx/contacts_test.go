package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/chat"
	webchat "tingxin/chat/web"
	"tingxin/contact"
	"tingxin/event"
	"tingxin/feedback"
	"tingxin/pg"
	"tingxin/pg/pgtest"
	"tingxin/queue"
	"tingxin/rules"
	"tingxin/ticket"
)

// personHouse is the stores as the program joins them.
func personHouse(t *testing.T) *server {
	t.Helper()
	s := newServer(Config{}, slog.New(slog.DiscardHandler))
	s.cfg.Contact.Region = "CN"
	s.cfg.Call.Recording.Dir = t.TempDir()
	s.db = pgtest.New(t)
	s.store = call.NewStore(s.db)
	s.persons = s.contacts()
	tickets := ticket.NewService(s.db, event.NewBus(), nil, ticket.Config{}, s.log)
	s.persons.Register(contact.Noun{Name: "tickets", Source: todos{tickets}, Eraser: todos{tickets}, Exporter: todos{tickets}})
	return s
}

// ended puts an ended call with a sentence and a recording into the database.
func (s *server) ended(t *testing.T, r call.Record, text string) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	r.ID, r.StartedAt = id.String(), time.Now().UTC().Truncate(time.Microsecond)
	r.EndedAt = r.StartedAt.Add(time.Minute)
	file := r.ID + ".wav"
	for _, name := range []string{file, file + peaks} {
		if err := os.WriteFile(filepath.Join(s.cfg.Call.Recording.Dir, name), []byte("sound"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r.Recording = call.Recording{Path: file, State: call.RecordingKept}
	ctx := t.Context()
	if err := s.store.Finish(ctx, r, []call.LegRecord{{N: 1, Side: call.SideCaller}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.AddUtterance(ctx, call.Utterance{CallID: r.ID, Side: call.SideCaller, Seq: 1, Text: text, Raw: text}); err != nil {
		t.Fatal(err)
	}
	return r.ID
}

// Calls from before there were contacts get one each; writing the same number differently is one person, and
// what a number said of consent is the person's.
func TestOldCallsGetTheirContacts(t *testing.T) {
	s := personHouse(t)
	ctx := t.Context()
	a := s.ended(t, call.Record{Direction: call.DirectionIn, From: "13800138000", FromName: "李雷", To: "4008"}, "hello")
	b := s.ended(t, call.Record{Direction: call.DirectionOut, From: "4008", To: "+8613800138000"}, "hello")
	c := s.ended(t, call.Record{Direction: call.DirectionIn, From: "anonymous", To: "4008"}, "hello")
	if err := s.store.AddConsent(ctx, call.ConsentRow{Identity: "+8613800138000", Purpose: call.PurposeEmotion, State: call.ConsentRefused, Source: "user:li", At: time.Now()}); err != nil {
		t.Fatal(err)
	}
	w := &linkWorker{calls: s.store, people: people{s.persons}, log: s.log, batch: 1}
	for _, want := range []int{2, 0} {
		if n, err := w.link(ctx); err != nil || n != want {
			t.Fatalf("linked %d, %v, want %d", n, err, want)
		}
	}
	ra, _ := s.store.Get(ctx, a)
	rb, _ := s.store.Get(ctx, b)
	rc, _ := s.store.Get(ctx, c)
	if ra.Contact == 0 || ra.Contact != rb.Contact || rc.Contact != 0 {
		t.Errorf("contacts %d %d %d", ra.Contact, rb.Contact, rc.Contact)
	}
	id := contact.ID(ra.Contact)
	if l, err := s.persons.State(ctx, id, contact.PurposeEmotion); err != nil || l.State != contact.ConsentRefused {
		t.Errorf("%+v, %v", l, err)
	}
	entries, _, err := s.persons.Timeline(ctx, id, "", 10, []string{"call"})
	if err != nil || len(entries) != 2 || entries[0].ID != b {
		t.Errorf("%+v, %v", entries, err)
	}
}

// A person with calls is taken out with words and recordings, and an archive of them has both.
func TestPersonWithCallsIsExportedAndErased(t *testing.T) {
	s := personHouse(t)
	ctx := t.Context()
	id, err := people{s.persons}.Person(ctx, "13800138000", "李雷")
	if err != nil {
		t.Fatal(err)
	}
	mine := s.ended(t, call.Record{Direction: call.DirectionIn, From: "13800138000", FromName: "李雷", To: "4008", Contact: id}, "my order is late")
	other := s.ended(t, call.Record{Direction: call.DirectionIn, From: "13900139000", To: "4008"}, "another one")
	if err := s.exec(ctx, `insert into queues (id, settings) values ('support', '{}')`); err != nil {
		t.Fatal(err)
	}
	if err := s.exec(ctx, `insert into queue_work (id, entered_at, kind, queue_id, phase, urgency, since, item) values ('w1', now(), 'voice', 'support', 'ended', 'normal', now(), '{"number": "13800138000", "contact": "x", "kind": "voice"}')`); err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`insert into ticket_types (name, label_zh, label_en, queue_id) values ('t1', 't', 't', 'support')`,
		`insert into tickets (type, subject, body, priority, contact_id, source, created_by, created_at, updated_at, state_at) values ('t1', 'late order of Lei', 'b', 'normal', ` + strconv.FormatInt(id, 10) + `, 'agent', 'li', now(), now(), now())`,
		`insert into ticket_comments (ticket_id, by_kind, author, public, body, at) select id, 'customer', 'Lei', true, 'where is it', now() from tickets`,
		`update tickets set fields = '{"size": "42"}'`,
		`insert into ticket_files (ticket_id, name, media_type, bytes, data, at) select id, 'leak.png', 'image/png', 13, 'not a picture', now() from tickets`,
		`insert into bot_sessions (channel, subject, contact_id) values ('api', 's1', ` + strconv.FormatInt(id, 10) + `)`,
		`insert into voice_messages (id, call_id, box_kind, box, at, path, state, transcript) select gen_random_uuid(), '` + mine + `', 'queue', 'support', now(), 'box.wav', 'kept', 'please call me back'`,
		`insert into assist_boards (kind, subject, updated_at) values ('call', '` + mine + `', now()), ('call', '` + other + `', now())`, // made before anybody knew whose calls these are
		`insert into bot_slots (session_id, contact_id, name, value, shown, scope, channel, turn, source, p, expires_at) select id, contact_id, 'order', 'A1', 'A1', 'contact', 'api', 1, 'customer', 1, now() + interval '1 day' from bot_sessions`,
	} {
		if err := s.exec(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	if err := os.WriteFile(filepath.Join(s.cfg.Call.Recording.Dir, "box.wav"), []byte("left sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	if entries, _, err := s.persons.Timeline(ctx, contact.ID(id), "", 10, nil); err != nil || len(entries) != 2 {
		t.Errorf("timeline %+v, %v", entries, err)
	}
	var b bytes.Buffer
	if err := s.persons.Export(ctx, contact.ID(id), true, &b); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		raw, _ := io.ReadAll(r)
		all.WriteString(f.Name + ": " + string(raw) + "\n")
	}
	if got := all.String(); !strings.Contains(got, `"value": "A1"`) || !strings.Contains(got, "leak.png: not a picture") || !strings.Contains(got, `"size": "42"`) || !strings.Contains(got, "please call me back") || !strings.Contains(got, ".wav: left sound") {
		t.Errorf("archive without what the bot noted, the file or the form of the ticket, or the voice message:\n%s", got)
	}
	if got := all.String(); !strings.Contains(got, "my order is late") || !strings.Contains(got, "where is it") || !strings.Contains(got, "media/"+mine+".wav: sound") || strings.Contains(got, "another one") {
		t.Errorf("archive:\n%s", got)
	}

	var job contact.EraseJob
	if err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		job, err = s.persons.RequestErase(ctx, tx, contact.ID(id), "li", "request")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	job, err = s.persons.Erase(ctx, job.ID, nil)
	if err != nil || job.State != contact.EraseDone || job.Counts["calls"] != 1 || job.Counts["utterances"] != 1 || job.Counts["queue_work"] != 1 || job.Counts["tickets"] != 1 || job.Counts["ticket_comments"] != 1 || job.Counts["bot_slots"] != 1 || job.Counts["bot_sessions"] != 1 || job.Counts["assist_boards"] != 1 || job.Files != 4 {
		t.Fatalf("%+v, %v", job, err)
	}
	files, _ := os.ReadDir(s.cfg.Call.Recording.Dir)
	if len(files) != 2 || files[0].Name() != other+".wav" {
		t.Errorf("files %v", files)
	}
	if words, _ := s.store.Utterances(ctx, other); len(words) != 1 {
		t.Errorf("somebody else's words: %v", words)
	}
}

func (s *server) exec(ctx context.Context, sql string) error {
	_, err := s.db.Exec(ctx, sql)
	return err
}

// wholeHouse is personHouse with everybody else who has rows of people, as the program joins them.
func wholeHouse(t *testing.T) *server {
	t.Helper()
	s := personHouse(t)
	s.bus, s.jobs = event.NewBus(), pg.NewJobs(s.db, s.log)
	t.Cleanup(s.bus.Close)
	s.tickets = ticket.NewService(s.db, s.bus, nil, ticket.Config{}, s.log)
	s.cfg.Chat.Files, s.cfg.Chat.KeyFile = t.TempDir(), filepath.Join(t.TempDir(), "key")
	var err error
	if s.queues, err = queue.New(queue.Config{}, s.db, s.bus, nil, s.log); err != nil {
		t.Fatal(err)
	}
	if _, err := s.startChat(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.feedback, err = feedback.NewService(feedback.Config{}, feedback.Parts{DB: s.db, Bus: s.bus, Tickets: s.tickets}, s.log); err != nil {
		t.Fatal(err)
	}
	s.persons.Register(contact.Noun{Name: "feedback", Source: opinions{s.feedback}, Eraser: opinions{s.feedback}, Exporter: opinions{s.feedback}})
	auto, err := rules.New(rules.Config{}, rules.Parts{DB: s.db, Bus: s.bus, Jobs: s.jobs, Chat: s.chat, Tickets: s.tickets}, s.log)
	if err != nil {
		t.Fatal(err)
	}
	s.persons.Register(contact.Noun{Name: "notices", Eraser: notices{auto}})
	if _, err := s.makeCallouts(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestNothingIsLeftOfAPerson: erasing of whoever had a conversation failed at a table that was gone, and names, tags and
// mentions by others stayed in rows that nobody looked into. Every table is searched.
func TestNothingIsLeftOfAPerson(t *testing.T) {
	s := wholeHouse(t)
	ctx := t.Context()
	const name, digits, mail = "郭襄特异", "13877766655", "zyxq@example.cn"
	put := func(sql string, args ...any) {
		t.Helper()
		if _, err := s.db.Exec(ctx, sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	write := func(user, id, text string) chat.Message {
		t.Helper()
		m, err := s.chat.Receive(ctx, chat.Inbound{Channel: webchat.Name, Account: "shop", ExternalID: id, User: user, Name: user, Text: text, Raw: []byte(text)})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var person contact.ID
	if err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		who, tags := name, []string{"zqmark"}
		if person, err = s.persons.Create(ctx, tx, contact.Change{Name: &who, Tags: &tags}); err != nil {
			return err
		}
		for kind, value := range map[contact.Kind]string{contact.KindPhone: digits, contact.KindEmail: mail} {
			if _, err := s.persons.Add(ctx, tx, person, contact.Key{Kind: kind, Value: value, Verified: true, Source: "user:lin"}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	id := int64(person)
	put(`insert into queues (id, settings) values ('support', '{}')`)
	put(`insert into users (username, role, password_hash) values ('lin', 'agent', '')`)
	s.ended(t, call.Record{Direction: call.DirectionIn, From: digits, FromName: name, To: "4008", Contact: id}, "zqmark")
	own := write(name, "1", "zqmark "+name)
	put(`update conversations set contact_id = $2, state = 'closed', last_text = 'zqmark', labels = '{zqmark}' where id = $1`, own.Conversation, id)
	put(`insert into message_drafts (conversation_id, user_id, text, updated_at) select $1, id, 'zqmark', now() from users`, own.Conversation)
	put(`insert into scheduled_messages (conversation_id, user_id, draft, at, created_at) select $1, id, '{"text": "zqmark"}', now(), now() from users`, own.Conversation)
	other := write("somebody", "2", "call my friend at "+digits+" or Zyxq@Example.cn")
	put(`update conversations set last_text = $2 where id = $1`, other.Conversation, "at "+digits)
	put(`insert into bot_sessions (channel, subject, state) values ('api', 's2', $1)`, `{"history": [{"text": "at `+digits+`"}]}`)
	put(`insert into bot_slots (session_id, name, value, raw, shown, scope, channel, turn, source, p, expires_at) select id, 'phone', $1, $1, $1, 'conversation', 'web', 1, 'customer', 1, now() from bot_sessions`, digits)
	put(`insert into bot_turns (session_id, n, at, lang, text, reply, decision, ms) select id, 1, now(), 'en', $1, '[]', 'answer', 1 from bot_sessions`, "at "+digits)
	k, err := s.tickets.Create(ctx, ticket.Draft{Type: "question", Subject: "zqmark", Body: digits, Tags: []string{"zqmark"}, Contact: id, Source: "customer", Tasks: []string{"zqmark"}}, ticket.Actor{Name: name, Kind: "customer"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.tickets.Comment(ctx, k.ID, "zqmark", true, ticket.Customer); err != nil {
		t.Fatal(err)
	}
	child, err := s.tickets.Create(ctx, ticket.Draft{Type: "question", Subject: "zqmark", Parent: k.ID, Source: "agent"}, ticket.AgentActor("lin"))
	if err != nil || child.Contact != id {
		t.Fatalf("the child of a person's ticket is %+v, %v", child, err)
	}
	put(`update tickets set contact_id = null where id = $1`, child.ID) // as they were made before
	one := 1
	if _, err := s.feedback.Add(ctx, feedback.Item{Kind: feedback.CSAT, Source: "api", Origin: "zqmark", Score: &one, Text: "zqmark", Chips: []string{"zqmark"}, Contact: id}); err != nil {
		t.Fatal(err)
	}
	put(`insert into exports (noun, query, rows, state, requested_by, expires_at) values ('tickets', $1, 1, 'ready', 'lin', now())`, `{"text": "`+name+`"}`)
	put(`insert into contact_exports (filter, rows, state, requested_by, requested_at, expires_at) values ($1, 1, 'ready', 'lin', now(), now())`, `{"query": "`+digits+`"}`)
	put(`insert into rule_notices (user_id, object, object_id, text, at, contact_id) select id, 'ticket', '1', 'zqmark', now(), $1 from users`, id)
	put(`insert into call_lists (name, queue_id, mode, attempts, busy_s, no_answer_s, failed_s, preview_s, created_by) values ('l', 'support', 'preview', 1, 1, 1, 1, 60, 'lin')`)
	put(`insert into call_list_entries (list_id, number, name, note, data, state, contact_id) select id, $1, $2, 'zqmark', '{"a": "zqmark"}', 'done', $3 from call_lists`, "+86"+digits, name, id)

	found := func() []string {
		t.Helper()
		tables, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, table := range tables {
			rows, err := pg.Rows(ctx, s.db, pgx.RowTo[string], `select x::text from `+table+` x`)
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range rows {
				low := strings.ToLower(row)
				for _, word := range []string{"zqmark", name, digits, mail} {
					if strings.Contains(low, word) || strings.Contains(low, hex.EncodeToString([]byte(word))) {
						out = append(out, table+": "+row)
						break
					}
				}
			}
		}
		return out
	}
	if len(found()) < 20 {
		t.Fatalf("the test does not see what is there: %q", found())
	}
	var job contact.EraseJob
	if err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		job, err = s.persons.RequestErase(ctx, tx, person, "lin", "request")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if job, err = s.persons.Erase(ctx, job.ID, nil); err != nil || job.State != contact.EraseDone {
		t.Fatalf("%+v, %v", job, err)
	}
	for _, row := range found() {
		t.Errorf("left in %s", row)
	}
	if m, err := s.chat.Thread(ctx, other.Conversation, 0, 0, 10); err != nil || len(m) != 1 || m[0].Text != "call my friend at **** or ****" {
		t.Errorf("%+v, %v", m, err)
	}
}
