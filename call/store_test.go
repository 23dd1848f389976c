package call_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"tingxin/asr"
	"tingxin/call"
	"tingxin/pg"
	"tingxin/pg/pgtest"
)

// noon is when the calls of these tests begin.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 123456000, time.UTC)

func newID(t testing.TB) string {
	t.Helper()
	id, err := uuid.NewV7()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// ringing is a new call that started the given time after noon.
func ringing(t testing.TB, after time.Duration) call.Record {
	return call.Record{ID: newID(t), State: call.StateRinging, Direction: call.DirectionIn, From: "+8613800138000", FromName: "Mei",
		To: "4008", Trunk: "north", Route: "welcome", Language: "en", StartedAt: noon.Add(after), Node: "a",
		Transcription: map[string]string{call.SideCaller: call.TranscriptionLive, call.SideAgent: call.TranscriptionOff}}
}

// ended is r as it is after a call of a minute.
func ended(r call.Record) call.Record {
	r.State, r.AnsweredAt, r.EndedAt = call.StateEnded, r.StartedAt.Add(2*time.Second), r.StartedAt.Add(62*time.Second)
	r.Cause, r.SIPStatus, r.Consent = call.CauseCallerHangup, 200, call.ConsentAnnounced
	r.Recording = call.Recording{Path: "2026/03/" + r.ID + ".wav", Duration: time.Minute, Bytes: 1 << 20, SHA256: "ab", State: call.RecordingKept}
	r.Data = map[string]any{"choice": "2"}
	return r
}

func said(r call.Record, side string, seq int, text string) call.Utterance {
	return call.Utterance{CallID: r.ID, Side: side, Seq: seq, Segment: uint64(seq), Start: time.Duration(seq) * time.Second,
		End: time.Duration(seq)*time.Second + 800*time.Millisecond, Text: text, Raw: text, Language: r.Language, Turn: seq}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func add(t testing.TB, s *call.Store, utterances ...call.Utterance) {
	t.Helper()
	for _, u := range utterances {
		inserted, err := s.AddUtterance(t.Context(), u)
		must(t, err)
		if !inserted {
			t.Fatalf("utterance %d was there before", u.Seq)
		}
	}
}

func TestRecordComesBackAsWritten(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	r := ringing(t, 0)
	must(t, s.Begin(t.Context(), r))
	must(t, s.Answered(t.Context(), r.ID, r.StartedAt.Add(2*time.Second)))
	got, err := s.Get(t.Context(), r.ID)
	must(t, err)
	if got.State != call.StateActive || !got.AnsweredAt.Equal(r.StartedAt.Add(2*time.Second)) {
		t.Errorf("after the answer: %+v", got)
	}
	want := ended(r)
	legs := []call.LegRecord{{CallID: r.ID, N: 1, Side: call.SideCaller, Direction: call.DirectionIn, Peer: "192.0.2.1:5060", Codec: "PCMA", Transport: "udp",
		SIPCallID: "x@y", StartedAt: want.StartedAt, AnsweredAt: want.AnsweredAt, EndedAt: want.EndedAt, Cause: want.Cause,
		Quality: call.Quality{PacketsIn: 3000, PacketsOut: 3001, Lost: 3, LossPct: 0.1, JitterMS: 1.5, RTTMS: 20, MOS: 4.3}}}
	must(t, s.Finish(t.Context(), want, legs))
	got, err = s.Get(t.Context(), r.ID)
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	gotLegs, err := s.Legs(t.Context(), r.ID)
	must(t, err)
	if !reflect.DeepEqual(gotLegs, legs) {
		t.Errorf("legs: got %+v\nwant %+v", gotLegs, legs)
	}
}

func TestUtteranceComesBackAsWritten(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	r := ringing(t, 0)
	must(t, s.Begin(t.Context(), r))
	u := call.Utterance{CallID: r.ID, Side: call.SideCaller, Seq: 1, Segment: 7, Start: 1200 * time.Millisecond, End: 2500 * time.Millisecond,
		Text: "It costs £20.", Raw: "it costs twenty pounds", Language: "en", Model: "vosk-en", Conf: 0.5, Turn: 1,
		Words: []asr.Word{{Text: "it", Start: 1200 * time.Millisecond, End: 1300 * time.Millisecond, Conf: 0.25}, {Text: "costs", Start: 1300 * time.Millisecond, End: 1500 * time.Millisecond, Conf: 1},
			{Text: "twenty", Start: 1500 * time.Millisecond, End: 2 * time.Second, Conf: 1}, {Text: "pounds", Start: 2 * time.Second, End: 2500 * time.Millisecond, Conf: 1}},
		Spans: []asr.Span{{TextStart: 0, TextEnd: 2, From: 0, To: 1}, {TextStart: 3, TextEnd: 8, From: 1, To: 2}, {TextStart: 9, TextEnd: 13, From: 2, To: 4}}}
	gap := call.Utterance{CallID: r.ID, Side: call.SideAgent, Seq: 1, Start: 0, End: time.Second, Gap: true, Reason: "worker lost", Words: []asr.Word{}, Spans: []asr.Span{}}
	add(t, s, u, gap)
	if again, err := s.AddUtterance(t.Context(), u); err != nil || again {
		t.Errorf("second time: inserted %v, %v", again, err)
	}
	got, err := s.Utterances(t.Context(), r.ID)
	must(t, err)
	if want := []call.Utterance{gap, u}; !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if n, err := s.LastSeq(t.Context(), r.ID, call.SideCaller); err != nil || n != 1 {
		t.Errorf("last seq %d, %v", n, err)
	}
	item := u.Item()
	if last := item.Spans[2]; last.TextStart != 9 || last.TextEnd != 12 { // £ is two bytes, one character
		t.Errorf("span in characters: %+v", last)
	}
}

func TestWritesMayBeRepeated(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	r := ringing(t, 0)
	must(t, s.Begin(t.Context(), r))
	must(t, s.Begin(t.Context(), r))
	done := ended(r)
	must(t, s.Finish(t.Context(), done, []call.LegRecord{{N: 1, Side: call.SideCaller}}))
	must(t, s.Finish(t.Context(), done, []call.LegRecord{{N: 1, Side: call.SideCaller}}))
	must(t, s.Begin(t.Context(), r)) // late, from a journal
	must(t, s.Answered(t.Context(), r.ID, noon))
	must(t, s.Update(t.Context(), r))
	got, err := s.Get(t.Context(), r.ID)
	must(t, err)
	if !reflect.DeepEqual(got, done) {
		t.Errorf("got  %+v\nwant %+v", got, done)
	}
	never := ended(ringing(t, time.Minute))
	must(t, s.Finish(t.Context(), never, nil)) // Begin was never heard
	if _, err := s.Get(t.Context(), never.ID); err != nil {
		t.Error(err)
	}
}

func TestUnknownCall(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	r := ringing(t, 0)
	_, get := s.Get(t.Context(), r.ID)
	_, bad := s.Get(t.Context(), "1'; drop table calls")
	_, utterance := s.AddUtterance(t.Context(), said(r, call.SideCaller, 1, "hello"))
	for name, err := range map[string]error{"get": get, "no id": bad, "utterance": utterance, "update": s.Update(t.Context(), r),
		"answered": s.Answered(t.Context(), r.ID, noon), "recording": s.SetRecording(t.Context(), r.ID, call.Recording{})} {
		if !errors.Is(err, pg.ErrNotFound) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// What SIP peers and the recogniser send need not be text that PostgreSQL takes.
func TestForeignBytesAreStored(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	r := ringing(t, 0)
	r.From, r.FromName, r.Data = "a\x00\xff", "\xc3\x28", map[string]any{"k\x00": []any{"v\x00", map[string]any{"x": "\xff"}}}
	must(t, s.Begin(t.Context(), r))
	must(t, s.Finish(t.Context(), ended(r), nil))
	add(t, s, said(r, call.SideCaller, 1, "he\x00llo \xff"))
	if _, err := s.Get(t.Context(), r.ID); err != nil {
		t.Error(err)
	}
}

func TestOrphansAndDeferred(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	open, other, done, later := ringing(t, 0), ringing(t, time.Minute), ringing(t, 2*time.Minute), ringing(t, 3*time.Minute)
	other.Node = "b"
	for _, r := range []call.Record{open, other, done, later} {
		must(t, s.Begin(t.Context(), r))
	}
	must(t, s.Finish(t.Context(), ended(done), nil))
	waiting := ended(later)
	waiting.Transcription = map[string]string{call.SideCaller: call.TranscriptionDeferred}
	must(t, s.Finish(t.Context(), waiting, nil))
	orphans, err := s.Orphans(t.Context(), "a")
	must(t, err)
	if len(orphans) != 1 || orphans[0].ID != open.ID {
		t.Fatalf("orphans: %+v", orphans)
	}
	deferred, err := s.Deferred(t.Context(), "a", "", nil, 10)
	must(t, err)
	if len(deferred) != 1 || deferred[0].ID != later.ID {
		t.Fatalf("deferred: %+v", deferred)
	}
	must(t, s.SetTranscription(t.Context(), later.ID, call.SideCaller, call.TranscriptionDone))
	if deferred, err = s.Deferred(t.Context(), "a", "", nil, 10); err != nil || len(deferred) != 0 {
		t.Errorf("deferred after it was done: %+v, %v", deferred, err)
	}

	// Recovery makes up an end; the real one may still come out of a journal.
	madeUp := ended(orphans[0])
	madeUp.Cause = call.CauseRestart
	must(t, s.Finish(t.Context(), madeUp, nil))
	real := ended(open)
	must(t, s.Finish(t.Context(), real, []call.LegRecord{{N: 1, Side: call.SideCaller}}))
	must(t, s.Finish(t.Context(), madeUp, nil))
	got, err := s.Get(t.Context(), open.ID)
	must(t, err)
	if got.Cause != real.Cause {
		t.Errorf("cause %q, want %q", got.Cause, real.Cause)
	}
}

func TestPagesByCursor(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	const n = 25
	var want []string
	for i := range n {
		r := ended(ringing(t, time.Duration(i/3)*time.Second)) // three calls each begin in the same microsecond
		r.Cause = call.Cause(fmt.Sprint(i))
		must(t, s.Finish(t.Context(), r, nil))
		want = append(want, r.ID)
	}
	seen := map[string]bool{}
	var last call.Summary
	f := call.Filter{Limit: 4, Count: true}
	for pages := 1; ; pages++ {
		p, err := s.List(t.Context(), f)
		must(t, err)
		if p.Total != n {
			t.Fatalf("total %d on page %d", p.Total, pages)
		}
		for _, it := range p.Items {
			if seen[it.ID] || (last.ID != "" && it.StartedAt.After(last.StartedAt)) {
				t.Fatalf("page %d: %s comes twice or out of order", pages, it.ID)
			}
			seen[it.ID], last = true, it
		}
		// A call that begins meanwhile changes no later page.
		must(t, s.Begin(t.Context(), ringing(t, time.Hour)))
		f.Until = noon.Add(time.Minute)
		if p.Next == "" {
			break
		}
		f.Cursor = p.Next
	}
	for _, id := range want {
		if !seen[id] {
			t.Errorf("%s is on no page", id)
		}
	}
	if len(seen) != n {
		t.Errorf("%d calls on all pages, want %d", len(seen), n)
	}
	for _, bad := range []string{"x", "AAAA", p64(), f.Cursor + "A"} {
		if _, err := s.List(t.Context(), call.Filter{Cursor: bad}); !errors.Is(err, call.ErrCursor) {
			t.Errorf("cursor %q: got %v", bad, err)
		}
	}
}

func p64() string { return fmt.Sprintf("%065d", 0) }

func TestListFilters(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	a, b, c := ringing(t, 0), ringing(t, time.Minute), ringing(t, 2*time.Minute)
	b.From, b.To, b.Trunk = "alice", "5551234", "south"
	must(t, s.Begin(t.Context(), a))
	must(t, s.Finish(t.Context(), ended(b), []call.LegRecord{{N: 1, Side: call.SideCaller, Quality: call.Quality{MOS: 4, LossPct: 1, JitterMS: 2}}}))
	must(t, s.Begin(t.Context(), c))
	must(t, s.Answered(t.Context(), c.ID, c.StartedAt))
	add(t, s, said(b, call.SideCaller, 1, "first"), said(b, call.SideAgent, 2, "last words"))
	for name, tc := range map[string]struct {
		f    call.Filter
		want []call.Record
	}{
		"all":         {call.Filter{}, []call.Record{c, b, a}},
		"state":       {call.Filter{State: call.StateActive}, []call.Record{c}},
		"trunk":       {call.Filter{Trunk: "south"}, []call.Record{b}},
		"from part":   {call.Filter{From: "0013"}, []call.Record{c, a}},
		"from short":  {call.Filter{From: "al"}, []call.Record{b}},
		"from case":   {call.Filter{From: "ALICE"}, []call.Record{b}},
		"to":          {call.Filter{To: "1234"}, []call.Record{b}},
		"not in from": {call.Filter{From: "1234"}, nil},
		"since":       {call.Filter{Since: b.StartedAt}, []call.Record{c, b}},
		"until":       {call.Filter{Until: b.StartedAt}, []call.Record{a}},
		"number by q": {call.Filter{Query: "555123"}, []call.Record{b}},
		"plus number": {call.Filter{Query: "+86138"}, []call.Record{c, a}},
		"wild card":   {call.Filter{From: "%"}, nil},
		"two at once": {call.Filter{Trunk: "north", State: call.StateRinging}, []call.Record{a}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := s.List(t.Context(), tc.f)
			must(t, err)
			sameCalls(t, p.Items, tc.want)
		})
	}
	p, err := s.List(t.Context(), call.Filter{Trunk: "south"})
	must(t, err)
	got := p.Items[0]
	if got.LastWords == nil || *got.LastWords != (call.LastWords{Side: call.SideAgent, Text: "last words"}) ||
		got.Quality == nil || *got.Quality != (call.QualityNow{MOS: 4, LossPct: 1, JitterMS: 2}) || got.DurationMS != 60000 || !got.HasRecording {
		t.Errorf("summary: %+v", got)
	}
}

func sameCalls(t *testing.T, got []call.Summary, want []call.Record) {
	t.Helper()
	ids := make([]string, len(got))
	for i := range got {
		ids[i] = got[i].ID
	}
	wantIDs := make([]string, len(want))
	for i := range want {
		wantIDs[i] = want[i].ID
	}
	if !reflect.DeepEqual(ids, wantIDs) {
		t.Errorf("got %v, want %v", ids, wantIDs)
	}
}

func TestRetentionOfCalls(t *testing.T) {
	t.Parallel()
	s := call.NewStore(pgtest.New(t))
	old, young, open := ended(ringing(t, -100*24*time.Hour)), ended(ringing(t, 0)), ringing(t, -100*24*time.Hour)
	for _, r := range []call.Record{old, young} {
		must(t, s.Finish(t.Context(), r, nil))
		add(t, s, said(r, call.SideCaller, 1, "hello"), said(r, call.SideCaller, 2, "there"))
	}
	must(t, s.Begin(t.Context(), open))
	before := noon.Add(-50 * 24 * time.Hour)

	kept, err := s.OldRecordings(t.Context(), before, 10)
	must(t, err)
	if len(kept) != 1 || kept[0] != (call.Kept{CallID: old.ID, Path: old.Recording.Path}) {
		t.Fatalf("old recordings: %+v", kept)
	}
	if n, err := s.DeleteRecords(t.Context(), before, 10); err != nil || n != 0 {
		t.Errorf("%d records went before their recording, %v", n, err)
	}
	must(t, s.RecordingsDeleted(t.Context(), []string{old.ID}))
	calls, words, err := s.DeleteWords(t.Context(), before, 10)
	if err != nil || calls != 1 || words != 2 {
		t.Errorf("deleted the words of %d calls, %d utterances, %v; want 1, 2", calls, words, err)
	}
	if calls, _, err := s.DeleteWords(t.Context(), before, 10); err != nil || calls != 0 {
		t.Errorf("second time %d calls, %v", calls, err)
	}
	if n, err := s.DeleteRecords(t.Context(), before, 10); err != nil || n != 1 {
		t.Errorf("%d records, %v; want 1", n, err)
	}
	p, err := s.List(t.Context(), call.Filter{})
	must(t, err)
	sameCalls(t, p.Items, []call.Record{young, open})
	if us, err := s.Utterances(t.Context(), young.ID); err != nil || len(us) != 2 {
		t.Errorf("young call has %d utterances, %v", len(us), err)
	}
}
