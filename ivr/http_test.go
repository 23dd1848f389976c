package ivr

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// crm is a server that answers with body and remembers the last request.
func crm(t *testing.T, status int, body string) (host string, last *http.Request, sent *string) {
	t.Helper()
	last, sent = new(http.Request), new(string)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		*last, *sent = *r.Clone(context.Background()), string(raw)
		if r.URL.Path == "/slow" {
			select {
			case <-r.Context().Done():
			case <-time.After(5 * time.Second):
			}
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "http://127.0.0.1/elsewhere")
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), last, sent
}

func web(t *testing.T, host string, change func(*HTTPConfig)) *Web {
	t.Helper()
	cfg := HTTPConfig{Hosts: []string{host}, Private: []string{"127.0.0.0/8"}, MaxBytes: 2000, Headers: map[string]map[string]string{host: {"Authorization": "Bearer s"}}}
	if change != nil {
		change(&cfg)
	}
	w, err := NewWeb(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func TestFetch(t *testing.T) {
	host, last, sent := crm(t, 200, `{"order": {"state": "packed", "items": [{"name": "kettle"}], "n": 12.50, "paid": true, "none": null}}`)
	w := web(t, host, nil)
	vars := map[string]string{"order": "a/../b?x=1", "caller": "+86 1"}
	value := func(name string) string { return vars[name] }
	h := &HTTP{Method: "POST", URL: "http://" + host + "/o/${order}?c=${caller}", Headers: map[string]string{"X-Line": "a\r\nb: ${caller}"}, Body: map[string]string{"id": "${order}"},
		Into: map[string]string{"state": "order.state", "first": "order.items.0.name", "n": "order.n", "paid": "order.paid", "items": "order.items", "none": "order.none", "gone": "order.items.7.name"}}
	got, err := w.Fetch(t.Context(), h, value)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"state": "packed", "first": "kettle", "n": "12.50", "paid": "true", "items": "1", "none": "", "gone": ""} {
		if got[name] != want {
			t.Errorf("%s = %q, want %q", name, got[name], want)
		}
	}
	if last.URL.EscapedPath() != "/o/a%2F..%2Fb%3Fx=1" || last.URL.RawQuery != "c=%2B86+1" || *sent != `{"id":"a/../b?x=1"}` ||
		last.Header.Get("X-Line") != "ab: +86 1" || last.Header.Get("Authorization") != "Bearer s" {
		t.Errorf("asked %s %v %s", last.URL, last.Header, *sent)
	}
	vars["order"] = ".."
	if _, err := w.Fetch(t.Context(), h, value); err == nil {
		t.Error("a value went up a folder")
	}
	if s := w.Stats(); s.Answered != 1 || s.Failed != 1 {
		t.Errorf("stats %+v", s)
	}
}

func TestFetchFails(t *testing.T) {
	none := func(string) string { return "" }
	for name, c := range map[string]struct {
		status int
		body   string
		path   string
		change func(*HTTPConfig)
		want   string
	}{
		"status":            {500, `{}`, "/", nil, "answered 500"},
		"redirect":          {302, `{}`, "/", nil, "answered 302"},
		"too long":          {200, `{"a": "` + strings.Repeat("x", 3000) + `"}`, "/", nil, "longer than 2000"},
		"no JSON":           {200, "<html>", "/", nil, "no JSON"},
		"slow":              {200, `{}`, "/slow", func(c *HTTPConfig) { c.Timeout = 100 * time.Millisecond }, "did not answer"},
		"not on the list":   {200, `{}`, "/", func(c *HTTPConfig) { c.Hosts = []string{"crm.example"} }, "not among ivr.http.hosts"},
		"a private address": {200, `{}`, "/", func(c *HTTPConfig) { c.Private = nil }, "the address is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			host, _, _ := crm(t, c.status, c.body)
			w := web(t, host, c.change)
			began := time.Now()
			_, err := w.Fetch(t.Context(), &HTTP{Method: "GET", URL: "http://" + host + c.path, Into: map[string]string{"a": "a"}}, none)
			if err == nil || !strings.Contains(err.Error(), c.want) || time.Since(began) > 3*time.Second {
				t.Errorf("%v after %v, want %q", err, time.Since(began), c.want)
			}
		})
	}
}

// A name may lead where it was not meant to: the address counts, not the name.
func TestNameThatLeadsInside(t *testing.T) {
	w := web(t, "localhost:1", func(c *HTTPConfig) { c.Private = nil })
	_, err := w.Fetch(t.Context(), &HTTP{Method: "GET", URL: "http://localhost:1/"}, func(string) string { return "" })
	if !errors.Is(err, ErrAddress) {
		t.Errorf("error %v, want ErrAddress", err)
	}
	if w.Stats().Refused != 1 {
		t.Errorf("stats %+v", w.Stats())
	}
}

func TestAddresses(t *testing.T) {
	w := web(t, "a", func(c *HTTPConfig) { c.Private = []string{"10.1.0.0/16"} })
	for address, want := range map[string]bool{
		"93.184.216.34": true, "2606:2800:220:1::1": true, "10.1.2.3": true, "::ffff:10.1.2.3": true,
		"10.2.0.1": false, "127.0.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "169.254.169.254": false, "192.168.1.1": false, "172.16.0.1": false, "100.64.0.1": false,
		"0.0.0.0": false, "::": false, "224.0.0.1": false, "fe80::1": false, "fd00::1": false, "64:ff9b::7f00:1": false, "255.255.255.255": false, "198.18.0.1": false, "2002:7f00:1::": false,
	} {
		if got := w.guard.Allows(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
}

func TestBusyWebFailsAtOnce(t *testing.T) {
	host, _, _ := crm(t, 200, `{}`)
	w := web(t, host, func(c *HTTPConfig) { c.Concurrent = 1 })
	w.slots <- struct{}{}
	if _, err := w.Fetch(t.Context(), &HTTP{Method: "GET", URL: "http://" + host + "/"}, func(string) string { return "" }); !errors.Is(err, errBusy) || w.Stats().Busy != 1 {
		t.Errorf("error %v, stats %+v", err, w.Stats())
	}
}

func TestNegativeConcurrencyOfHTTPIsAnError(t *testing.T) {
	if _, err := NewWeb(HTTPConfig{Concurrent: -1}); err == nil || !strings.Contains(err.Error(), "not negative") {
		t.Errorf("error %v", err)
	}
}
