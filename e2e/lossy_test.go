package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// lossyRow is one flow of messages over a line that loses some. near calls, far is
// called, third takes transfers. want is the cause in the record of near's call.
type lossyRow struct {
	name string
	play func(r *lossyRun) error
	want string
	legs string // "role/cause" of each leg of the record; empty is not looked at
}

type lossyRun struct {
	server           string
	near, far, third *lossyPhone
}

// connect has near call far and both be connected.
func (r *lossyRun) connect() (near, far *lossyCall, err error) {
	near = r.near.dial(r.far.number())
	done := make(chan int, 1)
	go func() { done <- near.ask("INVITE", r.near.sdp("sendrecv"), false) }() // ends after 64*T1
	if far, err = taken(r.far); err != nil {
		return nil, nil, fmt.Errorf("%w, near got %d", err, <-done)
	}
	if status := <-done; status != 200 {
		return nil, nil, fmt.Errorf("near got %d", status)
	}
	time.Sleep(800 * time.Millisecond) // an ACK that was lost comes with the next 200
	return near, far, nil
}

// taken is the next call of a phone.
func taken(p *lossyPhone) (*lossyCall, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-time.After(15 * time.Second):
		return nil, fmt.Errorf("%s was not called", p.user)
	}
}

func gone(c chan struct{}, what string) error {
	select {
	case <-c:
		return nil
	case <-time.After(15 * time.Second):
		return fmt.Errorf("no %s came", what)
	}
}

// report waits for the last NOTIFY of a transfer.
func report(c *lossyCall, want string) error {
	limit := time.After(15 * time.Second)
	for last := ""; ; {
		select {
		case last = <-c.reports:
			if strings.HasPrefix(last, "SIP/2.0 "+want) {
				return nil
			}
		case <-limit:
			return fmt.Errorf("the transfer's last report was %q, want %s", last, want)
		}
	}
}

func is(got, want int, what string) error {
	if got != want {
		return fmt.Errorf("%s: %d, want %d", what, got, want)
	}
	return nil
}

// first is the first error.
func first(steps ...func() error) error {
	for _, s := range steps {
		if err := s(); err != nil {
			return err
		}
	}
	return nil
}

var lossyRows = []lossyRow{
	{"caller hangs up", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		return first(func() error { return is(near.ask("BYE", "", false), 200, "BYE") }, func() error { return gone(far.bye, "BYE to far") })
	}, "caller_hangup", ""},
	{"callee hangs up", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		return first(func() error { return is(far.ask("BYE", "", false), 200, "BYE") }, func() error { return gone(near.bye, "BYE to near") })
	}, "peer_hangup", ""},
	{"cancelled while it rings", func(r *lossyRun) error {
		r.far.answer.Store("ring")
		near := r.near.dial(r.far.number())
		done := make(chan int, 1)
		go func() { done <- near.ask("INVITE", r.near.sdp("sendrecv"), false) }() // ends after 64*T1
		far, err := taken(r.far)
		if err != nil {
			return err
		}
		cancel := near.text("CANCEL", near.branch, 1, "")
		for deadline := time.After(10 * time.Second); ; {
			r.near.send(cancel)
			select {
			case status := <-done:
				return first(func() error { return is(status, 487, "INVITE") }, func() error { return gone(far.cancelled, "CANCEL to far") })
			case <-deadline:
				return fmt.Errorf("the INVITE was not answered")
			case <-time.After(100 * time.Millisecond):
			}
		}
	}, "cancelled", ""},
	{"cancelled too late", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		for range 3 {
			r.near.send(near.text("CANCEL", near.branch, 1, ""))
		}
		time.Sleep(200 * time.Millisecond)
		return first(func() error { return is(near.ask("BYE", "", false), 200, "BYE: the CANCEL ended the call") }, func() error { return gone(far.bye, "BYE to far") })
	}, "caller_hangup", ""},
	{"no ACK", func(r *lossyRun) error {
		near := r.near.dial("echo")
		return first(func() error { return is(near.ask("INVITE", r.near.sdp("sendrecv"), true), 200, "INVITE") }, func() error { return gone(near.bye, "BYE") })
	}, "error", ""},
	{"both hold at once", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		for _, direction := range []string{"sendonly", "sendrecv"} {
			var wg sync.WaitGroup
			var a, b int
			wg.Go(func() { a = near.ask("INVITE", r.near.sdp(direction), false) }) // ends after 64*T1
			wg.Go(func() { b = far.ask("INVITE", r.far.sdp(direction), false) })   // ends after 64*T1
			wg.Wait()
			if a != 200 || b != 200 {
				return fmt.Errorf("%s: %d and %d", direction, a, b)
			}
		}
		return first(func() error { return is(near.ask("BYE", "", false), 200, "BYE") }, func() error { return gone(far.bye, "BYE to far") })
	}, "caller_hangup", ""},
	{"blind transfer", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		var third *lossyCall
		return first(
			func() error {
				return is(far.ask("REFER", "", false, "Refer-To: <sip:"+r.third.number()+"@"+r.server+">"), 202, "REFER")
			},
			func() (err error) { third, err = taken(r.third); return err }, func() error { return report(far, "200") },
			func() error { return gone(far.bye, "BYE to far") },
			func() error { return is(near.ask("BYE", "", false), 200, "BYE") },
			func() error { return gone(third.bye, "BYE to third") })
	}, "caller_hangup", "caller/caller_hangup peer/transferred peer/caller_hangup"},
	{"blind transfer to somebody busy", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		r.third.answer.Store("busy")
		return first(
			func() error {
				return is(far.ask("REFER", "", false, "Refer-To: <sip:"+r.third.number()+"@"+r.server+">"), 202, "REFER")
			},
			func() error { return report(far, "486") },
			func() error { return is(far.ask("BYE", "", false), 200, "BYE of far, who has the caller back") },
			func() error { return gone(near.bye, "BYE to near") })
	}, "peer_hangup", ""},
	{"attended transfer", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		consult := r.far.dial(r.third.number())
		if status := consult.ask("INVITE", r.far.sdp("sendrecv"), false); status != 200 {
			return fmt.Errorf("the second call: %d", status)
		}
		third, err := taken(r.third)
		if err != nil {
			return err
		}
		replaces := url.QueryEscape(consult.id + ";to-tag=" + tagOf(consult.to) + ";from-tag=" + tagOf(consult.from))
		return first(
			func() error {
				return is(far.ask("REFER", "", false, "Refer-To: <"+consult.uri+"?Replaces="+replaces+">"), 202, "REFER")
			},
			func() error { return report(far, "200") },
			func() error { return gone(far.bye, "BYE to far") },
			func() error { return gone(consult.bye, "BYE to far in the second call") },
			func() error { return is(near.ask("BYE", "", false), 200, "BYE") },
			func() error { return gone(third.bye, "BYE to third") })
	}, "caller_hangup", "caller/caller_hangup peer/transferred peer/caller_hangup"},
	{"attended transfer to a call at another server", func(r *lossyRun) error {
		near, far, err := r.connect()
		if err != nil {
			return err
		}
		const theirs = "between@them;to-tag=a1;from-tag=b2" // far and third talk without us
		var third *lossyCall
		return first(
			func() error {
				return is(far.ask("REFER", "", false, "Refer-To: <sip:"+r.third.number()+"@"+r.third.address()+"?Replaces="+url.QueryEscape(theirs)+">"), 202, "REFER")
			},
			func() (err error) { third, err = taken(r.third); return err },
			func() error {
				if third.replaces != theirs {
					return fmt.Errorf("third is asked to replace %q, want %q", third.replaces, theirs)
				}
				return report(far, "200")
			},
			func() error { return gone(far.bye, "BYE to far") },
			func() error { return is(near.ask("BYE", "", false), 200, "BYE") },
			func() error { return gone(third.bye, "BYE to third") })
	}, "caller_hangup", "caller/caller_hangup peer/transferred peer/caller_hangup"},
}

// TestCallsOverALossyLine plays every row with 5 and 10 % of all messages lost, all
// at once: every call ends, its record is right, and nothing is left behind.
func TestCallsOverALossyLine(t *testing.T) {
	s := launch(t, options{T1: "100ms"})
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	before := s.goroutines(t)
	var wg sync.WaitGroup
	for _, percent := range []int{5, 10} {
		for i, row := range lossyRows {
			from := fmt.Sprintf("near%d%02d", percent, i)
			r := &lossyRun{s.sipUDP, newLossyPhone(t, s.sipUDP, from, percent), newLossyPhone(t, s.sipUDP, "far", percent), newLossyPhone(t, s.sipUDP, "third", percent)}
			wg.Go(func() { // ends with its row, whose waits are all bounded
				if err := row.play(r); err != nil {
					t.Errorf("%d %%, %s: %v", percent, row.name, err)
					return
				}
				s.wantLossy(t, from, fmt.Sprintf("%d %%, %s", percent, row.name), row)
			})
		}
	}
	wg.Wait()
	s.wantGoroutinesNear(t, before)
}

// wantLossy looks at the record of a caller's one call.
func (s *instance) wantLossy(t *testing.T, from, name string, row lossyRow) {
	var mine []callDetail
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		var page struct{ Items []callDetail }
		if err := s.fetch("/api/v1/calls?limit=100", &page); err != nil {
			t.Error(err)
			return
		}
		mine = mine[:0]
		for _, c := range page.Items {
			if c.From == from {
				mine = append(mine, c)
			}
		}
		if len(mine) == 1 && mine[0].State == "ended" {
			break
		}
	}
	if len(mine) != 1 || mine[0].State != "ended" || mine[0].Cause != row.want {
		t.Errorf("%s: records %+v, want one that ended as %s", name, mine, row.want)
		return
	}
	if row.legs == "" {
		return
	}
	var full callDetail
	if err := s.fetch("/api/v1/calls/"+mine[0].ID, &full); err != nil {
		t.Error(err)
		return
	}
	var legs []string
	for _, l := range full.Legs {
		legs = append(legs, l.Role+"/"+l.Cause)
	}
	if got := strings.Join(legs, " "); got != row.legs {
		t.Errorf("%s: legs %s, want %s", name, got, row.legs)
	}
}

type callDetail struct {
	ID, From, State, Cause string
	Legs                   []struct{ Role, Cause string }
}

// fetch is get for goroutines of a test.
func (s *instance) fetch(path string, out any) error {
	req, err := http.NewRequest(http.MethodGet, s.api+path, nil)
	if err != nil {
		return err
	}
	res, err := s.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	return json.NewDecoder(res.Body).Decode(out)
}
