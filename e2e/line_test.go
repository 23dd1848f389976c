package e2e

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// messageView is an item of GET /voicemail.
type messageView struct {
	ID         string `json:"id"`
	CallID     string `json:"call_id"`
	Box        string `json:"box"`
	DurationMS int64  `json:"duration_ms"`
	HasAudio   bool   `json:"has_audio"`
	Ended      string `json:"ended"`
	HeardBy    string `json:"heard_by"`
}

// A foreign telephone leaves a message, which the API lists and plays.
func TestBaresipLeavesAMessage(t *testing.T) {
	s := server(t)
	p := newBaresip(t, "<sip:desk@127.0.0.1>;regint=0", at8kHz(t, callerFile(t, "sense-3.wav")))
	p.call(t, "sip:machine@"+s.sipUDP, 6*time.Second)
	c := s.wantCause(t, "normal")
	var list struct{ Items []messageView }
	s.get(t, "/api/v1/voicemail?call="+c.ID, &list)
	if len(list.Items) != 1 {
		t.Fatalf("messages %+v, want one", list.Items)
	}
	m := list.Items[0]
	if m.Box != "support" || m.Ended != "limit" || !m.HasAudio || m.DurationMS < 2800 || m.DurationMS > 3500 {
		t.Errorf("message %+v", m)
	}
	res, err := s.http.Get(s.api + "/api/v1/voicemail/" + m.ID + "/audio")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ContentLength < 50_000 {
		t.Errorf("audio: %s, %d bytes", res.Status, res.ContentLength)
	}
	s.get(t, "/api/v1/voicemail/"+m.ID, &m)
	if m.HeardBy != adminName {
		t.Errorf("heard by %q", m.HeardBy)
	}
}

// A card number that is keyed is masked in the record.
func TestCardNumberByInfo(t *testing.T) {
	s := server(t)
	sc := newScenario("card").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(400 * time.Millisecond)
	for _, k := range "411111111111" {
		sc.request("INFO", fmt.Sprintf("Signal=%c\nDuration=160\n", k), "Content-Type: application/dtmf-relay").recv(200)
	}
	sc.recvRequest("BYE").replyInDialog("200 OK").run(t, "card", s.sipUDP, "-mp", s.mediaPort())
	s.wantData(t, "card", "********1111")
}

// A number that is said is understood, by the recogniser with a list of digits.
func TestSpokenNumber(t *testing.T) {
	if _, err := exec.LookPath("espeak-ng"); err != nil {
		t.Skip("espeak-ng is not installed: run make setup")
	}
	said := filepath.Join(t.TempDir(), "said.wav")
	if out, err := exec.Command("espeak-ng", "-v", "en-us", "-s", "130", "-g", "4", "-w", said, "one two three four").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s := launch(t, options{ASR: true})
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	p := newBaresip(t, "<sip:desk@127.0.0.1>;regint=0", between(t, said, 5*time.Second, 20*time.Second))
	p.call(t, "sip:spoken@"+s.sipUDP, 16*time.Second)
	s.wantData(t, "number", "1234")
}
