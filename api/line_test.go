package api

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/queue"
)

// fakeLine notes what is asked of it.
type fakeLine struct {
	asked  []string
	parked []call.ParkedItem
}

func (f *fakeLine) Originate(o call.Order) (string, error) {
	if o.To.Number == "0" {
		return "", call.ErrTarget
	}
	f.asked = append(f.asked, fmt.Sprint("place ", o.User, " ", o.To.User+o.To.Number, " ", o.Queue))
	return "01890000-0000-7000-8000-000000000009", nil
}

func (f *fakeLine) Park(_ context.Context, id, user, slot string) (string, error) {
	f.asked = append(f.asked, fmt.Sprint("park ", user, " ", slot))
	return "701", nil
}

func (f *fakeLine) Parked() []call.ParkedItem { return f.parked }

func (f *fakeLine) Places() int { return 20 }

func (f *fakeLine) Callbacks(context.Context, queue.QueueID) ([]call.CallbackItem, error) {
	return []call.CallbackItem{{ID: "a", Queue: "support", Number: "555", Phase: queue.Waiting}}, nil
}

func (f *fakeLine) AddCallback(_ context.Context, q queue.QueueID, number string, u queue.Urgency, _ call.Asked) (queue.WorkID, error) {
	if q == "nowhere" {
		return "", queue.ErrNoQueue
	}
	f.asked = append(f.asked, fmt.Sprint("callback ", q, " ", number, " ", u))
	return "b", nil
}

func TestCallsArePlacedAndParked(t *testing.T) {
	line, control := &fakeLine{parked: []call.ParkedItem{{Slot: "701", Call: "x"}}}, &fakeControl{}
	h := open(t, func(_ *Config, p *Parts) { p.Line, p.Control = line, control })
	boss, anna := h.as(RoleSupervisor), h.as(RoleAgent)
	_, err := h.db.Exec(t.Context(), `insert into queues (id, name, settings) values ('support', 'Support', '{}')`)
	must(t, err)
	mine := newCallID(t)
	for name, c := range map[string]struct {
		who    *browser
		path   string
		body   map[string]any
		status int
		asked  string
	}{
		"own telephone":      {anna, "/calls", map[string]any{"to": map[string]string{"number": "13800138000"}, "queue": "support"}, http.StatusAccepted, "place agent2 13800138000 support"},
		"another's":          {anna, "/calls", map[string]any{"to": map[string]string{"user": "bert"}, "user": "cora"}, http.StatusForbidden, ""},
		"for another":        {boss, "/calls", map[string]any{"to": map[string]string{"user": "bert"}, "user": "cora"}, http.StatusAccepted, "place cora bert "},
		"to a queue":         {anna, "/calls", map[string]any{"to": map[string]string{"queue": "support"}}, http.StatusUnprocessableEntity, ""},
		"to nobody":          {anna, "/calls", map[string]any{"to": map[string]string{}}, http.StatusUnprocessableEntity, ""},
		"to no target":       {anna, "/calls", map[string]any{"to": map[string]string{"number": "0"}}, http.StatusUnprocessableEntity, ""},
		"pick up":            {anna, "/parked/701/pick-up", nil, http.StatusAccepted, "place agent2 701 "},
		"pick up nothing":    {anna, "/parked/702/pick-up", nil, http.StatusNotFound, ""},
		"park a foreign one": {anna, "/calls/" + mine + "/park", map[string]any{}, http.StatusForbidden, ""},
		"park by a boss":     {boss, "/calls/" + mine + "/park", map[string]any{"slot": "702"}, http.StatusOK, "park supervisor1 702"},
		"park at a word":     {boss, "/calls/" + mine + "/park", map[string]any{"slot": "here"}, http.StatusUnprocessableEntity, ""},
		"call back":          {anna, "/callbacks", map[string]any{"queue": "support", "number": "+8613800138000", "urgency": "high"}, http.StatusCreated, "callback support +8613800138000 high"},
		"call back nowhere":  {anna, "/callbacks", map[string]any{"queue": "nowhere", "number": "555"}, http.StatusNotFound, ""},
		"for no queue":       {anna, "/calls", map[string]any{"to": map[string]string{"number": "13800138000"}, "queue": "nowhere"}, http.StatusUnprocessableEntity, ""},
		"call back a name":   {anna, "/callbacks", map[string]any{"queue": "support", "number": "sip:a@b"}, http.StatusUnprocessableEntity, ""},
	} {
		line.asked = nil
		var body any
		if c.body != nil {
			body = c.body
		}
		if a := c.who.do(http.MethodPost, base+c.path, body); a.status != c.status {
			t.Errorf("%s: %s, want %d", name, a, c.status)
		}
		if got := strings.Join(line.asked, ";"); got != c.asked {
			t.Errorf("%s: asked %q, want %q", name, got, c.asked)
		}
	}
	var backs CallbackList
	boss.ok(base+"/callbacks?queue=support", &backs)
	if len(backs.Items) != 1 || backs.Items[0].Number != "555" {
		t.Errorf("call-backs %+v", backs)
	}
	if anna.ok(base+"/callbacks", &backs); len(backs.Items) != 0 { // she is in no queue
		t.Errorf("others' call-backs %+v", backs)
	}
	var parked ParkedList
	anna.ok(base+"/parked", &parked)
	if len(parked.Items) != 1 || parked.Places != 20 {
		t.Errorf("parked %+v", parked)
	}
}

// queueLine has the call-backs of real queues.
type queueLine struct {
	fakeLine
	q *queue.Service
}

func (l *queueLine) Callbacks(ctx context.Context, q queue.QueueID) (out []call.CallbackItem, err error) {
	items, err := l.q.Items(ctx, q)
	for i := range items {
		if it := &items[i]; it.Callback != nil {
			out = append(out, call.CallbackItem{ID: it.ID, Queue: it.Queue, Number: it.Callback.Number, Phase: it.Phase, Agent: it.Agent})
		}
	}
	return out, err
}

// An agent takes or cancels call-backs of their own queues only, and takes them when at work.
func TestCallbacksAreTakenAndCancelled(t *testing.T) {
	t.Parallel()
	h, q := openQueues(t)
	h.parts.Line = &queueLine{q: q}
	admin, anna, bert := h.as(RoleAdmin), h.as(RoleAgent), h.as(RoleAgent)
	for _, who := range []*browser{anna, bert} {
		admin.want(http.StatusNoContent, http.MethodPut, "/agents/"+who.me(), object{})
	}
	admin.want(http.StatusNoContent, http.MethodPut, "/queues/support", object{"id": "support", "members": []object{{"user": "agent2"}}})
	for _, id := range []queue.WorkID{"one", "two"} {
		_, err := q.Enqueue(t.Context(), queue.Work{ID: id, Kind: queue.KindVoice, Queue: "support", Number: "555", Callback: &queue.Callback{Number: "555", NotBefore: h.now().Add(time.Hour)}})
		must(t, err)
	}
	var list CallbackList
	if anna.ok(base+"/callbacks", &list); len(list.Items) != 2 {
		t.Fatalf("anna's %+v", list)
	}
	if bert.ok(base+"/callbacks", &list); len(list.Items) != 0 {
		t.Errorf("bert's %+v", list)
	}
	bert.want(http.StatusNotFound, http.MethodPost, "/callbacks/one/take", nil)
	bert.want(http.StatusNotFound, http.MethodDelete, "/callbacks/one", nil)
	anna.want(http.StatusConflict, http.MethodPost, "/callbacks/one/take", nil) // offline
	anna.want(http.StatusNoContent, http.MethodPut, "/agents/me/state", object{"state": "available"})
	anna.want(http.StatusNoContent, http.MethodPost, "/callbacks/one/take", nil)
	anna.want(http.StatusNotFound, http.MethodPost, "/callbacks/none/take", nil)
	items, err := q.Items(t.Context(), "support")
	must(t, err)
	for i := range items {
		if it := &items[i]; it.ID == "one" && (it.Agent != queue.AgentID(anna.me()) || it.Phase != queue.Assigned) || it.ID == "two" && it.Agent != "" {
			t.Errorf("%+v", it)
		}
	}
	anna.want(http.StatusNoContent, http.MethodDelete, "/callbacks/two", nil)
	if admin.ok(base+"/callbacks", &list); len(list.Items) != 1 || list.Items[0].ID != "one" {
		t.Errorf("left %+v", list)
	}
	var n int
	must(t, h.db.Pool().QueryRow(t.Context(), `select count(*) from audit where action in ('callback.taken', 'callback.cancelled')`).Scan(&n))
	if n != 2 {
		t.Errorf("%d audit rows", n)
	}
}

// message puts a kept message with a file into the house.
func (h *house) message(of call.Record, kind, box string, at time.Time) call.Message {
	h.t.Helper()
	m := call.Message{ID: newCallID(h.t), CallID: of.ID, Kind: kind, Box: box, From: of.From, Language: "en", At: at.UTC().Truncate(time.Microsecond), State: call.RecordingKept,
		Duration: 3 * time.Second, Bytes: 100, Ended: "silence", Transcription: call.TranscriptionDone}
	m.Path = "messages/" + m.ID + ".wav"
	path := filepath.Join(h.folder, m.Path)
	must(h.t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(h.t, os.WriteFile(path, []byte("RIFF"+strings.Repeat("x", 96)), 0o600))
	must(h.t, h.store.PutMessage(context.Background(), m))
	_, err := h.db.Exec(context.Background(), `update voice_messages set transcript = 'please call me' where id = $1`, m.ID)
	must(h.t, err)
	return m
}

func TestVoicemail(t *testing.T) {
	h := open(t)
	events := h.bus.Subscribe(256)
	boss, anna, bert := h.as(RoleSupervisor), h.as(RoleAgent), h.as(RoleAgent)
	r := h.endedCall(h.now().Add(-time.Hour))
	ctx := context.Background()
	_, err := h.db.Exec(ctx, `insert into queues (id, settings) values ('support', '{}'), ('sales', '{}')`)
	must(t, err)
	_, err = h.db.Exec(ctx, `with a as (insert into agents (user_id) select id from users where username = 'agent2' returning user_id) insert into queue_members (queue_id, user_id) select 'support', user_id from a`)
	must(t, err)
	first := h.message(r, "agent", "agent2", h.now().Add(-30*time.Minute))
	second := h.message(r, "queue", "support", h.now().Add(-20*time.Minute))
	third := h.message(r, "queue", "sales", h.now().Add(-10*time.Minute))
	comment := h.message(r, "survey", "csat", h.now().Add(-5*time.Minute))
	ids := func(who *browser, query string) string {
		t.Helper()
		var page VoicemailPage
		who.ok(base+"/voicemail"+query, &page)
		names := map[string]string{first.ID: "first", second.ID: "second", third.ID: "third", comment.ID: "comment"}
		var got []string
		for _, m := range page.Items {
			got = append(got, names[m.ID])
		}
		return strings.Join(got, " ")
	}
	for query, want := range map[string]string{"": "second first", "?kind=queue": "second", "?kind=agent&box=agent2": "first", "?unheard=true": "second first"} {
		if got := ids(anna, query); got != want {
			t.Errorf("anna%s: %q, want %q", query, got, want)
		}
	}
	if got := ids(bert, ""); got != "" {
		t.Errorf("bert: %q", got)
	}
	if got := ids(boss, ""); got != "third second first" {
		t.Errorf("boss: %q", got)
	}
	if got := ids(boss, "?kind=survey"); got != "comment" {
		t.Errorf("boss, comments: %q", got)
	}
	var page VoicemailPage
	boss.ok(base+"/voicemail?limit=2", &page)
	if got := ids(boss, "?limit=2&cursor="+page.Next); got != "first" {
		t.Errorf("second page: %q", got)
	}
	for _, bad := range []string{"x", "WzEsMl0", "WzEsInh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4Il0"} {
		if a := boss.get(base + "/voicemail?cursor=" + bad); a.status != http.StatusBadRequest {
			t.Errorf("cursor %s: %s", bad, a)
		}
	}
	// Others' messages are not there; hearing one's own marks it.
	for _, id := range []string{third.ID, comment.ID, newCallID(t), "x"} {
		for _, path := range []string{"", "/audio"} {
			if a := anna.get(base + "/voicemail/" + id + path); a.status != http.StatusNotFound {
				t.Errorf("%s%s: %s", id, path, a)
			}
		}
	}
	if a := anna.get(base+"/voicemail/"+first.ID+"/audio", "Range", "bytes=0-3"); a.status != http.StatusPartialContent || string(a.body) != "RIFF" || a.header.Get("Content-Type") != "audio/wav" {
		t.Errorf("audio: %s", a)
	}
	anna.get(base + "/voicemail/" + first.ID + "/audio")
	var m call.MessageItem
	anna.ok(base+"/voicemail/"+first.ID, &m)
	if m.HeardBy != "agent2" || m.HeardAt == nil || m.Transcript != "please call me" || !m.HasAudio {
		t.Errorf("message %+v", m)
	}
	if got := ids(anna, "?unheard=true"); got != "second" {
		t.Errorf("unheard: %q", got)
	}
	for _, on := range []bool{false, true, true} {
		m = call.MessageItem{}
		a := anna.do(http.MethodPut, base+"/voicemail/"+first.ID+"/heard", map[string]bool{"heard": on})
		a.into(t, &m)
		if a.status != http.StatusOK || (m.HeardAt != nil) != on {
			t.Errorf("heard %v: %s", on, a)
		}
	}
	for _, on := range []bool{true, true, false, true} {
		m = call.MessageItem{}
		a := anna.do(http.MethodPut, base+"/voicemail/"+first.ID+"/done", map[string]bool{"done": on})
		a.into(t, &m)
		if a.status != http.StatusOK || (m.DoneAt != nil) != on || on && m.DoneBy != "agent2" {
			t.Errorf("done %v: %s", on, a)
		}
	}
	if got := ids(anna, "?undone=true"); got != "second" {
		t.Errorf("to be done: %q", got)
	}
	if a := bert.do(http.MethodPut, base+"/voicemail/"+first.ID+"/done", map[string]bool{"done": false}); a.status != http.StatusNotFound {
		t.Errorf("bert sees to it: %s", a)
	}
	if a := bert.do(http.MethodDelete, base+"/voicemail/"+first.ID, nil); a.status != http.StatusNotFound {
		t.Errorf("bert deletes: %s", a)
	}
	if a := anna.do(http.MethodDelete, base+"/voicemail/"+first.ID, nil); a.status != http.StatusNoContent {
		t.Errorf("delete: %s", a)
	}
	anna.ok(base+"/voicemail/"+first.ID, &m)
	if m.HasAudio || m.Transcript != "" {
		t.Errorf("deleted %+v", m)
	}
	if _, err := os.Stat(filepath.Join(h.folder, first.Path)); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	changed := 0
	for len(events.C) > 0 {
		if e := <-events.C; e.Type == "voicemail.changed" {
			changed++
		}
	}
	if changed != 7 { // heard, not heard, heard; done, not done, done; deleted
		t.Errorf("%d changes told, want 7", changed)
	}
	var n int
	must(t, h.db.Pool().QueryRow(ctx, `select count(*) from audit where action like 'message.%' and subject = $1`, "message:"+first.ID).Scan(&n))
	if n != 7 {
		t.Errorf("%d audit rows, want 7", n)
	}
}

// Messages go with the recordings, their words with the words, and no record goes before its message.
func TestRetentionOfMessages(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	old, young := h.endedCall(h.now().AddDate(0, 0, -200)), h.endedCall(h.now().AddDate(0, 0, -100))
	gone, kept := h.message(old, "agent", "anna", old.StartedAt), h.message(young, "agent", "anna", young.StartedAt)
	if n, err := h.store.DeleteRecords(ctx, h.now(), 10); err != nil || n != 0 {
		t.Errorf("%d records went before their messages, %v", n, err)
	}
	r, err := h.Retain(ctx)
	if err != nil || r.Messages != 1 {
		t.Errorf("removed %+v, %v", r, err)
	}
	for m, want := range map[*call.Message]string{&gone: call.RecordingDeleted, &kept: call.RecordingKept} {
		now, err := h.store.Message(ctx, m.ID)
		_, errFile := os.Stat(filepath.Join(h.folder, m.Path))
		if err != nil || now.State != want || os.IsNotExist(errFile) != (want == call.RecordingDeleted) || (now.Transcript == "") != (want == call.RecordingDeleted) {
			t.Errorf("%+v, %v, %v; want %s", now, err, errFile, want)
		}
	}
}

func TestSurveys(t *testing.T) {
	h := open(t)
	ctx := context.Background()
	boss, anna := h.as(RoleSupervisor), h.as(RoleAgent)
	r := h.endedCall(h.now().Add(-time.Hour))
	comment := h.message(r, "survey", "csat", h.now())
	for i, a := range []struct {
		score int
		agent string
	}{{5, "agent2"}, {2, "agent2"}, {0, "agent2"}, {1, "bert"}} {
		answer := call.Answer{CallID: r.ID, N: i + 1, Survey: "csat", Question: "How was it?", Queue: "support", Agent: a.agent, At: h.now().Add(time.Duration(i) * time.Second)}
		if a.score > 0 {
			answer.Score, answer.By = &a.score, "key"
		}
		if i == 0 {
			answer.Comment = comment.ID
		}
		must(t, h.store.AddAnswer(ctx, answer))
		must(t, h.store.AddAnswer(ctx, answer))
	}
	var list AnswerList
	anna.ok(base+"/surveys", &list)
	if len(list.Items) != 3 || list.Items[2].Words != "please call me" || list.Items[2].Comment != comment.ID || list.Items[0].Score != nil {
		t.Errorf("anna's %+v", list)
	}
	boss.ok(base+"/surveys?agent=bert&survey=csat", &list)
	if len(list.Items) != 1 || *list.Items[0].Score != 1 {
		t.Errorf("bert's %+v", list)
	}
	boss.ok(base+"/surveys?call="+r.ID, &list)
	if len(list.Items) != 4 {
		t.Errorf("of the call %+v", list)
	}
	_, err := h.db.Exec(ctx, `insert into queues (id, name, settings) values ('support', 'Support', '{}')`)
	must(t, err)
	var report AnswerReport
	boss.ok(base+"/reports/surveys?queue=support", &report)
	if len(report.Items) != 2 || report.Items[0].Agent != "agent2" || report.Items[0].Asked != 3 || report.Items[0].Answered != 2 || *report.Items[0].Mean != 3.5 {
		t.Errorf("report %+v", report)
	}
}

func FuzzMessageCursor(f *testing.F) {
	f.Add("WzEsMl0")
	f.Add(cursorOf(&call.Message{ID: "01890000-0000-7000-8000-000000000000", At: time.Now()}))
	f.Fuzz(func(t *testing.T, s string) {
		m, err := messageCursor(s)
		if err != nil {
			return
		}
		again, err := messageCursor(cursorOf(m))
		if err != nil || again.ID != m.ID || !again.At.Equal(m.At) {
			t.Errorf("%q: %+v, then %+v, %v", s, m, again, err)
		}
	})
}
