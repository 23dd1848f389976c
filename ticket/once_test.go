package ticket

import "testing"

// Two that come at once, and one that comes later, are one ticket.
func TestTheSameKeyMakesOneTicket(t *testing.T) {
	t.Parallel()
	d := open(t, nil)
	draft := Draft{Type: "question", Subject: "The kettle leaks", Source: "bot", SourceRef: "conversation:5"}
	made := make(chan Ticket, 2)
	for range cap(made) {
		go func() { // ends with its ticket
			k, err := d.CreateOnce(t.Context(), "s:3", draft, Bot)
			if err != nil {
				t.Error(err)
			}
			made <- k
		}()
	}
	a, b := <-made, <-made
	again, err := d.CreateOnce(t.Context(), "s:3", draft, Bot)
	d.must(err)
	other, err := d.CreateOnce(t.Context(), "s:4", draft, Bot)
	d.must(err)
	if a.ID == 0 || b.ID != a.ID || again.ID != a.ID || other.ID == a.ID || d.Stats().Created != 2 {
		t.Errorf("%d, %d, %d and %d; %d were created", a.ID, b.ID, again.ID, other.ID, d.Stats().Created)
	}
	for key, want := range map[string]bool{"s:3": true, "s:5": false} {
		if got, err := d.Made(t.Context(), key); err != nil || got != want {
			t.Errorf("made with %s: %v %v", key, got, err)
		}
	}
}
