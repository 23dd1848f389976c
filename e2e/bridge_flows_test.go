package e2e

import (
	"testing"
	"time"
)

// Two SIPp processes stand on both sides of a bridged call: one dials, one is
// dialled. The server anchors both legs.

// dialled starts a SIPp that waits for one call and returns the number that reaches it.
func (s *instance) dialled(t *testing.T, sc *scenario) (number string, run *sippRun) {
	t.Helper()
	port := freePort(t)
	run = sc.start(t, t.Context(), "any", "", "-p", port, "-mp", s.mediaPort())
	waitUDPListener(t, port)
	return port, run
}

func TestBridgedCallBothWays(t *testing.T) {
	s := server(t)
	number, peer := s.dialled(t, newScenario("uas").recvInvite().reply("180 Ringing", "").
		replyWith("200 OK", offerG711, `retrans="500"`).recvRequest("ACK").
		recvRequest("BYE").replyInDialog("200 OK"))
	newScenario("uac").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().pause(500*time.Millisecond).bye().
		run(t, number, s.sipUDP, "-mp", s.mediaPort())
	peer.wait(t)
	s.wantCause(t, "caller_hangup")
}

func TestBridgedCallEndedByCallee(t *testing.T) {
	s := server(t)
	number, peer := s.dialled(t, newScenario("uas-bye").recvInvite().
		replyWith("200 OK", offerG711, `retrans="500"`).recvRequest("ACK").pause(300*time.Millisecond).
		byeFromCallee().recv(200))
	newScenario("uac").inviting(offerG711).maybe(100, 180, 183).recv(200).ack().recvRequest("BYE").replyInDialog("200 OK").
		run(t, number, s.sipUDP, "-mp", s.mediaPort())
	peer.wait(t)
	s.wantCause(t, "peer_hangup")
}

func TestBusyIsPassedOn(t *testing.T) {
	s := server(t)
	number, peer := s.dialled(t, newScenario("uas-busy").recvInvite().reply("486 Busy Here", "").recvRequest("ACK"))
	newScenario("uac").inviting(offerG711).maybe(100, 180, 183).recv(486).ackRefusal().
		run(t, number, s.sipUDP, "-mp", s.mediaPort())
	peer.wait(t)
	s.wantCause(t, "busy")
}

func TestEarlyMediaIsPassedOn(t *testing.T) {
	s := server(t)
	number, peer := s.dialled(t, newScenario("uas-183").recvInvite().reply("183 Session Progress", offerG711).
		pause(500*time.Millisecond).replyWith("200 OK", offerG711, `retrans="500"`).recvRequest("ACK").
		recvRequest("BYE").replyInDialog("200 OK"))
	newScenario("uac-183").inviting(offerG711).maybe(100, 180).expect(183, "m=audio").recv(200).ack().pause(200*time.Millisecond).bye().
		run(t, number, s.sipUDP, "-mp", s.mediaPort())
	peer.wait(t)
}

func TestCancelReachesTheCallee(t *testing.T) {
	s := server(t)
	number, peer := s.dialled(t, newScenario("uas-cancel").recvInvite().reply("180 Ringing", "").
		recvRequest("CANCEL").replyInDialog("200 OK").refuseInvite("487 Request Terminated").recvRequest("ACK"))
	newScenario("uac").inviting(offerG711).maybe(100).recv(180).pause(200*time.Millisecond).cancel().recv(200).recv(487).ackRefusal().
		run(t, number, s.sipUDP, "-mp", s.mediaPort())
	peer.wait(t)
	s.wantCause(t, "cancelled")
}
