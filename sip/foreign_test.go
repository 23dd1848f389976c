package sip

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	foreign "github.com/emiago/sipgo/sip"

	"tingxin/call"
)

// TestForeignStack calls from a user agent made with sipgo alone: its client,
// dialogs and own use of parser and transactions, without our guard.
func TestForeignStack(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		c := newCalls(t)
		c.auto, c.ring = true, true
		s := start(t, fast(Config{}), c)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		ua, err := sipgo.NewUA(sipgo.WithUserAgent("foreign"))
		if err != nil {
			t.Fatal(err)
		}
		client, err := sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"))
		if err != nil {
			t.Fatal(err)
		}
		host, port, _ := strings.Cut(s.on(network), ":")
		to := foreign.Uri{User: "1000", Host: host}
		to.Port, _ = strconv.Atoi(port)
		to.UriParams = foreign.NewParams()
		to.UriParams.Add("transport", network)
		cache := sipgo.NewDialogClientCache(client, foreign.ContactHeader{Address: foreign.Uri{User: "f", Host: "127.0.0.1", Port: 1}})
		dialog, err := cache.Invite(ctx, to, []byte(offerPCMA), foreign.NewHeader("Content-Type", "application/sdp"))
		if err != nil {
			t.Fatal(network, err)
		}
		if err := dialog.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
			t.Fatal(network, err)
		}
		if err := dialog.Ack(ctx); err != nil {
			t.Fatal(err)
		}
		if err := within(t, c.acked, "ack"); err != nil {
			t.Fatal(err)
		}
		if err := dialog.Bye(ctx); err != nil {
			t.Fatal(err)
		}
		got := c.next()
		if cause := within(t, got.hangup, "hangup"); cause != call.CauseCallerHangup {
			t.Errorf("cause %s", cause)
		}
		dialog.Close()
		cancel()
		client.Close()
		ua.Close()
	}
}
