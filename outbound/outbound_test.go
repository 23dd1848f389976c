package outbound

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

const secret = "whsec_tingxin_test"

func TestVector(t *testing.T) {
	body := []byte(`{"id":"m-1","user":"u-42","text":"订单A20250702001"}`)
	at := time.Unix(1751421600, 0)
	want := "t=1751421600,v1=82fb6981bb26ca8422021ebbf5e0965b269f9175983fcabb84d8ba049d204667"
	if got := Sign(secret, at, body); got != want {
		t.Errorf("%s", got)
	}
	other := "t=1751421600,v1=" + strings.Repeat("00", 32) + ",v1=82fb6981bb26ca8422021ebbf5e0965b269f9175983fcabb84d8ba049d204667"
	for header, ok := range map[string]bool{want: true, other: true, "": false, "t=1,v1=x": false, strings.Replace(want, "82", "83", 1): false, "v1=82": false, want + strings.Repeat(",v1=00", 9): false} {
		if err := Verify(secret, header, body, at.Add(4*time.Minute)); (err == nil) != ok {
			t.Errorf("%q: %v", header, err)
		}
	}
	if err := Verify(secret, want, body, at.Add(6*time.Minute)); !errors.Is(err, ErrSkew) {
		t.Errorf("an old one: %v", err)
	}
	if Verify("", Sign("", at, body), body, at) == nil {
		t.Error("an account without a secret lets everybody in")
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("t=1751421600,v1=82fb", []byte("x"))
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		if Verify(secret, header, body, time.Unix(1751421600, 0)) == nil && !strings.Contains(header, "v1=") {
			t.Errorf("%q", header)
		}
	})
}

func TestGuard(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "::1", "fd00::1", "fe80::1", "0.0.0.0", "::", "100.64.0.1", "::ffff:127.0.0.1", "224.0.0.1", "64:ff9b::7f00:1",
		"2002:7f00:1::", "255.255.255.255", "198.18.0.1", "192.0.2.7", "fec0::1", "2001:db8::1"} {
		if Public(netip.MustParseAddr(a)) {
			t.Errorf("%s is taken for public", a)
		}
	}
	if !Public(netip.MustParseAddr("93.184.216.34")) || !Public(netip.MustParseAddr("2606:2800:220:1::1")) {
		t.Error("public addresses are refused")
	}
	inside, err := ParseGuard([]string{"10.1.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string][2]bool{ // without and with a network of ours
		"https://hooks.example.com/x": {true, true}, "http://hooks.example.com/": {false, true}, "https://10.1.2.3/": {false, true}, "http://10.1.2.3:8080/x": {false, true},
		"https://10.2.0.1/": {false, false}, "http://93.184.216.34/": {false, false}, "https://[::1]/": {false, false}, "ftp://example.com/": {false, false},
		"https://user:pw@example.com/": {false, false}, "//x": {false, false}, "https://": {false, false}, "https://example.com/#a": {false, false},
	} {
		for i, g := range []Guard{{}, inside} {
			if err := g.CheckURL(url); (err == nil) != want[i] || err != nil && !errors.Is(err, ErrAddress) {
				t.Errorf("%s with %d networks: %v", url, len(g.Private), err)
			}
		}
	}
	if _, err := ParseGuard([]string{"10.1.0.0"}); err == nil {
		t.Error("an address is no network")
	}
	if _, err := (Guard{}).Resolve(t.Context(), "localhost:80"); !errors.Is(err, ErrAddress) {
		t.Errorf("localhost: %v", err)
	}
}

// A name may lead where it was not meant to: the address counts, as it is dialled.
func TestClientDoesNotGoInside(t *testing.T) {
	c := Guard{}.Client(2*time.Second, 1)
	defer c.CloseIdleConnections()
	if _, err := c.Get("http://localhost:1/"); !errors.Is(err, ErrAddress) {
		t.Errorf("localhost: %v", err)
	}
}
