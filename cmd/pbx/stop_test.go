package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	webchat "tingxin/chat/web"
)

// A server that is stopped answers visitors who wait for words, and is not held up by connections on which nothing
// comes: it took five seconds for the first, and as long again for jobs.
func TestStopAnswersWhoWaits(t *testing.T) {
	s := mustRun(t, testConfig(t))
	res, err := http.Post(s.web.URL()+"/widget/session?site="+webchat.DefaultSite, "application/json", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	var visitor struct{ Token string }
	err = json.NewDecoder(res.Body).Decode(&visitor)
	res.Body.Close()
	if err != nil || visitor.Token == "" {
		t.Fatalf("session %s: %v", res.Status, err)
	}
	silent, err := net.Dial("tcp", strings.TrimPrefix(s.web.URL(), "http://")) // says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	type outcome struct {
		status int
		body   string
		err    error
	}
	polled := make(chan outcome, 1)
	go func() { // ends with the poll
		req, _ := http.NewRequest(http.MethodGet, s.web.URL()+"/widget/poll", nil)
		req.Header.Set("Authorization", "Bearer "+visitor.Token)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			polled <- outcome{err: err}
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		polled <- outcome{res.StatusCode, string(body), err}
	}()
	waitFor(t, "a visitor who waits", func() bool { return s.webchat.Stats().Polls == 1 })
	if err := s.close(cancelled()); err != nil {
		t.Error(err)
	}
	select {
	case got := <-polled:
		if got.err != nil || got.status != http.StatusOK || !strings.Contains(got.body, "welcome") {
			t.Errorf("the poll ended with %d %q, %v", got.status, got.body, got.err)
		}
	case <-time.After(10 * time.Second): // the answer may still be on its way
		t.Error("the server has stopped and the poll waits")
	}
}
