package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// These are calls placed by SIPp, a foreign caller, against the running
// program. Each ends with a call record whose cause is checked.

func TestForeignCallerBasicCall(t *testing.T) {
	s := server(t)
	newScenario("basic").inviting(offerG711).maybe(100, 180, 183).
		expect(200, "m=audio [0-9]+ RTP/AVP (0|8)").ack().pause(500*time.Millisecond).bye().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
	s.wantCause(t, "caller_hangup")
}

func TestForeignCallerByTCP(t *testing.T) {
	s := server(t)
	newScenario("tcp").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(300*time.Millisecond).bye().
		run(t, "echo", s.sipTCP, "-t", "t1", "-mp", s.mediaPort())
	s.wantCause(t, "caller_hangup")
}

func TestForeignCallerByIPv6(t *testing.T) {
	s := server(t)
	if s.sipUDP6 == "" {
		t.Skip("no IPv6 loopback on this machine")
	}
	newScenario("ipv6").inviting(offerG711).maybe(100, 180, 183).expect(200, "IN IP6 ::1").ack().pause(300*time.Millisecond).bye().
		run(t, "echo", s.sipUDP6, "-i", "::1", "-mi", "::1", "-mp", s.mediaPort())
}

func TestServerHangsUp(t *testing.T) {
	s := server(t)
	newScenario("server-bye").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().
		recvRequest("BYE").replyInDialog("200 OK").
		run(t, "goodbye", s.sipUDP, "-mp", s.mediaPort())
	s.wantCause(t, "normal")
}

func TestLateAckStillConnects(t *testing.T) {
	s := server(t)
	// SIPp swallows the repeated 200s; an ACK that comes late looks to the server like one that was lost before.
	newScenario("late-ack").inviting(offerG711).maybe(100, 180, 183).recv(200).pause(1200*time.Millisecond).
		ack().pause(300*time.Millisecond).bye().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
	s.wantCause(t, "caller_hangup")
}

func TestNeverAckedCallIsEndedByBye(t *testing.T) {
	s := launch(t, options{T1: "20ms"})
	defer func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	}()
	sc := newScenario("no-ack").inviting(offerG711).maybe(100, 180, 183).recv(200)
	sc.maybe(200).recvRequest("BYE").replyInDialog("200 OK")
	sc.run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
	s.wantCause(t, "error")
}

func TestHoldAndResume(t *testing.T) {
	s := server(t)
	newScenario("hold").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(200*time.Millisecond).
		inviting(withDirection(offerG711, "sendonly")).maybe(100).expect(200, "a=recvonly").ack().pause(200*time.Millisecond).
		inviting(withDirection(offerG711, "inactive")).maybe(100).expect(200, "a=inactive").ack().pause(200*time.Millisecond).
		inviting(withDirection(offerG711, "sendrecv")).maybe(100).expectNot(200, "a=(recvonly|inactive|sendonly)").ack().pause(200*time.Millisecond).
		bye().run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
	s.wantCause(t, "caller_hangup")
}

func TestEmptyReinviteGetsAnOffer(t *testing.T) {
	s := server(t)
	sc := newScenario("empty-reinvite").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(100*time.Millisecond).
		inviting("").maybe(100).expect(200, "m=audio")
	sc.request("ACK", offerG711).pause(200*time.Millisecond).bye().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestInviteWithoutOffer(t *testing.T) {
	s := server(t)
	newScenario("late-offer").inviting("").maybe(100, 180, 183).expect(200, "m=audio").
		request("ACK", offerG711).pause(200*time.Millisecond).bye().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestFiftyReinvitesInARow(t *testing.T) {
	s := server(t)
	sc := newScenario("reinvites").inviting(offerG711).maybe(100, 180, 183).recv(200).ack()
	for range 50 {
		sc.inviting(offerG711).maybe(100).recv(200).ack()
	}
	sc.bye().run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestUpdateRefreshesSession(t *testing.T) {
	s := server(t)
	newScenario("update").inviting(offerG711, "Supported: timer", "Session-Expires: 120;refresher=uac", "Min-SE: 90").maybe(100, 180, 183).
		expect(200, "Session-Expires: *120;refresher=uac").ack().pause(100*time.Millisecond).
		request("UPDATE", "", "Supported: timer", "Session-Expires: 120;refresher=uac").expect(200, "Session-Expires").
		bye().run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestSessionIntervalTooSmall(t *testing.T) {
	s := server(t)
	newScenario("422").inviting(offerG711, "Supported: timer", "Session-Expires: 30", "Min-SE: 30").maybe(100).
		expect(422, "Min-SE: *90").ackRefusal().run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestNoCommonCodec(t *testing.T) {
	s := server(t)
	newScenario("488").inviting(offerUnknown).maybe(100).recv(488).ackRefusal().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestUnknownNumber(t *testing.T) {
	s := server(t)
	newScenario("404").inviting(offerG711).maybe(100).recv(404).ackRefusal().
		run(t, "nobody-lives-here", s.sipUDP, "-mp", s.mediaPort())
}

func TestUnsupportedExtension(t *testing.T) {
	s := server(t)
	newScenario("420").inviting(offerG711, "Require: teleportation").maybe(100).expect(420, "Unsupported: *teleportation").ackRefusal().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestLongHeaders(t *testing.T) {
	s := server(t)
	long := ""
	for i := range 60 {
		long += fmt.Sprintf("a-rather-long-word-%d ", i)
	}
	newScenario("long").inviting(offerG711, "Subject: "+long, "User-Agent: "+long).maybe(100, 180, 183).recv(200).ack().bye().
		run(t, "echo", s.sipUDP, "-mp", s.mediaPort())
}

func TestOptionsStorm(t *testing.T) {
	s := server(t)
	before := s.goroutines(t)
	newScenario("options").request("OPTIONS", "").recv(200).
		run(t, "echo", s.sipUDP, "-m", "2000", "-r", "500", "-l", "500")
	s.wantGoroutinesNear(t, before)
}

func TestReliableProvisional(t *testing.T) {
	s := server(t)
	number, peer := s.dialled(t, newScenario("uas-slow").recvInvite().reply("180 Ringing", "").pause(time.Second).
		replyWith("200 OK", offerG711, `retrans="500"`).recvRequest("ACK").recvRequest("BYE").replyInDialog("200 OK"))
	newScenario("prack").inviting(offerG711, "Require: 100rel", "Supported: 100rel").maybe(100).
		captureRSeq(180).
		request("PRACK", "", "RAck: [$7] 1 INVITE").recv(200).recv(200).
		ackCSeq(1).pause(100*time.Millisecond).bye().
		run(t, number, s.sipUDP, "-mp", s.mediaPort())
	peer.wait(t)
}

func TestKeysByInfo(t *testing.T) {
	s := server(t)
	sc := newScenario("info").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(400 * time.Millisecond)
	for _, k := range "42" {
		sc.request("INFO", fmt.Sprintf("Signal=%c\nDuration=160\n", k), "Content-Type: application/dtmf-relay").recv(200)
	}
	sc.recvRequest("BYE").replyInDialog("200 OK").run(t, "keys", s.sipUDP, "-mp", s.mediaPort())
	s.wantData(t, "keys", "42")
}

func TestKeysByTelephoneEvent(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("sipp plays captured packets through a raw socket, which only root may open")
	}
	s := server(t)
	sc := newScenario("rfc4733").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(400 * time.Millisecond)
	// The recordings were made in one go: their time stamps only make sense in this order.
	sc.exec(`play_pcap_audio="/usr/share/sip-tester/dtmf_2833_2.pcap"`).pause(900 * time.Millisecond)
	sc.exec(`play_pcap_audio="/usr/share/sip-tester/dtmf_2833_4.pcap"`)
	sc.recvRequest("BYE").replyInDialog("200 OK").run(t, "keys", s.sipUDP, "-mp", s.mediaPort())
	s.wantData(t, "keys", "24")
}

func TestCallsPerSecondLimit(t *testing.T) {
	s := server(t)
	sc := newScenario("cps").inviting(offerG711).maybe(100).expect(503, "Retry-After").ackRefusal()
	// The trunk "tight" takes one call per second; the first call uses it up.
	newScenario("cps-first").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().bye().
		run(t, "echo", s.sipTight, "-i", "127.0.0.9", "-mi", "127.0.0.9", "-mp", s.mediaPort())
	sc.run(t, "echo", s.sipTight, "-i", "127.0.0.9", "-mi", "127.0.0.9", "-mp", s.mediaPort())
}

func TestUnknownSourceIsRefused(t *testing.T) {
	s := server(t)
	newScenario("403").inviting(offerG711).maybe(100).recv(403).ackRefusal().
		run(t, "echo", s.sipUDP, "-i", "127.0.0.77", "-mi", "127.0.0.77", "-mp", s.mediaPort())
}
