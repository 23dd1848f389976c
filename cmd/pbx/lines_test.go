package main

import (
	"crypto/md5"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"tingxin/call"
	"tingxin/period"
	"tingxin/queue"
	"tingxin/sip"
)

// register makes the phone one of a user of the server, by digest (RFC 7616, MD5).
func (p *phone) register(server, user, password string) {
	p.t.Helper()
	addr, err := net.ResolveUDPAddr("udp", server)
	if err != nil {
		p.t.Fatal(err)
	}
	contact := fmt.Sprintf("<sip:%s@127.0.0.1:%d>", user, p.port())
	send := func(cseq int, extra string) *message {
		m := fmt.Sprintf("REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKreg%d%s\r\nMax-Forwards: 70\r\nFrom: <sip:%s@%s>;tag=r\r\nTo: <sip:%s@%s>\r\n"+
			"Call-ID: reg-%s@phone\r\nCSeq: %d REGISTER\r\nContact: %s\r\nExpires: 600\r\n%sContent-Length: 0\r\n\r\n",
			server, p.port(), cseq, user, user, server, user, server, user, cseq, contact, extra)
		if _, err := p.sip.WriteToUDP([]byte(m), addr); err != nil {
			p.t.Fatal(err)
		}
		return p.reply()
	}
	challenge := send(1, "").header.Get("Www-Authenticate")
	field := func(name string) string {
		_, rest, _ := strings.Cut(challenge, name+"=\"")
		v, _, _ := strings.Cut(rest, "\"")
		return v
	}
	hash := func(s string) string { return fmt.Sprintf("%x", md5.Sum([]byte(s))) }
	uri := "sip:" + server
	response := hash(hash(user+":"+field("realm")+":"+password) + ":" + field("nonce") + ":00000001:abc:auth:" + hash("REGISTER:"+uri))
	m := send(2, fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=%q, response=%q, algorithm=MD5, qop=auth, nc=00000001, cnonce=\"abc\"\r\n",
		user, field("realm"), field("nonce"), uri, response))
	if m.status() != 200 {
		p.t.Fatalf("REGISTER of %s: %s after %q", user, m.first, challenge)
	}
}

// dialogOf lets the phone send requests in the call that it took.
func (p *phone) dialogOf(invite *message) {
	p.peer, p.id, p.cseq = invite.from, invite.header.Get("Call-Id"), 1
	p.from, p.to = invite.header.Get("To")+";tag=phone", invite.header.Get("From")
	_, contact, _ := strings.Cut(invite.header.Get("Contact"), "<")
	p.uri, _, _ = strings.Cut(contact, ">")
}

// refer asks for a blind transfer.
func (p *phone) refer(to string) {
	p.t.Helper()
	p.cseq++
	m := fmt.Sprintf("REFER %s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKrefer%d\r\nMax-Forwards: 70\r\nFrom: %s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d REFER\r\n"+
		"Contact: <sip:phone@127.0.0.1:%d>\r\nRefer-To: <%s>\r\nContent-Length: 0\r\n\r\n", p.uri, p.port(), time.Now().UnixNano(), p.from, p.to, p.id, p.cseq, p.port(), to)
	if _, err := p.sip.WriteToUDP([]byte(m), p.peer); err != nil {
		p.t.Fatal(err)
	}
	if m := p.reply(); m.status() != 202 {
		p.t.Fatalf("REFER: %s", m.first)
	}
}

// level is how loud a tone is in what the phone hears, dB below what phones say.
func (p *phone) level(freq float64) float64 {
	p.soundMu.Lock()
	defer p.soundMu.Unlock()
	var re, im, norm float64
	for i, v := range p.sound {
		w := 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/float64(len(p.sound)))
		re += w * float64(v) * math.Cos(2*math.Pi*freq*float64(i)/8000)
		im += w * float64(v) * math.Sin(2*math.Pi*freq*float64(i)/8000)
		norm += w
	}
	return 20 * math.Log10(math.Hypot(re, im)*2/math.Max(norm, 1)/8000+1e-9)
}

// hearsOnly waits until the phone hears one tone within 1 dB (none for 0) and none of the others above -50 dB.
func (p *phone) hearsOnly(tone float64) {
	p.t.Helper()
	waitFor(p.t, fmt.Sprintf("only %v Hz at the phone", tone), func() bool {
		for _, f := range []float64{toneCaller, toneAgent, toneOther} {
			if l := p.level(f); f == tone && math.Abs(l) > 1 || f != tone && l > -50 {
				return false
			}
		}
		return true
	})
}

func (p *phone) says(tone int64) *phone {
	p.tone.Store(tone)
	p.speak.Store(true)
	return p
}

const toneCaller, toneAgent, toneOther = 700, 1130, 1590

// office is a server with users anna, who is an agent of the queue "support", and bert, a supervisor.
type office struct {
	*server
	anna, bert, caller *phone
	agent              queue.AgentID
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{anna: newPhone(t), bert: newPhone(t), caller: newPhone(t)}
	cfg := testConfig(t)
	for _, name := range []string{"anna", "bert"} {
		cfg.SIP.Users = append(cfg.SIP.Users, sip.UserEntry{Name: name, Password: "secret-" + name, Algorithms: []string{"MD5"}})
	}
	flows := t.TempDir()
	doc := "flow: desk\nversion: 1\nnodes:\n  - record: {announce: \"Recorded.\"}\n  - queue: {name: support, max_wait: 1m, announce: 5s}\n"
	if err := os.WriteFile(filepath.Join(flows, "desk.yaml"), []byte(doc), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.IVR.Flows = flows
	cfg.Call.Routes = []call.Route{{Numbers: []string{"4000"}, Flow: "desk"}}
	o.server = mustRun(t, cfg)
	err := o.db.Tx(t.Context(), func(tx pgx.Tx) error {
		for name, role := range map[string]string{"anna": "agent", "bert": "supervisor"} {
			var id queue.AgentID
			if err := tx.QueryRow(t.Context(), `insert into users (username, role, password_hash) values ($1, $2, '-') returning id::text`, name, role).Scan(&id); err != nil {
				return err
			}
			if name == "anna" {
				o.agent = id
			}
		}
		_, err := o.queues.Store().Apply(t.Context(), tx, queue.Document{Agents: []queue.AgentDoc{{User: "anna", Desk: true}},
			Queues: []queue.QueueDoc{{ID: "support", Members: []queue.MemberDoc{{User: "anna"}}, WrapUp: queue.WrapUpDoc{Mode: queue.WrapFixed, Time: period.Period(time.Minute)}}}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := o.queues.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.anna.register(o.udp(t), "anna", "secret-anna")
	o.bert.register(o.udp(t), "bert", "secret-bert")
	o.anna.says(toneAgent)
	o.bert.says(toneOther)
	o.caller.says(toneCaller)
	return o
}

// TestQueueCallHeldAndTransferred is a caller's whole way: menu, queue, agent, hold, another agent.
func TestQueueCallHeldAndTransferred(t *testing.T) {
	o := newOffice(t)
	o.caller.call(o.udp(t), "4000")
	waitFor(t, "the queue", func() bool { l := o.calls.Live(); return len(l) == 1 && l[0].Queue == "support" })
	loud := o.caller.loud.Load()
	waitFor(t, "music", func() bool { return o.caller.loud.Load() > loud+3 })
	if err := o.queues.SetPresence(t.Context(), o.agent, queue.Available, ""); err != nil {
		t.Fatal(err)
	}
	invite := o.anna.take()
	o.caller.hearsOnly(toneAgent)
	o.anna.hearsOnly(toneCaller)
	o.anna.dialogOf(invite)
	o.anna.reinvite("sendonly")
	o.caller.hearsOnly(0)
	loud = o.caller.loud.Load()
	waitFor(t, "music on hold", func() bool { return o.caller.loud.Load() > loud+3 })
	o.anna.reinvite("sendrecv")
	o.caller.hearsOnly(toneAgent)
	o.anna.hearsOnly(toneCaller)

	o.anna.refer("sip:bert@" + o.udp(t))
	o.bert.take()
	o.caller.hearsOnly(toneOther)
	o.bert.hearsOnly(toneCaller)
	o.anna.hungUp()
	waitFor(t, "the agent's wrap-up", func() bool {
		d, err := o.queues.Desk(t.Context(), o.agent)
		return err == nil && d.Agent.State == queue.Wrapping
	})
	o.caller.bye()
	o.bert.hungUp()
	r, legs := o.cdr(t)
	if r.Queue != "support" || r.Agent != "anna" || r.Cause != call.CauseCallerHangup || r.Recording.State != call.RecordingKept {
		t.Errorf("record %+v", r)
	}
	if len(legs) != 3 || legs[1].User != "anna" || legs[1].Role != call.RoleAgent || legs[1].Cause != call.CauseTransferred || legs[2].User != "bert" || legs[2].Role != call.RolePeer {
		t.Fatalf("legs %+v", legs)
	}
	if !legs[1].EndedAt.Before(legs[2].EndedAt) || legs[2].AnsweredAt.After(legs[1].EndedAt) {
		t.Errorf("anna until %v, bert from %v to %v", legs[1].EndedAt, legs[2].AnsweredAt, legs[2].EndedAt)
	}
}

func TestStrangersDoNotCallUsers(t *testing.T) {
	o := newOffice(t)
	o.caller.invite(o.udp(t), "bert")
	if m := o.caller.final(); m.status() != 404 {
		t.Errorf("a stranger calls a user: %s", m.first)
	}
}

func TestSupervisorWhispersIntoARealCall(t *testing.T) {
	o := newOffice(t)
	if err := o.queues.SetPresence(t.Context(), o.agent, queue.Available, ""); err != nil {
		t.Fatal(err)
	}
	o.caller.call(o.udp(t), "4000")
	o.anna.take()
	o.caller.hearsOnly(toneAgent)
	id := o.calls.Live()[0].ID
	if err := o.calls.Supervise(t.Context(), id, "bert", call.ModeWhisper); err != nil {
		t.Fatal(err)
	}
	o.bert.take()
	waitFor(t, "the whisper at the agent", func() bool {
		return math.Abs(o.anna.level(toneOther)) < 1 && math.Abs(o.anna.level(toneCaller)) < 1 && o.caller.level(toneOther) < -50 && math.Abs(o.caller.level(toneAgent)) < 1
	})
	o.caller.bye()
	o.anna.hungUp()
	o.bert.hungUp()
	if _, legs := o.cdr(t); len(legs) != 3 || legs[2].Role != call.RoleSupervisor {
		t.Errorf("legs %+v", legs)
	}
}

func TestWaitingCallerIsToldThePlace(t *testing.T) {
	o := newOffice(t)
	o.caller.call(o.udp(t), "4000")
	const want = "You are number 1 in the queue."
	waitFor(t, "the announcement", func() bool {
		l := o.calls.Live()
		return len(l) == 1 && l[0].LastWords != nil && l[0].LastWords.Text == want
	})
	loud := o.caller.loud.Load()
	waitFor(t, "the music after it", func() bool { return o.caller.loud.Load() > loud+3 })
	o.caller.bye()
	r, _ := o.cdr(t)
	if r.Queue != "support" || r.Agent != "" || r.Cause != call.CauseCallerHangup {
		t.Errorf("record %+v", r)
	}
	waitFor(t, "the end in the queue", func() bool {
		items, err := o.queues.Items(t.Context(), "support")
		return err == nil && len(items) == 0
	})
}
