package ivr_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"tingxin/ivr"
)

// waitingLine is a line with queues that keeps what it was asked.
type waitingLine struct{ asked *ivr.Queue }

func (*waitingLine) Answer(context.Context) error                           { return nil }
func (*waitingLine) Play(context.Context, *ivr.Prompt, bool) (bool, error)  { return false, nil }
func (*waitingLine) Key(context.Context, time.Duration) (byte, bool, error) { return 0, false, nil }
func (*waitingLine) Record(context.Context, ivr.Consent) error              { return nil }
func (*waitingLine) Note(ivr.Note)                                          {}
func (*waitingLine) Listen(context.Context, time.Duration, time.Duration) (ivr.End, error) {
	return ivr.EndSilence, nil
}

func (l *waitingLine) Queue(_ context.Context, q *ivr.Queue, _ string) (ivr.QueueEnd, error) {
	l.asked = q
	return ivr.QueueTimeout, nil
}

// What waiting callers are told holds their variables, not the names of these.
func TestOfferOfACallbackNamesTheNumber(t *testing.T) {
	f, err := ivr.Parse("f", []byte("flow: f\nversion: 1\nnodes:\n  - queue: {name: support, callback: {key: 1, prompt: \"Press 1 and we call ${caller}.\"}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"555", "556"} { // the flow itself is shared and stays as it is
		l := &waitingLine{}
		if _, err := ivr.Run(t.Context(), l, f, nil, map[string]string{"caller": number}); err != nil {
			t.Fatal(err)
		}
		if got := l.asked.Offer.Notice("en")[0].Text; got != "Press 1 and we call "+number+"." {
			t.Errorf("the caller is told %q", got)
		}
	}
}

func TestWaysOfBotAndCallbackAreInThePicture(t *testing.T) {
	f, err := ivr.Parse("f", []byte("flow: f\nversion: 1\nnodes:\n  - {id: talk, bot: {handover: back, done: bye}}\n  - {id: back, callback: {queue: support, failed: sorry}}\n  - {id: bye, hangup: true}\n  - {id: sorry, say: no}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []ivr.Edge{{From: "talk", To: "back", Label: "handover, failed"}, {From: "talk", To: "bye", Label: "done"}, {From: "back", To: "bye"}, {From: "back", To: "sorry", Label: "failed"}}
	if got := f.Picture().Edges; !slices.Equal(got, want) {
		t.Errorf("ways %+v, wanted %+v", got, want)
	}
}
